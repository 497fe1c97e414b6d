"""Sleep: bodies that keep their place for a while cost nothing until something moves them.

Bodies in contact form an island. An island falls asleep when each of its bodies has kept within a small part of its
size of one place and attitude for ``TIME``, and something that does not move carries it: what creeps or rolls however
slowly leaves its place, and what floats freely never sleeps, nor does what only hangs by joints: it may stand where it
will not stay. Bodies that joints tie are of one island. Sleeping bodies are not moved
and contacts among them are not solved; they keep their impulses. An island wakes as a whole, before anything that moves
gets there: contacts are listed when bodies may meet until the next look.
"""

import warp as wp

from physim_kernels.rigid import Outer, wind_on
from physim_kernels.rigid_data import Bodies, Contacts, Pairs, bring_to_rest, is_awake, nobody_stirs, row_of

TIME = wp.constant(0.5)
"""How long all bodies of an island keep their place before they sleep [s]."""


@wp.struct
class Rest:
    limit: wp.array(dtype=float)  # distance that a body's surface may move while it keeps its place [m]; -1: driven
    bound: wp.array(dtype=float)  # radius of the body [m]
    time: wp.array(dtype=float)  # for which it has kept its place [s]
    x: wp.array(dtype=wp.vec3d)  # the place
    q: wp.array(dtype=wp.quatd)
    wind: wp.array(dtype=wp.vec3)  # when it fell asleep [m/s]
    push: wp.array(dtype=wp.vec3d)  # by a gas, then [m/s^2]
    label: wp.array(dtype=int)  # another body of the same island, and itself at the root
    island: wp.array(dtype=int)  # root of its island
    least: wp.array(dtype=float)  # per island: shortest time [s]
    held: wp.array(dtype=int)  # per island: 1 if something carries it
    tied_a: wp.array(dtype=int)  # moving bodies that joints tie to others
    tied_b: wp.array(dtype=int)
    tied_total: int


@wp.func
def is_pushed(bodies: Bodies, outer: Outer, rest: Rest, i: int, k: int, steps: int):
    """Whether a sleeping body was pushed by a partner, will be by an impulse, or stands in a wind that has changed."""
    dv = bodies.v[i] - bodies.v_ref[i]
    dw = bodies.w[i] - bodies.w_ref[i]
    if wp.dot(dv, dv) + wp.dot(dw, dw) > 0.0:
        return True
    for j in range(outer.impulse_count):
        wait = outer.impulse_substep[j] - outer.substep[0] - k
        if outer.impulse_body[j] == i and wait >= 0 and wait < steps:
            return True
    slight = 0.01 * float(wp.length(outer.gravity[k]))
    if outer.has_gas == 1:
        if float(wp.length(outer.push[i] - rest.push[i])) > slight:
            return True
    if outer.has_air == 1 and bodies.drag[i] > 0.0:
        now = wind_on(outer, i, k)
        then = rest.wind[i]
        change = wp.length(wp.length(now) * now - wp.length(then) * then)
        area = wp.pi * rest.bound[i] * rest.bound[i]
        return bodies.drag[i] * area * change > slight
    return False


@wp.kernel
def watch_kernel(bodies: Bodies, outer: Outer, rest: Rest, k: int, steps: int, interval: float):
    """How long each body has kept its place."""
    i = wp.tid()
    rest.label[i] = i
    rest.held[i] = 0
    if bodies.asleep[i] == 1:
        if is_pushed(bodies, outer, rest, i, k, steps):
            rest.time[i] = 0.0
            bodies.stirred[0] = 1
    else:
        away = float(wp.length(bodies.x[i] - rest.x[i]))
        turn = wp.quat_inverse(rest.q[i]) * bodies.q[i]
        angle = 2.0 * float(wp.length(wp.vec3d(turn[0], turn[1], turn[2])))
        if away + angle * rest.bound[i] > rest.limit[i]:
            rest.time[i] = 0.0
            rest.x[i] = bodies.x[i]
            rest.q[i] = bodies.q[i]
        else:
            rest.time[i] = rest.time[i] + interval
    rest.least[i] = rest.time[i]


