"""Memory that a simulation takes per cell, particle, body and vertex: ``python -m benchmarks.footprint``.

Each case runs in a process of its own at two sizes and two lengths; what its largest resident memory grows by, over
what the size grows by, is the figure. ``i2v doctor`` says with them what will fit.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import physim

FPS = 24


def gas(cells: int, frames: int) -> int:
    """A box of smoke; its cells."""
    scene = physim.Scene()
    scene.add(physim.Plane())
    smoke = physim.Smoke("smoke", resolution=cells, domain=((-0.5, 0, -0.5), (0.5, 1, 0.5)))
    scene.add(physim.Emitter((0, 0.1, 0), radius=0.1), smoke, name="smoke")
    track = physim.simulate(scene, seconds=frames / FPS, fps=FPS)["smoke"]
    return int(track.density[0].size)


def liquid(cells: int, frames: int) -> int:
    """A column of water that falls over; its particles."""
    scene = physim.Scene()
    scene.add(physim.Plane())
    water = physim.Liquid("water", resolution=cells, domain=((0, 0, 0), (1, 0.6, 0.5)))
    scene.add(physim.Box((0.5, 0.4, 0.5)), water, name="water", position=(0.25, 0.2, 0.25))
    return int(physim.simulate(scene, seconds=frames / FPS, fps=FPS)["water"].position.shape[1])


def bodies(count: int, frames: int) -> int:
    """Balls that fall beside each other; how many."""
    scene = physim.Scene()
    scene.add(physim.Plane())
    for i in range(count):
        row, column = divmod(i, 64)
        scene.add(physim.Sphere(0.05), physim.Rigid("rubber"), name=f"b{i}", position=(0.2 * column, 0.3, 0.2 * row))
    physim.simulate(scene, seconds=frames / FPS, fps=FPS)
    return count


def cloth(cells: int, frames: int) -> int:
    """A hanging sheet; its vertices."""
    scene = physim.Scene()
    scene.add(physim.Sheet((1, 1), (cells, cells)), physim.Cloth("cotton"), name="sheet", position=(0, 1, 0), pin="top")
    return int(physim.simulate(scene, seconds=frames / FPS, fps=FPS)["sheet"].position.shape[1])


CASES: dict[str, tuple[Callable[[int, int], int], tuple[int, int], tuple[int, int]]] = {
    "cell of a gas": (gas, (40, 96), (2, 8)),
    "particle of a liquid": (liquid, (32, 72), (2, 8)),
    "body": (bodies, (512, 4096), (4, 20)),
    "vertex of a cloth": (cloth, (48, 160), (2, 12)),
}
"""What → its scene, two sizes, two lengths [frames]."""


def _measured(what: str, size: int, frames: int) -> tuple[int, float, float]:
    """Units, largest resident memory [bytes], and CPU time [s] of one run in a new process."""
    command = [sys.executable, "-m", "benchmarks.footprint", "_one", what, str(size), str(frames)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    units, peak, spent = json.loads(out.splitlines()[-1])
    return int(units), float(peak), float(spent)


def main() -> None:
    if sys.argv[1:2] == ["_one"]:
        begin = time.process_time()
        units = CASES[sys.argv[2]][0](int(sys.argv[3]), int(sys.argv[4]))
        spent = time.process_time() - begin
        print(json.dumps([units, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, spent]))
        return
    print(f"{'':22}{'units':>20}{'bytes a unit':>14}{'and a frame':>13}{'us a unit and frame':>21}")
    for what, (_, sizes, lengths) in CASES.items():
        small, large = (_measured(what, size, lengths[0]) for size in sizes)
        longer = _measured(what, sizes[1], lengths[1])
        kept = (longer[1] - large[1]) / (large[0] * (lengths[1] - lengths[0]))
        first = (large[1] - small[1]) / (large[0] - small[0]) - kept * lengths[0]
        spent = 1e6 * (longer[2] - large[2]) / (large[0] * (lengths[1] - lengths[0]))
        print(f"{what:22}{small[0]:>9} {large[0]:>10}{first:>14.0f}{kept:>13.1f}{spent:>21.2f}")


if __name__ == "__main__":
    main()
