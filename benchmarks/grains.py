"""A column of sand on one core: ours and taichi's MLS-MPM on equal cells, particles, moduli and steps; and scaling.

    python -m benchmarks.grains [--particles 50000] [--sizes 10000 1000000] [--taichi PYTHON]

Both run the same scene, one after the other; ``--taichi`` names a Python that has taichi, if this one has not.
CPU times. The error of either is how far its deposit is from that of a run of ours with cells of two thirds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.grains_column import FPS, Column, Result, deposit

PER_COLUMN = 8 * np.pi
"""Particles of a column of unit cells with ratio 1."""


def column_of(particles: int, **others) -> Column:
    """The column with about so many particles."""
    return Column(per_radius=max(4, round((particles / PER_COLUMN) ** (1 / 3))), **others)


def ours(column: Column, frames: int | None = None) -> tuple[Result, dict]:
    """Simulate it with physim; and what taichi needs to do the same."""
    import physim
    from physim.solver_grains import GrainsSolver
    from physim.solver_rigid import RigidSolver

    low = column.low
    high = tuple(a + column.cell * (n - 1 - 2 * column.pad) for a, n in zip(low, column.shape, strict=True))
    resolution = max(column.shape) - 1 - 2 * column.pad
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood", friction=column.ground))
    sand = physim.Grains(
        "dry sand", friction_angle=column.friction_angle, domain=(low, high), resolution=resolution
    )  # fmt: skip
    tall = column.ratio * column.radius
    scene.add(physim.Cylinder(column.radius, tall), sand, name="sand", position=(0, tall / 2, 0))
    rigid = RigidSolver(scene, fps=FPS)
    grains = GrainsSolver(scene, rigid, seconds=column.seconds)
    rigid.couple(grains, works=True)
    frames = column.frames if frames is None else frames
    kind = grains.grains["sand"]
    start = kind.track().position[0]
    rigid.frame()  # compiles and captures
    begin = time.process_time()
    for _ in range(frames - 1):
        rigid.frame()
    spent = time.process_time() - begin
    steps = kind.steps * rigid.substeps
    result = Result("physim", kind.track().position[-1], spent / ((frames - 1) / FPS), steps * FPS)
    rho = float(sand.density)  # type: ignore[arg-type]
    shear, bulk = kind.moduli.shear / rho, kind.moduli.bulk / rho
    return result, {"start": start, "mu": shear, "lam": bulk - 2 * shear / 3, "steps": steps}


def theirs(column: Column, setting: dict, python: str) -> Result:
    """The same in taichi, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.npz"
        np.savez(path, **setting, per_radius=column.per_radius, seconds=column.seconds)
        command = [python, "-c", _CHILD, str(path), str(Path(folder) / "out.npz")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"taichi failed:\n{done.stderr[-2000:]}")
        found = np.load(Path(folder) / "out.npz")
        return Result("taichi MLS-MPM", found["position"], float(found["cost"]), float(found["rate"]))


_CHILD = """
import sys, numpy as np
from benchmarks.grains_column import Column
from benchmarks.grains_taichi import run
d = np.load(sys.argv[1])
column = Column(int(d["per_radius"]), seconds=float(d["seconds"]))
volume = column.cell**3 / 8
r = run(column, d["start"], volume, float(d["mu"]), float(d["lam"]), int(d["steps"]))
np.savez(sys.argv[2], position=r.position, cost=r.cost, rate=r.rate)
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=50000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10000, 50000, 200000, 1000000])
    parser.add_argument("--taichi", default=sys.executable, help="a Python that has taichi")
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--no-fine", action="store_true", help="do not run the finer column that errors are taken from")
    arguments = parser.parse_args(argv)
    if arguments.particles:
        _compare(arguments)
    for size in arguments.sizes:
        column = column_of(size, seconds=0.15)
        result, _ = ours(column, frames=3)
        print(json.dumps({"particles": len(result.position), "ns_per_particle_step": 1e9 * result.per_particle()}))
    return 0


def _compare(arguments: argparse.Namespace) -> None:
    column = column_of(arguments.particles, seconds=arguments.seconds)
    mine, setting = ours(column)
    rows = [mine, theirs(column, setting, arguments.taichi)]
    truth = None
    if not arguments.no_fine:
        fine = Column(round(1.5 * column.per_radius), seconds=arguments.seconds)
        truth = np.array(deposit(ours(fine)[0].position, fine.radius))
    for row in rows:
        found = np.array(deposit(row.position, column.radius))
        values = {
            "engine": row.name, "particles": len(row.position), "steps_per_s": row.rate,
            "cpu_s_per_simulated_s": round(row.cost, 3), "ns_per_particle_step": round(1e9 * row.per_particle(), 1),
            "top, r99, centre": [round(float(f), 3) for f in found],
        }  # fmt: skip
        if truth is not None:
            values["error"] = round(float(np.abs(found / truth - 1).max()), 4)
        print(json.dumps(values), flush=True)
    print(json.dumps({"ratio": round(rows[1].cost / rows[0].cost, 2)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
