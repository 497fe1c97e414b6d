"""Time of a liquid's step on one core, part by part, against the bandwidth of its memory.

Prints milliseconds of thread time (least of several repeats), the bytes that a pass must move at least, and its share
of what a plain copy of memory reaches on the same core. Cost per particle and step should not depend on their number.

    python -m benchmarks.liquid_core --cells 64 --counts 10000 50000 200000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import particle_move, particles

from physim.liquid_grid import LiquidGrid, LiquidSettings
from physim.validation.liquid_tank import fill, walls


def best(function: Callable[[], None], repeats: int = 6) -> float:
    """Least thread time of one call [s]."""
    function()
    found = []
    for _ in range(repeats):
        start = time.thread_time()
        function()
        found.append(time.thread_time() - start)
    return min(found)


def captured(function: Callable[[], None]) -> Callable[[], None]:
    """The launches of ``function``, replayed."""
    with wp.ScopedCapture(device="cpu") as capture:
        function()
    return lambda: wp.capture_launch(capture.graph)


def bandwidth() -> float:
    """Bytes per second that a copy of 256 MB reads and writes."""
    a = np.ones(32 << 20)
    b = np.empty_like(a)
    return 2 * a.nbytes / best(lambda: np.copyto(b, a), 3)


def dam(cells: int, count: int) -> LiquidGrid:
    """A dam of about ``count`` particles in a corner of a cube of cells."""
    side = min(cells - 2, round((count / 8 / 1.5) ** (1 / 3)))
    high = min(cells - 2, round(count / 8 / side**2))
    x = fill((0, 0, 0), (side, high, side), 1.0)
    x = np.clip(x + np.random.default_rng(0).uniform(-0.1, 0.1, x.shape), 0.01, cells - 0.01)
    shape = (cells, cells, cells)
    room = np.ones(shape)
    settings = LiquidSettings(shape, 1 / cells, 1 / 240, 4)
    return LiquidGrid(settings, walls(shape, [(1, -1)], room), room, np.full(shape, 9.0), x, device="cpu")


def report(cells: int, count: int, speed: float) -> None:
    """One line per pass."""
    liquid = dam(cells, count)
    count = len(liquid.x)
    step = best(liquid.frame, 4) / liquid.settings.steps
    print(f"{cells}^3 cells, {count} particles: {1e3 * step:.2f} ms per step, {1e9 * step / count:.0f} ns per particle")
    s, solver = liquid.settings, liquid.pressure
    wet = int((solver.levels[0].inverse.numpy() > 0).sum())
    listed = liquid.particles.listed
    still = [*liquid.u, *liquid.area, liquid.distance, 0.0, 0.0, 1.0, liquid.count, listed]
    state = [liquid.x, liquid.v, liquid.c]

    def gather() -> None:
        wp.launch(particle_move.move_serial_kernel, 1, still, state, device="cpu")

    def scatter() -> None:
        inputs = [*state, liquid.count, s.particle_volume]
        wp.launch(particles.to_grid_serial_kernel, 1, inputs, [*liquid._sum, liquid.alpha], device="cpu")

    passes: dict[str, tuple[Callable[[], None], float]] = {
        "particles to grid": (scatter, 60.0 * count),
        "grid to particles, move": (gather, 84.0 * count),
        f"pressure, {s.iterations} iterations": (lambda: solver.solve(s.iterations), s.iterations * 4.0 * 26 * wet),
        "order": (liquid.particles.order, 2 * 2 * 64.0 * count),
    }
    for name, (function, least) in passes.items():
        seconds = best(captured(function))
        print(f"  {name:28s} {1e3 * seconds:8.2f} ms {100 * least / seconds / speed:5.0f} % of the memory's bandwidth")


def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 50_000, 200_000])
    args = parser.parse_args(argv)
    wp.config.quiet = True
    speed = bandwidth()
    print(f"copy of memory: {speed / 1e9:.1f} GB/s")
    for count in args.counts:
        report(args.cells, count, speed)


if __name__ == "__main__":
    main()
