"""Impacts on what joints tie: once more, with the joints holding.

An impact is resolved as if its two bodies were free. Joints then take back part of the speed that it gave, so that the
two part too slowly: a ball that hits a door beside its hinge meets more than the door's own inertia. So the impacts of
a substep on tied bodies are taken back and given again, one after the other: the impulse of the free bodies, what the
joints do about it, and a further blow that gives what is missing of restitution, of which a trial tells how much
arrives. All of it happens at the poses of the instant of impact, and like the impact itself it changes the poses at
the start of the substep such that the flight from there leads through them. Where the joints of an island turn far in a
substep, that would not fit: what they guide flies neither straight nor turns freely until then. Such impacts happen
at the start of the substep, with the poses and velocities of then.

The joints do no work, so what the contact does is the change of the energy: half of the impulse times the sum of the
velocities before and after. Should it be positive, as friction may make it when joints change what it works against,
the whole change is scaled back to where it is nought (it is quadratic in the scale, and the joints hold at any).
"""

import warp as wp

from physim_kernels.contact import place_contact
from physim_kernels.impact_blow import Events, take
from physim_kernels.impact_meet import matrix, orientation_at, place_at, spin_at
from physim_kernels.joint_cut import LIMIT, fastest
from physim_kernels.joint_data import CALM, FAST, Ahead, Joints, Rows
from physim_kernels.joint_step import aim_island, hold
from physim_kernels.rigid import collect, publish
from physim_kernels.rigid_data import Bodies, Contacts, Pairs, Row, row_of


@wp.struct
class Strike:
    """Where two bodies meet, and the impulse on b with its moments about their centres of mass."""

    normal: wp.vec3
    arm_a: wp.vec3  # of the middle of what touches [m]
    arm_b: wp.vec3
    mass: float  # effective, of the free bodies [kg]
    linear: wp.vec3
    about_a: wp.vec3
    about_b: wp.vec3


@wp.func
def leave_body(bodies: Bodies, ahead: Ahead, i: int, time: float, h: float):
    """Bring a body to where it is at ``time`` of the substep, and remember where it started and how it moved."""
    if bodies.inv_mass[i] > 0.0:
        collect(bodies, i)
        place = place_at(bodies, i, wp.float64(time), wp.float64(h))
        ahead.x[i] = bodies.x[i]
        ahead.v[i] = bodies.momentum_velocity[i]
        ahead.momentum[i] = bodies.angular_momentum[i]
        bodies.q[i] = orientation_at(bodies, i, wp.float64(time))
        bodies.x[i] = place


@wp.func
def return_body(bodies: Bodies, ahead: Ahead, i: int, time: float):
    """Back to the start of the substep, from where the motion it has now leads through where it is."""
    if bodies.inv_mass[i] > 0.0:
        was_w = bodies.w[i]
        bodies.q[i] = orientation_at(bodies, i, -wp.float64(time))
        bodies.x[i] = ahead.x[i]
        publish(bodies, i)
        bodies.dx[i] = bodies.dx[i] - time * wp.vec3(bodies.momentum_velocity[i] - ahead.v[i])
        bodies.dtheta[i] = bodies.dtheta[i] - time * (bodies.w[i] - was_w)
        bodies.struck[i] = 1


@wp.func
def scale_body(bodies: Bodies, ahead: Ahead, i: int, scale: float):
    """``scale`` of the change of motion since it was remembered."""
    if bodies.inv_mass[i] > 0.0:
        s = wp.float64(scale)
        bodies.momentum_velocity[i] = ahead.v[i] + s * (bodies.momentum_velocity[i] - ahead.v[i])
        bodies.angular_momentum[i] = ahead.momentum[i] + s * (bodies.angular_momentum[i] - ahead.momentum[i])


@wp.func
def leave(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, body: int, time: float, h: float):
    """:func:`leave_body` for a body and all that joints tie to it; the rows are aimed there."""
    if island < 0:
        leave_body(bodies, ahead, body, time, h)
        return
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        leave_body(bodies, ahead, joints.island_body[n], time, h)
    if time > 0.0:
        aim_island(bodies, joints, rows, ahead, island, wp.float64(time / h))


@wp.func
def come_back(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, island: int, body: int, time: float):
    """:func:`return_body` for a body and all that joints tie to it; the rows are aimed at the start again."""
    if island < 0:
        return_body(bodies, ahead, body, time)
        return
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        return_body(bodies, ahead, joints.island_body[n], time)
    if time > 0.0:
        aim_island(bodies, joints, rows, ahead, island, wp.float64(0.0))


@wp.func
def scale_all(bodies: Bodies, joints: Joints, ahead: Ahead, island: int, body: int, scale: float):
    if island < 0:
        scale_body(bodies, ahead, body, scale)
        return
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        scale_body(bodies, ahead, joints.island_body[n], scale)


