"""Bodies of a scene that move as they are told: their poses at any time, and their launches within a substep."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import joint_data, kinematic
from physim_kernels import rigid_data as data

from physim.materials import Kinematic
from physim.rigid_arrays import Piece, quaternion_product
from physim.scene import Entity, Scene
from physim.shapes import HeightField
from physim.terrain import rotation_matrix
from physim.trajectory import BodyTrack

_INSTANT = 1e-5
"""Half of the time over which velocities of the record are differences [s]."""


def moved(entity: Entity, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacement (T, 3) [m] of a kinematic entity's origin and its turn (T, 4) xyzw since time 0, world axes."""
    material = entity.material
    assert isinstance(material, Kinematic)
    time = np.asarray(time, dtype=np.float64)
    if material.motion is not None:
        offset, turn = material.motion.at(time)
    else:
        offset, turn = time[:, None] * np.array(entity.velocity), time[:, None] * np.array(entity.angular_velocity)
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    vector = 0.5 * np.sinc(0.5 * angle / np.pi) * turn
    return offset, np.concatenate([vector, np.cos(0.5 * angle)], axis=-1)


def pose_at(entity: Entity, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position (T, 3) [m] and orientation (T, 4) of a kinematic entity."""
    offset, turn = moved(entity, time)
    return np.array(entity.position) + offset, quaternion_product(turn, np.array(entity.orientation))


def state_at(entity: Entity, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Position, orientation, velocity (T, 3) [m/s] and angular velocity (T, 3) [rad/s] of a kinematic entity."""
    (x0, q0), (x1, q1) = (pose_at(entity, time + dt) for dt in (-_INSTANT, _INSTANT))
    turn = quaternion_product(q1, q0 * np.array([-1.0, -1.0, -1.0, 1.0]))
    turn = turn * np.where(turn[:, 3:] < 0, -1.0, 1.0)
    return *pose_at(entity, time), (x1 - x0) / (2 * _INSTANT), turn[:, :3] / _INSTANT


class KinematicStage:
    """All kinematic bodies of a scene.

    Args:
        scene: At least one of its entities is kinematic.
        pieces: All bodies of the solver.
        h: Substep [s].
        substeps: In a frame.
        ahead: Where the poses of the substep's end are written, for joints.

    Raises:
        ValueError: A height field that moves.
    """

    def __init__(
        self, scene: Scene, pieces: list[Piece], *, h: float, substeps: int, bodies: data.Bodies,
        ahead: joint_data.Ahead, device: wp.Device,
    ):  # fmt: skip
        self._bodies, self._ahead = bodies, ahead
        self._entities = scene.kinematics
        for entity in self._entities:
            if isinstance(entity.shape, HeightField):
                raise ValueError(f"{entity.name!r}: a height field cannot move, expected a Static one. Use a Mesh.")
        number = {piece.name: i for i, piece in enumerate(pieces)}
        rows = [number[e.name] for e in self._entities]
        self._rest = [pieces[i] for i in rows]
        self._h, self._substeps, self._device = h, substeps, device
        self._path = kinematic.Path()
        self._path.body = wp.array(np.array(rows, dtype=np.int32), dtype=int, device=device)
        shape = (substeps + 2, len(rows))
        self._path.x = wp.zeros(shape, dtype=wp.vec3d, device=device)
        self._path.q = wp.zeros(shape, dtype=wp.quatd, device=device)

    def begin_frame(self, first: int) -> None:
        """Upload the poses of the frame whose first substep has this number since the start."""
        time = (first + np.arange(self._substeps + 2)) * self._h
        poses = [self._pose(e, p, time) for e, p in zip(self._entities, self._rest, strict=True)]
        self._path.x.assign(np.stack([x for x, _ in poses], axis=1))
        self._path.q.assign(np.stack([q for _, q in poses], axis=1))

    @staticmethod
    def _pose(entity: Entity, piece: Piece, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the solver's frame, which need not be the entity's: it turns about the entity's origin all the same."""
        offset, turn = moved(entity, time)
        arm = piece.position - np.array(entity.position)
        return np.array(entity.position) + offset + rotation_matrix(turn) @ arm, quaternion_product(
            turn, np.broadcast_to(piece.orientation, turn.shape)
        )

    def depart(self, k: int) -> None:
        kinematic.depart(self._bodies, self._path, self._ahead, k=k, h=self._h, device=self._device)

    def arrive(self, k: int) -> None:
        kinematic.arrive(self._bodies, self._path, k=k, h=self._h, device=self._device)


def tracks(scene: Scene, *, fps: float, samples_per_frame: int, frames: int) -> dict[str, BodyTrack]:
    """Paths of the scene's kinematic solids over so many frames."""
    time = np.arange(frames * samples_per_frame + 1) / (fps * samples_per_frame)
    return {
        e.name: BodyTrack(samples_per_frame, fps, *(np.ascontiguousarray(s) for s in state_at(e, time)))
        for e in scene.movers
        if isinstance(e.material, Kinematic)
    }
