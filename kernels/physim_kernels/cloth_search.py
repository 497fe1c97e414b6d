"""Search for the rows of ``cloth_rows``: cloth near itself, and small or sharp colliders near triangles and edges.

Each leaf of the tree looks for what its own vertices, edges and triangles may touch until the next search. A row that
was there before keeps its side and its impulses; a new one between a vertex and a triangle takes the side of the row
that the vertex had with a neighbour of that triangle, so that layers slide over each other without losing theirs.
"""

import warp as wp

from physim_kernels.cloth_rows import (
    BAR_EDGE,
    BESIDE,
    CORE_FACE,
    EDGE_EDGE,
    EDGE_SLOTS,
    FACE_SLOTS,
    LIVE,
    POINT_FACE,
    VERTEX_SLOTS,
    Rows,
    bar_ends,
    bar_radius,
    barycentric,
    core_point,
    core_radius,
    hull_beyond,
)
from physim_kernels.cloth_touch import (
    Touches,
    box_reaches,
    collider_body,
    collider_origin,
    collider_rotation,
    node_reach,
    point_velocity,
)
from physim_kernels.cloth_tree import STACK, Sheets, Tree, boxes_meet, flat_together, meets
from physim_kernels.collide_hull import segment_parameters
from physim_kernels.rigid_data import CAPSULE, CYLINDER, HULL, SPHERE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})


# -- slots ---------------------------------------------------------------------------------------------------------


@wp.func
def set_aside(r: Rows, owner: int, first: int):
    """Empty the slots of a vertex, edge or triangle, and remember what was in them."""
    count = r.count[owner]
    r.old_count[owner] = count
    r.count[owner] = 0
    for k in range(first, first + count):
        r.old_kind[k] = r.kind[k]
        r.old_live[k] = r.live[k]
        r.old_b[k] = r.b[k]
        r.old_collider[k] = r.collider[k]
        r.old_normal[k] = r.normal[k]
        r.old_side[k] = r.side[k]
        r.old_pressure[k] = r.pressure[k]
        r.old_drag[k] = r.drag[k]


@wp.func
def enter(
    r: Rows, owner: int, first: int, slots: int, kind: int, a: int, b: int, collider: int, normal: wp.vec3, side: float,
    distance: float, friction: float,
):  # fmt: skip
    """Take a slot; if none is free, that of the row farthest off, if this is nearer. What was known is kept."""
    row = int(first + r.count[owner])
    if r.count[owner] < slots:
        r.count[owner] = r.count[owner] + 1
    else:
        row = first
        for k in range(first, first + slots):
            if r.gap[k] > r.gap[row]:
                row = k
        wp.atomic_add(r.totals, 3, 1)
        if r.gap[row] <= distance:
            return
    r.kind[row] = kind
    r.a[row] = a
    r.b[row] = b
    r.collider[row] = collider
    r.normal[row] = normal
    r.side[row] = side
    r.gap[row] = distance
    r.friction[row] = friction
    r.live[row] = 0
    r.wait[row] = 0
    r.pressure[row] = 0.0
    r.drag[row] = wp.vec3(0.0, 0.0, 0.0)
    for k in range(first, first + r.old_count[owner]):
        if r.old_kind[k] == kind and r.old_b[k] == b and r.old_collider[k] == collider:
            r.live[row] = r.old_live[k]
            if r.old_live[k] != BESIDE:
                r.normal[row] = r.old_normal[k]
                r.side[row] = r.old_side[k]
            r.pressure[row] = r.old_pressure[k]
            r.drag[row] = r.old_drag[k]


# -- cloth with itself ---------------------------------------------------------------------------------------------


@wp.func
def side_before(s: Sheets, r: Rows, i: int, t: wp.vec3i, height: float):
    """Side of a triangle that vertex ``i`` is on: that of a neighbour it touched, or where it lies now."""
    side = wp.sign(height)
    for k in range(VERTEX_SLOTS * i, VERTEX_SLOTS * i + r.old_count[i]):
        if r.old_live[k] == LIVE:
            o = s.faces[r.old_b[k]]
            for m in range(3):
                if o[m] == t[0] or o[m] == t[1] or o[m] == t[2]:
                    side = r.old_side[k]
    return side


