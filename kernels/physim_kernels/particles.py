"""Particles of a liquid and the staggered grid: APIC transfers both ways, movement.

Cell units: h = 1, the box has its lower corner at 0, velocities in cells per second. Face values live at
u (i, j + 1/2, k + 1/2), v (i + 1/2, j, k + 1/2), w (i + 1/2, j + 1/2, k); cell values at (i, j, k) + 1/2. Weights are
trilinear; nodes outside of the box are folded back to the nearest one inside, so that walls take nothing.

Affine velocities: Jiang, Schroeder, Selle, Teran, Stomakhin, "The Affine Particle-In-Cell Method", ACM TOG 34 (2015);
with trilinear weights on faces C is the gradient of the interpolant.

A CPU has one thread: there one native loop adds into the grid without atomics; a GPU has one thread per particle.
"""

import warp as wp

from physim_kernels.particle_set import GONE

wp.set_module_options({"enable_backward": False})


@wp.func
def node(x: float, count: int):
    """Lower of the two nodes 0 .. count - 1 around ``x``, the upper one, and the weight of the upper; folded inside."""
    low = int(wp.floor(x))
    t = x - float(low)
    return wp.clamp(low, 0, count - 1), wp.clamp(low + 1, 0, count - 1), t


@wp.func
def scatter_axis(
    x: wp.vec3, value: float, slope: wp.vec3, shift: wp.vec3,
    total: wp.array3d(dtype=float), weight: wp.array3d(dtype=float),
):  # fmt: skip
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
        wp.atomic_add(total, i, j, k, w * (value + wp.dot(slope, arm)))
        wp.atomic_add(weight, i, j, k, w)


@wp.kernel
def to_faces_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33), count: wp.array(dtype=int),
    # outputs: sums of weighted velocity and of weights
    ux: wp.array3d(dtype=float), wx: wp.array3d(dtype=float),
    uy: wp.array3d(dtype=float), wy: wp.array3d(dtype=float),
    uz: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
):  # fmt: skip
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    at = x[p]
    scatter_axis(at, v[p][0], c[p][0], wp.vec3(0.0, 0.5, 0.5), ux, wx)
    scatter_axis(at, v[p][1], c[p][1], wp.vec3(0.5, 0.0, 0.5), uy, wy)
    scatter_axis(at, v[p][2], c[p][2], wp.vec3(0.5, 0.5, 0.0), uz, wz)


NODE = """
    #define NODE(X, N, LOW, HIGH, T) \\
        int LOW, HIGH; float T; \\
        { const float f = floorf(X); LOW = (int)f; HIGH = LOW + 1; T = (X) - f; \\
          LOW = LOW < 0 ? 0 : LOW > (N) - 1 ? (N) - 1 : LOW; HIGH = HIGH < 0 ? 0 : HIGH > (N) - 1 ? (N) - 1 : HIGH; }
"""


@wp.func_native(
    NODE
    + """
    const int nx = total.shape[0], ny = total.shape[1], nz = total.shape[2];
    float *U = total.data, *W = weight.data;
    const float* X = (const float*)x.data;
    const float* V = (const float*)v.data;
    const float* C = (const float*)c.data;
    const float sx = axis == 0 ? 0.0f : 0.5f, sy = axis == 1 ? 0.0f : 0.5f, sz = axis == 2 ? 0.0f : 0.5f;
    for (int p = 0; p < count; ++p) {
        if (X[3 * p] < 0.0f) continue;  // has left
        const float px = X[3 * p] - sx, py = X[3 * p + 1] - sy, pz = X[3 * p + 2] - sz;
        NODE(px, nx, i0, i1, tx) NODE(py, ny, j0, j1, ty) NODE(pz, nz, k0, k1, tz)
        const float* G = C + 9 * p + 3 * axis;
        const float value = V[3 * p + axis] - (G[0] * px + G[1] * py + G[2] * pz);
        const int at[4] = {(i0 * ny + j0) * nz, (i0 * ny + j1) * nz, (i1 * ny + j0) * nz, (i1 * ny + j1) * nz};
        const float wt[4] = {(1 - tx) * (1 - ty), (1 - tx) * ty, tx * (1 - ty), tx * ty};
        const float gi[2] = {G[0] * i0, G[0] * i1}, gj[2] = {G[1] * j0, G[1] * j1};
        const float low = value + G[2] * k0, high = value + G[2] * k1;
        for (int r = 0; r < 4; ++r) {
            const float a = gi[r >> 1] + gj[r & 1], w0 = wt[r] * (1 - tz), w1 = wt[r] * tz;
            U[at[r] + k0] += w0 * (low + a);
            W[at[r] + k0] += w0;
            U[at[r] + k1] += w1 * (high + a);
            W[at[r] + k1] += w1;
        }
    }
    #undef NODE
"""
)
def scatter_all(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
    total: wp.array3d(dtype=float), weight: wp.array3d(dtype=float), axis: int, count: int,
): ...  # fmt: skip


