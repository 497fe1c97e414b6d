"""Convex hulls for collision: few vertices, merged faces, edges with their two faces. NumPy and SciPy, at load only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_VERTICES = 24
"""Most vertices of a collision hull: the cost of hull against hull grows with the square of its edges."""


@dataclass(frozen=True)
class CollisionHull:
    """A convex polyhedron with flat faces of any number of corners."""

    vertices: np.ndarray
    """(V, 3) [m]"""
    normals: np.ndarray
    """(F, 3) unit, outward"""
    offsets: np.ndarray
    """(F,) normal . x on the face [m]"""
    areas: np.ndarray
    """(F,) [m^2]"""
    loops: tuple[np.ndarray, ...]
    """Per face the numbers of its corners, counter-clockwise from outside."""
    edges: np.ndarray
    """(E, 4): two vertices, and the two faces that meet there."""


def simplify(points: np.ndarray, count: int = MAX_VERTICES) -> np.ndarray:
    """At most ``count`` of the given points whose hull is close to the hull of all of them.

    Greedy: starting from extreme points, the point farthest outside the hull so far is added, until the rest is within
    1e-4 of the size. The result lies inside the true hull.

    Args:
        points: (N, 3) [m], not in one plane.
        count: Most points to keep, at least 4.

    Returns:
        (M, 3), M <= count.
    """
    from scipy.spatial import ConvexHull

    points = np.asarray(points, dtype=np.float64)
    corners = points[np.sort(ConvexHull(points).vertices)]
    if len(corners) <= count:
        return corners
    chosen = _first_tetrahedron(corners)
    size = float(np.ptp(corners, axis=0).max())
    while len(chosen) < count:
        planes = ConvexHull(corners[chosen]).equations
        outside = (corners @ planes[:, :3].T + planes[:, 3]).max(axis=1)
        farthest = int(outside.argmax())
        if outside[farthest] < 1e-4 * size:
            break
        chosen.append(farthest)
    return corners[chosen]


def _first_tetrahedron(points: np.ndarray) -> list[int]:
    """Four points far apart: the extremes along x, then by distance, area and volume."""
    a = int(points[:, 0].argmin())
    b = int(np.linalg.norm(points - points[a], axis=1).argmax())
    area = np.linalg.norm(np.cross(points - points[a], points[b] - points[a]), axis=1)
    c = int(area.argmax())
    normal = np.cross(points[b] - points[a], points[c] - points[a])
    d = int(np.abs((points - points[a]) @ normal).argmax())
    return [a, b, c, d]


def collision_hull(points: np.ndarray) -> CollisionHull:
    """The convex hull of a few points with triangles in one plane merged to a face.

    Args:
        points: (N, 3) [m], at least four, not in one plane.
    """
    from scipy.spatial import ConvexHull

    points = np.asarray(points, dtype=np.float64)
    hull = ConvexHull(points)
    size = float(np.ptp(points, axis=0).max())
    group = _coplanar_groups(hull.equations, 1e-6 * size)
    normals, offsets, areas, loops = [], [], [], []
    for label in range(group.max() + 1):
        triangles = hull.simplices[group == label]
        normal = hull.equations[group == label, :3].mean(axis=0)
        normal /= np.linalg.norm(normal)
        loop = _sorted_loop(points, np.unique(triangles), normal)
        corners = points[loop]
        normals.append(normal)
        offsets.append(float((corners @ normal).max()))
        fan = np.cross(corners[1:-1] - corners[0], corners[2:] - corners[0])
        areas.append(0.5 * float(np.linalg.norm(fan.sum(axis=0))))
        loops.append(loop)
    used = np.unique(np.concatenate(loops))
    renumber = np.full(len(points), -1)
    renumber[used] = np.arange(len(used))
    loops = [renumber[loop] for loop in loops]
    edges = _edges(loops)
    return CollisionHull(points[used], np.array(normals), np.array(offsets), np.array(areas), tuple(loops), edges)


def _coplanar_groups(equations: np.ndarray, tolerance: float) -> np.ndarray:
    """Label of the plane of each triangle (F,), planes equal within 1e-6 rad and ``tolerance`` [m]."""
    group = np.full(len(equations), -1)
    label = 0
    for k in range(len(equations)):
        if group[k] >= 0:
            continue
        same = (np.linalg.norm(equations[:, :3] - equations[k, :3], axis=1) < 1e-6) & (group < 0)
        same &= np.abs(equations[:, 3] - equations[k, 3]) < tolerance
        group[same] = label
        label += 1
    return group


def _sorted_loop(points: np.ndarray, corners: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Corners of a convex face in counter-clockwise order seen against the normal."""
    centre = points[corners].mean(axis=0)
    u = points[corners[0]] - centre
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    rays = points[corners] - centre
    return corners[np.argsort(np.arctan2(rays @ v, rays @ u), kind="stable")]


def _edges(loops: list[np.ndarray]) -> np.ndarray:
    seen: dict[tuple[int, int], list[int]] = {}
    for face, loop in enumerate(loops):
        for a, b in zip(loop, np.roll(loop, -1), strict=True):
            seen.setdefault((min(a, b), max(a, b)), []).append(face)
    return np.array([[a, b, faces[0], faces[-1]] for (a, b), faces in seen.items()], dtype=np.int32)


def prism(radius: float, height: float, sides: int = 16) -> np.ndarray:
    """Corners (2 sides, 3) of a prism about Y with the cross-section area of a cylinder of this radius [m]."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    r = radius * np.sqrt(2 * np.pi / (sides * np.sin(2 * np.pi / sides)))
    ring = np.stack([r * np.cos(angle), np.zeros(sides), r * np.sin(angle)], axis=1)
    up = np.array([0.0, height / 2, 0.0])
    return np.concatenate([ring - up, ring + up])
