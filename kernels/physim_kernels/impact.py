"""Impacts with restitution, at the instant inside the substep at which bodies meet.

A pair whose separation would close within the substep gets a Newton impact on all its points at once (projected
Gauss-Seidel on this pair alone), with targets set so that the velocity *at the instant of impact* is reversed. The
bodies fly alpha h with the old velocity and (1 - alpha) h with the new one; the difference is a displacement correction
that is kept apart from the pose until the drift. Position, velocity and time are then exact for a parabola.
"""

import warp as wp

from physim_kernels.contact import (
    contact_masses,
    contact_shift,
    contact_velocity,
    over_colours,
    place_contact,
    push,
)
from physim_kernels.rigid_data import Bodies, Contacts, Pairs


@wp.struct
class Events:
    count: wp.array(dtype=int)  # [0]: impacts this frame, may exceed the capacity
    pair: wp.array(dtype=int)
    substep: wp.array(dtype=int)  # within the frame
    fraction: wp.array(dtype=float)  # instant within the substep, 0 to 1
    point: wp.array(dtype=wp.vec3)  # world [m]
    normal: wp.array(dtype=wp.vec3)
    impulse: wp.array(dtype=float)  # [N s]
    tangential: wp.array(dtype=float)  # [N s]
    speed: wp.array(dtype=float)  # of approach [m/s]


@wp.func
def fraction_to_meet(separation: float, vn: float, an: float, h: float):
    """When in the substep, 0 to 1, the gap closes under constant acceleration ``an``; ``vn`` holds at its end."""
    if separation <= 0.0:
        return 0.0
    v0 = vn - an * h
    s = 2.0 * separation / (-v0 + wp.sqrt(wp.max(v0 * v0 - 2.0 * an * separation, 0.0)))
    return wp.clamp(s / h, 0.0, 1.0)


@wp.func
def impact_sweep(
    bodies: Bodies, c: Contacts, first: int, count: int, a: int, b: int, friction: float,
    target: wp.vec4, joins: wp.vec4,
):  # fmt: skip
    """One pass over the points of a pair: friction within Coulomb's disc, then the normal impulse to its target."""
    for k in range(count):
        if joins[k] > 0.0:
            i = first + k
            n = c.normal[i]
            arm_a = c.arm_a[i]
            arm_b = c.arm_b[i]
            v = contact_velocity(bodies, a, b, arm_a, arm_b)
            old = c.impact_friction[i]
            new = old - c.friction_mass[i] * (v - wp.dot(n, v) * n)
            limit = friction * c.impact_normal[i]
            size = wp.length(new)
            if size > limit:
                new = new * (limit / size)
            push(bodies, a, b, arm_a, arm_b, new - old)
            c.impact_friction[i] = new
            vn = wp.dot(n, contact_velocity(bodies, a, b, arm_a, arm_b))
            before = c.impact_normal[i]
            after = wp.max(before + c.normal_mass[i] * (target[k] - vn), 0.0)
            c.impact_normal[i] = after
            push(bodies, a, b, arm_a, arm_b, (after - before) * n)


@wp.func
def is_hit(vn: float, separation: float, threshold: float, h: float):
    """The bound of the contact pass, so that nothing falls between the two."""
    return vn < -threshold and separation + h * vn <= 0.0


@wp.func
def log_impact(
    events: Events, c: Contacts, first: int, count: int, pair: int, substep: int, fraction: float, speed: float,
    at: int, point: wp.vec3, joins: wp.vec4,
):  # fmt: skip
    total = float(0.0)
    tangential = wp.vec3(0.0, 0.0, 0.0)
    for k in range(count):
        if joins[k] > 0.0:
            total += c.impact_normal[first + k]
            tangential += c.impact_friction[first + k]
    if total > 0.0:
        e = wp.atomic_add(events.count, 0, 1)
        if e < events.pair.shape[0]:
            events.pair[e] = pair
            events.substep[e] = substep
            events.fraction[e] = fraction
            events.point[e] = point
            events.normal[e] = c.normal[at]
            events.impulse[e] = total
            events.tangential[e] = wp.length(tangential)
            events.speed[e] = speed


