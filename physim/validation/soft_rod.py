"""Cases of elastic rods along their axis: their own weight, waves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.soft_parts import block, end, energy_drift, matter, rested, solid


@runner("self_weight_rod")
def self_weight_rod(case: Case, settings: Settings) -> Iterator[Quantity]:
    """How far a hanging rod stretches, on two lattices and with two steps, and what its support carries."""
    length, side = case.get("L"), case.get("a")
    rate = np.pi / (2 * length) * np.sqrt(case.get("E") / case.get("rho"))
    expected = float(case.expected["elongation_m"])

    def hung(cell: float, how: Settings) -> tuple[float, float]:
        scene = block(case, (side, length, side), matter(case, rate=rate, cell=cell), "top")
        moved, track = rested(scene, how, 26 / rate, 1, -1)
        return -float(moved[1]), -float(track.dense_pull[-20:, 0, 1].mean())

    stretch, carried = hung(side / 2, settings)
    yield case.relative("elongation [m]", expected, stretch, case.limits("elongation_rel"))
    yield case.relative(
        "force on the support [N]", float(case.expected["support_N"]), carried, case.limits("support_rel")
    )
    yield from independence(case, stretch, hung(side / 4, settings)[0], hung(side / 2, finer(settings))[0])


def finer(settings: Settings) -> Settings:
    """With half the step."""
    return replace(settings, refinement=2 * settings.refinement)


def independence(case: Case, got: float, on_half_cells: float, with_half_steps: float) -> Iterator[Quantity]:
    """What half the edge of the cells and half the step change."""
    limits = case.limits("independence_rel")
    yield case.relative("half the cell's edge over the whole [-]", 1.0, on_half_cells / got, limits)
    yield case.relative("half the step over the whole [-]", 1.0, with_half_steps / got, limits)


@runner("wave_speed")
def wave_speed(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Period and amplitude of the free end of a rod that is stopped at the other."""
    length, side, v = case.get("L"), case.get("a"), case.get("v")
    scene = block(case, (length, side, side), matter(case, cell=side / 3), "left")
    made = scene.entities["solid"]
    scene.entities["solid"] = replace(made, velocity=(v, 0.0, 0.0))
    period = float(case.expected["period_s"])
    trajectory = settings.simulate(scene, 3.2 * period)
    moved = end(solid(trajectory), 0, 1)[:, 0]
    times = np.arange(len(moved)) / (trajectory.fps * solid(trajectory).samples_per_frame)
    got = measure.period(times[1:], moved[1:])
    speed = None if got is None else 4 * length / got
    yield case.relative("speed of the wave [m/s]", float(case.expected["speed"]), speed, case.limits("speed_rel"))
    amplitude = float(np.ptp(moved)) / 2
    yield case.relative(
        "amplitude of the free end [m]", float(case.expected["amplitude_m"]), amplitude, case.limits("amplitude_rel")
    )
    energy = trajectory.report.values["soft_energy_start [J]"]
    yield case.absolute(
        "change of energy over energy [-]", 0.0, energy_drift(trajectory, energy), case.limits("energy_rel")
    )
