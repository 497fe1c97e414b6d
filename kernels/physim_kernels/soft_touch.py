"""Contact of elastic solids: points of their skin against planes, fields, meshes and bodies.

A point at p = sum of w_a x_a, in a cell with corners a, and a collider whose signed distance there is d along n:

    v_n = n . (v - v_body) >= -gap / dt,   |friction| <= mu impulse,   impulse on corner a: w_a of it,

and the opposite of it all on the body: momentum and angular momentum stay. Points are light beside what they carry, so
one sweep in every step is enough, without memory: what presses is the matter behind them. No restitution: what is
elastic about a bounce is in the matter.
"""

import warp as wp

from physim_kernels.cloth_body import (
    collider_body,
    collider_origin,
    collider_rotation,
    open_speed,
    point_path,
    point_velocity,
    push_body,
    yielding,
    yielding_sideways,
)
from physim_kernels.collider_near import near_collider
from physim_kernels.rigid_data import PLANE, Bodies, Geometry
from physim_kernels.soft_data import Cells, Nodes, Skin, Touches

wp.set_module_options({"enable_backward": False})

SLOTS = wp.constant(3)
"""Contacts of one point."""


@wp.kernel
def place_kernel(nodes: Nodes, cells: Cells, skin: Skin):
    """Place and velocity of the points of the skin."""
    i = wp.tid()
    c = skin.cell[i]
    x = wp.vec3d()
    v = wp.vec3d()
    for a in range(8):
        w = wp.float64(skin.weight[8 * i + a])
        x += w * nodes.x[cells.node[8 * c + a]]
        v += w * nodes.v[cells.node[8 * c + a]]
    skin.x[i] = wp.vec3(x)
    skin.v[i] = wp.vec3(v)


@wp.kernel
def find_kernel(
    g: Geometry, bodies: Bodies, skin: Skin, c: Touches, spared: wp.array(dtype=int), colliders: int, h: float,
    slack: float,
):  # fmt: skip
    """What each point may touch in the substep ``h``: nearer than what both move in it, and ``slack`` [m]."""
    i = wp.tid()
    count = int(0)
    x = skin.x[i]
    for k in range(colliders):
        b = collider_body(g, k)
        p = (x - collider_origin(g, bodies, k)) * collider_rotation(g, bodies, k)
        r = wp.length(p)
        reach = slack + h * (wp.length(skin.v[i] - bodies.v[b]) + wp.length(bodies.w[b]) * r)
        if b != spared[i] and (g.kind[k] >= PLANE or r < g.bound[k] + reach):
            d, side = near_collider(g, k, p, reach)
            if d < reach:
                row = int(SLOTS * i + count)
                if count < SLOTS:
                    count += 1
                else:  # in place of the one farthest off
                    row = SLOTS * i
                    for other in range(SLOTS * i, SLOTS * i + SLOTS):
                        if c.offset[other] < c.offset[row]:
                            row = other
                n = collider_rotation(g, bodies, k) * side
                c.collider[row] = k
                c.normal[row] = n
                c.offset[row] = wp.dot(wp.vec3d(n), wp.vec3d(x)) - wp.float64(d)
                c.arm[row] = x - d * n - wp.vec3(bodies.x[b])
                c.friction[row] = wp.sqrt(skin.friction[i] * g.friction[k])
    c.count[i] = count


@wp.kernel
def list_kernel(c: Touches, points: int):
    """Gather the points that are near something."""
    total = int(0)
    for i in range(points):
        if c.count[i] > 0:
            c.list[total] = i
            total += 1
    c.total[0] = total


@wp.func
def press(
    g: Geometry, bodies: Bodies, c: Touches, row: int, solid: int, x: wp.vec3d, v: wp.vec3, response: float,
    time: float, dt: float, h: float,
):  # fmt: skip
    """Impulse of one contact on the point, friction included."""
    b = collider_body(g, c.collider[row])
    n = c.normal[row]
    arm = c.arm[row]
    gap = float(wp.dot(wp.vec3d(n), x) - c.offset[row]) - wp.dot(n, point_path(bodies, b, arm, time))
    slip = v - point_velocity(bodies, b, arm)
    along = wp.dot(n, slip)
    normal = (open_speed(gap, dt, h) - along) / (response + yielding(bodies, b, arm, n))
    impulse = wp.vec3(0.0, 0.0, 0.0)
    if normal > 0.0:
        c.deepest[0] = wp.max(c.deepest[0], -gap)
        slip = slip - along * n
        size = wp.length(slip)
        stop = size / (response + yielding_sideways(bodies, b, arm, n))
        impulse = normal * n
        if size > 0.0:
            impulse = impulse - (wp.min(stop, c.friction[row] * normal) / size) * slip
        push_body(bodies, b, arm, -impulse, time)
        at = solid * c.bodies + b
        c.pressed[at] = c.pressed[at] + impulse
        bodies.active[b] = 1
    return impulse


@wp.kernel
def press_kernel(
    g: Geometry, bodies: Bodies, nodes: Nodes, cells: Cells, skin: Skin, c: Touches, time: float, dt: float, h: float
):  # fmt: skip
    """Solve the contacts of all listed points, one after the other, ``time`` into the substep ``h``."""
    for at in range(c.total[0]):
        i = c.list[at]
        response = skin.response[i]
        if response > 0.0:
            cell = skin.cell[i]
            x = wp.vec3d()
            v = wp.vec3d()
            for a in range(8):
                w = wp.float64(skin.weight[8 * i + a])
                x += w * nodes.x[cells.node[8 * cell + a]]
                v += w * nodes.v[cells.node[8 * cell + a]]
            given = wp.vec3(0.0, 0.0, 0.0)
            for row in range(SLOTS * i, SLOTS * i + c.count[i]):
                now = wp.vec3(v) + response * given
                given += press(g, bodies, c, row, cells.solid[cell], x, now, response, time, dt, h)
            if wp.length_sq(given) > 0.0:
                for a in range(8):
                    n = cells.node[8 * cell + a]
                    nodes.v[n] = nodes.v[n] + wp.vec3d((skin.weight[8 * i + a] * nodes.inv_mass[n]) * given)


@wp.kernel
def forget_kernel(c: Touches):
    """Begin to count what presses anew, for the next sample."""
    c.pressed[wp.tid()] = wp.vec3(0.0, 0.0, 0.0)
