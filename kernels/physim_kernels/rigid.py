"""Motion of rigid bodies: outer forces, and drift with free rotation.

Position, velocity, orientation and angular momentum are kept in double precision; the contact solver works on single
precision copies ``v``, ``w`` and its changes are added back. A body that nothing touches keeps its angular momentum bit
for bit. Free rotation is the implicit midpoint rule in the body frame,

    I (w1 - w0) + h wm x I wm = 0,  wm = (w0 + w1) / 2,  q1 = q0 cayley(h wm),

which conserves energy and momentum of the free top (Hairer, Lubich, Wanner, Geometric Numerical Integration, VII.5),
solved by Newton's method. Without contacts the path of the centre of mass is the exact parabola.
"""

import warp as wp

from physim_kernels.rigid_data import CAPSULE, CYLINDER, SPHERE, Bodies, Geometry

SLIDING = wp.constant(2)
"""``Bodies.active`` of a body on which all that presses slides."""
ARRIVED = wp.constant(8)
"""``Bodies.active`` of a body that its joints have brought to the end of the substep already."""


@wp.struct
class Outer:
    """Forces from outside."""

    gravity: wp.array(dtype=wp.vec3d)  # of each substep of the frame [m/s^2]
    wind: wp.array(dtype=wp.vec3)  # of each substep of the frame [m/s]
    substep: wp.array(dtype=int)  # [0]: substeps done before this frame
    impulse_body: wp.array(dtype=int)
    impulse_substep: wp.array(dtype=int)
    impulse: wp.array(dtype=wp.vec3d)  # [N s]
    impulse_arm: wp.array(dtype=wp.vec3d)  # from the centre of mass, world axes [m]
    impulse_count: int
    has_air: int  # 0 when no body has drag
    has_gas: int  # 1 where a gas moves the bodies that are in it; per body:
    air: wp.array(dtype=wp.vec3)  # its stream [m/s]
    air_share: wp.array(dtype=float)  # part of the body that it is all around
    push: wp.array(dtype=wp.vec3d)  # acceleration by it besides drag [m/s^2]
    twist: wp.array(dtype=wp.vec3d)  # torque [N m]
    blown: wp.array(dtype=wp.vec3d)  # change of velocity by drag in this frame [m/s]


@wp.func
def wind_on(outer: Outer, i: int, k: int):
    """Velocity of the air around body ``i`` in substep ``k``."""
    wind = outer.wind[k]
    if outer.has_gas == 1:
        wind = wp.lerp(wind, outer.air[i], outer.air_share[i])
    return wind


@wp.func
def collect(bodies: Bodies, i: int):
    """Add what the contact solver changed in single precision to the double precision state."""
    bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + wp.vec3d(bodies.v[i] - bodies.v_ref[i])
    bodies.v_ref[i] = bodies.v[i]
    dw = bodies.w[i] - bodies.w_ref[i]
    if wp.length_sq(dw) > 0.0:
        q = bodies.q[i]
        change = wp.cw_mul(bodies.inertia[i], wp.quat_rotate_inv(q, wp.vec3d(dw)))
        bodies.angular_momentum[i] = bodies.angular_momentum[i] + wp.quat_rotate(q, change)
        bodies.w_ref[i] = bodies.w[i]


@wp.func
def publish(bodies: Bodies, i: int):
    """Write the single precision copies of the state: v, w, rotation and the world inertia's inverse."""
    q = bodies.q[i]
    inertia = bodies.inertia[i]
    bodies.v[i] = wp.vec3(bodies.momentum_velocity[i])
    bodies.v_ref[i] = bodies.v[i]
    w = wp.quat_rotate(q, wp.cw_div(wp.quat_rotate_inv(q, bodies.angular_momentum[i]), inertia))
    bodies.w[i] = wp.vec3(w)
    bodies.w_ref[i] = bodies.w[i]
    r = wp.mat33(wp.quat_to_matrix(q))
    bodies.rotation[i] = r
    bodies.inv_inertia[i] = world_inverse(r, inertia)


@wp.func
def world_inverse(r: wp.mat33, inertia: wp.vec3d):
    """Inverse inertia in world axes of a body in orientation ``r``."""
    ix = 1.0 / float(inertia[0])
    iy = 1.0 / float(inertia[1])
    iz = 1.0 / float(inertia[2])
    if is_even(inertia):
        return wp.diag(wp.vec3(ix, iy, iz))
    return r * wp.diag(wp.vec3(ix, iy, iz)) * wp.transpose(r)


@wp.func
def is_even(inertia: wp.vec3d):
    """Whether all moments are equal, to rounding: spheres, cubes. Such a body turns steadily."""
    slack = wp.float64(1.0e-12) * inertia[0]
    return wp.abs(inertia[1] - inertia[0]) <= slack and wp.abs(inertia[2] - inertia[0]) <= slack


