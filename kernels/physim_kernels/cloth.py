"""Motion of cloth: kick by the forces, drift, gravity and wind, what is held, records.

Symplectic Euler in each step, v1 = v0 + dt a(x0), x1 = x0 + dt v1, with the rounding of x1 kept in ``x_lo`` (Kahan):
at ten thousand steps a second dt v is a few last digits of x. Wind presses on each triangle with

    F = area rho/2 (Cn |u.n| (u.n) n + Ct |u| u_t),   u = wind - velocity of the triangle,

divided by 1 + h dF/dv / mass, so that air brings light fabric to its own speed and never beyond.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths
from physim_kernels.rigid_data import Bodies

wp.set_module_options({"enable_backward": False})


@wp.struct
class Air:
    """Gravity, wind and impulses of one frame."""

    gravity: wp.vec3
    wind: wp.array(dtype=wp.vec3)  # of each substep of the frame [m/s]
    normal: wp.array(dtype=float)  # per cloth: rho Cn / 2 [kg/m^3]
    tangent: wp.array(dtype=float)  # per cloth: rho Ct / 2
    density: wp.array(dtype=float)  # per cloth [kg/m^2]
    share: wp.array(dtype=float)  # per triangle: area at rest / 3 [m^2]
    press: wp.array(dtype=wp.vec3)  # per triangle: a third of the wind's force [N]
    first: wp.array(dtype=int)  # per vertex: its triangles, and the end
    triangle: wp.array(dtype=int)
    push: wp.array(dtype=wp.vec3)  # per substep and cloth: change of velocity by impulses [m/s]
    cloths: int
    blows: int  # 1 if there is any wind or air resistance


@wp.struct
class Pins:
    # per held vertex
    vertex: wp.array(dtype=int)
    pin: wp.array(dtype=int)
    start: wp.array(dtype=wp.vec3d)  # place at time 0, from the pin's centre or in the body's frame [m]
    # per direction that a clamp holds: rows of x after the vertices
    direction: wp.array(dtype=int)
    direction_pin: wp.array(dtype=int)
    direction_start: wp.array(dtype=wp.vec3d)
    # per pin
    body: wp.array(dtype=int)  # -1: none
    first: wp.array(dtype=int)  # of its held vertices, and the end
    centre: wp.array(dtype=wp.vec3d)  # per substep of the frame (+ 1 for its end) and pin [m]
    turn: wp.array(dtype=wp.quatd)
    count: int


@wp.kernel
def wind_kernel(cloths: Cloths, air: Air, k: int, h: float):
    t = wp.tid()
    c = cloths.faces[t]
    number = cloths.cloth[c[0]]
    a = cloths.x[c[0]]
    cross = wp.cross(cloths.x[c[1]] - a, cloths.x[c[2]] - a)
    twice = wp.length(cross)
    n = cross / wp.max(twice, 1.0e-20)
    u = air.wind[k] - (cloths.v[c[0]] + cloths.v[c[1]] + cloths.v[c[2]]) / 3.0
    un = wp.dot(u, n)
    ut = u - un * n
    speed = wp.length(u)
    area = 0.5 * twice
    normal = air.normal[number] * wp.abs(un)
    tangent = air.tangent[number] * speed
    rate = h * area / (3.0 * air.share[t] * air.density[number])
    air.press[t] = (area / 3.0) * (
        (normal / (1.0 + 2.0 * rate * normal)) * un * n + (tangent / (1.0 + 2.0 * rate * tangent)) * ut
    )


@wp.kernel
def outer_kernel(cloths: Cloths, air: Air, k: int):
    i = wp.tid()
    acc = air.gravity
    if air.blows == 1:
        f = wp.vec3(0.0, 0.0, 0.0)
        for j in range(air.first[i], air.first[i + 1]):
            f += air.press[air.triangle[j]]
        acc += f / cloths.mass[i]
    cloths.acc[i] = acc
    if cloths.inv_mass[i] > 0.0:
        cloths.v[i] = cloths.v[i] + air.push[k * air.cloths + cloths.cloth[i]]


@wp.kernel
def kick_kernel(cloths: Cloths, dt: float):
    i = wp.tid()
    inverse = cloths.inv_mass[i]
    if inverse > 0.0:
        cloths.v[i] = cloths.v[i] + dt * (inverse * cloths.force[i] + cloths.acc[i])
    else:
        cloths.pull[i] = cloths.pull[i] + dt * (cloths.force[i] + cloths.mass[i] * cloths.acc[i])


@wp.kernel
def drift_kernel(cloths: Cloths, dt: float):
    i = wp.tid()
    x = cloths.x[i]
    y = dt * cloths.v[i] + cloths.x_lo[i]
    s = x + y
    cloths.x_lo[i] = y - (s - x)
    cloths.x[i] = s


@wp.func
def held_velocity(cloths: Cloths, i: int, target: wp.vec3d, h: float):
    """Velocity that brings row i to ``target`` within ``h``."""
    here = wp.vec3d(cloths.x[i]) + wp.vec3d(cloths.x_lo[i])
    return wp.vec3((target - here) / wp.float64(h))


@wp.kernel
def hold_kernel(cloths: Cloths, pins: Pins, bodies: Bodies, k: int, h: float, held: int):
    """Velocities of what is held, for the whole substep: the first ``held`` threads vertices, then directions."""
    j = wp.tid()
    step = wp.float64(h)
    if j < held:
        i = pins.vertex[j]
        p = pins.pin[j]
        body = pins.body[p]
        if body >= 0:
            r = wp.quat_rotate(bodies.q[body], pins.start[j])
            move = wp.vec3d(bodies.v[body] + wp.cross(bodies.w[body], wp.vec3(r)))
            cloths.v[i] = held_velocity(cloths, i, bodies.x[body] + r + step * move, h)
        else:
            row = (k + 1) * pins.count + p
            target = pins.centre[row] + wp.quat_rotate(pins.turn[row], pins.start[j])
            cloths.v[i] = held_velocity(cloths, i, target, h)
    else:
        d = j - held
        i = pins.direction[d]
        p = pins.direction_pin[d]
        body = pins.body[p]
        if body >= 0:
            r = wp.quat_rotate(bodies.q[body], pins.direction_start[d])
            turn = wp.vec3d(wp.cross(bodies.w[body], wp.vec3(r)))
            cloths.v[i] = held_velocity(cloths, i, r + step * turn, h)
        else:
            cloths.v[i] = held_velocity(
                cloths, i, wp.quat_rotate(pins.turn[(k + 1) * pins.count + p], pins.direction_start[d]), h
            )


@wp.kernel
def react_kernel(cloths: Cloths, pins: Pins, bodies: Bodies, taken: wp.array(dtype=wp.vec3)):
    """What the cloth pulled in this substep goes to the bodies that hold it; ``taken`` is what went before."""
    for p in range(pins.count):
        body = pins.body[p]
        if body >= 0:
            total = wp.vec3(0.0, 0.0, 0.0)
            moment = wp.vec3(0.0, 0.0, 0.0)
            for j in range(pins.first[p], pins.first[p + 1]):
                i = pins.vertex[j]
                pull = cloths.pull[i] - taken[j]
                taken[j] = cloths.pull[i]
                total += pull
                moment += wp.cross(wp.vec3(wp.quat_rotate(bodies.q[body], pins.start[j])), pull)
            if bodies.inv_mass[body] > 0.0:
                bodies.v[body] = bodies.v[body] + bodies.inv_mass[body] * total
                bodies.w[body] = bodies.w[body] + bodies.inv_inertia[body] * moment


@wp.kernel
def record_kernel(
    cloths: Cloths, row: int, x_out: wp.array2d(dtype=wp.vec3), v_out: wp.array2d(dtype=wp.vec3)
):  # fmt: skip
    i = wp.tid()
    x_out[row, i] = cloths.x[i]
    v_out[row, i] = cloths.v[i]


@wp.kernel
def record_pull_kernel(
    cloths: Cloths, pins: Pins, row: int, taken: wp.array(dtype=wp.vec3), pull_out: wp.array2d(dtype=wp.vec3)
):  # fmt: skip
    p = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(pins.first[p], pins.first[p + 1]):
        total += cloths.pull[pins.vertex[j]]
        cloths.pull[pins.vertex[j]] = wp.vec3(0.0, 0.0, 0.0)
        taken[j] = wp.vec3(0.0, 0.0, 0.0)
    pull_out[row, p] = total


def outer(cloths: Cloths, air: Air, *, k, h, device):
    """Gravity, wind and impulses of substep ``k`` of the frame, of length ``h`` [s], into ``cloths.acc``."""
    if air.blows:
        wp.launch(wind_kernel, dim=cloths.face_total, inputs=[cloths, air, k, h], device=device)
    wp.launch(outer_kernel, dim=cloths.vertex_total, inputs=[cloths, air, k], device=device)


def kick(cloths: Cloths, *, dt, device):
    """Velocities after ``dt`` [s] of the forces."""
    wp.launch(kick_kernel, dim=cloths.vertex_total, inputs=[cloths, dt], device=device)


def drift(cloths: Cloths, *, rows, dt, device):
    """Positions after ``dt`` [s] of the velocities; ``rows`` are the vertices and the held directions."""
    wp.launch(drift_kernel, dim=rows, inputs=[cloths, dt], device=device)


def hold(cloths: Cloths, pins: Pins, bodies: Bodies, *, k, h, held, directions, device):
    """Velocities of what is held in substep ``k`` of length ``h`` [s]."""
    wp.launch(hold_kernel, dim=held + directions, inputs=[cloths, pins, bodies, k, h, held], device=device)


def react(cloths: Cloths, pins: Pins, bodies: Bodies, taken, *, device):
    """Hand the pull of this substep to the bodies that hold cloth."""
    wp.launch(react_kernel, dim=1, inputs=[cloths, pins, bodies, taken], device=device)


def record(cloths: Cloths, pins: Pins, taken, *, row, x_out, v_out, pull_out, device):
    """Copy the state to row ``row`` of the outputs; impulses on the pins since the last record."""
    wp.launch(record_kernel, dim=cloths.vertex_total, inputs=[cloths, row, x_out, v_out], device=device)
    if pins.count:
        wp.launch(record_pull_kernel, dim=pins.count, inputs=[cloths, pins, row, taken, pull_out], device=device)
