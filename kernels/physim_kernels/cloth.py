"""Motion of cloth: kick by the forces, drift, what is held, records.

Symplectic Euler in each step, v1 = v0 + dt a(x0), x1 = x0 + dt v1, with the rounding of x1 kept in ``x_lo`` (Kahan):
at ten thousand steps a second dt v is a few last digits of x.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths
from physim_kernels.rigid_data import Bodies

wp.set_module_options({"enable_backward": False})


@wp.struct
class Pins:
    # per held vertex
    vertex: wp.array(dtype=int)
    pin: wp.array(dtype=int)
    start: wp.array(dtype=wp.vec3d)  # place at time 0, from the pin's centre or in the body's frame [m]
    drift: wp.array(dtype=wp.vec3)  # velocity that takes back its distance from there, in this substep [m/s]
    taken: wp.array(dtype=wp.vec3)  # part of its pull that its body has had [N s]
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
def kick_kernel(cloths: Cloths, dt: float):
    i = wp.tid()
    inverse = cloths.inv_mass[i]
    if inverse > 0.0:
        cloths.v[i] = cloths.v[i] + dt * (inverse * cloths.force[i] + cloths.acc[i])


@wp.kernel
def drift_kernel(cloths: Cloths, dt: float):
    i = wp.tid()
    x = cloths.x[i]
    y = dt * cloths.v[i] + cloths.x_lo[i]
    s = x + y
    cloths.x_lo[i] = y - (s - x)
    cloths.x[i] = s


@wp.func_native("""
    float *X = (float*)x.data, *L = (float*)lo.data;
    const float* V = (const float*)v.data;
    #pragma clang loop vectorize(assume_safety)
    for (int i = 3 * a; i < 3 * b; ++i) {
        const float here = X[i], y = dt * V[i] + L[i], s = here + y;
        L[i] = y - (s - here);
        X[i] = s;
    }""")
def drift_row(
    x: wp.array(dtype=wp.vec3), lo: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), dt: float, a: int, b: int
): ...  # fmt: skip


CHUNK = 4096
"""Vertices that one thread of a CPU takes at a time."""


@wp.kernel
def drift_row_kernel(cloths: Cloths, dt: float, count: int, chunk: int):
    c = wp.tid() * chunk
    drift_row(cloths.x, cloths.x_lo, cloths.v, dt, c, wp.min(c + chunk, count))


@wp.kernel
def pull_kernel(cloths: Cloths, vertex: wp.array(dtype=int), dt: float):
    """What the cloth pulls with on what holds it: force and weight."""
    i = vertex[wp.tid()]
    cloths.pull[i] = cloths.pull[i] + dt * (cloths.force[i] + cloths.mass[i] * cloths.acc[i])


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
            pins.drift[j] = held_velocity(cloths, i, bodies.x[body] + r, h)
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
def carry_kernel(cloths: Cloths, pins: Pins, bodies: Bodies, time: float):
    """Pulls go to the bodies that hold cloth, ``time`` into the substep, and their velocities to what they hold.

    A change of velocity dv moves the body's drift back by time dv, so that it has followed the old velocity until now.
    """
    for p in range(pins.count):
        body = pins.body[p]
        if body >= 0:
            total = wp.vec3(0.0, 0.0, 0.0)
            moment = wp.vec3(0.0, 0.0, 0.0)
            for j in range(pins.first[p], pins.first[p + 1]):
                i = pins.vertex[j]
                pull = cloths.pull[i] - pins.taken[j]
                pins.taken[j] = cloths.pull[i]
                total += pull
                moment += wp.cross(wp.vec3(wp.quat_rotate(bodies.q[body], pins.start[j])), pull)
            if bodies.inv_mass[body] > 0.0:
                dv = bodies.inv_mass[body] * total
                dw = bodies.inv_inertia[body] * moment
                bodies.v[body] = bodies.v[body] + dv
                bodies.w[body] = bodies.w[body] + dw
                bodies.dx[body] = bodies.dx[body] - time * dv
                bodies.dtheta[body] = bodies.dtheta[body] - time * dw
                bodies.active[body] = 1
            w = bodies.w[body]
            for j in range(pins.first[p], pins.first[p + 1]):
                r = wp.vec3(wp.quat_rotate(bodies.q[body], pins.start[j]))
                cloths.v[pins.vertex[j]] = bodies.v[body] + wp.cross(w, r + time * wp.cross(w, r)) + pins.drift[j]


@wp.kernel
def record_kernel(
    cloths: Cloths, row: int, x_out: wp.array2d(dtype=wp.vec3), v_out: wp.array2d(dtype=wp.vec3)
):  # fmt: skip
    i = wp.tid()
    x_out[row, i] = cloths.x[i]
    v_out[row, i] = cloths.v[i]


@wp.kernel
def record_pull_kernel(
    cloths: Cloths, pins: Pins, row: int, pull_out: wp.array2d(dtype=wp.vec3)
):  # fmt: skip
    p = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(pins.first[p], pins.first[p + 1]):
        total += cloths.pull[pins.vertex[j]]
        cloths.pull[pins.vertex[j]] = wp.vec3(0.0, 0.0, 0.0)
        pins.taken[j] = wp.vec3(0.0, 0.0, 0.0)
    pull_out[row, p] = total


def kick(cloths: Cloths, *, dt, device):
    """Velocities after ``dt`` [s] of the forces."""
    wp.launch(kick_kernel, dim=cloths.vertex_total, inputs=[cloths, dt], device=device)


def pull(cloths: Cloths, pins: Pins, *, held, dt, device):
    """Add what the cloth pulls with for ``dt`` [s] on what holds it."""
    wp.launch(pull_kernel, dim=held, inputs=[cloths, pins.vertex, dt], device=device)


def drift(cloths: Cloths, *, rows, dt, plain, device):
    """Positions after ``dt`` [s] of the velocities; ``rows`` are the vertices and the held directions."""
    if plain:
        wp.launch(drift_kernel, dim=rows, inputs=[cloths, dt], device=device)
    else:
        dim = (rows + CHUNK - 1) // CHUNK
        wp.launch(drift_row_kernel, dim=dim, inputs=[cloths, dt, rows, CHUNK], device=device)


def hold(cloths: Cloths, pins: Pins, bodies: Bodies, *, k, h, held, directions, device):
    """Velocities of what is held in substep ``k`` of length ``h`` [s]."""
    wp.launch(hold_kernel, dim=held + directions, inputs=[cloths, pins, bodies, k, h, held], device=device)


def carry(cloths: Cloths, pins: Pins, bodies: Bodies, *, time, device):
    """Bodies and what they hold act on each other, ``time`` [s] into the substep."""
    wp.launch(carry_kernel, dim=1, inputs=[cloths, pins, bodies, time], device=device)


def record(cloths: Cloths, pins: Pins, *, row, x_out, v_out, pull_out, device):
    """Copy the state to row ``row`` of the outputs; impulses on the pins since the last record."""
    wp.launch(record_kernel, dim=cloths.vertex_total, inputs=[cloths, row, x_out, v_out], device=device)
    if pins.count:
        wp.launch(record_pull_kernel, dim=pins.count, inputs=[cloths, pins, row, pull_out], device=device)
