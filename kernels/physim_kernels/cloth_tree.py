"""Bounding boxes and cones of normals over pieces of cloth, in a complete binary tree that is refitted in place.

The tree is built once, over the flat fabric: a node is a connected patch of it for good. Nodes are numbered as in a
heap: children of i are 2 i + 1 and 2 i + 2, and the last ``leaf_count`` nodes are the leaves. Each vertex, edge and
triangle belongs to one leaf. A cone holds all normals of a patch: a patch whose cone is narrow does not meet itself
(Volino, Magnenat-Thalmann, "Efficient self-collision detection on smoothly discretized surface animations", 1994).

Angles are kept as (cosine, sine), sums of angles are products of these; nothing here needs an arc function. Each leaf
has its triangles and ridges once more in blocks of ``FACES`` and ``RIDGES`` lanes, so that one vertex or edge is held
against all of them in vector code.
"""

import math

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.struct
class Sheets:
    """All cloths of a scene as one set of vertices, edges and triangles."""

    x: wp.array(dtype=wp.vec3)  # [m]
    v: wp.array(dtype=wp.vec3)  # [m/s]
    u: wp.array(dtype=wp.vec3)  # velocity as searches see it, without vibration; may be ``v`` [m/s]
    before: wp.array(dtype=wp.vec3)  # place at the beginning of the substep before a search [m]
    inv_mass: wp.array(dtype=float)  # [1/kg], 0: held
    cloth: wp.array(dtype=int)  # of the vertex
    rest: wp.array(dtype=wp.vec2)  # [m], in the flat fabric
    half: wp.array(dtype=float)  # half the thickness, of the vertex [m]
    area: wp.array(dtype=float)  # of fabric about the vertex [m^2]
    friction: wp.array(dtype=float)  # with itself, of the vertex
    faces: wp.array(dtype=wp.vec3i)
    edges: wp.array(dtype=wp.vec2i)
    wings: wp.array(dtype=wp.vec2i)  # of the edge: the corners opposite to it; the second is -1 at a border
    beside: wp.array(dtype=wp.vec2i)  # of the edge: the triangles on either side; the second is -1 at a border
    spared: wp.array(dtype=wp.vec2i)  # of the vertex: bodies that it does not meet; -1: none; EVERY: it meets no body


@wp.struct
class Tree:
    leaf_count: int
    face_start: wp.array(dtype=int)  # of the leaf, and the end
    face: wp.array(dtype=int)
    vertex_start: wp.array(dtype=int)
    vertex: wp.array(dtype=int)
    edge_start: wp.array(dtype=int)
    edge: wp.array(dtype=int)
    normal: wp.array(dtype=wp.vec3)  # of the triangle
    rest_lower: wp.array(dtype=wp.vec2)  # of the node, in the flat fabric [m]
    rest_upper: wp.array(dtype=wp.vec2)
    cloth: wp.array(dtype=int)  # of the node; -1: of several
    lower: wp.array(dtype=wp.vec3)  # of the node, half the thickness included [m]
    upper: wp.array(dtype=wp.vec3)
    velocity: wp.array(dtype=wp.vec3)  # of the node, its middle [m/s]
    stir: wp.array(dtype=float)  # how far velocities of the node's vertices are from that [m/s]
    axis: wp.array(dtype=wp.vec3)  # of the cone of normals
    spread: wp.array(dtype=wp.vec2)  # half its opening: cosine, sine
    plates: wp.array(dtype=float)  # per leaf 8 rows of FACES lanes: normal, offset, middle, radius of its triangles
    ridges: wp.array(dtype=float)  # per leaf 6 rows of RIDGES lanes: an end of its ridges and borders, and the way on
    corners: wp.array(dtype=int)  # per leaf 3 rows of FACES lanes: vertices of its triangles, -1 where there is none
    ends: wp.array(dtype=int)  # per leaf 2 rows of RIDGES lanes: vertices of its ridges and borders
    sharp: wp.array(dtype=int)  # ridges and borders, those of a leaf from edge_start on
    sharp_count: wp.array(dtype=int)  # of the leaf: ridges and borders
    stack: wp.array(dtype=int)  # scratch of the search, STACK rows per leaf; and of that of a CPU:
    pairs: wp.array(dtype=int)  # how many pairs of leaves there are, and their numbers
    hits: wp.array(dtype=int)  # pairs of things of two leaves


