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


@wp.func
def touch_ball(
    g: Geometry, pairs: Pairs, c: Contacts, pair: int, a: int, b: int, point_a: wp.vec3, normal: wp.vec3,
    radius_a: float, separation: float, margin: float,
):  # fmt: skip
    """The one contact of ball ``b``, normal and point in the frame of a's body; it keeps the impulses it has."""
    if separation >= margin:
        pairs.count[pair] = 0
        return
    i = row_of(c, pair, 0)
    if pairs.count[pair] == 0:
        c.grip[i] = Grip()
    pairs.count[pair] = 1
    spot = Spot()
    spot.fresh = 1
    spot.kind = wp.where(g.kind[a] == SPHERE, POINT, FACE)
    spot.point_a = point_a
    spot.point_b = g.position[b]
    spot.normal_a = normal
    spot.radius_a = radius_a
    spot.radius_b = g.radius[b]
    c.spot[i] = spot


@wp.func
def turning(g: Geometry, bodies: Bodies, collider: int, body: int):
    """How fast other points of a collider come to the front [rad/s]: balls are the same on all sides."""
    if g.kind[collider] == SPHERE:
        return float(0.0)
    return wp.length(bodies.w[body])


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
        a = pairs.collider_a[pair]
        if pairs.side[pair] > 0 or wp.where(g.kind[a] >= FIELD, 1, 0) != on_surface:
            continue
        b = pairs.collider_b[pair]
        body_a = pairs.a[pair]
        body_b = pairs.b[pair]
        if not (is_awake(bodies, body_a) or is_awake(bodies, body_b)):
            continue  # they keep the contacts they fell asleep with
        if wp.max(turning(g, bodies, a, body_a), turning(g, bodies, b, body_b)) < slowest:
            continue
        pairs.looked[0] = 1
        turn_a = bodies.rotation[body_a]
        turn_b = bodies.rotation[body_b]
        arm_a = turn_a * g.position[a]
        arm_b = turn_b * g.position[b]
        d = wp.vec3(bodies.x[body_b] - bodies.x[body_a]) + arm_b - arm_a
        w_a = bodies.w[body_a]
        w_b = bodies.w[body_b]
        v = bodies.v[body_b] + wp.cross(w_b, arm_b) - bodies.v[body_a] - wp.cross(w_a, arm_a)
        speed = wp.length(v) + wp.length(w_a) * g.bound[a] + wp.length(w_b) * g.bound[b]
        size = pairs.size[pair]
        margin = wp.min(0.02 * size, 0.05) + interval * speed + 0.5 * gravity * interval * interval
        distance = wp.length(d)
        if g.kind[a] == SPHERE:
            n = wp.vec3(0.0, 1.0, 0.0)
            if distance > 1.0e-12:
                n = (d / distance) * turn_a  # in a's frame
            gap = distance - g.radius[a] - g.radius[b]
            touch_ball(g, pairs, c, pair, a, b, g.position[a], n, g.radius[a], gap, margin)
            continue
        if g.kind[a] == PLANE and g.kind[b] == SPHERE:
            foot = d * turn_a
            gap = foot[1] - g.radius[b]
            touch_ball(
                g, pairs, c, pair, a, b, wp.vec3(foot[0], 0.0, foot[2]), wp.vec3(0.0, 1.0, 0.0), 0.0, gap, margin
            )
            continue
        near = distance < g.bound[a] + g.bound[b] + margin
        if g.kind[a] == PLANE:
            near = wp.dot(d, turn_a * wp.vec3(0.0, 1.0, 0.0)) < g.bound[b] + margin
        if g.kind[a] == FIELD:
            near = True
        first = thread * cand.stride
        count = int(0)
        if g.is_part[a] == 1:
            turn_a = turn_a * g.rotation[a]
        if g.is_part[b] == 1:
            turn_b = turn_b * g.rotation[b]
        back = wp.transpose(turn_a)
        rot = back * turn_b
        path = interval * (back * v)
        if near:
            count = find_points(g, a, b, rot, back * d, margin, size, path, cand, thread)
        if g.kind[a] == PLANE or g.kind[a] == FIELD:  # of many corners, those that will carry are kept
            look_ahead(cand, first, count, rot, path, interval * (back * w_b))
        if g.kind[a] == MESH:  # the frame of a mesh is its body's
            to_bodies(g, a, b, cand, first, count)
            hand_over_sides(
                pairs, c, cand, first, count, pair, size, back * bodies.rotation[body_b], path, interval * (back * w_b)
            )
            continue
        if g.kind[a] == FIELD:  # the next pair is this one's other half: its contacts with walls
            to_bodies(g, a, b, cand, first, count)
            floors = floor_first(cand, first, count)
            walls = keep_four(cand, first + floors, count - floors, 0.01 * size)
            hand_over(pairs, c, cand, first + floors, walls, pairs.following[pair], 0.1 * size)
            count = keep_four(cand, first, floors, 0.01 * size)
        else:
            found = int(count)
            count = keep_four(cand, first, found, 0.01 * size)
            to_bodies(g, a, b, cand, first, found)
            if g.kind[a] == PLANE and g.kind[b] == HULL and g.vertex_count[b] > 4:
                more = int(0)  # a blow may turn what turns fast the other way at once: other corners come down
                if interval * wp.length(w_b) > MANY_TURN:
                    more = keep_four(cand, first + count, found - count, 0.01 * size)
                hand_over(pairs, c, cand, first + count, more, pairs.following[pair], 0.1 * size)
        hand_over(pairs, c, cand, first, count, pair, 0.1 * size)
        for k in range(count):
            i = row_of(c, pair, k)
            spot = c.spot[i]
            if spot.kind == RIM:
                spot.axis_b = g.rotation[b] * wp.vec3(0.0, 1.0, 0.0)
                c.spot[i] = spot
            if spot.kind == BACK:
                n = bodies.rotation[body_a] * spot.normal_a
                spot.axis_b = wp.transpose(bodies.rotation[body_b]) * n
                c.spot[i] = spot


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
