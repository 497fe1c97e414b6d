"""Bodies that move in grains: which nodes they hold, and the impulses that both exchange there.

In each small step every node that a body holds meets it inelastically with Coulomb friction. The nodes are visited one
after the other and the body is moved by each at once (Gauss-Seidel), so that light bodies in much sand stay stable and
momentum is kept to rounding. SI units for bodies; nodes in cell units.
"""

import warp as wp

from physim_kernels.collider_near import near_collider
from physim_kernels.rigid_data import Bodies, Geometry

wp.set_module_options({"enable_backward": False})

MARGIN = wp.constant(0.5)
"""Nodes as near to a solid as this are its own, so that its surface is where it should be on average [cells]."""
NEAR = wp.constant(1.6)
SWEEPS = wp.constant(2)


@wp.struct
class Sunk:
    """The bodies in one grid, and the nodes that are theirs."""

    body: wp.array(dtype=int)
    bound: wp.array(dtype=float)  # [m]
    friction: wp.array(dtype=float)  # of the pair
    x: wp.array(dtype=wp.vec3)  # [m], from the grid's node 0
    v: wp.array(dtype=wp.vec3)  # as it is within the substep [m/s]
    w: wp.array(dtype=wp.vec3)
    own_v: wp.array(dtype=wp.vec3)  # change per small step by all but grains
    own_w: wp.array(dtype=wp.vec3)
    before_v: wp.array(dtype=wp.vec3)  # when the substep began, without grains
    before_w: wp.array(dtype=wp.vec3)
    after_v: wp.array(dtype=wp.vec3)  # when the last one ended
    after_w: wp.array(dtype=wp.vec3)
    impulse: wp.array(dtype=wp.vec3d)  # given to the body so far [N s]
    rubbed: wp.array(dtype=wp.float64)  # energy that friction and blows on bodies took so far [J]
    started: wp.array(dtype=int)
    first: wp.array(dtype=int)  # of its nodes in the list
    count: wp.array(dtype=int)  # how many nodes it holds
    node: wp.array(dtype=wp.vec3i)
    normal: wp.array(dtype=wp.vec3)


@wp.kernel
def begin_kernel(bodies: Bodies, origin: wp.vec3d, steps: int, sunk: Sunk):
    """Take over the bodies' motion at the start of a substep."""
    n = wp.tid()
    i = sunk.body[n]
    sunk.x[n] = wp.vec3(bodies.x[i] - origin)
    sunk.before_v[n] = bodies.v[i]
    sunk.before_w[n] = bodies.w[i]
    if sunk.started[n] == 0 or bodies.inv_mass[i] == 0.0:
        sunk.after_v[n] = bodies.v[i]
        sunk.after_w[n] = bodies.w[i]
        sunk.started[n] = 1
    sunk.v[n] = sunk.after_v[n]
    sunk.w[n] = sunk.after_w[n]
    sunk.own_v[n] = (bodies.v[i] - sunk.after_v[n]) / float(steps)
    sunk.own_w[n] = (bodies.w[i] - sunk.after_w[n]) / float(steps)


@wp.kernel
def hold_kernel(
    # inputs: lowest and highest node of each row that grains reach; all nodes count if it is empty
    g: Geometry, bodies: Bodies, cell: float, reach: wp.array(dtype=int), shape: wp.vec3i,
    # in and out
    sunk: Sunk,
):  # fmt: skip
    """List the nodes in and near each body where there are grains."""
    n = wp.tid()
    i = sunk.body[n]
    centre = sunk.x[n] / cell
    r = sunk.bound[n] / cell + 1.0
    low, high = wp.vec3i(0, 0, 0), wp.vec3i(0, 0, 0)
    for axis in range(3):
        low[axis] = wp.clamp(int(wp.ceil(centre[axis] - r)), 0, shape[axis])
        high[axis] = wp.clamp(int(wp.floor(centre[axis] + r)) + 1, 0, shape[axis])
    turn = bodies.rotation[i]
    found = int(0)
    room = sunk.first[n + 1] - sunk.first[n]
    for a in range(low[0], high[0]):
        for b in range(low[1], high[1]):
            first, last = low[2], high[2]
            if reach.shape[0] > 0:
                first = wp.max(first, reach[2 * (a * shape[1] + b)] - 1)
                last = wp.min(last, reach[2 * (a * shape[1] + b) + 1] + 2)
            for c in range(first, last):
                own = (cell * wp.vec3(float(a), float(b), float(c)) - sunk.x[n]) * turn
                nearest, normal = float(1.0e6), wp.vec3(0.0, 1.0, 0.0)
                for part in range(g.first[i], g.first[i + 1]):
                    local = own
                    if g.is_part[part] == 1:
                        local = (own - g.position[part]) * g.rotation[part]
                    d, away = near_collider(g, part, local, NEAR * cell)
                    if d < nearest:
                        nearest = d
                        normal = away
                        if g.is_part[part] == 1:
                            normal = g.rotation[part] * away
                if nearest < MARGIN * cell and found < room:
                    at = sunk.first[n] + found
                    sunk.node[at] = wp.vec3i(a, b, c)
                    sunk.normal[at] = turn * normal
                    found += 1
    sunk.count[n] = found


