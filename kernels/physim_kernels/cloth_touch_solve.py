"""Contacts of vertices with colliders, one normal and one friction row each, solved by vertex.

Rows are hard and speculative, without restitution; the opposite impulse goes to the body. Normals are placed once per
substep h, gaps follow in every step dt of the cloth. A vertex on one thing that nothing moves is projected onto the
cone of friction: most contacts are such, and are kept apart in a list of their own. Contacts with moving bodies are
warm started. A vertex that is squeezed between two colliders is much lighter than what it carries, and one hard vertex
would carry it all: there the fabric is a pad that yields across its thickness, so that all vertices carry.
"""

import warp as wp

from physim_kernels.cloth_body import (
    RECOVERY,
    STIR,
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
from physim_kernels.cloth_touch import SLOTS, Touches
from physim_kernels.cloth_touch_alone import enter_alone
from physim_kernels.cloth_tree import Sheets
from physim_kernels.collider_near import FAR, near_collider
from physim_kernels.rigid_data import CYLINDER, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

CRUSH = wp.constant(3.0e7)
"""Stiffness of fabric across its thickness, per area [N/m^3]: some 0.15 mm for 50 gf/cm^2, as woven cotton has in the
compression test of the KES (Kawabata, 1980)."""
LOSS = wp.constant(1.0e-3)
"""Of its crush: stress per rate over stress per crush [s]."""


@wp.func
def place(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, row: int):
    """Normal, gap and arm of a row at the beginning of the substep."""
    k = c.row[row].collider
    rotation = collider_rotation(g, bodies, k)
    off = s.x[i] - collider_origin(g, bodies, k)
    n = rotation * c.row[row].side
    d = float(0.0)
    if g.kind[k] <= CYLINDER:  # round: exact in every substep, so that rolling is
        d, side = near_collider(g, k, off * rotation, FAR)
        n = rotation * side
    else:
        d = wp.dot(n, off - rotation * c.row[row].point)
    c.row[row].normal = n
    c.row[row].gap = d - s.half[i]
    c.row[row].offset = wp.dot(n, s.x[i]) - c.row[row].gap
    c.row[row].arm = s.x[i] - d * n - wp.vec3(bodies.x[collider_body(g, k)])


@wp.kernel
def begin_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, h: float, stride: int):
    """Place the rows of the listed vertices for a substep of ``h`` [s] and sort the vertices into the two lists."""
    at = wp.tid()
    while at < c.total[0]:
        i = c.list[at]
        inv_mass = s.inv_mass[i]
        live = int(0)
        first = int(-1)
        moved = int(0)
        for row in range(SLOTS * i, SLOTS * i + c.count[i]):
            place(g, bodies, s, c, i, row)
            b = collider_body(g, c.row[row].collider)
            n = c.row[row].normal
            u = s.v[i] - point_velocity(bodies, b, c.row[row].arm)
            closing = wp.length(u) - wp.dot(n, u)
            c.row[row].carried = 0.0
            if c.row[row].gap < h * (STIR + closing) and inv_mass + bodies.inv_mass[b] > 0.0:
                live += 1
                if first < 0:
                    first = row
                if bodies.inv_mass[b] > 0.0:
                    moved = 1
            else:
                c.row[row].pressure = 0.0
                c.row[row].drag = wp.vec3(0.0, 0.0, 0.0)
        if live == 1 and moved == 0:
            carried = point_velocity(bodies, collider_body(g, c.row[first].collider), c.row[first].arm)
            enter_alone(c, i, first, carried)
        elif live > 0:
            for row in range(SLOTS * i, SLOTS * i + c.count[i]):
                b = collider_body(g, c.row[row].collider)
                c.row[row].normal_mass = 1.0 / wp.max(
                    inv_mass + yielding(bodies, b, c.row[row].arm, c.row[row].normal), 1.0e-12
                )
                across = yielding_sideways(bodies, b, c.row[row].arm, c.row[row].normal)
                c.row[row].friction_mass = 1.0 / wp.max(inv_mass + across, 1.0e-12)
            c.shared[wp.atomic_add(c.totals, 0, 1)] = i
        at += stride


@wp.func
def rub(g: Geometry, bodies: Bodies, c: Touches, row: int, v: wp.vec3, inv_mass: float, time: float):
    """Friction of one row against its normal impulse; returns the vertex' new velocity."""
    b = collider_body(g, c.row[row].collider)
    n = c.row[row].normal
    arm = c.row[row].arm
    slip = v - point_velocity(bodies, b, arm)
    slip = slip - wp.dot(n, slip) * n
    old = c.row[row].drag
    new = old - c.row[row].friction_mass * slip
    limit = c.row[row].friction * c.row[row].pressure
    size = wp.length(new)
    if size > limit:
        new = new * (limit / size)
    change = new - old
    c.row[row].drag = new
    push_body(bodies, b, arm, -change, time)
    return v + inv_mass * change


