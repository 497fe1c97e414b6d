"""Vertices of cloth on one thing that nothing moves: most contacts are such. Projected onto the cone of friction.

They are kept lane by lane beside the vertices, in blocks of ``BLOCK``, and go through vector code. A CPU also places
them so: per block the few colliders near it, each seen as a ball, a capsule or the plane that touches it. A GPU places
them one by one with all others, in ``cloth_touch_solve.py``. Both agree to rounding.
"""

import warp as wp

from physim_kernels.cloth_body import collider_body, collider_origin, collider_rotation
from physim_kernels.cloth_touch import BLOCK, NEAR, NOTHING, SLOTS, Touches
from physim_kernels.cloth_tree import Sheets
from physim_kernels.rigid_data import CAPSULE, CYLINDER, SPHERE, Bodies, Geometry

wp.set_module_options({"enable_backward": False})

LANES = wp.constant(BLOCK)
PLACES = wp.constant(NEAR)


# -- who is one of them --------------------------------------------------------------------------------------------


@wp.func
def place_in_block(c: Touches, b: int, collider: int):
    """Whether ``collider`` is among those of block ``b``, where it is entered if there is room."""
    for m in range(c.near_count[b]):
        if c.block_near[PLACES * b + m] == collider:
            return True
    if c.near_count[b] == PLACES:
        return False
    c.block_near[PLACES * b + c.near_count[b]] = collider
    c.near_count[b] = c.near_count[b] + 1
    return True


