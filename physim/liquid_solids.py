"""A liquid's grid among solids: walls that no particle passes."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import liquid_wall

from physim.liquid_grid import LiquidGrid, LiquidSettings
from physim.liquid_wall import Walls


class SolidsGrid(LiquidGrid):
    """Adds to a step what solids ask for.

    Args:
        settings: Sizes and rates.
        walls: What stands still in the grid.
        positions: Of the particles (N, 3) [cells].
        velocities: (N, 3) [cells/s].
        others: As of :class:`LiquidGrid`.
    """

    def __init__(
        self, settings: LiquidSettings, walls: Walls, positions: np.ndarray, velocities: np.ndarray, *, device, **others
    ):
        area = tuple(a.numpy() for a in walls.area)
        super().__init__(
            settings, area, walls.open.numpy(), walls.distance.numpy(), positions, velocities, device=device, **others  # type: ignore[arg-type]
        )  # fmt: skip
        self.walls = walls
        self._before = wp.zeros_like(self.x)
        self._has_walls = bool((walls.phi.numpy() < 1.0).any())
        wp.copy(self._room, walls.room)
        self._residual = wp.zeros_like(self.pressure.rhs)

    def load_kernels(self) -> None:
        super().load_kernels()
        wp.load_module(liquid_wall, device=self.device)

    def _surface(self) -> None:
        super()._surface()
        if self._has_walls:
            liquid_wall.seal(self.open, self.area, self.phi, device=self.device)

    def _enter(self) -> None:
        if self._has_walls:
            wp.copy(self._before, self.x)

    def _leave(self) -> None:
        """Keep the divergence that is left, for the report."""
        self._converge(self._residual)

    def _end(self) -> None:
        if self._has_walls:
            liquid_wall.guard(self.walls.phi, self._before, self.count, self.x, device=self.device)

    def divergence(self) -> float:
        """Largest net flux out of a liquid cell in the last step, over the largest face velocity there is [-]."""
        solved = self.pressure.levels[0].inverse.numpy() > 0
        fastest = max(float(np.abs(u.numpy()).max()) for u in self.u)
        left = np.abs(self._residual.numpy()[solved]).max(initial=0.0)
        return float(left / max(fastest, 1e-3 / self.settings.dt))
