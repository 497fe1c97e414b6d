"""The pressure solve of gases and liquids: conjugate gradients with a multigrid cycle, a fixed number of times.

Nothing is read back to the host and nothing depends on the data, so the whole solve can be captured in a graph.
Measured convergence (64^3 to 96^3, sphere, cup, terrain as obstacles): 4 iterations leave 1e-4 of the residual, thin
cups take 8. Kernels and sources: ``physim_kernels.pressure``, for one
thread ``physim_kernels.pressure_sweep``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import warp as wp
from physim_kernels import pressure as kernels
from physim_kernels import pressure_sweep as sweep

from physim.compartments import Compartments

COARSEST = 4
"""Coarsening stops when no side is longer than this."""
BOTTOM_SWEEPS = 10
Extra = Callable[[wp.array, wp.array], None]


@dataclass(frozen=True)
class Level:
    """One grid of the hierarchy; every array but the last has shape (nx + 2, ny + 2, nz + 2)."""

    shape: tuple[int, int, int]
    wx: wp.array
    wy: wp.array
    wz: wp.array
    diagonal: wp.array
    inverse: wp.array
    p: wp.array
    b: wp.array
    r: wp.array
    span: wp.array
    """First and one past the last cell that takes part, per row (nx, ny); the whole row unless one thread solves."""
    even: wp.array
    """Whether all faces within a row (nx, ny) are open; kept where one thread solves."""
    weight: float
    """Of an open face."""

    @classmethod
    def zeros(cls, shape: tuple[int, int, int], weight: float, device) -> Level:
        padded = tuple(n + 2 for n in shape)
        a, b, c, d, e, f, g, h = (wp.zeros(padded, dtype=float, device=device) for _ in range(8))
        span = wp.full(shape[:2], wp.vec2i(0, shape[2]), dtype=wp.vec2i, device=device)
        even = wp.zeros(shape[:2], dtype=int, device=device)
        return cls(shape, a, b, c, d, e, f, g, h, span, even, weight)


class PressureSolver:
    """Solve ``A p = rhs`` for the face areas last given to ``build``.

    Args:
        shape: Cells (nx, ny, nz).
        iterations: Of conjugate gradients, fixed.
        closed: Parts of the fluid may have no way to an open side: p is known there up to a constant, and the mean of
            ``rhs`` over each of them is removed.
        periodic: 1, 2, 4 for axes whose two ends meet.
        device: Warp device.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        iterations: int = 4,
        closed: bool = False,
        periodic: int = 0,
        device=None,
    ):
        self.device = wp.get_device(device)
        self.periodic = periodic
        self.iterations = iterations
        self._parts = Compartments(shape, periodic=periodic, device=self.device) if closed else None
        self.levels = [Level.zeros(shape, 1.0, self.device)]
        while max(self.levels[-1].shape) > COARSEST:
            nx, ny, nz = ((n + 1) // 2 for n in self.levels[-1].shape)
            self.levels.append(Level.zeros((nx, ny, nz), 2 * self.levels[-1].weight, self.device))
        fine = self.levels[0]
        self.rhs = wp.zeros_like(fine.b)
        """Right-hand side, padded; not changed by ``solve`` unless ``closed``."""
        self.p = wp.zeros_like(fine.b)
        """Solution, padded by a ring of zeros."""
        self._s, self._q = (wp.zeros_like(fine.b) for _ in range(2))
        self._partial = wp.zeros(shape[:2], dtype=float, device=self.device)
        self._plane = wp.zeros(shape[0], dtype=wp.float64, device=self.device)
        self._scalars = wp.zeros(4, dtype=wp.float64, device=self.device)
        self._product = wp.zeros(1, dtype=wp.float64, device=self.device)
        self._serial = self.device.is_cpu and not periodic
        """One thread solves: kernels of ``pressure_sweep``."""

    def build(self, ax: wp.array, ay: wp.array, az: wp.array) -> None:
        """Set the operator from open face areas [-], shapes (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1)."""
        fine = self.levels[0]
        outputs = [fine.wx, fine.wy, fine.wz, fine.diagonal, fine.inverse]
        self._rows(kernels.diagonal_kernel, fine, [ax, ay, az, self.periodic], outputs)
        if self._parts:
            self._parts.find(fine.inverse, (ax, ay, az))
        self.coarsen()

    def coarsen(self) -> None:
        """Make the coarser levels from the finest, whose weights and diagonal were set."""
        if self._serial:
            self._coarsen_rows()
        for fine, coarse in [] if self._serial else zip(self.levels, self.levels[1:], strict=False):
            inputs = [fine.wx, fine.wy, fine.wz, fine.diagonal, self.periodic]
            outputs = [coarse.wx, coarse.wy, coarse.wz, coarse.diagonal, coarse.inverse]
            self._launch(kernels.coarsen_kernel, coarse.shape, inputs, outputs)

    def _coarsen_rows(self) -> None:
        for level, coarse in zip(self.levels, [*self.levels[1:], None], strict=True):
            inputs = [*self._weights(level), level.diagonal]
            self._launch(sweep.span_kernel, level.shape[:2], [*inputs, level.weight], [level.span, level.even])
            if coarse:
                outputs = [*self._weights(coarse), coarse.diagonal, coarse.inverse]
                self._launch(sweep.coarsen_rows_kernel, coarse.shape[:2], [*inputs, level.span], outputs)
        for level in self.levels:  # beyond the spans they stay 0
            level.p.zero_()
            level.r.zero_()
        self._s.zero_()

    def solve(self, iterations: int | None = None, *, extra: Extra | None = None) -> None:
        """Put the solution for ``rhs`` into ``p``; ``iterations`` other than those of the constructor, if given.

        ``extra(s, q)`` launches what adds a further positive semidefinite term times s to q, such as bodies that yield
        to the pressure; the multigrid of ``A`` alone stays the preconditioner.
        """
        iterations = self.iterations if iterations is None else iterations
        fine = self.levels[0]
        self.balance()
        self.p.zero_()
        self._rows(kernels.begin_kernel, fine, [self.rhs, fine.inverse], [fine.b])
        self._cycle(0)
        wp.copy(self._s, fine.p)
        self._finish(fine.b, fine.p, 0)
        for iteration in range(iterations):
            self._apply(fine, extra)
            inputs = [self._s, self._q, self._scalars]
            if self._serial:
                self._launch(sweep.advance_rows_kernel, fine.shape[:2], [*inputs, fine.span], [self.p, fine.b])
            else:
                self._rows(kernels.advance_kernel, fine, inputs, [self.p, fine.b])
            if iteration + 1 < iterations:
                self._cycle(0)
                self._finish(fine.b, fine.p, 2)
                inputs = [fine.p, self._scalars]
                if self._serial:
                    self._launch(sweep.direction_rows_kernel, fine.shape[:2], [*inputs, fine.span], [self._s])
                else:
                    self._rows(kernels.direction_kernel, fine, inputs, [self._s])
        self._wrap(self.p)

    def balance(self) -> None:
        """Take from ``rhs`` what no answer exists for: its mean over each part that has no way out."""
        if self._parts:
            self._parts.balance(self.levels[0].inverse, self.rhs)

    def _apply(self, fine: Level, extra: Extra | None) -> None:
        """Launch ``q = A s``, and what gives the length of the step."""
        inputs = [*self._weights(fine), fine.diagonal, self._s]
        self._wrap(self._s)
        if self._serial:
            inputs += [fine.span, fine.even, fine.weight]
            self._launch(sweep.apply_dot_kernel, (1,), inputs, [self._q, self._product])
        else:
            self._rows(kernels.apply_kernel, fine, inputs, [self._q])
        if extra is None:
            self._finish(self._s, self._q, 1)
        else:
            extra(self._s, self._q)
            self._dot(self._s, self._q, 1)

    def _finish(self, a: wp.array, b: wp.array, task: int) -> None:
        """What follows from a . b; where one thread solves, the kernel before has left it in ``_product``."""
        if self._serial:
            self._launch(kernels.scalar_kernel, (1,), [self._product, task], [self._scalars])
        else:
            self._dot(a, b, task)

    def residual(self) -> float:
        """Largest |rhs - A p| over the largest |rhs| in cells that take part: what the last solve left."""
        fine = self.levels[0]
        self._rows(kernels.begin_kernel, fine, [self.rhs, fine.inverse], [fine.b])
        inputs = [*self._weights(fine), fine.diagonal, fine.b, self.p]
        self._rows(kernels.residual_kernel, fine, inputs, [self._q])
        most = wp.zeros(2, dtype=float, device=self.device)
        for index, field in enumerate((self._q, fine.b)):
            self._launch(kernels.largest_kernel, (fine.shape[0],), [field, most, index], [])
        left, given = most.numpy()
        return float(left / given) if given > 0 else 0.0

    def _wrap(self, p: wp.array) -> None:
        """Fill the padding across periodic axes."""
        for axis in range(3):
            if self.periodic & (1 << axis):
                face = [n for a, n in enumerate(p.shape) if a != axis]
                self._launch(kernels.wrap_kernel, face, [axis], [p])

    def _cycle(self, index: int) -> None:
        """One V(2, 2) cycle for ``level.b`` into ``level.p``, from zero."""
        level = self.levels[index]
        if self._serial:
            self._cycle_rows(index)
            return
        if index + 1 == len(self.levels):
            self._smooth(level, 4 * BOTTOM_SWEEPS, 0, fresh=True, turn=2 * BOTTOM_SWEEPS)
            return
        self._smooth(level, 4, 0, fresh=True)
        coarse = self.levels[index + 1]
        inputs = [*self._weights(level), level.diagonal, level.b, level.p]
        self._rows(kernels.residual_kernel, level, inputs, [level.r])
        self._rows(kernels.restrict_kernel, coarse, [level.r], [coarse.b])
        self._cycle(index + 1)
        self._rows(kernels.prolong_kernel, level, [coarse.p, level.inverse], [level.p])
        self._wrap(level.p)
        self._smooth(level, 4, 1)

    def _cycle_rows(self, index: int) -> None:
        """The same by one thread, which leaves b . p of the level in ``_product``."""
        level = self.levels[index]
        if index + 1 == len(self.levels):
            inputs = [*self._weights(level), level.inverse, level.b, BOTTOM_SWEEPS]
            self._launch(sweep.bottom_kernel, (1,), inputs, [level.p, self._product])
            return
        coarse = self.levels[index + 1]
        rows = [level.span, level.even, level.weight]
        inputs = [*self._weights(level), level.diagonal, level.inverse, level.b, *rows, coarse.span]
        self._launch(sweep.down_kernel, (1,), inputs, [level.p, level.r, coarse.b])
        self._cycle(index + 1)
        inputs = [*self._weights(level), level.inverse, level.b, *rows, coarse.p]
        self._launch(sweep.up_kernel, (1,), inputs, [level.p, self._product])

    def _smooth(self, level: Level, stages: int, first: int, *, fresh: bool = False, turn: int = 1 << 20) -> None:
        """Half sweeps of alternating colours, the same one twice at ``turn``; ``fresh``: from p = 0."""
        inputs = [*self._weights(level), level.inverse, level.b]
        if fresh:
            level.p.zero_()
        for stage in range(stages):
            colour = (first + stage + (stage >= turn)) % 2
            self._rows(kernels.smooth_kernel, level, [*inputs, colour], [level.p])
            self._wrap(level.p)

    def _dot(self, a: wp.array, b: wp.array, task: int) -> None:
        self._launch(kernels.dot_kernel, self._partial.shape, [a, b], [self._partial])
        self._launch(kernels.plane_sum_kernel, self._plane.shape, [self._partial], [self._plane])
        self._launch(kernels.scalar_kernel, (1,), [self._plane, task], [self._scalars])

    @staticmethod
    def _weights(level: Level) -> list[wp.array]:
        return [level.wx, level.wy, level.wz]

    def _rows(self, kernel, level: Level, inputs: list, outputs: list) -> None:
        nx, ny, nz = level.shape
        chunk = nz if self.device.is_cpu else 1
        self._launch(kernel, (nx, ny, nz // chunk), [*inputs, chunk], outputs)

    def _launch(self, kernel, dim, inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
