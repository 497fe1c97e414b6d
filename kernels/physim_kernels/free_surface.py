"""The free surface of a liquid on a staggered grid: where it is, the pressure beneath it, velocities beyond it.

The particles' volume fraction ``alpha`` of a cell, a flat surface seen through the tent kernel, is inverted exactly to
the signed distance of its centre [cells],

    phi = sqrt(2 (1 - alpha)) - 1  for alpha > 1/2,    1 - sqrt(2 alpha)  otherwise,

and pressure vanishes where phi does, between the centres (ghost fluid: Enright, Nguyen, Gibou, Fedkiw 2003): a face
between liquid i and air j counts 1 / theta, theta = phi_i / (phi_i - phi_j). Without it waves below a cell freeze.

Liquid cells have phi < 0 and some open volume. Arrays of cells have no padding here; those of the pressure have one
ring, see ``physim_kernels.pressure``.

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


# -- velocities of faces -----------------------------------------------------------------------------------------------


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const float *T = total.data + 2 * o, *A = area.data + o, *S = solid.data + o;
    float *U = u.data + o, *N = valid.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float w = T[2 * k + 1];
        const int reached = w > 1.0e-6f, opened = A[k] > 0.0f;
        const float mean = reached ? T[2 * k] / (reached ? w : 1.0f) : 0.0f;
        U[k] = opened ? mean : S[k];
        N[k] = reached ? 1.0f : 0.0f;
    }""")
def average_row(
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
    u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def average_kernel(
    # inputs
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # outputs
    u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float),
):  # fmt: skip
    """Sums to means; closed faces take the solid's velocity; valid if particles reach it."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    average_row(total, area, solid, u, valid, i, j, s[0], s[1])


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const float* A = area.data + o;
    float* U = u.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) U[k] += A[k] > 0.0f ? change : 0.0f;
    """)
def weigh_row(
    area: wp.array3d(dtype=float), change: float, u: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def weigh_kernel(
    # inputs: open parts; changes of velocity along the three axes [cells/s]
    area: wp.array3d(dtype=float), change: wp.array(dtype=wp.vec3), axis: int,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """The weight of a step, on open faces."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    weigh_row(area, change[0][axis], u, i, j, s[0], s[1])


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const int ia = i < v.shape[0] ? i : v.shape[0] - 1, ib = i < w.shape[0] ? i : w.shape[0] - 1;
    const int ja = j < v.shape[1] ? j : v.shape[1] - 1, jb = j < w.shape[1] ? j : w.shape[1] - 1;
    const float *T = touch.data + o;
    const float *V = v.data + (ia * v.shape[1] + ja) * v.shape[2], *W = w.data + (ib * w.shape[1] + jb) * w.shape[2];
    float* U = u.data + o;
    int end = k1 < v.shape[2] ? k1 : v.shape[2];
    end = end < w.shape[2] ? end : w.shape[2];
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < end; ++k)
        U[k] /= 1.0f + T[k] * strength * sqrtf(U[k] * U[k] + V[k] * V[k] + W[k] * W[k]);
    """)
def friction_row(
    touch: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float), strength: float,
    u: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def friction_kernel(
    # inputs: 1 for faces along a wall; the other two components; c_f dt
    touch: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float), strength: float,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Skin friction c_f |v| v of the layer of cells along walls, implicit."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    friction_row(touch, v, w, strength, u, i, j, s[0], s[1])


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const float *T = total.data + 2 * o, *A = area.data + o;
    float* U = u.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float w = T[2 * k + 1];
        const int counts = A[k] > 0.0f && w > 1.0e-6f;
        U[k] += counts ? again * (U[k] - T[2 * k] / (counts ? w : 1.0f)) : 0.0f;
    }""")
def kick_row(
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), again: float, u: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def kick_kernel(
    # inputs: sums of the particles, open areas
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), again: float,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out: velocities after the projection
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """``again`` times the change since the particles gave the velocities once more, on open faces."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    kick_row(total, area, again, u, i, j, s[0], s[1])


# -- the pressure equation ---------------------------------------------------------------------------------------------

