"""One impact: the impulses of a pair's points at the instant they meet, and what they do to the bodies. ``wp.func``.

See ``impact.py`` for when and why. Impulses enter the double precision state, equal and opposite on one line of action.
"""

import warp as wp

from physim_kernels.contact import contact_masses, contact_velocity, load, place_contact, push
from physim_kernels.impact_meet import (
    Meeting,
    any_bends,
    first_meeting,
    first_meeting_turning,
    meet,
    orientation_at,
    place_at,
    placed_at,
    spin_at,
)
from physim_kernels.rigid import collect, turned
from physim_kernels.rigid_data import Bodies, Contacts, Pairs, row_of

mat43 = wp.types.matrix(shape=(4, 3), dtype=float)

ROUNDING = wp.constant(2.0e-6)
SWEEPS = wp.constant(60)
"""Most Gauss-Seidel sweeps over the points of one impact; they end when nothing changes any more."""


@wp.struct
class Events:
    count: wp.array(dtype=int)  # [0]: impacts this frame, may exceed the capacity
    a: wp.array(dtype=int)
    b: wp.array(dtype=int)
    substep: wp.array(dtype=int)  # within the frame
    fraction: wp.array(dtype=float)  # instant within the substep, 0 to 1
    point: wp.array(dtype=wp.vec3)  # world [m]
    normal: wp.array(dtype=wp.vec3)
    impulse: wp.array(dtype=float)  # [N s]
    tangential: wp.array(dtype=float)  # [N s]
    speed: wp.array(dtype=float)  # of approach [m/s]
    pair: wp.array(dtype=int)
    linear: wp.array(dtype=wp.vec3)  # impulse on b, and its moments about the centres of mass
    about_a: wp.array(dtype=wp.vec3)
    about_b: wp.array(dtype=wp.vec3)


@wp.struct
class Blow:
    """Impulses of one impact on the points of a pair."""

    normal: wp.vec4
    friction: mat43
    linear: wp.vec3  # their sum [N s]
    about_a: wp.vec3  # its moment about a's centre of mass [N m s]
    about_b: wp.vec3
    work: float  # change of the kinetic energy [J]
    size: float  # sum of the sizes of its parts, which rounding goes with [J]


@wp.func
def blow(
    c: Contacts, pair: int, count: int, at: Meeting, friction: float, target: wp.vec4, joins: wp.vec4
):  # fmt: skip
    """Impulses that bring the joining points to their target speeds: friction within Coulomb's disc, then normal."""
    out = Blow()
    m = at.m
    before = at.m
    sweep = int(0)
    change = float(1.0)
    while sweep < SWEEPS and change > 1.0e-7:
        change = float(0.0)
        for k in range(count):
            if joins[k] > 0.0:
                p = c.row[row_of(c, pair, k)]
                v = contact_velocity(m, p)
                old = wp.vec3(out.friction[k, 0], out.friction[k, 1], out.friction[k, 2])
                new = old - p.friction_mass * (v - wp.dot(p.normal, v) * p.normal)
                limit = friction * out.normal[k]
                size = wp.length(new)
                if size > limit:
                    new = new * (limit / size)
                m = push(m, p, new - old)
                for j in range(3):
                    out.friction[k, j] = new[j]
                vn = wp.dot(p.normal, contact_velocity(m, p))
                was = out.normal[k]
                now = wp.max(was + p.normal_mass * (target[k] - vn), 0.0)
                out.normal[k] = now
                m = push(m, p, (now - was) * p.normal)
                change = wp.max(change, (wp.abs(now - was) + wp.length(new - old)) / (now + 1.0e-30))
        sweep += 1
    out.linear = wp.vec3(0.0, 0.0, 0.0)
    out.about_a = wp.vec3(0.0, 0.0, 0.0)
    out.about_b = wp.vec3(0.0, 0.0, 0.0)
    out.work = 0.0
    out.size = 0.0
    for k in range(count):
        if joins[k] > 0.0:
            p = c.row[row_of(c, pair, k)]
            impulse = out.normal[k] * p.normal + wp.vec3(out.friction[k, 0], out.friction[k, 1], out.friction[k, 2])
            out.linear = out.linear + impulse
            out.about_a = out.about_a + wp.cross(p.arm_a, impulse)
            out.about_b = out.about_b + wp.cross(p.arm_b, impulse)
            out.work = out.work + 0.5 * wp.dot(impulse, contact_velocity(m, p) + contact_velocity(before, p))
            out.size = out.size + wp.abs(wp.dot(impulse, contact_velocity(before, p)))
    return out


@wp.func
def take(bodies: Bodies, i: int, impulse: wp.vec3, moment: wp.vec3, time: float):
    """Give a moving body an impulse at ``time`` of the substep, in double precision, and turn its past to match."""
    if bodies.inv_mass[i] > 0.0:
        t = wp.float64(time)
        q = orientation_at(bodies, i, t)
        was_v = bodies.v[i]
        was_w = bodies.w[i]
        bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + wp.float64(bodies.inv_mass[i]) * wp.vec3d(impulse)
        bodies.angular_momentum[i] = bodies.angular_momentum[i] + wp.vec3d(moment)
        bodies.q[i] = turned(q, bodies.angular_momentum[i], bodies.inertia[i], -t)
        bodies.v[i] = wp.vec3(bodies.momentum_velocity[i])
        bodies.v_ref[i] = bodies.v[i]
        bodies.w[i] = spin_at(bodies.q[i], bodies.angular_momentum[i], bodies.inertia[i])
        bodies.w_ref[i] = bodies.w[i]
        bodies.dx[i] = bodies.dx[i] - time * (bodies.v[i] - was_v)
        bodies.dtheta[i] = bodies.dtheta[i] - time * (bodies.w[i] - was_w)
        bodies.struck[i] = 1


