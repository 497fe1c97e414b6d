"""Where the photo's surface breaks off: soft cover and clean colour of what bodies may pass behind.

A depth map says "cup" or "table" for each pixel; the photo's edge pixels are mixtures of both. Along every break of the
depth map a narrow band keeps both depths, and how much of each pixel the nearer thing covers. A body is tested against
the farther depth there, and where it lies behind the nearer one it takes the nearer thing's own colour by its cover:

    pixel = cover near + (1 - cover) body

so no colour of the old background is left. Cover comes from the photo, as the place of the pixel's linear colour
between those on either side (Porter, Duff 1984, solved for alpha), where both sides are plain and differ; elsewhere
from the outline of the depth map, smoothed over its stairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, maximum_filter, minimum_filter

from physim import blend
from physim.backdrop_view import BackdropFrame, lens_of
from physim.camera import Camera

JUMP = 0.02
"""A break of the inverse depth is at least this part of itself, beyond what a slope explains."""
REACH = 3.0
"""Half width of the band [pixels of a picture 800 wide]: outlines drawn by hand are as good as this."""
COLUMNS = 960
"""Breaks are looked for on a grid of at most about this many columns; depth is not known finer."""


@dataclass(frozen=True)
class DepthEdges:
    """The bands along all breaks, on the unmoved camera's picture."""

    band: np.ndarray
    """(H, W) bool: where the two sides differ."""
    near: np.ndarray
    """(H, W) float32: inverse depth of the nearer side [1/m], continued over the band and beyond."""
    far: np.ndarray
    """(H, W) float32: of the farther side."""
    cover: np.ndarray
    """(H, W) float32: part of the pixel that the nearer side covers; about the band it is 1 or 0."""
    colour: np.ndarray
    """(H, W, 3) float32, linear: the nearer side without what is behind it."""

    @classmethod
    def find(cls, plate: np.ndarray, depth: np.ndarray, sample: float = 1.0) -> DepthEdges | None:
        """The breaks of a depth map in a picture; None if there are none.

        Args:
            plate: The picture (H, W, 3) sRGB.
            depth: (H, W) [m]
            sample: Size of a sample of the map that ``depth`` was enlarged from [pixels]: its stairs are that long.
        """
        size = depth.shape
        step = max(1, round(size[1] / COLUMNS))
        inverse = 1.0 / depth[step // 2 :: step, step // 2 :: step].astype(np.float64)
        near, far = _sides(inverse)
        if not (near.any() and far.any()):
            return None
        reach = max(REACH * max(1.0, size[1] / 800), 1.5 * step, 1.5 * sample)
        to_near, at_near = distance_transform_edt(~near, return_indices=True)
        to_far, at_far = distance_transform_edt(~far, return_indices=True)
        # Half way between the two sides is the edge; inside the nearer thing the distance is positive.
        inside = gaussian_filter(0.5 * (to_far - to_near), max(1.0, sample / step)) * step
        inside = _enlarged(inside, size, step)
        # Far from both sides the distances balance as well.
        close = _enlarged(np.minimum(to_near, to_far) * step, size, step) <= reach + step
        band = close & (np.abs(inside) <= reach)
        cover, colour = _matte(blend.to_linear(plate), inside, reach, close)
        both = (inverse[tuple(at_near)], inverse[tuple(at_far)])
        front, back = (_enlarged(each, size, step).astype(np.float32) for each in both)
        return cls(band, front, back, cover.astype(np.float32), colour.astype(np.float32))

    def split(
        self, frame: BackdropFrame, start: Camera, photo_size: tuple[int, int], window: tuple[slice, slice]
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Depth of the nearer and of the farther side, each (H, W) float32 [m], seen by a moved camera.

        Args:
            frame: What that camera sees.
            start: The unmoved camera in pixels of the photo.
            photo_size: (height, width) of the photo.
            window: (rows, columns) in which the sides are told apart; elsewhere both are the depth of ``frame``.
        """
        rows, cols = self.band.shape
        scale = np.array([cols / photo_size[1], rows / photo_size[0]], np.float32)
        source = frame.source_uv[window].reshape(-1, 2)
        at = source * scale
        nearest = np.clip(at, 0, (cols - 1, rows - 1), dtype=np.float32).astype(np.int32)
        where = np.flatnonzero(self.band.reshape(-1)[nearest[:, 1] * cols + nearest[:, 0]])
        place = at[where]
        forward = (frame.camera.camera_from_world @ start.world_from_camera)[2]
        lens = lens_of(start, photo_size)
        ray = (source[where] - lens[2:]) / lens[:2]
        along = ray @ forward[:2] + forward[2]
        sides = []
        for inverse in (self.near, self.far):
            rho = map_coordinates(inverse, [place[:, 1] - 0.5, place[:, 0] - 0.5], order=1, mode="nearest")
            depth = np.array(frame.depth, np.float32)
            crop = depth[window].reshape(-1)
            crop[where] = np.maximum(along / rho + forward[3], 1e-6)
            depth[window] = crop.reshape(depth[window].shape)
            sides.append(depth)
        return sides[0], sides[1]


def _sides(inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples at a break, on its nearer and on its farther side, each (h, w) bool.

    On a plane the largest and the smallest value about a sample lie evenly on either side of its own.
    """
    high, low = maximum_filter(inverse, 5), minimum_filter(inverse, 5)
    lean = 2 * inverse - high - low
    limit = JUMP * high
    return lean > limit, lean < -limit


def _enlarged(values: np.ndarray, size: tuple[int, int], step: int) -> np.ndarray:
    """A grid of every ``step``-th pixel back at all pixels, bilinear."""
    if step == 1:
        return values
    v, u = ((np.arange(n) - step // 2) / step for n in size)
    return map_coordinates(values, np.meshgrid(v, u, indexing="ij"), order=1, mode="nearest")


def _matte(linear: np.ndarray, inside: np.ndarray, reach: float, close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cover (H, W) and clean colour (H, W, 3) of the nearer side."""
    front, rough_front = _clean(linear, np.where(close, inside, 0), reach)
    back, rough_back = _clean(linear, np.where(close, -inside, 0), reach)
    across = front - back
    contrast = np.maximum(_dot(across, across), 1e-9)
    above = linear - back
    place = _dot(above, across) / contrast
    above -= np.clip(place, 0, 1)[..., None] * across
    off = _dot(above, above)
    trust = contrast / (contrast + 20 * (rough_front + rough_back) + 1e-3) * np.exp(-off / (0.02 * contrast))
    trust = gaussian_filter(minimum_filter(trust, 3), 1.0)  # one lucky pixel of a pattern is no evidence
    drawn = np.clip(inside + 0.5, 0, 1)
    cover = drawn + trust * (np.clip((place - 0.02) / 0.96, 0, 1) - drawn)
    # The photo may move the edge, though not out of the band, where one side alone is left.
    most = 0.6 * reach
    cover = np.clip(cover, np.clip(inside - most + 0.5, 0, 1), np.clip(inside + most + 0.5, 0, 1))
    # Where a side is a pattern its mean is no better than the pixel itself.
    own = np.where(cover > 0.99, 1.0, (1 - trust) * drawn)[..., None]
    return cover, front + own * (linear - front)


def _clean(linear: np.ndarray, inside: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour of one side continued over the edge, and its variance: mean of its pixels, the deeper the more."""
    weight = (np.clip(inside / reach, 0, 1) ** 3 + 1e-9 * (inside > 0)).astype(np.float32)
    total = gaussian_filter(weight, reach, truncate=3.0)
    safe = np.maximum(total, 1e-30)
    square = gaussian_filter(_dot(linear, linear) * weight, reach, truncate=3.0) / safe
    mean = np.empty_like(linear)
    for c in range(3):
        mean[..., c] = gaussian_filter(linear[..., c] * weight, reach, truncate=3.0) / safe
    alone = total <= 1e-12
    mean[alone] = linear[alone]
    return mean, np.maximum(square - _dot(mean, mean), 0)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...c,...c->...", a, b)
