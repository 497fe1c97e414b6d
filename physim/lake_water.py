"""One lake in time: a fixed sequence of launches per step, and what it did."""

from __future__ import annotations

import math

import numpy as np
import warp as wp
from physim_kernels import shallow, waves
from physim_kernels.shallow import RIM

from physim import lake_grid
from physim.lake import Lake
from physim.materials import Liquid
from physim.over_time import OverTime
from physim.scene import Entity, Scene
from physim.shapes import Emitter

COURANT = 0.4
"""Part of a cell that the fastest water crosses in a step; of a shallow wave too."""
TURN = 1.6
"""Phase that the fastest wave of the grid may turn in a step [rad]; 3.1 is the bound."""
SPEED_LIMIT = 1.0e3
"""Speed at which a state counts as blown up [m/s]."""


class LakeWater:
    """The water of one entity.

    Args:
        scene: Gravity, and the bodies that may fall in.
        entity: A ``Lake`` of ``Liquid``.
        device: Warp device.

    Raises:
        ValueError: There is no water: the bed is above the level everywhere.
    """

    def __init__(self, scene: Scene, entity: Entity, device) -> None:
        assert isinstance(entity.shape, Lake) and isinstance(entity.material, Liquid)
        self.entity, self.lake, self.material = entity, entity.shape, entity.material
        self.device = wp.get_device(device)
        self.level = float(entity.position[1])
        self.gravity = float(np.linalg.norm(scene.gravity))
        lake, density = self.lake, float(entity.material.density)  # type: ignore[arg-type]
        self.density = density
        self.bed = bed = lake_grid.bed_of(lake, entity.position)
        surface = np.zeros(bed.shape) if lake.surface is None else np.asarray(lake.surface, np.float64)
        self.depth = np.maximum(surface - bed, 0)
        if not (self.depth > 0).any():
            raise ValueError(
                f"lake {entity.name!r} holds no water: its bed is above the level y = {self.level:g} m everywhere. "
                f"Raise the level, lower the bed, or look at the outline."
            )
        self.field = lake_grid.make_field(lake, bed, surface, self.device)
        self.tension = float(entity.material.surface_tension) / density  # type: ignore[arg-type]
        self.dispersive = lake_grid.is_dispersive(lake, float(self.depth.max()))
        self.longest_step = self._longest_step(scene, surface)
        """[s]"""
        self.step = self.longest_step
        self._falls: list[float] = []
        self._springs = _springs(lake.inlets, self)
        self._inflow = _inflow(lake, self)

    def _longest_step(self, scene: Scene, surface: np.ndarray) -> float:
        lake, g, cell = self.lake, self.gravity, self.lake.cell
        wet = self.depth > 0
        lowest = np.where(wet, surface, self.bed)  # water may run down to what is dry
        height = max(float(surface[wet].max() - lowest.min()), cell if self.dispersive else 0.0)
        for body in scene.bodies:
            fall = max(body.position[1] - self.level, 0.0) + 0.5 * float(np.dot(body.velocity, body.velocity)) / g
            height = max(height, min(body.shape.bounding_radius, fall + cell))  # type: ignore[union-attr]
        speed = float(np.hypot(*lake.current)) + 2 * np.sqrt(g * height)
        for side, amount in lake.inflow:
            across = lake.size[1] if side[1] == "x" else lake.size[0]
            speed = max(speed, 2 * amount / (across * float(np.median(self.depth[wet]))))
        if self.dispersive:
            k = np.pi / cell * np.sqrt(2)
            fastest = lake_grid.frequency(np.array(k), float(self.depth.max()), g, self.tension)
            wave = TURN / float(fastest)
        else:
            wave = COURANT * cell / np.sqrt(g * float(self.depth.max()))
        return float(min(wave, COURANT * cell / max(speed, 1e-9)))

    def set_step(self, step: float) -> None:
        """Fix the step [s], at most ``longest_step``; makes the filter."""
        self.step = step
        self.basin = None
        if self.dispersive:
            self.basin = lake_grid.make_basin(
                self.lake,
                self.field, self.depth, dt=step, gravity=self.gravity, tension=self.tension, device=self.device,
            )  # fmt: skip

    def load_kernels(self) -> None:
        for module in (shallow, waves) if self.dispersive else (shallow,):
            wp.load_module(module, device=self.device)

    def begin_frame(self, times: np.ndarray) -> None:
        """Tables of a frame whose steps begin at ``times`` [s]: what pours in now."""
        if self._springs is not None:
            self._springs[2].assign(self._rates(float(times[0]), float(times[-1] + self.step)))

    def _rates(self, start: float, end: float) -> np.ndarray:
        """Mean rise of one cell [m/s] by each inlet between two times; what it gives off lands a fall later."""
        rates = []
        for emitter, fall in zip(self.lake.inlets, self._falls, strict=True):
            on = max(0.0, min(end, emitter.end + fall) - max(start, emitter.start + fall)) / (end - start)
            amount = np.pi * emitter.radius**2 * np.linalg.norm(np.asarray(emitter.velocity))
            rates.append(on * amount / self.lake.cell**2)
        return np.array(rates)

    def launch_step(self) -> None:
        """Advance by one step; nothing is allocated."""
        f, device = self.field, self.device
        shallow.slope(f, device=device)
        if self.basin is not None:
            waves.disperse(f, self.basin)
        lake = self.lake
        shallow.momentum(
            f, dt=self.step, gravity=self.gravity, drag=lake.drag, current=lake.current, device=device
        )  # fmt: skip
        shallow.rim(f.edge, f.u)
        shallow.rim(f.edge, f.w)
        shallow.flux(f, device=device)
        if self._inflow is not None:
            for faces, amount, q, _, _ in self._inflow:
                shallow.discharge(faces, amount, q)
        shallow.fill(f, dt=self.step, device=device)
        if self._inflow is not None:
            for faces, _, _, speed, u in self._inflow:
                shallow.discharge(faces, speed, u)
        if self._springs is not None:
            shallow.rain(f, self._springs, dt=self.step, device=device)
        for array in (f.h, f.eta, f.qx, f.qz):
            shallow.rim(f.edge, array)

    @property
    def shore(self) -> np.ndarray:
        """Cells that are land high above the water (rows, columns)."""
        return self.field.read("bed") > lake_grid.LAND / 2

    def eta(self) -> np.ndarray:
        """Height of the surface over the level (rows, columns) [m]; NaN where it is dry."""
        h = self.field.read("h")
        return np.where(h > 1e-6, self.field.read("bed") + h, np.nan)

    def velocity(self) -> np.ndarray:
        """Mean of the column at the cells (rows, columns, 2) [m/s]."""
        u, w = self.field.faces("u", 0), self.field.faces("w", 1)
        if self.lake.periodic:
            u, w = np.concatenate([u[:, :-1], u[:, :1]], 1), np.concatenate([w[:-1], w[:1]], 0)
        return np.stack([0.5 * (u[:, 1:] + u[:, :-1]), 0.5 * (w[1:] + w[:-1])], axis=-1)

    def volume(self) -> float:
        """[m^3]"""
        return float(self.field.read("h").sum()) * self.lake.cell**2

    def check(self, time: float) -> None:
        """Raises FloatingPointError if the state is no longer finite."""
        speed = float(np.abs(self.velocity()).max())
        if not (np.isfinite(self.field.read("h")).all() and speed < SPEED_LIMIT):
            raise FloatingPointError(
                f"lake {self.entity.name!r} is no longer finite at {time:.3g} s, expected speeds below "
                f"{SPEED_LIMIT:g} m/s. Lower its inflow or what falls into it, or give it fewer cells."
            )


