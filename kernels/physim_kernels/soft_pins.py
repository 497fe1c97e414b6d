"""What holds nodes of elastic solids: at rest, along a path, or to a body that they travel with."""

import warp as wp

from physim_kernels.cloth_body import push_body
from physim_kernels.rigid_data import Bodies
from physim_kernels.soft_data import Nodes

wp.set_module_options({"enable_backward": False})


@wp.struct
class Pins:
    # per held node
    node: wp.array(dtype=int)
    pin: wp.array(dtype=int)
    start: wp.array(dtype=wp.vec3d)  # place at time 0, from the pin's centre or in the body's frame [m]
    drift: wp.array(dtype=wp.vec3d)  # velocity that takes back its distance from there, in this substep [m/s]
    # per pin
    body: wp.array(dtype=int)  # -1: none
    first: wp.array(dtype=int)  # of its held nodes, and the end
    centre: wp.array(dtype=wp.vec3d)  # per substep of the frame (+ 1 for its end) and pin [m]
    turn: wp.array(dtype=wp.quatd)
    pulled: wp.array(dtype=wp.vec3)  # impulse on it since the last sample [N s]
    count: int


@wp.kernel
def hold_kernel(nodes: Nodes, pins: Pins, bodies: Bodies, k: int, h: wp.float64):
    """Velocities of what is held, for the substep ``k``: it ends where its pin does."""
    j = wp.tid()
    i = pins.node[j]
    p = pins.pin[j]
    body = pins.body[p]
    if body >= 0:
        target = bodies.x[body] + wp.quat_rotate(bodies.q[body], pins.start[j])
        pins.drift[j] = (target - nodes.x[i]) / h
    else:
        row = (k + 1) * pins.count + p
        target = pins.centre[row] + wp.quat_rotate(pins.turn[row], pins.start[j])
        nodes.v[i] = (target - nodes.x[i]) / h


@wp.kernel
def carry_kernel(nodes: Nodes, pins: Pins, bodies: Bodies, pull: wp.array(dtype=wp.vec3), time: float):
    """Pulls go to the bodies that hold something, ``time`` into the substep, and their velocities to what they hold."""
    p = wp.tid()
    body = pins.body[p]
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(pins.first[p], pins.first[p + 1]):
        i = pins.node[j]
        total += pull[i]
        if body >= 0:
            push_body(bodies, body, wp.vec3(wp.quat_rotate(bodies.q[body], pins.start[j])), pull[i], time)
        pull[i] = wp.vec3(0.0, 0.0, 0.0)
    pins.pulled[p] = pins.pulled[p] + total
    if body >= 0:
        bodies.active[body] = 1
        w = wp.vec3d(bodies.w[body])
        for j in range(pins.first[p], pins.first[p + 1]):
            r = wp.quat_rotate(bodies.q[body], pins.start[j])
            swung = r + wp.float64(time) * wp.cross(w, r)
            nodes.v[pins.node[j]] = wp.vec3d(bodies.v[body]) + wp.cross(w, swung) + pins.drift[j]
