"""Gravity and restitution of thrown things, in the video against the simulation, both read from their pixels.

A thing in flight keeps its horizontal velocity whatever gravity is. So where it is sideways is known from the
simulation, and the ray through the thing's centroid meets the vertical there at its height [m]: exact for a pinhole
camera that does not look straight down. The same fit then reads both clips (``i2v.metrics.pixel_physics``).
"""

from __future__ import annotations

import itertools

import numpy as np

from i2v.metrics.limits import metric
from i2v.metrics.measure import Numbers
from i2v.metrics.pixel_physics import gravity, restitution
from i2v.metrics.pixel_track import track_object
from i2v.metrics.report import Metric
from i2v.metrics.signals import Signals

LEAST = 8
"""Frames of flight from which gravity is told."""
MOST_THINGS = 3
"""So many things, the largest, are followed."""
FREE = (8.0, 11.0)
"""A simulated thing that accelerates by this much falls freely [m/s^2]; cloth and leaves do not."""
CLOSE = 0.01
"""And it does so on a parabola, to this part of its way."""
GLITCH = 1.2
"""A tracked place this far off the flight is a glitch [pixels]."""
ASTRAY, ASTRAY_FRAMES = 0.5, 3
"""Where the tracker is farther off than this, in radii of the thing, for so many frames, it follows something else."""
STEADY = 0.005
"""Changes of brightness below this are left to the tracker's noise."""
STEEP = 0.94
"""A camera that looks more steeply down than this (sine) does not see heights."""


def laws(
    frames: np.ndarray, correct: np.ndarray, signals: Signals, clips: tuple[Numbers, Numbers]
) -> tuple[list[Metric], dict[str, np.ndarray]]:
    """Rows ``gravity:NAME`` and ``restitution:NAME`` of every thing that falls freely in the simulation.

    Args:
        frames: The video (T, H, W, 3) uint8.
        correct: The clip that the floor is measured on.
        signals: The simulation, of a still camera.
        clips: What was measured of both: their backgrounds and brightness.

    Returns:
        The rows, and heights per frame [m] for the plot: ``height-true:NAME``, ``height-seen:NAME``, ``times``.
    """
    rows: list[Metric] = []
    series: dict[str, np.ndarray] = {}
    if not signals.still_camera or abs(signals.world_from_camera[0, 1, 2]) > STEEP:
        return rows, series
    count = len(frames)
    sizes = {n: int((signals.ids[:count] == n).sum()) for n in signals.distance}
    for number in sorted(sizes, key=lambda n: -sizes[n])[:MOST_THINGS]:
        flight = _Flight(signals, number, count)
        if not flight.free:
            continue
        name = signals.names.get(number, str(number))
        heights = [flight.followed(clip, n) for clip, n in zip((frames, correct), clips, strict=True)]
        told = flight.told(heights[1])
        if not flight.told_of(told):
            continue
        heights = [np.where(told, h, np.nan) for h in heights]
        rows += flight.rows(name, heights)
        series |= {"times": flight.times, f"height-true:{name}": flight.true, f"height-seen:{name}": heights[0]}
    return rows, series


