"""The search of cloth near itself on a CPU: one thread goes down the tree with pairs of nodes, in vector code.

Which leaves may meet, then which vertices of one come near which triangles of the other, and which ridges near which:
lists of a few hundred numbers in ``tree.stack``, ``tree.pairs`` and ``tree.hits``, for ``cloth_search_self.py`` to look
at closely. All tests are those of ``cloth_tree.py`` and ``cloth_search_self.py``, where a GPU makes them leaf by leaf.
"""

import math

import warp as wp

from physim_kernels.cloth_tree import CONE, FACES, RIDGES, Sheets, Tree

wp.set_module_options({"enable_backward": False})

PAIRS = 512
"""Pairs of leaves that are listed at a time."""
HITS = RIDGES * RIDGES
"""Pairs of things that two leaves may give."""

CODE = {
    "PAIRS": str(PAIRS),
    "FACES": str(FACES),
    "RIDGES": str(RIDGES),
    "CONE_COS": f"{math.cos(CONE):.9f}f",
    "TWICE_COS": f"{math.cos(2 * CONE):.9f}f",
    "TWICE_SIN": f"{math.sin(2 * CONE):.9f}f",
}


def code(text: str) -> str:
    """Native code with the names of constants replaced."""
    for name, value in CODE.items():
        text = text.replace(name, value)
    return text


@wp.func_native(
    code("""
    const float *lower = (const float*)tree.lower.data, *upper = (const float*)tree.upper.data;
    const float *velocity = (const float*)tree.velocity.data, *axis = (const float*)tree.axis.data;
    const float *stir = tree.stir.data, *spread = (const float*)tree.spread.data;
    const float *rest0 = (const float*)tree.rest_lower.data, *rest1 = (const float*)tree.rest_upper.data;
    int *stack = tree.stack.data, *out = tree.pairs.data, count = 0;
    auto meet = [&](int a, int b) {
        float apart = -1e30f, speed = 0.0f;
        for (int c = 0; c < 3; ++c) {
            const float p = lower[3 * a + c] - upper[3 * b + c], q = lower[3 * b + c] - upper[3 * a + c];
            const float u = velocity[3 * a + c] - velocity[3 * b + c], far = p > q ? p : q;
            apart = far > apart ? far : apart;
            speed += u * u;
        }
        apart -= slack;
        return apart <= 0.0f || apart <= interval * (sqrtf(speed) + stir[a] + stir[b]);
    };
    auto flat = [&](int a, int b) {
        const int cloth = tree.cloth.data[a];
        const float *one = spread + 2 * a, *two = spread + 2 * b;
        if (cloth != tree.cloth.data[b] || cloth < 0 || one[0] < CONE_COS || two[0] < CONE_COS) return false;
        const float p = rest0[2 * a] - rest1[2 * b], q = rest0[2 * a + 1] - rest1[2 * b + 1];
        const float r = rest0[2 * b] - rest1[2 * a], t = rest0[2 * b + 1] - rest1[2 * a + 1];
        const float wide = rest1[2 * a] - rest0[2 * a], high = rest1[2 * a + 1] - rest0[2 * a + 1];
        const float pq = p > q ? p : q, rt = r > t ? r : t;
        if ((pq > rt ? pq : rt) > 0.1f * (wide > high ? wide : high)) return false;
        const float cosine = one[0] * two[0] - one[1] * two[1], sine = one[1] * two[0] + one[0] * two[1];
        const float *m = axis + 3 * a, *n = axis + 3 * b;
        return m[0] * n[0] + m[1] * n[1] + m[2] * n[2] > TWICE_COS * cosine + TWICE_SIN * sine + 1e-4f;
    };
    const int leaf = tree.leaf_count - 1;
    while (top > 0 && count < PAIRS) {
        --top;
        const int a = stack[2 * top], b = stack[2 * top + 1];
        if ((a != b && !meet(a, b)) || flat(a, b)) continue;
        if (a >= leaf) {
            out[1 + 2 * count] = a - leaf;
            out[2 + 2 * count] = b - leaf;
            ++count;
            continue;
        }
        for (int m = 0; m < 4; ++m) {
            const int p = 2 * a + 1 + m / 2, q = 2 * b + 1 + m % 2;
            if (a == b && p > q) continue;
            stack[2 * top] = p;
            stack[2 * top + 1] = q;
            ++top;
        }
    }
    out[0] = count;
    return top;
    """)
)
def next_pairs(tree: Tree, top: int, interval: float, slack: float) -> int:
    """Go on down the tree from ``top`` pairs of nodes on the stack; returns how many are left.

    ``tree.pairs`` gets the number of pairs of leaves that may meet and do not lie flat together, then the pairs.
    """
    ...