@wp.func
def velocity_of(bodies: Bodies, i: int):
    if bodies.inv_mass[i] > 0.0:
        return wp.vec3(bodies.momentum_velocity[i])
    return bodies.v[i]


@wp.func
def spin_of(bodies: Bodies, i: int):
    if bodies.inv_mass[i] > 0.0:
        return spin_at(bodies.q[i], bodies.angular_momentum[i], bodies.inertia[i])
    return bodies.w[i]


@wp.func
def work_rate(bodies: Bodies, a: int, b: int, late: float, s: Strike):
    """Impulse of a strike times the velocities there ``late`` seconds before the end of the substep [J]."""
    va = velocity_of(bodies, a) - late * bodies.acc[a]
    vb = velocity_of(bodies, b) - late * bodies.acc[b]
    turning = wp.dot(s.about_b, spin_of(bodies, b)) - wp.dot(s.about_a, spin_of(bodies, a))
    return wp.dot(s.linear, vb - va) + turning


@wp.func
def parting(bodies: Bodies, a: int, b: int, late: float, s: Strike):
    """Speed at which the surfaces part ``late`` seconds before the end of the substep [m/s]."""
    va = velocity_of(bodies, a) - late * bodies.acc[a] + wp.cross(spin_of(bodies, a), s.arm_a)
    vb = velocity_of(bodies, b) - late * bodies.acc[b] + wp.cross(spin_of(bodies, b), s.arm_b)
    return wp.dot(s.normal, vb - va)


@wp.func
def give(bodies: Bodies, i: int, linear: wp.vec3, moment: wp.vec3):
    if bodies.inv_mass[i] > 0.0:
        bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + wp.float64(bodies.inv_mass[i]) * wp.vec3d(linear)
        bodies.angular_momentum[i] = bodies.angular_momentum[i] + wp.vec3d(moment)


@wp.func
def hit(
    bodies: Bodies, joints: Joints, rows: Rows, a: int, b: int, linear: wp.vec3, about_a: wp.vec3, about_b: wp.vec3,
    h: float,
):  # fmt: skip
    """Give an impulse to b and take it from a, and let the joints hold."""
    give(bodies, a, -linear, -about_a)
    give(bodies, b, linear, about_b)
    island_a = joints.island_of[a]
    island_b = joints.island_of[b]
    if island_a >= 0:
        hold(bodies, joints, rows, island_a, wp.float64(h))
    if island_b >= 0 and island_b != island_a:
        hold(bodies, joints, rows, island_b, wp.float64(h))


@wp.func
def touch(bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, e: int):
    """Where the bodies of impact ``e`` meet, at the poses they have now."""
    a = events.a[e]
    b = events.b[e]
    pair = events.pair[e]
    d = wp.vec3(bodies.x[b] - bodies.x[a])
    turn_a = matrix(bodies.q[a])
    turn_b = matrix(bodies.q[b])
    s = Strike()
    s.normal = events.normal[e]
    least = float(1.0e30)
    for k in range(pairs.count[pair]):
        i = row_of(c, pair, k)
        least = wp.min(least, place_contact(c.row[i], c.spot[i], d, turn_a, turn_b).separation)
    s.arm_a = wp.vec3(0.0, 0.0, 0.0)
    s.arm_b = wp.vec3(0.0, 0.0, 0.0)
    touching = float(0.0)
    for k in range(pairs.count[pair]):
        i = row_of(c, pair, k)
        p = Row()
        p = place_contact(c.row[i], c.spot[i], d, turn_a, turn_b)
        if p.separation <= least + 1.0e-3 * pairs.size[pair]:
            s.arm_a = s.arm_a + p.arm_a
            s.arm_b = s.arm_b + p.arm_b
            s.mass = p.normal_mass
            touching += 1.0
    s.arm_a = s.arm_a / touching
    s.arm_b = s.arm_b / touching
    return s


@wp.func
def pace(bodies: Bodies, joints: Joints, rows: Rows, i: int, h: float):
    """Note that the island of body ``i`` is struck, and whether it is calm at the motion it has now."""
    island = joints.island_of[i]
    if island >= 0:
        state = int(CALM)
        if wp.float64(h) * fastest(bodies, joints, rows, island) > LIMIT:
            state = int(FAST)
        joints.struck[island] = wp.max(joints.struck[island], state)


@wp.func
def is_fast(joints: Joints, i: int):
    island = joints.island_of[i]
    return island >= 0 and joints.struck[wp.max(island, 0)] == FAST


