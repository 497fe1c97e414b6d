"""Open area of the faces of a gas grid before anything moves in it."""

from __future__ import annotations

import numpy as np

from physim.gas_state import Areas, Sides

WHOLE = 0.98
"""Where gas sticks to solids, a face is open or closed, and closed if the solid is nearer than half a cell to its
middle: then the places that are held are off the surface by nothing on average."""
SLIVER = 0.05
"""Open area below which a face counts as closed otherwise."""


def open_areas(shape: tuple[int, int, int]) -> Areas:
    """Of a box without anything in it."""
    return tuple(np.ones([n + (a == axis) for a, n in enumerate(shape)], np.float32) for axis in range(3))  # type: ignore[return-value]


def close_sides(areas: Areas, sides: Sides) -> Areas:
    """The same with the faces closed through which the flow is given; a single layer of cells is closed across it."""
    closed = tuple(np.array(a, dtype=np.float32) for a in areas)
    for axis, area in enumerate(closed):
        for side, index in ((2 * axis, 0), (2 * axis + 1, -1)):
            if sides[side].is_closed or area.shape[axis] == 2:
                area[(slice(None),) * axis + (index,)] = 0.0
    return closed  # type: ignore[return-value]


def faces_ahead(axis: int, offset: int) -> tuple[slice, ...]:
    """The faces before (0) or behind (1) the cells along ``axis``."""
    cut = [slice(None)] * 3
    cut[axis] = slice(offset, None) if offset else slice(None, -1)
    return tuple(cut)