@wp.func
def root_of(rest: Rest, i: int):
    """Lowest body known of the island of ``i``; paths are halved on the way."""
    at = int(i)
    while rest.label[at] != at:
        up = rest.label[rest.label[at]]
        rest.label[at] = up
        at = up
    return at


@wp.func
def join(rest: Rest, a: int, b: int):
    root_a = root_of(rest, a)
    root_b = root_of(rest, b)
    rest.label[wp.max(root_a, root_b)] = wp.min(root_a, root_b)


@wp.func
def lean(bodies: Bodies, pairs: Pairs, c: Contacts, rest: Rest, pair: int):
    """A pair with something no contact moves: it carries the other if it stands and is pressed on, or drives it."""
    body = pairs.a[pair]
    other = pairs.b[pair]
    if bodies.inv_mass[body] == 0.0:
        body = pairs.b[pair]
        other = pairs.a[pair]
    if is_awake(bodies, other):
        rest.least[body] = 0.0
        return
    for k in range(pairs.count[pair]):
        if c.grip[row_of(c, pair, k)].normal > 0.0:
            rest.held[body] = 1


@wp.kernel
def gather_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, rest: Rest):
    """Islands by union of all contacts; one thread. Nothing changes while all sleep undisturbed."""
    bodies.stirred[1] = wp.where(nobody_stirs(bodies) and bodies.stirred[0] == 0, 0, 1)
    bodies.stirred[0] = 0
    if bodies.stirred[1] == 0:
        return
    bodies.awake[0] = 0
    for place in range(pairs.live_count[0]):
        pair = pairs.live[place]
        if pairs.count[pair] > 0:
            if bodies.inv_mass[pairs.a[pair]] > 0.0 and bodies.inv_mass[pairs.b[pair]] > 0.0:
                join(rest, pairs.a[pair], pairs.b[pair])
            else:
                lean(bodies, pairs, c, rest, pair)
    for k in range(rest.tied_total):
        join(rest, rest.tied_a[k], rest.tied_b[k])


@wp.kernel
def pool_kernel(bodies: Bodies, rest: Rest):
    """What each island has in common, kept with its root."""
    i = wp.tid()
    if bodies.stirred[1] == 0:
        return
    root = int(i)
    while rest.label[root] != root:
        root = rest.label[root]
    rest.island[i] = root
    if root != i:
        wp.atomic_min(rest.least, root, rest.least[i])
        wp.atomic_max(rest.held, root, rest.held[i])


@wp.kernel
def settle_kernel(bodies: Bodies, outer: Outer, rest: Rest, k: int):
    """Put islands to sleep or wake them."""
    i = wp.tid()
    if bodies.stirred[1] == 0:
        return
    root = rest.island[i]
    if rest.least[root] >= TIME and rest.held[root] == 1:
        if bodies.asleep[i] == 0:
            bodies.asleep[i] = 1
            bring_to_rest(bodies, i)
            rest.wind[i] = wind_on(outer, i, k)
            if outer.has_gas == 1:
                rest.push[i] = outer.push[i]
    else:
        bodies.asleep[i] = 0
        wp.atomic_add(bodies.awake, 0, 1)


def settle(bodies: Bodies, pairs: Pairs, c: Contacts, outer: Outer, rest: Rest, *, k, steps, interval, count, device):
    """Put islands of the first ``count`` bodies to sleep, or wake them, before substep ``k`` of the frame.

    Called when contacts have been found for the next ``steps`` substeps, ``interval`` [s].
    """
    wp.launch(watch_kernel, dim=count, inputs=[bodies, outer, rest, k, steps, interval], device=device)
    wp.launch(gather_kernel, dim=1, inputs=[bodies, pairs, c, rest], device=device)
    wp.launch(pool_kernel, dim=count, inputs=[bodies, rest], device=device)
    wp.launch(settle_kernel, dim=count, inputs=[bodies, outer, rest, k], device=device)