@wp.func
def give_again(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, joints: Joints, rows: Rows, ahead: Ahead, e: int,
    h: float,
):  # fmt: skip
    """Impact ``e``, which has been taken back, with the joints holding."""
    a = events.a[e]
    b = events.b[e]
    island_a = joints.island_of[a]
    island_b = joints.island_of[b]
    time = wp.where(is_fast(joints, a) or is_fast(joints, b), 0.0, events.fraction[e] * h)
    late = h - time
    leave(bodies, joints, rows, ahead, island_a, a, time, h)
    if island_b < 0 or island_b != island_a:
        leave(bodies, joints, rows, ahead, island_b, b, time, h)
    s = touch(bodies, pairs, c, events, e)
    speed = -parting(bodies, a, b, late, s)
    share = wp.clamp(speed / events.speed[e], 0.0, 1.0)  # the impacts before it may have left less of it to do
    s.linear = share * events.linear[e]
    s.about_a = share * events.about_a[e]
    s.about_b = share * events.about_b[e]
    further = float(0.0)
    scale = float(0.0)
    if share > 0.0:
        hit(bodies, joints, rows, a, b, s.linear, s.about_a, s.about_b, h)
        before = parting(bodies, a, b, late, s)
        lack = pairs.restitution[events.pair[e]] * speed - before
        more = s.mass * lack
        turns = wp.where(lack > 1.0e-4 * speed, 2, 0)
        for turn in range(turns):  # a trial, and the rest
            blow = more * s.normal
            hit(bodies, joints, rows, a, b, blow, wp.cross(s.arm_a, blow), wp.cross(s.arm_b, blow), h)
            s.linear = s.linear + blow
            s.about_a = s.about_a + wp.cross(s.arm_a, blow)
            s.about_b = s.about_b + wp.cross(s.arm_b, blow)
            further += more
            gain = parting(bodies, a, b, late, s) - before
            more = wp.where(turn == 0 and gain > 1.0e-4 * lack, more * (lack - gain) / wp.max(gain, 1.0e-9), 0.0)
        scale = stop_gain(bodies, joints, ahead, a, b, late, s)
    else:  # no impact: to the contacts
        for k in range(pairs.count[events.pair[e]]):
            c.row[row_of(c, events.pair[e], k)].deferred = 0
    come_back(bodies, joints, rows, ahead, island_a, a, time)
    if island_b < 0 or island_b != island_a:
        come_back(bodies, joints, rows, ahead, island_b, b, time)
    events.impulse[e] = scale * (share * events.impulse[e] + further)
    events.tangential[e] = scale * share * events.tangential[e]


@wp.func
def stop_gain(bodies: Bodies, joints: Joints, ahead: Ahead, a: int, b: int, late: float, s: Strike):
    """Scale the change of motion back if the contact did work on the bodies; by how much."""
    end = work_rate(bodies, a, b, late, s)
    island_a = joints.island_of[a]
    island_b = joints.island_of[b]
    # the rates before the strike, from what was remembered
    scale_all(bodies, joints, ahead, island_a, a, -1.0)
    if island_b < 0 or island_b != island_a:
        scale_all(bodies, joints, ahead, island_b, b, -1.0)
    mirrored = work_rate(bodies, a, b, late, s)  # at scale -1; the rate is linear in the scale
    start = 0.5 * (mirrored + end)
    scale = float(1.0)
    if start + end > 0.0 and end - start > 0.0:
        scale = wp.clamp(-2.0 * start / (end - start), 0.0, 1.0)
    scale_all(bodies, joints, ahead, island_a, a, -scale)
    if island_b < 0 or island_b != island_a:
        scale_all(bodies, joints, ahead, island_b, b, -scale)
    return scale


@wp.kernel
def blow_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, joints: Joints, rows: Rows, ahead: Ahead, h: float,
    substep: int,
):  # fmt: skip
    if pairs.hits[0] == 0:
        return
    last = wp.min(events.count[0], events.a.shape[0])
    first = int(last)
    while first > 0 and events.substep[first - 1] == substep:
        first -= 1
    e = int(last - 1)
    while e >= first:
        a = events.a[e]
        b = events.b[e]
        if joints.island_of[a] >= 0 or joints.island_of[b] >= 0:
            pace(bodies, joints, rows, a, h)
            pace(bodies, joints, rows, b, h)
            take(bodies, a, events.linear[e], events.about_a[e], events.fraction[e] * h)
            take(bodies, b, -events.linear[e], -events.about_b[e], events.fraction[e] * h)
            pace(bodies, joints, rows, a, h)
            pace(bodies, joints, rows, b, h)
        e -= 1
    for e in range(first, last):
        if joints.island_of[events.a[e]] >= 0 or joints.island_of[events.b[e]] >= 0:
            give_again(bodies, pairs, c, events, joints, rows, ahead, e, h)


def blow(
    bodies: Bodies, pairs: Pairs, c: Contacts, events: Events, joints: Joints, rows: Rows, ahead: Ahead, *, h, substep,
    device,
):  # fmt: skip
    """After the impacts of ``substep`` of the frame; one thread, which ends at once where there was none."""
    wp.launch(
        blow_kernel, dim=1, inputs=[bodies, pairs, c, events, joints, rows, ahead, h, substep], device=device
    )  # fmt: skip
