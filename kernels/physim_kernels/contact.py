"""Small-step soft contact (TGS-soft): one friction and one normal impulse per point and pass, warm started.

With h the substep and a contact spring of angular frequency w = 2 pi f, f = 1 / (4 h), damping ratio 2 (h w = pi / 2),
the implicit soft constraint has scale-free coefficients (Catto, "Soft Constraints", GDC 2011):

    a1 = 2 zeta + h w,  a2 = h w a1,  impulse scale 1 / (1 + a2),  mass scale a2 / (1 + a2),  bias rate w / a1.

The friction mass is one over the largest eigenvalue of the contact's inverse mass on the tangent plane: a scalar, so
that friction opposes the slip in every direction alike. Energy that the spring puts in is taken out by a relax pass.

A pass loads the two bodies of a pair once, walks over its points and writes the bodies back once.
"""

import warp as wp

from physim_kernels.resistance import turning_step
from physim_kernels.rigid_data import BACK, POINT, RIM, Bodies, Contacts, Grip, Pairs, Row, Spot, is_struck, row_of

FREQUENCY_STEP = wp.constant(1.5707963)  # h w
DAMPING = wp.constant(2.0)
SOFTNESS = wp.constant(2.4674011)
"""(h w)^2: load x h^2 over this and the effective mass is how deep a point is pressed."""
LET_GO = wp.constant(1.0e-8)
"""Square of the slip speed, over that of ``Row.push``, at which a point has let go."""
ARCS = wp.constant(5.0e-3)
"""Square of the angle per substep from which paths of contacts may be arcs."""
LEAVING = wp.constant(0.02)
"""Time in which a point that nothing holds gets out by itself and is not pushed [s]."""
FAST_TURN = wp.constant(4.0e-4)
"""Square of the angle per substep beyond which effective masses are computed anew."""


@wp.struct
class Couple:
    """The two bodies of a pair, in registers."""

    va: wp.vec3
    wa: wp.vec3
    vb: wp.vec3
    wb: wp.vec3
    ma: float  # inverse masses
    mb: float
    ia: wp.mat33  # inverse inertias, world
    ib: wp.mat33


@wp.func
def load(bodies: Bodies, a: int, b: int):
    m = Couple()
    m.va = bodies.v[a]
    m.wa = bodies.w[a]
    m.vb = bodies.v[b]
    m.wb = bodies.w[b]
    m.ma = bodies.inv_mass[a]
    m.mb = bodies.inv_mass[b]
    m.ia = bodies.inv_inertia[a]
    m.ib = bodies.inv_inertia[b]
    return m


@wp.func
def store(bodies: Bodies, a: int, b: int, m: Couple):
    """Write the velocities back. Bodies that nothing can push are never written: threads share them."""
    if m.ma > 0.0:
        bodies.v[a] = m.va
        bodies.w[a] = m.wa
    if m.mb > 0.0:
        bodies.v[b] = m.vb
        bodies.w[b] = m.wb


@wp.func
def push(m: Couple, p: Row, impulse: wp.vec3):
    """Give ``impulse`` [N s] to b and take it from a."""
    m.va = m.va - m.ma * impulse
    m.wa = m.wa - m.ia * wp.cross(p.arm_a, impulse)
    m.vb = m.vb + m.mb * impulse
    m.wb = m.wb + m.ib * wp.cross(p.arm_b, impulse)
    return m


@wp.func
def contact_velocity(m: Couple, p: Row):
    """Velocity of b's surface against a's at a contact [m/s]."""
    return (m.vb - m.va) + (wp.cross(m.wb, p.arm_b) - wp.cross(m.wa, p.arm_a))


@wp.func
def contact_shift(bodies: Bodies, a: int, b: int, p: Row):
    """Displacement at a contact that impacts of this substep have added [m]."""
    return bodies.dx[b] + wp.cross(bodies.dtheta[b], p.arm_b) - bodies.dx[a] - wp.cross(bodies.dtheta[a], p.arm_a)


@wp.func
def response(m: Couple, p: Row, u: wp.vec3):
    """Velocity of the contact per impulse along ``u`` [1/kg]."""
    by_b = wp.cross(m.ib * wp.cross(p.arm_b, u), p.arm_b)
    return (m.ma + m.mb) * u + by_b + wp.cross(m.ia * wp.cross(p.arm_a, u), p.arm_a)


