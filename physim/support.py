"""What stands on what in a photo, how high that is, and what hides parts of it.

Two outlines that touch say only that one thing is before the other. The solid of the one that was lifted first tells
which: where it would reach under the other's pixels, the other stands on it or before it; where it ends at the common
border, the other goes on behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physim.layers import Layers
from physim.outline import outline
from physim.shapes import Triangles
from physim.zbuffer import depth_of

GROUND = "ground"
UNDER = 0.02
"""Part of a thing's pixels under which another solid must reach for the thing to be before it [-]."""
TOP = 0.12
"""A foot this near to the top of what is below it stands on that top [heights of what is below]."""


@dataclass
class Stand:
    """How a thing stands."""

    height: float
    """Of what carries it [m]."""
    on: str = GROUND
    free: np.ndarray | None = None
    """(H, W) bool: where others may hide it."""
    hidden_by: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """For the report."""
        text = f"on {self.on}" + (f", {self.height:.3g} m up" if self.height else "")
        return text + (f"; partly behind {', '.join(self.hidden_by)}" if self.hidden_by else "")


def stand_of(
    name: str, mask: np.ndarray, layers: Layers, before: dict[str, Triangles], others: dict[str, np.ndarray]
) -> Stand:
    """How a thing of the photo stands.

    Args:
        name: For messages.
        mask: (H, W) bool of the thing.
        layers: Depth of what has been placed so far.
        before: World meshes of the solids that have been placed.
        others: (H, W) bool of all other solids of the photo, those in ``before`` and those to come.

    Raises:
        ValueError: Nothing is seen below it at a finite distance.
    """
    from scipy.ndimage import binary_dilation

    reach = max(2, round(mask.shape[1] / 300))
    window = _around(mask, 2 * reach + 2)
    own = mask[window]
    rim = binary_dilation(own, iterations=reach) & ~own
    stand = Stand(0.0)
    under: dict[str, np.ndarray] = {}
    for other, its_mask in others.items():
        if not (rim & its_mask[window]).any():
            continue
        if other in before:
            whole = np.isfinite(_depth(before[other], layers))
            inside = whole[_to_grid(mask, whole.shape)].sum() if mask.any() else 0
            if inside > max(3.0, UNDER * mask.sum() * whole.size / mask.size):
                under[other] = its_mask
                continue
            stand.hidden_by.append(other)
        stand.free = its_mask.copy() if stand.free is None else stand.free | its_mask
    carrier = _carrier(mask, layers, {other: before[other] for other in under})
    if carrier is not None:
        stand.on, stand.height = carrier
        return stand
    stand.height = _height(name, mask, layers, stand.free)
    return stand


def _carrier(mask: np.ndarray, layers: Layers, below: dict[str, Triangles]) -> tuple[str, float] | None:
    """Which solid the foot of a mask stands on top of, and how high that is [m]."""
    best: tuple[str, float] | None = None
    points = _lower_rim(mask, layers, 0.06)
    h, w = layers.plate.shape
    rows, cols = mask.shape
    for name, mesh in below.items():
        depth = _depth(mesh, layers)
        low, top = float(mesh.vertices[:, 1].min()), float(mesh.vertices[:, 1].max())
        heights = []
        for u, v in points:
            z = depth[min(int(v * h / rows), h - 1), min(int(u * w / cols), w - 1)]
            if np.isfinite(z):
                heights.append(float(layers.photo_camera.unproject(np.array([u, v]), z)[1]))
        if 2 * len(heights) < len(points):
            continue
        height = float(np.median(heights))
        if top - height < TOP * (top - low) and (best is None or top > best[1]):
            best = name, top
    return best


def _height(name: str, mask: np.ndarray, layers: Layers, free: np.ndarray | None) -> float:
    """Height of the surface along the lower rim of a mask [m]: the median, which forgives a slip of the outline.

    Where another thing hides the foot, what the empty scene has there.
    """
    rows, cols = mask.shape
    low = _lower_rim(mask, layers, 0.15)
    seen = low
    if free is not None:
        reach = max(2.0, cols / 300)
        spots = [(u + du, v + dv) for du in (-reach, 0, reach) for dv in (0, reach) for u, v in [low.T]]
        near = np.any(
            [free[np.clip(v.astype(int), 0, rows - 1), np.clip(u.astype(int), 0, cols - 1)] for u, v in spots], axis=0
        )
        seen = low[~near]
    plate = len(seen) == 0
    try:
        heights = [float(layers.point_at((u, v), name, plate=plate)[1]) for u, v in (low if plate else seen)]
    except ValueError as error:
        raise ValueError(
            f"{name} stands on nothing: {error} Look at hints.camera and hints.ground, or give {name}.lift.depth."
        ) from None
    return float(np.median(heights))


def _lower_rim(mask: np.ndarray, layers: Layers, part: float) -> np.ndarray:
    """Points (N, 2) of the outline in its lowest ``part`` [pixels]."""
    points = outline(mask, tolerance=1.0)
    rows, cols = mask.shape
    down = -layers.photo_camera.camera_from_world[:3, 1][:2]
    along = points @ (down / np.linalg.norm(down)) if np.linalg.norm(down) > 0.05 else np.ones(len(points))
    low = points[along >= along.max() - max(2.0, part * np.ptp(along))]
    return np.clip(low, 0.5, (cols - 0.5, rows - 0.5))


def _depth(mesh: Triangles, layers: Layers) -> np.ndarray:
    return depth_of(mesh, layers.camera)


def _to_grid(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A mask on a coarser grid, by the pixel in the middle of each cell."""
    rows = ((np.arange(size[0]) + 0.5) * mask.shape[0] / size[0]).astype(int)
    cols = ((np.arange(size[1]) + 0.5) * mask.shape[1] / size[1]).astype(int)
    return mask[rows][:, cols]


def _around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(cols[0]) - margin, 0), int(cols[-1]) + 1 + margin),
    )
