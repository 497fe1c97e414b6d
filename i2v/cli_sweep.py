"""Command line: ``i2v sweep``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EXAMPLES = """examples:
  i2v sweep shot.yaml --set things.ball.rigid.restitution=0.2:0.9:8 --set forces.wind.velocity.0=0,4,8
  i2v sweep shot.yaml --set things.cup.at.1=5cm:20cm --latin 40 --level preview --workers 2
  i2v sweep shot.yaml --list runs.csv --measure mymodule:height_of_the_splash
  i2v sweep a.yaml b.yaml c.yaml --level video -o clips
  i2v sweep shot.yaml --list runs.csv --executor ray://head:10001 -o s3://bucket/splashes --price 0.04
the secret of --webhook is read from PHYSIM_WEBHOOK_SECRET"""


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the command; returns its parser."""
    sweep = commands.add_parser(
        "sweep", help="run a shot with many values of its fields, and compare what comes of them",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    sweep.add_argument("shot", nargs="+", help="shot file: .yaml, .json or .toml, or its URL; of several, each is run")
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
    sweep.add_argument("--executor", help="local (default), ray, ray://HOST:PORT or slurm")
    sweep.add_argument("--cpus", type=float, default=1.0, help="cores that one run needs (default: 1)")
    sweep.add_argument("--gpus", type=float, default=0.0, help="GPUs that one run needs (default: none)")
    sweep.add_argument("--memory", type=float, default=0.0, metavar="GB", help="memory that one run needs")
    sweep.add_argument("--price", type=float, default=0.0, help="of an hour of one worker: the cost is told")
    sweep.add_argument("--webhook", metavar="URL", help="send what happens there")
    sweep.add_argument("-o", "--output", help="folder, or its URL (default: the shot's name with .sweep)")
    sweep.add_argument("--dry-run", action="store_true", help="print the runs and stop")
    sweep.add_argument("--quiet", action="store_true", help="no progress")
    sweep.set_defaults(run=_sweep)
    return [sweep]


def _sweep(arguments: argparse.Namespace) -> int:
    """Prints the path of the table; exit code 1 if a run failed."""
    import physim

    first = arguments.shot[0]
    plan = _plan(arguments, first)
    if arguments.dry_run:
        for row in plan:
            print("  ".join(f"{path}={value}" for path, value in row.items()))
        return 0
    from i2v.sweeps import sweep

    folder = physim.Folder.of(arguments.output or f"{Path(first).stem}.sweep")
    needs = physim.Needs(arguments.cpus, arguments.gpus, 1e9 * arguments.memory)
    with _bar(arguments.quiet, arguments.price) as bar, _webhook(arguments.webhook) as send:

        def tell(event: Any) -> None:
            bar(event)
            send(event)

        table = sweep(
            arguments.shot, plan, str(folder), level=arguments.level, outcomes=arguments.measure,
            workers=arguments.workers, timeout=arguments.timeout, retries=arguments.retries,
            executor=arguments.executor, needs=None if needs == physim.Needs() else needs, price=arguments.price,
            on_event=tell,
        )  # fmt: skip
    print(folder / "table.csv")
    for run in table.failed:
        values = ", ".join(f"{path}={value}" for path, value in run.values.items())
        print(f"failed: {run.key} ({values}): {run.error}", file=sys.stderr)
    if not arguments.quiet:
        print(f"{len(table) - len(table.failed)} of {len(table)} runs; page: {folder / 'index.html'}", file=sys.stderr)
    return 1 if table.failed else 0


def _plan(arguments: argparse.Namespace, shot: str) -> list[dict[str, Any]]:
    """The runs that the options ask for; several shots may be run as they are."""
    import physim

    if len(arguments.shot) > 1 and not arguments.axes and arguments.list is None:
        return [{}]
    return physim.plan(
        shot, *arguments.axes, random=arguments.random, latin=arguments.latin, rows=arguments.list, seed=arguments.seed
    )


@contextmanager
def _webhook(url: str | None) -> Iterator[Callable[[Any], None]]:
    """What sends events, signed if there is a secret; what waits is sent before it ends."""
    if url is None:
        yield lambda event: None
        return
    import physim

    with physim.Webhook(url, os.environ.get("PHYSIM_WEBHOOK_SECRET", "")) as send:
        yield send


@contextmanager
def _bar(quiet: bool, price: float) -> Iterator[Callable[[Any], None]]:
    """Runs done, time left and cost; on a terminal. Elsewhere a line now and then."""
    if quiet:
        yield lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    words = TextColumn("{task.fields[words]}")
    with Progress(BarColumn(), words, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("runs", words="")
        told = -1.0

        def tell(event: Any) -> None:
            nonlocal told
            words = event.in_words(priced=price > 0)
            bars.update(task, completed=event.done, total=event.total, words=words)
            last = event.kind in ("finished", "stopped")
            if not sys.stderr.isatty() and (last or event.done >= told + event.total / 10):
                told = event.done
                print(words, file=sys.stderr)

        yield tell