@wp.func
def place_contact(p: Row, spot: Spot, d: wp.vec3, turn_a: wp.mat33, turn_b: wp.mat33):
    """Normal, arms and separation of a contact for b at ``d`` from a, in orientations ``turn_a``, ``turn_b``.

    Both arms lead to the same point, on b's surface: impulses there are equal and opposite on one line, so that they
    keep the angular momentum of the two.
    """
    at_b = turn_b * spot.point_b
    at_a = turn_a * spot.point_a
    n = turn_a * spot.normal_a
    if spot.kind == POINT:
        u = d + at_b - at_a
        length = wp.length(u)
        if wp.dot(u, n) > 1.0e-9:
            n = u / length
        else:
            length = wp.dot(u, n)
        p.separation = length - p.radius_a - p.radius_b
        at_b = at_b - p.radius_b * n
    elif spot.kind == BACK:  # the plane turns with b; where they meet is opposite the point of a
        n = turn_b * spot.axis_b
        p.separation = wp.dot(n, d + at_b - at_a)
        at_b = at_a + p.separation * n - d
    else:
        if spot.kind == RIM:
            axis = turn_b * spot.axis_b
            radial = n - wp.dot(n, axis) * axis
            at_b = at_b - (p.radius_b / wp.max(wp.length(radial), 1.0e-6)) * radial
        else:
            at_b = at_b - p.radius_b * n
        p.separation = wp.dot(n, d + at_b - at_a)
    p.normal = n
    p.arm_b = at_b
    p.arm_a = d + at_b
    return p


@wp.func
def contact_masses(m: Couple, p: Row):
    """Effective masses along the normal and, the safe scalar, on the tangent plane."""
    n = p.normal
    p.response = response(m, p, n)
    p.normal_mass = 1.0 / wp.dot(n, p.response)
    side = wp.vec3(1.0, 0.0, 0.0)
    if wp.abs(n[0]) > 0.7:
        side = wp.vec3(0.0, 1.0, 0.0)
    u = wp.normalize(wp.cross(n, side))
    w = wp.cross(n, u)
    by_u = response(m, p, u)
    k_uu = wp.dot(u, by_u)
    k_uw = wp.dot(w, by_u)
    k_ww = wp.dot(w, response(m, p, w))
    half = 0.5 * (k_uu - k_ww)
    p.friction_mass = 1.0 / (0.5 * (k_uu + k_ww) + wp.sqrt(half * half + k_uw * k_uw))
    return p


@wp.func
def within_disc(wanted: wp.vec3, limit: float):
    """Coulomb's disc: the impulse, no longer than ``limit``."""
    size = wp.length_sq(wanted)
    if size > limit * limit:
        return wanted * (limit / wp.sqrt(size))
    return wanted


@wp.func
def friction_of(p: Row, slips: int):
    """Coefficient of a point that slips, or that sticks."""
    return wp.where(slips == 1, p.friction, p.static_friction)


@wp.func
def solve_point(
    m: Couple, p: Row, g: Grip, separation: float, bias: float, mass_scale: float, impulse_scale: float
):  # fmt: skip
    """One pass over one point: friction against the last normal impulse, then the normal impulse, given as one.

    A point that did not press yet takes its normal impulse first, or its first friction would be none.
    """
    n = p.normal
    v = contact_velocity(m, p)
    vn = wp.dot(n, v)
    before = g.normal
    friction = friction_of(p, g.slips)
    change = wp.vec3(0.0, 0.0, 0.0)
    if before > 0.0:
        new = within_disc(g.friction - p.friction_mass * (v - vn * n), friction * before)
        change = new - g.friction
        g.friction = new
        vn += wp.dot(p.response, change)
    after = wp.max(before - p.normal_mass * mass_scale * (vn + bias) - impulse_scale * before, 0.0)
    if before <= 0.0 and vn > 0.0 and separation + LEAVING * vn > 0.0:
        after = float(0.0)
    g.normal = after
    m = push(m, p, change + (after - before) * n)
    if before <= 0.0 and after > 0.0:
        v = contact_velocity(m, p)
        new = within_disc(g.friction - p.friction_mass * (v - wp.dot(n, v) * n), friction * after)
        m = push(m, p, new - g.friction)
        g.friction = new
    return m, g