@wp.func
def point_on_face(
    s: Sheets, tree: Tree, r: Rows, i: int, f: int, coarse: float, interval: float, slack: float
):  # fmt: skip
    """A row between vertex ``i`` and triangle ``f`` if they may touch within ``interval`` [s]."""
    t = s.faces[f]
    if t[0] == i or t[1] == i or t[2] == i:
        return
    p = s.x[i]
    x0 = s.x[t[0]]
    off = p - x0
    n = tree.normal[f]
    apart = s.half[i] + s.half[t[0]]
    way = interval * wp.length(s.v[i] - s.v[t[0]])
    reach = apart + slack + way
    height = wp.dot(n, off)
    if wp.abs(height) > reach or wp.length_sq(off) > 2.0 * (reach + coarse) * (reach + coarse):
        return
    d = s.x[t[1]] - x0
    e = s.x[t[2]] - x0
    size = wp.length(wp.cross(d, e))
    w = barycentric(p, x0, s.x[t[1]], s.x[t[2]])
    longest = wp.sqrt(wp.max(wp.length_sq(d), wp.max(wp.length_sq(e), wp.length_sq(e - d))))
    beyond = -(0.05 + longest * (way + slack) / size)  # a weight falls from 1 to 0 over an altitude, size / longest
    if wp.min(w[0], wp.min(w[1], w[2])) < beyond:
        return
    if s.cloth[i] == s.cloth[t[0]] and wp.length(s.rest[i] - s.rest[t[0]]) < 3.0 * apart:
        return
    side = side_before(s, r, i, t, height)
    distance = wp.max(-wp.min(w[0], wp.min(w[1], w[2])), 0.0) * longest + wp.abs(height)
    mu = wp.sqrt(s.friction[i] * s.friction[t[0]])
    enter(r, i, VERTEX_SLOTS * i, VERTEX_SLOTS, POINT_FACE, i, f, -1, side * n, side, distance, mu)


@wp.func
def edge_on_edge(s: Sheets, r: Rows, a: int, b: int, interval: float, slack: float):
    """A row between two edges if they may touch within ``interval`` [s]."""
    p = s.edges[a]
    q = s.edges[b]
    if p[0] == q[0] or p[0] == q[1] or p[1] == q[0] or p[1] == q[1]:
        return
    x0 = s.x[p[0]]
    y0 = s.x[q[0]]
    d = s.x[p[1]] - x0
    e = s.x[q[1]] - y0
    apart = s.half[p[0]] + s.half[q[0]]
    reach = apart + slack + interval * wp.length(s.v[p[0]] - s.v[q[0]])
    u, w = segment_parameters(x0, d, y0, e)
    off = x0 + u * d - y0 - w * e
    distance = wp.length(off)
    if distance > reach or distance < 1.0e-9:
        return
    if s.cloth[p[0]] == s.cloth[q[0]] and wp.length(s.rest[p[0]] - s.rest[q[0]]) < 3.0 * apart:
        return
    mu = wp.sqrt(s.friction[p[0]] * s.friction[q[0]])
    owner = s.x.shape[0] + a
    enter(r, owner, r.edge_first + EDGE_SLOTS * a, EDGE_SLOTS, EDGE_EDGE, a, b, -1, off / distance, 1.0, distance, mu)


@wp.func
def edge_on_leaf(
    s: Sheets, tree: Tree, r: Rows, e: int, leaf: int, itself: bool, interval: float, slack: float
):  # fmt: skip
    """Rows of edge ``e``, a ridge, with the ridges of a leaf; of a pair in one leaf the lower number has the row."""
    node = tree.leaf_count - 1 + leaf
    ends = s.edges[e]
    p = s.x[ends[0]]
    q = s.x[ends[1]]
    reach = s.half[ends[0]] + slack + interval * (wp.length(s.v[ends[0]] - tree.velocity[node]) + tree.stir[node])
    out = wp.max(tree.lower[node] - wp.max(p, q), wp.min(p, q) - tree.upper[node])
    if wp.max(out[0], wp.max(out[1], out[2])) > reach:
        return
    middle = 0.5 * (p + q)
    near = 0.5 * wp.length(p - q) + reach + s.half[ends[0]]
    first = tree.edge_start[leaf]
    for m in range(first, first + tree.sharp_count[leaf]):
        k = tree.sharp[m]
        if not itself or e < k:
            a = s.x[s.edges[k][0]]
            far = near + wp.length(s.x[s.edges[k][1]] - a)
            if wp.length_sq(a - middle) < far * far:
                edge_on_edge(s, r, e, k, interval, slack)


@wp.func
def leaf_on_leaf(
    s: Sheets, tree: Tree, r: Rows, a: int, b: int, coarse: float, interval: float, slack: float
):  # fmt: skip
    """Rows of the vertices of leaf ``a`` with the triangles of leaf ``b``, and of ridges if ``b`` is not before it."""
    node = tree.leaf_count - 1 + b
    for k in range(tree.vertex_start[a], tree.vertex_start[a + 1]):
        i = tree.vertex[k]
        p = s.x[i]
        reach = s.half[i] + slack + interval * (wp.length(s.v[i] - tree.velocity[node]) + tree.stir[node])
        out = wp.max(tree.lower[node] - p, p - tree.upper[node])
        if wp.max(out[0], wp.max(out[1], out[2])) < reach:
            for m in range(tree.face_start[b], tree.face_start[b + 1]):
                point_on_face(s, tree, r, i, tree.face[m], coarse, interval, slack)
    if a <= b and tree.sharp_count[b] > 0:
        first = tree.edge_start[a]
        for k in range(first, first + tree.sharp_count[a]):
            edge_on_leaf(s, tree, r, tree.sharp[k], b, a == b, interval, slack)


