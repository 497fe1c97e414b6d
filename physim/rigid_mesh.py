"""Static triangle meshes for collision: welded, with the neighbours of every corner and edge. NumPy, at load only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.shapes import Triangles

FLAT = 1.0e-3
"""Sine of the angle between two triangles below which their edge is no ridge."""


@dataclass(frozen=True)
class CollisionMesh:
    """Triangles, and what a contact has to know about the surroundings of their corners and edges."""

    vertices: np.ndarray
    """(V, 3) [m]"""
    faces: np.ndarray
    """(F, 3), counter-clockwise from outside"""
    owns: np.ndarray
    """(F,) bits. A triangle answers for its corners 0-2 and for its edges 3-5 (from corner k to k + 1) that are no
    valleys, and 6-8 says which of these are ridges; of all triangles that share a corner or an edge only one does."""
    across: np.ndarray
    """(F, 3) corner of the other triangle at edge k; -1 at a border"""
    fan_start: np.ndarray
    """(V,) first row in ``fan``"""
    fan: np.ndarray
    """Vertices at the other ends of each vertex' edges"""


def collision_mesh(mesh: Triangles) -> CollisionMesh:
    """Weld the vertices at one place, drop triangles without area and find all neighbours.

    An edge of more than two triangles, where sheets meet, is taken as a border of each.
    """
    vertices, faces = _weld(np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces))
    count = len(vertices)
    start, end = faces, np.roll(faces, -1, axis=1)
    key = np.minimum(start, end).astype(np.int64) * count + np.maximum(start, end)
    unique, first, inverse, times = np.unique(key.ravel(), return_index=True, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    across = np.full(faces.size, -1)
    opposite = np.roll(faces, -2, axis=1).ravel()
    both = np.lexsort((np.arange(faces.size), inverse))
    both = both[times[inverse[both]] == 2].reshape(-1, 2)
    across[both[:, 0]], across[both[:, 1]] = opposite[both[:, 1]], opposite[both[:, 0]]
    rise = _rise(vertices, faces, across)
    owner = np.zeros(faces.size, dtype=bool)
    owner[first] = True
    owner[times[inverse] > 2] = True
    owns = np.zeros(len(faces), dtype=int)
    corner = np.zeros(faces.size, dtype=bool)
    corner[np.unique(faces.ravel(), return_index=True)[1]] = True
    for k in range(3):
        edge = owner.reshape(-1, 3)[:, k]
        owns |= corner.reshape(-1, 3)[:, k].astype(int) << k
        owns |= (edge & (rise[:, k] < FLAT)).astype(int) << (3 + k)
        owns |= (edge & (rise[:, k] < -FLAT)).astype(int) << (6 + k)
    low, high = unique // count, unique % count
    source, other = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.argsort(source, kind="stable")
    fan_start = np.searchsorted(source[order], np.arange(count))
    return CollisionMesh(vertices, faces, owns, across.reshape(-1, 3), fan_start, other[order])


def _weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = max(float(np.ptp(vertices, axis=0).max()), 1e-30)
    _, first, inverse = np.unique(np.round(vertices / (1e-7 * size)), axis=0, return_index=True, return_inverse=True)
    vertices, faces = vertices[first], inverse.reshape(-1)[faces]
    corners = vertices[faces]
    double_area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return vertices, faces[double_area > 1e-12 * size**2]


def _rise(vertices: np.ndarray, faces: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Sine of the angle by which the triangle across each edge stands out in front of this one (F, 3); -1: border."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    start, end = vertices[faces], vertices[np.roll(faces, -1, axis=1)]
    other = vertices[across.reshape(-1, 3)] - start
    along = (end - start) / np.linalg.norm(end - start, axis=-1, keepdims=True)
    away = other - np.sum(other * along, axis=-1, keepdims=True) * along
    rise = np.einsum("fkj,fj->fk", away, normal) / np.maximum(np.linalg.norm(away, axis=-1), 1e-30)
    return np.where(across.reshape(-1, 3) < 0, -1.0, rise)
