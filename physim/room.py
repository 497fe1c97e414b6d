"""Depth of a room drawn as a box: floor, back wall, side walls and ceiling from one rectangle in the photo.

As in Horry, Anjyo and Arai (Tour into the picture, SIGGRAPH 1997): the rectangle is the back wall, and the edges of
floor, walls and ceiling run from its corners away from the vanishing point. Its lower edge lies on the ground, whose
distance is known, and that gives metres to all of it. A street between houses is such a room without a ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.view import on_plane


@dataclass(frozen=True)
class Room:
    """Five planes about the camera, level or upright."""

    ahead: np.ndarray
    """Level unit vector (3,) into the room, world frame."""
    back: float
    """Distance of the back wall from the camera along ``ahead`` [m]."""
    left: float
    """Of the left wall, along the level vector to the right: negative [m]."""
    right: float
    """[m]"""
    ceiling: float
    """Height above the ground [m]."""

    @property
    def line(self) -> str:
        """For the report."""
        return f"{self.right - self.left:.3g} m wide, {self.ceiling:.3g} m high, back wall {self.back:.3g} m ahead"


def room_of(
    camera: Camera, back: tuple[float, float, float, float], vanishing: tuple[float, float] | None = None
) -> Room:
    """The room whose back wall is seen as a rectangle.

    Args:
        camera: On the grid of the pixels given.
        back: [u0, v0, u1, v1] of the back wall [pixels]; corners may lie outside the picture.
        vanishing: Where the edges along the walls meet [pixels]; default: straight ahead.

    Raises:
        ValueError: A rectangle that no room ahead of the camera can have.
    """
    u0, v0, u1, v1 = back
    if not (u0 < u1 and v0 < v1):
        raise ValueError(f"hints.room.back is {list(back)}, expected [u0, v0, u1, v1] with u0 < u1 and v0 < v1.")
    middle = camera.world_from_camera[:3, 2] if vanishing is None else camera.rays(np.array(vanishing, dtype=float))
    length = float(np.hypot(middle[0], middle[2]))
    if length < 0.2:
        raise ValueError("hints.room: the camera looks straight down, where no back wall can be seen.")
    ahead = np.array([middle[0], 0.0, middle[2]]) / length
    right = np.cross(ahead, (0.0, 1.0, 0.0))
    feet = on_plane(camera, np.array([[u0, v1], [u1, v1]]), 0.0) - camera.position * (1, 0, 1)
    if not np.isfinite(feet).all() or (feet @ ahead <= 0).any():
        raise ValueError(
            f"the lower edge of hints.room.back, row {v1:g}, lies above the horizon of the camera, where there is no "
            f"floor. Look at hints.camera or move the edge down to where the back wall meets the floor."
        )
    distance = float(np.mean(feet @ ahead))
    tops = camera.unproject(np.array([[u0, v0], [u1, v0]]), 1.0) - camera.position
    if (tops @ ahead <= 1e-6).any():
        raise ValueError(f"hints.room.back reaches up to row {v0:g}, behind the camera; lower its upper edge.")
    ceiling = float(np.mean(camera.position[1] + tops[:, 1] * distance / (tops @ ahead)))
    sides = feet @ right
    if not (sides[0] < 0 < sides[1] and ceiling > camera.position[1]):
        raise ValueError(
            f"hints.room.back {list(back)} makes a room from {sides[0]:.3g} m to {sides[1]:.3g} m across and "
            f"{ceiling:.3g} m high, which the camera, {camera.position[1]:.3g} m high at 0, is not in. Look at the "
            f"rectangle, at hints.room.vanishing and at hints.camera."
        )
    return Room(ahead, distance, float(sides[0]), float(sides[1]), ceiling)


def room_depth(camera: Camera, room: Room) -> np.ndarray:
    """Depth z of the room's planes as seen from inside (h, w) [m]."""
    rays = camera.unproject(camera.pixel_grid(), 1.0) - camera.position
    right = np.cross(room.ahead, (0.0, 1.0, 0.0))
    across, along, up = rays @ right, rays @ room.ahead, rays[..., 1]
    height = camera.position[1]
    depth = np.full(camera.size, np.inf)
    for offset, rate in (
        (-height, np.minimum(up, 0)),
        (room.ceiling - height, np.maximum(up, 0)),
        (room.left, np.minimum(across, 0)),
        (room.right, np.maximum(across, 0)),
        (room.back, np.maximum(along, 0)),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.fmin(depth, np.where(np.abs(rate) > 1e-12, offset / rate, np.inf))
    return depth
