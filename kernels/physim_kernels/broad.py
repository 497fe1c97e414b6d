"""Which colliders are near each other.

Colliders are sorted into grids of cells 1, 2, 4 ... times as wide as the smallest of them, each into the finest grid
whose cells hold it with all it may move until the next look. A collider looks for others in its own grid and in the
coarser ones, so the cost is linear in the number of colliders whatever their sizes (Teschner et al., "Optimized Spatial
Hashing for Collision Detection of Deformable Objects", VMV 2003; levels after Eitz and Lixu, "Hierarchical Spatial
Hashing for Real-time Collision Detection", SMI 2007). Planes and height fields are compared with every moving collider,
and so is a grid of few members.

Of two colliders that come near each other one *owns* the pair: the one with the lower number, but never one much larger
than the other, so that nothing owns many. What becomes of the pairs that are found: ``pair_slots.py``.
"""

import warp as wp

from physim_kernels.broad_data import INCOMING, LEVELS, Broad, lose
from physim_kernels.pair_slots import keep_slots
from physim_kernels.rigid_data import PLANE, Bodies, Geometry, Pairs, nobody_stirs

FEW = wp.constant(24)
"""A grid of at most so many members is one cell."""


@wp.func
def half_margin(bound: float):
    """Half of the distance at which contacts between bodies at rest begin [m]."""
    return wp.min(0.01 * bound, 0.025)


@wp.kernel
def place_kernel(g: Geometry, bodies: Bodies, broad: Broad, interval: float, gravity: float):
    """Where each collider is and may get to within ``interval``, and how large that makes it."""
    i = wp.tid()
    if broad.level[i] < 0 or nobody_stirs(bodies):
        return
    body = g.body[i]
    turn = bodies.rotation[body]
    offset = turn * g.position[i]
    if g.is_part[i] == 1:
        turn = turn * g.rotation[i]
    centre = wp.vec3(bodies.x[body]) + offset
    w = bodies.w[body]
    bound = g.bound[i]
    speed = wp.length(bodies.v[body] + wp.cross(w, offset)) + wp.length(w) * bound
    slack = half_margin(bound) + interval * speed + 0.25 * gravity * interval * interval
    slack += 1.0e-6 * (bound + wp.max(wp.abs(centre[0]), wp.max(wp.abs(centre[1]), wp.abs(centre[2]))))
    e = g.box_half[i]
    half = wp.vec3(
        wp.abs(turn[0, 0]) * e[0] + wp.abs(turn[0, 1]) * e[1] + wp.abs(turn[0, 2]) * e[2] + slack,
        wp.abs(turn[1, 0]) * e[0] + wp.abs(turn[1, 1]) * e[1] + wp.abs(turn[1, 2]) * e[2] + slack,
        wp.abs(turn[2, 0]) * e[0] + wp.abs(turn[2, 1]) * e[1] + wp.abs(turn[2, 2]) * e[2] + slack,
    )
    middle = centre + turn * g.box_centre[i]
    broad.centre[i] = centre
    broad.reach[i] = bound + slack
    broad.lower[i] = middle - half
    broad.upper[i] = middle + half
    level = int(0)
    size = float(broad.cell)
    while level < LEVELS - 1 and size < 2.0 * (bound + slack):
        size = 2.0 * size
        level += 1
    broad.level[i] = level
    wp.atomic_add(broad.level_count, level, 1)
    broad.bucket_fill[broad.bucket[i]] = 0


@wp.func
def coordinate(x: float, size: float):
    return int(wp.clamp(wp.floor(x / size), -1.0e9, 1.0e9))


@wp.func
def row_key(level: int, y: int, z: int):
    """One number for a row of cells along x; rows 2^28 apart share it."""
    return ((wp.int64(y) & wp.int64(268435455)) * wp.int64(268435456) + (wp.int64(z) & wp.int64(268435455))) * wp.int64(
        32
    ) + wp.int64(level)


@wp.func
def cell_bucket(level: int, x: int, y: int, z: int, hash_mask: int):
    """Row of the hash table: neighbours along x lie in rows that follow each other."""
    return LEVELS + ((x + y * 73856093 + z * 19349663 + level * 83492791) & hash_mask)


