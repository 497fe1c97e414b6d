"""Rows of cloth with itself: where, and along which normal, two parts of it will meet within the substep.

    POINT_FACE  a vertex and a triangle              EDGE_EDGE  two edges

Sides are remembered: a row keeps the side of a triangle it was on for as long as it lives, so what has sunk in by a
hair is led back the way it came. Edges of flat cloth make no rows: there the vertices keep the layers apart, and
layers that slide have nothing to catch on.

Most rows are of parts that will not meet after all. Rows of one kind are gathered ``BATCH`` at a time, and vector code
finds out which; only what is left is written, in the order of the rows, vertices with triangles first.
"""

import warp as wp

from physim_kernels.cloth_row import BATCH, POINT_FACE, Rows
from physim_kernels.cloth_tree import Sheets

wp.set_module_options({"enable_backward": False})

CODE = {
    "BATCH": str(BATCH),
    "STIR": "1.0f",  # as in cloth_body.py
    "POINT_FACE": "0",  # and these as in cloth_row.py
    "EDGE_EDGE": "1",
    "FAR_OFF": "0",
    "LIVE": "1",
    "BESIDE": "-1",
}


def code(text: str) -> str:
    """Native code with the names of constants replaced."""
    for name, value in CODE.items():
        text = text.replace(name, value)
    return text


@wp.func_native(
    code("""
    const int total = r.totals.data[0];
    float* L = r.lanes.data;
    int lane = 0, row = start;
    for (; row < total && lane < BATCH; ++row) {
        auto& q = r.row.data[row];
        if (q.kind != kind) {
            r.batch.data[5 * BATCH] |= q.kind > EDGE_EDGE;
            continue;
        }
        if (q.wait > 0) { --q.wait; continue; }
        int v[4] = {q.a, 0, 0, 0};
        if (kind == POINT_FACE) {
            const int* t = (const int*)(s.faces.data + q.b);
            v[1] = t[0]; v[2] = t[1]; v[3] = t[2];
        } else {
            const int *d = (const int*)(s.edges.data + q.a), *e = (const int*)(s.edges.data + q.b);
            v[0] = d[0]; v[1] = d[1]; v[2] = e[0]; v[3] = e[1];
        }
        for (int j = 0; j < 4; ++j) {
            const float *X = (const float*)(s.x.data + v[j]), *V = (const float*)(s.v.data + v[j]);
            for (int c = 0; c < 3; ++c) {
                L[(6 * j + c) * BATCH + lane] = X[c];
                L[(6 * j + 3 + c) * BATCH + lane] = V[c];
            }
            r.batch.data[(1 + j) * BATCH + lane] = v[j];
        }
        L[24 * BATCH + lane] = s.half.data[v[0]] + s.half.data[v[kind == POINT_FACE ? 1 : 2]];
        L[25 * BATCH + lane] = q.side;
        L[26 * BATCH + lane] = q.live == BESIDE ? 1.0f : 0.0f;
        for (int c = 0; c < 3; ++c) L[(27 + c) * BATCH + lane] = q.normal[c];
        r.batch.data[lane++] = row;
    }
    for (; lane < BATCH; ++lane) r.batch.data[lane] = -1;
    return row;
    """)
)
def gather(s: Sheets, r: Rows, kind: int, start: int) -> int:
    """Fill the batch with rows of a kind from row ``start`` on that do not wait; returns where the next one begins.

    After the five rows of a batch is noted whether there are rows with colliders.
    """
    ...


