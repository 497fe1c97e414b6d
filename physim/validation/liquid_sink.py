"""Case of spheres that sink: terminal speed in a wide tank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from physim.materials import Liquid, Rigid
from physim.scene import Scene
from physim.shapes import Box, Sphere
from physim.validation.case import Case, Quantity, Row
from physim.validation.registry import runner
from physim.validation.settings import Settings

WIDE, DEEP = 20, 30
"""Of the tank [radii]; a cell is one radius."""
LEAST_COEFFICIENT = 0.44
"""Newton's plateau."""


@runner("terminal_velocity")
def terminal(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Mean speed over the second half of a fall that begins nearly as fast as it should end."""
    for row in case.rows():
        v = _sink(case, settings, row)
        got = float(v[len(v) // 2 :].mean())
        label = f"R {1e3 * row['R']:g} mm, Re {row['Re']:.3g}"
        yield case.relative(f"terminal speed [m/s], {label}", row["v_terminal"], got, case.limits("v_rel"))


def _sink(case: Case, settings: Settings, row: Row) -> np.ndarray:
    """Speeds of one sphere on its way down [m/s]."""
    radius, speed = row["R"], row["v_terminal"]
    wide, deep, tall = WIDE * radius, DEEP * radius, (DEEP + 2) * radius
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    liquid = Liquid(
        "water", density=row["rho_f"], viscosity=row["mu"], resolution=DEEP + 2,
        domain=((0, 0, 0), (wide, tall, wide)),
    )  # fmt: skip
    scene.add(Box((wide, deep, wide)), liquid, name="water", position=(wide / 2, deep / 2, wide / 2))
    ball = Rigid("wood", density=row["rho_s"], drag_coefficient=LEAST_COEFFICIENT)
    place = (wide / 2 + 0.2 * radius, deep - 5 * radius, wide / 2 + 0.1 * radius)
    scene.add(Sphere(radius), ball, name="ball", position=place, velocity=(0.0, -0.8 * speed, 0.0))
    brake = speed / case.gravity  # about the time in which drag brings it to its speed
    fine = replace(settings, fps=max(settings.fps, 0.3 / brake))
    run = fine.simulate(scene, min(0.6 * DEEP * radius / speed, 150 * brake))
    return -run.bodies["ball"].dense_velocity[:, 1]
