"""What other things hide of a thing in the photo: where that is, and what it probably looks like.

Most things that stand about are alike on their two sides, so the part that is seen lends its mirror image, with its
light matched along the border; where the mirror shows nothing either, the nearest colour goes on.
"""

from __future__ import annotations

import numpy as np

from physim.grow import dilated, eroded, extent
from physim.layers import Layers
from physim.membrane import fill
from physim.scene import Scene
from physim.smooth_fill import BLACK
from physim.srgb import to_linear, to_srgb
from physim.zbuffer import depth_of, placed

RIM = 3
"""Along the border of what hides it a pixel shows both things [pixels at 800 wide]."""


def hidden_part(scene: Scene, name: str, mask: np.ndarray, masks: dict[str, np.ndarray], layers: Layers) -> np.ndarray:
    """Where something nearer stands before a thing (H, W) bool: inside its mask, or inside its solid's outline.

    Args:
        scene: Holds the solids.
        name: Of the thing.
        mask: (H, W) bool: where it is, as it was selected; what hides it may be in or out of it.
        masks: (H, W) bool of every solid thing of the photo, by name.
        layers: Know which thing is seen at each pixel.
    """
    hidden = np.zeros_like(mask)
    beside = [other for other, where in masks.items() if other != name and (where & dilated(mask, 2)).any()]
    if not beside:
        return hidden
    depth = _depth(scene, name, layers)
    for other in beside:
        before = _depth(scene, other, layers)
        both = np.isfinite(depth) & np.isfinite(before)
        if both.any() and np.median(before[both]) < np.median(depth[both]):
            hidden |= (layers.ids == scene.number_of(other)) & (mask | np.isfinite(depth))
    return hidden


def closed(mask: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The hidden part with the slit, if there is one, between it and what is seen: pixels that neither outline took."""
    if not hidden.any():
        return hidden
    reach = 2 * RIM * max(1.0, mask.shape[1] / 800)
    whole = eroded(dilated(mask | hidden, reach), reach)
    return hidden | (whole & ~mask & dilated(hidden, reach))


def _depth(scene: Scene, name: str, layers: Layers) -> np.ndarray:
    """Of a thing's solid, on the photo (H, W) [m]."""
    entity = scene[name]
    solid = placed(entity.shape.triangles, entity.position, entity.orientation)  # type: ignore[union-attr]
    return depth_of(solid, layers.photo_camera)


def uncovered(photo: np.ndarray, mask: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The photo with a thing's hidden part painted: the mirror image of what is seen of it.

    Args:
        photo: (H, W, 3) sRGB.
        mask: (H, W) bool: the whole thing, the hidden part included.
        hidden: (H, W) bool: its hidden part.

    Returns:
        (H, W, 3) float32 sRGB, the photo to the bit outside the hidden part and its rim.
    """
    from scipy.ndimage import distance_transform_edt

    scale = max(1.0, photo.shape[1] / 800)
    wanted = mask & dilated(hidden & mask, RIM * scale)
    seen = mask & ~wanted
    if not wanted.any() or not seen.any():
        return photo
    box = extent(mask, round(8 * scale))
    wanted, seen, crop = wanted[box], seen[box], photo[box]
    logs = np.log(to_linear(crop).astype(np.float64) + BLACK)
    # the soft border of the thing is mixed with the ground and lends nothing
    pure = seen & ~dilated(~mask[box], RIM * scale)
    pure = pure if pure.any() else seen
    v, u = _mirror(wanted, pure, mask[box])
    lent = pure[v, u]
    copy = logs[v, u]
    _, nearest = distance_transform_edt(~pure, return_indices=True)
    flat = logs[tuple(nearest)]
    rim = pure & dilated(wanted, 6 * scale) & lent
    if (wanted & lent).any() and rim.any():
        change = fill(np.where(rim[..., None], logs - copy, 0), rim, domain=rim | wanted, tolerance=1e-4)
        flat = np.where(lent[..., None], copy + np.clip(change, -1.6, 1.6), flat)
    painted = np.array(photo, dtype=np.float32)
    painted[box][wanted] = to_srgb(np.exp(flat[wanted]) - BLACK)
    return painted


def _mirror(wanted: np.ndarray, pure: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (h, w) of the mirror image of each pixel: left and right swapped, or top and bottom, or both.

    The first that shows nearly as much of what is wanted as the best of them.
    """
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    v, u = np.mgrid[: mask.shape[0], : mask.shape[1]]
    down = np.clip(rows[0] + rows[-1] - v, 0, mask.shape[0] - 1)
    across = np.clip(cols[0] + cols[-1] - u, 0, mask.shape[1] - 1)
    ways = [(v, across), (down, u), (down, across)]
    share = [pure[way][wanted].mean() for way in ways]
    return next(way for way, part in zip(ways, share, strict=True) if part >= max(share) - 0.1)
