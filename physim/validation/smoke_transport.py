"""What is carried and what spreads: shapes, mass, and how free of divergence the flow is that carries it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import warp as wp

from physim.gas import GasGrid, open_areas
from physim.gas_state import OPEN, PERIODIC, WALL
from physim.pressure import PressureSolver
from physim.validation.case import Case, Quantity
from physim.validation.registry import runner
from physim.validation.settings import Settings
from physim.validation.smoke_grid import centres, disc_areas, gas_grid, plane_flow, run


@runner("zalesak")
def zalesak(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A slotted disc turned once in steps of one unit of time."""
    n, radius, period = int(case.get("N")), case.get("R"), case.get("period")
    (cz, cy), slot, length = case.params["center"], case.get("slot_width"), case.get("slot_length")
    fine = 8
    y, z = np.meshgrid(*((np.arange(n * fine) + 0.5) / fine for _ in range(2)), indexing="ij")
    inside = np.hypot(y - cy, z - cz) < radius
    inside &= ~((np.abs(z - cz) < slot / 2) & (y < cy - radius + length))
    disc = inside.reshape(n, fine, n, fine).mean((1, 3))
    steps = round(period * case.get("revolutions", 1) * settings.refinement)
    gas = gas_grid(
        settings, (1, n, n), (OPEN,) * 4, cell=1.0, dt=1.0, density_substeps=1, carries_density=True
    )  # fmt: skip
    gas.set_density(disc[None])
    corner = np.arange(n + 1.0) - n / 2
    turning = plane_flow(np.pi / (period / 2) * 0.5 * (corner[:, None] ** 2 + corner**2), 1.0)
    gas.carry_density(turning, steps)
    got = gas.density[0].astype(np.float64)
    off = float(np.abs(got - disc).sum() / disc.sum())
    yield case.judge("difference after one turn, of its mass [-]", 0.0, off, off, case.limits("L1_rel"))
    yield case.relative("mass after one turn [cells]", float(disc.sum()), float(got.sum()), case.limits("mass_rel"))
    beyond = float(max(-got.min(), got.max() - 1, 0.0))
    yield case.judge("outside the range 0 to 1 [-]", 0.0, beyond, beyond, case.limits("range"))
    area = float(case.expected["area_initial"])
    yield case.relative("area of the shape at the start [cells]", area, float(disc.sum()), case.limits(None))


