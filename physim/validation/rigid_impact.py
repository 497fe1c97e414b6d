"""Cases of impact: bounces, collisions of two, Newton's cradle, dominoes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from physim.scene import Scene
from physim.shapes import Box, Plane, Sphere
from physim.trajectory import Trajectory
from physim.validation import measure
from physim.validation.case import Case, Quantity, Row
from physim.validation.parts import ground, solid
from physim.validation.registry import runner
from physim.validation.settings import Settings, body

EXTRA_RESTITUTIONS = (0.0, 0.1, 0.3, 0.7, 0.9)
"""Also dropped, once, where the table has not got them."""


@runner("bounce_restitution")
def bounces(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Times of impacts, heights of rebounds, and the energy kept by a perfectly elastic ball."""
    by_restitution: dict[float, list[Row]] = {}
    for row in case.rows():
        by_restitution.setdefault(row["e"], []).append(row)
    heights, instants = case.limits("rebound_height_rel"), case.limits("impact_time_rel")
    for e, rows in by_restitution.items():
        trajectory = _drop(case, settings, e, max(row["t_apex_s"] for row in rows) * 1.01)
        events = measure.impacts(trajectory, "ball", "ground")["time"]
        for row in rows:
            n = int(row["impact_no"])
            label = f"e {e:g}, impact {n}"
            at = float(events[n - 1]) if n <= len(events) else None
            yield case.relative(f"time of impact [s], {label}", row["t_impact_s"], at, instants)
            got = _apex(case, trajectory, events, n)
            yield case.relative(f"rebound apex [m], {label}", row["rebound_apex_m"], got, heights)
        if e == 1.0:
            yield from _energy_kept(case, trajectory, events)
    height = case.get("H")
    fall = np.sqrt(2 * height / case.gravity)
    for e in EXTRA_RESTITUTIONS:
        if e not in by_restitution:
            trajectory = _drop(case, settings, e, fall * (1 + 2 * e) + 0.1 * fall)
            events = measure.impacts(trajectory, "ball", "ground")["time"]
            got = _apex(case, trajectory, events, 1)
            expected = e**2 * height
            yield case.relative(f"rebound apex [m], e {e:g}, first", expected, got, heights, scale=height)


def _drop(case: Case, settings: Settings, e: float, seconds: float) -> Trajectory:
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Plane(), ground(restitution=e), name="ground")
    radius = case.get("R")
    scene.add(Sphere(radius), solid(restitution=e), name="ball", position=(0.0, radius + case.get("H"), 0.0))
    return settings.simulate(scene, seconds)