NEAR = """
    const int nx = phi.shape[0], ny = phi.shape[1], nz = phi.shape[2], sx = ny * nz, sy = nz, o = i * sx + j * sy;
    const int po = ((i + 1) * (ny + 2) + j + 1) * (nz + 2) + 1;
    const float* F = phi.data + o;
    const float *AX = ax.data + o, *AY = ay.data + (i * (ny + 1) + j) * nz, *AZ = az.data + (i * ny + j) * (nz + 1);
    // beyond the box there is air
    const int xl = i > 0, xh = i < nx - 1, yl = j > 0, yh = j < ny - 1;
    const int dxl = xl ? -sx : 0, dxh = xh ? sx : 0, dyl = yl ? -sy : 0, dyh = yh ? sy : 0;
    #define ALL_CELLS(ONE) { \
        const int first = k0 > 0 ? k0 : 1, last = k1 < nz ? k1 : nz - 1; \
        if (k0 == 0 && k1 > 0) ONE(0, 1.0f, nz > 1 ? F[1] : 1.0f) \
        _Pragma("clang loop vectorize(assume_safety)") \
        for (int n = first; n < last; ++n) ONE(n, F[n - 1], F[n + 1]) \
        if (k1 == nz && nz > 1 && k0 < nz) ONE(nz - 1, F[nz - 2], 1.0f) }
"""


@wp.func_native(
    NEAR
    + """
    float *WX = wx.data + po, *WY = wy.data + po, *WZ = wz.data + po, *D = diagonal.data + po, *I = inverse.data + po;
    for (int k = o0; k < o1; ++k) WX[k] = WY[k] = WZ[k] = D[k] = I[k] = 0.0f;
    #define TERM(OTHER, AREA) ((AREA) / ((OTHER) < 0.0f ? 1.0f : \
        (own / (own - (OTHER)) > least ? own / (own - (OTHER)) : least)))
    #define SYSTEM(K, BACK, FRONT) { \
        const int k = K, in = F[k] < 0.0f; \
        const float own = in ? F[k] : -1.0f; \
        const float left = xl ? F[k + dxl] : 1.0f, right = xh ? F[k + dxh] : 1.0f; \
        const float below = yl ? F[k + dyl] : 1.0f, above = yh ? F[k + dyh] : 1.0f; \
        const float back = BACK, front = FRONT; \
        const float d = TERM(left, AX[k]) + TERM(right, AX[k + sx]) + TERM(below, AY[k]) + TERM(above, AY[k + nz]) \
            + TERM(back, AZ[k]) + TERM(front, AZ[k + 1]); \
        WX[k] = in && left < 0.0f ? AX[k] : 0.0f; \
        WY[k] = in && below < 0.0f ? AY[k] : 0.0f; \
        WZ[k] = in && back < 0.0f ? AZ[k] : 0.0f; \
        D[k] = in ? d : 0.0f; \
        I[k] = in && d > 1.0e-6f ? 1.0f / (d > 1.0e-6f ? d : 1.0f) : 0.0f; }
    ALL_CELLS(SYSTEM)
    #undef SYSTEM
    #undef TERM
    #undef ALL_CELLS
"""
)
def system_row(
    phi: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), least: float,
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
    i: int, j: int, o0: int, o1: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def system_kernel(
    # inputs; the last is what the last system filled
    phi: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), least: float,
    reach: wp.array2d(dtype=wp.vec2i), old: wp.array2d(dtype=wp.vec2i), chunk: int,
    # outputs, padded
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
):  # fmt: skip
    """Weights to the liquid neighbours, and the diagonal: their sum, and area over theta for each face to the air."""
    i, j, c = wp.tid()
    o = piece(old, i, j, c, chunk, 0)
    s = piece(reach, i, j, c, chunk, 0)
    system_row(phi, ax, ay, az, least, wx, wy, wz, diagonal, inverse, i, j, o[0], o[1], s[0], s[1])


