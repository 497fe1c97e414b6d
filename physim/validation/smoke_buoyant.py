"""Gas lighter or heavier than its surroundings: how it starts, how it grows, how far it rises."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import warp as wp

from physim.gas import GasGrid
from physim.gas_state import WALL, GasSettings, Puffs
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
        across = x[:, None, None] ** 2 if form == "sphere" else 0.0
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


@runner("rayleigh_taylor")
def rayleigh_taylor(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Heavy gas on light gas: growth of a small wave, and the speed of the bubble it becomes."""
    atwood, k, g = case.get("A"), case.get("k"), case.gravity
    length = 2 * np.pi / k
    per = 96
    cell = length / per
    shape = (1, 4 * per, per // 2)  # half a wave between planes of symmetry
    sigma = float(case.expected["sigma"])
    gas = gas_grid(
        settings, shape, (WALL,) * 4, cell=cell, dt=0.04 / sigma, density_substeps=2, iterations=8,
        gravity=(0.0, -g, 0.0), heaviness=(1 + atwood) / (1 - atwood), carries_density=True,
    )  # fmt: skip
    middle, start = 2 * length, 0.01 * length
    y, z = edges(shape[1], cell) - middle, centres(shape[2], cell)
    gas.set_density(np.clip((y[1:, None] - start * np.cos(k * z)) / cell, 0, 1)[None])
    corner = edges(shape[2], cell)
    stream = -sigma * start / k * np.sin(k * corner) * np.exp(-k * np.abs(y))[:, None]
    gas.set_velocity(plane_flow(stream, cell))
    t, wave, tip = [], [], []
    for now in run(gas, 2.6 / float(case.expected["bubble_speed_2D"]) * length * 0.6):
        q = gas.density[0].astype(np.float64)
        depth = (1 - q).sum(0) * cell - middle
        t.append(now)
        wave.append(2 * float((depth * np.cos(k * z)).mean()))
        tip.append(float((1 - q[:, 0]).sum() * cell - middle))
    times, amplitude = np.array(t), np.array(wave)
    part = (amplitude > start) & (amplitude < 0.1 * length) & (times < times[np.argmax(amplitude > 0.1 * length)])
    growth = measure.slope(times[part], np.log(amplitude[part]))
    yield case.relative("rate of growth [1/s]", sigma, growth, case.limits("sigma_rel"))
    late = (np.array(tip) > 0.6 * length) & (np.array(tip) < 1.1 * length)
    speed = measure.slope(times[late], np.array(tip)[late])
    wanted = float(case.expected["bubble_speed_2D"])
    yield case.relative("speed of the bubble [m/s]", wanted, speed, case.limits("bubble_rel"))


# -- plumes -----------------------------------------------------------------------------------------------------------


def _heated(
    settings: Settings, shape: tuple[int, int, int], *, radius: float, warm: float, source: bool, dt: float
) -> GasGrid:
    """Air over a warm ball (or, in a plane, a line) of ``radius`` cells near the floor: held warm, or let go."""
    ball = (0.5 if shape[0] == 1 else shape[0] / 2, 1.5 * radius, shape[2] / 2)
    built = GasSettings(
        shape, (0.0, 0.0, 0.0), 1.0, dt / settings.refinement, sides=(WALL,) * 6, ambient_temperature=AMBIENT,
        speed=1.0, sponge=0.0, carries_density=False,
    )  # fmt: skip
    device = wp.get_device(settings.device)
    rows = [[[*ball, radius]], [[0.0, warm, float(source), 0.0]], [[0.0, 0.0, 0.0, 0.0]]]
    puffs = Puffs(1, False, *(wp.array(np.array([r], np.float32), dtype=wp.vec4, device=device) for r in rows))
    gas = GasGrid(built, puffs=puffs, device=device)
    rng = np.random.default_rng(3)
    gas.set_velocity(tuple(0.01 * rng.normal(size=a.shape) for a in still(shape)))  # type: ignore[arg-type]
    if not source:
        x, y, z = (centres(n, 1.0) for n in shape)
        r = (x[:, None, None] - ball[0]) ** 2 + (y[:, None] - ball[1]) ** 2 + (z - ball[2]) ** 2
        gas.set_temperature(warm * np.clip(radius + 0.5 - np.sqrt(r), 0, 1))
    return gas


def _rise(gas: GasGrid, radius: float, top: float, longest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, height of the front over the source, and total warmth, until the front is at ``top`` diameters."""
    t, front, warmth = [], [], []
    for now in run(gas, longest):
        excess = gas.temperature
        level = excess.max((0, 2))
        above = np.flatnonzero(level > 0.15 * level.max()) if level.max() > 0 else np.array([0])
        j = int(above[-1])
        beyond = level[min(j + 1, len(level) - 1)] - 0.15 * level.max()
        here = level[j] - 0.15 * level.max()
        t.append(now)
        front.append(j + 0.5 + here / max(here - beyond, 1e-9) - 1.5 * radius)
        warmth.append(float((excess / (AMBIENT + excess)).sum(dtype=np.float64)))
        if front[-1] > top * 2 * radius:
            break
    return np.array(t), np.array(front), np.array(warmth)


def _exponent(t: np.ndarray, front: np.ndarray, radius: float, first: float = 2.0, last: float = 8.0) -> float:
    """Slope of the front over time, both logarithmic, between some diameters."""
    part = (front > first * 2 * radius) & (front < last * 2 * radius)
    return float(np.polyfit(np.log(t[part]), np.log(front[part]), 1)[0])


@runner("plume_scaling")
def plume_scaling(case: Case, settings: Settings) -> Iterator[Quantity]:
    """How the front of a plume and of a single warm parcel rises with time, in space and in the plane."""
    limits = case.limits("exponent_abs")
    plane = case.expected["line_plume_2D"]
    kinds = (
        ("front of a line plume", True, True, float(plane["front_exponent"])),
        ("thermal in a plane", True, False, float(case.expected["thermal_2D_exponent"])),
        ("thermal", False, False, float(case.expected["front_exponent_thermal"])),
        ("front of a plume", False, True, float(case.expected["front_exponent_plume"])),
    )
    for name, flat, source, wanted in kinds:
        radius = 8.0 if flat else 3.0
        shape = (1, 256, 256) if flat else (64, 72, 64)
        gas = _heated(settings, shape, radius=radius, warm=30.0, source=source, dt=1.0)
        t, front, warmth = _rise(gas, radius, 8.5, 1000.0)
        yield case.absolute(f"{name}: exponent of time [-]", wanted, _exponent(t, front, radius), limits)
        if source and not flat:
            double = _heated(settings, shape, radius=radius, warm=60.0, source=source, dt=0.7)
            t2, front2, warmth2 = _rise(double, radius, 8.5, 1000.0)
            late, late2 = (f > 4 * radius for f in (front, front2))
            flux = measure.slope(t2[late2], warmth2[late2]) / measure.slope(t[late], warmth[late])
            heights = np.linspace(8 * radius, 16 * radius, 9)
            faster = float(np.mean(np.interp(heights, front, t) / np.interp(heights, front2, t2)))
            got = float(np.log(faster) / np.log(flux))
            # between 1/4 (at equal times) and 1/3 (at equal heights)
            yield case.absolute("speed of the front over buoyancy flux: exponent [-]", 1 / 3, got, limits)
