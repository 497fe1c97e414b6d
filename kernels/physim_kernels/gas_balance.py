"""Momentum of a gas around moving bodies, as a balance that the transport has to keep.

Semi-Lagrangian transport is not conservative. In smooth flow it loses little; beside a body it mixes the body's
velocity into the gas, and what is uncovered behind a body is not what is covered before it. In a block of cells around
a body, with open areas A of the faces and the velocity w along which f is carried to f' during dt, the momentum

    E = sum A' f' - sum A f + dt sum over the block's sides (A w . n) (f + f') / 2

has come from nowhere: the pressure acts elsewhere, and nothing flows through the surface of a body. It is taken from
the open faces of the block, evenly.

Everything per component of the velocity, in cell units. A block is made of cells; the faces across an axis that belong
to it include those of both its sides across that axis.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

AROUND = wp.constant(6.0)
"""From a body to the sides of its block [cells]: what a wake loses farther away is little."""
MOST = wp.constant(0.5)
"""Largest change of the velocity, as part of the mean speed in the block."""


@wp.struct
class Corners:
    """Faces from ``low`` to one before ``high``."""

    low: wp.vec3i
    high: wp.vec3i


@wp.func
def block(x: wp.vec3, before: wp.vec3, r: float, cells: wp.vec3i, axis: int) -> Corners:
    """Around a ball of radius ``r`` about ``x``, and about where it was ``before`` the step [cells]."""
    c = Corners()
    for a in range(3):
        first = int(wp.floor(wp.min(x[a], before[a]) - r))
        last = int(wp.ceil(wp.max(x[a], before[a]) + r))
        if cells[a] == 1:
            c.low[a] = 0
            c.high[a] = 1
        else:
            c.low[a] = wp.clamp(first, 1, cells[a] - 1)
            c.high[a] = wp.clamp(last, 1, cells[a] - 1)
    if c.high[0] <= c.low[0] or c.high[1] <= c.low[1] or c.high[2] <= c.low[2]:
        c.high = c.low  # nothing of it is in the box
    else:
        c.high[axis] = c.high[axis] + 1
    return c


@wp.func
def cells_of(area: wp.array3d(dtype=float), axis: int) -> wp.vec3i:
    n = wp.vec3i(area.shape[0], area.shape[1], area.shape[2])
    n[axis] = n[axis] - 1
    return n


@wp.func_native("""
    wp::vec_t<3, double> sum(0.0, 0.0, 0.0);
    for (int j = j0; j < j1; ++j) {
        const int o = (i * area.shape[1] + j) * area.shape[2];
        const float *A = area.data + o, *F = f.data + o, *G = g.data + o;
        float moved[8] = {0}, speed[8] = {0}, open[8] = {0};
        const auto add = [&](int k, int lane) {
            const float v = a * F[k] + b * G[k];
            moved[lane] += A[k] * v;
            speed[lane] += A[k] * (v < 0.0f ? -v : v);
            open[lane] += A[k];
        };
        int k = k0;
        for (; k + 8 <= k1; k += 8)
            for (int lane = 0; lane < 8; ++lane) add(k + lane, lane);
        for (int lane = 0; k + lane < k1; ++lane) add(k + lane, lane);
        for (int lane = 0; lane < 8; ++lane) {
            sum[0] += moved[lane];
            sum[1] += speed[lane];
            sum[2] += open[lane];
        }
    }
    return sum;""")
def sum_plane(
    area: wp.array3d(dtype=float), f: wp.array3d(dtype=float), g: wp.array3d(dtype=float), a: float, b: float,
    i: int, j0: int, j1: int, k0: int, k1: int,
) -> wp.vec3d: ...  # fmt: skip


@wp.kernel
def hold_kernel(
    # inputs: faces across ``axis`` before the transport, and what is carried: ``a f + b g``
    area: wp.array3d(dtype=float), f: wp.array3d(dtype=float), g: wp.array3d(dtype=float), a: float, b: float,
    axis: int, origin: wp.vec3, cell: float, dt: float,
    reach: wp.array(dtype=float), position: wp.array2d(dtype=wp.vec3), velocity: wp.array2d(dtype=wp.vec3), step: int,
    # in and out: per body momentum from nowhere, sum of speeds, open area (the latter two of before and after)
    found: wp.array2d(dtype=wp.vec3d),
):  # fmt: skip
    """Take away the momentum before the transport; a thread per body and plane of faces."""
    n, i = wp.tid()
    x = (position[step, n] - origin) / cell
    c = block(x, x - dt / cell * velocity[step, n], reach[n] / cell + AROUND, cells_of(area, axis), axis)
    if i < c.low[0] or i >= c.high[0]:
        return
    total = sum_plane(area, f, g, a, b, i, c.low[1], c.high[1], c.low[2], c.high[2])
    wp.atomic_add(found, n, axis, wp.vec3d(-total[0], total[1], wp.float64(0.0)))


@wp.func
def carried(
    f: wp.array3d(dtype=float), g: wp.array3d(dtype=float), a: float, b: float, out: wp.array3d(dtype=float),
    i: int, j: int, k: int,
) -> float:  # fmt: skip
    """In the middle of the transport."""
    return 0.5 * (a * f[i, j, k] + b * g[i, j, k] + out[i, j, k])


@wp.func
def leaving(
    # the face (i, j, k) across ``axis``, its side across ``along`` to the lower (0) or upper (1) end
    i: int, j: int, k: int, axis: int, along: int, side: int,
    area: wp.array3d(dtype=float), w: wp.array3d(dtype=float), v: wp.array3d(dtype=float), c: float, d: float,
    f: wp.array3d(dtype=float), g: wp.array3d(dtype=float), a: float, b: float, out: wp.array3d(dtype=float),
) -> float:  # fmt: skip
    """Momentum through one side of what belongs to a face, per unit time. ``area``, ``w``, ``v``: faces across
    ``along``, and ``c w + d v`` their velocity.
    """
    one = wp.vec3i(i, j, k)  # of the two faces between which is averaged
    other = one
    if axis == along:
        other[axis] = other[axis] + 2 * side - 1
    else:
        one[along] = one[along] + side
        other = one
        other[axis] = other[axis] - 1
    x, y, z = one[0], one[1], one[2]
    p, q, r = other[0], other[1], other[2]
    flow = 0.5 * (area[x, y, z] * (c * w[x, y, z] + d * v[x, y, z]) + area[p, q, r] * (c * w[p, q, r] + d * v[p, q, r]))
    next = wp.vec3i(i, j, k)
    next[along] = next[along] + 2 * side - 1
    mean = 0.5 * (carried(f, g, a, b, out, i, j, k) + carried(f, g, a, b, out, next[0], next[1], next[2]))
    return flow * mean * float(2 * side - 1)


@wp.kernel
def balance_kernel(
    # inputs: faces across x, y, z, and the velocity along which is carried: ``c w + d v``
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    vx: wp.array3d(dtype=float), vy: wp.array3d(dtype=float), vz: wp.array3d(dtype=float), c: float, d: float,
    # inputs: faces across ``axis``, what was carried there during dt / 2, and what came out
    area: wp.array3d(dtype=float), f: wp.array3d(dtype=float), g: wp.array3d(dtype=float), a: float, b: float,
    out: wp.array3d(dtype=float), axis: int, origin: wp.vec3, cell: float, dt: float,
    reach: wp.array(dtype=float), position: wp.array2d(dtype=wp.vec3), velocity: wp.array2d(dtype=wp.vec3), step: int,
    body: int,
    # in and out
    found: wp.array2d(dtype=wp.vec3d),
):  # fmt: skip
    """Add the momentum after the transport and what has left the block of one body; a thread per plane of faces."""
    i = wp.tid()
    cells = cells_of(area, axis)
    x = (position[step, body] - origin) / cell
    n = block(x, x - dt / cell * velocity[step, body], reach[body] / cell + AROUND, cells, axis)
    if i < n.low[0] or i >= n.high[0]:
        return
    total = sum_plane(area, out, out, 1.0, 0.0, i, n.low[1], n.high[1], n.low[2], n.high[2])
    left = float(0.0)
    for j in range(n.low[1], n.high[1]):
        left += leaving(i, j, n.low[2], axis, 2, 0, az, wz, vz, c, d, f, g, a, b, out)
        left += leaving(i, j, n.high[2] - 1, axis, 2, 1, az, wz, vz, c, d, f, g, a, b, out)
    for k in range(n.low[2], n.high[2]):
        left += leaving(i, n.low[1], k, axis, 1, 0, ay, wy, vy, c, d, f, g, a, b, out)
        left += leaving(i, n.high[1] - 1, k, axis, 1, 1, ay, wy, vy, c, d, f, g, a, b, out)
    if cells[0] > 1 and (i == n.low[0] or i == n.high[0] - 1):
        for j in range(n.low[1], n.high[1]):
            for k in range(n.low[2], n.high[2]):
                if i == n.low[0]:
                    left += leaving(i, j, k, axis, 0, 0, ax, wx, vx, c, d, f, g, a, b, out)
                if i == n.high[0] - 1:
                    left += leaving(i, j, k, axis, 0, 1, ax, wx, vx, c, d, f, g, a, b, out)
    total[0] = total[0] + wp.float64(0.5 * dt / cell * left)
    wp.atomic_add(found, body, axis, total)


@wp.func_native("""
    const int o = (i * area.shape[1] + j) * area.shape[2];
    const float* A = area.data + o;
    float* U = u.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) U[k] += A[k] > 0.0f ? kick : 0.0f;""")
def kick_row(
    area: wp.array3d(dtype=float), kick: float, u: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def settle_kernel(
    # inputs
    area: wp.array3d(dtype=float), axis: int, origin: wp.vec3, cell: float, dt: float,
    reach: wp.array(dtype=float), position: wp.array2d(dtype=wp.vec3), velocity: wp.array2d(dtype=wp.vec3), step: int,
    body: int, found: wp.array2d(dtype=wp.vec3d),
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Take from the faces around one body what has come from nowhere; a thread per plane of faces."""
    i = wp.tid()
    x = (position[step, body] - origin) / cell
    c = block(x, x - dt / cell * velocity[step, body], reach[body] / cell + AROUND, cells_of(area, axis), axis)
    e = found[body, axis]
    if i < c.low[0] or i >= c.high[0] or e[2] <= wp.float64(0.0):
        return
    most = MOST * float(e[1] / e[2])
    kick = wp.clamp(float(-e[0] / e[2]), -most, most)
    for j in range(c.low[1], c.high[1]):
        kick_row(area, kick, u, i, j, c.low[2], c.high[2])
