"""Grains on a CPU, where one thread does everything: native loops for what ``grains`` does per particle and node.

Particles are in the order of the cells of their lowest nodes: as long as that stays the same, the 27 nodes of the next
particle are in registers already, four along z in each.
"""

import warp as wp

from physim_kernels.grains import GAP, TORN, A, Matter

wp.set_module_options({"enable_backward": False})

BEGIN = """
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
    #pragma clang fp contract(fast)
    enum { BLOCK = 64 };
    typedef float f4 __attribute__((vector_size(16), aligned(4)));
    typedef float f16 __attribute__((vector_size(64), aligned(4)));
    const int nx = grid.shape[0], ny = grid.shape[1], nz = grid.shape[2], stride = state.shape[1];
    float* P = state.data;
    float* G = (float*)grid.data;
    const int dj = 4 * nz, di = 4 * ny * nz;
    const f16 number = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    // lowest node, distance to it and weights, of a block
    int base[BLOCK];
    float fx[BLOCK], fy[BLOCK], fz[BLOCK], w[9][BLOCK];
    auto place = [&](int begin, int some) {
        #pragma clang loop vectorize(assume_safety)
        for (int n = 0; n < some; ++n) {
            const float *x = P + begin + n, *y = x + stride, *z = y + stride;
            const int i = (int)(*x - 0.5f), j = (int)(*y - 0.5f), k = (int)(*z - 0.5f);
            const float a = *x - i, b = *y - j, c = *z - k;
            fx[n] = a; fy[n] = b; fz[n] = c;
            w[0][n] = 0.5f * (1.5f - a) * (1.5f - a); w[1][n] = 0.75f - (a - 1.0f) * (a - 1.0f);
            w[2][n] = 0.5f * (a - 0.5f) * (a - 0.5f);
            w[3][n] = 0.5f * (1.5f - b) * (1.5f - b); w[4][n] = 0.75f - (b - 1.0f) * (b - 1.0f);
            w[5][n] = 0.5f * (b - 0.5f) * (b - 0.5f);
            w[6][n] = 0.5f * (1.5f - c) * (1.5f - c); w[7][n] = 0.75f - (c - 1.0f) * (c - 1.0f);
            w[8][n] = 0.5f * (c - 0.5f) * (c - 0.5f);
            base[n] = *x < 0.0f ? -1 : 4 * ((i * ny + j) * nz + k);
        }
    };
    auto along = [&](int n) {  // weights along z, four times each
        const float a = w[6][n], b = w[7][n], c = w[8][n];
        return f16{a, a, a, a, b, b, b, b, c, c, c, c, 0, 0, 0, 0};
    };
    auto four = [](f4 a) { return __builtin_shufflevector(a, a, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3); };
"""


@wp.func_native(
    BEGIN
    + """
    f16 sum[9];
    int here = -1;
    auto flush = [&]() {
        if (here < 0) return;
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) *(f16*)(G + here + i * di + j * dj) += sum[3 * i + j];
    };
    for (int begin = 0; begin < count; begin += BLOCK) {
        const int some = count - begin < BLOCK ? count - begin : BLOCK;
        place(begin, some);
        for (int n = 0; n < some; ++n) {
            if (base[n] < 0) continue;
            if (base[n] != here) {
                flush();
                here = base[n];
                for (int q = 0; q < 9; ++q) sum[q] = f16{0};
            }
            const float* p = P + begin + n + 3 * stride;
            const float* a = P + begin + n + FIRST * stride;
            const f4 ax = {a[0], a[3 * stride], a[6 * stride], 0.0f};
            const f4 ay = {a[stride], a[4 * stride], a[7 * stride], 0.0f};
            const f4 az = {a[2 * stride], a[5 * stride], a[8 * stride], 0.0f};
            const f4 v = {p[0], p[stride], p[2 * stride], 1.0f};
            const f4 low = v - fx[n] * ax - fy[n] * ay - fz[n] * az;
            const f16 wz = along(n);
            const f16 q = wz * (four(low) + number * four(az)), qx = wz * four(ax), qy = wz * four(ay);
            for (int i = 0; i < 3; ++i) {
                const f16 t = w[i][n] * (q + (float)i * qx), u = w[i][n] * qy;
                sum[3 * i] += w[3][n] * t;
                sum[3 * i + 1] += w[4][n] * (t + u);
                sum[3 * i + 2] += w[5][n] * (t + 2.0f * u);
            }
        }
    }
    flush();
#endif
""".replace("FIRST", str(A))
)
def scatter_all(state: wp.array2d(dtype=float), count: int, grid: wp.array3d(dtype=wp.vec4)): ...


