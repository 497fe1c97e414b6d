"""How random scenes are run in numbers: some at a time, each once, and each with a line in a record.

Every scene has its seed; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def parser(doc: str | None, *, count: int, record: str) -> argparse.ArgumentParser:
    """The options that all such runs have."""
    out = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--count", type=int, default=count)
    out.add_argument("--first", type=int, default=0)
    out.add_argument("--processes", type=int, default=2)
    out.add_argument("--device", default="cpu")
    out.add_argument("--record", type=Path, default=Path(record), help="one line per scene that was run")
    return out


def run(one: Callable[[int, str], Row], arguments: argparse.Namespace) -> list[Row]:
    """The rows of all seeds asked for; those that are not in the record yet are run by ``one``, in workers."""
    from rich.console import Console
    from rich.progress import Progress

    arguments.record.parent.mkdir(parents=True, exist_ok=True)
    done = {}
    if arguments.record.exists():
        done = {row["seed"]: row for row in map(json.loads, arguments.record.read_text().splitlines())}
    seeds = range(arguments.first, arguments.first + arguments.count)
    todo = [s for s in seeds if s not in done]
    with (
        arguments.record.open("a") as record,
        ProcessPoolExecutor(arguments.processes) as pool,
        Progress(console=Console(stderr=True)) as bars,
    ):
        bar = bars.add_task("scenes", total=len(todo))
        for row in pool.map(one, todo, [arguments.device] * len(todo), chunksize=4):
            done[row["seed"]] = row
            record.write(json.dumps(row) + "\n")
            record.flush()
            bars.advance(bar)
    return [done[s] for s in seeds]
