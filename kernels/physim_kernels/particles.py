"""Particles of a liquid and the staggered grid: the transfer to the grid (APIC).

Cell units: h = 1, the box has its lower corner at 0, velocities in cells per second. Face values live at
u (i, j + 1/2, k + 1/2), v (i + 1/2, j, k + 1/2), w (i + 1/2, j + 1/2, k); cell values at (i, j, k) + 1/2. Weights are
trilinear; nodes outside of the box are folded back to the nearest one inside, so that walls take nothing.

Affine velocities: Jiang, Schroeder, Selle, Teran, Stomakhin, "The Affine Particle-In-Cell Method", ACM TOG 34 (2015);
with trilinear weights on faces C is the gradient of the interpolant.

A CPU has one thread: there native loops add into the grid without atomics, two nodes along z at a time; a GPU has one
thread per particle. Sums of faces hold (weighted velocity, weight) in their last dimension.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def node(x: float, count: int):
    """Lower of the two nodes 0 .. count - 1 around ``x``, the upper one, and the weight of the upper; folded inside."""
    low = wp.clamp(int(wp.floor(x)), 0, count - 2)
    return low, low + 1, wp.clamp(x - float(low), 0.0, 1.0)


@wp.func
def scatter_axis(x: wp.vec3, value: float, slope: wp.vec3, shift: wp.vec3, total: wp.array4d(dtype=float)):
    """Add one component of one particle to the 8 nodes around it; nodes sit at index + shift."""
    i0, i1, tx = node(x[0] - shift[0], total.shape[0])
    j0, j1, ty = node(x[1] - shift[1], total.shape[1])
    k0, k1, tz = node(x[2] - shift[2], total.shape[2])
    for corner in range(8):
        i = wp.where((corner & 4) != 0, i1, i0)
        j = wp.where((corner & 2) != 0, j1, j0)
        k = wp.where((corner & 1) != 0, k1, k0)
        w = wp.where((corner & 4) != 0, tx, 1.0 - tx) * wp.where((corner & 2) != 0, ty, 1.0 - ty)
        w *= wp.where((corner & 1) != 0, tz, 1.0 - tz)
        arm = wp.vec3(float(i), float(j), float(k)) + shift - x
        wp.atomic_add(total, i, j, k, 0, w * (value + wp.dot(slope, arm)))
        wp.atomic_add(total, i, j, k, 1, w)


@wp.func
def scatter_volume(x: wp.vec3, size: float, alpha: wp.array3d(dtype=float)):
    """Spread ``size`` [cells] over the 8 cell centres around ``x``."""
    i0, i1, tx = node(x[0] - 0.5, alpha.shape[0])
    j0, j1, ty = node(x[1] - 0.5, alpha.shape[1])
    k0, k1, tz = node(x[2] - 0.5, alpha.shape[2])
    for corner in range(8):
        i = wp.where((corner & 4) != 0, i1, i0)
        j = wp.where((corner & 2) != 0, j1, j0)
        k = wp.where((corner & 1) != 0, k1, k0)
        w = wp.where((corner & 4) != 0, tx, 1.0 - tx) * wp.where((corner & 2) != 0, ty, 1.0 - ty)
        wp.atomic_add(alpha, i, j, k, size * w * wp.where((corner & 1) != 0, tz, 1.0 - tz))


@wp.kernel
def to_grid_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33), count: wp.array(dtype=int),
    size: float,
    # outputs: sums on faces, volume of particles in cells
    su: wp.array4d(dtype=float), sv: wp.array4d(dtype=float), sw: wp.array4d(dtype=float),
    alpha: wp.array3d(dtype=float),
):  # fmt: skip
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    at = x[p]
    scatter_axis(at, v[p][0], c[p][0], wp.vec3(0.0, 0.5, 0.5), su)
    scatter_axis(at, v[p][1], c[p][1], wp.vec3(0.5, 0.0, 0.5), sv)
    scatter_axis(at, v[p][2], c[p][2], wp.vec3(0.5, 0.5, 0.0), sw)
    scatter_volume(at, size, alpha)


@wp.kernel
def volume_kernel(x: wp.array(dtype=wp.vec3), count: wp.array(dtype=int), size: float, alpha: wp.array3d(dtype=float)):
    """Particle volume per cell: each particle spreads ``size`` [cells] over the 8 cell centres around it."""
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    scatter_volume(x[p], size, alpha)


PLACE = """
    // For a block of particles, many at a time: the first of the 8 nodes around each in the arrays of u, v, w and of
    // cells, the weight t or s of the upper nodes at whole and at half numbers, folded inside, and h, where lower nodes
    // at half numbers are.
    enum { BLOCK = 64 };
    float px[BLOCK], py[BLOCK], pz[BLOCK], ti[BLOCK], tj[BLOCK], tk[BLOCK], si[BLOCK], sj[BLOCK], sk[BLOCK];
    float hi[BLOCK], hj[BLOCK], hk[BLOCK];
    int pu[BLOCK], pv[BLOCK], pw[BLOCK], pc[BLOCK];
    const int nx = NX, ny = NY, nz = NZ;
    auto low = [](float x, int n) {
        const int l = (int)(x + 0.5f) - 1, m = l > 0 ? l : 0;
        return m < n - 2 ? m : n - 2;
    };
    auto part = [](float t) { const float p = t > 0.0f ? t : 0.0f; return p < 1.0f ? p : 1.0f; };
    auto place = [&](int some) {
        #pragma clang loop vectorize(assume_safety)
        for (int n = 0; n < some; ++n) {
            const int i = (int)px[n], j = (int)py[n], k = (int)pz[n];
            const int ih = low(px[n], nx), jh = low(py[n], ny), kh = low(pz[n], nz);
            ti[n] = px[n] - i; tj[n] = py[n] - j; tk[n] = pz[n] - k;
            hi[n] = ih + 0.5f - px[n]; hj[n] = jh + 0.5f - py[n]; hk[n] = kh + 0.5f - pz[n];
            si[n] = part(-hi[n]); sj[n] = part(-hj[n]); sk[n] = part(-hk[n]);
            pu[n] = (i * ny + jh) * nz + kh;
            pv[n] = (ih * (ny + 1) + j) * nz + kh;
            pw[n] = (ih * ny + jh) * (nz + 1) + k;
            pc[n] = (ih * ny + jh) * nz + kh;
        }
    };
