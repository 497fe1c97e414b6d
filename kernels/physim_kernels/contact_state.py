"""What presses where, how hard, and how it slides, rolls and spins there: sums per pair, emptied at each sample.

Sound of scraping and rolling, and judging whether feet stand still, need contacts over time; impacts are events of
their own (``impact``) and are not part of these loads.
"""

import math

import warp as wp

from physim_kernels.rigid_data import Bodies, Contacts, Pairs, Row, row_of

SETTLING = 0.1
"""Time constant of the mean load of a pair, a fifth of the time after which islands sleep [s]."""


@wp.struct
class Loads:
    """Sums over the substeps of a sample, per pair slot."""

    a: wp.array(dtype=int)  # the bodies the sums belong to
    b: wp.array(dtype=int)
    impulse: wp.array(dtype=float)  # normal [N s]
    point: wp.array(dtype=wp.vec3)  # impulse x place, world
    normal: wp.array(dtype=wp.vec3)  # impulse x normal
    rates: wp.array(dtype=wp.vec3)  # impulse x (slip speed, roll speed, spin)
    mean_a: wp.array(dtype=int)  # the bodies the mean belongs to
    mean_b: wp.array(dtype=int)
    mean: wp.array(dtype=float)  # running mean of the normal impulse per substep, over about ``SETTLING`` [N s]


@wp.struct
class States:
    """Rows of a frame, in the order of pairs within each sample."""

    count: wp.array(dtype=int)  # [0]: rows, may exceed the capacity
    sample: wp.array(dtype=int)
    a: wp.array(dtype=int)
    b: wp.array(dtype=int)
    impulse: wp.array(dtype=float)
    point: wp.array(dtype=wp.vec3)
    normal: wp.array(dtype=wp.vec3)
    rates: wp.array(dtype=wp.vec3)


@wp.func
def roll_speed(va: wp.vec3, wa: wp.vec3, vb: wp.vec3, wb: wp.vec3, p: Row):
    """Speed of the contact point over that surface over which it moves less: 0 for a thing that only slides."""
    n = p.normal
    at_a = va + wp.cross(wa, p.arm_a)
    at_b = vb + wp.cross(wb, p.arm_b)
    # the contact lies on the line between the two cores (centres of curvature), which carry it along
    core_a = at_a - p.radius_a * wp.cross(wa, n)
    core_b = at_b + p.radius_b * wp.cross(wb, n)
    along = core_b
    if p.radius_a > 0.0:
        along = core_a + (p.radius_a / (p.radius_a + p.radius_b)) * (core_b - core_a)
    over_a = along - at_a
    over_b = along - at_b
    over_a = over_a - wp.dot(over_a, n) * n
    over_b = over_b - wp.dot(over_b, n) * n
    return wp.sqrt(wp.min(wp.length_sq(over_a), wp.length_sq(over_b)))


@wp.kernel
def gather_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, loads: Loads, stride: int):
    """Add the impulses of this substep to the sums of their pairs."""
    place = wp.tid()
    end = pairs.colour_start[pairs.colour_start.shape[0] - 1]
    while place < end:
        pair = pairs.order[place]
        place += stride
        a = pairs.a[pair]
        b = pairs.b[pair]
        va = bodies.v[a]
        wa = bodies.w[a]
        vb = bodies.v[b]
        wb = bodies.w[b]
        total = float(0.0)
        arm = wp.vec3(0.0, 0.0, 0.0)
        normal = wp.vec3(0.0, 0.0, 0.0)
        rates = wp.vec3(0.0, 0.0, 0.0)
        for k in range(pairs.count[pair]):
            i = row_of(c, pair, k)
            press = c.grip[i].normal
            if press > 0.0:
                p = c.row[i]
                v = vb + wp.cross(wb, p.arm_b) - va - wp.cross(wa, p.arm_a)
                slip = wp.length(v - wp.dot(v, p.normal) * p.normal)
                roll = float(0.0)
                if p.radius_a + p.radius_b > 0.0:
                    roll = roll_speed(va, wa, vb, wb, p)
                total += press
                arm += press * p.arm_b
                normal += press * p.normal
                rates += press * wp.vec3(slip, roll, wp.abs(wp.dot(wb - wa, p.normal)))
        if total > 0.0:
            if loads.a[pair] != a or loads.b[pair] != b:  # the slot has changed hands
                loads.a[pair] = a
                loads.b[pair] = b
                loads.impulse[pair] = 0.0
                loads.point[pair] = wp.vec3(0.0, 0.0, 0.0)
                loads.normal[pair] = wp.vec3(0.0, 0.0, 0.0)
                loads.rates[pair] = wp.vec3(0.0, 0.0, 0.0)
            loads.impulse[pair] = loads.impulse[pair] + total
            loads.point[pair] = loads.point[pair] + arm + total * wp.vec3(bodies.x[b])
            loads.normal[pair] = loads.normal[pair] + normal
            loads.rates[pair] = loads.rates[pair] + rates


