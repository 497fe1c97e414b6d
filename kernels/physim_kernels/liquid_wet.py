"""Bodies in a liquid's grid: what is known of them, and what all their kernels ask.

Cell units throughout: h = 1, mass rho h^3, velocity cells/s.
"""

import warp as wp

from physim_kernels.collider_near import near_collider
from physim_kernels.rigid_data import Geometry

wp.set_module_options({"enable_backward": False})

NEAR = wp.constant(2.5)
"""As far from a body its distance is told [cells]."""


@wp.struct
class Frame:
    """Where the grid is. All arrays have one element."""

    origin: wp.array(dtype=wp.vec3)  # lower corner, world [m]
    axes: wp.array(dtype=wp.mat33)  # world from grid
    before: wp.array(dtype=wp.mat33)  # axes of the step before
    corner: wp.vec3  # lower corner in the holder's frame [m]
    turn: wp.mat33  # holder's frame from grid
    holder: int  # body that carries the grid; -1: it stands still
    cell: float  # [m]


@wp.struct
class Wet:
    """The bodies in one grid; the holder, if any, is the last."""

    body: wp.array(dtype=int)
    bound: wp.array(dtype=float)  # [cells]
    x: wp.array(dtype=wp.vec3)  # centre of mass [cells]
    rotation: wp.array(dtype=wp.mat33)  # grid from body
    v: wp.array(dtype=wp.vec3)  # at the end of the step, first without, then with the pressure's push [cells/s]
    w: wp.array(dtype=wp.vec3)  # [rad/s]
    free_v: wp.array(dtype=wp.vec3)  # without it
    free_w: wp.array(dtype=wp.vec3)
    inv_mass: wp.array(dtype=float)
    inv_inertia: wp.array(dtype=wp.mat33)
    old_v: wp.array(dtype=wp.vec3)  # of the body when the last step began, world [m/s]
    old_w: wp.array(dtype=wp.vec3)  # [rad/s]
    push_v: wp.array(dtype=wp.vec3)  # change of velocity in the step, world [m/s]
    push_w: wp.array(dtype=wp.vec3)
    lift: wp.array(dtype=wp.vec3)  # volume that faces miss, per axis [cells]
    lift_arm: wp.array(dtype=wp.mat33)  # its first moment: row = axis of the face
    lift_v: wp.array(dtype=wp.vec3)  # change of velocity by its weight [cells/s]
    lift_w: wp.array(dtype=wp.vec3)  # [rad/s]
    force: wp.array(dtype=wp.vec3)  # sums over a body's faces
    torque: wp.array(dtype=wp.vec3)
    impulse: wp.array(dtype=wp.vec3d)  # given to the body so far, world [N s]
    started: wp.array(dtype=int)  # [0]: 0 in the first step


@wp.struct
class Cuts:
    """Faces between liquid and bodies, then gaps between bodies and walls."""

    count: wp.array(dtype=int)
    faces: wp.array(dtype=int)  # how many of them are faces; the others are gaps at walls
    body: wp.array(dtype=int)
    low: wp.array(dtype=wp.vec3i)  # liquid cell before the face, or at the end of the gap, in padded arrays; 0: none
    high: wp.array(dtype=wp.vec3i)
    push: wp.array(dtype=wp.vec3)  # closed part times the face's direction
    twist: wp.array(dtype=wp.vec3)  # its moment


@wp.func
def distance_to(g: Geometry, i: int, rotation: wp.mat33, x: wp.vec3, p: wp.vec3, cell: float):
    """Signed distance [cells] of the grid's point ``p`` [cells] to body ``i`` at ``x``."""
    nearest = float(NEAR)
    own = cell * ((p - x) * rotation)
    for c in range(g.first[i], g.first[i + 1]):
        local = own
        if g.is_part[c] == 1:
            local = (own - g.position[c]) * g.rotation[c]
        d, _n = near_collider(g, c, local, NEAR * cell)
        nearest = wp.min(nearest, d / cell)
    return nearest


@wp.func
def offset(axis: int):
    return wp.vec3i(wp.where(axis == 0, 1, 0), wp.where(axis == 1, 1, 0), wp.where(axis == 2, 1, 0))


@wp.func
def row_is_touched(touched: wp.array2d(dtype=int), i: int, j: int):
    """Whether a body reaches one of the corners of cell row (i, j), or of a face before it."""
    a, b = wp.min(i + 1, touched.shape[0] - 1), wp.min(j + 1, touched.shape[1] - 1)
    return touched[i, j] + touched[a, j] + touched[i, b] + touched[a, b] > 0


@wp.func
def motion(wet: Wet, n: int, at: wp.vec3):
    """Velocity of body ``n`` at a point of the grid [cells/s]."""
    return wet.v[n] + wp.cross(wet.w[n], at - wet.x[n])


@wp.func
def corner_distance(phi: wp.array3d(dtype=float), x: wp.vec3):
    """Trilinear interpolant of the corners' distances (last) and its gradient."""
    i = wp.clamp(int(wp.floor(x[0])), 0, phi.shape[0] - 2)
    j = wp.clamp(int(wp.floor(x[1])), 0, phi.shape[1] - 2)
    k = wp.clamp(int(wp.floor(x[2])), 0, phi.shape[2] - 2)
    tx, ty, tz = x[0] - float(i), x[1] - float(j), x[2] - float(k)
    d000, d001, d010, d011 = phi[i, j, k], phi[i, j, k + 1], phi[i, j + 1, k], phi[i, j + 1, k + 1]
    d100, d101 = phi[i + 1, j, k], phi[i + 1, j, k + 1]
    d110, d111 = phi[i + 1, j + 1, k], phi[i + 1, j + 1, k + 1]
    a00, a01 = d000 + tz * (d001 - d000), d010 + tz * (d011 - d010)
    a10, a11 = d100 + tz * (d101 - d100), d110 + tz * (d111 - d110)
    b0, b1 = a00 + ty * (a01 - a00), a10 + ty * (a11 - a10)
    dy = (1.0 - tx) * (a01 - a00) + tx * (a11 - a10)
    dz = (1.0 - tx) * ((1.0 - ty) * (d001 - d000) + ty * (d011 - d010))
    dz += tx * ((1.0 - ty) * (d101 - d100) + ty * (d111 - d110))
    return wp.vec4(b1 - b0, dy, dz, b0 + tx * (b1 - b0))


@wp.func
def liquid_at(surface: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), c: wp.vec3i):
    """Whether a cell, counted as in padded arrays, takes part in the solve."""
    return surface[c[0] - 1, c[1] - 1, c[2] - 1] < 0.0 and inverse[c[0], c[1], c[2]] > 0.0


@wp.func
def sign_of(bit: int):
    return wp.where(bit != 0, 1.0, -1.0)
