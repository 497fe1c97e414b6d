"""Pinhole camera; how it moves says :mod:`physim.camera_path`.

Camera frame is OpenCV's: +x right, +y down, +z forward; ``depth`` is z [m], not ray length. Pixels are (u, v) with
centres at +0.5, sizes are (height, width). World frame: right-handed, Y up, metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with square pixels and no distortion."""

    focal: float
    """Focal length [pixels]."""
    principal_point: tuple[float, float]
    """(u, v) of the optical axis [pixels]."""
    size: tuple[int, int]
    """(height, width) [pixels]."""
    world_from_camera: np.ndarray
    """Rigid transform, shape (4, 4), float64."""
    source: str = "default"
    """Where the intrinsics come from: 'exif', 'user', 'circle', 'depth' (its source knows the lens) or 'default'."""

    def __post_init__(self) -> None:
        pose = np.asarray(self.world_from_camera, dtype=np.float64)
        if pose.shape != (4, 4) or not np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-6):
            raise ValueError(f"camera.world_from_camera must be a rigid (4, 4) transform, got shape {pose.shape}.")
        object.__setattr__(self, "world_from_camera", pose)

    @classmethod
    def looking(
        cls,
        size: tuple[int, int],
        *,
        fov_deg: float = 60.0,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
        height: float = 1.5,
        source: str = "user",
    ) -> Camera:
        """A camera ``height`` [m] above the world origin that looks along -Z, pitched down by ``pitch_deg``.

        Args:
            size: (height, width) of the picture [pixels].
            fov_deg: Horizontal field of view [degrees].
            pitch_deg: Angle of the optical axis below the horizontal [degrees]; 90 looks straight down.
            roll_deg: Rotation about the optical axis [degrees], positive turns the camera clockwise.
            height: Height above the ground y = 0 [m].
            source: Origin of these numbers, for the report.
        """
        rows, cols = size
        focal = 0.5 * cols / np.tan(np.radians(fov_deg) / 2)
        pitch, roll = np.radians(pitch_deg), np.radians(roll_deg)
        forward = np.array([0.0, -np.sin(pitch), -np.cos(pitch)])
        right = np.array([1.0, 0.0, 0.0])
        down = np.cross(forward, right)
        rotation = np.stack([right, down, forward], axis=1)
        turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        pose = np.eye(4)
        pose[:3, :3] = rotation @ turn
        pose[:3, 3] = (0.0, height, 0.0)
        return cls(float(focal), (cols / 2, rows / 2), size, pose, source)

    @property
    def intrinsics(self) -> np.ndarray:
        """K, shape (3, 3) [pixels]."""
        return np.array([[self.focal, 0, self.principal_point[0]], [0, self.focal, self.principal_point[1]], [0, 0, 1]])

    @property
    def camera_from_world(self) -> np.ndarray:
        """Rigid transform, shape (4, 4)."""
        return np.linalg.inv(self.world_from_camera)

    @property
    def view(self) -> tuple[bytes, float]:
        """What decides where things are seen: two cameras of one size with equal views take the same picture."""
        return self.world_from_camera.tobytes(), self.focal

    @property
    def position(self) -> np.ndarray:
        """Centre of projection in the world [m], shape (3,)."""
        return self.world_from_camera[:3, 3]

    def resized(self, size: tuple[int, int]) -> Camera:
        """The same view sampled at another ``size`` (height, width) [pixels].

        Raises:
            ValueError: An aspect that differs by more than rounding does.
        """
        scale_u, scale_v = size[1] / self.size[1], size[0] / self.size[0]
        if abs(scale_u / scale_v - 1) > 0.02:
            raise ValueError(
                f"size {size} changes the aspect of {self.size}; crop the picture instead of squeezing it."
            )
        u, v = self.principal_point
        return replace(self, focal=self.focal * scale_u, principal_point=(u * scale_u, v * scale_v), size=size)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) [m] to pixels (..., 2) and depth (...) [m]. Depth <= 0 is behind the camera."""
        pose = self.camera_from_world
        local = np.asarray(points) @ pose[:3, :3].T + pose[:3, 3]
        depth = local[..., 2]
        safe = np.where(np.abs(depth) > 1e-12, depth, 1e-12)
        pixels = local[..., :2] / safe[..., None] * self.focal + np.asarray(self.principal_point)
        return pixels, depth

    def unproject(self, pixels: np.ndarray, depth: np.ndarray | float) -> np.ndarray:
        """``pixels`` (..., 2) at ``depth`` (...) [m] to world points (..., 3) [m]."""
        pixels = np.asarray(pixels, dtype=np.float64)
        depth = np.broadcast_to(np.asarray(depth, dtype=np.float64), pixels.shape[:-1])
        plane = (pixels - np.asarray(self.principal_point)) / self.focal
        local = np.concatenate([plane * depth[..., None], depth[..., None]], axis=-1)
        return local @ self.world_from_camera[:3, :3].T + self.world_from_camera[:3, 3]

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Unit view directions of ``pixels`` (..., 2) in the world, shape (..., 3)."""
        points = self.unproject(pixels, 1.0) - self.position
        return points / np.linalg.norm(points, axis=-1, keepdims=True)

    def pixel_grid(self) -> np.ndarray:
        """Centres of all pixels, shape (H, W, 2)."""
        rows, cols = self.size
        u, v = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
        return np.stack([u, v], axis=-1)
