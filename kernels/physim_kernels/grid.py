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
    const int pad = (z.shape[2] - nz) / 2, far = (x.shape[0] - u.shape[0] + 1) / 2;
    const int op = ((i + far) * (ny + 2 * pad) + j + pad) * (nz + 2 * pad) + pad;
    float *X = x.data + op, *Y = y.data + op, *Z = z.data + op;
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
    """Cell-centred ``a * velocity + b * velocity2``, into fields with or without ghosts."""
    i, j, c = wp.tid()
    centre_row(u, v, w, u2, v2, w2, a, b, x, y, z, i, j, c * chunk, wp.min((c + 1) * chunk, u.shape[2]))


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
    const float* U = u.data + o;
    float* O = out.data + o;
    const float *A = area.data + o, *B = weight.data + o, *S = solid.data + o;
    const float* P = p.data + (i + 1) * sx + (j + 1) * sy + 1;
    const int at_rim = axis == 0 ? (i == 0 || i == n) : axis == 1 ? (j == 0 || j == n) : 0;
    const float scale = at_rim ? rim : 1.0f;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float s = (axis == 2 && (k == 0 || k == n)) ? rim : scale;
        O[k] = A[k] > 0.0f ? U[k] - s * (B[k] / A[k]) * (P[k] - P[k - back]) : S[k];
    }""")
def project_row(
    p: wp.array3d(dtype=float), area: wp.array3d(dtype=float), weight: wp.array3d(dtype=float),
    solid: wp.array3d(dtype=float), u: wp.array3d(dtype=float), axis: int, rim: float,
    out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def project_kernel(
    # inputs
    p: wp.array3d(dtype=float), area: wp.array3d(dtype=float), weight: wp.array3d(dtype=float),
    solid: wp.array3d(dtype=float), u: wp.array3d(dtype=float), axis: int, rim: float, chunk: int,
    # outputs: may be ``u``
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """Subtract the pressure difference over the density; closed faces take the solid's velocity.

    ``weight`` is the open area over the density (that of air is 1). ``rim`` is 2 at open sides, where p = 0 on the face
    and the difference is taken over half a cell, 1 where the other end of the box follows (p padded by wrapping).
    """
    i, j, c = wp.tid()
    project_row(p, area, weight, solid, u, axis, rim, out, i, j, c * chunk, wp.min((c + 1) * chunk, u.shape[2]))


@wp.func_native("""
    const int sy = q.shape[1], sz = q.shape[2], o = (i * area.shape[1] + j) * area.shape[2];
    const int n = area.shape[axis] - 1;
    const int back = axis == 0 ? sy * sz : axis == 1 ? sz : 1;
    const float* Q = q.data + ((i + 3) * sy + j + 3) * sz + 3;
    const float* A = area.data + o;
    float* W = weight.data + o;
    const int at = axis == 0 ? i : j;
    const int down = axis != 2 && at == 0 ? 0 : -back, up = axis != 2 && at == n ? -back : 0;
    const auto face = [=](int k, int down, int up) {
        const float rho = 1.0f + 0.5f * (heavy - 1.0f) * (Q[k + down] + Q[k + up]);
        W[k] = A[k] / (rho > 1e-3f ? rho : 1e-3f);
    };
    int first = k0, last = k1;
    if (axis == 2) {
        if (k0 == 0) { face(0, 0, 0); first = 1; }
        if (k1 == n + 1 && k1 > first) { face(n, -1, -1); last = n; }
    }
    #pragma clang loop vectorize(assume_safety)
    for (int k = first; k < last; ++k) face(k, down, up);""")
def weight_row(
    q: wp.array3d(dtype=float), area: wp.array3d(dtype=float), heavy: float, weight: wp.array3d(dtype=float),
    axis: int, i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def weight_kernel(
    # inputs: density of what is carried, padded by three
    q: wp.array3d(dtype=float), area: wp.array3d(dtype=float), heavy: float, axis: int, chunk: int,
    # outputs
    weight: wp.array3d(dtype=float),
):  # fmt: skip
    """Open area over the mean density of the two cells; a cell's density is 1 + (heavy - 1) q, in units of air."""
    i, j, c = wp.tid()
    weight_row(q, area, heavy, weight, axis, i, j, c * chunk, wp.min((c + 1) * chunk, area.shape[2]))


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    float* U = u.data + o;
    const float *A = area.data + o, *W = weight.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) U[k] += A[k] > 0.0f ? push * (1.0f - W[k] / A[k]) : 0.0f;""")
def sink_row(
    area: wp.array3d(dtype=float), weight: wp.array3d(dtype=float), push: float, u: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def sink_kernel(
    area: wp.array3d(dtype=float), weight: wp.array3d(dtype=float), push: float, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Weight less the lift of the surrounding air: ``u += push (1 - 1 / rho)``, push = g dt along the axis."""
    i, j, c = wp.tid()
    sink_row(area, weight, push, u, i, j, c * chunk, wp.min((c + 1) * chunk, u.shape[2]))
