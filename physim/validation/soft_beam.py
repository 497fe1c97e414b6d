"""Cases of elastic beams: bending under their own weight, swinging, torsion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.pins import Pin
from physim.shapes import Cylinder
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.parts import solid as rigid
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.soft_parts import block, end, energy_drift, matter, rested, solid
from physim.validation.soft_rod import finer, independence


@runner("cantilever")
def cantilever(case: Case, settings: Settings) -> Iterator[Quantity]:
    """How far the tip sinks, slender and stout; of the slender one on two lattices and with two steps."""
    b, h, nu = case.get("b"), case.get("h"), case.get("poisson")
    for number, beam in enumerate(case.params["beams"]):
        length, modulus = float(beam["L"]), float(beam["E"])
        load, second = case.get("rho") * case.gravity * b * h, b * h**3 / 12
        shear = 10 * (1 + nu) / (12 + 11 * nu) * modulus / (2 * (1 + nu)) * b * h
        expected = load * length**4 / (8 * modulus * second) + load * length**2 / (2 * shear)
        rate = float(np.sqrt(1.55 * case.gravity / expected))

        def tip(cell: float, how: Settings) -> float:
            soft = matter(case, rate=rate, cell=cell, modulus=modulus)  # noqa: B023
            moved, _ = rested(block(case, (length, h, b), soft, "left"), how, 26 / rate, 0, 1)  # noqa: B023
            return -float(moved[1])

        got = tip(h / 2 if number == 0 else h / 6, settings)
        yield case.relative(f"tip of L / h = {length / h:g} [m]", expected, got, case.limits("tip_rel"))
        if number == 0:
            yield from independence(case, got, tip(h / 4, settings), tip(h / 2, finer(settings)))


@runner("free_vibration")
def free_vibration(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Frequency of a beam that swings about its sag, and what becomes of its energy."""
    length, h, expected = case.get("L"), case.get("h"), float(case.expected["frequency_Hz"])
    trajectory = settings.simulate(block(case, (length, h, h), matter(case, cell=h / 3), "left"), 6.2 / expected)
    moved = end(solid(trajectory), 0, 1)[:, 1]
    times = np.arange(len(moved)) / (trajectory.fps * solid(trajectory).samples_per_frame)
    period = measure.period(times, moved - moved.mean())
    yield case.relative(
        "frequency [Hz]", expected, None if period is None else 1 / period, case.limits("frequency_rel")
    )
    weight = case.get("rho") * h * h * length * case.gravity
    scale = weight * float(np.ptp(moved)) / 4  # what weight gives up on the way to the sag, about
    yield case.absolute(
        "change of energy over what swings [-]", 0.0, energy_drift(trajectory, scale), case.limits("energy_rel")
    )


@runner("torsion")
def torsion(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Period of a disc on a square bar."""
    length, a, inertia = case.get("L"), case.get("a"), case.get("inertia")
    radius = 2 * a
    scene = block(case, (a, length, a), matter(case, cell=a / 4), ())
    scene.entities.clear()
    disc = rigid(mass=2 * inertia / radius**2)
    down = -(length + a) / 2
    scene.add(Cylinder(radius, a), disc, name="disc", position=(0, down, 0), angular_velocity=(0, case.get("rate"), 0))
    bar = block(case, (a, length, a), matter(case, cell=a / 4), ()).entities["solid"]
    scene.add(bar.shape, bar.material, name="solid", pin=(Pin("top"), Pin("bottom", to="disc")))
    expected = float(case.expected["period_s"])
    trajectory = settings.simulate(scene, 2.2 * expected)
    track = trajectory.bodies["disc"]
    angle = 2 * np.arctan2(track.dense_orientation[:, 1], track.dense_orientation[:, 3])
    t = measure.times(track)
    period = measure.period(t[1:], angle[1:])
    yield case.relative("period [s]", expected, period, case.limits("period_rel"))