def _springs(inlets: tuple[Emitter, ...], water: LakeWater):
    """Where the jets land: cells, weights that add up to 1 for each, rates, number; ``None`` without inlets."""
    if not inlets:
        return None
    lake = water.lake
    x, z = lake_grid.cell_centres(lake, water.entity.position)
    xx, zz = np.meshgrid(x, z)
    wet = water.depth > 0
    cells, weights, numbers = [], [], []
    for number, emitter in enumerate(inlets):
        if isinstance(emitter.velocity, OverTime):
            raise ValueError(
                "the velocity of a lake's inlet changes with time, expected a constant one [m/s]: where its jet lands "
                "is found once. Give several inlets with `start` and `end`."
            )
        drop = emitter.centre[1] - water.level
        if drop < 0:
            raise ValueError(f"an inlet of {water.entity.name!r} is at y = {emitter.centre[1]:g} m, under the water.")
        down = -emitter.velocity[1]
        fall = (-down + math.sqrt(down**2 + 2 * water.gravity * drop)) / water.gravity
        water._falls.append(fall)
        at = np.array(emitter.centre)[[0, 2]] + fall * np.array(emitter.velocity)[[0, 2]]
        radius = max(emitter.radius, 1.5 * lake.cell)
        weight = np.where(wet, np.clip(1 - ((xx - at[0]) ** 2 + (zz - at[1]) ** 2) / radius**2, 0, 1) ** 2, 0)
        if weight.sum() == 0:
            raise ValueError(
                f"an inlet of {water.entity.name!r} pours at x = {at[0]:.3g}, z = {at[1]:.3g} m, outside the water."
            )
        k, i = np.nonzero(weight)
        cells.append((k + RIM) * water.field.width + i + RIM)
        weights.append(weight[k, i] / weight.sum())
        numbers.append(np.full(len(k), number))
    device = water.device
    return (
        wp.array(np.concatenate(cells).astype(np.int32), dtype=int, device=device),
        wp.array(np.concatenate(weights), dtype=wp.float64, device=device),
        wp.zeros(len(inlets), dtype=wp.float64, device=device),
        wp.array(np.concatenate(numbers).astype(np.int32), dtype=int, device=device),
    )


def _inflow(lake: Lake, water: LakeWater):
    """Faces, discharge per width, flux array, speed and velocity array of every side with an inflow."""
    if not lake.inflow:
        return None
    f, device, found = water.field, water.device, []
    for side, amount in lake.inflow:
        along = "x" if side[1] == "x" else "z"
        first = side[0] == "-"
        if along == "x":
            depth = water.depth[:, 0 if first else -1]
            k = np.arange(f.rows) + RIM
            faces = k * f.width + (RIM if first else RIM + f.columns)
        else:
            depth = water.depth[0 if first else -1]
            faces = (RIM if first else RIM + f.rows) * f.width + np.arange(f.columns) + RIM
        if depth.sum() == 0:
            raise ValueError(f"lake {water.entity.name!r} is dry at {side!r}, where {amount:g} m^3/s should flow in.")
        # an even speed over the section
        speed = (1 if first else -1) * amount / (depth.sum() * lake.cell) * (depth > 0)
        q, u = (f.qx, f.u) if along == "x" else (f.qz, f.w)
        arrays = (wp.array(a, dtype=wp.float64, device=device) for a in (speed * depth, speed))
        per_width, speeds = arrays
        found.append((wp.array(faces.astype(np.int32), dtype=int, device=device), per_width, q, speeds, u))
    return found
