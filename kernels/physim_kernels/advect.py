"""Semi-Lagrangian advection on the staggered grid: third-order paths, clamped cubic interpolation.

Paths are traced once per cell with Ralston's third-order Runge-Kutta through the cell-centred velocity; a face uses the
mean displacement of its two cells, which keeps second order and costs a third of tracing every component. Values are
interpolated by Lagrange cubics (4 x 4 x 4 samples) clamped to the 2 x 2 x 2 samples around the point, so no new
extremes appear. Cell units: h = 1, displacements in cells.

What is read is padded by two ghost samples on each side (``physim_kernels.ghost``), which say what lies beyond. Points
go no further than ``low`` beyond the first sample and ``high`` beyond the last one, or come in again at the other end
where ``periodic`` has the bit of their axis. A grid one cell thick along x has no ghosts there and is interpolated in
its plane alone.

On a CPU eight samples of a row are computed at once. Lanes that look into the same shifted cells share their loads;
nearly everywhere all eight do. A row of the padded field may be read up to ``SLACK`` samples before its beginning and
beyond its end: allocate with that much room around the whole array.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

GHOST = 2
"""Ghost samples on each side."""
SLACK = 32
"""Readable samples before and after a padded array."""

EIGHT = """
    typedef float Eight __attribute__((vector_size(32)));
    typedef int Ints __attribute__((vector_size(32)));
    const Ints lane = {0, 1, 2, 3, 4, 5, 6, 7};
    const Eight nought = {0, 0, 0, 0, 0, 0, 0, 0};
    const auto load = [](const float* p) { Eight v; __builtin_memcpy(&v, p, sizeof v); return v; };
    // into the range of the field, and the sample below; never out of bounds, not even with a NaN
    const auto settle = [=](Eight& x, float low, float high, int period, int last) {
        if (period > 0) {
            const Eight turns = x * (1.0f / period);
            Ints whole = __builtin_convertvector(turns, Ints);
            whole += turns < __builtin_convertvector(whole, Eight);
            x -= __builtin_convertvector(whole, Eight) * (float)period;
        }
        x = x > low ? (x < high ? x : nought + high) : nought + low;
        const Ints a = __builtin_convertvector(x + 2.0f, Ints) - 2;
        return a < last ? a : 0 * a + last;
    };
"""


@wp.func_native(
    """
