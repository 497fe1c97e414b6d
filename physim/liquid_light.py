"""What liquids do to the light on everything solid: they cast coloured shadows, and gather light in caustics."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import liquid_light as kernels
from scipy.ndimage import gaussian_filter, map_coordinates

from physim.backdrop_view import lens_of
from physim.camera import Camera
from physim.liquid_surface import LiquidMesh
from physim.liquid_view import LiquidView
from physim.scene import Light
from physim.shadow import light_frame

COLUMNS = 640
"""Of the map of light, at most."""
SIDE = 448
"""Samples along each side of the light's view."""
BRIGHTEST = 3.0
"""Times the direct light that a caustic may reach [-]; brighter ones are noise."""
DISTANT = 60.0
"""Distance of the light's camera, in radii of the liquid: nearly parallel rays."""


class LiquidLight:
    """The light that one liquid leaves on the surface a camera sees.

    Args:
        view: Of the liquid; gives its surface, scene and track.
        medium: What it is made of.
        photo_size: (height, width) of the photo.
    """

    def __init__(self, view: LiquidView, medium, photo_size: tuple[int, int]) -> None:
        self._medium = medium
        self._photo_size = photo_size
        self.device = view.device
        self.aim(view.scene.light)
        self._view = view

    def aim(self, light: Light) -> None:
        """Let the light come from elsewhere from now on."""
        self._turn = light_frame(np.array(light.direction))
        self._spread = float(np.tan(max(light.half_angle, 1e-3)))

    def __call__(self, time: float, camera: Camera, depth: np.ndarray) -> np.ndarray | None:
        """Factor on the direct light, (h, w, 3) float32 on a coarser grid of the picture; None if it is 1 everywhere.

        Args:
            time: [s]
            camera: At the picture's size.
            depth: z of what is solid (H, W) [m].
        """
        mesh = self._view.surface.at(time)
        if mesh is None:
            return None
        beam_camera, scale = self._camera(mesh)
        frame = self._view.at(time, beam_camera)
        if frame is None:
            return None
        step = max(1, int(np.ceil(depth.shape[1] / COLUMNS)))
        coarse = np.ascontiguousarray(depth[step // 2 :: step, step // 2 :: step], np.float32)
        counts = wp.zeros((*coarse.shape, 4), dtype=int, device=self.device)
        lens = lens_of(camera, self._photo_size) / step
        solid = wp.array(coarse, dtype=float, device=self.device)
        kernels.send(self._beam(frame, camera), self._medium, solid, wp.vec4(*lens), scale, counts=counts)
        return self._factor(counts.numpy().astype(np.float32) / kernels.UNIT, lens, coarse, scale)

    def _camera(self, mesh: LiquidMesh) -> tuple[Camera, float]:
        """The light as a distant camera, and the size of the liquid [m]."""
        points = mesh.particles[: len(mesh.numbers)].astype(np.float64)
        centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
        radius = float(np.linalg.norm(points - centre, axis=1).max()) + 3 * 2 * mesh.fine
        pose = np.eye(4)
        pose[:3, :3] = np.stack([self._turn[0], -self._turn[1], -self._turn[2]], axis=1)
        pose[:3, 3] = centre + DISTANT * radius * self._turn[2]
        return Camera(0.5 * SIDE * DISTANT * 0.98, (SIDE / 2, SIDE / 2), (SIDE, SIDE), pose), radius

    def _beam(self, frame, camera: Camera) -> kernels.Beam:
        beam, device = kernels.Beam(), self.device
        beam.depth = wp.array(frame.depth, dtype=float, device=device, copy=False)
        beam.normal = wp.array(frame.normal, dtype=wp.vec3, device=device, copy=False)
        beam.thickness = wp.array(frame.thickness, dtype=float, device=device, copy=False)
        beam.back = wp.array(frame.back, dtype=float, device=device, copy=False)
        beam.back_normal = wp.array(frame.back_normal, dtype=wp.vec3, device=device, copy=False)
        beam.lens = wp.vec4(frame.camera.focal, frame.camera.focal, SIDE / 2, SIDE / 2)
        beam.u, beam.v = frame.window[2], frame.window[0]
        matrix = camera.camera_from_world @ frame.camera.world_from_camera
        beam.camera_from_light = wp.mat44(*matrix.ravel())
        beam.light_from_camera = wp.mat44(*np.linalg.inv(matrix).ravel())
        return beam

    def _factor(self, counts: np.ndarray, lens: np.ndarray, depth: np.ndarray, scale: float) -> np.ndarray | None:
        """From counts to a factor: bent parcels over those that would arrive in full light."""
        straight = counts[..., 3]
        if not straight.any():
            return None
        near = float(np.median(depth[straight > 0]))
        # A pixel gets few parcels: they are counted over their own spacing, and over the light's half shadow.
        spacing = 2 * scale / SIDE * lens[0] / near
        sigma = max(1.0, 0.7 * spacing, 0.3 * self._spread * scale * lens[0] / near)
        soft = gaussian_filter(counts, (sigma, sigma, 0), mode="constant")
        there = gaussian_filter((straight > 0).astype(np.float32), 4 * sigma, mode="constant")
        wide = gaussian_filter(straight, 4 * sigma, mode="constant")
        # Parcels per pixel in full light; beyond the shadow that of its nearest part goes on.
        full = np.maximum(wide / np.maximum(there, 1e-3), np.maximum(soft[..., 3], 1e-3))[..., None]
        change = np.where(there[..., None] > 1e-3, (soft[..., :3] - soft[..., 3:]) / full, 0.0)
        factor = np.clip(1 + change, 0, BRIGHTEST).astype(np.float32)
        return factor if np.abs(factor - 1).max() > 2e-3 else None


def enlarged(factor: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A factor (h, w, 3) at picture size (H, W, 3), bilinear."""
    if factor.shape[:2] == tuple(size):
        return factor
    step = max(1, int(np.ceil(size[1] / COLUMNS)))
    v = (np.arange(size[0]) - step // 2) / step
    u = (np.arange(size[1]) - step // 2) / step
    grid = np.meshgrid(v, u, indexing="ij")
    return np.stack([map_coordinates(factor[..., c], grid, order=1, mode="nearest") for c in range(3)], axis=-1)
