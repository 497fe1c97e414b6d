"""Vertices of cloth against colliders: search, one normal and one friction row each, solved by vertex.

A vertex at p, with half the thickness r about it, and a collider whose signed distance there is d along n:

    gap = d - r,   v_n = n . (v - v_body(p - d n)),   0 <= impulse  _|_  v_n + gap / h >= 0,   |friction| <= mu impulse.

Rows are hard and speculative, warm started, without restitution; the opposite impulse goes to the body. A vertex that is
squeezed between two colliders, much lighter than what it carries, has both of its rows solved together: one after the
other would pass on only its own small momentum at a time.
"""

import warp as wp

from physim_kernels.cloth_tree import Sheets, Tree
from physim_kernels.collider_near import FAR, near_collider
from physim_kernels.rigid_data import CYLINDER, FIELD, PLANE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

SLOTS = wp.constant(4)
"""Contacts of one vertex."""
RECOVERY = wp.constant(0.2)
"""Part of a penetration that one substep takes back."""
PUSH = wp.constant(0.5)
"""Fastest recovery [m/s]."""


@wp.struct
class Touches:
    """Contacts of vertex i are rows SLOTS i to SLOTS i + count[i] - 1. World axes unless said."""

    count: wp.array(dtype=int)
    collider: wp.array(dtype=int)
    point: wp.array(dtype=wp.vec3)  # of the surface, collider's frame [m]
    side: wp.array(dtype=wp.vec3)  # normal there, collider's frame
    normal: wp.array(dtype=wp.vec3)
    arm: wp.array(dtype=wp.vec3)  # from the body's centre of mass [m]
    gap: wp.array(dtype=float)  # [m]
    friction: wp.array(dtype=float)
    normal_mass: wp.array(dtype=float)  # [kg]
    friction_mass: wp.array(dtype=float)
    pressure: wp.array(dtype=float)  # normal impulse of this substep [N s]
    drag: wp.array(dtype=wp.vec3)  # friction impulse on the vertex [N s]
    old_count: wp.array(dtype=int)
    old_collider: wp.array(dtype=int)
    old_pressure: wp.array(dtype=float)
    old_drag: wp.array(dtype=wp.vec3)
    list: wp.array(dtype=int)  # vertices in contact
    total: wp.array(dtype=int)  # [0]: how many
    near: wp.array(dtype=int)  # colliders near any cloth
    near_total: wp.array(dtype=int)
    surface: wp.array(dtype=float)  # friction coefficient of each collider
    deepest: wp.array(dtype=float)  # [0]: deepest penetration so far [m]


# -- the collider's pose: the only place that knows how colliders belong to bodies ---------------------------------


@wp.func
def collider_body(g: Geometry, c: int):
    return c


@wp.func
def collider_rotation(g: Geometry, bodies: Bodies, c: int):
    return bodies.rotation[c]


@wp.func
def collider_origin(g: Geometry, bodies: Bodies, c: int, ahead: float):
    """Where the collider's frame has its origin ``ahead`` [s] after the start of the substep."""
    return wp.vec3(bodies.x[c]) + ahead * bodies.v[c]


# -- search --------------------------------------------------------------------------------------------------------


@wp.func
def box_reaches(lower: wp.vec3, upper: wp.vec3, g: Geometry, bodies: Bodies, c: int, reach: float):
    """Whether a box and the bounds of collider ``c``, widened by ``reach``, meet."""
    at = collider_origin(g, bodies, c, 0.0)
    if g.kind[c] == PLANE:
        up = collider_rotation(g, bodies, c) * wp.vec3(0.0, 1.0, 0.0)
        middle = 0.5 * (lower + upper)
        half = 0.5 * (upper - lower)
        extent = half[0] * wp.abs(up[0]) + half[1] * wp.abs(up[1]) + half[2] * wp.abs(up[2])
        return wp.dot(up, middle - at) - extent < reach
    if g.kind[c] == FIELD:
        return True
    beyond = wp.max(wp.max(lower - at, at - upper), wp.vec3(0.0, 0.0, 0.0))
    limit = g.bound[c] + reach
    return wp.dot(beyond, beyond) < limit * limit


@wp.func
def body_reach(g: Geometry, bodies: Bodies, c: int, interval: float):
    """How far the surface of collider ``c`` may move within ``interval`` [m]."""
    b = collider_body(g, c)
    return interval * (wp.length(bodies.v[b]) + wp.length(bodies.w[b]) * g.bound[c])


