"""Bodies that move in a liquid's grid: what they cut out of it, the pressure's push on them, the frame they carry.

The grid may ride in a body that holds the liquid (the holder): its walls are then exactly at rest in the grid, however
it is shaken. Velocities stay those of the world, on the axes of the grid; only the paths of particles are relative.

Two-way coupling is one system (Batty, Bertails, Bridson, "A Fast Variational Framework for Accurate Solid-Fluid
Coupling", ACM TOG 26 (2007)): with face areas A, divergence D, the rigid motion R of a body at its faces and its mass M
in units of liquid,

    (A_p + K M^-1 K^T) p = -D (A u + (1 - A) R V*),   K = D (1 - A) R,   V = V* + M^-1 K^T p,

so that added mass needs no relaxation. A body's faces are listed anew in each step. Cell units throughout: h = 1, mass
rho h^3, velocity cells/s.
"""

import warp as wp

from physim_kernels.collider_near import near_collider
from physim_kernels.liquid_wall import open_square, openness
from physim_kernels.rigid_data import Bodies, Geometry

wp.set_module_options({"enable_backward": False})

NEAR = wp.constant(2.5)
"""As far from a body its distance is told [cells]."""
MOST_AHEAD = wp.constant(0.25)
"""Farthest that a body's volume is told ahead of where it is [cells]."""


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
    """Faces between liquid and bodies."""

    count: wp.array(dtype=int)
    body: wp.array(dtype=int)
    low: wp.array(dtype=wp.vec3i)  # liquid cell before the face, in padded arrays; 0: there is none
    high: wp.array(dtype=wp.vec3i)
    push: wp.array(dtype=wp.vec3)  # closed part times the face's direction
    twist: wp.array(dtype=wp.vec3)  # its moment


# -- where everything is ------------------------------------------------------------------------------------------


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
    bodies: Bodies, frame: Frame, gravity: wp.vec3, density: float, dt: float,
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
        gain = dt * gravity
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


# -- the pressure's push ------------------------------------------------------------------------------------------


@wp.func
def liquid_at(surface: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), c: wp.vec3i):
    """Whether a cell, counted as in padded arrays, takes part in the solve."""
    return surface[c[0] - 1, c[1] - 1, c[2] - 1] < 0.0 and inverse[c[0], c[1], c[2]] > 0.0


@wp.func
def body_part(g: Geometry, wet: Wet, n: int, middle: wp.vec3, cell: float, back: wp.mat33, lead: float):
    """Part of the unit cube around ``middle`` that is body ``n`` in ``lead`` [s], by its eighths and its own distance.

    The interpolant between corners rounds a body's edges off, which at two cells of draught is some percent of it.
    """
    ahead = back * wet.old_v[n] / cell + wp.cross(back * wet.old_w[n], middle - wet.x[n])
    ahead = lead * ahead  # as it moves now: what it would get without the liquid it never has
    ahead = ahead * wp.min(1.0, MOST_AHEAD / wp.max(wp.length(ahead), 1.0e-6))
    total = float(0.0)
    for s in range(8):
        at = middle - ahead + 0.25 * wp.vec3(sign_of(s & 4), sign_of(s & 2), sign_of(s & 1))
        d = distance_to(g, wet.body[n], wet.rotation[n], wet.x[n], at, cell)
        total += wp.clamp(0.5 - 2.0 * d, 0.0, 1.0)
    return 0.125 * total


@wp.func
def sign_of(bit: int):
    return wp.where(bit != 0, 1.0, -1.0)


