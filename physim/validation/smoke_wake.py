"""Wakes of cylinders: how often vortices leave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.gas import GasGrid, open_areas
from physim.gas_state import WALL, Side
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.smoke_grid import centres, disc_areas, gas_grid, run

CELLS = 16
"""Per diameter."""
HEIGHT, BEFORE, BEHIND = 32, 8, 16
"""Of the stream, and from its entry to the cylinder and on to its exit, in diameters."""


def stream_past_cylinder(
    settings: Settings,
    *,
    reynolds: float,
    cells: int = CELLS,
    height: int = HEIGHT,
    before: int = BEFORE,
    behind: int = BEHIND,
    courant: float = 1.5,
) -> GasGrid:
    """A stream of speed 1 past a cylinder of diameter 1 in a plane between free-slip walls."""
    shape = (1, height * cells, (before + behind) * cells)
    centre = (height / 2, float(before))
    inflow, outflow = (Side(kind, velocity=(0.0, 0.0, 1.0)) for kind in ("inflow", "outflow"))
    cell = 1.0 / cells
    gas = gas_grid(
        settings, shape, (WALL, WALL, inflow, outflow), cell=cell, dt=courant * cell, steps=2, iterations=3,
        viscosity=1 / reynolds, areas=disc_areas(shape, cell, centre, 0.5),
    )  # fmt: skip
    flow = [np.array(a) * (axis == 2) for axis, a in enumerate(open_areas(shape))]
    # uneven from the start, so that the wake does not wait for rounding to part its two sides
    y, z = centres(shape[1] + 1, cell, -cell / 2), centres(shape[2], cell)
    flow[1][0] += 0.3 * np.exp(-((y[:, None] - centre[0]) ** 2) - (z - centre[1] - 1.5) ** 2)
    gas.set_velocity((flow[0], flow[1], flow[2]))
    return gas


def shedding(gas: GasGrid, probe: tuple[float, float], settle: float, seconds: float) -> float | None:
    """Frequency of the velocity across the stream at a point (y, z), after ``settle`` [1/s]."""
    j, k = (int(c / gas.settings.cell) for c in probe)
    t, v = [], []
    for now in run(gas, settle + seconds):
        t.append(now)
        v.append(float(gas.state.u[1].numpy()[0, j, k]) if now > settle else 0.0)
    late = np.array(t) > settle
    times, signal = np.array(t)[late], np.array(v)[late]
    period = measure.period(times, signal - (signal.max() + signal.min()) / 2)
    return None if period is None else 1 / period


@runner("karman_street")
def karman_street(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Strouhal number of a cylinder in a wide stream."""
    for reynolds in case.params["Re"]:
        expected = case.expected[f"Re{reynolds}"]
        wanted = float(expected.get("williamson1988", next(iter(expected.values()))))
        gas = stream_past_cylinder(settings, reynolds=float(reynolds))
        got = shedding(gas, (HEIGHT / 2, BEFORE + 2.0), 60.0, 6 / wanted)
        yield case.relative(f"Strouhal number at Re {reynolds} [-]", wanted, got, case.limits("St_rel"))


@runner("dfg_cylinder")
def dfg_cylinder(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Strouhal number of a cylinder in a narrow channel."""
    diameter, mean, reynolds = case.get("D"), case.get("Umean"), case.get("Re")
    height, length, centre = 0.41, 2.2, (0.2, 0.2)
    across = 88
    cell = height / across
    shape = (1, across, 8 * round(length / cell / 8))
    y = centres(across, cell)
    profile = 6 * y * (height - y) / height**2
    inflow = Side("inflow", velocity=(0.0, 0.0, mean), profile=profile[None])
    outflow = Side("outflow", velocity=(0.0, 0.0, mean), profile=profile[None])
    wall = Side("no-slip")
    gas = gas_grid(
        settings, shape, (wall, wall, inflow, outflow), cell=cell, dt=1.5 * cell / (2 * mean), steps=4, iterations=4,
        viscosity=mean * diameter / reynolds, areas=disc_areas(shape, cell, centre, diameter / 2),
    )  # fmt: skip
    flow = [np.array(a) * 0.0 for a in open_areas(shape)]
    flow[2] += mean * profile[None, :, None]
    gas.set_velocity((flow[0], flow[1], flow[2]))
    bounds = case.expected["St"]
    wanted = float(np.mean(bounds))
    got = shedding(gas, (centre[0], centre[1] + 2 * diameter), 4.0, 8 * diameter / (wanted * mean))
    strouhal = None if got is None else got * diameter / mean
    yield case.relative("Strouhal number [-]", wanted, strouhal, case.limits("St_rel"))