@wp.kernel
def near_kernel(g: Geometry, bodies: Bodies, tree: Tree, c: Touches, collider_total: int, interval: float, slack: float):
    """List the colliders that any cloth may touch within ``interval`` [s]."""
    count = int(0)
    for k in range(collider_total):
        if box_reaches(tree.lower[0], tree.upper[0], g, bodies, k, slack + body_reach(g, bodies, k, interval)):
            c.near[count] = k
            count += 1
    c.near_total[0] = count


@wp.func
def keep(c: Touches, i: int, collider: int, point: wp.vec3, side: wp.vec3, gap: float, friction: float):
    """Enter a contact of vertex ``i``; if all slots are taken, in place of the one farthest off, if it is nearer."""
    row = int(SLOTS * i + c.count[i])
    if c.count[i] < SLOTS:
        c.count[i] = c.count[i] + 1
    else:
        row = SLOTS * i
        for k in range(SLOTS * i, SLOTS * i + SLOTS):
            if c.gap[k] > c.gap[row]:
                row = k
        if c.gap[row] <= gap:
            return
    c.collider[row] = collider
    c.point[row] = point
    c.side[row] = side
    c.gap[row] = gap
    c.friction[row] = friction
    c.pressure[row] = 0.0
    c.drag[row] = wp.vec3(0.0, 0.0, 0.0)
    for k in range(SLOTS * i, SLOTS * i + c.old_count[i]):
        if c.old_collider[k] == collider:
            c.pressure[row] = c.old_pressure[k]
            c.drag[row] = c.old_drag[k]


@wp.kernel
def find_kernel(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, speed: wp.array(dtype=float), interval: float,
    slack: float,
):  # fmt: skip
    """Contacts of the vertices of one leaf within ``interval`` [s]; impulses pass on to the same collider's row."""
    leaf = wp.tid()
    first = tree.vertex_start[leaf]
    end = tree.vertex_start[leaf + 1]
    for k in range(first, end):
        i = tree.vertex[k]
        count = c.count[i]
        c.old_count[i] = count
        c.count[i] = 0
        for row in range(SLOTS * i, SLOTS * i + count):
            c.old_collider[row] = c.collider[row]
            c.old_pressure[row] = c.pressure[row]
            c.old_drag[row] = c.drag[row]
    node = tree.leaf_count - 1 + leaf
    for m in range(c.near_total[0]):
        collider = c.near[m]
        moves = body_reach(g, bodies, collider, interval)
        if box_reaches(tree.lower[node], tree.upper[node], g, bodies, collider, slack + moves):
            rotation = collider_rotation(g, bodies, collider)
            at = collider_origin(g, bodies, collider, 0.0)
            reach = slack + moves + interval * speed[leaf]
            for k in range(first, end):
                i = tree.vertex[k]
                p = (s.x[i] - at) * rotation
                limit = reach + s.half[i]
                if g.kind[collider] >= PLANE or wp.length_sq(p) < (g.bound[collider] + limit) * (g.bound[collider] + limit):
                    d, n = near_collider(g, collider, p, limit)
                    if d < limit:
                        mu = wp.sqrt(s.friction[i] * c.surface[collider])
                        keep(c, i, collider, p - d * n, n, d - s.half[i], mu)


@wp.kernel
def list_kernel(tree: Tree, c: Touches, vertex_total: int):
    """Gather the vertices in contact, patch by patch."""
    total = int(0)
    for k in range(vertex_total):
        i = tree.vertex[k]
        if c.count[i] > 0:
            c.list[total] = i
            total += 1
    c.total[0] = total


# -- rows ----------------------------------------------------------------------------------------------------------


@wp.func
def push_body(bodies: Bodies, b: int, arm: wp.vec3, impulse: wp.vec3):
    """Give ``impulse`` [N s] to a body at ``arm`` from its centre of mass. What does not move is never written."""
    if bodies.inv_mass[b] > 0.0:
        bodies.v[b] = bodies.v[b] + bodies.inv_mass[b] * impulse
        bodies.w[b] = bodies.w[b] + bodies.inv_inertia[b] * wp.cross(arm, impulse)


@wp.func
def yielding(bodies: Bodies, b: int, arm: wp.vec3, u: wp.vec3):
    """Velocity of a body's point along ``u`` per impulse along ``u`` [1/kg]."""
    if bodies.inv_mass[b] == 0.0:
        return 0.0
    turn = wp.cross(arm, u)
    return bodies.inv_mass[b] + wp.dot(turn, bodies.inv_inertia[b] * turn)