@wp.kernel
def cut_kernel(
    # inputs
    g: Geometry, cell: float, phi: wp.array3d(dtype=float), touched: wp.array2d(dtype=int),
    static_area: wp.array3d(dtype=float), area: wp.array3d(dtype=float), whose: wp.array3d(dtype=int),
    surface: wp.array3d(dtype=float), open: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
    axis: int, holder: int, frame: Frame, lead: float, wet: Wet,
    # outputs
    cuts: Cuts,
):  # fmt: skip
    """List the faces that bodies close, and add up the volume that these miss of the bodies.

    Areas of faces jump when a flat side passes a layer of faces, the volume of the layer does not: the difference of
    the two, under the weight of the liquid, is given to the body so that it floats as deep as Archimedes says.
    """
    i, j = wp.tid()
    if holder < 0 and not row_is_touched(touched, i, j):
        return
    e = offset(axis)
    way = wp.vec3(float(e[0]), float(e[1]), float(e[2]))
    middle = wp.vec3(0.5, 0.5, 0.5) - 0.5 * way
    back = wp.transpose(frame.axes[0])
    nx, ny, nz = surface.shape[0], surface.shape[1], surface.shape[2]
    for k in range(area.shape[2]):
        who = whose[i, j, k]
        high = wp.vec3i(i + 1, j + 1, k + 1)
        low = high - e
        lowest = wp.vec3i(i, j, k) - e
        in_low = lowest[0] >= 0 and lowest[1] >= 0 and lowest[2] >= 0
        in_high = i < nx and j < ny and k < nz
        wet_low = in_low and liquid_at(surface, inverse, low)
        wet_high = in_high and liquid_at(surface, inverse, high)
        at = wp.vec3(float(i), float(j), float(k)) + middle
        if who >= 0 and area[i, j, k] < 1.0 and (wet_low or wet_high):
            slot = wp.atomic_add(cuts.count, 0, 1)
            if slot < cuts.body.shape[0]:
                cuts.body[slot] = who
                cuts.low[slot] = wp.where(wet_low, low, wp.vec3i(0, 0, 0))
                cuts.high[slot] = wp.where(wet_high, high, wp.vec3i(0, 0, 0))
                cuts.push[slot] = (1.0 - area[i, j, k]) * way
                cuts.twist[slot] = (1.0 - area[i, j, k]) * wp.cross(at - wet.x[who], way)
        if in_low and in_high and (wet_low or wet_high):
            near = corner_distance(phi, at)[3]
            if near < 1.0 and near > -1.5 and touched[i, j] > 0:
                body = who
                if body < 0 or body == holder:
                    body = nearest_body(wet, at, holder)
                if body >= 0 and body != holder:
                    closed = static_area[i, j, k] - area[i, j, k]
                    missed = body_part(g, wet, body, at, cell, back, lead) * static_area[i, j, k] - closed
                    own = surface[lowest[0], lowest[1], lowest[2]]
                    other = surface[i, j, k]
                    share = float(1.0)
                    if wet_low and not wet_high and open[i, j, k] > 0.0 and own < 0.0 and other >= 0.0:
                        share = own / (own - other)
                    dry_low = wet_high and not wet_low and open[lowest[0], lowest[1], lowest[2]] > 0.0
                    if dry_low and other < 0.0 and own >= 0.0:
                        share = other / (other - own)
                    amount = share * missed
                    wp.atomic_add(wet.lift, body, amount * way)
                    arm = amount * (at - wet.x[body])
                    wp.atomic_add(wet.lift_arm, body, wp.outer(way, arm))


@wp.func
def nearest_body(wet: Wet, at: wp.vec3, holder: int):
    """The body whose ball is nearest to a point."""
    best = float(1.0e6)
    found = int(-1)
    for n in range(wet.body.shape[0]):
        if n != holder:
            d = wp.length(at - wet.x[n]) - wet.bound[n]
            if d < best:
                best = d
                found = n
    return found


@wp.kernel
def gather_kernel(p: wp.array3d(dtype=float), cuts: Cuts, threads: int, wet: Wet):
    """K^T p: force and torque of the pressure ``p`` (padded) on all bodies."""
    for slot in range(wp.tid(), wp.min(cuts.count[0], cuts.body.shape[0]), threads):
        a, b = cuts.low[slot], cuts.high[slot]
        difference = p[a[0], a[1], a[2]] - p[b[0], b[1], b[2]]
        wp.atomic_add(wet.force, cuts.body[slot], difference * cuts.push[slot])
        wp.atomic_add(wet.torque, cuts.body[slot], difference * cuts.twist[slot])


@wp.kernel
def respond_kernel(wet: Wet):
    """M^-1 K^T p, in the place of the sums."""
    n = wp.tid()
    wet.force[n] = wet.inv_mass[n] * wet.force[n]
    wet.torque[n] = wet.inv_inertia[n] * wet.torque[n]


