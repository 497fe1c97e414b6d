"""An island of joints that turns fast goes through the substep in steps of its own. Only ``wp.func``.

RATTLE is second order in the angle by which things turn in a step, and Newton's method on its first half finds no
solution where that is large. What is thrown about by its joints may turn ten times as fast a moment later (a whip, two
hinges that fold), which no clock set beforehand can know. So an island whose bodies or rods turn by more than ``LIMIT``
in a substep is taken through it in equal steps of at most ``TURN``, counted anew after each of them. A step that gains
energy, as where a light link between heavy ones snaps straight, or in which Newton's method does not converge, is taken
back and halved. Contacts act once, at the start of the substep.
"""

import warp as wp

from physim_kernels.joint_data import DISTANCE, FREE, SPRING, STRING, Ahead, Joints, Kept, Rows
from physim_kernels.joint_rows import turned
from physim_kernels.joint_step import allowed, apply, first_half, hold, place_island, second_half
from physim_kernels.rigid import drifted_place, drifted_turn
from physim_kernels.rigid_data import Bodies

ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))
LIMIT = wp.constant(wp.float64(0.03))
"""Angle that something may turn in a substep that is one step [rad]."""
TURN = wp.constant(wp.float64(0.015))
"""Angle per step of what is cut [rad]: the energy of a whip that cracks is kept to 3e-4."""
MOST = wp.constant(1024)
"""Most steps of a substep that turns ask for."""
HALVINGS = wp.constant(10)
GAIN = wp.constant(wp.float64(1.0e-4))
"""Part of its kinetic energy that an island may gain in a step."""
MET = wp.constant(wp.float64(1.0e-8))
"""Residual above which Newton's method has failed [m], [rad]."""


@wp.func
def anchor_velocity(bodies: Bodies, i: int, anchor: wp.vec3d):
    """Of a point of body ``i``, which is at ``anchor`` in its frame [m/s]."""
    arm = wp.quat_rotate(bodies.q[i], anchor)
    if bodies.inv_mass[i] > 0.0:
        spin = turned(bodies, i, bodies.q[i], bodies.angular_momentum[i])
        return bodies.momentum_velocity[i] + wp.cross(spin, arm)
    return wp.vec3d(bodies.v[i]) + wp.cross(wp.vec3d(bodies.w[i]), arm)


@wp.func
def fastest(bodies: Bodies, joints: Joints, rows: Rows, island: int):
    """Fastest turn in an island, of its bodies, its rods and its taut strings [rad/s]."""
    rate = ZERO
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        rate = wp.max(rate, wp.length(turned(bodies, i, bodies.q[i], bodies.angular_momentum[i])))
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        row = joints.row_start[j]
        if (joints.kind[j] == DISTANCE or joints.kind[j] == STRING) and rows.state[row] == FREE:
            v = anchor_velocity(bodies, joints.b[j], joints.anchor_b[j])
            if joints.a[j] >= 0:
                v = v - anchor_velocity(bodies, joints.a[j], joints.anchor_a[j])
            u = rows.linear[row]
            rate = wp.max(rate, wp.length(v - wp.dot(v, u) * u) / joints.length[j])
    return rate


@wp.func
def present(bodies: Bodies, rows: Rows):
    """Where all bodies are, how they move and what the rows do: the arrays themselves."""
    now = Kept()
    now.x = bodies.x
    now.q = bodies.q
    now.v = bodies.momentum_velocity
    now.momentum = bodies.angular_momentum
    now.impulse = rows.drift_impulse
    now.state = rows.state
    return now


@wp.func
def copy_island(joints: Joints, island: int, source: Kept, target: Kept):
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        target.x[i] = source.x[i]
        target.q[i] = source.q[i]
        target.v[i] = source.v[i]
        target.momentum[i] = source.momentum[i]
    begin = joints.row_start[joints.island_start[island]]
    for i in range(begin, joints.row_start[joints.island_start[island + 1]]):
        target.impulse[i] = source.impulse[i]
        target.state[i] = source.state[i]


@wp.func
def keep(bodies: Bodies, joints: Joints, rows: Rows, kept: Kept, island: int):
    """Remember where an island is, how it moves and what its rows do."""
    copy_island(joints, island, present(bodies, rows), kept)


@wp.func
def go_back(bodies: Bodies, joints: Joints, rows: Rows, kept: Kept, island: int):
    """To what was remembered."""
    copy_island(joints, island, kept, present(bodies, rows))


@wp.func
def kinetic(bodies: Bodies, joints: Joints, island: int):
    """Kinetic energy of an island [J]."""
    energy = ZERO
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        spin = turned(bodies, i, bodies.q[i], bodies.angular_momentum[i])
        energy += wp.length_sq(bodies.momentum_velocity[i]) / wp.float64(bodies.inv_mass[i])
        energy += wp.dot(spin, bodies.angular_momentum[i])
    return wp.float64(0.5) * energy


