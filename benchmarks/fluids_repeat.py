"""How the comparison runs an engine that has no runner of its own: frame by frame, several times over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from benchmarks.fluids_scenes import FPS, DamScene, Result


class Engine(Protocol):
    """A dam break in an engine, with its particles."""

    def frame(self) -> None:
        """Advance by one frame, and wait until it is done."""

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Places (N, 3) [m] and velocities (N, 3) [m/s] now."""


def repeat(make: Callable[[], Engine], scene: DamScene, *, name: str, words: str, repeats: int, limit: float) -> Result:
    """The least CPU time of each frame, and the states of the first run.

    Args:
        make: A tank at the start, what it needs compiled.
        scene: What ``make`` makes.
        name: Of the engine.
        words: Its settings.
        repeats: Runs, fewer when ``limit`` is used.
        limit: CPU time after which no run is begun [s]; one that has begun ends at eight times that.
    """
    best, used, notes = np.full(scene.frames, np.inf), 0.0, []
    states: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(repeats):
        tank = make()
        found = [tank.state()]
        for frame in range(scene.frames):
            begin = time.process_time()
            tank.frame()
            spent = time.process_time() - begin
            best[frame] = min(best[frame], spent)
            used += spent
            found.append(tank.state())
            if not np.isfinite(found[-1][0]).all():
                notes.append(f"not finite after {(frame + 1) / FPS:.2f} s")
                break
            if used > 8 * limit:
                notes.append(f"stopped after {(frame + 1) / FPS:.2f} s: {used:.0f} s of CPU time")
                break
        states = states or found
        if used > limit:
            break
    done = len(states) - 1
    result = Result(name, words, scene.name, best[:done], done / FPS, notes=notes)
    result.position, result.velocity = (np.stack(column) for column in zip(*states, strict=True))
    return result
