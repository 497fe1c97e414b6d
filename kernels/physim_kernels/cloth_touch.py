"""Vertices of cloth against colliders: search, one normal and one friction row each, solved by vertex.

A vertex at p, with half the thickness r about it, and a collider whose signed distance there is d along n:

    gap = d - r,  v_n = n . (v - v_body(p - d n)),  0 <= impulse  _|_  v_n + gap / dt >= 0,  |friction| <= mu impulse.

Rows are hard and speculative, without restitution; the opposite impulse goes to the body. Normals are placed once per
substep h, gaps follow in every step dt of the cloth. A vertex on one thing that nothing moves is projected onto the
cone of friction: most contacts are such, and are kept apart in a list of their own. Contacts with moving bodies are
warm started. A vertex that is squeezed between two colliders is much lighter than what it carries, and one hard vertex
would carry it all: there the fabric is a pad that yields across its thickness, so that all vertices carry.

An impulse that changes a body's velocity by dv at the time t of the substep moves its drift back by t dv (``dx``), so
that the body too has followed the old velocity until then and the new one from then on.
"""

import warp as wp

from physim_kernels.cloth_tree import Sheets, Tree, meets
from physim_kernels.collider_near import FAR, near_collider
from physim_kernels.rigid_data import CYLINDER, FIELD, PLANE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

SIDE = 12
"""Numbers of a row of ``Touches.alone``: normal, offset, velocity of the surface, friction, impulse, 3 spare."""
SLOTS = wp.constant(4)
"""Contacts of one vertex."""
RECOVERY = wp.constant(0.2)
"""Part of a penetration that one substep takes back."""
PUSH = wp.constant(0.5)
"""Fastest recovery [m/s]."""
CRUSH = wp.constant(3.0e7)
"""Stiffness of fabric across its thickness, per area [N/m^3]: some 0.15 mm for 50 gf/cm^2, as woven cotton has in the
compression test of the KES (Kawabata, 1980)."""
LOSS = wp.constant(1.0e-3)
"""Of its crush: stress per rate over stress per crush [s]."""
STIR = wp.constant(1.0)
"""Change of velocity that a substep may bring before a gap that was safe at its start is not [m/s]."""


@wp.struct
class Touches:
    """Contacts of vertex i are rows SLOTS i to SLOTS i + count[i] - 1. World axes unless said."""

    count: wp.array(dtype=int)
    collider: wp.array(dtype=int)
    point: wp.array(dtype=wp.vec3)  # of the surface, collider's frame [m]
    side: wp.array(dtype=wp.vec3)  # normal there, collider's frame
    normal: wp.array(dtype=wp.vec3)
    arm: wp.array(dtype=wp.vec3)  # from the body's centre of mass [m]
    gap: wp.array(dtype=float)  # at the beginning of the substep [m]
    offset: wp.array(dtype=float)  # normal . x where the gap is 0, at the beginning of the substep [m]
    friction: wp.array(dtype=float)
    normal_mass: wp.array(dtype=float)  # [kg]
    friction_mass: wp.array(dtype=float)
    pressure: wp.array(dtype=float)  # normal impulse of the last step [N s]
    carried: wp.array(dtype=float)  # normal impulse of the substep [N s]
    drag: wp.array(dtype=wp.vec3)  # friction impulse on the vertex [N s]
    old_count: wp.array(dtype=int)
    old_collider: wp.array(dtype=int)
    old_pressure: wp.array(dtype=float)
    old_drag: wp.array(dtype=wp.vec3)
    list: wp.array(dtype=int)  # vertices near something
    total: wp.array(dtype=int)  # [0]: how many
    alone: wp.array(dtype=float)  # rows of vertices on one thing that nothing moves
    alone_vertex: wp.array(dtype=int)
    alone_row: wp.array(dtype=int)  # their slots
    shared: wp.array(dtype=int)  # vertices on several things or on moving bodies
    totals: wp.array(dtype=int)  # [0]: of alone, [1]: of shared
    near: wp.array(dtype=int)  # colliders near any cloth
    near_total: wp.array(dtype=int)
    deepest: wp.array(dtype=float)  # [0]: deepest penetration so far [m]


