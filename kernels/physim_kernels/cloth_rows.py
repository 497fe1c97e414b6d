"""Contact rows on up to four vertices of cloth and perhaps a body: cloth with itself, and features of colliders.

A row is a gap along a unit normal n between a point of cloth, sum w_i x_i, and a point of the same cloth (negative
weights) or of a body. Closest points are found anew in every substep, where the two will meet within it; gaps follow
from step to step. Rows with colliders are solved in every step of the cloth, those of cloth with itself a few times in
a substep; both are warm started.

    POINT_FACE  a vertex and a triangle              EDGE_EDGE  two edges
    CORE_FACE   a point of a collider with a radius (centre of a sphere, corner of a hull) and a triangle
    BAR_EDGE    an edge of a hull or the core of a capsule, with a radius, and an edge

Sides are remembered: a row keeps the side of a triangle it was on for as long as it lives, so what has sunk in by a
hair is led back the way it came. Edges of flat cloth make no rows: there the vertices keep the layers apart, and
layers that slide have nothing to catch on.
"""

import warp as wp

from physim_kernels.cloth_touch import (
    STIR,
    collider_body,
    collider_origin,
    collider_rotation,
    open_speed,
    point_path,
    point_velocity,
    push_body,
    yielding,
    yielding_sideways,
)
from physim_kernels.cloth_tree import Sheets
from physim_kernels.collide_hull import segment_parameters
from physim_kernels.collide_terrain import INSIDE, closest_on_triangle
from physim_kernels.rigid_data import CAPSULE, SPHERE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

POINT_FACE = 0
EDGE_EDGE = 1
CORE_FACE = 2
BAR_EDGE = 3

VERTEX_SLOTS = wp.constant(4)
"""Triangles near one vertex."""
EDGE_SLOTS = wp.constant(4)
"""Edges, of cloth or of colliders, near one edge."""
FACE_SLOTS = wp.constant(3)
"""Points of colliders near one triangle."""
SHARE = wp.constant(0.5)
"""Of half the thickness that corners and edges of hulls keep: what they stand on, their faces shall carry."""
FAR_OFF = wp.constant(0)
"""Of a row: cannot touch within this substep."""
LIVE = wp.constant(1)
BESIDE = wp.constant(-1)
"""The closest points are not inside the triangle or edge: others take care of these, and the side is not known."""


@wp.struct
class Rows:
    """Slots of vertices, then of edges, then of triangles. World axes."""

    edge_first: int  # where the slots of edges begin
    face_first: int
    count: wp.array(dtype=int)  # of the vertex, edge or triangle: slots in use
    kind: wp.array(dtype=int)
    a: wp.array(dtype=int)  # the vertex, edge or triangle that owns the slot
    b: wp.array(dtype=int)  # the other triangle, edge, or feature of the collider
    collider: wp.array(dtype=int)  # -1: cloth
    normal: wp.array(dtype=wp.vec3)  # towards a
    side: wp.array(dtype=float)  # of a triangle: +1 if the normal is its own
    vertices: wp.array(dtype=wp.vec4i)
    weights: wp.array(dtype=wp.vec4)
    arm: wp.array(dtype=wp.vec3)
    gap: wp.array(dtype=float)  # at the beginning of the substep [m]
    offset: wp.array(dtype=float)  # normal . sum w x where the gap is 0, at the beginning of the substep [m]
    friction: wp.array(dtype=float)
    normal_mass: wp.array(dtype=float)
    friction_mass: wp.array(dtype=float)
    pressure: wp.array(dtype=float)
    drag: wp.array(dtype=wp.vec3)  # on a's side
    live: wp.array(dtype=int)  # LIVE, FAR_OFF or BESIDE
    wait: wp.array(dtype=int)  # substeps in which the gap is too wide to be looked at
    old_count: wp.array(dtype=int)
    old_kind: wp.array(dtype=int)
    old_live: wp.array(dtype=int)
    old_b: wp.array(dtype=int)
    old_collider: wp.array(dtype=int)
    old_normal: wp.array(dtype=wp.vec3)
    old_side: wp.array(dtype=float)
    old_pressure: wp.array(dtype=float)
    old_drag: wp.array(dtype=wp.vec3)
    list: wp.array(dtype=int)  # slots in use
    hot: wp.array(dtype=int)  # live slots, of cloth with itself
    hard: wp.array(dtype=int)  # live slots, of cloth with colliders
    totals: wp.array(dtype=int)  # [0]: of list, [1]: of hot, [2]: of hard, [3]: rows that found no slot so far


