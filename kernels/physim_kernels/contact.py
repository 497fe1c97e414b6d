"""Small-step soft contact (TGS-soft): one friction and one normal impulse per point and pass, warm started.

With h the substep and a contact spring of angular frequency w = 2 pi f, f = 1 / (4 h), damping ratio 2 (h w = pi / 2),
the implicit soft constraint has scale-free coefficients (Catto, "Soft Constraints", GDC 2011):

    a1 = 2 zeta + h w,  a2 = h w a1,  impulse scale 1 / (1 + a2),  mass scale a2 / (1 + a2),  bias rate w / a1.

The friction mass is one over the largest eigenvalue of the contact's inverse mass on the tangent plane: a scalar, so
that friction opposes the slip in every direction alike. Energy that the spring puts in is taken out by a relax pass.
"""

import warp as wp

from physim_kernels.rigid_data import POINT, RIM, Bodies, Contacts, Pairs

FREQUENCY_STEP = wp.constant(1.5707963)  # h w
DAMPING = wp.constant(2.0)


@wp.func
def inverse_mass(bodies: Bodies, a: int, b: int, arm_a: wp.vec3, arm_b: wp.vec3, u: wp.vec3):
    """Velocity of the contact along ``u`` per impulse along ``u`` [1/kg]."""
    ca = wp.cross(arm_a, u)
    cb = wp.cross(arm_b, u)
    return (
        bodies.inv_mass[a] + bodies.inv_mass[b]
        + wp.dot(ca, bodies.inv_inertia[a] * ca) + wp.dot(cb, bodies.inv_inertia[b] * cb)
    )  # fmt: skip


@wp.func
def contact_velocity(bodies: Bodies, a: int, b: int, arm_a: wp.vec3, arm_b: wp.vec3):
    """Velocity of b's surface against a's at a contact [m/s]."""
    return bodies.v[b] + wp.cross(bodies.w[b], arm_b) - bodies.v[a] - wp.cross(bodies.w[a], arm_a)


@wp.func
def contact_shift(bodies: Bodies, a: int, b: int, arm_a: wp.vec3, arm_b: wp.vec3):
    """Displacement at a contact that impacts of this substep have added [m]."""
    return bodies.dx[b] + wp.cross(bodies.dtheta[b], arm_b) - bodies.dx[a] - wp.cross(bodies.dtheta[a], arm_a)


@wp.func
def push(bodies: Bodies, a: int, b: int, arm_a: wp.vec3, arm_b: wp.vec3, impulse: wp.vec3):
    """Give ``impulse`` [N s] to b and take it from a. Static bodies are never written."""
    if bodies.inv_mass[a] > 0.0:
        bodies.v[a] = bodies.v[a] - bodies.inv_mass[a] * impulse
        bodies.w[a] = bodies.w[a] - bodies.inv_inertia[a] * wp.cross(arm_a, impulse)
    if bodies.inv_mass[b] > 0.0:
        bodies.v[b] = bodies.v[b] + bodies.inv_mass[b] * impulse
        bodies.w[b] = bodies.w[b] + bodies.inv_inertia[b] * wp.cross(arm_b, impulse)


@wp.func
def place_contact(bodies: Bodies, c: Contacts, i: int, a: int, b: int):
    """Normal, arms and separation of contact ``i`` at the bodies' present poses."""
    d = wp.vec3(bodies.x[b] - bodies.x[a])
    at_a = bodies.rotation[a] * c.point_a[i]
    at_b = bodies.rotation[b] * c.point_b[i]
    n = bodies.rotation[a] * c.normal_a[i]
    if c.kind[i] == POINT:
        u = d + at_b - at_a
        length = wp.length(u)
        if wp.dot(u, n) > 1.0e-9:
            n = u / length
        else:
            length = wp.dot(u, n)
        c.arm_a[i] = at_a + c.radius_a[i] * n
        c.arm_b[i] = at_b - c.radius_b[i] * n
        c.separation[i] = length - c.radius_a[i] - c.radius_b[i]
    else:
        if c.kind[i] == RIM:
            axis = bodies.rotation[b] * c.axis_b[i]
            radial = n - wp.dot(n, axis) * axis
            at_b = at_b - (c.radius_b[i] / wp.max(wp.length(radial), 1.0e-6)) * radial
        else:
            at_b = at_b - c.radius_b[i] * n
        s = wp.dot(n, d + at_b - at_a)
        c.arm_a[i] = d + at_b - s * n
        c.arm_b[i] = at_b
        c.separation[i] = s
    c.normal[i] = n


@wp.func
def contact_masses(bodies: Bodies, c: Contacts, i: int, a: int, b: int):
    """Effective masses along the normal and, the safe scalar, on the tangent plane."""
    n = c.normal[i]
    arm_a = c.arm_a[i]
    arm_b = c.arm_b[i]
    c.normal_mass[i] = 1.0 / inverse_mass(bodies, a, b, arm_a, arm_b, n)
    side = wp.vec3(1.0, 0.0, 0.0)
    if wp.abs(n[0]) > 0.7:
        side = wp.vec3(0.0, 1.0, 0.0)
    u = wp.normalize(wp.cross(n, side))
    w = wp.cross(n, u)
    k_uu = inverse_mass(bodies, a, b, arm_a, arm_b, u)
    k_ww = inverse_mass(bodies, a, b, arm_a, arm_b, w)
    k_uw = wp.dot(wp.cross(arm_a, u), bodies.inv_inertia[a] * wp.cross(arm_a, w))
    k_uw += wp.dot(wp.cross(arm_b, u), bodies.inv_inertia[b] * wp.cross(arm_b, w))
    half = 0.5 * (k_uu - k_ww)
    c.friction_mass[i] = 1.0 / (0.5 * (k_uu + k_ww) + wp.sqrt(half * half + k_uw * k_uw))


