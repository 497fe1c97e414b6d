"""The multigrid cycle and the conjugate gradients of ``pressure`` for one thread: fewer passes through memory.

Same arithmetic, other order of work. A sweep of one colour may follow the one before it at a distance of one plane, so
that all sweeps of a level, the residual and its restriction are done while the planes are in the cache. Each row
stops at the first and the last cell that takes part: work follows the fluid, not the box.

``span[i, j]`` is that range (first, one past the last) in row (i, j); empty rows are skipped. Outside of it p, r and
the directions of conjugate gradients must be 0 and stay so.

Most rows are ``even``: every cell between their two ends is open to all six neighbours alike (weight w on this level,
diagonal 6 w). Then only p and b are read, a third of the memory; of the two ends the diagonal as well, as beyond them p
is 0.
"""

import warp as wp

from physim_kernels.pressure import (
    NEIGHBOURS,
    advance_row,
    direction_row,
    dot_row,
    prolong_row,
    restrict_row,
    smooth_row,
)

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const float* D = diagonal.data + ((i + 1) * diagonal.shape[1] + j + 1) * diagonal.shape[2] + 1;
    const int n = diagonal.shape[2] - 2;
    int low = 0, high = n;
    while (low < n && D[low] <= 0.0f) ++low;
    while (high > low && D[high - 1] <= 0.0f) --high;
    return wp::vec_t<2, int>(low, high);""")
def span_row(diagonal: wp.array3d(dtype=float), i: int, j: int) -> wp.vec2i: ...


@wp.func_native("""
    const int sy = diagonal.shape[2], sx = sy * diagonal.shape[1], o = (i + 1) * sx + (j + 1) * sy + 1;
    const float *X = wx.data + o, *Y = wy.data + o, *Z = wz.data + o, *D = diagonal.data + o;
    const float whole = 6.0f * w;
    int other = k1 - k0 < 8 ? 1 : 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k)
        other |= (X[k] != w) | (X[k + sx] != w) | (Y[k] != w) | (Y[k + sy] != w);
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0 + 1; k < k1 - 1; ++k) other |= (Z[k] != w) | (Z[k + 1] != w) | (D[k] != whole);
    return other ? 0 : 1;""")
def even_row(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), w: float, i: int, j: int, k0: int, k1: int,
) -> int: ...  # fmt: skip


@wp.kernel
def span_kernel(
    # inputs: weights and diagonal, the weight of an open face on this level
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), w: float,
    # outputs
    span: wp.array2d(dtype=wp.vec2i), even: wp.array2d(dtype=int),
):  # fmt: skip
    i, j = wp.tid()
    s = span_row(diagonal, i, j)
    span[i, j] = s
    even[i, j] = even_row(wx, wy, wz, diagonal, w, i, j, s[0], s[1])


@wp.func_native("""
    const int ny = diagonal.shape[1], nz = diagonal.shape[2], mz = diagonal_out.shape[2];
    const int o = ((i + 1) * diagonal_out.shape[1] + j + 1) * mz + 1;
    const int sx = ny * nz, sy = nz, f = ((2 * i + 1) * ny + 2 * j + 1) * nz + 1;
    const int ex = sx, ey = sy, e = 1;  // a child beyond an odd end lies in the padding, where everything is 0
    const float *X = wx.data + f, *Y = wy.data + f, *Z = wz.data + f, *D = diagonal.data + f;
    float *XO = wx_out.data + o, *YO = wy_out.data + o, *ZO = wz_out.data + o;
    float *DO = diagonal_out.data + o, *IO = inverse_out.data + o;
    const int count = mz - 2;
    if (!some) {
        for (int k = 0; k < count; ++k) XO[k] = YO[k] = ZO[k] = DO[k] = IO[k] = 0.0f;
        return;
    }
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < count; ++k) {
        const int c = 2 * k;
        const float across_x = X[c] + X[c + ey] + X[c + e] + X[c + ey + e];
        const float across_y = Y[c] + Y[c + ex] + Y[c + e] + Y[c + ex + e];
        const float across_z = Z[c] + Z[c + ex] + Z[c + ey] + Z[c + ex + ey];
        const float inside = X[c + ex] + X[c + ex + ey] + X[c + ex + e] + X[c + ex + ey + e]
            + Y[c + ey] + Y[c + ey + ex] + Y[c + ey + e] + Y[c + ey + ex + e]
            + Z[c + e] + Z[c + e + ex] + Z[c + e + ey] + Z[c + e + ex + ey];
        const float total = D[c] + D[c + ex] + D[c + ey] + D[c + ex + ey]
            + D[c + e] + D[c + e + ex] + D[c + e + ey] + D[c + e + ex + ey];
        float d = 0.5f * total - inside;
        d = d < 1.0e-5f * total || total <= 0.0f ? 0.0f : d;
        XO[k] = 0.5f * across_x;
        YO[k] = 0.5f * across_y;
        ZO[k] = 0.5f * across_z;
        DO[k] = d;
        IO[k] = d > 0.0f ? 1.0f / d : 0.0f;
    }""")
def coarsen_row(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float),
    wx_out: wp.array3d(dtype=float), wy_out: wp.array3d(dtype=float), wz_out: wp.array3d(dtype=float),
    diagonal_out: wp.array3d(dtype=float), inverse_out: wp.array3d(dtype=float), i: int, j: int, some: int,
): ...  # fmt: skip


@wp.kernel
def coarsen_rows_kernel(
    # inputs: the finer level
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), span: wp.array2d(dtype=wp.vec2i),
    # outputs: the coarser level
    wx_out: wp.array3d(dtype=float), wy_out: wp.array3d(dtype=float), wz_out: wp.array3d(dtype=float),
    diagonal_out: wp.array3d(dtype=float), inverse_out: wp.array3d(dtype=float),
):  # fmt: skip
    """What ``pressure.coarsen_kernel`` does, row by row."""
    i, j = wp.tid()
    x, y = wp.min(2 * i + 1, span.shape[0] - 1), wp.min(2 * j + 1, span.shape[1] - 1)
    a, b, c, d = span[2 * i, 2 * j], span[x, 2 * j], span[2 * i, y], span[x, y]
    some = a[0] < a[1] or b[0] < b[1] or c[0] < c[1] or d[0] < d[1]
    coarsen_row(wx, wy, wz, diagonal, wx_out, wy_out, wz_out, diagonal_out, inverse_out, i, j, int(some))


PLANE = """
    typedef float Eight __attribute__((vector_size(32)));
    typedef int Ints __attribute__((vector_size(32)));
    const auto load = [](const float* p) { Eight v; __builtin_memcpy(&v, p, sizeof v); return v; };
    const auto store = [](float* p, Eight v) { __builtin_memcpy(p, &v, sizeof v); };
    const Eight nought = {0, 0, 0, 0, 0, 0, 0, 0};
    const int sy = p.shape[2], sx = sy * p.shape[1], ny = span.shape[1];
    const auto around = [=](const float* P) {
        return ((load(P - sx) + load(P + sx)) + (load(P - sy) + load(P + sy))) + (load(P - 1) + load(P + 1));
    };
    const auto weighted = [=](const float* P, const float* X, const float* Y, const float* Z) {
        return load(X) * load(P - sx) + load(X + sx) * load(P + sx) + load(Y) * load(P - sy)
            + load(Y + sy) * load(P + sy) + load(Z) * load(P - 1) + load(Z + 1) * load(P + 1);
    };
    for (int j = 0; j < ny; ++j) {
        const int k0 = span.data[i * ny + j][0], k1 = span.data[i * ny + j][1], o = (i + 1) * sx + (j + 1) * sy + 1;
        if (k0 >= k1) continue;
        float* P = p.data + o;
        const float *WX = wx.data + o, *WY = wy.data + o, *WZ = wz.data + o;
"""
"""All rows of a plane. Of an even row eight cells at once, the last eight of them from its end: cells that are computed
twice come out the same."""


@wp.func_native(
    """
#if !defined(__CUDACC__)
"""
    + PLANE
    + f"""
        const float *B = b.data + o, *I = inverse.data + o;
        const int parity = i + j + colour;
        // Neighbours have the other colour, so the order within the row does not matter.
        if (k1 - k0 < 8) {{
            for (int k = k0; k < k1; ++k)
                if (!((k + parity) & 1)) P[k] = (B[k] + {NEIGHBOURS}) * I[k];
            continue;
        }}
        const Ints odd = {{0, -1, 0, -1, 0, -1, 0, -1}};
        const Eight inner = nought + 1.0f / (6.0f * w);
        const int plain = even.data[i * ny + j];
        Eight found = load(P + k0);
        for (int start = k0, before = k0; start < k1; start += 8) {{
            const int last = start + 8 >= k1, k = last ? k1 - 8 : start;
            const Eight part = !plain || last || k == k0 ? load(I + k) : inner;
            const Eight flow = plain ? w * around(P + k) : weighted(P + k, WX + k, WY + k, WZ + k);
            const Ints kept = ((k + parity) & 1) ? ~odd : odd;
            const Eight fresh = kept ? load(P + k) : (load(B + k) + flow) * part;
            store(P + before, found);  // a chunk late: a load that overlaps a store on its way waits for it
            found = fresh;
            before = k;
        }}
        store(P + (k1 - 8), found);
    }}
