"""Temperature of a gas, carried with its velocity."""

from __future__ import annotations

import warp as wp
from physim_kernels import advect, advect_some, ghost

from physim.gas_ghost import Ghosts, ambient_rule
from physim.gas_state import GasSettings, GasState


class Heat:
    """Carries the excess temperature of one grid.

    Args:
        settings: Its shape and sides.
        state: Its arrays.
        ghosts: Rules at its sides.
        device: Warp device.
    """

    def __init__(self, settings: GasSettings, state: GasState, ghosts: Ghosts, device):
        self.settings, self.state, self.ghosts, self.device = settings, state, ghosts, device
        self._rows = wp.zeros(settings.shape[:2], dtype=int, device=device)
        self._limits = ghosts.limits(-1, scalar=True)

    def carry(self, t: wp.array, t_out: wp.array) -> None:
        """Along the displacement of half a step; one thread leaves out the rows that no warmth can reach."""
        s, (nx, ny, nz) = self.state, self.settings.shape
        chunk = nz if self.device.is_cpu else 1
        inputs = [t, t, 1.0, 0.0, t, t, 0.0, chunk]
        self._launch(ghost.embed_kernel, (nx, ny, nz // chunk), inputs, s.padded_cells)
        self.ghosts.fill(s.padded_cells, ambient_rule, -1, staggered=False)
        if self.device.is_cpu and not self.settings.periodic_bits:
            self._launch(advect_some.occupied_kernel, (nx, ny), [t], self._rows)
            inputs = [s.padded_cells, self._rows, *s.displacement, self._limits["low"], self._limits["high"]]
            self._launch(advect_some.cubic_some_rows_kernel, (nx, ny), inputs, t_out)
        else:
            advect.cubic(s.padded_cells, s.displacement, axis=-1, out=t_out, **self._limits)

    def _launch(self, kernel, dim: tuple[int, ...], inputs: list, out: wp.array) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=[out], device=self.device)
