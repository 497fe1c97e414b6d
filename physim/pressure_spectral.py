"""The pressure solve of a gas in an empty box: direct, by the waves of the operator along each axis.

The same face as ``physim.pressure.PressureSolver``: ``build``, ``solve``, ``rhs``, ``p``, ``residual``. Kernels and
source: ``physim_kernels.spectral``.
"""

from __future__ import annotations

import numpy as np
import physim_kernels  # noqa: F401  before the first use of Warp: its settings
import warp as wp
from physim_kernels import pressure as kernels
from physim_kernels import spectral

Ends = tuple[str, str]
"""Kinds of the two sides across an axis: "open", "periodic", anything else is a wall."""


def line_operator(count: int, ends: Ends) -> np.ndarray:
    """The operator along one axis (n, n): differences between cells, p = 0 on open sides, nothing through walls."""
    matrix = np.zeros((count, count))
    for i in range(count - 1):
        matrix[i : i + 2, i : i + 2] += [[1, -1], [-1, 1]]
    if ends[0] == "periodic":
        for a, b, value in ((0, 0, 1), (-1, -1, 1), (0, -1, -1), (-1, 0, -1)):
            matrix[a, b] += value
        return matrix
    for end, index in zip(ends, (0, -1), strict=True):
        if end == "open":
            matrix[index, index] += 2  # p = 0 on the face: half the distance
    return matrix


class SpectralPressure:
    """Solve ``A p = rhs`` in a box without anything in it.

    Args:
        shape: Cells (nx, ny, nz).
        ends: Kinds of the sides across x, y, z.
        device: Warp device.
    """

    def __init__(self, shape: tuple[int, int, int], ends: list[Ends], *, device=None):
        self.device = wp.get_device(device)
        self.shape = shape
        self.periodic = sum(1 << axis for axis, pair in enumerate(ends) if pair[0] == "periodic" and shape[axis] > 1)
        padded = tuple(n + 2 for n in shape)
        self.rhs, self.p, self._work = (wp.zeros(padded, dtype=float, device=self.device) for _ in range(3))
        waves = []
        for count, pair in zip(shape, ends, strict=True):
            value, vector = np.linalg.eigh(line_operator(count, pair if count > 1 else ("slip", "slip")))
            value[value < 1e-9] = 0.0
            waves.append((value, vector))
        self._values = [self._array(value) for value, _ in waves]
        # along z the product is taken from the right, so its matrix is given transposed
        self._back = [self._array(vector.T if axis == 2 else vector) for axis, (_, vector) in enumerate(waves)]
        self._forth = [self._array(vector if axis == 2 else vector.T) for axis, (_, vector) in enumerate(waves)]

    def _array(self, values: np.ndarray) -> wp.array:
        return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device=self.device)

    def build(self, ax: wp.array, ay: wp.array, az: wp.array) -> None:
        """Nothing to do: the sides are known, and nothing else is in the way."""

    def balance(self) -> None:
        """Nothing to do: ``solve`` leaves out what has no answer."""

    def solve(self, iterations: int | None = None) -> None:
        """Put the solution for ``rhs`` into ``p``; there is nothing to iterate."""
        axes = [axis for axis in range(3) if self.shape[axis] > 1]
        source, target, other = self.rhs, self._work, self.p
        for axis in axes:
            spectral.product(source, self._forth[axis], axis=axis, out=target)
            source, target, other = target, other, target
        self._divide(source)
        for axis in axes:
            spectral.product(source, self._back[axis], axis=axis, out=target)
            source, target, other = target, other, target
        assert source is self.p  # an even number of products, the first of them into the other field
        for axis in range(3):
            if self.periodic & (1 << axis):
                face = [n for a, n in enumerate(self.p.shape) if a != axis]
                wp.launch(kernels.wrap_kernel, dim=face, inputs=[axis], outputs=[self.p], device=self.device)

    def _divide(self, f: wp.array) -> None:
        nx, ny, nz = self.shape
        chunk = nz if self.device.is_cpu else 1
        inputs = [*self._values, chunk]
        wp.launch(spectral.divide_kernel, dim=(nx, ny, nz // chunk), inputs=inputs, outputs=[f], device=self.device)

    def residual(self) -> float:
        """Largest |rhs - A p| over the largest |rhs|, on the host in double precision: what rounding left."""
        p, rhs = (a.numpy()[1:-1, 1:-1, 1:-1].astype(np.float64) for a in (self.p, self.rhs))
        left = rhs - rhs.mean() if not any(v.numpy()[0] > 0 for v in self._values) else rhs.copy()
        scale = float(np.abs(left).max())
        for axis, (value, back) in enumerate(zip(self._values, self._back, strict=True)):
            vector = back.numpy().astype(np.float64)
            vector = vector.T if axis == 2 else vector
            line = vector * value.numpy() @ vector.T
            left -= np.moveaxis(np.tensordot(line, p, (1, axis)), 0, axis)
        return float(np.abs(left).max() / scale) if scale > 0 else 0.0
