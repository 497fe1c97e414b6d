"""Small or sharp colliders near triangles and edges of cloth. The kernels are in ``cloth_search.py``."""

import warp as wp

from physim_kernels.cloth_body import collider_body, collider_origin, collider_rotation, point_velocity
from physim_kernels.cloth_feature import bar_ends, bar_radius, core_point, core_radius, hull_beyond
from physim_kernels.cloth_row import BAR_EDGE, CORE_FACE, Rows, enter
from physim_kernels.cloth_touch import Touches, box_reaches, node_reach
from physim_kernels.cloth_tree import Sheets, Tree, meets
from physim_kernels.collide_hull import segment_parameters
from physim_kernels.rigid_data import CAPSULE, CYLINDER, HULL, SPHERE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})


@wp.func
def core_on_face(
    g: Geometry, s: Sheets, r: Rows, c: int, feature: int, core: wp.vec3, rotation: wp.mat33, velocity: wp.vec3, f: int,
    interval: float, slack: float, leaf: int, counting: int,
):  # fmt: skip
    radius = core_radius(g, c, feature)
    t = s.faces[f]
    x0 = s.x[t[0]]
    d = s.x[t[1]] - x0
    e = s.x[t[2]] - x0
    size = wp.sqrt(wp.max(wp.length_sq(d), wp.length_sq(e)))
    way = interval * (1.5 * wp.length(s.u[t[0]] - velocity) + 1.0)
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
    enter(r, leaf, counting, owner, CORE_FACE, f, feature, c, side * n, side, mu)


@wp.func
def bar_on_edge(
    s: Sheets, r: Rows, c: int, feature: int, y0: wp.vec3, e: wp.vec3, velocity: wp.vec3, radius: float, a: int,
    interval: float, slack: float, friction: float, leaf: int, counting: int,
):  # fmt: skip
    p = s.edges[a]
    x0 = s.x[p[0]]
    d = s.x[p[1]] - x0
    u, w = segment_parameters(x0, d, y0, e)
    off = x0 + u * d - y0 - w * e
    distance = wp.length(off)
    way = interval * (1.5 * wp.length(s.u[p[0]] - velocity) + 1.0)
    if distance > radius + s.half[p[0]] + slack + way or distance < 1.0e-9:
        return
    mu = wp.sqrt(s.friction[p[0]] * friction)
    owner = s.x.shape[0] + a
    enter(r, leaf, counting, owner, BAR_EDGE, a, feature, c, off / distance, 1.0, mu)


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
    slack: float, counting: int,
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
                    core_on_face(
                        g, s, r, c, feature, core, rotation, velocity, tree.face[k], interval, slack, leaf, counting
                    )


@wp.func
def bars_near_leaf(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, r: Rows, leaf: int, c: int, interval: float, slack: float,
    friction: float, counting: int,
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
                    bar_on_edge(
                        s,
                        r,
                        c,
                        feature,
                        y0,
                        e,
                        velocity,
                        radius,
                        tree.edge[k],
                        interval,
                        wide,
                        friction,
                        leaf,
                        counting,
                    )


@wp.func
def features_near_leaf(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, r: Rows, leaf: int, coarse: float, interval: float,
    slack: float, counting: int,
):  # fmt: skip
    """Rows of one leaf with the small and sharp colliders near it."""
    node = tree.leaf_count - 1 + leaf
    for m in range(c.near_total[0]):
        collider = c.near[m]
        if has_features(g, collider, coarse):
            reach = slack + interval + 1.5 * node_reach(g, bodies, tree, node, collider, interval)
            if box_reaches(tree.lower[node], tree.upper[node], g, bodies, collider, reach):
                friction = g.friction[collider]
                corners_near_leaf(g, bodies, s, tree, r, leaf, collider, coarse, interval, slack, counting)
                bars_near_leaf(g, bodies, s, tree, r, leaf, collider, interval, slack, friction, counting)
