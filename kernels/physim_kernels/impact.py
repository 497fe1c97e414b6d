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
    contact_masses,
    contact_shift,
    contact_velocity,
    load,
    over_colours,
    place_contact,
)
from physim_kernels.impact_blow import Events, impact_pair
from physim_kernels.impact_meet import ARC_FALL, bends, is_hit
from physim_kernels.rigid_data import Bodies, Contacts, Pairs, is_struck, row_of

ARC_IMPACTS = wp.constant(6)
"""Most impacts of one pair within a substep where paths are arcs."""


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
