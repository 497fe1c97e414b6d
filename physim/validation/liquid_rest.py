"""Liquid at rest, and turning with its bucket: pressure, level, the paraboloid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from physim.validation.case import Case, Quantity
from physim.validation.liquid_tank import SLAB, Tank, fill
from physim.validation.registry import runner
from physim.validation.settings import Settings

DEPTH_CELLS = 32
JITTER = 0.1
"""Of the particles at the start, so that something has to settle [cells]."""

LEAST_OPEN = 0.01
"""Open part of a cell that has an open face [-]."""


@runner("hydrostatic")
def hydrostatic(case: Case, settings: Settings) -> Iterator[Quantity]:
    """A tank filled to H from a jittered start, after 5 s: pressure over depth, force on a wall, speed, level."""
    depth, rho, g = case.get("H"), case.get("rho"), case.gravity
    cell = depth / DEPTH_CELLS
    width = 16 * cell
    points = fill((0, 0, 0), (width, depth, SLAB * cell), cell)
    points = points + np.random.default_rng(0).uniform(-JITTER, JITTER, points.shape) * cell
    points = np.clip(points, 0.01 * cell, None)
    tank = Tank(
        (16, DEPTH_CELLS + 6, SLAB), cell, points, dt=1 / 120 / settings.refinement, every=0.25,
        gravity=(0.0, -g, 0.0), device=settings.device,
    )  # fmt: skip
    speeds, columns = [], []
    start = 2 * tank.particles()[0][:, 1].mean()
    while tank.time < 5.0 - 1e-6:
        tank.advance()
        speeds.append(np.sqrt((tank.particles()[1] ** 2).sum(1).mean()))
        columns.append(rho * tank.grid.pressure_field().mean((0, 2)))
    column = np.mean(columns[len(columns) // 2 :], axis=0)
    y = (np.arange(len(column)) + 0.5) * cell
    limits = case.limits("p_bottom_rel")
    bottom = float(case.expected["p_bottom"])
    for height, expected in case.expected["points"]:
        found = float(np.interp(height, y, column)) if height >= y[0] else float(column[0] + rho * g * (y[0] - height))
        yield case.relative(f"pressure at {height:g} m [Pa]", expected, found, limits, scale=bottom)
    force = float(case.expected["wall_force_per_width"])
    yield case.relative("force on a wall per width [N/m]", force, float(column.sum() * cell), limits)
    quiet = float(np.mean(speeds[len(speeds) // 2 :]) / np.sqrt(g * depth))
    yield case.absolute("rms speed / sqrt(g H) [-]", 0.0, quiet, case.limits("residual_speed_over_sqrt_gH"))
    level = 2 * tank.particles()[0][:, 1].mean()
    yield case.relative("level [m]", depth, depth * level / start, case.limits("level_drop_rel"))


@runner("rotating_bucket")
def rotating_bucket(case: Case, settings: Settings) -> Iterator[Quantity]:
    """Liquid that turns as one keeps z = z0 + Omega^2 r^2 / 2g: set up so, and looked at over two turns."""
    radius, spin, depth, g = case.get("R"), case.get("Omega"), case.get("h"), case.gravity
    bend = spin**2 / (2 * g)
    cells = 48
    cell = 2 * radius / (cells - 4)
    middle = 0.5 * cells * cell
    lowest = depth - bend * radius**2 / 2
    tall = int(np.ceil((lowest + bend * radius**2) / cell)) + 4
    points = fill((0, 0, 0), (2 * middle, tall * cell, 2 * middle), cell)
    arm = points[:, [0, 2]] - middle
    r2 = (arm**2).sum(1)
    inside = (r2 < radius**2) & (points[:, 1] < lowest + bend * r2)
    points, arm = points[inside], arm[inside]
    velocity = spin * np.stack([arm[:, 1], np.zeros(len(arm)), -arm[:, 0]], -1)
    room, distance, area = cylinder(cells, tall, radius / cell)
    tank = Tank(
        (cells, tall, cells), cell, points, velocities=velocity, dt=1 / 240 / settings.refinement, every=0.05,
        open=room, distance=distance, area=area, gravity=(0.0, -g, 0.0), device=settings.device,
    )  # fmt: skip
    heights = []
    while tank.time < 2 * 2 * np.pi / spin:
        tank.advance()
        if tank.time > 2 * np.pi / spin:
            heights.append(profile(tank.particles()[0], middle, radius, cell))
    r, surface = np.array(heights).mean(0)
    curve, rest = np.polyfit(r**2, surface, 1)
    limits = case.limits("rel")
    expected = float(case.expected["wall_minus_centre"])
    yield case.relative("wall above centre [m]", expected, float(curve * radius**2), limits)
    expected = float(case.expected["centre_drop"])
    mean = float(rest + curve * radius**2 / 2)
    yield case.relative("centre below the mean level [m]", expected, mean - float(rest), limits)


def cylinder(
    cells: int, tall: int, radius: float
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Room (open part) of cells, distance to the wall [cells] and open part of faces of an upright cylinder."""
    part = 8
    fine = (np.arange(cells * part) + 0.5) / part - cells / 2
    room = (np.hypot(fine[:, None], fine[None]) < radius).reshape(cells, part, cells, part).mean((1, 3))
    face = np.arange(cells + 1) - cells / 2
    side = (np.hypot(face[:, None], fine[None]) < radius).reshape(cells + 1, cells, part).mean(2)
    faces = side[1:] + side[:-1] + side.T[:, 1:] + side.T[:, :-1]
    room = np.where(faces > 0, np.maximum(room, LEAST_OPEN), 0.0)  # no room beside an open face would mean air
    axis = np.arange(cells) + 0.5 - cells / 2
    distance = radius - np.hypot(axis[:, None], axis[None])
    floor = np.repeat(room[:, None, :], tall + 1, 1)
    floor[:, 0] = 0.0
    area = (np.repeat(side[:, None, :], tall, 1), floor, np.repeat(side.T[:, None, :], tall, 1))
    return np.repeat(room[:, None, :], tall, 1), np.repeat(distance[:, None, :], tall, 1), area


def profile(x: np.ndarray, middle: float, radius: float, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Radii and heights of the surface in rings of equal area: volume over area."""
    r2 = ((x[:, [0, 2]] - middle) ** 2).sum(1)
    edges = np.linspace(0, (0.95 * radius) ** 2, 9)
    counts, _ = np.histogram(r2, edges)
    height = counts * cell**3 / 8 / (np.pi * np.diff(edges))
    return np.sqrt((edges[1:] + edges[:-1]) / 2), height
