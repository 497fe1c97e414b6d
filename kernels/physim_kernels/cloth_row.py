"""Rows of contact on up to four vertices of cloth and perhaps a body: how they are kept from search to search.

A search writes rows one after the other; a row knows its owner, a vertex, edge or triangle of the cloth, and the rows
of one owner are chained. A row that was there before keeps its side and its impulses. On a CPU one thread searches and
there is one counter of rows; on a GPU each leaf of the tree has its own, and the search runs twice, to count and to
write, so that the order of the rows is always the same.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

POINT_FACE = wp.constant(0)
EDGE_EDGE = wp.constant(1)
CORE_FACE = wp.constant(2)
BAR_EDGE = wp.constant(3)

BATCH = 16
"""Rows of cloth with itself that are placed at a time."""
FAR_OFF = wp.constant(0)
"""Of a row: cannot touch within this substep."""
LIVE = wp.constant(1)
BESIDE = wp.constant(-1)
"""The closest points are not inside the triangle or edge: others take care of these, and the side is not known."""


@wp.struct
class Row:
    """What may touch until the next search. World axes."""

    kind: int
    owner: int  # vertices, then edges, then triangles
    next: int  # row of the same owner; -1: none
    a: int  # the vertex, edge or triangle that owns the row
    b: int  # the other triangle, edge, or feature of the collider
    collider: int  # -1: cloth
    live: int  # LIVE, FAR_OFF or BESIDE
    wait: int  # substeps in which the gap is too wide to be looked at
    normal: wp.vec3  # towards a
    side: float  # of a triangle: +1 if the normal is its own
    friction: float
    pressure: float  # impulse along the normal, on a's side [N s]
    drag: wp.vec3  # friction impulse on a's side [N s]


@wp.struct
class Live:
    """A row that may touch in this substep."""

    vertices: wp.vec4i
    weights: wp.vec4
    normal: wp.vec3
    offset: float  # normal . sum w x where the gap is 0, at the beginning of the substep [m]
    drag: wp.vec3
    pressure: float
    friction: float
    normal_mass: float  # [kg]
    friction_mass: float
    gap: float  # at the beginning of the substep [m]
    arm: wp.vec3  # from the centre of the body
    collider: int
    row: int


@wp.struct
class Rows:
    row: wp.array(dtype=Row)
    head: wp.array(dtype=int)  # of the owner: its first row; -1: none
    old: wp.array(dtype=Row)  # of the search before
    old_head: wp.array(dtype=int)
    first: wp.array(dtype=int)  # of the counter: where its rows begin
    fill: wp.array(dtype=int)  # of the counter: its rows
    hot: wp.array(dtype=Live)  # of cloth with itself
    hard: wp.array(dtype=Live)  # of cloth with colliders
    lanes: wp.array(dtype=float)  # 41 rows of BATCH lanes of ``cloth_place_itself``: what it is given and finds
    batch: wp.array(dtype=int)  # 5 rows of BATCH lanes: number or -1, vertices; whether any row has a collider
    totals: wp.array(dtype=int)  # [0]: rows, [1]: hot, [2]: hard, [3]: rows beyond the capacity so far, [4]: old rows
    plain: int  # 1: a counter for each leaf


@wp.func(inline=True)
def enter(
    r: Rows, leaf: int, counting: int, owner: int, kind: int, a: int, b: int, collider: int, normal: wp.vec3,
    side: float, friction: float,
):  # fmt: skip
    """Write a row, or only count it. What was known about it is kept."""
    counter = leaf * r.plain
    at = r.first[counter] + r.fill[counter]
    r.fill[counter] = r.fill[counter] + 1
    if counting == 0 and at < r.row.shape[0]:
        r.row[at].kind = kind
        r.row[at].owner = owner
        r.row[at].next = r.head[owner]
        r.head[owner] = at
        r.row[at].a = a
        r.row[at].b = b
        r.row[at].collider = collider
        r.row[at].normal = normal
        r.row[at].side = side
        r.row[at].friction = friction
        r.row[at].live = FAR_OFF
        r.row[at].wait = 0
        r.row[at].pressure = 0.0
        r.row[at].drag = wp.vec3(0.0, 0.0, 0.0)
        k = int(r.old_head[owner])
        while k >= 0:
            if r.old[k].kind == kind and r.old[k].b == b and r.old[k].collider == collider:
                r.row[at].live = r.old[k].live
                if r.old[k].live != BESIDE:
                    r.row[at].normal = r.old[k].normal
                    r.row[at].side = r.old[k].side
                r.row[at].pressure = r.old[k].pressure
                r.row[at].drag = r.old[k].drag
            k = r.old[k].next


@wp.kernel
def forget_kernel(r: Rows, stride: int):
    """Unchain the rows of the search before the last one."""
    k = wp.tid()
    while k < r.totals[4]:
        r.old_head[r.old[k].owner] = -1
        k += stride


@wp.kernel
def keep_kernel(r: Rows, stride: int):
    """The rows become the old ones."""
    k = wp.tid()
    while k < r.totals[0]:
        r.old[k] = r.row[k]
        r.old_head[r.row[k].owner] = r.head[r.row[k].owner]
        k += stride


@wp.kernel
def clear_kernel(r: Rows, stride: int):
    """No owner has a row."""
    k = wp.tid()
    while k < r.totals[0]:
        r.head[r.row[k].owner] = -1
        k += stride


@wp.kernel
def count_kernel(r: Rows, whole: int):
    """Close a search, ``whole``, or one that only counted: then each counter gets its place."""
    total = int(0)
    for k in range(r.fill.shape[0]):
        if whole == 0:
            r.first[k] = total
        total += r.fill[k]
        r.fill[k] = 0
    if whole == 1:
        r.totals[4] = r.totals[0]
        r.totals[0] = wp.min(total, r.row.shape[0])
        r.totals[1] = 0
        r.totals[2] = 0
        r.totals[3] = r.totals[3] + total - r.totals[0]


def aside(r: Rows, *, device):
    """Before a search: what was found by the last one becomes the old rows."""
    threads = r.row.shape[0] if r.plain else 1
    for kernel in (forget_kernel, keep_kernel, clear_kernel):
        wp.launch(kernel, dim=threads, inputs=[r, threads], device=device)


def close(r: Rows, *, whole, device):
    """After a search: how many rows there are; if it was not ``whole``, only where those of each leaf will begin."""
    wp.launch(count_kernel, dim=1, inputs=[r, int(whole)], device=device)
