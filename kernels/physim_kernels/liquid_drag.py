"""Drag of bodies in a liquid: what the law of drag asks for and the grid does not give; and when bodies come under.

A sphere of diameter d in a stream of speed U is braked by C pi d^2 rho U^2 / 8 with C of Schiller and Naumann ("A drag
coefficient correlation", Z. Ver. Deutsch. Ing. 77, 1935), not below the body's own coefficient. Some of it the pressure
of the grid gives already: numerical wakes of bodies of few cells, nearly nothing of fine ones. For a body that is all
under, that part is what the pressure's push has beyond buoyancy and added mass (Maxey, Riley 1983, C_A = 1/2),

    D = -(F_p - V (u' - g) - V/2 (u' - v')) . (v - u) / |v - u|,    D and the law averaged over a diameter of way,

and the body gets the difference, so that both together are the law. One that is partly under gets the law by the part
of it that is wet, less the finer the grid resolves it. The opposite impulse goes to the liquid around it.

The stream is the mean over the half of a sphere of radius r around the body that it moves to: behind it is its wake.
Before it is the flow that the body makes itself, which must not count. What a force F that moves with U does to still
liquid is Oseen's solution (Lamb, Hydrodynamics, 1932, section 342),

    u = F / (8 pi mu) (del^2 - d^2/dx^2) Phi,    Phi' = (1 - exp(-k s)) / (k s),    s = r - x,    k = U / (2 nu),

whose mean over the half sphere, with q = k r, E0 = (e^-q - e^-2q) / q and E1 = (e^-q - 2 e^-2q + E0) / q, is

    F / (6 pi mu r) g(q),    g = 3/4 (2 E0 - E1 + 1 / (2 q) - (E1 - E0) / q),

with g(0) = 1, Stokes' (of a force spread over any sphere within r the same), and 3 / (8 q) of fast ones, the source
that feeds the wake. Cell units throughout: h = 1, mass rho h^3, velocity cells/s.
"""

import warp as wp

from physim_kernels.liquid_wet import Frame, Wet
from physim_kernels.rigid_data import Bodies

wp.set_module_options({"enable_backward": False})

AWAY = wp.constant(3.0)
"""From a body to where the stream is taken [cells]."""
AROUND = wp.constant(2.0)
"""How far from a body the liquid gets its impulse [cells]."""
WAY = wp.constant(1.0)
"""Diameters over which forces are averaged: more than a cell, as pressures jump where a body passes a layer of cells,
and below the way 4/3 (rho_body / rho + 1/2) / C, five diameters of a light body, on which drag changes its speed."""
MOST = wp.constant(4.0)
"""Most that the grid may give of the law."""
LEAST = wp.constant(-2.0)
"""Least: a sphere of a cell is lifted too little."""
WET = wp.constant(0.15)
"""Part of a body's points that must be in the liquid for it to have struck the surface."""


@wp.struct
class Drag:
    """Bodies by their rows in ``Wet``, but for the holder."""

    first: wp.array(dtype=int)  # of a body's points; one more at the end
    point: wp.array(dtype=wp.vec3)  # on the surface, principal frame [cells]
    volume: wp.array(dtype=float)
    size: wp.array(dtype=float)  # diameter of a ball of that volume
    coefficient: wp.array(dtype=float)  # least C [-]; below 0: no drag
    coarse: wp.array(dtype=float)  # 1 where the grid does not resolve the body, 0 where it does
    viscosity: float  # kinematic [cells^2/s]
    law: wp.array(dtype=float)  # averages of impulses along the motion
    grid: wp.array(dtype=float)
    pace: wp.array(dtype=float)  # of the speed relative to the stream
    stream: wp.array(dtype=wp.vec3)  # at the last step, world axes
    before: wp.array(dtype=wp.vec3)  # velocity of the body at the last step, world axes
    push: wp.array(dtype=wp.vec3)  # change of velocity by the pressure at the last step, world axes
    impulse: wp.array(dtype=wp.vec3)  # of the drag in this step
    share: wp.array(dtype=wp.vec3)  # sums of weights around a body, per axis
    steps: wp.array(dtype=int)  # [0]: since the start of time
    under: wp.array(dtype=int)  # 1 since the body came under, 0 since it left
    speed: wp.array(dtype=float)  # relative, when it last was out of the liquid
    entry: wp.array(dtype=float)  # speed at which it came under since the last look; -1: it did not
    entry_step: wp.array(dtype=int)
    entry_point: wp.array(dtype=wp.vec3)  # world [cells from the world's origin]


