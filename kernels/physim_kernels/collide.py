"""Which bodies touch, and where: bounding spheres, then the geometry of the two kinds, then four points are kept.

A contact keeps its impulses from one collision pass to the next: each new point takes over the nearest old one, by
distance in a's frame or in b's, whichever is smaller, so that a sliding box keeps its friction.
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
from physim_kernels.rigid_data import (
    CYLINDER,
    FIELD,
    HULL,
    MESH,
    MESH_PAIRS,
    PLANE,
    SPHERE,
    Bodies,
    Candidates,
    Contacts,
    Geometry,
    Pairs,
)


@wp.func
def find_points(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, size: float, path: wp.vec3,
    cand: Candidates, slot: int,
):  # fmt: skip
    """Contact points of two bodies into ``cand``; returns how many.

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
    if kind_a == CYLINDER and kind_b == CYLINDER:
        if wp.abs(rot[1, 1]) > 0.9998:
            return parallel_cylinders(g, a, b, rot, t, margin, cand, slot)
        return hull_hull(g, a, b, rot, t, margin, size, cand, slot)
    if kind_a == HULL and kind_b == CYLINDER:
        count = cylinder_face(g, a, b, rot, t, margin, cand, slot)
        if count > 0:
            return count
    if kind_a == HULL or kind_a == CYLINDER:
        if kind_b == SPHERE:
            if kind_a == CYLINDER:
                return sphere_cylinder(g, a, t, g.radius[b], margin, cand, slot)
            return sphere_hull(g, a, t, wp.vec3(0.0, 0.0, 0.0), g.radius[b], margin, cand, slot, 0)
        if kind_b == HULL or kind_b == CYLINDER:
            return hull_hull(g, a, b, rot, t, margin, size, cand, slot)
        return capsule_hull(g, a, b, rot, t, margin, cand, slot)
    return round_round(g, a, b, rot, t, margin, cand, slot)


@wp.func
def move_candidate(cand: Candidates, source: int, target: int):
    """Swap two rows of the list."""
    kind = cand.kind[target]
    point_a = cand.point_a[target]
    point_b = cand.point_b[target]
    normal_a = cand.normal_a[target]
    radius_a = cand.radius_a[target]
    radius_b = cand.radius_b[target]
    separation = cand.separation[target]
    cand.kind[target] = cand.kind[source]
    cand.point_a[target] = cand.point_a[source]
    cand.point_b[target] = cand.point_b[source]
    cand.normal_a[target] = cand.normal_a[source]
    cand.radius_a[target] = cand.radius_a[source]
    cand.radius_b[target] = cand.radius_b[source]
    cand.separation[target] = cand.separation[source]
    cand.kind[source] = kind
    cand.point_a[source] = point_a
    cand.point_b[source] = point_b
    cand.normal_a[source] = normal_a
    cand.radius_a[source] = radius_a
    cand.radius_b[source] = radius_b
    cand.separation[source] = separation


@wp.func
def nearness(separation: float, slack: float):
    """Weight of a point for the support polygon: 1 where it touches, falling off over ``slack`` [m]."""
    x = wp.max(separation, 0.0) / slack
    return 1.0 / (1.0 + x * x)


@wp.func
def keep_four(cand: Candidates, first: int, count: int, slack: float):
    """Bring four well spread points to the front: deepest, farthest from it, largest area on either side.

    Points that hover count less, so that on rough ground the peaks that carry are kept.
    """
    if count <= 4:
        return count
    best = float(1.0e30)
    index = int(0)
    for k in range(count):
        if cand.separation[first + k] < best:
            best = cand.separation[first + k]
            index = k
    move_candidate(cand, first + index, first)
    p0 = cand.point_a[first]
    best = float(-1.0)
    index = int(1)
    for k in range(1, count):
        d = wp.length_sq(cand.point_a[first + k] - p0) * nearness(cand.separation[first + k], slack)
        if d > best:
            best = d
            index = k
    move_candidate(cand, first + index, first + 1)
    p1 = cand.point_a[first + 1]
    n = cand.normal_a[first]
    best = float(-1.0)
    index = int(2)
    side = float(1.0)
    for k in range(2, count):
        area = wp.dot(n, wp.cross(p1 - p0, cand.point_a[first + k] - p0)) * nearness(cand.separation[first + k], slack)
        if wp.abs(area) > best:
            best = wp.abs(area)
            index = k
            side = wp.sign(area)
    move_candidate(cand, first + index, first + 2)
    best = float(-1.0e30)
    index = int(3)
    for k in range(3, count):
        area = wp.dot(n, wp.cross(p1 - p0, cand.point_a[first + k] - p0)) * nearness(cand.separation[first + k], slack)
        if -side * area > best:
            best = -side * area
            index = k
    move_candidate(cand, first + index, first + 3)
    return int(4)