# -- the collider's pose: the only place that knows how colliders belong to bodies ---------------------------------


@wp.func
def collider_body(g: Geometry, c: int):
    return g.body[c]


@wp.func
def collider_rotation(g: Geometry, bodies: Bodies, c: int):
    if g.is_part[c] == 1:
        return bodies.rotation[g.body[c]] * g.rotation[c]
    return bodies.rotation[g.body[c]]


@wp.func
def collider_origin(g: Geometry, bodies: Bodies, c: int):
    """Where the collider's frame has its origin at the start of the substep."""
    b = g.body[c]
    if g.is_part[c] == 1:
        return wp.vec3(bodies.x[b]) + bodies.rotation[b] * g.position[c]
    return wp.vec3(bodies.x[b])


# -- search --------------------------------------------------------------------------------------------------------


@wp.func
def box_reaches(lower: wp.vec3, upper: wp.vec3, g: Geometry, bodies: Bodies, c: int, reach: float):
    """Whether a box and the bounds of collider ``c``, widened by ``reach``, meet."""
    at = collider_origin(g, bodies, c)
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
def node_reach(g: Geometry, bodies: Bodies, tree: Tree, node: int, c: int, interval: float):
    """How far a node of the cloth and the surface of collider ``c`` may come closer within ``interval`` [m]."""
    b = collider_body(g, c)
    meet = wp.length(tree.velocity[node] - bodies.v[b]) + tree.stir[node]
    return interval * (meet + wp.length(bodies.w[b]) * (g.bound[c] + wp.length(g.position[c])))


@wp.kernel
def near_kernel(
    g: Geometry, bodies: Bodies, tree: Tree, c: Touches, colliders: int, interval: float, slack: float
):  # fmt: skip
    """List the colliders that any cloth may touch within ``interval`` [s]."""
    count = int(0)
    for k in range(colliders):
        reach = slack + interval + 1.5 * node_reach(g, bodies, tree, 0, k, interval)
        if box_reaches(tree.lower[0], tree.upper[0], g, bodies, k, reach):
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
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, interval: float, slack: float
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
        reach = slack + 1.5 * node_reach(g, bodies, tree, node, collider, interval)
        if box_reaches(tree.lower[node], tree.upper[node], g, bodies, collider, reach):
            body = collider_body(g, collider)
            rotation = collider_rotation(g, bodies, collider)
            at = collider_origin(g, bodies, collider)
            for k in range(first, end):
                i = tree.vertex[k]
                p = (s.x[i] - at) * rotation
                limit = reach + s.half[i]
                far = g.bound[collider] + limit
                if (g.kind[collider] >= PLANE or wp.length_sq(p) < far * far) and meets(s, i, body):
                    d, n = near_collider(g, collider, p, limit)
                    if d < limit:
                        mu = wp.sqrt(s.friction[i] * g.friction[collider])
                        keep(c, i, collider, p - d * n, n, d - s.half[i], mu)


@wp.kernel
def distance_kernel(
    g: Geometry, bodies: Bodies, x: wp.array(dtype=wp.vec3), body: int, colliders: int, out: wp.array(dtype=float)
):  # fmt: skip
    """Signed distance of points to one body [m], as far as its bounds reach."""
    i = wp.tid()
    least = float(FAR)
    for c in range(colliders):
        if collider_body(g, c) == body:
            p = (x[i] - collider_origin(g, bodies, c)) * collider_rotation(g, bodies, c)
            if g.kind[c] >= PLANE or wp.length_sq(p) < g.bound[c] * g.bound[c]:
                d, _n = near_collider(g, c, p, g.bound[c])
                least = wp.min(least, d)
    out[i] = least


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
def push_body(bodies: Bodies, b: int, arm: wp.vec3, impulse: wp.vec3, time: float):
    """Give ``impulse`` [N s] to a body at ``arm`` from its centre of mass, ``time`` [s] after the substep began."""
    if bodies.inv_mass[b] > 0.0:
        dv = bodies.inv_mass[b] * impulse
        dw = bodies.inv_inertia[b] * wp.cross(arm, impulse)
        bodies.v[b] = bodies.v[b] + dv
        bodies.w[b] = bodies.w[b] + dw
        bodies.dx[b] = bodies.dx[b] - time * dv
        bodies.dtheta[b] = bodies.dtheta[b] - time * dw


