"""Staggered (MAC) grid of a gas: velocities on faces, everything else in cells.

``u`` (nx+1, ny, nz), ``v`` (nx, ny+1, nz), ``w`` (nx, ny, nz+1) hold the velocity component across their face. A face
has an open area in [0, 1]; the rest of it moves with the solid there, so that the flux through it is
``area * u + (1 - area) * solid``. Closed faces (area 0) store the solid's velocity. Cell units: h = 1.

Kernels work on pieces of a row of ``chunk`` cells along z: whole rows on a CPU, single cells on a GPU.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const int ny = v.shape[1] - 1, nz = w.shape[2] - 1, su = ny * nz, o = (i * ny + j) * nz;
    const int ov = (i * (ny + 1) + j) * nz, ow = (i * ny + j) * (nz + 1);
    const float *U = u.data + o, *V = v.data + ov, *W = w.data + ow;
    const float *U2 = u2.data + o, *V2 = v2.data + ov, *W2 = w2.data + ow;
    float *X = x.data + o, *Y = y.data + o, *Z = z.data + o;
    const float ha = 0.5f * a, hb = 0.5f * b;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        X[k] = ha * (U[k] + U[k + su]) + hb * (U2[k] + U2[k + su]);
        Y[k] = ha * (V[k] + V[k + nz]) + hb * (V2[k] + V2[k + nz]);
        Z[k] = ha * (W[k] + W[k + 1]) + hb * (W2[k] + W2[k + 1]);
    }""")
def centre_row(
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    u2: wp.array3d(dtype=float), v2: wp.array3d(dtype=float), w2: wp.array3d(dtype=float),
    a: float, b: float, x: wp.array3d(dtype=float), y: wp.array3d(dtype=float), z: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def centre_velocity_kernel(
    # inputs
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    u2: wp.array3d(dtype=float), v2: wp.array3d(dtype=float), w2: wp.array3d(dtype=float),
    a: float, b: float, chunk: int,
    # outputs
    x: wp.array3d(dtype=float), y: wp.array3d(dtype=float), z: wp.array3d(dtype=float),
):  # fmt: skip
    """Cell-centred ``a * velocity + b * velocity2``."""
    i, j, c = wp.tid()
    centre_row(u, v, w, u2, v2, w2, a, b, x, y, z, i, j, c * chunk, wp.min((c + 1) * chunk, x.shape[2]))


@wp.func_native("""
    const int ny = w.shape[1], nz = w.shape[2] - 1, su = ny * nz;
    const int ou = i * su + j * nz, ov = (i * (ny + 1) + j) * nz, ow = (i * ny + j) * (nz + 1);
    const float *U = u.data + ou, *A = ax.data + ou, *S = sx.data + ou;
    const float *V = v.data + ov, *B = ay.data + ov, *T = sy.data + ov;
    const float *W = w.data + ow, *C = az.data + ow, *R = sz.data + ow;
    float* O = rhs.data + ((i + 1) * rhs.shape[1] + j + 1) * rhs.shape[2] + 1;
    const auto flux = [](const float* u, const float* a, const float* s, int k) { return s[k] + a[k] * (u[k] - s[k]); };
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k)
        O[k] = (flux(U, A, S, k) - flux(U, A, S, k + su)) + (flux(V, B, T, k) - flux(V, B, T, k + nz))
            + (flux(W, C, R, k) - flux(W, C, R, k + 1));""")
def convergence_row(
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    sx: wp.array3d(dtype=float), sy: wp.array3d(dtype=float), sz: wp.array3d(dtype=float),
    rhs: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def convergence_kernel(
    # inputs
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    sx: wp.array3d(dtype=float), sy: wp.array3d(dtype=float), sz: wp.array3d(dtype=float),
    chunk: int,
    # outputs
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """Minus the divergence of the flux, into a field padded by one cell. Zero in cells closed on all sides if still."""
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, rhs.shape[2] - 2)
    convergence_row(u, v, w, ax, ay, az, sx, sy, sz, rhs, i, j, c * chunk, k1)


@wp.func_native("""
    const int nz = u.shape[2], o = (i * u.shape[1] + j) * nz;
    const int sy = p.shape[2], sx = sy * p.shape[1];
    const int back = axis == 0 ? sx : axis == 1 ? sy : 1;
    const int n = u.shape[axis] - 1;
    float* U = u.data + o;
    const float *A = area.data + o, *S = solid.data + o;
    const float* P = p.data + (i + 1) * sx + (j + 1) * sy + 1;
    // p = 0 on the face of an open side: the difference is taken over half a cell
    const int rim = axis == 0 ? (i == 0 || i == n) : axis == 1 ? (j == 0 || j == n) : 0;
    const float scale = rim ? 2.0f : 1.0f;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float s = (axis == 2 && (k == 0 || k == n)) ? 2.0f : scale;
        U[k] = A[k] > 0.0f ? U[k] - s * (P[k] - P[k - back]) : S[k];
    }""")
def project_row(
    p: wp.array3d(dtype=float), area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
    u: wp.array3d(dtype=float), axis: int, i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def project_kernel(
    # inputs
    p: wp.array3d(dtype=float), area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), axis: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Subtract the pressure difference across the faces of one axis; closed faces take the solid's velocity."""
    i, j, c = wp.tid()
    project_row(p, area, solid, u, axis, i, j, c * chunk, wp.min((c + 1) * chunk, u.shape[2]))


@wp.func_native("""
    const int o = (i * out.shape[1] + j) * out.shape[2];
    const float *M = m.data + o, *B = a.data + o, *A = area.data + o, *S = solid.data + o;
    float* O = out.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) O[k] = A[k] > 0.0f ? 2.0f * M[k] - B[k] : S[k];""")
def reflect_row(
    m: wp.array3d(dtype=float), a: wp.array3d(dtype=float), area: wp.array3d(dtype=float),
    solid: wp.array3d(dtype=float), out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def reflect_kernel(
    # inputs
    m: wp.array3d(dtype=float), a: wp.array3d(dtype=float), area: wp.array3d(dtype=float),
    solid: wp.array3d(dtype=float), chunk: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """``2 m - a``: the velocity ``a`` mirrored at its projection ``m``; closed faces keep the solid's velocity."""
    i, j, c = wp.tid()
    reflect_row(m, a, area, solid, out, i, j, c * chunk, wp.min((c + 1) * chunk, out.shape[2]))
