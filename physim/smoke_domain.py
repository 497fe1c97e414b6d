"""Where smoke is simulated, and in how many steps: chosen once per scene from what is expected to happen.

Lengths are measured in source radii and speeds in ``sqrt(g' R)``, g' the reduced gravity of the source's gas, so that
steam over a cup and the cloud under a rocket are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.materials import Smoke
from physim.over_time import most_of, strongest_of
from physim.scene import Scene
from physim.shapes import Emitter
from physim.terrain import ground_height

COURANT = 5.0
"""Cells that the fastest expected gas crosses per step; stable at any. Most of the gas is far slower."""
DENSITY_COURANT = 0.8
"""Cells per density sub-step at the expected speed; above 0.9 transport is cut short."""
STEP_LIMIT = 8
"""Most steps per frame."""
SUBSTEP_LIMIT = 64
"""Most density sub-steps per step: gas that needs more is not slow to compute, but faster than anything here."""
BYTES_PER_CELL = 310
"""Of all arrays of the gas, with those of the pressure and its coarser levels."""
BYTES_KEPT = 10
"""Per cell and frame of the result: density, temperature, velocity in half precision."""


@dataclass(frozen=True)
class SmokeDomain:
    """A box of cubic cells."""

    origin: tuple[float, float, float]
    """Lower corner [m]."""
    cell: float
    """[m]"""
    shape: tuple[int, int, int]
    """Cells, multiples of 8."""
    open_sides: tuple[bool, bool, bool, bool, bool, bool]
    """-x, +x, -y, +y, -z, +z; only the bottom can be closed, by the ground."""


def buoyant_speed(emitter: Emitter, material: Smoke, gravity: np.ndarray) -> float:
    """``sqrt(g' R)`` [m/s]: the scale of the speed that buoyancy gives to gas from this source."""
    assert material.temperature is not None
    excess = abs(material.temperature - material.ambient_temperature)
    reduced = float(np.linalg.norm(gravity)) * excess / max(material.temperature, material.ambient_temperature)
    return float(np.sqrt(reduced * emitter.radius))


def expected_speed(scene: Scene, emitters: list[Emitter], material: Smoke, seconds: float) -> float:
    """Fastest gas to expect [m/s]: wind with its gusts, plus the source's jet and 2.5 times its buoyant speed."""
    wind = max(float(np.linalg.norm(scene.wind_at(t))) for t in np.linspace(0.0, seconds, 49))
    own = max(most_of(e.velocity) + 2.5 * buoyant_speed(e, material, scene.heaviest) for e in emitters)
    return wind + own + 0.1 * float(np.sqrt(np.linalg.norm(scene.heaviest) * emitters[0].radius)) + 1e-6


def body_speed(scene: Scene, seconds: float) -> float:
    """Fastest that a body may become by falling [m/s]: thrown as it is, down to the ground or for the whole run."""
    strength = float(np.linalg.norm(scene.heaviest))
    ground = ground_height(scene)
    fastest = 0.0
    for body in scene.movers:
        fall = strength * seconds
        if ground is not None:
            fall = min(fall, float(np.sqrt(2 * strength * max(body.position[1] - ground, 0.0))))
        fastest = max(fastest, float(np.linalg.norm(body.velocity)) + fall)
    return fastest


def step_counts(speed: float, cell: float, frame_seconds: float) -> tuple[int, int]:
    """Steps per frame, and density sub-steps per step."""
    cells = speed * frame_seconds / cell
    steps = int(np.clip(np.ceil(cells / COURANT), 1, STEP_LIMIT))
    return steps, max(1, int(np.ceil(cells / steps / DENSITY_COURANT)))


def check_size(material: Smoke, domain: SmokeDomain, frames: int, memory: float) -> None:
    """Raise if grid and result together need more than ``memory`` [bytes]."""
    x, y, z = domain.shape
    needed = float(x * y * z) * (BYTES_PER_CELL + BYTES_KEPT * (frames + 1))
    if needed > memory:
        fits = max(8, 8 * int(material.resolution * (memory / needed) ** (1 / 3) / 8))  # blocks of 8 cells
        raise ValueError(
            f"Smoke({material.preset!r}) on {x} x {y} x {z} cells for {frames} frames needs {needed / 2**30:.1f} GiB, "
            f"expected at most {memory / 2**30:.1f} GiB. Lower resolution to {fits}, or give a smaller domain or fewer "
            "seconds."
        )


def check_speed(name: str, material: Smoke, speed: float, substeps: int) -> None:
    """Raise if the gas is expected to be so fast that its steps are not worth waiting for."""
    if substeps > SUBSTEP_LIMIT:
        raise ValueError(
            f"smoke {name!r} is expected to reach {speed:.3g} m/s, which takes {substeps} sub-steps of each step, "
            f"expected at most {SUBSTEP_LIMIT}. Lower velocities, of its emitters, of bodies and of the wind, or "
            f"resolution from {material.resolution}, or raise fps."
        )


def choose_domain(scene: Scene, emitters: list[Emitter], material: Smoke, seconds: float) -> SmokeDomain:
    """The box for these emitters, which share ``material``: the given one, or one that the smoke needs ``seconds`` to
    fill, at most some ten source radii.
    """
    if material.domain is not None:
        low, high = np.array(material.domain, dtype=np.float64)
        if low.shape != (3,) or not np.all(np.isfinite(high - low) & (high > low)):
            raise ValueError(
                f"Smoke({material.preset!r}).domain is {material.domain}, "
                f"expected a lower and an upper corner (x, y, z) [m] "
                f"with every upper coordinate greater than the lower one."
            )
    else:
        boxes = np.array([_reach(scene, e, material, seconds) for e in emitters])
        low, high = boxes[:, 0].min(0), boxes[:, 1].max(0)
    ground = ground_height(scene)
    cell = float((high - low).max()) / material.resolution
    if ground is not None and low[1] < ground + cell:
        low[1] = min(ground, high[1] - 8 * cell)
    shape = np.maximum(8 * np.ceil((high - low) / cell / 8 - 1e-6).astype(int), 8)
    grown = shape * cell - (high - low)
    low[[0, 2]] -= grown[[0, 2]] / 2  # to all sides alike, but upwards only
    closed = ground is not None and low[1] <= ground + 1e-9
    counts = (int(shape[0]), int(shape[1]), int(shape[2]))
    return SmokeDomain(
        (float(low[0]), float(low[1]), float(low[2])), cell, counts, (True, True, not closed, True, True, True)
    )


def _reach(scene: Scene, emitter: Emitter, material: Smoke, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner of what smoke of one emitter may fill [m]."""
    r = emitter.radius
    centre = np.asarray(emitter.centre, dtype=np.float64)
    places = centre + np.array(emitter.points, dtype=np.float64).reshape(-1, 3) if emitter.points else centre[None]
    low, high = places.min(0) - 2.5 * r, places.max(0) + 2.5 * r
    low[1] = places[:, 1].min() - 1.5 * r
    up = -scene.heaviest / max(float(np.linalg.norm(scene.heaviest)), 1e-12)
    rise = 2 * buoyant_speed(emitter, material, scene.heaviest) * seconds
    wind = np.mean([scene.wind_at(t) for t in np.linspace(0.0, seconds, 25)], axis=0)
    jet = strongest_of(emitter.velocity)
    for way, limit in ((up * rise, 7.0), (wind * seconds, 7.0), (jet * seconds, 12.0)):
        length = float(np.linalg.norm(way))
        step = way * min(1.0, limit * r / max(length, 1e-12))
        low, high = np.minimum(low, low + step), np.maximum(high, high + step)
    ground = ground_height(scene)
    if ground is not None and low[1] < ground and jet[1] < 0:
        # a jet that meets the ground spreads along it and rolls up
        spread = min(10 * r, float(-jet[1]) * seconds)
        low[[0, 2]] -= spread
        high[[0, 2]] += spread
        high[1] += spread / 2
    return low, high
