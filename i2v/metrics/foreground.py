"""Where a video shows something that is not its own background, and the same for the simulation.

Each frame's brightness is first brought to that of frame 0 (a gain per channel, from pixels where the simulation moves
nothing): a flicker of 8 % otherwise makes everything foreground. The background is the video's own, the median over
the frames in which the simulation leaves a pixel alone; where it never does, the composite's with the video's colour.
Both clips go through the same steps with the same threshold, so what has no contrast is missed in both. Background that
the photo does not show is anybody's guess, and light on it nearly so: whoever paints these may change them within
limits without making a thing of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2v.metrics.sampling import box, evenly
from i2v.metrics.signals import Signals

LEAST = 10.0
"""Smallest difference that counts [levels of 255], after averaging over 3 x 3 pixels."""
SIGMAS = 4.0
"""And as many standard deviations of the video's noise, after that averaging."""
GUESS = 40.0
"""Where the photo shows no background, a painted one may differ by this much more [levels]: the bundled model's
residual stays below it in 98 % of such pixels."""
LIGHT = 10.0
"""And by this much where things change the light on it."""
SAMPLES = 15
"""Frames that the background is made of."""


@dataclass(frozen=True)
class Foreground:
    """What differs from the background."""

    masks: np.ndarray
    """(T, H, W) bool."""
    plate: np.ndarray
    """The background (H, W, 3) float32 [levels]."""
    gains: np.ndarray
    """(T, 3): brightness of each frame over that of frame 0."""
    noise: float
    """Standard deviation of the video's noise in one channel [levels]."""


def gains(frames: np.ndarray, signals: Signals) -> np.ndarray:
    """Brightness of each frame over that of frame 0, (T, 3), from the backdrop of a still camera."""
    found = np.ones((len(frames), 3))
    for t in range(1, len(frames)):
        still = signals.backdrop(t)
        rows = np.flatnonzero(still.ravel())
        if len(rows) < 64:
            continue
        rows = rows[:: max(1, len(rows) // 20000)]
        here, first = (frames[k].reshape(-1, 3)[rows].astype(np.float32) for k in (t, 0))
        lit = (first > 16) & (first < 240) & (here < 250)
        for c in range(3):
            if lit[:, c].sum() >= 64:
                found[t, c] = here[lit[:, c], c].sum() / first[lit[:, c], c].sum()
    return found


def noise_of(frames: np.ndarray, signals: Signals) -> float:
    """Standard deviation of one channel [levels], from neighbouring frames where nothing moves."""
    spreads = []
    for t in evenly(len(frames) - 1, 8):
        still = signals.backdrop(t) & signals.backdrop(t + 1)
        if still.any():
            change = frames[t + 1][still].astype(np.float32) - frames[t][still]
            change -= np.median(change, axis=0)
            spreads.append(
                float(np.mean(np.abs(change))) * np.sqrt(np.pi) / 2
            )  # mean of abs(a - b) is 2 sigma / sqrt(pi)
    return float(np.median(spreads)) if spreads else 0.0


def foreground(
    frames: np.ndarray, signals: Signals, *, noise: float | None = None, threshold: float | None = None
) -> Foreground:
    """Segment a clip with a still camera.

    Args:
        frames: (T, H, W, 3) uint8, T at most that of the signals.
        signals: Says where the background may be learnt from.
        noise: Of the clip, where known [levels].
        threshold: Instead of the one from the noise [levels]; give both clips the same.
    """
    noise = noise_of(frames, signals) if noise is None else noise
    gain = gains(frames, signals)
    plate = _plate(frames, gain, signals)
    limit = threshold_for(noise) if threshold is None else threshold
    masks = np.zeros(frames.shape[:3], bool)
    for t, frame in enumerate(frames):
        difference = frame.astype(np.float32) / gain[t].astype(np.float32) - plate
        masks[t] = np.max([np.abs(box(difference[..., c], 1)) for c in range(3)], axis=0) > limit + _leeway(signals, t)
    return Foreground(masks, plate, gain, noise)


def _leeway(signals: Signals, t: int) -> np.ndarray:
    """How far what is painted behind the things may be off (H, W) [levels]."""
    shaded = signals.shaded[t] & ~signals.things(t)
    return np.where(signals.guessed[t], np.float32(GUESS), np.where(shaded, np.float32(LIGHT), np.float32(0)))


def threshold_for(noise: float) -> float:
    """Difference that counts [levels] at a noise of so many levels."""
    return max(LEAST, SIGMAS * noise / 3)


def _plate(frames: np.ndarray, gain: np.ndarray, signals: Signals) -> np.ndarray:
    """Median over frames that show the background; elsewhere what the composite has there."""
    picks = evenly(len(frames), SAMPLES)
    own, known = _median(frames, gain, picks, [signals.clear[t] for t in picks])
    if known.all():
        return own
    ideal, seen = _median(signals.coarse, np.ones((len(signals.coarse), 3)), picks, [~signals.things(t) for t in picks])
    both = known & seen
    shift = np.median(own[both] - ideal[both], axis=0) if both.any() else 0.0
    own[~known] = np.where(seen[..., None], ideal + shift, frames[0])[~known]
    return own


def _median(
    frames: np.ndarray, gain: np.ndarray, picks: np.ndarray, keep: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Per pixel over the picked frames in which it is kept, and where there is any (H, W)."""
    rows, cols = frames.shape[1:3]
    count = np.sum(keep, axis=0)
    middle = np.maximum(count - 1, 0) // 2
    plate = np.zeros((rows, cols, 3), np.float32)
    for c in range(3):
        stack = np.empty((rows, cols, len(picks)), np.float32)
        for k, t in enumerate(picks):
            stack[..., k] = np.where(keep[k], frames[t, ..., c] / np.float32(gain[t, c]), np.float32(1e6))
        stack.sort(axis=-1)
        plate[..., c] = np.take_along_axis(stack, middle[..., None], axis=-1)[..., 0]
    return plate, count > 0
