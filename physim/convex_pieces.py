"""A polygon as a few convex pieces: triangles of it merged across their common sides.

Hertel and Mehlhorn, Fast triangulation of simple polygons, 1983, merge as long as the pieces are convex; outlines of
pixels are not smooth enough for that, so a piece may lack a little of its hull, and of all pairs the one that lacks
least is merged first (as Lien and Amato, Approximate convex decomposition of polygons, 2006).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SLACK = 0.02
"""Part of the polygon's area that the hull of a piece may have more than the piece."""
MOST = 12
"""Pieces; each costs as much as a body of its own."""


def convex_pieces(
    polygon: np.ndarray, triangles: np.ndarray, *, slack: float = SLACK, most: int = MOST
) -> list[list[int]]:
    """Corners of nearly convex pieces, each as indices in rising order; one piece if the polygon is convex.

    Args:
        polygon: Corners (N, 2) of the triangles: those of the polygon, and any inside of it.
        triangles: Of the polygon (M, 3), as indices of corners.
        slack: Area that the hull of a piece may have beyond its own, relative to the polygon's.
        most: Pieces at most; what lacks least is merged until there are no more.
    """
    points = [(float(x), float(y)) for x, y in np.asarray(polygon, dtype=np.float64)]
    parts = {k: {int(i) for i in face} for k, face in enumerate(triangles)}
    area = {k: _hull_area(points, sorted(part)) for k, part in parts.items()}
    allowed = slack * sum(area.values())
    beside = _neighbours(triangles)
    lack: dict[tuple[int, int], float] = {}

    def look(a: int, b: int) -> None:
        union = _hull_area(points, sorted(parts[a] | parts[b]))
        lack[min(a, b), max(a, b)] = union - area[a] - area[b]

    for a, others in beside.items():
        for b in others:
            if a < b:
                look(a, b)
    while lack:
        (a, b), least = min(lack.items(), key=lambda item: item[1])
        if least > allowed and len(parts) <= most:
            break
        parts[a] |= parts.pop(b)
        area[a] += area.pop(b)
        lack = {pair: value for pair, value in lack.items() if not {a, b} & set(pair)}
        beside[a] = (beside[a] | beside.pop(b)) - {a, b}
        for other in beside[a]:
            beside[other] = (beside[other] - {b}) | {a}
            look(a, other)
    return [sorted(part) for part in parts.values()]


def _neighbours(triangles: np.ndarray) -> dict[int, set[int]]:
    """Which triangles have a side in common."""
    sides: dict[tuple[int, int], list[int]] = {}
    for k, face in enumerate(triangles):
        for n in range(3):
            i, j = sorted((int(face[n]), int(face[n - 1])))
            sides.setdefault((i, j), []).append(k)
    beside: dict[int, set[int]] = {k: set() for k in range(len(triangles))}
    for both in sides.values():
        for a in both:
            beside[a] |= set(both) - {a}
    return beside


def _hull_area(points: Sequence[tuple[float, float]], some: list[int]) -> float:
    """Area of the convex hull of some points (Andrew's monotone chain, 1979)."""
    ordered = sorted(points[i] for i in some)
    chain: list[tuple[float, float]] = []
    for way in (ordered, ordered[::-1]):
        start = len(chain)
        for p in way:
            while len(chain) - start >= 2 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        chain.pop()
    return 0.5 * sum(p[0] * q[1] - q[0] * p[1] for p, q in zip(chain, [*chain[1:], chain[0]], strict=True))


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
