"""Bounding boxes and cones of normals over pieces of cloth, in a complete binary tree that is refitted in place.

The tree is built once, over the flat fabric: a node is a connected patch of it for good. Nodes are numbered as in a
heap: children of i are 2 i + 1 and 2 i + 2, and the last ``leaf_count`` nodes are the leaves. Each vertex, edge and
triangle belongs to one leaf. A cone holds all normals of a patch: a patch whose cone is narrow does not meet itself
(Volino, Magnenat-Thalmann, "Efficient self-collision detection on smoothly discretized surface animations", 1994).
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.struct
class Sheets:
    """All cloths of a scene as one set of vertices, edges and triangles."""

    x: wp.array(dtype=wp.vec3)  # [m]
    v: wp.array(dtype=wp.vec3)  # [m/s]
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
    stir: wp.array(dtype=float)  # how far velocities in the node are from that [m/s]
    axis: wp.array(dtype=wp.vec3)  # of the cone of normals
    spread: wp.array(dtype=float)  # half its opening [rad]
    sharp: wp.array(dtype=int)  # ridges and borders, those of a leaf from edge_start on
    sharp_count: wp.array(dtype=int)  # of the leaf: ridges and borders
    stack: wp.array(dtype=int)  # scratch of the search, STACK rows per leaf


EVERY = wp.constant(-2)
"""Of a vertex that a moving body holds: it belongs to that body, which does the meeting."""
STACK = wp.constant(48)
"""More than the depth of any tree."""


SHARP = wp.constant(0.985)
"""Cosine of the angle between two triangles beyond which their edge is a ridge: 10 degrees."""
CONE = wp.constant(1.0)
"""Half the opening of a cone of normals that a patch may have and be sure not to meet itself [rad]; below pi / 2."""


@wp.func
def meets(s: Sheets, i: int, body: int):
    """Whether vertex ``i`` may touch ``body``: not if it is held by it, or leaves a pin inside it."""
    spared = s.spared[i]
    return spared[0] != EVERY and spared[0] != body and spared[1] != body


@wp.kernel
def normal_kernel(s: Sheets, tree: Tree):
    f = wp.tid()
    t = s.faces[f]
    p = s.x[t[0]]
    tree.normal[f] = wp.normalize(wp.cross(s.x[t[1]] - p, s.x[t[2]] - p))


@wp.func
def leaf_motion(s: Sheets, tree: Tree, leaf: int, node: int):
    """Velocities of a leaf: their middle and how far they are from it. Returns its half thickness."""
    low = wp.vec3(1.0e30, 1.0e30, 1.0e30)
    high = -low
    thick = float(0.0)
    for k in range(tree.vertex_start[leaf], tree.vertex_start[leaf + 1]):
        i = tree.vertex[k]
        low = wp.min(low, s.v[i])
        high = wp.max(high, s.v[i])
        thick = wp.max(thick, s.half[i])
    tree.velocity[node] = wp.vec3(0.0, 0.0, 0.0)
    tree.stir[node] = 0.0
    if low[0] <= high[0]:
        tree.velocity[node] = 0.5 * (low + high)
        tree.stir[node] = 0.5 * wp.length(high - low)
    return thick


@wp.kernel
def leaf_kernel(s: Sheets, tree: Tree):
    """Boxes, velocities, cones and ridges of the leaves."""
    leaf = wp.tid()
    node = tree.leaf_count - 1 + leaf
    lower = wp.vec3(1.0e30, 1.0e30, 1.0e30)
    upper = -lower
    total = wp.vec3(0.0, 0.0, 0.0)
    first = tree.face_start[leaf]
    end = tree.face_start[leaf + 1]
    for k in range(first, end):
        t = s.faces[tree.face[k]]
        a = s.x[t[0]]
        b = s.x[t[1]]
        c = s.x[t[2]]
        lower = wp.min(wp.min(lower, a), wp.min(b, c))
        upper = wp.max(wp.max(upper, a), wp.max(b, c))
        total += tree.normal[tree.face[k]]
    axis = wp.normalize(total)
    least = float(1.0)
    for k in range(first, end):
        least = wp.min(least, wp.dot(axis, tree.normal[tree.face[k]]))
    thick = leaf_motion(s, tree, leaf, node)
    tree.lower[node] = lower - wp.vec3(thick, thick, thick)
    tree.upper[node] = upper + wp.vec3(thick, thick, thick)
    tree.axis[node] = axis
    tree.spread[node] = wp.acos(wp.clamp(least, -1.0, 1.0))
    sharp = int(0)
    for k in range(tree.edge_start[leaf], tree.edge_start[leaf + 1]):
        e = tree.edge[k]
        f = s.beside[e]
        if f[1] < 0 or wp.dot(tree.normal[f[0]], tree.normal[f[1]]) <= SHARP:
            tree.sharp[tree.edge_start[leaf] + sharp] = e
            sharp += 1
    tree.sharp_count[leaf] = sharp


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
        # angles of the parts to the new axis, a little more than exact so that rounding never makes a cone too narrow
        one = wp.acos(wp.clamp(wp.dot(axis, tree.axis[a]), -1.0, 1.0)) + tree.spread[a]
        two = wp.acos(wp.clamp(wp.dot(axis, tree.axis[b]), -1.0, 1.0)) + tree.spread[b]
        tree.axis[node] = axis
        tree.spread[node] = wp.max(one, two) + 1.0e-4
        k += stride


@wp.func
def boxes_meet(tree: Tree, a: int, b: int, interval: float, slack: float):
    """Whether two nodes may come within ``slack`` [m] of each other in the next ``interval`` [s]."""
    p = tree.lower[a] - tree.upper[b]
    q = tree.lower[b] - tree.upper[a]
    apart = wp.max(wp.max(p[0], wp.max(p[1], p[2])), wp.max(q[0], wp.max(q[1], q[2]))) - slack
    if apart <= 0.0:
        return True
    return apart <= interval * (wp.length(tree.velocity[a] - tree.velocity[b]) + tree.stir[a] + tree.stir[b])


@wp.func
def flat_together(tree: Tree, a: int, b: int):
    """Whether two nodes touch in the flat fabric and their normals fit in one narrow cone."""
    if tree.cloth[a] != tree.cloth[b] or tree.cloth[a] < 0:
        return False
    p = tree.rest_lower[a] - tree.rest_upper[b]
    q = tree.rest_lower[b] - tree.rest_upper[a]
    size = tree.rest_upper[a] - tree.rest_lower[a]
    if wp.max(wp.max(p[0], p[1]), wp.max(q[0], q[1])) > 0.1 * wp.max(size[0], size[1]):
        return False
    one = tree.spread[a]
    two = tree.spread[b]
    if wp.max(one, two) > CONE:
        return False
    between = 2.0 * CONE - one - two  # angle that the axes may make
    return between > wp.pi or wp.dot(tree.axis[a], tree.axis[b]) > wp.cos(between)


def refit(s: Sheets, tree: Tree, *, device):
    """Fit the tree to where the cloth is."""
    wp.launch(normal_kernel, dim=s.faces.shape[0], inputs=[s, tree], device=device)
    wp.launch(leaf_kernel, dim=tree.leaf_count, inputs=[s, tree], device=device)
    if device.is_cpu:
        wp.launch(node_kernel, dim=1, inputs=[tree, 0, tree.leaf_count - 1, 1], device=device)
        return
    count = tree.leaf_count // 2
    while count >= 1:
        wp.launch(node_kernel, dim=count, inputs=[tree, count - 1, count, count], device=device)
        count //= 2
