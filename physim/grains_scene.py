"""One kind of grains in a scene: its grid, walls, sources and particles, and what happened to it so far."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import grains as kernels
from physim_kernels import grains_row

from physim.grains_bodies import SunkBodies
from physim.grains_domain import (
    BYTES_KEPT,
    BYTES_PER_PARTICLE,
    MEMORY,
    PAD,
    STEP_LIMIT,
    choose_domain,
    expected_pressure,
)
from physim.grains_matter import longest_step, matter, stiffness
from physim.grains_source import Births, births
from physim.grains_walls import bake_walls
from physim.liquid_body import moving
from physim.liquid_seed import lattice, velocity_of
from physim.liquid_wall import standing
from physim.materials import Grains
from physim.scene import Entity, Scene
from physim.shapes import Emitter
from physim.solver_rigid import RigidSolver
from physim.trajectory import GrainsTrack

TOO_FAST = 0.95
"""Cells per step at which the state counts as blown up."""


class SceneGrains:
    """Entities of one ``Grains``.

    Args:
        scene: What is there.
        rigid: Keeps the clock and the bodies.
        entities: Of equal material.
        seconds: How long the run is.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver, entities: list[Entity], *, seconds: float):
        self.scene, self.rigid, self.entities = scene, rigid, entities
        self.name, self.device = entities[0].name, rigid.device
        self.material: Grains = entities[0].material  # type: ignore[assignment]
        self.domain = choose_domain(scene, entities, seconds)
        cell, rho = self.domain.cell, float(self.material.density)  # type: ignore[arg-type]
        pressure, speed = expected_pressure(scene, entities, self.domain)
        self.moduli = stiffness(self.material, rho * pressure)
        longest = longest_step(self.moduli, rho, speed, cell) / rigid.refinement
        self.steps = max(1, int(np.ceil(rigid.substep / longest)))
        """Per substep of the rigid solver."""
        self.dt = rigid.substep / self.steps
        """[s]"""
        if self.steps * rigid.substeps > STEP_LIMIT:
            raise ValueError(
                f"grains {self.name!r} need {self.steps * rigid.substeps} steps per frame at cells of {cell:.3g} m and "
                f"waves of {np.sqrt(self.moduli.constrained / rho):.3g} m/s, expected at most {STEP_LIMIT}. Lower "
                "resolution, or raise fps; bodies in them may be too heavy or too fast."
            )
        wall, self._distance = bake_walls(standing(rigid.pieces), self.material, self.domain, self.device)
        self.bodies: SunkBodies | None = None
        if moving(rigid.pieces):
            self.bodies = SunkBodies(rigid, self.domain, self.material)
        self._make(wall, seconds)

    # -- set-up -------------------------------------------------------------------------------------------------------

    def _make(self, wall: np.ndarray, seconds: float) -> None:
        device, cell, shape = self.device, self.domain.cell, self.domain.shape
        x, v = self._seed()
        self._volume = self._particle_volume(len(x))
        entering = births(self.entities, self.domain, self._volume, seconds)
        capacity, frames = len(x) + len(entering.when), round(seconds * self.rigid.fps) + 1
        _check_count(self.name, self.material, capacity, frames)
        self.count = len(x)
        """Particles at the start."""
        self.mass = float(self.material.density) * self._volume  # type: ignore[arg-type]
        """Of a particle [kg]."""
        state = np.zeros((kernels.ROWS, max(capacity, 1)), np.float32)
        state[kernels.X : kernels.X + 3, : len(x)] = self._nodes(x).T
        state[kernels.V : kernels.V + 3, : len(x)] = v.T / cell
        array = lambda a, t: wp.array(a, dtype=t, device=device)  # noqa: E731
        self._state = array(state, float)
        self._number = array(np.arange(state.shape[1], dtype=np.int32), int)
        self._count, self._total = (array(np.array([len(x)], np.int32), int) for _ in range(2))
        self._entered = wp.zeros(1, dtype=int, device=device)
        self._time = wp.zeros(1, dtype=wp.float64, device=device)
        self._births: Births = entering
        self._when = array(entering.when.astype(np.float32), float)
        self._place = array(self._nodes(entering.position).astype(np.float32), wp.vec3)
        self._speed = array((entering.velocity / cell).astype(np.float32), wp.vec3)
        self._grid = wp.zeros(shape, dtype=wp.vec4, device=device)
        self._wall = array(wall, wp.vec4)
        rows = shape[0] * shape[1]
        self._has_wall = array(wall.reshape(rows, -1).any(1).astype(np.int32), int)
        self._own, self._reach = (wp.zeros(2 * rows, dtype=int, device=device) for _ in range(2))
        self._spare = wp.zeros(state.shape[1], dtype=float, device=device)
        self._key = wp.zeros(state.shape[1], dtype=int, device=device)
        self._start = wp.zeros(int(np.prod(shape)) + 1, dtype=int, device=device)
        sides, top = self.domain.walls, np.round((np.array(self.domain.high) - self.domain.low) / cell).astype(int)
        self._lower = wp.vec3i(*(PAD if sides[2 * a] else -1 for a in range(3)))
        self._upper = wp.vec3i(*(PAD + int(top[a]) if sides[2 * a + 1] else 1 << 20 for a in range(3)))
        self._gain = wp.zeros(1, dtype=wp.vec3, device=device)
        self._matter = matter(self.material, self.moduli, cell, self._volume / cell**3)
        self._out = [wp.zeros(state.shape[1], dtype=wp.vec3, device=device) for _ in range(2)]
        self._x = np.full((frames, state.shape[1], 3), np.nan, np.float32)
        self._v = np.zeros(self._x.shape, np.float16)
        self._frame, self._fastest, self._packed = 0, 0.0, 0.0
        self._x[0, : len(x)], self._v[0, : len(x)] = x, v

    def _nodes(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 3) [m] on the grid."""
        return (points - self.domain.origin) / self.domain.cell

    def _seed(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [m] and velocities [m/s] of all volumes, where no solid is."""
        found_x, found_v = [np.zeros((0, 3))], [np.zeros((0, 3))]
        low, high = np.array(self.domain.low), np.array(self.domain.high)
        self._exact = True
        for entity in self.entities:
            if isinstance(entity.shape, Emitter):
                continue
            self._check_size(entity)
            points = lattice(entity, self.domain.cell)
            free = np.all((points > low) & (points < high), axis=1)
            free[free] = self._room(points[free])
            if not free.any():
                corners = tuple(np.round(low, 4)), tuple(np.round(high, 4))
                raise ValueError(
                    f"grains {entity.name!r} lie in something solid or outside of their box from {corners[0]} to "
                    f"{corners[1]} m, expected room for them. Move them, or give Grains a domain around them."
                )
            self._exact = self._exact and bool(free.all())
            found_x.append(points[free])
            found_v.append(velocity_of(entity, points[free]))
        return np.concatenate(found_x), np.concatenate(found_v)

    def _check_size(self, entity: Entity) -> None:
        """Raise if a thing is thinner than a cell."""
        points = entity.shape.triangles.vertices  # type: ignore[union-attr]
        thin, cell = float(np.ptp(points, axis=0).min()), self.domain.cell
        if thin < cell:
            fits = int(np.ceil(self.material.resolution * cell / thin))
            raise ValueError(
                f"grains {entity.name!r} are {thin:.3g} m thin on cells of {cell:.3g} m, expected at least a cell. "
                f"Raise Grains.resolution to {fits}, or give a smaller domain."
            )

    def _room(self, points: np.ndarray) -> np.ndarray:
        """Whether points (N, 3) [m] lie in no solid as it is at the start."""
        from scipy.ndimage import map_coordinates

        free = map_coordinates(self._distance, self._nodes(points).T, order=1, mode="nearest") > -1e-3
        if self.bodies is not None:
            free &= self.bodies.distance(points) > 0
        return free

    def _particle_volume(self, count: int) -> float:
        """Of one particle [m^3]: so that all have the volume of the shapes, if none of these is cut by a solid."""
        usual = self.domain.cell**3 / 8
        volumes = [e.shape.volume for e in self.entities if not isinstance(e.shape, Emitter)]  # type: ignore[union-attr]
        if not volumes or not self._exact:
            return usual
        together = float(sum(volumes)) / count
        return together if abs(together / usual - 1) < 0.2 else usual

    # -- in the frame -------------------------------------------------------------------------------------------------

    def load_kernels(self) -> list:
        """Modules of the kernels."""
        return [kernels, *([grains_row] if self.device.is_cpu else []), *(SunkBodies.modules() if self.bodies else [])]

    def begin_frame(self) -> None:
        """Gravity may have changed."""
        gain = self.rigid.weight.now / self.domain.cell
        self._gain.assign(np.array([gain], dtype=np.float32))

    def launch_substep(self) -> None:
        """All steps of one substep of the rigid solver."""
        device, shape = self.device, self.domain.shape
        if len(self._births.when):
            inputs = [self._when, self._place, self._speed, self._time, wp.float64(self.rigid.substep)]
            outputs = [self._entered, self._state, self._number, self._count, self._total]
            wp.launch(kernels.born_kernel, dim=1, inputs=inputs, outputs=outputs, device=device)
        if device.is_cpu:
            inputs = [wp.vec3i(*shape), self._spare, self._key, self._start, self._state, self._number, self._count]
            wp.launch(grains_row.order_serial_kernel, dim=1, inputs=inputs, device=device)
            self._clear()
        if self.bodies:
            self.bodies.begin(self.steps, self._reach if device.is_cpu else None)
        for step in range(self.steps):
            self._launch_step(clear=step > 0)
        if self.bodies:
            self.bodies.end(self._count, self._state)

    def _clear(self) -> None:
        inputs = [self._state, self._count, self._own, self._reach, self._grid]
        wp.launch(grains_row.clear_serial_kernel, dim=1, inputs=inputs, device=self.device)

    def _launch_step(self, *, clear: bool) -> None:
        s, n, g, dt, device = self._state, self._count, self._grid, self.dt, self.device
        fence = [self._lower, self._upper]
        if device.is_cpu:
            if clear:
                self._clear()
            wp.launch(grains_row.scatter_serial_kernel, dim=1, inputs=[s, n, g], device=device)
            inputs = [self._wall, self._has_wall, self._gain, dt, *fence, self._reach, g]
            wp.launch(grains_row.node_serial_kernel, dim=1, inputs=inputs, device=device)
        else:
            g.zero_()
            wp.launch(kernels.scatter_kernel, dim=s.shape[1], inputs=[s, n, g], device=device)
            wp.launch(kernels.node_kernel, dim=g.shape, inputs=[self._wall, self._gain, dt, *fence, g], device=device)
        if self.bodies:
            self.bodies.meet(self.mass, self._reach if device.is_cpu else None, self._wall, g)
        if device.is_cpu:
            wp.launch(grains_row.gather_serial_kernel, dim=1, inputs=[g, self._matter, dt, n, s], device=device)
        else:
            wp.launch(kernels.gather_kernel, dim=s.shape[1], inputs=[g, self._matter, dt, n, s], device=device)

    def end_frame(self) -> None:
        """Read the frame back.

        Raises:
            FloatingPointError: The grains are no longer finite, or far faster than their steps allow.
        """
        x, v = self._out
        x.fill_(float("nan"))
        v.zero_()
        inputs = [
            self._state, self._number, self._count, wp.vec3d(*map(float, self.domain.origin)), self.domain.cell, x, v
        ]  # fmt: skip
        wp.launch(kernels.record_kernel, dim=self._state.shape[1], inputs=inputs, device=self.device)
        self._frame += 1
        places, speeds = x.numpy(), v.numpy()
        entered = int(self._total.numpy()[0])
        there = np.isfinite(places[:, 0])
        fastest = float(np.abs(speeds[there]).max(initial=0.0)) * self.dt / self.domain.cell
        finite = np.isfinite(speeds).all() and np.isfinite(places[there]).all()
        if not finite or fastest > TOO_FAST:
            raise FloatingPointError(
                f"grains {self.name!r} move {fastest:.3g} cells per step at {self._frame / self.rigid.fps:.3g} s, "
                f"expected at most {TOO_FAST:g}. Raise fps for shorter steps, lower resolution, or check the "
                "velocities of what enters and of what strikes them."
            )
        self._fastest = max(self._fastest, fastest)
        if self._frame == len(self._x):
            self._x, self._v = (np.concatenate([a, a[-1:]]) for a in (self._x, self._v))
        self._x[self._frame], self._v[self._frame] = places, speeds
        self._entered_now = entered

    # -- results ------------------------------------------------------------------------------------------------------

    def track(self) -> GrainsTrack:
        """What happened so far."""
        last = int(self._total.numpy()[0])
        frames = self._frame + 1
        return GrainsTrack(self.name, self.domain.cell, self._volume, self._x[:frames, :last], self._v[:frames, :last])

    def stress(self) -> tuple[np.ndarray, np.ndarray]:
        """Places (N, 3) [m] of the particles that are there, and what presses on them along x, y, z (N, 3) [Pa]."""
        now = self._state.numpy()[:, : int(self._count.numpy()[0])]
        now = now[:, now[kernels.X] >= 0].astype(np.float64)
        cell = self.domain.cell
        held = now[kernels.E] <= self._matter.tension / self._matter.bulk  # others have come apart
        pressure = np.where(held, -self._matter.bulk * now[kernels.E], 0.0)
        own = pressure - now[kernels.S : kernels.S + 3]
        places = self.domain.origin + cell * now[kernels.X : kernels.X + 3].T
        return places, float(self.material.density) * cell**2 * own.T  # type: ignore[arg-type]

    def density(self) -> np.ndarray:
        """Of the grains at the nodes that are fully among them, over the bulk density at rest [-]."""
        now = self._state.numpy()[:, : int(self._count.numpy()[0])]
        x = now[kernels.X : kernels.X + 3, now[kernels.X] >= 0].T
        low = np.floor(x).astype(int)
        total = np.zeros(self.domain.shape)
        t = x - low
        for corner in range(8):
            bit = np.array([(corner >> a) & 1 for a in range(3)])
            np.add.at(total, tuple((low + bit).T), np.where(bit, t, 1 - t).prod(1))
        from scipy.ndimage import minimum_filter

        full = minimum_filter(total, 3) > 1.0
        return total[full] * self._volume / self.domain.cell**3

    def report(self) -> dict[str, float]:
        """Masses, the step, how far anything moved within one, and how dense the heap is."""
        now = int(np.isfinite(self._x[self._frame, :, 0]).sum())
        given = int(self._total.numpy()[0])
        dense = self.density()
        values = {
            "grains_mass_start [kg]": self.count * self.mass,
            "grains_mass_emitted [kg]": (given - self.count) * self.mass,
            "grains_mass_left [kg]": (given - now) * self.mass,
            "grains_mass_end [kg]": now * self.mass,
            "grains_step [s]": self.dt,
            "grains_courant [cells]": self._fastest,
        }
        if len(dense):
            values["grains_density_error [-]"] = float(abs(np.median(dense) - 1))
        return values


def _check_count(name: str, material: Grains, count: int, frames: int) -> None:
    """Raise if particles and what is kept of them need too much memory."""
    needed = float(count) * (BYTES_PER_PARTICLE + BYTES_KEPT * (frames + 1))
    if needed > 2 * MEMORY:
        fits = int(material.resolution * (2 * MEMORY / needed) ** (1 / 3))
        raise ValueError(
            f"grains {name!r} have up to {count:,} particles over {frames} frames, which needs "
            f"{needed / 2**30:.1f} GiB, expected at most {2 * MEMORY / 2**30:.1f} GiB. Lower resolution to {fits}, "
            "let emitters pour less or shorter, or simulate fewer seconds."
        )
