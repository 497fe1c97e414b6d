"""Particles of a liquid follow the grid: APIC gathers, movement, and what walls, solids and open sides do to it.

Units and places of nodes as in ``particles``. A CPU has one thread: a native loop moves all particles and lists those
that need more thought, as they come near a solid or would leave the box.
"""

import warp as wp

from physim_kernels.particle_set import GONE
from physim_kernels.particles import NODES, node

wp.set_module_options({"enable_backward": False})


LOOP = (
    """
    int found = 0;
#if !defined(__CUDACC__) && !defined(__CUDA_ARCH__)
"""
    + NODES
    + """
    const int nx = v.shape[0], ny = u.shape[1], nz = u.shape[2];
    float* X = (float*)x.data;
    const float *U = u.data, *V = v.data, *W = w.data, *D = distance.data;
    typedef float f2 __attribute__((vector_size(8), aligned(4)));  // two nodes along z at a time
    #define EDGES(P, DX, DY, TJ) \
        const f2 r00 = *(const f2*)(P), r01 = *(const f2*)(P + DY); \
        const f2 r10 = *(const f2*)(P + DX), r11 = *(const f2*)(P + DX + DY); \
        const f2 y0 = r01 - r00, y1 = r11 - r10, b0 = r00 + TJ * y0, b1 = r10 + TJ * y1;
    #define VALUE(OUT, P, DX, DY, TI, TJ, TK) { EDGES(P, DX, DY, TJ) \
        const f2 b = b0 + TI * (b1 - b0); OUT = b[0] + TK * (b[1] - b[0]); }
    #define WITH_GRADIENT(OUT, G, P, DX, DY, TI, TJ, TK) { EDGES(P, DX, DY, TJ) \
        const f2 gx = b1 - b0, gy = y0 + TI * (y1 - y0), b = b0 + TI * gx; \
        OUT = b[0] + TK * (b[1] - b[0]); \
        (G)[0] = affine * (gx[0] + TK * (gx[1] - gx[0])); \
        (G)[1] = affine * (gy[0] + TK * (gy[1] - gy[0])); \
        (G)[2] = affine * (b[1] - b[0]); }
    #define AT(PX, PY, PZ) \
        WHOLE(PX, i, ti) WHOLE(PY, j, tj) WHOLE(PZ, k, tk) \
        HALF(PX, nx, ih, si) HALF(PY, ny, jh, sj) HALF(PZ, nz, kh, sk) \
        const float *PU = U + (i * ny + jh) * nz + kh, *PV = V + (ih * (ny + 1) + j) * nz + kh; \
        const float* PW = W + (ih * ny + jh) * (nz + 1) + k;
    #define KEEP(Q, N) ((Q) < 1.0e-3f ? 1.0e-3f : (Q) > (N) - 1.0e-3f ? (N) - 1.0e-3f : (Q))
"""
)
DONE = """
#endif
    #undef WHOLE
    #undef HALF
    #undef EDGES
    #undef VALUE
    #undef WITH_GRADIENT
    #undef AT
    #undef KEEP
"""


@wp.func_native(
    LOOP
    + """
    float *VEL = (float*)velocity.data, *C = (float*)c.data;
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p], py = X[3 * p + 1], pz = X[3 * p + 2];
        if (px < 0.0f) continue;  // has left
        float vx, vy, vz;
        {
            AT(px, py, pz)
            WITH_GRADIENT(vx, C + 9 * p, PU, ny * nz, nz, ti, sj, sk)
            WITH_GRADIENT(vy, C + 9 * p + 3, PV, (ny + 1) * nz, nz, si, tj, sk)
            WITH_GRADIENT(vz, C + 9 * p + 6, PW, ny * (nz + 1), nz + 1, si, sj, tk)
        }
        VEL[3 * p] = vx; VEL[3 * p + 1] = vy; VEL[3 * p + 2] = vz;
        const float mx = KEEP(px + ahead * vx, nx), my = KEEP(py + ahead * vy, ny), mz = KEEP(pz + ahead * vz, nz);
        {
            AT(mx, my, mz)
            VALUE(vx, PU, ny * nz, nz, ti, sj, sk)
            VALUE(vy, PV, (ny + 1) * nz, nz, si, tj, sk)
            VALUE(vz, PW, ny * (nz + 1), nz + 1, si, sj, tk)
        }
        const float qx = px + dt * vx, qy = py + dt * vy, qz = pz + dt * vz;
        const float kx = KEEP(qx, nx), ky = KEEP(qy, ny), kz = KEEP(qz, nz);
        X[3 * p] = qx; X[3 * p + 1] = qy; X[3 * p + 2] = qz;
        const int near = D[((int)kx * ny + (int)ky) * nz + (int)kz] <= 1.0f;
        if (near || kx != qx || ky != qy || kz != qz) listed.data[found++] = p;
    }
"""
    + DONE
    + "    return found;"
)
def move_all(
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    distance: wp.array3d(dtype=float), dt: float, ahead: float, affine: float, count: int,
    x: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
    listed: wp.array(dtype=int),
) -> int: ...  # fmt: skip


@wp.func_native(
    LOOP
    + """
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p], py = X[3 * p + 1], pz = X[3 * p + 2];
        if (px < 0.0f) continue;  // has left
        float dx, dy, dz;
        AT(px, py, pz)
        VALUE(dx, PU, ny * nz, nz, ti, sj, sk)
        VALUE(dy, PV, (ny + 1) * nz, nz, si, tj, sk)
        VALUE(dz, PW, ny * (nz + 1), nz + 1, si, sj, tk)
        dx = dx > bound ? bound : dx < -bound ? -bound : dx;
        dy = dy > bound ? bound : dy < -bound ? -bound : dy;
        dz = dz > bound ? bound : dz < -bound ? -bound : dz;
        const int cell = (i * ny + j) * nz + k;
        const float fits = room.data[cell] > 0.1f ? room.data[cell] : 0.1f;
        if (alpha.data[cell] > 1.5f * fits) {
            const float crowd = alpha.data[cell] / fits - 1.5f, part = crowd < 1.0f ? crowd : 1.0f;
            wp::uint32 state = wp::rand_init(seed, p);
            dx += part * (wp::randf(state) - 0.5f);
            dy += part * (wp::randf(state) - 0.5f);
            dz += part * (wp::randf(state) - 0.5f);
        }
        const float kx = KEEP(px + dx, nx), ky = KEEP(py + dy, ny), kz = KEEP(pz + dz, nz);
        X[3 * p] = kx; X[3 * p + 1] = ky; X[3 * p + 2] = kz;
        if (D[((int)kx * ny + (int)ky) * nz + (int)kz] <= 1.0f) listed.data[found++] = p;
    }
"""
    + DONE
    + "    return found;"
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
    found = move_all(u, v, w, distance, dt, ahead, affine, count[0], x, velocity, c, listed)
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
