"""Where grains are simulated and in how many steps: chosen once per scene from what is expected to happen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.liquid_domain import entity_box
from physim.materials import WALLS, Grains
from physim.over_time import strongest_of
from physim.scene import Entity, Scene
from physim.shapes import Emitter, HeightField
from physim.terrain import ground_height, shape_distance

PAD = 4
"""Nodes beyond the box on every side."""
MEMORY = 2**31
"""Most that a grid may take [bytes]."""
BYTES_PER_NODE = 60
BYTES_PER_PARTICLE = 140
BYTES_KEPT = 18
"""Per particle and frame of the result."""
STIFF = 200.0
"""Constrained modulus over the largest pressure to expect, where the material's own is larger [-]."""
COURANT = 0.45
"""Way of a pressure wave and of the fastest grains together per step [cells]."""
STEP_LIMIT = 8192
"""Most steps per frame."""


@dataclass(frozen=True)
class GrainsDomain:
    """A box of cubic cells, nodes at ``low + cell * (number - PAD)``."""

    low: tuple[float, float, float]
    """Lower corner [m]."""
    high: tuple[float, float, float]
    """Upper corner [m]."""
    cell: float
    """[m]"""
    shape: tuple[int, int, int]
    """Nodes along x, y, z, those beyond the box included."""
    walls: tuple[bool, bool, bool, bool, bool, bool]
    """Smooth walls at -x, +x, -y, +y, -z, +z."""

    @property
    def origin(self) -> np.ndarray:
        """Of node 0 (3,) [m]."""
        return np.array(self.low) - PAD * self.cell


def choose_domain(scene: Scene, entities: list[Entity], seconds: float) -> GrainsDomain:
    """The box for entities of one ``Grains``: the given one, or one that they need.

    Raises:
        ValueError: The given box is empty, or its grid is larger than memory.
    """
    material: Grains = entities[0].material  # type: ignore[assignment]
    if material.domain is not None:
        low, high = np.array(material.domain, dtype=np.float64)
        if low.shape != (3,) or not np.all(np.isfinite(high - low) & (high > low)):
            raise ValueError(
                f"Grains({material.preset!r}).domain is {material.domain}, expected a lower and an upper corner "
                "(x, y, z) [m] with every upper coordinate greater than the lower one."
            )
        return _grid(low, high, material, None)
    low, high, floor = _reach(scene, entities, seconds)
    if not np.all(high > low):
        raise ValueError(
            f"grains {entities[0].name!r} lie below what would hold them up, expected them above the ground. Move them "
            "up, or give Grains a domain around them."
        )
    return _grid(low, high, material, floor)


def _grid(low: np.ndarray, high: np.ndarray, material: Grains, floor: float | None) -> GrainsDomain:
    cell = float((high - low).max()) / material.resolution
    if floor is not None:  # level ground is exact where nodes lie on it
        low[1] = floor - cell * np.ceil((floor - low[1]) / cell - 1e-6)
    count = np.maximum(np.ceil((high - low) / cell - 1e-6).astype(int), 1)
    shape = tuple(int(n) + 2 * PAD + 1 for n in count)
    needed = float(np.prod(shape)) * BYTES_PER_NODE
    if needed > MEMORY:
        fits = int(material.resolution * (MEMORY / needed) ** (1 / 3))
        raise ValueError(
            f"Grains({material.preset!r}) on {shape[0]} x {shape[1]} x {shape[2]} nodes needs "
            f"{needed / 2**30:.1f} GiB, expected at most {MEMORY / 2**30:.1f} GiB. Lower resolution to {fits}, or give "
            "a smaller domain."
        )
    walls = tuple(side in material.walls and material.domain is not None for side in WALLS)
    return GrainsDomain(tuple(map(float, low)), tuple(map(float, high)), cell, shape, walls)  # type: ignore[arg-type]


def poured(emitter: Emitter, seconds: float) -> float:
    """Volume that an emitter lets in [m^3], at most."""
    time = max(0.0, min(seconds, emitter.end) - emitter.start)
    return float(np.pi * emitter.radius**2 * np.linalg.norm(strongest_of(emitter.velocity)) * time)


