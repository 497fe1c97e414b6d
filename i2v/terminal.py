"""What a run shows on a terminal: a bar per stage, and the summary. All of it on stderr; stdout is for results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from i2v.animate import RunSummary


def print_summary(summary: RunSummary) -> None:
    """Path, times, physics, what was inferred from where, memory."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows, cols = summary.size
    seconds = summary.frame_count / summary.fps
    table.add_row("video", f"{cols} x {rows}, {summary.frame_count} frames, {seconds:g} s, model {summary.model}")
    table.add_row("again", f"i2v animate {summary.resolved_shot}")
    stages = ", ".join(f"{name} {spent:.1f}" for name, spent in summary.stages.items())
    table.add_row("time [s]", f"{stages}; together {sum(summary.stages.values()):.1f}")
    table.add_row("physics", f"{summary.bodies} bodies, {summary.contacts} impacts")
    for law, value in summary.conservation.items():
        table.add_row("", f"{law}: {value:.3g}")
    for what, source in summary.inferred.items():
        table.add_row("inferred", f"{what}: {source}")
    table.add_row("memory", f"{summary.peak_memory / 2**30:.2f} GiB at most")
    width = None if sys.stderr.isatty() else 140  # a log file has no width of its own
    Console(stderr=True, width=width, markup=False, highlight=False).print(table)


@contextmanager
def show_progress(quiet: bool = False) -> Iterator[Callable[[str, float], None] | None]:
    """A bar per stage on a terminal, a line as each stage begins elsewhere; stderr in both cases."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bars() as show:
            yield show
    else:
        yield _lines()


@contextmanager
def _bars() -> Iterator[Callable[[str, float], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=1.0)
            bars.update(tasks[stage], completed=fraction)

        yield show


def _lines() -> Callable[[str, float], None]:
    begun: set[str] = set()

    def show(stage: str, fraction: float) -> None:
        if stage not in begun:
            begun.add(stage)
            print(f"{stage} ...", file=sys.stderr, flush=True)

    return show
