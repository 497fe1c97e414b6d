"""Liquid tank: liquid on a grid of its own, for cases that ask for pressures or states that no shape has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physim.liquid_grid import LiquidGrid, LiquidSettings

SLAB = 4
"""Cells across, of what does not vary there."""
PER_SIDE = 2
"""Particles per cell and axis."""


class Tank:
    """A box with walls, open at the sides named, in metres.

    Args:
        cells: (nx, ny, nz).
        cell: [m]
        points: Particles (N, 3) [m].
        dt: Longest step [s].
        every: Time between samples [s].
        velocities: (N, 3) [m/s].
        open_sides: (axis, end) with end 0 or -1.
        device: Warp device.
        others: Fields of ``LiquidSettings`` and ``capacity``, ``sources``.
    """

    def __init__(
        self,
        cells: tuple[int, int, int],
        cell: float,
        points: np.ndarray,
        *,
        dt: float,
        every: float,
        velocities: np.ndarray | None = None,
        open_sides: Sequence[tuple[int, int]] = ((1, -1),),
        open: np.ndarray | None = None,
        distance: np.ndarray | None = None,
        area: tuple[np.ndarray, ...] | None = None,
        device: str | None = None,
        capacity: int | None = None,
        sources: Sequence = (),
        **others,  # type: ignore[no-untyped-def]
    ):
        steps = max(1, int(np.ceil(every / dt - 1e-9)))
        self.cell, self.every, self.time = cell, every, 0.0
        settings = LiquidSettings(
            cells, cell, every / steps, steps, particle_volume=PER_SIDE**-3, **others
        )  # fmt: skip
        room = np.ones(cells) if open is None else open
        self.grid = LiquidGrid(
            settings, walls(cells, open_sides, room) if area is None else area,  # type: ignore[arg-type]
            room, np.full(cells, 9.0) if distance is None else distance,
            np.asarray(points) / cell, None if velocities is None else np.asarray(velocities) / cell,
            capacity=capacity, sources=sources, device=device,
        )  # fmt: skip

    def advance(self) -> None:
        """To the next sample."""
        self.grid.frame()
        self.time += self.every

    def particles(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [m] and velocities [m/s] of those that are there."""
        x, v = self.grid.snapshot()
        there = np.isfinite(x[:, 0])
        return self.cell * x[there].astype(np.float64), self.cell * v[there].astype(np.float64)


def walls(cells: tuple[int, int, int], open_sides: Sequence[tuple[int, int]], room: np.ndarray) -> tuple:
    """Open faces of a box: those between cells with room, and sides that are open."""
    found = []
    for axis in range(3):
        low = np.concatenate([np.take(room, [0], axis), room], axis) > 0
        high = np.concatenate([room, np.take(room, [-1], axis)], axis) > 0
        area = (low & high).astype(np.float32)
        for end in (0, -1):
            if (axis, end) not in open_sides:
                area[tuple(end if a == axis else slice(None) for a in range(3))] = 0.0
        found.append(area)
    return tuple(found)


def fill(low: Sequence[float], high: Sequence[float], cell: float) -> np.ndarray:
    """A lattice of particles in a box of whole half cells [m]."""
    axes = [
        a + (np.arange(round((b - a) / cell * PER_SIDE)) + 0.5) * cell / PER_SIDE
        for a, b in zip(low, high, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def damped_cosine(t: np.ndarray, x: np.ndarray, frequency: float) -> tuple[float, float]:
    """Frequency [1/s] and rate of decay [1/s] of x(t) = mean + A exp(-g t) cos(2 pi f t + phase), by least squares."""
    from scipy.optimize import curve_fit

    def model(t, f, g, a, b, mean):  # type: ignore[no-untyped-def]
        angle = 2 * np.pi * f * t
        return mean + np.exp(-g * t) * (a * np.cos(angle) + b * np.sin(angle))

    start = (frequency, 0.0, x[0] - x.mean(), 0.0, x.mean())
    best, _ = curve_fit(model, t, x, start, maxfev=20000)
    return float(best[0]), float(best[1])
