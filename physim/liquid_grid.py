"""A liquid in one box: particles that carry it, a staggered grid that keeps it incompressible.

One step (Jiang et al. 2015 for the transfers; Batty, Bertails, Bridson 2007 for walls; Kugelstadt, Longva, Thuerey,
Bender 2021 for the displacement that keeps the volume)::

    P2G(u, alpha);  phi(alpha);  u* = u + (stress + g) dt / 2;  A p = -div u*;  u* -= grad p;  u = u* + (u* - u)
    extrapolate;  G2P, move;     P2G(alpha);  phi(alpha);  A q = crowding;  x -= grad q

Viscosity acts on u + g dt less the last step's pressure, which is given back after it: weight that pressure bears must
not shear the liquid along walls that it clings to, weight that only viscosity bears must be there while it acts.

The same half step's change before and after the projection makes a leapfrog of it: with all of it before, liquid that
turns by the angle a in a step would lose a^2 / 2 of its speed.

The second solve moves particles and leaves velocities alone: crowding would otherwise turn into speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import (
    face_velocity,
    free_surface,
    liquid_fold,
    liquid_slip,
    liquid_wall,
    particle_move,
    particle_set,
    particles,
    pressure_sweep,
    surface_pressure,
    surface_tension,
    viscosity,
)
from physim_kernels import pressure as pressure_kernels

from physim.liquid_particles import LiquidSource, ParticleSet
from physim.liquid_slip import Slip, along_walls, nodes_of
from physim.liquid_tension import SurfaceTension
from physim.liquid_viscosity import LEAST as LEAST_VISCOSITY
from physim.liquid_viscosity import Viscosity
from physim.pressure import Extra, PressureSolver

LEAST_THETA = 0.05
"""Nearest that the surface comes to the centre of a liquid cell [cells]: bounds the matrix."""
LAYERS = 4
"""Cells beyond the surface that get velocities."""

Faces = tuple[wp.array, wp.array, wp.array]


@dataclass(frozen=True)
class LiquidSettings:
    """Sizes and rates of one liquid grid."""

    shape: tuple[int, int, int]
    cell: float
    """[m]"""
    dt: float
    """[s]"""
    steps: int
    """Per frame."""
    gravity: tuple[float, float, float] = (0.0, -9.81, 0.0)
    """[m/s^2]"""
    affine: float = 1.0
    """Part of the affine velocity that particles keep: 1 is APIC, 0 is PIC."""
    particle_volume: float = 0.125
    """Of one particle [cells]."""
    iterations: int = 7
    density_iterations: int = 2
    crowding: float = 0.5
    """Part of the crowding that one step removes."""
    viscosity: float = 0.0
    """Kinematic [m^2/s]; left out where the grid's own is larger."""
    cling: bool = False
    """Whether the liquid sticks to walls, or slides along them."""
    friction: float = 0.0
    """Skin friction coefficient of what slides: stress over rho v^2 [-]."""
    mirror: int = -1
    """Axis whose two sides are planes of symmetry and no walls: plane flow."""
    again: float = 0.9
    """Of the change of velocity in half a step, the part that particles take once more, ahead of their way.

    0 is first order in time: all of it before. 1 is the leapfrog, and forgets no divergence. Liquids that cling take 0.
    """
    tension: float = 0.0
    """Surface tension over density [m^3/s^2]; asks for short steps, see ``liquid_tension.longest_step``."""


