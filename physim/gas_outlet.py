"""Sides where gas leaves: du/dt + c du/dn = 0 across them, balanced so that as much leaves as enters elsewhere."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import viscous

from physim.gas_state import Areas, Field, GasSettings


class Outlet:
    """Outflow sides: what arrives leaves, and as much as flows in elsewhere.

    Args:
        settings: Of the gas.
        flow: Velocity through the closed sides at the start.
        device: Warp device.
    """

    def __init__(self, settings: GasSettings, flow: Areas, device):
        self.settings, self.device = settings, device
        self.sides = [n for n, s in enumerate(settings.sides) if s.kind == "outflow" and n // 2 in settings.axes]
        self._total = wp.zeros(1, dtype=float, device=device)
        entering = 0.0
        for number, side in enumerate(settings.sides):
            if side.kind == "inflow" and number // 2 in settings.axes:
                values = np.take(flow[number // 2], -(number % 2), axis=number // 2)
                entering += float(values.sum(dtype=np.float64)) * (1 if number % 2 == 0 else -1)
        if self.sides and settings.open_bits:
            raise ValueError("gas has an outflow and an open side, expected one kind of exit. Make the outflow open.")
        self._entering = entering

    def advance(self, u: Field, dt: float, solids: tuple[Field, ...]) -> None:
        """Carry the velocity across the outlets on for ``dt``; ``u`` is that of the beginning."""
        g = self.settings
        for number in self.sides:
            axis, high = divmod(number, 2)
            face = [n for a, n in enumerate(g.shape) if a != axis]
            last, inwards = (g.shape[axis], -1) if high else (0, 1)
            speed = abs(g.sides[number].velocity[axis])
            wanted = self._entering / len(self.sides) * (1 if high else -1)
            for solid in {id(s[axis]): s[axis] for s in solids}.values():
                self._total.zero_()
                inputs = [u[axis], axis, last, inwards, min(1.0, speed * dt / g.cell)]
                wp.launch(
                    viscous.outlet_kernel, dim=face, inputs=inputs, outputs=[solid, self._total], device=self.device
                )
                inputs = [axis, last, wanted, int(np.prod(face)), self._total]
                wp.launch(viscous.balance_kernel, dim=face, inputs=inputs, outputs=[solid], device=self.device)