# -- collider features ---------------------------------------------------------------------------------------------


@wp.func
def core_point(g: Geometry, c: int, feature: int):
    """Point of a collider, its own frame: centre of a sphere, end of a capsule's core, corner of a hull.

    The last of a hull is its middle: however fast a small thing tumbles, the ball inside it keeps its place.
    """
    if g.kind[c] == SPHERE:
        return wp.vec3(0.0, 0.0, 0.0)
    if g.kind[c] == CAPSULE:
        return wp.vec3(0.0, wp.where(feature == 0, -g.half[c], g.half[c]), 0.0)
    if feature == g.vertex_count[c]:
        return wp.vec3(0.0, 0.0, 0.0)
    return g.vertices[g.vertex_start[c] + feature]


@wp.func
def core_radius(g: Geometry, c: int, feature: int):
    """0 for corners; that of the ball about the middle of a hull."""
    if g.kind[c] == SPHERE or g.kind[c] == CAPSULE:
        return g.radius[c]
    if feature < g.vertex_count[c]:
        return 0.0
    inside = float(1.0e30)
    for f in range(g.face_start[c], g.face_start[c] + g.face_count[c]):
        inside = wp.min(inside, g.face_offset[f])
    return wp.max(inside, 1.0e-6)


@wp.func
def bar_radius(g: Geometry, c: int):
    return wp.where(g.kind[c] == CAPSULE, g.radius[c], 0.0)


@wp.func
def bar_ends(g: Geometry, c: int, feature: int):
    """Edge of a hull or core of a capsule, the collider's own frame."""
    if g.kind[c] == CAPSULE:
        return wp.vec3(0.0, -g.half[c], 0.0), wp.vec3(0.0, g.half[c], 0.0)
    e = g.edges[g.edge_start[c] + feature]
    return g.vertices[g.vertex_start[c] + e[0]], g.vertices[g.vertex_start[c] + e[1]]


@wp.func
def hull_beyond(g: Geometry, c: int, corner: wp.vec3, n: wp.vec3, slack: float):
    """Whether hull ``c`` lies behind the plane through its ``corner`` with normal ``n`` (its own frame).

    ``slack`` is relative to its size.
    """
    high = float(-1.0e30)
    for k in range(g.vertex_count[c]):
        high = wp.max(high, wp.dot(n, g.vertices[g.vertex_start[c] + k] - corner))
    return high < slack * g.bound[c]


# -- placing -------------------------------------------------------------------------------------------------------


@wp.func
def meeting(gap: float, closing: float, h: float):
    """Time until a gap is closed, at most ``h`` [s]."""
    if gap <= 0.0:
        return 0.0
    return wp.min(gap / wp.max(closing, 1.0e-9), h)


@wp.func
def too_far(r: Rows, row: int, gap: float, way: float):
    """A gap that cannot close within this substep, nor in the next few; ``way`` [m] is what a substep may close."""
    r.wait[row] = wp.min(int(0.5 * gap / wp.max(way, 0.2 * gap)), 3)
    if r.live[row] == BESIDE:
        return BESIDE
    return FAR_OFF


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
def place_point_face(s: Sheets, r: Rows, row: int, h: float):
    i = r.a[row]
    t = s.faces[r.b[row]]
    x0 = s.x[t[0]]
    own = wp.normalize(wp.cross(s.x[t[1]] - x0, s.x[t[2]] - x0))
    p = s.x[i]
    apart = s.half[i] + s.half[t[0]]
    height = wp.dot(own, p - x0)
    side = r.side[row]
    if r.live[row] == BESIDE and wp.abs(height) > 0.5 * apart:
        side = wp.sign(height)
    n = side * own
    gap = side * height - apart
    w = inside_weights(barycentric(p, x0, s.x[t[1]], s.x[t[2]]))
    u = s.v[i] - w[0] * s.v[t[0]] - w[1] * s.v[t[1]] - w[2] * s.v[t[2]]
    if gap > h * (STIR - wp.dot(n, u)):
        return too_far(r, row, gap, h * (STIR - wp.dot(n, u)))
    at = barycentric(p + meeting(gap, -wp.dot(n, u), h) * u, x0, s.x[t[1]], s.x[t[2]])
    if wp.min(at[0], wp.min(at[1], at[2])) < -1.0e-3:
        return BESIDE
    at = inside_weights(at)
    r.side[row] = side
    r.normal[row] = n
    r.gap[row] = gap
    r.offset[row] = apart
    r.vertices[row] = wp.vec4i(i, t[0], t[1], t[2])
    r.weights[row] = wp.vec4(1.0, -at[0], -at[1], -at[2])
    return LIVE