@wp.func
def yielding_sideways(bodies: Bodies, b: int, arm: wp.vec3, n: wp.vec3):
    """The largest of these in the plane across ``n``, from above: exact for a central contact."""
    if bodies.inv_mass[b] == 0.0:
        return 0.0
    out = arm - wp.dot(arm, n) * n
    i = bodies.inv_inertia[b]
    most = wp.max(wp.max(i[0, 0], i[1, 1]), i[2, 2])
    across = wp.cross(n, arm)
    return bodies.inv_mass[b] + wp.max(most * wp.dot(arm, arm), most * (wp.dot(out, out) + wp.dot(across, across)))


@wp.func
def slip_velocity(bodies: Bodies, b: int, v: wp.vec3, arm: wp.vec3):
    return v - bodies.v[b] - wp.cross(bodies.w[b], arm)


@wp.func
def place(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, row: int, ahead: float):
    """Normal, gap, arm and masses of a row at the present places."""
    k = c.collider[row]
    b = collider_body(g, k)
    rotation = collider_rotation(g, bodies, k)
    at = collider_origin(g, bodies, k, ahead)
    off = s.x[i] - at
    n = rotation * c.side[row]
    d = float(0.0)
    if g.kind[k] <= CYLINDER:  # round: exact at every substep, so that rolling is
        d, side = near_collider(g, k, off * rotation, FAR)
        n = rotation * side
    else:
        d = wp.dot(n, off - rotation * c.point[row])
    arm = s.x[i] - d * n - wp.vec3(bodies.x[b]) - ahead * bodies.v[b]
    c.normal[row] = n
    c.gap[row] = d - s.half[i]
    c.arm[row] = arm
    c.normal_mass[row] = 1.0 / wp.max(s.inv_mass[i] + yielding(bodies, b, arm, n), 1.0e-12)
    c.friction_mass[row] = 1.0 / wp.max(s.inv_mass[i] + yielding_sideways(bodies, b, arm, n), 1.0e-12)


@wp.func
def bias(gap: float, h: float):
    """Speed with which a gap may close, or a penetration must open [m/s]."""
    if gap > 0.0:
        return gap / h
    return wp.max(RECOVERY * gap / h, -PUSH)


@wp.func
def rub(g: Geometry, bodies: Bodies, c: Touches, row: int, v: wp.vec3, inv_mass: float):
    """Friction of one row against its normal impulse; returns the vertex' new velocity."""
    b = collider_body(g, c.collider[row])
    n = c.normal[row]
    arm = c.arm[row]
    slip = slip_velocity(bodies, b, v, arm)
    slip = slip - wp.dot(n, slip) * n
    old = c.drag[row]
    new = old - c.friction_mass[row] * slip
    limit = c.friction[row] * c.pressure[row]
    size = wp.length(new)
    if size > limit:
        new = new * (limit / size)
    change = new - old
    c.drag[row] = new
    push_body(bodies, b, arm, -change)
    return v + inv_mass * change


@wp.func
def press(g: Geometry, bodies: Bodies, c: Touches, row: int, v: wp.vec3, inv_mass: float, target: float):
    """Normal impulse of one row to v_n >= -``target``; returns the vertex' new velocity."""
    b = collider_body(g, c.collider[row])
    n = c.normal[row]
    arm = c.arm[row]
    old = c.pressure[row]
    new = wp.max(old - c.normal_mass[row] * (wp.dot(n, slip_velocity(bodies, b, v, arm)) + target), 0.0)
    change = (new - old) * n
    c.pressure[row] = new
    push_body(bodies, b, arm, -change)
    return v + inv_mass * change


