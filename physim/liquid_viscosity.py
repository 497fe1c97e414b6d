"""Implicit viscosity of a liquid's grid. Equations and kernels: ``physim_kernels.viscosity``."""

from __future__ import annotations

import warp as wp
from physim_kernels import viscosity as kernels

from physim.pressure import PressureSolver

ROUNDS = 2
"""Times that each component is solved with the others held."""
ITERATIONS = 4
"""Of conjugate gradients per component and round; multigrid makes their number independent of viscosity and step."""
LEAST = 2e-3
"""Below this nu dt / h^2 the grid's own loss is larger: the term is left out."""


class Viscosity:
    """Backward Euler for the viscous stress.

    Args:
        shape: Cells.
        number: nu dt / h^2 [-].
        cling: Liquid sticks to walls; else it slides along them.
        least: Smallest mass of a face that the surface crosses, over that of a full one: the pressure's.
        device: Warp device.
    """

    def __init__(self, shape: tuple[int, int, int], number: float, cling: bool, device: wp.Device, least: float = 0.05):
        self.number, self.cling, self.device, self._least = number, int(cling), device, least
        sizes = [tuple(n + (a == axis) for a, n in enumerate(shape)) for axis in range(3)]
        self._solvers = [PressureSolver(size, iterations=ITERATIONS, device=device) for size in sizes]  # type: ignore[arg-type]
        self._kind, self._before = ([wp.zeros(size, dtype=float, device=device) for size in sizes] for _ in range(2))

    def diffuse(self, u, phi, area, solid, whose=(), slick=None) -> None:  # type: ignore[no-untyped-def]
        """Change the velocities of wet faces by what viscosity does within a step.

        ``whose``: numbers of the bodies that close faces, which give no stress where ``slick`` of them is 1.
        """
        for axis in range(3):
            self._launch(kernels.wet_kernel, axis, [phi, area[axis], axis], [self._kind[axis]])
            if slick is not None:
                self._launch(kernels.slick_kernel, axis, [whose[axis], slick], [self._kind[axis]])
            wp.copy(self._before[axis], u[axis])
        for axis in range(3):
            solver, (first, second) = self._solvers[axis], self._others(axis)
            fine = solver.levels[0]
            kinds = [self._kind[a] for a in (axis, first, second)]
            inputs = [phi, *kinds, axis, self.number, self._least, self.cling]
            outputs = [fine.wx, fine.wy, fine.wz, fine.diagonal, fine.inverse]
            self._launch(kernels.system_kernel, axis, inputs, outputs)
            solver.coarsen()
        for axis in (0, 1, 2) * ROUNDS:
            solver, (first, second) = self._solvers[axis], self._others(axis)
            inputs = [
                self._before[axis], self._kind[axis], solid[axis], phi, u[first], self._kind[first], u[second],
                self._kind[second], axis, self.number, self._least, self.cling,
            ]  # fmt: skip
            self._launch(kernels.right_kernel, axis, inputs, [solver.rhs])
            solver.solve()
            self._launch(kernels.take_kernel, axis, [solver.p, self._kind[axis]], [u[axis]])

    @staticmethod
    def _others(axis: int) -> tuple[int, int]:
        return (axis + 1) % 3, (axis + 2) % 3

    def _launch(self, kernel, axis: int, inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=self._kind[axis].shape, inputs=inputs, outputs=outputs, device=self.device)
