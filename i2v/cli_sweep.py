"""Command line: ``i2v sweep``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EXAMPLES = """examples:
  i2v sweep shot.yaml --set things.ball.rigid.restitution=0.2:0.9:8 --set forces.wind.velocity.0=0,4,8
  i2v sweep shot.yaml --set things.cup.at.1=5cm:20cm --latin 40 --level preview --workers 2
  i2v sweep shot.yaml --list runs.csv --measure mymodule:height_of_the_splash"""


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command; returns its parser."""
    sweep = commands.add_parser(
        "sweep", help="run a shot with many values of its fields, and compare what comes of them",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    sweep.add_argument("shot", type=Path, help="shot file: .yaml, .json or .toml")
    sweep.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUES", dest="axes",
        help="a field and its values: low:high:count, log:low:high:count, or a,b,c; with --random and --latin also "
        "low:high. Numbers may have units",
    )  # fmt: skip
    how = sweep.add_mutually_exclusive_group()
    how.add_argument("--random", type=int, metavar="N", help="N independent draws instead of every combination")
    how.add_argument("--latin", type=int, metavar="N", help="N draws spread evenly (Latin hypercube)")
    how.add_argument("--list", type=Path, metavar="FILE", help="runs of a .csv (first line: paths) or .json file")
    sweep.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    sweep.add_argument("--level", default="physics", help="physics (default), preview (small videos), video, judged")
    sweep.add_argument(
        "--measure", action="append", default=[], metavar="MODULE:FUNCTION", help="own measure of a trajectory"
    )
    sweep.add_argument("--workers", type=int, help="processes (default: one per core)")
    sweep.add_argument("--timeout", type=float, metavar="SECONDS", help="a run that takes longer is given up")
    sweep.add_argument("--retries", type=int, default=1, help="of a run whose process died (default: 1)")
    sweep.add_argument("-o", "--output", type=Path, help="folder (default: the shot's name with .sweep)")
    sweep.add_argument("--dry-run", action="store_true", help="print the runs and stop")
    sweep.add_argument("--quiet", action="store_true", help="no progress")
    sweep.set_defaults(run=_sweep)
    return [sweep]


def _sweep(arguments: argparse.Namespace) -> int:
    """Prints the path of the table; exit code 1 if a run failed."""
    import physim

    plan = _plan(arguments, physim.Shot.load(arguments.shot))
    if arguments.dry_run:
        for row in plan:
            print("  ".join(f"{path}={value}" for path, value in row.items()))
        return 0
    from i2v.sweeps import sweep

    folder = arguments.output or Path(f"{arguments.shot.stem}.sweep")
    with _bar(arguments.quiet) as progress:
        table = sweep(
            arguments.shot, plan, folder, level=arguments.level, outcomes=arguments.measure,
            workers=arguments.workers, timeout=arguments.timeout, retries=arguments.retries, progress=progress,
        )  # fmt: skip
    print(folder / "table.csv")
    for run in table.failed:
        values = ", ".join(f"{path}={value}" for path, value in run.values.items())
        print(f"failed: {run.key} ({values}): {run.error}", file=sys.stderr)
    if not arguments.quiet:
        print(f"{len(table) - len(table.failed)} of {len(table)} runs; page: {folder / 'index.html'}", file=sys.stderr)
    return 1 if table.failed else 0


def _plan(arguments: argparse.Namespace, shot: Any) -> list[dict[str, Any]]:
    """The runs that the options ask for."""
    import physim

    return physim.plan(
        shot, *arguments.axes, random=arguments.random, latin=arguments.latin, rows=arguments.list, seed=arguments.seed
    )


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Runs done, time left; on a terminal. Elsewhere a line now and then."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("runs")
        told = -1.0

        def tell(done: int, total: int) -> None:
            nonlocal told
            bars.update(task, completed=done, total=total)
            if not sys.stderr.isatty() and (done == total or done >= told + total / 10):
                told = done
                print(f"runs {done} of {total}", file=sys.stderr)

        yield tell
