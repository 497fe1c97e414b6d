"""Joints in the substep: RATTLE, a second-order symmetric scheme for constrained motion.

One substep gives every joint two impulses. The first acts before the drift, along the gradients at its start, and is
such that the constraint holds *at its end*: C(x1) = 0 with the bodies moved as the drift will move them. The second
acts after the drift, along the gradients at the end, and makes dC/dt = 0 there (Andersen, J. Comp. Phys. 52 (1983) 24;
Hairer, Lubich, Wanner, Geometric Numerical Integration, VII.1). Nothing is corrected in position, so nothing drifts and
no energy is put in. Springs are rows of the same system with a compliance (the implicit midpoint rule): stable at any
stiffness. Strings, limits and dry friction are rows with bounds; which of them hold is found by pivoting.

Each island of joints is solved directly by one thread. Its contacts are solved before it in both halves and see the
impulses that the joints gave in the substep before.
"""

import warp as wp

from physim_kernels.joint_data import AGAIN, EARLY, FREE, FRICTION, HIGH, LAST, LOW, SPRING, Ahead, Joints, Rows
from physim_kernels.joint_rows import place_joint, row_value
from physim_kernels.joint_system import DRIFT, SPEED, factorise, in_system, substitute
from physim_kernels.rigid import collect, drifted_place, drifted_turn, publish
from physim_kernels.rigid_data import Bodies

ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))
CLOSE = wp.constant(wp.float64(1.0e-11))  # residual at which Newton's method ends [m], [rad]
SURE = wp.constant(wp.float64(1.0e-10))  # residual at which a row changes its state [m], [rad], [m/s], [rad/s]
NEWTON = wp.constant(6)
PIVOTS = wp.constant(8)


@wp.func
def gather(bodies: Bodies, joints: Joints, island: int):
    """Bring the island's double precision state up to date with what contacts changed."""
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        collect(bodies, i)
        bodies.v_ref[i] = bodies.v[i]
        bodies.w_ref[i] = bodies.w[i]


@wp.func
def scatter(bodies: Bodies, joints: Joints, island: int):
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        publish(bodies, joints.island_body[n])


@wp.func
def sleeps(bodies: Bodies, joints: Joints, island: int):
    """Whether an island is at rest: its bodies fall asleep and wake together."""
    return bodies.asleep[joints.island_body[joints.island_body_start[island]]] == 1


@wp.func
def apply(bodies: Bodies, joints: Joints, rows: Rows, i: int, impulse: wp.float64):
    """Give the two bodies of row ``i`` an impulse along its gradient."""
    a = joints.a[rows.joint[i]]
    b = joints.b[rows.joint[i]]
    if bodies.inv_mass[b] > 0.0:
        change = (impulse * wp.float64(bodies.inv_mass[b])) * rows.linear[i]
        bodies.momentum_velocity[b] = bodies.momentum_velocity[b] + change
        bodies.angular_momentum[b] = bodies.angular_momentum[b] + impulse * rows.angular_b[i]
    if a >= 0:
        if bodies.inv_mass[a] > 0.0:
            change = (impulse * wp.float64(bodies.inv_mass[a])) * rows.linear[i]
            bodies.momentum_velocity[a] = bodies.momentum_velocity[a] - change
            bodies.angular_momentum[a] = bodies.angular_momentum[a] + impulse * rows.angular_a[i]


@wp.func
def look_ahead(bodies: Bodies, joints: Joints, ahead: Ahead, island: int, h: wp.float64):
    """Poses to which the drift will bring the island's bodies."""
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        ahead.x[i] = drifted_place(bodies, i, h)
        ahead.q[i] = drifted_turn(bodies, i, h)


@wp.func
def row_ahead(joints: Joints, rows: Rows, ahead: Ahead, i: int):
    """What is left of the equation of row ``i`` at the end of the substep."""
    j = rows.joint[i]
    a = joints.a[j]
    b = joints.b[j]
    xa = wp.vec3d()
    qa = wp.quat_identity(dtype=wp.float64)
    if a >= 0:
        xa = ahead.x[a]
        qa = ahead.q[a]
    value = row_value(joints, rows, i, j, xa, qa, ahead.x[b], ahead.q[b])
    return value + rows.alpha[i] * rows.drift_impulse[i] + rows.beta[i] * rows.value[i]


