"""Pictures at places between pixels, and the small averages that several metrics share."""

from __future__ import annotations

import numpy as np


def at(frame: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Bilinear samples of a picture.

    Args:
        frame: (H, W, C), any number type.
        uv: Places (N, 2) [pixels], centres at +0.5; those outside take the edge's value.

    Returns:
        (N, C) float32.
    """
    rows, cols = frame.shape[:2]
    u = np.clip(uv[:, 0] - 0.5, 0, cols - 1).astype(np.float32)
    v = np.clip(uv[:, 1] - 0.5, 0, rows - 1).astype(np.float32)
    left, top = u.astype(np.int64), v.astype(np.int64)
    right, low = np.minimum(left + 1, cols - 1), np.minimum(top + 1, rows - 1)
    a, b = (u - left)[:, None], (v - top)[:, None]
    upper = frame[top, left] * (1 - a) + frame[top, right] * a
    lower = frame[low, left] * (1 - a) + frame[low, right] * a
    return upper * (1 - b) + lower * b


def centres(mask: np.ndarray) -> np.ndarray:
    """(N, 2) places (u, v) of the pixels of a mask (H, W)."""
    v, u = np.nonzero(mask)
    return np.stack([u + 0.5, v + 0.5], axis=-1).astype(np.float32)


def inside(uv: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which places (N, 2) have all four neighbours in a picture of ``size`` (height, width)."""
    return (uv[:, 0] >= 0.5) & (uv[:, 1] >= 0.5) & (uv[:, 0] <= size[1] - 0.5) & (uv[:, 1] <= size[0] - 0.5)


def box(field: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a square of ``2 radius + 1`` pixels of (H, W), fewer at the edges."""
    from scipy.ndimage import uniform_filter

    return uniform_filter(field, 2 * radius + 1, mode="nearest")


def evenly(count: int, most: int) -> np.ndarray:
    """At most ``most`` indices from the first to the last of ``count``."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
