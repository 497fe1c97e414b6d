"""One video, one report: against its simulation, a film of the same event, both, or nothing but itself."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from i2v.metrics import physics_iq
from i2v.metrics.foreground import noise_of, threshold_for
from i2v.metrics.laws import laws
from i2v.metrics.limits import RULES, metric
from i2v.metrics.measure import Numbers, measure, measure_steadiness, truth_of
from i2v.metrics.report import Metric, Report, check_plots
from i2v.metrics.signals import Signals
from i2v.metrics.timing import at_instants
from i2v.metrics.video_in import Footage, as_footage, read_video

if TYPE_CHECKING:
    from physim.conditions import Conditions
    from physim.shot import Shot

NOISE = (1.0, 6.0)
"""The floor is measured with the video's own noise, but with at least and at most this much [levels]."""
CRF = 28
"""And after encoding at this quality, the worst that still passes for a good video."""
STILL_METRICS = ("flicker", "background", "intruder", "drift")
"""What can be told of a video without any truth."""


def judge(
    video: Any,
    *,
    conditions: Conditions | str | os.PathLike | None = None,
    reference: Any = None,
    second_take: Any = None,
    shot: Shot | str | os.PathLike | None = None,
    fps: float | None = None,
    plots: str | os.PathLike | None = None,
    seed: int = 0,
) -> Report:
    """Judge a video.

    Args:
        video: A file, a :class:`i2v.Clip`, or frames (T, H, W, 3), uint8 or float sRGB in [0, 1].
        conditions: What was simulated, :class:`physim.Conditions` or a file of them: is this the motion in the video?
        reference: A film of the same event, as ``video``. Its camera should stand still.
        second_take: A second film of it, for the scale of Physics-IQ; default: the first with noise, encoded again.
        shot: A shot (file) to simulate instead of ``conditions``.
        fps: Of frames given as an array; default: that of the conditions, else 24.
        plots: Write the plots to this file, ``.png`` or ``.html``.
        seed: Of the noise in the floor.

    Returns:
        Every metric with its meaning, floor, the value of a copy of frame 0, limit and verdict.

    Raises:
        ValueError: What was given is no video or no conditions, damaged, or too short to tell anything.
    """
    if plots is not None:
        check_plots(plots, video)
    if second_take is not None and reference is None:
        raise ValueError("a second take is given without a reference, expected both: it is a second film of the event.")
    if shot is not None and conditions is not None:
        raise ValueError("conditions and a shot are given, expected one of them: a shot is simulated to conditions.")
    if shot is not None:
        from i2v.animate import conditions_of

        conditions = conditions_of(shot)
    signals = None if conditions is None else Signals.of(conditions)
    rate = fps if fps is not None or signals is None else signals.fps
    footage = as_footage(video, fps=rate, size=None if signals is None else signals.size)
    rows: list[Metric] = []
    shown: list[Numbers] = []
    notes = list(footage.notes)
    if signals is not None:
        notes += _shape_note(footage, signals.size)
        _against(signals, footage, seed, rows, notes, shown, physics=True, scores=reference is None)
    if reference is not None:
        notes += _film(reference, second_take, footage, seed, rows, shown, alone=signals is None)
    if signals is None and reference is None:
        _alone(footage, seed, rows, shown)
    against = tuple(n for n, given in (("conditions", signals), ("reference", reference)) if given is not None)
    report = Report(
        video=os.fspath(video) if isinstance(video, str | os.PathLike) else type(video).__name__,
        size=footage.size,
        frame_count=footage.frame_count,
        fps=footage.fps,
        against=against,
        metrics=tuple(rows),
        notes=tuple(dict.fromkeys(notes)),
        series=shown[0].series,
        pictures=shown[0].pictures,
    )
    if plots is not None:
        report.save_plots(Path(plots))
    return report


@dataclass(frozen=True)
class _Three:
    """The same numbers of the video, of a correct clip, and of a copy of frame 0."""

    video: Numbers
    floor: Numbers
    still: Numbers


