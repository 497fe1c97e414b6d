"""Turned bodies (a pawn, a vase, a bottle) from their outline alone: upright axis, and the widest disc at each height.

Every horizontal disc of a solid is seen inside of its outline. So the largest solid of revolution that casts an outline
has, at each height, the largest disc whose picture lies in it; what something else may hide does not bound it there.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from physim.camera import Camera
from physim.shapes import Mesh, Triangles

LEVELS = 48
FOOT, ROUND = 0.05, 0.8
"""A foot is flat: if its disc is narrower than the second part of the widest one in the lowest part of the height (the
first), it is as wide as that. An outline's foot may end in a speck of a pixel; a disc that must fit between the sides
of that is far too small, and too near."""
_RING = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_CIRCLE = np.stack([np.cos(_RING), np.zeros(40), np.sin(_RING)], axis=1)
_AROUND = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_ABOUT = np.stack([np.cos(_AROUND), np.ones(48), np.sin(_AROUND)], axis=1)
"""Of a ring of a turned body about its axis, as its mesh has them."""
_SLACK = 0.4
"""A disc may reach this far beyond the outermost pixels' centres [pixels]."""


class _Inside:
    """Where the picture of a solid may lie, as distance from the border [pixels]."""

    def __init__(self, allowed: np.ndarray, camera: Camera) -> None:
        from scipy.ndimage import distance_transform_edt

        rows, cols = np.flatnonzero(allowed.any(1)), np.flatnonzero(allowed.any(0))
        self.low = np.array([max(cols[0] - 8, 0), max(rows[0] - 8, 0)])
        crop = allowed[self.low[1] : rows[-1] + 9, self.low[0] : cols[-1] + 9]
        # positive inside; a pixel's centre next to the border is half a pixel from it
        self.depth = np.where(crop, distance_transform_edt(crop) - 0.5, 0.5 - distance_transform_edt(~crop))
        self.camera = camera
        pose = camera.camera_from_world
        self._matrix, self._shift = pose[:3, :3].T.copy(), pose[:3, 3].copy()

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Whether all of the world points (K, N, 3) of each disc are seen inside (K,) bool."""
        from scipy.ndimage import map_coordinates

        local = points @ self._matrix + self._shift
        z = np.maximum(local[..., 2:], 1e-9)
        place = local[..., :2] / z * self.camera.focal + np.asarray(self.camera.principal_point) - self.low - 0.5
        depth = map_coordinates(self.depth, np.moveaxis(place, -1, 0)[::-1], order=1, mode="constant", cval=-9.0)
        return ((depth > -_SLACK) & (local[..., 2] > 1e-6)).all(-1)

    def radii(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, most: float) -> np.ndarray:
        """The largest radius (K,) of a disc about each centre that is seen inside; 0 for none [m]."""
        centre = np.stack(np.broadcast_arrays(x, y, z), axis=-1)[:, None]
        low, high = np.zeros(len(centre)), np.full(len(centre), most)
        for _ in range(12):
            middle = (low + high) / 2
            good = self.holds(centre + middle[:, None, None] * _CIRCLE)
            low, high = np.where(good, middle, low), np.where(good, high, middle)
        return low


def turned_pieces(profile: np.ndarray, most: int = 8, slack: float = 0.03) -> list[np.ndarray]:
    """Convex pieces of a turned body, one on top of the other, cut where it is waisted.

    Args:
        profile: (radius, height) (K, 2) [m], heights rising.
        most: Pieces.
        slack: How far a piece may reach beyond the body, as a part of the largest radius.

    Returns:
        Points (N, 3) of each [m], about the axis.
    """
    ends = [0, len(profile) - 1]
    while len(ends) <= most:
        beyond, cut = max(_waist(profile, first, last) for first, last in pairwise(ends))
        if beyond <= slack * profile[:, 0].max():
            break
        ends = sorted([*ends, cut])
    rings = [profile[first : last + 1] for first, last in pairwise(ends)]
    return [(np.stack([ring[:, 0], ring[:, 1], ring[:, 0]], 1)[:, None] * _ABOUT).reshape(-1, 3) for ring in rings]


def _waist(profile: np.ndarray, first: int, last: int) -> tuple[float, int]:
    """Where a part of a profile lies farthest inside of its convex hull, and how far."""
    radius, height = profile[first : last + 1].T
    hull = [0]
    for k in range(1, len(radius)):  # upper hull, as of Andrew's monotone chain
        while len(hull) > 1 and _turn(radius, height, hull[-2], hull[-1], k) >= 0:
            hull.pop()
        hull.append(k)
    inside = np.interp(height, height[hull], radius[hull]) - radius
    return float(inside.max()), first + int(inside.argmax())


def _turn(radius: np.ndarray, height: np.ndarray, a: int, b: int, c: int) -> float:
    """Above 0 if b lies inside of the line from a to c."""
    return (height[b] - height[a]) * (radius[c] - radius[a]) - (radius[b] - radius[a]) * (height[c] - height[a])


def turned(
    allowed: np.ndarray, camera: Camera, foot: np.ndarray, support: float
) -> tuple[Triangles, list[np.ndarray]] | None:
    """The turned body that fills an outline and its convex pieces, in the world; ``None`` if there is none.

    Args:
        allowed: (H, W) bool: the mask, and what hides parts of the thing.
        camera: Of the photo.
        foot: World point (3,) of the support in the middle of the foot's front rim [m].
        support: Height of what it stands on [m].
    """
    inside = _Inside(allowed, camera)
    ahead = foot - camera.position
    ahead[1] = 0
    ahead /= max(float(np.linalg.norm(ahead)), 1e-9)
    right = np.array([-ahead[2], 0.0, ahead[0]])
    depth = float(camera.project(foot)[1])
    rows, cols = np.flatnonzero(allowed.any(1)), np.flatnonzero(allowed.any(0))
    wide, tall = ((np.ptp(k) + 1) * depth / camera.focal for k in (cols, rows))
    steps = np.linspace(0.04, 0.8, 58) * wide

    def base(shift: float) -> tuple[np.ndarray, float]:
        """The centre of the widest disc that touches the foot, and its radius."""
        centres = foot + shift * right + steps[:, None] * ahead
        r = inside.radii(centres[:, 0], np.full(len(steps), support), centres[:, 2], wide)
        k = int(np.argmax(r < 0.995 * steps))  # further back lie discs as wide, of the body above the foot
        k = max(k - 1, 0)
        centre, narrow = centres[k], float(min(r[k], steps[k]))
        low = support + FOOT * tall * np.linspace(0, 1, 6)
        for _ in range(8):
            wide_foot = float(inside.radii(np.full(6, centre[0]), low, np.full(6, centre[2]), wide).max())
            if narrow >= ROUND * wide_foot:
                break
            centre, narrow = foot + shift * right + wide_foot * ahead, wide_foot
        return centre, narrow

    def trial(shift: float) -> tuple[float, np.ndarray, np.ndarray]:
        """Sum of the squared radii, centre of the foot, and the profile (K, 2) of (radius, height above it)."""
        centre, r = base(shift)
        # upwards until the axis leaves the outline
        y = np.linspace(support, support + 1.6 * tall + 0.5 * wide, 3 * LEVELS)
        radii = inside.radii(np.full(len(y), centre[0]), y, np.full(len(y), centre[2]), wide)
        end = int(np.argmax(radii < 1e-3 * wide)) if (radii < 1e-3 * wide).any() else len(y)
        if r <= 0 or end < 4:
            return 0.0, centre, np.zeros((0, 2))
        first = y[:end] - support <= FOOT * (y[end - 1] - support)
        if radii[0] < ROUND * radii[:end][first].max():
            radii[:end][first] = radii[:end][first].max()
        return float(np.sum(radii[:end] ** 2)), centre, np.stack([radii[:end], y[:end] - support], axis=1)

    # the axis is where the body is largest: off it, one side bounds every disc
    middle, tries = 0.0, []
    for spread in (0.12, 0.04, 0.013):
        tries = [(shift, *trial(shift)) for shift in middle + np.linspace(-spread, spread, 5) * wide]
        middle = max(tries, key=lambda one: one[1])[0]
    _, volume, centre, profile = max(tries, key=lambda one: one[1])
    if volume <= 0:
        return None
    ends = np.linspace(0, len(profile) - 1, min(LEVELS, len(profile)))
    level = np.interp(ends, np.arange(len(profile)), profile[:, 1])
    profile = np.stack([np.interp(level, profile[:, 1], profile[:, 0]), level], axis=1)
    closed = np.concatenate([[[0.0, 0.0]], profile, [[0.0, profile[-1, 1] + 1e-3 * wide]]])
    mesh = Mesh.revolved(closed, segments=48).triangles
    place = np.array([centre[0], support, centre[2]])
    return Triangles(mesh.vertices + place, mesh.faces), [piece + place for piece in turned_pieces(closed[1:-1])]
