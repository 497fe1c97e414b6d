"""Gas lighter or heavier than its surroundings: how it starts and how it grows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.gas import GasGrid
from physim.gas_state import WALL
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.smoke_grid import centres, edges, gas_grid, plane_flow, run, still

WARM, AMBIENT = 3.0, 300.0
"""Excess and temperature of the surroundings [K] for small differences of density."""


@runner("thermal_initial_accel")
def initial_acceleration(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A ball and a cylinder at rest of lighter gas: half and all of the air they displace comes along."""
    g, ratio = case.gravity, case.get("density_ratio")
    reduced = g * WARM / (AMBIENT + WARM)
    for form, added in (("sphere", 0.5), ("cylinder", 1.0)):
        radius = 8.0 if form == "sphere" else 12.0
        # a quarter or half of it, between planes of symmetry
        shape = (64, 128, 64) if form == "sphere" else (1, 320, 160)
        x, y, z = (centres(n, 1.0) for n in shape)
        across = x[:, None, None] ** 2 * (form == "sphere")
        r = np.sqrt(across + (y[:, None] - shape[1] / 2) ** 2 + z**2)
        ball = np.clip(radius + 0.5 - r, 0, 1)
        exact = case.expected[f"a_{form}"]
        for small in (False, True):
            gas = gas_grid(
                settings, shape, (WALL,) * 6, cell=1.0, dt=0.01, iterations=10, gravity=(0.0, -g, 0.0),
                heaviness=1.0 if small else ratio, carries_temperature=True, ambient_temperature=AMBIENT,
            )  # fmt: skip
            if small:
                gas.set_temperature(WARM * ball)
            else:
                gas.set_density(ball)
            gas.set_velocity(still(shape))
            gas.frame()
            got = float(gas.velocity[..., 1][r < radius / 2].mean()) / gas.settings.dt
            if small:
                name = f"boussinesq_{form}_" + ("gprime_factor" if form == "sphere" else "factor")
                wanted = float(case.expected.get(name, 1 / (1 + added)))
                yield case.relative(
                    f"acceleration of a warm {form} over reduced gravity [-]", wanted, got / reduced, case.limits("rel")
                )
            else:
                yield case.relative(f"acceleration of a light {form} [m/s^2]", float(exact), got, case.limits("rel"))


def _layers(settings: Settings, case: Case, per: int, height: int, viscosity: float) -> GasGrid:
    """Heavy gas on light gas with half a wave between planes of symmetry, growing from the start as theory has it."""
    atwood, k, g = case.get("A"), case.get("k"), case.gravity
    sigma, length = float(case.expected["sigma"]), 2 * np.pi / k
    cell, start = length / per, 0.01 * length
    shape = (1, height * per, per // 2)
    gas = gas_grid(
        settings, shape, (WALL,) * 4, cell=cell, dt=0.03 / sigma, density_substeps=3, iterations=8,
        gravity=(0.0, -g, 0.0), heaviness=(1 + atwood) / (1 - atwood), viscosity=viscosity, carries_density=True,
    )  # fmt: skip
    y, z = edges(shape[1], cell, -height * length / 2), edges(shape[2], cell)
    crest = start * np.cos(k * centres(shape[2], cell))
    gas.set_density(np.clip((y[1:, None] - crest) / cell, 0, 1)[None])
    stream = -sigma * start / k * np.sin(k * z) * np.exp(-k * np.abs(y))[:, None]
    gas.set_velocity(plane_flow(stream, cell))
    return gas


@runner("rayleigh_taylor")
def rayleigh_taylor(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Growth of a small wave, and the speed of the bubble it becomes, from 0.1 to 0.3 wavelengths of its rise."""
    length, sigma = 2 * np.pi / case.get("k"), float(case.expected["sigma"])
    for per, height, viscosity, seconds in ((256, 2, 0.0, 3.2 / sigma), (96, 4, 1e-3, 6.0 / sigma)):
        gas = _layers(settings, case, per, height, viscosity)
        z = centres(per // 2, gas.settings.cell)
        t, wave, tip = [], [], []
        for now in run(gas, seconds):
            depth = (1 - gas.density[0].astype(np.float64)).sum(0) * gas.settings.cell - height * length / 2
            t.append(now)
            wave.append(2 * float((depth * np.cos(2 * np.pi * z / length)).mean()))
            tip.append(float(depth[0]))
        times, amplitude, top = np.array(t), np.array(wave), np.array(tip)
        if viscosity == 0:
            part = (amplitude > 0.01 * length) & (amplitude < 0.1 * length)
            growth = measure.slope(times[part], np.log(amplitude[part]))
            yield case.relative("rate of growth [1/s]", sigma, growth, case.limits("sigma_rel"))
        else:
            late = (top > 0.1 * length) & (top < 0.3 * length)
            speed = measure.slope(times[late], top[late])
            wanted = float(case.expected["bubble_speed_2D"])
            yield case.relative("speed of the bubble [m/s]", wanted, speed, case.limits("bubble_rel"))
