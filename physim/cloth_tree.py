"""Patches of cloth: the binary tree over the flat fabric in which contacts are looked for. NumPy, at load only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import cloth_search_walk
from physim_kernels import cloth_tree as data


@dataclass(frozen=True)
class Edges:
    """Every edge of a set of triangles once."""

    ends: np.ndarray
    """(E, 2) vertices"""
    wings: np.ndarray
    """(E, 2) corners opposite to it; the second is -1 at a border"""
    faces: np.ndarray
    """(E, 2) triangles on either side; the second is -1 at a border"""


def edges_of(faces: np.ndarray) -> Edges:
    """Edges of triangles (M, 3), ordered by their lower vertex; of more than two triangles at one, two are kept."""
    start, end, wing = faces.ravel(), np.roll(faces, -1, axis=1).ravel(), np.roll(faces, -2, axis=1).ravel()
    key = np.minimum(start, end).astype(np.int64) * (faces.max(initial=0) + 1) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    _, first, count = np.unique(key[order], return_index=True, return_counts=True)
    one, two = order[first], np.where(count > 1, order[np.minimum(first + 1, len(order) - 1)], -1)
    owner = np.arange(faces.size) // 3
    other = np.where(two < 0, -1, wing[two])
    beyond = np.where(two < 0, -1, owner[two])
    return Edges(
        np.stack([start[one], end[one]], 1), np.stack([wing[one], other], 1), np.stack([owner[one], beyond], 1)
    )


def areas_of(faces: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A third of the triangles (M, 3) about each vertex of the flat fabric (N, 2): (N,) [m^2]."""
    a, b, c = (rest[faces[:, k]] for k in range(3))
    area = np.abs(np.linalg.det(np.stack([b - a, c - a], axis=-1))) / 2
    return np.bincount(faces.ravel(), weights=np.repeat(area / 3, 3), minlength=len(rest))


