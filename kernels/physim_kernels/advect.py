"""Semi-Lagrangian advection on the staggered grid: third-order paths, clamped cubic interpolation.

Paths are traced once per cell with Ralston's third-order Runge-Kutta through the cell-centred velocity; a face uses the
mean displacement of its two cells, which keeps second order and costs a third of tracing every component. Values are
interpolated by Lagrange cubics (4 x 4 x 4 samples) clamped to the 2 x 2 x 2 samples around the point, so no new
extremes appear. Next to the sides of the box the four samples shift inwards, and points outside are pulled to the
box: zero gradient, which at a closed side is free slip. Cell units: h = 1, displacements in cells.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
#if !defined(__CUDACC__)
    typedef float Eight __attribute__((vector_size(32)));
    const int nx = cx.shape[0], ny = cx.shape[1], nz = cx.shape[2], sx = ny * nz;
    const float* C[3] = {cx.data, cy.data, cz.data};
    const int row = (i * ny + j) * nz;
    float* O[3] = {dx.data + row, dy.data + row, dz.data + row};
    const auto load = [](const float* p) { Eight v; __builtin_memcpy(&v, p, sizeof v); return v; };
    const auto all = [](auto mask) {
        long long part[4];
        __builtin_memcpy(part, &mask, sizeof part);
        return (part[0] & part[1] & part[2] & part[3]) == -1;
    };
    // one cell: any displacement
    const auto one = [&](int k) {
        const float top[3] = {nx - 1.0f, ny - 1.0f, nz - 1.0f};
        float v[3][3];
        for (int l = 0; l < 3; ++l) v[0][l] = C[l][row + k];
        for (int stage = 1; stage < 3; ++stage) {
            const float step = stage == 1 ? -0.5f * dt : -0.75f * dt;
            float x = i + step * v[stage - 1][0], y = j + step * v[stage - 1][1], z = k + step * v[stage - 1][2];
            x = x > 0.0f ? (x < top[0] ? x : top[0]) : 0.0f;
            y = y > 0.0f ? (y < top[1] ? y : top[1]) : 0.0f;
            z = z > 0.0f ? (z < top[2] ? z : top[2]) : 0.0f;
            int a = (int)x, b = (int)y, d = (int)z;
            a = a > nx - 2 ? nx - 2 : a; b = b > ny - 2 ? ny - 2 : b; d = d > nz - 2 ? nz - 2 : d;
            const float fx = x - a, fy = y - b, fz = z - d;
            for (int l = 0; l < 3; ++l) {
                const float* q = C[l] + (a * ny + b) * nz + d;
                const float low = (1 - fy) * (q[0] + fz * (q[1] - q[0])) + fy * (q[nz] + fz * (q[nz + 1] - q[nz]));
                q += sx;
                const float high = (1 - fy) * (q[0] + fz * (q[1] - q[0])) + fy * (q[nz] + fz * (q[nz + 1] - q[nz]));
                v[stage][l] = low + fx * (high - low);
            }
        }
        for (int l = 0; l < 3; ++l)
            O[l][k] = dt * ((2.0f / 9.0f) * v[0][l] + (1.0f / 3.0f) * v[1][l] + (4.0f / 9.0f) * v[2][l]);
    };
    int k = k0;
    for (; k + 8 <= k1; k += 8) {
        // eight cells at once where all of them look into the same shifted cells, which is nearly everywhere
        Eight v[3][3];
        for (int l = 0; l < 3; ++l) v[0][l] = load(C[l] + row + k);
        bool together = true;
        for (int stage = 1; stage < 3 && together; ++stage) {
            const float step = stage == 1 ? -0.5f * dt : -0.75f * dt;
            const Eight x = step * v[stage - 1][0], y = step * v[stage - 1][1], z = step * v[stage - 1][2];
            const int a = (int)__builtin_floorf(x[0]), b = (int)__builtin_floorf(y[0]), d = (int)__builtin_floorf(z[0]);
            const Eight fx = x - (float)a, fy = y - (float)b, fz = z - (float)d;
            together = i + a >= 0 && i + a < nx - 1 && j + b >= 0 && j + b < ny - 1 && k + d >= 0 && k + d + 8 < nz
                && all((fx >= 0.0f) & (fx <= 1.0f) & (fy >= 0.0f) & (fy <= 1.0f) & (fz >= 0.0f) & (fz <= 1.0f));
            if (!together) break;
            for (int l = 0; l < 3; ++l) {
                const float* q = C[l] + ((i + a) * ny + j + b) * nz + k + d;
                const Eight q0 = load(q), q1 = load(q + nz), q2 = load(q + sx), q3 = load(q + sx + nz);
                const Eight r0 = q0 + fz * (load(q + 1) - q0), r1 = q1 + fz * (load(q + nz + 1) - q1);
                const Eight r2 = q2 + fz * (load(q + sx + 1) - q2), r3 = q3 + fz * (load(q + sx + nz + 1) - q3);
                const Eight low = (1.0f - fy) * r0 + fy * r1, high = (1.0f - fy) * r2 + fy * r3;
                v[stage][l] = low + fx * (high - low);
            }
        }
        if (!together) {
            for (int l = 0; l < 8; ++l) one(k + l);
            continue;
        }
        for (int l = 0; l < 3; ++l) {
            const Eight d = dt * ((2.0f / 9.0f) * v[0][l] + (1.0f / 3.0f) * v[1][l] + (4.0f / 9.0f) * v[2][l]);
            __builtin_memcpy(O[l] + k, &d, sizeof d);
        }
    }
    for (; k < k1; ++k) one(k);
#endif
    """)
