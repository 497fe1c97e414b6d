"""Rows of cloth with features of colliders: where, and along which normal, they will meet within the substep.

    CORE_FACE   a point of a collider with a radius (centre of a sphere, corner of a hull) and a triangle
    BAR_EDGE    an edge of a hull or the core of a capsule, with a radius, and an edge

Sides are remembered as those of cloth with itself are (``cloth_place_itself.py``).
"""

import warp as wp

from physim_kernels.cloth_body import STIR, collider_body, collider_origin, collider_rotation, point_velocity
from physim_kernels.cloth_feature import bar_ends, bar_radius, core_point, core_radius, hull_beyond
from physim_kernels.cloth_row import BESIDE, FAR_OFF, LIVE, Rows
from physim_kernels.cloth_tree import Sheets
from physim_kernels.collide_hull import segment_parameters
from physim_kernels.collide_terrain import INSIDE, closest_on_triangle
from physim_kernels.rigid_data import CAPSULE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

SHARE = wp.constant(0.5)
"""Of half the thickness that corners and edges of hulls keep: what they stand on, their faces shall carry."""


@wp.func
def meeting(gap: float, closing: float, h: float):
    """Time until a gap is closed, at most ``h`` [s]."""
    if gap <= 0.0:
        return 0.0
    return wp.min(gap / wp.max(closing, 1.0e-9), h)


@wp.func
def barycentric(p: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3):
    """Weights of the foot of ``p`` on the plane of a triangle; negative outside."""
    n = wp.cross(b - a, c - a)
    area = wp.max(wp.dot(n, n), 1.0e-30)
    u = wp.dot(n, wp.cross(c - b, p - b)) / area
    w = wp.dot(n, wp.cross(a - c, p - c)) / area
    return wp.vec3(u, w, 1.0 - u - w)


@wp.func
def inside_weights(w: wp.vec3):
    """Of a triangle: none negative, sum 1."""
    k = wp.max(w, wp.vec3(0.0, 0.0, 0.0))
    return k / (k[0] + k[1] + k[2])


@wp.func
def place_core_face(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, slot: int, h: float):
    c = r.row[row].collider
    b = collider_body(g, c)
    rotation = collider_rotation(g, bodies, c)
    local = core_point(g, c, r.row[row].b)
    centre = wp.vec3(bodies.x[b])
    core = collider_origin(g, bodies, c) + rotation * local
    t = s.faces[r.row[row].a]
    x0 = s.x[t[0]]
    x1 = s.x[t[1]]
    x2 = s.x[t[2]]
    own = wp.normalize(wp.cross(x1 - x0, x2 - x0))
    radius = core_radius(g, c, r.row[row].b)
    apart = radius + s.half[t[0]]
    if radius == 0.0:
        apart = SHARE * s.half[t[0]]
    height = wp.dot(own, x0 - core)
    side = r.row[row].side
    if r.row[row].live == BESIDE and wp.abs(height) > 0.5 * apart:
        side = wp.sign(height)
    n = side * own
    gap = side * height - apart
    v = (s.v[t[0]] + s.v[t[1]] + s.v[t[2]]) / 3.0 - point_velocity(bodies, b, core - centre)
    if gap > h * (STIR + wp.length(v) - wp.dot(n, v)):
        return wp.where(r.row[row].live == BESIDE, BESIDE, FAR_OFF)
    at = core - meeting(gap, -wp.dot(n, v), h) * v  # where the core will be as the triangle sees it
    q, feature = closest_on_triangle(at, x0, x1, x2)
    if feature == INSIDE:
        if radius == 0.0 and not hull_beyond(g, c, local, n * rotation, 0.02):
            return BESIDE
    else:
        if radius == 0.0 or feature < 3:  # a corner passes beside; a vertex has a row of its own
            return BESIDE
        off = q - at
        length = wp.length(off)
        if length < 1.0e-9 or wp.dot(n, off) <= 0.0:
            return BESIDE
        n = off / length
        gap = wp.dot(n, q - core) - apart
    w = inside_weights(barycentric(q, x0, x1, x2))
    r.row[row].side = side
    r.row[row].normal = n
    r.hard[slot].normal = n
    r.hard[slot].gap = gap
    r.hard[slot].offset = wp.dot(n, core) + apart
    r.hard[slot].vertices = wp.vec4i(t[0], t[1], t[2], t[0])
    r.hard[slot].weights = wp.vec4(w[0], w[1], w[2], 0.0)
    r.hard[slot].arm = core + radius * n - centre
    return LIVE


@wp.func
def bar_normal(g: Geometry, c: int, feature: int, rotation: wp.mat33, n: wp.vec3):
    """``n`` turned out of the hull at an edge, and whether it lies between the normals of the faces there."""
    k = g.edges[g.edge_start[c] + feature]
    f0 = rotation * g.face_normal[g.face_start[c] + k[2]]
    f1 = rotation * g.face_normal[g.face_start[c] + k[3]]
    out = n
    if wp.dot(n, f0 + f1) < 0.0:
        out = -n
    cosine = wp.dot(f0, f1)
    part = wp.min(wp.dot(out, f0) - cosine * wp.dot(out, f1), wp.dot(out, f1) - cosine * wp.dot(out, f0))
    return out, part > -1.0e-3


@wp.func
def place_bar_edge(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, slot: int, h: float):
    c = r.row[row].collider
    b = collider_body(g, c)
    rotation = collider_rotation(g, bodies, c)
    centre = wp.vec3(bodies.x[b])
    low, high = bar_ends(g, c, r.row[row].b)
    y0 = collider_origin(g, bodies, c) + rotation * low
    e = rotation * (high - low)
    p = s.edges[r.row[row].a]
    x0 = s.x[p[0]]
    d = s.x[p[1]] - x0
    u, w = segment_parameters(x0, d, y0, e)
    n = wp.cross(d, e)
    length = wp.length(n)
    if wp.min(wp.min(u, 1.0 - u), wp.min(w, 1.0 - w)) <= 0.0 or length < 0.05 * wp.length(d) * wp.length(e):
        return BESIDE
    n = n / length
    radius = bar_radius(g, c)
    apart = radius + s.half[p[0]]
    if radius == 0.0:
        apart = SHARE * s.half[p[0]]
    height = wp.dot(n, x0 - y0)
    if g.kind[c] == CAPSULE:
        if r.row[row].live == BESIDE and wp.abs(height) > 0.5 * apart:
            n = wp.sign(height) * n
        elif wp.dot(n, r.row[row].normal) < 0.0:
            n = -n
    else:
        n, between = bar_normal(g, c, r.row[row].b, rotation, n)
        if not between:
            return BESIDE
    on_body = y0 + w * e
    gap = wp.dot(n, x0 - y0) - apart
    if gap < -0.25 * g.bound[c]:  # the cloth is behind the body: it is not this edge that it touches
        return BESIDE
    v = (1.0 - u) * s.v[p[0]] + u * s.v[p[1]] - point_velocity(bodies, b, on_body - centre)
    if gap > h * (STIR + wp.length(v) - wp.dot(n, v)):
        return wp.where(r.row[row].live == BESIDE, BESIDE, FAR_OFF)
    r.row[row].normal = n
    r.hard[slot].normal = n
    r.hard[slot].gap = gap
    r.hard[slot].offset = wp.dot(n, y0) + apart
    r.hard[slot].vertices = wp.vec4i(p[0], p[1], p[0], p[1])
    r.hard[slot].weights = wp.vec4(1.0 - u, u, 0.0, 0.0)
    r.hard[slot].arm = on_body + radius * n - centre
    return LIVE
