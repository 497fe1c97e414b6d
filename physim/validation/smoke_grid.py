"""Grid: what the smoke runners share: gas in a box or in a plane, flows from stream functions, where vortices are.

In a plane the second axis of an array is y, upwards, and the third z, sideways: fields are (1, ny, nz).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.gas import GasGrid, open_areas
from physim.gas_state import WALL, GasSettings, Side, Sides
from physim.validation.settings import Settings

Faces = tuple[np.ndarray, np.ndarray, np.ndarray]


def gas_grid(
    settings: Settings,
    shape: tuple[int, int, int],
    sides: Sides | tuple[Side, ...],
    *,
    cell: float,
    dt: float,
    areas: Faces | None = None,
    **more,
) -> GasGrid:
    """A gas without gravity or wind; a plane where ``sides`` are four. Steps are shortened by the refinement."""
    around = sides if len(sides) == 6 else (WALL, WALL, *sides)
    more = {"gravity": (0.0, 0.0, 0.0), "sponge": 0.0, "carries_density": False, "carries_temperature": False, **more}
    built = GasSettings(shape, (0.0, 0.0, 0.0), cell, dt / settings.refinement, sides=around, **more)  # type: ignore[arg-type]
    return GasGrid(built, areas, device=settings.device)


def run(gas: GasGrid, seconds: float) -> Iterator[float]:
    """Advance frame by frame; gives the time after each, first 0."""
    frame = gas.settings.dt * gas.settings.steps
    yield 0.0
    for number in range(max(1, round(seconds / frame))):
        gas.frame()
        yield (number + 1) * frame


def centres(count: int, cell: float, start: float = 0.0) -> np.ndarray:
    """Cell centres along an axis."""
    return start + (np.arange(count) + 0.5) * cell


def edges(count: int, cell: float, start: float = 0.0) -> np.ndarray:
    """Faces along an axis."""
    return start + np.arange(count + 1) * cell


def plane_flow(stream: np.ndarray, cell: float) -> Faces:
    """Velocity (0, v, w) = (0, -d psi / dz, d psi / dy) on the faces from psi on the corners (ny + 1, nz + 1)."""
    v = -(stream[:, 1:] - stream[:, :-1]) / cell
    w = (stream[1:] - stream[:-1]) / cell
    return np.zeros((2, w.shape[0], v.shape[1])), v[None], w[None]


def plane_vorticity(gas: GasGrid) -> np.ndarray:
    """dv/dz - dw/dy on the inner corners (ny - 1, nz - 1) [1/s]: minus the Laplacian of psi of ``plane_flow``."""
    v, w = gas.state.u[1].numpy()[0].astype(np.float64), gas.state.u[2].numpy()[0].astype(np.float64)
    return ((v[1:-1, 1:] - v[1:-1, :-1]) - (w[1:, 1:-1] - w[:-1, 1:-1])) / gas.settings.cell


def energy(gas: GasGrid) -> float:
    """Sum of the squares of all face velocities; of a periodic axis the last faces are the first."""
    total = 0.0
    for axis in gas.settings.axes:
        u = gas.state.u[axis].numpy().astype(np.float64)
        if gas.settings.periodic_bits & (1 << axis):
            u = u[(slice(None),) * axis + (slice(None, -1),)]
        total += float((u**2).sum())
    return total


def still(shape: tuple[int, int, int]) -> Faces:
    """No motion."""
    return tuple(np.zeros_like(a) for a in open_areas(shape))  # type: ignore[return-value]


def disc_areas(shape: tuple[int, int, int], cell: float, centre: tuple[float, float], radius: float) -> Faces:
    """Open length [-] of the faces of a plane outside a disc at (y, z), by 64 points along each."""
    _, ny, nz = shape
    areas = [a.astype(np.float64) for a in open_areas(shape)]
    inner = (np.arange(64) + 0.5) / 64 * cell
    for axis in (1, 2):
        if axis == 1:
            y = edges(ny, cell)[:, None, None] - centre[0]
            z = (np.arange(nz) * cell)[None, :, None] + inner - centre[1]
        else:
            y = (np.arange(ny) * cell)[:, None, None] + inner - centre[0]
            z = edges(nz, cell)[None, :, None] - centre[1]
        share = (np.hypot(y, z) > radius).mean(-1)
        areas[axis][0] = np.where(share < 0.05, 0.0, share)
    return tuple(a.astype(np.float32) for a in areas)  # type: ignore[return-value]
