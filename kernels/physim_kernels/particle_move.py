"""Particles of a liquid follow the grid: APIC gathers, movement, and what walls, solids and open sides do to it.

Units and places of nodes as in ``particles``. A CPU has one thread: a native loop moves all particles and lists those
that need more thought, as they come near a solid or would leave the box.
"""

import warp as wp

from physim_kernels.particle_set import GONE
from physim_kernels.particles import PLACE, node

wp.set_module_options({"enable_backward": False})


BEGIN = (
    """
    int found = 0;
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
"""
    + PLACE.replace("NX", "v.shape[0]").replace("NY", "u.shape[1]").replace("NZ", "u.shape[2]")
    + """
    const float *U = u.data, *V = v.data, *W = w.data, *D = distance.data;
    float* X = (float*)x.data;
    // two nodes along z of all three components at a time: u u v v w w and two that do not count
    typedef float f2 __attribute__((vector_size(8), aligned(4)));
    typedef float f4 __attribute__((vector_size(16)));
    typedef float f8 __attribute__((vector_size(32)));
    auto each = [](float a, float b, float c) { return f8{a, a, b, b, c, c, c, c}; };
    auto load = [](const float* a, const float* b, const float* c) {
        const f2 p = *(const f2*)a, q = *(const f2*)b, r = *(const f2*)c;
        const f4 pq = __builtin_shufflevector(p, q, 0, 1, 2, 3), rr = __builtin_shufflevector(r, r, 0, 1, 2, 3);
        return __builtin_shufflevector(pq, rr, 0, 1, 2, 3, 4, 5, 6, 7);
    };
    auto along = [](f8 a, f8 t, f8& slope) {
        const f8 low = __builtin_shufflevector(a, a, 0, 0, 2, 2, 4, 4, 6, 6);
        slope = __builtin_shufflevector(a, a, 1, 1, 3, 3, 5, 5, 7, 7) - low;
        return low + t * slope;
    };
    const int dx = ny * nz, dxv = (ny + 1) * nz, dxw = ny * (nz + 1), dyw = nz + 1;
    // value of all components at particle n of the block, and its gradient
    auto interpolate = [&](int n, f8& gx, f8& gy, f8& gz) {
        const float *P = U + pu[n], *Q = V + pv[n], *R = W + pw[n];
        const f8 TI = each(ti[n], si[n], si[n]), TJ = each(sj[n], tj[n], sj[n]), TK = each(sk[n], sk[n], tk[n]);
        const f8 r00 = load(P, Q, R), r01 = load(P + nz, Q + nz, R + dyw);
        const f8 r10 = load(P + dx, Q + dxv, R + dxw), r11 = load(P + dx + nz, Q + dxv + nz, R + dxw + dyw);
        const f8 y0 = r01 - r00, y1 = r11 - r10, b0 = r00 + TJ * y0, bx = r10 + TJ * y1 - b0;
        f8 unused;
        gx = along(bx, TK, unused);
        gy = along(y0 + TI * (y1 - y0), TK, unused);
        return along(b0 + TI * bx, TK, gz);
    };
    f8 gx, gy, gz;
    auto keep = [](float q, int n) { return q < 1.0e-3f ? 1.0e-3f : q > n - 1.0e-3f ? n - 1.0e-3f : q; };
    float mx[BLOCK], my[BLOCK], mz[BLOCK];
    for (int begin = 0; begin < count; begin += BLOCK) {
        const int some = count - begin < BLOCK ? count - begin : BLOCK;
        for (int n = 0; n < some; ++n) {
            px[n] = X[3 * (begin + n)]; py[n] = X[3 * (begin + n) + 1]; pz[n] = X[3 * (begin + n) + 2];
        }
        place(some);
"""
)
END = """
    }
#endif
    return found;
"""
CLOSE = wp.constant(0.06)
"""Ways ahead up to this [cells] follow the velocity's gradient, longer ones look at the grid again."""


