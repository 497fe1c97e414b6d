"""Cases of cloth with air and with bodies: a sheet in the wind, a strip over a cylinder, a cloth draped on a disk."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.forces import Wind
from physim.pins import Pin
from physim.scene import Scene
from physim.shapes import Cylinder
from physim.sheet import Pattern
from physim.validation import measure
from physim.validation.case import Case, Quantity
from physim.validation.parts import dumbbell, ground, push, solid, substep_of, vector
from physim.validation.registry import runner
from physim.validation.settings import Settings, body
from physim.validation.strips import AIR_DENSITY, Strip, brake, fabric, settle


@runner("flag_flutter")
def panel_in_wind(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Angle from the vertical at which a sheet hung from its upper edge stands in a steady wind."""
    length = 0.3
    # the air of the library has one density; the product with the coefficient is what counts
    coefficient = case.get("Cn") * case.get("rho", AIR_DENSITY) / AIR_DENSITY
    for row in case.rows():
        speed, density = row["U_m_s"], row["areal_density"]
        strip = Strip(length, length / 4, (12, 3))
        pressure = density * case.gravity + 0.5 * AIR_DENSITY * coefficient * speed**2
        # the loads of a flat sheet are even, so a stiff one stays flat: limp ones flutter, which is not asked here
        cloth = fabric(density, 1e3 * pressure * length, pressure * length**3, drag_coefficient=coefficient)
        scene = Scene(gravity=(0.0, -case.gravity, 0.0))
        scene.add(Wind((0.0, 0.0, speed)))
        start = np.stack([strip.rest[:, 1], -strip.rest[:, 0], 0 * strip.rest[:, 0]], axis=1)
        scene.add(strip.pattern(start), cloth, name="sheet", pin=Pin(strip.end(0.0)))
        x, _ = settle(scene, "sheet", settings, 12 * np.sqrt(length / case.gravity), length)
        top, foot = strip.along(x, 0.0), strip.along(x, length)
        angle = float(np.degrees(np.arctan2(foot[2] - top[2], top[1] - foot[1])))
        label = f"wind {speed:g} m/s, {density:g} kg/m^2"
        yield case.absolute(f"angle from the vertical [deg], {label}", row["phi_deg"], angle, case.limits("angle_deg"))


# -- capstan ----------------------------------------------------------------------------------------------------------


