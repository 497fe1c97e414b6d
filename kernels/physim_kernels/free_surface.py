"""The free surface of a liquid on a staggered grid: where it is, and how far from it anything happens.

The particles' volume fraction ``alpha`` of a cell, a flat surface seen through the tent kernel, is inverted exactly to
the signed distance of its centre [cells],

    phi = sqrt(2 (1 - alpha)) - 1  for alpha > 1/2,    1 - sqrt(2 alpha)  otherwise.

Liquid cells have phi < 0 and some open volume.

Kernels work on pieces of a row of ``chunk`` cells along z: whole rows on a CPU, where they vectorise, single cells on a
GPU. ``reach[i, j]`` is the range (first, one past the last) of a row that the liquid can come near to; beyond it all
arrays hold what ``clear`` left there, so that cost follows the liquid and not the box.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def room_kernel(open: wp.array3d(dtype=float), room: wp.array3d(dtype=float)):
    """Open volume of the cells seen through the particles' tent kernel: what ``alpha`` is where liquid fills all."""
    i, j, k = wp.tid()
    total = float(0.0)
    for a in range(-1, 2):
        for b in range(-1, 2):
            for c in range(-1, 2):
                weight = wp.where(a == 0, 0.75, 0.125) * wp.where(b == 0, 0.75, 0.125) * wp.where(c == 0, 0.75, 0.125)
                x = wp.clamp(i + a, 0, open.shape[0] - 1)
                y = wp.clamp(j + b, 0, open.shape[1] - 1)
                z = wp.clamp(k + c, 0, open.shape[2] - 1)
                total += weight * open[x, y, z]
    room[i, j, k] = total


@wp.func
def surface_distance(phi: wp.array3d(dtype=float), i: int, j: int, k: int):
    """``phi`` of a cell; beyond the box there is air."""
    if i < 0 or j < 0 or k < 0 or i >= phi.shape[0] or j >= phi.shape[1] or k >= phi.shape[2]:
        return 1.0
    return phi[i, j, k]


@wp.func
def piece(reach: wp.array2d(dtype=wp.vec2i), i: int, j: int, c: int, chunk: int, more: int):
    """Range of piece ``c`` of a row of cells, or of faces between cells (``more`` = 1 along z), within reach."""
    s = reach[wp.min(i, reach.shape[0] - 1), wp.min(j, reach.shape[1] - 1)]
    low, high = wp.max(s[0], c * chunk), wp.min(s[1] + more, (c + 1) * chunk)
    if s[0] >= s[1]:
        high = low
    return wp.vec2i(low, high)


# -- where the liquid is -----------------------------------------------------------------------------------------------


@wp.func_native("""
    const float* A = alpha.data + (i * alpha.shape[1] + j) * alpha.shape[2];
    int low = 0, high = alpha.shape[2];
    while (low < high && A[low] <= 0.0f) ++low;
    while (high > low && A[high - 1] <= 0.0f) --high;
    return wp::vec_t<2, int>(low, high);""")
def wet_row(alpha: wp.array3d(dtype=float), i: int, j: int) -> wp.vec2i: ...


@wp.kernel
def wet_kernel(alpha: wp.array3d(dtype=float), wet: wp.array2d(dtype=wp.vec2i)):
    """Range of each row that holds particles."""
    i, j = wp.tid()
    wet[i, j] = wet_row(alpha, i, j)


@wp.kernel
def grow_kernel(wet: wp.array2d(dtype=wp.vec2i), axis: int, margin: int, nz: int, grown: wp.array2d(dtype=wp.vec2i)):
    """Ranges that also hold those of ``margin`` rows to both sides along ``axis``; along z when axis is 1."""
    i, j = wp.tid()
    low, high = int(nz), int(0)
    for n in range(-margin, margin + 1):
        a, b = i, j
        if axis == 0:
            a = i + n
        else:
            b = j + n
        if a >= 0 and b >= 0 and a < wet.shape[0] and b < wet.shape[1]:
            s = wet[a, b]
            if s[0] < s[1]:
                low, high = wp.min(low, s[0]), wp.max(high, s[1])
    if low < high and axis == 1:
        low, high = wp.max(low - margin, 0), wp.min(high + margin, nz)
    grown[i, j] = wp.vec2i(low, high)


@wp.func_native("""
    float* A = a.data + (i * a.shape[1] + j) * a.shape[2];
    for (int k = k0; k < k1; ++k) A[k] = value;""")
def fill_row(a: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int, value: float): ...


@wp.func_native("""
    float* A = a.data + (i * a.shape[1] + j) * a.shape[2] * 2;
    for (int k = 2 * k0; k < 2 * k1; ++k) A[k] = 0.0f;""")
def clear_pairs_row(a: wp.array4d(dtype=float), i: int, j: int, k0: int, k1: int): ...


@wp.kernel
def clear_cells_kernel(
    # inputs
    reach: wp.array2d(dtype=wp.vec2i), chunk: int,
    # outputs
    alpha: wp.array3d(dtype=float), phi: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, 0)
    fill_row(alpha, i, j, s[0], s[1], 0.0)
    fill_row(phi, i, j, s[0], s[1], 1.0)


@wp.kernel
def clear_faces_kernel(
    # inputs
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # outputs
    total: wp.array4d(dtype=float), u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float),
    spare: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    clear_pairs_row(total, i, j, s[0], s[1])
    fill_row(u, i, j, s[0], s[1], 0.0)
    fill_row(valid, i, j, s[0], s[1], 0.0)
    fill_row(spare, i, j, s[0], s[1], 0.0)


@wp.func_native("""
    const int o = (i * alpha.shape[1] + j) * alpha.shape[2];
    const float *A = alpha.data + o, *O = open.data + o, *R = room.data + o;
    float* F = phi.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        float a = A[k] / (O[k] > 0.0f ? R[k] : 1.0f);
        a = a > 1.0f ? 1.0f : a;
        const float inner = sqrtf(2.0f - 2.0f * a) - 1.0f, outer = 1.0f - sqrtf(2.0f * a);
        F[k] = O[k] > 0.0f ? (a > 0.5f ? inner : outer) : 1.0f;
    }""")
def distance_row(
    alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float), room: wp.array3d(dtype=float),
    phi: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def distance_kernel(
    # inputs
    alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float), room: wp.array3d(dtype=float),
    reach: wp.array2d(dtype=wp.vec2i), chunk: int,
    # outputs
    phi: wp.array3d(dtype=float),
):  # fmt: skip
    """Signed distance of cell centres to the surface; 1 in solids."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, 0)
    distance_row(alpha, open, room, phi, i, j, s[0], s[1])
