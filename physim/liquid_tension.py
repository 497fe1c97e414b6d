"""Surface tension of a liquid's grid, and when it is worth computing. Kernels: ``surface_tension``."""

from __future__ import annotations

import math

import warp as wp
from physim_kernels import surface_tension as kernels

PASSES = 4
"""Smoothings of the volume fraction before its curvature is taken."""
COURANT = 0.3
"""Of the time in which the shortest capillary wave of the grid crosses a cell."""


def longest_step(cell: float, tension: float) -> float:
    """Longest stable step [s] on cells of ``cell`` [m]: 0.3 sqrt(h^3 / (pi T)), T = sigma / rho [m^3/s^2]."""
    return math.inf if tension <= 0.0 else COURANT * math.sqrt(cell**3 / (math.pi * tension))


def matters(extent: float, tension: float, gravity: float, cell: float, dt: float, most: int = 8) -> bool:
    """Whether surface tension is worth its steps.

    It is where the grid is no larger than 20 capillary lengths sqrt(T / g), 5 cm of water (beyond that, gravity shapes
    what can be seen), and where it does not ask for more than ``most`` times as many steps as the flow does.
    """
    if tension <= 0.0 or dt > most * longest_step(cell, tension):
        return False
    return gravity <= 0.0 or extent <= 20.0 * math.sqrt(tension / gravity)


class SurfaceTension:
    """Pulls at the faces of the free surface.

    Args:
        shape: Cells.
        cell: [m]
        tension: sigma / rho [m^3/s^2].
        dt: Of a step [s].
        kick: What the pull of a step counts for [s].
        device: Warp device.

    Raises:
        ValueError: ``dt`` is longer than the capillary waves of the grid allow.
    """

    def __init__(
        self, shape: tuple[int, int, int], cell: float, tension: float, dt: float, kick: float, device: wp.Device
    ):
        if dt > longest_step(cell, tension):
            raise ValueError(
                f"LiquidSettings.dt is {dt:.3g} s with surface tension {tension:.3g} m^3/s^2 on cells of {cell:.3g} m, "
                f"expected at most {longest_step(cell, tension):.3g} s. Take more steps, or leave the tension out."
            )
        self.shape, self.device = shape, device
        self._strength = tension * kick / cell**3
        self._fields = [wp.zeros(shape, dtype=float, device=device) for _ in range(2)]
        self._normal = wp.zeros(shape, dtype=wp.vec4, device=device)
        self.curvature = wp.zeros(shape, dtype=float, device=device)
        """Of the last step, of a drop positive [1/cells]."""

    def pull(self, alpha, open, room, phi, reach, area, u, least: float) -> None:  # type: ignore[no-untyped-def]
        """Change ``u`` by what the surface pulls within a step."""
        a, b = self._fields
        self._launch(kernels.fraction_kernel, [alpha, open, room], [a])
        for axis in (0, 1, 2) * PASSES:
            self._launch(kernels.smooth_kernel, [a, axis, reach], [b])
            a, b = b, a
        self._launch(kernels.normal_kernel, [a, reach], [self._normal])
        self._launch(kernels.curvature_kernel, [self._normal], [b])
        self._launch(kernels.mean_kernel, [b, self._normal], [self.curvature])
        for axis in range(3):
            inputs = [self.curvature, phi, area[axis], axis, self._strength, least]
            wp.launch(kernels.pull_kernel, dim=u[axis].shape, inputs=inputs, outputs=[u[axis]], device=self.device)

    def _launch(self, kernel, inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=self.shape, inputs=inputs, outputs=outputs, device=self.device)
