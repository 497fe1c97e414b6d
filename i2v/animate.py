"""The composition root: shot file in, video out. The one place where the physical and the neural half meet.

Two streams run side by side and join frame by frame: the compositor samples the photo at full resolution, and the
model's residual, small and soft, is enlarged and added. A finished clip is never held whole.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import physim
from i2v.clip import Clip
from i2v.depth import DEPTH_MODELS, load_depth_model
from i2v.generate import generate_residual
from i2v.media.master import Frame, Master
from i2v.media.output import check_target, open_writer
from i2v.media.presets import SEQUENCES
from i2v.media.reframe import frame_path
from i2v.media.sequence import SequenceWriter
from i2v.media.sound import synthesize
from i2v.media.soundtrack import mix_of, soundtrack
from i2v.metrics.report import Report, check_plots
from i2v.models.registry import NONE, check
from i2v.provenance import Provenance
from physim.brush import brushed as brushed
from physim.brush import read_strokes as read_strokes
from physim.conditions import Conditions
from physim.depth_result import GEOMETRIC, DepthBackend, DepthResult
from physim.photo import locate, picture_size
from physim.prompt import read_prompt as read_prompt  # for the command line, which sees physim only through this file
from physim.shot import OutputSpec, Shot
from physim.shot_check import output_size, whole_size
from physim.shot_file import load, save, text_for, validate
from physim.shot_path import revised
from physim.subject import subject_path

Progress = Callable[[str, float], None]
"""Called with the name of the stage and the fraction done, 0 to 1."""
DepthChoice = DepthBackend | str | os.PathLike | None
"""'geometric', a depth network by name, a depth file, or a callable; ``None``: what the shot says."""

HEADROOM = 4.9
"""Brightest light of a file that holds more than white, over photo white: 1000 over 203 cd/m^2."""
PACKAGES = ("physim", "warp-lang", "jax", "flax", "numpy", "scipy", "imageio-ffmpeg")


@dataclass(frozen=True)
class RunSummary:
    """What a run did; ``os.fspath`` of it is the video."""

    path: Path
    resolved_shot: Path
    """The shot with all defaults, seeds and versions; running it again gives the same video."""
    size: tuple[int, int]
    """(height, width) of the video [pixels]."""
    frame_count: int
    fps: float
    model: str
    stages: dict[str, float]
    """Stage → wall time [s]."""
    bodies: int
    contacts: int
    conservation: dict[str, float]
    """Law with unit → value; see ``physim.trajectory.ConservationReport``."""
    inferred: dict[str, str] = field(default_factory=dict)
    """What the reconstruction took from where."""
    peak_memory: int = 0
    """Largest resident memory of this process so far [bytes]."""
    trajectory: physim.Trajectory | None = field(default=None, repr=False, compare=False)
    """What was simulated, for asking more; not part of the JSON."""
    judged: Report | None = field(default=None, repr=False, compare=False)
    """What the judge found, if it was asked."""

    def __fspath__(self) -> str:
        return str(self.path)

    def to_json(self) -> str:
        """Plain data, for scripts."""
        data = asdict(replace(self, trajectory=None, judged=None))
        del data["trajectory"]
        data["judged"] = None if self.judged is None else self.judged.to_dict()
        data |= {"path": str(self.path), "resolved_shot": str(self.resolved_shot)}
        return json.dumps(data, indent=2, ensure_ascii=False)


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
) -> RunSummary | Clip:
    """Make the video of a shot.

    Args:
        shot: A shot, or the path of a shot file.
        output: The video, ``.mp4``. The resolved shot is written beside it and into it. ``None``: nothing is written,
            and the frames of the returned clip are made when they are asked for.
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
        progress: Called with the name of the stage and the fraction done.
        report: Write the summary as JSON to this file.
        judge: Judge the finished video against its simulation (``docs/judging.md``), and write the plots to this
            ``.png`` or ``.html``; the report is in the summary.

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
    if judge is not None:
        check_plots(judge, output)
        _check_whole(ready.output)
    target = None if output is None else _target(output, source, ready.output)
    check(ready.generate.model)  # a wrong name must not cost a simulation
    record = None if target is None else (source or target).stem.removesuffix(".shot.resolved")
    origin = None if target is None else _origin(ready, target, record)  # nor must a broken certificate
    run = _Run(ready, progress, depth if callable(depth) else None)
    run.keep_conditions = judge is not None
    master = run.master()
    if target is None or origin is None:
        return Clip(master, run.fps, {"shot": ready.to_dict(), "versions": versions()}, run.samples(len(master)))
    summary = run.write(master, target, origin)
    if judge is not None:
        summary = replace(summary, judged=run.judged(target, judge))
    if report is not None:
        _write_text(Path(report), summary.to_json() + "\n")
    return summary


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
    """The plain composite, no network, ``size`` pixels on the longer side: motion and framing within seconds.

    ``depth``, ``depth_weights`` and ``depth_kind`` are those of :func:`animate`.

    Raises:
        As :func:`animate`.
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
    run = _Run(ready, progress, depth if callable(depth) else None)
    return run.write(run.master(), target, origin)


def conditions_of(shot: Shot | str | os.PathLike) -> Conditions:
    """What a shot simulates to, at the size its model would work at.

    Raises:
        physim.shot_file.ShotError: Every mistake of the shot, before any work.
    """
    ready, _ = _ready(shot, {})
    run = _Run(ready, None)
    run.simulate()
    return physim.render(run.trajectory, size=run.model_size)


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
    run = _Run(ready, progress, depth if callable(depth) else None)
    run.simulate()
    with run.stage("page"):
        return save_page(run.trajectory, target)


def depth_backend(name: str, *, weights: str | os.PathLike) -> DepthBackend:
    """A depth network as :func:`physim.reconstruct` takes it: ``reconstruct(shot, depth=depth_backend(...))``.

    Args:
        name: 'depth-anything' or 'moge'.
        weights: Its published file, see ``docs/depth.md``; nothing is downloaded.

    Raises:
        ValueError: Unknown name, or weights of another network.
        FileNotFoundError: No such file.
    """
    model = load_depth_model(name, weights)

    def backend(image: np.ndarray, *, focal: float | None = None) -> DepthResult:
        return DepthResult(**vars(model(image, focal=focal)))

    backend.__name__ = f"{name} ({Path(weights).name})"
    return backend


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


def versions() -> dict[str, str]:
    """Of the packages that decide the picture."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def model_size(photo_size: tuple[int, int], longer: int, video_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) the model works at: ``longer`` on the longer side, even, never more than the video has."""
    rows, cols = photo_size
    scale = min(longer, max(video_size)) / max(rows, cols)
    wanted = (max(2, 2 * round(rows * scale / 2)), max(2, 2 * round(cols * scale / 2)))
    return min(wanted[0], video_size[0]), min(wanted[1], video_size[1])


