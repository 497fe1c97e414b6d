"""What lies around a photo: light by direction, as far as one picture tells.

Inside of the picture it is the picture itself, soft. Beyond its borders the colours of the border go on, ever softer,
towards the mean light of the upper and the lower half; half way up, the side of the light is brighter than the other.
Where the camera cannot look at all, behind it, what it sees in front is mirrored.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from physim.camera import Camera
from physim.scene import Light

SIZE = (64, 128)
"""Rows (from straight up to straight down) and columns (all around)."""


def directions(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Unit vectors (rows, cols, 3), world, of the map's pixels."""
    polar = (np.arange(size[0]) + 0.5) / size[0] * np.pi
    turn = ((np.arange(size[1]) + 0.5) / size[1] - 0.5) * 2 * np.pi
    ring = np.sin(polar)[:, None]
    y = np.broadcast_to(np.cos(polar)[:, None], size)
    return np.stack([ring * np.sin(turn), y, ring * np.cos(turn)], axis=-1)


def surroundings(linear: np.ndarray, camera: Camera, light: Light) -> np.ndarray:
    """Radiance by direction, ``SIZE`` x 3 float32, linear.

    Args:
        linear: The photo (H, W, 3), linear.
        camera: That took it, at any size.
        light: Its ambient colour is the mean of the upper half.
    """
    world = directions()
    local = world @ camera.world_from_camera[:3, :3]
    rows, cols = camera.size
    front = np.stack([local[..., 0], local[..., 1], np.abs(local[..., 2])], axis=-1)
    z = np.maximum(front[..., 2], 0.15)
    pixel = front[..., :2] / z[..., None] * camera.focal + np.asarray(camera.principal_point)
    relative = pixel / np.array([cols, rows])
    beyond = np.linalg.norm(np.maximum(np.maximum(-relative, relative - 1), 0), axis=-1)
    beyond = beyond + np.where(local[..., 2] < 0.15, 0.5, 0.0)
    step = max(1, linear.shape[1] // 160)
    small = linear[::step, ::step].astype(np.float64)
    held = np.clip(relative, 0.0, 1.0) * (np.array(small.shape[1::-1]) - 1)
    levels = []
    for sigma in (1.0, 6.0, 20.0):
        soft = gaussian_filter(small, (sigma, sigma, 0), mode="nearest")
        at = [held[..., 1], held[..., 0]]
        levels.append(np.stack([map_coordinates(soft[..., c], at, order=1, mode="nearest") for c in range(3)], axis=-1))
    t = np.clip(beyond / 0.25, 0, 1)[..., None]
    s = np.clip((beyond - 0.25) / 0.5, 0, 1)[..., None]
    seen = (1 - t) * levels[0] + t * ((1 - s) * levels[1] + s * levels[2])
    away = np.clip(beyond / 0.8, 0, 1)[..., None]
    return ((1 - away) * seen + away * _rest(world, small, light)).astype(np.float32)


def _rest(world: np.ndarray, small: np.ndarray, light: Light) -> np.ndarray:
    """Far from the picture: the ambient light above, brighter on the light's side; the picture's mean below."""
    ambient = np.asarray(light.ambient, dtype=np.float64)
    towards = np.clip(world @ np.asarray(light.direction), 0, 1)[..., None]
    above = ambient * (0.75 + 1.5 * towards**4)
    below = 0.6 * small.reshape(-1, 3).mean(axis=0)
    up = np.clip(world[..., 1:2] / 0.3 + 0.5, 0, 1)
    return up * above + (1 - up) * below
