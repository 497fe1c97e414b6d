"""Fill a hole of a smooth surface: a membrane over it, and the photo's own grain, borrowed where it is clean."""

from __future__ import annotations

import numpy as np

from physim.membrane import fill
from physim.plain_rim import plain_rim
from physim.shift_fill import blocks
from physim.stretch import stretch

BLACK = 0.004
"""Keeps the logarithm of black pixels finite [linear]."""
COARSE = 4
"""Side of the blocks on which the strength of grain, which changes slowly, is averaged [pixels]."""


def smooth_fill(logs: np.ndarray, hole: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Membrane over the hole from a smoothed rim, with grain borrowed from a clean strip of the same surface.

    Args:
        logs: (h, w, 3) log of linear light.
        hole: (h, w) bool.
        usable: (h, w) bool: may lend colour; the rest is kept out of the rim by zero flux.
    """
    from scipy.ndimage import distance_transform_edt

    plain = plain_rim(logs, hole, usable)
    weight = blurred(plain[..., None] * 1.0, 3.0)
    rim = np.where(plain[..., None], blurred(np.where(plain[..., None], logs, 0), 3.0) / np.maximum(weight, 1e-3), logs)
    # where other things wall the hole in, the nearest usable colour stays
    _, (v, u) = distance_transform_edt(~plain, return_indices=True)
    base = fill(rim[v, u], plain, domain=plain | hole, tolerance=1e-4)
    return np.where(hole[..., None], base + borrowed_grain(logs, usable), logs)


def borrowed_grain(
    logs: np.ndarray, usable: np.ndarray, *, sigma: float = 2.5, seed: int = 0, scale: int = 1
) -> np.ndarray:
    """High-pass of clean patches of the same surface, laid out in random order, (h, w, 3).

    The photo's own grain has its size and colour and, scaled to what is near, its strength. Overlapping patches are
    weighted so that the squares of the weights sum to one, which keeps the variance where they blend. ``scale``: how
    many pixels wide the samples of its strength are.
    """
    from scipy.ndimage import binary_erosion, minimum_filter

    clean = binary_erosion(usable, iterations=3)
    side = next((n for n in (32, 24, 16, 12, 8) if _fits(clean, n)), 0)
    if side == 0:
        return np.zeros_like(logs)
    weight = np.maximum(blurred(usable[..., None] * 1.0, sigma), 1e-3)
    detail = np.where(clean[..., None], logs - blurred(np.where(usable[..., None], logs, 0), sigma) / weight, 0)
    free = minimum_filter(clean, side, origin=-(side // 2), mode="constant")  # at the patch's upper left corner
    free &= _plain(detail, clean, side, free, scale)
    free &= _one_colour(np.where(clean[..., None], logs - detail, 0), clean, side, free)
    limit = 4 * np.median(np.abs(detail[clean])) + 1e-6  # a scratch or a letter would be seen again and again
    detail = np.clip(detail, -limit, limit)
    strength = _local_strength(detail, clean, scale)
    detail /= strength
    corners = np.argwhere(free)
    rng = np.random.default_rng(seed)
    window = np.sin((np.arange(side) + 0.5) / side * np.pi)
    window = (window[:, None] * window)[..., None]
    half = side // 2
    height, width = logs.shape[:2]
    total = np.zeros((height + 2 * side, width + 2 * side, 3))
    squares = np.zeros((height + 2 * side, width + 2 * side, 1))
    for v in range(0, height + side, half):
        for u in range(0, width + side, half):
            a, b = corners[rng.integers(len(corners))]
            total[v : v + side, u : u + side] += window * detail[a : a + side, b : b + side]
            squares[v : v + side, u : u + side] += window**2
    laid = total / np.sqrt(np.maximum(squares, 1e-12))
    return strength * laid[half : half + height, half : half + width]


def _plain(detail: np.ndarray, clean: np.ndarray, side: int, free: np.ndarray, scale: int) -> np.ndarray:
    """Patches (by their upper left corner) of nothing but grain: a line or a letter would be seen again and again.

    The strongest detail of plain grain is a few deviations of it. The third of the patches in which it stands out least
    is plain, if anything is; the others may go half as far again.
    """
    from scipy.ndimage import maximum_filter

    size = np.abs(detail).max(-1) * clean
    spread = _local_strength(detail, clean, scale)[..., 0]
    loudest = maximum_filter(size / spread, side, origin=-(side // 2), mode="constant")
    return loudest <= 1.5 * np.quantile(loudest[free], 1 / 3) if free.any() else free


def _one_colour(low: np.ndarray, clean: np.ndarray, side: int, free: np.ndarray) -> np.ndarray:
    """Patches (by their upper left corner) of one paint: a marking on the ground is no grain of it, shade may be.

    Args:
        low: (h, w, 3) low-pass of the log of linear light, read where ``clean``.
        clean: (h, w) bool.
        side: Of a patch [pixels].
        free: (h, w) bool: corners to choose from.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    linear = np.exp(low) + BLACK  # the hue of black is noise
    hue = linear / linear.sum(-1, keepdims=True)
    origin = -(side // 2)
    spread = np.zeros(free.shape)
    for k in range(3):
        high = maximum_filter(np.where(clean, hue[..., k], -1.0), side, origin=origin, mode="constant", cval=-1.0)
        least = minimum_filter(np.where(clean, hue[..., k], 2.0), side, origin=origin, mode="constant", cval=2.0)
        spread = np.maximum(spread, high - least)
    return spread <= 1.5 * np.quantile(spread[free], 1 / 3) if free.any() else free


def _fits(clean: np.ndarray, side: int) -> bool:
    """Whether enough different clean squares of this side exist."""
    from scipy.ndimage import minimum_filter

    return bool(minimum_filter(clean, side, mode="constant").sum() >= 40)


def _local_strength(detail: np.ndarray, clean: np.ndarray, scale: int) -> np.ndarray:
    """Standard deviation of the grain around each pixel (h, w, 1): in dark places it is stronger, in the logarithm."""
    side = COARSE * scale
    square, share = (blocks(x, side).mean((1, 3)) for x in ((detail**2).mean(-1) * clean, clean * 1.0))
    near, wide = 12.0 / COARSE, 48.0 / COARSE  # the wide one reaches into large holes
    power = blurred(square, near) + 0.05 * blurred(square, wide)
    share = blurred(share, near) + 0.05 * blurred(share, wide)
    return enlarged(np.sqrt(power / np.maximum(share, 1e-9) + 1e-12), side, clean.shape)[..., None]


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, (sigma, sigma, 0) if values.ndim == 3 else sigma)


def enlarged(small: np.ndarray, scale: int, size: tuple[int, ...]) -> np.ndarray:
    return stretch(small, *((np.arange(n) + 0.5) / scale - 0.5 for n in size[:2]))
