"""Density of a gas carried in conservative form, sub-step by sub-step, with a ledger of its mass.

Fluxes and source: ``physim_kernels.transport``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import ghost, hand_over, transport

from physim.gas_diffusion import Diffusion
from physim.gas_state import Field, GasSettings, GasState


class DensityTransport:
    """Carries the density of one grid.

    Args:
        settings: Its sides, rates and sub-steps.
        state: Its arrays.
        diffusion: Spreads the density, half before and half after it is carried.
        device: Warp device.
    """

    def __init__(self, settings: GasSettings, state: GasState, diffusion: Diffusion, device):
        self.settings, self.state, self.device, self._diffusion = settings, state, device, diffusion
        self.substeps = settings.density_substeps
        """Of a whole step, each of which carries less than a cell."""
        self._rows_near, self._rows_held = (wp.zeros(settings.shape[:2], dtype=int, device=device) for _ in range(2))
        # what comes in again at the other end, or from outside, may come to any row
        self._everywhere = any(side.kind == "periodic" or side.density for side in settings.sides)
        if self._everywhere:
            self._rows_near.fill_(1)

    def hand_over(self) -> None:
        """Empty the cells that bodies have closed; of more than two layers closed at once some may be left over."""
        s = self.state
        s.outflow.zero_()
        self._launch(transport.mass_kernel, (self.settings.shape[0],), [s.q], [s.mass[0]])
        for number, (q, q_out) in enumerate(((s.q, s.q2), (s.q2, s.q)) * 2):
            self._launch(hand_over.trapped_kernel, s.trapped.shape, [q, *s.area], [s.trapped])
            inputs = [q, *s.area, s.trapped, int(number == 3)]
            self._rows(hand_over.hand_over_kernel, self.settings.shape, inputs, [q_out])
        self._launch(transport.mass_kernel, (self.settings.shape[0],), [s.q], [s.mass[1]])
        self._launch(transport.ledger_kernel, (1,), [*s.mass, s.outflow, 1.0], [s.ledger])

    def carry(self, u: Field, step: int, share: float = 1.0) -> None:
        """Carry the density along ``u`` for a share of the step."""
        s, g = self.state, self.settings
        dt, count = g.dt * share, int(np.ceil(self.substeps * share))
        s.outflow.zero_()
        self._launch(transport.mass_kernel, (g.shape[0],), [s.q], [s.mass[0]])
        self._diffusion.density(s.q, s.curl_length, dt / 2)
        self._find_rows(count)
        for substep in range(count):
            order = g.axes if (step * count + substep) % 2 == 0 else g.axes[::-1]
            for axis in order:
                self._wrap(axis)
                pair = g.sides[2 * axis : 2 * axis + 2]
                through = sum(1 << n for n, side in enumerate(pair) if side.kind in ("inflow", "outflow"))
                inputs = [s.q, s.volume, u[axis], s.area[axis], self._rows_near, axis, dt / count / g.cell, through]
                self._rows(transport.flux_kernel, u[axis].shape, inputs, [s.flux, s.volume_flux])
                self._launch(transport.outflow_kernel, (g.shape[0],), [s.flux, axis], [s.outflow])
                self._rows(
                    transport.update_kernel, g.shape, [s.flux, s.volume_flux, self._rows_near, axis], [s.q, s.volume]
                )
        keep = float(np.exp(-g.dissipation * dt))
        self._rows(transport.settle_kernel, g.shape, [keep, self._rows_near], [s.q, s.volume])
        self._diffusion.density(s.q, s.curl_length, dt / 2)
        self._launch(transport.mass_kernel, (g.shape[0],), [s.q], [s.mass[1]])
        self._launch(transport.ledger_kernel, (1,), [*s.mass, s.outflow, keep], [s.ledger])

    def _find_rows(self, substeps: int) -> None:
        """Rows along z that density can come to: one farther per sub-step, and one more for the volumes there."""
        if self._everywhere:
            return
        size, distance = self._rows_near.shape, substeps + 2
        self._launch(transport.occupied_kernel, size, [self.state.q], [self._rows_near])
        self._launch(transport.near_kernel, size, [self._rows_near, 0, distance], [self._rows_held])
        self._launch(transport.near_kernel, size, [self._rows_held, 1, distance], [self._rows_near])

    def _wrap(self, axis: int) -> None:
        """What flows in over the sides across ``axis``, where that is not clear air."""
        s, pair = self.state, self.settings.sides[2 * axis : 2 * axis + 2]
        if pair[0].kind == "periodic":
            mode = ghost.WRAP
        elif pair[0].density or pair[1].density:
            mode = ghost.CONSTANT
        else:
            return
        for f, low, high in ((s.q, pair[0].density, pair[1].density), (s.volume, 1.0, 1.0)):
            numbers = [3, 0, mode, mode, low, high]
            if axis == 2:
                self._launch(ghost.ghost_ends_kernel, f.shape[:2], numbers, [f])
            else:
                chunk = f.shape[2] if self.device.is_cpu else 1
                dim = (6, f.shape[1 - axis], f.shape[2] // chunk)
                self._launch(ghost.ghost_rows_kernel, dim, [axis, *numbers, chunk], [f])

    def _rows(self, kernel: Callable, shape: tuple[int, ...], inputs: list, outputs: list) -> None:
        chunk = shape[2] if self.device.is_cpu else 1
        self._launch(kernel, (shape[0], shape[1], shape[2] // chunk), [*inputs, chunk], outputs)

    def _launch(self, kernel: Callable, dim: tuple[int, ...], inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
