"""Liquid drop: capillary oscillation and the pressure of Laplace."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.liquid_tension import longest_step
from physim.validation.case import Case, Quantity
from physim.validation.liquid_tank import Tank, damped_cosine, fill
from physim.validation.registry import runner
from physim.validation.settings import Settings

CELLS = 10
"""Across the drop's radius."""
EVERYWHERE = [(axis, end) for axis in range(3) for end in (0, -1)]


def drop(case: Case, settings: Settings, stretch: float, every: float) -> Tank:
    """A weightless drop, longer along y by ``stretch``, of the same volume."""
    radius, tension = case.get("R"), case.get("sigma") / case.get("rho")
    cell = radius / CELLS
    n = 2 * CELLS + 10
    points = fill((0, 0, 0), (n * cell,) * 3, cell)
    arm = points - n * cell / 2
    long = 1 + stretch
    inside = arm[:, 1] ** 2 / long**2 + (arm[:, 0] ** 2 + arm[:, 2] ** 2) * long < radius**2
    dt = longest_step(cell, tension) / settings.refinement
    return Tank(
        (n, n, n), cell, points[inside], dt=dt, every=every, open_sides=EVERYWHERE, gravity=(0.0, 0.0, 0.0),
        tension=tension, device=settings.device,
    )  # fmt: skip


@runner("droplet_oscillation")
def droplet_oscillation(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Quadrupole of all particles over one and a half periods; pressure in a round drop."""
    f = float(case.expected["f_l2_3D"])
    tank = drop(case, settings, 0.05, 1 / (40 * f))
    t, found = [], []
    while tank.time < 1.5 / f:
        x, _ = tank.particles()
        square = ((x - x.mean(0)) ** 2).mean(0)
        t.append(tank.time)
        found.append(square[1] - 0.5 * (square[0] + square[2]))
        tank.advance()
    frequency, _ = damped_cosine(np.array(t), np.array(found) / np.abs(found).max(), f)
    yield case.relative("frequency of the second mode [1/s]", f, frequency, case.limits("f_rel"))
    tank = drop(case, settings, 0.0, 1 / (40 * f))
    pressures = []
    middle = slice(CELLS + 2, CELLS + 8)
    for _ in range(12):
        tank.advance()
        pressures.append(tank.grid.pressure_field()[middle, middle, middle].mean())
    expected = float(case.expected["laplace_3D"])
    got = case.get("rho") * float(np.mean(pressures))
    yield case.relative("pressure in the drop [Pa]", expected, got, case.limits("laplace_rel"))
