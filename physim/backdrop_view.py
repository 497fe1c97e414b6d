"""The still background seen by the moving camera: one sheet with smooth inverse depth.

A sharp depth map tears at every edge as soon as the camera moves; one smooth sheet bends a little instead and stays
clean up to about 15 pixels of relative motion (of a picture 600 pixels wide). The sheet lives on a grid of its own, so
a preview and a 4K master see the same geometry. It decides where things are; how deep they are is told without the
blur, so that bodies and smoke pass before and behind edges as they should.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import sheet as kernels
from scipy.ndimage import gaussian_filter, map_coordinates

from physim.camera import Camera
from physim.camera_path import CameraPath
from physim.scene import Backdrop

SHEET_SIZE = 600
"""Longer side of the sheet's grid at most [samples]."""
SMOOTHING = 8.0
"""Standard deviation of the blur of the inverse depth [samples of the sheet]."""
TOLERANCE = 5e-4
"""Largest error of a place in the photo [pixels of the view]."""
FAR = 1e5
"""Depths are held below this [m]."""


def lens_of(camera: Camera, photo_size: tuple[int, int]) -> np.ndarray:
    """(f_u, f_v, c_u, c_v) [pixels] of a view of the whole photo at ``camera.size``.

    A size with rounded sides squeezes the photo a little; bodies have to follow it, or they leave their pixels.
    """
    rows, cols = camera.size
    squeeze = (rows / photo_size[0]) / (cols / photo_size[1])
    return np.array([camera.focal, camera.focal * squeeze, *camera.principal_point], dtype=np.float64)


def photo_camera(path: CameraPath, photo_size: tuple[int, int]) -> Camera:
    """The unmoved camera in pixels of the photo."""
    return path.start if path.start.size == photo_size else path.start.resized(photo_size)