@wp.func
def squeeze(
    g: Geometry, bodies: Bodies, c: Touches, p: int, q: int, v: wp.vec3, inv_mass: float, first: float, second: float,
):  # fmt: skip
    """Normal impulses of the rows ``p`` and ``q`` of one vertex together; returns the vertex' new velocity."""
    bp = collider_body(g, c.collider[p])
    bq = collider_body(g, c.collider[q])
    normal_p = c.normal[p]
    normal_q = c.normal[q]
    cosine = wp.dot(normal_p, normal_q)
    yp = 1.0 / c.normal_mass[p] - inv_mass
    yq = 1.0 / c.normal_mass[q] - inv_mass
    up = wp.dot(normal_p, slip_velocity(bodies, bp, v, c.arm[p])) + first
    uq = wp.dot(normal_q, slip_velocity(bodies, bq, v, c.arm[q])) + second
    kp = inv_mass + yp
    kq = inv_mass + yq
    k = inv_mass * cosine
    det = inv_mass * inv_mass * (1.0 - cosine * cosine) + inv_mass * (yp + yq) + yp * yq
    dp = float(0.0)
    dq = float(0.0)
    both = int(0)
    if det > 1.0e-7 * inv_mass * inv_mass:
        dp = (k * uq - kq * up) / det
        dq = (k * up - kp * uq) / det
        if c.pressure[p] + dp >= 0.0 and c.pressure[q] + dq >= 0.0:
            both = 1
    else:  # pinched by what does not move: let the impulses fade, or they would grow without end
        c.pressure[p] = 0.9 * c.pressure[p]
        c.pressure[q] = 0.9 * c.pressure[q]
    if both == 0:
        dp = -c.pressure[p]
        dq = wp.max(-(uq + k * dp) / kq, -c.pressure[q])
        if up + kp * dp + k * dq < 0.0:
            dq = -c.pressure[q]
            dp = wp.max(-(up + k * dq) / kp, -c.pressure[p])
    c.pressure[p] = c.pressure[p] + dp
    c.pressure[q] = c.pressure[q] + dq
    push_body(bodies, bp, c.arm[p], -dp * normal_p)
    push_body(bodies, bq, c.arm[q], -dq * normal_q)
    return v + inv_mass * (dp * normal_p + dq * normal_q)


@wp.func
def rub_both(g: Geometry, bodies: Bodies, c: Touches, p: int, q: int, v: wp.vec3, inv_mass: float):
    """Friction of two rows of one vertex together: both stick, or what slips is bounded and the other is done again."""
    bp = collider_body(g, c.collider[p])
    bq = collider_body(g, c.collider[q])
    normal_p = c.normal[p]
    normal_q = c.normal[q]
    sp = slip_velocity(bodies, bp, v, c.arm[p])
    sq = slip_velocity(bodies, bq, v, c.arm[q])
    sp = sp - wp.dot(normal_p, sp) * normal_p
    sq = sq - wp.dot(normal_q, sq) * normal_q
    yp = 1.0 / c.friction_mass[p] - inv_mass
    yq = 1.0 / c.friction_mass[q] - inv_mass
    kp = inv_mass + yp
    kq = inv_mass + yq
    det = inv_mass * (yp + yq) + yp * yq
    old_p = c.drag[p]
    old_q = c.drag[q]
    limit_p = c.friction[p] * c.pressure[p]
    limit_q = c.friction[q] * c.pressure[q]
    dp = -0.5 / kp * sp
    dq = -0.5 / kq * sq
    if det > 1.0e-7 * inv_mass * inv_mass:
        dp = (inv_mass * sq - kq * sp) / det
        dq = (inv_mass * sp - kp * sq) / det
    new_p = wp.normalize(old_p + dp) * wp.min(wp.length(old_p + dp), limit_p)
    dp = new_p - old_p
    dq = -(sq + inv_mass * dp) / kq
    new_q = wp.normalize(old_q + dq) * wp.min(wp.length(old_q + dq), limit_q)
    if wp.length(old_q + dq) > limit_q:
        dq = new_q - old_q
        dp = -(sp + inv_mass * dq) / kp
        new_p = wp.normalize(old_p + dp) * wp.min(wp.length(old_p + dp), limit_p)
    new_p = new_p - wp.dot(normal_p, new_p) * normal_p
    new_q = new_q - wp.dot(normal_q, new_q) * normal_q
    c.drag[p] = new_p
    c.drag[q] = new_q
    push_body(bodies, bp, c.arm[p], old_p - new_p)
    push_body(bodies, bq, c.arm[q], old_q - new_q)
    return v + inv_mass * (new_p - old_p + new_q - old_q)