def path_row(
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), dt: float,
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def path_rows_kernel(
    # inputs
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), dt: float,
    # outputs
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float),
):  # fmt: skip
    """``path_kernel`` for CPUs."""
    i, j = wp.tid()
    path_row(cx, cy, cz, dt, dx, dy, dz, i, j, 0, cx.shape[2])


@wp.func
def trilinear(c: wp.array3d(dtype=float), x: float, y: float, z: float) -> float:
    """Value at (x, y, z) in samples; points outside are pulled to the box."""
    px, py = wp.clamp(x, 0.0, float(c.shape[0] - 1)), wp.clamp(y, 0.0, float(c.shape[1] - 1))
    pz = wp.clamp(z, 0.0, float(c.shape[2] - 1))
    i, j, k = wp.min(int(px), c.shape[0] - 2), wp.min(int(py), c.shape[1] - 2), wp.min(int(pz), c.shape[2] - 2)
    fx, fy, fz = px - float(i), py - float(j), pz - float(k)
    low = wp.lerp(wp.lerp(c[i, j, k], c[i, j, k + 1], fz), wp.lerp(c[i, j + 1, k], c[i, j + 1, k + 1], fz), fy)
    a, b = wp.lerp(c[i + 1, j, k], c[i + 1, j, k + 1], fz), wp.lerp(c[i + 1, j + 1, k], c[i + 1, j + 1, k + 1], fz)
    return wp.lerp(low, wp.lerp(a, b, fy), fx)


@wp.kernel
def path_kernel(
    # inputs
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), dt: float,
    # outputs
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float),
):  # fmt: skip
    """How far each cell centre travelled during ``dt`` to arrive where it is [cells]; velocity in cells per second."""
    i, j, k = wp.tid()
    x, y, z = float(i), float(j), float(k)
    v1 = wp.vec3(cx[i, j, k], cy[i, j, k], cz[i, j, k])
    p = wp.vec3(x, y, z) - 0.5 * dt * v1
    v2 = wp.vec3(trilinear(cx, p[0], p[1], p[2]), trilinear(cy, p[0], p[1], p[2]), trilinear(cz, p[0], p[1], p[2]))
    p = wp.vec3(x, y, z) - 0.75 * dt * v2
    v3 = wp.vec3(trilinear(cx, p[0], p[1], p[2]), trilinear(cy, p[0], p[1], p[2]), trilinear(cz, p[0], p[1], p[2]))
    d = dt * (2.0 / 9.0 * v1 + 1.0 / 3.0 * v2 + 4.0 / 9.0 * v3)
    dx[i, j, k] = d[0]
    dy[i, j, k] = d[1]
    dz[i, j, k] = d[2]


