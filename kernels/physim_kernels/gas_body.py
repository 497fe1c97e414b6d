"""What a gas does to bodies: the impulse that its pressure gives to the faces that they close.

The pressure solve takes from a cell what a body pushes into it, ``(1 - A) s`` through each face with open area A and
solid velocity s. The work of that flow against the pressure is the power of a force (Batty, Bertails, Bridson, "A Fast
Variational Framework for Accurate Solid-Fluid Coupling", SIGGRAPH 2007), which on the faces of one body is

    J = - rho h^3 sum (1 - A) n (p_ahead - p_behind),     torque: the same with the arms of the faces,

p in cell units as in ``physim_kernels.pressure``. What the gas gets from the faces is the opposite, face by face.
"""

import warp as wp

from physim_kernels.obstacle import body_distance

wp.set_module_options({"enable_backward": False})


@wp.func
def face_of(axis: int, i: int, j: int, k: int):
    """Middle of a face [cells from the box's corner]."""
    at = wp.vec3(float(i) + 0.5, float(j) + 0.5, float(k) + 0.5)
    at[axis] = at[axis] - 0.5
    return at


@wp.kernel
def push_kernel(
    # inputs: pressure, padded; open faces across ``axis`` with the bodies and without them
    p: wp.array3d(dtype=float), area: wp.array3d(dtype=float), static_area: wp.array3d(dtype=float), axis: int,
    rim: float, origin: wp.vec3, cell: float,
    # inputs: bodies and poses as in ``obstacle.face_area_kernel``
    kind: wp.array(dtype=int), size: wp.array(dtype=wp.vec3), reach: wp.array(dtype=float),
    plane_start: wp.array(dtype=int), planes: wp.array(dtype=wp.vec4),
    position: wp.array2d(dtype=wp.vec3), orientation: wp.array2d(dtype=wp.quat), step: int,
    least: float, whole: int, weight: float,
    # in and out: per body [cell volumes x m/s], torque about its position times cells
    force: wp.array(dtype=wp.vec3d), torque: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    """Add ``weight`` times the impulse on each body; a thread per body and plane of faces."""
    b, i = wp.tid()
    x = (position[step, b] - origin) / cell
    r = reach[b] / cell + 1.0
    if wp.abs(face_of(axis, i, 0, 0)[0] - x[0]) > r:
        return
    total = wp.vec3d()
    turn = wp.vec3d()
    for j in range(wp.max(int(wp.floor(x[1] - r)), 0), wp.min(int(wp.ceil(x[1] + r)) + 1, area.shape[1])):
        for k in range(wp.max(int(wp.floor(x[2] - r)), 0), wp.min(int(wp.ceil(x[2] + r)) + 1, area.shape[2])):
            back = wp.vec3i(i + 1, j + 1, k + 1)
            back[axis] = back[axis] - 1
            drop = p[i + 1, j + 1, k + 1] - p[back[0], back[1], back[2]]
            a = area[i, j, k]
            if drop != 0.0 and a < static_area[i, j, k]:
                arm = face_of(axis, i, j, k) - x
                local = wp.quat_rotate_inv(orientation[step, b], cell * arm)
                phi = body_distance(kind[b], size[b], plane_start[b], plane_start[b + 1], planes, local)
                own = wp.clamp(2.0 * phi / cell, 0.0, 1.0)
                own = wp.where(own < least, 0.0, wp.where(whole != 0, 1.0, own))
                if wp.abs(own - a) < 1.0e-4:  # of several bodies the one that closes it most moves it
                    at = wp.where(axis == 0, i, wp.where(axis == 1, j, k))
                    edge = wp.where(at == 0 or at == area.shape[axis] - 1, rim, 1.0)
                    push = wp.vec3(0.0, 0.0, 0.0)
                    push[axis] = -weight * edge * (1.0 - a) * drop
                    total += wp.vec3d(push)
                    turn += wp.vec3d(wp.cross(arm, push))
    wp.atomic_add(force, b, total)
    wp.atomic_add(torque, b, turn)
