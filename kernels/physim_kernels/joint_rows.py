"""Rows of the joints: the constraint's value at any pose, and its gradient at the present one.

Written for the place of the two anchors, d = (x_b + r_b) - (x_a + r_a), and for frames fixed in both bodies:
a shared point is d = 0, a hinge two products of its axis with directions across it, a fixed joint twice the vector part
of the turn between the frames, a rod |d| - length. Angular gradients follow from d/dt (R p) = w x R p.
"""

import warp as wp

from physim_kernels.joint_data import (
    DISTANCE,
    FRICTION,
    HINGE,
    LIMIT,
    SPRING,
    SPRING_POINT,
    STRING,
    Joints,
    Rows,
)
from physim_kernels.rigid_data import Bodies

HALF = wp.constant(wp.float64(0.5))
ONE = wp.constant(wp.float64(1.0))
TWO = wp.constant(wp.float64(2.0))
ZERO = wp.constant(wp.float64(0.0))
TURN = wp.constant(wp.float64(6.283185307179586))
FAR = wp.constant(wp.float64(1.0e300))
SHORT = wp.constant(wp.float64(1.0e-9))  # [m]
STIFFEST = wp.constant(wp.float64(1.5))  # phase of a spring per substep up to which its period is made exact [rad]


@wp.func
def unit(k: int):
    return wp.vec3d(wp.where(k == 0, ONE, ZERO), wp.where(k == 1, ONE, ZERO), wp.where(k == 2, ONE, ZERO))


@wp.func
def wound(angle: wp.float64, near: wp.float64):
    """``angle`` plus the number of full turns that brings it nearest to ``near`` [rad]."""
    return angle + TURN * wp.round((near - angle) / TURN)


@wp.func
def hinge_angle(fa: wp.quatd, fb: wp.quatd, near: wp.float64):
    """Angle of frame b about the x axis of frame a, world from joint frames [rad]."""
    y = wp.quat_rotate_inv(fa, wp.quat_rotate(fb, unit(1)))
    return wound(wp.atan2(y[2], y[1]), near)


@wp.func
def row_value(
    joints: Joints, rows: Rows, i: int, j: int, xa: wp.vec3d, qa: wp.quatd, xb: wp.vec3d, qb: wp.quatd
):  # fmt: skip
    """Value C of row ``i``, of joint ``j``, with its bodies at these poses."""
    kind = joints.kind[j]
    k = rows.component[i]
    if rows.role[i] != 0 or (k >= 3 and kind == HINGE):
        fa = qa * joints.frame_a[j]
        fb = qb * joints.frame_b[j]
        if rows.role[i] == 0:
            return wp.dot(wp.quat_rotate(fb, unit(0)), wp.quat_rotate(fa, unit(k - 2)))
        angle = hinge_angle(fa, fb, joints.angle[j])
        if rows.role[i] == LIMIT:
            if rows.high[i] > ZERO:
                return angle - joints.low[j]
            return angle - joints.high[j]
        return angle
    if k >= 3:  # fixed
        turn = wp.quat_inverse(qa * joints.frame_a[j]) * (qb * joints.frame_b[j])
        return wp.where(turn[3] < ZERO, -TWO, TWO) * turn[k - 3]
    d = xb + wp.quat_rotate(qb, joints.anchor_b[j]) - xa - wp.quat_rotate(qa, joints.anchor_a[j])
    if kind == DISTANCE or kind == STRING or kind == SPRING:
        return wp.length(d) - joints.length[j]
    return d[k]


@wp.func
def point_gradient(rows: Rows, i: int, u: wp.vec3d, arm_a: wp.vec3d, arm_b: wp.vec3d):
    rows.linear[i] = u
    rows.angular_a[i] = -wp.cross(arm_a, u)
    rows.angular_b[i] = wp.cross(arm_b, u)


@wp.func
def turn_gradient(rows: Rows, i: int, u: wp.vec3d):
    rows.linear[i] = wp.vec3d()
    rows.angular_a[i] = -u
    rows.angular_b[i] = u


@wp.func
def row_gradient(
    joints: Joints, rows: Rows, i: int, j: int, xa: wp.vec3d, qa: wp.quatd, xb: wp.vec3d, qb: wp.quatd
):  # fmt: skip
    """Gradient of row ``i`` at these poses."""
    kind = joints.kind[j]
    k = rows.component[i]
    fa = qa * joints.frame_a[j]
    fb = qb * joints.frame_b[j]
    if rows.role[i] != 0:
        turn_gradient(rows, i, wp.quat_rotate(fa, unit(0)))
    elif k >= 3 and kind == HINGE:
        turn_gradient(rows, i, wp.cross(wp.quat_rotate(fb, unit(0)), wp.quat_rotate(fa, unit(k - 2))))
    elif k >= 3:
        turn_gradient(rows, i, wp.quat_rotate(fa, unit(k - 3)))
    else:
        arm_a = wp.quat_rotate(qa, joints.anchor_a[j])
        arm_b = wp.quat_rotate(qb, joints.anchor_b[j])
        if kind == DISTANCE or kind == STRING or kind == SPRING:
            d = xb + arm_b - xa - arm_a
            if wp.length(d) > SHORT:  # else the direction it had before
                point_gradient(rows, i, wp.normalize(d), arm_a, arm_b)
        else:
            point_gradient(rows, i, unit(k), arm_a, arm_b)