EVERY = wp.constant(-2)
"""Of a vertex that a moving body holds: it belongs to that body, which does the meeting."""
STACK = wp.constant(96)
"""More than a search goes deep, two per level and branch."""
FACES = 8
"""Most triangles of a leaf."""
RIDGES = 24
"""Most edges of a leaf."""
SHARP = wp.constant(0.985)
"""Cosine of the angle between two triangles beyond which their edge is a ridge: 10 degrees."""
CONE = 1.0
"""Half the opening of a cone of normals that a patch may have and be sure not to meet itself [rad]; below pi / 2."""
CONE_COS = wp.constant(math.cos(CONE))
TWICE_COS = wp.constant(math.cos(2 * CONE))
TWICE_SIN = wp.constant(math.sin(2 * CONE))
MARGIN = wp.constant(1.0e-4)
"""Added to angles, so that rounding never makes a cone too narrow [rad]."""


@wp.func_native(
    """
    const float *X = (const float*)s.x.data, *B = (const float*)s.before.data, *V = (const float*)s.v.data;
    float* U = (float*)s.u.data;
    #pragma clang loop vectorize(assume_safety)
    for (int i = first; i < last; ++i) {
        const int j = 3 * i;
        const float x = per * (X[j] - B[j]), y = per * (X[j + 1] - B[j + 1]), z = per * (X[j + 2] - B[j + 2]);
        const float dx = V[j] - x, dy = V[j + 1] - y, dz = V[j + 2] - z;
        const int mean = dx * dx + dy * dy + dz * dz < STIR * STIR;
        U[j] = mean ? x : V[j]; U[j + 1] = mean ? y : V[j + 1]; U[j + 2] = mean ? z : V[j + 2];
    }
    """.replace("STIR", "1.0f")  # as in cloth_body.py
)
def mean_velocities(s: Sheets, first: int, last: int, per: float): ...


@wp.kernel
def mean_kernel(s: Sheets, chunk: int, per: float):
    """Mean velocities of the last substep, of 1 / ``per`` [s]; where one changed much in it, the present one."""
    first = wp.tid() * chunk
    mean_velocities(s, first, wp.min(first + chunk, s.x.shape[0]), per)


@wp.func
def meets(s: Sheets, i: int, body: int):
    """Whether vertex ``i`` may touch ``body``: not if it is held by it, or leaves a pin inside it."""
    spared = s.spared[i]
    return spared[0] != EVERY and spared[0] != body and spared[1] != body


