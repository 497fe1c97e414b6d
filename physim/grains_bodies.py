"""Bodies that move in grains: their tables, and the launches that let both push each other. See ``grains_body``."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import grains_body as kernels

from physim.grains_domain import GrainsDomain
from physim.grains_walls import pair_friction
from physim.liquid_body import moving
from physim.liquid_seed import inside
from physim.materials import Grains
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix

ROOM = 1.35
"""Nodes there is room for per body, over those of the ball around it."""


class SunkBodies:
    """All bodies that may come into one grid of grains.

    Args:
        rigid: Has the bodies.
        domain: Of the grid.
        material: Of the grains.
    """

    def __init__(self, rigid: RigidSolver, domain: GrainsDomain, material: Grains):
        self._rigid, self._domain, self.device = rigid, domain, rigid.device
        self._origin = wp.vec3d(*map(float, domain.origin))
        self.numbers = moving(rigid.pieces)
        self.names = [rigid.pieces[i].name for i in self.numbers]
        self._shape, self._all = wp.vec3i(*domain.shape), wp.zeros(0, dtype=int, device=self.device)
        sunk, device, count = kernels.Sunk(), self.device, len(self.numbers)
        pieces = [rigid.pieces[i] for i in self.numbers]
        sunk.body = wp.array(np.array(self.numbers, dtype=np.int32), dtype=int, device=device)
        bounds = np.array([p.bound or 1e5 for p in pieces], dtype=np.float32)
        sunk.bound = wp.array(bounds, dtype=float, device=device)
        rub = [pair_friction(material, p.material) for p in pieces]  # type: ignore[arg-type]
        sunk.friction = wp.array(np.array(rub, dtype=np.float32), dtype=float, device=device)
        for name in ("x", "v", "w", "own_v", "own_w", "before_v", "before_w", "after_v", "after_w"):
            setattr(sunk, name, wp.zeros(count, dtype=wp.vec3, device=device))
        sunk.impulse = wp.zeros(count, dtype=wp.vec3d, device=device)
        sunk.started, sunk.count = (wp.zeros(count, dtype=int, device=device) for _ in range(2))
        cells = np.minimum(bounds.astype(np.float64) / domain.cell + 1.5, 0.9 * max(domain.shape))
        room = np.minimum(ROOM * 4.19 * cells**3 + 64, np.prod(domain.shape)).astype(np.int64)
        first = np.concatenate([[0], np.cumsum(room)])
        sunk.first = wp.array(first.astype(np.int32), dtype=int, device=device)
        sunk.node = wp.zeros(int(first[-1]), dtype=wp.vec3i, device=device)
        sunk.normal = wp.zeros(int(first[-1]), dtype=wp.vec3, device=device)
        self.sunk = sunk

    @staticmethod
    def modules() -> list:
        """Of the kernels, to be loaded."""
        return [kernels]

    def distance(self, points: np.ndarray) -> np.ndarray:
        """-1 where points (N, 3) [m] lie in a body as it is at the start, else 1."""
        found = np.ones(len(points))
        for number in self.numbers:
            piece = self._rigid.pieces[number]
            shape = self._rigid.scene[piece.name].shape
            turn = rotation_matrix(np.array(self._rigid.scene[piece.name].orientation))
            local = (points - np.array(self._rigid.scene[piece.name].position)) @ turn
            near = np.linalg.norm(points - piece.position, axis=1) < piece.bound + 1e-9
            found[np.flatnonzero(near)[inside(shape, local[near])]] = -1.0
        return found

    def begin(self, steps: int, reach: wp.array | None) -> None:
        """At the start of a substep of the rigid solver with so many steps."""
        count = len(self.numbers)
        self._launch(kernels.begin_kernel, count, [self._rigid.bodies, self._origin, steps, self.sunk])
        inputs = [self._rigid.geometry, self._rigid.bodies, self._domain.cell, reach or self._all, self._shape]
        self._launch(kernels.hold_kernel, count, [*inputs, self.sunk])

    def meet(self, mass: float, reach: wp.array | None, wall: wp.array, grid: wp.array) -> None:
        """In each step, between nodes that have velocities; ``mass`` of a particle [kg]."""
        inputs = [self._rigid.bodies, self._domain.cell, mass, reach or self._all, wall, self.sunk, grid]
        self._launch(kernels.meet_kernel, 1, inputs)

    def end(self, count: wp.array, state: wp.array) -> None:
        """At the end of a substep."""
        self._launch(kernels.give_kernel, len(self.numbers), [self._rigid.bodies, self.sunk])
        inputs = [self._rigid.geometry, self._rigid.bodies, self._domain.cell, self.sunk, count, state]
        self._launch(kernels.evade_kernel, state.shape[1], inputs)

    def impulse(self) -> dict[str, np.ndarray]:
        """What each body got from the grains so far (3,) [N s]."""
        return dict(zip(self.names, self.sunk.impulse.numpy(), strict=True))

    def _launch(self, kernel, dim, inputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, device=self.device)
