"""What walls and bodies give to a liquid in all: the pressure on every closed part of a face, added up over the run."""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def solids_kernel(
    # inputs: pressure over density times step [cells^2/s], padded by one cell, 0 out of the liquid; open parts of faces
    p: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    scale: float,
    # in and out
    total: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    """Add the step's impulse, ``scale`` times that of the grid's pressure.

    A cell of pressure p pushes the liquid by p (A_high - A_low) along every axis.
    """
    i, j = wp.tid()
    found = wp.vec3d()
    for k in range(az.shape[2] - 1):
        value = scale * p[i + 1, j + 1, k + 1]
        if value != 0.0:
            found += wp.vec3d(
                wp.float64(value * (ax[i + 1, j, k] - ax[i, j, k])),
                wp.float64(value * (ay[i, j + 1, k] - ay[i, j, k])),
                wp.float64(value * (az[i, j, k + 1] - az[i, j, k])),
            )
    wp.atomic_add(total, 0, found)


@wp.kernel
def bodies_kernel(
    # inputs: change of velocity by the step's pressure [cells/s]
    force: wp.array(dtype=wp.vec3), inv_mass: wp.array(dtype=float),
    # in and out
    total: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    """Add the part of it that went to bodies which move freely."""
    n = wp.tid()
    if inv_mass[n] > 0.0:
        wp.atomic_add(total, 1, wp.vec3d(force[n] / inv_mass[n]))


@wp.kernel
def held_kernel(
    # inputs: sums of particles' weights times velocity, and of weights; open parts that walls leave
    sums: wp.array4d(dtype=float), area: wp.array3d(dtype=float), axis: int,
    weight: wp.array(dtype=wp.vec3), scale: float, volume: float,
    # in and out
    total: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    """Liquid at closed faces of walls is stopped by them, and its weight of the step, ``scale`` times
    ``weight`` [cells/s], borne.
    """
    i, j = wp.tid()
    gain = scale * weight[0][axis]
    found = wp.float64(0.0)
    for k in range(area.shape[2]):
        if area[i, j, k] == 0.0:
            found -= wp.float64(volume * (sums[i, j, k, 0] + gain * sums[i, j, k, 1]))
    if found != wp.float64(0.0):
        impulse = wp.vec3d()
        impulse[axis] = found
        wp.atomic_add(total, 0, impulse)