@wp.func_native(
    """
    const int first = tree.face_start.data[leaf], count = tree.face_start.data[leaf + 1] - first;
    const float* X = (const float*)s.x.data;
    const float* V = (const float*)s.u.data;
    float* P = tree.plates.data + 8 * FACES * leaf;
    float low[3], high[3], slow[3], fast[3], sum[3] = {0.0f, 0.0f, 0.0f}, thick = 0.0f;
    for (int c = 0; c < 3; ++c) { low[c] = slow[c] = 1e30f; high[c] = fast[c] = -1e30f; }
    float x[9][FACES], v[9][FACES];
    for (int k = 0; k < FACES; ++k) {
        if (count == 0) break;
        const int* t = (const int*)(s.faces.data + tree.face.data[first + (k < count ? k : 0)]);
        for (int q = 0; q < 3; ++q) {
            for (int c = 0; c < 3; ++c) { x[3 * q + c][k] = X[3 * t[q] + c]; v[3 * q + c][k] = V[3 * t[q] + c]; }
            thick = s.half.data[t[q]] > thick ? s.half.data[t[q]] : thick;
        }
    }
    if (count > 0) {
        for (int q = 0; q < 9; ++q) {
            const int c = q % 3;
            for (int k = 0; k < FACES; ++k) {
                low[c] = x[q][k] < low[c] ? x[q][k] : low[c]; high[c] = x[q][k] > high[c] ? x[q][k] : high[c];
                slow[c] = v[q][k] < slow[c] ? v[q][k] : slow[c]; fast[c] = v[q][k] > fast[c] ? v[q][k] : fast[c];
            }
        }
        #pragma clang loop vectorize(assume_safety)
        for (int k = 0; k < FACES; ++k) {
            const float ux = x[3][k] - x[0][k], uy = x[4][k] - x[1][k], uz = x[5][k] - x[2][k];
            const float wx = x[6][k] - x[0][k], wy = x[7][k] - x[1][k], wz = x[8][k] - x[2][k];
            const float nx = uy * wz - uz * wy, ny = uz * wx - ux * wz, nz = ux * wy - uy * wx;
            const float size = sqrtf(nx * nx + ny * ny + nz * nz), per = size > 0.0f ? 1.0f / size : 0.0f;
            P[k] = per * nx; P[FACES + k] = per * ny; P[2 * FACES + k] = per * nz;
            P[3 * FACES + k] = k < count ? per * (nx * x[0][k] + ny * x[1][k] + nz * x[2][k]) : 1e30f;
            const float mx = (x[0][k] + x[3][k] + x[6][k]) * (1.0f / 3.0f);
            const float my = (x[1][k] + x[4][k] + x[7][k]) * (1.0f / 3.0f);
            const float mz = (x[2][k] + x[5][k] + x[8][k]) * (1.0f / 3.0f);
            P[4 * FACES + k] = mx; P[5 * FACES + k] = my; P[6 * FACES + k] = mz;
            float far = 0.0f;
            for (int q = 0; q < 9; q += 3) {
                const float dx = x[q][k] - mx, dy = x[q + 1][k] - my, dz = x[q + 2][k] - mz;
                const float r = dx * dx + dy * dy + dz * dz;
                far = r > far ? r : far;
            }
            P[7 * FACES + k] = 1.05f * sqrtf(far);
        }
        for (int k = 0; k < count; ++k)
            for (int c = 0; c < 3; ++c) {
                sum[c] += P[c * FACES + k];
                ((float*)(tree.normal.data + tree.face.data[first + k]))[c] = P[c * FACES + k];
            }
    }
    const float size = sqrtf(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]);
    const float per = size > 0.0f ? 1.0f / size : 0.0f;
    float least = size > 0.0f || count == 0 ? 1.0f : -1.0f, stir = 0.0f;
    for (int k = 0; k < count; ++k) {
        const float one = (P[k] * sum[0] + P[FACES + k] * sum[1] + P[2 * FACES + k] * sum[2]) * per;
        least = one < least ? one : least;
    }
    least = least < -1.0f ? -1.0f : least;
    float *lower = (float*)(tree.lower.data + node), *upper = (float*)(tree.upper.data + node);
    float *axis = (float*)(tree.axis.data + node), *move = (float*)(tree.velocity.data + node);
    for (int c = 0; c < 3; ++c) {
        lower[c] = low[c] - thick; upper[c] = high[c] + thick; axis[c] = sum[c] * per;
        move[c] = count ? 0.5f * (slow[c] + fast[c]) : 0.0f;
        stir += count ? 0.25f * (fast[c] - slow[c]) * (fast[c] - slow[c]) : 0.0f;
    }
    tree.stir.data[node] = sqrtf(stir);
    ((float*)(tree.spread.data + node))[0] = least;
    ((float*)(tree.spread.data + node))[1] = sqrtf(1.0f - least * least);
    """.replace("FACES", str(FACES))
)
def fit_leaf(s: Sheets, tree: Tree, leaf: int, node: int): ...


@wp.kernel
def leaf_kernel(s: Sheets, tree: Tree, stride: int):
    """Triangles, boxes, velocities and cones of the leaves."""
    leaf = wp.tid()
    while leaf < tree.leaf_count:
        fit_leaf(s, tree, leaf, tree.leaf_count - 1 + leaf)
        leaf += stride


@wp.func_native(
    """
    const float* X = (const float*)s.x.data;
    float* R = tree.ridges.data + 6 * RIDGES * leaf;
    const int first = tree.edge_start.data[leaf], last = tree.edge_start.data[leaf + 1];
    int sharp = 0;
    for (int k = first; k < last; ++k) {
        const int e = tree.edge.data[k];
        const int* f = (const int*)(s.beside.data + e);
        if (f[1] >= 0) {
            const float *n = (const float*)(tree.normal.data + f[0]), *m = (const float*)(tree.normal.data + f[1]);
            if (n[0] * m[0] + n[1] * m[1] + n[2] * m[2] > limit) continue;
        }
        const int* ends = (const int*)(s.edges.data + e);
        const float *p = X + 3 * ends[0], *q = X + 3 * ends[1];
        for (int c = 0; c < 3; ++c) {
            R[c * RIDGES + sharp] = p[c];
            R[(3 + c) * RIDGES + sharp] = q[c] - p[c];
        }
        for (int c = 0; c < 2; ++c) tree.ends.data[(2 * leaf + c) * RIDGES + sharp] = ends[c];
        tree.sharp.data[first + sharp] = e;
        ++sharp;
    }
    tree.sharp_count.data[leaf] = sharp;
    """.replace("RIDGES", str(RIDGES))
)
def fit_ridges(s: Sheets, tree: Tree, leaf: int, limit: float): ...


@wp.kernel
def ridge_kernel(s: Sheets, tree: Tree, stride: int):
    """Edges whose triangles make an angle, and borders; after the normals of all triangles."""
    leaf = wp.tid()
    while leaf < tree.leaf_count:
        fit_ridges(s, tree, leaf, SHARP)
        leaf += stride


