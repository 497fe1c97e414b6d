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


NODES = """
    // lower of two nodes and weight of the upper one, for nodes at whole and at half numbers; folded inside
    #define WHOLE(X, LOW, T) const int LOW = (int)(X); const float T = (X) - LOW;
    #define HALF(X, N, LOW, T) int LOW = (int)((X) + 0.5f) - 1; float T = (X) - 0.5f - LOW; \
        if (LOW < 0) { LOW = 0; T = 0.0f; } else if (LOW > (N) - 2) { LOW = (N) - 2; T = 1.0f; }
"""


@wp.func_native(
    NODES
    + """
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
    typedef float f2 __attribute__((vector_size(8), aligned(4)));
    typedef float f4 __attribute__((vector_size(16), aligned(4)));
    const int nx = alpha.shape[0], ny = alpha.shape[1], nz = alpha.shape[2];
    const float* X = (const float*)x.data;
    const float* V = (const float*)v.data;
    const float* C = (const float*)c.data;
    float *SU = su.data, *SV = sv.data, *SW = sw.data, *A = alpha.data;
    // nodes (I, J, K) .. + 1 of an array with rows of NZ and planes of NY rows, gradient G, weights T
    #define FACE(S, NY, NZ, I, TI, J, TJ, K, TK, SI, SJ, SK, COMPONENT) { \
        const float* G = C + 9 * p + 3 * COMPONENT; \
        const float a0 = V[3 * p + COMPONENT] + G[0] * (I + SI - px) + G[1] * (J + SJ - py) + G[2] * (K + SK - pz); \
        const float q0 = 1.0f - TK, q1 = TK; \
        const f4 base = {q0 * a0, q0, q1 * (a0 + G[2]), q1}, more = {q0, 0.0f, q1, 0.0f}; \
        float* at = S + 2 * ((I * (NY) + J) * (NZ) + K); \
        const int dy = 2 * (NZ), dx = 2 * (NY) * (NZ); \
        *(f4*)at += (1.0f - TI) * (1.0f - TJ) * base; \
        *(f4*)(at + dy) += (1.0f - TI) * TJ * (base + G[1] * more); \
        *(f4*)(at + dx) += TI * (1.0f - TJ) * (base + G[0] * more); \
        *(f4*)(at + dx + dy) += TI * TJ * (base + (G[0] + G[1]) * more); }
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p], py = X[3 * p + 1], pz = X[3 * p + 2];
        if (px < 0.0f) continue;  // has left
        WHOLE(px, i, ti) WHOLE(py, j, tj) WHOLE(pz, k, tk)
        HALF(px, nx, ih, si) HALF(py, ny, jh, sj) HALF(pz, nz, kh, sk)
        FACE(SU, ny, nz, i, ti, jh, sj, kh, sk, 0.0f, 0.5f, 0.5f, 0)
        FACE(SV, ny + 1, nz, ih, si, j, tj, kh, sk, 0.5f, 0.0f, 0.5f, 1)
        FACE(SW, ny, nz + 1, ih, si, jh, sj, k, tk, 0.5f, 0.5f, 0.0f, 2)
        float* at = A + (ih * ny + jh) * nz + kh;
        const f2 w = {size * (1.0f - sk), size * sk};
        *(f2*)at += (1.0f - si) * (1.0f - sj) * w;
        *(f2*)(at + nz) += (1.0f - si) * sj * w;
        *(f2*)(at + ny * nz) += si * (1.0f - sj) * w;
        *(f2*)(at + ny * nz + nz) += si * sj * w;
    }
    #undef FACE
#endif
    #undef WHOLE
    #undef HALF
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
    NODES
    + """
    const int nx = alpha.shape[0], ny = alpha.shape[1], nz = alpha.shape[2];
    float* A = alpha.data;
    const float* X = (const float*)x.data;
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p], py = X[3 * p + 1], pz = X[3 * p + 2];
        if (px < 0.0f) continue;  // has left
        HALF(px, nx, i, ti) HALF(py, ny, j, tj) HALF(pz, nz, k, tk)
        const float w[4] = {(1 - ti) * (1 - tj), (1 - ti) * tj, ti * (1 - tj), ti * tj};
        float* at[4] = {A + (i * ny + j) * nz + k, A + (i * ny + j + 1) * nz + k,
                        A + ((i + 1) * ny + j) * nz + k, A + ((i + 1) * ny + j + 1) * nz + k};
        const float low = size * (1.0f - tk), high = size * tk;
        for (int r = 0; r < 4; ++r) {
            at[r][0] += w[r] * low;
            at[r][1] += w[r] * high;
        }
    }
    #undef WHOLE
    #undef HALF
"""
)
def volume_all(x: wp.array(dtype=wp.vec3), alpha: wp.array3d(dtype=float), size: float, count: int): ...


@wp.kernel
def volume_serial_kernel(
    x: wp.array(dtype=wp.vec3), count: wp.array(dtype=int), size: float, alpha: wp.array3d(dtype=float)
):
    volume_all(x, alpha, size, count[0])
