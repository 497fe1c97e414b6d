"""Time of a step of smoke on one core, kernel by kernel, against the bandwidth of its memory.

Steam around a ball that falls through it: moving obstacle, buoyancy, confinement, density. Thread time, least of
several frames. The bytes of a kernel are those of all arrays it is given, once each; their share is of what a plain
copy of memory reaches on the same core.

    python -m benchmarks.smoke_core --cells 32 64 96 128 --parts 64
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict

import numpy as np
import warp as wp

import physim
from physim.solver_smoke import SmokeSolver

FRAMES = 8
FPS = 24


def steam(cells: int) -> SmokeSolver:
    """A box of ``cells`` cubed over a source, a ball above it."""
    scene = physim.Scene(seed=4)
    scene.add(physim.Plane())
    box = ((-0.15, 0.0, -0.15), (0.15, 0.3, 0.15))
    scene.add(
        physim.Emitter((0.0, 0.05, 0.0), radius=0.04, rate=4.0), physim.Smoke("steam", resolution=cells, domain=box)
    )
    scene.add(physim.Sphere(0.035), physim.Rigid(), position=(0.0, 0.2, 0.0), name="ball")
    return SmokeSolver(scene, fps=FPS, seconds=FRAMES / FPS, device="cpu")


def poses(frame: int):
    """The ball sinks by 0.1 m/s."""
    still = np.zeros((1, 3))
    return np.array([[0.0, 0.2 - 0.1 * frame / FPS, 0.0]]), np.array([[0, 0, 0, 1.0]]), still, still


def step_time(solver: SmokeSolver) -> float:
    """Least thread time of a step once its launches are captured [s]."""
    gas = next(iter(solver.grids.values()))
    for frame in range(4):
        solver.frame(poses(frame + 1))
    found = []
    for frame in range(4, FRAMES):
        gas._write_sources()
        gas._write_poses(poses(frame + 1))
        substeps = gas._substeps()
        gas.grid.frame(substeps)  # captures where this number of sub-steps is new
        start = time.thread_time()
        gas.grid.frame(substeps)
        found.append((time.thread_time() - start) / gas.settings.steps)
    return min(found)


def parts(solver: SmokeSolver) -> dict[str, tuple[float, float, float]]:
    """Per kernel: launches, time [s] and bytes of one step."""
    gas = next(iter(solver.grids.values())).grid
    total: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    launch = wp.launch

    def timed(kernel, dim, inputs=(), outputs=(), **more):
        start = time.thread_time()
        launch(kernel, dim, inputs=inputs, outputs=outputs, **more)
        entry = total[kernel.key.removesuffix("_kernel")]
        entry[0] += 1
        entry[1] += time.thread_time() - start
        entry[2] += sum(a.size * 4 for a in {id(a): a for a in (*inputs, *outputs) if isinstance(a, wp.array)}.values())

    wp.launch = timed
    try:
        gas._sequence()
    finally:
        wp.launch = launch
    steps = gas.settings.steps
    return {name: (a / steps, b / steps, c / steps) for name, (a, b, c) in total.items()}


def copy_bandwidth() -> float:
    """Of a plain copy that no cache holds [bytes/s], read and written."""
    x = np.ones(16_000_000, np.float32)
    y = np.empty_like(x)
    found = []
    for _ in range(10):
        start = time.thread_time()
        np.copyto(y, x)
        found.append(time.thread_time() - start)
    return 2 * x.nbytes / min(found)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[32, 64, 96, 128])
    parser.add_argument("--parts", type=int, default=64, help="cells of the box whose kernels are listed")
    arguments = parser.parse_args(argv)
    limit = copy_bandwidth()
    print(f"a copy of memory reaches {limit / 1e9:.1f} GB/s")
    for cells in arguments.cells:
        solver = steam(cells)
        seconds, left = step_time(solver), solver.report()["smoke_divergence [-]"]
        moved = sum(entry[2] for entry in parts(solver).values())
        print(
            f"{cells:>4}^3 {1e3 * seconds:>8.1f} ms per step {1e9 * seconds / cells**3:>6.0f} ns per cell, "
            f"{100 * moved / seconds / limit:>4.0f} % of the bandwidth, divergence {left:.1e}",
            flush=True,
        )
    print(f"\n{arguments.parts}^3, per step      launches       ms   share of bandwidth")
    for name, (count, seconds, moved) in sorted(parts(steam(arguments.parts)).items(), key=lambda e: -e[1][1]):
        print(f"{name:<24} {count:>6.0f} {1e3 * seconds:>9.2f} {100 * moved / max(seconds, 1e-9) / limit:>8.0f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
