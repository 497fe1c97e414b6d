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
    const int nx = c.shape[0], ny = c.shape[1], nz = c.shape[2];
    const float* C = (const float*)c.data;
    const float top[3] = {nx - 1.0f, ny - 1.0f, nz - 1.0f};
    for (int k = k0; k < k1; ++k) {
        const int o = ((i * ny + j) * nz + k) * 4;
        float k1v[4], k2v[4], k3v[4];
        for (int l = 0; l < 4; ++l) k1v[l] = k2v[l] = C[o + l];
        for (int stage = 0; stage < 2; ++stage) {
            const float step = stage == 0 ? -0.5f * dt : -0.75f * dt;
            float x = i + step * k2v[0], y = j + step * k2v[1], z = k + step * k2v[2];
            x = x < 0.0f ? 0.0f : (x > top[0] ? top[0] : x);
            y = y < 0.0f ? 0.0f : (y > top[1] ? top[1] : y);
            z = z < 0.0f ? 0.0f : (z > top[2] ? top[2] : z);
            int a = (int)x, b = (int)y, d = (int)z;
            a = a > nx - 2 ? nx - 2 : a; b = b > ny - 2 ? ny - 2 : b; d = d > nz - 2 ? nz - 2 : d;
            const float fx = x - a, fy = y - b, fz = z - d;
            const float* q = C + ((a * ny + b) * nz + d) * 4;
            const int sy = nz * 4, sx = ny * nz * 4;
            const float w00 = (1 - fx) * (1 - fy), w01 = (1 - fx) * fy, w10 = fx * (1 - fy), w11 = fx * fy;
            float low[4], high[4];
            for (int l = 0; l < 4; ++l) {
                low[l] = w00 * q[l] + w01 * q[sy + l] + w10 * q[sx + l] + w11 * q[sx + sy + l];
                high[l] = w00 * q[4 + l] + w01 * q[sy + 4 + l] + w10 * q[sx + 4 + l] + w11 * q[sx + sy + 4 + l];
            }
            float* out = stage == 0 ? k2v : k3v;
            for (int l = 0; l < 4; ++l) out[l] = low[l] + fz * (high[l] - low[l]);
        }
        float* D = (float*)displacement.data + o;
        for (int l = 0; l < 4; ++l)
            D[l] = dt * ((2.0f / 9.0f) * k1v[l] + (1.0f / 3.0f) * k2v[l] + (4.0f / 9.0f) * k3v[l]);
    }""")
def path_row(
    c: wp.array3d(dtype=wp.vec4), dt: float, displacement: wp.array3d(dtype=wp.vec4), i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def path_kernel(
    # inputs
    c: wp.array3d(dtype=wp.vec4), dt: float, chunk: int,
    # outputs
    displacement: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    """How far each cell centre travelled during ``dt`` to arrive where it is [cells]; ``c`` in cells per second."""
    i, j, t = wp.tid()
    path_row(c, dt, displacement, i, j, t * chunk, wp.min((t + 1) * chunk, c.shape[2]))


@wp.func_native("""
#if !defined(__CUDACC__)
    typedef float Four __attribute__((vector_size(16)));
    const int nx = f.shape[0], ny = f.shape[1], nz = f.shape[2];
    const int cx = displacement.shape[0], cy = displacement.shape[1], cz = displacement.shape[2];
    const int ih = i < cx ? i : cx - 1, jh = j < cy ? j : cy - 1;
    const int il = (axis == 0 && i > 0) ? i - 1 : ih, jl = (axis == 1 && j > 0) ? j - 1 : jh;
    const Four* low_cell = (const Four*)displacement.data + (il * cy + jl) * cz;
    const Four* high_cell = (const Four*)displacement.data + (ih * cy + jh) * cz;
    const Four top = {nx - 1.0f, ny - 1.0f, nz - 1.0f, 0.0f}, zero = {0.0f, 0.0f, 0.0f, 0.0f};
    float* O = out.data + (i * ny + j) * nz;
    for (int k = k0; k < k1; ++k) {
        // the mean over the two cells of the face (the same one twice at the rim, or for a cell field)
        const int kh = k < cz ? k : cz - 1, kl = (axis == 2 && k > 0) ? k - 1 : kh;
        Four x = {(float)i, (float)j, (float)k, 0.0f};
        x -= 0.5f * (low_cell[kl] + high_cell[kh]);
        if (open != 0 && (((open & 1) && x[0] < -0.5f) || ((open & 2) && x[0] > nx - 0.5f)
                || ((open & 4) && x[1] < -0.5f) || ((open & 8) && x[1] > ny - 0.5f)
                || ((open & 16) && x[2] < -0.5f) || ((open & 32) && x[2] > nz - 0.5f))) {
            O[k] = 0.0f;
            continue;
        }
        x = x > zero ? (x < top ? x : top) : zero;  // a NaN becomes 0 and stays visible elsewhere
        int a = (int)x[0], b = (int)x[1], c = (int)x[2];
        a = a > nx - 2 ? nx - 2 : a; b = b > ny - 2 ? ny - 2 : b; c = c > nz - 2 ? nz - 2 : c;
        int sa = a - 1, sb = b - 1, sc = c - 1;
        sa = sa < 0 ? 0 : (sa > nx - 4 ? nx - 4 : sa);
        sb = sb < 0 ? 0 : (sb > ny - 4 ? ny - 4 : sb);
        sc = sc < 0 ? 0 : (sc > nz - 4 ? nz - 4 : sc);
        const Four start = {(float)sa, (float)sb, (float)sc, 0.0f};
        const Four m0 = x - start, m1 = m0 - 1.0f, m2 = m0 - 2.0f, m3 = m0 - 3.0f;
        const Four outer = m1 * m2, ends = m0 * m3;
        const Four w0 = (-1.0f / 6.0f) * outer * m3, w1 = 0.5f * ends * m2;
        const Four w2 = -0.5f * ends * m1, w3 = (1.0f / 6.0f) * outer * m0;
        const float wx[4] = {w0[0], w1[0], w2[0], w3[0]};
        const float* q = f.data + (sa * ny + sb) * nz + sc;
        const int ia = a - sa, ib = b - sb, ic = c - sc;  // the 2 x 2 x 2 samples around the point
        Four sum = zero, least = zero + 1e30f, most = zero - 1e30f;
        for (int l = 0; l < 4; ++l) {
            Four rows[4];
            for (int m = 0; m < 4; ++m) __builtin_memcpy(&rows[m], q + (l * ny + m) * nz, sizeof(Four));
            sum += wx[l] * ((w0[1] * rows[0] + w1[1] * rows[1]) + (w2[1] * rows[2] + w3[1] * rows[3]));
            if (l == ia || l == ia + 1) {
                const Four r0 = ib == 1 ? rows[1] : (ib == 0 ? rows[0] : rows[2]);
                const Four r1 = ib == 1 ? rows[2] : (ib == 0 ? rows[1] : rows[3]);
                const Four small = r0 < r1 ? r0 : r1, large = r0 < r1 ? r1 : r0;
                least = small < least ? small : least;
                most = large > most ? large : most;
            }
        }
        const float value = (sum[0] * w0[2] + sum[1] * w1[2]) + (sum[2] * w2[2] + sum[3] * w3[2]);
        const float l0 = ic == 1 ? least[1] : (ic == 0 ? least[0] : least[2]);
        const float l1 = ic == 1 ? least[2] : (ic == 0 ? least[1] : least[3]);
        const float h0 = ic == 1 ? most[1] : (ic == 0 ? most[0] : most[2]);
        const float h1 = ic == 1 ? most[2] : (ic == 0 ? most[1] : most[3]);
        const float low = l0 < l1 ? l0 : l1, high = h0 > h1 ? h0 : h1;
        O[k] = value < low ? low : (value > high ? high : value);
    }
