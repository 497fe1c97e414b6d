"""Small photographed scenes with hand-made motion, for tests of shadows and composites."""

import numpy as np

from physim.camera import Camera
from physim.camera_path import CameraPath
from physim.materials import Rigid
from physim.scene import Backdrop, Light, Scene
from physim.shapes import Plane
from physim.trajectory import BodyTrack, ConservationReport, Trajectory
from physim.view import plane_depth

FPS = 24.0


def track(path, frames, samples=8):
    """A body whose (position, orientation) at time t is ``path(t)``."""
    times = np.arange(frames * samples + 1) / (FPS * samples)
    positions, orientations = zip(*(path(t) for t in times), strict=True)
    rest = np.zeros((len(times), 3))
    return BodyTrack(samples, FPS, np.array(positions, float), np.array(orientations, float), rest, rest)


def still(position):
    return lambda t: (position, (0.0, 0.0, 0.0, 1.0))


def make_trajectory(things, *, light=None, frames=4, photo=None, plate=None, moves=(), camera=None, **looks):
    """Things {name: (shape, position or path)} over the ground y = 0 of a photo.

    Args:
        things: Name → shape and a position (3,) or a function of time.
        light: Of the scene.
        frames: Length of the clip.
        photo: (H, W, 3) sRGB; without it the scene has no backdrop.
        plate: The photo without what moves; the photo itself by default.
        moves: Of the camera.
        camera: Default: 50 degrees, looking down by 60, from 1 m.
        looks: Name → keyword arguments of ``Scene.add`` (cutout, colour, texture).
    """
    scene = Scene(seed=1)
    scene.light = light or Light()
    scene.add(Plane())
    bodies = {}
    for name, (shape, path) in things.items():
        path = path if callable(path) else still(tuple(path))
        scene.add(shape, Rigid("sugar"), name=name, position=tuple(path(0.0)[0]), **looks.get(name, {}))
        bodies[name] = track(path, frames)
    if photo is not None:
        size = photo.shape[:2]
        camera = camera or Camera.looking(size, fov_deg=50, pitch_deg=60, height=1.0)
        scene.camera = CameraPath(camera, tuple(moves))
        depth = plane_depth(camera, 0.0, far=100.0).astype(np.float32)
        plate = photo.copy() if plate is None else plate
        hole = (np.abs(plate - photo).max(axis=-1) > 0).astype(np.float32)
        scene.backdrop = Backdrop(photo, plate, hole, depth, np.zeros(size, np.uint16))
    return Trajectory(scene, FPS, frames / FPS, bodies, {}, np.zeros(0), ConservationReport())


def speckled(size=(90, 120), seed=0):
    """A photo with detail: 8-bit values, float32 sRGB."""
    rng = np.random.default_rng(seed)
    return (rng.integers(80, 200, (*size, 3)) / 255).astype(np.float32)
