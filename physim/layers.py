"""What lies where in the photo, and how far: the surfaces of the scene as the camera sees them.

Two depths are kept: ``plate`` holds what stays when everything that moves is lifted out, ``visible`` also the rest.
"""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.depth import FAR, continued, resampled
from physim.shapes import Triangles
from physim.zbuffer import depth_of


class Layers:
    """Depth and ids of a photo, built up thing by thing. The nearer thing wins where masks overlap."""

    def __init__(self, camera: Camera, plate: np.ndarray, photo_camera: Camera) -> None:
        self.camera = camera
        """On the grid of the depth maps, which may be coarser than the photo."""
        self.photo_camera = photo_camera
        self.plate = plate.copy()
        """(h, w) [m]"""
        self.visible = plate.copy()
        """(h, w) [m]"""
        self.ids = np.zeros(photo_camera.size, dtype=np.uint16)
        """(H, W): number of the entity seen in the photo, 0 for none."""
        self._front = np.full(photo_camera.size, np.inf, dtype=np.float32)
        self._plate_front = np.full(plate.shape, np.inf)
        self._visible_front = np.full(plate.shape, np.inf)

    def add(self, mesh: Triangles, mask: np.ndarray, number: int, *, moves: bool) -> None:
        """Lay a solid (world frame) into the maps, inside its mask (H, W) bool of the photo."""
        small = resampled(mask, self.plate.shape) >= 0.5
        near = continued(depth_of(mesh, self.camera), small)
        if not np.isfinite(near).any():
            return
        rows = np.arange(mask.shape[0]) * self.plate.shape[0] // mask.shape[0]
        cols = np.arange(mask.shape[1]) * self.plate.shape[1] // mask.shape[1]
        full = near[rows][:, cols].astype(np.float32)
        first = mask & (full < self._front)
        self._front[first], self.ids[first] = full[first], number
        self._lay(near, small, moves=moves)

    def lay_plane(self, mask: np.ndarray, depth: np.ndarray, number: int) -> None:
        """Lay a level surface that stays, such as water: ``mask`` (H, W) bool of the photo, ``depth`` (h, w) [m]."""
        free = mask & (self.ids == 0)
        self.ids[free] = number
        small = resampled(mask, self.plate.shape) >= 0.5
        self._lay(np.where(small, depth, np.inf), small & np.isfinite(depth), moves=False)

    def add_flat(self, mask: np.ndarray, depth: float) -> None:
        """Lay a still layer at one depth [m] into the visible map; the plate goes on behind it."""
        small = resampled(mask, self.plate.shape) >= 0.5
        self._lay(np.full(self.plate.shape, depth), small, moves=True)

    def _lay(self, near: np.ndarray, small: np.ndarray, *, moves: bool) -> None:
        targets = [(self.visible, self._visible_front)]
        if not moves:
            targets.append((self.plate, self._plate_front))
        for depth, front in targets:
            first = small & (near < front)
            front[first] = depth[first] = near[first]

    def point_at(self, pixel: tuple[float, float], what: str, *, plate: bool = False) -> np.ndarray:
        """World point (3,) [m] of the surface seen at a pixel of the photo.

        Raises:
            ValueError: The pixel is outside the photo, or shows the sky.
        """
        rows, cols = self.photo_camera.size
        u, v = pixel
        if not (0 <= u < cols and 0 <= v < rows):
            raise ValueError(f"{what} is pixel [{u:g}, {v:g}], outside the photo of {cols} x {rows} pixels.")
        depth = self.plate if plate else self.visible
        # bilinear in 1 / z, which is linear along a plane on the screen
        h, w = depth.shape
        x = np.clip(u * w / cols - 0.5, 0, w - 1)
        y = np.clip(v * h / rows - 0.5, 0, h - 1)
        i, j = min(int(y), h - 2), min(int(x), w - 2)
        corner = 1 / depth[i : i + 2, j : j + 2]
        nearest = float(1 / depth[min(int(v * h / rows), h - 1), min(int(u * w / cols), w - 1)])
        smooth = corner.max() < 1.05 * corner.min()
        across, down = np.array([1 - (x - j), x - j]), np.array([1 - (y - i), y - i])
        inverse = float(down @ corner @ across) if smooth else nearest
        if inverse <= 1.01 / FAR:
            raise ValueError(
                f"{what} is pixel [{u:g}, {v:g}]: there the photo shows the sky, nothing at a finite distance. "
                f"Choose a pixel on a surface."
            )
        return self.photo_camera.unproject(np.array([u, v], dtype=np.float64), 1 / inverse)