@wp.func
def is_whole(broad: Broad, level: int):
    """Whether a grid is one cell."""
    return level == LEVELS - 1 or broad.level_count[level] <= FEW


@wp.kernel
def sort_kernel(bodies: Bodies, broad: Broad):
    """Cell and bucket of each collider."""
    i = wp.tid()
    level = broad.level[i]
    if level < 0 or nobody_stirs(bodies):
        return
    key = wp.int64(level)
    bucket = int(level)
    if not is_whole(broad, level):
        size = broad.cell * float(1 << level)
        c = broad.centre[i]
        x = coordinate(c[0], size)
        y = coordinate(c[1], size)
        z = coordinate(c[2], size)
        key = row_key(level, y, z)
        bucket = cell_bucket(level, x, y, z, broad.hash_mask)
    broad.key[i] = key
    broad.bucket[i] = bucket
    wp.atomic_add(broad.bucket_fill, bucket, 1)


@wp.kernel
def scan_kernel(bodies: Bodies, broad: Broad):
    """From the members of each bucket to its first row; one thread."""
    if nobody_stirs(bodies):
        return
    total = int(0)
    buckets = LEVELS + broad.hash_mask + 1
    for k in range(buckets):
        count = broad.bucket_fill[k]
        broad.bucket_start[k] = total
        if count > 0:  # an empty one stays at 0
            broad.bucket_fill[k] = total
        total += count
    broad.bucket_start[buckets] = total


@wp.kernel
def scatter_kernel(bodies: Bodies, broad: Broad):
    i = wp.tid()
    if broad.level[i] >= 0 and not nobody_stirs(bodies):
        row = wp.atomic_add(broad.bucket_fill, broad.bucket[i], 1)
        broad.sorted[row] = i
        c = broad.centre[i]
        broad.sorted_ball[row] = wp.vec4(c[0], c[1], c[2], broad.reach[i])


@wp.func
def excluded_key(a: int, b: int):
    return wp.int64(wp.min(a, b)) * wp.int64(2147483648) + wp.int64(wp.max(a, b))