@wp.func
def inherit(
    pairs: Pairs, c: Contacts, cand: Candidates, row: int, slot: int, pair: int, span: int, used: int, reach: float
):
    """Find the nearest old point of a new one within ``reach`` [m] and note its impulses for ``slot``.

    The old points are those of ``span`` pairs from ``pair``; ``used`` has a bit for each that has an heir, and is
    returned with one more. Impulses wait in the scratch columns until all have been compared.
    """
    nearest = float(reach)
    match = int(-1)
    for j in range(4 * span):
        if j % 4 < pairs.count[pair + j / 4] and (used >> j) & 1 == 0:
            d_a = wp.length(c.point_a[4 * pair + j] - cand.point_a[row])
            d_b = wp.length(c.point_b[4 * pair + j] - cand.point_b[row])
            d = wp.min(d_a, d_b)
            if d < nearest:
                nearest = d
                match = j
    c.heir_normal[slot] = 0.0
    c.heir_friction[slot] = wp.vec3(0.0, 0.0, 0.0)
    c.heir_turning[slot] = wp.vec3(0.0, 0.0, 0.0)
    c.heir_slips[slot] = 0
    if match < 0:
        return used
    c.heir_normal[slot] = c.normal_impulse[4 * pair + match]
    c.heir_friction[slot] = c.friction_impulse[4 * pair + match]
    c.heir_turning[slot] = c.turning_impulse[4 * pair + match]
    c.heir_slips[slot] = c.slips[4 * pair + match]
    return used | (1 << match)


@wp.func
def write_contact(c: Contacts, cand: Candidates, row: int, slot: int):
    """A kept point into its slot, with the impulses noted there."""
    c.kind[slot] = cand.kind[row]
    c.point_a[slot] = cand.point_a[row]
    c.point_b[slot] = cand.point_b[row]
    c.normal_a[slot] = cand.normal_a[row]
    c.radius_a[slot] = cand.radius_a[row]
    c.radius_b[slot] = cand.radius_b[row]
    c.normal_impulse[slot] = c.heir_normal[slot]
    c.friction_impulse[slot] = c.heir_friction[slot]
    c.turning_impulse[slot] = c.heir_turning[slot]
    c.slips[slot] = c.heir_slips[slot]


@wp.func
def hand_over(pairs: Pairs, c: Contacts, cand: Candidates, first: int, count: int, pair: int, reach: float):
    """Write the kept points to the pair's slots; each takes over the nearest old point within ``reach`` [m]."""
    used = int(0)
    for k in range(count):
        used = inherit(pairs, c, cand, first + k, 4 * pair + k, pair, 1, used, reach)
    for k in range(count):
        write_contact(c, cand, first + k, 4 * pair + k)
    pairs.count[pair] = count


@wp.func
def same_side(cand: Candidates, first: int, count: int):
    """Bring the points that lie about in the direction of the most urgent one to the front; returns how many."""
    urgent = int(first)
    for k in range(first, first + count):
        if cand.separation[k] < cand.separation[urgent]:
            urgent = k
    n = cand.normal_a[urgent]
    members = int(0)
    for k in range(first, first + count):
        if wp.dot(n, cand.normal_a[k]) > 0.9:
            move_candidate(cand, k, first + members)
            members += 1
    return members


