"""Cases of bodies in a liquid: how deep a box floats, how fast it heaves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.materials import Liquid, Rigid
from physim.scene import Scene
from physim.shapes import Box
from physim.trajectory import Trajectory
from physim.validation.case import Case, Limits, Quantity, Row
from physim.validation.registry import runner
from physim.validation.settings import Settings

CELLS_PER_DRAUGHT = 4.0
"""Least cells under water."""
WIDTH = 2.0
"""Of the box over its height: it floats upright whatever its density."""


@runner("floating_box")
def floating(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Draught at rest, of a flat box that starts a little too high, and the period in which it heaves at first."""
    for row in case.rows():
        label = f"a {row['height_a']:g} m, rho {row['rho_s']:g}"
        run, level = _float(case, settings, row)
        bottom = run.bodies["box"].dense_position[:, 1] - row["height_a"] / 2
        draught = level - bottom[len(bottom) // 2 :]
        limits = case.limits("draught_rel")
        yield case.relative(f"draught [m], {label}", row["draught"], float(draught.mean()), limits)
        rise = run.bodies["box"].dense_velocity[:, 1]
        turns = np.flatnonzero(np.diff(np.sign(rise[1:])) != 0)
        rate = run.fps * run.bodies["box"].samples_per_frame
        period = 2 * float(turns[1] - turns[0]) / rate if len(turns) > 1 else None
        least = row["heave_period_no_added_mass"]
        ratio = None if period is None else period / least
        inside = None if ratio is None else max(0.0, 1.0 - ratio, ratio - 1.6)
        yield case.judge(f"heave period over that without added mass [-], {label}", 1.3, ratio, inside, Limits(0.0))


def _float(case: Case, settings: Settings, row: Row) -> tuple[Trajectory, float]:
    """The run, and the level of the water in it [m]."""
    height, density, water = row["height_a"], row["rho_s"], case.get("rho_w")
    size = (WIDTH * height, height, WIDTH * height)
    wide, deep, draught = 3 * size[0], 1.5 * height, row["draught"]
    cell = min(draught / CELLS_PER_DRAUGHT, height / 8)
    tall = deep + 0.75 * height
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    liquid = Liquid("water", density=water, resolution=round(wide / cell), domain=((0, 0, 0), (wide, tall, wide)))
    scene.add(Box((wide, deep, wide)), liquid, name="water", position=(wide / 2, deep / 2, wide / 2))
    wood = Rigid("wood", density=density, drag_coefficient=0.0)
    lifted = 0.1 * draught
    at = (wide / 2, deep - draught + lifted + height / 2, wide / 2)
    scene.add(Box(size), wood, name="box", position=at)
    run = settings.simulate(scene, 4 * row["heave_period_no_added_mass"])
    volume = run.liquids["water"].volume(-1) + size[0] * size[2] * draught
    return run, volume / wide**2
