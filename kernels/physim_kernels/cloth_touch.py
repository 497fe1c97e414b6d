"""Vertices of cloth near colliders: what is looked for, and the slots it is kept in.

A vertex at p, with half the thickness r about it, and a collider whose signed distance there is d along n:

    gap = d - r,  v_n = n . (v - v_body(p - d n)),  0 <= impulse  _|_  v_n + gap / dt >= 0,  |friction| <= mu impulse.

Rows are solved in ``cloth_touch_solve.py``.
"""

import warp as wp

from physim_kernels.cloth_body import collider_body, collider_origin, collider_rotation
from physim_kernels.cloth_tree import Sheets, Tree, meets
from physim_kernels.collider_near import FAR, near_collider
from physim_kernels.rigid_data import FIELD, PLANE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

BLOCK = 32
"""Vertices whose contacts with what nothing moves are solved together, in vector code."""
NOTHING = -1.0e20
"""Offset of a vertex without such a contact: nothing comes so near."""
NEAR = 4
"""Things that nothing moves, of which each vertex of a block may touch one."""
SLOTS = wp.constant(4)
"""Contacts of one vertex."""


@wp.struct
class Touch:
    """One contact of a vertex. World axes unless said."""

    collider: int
    point: wp.vec3  # of the surface, collider's frame [m]
    side: wp.vec3  # normal there, collider's frame
    normal: wp.vec3
    arm: wp.vec3  # from the body's centre of mass [m]
    gap: float  # at the beginning of the substep [m]
    offset: float  # normal . x where the gap is 0, at the beginning of the substep [m]
    friction: float
    normal_mass: float  # [kg]
    friction_mass: float
    pressure: float  # normal impulse of the last step [N s]
    carried: float  # normal impulse of the substep, unless it is in ``alone`` [N s]
    drag: wp.vec3  # friction impulse on the vertex [N s]


@wp.struct
class Known:
    """What passes on to the next search."""

    collider: int
    pressure: float
    drag: wp.vec3


@wp.struct
class Touches:
    """Contacts of vertex i are rows SLOTS i to SLOTS i + count[i] - 1.

    ``alone`` has, per vertex, the normal (3), the offset, the velocity of the surface (3), friction, the velocity that
    contact has given along the normal in this substep, and the gap at its beginning.
    """

    count: wp.array(dtype=int)
    row: wp.array(dtype=Touch)
    old_count: wp.array(dtype=int)
    old: wp.array(dtype=Known)
    list: wp.array(dtype=int)  # vertices near something
    total: wp.array(dtype=int)  # [0]: how many
    alone: wp.array(dtype=float)  # vertices on one thing that nothing moves: 10 rows of ``lanes`` numbers, see above
    block: wp.array(dtype=int)  # of BLOCK vertices: 1 if any is in alone
    lanes: int
    lane: wp.array(dtype=float)  # 5 rows of ``lanes``: normal (3) and level of the surface, its frame; friction
    lane_collider: wp.array(dtype=int)  # what the vertex may touch if that is all and nothing moves it; or -1
    block_near: wp.array(dtype=int)  # of the block: NEAR places for the colliders of its lanes
    near_count: wp.array(dtype=int)  # of the block: how many are taken
    shared: wp.array(dtype=int)  # vertices on several things or on moving bodies
    totals: wp.array(dtype=int)  # [0]: of shared
    near: wp.array(dtype=int)  # colliders near any cloth
    near_total: wp.array(dtype=int)
    deepest: wp.array(dtype=float)  # [0]: deepest penetration so far [m]


@wp.func
def box_reaches(lower: wp.vec3, upper: wp.vec3, g: Geometry, bodies: Bodies, c: int, reach: float):
    """Whether a box and the bounds of collider ``c``, widened by ``reach``, meet."""
    at = collider_origin(g, bodies, c)
    if g.kind[c] == PLANE:
        up = collider_rotation(g, bodies, c) * wp.vec3(0.0, 1.0, 0.0)
        middle = 0.5 * (lower + upper)
        half = 0.5 * (upper - lower)
        extent = half[0] * wp.abs(up[0]) + half[1] * wp.abs(up[1]) + half[2] * wp.abs(up[2])
        return wp.dot(up, middle - at) - extent < reach
    if g.kind[c] == FIELD:
        return True
    beyond = wp.max(wp.max(lower - at, at - upper), wp.vec3(0.0, 0.0, 0.0))
    limit = g.bound[c] + reach
    return wp.dot(beyond, beyond) < limit * limit


@wp.func
def node_reach(g: Geometry, bodies: Bodies, tree: Tree, node: int, c: int, interval: float):
    """How far a node of the cloth and the surface of collider ``c`` may come closer within ``interval`` [m]."""
    b = collider_body(g, c)
    meet = wp.length(tree.velocity[node] - bodies.v[b]) + tree.stir[node]
    return interval * (meet + wp.length(bodies.w[b]) * (g.bound[c] + wp.length(g.position[c])))


