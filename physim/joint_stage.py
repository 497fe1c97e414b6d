"""The joints of a run: their launches within a substep, and what they report."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import impact_blow, joint, joint_blow, joint_data
from physim_kernels import rigid_data as data

from physim.joints import Spring
from physim.materials import Kinematic
from physim.rigid_arrays import Piece
from physim.rigid_joints import Tie, arrays
from physim.terrain import rotation_matrix


class JointStage:
    """All joints of a scene.

    Args:
        ties: What :func:`physim.rigid_joints.ties` made of them; at least one.
        pieces: All bodies, the moving ones first.
        moving: How many of them move.
        h: Substep [s].
        ahead: Poses at the end of the substep; who prescribes motion writes those of kinematic bodies.
    """

    repeats = 2
    """How often contacts and joints take turns again within a substep: a leg on the ground that carries a hundred times
    its mass by a joint is still with two, and trembles from a ratio of 5 on with none."""

    def __init__(
        self, ties: list[Tie], pieces: list[Piece], moving: int, *, h: float,
        bodies: data.Bodies, ahead: joint_data.Ahead, device: wp.Device,
    ):  # fmt: skip
        self._ties = ties
        self._pieces = pieces
        self._made = arrays(ties, len(pieces), moving, h, device)
        self._bodies = bodies
        self._h = h
        self._launch = dict(islands=self._made.islands, device=device)
        self._ahead = ahead

    def begin(self) -> None:
        """Before the first substep: rows at the poses of time 0."""
        joint.begin(self._bodies, self._made.joints, self._made.rows, self._ahead, h=self._h, **self._launch)

    def warm(self) -> None:
        joint.warm(self._bodies, self._made.joints, self._made.rows, h=self._h, **self._launch)

    def blow(self, pairs: data.Pairs, contacts: data.Contacts, events: impact_blow.Events, substep: int) -> None:
        m = self._made
        joint_blow.blow(
            self._bodies, pairs, contacts, events, m.joints, m.rows, self._ahead, h=self._h, substep=substep,
            device=self._launch["device"],
        )  # fmt: skip

    def solve(self, turn: int) -> None:
        m = self._made
        joint.solve(self._bodies, m.joints, m.rows, self._ahead, m.kept, h=self._h, turn=turn, **self._launch)

    def place(self) -> None:
        joint.place(self._bodies, self._made.joints, self._made.rows, self._ahead, h=self._h, **self._launch)

    def relax(self, turn: int) -> None:
        joint.relax(self._bodies, self._made.joints, self._made.rows, h=self._h, turn=turn, **self._launch)

    def loads(self) -> np.ndarray:
        """Force on ``body`` of every joint of the scene, mean over the last substep (J, 3) [N]."""
        return self._made.joints.load.numpy()[self._made.order]

    def error(self) -> float:
        """Largest distance so far by which a joint's points missed their places, at the end of a substep [m]."""
        return float(self._made.joints.error.numpy().max())

    def energy(self, x: np.ndarray, q: np.ndarray) -> np.ndarray | float:
        """Energy in springs (S,) [J], at poses of the moving bodies x (S, n, 3), q (S, n, 4) in principal frames.

        Without springs at a kinematic body, which do the work that moves it.
        """
        total: np.ndarray | float = 0.0
        for tie in self._ties:
            if isinstance(tie.joint, Spring) and not self._is_told(tie.a) and not self._is_told(tie.b):
                span = self._end(tie.b, tie.anchor_b, x, q) - self._end(tie.a, tie.anchor_a, x, q)
                total = total + 0.5 * tie.joint.stiffness * (np.linalg.norm(span, axis=-1) - tie.length) ** 2
        return total

    def _is_told(self, body: int) -> bool:
        return body >= 0 and isinstance(self._pieces[body].material, Kinematic)

    def _end(self, body: int, anchor: np.ndarray, x: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Where an anchor is at every sample (S, 3) or (3,) [m]; of what does not move freely, at time 0."""
        if body < 0:
            return anchor
        if body >= x.shape[1]:
            piece = self._pieces[body]
            return piece.position + rotation_matrix(piece.orientation) @ anchor
        return x[:, body] + rotation_matrix(q[:, body]) @ anchor
