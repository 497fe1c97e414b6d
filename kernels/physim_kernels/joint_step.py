"""One step of RATTLE for one island of joints: its two halves, and what both need. Only ``wp.func``.

First half: impulses along the gradients at the start, such that the constraints hold at the end of the drift, by
Newton's method with the matrix of the start. Second half: impulses along the gradients at the end that make dC/dt zero
there. Rows with bounds are found by pivoting. See ``joint.py`` for the scheme and its sources.
"""

import warp as wp

from physim_kernels.joint_data import FREE, FRICTION, HIGH, LOW, Ahead, Joints, Rows
from physim_kernels.joint_rows import place_joint, row_gradient, row_value, weigh_row
from physim_kernels.joint_system import BLOW, DRIFT, SPEED, factorise, in_system, substitute
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
def place_now(bodies: Bodies, ahead: Ahead, i: int, part: wp.float64):
    """Where body ``i`` is; one that moves as it is told at this ``part`` of its way through the substep."""
    if bodies.inv_mass[i] > 0.0 or part <= ZERO:
        return bodies.x[i]
    return bodies.x[i] + part * (ahead.x[i] - bodies.x[i])


@wp.func
def turn_now(bodies: Bodies, ahead: Ahead, i: int, part: wp.float64):
    """As :func:`place_now`, the orientation."""
    if bodies.inv_mass[i] > 0.0 or part <= ZERO:
        return bodies.q[i]
    q = ahead.q[i]
    if wp.dot(q, bodies.q[i]) < ZERO:
        q = -q
    return wp.normalize(bodies.q[i] + part * (q - bodies.q[i]))


@wp.func
def place_ahead(bodies: Bodies, ahead: Ahead, i: int, part: wp.float64):
    """Where body ``i`` will be at the end of a step that ends at this ``part`` of the substep."""
    if bodies.inv_mass[i] > 0.0 or part >= ONE:
        return ahead.x[i]
    return place_now(bodies, ahead, i, part)


@wp.func
def turn_ahead(bodies: Bodies, ahead: Ahead, i: int, part: wp.float64):
    """As :func:`place_ahead`, the orientation."""
    if bodies.inv_mass[i] > 0.0 or part >= ONE:
        return ahead.q[i]
    return turn_now(bodies, ahead, i, part)


@wp.func
def look_ahead(bodies: Bodies, joints: Joints, ahead: Ahead, island: int, step: wp.float64, h: wp.float64):
    """Poses to which the drift for ``step`` will bring the island's bodies."""
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        i = joints.island_body[n]
        ahead.x[i] = drifted_place(bodies, i, step, h)
        ahead.q[i] = drifted_turn(bodies, i, step)


@wp.func
def row_ahead(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, i: int, part: wp.float64):
    """What is left of the equation of row ``i`` at the end of the step, ``part`` of the substep from its start."""
    j = rows.joint[i]
    a = joints.a[j]
    b = joints.b[j]
    xa = wp.vec3d()
    qa = wp.quat_identity(dtype=wp.float64)
    if a >= 0:
        xa = place_ahead(bodies, ahead, a, part)
        qa = turn_ahead(bodies, ahead, a, part)
    xb = place_ahead(bodies, ahead, b, part)
    value = row_value(joints, rows, i, j, xa, qa, xb, turn_ahead(bodies, ahead, b, part))
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
    step: wp.float64, part: wp.float64, h: wp.float64,
):  # fmt: skip
    """Impulses that meet the equations of all unknown rows at the end of the drift; the matrix is that of its start.

    Returns the largest residual before the last correction.
    """
    left = int(NEWTON)
    worst = ZERO
    while left > 0:
        look_ahead(bodies, joints, ahead, island, step, h)
        worst = ZERO
        for i in range(begin, end):
            residual = ZERO
            if rows.state[i] == FREE:
                residual = -row_ahead(bodies, joints, rows, ahead, i, part)
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
    return worst


@wp.func
def pivot(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, begin: int, end: int,
    step: wp.float64, part: wp.float64, h: wp.float64,
):  # fmt: skip
    """Put every row that breaks its bounds where they allow it; how many there were."""
    look_ahead(bodies, joints, ahead, island, step, h)
    changed = int(0)
    for i in range(begin, end):
        impulse = rows.drift_impulse[i]
        state = new_state(rows, i, impulse, row_ahead(bodies, joints, rows, ahead, i, part))
        if state != rows.state[i]:
            rows.state[i] = state
            changed += 1
            if state != FREE:
                rows.drift_impulse[i] = settle(bodies, joints, rows, i, impulse)
    return changed


