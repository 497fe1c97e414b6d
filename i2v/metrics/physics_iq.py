"""Physics-IQ, original and Verified: where, when and how much a video moves, against a film of the same event.

Motion masks are those of the benchmark, in its own integer arithmetic (google-deepmind/physics-IQ-benchmark,
``code/``): grey, blurred by [1, 4, 6, 4, 1] / 16 along both axes, against a running average that takes 0.3 of the new
frame; more than 10 levels of difference, opened and closed by 5 x 5. Numbers and scores:

    spatiotemporal IoU   per frame |A and B| / |A or B|, 1 if both are empty
    spatial IoU          the same of the masks' maxima over time
    weighted spatial     sum min(W1, W2) / sum max(W1, W2) of the masks' means over time
    MSE                  of pixels in [0, 1]

    original   100 clip(mean(m / m_takes over the 3 IoUs) - (MSE - MSE_takes), 0, 1), of means over the data set
    Verified   100 mean of clip(m / m_takes, 0, 1) over the 3 IoUs and clip(MSE_takes / MSE, 0, 1), per video

``m_takes`` is the same number between two films of the event. Motamed et al., "Do generative video models understand
physical principles?", 2025; Verified: arXiv 2606.18943. The official scripts round the lists they store to 4 decimals
(spatial numbers between takes to 5, the final score to 2); both forms are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLD = 10
"""Levels of difference that count as motion."""
RATE = 0.3
"""Share of the new frame in the running average."""
REDUCE = 4
"""Scores are taken at a quarter of the reference's size."""
TINY = 1e-8
"""Of the Verified score's quotients."""


@dataclass(frozen=True)
class Comparison:
    """The four numbers of one video against one film."""

    spatiotemporal_iou: np.ndarray
    """(T,) per frame."""
    spatial_iou: float
    weighted_spatial_iou: float
    mse: np.ndarray
    """(T,) per frame, of values in [0, 1]."""

    def rounded(self) -> Comparison:
        """As the official scripts read it back from their tables: lists to 4 decimals, numbers to 5."""
        return Comparison(
            np.round(self.spatiotemporal_iou, 4),
            round(self.spatial_iou, 5),
            round(self.weighted_spatial_iou, 5),
            np.round(self.mse, 4),
        )


@dataclass(frozen=True)
class PhysicsIQ:
    """Both scores, 0 to 100, with the rounding of the official code and without."""

    original: float
    original_unrounded: float
    verified: float
    verified_unrounded: float


def motion_masks(frames: np.ndarray) -> np.ndarray:
    """Where something moves.

    Args:
        frames: (T, H, W, 3) uint8 sRGB.

    Returns:
        (T, H, W) bool; frame 0 is empty.
    """
    average = None
    masks = np.zeros(frames.shape[:3], bool)
    for t, frame in enumerate(frames):
        smooth = _blur(_grey(frame))
        average = smooth.astype(np.float64) if average is None else (1 - RATE) * average + RATE * smooth
        moving = np.abs(smooth - np.rint(average)) > THRESHOLD
        if moving.any():
            opened = _widest(_narrowest(moving))
            masks[t] = _narrowest(_widest(opened))
    return masks


def compare(reference: np.ndarray, video: np.ndarray, *, size: tuple[int, int] | None = None) -> Comparison:
    """The four numbers of a video against a film.

    Args:
        reference: The film (T, H, W, 3) uint8.
        video: (T', h, w, 3) uint8, of the same frame rate, any size; the first min(T, T') frames count.
        size: (height, width) to compare at; default: a quarter of the film's, as the benchmark does.
    """
    size = scoring_size(reference) if size is None else size
    return compared(prepared(reference, size), prepared(video, size))


@dataclass(frozen=True)
class Prepared:
    """A video at the size of the scores."""

    masks: np.ndarray
    """(T, h, w) bool."""
    frames: np.ndarray
    """(T, h, w, 3) uint8."""


