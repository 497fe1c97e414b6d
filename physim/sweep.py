"""Sweeps: one shot, many values. Each run lies in a folder named after what decides it, and is never made twice.

``FOLDER/runs/KEY/`` holds ``shot.json``, resolved, ``tracks.npz``, where every body was at frame times, and
``result.json`` as the last file written; ``error.txt`` where the run failed. ``FOLDER/table.csv`` has a line per
run in the order of the plan. See ``docs/sweeps.md``.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physim.executor import Executor, Failure, Local, Serial, Work
from physim.outcomes import found, measured
from physim.shot import Shot
from physim.shot_file import load, text_for
from physim.shot_path import revised
from physim.store import Folder
from physim.sweep_plan import Row
from physim.sweep_table import Run, Table
from physim.trajectory import Trajectory

KEY_LENGTH = 16
"""Hexadecimal digits that name a run."""
Progress = Callable[[int, int], None]
"""Called with (runs done, runs in all), first with those that were there."""


@dataclass(frozen=True)
class Job:
    """One run, as plain data."""

    shot: dict[str, Any]
    folder: str
    outcomes: tuple[str, ...]

    def finish(self, trajectory: Trajectory, more: Mapping[str, float] | None = None) -> None:
        """Write the resolved shot and what was measured, with ``more``; the result last: it says the run is done."""
        folder = Folder(self.folder)
        values = measured(trajectory, self.outcomes) | dict(more or {})
        tracks: dict[str, Any] = {name: body.position.astype(np.float32) for name, body in trajectory.bodies.items()}
        packed = io.BytesIO()
        np.savez(packed, fps=trajectory.fps, **tracks)
        folder.write("tracks.npz", packed.getvalue())
        folder.write("shot.json", text_for(Shot(**self.shot), (folder.local or Path.cwd()) / "shot.json"))
        folder.remove("error.txt")
        plain = {name: value if math.isfinite(value) else None for name, value in values.items()}
        folder.write("result.json", json.dumps(plain, indent=1, ensure_ascii=False) + "\n")


def sweep(
    shot: Shot | str | os.PathLike,
    plan: Sequence[Row],
    folder: Folder | str | os.PathLike,
    *,
    outcomes: Sequence[str] = (),
    work: Work | None = None,
    workers: int | None = 1,
    timeout: float | None = None,
    retries: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Table:
    """Run a shot with other values again and again; what is there already is not run again.

    Args:
        shot: A shot, or the path of a shot file.
        plan: Rows of field path → value, such as :func:`physim.sweep_plan.grid` makes.
        folder: Where runs and table go, a path or a URL (s3://, gs://, memory://). Several sweeps may share it.
        outcomes: Own measures beside those of :func:`physim.outcomes.measured`, each as "module:function".
        work: What a run is, a function of a :class:`Job`; default: :func:`physics`, the simulation alone.
        workers: Processes on this machine; 1: this one; ``None``: one per core.
        timeout: Time after which a run is given up [s]; it needs a process of its own.
        retries: How often a run is begun again whose process died or took too long.
        executor: Who does the runs, instead of processes of this machine.
        progress: Called with (runs done, runs in all).

    Returns:
        The table, one row per row of the plan. A run that failed has an ``error`` and no outcomes.

    Raises:
        ValueError: A field or a measure that is not there.
        physim.shot_file.ShotError: A value that cannot be; nothing was run.
    """
    base = shot if isinstance(shot, Shot) else load(shot)
    for outcome in outcomes:
        found(outcome)
    work = work or physics
    root = Folder.of(folder)
    keys, jobs = _jobs(base, plan, root, tuple(outcomes), work)
    waiting = [job for job in jobs.values() if _result(job) is None]
    tell = progress or (lambda done, total: None)
    tell(len(jobs) - len(waiting), len(jobs))
    alone = workers == 1 and timeout is None
    who = executor or (Serial() if alone else Local(workers, timeout=timeout, retries=retries))
    for done, (number, answer) in enumerate(who.run(work, waiting), 1):
        if isinstance(answer, Failure):
            Folder(waiting[number].folder).write("error.txt", answer.text + "\n")
        tell(len(jobs) - len(waiting) + done, len(jobs))
    table = Table(tuple(_run(row, key, jobs[key]) for row, key in zip(plan, keys, strict=True)))
    root.write("table.csv", table.to_csv())
    return table


def physics(job: Job) -> None:
    """Reconstruct as far as the physics needs it, simulate, measure. Scenes of one photo and structure share work."""
    from physim.recall import remembering
    from physim.reconstruct import reconstruct
    from physim.simulate import simulate

    shot, (bench, steps) = Shot(**job.shot), _shared()
    with remembering(steps):
        scene = reconstruct(shot, picture=False)
    job.finish(simulate(scene, seconds=shot.seconds, fps=shot.fps, bench=bench))


@functools.cache
def _shared() -> tuple[Any, Any]:
    """What the runs of one process have in common."""
    from physim.recall import Steps
    from physim.rerun import Bench

    return Bench(), Steps()


def _jobs(
    base: Shot, plan: Sequence[Row], folder: Folder, outcomes: tuple[str, ...], work: Work
) -> tuple[list[str], dict[str, Job]]:
    """The key of every row, and the jobs by key: rows that come to the same are run once."""
    keys, jobs = [], {}
    for i, row in enumerate(plan):
        data = revised(base, row, f"run {i}").to_dict()
        decides = [_with_contents(data), f"{work.__module__}:{work.__qualname__}", *outcomes]
        text = json.dumps(decides, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
        keys.append(key)
        jobs[key] = Job(data, str(folder / "runs" / key), outcomes)
    return keys, jobs


def _with_contents(value: Any) -> Any:
    """Plain data in which every file's path is the digest of what the file holds: it may lie somewhere else."""
    if isinstance(value, dict):
        return {key: _with_contents(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_contents(entry) for entry in value]
    if isinstance(value, str) and os.sep in value and Path(value).is_file():
        return _digest(value, Path(value).stat().st_mtime_ns)
    return value


@functools.cache
def _digest(path: str, changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _run(row: Row, key: str, job: Job) -> Run:
    outcomes = _result(job)
    if outcomes is None:
        error = Folder(job.folder).read("error.txt") or b"not run"
        return Run(key, dict(row), {}, error.decode("utf-8").strip())
    return Run(key, dict(row), outcomes)


def _result(job: Job) -> dict[str, float] | None:
    """What a finished run measured; ``None``: it is still to be done."""
    text = Folder(job.folder).read("result.json")
    try:
        plain = json.loads(text) if text is not None else None
    except ValueError:
        return None
    return None if plain is None else {name: math.nan if value is None else value for name, value in plain.items()}