#if !defined(__CUDACC__)
"""
    + EIGHT
    + """
    const int nx = dx.shape[0], ny = dx.shape[1], nz = dx.shape[2];
    const int py = cx.shape[1], pz = cx.shape[2], sx = py * pz;
    const int gx = (cx.shape[0] - nx) / 2, flat = gx == 0;
    const float* C[3] = {cx.data, cy.data, cz.data};
    const int row = ((i + gx) * py + j + 2) * pz + 2;
    float* O[3] = {dx.data + (i * ny + j) * nz, dy.data + (i * ny + j) * nz, dz.data + (i * ny + j) * nz};
    const int wx = (periodic & 1) ? nx : 0, wy = (periodic & 2) ? ny : 0, wz = (periodic & 4) ? nz : 0;
    for (int start = 0; start < nz; start += 8) {
        const int k = start + 8 <= nz || nz < 8 ? start : nz - 8;
        const int width = nz - k < 8 ? nz - k : 8;
        Eight v[3][3] = {};
        for (int l = 0; l < 3; ++l) v[0][l] = load(C[l] + row + k);
        for (int stage = 1; stage < 3; ++stage) {
            const float step = stage == 1 ? -0.5f * dt : -0.75f * dt;
            Eight x = (float)i + step * v[stage - 1][0], y = (float)j + step * v[stage - 1][1];
            Eight z = __builtin_convertvector(k + lane, Eight) + step * v[stage - 1][2];
            const Ints a = flat ? 0 * lane : settle(x, low[0], nx - 1 + high[0], wx, nx - 1);
            const Ints b = settle(y, low[1], ny - 1 + high[1], wy, ny - 1);
            const Ints c = settle(z, low[2], nz - 1 + high[2], wz, nz - 1);
            const Eight fx = x - __builtin_convertvector(a, Eight), fy = y - __builtin_convertvector(b, Eight);
            const Eight fz = z - __builtin_convertvector(c, Eight);
            const Ints base = ((a + gx) * py + b + 2) * pz + c + 2 - lane;
            int at[8];
            __builtin_memcpy(at, &base, sizeof at);
            for (unsigned left = 0xff; left != 0;) {
                const int here = at[__builtin_ctz(left)];
                const Ints mine = base == here;
                unsigned same = 0;
                for (int l = 0; l < 8; ++l) same |= (unsigned)(at[l] == here) << l;
                left &= ~same;
                for (int l = 0; l < 3; ++l) {
                    const float* q = C[l] + here;
                    const Eight q0 = load(q), q1 = load(q + pz);
                    const Eight r0 = q0 + fz * (load(q + 1) - q0), r1 = q1 + fz * (load(q + pz + 1) - q1);
                    Eight value = r0 + fy * (r1 - r0);
                    if (!flat) {
                        const Eight q2 = load(q + sx), q3 = load(q + sx + pz);
                        const Eight r2 = q2 + fz * (load(q + sx + 1) - q2), r3 = q3 + fz * (load(q + sx + pz + 1) - q3);
                        value += fx * (r2 + fy * (r3 - r2) - value);
                    }
                    v[stage][l] = mine ? value : v[stage][l];
                }
            }
        }
        for (int l = 0; l < 3; ++l) {
            const Eight d = dt * ((2.0f / 9.0f) * v[0][l] + (1.0f / 3.0f) * v[1][l] + (4.0f / 9.0f) * v[2][l]);
            if (width == 8) __builtin_memcpy(O[l] + k, &d, sizeof d);
            else for (int m = 0; m < width; ++m) O[l][k + m] = d[m];
        }
    }
#endif
    """
)
def path_row(
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), dt: float,
    low: wp.vec3, high: wp.vec3, periodic: int,
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), i: int, j: int,
): ...  # fmt: skip


@wp.kernel
def path_rows_kernel(
    # inputs
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), dt: float,
    low: wp.vec3, high: wp.vec3, periodic: int,
    # outputs
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float),
):  # fmt: skip
    """``path_kernel`` for CPUs."""
    i, j = wp.tid()
    path_row(cx, cy, cz, dt, low, high, periodic, dx, dy, dz, i, j)


@wp.func
def settled(x: float, low: float, high: float, period: int) -> float:
    """``x`` in the range of the field: round again where that has a period, else no further than its limits."""
    inside = x
    if period > 0:
        inside = x - wp.floor(x / float(period)) * float(period)
    return wp.clamp(inside, low, high)


@wp.func
def trilinear(c: wp.array3d(dtype=float), g: int, x: float, y: float, z: float) -> float:
    """Value at (x, y, z) in samples, inside the padded field."""
    i, j, k = int(wp.floor(x)), int(wp.floor(y)), int(wp.floor(z))
    fx, fy, fz = x - float(i), y - float(j), z - float(k)
    a, b, d = i + g, j + 2, k + 2
    near = wp.lerp(wp.lerp(c[a, b, d], c[a, b, d + 1], fz), wp.lerp(c[a, b + 1, d], c[a, b + 1, d + 1], fz), fy)
    if g == 0:
        return near
    e = a + 1
    far = wp.lerp(wp.lerp(c[e, b, d], c[e, b, d + 1], fz), wp.lerp(c[e, b + 1, d], c[e, b + 1, d + 1], fz), fy)
    return wp.lerp(near, far, fx)


@wp.kernel
def path_kernel(
    # inputs: velocity at cell centres, padded [cells / s]
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), dt: float,
    low: wp.vec3, high: wp.vec3, periodic: int,
    # outputs
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float),
):  # fmt: skip
    """How far each cell centre travelled during ``dt`` to arrive where it is [cells]."""
    i, j, k = wp.tid()
    nx, ny, nz = dx.shape[0], dx.shape[1], dx.shape[2]
    g = (cx.shape[0] - nx) / 2
    wx, wy, wz = wp.where((periodic & 1) != 0, nx, 0), wp.where((periodic & 2) != 0, ny, 0), int(0)
    if (periodic & 4) != 0:
        wz = nz
    v1 = wp.vec3(cx[i + g, j + 2, k + 2], cy[i + g, j + 2, k + 2], cz[i + g, j + 2, k + 2])
    v = v1
    total = 2.0 / 9.0 * v1
    for stage in range(1, 3):
        step = wp.where(stage == 1, -0.5 * dt, -0.75 * dt)
        x = float(0.0)
        if g > 0:
            x = settled(float(i) + step * v[0], low[0], float(nx - 1) + high[0], wx)
        y = settled(float(j) + step * v[1], low[1], float(ny - 1) + high[1], wy)
        z = settled(float(k) + step * v[2], low[2], float(nz - 1) + high[2], wz)
        v = wp.vec3(trilinear(cx, g, x, y, z), trilinear(cy, g, x, y, z), trilinear(cz, g, x, y, z))
        total += wp.where(stage == 1, 1.0 / 3.0, 4.0 / 9.0) * v
    dx[i, j, k] = dt * total[0]
    dy[i, j, k] = dt * total[1]
    dz[i, j, k] = dt * total[2]


@wp.func_native(
    """