@runner("gaussian_diffusion")
def gaussian(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A puff that spreads while it goes once around a periodic box, in the plane and in space."""
    spread, start, end = case.get("D"), case.get("s0"), case.get("T")
    for dimensions, n in ((2, 64), (3, 48)):
        cell = 1 / n
        shape = (1 if dimensions == 2 else n, n, n)
        sides = (WALL, WALL, *(PERIODIC,) * 4) if dimensions == 2 else (PERIODIC,) * 6
        gas = gas_grid(
            settings, shape, sides, cell=cell, dt=0.8 * cell, density_substeps=2, carries_density=True, diffusion=spread
        )
        x = [(np.arange(m) + 0.5) / n - (0.5 if m > 1 else 0.5 / n) for m in shape]
        grids = np.meshgrid(*x, indexing="ij")
        gas.set_density(np.exp(-sum(g**2 for g in grids) / (2 * start**2)))
        wind = (0.0, 0.5, 1.0)
        gas.set_velocity(tuple(np.full_like(a, wind[k]) for k, a in enumerate(open_areas(shape))))  # type: ignore[arg-type]
        mass = float(gas.density.sum(dtype=np.float64))
        now = list(run(gas, end))[-1]
        q = gas.density.astype(np.float64)
        offset = (grids[1] - 0.5 * now + 0.5) % 1 - 0.5
        wide = float(np.sqrt((q * offset**2).sum() / q.sum()))
        wanted = float(np.sqrt(start**2 + 2 * spread * now))
        limits = case.limits("sigma_rel")
        yield case.relative(f"width after {now:.4g} s [m], {dimensions}-D", wanted, wide, limits)
        peak = (start / wanted) ** dimensions
        # the middle of the puff lies between cells: the mean of the cells around it is lower by the curvature
        yield case.relative(f"peak after {now:.4g} s [-], {dimensions}-D", peak, float(q.max()), case.limits(None))
        yield case.relative(f"mass [cells], {dimensions}-D", mass, float(q.sum()), case.limits("mass_rel"))


@runner("projection")
def projection(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A random flow made free of divergence: in an empty box, around a sphere, and around a disc in a plane."""
    n = int(case.get("N"))
    rng = np.random.default_rng(int(case.get("seed")))
    flow = tuple(rng.normal(size=a.shape) for a in open_areas((n, n, n)))
    for axis, u in enumerate(flow):
        u[(slice(None),) * axis + ([0, -1],)] = 0.0
    for what, areas in (("empty box", None), ("around a sphere", _sphere(n))):
        gas = gas_grid(settings, (n, n, n), (WALL,) * 6, cell=1.0, dt=1.0, areas=areas)
        first = _projected(gas, flow)
        worst = gas.divergence() / max(float(np.abs(u).max()) for u in first)
        yield case.judge(
            f"divergence x cell over largest speed [-], {what}", 0.0, worst, worst, case.limits("max_div_dx_over_umax")
        )
        again = _projected(gas, first)
        change = _size([a - b for a, b in zip(again, first, strict=True)], gas) / _size(first, gas)
        yield case.judge(f"change by a second time [-], {what}", 0.0, change, change, case.limits("idempotence_rel"))
        given = [np.where(a.numpy() > 0, u, 0.0) for a, u in zip(gas.state.area, flow, strict=True)]
        taken = [a - b for a, b in zip(given, first, strict=True)]
        parts = _size(first, gas) ** 2 + _size(taken, gas) ** 2
        off = abs(_size(given, gas) ** 2 - parts) / parts
        yield case.judge(f"energy of the two parts [-], {what}", 0.0, off, off, case.limits("orthogonality_rel"))
    plane = gas_grid(
        settings, (1, 128, 128), (WALL,) * 4, cell=1.0, dt=1.0, areas=disc_areas((1, 128, 128), 1.0, (60, 50), 17.3)
    )
    assert isinstance(plane.pressure, PressureSolver)
    flat = _projected(plane, tuple(rng.normal(size=a.shape) for a in open_areas((1, 128, 128))))
    worst = plane.divergence() / max(float(np.abs(u).max()) for u in flat)
    limits = case.limits("max_div_dx_over_umax")
    yield case.judge("divergence x cell over largest speed [-], around a disc", 0.0, worst, worst, limits)


def _sphere(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open areas around a ball of a quarter of the box, as bodies close them."""
    areas = []
    for axis in range(3):
        x = [np.arange(n + 1.0) if a == axis else centres(n, 1.0) for a in range(3)]
        grids = np.meshgrid(*x, indexing="ij")
        distance = np.sqrt(sum((g - 0.47 * n) ** 2 for g in grids)) - 0.24 * n
        area = np.clip(2 * distance, 0, 1)
        areas.append(np.where(area < 0.05, 0.0, area).astype(np.float32))
    return tuple(areas)  # type: ignore[return-value]


def _projected(gas: GasGrid, flow) -> list[np.ndarray]:
    """One projection of the given faces, as every half step does."""
    for target, u in zip(gas.state.u, flow, strict=True):
        target.assign(np.ascontiguousarray(u, dtype=np.float32))
    gas.project()
    wp.synchronize_device(gas.device)
    return [u.numpy().astype(np.float64) for u in gas.state.u]


def _size(flow: list[np.ndarray], gas: GasGrid) -> float:
    """Root of the energy: faces count by their open area."""
    return float(np.sqrt(sum((a.numpy() * u**2).sum() for a, u in zip(gas.state.area, flow, strict=True))))