@wp.func
def average(loads: Loads, pair: int, a: int, b: int, steps: int, share: float):
    """Take the load of the last ``steps`` substeps into the running mean of a pair."""
    now = loads.impulse[pair] / float(steps)
    if loads.mean_a[pair] == a and loads.mean_b[pair] == b:
        loads.mean[pair] = loads.mean[pair] + share * (now - loads.mean[pair])
    elif now > 0.0:
        loads.mean_a[pair] = a
        loads.mean_b[pair] = b
        loads.mean[pair] = now


@wp.func
def keep_load(bodies: Bodies, pairs: Pairs, c: Contacts, loads: Loads, pair: int, a: int, b: int, steps: int):
    """What sleeps carries its mean load: as much for each of ``steps`` substeps, and nothing moves.

    The impulses of the substep in which it fell asleep are off by what a pile still quivers: they are scaled to the
    mean of the last while, which holds the pile in balance.
    """
    total = float(0.0)
    point = wp.vec3(0.0, 0.0, 0.0)
    normal = wp.vec3(0.0, 0.0, 0.0)
    for k in range(pairs.count[pair]):
        i = row_of(c, pair, k)
        press = c.grip[i].normal
        if press > 0.0:
            p = c.row[i]
            total += press
            point += press * (wp.vec3(bodies.x[b]) + p.arm_b)
            normal += press * p.normal
    if total > 0.0:
        if loads.mean_a[pair] == a and loads.mean_b[pair] == b and loads.mean[pair] > 0.0:
            scale = loads.mean[pair] / total
            loads.mean_a[pair] = -1  # once
            for k in range(pairs.count[pair]):
                i = row_of(c, pair, k)
                grip = c.grip[i]
                grip.normal = scale * grip.normal
                grip.friction = scale * grip.friction
                c.grip[i] = grip
            total *= scale
            point *= scale
            normal *= scale
        loads.a[pair] = a
        loads.b[pair] = b
        loads.impulse[pair] = total * float(steps)
        loads.point[pair] = point * float(steps)
        loads.normal[pair] = normal
        loads.rates[pair] = wp.vec3(0.0, 0.0, 0.0)


@wp.kernel
def report_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, loads: Loads, states: States, sample: int, steps: int, share: float,
    threads: int,
):  # fmt: skip
    """Rows of ``states`` for what pressed since the last report, in the order of the pairs in use."""
    place = int(wp.tid())
    while place < pairs.live_count[0]:
        pair = pairs.live[place]
        place += threads
        a = pairs.a[pair]
        b = pairs.b[pair]
        if pairs.count[pair] > 0:
            if bodies.asleep[a] + bodies.asleep[b] == 0:
                average(loads, pair, a, b, steps, share)
            else:
                keep_load(bodies, pairs, c, loads, pair, a, b, steps)
        total = loads.impulse[pair]
        if total > 0.0:
            row = wp.atomic_add(states.count, 0, 1)
            if row < states.sample.shape[0]:
                states.sample[row] = sample
                states.a[row] = loads.a[pair]
                states.b[row] = loads.b[pair]
                states.impulse[row] = total
                states.point[row] = loads.point[pair] / total
                states.normal[row] = wp.normalize(loads.normal[pair])
                states.rates[row] = loads.rates[pair] / total
            loads.impulse[pair] = 0.0
            loads.point[pair] = wp.vec3(0.0, 0.0, 0.0)
            loads.normal[pair] = wp.vec3(0.0, 0.0, 0.0)
            loads.rates[pair] = wp.vec3(0.0, 0.0, 0.0)


def gather(bodies: Bodies, pairs: Pairs, c: Contacts, loads: Loads, *, capacity, device):
    """Add the impulses of this substep to ``loads``; at its end."""
    threads = 1 if device.is_cpu else capacity
    wp.launch(gather_kernel, dim=threads, inputs=[bodies, pairs, c, loads, threads], device=device)


def report(bodies: Bodies, pairs: Pairs, c: Contacts, loads: Loads, states: States, *, sample, steps, h, device):
    """Turn what pressed in the ``steps`` substeps of ``h`` [s] since the last report into rows of ``states``."""
    slots = loads.impulse.shape[0]
    threads = 1 if device.is_cpu else slots
    share = 1.0 - math.exp(-steps * h / SETTLING)
    wp.launch(
        report_kernel, dim=threads, device=device,
        inputs=[bodies, pairs, c, loads, states, sample, steps, share, threads],
    )  # fmt: skip
