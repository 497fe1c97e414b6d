"""Cost against the number of bodies, 100 to 5,000, and what runs at film speed on one core.

    python -m benchmarks.scaling [--counts 100 200 500 1000 2000 5000] [--device cpu] [--write docs]

Two scenes at 24 frames per second: spheres poured into an open box, whose floor grows with their number, and boxes
dropped in heaps on a plane. Prints milliseconds of CPU time per frame (mean of all frames from the first contact on),
the exponent of a power law through the points, and how many frames per second 1,000 spheres and a 128 x 128 cloth make.
Writes ``scaling.json`` and the plot ``scaling.png``.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from pathlib import Path

import numpy as np

import physim
from benchmarks.plot import COLOURS, Panel, Series, draw
from benchmarks.solids_ours import cloth_world, solids_world
from benchmarks.solids_scenes import cloth, pour

FPS = 24
WARM_UP = 6
"""Frames before the first ones have landed; the first of them also records the graph."""


def spheres(count: int) -> physim.Scene:
    """Poured into an open box."""
    return solids_world(pour(count))


def boxes(count: int) -> physim.Scene:
    """Boxes of 0.1 to 0.2 m in three layers above a plane, turned at random."""
    rng = np.random.default_rng(11)
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood"))
    across = int(np.ceil((count / 3) ** 0.5))
    for k in range(count):
        layer, place = divmod(k, across * across)
        i, j = divmod(place, across)
        at = (0.28 * (i - across / 2), 0.2 + 0.3 * layer, 0.28 * (j - across / 2))
        q = rng.normal(size=4)
        scene.add(
            physim.Box(tuple(rng.uniform(0.1, 0.2, 3))), physim.Rigid("wood"), position=at, orientation=tuple(q),
        )  # fmt: skip
    return scene


def frame_times(scene: physim.Scene, frames: int, device: str) -> np.ndarray:
    """CPU time of each frame (frames,) [s]."""
    marks: list[float] = []
    gc.collect()
    physim.simulate(
        scene, seconds=frames / FPS, fps=FPS, device=device, progress=lambda *_: marks.append(time.process_time())
    )
    return np.diff(marks)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 200, 500, 1000, 2000, 5000])
    parser.add_argument("--frames", type=int, default=36)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", type=Path, default=Path("out"), help="folder of scaling.json and scaling.png")
    arguments = parser.parse_args(argv)
    arguments.write.mkdir(parents=True, exist_ok=True)
    simulate = dict(frames=arguments.frames, device=arguments.device)
    panel = Panel("cost of a frame (1/24 s)", "bodies", "CPU time per frame [ms]")
    record: dict[str, dict[str, float]] = {}
    for colour, (name, make) in zip(COLOURS, (("spheres in a box", spheres), ("boxes in heaps", boxes)), strict=False):
        frame_times(make(10), frames=1, device=arguments.device)  # compiles and loads
        found: dict[int, float] = {}
        for count in arguments.counts:
            try:
                runs = [frame_times(make(count), **simulate) for _ in range(arguments.repeats)]
            except ValueError as error:
                print(f"{name}, {count}: {error}", file=sys.stderr)
                break
            found[count] = 1e3 * float(np.min(runs, axis=0)[WARM_UP:].mean())
            print(f"{name:<18} {count:>6} bodies {found[count]:>9.2f} ms per frame", flush=True)
        exponent = np.polyfit(np.log(list(found)), np.log(list(found.values())), 1)[0]
        print(f"{name:<18} grows as the number of bodies to the power {exponent:.2f}", flush=True)
        record[name] = {**{str(k): v for k, v in found.items()}, "exponent": float(exponent)}
        label = f"{name}, exponent {exponent:.2f}"
        panel.series.append(Series(list(found), list(found.values()), label, colour=colour, line=True))
    first = min(s.y[0] / s.x[0] for s in panel.series)
    ends = np.geomspace(min(arguments.counts), max(arguments.counts), 40)
    grey = dict(colour="#999999", line=True, dashed=True, marks=False)
    panel.series.append(Series(ends, 0.7 * first * ends, "linear", **grey))
    draw([panel], (640, 440)).save(arguments.write / "scaling.png")
    for name, scene in (("1,000 spheres", spheres(1000)), ("cloth 128 x 128", cloth_world(cloth(128)))):
        runs = [frame_times(scene, **simulate) for _ in range(arguments.repeats)]
        times = np.min(runs, axis=0)[1:]
        rate = f"{1 / times.mean():>6.1f} frames per second; slowest frame {1e3 * times.max():.0f} ms"
        print(f"{name:<18} {rate}", flush=True)
        record[name] = {"frames per second": float(1 / times.mean()), "slowest frame [s]": float(times.max())}
    (arguments.write / "scaling.json").write_text(json.dumps(record, indent=2) + "\n")
    print(arguments.write / "scaling.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
