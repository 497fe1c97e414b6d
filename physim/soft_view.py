"""Soft solids in the picture: their surface is drawn as cloth is, closed and without a back.

The photo's pixels are fixed to the points of the surface where the photo shows them at time 0, and go where those go. A
lifted solid is drawn a little larger than it is, sideways, so that the cutout decides its edge; what it is larger by
turns with the solid.
"""

from __future__ import annotations

import numpy as np

from physim.backdrop_view import photo_camera
from physim.body_view import EDGE_PIXELS, grown
from physim.scene import Entity, Scene
from physim.trajectory import ClothTrack, SoftTrack, Trajectory


def skins(trajectory: Trajectory) -> dict[str, ClothTrack]:
    """The surfaces of soft solids that are drawn, by name."""
    scene = trajectory.scene
    return {name: _skin(scene, scene[name], track) for name, track in trajectory.softs.items() if scene[name].visible}


def _skin(scene: Scene, entity: Entity, track: SoftTrack) -> ClothTrack:
    position = track.dense_position
    flat = track.rest[:, :2]
    if scene.camera is not None:
        size = scene.camera.start.size if scene.backdrop is None else scene.backdrop.photo.shape[:2]
        camera = photo_camera(scene.camera, size)
        first = position[0].astype(np.float64)
        seen = first @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
        flat = seen[:, :2]
        if entity.cutout is not None:
            pixels = EDGE_PIXELS * max(1.0, size[1] / 800)
            margin = pixels * abs(float(seen[:, 2].mean())) / camera.focal
            wide = grown(first, track.faces, margin, camera.camera_from_world) - first
            turns = _turns(position - position.mean(axis=1, keepdims=True))
            position = position + np.einsum("sij,nj->sni", turns, wide).astype(np.float32)
    return ClothTrack(
        track.samples_per_frame, track.fps, position, track.faces, np.ascontiguousarray(flat), track.dense_velocity
    )


def _turns(arms: np.ndarray) -> np.ndarray:
    """Rotation (S, 3, 3) that best turns the first of points about their centre (S, N, 3) to each other (Kabsch)."""
    u, _, vt = np.linalg.svd(np.einsum("sni,nj->sij", arms.astype(np.float64), arms[0].astype(np.float64)))
    u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]
    return u @ vt