def _against(
    signals: Signals,
    footage: Footage,
    seed: int,
    rows: list[Metric],
    notes: list[str],
    shown: list[Numbers],
    *,
    physics: bool,
    scores: bool,
) -> None:
    """Rows of everything that a simulation, or what stands for it, allows."""
    matched = at_instants(footage, signals.fps, signals.frame_count)
    notes += matched.notes
    frames, count = matched.frames, len(matched.frames)
    noise = noise_of(frames, signals)
    if noise > NOISE[1]:
        notes.append(f"its noise is {noise:.1f} levels; limits allow for {NOISE[1]:g}.")
    correct = perturbed(signals.coarse[:count], float(np.clip(noise, *NOISE)), signals.fps, seed=seed)
    threshold = threshold_for(max(noise, noise_of(correct, signals)))
    truth = truth_of(signals, count, threshold)
    copies = np.broadcast_to(frames[:1], frames.shape)
    three = _Three(
        measure(frames, truth, threshold),
        measure(correct, truth, threshold, flow_step=2),
        measure(copies, truth, threshold, still=True),
    )
    rows += _rows(three)
    if physics and truth.ideal is not None:
        found, heights = laws(frames, correct, signals, (three.video, three.floor))
        rows += found
        three.video.series |= heights
    if scores:
        rows += _scores(signals.coarse[:count], frames, correct, copies)
    if count < signals.frame_count:
        rows.append(metric("too-short", float(signals.frame_count - count), 0.0, None))
    three.video.pictures |= {"first": frames[0], "middle": frames[count // 2], "last": frames[-1]}
    three.video.pictures |= {f"{k}-true": signals.coarse[t] for k, t in (("middle", count // 2), ("last", count - 1))}
    shown.append(three.video)


def _rows(three: _Three) -> list[Metric]:
    rows = []
    for name in RULES:
        if name in three.video.values:
            floor, still = three.floor.values[name], three.still.values.get(name)
            rows.append(metric(name, three.video.values[name], floor, still, three.video.notes.get(name, "")))
    return rows


def _scores(film: np.ndarray, frames: np.ndarray, second: np.ndarray, copies: np.ndarray) -> list[Metric]:
    """Physics-IQ with its parts; floor: the second take as a video."""
    size = physics_iq.scoring_size(film)
    first = physics_iq.prepared(film, size)
    found = [physics_iq.compared(first, physics_iq.prepared(clip, size)) for clip in (frames, second, copies)]
    takes = found[1]
    marks = [physics_iq.physics_iq([c], [takes]) for c in found]
    rows = []
    for variant in ("original", "verified"):
        value, floor, still = (getattr(m, variant) for m in marks)
        exact = getattr(marks[0], f"{variant}_unrounded")
        rows.append(metric(f"iq-{variant}", value, floor, still, f"unrounded {exact:.4f}"))
    for name, part, unit in (
        ("iq-spatiotemporal", "spatiotemporal_iou", 1),
        ("iq-spatial", "spatial_iou", 1),
        ("iq-weighted", "weighted_spatial_iou", 1),
        ("iq-mse", "mse", 1e3),
    ):
        value, floor, still = (unit * float(np.mean(getattr(c, part))) for c in found)
        rows.append(metric(name, value, floor, still))
    return rows


def _film(
    reference: Any,
    second_take: Any,
    footage: Footage,
    seed: int,
    rows: list[Metric],
    shown: list[Numbers],
    *,
    alone: bool,
) -> list[str]:
    """Rows against a film; alone, it also stands for the simulation."""
    film = as_footage(reference, fps=footage.fps, size=footage.size)
    notes = [f"reference: {note}" for note in film.notes]
    matched = at_instants(footage, film.fps, film.frame_count)
    count = len(matched.frames)
    if second_take is None:
        second = perturbed(film.frames[:count], 2.0, film.fps, seed=seed)
        notes.append("Physics-IQ takes the reference with noise, encoded again, for its second take; none was given.")
    else:
        take = as_footage(second_take, fps=film.fps, size=footage.size)
        second = at_instants(take, film.fps, count).frames
    copies = np.broadcast_to(matched.frames[:1], matched.frames.shape)
    if alone:
        signals = Signals.from_film(film.frames, film.fps)
        _against(signals, footage, seed, rows, notes, shown, physics=False, scores=False)
    rows += _scores(film.frames[: len(second)], matched.frames, second, copies)
    return notes


def _alone(footage: Footage, seed: int, rows: list[Metric], shown: list[Numbers]) -> None:
    """Steadiness of whatever stands still in the video itself; its floor is that of frame 0 repeated."""
    repeated = np.broadcast_to(footage.frames[:1], footage.frames.shape)
    signals = replace(Signals.from_film(footage.frames, footage.fps, motion=False), coarse=repeated)
    noise = float(np.clip(noise_of(footage.frames, signals), *NOISE))
    correct = perturbed(repeated, noise, footage.fps, seed=seed)
    found = [Numbers(), Numbers()]
    for numbers, frames in zip(found, (footage.frames, correct), strict=True):
        measure_steadiness(numbers, frames, signals)
    for name in STILL_METRICS:
        rows.append(metric(name, found[0].values[name], found[1].values[name], None, found[0].notes.get(name, "")))
    count = footage.frame_count
    found[0].pictures = {
        "first": footage.frames[0], "middle": footage.frames[count // 2], "last": footage.frames[-1]
    }  # fmt: skip
    shown.append(found[0])


def perturbed(frames: np.ndarray, noise: float, fps: float, *, seed: int = 0, crf: int = CRF) -> np.ndarray:
    """The same clip as another camera and encoder would have it: encoded and decoded, with Gaussian noise.

    Args:
        frames: (T, H, W, 3) uint8.
        noise: Standard deviation [levels].
        fps: Frames per second.
        seed: Of the noise.
        crf: Quality of x264.
    """
    from i2v.media.video import VideoWriter

    rows, cols = frames.shape[1:3]
    pad = ((0, rows % 2), (0, cols % 2), (0, 0))
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, (rows + rows % 2, cols + cols % 2), min(fps, 1000.0), crf=crf) as writer:
            for frame in frames:
                writer.write(np.pad(frame, pad, mode="edge"))
        decoded = read_video(path, longest=max(rows, cols) + 2, max_bytes=2 * frames.nbytes + 2**20).frames
    out = np.empty(frames.shape, np.uint8)
    for t in range(len(frames)):
        grain = rng.standard_normal((rows, cols, 3), np.float32) * np.float32(noise)
        out[t] = np.clip(np.rint(decoded[t, :rows, :cols] + grain), 0, 255).astype(np.uint8)
    return out


def _shape_note(footage: Footage, size: tuple[int, int]) -> list[str]:
    stored = footage.source_size
    if abs(stored[1] / stored[0] / (size[1] / size[0]) - 1) > 0.02:
        return [
            f"the video is {stored[1]} x {stored[0]}, of another shape than the conditions' {size[1]} x {size[0]}: it "
            "is stretched to it."
        ]
    return []