@wp.kernel
def self_kernel(s: Sheets, tree: Tree, r: Rows, itself: int, coarse: float, interval: float, slack: float):
    """Rows of one leaf with all leaves of the tree but those it lies flat with; its slots are emptied first."""
    leaf = wp.tid()
    for k in range(tree.vertex_start[leaf], tree.vertex_start[leaf + 1]):
        i = tree.vertex[k]
        set_aside(r, i, VERTEX_SLOTS * i)
    for k in range(tree.edge_start[leaf], tree.edge_start[leaf + 1]):
        i = tree.edge[k]
        set_aside(r, s.x.shape[0] + i, r.edge_first + EDGE_SLOTS * i)
    for k in range(tree.face_start[leaf], tree.face_start[leaf + 1]):
        i = tree.face[k]
        set_aside(r, s.x.shape[0] + s.edges.shape[0] + i, r.face_first + FACE_SLOTS * i)
    own = tree.leaf_count - 1 + leaf
    bottom = STACK * leaf
    top = int(itself)
    tree.stack[bottom] = 0
    while top > 0:
        top -= 1
        node = tree.stack[bottom + top]
        if boxes_meet(tree, own, node, interval, slack) and not flat_together(tree, own, node):
            if node >= tree.leaf_count - 1:
                leaf_on_leaf(s, tree, r, leaf, node - tree.leaf_count + 1, coarse, interval, slack)
            else:
                tree.stack[bottom + top] = 2 * node + 1
                tree.stack[bottom + top + 1] = 2 * node + 2
                top += 2


# -- colliders -----------------------------------------------------------------------------------------------------


@wp.func
def core_on_face(
    g: Geometry, s: Sheets, r: Rows, c: int, feature: int, core: wp.vec3, rotation: wp.mat33, velocity: wp.vec3, f: int,
    interval: float, slack: float,
):  # fmt: skip
    radius = core_radius(g, c, feature)
    t = s.faces[f]
    x0 = s.x[t[0]]
    d = s.x[t[1]] - x0
    e = s.x[t[2]] - x0
    size = wp.sqrt(wp.max(wp.length_sq(d), wp.length_sq(e)))
    way = interval * (1.5 * wp.length(s.v[t[0]] - velocity) + 1.0)
    reach = radius + s.half[t[0]] + slack + way
    off = x0 - core
    if wp.length_sq(off) > (reach + size) * (reach + size):
        return
    n = wp.normalize(wp.cross(d, e))
    height = wp.dot(n, off)
    if wp.abs(height) > reach:
        return
    side = wp.sign(height)
    if radius == 0.0 and not hull_beyond(g, c, core_point(g, c, feature), side * (n * rotation), 0.3):
        return
    owner = s.x.shape[0] + s.edges.shape[0] + f
    mu = wp.sqrt(s.friction[t[0]] * g.friction[c])
    enter(
        r, owner, r.face_first + FACE_SLOTS * f, FACE_SLOTS, CORE_FACE, f, feature, c, side * n, side,
        wp.abs(height), mu,
    )  # fmt: skip


@wp.func
def bar_on_edge(
    s: Sheets, r: Rows, c: int, feature: int, y0: wp.vec3, e: wp.vec3, velocity: wp.vec3, radius: float, a: int,
    interval: float, slack: float, friction: float,
):  # fmt: skip
    p = s.edges[a]
    x0 = s.x[p[0]]
    d = s.x[p[1]] - x0
    u, w = segment_parameters(x0, d, y0, e)
    off = x0 + u * d - y0 - w * e
    distance = wp.length(off)
    way = interval * (1.5 * wp.length(s.v[p[0]] - velocity) + 1.0)
    if distance > radius + s.half[p[0]] + slack + way or distance < 1.0e-9:
        return
    mu = wp.sqrt(s.friction[p[0]] * friction)
    owner = s.x.shape[0] + a
    enter(
        r, owner, r.edge_first + EDGE_SLOTS * a, EDGE_SLOTS, BAR_EDGE, a, feature, c, off / distance, 1.0, distance, mu
    )


@wp.func
def has_features(g: Geometry, c: int, coarse: float):
    """Whether a collider is sharp, or round and so small that it fits between vertices ``coarse`` [m] apart."""
    kind = g.kind[c]
    if kind == HULL:
        return True
    if kind == SPHERE or kind == CAPSULE:
        return g.radius[c] < 1.5 * coarse
    if kind == CYLINDER:
        return g.radius[c] < 4.0 * coarse
    return False


