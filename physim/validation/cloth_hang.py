"""Cases of hanging: the catenary, the stretch of a cloth under its own weight, and its bounce."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from physim.joints import Spring
from physim.pins import Pin
from physim.scene import Scene
from physim.validation import measure
from physim.validation.case import Case, Quantity, Row
from physim.validation.parts import dumbbell, solid, vector
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.strips import Strip, brake, fabric, settle


@runner("catenary")
def catenary(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Sag, shape, length and end tension of a strip that hangs between two points of equal height."""
    links = re.search(r"N\s*>=\s*(\d+)", case.setup)
    count = int(links.group(1)) if links else 64
    wide = re.search(r"([\d.]+)\s*cm strip", case.setup)
    width = float(wide.group(1)) / 100 if wide else 0.05
    for row in case.rows():
        span, length = row["span"], row["length"]
        strip = Strip(length, width, (count, max(2, round(count * width / length))))
        label = f"span {span:g} m, length {length:g} m"
        scene = _between(case, strip, row)
        x, _ = settle(scene, "strip", settings, 16 * np.sqrt(length / case.gravity), span)
        line = strip.profile(x, 4 * count + 1)
        sag = float(-line[:, 1].min())
        yield case.relative(f"sag [m], {label}", row["sag"], sag, case.limits("sag_rel"))
        a, middle = row["a"], span / 2
        curve = a * np.cosh((line[:, 0] - middle) / a) - a * np.cosh(middle / a)
        rms = float(np.sqrt(np.mean((line[:, 1] - curve) ** 2))) / span
        yield case.absolute(f"shape, rms over span [-], {label}", 0.0, rms, case.limits("shape_rms_over_span"))
        arc = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
        yield case.relative(f"length of the strip [m], {label}", length, arc, case.limits("length_error"))
        name, limits = f"tension at an end [N], {label}", case.limits("end_tension_rel")
        try:
            yield case.relative(name, row["T_end_N"], _end_tension(case, settings, strip, row), limits)
        except (FloatingPointError, RuntimeError) as error:  # its own scene: the other figures stand without it
            yield case.missing(name, row["T_end_N"], limits, f"{type(error).__name__}: {error}")


def _limp(case: Case, strip: Strip, row: Row):  # type: ignore[no-untyped-def]
    density = case.get("linear_density") / strip.width
    stretch = row["T_end_N"] / strip.width / 1e-4  # strain at the ends
    return fabric(density, stretch, damping=1e-3, drag_coefficient=brake(density, row["span"]))


def _start(strip: Strip, span: float) -> np.ndarray:
    """On two straight legs, which have the right length."""
    s, half = strip.rest[:, 0], strip.length / 2
    down = np.sqrt(half**2 - (span / 2) ** 2)
    leg = 1 - np.abs(s / half - 1)
    return np.stack([s / strip.length * span, -down * leg, strip.rest[:, 1]], axis=1)


def _between(case: Case, strip: Strip, row: Row) -> Scene:
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    pattern = strip.pattern(_start(strip, row["span"]))
    pins = [Pin(strip.end(0.0)), Pin(strip.end(strip.length))]
    scene.add(pattern, _limp(case, strip, row), name="strip", pin=pins)
    return scene


def _end_tension(case: Case, settings: Settings, strip: Strip, row: Row) -> float:
    """Force of the strip on a small body at its end, from how far it pulls a spring of no length at rest [N]."""
    span, mass = row["span"], 5.0 * case.get("linear_density") * strip.length
    stiffness = row["T_end_N"] / (1e-3 * span)
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    pins = []
    for name, s, place in (("left", 0.0, 0.0), ("right", strip.length, span)):
        at = vector(np.array([place, 0.0, 0.0]))
        scene.add(dumbbell(0.05 * span, strip.width + 0.2 * span), solid(mass=mass), name=name, position=at)
        slow = 2 * np.sqrt(stiffness * mass)
        scene.add(Spring(name, at=at, to=at, stiffness=stiffness, damping=slow, length=0.0))
        pins.append(Pin(strip.end(s), to=name))
    scene.add(strip.pattern(_start(strip, span)), _limp(case, strip, row), name="strip", pin=pins)
    _, trajectory = settle(scene, "strip", settings, 16 * np.sqrt(strip.length / case.gravity), span)
    late = trajectory.bodies["right"].dense_position
    stretch = late[-len(late) // 4 :].mean(axis=0) - [span, 0.0, 0.0]
    return float(np.linalg.norm(-stiffness * stretch + mass * scene.gravity))


@runner("hanging_stretch")
def hanging_stretch(case: Case, settings: Settings) -> Iterator[Quantity]:
    """How far a hanging cloth stretches, its strain at the top, the period of its bounce, on two meshes."""
    length, stiffness, density = case.get("L"), case.get("Y"), case.get("areal_density")
    expected = case.expected
    rows = re.search(r"between (\d+) and (\d+) rows", str(case.tolerance.get("mesh_independence")))
    counts = [int(n) for n in rows.groups()] if rows else [20, 80]
    period = float(expected["bounce_period_s"])
    found = []
    for count in counts:
        strip = Strip(length, length / 4, (count, max(2, count // 4)))
        bouncing = fabric(density, stiffness)
        # a loss that brakes the bounce to rest within a few periods
        braked = fabric(density, stiffness, damping=0.2 * period / np.pi)
        label = f"{count} rows"
        x, _ = settle(_hung(case, strip, braked), "strip", settings, 8 * period, expected["tip_extension_m"])
        tip = float(-strip.along(x, length)[1] - length)
        found.append(tip)
        yield case.relative(
            f"extension of the tip [m], {label}", expected["tip_extension_m"], tip, case.limits("ext_rel")
        )
        places = np.linspace(0, length, 41)
        down = -strip.profile(x, 41)[:, 1] - places
        # its strain falls linearly to the tip; a parabola has it at the top
        strain = float(np.polyfit(places, down, 2)[1])
        yield case.relative(f"strain at the top [-], {label}", expected["top_strain"], strain, case.limits("ext_rel"))
        track = settings.simulate(_hung(case, strip, bouncing), 5.2 * period).cloths["strip"]
        height = strip.along(track.dense_position.astype(float), length)[:, 1]
        got = measure.period(measure.times(track), height - height.mean())
        yield case.relative(f"period of the bounce [s], {label}", period, got, case.limits("bounce_period_rel"))
    limits = case.limits("mesh_independence")
    name = f"extension with {counts[1]} rows over that with {counts[0]} [-]"
    yield case.relative(name, 1.0, found[1] / found[0], limits)


def _hung(case: Case, strip: Strip, cloth) -> Scene:  # type: ignore[no-untyped-def]
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    start = np.stack([strip.rest[:, 1], -strip.rest[:, 0], 0 * strip.rest[:, 0]], axis=1)
    scene.add(strip.pattern(start), cloth, name="strip", pin=Pin(strip.end(0.0)))
    return scene
