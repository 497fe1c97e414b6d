"""What bodies that move cut out of a liquid's grid: distances at corners, open faces and cells, velocities of faces.

Cell units, see ``physim_kernels.liquid_wet``.
"""

import warp as wp

from physim_kernels.liquid_wall import open_square, openness
from physim_kernels.liquid_wet import NEAR, Wet, corner_distance, distance_to, motion, offset, row_is_touched, sign_of
from physim_kernels.rigid_data import Geometry

wp.set_module_options({"enable_backward": False})


@wp.kernel
def carve_kernel(
    # inputs: distances to what stands still, at nodes half a cell apart
    g: Geometry, wet: Wet, bodies_in: int, cell: float, dt: float, wall: wp.array3d(dtype=float),
    # in and out: which rows a body reaches
    touched: wp.array2d(dtype=int),
    # outputs: at the corners of cells
    phi: wp.array3d(dtype=float), owner: wp.array3d(dtype=int),
):  # fmt: skip
    """Distances to the nearest solid and whose it is (-1: it stands still), bodies moved on by ``dt``, row by row."""
    i, j = wp.tid()
    near = int(0)
    for n in range(bodies_in):
        x = wet.x[n] + dt * wet.v[n]
        r = wet.bound[n] + NEAR
        a, b = float(i) - x[0], float(j) - x[1]
        if a * a + b * b < r * r:
            near = 2
    old = touched[i, j]
    if near == 0 and old == 0:
        return
    touched[i, j] = wp.where(near == 2, 2, wp.where(old == 2, 1, 0))
    for k in range(phi.shape[2]):
        phi[i, j, k] = wall[2 * i, 2 * j, 2 * k]
        owner[i, j, k] = -1
    for n in range(bodies_in):
        x = wet.x[n] + dt * wet.v[n]
        r = wet.bound[n] + NEAR
        a, b = float(i) - x[0], float(j) - x[1]
        across = r * r - a * a - b * b
        if across > 0.0:
            turn = wet.rotation[n]
            angle = dt * wp.length(wet.w[n])
            if angle > 1.0e-6:
                turn = wp.quat_to_matrix(wp.quat_from_axis_angle(wp.normalize(wet.w[n]), angle)) * turn
            half = wp.sqrt(across)
            first = wp.max(0, int(wp.ceil(x[2] - half)))
            last = wp.min(phi.shape[2] - 1, int(wp.floor(x[2] + half)))
            for k in range(first, last + 1):
                d = distance_to(g, wet.body[n], turn, x, wp.vec3(float(i), float(j), float(k)), cell)
                if d < phi[i, j, k]:
                    phi[i, j, k] = d
                    owner[i, j, k] = n


@wp.kernel
def face_kernel(
    # inputs
    phi: wp.array3d(dtype=float), owner: wp.array3d(dtype=int), touched: wp.array2d(dtype=int),
    static_area: wp.array3d(dtype=float), wet: Wet, axis: int, holder: int,
    # outputs
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), whose: wp.array3d(dtype=int),
):  # fmt: skip
    """Open part of faces, whose the rest is, and how fast that moves. Row by row; all rows if there is a holder."""
    i, j = wp.tid()
    if holder < 0 and not row_is_touched(touched, i, j):
        return
    u = offset((axis + 1) % 3)
    v = offset((axis + 2) % 3)
    e = offset(axis)
    middle = wp.vec3(0.5, 0.5, 0.5) - 0.5 * wp.vec3(float(e[0]), float(e[1]), float(e[2]))
    for k in range(area.shape[2]):
        a = static_area[i, j, k]
        who = holder
        o0, o1 = owner[i, j, k], owner[i + u[0], j + u[1], k + u[2]]
        o2 = owner[i + v[0], j + v[1], k + v[2]]
        o3 = owner[i + u[0] + v[0], j + u[1] + v[1], k + u[2] + v[2]]
        if wp.max(wp.max(o0, o1), wp.max(o2, o3)) >= 0:
            p0, p1 = phi[i, j, k], phi[i + u[0], j + u[1], k + u[2]]
            p2 = phi[i + v[0], j + v[1], k + v[2]]
            p3 = phi[i + u[0] + v[0], j + u[1] + v[1], k + u[2] + v[2]]
            both = open_square(p0, p1, p2, p3)
            if both < a:
                a = wp.where(both < 0.05, 0.0, both)
                deepest = float(1.0e6)
                if o0 >= 0 and p0 < deepest:
                    deepest = p0
                    who = o0
                if o1 >= 0 and p1 < deepest:
                    deepest = p1
                    who = o1
                if o2 >= 0 and p2 < deepest:
                    deepest = p2
                    who = o2
                if o3 >= 0 and p3 < deepest:
                    who = o3
        area[i, j, k] = a
        solid[i, j, k] = 0.0
        whose[i, j, k] = -1
        if a < 1.0 and who >= 0:
            whose[i, j, k] = who
            at = wp.vec3(float(i), float(j), float(k)) + middle
            solid[i, j, k] = motion(wet, who, at)[axis]


