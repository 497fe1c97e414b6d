"""Velocities on the faces of a liquid's grid: means of the particles, weight, friction, and beyond the surface.

Kernels work on pieces of rows within reach, see ``physim_kernels.free_surface``.
"""

import warp as wp

from physim_kernels.free_surface import piece

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const float *T = total.data + 2 * o, *A = area.data + o, *S = solid.data + o;
    float *U = u.data + o, *N = valid.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float w = T[2 * k + 1];
        const int reached = w > 1.0e-6f, opened = A[k] > 0.0f;
        const float mean = reached ? T[2 * k] / (reached ? w : 1.0f) : 0.0f;
        U[k] = opened ? mean : S[k];
        N[k] = reached ? 1.0f : 0.0f;
    }""")
def average_row(
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
    u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def average_kernel(
    # inputs
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # outputs
    u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float),
):  # fmt: skip
    """Sums to means; closed faces take the solid's velocity; valid if particles reach it."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    average_row(total, area, solid, u, valid, i, j, s[0], s[1])


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const float* A = area.data + o;
    float* U = u.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) U[k] += A[k] > 0.0f ? change : 0.0f;
    """)
def weigh_row(
    area: wp.array3d(dtype=float), change: float, u: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def weigh_kernel(
    # inputs: open parts; changes of velocity along the three axes [cells/s]
    area: wp.array3d(dtype=float), change: wp.array(dtype=wp.vec3), axis: int,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """The weight of a step, on open faces."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    weigh_row(area, change[0][axis], u, i, j, s[0], s[1])


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const int ia = i < v.shape[0] ? i : v.shape[0] - 1, ib = i < w.shape[0] ? i : w.shape[0] - 1;
    const int ja = j < v.shape[1] ? j : v.shape[1] - 1, jb = j < w.shape[1] ? j : w.shape[1] - 1;
    const float *T = touch.data + o;
    const float *V = v.data + (ia * v.shape[1] + ja) * v.shape[2], *W = w.data + (ib * w.shape[1] + jb) * w.shape[2];
    float* U = u.data + o;
    int end = k1 < v.shape[2] ? k1 : v.shape[2];
    end = end < w.shape[2] ? end : w.shape[2];
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < end; ++k)
        U[k] /= 1.0f + T[k] * strength * sqrtf(U[k] * U[k] + V[k] * V[k] + W[k] * W[k]);
    """)
def friction_row(
    touch: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float), strength: float,
    u: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def friction_kernel(
    # inputs: 1 for faces along a wall; the other two components; c_f dt
    touch: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float), strength: float,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Skin friction c_f |v| v of the layer of cells along walls, implicit."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    friction_row(touch, v, w, strength, u, i, j, s[0], s[1])


@wp.func_native("""
    const int o = (i * u.shape[1] + j) * u.shape[2];
    const float *T = total.data + 2 * o, *A = area.data + o;
    float* U = u.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float w = T[2 * k + 1];
        const int counts = A[k] > 0.0f && w > 1.0e-6f;
        U[k] += counts ? again * (U[k] - T[2 * k] / (counts ? w : 1.0f)) : 0.0f;
    }""")
def kick_row(
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), again: float, u: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def kick_kernel(
    # inputs: sums of the particles, open areas
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), again: float,
    reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out: velocities after the projection
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """``again`` times the change since the particles gave the velocities once more, on open faces."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    kick_row(total, area, again, u, i, j, s[0], s[1])


@wp.func_native("""
    const int nx = u.shape[0], ny = u.shape[1], nz = u.shape[2], sy = nz, sx = ny * nz, o = i * sx + j * sy;
    float *U = u.data + o, *N = valid_out.data + o;
    const float* V = valid.data + o;
    // beyond an edge: the face itself, which does not count where it is read, as it is not valid there
    const int xm = i > 0 ? -sx : 0, xp = i < nx - 1 ? sx : 0, ym = j > 0 ? -sy : 0, yp = j < ny - 1 ? sy : 0;
    #define CELL(K, ZM, ZP) { \
        const int k = K; \
        const float c = V[k + xm] + V[k + xp] + V[k + ym] + V[k + yp] + V[k + ZM] + V[k + ZP]; \
        const float t = V[k + xm] * U[k + xm] + V[k + xp] * U[k + xp] + V[k + ym] * U[k + ym] \
            + V[k + yp] * U[k + yp] + V[k + ZM] * U[k + ZM] + V[k + ZP] * U[k + ZP]; \
        const float mean = t / (c > 0.0f ? c : 1.0f); \
        N[k] = V[k] > 0.0f || c > 0.0f ? 1.0f : 0.0f; \
        U[k] = V[k] > 0.0f || c <= 0.0f ? U[k] : mean; }
    const int first = k0 > 0 ? k0 : 1, last = k1 < nz ? k1 : nz - 1;
    if (k0 == 0) CELL(0, 0, nz > 1 ? 1 : 0)
    #pragma clang loop vectorize(assume_safety)
    for (int n = first; n < last; ++n) CELL(n, -1, 1)
    if (k1 == nz && nz > 1) CELL(nz - 1, -1, 0)
    #undef CELL
""")
def extrapolate_row(
    valid: wp.array3d(dtype=float), u: wp.array3d(dtype=float), valid_out: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def extrapolate_kernel(
    # inputs
    valid: wp.array3d(dtype=float), reach: wp.array2d(dtype=wp.vec2i), more: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
    # outputs
    valid_out: wp.array3d(dtype=float),
):  # fmt: skip
    """One layer outwards: a face that is not valid takes the mean of its valid neighbours, which do not change."""
    i, j, c = wp.tid()
    s = piece(reach, i, j, c, chunk, more)
    if s[0] < s[1]:
        extrapolate_row(valid, u, valid_out, i, j, s[0], s[1])
