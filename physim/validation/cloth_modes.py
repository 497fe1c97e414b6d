"""Cases of small oscillation: bending modes, strings, chains; and buckling, where a frequency falls to nought."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.materials import Cloth
from physim.pins import Pin
from physim.scene import Scene
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.strips import Strip, clamp, fabric

BEAM = (1.8751040687, 4.6940911330, 7.8547574382)
"""Roots of cos(x) cosh(x) = -1: modes of a clamped beam."""
CYCLES = 1.6
"""Length of a run that starts at a turning point, in periods: a full one lies between its crossings."""
THIN = 1e4
"""Membrane stiffness x length^2 over rigidity: a strip thirty times longer than thick."""


def swing(
    scene: Scene, strip: Strip, axis: int, seconds: float, settings: Settings, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Times and the share of a mode (N,) in the displacement along a world axis."""
    track = settings.simulate(scene, seconds).cloths["strip"]
    x = track.dense_position[:, :, axis].astype(np.float64)
    return measure.times(track), x @ shape / (shape @ shape)


def frequency(t: np.ndarray, x: np.ndarray) -> float | None:
    """From all full periods in the run [Hz]."""
    period = measure.period(t, x)
    return None if period is None else 1 / period


def _beam_mode(s: np.ndarray, root: float) -> np.ndarray:
    """Shape of a clamped-free beam, s from 0 to 1, about 1 at the tip."""
    ratio = (np.cosh(root) + np.cos(root)) / (np.sinh(root) + np.sin(root))
    shape = np.cosh(root * s) - np.cos(root * s) - ratio * (np.sinh(root * s) - np.sin(root * s))
    return shape / 2


