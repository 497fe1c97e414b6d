"""Pressure on a grid with solids and open sides: the operator, and one multigrid cycle for it.

The unknown p belongs to cells, its differences to faces (cell units: ``u_face -= p_cell - p_neighbour``). Row c of A
is ``D_c p_c - sum_f W_f p_nb``: W_f is the open area of the face between two cells, D_c the sum over all faces of the
cell, those to the open (p = 0) included and those to solids left out. Cells with D = 0 do not take part.

Coarse levels aggregate 2 x 2 x 2 cells without smoothing the transfer, and halve the sums (``W = sum W / 2``), which
corrects the piecewise constant transfer. Two red-black sweeps down, two black-red sweeps up keep the cycle symmetric,
as conjugate gradients need. Shao, Huang, Michels, "A Fast Unsmoothed Aggregation Algebraic Multigrid Framework for the
Large-Scale Simulation of Incompressible Flow", ACM TOG 41 (2022).

At an open side p = 0 on the face itself, half a cell from the centre: its area counts twice in D. (With p = 0 one cell
outside, the halved coarse sums would be wrong there, and convergence twice as slow.)

Every array of a level is padded by one cell of zeros on each side: shape (nx + 2, ny + 2, nz + 2), cell (i, j, k) at
[i + 1, j + 1, k + 1]. ``wx[i + 1, ...]`` is the weight between cells i - 1 and i. Kernels work on pieces of a row of
``chunk`` cells along z: whole rows on a CPU, where they vectorise, single cells on a GPU.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

ROW = """
    const int sy = p.shape[2], sx = sy * p.shape[1], o = (i + 1) * sx + (j + 1) * sy + 1;
    float* P = p.data + o;
    const float *WX = wx.data + o, *WY = wy.data + o, *WZ = wz.data + o;
