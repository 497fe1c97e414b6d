"""Which particles of a liquid there are: entering at sources, leaving at open sides, kept in the order of their cells.

``count[0]`` particles at the front of the arrays are in use. One that leaves is moved to ``GONE`` and skipped from then
on; the next ordering drops it. Every particle has a public number for life, given in the order of entering: ``number``
moves with it, ``given[0]`` counts the numbers given away.

Order by cells (counting sort) brings particles together that touch the same memory: transfers are bound by it. Places
and numbers alone are brought into order, between the transfer to the grid and that back, which gives new velocities.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

GONE = wp.constant(-1.0e3)
"""Coordinate of a particle that has left [cells]."""
GOLDEN = wp.constant(2.399963)
"""Angle between neighbours of a sunflower [rad]: covers a disc evenly with any number of points."""


@wp.struct
class Source:
    """A disc that liquid flows through."""

    centre: wp.vec3
    """Where it enters; its flow is free from a nozzle's length further on [cells]."""
    velocity: wp.vec3
    """[cells/s]"""
    radius: float
    """[cells]"""
    points: int
    """Particles per layer."""
    spacing: float
    """Between layers [cells]."""
    start: float
    end: float
    """[s]"""


@wp.func
def layer_point(source: Source, along: wp.vec3, layer: int, n: int):
    """Place of point ``n`` in a layer of a source, relative to the centre of the layer: a sunflower, turned anew."""
    side = wp.vec3(0.0, 0.0, 1.0)
    if wp.abs(along[2]) > 0.7:
        side = wp.vec3(1.0, 0.0, 0.0)
    a = wp.normalize(wp.cross(along, side))
    b = wp.cross(along, a)
    angle = GOLDEN * float(n) + 1.7 * float(layer % 1000)
    r = source.radius * wp.sqrt((float(n) + 0.5) / float(source.points))
    return r * (wp.cos(angle) * a + wp.sin(angle) * b)


@wp.kernel
def emit_kernel(
    # inputs
    sources: wp.array(dtype=Source), shape: wp.vec3i, dt: float, time: wp.array(dtype=wp.float64),
    # in and out: path of the flow since the last layer [cells], layers so far
    travel: wp.array(dtype=float), layers: wp.array(dtype=int),
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33), number: wp.array(dtype=int),
    count: wp.array(dtype=int), given: wp.array(dtype=int),
):  # fmt: skip
    """Let particles in, layer by layer; one thread, so that their numbers do not depend on the device.

    A layer that was due within the step is put where the flow has carried it since.
    """
    for s in range(sources.shape[0]):
        source = sources[s]
        speed = wp.length(source.velocity)
        now = float(time[0])
        if speed > 0.0 and now + 0.5 * dt >= source.start and now + 0.5 * dt < source.end:
            along = source.velocity / speed
            path = travel[s] + speed * dt
            while path >= source.spacing:
                path -= source.spacing
                for n in range(source.points):
                    at = source.centre + path * along + layer_point(source, along, layers[s], n)
                    inside = at[0] > 0.0 and at[1] > 0.0 and at[2] > 0.0
                    inside = inside and at[0] < float(shape[0]) and at[1] < float(shape[1]) and at[2] < float(shape[2])
                    if inside and count[0] < x.shape[0] and given[0] < x.shape[0]:
                        p = count[0]
                        x[p] = at
                        v[p] = source.velocity
                        c[p] = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
                        number[p] = given[0]
                        count[0] = p + 1
                        given[0] = given[0] + 1
                layers[s] = layers[s] + 1
            travel[s] = path
    time[0] = time[0] + wp.float64(dt)