@wp.func
def reached(reach: wp.array(dtype=int), width: int, p: wp.vec3i):
    """Whether grains reach a node now; what others hold is of earlier steps. Without ranges all are emptied in each."""
    row = 2 * (p[0] * width + p[1])
    if reach.shape[0] == 0:
        return True
    return p[2] >= reach[row] and p[2] <= reach[row + 1]


@wp.kernel
def meet_kernel(
    # inputs: mass of a particle [kg]; lowest and highest node in use of each row, if any; walls: ``grains.node_kernel``
    bodies: Bodies, cell: float, mass: float, reach: wp.array(dtype=int), wall: wp.array3d(dtype=wp.vec4),
    # in and out
    sunk: Sunk, grid: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    """What nodes and bodies give each other in one small step; one thread."""
    for n in range(sunk.body.shape[0]):
        i = sunk.body[n]
        light, spin = bodies.inv_mass[i], bodies.inv_inertia[i]
        x = sunk.x[n]
        moved = wp.where(light > 0.0, 1.0, 0.0)
        v = sunk.v[n] + moved * sunk.own_v[n]
        w = sunk.w[n] + moved * sunk.own_w[n]
        friction = sunk.friction[n]
        total = wp.vec3(0.0, 0.0, 0.0)
        for _sweep in range(SWEEPS):
            for at in range(sunk.first[n], sunk.first[n] + sunk.count[n]):
                p = sunk.node[at]
                q = grid[p[0], p[1], p[2]]
                if q[3] > 1.0e-6 and reached(reach, grid.shape[1], p):
                    normal = sunk.normal[at]
                    arm = cell * wp.vec3(float(p[0]), float(p[1]), float(p[2])) - x
                    relative = cell * wp.vec3(q[0], q[1], q[2]) - v - wp.cross(w, arm)
                    vn = wp.dot(relative, normal)
                    if vn < 0.0:
                        node = 1.0 / (mass * q[3])
                        lever = wp.cross(arm, normal)
                        push = -vn / (node + light + wp.dot(lever, spin * lever))
                        slip = relative - vn * normal
                        size = wp.length(slip)
                        given = push * normal
                        if size > 1.0e-9:
                            way = slip / size
                            lever = wp.cross(arm, way)
                            rub = wp.min(friction * push, size / (node + light + wp.dot(lever, spin * lever)))
                            given = given - rub * way
                        u = wp.vec3(q[0], q[1], q[2]) + (node / cell) * given
                        grid[p[0], p[1], p[2]] = wp.vec4(u[0], u[1], u[2], q[3])
                        v = v - light * given
                        w = w - spin * wp.cross(arm, given)
                        total = total - given
        for at in range(sunk.first[n], sunk.first[n] + sunk.count[n]):
            p = sunk.node[at]
            q = grid[p[0], p[1], p[2]]
            away = wall[p[0], p[1], p[2]]
            normal = wp.vec3(away[0], away[1], away[2])
            u = wp.vec3(q[0], q[1], q[2])
            vn = wp.dot(u, normal)
            if q[3] > 0.0 and vn < 0.0 and wp.length_sq(normal) > 0.25:
                u = u - vn * normal
                grid[p[0], p[1], p[2]] = wp.vec4(u[0], u[1], u[2], q[3])
        sunk.v[n] = v
        sunk.w[n] = w
        sunk.impulse[n] = sunk.impulse[n] + wp.vec3d(total)


@wp.kernel
def give_kernel(bodies: Bodies, sunk: Sunk):
    """Hand the bodies what they got in the substep."""
    n = wp.tid()
    i = sunk.body[n]
    if bodies.inv_mass[i] > 0.0:
        bodies.v[i] = bodies.v[i] + (sunk.v[n] - sunk.before_v[n])
        bodies.w[i] = bodies.w[i] + (sunk.w[n] - sunk.before_w[n])
        sunk.after_v[n] = sunk.v[n]
        sunk.after_w[n] = sunk.w[n]


@wp.kernel
def evade_kernel(
    # inputs
    g: Geometry, bodies: Bodies, cell: float, sunk: Sunk, count: wp.array(dtype=int),
    # in and out
    state: wp.array2d(dtype=float),
):  # fmt: skip
    """Push particles out of bodies, as far as these are finer than the grid."""
    p = wp.tid()
    if p >= count[0] or state[0, p] < 0.0:
        return
    x = cell * wp.vec3(state[0, p], state[1, p], state[2, p])
    for n in range(sunk.body.shape[0]):
        arm = x - sunk.x[n]
        if wp.length_sq(arm) < sunk.bound[n] * sunk.bound[n]:
            i = sunk.body[n]
            turn = bodies.rotation[i]
            own = arm * turn
            for part in range(g.first[i], g.first[i + 1]):
                local = own
                if g.is_part[part] == 1:
                    local = (own - g.position[part]) * g.rotation[part]
                d, away = near_collider(g, part, local, NEAR * cell)
                if d < 0.0:
                    normal = away
                    if g.is_part[part] == 1:
                        normal = g.rotation[part] * away
                    x = x + wp.min(-d, 0.25 * cell) * (turn * normal)
    for axis in range(3):
        state[axis, p] = x[axis] / cell
