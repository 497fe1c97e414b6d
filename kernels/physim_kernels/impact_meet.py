"""When two bodies meet within a substep, and how they are and move at that instant. Only ``wp.func``.

Centres of mass go along their parabola and orientations turn freely. What turns slowly meets along the tangents of its
points; where tangents leave the true path too far, the way is walked along the arcs.
"""

import warp as wp

from physim_kernels.contact import (
    ARCS,
    Couple,
    contact_shift,
    contact_velocity,
    place_contact,
)
from physim_kernels.rigid import turned, world_inverse
from physim_kernels.rigid_data import POINT, Bodies, Contacts, Pairs, Row, Spot, row_of

ARC = wp.constant(0.1)
"""Turn over which the arc of a point counts as straight [rad]."""
ARC_FALL = wp.constant(2.5e-3)
"""Fall from the tangent within a substep, over the size of a pair, from which a path counts as an arc."""


@wp.struct
class Meeting:
    """Two bodies at the instant of an impact."""

    m: Couple
    turn_a: wp.mat33
    turn_b: wp.mat33
    d: wp.vec3  # from a to b [m]


@wp.func
def fraction_to_meet(separation: float, vn: float, an: float, h: float):
    """When the gap closes under constant acceleration ``an``, in substeps; ``vn`` holds at the end of this one."""
    if separation <= 0.0:
        return 0.0
    v0 = vn - an * h
    s = 2.0 * separation / (-v0 + wp.sqrt(wp.max(v0 * v0 - 2.0 * an * separation, 0.0)))
    return wp.max(s / h, 0.0)


@wp.func
def is_hit(vn: float, separation: float, threshold: float, h: float):
    """The bound of the contact pass, so that nothing falls between the two."""
    return vn < -threshold and separation + h * vn <= 0.0


@wp.func
def spin_at(q: wp.quatd, momentum: wp.vec3d, inertia: wp.vec3d):
    return wp.vec3(wp.quat_rotate(q, wp.cw_div(wp.quat_rotate_inv(q, momentum), inertia)))


@wp.func
def orientation_at(bodies: Bodies, i: int, time: wp.float64):
    if bodies.inv_mass[i] <= 0.0:
        return bodies.q[i]
    return turned(bodies.q[i], bodies.angular_momentum[i], bodies.inertia[i], time)


@wp.func
def matrix(q: wp.quatd):
    return wp.quat_to_matrix(wp.quat(float(q[0]), float(q[1]), float(q[2]), float(q[3])))


@wp.func
def place_at(bodies: Bodies, i: int, time: wp.float64, h: wp.float64):
    """Centre of mass at ``time`` of the substep on the parabola whose velocity at its end is known."""
    if bodies.inv_mass[i] <= 0.0:
        return bodies.x[i]
    way = bodies.momentum_velocity[i] * time + wp.vec3d(bodies.acc[i]) * (time * (wp.float64(0.5) * time - h))
    return bodies.x[i] + wp.vec3d(bodies.dx[i]) + way


@wp.func
def meet(bodies: Bodies, a: int, b: int, time: float, h: float):
    """The two bodies at ``time`` of the substep, flying freely until then."""
    out = Meeting()
    t = wp.float64(time)
    qa = orientation_at(bodies, a, t)
    qb = orientation_at(bodies, b, t)
    out.turn_a = matrix(qa)
    out.turn_b = matrix(qb)
    out.d = wp.vec3(place_at(bodies, b, t, wp.float64(h)) - place_at(bodies, a, t, wp.float64(h)))
    m = Couple()
    m.ma = bodies.inv_mass[a]
    m.mb = bodies.inv_mass[b]
    m.va = bodies.v[a]
    m.vb = bodies.v[b]
    m.wa = bodies.w[a]
    m.wb = bodies.w[b]
    m.ia = bodies.inv_inertia[a]
    m.ib = bodies.inv_inertia[b]
    if m.ma > 0.0:
        m.va = m.va - (h - time) * bodies.acc[a]
        m.wa = spin_at(qa, bodies.angular_momentum[a], bodies.inertia[a])
        m.ia = world_inverse(out.turn_a, bodies.inertia[a])
    if m.mb > 0.0:
        m.vb = m.vb - (h - time) * bodies.acc[b]
        m.wb = spin_at(qb, bodies.angular_momentum[b], bodies.inertia[b])
        m.ib = world_inverse(out.turn_b, bodies.inertia[b])
    out.m = m
    return out