@wp.func
def solve_point(
    bodies: Bodies, c: Contacts, i: int, a: int, b: int,
    friction: float, bias: float, mass_scale: float, impulse_scale: float,
):  # fmt: skip
    """One pass over one point: friction against the last normal impulse, then the normal impulse."""
    n = c.normal[i]
    arm_a = c.arm_a[i]
    arm_b = c.arm_b[i]
    v = contact_velocity(bodies, a, b, arm_a, arm_b)
    slip = v - wp.dot(n, v) * n
    old = c.friction_impulse[i]
    new = old - c.friction_mass[i] * slip
    limit = friction * c.normal_impulse[i]
    size = wp.length(new)
    if size > limit:
        new = new * (limit / size)
    push(bodies, a, b, arm_a, arm_b, new - old)
    c.friction_impulse[i] = new
    vn = wp.dot(n, contact_velocity(bodies, a, b, arm_a, arm_b))
    before = c.normal_impulse[i]
    after = wp.max(before - c.normal_mass[i] * mass_scale * (vn + bias) - impulse_scale * before, 0.0)
    c.normal_impulse[i] = after
    push(bodies, a, b, arm_a, arm_b, (after - before) * n)


@wp.kernel
def warm_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, colour: int, stride: int):
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        a = pairs.a[pair]
        b = pairs.b[pair]
        for k in range(pairs.count[pair]):
            i = 4 * pair + k
            if c.deferred[i] == 1:
                c.normal_impulse[i] = 0.0
                c.friction_impulse[i] = wp.vec3(0.0, 0.0, 0.0)
            else:
                n = c.normal[i]
                friction = c.friction_impulse[i]
                friction = friction - wp.dot(n, friction) * n
                c.friction_impulse[i] = friction
                push(bodies, a, b, c.arm_a[i], c.arm_b[i], c.normal_impulse[i] * n + friction)
        place += stride


@wp.kernel
def solve_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, h: float, colour: int, stride: int):
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    a1 = 2.0 * DAMPING + FREQUENCY_STEP
    a2 = FREQUENCY_STEP * a1
    while place < end:
        pair = pairs.order[place]
        a = pairs.a[pair]
        b = pairs.b[pair]
        pressed = int(0)
        for k in range(pairs.count[pair]):
            i = 4 * pair + k
            if c.deferred[i] == 0:
                s = c.separation[i] + wp.dot(c.normal[i], contact_shift(bodies, a, b, c.arm_a[i], c.arm_b[i]))
                bias = s / h
                mass_scale = float(1.0)
                impulse_scale = float(0.0)
                if s <= 0.0:
                    bias = wp.max(FREQUENCY_STEP / (h * a1) * s, -pairs.push[pair])
                    mass_scale = a2 / (1.0 + a2)
                    impulse_scale = 1.0 / (1.0 + a2)
                solve_point(bodies, c, i, a, b, pairs.friction[pair], bias, mass_scale, impulse_scale)
                if c.normal_impulse[i] > 0.0:
                    pressed = int(1)
        if pressed == 1:
            if bodies.inv_mass[a] > 0.0:
                bodies.active[a] = 1
            if bodies.inv_mass[b] > 0.0:
                bodies.active[b] = 1
        place += stride


@wp.kernel
def relax_kernel(bodies: Bodies, pairs: Pairs, c: Contacts, h: float, colour: int, stride: int):
    place = pairs.colour_start[wp.max(colour, 0)] + wp.tid()
    end = pairs.colour_start[wp.where(colour < 0, pairs.colour_start.shape[0] - 1, colour + 1)]
    while place < end:
        pair = pairs.order[place]
        a = pairs.a[pair]
        b = pairs.b[pair]
        for k in range(pairs.count[pair]):
            i = 4 * pair + k
            if c.deferred[i] == 0:
                n = c.normal[i]
                vn = wp.dot(n, contact_velocity(bodies, a, b, c.arm_a[i], c.arm_b[i]))
                s = c.separation[i] + wp.dot(n, contact_shift(bodies, a, b, c.arm_a[i], c.arm_b[i]))
                pairs.deepest[pair] = wp.max(pairs.deepest[pair], -(s + h * vn))  # at the end of the drift
                if c.normal_impulse[i] > 0.0 or s + h * vn <= 0.0:
                    solve_point(bodies, c, i, a, b, pairs.friction[pair], 0.0, 1.0, 0.0)
        place += stride


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


def warm(bodies: Bodies, pairs: Pairs, c: Contacts, **launch):
    """Apply the impulses of the last substep."""
    over_colours(warm_kernel, [bodies, pairs, c], **launch)


def solve(bodies: Bodies, pairs: Pairs, c: Contacts, *, h, **launch):
    """The soft pass: friction, and normal impulses that also close or open gaps over ``h`` [s]."""
    over_colours(solve_kernel, [bodies, pairs, c, h], **launch)


def relax(bodies: Bodies, pairs: Pairs, c: Contacts, *, h, **launch):
    """The pass after the drift that takes the softness's extra velocity out again."""
    over_colours(relax_kernel, [bodies, pairs, c, h], **launch)