@wp.func
def wings_behind(s: Sheets, e: int, n: wp.vec3):
    """Whether the cloth on either side of edge ``e`` leads away behind the plane through it with normal ``n``."""
    ends = s.edges[e]
    wings = s.wings[e]
    p = s.x[ends[0]]
    off = s.x[wings[0]] - p
    if wp.dot(n, off) > 0.1 * wp.length(off):
        return False
    if wings[1] >= 0:
        off = s.x[wings[1]] - p
        if wp.dot(n, off) > 0.1 * wp.length(off):
            return False
    return True


@wp.func
def place_edge_edge(s: Sheets, r: Rows, row: int, h: float):
    p = s.edges[r.a[row]]
    q = s.edges[r.b[row]]
    x0 = s.x[p[0]]
    y0 = s.x[q[0]]
    d = s.x[p[1]] - x0
    e = s.x[q[1]] - y0
    n = wp.cross(d, e)
    length = wp.length(n)
    if length < 0.05 * wp.length(d) * wp.length(e):
        return BESIDE
    n = n / length
    apart = s.half[p[0]] + s.half[q[0]]
    height = wp.dot(n, x0 - y0)
    if r.live[row] == BESIDE and wp.abs(height) > 0.5 * apart:
        n = wp.sign(height) * n
    elif wp.dot(n, r.normal[row]) < 0.0:
        n = -n
    u, w = segment_parameters(x0, d, y0, e)
    if wp.min(wp.min(u, 1.0 - u), wp.min(w, 1.0 - w)) <= 0.0:
        return BESIDE
    gap = wp.dot(n, x0 - y0) - apart
    v = (1.0 - u) * s.v[p[0]] + u * s.v[p[1]] - (1.0 - w) * s.v[q[0]] - w * s.v[q[1]]
    if gap > h * (STIR - wp.dot(n, v)):
        return too_far(r, row, gap, h * (STIR - wp.dot(n, v)))
    if not wings_behind(s, r.a[row], -n) or not wings_behind(s, r.b[row], n):
        return BESIDE
    r.normal[row] = n
    r.gap[row] = gap
    r.offset[row] = apart
    r.vertices[row] = wp.vec4i(p[0], p[1], q[0], q[1])
    r.weights[row] = wp.vec4(1.0 - u, u, w - 1.0, -w)
    return LIVE


@wp.func
def place_core_face(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, h: float):
    c = r.collider[row]
    b = collider_body(g, c)
    rotation = collider_rotation(g, bodies, c)
    local = core_point(g, c, r.b[row])
    centre = wp.vec3(bodies.x[b])
    core = collider_origin(g, bodies, c) + rotation * local
    t = s.faces[r.a[row]]
    x0 = s.x[t[0]]
    x1 = s.x[t[1]]
    x2 = s.x[t[2]]
    own = wp.normalize(wp.cross(x1 - x0, x2 - x0))
    radius = core_radius(g, c, r.b[row])
    apart = radius + s.half[t[0]]
    if radius == 0.0:
        apart = SHARE * s.half[t[0]]
    height = wp.dot(own, x0 - core)
    side = r.side[row]
    if r.live[row] == BESIDE and wp.abs(height) > 0.5 * apart:
        side = wp.sign(height)
    n = side * own
    gap = side * height - apart
    v = (s.v[t[0]] + s.v[t[1]] + s.v[t[2]]) / 3.0 - point_velocity(bodies, b, core - centre)
    if gap > h * (STIR + wp.length(v) - wp.dot(n, v)):
        return wp.where(r.live[row] == BESIDE, BESIDE, FAR_OFF)
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
    r.side[row] = side
    r.normal[row] = n
    r.gap[row] = gap
    r.offset[row] = wp.dot(n, core) + apart
    r.vertices[row] = wp.vec4i(t[0], t[1], t[2], t[0])
    r.weights[row] = wp.vec4(w[0], w[1], w[2], 0.0)
    r.arm[row] = core + radius * n - centre
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
def place_bar_edge(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, h: float):
    c = r.collider[row]
    b = collider_body(g, c)
    rotation = collider_rotation(g, bodies, c)
    centre = wp.vec3(bodies.x[b])
    low, high = bar_ends(g, c, r.b[row])
    y0 = collider_origin(g, bodies, c) + rotation * low
    e = rotation * (high - low)
    p = s.edges[r.a[row]]
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
        if r.live[row] == BESIDE and wp.abs(height) > 0.5 * apart:
            n = wp.sign(height) * n
        elif wp.dot(n, r.normal[row]) < 0.0:
            n = -n
    else:
        n, between = bar_normal(g, c, r.b[row], rotation, n)
        if not between:
            return BESIDE
    on_body = y0 + w * e
    gap = wp.dot(n, x0 - y0) - apart
    if gap < -0.25 * g.bound[c]:  # the cloth is behind the body: it is not this edge that it touches
        return BESIDE
    v = (1.0 - u) * s.v[p[0]] + u * s.v[p[1]] - point_velocity(bodies, b, on_body - centre)
    if gap > h * (STIR + wp.length(v) - wp.dot(n, v)):
        return wp.where(r.live[row] == BESIDE, BESIDE, FAR_OFF)
    r.normal[row] = n
    r.gap[row] = gap
    r.offset[row] = wp.dot(n, y0) + apart
    r.vertices[row] = wp.vec4i(p[0], p[1], p[0], p[1])
    r.weights[row] = wp.vec4(1.0 - u, u, 0.0, 0.0)
    r.arm[row] = on_body + radius * n - centre
    return LIVE


