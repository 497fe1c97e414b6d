"""All numbers of one clip against the simulation. Used for the video, for a correct clip, and for a still one alike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from i2v.metrics import adherence, flow, likeness, steadiness
from i2v.metrics.foreground import GUESS, Foreground, foreground
from i2v.metrics.sampling import evenly
from i2v.metrics.signals import Signals
from i2v.metrics.trajectory_error import centroid, trajectory_error

FRAMES = 12
"""Pictures are compared as pictures in at most so many frames."""


@dataclass
class Numbers:
    """Values by metric, and what the plots show."""

    values: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """Metric → why it has no value."""
    series: dict[str, np.ndarray] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict)
    plate: np.ndarray | None = None
    """The clip's background [levels] (H, W, 3), where the camera stands still."""
    gains: np.ndarray | None = None
    """And the brightness of each frame over that of frame 0, (T, 3)."""


@dataclass(frozen=True)
class Truth:
    """The simulation and its own foreground, segmented once."""

    signals: Signals
    ideal: Foreground | None
    """Of the composite; ``None`` where the camera moves."""


def truth_of(signals: Signals, count: int, threshold: float) -> Truth:
    """Prepare for clips of ``count`` frames, all segmented with one threshold [levels]."""
    if not signals.still_camera:
        return Truth(signals, None)
    return Truth(signals, foreground(signals.coarse[:count], signals, noise=0.0, threshold=threshold))


def measure(frames: np.ndarray, truth: Truth, threshold: float, *, flow_step: int = 1, still: bool = False) -> Numbers:
    """Every metric of ``i2v.metrics.limits`` that needs only pictures and the simulation.

    Args:
        frames: (T, H, W, 3) uint8.
        truth: The simulation.
        threshold: Of the segmentation [levels].
        flow_step: Motion is estimated in every so many pairs of frames.
        still: All frames are the same: nothing is estimated, the motion seen is 0.
    """
    out = Numbers()
    _motion(out, frames, truth.signals, flow_step, still)
    _masks(out, frames, truth, threshold)
    _pictures(out, frames, truth.signals)
    if not still:
        measure_steadiness(out, frames, truth.signals)
    return out


def _motion(out: Numbers, frames: np.ndarray, signals: Signals, step: int, still: bool) -> None:
    if still:
        seen = [np.linalg.norm(signals.flow[t][m], axis=-1).mean() for t, m in _surfaces(signals, len(frames))]
        out.values["flow-error"] = float(np.mean(seen)) if seen else np.nan
    elif flow.available():
        errors, picture = adherence.flow_errors(frames, signals, step=step)
        out.values["flow-error"] = mean(errors)
        out.series["flow-error"], out.pictures["flow-error"] = errors, picture
    else:
        out.values["flow-error"] = np.nan
        out.notes["flow-error"] = 'needs OpenCV: pip install "physim[vision]"'
    for name, errors in (
        ("warping-error", adherence.warping_errors(frames, signals)),
        ("correspondence", adherence.correspondence_errors(frames, signals)),
    ):
        out.values[name], out.series[name] = 1e3 * mean(errors), 1e3 * errors
    for name in ("flow-error", "warping-error", "correspondence"):
        if out.values[name] != out.values[name]:
            out.notes.setdefault(name, "no solid thing is seen")


def _surfaces(signals: Signals, count: int) -> list[tuple[int, np.ndarray]]:
    found = [(t, adherence.surfaces(signals, t)) for t in range(count - 1)]
    return [(t, m) for t, m in found if m.any()]


