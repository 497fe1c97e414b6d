"""One liquid of a scene: its grid, walls, sources and particles, and what happened to it so far."""

from __future__ import annotations

import numpy as np
import warp as wp

from physim.foam import Foam
from physim.liquid_body import WetBodies, moving
from physim.liquid_cloth import WetCloth
from physim.liquid_domain import COURANT, check_count, check_steps, choose_domain, expected_speed, steps_per_frame
from physim.liquid_drag import LiquidDrag
from physim.liquid_grid import LiquidSettings
from physim.liquid_ledger import MomentumLedger
from physim.liquid_particles import LiquidSource
from physim.liquid_seed import lattice, velocity_of
from physim.liquid_solids import SolidsGrid
from physim.liquid_stress import CLINGS, kinematic_tension, stress_settings
from physim.liquid_tension import longest_step
from physim.liquid_wall import bake, shell, standing
from physim.materials import Liquid
from physim.over_time import OverTime, mean_of, strongest_of
from physim.rigid_arrays import Piece
from physim.scene import Entity, Scene
from physim.shapes import Emitter
from physim.solver_cloth import ClothSolver
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix
from physim.trajectory import FOAM_DTYPE, SPLASH_DTYPE, LiquidTrack
from physim.vapour import LiquidSurface

TOO_FAST = 12.0
"""Cells per step at which the state counts as blown up."""
LEAST_RADIUS = 0.75
"""Of an emitter [cells]."""


