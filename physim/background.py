"""What a composite stands on: the plate with everything that never moves, seen through the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import warp as wp
from physim_kernels import resample as kernels
from scipy.ndimage import binary_dilation, gaussian_filter

from physim import blend
from physim.backdrop_view import FAR, BackdropFrame, BackdropView, photo_camera, resample
from physim.body_view import BodyView
from physim.camera_path import CameraPath
from physim.plate import resize, resize_map
from physim.scene import Backdrop, Cutout
from physim.trajectory import Trajectory

COLUMNS = 720
"""A moving camera's view of the smooth sheet is computed on at most about this many columns, then enlarged."""


@dataclass(frozen=True)
class StillMap:
    """All still layers of the photo in one, at picture size, in the photo's grid."""

    colour: np.ndarray
    """(H, W, 3) linear"""
    alpha: np.ndarray
    """(H, W)"""
    depth: np.ndarray
    """(H, W) [m], infinite where there is none."""


class Background:
    """The backdrop seen by the camera, with the bodies that never move as part of its surface.

    Args:
        backdrop: Of the photo.
        path: The camera and its moves.
        size: (height, width) of the pictures.
        still: A trajectory of the bodies that never move.
        device: Warp device.
    """

    def __init__(
        self, backdrop: Backdrop, path: CameraPath, size: tuple[int, int], still: Trajectory, device=None
    ) -> None:  # fmt: skip
        self.size = size
        self.photo_size = backdrop.photo.shape[:2]
        self._path = path
        self._depth = backdrop.depth
        self._device = wp.get_device(device)
        self._shrink = 1 if path.is_static else max(1, round(size[1] / COLUMNS))
        coarse = (max(2, round(size[0] / self._shrink)), max(2, round(size[1] / self._shrink)))
        self._view = BackdropView(backdrop, path, coarse if self._shrink > 1 else size, device)
        self._bodies = BodyView(still, size, device) if still.bodies else None
        self._seen: tuple[tuple[bytes, float], BackdropFrame] | None = None

    def at(self, time: float) -> BackdropFrame:
        """Place in the photo, depth and camera at ``time`` [s]."""
        camera = self._path.at(time, self.size)
        key = camera.view
        if self._seen is None or self._seen[0] != key:
            frame = self._view.at(time)
            if self._shrink > 1:
                frame = BackdropFrame(*self._enlarged(frame), camera)
            self._seen = (key, self._with_bodies(frame))
        return self._seen[1]

    def unmoved_depth(self) -> np.ndarray:
        """Depth (H, W) float32 [m] seen by the camera that took the photo, bodies that never move included."""
        inverse = resample(1 / np.clip(np.asarray(self._depth, dtype=np.float64), 1e-3, FAR), self.size)
        camera = photo_camera(self._path, self.photo_size).resized(self.size)
        depth = (1 / np.clip(inverse, 1 / FAR, None)).astype(np.float32)
        return self._with_bodies(BackdropFrame(np.empty(0), depth, camera)).depth

    def _enlarged(self, frame: BackdropFrame) -> tuple[np.ndarray, np.ndarray]:
        source = wp.empty(self.size, dtype=wp.vec2, device=self._device)
        depth = wp.empty(self.size, dtype=wp.float32, device=self._device)
        coarse = wp.array(np.ascontiguousarray(frame.source_uv), dtype=wp.vec2, device=self._device)
        z = wp.array(np.ascontiguousarray(frame.depth), dtype=wp.float32, device=self._device)
        kernels.enlarge(coarse, z, source_out=source, depth_out=depth)
        return source.numpy(), depth.numpy()

    def _with_bodies(self, frame: BackdropFrame) -> BackdropFrame:
        bodies = None if self._bodies is None else self._bodies.at(0.0, frame.camera)
        if bodies is None:
            return frame
        v0, v1, u0, u1 = bodies.window
        depth = frame.depth.copy()
        depth[v0:v1, u0:u1] = np.minimum(depth[v0:v1, u0:u1], bodies.depth)
        return replace(frame, depth=depth)