def _masks(out: Numbers, frames: np.ndarray, truth: Truth, threshold: float) -> None:
    names = ("mask-iou", "path-error", "chamfer", "missing", "area")
    if truth.ideal is None:
        for name in names:
            out.values[name], out.notes[name] = np.nan, "the camera moves; things are not told from the background"
        return
    found = foreground(frames, truth.signals, threshold=threshold)
    seen, out.plate, out.gains = found.masks, found.plate, found.gains
    ideal = truth.ideal.masks[: len(seen)]
    error = trajectory_error(ideal, seen)
    union = (ideal | seen).sum(axis=(1, 2))
    overlap = (ideal & seen).sum(axis=(1, 2))
    out.values["mask-iou"] = float(overlap.sum() / union.sum()) if union.sum() else np.nan
    out.values["path-error"], out.values["chamfer"] = 100 * mean(error.l2), 100 * error.chamfer
    out.values["missing"] = float(error.missing)
    areas = ideal.sum(axis=(1, 2)).astype(float), seen.sum(axis=(1, 2)).astype(float)
    there = areas[0] > 0.02 * areas[0].max(initial=0)
    ratio = areas[1][there] / areas[0][there]
    out.values["area"] = 100 * float(ratio.std()) if there.sum() > 1 else np.nan
    out.series |= {"mask-iou": error.iou, "path-error": 100 * error.l2, "area-seen": areas[1], "area-true": areas[0]}
    out.series |= {"track-seen": _track(seen), "track-true": _track(ideal)}
    if not union.sum():
        for name in names:
            out.values[name], out.notes[name] = np.nan, "nothing differs from the background by enough to be seen"


def _track(masks: np.ndarray) -> np.ndarray:
    """(T, 2) centroids [pixels], NaN where there is next to nothing."""
    return np.stack([centroid(m) if m.sum() >= 12 else np.full(2, np.nan) for m in masks])


def _pictures(out: Numbers, frames: np.ndarray, signals: Signals) -> None:
    gmsd, ssim = np.full(len(frames), np.nan), np.full(len(frames), np.nan)
    for t in evenly(len(frames), FRAMES):
        pair = likeness.luma(signals.coarse[t]), likeness.luma(_forgiven(frames[t], signals, t))
        gmsd[t], ssim[t] = 1e3 * likeness.gmsd(*pair), likeness.ms_ssim(*pair)
    out.values["gmsd"], out.values["ms-ssim"] = mean(gmsd), mean(ssim)
    out.series["gmsd"], out.series["ms-ssim"] = gmsd, ssim


def _forgiven(frame: np.ndarray, signals: Signals, t: int) -> np.ndarray:
    """The frame without what a painter may do by right, where the photo shows nothing."""
    guessed = signals.guessed[t][..., None]
    excess = frame.astype(np.float32) - signals.coarse[t]
    return frame - np.where(guessed, np.clip(excess, -GUESS, GUESS), np.float32(0))


def measure_steadiness(out: Numbers, frames: np.ndarray, signals: Signals) -> None:
    """What needs no truth but where nothing moves; adds to ``out``."""
    found = steadiness.backdrop(frames, signals)
    out.values["flicker"], out.values["background"] = mean(found.flicker), mean(found.difference)
    out.values["intruder"] = _high(found.block)
    out.values["drift"] = _high(found.drift)
    out.series |= {"flicker": found.flicker, "background": found.difference, "intruder": found.block}
    for name in ("flicker", "background", "intruder", "drift"):
        if out.values[name] != out.values[name]:
            out.notes[name] = "nothing stands still"
    for name, kept in (
        ("colour", steadiness.colour_kept(frames, signals)),
        ("identity", steadiness.identity_kept(frames, signals)),
    ):
        lows = [np.nanmin(v) for v in kept.values() if np.isfinite(v).any()]
        out.values[name] = float(min(lows)) if lows else np.nan
        if not lows:
            out.notes[name] = "no thing of the photo is large enough"
        for number, values in kept.items():
            out.series[f"{name}:{signals.names.get(number, number)}"] = values


def mean(values: np.ndarray) -> float:
    """Of what is not NaN; NaN of nothing."""
    good = values[np.isfinite(values)]
    return float(good.mean()) if good.size else float("nan")


def _high(values: np.ndarray) -> float:
    """Nearly the largest: the third largest of many, so that one odd frame is not the verdict."""
    good = np.sort(values[np.isfinite(values)])
    return float(good[-1 - min(2, len(good) // 10)]) if good.size else float("nan")
