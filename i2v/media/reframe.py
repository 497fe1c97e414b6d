"""A narrower frame within the picture that follows its subject: 9:16 or 1:1 of a wide photo, without resizing."""

from __future__ import annotations

import numpy as np

SMOOTHING = 0.4
"""Standard deviation over time of the frame's path: a hand that pans, not a subject that trembles [s]."""
STILL = 0.02
"""The frame does not move at all for a subject that stays within this part of the picture."""


def frame_path(
    subject: np.ndarray, whole: tuple[int, int], size: tuple[int, int], fps: float, *, exact: bool = False
) -> np.ndarray:
    """Upper left corner (T, 2) of the frame in the whole picture [pixels], (left, top).

    Args:
        subject: (T, 2) parts of width and height, see :func:`physim.subject.subject_path`.
        whole: (height, width) of the picture.
        size: (height, width) of the frame.
        fps: Frames per second.
        exact: Corners on whole pixels.

    Raises:
        ValueError: The frame is larger than the picture.
    """
    from scipy.ndimage import gaussian_filter1d

    if size[0] > whole[0] or size[1] > whole[1]:
        raise ValueError(f"the frame is {size[1]} x {size[0]}, expected at most {whole[1]} x {whole[0]}, the picture.")
    if np.ptp(subject, axis=0).max() < STILL:
        subject = np.broadcast_to(subject.mean(axis=0), subject.shape)
    path = gaussian_filter1d(np.asarray(subject, dtype=np.float64), SMOOTHING * fps, axis=0, mode="nearest")
    corner = path * np.array(whole[::-1]) - np.array(size[::-1]) / 2
    corner = np.clip(corner, 0, np.array(whole[::-1]) - np.array(size[::-1]))
    if exact or np.ptp(corner, axis=0).max() < 1e-9:
        return np.rint(corner)
    return corner


def framed(picture: np.ndarray, corner: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The part of ``picture`` (H, W, C) at ``corner`` (left, top), which may lie between pixels; a copy.

    Between pixels it is interpolated by cubics (Catmull, Rom 1974), which keep straight lines and constants.
    """
    out = np.asarray(picture)
    for axis, (at, length) in enumerate(((corner[1], size[0]), (corner[0], size[1]))):
        out = _shifted(out, float(at), length, axis)
    return out.copy() if out.base is not None else out


def _shifted(values: np.ndarray, at: float, length: int, axis: int) -> np.ndarray:
    first = int(np.floor(at + 1e-6))
    t = at - first
    if t < 1e-3:
        return np.take(values, np.arange(first, first + length), axis=axis)
    weights = (
        (-t + 2 * t**2 - t**3) / 2, (2 - 5 * t**2 + 3 * t**3) / 2, (t + 4 * t**2 - 3 * t**3) / 2, (t**3 - t**2) / 2
    )  # fmt: skip
    index = np.arange(first, first + length)
    total = None
    for k, weight in enumerate(weights):
        part = np.take(values, np.clip(index + k - 1, 0, values.shape[axis] - 1), axis=axis)
        part *= np.float32(weight)
        total = part if total is None else total + part
    assert total is not None
    return total
