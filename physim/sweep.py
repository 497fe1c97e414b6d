"""Sweeps: one shot, many values. Each run lies in a folder named after what decides it, and is never made twice.

``FOLDER/runs/KEY/`` holds ``shot.json``, resolved, ``tracks.npz``, where every body was at frame times, and
``result.json`` as the last file written; ``error.txt`` where the run failed. ``FOLDER/table.csv`` has a line per
run in the order of the plan. See ``docs/sweeps.md``.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from physim.events import Meter, OnEvent
from physim.executor import Executor, Failure, Local, Needs, Serial, Work
from physim.executor_choice import executor_of
from physim.outcomes import found
from physim.progress import Progress, untold
from physim.shot import Shot
from physim.shot_file import load
from physim.shot_remote import brought, is_url
from physim.store import Folder
from physim.sweep_job import Job, jobs_of, once, results_of
from physim.sweep_plan import Row
from physim.sweep_table import Run, Table

OneShot = Shot | str | os.PathLike


def sweep(
    shot: OneShot | Sequence[OneShot],
    plan: Sequence[Row],
    folder: Folder | str | os.PathLike,
    *,
    outcomes: Sequence[str] = (),
    work: Work | None = None,
    workers: int | None = 1,
    timeout: float | None = None,
    retries: int = 1,
    executor: Executor | str | None = None,
    needs: Needs | None = None,
    progress: Progress | None = None,
    on_event: OnEvent | None = None,
    price: float = 0.0,
) -> Table:
    """Run a shot with other values again and again; what is there already is not run again.

    Args:
        shot: A shot, the path or URL of a shot file, or several of them, for each of which the plan is run.
        plan: Rows of field path → value, such as :func:`physim.sweep_plan.grid` makes; ``[{}]`` is the shot as it is.
        folder: Where runs and table go, a path or a URL (s3://, gs://, memory://). Several sweeps may share it.
        outcomes: Own measures beside those of :func:`physim.outcomes.measured`, each as "module:function".
        work: What a run is, a function of a :class:`Job`; default: :func:`physics`, the simulation alone.
        workers: Processes on this machine; 1: this one; ``None``: as many as fit.
        timeout: Time after which a run is given up [s]; it needs a process of its own.
        retries: How often a run is begun again whose process died or took too long.
        executor: Who does the runs: 'local', 'ray', 'ray://HOST:PORT', 'slurm', or an
            :class:`~physim.executor.Executor`, which then knows its own time-outs and retries.
        needs: What one run asks of a machine, looked at before the first one begins.
        progress: Called with ('runs', fraction of the runs done), first with those that were there; see
            :mod:`physim.progress`.
        on_event: Called with every :class:`~physim.events.Event`, such as a :class:`~physim.webhook.Webhook`.
        price: Of an hour of one worker, for the costs in events.

    Returns:
        The table, one row per row of the plan. A run that failed has an ``error`` and no outcomes.

    Raises:
        ValueError: A field, a measure or an executor that is not there; a machine that lacks what a run needs.
        physim.shot_file.ShotError: A value that cannot be; nothing was run.
    """
    for outcome in outcomes:
        found(outcome)
    work = work or physics
    root = Folder.of(folder)
    who = executor_of(executor, root, workers=workers, timeout=timeout, retries=retries, needs=needs)
    with ExitStack() as here:
        shots, brought_here = _shots(shot, here)
        apart = brought_here or root.local is None or not isinstance(who, Serial | Local)
        rows, jobs = jobs_of(shots, plan, root, tuple(outcomes), work, apart)
        results = results_of(root, jobs)
        waiting = [job for key, job in jobs.items() if key not in results]
        meter = Meter(str(root), len(jobs), len(results), price)
        errors = _do(who, work, waiting, meter, progress or untold, on_event or (lambda event: None))
    results |= results_of(root, [job.key for job in waiting])
    table = Table(tuple(_run(row, key, results.get(key), errors) for row, key in rows))
    root.write("table.csv", table.to_csv())
    if on_event:
        on_event(meter.event("finished"))
    return table


def _do(
    who: Executor, work: Work, waiting: Sequence[Job], meter: Meter, tell: Progress, happen: OnEvent
) -> dict[str, str]:
    """Do what is to be done; the errors of runs that failed, by key."""
    event = meter.event("started")
    tell("runs", event.done / max(event.total, 1))
    happen(event)
    errors: dict[str, str] = {}
    try:
        for number, answer in who.run(functools.partial(once, work), waiting):
            job, error = waiting[number], ""
            if isinstance(answer, Failure):
                errors[job.key] = error = answer.text
                Folder(job.folder).write("error.txt", error + "\n")
            event = meter.add(job.key, answer if isinstance(answer, float) else 0.0, error)
            tell("runs", event.done / max(event.total, 1))
            happen(event)
    except BaseException:
        happen(meter.event("stopped"))
        raise
    return errors


def physics(job: Job) -> None:
    """Reconstruct as far as the physics needs it, simulate, measure. Scenes of one photo and structure share work."""
    from physim.recall import remembering
    from physim.reconstruct import reconstruct
    from physim.simulate import simulate

    shot, (bench, steps) = job.ready(), _shared()
    with remembering(steps):
        scene = reconstruct(shot, picture=False)
    job.finish(simulate(scene, seconds=shot.seconds, fps=shot.fps, bench=bench))


@functools.cache
def _shared() -> tuple[Any, Any]:
    """What the runs of one process have in common."""
    from physim.recall import Steps
    from physim.rerun import Bench

    return Bench(), Steps()


def _shots(shot: OneShot | Sequence[OneShot], here: ExitStack) -> tuple[dict[str, Shot], bool]:
    """Shots by name, of several each has one of its own; and whether one was brought here from storage."""
    several = [shot] if isinstance(shot, Shot | str | os.PathLike) else list(shot)
    if not several:
        raise ValueError("there is no shot to sweep, expected at least one.")
    shots: dict[str, Shot] = {}
    for i, one in enumerate(several):
        stem = f"shot {i}" if isinstance(one, Shot) else Path(os.fspath(one)).stem
        name = stem if stem not in shots else f"{stem} {i}"
        if isinstance(one, Shot):
            shots[name] = one
        else:
            shots[name] = here.enter_context(brought(os.fspath(one))) if is_url(one) else load(one)
    return shots, any(is_url(one) for one in several)


def _run(row: Row, key: str, outcomes: Mapping[str, float] | None, errors: Mapping[str, str]) -> Run:
    if outcomes is None:
        return Run(key, dict(row), {}, errors.get(key, "not run").strip())
    return Run(key, dict(row), dict(outcomes))
