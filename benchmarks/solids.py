"""Rigid bodies and cloth against Newton and MuJoCo: same scenes, same machine, one command.

    python -m benchmarks.solids [--peers-python PYTHON] [--device cpu] [--write docs/benchmarks.md]

Prints per scene and engine the CPU time per simulated second, its ratio to ours, and the error that matters; writes
``out/solids/solids.json`` and, if asked, a page with a plot. Peers are optional: Newton and MuJoCo may live in another
environment, ``--peers-python``; a missing one is said to be missing. Every run is a process of its own and its states
are judged here, by the same arithmetic. Times are CPU time of the process, the least of the repeats of each frame, all
phases of the motion; compiling is not counted, nor the recording of the graph. Ours includes reading back poses and
impacts, which the peers' does not.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.solids_judge import judge
from benchmarks.solids_newton import CLOTH, SOLID
from benchmarks.solids_one import load
from benchmarks.solids_scenes import FPS, SCENES

MUJOCO = ("mujoco", "mujoco:slow")


@dataclass
class Row:
    """One engine on one scene."""

    scene: str
    engine: str
    settings: str = ""
    cpu: float | None = None
    """CPU time per simulated second [s]."""
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


def engines(scene: str) -> list[str]:
    """Names for ``benchmarks.solids_one``, ours first."""
    newton = CLOTH if scene.startswith("cloth") else SOLID
    mujoco = MUJOCO[:1] if scene.startswith("cloth") else MUJOCO
    return ["physim", *mujoco, *(f"newton:{solver}" for solver in newton)]


def measure(scene: str, engine: str, folder: Path, arguments: argparse.Namespace) -> Row:
    """Run one engine in a process, or read what an earlier run of it left."""
    package, _, solver = engine.partition(":")
    row = Row(scene, f"{package} {solver}".strip())
    python = sys.executable if package == "physim" else arguments.peers_python
    found = [python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"]
    if subprocess.run(found, capture_output=True).returncode:
        row.notes.append(f"{package} is not installed")
        return row
    output = folder / f"{scene}-{engine.replace(':', '-')}.npz"
    if not (arguments.resume and output.exists()):
        output.unlink(missing_ok=True)
        command = [python, "-m", "benchmarks.solids_one", scene, engine, "--output", str(output)]
        command += ["--device", arguments.device, "--repeats", str(arguments.repeats)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout)
            output.with_suffix(".log").write_text(done.stdout + done.stderr)
            if done.returncode:
                row.notes.append("failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1][:200])
                return row
        except subprocess.TimeoutExpired:
            row.notes.append(f"no result within {arguments.timeout:.0f} s")
            return row
    result = load(output)
    row.settings, row.notes = result.settings, [*row.notes, *result.notes]
    row.cpu = float(result.frame_cpu.mean() * FPS)
    row.slowest_frame = float(result.frame_cpu.max())
    row.errors = judge(SCENES[scene](), result)
    return row


def main(argv: list[str] | None = None) -> int:
    from rich.console import Console

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--engines", nargs="+", default=[], help="only those whose name contains one of these words")
    parser.add_argument("--peers-python", default=sys.executable, help="interpreter that has newton and mujoco")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=900.0, help="of one engine on one scene [s]")
    parser.add_argument("--resume", action="store_true", help="do not run again what has left a result")
    parser.add_argument("--output", type=Path, default=Path("out/solids"))
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="also write this page and a plot beside it")
    parser.add_argument("--note", default="", help="a remark about the run, for the page")
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 170, markup=False, highlight=False)
    rows: list[Row] = []
    for scene in arguments.scenes:
        names = engines(scene)
        if arguments.engines:
            names = [n for n in names if any(word in n for word in arguments.engines)]
        found = []
        for name in names:
            print(f"{scene}: {name} ...", file=sys.stderr, flush=True)
            found.append(measure(scene, name, arguments.output, arguments))
        ours = next((row.cpu for row in found if row.engine == "physim"), None)
        for row in found:
            row.ratio = row.cpu / ours if row.cpu and ours else None
        console.print(_table(scene, found))
        rows += found
    record = {"machine": _machine(arguments.device), "rows": [asdict(row) for row in rows]}
    (arguments.output / "solids.json").write_text(json.dumps(record, indent=2) + "\n")
    print(arguments.output / "solids.json")
    if arguments.write:
        from benchmarks.solids_page import write

        write(arguments.write, rows, record["machine"], arguments.note)
        print(arguments.write)
    return 0


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
    """One line of a table: engine, CPU seconds per second, ratio, errors, and what went wrong."""
    values = [number(row.errors.get(name)) for name in names]
    return [row.engine, number(row.cpu), number(row.ratio), *values, "; ".join([row.settings, *row.notes]).strip("; ")]


def error_names(rows: list[Row]) -> list[str]:
    """Of a scene, in the order of the judge."""
    return next((list(row.errors) for row in rows if len(row.errors) > 1), [])


def _table(scene: str, rows: list[Row]):  # type: ignore[no-untyped-def]
    from rich.table import Table

    names = error_names(rows)
    table = Table("engine", "CPU s / s", "ratio", *names, "settings", title=scene)
    for row in rows:
        table.add_row(*cells(row, names))
    return table


def _machine(device: str) -> str:
    model = platform.processor() or platform.machine()
    table = Path("/proc/cpuinfo")
    if table.exists():
        model = next((x.split(":")[1].strip() for x in table.read_text().splitlines() if "model name" in x), model)
    return f"{model}, one core; device {device}; Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
