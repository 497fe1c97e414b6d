"""Cloth near itself: vertices near triangles, ridges near ridges, leaf by leaf. Only ``wp.func``.

One vertex is held against all triangles of a leaf at once, one ridge against all ridges, in vector code; what these
leave is looked at closely. A new row between a vertex and a triangle takes the side of the row that the vertex had with
a neighbour of that triangle, so that layers slide over each other without losing theirs.
"""

import warp as wp

from physim_kernels.cloth_place import barycentric
from physim_kernels.cloth_row import EDGE_EDGE, LIVE, POINT_FACE, Rows, enter
from physim_kernels.cloth_tree import FACES, RIDGES, Sheets, Tree
from physim_kernels.collide_hull import segment_parameters

wp.set_module_options({"enable_backward": False})

LANES = wp.constant(FACES)


@wp.func(inline=True)
def side_before(s: Sheets, r: Rows, i: int, t: wp.vec3i, height: float):
    """Side of a triangle that vertex ``i`` is on: that of a neighbour it touched, or where it lies now."""
    side = wp.sign(height)
    k = int(r.old_head[i])
    while k >= 0:
        if r.old[k].live == LIVE and r.old[k].kind == POINT_FACE:
            o = s.faces[r.old[k].b]
            for m in range(3):
                if o[m] == t[0] or o[m] == t[1] or o[m] == t[2]:
                    side = r.old[k].side
        k = r.old[k].next
    return side


@wp.func(inline=True)
def point_on_face(
    s: Sheets, tree: Tree, r: Rows, leaf: int, counting: int, i: int, f: int, interval: float, slack: float
):  # fmt: skip
    """A row between vertex ``i`` and triangle ``f`` if they may touch within ``interval`` [s]."""
    t = s.faces[f]
    p = s.x[i]
    x0 = s.x[t[0]]
    n = tree.normal[f]
    apart = s.half[i] + s.half[t[0]]
    way = interval * wp.length(s.u[i] - s.u[t[0]])
    height = wp.dot(n, p - x0)
    if wp.abs(height) > apart + slack + way:
        return
    d = s.x[t[1]] - x0
    e = s.x[t[2]] - x0
    size = wp.length(wp.cross(d, e))
    w = barycentric(p, x0, s.x[t[1]], s.x[t[2]])
    longest = wp.sqrt(wp.max(wp.length_sq(d), wp.max(wp.length_sq(e), wp.length_sq(e - d))))
    beyond = -(0.05 + longest * (way + slack) / size)  # a weight falls from 1 to 0 over an altitude, size / longest
    if wp.min(w[0], wp.min(w[1], w[2])) < beyond:
        return
    if s.cloth[i] == s.cloth[t[0]] and wp.length(s.rest[i] - s.rest[t[0]]) < 3.0 * apart:
        return
    side = side_before(s, r, i, t, height)
    mu = wp.sqrt(s.friction[i] * s.friction[t[0]])
    enter(r, leaf, counting, i, POINT_FACE, i, f, -1, side * n, side, mu)


@wp.func(inline=True)
def edge_on_edge(s: Sheets, r: Rows, leaf: int, counting: int, a: int, b: int, interval: float, slack: float):
    """A row between two edges if they may touch within ``interval`` [s]."""
    p = s.edges[a]
    q = s.edges[b]
    x0 = s.x[p[0]]
    y0 = s.x[q[0]]
    d = s.x[p[1]] - x0
    e = s.x[q[1]] - y0
    apart = s.half[p[0]] + s.half[q[0]]
    reach = apart + slack + interval * wp.length(s.u[p[0]] - s.u[q[0]])
    u, w = segment_parameters(x0, d, y0, e)
    off = x0 + u * d - y0 - w * e
    distance = wp.length(off)
    if distance > reach or distance < 1.0e-9:
        return
    if s.cloth[p[0]] == s.cloth[q[0]] and wp.length(s.rest[p[0]] - s.rest[q[0]]) < 3.0 * apart:
        return
    mu = wp.sqrt(s.friction[p[0]] * s.friction[q[0]])
    enter(r, leaf, counting, s.x.shape[0] + a, EDGE_EDGE, a, b, -1, off / distance, 1.0, mu)


@wp.func_native(
    """
    const float* P = plates.data + 8 * FACES * leaf;
    const int* C = corners.data + 3 * FACES * leaf;
    int hit[FACES], mask = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < FACES; ++k) {
        const float h = P[k] * p[0] + P[FACES + k] * p[1] + P[2 * FACES + k] * p[2] - P[3 * FACES + k];
        const float x = p[0] - P[4 * FACES + k], y = p[1] - P[5 * FACES + k], z = p[2] - P[6 * FACES + k];
        const float far = P[7 * FACES + k] + reach;
        const int near = (h <= reach) & (h >= -reach) & (x * x + y * y + z * z <= far * far);
        hit[k] = near & (C[k] != i) & (C[FACES + k] != i) & (C[2 * FACES + k] != i);
    }
    for (int k = 0; k < FACES; ++k) mask |= hit[k] << k;
    return mask;
    """.replace("FACES", str(FACES))
)
def faces_near(
    plates: wp.array(dtype=float), corners: wp.array(dtype=int), leaf: int, i: int, p: wp.vec3, reach: float
) -> int:  # fmt: skip
    """Bits of the triangles of a leaf within ``reach`` [m] of a point, vertex ``i``, that it is no corner of."""
    ...


