"""The pressure equation beneath a free surface: its system, its right-hand sides, what its solution does to velocities.

Pressure vanishes where phi does, between the centres of cells (ghost fluid: Enright, Nguyen, Gibou, Fedkiw 2003): a
face between liquid i and air j counts 1 / theta, theta = phi_i / (phi_i - phi_j). Without it waves below a cell freeze.

Arrays of cells have no padding here; those of the pressure have one ring, see ``physim_kernels.pressure``. Kernels work
on pieces of rows within reach, see ``physim_kernels.free_surface``.
"""

import warp as wp

from physim_kernels.free_surface import piece, surface_distance

wp.set_module_options({"enable_backward": False})

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