@wp.func
def row_speed(bodies: Bodies, joints: Joints, rows: Rows, i: int):
    """dC/dt of row ``i``."""
    a = joints.a[rows.joint[i]]
    b = joints.b[rows.joint[i]]
    speed = ZERO
    if bodies.inv_mass[b] > 0.0:
        speed += wp.dot(rows.linear[i], bodies.momentum_velocity[b])
        speed += wp.dot(rows.turn_b[i], bodies.angular_momentum[b])
    else:
        speed += wp.dot(rows.linear[i], wp.vec3d(bodies.v[b])) + wp.dot(rows.angular_b[i], wp.vec3d(bodies.w[b]))
    if a >= 0:
        if bodies.inv_mass[a] > 0.0:
            speed -= wp.dot(rows.linear[i], bodies.momentum_velocity[a])
            speed += wp.dot(rows.turn_a[i], bodies.angular_momentum[a])
        else:
            speed -= wp.dot(rows.linear[i], wp.vec3d(bodies.v[a]))
            speed += wp.dot(rows.angular_a[i], wp.vec3d(bodies.w[a]))
    return speed


@wp.func
def new_state(rows: Rows, i: int, impulse: wp.float64, residual: wp.float64):
    """State in which row ``i`` obeys its bounds: an impulse within them, or at one and the residual on its far side."""
    state = rows.state[i]
    if state == FREE:
        if impulse < rows.low[i]:
            state = LOW
        elif impulse > rows.high[i]:
            state = HIGH
    elif (state == LOW and residual < -SURE) or (state == HIGH and residual > SURE):
        state = FREE
    return state


@wp.func
def settle(bodies: Bodies, joints: Joints, rows: Rows, i: int, impulse: wp.float64):
    """The impulse of a row that now sits at a bound; the bodies get the difference."""
    bound = rows.low[i]
    if rows.state[i] == HIGH:
        bound = rows.high[i]
    apply(bodies, joints, rows, i, bound - impulse)
    return bound


@wp.func
def spread_contact(bodies: Bodies, joints: Joints, island: int):
    """What presses on one body of an island presses on all: they drift alike."""
    pressed = int(0)
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        pressed = wp.max(pressed, wp.min(bodies.active[joints.island_body[n]], 1))
    set_active(bodies, joints, island, pressed)
    return pressed


@wp.func
def set_active(bodies: Bodies, joints: Joints, island: int, active: int):
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        bodies.active[joints.island_body[n]] = active


@wp.func
def allowed(rows: Rows, i: int, impulse: wp.float64):
    """``impulse`` within the bounds of row ``i``, and at the bound that its state names."""
    if rows.state[i] == LOW:
        return rows.low[i]
    if rows.state[i] == HIGH:
        return rows.high[i]
    return wp.clamp(impulse, rows.low[i], rows.high[i])


@wp.func
def newton(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, begin: int, end: int,
    h: wp.float64,
):  # fmt: skip
    """Impulses that meet the equations of all unknown rows at the end of the drift; the matrix is that of its start."""
    left = int(NEWTON)
    while left > 0:
        look_ahead(bodies, joints, ahead, island, h)
        worst = ZERO
        for i in range(begin, end):
            residual = ZERO
            if rows.state[i] == FREE:
                residual = -row_ahead(joints, rows, ahead, i)
            rows.residual[i] = residual
            worst = wp.max(worst, wp.abs(residual))
        left -= 1
        if worst < CLOSE:
            left = 0
        else:
            substitute(joints, rows, island)
            for i in range(begin, end):
                if rows.state[i] == FREE:
                    rows.drift_impulse[i] = rows.drift_impulse[i] + rows.residual[i]
                    apply(bodies, joints, rows, i, rows.residual[i])


@wp.kernel
def warm_kernel(bodies: Bodies, joints: Joints, rows: Rows):
    """Start from the first impulses of the last substep; from none where contacts had to do with them."""
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    if joints.pressed[island] == 1:
        for i in range(begin, end):
            rows.drift_impulse[i] = ZERO
        return
    gather(bodies, joints, island)
    for i in range(begin, end):
        rows.drift_impulse[i] = allowed(rows, i, rows.drift_impulse[i])
        apply(bodies, joints, rows, i, rows.drift_impulse[i])
    scatter(bodies, joints, island)


@wp.func
def pivot(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, begin: int, end: int, h: wp.float64
):  # fmt: skip
    """Put every row that breaks its bounds where they allow it; how many there were."""
    look_ahead(bodies, joints, ahead, island, h)
    changed = int(0)
    for i in range(begin, end):
        impulse = rows.drift_impulse[i]
        state = new_state(rows, i, impulse, row_ahead(joints, rows, ahead, i))
        if state != rows.state[i]:
            rows.state[i] = state
            changed += 1
            if state != FREE:
                rows.drift_impulse[i] = settle(bodies, joints, rows, i, impulse)
    return changed