@runner("capstan")
def capstan(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Ratio of the pulls at the ends of a light strip around a cylinder at which it begins to slip."""
    mu, wrap = case.get("mu"), case.get("beta")
    expected, limits = float(case.expected["ratio"]), case.limits("ratio_rel")

    def slips(ratio: float) -> bool:
        return _slides(case, settings, mu, wrap, ratio)

    width = (limits.good or limits.pass_ or 0.03) * expected / 2
    got = measure.tipping_point(slips, max(1.0, 0.6 * expected), 1.5 * expected, width)
    yield case.relative("ratio of the pulls at which it slips [-]", expected, got, limits)


def _slides(case: Case, settings: Settings, mu: float, wrap: float, ratio: float) -> bool:
    """No gravity: each end holds a body that is pulled along the tangent, the second ``ratio`` times as hard."""
    radius, straight, density, thickness = 0.1, 0.05, 1.0, 5e-4
    length = radius * wrap + 2 * straight
    strip = Strip(length, 0.02, (int(np.ceil(length / 0.01)), 2))
    pull = 1.0  # newton, at the slack end
    cloth = fabric(density, pull * ratio / strip.width / 1e-2, damping=5e-3, thickness=thickness, friction=1.0)
    place, tangents = _around(strip, radius + thickness / 2, wrap, straight)
    scene = Scene(gravity=(0.0, 0.0, 0.0))
    scene.add(Cylinder(radius, 0.04), ground(mu**2), orientation=(np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)))
    pins = []
    for name, s, force in (("slack", 0.0, pull), ("taut", length, ratio * pull)):
        edge = strip.end(s)
        at = place[edge].mean(axis=0)
        scene.add(dumbbell(0.008, 0.1), solid(mass=0.05 * force), name=name, position=vector(at))
        pins.append(Pin(edge, to=name))
    scene.add(strip.pattern(place), cloth, name="strip", pin=pins)
    step, seconds = substep_of(scene, settings), 0.4
    for name, tangent, force in (("slack", tangents[0], pull), ("taut", tangents[1], ratio * pull)):
        push(scene, name, vector(force * tangent), seconds, step)
    track = body(settings.simulate(scene, seconds), "taut")
    half = len(track.dense_position) // 2
    way = (track.dense_position[-1] - track.dense_position[half]) @ tangents[1]
    return bool(way > 2e-3)  # what sticks only stretches a little; 1 % too much pull moves it several millimetres


def _around(strip: Strip, radius: float, wrap: float, straight: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices around a cylinder along z, with straight ends, and the directions in which the ends are pulled."""
    s = strip.rest[:, 0] * (radius * wrap + 2 * straight) / strip.length
    first, last = np.pi / 2 + wrap / 2, np.pi / 2 - wrap / 2
    angle = first - np.clip((s - straight) / radius, 0.0, wrap)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle), strip.rest[:, 1]], axis=1)
    tangents = np.array([[-np.sin(first), np.cos(first), 0.0], [np.sin(last), -np.cos(last), 0.0]])
    x += np.maximum(straight - s, 0.0)[:, None] * tangents[0]
    x += np.maximum(s - straight - radius * wrap, 0.0)[:, None] * tangents[1]
    return x, tangents


# -- drape ------------------------------------------------------------------------------------------------------------

FABRICS = {"limp": 0.003, "soft": 0.015, "medium": 0.025, "stiff": 0.045, "board": 0.3}
"""Bending lengths (rigidity / weight per area)^(1/3) [m]: nearly none, those of textile practice, a board."""