@wp.func
def placed_at(c: Contacts, i: int, at: Meeting):
    """Contact ``i`` with the bodies where they are at an instant."""
    return place_contact(c.row[i], c.spot[i], at.d, at.turn_a, at.turn_b)


@wp.func
def first_meeting(
    bodies: Bodies, c: Contacts, now: Couple, a: int, b: int, pair: int, count: int, h: float, threshold: float
):
    """When in the substep the first point of a pair meets, 0 to 1; 2 if none does. Points go straight, by tangents.

    A point that only gravity's curve keeps from meeting within the substep waits for the next one.
    """
    fraction = float(2.0)
    acc = bodies.acc[b] - bodies.acc[a]
    for k in range(count):
        p = c.row[row_of(c, pair, k)]
        s = p.separation + wp.dot(p.normal, contact_shift(bodies, a, b, p))
        vn = wp.dot(p.normal, contact_velocity(now, p))
        if is_hit(vn, s, threshold, h):
            when = fraction_to_meet(s, vn, wp.dot(p.normal, acc), h)
            if when <= 1.0:
                fraction = wp.min(fraction, when)
            else:
                c.row[row_of(c, pair, k)].deferred = 1
    return fraction


@wp.func
def first_meeting_turning(
    bodies: Bodies, c: Contacts, a: int, b: int, pair: int, count: int, h: float, threshold: float, angle: float
):
    """As :func:`first_meeting` for bodies that turn by ``angle`` within the substep: points go along their arcs."""
    steps = wp.clamp(int(angle / ARC) + 1, 2, 16)
    before = wp.vec4(0.0, 0.0, 0.0, 0.0)
    fraction = float(2.0)
    j = int(0)
    while j <= steps and fraction > 1.0:
        at = meet(bodies, a, b, float(j) / float(steps) * h, h)
        for k in range(count):
            s = placed_at(c, row_of(c, pair, k), at).separation
            way = s - before[k]
            if j > 0 and s < 0.0 and way < -threshold * h / float(steps):
                fraction = wp.min(fraction, (float(j - 1) + wp.clamp(-before[k] / way, 0.0, 1.0)) / float(steps))
            before[k] = s
        j += 1
    return fraction


@wp.func
def fall_from_tangent(w: wp.vec3, arm: wp.vec3, n: wp.vec3, h: float):
    """How far along ``n`` a point leaves its tangent within ``h`` as it turns at ``w`` [m]."""
    return 0.5 * h * h * wp.abs(wp.dot(w, n) * wp.dot(w, arm) - wp.length_sq(w) * wp.dot(n, arm))


@wp.func
def bends(spot: Spot, p: Row, m: Couple, turn_a: wp.mat33, turn_b: wp.mat33, limit: float, h: float):
    """Whether the path of a contact within the substep is an arc, which tangents say nothing about.

    Not where a round side rolls or a top spins in place. What bends is never at rest: its own turning throws it off.
    """
    arm_a = p.arm_a
    if spot.kind == POINT or p.radius_a > 0.0:
        arm_a = turn_a * spot.point_a
    fall = fall_from_tangent(m.wa, arm_a, p.normal, h) + fall_from_tangent(m.wb, turn_b * spot.point_b, p.normal, h)
    return fall > limit


@wp.func
def any_bends(bodies: Bodies, pairs: Pairs, c: Contacts, m: Couple, pair: int, a: int, b: int, h: float):
    """Whether one of the contacts of a pair moves along an arc."""
    found = int(0)
    if h * h * wp.max(wp.length_sq(m.wa), wp.length_sq(m.wb)) > ARCS:
        for k in range(pairs.count[pair]):
            i = row_of(c, pair, k)
            if bends(c.spot[i], c.row[i], m, bodies.rotation[a], bodies.rotation[b], ARC_FALL * pairs.size[pair], h):
                found = int(1)
    return found
