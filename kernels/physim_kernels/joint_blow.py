"""Impacts on what joints hold: the rest of the blow.

An impact is resolved as if its two bodies were free. Joints then take back part of the speed that it gave, so that the
two part too slowly: a ball that hits a door beside its hinge meets more than the door's own inertia. Here the joints
are made to hold, what is missing of restitution is measured, and a blow is added that gives it with the joints holding:
one trial blow tells how much of one arrives. A pair that shares a moving body with another impact of the same substep
is left as it is, since its speeds are no longer those of its own impact.
"""

import warp as wp

from physim_kernels.contact import Row
from physim_kernels.impact import Events
from physim_kernels.joint import apply, gather, row_speed, scatter
from physim_kernels.joint_data import HIGH, LOW, Joints, Rows
from physim_kernels.joint_system import BLOW, factorise, in_system, substitute
from physim_kernels.rigid import collect, publish
from physim_kernels.rigid_data import Bodies, Contacts, Pairs, row_of

ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))


@wp.func
def hold(bodies: Bodies, joints: Joints, rows: Rows, island: int, h: wp.float64):
    """Take out of an island's velocities what its joints do not allow; springs and dry friction give no blows."""
    if island < 0:
        return
    gather(bodies, joints, island)
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
    scatter(bodies, joints, island)
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        bodies.struck[joints.island_body[n]] = 1


@wp.func
def strike(bodies: Bodies, i: int, impulse: wp.vec3, arm: wp.vec3):
    if bodies.inv_mass[i] > 0.0:
        collect(bodies, i)
        change = bodies.inv_mass[i] * impulse
        bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + wp.vec3d(change)
        bodies.angular_momentum[i] = bodies.angular_momentum[i] + wp.vec3d(wp.cross(arm, impulse))
        publish(bodies, i)
        bodies.struck[i] = 1


@wp.func
def parting(bodies: Bodies, a: int, b: int, n: wp.vec3, arm_a: wp.vec3, arm_b: wp.vec3):
    """Speed at which the surfaces part [m/s]."""
    v = bodies.v[b] + wp.cross(bodies.w[b], arm_b) - bodies.v[a] - wp.cross(bodies.w[a], arm_a)
    return wp.dot(n, v)


@wp.func
def is_alone(bodies: Bodies, events: Events, e: int, first: int, last: int):
    """Whether no other impact of the substep has a moving body of impact ``e``."""
    a = events.a[e]
    b = events.b[e]
    for other in range(first, last):
        if other != e:
            for side in range(2):
                body = wp.where(side == 0, a, b)
                if bodies.inv_mass[body] > 0.0 and (events.a[other] == body or events.b[other] == body):
                    return False
    return True


@wp.func
def pair_of(pairs: Pairs, a: int, b: int):
    for place in range(pairs.live_count[0]):
        pair = pairs.live[place]
        if pairs.a[pair] == a and pairs.b[pair] == b and pairs.count[pair] > 0:
            return pair
    return -1


@wp.func
def complete(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, joints: Joints, rows: Rows, e: int, pair: int,
    h: wp.float64,
):  # fmt: skip
    """Add to impact ``e`` what the joints took from it."""
    a = events.a[e]
    b = events.b[e]
    island_a = joints.island_of[a]
    island_b = joints.island_of[b]
    n = events.normal[e]
    least = float(1.0e30)
    for k in range(pairs.count[pair]):
        least = wp.min(least, c.row[row_of(c, pair, k)].separation)
    arm_a = wp.vec3(0.0, 0.0, 0.0)  # of the middle of what touches
    arm_b = wp.vec3(0.0, 0.0, 0.0)
    touching = float(0.0)
    mass = float(0.0)
    for k in range(pairs.count[pair]):
        p = Row()
        p = c.row[row_of(c, pair, k)]
        if p.separation <= least + 1.0e-3 * pairs.size[pair]:
            arm_a = arm_a + p.arm_a
            arm_b = arm_b + p.arm_b
            mass = p.normal_mass
            touching += 1.0
    arm_a = arm_a / touching
    arm_b = arm_b / touching
    hold(bodies, joints, rows, island_a, h)
    if island_b != island_a:
        hold(bodies, joints, rows, island_b, h)
    target = pairs.restitution[pair] * events.speed[e]
    before = parting(bodies, a, b, n, arm_a, arm_b)
    lack = target - before
    if lack < 1.0e-4 * events.speed[e]:
        return
    given = mass * lack
    for turn in range(2):  # a trial, and the rest
        strike(bodies, a, -given * n, arm_a)
        strike(bodies, b, given * n, arm_b)
        hold(bodies, joints, rows, island_a, h)
        if island_b != island_a:
            hold(bodies, joints, rows, island_b, h)
        events.impulse[e] = events.impulse[e] + given
        if turn == 0:
            gain = parting(bodies, a, b, n, arm_a, arm_b) - before
            if gain < 1.0e-4 * lack:  # nothing gives way
                return
            given = given * (lack - gain) / gain


@wp.kernel
def blow_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, joints: Joints, rows: Rows, h: wp.float64, substep: int,
):  # fmt: skip
    if pairs.hits[0] == 0:
        return
    last = wp.min(events.count[0], events.a.shape[0])
    first = int(last)
    while first > 0 and events.substep[first - 1] == substep:
        first -= 1
    for e in range(first, last):
        a = events.a[e]
        b = events.b[e]
        if joints.island_of[a] >= 0:
            joints.struck[joints.island_of[a]] = 1
        if joints.island_of[b] >= 0:
            joints.struck[joints.island_of[b]] = 1
        if joints.island_of[a] >= 0 or joints.island_of[b] >= 0:
            if is_alone(bodies, events, e, first, last):
                pair = pair_of(pairs, a, b)
                if pair >= 0:
                    complete(bodies, pairs, c, events, joints, rows, e, pair, h)


def blow(bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, joints: Joints, rows: Rows, *, h, substep, device):
    """After the impacts of ``substep`` of the frame; one thread, which ends at once where there was none."""
    wp.launch(blow_kernel, dim=1, inputs=[bodies, pairs, c, events, joints, rows, h, substep], device=device)