@wp.func
def wider(dot: float, part: wp.vec2):
    """The cone of a part seen from an axis that makes the angle arccos ``dot`` with its own: (cosine, sine)."""
    c = wp.clamp(dot, -1.0, 1.0)
    s = wp.sqrt(1.0 - c * c) + MARGIN
    cosine = c * part[0] - s * part[1]
    sine = s * part[0] + c * part[1]
    if sine < 0.0:  # beyond half a turn
        return wp.vec2(-1.0, 0.0)
    return wp.vec2(cosine, sine)


@wp.kernel
def node_kernel(tree: Tree, first: int, count: int, stride: int):
    """Boxes, velocities and cones of ``count`` inner nodes from ``first``, the last one first."""
    k = wp.tid()
    while k < count:
        node = first + count - 1 - k
        a = 2 * node + 1
        b = a + 1
        tree.lower[node] = wp.min(tree.lower[a], tree.lower[b])
        tree.upper[node] = wp.max(tree.upper[a], tree.upper[b])
        tree.velocity[node] = 0.5 * (tree.velocity[a] + tree.velocity[b])
        apart = 0.5 * wp.length(tree.velocity[a] - tree.velocity[b])
        tree.stir[node] = apart + wp.max(tree.stir[a], tree.stir[b])
        axis = wp.normalize(tree.axis[a] + tree.axis[b])
        one = wider(wp.dot(axis, tree.axis[a]), tree.spread[a])
        two = wider(wp.dot(axis, tree.axis[b]), tree.spread[b])
        tree.axis[node] = axis
        tree.spread[node] = wp.where(one[0] < two[0], one, two)
        k += stride


@wp.func(inline=True)
def boxes_meet(tree: Tree, a: int, b: int, interval: float, slack: float):
    """Whether two nodes may come within ``slack`` [m] of each other in the next ``interval`` [s]."""
    p = tree.lower[a] - tree.upper[b]
    q = tree.lower[b] - tree.upper[a]
    apart = wp.max(wp.max(p[0], wp.max(p[1], p[2])), wp.max(q[0], wp.max(q[1], q[2]))) - slack
    if apart <= 0.0:
        return True
    return apart <= interval * (wp.length(tree.velocity[a] - tree.velocity[b]) + tree.stir[a] + tree.stir[b])


@wp.func(inline=True)
def flat_together(tree: Tree, a: int, b: int):
    """Whether two nodes touch in the flat fabric and their normals fit in one narrow cone."""
    if tree.cloth[a] != tree.cloth[b] or tree.cloth[a] < 0:
        return False
    one = tree.spread[a]
    two = tree.spread[b]
    if wp.min(one[0], two[0]) < CONE_COS:
        return False
    p = tree.rest_lower[a] - tree.rest_upper[b]
    q = tree.rest_lower[b] - tree.rest_upper[a]
    size = tree.rest_upper[a] - tree.rest_lower[a]
    if wp.max(wp.max(p[0], p[1]), wp.max(q[0], q[1])) > 0.1 * wp.max(size[0], size[1]):
        return False
    cosine = one[0] * two[0] - one[1] * two[1]  # of the sum of both half openings, at most 2 CONE
    sine = one[1] * two[0] + one[0] * two[1]
    return wp.dot(tree.axis[a], tree.axis[b]) > TWICE_COS * cosine + TWICE_SIN * sine + MARGIN


def watch(s: Sheets):
    """At the beginning of the substep before a search: keep where the vertices are."""
    wp.copy(s.before, s.x)


def foresee(s: Sheets, *, h, device):
    """After that substep, of ``h`` [s]: velocities for the search.

    What only vibrates goes nowhere: means over a substep say better than velocities how far things will get.
    """
    count = s.x.shape[0]
    chunk = count if device.is_cpu else 1
    wp.launch(mean_kernel, dim=count // chunk, inputs=[s, chunk, 1.0 / h], device=device)


def refit(s: Sheets, tree: Tree, *, device):
    """Fit the tree to where the cloth is."""
    threads = 1 if device.is_cpu else tree.leaf_count
    for kernel in (leaf_kernel, ridge_kernel):
        wp.launch(kernel, dim=threads, inputs=[s, tree, threads], device=device)
    if device.is_cpu:
        wp.launch(node_kernel, dim=1, inputs=[tree, 0, tree.leaf_count - 1, 1], device=device)
        return
    count = tree.leaf_count // 2
    while count >= 1:
        wp.launch(node_kernel, dim=count, inputs=[tree, count - 1, count, count], device=device)
        count //= 2