#endif
    """
)
def smooth_plane(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float), span: wp.array2d(dtype=wp.vec2i),
    even: wp.array2d(dtype=int), w: float, colour: int, p: wp.array3d(dtype=float), i: int,
): ...  # fmt: skip


@wp.func_native(
    """
#if !defined(__CUDACC__)
"""
    + PLANE
    + f"""
        const float *B = b.data + o, *D = diagonal.data + o;
        float* R = r.data + o;
        if (!even.data[i * ny + j]) {{
            #pragma clang loop vectorize(assume_safety)
            for (int k = k0; k < k1; ++k) R[k] = B[k] - D[k] * P[k] + {NEIGHBOURS};
            continue;
        }}
        for (int start = k0; start < k1; start += 8) {{
            const int last = start + 8 >= k1, k = last ? k1 - 8 : start;
            const Eight whole = last || k == k0 ? load(D + k) : nought + 6.0f * w;
            store(R + k, load(B + k) - whole * load(P + k) + w * around(P + k));
        }}
    }}
#endif
    """
)
def residual_plane(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), b: wp.array3d(dtype=float), span: wp.array2d(dtype=wp.vec2i),
    even: wp.array2d(dtype=int), w: float, p: wp.array3d(dtype=float), r: wp.array3d(dtype=float), i: int,
): ...  # fmt: skip


@wp.func_native(
    """
