"""Sweeps that may end in videos: what one run is, at three levels, and the page that shows them all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import physim
from i2v.animate import RunSummary, animate, preview
from i2v.sweep_page import save_page

Level = Literal["physics", "preview", "video", "judged"]
VIDEO = "video.mp4"
"""Name of a run's video in its folder."""


def sweep(
    shot: physim.Shot | str | os.PathLike | Sequence[physim.Shot | str | os.PathLike],
    plan: Sequence[dict[str, Any]],
    folder: str | os.PathLike,
    *,
    level: Level = "physics",
    outcomes: Sequence[str] = (),
    workers: int | None = 1,
    timeout: float | None = None,
    retries: int = 1,
    executor: Any = None,
    needs: physim.Needs | None = None,
    progress: physim.Progress | None = None,
    on_event: Callable[[physim.Event], None] | None = None,
    price: float = 0.0,
) -> Any:
    """Run a shot with other values, and write ``table.csv`` and the page ``index.html`` into ``folder``.

    Args:
        shot: A shot, the path or URL of a shot file, or several of them, for each of which the plan is run.
        plan: Rows of field path → value, see :mod:`physim.sweep_plan`.
        folder: A path or a URL; runs that are there already are not made again.
        level: 'physics', the simulation alone; 'preview', a small video of the plain composite; 'video', all of it;
            'judged', and the judge's metrics of it in the table, his page beside it.
        outcomes: Own measures, each as "module:function".
        workers: Processes; ``None``: one per core.
        timeout: Time after which a run is given up [s].
        retries: How often a run is begun again whose process died or took too long.
        executor: Who does the runs: 'local', 'ray', 'ray://HOST:PORT', 'slurm', or an executor.
        needs: What one run asks of a machine, looked at before the first one begins.
        progress: Called with ('runs', fraction of the runs done); see :mod:`physim.progress`.
        on_event: Called with every event: how far it is, how long it will take, what it costs.
        price: Of an hour of one worker.

    Returns:
        :class:`physim.sweep_table.Table`.

    Raises:
        ValueError: An unknown level; and as :func:`physim.sweep`.
    """
    works = {"physics": None, "preview": preview_run, "video": video_run, "judged": judged_run}
    if level not in works:
        raise ValueError(f"level is {level!r}, expected one of {', '.join(works)}.")
    table = physim.sweep(
        shot, plan, folder, outcomes=outcomes, work=works[level], workers=workers, timeout=timeout, retries=retries,
        executor=executor, needs=needs, progress=progress, on_event=on_event, price=price,
    )  # fmt: skip
    save_page(table, physim.Folder.of(folder))
    return table


def preview_run(job: Any) -> None:
    """A small video without a network."""
    with _target(job) as target:
        summary = preview(job.ready(), target)
    _finished(job, summary)


def video_run(job: Any) -> None:
    """All of it: what ``i2v animate`` does."""
    with _target(job) as target:
        summary = animate(job.ready(), target)
    assert isinstance(summary, RunSummary)
    _finished(job, summary)


def judged_run(job: Any) -> None:
    """The video, and what the judge says of it: columns ``judge.NAME`` with units, and ``judge.html``."""
    with _target(job) as target:
        summary = animate(job.ready(), target, judge=target.with_name("judge.html"))
        assert isinstance(summary, RunSummary) and summary.judged is not None
        report = summary.judged
        target.with_name("judge.json").write_text(report.to_json() + "\n", encoding="utf-8")
    assert summary.trajectory is not None
    found = {f"judge.{m.name}{f' [{m.unit}]' if m.unit else ''}": m.value for m in report.metrics}
    job.finish(summary.trajectory, {"judge.faults": float(len(report.faults))} | found)


@contextmanager
def _target(job: Any) -> Iterator[Path]:
    """Where the video is made: in the run's folder, or here, to be sent there with what lies beside it."""
    folder = physim.Folder(job.folder)
    if folder.local is not None:
        yield folder.local / VIDEO
        return
    with tempfile.TemporaryDirectory() as here:
        yield Path(here) / VIDEO
        for file in sorted(Path(here).iterdir()):
            folder.write(file.name, file.read_bytes())


def _finished(job: Any, summary: RunSummary) -> None:
    assert summary.trajectory is not None
    job.finish(summary.trajectory)