"""
NEIGHBOURS = """(WX[k] * P[k - sx] + WX[k + sx] * P[k + sx] + WY[k] * P[k - sy] + WY[k + sy] * P[k + sy]
        + WZ[k] * P[k - 1] + WZ[k + 1] * P[k + 1])"""


@wp.func_native(
    ROW
    + f"""
    const float *B = b.data + o, *I = inverse.data + o;
    const int parity = i + j + colour;
    // Neighbours have the other colour, so the order within the row does not matter.
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {{
        const float fresh = (B[k] + {NEIGHBOURS}) * I[k];
        P[k] = ((k + parity) & 1) ? P[k] : fresh;
    }}"""
)
def smooth_row(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float), p: wp.array3d(dtype=float),
    colour: int, i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.func_native(
    ROW
    + f"""
    const float *B = b.data + o, *D = diagonal.data + o;
    float* R = r.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) R[k] = B[k] - D[k] * P[k] + {NEIGHBOURS};"""
)
def residual_row(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), b: wp.array3d(dtype=float), p: wp.array3d(dtype=float),
    r: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.func_native(
    ROW
    + f"""
    const float* D = diagonal.data + o;
    float* Q = q.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) Q[k] = D[k] * P[k] - {NEIGHBOURS};"""
)
def apply_row(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), p: wp.array3d(dtype=float), q: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.func_native("""
    const int nz = r.shape[2], ny = r.shape[1], o = ((2 * i + 1) * ny + 2 * j + 1) * nz + 1;
    const float* R = r.data + o;
    float* B = b_coarse.data + ((i + 1) * b_coarse.shape[1] + j + 1) * b_coarse.shape[2] + 1;
    const int dy = nz, dx = ny * nz;
    // An odd end has no second child: 2 i + 2 is then the padding, or one beyond it, and must not be read.
    const float my = 2 * j + 3 < ny ? 1.0f : 0.0f, mx = 2 * i + 3 < r.shape[0] ? 1.0f : 0.0f;
    const int ey = my > 0.0f ? dy : 0, ex = mx > 0.0f ? dx : 0;
    const int last = 2 * (k1 - 1) + 3 < nz ? k1 : k1 - 1;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < last; ++k) {
        const float* C = R + 2 * k;
        B[k] = (C[0] + C[1]) + my * (C[ey] + C[ey + 1]) + mx * (C[ex] + C[ex + 1])
            + mx * my * (C[ex + ey] + C[ex + ey + 1]);
    }
    for (int k = last; k < k1; ++k) {
        const float* C = R + 2 * k;
        B[k] = C[0] + my * C[ey] + mx * C[ex] + mx * my * C[ex + ey];
    }""")
def restrict_row(r: wp.array3d(dtype=float), b_coarse: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int): ...


@wp.func_native("""
    const int o = ((i + 1) * p.shape[1] + j + 1) * p.shape[2] + 1;
    float* P = p.data + o;
    const float* I = inverse.data + o;
    const float* C = p_coarse.data + ((i / 2 + 1) * p_coarse.shape[1] + j / 2 + 1) * p_coarse.shape[2] + 1;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) P[k] += I[k] > 0.0f ? C[k >> 1] : 0.0f;""")
def prolong_row(
    p_coarse: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), p: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.func_native("""
    const int sy = a.shape[2], o = ((i + 1) * a.shape[1] + j + 1) * sy + 1;
    const float *A = a.data + o, *B = b.data + o;
    float lane[16] = {0};  // sixteen partial sums: vectorises without reordering by the compiler
    int k = k0;
    for (; k + 16 <= k1; k += 16)
        for (int l = 0; l < 16; ++l) lane[l] += A[k + l] * B[k + l];
    for (; k < k1; ++k) lane[0] += A[k] * B[k];
    float sum = 0.0f;
    for (int l = 0; l < 16; ++l) sum += lane[l];
    return sum;""")
def dot_row(a: wp.array3d(dtype=float), b: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int) -> float: ...


@wp.func_native("""
    const int sy = p.shape[2], o = ((i + 1) * p.shape[1] + j + 1) * sy + 1;
    float *P = p.data + o, *R = r.data + o;
    const float *S = s.data + o, *Q = q.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        P[k] += alpha * S[k];
        R[k] -= alpha * Q[k];
    }""")
def advance_row(
    p: wp.array3d(dtype=float), r: wp.array3d(dtype=float), s: wp.array3d(dtype=float), q: wp.array3d(dtype=float),
    alpha: float, i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.func_native("""
    const int sy = s.shape[2], o = ((i + 1) * s.shape[1] + j + 1) * sy + 1;
    float* S = s.data + o;
    const float* Z = z.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) S[k] = Z[k] + beta * S[k];""")
def direction_row(
    z: wp.array3d(dtype=float), s: wp.array3d(dtype=float), beta: float, i: int, j: int, k0: int, k1: int
): ...


@wp.func_native("""
    const int o = ((i + 1) * b.shape[1] + j + 1) * b.shape[2] + 1;
    const float *R = rhs.data + o, *I = inverse.data + o;
    float* B = b.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) B[k] = I[k] > 0.0f ? R[k] : 0.0f;""")
def begin_row(
    rhs: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def begin_kernel(
    # inputs
    rhs: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), chunk: int,
    # outputs
    b: wp.array3d(dtype=float),
):  # fmt: skip
    """The right-hand side of the cells that take part. What stands in others, such as where two bodies overlap, must
    not reach the coarse levels: with it the cycle is no longer positive, and conjugate gradients stop.
    """
    i, j, c = wp.tid()
    begin_row(rhs, inverse, b, i, j, c * chunk, wp.min((c + 1) * chunk, b.shape[2] - 2))


@wp.func_native("""
    const int nx = ax.shape[0] - 1, ny = ax.shape[1], nz = ax.shape[2];
    const int sy = wx.shape[2], sx = sy * wx.shape[1], o = (i + 1) * sx + (j + 1) * sy + 1, fx = ny * nz;
    const float *AX = ax.data + (i * ny + j) * nz, *AY = ay.data + (i * (ny + 1) + j) * nz;
    const float* AZ = az.data + (i * ny + j) * (nz + 1);
    float *WX = wx.data + o, *WY = wy.data + o, *WZ = wz.data + o, *D = diagonal.data + o, *I = inverse.data + o;
    const bool px = periodic & 1, py = periodic & 2, pz = periodic & 4;
    // towards the surroundings (p = 0 on the side) half the distance; around the end of a periodic box the whole one
    const float xl = i == 0 && !px ? 2.0f : 1.0f, xh = i == nx - 1 && !px ? 2.0f : 1.0f;
    const float yl = j == 0 && !py ? 2.0f : 1.0f, yh = j == ny - 1 && !py ? 2.0f : 1.0f;
    const bool x_inside = i > 0 || px, y_inside = j > 0 || py;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float zl = k == 0 && !pz ? 2.0f : 1.0f, zh = k == nz - 1 && !pz ? 2.0f : 1.0f;
        const float d = xl * AX[k] + xh * AX[k + fx] + yl * AY[k] + yh * AY[k + nz] + zl * AZ[k] + zh * AZ[k + 1];
        WX[k] = x_inside ? AX[k] : 0.0f;
        WY[k] = y_inside ? AY[k] : 0.0f;
        WZ[k] = k > 0 || pz ? AZ[k] : 0.0f;
        D[k] = d;
        I[k] = d > 1e-6f ? 1.0f / d : 0.0f;
    }
    if (px && i == nx - 1) for (int k = k0; k < k1; ++k) WX[k + sx] = AX[k + fx];
    if (py && j == ny - 1) for (int k = k0; k < k1; ++k) WY[k + sy] = AY[k + nz];
    if (pz && k1 == nz) WZ[nz] = AZ[nz];
    """)
def diagonal_row(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), periodic: int,
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def diagonal_kernel(
    # inputs
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), periodic: int, chunk: int,
    # outputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, ax.shape[2])
    diagonal_row(ax, ay, az, periodic, wx, wy, wz, diagonal, inverse, i, j, c * chunk, k1)


@wp.kernel
def coarsen_kernel(
    # inputs: the finer level
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), periodic: int,
    # outputs: the coarser level
    wx_out: wp.array3d(dtype=float), wy_out: wp.array3d(dtype=float), wz_out: wp.array3d(dtype=float),
    diagonal_out: wp.array3d(dtype=float), inverse_out: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, k = wp.tid()
    x, y, z = 2 * i + 1, 2 * j + 1, 2 * k + 1
    across_x, across_y, across_z = float(0.0), float(0.0), float(0.0)
    inside = float(0.0)
    total = float(0.0)
    for a in range(2):
        for b in range(2):
            # children beyond an odd end lie in the padding, where everything is zero
            ya, zb = wp.min(y + a, diagonal.shape[1] - 1), wp.min(z + b, diagonal.shape[2] - 1)
            xa, zc = wp.min(x + a, diagonal.shape[0] - 1), wp.min(z + b, diagonal.shape[2] - 1)
            yb = wp.min(y + b, diagonal.shape[1] - 1)
            across_x += wx[x, ya, zb]
            across_y += wy[xa, y, zc]
            across_z += wz[xa, yb, z]
            inside += wx[wp.min(x + 1, diagonal.shape[0] - 1), ya, zb]
            inside += wy[xa, wp.min(y + 1, diagonal.shape[1] - 1), zc]
            inside += wz[xa, yb, wp.min(z + 1, diagonal.shape[2] - 1)]
            total += diagonal[x, ya, zb] + diagonal[wp.min(x + 1, diagonal.shape[0] - 1), ya, zb]
    wx_out[i + 1, j + 1, k + 1] = 0.5 * across_x
    wy_out[i + 1, j + 1, k + 1] = 0.5 * across_y
    wz_out[i + 1, j + 1, k + 1] = 0.5 * across_z
    # the last face of a periodic axis is its first one
    if (periodic & 1) != 0 and i == 0:
        wx_out[wx_out.shape[0] - 1, j + 1, k + 1] = 0.5 * across_x
    if (periodic & 2) != 0 and j == 0:
        wy_out[i + 1, wy_out.shape[1] - 1, k + 1] = 0.5 * across_y
    if (periodic & 4) != 0 and k == 0:
        wz_out[i + 1, j + 1, wz_out.shape[2] - 1] = 0.5 * across_z
    d = 0.5 * total - inside
    if d < 1.0e-5 * total or total <= 0.0:
        d = float(0.0)
    diagonal_out[i + 1, j + 1, k + 1] = d
    inverse_out[i + 1, j + 1, k + 1] = wp.where(d > 0.0, 1.0 / wp.max(d, 1.0e-12), 0.0)


@wp.kernel
def smooth_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float), colour: int, chunk: int,
    # in and out
    p: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    smooth_row(wx, wy, wz, inverse, b, p, colour, i, j, c * chunk, wp.min((c + 1) * chunk, p.shape[2] - 2))


@wp.kernel
def wrap_kernel(axis: int, p: wp.array3d(dtype=float)):
    """Padding across a periodic axis takes the values of the other end."""
    a, b = wp.tid()
    if axis == 0:
        n = p.shape[0]
        p[0, a, b] = p[n - 2, a, b]
        p[n - 1, a, b] = p[1, a, b]
    elif axis == 1:
        n = p.shape[1]
        p[a, 0, b] = p[a, n - 2, b]
        p[a, n - 1, b] = p[a, 1, b]
    else:
        n = p.shape[2]
        p[a, b, 0] = p[a, b, n - 2]
        p[a, b, n - 1] = p[a, b, 1]


@wp.kernel
def residual_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), b: wp.array3d(dtype=float), p: wp.array3d(dtype=float), chunk: int,
    # outputs
    r: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    residual_row(wx, wy, wz, diagonal, b, p, r, i, j, c * chunk, wp.min((c + 1) * chunk, p.shape[2] - 2))


@wp.kernel
def restrict_kernel(
    # inputs
    r: wp.array3d(dtype=float), chunk: int,
    # outputs
    b_coarse: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    restrict_row(r, b_coarse, i, j, c * chunk, wp.min((c + 1) * chunk, b_coarse.shape[2] - 2))


@wp.kernel
def prolong_kernel(
    # inputs
    p_coarse: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), chunk: int,
    # in and out
    p: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    prolong_row(p_coarse, inverse, p, i, j, c * chunk, wp.min((c + 1) * chunk, p.shape[2] - 2))


@wp.kernel
def apply_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), p: wp.array3d(dtype=float), chunk: int,
    # outputs
    q: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    apply_row(wx, wy, wz, diagonal, p, q, i, j, c * chunk, wp.min((c + 1) * chunk, p.shape[2] - 2))


@wp.kernel
def largest_kernel(a: wp.array3d(dtype=float), largest: wp.array(dtype=float), index: int):
    """Largest magnitude of each plane, then of all, for reports."""
    i = wp.tid()
    most = float(0.0)
    for j in range(1, a.shape[1] - 1):
        for k in range(1, a.shape[2] - 1):
            most = wp.max(most, wp.abs(a[i + 1, j, k]))
    wp.atomic_max(largest, index, most)


@wp.kernel
def dot_kernel(a: wp.array3d(dtype=float), b: wp.array3d(dtype=float), partial: wp.array2d(dtype=float)):
    i, j = wp.tid()
    partial[i, j] = dot_row(a, b, i, j, 0, a.shape[2] - 2)


@wp.kernel
def plane_sum_kernel(partial: wp.array2d(dtype=float), plane: wp.array(dtype=wp.float64)):
    i = wp.tid()
    total = wp.float64(0.0)
    for j in range(partial.shape[1]):
        total += wp.float64(partial[i, j])
    plane[i] = total


@wp.kernel
def scalar_kernel(plane: wp.array(dtype=wp.float64), task: int, scalars: wp.array(dtype=wp.float64)):
    """Finish a dot product and what follows from it; scalars are (rz, alpha, beta, floor)."""
    total = wp.float64(0.0)
    for i in range(plane.shape[0]):
        total += plane[i]
    zero = wp.float64(0.0)
    if task == 0:  # first r . z
        scalars[0] = total
        scalars[3] = wp.float64(1.0e-10) * total
    elif task == 1:  # alpha = r . z / s . As; none once the residual is down to float32 rounding
        scalars[1] = wp.where(total > zero and scalars[0] > scalars[3], scalars[0] / total, zero)
    else:  # beta = new r . z / old
        scalars[2] = wp.where(scalars[0] > zero, total / scalars[0], zero)
        scalars[0] = total


@wp.kernel
def advance_kernel(
    s: wp.array3d(dtype=float), q: wp.array3d(dtype=float), scalars: wp.array(dtype=wp.float64), chunk: int,
    p: wp.array3d(dtype=float), r: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    advance_row(p, r, s, q, float(scalars[1]), i, j, c * chunk, wp.min((c + 1) * chunk, p.shape[2] - 2))


@wp.kernel
def direction_kernel(
    z: wp.array3d(dtype=float), scalars: wp.array(dtype=wp.float64), chunk: int, s: wp.array3d(dtype=float)
):
    i, j, c = wp.tid()
    direction_row(z, s, float(scalars[2]), i, j, c * chunk, wp.min((c + 1) * chunk, s.shape[2] - 2))
