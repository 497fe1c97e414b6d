"""Bodies as cloth sees them: where a collider is, how its points move, and what an impulse does to it.

An impulse that changes a body's velocity by dv at the time t of the substep moves its drift back by t dv (``dx``), so
that the body too has followed the old velocity until then and the new one from then on.
"""

import warp as wp

from physim_kernels.rigid_data import Bodies, Geometry

wp.set_module_options({"enable_backward": False})

RECOVERY = wp.constant(0.2)
"""Part of a penetration that one substep takes back."""
PUSH = wp.constant(0.5)
"""Fastest recovery [m/s]."""
STIR = wp.constant(1.0)
"""Change of velocity that a substep may bring before a gap that was safe at its start is not [m/s]."""


@wp.func
def collider_body(g: Geometry, c: int):
    return g.body[c]


@wp.func
def collider_rotation(g: Geometry, bodies: Bodies, c: int):
    if g.is_part[c] == 1:
        return bodies.rotation[g.body[c]] * g.rotation[c]
    return bodies.rotation[g.body[c]]


@wp.func
def collider_origin(g: Geometry, bodies: Bodies, c: int):
    """Where the collider's frame has its origin at the start of the substep."""
    b = g.body[c]
    if g.is_part[c] == 1:
        return wp.vec3(bodies.x[b]) + bodies.rotation[b] * g.position[c]
    return wp.vec3(bodies.x[b])


@wp.func
def push_body(bodies: Bodies, b: int, arm: wp.vec3, impulse: wp.vec3, time: float):
    """Give ``impulse`` [N s] to a body at ``arm`` from its centre of mass, ``time`` [s] after the substep began."""
    if bodies.inv_mass[b] > 0.0:
        dv = bodies.inv_mass[b] * impulse
        dw = bodies.inv_inertia[b] * wp.cross(arm, impulse)
        bodies.v[b] = bodies.v[b] + dv
        bodies.w[b] = bodies.w[b] + dw
        bodies.dx[b] = bodies.dx[b] - time * dv
        bodies.dtheta[b] = bodies.dtheta[b] - time * dw


@wp.func
def point_velocity(bodies: Bodies, b: int, arm: wp.vec3):
    return bodies.v[b] + wp.cross(bodies.w[b], arm)


@wp.func
def point_path(bodies: Bodies, b: int, arm: wp.vec3, time: float):
    """How far a point of a body has moved ``time`` [s] after the substep began."""
    way = time * bodies.v[b] + bodies.dx[b]
    return way + wp.cross(time * bodies.w[b] + bodies.dtheta[b], arm)


@wp.func
def yielding(bodies: Bodies, b: int, arm: wp.vec3, u: wp.vec3):
    """Velocity of a body's point along ``u`` per impulse along ``u`` [1/kg]."""
    if bodies.inv_mass[b] == 0.0:
        return 0.0
    turn = wp.cross(arm, u)
    return bodies.inv_mass[b] + wp.dot(turn, bodies.inv_inertia[b] * turn)


@wp.func
def yielding_sideways(bodies: Bodies, b: int, arm: wp.vec3, n: wp.vec3):
    """The largest of these in the plane across ``n``."""
    if bodies.inv_mass[b] == 0.0:
        return 0.0
    side = wp.vec3(1.0, 0.0, 0.0)
    if wp.abs(n[0]) > 0.7:
        side = wp.vec3(0.0, 1.0, 0.0)
    u = wp.normalize(wp.cross(n, side))
    w = wp.cross(n, u)
    arm_u = wp.cross(arm, u)
    arm_w = wp.cross(arm, w)
    turned = bodies.inv_inertia[b] * arm_w
    k_uu = wp.dot(arm_u, bodies.inv_inertia[b] * arm_u)
    k_ww = wp.dot(arm_w, turned)
    k_uw = wp.dot(arm_u, turned)
    half = 0.5 * (k_uu - k_ww)
    return bodies.inv_mass[b] + 0.5 * (k_uu + k_ww) + wp.sqrt(half * half + k_uw * k_uw)


@wp.func
def open_speed(gap: float, dt: float, h: float):
    """Normal velocity that a row asks for [m/s]: a gap may close within ``dt``, a penetration opens over substeps."""
    if gap > 0.0:
        return -gap / dt
    return wp.min(-RECOVERY * gap / h, PUSH)