@wp.kernel
def to_faces_serial_kernel(
    # inputs
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33), count: wp.array(dtype=int),
    axis: int,
    # outputs
    total: wp.array3d(dtype=float), weight: wp.array3d(dtype=float),
):  # fmt: skip
    scatter_all(x, v, c, total, weight, axis, count[0])


@wp.kernel
def volume_kernel(x: wp.array(dtype=wp.vec3), count: wp.array(dtype=int), size: float, alpha: wp.array3d(dtype=float)):
    """Particle volume per cell: each particle spreads ``size`` [cells] over the 8 cell centres around it."""
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    i0, i1, tx = node(x[p][0] - 0.5, alpha.shape[0])
    j0, j1, ty = node(x[p][1] - 0.5, alpha.shape[1])
    k0, k1, tz = node(x[p][2] - 0.5, alpha.shape[2])
    for corner in range(8):
        i = wp.where((corner & 4) != 0, i1, i0)
        j = wp.where((corner & 2) != 0, j1, j0)
        k = wp.where((corner & 1) != 0, k1, k0)
        w = wp.where((corner & 4) != 0, tx, 1.0 - tx) * wp.where((corner & 2) != 0, ty, 1.0 - ty)
        wp.atomic_add(alpha, i, j, k, size * w * wp.where((corner & 1) != 0, tz, 1.0 - tz))


@wp.func_native(
    NODE
    + """
    const int nx = alpha.shape[0], ny = alpha.shape[1], nz = alpha.shape[2];
    float* A = alpha.data;
    const float* X = (const float*)x.data;
    for (int p = 0; p < count; ++p) {
        if (X[3 * p] < 0.0f) continue;  // has left
        const float px = X[3 * p] - 0.5f, py = X[3 * p + 1] - 0.5f, pz = X[3 * p + 2] - 0.5f;
        NODE(px, nx, i0, i1, tx) NODE(py, ny, j0, j1, ty) NODE(pz, nz, k0, k1, tz)
        const int at[4] = {(i0 * ny + j0) * nz, (i0 * ny + j1) * nz, (i1 * ny + j0) * nz, (i1 * ny + j1) * nz};
        const float wt[4] = {(1 - tx) * (1 - ty), (1 - tx) * ty, tx * (1 - ty), tx * ty};
        for (int r = 0; r < 4; ++r) {
            A[at[r] + k0] += size * wt[r] * (1 - tz);
            A[at[r] + k1] += size * wt[r] * tz;
        }
    }
    #undef NODE
"""
)
def volume_all(x: wp.array(dtype=wp.vec3), alpha: wp.array3d(dtype=float), size: float, count: int): ...


@wp.kernel
def volume_serial_kernel(
    x: wp.array(dtype=wp.vec3), count: wp.array(dtype=int), size: float, alpha: wp.array3d(dtype=float)
):
    volume_all(x, alpha, size, count[0])


@wp.func
def gather(x: wp.vec3, shift: wp.vec3, u: wp.array3d(dtype=float)):
    """Value (last) and gradient (first three) of the trilinear interpolant of ``u`` at ``x``."""
    i0, i1, tx = node(x[0] - shift[0], u.shape[0])
    j0, j1, ty = node(x[1] - shift[1], u.shape[1])
    k0, k1, tz = node(x[2] - shift[2], u.shape[2])
    u000 = u[i0, j0, k0]
    u001 = u[i0, j0, k1]
    u010 = u[i0, j1, k0]
    u011 = u[i0, j1, k1]
    u100 = u[i1, j0, k0]
    u101 = u[i1, j0, k1]
    u110 = u[i1, j1, k0]
    u111 = u[i1, j1, k1]
    a00 = u000 + tz * (u001 - u000)
    a01 = u010 + tz * (u011 - u010)
    a10 = u100 + tz * (u101 - u100)
    a11 = u110 + tz * (u111 - u110)
    b0 = a00 + ty * (a01 - a00)
    b1 = a10 + ty * (a11 - a10)
    dy = (1.0 - tx) * (a01 - a00) + tx * (a11 - a10)
    dz = (1.0 - tx) * ((1.0 - ty) * (u001 - u000) + ty * (u011 - u010))
    dz += tx * ((1.0 - ty) * (u101 - u100) + ty * (u111 - u110))
    return wp.vec4(b1 - b0, dy, dz, b0 + tx * (b1 - b0))


@wp.func
def velocity_at(x: wp.vec3, u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float)):
    a = gather(x, wp.vec3(0.0, 0.5, 0.5), u)
    b = gather(x, wp.vec3(0.5, 0.0, 0.5), v)
    c = gather(x, wp.vec3(0.5, 0.5, 0.0), w)
    return wp.vec3(a[3], b[3], c[3])


