"""Clips longer than a network was trained for: overlapping windows of one shared sample, blended at every step.

All windows see the same noise and the same latents, and each predicts its own frames; where windows overlap, their
velocities are averaged with weights that ramp from one to the next, so both go on from the same frames (Bar-Tal et al.,
MultiDiffusion, 2023, section 4, along time).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from i2v.diffusion.guidance import Model


def windows(count: int, length: int, overlap: int) -> list[slice]:
    """Slices of ``length`` frames that cover ``count``; neighbours share at least ``overlap``. Evenly spread.

    Raises:
        ValueError: A length less than 1, or an overlap that is not from 0 to below it.
    """
    if length < 1 or not 0 <= overlap < length:
        raise ValueError(f"windows are {length} frames with an overlap of {overlap}, expected 0 <= overlap < length.")
    if count <= length:
        return [slice(0, count)]
    number = 1 + -(-(count - length) // (length - overlap))
    starts = np.linspace(0, count - length, number).astype(int)
    return [slice(int(start), int(start) + length) for start in starts]


def shares(cuts: list[slice]) -> list[np.ndarray]:
    """Weight of each window's frames (length,), float32: ramps over overlaps, one in all for every frame."""
    count, raw = cuts[-1].stop, []
    for before, cut, after in zip([None, *cuts[:-1]], cuts, [*cuts[1:], None], strict=True):
        place = np.arange(cut.start, cut.stop) + 0.5
        up = np.inf if before is None or before.stop == cut.start else (place - cut.start) / (before.stop - cut.start)
        down = np.inf if after is None or after.start == cut.stop else (cut.stop - place) / (cut.stop - after.start)
        raw.append(np.minimum(np.minimum(up, down), 1.0) * np.ones(len(place)))
    total = np.zeros(count)
    for cut, weight in zip(cuts, raw, strict=True):
        total[cut] += weight
    return [(weight / total[cut]).astype(np.float32) for cut, weight in zip(cuts, raw, strict=True)]


def in_windows(model: Model, length: int, overlap: int, cut_told: Callable[[Any, slice], Any]) -> Model:
    """A model for samples (b, t, h, w, c) of any number of frames.

    Args:
        model: Asked once per window.
        length: Frames it sees at once.
        overlap: Frames that neighbours share, at least.
        cut_told: (what is told of the whole, window) → what is told of the window.
    """
    windows(length, length, overlap)  # a bad overlap is said now

    def blended(x: Any, time: float, told: Any) -> Any:
        cuts = windows(x.shape[1], length, overlap)
        if len(cuts) == 1:
            return model(x, time, told)
        total = 0 * x
        for cut, share in zip(cuts, shares(cuts), strict=True):
            part = share[:, None, None, None] * model(x[:, cut], time, cut_told(told, cut))
            before, after = cut.start, x.shape[1] - cut.stop
            pad = ((0, 0), (before, after), (0, 0), (0, 0), (0, 0))
            total = total + (np.pad(part, pad) if isinstance(part, np.ndarray) else _padded(part, pad))
        return total

    return blended


def _padded(part: Any, pad: Any) -> Any:
    import jax.numpy as jnp

    return jnp.pad(part, pad)
