"""Depth and outline of triangles on the photo's grid, in NumPy: for reconstruction, which does it once per thing."""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.shapes import Triangles

_TILES = (2, 4, 8, 16)
"""Triangles are split until their box fits in the largest, and tested against the smallest that holds them [pixels]."""


def pose_matrix(position, orientation) -> np.ndarray:
    """``world_from_body`` (4, 4) of a position [m] and a quaternion (x, y, z, w)."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(np.asarray(orientation, dtype=np.float64)).as_matrix()
    matrix[:3, 3] = position
    return matrix


def placed(mesh: Triangles, position, orientation=(0.0, 0.0, 0.0, 1.0)) -> Triangles:
    """The mesh in the world."""
    pose = pose_matrix(position, orientation)
    return Triangles(mesh.vertices @ pose[:3, :3].T + pose[:3, 3], mesh.faces)


def depth_of(mesh: Triangles, camera: Camera) -> np.ndarray:
    """Depth z of the nearest surface at each pixel centre, (H, W) float64 [m]; ``inf`` where there is none.

    Triangles with a corner behind the camera are left out.
    """
    rows, cols = camera.size
    depth = np.full((rows, cols), np.inf)
    pixels, z = camera.project(mesh.vertices)
    corners = np.concatenate([pixels, z[:, None]], axis=1)[mesh.faces]  # (M, 3, 3): u, v, z
    corners = corners[(corners[..., 2] > 1e-6).all(1)]
    corners[..., 2] = 1 / corners[..., 2]  # linear on the screen
    for _ in range(12):
        low, high = corners[..., :2].min(1), corners[..., :2].max(1)
        seen = (high > 0).all(1) & (low < (cols, rows)).all(1)
        corners, big = corners[seen], ((high - low).max(1) >= _TILES[-1] - 1)[seen]
        if not big.any():
            break
        corners = np.concatenate([corners[~big], _quartered(corners[big])])
    extent = (corners[..., :2].max(1) - corners[..., :2].min(1)).max(1)
    least = -np.inf
    for tile in _TILES:
        alike = corners[(extent >= least) & ((extent < tile - 1) | (tile == _TILES[-1]))]
        least, count = tile - 1, 1200000 // (tile + 1) ** 2
        for k in range(0, len(alike), count):
            _test_tiles(alike[k : k + count], depth, tile)
    return depth


def convex_drawn(mesh: Triangles, camera: Camera) -> np.ndarray:
    """Where a convex solid before the camera is seen, (H, W) bool: pixel centres within the hull of its corners."""
    from scipy.spatial import ConvexHull, QhullError

    rows, cols = camera.size
    pixels, _ = camera.project(mesh.vertices)
    try:
        ring = pixels[ConvexHull(pixels).vertices]
    except QhullError:  # seen edge on
        return np.zeros((rows, cols), dtype=bool)
    ends = np.roll(ring, -1, axis=0)
    centre = np.arange(rows)[:, None] + 0.5
    rise = ends[:, 1] - ring[:, 1]
    crossed = (np.minimum(ring[:, 1], ends[:, 1]) <= centre) & (centre <= np.maximum(ring[:, 1], ends[:, 1]))
    crossed &= np.abs(rise) > 1e-12  # a level side adds nothing to its ends
    along = (centre - ring[:, 1]) / np.where(np.abs(rise) > 1e-12, rise, 1.0)
    at = ring[:, 0] + along * (ends[:, 0] - ring[:, 0])
    left = np.where(crossed, at, np.inf).min(1, keepdims=True)
    right = np.where(crossed, at, -np.inf).max(1, keepdims=True)
    across = np.arange(cols) + 0.5
    return (left - 1e-9 <= across) & (across <= right + 1e-9)


def _quartered(corners: np.ndarray) -> np.ndarray:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    return np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])


def _test_tiles(corners: np.ndarray, depth: np.ndarray, tile: int) -> None:
    rows, cols = depth.shape
    base = np.floor(corners[..., :2].min(1) - 0.5).astype(int)
    step = np.arange(tile + 1)
    u = (base[:, 0, None, None] + step[None, None, :]).repeat(tile + 1, 1)
    v = (base[:, 1, None, None] + step[None, :, None]).repeat(tile + 1, 2)
    point = np.stack([u, v], axis=-1) + 0.5
    a, b, c = (corners[:, k, None, None, :] for k in range(3))
    area = _cross(b[..., :2] - a[..., :2], c[..., :2] - a[..., :2])
    safe = np.where(np.abs(area) > 1e-12, area, np.inf)
    s = _cross(point - a[..., :2], c[..., :2] - a[..., :2]) / safe
    t = _cross(b[..., :2] - a[..., :2], point - a[..., :2]) / safe
    hit = (s >= -1e-9) & (t >= -1e-9) & (s + t <= 1 + 1e-9) & np.isfinite(safe)
    hit &= (u >= 0) & (v >= 0) & (u < cols) & (v < rows)
    inverse = a[..., 2] + s * (b[..., 2] - a[..., 2]) + t * (c[..., 2] - a[..., 2])
    np.minimum.at(depth, (v[hit], u[hit]), 1 / inverse[hit])


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
