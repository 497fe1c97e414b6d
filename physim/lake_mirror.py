"""Lakes mirror the bodies that were added to their photo."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import lake_mirror as kernels

from physim import blend
from physim.backdrop_view import BackdropFrame, lens_of
from physim.body_view import pose_matrix
from physim.exposure import Exposure
from physim.lake_view import LakeView
from physim.scene import Entity, Light
from physim.trajectory import Trajectory

STEEP = 0.35
"""Slope of waves up to which mirror images are looked for [-]."""
MIRRORED = 0.8
"""Part of the light of the photo's water that is reflected [-]; the rest comes from within."""
INSTANTS = 6
"""Of an exposure at most: mirror images are broken by the waves."""


class LakeMirror:
    """Draws the mirror images of added bodies into the water of a photo; the photo's own things are mirrored in it.

    Args:
        trajectory: What moves; with camera and backdrop.
        lakes: Its lakes on the pixel grid of the view.
        device: Warp device.
    """

    def __init__(self, trajectory: Trajectory, lakes: LakeView, device=None) -> None:
        self._trajectory, self._lakes, self._device = trajectory, lakes, wp.get_device(device)
        scene = trajectory.scene
        self._light = kernels.Lighting()
        self.aim(scene.light)
        self._meshes = {
            name: self._mesh(scene[name]) for name in trajectory.bodies if scene[name].cutout is None
        }  # fmt: skip

    def aim(self, light: Light) -> None:
        """Let the light be another from now on."""
        self._light.towards = wp.vec3(*light.direction)
        self._light.key, self._light.ambient = wp.vec3(*light.colour), wp.vec3(*light.ambient)

    def _mesh(self, entity: Entity) -> wp.Mesh:
        triangles = entity.shape.triangles  # type: ignore[union-attr]
        points = wp.array(np.asarray(triangles.vertices, np.float32), dtype=wp.vec3, device=self._device)
        return wp.Mesh(points, wp.array(np.asarray(triangles.faces, np.int32).ravel(), dtype=int, device=self._device))

    def paint(self, picture: np.ndarray, frame: BackdropFrame, shutter: Exposure) -> None:
        """Put the mirror images into a picture (H, W, 3) sRGB, in place."""
        image = self.image(frame, shutter)
        if image is None:
            return
        there = image[..., 3] > 1e-3
        linear = blend.to_linear(picture[there])
        picture[there] = blend.to_srgb(linear * (1 - MIRRORED * image[there][:, 3:]) + image[there][:, :3])

    def image(self, frame: BackdropFrame, shutter: Exposure) -> np.ndarray | None:
        """Light of bodies that water reflects, linear, and the part of each pixel that does (H, W, 4); None if none is.

        Args:
            frame: The backdrop seen by the camera.
            shutter: Instants of the exposure.
        """
        if not self._meshes:
            return None
        total: wp.array | None = None
        normal = water = None
        for level, index, there in self._lakes.surfaces(frame):
            eye = self._eye(frame, level, index)
            for name, mesh in self._meshes.items():
                moves = name in shutter.moving
                times = shutter.times[:: max(1, -(-len(shutter.times) // INSTANTS))] if moves else [shutter.time]
                for time in times:
                    body = self._body(name, mesh, float(time))
                    window = self._window(frame, level, np.array(body.centre), body.radius)
                    if window is None:
                        continue
                    if total is None:
                        total = wp.zeros(there.shape, dtype=wp.vec4, device=self._device)
                    if normal is None:
                        values = np.ascontiguousarray(self._lakes.normal(frame, shutter.time), np.float32)
                        normal = wp.array(values, dtype=wp.vec3, device=self._device)
                    water = wp.array(np.ascontiguousarray(there, np.float32), dtype=float, device=self._device)
                    kernels.mirror(
                        normal, water, eye, body, self._light, window=window, weight=1 / len(times), image=total
                    )
        return None if total is None else total.numpy()

    def _eye(self, frame: BackdropFrame, level: float, index: float) -> kernels.Eye:
        eye = kernels.Eye()
        eye.position = wp.vec3(*frame.camera.position)
        eye.rotation = wp.mat33(frame.camera.world_from_camera[:3, :3])
        eye.lens = wp.vec4(*lens_of(frame.camera, self._lakes.photo_size))
        eye.level, eye.index = level, index
        return eye

    def _body(self, name: str, mesh: wp.Mesh, time: float) -> kernels.Body:
        entity, pose = self._trajectory.scene[name], pose_matrix(*self._trajectory.bodies[name].at(time))
        body = kernels.Body()
        body.mesh, body.colour = mesh.id, wp.vec3(*entity.colour)
        body.world_from_body, body.body_from_world = wp.mat44(*pose.ravel()), wp.mat44(*np.linalg.inv(pose).ravel())
        body.centre, body.radius = wp.vec3(*pose[:3, 3]), entity.shape.bounding_radius  # type: ignore[union-attr]
        return body

    def _window(self, frame: BackdropFrame, level: float, centre: np.ndarray, radius: float):
        """Crop (v0, v1, u0, u1) in which waves may show the mirror image of a ball; None if it is under water."""
        height = float(centre[1]) - level
        if height <= -radius:
            return None
        camera, (rows, cols) = frame.camera, frame.depth.shape
        image = np.array([centre[0], level - max(height, 0.0), centre[2]])
        pixel, z = camera.project(image)
        if z <= radius:
            return 0, rows, 0, cols
        lens = lens_of(camera, self._lakes.photo_size)
        # a wave of slope s turns the ray by 2 s: the image moves by as much of its distance behind the surface
        reach_u = 2 + lens[0] * (1.2 * radius + STEEP * max(height, 0.0)) / (float(z) - radius)
        reach_v = 2 + lens[1] * (1.2 * radius + 2 * STEEP * max(height, 0.0) + 0.1 * float(z)) / (float(z) - radius)
        u0, u1 = np.clip([pixel[0] - reach_u, pixel[0] + reach_u], 0, cols).astype(int)
        v0, v1 = np.clip([pixel[1] - reach_v, pixel[1] + reach_v], 0, rows).astype(int)
        return (int(v0), int(v1), int(u0), int(u1)) if u1 > u0 and v1 > v0 else None