@wp.kernel
def hold_kernel(
    # inputs
    sources: wp.array(dtype=Source), time: wp.array(dtype=wp.float64), length: float, x: wp.array(dtype=wp.vec3),
    count: wp.array(dtype=int),
    # outputs
    v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
):  # fmt: skip
    """Keep what has just entered at the velocity of its source: a nozzle of this length [cells].

    Without it the air behind the first layer pulls it back.
    """
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    for s in range(sources.shape[0]):
        source = sources[s]
        speed = wp.length(source.velocity)
        now = float(time[0])
        if speed > 0.0 and now >= source.start and now < source.end:
            arm = x[p] - source.centre
            path = wp.dot(arm, source.velocity) / speed
            if path >= 0.0 and path < length and wp.length_sq(arm) - path * path < (source.radius + 0.5) ** 2.0:
                v[p] = source.velocity
                c[p] = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@wp.func
def cell_of(x: wp.vec3, shape: wp.vec3i):
    """Number of the cell that holds ``x``, -1 for one that has left."""
    if x[0] < 0.0:
        return -1
    i = wp.min(int(x[0]), shape[0] - 1)
    j = wp.min(int(x[1]), shape[1] - 1)
    return (i * shape[1] + j) * shape[2] + wp.min(int(x[2]), shape[2] - 1)


@wp.func_native("""
    const float* X = (const float*)x.data;
    int* S = start.data;
    const int cells = nx * ny * nz;
    for (int c = 0; c <= cells; ++c) S[c] = 0;
    for (int p = 0; p < count; ++p) {
        int key = -1;
        if (X[3 * p] >= 0.0f) {
            int i = (int)X[3 * p], j = (int)X[3 * p + 1], k = (int)X[3 * p + 2];
            i = i < nx ? i : nx - 1; j = j < ny ? j : ny - 1; k = k < nz ? k : nz - 1;
            key = (i * ny + j) * nz + k;
            S[key + 1]++;
        }
        cell.data[p] = key;
    }
    for (int c = 0; c < cells; ++c) S[c + 1] += S[c];
    for (int p = 0; p < count; ++p) place.data[p] = cell.data[p] < 0 ? -1 : S[cell.data[p]]++;
    return S[cells - 1];""")
def order_all(
    x: wp.array(dtype=wp.vec3), nx: int, ny: int, nz: int, count: int,
    cell: wp.array(dtype=int), start: wp.array(dtype=int), place: wp.array(dtype=int),
) -> int: ...  # fmt: skip


@wp.kernel
def order_serial_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), shape: wp.vec3i, count: wp.array(dtype=int),
    # outputs: cell, first place of each cell, place of each particle (-1: none), how many there are
    cell: wp.array(dtype=int), start: wp.array(dtype=int), place: wp.array(dtype=int), kept: wp.array(dtype=int),
):  # fmt: skip
    """Counting sort by one thread; particles of one cell stay in their order."""
    kept[0] = order_all(x, shape[0], shape[1], shape[2], count[0], cell, start, place)


@wp.kernel
def count_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), shape: wp.vec3i, count: wp.array(dtype=int),
    # outputs
    cell: wp.array(dtype=int), sizes: wp.array(dtype=int),
):  # fmt: skip
    p = wp.tid()
    if p >= count[0]:
        return
    key = cell_of(x[p], shape)
    cell[p] = key
    if key >= 0:
        wp.atomic_add(sizes, key, 1)


@wp.kernel
def place_kernel(
    # inputs: cell of each particle, how many there are up to the end of each cell
    cell: wp.array(dtype=int), ends: wp.array(dtype=int), count: wp.array(dtype=int),
    # in and out: particles of each cell without a place, counted down
    sizes: wp.array(dtype=int),
    # outputs
    place: wp.array(dtype=int), kept: wp.array(dtype=int),
):  # fmt: skip
    p = wp.tid()
    if p == 0:
        kept[0] = ends[ends.shape[0] - 1]
    if p >= count[0]:
        return
    key = cell[p]
    place[p] = -1
    if key >= 0:
        place[p] = ends[key] - wp.atomic_sub(sizes, key, 1)


