"""Is it still the same subject? Pictures of it against what a video shows, whatever the pose.

Each crop of the video is brought to one size and described (:mod:`i2v.metrics.descriptor`); the score is the cosine
with the most similar of the subject's pictures. 1 is the same picture, two different things share 0.3 to 0.7: compare
scores of one subject, they mean little across subjects.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from i2v.metrics.descriptor import LEAST_PIXELS, cosine, descriptor, interior
from i2v.metrics.sampling import evenly
from i2v.subject import View, read_subject
from physim.conditions import Conditions
from physim.shot import SubjectSpec

SIDE = 48
"""Crops are brought to this many pixels a side."""
FRAMES = 12
"""Of a clip that are looked at, at most."""


def looks(views: Sequence[View]) -> list[np.ndarray]:
    """Descriptors of all pictures of a subject.

    Raises:
        ValueError: It is too small in all of them.
    """
    found = [
        seen
        for view in views
        for t in evenly(len(view.frames), FRAMES)
        if (seen := _described(view.frames[t], view.mask)) is not None
    ]
    if not found:
        raise ValueError(f"the subject covers less than {LEAST_PIXELS} pixels in all of its pictures; use larger ones.")
    return found


def subject_score(frames: np.ndarray, masks: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
    """How like the subject each frame is.

    Args:
        frames: (T, H, W, 3) sRGB in [0, 1].
        masks: (T, H, W) bool: where the subject is to be.
        known: See :func:`looks`.

    Returns:
        (T,) cosine; NaN where the subject is too small, or the frame is not one of the twelve that are looked at.
    """
    score = np.full(len(frames), np.nan)
    for t in evenly(len(frames), FRAMES):
        seen = _described(frames[t], masks[t])
        if seen is not None:
            score[t] = max(cosine(seen, one) for one in known)
    return score


def _described(frame: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    if mask.sum() < LEAST_PIXELS:
        return None
    mask = interior(mask)
    v, u = np.nonzero(mask)
    window = slice(v.min(), v.max() + 1), slice(u.min(), u.max() + 1)
    weight = _resized(mask[window][..., None].astype(np.float32))
    crop = _resized(np.where(mask[window][..., None], frame[window], 0)) / np.maximum(weight, 1e-3)
    return descriptor(255 * np.clip(crop, 0, 1), weight[..., 0] > 0.5)


def _resized(picture: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE, C): means over what a pixel covers, linear in between."""
    for axis in (0, 1):
        count = picture.shape[axis]
        edges = np.linspace(0, count, SIDE + 1)
        sums = np.concatenate([np.zeros_like(picture.take([0], axis)), np.cumsum(picture, axis)], axis)
        low = np.minimum(edges.astype(int), count - 1)
        share = (edges - low).reshape([-1 if a == axis else 1 for a in range(3)])
        at = sums.take(low, axis) * (1 - share) + sums.take(low + 1, axis) * share
        picture = np.diff(at, axis=axis) * (SIDE / count)
    return picture


def identity(conditions: Conditions, residual: np.ndarray | None, subjects: Sequence[SubjectSpec]) -> dict[str, float]:
    """Name of each subject of a shot → mean score of what was painted."""
    if not subjects:
        return {}
    frames = conditions.coarse if residual is None else np.clip(conditions.coarse + residual, 0, 1)
    numbers = {name: int(number) for number, name in conditions.meta["names"].items()}
    found = {}
    for subject in subjects:
        score = subject_score(frames, conditions.ids == numbers[subject.thing], looks(read_subject(subject.photos)))
        found[subject.thing] = float(np.nanmean(score)) if np.isfinite(score).any() else float("nan")
    return found