@wp.func_native(
    code("""
    const float *P = lanes.data, *A = P + 6 * BATCH, *B = P + 12 * BATCH, *C = P + 18 * BATCH;
    const float *apart = P + 24 * BATCH, *side = P + 25 * BATCH, *beside = P + 26 * BATCH;
    float* O = lanes.data + 30 * BATCH;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < BATCH; ++k) {
        const float ax = A[k], ay = A[BATCH + k], az = A[2 * BATCH + k];
        const float dx = B[k] - ax, dy = B[BATCH + k] - ay, dz = B[2 * BATCH + k] - az;
        const float ex = C[k] - ax, ey = C[BATCH + k] - ay, ez = C[2 * BATCH + k] - az;
        const float px = P[k] - ax, py = P[BATCH + k] - ay, pz = P[2 * BATCH + k] - az;
        const float nx = dy * ez - dz * ey, ny = dz * ex - dx * ez, nz = dx * ey - dy * ex;
        const float area = nx * nx + ny * ny + nz * nz, over = 1.0f / (area > 1e-30f ? area : 1e-30f);
        const float size = sqrtf(area), per = size > 0.0f ? 1.0f / size : 0.0f;
        const float height = per * (nx * px + ny * py + nz * pz), far = height < 0.0f ? -height : height;
        const float mine = beside[k] > 0.0f && far > 0.5f * apart[k] ? (height < 0.0f ? -1.0f : 1.0f) : side[k];
        const float gap = mine * height - apart[k], sign = mine * per;
        // weights of the second and third corner: fx and gx are their slopes
        const float fx = (ey * nz - ez * ny) * over, fy = (ez * nx - ex * nz) * over, fz = (ex * ny - ey * nx) * over;
        const float gx = (ny * dz - nz * dy) * over, gy = (nz * dx - nx * dz) * over, gz = (nx * dy - ny * dx) * over;
        const float w1 = fx * px + fy * py + fz * pz, w2 = gx * px + gy * py + gz * pz, w0 = 1.0f - w1 - w2;
        float a0 = w0 > 0.0f ? w0 : 0.0f, a1 = w1 > 0.0f ? w1 : 0.0f, a2 = w2 > 0.0f ? w2 : 0.0f;
        const float one = 1.0f / (a0 + a1 + a2);
        a0 *= one; a1 *= one; a2 *= one;
        const float ux = P[3 * BATCH + k] - a0 * A[3 * BATCH + k] - a1 * B[3 * BATCH + k] - a2 * C[3 * BATCH + k];
        const float uy = P[4 * BATCH + k] - a0 * A[4 * BATCH + k] - a1 * B[4 * BATCH + k] - a2 * C[4 * BATCH + k];
        const float uz = P[5 * BATCH + k] - a0 * A[5 * BATCH + k] - a1 * B[5 * BATCH + k] - a2 * C[5 * BATCH + k];
        const float un = sign * (nx * ux + ny * uy + nz * uz), way = h * (STIR - un);
        const float fast = -un > 1e-9f ? -un : 1e-9f, until = gap / fast;
        const float time = gap <= 0.0f ? 0.0f : until < h ? until : h;
        const float m1 = w1 + time * (fx * ux + fy * uy + fz * uz), m2 = w2 + time * (gx * ux + gy * uy + gz * uz);
        const float m0 = 1.0f - m1 - m2;
        const float low = m1 < m2 ? m1 : m2, least = m0 < low ? m0 : low;
        a0 = m0 > 0.0f ? m0 : 0.0f; a1 = m1 > 0.0f ? m1 : 0.0f; a2 = m2 > 0.0f ? m2 : 0.0f;
        const float all = 1.0f / (a0 + a1 + a2);
        const float live = least < -1e-3f ? (float)(BESIDE) : (float)(LIVE);
        O[k] = gap > way ? (float)(FAR_OFF) : live;
        O[BATCH + k] = gap; O[2 * BATCH + k] = way;
        O[3 * BATCH + k] = sign * nx; O[4 * BATCH + k] = sign * ny; O[5 * BATCH + k] = sign * nz;
        O[6 * BATCH + k] = 1.0f; O[7 * BATCH + k] = -a0 * all; O[8 * BATCH + k] = -a1 * all;
        O[9 * BATCH + k] = -a2 * all; O[10 * BATCH + k] = mine;
    }
    """)
)
def points_on_faces(lanes: wp.array(dtype=float), h: float):
    """Vertices (6 rows of lanes) and triangles (18), thickness, side, whether it was beside: where they will meet.

    Writes 11 rows from 30 on: LIVE, BESIDE or FAR_OFF; gap; what of it may close; normal; four weights; side.
    """
    ...