#if !defined(__CUDACC__)
"""
    + EIGHT
    + """
    const int nx = out.shape[0], ny = out.shape[1], nz = out.shape[2];
    const int py = f.shape[1], pz = f.shape[2], gx = (f.shape[0] - nx) / 2, flat = gx == 0, layers = flat ? 1 : 4;
    const int cx = dx.shape[0], cy = dx.shape[1], cz = dx.shape[2];
    const int wx = (periodic & 1) ? cx : 0, wy = (periodic & 2) ? cy : 0, wz = (periodic & 4) ? cz : 0;
    const int ih = i < cx ? i : (wx ? 0 : cx - 1), jh = j < cy ? j : (wy ? 0 : cy - 1);
    const int il = axis != 0 ? ih : (i > 0 ? i - 1 : (wx ? cx - 1 : 0));
    const int jl = axis != 1 ? jh : (j > 0 ? j - 1 : (wy ? cy - 1 : 0));
    const int back = axis == 2 ? 1 : 0, near_row = (il * cy + jl) * cz, far_row = (ih * cy + jh) * cz;
    const float* D[3] = {dx.data, dy.data, dz.data};
    float* O = out.data + (i * ny + j) * nz;
    for (int start = 0; start < nz; start += 8) {
        const int k = start + 8 <= nz || nz < 8 ? start : nz - 8;
        const int width = nz - k < 8 ? nz - k : 8;
        Eight d[3];
        if (k >= back && k + 8 <= cz) {
            for (int l = 0; l < 3; ++l) d[l] = 0.5f * (load(D[l] + near_row + k - back) + load(D[l] + far_row + k));
        } else {
            for (int m = 0; m < 8; ++m) {
                const int n = k + m, kh = n < cz ? n : (wz && back ? 0 : cz - 1);
                const int kl = !back ? kh : (n == 0 ? (wz ? cz - 1 : 0) : (n - 1 < cz ? n - 1 : cz - 1));
                for (int l = 0; l < 3; ++l) d[l][m] = 0.5f * (D[l][near_row + kl] + D[l][far_row + kh]);
            }
        }
        Eight x = (float)i - d[0], y = (float)j - d[1], z = __builtin_convertvector(k + lane, Eight) - d[2];
        const Ints a = flat ? 0 * lane : settle(x, low[0], nx - 1 + high[0], wx, nx - 1);
        const Ints b = settle(y, low[1], ny - 1 + high[1], wy, ny - 1);
        const Ints c = settle(z, low[2], nz - 1 + high[2], wz, nz - 1);
        const Eight t[3] = {x - __builtin_convertvector(a, Eight), y - __builtin_convertvector(b, Eight),
                            z - __builtin_convertvector(c, Eight)};
        Eight w[3][4];
        for (int l = 0; l < 3; ++l) {
            const Eight m1 = t[l], m0 = m1 + 1.0f, m2 = m1 - 1.0f, m3 = m1 - 2.0f;
            const Eight inner = m1 * m2, ends = m0 * m3;
            w[l][0] = (-1.0f / 6.0f) * inner * m3;
            w[l][1] = 0.5f * ends * m2;
            w[l][2] = -0.5f * ends * m1;
            w[l][3] = (1.0f / 6.0f) * inner * m0;
        }
        if (flat) w[0][0] = nought + 1.0f;
        const Ints base = ((a + gx) * py + b + 2) * pz + c + 2 - lane;
        int at[8];
        __builtin_memcpy(at, &base, sizeof at);
        Eight result = nought;
        for (unsigned left = 0xff; left != 0;) {
            const int here = at[__builtin_ctz(left)];
            const Ints mine = base == here;
            unsigned same = 0;
            for (int l = 0; l < 8; ++l) same |= (unsigned)(at[l] == here) << l;
            left &= ~same;
            const float* q = f.data + here - ((flat ? 0 : py) + 1) * pz - 1;
            Eight sum = nought, least = load(f.data + here), most = least;
            for (int l = 0; l < layers; ++l, q += py * pz) {
                Eight line = nought;
                const bool inside = flat || l == 1 || l == 2;
                for (int m = 0; m < 4; ++m) {
                    const float* r = q + m * pz;
                    const Eight r0 = load(r), r1 = load(r + 1), r2 = load(r + 2), r3 = load(r + 3);
                    line += w[1][m] * ((w[2][0] * r0 + w[2][1] * r1) + (w[2][2] * r2 + w[2][3] * r3));
                    if (inside && (m == 1 || m == 2)) {
                        const Eight small = r1 < r2 ? r1 : r2, large = r1 < r2 ? r2 : r1;
                        least = small < least ? small : least;
                        most = large > most ? large : most;
                    }
                }
                sum += w[0][l] * line;
            }
            sum = sum < least ? least : (sum > most ? most : sum);
            result = mine ? sum : result;
        }
        if (width == 8) __builtin_memcpy(O + k, &result, sizeof result);
        else for (int m = 0; m < width; ++m) O[k + m] = result[m];
    }
