"""Shot files and videos in storage that has a URL: brought here before the work, sent there after it."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import physim
from i2v.run import RunSummary
from physim.shot_remote import fetched, is_url

P = ParamSpec("P")
R = TypeVar("R")


def anywhere(make: Callable[P, R]) -> Callable[P, R]:
    """Let a function of a shot and an output, which makes files beside its output, take URLs for both."""

    @functools.wraps(make)
    def either(*args: P.args, **kwargs: P.kwargs) -> R:
        places: dict[str, Any] = dict(zip(("shot", "output"), args, strict=False))
        shot, output = (places.get(name, kwargs.get(name)) for name in ("shot", "output"))
        if not (is_url(shot) or is_url(output)):
            return make(*args, **kwargs)
        more: dict[str, Any] = {name: value for name, value in kwargs.items() if name not in ("shot", "output")}
        return _made(make, shot, output, more)

    return either


def _made(make: Callable[..., Any], shot: Any, output: Any, more: dict[str, Any]) -> Any:
    """The work, in a folder of this machine; what it made is sent where the output is to be."""
    if output is None:
        raise ValueError(f"{shot} is brought here for a video only, expected an output: a file or a URL.")
    with tempfile.TemporaryDirectory(prefix="i2v-") as folder:
        here = Path(folder)
        if is_url(shot):
            shot = fetched(os.fspath(shot), here)
        if not is_url(output):
            return make(shot, output, **more)
        place, _, name = os.fspath(output).rpartition("/")
        store = physim.Folder.of(place)
        record = f"{Path(name if isinstance(shot, physim.Shot) else shot).stem}.ledger.json"
        known = store.read(record)
        if known is not None:  # a ledger goes on
            (here / record).write_bytes(known)
        before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
        summary = make(shot, here / name, **more)
        for path in sorted(here.rglob("*")):
            if path.is_file() and before.get(path) != path.stat().st_mtime_ns:
                store.send(path, path.relative_to(here).as_posix())
    return _at(summary, place) if isinstance(summary, RunSummary) else summary


def _at(summary: RunSummary, place: str) -> RunSummary:
    files = {name: f"{place}/{Path(getattr(summary, name)).name}" for name in ("path", "resolved_shot")}
    return replace(summary, **files)  # type: ignore[arg-type]