@wp.func_native(
    """
    const float* R = ridges.data + 6 * RIDGES * leaf;
    const int* E = ends.data + 2 * RIDGES * leaf;
    const float dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    int hit[RIDGES], mask = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < RIDGES; ++k) {
        const float x = p[0] - R[k], y = p[1] - R[RIDGES + k], z = p[2] - R[2 * RIDGES + k];
        const float ex = R[3 * RIDGES + k], ey = R[4 * RIDGES + k], ez = R[5 * RIDGES + k];
        const float ee = ex * ex + ey * ey + ez * ez + 1e-30f, de = d[0] * ex + d[1] * ey + d[2] * ez;
        const float dr = d[0] * x + d[1] * y + d[2] * z, er = ex * x + ey * y + ez * z, det = dd * ee - de * de;
        float s = det > 1e-8f * dd * ee ? (de * er - dr * ee) / det : 0.5f;
        s = s < 0.0f ? 0.0f : s > 1.0f ? 1.0f : s;
        float u = (de * s + er) / ee;
        u = u < 0.0f ? 0.0f : u > 1.0f ? 1.0f : u;
        s = (de * u - dr) / dd;
        s = s < 0.0f ? 0.0f : s > 1.0f ? 1.0f : s;
        const float gx = x + s * d[0] - u * ex, gy = y + s * d[1] - u * ey, gz = z + s * d[2] - u * ez;
        const int a = E[k], b = E[RIDGES + k], apart = (a != i) & (a != j) & (b != i) & (b != j);
        hit[k] = apart & (gx * gx + gy * gy + gz * gz <= reach * reach);
    }
    for (int k = 0; k < count; ++k) mask |= hit[k] << k;
    return mask;
    """.replace("RIDGES", str(RIDGES))
)
def ridges_near(
    ridges: wp.array(dtype=float), ends: wp.array(dtype=int), leaf: int, count: int, i: int, j: int, p: wp.vec3,
    d: wp.vec3, reach: float,
) -> int:  # fmt: skip
    """Bits of the first ``count`` ridges of a leaf within ``reach`` [m] of the edge from p to p + d, vertices i and j,
    that share no vertex with it (Ericson, section 5.1.9).
    """
    ...


@wp.func(inline=True)
def edge_on_leaf(
    s: Sheets, tree: Tree, r: Rows, own: int, counting: int, e: int, leaf: int, itself: bool, interval: float,
    slack: float,
):  # fmt: skip
    """Rows of edge ``e``, a ridge, with the ridges of a leaf; of a pair in one leaf the lower number has the row."""
    node = tree.leaf_count - 1 + leaf
    ends = s.edges[e]
    p = s.x[ends[0]]
    q = s.x[ends[1]]
    reach = s.half[ends[0]] + slack + interval * (wp.length(s.u[ends[0]] - tree.velocity[node]) + tree.stir[node])
    out = wp.max(tree.lower[node] - wp.max(p, q), wp.min(p, q) - tree.upper[node])
    if wp.max(out[0], wp.max(out[1], out[2])) > reach:
        return
    near = reach + s.half[ends[0]]
    mask = ridges_near(tree.ridges, tree.ends, leaf, tree.sharp_count[leaf], ends[0], ends[1], p, q - p, near)
    if mask != 0:
        first = tree.edge_start[leaf]
        for m in range(tree.sharp_count[leaf]):
            if mask & (1 << m) != 0:
                k = tree.sharp[first + m]
                if not itself or e < k:
                    edge_on_edge(s, r, own, counting, e, k, interval, slack)


@wp.func(inline=True)
def leaf_on_leaf(
    s: Sheets, tree: Tree, r: Rows, a: int, b: int, counting: int, interval: float, slack: float
):  # fmt: skip
    """Rows of the vertices of leaf ``a`` with the triangles of leaf ``b``, and of ridges if ``b`` is not before it."""
    node = tree.leaf_count - 1 + b
    for k in range(tree.vertex_start[a], tree.vertex_start[a + 1]):
        i = tree.vertex[k]
        p = s.x[i]
        reach = s.half[i] + slack + interval * (wp.length(s.u[i] - tree.velocity[node]) + tree.stir[node])
        out = wp.max(tree.lower[node] - p, p - tree.upper[node])
        if wp.max(out[0], wp.max(out[1], out[2])) < reach:
            mask = faces_near(tree.plates, tree.corners, b, i, p, reach + s.half[i])
            if mask != 0:
                first = tree.face_start[b]
                for m in range(LANES):
                    if mask & (1 << m) != 0:
                        point_on_face(s, tree, r, a, counting, i, tree.face[first + m], interval, slack)
    if a <= b and tree.sharp_count[b] > 0:
        first = tree.edge_start[a]
        for k in range(first, first + tree.sharp_count[a]):
            edge_on_leaf(s, tree, r, a, counting, tree.sharp[k], b, a == b, interval, slack)
