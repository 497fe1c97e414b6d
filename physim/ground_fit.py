"""The ground in measured or predicted depth: its plane says how the camera was held and how high."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.depth_result import DepthResult

_TRIALS = 400
_SAMPLES = 6000
_TOLERANCE = 0.012
"""Points on the ground lie within this part of their depth of the plane."""
_LEAST_SHARE = 0.08
_STEEPEST = 68.0
"""Pitch up to which a plane is taken for the ground: a wall seen from the front looks like ground from above."""
_MOST_ROLL = 30.0


@dataclass(frozen=True)
class GroundPlane:
    """A plane ``normal . x = -height`` in the camera frame (OpenCV), its normal up."""

    normal: np.ndarray
    """Unit (3,), towards the sky."""
    height: float
    """Of the camera above it, in the units of the depth."""
    share: float
    """Part of the points that lie on it."""
    rms: float
    """Of their distances from it, in the units of the depth."""

    @property
    def pitch(self) -> float:
        """Of the view below the horizontal [degrees]."""
        return float(np.degrees(np.arcsin(np.clip(-self.normal[2], -1, 1))))

    @property
    def roll(self) -> float:
        """[degrees], positive for a camera turned clockwise."""
        return float(np.degrees(np.arctan2(-self.normal[0], -self.normal[1])))


def ground_plane(result: DepthResult, focal: float, region: np.ndarray | None = None) -> GroundPlane | None:
    """The ground by consensus: the plane under most points, with few below it (RANSAC, Fischler and Bolles 1981).

    Args:
        result: Depth of kind 'metric' or 'scale'.
        focal: [pixels of its grid]; the optical axis is taken through the middle unless the result knows the lens.
        region: (h, w) bool on that grid: where the ground is looked for.

    Returns:
        ``None`` if no plane that can be ground carries enough of the points.
    """
    if result.kind not in ("metric", "scale"):
        raise ValueError(f"depth of kind {result.kind!r} has planes only after it is brought to metres.")
    points, weights = _points(result, focal, region)
    if len(points) < 50:
        return None
    rng = np.random.default_rng(0)
    best, plane = 0.0, None
    for picks in rng.integers(0, len(points), (_TRIALS, 3)):
        candidate = _through(points[picks])
        if candidate is None:
            continue
        off = points @ candidate[0] + candidate[1]
        slack = _TOLERANCE * points[:, 2]
        score = weights @ (np.abs(off) < slack) - 2 * (weights @ (off < -3 * slack))
        if score > best:
            best, plane = float(score), candidate
    if plane is None or best < _LEAST_SHARE * weights.sum():
        return None
    width = _TOLERANCE
    for _ in range(6):
        gap = np.abs(points @ plane[0] + plane[1]) / points[:, 2]
        # feet of walls lie near the plane as well: as narrow as the depth is good
        width = min(width, max(4 * float(np.median(gap[gap < width])), 1e-7))
        near = gap < width
        better = _fitted(points[near], weights[near] / points[near, 2] ** 2)
        if better is None:
            break
        plane = better
    off = points @ plane[0] + plane[1]
    near = np.abs(off) < width * points[:, 2]
    share = float(weights @ near / weights.sum())
    if share < _LEAST_SHARE:
        return None
    return GroundPlane(plane[0], plane[1], share, float(np.sqrt(np.mean(off[near] ** 2))))


def _points(result: DepthResult, focal: float, region: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Camera-frame points (n, 3) and how much each is believed (n,)."""
    rows, cols = result.size
    use = result.valid if region is None else result.valid & region
    v, u = np.nonzero(use)
    keep = slice(None, None, max(1, len(v) // _SAMPLES))
    v, u = v[keep], u[keep]
    z = result.depth[v, u]
    near = z < 20 * np.median(z) if len(z) else slice(None)  # a sky given as far is no point
    v, u, z = v[near], u[near], z[near]
    middle = (cols / 2, rows / 2) if result.intrinsics is None else (result.intrinsics[0, 2], result.intrinsics[1, 2])
    points = np.stack([(u + 0.5 - middle[0]) / focal * z, (v + 0.5 - middle[1]) / focal * z, z], axis=1)
    return points, np.maximum(result.confidence[v, u].astype(np.float64), 0.01)


def _through(corners: np.ndarray) -> tuple[np.ndarray, float] | None:
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    return _ground_like(normal, corners[0])


def _fitted(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Plane of least squares distance."""
    if len(points) < 3:
        return None
    middle = np.average(points, axis=0, weights=weights)
    spread = (points - middle) * np.sqrt(weights)[:, None]
    return _ground_like(np.linalg.svd(spread, full_matrices=False)[2][2], middle)


def _ground_like(normal: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, float] | None:
    """(normal, height) if a plane may be ground: below the camera, and the camera neither steep nor on its side."""
    length = float(np.linalg.norm(normal))
    if length < 1e-12:
        return None
    normal = normal / length
    if normal @ point > 0:
        normal = -normal
    pitch = np.degrees(np.arcsin(np.clip(-normal[2], -1, 1)))
    roll = np.degrees(np.arctan2(-normal[0], -normal[1]))
    if abs(pitch) > _STEEPEST or abs(roll) > _MOST_ROLL:
        return None
    return normal, float(-normal @ point)
