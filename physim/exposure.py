"""The instants of one exposure: as many as the fastest thing needs for shadows, for each thing as many as it needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physim.camera import Camera
from physim.trajectory import ClothTrack, Trajectory

STEP = 2.0
"""Two instants of an exposure lie at most this far apart on a photo up to WIDE [pixels]; hard edges strobe beyond."""
OWN_STEP = 0.5
"""Instants of a slow thing lie at most this far apart, if the fastest needs as many [pixels]."""
WIDE = 1920
"""A wider picture is looked at from as far, so that its instants may lie as much farther apart. [columns]"""
MOST = 32
"""Instants at most."""
SEEN = 0.05
"""A body that moves less than this during the exposure rests [pixels]."""


def motion_of(trajectory: Trajectory, name: str, camera: Camera, start: float, end: float) -> float:
    """Longest way of the surface of a body or a cloth on the picture between two times [pixels]."""
    if name in trajectory.cloths:
        return _motion_of_cloth(trajectory.cloths[name], camera, start, end)
    track = trajectory.bodies[name]
    (a, qa), (b, qb) = track.at(start), track.at(end)
    radius = trajectory.scene[name].shape.bounding_radius  # type: ignore[union-attr]
    (pa, pb), z = camera.project(np.stack([a, b]))
    near = max(float(np.min(z)) - radius, 1e-3)
    # From the chord: the arc cosine of a dot product near 1 would lose small turns.
    half = float(min(np.linalg.norm(qb - qa), np.linalg.norm(qb + qa))) / 2
    angle = 4 * float(np.arcsin(min(half, 1.0)))
    way = np.linalg.norm(pb - pa) + (np.linalg.norm(b - a) * 0.1 + angle * radius) * camera.focal / near
    return float(way)


def _motion_of_cloth(track: ClothTrack, camera: Camera, start: float, end: float) -> float:
    (a, za), (b, zb) = (camera.project(track.at(time).astype(np.float64)) for time in (start, end))
    seen = (za > 1e-3) & (zb > 1e-3)
    seen &= ((np.maximum(a, b) > 0) & (np.minimum(a, b) < camera.size[::-1])).all(axis=1)
    return float(np.linalg.norm(b - a, axis=1)[seen].max()) if seen.any() else 0.0


@dataclass(frozen=True)
class Exposure:
    """When the shutter sees what."""

    time: float
    """Its middle [s]."""
    times: np.ndarray
    """Instants at which shadows of what moves are drawn, as many as the fastest of it needs [s]."""
    moving: list[str]
    """Bodies and cloths that move visibly while the shutter is open."""
    resting: list[str]
    """The others: one instant is enough."""
    own: dict[str, np.ndarray] = field(default_factory=dict)
    """Instants of each thing that moves, over the same time, as many as its own way needs [s]."""

    def times_of(self, name: str) -> np.ndarray:
        """Instants at which a thing is drawn [s]."""
        return self.own.get(name, self.times) if name in self.moving else np.array([self.time])


def expose(trajectory: Trajectory, camera: Camera, time: float, shutter: float, pixel: float = 1.0) -> Exposure:
    """The exposure centred on ``time`` [s]: instants evenly spread over ``shutter`` frames.

    Args:
        trajectory: What moves.
        camera: Who looks.
        time: Middle of the exposure [s].
        shutter: Open time as a part of the frame, 0 for none.
        pixel: How many pixels of the camera one of the photo spans: an enlarged photo shows no finer edges.
    """
    half = 0.5 * shutter / trajectory.fps
    names = [*trajectory.bodies, *trajectory.cloths]
    pixel = max(pixel, camera.size[1] / WIDE, 1.0)
    ways = {name: motion_of(trajectory, name, camera, time - half, time + half) / pixel for name in names}
    moving = [name for name, way in ways.items() if way > SEEN]
    resting = [name for name in ways if name not in moving]
    if half <= 0.0 or not moving:
        return Exposure(time, np.array([time]), [], list(ways))

    def instants(count: int) -> np.ndarray:
        return time + half * (2 * (np.arange(count) + 0.5) / count - 1)

    most = int(np.clip(np.ceil(max(ways.values()) / STEP), 1, MOST))
    own = {}
    for name in moving:  # there and back: what is struck may end where it began
        middle = [motion_of(trajectory, name, camera, *ends) for ends in ((time - half, time), (time, time + half))]
        own[name] = instants(int(np.clip(np.ceil(sum(middle) / pixel / OWN_STEP), 1, most)))
    return Exposure(time, instants(most), moving, resting, own)