@wp.kernel
def sort_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches):
    """After a search: vertices with one row, on a thing that nothing moves, get lanes; list the others in contact."""
    for b in range(c.block.shape[0]):
        c.near_count[b] = 0
    total = int(0)
    for i in range(s.x.shape[0]):
        c.lane_collider[i] = -1
        if c.count[i] > 0:
            row = SLOTS * i
            k = c.row[row].collider
            body = collider_body(g, k)
            lane = False
            if c.count[i] == 1 and bodies.inv_mass[body] == 0.0 and g.kind[k] != CYLINDER:
                lane = place_in_block(c, i // LANES, k)
            if lane:
                if s.inv_mass[i] > 0.0:
                    c.lane_collider[i] = k
                side = c.row[row].side
                for m in range(3):
                    c.lane[m * c.lanes + i] = side[m]
                c.lane[3 * c.lanes + i] = wp.dot(side, c.row[row].point)
                c.lane[4 * c.lanes + i] = c.row[row].friction
                c.row[row].carried = 0.0
                c.row[row].pressure = 0.0
                c.row[row].drag = wp.vec3(0.0, 0.0, 0.0)
            else:
                c.list[total] = i
                total += 1
    c.total[0] = total


# -- placed once per substep ---------------------------------------------------------------------------------------


@wp.func
def enter_alone(c: Touches, i: int, row: int, u: wp.vec3):
    """Make ``row`` of vertex ``i`` one on a thing that nothing moves; ``u`` is the velocity of the surface."""
    n = c.row[row].normal
    c.block[i // LANES] = 1
    for k in range(3):
        c.alone[k * c.lanes + i] = n[k]
        c.alone[(4 + k) * c.lanes + i] = u[k]
    c.alone[3 * c.lanes + i] = c.row[row].offset
    c.alone[7 * c.lanes + i] = c.row[row].friction
    c.alone[9 * c.lanes + i] = c.row[row].gap


@wp.func_native(
    """
    for (int b = first; b < last; ++b) {
        if (block.data[b] == 0) continue;
        block.data[b] = 0;
        for (int p = 0; p < 10; ++p) {
            const float value = p == 3 ? NOTHING : 0.0f;
            for (int k = 0; k < LANES; ++k) alone.data[p * lanes + LANES * b + k] = value;
        }
    }
    """.replace("LANES", str(BLOCK)).replace("NOTHING", f"{NOTHING:.1e}f")
)
def empty_blocks(
    alone: wp.array(dtype=float), block: wp.array(dtype=int), lanes: int, first: int, last: int
): ...  # fmt: skip


@wp.kernel
def empty_kernel(c: Touches, chunk: int):
    """No vertex is alone on anything."""
    first = wp.tid() * chunk
    empty_blocks(c.alone, c.block, c.lanes, first, first + chunk)


@wp.func_native(
    """
    const int from = LANES * b, end = from + LANES < count ? LANES : count - from, lanes = c.lanes;
    const float *X = (const float*)(s.x.data + from), *V = (const float*)(s.v.data + from), *H = s.half.data + from;
    const int* own = c.lane_collider.data + from;
    const float *sx = c.lane.data + from, *sy = sx + lanes, *sz = sy + lanes, *level = sz + lanes, *mu = level + lanes;
    float *nx = c.alone.data + from, *ny = nx + lanes, *nz = ny + lanes, *at = nz + lanes;
    float *wx = at + lanes, *wy = wx + lanes, *wz = wy + lanes, *rub = wz + lanes, *gaps = rub + 2 * lanes;
    const float r00 = turn.data[0][0], r01 = turn.data[0][1], r02 = turn.data[0][2];
    const float r10 = turn.data[1][0], r11 = turn.data[1][1], r12 = turn.data[1][2];
    const float r20 = turn.data[2][0], r21 = turn.data[2][1], r22 = turn.data[2][2];
    const float ox = origin[0], oy = origin[1], oz = origin[2], cx = centre[0], cy = centre[1], cz = centre[2];
    const float vx = velocity[0], vy = velocity[1], vz = velocity[2], ax = spin[0], ay = spin[1], az = spin[2];
    int any = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < end; ++k) {
        const float px = X[3 * k] - ox, py = X[3 * k + 1] - oy, pz = X[3 * k + 2] - oz;
        float lx = r00 * px + r10 * py + r20 * pz, ly = r01 * px + r11 * py + r21 * pz;
        float lz = r02 * px + r12 * py + r22 * pz;  // in the collider's frame
        ly -= ly < -half ? -half : ly > half ? half : ly;
        const float away = sqrtf(lx * lx + ly * ly + lz * lz), per = away > 1e-12f ? 1.0f / away : 0.0f;
        const float tx = round ? lx * per : sx[k], ty = round ? ly * per : sy[k], tz = round ? lz * per : sz[k];
        const float n0 = r00 * tx + r01 * ty + r02 * tz, n1 = r10 * tx + r11 * ty + r12 * tz;
        const float n2 = r20 * tx + r21 * ty + r22 * tz;
        const float d = round ? away - radius : n0 * px + n1 * py + n2 * pz - level[k];
        const float gap = d - H[k];
        const float bx = X[3 * k] - d * n0 - cx, by = X[3 * k + 1] - d * n1 - cy, bz = X[3 * k + 2] - d * n2 - cz;
        const float ux = vx + (ay * bz - az * by), uy = vy + (az * bx - ax * bz), uz = vz + (ax * by - ay * bx);
        const float ex = V[3 * k] - ux, ey = V[3 * k + 1] - uy, ez = V[3 * k + 2] - uz;
        const float closing = sqrtf(ex * ex + ey * ey + ez * ez) - (n0 * ex + n1 * ey + n2 * ez);
        const int on = (own[k] == collider) & (gap < h * (STIR + closing));
        nx[k] = on ? n0 : nx[k]; ny[k] = on ? n1 : ny[k]; nz[k] = on ? n2 : nz[k];
        at[k] = on ? n0 * X[3 * k] + n1 * X[3 * k + 1] + n2 * X[3 * k + 2] - gap : at[k];
        wx[k] = on ? ux : wx[k]; wy[k] = on ? uy : wy[k]; wz[k] = on ? uz : wz[k];
        rub[k] = on ? mu[k] : rub[k];
        gaps[k] = on ? gap : gaps[k];
        any |= on;
    }
    if (any) c.block.data[b] = 1;
    """.replace("LANES", str(BLOCK)).replace("STIR", "1.0f")
)
def place_lanes(
    s: Sheets, c: Touches, b: int, count: int, collider: int, round: int, radius: float, half: float, turn: wp.mat33,
    origin: wp.vec3, centre: wp.vec3, velocity: wp.vec3, spin: wp.vec3, h: float,
): ...  # fmt: skip


@wp.kernel
def place_kernel(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, h: float):
    """Place the lanes of all blocks for a substep of ``h`` [s]."""
    for b in range(c.block.shape[0]):
        for m in range(c.near_count[b]):
            k = c.block_near[PLACES * b + m]
            body = collider_body(g, k)
            round = int(0)
            half = float(0.0)
            if g.kind[k] == SPHERE or g.kind[k] == CAPSULE:
                round = 1
                half = g.half[k]
            place_lanes(
                s, c, b, s.x.shape[0], k, round, g.radius[k], half, collider_rotation(g, bodies, k),
                collider_origin(g, bodies, k), wp.vec3(bodies.x[body]), bodies.v[body], bodies.w[body], h,
            )  # fmt: skip


# -- in every step -------------------------------------------------------------------------------------------------


@wp.func_native(
    """
    const float rate = RECOVERY / h, per = 1.0f / dt;
    for (int b = first; b < last; ++b) {
        if (block.data[b] == 0) continue;
        const int from = LANES * b, end = from + LANES < count ? LANES : count - from;
        const float *X = (const float*)(x.data + from), *nx = alone.data + from, *ny = nx + lanes, *nz = ny + lanes;
        const float *at = nz + lanes, *wx = at + lanes, *wy = wx + lanes, *wz = wy + lanes, *mu = wz + lanes;
        float *V = (float*)(v.data + from), *given = (float*)mu + lanes;
        #pragma clang loop vectorize(assume_safety)
        for (int k = 0; k < end; ++k) {
            const float ux = V[3 * k] - wx[k], uy = V[3 * k + 1] - wy[k], uz = V[3 * k + 2] - wz[k];
            const float un = nx[k] * ux + ny[k] * uy + nz[k] * uz;
            const float moved = time * (nx[k] * wx[k] + ny[k] * wy[k] + nz[k] * wz[k]);
            const float gap = nx[k] * X[3 * k] + ny[k] * X[3 * k + 1] + nz[k] * X[3 * k + 2] - at[k] - moved;
            const float out = -gap * rate < PUSH ? -gap * rate : PUSH;
            const float need = (gap > 0.0f ? -gap * per : out) - un, dn = need > 0.0f ? need : 0.0f;
            const float tx = ux - un * nx[k], ty = uy - un * ny[k], tz = uz - un * nz[k];
            const float slip = sqrtf(tx * tx + ty * ty + tz * tz), limit = mu[k] * dn;
            const float f = slip > limit ? limit / slip : dn > 0.0f ? 1.0f : 0.0f;
            V[3 * k] += dn * nx[k] - f * tx;
            V[3 * k + 1] += dn * ny[k] - f * ty;
            V[3 * k + 2] += dn * nz[k] - f * tz;
            given[k] += dn;
        }
    }
    """.replace("LANES", str(BLOCK))
    .replace("RECOVERY", "0.2f")
    .replace("PUSH", "0.5f")
)
def project_blocks(
    alone: wp.array(dtype=float), block: wp.array(dtype=int), x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3),
    lanes: int, count: int, time: float, dt: float, h: float, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def alone_kernel(s: Sheets, c: Touches, time: float, dt: float, h: float, chunk: int):
    """Vertices on one thing that nothing moves: velocity projected onto the cone of friction."""
    first = wp.tid() * chunk
    project_blocks(c.alone, c.block, s.x, s.v, c.lanes, s.x.shape[0], time, dt, h, first, first + chunk)


# -- after the last step -------------------------------------------------------------------------------------------


@wp.func_native(
    """
    int deep = 0;
    for (int b = first; b < last; ++b) {
        if (block.data[b] == 0) continue;
        const int from = LANES * b, end = from + LANES < count ? LANES : count - from;
        const float *nx = alone.data + from, *ny = nx + lanes, *nz = ny + lanes, *wx = nz + 2 * lanes;
        const float *wy = wx + lanes, *wz = wy + lanes, *given = wz + 2 * lanes, *gap = given + lanes;
        float* V = (float*)(v.data + from);
        #pragma clang loop vectorize(assume_safety)
        for (int k = 0; k < end; ++k) {
            const float ux = V[3 * k] - wx[k], uy = V[3 * k + 1] - wy[k], uz = V[3 * k + 2] - wz[k];
            const float un = nx[k] * ux + ny[k] * uy + nz[k] * uz;
            const float out = un > 0.0f ? (un < PUSH ? un : PUSH) : 0.0f;
            const float sunk = given[k] > 0.0f && gap[k] < -1e-6f ? -gap[k] : 0.0f, back = sunk > 0.0f ? out : 0.0f;
            V[3 * k] -= back * nx[k];
            V[3 * k + 1] -= back * ny[k];
            V[3 * k + 2] -= back * nz[k];
            const int bits = __builtin_bit_cast(int, sunk);  // of what is not negative: in the same order
            deep = bits > deep ? bits : deep;
        }
    }
    return __builtin_bit_cast(float, deep);
    """.replace("LANES", str(BLOCK)).replace("PUSH", "0.5f")
)
def settle_blocks(
    alone: wp.array(dtype=float), block: wp.array(dtype=int), v: wp.array(dtype=wp.vec3), lanes: int, count: int,
    first: int, last: int,
) -> float: ...  # fmt: skip


@wp.kernel
def settle_kernel(s: Sheets, c: Touches, chunk: int):
    """After the last step: take out the speed that only served to end a penetration."""
    first = wp.tid() * chunk
    deep = settle_blocks(c.alone, c.block, s.v, c.lanes, s.x.shape[0], first, first + chunk)
    wp.atomic_max(c.deepest, 0, deep)


def sort(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, device):
    """After a search of a CPU: which vertices get lanes, and a list of the others."""
    wp.launch(sort_kernel, dim=1, inputs=[g, bodies, s, c], device=device)


def begin(g: Geometry, bodies: Bodies, s: Sheets, c: Touches, *, h, plain, device):
    """At the start of a substep of ``h`` [s]: empty the lanes, and place them unless ``plain``."""
    chunk = _chunk(c, device)
    wp.launch(empty_kernel, dim=c.block.shape[0] // chunk, inputs=[c, chunk], device=device)
    if not plain:
        wp.launch(place_kernel, dim=1, inputs=[g, bodies, s, c, h], device=device)


def step(s: Sheets, c: Touches, *, time, dt, h, device):
    """One step of ``dt`` [s] that begins ``time`` [s] after the substep, between kick and drift of the cloth."""
    chunk = _chunk(c, device)
    wp.launch(alone_kernel, dim=c.block.shape[0] // chunk, inputs=[s, c, time, dt, h, chunk], device=device)


def end(s: Sheets, c: Touches, *, device):
    """After the last step of the substep."""
    chunk = _chunk(c, device)
    wp.launch(settle_kernel, dim=c.block.shape[0] // chunk, inputs=[s, c, chunk], device=device)


def _chunk(c: Touches, device) -> int:
    """Blocks per thread."""
    return c.block.shape[0] if device.is_cpu else 1