@wp.func
def relax_point(m: Couple, p: Row, g: Grip):
    """The last pass over one point; kinetic friction goes by the normal impulse that holds at its end.

    A point lets go when its static friction is exhausted and it moves; it holds again when kinetic friction can stop it
    within the substep.
    """
    n = p.normal
    v = contact_velocity(m, p)
    vn = wp.dot(n, v)
    slip = v - vn * n
    wanted = g.friction - p.friction_mass * slip
    new = within_disc(wanted, friction_of(p, g.slips) * g.normal)
    size = wp.length_sq(wanted)
    kinetic = p.friction * g.normal
    if g.slips == 1:
        if size <= kinetic * kinetic:
            g.slips = 0
    elif size > p.static_friction * p.static_friction * g.normal * g.normal:
        if wp.length_sq(slip) > LET_GO * p.push * p.push:
            g.slips = 1
            new = within_disc(wanted, kinetic)
    vn += wp.dot(p.response, new - g.friction)
    after = wp.max(g.normal - p.normal_mass * vn, 0.0)
    if g.slips == 1 and g.normal > 0.0:
        new = new * wp.clamp(after / g.normal, 0.5, 2.0)  # chatter of a point that barely touches is no load
    m = push(m, p, (after - g.normal) * n + new - g.friction)
    if g.normal <= 0.0 and after > 0.0:  # it presses again: its friction comes after
        v = contact_velocity(m, p)
        held = within_disc(new - p.friction_mass * (v - wp.dot(n, v) * n), friction_of(p, g.slips) * after)
        m = push(m, p, held - new)
        new = held
    g.normal = after
    g.friction = new
    return m, g


@wp.func
def turn(m: Couple, change: wp.vec3):
    """Give an angular impulse to b and take it from a."""
    m.wa = m.wa - m.ia * change
    m.wb = m.wb + m.ib * change
    return m


@wp.kernel
def warm_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, colour: int, stride: int):
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        total = wp.vec3(0.0, 0.0, 0.0)
        turn_a = wp.vec3(0.0, 0.0, 0.0)
        turn_b = wp.vec3(0.0, 0.0, 0.0)
        for k in range(pairs.count[pair]):
            i = row_of(c, pair, k)
            p = c.row[i]
            g = c.grip[i]
            if p.deferred == 0 and g.normal > 0.0:
                g.friction = g.friction - wp.dot(p.normal, g.friction) * p.normal
                impulse = g.normal * p.normal + g.friction
                total += impulse
                turn_a += wp.cross(p.arm_a, impulse) + g.turning
                turn_b += wp.cross(p.arm_b, impulse) + g.turning
            else:
                g.normal = 0.0
                g.friction = wp.vec3(0.0, 0.0, 0.0)
                g.turning = wp.vec3(0.0, 0.0, 0.0)
            c.grip[i] = g
        a = pairs.a[pair]
        b = pairs.b[pair]
        if bodies.inv_mass[a] > 0.0:
            bodies.v[a] = bodies.v[a] - bodies.inv_mass[a] * total
            bodies.w[a] = bodies.w[a] - bodies.inv_inertia[a] * turn_a
        if bodies.inv_mass[b] > 0.0:
            bodies.v[b] = bodies.v[b] + bodies.inv_mass[b] * total
            bodies.w[b] = bodies.w[b] + bodies.inv_inertia[b] * turn_b
        place += stride


@wp.kernel
def solve_kernel(
    bodies: Bodies, pairs: Pairs, c: Contacts, h: float, soft: int, first: int, last: int, stride: int
):  # fmt: skip
    a1 = 2.0 * DAMPING + FREQUENCY_STEP
    a2 = FREQUENCY_STEP * a1
    for colour in range(first, last):
        start = pairs.colour_start[colour] + wp.tid()
        end = pairs.colour_start[colour + 1]
        k = int(0)
        # pairs of a colour share no body: point by point through all of them, so that a processor can work on several
        while k < 4 and start < end:
            place = int(start)
            while place < end:
                pair = pairs.order[place]
                place += stride
                i = row_of(c, pair, k)
                p = c.row[i]
                if k < pairs.count[pair] and p.deferred == 0:
                    m = load(bodies, p.a, p.b)
                    s = p.separation
                    if is_struck(bodies, p.a, p.b):
                        s += wp.dot(p.normal, contact_shift(bodies, p.a, p.b, p))
                    s -= p.sag
                    bias = s / h
                    if soft == 0:
                        bias = wp.max(bias, 0.0)
                    mass_scale = float(1.0)
                    impulse_scale = float(0.0)
                    if soft == 1 and s <= 1.0e-3 * h * p.push:
                        bias = wp.max(FREQUENCY_STEP / (h * a1) * s, -p.push)
                        mass_scale = a2 / (1.0 + a2)
                        impulse_scale = 1.0 / (1.0 + a2)
                    m, g = solve_point(m, p, c.grip[i], s, bias, mass_scale, impulse_scale)
                    if p.rolling + p.twist > 0.0:
                        now = turning_step(m.ia + m.ib, m.wb - m.wa, p, g.turning, g.normal)
                        m = turn(m, now - g.turning)
                        g.turning = now
                    c.grip[i] = g
                    store(bodies, p.a, p.b, m)
                    if g.normal > 0.0:
                        # on what turns, the velocity at the end is the right one for what slides, too
                        if m.ma > 0.0:
                            slides = wp.where(m.mb == 0.0 and wp.length_sq(m.wb) == 0.0, g.slips, 0)
                            bodies.active[p.a] = bodies.active[p.a] | (1 << slides)
                            bodies.press[p.a] = p.normal
                        if m.mb > 0.0:
                            slides = wp.where(m.ma == 0.0 and wp.length_sq(m.wa) == 0.0, g.slips, 0)
                            bodies.active[p.b] = bodies.active[p.b] | (1 << slides)
                            bodies.press[p.b] = p.normal
            k += 1