@wp.kernel
def scatter_serial_kernel(
    state: wp.array2d(dtype=float), count: wp.array(dtype=int), grid: wp.array3d(dtype=wp.vec4)
):  # fmt: skip
    """What ``scatter_kernel`` does, by one thread; on a CPU only."""
    scatter_all(state, count[0], grid)


LAW = """
        // returned() of every particle of the block, after its stress has turned and grown
        #pragma clang loop vectorize(assume_safety)
        for (int n = 0; n < some; ++n) {
            float* p = P + begin + n;
            float* s = p + 15 * stride;
            const float c00 = c[0][n], c01 = c[1][n], c02 = c[2][n], c10 = c[3][n], c11 = c[4][n], c12 = c[5][n];
            const float c20 = c[6][n], c21 = c[7][n], c22 = c[8][n];
            const float half = 0.5f * dt, third = dt * (c00 + c11 + c22) / 3.0f, g2 = 2.0f * m.shear;
            const float r01 = half * (c01 - c10), r02 = half * (c02 - c20), r12 = half * (c12 - c21);
            const float a0 = s[0], a1 = s[stride], a2 = s[2 * stride];
            const float b0 = s[3 * stride], b1 = s[4 * stride], b2 = s[5 * stride];
            float s0 = a0 + 2.0f * (r01 * b0 + r02 * b1) + g2 * (dt * c00 - third);
            float s1 = a1 + 2.0f * (r12 * b2 - r01 * b0) + g2 * (dt * c11 - third);
            float s2 = a2 - 2.0f * (r02 * b1 + r12 * b2) + g2 * (dt * c22 - third);
            float t0 = b0 + r01 * (a1 - a0) + r02 * b2 + r12 * b1 + g2 * half * (c01 + c10);
            float t1 = b1 + r02 * (a2 - a0) + r01 * b2 - r12 * b0 + g2 * half * (c02 + c20);
            float t2 = b2 + r12 * (a2 - a1) - r02 * b0 - r01 * b1 + g2 * half * (c12 + c21);
            float e = p[21 * stride] + 3.0f * third, pack = p[22 * stride];
            e = e < GAP ? e : GAP;
            const int forget = loose & (e + pack > 0.0f);
            e = forget ? e + pack : e;
            pack = forget ? 0.0f : pack;
            e = ((e > 0.0f) & (mass[n] * m.volume > 1.0f)) ? 0.0f : e;
            float h = 1.0f - 0.125f * m.hardening * pack;
            h = h > 0.5f ? h : 0.5f;
            h = h * h; h = h < 2.25f ? h : 2.25f; h = h * h; h = h * h;
            float q = -m.bulk * e;
            const float over = q - (m.crush * h - m.pack * pack);
            const float crushed = over > 0.0f ? over / (m.bulk + m.pack + m.crush * h * m.hardening) : 0.0f;
            e += crushed; pack -= crushed; q -= m.bulk * crushed;
            const float torn = e - m.tension * h / m.bulk;
            const float left = TORN - pack > 0.0f ? TORN - pack : 0.0f, most = left < torn ? left : torn;
            const float give = ((torn > 0.0f) & (loose == 0)) ? most : 0.0f;
            e -= give; pack += give;
            const int open = (torn > 0.0f) & !((give == torn) & (give > 0.0f));
            q = open ? 0.0f : -m.bulk * e;
            h = open ? 0.0f : h;
            const float bound = m.cohesion * h + m.friction * q, limit = bound > 0.0f ? bound : 0.0f;
            const float square = 0.5f * (s0 * s0 + s1 * s1 + s2 * s2) + t0 * t0 + t1 * t1 + t2 * t2;
            const float size = __builtin_sqrtf(square), ratio = limit / (size > 1.0e-20f ? size : 1.0e-20f);
            const float keep = ratio < 1.0f ? ratio : 1.0f;
            s0 *= keep; s1 *= keep; s2 *= keep; t0 *= keep; t1 *= keep; t2 *= keep;
            s[0] = s0; s[stride] = s1; s[2 * stride] = s2;
            s[3 * stride] = t0; s[4 * stride] = t1; s[5 * stride] = t2;
            p[21 * stride] = e; p[22 * stride] = pack;
            float* a = p + 6 * stride;
            const float f = 4.0f * dt;
            a[0] = c00 - f * (s0 - q); a[stride] = c01 - f * t0; a[2 * stride] = c02 - f * t1;
            a[3 * stride] = c10 - f * t0; a[4 * stride] = c11 - f * (s1 - q); a[5 * stride] = c12 - f * t2;
            a[6 * stride] = c20 - f * t1; a[7 * stride] = c21 - f * t2; a[8 * stride] = c22 - f * (s2 - q);
            const float vx = v[0][n], vy = v[1][n], vz = v[2][n];
            p[3 * stride] = vx; p[4 * stride] = vy; p[5 * stride] = vz;
            const float x = p[0] + dt * vx, y = p[stride] + dt * vy, z = p[2 * stride] + dt * vz;
            const int there = (x >= 2.0f) & (y >= 2.0f) & (z >= 2.0f) & (x <= nx - 3.0f) & (y <= ny - 3.0f)
                & (z <= nz - 3.0f) & (base[n] >= 0);
            p[0] = there ? x : -1.0f; p[stride] = y; p[2 * stride] = z;
        }
""".replace("GAP", f"{float(GAP)}f").replace("TORN", f"{float(TORN)}f")


