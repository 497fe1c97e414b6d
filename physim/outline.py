"""Outlines of masks as polygons, and polygons as triangles."""

from __future__ import annotations

import math

import numpy as np

from physim.grow import extent

# The boundary of a set of pixels is a loop of unit edges, each with its pixel on the right-hand side on the screen.
_EDGES = (((0, 0), (1, 0), (-1, 0)), ((1, 0), (1, 1), (0, 1)), ((1, 1), (0, 1), (1, 0)), ((0, 1), (0, 0), (0, -1)))


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected component with its holes filled, (H, W) bool."""
    from scipy import ndimage

    found = np.zeros(mask.shape, dtype=bool)
    here = extent(mask)
    part = mask[here]
    labels, count = ndimage.label(part)
    if count > 1:
        sizes = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1))
        part = labels == 1 + int(np.argmax(sizes))
    found[here] = ndimage.binary_fill_holes(part)
    return found


def without_pinches(mask: np.ndarray) -> np.ndarray:
    """The largest part of a mask, its holes filled, with no two pixels that touch at a corner only."""
    mask = largest_part(np.asarray(mask, dtype=bool)).copy()
    while True:
        a, b, c, d = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
        falling, rising = a & d & ~b & ~c, b & c & ~a & ~d
        if not (falling | rising).any():
            return mask
        mask[:-1, 1:] |= falling
        mask[:-1, :-1] |= rising


def outline(mask: np.ndarray, *, tolerance: float = 0.75) -> np.ndarray:
    """The outer boundary of the largest part of a mask, clockwise on the screen.

    Args:
        mask: (H, W) bool with at least one true pixel.
        tolerance: Largest distance of the simplified outline from the pixels' corners [pixels].

    Returns:
        (N, 2) of (u, v) [pixels], N >= 3, not self-intersecting but for pixels that touch at a corner.
    """
    here = extent(mask)
    corner_v, corner_u = (s.start for s in here)
    mask = largest_part(mask[here])
    padded = np.pad(mask, 1)
    successors: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (u0, v0), (u1, v1), (dv, du) in _EDGES:
        border = mask & ~padded[1 + dv : 1 + dv + mask.shape[0], 1 + du : 1 + du + mask.shape[1]]
        for v, u in np.argwhere(border).tolist():
            successors.setdefault((u + u0, v + v0), []).append((u + u1, v + v1))
    start = min(successors)
    loop, at, came = [start], start, (0, -1)
    while True:
        choices = successors[at]
        # at a corner shared by two pixels turn right, so that the loop keeps to one of them
        at_next = max(choices, key=lambda p: came[0] * (p[1] - at[1]) - came[1] * (p[0] - at[0]))
        choices.remove(at_next)
        came, at = (at_next[0] - at[0], at_next[1] - at[1]), at_next
        if at == start:
            break
        loop.append(at)
    return simplified(np.array(loop, dtype=np.float64) + (corner_u, corner_v), tolerance)


def simplified(loop: np.ndarray, tolerance: float) -> np.ndarray:
    """A closed polygon with fewer corners (Douglas and Peucker 1973), never fewer than three."""
    far = int(np.argmax(np.linalg.norm(loop - loop[0], axis=1)))
    keep = np.zeros(len(loop) + 1, dtype=bool)
    closed = np.concatenate([loop, loop[:1]])
    stack = [(0, far), (far, len(loop))]
    keep[[0, far]] = True
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        a, b = closed[first], closed[last]
        along = (b - a) / max(math.hypot(*(b - a)), 1e-12)
        offset = closed[first + 1 : last] - a
        distance = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0])
        k = int(np.argmax(distance))
        if distance[k] > tolerance:
            keep[first + 1 + k] = True
            stack += [(first, first + 1 + k), (first + 1 + k, last)]
    kept = loop[keep[:-1]]
    return kept if len(kept) >= 3 else loop[:: max(len(loop) // 3, 1)][:3]


def triangulate(polygon: np.ndarray) -> np.ndarray:
    """Ear clipping: triangles (N - 2, 3) of indices into a simple polygon (N, 2), oriented as the polygon is."""
    polygon = np.asarray(polygon, dtype=np.float64)
    area = 0.5 * np.sum(polygon[:, 0] * np.roll(polygon[:, 1], -1) - np.roll(polygon[:, 0], -1) * polygon[:, 1])
    turn = 1.0 if area > 0 else -1.0
    ring = list(range(len(polygon)))
    faces: list[tuple[int, ...]] = []
    while len(ring) > 3:
        ear = next((k for k in range(len(ring)) if _is_ear(polygon, ring, k, turn)), None)
        if ear is None:  # touching corners leave no clean ear: take the flattest corner
            ear = int(np.argmin([abs(_turn(polygon, ring, k)) for k in range(len(ring))]))
        faces.append((ring[ear - 1], ring[ear], ring[(ear + 1) % len(ring)]))
        del ring[ear]
    faces.append(tuple(ring))
    return np.array(faces, dtype=np.int32)


def _turn(polygon: np.ndarray, ring: list[int], k: int) -> float:
    a, b, c = polygon[ring[k - 1]], polygon[ring[k]], polygon[ring[(k + 1) % len(ring)]]
    return float((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))


def _is_ear(polygon: np.ndarray, ring: list[int], k: int, turn: float) -> bool:
    if _turn(polygon, ring, k) * turn <= 0:
        return False
    corners = [ring[k - 1], ring[k], ring[(k + 1) % len(ring)]]
    others = polygon[[r for r in ring if r not in corners]]
    inside = np.ones(len(others), dtype=bool)
    for i in range(3):
        a, b = polygon[corners[i]], polygon[corners[(i + 1) % 3]]
        side = (b[0] - a[0]) * (others[:, 1] - a[1]) - (b[1] - a[1]) * (others[:, 0] - a[0])
        inside &= side * turn > -1e-12
    return not inside.any()
