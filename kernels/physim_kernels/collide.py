"""Where the colliders of each pair touch: bounding spheres, the geometry of the two kinds, then four points are kept.

The geometry works in the frames of the colliders; contacts are stored in those of the bodies they belong to.
"""

import warp as wp

from physim_kernels.collide_hull import hull_hull
from physim_kernels.collide_mesh import hull_mesh, round_mesh
from physim_kernels.collide_smooth import (
    capsule_hull,
    cylinder_face,
    cylinder_plane,
    parallel_cylinders,
    round_round,
    shape_plane,
    sphere_cylinder,
    sphere_hull,
)
from physim_kernels.collide_terrain import hull_field, round_field
from physim_kernels.manifold import floor_first, hand_over, hand_over_sides, keep_four, look_ahead
from physim_kernels.rigid_data import (
    BACK,
    CYLINDER,
    FACE,
    FIELD,
    HULL,
    MESH,
    PLANE,
    POINT,
    RIM,
    SPHERE,
    Bodies,
    Candidates,
    Contacts,
    Geometry,
    Grip,
    Pairs,
    Spot,
    is_awake,
    nobody_stirs,
    row_of,
)

MANY_TURN = wp.constant(0.04)
"""Turn until the next look from which up to eight corners of a hull are watched over a plane [rad]."""


@wp.func
def find_points(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, size: float, path: wp.vec3,
    cand: Candidates, slot: int,
):  # fmt: skip
    """Contact points of two colliders into ``cand``; returns how many.

    ``rot``, ``t`` bring points of b to a's frame; ``path`` is how far b flies until the next look, in a's frame [m].
    """
    kind_a = g.kind[a]
    kind_b = g.kind[b]
    if kind_a == PLANE:
        n = wp.vec3(0.0, 1.0, 0.0)  # a plane's own frame has its normal along Y
        if kind_b == CYLINDER:
            return cylinder_plane(g, b, n, rot, t, 0.0, margin, cand, slot)
        return shape_plane(g, b, n, 0.0, rot, t, margin, cand, slot)
    if kind_a == MESH:
        if kind_b == HULL or kind_b == CYLINDER:
            return hull_mesh(g, a, b, rot, t, margin, size, cand, slot)
        return round_mesh(g, a, b, rot, t, margin, cand, slot)
    if kind_a == FIELD:
        if kind_b == HULL or kind_b == CYLINDER:
            return hull_field(g, a, b, rot, t, margin, path, cand, slot)
        return round_field(g, a, b, rot, t, margin, cand, slot)
    if kind_a == CYLINDER and kind_b == CYLINDER and wp.abs(rot[1, 1]) > 0.9998:
        return parallel_cylinders(g, a, b, rot, t, margin, cand, slot)
    if kind_a == HULL and kind_b == CYLINDER:
        count = cylinder_face(g, a, b, rot, t, margin, cand, slot)
        if count > 0:
            return count
    if kind_b == HULL or kind_b == CYLINDER:
        return hull_hull(g, a, b, rot, t, margin, size, cand, slot)
    if kind_a == CYLINDER and kind_b == SPHERE:
        return sphere_cylinder(g, a, t, g.radius[b], margin, cand, slot)
    if kind_a == HULL and kind_b == SPHERE:
        return sphere_hull(g, a, t, wp.vec3(0.0, 0.0, 0.0), g.radius[b], margin, cand, slot, 0)
    if kind_a == HULL or kind_a == CYLINDER:
        return capsule_hull(g, a, b, rot, t, margin, cand, slot)
    return round_round(g, a, b, rot, t, margin, cand, slot)


@wp.func
def to_bodies(g: Geometry, a: int, b: int, cand: Candidates, first: int, count: int):
    """Bring contact points from the frames of the colliders to those of their bodies."""
    if g.is_part[a] == 1:
        for k in range(first, first + count):
            cand.point_a[k] = g.rotation[a] * cand.point_a[k] + g.position[a]
            cand.normal_a[k] = g.rotation[a] * cand.normal_a[k]
    if g.is_part[b] == 1:
        for k in range(first, first + count):
            cand.point_b[k] = g.rotation[b] * cand.point_b[k] + g.position[b]


@wp.struct
class Meeting:
    """Two colliders of a pair as they stand to each other."""

    pair: int
    a: int
    b: int
    body_a: int
    body_b: int
    size: float  # of the smaller one [m]
    margin: float  # distance at which a contact begins [m]
    d: wp.vec3  # from the centre of a to that of b [m], world
    v: wp.vec3  # of b's centre relative to a's [m/s], world


@wp.func
def turning(g: Geometry, bodies: Bodies, collider: int, body: int):
    """How fast other points of a collider come to the front [rad/s]: balls are the same on all sides."""
    if g.kind[collider] == SPHERE:
        return float(0.0)
    return wp.length(bodies.w[body])