"""


@wp.func_native(
    """
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
"""
    + PLACE.replace("NX", "alpha.shape[0]").replace("NY", "alpha.shape[1]").replace("NZ", "alpha.shape[2]")
    + """
    typedef float f2 __attribute__((vector_size(8), aligned(4)));
    typedef float f4 __attribute__((vector_size(16), aligned(4)));
    const float* X = (const float*)x.data;
    float *SU = su.data, *SV = sv.data, *SW = sw.data, *A = alpha.data;
    // value and weight of 8 nodes from AT on: weights T of the upper ones, a0 the value at the lowest, G its gradient
    auto face = [](float* at, int dx, int dy, float ti, float tj, float tk, float a0, const float* G) {
        const float q0 = 1.0f - tk, q1 = tk;
        const f4 base = {q0 * a0, q0, q1 * (a0 + G[2]), q1}, more = {q0, 0.0f, q1, 0.0f};
        *(f4*)at += (1.0f - ti) * (1.0f - tj) * base;
        *(f4*)(at + dy) += (1.0f - ti) * tj * (base + G[1] * more);
        *(f4*)(at + dx) += ti * (1.0f - tj) * (base + G[0] * more);
        *(f4*)(at + dx + dy) += ti * tj * (base + (G[0] + G[1]) * more);
    };
    for (int begin = 0; begin < count; begin += BLOCK) {
        const int some = count - begin < BLOCK ? count - begin : BLOCK;
        const float *V = (const float*)v.data + 3 * begin, *C = (const float*)c.data + 9 * begin;
        for (int n = 0; n < some; ++n) {
            px[n] = X[3 * (begin + n)]; py[n] = X[3 * (begin + n) + 1]; pz[n] = X[3 * (begin + n) + 2];
        }
        place(some);
        for (int n = 0; n < some; ++n, V += 3, C += 9) {
            if (px[n] < 0.0f) continue;  // has left
            const float u0 = V[0] - C[0] * ti[n] + C[1] * hj[n] + C[2] * hk[n];
            const float v0 = V[1] + C[3] * hi[n] - C[4] * tj[n] + C[5] * hk[n];
            const float w0 = V[2] + C[6] * hi[n] + C[7] * hj[n] - C[8] * tk[n];
            face(SU + 2 * pu[n], 2 * ny * nz, 2 * nz, ti[n], sj[n], sk[n], u0, C);
            face(SV + 2 * pv[n], 2 * (ny + 1) * nz, 2 * nz, si[n], tj[n], sk[n], v0, C + 3);
            face(SW + 2 * pw[n], 2 * ny * (nz + 1), 2 * (nz + 1), si[n], sj[n], tk[n], w0, C + 6);
            float* at = A + pc[n];
            const f2 w = {size * (1.0f - sk[n]), size * sk[n]};
            *(f2*)at += (1.0f - si[n]) * (1.0f - sj[n]) * w;
            *(f2*)(at + nz) += (1.0f - si[n]) * sj[n] * w;
            *(f2*)(at + ny * nz) += si[n] * (1.0f - sj[n]) * w;
            *(f2*)(at + ny * nz + nz) += si[n] * sj[n] * w;
        }
    }
