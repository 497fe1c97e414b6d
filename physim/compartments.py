"""Parts of a gas that no open side can be reached from, found anew whenever faces have opened or closed.

Kernels and source: ``physim_kernels.compartment``.
"""

from __future__ import annotations

import physim_kernels  # noqa: F401  before the first use of Warp: its settings
import warp as wp
from physim_kernels import compartment


class Compartments:
    """Which cells of a grid cannot exchange volume with the outside, as launches that can be captured.

    Args:
        shape: Cells (nx, ny, nz).
        periodic: 1, 2, 4 for axes whose two ends meet.
        device: Warp device.
        serial: By one thread, run by run; ``None``: where that is the faster way.
    """

    def __init__(self, shape: tuple[int, int, int], *, periodic: int = 0, device=None, serial: bool | None = None):
        self.device, self.shape, self.periodic = wp.get_device(device), shape, periodic
        self.serial = self.device.is_cpu and not periodic if serial is None else serial
        nx, ny, nz = shape
        count = nx * ny * nz + 1

        def room(size: int, dtype: type = int) -> wp.array:
            return wp.zeros(size, dtype=dtype, device=self.device)

        self.parents, self._total, self._room = room(count), room(count, wp.float64), room(count, wp.float64)
        if self.serial:
            self._first, self._rows, self._spans = room(nx * ny), room(count), room(count)
            self._pockets, self._counts = room(count), room(1)

    def find(self, inverse: wp.array, areas: tuple[wp.array, wp.array, wp.array]) -> None:
        """Join cells through faces that are open at all.

        Args:
            inverse: Greater than 0 in cells that take part, padded by one.
            areas: Of the faces across x, y, z: (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1).
        """
        if self.serial:
            runs = [self._first, self.parents, self._rows, self._spans, self._pockets, self._counts]
            self._launch(compartment.label_kernel, (1,), [inverse, *areas, *runs])
            return
        self._launch(compartment.clear_kernel, self.parents.shape, [self.parents, self._total, self._room])
        self._launch(compartment.unite_kernel, self.shape, [*areas, self.periodic, self.parents])
        self._launch(compartment.settle_kernel, self.shape, [inverse, self.parents, self._room])

    def balance(self, inverse: wp.array, rhs: wp.array) -> None:
        """Take from ``rhs``, padded by one, its mean over each closed part as last found."""
        if self.serial:
            runs = [self.parents, self._rows, self._spans, self._pockets, self._counts]
            self._launch(compartment.balance_kernel, (1,), [*runs, self._total, self._room, rhs])
            return
        self._total.zero_()
        self._launch(compartment.sum_kernel, self.shape, [inverse, self.parents, rhs, self._total])
        self._launch(compartment.share_kernel, self.shape, [inverse, self.parents, self._total, self._room, rhs])

    def _launch(self, kernel, dim, inputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, device=self.device)