@wp.func
def is_due(g: Geometry, bodies: Bodies, pairs: Pairs, pair: int, on_surface: int, slowest: float):
    """Whether a pair is looked at in this pass. Of two that sleep the contacts stay that they fell asleep with."""
    a = pairs.collider_a[pair]
    if pairs.side[pair] > 0 or wp.where(g.kind[a] >= FIELD, 1, 0) != on_surface:
        return False
    body_a = pairs.a[pair]
    body_b = pairs.b[pair]
    if not (is_awake(bodies, body_a) or is_awake(bodies, body_b)):
        return False
    fastest = wp.max(turning(g, bodies, a, body_a), turning(g, bodies, pairs.collider_b[pair], body_b))
    return not (fastest < slowest)


@wp.func
def meet(g: Geometry, bodies: Bodies, pairs: Pairs, pair: int, interval: float, gravity: float):
    """How the colliders of a pair stand to each other; contacts begin where they may get to in ``interval``."""
    m = Meeting()
    m.pair = pair
    m.a = pairs.collider_a[pair]
    m.b = pairs.collider_b[pair]
    m.body_a = pairs.a[pair]
    m.body_b = pairs.b[pair]
    arm_a = bodies.rotation[m.body_a] * g.position[m.a]
    arm_b = bodies.rotation[m.body_b] * g.position[m.b]
    m.d = wp.vec3(bodies.x[m.body_b] - bodies.x[m.body_a]) + arm_b - arm_a
    w_a = bodies.w[m.body_a]
    w_b = bodies.w[m.body_b]
    m.v = bodies.v[m.body_b] + wp.cross(w_b, arm_b) - bodies.v[m.body_a] - wp.cross(w_a, arm_a)
    speed = wp.length(m.v) + wp.length(w_a) * g.bound[m.a] + wp.length(w_b) * g.bound[m.b]
    m.size = pairs.size[pair]
    m.margin = wp.min(0.02 * m.size, 0.05) + interval * speed + 0.5 * gravity * interval * interval
    return m


@wp.func
def put_ball(
    g: Geometry, pairs: Pairs, c: Contacts, m: Meeting, point_a: wp.vec3, normal: wp.vec3, radius_a: float,
    separation: float,
):  # fmt: skip
    """The one contact of ball ``b``, normal and point in the frame of a's body; it keeps the impulses it has."""
    if separation >= m.margin:
        pairs.count[m.pair] = 0
        return
    i = row_of(c, m.pair, 0)
    if pairs.count[m.pair] == 0:
        c.grip[i] = Grip()
    pairs.count[m.pair] = 1
    spot = Spot()
    spot.fresh = 1
    spot.kind = wp.where(g.kind[m.a] == SPHERE, POINT, FACE)
    spot.point_a = point_a
    spot.point_b = g.position[m.b]
    spot.normal_a = normal
    spot.radius_a = radius_a
    spot.radius_b = g.radius[m.b]
    c.spot[i] = spot


@wp.func
def touch_ball(g: Geometry, bodies: Bodies, pairs: Pairs, c: Contacts, m: Meeting):
    """The contact of a ball with another or with a plane."""
    up = wp.vec3(0.0, 1.0, 0.0)
    turn_a = bodies.rotation[m.body_a]
    if g.kind[m.a] == SPHERE:
        distance = wp.length(m.d)
        n = up
        if distance > 1.0e-12:
            n = (m.d / distance) * turn_a  # in a's frame
        put_ball(g, pairs, c, m, g.position[m.a], n, g.radius[m.a], distance - g.radius[m.a] - g.radius[m.b])
    else:
        foot = m.d * turn_a
        put_ball(g, pairs, c, m, wp.vec3(foot[0], 0.0, foot[2]), up, 0.0, foot[1] - g.radius[m.b])


@wp.func
def is_near(g: Geometry, bodies: Bodies, m: Meeting):
    """Whether the bounding spheres, or one and a plane, may touch."""
    if g.kind[m.a] == FIELD:
        return True
    if g.kind[m.a] == PLANE:
        return wp.dot(m.d, bodies.rotation[m.body_a] * wp.vec3(0.0, 1.0, 0.0)) < g.bound[m.b] + m.margin
    return wp.length(m.d) < g.bound[m.a] + g.bound[m.b] + m.margin


@wp.func
def turn_of(g: Geometry, bodies: Bodies, collider: int, body: int):
    """From the frame of a collider to the world."""
    turn = bodies.rotation[body]
    if g.is_part[collider] == 1:
        turn = turn * g.rotation[collider]
    return turn


@wp.func
def keep_on_field(
    g: Geometry, pairs: Pairs, c: Contacts, cand: Candidates, m: Meeting, first: int, count: int
):  # fmt: skip
    """Hand the contacts with walls to the next pair, which is this one's other half; how many lie on floors."""
    to_bodies(g, m.a, m.b, cand, first, count)
    floors = floor_first(cand, first, count)
    walls = keep_four(cand, first + floors, count - floors, 0.01 * m.size)
    hand_over(pairs, c, cand, first + floors, walls, pairs.following[m.pair], 0.1 * m.size)
    return keep_four(cand, first, floors, 0.01 * m.size)