@wp.func
def impact_pair(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, pair: int, h: float, threshold: float, substep: int,
):  # fmt: skip
    a = pairs.a[pair]
    b = pairs.b[pair]
    first = 4 * pair
    count = pairs.count[pair]
    restitution = pairs.restitution[pair]
    acc = bodies.acc[b] - bodies.acc[a]
    joins = wp.vec4(0.0, 0.0, 0.0, 0.0)
    target = wp.vec4(0.0, 0.0, 0.0, 0.0)
    hit = int(0)
    fraction = float(1.0)
    speed = float(0.0)
    at = int(first)
    for k in range(count):
        i = first + k
        n = c.normal[i]
        s = c.separation[i] + wp.dot(n, contact_shift(bodies, a, b, c.arm_a[i], c.arm_b[i]))
        vn = wp.dot(n, contact_velocity(bodies, a, b, c.arm_a[i], c.arm_b[i]))
        if is_hit(vn, s, threshold, h):
            an = wp.dot(n, acc)
            alpha = fraction_to_meet(s, vn, an, h)
            rest = an * (1.0 - alpha) * h
            joins[k] = 1.0
            target[k] = -restitution * (vn - rest) + rest
            fraction = wp.min(fraction, alpha)
            if vn - rest < speed:
                speed = vn - rest
                at = i
            hit = hit + 1
        elif s < 1.0e-3 * pairs.size[pair]:
            joins[k] = 1.0
    if hit == 0:
        return
    va = bodies.v[a]
    vb = bodies.v[b]
    wa = bodies.w[a]
    wb = bodies.w[b]
    for k in range(count):
        c.impact_normal[first + k] = 0.0
        c.impact_friction[first + k] = wp.vec3(0.0, 0.0, 0.0)
    sweeps = int(16)
    if count == 1:
        sweeps = int(4)
    for _ in range(sweeps):
        impact_sweep(bodies, c, first, count, a, b, pairs.friction[pair], target, joins)
    back = fraction * h
    if bodies.inv_mass[a] > 0.0:
        bodies.dx[a] = bodies.dx[a] - back * (bodies.v[a] - va)
        bodies.dtheta[a] = bodies.dtheta[a] - back * (bodies.w[a] - wa)
    if bodies.inv_mass[b] > 0.0:
        bodies.dx[b] = bodies.dx[b] - back * (bodies.v[b] - vb)
        bodies.dtheta[b] = bodies.dtheta[b] - back * (bodies.w[b] - wb)
    wp.atomic_add(pairs.hits, 0, 1)
    point = wp.vec3(bodies.x[b]) + c.arm_b[at] + back * vb
    log_impact(events, c, first, count, pair, substep, fraction, -speed, at, point, joins)


@wp.kernel
def impact_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, h: float, threshold: float, substep: int, sweep: int,
    colour: int, stride: int,
):  # fmt: skip
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    if sweep > 0 and pairs.hits[0] == 0:
        return
    while place < end:
        pair = pairs.order[place]
        if sweep == 0:
            for k in range(pairs.count[pair]):
                place_contact(bodies, c, 4 * pair + k, pairs.a[pair], pairs.b[pair])
                contact_masses(bodies, c, 4 * pair + k, pairs.a[pair], pairs.b[pair])
        impact_pair(bodies, pairs, c, events, pair, h, threshold, substep)
        place += stride


@wp.kernel
def defer_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, h: float, threshold: float, colour: int, stride: int):
    """Mark points that would still hit: they bounce in the next substep and must not be stopped in this one.

    A point waits once: one that is already inside by more than a thousandth of the size is stopped at last, or a body
    that is hammered from both sides would sink into one of them.
    """
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        a = pairs.a[pair]
        b = pairs.b[pair]
        for k in range(pairs.count[pair]):
            i = 4 * pair + k
            c.deferred[i] = 0
            if pairs.hits[0] > 0 and pairs.restitution[pair] > 0.0:
                s = c.separation[i] + wp.dot(c.normal[i], contact_shift(bodies, a, b, c.arm_a[i], c.arm_b[i]))
                vn = wp.dot(c.normal[i], contact_velocity(bodies, a, b, c.arm_a[i], c.arm_b[i]))
                if is_hit(vn, s, threshold, h) and s > -1.0e-3 * pairs.size[pair]:
                    c.deferred[i] = 1
        place += stride


def impact(bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, *, h, threshold, substep, sweep, **launch):
    """Place all contacts (``sweep`` 0) and resolve its impacts; a later sweep ends at once without any."""
    over_colours(impact_kernel, [bodies, pairs, c, events, h, threshold, substep, sweep], **launch)


def defer(bodies: Bodies, pairs: Pairs, c: Contacts, *, h, threshold, **launch):
    """Mark the contacts whose impact has to wait for the next substep."""
    over_colours(defer_kernel, [bodies, pairs, c, h, threshold], **launch)