@wp.func_native("""
#if !defined(__CUDACC__)
    typedef float Four __attribute__((vector_size(16)));
    typedef float Eight __attribute__((vector_size(32)));
    const int nx = f.shape[0], ny = f.shape[1], nz = f.shape[2];
    const int cx = dx.shape[0], cy = dx.shape[1], cz = dx.shape[2];
    const int ih = i < cx ? i : cx - 1, jh = j < cy ? j : cy - 1;
    const int il = (axis == 0 && i > 0) ? i - 1 : ih, jl = (axis == 1 && j > 0) ? j - 1 : jh;
    const int back = axis == 2 ? 1 : 0, low_cell = (il * cy + jl) * cz, high_cell = (ih * cy + jh) * cz;
    const float* D[3] = {dx.data, dy.data, dz.data};
    float* O = out.data + (i * ny + j) * nz;
    const auto load = [](const float* p) { Eight v; __builtin_memcpy(&v, p, sizeof v); return v; };
    const auto all = [](auto mask) {
        long long part[4];
        __builtin_memcpy(part, &mask, sizeof part);
        return (part[0] & part[1] & part[2] & part[3]) == -1;
    };
    // one sample: any displacement, any side
    const auto one = [&](int k) {
        const int kh = k < cz ? k : cz - 1, kl = k - back > 0 ? (k - back < cz ? k - back : cz - 1) : 0;
        const Four top = {nx - 1.0f, ny - 1.0f, nz - 1.0f, 0.0f}, zero = {0.0f, 0.0f, 0.0f, 0.0f};
        Four x = {(float)i, (float)j, (float)k, 0.0f};
        for (int l = 0; l < 3; ++l) x[l] -= 0.5f * (D[l][low_cell + kl] + D[l][high_cell + kh]);
        if (open != 0 && (((open & 1) && x[0] < -0.5f) || ((open & 2) && x[0] > nx - 0.5f)
                || ((open & 4) && x[1] < -0.5f) || ((open & 8) && x[1] > ny - 0.5f)
                || ((open & 16) && x[2] < -0.5f) || ((open & 32) && x[2] > nz - 0.5f))) {
            O[k] = 0.0f;
            return;
        }
        x = x > zero ? (x < top ? x : top) : zero;  // never out of bounds, not even with a NaN
        int a = (int)x[0], b = (int)x[1], c = (int)x[2];
        a = a > nx - 2 ? nx - 2 : a; b = b > ny - 2 ? ny - 2 : b; c = c > nz - 2 ? nz - 2 : c;
        int sa = a - 1, sb = b - 1, sc = c - 1;
        sa = sa < 0 ? 0 : (sa > nx - 4 ? nx - 4 : sa);
        sb = sb < 0 ? 0 : (sb > ny - 4 ? ny - 4 : sb);
        sc = sc < 0 ? 0 : (sc > nz - 4 ? nz - 4 : sc);
        const Four start = {(float)sa, (float)sb, (float)sc, 0.0f};
        const Four m0 = x - start, m1 = m0 - 1.0f, m2 = m0 - 2.0f, m3 = m0 - 3.0f;
        const Four inner = m1 * m2, ends = m0 * m3;
        const Four w0 = (-1.0f / 6.0f) * inner * m3, w1 = 0.5f * ends * m2;
        const Four w2 = -0.5f * ends * m1, w3 = (1.0f / 6.0f) * inner * m0;
        const float wx[4] = {w0[0], w1[0], w2[0], w3[0]};
        const float* q = f.data + (sa * ny + sb) * nz + sc;
        Four sum = zero;
        for (int l = 0; l < 4; ++l) {
            Four rows[4];
            for (int m = 0; m < 4; ++m) __builtin_memcpy(&rows[m], q + (l * ny + m) * nz, sizeof(Four));
            sum += wx[l] * ((w0[1] * rows[0] + w1[1] * rows[1]) + (w2[1] * rows[2] + w3[1] * rows[3]));
        }
        const float value = (sum[0] * w0[2] + sum[1] * w1[2]) + (sum[2] * w2[2] + sum[3] * w3[2]);
        const float* e = f.data + (a * ny + b) * nz + c;
        float low = e[0], high = e[0];
        for (int l = 0; l < 2; ++l)
            for (int m = 0; m < 2; ++m)
                for (int n = 0; n < 2; ++n) {
                    const float s = e[(l * ny + m) * nz + n];
                    low = s < low ? s : low;
                    high = s > high ? s : high;
                }
        O[k] = value < low ? low : (value > high ? high : value);
    };
    int k = k0;
    if (k == 0 && back) one(k++);
    for (; k + 8 <= k1 && k + 8 <= cz; k += 8) {
        // eight samples at once where all of them look into the same shifted cells, away from the sides
        const Eight x = -0.5f * (load(D[0] + low_cell + k - back) + load(D[0] + high_cell + k));
        const Eight y = -0.5f * (load(D[1] + low_cell + k - back) + load(D[1] + high_cell + k));
        const Eight z = -0.5f * (load(D[2] + low_cell + k - back) + load(D[2] + high_cell + k));
        const int a = (int)__builtin_floorf(x[0]), b = (int)__builtin_floorf(y[0]), c = (int)__builtin_floorf(z[0]);
        const Eight fx = x - (float)a, fy = y - (float)b, fz = z - (float)c;
        const bool together = i + a >= 1 && i + a < nx - 2 && j + b >= 1 && j + b < ny - 2 && k + c >= 1
            && k + c + 9 < nz
            && all((fx >= 0.0f) & (fx <= 1.0f) & (fy >= 0.0f) & (fy <= 1.0f) & (fz >= 0.0f) & (fz <= 1.0f));
        if (!together) {
            for (int l = 0; l < 8; ++l) one(k + l);
            continue;
        }
        Eight w[3][4];
        for (int l = 0; l < 3; ++l) {
            const Eight m1 = l == 0 ? fx : (l == 1 ? fy : fz), m0 = m1 + 1.0f, m2 = m1 - 1.0f, m3 = m1 - 2.0f;
            const Eight inner = m1 * m2, ends = m0 * m3;
            w[l][0] = (-1.0f / 6.0f) * inner * m3;
            w[l][1] = 0.5f * ends * m2;
            w[l][2] = -0.5f * ends * m1;
            w[l][3] = (1.0f / 6.0f) * inner * m0;
        }
        const float* q = f.data + ((i + a - 1) * ny + j + b - 1) * nz + k + c - 1;
        Eight sum = fx - fx, low = load(q + (ny + 1) * nz + 1), high = low;
        for (int l = 0; l < 4; ++l) {
            Eight line = fx - fx;
            for (int m = 0; m < 4; ++m) {
                const float* r = q + (l * ny + m) * nz;
                const Eight r0 = load(r), r1 = load(r + 1), r2 = load(r + 2), r3 = load(r + 3);
                line += w[1][m] * ((w[2][0] * r0 + w[2][1] * r1) + (w[2][2] * r2 + w[2][3] * r3));
                if ((l == 1 || l == 2) && (m == 1 || m == 2)) {
                    const Eight small = r1 < r2 ? r1 : r2, large = r1 < r2 ? r2 : r1;
                    low = small < low ? small : low;
                    high = large > high ? large : high;
                }
            }
            sum += w[0][l] * line;
        }
        sum = sum < low ? low : (sum > high ? high : sum);
        __builtin_memcpy(O + k, &sum, sizeof sum);
    }
    for (; k < k1; ++k) one(k);
#endif
    """)
