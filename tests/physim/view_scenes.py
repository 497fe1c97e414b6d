"""Scenes made by hand for the tests of the views: a textured photo, a plane of known depth, bodies on given paths."""

import numpy as np

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath
from physim.scene import Backdrop, Scene
from physim.trajectory import CONTACT_DTYPE, BodyTrack, ConservationReport, Trajectory


def plane_depth(camera: Camera, *, wall: float | None = None, far: float = 50.0) -> np.ndarray:
    """z of a wall at ``wall`` [m], or of the ground y = 0 where it is nearer than ``far`` [m]."""
    if wall is not None:
        return np.full(camera.size, wall, dtype=np.float32)
    rays = camera.rays(camera.pixel_grid())
    along = rays @ camera.world_from_camera[:3, 2]
    distance = np.where(rays[..., 1] < 0, -camera.position[1] / np.minimum(rays[..., 1], -1e-9), np.inf)
    return np.minimum(distance * along, far).astype(np.float32)


def photo_scene(size=(120, 160), moves=(), *, wall=None, pitch_deg=25.0, height=1.0, fov_deg=60.0) -> Scene:
    """A random photo of a wall or a ground, and a camera with ``moves``."""
    scene = Scene(seed=3)
    camera = Camera.looking(size, fov_deg=fov_deg, pitch_deg=pitch_deg, height=height)
    scene.camera = CameraPath(camera, tuple(moves))
    photo = np.random.default_rng(0).random((*size, 3)).astype(np.float32)
    depth = plane_depth(camera, wall=wall)
    scene.backdrop = Backdrop(photo, photo, np.zeros(size, np.float32), depth, np.zeros(size, np.uint16))
    return scene


def linear(move: str, amount: float, *, end: float = 1.0, distance: float = 1.0) -> CameraMove:
    return CameraMove(move, amount, 0.0, end, "linear", distance)


def track(position, orientation=None, *, fps=24.0) -> BodyTrack:
    """A body with one sample per frame, (T + 1, 3) and (T + 1, 4)."""
    position = np.asarray(position, dtype=np.float64)
    if orientation is None:
        orientation = np.tile([0.0, 0.0, 0.0, 1.0], (len(position), 1))
    zero = np.zeros_like(position)
    return BodyTrack(1, fps, position, np.asarray(orientation, dtype=np.float64), zero, zero)


def trajectory(scene: Scene, bodies=None, smokes=None, *, frames: int, fps: float = 24.0) -> Trajectory:
    return Trajectory(
        scene, fps, frames / fps, bodies or {}, smokes or {}, np.zeros(0, CONTACT_DTYPE), ConservationReport()
    )


def turned(axis, angles) -> np.ndarray:
    """Quaternions (N, 4) of turns about a unit axis by angles (N,) [rad]."""
    half = np.asarray(angles, dtype=np.float64)[:, None] / 2
    return np.concatenate([np.sin(half) * np.asarray(axis, dtype=np.float64), np.cos(half)], axis=1)
