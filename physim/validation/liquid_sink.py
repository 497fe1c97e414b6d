"""Case of spheres that sink: terminal speed in a wide tank.

A cell is one radius: what a grid as coarse as that cannot resolve comes from the law of drag. In creeping flow walls
are felt however far they are, so there the expected speed is the one with the case's own correction for walls.
"""

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

WIDE = 20
"""Of the tank [radii]; a cell is one radius."""
DEEP, FALL = 50, 36
"""Of the tank, and how far spheres fall at most [radii]."""
FAXEN = 2.1
"""Of the case: in a tube of radius Rw a creeping sphere sinks by 2.1 R / Rw slower (Faxen 1922)."""
LEAST_COEFFICIENT = 0.44
"""Newton's plateau."""


@runner("terminal_velocity")
def terminal(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Mean speed over the second half of a fall that begins as fast as it should end."""
    for row in case.rows():
        v = _sink(case, settings, row)
        got = float(v[len(v) // 2 :].mean())
        label = f"R {1e3 * row['R']:g} mm, Re {row['Re']:.3g}"
        expected = row["v_terminal"] * walls(row)
        yield case.relative(f"terminal speed [m/s], {label}", expected, got, case.limits("v_rel"))


def walls(row: Row) -> float:
    """Part of its speed that the tank leaves a sphere.

    Walls count where they lie within nu / v of the sphere (Oseen's length): beyond it inertia, not viscosity, carries
    its flow. A square tank as a tube of the same cross-section: 1.86 R over half its width, against 1.90 of the exact
    solution (Happel, Brenner, Low Reynolds Number Hydrodynamics, 1965, section 7-4).
    """
    tube = WIDE / np.sqrt(np.pi)
    oseen = row["mu"] / row["rho_f"] / row["v_terminal"] / row["R"]
    return 1 - FAXEN / tube if oseen > tube else 1.0


def _sink(case: Case, settings: Settings, row: Row) -> np.ndarray:
    """Speeds of one sphere on its way down [m/s]."""
    radius, speed = row["R"], row["v_terminal"]
    brake = speed / case.gravity  # about the time in which drag brings it to its speed
    seconds = min(FALL * radius / speed, 150 * brake)
    wide, deep, tall = WIDE * radius, DEEP * radius, (DEEP + 2) * radius
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    liquid = Liquid(
        "water", density=row["rho_f"], viscosity=row["mu"], resolution=DEEP + 2,
        domain=((0, 0, 0), (wide, tall, wide)),
    )  # fmt: skip
    scene.add(Box((wide, deep, wide)), liquid, name="water", position=(wide / 2, deep / 2, wide / 2))
    ball = Rigid("wood", density=row["rho_s"], drag_coefficient=LEAST_COEFFICIENT)
    start = (deep + seconds * speed) / 2  # as far from the floor in the end as from the surface
    place = (wide / 2 + 0.2 * radius, start, wide / 2 + 0.1 * radius)
    shared = 1 + 0.5 * row["rho_f"] / row["rho_s"]  # it sets half of its own volume of liquid in motion at once
    scene.add(Sphere(radius), ball, name="ball", position=place, velocity=(0.0, -shared * speed, 0.0))
    fine = replace(settings, fps=max(settings.fps, 0.3 / brake))
    run = fine.simulate(scene, seconds)
    return -run.bodies["ball"].dense_velocity[:, 1]