@wp.func_native(
    BEGIN
    + """
    float c[9][BLOCK], v[3][BLOCK], mass[BLOCK];
    const int loose = m.hardening == 0.0f;
    f16 g[9];
    int here = -1;
    auto fold = [](f16 a) {
        const f4 p = __builtin_shufflevector(a, a, 0, 1, 2, 3), q = __builtin_shufflevector(a, a, 4, 5, 6, 7);
        return p + q + __builtin_shufflevector(a, a, 8, 9, 10, 11);
    };
    for (int begin = 0; begin < count; begin += BLOCK) {
        const int some = count - begin < BLOCK ? count - begin : BLOCK;
        place(begin, some);
        for (int n = 0; n < some; ++n) {
            if (base[n] < 0) {
                for (int q = 0; q < 9; ++q) c[q][n] = 0.0f;
                v[0][n] = v[1][n] = v[2][n] = mass[n] = 0.0f;
                continue;
            }
            if (base[n] != here) {
                here = base[n];
                for (int i = 0; i < 3; ++i)
                    for (int j = 0; j < 3; ++j) g[3 * i + j] = *(const f16*)(G + here + i * di + j * dj);
            }
            const float y0 = w[3][n], y1 = w[4][n], y2 = w[5][n];
            f16 a[3], b[3];
            for (int i = 0; i < 3; ++i) {
                const f16 one = y1 * g[3 * i + 1], two = y2 * g[3 * i + 2];
                a[i] = y0 * g[3 * i] + one + two;
                b[i] = one + 2.0f * two;
            }
            const f16 wz = along(n), one = w[1][n] * a[1], two = w[2][n] * a[2];
            const f16 all = wz * (w[0][n] * a[0] + one + two);
            const f4 u = fold(all), gx = fold(wz * (one + 2.0f * two)), gz = fold(number * all);
            const f4 gy = fold(wz * (w[0][n] * b[0] + w[1][n] * b[1] + w[2][n] * b[2]));
            const f4 cx = 4.0f * (gx - fx[n] * u), cy = 4.0f * (gy - fy[n] * u), cz = 4.0f * (gz - fz[n] * u);
            for (int r = 0; r < 3; ++r) {
                v[r][n] = u[r];
                c[3 * r][n] = cx[r]; c[3 * r + 1][n] = cy[r]; c[3 * r + 2][n] = cz[r];
            }
            mass[n] = u[3];
        }
"""
    + LAW
    + """
    }
#endif
"""
)
def gather_all(
    grid: wp.array3d(dtype=wp.vec4), m: Matter, dt: float, count: int, state: wp.array2d(dtype=float)
): ...  # fmt: skip


