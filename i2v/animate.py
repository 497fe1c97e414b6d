"""The composition root: shot file in, video out. The functions that people call; the stages are in :mod:`i2v.run`.

These two files are the one place where the physical and the neural half meet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import physim
from i2v.clip import Clip
from i2v.depth import DEPTH_MODELS
from i2v.media.output import check_target
from i2v.media.presets import SEQUENCES
from i2v.metrics.report import check_plots
from i2v.models.registry import NONE, check
from i2v.places import anywhere
from i2v.provenance import Provenance
from i2v.run import Run, RunSummary, depth_backend, model_size, sidecar_of, versions
from i2v.segments import SUFFIX, threads_of
from physim.brush import brushed, read_strokes
from physim.conditions import Conditions
from physim.depth_result import GEOMETRIC, DepthBackend
from physim.photo import locate, picture_size
from physim.progress import Progress
from physim.prompt import read_prompt
from physim.shot import OutputSpec, Shot
from physim.shot_check import output_size
from physim.shot_file import load, validate
from physim.shot_path import revised
from physim.sweep_job import contents_of, key_of

__all__ = [
    "DepthChoice",
    "Progress",
    "RunSummary",
    "animate",
    "brushed",
    "conditions_of",
    "depth_backend",
    "depth_changes",
    "model_size",
    "preview",
    "preview_page",
    "read_prompt",
    "read_strokes",
    "revised",
    "sidecar_of",
    "versions",
]
"""Also what the command line needs of physim, which it sees only through here."""

DepthChoice = DepthBackend | str | os.PathLike | None
"""'geometric', a depth network by name, a depth file, or a callable; ``None``: what the shot says."""


@anywhere
def animate(
    shot: Shot | str | os.PathLike,
    output: str | os.PathLike | None = None,
    *,
    model: str | None = None,
    seed: int | None = None,
    seconds: float | None = None,
    depth: DepthChoice = None,
    depth_weights: str | os.PathLike | None = None,
    depth_kind: str | None = None,
    audio: bool | None = None,
    preset: str | None = None,
    progress: Progress | None = None,
    report: str | os.PathLike | None = None,
    judge: str | os.PathLike | None = None,
    segments: int | None = None,
    workers: int | None = None,
    executor: Any = None,
    store: str | os.PathLike | None = None,
) -> RunSummary | Clip:
    """Make the video of a shot.

    Args:
        shot: A shot, or the path or URL of a shot file.
        output: The video, ``.mp4``, or its URL. The resolved shot is written beside it and into it. ``None``: nothing
            is written, and the frames of the returned clip are made when they are asked for.
        model: Instead of the shot's ``generate.model``; 'none' is the plain composite.
        seed: Instead of the shot's.
        seconds: Instead of the shot's.
        depth: Where the distance of every pixel comes from, instead of what the shot says: 'geometric',
            'depth-anything' or 'moge' (with ``depth_weights``), a depth file, or a callable, as of
            :func:`physim.reconstruct`.
        depth_weights: Weights of the depth network, a file; nothing is downloaded.
        depth_kind: What a depth file holds, see ``physim.depth_file``; default: what it says, else metric.
        audio: Whether the video has sound, instead of what the shot says.
        preset: Instead of the shot's ``output.preset``.
        progress: Called with the name of the stage and the fraction of it that is done; see :mod:`physim.progress`.
        report: Write the summary as JSON to this file.
        judge: Judge the finished video against its simulation (``docs/judging.md``), and write the plots to this
            ``.png`` or ``.html``; the report is in the summary.
        segments: In so many parts the frames are made, by workers side by side; the file is the same. A render that
            was interrupted goes on where it was, if it is begun again with the same shot.
        workers: Processes for segments; ``None``: one per core.
        executor: Who makes segments: 'local', 'ray', 'ray://HOST:PORT', 'slurm', or a :class:`physim.Executor`.
        store: Folder or URL for what workers make until the video is complete; it must be seen by all of them.
            Default: beside the output.

    Returns:
        What was done, or a :class:`Clip`.

    Raises:
        physim.shot_file.ShotError: Every mistake of the shot, before any work.
        ValueError: An unknown model, or a thing that cannot be where the shot says.
        i2v.media.video.VideoError: The video cannot be written. Nothing is left behind.
    """
    changes = {"generate.model": model, "seed": seed, "seconds": seconds}
    changes |= {"output.audio": audio, "output.preset": preset}
    changes |= depth_changes(depth, depth_weights, depth_kind)
    ready, source = _ready(shot, {name: value for name, value in changes.items() if value is not None})
    _check_segments(ready, output, segments, workers, executor, store)
    if judge is not None:
        check_plots(judge, output)
        _check_whole(ready)
    target = None if output is None else _target(output, source, ready.output)
    check(ready.generate.model)  # a wrong name must not cost a simulation
    record = None if target is None else (source or target).stem.removesuffix(".shot.resolved")
    origin = None if target is None else _origin(ready, target, record)  # nor must a broken certificate
    run = Run(ready, progress, depth if callable(depth) else None)
    run.keep_conditions = judge is not None
    if target is None or origin is None:
        master = run.master()
        known = {"shot": ready.to_dict(), "versions": versions()}
        return Clip(master, run.fps, known, run.samples(len(master)), partial(_origin, ready, report=run.laws()))
    if segments is None:
        summary = run.write(run.master(), target, origin)
    else:
        place = _place(ready, target, store, callable(depth))
        who = physim.executor_of(executor, place, workers=workers)
        parts = run.segmented(place, segments, who, threads_of(who), origin)
        summary = run.write(parts, target, origin)
        parts.clear()
    if judge is not None:
        summary = replace(summary, judged=run.judged(target, judge))
    if report is not None:
        _write_text(Path(report), summary.to_json() + "\n")
    return summary


@anywhere
def preview(
    shot: Shot | str | os.PathLike,
    output: str | os.PathLike,
    *,
    size: int = 480,
    depth: DepthChoice = None,
    depth_weights: str | os.PathLike | None = None,
    depth_kind: str | None = None,
    progress: Progress | None = None,
) -> RunSummary:
    """The plain composite, no network: motion and framing within seconds.

    Args:
        shot: A shot, or the path of a shot file.
        output: The video, ``.mp4``.
        size: Its longer side [pixels].
        depth: As of :func:`animate`.
        depth_weights: As of :func:`animate`.
        depth_kind: As of :func:`animate`.
        progress: Called with the name of the stage and the fraction of it that is done; see :mod:`physim.progress`.

    Returns:
        What was done.

    Raises:
        physim.shot_file.ShotError: Every mistake of the shot, before any work.
        ValueError: A size below 32 pixels, or a thing that cannot be where the shot says.
        i2v.media.video.VideoError: The video cannot be written. Nothing is left behind.
    """
    if size < 32:
        raise ValueError(f"preview size is {size}, expected at least 32 pixels.")
    ready, source = _ready(shot, {"generate.model": NONE, **depth_changes(depth, depth_weights, depth_kind)})
    target = _target(output, source, OutputSpec())
    rows, cols = picture_size(ready.photo)
    side = "width" if cols >= rows else "height"
    aspect = ready.output.aspect
    if aspect is not None:
        across, down = (int(n) for n in aspect.split(":"))
        side = "width" if across >= down else "height"
    longer = {side: min(size, max(rows, cols)) // 2 * 2, "aspect": aspect}
    small = output_size(OutputSpec.model_validate(longer), (rows, cols))
    plain = {"height": small[0], "width": small[1], "motion_blur": 0.0, "fps": None, "preset": "web", "chroma": None}
    if ready.output.audio is not None:
        plain["audio.codec"] = None  # that of another container may be asked for
    ready = revised(ready, {f"output.{name}": value for name, value in plain.items()})
    origin = _origin(ready, target, None)
    run = Run(ready, progress, depth if callable(depth) else None)
    return run.write(run.master(), target, origin)


def conditions_of(
    shot: Shot | str | os.PathLike,
    *,
    size: int | None = None,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Conditions:
    """What a shot simulates to, at the size its model would work at.

    Args:
        shot: A shot, or the path of a shot file.
        size: Longer side [pixels], instead of the shot's ``generate.size``.
        seconds: Instead of the shot's.
        progress: Called with the name of the stage and the fraction of it that is done; see :mod:`physim.progress`.

    Raises:
        physim.shot_file.ShotError: Every mistake of the shot, before any work.
    """
    changes = {"generate.size": size, "seconds": seconds}
    ready, _ = _ready(shot, {name: value for name, value in changes.items() if value is not None})
    run = Run(ready, progress)
    run.simulate()
    with run.stage("render") as tell:
        return physim.render(run.trajectory, size=run.model_size, progress=tell)


def preview_page(
    shot: Shot | str | os.PathLike,
    output: str | os.PathLike,
    *,
    depth: DepthChoice = None,
    depth_weights: str | os.PathLike | None = None,
    depth_kind: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """A page (``.html``) on which the reconstructed and simulated scene is looked at from all sides, see
    :mod:`physim.viewer`. It needs neither a server nor a network.

    ``depth``, ``depth_weights`` and ``depth_kind`` are those of :func:`animate`.

    Raises:
        As :func:`animate`, and ImportError without viser (the extra ``viewer``), before any work.
    """
    from physim.viewer import check_viewer, save_page

    target = check_viewer(output)
    ready, _ = _ready(shot, {"generate.model": NONE, **depth_changes(depth, depth_weights, depth_kind)})
    run = Run(ready, progress, depth if callable(depth) else None)
    run.simulate()
    with run.stage("page"):
        return save_page(run.trajectory, target)


def depth_changes(
    depth: DepthChoice, weights: str | os.PathLike | None = None, kind: str | None = None
) -> dict[str, Any]:
    """What ``animate``'s arguments about depth change in the shot; a callable changes nothing there.

    Raises:
        ValueError: Weights or a kind that nothing asks for, a network without weights.
    """
    network = isinstance(depth, str) and depth in DEPTH_MODELS
    if weights is not None and not network:
        raise ValueError(f"depth_weights belong to a depth network: depth={' or '.join(map(repr, DEPTH_MODELS))}.")
    if depth is None or callable(depth) or depth == GEOMETRIC:
        if kind is not None:
            raise ValueError("depth_kind says what a depth file holds; give that file as depth.")
        return {"hints.depth": {}} if depth == GEOMETRIC else {}
    if network:
        if weights is None:
            raise ValueError(f"depth={depth!r} needs depth_weights, a file; nothing is downloaded (docs/depth.md).")
        return {"hints.depth": {"model": depth, "weights": Path(weights)}}
    return {"hints.depth": {"file": Path(os.fspath(depth)), "kind": kind}}


def _ready(shot: Shot | str | os.PathLike, changes: dict[str, Any]) -> tuple[Shot, Path | None]:
    """A checked shot with its changes, and the file it came from."""
    if isinstance(shot, Shot):
        return (revised(shot, changes) if changes else validate(shot)), None
    source = Path(shot)
    loaded = load(source)
    return (revised(loaded, changes) if changes else loaded), source


def _origin(
    shot: Shot, target: Path, record: str | None = None, report: Mapping[str, float] | None = None
) -> Provenance:
    photo = locate(shot.photo)
    return Provenance(shot, target, versions=versions(), photo=photo, record=record, report=report)


def _check_whole(shot: Shot) -> None:
    """The judge compares a video with the whole simulated picture, from frame to frame."""
    spec = shot.output
    if shot.cuts:
        raise ValueError(f"cuts is {shot.cuts}; to be judged the video is expected to be one shot without a cut.")
    if spec.aspect is not None or spec.preset in SEQUENCES:
        what = f"output.preset is {spec.preset!r}" if spec.aspect is None else f"output.aspect is {spec.aspect!r}"
        raise ValueError(f"{what}; to be judged the output is expected to be a video file of the whole picture.")


def _check_segments(shot: Shot, output: Any, segments: int | None, *more: Any) -> None:
    """Whether a clip can be made in segments; what belongs to them alone is not given without."""
    if segments is None:
        if any(given is not None for given in more):
            raise ValueError("given workers, executor or store without segments, expected segments=N with them.")
        return
    count = max(1, round(shot.seconds * shot.fps))
    if not 1 <= segments <= count:
        raise ValueError(f"segments is {segments}, expected 1 to {count}, the number of simulated frames.")
    if output is None or shot.output.preset in SEQUENCES:
        what = "there is no output" if output is None else f"output.preset is {shot.output.preset!r}"
        raise ValueError(f"{what}; to be made in segments the output is expected to be a video file.")


def _place(shot: Shot, target: Path, store: str | os.PathLike | None, unknown: bool) -> physim.Folder:
    """Where segments are laid down: the same for the same frames; a new one if it is not known what decides them."""
    key = os.urandom(8).hex() if unknown else key_of([contents_of(shot.to_dict()), versions()])
    root = physim.Folder.of(target.with_name(f"{target.stem}{SUFFIX}") if store is None else store)
    return root / key


def _target(output: str | os.PathLike, source: Path | None, spec: OutputSpec) -> Path:
    target = check_target(output, spec)
    if source is not None and sidecar_of(target).exists() and sidecar_of(target).samefile(source):
        raise ValueError(f"the resolved shot would overwrite the shot file {source}; choose another output name.")
    return target


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
