"""Smoke and liquid against PhiFlow, taichi, Newton and plain NumPy: same scenes, same core, one command.

    python -m benchmarks.fluids [--peers-python PYTHON] [--device cpu] [--write docs/benchmarks.md]

Prints per scene and engine the CPU time of a step (smoke) or of a simulated second (liquid), its ratio to ours, and the
errors that matter; of ours also the share of what the memory's bandwidth would allow, by a triad measured in the same
run and by the arrays that the passes of a step are given. Writes ``out/fluids/fluids.json`` and, if asked, a part of a
page. Peers are optional, see ``benchmarks.side_by_side``. Compiling is not counted, nor the recording of a graph; of
each step the least CPU time of the repeats counts.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.fluids_judge import judge
from benchmarks.fluids_page import cost_name, write
from benchmarks.fluids_scenes import DamScene, FluidScene, Result
from benchmarks.side_by_side import Comparison, Row, compare, options


def engines(scene: str) -> list[str]:
    """Names for ``benchmarks.one``, ours first."""
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


def fill(row: Row, scene: FluidScene, result: Result, bandwidth: float) -> None:
    """Cost of a step [ms] or of a simulated second [s], errors, and the share of what memory allows."""
    step, liquid = float(result.step_cpu.mean()), isinstance(scene, DamScene)
    row.cpu = float(result.step_cpu.sum() / result.seconds) if liquid else 1e3 * step
    row.slowest_frame = float(result.step_cpu.max())
    row.errors = judge(scene, result)
    if result.bytes_per_step:
        share = result.bytes_per_step / step / bandwidth
        row.notes.append(
            f"passes move at least {result.bytes_per_step / 1e6:.0f} MB per {'frame' if liquid else 'step'}, "
            f"{100 * share:.0f} % of what memory allows"
        )


def main(argv: list[str] | None = None) -> int:
    bandwidth = triad()
    memory = f"{bandwidth / 1e9:.0f} GB/s of memory by a triad on that core"
    what = Comparison("fluids", engines, lambda *row: fill(*row, bandwidth), cost_name, write, memory)
    arguments = options(what, __doc__).parse_args(argv)
    print(memory)
    return compare(what, arguments)


if __name__ == "__main__":
    sys.exit(main())