@wp.func
def turned(bodies: Bodies, i: int, q: wp.quatd, u: wp.vec3d):
    """World inverse inertia of body ``i`` times ``u``."""
    return wp.quat_rotate(q, wp.cw_div(wp.quat_rotate_inv(q, u), bodies.inertia[i]))


@wp.func
def weigh_row(bodies: Bodies, rows: Rows, i: int, a: int, b: int):
    """How the two bodies turn by a unit impulse of row ``i``, and how much of it C feels."""
    rows.turn_a[i] = wp.vec3d()
    rows.turn_b[i] = wp.vec3d()
    mass = ZERO
    if a >= 0:
        if bodies.inv_mass[a] > 0.0:
            rows.turn_a[i] = turned(bodies, a, bodies.q[a], rows.angular_a[i])
            mass += wp.float64(bodies.inv_mass[a])
    if bodies.inv_mass[b] > 0.0:
        rows.turn_b[i] = turned(bodies, b, bodies.q[b], rows.angular_b[i])
        mass += wp.float64(bodies.inv_mass[b])
    stiff = mass * wp.length_sq(rows.linear[i])
    stiff += wp.dot(rows.angular_a[i], rows.turn_a[i]) + wp.dot(rows.angular_b[i], rows.turn_b[i])
    rows.stiff[i] = stiff


@wp.func
def spring_equation(joints: Joints, rows: Rows, i: int, j: int, h: wp.float64):
    """Coefficients of a spring's row: its half impulse is -(h/2) (k (C0 + C1)/2 + c (C1 - C0)/h), the midpoint rule.

    The rule turns a root s of m s^2 + c s + k = 0 into (2/h) artanh(s h/2). Stiffness and damping are replaced by those
    with the roots s' = (2/h) tanh(s h/2), which makes a free mass on this spring exact at any step and damping; for
    vibrations faster than ``STIFFEST`` per substep by the factors they have there.
    """
    m = ONE / rows.stiff[i]
    k = joints.stiffness[j] / m
    c = joints.damping[j] / m
    step = wp.min(h, STIFFEST / wp.sqrt(k))
    decay = HALF * c
    square = decay * decay - k
    stiffness = ZERO
    damping = ZERO
    if square > ZERO:
        fast = decay + wp.sqrt(square)
        t_fast = wp.tanh(HALF * h * fast)
        t_slow = wp.tanh(HALF * h * k / fast)
        stiffness = t_fast * t_slow
        damping = t_fast + t_slow
    else:
        a = decay * step
        b = wp.sqrt(-square) * step
        below = wp.cosh(a) + wp.cos(b)
        stiffness = (wp.cosh(a) - wp.cos(b)) / below * (h * h / (step * step))
        damping = TWO * wp.sinh(a) / below * (h / step)
    scale = TWO * m / (h * h)  # k'/2 and c'/h from product and sum of the tangents
    rows.alpha[i] = ONE / (HALF * h * scale * (stiffness + damping))
    rows.beta[i] = (stiffness - damping) / (stiffness + damping)


@wp.func
def bound_row(joints: Joints, rows: Rows, i: int, j: int, h: wp.float64):
    """Bounds of the impulse of a row within half a substep; a limit is set at the end that is nearer."""
    role = rows.role[i]
    if role == FRICTION:
        rows.low[i] = -HALF * h * joints.friction[j]
        rows.high[i] = HALF * h * joints.friction[j]
    elif role == LIMIT and joints.high[j] > joints.low[j]:
        below = joints.angle[j] - joints.low[j] < joints.high[j] - joints.angle[j]
        if below != (rows.high[i] > ZERO):  # the other end takes over
            rows.low[i] = wp.where(below, ZERO, -FAR)
            rows.high[i] = wp.where(below, FAR, ZERO)
            rows.state[i] = wp.where(below, 1, 2)
            rows.drift_impulse[i] = ZERO
            rows.speed_impulse[i] = ZERO


@wp.func
def place_joint(
    bodies: Bodies, joints: Joints, rows: Rows, j: int, xa: wp.vec3d, qa: wp.quatd, xb: wp.vec3d, qb: wp.quatd,
    compliance: wp.float64, h: wp.float64,
):  # fmt: skip
    """Gradients, masses, bounds and values of all rows of a joint at these poses; what it misses by."""
    a = joints.a[j]
    b = joints.b[j]
    kind = joints.kind[j]
    if kind == HINGE:
        joints.angle[j] = hinge_angle(qa * joints.frame_a[j], qb * joints.frame_b[j], joints.angle[j])
    missed = float(0.0)
    for i in range(joints.row_start[j], joints.row_start[j + 1]):
        bound_row(joints, rows, i, j, h)
        row_gradient(joints, rows, i, j, xa, qa, xb, qb)
        weigh_row(bodies, rows, i, a, b)
        value = row_value(joints, rows, i, j, xa, qa, xb, qb)
        rows.value[i] = value
        if kind == SPRING or kind == SPRING_POINT:
            spring_equation(joints, rows, i, j, h)
        else:
            rows.alpha[i] = compliance * h * rows.stiff[i]
            if rows.component[i] < 3 and rows.role[i] == 0:
                if kind == STRING:
                    value = wp.max(value, ZERO)
                missed += float(value * value)
    joints.error[j] = wp.max(joints.error[j], wp.sqrt(wp.float64(missed)))