@wp.func_native(
    BEGIN
    + """
        float *VEL = (float*)velocity.data + 3 * begin, *C = (float*)c.data + 9 * begin;
        int far = 0;
        for (int n = 0; n < some; ++n) {
            if (px[n] < 0.0f) continue;  // has left
            const f8 here = interpolate(n, gx, gy, gz);
            for (int a = 0; a < 3; ++a) {
                VEL[3 * n + a] = here[2 * a];
                C[9 * n + 3 * a] = affine * gx[2 * a];
                C[9 * n + 3 * a + 1] = affine * gy[2 * a];
                C[9 * n + 3 * a + 2] = affine * gz[2 * a];
            }
            const float hx = ahead * here[0], hy = ahead * here[2], hz = ahead * here[4];
            const f8 there = here + hx * gx + hy * gy + hz * gz;
            mx[n] = there[0]; my[n] = there[2]; mz[n] = there[4];
            far |= hx * hx + hy * hy + hz * hz > close * close;
        }
        if (far) {
            for (int n = 0; n < some; ++n) {
                px[n] = keep(px[n] + ahead * VEL[3 * n], nx);
                py[n] = keep(py[n] + ahead * VEL[3 * n + 1], ny);
                pz[n] = keep(pz[n] + ahead * VEL[3 * n + 2], nz);
            }
            place(some);
            for (int n = 0; n < some; ++n) {
                const float *h = VEL + 3 * n;
                const float way2 = ahead * ahead * (h[0] * h[0] + h[1] * h[1] + h[2] * h[2]);
                if (X[3 * (begin + n)] < 0.0f || way2 <= close * close) continue;
                const f8 there = interpolate(n, gx, gy, gz);
                mx[n] = there[0]; my[n] = there[2]; mz[n] = there[4];
            }
        }
        for (int n = 0; n < some; ++n) {
            float* at = X + 3 * (begin + n);
            if (at[0] < 0.0f) continue;
            const float qx = at[0] + dt * mx[n], qy = at[1] + dt * my[n], qz = at[2] + dt * mz[n];
            const float kx = keep(qx, nx), ky = keep(qy, ny), kz = keep(qz, nz);
            at[0] = qx; at[1] = qy; at[2] = qz;
            const int near = D[((int)kx * ny + (int)ky) * nz + (int)kz] <= 1.0f;
            if (near || kx != qx || ky != qy || kz != qz) listed.data[found++] = begin + n;
        }
"""
    + END
)
def move_all(
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    distance: wp.array3d(dtype=float), dt: float, ahead: float, close: float, affine: float, count: int,
    x: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
    listed: wp.array(dtype=int),
) -> int: ...  # fmt: skip


@wp.func_native(
    BEGIN
    + """
        for (int n = 0; n < some; ++n) {
            if (px[n] < 0.0f) continue;  // has left
            const f8 way = interpolate(n, gx, gy, gz);
            mx[n] = way[0]; my[n] = way[2]; mz[n] = way[4];
        }
        for (int n = 0; n < some; ++n) {
            const int p = begin + n;
            if (px[n] < 0.0f) continue;
            float dx = mx[n], dy = my[n], dz = mz[n];
            dx = dx > bound ? bound : dx < -bound ? -bound : dx;
            dy = dy > bound ? bound : dy < -bound ? -bound : dy;
            dz = dz > bound ? bound : dz < -bound ? -bound : dz;
            const int cell = ((int)px[n] * ny + (int)py[n]) * nz + (int)pz[n];
            const float fits = room.data[cell] > 0.1f ? room.data[cell] : 0.1f;
            if (alpha.data[cell] > 1.5f * fits) {
                const float crowd = alpha.data[cell] / fits - 1.5f, part = crowd < 1.0f ? crowd : 1.0f;
                wp::uint32 state = wp::rand_init(seed, p);
                dx += part * (wp::randf(state) - 0.5f);
                dy += part * (wp::randf(state) - 0.5f);
                dz += part * (wp::randf(state) - 0.5f);
            }
            const float kx = keep(px[n] + dx, nx), ky = keep(py[n] + dy, ny), kz = keep(pz[n] + dz, nz);
            X[3 * p] = kx; X[3 * p + 1] = ky; X[3 * p + 2] = kz;
            if (D[((int)kx * ny + (int)ky) * nz + (int)kz] <= 1.0f) listed.data[found++] = p;
        }
"""
    + END
)
def shift_all(
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    alpha: wp.array3d(dtype=float), room: wp.array3d(dtype=float), distance: wp.array3d(dtype=float),
    bound: float, seed: int, count: int, x: wp.array(dtype=wp.vec3), listed: wp.array(dtype=int),
) -> int: ...  # fmt: skip


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
    i = wp.clamp(int(x[0]), 0, distance.shape[0] - 1)
    j = wp.clamp(int(x[1]), 0, distance.shape[1] - 1)
    if distance[i, j, wp.clamp(int(x[2]), 0, distance.shape[2] - 1)] > 1.0:
        return x  # the centre is at most 0.87 away
    d = gather(x, wp.vec3(0.5, 0.5, 0.5), distance)
    if d[3] >= 0.05:
        return x
    n = wp.vec3(d[0], d[1], d[2])
    length = wp.length(n)
    if length < 1.0e-6:
        return x
    return x + wp.min(0.05 - d[3], 1.0) / length * n


