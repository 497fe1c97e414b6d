"""Bodies that move as they are told: poses from a table, velocities that take them there.

During a substep a body has the mean velocity that brings it from one pose of the table to the next, so that what rests
on it keeps up; when it has arrived it has the velocity of that instant, the central difference.
"""

import warp as wp

from physim_kernels.joint_data import Ahead
from physim_kernels.rigid_data import Bodies


@wp.struct
class Path:
    body: wp.array(dtype=int)
    x: wp.array2d(dtype=wp.vec3d)  # at the ends of all substeps of the frame and one more, per body [m]
    q: wp.array2d(dtype=wp.quatd)


@wp.func
def turn_between(q0: wp.quatd, q1: wp.quatd):
    """Rotation vector, world, from one orientation to another [rad]; the shorter way."""
    d = q1 * wp.quat_inverse(q0)
    v = wp.vec3d(d[0], d[1], d[2])
    w = d[3]
    if w < wp.float64(0.0):
        v = -v
        w = -w
    length = wp.length(v)
    scale = wp.float64(2.0)
    if length > wp.float64(1.0e-12):
        scale = wp.float64(2.0) * wp.atan2(length, w) / length
    return scale * v


@wp.func
def set_velocity(bodies: Bodies, path: Path, n: int, first: int, last: int, seconds: wp.float64):
    i = path.body[n]
    bodies.v[i] = wp.vec3((path.x[last, n] - path.x[first, n]) / seconds)
    bodies.w[i] = wp.vec3(turn_between(path.q[first, n], path.q[last, n]) / seconds)
    bodies.v_ref[i] = bodies.v[i]
    bodies.w_ref[i] = bodies.w[i]


@wp.kernel
def depart_kernel(bodies: Bodies, path: Path, ahead: Ahead, k: int, h: wp.float64):
    n = wp.tid()
    i = path.body[n]
    set_velocity(bodies, path, n, k, k + 1, h)
    ahead.x[i] = path.x[k + 1, n]
    ahead.q[i] = path.q[k + 1, n]


@wp.kernel
def arrive_kernel(bodies: Bodies, path: Path, k: int, h: wp.float64):
    n = wp.tid()
    i = path.body[n]
    bodies.x[i] = path.x[k + 1, n]
    bodies.q[i] = path.q[k + 1, n]
    bodies.rotation[i] = wp.mat33(wp.quat_to_matrix(path.q[k + 1, n]))
    set_velocity(bodies, path, n, k, k + 2, wp.float64(2.0) * h)


def depart(bodies: Bodies, path: Path, ahead: Ahead, *, k, h, device):
    """Before substep ``k`` of the frame, of length ``h`` [s]."""
    wp.launch(depart_kernel, dim=path.body.shape[0], inputs=[bodies, path, ahead, k, h], device=device)


def arrive(bodies: Bodies, path: Path, *, k, h, device):
    """After the drift of substep ``k``."""
    wp.launch(arrive_kernel, dim=path.body.shape[0], inputs=[bodies, path, k, h], device=device)