@wp.kernel
def begin_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, ahead: float, h: float, stride: int):
    """Place all rows and apply the impulses of the last substep."""
    place_in_list = wp.tid()
    while place_in_list < c.total[0]:
        i = c.list[place_in_list]
        inv_mass = s.inv_mass[i]
        v = s.v[i]
        for row in range(SLOTS * i, SLOTS * i + c.count[i]):
            place(g, bodies, s, c, i, row, ahead)
            if inv_mass == 0.0 and bodies.inv_mass[collider_body(g, c.collider[row])] == 0.0:
                c.pressure[row] = 0.0
            if c.pressure[row] > 0.0:
                n = c.normal[row]
                drag = c.drag[row]
                drag = drag - wp.dot(n, drag) * n
                c.drag[row] = drag
                impulse = c.pressure[row] * n + drag
                v += inv_mass * impulse
                push_body(bodies, collider_body(g, c.collider[row]), c.arm[row], -impulse)
            else:
                c.drag[row] = wp.vec3(0.0, 0.0, 0.0)
        s.v[i] = v
        place_in_list += stride


@wp.func
def solve_vertex(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, h: float):
    first = SLOTS * i
    count = c.count[i]
    inv_mass = s.inv_mass[i]
    v = s.v[i]
    if count == 1:
        if inv_mass > 0.0 or bodies.inv_mass[collider_body(g, c.collider[first])] > 0.0:
            if c.pressure[first] > 0.0:
                v = rub(g, bodies, c, first, v, inv_mass)
            v = press(g, bodies, c, first, v, inv_mass, bias(c.gap[first], h))
    else:
        rest = first
        if inv_mass > 0.0 and wp.dot(c.normal[first], c.normal[first + 1]) < -0.1:
            rest = first + 2
            if c.pressure[first] > 0.0 or c.pressure[first + 1] > 0.0:
                v = rub_both(g, bodies, c, first, first + 1, v, inv_mass)
            v = squeeze(
                g, bodies, c, first, first + 1, v, inv_mass, bias(c.gap[first], h), bias(c.gap[first + 1], h)
            )
        for row in range(rest, first + count):
            if inv_mass > 0.0 or bodies.inv_mass[collider_body(g, c.collider[row])] > 0.0:
                if c.pressure[row] > 0.0:
                    v = rub(g, bodies, c, row, v, inv_mass)
                v = press(g, bodies, c, row, v, inv_mass, bias(c.gap[row], h))
    s.v[i] = v


@wp.kernel
def solve_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, h: float, stride: int):
    place_in_list = wp.tid()
    while place_in_list < c.total[0]:
        solve_vertex(g, bodies, s, c, c.list[place_in_list], h)
        place_in_list += stride


@wp.kernel
def end_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, h: float, stride: int):
    """After the drift: take out the speed that only served to end a penetration."""
    place_in_list = wp.tid()
    while place_in_list < c.total[0]:
        i = c.list[place_in_list]
        inv_mass = s.inv_mass[i]
        for row in range(SLOTS * i, SLOTS * i + c.count[i]):
            b = collider_body(g, c.collider[row])
            if c.pressure[row] > 0.0:
                if bodies.inv_mass[b] > 0.0:
                    bodies.active[b] = 1
                if c.gap[row] < -1.0e-6 and (inv_mass > 0.0 or bodies.inv_mass[b] > 0.0):
                    c.deepest[0] = wp.max(c.deepest[0], -c.gap[row])
                    s.v[i] = press(g, bodies, c, row, s.v[i], inv_mass, 0.0)
        place_in_list += stride


def find(g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, speed, *, colliders, interval, slack, device):
    """Look for contacts within the next ``interval`` [s] and ``slack`` [m]; the tree must have been refitted for it."""
    wp.launch(near_kernel, dim=1, inputs=[g, bodies, tree, c, colliders, interval, slack], device=device)
    wp.launch(
        find_kernel, dim=tree.leaf_count, inputs=[g, bodies, s, tree, c, speed, interval, slack], device=device
    )
    wp.launch(list_kernel, dim=1, inputs=[tree, c, s.x.shape[0]], device=device)


def begin(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, ahead, h, device):
    """At the start of a substep of ``h`` [s] that begins ``ahead`` [s] after the bodies' poses: place and warm start."""
    wp.launch(begin_kernel, dim=1, inputs=[g, bodies, s, c, ahead, h, 1], device=device)


def solve(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, h, device):
    """One sweep."""
    wp.launch(solve_kernel, dim=1, inputs=[g, bodies, s, c, h, 1], device=device)


def end(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, h, device):
    """After the drift."""
    wp.launch(end_kernel, dim=1, inputs=[g, bodies, s, c, h, 1], device=device)
