"""Smoke and liquid against PhiFlow, taichi, Newton and plain NumPy: same scenes, same core, one command.

    python -m benchmarks.fluids [--peers-python PYTHON] [--device cpu] [--write docs/benchmarks.md]

Prints per scene and engine the CPU time of a step (smoke) or of a simulated second (liquid), its ratio to ours, and the
errors that matter; of ours also the share of what the memory's bandwidth would allow, by a triad measured in the same
run and by the arrays that the passes of a step are given. Writes ``out/fluids/fluids.json`` and, if asked, a part of a
page. Peers are optional: they may live in another environment, ``--peers-python``; a missing one is said to be missing.
Every run is a process of its own with one thread, and its states are judged here, by the same arithmetic. Compiling is
not counted, nor the recording of a graph; of each step the least CPU time of the repeats counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.fluids_judge import judge
from benchmarks.fluids_one import load
from benchmarks.fluids_scenes import SCENES, DamScene, SmokeScene
from benchmarks.solids import Row, _machine, _table

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def engines(scene: str) -> list[str]:
    """Names for ``benchmarks.fluids_one``, ours first."""
    return ["physim", "numpy", "taichi", "newton"] if scene.startswith("dam") else ["physim", "numpy", "phiflow"]


def triad(repeats: int = 5) -> float:
    """Bandwidth of memory of one thread: a = b + 2 c over arrays that no cache holds [bytes/s]."""
    b, c = np.ones(2**24, np.float32), np.ones(2**24, np.float32)
    a = np.zeros_like(b)
    best = np.inf
    for _ in range(repeats):
        begin = time.process_time()
        np.multiply(c, np.float32(2.0), out=a)  # reads c, writes a
        np.add(a, b, out=a)  # reads a and b, writes a
        best = min(best, time.process_time() - begin)
    return 5 * a.nbytes / best


def measure(scene: str, engine: str, folder: Path, arguments: argparse.Namespace) -> Row:
    """Run one engine in a process, or read what an earlier run of it left."""
    row = Row(scene, {"numpy": "numpy/scipy"}.get(engine, engine))
    python = sys.executable if engine in ("physim", "numpy") else arguments.peers_python
    package = {"phiflow": "phi"}.get(engine, engine)
    found = [python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"]
    if subprocess.run(found, capture_output=True).returncode:
        row.notes.append(f"{engine} is not installed")
        return row
    output = folder / f"{scene}-{engine}.npz"
    log = output.with_suffix(".log")
    if not (arguments.resume and log.exists()):
        output.unlink(missing_ok=True)
        command = [python, "-m", "benchmarks.fluids_one", scene, engine, "--output", str(output)]
        command += ["--device", arguments.device, "--repeats", str(arguments.repeats), "--limit", str(arguments.limit)]
        if hasattr(os, "sched_setaffinity"):
            code = f"import os, sys; os.sched_setaffinity(0, {{{arguments.core}}}); os.execv(sys.argv[1], sys.argv[1:])"
            command = [sys.executable, "-c", code, *command]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=arguments.timeout, env=os.environ | ONE_THREAD
            )
            log.write_text(done.stdout + done.stderr)
        except subprocess.TimeoutExpired:
            log.write_text(f"no result within {arguments.timeout:.0f} s\n")
    if not output.exists():
        row.notes.append((log.read_text().strip().splitlines() or ["no message"])[-1][:160])
        return row
    result = load(output)
    row.settings, row.notes = result.settings, [*row.notes, *result.notes]
    step = float(result.step_cpu.mean())
    row.cpu = 1e3 * step if not isinstance(SCENES[scene], DamScene) else float(result.step_cpu.sum() / result.seconds)
    row.slowest_frame = float(result.step_cpu.max())
    row.errors = judge(SCENES[scene], result)
    if result.bytes_per_step:
        share = result.bytes_per_step / step / arguments.bandwidth
        row.notes.append(
            f"passes move at least {result.bytes_per_step / 1e6:.0f} MB per {_unit(scene)}, "
            f"{100 * share:.0f} % of what memory allows"
        )
    return row


def _unit(scene: str) -> str:
    return "frame" if isinstance(SCENES[scene], DamScene) else "step"


def cost_name(scene: str) -> str:
    """Heading of the column of costs."""
    return "CPU s / s" if isinstance(SCENES[scene], DamScene) else "CPU ms / step"


def size_of(scene: str) -> str:
    """How large the scene is, in words."""
    what = SCENES[scene]
    if isinstance(what, DamScene):
        return f"{len(what.particles()):,} particles, {what.per_side} cells per column width"
    return f"{what.cells}³ cells" if isinstance(what, SmokeScene) else f"{what.cells}² cells"


def main(argv: list[str] | None = None) -> int:
    from rich.console import Console

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--engines", nargs="+", default=[], help="only those whose name contains one of these words")
    parser.add_argument("--peers-python", default=sys.executable, help="interpreter with phiflow, taichi and newton")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--core", type=int, default=0, help="number of the processor to run on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60.0, help="begin no further repeat after this CPU time [s]")
    parser.add_argument("--timeout", type=float, default=1200.0, help="of one engine on one scene [s]")
    parser.add_argument("--resume", action="store_true", help="do not run again what has left a result")
    parser.add_argument("--output", type=Path, default=Path("out/fluids"))
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="also write the part of this page on fluids")
    parser.add_argument("--note", default="", help="a remark about the run, for the page")
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 190, markup=False, highlight=False)
    arguments.bandwidth = triad()
    console.print(f"memory bandwidth of one thread: {arguments.bandwidth / 1e9:.1f} GB/s (triad)")
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
        table = _table(scene, found)
        table.columns[1].header = cost_name(scene)
        console.print(table)
        rows += found
    machine = f"{_machine(arguments.device)}; {arguments.bandwidth / 1e9:.0f} GB/s of memory by a triad on that core"
    record = {"machine": machine, "rows": [asdict(row) for row in rows]}
    (arguments.output / "fluids.json").write_text(json.dumps(record, indent=2) + "\n")
    print(arguments.output / "fluids.json")
    if arguments.write:
        from benchmarks.fluids_page import write

        write(arguments.write, rows, machine, arguments.note)
        print(arguments.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
