"""What enters a gas: density, heat, velocity and volume of its puffs (``physim_kernels.smoke``)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import smoke

from physim.gas_state import GasSettings, GasState, Puffs


class Sources:
    """Of one grid.

    Args:
        settings: How fast they take hold, and how what they gave cools.
        state: Arrays of the grid.
        puffs: Rewritten before each frame; ``None``: nothing enters.
        device: Warp device.
    """

    def __init__(self, settings: GasSettings, state: GasState, puffs: Puffs | None, device):
        self.settings, self.state, self.puffs, self.device = settings, state, puffs, device

    def emit(self, step: int) -> None:
        """Half of what the sources give in one step: before and after it, so that smoke is as old as it should be."""
        if not self.puffs:
            return
        s, p, dt = self.state, self.puffs, self.settings.dt / 2
        inputs = [p.ball, p.state, step, dt, self._hold(dt), 1.0 - float(np.exp(-self.settings.cooling * dt))]
        self._rows(smoke.source_kernel, self.settings.shape, [*inputs, *s.area], [s.q, s.temperature])

    def blow(self, u: wp.array, axis: int, step: int, dt: float) -> None:
        """Bring the faces across ``axis`` towards the velocity of what enters, for ``dt`` [s]."""
        if self.puffs and self.puffs.has_jet:
            p = self.puffs
            self._rows(smoke.jet_kernel, u.shape, [p.ball, p.state, p.jet, step, axis, self._hold(dt)], [u])

    def swell(self, rhs: wp.array, step: int) -> None:
        """Add the volume of what enters to what the pressure has to balance."""
        if self.puffs and self.puffs.has_jet:
            p = self.puffs
            inputs = [p.ball, p.state, p.jet, step, *self.state.area]
            self._rows(smoke.swell_kernel, self.settings.shape, inputs, [rhs])

    def _hold(self, dt: float) -> float:
        """Part by which the middle of a source comes nearer to its given state during ``dt``."""
        return 1.0 - float(np.exp(-self.settings.speed * dt / self.settings.cell))

    def _rows(self, kernel: Callable, shape: tuple[int, ...], inputs: list, outputs: list) -> None:
        chunk = shape[2] if self.device.is_cpu else 1
        dim = (shape[0], shape[1], shape[2] // chunk)
        wp.launch(kernel, dim=dim, inputs=[*inputs, chunk], outputs=outputs, device=self.device)