@wp.kernel
def gather_serial_kernel(
    grid: wp.array3d(dtype=wp.vec4), m: Matter, dt: float, count: wp.array(dtype=int), state: wp.array2d(dtype=float)
):  # fmt: skip
    """What ``gather_kernel`` does, by one thread; on a CPU only."""
    gather_all(grid, m, dt, count[0], state)


@wp.func_native("""
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
    const int nx = grid.shape[0], ny = grid.shape[1], nz = grid.shape[2], stride = state.shape[1];
    const float *X = state.data, *Y = X + stride, *Z = Y + stride;
    int* L = own.data;
    for (int r = 0; r < nx * ny; ++r) { L[2 * r] = nz; L[2 * r + 1] = -1; }
    for (int n = 0; n < count; ++n) {
        if (X[n] < 0.0f) continue;
        const int r = 2 * ((int)(X[n] - 0.5f) * ny + (int)(Y[n] - 0.5f)), k = (int)(Z[n] - 0.5f);
        L[r] = k < L[r] ? k : L[r];
        L[r + 1] = k > L[r + 1] ? k : L[r + 1];
    }
    int* U = reach.data;
    for (int i = 0; i < nx; ++i)
        for (int j = 0; j < ny; ++j) {
            int low = nz, high = -1;
            for (int a = i < 2 ? i : 2; a >= 0; --a)
                for (int b = j < 2 ? j : 2; b >= 0; --b) {
                    const int* l = L + 2 * ((i - a) * ny + j - b);
                    low = l[0] < low ? l[0] : low;
                    high = l[1] > high ? l[1] : high;
                }
            const int r = i * ny + j;
            U[2 * r] = low;
            U[2 * r + 1] = high < 0 ? -1 : high + 2;
            if (high < 0) continue;
            float* g = (float*)grid.data + 4 * (r * nz + low);
            const int size = 4 * ((high + 3 < nz - 1 ? high + 3 : nz - 1) - low + 1);
            for (int q = 0; q < size; ++q) g[q] = 0.0f;
        }
#endif
""")
def clear_all(
    state: wp.array2d(dtype=float), count: int, own: wp.array(dtype=int), reach: wp.array(dtype=int),
    grid: wp.array3d(dtype=wp.vec4),
): ...  # fmt: skip