@wp.func
def point_velocity(bodies: Bodies, b: int, arm: wp.vec3):
    return bodies.v[b] + wp.cross(bodies.w[b], arm)


@wp.func
def point_path(bodies: Bodies, b: int, arm: wp.vec3, time: float):
    """How far a point of a body has moved ``time`` [s] after the substep began."""
    way = time * bodies.v[b] + bodies.dx[b]
    return way + wp.cross(time * bodies.w[b] + bodies.dtheta[b], arm)


@wp.func
def yielding(bodies: Bodies, b: int, arm: wp.vec3, u: wp.vec3):
    """Velocity of a body's point along ``u`` per impulse along ``u`` [1/kg]."""
    if bodies.inv_mass[b] == 0.0:
        return 0.0
    turn = wp.cross(arm, u)
    return bodies.inv_mass[b] + wp.dot(turn, bodies.inv_inertia[b] * turn)


@wp.func
def yielding_sideways(bodies: Bodies, b: int, arm: wp.vec3, n: wp.vec3):
    """The largest of these in the plane across ``n``."""
    if bodies.inv_mass[b] == 0.0:
        return 0.0
    side = wp.vec3(1.0, 0.0, 0.0)
    if wp.abs(n[0]) > 0.7:
        side = wp.vec3(0.0, 1.0, 0.0)
    u = wp.normalize(wp.cross(n, side))
    w = wp.cross(n, u)
    arm_u = wp.cross(arm, u)
    arm_w = wp.cross(arm, w)
    turned = bodies.inv_inertia[b] * arm_w
    k_uu = wp.dot(arm_u, bodies.inv_inertia[b] * arm_u)
    k_ww = wp.dot(arm_w, turned)
    k_uw = wp.dot(arm_u, turned)
    half = 0.5 * (k_uu - k_ww)
    return bodies.inv_mass[b] + 0.5 * (k_uu + k_ww) + wp.sqrt(half * half + k_uw * k_uw)


@wp.func
def place(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, row: int):
    """Normal, gap and arm of a row at the beginning of the substep."""
    k = c.collider[row]
    rotation = collider_rotation(g, bodies, k)
    off = s.x[i] - collider_origin(g, bodies, k)
    n = rotation * c.side[row]
    d = float(0.0)
    if g.kind[k] <= CYLINDER:  # round: exact in every substep, so that rolling is
        d, side = near_collider(g, k, off * rotation, FAR)
        n = rotation * side
    else:
        d = wp.dot(n, off - rotation * c.point[row])
    c.normal[row] = n
    c.gap[row] = d - s.half[i]
    c.offset[row] = wp.dot(n, s.x[i]) - c.gap[row]
    c.arm[row] = s.x[i] - d * n - wp.vec3(bodies.x[collider_body(g, k)])


