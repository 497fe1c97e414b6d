"""Bodies that move in a liquid's grid: where they are, the frame that one may carry, particles out of their way.

The grid may ride in a body that holds the liquid (the holder): its walls are then exactly at rest in the grid, however
it is shaken. Velocities stay those of the world, on the axes of the grid; only the paths of particles are relative.

Cell units, see ``physim_kernels.liquid_wet``.
"""

import warp as wp

from physim_kernels.liquid_wet import Frame, Wet, corner_distance, motion, offset, row_is_touched
from physim_kernels.rigid_data import Bodies

wp.set_module_options({"enable_backward": False})


@wp.kernel
def frame_kernel(bodies: Bodies, frame: Frame):
    """Carry the grid along with its holder."""
    frame.before[0] = frame.axes[0]
    if frame.holder >= 0:
        turn = bodies.rotation[frame.holder]
        frame.origin[0] = wp.vec3(bodies.x[frame.holder]) + turn * frame.corner
        frame.axes[0] = turn * frame.turn


@wp.kernel
def place_kernel(
    bodies: Bodies, frame: Frame, gravity: wp.array(dtype=wp.vec3), density: float, dt: float,
    wet: Wet,
):  # fmt: skip
    """Poses, masses and the velocities that bodies would have at the end of the step without the liquid.

    What else acts on a body is what acted in the last step, if that is a load: contacts and joints that hold it up. A
    blow is not expected again.
    """
    n = wp.tid()
    i = wet.body[n]
    back = wp.transpose(frame.axes[0])
    h = frame.cell
    wet.x[n] = back * (wp.vec3(bodies.x[i]) - frame.origin[0]) / h
    wet.rotation[n] = back * bodies.rotation[i]
    v = bodies.v[i]
    w = bodies.w[i]
    wet.inv_mass[n] = 0.0
    wet.inv_inertia[n] = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if bodies.inv_mass[i] > 0.0:
        wet.inv_mass[n] = bodies.inv_mass[i] * density * h * h * h
        wet.inv_inertia[n] = density * h * h * h * h * h * (back * bodies.inv_inertia[i] * frame.axes[0])
        gain = dt * gravity[0]
        turn = wp.vec3(0.0, 0.0, 0.0)
        if wet.started[0] == 1:
            own = v - wet.old_v[n] - wet.push_v[n]
            spin = w - wet.old_w[n] - wet.push_w[n]
            limit = 3.0 * wp.length(gain)
            if wp.length(own - gain) < limit:
                gain = own
            if wp.length(spin) * wet.bound[n] * h < limit:
                turn = spin
        wet.old_v[n] = v
        wet.old_w[n] = w
        v = v + gain
        w = w + turn
    wet.free_v[n] = back * v / h
    wet.free_w[n] = back * w
    wet.v[n] = wet.free_v[n]
    wet.w[n] = wet.free_w[n]


@wp.kernel
def started_kernel(wet: Wet):
    wet.started[0] = 1


@wp.kernel
def evade_kernel(
    phi: wp.array3d(dtype=float),
    touched: wp.array2d(dtype=int),
    keep: float,
    count: wp.array(dtype=int),
    x: wp.array(dtype=wp.vec3),
):
    """Push particles out of where bodies will be."""
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:
        return
    i = wp.clamp(int(x[p][0]), 0, touched.shape[0] - 2)
    j = wp.clamp(int(x[p][1]), 0, touched.shape[1] - 2)
    if not row_is_touched(touched, i, j):
        return
    at = x[p]
    for _n in range(2):
        d = corner_distance(phi, at)
        slope = wp.vec3(d[0], d[1], d[2])
        size = wp.length(slope)
        if d[3] < keep and size > 0.2:
            at = at + wp.min(keep - d[3], 1.0) / size * slope
    upper = wp.vec3(float(phi.shape[0] - 1), float(phi.shape[1] - 1), float(phi.shape[2] - 1))
    for axis in range(3):
        at[axis] = wp.clamp(at[axis], 1.0e-3, upper[axis] - 1.0e-3)
    x[p] = at


@wp.kernel
def turn_weight_kernel(
    frame: Frame, gravity: wp.array(dtype=wp.vec3), dt: float, weight: wp.array(dtype=wp.vec3)
):  # fmt: skip
    """The weight of a step on the axes that the grid has now [cells/s]."""
    weight[0] = wp.transpose(frame.axes[0]) * gravity[0] * (dt / frame.cell)


@wp.kernel
def turn_kernel(frame: Frame, count: wp.array(dtype=int), v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33)):
    """Velocities on the axes that the grid has now."""
    p = wp.tid()
    if p >= count[0]:
        return
    d = wp.transpose(frame.axes[0]) * frame.before[0]
    v[p] = d * v[p]
    c[p] = d * c[p] * wp.transpose(d)


@wp.kernel
def relative_kernel(wet: Wet, holder: int, axis: int, u: wp.array3d(dtype=float)):
    """Less the holder's motion: how the liquid moves through the grid."""
    i, j, k = wp.tid()
    e = offset(axis)
    at = wp.vec3(float(i) + 0.5, float(j) + 0.5, float(k) + 0.5) - 0.5 * wp.vec3(float(e[0]), float(e[1]), float(e[2]))
    u[i, j, k] = u[i, j, k] - motion(wet, holder, at)[axis]


@wp.kernel
def absolute_kernel(
    wet: Wet, holder: int, affine: float, before: wp.array(dtype=wp.vec3), count: wp.array(dtype=int),
    v: wp.array(dtype=wp.vec3), c: wp.array(dtype=wp.mat33),
):  # fmt: skip
    """Give particles the holder's motion again, where they took their velocities."""
    p = wp.tid()
    if p >= count[0] or before[p][0] < 0.0:
        return
    v[p] = v[p] + motion(wet, holder, before[p])
    c[p] = c[p] + affine * wp.skew(wet.w[holder])