# -- solving -------------------------------------------------------------------------------------------------------


@wp.func
def row_masses(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int):
    i = r.vertices[row]
    w = r.weights[row]
    k = float(0.0)
    for j in range(4):
        k += w[j] * w[j] * s.inv_mass[i[j]]
    across = k
    if r.collider[row] >= 0:
        b = collider_body(g, r.collider[row])
        k += yielding(bodies, b, r.arm[row], r.normal[row])
        across += yielding_sideways(bodies, b, r.arm[row], r.normal[row])
    r.normal_mass[row] = wp.where(k > 1.0e-12, 1.0 / wp.max(k, 1.0e-12), 0.0)
    r.friction_mass[row] = wp.where(across > 1.0e-12, 1.0 / wp.max(across, 1.0e-12), 0.0)


@wp.func
def row_velocity(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int):
    i = r.vertices[row]
    w = r.weights[row]
    v = w[0] * s.v[i[0]] + w[1] * s.v[i[1]] + w[2] * s.v[i[2]] + w[3] * s.v[i[3]]
    if r.collider[row] >= 0:
        v = v - point_velocity(bodies, collider_body(g, r.collider[row]), r.arm[row])
    return v


@wp.func
def row_gap(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, time: float):
    """Gap of a row ``time`` [s] after the substep began [m]."""
    i = r.vertices[row]
    w = r.weights[row]
    x = w[0] * s.x[i[0]] + w[1] * s.x[i[1]] + w[2] * s.x[i[2]] + w[3] * s.x[i[3]]
    if r.collider[row] >= 0:
        x = x - point_path(bodies, collider_body(g, r.collider[row]), r.arm[row], time)
    return wp.dot(r.normal[row], x) - r.offset[row]


@wp.func
def push_row(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, impulse: wp.vec3, time: float):
    i = r.vertices[row]
    w = r.weights[row]
    for j in range(4):
        if w[j] != 0.0 and s.inv_mass[i[j]] > 0.0:
            s.v[i[j]] = s.v[i[j]] + (w[j] * s.inv_mass[i[j]]) * impulse
    if r.collider[row] >= 0:
        push_body(bodies, collider_body(g, r.collider[row]), r.arm[row], -impulse, time)


@wp.func
def solve_row(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, target: float, time: float):
    """Normal impulse to a velocity of at least ``target`` along the normal, and friction."""
    n = r.normal[row]
    v = row_velocity(g, bodies, s, r, row)
    before = r.pressure[row]
    after = wp.max(before - r.normal_mass[row] * (wp.dot(n, v) - target), 0.0)
    if before > 0.0 or after > 0.0:
        old = r.drag[row]
        new = old - r.friction_mass[row] * (v - wp.dot(n, v) * n)
        size = wp.length(new)
        limit = r.friction[row] * after
        if size > limit:
            new = new * (limit / size)
        r.pressure[row] = after
        r.drag[row] = new
        push_row(g, bodies, s, r, row, (after - before) * n + new - old, time)


