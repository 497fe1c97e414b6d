"""Grains that enter: every particle that emitters will ever let in, with its time, place and velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.grains_domain import GrainsDomain
from physim.over_time import OverTime
from physim.scene import Entity
from physim.shapes import Emitter
from physim.terrain import rotation_matrix


@dataclass(frozen=True)
class Births:
    """In order of time."""

    when: np.ndarray
    """(N,) [s]"""
    position: np.ndarray
    """(N, 3) [m]"""
    velocity: np.ndarray
    """(N, 3) [m/s]"""


def births(entities: list[Entity], domain: GrainsDomain, volume: float, seconds: float) -> Births:
    """Of particles of ``volume`` [m^3]: discs of points, one behind the other as the stream draws them.

    Raises:
        ValueError: An emitter without velocity, thinner than its grid can tell, outside of the box, or one whose
            velocity changes with time.
    """
    found = [_of(e, domain, volume, seconds) for e in entities if isinstance(e.shape, Emitter)]
    columns = [np.concatenate([f[k] for f in found]) if found else np.zeros((0, 3)[: 2 if k else 1]) for k in range(3)]
    order = np.argsort(columns[0], kind="stable")
    return Births(*(c[order] for c in columns))


def _of(entity: Entity, domain: GrainsDomain, volume: float, seconds: float) -> tuple[np.ndarray, ...]:
    emitter: Emitter = entity.shape  # type: ignore[assignment]
    if isinstance(emitter.velocity, OverTime):
        raise NotImplementedError(f"emitter {entity.name!r} pours grains at a changing velocity; give a constant one.")
    turn = rotation_matrix(np.array(entity.orientation))
    centre = turn @ np.array(emitter.centre, dtype=np.float64) + entity.position
    velocity = turn @ np.array(emitter.velocity, dtype=np.float64) + entity.velocity
    speed = float(np.linalg.norm(velocity))
    _check(entity.name, emitter, centre, speed, domain)
    disc = _disc(emitter.radius, volume ** (1 / 3))
    along = velocity / speed
    side = np.cross(along, [1.0, 0.0, 0.0] if abs(along[0]) < 0.8 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    points = centre + disc[:, :1] * side + disc[:, 1:] * np.cross(along, side)
    every = len(disc) * volume / (np.pi * emitter.radius**2 * speed)
    layers = np.arange(emitter.start, min(emitter.end, seconds), every)
    shift = (np.arange(len(layers)) % 2)[:, None] * 0.5  # every other disc is turned by half a point's angle
    jitter = np.modf(np.arange(len(disc)) * 0.6180339887498949)[0]  # no two of a disc at once, so that none is a sheet
    when = layers[:, None] + every * np.modf(jitter + shift)[0]
    return (
        when.ravel(),
        np.broadcast_to(points, (len(layers), *points.shape)).reshape(-1, 3),
        np.broadcast_to(velocity, (when.size, 3)).copy(),
    )


def _disc(radius: float, spacing: float) -> np.ndarray:
    """Points (N, 2) evenly over a disc, as many as one layer of its volume has."""
    count = max(1, round(np.pi * radius**2 / spacing**2))
    n = np.arange(count) + 0.5
    r, angle = radius * np.sqrt(n / count), np.pi * (1 + 5**0.5) * n
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)])


def _check(name: str, emitter: Emitter, centre: np.ndarray, speed: float, domain: GrainsDomain) -> None:
    where = tuple(round(float(c), 4) for c in centre)
    if emitter.radius < 0.75 * domain.cell:
        raise ValueError(
            f"emitter {name!r} has radius {emitter.radius:.3g} m on cells of {domain.cell:.3g} m, expected at least "
            f"{0.75 * domain.cell:.3g} m. Raise Grains.resolution, or give a smaller domain."
        )
    if not speed > 0:
        raise ValueError(
            f"emitter {name!r} has velocity {emitter.velocity}, expected some [m/s]: of grains enters what flows "
            "through its disc."
        )
    if not np.all((centre > domain.low) & (centre < domain.high)):
        raise ValueError(
            f"emitter {name!r} at {where} m lies outside of the grains' box, expected it inside. Move it, or give "
            "Grains a domain."
        )