@wp.func
def corners_near_leaf(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, r: Rows, leaf: int, c: int, coarse: float, interval: float,
    slack: float,
):  # fmt: skip
    """Points of a collider against the triangles of a leaf."""
    node = tree.leaf_count - 1 + leaf
    count = int(g.vertex_count[c])
    if g.bound[c] < 2.0 * coarse:
        count += 1  # and the ball in its middle
    if g.kind[c] == SPHERE:
        count = 1
    if g.kind[c] == CAPSULE:
        count = 2
    b = collider_body(g, c)
    rotation = collider_rotation(g, bodies, c)
    for feature in range(count):
        core = collider_origin(g, bodies, c) + rotation * core_point(g, c, feature)
        velocity = point_velocity(bodies, b, core - wp.vec3(bodies.x[b]))
        near = 1.5 * (wp.length(velocity - tree.velocity[node]) + tree.stir[node]) + 1.0
        reach = core_radius(g, c, feature) + slack + interval * near
        out = wp.max(tree.lower[node] - core, core - tree.upper[node])
        if wp.max(out[0], wp.max(out[1], out[2])) < reach:
            for k in range(tree.face_start[leaf], tree.face_start[leaf + 1]):
                t = s.faces[tree.face[k]]
                if meets(s, t[0], b) and meets(s, t[1], b) and meets(s, t[2], b):
                    core_on_face(g, s, r, c, feature, core, rotation, velocity, tree.face[k], interval, slack)


@wp.func
def bars_near_leaf(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, r: Rows, leaf: int, c: int, interval: float, slack: float,
    friction: float,
):  # fmt: skip
    """Edges of a collider against the edges of a leaf."""
    node = tree.leaf_count - 1 + leaf
    count = int(g.edge_count[c])
    if g.kind[c] == SPHERE:
        count = 0
    if g.kind[c] == CAPSULE:
        count = 1
    b = collider_body(g, c)
    radius = bar_radius(g, c)
    rotation = collider_rotation(g, bodies, c)
    for feature in range(count):
        low, high = bar_ends(g, c, feature)
        y0 = collider_origin(g, bodies, c) + rotation * low
        e = rotation * (high - low)
        velocity = point_velocity(bodies, b, y0 + 0.5 * e - wp.vec3(bodies.x[b]))
        turn = 0.5 * wp.length(e) * wp.length(bodies.w[b])
        near = 1.5 * (wp.length(velocity - tree.velocity[node]) + tree.stir[node]) + turn + 1.0
        reach = radius + slack + interval * near
        out = wp.max(tree.lower[node] - wp.max(y0, y0 + e), wp.min(y0, y0 + e) - tree.upper[node])
        if wp.max(out[0], wp.max(out[1], out[2])) < reach:
            wide = slack + interval * turn
            for k in range(tree.edge_start[leaf], tree.edge_start[leaf + 1]):
                p = s.edges[tree.edge[k]]
                if meets(s, p[0], b) and meets(s, p[1], b):
                    bar_on_edge(s, r, c, feature, y0, e, velocity, radius, tree.edge[k], interval, wide, friction)


@wp.kernel
def feature_kernel(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, r: Rows, coarse: float, interval: float,
    slack: float,
):  # fmt: skip
    """Rows of one leaf with the small and sharp colliders near it; after ``self_kernel``, which empties the slots."""
    leaf = wp.tid()
    node = tree.leaf_count - 1 + leaf
    for m in range(c.near_total[0]):
        collider = c.near[m]
        if has_features(g, collider, coarse):
            reach = slack + interval + 1.5 * node_reach(g, bodies, tree, node, collider, interval)
            if box_reaches(tree.lower[node], tree.upper[node], g, bodies, collider, reach):
                friction = g.friction[collider]
                corners_near_leaf(g, bodies, s, tree, r, leaf, collider, coarse, interval, slack)
                bars_near_leaf(g, bodies, s, tree, r, leaf, collider, interval, slack, friction)


def find(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, r: Rows, *, itself, coarse, interval, slack,
    device,
):  # fmt: skip
    """Look for rows within the next ``interval`` [s] and ``slack`` [m].

    The tree must have been refitted and the near colliders listed. ``coarse`` [m] is the longest edge of the cloth.
    ``itself``: whether cloth meets cloth.
    """
    wp.launch(
        self_kernel, dim=tree.leaf_count, inputs=[s, tree, r, int(itself), coarse, interval, slack], device=device
    )
    wp.launch(
        feature_kernel, dim=tree.leaf_count, inputs=[g, bodies, s, tree, c, r, coarse, interval, slack], device=device
    )