@wp.func
def is_excluded(broad: Broad, a: int, b: int):
    """Whether two bodies pass through each other: binary search."""
    key = excluded_key(a, b)
    low = int(0)
    high = int(broad.excluded_total)
    while low < high:
        middle = (low + high) / 2
        if broad.excluded[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < broad.excluded_total and broad.excluded[low] == key


@wp.func
def offer(g: Geometry, broad: Broad, i: int, j: int):
    """Tell the one that owns the pair of its partner."""
    owner = wp.min(i, j)
    partner = wp.max(i, j)
    if partner < broad.moving_total and g.bound[owner] > 4.0 * g.bound[partner]:
        partner = owner
        owner = wp.max(i, j)
    k = wp.atomic_add(broad.incoming_count, owner, 1)
    if k < INCOMING:
        broad.incoming[owner * INCOMING + k] = partner
    else:
        lose(broad, owner)


@wp.func
def near_boundless(g: Geometry, bodies: Bodies, broad: Broad, i: int, j: int, interval: float):
    """Whether collider ``i`` may reach the plane or field ``j``."""
    if broad.excluded_total > 0 and is_excluded(broad, g.body[i], g.body[j]):
        return False
    d = broad.centre[i] - wp.vec3(bodies.x[g.body[j]])
    speed = wp.length(bodies.v[g.body[j]]) + wp.length(bodies.w[g.body[j]]) * wp.length(d)
    reach = 2.0 * broad.reach[i] - g.bound[i] + interval * speed
    up = wp.vec3(0.0, 1.0, 0.0)
    if g.kind[j] == PLANE:
        up = bodies.rotation[g.body[j]] * up
    return wp.dot(d, up) - broad.field_top[j] < reach


@wp.func
def near(g: Geometry, broad: Broad, i: int, j: int):
    """Whether the boxes of two colliders of different bodies overlap."""
    la = broad.lower[i]
    ua = broad.upper[i]
    lb = broad.lower[j]
    ub = broad.upper[j]
    if la[0] > ub[0] or lb[0] > ua[0] or la[1] > ub[1] or lb[1] > ua[1] or la[2] > ub[2] or lb[2] > ua[2]:
        return False
    if g.body[i] == g.body[j]:
        return False
    return broad.excluded_total == 0 or not is_excluded(broad, g.body[i], g.body[j])


@wp.func
def find_among(g: Geometry, broad: Broad, i: int, first: int, end: int, key: wp.int64, coarser: int):
    """Offer the pairs of ``i`` with the members of some buckets; ``coarser``: they are of a coarser grid than ``i``."""
    c = broad.centre[i]
    r = broad.reach[i]
    for row in range(first, end):
        ball = broad.sorted_ball[row]
        x = ball[0] - c[0]
        y = ball[1] - c[1]
        z = ball[2] - c[2]
        reach = ball[3] + r
        if x * x + y * y + z * z < reach * reach:
            j = broad.sorted[row]
            if (coarser == 1 or j > i) and (i < broad.moving_total or j < broad.moving_total):
                if broad.key[j] == key and near(g, broad, i, j):
                    offer(g, broad, i, j)


@wp.kernel
def find_kernel(g: Geometry, bodies: Bodies, broad: Broad, interval: float):
    """Offer every pair of colliders that are near each other to its owner, once."""
    i = wp.tid()
    own = broad.level[i]
    if own < 0 or nobody_stirs(bodies):
        return
    moving = broad.moving_total
    if i < moving:
        for k in range(broad.boundless_total):
            if near_boundless(g, bodies, broad, i, broad.boundless[k], interval):
                offer(g, broad, i, broad.boundless[k])
    c = broad.centre[i]
    size = float(broad.cell * float(1 << own))
    for level in range(own, LEVELS):
        if broad.level_count[level] > 0 and (level > own or i < moving):
            low = wp.vec3i(0, 0, 0)
            high = wp.vec3i(0, 0, 0)
            whole = is_whole(broad, level)
            if not whole:
                r = broad.reach[i] + 0.5 * size
                low = wp.vec3i(coordinate(c[0] - r, size), coordinate(c[1] - r, size), coordinate(c[2] - r, size))
                high = wp.vec3i(coordinate(c[0] + r, size), coordinate(c[1] + r, size), coordinate(c[2] + r, size))
            for y in range(low[1], high[1] + 1):
                for z in range(low[2], high[2] + 1):
                    coarser = wp.min(level - own, 1)
                    key = wp.int64(level)
                    first = int(level)
                    last = int(level)
                    if not whole:
                        key = row_key(level, y, z)
                        first = cell_bucket(level, low[0], y, z, broad.hash_mask)
                        last = cell_bucket(level, high[0], y, z, broad.hash_mask)
                    begin = broad.bucket_start[first]
                    if last < first:  # the row goes over the end of the table
                        find_among(g, broad, i, broad.bucket_start[LEVELS], broad.bucket_start[last + 1], key, coarser)
                        last = LEVELS + broad.hash_mask
                    find_among(g, broad, i, begin, broad.bucket_start[last + 1], key, coarser)
        size = 2.0 * size


def search(g: Geometry, bodies: Bodies, pairs: Pairs, broad: Broad, *, interval, gravity, may_drop, device):
    """List in ``pairs.live`` all pairs of colliders that may touch within ``interval`` [s].

    While nothing in the scene stirs the list stays as it is.
    ``may_drop``: Whether pairs that are apart give their slots back; else they wait, and a slot keeps its meaning.
    """
    everything = int(broad.collider_total)
    wp.launch(place_kernel, dim=everything, inputs=[g, bodies, broad, interval, gravity], device=device)
    wp.launch(sort_kernel, dim=everything, inputs=[bodies, broad], device=device)
    wp.launch(scan_kernel, dim=1, inputs=[bodies, broad], device=device)
    wp.launch(scatter_kernel, dim=everything, inputs=[bodies, broad], device=device)
    wp.launch(find_kernel, dim=everything, inputs=[g, bodies, broad, interval], device=device)
    keep_slots(g, bodies, pairs, broad, gravity=gravity, may_drop=may_drop, device=device)