@wp.func_native(
    code("""
    const float *A = lanes.data, *B = A + 6 * BATCH, *C = A + 12 * BATCH, *D = A + 18 * BATCH;
    const float *apart = A + 24 * BATCH, *beside = A + 26 * BATCH, *old = A + 27 * BATCH;
    float* O = lanes.data + 30 * BATCH;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < BATCH; ++k) {
        const float dx = B[k] - A[k], dy = B[BATCH + k] - A[BATCH + k], dz = B[2 * BATCH + k] - A[2 * BATCH + k];
        const float ex = D[k] - C[k], ey = D[BATCH + k] - C[BATCH + k], ez = D[2 * BATCH + k] - C[2 * BATCH + k];
        const float rx = A[k] - C[k], ry = A[BATCH + k] - C[BATCH + k], rz = A[2 * BATCH + k] - C[2 * BATCH + k];
        const float dd = dx * dx + dy * dy + dz * dz, ee = ex * ex + ey * ey + ez * ez;
        const float de = dx * ex + dy * ey + dz * ez, dr = dx * rx + dy * ry + dz * rz;
        const float er = ex * rx + ey * ry + ez * rz;
        const float nx = dy * ez - dz * ey, ny = dz * ex - dx * ez, nz = dx * ey - dy * ex;
        const float det = nx * nx + ny * ny + nz * nz, over = 1.0f / (det > 1e-30f ? det : 1e-30f);
        const float u = (de * er - dr * ee) * over, w = (dd * er - de * dr) * over;
        const int across = (det > 0.0025f * dd * ee) & (u > 0.0f) & (u < 1.0f) & (w > 0.0f) & (w < 1.0f);
        const float per = sqrtf(over), height = per * (nx * rx + ny * ry + nz * rz);
        const float far = height < 0.0f ? -height : height;
        const float before = nx * old[k] + ny * old[BATCH + k] + nz * old[2 * BATCH + k];
        const float guide = beside[k] > 0.0f && far > 0.5f * apart[k] ? height : before;
        const float turn = guide < 0.0f ? -1.0f : 1.0f, sign = turn * per, gap = turn * height - apart[k];
        const float u0 = 1.0f - u, w0 = 1.0f - w;
        const float vx = u0 * A[3 * BATCH + k] + u * B[3 * BATCH + k] - w0 * C[3 * BATCH + k] - w * D[3 * BATCH + k];
        const float vy = u0 * A[4 * BATCH + k] + u * B[4 * BATCH + k] - w0 * C[4 * BATCH + k] - w * D[4 * BATCH + k];
        const float vz = u0 * A[5 * BATCH + k] + u * B[5 * BATCH + k] - w0 * C[5 * BATCH + k] - w * D[5 * BATCH + k];
        const float way = h * (STIR - sign * (nx * vx + ny * vy + nz * vz));
        const float live = gap > way ? (float)(FAR_OFF) : (float)(LIVE);
        O[k] = across ? live : (float)(BESIDE);
        O[BATCH + k] = gap; O[2 * BATCH + k] = way;
        O[3 * BATCH + k] = sign * nx; O[4 * BATCH + k] = sign * ny; O[5 * BATCH + k] = sign * nz;
        O[6 * BATCH + k] = u0; O[7 * BATCH + k] = u; O[8 * BATCH + k] = -w0; O[9 * BATCH + k] = -w;
        O[10 * BATCH + k] = 1.0f;
    }
    """)
)
def edges_on_edges(lanes: wp.array(dtype=float), h: float):
    """As :func:`points_on_faces` for two edges (12 rows of lanes each) and the normal they had (3, from 27 on)."""
    ...


