"""Masks made wider and narrower by a disc, at the cost of their own extent and not of the whole photo."""

from __future__ import annotations

import numpy as np


def extent(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns of the pixels of a mask (H, W), and ``margin`` more on each side; nothing for an empty one."""
    if not mask.any():
        return slice(0, 0), slice(0, 0)
    found = []
    for axis, length in ((1, mask.shape[0]), (0, mask.shape[1])):
        there = np.flatnonzero(mask.any(axis))
        found.append(slice(max(int(there[0]) - margin, 0), min(int(there[-1]) + 1 + margin, length)))
    return found[0], found[1]


def dilated(mask: np.ndarray, radius: float) -> np.ndarray:
    """All pixels within ``radius`` [pixels] of a mask, (H, W) bool."""
    from scipy.ndimage import distance_transform_edt

    out = np.zeros(mask.shape, dtype=bool)
    here = extent(mask, int(radius) + 1)
    if mask[here].size:
        out[here] = distance_transform_edt(~mask[here]) <= radius
    return out


def eroded(mask: np.ndarray, radius: float) -> np.ndarray:
    """Pixels of a mask farther than ``radius`` [pixels] from all others, (H, W) bool; it goes on beyond the photo."""
    from scipy.ndimage import distance_transform_edt

    out = np.zeros(mask.shape, dtype=bool)
    here = extent(mask, 1)  # the nearest pixel outside touches the mask
    if mask[here].size:
        out[here] = distance_transform_edt(np.pad(mask[here], 1, mode="edge"))[1:-1, 1:-1] > radius
    return out