@wp.func_native(
    code("""
    const int node = tree.leaf_count - 1 + b, first = tree.face_start.data[b];
    const float *low = (const float*)(tree.lower.data + node), *high = (const float*)(tree.upper.data + node);
    const float *move = (const float*)(tree.velocity.data + node), stir = tree.stir.data[node];
    const float* P = tree.plates.data + 8 * FACES * b;
    const int *C = tree.corners.data + 3 * FACES * b, end = tree.vertex_start.data[a + 1];
    int count = 0;
    for (int v = tree.vertex_start.data[a]; v < end; ++v) {
        const int i = tree.vertex.data[v];
        const float *p = (const float*)(s.x.data + i), *u = (const float*)(s.u.data + i), half = s.half.data[i];
        float out = -1e30f, speed = 0.0f;
        for (int c = 0; c < 3; ++c) {
            const float below = low[c] - p[c], above = p[c] - high[c], far = below > above ? below : above;
            out = far > out ? far : out;
            speed += (u[c] - move[c]) * (u[c] - move[c]);
        }
        float reach = half + slack + interval * (sqrtf(speed) + stir);
        if (out >= reach) continue;
        reach += half;
        const float x = p[0], y = p[1], z = p[2];
        int hit[FACES];
        #pragma clang loop vectorize(assume_safety)
        for (int k = 0; k < FACES; ++k) {
            const float h = P[k] * x + P[FACES + k] * y + P[2 * FACES + k] * z - P[3 * FACES + k];
            const float dx = x - P[4 * FACES + k], dy = y - P[5 * FACES + k], dz = z - P[6 * FACES + k];
            const float far = P[7 * FACES + k] + reach;
            const int near = (h <= reach) & (h >= -reach) & (dx * dx + dy * dy + dz * dz <= far * far);
            hit[k] = near & (C[k] != i) & (C[FACES + k] != i) & (C[2 * FACES + k] != i);
        }
        for (int k = 0; k < FACES; ++k) {
            tree.hits.data[2 * count] = i;
            tree.hits.data[2 * count + 1] = tree.face.data[first + (hit[k] ? k : 0)];
            count += hit[k];
        }
    }
    return count;
    """)
)
def vertex_hits(s: Sheets, tree: Tree, a: int, b: int, interval: float, slack: float) -> int:
    """Vertices of leaf ``a`` near triangles of leaf ``b``: how many pairs of them are in ``tree.hits``."""
    ...


@wp.func_native(
    code("""
    const int node = tree.leaf_count - 1 + b, own = tree.sharp_count.data[a], theirs = tree.sharp_count.data[b];
    const float *low = (const float*)(tree.lower.data + node), *high = (const float*)(tree.upper.data + node);
    const float *move = (const float*)(tree.velocity.data + node), stir = tree.stir.data[node];
    const float *A = tree.ridges.data + 6 * RIDGES * a, *R = tree.ridges.data + 6 * RIDGES * b;
    const int *F = tree.ends.data + 2 * RIDGES * a, *E = tree.ends.data + 2 * RIDGES * b;
    const int *mine = tree.sharp.data + tree.edge_start.data[a], *other = tree.sharp.data + tree.edge_start.data[b];
    int count = 0;
    for (int e = 0; e < own; ++e) {
        const int i = F[e], j = F[RIDGES + e];
        const float p[3] = {A[e], A[RIDGES + e], A[2 * RIDGES + e]};
        const float d[3] = {A[3 * RIDGES + e], A[4 * RIDGES + e], A[5 * RIDGES + e]};
        const float *u = (const float*)(s.u.data + i), half = s.half.data[i];
        float out = -1e30f, speed = 0.0f;
        for (int c = 0; c < 3; ++c) {
            const float q = p[c] + d[c], most = p[c] > q ? p[c] : q, least = p[c] > q ? q : p[c];
            const float below = low[c] - most, above = least - high[c], far = below > above ? below : above;
            out = far > out ? far : out;
            speed += (u[c] - move[c]) * (u[c] - move[c]);
        }
        float reach = half + slack + interval * (sqrtf(speed) + stir);
        if (out > reach) continue;
        reach = (reach + half) * (reach + half);
        const float px = p[0], py = p[1], pz = p[2], dx = d[0], dy = d[1], dz = d[2];
        const float dd = dx * dx + dy * dy + dz * dz, per = 1.0f / dd;
        int hit[RIDGES];
        for (int from = 0; from < theirs; from += 8) {
            #pragma clang loop vectorize(assume_safety)
            for (int k = from; k < from + 8; ++k) {
                const float x = px - R[k], y = py - R[RIDGES + k], z = pz - R[2 * RIDGES + k];
                const float ex = R[3 * RIDGES + k], ey = R[4 * RIDGES + k], ez = R[5 * RIDGES + k];
                const float ee = ex * ex + ey * ey + ez * ez + 1e-30f, de = dx * ex + dy * ey + dz * ez;
                const float dr = dx * x + dy * y + dz * z, er = ex * x + ey * y + ez * z, det = dd * ee - de * de;
                float s = det > 1e-8f * dd * ee ? (de * er - dr * ee) / det : 0.5f;
                s = s < 0.0f ? 0.0f : s > 1.0f ? 1.0f : s;
                float w = (de * s + er) / ee;
                w = w < 0.0f ? 0.0f : w > 1.0f ? 1.0f : w;
                s = (de * w - dr) * per;
                s = s < 0.0f ? 0.0f : s > 1.0f ? 1.0f : s;
                const float gx = x + s * dx - w * ex, gy = y + s * dy - w * ey, gz = z + s * dz - w * ez;
                const int m = E[k], n = E[RIDGES + k], apart = (m != i) & (m != j) & (n != i) & (n != j);
                hit[k] = apart & (gx * gx + gy * gy + gz * gz <= reach);
            }
        }
        for (int k = 0; k < theirs; ++k) {
            tree.hits.data[2 * count] = mine[e];
            tree.hits.data[2 * count + 1] = other[k];
            count += hit[k] & (a != b || mine[e] < other[k]);
        }
    }
    return count;
    """)
)
def ridge_hits(s: Sheets, tree: Tree, a: int, b: int, interval: float, slack: float) -> int:
    """Ridges of leaf ``a`` near ridges of leaf ``b``: how many pairs of them are in ``tree.hits``, none twice."""
    ...
