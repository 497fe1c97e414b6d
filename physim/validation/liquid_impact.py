"""Case of a sphere that drops into water: when the cavity behind it closes (deep seal)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from physim.materials import Liquid, Rigid
from physim.scene import Scene
from physim.shapes import Box, Sphere
from physim.trajectory import Trajectory
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings

CELLS = 4
"""Across the sphere's radius."""
FROUDE = 20.0
"""v^2 / (g R): 2 m/s at 20 mm. The time of closure does not depend on it, the depth of the tank does."""
HEAVY = 7.8
"""Over the water's density: steel keeps its speed."""
WIDE, DEEP, TALL = 10, 11, 3
"""Of the tank, and of the air above it [radii]."""
LONGEST = 1.6
"""How long to wait, over the expected time."""


@runner("worthington_impact")
def worthington(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Time from the touch of the surface until no air leads from the sphere to the sky."""
    radius, expected = case.get("R"), float(case.expected["t_pinch"])
    speed = case.get("v", float(np.sqrt(FROUDE * case.gravity * radius)))
    fine = replace(settings, fps=max(settings.fps, 40 / expected))
    run = fine.simulate(_drop(case, radius, speed), LONGEST * expected)
    time = pinch(run, radius)
    factor = None if time is None else max(time / expected, expected / time)
    limits = case.limits("factor")
    if factor is None:
        yield case.missing("time to pinch-off [s]", expected, limits, "the cavity did not close in the run")
    else:
        yield case.judge("time to pinch-off [s]", expected, time, factor, limits)


def _drop(case: Case, radius: float, speed: float) -> Scene:
    """A sphere that touches the water of a tank, on its way down."""
    wide, deep, tall = WIDE * radius, DEEP * radius, (DEEP + TALL) * radius
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    water = Liquid(
        "water", density=1000.0, surface_tension=0.0, resolution=CELLS * (DEEP + TALL),
        domain=((0, 0, 0), (wide, tall, wide)),
    )  # fmt: skip
    scene.add(Box((wide, deep, wide)), water, name="water", position=(wide / 2, deep / 2, wide / 2))
    steel = Rigid("steel", density=1000.0 * HEAVY, drag_coefficient=0.0)
    place = (wide / 2, deep + radius, wide / 2)
    scene.add(Sphere(radius), steel, name="ball", position=place, velocity=(0.0, -speed, 0.0))
    return scene


def pinch(run: Trajectory, radius: float) -> float | None:
    """Time of the first frame after the sphere is under in which the air above it is cut off [s]."""
    from scipy.ndimage import label

    track, ball = run.liquids["water"], run.bodies["ball"]
    cell = track.cell
    high = np.array([WIDE, DEEP + TALL, WIDE]) * radius
    shape = np.ceil(high / cell - 1e-6).astype(int)
    for frame in range(len(track.position)):
        centre = ball.position[min(frame, len(ball.position) - 1)]
        if centre[1] > (DEEP - 1.5) * radius:
            continue
        x = track.position[frame]
        at = np.clip((x[np.isfinite(x[:, 0])] / cell).astype(int), 0, shape - 1)
        count = np.zeros(shape, int)
        np.add.at(count, tuple(at.T), 1)
        middles = [(np.arange(n) + 0.5) * cell for n in shape]
        arm = np.stack(np.meshgrid(*middles, indexing="ij"), -1) - centre
        inside = np.linalg.norm(arm, axis=-1) < radius
        parts, _ = label((count == 0) | inside)
        sky = parts[:, -1, :]
        if parts[tuple((centre / cell).astype(int))] not in np.unique(sky[sky > 0]):
            return frame / run.fps
    return None