@wp.func
def is_liquid(phi: wp.array3d(dtype=float), open: wp.array3d(dtype=float), at: wp.vec3):
    i, j, k = int(wp.floor(at[0])), int(wp.floor(at[1])), int(wp.floor(at[2]))
    if i < 0 or j < 0 or k < 0 or i >= phi.shape[0] or j >= phi.shape[1] or k >= phi.shape[2]:
        return False
    return phi[i, j, k] < 0.0 and open[i, j, k] > 0.5


@wp.func
def component(u: wp.array3d(dtype=float), at: wp.vec3, axis: int):
    """Trilinear value of one velocity component at a point of the grid."""
    p = at - wp.vec3(0.5, 0.5, 0.5)
    p[axis] = at[axis]
    i = wp.clamp(int(wp.floor(p[0])), 0, u.shape[0] - 2)
    j = wp.clamp(int(wp.floor(p[1])), 0, u.shape[1] - 2)
    k = wp.clamp(int(wp.floor(p[2])), 0, u.shape[2] - 2)
    x = wp.clamp(p[0] - float(i), 0.0, 1.0)
    y = wp.clamp(p[1] - float(j), 0.0, 1.0)
    z = wp.clamp(p[2] - float(k), 0.0, 1.0)
    a = wp.lerp(wp.lerp(u[i, j, k], u[i, j, k + 1], z), wp.lerp(u[i, j + 1, k], u[i, j + 1, k + 1], z), y)
    b = wp.lerp(
        wp.lerp(u[i + 1, j, k], u[i + 1, j, k + 1], z), wp.lerp(u[i + 1, j + 1, k], u[i + 1, j + 1, k + 1], z), y
    )
    return wp.lerp(a, b, x)


@wp.func
def coefficient_of(reynolds: float, least: float):
    """Schiller and Naumann's drag coefficient, not below ``least``."""
    slow = 24.0 / reynolds * (1.0 + 0.15 * wp.pow(reynolds, 0.687))
    return wp.max(least, wp.where(reynolds < 1000.0, slow, 0.0))


@wp.func
def reach_of(q: float):
    """g(q): mean of Oseen's flow before a body over that of Stokes at the same place."""
    if q < 0.1:  # the same to second order: differences below would be of rounding
        return 1.0 - q * (1.03125 - 0.65 * q)
    a = wp.exp(-q)
    e0 = (a - a * a) / q
    e1 = (a - 2.0 * a * a + e0) / q
    return 0.75 * (2.0 * e0 - e1 + 0.5 / q - (e1 - e0) / q)


@wp.func
def own_flow(speed: float, least: float, size: float, radius: float, viscosity: float):
    """What a body of diameter ``size`` does itself to the liquid before it, at ``radius``, over its speed."""
    c = coefficient_of(wp.max(speed * size / viscosity, 1.0e-6), least)
    # drag over 6 pi mu r U
    stokes = c * size * size * speed / (48.0 * viscosity * radius)
    return wp.clamp(stokes * reach_of(0.5 * speed * radius / viscosity), 0.0, 0.9)