@wp.func
def log_impact(
    bodies: Bodies, events: Events, pair: int, a: int, b: int, substep: int, fraction: float, speed: float,
    point: wp.vec3, normal: wp.vec3, given: Blow, time: float, h: float,
):  # fmt: skip
    total = given.normal[0] + given.normal[1] + given.normal[2] + given.normal[3]
    if total > 0.0:
        e = wp.atomic_add(events.count, 0, 1)
        if e < events.a.shape[0]:
            events.a[e] = a
            events.b[e] = b
            events.substep[e] = substep
            events.fraction[e] = fraction
            events.point[e] = wp.vec3(place_at(bodies, b, wp.float64(time), wp.float64(h))) + point
            events.normal[e] = normal
            events.impulse[e] = total
            sideways = given.linear - wp.dot(given.linear, normal) * normal
            events.tangential[e] = wp.length(sideways)
            events.speed[e] = speed
            events.pair[e] = pair
            events.linear[e] = given.linear
            events.about_a[e] = given.about_a
            events.about_b[e] = given.about_b


@wp.func
def impact_pair(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, pair: int, h: float, threshold: float, substep: int,
):  # fmt: skip
    """Resolve the impact of a pair, if one of its points would hit within the substep. 1: it gave impulses."""
    a = pairs.a[pair]
    b = pairs.b[pair]
    count = pairs.count[pair]
    now = load(bodies, a, b)
    fraction = float(0.0)
    turns = int(3)
    if any_bends(bodies, pairs, c, now, pair, a, b, h) == 1:
        turns = int(10)
        angle = h * wp.max(wp.length(now.wa), wp.length(now.wb))
        fraction = first_meeting_turning(bodies, c, a, b, pair, count, h, threshold, angle)
    else:
        fraction = first_meeting(bodies, c, now, a, b, pair, count, h, threshold)
    if fraction > 1.0:
        return int(0)
    for body in range(2):
        i = wp.where(body == 0, a, b)
        if bodies.inv_mass[i] > 0.0:
            collect(bodies, i)
    # carried to the instant of impact; what the straight estimate missed of it is made up for by secant steps
    close = 1.0e-3 * pairs.size[pair]
    at = Meeting()
    joins = wp.vec4(0.0, 0.0, 0.0, 0.0)
    target = wp.vec4(0.0, 0.0, 0.0, 0.0)
    chief = int(0)
    speed = float(0.0)
    for turn in range(turns):
        at = meet(bodies, a, b, fraction * h, h)
        gap = float(1.0e30)
        closing = float(0.0)
        speed = float(0.0)
        for k in range(count):
            i = row_of(c, pair, k)
            p = contact_masses(at.m, placed_at(c, i, at))
            c.row[i] = p
            vn = wp.dot(p.normal, contact_velocity(at.m, p))
            joins[k] = 0.0
            target[k] = -pairs.restitution[pair] * vn
            if p.separation < close:
                joins[k] = 1.0
                if vn < speed:
                    speed = vn
                    chief = k
            if vn < 0.0 and p.separation < gap:
                gap = p.separation
                closing = vn
        if turn < turns - 1 and closing < -0.1 * threshold and wp.abs(gap) > 1.0e-3 * close:
            fraction = wp.clamp(fraction + gap / (-closing * h), 0.0, 1.0)
    given = blow(c, pair, count, at, pairs.friction[pair], target, joins)
    if given.work > ROUNDING * given.size:  # Newton's law with friction may ask for too much: then less restitution
        dead = blow(c, pair, count, at, pairs.friction[pair], wp.vec4(0.0, 0.0, 0.0, 0.0), joins)
        share = wp.clamp(dead.work / (dead.work - given.work), 0.0, 1.0)
        given = blow(c, pair, count, at, pairs.friction[pair], share * target, joins)
        if given.work > ROUNDING * given.size:
            given = dead
    p = c.row[row_of(c, pair, chief)]
    log_impact(bodies, events, pair, a, b, substep, fraction, -speed, p.arm_b, p.normal, given, fraction * h, h)
    take(bodies, a, -given.linear, -given.about_a, fraction * h)
    take(bodies, b, given.linear, given.about_b, fraction * h)
    wp.atomic_add(pairs.hits, 0, 1)
    # the passes to come work at the start of the substep again
    d = wp.vec3(bodies.x[b] - bodies.x[a])
    for k in range(count):
        i = row_of(c, pair, k)
        p = c.row[i]
        turn_a = bodies.rotation[a]
        turn_b = bodies.rotation[b]
        p = place_contact(p, c.spot[i], d, turn_a, turn_b)
        c.row[i] = contact_masses(now, p)
    return wp.where(given.size > 0.0, 1, 0)
