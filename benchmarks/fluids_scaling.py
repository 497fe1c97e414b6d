"""Cost of gas per cell, 32^3 to 128^3, and of liquid per particle, 10,000 to a million.

    python -m benchmarks.fluids_scaling [--device cpu] [--write docs]

The scenes of ``benchmarks.fluids`` at other sizes: hot gas in a closed box, without and with a ball that moves through
it, and the column of water that falls apart. Prints nanoseconds of CPU time per cell and step, and per particle and
step; writes ``fluids_scaling.json`` and the plot ``fluids_scaling.png``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import warp as wp

import physim
from benchmarks.fluids_ours import dam_world, place_ball, smoke
from benchmarks.fluids_scenes import FPS, DamScene, SmokeScene
from benchmarks.plot import COLOURS, Panel, Series, draw

SIZES = (32, 48, 64, 96, 128)
DAMS = ((13, 4), (25, 5), (32, 6), (40, 8), (52, 12), (68, 13))
"""Cells along the column's width, and across the tank: 10,800 to 962,000 particles."""


def gas_cost(cells: int, ball: bool, steps: int, device: str) -> float:
    """[ns of CPU time per cell and step], the least of ``steps`` steps."""
    scene = SmokeScene("gas", cells, ball=ball)
    gas = smoke(scene, device)
    gas.frame()  # loads and records
    best = np.inf
    for step in range(steps):
        if ball:
            place_ball(scene, gas, step)
        begin = time.process_time()
        gas.frame()
        wp.synchronize_device(gas.device)
        best = min(best, time.process_time() - begin)
    return 1e9 * best / cells**3


def liquid_cost(per_side: int, deep: int, frames: int, device: str) -> tuple[int, float]:
    """Particles, and [ns of CPU time per particle and step]: the least of the frames from the third on."""
    scene = DamScene("dam", per_side, deep)
    marks: list[float] = []
    trajectory = physim.simulate(
        dam_world(scene), seconds=frames / FPS, fps=FPS, device=device,
        progress=lambda *_: marks.append(time.process_time()),
    )  # fmt: skip
    steps = 1 / FPS / trajectory.report.values["liquid_step [s]"]
    count = len(scene.particles())
    return count, 1e9 * float(np.diff(marks)[2:].min()) / steps / count


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--largest", type=int, default=10**6, help="most particles")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", type=Path, default=Path("out"), help="folder of the plot and the figures")
    arguments = parser.parse_args(argv)
    arguments.write.mkdir(parents=True, exist_ok=True)
    record: dict[str, dict[str, float]] = {}
    panels = [
        Panel("cost of gas", "cells", "CPU time per cell and step [ns]"),
        Panel("cost of liquid", "particles", "CPU time per particle and step [ns]"),
    ]
    for colour, (name, ball) in zip(COLOURS, (("closed box", False), ("with a moving ball", True)), strict=False):
        found = {n**3: gas_cost(n, ball, max(3, 24 * 64**3 // n**3 // 8), arguments.device) for n in arguments.sizes}
        record[name] = {str(k): v for k, v in found.items()}
        panels[0].series.append(Series(list(found), list(found.values()), name, colour=colour, line=True))
        _print(name, "cells", found)
    dams = [(k, d) for k, d in DAMS if 16 * k * k * d <= arguments.largest]
    found = dict(liquid_cost(k, d, 6, arguments.device) for k, d in dams)
    record["column of water"] = {str(k): v for k, v in found.items()}
    panels[1].series.append(Series(list(found), list(found.values()), "column of water", colour=COLOURS[2], line=True))
    _print("column of water", "particles", found)
    draw(panels, (420, 360)).save(arguments.write / "fluids_scaling.png")
    (arguments.write / "fluids_scaling.json").write_text(json.dumps(record, indent=2) + "\n")
    print(arguments.write / "fluids_scaling.png")
    return 0


def _print(name: str, what: str, found: dict[int, float]) -> None:
    for count, cost in found.items():
        print(f"{name:<18} {count:>9,} {what:<9} {cost:>7.0f} ns", flush=True)


if __name__ == "__main__":
    sys.exit(main())
