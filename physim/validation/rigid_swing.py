"""Cases of pendulums: the period at large angles, and the double pendulum against its equations of motion."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from physim.joints import DistanceJoint
from physim.scene import Scene
from physim.shapes import Sphere
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.parts import solid, vector
from physim.validation.registry import runner
from physim.validation.settings import Settings, body

ORIGIN = (0.0, 0.0, 0.0)


@runner("pendulum_period")
def pendulum(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Period at each amplitude, and energy over 20 s. The rod holds the ball's centre, so that it does not turn."""
    length = case.get("L")
    for row in case.rows():
        angle = np.radians(row["theta0_deg"])
        scene = Scene(gravity=(0.0, -case.gravity, 0.0))
        place = vector(length * np.array([np.sin(angle), -np.cos(angle), 0.0]))
        scene.add(Sphere(0.02 * length), solid(mass=1.0), name="bob", position=place)
        scene.add(DistanceJoint("bob", at=place, to=ORIGIN))
        trajectory = settings.simulate(scene, max(20.0, 3.2 * row["T_exact_s"]))
        track = body(trajectory, "bob")
        t, x, v = measure.times(track), track.dense_position[:, 0], track.dense_velocity[:, 0]
        label = f"amplitude {row['theta0_deg']:g} deg"
        got = measure.period(t, x, v, cycles=3)
        yield case.relative(f"period [s], {label}", row["T_exact_s"], got, case.limits("period_rel"))
        energy = measure.energy(scene, trajectory)[t <= 20.0]
        # counted from the lowest point, as the motion spends it
        swing = case.gravity * length * (1 - np.cos(angle))
        worst = float(energy[np.argmax(np.abs(energy - energy[0]))] - energy[0])
        name = f"energy of the swing over 20 s [J], {label}, farthest"
        yield case.relative(name, swing, swing + worst, case.limits("energy_drift_rel_20s"))


@runner("double_pendulum")
def double_pendulum(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Both angles against the table while they can be compared, energy for the whole of it."""
    angles = np.radians([case.get("theta1_deg"), case.get("theta2_deg")])
    lengths, masses = [case.get("l1"), case.get("l2")], [case.get("m1"), case.get("m2")]
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    end, above, above_name = np.zeros(3), ORIGIN, None
    for k in range(2):
        end = end + lengths[k] * np.array([np.sin(angles[k]), -np.cos(angles[k]), 0.0])
        place, name = vector(end), f"{k + 1}"
        scene.add(Sphere(0.02 * min(lengths)), solid(mass=masses[k]), name=name, position=place)
        scene.add(DistanceJoint(name, at=place, to=above, other=above_name))
        above, above_name = place, name
    table = case.rows()
    when = np.array([row["t"] for row in table])
    trajectory = settings.simulate(scene, float(when[-1]) + 1 / settings.fps)
    limit = re.search(r"first_(\d+)s", " ".join(case.tolerance))
    judged = when <= (float(limit.group(1)) if limit else 2.0)
    key = next((k for k in case.tolerance if k.startswith("angle_err")), None)
    for k, found in enumerate(_angles(trajectory, when), start=1):
        expected = np.array([row[f"theta{k}"] for row in table])
        away = np.abs((found - expected + np.pi) % (2 * np.pi) - np.pi)
        worst = int(np.argmax(np.where(judged, away, 0.0)))
        name = f"angle {k} [rad], farthest in the first {when[judged][-1]:g} s"
        yield case.absolute(name, float(expected[worst]), float(expected[worst] + away[worst]), case.limits(key))
    energy = measure.energy(scene, trajectory)
    start = float(case.expected["E0"])
    worst_energy = start + float(energy[np.argmax(np.abs(energy - energy[0]))] - energy[0])
    scale = case.gravity * sum(m * sum(lengths[: k + 1]) for k, m in enumerate(masses))
    limits = case.limits("energy_drift_rel")
    yield case.relative("energy [J], farthest", start, worst_energy, limits, scale=scale)


def _angles(trajectory, when: np.ndarray) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    """Angles of both rods from the downward vertical at the table's times; samples joined by Hermite cubics."""
    from scipy.interpolate import CubicHermiteSpline

    tracks = [body(trajectory, name) for name in "12"]
    t = measure.times(tracks[0])
    first, second = (CubicHermiteSpline(t, k.dense_position, k.dense_velocity)(when) for k in tracks)
    return [np.arctan2(rod[:, 0], -rod[:, 1]) for rod in (first, second - first)]