def plate_with(backdrop: Backdrop, still: Trajectory, moving: dict) -> np.ndarray:
    """The plate (H, W, 3) sRGB with the things that never move put back, and still layers over what was filled."""
    plate = backdrop.plate
    rows, cols = plate.shape[:2]
    scale = max(1.0, cols / 800)
    back, away = np.zeros((rows, cols), bool), np.zeros((rows, cols), bool)
    things = [*still.scene.movers, *still.scene.cloths, *still.scene.grains, *still.scene.softs]
    for name, entity in ((e.name, e) for e in things if e.cutout is not None):
        target = back if name in still.bodies or name in still.cloths else away if name in moving else None
        if target is None:
            continue
        alpha = entity.cutout.alpha > 0.02  # type: ignore[union-attr]
        if entity.cutout.shadow is not None:  # type: ignore[union-attr]
            alpha = alpha | (np.abs(entity.cutout.shadow - 1) > 0.01)  # type: ignore[union-attr]
        u, v = entity.cutout.corner  # type: ignore[union-attr]
        h, w = alpha.shape
        v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, rows), min(u + w, cols)
        target[v0:v1, u0:u1] |= alpha[v0 - v : v1 - v, u0 - u : u1 - u]
    if back.any():
        reach = int(np.ceil(9 * scale))
        back = binary_dilation(back, iterations=reach) & ~binary_dilation(away, iterations=2)
        soft = (
            np.where(back, gaussian_filter(back.astype(np.float32), 1.0), 0)[..., None]
            if away.any()
            else back[..., None]
        )
        plate = (plate + soft * (backdrop.photo - plate)).astype(np.float32)
        exact = back & (np.abs(soft[..., 0] - 1) < 1e-6)
        plate[exact] = backdrop.photo[exact]
    for layer in backdrop.stills:
        plate = _over_holes(plate, backdrop.hole, layer.cutout)
    return plate


def _over_holes(plate: np.ndarray, hole: np.ndarray, cutout: Cutout) -> np.ndarray:
    """A still layer put back where the plate behind it was filled."""
    (u, v), (h, w) = cutout.corner, cutout.alpha.shape
    v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, plate.shape[0]), min(u + w, plate.shape[1])
    inside = (slice(v0 - v, v1 - v), slice(u0 - u, u1 - u))
    alpha = (cutout.alpha[inside] * (hole[v0:v1, u0:u1] > 0))[..., None]
    if not alpha.any():
        return plate
    plate = plate.copy()
    crop = plate[v0:v1, u0:u1]
    mixed = blend.to_srgb(blend.to_linear(crop) * (1 - alpha) + blend.to_linear(cutout.colour[inside]) * alpha)
    plate[v0:v1, u0:u1] = np.where(alpha > 0, mixed, crop)
    return plate


def still_map(backdrop: Backdrop, size: tuple[int, int]) -> StillMap | None:
    """All still layers at picture size; where several overlap the nearest counts."""
    if not backdrop.stills:
        return None
    rows, cols = backdrop.photo.shape[:2]
    colour, alpha = np.zeros((rows, cols, 3), np.float32), np.zeros((rows, cols), np.float32)
    depth = np.full((rows, cols), np.inf, np.float32)
    for layer in sorted(backdrop.stills, key=lambda s: -s.depth):
        cutout = layer.cutout
        (u, v), (h, w) = cutout.corner, cutout.alpha.shape
        v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, rows), min(u + w, cols)
        inside = (slice(v0 - v, v1 - v), slice(u0 - u, u1 - u))
        there = cutout.alpha[inside] > 0.01
        colour[v0:v1, u0:u1][there] = blend.to_linear(cutout.colour[inside])[there]
        alpha[v0:v1, u0:u1][there] = cutout.alpha[inside][there]
        depth[v0:v1, u0:u1][there] = layer.depth
    spread = blend.to_linear(resize(blend.to_srgb(colour), size))
    far = 1e9
    inverse = resize_map(1 / np.where(np.isfinite(depth), depth, far), size)
    cover = resize_map((alpha > 0).astype(np.float32), size)
    with np.errstate(divide="ignore"):
        z = np.where(cover > 0.05, cover / np.maximum(inverse, 1e-12), np.inf)
    return StillMap(np.where(cover[..., None] > 0.05, spread, 0), resize_map(alpha, size), z.astype(np.float32))