@wp.func
def enter_alone(c: Touches, k: int, i: int, row: int, u: wp.vec3):
    """Row ``k`` of the list of vertices on one thing that nothing moves."""
    n = c.normal[row]
    c.alone_vertex[k] = i
    c.alone_row[k] = row
    c.alone[SIDE * k] = n[0]
    c.alone[SIDE * k + 1] = n[1]
    c.alone[SIDE * k + 2] = n[2]
    c.alone[SIDE * k + 3] = c.offset[row]
    c.alone[SIDE * k + 4] = u[0]
    c.alone[SIDE * k + 5] = u[1]
    c.alone[SIDE * k + 6] = u[2]
    c.alone[SIDE * k + 7] = c.friction[row]
    c.alone[SIDE * k + 8] = 0.0


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
            b = collider_body(g, c.collider[row])
            n = c.normal[row]
            u = s.v[i] - point_velocity(bodies, b, c.arm[row])
            closing = wp.length(u) - wp.dot(n, u)
            c.carried[row] = 0.0
            if c.gap[row] < h * (STIR + closing) and inv_mass + bodies.inv_mass[b] > 0.0:
                live += 1
                if first < 0:
                    first = row
                if bodies.inv_mass[b] > 0.0:
                    moved = 1
            else:
                c.pressure[row] = 0.0
                c.drag[row] = wp.vec3(0.0, 0.0, 0.0)
        if live == 1 and moved == 0:
            carried = point_velocity(bodies, collider_body(g, c.collider[first]), c.arm[first])
            enter_alone(c, wp.atomic_add(c.totals, 0, 1), i, first, carried)
        elif live > 0:
            for row in range(SLOTS * i, SLOTS * i + c.count[i]):
                b = collider_body(g, c.collider[row])
                c.normal_mass[row] = 1.0 / wp.max(inv_mass + yielding(bodies, b, c.arm[row], c.normal[row]), 1.0e-12)
                across = yielding_sideways(bodies, b, c.arm[row], c.normal[row])
                c.friction_mass[row] = 1.0 / wp.max(inv_mass + across, 1.0e-12)
            c.shared[wp.atomic_add(c.totals, 1, 1)] = i
        at += stride


@wp.func
def open_speed(gap: float, dt: float, h: float):
    """Normal velocity that a row asks for [m/s]: a gap may close within ``dt``, a penetration opens over substeps."""
    if gap > 0.0:
        return -gap / dt
    return wp.min(-RECOVERY * gap / h, PUSH)


@wp.func_native(
    """
    const float rate = RECOVERY / h;
    for (int k = first; k < last; ++k) {
        float* r = alone.data + SIDE * k;
        const int i = vertex.data[k];
        const float *X = (const float*)(x.data + i);
        float *V = (float*)(v.data + i);
        const float ux = V[0] - r[4], uy = V[1] - r[5], uz = V[2] - r[6];
        const float un = r[0] * ux + r[1] * uy + r[2] * uz;
        const float moved = time * (r[0] * r[4] + r[1] * r[5] + r[2] * r[6]);
        const float gap = r[0] * X[0] + r[1] * X[1] + r[2] * X[2] - r[3] - moved;
        const float out = -gap * rate < PUSH ? -gap * rate : PUSH;
        const float dn = (gap > 0.0f ? -gap / dt : out) - un;
        if (dn <= 0.0f) continue;
        const float tx = ux - un * r[0], ty = uy - un * r[1], tz = uz - un * r[2];
        const float slip = sqrtf(tx * tx + ty * ty + tz * tz), limit = r[7] * dn;
        const float f = slip > limit ? limit / slip : 1.0f;
        V[0] += dn * r[0] - f * tx;
        V[1] += dn * r[1] - f * ty;
        V[2] += dn * r[2] - f * tz;
        r[8] += dn;
    }
    """.replace("SIDE", str(SIDE))
    .replace("RECOVERY", "0.2f")
    .replace("PUSH", "0.5f")
)
def project_rows(
    alone: wp.array(dtype=float), vertex: wp.array(dtype=int), x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3),
    time: float, dt: float, h: float, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def alone_kernel(s: Sheets, c: Touches, time: float, dt: float, h: float, chunk: int):
    """Vertices on one thing that nothing moves: velocity projected onto the cone of friction."""
    first = wp.tid() * chunk
    project_rows(c.alone, c.alone_vertex, s.x, s.v, time, dt, h, first, wp.min(first + chunk, c.totals[0]))


@wp.func
def rub(g: Geometry, bodies: Bodies, c: Touches, row: int, v: wp.vec3, inv_mass: float, time: float):
    """Friction of one row against its normal impulse; returns the vertex' new velocity."""
    b = collider_body(g, c.collider[row])
    n = c.normal[row]
    arm = c.arm[row]
    slip = v - point_velocity(bodies, b, arm)
    slip = slip - wp.dot(n, slip) * n
    old = c.drag[row]
    new = old - c.friction_mass[row] * slip
    limit = c.friction[row] * c.pressure[row]
    size = wp.length(new)
    if size > limit:
        new = new * (limit / size)
    change = new - old
    c.drag[row] = new
    push_body(bodies, b, arm, -change, time)
    return v + inv_mass * change