@wp.func
def is_round(g: Geometry, i: int):
    """Whether body ``i`` is one sphere."""
    return g.kind[g.first[i]] == SPHERE and g.first[i + 1] == g.first[i] + 1


@wp.func
def silhouette(g: Geometry, c: int, u: wp.vec3):
    """Area of the silhouette of collider ``c`` seen along the unit vector ``u`` of its own frame [m^2]."""
    kind = g.kind[c]
    r = g.radius[c]
    if kind == SPHERE:
        return wp.pi * r * r
    if kind == CAPSULE or kind == CYLINDER:
        side = 4.0 * r * g.half[c] * wp.sqrt(wp.max(1.0 - u[1] * u[1], 0.0))
        if kind == CAPSULE:
            return wp.pi * r * r + side
        return wp.pi * r * r * wp.abs(u[1]) + side
    area = float(0.0)
    for f in range(g.face_count[c]):
        k = g.face_start[c] + f
        area += 0.5 * g.face_area[k] * wp.abs(wp.dot(g.face_normal[k], u))
    return area


@wp.func
def facing_area(g: Geometry, i: int, u: wp.vec3):
    """Sum of the silhouettes of body ``i``'s colliders seen along the unit vector ``u`` of its own frame [m^2]."""
    area = float(0.0)
    for c in range(g.first[i], g.first[i + 1]):
        area += silhouette(g, c, u * g.rotation[c])
    return area


@wp.func
def air_change(g: Geometry, bodies: Bodies, i: int, wind: wp.vec3, gravity: wp.vec3d, h: wp.float64):
    """Change of velocity by quadratic drag over ``h``: v' = v / (1 + k h |v|), exact for dv/dt = -k |v| v."""
    v = bodies.momentum_velocity[i] + wp.float64(0.5) * h * gravity - wp.vec3d(wind)
    speed = wp.length(v)
    if speed < wp.float64(1.0e-3):  # far below any other force on a body
        return wp.vec3d()
    u = wp.transpose(bodies.rotation[i]) * wp.vec3(v / speed)
    rate = wp.float64(bodies.drag[i] * facing_area(g, i, u)) * h * speed
    return -(rate / (wp.float64(1.0) + rate)) * v


@wp.kernel
def kick_kernel(g: Geometry, bodies: Bodies, outer: Outer, hits: wp.array(dtype=int), k: int, h: wp.float64):
    i = wp.tid()
    if i == 0:
        hits[0] = 0
    bodies.struck[i] = 0
    if bodies.asleep[i] == 1:
        return
    velocity = bodies.momentum_velocity[i] + wp.vec3d(bodies.v[i] - bodies.v_ref[i])
    bodies.momentum_velocity[i] = velocity
    gravity = outer.gravity[k]
    change = h * gravity
    if outer.has_air == 1 and bodies.drag[i] > 0.0:
        drag = air_change(g, bodies, i, wind_on(outer, i, k), gravity, h)
        change += drag
        if outer.has_gas == 1:
            outer.blown[i] = outer.blown[i] + drag
    if outer.has_gas == 1:
        change += h * outer.push[i]
        turn = h * outer.twist[i]
        dw = bodies.inv_inertia[i] * wp.vec3(turn)
        bodies.w[i] = bodies.w[i] + dw
        bodies.w_ref[i] = bodies.w_ref[i] + dw
        bodies.angular_momentum[i] = bodies.angular_momentum[i] + turn
    now = outer.substep[0] + k
    for j in range(outer.impulse_count):
        if outer.impulse_substep[j] == now and outer.impulse_body[j] == i:
            p = outer.impulse[j]
            velocity = velocity + wp.float64(bodies.inv_mass[i]) * p
            twist = bodies.inv_inertia[i] * wp.vec3(wp.cross(outer.impulse_arm[j], p))
            bodies.w[i] = bodies.w[i] + twist
            bodies.angular_momentum[i] = bodies.angular_momentum[i] + wp.cross(outer.impulse_arm[j], p)
            bodies.w_ref[i] = bodies.w_ref[i] + twist
    velocity = velocity + change
    bodies.momentum_velocity[i] = velocity
    bodies.v[i] = wp.vec3(velocity)
    bodies.v_ref[i] = bodies.v[i]
    bodies.acc[i] = wp.vec3(change / h)
    bodies.dx[i] = wp.vec3(0.0, 0.0, 0.0)
    bodies.dtheta[i] = wp.vec3(0.0, 0.0, 0.0)
    bodies.active[i] = 0