@wp.func
def press(g: Geometry, bodies: Bodies, c: Touches, row: int, v: wp.vec3, inv_mass: float, target: float, time: float):
    """Normal impulse of one row to v_n >= ``target``; returns the vertex' new velocity."""
    b = collider_body(g, c.row[row].collider)
    n = c.row[row].normal
    arm = c.row[row].arm
    old = c.row[row].pressure
    new = wp.max(old - c.row[row].normal_mass * (wp.dot(n, v - point_velocity(bodies, b, arm)) - target), 0.0)
    change = (new - old) * n
    c.row[row].pressure = new
    push_body(bodies, b, arm, -change, time)
    return v + inv_mass * change


@wp.func
def stiffness(s: Sheets, i: int, crushed: float):
    """Of the fabric about vertex ``i`` across its thickness [N/m]: harder the more of it is ``crushed`` [m]."""
    thick = 2.0 * s.half[i]
    return CRUSH * s.area[i] * thick / (thick - wp.min(crushed, 0.9 * thick))


@wp.func
def squeeze(
    g: Geometry, bodies: Bodies, s: Sheets, c: Touches, p: int, q: int, i: int, v: wp.vec3, gap_p: float, gap_q: float,
    dt: float, h: float, time: float,
):  # fmt: skip
    """Vertex ``i`` between two colliders carries like a pad as thick as the fabric; returns its new velocity.

    One implicit step of the pad: impulse = dt (k c + (k dt + d) c') with c the crush and d = k LOSS. The vertex itself
    is led to the middle.
    """
    bp = collider_body(g, c.row[p].collider)
    bq = collider_body(g, c.row[q].collider)
    normal_p = c.row[p].normal
    normal_q = c.row[q].normal
    inv_mass = s.inv_mass[i]
    up = wp.dot(normal_p, point_velocity(bodies, bp, c.row[p].arm))
    uq = wp.dot(normal_q, point_velocity(bodies, bq, c.row[q].arm))
    crush = wp.max(-gap_p - gap_q, 0.0)
    k = stiffness(s, i, crush)
    rate = (k * dt + k * LOSS) * dt
    give = 1.0 / c.row[p].normal_mass + 1.0 / c.row[q].normal_mass - 2.0 * inv_mass
    load = wp.max((dt * k * crush + rate * (up + uq)) / (1.0 + rate * give), 0.0)
    c.row[p].pressure = load
    c.row[q].pressure = load
    push_body(bodies, bp, c.row[p].arm, -load * normal_p, time)
    push_body(bodies, bq, c.row[q].arm, -load * normal_q, time)
    speed = 0.5 * (up - uq) + 0.5 * RECOVERY / h * (gap_q - gap_p)
    change = (speed - wp.dot(normal_p, v)) / wp.max(inv_mass, 1.0e-12)
    b = bp
    arm = c.row[p].arm
    if change < 0.0:
        b = bq
        arm = c.row[q].arm
    push_body(bodies, b, arm, -change * normal_p, time)
    return v + inv_mass * (load * (normal_p + normal_q) + change * normal_p)


@wp.func
def within(u: wp.vec3, limit: float):
    """``u``, shortened to ``limit`` if it is longer."""
    size = wp.length(u)
    if size > limit:
        return u * (limit / size)
    return u


@wp.func
def rub_both(g: Geometry, bodies: Bodies, c: Touches, p: int, q: int, v: wp.vec3, inv_mass: float, time: float):
    """Friction of two rows of one vertex together: both stick, or what slips is bounded and the other is done again."""
    bp = collider_body(g, c.row[p].collider)
    bq = collider_body(g, c.row[q].collider)
    normal_p = c.row[p].normal
    normal_q = c.row[q].normal
    sp = v - point_velocity(bodies, bp, c.row[p].arm)
    sq = v - point_velocity(bodies, bq, c.row[q].arm)
    sp = sp - wp.dot(normal_p, sp) * normal_p
    sq = sq - wp.dot(normal_q, sq) * normal_q
    kp = 1.0 / c.row[p].friction_mass
    kq = 1.0 / c.row[q].friction_mass
    det = inv_mass * (kp + kq - 2.0 * inv_mass) + (kp - inv_mass) * (kq - inv_mass)
    old_p = c.row[p].drag
    old_q = c.row[q].drag
    limit_p = c.row[p].friction * c.row[p].pressure
    limit_q = c.row[q].friction * c.row[q].pressure
    dp = -0.5 / kp * sp
    dq = -0.5 / kq * sq
    if det > 1.0e-7 * inv_mass * inv_mass:
        dp = (inv_mass * sq - kq * sp) / det
        dq = (inv_mass * sp - kp * sq) / det
    dp = within(old_p + dp, limit_p) - old_p
    dq = -(sq + inv_mass * dp) / kq
    if wp.length(old_q + dq) > limit_q:
        dq = within(old_q + dq, limit_q) - old_q
        dp = within(old_p - (sp + inv_mass * dq) / kp, limit_p) - old_p
    c.row[p].drag = old_p + dp
    c.row[q].drag = old_q + dq
    push_body(bodies, bp, c.row[p].arm, -dp, time)
    push_body(bodies, bq, c.row[q].arm, -dq, time)
    return v + inv_mass * (dp + dq)