class _Flight:
    """One thing of the simulation, and its height in any clip."""

    def __init__(self, signals: Signals, number: int, count: int) -> None:
        self.signals, self.number = signals, number
        self.times = np.arange(count) / signals.fps
        self.places = np.full((count, 2), np.nan)
        for t in range(count):
            mask = signals.ids[t] == number
            if mask.sum() >= 12 and not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()):
                v, u = np.nonzero(mask)
                self.places[t] = u.mean() + 0.5, v.mean() + 0.5
        seen = np.isfinite(self.places[:, 0])
        self.first = int(np.flatnonzero(seen)[0]) if seen.any() else 0
        area = np.array([(signals.ids[t] == number).sum() for t in range(count)])
        distance = signals.distance[number][:count]
        self.radius = np.sqrt(area / np.pi) * distance / signals.intrinsics[0, 0, 0]
        """(T,) of a ball as large [m]."""
        self.points = self._world(self.places, distance)
        self.true = self.points[:, 1].copy()
        self.gravity = self._gravity(self.true)
        bounces = restitution(self.times, self.true) if self.free else []
        self.bounce = bounces[0].value if bounces else None

    @property
    def free(self) -> bool:
        """It falls freely for long enough to tell."""
        if self.gravity is None or not FREE[0] < self.gravity.value < FREE[1]:
            return False
        first, last = self.gravity.frames
        return last - first + 1 >= LEAST and self.gravity.rms < CLOSE * np.ptp(self.true[first : last + 1])

    def followed(self, frames: np.ndarray, clip: Numbers) -> np.ndarray:
        """(T,) height of the thing in a clip [m], NaN where it is not found."""
        heights = np.full(len(frames), np.nan)
        mask = self.signals.ids[self.first] == self.number
        assert clip.plate is not None and clip.gains is not None
        track = track_object(
            frames[self.first :],
            mask,
            fps=self.signals.fps,
            background=(clip.plate / 255).astype(np.float32),
            normalise=bool(np.abs(clip.gains - 1).max() > STEADY),
        )
        heights[self.first :] = self._heights(track.whole, self.first)
        return self._without_glitches(heights)

    def told(self, heights: np.ndarray) -> np.ndarray:
        """(T,) bool: frames until the tracker loses the thing in the correct clip, whose heights (T,) these are [m].

        It may take up with a shadow that the thing meets where it lands: what comes then says nothing of any clip.
        """
        off = np.abs(heights - self.true) > ASTRAY * self.radius
        lost = np.flatnonzero(np.convolve(off, np.ones(ASTRAY_FRAMES), "valid") >= ASTRAY_FRAMES)
        return np.arange(len(off)) < (lost[0] if len(lost) else len(off))

    def told_of(self, told: np.ndarray) -> bool:
        """Whether enough frames of the flight are told."""
        assert self.gravity is not None
        first, last = self.gravity.frames
        return bool(told[first : last + 1].sum() >= LEAST)

    def _without_glitches(self, heights: np.ndarray) -> np.ndarray:
        """Without frames in which the tracker was off for a moment: off the parabola that most of the flight lies on.

        Only frames with others on that parabola before and after them: what leaves it for good has bounced.
        """
        assert self.gravity is not None
        first, last = self.gravity.frames
        window = np.arange(first, last + 1)[np.isfinite(heights[first : last + 1])]
        if len(window) < LEAST:
            return heights
        t, h = self.times[window], heights[window]
        reach = GLITCH * float(np.nanmedian(self.signals.distance[self.number])) / self.signals.intrinsics[0, 0, 0]
        best = np.zeros(len(window), bool)
        for three in itertools.combinations(range(0, len(window), max(1, len(window) // 12)), 3):
            curve = np.polyfit(t[list(three)] - t[0], h[list(three)], 2)
            near = np.abs(np.polyval(curve, t - t[0]) - h) < reach
            best = near if near.sum() > best.sum() else best
        inside = np.flatnonzero(best)
        glitch = window[[k for k in np.flatnonzero(~best) if inside[0] < k < inside[-1]]]
        cleaned = heights.copy()
        cleaned[glitch] = np.nan
        return cleaned

    def rows(self, name: str, heights: list[np.ndarray]) -> list[Metric]:
        """Of the video and of the correct clip."""
        assert self.gravity is not None
        found = [self._gravity(h) for h in heights]
        off = [100 * abs(g.value / self.gravity.value - 1) if g is not None else 100.0 for g in found]
        seen = f"{found[0].value:.2f} m/s^2 seen" if found[0] is not None else "no flight is seen"
        words = f"{seen}, {self.gravity.value:.2f} simulated"
        rows = [metric(f"gravity:{name}", off[0], off[1], 100.0, words)]
        bounces = [restitution(self.times, h) for h in heights]
        if self.bounce is not None and bounces[1]:
            miss = [abs(b[0].value - self.bounce) if b else 1.0 for b in bounces]
            seen = f"{bounces[0][0].value:.3f} seen" if bounces[0] else "no bounce is seen"
            rows.append(metric(f"restitution:{name}", miss[0], miss[1], 1.0, f"{seen}, {self.bounce:.3f} simulated"))
        return rows

    def _gravity(self, heights: np.ndarray):  # type: ignore[no-untyped-def]
        try:
            return gravity(self.times, heights[:, None], down=(-1.0,))
        except ValueError:
            return None

    def _world(self, places: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """(T, 3) centres of the thing [m], a round one: its front's median lies ``r / sqrt(2)`` before its centre."""
        pose, rays = self.signals.world_from_camera[0], self._rays(places)
        return (rays * (distance + self.radius / np.sqrt(2))[:, None]) @ pose[:3, :3].T + pose[:3, 3]

    def _heights(self, places: np.ndarray, start: int) -> np.ndarray:
        """Where the rays of the pixels come nearest to the verticals on which the thing is simulated to be."""
        pose = self.signals.world_from_camera[0]
        rays = self._rays(places) @ pose[:3, :3].T
        aside = self._sideways()[start : start + len(places)] - pose[[0, 2], 3]
        reach = (rays[:, [0, 2]] * aside).sum(axis=1) / np.maximum((rays[:, [0, 2]] ** 2).sum(axis=1), 1e-12)
        return pose[1, 3] + reach * rays[:, 1]

    def _sideways(self) -> np.ndarray:
        """(T, 2) x and z of the thing [m]; where it is not whole in the picture, the nearest known."""
        known = np.flatnonzero(np.isfinite(self.points[:, 0]))
        return np.stack([np.interp(np.arange(len(self.points)), known, self.points[known, k]) for k in (0, 2)], axis=-1)

    def _rays(self, places: np.ndarray) -> np.ndarray:
        k = self.signals.intrinsics[0]
        return np.stack(
            [(places[:, 0] - k[0, 2]) / k[0, 0], (places[:, 1] - k[1, 2]) / k[1, 1], np.ones(len(places))], axis=-1
        )
