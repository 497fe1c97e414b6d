"""What of a trajectory is drawn: all that moves, and static solids that were added, unless they are invisible.

A thing of the photo that only settles stays where the photo shows it: forms taken from a picture overlap or stand apart
by fractions of a millimetre, and the solver moves them by as much. Nobody sees that, but the photo's own pixels would
give way to drawn ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physim.grains_view import grain_skins
from physim.materials import Kinematic
from physim.scene import Entity, Scene
from physim.shapes import HeightField, Plane
from physim.soft_view import skins
from physim.trajectory import BodyTrack, Trajectory

STILL = 2e-4
"""A body of the photo that has moved less than this part of its distance to the camera is left to the photo."""

UNSEEN = (1e-6, 1e-5)
"""Steps of a place [m] and of a quaternion [-] that nobody sees."""


def shown(trajectory: Trajectory) -> Trajectory:
    """The same trajectory with the bodies that are drawn; those that stand still have a track of one pose. Surfaces of
    grains and soft solids are among its cloths.
    """
    scene = trajectory.scene
    moving = {name: held(trajectory, name) for name in trajectory.bodies if scene[name].visible}
    standing = {e.name: _rest(e, trajectory) for e in furniture(scene) if e.name not in moving}
    tracks = {**moving, **standing}
    bodies = {e.name: tracks[e.name] for e in scene if e.name in tracks}
    volumes = {**grain_skins(trajectory), **skins(trajectory)}
    return replace(trajectory, bodies=bodies, cloths={**trajectory.cloths, **volumes})


def held(trajectory: Trajectory, name: str) -> BodyTrack:
    """The track of a body, of the photo at its place in it until it has clearly left: by :data:`STILL`.

    Between once and twice that it catches up.
    """
    scene, track = trajectory.scene, trajectory.bodies[name]
    if scene[name].cutout is None or scene.camera is None:
        return track
    away = float(np.linalg.norm(track.dense_position[0] - scene.camera.start.position))
    left = moved(track, scene[name].shape.bounding_radius) / (STILL * max(away, 1e-9))  # type: ignore[union-attr]
    share = np.clip(np.maximum.accumulate(left) - 1, 0, 1)[:, None]
    if (share >= 1).all():
        return track
    position, turn = track.dense_position, track.dense_orientation
    turn = turn * np.where(turn @ turn[0] < 0, -1.0, 1.0)[:, None]
    turn = turn[0] + share * (turn - turn[0])
    turn /= np.linalg.norm(turn, axis=1, keepdims=True)
    return replace(track, dense_position=position[0] + share * (position - position[0]), dense_orientation=turn)


def stilled(trajectory: Trajectory) -> Trajectory:
    """The same trajectory with bodies that rest while they stay within :data:`UNSEEN` of where they came to rest.

    What rests need not be drawn again, and which frame is drawn first makes no difference to any other.
    """
    return replace(trajectory, bodies={name: _stilled(track) for name, track in trajectory.bodies.items()})


def _stilled(track: BodyTrack) -> BodyTrack:
    poses = np.concatenate([track.dense_position / UNSEEN[0], track.dense_orientation / UNSEEN[1]], axis=1)
    if len(poses) < 2 or (np.abs(np.diff(poses, axis=0)).max(axis=1) > 1).all():
        return track
    kept, here = np.zeros(len(poses), int), 0
    for i, pose in enumerate(poses):
        if np.abs(pose - poses[here]).max() > 1:
            here = i
        kept[i] = here
    return replace(track, dense_position=track.dense_position[kept], dense_orientation=track.dense_orientation[kept])


def moved(track: BodyTrack, radius: float) -> np.ndarray:
    """How far the points of a body are from their places at time 0, at most, at every sample (S,) [m]."""
    shift = np.linalg.norm(track.dense_position - track.dense_position[0], axis=-1)
    turn = np.sqrt(np.clip(1 - (track.dense_orientation @ track.dense_orientation[0]) ** 2, 0, 1))
    return shift + 2 * turn * radius


def furniture(scene: Scene) -> list[Entity]:
    """Static solids that are drawn. Planes and height fields stand for what the photo shows."""
    solids = [e for e in scene.statics if not isinstance(e.material, Kinematic)]
    return [e for e in solids if e.visible and not isinstance(e.shape, Plane | HeightField)]


def _rest(entity: Entity, trajectory: Trajectory) -> BodyTrack:
    count = trajectory.frame_count + 1
    pose, turn = np.asarray(entity.position), np.asarray(entity.orientation)
    still = np.zeros((count, 3))
    return BodyTrack(1, trajectory.fps, np.tile(pose, (count, 1)), np.tile(turn, (count, 1)), still, still)