@runner("cantilever_vibration")
def vibration(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Frequencies of the first bending modes, each started in its own shape."""
    length, rigidity, mass = case.get("L"), case.get("B"), case.get("m")
    strip = Strip(length, length / 8, (24, 3))
    for k, root in enumerate(BEAM, start=1):
        if f"f{k}" not in case.expected:
            continue
        expected = float(case.expected[f"f{k}"])
        shape = _beam_mode(strip.rest[:, 0] / length, root)
        start = np.stack([strip.rest[:, 0], strip.rest[:, 1], 0.01 * length / k**2 * shape], axis=1)
        bending = rigidity / strip.width
        cloth = fabric(mass / strip.width, THIN * bending / length**2, bending)
        scene = Scene(gravity=(0.0, 0.0, 0.0))
        scene.add(strip.pattern(start), cloth, name="strip", pin=clamp(strip))
        t, x = swing(scene, strip, 2, CYCLES / expected, settings, shape)
        yield case.relative(f"frequency {k} [Hz]", expected, frequency(t, x), case.limits("f_rel"))


@runner("string_frequency")
def string(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Frequencies of a strip between two supports, stretched by 1e-3."""
    length, tension, mass = case.get("L"), case.get("T"), case.get("linear_density")
    strain, width = 1e-3, length / 24
    strip = Strip(length / (1 + strain), width, (48, 2))
    for k in (1, 2, 3):
        if f"f{k}" not in case.expected:
            continue
        expected = float(case.expected[f"f{k}"])
        shape = np.sin(k * np.pi * strip.rest[:, 0] / strip.length)
        start = np.stack([strip.rest[:, 0] * (1 + strain), strip.rest[:, 1], 1e-3 * length / k * shape], axis=1)
        cloth = fabric(mass * (1 + strain) / width, tension / width / strain)
        scene = Scene(gravity=(0.0, 0.0, 0.0))
        pins = [Pin(strip.end(0.0)), Pin(strip.end(strip.length))]
        scene.add(strip.pattern(start), cloth, name="strip", pin=pins)
        t, x = swing(scene, strip, 2, CYCLES / expected, settings, shape)
        yield case.relative(f"frequency {k} [Hz]", expected, frequency(t, x), case.limits("f_rel"))


@runner("hanging_chain_modes")
def chain(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Periods of a hanging strip in its modes, and what is left of the first after ten periods."""
    from scipy.special import j0, jn_zeros

    length = case.get("L")
    strip = Strip(length, length / 24, (48, 2))
    density = 1.0
    stretch = density * case.gravity * length / 5e-4
    for k, expected in enumerate(case.expected["period"], start=1):
        root = jn_zeros(0, k)[-1]
        shape = j0(root * np.sqrt(np.maximum(1 - strip.rest[:, 0] / length, 0.0)))
        lift = 0.02 * length / k**2
        start = np.stack([strip.rest[:, 1], -strip.rest[:, 0], lift * shape], axis=1)
        scene = Scene(gravity=(0.0, -case.gravity, 0.0))
        scene.add(strip.pattern(start), fabric(density, stretch), name="strip", pin=Pin(strip.end(0.0)))
        cycles = 10.0 if k == 1 else 3.0
        t, x = swing(scene, strip, 2, cycles * expected, settings, shape)
        got = measure.period(t, x)
        yield case.relative(f"period {k} [s]", expected, got, case.limits(f"period{k}_rel"))
        if k == 1:
            first, last = (np.abs(x[(t >= a * expected) & (t <= b * expected)]).max() for a, b in ((0, 1), (9, 10)))
            yield case.relative(
                "amplitude after ten periods over that at the start [-]", 1.0, float(last / first), case.limits(None)
            )


# -- buckling ---------------------------------------------------------------------------------------------------------


def critical_load(loads: np.ndarray, squares: np.ndarray, power: int) -> float | None:
    """Load at which the square of the frequency vanishes: root of a parabola through it over ``load ** power``."""
    curve = np.polyfit(loads**power, squares, 2 if len(loads) > 2 else 1)
    roots = np.roots(curve)
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > loads.max() ** power)]
    return float(real.min() ** (1 / power)) if len(real) else None


def _squares(
    settings: Settings,
    strip: Strip,
    cloth: Cloth,
    start: np.ndarray,
    shape: np.ndarray,
    gravities: np.ndarray,
    periods: np.ndarray,
    pins: list[Pin],
) -> np.ndarray:
    """Squares of the angular frequencies [1/s^2] under some gravities; ``periods`` are about what to expect [s]."""
    found = []
    for g, period in zip(gravities, periods, strict=True):
        scene = Scene(gravity=(0.0, -float(g), 0.0))
        scene.add(strip.pattern(start), cloth, name="strip", pin=pins)
        t, x = swing(scene, strip, 2, CYCLES * period, settings, shape)
        got = frequency(t, x)
        if got is None:
            raise RuntimeError(f"the strip does not swing under {g:.4g} m/s^2 within {CYCLES * period:.3g} s.")
        found.append((2 * np.pi * got) ** 2)
    return np.array(found)


@runner("self_buckling")
def self_buckling(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Weight at which a strip on its clamped foot loses its stiffness, from frequencies below it."""
    length, density, rigidity = 0.3, 0.3, 2e-3
    expected = float(case.expected["Gamma_crit"])
    strip = Strip(length, length / 8, (24, 3))
    shape = _beam_mode(strip.rest[:, 0] / length, BEAM[0])
    start = np.stack([strip.rest[:, 1], strip.rest[:, 0], 1e-3 * length * shape], axis=1)
    cloth = fabric(density, THIN * rigidity / length**2, rigidity)
    shares = np.array([0.2, 0.5, 0.75])
    loads = shares * expected
    free = BEAM[0] ** 2 / (2 * np.pi) * np.sqrt(rigidity / (density * length**4))
    gravities = loads * rigidity / (density * length**3)
    squares = _squares(
        settings, strip, cloth, start, shape, gravities, 1 / (free * np.sqrt(1 - shares)), [clamp(strip)]
    )
    got = critical_load(loads, squares, 1)
    yield case.relative("weight x length^3 / rigidity at buckling [-]", expected, got, case.limits("rel"))


@runner("lateral_buckling")
def lateral_buckling(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Weight at which a strip clamped on edge leaves its plane, from frequencies below it, for each Poisson ratio."""
    length, density, rigidity = 0.3, 0.3, 2e-3
    for row in case.rows():
        nu, expected = row["poisson"], row["Gamma_crit"]
        strip = Strip(length, length / 10, (20, 2))
        # as in the theory of the narrow strip: the edge stays in place, its middle keeps its direction, and the twist
        # begins freely; a clamp of the whole edge would hold back the twist over about the width of a cell
        edge = strip.end(0.0)
        middle = np.abs(strip.rest[edge, 1]) < 1e-9 * length
        pins = [Pin(edge[~middle]), Pin(edge[middle], clamp=True)]
        shape = _beam_mode(strip.rest[:, 0] / length, BEAM[0])
        start = np.stack([strip.rest[:, 0], strip.rest[:, 1], 1e-3 * length * shape], axis=1)
        # stiff in its plane: a hundred and fifty times as stiff as across it
        shares = np.array([0.4, 0.65, 0.85])
        loads = shares * expected
        free = BEAM[0] ** 2 / (2 * np.pi) * np.sqrt(rigidity / (density * length**4))
        # its loss brakes the fast swing in the plane, which the sudden weight starts, and hardly the slow one
        cloth = fabric(density, 12 * 150 * rigidity / strip.width**2, rigidity, nu, damping=0.01 / free)
        gravities = loads * rigidity / (density * length**3)
        squares = _squares(settings, strip, cloth, start, shape, gravities, 1 / (free * np.sqrt(1 - shares**2)), pins)
        got = critical_load(loads, squares, 2)
        yield case.relative(
            f"weight x length^3 / rigidity at buckling [-], Poisson {nu:g}",
            expected,
            got,
            case.limits("Gamma_crit_rel"),
        )
