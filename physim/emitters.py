"""Emitters: sources of smoke that cover a surface, fill a volume, or lie where a mask says."""

from __future__ import annotations

from typing import Any

import numpy as np

from physim.compound import Solid
from physim.shapes import Emitter

CANDIDATES = 6000
"""Points to choose from."""


def spread(
    shape: Solid, *, radius: float, kind: str = "surface", count: int = 24, seed: int = 0, **emitter: Any
) -> Emitter:
    """An emitter over the surface of a shape, or through its volume: evenly spread balls.

    Args:
        shape: A body's shape, centred on the emitter's centre.
        radius: Of each ball [m].
        kind: ``"surface"`` or ``"volume"``.
        count: Balls, at most 64.
        seed: The same seed gives the same places.
        emitter: Other fields of ``Emitter``: ``centre``, ``rate``, ``velocity``, ``on``, ...

    Raises:
        ValueError: Another ``kind``, ``count`` out of range, or a shape without inside.
    """
    from physim.terrain import shape_distance

    if kind not in ("surface", "volume"):
        raise ValueError(f"kind is {kind!r}, expected 'surface' or 'volume'.")
    reach = float(getattr(shape, "bounding_radius", 0.0))
    if not reach > 0:
        raise ValueError(f"a {type(shape).__name__} has no inside, expected a body's shape such as Box or Hull.")
    rng = np.random.default_rng(seed)
    # a layer as thick as a ball has enough points on it
    layer = radius if kind == "surface" else np.inf
    found = np.zeros((0, 3))
    for _ in range(8):
        points = rng.uniform(-reach, reach, (CANDIDATES, 3))
        distance = shape_distance(shape, points)
        found = np.concatenate([found, points[(distance <= 0) & (distance >= -layer)]])
        if len(found) >= CANDIDATES // 2:
            break
    return among(found, radius=radius, count=count, **emitter)


def among(points: np.ndarray, *, radius: float, count: int = 24, **emitter: Any) -> Emitter:
    """An emitter at ``count`` of the given points (N, 3) [m], as far from each other as can be.

    Points are relative to the emitter's centre: those of a mask of the photo, lifted to the scene, for example.

    Raises:
        ValueError: ``count`` out of range, or there are no points.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
        raise ValueError(f"points have shape {points.shape}, expected (N, 3) with at least one of them.")
    if not 1 <= count <= 64:
        raise ValueError(f"count is {count}, expected 1 to 64 balls.")
    chosen = [int(np.argmin(((points - points.mean(0)) ** 2).sum(1)))]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(np.argmax(nearest)))
    places = tuple((float(x), float(y), float(z)) for x, y, z in points[chosen])
    return Emitter(radius=radius, points=places, **emitter)
