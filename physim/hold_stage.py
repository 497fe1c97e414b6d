"""Bodies that are let go at a later time: what the device knows of them, and their launches within a substep."""

from __future__ import annotations

import math

import warp as wp
from physim_kernels import hold, rest
from physim_kernels import rigid_data as data

from physim.rigid_arrays import to_array
from physim.scene import Scene


class HoldStage:
    """All bodies of a scene that are held at its start.

    Args:
        scene: At least one of its bodies has a ``release``.
        bodies: Of the solver, at their start: they are stopped here, and get their velocity when they are let go.
        watch: What the solver knows about bodies at rest: who is held never sleeps.
        first: Number of the frame's first substep, since the start (1,).
        h: Substep [s].
    """

    def __init__(
        self, scene: Scene, bodies: data.Bodies, watch: rest.Rest, first: wp.array, *, h: float, device: wp.Device
    ) -> None:
        rows = [i for i, entity in enumerate(scene.bodies) if entity.release > 0]
        steps = [math.floor(entity.release / h + 1e-6) for entity in scene.bodies if entity.release > 0]
        self._bodies, self._limit, self._first, self._device = bodies, watch.limit, first, device
        held = hold.Held()
        held.body, held.substep = to_array(rows, int, device), to_array(steps, int, device)
        held.velocity = to_array(bodies.momentum_velocity.numpy()[rows], wp.vec3d, device)
        held.momentum = to_array(bodies.angular_momentum.numpy()[rows], wp.vec3d, device)
        held.inv_mass = to_array(bodies.inv_mass.numpy()[rows], float, device)
        limit = watch.limit.numpy()
        held.limit = to_array(limit[rows], float, device)
        limit[rows] = -1.0
        watch.limit.assign(limit)
        self._held = held
        self.keep(-1)

    def let_go(self, k: int) -> None:
        hold.let_go(self._bodies, self._held, self._limit, self._first, k=k, device=self._device)

    def keep(self, k: int) -> None:
        hold.keep(self._bodies, self._held, self._first, k=k, device=self._device)


def holds(scene: Scene) -> bool:
    """Whether anything is let go at a later time."""
    return any(entity.release > 0 for entity in scene.bodies)
