"""Impacts with restitution, at the instant inside the substep at which bodies meet.

A pair whose separation would close within the substep gets a Newton impact on all its points at once (projected
Gauss-Seidel on this pair alone). The bodies are carried to the instant of impact, positions along their parabola and
orientations by free rotation; arms, normals, inertias and velocities are those of that instant, and its velocities are
reversed. Then the pose at the start of the substep is changed so that free flight with the new velocity leads through
the pose of the impact: the displacement is kept apart until the drift, the orientation is rotated back. Each impact
therefore keeps linear and angular momentum, and its energy balance is Newton's, whatever the substep.

Impulses enter the double precision state, equal and opposite on one line of action.
"""

import warp as wp

from physim_kernels.contact import (
    ARCS,
    FAST_TURN,
    SOFTNESS,
    Couple,
    contact_masses,
    contact_shift,
    contact_velocity,
    load,
    over_colours,
    place_contact,
    push,
)
from physim_kernels.rigid import collect, turned, world_inverse
from physim_kernels.rigid_data import POINT, Bodies, Contacts, Pairs, Row, Spot, is_struck, row_of

mat43 = wp.types.matrix(shape=(4, 3), dtype=float)

ROUNDING = wp.constant(2.0e-6)
ARC = wp.constant(0.1)
"""Turn over which the arc of a point counts as straight [rad]."""
ARC_FALL = wp.constant(2.5e-3)
"""Fall from the tangent within a substep, over the size of a pair, from which a path counts as an arc."""
ARC_IMPACTS = wp.constant(6)
"""Most impacts of one pair within a substep where paths are arcs."""
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
class Meeting:
    """Two bodies at the instant of an impact."""

    m: Couple
    turn_a: wp.mat33
    turn_b: wp.mat33
    d: wp.vec3  # from a to b [m]


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


@wp.func
def mean_sag(pairs: Pairs, c: Contacts, pair: int, h: float, settled: float):
    """Depth to which the load of a pair, mean over the last while, presses its soft points together [m].

    ``settled`` is the share of the load of the last substep in the mean. One depth for all points of the pair: a load
    that wanders from point to point, as in a tower that rocks, is left to the springs and stays damped.
    """
    load = float(0.0)
    mass = float(0.0)
    for k in range(pairs.count[pair]):
        i = row_of(c, pair, k)
        press = c.grip[i].normal
        if press > 0.0:
            load += press
            mass += c.row[i].normal_mass
    sag = float(0.0)
    if load > 0.0 and mass > 0.0:
        sag = pairs.sag[pair]
        sag += settled * (h * load / (SOFTNESS * mass) - sag)
    pairs.sag[pair] = sag
    return sag


