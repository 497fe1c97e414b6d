"""Viscosity and diffusion of a gas: one stabilised explicit step of as many stages as its length asks for."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import ghost, viscous

from physim.gas_ghost import Ghosts, even_rule, velocity_rule
from physim.gas_state import Field, GasSettings, GasState

SAFETY = 0.9
"""Part of the stability limit that is used."""


def stage_count(ratio: float, dimensions: int) -> int:
    """Stages for ``ratio`` = nu dt / h^2: odd and at least 3, as RKL2 asks for."""
    explicit = SAFETY / (2 * dimensions)
    count = int(np.ceil((np.sqrt(9 + 16 * ratio / explicit) - 1) / 2))
    return max(3, count + 1 - count % 2)


def stages(count: int) -> list[tuple[float, float, float, float]]:
    """(mu, nu, mu~, gamma~) of every stage (Meyer, Balsara, Aslam 2012, eq. 16-18)."""
    b = [1 / 3, 1 / 3, *((j * j + j - 2) / (2 * j * (j + 1)) for j in range(2, count + 1))]
    w = 4 / (count * count + count - 2)
    out = [(1.0, 0.0, b[1] * w, 0.0)]
    for j in range(2, count + 1):
        mu, nu = (2 * j - 1) / j * b[j] / b[j - 1], -(j - 1) / j * b[j] / b[j - 2]
        out.append((mu, nu, mu * w, -(1 - b[j - 1]) * mu * w))
    return out


class Diffusion:
    """Diffuses velocities, temperature and density of one grid.

    Args:
        settings: Its coefficients and sides.
        state: Its arrays; padded ones are used for the stages.
        ghosts: Rules at its sides.
        device: Warp device.
    """

    def __init__(self, settings: GasSettings, state: GasState, ghosts: Ghosts, device):
        self.settings, self.state, self.ghosts, self.device = settings, state, ghosts, device
        zeros = {n: [wp.zeros(n, dtype=float, device=device) for _ in range(4)] for n in self._shapes()}
        self._work = zeros

    def _shapes(self) -> set[tuple[int, int, int]]:
        shapes: set[tuple[int, int, int]] = set()
        if self.settings.viscosity:
            shapes |= {self.state.u[axis].shape for axis in self.settings.axes}
        if self.settings.diffusion:
            shapes.add(self.settings.shape)
        return shapes

    def begin(self, u: Field) -> None:
        """Remember the velocity before forces act."""
        if self.settings.viscosity:
            for axis in self.settings.axes:
                wp.copy(self._work[u[axis].shape][0], u[axis])

    def velocity(self, u: Field, dt: float) -> None:
        """Let viscosity act on the faces for ``dt`` [s], together with the forces that acted since ``begin``."""
        s, g = self.state, self.settings
        if not g.viscosity:
            return
        for axis in g.axes:
            base, _, _, pushed = self._work[u[axis].shape]
            wp.copy(pushed, u[axis])
            wp.copy(u[axis], base)
            self._run(
                u[axis], s.padded[axis], velocity_rule, axis, g.viscosity * dt / g.cell**2,
                viscous.face_stage_kernel, [pushed, s.area[axis]],
            )  # fmt: skip

    def cells(self, f: wp.array, dt: float) -> None:
        """Let an unpadded quantity in cells spread for ``dt`` [s]."""
        g = self.settings
        if g.diffusion:
            ratio = g.diffusion * dt / g.cell**2
            wp.copy(self._work[f.shape][0], f)
            self._run(f, self.state.padded_cells, even_rule, -1, ratio, viscous.cell_stage_kernel, [*self.state.area])

    def density(self, q: wp.array, scratch: wp.array, dt: float) -> None:
        """The same for the density, which is padded by three; ``scratch`` has the size of the grid."""
        if self.settings.diffusion:
            inputs = [q, 3]
            wp.launch(viscous.extract_kernel, dim=scratch.shape, inputs=inputs, outputs=[scratch], device=self.device)
            self.cells(scratch, dt)
            self._embed(scratch, q)

    def _run(self, f: wp.array, padded: wp.array, rule, component: int, ratio: float, kernel, areas: list) -> None:
        base, first, other, _ = self._work[f.shape]
        wp.copy(other, f)
        count = stage_count(ratio, len(self.settings.axes))
        last, before = f, other  # Y_j-1 and Y_j-2; the latter is overwritten
        for number, (mu, nu, mt, gt) in enumerate(stages(count)):
            self._embed(last, padded)
            self.ghosts.fill(padded, rule, component, staggered=True)
            inputs = [padded, base, *areas, ratio, mu, nu, mt, gt, int(number == 0)]
            self._rows(kernel, f.shape, inputs, [first, before])
            last, before = before, last
        if last is not f:
            wp.copy(f, last)

    def _embed(self, f: wp.array, padded: wp.array) -> None:
        self._rows(ghost.embed_kernel, f.shape, [f, f, 1.0, 0.0, f, f, 0.0], [padded])

    def _rows(self, kernel, shape: tuple[int, ...], inputs: list, outputs: list) -> None:
        chunk = shape[2] if self.device.is_cpu else 1
        wp.launch(
            kernel, dim=(shape[0], shape[1], shape[2] // chunk), inputs=[*inputs, chunk], outputs=outputs,
            device=self.device,
        )  # fmt: skip