@wp.kernel
def clear_serial_kernel(
    # inputs
    state: wp.array2d(dtype=float), count: wp.array(dtype=int),
    # outputs: of each row along z lowest and highest lowest node of its particles; lowest and highest node in use
    own: wp.array(dtype=int), reach: wp.array(dtype=int), grid: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    """Empty the nodes that particles reach, and say which these are."""
    clear_all(state, count[0], own, reach, grid)


@wp.func_native("""
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
    #pragma clang fp contract(fast)
    typedef float f4 __attribute__((vector_size(16), aligned(4)));
    const int ny = grid.shape[1], nz = grid.shape[2], rows = grid.shape[0] * ny;
    const int fenced = lower[0] + lower[1] + lower[2] > -3 || upper[0] < rows / ny || upper[1] < ny || upper[2] < nz;
    const f4 more = {gain[0], gain[1], gain[2], 0.0f};
    for (int r = 0; r < rows; ++r) {
        const int low = reach.data[2 * r], high = reach.data[2 * r + 1];
        f4* g = (f4*)((float*)grid.data + 4 * r * nz);
        const f4* w = (const f4*)((const float*)wall.data + 4 * r * nz);
        const int walled = has_wall.data[r];
        for (int k = low; k <= high; ++k) {
            const float mass = g[k][3];
            if (!(mass > 0.0f)) continue;
            f4 v = g[k] * (1.0f / mass) + more;
            if (walled) {
                const f4 n = w[k];
                if (n[0] * n[0] + n[1] * n[1] + n[2] * n[2] > 0.25f) {
                    const float vn = v[0] * n[0] + v[1] * n[1] + v[2] * n[2];
                    if (vn < 0.0f) {
                        f4 slip = v - vn * n;
                        const float s2 = slip[0] * slip[0] + slip[1] * slip[1] + slip[2] * slip[2];
                        const float size = __builtin_sqrtf(s2);
                        const float left = 1.0f + n[3] * vn / (size > 1.0e-12f ? size : 1.0e-12f);
                        v = slip * (left > 0.0f ? left : 0.0f);
                    }
                }
            }
            if (fenced) {
                const int at[3] = {r / ny, r % ny, k};
                for (int a = 0; a < 3; ++a) {
                    if (at[a] <= lower[a] && v[a] < 0.0f) v[a] = 0.0f;
                    if (at[a] >= upper[a] && v[a] > 0.0f) v[a] = 0.0f;
                }
            }
            v[3] = mass;
            g[k] = v;
        }
    }
#endif
""")
def node_all(
    wall: wp.array3d(dtype=wp.vec4), has_wall: wp.array(dtype=int), gain: wp.vec3, lower: wp.vec3i,
    upper: wp.vec3i, reach: wp.array(dtype=int), grid: wp.array3d(dtype=wp.vec4),
): ...  # fmt: skip


@wp.kernel
def node_serial_kernel(
    # inputs: walls, which rows have any, gravity, step, lowest and highest node of each row
    wall: wp.array3d(dtype=wp.vec4), has_wall: wp.array(dtype=int), gain: wp.array(dtype=wp.vec3), dt: float,
    lower: wp.vec3i, upper: wp.vec3i, reach: wp.array(dtype=int),
    # in and out
    grid: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    """What ``node_kernel`` does, by one thread; on a CPU only."""
    node_all(wall, has_wall, dt * gain[0], lower, upper, reach, grid)


@wp.func_native("""
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
    const int stride = state.shape[1], rows = state.shape[0], cells = nx * ny * nz;
    float *P = state.data, *Q = spare.data;
    int *K = key.data, *S = start.data;
    int out_of_order = 0, last = -1, lost = 0;
    for (int n = 0; n < count; ++n) {
        const float x = P[n], y = P[n + stride], z = P[n + 2 * stride];
        const int cell = x < 0.0f ? -1 : ((int)(x - 0.5f) * ny + (int)(y - 0.5f)) * nz + (int)(z - 0.5f);
        out_of_order += cell < last;
        lost += cell < 0;
        last = cell;
        K[n] = cell;
    }
    if (8 * out_of_order < count && lost == 0) return count;
    for (int c = 0; c <= cells; ++c) S[c] = 0;
    for (int n = 0; n < count; ++n) if (K[n] >= 0) S[K[n] + 1]++;
    for (int c = 0; c < cells; ++c) S[c + 1] += S[c];
    for (int n = 0; n < count; ++n) K[n] = K[n] < 0 ? -1 : S[K[n]]++;
    const int kept = S[cells - 1];
    for (int r = 0; r < rows; ++r) {
        for (int n = 0; n < count; ++n) if (K[n] >= 0) Q[K[n]] = P[r * stride + n];
        for (int n = 0; n < kept; ++n) P[r * stride + n] = Q[n];
    }
    int* I = (int*)Q;
    for (int n = 0; n < count; ++n) if (K[n] >= 0) I[K[n]] = number.data[n];
    for (int n = 0; n < kept; ++n) number.data[n] = I[n];
    return kept;
#else
    return count;
#endif
""")
def order_all(
    state: wp.array2d(dtype=float), nx: int, ny: int, nz: int, count: int, spare: wp.array(dtype=float),
    key: wp.array(dtype=int), start: wp.array(dtype=int), number: wp.array(dtype=int),
) -> int: ...  # fmt: skip


@wp.kernel
def order_serial_kernel(
    # inputs: nodes of the grid; room for one number per particle, one per particle and one per node
    shape: wp.vec3i, spare: wp.array(dtype=float), key: wp.array(dtype=int), start: wp.array(dtype=int),
    # in and out: particles, which these are, how many
    state: wp.array2d(dtype=float), number: wp.array(dtype=int), count: wp.array(dtype=int),
):  # fmt: skip
    """Sort particles by their lowest node where an eighth of them is out of order; drop those that have left."""
    count[0] = order_all(state, shape[0], shape[1], shape[2], count[0], spare, key, start, number)
