"""How far a thing is from where it should be, after PISA (Li et al., ICML 2025, ``utils/metrics.py``).

    L2        |centroid - centroid'| / (sqrt(2) size), mean over frames
    Chamfer   (mean distance A to B + mean distance B to A) / (sqrt(2) size)
    IoU       of the masks

PISA averages with ``nanmean``: a thing that has vanished scores perfectly. Here a frame in which it is missing counts
as the worst: distance 1, IoU 0. (PISA's code takes the root of each squared coordinate, so its L2 is a mean absolute
difference; ours is the Euclidean distance that its paper defines.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2v.metrics.sampling import evenly

WORST = 1.0
"""Distance of a thing that is not there, in units of sqrt(2) times the picture's longer side."""
SPECK = 0.02
"""Part of a thing's largest area below which it is a speck."""
CHAMFER_FRAMES = 24
"""Chamfer distances are taken in at most so many frames."""


@dataclass(frozen=True)
class TrajectoryError:
    """Masks of a thing in a video against where it should be."""

    l2: np.ndarray
    """(T,) in units of sqrt(2) times the picture's longer side; NaN where it should not be seen and is not."""
    chamfer: float
    iou: np.ndarray
    """(T,)"""
    missing: int
    """Frames in which it should be seen and is not."""
    expected: int
    """Frames in which it should be seen."""


def trajectory_error(truth: np.ndarray, video: np.ndarray, *, least: int = 12) -> TrajectoryError:
    """Compare masks (T, H, W) frame by frame.

    Args:
        truth: Where the thing should be.
        video: Where it is.
        least: Fewer pixels than this are nothing; nor are less than 2 % of the thing's largest area.

    A thing that is only just there may have a third or three times the pixels: it is neither missing nor too much.
    """
    count = min(len(truth), len(video))
    scale = np.sqrt(2) * max(truth.shape[1:])
    area, seen = truth[:count].sum(axis=(1, 2)), video[:count].sum(axis=(1, 2))
    least = max(least, int(SPECK * area.max(initial=0)))
    there = area >= least
    found = seen >= np.where(there, least / 3, 3 * least)
    l2, iou = np.full(count, np.nan), np.full(count, np.nan)
    for t in range(count):
        if there[t] != found[t]:
            l2[t], iou[t] = WORST, 0.0
        elif there[t]:
            l2[t] = np.linalg.norm(centroid(truth[t]) - centroid(video[t])) / scale
            iou[t] = (truth[t] & video[t]).sum() / (truth[t] | video[t]).sum()
    chamfer = [
        (WORST if there[t] != found[t] else _chamfer(truth[t], video[t]) / scale)
        for t in evenly(count, CHAMFER_FRAMES)
        if there[t] or found[t]
    ]
    return TrajectoryError(
        l2, float(np.mean(chamfer)) if chamfer else 0.0, iou, int((there & ~found).sum()), int(there.sum())
    )


def centroid(mask: np.ndarray) -> np.ndarray:
    """(u, v) of a mask (H, W) [pixels]."""
    v, u = np.nonzero(mask)
    return np.array([u.mean() + 0.5, v.mean() + 0.5])


def _chamfer(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance to the other mask, both ways [pixels]; in the window that holds both."""
    from scipy.ndimage import distance_transform_edt

    v, u = np.nonzero(a | b)
    window = slice(v.min(), v.max() + 1), slice(u.min(), u.max() + 1)
    a, b = a[window], b[window]
    return float(distance_transform_edt(~b)[a].mean() + distance_transform_edt(~a)[b].mean())
