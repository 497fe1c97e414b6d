"""Cases of bending: a strip under its own weight, under a force at its tip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.joints import Spring
from physim.pins import Pin
from physim.scene import Scene
from physim.validation.case import Case, Quantity, Row
from physim.validation.parts import dumbbell, solid
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.strips import Strip, brake, clamp, fabric, settle

STRAIN = 1e-3
"""Largest strain of a strip that is meant not to stretch."""


@runner("cantilever_heavy_elastica")
def cantilever(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Drop over reach of a clamped strip along the master curve, on several meshes."""
    table = sorted(case.rows(), key=lambda row: row["Gamma"])
    examples = list(case.params.get("examples", []))
    first = examples[0] if examples else {"L": 0.2, "areal_density": 0.15}
    for row in table:
        weight = first["areal_density"] * case.gravity
        rigidity = weight * first["L"] ** 3 / row["Gamma"]
        strip = _strip(first["L"], row["Gamma"])
        yield from _hang(case, settings, strip, first["areal_density"], rigidity, row, f"Gamma {row['Gamma']:g}")
    for example in examples:
        gamma = example["areal_density"] * case.gravity * example["L"] ** 3 / example["D_Nm"]
        point = _interpolated(table, gamma)
        if point is None:
            continue
        for fineness, irregular in ((1, False), (2, False), (1, True)):
            strip = _strip(example["L"], gamma, fineness, irregular)
            mesh = f"{strip.cells[0]} x {strip.cells[1]} cells" + (", irregular" if irregular else "")
            label = f"Gamma {gamma:.3g}, L {example['L']:g} m, {mesh}"
            yield from _hang(case, settings, strip, example["areal_density"], example["D_Nm"], point, label)


def _strip(length: float, gamma: float, fineness: int = 1, irregular: bool = False) -> Strip:
    """Ten cells over the length in which weight bends the strip, at least 16 over all of it; two across, square."""
    n = int(np.ceil(max(16, 11 * gamma ** (1 / 3))))
    return Strip(length, 2 * length / n, (n * fineness, 2 * fineness), irregular)


def _interpolated(table: list[Row], gamma: float) -> Row | None:
    """The master curve at ``gamma``, between its rows; ``None`` outside of them."""
    from scipy.interpolate import PchipInterpolator

    x = np.log([row["Gamma"] for row in table])
    if len(table) < 2 or not x[0] - 1e-6 <= np.log(gamma) <= x[-1] + 1e-6:
        return None
    near = min(table, key=lambda row: abs(row["Gamma"] / gamma - 1))
    if abs(near["Gamma"] / gamma - 1) < 1e-4:
        return near
    at = float(np.clip(np.log(gamma), x[0], x[-1]))
    return {k: float(PchipInterpolator(x, [row[k] for row in table])(at)) for k in table[0]}


def _hang(
    case: Case, settings: Settings, strip: Strip, areal_density: float, rigidity: float, row: Row, label: str
) -> Iterator[Quantity]:
    length = strip.length
    stretch = areal_density * case.gravity * length / STRAIN
    # of the first bending mode; a limp strip swings like a pendulum instead
    period = 1.787 * np.sqrt(min(row["Gamma"], 8.0) * length / case.gravity)
    brakes = brake(areal_density, length)
    cloth = fabric(areal_density, stretch, rigidity, damping=min(0.06 * period, 2e-3), drag_coefficient=brakes)
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    flat = (-np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))  # its y to world -z
    scene.add(strip.shape, cloth, name="strip", position=(length / 2, 0, 0), orientation=flat, pin=clamp(strip))
    x, _ = settle(scene, "strip", settings, 6 * period, length)
    reach, height, _ = strip.along(x, length)
    yield case.relative(f"drop over reach [-], {label}", row["H_over_W"], -height / reach, case.limits("H_over_W_rel"))
    yield case.absolute(
        f"angle of the tip [deg], {label}", row["tip_angle_deg"], _tip_angle(strip, x), case.limits("tip_angle_deg")
    )


def _tip_angle(strip: Strip, x: np.ndarray) -> float:
    """Below the horizontal [deg]; the curvature vanishes at the tip, so the last half cell hardly turns."""
    step = 0.5 * strip.length / strip.cells[0]
    a, b = strip.along(x, strip.length - step), strip.along(x, strip.length)
    return float(np.degrees(np.arctan2(a[1] - b[1], b[0] - a[0])))


@runner("elastica_tip_load")
def tip_load(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Deflection and shortening of a weightless strip that a light body at its tip pulls with a constant force."""
    length, areal_density, rigidity = 0.2, 0.15, 1e-3
    strip = Strip(length, length / 8, (16, 2))
    for row in case.rows():
        force = row["PL2_over_EI"] * rigidity * strip.width / length**2
        stretch = max(force / strip.width, rigidity / length**2) / STRAIN
        brakes = brake(areal_density, length)
        swing = 2 * np.pi * np.sqrt(areal_density * length**4 / (3 * rigidity))
        cloth = fabric(areal_density, stretch, rigidity, damping=2e-3, drag_coefficient=brakes)
        scene = Scene(gravity=(0.0, 0.0, 0.0))
        start = np.stack([strip.rest[:, 0], 0 * strip.rest[:, 0], strip.rest[:, 1]], axis=1)
        bob = 0.5 * areal_density * strip.width * length
        weight = dumbbell(0.1 * length, strip.width + 0.4 * length)
        scene.add(weight, solid(mass=bob), name="bob", position=(length, 0.0, 0.0))
        scene.add(strip.pattern(start), cloth, name="strip", pin=[clamp(strip), Pin(strip.end(length), to="bob")])
        seconds = 2.5 * swing
        # a spring so long that its force hardly changes
        far = 1e4 * length
        pull = Spring("bob", at=(length, 0.0, 0.0), to=(length, -far, 0.0), stiffness=force / far, length=0.0)
        scene.add(pull)
        x, _ = settle(scene, "strip", settings, seconds, length)
        tip = strip.along(x, length) / length
        label = f"P L^2 / EI {row['PL2_over_EI']:g}"
        yield case.relative(
            f"deflection over length [-], {label}", row["w_deflection_over_L"], -tip[1], case.limits("w_rel")
        )
        yield case.relative(
            f"shortening over length [-], {label}", row["u_shortening_over_L"], 1 - tip[0], case.limits(None)
        )
        yield case.absolute(
            f"angle of the tip [deg], {label}", row["tip_angle_deg"], _tip_angle(strip, x), case.limits(None)
        )
