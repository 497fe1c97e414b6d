"""One run of a sweep: what decides it, where it lies, and how its files come to the machine that does it."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physim.executor import Work
from physim.outcomes import measured
from physim.shot import Shot
from physim.shot_file import text_for, with_paths
from physim.shot_path import revised
from physim.store import Folder
from physim.sweep_plan import Row
from physim.trajectory import Trajectory

KEY_LENGTH = 16
"""Hexadecimal digits that name a run."""
INPUTS = "inputs"
"""Folder of a sweep for the files that its shots name."""
RESULT = "result.json"


@dataclass(frozen=True)
class Job:
    """One run, as plain data."""

    shot: dict[str, Any]
    folder: str
    outcomes: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...] = ()
    """Files that the shot names, and their names in the sweep's ``inputs``; empty: they are where the shot says."""

    @property
    def key(self) -> str:
        """Name of its folder."""
        return self.folder.rpartition("/")[2]

    def ready(self) -> Shot:
        """The shot, with its files on this machine."""
        shot = Shot(**self.shot)
        if not self.inputs:
            return shot
        store = Folder(self.folder.rpartition("/runs/")[0]) / INPUTS
        places = {path: _fetched(Path(path), store, name) for path, name in self.inputs}
        return with_paths(shot, lambda path: places.get(str(path), path))

    def finish(self, trajectory: Trajectory, more: Mapping[str, float] | None = None) -> None:
        """Write the resolved shot and what was measured, with ``more``; the result last: it says the run is done."""
        folder = Folder(self.folder)
        values = measured(trajectory, self.outcomes) | dict(more or {})
        tracks: dict[str, Any] = {name: body.position.astype(np.float32) for name, body in trajectory.bodies.items()}
        packed = io.BytesIO()
        np.savez(packed, fps=trajectory.fps, **tracks)
        folder.write("tracks.npz", packed.getvalue())
        folder.write("shot.json", self._text())
        folder.remove("error.txt")
        plain = {name: value if math.isfinite(value) else None for name, value in values.items()}
        folder.write(RESULT, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")

    def _text(self) -> str:
        """The shot as a file in the run's folder; files that were sent along lie beside the runs."""
        shot, folder = Shot(**self.shot), Folder(self.folder).local
        if not self.inputs:
            return text_for(shot, (folder or Path.cwd()) / "shot.json")
        top, names = Path.cwd(), dict(self.inputs)
        shot = with_paths(shot, lambda path: top / INPUTS / names[str(path)] if str(path) in names else path)
        return text_for(shot, top / "runs" / self.key / "shot.json")


def jobs_of(
    shots: Mapping[str, Shot], plan: Sequence[Row], folder: Folder, outcomes: tuple[str, ...], work: Work, apart: bool
) -> tuple[list[tuple[Row, str]], dict[str, Job]]:
    """Every row, with the name of its shot where there are several, and its key; and the jobs by key.

    Rows that come to the same are run once. Where runs are done ``apart`` from the files that the shots name, these
    files are written to the sweep's folder.

    Raises:
        physim.shot_file.ShotError: A value that cannot be.
    """
    rows: list[tuple[Row, str]] = []
    jobs: dict[str, Job] = {}
    sent: set[str] = set()
    for name, base in shots.items():
        for i, row in enumerate(plan):
            shot = revised(base, row, f"{name}, run {i}" if len(shots) > 1 else f"run {i}")
            inputs: dict[str, str] = {}
            data = shot.to_dict()
            decides = [contents_of(data, inputs), f"{work.__module__}:{work.__qualname__}", *outcomes]
            key = key_of(decides)
            rows.append(({"shot": name, **row} if len(shots) > 1 else dict(row), key))
            if apart:
                _send(inputs, folder / INPUTS, sent)
            along = tuple(sorted(inputs.items())) if apart else ()
            jobs[key] = Job(data, str(folder / "runs" / key), outcomes, along)
    return rows, jobs


def once(work: Work, job: Job) -> float:
    """Do a run unless it is done, by an earlier try or by another sweep; the time it took [s]."""
    if Folder(job.folder).exists(RESULT):
        return 0.0
    start = time.perf_counter()
    work(job)
    return time.perf_counter() - start


def results_of(folder: Folder, keys: Iterable[str]) -> dict[str, dict[str, float]]:
    """What finished runs measured, by key; those that are still to be done are missing."""
    texts = folder.read_many([f"runs/{key}/{RESULT}" for key in keys])
    found = {}
    for name, text in texts.items():
        try:
            plain = json.loads(text)
        except ValueError:  # half written, in a store that does not replace whole files
            continue
        found[name.split("/")[1]] = {n: math.nan if value is None else value for n, value in plain.items()}
    return found


def key_of(decides: Any) -> str:
    """A name for what plain data decides."""
    text = json.dumps(decides, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def contents_of(shot: Mapping[str, Any], inputs: dict[str, str] | None = None) -> dict[str, Any]:
    """A shot as plain data, with the digests of files in place of their paths, so that they may lie somewhere else.

    Args:
        shot: As :meth:`Shot.to_dict` gives.
        inputs: Takes note of the files: path → name in a sweep's ``inputs``.
    """
    return {key: _contents(value, {} if inputs is None else inputs) for key, value in shot.items()}


def _contents(value: Any, inputs: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _contents(entry, inputs) for key, entry in value.items()}
    if isinstance(value, list):
        return [_contents(entry, inputs) for entry in value]
    if not isinstance(value, str) or not (os.sep in value or "." in value) or not os.path.isfile(value):
        return value
    digest = _digest(value, os.stat(value).st_mtime_ns)
    inputs[value] = digest + Path(value).suffix
    return digest


def _send(inputs: Mapping[str, str], store: Folder, sent: set[str]) -> None:
    for path, name in inputs.items():
        if name not in sent and not store.exists(name):
            store.send(Path(path), name)
        sent.add(name)


def _fetched(path: Path, store: Folder, name: str) -> Path:
    """A file of a shot on this machine: where it was, if it is that one, or a copy of the one that was sent.

    Raises:
        FileNotFoundError: It is in neither place.
        ValueError: The one that was sent was changed.
    """
    digest = name.partition(".")[0]
    if path.is_file() and _digest(str(path), path.stat().st_mtime_ns) == digest:
        return path
    kept = _cache() / name
    if not (kept.is_file() and _digest(str(kept), kept.stat().st_mtime_ns) == digest):
        data = store.read(name)
        if data is None:
            raise FileNotFoundError(f"{store}/{name}: the file that the shot names as {path} is not there.")
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError(f"{store}/{name} is not the file that was sent for {path}; remove it, and sweep again.")
        Folder(str(kept.parent)).write(name, data)
    return kept


def _cache() -> Path:
    """Where files of shots are kept on machines that do not have them: ``PHYSIM_CACHE``, or the user's cache folder."""
    root = os.environ.get("PHYSIM_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "physim"
    )
    return Path(root) / INPUTS


@functools.cache
def _digest(path: str, changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