@wp.func
def is_driven(bodies: Bodies, joints: Joints, island: int):
    """Whether springs, or joints to what moves as it is told, do work on an island."""
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        if joints.kind[j] >= SPRING:
            return True
        for side in range(2):
            i = wp.where(side == 0, joints.a[j], joints.b[j])
            if i >= 0 and bodies.inv_mass[wp.max(i, 0)] == 0.0:
                if wp.length_sq(bodies.v[i]) + wp.length_sq(bodies.w[i]) > 0.0:
                    return True
    return False


@wp.func
def start_anew(bodies: Bodies, joints: Joints, rows: Rows, island: int):
    """Take the first impulses back but for those that sit at their bounds."""
    begin = joints.row_start[joints.island_start[island]]
    for i in range(begin, joints.row_start[joints.island_start[island + 1]]):
        now = allowed(rows, i, ZERO)
        apply(bodies, joints, rows, i, now - rows.drift_impulse[i])
        rows.drift_impulse[i] = now


@wp.func
def complete_step(bodies: Bodies, joints: Joints, rows: Rows, island: int, step: wp.float64):
    """Second half of a step; the rows are those of its end."""
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            rows.speed_impulse[i] = allowed(rows, i, ZERO)
            if joints.kind[j] >= SPRING:
                rows.speed_impulse[i] = rows.drift_impulse[i]
            apply(bodies, joints, rows, i, rows.speed_impulse[i])
    second_half(bodies, joints, rows, island, step)
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        load = wp.vec3d()
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            load += (rows.drift_impulse[i] + rows.speed_impulse[i]) * rows.linear[i]
        joints.load[j] = load / step


@wp.func
def take_step(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, done: wp.float64, part: wp.float64,
    h: wp.float64,
):  # fmt: skip
    """On from where ``done`` of the substep has gone by, for another ``part`` of it. 1: Newton's method converged."""
    step = part * h
    place_island(bodies, joints, rows, ahead, island, step, done)
    start_anew(bodies, joints, rows, island)
    residual = first_half(bodies, joints, rows, ahead, island, step, done + part, h)
    if not (residual < MET):
        return int(0)
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        place = drifted_place(bodies, i, step, h)
        bodies.q[i] = drifted_turn(bodies, i, step)
        bodies.x[i] = place
    place_island(bodies, joints, rows, ahead, island, step, done + part)
    complete_step(bodies, joints, rows, island, step)
    return int(1)


@wp.func
def drift_held(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, done: wp.float64, part: wp.float64,
    h: wp.float64,
):  # fmt: skip
    """Where no step is short enough: on along the velocities that the joints allow, which gives no energy."""
    hold(bodies, joints, rows, island, part * h)
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        place = drifted_place(bodies, i, part * h, h)
        bodies.q[i] = drifted_turn(bodies, i, part * h)
        bodies.x[i] = place
    place_island(bodies, joints, rows, ahead, island, part * h, done + part)
    hold(bodies, joints, rows, island, part * h)


@wp.func
def go_through(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, kept: Kept, island: int, h: wp.float64
):  # fmt: skip
    """Bring an island to the end of the substep."""
    start_anew(bodies, joints, rows, island)
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        bodies.x[i] = bodies.x[i] + wp.vec3d(bodies.dx[i])
        bodies.dx[i] = wp.vec3(0.0, 0.0, 0.0)
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    driven = is_driven(bodies, joints, island)
    done = ZERO
    left = int(MOST)
    while done < ONE:
        wanted = wp.ceil((ONE - done) * h * fastest(bodies, joints, rows, island) / TURN)
        part = (ONE - done) / wp.clamp(wanted, ONE, wp.float64(wp.max(left, 1)))
        keep(bodies, joints, rows, kept, island)
        most = (ONE + GAIN) * kinetic(bodies, joints, island)
        halvings = int(HALVINGS)
        met = int(0)
        while met == 0:
            met = take_step(bodies, joints, rows, ahead, island, done, part, h)
            left -= 1
            if halvings > 0 and left > 0 and not driven:
                if not (kinetic(bodies, joints, island) <= most):
                    met = int(0)
            if met == 0:
                go_back(bodies, joints, rows, kept, island)
                if halvings == 0 or left <= 0:
                    drift_held(bodies, joints, rows, ahead, island, done, part, h)
                    met = int(1)
                else:
                    part = wp.float64(0.5) * part
                    halvings -= 1
        for i in range(begin, end):
            rows.drift_impulse[i] = ZERO
        joints.step[island] = part * h
        done += part
        if ONE - done < wp.float64(1.0e-9):
            done = ONE