def cubic_row(
    f: wp.array3d(dtype=float),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), axis: int, open: int,
    out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def cubic_rows_kernel(
    # inputs
    f: wp.array3d(dtype=float),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), axis: int, open: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """``cubic_kernel`` for CPUs: four or eight samples at a time, more than ten times as fast."""
    i, j = wp.tid()
    cubic_row(f, dx, dy, dz, axis, open, out, i, j, 0, f.shape[2])


@wp.func
def cubic_weights(t: float) -> wp.vec4:
    """Lagrange weights of samples at 0, 1, 2, 3 for a point at ``t``."""
    m1, m2, m3 = t - 1.0, t - 2.0, t - 3.0
    return wp.vec4(-m1 * m2 * m3 / 6.0, 0.5 * t * m2 * m3, -0.5 * t * m1 * m3, t * m1 * m2 / 6.0)


@wp.func
def is_outside(x: float, n: int, open: int, bit: int) -> bool:
    """Whether ``x`` lies beyond an open side of a row of ``n`` samples; ``bit`` belongs to its lower side."""
    low = (open & bit) != 0 and x < -0.5
    high = (open & (2 * bit)) != 0 and x > float(n) - 0.5
    return low or high


@wp.kernel
def cubic_kernel(
    # inputs
    f: wp.array3d(dtype=float),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), axis: int, open: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """Carry ``f`` along the displacement of the cells. ``axis`` 0, 1, 2: faces across x, y, z; -1: cells.

    ``open`` has bits 1, 2, 4, ... for the sides -x, +x, -y, ... through which ambient (0) flows in; else zero gradient.
    Every side needs at least 4 samples.
    """
    i, j, k = wp.tid()
    ih, jh, kh = wp.min(i, dx.shape[0] - 1), wp.min(j, dx.shape[1] - 1), wp.min(k, dx.shape[2] - 1)
    il, jl, kl = ih, jh, kh
    if axis == 0 and i > 0:
        il = i - 1
    if axis == 1 and j > 0:
        jl = j - 1
    if axis == 2 and k > 0:
        kl = k - 1
    x = float(i) - 0.5 * (dx[il, jl, kl] + dx[ih, jh, kh])
    y = float(j) - 0.5 * (dy[il, jl, kl] + dy[ih, jh, kh])
    z = float(k) - 0.5 * (dz[il, jl, kl] + dz[ih, jh, kh])
    nx, ny, nz = f.shape[0], f.shape[1], f.shape[2]
    if is_outside(x, nx, open, 1) or is_outside(y, ny, open, 4) or is_outside(z, nz, open, 16):
        out[i, j, k] = 0.0
        return
    x, y, z = wp.clamp(x, 0.0, float(nx - 1)), wp.clamp(y, 0.0, float(ny - 1)), wp.clamp(z, 0.0, float(nz - 1))
    a, b, c = wp.min(int(x), nx - 2), wp.min(int(y), ny - 2), wp.min(int(z), nz - 2)
    sa, sb, sc = wp.clamp(a - 1, 0, nx - 4), wp.clamp(b - 1, 0, ny - 4), wp.clamp(c - 1, 0, nz - 4)
    wx, wy, wz = cubic_weights(x - float(sa)), cubic_weights(y - float(sb)), cubic_weights(z - float(sc))
    total = float(0.0)
    for l in range(4):
        for m in range(4):
            for n in range(4):
                total += wx[l] * wy[m] * wz[n] * f[sa + l, sb + m, sc + n]
    low, high = float(f[a, b, c]), float(f[a, b, c])
    for l in range(2):
        for m in range(2):
            for n in range(2):
                low, high = wp.min(low, f[a + l, b + m, c + n]), wp.max(high, f[a + l, b + m, c + n])
    out[i, j, k] = wp.clamp(total, low, high)


def path(c, *, dt, out):
    """Launch ``path_kernel`` in the form that suits the device; ``c`` and ``out`` are three arrays each."""
    rows = c[0].device.is_cpu
    kernel, dim = (path_rows_kernel, c[0].shape[:2]) if rows else (path_kernel, c[0].shape)
    wp.launch(kernel, dim=dim, inputs=[*c, dt], outputs=[*out], device=c[0].device)


def cubic(f, displacement, *, axis, open, out):
    """Launch ``cubic_kernel`` in the form that suits the device; ``out`` must not alias ``f``."""
    rows = f.device.is_cpu
    kernel, dim = (cubic_rows_kernel, f.shape[:2]) if rows else (cubic_kernel, f.shape)
    wp.launch(kernel, dim=dim, inputs=[f, *displacement, axis, open], outputs=[out], device=f.device)