@wp.kernel
def solid_kernel(
    touched: wp.array2d(dtype=int), whose: wp.array3d(dtype=int), wet: Wet, axis: int, holder: int,
    solid: wp.array3d(dtype=float),
):  # fmt: skip
    """How fast solids move now, on the faces that are theirs."""
    i, j = wp.tid()
    if holder < 0 and not row_is_touched(touched, i, j):
        return
    e = offset(axis)
    middle = wp.vec3(0.5, 0.5, 0.5) - 0.5 * wp.vec3(float(e[0]), float(e[1]), float(e[2]))
    for k in range(solid.shape[2]):
        if whose[i, j, k] >= 0:
            at = wp.vec3(float(i), float(j), float(k)) + middle
            solid[i, j, k] = motion(wet, whose[i, j, k], at)[axis]


@wp.func
def solid_part(phi: wp.array3d(dtype=float), middle: wp.vec3):
    """Solid part of the unit cube around ``middle``, by its eighths."""
    total = float(0.0)
    for s in range(8):
        d = 0.25 * wp.vec3(sign_of(s & 4), sign_of(s & 2), sign_of(s & 1))
        total += wp.clamp(0.5 - 2.0 * corner_distance(phi, middle + d)[3], 0.0, 1.0)
    return 0.125 * total


@wp.kernel
def cell_kernel(
    phi: wp.array3d(dtype=float), owner: wp.array3d(dtype=int), touched: wp.array2d(dtype=int),
    static_open: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    open: wp.array3d(dtype=float),
):  # fmt: skip
    """Open part of the cells in rows that bodies reach."""
    i, j = wp.tid()
    if not row_is_touched(touched, i, j):
        return
    for k in range(open.shape[2]):
        value = static_open[i, j, k]
        near = int(-1)
        for s in range(8):
            near = wp.max(
                near,
                owner[
                    i + wp.where((s & 4) != 0, 1, 0), j + wp.where((s & 2) != 0, 1, 0), k + wp.where((s & 1) != 0, 1, 0)
                ],
            )
        if near >= 0:
            own = 1.0 - solid_part(phi, wp.vec3(float(i) + 0.5, float(j) + 0.5, float(k) + 0.5))
            value = openness(wp.min(value, own), ax, ay, az, i, j, k)
        open[i, j, k] = value


@wp.kernel
def room_kernel(
    open: wp.array3d(dtype=float), touched: wp.array2d(dtype=int), static_room: wp.array3d(dtype=float),
    static_open: wp.array3d(dtype=float), room: wp.array3d(dtype=float),
):  # fmt: skip
    """Room of the cells that bodies may have changed: the tent over 27 cells, as far as these have changed."""
    i, j = wp.tid()
    reached = int(0)
    for a in range(-1, 2):
        for b in range(-1, 2):
            if row_is_touched(touched, wp.clamp(i + a, 0, open.shape[0] - 1), wp.clamp(j + b, 0, open.shape[1] - 1)):
                reached = 1
    if reached == 0:
        return
    for k in range(open.shape[2]):
        lost = float(0.0)
        for a in range(-1, 2):
            for b in range(-1, 2):
                for c in range(-1, 2):
                    w = wp.where(a == 0, 0.75, 0.125) * wp.where(b == 0, 0.75, 0.125) * wp.where(c == 0, 0.75, 0.125)
                    x = wp.clamp(i + a, 0, open.shape[0] - 1)
                    y = wp.clamp(j + b, 0, open.shape[1] - 1)
                    z = wp.clamp(k + c, 0, open.shape[2] - 1)
                    lost += w * (static_open[x, y, z] - open[x, y, z])
        room[i, j, k] = wp.max(static_room[i, j, k] - lost, 0.02)
