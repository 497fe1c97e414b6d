"""What the comparisons with peers share: engines in processes of their own, tables, the command line.

Peers are optional: they may live in another environment, ``--peers-python``; a missing one is said to be missing. Every
run is a process of its own with one thread on one core, see ``benchmarks.one``, and its states are judged in this one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.one import load, scene_of, scenes

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
HERE = ("physim", "numpy")
"""Run by the interpreter that runs the comparison."""
NAMES = {"numpy": "numpy/scipy"}
PACKAGES = {"phiflow": "phi"}
"""Names to import, where they are not those of the engines."""


@dataclass
class Row:
    """One engine on one scene."""

    scene: str
    engine: str
    settings: str = ""
    cpu: float | None = None
    """In the unit of the scene's cost."""
    slowest_frame: float | None = None
    """[s]"""
    ratio: float | None = None
    """CPU time over ours."""
    errors: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def error(self) -> float | None:
        """The first of the errors, which ranks."""
        return next(iter(self.errors.values()), None)


@dataclass(frozen=True)
class Comparison:
    """What is compared, by whom, and how it is judged."""

    subject: str
    """Of ``benchmarks.one``."""
    engines: Callable[[str], list[str]]
    """For a scene, ours first."""
    fill: Callable[[Row, Any, Any], None]
    """Costs, errors and remarks into the row, from the scene and its result."""
    cost_name: Callable[[str], str]
    """Heading of a scene's column of costs."""
    write: Callable[[Path, list[Row], str, str], None]
    """The page, or its part: path, rows, machine, note."""
    machine: str = ""
    """What there is to say of it beside its processor."""


def measure(what: Comparison, scene: str, engine: str, folder: Path, arguments: argparse.Namespace) -> Row:
    """Run one engine in a process, or read what an earlier run of it left."""
    package, _, solver = engine.partition(":")
    row = Row(scene, f"{NAMES.get(package, package)} {solver}".strip())
    python = sys.executable if package in HERE else arguments.peers_python
    name = PACKAGES.get(package, package)
    found = [python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)"]
    if subprocess.run(found, capture_output=True).returncode:
        row.notes.append(f"{package} is not installed")
        return row
    output = folder / f"{scene}-{engine.replace(':', '-')}.npz"
    log = output.with_suffix(".log")
    if not (arguments.resume and log.exists()):
        output.unlink(missing_ok=True)
        command = [python, "-m", "benchmarks.one", what.subject, scene, engine, "--output", str(output)]
        _run(command, log, arguments)
    if not output.exists():
        row.notes.append((log.read_text().strip().splitlines() or ["no message"])[-1][:160])
        return row
    result = load(what.subject, output)
    row.settings, row.notes = result.settings, [*row.notes, *result.notes]
    what.fill(row, scene_of(what.subject, scene), result)
    return row


def _run(command: list[str], log: Path, arguments: argparse.Namespace) -> None:
    """Run an engine on one core, with what it says in ``log``."""
    command += ["--device", arguments.device, "--repeats", str(arguments.repeats), "--limit", str(arguments.limit)]
    if hasattr(os, "sched_setaffinity"):
        code = f"import os, sys; os.sched_setaffinity(0, {{{arguments.core}}}); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", code, *command]
    environment = os.environ | ONE_THREAD
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout, env=environment)
        log.write_text(done.stdout + done.stderr)
    except subprocess.TimeoutExpired:
        log.write_text(f"no result within {arguments.timeout:.0f} s\n")


def options(what: Comparison, description: str | None) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(scenes(what.subject))
    parser.add_argument("--scenes", nargs="+", choices=names, default=names)
    parser.add_argument("--engines", nargs="+", default=[], help="only those whose name contains one of these words")
    parser.add_argument("--peers-python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--core", type=int, default=0, help="number of the processor to run on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60.0, help="begin no further repeat after this CPU time [s]")
    parser.add_argument("--timeout", type=float, default=1200.0, help="of one engine on one scene [s]")
    parser.add_argument("--resume", action="store_true", help="do not run again what has left a result or a reason")
    parser.add_argument("--output", type=Path, default=Path("out") / what.subject)
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="also write this page")
    parser.add_argument("--note", default="", help="a remark about the run, for the page")
    return parser


def compare(what: Comparison, arguments: argparse.Namespace) -> int:
    """Run, judge and print everything that was asked for, and write it down."""
    from rich.console import Console

    arguments.output.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 190, markup=False, highlight=False)
    rows: list[Row] = []
    for scene in arguments.scenes:
        names = what.engines(scene)
        if arguments.engines:
            names = [n for n in names if any(word in n for word in arguments.engines)]
        found = []
        for name in names:
            print(f"{scene}: {name} ...", file=sys.stderr, flush=True)
            found.append(measure(what, scene, name, arguments.output, arguments))
        ours = next((row.cpu for row in found if row.engine == "physim"), None)
        for row in found:
            row.ratio = row.cpu / ours if row.cpu and ours else None
        console.print(_table(scene, what.cost_name(scene), found))
        rows += found
    machine = "; ".join(filter(None, [_machine(arguments.device), what.machine]))
    record = arguments.output / f"{what.subject}.json"
    record.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
    print(record)
    if arguments.write:
        what.write(arguments.write, rows, machine, arguments.note)
        print(arguments.write)
    return 0


def _machine(device: str) -> str:
    model = platform.processor() or platform.machine()
    table = Path("/proc/cpuinfo")
    if table.exists():
        model = next((x.split(":")[1].strip() for x in table.read_text().splitlines() if "model name" in x), model)
    return f"{model}, one core; device {device}; Python {platform.python_version()}"


# -- tables ----------------------------------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """Three digits, without an exponent where that reads well."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1e5 or abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def cells(row: Row, names: list[str]) -> list[str]:
    """One line of a table: engine, cost, ratio, errors, and what went wrong."""
    values = [number(row.errors.get(name)) for name in names]
    return [row.engine, number(row.cpu), number(row.ratio), *values, "; ".join([row.settings, *row.notes]).strip("; ")]


def error_names(rows: list[Row]) -> list[str]:
    """Of a scene, in the order of the judge."""
    return next((list(row.errors) for row in rows if len(row.errors) > 1), list(rows[0].errors) if rows else [])


def markdown(rows: list[Row], cost_name: str) -> list[str]:
    """Lines of one scene's table."""
    names = error_names(rows)
    head = ["engine", cost_name, "ratio", *names, "settings and remarks"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return lines + [f"| {' | '.join(c.replace('|', '/') for c in cells(row, names))} |" for row in rows]


def _table(scene: str, cost_name: str, rows: list[Row]):  # type: ignore[no-untyped-def]
    from rich.table import Table

    names = error_names(rows)
    table = Table("engine", cost_name, "ratio", *names, "settings", title=scene)
    for row in rows:
        table.add_row(*cells(row, names))
    return table
