"""Cases of dry friction: a block on an incline, its way to rest on level ground, a block that tips."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from physim.scene import Scene
from physim.shapes import Box, Plane
from physim.validation import measure
from physim.validation.case import Case, Limits, Quantity, Row
from physim.validation.parts import Incline, ground, push, solid, substep_of, vector
from physim.validation.registry import runner
from physim.validation.settings import Settings, body

WATCH = 2.0
"""How long a block on an incline is watched [s]."""
HEADINGS = (0.0, 45.0)
"""Directions of downhill [deg] in the plane x, z; friction must not know them."""


@runner("incline_block")
def incline(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Sticks or slides, creep, acceleration, the angle where it lets go, and the way to rest, in every direction."""
    size = _block_size(case)
    by_angle: dict[float, list[Row]] = {}
    for row in case.rows():
        by_angle.setdefault(row["theta_deg"], []).append(row)
    for theta, rows in by_angle.items():
        yield from _one_angle(case, settings, size, theta, rows)
    for mu, critical in dict.fromkeys((row["mu"], row["theta_crit_deg"]) for row in case.rows()):
        yield _letting_go(case, settings, size, mu, critical)
    yield from _stopping(case, settings, size)


def _block_size(case: Case) -> tuple[float, float, float]:
    """Edges along the slope, across it, and height [m], as the setup tells them."""
    match = re.search(r"([\d.]+)\s*x\s*([\d.]+)\s*x\s*([\d.]+)\s*m", case.setup)
    length, width, height = (float(g) for g in match.groups()) if match else (0.4, 0.4, 0.1)
    return length, height, width


def _slides(row: Row) -> bool:
    return str(row["state"]).lower().startswith("sl")


def _one_angle(
    case: Case, settings: Settings, size: tuple[float, float, float], theta: float, rows: list[Row]
) -> Iterator[Quantity]:
    """All coefficients side by side on one plane, once down x and once down a diagonal."""
    runs = {}
    for heading in HEADINGS:
        plane = Incline(theta, case.gravity, 1.0, heading)
        for k, row in enumerate(rows):
            place = plane.place(0.0, 1.5 * k * size[2], size[1] / 2)
            plane.scene.add(
                Box(size), solid(row["mu"] ** 2), name=f"{k}", position=place, orientation=plane.orientation()
            )
        runs[heading] = plane, settings.simulate(plane.scene, WATCH)
    for k, row in enumerate(rows):
        label = f"mu {row['mu']:g}, slope {theta:g} deg"
        ways = []
        for heading, (plane, trajectory) in runs.items():
            track = body(trajectory, f"{k}")
            way = (track.dense_position - track.dense_position[0]) @ np.stack([plane.downhill, plane.across], 1)
            ways.append((measure.times(track), way))
            where = f"{label}, heading {heading:g} deg"
            moved = bool(np.linalg.norm(way[-1]) > 1e-2 * size[0])
            yield case.truth(f"slides, {where}", _slides(row), moved)
            if not _slides(row) and abs(theta - row["theta_crit_deg"]) >= 1.0:
                yield _creep(case, f"creep [m/s], {where}", *ways[-1])
        if _slides(row):
            yield from _accelerations(case, label, row, ways)


def _creep(case: Case, name: str, t: np.ndarray, way: np.ndarray) -> Quantity:
    late = t >= 0.25 * t[-1]
    speed = float(np.linalg.norm([measure.slope(t[late], way[late, i]) for i in (0, 1)]))
    return case.absolute(name, 0.0, speed, case.limits("stick_creep"))


def _accelerations(case: Case, label: str, row: Row, ways: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Quantity]:
    limits = case.limits("sliding_accel_rel")
    found = [measure.acceleration(t[t > 0.05], way[t > 0.05, 0]) for t, way in ways]
    for heading, got in zip(HEADINGS, found, strict=True):
        name = f"acceleration [m/s^2], {label}, heading {heading:g} deg"
        yield case.relative(name, row["accel_m_s2"], got, limits)
    ratio = found[1] / found[0] if found[0] else None
    isotropy = case.limits("sliding_accel_rel", "isotropy")
    yield case.relative(f"acceleration along the diagonal over that along x [-], {label}", 1.0, ratio, isotropy)


def _letting_go(
    case: Case, settings: Settings, size: tuple[float, float, float], mu: float, critical: float
) -> Quantity:
    """Steepest slope that holds the block, bisected between half of what is expected and half as much again."""

    def slides(theta: float) -> bool:
        plane = Incline(theta, case.gravity, 1.0)
        start = plane.place(0.0, 0.0, size[1] / 2)
        plane.scene.add(Box(size), solid(mu**2), name="block", position=start, orientation=plane.orientation())
        track = body(settings.simulate(plane.scene, WATCH / 2), "block")
        half = len(track.dense_position) // 2
        late = track.dense_position[-1] - track.dense_position[half]
        # creep that is allowed moves 1e-3 m/s; a slope a tenth of a degree too steep moves a block 1.7e-2 m/s^2
        return bool(late @ plane.downhill > 2.5e-3 * WATCH / 4)

    limits = case.limits("threshold_deg")
    width = (limits.good or limits.pass_ or 0.25) / 4
    got = measure.tipping_point(slides, 0.5 * critical, min(1.5 * critical, 85.0), width)
    return case.absolute(f"slope at which it lets go [deg], mu {mu:g}", critical, got, limits)