@wp.func
def hand_over_sides(
    pairs: Pairs, c: Contacts, cand: Candidates, first: int, count: int, pair: int, size: float,
    rot: wp.mat33, path: wp.vec3, turn: wp.vec3,
):  # fmt: skip
    """Contacts with a mesh: the pair and those after it take the most urgent directions, four points each.

    Urgent is what will be deepest at the next look, when b has gone on by ``path`` [m] and ``turn`` [rad], a's frame.
    """
    for k in range(first, first + count):
        way = path + wp.cross(turn, rot * cand.point_b[k])
        cand.separation[k] = cand.separation[k] + wp.dot(cand.normal_a[k], way)
    rows = wp.vec4i(0, 0, 0, 0)
    counts = wp.vec4i(0, 0, 0, 0)
    row = int(first)
    used = int(0)
    for side in range(MESH_PAIRS):
        members = same_side(cand, row, first + count - row)
        rows[side] = row
        counts[side] = keep_four(cand, row, members, 0.01 * size)
        row += members
        for k in range(counts[side]):
            slot = 4 * (pair + side) + k
            used = inherit(pairs, c, cand, rows[side] + k, slot, pair, MESH_PAIRS, used, 0.1 * size)
    for side in range(MESH_PAIRS):
        for k in range(counts[side]):
            write_contact(c, cand, rows[side] + k, 4 * (pair + side) + k)
        pairs.count[pair + side] = counts[side]


@wp.func
def floor_first(cand: Candidates, first: int, count: int):
    """Sort a field's contact points: those that carry to the front, walls behind. Returns how many carry."""
    floors = int(0)
    for k in range(count):
        if cand.normal_a[first + k][1] > 0.7:
            move_candidate(cand, first + k, first + floors)
            floors += 1
    return floors


@wp.kernel
def collide_kernel(
    g: Geometry, bodies: Bodies, pairs: Pairs, pair_total: int, interval: float, gravity: float,
    cand: Candidates, c: Contacts, thread_total: int, on_surface: int,
):  # fmt: skip
    thread = wp.tid()
    pair = int(thread)
    while pair < pair_total:
        a = pairs.a[pair]
        if pairs.second[pair] == 1 or wp.where(g.kind[a] >= FIELD, 1, 0) != on_surface:
            pair += thread_total
            continue
        b = pairs.b[pair]
        d = wp.vec3(bodies.x[b] - bodies.x[a])
        speed = wp.length(bodies.v[b] - bodies.v[a])
        speed += wp.length(bodies.w[a]) * g.bound[a] + wp.length(bodies.w[b]) * g.bound[b]
        size = pairs.size[pair]
        margin = wp.min(0.02 * size, 0.05) + interval * speed + 0.5 * gravity * interval * interval
        near = wp.length(d) < g.bound[a] + g.bound[b] + margin
        if g.kind[a] == PLANE:
            up = bodies.rotation[a] * wp.vec3(0.0, 1.0, 0.0)
            near = wp.dot(d, up) < g.bound[b] + margin
        if g.kind[a] == FIELD:
            near = True
        first = thread * cand.stride
        count = int(0)
        back = wp.transpose(bodies.rotation[a])
        rot = back * bodies.rotation[b]
        path = interval * (back * (bodies.v[b] - bodies.v[a]))
        if near:
            count = find_points(g, a, b, rot, back * d, margin, size, path, cand, thread)
        if g.kind[a] == MESH:
            turn = interval * (back * bodies.w[b])
            hand_over_sides(pairs, c, cand, first, count, pair, size, rot, path, turn)
        else:
            if g.kind[a] == FIELD:  # the next pair is this one's other half: its contacts with walls
                floors = floor_first(cand, first, count)
                walls = keep_four(cand, first + floors, count - floors, 0.01 * size)
                hand_over(pairs, c, cand, first + floors, walls, pair + 1, 0.1 * size)
                count = floors
            count = keep_four(cand, first, count, 0.01 * size)
            hand_over(pairs, c, cand, first, count, pair, 0.1 * size)
        pair += thread_total


def collide(
    g: Geometry, bodies: Bodies, pairs: Pairs, c: Contacts, cand: Candidates, *, interval, gravity, threads, device,
    on_surface=False,
):  # fmt: skip
    """Find the contacts of all pairs of solids, or of all with a mesh or field, for the next ``interval`` [s].

    ``threads`` rows of ``cand`` are used.
    """
    total = pairs.a.shape[0]
    wp.launch(
        collide_kernel, dim=threads, device=device,
        inputs=[g, bodies, pairs, total, interval, gravity, cand, c, threads, int(on_surface)],
    )  # fmt: skip