#if !defined(__CUDACC__)
"""
    + PLANE
    + f"""
        const float* D = diagonal.data + o;
        float* Q = q.data + o;
        if (!even.data[i * ny + j]) {{
            #pragma clang loop vectorize(assume_safety)
            for (int k = k0; k < k1; ++k) Q[k] = D[k] * P[k] - {NEIGHBOURS};
            continue;
        }}
        for (int start = k0; start < k1; start += 8) {{
            const int last = start + 8 >= k1, k = last ? k1 - 8 : start;
            const Eight whole = last || k == k0 ? load(D + k) : nought + 6.0f * w;
            store(Q + k, whole * load(P + k) - w * around(P + k));
        }}
    }}
#endif
    """
)
def apply_plane(
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), p: wp.array3d(dtype=float), span: wp.array2d(dtype=wp.vec2i),
    even: wp.array2d(dtype=int), w: float, q: wp.array3d(dtype=float), i: int,
): ...  # fmt: skip


@wp.func_native("""
    const int o = ((i + 1) * p.shape[1] + j + 1) * p.shape[2] + 1, parity = i + j;
    float* P = p.data + o;
    const float *B = b.data + o, *I = inverse.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) P[k] = ((k + parity) & 1) ? 0.0f : B[k] * I[k];""")
def start_row(
    inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float), p: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def down_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float),
    span: wp.array2d(dtype=wp.vec2i), even: wp.array2d(dtype=int), w: float, span_coarse: wp.array2d(dtype=wp.vec2i),
    # outputs
    p: wp.array3d(dtype=float), r: wp.array3d(dtype=float), b_coarse: wp.array3d(dtype=float),
):  # fmt: skip
    """From p = 0 two sweeps of both colours, the residual, and its restriction; stage s works s planes behind."""
    nx = p.shape[0] - 2
    for t in range(nx + 4):
        for stage in range(5):
            i = t - stage
            if i >= 0 and i < nx:
                if stage == 0:
                    for j in range(span.shape[1]):
                        s = span[i, j]
                        if s[0] < s[1]:
                            start_row(inverse, b, p, i, j, s[0], s[1])
                elif stage < 4:
                    smooth_plane(wx, wy, wz, inverse, b, span, even, w, stage & 1, p, i)
                else:
                    residual_plane(wx, wy, wz, diagonal, b, span, even, w, p, r, i)
        done = t - 4
        if done >= 0 and ((done & 1) == 1 or done == nx - 1):
            for j in range(b_coarse.shape[1] - 2):
                s = span_coarse[done // 2, j]
                if s[0] < s[1]:
                    restrict_row(r, b_coarse, done // 2, j, s[0], s[1])


@wp.kernel
def up_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float), span: wp.array2d(dtype=wp.vec2i),
    even: wp.array2d(dtype=int), w: float, p_coarse: wp.array3d(dtype=float),
    # in and out
    p: wp.array3d(dtype=float),
    # outputs
    product: wp.array(dtype=wp.float64),
):  # fmt: skip
    """The correction of the coarser level, two sweeps in the reverse order of colours, and b . p."""
    nx = p.shape[0] - 2
    total = wp.float64(0.0)
    for t in range(nx + 4):
        for stage in range(5):
            i = t - stage
            if i >= 0 and i < nx:
                if stage > 0:
                    smooth_plane(wx, wy, wz, inverse, b, span, even, w, stage & 1, p, i)
                if stage == 0 or stage == 4:
                    for j in range(span.shape[1]):
                        s = span[i, j]
                        if s[0] < s[1]:
                            if stage == 0:
                                prolong_row(p_coarse, inverse, p, i, j, s[0], s[1])
                            else:
                                total += wp.float64(dot_row(b, p, i, j, s[0], s[1]))
    product[0] = total


@wp.kernel
def bottom_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    inverse: wp.array3d(dtype=float), b: wp.array3d(dtype=float), sweeps: int,
    # outputs
    p: wp.array3d(dtype=float), product: wp.array(dtype=wp.float64),
):  # fmt: skip
    """From p = 0 ``sweeps`` of both colours, as many in reverse, and b . p."""
    nz = p.shape[2] - 2
    total = wp.float64(0.0)
    for half in range(4 * sweeps):
        for i in range(p.shape[0] - 2):
            for j in range(p.shape[1] - 2):
                if half == 0:
                    start_row(inverse, b, p, i, j, 0, nz)
                else:
                    colour = wp.where(half < 2 * sweeps, half & 1, 1 - (half & 1))
                    smooth_row(wx, wy, wz, inverse, b, p, colour, i, j, 0, nz)
    for i in range(p.shape[0] - 2):
        for j in range(p.shape[1] - 2):
            total += wp.float64(dot_row(b, p, i, j, 0, nz))
    product[0] = total


@wp.kernel
def apply_dot_kernel(
    # inputs
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), s: wp.array3d(dtype=float), span: wp.array2d(dtype=wp.vec2i),
    even: wp.array2d(dtype=int), w: float,
    # outputs
    q: wp.array3d(dtype=float), product: wp.array(dtype=wp.float64),
):  # fmt: skip
    """``q = A s``, and s . q."""
    total = wp.float64(0.0)
    for i in range(span.shape[0]):
        apply_plane(wx, wy, wz, diagonal, s, span, even, w, q, i)
        for j in range(span.shape[1]):
            k = span[i, j]
            if k[0] < k[1]:
                total += wp.float64(dot_row(s, q, i, j, k[0], k[1]))
    product[0] = total


@wp.kernel
def advance_rows_kernel(
    # inputs
    s: wp.array3d(dtype=float), q: wp.array3d(dtype=float), scalars: wp.array(dtype=wp.float64),
    span: wp.array2d(dtype=wp.vec2i),
    # in and out
    p: wp.array3d(dtype=float), r: wp.array3d(dtype=float),
):  # fmt: skip
    i, j = wp.tid()
    k = span[i, j]
    if k[0] < k[1]:
        advance_row(p, r, s, q, float(scalars[1]), i, j, k[0], k[1])


@wp.kernel
def direction_rows_kernel(
    # inputs
    z: wp.array3d(dtype=float), scalars: wp.array(dtype=wp.float64), span: wp.array2d(dtype=wp.vec2i),
    # in and out
    s: wp.array3d(dtype=float),
):  # fmt: skip
    i, j = wp.tid()
    k = span[i, j]
    if k[0] < k[1]:
        direction_row(z, s, float(scalars[2]), i, j, k[0], k[1])
