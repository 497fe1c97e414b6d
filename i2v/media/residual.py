"""The model's residual at full resolution: what is small and soft is enlarged, the photo's own detail never is."""

from __future__ import annotations

import numpy as np


def upsample_residual(residual: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear enlargement about pixel centres, edges held.

    Sample i of n lies at (i + 0.5) / n of the side, so equal sizes give the same numbers, and constants stay constant.

    Args:
        residual: (h, w, C), sRGB units.
        size: (H, W) wanted, at least (h, w) [pixels].

    Returns:
        (H, W, C) float32.

    Raises:
        ValueError: A residual that is no picture, or larger than ``size`` (that would alias).
    """
    residual = np.asarray(residual, dtype=np.float32)
    if residual.ndim != 3 or min(residual.shape) < 1:
        raise ValueError(f"residual has shape {residual.shape}, expected (height, width, channels).")
    rows, cols = residual.shape[:2]
    if size[0] < rows or size[1] < cols:
        raise ValueError(f"residual is {cols} x {rows}, expected at most {size[1]} x {size[0]}, the size of the video.")
    return _enlarged(_enlarged(residual, size[0], axis=0), size[1], axis=1)


def add_residual(frame: np.ndarray, residual: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """``frame`` (H, W, 3) float32 sRGB plus ``strength`` times the enlarged ``residual`` (h, w, 3), within [0, 1]."""
    change = upsample_residual(residual, (frame.shape[0], frame.shape[1]))
    if strength != 1.0:
        change *= np.float32(strength)
    change += frame
    return np.clip(change, 0.0, np.maximum(frame, 1.0), out=change)  # what is brighter than white stays so


def _enlarged(values: np.ndarray, count: int, axis: int) -> np.ndarray:
    known = values.shape[axis]
    if count == known:
        return values.copy()
    at = np.clip((np.arange(count) + 0.5) * known / count - 0.5, 0, known - 1)
    low = np.minimum(at.astype(np.intp), max(known - 2, 0))
    weight = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    first = np.take(values, low, axis=axis)
    step = np.take(values, np.minimum(low + 1, known - 1), axis=axis)
    step -= first
    step *= weight
    first += step
    return first