def scoring_size(reference: np.ndarray) -> tuple[int, int]:
    """(height, width) at which videos are compared with a film (T, H, W, 3)."""
    return max(1, reference.shape[1] // REDUCE), max(1, reference.shape[2] // REDUCE)


def prepared(frames: np.ndarray, size: tuple[int, int]) -> Prepared:
    """Masks at the video's own size, then both made smaller."""
    return Prepared(_scaled_masks(frames, size), np.stack([resize_linear(f, size) for f in frames]))


def compared(reference: Prepared, video: Prepared) -> Comparison:
    """:func:`compare` of what was prepared; the first min(T, T') frames count."""
    count = min(len(reference.masks), len(video.masks))
    if count < 2:
        raise ValueError(f"Physics-IQ needs two frames or more of each video; it was given {count}.")
    first, second = reference.masks[:count], video.masks[:count]
    both, either = first & second, first | second
    areas = either.sum(axis=(1, 2))
    per_frame = np.where(areas == 0, 1.0, both.sum(axis=(1, 2)) / np.maximum(areas, 1))
    anywhere = first.any(axis=0), second.any(axis=0)
    union = int((anywhere[0] | anywhere[1]).sum())
    weights = first.mean(axis=0), second.mean(axis=0)
    most = float(np.maximum(*weights).sum())
    pairs = zip(reference.frames[:count], video.frames[:count], strict=True)
    errors = [np.mean((a / 255.0 - b / 255.0) ** 2) for a, b in pairs]
    return Comparison(
        per_frame,
        float((anywhere[0] & anywhere[1]).sum() / union) if union else 1.0,
        float(np.minimum(*weights).sum() / most) if most else 1.0,
        np.array(errors),
    )


def physics_iq(videos: Sequence[Comparison], takes: Sequence[Comparison]) -> PhysicsIQ:
    """Scores of a set of videos, one film and one :class:`Comparison` each.

    Args:
        videos: Film against generated video, one per scenario and view.
        takes: Film against a second film of the same event, in the same order.
    """
    if len(videos) != len(takes) or not videos:
        raise ValueError(f"there are {len(videos)} videos and {len(takes)} pairs of takes, expected one pair for each.")
    rounded = [v.rounded() for v in videos], [t.rounded() for t in takes]
    return PhysicsIQ(
        original=round(_original(*rounded), 2),
        original_unrounded=_original(videos, takes),
        verified=round(_verified(*rounded), 2),
        verified_unrounded=_verified(videos, takes),
    )


def score(reference: np.ndarray, video: np.ndarray, second_take: np.ndarray | None = None) -> PhysicsIQ:
    """Both scores of one video; without a second film the event is taken to repeat exactly (all IoUs 1, MSE 0)."""
    takes = compare(reference, reference if second_take is None else second_take)
    return physics_iq([compare(reference, video)], [takes])


def blended(frames: np.ndarray, count: int) -> np.ndarray:
    """A film at another rate by linear blending, as the benchmark makes its other rates: ``count`` frames of it."""
    position = np.arange(count) * (len(frames) - 1) / max(count - 1, 1)
    low = np.minimum(position.astype(int), len(frames) - 1)
    high = np.minimum(low + 1, len(frames) - 1)
    share = (position - low)[:, None, None, None]
    return np.stack(
        [((1 - a) * frames[i] + a * frames[j]).astype(np.uint8) for a, i, j in zip(share, low, high, strict=True)]
    )


def resize_linear(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear, without antialiasing, to the nearest level: what OpenCV's INTER_LINEAR does to uint8 (H, W, ...)."""
    if frame.shape[:2] == tuple(size):
        return frame
    (top, bottom, down), (left, right, across) = (_taps(n, m) for n, m in zip(frame.shape[:2], size, strict=True))
    rows = frame.astype(np.int64) if frame.dtype != np.uint8 else frame.astype(np.int32)
    shape = (-1, 1, *(1,) * (frame.ndim - 2))
    across_shape = (1, -1, *(1,) * (frame.ndim - 2))
    a = rows[:, left] * (2048 - across).reshape(across_shape) + rows[:, right] * across.reshape(across_shape)
    a = a.astype(np.int64)
    b = a[top] * (2048 - down).reshape(shape) + a[bottom] * down.reshape(shape)
    return ((b + (1 << 21)) >> 22).astype(np.uint8)


def _taps(count: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both neighbours of each wanted sample and the second one's weight in 2048ths."""
    at = ((np.arange(wanted) + 0.5) * (count / wanted) - 0.5).clip(0, count - 1)
    low = np.floor(at).astype(int)
    return low, np.minimum(low + 1, count - 1), np.rint((at - low) * 2048).astype(np.int64)


def _scaled_masks(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.stack([resize_linear(m.astype(np.uint8) * np.uint8(255), size) > 127 for m in motion_masks(frames)])


def _grey(frame: np.ndarray) -> np.ndarray:
    """OpenCV's fixed-point luma (H, W) int32."""
    wide = frame.astype(np.int32)
    return (9798 * wide[..., 0] + 19235 * wide[..., 1] + 3735 * wide[..., 2] + (1 << 14)) >> 15


def _blur(grey: np.ndarray) -> np.ndarray:
    """[1, 4, 6, 4, 1] / 16 along both axes, mirrored without repeating the edge, rounded once."""
    p = np.pad(grey, 2, mode="reflect") if min(grey.shape) > 2 else np.pad(grey, 2, mode="edge")
    p = p[:-4] + p[4:] + 4 * (p[1:-3] + p[3:-1]) + 6 * p[2:-2]
    p = p[:, :-4] + p[:, 4:] + 4 * (p[:, 1:-3] + p[:, 3:-1]) + 6 * p[:, 2:-2]
    return (p + 128) >> 8


def _widest(mask: np.ndarray) -> np.ndarray:
    """Dilation by 5 x 5; outside the picture there is nothing."""
    p = np.pad(mask, 2)
    p = p[:-4] | p[1:-3] | p[2:-2] | p[3:-1] | p[4:]
    return p[:, :-4] | p[:, 1:-3] | p[:, 2:-2] | p[:, 3:-1] | p[:, 4:]


def _narrowest(mask: np.ndarray) -> np.ndarray:
    """Erosion by 5 x 5; outside the picture everything is set."""
    return ~_widest(~mask)


def _original(videos: Sequence[Comparison], takes: Sequence[Comparison]) -> float:
    """Quotients of means over the data set, not clipped one by one."""
    quotients = []
    for name in ("spatiotemporal_iou", "spatial_iou", "weighted_spatial_iou"):
        mine = np.mean(np.concatenate([np.atleast_1d(getattr(v, name)) for v in videos]))
        theirs = np.mean([np.mean(getattr(t, name)) for t in takes])
        quotients.append(mine / theirs if theirs else float(mine > 0))
    excess = np.mean(np.concatenate([v.mse for v in videos])) - np.mean([t.mse.mean() for t in takes])
    return float(100 * np.clip(np.mean(quotients) - excess, 0, 1))


def _verified(videos: Sequence[Comparison], takes: Sequence[Comparison]) -> float:
    """Per video, each of the four clipped to [0, 1]."""
    marks = []
    for video, take in zip(videos, takes, strict=True):
        parts = [
            np.mean(getattr(video, name)) / (np.mean(getattr(take, name)) + TINY)
            for name in ("spatiotemporal_iou", "spatial_iou", "weighted_spatial_iou")
        ]
        error = video.mse.mean() / (take.mse.mean() + TINY)
        parts.append(1 / error if error > 0 else 1.0)
        marks.append(np.mean(np.clip(parts, 0, 1)))
    return float(100 * np.mean(marks))