@wp.kernel
def begin_kernel(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, h: float):
    """Place all rows for a substep of ``h`` [s]."""
    hot = int(0)
    hard = int(0)
    for k in range(r.totals[0]):
        row = r.list[k]
        if r.wait[row] > 0:
            r.wait[row] = r.wait[row] - 1
            continue
        kind = r.kind[row]
        live = int(FAR_OFF)
        if kind == POINT_FACE:
            live = place_point_face(s, r, row, h)
        elif kind == EDGE_EDGE:
            live = place_edge_edge(s, r, row, h)
        elif kind == CORE_FACE:
            live = place_core_face(g, bodies, s, r, row, h)
        else:
            live = place_bar_edge(g, bodies, s, r, row, h)
        r.live[row] = live
        if live == LIVE:
            row_masses(g, bodies, s, r, row)
            r.drag[row] = r.drag[row] - wp.dot(r.normal[row], r.drag[row]) * r.normal[row]
            if r.collider[row] < 0:
                r.hot[hot] = row
                hot += 1
            else:
                r.hard[hard] = row
                hard += 1
        else:
            r.pressure[row] = 0.0
            r.drag[row] = wp.vec3(0.0, 0.0, 0.0)
    r.totals[1] = hot
    r.totals[2] = hard


@wp.kernel
def solve_kernel(
    g: Geometry, bodies: Bodies, s: Sheets, r: Rows, rows: wp.array(dtype=int), which: int, time: float, dt: float,
    h: float,
):  # fmt: skip
    """Warm start and one sweep over the live rows of a list, for the next ``dt`` [s]."""
    for k in range(r.totals[which]):
        row = rows[k]
        if r.pressure[row] > 0.0:
            push_row(g, bodies, s, r, row, r.pressure[row] * r.normal[row] + r.drag[row], time)
    for k in range(r.totals[which]):
        row = rows[k]
        target = open_speed(row_gap(g, bodies, s, r, row, time), dt, h)
        solve_row(g, bodies, s, r, row, target, time)


@wp.func
def settle(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, row: int, time: float):
    """Take out the speed that only served to end a penetration."""
    before = r.pressure[row]
    if before > 0.0 and r.gap[row] < -1.0e-5:
        solve_row(g, bodies, s, r, row, 0.0, time)
        r.pressure[row] = wp.min(r.pressure[row], before)


@wp.kernel
def end_kernel(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, time: float):
    """After the last step."""
    for k in range(r.totals[1]):
        settle(g, bodies, s, r, r.hot[k], time)
    for k in range(r.totals[2]):
        row = r.hard[k]
        settle(g, bodies, s, r, row, time)
        b = collider_body(g, r.collider[row])
        if r.pressure[row] > 0.0 and bodies.inv_mass[b] > 0.0:
            bodies.active[b] = 1


@wp.kernel
def list_kernel(r: Rows, vertex_total: int, edge_total: int, face_total: int):
    """Gather the slots in use: vertices, edges, triangles."""
    total = int(0)
    for i in range(vertex_total):
        for k in range(r.count[i]):
            r.list[total] = VERTEX_SLOTS * i + k
            total += 1
    for i in range(edge_total):
        for k in range(r.count[vertex_total + i]):
            r.list[total] = r.edge_first + EDGE_SLOTS * i + k
            total += 1
    for i in range(face_total):
        for k in range(r.count[vertex_total + edge_total + i]):
            r.list[total] = r.face_first + FACE_SLOTS * i + k
            total += 1
    r.totals[0] = total
    r.totals[1] = 0
    r.totals[2] = 0


def gather(s: Sheets, r: Rows, *, device):
    """List the slots in use, after a search."""
    wp.launch(list_kernel, dim=1, inputs=[r, s.x.shape[0], s.edges.shape[0], s.faces.shape[0]], device=device)


def begin(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, *, h, device):
    """At the start of a substep of ``h`` [s]: place the rows."""
    wp.launch(begin_kernel, dim=1, inputs=[g, bodies, s, r, h], device=device)


def step(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, *, itself, time, dt, h, device):
    """Change the velocities for the next ``dt`` [s], ``time`` [s] after the substep of ``h`` [s] began.

    ``itself``: the rows of cloth with itself; else those with colliders.
    """
    rows, which = (r.hot, 1) if itself else (r.hard, 2)
    wp.launch(solve_kernel, dim=1, inputs=[g, bodies, s, r, rows, which, time, dt, h], device=device)


def end(g: Geometry, bodies: Bodies, s: Sheets, r: Rows, *, h, device):
    """After the last step of the substep."""
    wp.launch(end_kernel, dim=1, inputs=[g, bodies, s, r, h], device=device)