@wp.kernel
def near_kernel(
    g: Geometry, bodies: Bodies, tree: Tree, c: Touches, colliders: int, interval: float, slack: float
):  # fmt: skip
    """List the colliders that any cloth may touch within ``interval`` [s]."""
    count = int(0)
    for k in range(colliders):
        reach = slack + interval + 1.5 * node_reach(g, bodies, tree, 0, k, interval)
        if box_reaches(tree.lower[0], tree.upper[0], g, bodies, k, reach):
            c.near[count] = k
            count += 1
    c.near_total[0] = count


@wp.func
def keep(c: Touches, i: int, collider: int, point: wp.vec3, side: wp.vec3, gap: float, friction: float):
    """Enter a contact of vertex ``i``; if all slots are taken, in place of the one farthest off, if it is nearer."""
    row = int(SLOTS * i + c.count[i])
    if c.count[i] < SLOTS:
        c.count[i] = c.count[i] + 1
    else:
        row = SLOTS * i
        for k in range(SLOTS * i, SLOTS * i + SLOTS):
            if c.row[k].gap > c.row[row].gap:
                row = k
        if c.row[row].gap <= gap:
            return
    c.row[row].collider = collider
    c.row[row].point = point
    c.row[row].side = side
    c.row[row].gap = gap
    c.row[row].friction = friction
    c.row[row].pressure = 0.0
    c.row[row].drag = wp.vec3(0.0, 0.0, 0.0)
    for k in range(SLOTS * i, SLOTS * i + c.old_count[i]):
        if c.old[k].collider == collider:
            c.row[row].pressure = c.old[k].pressure
            c.row[row].drag = c.old[k].drag


@wp.func
def find_leaf(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, leaf: int, interval: float, slack: float
):  # fmt: skip
    """Contacts of the vertices of one leaf within ``interval`` [s]; impulses pass on to the same collider's row."""
    first = tree.vertex_start[leaf]
    end = tree.vertex_start[leaf + 1]
    for k in range(first, end):
        i = tree.vertex[k]
        count = c.count[i]
        c.old_count[i] = count
        c.count[i] = 0
        for row in range(SLOTS * i, SLOTS * i + count):
            c.old[row].collider = c.row[row].collider
            c.old[row].pressure = c.row[row].pressure
            c.old[row].drag = c.row[row].drag
    node = tree.leaf_count - 1 + leaf
    for m in range(c.near_total[0]):
        collider = c.near[m]
        reach = slack + 1.5 * node_reach(g, bodies, tree, node, collider, interval)
        if box_reaches(tree.lower[node], tree.upper[node], g, bodies, collider, reach):
            body = collider_body(g, collider)
            rotation = collider_rotation(g, bodies, collider)
            at = collider_origin(g, bodies, collider)
            for k in range(first, end):
                i = tree.vertex[k]
                p = (s.x[i] - at) * rotation
                limit = reach + s.half[i]
                far = g.bound[collider] + limit
                if (g.kind[collider] >= PLANE or wp.length_sq(p) < far * far) and meets(s, i, body):
                    d, n = near_collider(g, collider, p, limit)
                    if d < limit:
                        mu = wp.sqrt(s.friction[i] * g.friction[collider])
                        keep(c, i, collider, p - d * n, n, d - s.half[i], mu)


@wp.kernel
def find_kernel(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, interval: float, slack: float, stride: int
):  # fmt: skip
    leaf = wp.tid()
    while leaf < tree.leaf_count:
        find_leaf(g, bodies, s, tree, c, leaf, interval, slack)
        leaf += stride


@wp.kernel
def distance_kernel(
    g: Geometry, bodies: Bodies, x: wp.array(dtype=wp.vec3), body: int, colliders: int, out: wp.array(dtype=float)
):  # fmt: skip
    """Signed distance of points to one body [m], as far as its bounds reach."""
    i = wp.tid()
    least = float(FAR)
    for c in range(colliders):
        if collider_body(g, c) == body:
            p = (x[i] - collider_origin(g, bodies, c)) * collider_rotation(g, bodies, c)
            if g.kind[c] >= PLANE or wp.length_sq(p) < g.bound[c] * g.bound[c]:
                d, _n = near_collider(g, c, p, g.bound[c])
                least = wp.min(least, d)
    out[i] = least


@wp.kernel
def list_kernel(c: Touches, vertex_total: int):
    """Gather the vertices in contact."""
    total = int(0)
    for i in range(vertex_total):
        if c.count[i] > 0:
            c.list[total] = i
            total += 1
    c.total[0] = total


def find(g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, *, colliders, interval, slack, device):
    """Look for contacts within the next ``interval`` [s] and ``slack`` [m]; the tree must have been refitted."""
    wp.launch(near_kernel, dim=1, inputs=[g, bodies, tree, c, colliders, interval, slack], device=device)
    threads = 1 if device.is_cpu else tree.leaf_count
    wp.launch(find_kernel, dim=threads, inputs=[g, bodies, s, tree, c, interval, slack, threads], device=device)


def collect(c: Touches, *, count, device):
    """After a search: list those of ``count`` vertices that are near something."""
    wp.launch(list_kernel, dim=1, inputs=[c, count], device=device)