@wp.kernel
def brake_kernel(
    # inputs
    bodies: Bodies, frame: Frame, gravity: wp.array(dtype=wp.vec3), dt: float, phi: wp.array3d(dtype=float),
    open: wp.array3d(dtype=float), ux: wp.array3d(dtype=float), uy: wp.array3d(dtype=float),
    uz: wp.array3d(dtype=float),
    # in and out
    wet: Wet, drag: Drag,
):  # fmt: skip
    """The impulse of drag on each body in this step, before the pressure is solved for."""
    n = wp.tid()
    drag.impulse[n] = wp.vec3(0.0, 0.0, 0.0)
    drag.share[n] = wp.vec3(0.0, 0.0, 0.0)
    axes = frame.axes[0]
    back = wp.transpose(axes)
    x = wet.x[n]
    own = back * bodies.v[wet.body[n]] / frame.cell
    stream = back * drag.stream[n]
    way = own - stream
    if wp.length(way) > 0.0:
        way = wp.normalize(way)
    count = drag.first[n + 1] - drag.first[n]
    touched = int(0)
    seen = int(0)
    total = wp.vec3(0.0, 0.0, 0.0)
    lowest = x
    for p in range(drag.first[n], drag.first[n + 1]):
        arm = wet.rotation[n] * drag.point[p]
        out = wp.normalize(arm)
        if is_liquid(phi, open, x + arm + 0.75 * out):
            touched += 1
            lowest = x + arm
        at = x + arm + AWAY * out
        if wp.dot(out, way) > 0.0 and is_liquid(phi, open, at):
            seen += 1
            total += wp.vec3(component(ux, at, 0), component(uy, at, 1), component(uz, at, 2))
    part = float(touched) / float(count)
    g = back * gravity[0] * (dt / frame.cell)
    if seen > 0:
        stream = total / float(seen)
    note_entry(frame, drag, n, part, wp.length(own - stream), lowest)
    old_stream = back * drag.stream[n]
    drag.stream[n] = axes * stream
    change = own - back * drag.before[n]
    drag.before[n] = axes * own
    if seen == 0 or part == 0.0 or wet.inv_mass[n] == 0.0 or drag.coefficient[n] < 0.0:
        return
    size, volume = drag.size[n], drag.volume[n]
    push = back * drag.push[n]
    past = wet.free_v[n] + push - stream
    if wp.length(past) < 1.0e-6:
        return
    mobility = wet.inv_mass[n]  # what the liquid resists is in the push
    share = part * drag.coarse[n]
    if part > 0.95:
        share = 1.0 - wp.clamp(drag.grid[n] / drag.law[n], LEAST, MOST)
    speed = wp.length(past)
    rate = float(0.0)  # force over relative velocity
    clear = float(1.0)  # part of the relative velocity that is seen
    for _n in range(4):  # the speed at the step's end decides about both
        clear = 1.0 - own_flow(speed, drag.coefficient[n], size, wet.bound[n] + AWAY, drag.viscosity)
        c = coefficient_of(wp.max(speed * size / drag.viscosity, 1.0e-6), drag.coefficient[n])
        rate = 0.5 * c * 0.25 * wp.pi * size * size * speed
        speed = wp.length(past) / (clear + wp.max(share, 0.0) * rate * dt * mobility)
    if speed < 1.0e-6:
        return
    if part > 0.95 and drag.steps[0] > 1:
        flow = stream - old_stream
        rest = push / mobility - volume * (flow - g) - 0.5 * volume * (flow - change)
        # by a speed that is an average itself: weights that follow the pushes of single steps favour some of them
        pace = wp.where(drag.pace[n] > 0.0, drag.pace[n], speed)
        turnover = dt / WAY * (pace + drag.viscosity / size) / wp.max(size, 1.0)  # of the flow around, in a step
        a = turnover / (1.0 + turnover)
        drag.pace[n] = pace + a * (speed - pace)
        drag.law[n] += a * (rate * speed * dt - drag.law[n])
        drag.grid[n] += a * (-wp.dot(rest, wp.normalize(past)) - drag.grid[n])
    impulse = -share * rate * dt * speed * wp.normalize(past)
    stiff = -share * rate * dt * mobility / clear
    if stiff > 0.1:  # what the grid takes too much is given back in small portions
        impulse = impulse * (0.1 / stiff)
    drag.impulse[n] = impulse
    wet.free_v[n] = wet.free_v[n] + wet.inv_mass[n] * impulse
    wet.v[n] = wet.free_v[n]


