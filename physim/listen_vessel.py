"""Vessels that fill: hollow solids that are open above, and how much air is left in them over time.

What splashes in a vessel is heard through its column of air, whose pitch rises as it shortens: that of a pipe, closed
below and open above, f = c / 4 (l + 0.61 r). Listeners tell from it how full a vessel is (Cabe, Pittenger, "Human
sensitivity to acoustic information from vessel filling", J. Exp. Psychology: HPP 26, 2000).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from physim.audible import Splash, Vessel
from physim.scene import Entity
from physim.terrain import rotation_matrix
from physim.trajectory import LiquidTrack, Trajectory

LEVELS = 12
"""Heights at which the width of a vessel is measured."""
AROUND = 12
"""Directions in which it is."""
SHALLOWEST = 0.4
"""Depth over the radius of the opening from which a hollow is a vessel and no plate [-]."""
UPRIGHT = 0.7
"""Cosine of the tilt beyond which it is none."""


@dataclass(frozen=True)
class Hollow:
    """The inside of a vessel, about an upright axis of its own frame."""

    axis: np.ndarray
    """x and z (2,) [m]."""
    heights: np.ndarray
    """(L,) [m], from the floor to the rim."""
    radii: np.ndarray
    """(L,) [m]"""

    def level(self, volume: float) -> float:
        """Height of the surface of so much liquid [m^3], at most the rim."""
        parts = np.diff(self.heights) * np.pi * (self.radii[1:] ** 2 + self.radii[1:] * self.radii[:-1]
                                                 + self.radii[:-1] ** 2) / 3  # fmt: skip
        return float(np.interp(volume, np.concatenate([[0.0], np.cumsum(parts)]), self.heights))


def hollow_of(vertices: np.ndarray, faces: np.ndarray) -> Hollow | None:
    """The hollow of a solid's mesh in its own frame, y up; None if it has none that is round and open above."""
    corners = vertices[faces]
    low, rim = float(vertices[:, 1].min()), float(vertices[:, 1].max())
    crown = vertices[vertices[:, 1] > rim - 0.05 * (rim - low)]
    axis = 0.5 * (crown[:, [0, 2]].min(axis=0) + crown[:, [0, 2]].max(axis=0))
    # a little beside the axis, where no fan of triangles meets in one point
    above = np.array([axis[0] + 1.3e-4 * (rim - low), rim + (rim - low), axis[1] + 0.7e-4 * (rim - low)])
    floor = rim + (rim - low) - _first_hit(above, np.array([0.0, -1.0, 0.0]), corners)
    if not floor < rim - 1e-3:
        return None
    heights = floor + (rim - floor) * (np.arange(LEVELS) + 0.5) / LEVELS
    angles = 2 * np.pi * (np.arange(AROUND) + 0.37) / AROUND
    ways = np.stack([np.cos(angles), np.zeros(AROUND), np.sin(angles)], axis=1)
    widths = np.array([[_first_hit(np.array([axis[0], y, axis[1]]), way, corners) for way in ways] for y in heights])
    if not np.isfinite(widths).all():  # a wall is missing
        return None
    radii = np.sqrt((widths**2).mean(axis=1))
    if rim - floor < SHALLOWEST * radii[-1]:
        return None
    heights = np.concatenate([[floor], heights, [rim]])
    return Hollow(axis, heights, np.concatenate([radii[:1], radii, radii[-1:]]))


def _first_hit(origin: np.ndarray, way: np.ndarray, corners: np.ndarray) -> float:
    """How far a ray goes to the first of triangles (M, 3, 3) [m], inf if it meets none (Moeller, Trumbore 1997)."""
    a, e1, e2 = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(way, e2)
    det = np.einsum("mk,mk->m", e1, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = origin - a
        u = np.einsum("mk,mk->m", s, p) / det
        q = np.cross(s, e1)
        v = q @ way / det
        t = np.einsum("mk,mk->m", e2, q) / det
    good = (np.abs(det) > 1e-18) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-9)
    return float(t[good].min()) if good.any() else float("inf")