@wp.func
def inside(x: wp.vec3, size: wp.vec3):
    """``x`` kept a hair inside of the box."""
    return wp.vec3(
        wp.clamp(x[0], 1.0e-3, size[0] - 1.0e-3),
        wp.clamp(x[1], 1.0e-3, size[1] - 1.0e-3),
        wp.clamp(x[2], 1.0e-3, size[2] - 1.0e-3),
    )


@wp.func
def leaves(
    x: wp.vec3, size: wp.vec3, ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float)
):
    """Whether ``x`` is beyond a side of the box that is open there."""
    at = inside(x, size)
    i, j, k = int(at[0]), int(at[1]), int(at[2])
    gone = x[0] < 0.0 and ax[0, j, k] > 0.0
    gone = gone or (x[0] > size[0] and ax[ax.shape[0] - 1, j, k] > 0.0)
    gone = gone or (x[1] < 0.0 and ay[i, 0, k] > 0.0)
    gone = gone or (x[1] > size[1] and ay[i, ay.shape[1] - 1, k] > 0.0)
    gone = gone or (x[2] < 0.0 and az[i, j, 0] > 0.0)
    return gone or (x[2] > size[2] and az[i, j, az.shape[2] - 1] > 0.0)


@wp.func
def out_of_solids(x: wp.vec3, distance: wp.array3d(dtype=float)):
    """``x`` pushed out along the gradient of the solids' signed distance at cell centres [cells]."""
    d = gather(x, wp.vec3(0.5, 0.5, 0.5), distance)
    if d[3] >= 0.05:
        return x
    n = wp.vec3(d[0], d[1], d[2])
    length = wp.length(n)
    if length < 1.0e-6:
        return x
    return x + wp.min(0.05 - d[3], 1.0) / length * n


@wp.kernel
def move_kernel(
    # inputs: face velocities, extrapolated; open areas; distance to solids at cell centres
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    distance: wp.array3d(dtype=float), dt: float, affine: float, count: wp.array(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
):  # fmt: skip
    """Take velocity and its gradient from the faces, then follow the flow for ``dt`` (midpoint rule)."""
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    at = x[p]
    gu = gather(at, wp.vec3(0.0, 0.5, 0.5), u)
    gv = gather(at, wp.vec3(0.5, 0.0, 0.5), v)
    gw = gather(at, wp.vec3(0.5, 0.5, 0.0), w)
    here = wp.vec3(gu[3], gv[3], gw[3])
    velocity[p] = here
    c[p] = affine * wp.mat33(gu[0], gu[1], gu[2], gv[0], gv[1], gv[2], gw[0], gw[1], gw[2])
    size = wp.vec3(float(distance.shape[0]), float(distance.shape[1]), float(distance.shape[2]))
    middle = inside(at + 0.5 * dt * here, size)
    to = at + dt * velocity_at(middle, u, v, w)
    if leaves(to, size, ax, ay, az):
        x[p] = wp.vec3(GONE, GONE, GONE)
    else:
        x[p] = inside(out_of_solids(to, distance), size)


@wp.kernel
def shift_kernel(
    # inputs: displacement on faces [cells], particle volume of the cells and what fits in
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    alpha: wp.array3d(dtype=float), room: wp.array3d(dtype=float), distance: wp.array3d(dtype=float),
    bound: float, step: wp.array(dtype=int), count: wp.array(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3),
):  # fmt: skip
    """Move particles by a displacement, each component at most ``bound``; in cells far too full also at random.

    Particles that a thin jet has brought to one place see one displacement and would stay together for good.
    """
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    at = x[p]
    d = velocity_at(at, u, v, w)
    d = wp.vec3(wp.clamp(d[0], -bound, bound), wp.clamp(d[1], -bound, bound), wp.clamp(d[2], -bound, bound))
    i = wp.clamp(int(at[0]), 0, alpha.shape[0] - 1)
    j = wp.clamp(int(at[1]), 0, alpha.shape[1] - 1)
    k = wp.clamp(int(at[2]), 0, alpha.shape[2] - 1)
    crowd = wp.clamp(alpha[i, j, k] / wp.max(room[i, j, k], 0.1) - 1.5, 0.0, 1.0)
    if crowd > 0.0:
        state = wp.rand_init(step[0], p)
        aside = wp.vec3(wp.randf(state) - 0.5, wp.randf(state) - 0.5, wp.randf(state) - 0.5)
        d += crowd * aside
    size = wp.vec3(float(distance.shape[0]), float(distance.shape[1]), float(distance.shape[2]))
    x[p] = inside(out_of_solids(at + d, distance), size)


@wp.kernel
def tick_kernel(step: wp.array(dtype=int)):
    """Count a step: the seed of what is random in it."""
    step[0] = step[0] + 1
