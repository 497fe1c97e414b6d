"""Which frame of a video belongs to which instant of another, by time and not by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2v.metrics.video_in import Footage

SAME = 0.02
"""Off by less than this share of a frame is on time."""


@dataclass(frozen=True)
class Matched:
    """Frames of a video at the instants k / fps."""

    frames: np.ndarray
    """(T, H, W, 3) uint8."""
    late: np.ndarray
    """How much later than asked each of them is shown (T,) [frames of the asked rate]."""
    notes: tuple[str, ...] = ()


def at_instants(footage: Footage, fps: float, count: int) -> Matched:
    """The frames nearest in time to ``count`` instants at ``fps``; fewer where the video ends earlier.

    A video of the same rate, or a whole multiple of it, is matched exactly. Otherwise some frames are up to half a
    frame off; nothing is blended, for blending makes ghosts.

    Raises:
        ValueError: The video covers fewer than two of the instants.
    """
    wanted = np.arange(count) / fps
    wanted = wanted[wanted <= footage.times[-1] + 0.5 / footage.fps]
    notes = []
    if len(wanted) < 2:
        raise ValueError(
            f"the video lasts {footage.times[-1]:.3g} s at {footage.fps:g} frames per second and covers {len(wanted)} "
            f"of the {count} instants it is compared at ({fps:g} per second), expected at least two."
        )
    right = np.searchsorted(footage.times, wanted).clip(1, len(footage.times) - 1)
    nearer = wanted - footage.times[right - 1] <= footage.times[right] - wanted
    picks = np.where(nearer, right - 1, right)
    late = (footage.times[picks] - wanted) * fps
    if np.abs(late).max() > SAME:
        notes.append(
            f"it has {footage.fps:g} frames per second and is compared at {fps:g}: frames are up to "
            f"{np.abs(late).max():.2f} of a frame off in time."
        )
    if len(wanted) < count:
        notes.append(f"it ends early: {len(wanted)} of {count} frames.")
    elif footage.frame_count - 1 - picks[-1] > footage.fps / fps:
        notes.append(f"it goes on after the {count} frames it is compared with; the rest is not judged.")
    frames = footage.frames if np.array_equal(picks, np.arange(footage.frame_count)) else footage.frames[picks]
    return Matched(frames, late, tuple(notes))
