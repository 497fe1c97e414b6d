"""Grains as a continuum: MLS-MPM with quadratic B-splines (Hu et al., ACM TOG 37, 2018), one kernel per operation.

Cell units: nodes lie at whole numbers, velocities are in cells per second, stresses are over the bulk density in
cells^2 per s^2, a particle has mass 1. State of a particle, one row each of ``state``: see the numbers below.

The material (``docs/design/0008-grains.md``): hypoelastic with the Jaumann rate below a Drucker-Prager yield surface
without dilatancy, ``|s| / sqrt(2) <= c + mu p``; pressure ``p = -K e`` of the elastic logarithmic volume e, none where
the grains have come apart (Dunatunga, Kamrin, J. Fluid Mech. 779, 2015: e is then the gap, which has to close before
there is pressure again); a cap ``p <= p_c`` that gives way for good and hardens, which takes the bounce out of loose
grains and makes snow pack. All of it is independent of rates.

A CPU has one thread: ``grains_row`` does the same in native loops; here is what a GPU runs.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

X, V, A, S, E, PACK = 0, 3, 6, 15, 21, 22
"""First rows: place; velocity; what the grid gets, C - 4 dt S row by row; deviator xx yy zz xy xz yz; elastic
logarithmic volume, or the gap where it is greater than 0; plastic logarithmic volume."""
ROWS = 23
GONE = -1.0
"""x of a particle that has left."""
GAP = wp.constant(1.0)
"""Largest logarithmic volume that a gap is remembered to have."""


TORN = wp.constant(0.2)
"""Logarithmic volume by which snow opens until it has come apart."""


@wp.struct
class Matter:
    """What grains are made of, in cell units."""

    bulk: float  # K
    shear: float  # G
    friction: float  # mu, tangent of the friction angle
    cohesion: float  # c
    tension: float  # largest tension that it holds
    pack: float  # slope of the cap over plastic compaction
    crush: float  # cap of what was never compacted
    hardening: float  # xi of cohesion, tension and crush
    volume: float  # of a particle [cells]


@wp.func
def spline(x: float):
    """Lowest of the three nodes around ``x``, distance to it, and their weights."""
    base = wp.floor(x - 0.5)
    f = x - base
    return int(base), f, wp.vec3(0.5 * (1.5 - f) * (1.5 - f), 0.75 - (f - 1.0) * (f - 1.0), 0.5 * (f - 0.5) * (f - 0.5))


@wp.func
def hardened(m: Matter, pack: float):
    """Factor on strength after plastic compaction: e^(-xi pack), as its eighth power."""
    h = wp.max(1.0 - 0.125 * m.hardening * pack, 0.5)
    h = wp.min(h * h, 2.25)
    h = h * h
    return h * h


@wp.func
def returned(m: Matter, e_in: float, pack_in: float, density: float):
    """Elastic and plastic logarithmic volume, pressure, and factor on cohesion, once it has stretched to ``e_in``."""
    e = wp.min(e_in, GAP)
    pack = pack_in
    if m.hardening == 0.0 and e + pack > 0.0:  # loose grains remember nothing
        e = e + pack
        pack = 0.0
    if e > 0.0 and density > 1.0:  # what is packed has no gap, whatever the velocities added up to
        e = 0.0
    h = hardened(m, pack)
    p = -m.bulk * e
    over = p - (m.crush * h - m.pack * pack)
    if over > 0.0:  # the cap gives way, and hardens by what it gives
        give = over / (m.bulk + m.pack + m.crush * h * m.hardening)
        e = e + give
        pack = pack - give
        p = p - m.bulk * give
    torn = e - m.tension * h / m.bulk
    if torn > 0.0:
        give = float(0.0)
        if m.hardening > 0.0:  # snow gets weaker before it has come apart
            give = wp.clamp(TORN - pack, 0.0, torn)
        e = e - give
        pack = pack + give
        p = wp.where(give == torn and give > 0.0, -m.bulk * e, 0.0)
        h = wp.where(p == 0.0, 0.0, h)
    return wp.vec4(e, pack, p, h)


@wp.kernel
def scatter_kernel(
    # inputs
    state: wp.array2d(dtype=float), count: wp.array(dtype=int),
    # outputs: momentum and mass
    grid: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    n = wp.tid()
    if n >= count[0] or state[X, n] < 0.0:
        return
    i0, fx, wx = spline(state[X, n])
    j0, fy, wy = spline(state[X + 1, n])
    k0, fz, wz = spline(state[X + 2, n])
    v = wp.vec3(state[V, n], state[V + 1, n], state[V + 2, n])
    a = wp.mat33(
        state[A, n], state[A + 1, n], state[A + 2, n], state[A + 3, n], state[A + 4, n], state[A + 5, n],
        state[A + 6, n], state[A + 7, n], state[A + 8, n],
    )  # fmt: skip
    for i in range(3):
        for j in range(3):
            for k in range(3):
                w = wx[i] * wy[j] * wz[k]
                u = w * (v + a * wp.vec3(float(i) - fx, float(j) - fy, float(k) - fz))
                wp.atomic_add(grid, i0 + i, j0 + j, k0 + k, wp.vec4(u[0], u[1], u[2], w))


@wp.func
def against_wall(v: wp.vec3, normal: wp.vec3, friction: float):
    """Velocity after an inelastic contact with what stands still, with Coulomb friction."""
    vn = wp.dot(v, normal)
    if vn >= 0.0:
        return v
    slip = v - vn * normal
    size = wp.length(slip)
    return slip * wp.max(0.0, 1.0 + friction * vn / wp.max(size, 1.0e-12))


@wp.kernel
def node_kernel(
    # inputs: normal and friction of walls where there are any (0 elsewhere), gain of velocity by gravity in a step
    wall: wp.array3d(dtype=wp.vec4), gain: wp.array(dtype=wp.vec3), dt: float,
    # last and first node of smooth walls on the lower and upper sides
    lower: wp.vec3i, upper: wp.vec3i,
    # in and out: momentum and mass, then velocity and mass
    grid: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    i, j, k = wp.tid()
    q = grid[i, j, k]
    if q[3] <= 0.0:
        return
    v = wp.vec3(q[0], q[1], q[2]) / q[3] + dt * gain[0]
    n = wall[i, j, k]
    normal = wp.vec3(n[0], n[1], n[2])
    if wp.length_sq(normal) > 0.25:
        v = against_wall(v, normal, n[3])
    at = wp.vec3i(i, j, k)
    for axis in range(3):
        if at[axis] <= lower[axis]:
            v[axis] = wp.max(v[axis], 0.0)
        if at[axis] >= upper[axis]:
            v[axis] = wp.min(v[axis], 0.0)
    grid[i, j, k] = wp.vec4(v[0], v[1], v[2], q[3])


@wp.kernel
def gather_kernel(
    # inputs: velocity and mass
    grid: wp.array3d(dtype=wp.vec4), m: Matter, dt: float, count: wp.array(dtype=int),
    # in and out
    state: wp.array2d(dtype=float),
):  # fmt: skip
    """Velocity and its gradient, the stress that follows, and the new place."""
    n = wp.tid()
    if n >= count[0] or state[X, n] < 0.0:
        return
    x = wp.vec3(state[X, n], state[X + 1, n], state[X + 2, n])
    i0, fx, wx = spline(x[0])
    j0, fy, wy = spline(x[1])
    k0, fz, wz = spline(x[2])
    v = wp.vec3(0.0, 0.0, 0.0)
    c = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    mass = float(0.0)
    for i in range(3):
        for j in range(3):
            for k in range(3):
                w = wx[i] * wy[j] * wz[k]
                q = grid[i0 + i, j0 + j, k0 + k]
                u = w * wp.vec3(q[0], q[1], q[2])
                v += u
                c += wp.outer(u, 4.0 * wp.vec3(float(i) - fx, float(j) - fy, float(k) - fz))
                mass += w * q[3]
    trace = c[0, 0] + c[1, 1] + c[2, 2]
    a = wp.vec3(state[S, n], state[S + 1, n], state[S + 2, n])  # on the diagonal
    b = wp.vec3(state[S + 3, n], state[S + 4, n], state[S + 5, n])  # xy, xz, yz
    old = wp.mat33(a[0], b[0], b[1], b[0], a[1], b[2], b[1], b[2], a[2])
    turn = 0.5 * dt * (c - wp.transpose(c))
    strain = 0.5 * dt * (c + wp.transpose(c))
    s = old + turn * old - old * turn + 2.0 * m.shear * strain
    mean = 2.0 * m.shear * dt * trace / 3.0
    s = s - wp.mat33(mean, 0.0, 0.0, 0.0, mean, 0.0, 0.0, 0.0, mean)
    r = returned(m, state[E, n] + dt * trace, state[PACK, n], mass * m.volume)
    p = r[2]
    limit = wp.max(0.0, m.cohesion * r[3] + m.friction * p)
    size = wp.sqrt(0.5 * wp.ddot(s, s))
    s = s * wp.min(1.0, limit / wp.max(size, 1.0e-20))
    state[E, n] = r[0]
    state[PACK, n] = r[1]
    for axis in range(3):
        state[S + axis, n] = s[axis, axis]
    state[S + 3, n] = s[0, 1]
    state[S + 4, n] = s[0, 2]
    state[S + 5, n] = s[1, 2]
    for row in range(3):
        for column in range(3):
            t = s[row, column]
            if row == column:
                t = t - p
            state[A + 3 * row + column, n] = c[row, column] - 4.0 * dt * t
        state[V + row, n] = v[row]
    y = x + dt * v
    top = wp.vec3(float(grid.shape[0]), float(grid.shape[1]), float(grid.shape[2])) - wp.vec3(3.0, 3.0, 3.0)
    if wp.min(y) < 2.0 or y[0] > top[0] or y[1] > top[1] or y[2] > top[2]:
        y[0] = GONE
    for axis in range(3):
        state[X + axis, n] = y[axis]


@wp.kernel
def born_kernel(
    # inputs: times [s], places and velocities of what is to enter, in order of time; time now and its step [s]
    when: wp.array(dtype=float), place: wp.array(dtype=wp.vec3), speed: wp.array(dtype=wp.vec3),
    time: wp.array(dtype=wp.float64), step: wp.float64,
    # in and out: how many have entered; particles, which these are, how many
    entered: wp.array(dtype=int), state: wp.array2d(dtype=float), number: wp.array(dtype=int),
    count: wp.array(dtype=int), total: wp.array(dtype=int),
):  # fmt: skip
    """Let in what is due by the end of the step, each where it is by then."""
    now = float(time[0] + step)
    n = entered[0]
    while n < when.shape[0] and count[0] < state.shape[1]:
        if when[n] > now:
            break
        slot = count[0]
        x = place[n] + (now - when[n]) * speed[n]
        for row in range(ROWS):
            state[row, slot] = 0.0
        for axis in range(3):
            state[X + axis, slot] = x[axis]
            state[V + axis, slot] = speed[n][axis]
        number[slot] = total[0]
        count[0] = slot + 1
        total[0] = total[0] + 1
        n += 1
    entered[0] = n
    time[0] = time[0] + step


@wp.kernel
def record_kernel(
    # inputs
    state: wp.array2d(dtype=float), number: wp.array(dtype=int), count: wp.array(dtype=int),
    origin: wp.vec3d, cell: float,
    # outputs, by number [m], [m/s]: untouched for those that have left
    position: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3),
):  # fmt: skip
    n = wp.tid()
    if n >= count[0] or state[X, n] < 0.0:
        return
    h = wp.float64(cell)
    at = number[n]
    for axis in range(3):
        position[at][axis] = float(origin[axis] + h * wp.float64(state[X + axis, n]))
        velocity[at][axis] = cell * state[V + axis, n]
