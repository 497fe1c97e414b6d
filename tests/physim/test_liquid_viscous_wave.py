"""Viscosity takes from a standing wave what the dispersion relation of viscous waves says."""

import numpy as np
import pytest

from physim.validation.liquid_tank import SLAB, Tank, damped_cosine, fill
from physim.validation.liquid_waves import displaced

CELLS = 32
"""Along the wave."""
G = 9.81


def decay(viscosity: float) -> float:
    """Rate at which a wave of 1 m on deep water dies [1/s], between walls that it slides along."""
    cell, k = 1.0 / CELLS, 2 * np.pi
    deep = CELLS // 2
    points = displaced(fill((0, 0, 0), (1.0, 0.5, SLAB * cell), cell), k, 0.5, 0.01)
    tank = Tank(
        (CELLS, deep + 4, SLAB), cell, points, dt=1 / 240, every=1 / 60, gravity=(0, -G, 0), viscosity=viscosity,
        device="cpu",
    )  # fmt: skip
    frequency = np.sqrt(G * k) / (2 * np.pi)
    t, wave = [], []
    while tank.time < 3 / frequency:
        x, _ = tank.particles()
        t.append(tank.time)
        wave.append(np.cos(k * x[:, 0]).sum())
        tank.advance()
    wave = np.array(wave) / np.abs(wave).max()
    return damped_cosine(np.array(t), wave, frequency)[1]


def law(viscosity: float, k: float) -> float:
    """(s + 2 nu k^2)^2 + g k = 4 nu^2 k^4 sqrt(1 + s / (nu k^2)), by iteration from Lamb's 2 nu k^2 [1/s].

    Lamb, Hydrodynamics, 1932, section 349: all orders in nu, where 2 nu k^2 (section 348) is the first.
    """
    a = viscosity * k**2
    s = complex(-2 * a, np.sqrt(G * k))
    for _ in range(50):
        s = 1j * np.sqrt(G * k - 4 * a**2 * np.sqrt(1 + s / a)) - 2 * a
    return -s.real


@pytest.mark.slow
def test_a_viscous_standing_wave_decays_as_the_dispersion_relation_says():
    """To 5 %: shear is taken a cell below the surface, k h = 0.2 deep, and that is half of the loss."""
    found = decay(5e-3) - decay(0.0)  # less what the grid itself takes
    assert found == pytest.approx(law(5e-3, 2 * np.pi), rel=0.05)
