"""Tanks of liquid for tests: boxes of the grid with walls, filled with a lattice of particles."""

import numpy as np

from physim.liquid_grid import LiquidGrid, LiquidSettings


def lattice(low, high, per_side=2):
    """Particles ``per_side`` per cell and axis in a box of cells."""
    axes = [(np.arange(round((b - a) * per_side)) + 0.5) / per_side + a for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def wall_areas(shape, open_sides=()):
    """Faces of a box: all open but those on its sides; ``open_sides`` holds (axis, end) with end 0 or -1."""
    areas = []
    for axis in range(3):
        size = list(shape)
        size[axis] += 1
        area = np.ones(size, np.float32)
        ends = [slice(None)] * 3
        for end in (0, -1):
            ends[axis] = end
            area[tuple(ends)] = float((axis, end) in open_sides)
        areas.append(area)
    return tuple(areas)


def tank(
    shape, positions, velocities=None, *, open_sides=((1, -1),), areas=None, open=None, distance=None, capacity=None,
    sources=(), **settings,
):  # fmt: skip
    """A box with walls, open at the top, unless told otherwise; 1 cell is ``cell`` metres (1)."""
    values = dict(cell=1.0, dt=1 / 60, steps=1, particle_volume=0.125) | settings
    return LiquidGrid(
        LiquidSettings(shape, **values),
        wall_areas(shape, open_sides) if areas is None else areas,
        np.ones(shape) if open is None else open,
        np.full(shape, 9.0) if distance is None else distance,
        np.asarray(positions, float),
        velocities,
        capacity=capacity,
        sources=sources,
        device="cpu",
    )
