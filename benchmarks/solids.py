"""Rigid bodies and cloth against Newton and MuJoCo: same scenes, same machine, one command.

    python -m benchmarks.solids [--peers-python PYTHON] [--device cpu] [--write docs/benchmarks.md]

Prints per scene and engine the CPU time per simulated second, its ratio to ours, and the error that matters; writes
``out/solids/solids.json`` and, if asked, a page with a plot. Peers are optional, see ``benchmarks.side_by_side``. Times
are CPU time of the process, the least of the repeats of each frame, all phases of the motion; compiling is not counted,
nor the recording of the graph. Ours includes reading back poses and impacts, which the peers' does not.
"""

from __future__ import annotations

import sys

from benchmarks.side_by_side import Comparison, Row, compare, options
from benchmarks.solids_judge import judge
from benchmarks.solids_newton import CLOTH, SOLID
from benchmarks.solids_page import COST, write
from benchmarks.solids_scenes import FPS, ClothScene, Result, SolidScene

MUJOCO = ("mujoco", "mujoco:slow")


def engines(scene: str) -> list[str]:
    """Names for ``benchmarks.one``, ours first."""
    newton = CLOTH if scene.startswith("cloth") else SOLID
    mujoco = MUJOCO[:1] if scene.startswith("cloth") else MUJOCO
    return ["physim", *mujoco, *(f"newton:{solver}" for solver in newton)]


def fill(row: Row, scene: SolidScene | ClothScene, result: Result) -> None:
    """CPU time per simulated second, and errors."""
    row.cpu = float(result.frame_cpu.mean() * FPS)
    row.slowest_frame = float(result.frame_cpu.max())
    row.errors = judge(scene, result)


def main(argv: list[str] | None = None) -> int:
    what = Comparison("solids", engines, fill, lambda scene: COST, write)
    return compare(what, options(what, __doc__).parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