@wp.kernel
def solve_kernel(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, h: wp.float64, turn: int):
    """The first impulses: C is met at the end of the drift."""
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    if turn == EARLY:
        if joints.pressed[island] == 0:
            return
        set_active(bodies, joints, island, 1)
    else:
        pressed = spread_contact(bodies, joints, island)
        joints.pressed[island] = wp.max(pressed, joints.struck[island])
        if turn == LAST:
            joints.struck[island] = 0
        if turn == AGAIN and pressed == 0:
            return
    gather(bodies, joints, island)
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    factorise(bodies, joints, rows, island, h, ONE, DRIFT)
    pivots = int(PIVOTS)
    while pivots > 0:
        newton(bodies, joints, rows, ahead, island, begin, end, h)
        pivots -= 1
        if pivot(bodies, joints, rows, ahead, island, begin, end, h) == 0:
            pivots = 0
        else:
            factorise(bodies, joints, rows, island, h, ONE, DRIFT)
    if turn == EARLY:  # whether contacts still press is theirs to say
        set_active(bodies, joints, island, 0)
    scatter(bodies, joints, island)


@wp.kernel
def place_kernel(bodies: Bodies, joints: Joints, rows: Rows, h: wp.float64, first: int):
    """Rows at the poses after the drift; the second impulses of the last substep, and those of springs, are applied.

    ``first``: before the first substep, when there are none.
    """
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    gather(bodies, joints, island)
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        place_joint(bodies, joints, rows, j, joints.compliance[island], h)
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            if joints.kind[j] >= SPRING:
                rows.speed_impulse[i] = rows.drift_impulse[i]
            elif joints.pressed[island] == 1:
                rows.speed_impulse[i] = ZERO
            else:
                rows.speed_impulse[i] = allowed(rows, i, rows.speed_impulse[i])
            if first == 0:
                apply(bodies, joints, rows, i, rows.speed_impulse[i])
    scatter(bodies, joints, island)


@wp.kernel
def relax_kernel(bodies: Bodies, joints: Joints, rows: Rows, h: wp.float64, turn: int):
    """The second impulses: dC/dt is zero. A string or a limit that does not hold stays out."""
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    if turn != LAST and joints.pressed[island] == 0:
        return
    gather(bodies, joints, island)
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    pivots = int(PIVOTS)
    while pivots > 0:
        factorise(bodies, joints, rows, island, ONE, ONE / h, SPEED)
        for i in range(begin, end):
            residual = ZERO
            if in_system(joints, rows, i, SPEED):
                residual = -row_speed(bodies, joints, rows, i) - rows.alpha[i] / h * rows.speed_impulse[i]
            rows.residual[i] = residual
        substitute(joints, rows, island)
        changed = int(0)
        for i in range(begin, end):
            if in_system(joints, rows, i, SPEED):
                rows.speed_impulse[i] = rows.speed_impulse[i] + rows.residual[i]
                apply(bodies, joints, rows, i, rows.residual[i])
        for i in range(begin, end):
            if in_system(joints, rows, i, SPEED) or rows.role[i] == FRICTION:
                impulse = rows.speed_impulse[i]
                state = new_state(rows, i, impulse, row_speed(bodies, joints, rows, i))
                if state != rows.state[i]:
                    rows.state[i] = state
                    changed = int(1)
                    if state != FREE:
                        rows.speed_impulse[i] = settle(bodies, joints, rows, i, impulse)
        pivots -= 1
        if changed == 0:
            pivots = 0
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        load = wp.vec3d()
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            load += (rows.drift_impulse[i] + rows.speed_impulse[i]) * rows.linear[i]
            if turn == LAST and joints.pressed[island] == 1:
                rows.speed_impulse[i] = ZERO  # a blow that joints passed on is not given again
        joints.load[j] = load / h
    scatter(bodies, joints, island)


def warm(bodies: Bodies, joints: Joints, rows: Rows, *, islands, device):
    """After the kick: the first impulses of the last substep."""
    wp.launch(warm_kernel, dim=islands, inputs=[bodies, joints, rows], device=device)


def solve(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, *, h, islands, device, turn=LAST):
    """Before the drift over ``h`` [s]. ``turn``: EARLY, after the contacts' warm start; AGAIN or LAST, after a pass."""
    wp.launch(solve_kernel, dim=islands, inputs=[bodies, joints, rows, ahead, h, turn], device=device)


def place(bodies: Bodies, joints: Joints, rows: Rows, *, h, islands, device, first=False):
    """After the drift, before the contacts relax; once before the first substep with ``first``."""
    wp.launch(place_kernel, dim=islands, inputs=[bodies, joints, rows, h, int(first)], device=device)


def relax(bodies: Bodies, joints: Joints, rows: Rows, *, h, islands, device, turn=LAST):
    """After the drift; ``turn`` as of :func:`solve`."""
    wp.launch(relax_kernel, dim=islands, inputs=[bodies, joints, rows, h, turn], device=device)