def _cone(volume: float, angle: float) -> float:
    """Radius of a heap [m]."""
    return float((3 * volume / (np.pi * np.tan(np.radians(max(angle, 10.0))))) ** (1 / 3))


def _reach(scene: Scene, entities: list[Entity], seconds: float) -> tuple[np.ndarray, np.ndarray, float | None]:
    """What grains may fill: themselves, what they fall to, and as far as they run there; and the ground's height."""
    material: Grains = entities[0].material  # type: ignore[assignment]
    strength = float(np.linalg.norm(scene.heaviest))
    floor = floor_under(scene)
    boxes = [entity_box(e) for e in entities]
    low, high = np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)
    size = float((high - low).max())
    bottom = low[1] - min(0.5 * strength * seconds**2, 6 * size)
    bottom = bottom if floor is None else max(bottom, floor)
    for (lower, upper), e in zip(boxes, entities, strict=True):
        flight = min(seconds, np.sqrt(2 * max(upper[1] - bottom, 0.0) / max(strength, 1e-6)))
        if isinstance(e.shape, Emitter):
            velocity = np.array(e.velocity) + strongest_of(e.shape.velocity)
            wide = 1.5 * _cone(poured(e.shape, seconds), material.friction_angle)  # type: ignore[arg-type]
        else:
            velocity = np.array(e.velocity)
            heap = _cone(e.shape.volume, material.friction_angle)  # type: ignore[union-attr, arg-type]
            wide = min(2 * heap, 1.6 * (upper[1] - bottom))
        way = velocity * flight
        wide += 0.05 * size
        for shift in (np.zeros(3), way):
            low[[0, 2]] = np.minimum(low[[0, 2]], (lower + shift)[[0, 2]] - wide)
            high[[0, 2]] = np.maximum(high[[0, 2]], (upper + shift)[[0, 2]] + wide)
    low[1] = bottom
    high[1] += 0.15 * (high[1] - low[1])
    return low, high, floor


def floor_under(scene: Scene) -> float | None:
    """Height of the ground [m]: of level planes, or the lowest of height fields."""
    found = [] if ground_height(scene) is None else [ground_height(scene)]
    found += [float(e.shape.heights.min()) for e in scene.statics if isinstance(e.shape, HeightField)]
    return max(found, default=None)  # type: ignore[type-var]


def expected_pressure(scene: Scene, entities: list[Entity], domain: GrainsDomain) -> tuple[float, float]:
    """Over the bulk density [m^2/s^2], of the highest heap or the heaviest body to expect; and the largest speed [m/s].

    What falls comes to rest within its own height, so that its blow is of the order of the weight of so high a column.
    """
    material: Grains = entities[0].material  # type: ignore[assignment]
    strength = float(np.linalg.norm(scene.heaviest))
    drop = float(abs(scene.heaviest / max(strength, 1e-12)) @ (np.array(domain.high) - domain.low))
    own = 0.0
    for e in entities:
        jet = strongest_of(e.shape.velocity) if isinstance(e.shape, Emitter) else np.zeros(3)
        own = max(own, float(np.linalg.norm(jet + e.velocity)))
    struck = max((float(np.linalg.norm(e.velocity)) for e in scene.bodies), default=0.0)
    speed = float(np.hypot(max(own, struck), np.sqrt(2 * strength * drop)))
    pressure = strength * drop + 0.5 * max(own, struck) ** 2
    for e in scene.bodies:
        half = 0.5 * (entity_box(e)[1] - entity_box(e)[0])
        foot = np.pi * float(np.median(half)) ** 2
        pressure = max(pressure, e.mass * strength / foot / material.density)  # type: ignore[operator]
    return pressure + 1e-9, speed + 1e-9


def inside_of(entity: Entity, points: np.ndarray) -> np.ndarray:
    """Distance of points (N, 3) [m] in the world to an entity's solid [m]."""
    from physim.terrain import rotation_matrix

    local = (points - np.array(entity.position)) @ rotation_matrix(np.array(entity.orientation))
    return shape_distance(entity.shape, local)
