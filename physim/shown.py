"""What of a trajectory is drawn: all that moves, and static solids that were added, unless they are invisible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physim.materials import Kinematic
from physim.scene import Entity, Scene
from physim.shapes import HeightField, Plane
from physim.trajectory import BodyTrack, Trajectory


def shown(trajectory: Trajectory) -> Trajectory:
    """The same trajectory with the bodies that are drawn; those that stand still have a track of one pose."""
    scene = trajectory.scene
    moving = {name: track for name, track in trajectory.bodies.items() if scene[name].visible}
    standing = {e.name: _rest(e, trajectory) for e in furniture(scene) if e.name not in moving}
    if not standing and len(moving) == len(trajectory.bodies):
        return trajectory
    tracks = {**moving, **standing}
    return replace(trajectory, bodies={e.name: tracks[e.name] for e in scene if e.name in tracks})


def furniture(scene: Scene) -> list[Entity]:
    """Static solids that are drawn. Planes and height fields stand for what the photo shows."""
    solids = [e for e in scene.statics if not isinstance(e.material, Kinematic)]
    return [e for e in solids if e.visible and not isinstance(e.shape, Plane | HeightField)]


def _rest(entity: Entity, trajectory: Trajectory) -> BodyTrack:
    count = trajectory.frame_count + 1
    pose, turn = np.asarray(entity.position), np.asarray(entity.orientation)
    still = np.zeros((count, 3))
    return BodyTrack(1, trajectory.fps, np.tile(pose, (count, 1)), np.tile(turn, (count, 1)), still, still)