@wp.func_native("""
    const int ny = phi.shape[1], nz = phi.shape[2], sx = ny * nz, o = i * sx + j * nz;
    const int oy = (i * (ny + 1) + j) * nz, oz = (i * ny + j) * (nz + 1);
    float* R = rhs.data + ((i + 1) * (ny + 2) + j + 1) * (nz + 2) + 1;
    const float *F = phi.data + o, *U = u.data + o, *V = v.data + oy, *W = w.data + oz;
    const float *AX = ax.data + o, *AY = ay.data + oy, *AZ = az.data + oz;
    const float *SX = sx_.data + o, *SY = sy_.data + oy, *SZ = sz_.data + oz;
    #define FLUX(A, U, S, K) ((A)[K] * (U)[K] + (1.0f - (A)[K]) * (S)[K])
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float value = FLUX(AX, U, SX, k) - FLUX(AX, U, SX, k + sx) + FLUX(AY, V, SY, k)
            - FLUX(AY, V, SY, k + nz) + FLUX(AZ, W, SZ, k) - FLUX(AZ, W, SZ, k + 1);
        R[k] = F[k] < 0.0f ? value : 0.0f;
    }
    #undef FLUX
""")
def convergence_row(
    phi: wp.array3d(dtype=float),
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    sx_: wp.array3d(dtype=float), sy_: wp.array3d(dtype=float), sz_: wp.array3d(dtype=float),
    rhs: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def convergence_kernel(
    # inputs
    phi: wp.array3d(dtype=float),
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    sx: wp.array3d(dtype=float), sy: wp.array3d(dtype=float), sz: wp.array3d(dtype=float),
    reach: wp.array2d(dtype=wp.vec2i), chunk: int,
    # outputs, padded
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """Minus the divergence of the flux in liquid cells, 0 elsewhere."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, 0)
    convergence_row(phi, u, v, w, ax, ay, az, sx, sy, sz, rhs, i, j, s[0], s[1])


@wp.func_native(
    NEAR
    + """
    const float *A = alpha.data + o, *O = open.data + o, *R = room.data + o;
    float* B = rhs.data + po;
    #define CROWDING(K, BACK, FRONT) { \
        const int k = K; \
        float e = A[k] / (O[k] > 0.0f ? R[k] : 1.0f) - 1.0f; \
        e = e > 0.3f ? 0.3f : e < -0.3f ? -0.3f : e; \
        const int surface = (AX[k] > 0.0f && (xl ? F[k + dxl] : 1.0f) >= 0.0f) \
            || (AX[k + sx] > 0.0f && (xh ? F[k + dxh] : 1.0f) >= 0.0f) \
            || (AY[k] > 0.0f && (yl ? F[k + dyl] : 1.0f) >= 0.0f) \
            || (AY[k + nz] > 0.0f && (yh ? F[k + dyh] : 1.0f) >= 0.0f) \
            || (AZ[k] > 0.0f && (BACK) >= 0.0f) || (AZ[k + 1] > 0.0f && (FRONT) >= 0.0f); \
        e = surface && e < 0.0f ? 0.0f : e; \
        B[k] = F[k] < 0.0f ? relax * O[k] * e : 0.0f; }
    ALL_CELLS(CROWDING)
    #undef CROWDING
    #undef ALL_CELLS
"""
)
def crowding_row(
    phi: wp.array3d(dtype=float), alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    room: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), relax: float,
    rhs: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def crowding_kernel(
    # inputs
    phi: wp.array3d(dtype=float), alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    room: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), relax: float,
    reach: wp.array2d(dtype=wp.vec2i), chunk: int,
    # outputs, padded
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """How much too full each liquid cell is; cells at the surface may be too empty, others may not."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, 0)
    crowding_row(phi, alpha, open, room, ax, ay, az, relax, rhs, i, j, s[0], s[1])


@wp.func_native("""
    const int ny = u.shape[1], nz = u.shape[2], o = (i * ny + j) * nz;
    const int cx = phi.shape[0], cy = phi.shape[1], cz = phi.shape[2];
    const int sy = p.shape[2], sx = sy * p.shape[1];
    const int back = axis == 0 ? sx : axis == 1 ? sy : 1;
    const int before = axis == 0 ? cy * cz : axis == 1 ? cz : 1;
    const int in_upper = i < cx && j < cy, in_lower = (axis != 0 || i > 0) && (axis != 1 || j > 0);
    const float *A = area.data + o, *S = solid.data + o;
    const float* P = p.data + (i + 1) * sx + (j + 1) * sy + 1;
    const float *F = phi.data + (i * cy + j) * cz, *O = open.data + (i * cy + j) * cz;
    float *U = u.data + o, *N = valid.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const int has_upper = in_upper && k < cz, has_lower = in_lower && (axis != 2 || k > 0);
        const float upper = has_upper ? F[k] : 1.0f, lower = has_lower ? F[k - before] : 1.0f;
        const float wet_side = upper < lower ? upper : lower, dry_side = upper < lower ? lower : upper;
        float theta = dry_side < 0.0f ? 1.0f : wet_side / (wet_side - dry_side);
        theta = theta < least ? least : theta;
        const float fresh = keep * U[k] - (P[k] - P[k - back]) / theta;
        const int wet = wet_side < 0.0f, opened = A[k] > 0.0f;
        const int wall = (has_upper && O[k] > 0.0f) || (has_lower && O[k - before] > 0.0f);
        U[k] = opened ? (wet ? fresh : U[k]) : keep * S[k];
        N[k] = (opened ? wet : wall) ? 1.0f : 0.0f;
    }""")
def project_row(
    p: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), axis: int, least: float, keep: float,
    u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def project_kernel(
    # inputs
    p: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), axis: int, least: float, keep: float,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
    # outputs
    valid: wp.array3d(dtype=float),
):  # fmt: skip
    """``u = keep u - grad p`` on faces that touch liquid; these and walls (the solid's velocity) are valid."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    project_row(p, phi, open, area, solid, axis, least, keep, u, valid, i, j, s[0], s[1])


@wp.kernel
def press_kernel(
    # inputs: pressure, padded
    p: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), area: wp.array3d(dtype=float), axis: int, least: float,
    sign: float, reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """``u += sign grad p`` on open faces that touch liquid."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    x, y, z = wp.where(axis == 0, 1, 0), wp.where(axis == 1, 1, 0), wp.where(axis == 2, 1, 0)
    for k in range(s[0], s[1]):
        upper, lower = surface_distance(phi, i, j, k), surface_distance(phi, i - x, j - y, k - z)
        wet, dry = wp.min(upper, lower), wp.max(upper, lower)
        if area[i, j, k] > 0.0 and wet < 0.0:
            theta = wp.where(dry < 0.0, 1.0, wet / (wet - dry))
            slope = p[i + 1, j + 1, k + 1] - p[i + 1 - x, j + 1 - y, k + 1 - z]
            u[i, j, k] = u[i, j, k] + sign * slope / wp.max(theta, least)