@wp.func
def keep_on_solid(
    g: Geometry, pairs: Pairs, c: Contacts, cand: Candidates, m: Meeting, first: int, found: int, turned: float
):  # fmt: skip
    """How many contacts to keep. A hull over a plane that turns by more than a little, ``turned`` [rad], has others in
    the next pair.
    """
    count = keep_four(cand, first, found, 0.01 * m.size)
    to_bodies(g, m.a, m.b, cand, first, found)
    if g.kind[m.a] == PLANE and g.kind[m.b] == HULL and g.vertex_count[m.b] > 4:
        more = int(0)  # a blow may turn what turns fast the other way at once: other corners come down
        if turned > MANY_TURN:
            more = keep_four(cand, first + count, found - count, 0.01 * m.size)
        hand_over(pairs, c, cand, first + count, more, pairs.following[m.pair], 0.1 * m.size)
    return count


@wp.func
def point_axes(g: Geometry, bodies: Bodies, c: Contacts, m: Meeting, count: int):
    """Axis in b's frame of the contacts that have one: that of a rim's circle, the normal of a back."""
    for k in range(count):
        i = row_of(c, m.pair, k)
        spot = c.spot[i]
        if spot.kind == RIM:
            spot.axis_b = g.rotation[m.b] * wp.vec3(0.0, 1.0, 0.0)
            c.spot[i] = spot
        if spot.kind == BACK:
            n = bodies.rotation[m.body_a] * spot.normal_a
            spot.axis_b = wp.transpose(bodies.rotation[m.body_b]) * n
            c.spot[i] = spot


@wp.func
def touch_solid(
    g: Geometry, bodies: Bodies, pairs: Pairs, c: Contacts, cand: Candidates, m: Meeting, interval: float, slot: int
):  # fmt: skip
    """Find contacts in the frame of a, choose which to keep, and hand them to the pair."""
    first = slot * cand.stride
    back = wp.transpose(turn_of(g, bodies, m.a, m.body_a))
    rot = back * turn_of(g, bodies, m.b, m.body_b)
    path = interval * (back * m.v)
    w_b = bodies.w[m.body_b]
    count = int(0)
    if is_near(g, bodies, m):
        count = find_points(g, m.a, m.b, rot, back * m.d, m.margin, m.size, path, cand, slot)
    kind = g.kind[m.a]
    if kind == PLANE or kind == FIELD:  # of many corners, those that will carry are kept
        look_ahead(cand, first, count, rot, path, interval * (back * w_b))
    if kind == MESH:  # the frame of a mesh is its body's
        to_bodies(g, m.a, m.b, cand, first, count)
        turn = back * bodies.rotation[m.body_b]
        hand_over_sides(pairs, c, cand, first, count, m.pair, m.size, turn, path, interval * (back * w_b))
        return
    if kind == FIELD:
        count = keep_on_field(g, pairs, c, cand, m, first, count)
    else:
        count = keep_on_solid(g, pairs, c, cand, m, first, count, interval * wp.length(w_b))
    hand_over(pairs, c, cand, first, count, m.pair, 0.1 * m.size)
    point_axes(g, bodies, c, m, count)


@wp.kernel
def collide_kernel(
    g: Geometry, bodies: Bodies, pairs: Pairs, interval: float, gravity: float,
    cand: Candidates, c: Contacts, thread_total: int, on_surface: int, slowest: float,
):  # fmt: skip
    thread = wp.tid()
    place = int(thread)
    total = wp.where(nobody_stirs(bodies), 0, pairs.live_count[0])
    while place < total:
        pair = pairs.live[place]
        place += thread_total
        if is_due(g, bodies, pairs, pair, on_surface, slowest):
            pairs.looked[0] = 1
            m = meet(g, bodies, pairs, pair, interval, gravity)
            if g.kind[m.a] == SPHERE or (g.kind[m.a] == PLANE and g.kind[m.b] == SPHERE):
                touch_ball(g, bodies, pairs, c, m)
            else:
                touch_solid(g, bodies, pairs, c, cand, m, interval, thread)


def collide(
    g: Geometry, bodies: Bodies, pairs: Pairs, c: Contacts, cand: Candidates, *, interval, gravity, threads, device,
    on_surface=False, slowest=0.0,
):  # fmt: skip
    """Find the contacts of all live pairs of solids, or of all with a mesh or field, for the next ``interval`` [s].

    ``threads`` rows of ``cand`` are used. Pairs of bodies that both turn slower than ``slowest`` [rad/s] are left as
    they are.
    """
    wp.launch(
        collide_kernel, dim=threads, device=device,
        inputs=[g, bodies, pairs, interval, gravity, cand, c, threads, int(on_surface), slowest],
    )  # fmt: skip