@wp.func
def midpoint_rate(w0: wp.vec3d, inertia: wp.vec3d, h: wp.float64):
    """Mean angular velocity of the step, body frame: Newton's method on the implicit midpoint rule."""
    half = wp.float64(0.5) * h
    wm = w0
    size = wp.length_sq(w0)
    change = size
    count = int(0)
    while count < 6 and change > wp.float64(1.0e-30) * size:
        # f(wm) = I (wm - w0) + h/2 wm x I wm
        im = wp.cw_mul(inertia, wm)
        f = wp.cw_mul(inertia, wm - w0) + half * wp.cross(wm, im)
        j = wp.diag(inertia) + half * (wp.skew(wm) * wp.diag(inertia) - wp.skew(im))
        step = wp.inverse(j) * f
        wm = wm - step
        change = wp.length_sq(step)
        count += 1
    return wm


@wp.func
def turned(q: wp.quatd, momentum: wp.vec3d, inertia: wp.vec3d, h: wp.float64):
    """Orientation after free rotation for ``h`` (which may be negative) with the world angular momentum given."""
    w = wp.cw_div(wp.quat_rotate_inv(q, momentum), inertia)
    if wp.length_sq(w) * h * h > wp.float64(1.0e-14) and not is_even(inertia):
        w = midpoint_rate(w, inertia, h)
    half = wp.float64(0.5) * h * w
    return wp.normalize(q * wp.quatd(half[0], half[1], half[2], wp.float64(1.0)))


@wp.func
def drifted_place(bodies: Bodies, i: int, step: wp.float64, h: wp.float64):
    """Centre of mass of body ``i`` after ``step``, the substep of ``h`` or a part of it [m]."""
    x = bodies.x[i] + step * bodies.momentum_velocity[i] + (step / h) * wp.vec3d(bodies.dx[i])
    if bodies.active[i] == 0:  # free flight is an exact parabola
        x = x - wp.float64(0.5) * step * h * wp.vec3d(bodies.acc[i])
    return x


@wp.func
def late_start(bodies: Bodies, i: int, pushed: wp.vec3, h: wp.float64):
    """What a body that slides has not yet gone, as its velocity along the surface changed during ``h`` [m].

    Friction of what slides is constant, and so is its deceleration: its path is a parabola as in free flight. Normal
    to the surface, and for what holds, the velocity at the end is the right one.
    """
    change = float(h) * bodies.acc[i] + pushed
    n = bodies.press[i]
    return wp.float64(0.5) * h * wp.vec3d(change - wp.dot(change, n) * n)


@wp.func
def drifted_turn(bodies: Bodies, i: int, h: wp.float64):
    """Orientation of body ``i`` after ``h``."""
    q = bodies.q[i]
    momentum = bodies.angular_momentum[i]
    if wp.length_sq(momentum) > wp.float64(0.0):
        q = turned(q, momentum, bodies.inertia[i], h)
    return q


@wp.kernel
def drift_kernel(g: Geometry, bodies: Bodies, h: wp.float64):
    i = wp.tid()
    if bodies.asleep[i] == 1:
        return
    if bodies.active[i] == ARRIVED:
        publish(bodies, i)
        return
    pushed = bodies.v[i] - bodies.v_ref[i]
    collect(bodies, i)
    x = drifted_place(bodies, i, h, h)
    if bodies.active[i] == SLIDING:
        x = x - late_start(bodies, i, pushed, h)
    q = drifted_turn(bodies, i, h)
    bodies.x[i] = x
    bodies.q[i] = q
    publish(bodies, i)


@wp.kernel
def record_kernel(
    bodies: Bodies, row: int, count: int,
    x_out: wp.array(dtype=wp.vec3d), q_out: wp.array(dtype=wp.quatd), v_out: wp.array(dtype=wp.vec3d),
    momentum_out: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    i = wp.tid()
    if bodies.asleep[i] == 0:
        collect(bodies, i)
    k = row * count + i
    x_out[k] = bodies.x[i]
    q_out[k] = bodies.q[i]
    v_out[k] = bodies.momentum_velocity[i]
    momentum_out[k] = bodies.angular_momentum[i]


def kick(g: Geometry, bodies: Bodies, outer: Outer, hits, *, count, k, h, device):
    """Outer forces over the substep ``k`` of the frame, of length ``h`` [s], on the first ``count`` bodies."""
    wp.launch(kick_kernel, dim=count, inputs=[g, bodies, outer, hits, k, h], device=device)


def drift(g: Geometry, bodies: Bodies, *, count, h, device):
    """Move the first ``count`` bodies for ``h`` [s]."""
    wp.launch(drift_kernel, dim=count, inputs=[g, bodies, h], device=device)


def record(bodies: Bodies, *, count, row, x_out, q_out, v_out, momentum_out, device):
    """Copy the state of the first ``count`` bodies to row ``row`` of the outputs."""
    wp.launch(record_kernel, dim=count, inputs=[bodies, row, count, x_out, q_out, v_out, momentum_out], device=device)
