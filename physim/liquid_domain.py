"""Where a liquid is simulated, and in how many steps: chosen once per scene from what is expected to happen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physim.materials import WALLS, Liquid
from physim.over_time import strongest_of
from physim.scene import Entity, Scene
from physim.shapes import Emitter, HeightField, Plane
from physim.terrain import ground_height, rotation_matrix

COURANT = 1.5
"""Cells that the fastest expected liquid crosses per step."""
MEMORY = 2**31
"""Most that a grid may take [bytes]."""
BYTES_PER_CELL = 260
"""Of all arrays of the grid, the half-cell distances and the coarser levels included."""
BYTES_PER_PARTICLE = 130
"""What a particle carries, and room to order and to read it."""
BYTES_KEPT = 18
"""Per particle and frame of the result."""
SHORT = 32
"""Rows of cells shorter than this cost more for being rows than for their cells [cells]."""
STEP_LIMIT = 512
"""Most steps per frame."""

Box = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class LiquidDomain:
    """A box of cubic cells; of a liquid inside of something, in that thing's frame."""

    low: tuple[float, float, float]
    """Lower corner, where the grid begins [m]."""
    high: tuple[float, float, float]
    """Upper corner [m]; the last cells may reach beyond."""
    cell: float
    """[m]"""
    shape: tuple[int, int, int]
    """Cells along the grid's own axes."""
    walls: tuple[bool, bool, bool, bool, bool, bool]
    """-x, +x, -y, +y, -z, +z."""
    order: tuple[int, int, int] = (0, 1, 2)
    """Which axis of the box each axis of the grid is; one step or two around the circle, so hands stay the same."""

    @property
    def axes(self) -> np.ndarray:
        """Box from grid (3, 3): columns are the grid's axes."""
        return np.eye(3)[:, list(self.order)]


def entity_box(entity: Entity) -> Box:
    """Corners of the axis-parallel box around an entity's shape [m]; of an emitter its ball."""
    turn, centre = rotation_matrix(np.array(entity.orientation)), np.array(entity.position)
    if isinstance(entity.shape, Emitter):
        centre = centre + turn @ np.array(entity.shape.centre)
        return centre - entity.shape.radius, centre + entity.shape.radius
    points = entity.shape.triangles.vertices @ turn.T + centre  # type: ignore[union-attr]
    return points.min(0), points.max(0)


def choose_domain(scene: Scene, entities: list[Entity], seconds: float) -> LiquidDomain:
    """The box for these entities of one ``Liquid``: the given one, or one that the liquid needs.

    Raises:
        ValueError: The given box is empty, or its grid is larger than memory.
    """
    material: Liquid = entities[0].material  # type: ignore[assignment]
    held = entities[0].inside
    if held is not None and isinstance(scene[held].shape, Plane | HeightField):
        raise ValueError(
            f"liquid {entities[0].name!r} is inside of {held!r}, a {type(scene[held].shape).__name__}, expected a "
            "thing that can hold it, such as a cup. Leave inside out: the ground holds what lies on it."
        )
    if held is not None and material.domain is None:
        lower, upper = entity_box(scene[held])
        margin = 0.06 * float((upper - lower).max())
        return grid_for(lower - margin, upper + [margin, 2 * margin, margin], material, (False,) * 6)
    if material.domain is not None:
        low, high = np.array(material.domain, dtype=np.float64)
        if low.shape != (3,) or not np.all(np.isfinite(high - low) & (high > low)):
            raise ValueError(
                f"Liquid({material.preset!r}).domain is {material.domain}, expected a lower and an upper corner "
                "(x, y, z) [m] with every upper coordinate greater than the lower one."
            )
        walls = tuple(side in material.walls for side in WALLS)
    else:
        low, high = _reach(scene, entities, seconds)
        walls = (False,) * 6
        if not np.all(high > low):
            raise ValueError(
                f"liquid {entities[0].name!r} lies below what would hold it up, expected it above the ground. Move it "
                "up, or give Liquid a domain around it."
            )
    return along_the_longest(grid_for(low, high, material, walls))


def along_the_longest(domain: LiquidDomain) -> LiquidDomain:
    """The same box with its longest side along memory, where the last axis is a short one."""
    longest = int(np.argmax(domain.shape))
    if domain.shape[2] >= min(SHORT, domain.shape[longest]):
        return domain
    order = ((longest + 1) % 3, (longest + 2) % 3, longest)
    return replace(domain, shape=tuple(domain.shape[a] for a in order), order=order)  # type: ignore[arg-type]


def grid_for(low: np.ndarray, high: np.ndarray, material: Liquid, walls: tuple[bool, ...]) -> LiquidDomain:
    """Cells over a box, ``material.resolution`` along its longest side.

    Raises:
        ValueError: The grid is larger than memory.
    """
    extent = high - low
    cell = float(extent.max()) / material.resolution
    shape = np.maximum(np.ceil(extent / cell - 1e-6).astype(int), 4)
    needed = float(np.prod(shape)) * BYTES_PER_CELL
    if needed > MEMORY:
        fits = int(material.resolution * (MEMORY / needed) ** (1 / 3))
        raise ValueError(
            f"Liquid({material.preset!r}) on {shape[0]} x {shape[1]} x {shape[2]} cells needs "
            f"{needed / 2**30:.1f} GiB, expected at most {MEMORY / 2**30:.1f} GiB. "
            f"Lower resolution to {fits}, or give a smaller domain."
        )
    as_tuple = tuple(float(x) for x in low), tuple(float(x) for x in high)
    return LiquidDomain(*as_tuple, cell, tuple(int(n) for n in shape), walls)  # type: ignore[arg-type]