#endif
    """
)
def cubic_row(
    f: wp.array3d(dtype=float),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), axis: int,
    low: wp.vec3, high: wp.vec3, periodic: int, out: wp.array3d(dtype=float), i: int, j: int,
): ...  # fmt: skip


@wp.kernel
def cubic_rows_kernel(
    # inputs
    f: wp.array3d(dtype=float),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), axis: int,
    low: wp.vec3, high: wp.vec3, periodic: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """``cubic_kernel`` for CPUs: eight samples at a time, more than ten times as fast."""
    i, j = wp.tid()
    cubic_row(f, dx, dy, dz, axis, low, high, periodic, out, i, j)


@wp.func
def cubic_weights(t: float) -> wp.vec4:
    """Lagrange weights of samples at -1, 0, 1, 2 for a point at ``t``."""
    m0, m2, m3 = t + 1.0, t - 1.0, t - 2.0
    return wp.vec4(-t * m2 * m3 / 6.0, 0.5 * m0 * m2 * m3, -0.5 * m0 * t * m3, m0 * t * m2 / 6.0)


@wp.func
def before(i: int, axis: int, own: int, cells: int, period: int) -> int:
    """The cell before face ``i`` of axis ``own``; along other axes the cell itself."""
    if axis != own:
        return i
    if i > 0:
        return i - 1
    return wp.where(period > 0, cells - 1, 0)


@wp.func
def after(i: int, cells: int, period: int) -> int:
    """The cell behind face ``i``."""
    if i < cells:
        return i
    return wp.where(period > 0, 0, cells - 1)


@wp.kernel
def cubic_kernel(
    # inputs: a padded field; displacement of the cells
    f: wp.array3d(dtype=float),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float), axis: int,
    low: wp.vec3, high: wp.vec3, periodic: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """Carry ``f`` along the displacement of the cells. ``axis`` 0, 1, 2: faces across x, y, z; -1: cells."""
    i, j, k = wp.tid()
    cx, cy, cz = dx.shape[0], dx.shape[1], dx.shape[2]
    wx, wy, wz = int(0), int(0), int(0)
    if (periodic & 1) != 0:
        wx = cx
    if (periodic & 2) != 0:
        wy = cy
    if (periodic & 4) != 0:
        wz = cz
    ih, jh, kh = after(i, cx, wx), after(j, cy, wy), after(k, cz, wz)
    il, jl, kl = before(i, axis, 0, cx, wx), before(j, axis, 1, cy, wy), before(k, axis, 2, cz, wz)
    nx, ny, nz = out.shape[0], out.shape[1], out.shape[2]
    g = (f.shape[0] - nx) / 2
    x = settled(float(i) - 0.5 * (dx[il, jl, kl] + dx[ih, jh, kh]), low[0], float(nx - 1) + high[0], wx)
    y = settled(float(j) - 0.5 * (dy[il, jl, kl] + dy[ih, jh, kh]), low[1], float(ny - 1) + high[1], wy)
    z = settled(float(k) - 0.5 * (dz[il, jl, kl] + dz[ih, jh, kh]), low[2], float(nz - 1) + high[2], wz)
    a, b, c = int(0), wp.min(int(wp.floor(y)), ny - 1), wp.min(int(wp.floor(z)), nz - 1)
    wa, wb, wc = wp.vec4(0.0, 1.0, 0.0, 0.0), cubic_weights(y - float(b)), cubic_weights(z - float(c))
    first, last = int(1), int(2)
    if g > 0:
        a = wp.min(int(wp.floor(x)), nx - 1)
        wa = cubic_weights(x - float(a))
        first = int(0)
        last = int(4)
    low_value, high_value = float(f[a + g, b + 2, c + 2]), float(f[a + g, b + 2, c + 2])
    total = float(0.0)
    for l in range(first, last):
        for m in range(4):
            for n in range(4):
                v = f[a + g - 1 + l, b + 1 + m, c + 1 + n]
                total += wa[l] * wb[m] * wc[n] * v
                if (l == 1 or l == 2) and (m == 1 or m == 2) and (n == 1 or n == 2):
                    low_value = wp.min(low_value, v)
                    high_value = wp.max(high_value, v)
    out[i, j, k] = wp.clamp(total, low_value, high_value)


def path(c, *, dt, low, high, periodic, out):
    """Launch ``path_kernel`` in the form that suits the device; ``c`` (padded) and ``out`` are three arrays each."""
    rows = c[0].device.is_cpu
    kernel, dim = (path_rows_kernel, out[0].shape[:2]) if rows else (path_kernel, out[0].shape)
    wp.launch(kernel, dim=dim, inputs=[*c, dt, low, high, periodic], outputs=[*out], device=c[0].device)


def cubic(f, displacement, *, axis, low, high, periodic, out):
    """Launch ``cubic_kernel`` in the form that suits the device; ``f`` is padded, ``out`` is not."""
    rows = f.device.is_cpu
    kernel, dim = (cubic_rows_kernel, out.shape[:2]) if rows else (cubic_kernel, out.shape)
    inputs = [f, *displacement, axis, low, high, periodic]
    wp.launch(kernel, dim=dim, inputs=inputs, outputs=[out], device=f.device)
