"""Work on rigid bodies: of partners of their solver, kinetic energy after a push less that before it; of gravity."""

import warp as wp

from physim_kernels.rigid_data import Bodies

wp.set_module_options({"enable_backward": False})


@wp.kernel
def weigh_kernel(
    # inputs: +1 after a push, -1 before it
    bodies: Bodies, sign: wp.float64,
    # in and out: work done so far, per body [J]
    work: wp.array(dtype=wp.float64),
):  # fmt: skip
    i = wp.tid()
    if bodies.inv_mass[i] <= 0.0:
        return
    v, w = wp.vec3d(bodies.v[i]), wp.vec3d(bodies.w[i])
    turn = wp.mat33d(bodies.rotation[i])
    spin = wp.cw_mul(bodies.inertia[i], wp.transpose(turn) * w)
    energy = wp.dot(v, v) / wp.float64(bodies.inv_mass[i]) + wp.dot(wp.transpose(turn) * w, spin)
    work[i] = work[i] + sign * wp.float64(0.5) * energy


@wp.kernel
def change_kernel(
    # inputs: gravity in each substep of the frame, and in the one before the frame [m/s^2]
    bodies: Bodies, gravity: wp.array(dtype=wp.vec3d), before: wp.array(dtype=wp.vec3d), k: int,
    # in and out: work done so far, per body [J]
    work: wp.array(dtype=wp.float64),
):  # fmt: skip
    """What another gravity makes of the potential energy -m g x of a body where it is."""
    i = wp.tid()
    if bodies.inv_mass[i] <= 0.0:
        return
    last = before[0]
    if k > 0:
        last = gravity[k - 1]
    work[i] = work[i] - wp.dot(bodies.x[i], gravity[k] - last) / wp.float64(bodies.inv_mass[i])


@wp.kernel
def record_kernel(work: wp.array(dtype=wp.float64), row: int, out: wp.array(dtype=wp.float64)):
    """The work on all bodies up to a sample."""
    total = wp.float64(0.0)
    for i in range(work.shape[0]):
        total += work[i]
    out[row] = total