def vessels(trajectory: Trajectory, splashes: tuple[Splash, ...]) -> tuple[tuple[Vessel, ...], dict[int, int]]:
    """Vessels in which something splashes, and for those splashes the number of theirs."""
    found: list[Vessel] = []
    inside: dict[int, int] = {}
    if not trajectory.liquids or not splashes:
        return (), {}
    for entity, hollow in _hollows(trajectory):
        poses = [_pose(trajectory, entity, frame) for frame in range(trajectory.frame_count + 1)]
        mine = []
        for number, splash in enumerate(splashes):
            position, turn = poses[min(round(splash.time * trajectory.fps), trajectory.frame_count)]
            local = (splash.position - position) @ turn
            if number not in inside and turn[1, 1] > UPRIGHT and _is_in(hollow, local[None])[0]:
                mine.append(number)
        if not mine:
            continue
        inside |= dict.fromkeys(mine, len(found))
        column = np.array([_column(trajectory, hollow, poses[frame], frame) for frame in range(len(poses))])
        mouth = np.array([hollow.axis[0], hollow.heights[-1], hollow.axis[1]])
        place = np.array([position + turn @ mouth for position, turn in poses])
        moves = bool(np.abs(place - place[0]).max() > 1e-6)
        radius = float(hollow.radii[-1])
        found.append(Vessel(radius, column, trajectory.fps, place if moves else place[:1]))
    return tuple(found), inside


def _hollows(trajectory: Trajectory) -> Iterator[tuple[Entity, Hollow]]:
    scene = trajectory.scene
    for entity in [*scene.statics, *scene.bodies]:
        mesh = getattr(entity.shape, "triangles", None)
        if mesh is not None:
            hollow = hollow_of(np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces))
            if hollow is not None:
                yield entity, hollow


def _pose(trajectory: Trajectory, entity: Entity, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) and rotation (3, 3) of a solid at a frame."""
    position, orientation = np.asarray(entity.position), np.asarray(entity.orientation)
    if entity.name in trajectory.bodies:
        position, orientation = trajectory.bodies[entity.name].at(frame / trajectory.fps)
    return np.asarray(position, np.float64), rotation_matrix(np.asarray(orientation, np.float64))


def _is_in(hollow: Hollow, points: np.ndarray) -> np.ndarray:
    """Which points (N, 3) of the vessel's frame lie inside, or just above its mouth."""
    away = np.hypot(points[:, 0] - hollow.axis[0], points[:, 2] - hollow.axis[1])
    width = np.interp(points[:, 1], hollow.heights, hollow.radii)
    top = hollow.heights[-1] + 0.2 * hollow.radii[-1]
    return (away < width) & (points[:, 1] > hollow.heights[0]) & (points[:, 1] < top)


def _column(trajectory: Trajectory, hollow: Hollow, pose: tuple[np.ndarray, np.ndarray], frame: int) -> float:
    """Height of the air over the liquid in a vessel [m]; 0 if it does not stand upright."""
    position, turn = pose
    if turn[1, 1] <= UPRIGHT:
        return 0.0
    volume = 0.0
    for track in trajectory.liquids.values():
        volume += _volume_in(track, hollow, position, turn, min(frame, len(track.position) - 1))
    return max(float(hollow.heights[-1]) - hollow.level(volume), 0.0)


def _volume_in(track: LiquidTrack, hollow: Hollow, position: np.ndarray, turn: np.ndarray, frame: int) -> float:
    points = np.asarray(track.position[frame], np.float64)
    points = points[np.isfinite(points[:, 0])]
    below = (points - position) @ turn
    below = below[below[:, 1] <= hollow.heights[-1]]
    return float(_is_in(hollow, below).sum()) * track.particle_volume