@wp.func
def press(g: Geometry, bodies: Bodies, c: Touches, row: int, v: wp.vec3, inv_mass: float, target: float, time: float):
    """Normal impulse of one row to v_n >= ``target``; returns the vertex' new velocity."""
    b = collider_body(g, c.collider[row])
    n = c.normal[row]
    arm = c.arm[row]
    old = c.pressure[row]
    new = wp.max(old - c.normal_mass[row] * (wp.dot(n, v - point_velocity(bodies, b, arm)) - target), 0.0)
    change = (new - old) * n
    c.pressure[row] = new
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
    bp = collider_body(g, c.collider[p])
    bq = collider_body(g, c.collider[q])
    normal_p = c.normal[p]
    normal_q = c.normal[q]
    inv_mass = s.inv_mass[i]
    up = wp.dot(normal_p, point_velocity(bodies, bp, c.arm[p]))
    uq = wp.dot(normal_q, point_velocity(bodies, bq, c.arm[q]))
    crush = wp.max(-gap_p - gap_q, 0.0)
    k = stiffness(s, i, crush)
    rate = (k * dt + k * LOSS) * dt
    give = 1.0 / c.normal_mass[p] + 1.0 / c.normal_mass[q] - 2.0 * inv_mass
    load = wp.max((dt * k * crush + rate * (up + uq)) / (1.0 + rate * give), 0.0)
    c.pressure[p] = load
    c.pressure[q] = load
    push_body(bodies, bp, c.arm[p], -load * normal_p, time)
    push_body(bodies, bq, c.arm[q], -load * normal_q, time)
    speed = 0.5 * (up - uq) + 0.5 * RECOVERY / h * (gap_q - gap_p)
    change = (speed - wp.dot(normal_p, v)) / wp.max(inv_mass, 1.0e-12)
    b = bp
    arm = c.arm[p]
    if change < 0.0:
        b = bq
        arm = c.arm[q]
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
    bp = collider_body(g, c.collider[p])
    bq = collider_body(g, c.collider[q])
    normal_p = c.normal[p]
    normal_q = c.normal[q]
    sp = v - point_velocity(bodies, bp, c.arm[p])
    sq = v - point_velocity(bodies, bq, c.arm[q])
    sp = sp - wp.dot(normal_p, sp) * normal_p
    sq = sq - wp.dot(normal_q, sq) * normal_q
    kp = 1.0 / c.friction_mass[p]
    kq = 1.0 / c.friction_mass[q]
    det = inv_mass * (kp + kq - 2.0 * inv_mass) + (kp - inv_mass) * (kq - inv_mass)
    old_p = c.drag[p]
    old_q = c.drag[q]
    limit_p = c.friction[p] * c.pressure[p]
    limit_q = c.friction[q] * c.pressure[q]
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
    c.drag[p] = old_p + dp
    c.drag[q] = old_q + dq
    push_body(bodies, bp, c.arm[p], -dp, time)
    push_body(bodies, bq, c.arm[q], -dq, time)
    return v + inv_mass * (dp + dq)


@wp.func
def row_gap(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, row: int, time: float):
    """Gap of a row ``time`` [s] after the substep began [m]."""
    b = collider_body(g, c.collider[row])
    return wp.dot(c.normal[row], s.x[i] - point_path(bodies, b, c.arm[row], time)) - c.offset[row]


@wp.func
def is_squeezed(s: Sheets, c: Touches, i: int):
    """Whether the first two contacts of a vertex are on opposite sides of it."""
    return c.count[i] > 1 and s.inv_mass[i] > 0.0 and wp.dot(c.normal[SLOTS * i], c.normal[SLOTS * i + 1]) < -0.7