@wp.func
def first_half(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int,
    step: wp.float64, part: wp.float64, h: wp.float64,
):  # fmt: skip
    """Impulses with which C is met at the end of the drift over ``step``; what Newton's method left of the residual.

    ``part`` is where in the substep of ``h`` the step ends, 0 to 1.
    """
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    factorise(bodies, joints, rows, island, step, ONE, DRIFT)
    pivots = int(PIVOTS)
    worst = ZERO
    while pivots > 0:
        worst = newton(bodies, joints, rows, ahead, island, begin, end, step, part, h)
        pivots -= 1
        if pivot(bodies, joints, rows, ahead, island, begin, end, step, part, h) == 0:
            pivots = 0
        else:
            factorise(bodies, joints, rows, island, step, ONE, DRIFT)
    return worst


@wp.struct
class Ends:
    """Poses of the two bodies of a joint."""

    xa: wp.vec3d
    qa: wp.quatd
    xb: wp.vec3d
    qb: wp.quatd


@wp.func
def ends_now(bodies: Bodies, joints: Joints, ahead: Ahead, j: int, part: wp.float64):
    """Where the bodies of joint ``j`` are, at this ``part`` of the substep; the world lies at the origin."""
    a = joints.a[j]
    b = joints.b[j]
    at = Ends()
    at.qa = wp.quat_identity(dtype=wp.float64)
    if a >= 0:
        at.xa = place_now(bodies, ahead, a, part)
        at.qa = turn_now(bodies, ahead, a, part)
    at.xb = place_now(bodies, ahead, b, part)
    at.qb = turn_now(bodies, ahead, b, part)
    return at


@wp.func
def place_island(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, step: wp.float64, part: wp.float64
):  # fmt: skip
    """Rows at the present poses, which are those of this ``part`` of the substep, for steps of ``step``."""
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        at = ends_now(bodies, joints, ahead, j, part)
        place_joint(bodies, joints, rows, j, at.xa, at.qa, at.xb, at.qb, joints.compliance[island], step)


@wp.func
def aim_island(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, part: wp.float64):
    """Gradients and masses alone of an island's rows at the present poses, those of this ``part`` of the substep."""
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        at = ends_now(bodies, joints, ahead, j, part)
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            row_gradient(joints, rows, i, j, at.xa, at.qa, at.xb, at.qb)
            weigh_row(bodies, rows, i, joints.a[j], joints.b[j])


@wp.func
def second_half(bodies: Bodies, joints: Joints, rows: Rows, island: int, step: wp.float64):
    """Impulses with which dC/dt is zero. A string or a limit that does not hold stays out."""
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    pivots = int(PIVOTS)
    while pivots > 0:
        factorise(bodies, joints, rows, island, ONE, ONE / step, SPEED)
        for i in range(begin, end):
            residual = ZERO
            if in_system(joints, rows, i, SPEED):
                residual = -row_speed(bodies, joints, rows, i) - rows.alpha[i] / step * rows.speed_impulse[i]
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


@wp.func
def hold(bodies: Bodies, joints: Joints, rows: Rows, island: int, h: wp.float64):
    """Take out of an island's momenta what its joints do not allow; springs and dry friction give no blows."""
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    tries = int(4)
    while tries > 0:
        factorise(bodies, joints, rows, island, ONE, ONE / h, BLOW)
        for i in range(begin, end):
            rows.residual[i] = ZERO
            if in_system(joints, rows, i, BLOW):
                rows.residual[i] = -row_speed(bodies, joints, rows, i)
        substitute(joints, rows, island)
        tries -= 1
        wrong = int(0)
        for i in range(begin, end):  # strings do not push
            if in_system(joints, rows, i, BLOW):
                if rows.residual[i] < rows.low[i]:
                    rows.state[i] = LOW
                    wrong += 1
                elif rows.residual[i] > rows.high[i]:
                    rows.state[i] = HIGH
                    wrong += 1
        if wrong == 0 or tries == 0:
            tries = 0
            for i in range(begin, end):
                if in_system(joints, rows, i, BLOW):
                    apply(bodies, joints, rows, i, rows.residual[i])
