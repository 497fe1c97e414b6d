"""Momentum of a liquid and the bodies in it: what it changed by, beside what gravity and walls gave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import liquid_ledger as kernels

from physim.liquid_body import Faces, WetBodies
from physim.liquid_cloth import WetCloth


class MomentumLedger:
    """Adds up impulses on the device. For a grid that stands still, with nothing that enters or leaves.

    Args:
        bodies: In the liquid; ``None``: there are none.
        gravity: Its mean between two times [s], (3,) [m/s^2].
        density: Of the liquid [kg/m^3].
        cell: [m]
        mass: Of one particle [kg].
        axes: World from grid (3, 3).
        device: Warp device.
    """

    def __init__(
        self, bodies: WetBodies | None, gravity: Callable[[float, float], np.ndarray], *, density: float,
        cell: float, mass: float, axes: np.ndarray, device,
    ):  # fmt: skip
        self._bodies, self._gravity, self._mass = bodies, gravity, mass
        self._unit = density * cell**4
        self._device, self._axes = device, axes
        self.cloth: WetCloth | None = None
        """``cloth``: what hangs in it and drinks of it (``WetCloth``)."""
        self._total = wp.zeros(2, dtype=wp.vec3d, device=device)
        self._start: np.ndarray | None = None
        self._seen = (0.0, 0.0)
        self._weight = np.zeros(3)
        self._worst, self._given = 0.0, 0.0

    def load_kernels(self) -> None:
        """Compile and load, outside of a capture."""
        wp.load_module(kernels, device=self._device)

    def launch(self, p: wp.array, area: Faces, scale: float) -> None:
        """Add the step's impulses: ``scale`` times those of ``p``, padded, after the bodies took theirs."""
        dim = (area[2].shape[0], area[2].shape[1])
        wp.launch(kernels.solids_kernel, dim=dim, inputs=[p, *area, scale, self._total], device=self._device)
        if self._bodies is not None:
            inputs = [self._bodies.wet.force, self._bodies.wet.inv_mass, self._total]
            wp.launch(kernels.bodies_kernel, dim=len(self._bodies.numbers), inputs=inputs, device=self._device)

    def hold(self, sums: list[wp.array], area: Faces, weight: wp.array, scale: float, volume: float) -> None:
        """Add what walls do to the liquid at their closed faces: ``sums`` of the particles of ``volume`` [cells], whose
        weight in this step is ``scale`` times ``weight`` [cells/s].
        """
        for axis in range(3):
            inputs = [sums[axis], area[axis], axis, weight, scale, volume, self._total]
            wp.launch(kernels.held_kernel, dim=area[axis].shape[:2], inputs=inputs, device=self._device)

    def look(self, time: float, velocity: np.ndarray) -> None:
        """Compare at ``time`` [s], with the velocities (N, 3) [m/s] of all particles that are there."""
        momentum, mass = self._mass * velocity.sum(axis=0, dtype=np.float64), self._mass * len(velocity)
        if self._start is None:
            self._start, self._seen = momentum, (time, mass)
            return
        gravity = self._gravity(self._seen[0], time)
        self._weight = self._weight + (time - self._seen[0]) * 0.5 * (mass + self._seen[1]) * gravity
        self._seen = time, mass
        # on the liquid, and of that what bodies got of pressure
        solids, to_bodies = self._total.numpy() * self._unit @ self._axes.T
        walls = solids + to_bodies
        gained, weight = momentum - self._start, self._weight
        if self._bodies is not None:
            gained = gained + self._bodies.wet.impulse.numpy().sum(axis=0)
        if self.cloth is not None:
            gained = gained + self.cloth.given
        self._worst = max(self._worst, float(np.linalg.norm(gained - weight - walls)))
        scale = (float(np.linalg.norm(a)) for a in (weight, walls, momentum, self._start))
        self._given = max(self._given, *scale)

    def error(self) -> float:
        """Largest momentum of liquid and bodies that nothing gave, over the largest that gravity or walls gave [-]."""
        return self._worst / self._given if self._given > 0 else 0.0