@wp.kernel
def prepare_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, h: float, threshold: float, substep: int, sweep: int,
    settled: float, colour: int, stride: int,
):  # fmt: skip
    """Place the contacts of all pairs; effective masses only where they are new or a body turns fast. Then impacts."""
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        a = pairs.a[pair]
        b = pairs.b[pair]
        m = load(bodies, a, b)
        d = wp.vec3(bodies.x[b] - bodies.x[a])
        turn_a = bodies.rotation[a]
        turn_b = bodies.rotation[b]
        turn = h * h * wp.max(wp.length_sq(m.wa), wp.length_sq(m.wb))
        fast = turn > FAST_TURN
        shifted = is_struck(bodies, a, b)
        hit = int(0)
        bent = int(0)
        sag = mean_sag(pairs, c, pair, h, settled)
        for k in range(pairs.count[pair]):
            i = row_of(c, pair, k)
            p = c.row[i]
            spot = c.spot[i]
            p.deferred = 0
            if spot.fresh == 1:
                p.radius_a = spot.radius_a
                p.radius_b = spot.radius_b
                p.a = a
                p.b = b
                p.push = pairs.push[pair]
                p.friction = pairs.friction[pair]
                p.static_friction = pairs.static_friction[pair]
                p.rolling = pairs.rolling[pair]
                p.twist = p.friction * pairs.spinning[pair]
            p = place_contact(p, spot, d, turn_a, turn_b)
            if m.ma == 0.0:  # what turns as it is told carries along the chord of its arc, not along the tangent
                p.arm_a = p.arm_a + 0.5 * h * wp.cross(m.wa, p.arm_a)
            if m.mb == 0.0:
                p.arm_b = p.arm_b + 0.5 * h * wp.cross(m.wb, p.arm_b)
            if fast or spot.fresh == 1:
                p = contact_masses(m, p)
                c.spot[i].fresh = 0
            p.sag = sag
            if turn > ARCS and bends(spot, p, m, turn_a, turn_b, ARC_FALL * pairs.size[pair], h):
                bent = int(1)
                hit = int(1)
            c.row[i] = p
            s = p.separation
            if shifted:
                s += wp.dot(p.normal, contact_shift(bodies, a, b, p))
            vn = wp.dot(p.normal, contact_velocity(m, p))
            if vn > 0.5 * p.push:
                c.grip[i].normal = 0.0  # it has come off: no warm start
            if is_hit(vn, s, threshold, h):
                hit = int(1)
        if bent == 1 and pairs.restitution[pair] > 0.0:  # to impacts alone: a tangent must not stop what bounces
            for k in range(pairs.count[pair]):
                c.row[row_of(c, pair, k)].deferred = 1
        tries = wp.where(bent == 1, ARC_IMPACTS, 1)
        while hit == 1 and tries > 0:  # on arcs one corner after the other comes down in a substep
            hit = impact_pair(bodies, pairs, c, events, pair, h, threshold, substep)
            tries -= 1
        place += stride


@wp.kernel
def impact_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, h: float, threshold: float, substep: int, sweep: int,
    settled: float, colour: int, stride: int,
):  # fmt: skip
    """One more walk over all pairs, since an impact may have driven bodies against their neighbours."""
    if pairs.hits[0] == 0:
        return
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        if is_struck(bodies, pairs.a[pair], pairs.b[pair]):  # the others are as the first walk left them
            impact_pair(bodies, pairs, c, events, pair, h, threshold, substep)
        place += stride


@wp.kernel
def defer_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, h: float, threshold: float, colour: int, stride: int):
    """Mark points that would still hit: they bounce in the next substep and must not be stopped in this one.

    A point waits once: one that is already inside by more than a thousandth of the size is stopped at last, or a body
    that is hammered from both sides would sink into one of them.
    """
    if pairs.hits[0] == 0:
        return
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        a = pairs.a[pair]
        b = pairs.b[pair]
        if pairs.restitution[pair] > 0.0 and is_struck(bodies, a, b):
            m = load(bodies, a, b)
            for k in range(pairs.count[pair]):
                p = c.row[row_of(c, pair, k)]
                s = p.separation + wp.dot(p.normal, contact_shift(bodies, a, b, p))
                vn = wp.dot(p.normal, contact_velocity(m, p))
                if is_hit(vn, s, threshold, h) and s > -1.0e-3 * pairs.size[pair]:
                    p.deferred = 1
                    c.row[row_of(c, pair, k)] = p
        place += stride


def impact(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, *, h, threshold, substep, sweep, settled, **launch
):  # fmt: skip
    """Place all contacts (``sweep`` 0) and resolve their impacts; a later sweep ends at once without any."""
    kernel = prepare_kernel if sweep == 0 else impact_kernel
    over_colours(kernel, [bodies, pairs, c, events, h, threshold, substep, sweep, settled], **launch)


def defer(bodies: Bodies, pairs: Pairs, c: Contacts, *, h, threshold, **launch):
    """Mark the contacts whose impact has to wait for the next substep."""
    over_colours(defer_kernel, [bodies, pairs, c, h, threshold], **launch)
