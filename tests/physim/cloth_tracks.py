"""Sheets of cloth on prescribed paths, for tests of how cloth is seen."""

import numpy as np

from physim.materials import Cloth
from physim.scene import Scene
from physim.sheet import Sheet
from physim.trajectory import CONTACT_DTYPE, ClothTrack, ConservationReport, Trajectory

FPS = 24.0


def cloth_track(sheet: Sheet, path, *, frames: int, samples: int = 4, fps: float = FPS) -> ClothTrack:
    """A cloth whose vertices at time t are ``path(rest, t)`` (N, 3)."""
    times = np.arange(frames * samples + 1) / (fps * samples)
    dense = np.stack([path(sheet.rest, t) for t in times]).astype(np.float32)
    velocity = np.gradient(dense, 1 / (fps * samples), axis=0).astype(np.float32)
    return ClothTrack(samples, fps, dense, sheet.faces, sheet.rest, velocity)


def hung(rest, t, *, centre=(0.0, 1.5, -2.0)):
    """Flat, upright, facing +z."""
    return np.concatenate([rest, np.zeros((len(rest), 1))], axis=1) + centre


def waving(rest, t, *, centre=(0.0, 1.5, -2.0), amplitude=0.05, wave=0.6, speed=1.5):
    """A wave runs along x, growing from the left edge."""
    x, y = rest.T
    grow = amplitude * (x - x.min()) / np.ptp(x)
    z = grow * np.sin(2 * np.pi * (x / wave - speed * t))
    return np.stack([x, y + 0.1 * z, z], axis=1) + centre


def cloth_trajectory(scene: Scene, cloths, bodies=None, *, frames: int, **looks) -> Trajectory:
    """Cloths {name: (sheet, path)} in a scene with a camera; ``looks``: name → keyword arguments of ``Scene.add``."""
    tracks = {}
    for name, (sheet, path) in cloths.items():
        scene.add(sheet, Cloth("cotton"), name=name, **looks.get(name, {}))
        tracks[name] = cloth_track(sheet, path, frames=frames)
    return Trajectory(
        scene, FPS, frames / FPS, bodies or {}, {}, np.zeros(0, CONTACT_DTYPE), ConservationReport(), cloths=tracks
    )
