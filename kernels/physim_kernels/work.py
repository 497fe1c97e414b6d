"""Work that partners of the rigid solver do on its bodies: their kinetic energy after a push less that before it."""

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
def record_kernel(work: wp.array(dtype=wp.float64), row: int, out: wp.array(dtype=wp.float64)):
    """The work on all bodies up to a sample."""
    total = wp.float64(0.0)
    for i in range(work.shape[0]):
        total += work[i]
    out[row] = total