#endif
"""
)
def scatter_all(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33), count: int, size: float,
    su: wp.array4d(dtype=float), sv: wp.array4d(dtype=float), sw: wp.array4d(dtype=float),
    alpha: wp.array3d(dtype=float),
): ...  # fmt: skip


@wp.kernel
def to_grid_serial_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33), count: wp.array(dtype=int),
    size: float,
    # outputs
    su: wp.array4d(dtype=float), sv: wp.array4d(dtype=float), sw: wp.array4d(dtype=float),
    alpha: wp.array3d(dtype=float),
):  # fmt: skip
    """What ``to_grid_kernel`` does, by one thread; on a CPU only."""
    scatter_all(x, v, c, count[0], size, su, sv, sw, alpha)


@wp.func_native(
    """
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
"""
    + PLACE.replace("NX", "alpha.shape[0]").replace("NY", "alpha.shape[1]").replace("NZ", "alpha.shape[2]")
    + """
    float* A = alpha.data;
    const float* X = (const float*)x.data;
    for (int begin = 0; begin < count; begin += BLOCK) {
        const int some = count - begin < BLOCK ? count - begin : BLOCK;
        for (int n = 0; n < some; ++n) {
            px[n] = X[3 * (begin + n)]; py[n] = X[3 * (begin + n) + 1]; pz[n] = X[3 * (begin + n) + 2];
        }
        place(some);
        for (int n = 0; n < some; ++n) {
            if (px[n] < 0.0f) continue;  // has left
            float *a = A + pc[n], *b = a + nz, *c = a + ny * nz, *d = c + nz;
            const float low = size * (1.0f - sk[n]), high = size * sk[n];
            const float w00 = (1.0f - si[n]) * (1.0f - sj[n]), w01 = (1.0f - si[n]) * sj[n];
            const float w10 = si[n] * (1.0f - sj[n]), w11 = si[n] * sj[n];
            a[0] += w00 * low; a[1] += w00 * high;
            b[0] += w01 * low; b[1] += w01 * high;
            c[0] += w10 * low; c[1] += w10 * high;
            d[0] += w11 * low; d[1] += w11 * high;
        }
    }
#endif
"""
)
def volume_all(x: wp.array(dtype=wp.vec3), alpha: wp.array3d(dtype=float), size: float, count: int): ...


@wp.kernel
def volume_serial_kernel(
    x: wp.array(dtype=wp.vec3), count: wp.array(dtype=int), size: float, alpha: wp.array3d(dtype=float)
):
    volume_all(x, alpha, size, count[0])
