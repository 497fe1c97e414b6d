"""Time of a liquid's step on one core, kernel by kernel, against the bandwidth of its memory.

A dam in a cube of cells. Prints milliseconds of thread time, the least of several repeats, and which share of what a
plain copy of memory reaches on the same core a kernel takes by the arrays that it is given, once each. Cost per
particle and step should not depend on their number; particles are put in order in every step here, else once a frame.

    python -m benchmarks.liquid_core --cells 64 --counts 10000 50000 200000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import warp as wp

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


def moved(arrays: tuple[object, ...], wet: float) -> float:
    """Bytes of all arrays that a launch is given, once each; of grids the part that the liquid can reach."""
    found = {id(a): a for a in arrays if isinstance(a, wp.array)}.values()
    return sum((wet if a.ndim > 2 else 1.0) * a.size * wp.types.type_size_in_bytes(a.dtype) for a in found)


def parts(liquid: LiquidGrid, repeats: int = 8) -> dict[str, tuple[int, float, float]]:
    """Per kernel: launches, thread time [s] and bytes of one step; every launch replayed from a graph of its own."""
    reach = liquid._reach.numpy()
    wet = float(np.maximum(reach[..., 1] - reach[..., 0], 0).sum() / np.prod(liquid.settings.shape))
    launch, found = wp.launch, []  # type: ignore[var-annotated]

    def timed(kernel, dim, inputs=(), outputs=(), **more):  # type: ignore[no-untyped-def]
        play = captured(lambda: launch(kernel, dim, inputs=inputs, outputs=outputs, **more))
        start = time.thread_time()
        play()
        spent = time.thread_time() - start
        found.append((kernel.key.removesuffix("_kernel"), spent, moved((*inputs, *outputs), wet)))

    wp.launch = timed
    runs = []
    try:
        for _ in range(repeats):
            found = []
            liquid.launch_step(order=True)
            runs.append(found)
    finally:
        wp.launch = launch
    total: dict[str, tuple[int, float, float]] = {}
    for launches in zip(*runs, strict=True):
        name, seconds, size = launches[0][0], min(entry[1] for entry in launches), launches[0][2]
        count, before, sizes = total.get(name, (0, 0.0, 0.0))
        total[name] = count + 1, before + seconds, sizes + size
    return total


def report(cells: int, count: int, speed: float) -> None:
    """One line for the step, one per kernel."""
    liquid = dam(cells, count)
    count = len(liquid.x)
    step = best(liquid.frame, 4) / liquid.settings.steps
    found = parts(liquid)
    size = sum(entry[2] for entry in found.values())
    print(
        f"{cells}^3 cells, {count} particles: {1e3 * step:.2f} ms per step, {1e9 * step / count:.0f} ns per particle, "
        f"{100 * size / step / speed:.0f} % of the memory's bandwidth",
        flush=True,
    )
    for name, (launches, seconds, sizes) in sorted(found.items(), key=lambda e: -e[1][1]):
        if seconds > 0.01 * step:
            share = 100 * sizes / seconds / speed
            print(f"  {name:<24} {launches:>4} launches {1e3 * seconds:>8.2f} ms {share:>5.0f} %")


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