@wp.func_native("""
    const int nx = u.shape[0], ny = u.shape[1], nz = u.shape[2], sy = nz, sx = ny * nz, o = i * sx + j * sy;
    float *U = u.data + o, *N = valid_out.data + o;
    const float* V = valid.data + o;
    // beyond an edge: the face itself, which does not count where it is read, as it is not valid there
    const int xm = i > 0 ? -sx : 0, xp = i < nx - 1 ? sx : 0, ym = j > 0 ? -sy : 0, yp = j < ny - 1 ? sy : 0;
    #define CELL(K, ZM, ZP) { \
        const int k = K; \
        const float c = V[k + xm] + V[k + xp] + V[k + ym] + V[k + yp] + V[k + ZM] + V[k + ZP]; \
        const float t = V[k + xm] * U[k + xm] + V[k + xp] * U[k + xp] + V[k + ym] * U[k + ym] \
            + V[k + yp] * U[k + yp] + V[k + ZM] * U[k + ZM] + V[k + ZP] * U[k + ZP]; \
        const float mean = t / (c > 0.0f ? c : 1.0f); \
        N[k] = V[k] > 0.0f || c > 0.0f ? 1.0f : 0.0f; \
        U[k] = V[k] > 0.0f || c <= 0.0f ? U[k] : mean; }
    const int first = k0 > 0 ? k0 : 1, last = k1 < nz ? k1 : nz - 1;
    if (k0 == 0) CELL(0, 0, nz > 1 ? 1 : 0)
    #pragma clang loop vectorize(assume_safety)
    for (int n = first; n < last; ++n) CELL(n, -1, 1)
    if (k1 == nz && nz > 1) CELL(nz - 1, -1, 0)
    #undef CELL
""")
def extrapolate_row(
    valid: wp.array3d(dtype=float), u: wp.array3d(dtype=float), valid_out: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def extrapolate_kernel(
    # inputs
    valid: wp.array3d(dtype=float), reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
    # outputs
    valid_out: wp.array3d(dtype=float),
):  # fmt: skip
    """One layer outwards: a face that is not valid takes the mean of its valid neighbours, which do not change."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    if s[0] < s[1]:
        extrapolate_row(valid, u, valid_out, i, j, s[0], s[1])
