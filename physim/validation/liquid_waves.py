"""Liquid waves: sloshing and dispersion, small standing waves in a tank that its walls cut from an endless one.

The wave is set up by moving particles along the flow of a potential, which keeps volume. Its amplitude is read off all
particles at once: the integral of cos(k x) over the liquid changes by that of the surface's cos(k x) alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.validation.case import Case, Limits, Quantity, parse_limits
from physim.validation.liquid_tank import SLAB, Tank, damped_cosine, fill
from physim.validation.registry import runner
from physim.validation.settings import Settings

CELLS = 64
"""Along the tank."""


def standing_wave(
    settings: Settings, length: float, depth: float, g: float, *, mode: int, amplitude: float, seconds: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, amplitudes of the mode and mean level [m] of a tank that starts with eta = A cos(n pi x / L), at rest."""
    cell = length / CELLS
    deep = round(depth / cell)
    points = displaced(
        fill((0, 0, 0), (length, deep * cell, SLAB * cell), cell), mode * np.pi / length, deep * cell, amplitude
    )
    shape = (CELLS, deep + 2 + int(np.ceil(6 * amplitude / cell)), SLAB)
    tank = Tank(
        shape, cell, points, dt=min(1 / 120, cell / np.sqrt(g * cell) / 3) / settings.refinement, every=1 / 60,
        gravity=(0.0, -g, 0.0), device=settings.device,
    )  # fmt: skip
    k, volume = mode * np.pi / length, cell**3 / 8
    t, found, level = [], [], []
    while True:
        x, _ = tank.particles()
        t.append(tank.time)
        found.append(2 * volume * np.cos(k * x[:, 0]).sum() / (length * SLAB * cell))
        level.append(2 * x[:, 1].mean())
        if tank.time >= seconds:
            return np.array(t), np.array(found), np.array(level)
        tank.advance()


def displaced(x: np.ndarray, k: float, depth: float, amplitude: float, steps: int = 8) -> np.ndarray:
    """Particles moved along grad[cosh(k y) cos(k x)], so that the surface rises by ``amplitude`` cos(k x)."""
    x = x.copy()
    size = amplitude / np.sinh(k * depth) / steps

    def flow(at: np.ndarray) -> np.ndarray:
        u = -np.cosh(k * at[:, 1]) * np.sin(k * at[:, 0])
        return size * np.stack([u, np.sinh(k * at[:, 1]) * np.cos(k * at[:, 0]), np.zeros(len(at))], -1)

    for _ in range(steps):
        x += flow(x + 0.5 * flow(x))
    return x


@runner("sloshing")
def sloshing(case: Case, settings: Settings) -> Iterator[Quantity]:
    """First mode: frequency, what is left of it after five periods, level."""
    length, depth, amplitude = case.get("L"), case.get("h"), case.get("A")
    row = case.rows()[0]
    f = row["f_Hz"]
    t, wave, level = standing_wave(
        settings, length, depth, case.gravity, mode=int(row["n"]), amplitude=amplitude, seconds=5.5 / f
    )
    found, decay = damped_cosine(t, wave, f)
    yield case.relative("frequency of the first mode [1/s]", f, found, case.limits("f1_rel"))
    left = float(np.exp(-decay * 5 / found))
    text = str(case.tolerance.get("amplitude_after_5_periods", ""))
    limits = least_limits(text)
    yield case.judge("amplitude after five periods, over the first [-]", 1.0, left, max(0.0, 1.0 - left), limits)
    drift = float(np.abs(level - level[0]).max())
    yield case.relative("level [m], farthest", level[0], level[0] + drift, case.limits("drift_level_rel"))


def least_limits(text: str) -> Limits:
    """'>=80 % good, >=50 % pass' as limits on what is lost."""
    found = {}
    for clause in text.split(","):
        words = clause.replace(">=", " ").replace("%", " ").split()
        if len(words) == 2:
            found["pass_" if words[1] == "pass" else words[1]] = 1.0 - float(words[0]) / 100
    return parse_limits(found) if found else Limits()


@runner("wave_dispersion")
def wave_dispersion(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Phase speed = wavelength x frequency of the standing wave that two progressive ones make between walls."""
    wavelength, depth = case.get("wavelength"), case.get("depth")
    speed = float(case.expected["phase_speed"])
    f = speed / wavelength
    t, wave, _ = standing_wave(
        settings, wavelength, depth, case.gravity, mode=2, amplitude=0.01 * wavelength, seconds=5 / f
    )
    found, _ = damped_cosine(t, wave, f)
    yield case.relative("phase speed [m/s]", speed, wavelength * found, case.limits("speed_rel"))
    yield case.relative("period [s]", float(case.expected["period"]), 1 / found, case.limits("speed_rel"))