class _Run:
    """The stages of one shot, timed."""

    def __init__(self, shot: Shot, progress: Progress | None, depth: DepthBackend | None = None) -> None:
        self.shot = shot
        self.depth = depth
        self.stages: dict[str, float] = {}
        self.conditions: Conditions | None = None
        self.keep_conditions = False
        self.tell = progress or (lambda stage, fraction: None)
        photo = picture_size(shot.photo)
        self.size = output_size(shot.output, photo)
        self.whole = whole_size(shot.output, photo)
        slow = shot.output.slow_motion
        self.fps = shot.output.fps or shot.fps / slow
        self.taken = shot.fps if shot.output.fps is None else max(shot.fps, shot.output.fps * slow)
        """Frames per second of life."""
        self.model_size = model_size(photo, shot.generate.size, self.whole)

    def simulate(self) -> None:
        """Reconstruct, simulate."""
        shot = self.shot
        with self.stage("reconstruct") as progress:
            self.scene = physim.reconstruct(shot, depth=self._depth(), progress=progress)
        with self.stage("simulate") as progress:
            self.trajectory = physim.simulate(
                self.scene,
                seconds=shot.seconds,
                fps=shot.fps,
                progress=lambda done, total, tell=progress: tell("frame", done / max(total, 1)),
            )

    def master(self) -> Master:
        """Simulate, render, generate; what is left is making the frames."""
        shot = self.shot
        self.simulate()
        residual = None
        if shot.generate.model != NONE:
            with self.stage("render") as progress:
                conditions = physim.render(self.trajectory, size=self.model_size, progress=progress)
            with self.stage("generate") as progress:
                residual = self._residual(conditions, progress)
            self.conditions = conditions if self.keep_conditions else None
        with self.stage("prepare"):
            more = {"headroom": HEADROOM} if shot.output.preset in ("hdr10", "exr") else {}
            compositor = physim.Compositor(
                self.trajectory, size=self.whole, motion_blur=shot.output.motion_blur, fps=self.taken, **more
            )
        return Master(compositor, residual, shot.fps, self._frame(compositor.frame_count))

    def _frame(self, count: int) -> Frame | None:
        """The part of the picture that is the video, if it is not all of it."""
        if self.shot.output.aspect is None:
            return None
        subject = subject_path(self.trajectory, np.arange(count) / self.taken, self.shot.output.follow)
        exact = self.shot.output.preset in SEQUENCES  # what is known of a pixel cannot be interpolated
        return Frame(self.size, frame_path(subject, self.whole, self.size, self.fps, exact=exact))

    def judged(self, video: Path, plots: str | os.PathLike) -> Report:
        """The finished video against what was simulated, at the model's size."""
        from i2v.metrics.judge import judge

        if self.conditions is None:
            with self.stage("render") as progress:
                self.conditions = physim.render(self.trajectory, size=self.model_size, progress=progress)
        with self.stage("judge"):
            pace = self.taken if self.shot.output.slow_motion != 1 else None  # of life, not of the slow video
            return judge(video, conditions=self.conditions, fps=pace, plots=plots)

    def _depth(self) -> DepthBackend | None:
        """The network that the shot names; ``None``: physim knows by itself."""
        hint = self.shot.hints.depth
        if self.depth is not None or hint.model is None or hint.weights is None:
            return self.depth
        return depth_backend(hint.model, weights=hint.weights)

    def _residual(self, conditions: Any, progress: Callable[..., None]) -> np.ndarray | None:
        spec = self.shot.generate
        done = 0

        def after_step(step: int, *_: Any) -> None:
            nonlocal done
            done += 1
            progress("step", min(done / spec.num_inference_steps, 1.0))

        return generate_residual(
            conditions,
            model=spec.model,
            seed=self.shot.seed,
            num_inference_steps=spec.num_inference_steps,
            guidance_scale=spec.guidance_scale,
            strength=spec.strength,
            callback_on_step_end=after_step,
        )

    def write(self, master: Master, target: Path, origin: Provenance) -> RunSummary:
        """Frames to the file, the resolved shot into it and beside it; where it comes from last."""
        sidecar = sidecar_of(target)
        note = "\n".join(["Everything that decided the video.", *(f"{n} {v}" for n, v in versions().items())])
        comment = text_for(self.shot, sidecar, note=note)
        output = self.shot.output
        with self._sound(target, len(master) / self.fps) as sound, self.stage("compose") as progress:
            notes = {"comment": comment}
            known = self._signals(master)
            with open_writer(origin.unsigned, self.size, self.fps, output, metadata=notes, audio=sound) as writer:
                for i, frame in enumerate(origin.marked(master, self.size)):
                    if isinstance(writer, SequenceWriter):
                        writer.write(frame, next(known))
                    else:
                        writer.write(frame)
                    progress("frame", (i + 1) / len(master))
        save(self.shot, sidecar, note=note)
        origin.finish(self.trajectory.report.values)
        backdrop = getattr(self.scene, "backdrop", None)
        return RunSummary(
            path=target,
            resolved_shot=sidecar,
            size=self.size,
            frame_count=len(master),
            fps=self.fps,
            model=self.shot.generate.model,
            stages=self.stages,
            bodies=len(self.trajectory.bodies),
            contacts=len(self.trajectory.contacts),
            conservation={name: float(value) for name, value in self.trajectory.report.values.items()},
            inferred=dict(backdrop.report) if backdrop is not None else {},
            peak_memory=peak_memory(),
            trajectory=self.trajectory,
        )

    def _signals(self, master: Master) -> Iterator[dict[str, np.ndarray]]:
        """Depth, flow, ids and smoke of every frame, of the part that is shown."""
        from physim.signals import signals

        for i, known in enumerate(signals(self.trajectory, self.whole, self.taken)):
            yield known if master.part is None else master.part.signals(known, i)

    def samples(self, count: int) -> np.ndarray | None:
        """The sound of ``count`` frames (samples, 2), if the shot asks for one."""
        spec = self.shot.output.audio
        if spec is None:
            return None
        with self.stage("sound"):
            audible = physim.listen(self.trajectory)
            return synthesize(audible, mix_of(spec, self.shot.seed), seconds=count / self.fps).samples

    @contextmanager
    def _sound(self, target: Path, seconds: float) -> Iterator[Path | None]:
        """The sound of the shot as a WAV file, while the video is written; ``None`` without one."""
        spec = self.shot.output.audio
        if spec is None:
            yield None
            return
        with self.stage("sound") as progress:
            made = soundtrack(
                lambda: physim.listen(self.trajectory, progress=progress), spec, mix=mix_of(spec, self.shot.seed),
                seconds=seconds, target=target, progress=progress,
            )  # fmt: skip
            path = made.__enter__()
        try:
            yield path
        finally:
            made.__exit__(None, None, None)

    @contextmanager
    def stage(self, name: str) -> Iterator[Progress]:
        start = time.perf_counter()
        self.tell(name, 0.0)
        yield lambda step, fraction: self.tell(name, fraction)
        self.stages[name] = time.perf_counter() - start
        self.tell(name, 1.0)


def sidecar_of(video: Path) -> Path:
    """The resolved shot beside a video: ``coffee.mp4`` → ``coffee.shot.resolved.yaml``."""
    return video.with_name(f"{video.stem}.shot.resolved.yaml")


def peak_memory() -> int:
    """Largest resident memory of this process so far [bytes]; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _ready(shot: Shot | str | os.PathLike, changes: dict[str, Any]) -> tuple[Shot, Path | None]:
    """A checked shot with its changes, and the file it came from."""
    if isinstance(shot, Shot):
        return (revised(shot, changes) if changes else validate(shot)), None
    source = Path(shot)
    loaded = load(source)
    return (revised(loaded, changes) if changes else loaded), source


def _origin(shot: Shot, target: Path, record: str | None) -> Provenance:
    return Provenance(shot, target, versions=versions(), photo=locate(shot.photo), record=record)


def _check_whole(spec: OutputSpec) -> None:
    """The judge compares a video with the whole simulated picture."""
    if spec.aspect is not None or spec.preset in SEQUENCES:
        what = f"output.preset is {spec.preset!r}" if spec.aspect is None else f"output.aspect is {spec.aspect!r}"
        raise ValueError(f"{what}; to be judged the output is expected to be a video file of the whole picture.")


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