@runner("drape_coefficient")
def drape(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Share of the overhang that the shadow of a draped round cloth covers, from limp to stiff."""
    outer, inner = case.get("R"), case.get("r")
    expected, limits = case.expected, case.limits("DC_abs")
    found = []
    for name, bending_length in FABRICS.items():
        cover, nodes = _draped(case, settings, outer, inner, bending_length)
        found.append(cover)
        label = f"{name}, bending length {bending_length * 1e3:g} mm"
        low, high = _range(expected, name)
        yield case.absolute(f"drape coefficient [%], {label}", float(np.clip(cover, low, high)), cover, limits)
        if name == "medium" and "nodes_typical" in expected:
            fewest, most = expected["nodes_typical"]
            yield case.truth(
                f"number of folds within {fewest} to {most} ({nodes}), {label}", True, fewest <= nodes <= most
            )
    if "monotone" in expected:
        yield case.truth("drape coefficient rises with the bending length", True, bool(np.all(np.diff(found) > 0)))


def _range(expected: dict, name: str) -> tuple[float, float]:
    """Lowest and highest coefficient [%] that the case gives a kind of fabric."""
    if name == "limp":
        numbers = [float(x) for x in str(expected.get("limp_limit", "0..10")).replace("->", "").split("..")]
        return min(numbers), max(numbers)
    if name == "board":
        limit = float(expected.get("stiff_limit", 100.0))
        return limit, limit
    low, high = expected.get({"soft": "soft_range"}.get(name, name), (0.0, 100.0))
    return float(low), float(high)


def _disk(radius: float, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """A round mesh of triangles of nearly equal size."""
    from scipy.spatial import Delaunay

    points = [np.zeros((1, 2))]
    for k in range(1, rings + 1):
        angle = 2 * np.pi * (np.arange(6 * k) + 0.5 * (k % 2)) / (6 * k)
        points.append(radius * k / rings * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    rest = np.concatenate(points)
    faces = Delaunay(rest).simplices
    a, b, c = (rest[faces[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    faces[area < 0] = faces[area < 0][:, ::-1]
    return rest, faces[np.abs(area) > 1e-3 * (radius / rings) ** 2].astype(np.int32)


def _draped(case: Case, settings: Settings, outer: float, inner: float, bending_length: float) -> tuple[float, int]:
    """Drape coefficient [%] and number of folds of a cloth on a round table."""
    density = 0.15
    rings = int(np.clip(outer / (2 * bending_length), 16, 24))  # limp cloth falls into narrower folds
    weight = density * case.gravity
    rest, faces = _disk(outer, rings)
    wobble = 1e-4 * np.random.default_rng(2).standard_normal(len(rest))  # nothing tells it where to fold but this
    thickness = 1e-3
    height = 0.5 * thickness + 1e-4
    start = np.stack([rest[:, 0], height + np.abs(wobble), -rest[:, 1]], axis=1)
    rigidity = weight * bending_length**3
    # triangles that hardly stretch hardly bend two ways either, and a limp cloth would hang in a few wide wings; a
    # fabric that its own weight stretches by a hundredth drapes as freely as cloth does
    stretch = max(weight * outer / 1e-2, 100 * rigidity / outer**2)
    cloth = fabric(
        density, stretch, rigidity, 0.2, damping=3e-3, drag_coefficient=brake(density, outer), thickness=thickness,
        friction=0.5,
    )  # fmt: skip
    scene = Scene(gravity=(0.0, -case.gravity, 0.0))
    scene.add(Cylinder(inner, 0.02), ground(0.5), position=(0.0, -0.01, 0.0))
    scene.add(Pattern(rest, faces, start), cloth, name="cloth", position=(0.0, 0.0, 0.0))
    x, _ = settle(scene, "cloth", settings, 12 * np.sqrt(outer / case.gravity), 10 * outer)
    shadow = _shadow(x, faces, inner, 4 * outer / 800)
    table, whole = np.pi * inner**2, np.pi * outer**2
    rim = np.linalg.norm(rest, axis=1) > outer * (1 - 1e-6)
    return 100 * (shadow - table) / (whole - table), _folds(x[rim])


def _shadow(x: np.ndarray, faces: np.ndarray, inner: float, cell: float) -> float:
    """Area of the cloth and the disk seen from above [m^2], counted on a grid."""
    size = int(np.ceil(np.abs(x[:, [0, 2]]).max() / cell)) + 2
    axis = (np.arange(-size, size) + 0.5) * cell
    u, v = np.meshgrid(axis, axis)
    covered = u**2 + v**2 <= inner**2
    for face in faces:
        p = x[face][:, [0, 2]]
        low, high = (np.floor(p.min(0) / cell).astype(int) + size, np.ceil(p.max(0) / cell).astype(int) + size + 1)
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        du, dv = u[window], v[window]
        sides = [
            (q[0] - o[0]) * (dv - o[1]) - (q[1] - o[1]) * (du - o[0])
            for o, q in ((p[0], p[1]), (p[1], p[2]), (p[2], p[0]))
        ]
        covered[window] |= np.all([s >= 0 for s in sides], axis=0) | np.all([s <= 0 for s in sides], axis=0)
    return float(covered.sum()) * cell**2


def _folds(rim: np.ndarray) -> int:
    """Number of folds around the edge: the strongest wave of its radius over the angle."""
    angle = np.arctan2(rim[:, 2], rim[:, 0])
    order = np.argsort(angle)
    radius = np.hypot(rim[:, 0], rim[:, 2])[order]
    even = np.interp(np.linspace(-np.pi, np.pi, 256, endpoint=False), angle[order], radius, period=2 * np.pi)
    return int(np.argmax(np.abs(np.fft.rfft(even - even.mean()))[1:32]) + 1)