@wp.func
def note_entry(frame: Frame, drag: Drag, n: int, part: float, speed: float, lowest: wp.vec3):
    """Tell when a body that was out of the liquid comes under."""
    if part == 0.0:
        drag.under[n] = 0
        drag.speed[n] = speed
    elif part > WET and drag.under[n] == 0:
        drag.under[n] = 1
        if drag.entry[n] < 0.0 and drag.steps[0] > 0:
            drag.entry[n] = drag.speed[n]
            drag.entry_step[n] = drag.steps[0]
            drag.entry_point[n] = frame.origin[0] / frame.cell + frame.axes[0] * lowest


@wp.func
def weight_at(
    wet: Wet, drag: Drag, n: int, axis: int, area: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), i: int,
    j: int, k: int,
):  # fmt: skip
    """Weight of a face around body ``n``: open, with liquid at both sides, near the body."""
    a, b, c = i, j, k
    middle = wp.vec3(0.5, 0.5, 0.5)
    middle[axis] = 0.0
    if axis == 0:
        a = i - 1
    elif axis == 1:
        b = j - 1
    else:
        c = k - 1
    if a < 0 or b < 0 or c < 0 or i >= phi.shape[0] or j >= phi.shape[1] or k >= phi.shape[2]:
        return 0.0
    if phi[i, j, k] >= 0.0 or phi[a, b, c] >= 0.0:
        return 0.0
    reach = wet.bound[n] + AROUND
    q = wp.length(wp.vec3(float(i), float(j), float(k)) + middle - wet.x[n]) / reach
    return area[i, j, k] * wp.max(1.0 - q * q, 0.0)


@wp.kernel
def react_kernel(
    # inputs
    wet: Wet, axis: int, area: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), give: int,
    # in and out
    drag: Drag, u: wp.array3d(dtype=float),
):  # fmt: skip
    """The opposite impulse for the liquid around each body: first (``give`` = 0) the weights, then what it gains."""
    n, layer = wp.tid()
    impulse = drag.impulse[n]
    if wp.length_sq(impulse) == 0.0:
        return
    total = drag.share[n][axis]
    if give == 1 and total < 1.0:
        return
    x = wet.x[n]
    reach = wet.bound[n] + AROUND
    i = int(wp.floor(x[0] - reach)) + layer
    if i < 0 or i >= u.shape[0] or float(i) > x[0] + reach:
        return
    found = float(0.0)
    for j in range(wp.max(0, int(x[1] - reach)), wp.min(u.shape[1], int(x[1] + reach) + 2)):
        for k in range(wp.max(0, int(x[2] - reach)), wp.min(u.shape[2], int(x[2] + reach) + 2)):
            w = weight_at(wet, drag, n, axis, area, phi, i, j, k)
            if give == 1 and w > 0.0:
                wp.atomic_sub(u, i, j, k, impulse[axis] * w / area[i, j, k] / total)
            found += w
    if give == 0 and found > 0.0:
        gain = wp.vec3(0.0, 0.0, 0.0)
        gain[axis] = found
        wp.atomic_add(drag.share, n, gain)


@wp.kernel
def finish_kernel(bodies: Bodies, frame: Frame, wet: Wet, drag: Drag):
    """The body's push of the step is that of pressure and drag."""
    n = wp.tid()
    drag.push[n] = wet.push_v[n] / frame.cell
    if n == 0:
        drag.steps[0] = drag.steps[0] + 1
    i = wet.body[n]
    if bodies.inv_mass[i] > 0.0:
        gain = frame.cell * (frame.axes[0] * (wet.inv_mass[n] * drag.impulse[n]))
        wet.push_v[n] = wet.push_v[n] + gain
        wet.impulse[n] = wet.impulse[n] + wp.vec3d(gain / bodies.inv_mass[i])