@wp.kernel
def scatter_kernel(wet: Wet, cuts: Cuts, threads: int, q: wp.array3d(dtype=float)):
    """Add K times the bodies' response to ``q`` (padded)."""
    for slot in range(wp.tid(), wp.min(cuts.count[0], cuts.body.shape[0]), threads):
        n = cuts.body[slot]
        flux = wp.dot(cuts.push[slot], wet.force[n]) + wp.dot(cuts.twist[slot], wet.torque[n])
        a, b = cuts.low[slot], cuts.high[slot]
        if a[0] > 0:
            wp.atomic_add(q, a[0], a[1], a[2], flux)
        if b[0] > 0:
            wp.atomic_sub(q, b[0], b[1], b[2], flux)


@wp.kernel
def clear_kernel(wet: Wet):
    n = wp.tid()
    wet.force[n] = wp.vec3(0.0, 0.0, 0.0)
    wet.torque[n] = wp.vec3(0.0, 0.0, 0.0)


@wp.kernel
def begin_cuts_kernel(wet: Wet, cuts: Cuts):
    n = wp.tid()
    if n == 0:
        cuts.count[0] = 0
    wet.lift[n] = wp.vec3(0.0, 0.0, 0.0)
    wet.lift_arm[n] = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@wp.kernel
def lift_kernel(frame: Frame, gravity: wp.vec3, dt: float, wet: Wet):
    """The weight of what faces miss, on the bodies before the pressure is solved.

    It is most of what brings a flat body back to its draught. If the pressure did not know of it, the liquid around
    would follow it one step late, and late by t, heave of frequency w grows as exp(w^2 t / 2).
    """
    n = wp.tid()
    g = wp.transpose(frame.axes[0]) * gravity * (dt / frame.cell)
    arm = wet.lift_arm[n]
    twist = wp.vec3(0.0, 0.0, 0.0)
    for axis in range(3):
        force = wp.vec3(0.0, 0.0, 0.0)
        force[axis] = -g[axis]
        twist += wp.cross(wp.vec3(arm[axis, 0], arm[axis, 1], arm[axis, 2]), force)
    wet.lift_v[n] = -wet.inv_mass[n] * wp.cw_mul(wet.lift[n], g)
    wet.lift_w[n] = wet.inv_inertia[n] * twist
    wet.free_v[n] = wet.free_v[n] + wet.lift_v[n]
    wet.free_w[n] = wet.free_w[n] + wet.lift_w[n]
    wet.v[n] = wet.free_v[n]
    wet.w[n] = wet.free_w[n]


@wp.kernel
def push_kernel(bodies: Bodies, frame: Frame, wet: Wet):
    """What the step's pressure changes about a body: its new velocity in the grid, and the push in the world."""
    n = wp.tid()
    wet.v[n] = wet.free_v[n] + wet.force[n]
    wet.w[n] = wet.free_w[n] + wet.torque[n]
    dv = wet.force[n] + wet.lift_v[n]
    dw = wet.torque[n] + wet.lift_w[n]
    wet.push_v[n] = frame.axes[0] * dv * frame.cell
    wet.push_w[n] = frame.axes[0] * dw
    i = wet.body[n]
    if bodies.inv_mass[i] > 0.0:
        wet.impulse[n] = wet.impulse[n] + wp.vec3d(wet.push_v[n] / bodies.inv_mass[i])


@wp.kernel
def give_kernel(wet: Wet, share: float, bodies: Bodies):
    """Hand a body its part of the step's push."""
    n = wp.tid()
    i = wet.body[n]
    if bodies.inv_mass[i] > 0.0:
        bodies.v[i] = bodies.v[i] + share * wet.push_v[n]
        bodies.w[i] = bodies.w[i] + share * wet.push_w[n]


# -- particles ----------------------------------------------------------------------------------------------------


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
def turn_weight_kernel(frame: Frame, gravity: wp.vec3, dt: float, weight: wp.array(dtype=wp.vec3)):
    """The weight of a step on the axes that the grid has now [cells/s]."""
    weight[0] = wp.transpose(frame.axes[0]) * gravity * (dt / frame.cell)


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
