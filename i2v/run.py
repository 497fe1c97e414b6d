"""One shot, stage by stage: reconstruct, simulate, render, generate, compose, write.

Two streams run side by side and join frame by frame: the compositor samples the photo at full resolution, and the
model's residual, small and soft, is enlarged and added. A finished clip is never held whole. With
:mod:`i2v.animate`, which has the functions people call, this is the one place where the physical and the neural half
meet.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import physim
from i2v.depth import load_depth_model
from i2v.generate import generate_residual
from i2v.media.master import Frame, Master
from i2v.media.output import open_writer
from i2v.media.presets import SEQUENCES
from i2v.media.reframe import frame_path
from i2v.media.sequence import SequenceWriter
from i2v.media.sound import synthesize
from i2v.media.soundtrack import mix_of, soundtrack
from i2v.metrics.report import Report
from i2v.metrics.subject import identity
from i2v.models.registry import NONE
from i2v.provenance import Provenance
from i2v.segments import Recipe, Segmented, stored
from physim.conditions import Conditions
from physim.depth_result import DepthBackend, DepthResult
from physim.photo import picture_size
from physim.progress import Progress, untold
from physim.shot import Shot
from physim.shot_check import output_size, whole_size
from physim.shot_file import save, text_for
from physim.subject import subject_path

HEADROOM = 4.9
"""Brightest light of a file that holds more than white, over photo white: 1000 over 203 cd/m^2."""
INSTANT = 1e-6
"""What times of frames may be off by [s]."""
PACKAGES = ("physim", "warp-lang", "jax", "flax", "numpy", "scipy", "imageio-ffmpeg")


@dataclass(frozen=True)
class RunSummary:
    """What a run did; ``os.fspath`` of it is the video."""

    path: Path
    """The video; its URL as text, if that is where it was to be."""
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
    identity: dict[str, float] = field(default_factory=dict)
    """Subject → how like its photos it is in the finished video, see ``i2v.metrics.subject``; NaN: too small."""
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


class Run:
    """The stages of one shot, timed."""

    def __init__(self, shot: Shot, progress: Progress | None, depth: DepthBackend | None = None) -> None:
        self.shot = shot
        self.depth = depth
        self.stages: dict[str, float] = {}
        self.conditions: Conditions | None = None
        self.identity: dict[str, float] = {}
        self.keep_conditions = False
        self.tell = progress or untold
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
            self.trajectory = physim.simulate(self.scene, seconds=shot.seconds, fps=shot.fps, progress=progress)

    def master(self) -> Master:
        """Simulate, render, generate; what is left is making the frames."""
        recipe = self.recipe()
        with self.stage("prepare"):
            return recipe.master(physim.Compositor)

    def recipe(self) -> Recipe:
        """Simulate, render, generate: what decides the frames."""
        shot = self.shot
        self.simulate()
        residual = None
        if shot.generate.model != NONE or shot.generate.subjects:
            with self.stage("render") as progress:
                conditions = physim.render(self.trajectory, size=self.model_size, progress=progress)
            with self.stage("generate") as progress:
                residual = self._residual(conditions, progress)
            self.identity = identity(conditions, residual, shot.generate.subjects)
            self.conditions = conditions if self.keep_conditions else None
        cuts = self._first_frames(self.trajectory.frame_count, shot.fps) if shot.cuts else ()
        bright = HEADROOM if shot.output.preset in ("hdr10", "exr") else None
        return Recipe(
            self.trajectory, self.whole, self.taken, shot.output.motion_blur, bright, residual, shot.fps,
            self._frame(), tuple(cuts),
        )  # fmt: skip

    def segmented(
        self, store: physim.Folder, segments: int, executor: Any, threads: int, origin: Provenance
    ) -> Segmented:
        """As :meth:`master`, of frames that workers make; what an interrupted run laid into ``store`` is taken up."""
        recipe = stored(store)
        if recipe is None:
            recipe = self.recipe()
        else:
            self.trajectory, self.scene = recipe.trajectory, recipe.trajectory.scene
        return Segmented(
            recipe, store, segments, executor, threads=threads, preset=self.shot.output.preset, mark=origin.mark
        )

    def _frame(self) -> Frame | None:
        """The part of the picture that is the video, if it is not all of it."""
        if self.shot.output.aspect is None:
            return None
        count = max(1, round(self.trajectory.seconds * self.taken))
        subject = subject_path(self.trajectory, np.arange(count) / self.taken, self.shot.output.follow)
        exact = self.shot.output.preset in SEQUENCES  # what is known of a pixel cannot be interpolated
        paths = [
            frame_path(part, self.whole, self.size, self.fps, exact=exact)
            for part in np.split(subject, self._first_frames(count, self.taken))
        ]
        return Frame(self.size, np.concatenate(paths))

    def _first_frames(self, count: int, rate: float) -> list[int]:
        """Number of the first frame after each cut."""
        first = [math.ceil((cut - INSTANT) * rate) for cut in self.shot.cuts]
        return sorted({frame for frame in first if 0 < frame < count})

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
        """What the model adds; it does not look across a cut."""
        spec, parts = self.shot.generate, [conditions]
        if self.shot.cuts:
            borders = [0, *self._first_frames(conditions.frame_count, self.shot.fps), conditions.frame_count]
            parts = [conditions.part(first, end) for first, end in pairwise(borders)]
        steps = spec.num_inference_steps * len(parts)
        done = 0

        def after_step(step: int, *_: Any) -> None:
            nonlocal done
            done += 1
            progress("step", min(done / steps, 1.0))

        painted = [
            generate_residual(
                part,
                model=spec.model,
                seed=self.shot.seed,
                num_inference_steps=spec.num_inference_steps,
                guidance_scale=spec.guidance_scale,
                strength=spec.strength,
                regions=spec.regions.model_dump(exclude_none=True),
                adapters=[(adapter.file, adapter.weight) for adapter in spec.adapters],
                callback_on_step_end=after_step,
            )
            for part in parts
        ]
        whole = [residual for residual in painted if residual is not None]
        return whole[0] if len(whole) == 1 else np.concatenate(whole) if whole else None

    def write(self, master: Master | Segmented, target: Path, origin: Provenance) -> RunSummary:
        """Frames to the file, the resolved shot into it and beside it; where it comes from last."""
        sidecar = sidecar_of(target)
        note = "\n".join(["Everything that decided the video.", *(f"{n} {v}" for n, v in versions().items())])
        comment = text_for(self.shot, sidecar, note=note)
        output = self.shot.output
        with self._sound(target, len(master) / self.fps) as sound, self.stage("compose") as progress:
            notes = {"comment": comment}
            known = self._signals(master)
            with open_writer(origin.unsigned, self.size, self.fps, output, metadata=notes, audio=sound) as writer:
                frames = master if isinstance(master, Segmented) else origin.marked(master, self.size)
                for i, frame in enumerate(frames):
                    if isinstance(writer, SequenceWriter):
                        writer.write(frame, next(known))
                    else:
                        writer.write(frame)
                    progress("frame", (i + 1) / len(master))
        save(self.shot, sidecar, note=note)
        origin.finish(self.laws())
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
            conservation=self.laws(),
            inferred=dict(backdrop.report) if backdrop is not None else {},
            identity=self.identity,
            peak_memory=peak_memory(),
            trajectory=self.trajectory,
        )

    def laws(self) -> dict[str, float]:
        """What the conservation laws say of the simulation."""
        return {name: float(value) for name, value in self.trajectory.report.values.items()}

    def _signals(self, master: Master | Segmented) -> Iterator[dict[str, np.ndarray]]:
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
        with self.stage("sound") as progress:  # what sounds is the first half of it, how it sounds the second
            made = soundtrack(
                lambda: physim.listen(self.trajectory, progress=lambda step, part: progress(step, 0.5 * part)), spec,
                mix=mix_of(spec, self.shot.seed), seconds=seconds, target=target,
                progress=lambda step, part: progress(step, 0.5 + 0.5 * part),
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