def resample(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) to (H, W) float64, bilinear between pixel centres, continued linearly over the outer half pixels."""
    rows, cols = image.shape
    if (rows, cols) == tuple(size):
        return image.astype(np.float64)
    padded = np.pad(image.astype(np.float64), 1, mode="reflect", reflect_type="odd") if min(rows, cols) > 1 else image
    offset = 0.5 if min(rows, cols) > 1 else -0.5
    v = (np.arange(size[0]) + 0.5) * rows / size[0] + offset
    u = (np.arange(size[1]) + 0.5) * cols / size[1] + offset
    return map_coordinates(padded, np.meshgrid(v, u, indexing="ij"), order=1, mode="nearest")


@dataclass(frozen=True)
class BackdropFrame:
    """The background in one instant, on the pixel grid of the view."""

    source_uv: np.ndarray
    """(H, W, 2) float32: place in the photo [pixels of the photo]; may lie outside of it."""
    depth: np.ndarray
    """(H, W) float32: z in the moved camera of what the photo shows at ``source_uv`` [m], with its sharp edges."""
    camera: Camera
    """The moved camera at this size."""


class BackdropView:
    """Where each pixel of a moved camera lies in the photo, how deep it is, and how it moves.

    Args:
        backdrop: The photo without its moving things, with depth.
        path: The camera and its moves.
        size: (height, width) of the view [pixels], of the photo's aspect.
        device: Warp device; the default one if None.
    """

    def __init__(self, backdrop: Backdrop, path: CameraPath, size: tuple[int, int], device=None) -> None:
        self.path = path
        self.size = (int(size[0]), int(size[1]))
        self.device = wp.get_device(device)
        self.photo_size = backdrop.photo.shape[:2]
        self._start = photo_camera(path, self.photo_size)
        self._unmoved = path.at(0.0, self.size).view
        rows, cols = self.size
        self._scale = np.array([self.photo_size[1] / cols, self.photo_size[0] / rows])
        u, v = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
        grid = (np.stack([u, v], axis=-1) * self._scale).astype(np.float32)
        grid.flags.writeable = False
        self._grid = grid
        inverse = 1.0 / np.clip(np.asarray(backdrop.depth, dtype=np.float64), 1e-3, FAR)
        if path.is_static:  # no sheet is needed, and objects keep their sharp depth
            still = (1.0 / np.clip(resample(inverse, self.size), 1 / FAR, None)).astype(np.float32)
            still.flags.writeable = False
            self._still_depth: np.ndarray | None = still
        else:
            self._still_depth = None
        self._sheet = None if path.is_static else self._make_sheet(inverse)
        self._guess = wp.empty(kernels.guess_shape(self.size), dtype=wp.float32, device=self.device)
        self._cached: tuple[float, BackdropFrame] | None = None

    def _make_sheet(self, inverse: np.ndarray) -> kernels.Sheet:
        rows, cols = self.photo_size
        shrink = min(1.0, SHEET_SIZE / max(rows, cols))
        size = (max(2, round(rows * shrink)), max(2, round(cols * shrink)))
        sigma = SMOOTHING * max(size) / SHEET_SIZE
        margin = int(np.ceil(4 * sigma))
        top = inverse.max()
        grid = resample(inverse, size)
        # Continued oddly, the inverse depth of a plane stays linear up to the border and beyond.
        grid = np.pad(grid, 2 * margin, mode="reflect", reflect_type="odd").clip(1 / FAR, 2 * top)
        grid = gaussian_filter(grid, sigma, mode="nearest", truncate=4.0)
        grid = grid[margin:-margin, margin:-margin]
        sheet = kernels.Sheet()
        sheet.rho = wp.array(grid.astype(np.float32), dtype=wp.float32, device=self.device)
        sheet.scale = wp.vec2d(size[1] / cols, size[0] / rows)
        sheet.margin = float(margin)
        sheet.sharp = wp.array(np.clip(inverse, 1 / FAR, None).astype(np.float32), dtype=wp.float32, device=self.device)
        sheet.sharp_scale = wp.vec2d(inverse.shape[1] / cols, inverse.shape[0] / rows)
        sheet.size = wp.vec2d(float(cols), float(rows))
        lens = lens_of(self._start, self.photo_size)
        sheet.lens, sheet.inverse_lens = wp.vec4d(*lens), wp.vec2d(*(1 / lens[:2]))
        return sheet

    def _moved_from_photo(self, camera: Camera) -> np.ndarray:
        return camera.camera_from_world @ self._start.world_from_camera

    def _move(self, camera: Camera) -> kernels.Move:
        matrix = self._moved_from_photo(camera)
        move = kernels.Move()
        move.camera_from_photo = wp.mat44d(matrix)
        move.photo_from_camera = wp.mat44d(np.linalg.inv(matrix))
        move.lens = wp.vec4d(*lens_of(camera, self.photo_size))
        move.baseline = float(np.linalg.norm(matrix[:3, 3]))
        return move

    def at(self, time: float) -> BackdropFrame:
        """The background at ``time`` [s]. Before the camera has moved ``source_uv`` is the pixel grid, to the bit."""
        if self._cached is not None and self._cached[0] == time:
            return self._cached[1]
        camera = self.path.at(time, self.size)
        if self._still_depth is not None:
            frame = BackdropFrame(self._grid, self._still_depth, camera)
        else:
            source = wp.empty(self.size, dtype=wp.vec2, device=self.device)
            depth = wp.empty(self.size, dtype=wp.float32, device=self.device)
            kernels.sheet_view(
                self._sheet,
                self._move(camera),
                tolerance=TOLERANCE * float(self._scale.min()),
                guess=self._guess,
                source_out=source,
                depth_out=depth,
            )
            frame = BackdropFrame(self._grid if camera.view == self._unmoved else source.numpy(), depth.numpy(), camera)
        self._cached = (time, frame)
        return frame

    def flow(self, time: float, other_time: float) -> np.ndarray:
        """Motion of the background point seen at ``time`` to its pixel at ``other_time``, (H, W, 2) [pixels]."""
        return self.motion(time, other_time)[0]

    def motion(
        self, time: float, other_time: float, frame: BackdropFrame | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """``flow`` and the depth (H, W) [m] that the point seen at ``time`` has at ``other_time``.

        ``frame`` saves finding again what ``at(time)`` has found before.
        """
        frame, other = frame or self.at(time), self.path.at(other_time, self.size)
        if self._sheet is None:
            return np.zeros((*self.size, 2), np.float32), frame.depth
        flow = wp.empty(self.size, dtype=wp.vec2, device=self.device)
        depth = wp.empty(self.size, dtype=wp.float32, device=self.device)
        kernels.sheet_motion(
            self._sheet,
            wp.array(frame.source_uv, dtype=wp.vec2, device=self.device, copy=False),
            camera_from_photo=wp.mat44d(self._moved_from_photo(frame.camera)),
            other_from_photo=wp.mat44d(self._moved_from_photo(other)),
            lens=wp.vec4d(*lens_of(frame.camera, self.photo_size)),
            other_lens=wp.vec4d(*lens_of(other, self.photo_size)),
            flow_out=flow,
            depth_out=depth,
        )
        return flow.numpy(), depth.numpy()
