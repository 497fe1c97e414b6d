"""Which contact points of a pair are kept, and what they take over from those of the last look. Only ``wp.func``.

A contact keeps its impulses from one collision pass to the next: each new point takes over the nearest old one, by
distance in a's frame or in b's, whichever is smaller, so that a sliding box keeps its friction.
"""

import warp as wp

from physim_kernels.rigid_data import MESH_PAIRS, Candidates, Contacts, Grip, Pairs, Spot, row_of


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
    pairs: Pairs, c: Contacts, cand: Candidates, row: int, slot: int, old: wp.vec4i, span: int, used: int, reach: float,
):  # fmt: skip
    """Find the nearest old point of a new one within ``reach`` [m] and note its impulses for contact ``slot``.

    The old points are those of the first ``span`` pairs of ``old``; ``used`` has a bit for each that has an heir, and
    is returned with one more. Impulses wait in the scratch columns until all have been compared.
    """
    nearest = float(reach)
    match = int(-1)
    bit = int(0)
    for j in range(span):
        pair = old[j]
        for k in range(pairs.count[pair]):
            if (used >> (4 * j + k)) & 1 == 0:
                i = row_of(c, pair, k)
                d_a = wp.length(c.spot[i].point_a - cand.point_a[row])
                d_b = wp.length(c.spot[i].point_b - cand.point_b[row])
                d = wp.min(d_a, d_b)
                if d < nearest:
                    nearest = d
                    match = int(i)
                    bit = 4 * j + k
    if match < 0:
        c.heir[slot] = Grip()
        return used
    c.heir[slot] = c.grip[match]
    return used | (1 << bit)


@wp.func
def write_contact(c: Contacts, cand: Candidates, row: int, heir: int, slot: int):
    """A kept point into its slot, with the impulses noted there."""
    spot = Spot()
    spot.kind = cand.kind[row]
    spot.point_a = cand.point_a[row]
    spot.point_b = cand.point_b[row]
    spot.normal_a = cand.normal_a[row]
    spot.radius_a = cand.radius_a[row]
    spot.radius_b = cand.radius_b[row]
    spot.fresh = 1
    c.spot[slot] = spot
    c.grip[slot] = c.heir[heir]


@wp.func
def hand_over(pairs: Pairs, c: Contacts, cand: Candidates, first: int, count: int, pair: int, reach: float):
    """Write the kept points to the pair's slots; each takes over the nearest old point within ``reach`` [m]."""
    used = int(0)
    taken = int(0)
    places = wp.vec4i(-1, -1, -1, -1)
    old = wp.vec4i(pair, 0, 0, 0)
    for k in range(count):
        more = inherit(pairs, c, cand, first + k, row_of(c, pair, k), old, 1, used, reach)
        for j in range(count):  # the heir keeps the place, so that points are solved in the same order as before
            if more != used and more ^ used == 1 << j:
                places[k] = j
                taken = taken | (1 << j)
        used = more
    for k in range(count):
        j = int(0)
        while places[k] < 0:
            if (taken >> j) & 1 == 0:
                places[k] = j
                taken = taken | (1 << j)
            j += 1
        write_contact(c, cand, first + k, row_of(c, pair, k), row_of(c, pair, places[k]))
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
def look_ahead(cand: Candidates, first: int, count: int, rot: wp.mat33, path: wp.vec3, turn: wp.vec3):
    """Set the separations to what they will be when b has gone on by ``path`` [m] and ``turn`` [rad], a's frame."""
    for k in range(first, first + count):
        way = path + wp.cross(turn, rot * cand.point_b[k])
        cand.separation[k] = cand.separation[k] + wp.dot(cand.normal_a[k], way)


@wp.func
def hand_over_sides(
    pairs: Pairs, c: Contacts, cand: Candidates, first: int, count: int, pair: int, size: float,
    rot: wp.mat33, path: wp.vec3, turn: wp.vec3,
):  # fmt: skip
    """Contacts with a mesh: the pair and those after it take the most urgent directions, four points each.

    Urgent is what will be deepest at the next look, when b has gone on by ``path`` [m] and ``turn`` [rad], a's frame.
    """
    look_ahead(cand, first, count, rot, path, turn)
    side1 = pairs.following[pair]
    side2 = pairs.following[side1]
    sides = wp.vec4i(pair, side1, side2, pairs.following[side2])
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
            slot = row_of(c, sides[side], k)
            used = inherit(pairs, c, cand, rows[side] + k, slot, sides, MESH_PAIRS, used, 0.1 * size)
    for side in range(MESH_PAIRS):
        for k in range(counts[side]):
            slot = row_of(c, sides[side], k)
            write_contact(c, cand, rows[side] + k, slot, slot)
        pairs.count[sides[side]] = counts[side]


@wp.func
def floor_first(cand: Candidates, first: int, count: int):
    """Sort a field's contact points: those that carry to the front, walls behind. Returns how many carry."""
    floors = int(0)
    for k in range(count):
        if cand.normal_a[first + k][1] > 0.7:
            move_candidate(cand, first + k, first + floors)
            floors += 1
    return floors