@wp.func
def gather_velocity(x: wp.vec3, u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float)):
    """Velocity (or displacement) at ``x`` and its gradient, row by row."""
    a = gather(x, wp.vec3(0.0, 0.5, 0.5), u)
    b = gather(x, wp.vec3(0.5, 0.0, 0.5), v)
    c = gather(x, wp.vec3(0.5, 0.5, 0.0), w)
    return wp.vec3(a[3], b[3], c[3]), wp.mat33(a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2])


@wp.func
def settle(
    to: wp.vec3, ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    distance: wp.array3d(dtype=float),
):  # fmt: skip
    """Where a particle on its way to ``to`` ends: gone, at a wall, outside of solids."""
    size = wp.vec3(float(distance.shape[0]), float(distance.shape[1]), float(distance.shape[2]))
    kept = inside(to, size)
    if wp.length_sq(to - kept) > 0.0:
        if leaves(to, size, ax, ay, az):
            return wp.vec3(GONE, GONE, GONE)
    return inside(out_of_solids(kept, distance), size)


@wp.kernel
def move_kernel(
    # inputs: face velocities, extrapolated; open areas; distance to solids at cell centres
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    distance: wp.array3d(dtype=float), dt: float, ahead: float, affine: float, count: wp.array(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
):  # fmt: skip
    """Take velocity and its gradient from the faces, then follow for ``dt`` what flows ``ahead`` [s] on the way.

    The midpoint rule where velocities are those of the step's start; nothing ahead where they are half a step on.
    """
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    here, gradient = gather_velocity(x[p], u, v, w)
    velocity[p] = here
    c[p] = affine * gradient
    size = wp.vec3(float(distance.shape[0]), float(distance.shape[1]), float(distance.shape[2]))
    middle = here + ahead * (gradient * here)
    if ahead * wp.length(here) > CLOSE:
        middle, _slope = gather_velocity(inside(x[p] + ahead * here, size), u, v, w)
    x[p] = settle(x[p] + dt * middle, ax, ay, az, distance)


@wp.kernel
def move_serial_kernel(
    # inputs
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    distance: wp.array3d(dtype=float), dt: float, ahead: float, affine: float, count: wp.array(dtype=int),
    listed: wp.array(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
):  # fmt: skip
    """What ``move_kernel`` does, by one thread, on a CPU only; ``listed`` has room for all particles."""
    found = move_all(u, v, w, distance, dt, ahead, CLOSE, affine, count[0], x, velocity, c, listed)
    for n in range(found):
        x[listed[n]] = settle(x[listed[n]], ax, ay, az, distance)


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
    d, _slope = gather_velocity(at, u, v, w)
    d = wp.vec3(wp.clamp(d[0], -bound, bound), wp.clamp(d[1], -bound, bound), wp.clamp(d[2], -bound, bound))
    i, j, k = int(at[0]), int(at[1]), int(at[2])
    crowd = wp.clamp(alpha[i, j, k] / wp.max(room[i, j, k], 0.1) - 1.5, 0.0, 1.0)
    if crowd > 0.0:
        state = wp.rand_init(step[0], p)
        d += crowd * wp.vec3(wp.randf(state) - 0.5, wp.randf(state) - 0.5, wp.randf(state) - 0.5)
    size = wp.vec3(float(distance.shape[0]), float(distance.shape[1]), float(distance.shape[2]))
    x[p] = inside(out_of_solids(inside(at + d, size), distance), size)


@wp.kernel
def shift_serial_kernel(
    # inputs
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    alpha: wp.array3d(dtype=float), room: wp.array3d(dtype=float), distance: wp.array3d(dtype=float),
    bound: float, step: wp.array(dtype=int), count: wp.array(dtype=int), listed: wp.array(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3),
):  # fmt: skip
    """What ``shift_kernel`` does, by one thread; on a CPU only."""
    found = shift_all(u, v, w, alpha, room, distance, bound, step[0], count[0], x, listed)
    size = wp.vec3(float(distance.shape[0]), float(distance.shape[1]), float(distance.shape[2]))
    for n in range(found):
        x[listed[n]] = inside(out_of_solids(x[listed[n]], distance), size)


@wp.kernel
def tick_kernel(step: wp.array(dtype=int)):
    """Count a step: the seed of what is random in it."""
    step[0] = step[0] + 1
