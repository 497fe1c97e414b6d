"""Warm air that rises: how far a parcel of it gets, and how much faster a plume climbs with twice the heat.

Of the exponents of plumes and thermals in space there is no runner: they hold for turbulent entrainment, which a grid
of some hundred thousand cells does not resolve between two and eight diameters of the source.
"""

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
from physim.validation.smoke_grid import centres, run, still

AMBIENT = 300.0
"""[K]"""


def warm_air(
    settings: Settings, shape: tuple[int, int, int], *, radius: float, warm: float, held: bool, dt: float
) -> GasGrid:
    """Still air (but for a little noise) over a ball, or in a plane a disc, of warmer air: held warm, or let go."""
    ball = (0.5 if shape[0] == 1 else shape[0] / 2, 1.5 * radius, shape[2] / 2)
    built = GasSettings(
        shape, (0.0, 0.0, 0.0), 1.0, dt / settings.refinement, sides=(WALL,) * 6, ambient_temperature=AMBIENT,
        speed=1.0, sponge=0.0, carries_density=False,
    )  # fmt: skip
    rows = [[[*ball, radius]], [[0.0, warm, float(held), 0.0]], [[0.0, 0.0, 0.0, 0.0]]]
    device = wp.get_device(settings.device)
    puffs = Puffs(1, False, *(wp.array(np.array([r], np.float32), dtype=wp.vec4, device=device) for r in rows))
    gas = GasGrid(built, puffs=puffs, device=device)
    rng = np.random.default_rng(3)
    noise = [0.02 * rng.normal(size=a.shape) for a in still(shape)]
    gas.set_velocity((noise[0], noise[1], noise[2]))
    if not held:
        x, y, z = (centres(n, 1.0) for n in shape)
        squared = (x[:, None, None] - ball[0]) ** 2 * (shape[0] > 1)
        squared = squared + (y[:, None] - ball[1]) ** 2 + (z - ball[2]) ** 2
        gas.set_temperature(warm * np.clip(radius + 0.5 - np.sqrt(squared), 0, 1) * (1 + 0.1 * rng.normal(size=shape)))
    return gas


def rise(gas: GasGrid, radius: float, top: float, longest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, height of the front over the source, and warmth in all, until the front is ``top`` diameters high."""
    t, front, warmth = [], [], []
    for now in run(gas, longest):
        excess = gas.temperature
        level = excess.max((0, 2))
        above = np.flatnonzero(level > 0.15 * level.max())
        if level.max() <= 0 or len(above) == 0:
            continue
        t.append(now)
        front.append(float(above[-1]) + 0.5 - 1.5 * radius)
        warmth.append(float((excess / (AMBIENT + excess)).sum(dtype=np.float64)))
        if front[-1] > top * 2 * radius:
            break
    return np.array(t), np.array(front), np.array(warmth)


def exponent(t: np.ndarray, front: np.ndarray, first: float, last: float) -> float:
    """N of ``front = c (t - t0)^n`` between two heights; t0 is free: a parcel takes a while to get going."""
    from scipy.optimize import minimize_scalar

    part = (front > first) & (front < last)

    def left(n: float) -> float:
        terms = np.stack([np.ones(part.sum()), front[part] ** (1 / n)], 1)
        found = np.linalg.lstsq(terms, t[part], rcond=None)[0]
        return float(((terms @ found - t[part]) ** 2).sum())

    return float(minimize_scalar(left, bounds=(0.2, 2.5), method="bounded").x)


@runner("plume_scaling")
def plume_scaling(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A warm parcel in the plane, and two plumes of which one has twice the heat."""
    limits = case.limits("exponent_abs")
    radius = 6.0
    gas = warm_air(settings, (1, 128, 256), radius=radius, warm=6.0, held=False, dt=1.0)
    t, front, _ = rise(gas, radius, 8.2, 400.0)
    wanted = float(case.expected["thermal_2D_exponent"])
    got = exponent(t, front, 4 * radius, 16 * radius)
    yield case.absolute("thermal in a plane: exponent of time [-]", wanted, got, limits)
    radius = 3.0
    runs = []
    for warm, dt in ((30.0, 1.0), (60.0, 0.7)):
        gas = warm_air(settings, (64, 72, 64), radius=radius, warm=warm, held=True, dt=dt)
        runs.append(rise(gas, radius, 8.5, 100.0))
    flux = [measure.slope(t[f > 4 * radius], w[f > 4 * radius]) for t, f, w in runs]
    heights = np.linspace(8 * radius, 16 * radius, 9)
    faster = np.mean(np.interp(heights, runs[0][1], runs[0][0]) / np.interp(heights, runs[1][1], runs[1][0]))
    got = float(np.log(faster) / np.log(flux[1] / flux[0]))
    yield case.absolute("speed of a plume over its buoyancy flux: exponent at equal heights [-]", 1 / 3, got, limits)