def _flight(
    case: Case, trajectory: Trajectory, events: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, height of the ball's foot and its speed upwards at the samples between impacts n and n + 1."""
    track = body(trajectory, "ball")
    t = measure.times(track)
    start = events[n - 1] if n else -1.0
    end = events[n] if n < len(events) else np.inf
    inside = (t > start) & (t < end)
    height, rise = track.dense_position[inside, 1] - case.get("R"), track.dense_velocity[inside, 1]
    if n and n == len(events) and len(height):  # too slow for another bounce: until it is back on the ground
        g = case.gravity
        down = (rise[0] + np.sqrt(max(rise[0] ** 2 + 2 * g * height[0], 0.0))) / g
        flies = t[inside] < t[inside][0] + down
        return t[inside][flies], height[flies], rise[flies]
    return t[inside], height, rise


def _apex(case: Case, trajectory: Trajectory, events: np.ndarray, n: int) -> float | None:
    """Greatest height after impact n [m], of the parabola through the samples of that flight."""
    if n > len(events):
        return None
    t, height, rise = _flight(case, trajectory, events, n)
    if len(t) < 4:
        return float(np.max(height + np.maximum(rise, 0.0) ** 2 / (2 * case.gravity), initial=0.0))
    middle = t.mean()
    a, b, c = np.polyfit(t - middle, height, 2)
    return float(c - b * b / (4 * a)) if a < 0 and abs(b) < -2 * a * (t[-1] - t[0]) else float(height.max())


def _energy_kept(case: Case, trajectory: Trajectory, events: np.ndarray) -> Iterator[Quantity]:
    limits = case.limits("energy_e1")
    match = re.search(r"over (\d+) bounces", str(case.tolerance.get("energy_e1")))
    wanted = int(match.group(1)) if match else len(events)
    _, height, rise = _flight(case, trajectory, events, min(wanted, len(events)))
    start = case.gravity * case.get("H")
    end = float(np.mean(case.gravity * height + rise**2 / 2)) if len(height) else None
    yield case.relative(f"energy per mass after {wanted} bounces [J/kg], e 1", start, end, limits)


# -- two bodies -------------------------------------------------------------------------------------------------------


@runner("collision_1d")
def central_collisions(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Velocities after a central impact, momentum, and energy where nothing is lost."""
    wait, radius = 0.1, 0.05
    for row in case.rows():
        closing = row["v1"] - row["v2"]
        if closing <= 0:
            raise ValueError(f"v1 {row['v1']:g} and v2 {row['v2']:g} never meet; expected v1 > v2.")
        scene = Scene(gravity=(0.0, 0.0, 0.0))
        for name, at in (("1", 0.0), ("2", 2 * radius + wait * closing)):
            material = solid(restitution=row["e"], mass=row[f"m{name}"])
            scene.add(Sphere(radius), material, name=name, position=(at, 0, 0), velocity=(row[f"v{name}"], 0, 0))
        trajectory = settings.simulate(scene, 2 * wait)
        after = [float(body(trajectory, name).dense_velocity[-1, 0]) for name in "12"]
        mass = [row["m1"], row["m2"]]
        label = f"m {mass[0]:g} and {mass[1]:g}, v {row['v1']:g} and {row['v2']:g}, e {row['e']:g}"
        for name, got in zip("12", after, strict=True):
            limits = case.limits("velocity_rel")
            yield case.relative(f"velocity {name} [m/s], {label}", row[f"u{name}"], got, limits, scale=closing)
        momentum = mass[0] * after[0] + mass[1] * after[1]
        scale = mass[0] * abs(row["v1"]) + mass[1] * abs(row["v2"])
        limits = case.limits("momentum_rel")
        yield case.relative(f"momentum [kg m/s], {label}", row["momentum"], momentum, limits, scale=scale)
        if row["e"] == 1.0:
            got = 0.5 * (mass[0] * after[0] ** 2 + mass[1] * after[1] ** 2)
            yield case.relative(f"kinetic energy [J], {label}", row["KE_after"], got, case.limits("energy_rel_e1"))


@runner("billiard_oblique")
def oblique_collisions(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Speeds and directions after an impact off the line of centres."""
    wait, radius = 0.1, 0.03
    for row in case.rows():
        v, b = row["v"], row["b"]
        normal = np.array([np.sqrt(1 - b * b), -b])
        target = 2 * radius * normal + [v * wait, 0.0]
        scene = Scene(gravity=(0.0, 0.0, 0.0))
        scene.add(Sphere(radius), solid(restitution=row["e"], mass=1.0), name="1", velocity=(v, 0, 0))
        place = (float(target[0]), float(target[1]), 0.0)
        scene.add(Sphere(radius), solid(restitution=row["e"], mass=1.0), name="2", position=place)
        trajectory = settings.simulate(scene, 2 * wait)
        label = f"v {v:g}, b {b:.4g}, e {row['e']:g}"
        angles = {}
        for name in "12":
            got = body(trajectory, name).dense_velocity[-1]
            expected = float(np.hypot(row[f"u{name}x"], row[f"u{name}y"]))
            speed = float(np.linalg.norm(got))
            yield case.relative(f"speed {name} [m/s], {label}", expected, speed, case.limits("speed_rel"), scale=v)
            if expected > 1e-6 * v:  # what stands still has no direction
                angles[name] = float(np.degrees(np.arctan2(got[1], got[0])))
                limits = case.limits("angle_deg")
                yield case.absolute(f"direction {name} [deg], {label}", row[f"angle{name}_deg"], angles[name], limits)
        if row["e"] == 1.0 and len(angles) == 2:
            opening = abs(angles["1"] - angles["2"])
            yield case.absolute(f"opening angle [deg], {label}", 90.0, opening, case.limits("opening_angle_e1"))


# -- rows of bodies ---------------------------------------------------------------------------------------------------


@runner("newtons_cradle")
def cradle(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Speeds along the row once the last ball has been hit."""
    count, v, radius = int(case.get("n")), case.get("v"), 0.05
    gap = case.get("gap_over_R") * radius
    approach = 0.1 * v
    scene = Scene(gravity=(0.0, 0.0, 0.0))
    for k in range(count):
        place = 0.0 if k == 0 else approach + 2 * radius + (k - 1) * (2 * radius + gap)
        material = solid(restitution=case.get("e"), mass=1.0)
        scene.add(Sphere(radius), material, name=f"{k}", position=(place, 0, 0), velocity=(v if k == 0 else 0, 0, 0))
    slowest = v * ((1 + case.get("e")) / 2) ** max(count - 2, 0)
    trajectory = settings.simulate(scene, approach / v + (count - 1) * gap / slowest + 0.05)
    last = measure.impacts(trajectory, f"{count - 2}", f"{count - 1}")["time"]
    t = measure.times(body(trajectory, "0"))
    sample = int(np.searchsorted(t, last[0], side="right")) if len(last) else len(t) - 1
    got = [float(body(trajectory, f"{k}").dense_velocity[min(sample, len(t) - 1), 0]) for k in range(count)]
    expected = list(case.expected["final_speeds"])
    for k in range(count):
        yield case.absolute(f"speed of ball {k + 1} [m/s]", expected[k], got[k], case.limits("speed_abs"))
    start, end = (0.5 * float(np.sum(np.square(u))) for u in (expected, got))
    yield case.relative("kinetic energy [J per kg]", start, end, case.limits("energy_rel"), scale=v * v)


@runner("domino_speed")
def dominoes(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Speed of the wave, averaged over the dominoes that the setup names."""
    numbers = re.search(r"dominoes (\d+)\s*-\s*(\d+)", case.setup)
    first, last = (int(n) for n in numbers.groups()) if numbers else (20, 35)
    least = re.search(r">=\s*(\d+)", case.setup)
    count = max(int(least.group(1)) if least else 40, last + 5)
    table = re.search(r"mu ground >=\s*([\d.]+)", case.setup)
    friction = 1.5 * (float(table.group(1)) if table else 1.0)
    found = []
    for row in case.rows():
        got = _wave_speed(case, settings, row, count, (first, last), friction)
        label = f"h {row['h'] * 1e3:.4g} mm, d {row['d'] * 1e3:.4g} mm, gap {row['s'] * 1e3:.4g} mm"
        yield case.relative(f"speed of the wave [m/s], {label}", row["v_m_s"], got, case.limits("speed_rel"))
        found.append((row["h"], row["d"], row["s"], row["v_m_s"], got))
    for h, d in dict.fromkeys((f[0], f[1]) for f in found):
        series = sorted((s, v, got or 0.0) for fh, fd, s, v, got in found if (fh, fd) == (h, d))
        if "monotone" in case.tolerance and len(series) > 1:
            rising = [[np.sign(b[k] - a[k]) for a, b in pairwise(series)] for k in (1, 2)]
            yield case.truth(f"speed changes with the gap as in the table, h {h:g} m", True, rising[0] == rising[1])


def _wave_speed(
    case: Case, settings: Settings, row: Row, count: int, span: tuple[int, int], friction: float
) -> float | None:
    h, d, pitch = row["h"], row["d"], row["s"] + row["d"]
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    # a pair has the geometric mean: `friction` on the table, next to none between dominoes
    scene.add(Plane(), ground(friction=friction**2 * 1e4))
    spin = 1.0 * np.sqrt(case.gravity / h)  # enough to fall over its edge, not much more than the wave itself brings
    for k in range(count):
        start = {} if k else dict(velocity=(spin * h / 2, spin * d / 2, 0.0), angular_velocity=(0.0, 0.0, -spin))
        place = (k * pitch, h / 2, 0.0)
        scene.add(Box((d, h, h / 2)), solid(friction=1e-4), name=f"domino{k}", position=place, **start)  # type: ignore[arg-type]
    trajectory = settings.simulate(scene, 1.6 * count * pitch / row["v_m_s"])
    instants = []
    for k in span:
        hits = measure.impacts(trajectory, f"domino{k}", f"domino{k + 1}")["time"]
        if len(hits) == 0:
            return None
        instants.append(hits[0])
    return float((span[1] - span[0]) * pitch / (instants[1] - instants[0]))
