"""Search for the rows of ``cloth_rows``: cloth near itself, and small or sharp colliders near triangles and edges.

On a CPU one thread goes down the tree with pairs of nodes: whole patches are parted by one test. On a GPU each leaf
goes down by itself, twice, to count its rows and to write them. Both find the same rows.
"""

import warp as wp

from physim_kernels.cloth_row import Rows, aside, close
from physim_kernels.cloth_search_collider import features_near_leaf
from physim_kernels.cloth_search_self import edge_on_edge, leaf_on_leaf, point_on_face
from physim_kernels.cloth_search_walk import next_pairs, ridge_hits, vertex_hits
from physim_kernels.cloth_touch import Touches
from physim_kernels.cloth_tree import STACK, Sheets, Tree, boxes_meet, flat_together
from physim_kernels.rigid_data import Bodies, Geometry

wp.set_module_options({"enable_backward": False})


@wp.kernel
def pairs_kernel(s: Sheets, tree: Tree, r: Rows, interval: float, slack: float):
    """Rows of all leaves with all leaves but those they lie flat with, by pairs of nodes of one level."""
    top = int(1)
    tree.stack[0] = 0
    tree.stack[1] = 0
    while top > 0:
        top = next_pairs(tree, top, interval, slack)
        for k in range(tree.pairs[0]):
            one = tree.pairs[1 + 2 * k]
            two = tree.pairs[2 + 2 * k]
            for turn in range(wp.where(one == two, 1, 2)):
                a = wp.where(turn == 0, one, two)
                count = vertex_hits(s, tree, a, wp.where(turn == 0, two, one), interval, slack)
                for m in range(count):
                    point_on_face(s, tree, r, a, 0, tree.hits[2 * m], tree.hits[2 * m + 1], interval, slack)
            count = ridge_hits(s, tree, wp.min(one, two), wp.max(one, two), interval, slack)
            for m in range(count):
                edge_on_edge(s, r, wp.min(one, two), 0, tree.hits[2 * m], tree.hits[2 * m + 1], interval, slack)


@wp.kernel
def leaves_kernel(s: Sheets, tree: Tree, r: Rows, counting: int, interval: float, slack: float):
    """The same of one leaf with all."""
    leaf = wp.tid()
    own = tree.leaf_count - 1 + leaf
    bottom = STACK * leaf
    top = int(1)
    tree.stack[bottom] = 0
    while top > 0:
        top -= 1
        node = tree.stack[bottom + top]
        if boxes_meet(tree, own, node, interval, slack) and not flat_together(tree, own, node):
            if node >= tree.leaf_count - 1:
                leaf_on_leaf(s, tree, r, leaf, node - tree.leaf_count + 1, counting, interval, slack)
            else:
                tree.stack[bottom + top] = 2 * node + 1
                tree.stack[bottom + top + 1] = 2 * node + 2
                top += 2


@wp.kernel
def feature_kernel(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, r: Rows, counting: int, coarse: float,
    interval: float, slack: float, stride: int,
):  # fmt: skip
    """Rows of all leaves with the small and sharp colliders near them."""
    leaf = wp.tid()
    while leaf < tree.leaf_count:
        features_near_leaf(g, bodies, s, tree, c, r, leaf, coarse, interval, slack, counting)
        leaf += stride


def find(
    g: Geometry, bodies: Bodies, s: Sheets, tree: Tree, c: Touches, r: Rows, *, itself, coarse, interval, slack,
    device,
):  # fmt: skip
    """Look for rows within the next ``interval`` [s] and ``slack`` [m].

    The tree must have been refitted and the near colliders listed. ``coarse`` [m] is the longest edge of the cloth.
    ``itself``: whether cloth meets cloth.
    """
    aside(r, device=device)
    leaves = tree.leaf_count
    for counting in (1, 0) if r.plain else (0,):
        if itself and r.plain:
            wp.launch(leaves_kernel, dim=leaves, inputs=[s, tree, r, counting, interval, slack], device=device)
        elif itself:
            wp.launch(pairs_kernel, dim=1, inputs=[s, tree, r, interval, slack], device=device)
        threads = leaves if r.plain else 1
        inputs = [g, bodies, s, tree, c, r, counting, coarse, interval, slack, threads]
        wp.launch(feature_kernel, dim=threads, inputs=inputs, device=device)
        close(r, whole=not counting, device=device)
