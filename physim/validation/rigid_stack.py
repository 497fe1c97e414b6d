"""Cases of rest: a tower of cubes, overhanging blocks, a heavy block on a light one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from physim.scene import Scene
from physim.shapes import Box, Plane
from physim.trajectory import Trajectory
from physim.validation.case import Case, Quantity
from physim.validation.parts import ground, solid
from physim.validation.registry import runner
from physim.validation.settings import Settings, body

RATIO = 100.0
"""Mass of the upper block over that of the lower one."""


@runner("stack_stability")
def stack(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Drift, penetration and load of a tower; which overhangs stand; a hundred times its mass on one block."""
    count, edge, mu, seconds = int(case.get("n")), case.get("edge"), case.get("mu"), case.get("T")
    weight = re.search(r"([\d.]+)\s*kg", case.setup)
    mass = case.get("m", float(weight.group(1)) if weight else 1.0)
    scene = _tower(case, edge, mu, [mass] * count)
    trajectory = settings.simulate(scene, seconds)
    expected = case.expected
    drift = 1e3 * max(_moved(trajectory, f"{k}") for k in range(count))
    # the file's expected values are its bounds; what is truly expected of a tower is to stay as it is
    yield case.absolute("drift in the run [mm]", 0.0, drift, case.limits("drift_mm"))
    limits = case.limits("penetration_mm")
    yield case.absolute("penetration [mm]", 0.0, 1e3 * _overlap(trajectory, edge, count), limits)
    load = float(expected["total_contact_force_bottom_N"])
    yield case.relative("force on the ground [N]", load, _load(trajectory), case.limits("contact_force_rel"))
    yield from _overhangs(case, settings, mu)
    scene = _tower(case, edge, mu, [mass, RATIO * mass])
    trajectory = settings.simulate(scene, 3.0)
    limits = case.limits("penetration_mm", "mass_ratio_penetration_mm")
    got = 1e3 * _overlap(trajectory, edge, 2)
    yield case.absolute(f"penetration [mm], {RATIO:g} times its mass on a block", 0.0, got, limits)


def _tower(case: Case, edge: float, mu: float, masses: list[float]) -> Scene:
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Plane(), ground(mu), name="ground")
    for k, mass in enumerate(masses):
        place = (0.0, (k + 0.5) * edge, 0.0)
        scene.add(Box((edge, edge, edge)), solid(mu, mass=mass), name=f"{k}", position=place)
    return scene


def _moved(trajectory: Trajectory, name: str) -> float:
    """Farthest that a body was from its start [m]."""
    track = body(trajectory, name)
    return float(np.linalg.norm(track.dense_position - track.dense_position[0], axis=1).max())


def _overlap(trajectory: Trajectory, edge: float, count: int) -> float:
    """Deepest penetration [m]: what the solver reports at the end of any substep, or what the positions show."""
    heights = np.stack([body(trajectory, f"{k}").dense_position[:, 1] for k in range(count)], axis=1)
    gaps = np.diff(np.concatenate([np.full((len(heights), 1), -edge / 2), heights], axis=1), axis=1) - edge
    return max(float(-gaps.min()), trajectory.report.values["deepest_penetration [m]"], 0.0)


def _load(trajectory: Trajectory) -> float | None:
    """Mean force between the ground and the lowest block [N], over the second half of the time until the tower sleeps,
    after which nothing is recorded any more.
    """
    states = trajectory.contact_states
    with_ground = (states["body_a"] == "ground") | (states["body_b"] == "ground")
    if not with_ground.any():
        return None
    late = states[with_ground & (states["time"] > states["time"][with_ground].max() / 2)]
    samples = len(np.unique(late["time"]))
    return float(late["force"].sum() / samples)


def _overhangs(case: Case, settings: Settings, mu: float) -> Iterator[Quantity]:
    """Towers of n blocks over the edge of a table, each as far out as it may, times 95 % and 105 %."""
    found = [float(x) for x in re.findall(r"L\s*=\s*([\d.]+)", case.setup)]
    length = found[0] if found else 2 * case.get("edge")
    for n, limit in enumerate(case.expected.get("overhang_limits_L", []), start=1):
        for share in (0.95, 1.05):
            got = _stands(case, settings, mu, length, n, share)
            reach = share * float(limit)
            yield case.truth(f"{n} blocks overhang {reach:.4f} of their length and stand", share < 1, got)


def _stands(case: Case, settings: Settings, mu: float, length: float, n: int, share: float) -> bool:
    thick = length / 4
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    table = 6 * length  # falling blocks must not reach the floor of the world: there is none
    scene.add(Box((table, thick, length)), ground(mu), position=(-table / 2, -thick / 2, 0.0))
    centre = -length / 2
    for k in range(n, 0, -1):  # from the lowest; the k-th from the top stands out L / 2k over the one below
        centre += share * length / (2 * k)
        place = (centre, (n - k + 0.5) * thick, 0.0)
        scene.add(Box((length, thick, length)), solid(mu), name=f"{k}", position=place)
    trajectory = settings.simulate(scene, 10 * np.sqrt(length / case.gravity) + 1.0)
    return max(_moved(trajectory, f"{k}") for k in range(1, n + 1)) < 0.1 * length