@wp.kernel
def permute_kernel(
    # inputs
    place: wp.array(dtype=int), count: wp.array(dtype=int),
    x: wp.array(dtype=wp.vec3), number: wp.array(dtype=int),
    # outputs
    x_out: wp.array(dtype=wp.vec3), number_out: wp.array(dtype=int),
):  # fmt: skip
    p = wp.tid()
    if p >= count[0]:
        return
    q = place[p]
    if q >= 0:
        x_out[q] = x[p]
        number_out[q] = number[p]


@wp.func_native("""
    const float *X = (const float*)x.data, *V = (const float*)v.data;
    float *P = (float*)position.data, *U = (float*)velocity.data;
    float most = 0.0f;
    for (int p = first; p < last; ++p) {
        const float *q = X + 3 * p, *w = V + 3 * p;
        const int n = 3 * number.data[p];
        if (q[0] < 0.0f) {  // has left
            for (int a = 0; a < 3; ++a) P[n + a] = U[n + a] = __builtin_nanf("");
            continue;
        }
        for (int a = 0; a < 3; ++a) {
            const double at = axes.data[a][0] * q[0] + axes.data[a][1] * q[1] + axes.data[a][2] * q[2];
            P[n + a] = (float)(origin.c[a] + at);
            U[n + a] = turn.data[a][0] * w[0] + turn.data[a][1] * w[1] + turn.data[a][2] * w[2];
            const float size = w[a] < 0.0f ? -w[a] : w[a];
            // what is no number, of places too, counts as this fast
            const int sure = size <= 3.0e38f && q[a] <= 3.0e38f && q[a] >= -3.0e38f;
            most = !sure ? 1.0e38f : size > most ? size : most;
        }
    }
    return most;""")
def record_some(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), number: wp.array(dtype=int), first: int, last: int,
    origin: wp.vec3d, axes: wp.mat33d, turn: wp.mat33,
    position: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3),
) -> float: ...  # fmt: skip


@wp.kernel
def record_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), number: wp.array(dtype=int), count: wp.array(dtype=int),
    origin: wp.vec3d, axes: wp.mat33d, turn: wp.mat33, chunk: int,
    # outputs, by number; and the largest component of a velocity as it is here
    position: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), fastest: wp.array(dtype=float),
):  # fmt: skip
    """``origin + axes x`` and ``turn v`` in the order of numbers, NaN for those that have left."""
    first = wp.tid() * chunk
    last = wp.min(first + chunk, count[0])
    if first < last:
        wp.atomic_max(fastest, 0, record_some(x, v, number, first, last, origin, axes, turn, position, velocity))


@wp.func_native("""
    const float* A = (const float*)a.data;
    unsigned short* H = (unsigned short*)half.data;
    #if defined(__clang__) && !defined(__CUDA_ARCH__)
    #pragma clang loop vectorize(assume_safety)
    #endif
    for (int n = first; n < last; ++n) {
        union { float f; unsigned int u; } size, small;
        size.f = A[n];
        const unsigned int sign = (size.u >> 16) & 0x8000u;
        size.u &= 0x7fffffffu;
        small.f = size.f + 0.5f;  // its last bits are those of a half without an exponent
        const unsigned int usual = (size.u - 0x38000000u + 0xfffu + ((size.u >> 13) & 1u)) >> 13;
        unsigned int h = size.u < 0x38800000u ? small.u - 0x3f000000u : usual;
        h = size.u >= 0x477ff000u ? 0x7c00u : h;
        h = size.u > 0x7f800000u ? 0x7e00u : h;
        H[n] = (unsigned short)(h | sign);
    }""")
def halve(a: wp.array(dtype=wp.vec3), half: wp.array(dtype=wp.vec3h), first: int, last: int): ...


@wp.kernel
def halve_kernel(
    # inputs
    a: wp.array(dtype=wp.vec3), chunk: int,
    # outputs
    half: wp.array(dtype=wp.vec3h),
):  # fmt: skip
    """To half precision, to the nearest and of two the even one; many at a time on a CPU."""
    first = 3 * wp.tid() * chunk
    halve(a, half, first, wp.min(first + 3 * chunk, 3 * a.shape[0]))