@wp.func_native(
    code("""
    auto led_away = [&](int e, const float* n, float turn) {  // the cloth beside edge e, behind the plane through it
        const int *ends = (const int*)(s.edges.data + e), *wings = (const int*)(s.wings.data + e);
        const float* p = (const float*)(s.x.data + ends[0]);
        for (int j = 0; j < 2; ++j) {
            if (wings[j] < 0) continue;
            const float* q = (const float*)(s.x.data + wings[j]);
            const float x = q[0] - p[0], y = q[1] - p[1], z = q[2] - p[2];
            if (turn * (n[0] * x + n[1] * y + n[2] * z) > 0.1f * sqrtf(x * x + y * y + z * z)) return false;
        }
        return true;
    };
    const float* O = r.lanes.data + 30 * BATCH;
    for (int lane = 0; lane < BATCH && r.batch.data[lane] >= 0; ++lane) {
        auto& q = r.row.data[r.batch.data[lane]];
        float o[11];
        for (int k = 0; k < 11; ++k) o[k] = O[k * BATCH + lane];
        int live = (int)o[0];
        if (live == LIVE && kind == EDGE_EDGE && !(led_away(q.a, o + 3, -1.0f) && led_away(q.b, o + 3, 1.0f)))
            live = BESIDE;
        if (live == FAR_OFF) {  // the gap cannot close within this substep, nor in the next few
            const float way = o[2] > 0.2f * o[1] ? o[2] : 0.2f * o[1];
            const int wait = (int)(0.5f * o[1] / way);
            q.wait = wait < 3 ? wait : 3;
            if (q.live == BESIDE) live = BESIDE;
        }
        q.live = live;
        if (live != LIVE) {
            q.pressure = 0.0f;
            for (int c = 0; c < 3; ++c) q.drag[c] = 0.0f;
            continue;
        }
        auto& to = r.hot.data[hot++];
        float mass = 0.0f;
        for (int j = 0; j < 4; ++j) {
            const int v = r.batch.data[(1 + j) * BATCH + lane];
            to.vertices[j] = v;
            to.weights[j] = o[6 + j];
            mass += o[6 + j] * o[6 + j] * s.inv_mass.data[v];
        }
        if (kind == POINT_FACE) q.side = o[10];
        for (int c = 0; c < 3; ++c) to.normal[c] = q.normal[c] = o[3 + c];
        to.gap = o[1];
        to.offset = r.lanes.data[24 * BATCH + lane];
        to.normal_mass = to.friction_mass = mass > 1e-12f ? 1.0f / mass : 0.0f;
        to.row = r.batch.data[lane];
        to.collider = q.collider;
        to.friction = q.friction;
        to.pressure = q.pressure;
        const float along = q.drag[0] * o[3] + q.drag[1] * o[4] + q.drag[2] * o[5];
        for (int c = 0; c < 3; ++c) to.drag[c] = q.drag[c] - along * o[3 + c];
    }
    return hot;
    """)
)
def scatter(s: Sheets, r: Rows, kind: int, hot: int) -> int:
    """Write what was found about a batch into its rows, and those that are live into ``r.hot`` from row ``hot`` on.

    Returns the end of ``r.hot``.
    """
    ...


@wp.func
def place_itself(s: Sheets, r: Rows, h: float):
    """Place all rows of cloth with itself for a substep of ``h`` [s]; returns how many are live."""
    hot = int(0)
    r.batch[5 * BATCH] = 0
    for kind in range(2):
        row = int(0)
        while row < r.totals[0]:
            row = gather(s, r, kind, row)
            if kind == POINT_FACE:
                points_on_faces(r.lanes, h)
            else:
                edges_on_edges(r.lanes, h)
            hot = scatter(s, r, kind, hot)
    return hot