@wp.func
def row_gap(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, row: int, time: float):
    """Gap of a row ``time`` [s] after the substep began [m]."""
    b = collider_body(g, c.row[row].collider)
    return wp.dot(c.row[row].normal, s.x[i] - point_path(bodies, b, c.row[row].arm, time)) - c.row[row].offset


@wp.func
def is_squeezed(s: Sheets, c: Touches, i: int):
    """Whether the first two contacts of a vertex are on opposite sides of it."""
    return (
        c.count[i] > 1 and s.inv_mass[i] > 0.0 and wp.dot(c.row[SLOTS * i].normal, c.row[SLOTS * i + 1].normal) < -0.7
    )


@wp.func
def warm_vertex(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, time: float):
    """Apply the impulses of the last step again."""
    v = s.v[i]
    pair = is_squeezed(s, c, i)
    for row in range(SLOTS * i, SLOTS * i + c.count[i]):
        if c.row[row].pressure > 0.0:
            n = c.row[row].normal
            drag = c.row[row].drag - wp.dot(n, c.row[row].drag) * n
            c.row[row].drag = drag
            impulse = c.row[row].pressure * n + drag
            if pair and row < SLOTS * i + 2:
                impulse = drag
            v += s.inv_mass[i] * impulse
            push_body(bodies, collider_body(g, c.row[row].collider), c.row[row].arm, -impulse, time)
    s.v[i] = v


@wp.func
def solve_vertex(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, time: float, dt: float, h: float):
    """Friction, then normal impulses of all rows of a vertex; the first two together if they squeeze it."""
    first = SLOTS * i
    count = c.count[i]
    inv_mass = s.inv_mass[i]
    v = s.v[i]
    rest = int(first)
    if is_squeezed(s, c, i):
        gap_p = row_gap(g, bodies, s, c, i, first, time)
        gap_q = row_gap(g, bodies, s, c, i, first + 1, time)
        if gap_p + gap_q < 0.0:
            rest = first + 2
            v = squeeze(g, bodies, s, c, first, first + 1, i, v, gap_p, gap_q, dt, h, time)
            v = rub_both(g, bodies, c, first, first + 1, v, inv_mass, time)
        else:
            c.row[first].pressure = 0.0
            c.row[first + 1].pressure = 0.0
    for row in range(rest, first + count):
        if inv_mass + bodies.inv_mass[collider_body(g, c.row[row].collider)] > 0.0:
            target = open_speed(row_gap(g, bodies, s, c, i, row, time), dt, h)
            v = press(g, bodies, c, row, v, inv_mass, target, time)
            if c.row[row].pressure > 0.0 or wp.length_sq(c.row[row].drag) > 0.0:
                v = rub(g, bodies, c, row, v, inv_mass, time)
    for row in range(first, first + count):
        c.row[row].carried = c.row[row].carried + c.row[row].pressure
    s.v[i] = v


@wp.kernel
def shared_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, time: float, dt: float, h: float):
    """Vertices on several things or on moving bodies, one after the other: warm start and one sweep."""
    for k in range(c.totals[0]):
        warm_vertex(g, bodies, s, c, c.shared[k], time)
    for k in range(c.totals[0]):
        solve_vertex(g, bodies, s, c, c.shared[k], time, dt, h)


@wp.kernel
def end_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches):
    """After the last step: bodies that were pushed are awake."""
    for k in range(c.totals[0]):
        i = c.shared[k]
        for row in range(SLOTS * i, SLOTS * i + c.count[i]):
            b = collider_body(g, c.row[row].collider)
            if c.row[row].carried > 0.0:
                if bodies.inv_mass[b] > 0.0:
                    bodies.active[b] = 1
                c.deepest[0] = wp.max(c.deepest[0], -c.row[row].gap)
    c.totals[0] = 0


def begin(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, h, device):
    """At the start of a substep of ``h`` [s]: place the rows of the listed vertices, after ``cloth_touch_alone``."""
    threads = 1 if device.is_cpu else s.x.shape[0]
    wp.launch(begin_kernel, dim=threads, inputs=[g, bodies, s, c, h, threads], device=device)


def step(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, time, dt, h, device):
    """One step of ``dt`` [s] that begins ``time`` [s] after the substep, between kick and drift of the cloth."""
    wp.launch(shared_kernel, dim=1, inputs=[g, bodies, s, c, time, dt, h], device=device)


def end(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, device):
    """After the last step of the substep."""
    wp.launch(end_kernel, dim=1, inputs=[g, bodies, s, c], device=device)