class LiquidGrid:
    """Particles and grid of one liquid, advanced frame by frame by a captured sequence of launches.

    Args:
        settings: Sizes and rates.
        area: Open part of every face [-], arrays (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1); sides of the box at
            0 are walls, at 1 open to air.
        open: Open part of every cell (nx, ny, nz) [-].
        distance: Signed distance of cell centres to the solids (nx, ny, nz) [cells].
        positions: Of the particles (N, 3) [cells].
        velocities: (N, 3) [cells/s].
        capacity: Most particles that may ever be there, those that left included; N if not given.
        sources: What lets more of them in; ``particles.set_sources`` moves them between frames.
        nodes: Signed distance to the solids half a cell apart (2 nx + 1, 2 ny + 1, 2 nz + 1) [cells]; from
            ``distance`` if not given.
        device: Warp device.
    """

    def __init__(
        self,
        settings: LiquidSettings,
        area: tuple[np.ndarray, np.ndarray, np.ndarray],
        open: np.ndarray,
        distance: np.ndarray,
        positions: np.ndarray,
        velocities: np.ndarray | None = None,
        *,
        capacity: int | None = None,
        sources: Sequence[LiquidSource] = (),
        nodes: np.ndarray | None = None,
        device=None,
    ):
        if min(settings.shape) < 2:
            raise ValueError(f"LiquidSettings.shape is {settings.shape}, expected at least 2 cells along every axis.")
        self.settings = s = settings
        self.device = wp.get_device(device)
        self.area: Faces = tuple(self._floats(a) for a in area)  # type: ignore[assignment]
        self.solid: Faces = tuple(wp.zeros_like(a) for a in self.area)  # type: ignore[assignment]
        self.u: Faces = tuple(wp.zeros_like(a) for a in self.area)  # type: ignore[assignment]
        self._sum = [wp.zeros((*a.shape, 2), dtype=float, device=self.device) for a in self.area]
        self._valid = [[wp.zeros_like(a) for a in self.area] for _ in range(2)]
        self.open, self.distance = self._floats(open), self._floats(distance)
        self.alpha, self.phi, self._room = (wp.zeros(s.shape, dtype=float, device=self.device) for _ in range(3))
        self.particles = ParticleSet(
            s.shape, positions, velocities, capacity=capacity, particle_volume=s.particle_volume, sources=sources,
            device=self.device,
        )  # fmt: skip
        self.x, self.v, self.c = self.particles.x, self.particles.v, self.particles.c
        self.count = self.particles.count
        self._clock = wp.zeros(1, dtype=int, device=self.device)
        self.pressure = PressureSolver(s.shape, iterations=s.iterations, device=self.device)
        self._wet, self._wide, self._reach = (
            wp.zeros(s.shape[:2], dtype=wp.vec2i, device=self.device) for _ in range(3)
        )
        self.phi.fill_(1.0)
        self._pressure = wp.zeros_like(self.pressure.p)
        self._launch(free_surface.room_kernel, s.shape, [self.open], [self._room])
        self._folds, self._raw = False, wp.zeros_like(self.alpha)
        """Whether what particles spread into closed cells counts in the open ones beside them."""
        self._seals = bool(((np.asarray(open) > 0.0) & (np.asarray(open) < 0.5)).any())
        """Whether walls cut cells so that few particles fit into them."""
        self._viscosity = self._tension = None
        self._again = 0.0 if s.cling else s.again
        self._dt = s.dt / (1.0 + self._again)  # of the change that the grid computes
        self._ahead = 0.5 * s.dt * (1.0 - self._again) / (1.0 + self._again)
        weight = [g * self._dt / s.cell for g in s.gravity]
        self._weight = wp.array([weight], dtype=wp.vec3, device=self.device)
        """What a step changes of velocities [cells/s], one element."""
        number = s.viscosity * self._dt / s.cell**2
        if number >= LEAST_VISCOSITY:
            self._viscosity = Viscosity(s.shape, number, s.cling, self.device, LEAST_THETA)
        if s.tension > 0.0:
            self._tension = SurfaceTension(s.shape, s.cell, s.tension, s.dt, self._dt, self.device)
        self._touch = along_walls(area, s.mirror) if s.friction > 0.0 and not s.cling else None
        if self._touch is not None:
            self._touch = [self._floats(touch) for touch in self._touch]
        self._slip: Slip | None = None
        if not s.cling:
            self._slip = Slip(area, nodes_of(np.asarray(distance, np.float32)) if nodes is None else nodes, self.device)
        self._graph: wp.Graph | None = None
        self._extra: Extra | None = None

    def _floats(self, values: np.ndarray) -> wp.array:
        return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device=self.device)

    def set_gravity(self, gravity: np.ndarray) -> None:
        """Another one from the next frame on, (3,) [m/s^2]; only where the settings have some."""
        weight = np.asarray(gravity, dtype=np.float64) * self._dt / self.settings.cell
        self._weight.assign(weight.astype(np.float32)[None])

    def frame(self) -> None:
        """Advance by ``steps`` steps."""
        if self._graph is None:
            self.load_kernels()
            self.prime()
            with wp.ScopedCapture(device=self.device) as capture:
                for step in range(self.settings.steps):
                    self.launch_step(order=step == 0)
            self._graph = capture.graph
        wp.capture_launch(self._graph)

    def prime(self) -> None:
        """Before the first step: the pressure that viscosity asks for, of what is there."""
        if self._viscosity is None:
            return
        self._enter()
        self._gather()
        self._weigh()
        self._build(LEAST_THETA)
        self._converge(self.pressure.rhs)
        self.pressure.solve(self.settings.iterations, extra=self._extra)
        wp.copy(self._pressure, self.pressure.p)

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of a capture."""
        for module in (
            particle_set, particles, particle_move, free_surface, face_velocity, surface_pressure, pressure_kernels,
            pressure_sweep,
        ):  # fmt: skip
            wp.load_module(module, device=self.device)
        if self._slip is not None and self._slip.count:
            wp.load_module(liquid_slip, device=self.device)
        if self._seals:
            wp.load_module(liquid_wall, device=self.device)
        if self._viscosity is not None:
            wp.load_module(viscosity, device=self.device)
        if self._folds:
            wp.load_module(liquid_fold, device=self.device)
        if self._tension is not None:
            wp.load_module(surface_tension, device=self.device)

    def snapshot(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [cells] and velocities [cells/s] by the particles' numbers (capacity, 3); NaN where there is none.

        ``x, v, c`` are in the order of the cells, which changes from frame to frame.
        """
        return self.particles.snapshot()

    def pressure_field(self) -> np.ndarray:
        """Mean pressure over density during the last step (nx, ny, nz) [m^2/s^2]."""
        s = self.settings
        return self._pressure.numpy()[1:-1, 1:-1, 1:-1] * (s.cell**2 / self._dt)

    # -- one step ----------------------------------------------------------------------------------------------------

    def launch_step(self, *, order: bool) -> None:
        """All launches of one step; ``order``: particles are sorted by cell on the way."""
        s = self.settings
        self.particles.emit(s.dt)
        self._enter()
        self._gather(order)
        self._stress()
        if self._viscosity is None:
            self._weigh()
        self._build(LEAST_THETA)
        self._converge(self.pressure.rhs)
        self.pressure.solve(s.iterations, extra=self._extra)
        wp.copy(self._pressure, self.pressure.p)
        self._push()
        self._gradient(LEAST_THETA, 1.0)
        self._check()
        self._kick()
        self._outwards(LAYERS)
        self._leave()
        if self._slip is not None:
            self._slip.hold(self.u)
        inputs = [*self.u, *self.area, self.distance, s.dt, self._ahead, s.affine, self.count]
        outputs = [self.x, self.v, self.c]
        self._each(particle_move.move_kernel, particle_move.move_serial_kernel, inputs, outputs)
        self._spread()
        self._end()

    # what a subclass adds to a step for solids that move

    def _enter(self) -> None:
        """At the start: solids take their places."""

    def _slick(self) -> tuple:
        """Faces of bodies, and which of these give no viscous stress."""
        return ()

    def _push(self) -> None:
        """With the pressure known: solids take its impulses, ``solid`` the velocities that they get."""

    def _check(self) -> None:
        """With the velocities that the projection gave."""

    def _leave(self) -> None:
        """With the new velocities on the faces, before particles take them."""

    def _end(self) -> None:
        """When particles have moved."""

    def _spread(self) -> None:
        """Move particles out of crowded cells and into empty ones beneath the surface."""
        s = self.settings
        self._clear()
        kernel = particles.volume_serial_kernel if self.device.is_cpu else particles.volume_kernel
        dim = (1,) if self.device.is_cpu else self.x.shape
        self._launch(kernel, dim, [self.x, self.count, s.particle_volume], [self.alpha])
        self._surface()
        self._build(0.5)
        inputs = [self.phi, self.alpha, self.open, self._room, *self.area, s.crowding, self._reach]
        self._rows(surface_pressure.crowding_kernel, s.shape, inputs, [self.pressure.rhs])
        self.pressure.solve(s.density_iterations)
        self._gradient(0.5, 0.0)
        self._outwards(2)
        if self._slip is not None:
            self._slip.hold(self.u)
        inputs = [*self.u, self.alpha, self._room, self.distance, 0.25, self._clock, self.count]
        self._launch(particle_move.tick_kernel, (1,), [], [self._clock])
        self._each(particle_move.shift_kernel, particle_move.shift_serial_kernel, inputs, [self.x])

    def look(self) -> None:
        """Find the surface of the particles where they are, before the first step."""
        self._reach.fill_(wp.vec2i(0, self.settings.shape[2]))
        self._clear()
        kernel = particles.volume_serial_kernel if self.device.is_cpu else particles.volume_kernel
        dim = (1,) if self.device.is_cpu else self.x.shape
        self._launch(kernel, dim, [self.x, self.count, self.settings.particle_volume], [self.alpha])
        self._surface()

    def _clear(self) -> None:
        """Forget what the grid holds."""
        self._rows(free_surface.clear_cells_kernel, self.settings.shape, [self._reach], [self.alpha, self.phi])
        for axis in range(3):
            outputs = [self._sum[axis], self.u[axis], *(v[axis] for v in self._valid)]
            self._faces(free_surface.clear_faces_kernel, axis, [], outputs)

    def _surface(self) -> None:
        """From the particles' volume to what the liquid can reach and where its surface is."""
        shape = self.settings.shape
        self._launch(free_surface.wet_kernel, shape[:2], [self.alpha], [self._wet])
        for axis, (old, new) in enumerate(((self._wet, self._wide), (self._wide, self._reach))):
            self._launch(free_surface.grow_kernel, shape[:2], [old, axis, LAYERS + 2, shape[2]], [new])
        if self._folds:
            wp.copy(self._raw, self.alpha)
            self._fold(self._raw, self._reach, self.alpha)
        self._rows(free_surface.distance_kernel, shape, [self.alpha, self.open, self._room, self._reach], [self.phi])
        if self._seals:
            liquid_wall.seal(self.open, self.area, self.phi, device=self.device)

    def _fold(self, raw: wp.array, reach: wp.array, folded: wp.array) -> None:
        """Give what closed cells hold of ``raw`` to the open cells of ``folded`` beside them."""
        kernel = liquid_fold.fold_kernel if self.device.is_cpu else liquid_fold.fold_gather_kernel
        self._rows(kernel, self.settings.shape, [self.open, raw, reach], [folded])

    def _gather(self, order: bool = False) -> None:
        """From particles, which are put in ``order`` on the way, to where the liquid is and velocities of faces."""
        self._clear()
        kernel = particles.to_grid_serial_kernel if self.device.is_cpu else particles.to_grid_kernel
        inputs = [self.x, self.v, self.c, self.count, self.settings.particle_volume]
        self._launch(kernel, (1,) if self.device.is_cpu else self.x.shape, inputs, [*self._sum, self.alpha])
        if order:
            self.particles.order()
        self._surface()
        for axis in range(3):
            u, valid, spare = self.u[axis], self._valid[0][axis], self._valid[1][axis]
            inputs = [self._sum[axis], self.area[axis], self.solid[axis]]
            self._faces(face_velocity.average_kernel, axis, inputs, [u, valid])
            # a cell may be liquid with a face that no particle reaches: at rest there, it would brake the others
            self._faces(face_velocity.extrapolate_kernel, axis, [valid], [u, spare])

    def _stress(self) -> None:
        """What the liquid's own stress, its surface and walls do to the velocities of faces."""
        s = self.settings
        if self._touch is not None:
            for axis in range(3):
                inputs = [self._touch[axis], self.u[(axis + 1) % 3], self.u[(axis + 2) % 3], s.friction * self._dt]
                self._faces(face_velocity.friction_kernel, axis, inputs, [self.u[axis]])
        if self._viscosity is not None:
            self._weigh()
            self._press(-1.0)
            self._viscosity.diffuse(self.u, self.phi, self.area, self.solid, *self._slick())
            self._press(1.0)
        if self._tension is not None:
            fields = (self.alpha, self.open, self._room, self.phi, self._reach, self.area, self.u)
            self._tension.pull(*fields, LEAST_THETA)

    def _weigh(self) -> None:
        """Add the weight of a step."""
        for axis in range(3 if any(self.settings.gravity) else 0):
            self._faces(face_velocity.weigh_kernel, axis, [self.area[axis], self._weight, axis], [self.u[axis]])

    def _press(self, sign: float) -> None:
        """Add ``sign`` times what the last step's pressure took from the velocities."""
        for axis in range(3):
            inputs = [self._pressure, self.phi, self.area[axis], axis, LEAST_THETA, sign]
            self._faces(surface_pressure.press_kernel, axis, inputs, [self.u[axis]])

    def _converge(self, out: wp.array) -> None:
        """What flows into each liquid cell, less what flows out [cells^3/s]; written within reach only."""
        inputs = [self.phi, *self.u, *self.area, *self.solid, self._reach]
        self._rows(surface_pressure.convergence_kernel, self.settings.shape, inputs, [out])

    def _build(self, least: float) -> None:
        fine = self.pressure.levels[0]
        outputs = [fine.wx, fine.wy, fine.wz, fine.diagonal, fine.inverse]
        inputs = [self.phi, *self.area, least, self._reach, fine.span]
        self._rows(surface_pressure.system_kernel, self.settings.shape, inputs, outputs)
        self.pressure.coarsen()
        self.pressure.rhs.zero_()

    def _gradient(self, least: float, keep: float) -> None:
        """``keep`` times the face velocities less the pressure gradient, on faces that touch the liquid."""
        for axis in range(3):
            inputs = [self.pressure.p, self.phi, self.open, self.area[axis], self.solid[axis], axis, least, keep]
            self._faces(surface_pressure.project_kernel, axis, inputs, [self.u[axis], self._valid[0][axis]])

    def _kick(self) -> None:
        """Take velocities on to half a step later."""
        for axis in range(3 if self._again > 0.0 else 0):
            inputs = [self._sum[axis], self.area[axis], self._again]
            self._faces(face_velocity.kick_kernel, axis, inputs, [self.u[axis]])

    def _outwards(self, layers: int) -> None:
        """Velocities beyond the surface and within slanting walls."""
        if self._slip is not None:
            self._slip.free(self._valid[0])
        for axis in range(3):
            for layer in range(layers):
                old, new = self._valid[layer % 2][axis], self._valid[(layer + 1) % 2][axis]
                self._faces(face_velocity.extrapolate_kernel, axis, [old], [self.u[axis], new])

    def _faces(self, kernel, axis: int, inputs: list, outputs: list) -> None:
        self._rows(kernel, self.u[axis].shape, [*inputs, self._reach, int(axis == 2)], outputs)

    def _each(self, kernel, serial_kernel, inputs: list, outputs: list) -> None:
        """Launch over particles, of which a CPU takes all in one thread."""
        if self.device.is_cpu:
            self._launch(serial_kernel, (1,), [*inputs, self.particles.listed], outputs)
        else:
            self._launch(kernel, self.x.shape, inputs, outputs)

    def _rows(self, kernel, shape: Sequence[int], inputs: list, outputs: list) -> None:
        """Launch over rows on a CPU, over cells on a GPU."""
        nx, ny, nz = shape
        chunk = nz if self.device.is_cpu else 1
        self._launch(kernel, (nx, ny, nz // chunk), [*inputs, chunk], outputs)

    def _launch(self, kernel, dim, inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
