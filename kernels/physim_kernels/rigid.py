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


@wp.struct
class Outer:
    """Forces from outside."""

    gravity: wp.vec3d
    wind: wp.array(dtype=wp.vec3)  # of each substep of the frame [m/s]
    substep: wp.array(dtype=int)  # [0]: substeps done before this frame
    impulse_body: wp.array(dtype=int)
    impulse_substep: wp.array(dtype=int)
    impulse: wp.array(dtype=wp.vec3d)  # [N s]
    impulse_arm: wp.array(dtype=wp.vec3d)  # from the centre of mass, world axes [m]
    impulse_count: int
    has_air: int  # 0 when no body has drag


@wp.func
def collect(bodies: Bodies, i: int):
    """Add what the contact solver changed in single precision to the double precision state."""
    dv = bodies.v[i] - bodies.v_ref[i]
    bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + wp.vec3d(dv)
    dw = bodies.w[i] - bodies.w_ref[i]
    if wp.dot(dw, dw) > 0.0:
        r = wp.quat_to_matrix(bodies.q[i])
        change = wp.transpose(r) * wp.vec3d(dw)
        bodies.angular_momentum[i] = bodies.angular_momentum[i] + r * wp.cw_mul(bodies.inertia[i], change)


@wp.func
def publish(bodies: Bodies, i: int):
    """Write the single precision copies of the state: v, w, rotation and the world inertia's inverse."""
    r = wp.quat_to_matrix(bodies.q[i])
    inverse = wp.cw_div(wp.vec3d(wp.float64(1.0), wp.float64(1.0), wp.float64(1.0)), bodies.inertia[i])
    w = r * wp.cw_mul(inverse, wp.transpose(r) * bodies.angular_momentum[i])
    bodies.v[i] = wp.vec3(bodies.momentum_velocity[i])
    bodies.w[i] = wp.vec3(w)
    bodies.v_ref[i] = bodies.v[i]
    bodies.w_ref[i] = bodies.w[i]
    bodies.rotation[i] = wp.mat33(r)
    bodies.inv_inertia[i] = wp.mat33(r * wp.diag(inverse) * wp.transpose(r))


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
    if speed < wp.float64(1.0e-9):
        return wp.vec3d()
    u = wp.transpose(bodies.rotation[i]) * wp.vec3(v / speed)
    rate = wp.float64(bodies.drag[i] * facing_area(g, i, u)) * h * speed
    return -(rate / (wp.float64(1.0) + rate)) * v


@wp.kernel
def kick_kernel(g: Geometry, bodies: Bodies, outer: Outer, hits: wp.array(dtype=int), k: int, h: wp.float64):
    i = wp.tid()
    if i == 0:
        hits[0] = 0
    collect(bodies, i)
    change = h * outer.gravity
    if outer.has_air == 1 and bodies.drag[i] > 0.0:
        change += air_change(g, bodies, i, outer.wind[k], outer.gravity, h)
    now = outer.substep[0] + k
    for j in range(outer.impulse_count):
        if outer.impulse_substep[j] == now and outer.impulse_body[j] == i:
            p = outer.impulse[j]
            bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + wp.float64(bodies.inv_mass[i]) * p
            bodies.angular_momentum[i] = bodies.angular_momentum[i] + wp.cross(outer.impulse_arm[j], p)
    bodies.momentum_velocity[i] = bodies.momentum_velocity[i] + change
    bodies.acc[i] = wp.vec3(change / h)
    bodies.dx[i] = wp.vec3(0.0, 0.0, 0.0)
    bodies.dtheta[i] = wp.vec3(0.0, 0.0, 0.0)
    bodies.active[i] = 0
    publish(bodies, i)


@wp.func
def midpoint_rate(w0: wp.vec3d, inertia: wp.vec3d, h: wp.float64):
    """Mean angular velocity of the step, body frame: Newton's method on the implicit midpoint rule."""
    half = wp.float64(0.5) * h
    wm = w0
    for _ in range(4):
        # f(wm) = I (wm - w0) + h/2 wm x I wm
        im = wp.cw_mul(inertia, wm)
        f = wp.cw_mul(inertia, wm - w0) + half * wp.cross(wm, im)
        j = wp.diag(inertia) + half * (wp.skew(wm) * wp.diag(inertia) - wp.skew(im))
        wm = wm - wp.inverse(j) * f
    return wm


@wp.kernel
def drift_kernel(g: Geometry, bodies: Bodies, h: wp.float64):
    i = wp.tid()
    collect(bodies, i)
    x = bodies.x[i] + h * bodies.momentum_velocity[i] + wp.vec3d(bodies.dx[i])
    if bodies.active[i] == 0:  # free flight is an exact parabola
        x = x - wp.float64(0.5) * h * h * wp.vec3d(bodies.acc[i])
    bodies.x[i] = x
    q = bodies.q[i]
    r = wp.quat_to_matrix(q)
    momentum = wp.transpose(r) * bodies.angular_momentum[i]
    wm = wp.cw_div(momentum, bodies.inertia[i])
    if not is_round(g, i) and wp.length_sq(wm) > wp.float64(0.0):
        wm = midpoint_rate(wm, bodies.inertia[i], h)
    half = wp.float64(0.5) * h * wm
    q = wp.normalize(q * wp.quatd(half[0], half[1], half[2], wp.float64(1.0)))
    turn = wp.float64(0.5) * wp.vec3d(bodies.dtheta[i])
    q = wp.normalize(wp.quatd(turn[0], turn[1], turn[2], wp.float64(1.0)) * q)
    bodies.q[i] = q
    publish(bodies, i)


@wp.kernel
def record_kernel(
    bodies: Bodies, row: int, count: int,
    x_out: wp.array(dtype=wp.vec3d), q_out: wp.array(dtype=wp.quatd), v_out: wp.array(dtype=wp.vec3d),
    momentum_out: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    i = wp.tid()
    collect(bodies, i)
    bodies.v_ref[i] = bodies.v[i]
    bodies.w_ref[i] = bodies.w[i]
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
