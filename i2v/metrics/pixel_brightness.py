"""A video's brightness, frame by frame, brought to that of its first frame.

Exposure control, a flickering lamp or a video model that breathes change the whole picture at once; whoever looks for
what moves would find it everywhere. What stands still tells gain and offset of each frame and channel.
"""

from __future__ import annotations

import numpy as np


def brightness(video: np.ndarray, ignore: np.ndarray | None = None) -> np.ndarray:
    """Gain and offset (T, 2, C) that bring each frame to the first: ``frame * gain + offset``.

    The line that gives the pixels that do not move the spread they have in the first frame.

    Args:
        video: (T, H, W, C), float or uint8.
        ignore: (H, W) bool, pixels to leave out, such as those of a thing that moves away.
    """
    step = max(1, int(np.sqrt(video.shape[1] * video.shape[2] / 20000)))
    kept = np.ones(video.shape[1:3], bool) if ignore is None else ~np.asarray(ignore, bool)
    kept = kept[::step, ::step]
    first = unit_frame(video[0, ::step, ::step])[kept]
    levels = np.zeros((len(video), 2, video.shape[3]), np.float32)
    levels[:, 0] = 1.0
    for t in range(1, len(video)):
        now = unit_frame(video[t, ::step, ::step])[kept]
        for c in range(video.shape[3]):
            levels[t, :, c] = _line(now[:, c], first[:, c])
    return levels


def normalised(video: np.ndarray, ignore: np.ndarray | None = None) -> np.ndarray:
    """The video (T, H, W, C) float32 with each frame's brightness brought to that of the first; see `brightness`."""
    levels = brightness(video, ignore)
    return np.stack([levelled_frame(video, t, levels) for t in range(len(video))])


def _line(now: np.ndarray, first: np.ndarray) -> tuple[float, float]:
    """Gain and offset of the pixels that did not move, from their spread; those that fit worst are left out.

    Least squares would be pulled to gain 0 by noise, and to gain 1 by keeping what fits gain 1.
    """
    (a0, a1), (b0, b1) = (np.percentile(x, [10, 90]) for x in (now, first))
    if a1 - a0 < 0.02:  # a flat picture tells of the offset alone
        return 1.0, float(np.median(first) - np.median(now))
    gain = float(np.clip((b1 - b0) / (a1 - a0), 0.5, 2.0))
    offset = float(b0 + b1 - gain * (a0 + a1)) / 2
    for _ in range(2):
        error = np.abs(gain * now + offset - first)
        good = error <= 4 * max(float(np.median(error)), 1e-6)
        x, y = now[good], first[good]
        if x.std() < 1e-3:
            break
        gain = float(np.clip(y.std() / x.std(), 0.5, 2.0))
        offset = float(y.mean() - gain * x.mean())
    return gain, offset


def unit_frame(frame: np.ndarray) -> np.ndarray:
    """A frame of uint8 or float as float32 in [0, 1]."""
    return np.float32(1 / 255) * frame if frame.dtype == np.uint8 else np.asarray(frame, dtype=np.float32)


def levelled_frame(video: np.ndarray, t: int, levels: np.ndarray | None) -> np.ndarray:
    """Frame t (H, W, C) float32 in [0, 1], at the first one's brightness."""
    frame = unit_frame(video[t])
    return frame if levels is None else frame * levels[t, 0] + levels[t, 1]
