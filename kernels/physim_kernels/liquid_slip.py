"""Free slip along walls that do not follow the grid: the velocities of faces within them.

A closed face between an open cell and a wall that stands aslant holds one component of a velocity. With the wall's own
there, liquid would be dragged along: the face counts in what particles beside it take. Such faces get the liquid's
velocity, extrapolated, and lose what of it leads into the wall: ``u <- u - n (n . u)``, n the gradient of the signed
distance (constrained velocity extrapolation: Houston, Bond, Wiebe, "A Unified Approach for Modeling Complex Occlusions
in Fluid Simulations", SIGGRAPH 2003 sketches; Batty, Bertails, Bridson 2007).

Faces are listed once, as (axis, i, j, k), with their normals; velocities are relative to the walls.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def put(f: wp.vec4i, value: float, u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float)):
    if f[0] == 0:
        u[f[1], f[2], f[3]] = value
    elif f[0] == 1:
        v[f[1], f[2], f[3]] = value
    else:
        w[f[1], f[2], f[3]] = value


@wp.kernel
def free_kernel(
    # inputs
    face: wp.array(dtype=wp.vec4i),
    # outputs
    valid_x: wp.array3d(dtype=float), valid_y: wp.array3d(dtype=float), valid_z: wp.array3d(dtype=float),
):  # fmt: skip
    """Listed faces are to take what is extrapolated."""
    put(face[wp.tid()], 0.0, valid_x, valid_y, valid_z)


@wp.func
def around(u: wp.array3d(dtype=float), axis: int, other: int, i: int, j: int, k: int):
    """Mean of the four faces across ``other`` around a face across ``axis``."""
    total = float(0.0)
    for a in range(2):
        for b in range(2):
            x = i - wp.where(axis == 0, a, 0) + wp.where(other == 0, b, 0)
            y = j - wp.where(axis == 1, a, 0) + wp.where(other == 1, b, 0)
            z = k - wp.where(axis == 2, a, 0) + wp.where(other == 2, b, 0)
            total += u[wp.clamp(x, 0, u.shape[0] - 1), wp.clamp(y, 0, u.shape[1] - 1), wp.clamp(z, 0, u.shape[2] - 1)]
    return 0.25 * total


@wp.kernel
def slip_kernel(
    # inputs
    face: wp.array(dtype=wp.vec4i), normal: wp.array(dtype=wp.vec3),
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    # outputs
    value: wp.array(dtype=float),
):  # fmt: skip
    """The face's component of the velocity without what leads through the wall."""
    n = wp.tid()
    f = face[n]
    axis, i, j, k = f[0], f[1], f[2], f[3]
    here = wp.vec3(0.0, 0.0, 0.0)
    if axis == 0:
        here = wp.vec3(u[i, j, k], around(v, axis, 1, i, j, k), around(w, axis, 2, i, j, k))
    elif axis == 1:
        here = wp.vec3(around(u, axis, 0, i, j, k), v[i, j, k], around(w, axis, 2, i, j, k))
    else:
        here = wp.vec3(around(u, axis, 0, i, j, k), around(v, axis, 1, i, j, k), w[i, j, k])
    value[n] = here[axis] - normal[n][axis] * wp.dot(normal[n], here)


@wp.kernel
def store_kernel(
    # inputs
    face: wp.array(dtype=wp.vec4i), value: wp.array(dtype=float),
    # outputs
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
):  # fmt: skip
    n = wp.tid()
    put(face[n], value[n], u, v, w)