#endif
    """)
def cubic_row(
    f: wp.array3d(dtype=float), displacement: wp.array3d(dtype=wp.vec4), axis: int, open: int,
    out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def cubic_rows_kernel(
    # inputs
    f: wp.array3d(dtype=float), displacement: wp.array3d(dtype=wp.vec4), axis: int, open: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """``cubic_kernel`` for CPUs: four samples at a time, about ten times as fast."""
    i, j = wp.tid()
    cubic_row(f, displacement, axis, open, out, i, j, 0, f.shape[2])


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
    f: wp.array3d(dtype=float), displacement: wp.array3d(dtype=wp.vec4), axis: int, open: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """Carry ``f`` along ``displacement``. ``axis`` 0, 1, 2: faces across x, y, z; -1: cells.

    ``open`` has bits 1, 2, 4, ... for the sides -x, +x, -y, ... through which ambient (0) flows in; else zero gradient.
    Every side needs at least 4 samples.
    """
    i, j, k = wp.tid()
    ih, jh = wp.min(i, displacement.shape[0] - 1), wp.min(j, displacement.shape[1] - 1)
    kh = wp.min(k, displacement.shape[2] - 1)
    il, jl, kl = ih, jh, kh
    if axis == 0 and i > 0:
        il = i - 1
    if axis == 1 and j > 0:
        jl = j - 1
    if axis == 2 and k > 0:
        kl = k - 1
    d = 0.5 * (displacement[il, jl, kl] + displacement[ih, jh, kh])
    x, y, z = float(i) - d[0], float(j) - d[1], float(k) - d[2]
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


def cubic(f, displacement, *, axis, open, out):
    """Launch ``cubic_kernel`` in the form that suits the device; ``out`` must not alias ``f``."""
    inputs = [f, displacement, axis, open]
    if f.device.is_cpu:
        wp.launch(cubic_rows_kernel, dim=f.shape[:2], inputs=inputs, outputs=[out], device=f.device)
    else:
        wp.launch(cubic_kernel, dim=f.shape, inputs=inputs, outputs=[out], device=f.device)