def pieces_of(edges: Edges, count: int) -> np.ndarray:
    """Number of the connected piece that each of ``count`` vertices belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one = np.ones(len(edges.ends))
    graph = coo_array((one, (edges.ends[:, 0], edges.ends[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _halves(rows: np.ndarray, centre: np.ndarray, cloth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split triangles at the border between cloths, or across the longer side of a patch, into equal halves."""
    if len(rows) > 1 and cloth[rows].min() != cloth[rows].max():
        kinds = np.unique(cloth[rows])
        low = cloth[rows] < kinds[len(kinds) // 2]
        return rows[low], rows[~low]
    spread = np.ptp(centre[rows], axis=0) if len(rows) else np.zeros(2)
    axis = int(spread[1] > spread[0])
    order = np.lexsort((centre[rows, 1 - axis], centre[rows, axis]))
    half = len(rows) // 2
    return rows[order[:half]], rows[order[half:]]


def _leaves(centre: np.ndarray, cloth: np.ndarray) -> list[np.ndarray]:
    """Triangles of each leaf of a complete tree, in its order; some leaves of a set of cloths may be empty."""
    level = [np.arange(len(centre))]
    while max(len(rows) for rows in level) > data.FACES:
        level = [half for rows in level for half in _halves(rows, centre, cloth)]
    if len(level) == 1:
        level = list(_halves(level[0], centre, cloth))
    return level


def _owned(leaf: np.ndarray, leaf_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Things by the leaf that owns them: (start of each leaf and the end, things)."""
    order = np.argsort(leaf, kind="stable")
    return np.searchsorted(leaf[order], np.arange(leaf_count + 1)), order


def _rest_boxes(leaves: list[np.ndarray], faces: np.ndarray, rest: np.ndarray, cloth: np.ndarray):  # type: ignore[no-untyped-def]
    """Boxes in the flat fabric and the cloth of every node."""
    count = len(leaves)
    lower, upper = np.full((2 * count - 1, 2), np.inf), np.full((2 * count - 1, 2), -np.inf)
    owner = np.full(2 * count - 1, -2)
    for k, rows in enumerate(leaves):
        if len(rows):
            points = rest[faces[rows]].reshape(-1, 2)
            lower[count - 1 + k], upper[count - 1 + k] = points.min(0), points.max(0)
            owner[count - 1 + k] = cloth[rows[0]] if np.ptp(cloth[rows]) == 0 else -1
    for node in range(count - 2, -1, -1):
        a, b = 2 * node + 1, 2 * node + 2
        lower[node], upper[node] = np.minimum(lower[a], lower[b]), np.maximum(upper[a], upper[b])
        owner[node] = owner[a] if owner[a] == owner[b] or owner[b] == -2 else owner[b] if owner[a] == -2 else -1
    return lower, upper, owner


def build(
    faces: np.ndarray, rest: np.ndarray, cloth: np.ndarray, edges: Edges, device: wp.Device
) -> tuple[data.Tree, int]:
    """Tree over triangles (M, 3) of a flat fabric (N, 2) [m]; ``cloth`` (N,) tells which vertices belong together.

    Returns the tree and how many leaves it has.
    """
    face_cloth = cloth[faces[:, 0]]
    leaves = _leaves(rest[faces].mean(axis=1), face_cloth)
    count = len(leaves)
    face_leaf = np.zeros(len(faces), dtype=int)
    for k, rows in enumerate(leaves):
        face_leaf[rows] = k
    vertex_leaf = np.full(len(rest), -1)
    vertex_leaf[faces[::-1].ravel()] = np.repeat(face_leaf[::-1], 3)
    vertex_leaf[vertex_leaf < 0] = 0
    edge_leaf = face_leaf[edges.faces[:, 0]]
    tree = data.Tree()
    tree.leaf_count = count
    for name, (start, order) in {
        "face": _owned(face_leaf, count),
        "vertex": _owned(vertex_leaf, count),
        "edge": _owned(edge_leaf, count),
    }.items():
        setattr(tree, f"{name}_start", wp.array(start, dtype=int, device=device))
        setattr(tree, name, wp.array(order, dtype=int, device=device))
    lower, upper, owner = _rest_boxes(leaves, faces, rest, face_cloth)
    tree.rest_lower = wp.array(lower, dtype=wp.vec2, device=device)
    tree.rest_upper = wp.array(upper, dtype=wp.vec2, device=device)
    tree.cloth = wp.array(owner, dtype=int, device=device)
    nodes = 2 * count - 1
    for name in ("lower", "upper", "axis", "velocity"):
        setattr(tree, name, wp.zeros(nodes, dtype=wp.vec3, device=device))
    tree.spread = wp.zeros(nodes, dtype=wp.vec2, device=device)
    tree.plates = wp.zeros(8 * data.FACES * count, dtype=float, device=device)
    tree.ridges = wp.zeros(6 * data.RIDGES * count, dtype=float, device=device)
    corners = np.full((count, 3, data.FACES), -1)
    for k, rows in enumerate(leaves):
        corners[k, :, : len(rows)] = faces[np.sort(rows)].T
    tree.corners = wp.array(corners.ravel(), dtype=int, device=device)
    tree.ends = wp.zeros(2 * data.RIDGES * count, dtype=int, device=device)
    tree.stir = wp.zeros(nodes, dtype=float, device=device)
    tree.stack = wp.zeros(int(data.STACK) * count, dtype=int, device=device)
    tree.pairs = wp.zeros(1 + 2 * cloth_search_walk.PAIRS, dtype=int, device=device)
    tree.hits = wp.zeros(2 * cloth_search_walk.HITS + 2, dtype=int, device=device)
    tree.normal = wp.zeros(len(faces), dtype=wp.vec3, device=device)
    tree.sharp = wp.zeros(len(edges.ends), dtype=int, device=device)
    tree.sharp_count = wp.zeros(count, dtype=int, device=device)
    return tree, count
