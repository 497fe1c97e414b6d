"""The inverse use, from a video: which physical parameters make a shot move as a clip shows it.

The clip begins with the shot's photo: a film of the experiment, or a video of the same scene. Its things are followed
from their outlines in the first frame (:mod:`i2v.metrics.pixel_track`), and :func:`physim.fit` looks for the values
with which they are simulated there. What a tracker finds is the middle of what it takes for the thing, which is not
where the centre of mass is projected; by how much differs from frame to frame. The same tracker in the scene, rendered
with the values found so far, tells it. So it is fitted twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import physim
from i2v.metrics.pixel_track import Track, track_object
from i2v.metrics.video_in import Footage, as_footage
from i2v.run import Run
from physim.progress import Progress, untold
from physim.shot import Shot
from physim.shot_file import load, save

if TYPE_CHECKING:
    from physim import Fit, Sighting

FINEST = 0.03
"""A track is not trusted beyond this, however smooth it is [pixels of the clip]."""
LEAST_PIXELS = 12
"""Of a thing in the first frame; less is not followed."""
SHAPE = 0.02
"""What the aspect of clip and photo may differ by, relative."""


def fit(
    shot: Shot | str | os.PathLike,
    video: Any,
    *ranges: str,
    things: Sequence[str] | None = None,
    fps: float | None = None,
    starts: int = 24,
    seed: int = 0,
    progress: Progress | None = None,
    on_run: Callable[[int, float], None] | None = None,
) -> Fit:
    """Find the values of some fields of a shot with which it moves as a clip shows it.

    Args:
        shot: A shot, or the path of a shot file; its photo is the clip's first frame.
        video: A video file, a :class:`i2v.Clip`, or frames (T, H, W, 3); the camera stands still.
        ranges: Fields and where their values lie: ``"things.ball.rigid.restitution=0.2:0.95"``, units as in sweeps.
        things: Those that are followed; default: each body that moves in the shot and is seen in the first frame.
        fps: Of frames without a rate. Times of the clip are divided by the shot's ``output.slow_motion``.
        starts: Runs that look for the neighbourhood.
        seed: Of the starts.
        progress: Called with the stage and the fraction of it that is done, those of :func:`physim.fit` and then once
            more with 'again: ' before them; see :mod:`physim.progress`.
        on_run: Called after each run with (runs so far, least rms residual [standard deviations]).

    Raises:
        ValueError: A thing that is not seen or does not move, a clip of another shape than the photo; and as
            :func:`physim.fit`.
        i2v.metrics.video_in.VideoReadError: No video.
    """
    base = shot if isinstance(shot, Shot) else load(Path(shot))
    clip = _Followed(base, as_footage(video, fps=fps), things)
    tell, happen = progress or untold, on_run or (lambda runs, rms: None)
    rough = physim.fit(base, clip.sightings(base), *ranges, starts=starts, seed=seed, progress=tell, on_run=happen)
    again = clip.sightings(rough.shot, thorough=True)
    fine = physim.fit(
        base, again, *ranges, near=rough.values, progress=lambda stage, done: tell(f"again: {stage}", done),
        on_run=lambda runs, rms: happen(rough.runs + runs, rms),
    )  # fmt: skip
    return replace(fine, runs=rough.runs + fine.runs)


def save_fitted(found: Fit, path: str | os.PathLike) -> Path:
    """Write the shot with the values found, and on top of it how well they are known."""
    return save(found.shot, path, note=f"Fitted to a clip.\n{found}")


class _Followed:
    """The things of a shot, followed through a clip."""

    def __init__(self, shot: Shot, footage: Footage, things: Sequence[str] | None) -> None:
        life = footage.times / shot.output.slow_motion
        kept = life <= shot.seconds + 0.5 / shot.fps
        self.times, self.size = life[kept], footage.size
        frames = footage.frames[kept]
        rate = (len(frames) - 1) / max(float(np.ptp(self.times)), 1e-9)
        self.outlines = self._outlines(shot, footage)
        chosen = list(self.outlines) if things is None else list(things)
        if not chosen or not set(chosen) <= set(self.outlines):
            known = ", ".join(self.outlines) or "none"
            raise ValueError(
                f"cannot follow {', '.join(chosen) or 'anything'}. Bodies that move in the shot and are seen in the "
                f"first frame: {known}."
            )
        self.tracks = {name: track_object(frames, self.outlines[name], fps=rate) for name in chosen}

    def _outlines(self, shot: Shot, footage: Footage) -> dict[str, np.ndarray]:
        """Name of each body that moves → its mask (H, W) in the first frame."""
        run = _simulated(shot)
        photo, (rows, cols) = run.scene.backdrop.photo.shape[:2], footage.source_size
        if abs(rows / cols * photo[1] / photo[0] - 1) > SHAPE:
            raise ValueError(
                f"the clip has {cols} x {rows} pixels, the photo {photo[1]} x {photo[0]}: expected the same shape, for "
                "the clip begins with the photo."
            )
        moving = [name for name, body in run.trajectory.bodies.items() if np.ptp(body.position, axis=0).max() > 0]
        still = physim.simulate(run.scene, seconds=1 / shot.fps, fps=shot.fps)
        ids = physim.render(still, size=self.size).ids[0]
        masks = {name: ids == run.scene.number_of(name) for name in moving}
        return {name: mask for name, mask in masks.items() if mask.sum() >= LEAST_PIXELS}

    def sightings(self, shot: Shot, *, thorough: bool = False) -> list[Sighting]:
        """Where the centres of mass are projected in the clip.

        Args:
            shot: One whose places of the first frame, or all of whose places, are nearly right.
            thorough: Whether it is drawn and followed as the clip is, and not only its first frame.
        """
        run = _simulated(shot)
        drawn = physim.render(run.trajectory, size=self.size).coarse if thorough else None
        scale = run.scene.backdrop.photo.shape[1] / self.size[1]
        found = []
        for name, track in self.tracks.items():
            mask = self.outlines[name]
            middle = _middle(mask)[None] if drawn is None else track_object(drawn, mask, fps=shot.fps).whole
            at = np.arange(len(middle)) / shot.fps
            aside = _projected(run, name, at) - scale * middle
            seen = np.isfinite(aside[:, 0])
            more = np.stack([np.interp(self.times, at[seen], aside[seen, k]) for k in (0, 1)], axis=1)
            found.append(physim.Sighting(name, self.times, scale * track.whole + more, sigma=scale * noise(track)))
        return found


def _simulated(shot: Shot) -> Run:
    run = Run(shot, None)
    run.simulate()
    return run


def _projected(run: Run, name: str, times: np.ndarray) -> np.ndarray:
    """Where a body's centre of mass is in the picture at some times (N, 2) [pixels of the photo]."""
    camera, body = run.scene.camera, run.trajectory.bodies[name]
    return np.array([camera.at(time).project(body.at(time)[0])[0] for time in times])


def _middle(mask: np.ndarray) -> np.ndarray:
    """Centroid (u, v) [pixels]."""
    v, u = np.nonzero(mask)
    return np.array([u.mean() + 0.5, v.mean() + 0.5])


def noise(track: Track) -> float:
    """Standard deviation of a track's places [pixels], from third differences, in which smooth motion vanishes.

    White noise of deviation s has third differences of s sqrt(20); their median leaves out what impacts add.
    """
    off = np.diff(track.whole, n=3, axis=0)
    off = off[np.isfinite(off)]
    return max(FINEST, float(1.4826 * np.median(np.abs(off)) / np.sqrt(20)) if len(off) else 0.5)