def _stopping(case: Case, settings: Settings, size: tuple[float, float, float]) -> Iterator[Quantity]:
    rows = case.params.get("stopping", [])
    for heading in HEADINGS:
        turn = np.radians(heading)
        along = np.array([np.cos(turn), 0.0, -np.sin(turn)])
        for row in rows:
            scene = Scene(gravity=(0.0, -case.gravity, 0.0))
            scene.add(Plane(), ground(1.0))
            start = vector(row["v0"] * along)
            scene.add(Box(size), solid(row["mu"] ** 2), name="block", position=(0, size[1] / 2, 0), velocity=start)
            track = body(settings.simulate(scene, 1.1 * row["time_s"] + 0.1), "block")
            got = float((track.dense_position[-1] - track.dense_position[0]) @ along)
            label = f"mu {row['mu']:g}, v {row['v0']:g} m/s, heading {heading:g} deg"
            limits = case.limits("stopping_distance_rel")
            yield case.relative(f"way to rest [m], {label}", row["distance_m"], got, limits)


# -- tipping ----------------------------------------------------------------------------------------------------------


@runner("block_topple")
def topple(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Slope at which a tall block tips, push at its top that tips it, and how fast it falls from the balance."""
    base, height, mu, mass = (case.get(name) for name in ("b", "h", "mu", "m"))
    tau = float(case.expected.get("topple_time_constant_s") or np.sqrt(height / case.gravity))
    size = (base, height, base)

    def fallen(scene: Scene) -> bool:
        track = body(settings.simulate(scene, 12 * tau), "block")
        up = measure.in_world(track, np.array([0.0, 1.0, 0.0]))
        return bool(up[-1] @ up[0] < np.cos(np.arctan2(base, height)))

    def tips(theta: float) -> bool:
        plane = Incline(theta, case.gravity, 1.0)
        start = plane.place(0.0, 0.0, height / 2)
        material = solid(mu**2, mass=mass)
        plane.scene.add(Box(size), material, name="block", position=start, orientation=plane.orientation())
        return fallen(plane.scene)

    def overturns(force: float) -> bool:
        scene = _standing(case, size, mu, mass)
        push(scene, "block", (force, 0.0, 0.0), 12 * tau, step, point=(-base / 2, height / 2, 0.0))
        return fallen(scene)

    angle, limits = float(case.expected["tip_angle_deg"]), case.limits("angle_deg")
    got = measure.tipping_point(tips, 0.5 * angle, min(1.5 * angle, 80.0), (limits.good or 0.3) / 5)
    yield case.absolute("slope at which it tips [deg]", angle, got, limits)
    step = substep_of(_standing(case, size, mu, mass), settings)
    force, limits = float(case.expected["push_at_top_N"]), case.limits("push_rel")
    got = measure.tipping_point(overturns, 0.5 * force, 1.5 * force, (limits.good or 0.01) * force / 4)
    yield case.relative("push at the top that tips it [N]", force, got, limits)
    if "topple_time_constant_s" in case.expected:
        got = _time_constant(case, settings, size, mu, mass, tau)
        yield case.relative("time constant of its fall [s]", tau, got, Limits())


def _standing(case: Case, size: tuple[float, float, float], mu: float, mass: float) -> Scene:
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Plane(), ground(1.0))
    scene.add(Box(size), solid(mu**2, mass=mass), name="block", position=(0, size[1] / 2, 0))
    return scene


def _time_constant(
    case: Case, settings: Settings, size: tuple[float, float, float], mu: float, mass: float, tau: float
) -> float | None:
    """Of the lean beyond balance, which grows like cosh(t / tau) from rest on an edge; from lean'' = lean / tau^2."""
    base, height, _ = size
    balance, beyond = np.arctan2(base, height), np.radians(1.0)
    lean = balance + beyond
    reach = np.hypot(base, height) / 2
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Plane(), ground(1.0))
    centre = (float(reach * np.sin(beyond)), float(reach * np.cos(beyond)), 0.0)
    turned = (0.0, 0.0, float(-np.sin(lean / 2)), float(np.cos(lean / 2)))
    scene.add(Box(size), solid(mu**2, mass=mass), name="block", position=centre, orientation=turned)
    track = body(settings.simulate(scene, 2.0 * tau), "block")
    t = measure.times(track)
    up = measure.in_world(track, np.array([0.0, 1.0, 0.0]))
    grown = (np.arctan2(up[:, 0], up[:, 1]) - balance) / beyond
    early = (t > 0.5 * tau) & (grown > 1.01)
    return float(np.mean(t[early] / np.arccosh(grown[early]))) if early.any() else None