@wp.func
def warm_vertex(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, i: int, time: float):
    """Apply the impulses of the last step again."""
    v = s.v[i]
    pair = is_squeezed(s, c, i)
    for row in range(SLOTS * i, SLOTS * i + c.count[i]):
        if c.pressure[row] > 0.0:
            n = c.normal[row]
            drag = c.drag[row] - wp.dot(n, c.drag[row]) * n
            c.drag[row] = drag
            impulse = c.pressure[row] * n + drag
            if pair and row < SLOTS * i + 2:
                impulse = drag
            v += s.inv_mass[i] * impulse
            push_body(bodies, collider_body(g, c.collider[row]), c.arm[row], -impulse, time)
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
            c.pressure[first] = 0.0
            c.pressure[first + 1] = 0.0
    for row in range(rest, first + count):
        if inv_mass + bodies.inv_mass[collider_body(g, c.collider[row])] > 0.0:
            target = open_speed(row_gap(g, bodies, s, c, i, row, time), dt, h)
            v = press(g, bodies, c, row, v, inv_mass, target, time)
            if c.pressure[row] > 0.0 or wp.length_sq(c.drag[row]) > 0.0:
                v = rub(g, bodies, c, row, v, inv_mass, time)
    for row in range(first, first + count):
        c.carried[row] = c.carried[row] + c.pressure[row]
    s.v[i] = v


@wp.kernel
def shared_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, time: float, dt: float, h: float):
    """Vertices on several things or on moving bodies, one after the other: warm start and one sweep."""
    for k in range(c.totals[1]):
        warm_vertex(g, bodies, s, c, c.shared[k], time)
    for k in range(c.totals[1]):
        solve_vertex(g, bodies, s, c, c.shared[k], time, dt, h)


@wp.kernel
def end_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches):
    """After the last step: take out the speed that only served to end a penetration, and note what was carried."""
    for k in range(c.totals[0]):
        i = c.alone_vertex[k]
        row = c.alone_row[k]
        change = c.alone[SIDE * k + 8]
        c.carried[row] = change / s.inv_mass[i]
        if change > 0.0 and c.gap[row] < -1.0e-6:
            n = c.normal[row]
            u = wp.vec3(c.alone[SIDE * k + 4], c.alone[SIDE * k + 5], c.alone[SIDE * k + 6])
            out = wp.clamp(wp.dot(n, s.v[i] - u), 0.0, PUSH)
            s.v[i] = s.v[i] - out * n
            c.deepest[0] = wp.max(c.deepest[0], -c.gap[row])
    for k in range(c.totals[1]):
        i = c.shared[k]
        for row in range(SLOTS * i, SLOTS * i + c.count[i]):
            b = collider_body(g, c.collider[row])
            if c.carried[row] > 0.0:
                if bodies.inv_mass[b] > 0.0:
                    bodies.active[b] = 1
                c.deepest[0] = wp.max(c.deepest[0], -c.gap[row])
    c.totals[0] = 0
    c.totals[1] = 0


def find(g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, *, colliders, interval, slack, device):
    """Look for contacts within the next ``interval`` [s] and ``slack`` [m]; the tree must have been refitted."""
    wp.launch(near_kernel, dim=1, inputs=[g, bodies, tree, c, colliders, interval, slack], device=device)
    wp.launch(find_kernel, dim=tree.leaf_count, inputs=[g, bodies, s, tree, c, interval, slack], device=device)
    wp.launch(list_kernel, dim=1, inputs=[tree, c, s.x.shape[0]], device=device)


def begin(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, h, device):
    """At the start of a substep of ``h`` [s]: place the rows."""
    threads = 1 if device.is_cpu else s.x.shape[0]
    wp.launch(begin_kernel, dim=threads, inputs=[g, bodies, s, c, h, threads], device=device)


def step(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, time, dt, h, device):
    """One step of ``dt`` [s] that begins ``time`` [s] after the substep, between kick and drift of the cloth."""
    count = s.x.shape[0]
    chunk = count if device.is_cpu else 1
    wp.launch(alone_kernel, dim=count // chunk, inputs=[s, c, time, dt, h, chunk], device=device)
    wp.launch(shared_kernel, dim=1, inputs=[g, bodies, s, c, time, dt, h], device=device)


def end(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, device):
    """After the last step of the substep."""
    wp.launch(end_kernel, dim=1, inputs=[g, bodies, s, c], device=device)
