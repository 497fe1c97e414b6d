"""Momentum of a liquid and the bodies in it: what it changed by, beside what gravity and walls gave."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import liquid_ledger as kernels

from physim.liquid_body import Faces, WetBodies


class MomentumLedger:
    """Adds up impulses on the device. For a grid that stands still, with nothing that enters or leaves.

    Args:
        bodies: In the liquid.
        gravity: [m/s^2]
        density: Of the liquid [kg/m^3].
        cell: [m]
        mass: Of the liquid [kg].
    """

    def __init__(self, bodies: WetBodies, gravity: np.ndarray, *, density: float, cell: float, mass: float):
        self._bodies, self._gravity, self._mass = bodies, np.asarray(gravity, dtype=np.float64), mass
        self._unit = density * cell**4
        self._total = wp.zeros(2, dtype=wp.vec3d, device=bodies.device)
        self._start: np.ndarray | None = None
        self._worst, self._given = 0.0, 0.0

    def load_kernels(self) -> None:
        """Compile and load, outside of a capture."""
        wp.load_module(kernels, device=self._bodies.device)

    def launch(self, p: wp.array, area: Faces) -> None:
        """Add the step's impulses; ``p`` is its pressure, padded, after the bodies took theirs."""
        device, wet = self._bodies.device, self._bodies.wet
        dim = (area[2].shape[0], area[2].shape[1])
        wp.launch(kernels.solids_kernel, dim=dim, inputs=[p, *area, self._total], device=device)
        inputs = [wet.force, wet.inv_mass, self._total]
        wp.launch(kernels.bodies_kernel, dim=len(self._bodies.numbers), inputs=inputs, device=device)

    def hold(self, sums: list[wp.array], area: Faces, gain: list[float], volume: float) -> None:
        """Add what walls do to the liquid at their closed faces: ``sums`` of the particles of ``volume`` [cells]."""
        for axis in range(3):
            inputs = [sums[axis], area[axis], axis, gain[axis], volume, self._total]
            wp.launch(kernels.held_kernel, dim=area[axis].shape[:2], inputs=inputs, device=self._bodies.device)

    def look(self, time: float, velocity: np.ndarray) -> None:
        """Compare at ``time`` [s], with the velocities (N, 3) [m/s] of all particles."""
        momentum = self._mass * velocity.astype(np.float64).mean(axis=0)
        if self._start is None:
            self._start = momentum
            return
        # on the liquid, and of that what bodies got of pressure
        solids, to_bodies = self._total.numpy() * self._unit @ self._bodies.axes().T
        walls = solids + to_bodies
        gained = momentum - self._start + self._bodies.wet.impulse.numpy().sum(axis=0)
        weight = self._mass * time * self._gravity
        self._worst = max(self._worst, float(np.linalg.norm(gained - weight - walls)))
        scale = (float(np.linalg.norm(a)) for a in (weight, walls, momentum, self._start))
        self._given = max(self._given, *scale)

    def error(self) -> float:
        """Largest momentum of liquid and bodies that nothing gave, over the largest that gravity or walls gave [-]."""
        return self._worst / self._given if self._given > 0 else 0.0