@wp.kernel
def relax_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, h: float, first: int, last: int, stride: int):
    for colour in range(first, last):
        start = pairs.colour_start[colour] + wp.tid()
        end = pairs.colour_start[colour + 1]
        k = int(0)
        while k < 4 and start < end:
            place = int(start)
            while place < end:
                pair = pairs.order[place]
                place += stride
                i = row_of(c, pair, k)
                p = c.row[i]
                if k < pairs.count[pair] and p.deferred == 0:
                    m = load(bodies, p.a, p.b)
                    s = p.separation
                    if is_struck(bodies, p.a, p.b):
                        s += wp.dot(p.normal, contact_shift(bodies, p.a, p.b, p))
                    s += h * wp.dot(p.normal, contact_velocity(m, p))  # at the end of the drift
                    if s < -pairs.deepest[pair]:
                        pairs.deepest[pair] = -s
                    g = c.grip[i]
                    if g.normal > 0.0 or (s <= 0.0 and p.separation < h * p.push):
                        m, g = relax_point(m, p, g)
                        if p.rolling + p.twist > 0.0:
                            now = turning_step(m.ia + m.ib, m.wb - m.wa, p, g.turning, g.normal)
                            m = turn(m, now - g.turning)
                            g.turning = now
                        c.grip[i] = g
                        store(bodies, p.a, p.b, m)
            k += 1


def over_colours(kernel, inputs, *, colours, capacity, device):
    """Launch a kernel over all pairs in contact: in one go on a CPU, colour by colour on a GPU.

    The kernel's last two arguments are the colour (-1: all) and the number of threads that share its pairs.
    """
    if device.is_cpu:
        wp.launch(kernel, dim=1, inputs=[*inputs, -1, 1], device=device)
        return
    for colour in range(colours):
        threads = 1 if colour == colours - 1 else capacity  # what fitted no colour is walked by one thread
        wp.launch(kernel, dim=threads, inputs=[*inputs, colour, threads], device=device)


def by_colours(kernel, inputs, *, colours, capacity, device):
    """As :func:`over_colours`, for kernels that take the first and the last colour themselves."""
    if device.is_cpu:
        wp.launch(kernel, dim=1, inputs=[*inputs, 0, colours, 1], device=device)
        return
    for colour in range(colours):
        threads = 1 if colour == colours - 1 else capacity
        wp.launch(kernel, dim=threads, inputs=[*inputs, colour, colour + 1, threads], device=device)


def warm(bodies: Bodies, pairs: Pairs, c: Contacts, **launch):
    """Apply the impulses of the last substep."""
    over_colours(warm_kernel, [bodies, pairs, c], **launch)


def solve(bodies: Bodies, pairs: Pairs, c: Contacts, *, h, soft=True, **launch):
    """The soft pass: friction, and normal impulses that also close or open gaps over ``h`` [s].

    Not ``soft``: nothing opens, what touches is only stopped.
    """
    by_colours(solve_kernel, [bodies, pairs, c, h, int(soft)], **launch)


def relax(bodies: Bodies, pairs: Pairs, c: Contacts, *, h, **launch):
    """The pass after the drift that takes the softness's extra velocity out again."""
    by_colours(relax_kernel, [bodies, pairs, c, h], **launch)