class SceneLiquid:
    """Entities of one ``Liquid`` in one container.

    Args:
        scene: What is there.
        rigid: Keeps the clock and the bodies.
        entities: Of equal material.
        seconds: How long the run is.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver, entities: list[Entity], *, seconds: float):
        self.scene, self.rigid, self.entities = scene, rigid, entities
        self.name, self.device = entities[0].name, rigid.device
        self.material: Liquid = entities[0].material  # type: ignore[assignment]
        assert self.material.density is not None
        self.domain = choose_domain(scene, entities, seconds)
        self._origin, self._axes = np.array(self.domain.low), self.domain.axes
        speed = expected_speed(scene, entities, self.domain, seconds)
        check_steps(self.name, speed, self.domain, rigid.fps)
        self.steps = steps_per_frame(speed, self.domain.cell, rigid.fps, rigid.substeps)
        """Per frame."""
        size = tuple(float(h - l) for l, h in zip(self.domain.low, self.domain.high, strict=True))
        self._tension = kinematic_tension(
            self.material, size, np.array(scene.heaviest), self.domain.cell, 1 / rigid.fps / self.steps  # type: ignore[arg-type]
        )  # fmt: skip
        if self._tension > 0.0:  # its waves are faster than the flow
            speed = max(speed, COURANT * self.domain.cell / longest_step(self.domain.cell, self._tension))
            self.steps = steps_per_frame(speed, self.domain.cell, rigid.fps, rigid.substeps)
        self.dt = 1 / rigid.fps / self.steps
        """[s]"""
        self._stride = max(1, rigid.substeps // self.steps)
        self._repeats = max(1, self.steps // rigid.substeps)
        holder, around = self._around()
        self.walls = bake(around, self.domain, self.device)
        self.bodies: WetBodies | None = None
        self.drag: LiquidDrag | None = None
        if moving(rigid.pieces):
            self.bodies = WetBodies(
                rigid, self.domain, self.walls, holder=holder, density=self.material.density, dt=self.dt
            )
            if self.bodies.count:
                self.drag = LiquidDrag(
                    rigid, self.bodies, self.material, self.name, cell=self.domain.cell, dt=self.dt
                )  # fmt: skip
        self._make_grid(seconds)
        self._worst = {"liquid_divergence [-]": 0.0, "liquid_courant [cells]": 0.0}
        x, v, _fastest = self._read()
        if self.drag is not None:
            self._open_ledger(v.numpy()[: self.count])
        self._states = _States(round(seconds * rigid.fps) + 1, x.shape[0])
        self._states.add(x.numpy(), self.grid.particles.halve(v))
        self.foam: Foam | None = None
        self._foams = [np.zeros(0, FOAM_DTYPE)]
        if self.material.viscosity < CLINGS:  # type: ignore[operator]  # air rises out of thicker ones far too slowly
            self.foam = Foam(
                self.material, self.name, cell=self.domain.cell, particle_volume=self._volume,
                gravity=np.array(scene.gravity), dt=1 / rigid.fps, seed=scene.seed,
            )  # fmt: skip

    # -- set-up ---------------------------------------------------------------------------------------------------

    def _around(self) -> tuple[int, list[Piece]]:
        """Number of the body that carries the grid, -1 for none; and what stands still in it."""
        inside, pieces = self.entities[0].inside, self.rigid.pieces
        if inside is None:
            return -1, standing(pieces)
        number = self.rigid.number_of(inside)
        if number not in moving(pieces):
            return -1, standing(pieces)
        return number, [shell(self.scene[inside], pieces[number])]

    def _make_grid(self, seconds: float) -> None:
        positions, velocities = self._seed()
        cell, s = self.domain.cell, self.rigid.substep
        self._volume = _particle_volume(self.entities, positions, cell, self._exact)
        size = self._volume / cell**3
        sources = self._sources()
        capacity = len(positions) + sum(source.count(seconds + s, size) for source in sources)
        check_count(self.name, self.material, capacity, round(seconds * self.rigid.fps))
        settings = LiquidSettings(
            shape=self.domain.shape, cell=cell, dt=self.dt, steps=self.steps, particle_volume=size, iterations=7,
            gravity=tuple(float(g) for g in np.array(self.scene.heaviest) @ self._axes),  # type: ignore[arg-type]
            tension=self._tension, **stress_settings(self.material),
        )  # fmt: skip
        self.grid = SolidsGrid(
            settings, self.walls, self.bodies, self._cells(positions), velocities @ self._axes / cell,
            capacity=capacity, sources=sources, drag=self.drag, device=self.device,
        )  # fmt: skip
        emitters = [e.shape for e in self.entities if isinstance(e.shape, Emitter)]
        self._pours = any(isinstance(emitter.velocity, OverTime) for emitter in emitters)
        self.count = len(positions)
        """Particles at the start."""

    def _seed(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [m] and velocities [m/s] of all volumes, where no solid is."""
        found_x, found_v = [np.zeros((0, 3))], [np.zeros((0, 3))]
        self._exact = True
        self._corners = None if self.bodies is None else self.bodies.start()
        for entity in self.entities:
            if isinstance(entity.shape, Emitter):
                continue
            points = lattice(entity, self.domain.cell)
            free = self._free(points)
            if not free.any():
                raise ValueError(
                    f"liquid {entity.name!r} lies in something solid or outside of its box from {self._corner(0)} to "
                    f"{self._corner(1)} m, expected room for it. Move it, or give Liquid a domain around it."
                )
            self._exact = self._exact and bool(free.all())
            found_x.append(points[free])
            found_v.append(velocity_of(entity, points[free]))
        return np.concatenate(found_x), np.concatenate(found_v)

    def _corner(self, which: int) -> tuple[float, ...]:
        return tuple(round(float(c), 4) for c in (self.domain.low, self.domain.high)[which])

    def _free(self, points: np.ndarray) -> np.ndarray:
        """Which points [m] lie in the box and in no solid."""
        x, high = self._cells(points), self._cells(np.array(self.domain.high))
        free = np.all((x > 0) & (x < high), axis=1)
        free[free] = self._distance(x[free]) > 0
        return free

    def _cells(self, points: np.ndarray) -> np.ndarray:
        """Points [m] on the grid [cells]."""
        return (points - self._origin) @ self._axes / self.domain.cell

    def _distance(self, x: np.ndarray) -> np.ndarray:
        """To solids as they are at the start [cells], at points (N, 3) [cells] in the box."""
        from scipy.ndimage import map_coordinates

        d = map_coordinates(self.walls.phi.numpy(), 2 * x.T, order=1, mode="nearest")
        if self._corners is None:
            return d
        return np.minimum(d, map_coordinates(self._corners, x.T, order=1, mode="nearest"))

    def _sources(self, start: float | None = None, end: float = 0.0) -> list[LiquidSource]:
        """What lets liquid in, as it is on average between two times [s]; without them where it is strongest."""
        sources = []
        for entity in self.entities:
            if not isinstance(entity.shape, Emitter):
                continue
            e, turn = entity.shape, rotation_matrix(np.array(entity.orientation))
            centre = turn @ np.array(e.centre, dtype=np.float64) + entity.position
            jet = strongest_of(e.velocity) if start is None else mean_of(e.velocity, start, end)
            velocity = turn @ jet + entity.velocity
            if start is None:
                self._check_source(entity.name, e, centre, velocity)
            cell = self.domain.cell
            at = tuple(float(c) for c in self._cells(centre))
            flow = tuple(float(c) for c in velocity @ self._axes / cell)
            sources.append(LiquidSource(at, flow, e.radius / cell, e.start, e.end))  # type: ignore[arg-type]
        return sources

    def _check_source(self, name: str, emitter: Emitter, centre: np.ndarray, velocity: np.ndarray) -> None:
        cell, where = self.domain.cell, tuple(round(float(c), 4) for c in centre)
        if emitter.radius < LEAST_RADIUS * cell:
            needed = int(np.ceil(self.material.resolution * LEAST_RADIUS * cell / emitter.radius))
            raise ValueError(
                f"emitter {name!r} has radius {emitter.radius:.3g} m on cells of {cell:.3g} m, expected at least "
                f"{LEAST_RADIUS * cell:.3g} m. Raise Liquid.resolution to {needed}, or give a smaller domain."
            )
        if not np.linalg.norm(velocity) > 0:
            raise ValueError(
                f"emitter {name!r} has velocity {emitter.velocity}, expected some [m/s]: of a liquid enters what flows "
                "through its disc."
            )
        if not self._free(centre[None])[0]:
            raise ValueError(
                f"emitter {name!r} at {where} m lies in something solid or outside of the liquid's box from "
                f"{self._corner(0)} to {self._corner(1)} m, expected air around it. Move it, or give Liquid a domain."
            )

    def _open_ledger(self, velocity: np.ndarray) -> None:
        """Of momentum, if the grid stands still and nothing enters; with the velocities [m/s] at the start."""
        if (self.bodies is None or self.bodies.holder < 0) and not sources_in(self.entities):
            assert self.material.density is not None
            self.grid.ledger = MomentumLedger(
                self.bodies, self.scene.mean_gravity, density=self.material.density, cell=self.domain.cell,
                mass=self.material.density * self._volume, axes=self._axes, device=self.device,
            )  # fmt: skip
            self.grid.ledger.look(0.0, velocity)

    def soak(self, cloth: ClothSolver) -> None:
        """Let the cloths of the scene hang in it; before the first frame."""
        wet = WetCloth(
            cloth, self.material, self.domain, self.bodies, dt=self.dt,
            particle=self._volume / self.domain.cell**3,
        )  # fmt: skip
        self.grid.cloth = wet
        cloth.waters.append(wet)
        if self.grid.ledger is None:
            self._open_ledger(self._states.velocity[0, : self.count].astype(np.float32))
        if self.grid.ledger is not None:
            self.grid.ledger.cloth = wet

    # -- in the frame -----------------------------------------------------------------------------------------------

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""
        self.grid.load_kernels()

    def begin_frame(self, first_substep: int) -> None:
        """What the first step builds on, the first time; and what of gravity and sources changes."""
        if self._pours:
            h = self.rigid.substep
            first = first_substep * h
            self.grid.particles.set_sources(self._sources(first, first + self.rigid.substeps * h))
        if self.rigid.weight.changes:
            now = self.rigid.weight.now
            self.grid.set_gravity(now @ self._axes)
            if self.foam is not None:
                self.foam.weigh(now)
        if len(self._states) == 1:
            self.grid.prime()

    def launch_search(self, k: int) -> None:
        """The step that begins with substep ``k``, where bodies are and with what they have."""
        if self._repeats == 1 and k % self._stride == 0:
            self.grid.launch_step(order=k == 0)

    def launch_substep(self, k: int) -> None:
        """What bodies get in substep ``k``: the push of a step is spread evenly over its substeps."""
        for repeat in range(self._repeats if self._repeats > 1 else 0):
            self.grid.launch_step(order=k == 0 and repeat == 0)
            if self.bodies is not None:
                self.bodies.give(1.0)
        if self._repeats == 1 and self.bodies is not None:
            self.bodies.give(1.0 / self._stride)

    def end_frame(self) -> None:
        """Read the frame back.

        Raises:
            FloatingPointError: The liquid is no longer finite, or far faster than its steps allow.
        """
        x, v, fastest = self._read()
        courant = fastest * self.dt
        if courant > TOO_FAST:
            raise FloatingPointError(
                f"liquid {self.name!r} moves {courant:.3g} cells per step at "
                f"{len(self._states) / self.rigid.fps:.3g} s, expected some {TOO_FAST:g} at most. Raise fps for "
                "shorter steps, lower resolution, or check the velocities of what enters and of what strikes it."
            )
        self._worst["liquid_courant [cells]"] = max(self._worst["liquid_courant [cells]"], courant)
        self._worst["liquid_divergence [-]"] = max(self._worst["liquid_divergence [-]"], self.grid.divergence())
        self._states.add(x.numpy(), self.grid.particles.halve(v))
        told = len(self._blows())
        if self.drag is not None:
            self.drag.end_frame()
        if self.foam is not None:
            self.foam.frame(x.numpy(), v.numpy(), self._blows()[told:])
            self._foams.append(self.foam.balls)
        if self.grid.ledger is not None:
            seen = v.numpy()
            there = np.isfinite(seen[:, 0])
            if there.sum() == self.count - self._drunk():
                self.grid.ledger.look((len(self._states) - 1) / self.rigid.fps, seen[there])
            else:  # some has left and took its momentum along
                self.grid.ledger = None

    def _read(self) -> tuple[wp.array, wp.array, float]:
        """Places [m] and velocities [m/s] of all particles in the world, and the largest component [cells/s]."""
        cell = self.domain.cell
        if self.bodies is None or self.bodies.holder < 0:
            return self.grid.particles.record(self._origin, cell * self._axes, cell * self._axes)
        origin, axes = self.bodies.pose()
        return self.grid.particles.record(origin, cell * axes, cell * self.bodies.axes())

    def _drunk(self) -> int:
        """Particles that cloth has soaked up so far."""
        return 0 if self.grid.cloth is None else int(self.grid.cloth.drunk.numpy()[0])

    def surface(self) -> LiquidSurface:
        """The free surface now, as seen against gravity."""
        if len(self._states) == 1:
            self.grid.look()
        origin, axes = (self._origin, self._axes) if self.bodies is None else self.bodies.pose()
        along = -axes.T @ (self.rigid.weight.now if self.rigid.weight.now.any() else self.scene.heaviest)
        axis = int(np.abs(along).argmax())
        phi, open = (np.moveaxis(a.numpy(), axis, 0) for a in (self.grid.phi, self.grid.open))
        if along[axis] < 0:
            phi, open = phi[::-1], open[::-1]
        wet = (phi < 0) & (open > 0)
        bulk = wet[1:-1] & (wet[:-2] | (open[:-2] <= 0)) & ~wet[2:] & (open[2:] > 0)  # no drops
        at = np.argwhere(bulk) + [1, 0, 0]
        below, above = (phi[tuple((at + [n, 0, 0]).T)] for n in (0, 1))
        place = at + 0.5
        place[:, 0] += below / np.minimum(below - np.maximum(above, 0.0), -1e-6)
        if along[axis] < 0:
            place[:, 0] = len(phi) - place[:, 0]
        place = place[:, np.insert(np.array([1, 2]), axis, 0)]
        cell = self.domain.cell
        return LiquidSurface(origin + cell * place @ axes.T, len(place) * cell**2)

    # -- results ----------------------------------------------------------------------------------------------------

    def track(self, name: str) -> LiquidTrack:
        x, v = self._states.position, self._states.velocity
        ever = np.isfinite(x[..., 0]).any(axis=0)
        last = int(np.flatnonzero(ever)[-1]) + 1 if ever.any() else 0
        foam = tuple(self._foams) if any(map(len, self._foams)) else ()
        return LiquidTrack(name, self.domain.cell, self._volume, x[:, :last], v[:, :last], foam)

    def _blows(self) -> np.ndarray:
        """Of bodies on the surface so far, ``SPLASH_DTYPE``."""
        return np.zeros(0, SPLASH_DTYPE) if self.drag is None else self.drag.splashes()

    def splashes(self) -> np.ndarray:
        """Blows on the surface so far, of bodies and of the liquid itself, ``SPLASH_DTYPE``."""
        return np.concatenate([self._blows(), np.zeros(0, SPLASH_DTYPE) if self.foam is None else self.foam.splashes()])

    def report(self) -> dict[str, float]:
        """Volumes, divergence after the projection over the largest speed, and cells crossed per step."""
        now = int(np.isfinite(self._states.position[-1, :, 0]).sum())
        given = int(self.grid.particles.given.numpy()[0])
        return {
            "liquid_volume_start [m^3]": self.count * self._volume,
            "liquid_volume_emitted [m^3]": (given - self.count) * self._volume,
            "liquid_volume_left [m^3]": (given - now - self._drunk()) * self._volume,
            **({} if self.grid.cloth is None else {"liquid_volume_soaked [m^3]": self._drunk() * self._volume}),
            "liquid_volume_end [m^3]": now * self._volume,
            "liquid_step [s]": self.dt,
            **({} if self.grid.ledger is None else {"liquid_momentum_error [-]": self.grid.ledger.error()}),
            **self._worst,
        }


