"""The shade of solid things in smoke: steam in a cup does not glow in a light that the wall of the cup keeps out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import smoke_shade as kernels

from physim.body_view import pose_matrix
from physim.scene import Light
from physim.shadow import light_frame
from physim.shapes import HeightField, Plane
from physim.trajectory import Trajectory


@dataclass(frozen=True)
class _Thing:
    name: str
    radius: float
    mesh: wp.Mesh


class SmokeShade:
    """Whatever solid thing of a trajectory stands in the light.

    Planes and height fields, which lie below, are left out; so are still layers of the photo, which are flat.

    Args:
        trajectory: What moves, and where it is.
        device: Warp device.
    """

    def __init__(self, trajectory: Trajectory, device) -> None:
        self._trajectory, self._device = trajectory, device
        self._things = []
        for entity in trajectory.scene:
            triangles = getattr(entity.shape, "triangles", None)
            if triangles is None or isinstance(entity.shape, Plane | HeightField):
                continue
            if entity.name not in trajectory.bodies and entity not in trajectory.scene.statics:
                continue
            points = wp.array(np.asarray(triangles.vertices, np.float32), dtype=wp.vec3, device=device)
            corners = wp.array(np.asarray(triangles.faces, np.int32).ravel(), dtype=int, device=device)
            self._things.append(_Thing(entity.name, entity.shape.bounding_radius, wp.Mesh(points, corners)))  # type: ignore[union-attr]

    def at(self, time: float, light: Light, origin: np.ndarray, side: float, shape: tuple[int, int, int]) -> wp.array:
        """Part of the light (nx, ny, nz) float32 in [0, 1] that solid things leave to blocks of a grid.

        Args:
            time: [s]
            light: Its direction and its angular radius count.
            origin: Low corner of the grid [m].
            side: Of a block [m].
            shape: Number of blocks.
        """
        share = wp.ones(shape, dtype=wp.float32, device=self._device)
        size = side * np.array(shape)
        middle, radius = np.asarray(origin) + 0.5 * size, 0.5 * float(np.linalg.norm(size))
        across, upward, towards = light_frame(np.asarray(light.direction))
        spread = float(np.tan(light.half_angle))
        free: wp.array | None = None
        for thing in self._things:
            pose = self._pose(thing.name, time)
            away = pose[:3, 3] - middle
            along = float(away @ towards)
            aside = float(np.linalg.norm(away - along * towards))
            reach = thing.radius + radius
            if along < -reach or aside > reach + spread * max(along + reach, 0.0):
                continue
            if free is None:
                free = wp.full(shape, kernels.ALL, dtype=int, device=self._device)
            kernels.block(
                thing.mesh, wp.mat44(*np.linalg.inv(pose).ravel()), wp.vec3(*origin), side,
                (wp.vec3(*towards), wp.vec3(*across), wp.vec3(*upward)), spread=spread, reach=abs(along) + 2 * reach,
                free=free,
            )  # fmt: skip
        if free is not None:
            kernels.share(free, share_out=share)
        return share

    def _pose(self, name: str, time: float) -> np.ndarray:
        track = self._trajectory.bodies.get(name)
        if track is not None:
            return pose_matrix(*track.at(time))
        entity = self._trajectory.scene[name]
        return pose_matrix(np.asarray(entity.position), np.asarray(entity.orientation))