def check_count(name: str, material: Liquid, count: int, frames: int) -> None:
    """Raise if particles and what is kept of them need too much memory."""
    needed = float(count) * (BYTES_PER_PARTICLE + BYTES_KEPT * (frames + 1))
    if needed > 2 * MEMORY:
        fits = int(material.resolution * (2 * MEMORY / needed) ** (1 / 3))
        raise ValueError(
            f"liquid {name!r} has up to {count:,} particles over {frames} frames, which needs "
            f"{needed / 2**30:.1f} GiB, expected at most {2 * MEMORY / 2**30:.1f} GiB. Lower resolution to {fits}, "
            "let emitters pour less or shorter, or simulate fewer seconds."
        )


def check_steps(name: str, speed: float, domain: LiquidDomain, fps: float) -> None:
    """Raise if the liquid is expected to be so fast that its steps are not worth waiting for."""
    wanted = speed / fps / domain.cell / COURANT
    if not wanted <= STEP_LIMIT:
        raise ValueError(
            f"liquid {name!r} is expected to reach {speed:.3g} m/s on cells of {domain.cell:.3g} m, which takes "
            f"{wanted:.0f} steps per frame, expected at most {STEP_LIMIT}. Lower its velocity, those of its emitters "
            "and of bodies, or its resolution, or raise fps."
        )


def _reach(scene: Scene, entities: list[Entity], seconds: float) -> Box:
    """What liquid may fill: itself, what it falls to, and as far as it runs there, within six times its own size."""
    boxes = np.array([entity_box(e) for e in entities])
    low, high = boxes[:, 0].min(0), boxes[:, 1].max(0)
    size = float((high - low).max())
    strength = float(np.linalg.norm(scene.heaviest))
    held = _holder(scene, low, high)
    if held is not None:
        margin = 0.08 * float((held[1] - held[0]).max())
        return np.minimum(low, held[0]) - margin * np.array([1, 0.5, 1]), np.maximum(high, held[1]) + margin
    fall = 0.5 * strength * seconds**2
    for e in entities:
        velocity = np.array(e.velocity) + (strongest_of(e.shape.velocity) if isinstance(e.shape, Emitter) else 0.0)
        way = velocity * min(seconds, 6 * size / max(float(np.linalg.norm(velocity)), 1e-9))
        low, high = np.minimum(low, low + way), np.maximum(high, high + way)
    floor = _floor(scene, low, high)
    bottom = low[1] - min(fall, 6 * size)
    if floor is not None:
        bottom = max(bottom, floor)
    drop = max(0.0, high[1] - bottom)
    low[1] = bottom
    spread = min(2 * np.sqrt(strength * drop) * seconds, 3 * max(size, 0.5 * drop))
    low[[0, 2]] -= 0.2 * size + 0.5 * spread
    high[[0, 2]] += 0.2 * size + 0.5 * spread
    high[1] += 0.3 * size
    return low, high


def _holder(scene: Scene, low: np.ndarray, high: np.ndarray) -> Box | None:
    """The box of the smallest solid around the liquid's middle, such as a cup."""
    middle = (low + high) / 2
    around = []
    for e in [*scene.statics, *scene.bodies]:
        if isinstance(e.shape, Plane | HeightField):
            continue
        lower, upper = entity_box(e)
        if np.all(lower < middle) and np.all(upper > middle) and np.all((upper - lower)[[0, 2]] > (high - low)[[0, 2]]):
            around.append((float(np.prod(upper - lower)), lower, upper))
    return min(around, key=lambda x: x[0])[1:] if around else None


def _floor(scene: Scene, low: np.ndarray, high: np.ndarray) -> float | None:
    """Height of what lies under the liquid [m]."""
    found = [] if ground_height(scene) is None else [ground_height(scene)]
    found += [float(e.shape.heights.min()) for e in scene.statics if isinstance(e.shape, HeightField)]
    return max(found, default=None)  # type: ignore[type-var]


def expected_speed(scene: Scene, entities: list[Entity], domain: LiquidDomain, seconds: float) -> float:
    """Fastest liquid to expect [m/s]: thrown as it is, fallen through the box, or struck by what falls into it."""
    strength = float(np.linalg.norm(scene.heaviest))
    drop = float(abs(scene.heaviest / max(strength, 1e-12)) @ (np.array(domain.high) - domain.low))
    fall = min(strength * seconds, float(np.sqrt(2 * strength * drop)))
    own = 0.0
    for e in entities:
        jet = strongest_of(e.shape.velocity) if isinstance(e.shape, Emitter) else np.zeros(3)
        own = max(own, float(np.linalg.norm(jet + e.velocity)))
    struck = max((float(np.linalg.norm(e.velocity)) for e in scene.bodies), default=0.0)
    return float(np.hypot(max(own, struck), fall)) + 1e-6


def steps_per_frame(speed: float, cell: float, fps: float, substeps: int) -> int:
    """A divisor of ``substeps``, or a multiple, such that nothing crosses more than ``COURANT`` cells per step."""
    wanted = max(1, int(np.ceil(speed / fps / cell / COURANT)))
    if wanted <= substeps:
        return next(n for n in range(wanted, substeps + 1) if substeps % n == 0)
    return substeps * int(np.ceil(wanted / substeps))