def sources_in(entities: list[Entity]) -> bool:
    """Whether any of them pours."""
    return any(isinstance(e.shape, Emitter) for e in entities)


class _States:
    """Places and velocities of all particles at every frame so far, in room that is taken once.

    A result that is gathered frame by frame and put together at the end would be there twice.
    """

    def __init__(self, frames: int, particles: int) -> None:
        self._x = np.zeros((max(frames, 1), particles, 3), np.float32)
        self._v = np.zeros(self._x.shape, np.float16)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, x: np.ndarray, v: np.ndarray) -> None:
        """Keep one more frame (N, 3) [m], [m/s]; more than announced need new room."""
        if self._count == len(self._x):
            more = max(8, self._count // 4)
            self._x, self._v = (
                np.concatenate([a, np.zeros((more, *a.shape[1:]), a.dtype)]) for a in (self._x, self._v)
            )
        self._x[self._count], self._v[self._count] = x, v
        self._count += 1

    @property
    def position(self) -> np.ndarray:
        """(T, N, 3) float32 [m], world."""
        return self._x[: self._count]

    @property
    def velocity(self) -> np.ndarray:
        """(T, N, 3) float16 [m/s], world."""
        return self._v[: self._count]


def _particle_volume(entities: list[Entity], positions: np.ndarray, cell: float, exact: bool) -> float:
    """Of one particle [m^3]: so that all together have the volume of the shapes, if none of these is cut by a solid."""
    solids = [e for e in entities if not isinstance(e.shape, Emitter)]
    if not solids or not exact:
        return cell**3 / 8
    volumes: list[float] = [e.shape.volume for e in solids]  # type: ignore[union-attr]
    together = sum(volumes) / len(positions)
    return together if abs(together / (cell**3 / 8) - 1) < 0.2 else cell**3 / 8
