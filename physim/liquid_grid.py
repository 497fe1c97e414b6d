"""A liquid in one box: particles that carry it, a staggered grid that keeps it incompressible.

One step (Jiang et al. 2015 for the transfers; Batty, Bertails, Bridson 2007 for walls; Kugelstadt, Longva, Thuerey,
Bender 2021 for the displacement that keeps the volume)::

    P2G(u, alpha);  phi(alpha);  u += g dt;  A p = -div u;  u -= grad p;  extrapolate;  G2P, move
    P2G(alpha);     phi(alpha);              A q = crowding;  x -= grad q

The second solve moves particles and leaves velocities alone: crowding would otherwise turn into speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import free_surface, particle_set, particles
from physim_kernels import pressure as pressure_kernels

from physim.liquid_particles import LiquidSource, ParticleSet
from physim.pressure import PressureSolver

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
        device=None,
    ):
        self.settings = s = settings
        self.device = wp.get_device(device)
        self.area: Faces = tuple(self._floats(a) for a in area)  # type: ignore[assignment]
        self.solid: Faces = tuple(wp.zeros_like(a) for a in self.area)  # type: ignore[assignment]
        self.u: Faces = tuple(wp.zeros_like(a) for a in self.area)  # type: ignore[assignment]
        self._weight: Faces = tuple(wp.zeros_like(a) for a in self.area)  # type: ignore[assignment]
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
        self._pressure = wp.zeros_like(self.pressure.p)
        self._launch(free_surface.room_kernel, s.shape, [self.open], [self._room])
        self._graph: wp.Graph | None = None

    def _floats(self, values: np.ndarray) -> wp.array:
        return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device=self.device)

    def frame(self) -> None:
        """Advance by ``steps`` steps."""
        if self._graph is None:
            self.load_kernels()
            with wp.ScopedCapture(device=self.device) as capture:
                self.particles.order()
                for _ in range(self.settings.steps):
                    self.launch_step()
            self._graph = capture.graph
        wp.capture_launch(self._graph)

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of a capture."""
        for module in (particle_set, particles, free_surface, pressure_kernels):
            wp.load_module(module, device=self.device)

    def snapshot(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [cells] and velocities [cells/s] by the particles' numbers (capacity, 3); NaN where there is none.

        ``x, v, c`` are in the order of the cells, which changes from frame to frame.
        """
        return self.particles.snapshot()

    def pressure_field(self) -> np.ndarray:
        """Mean pressure over density during the last step (nx, ny, nz) [m^2/s^2]."""
        s = self.settings
        return self._pressure.numpy()[1:-1, 1:-1, 1:-1] * (s.cell**2 / s.dt)

    # -- one step ----------------------------------------------------------------------------------------------------

    def launch_step(self) -> None:
        """All launches of one step."""
        s = self.settings
        self.particles.emit(s.dt)
        self._enter()
        self._to_faces()
        self._surface()
        for axis in range(3):
            change = s.gravity[axis] * s.dt / s.cell
            self._launch(
                free_surface.accelerate_kernel, self.u[axis].shape, [self.area[axis], self.solid[axis], change],
                [self.u[axis]],
            )  # fmt: skip
        self._build(LEAST_THETA)
        inputs = [self.phi, *self.u, *self.area, *self.solid]
        self._launch(free_surface.convergence_kernel, s.shape, inputs, [self.pressure.rhs])
        self.pressure.solve(s.iterations)
        wp.copy(self._pressure, self.pressure.p)
        self._push()
        self._gradient(LEAST_THETA, 1.0)
        self._leave()
        inputs = [*self.u, *self.area, self.distance, s.dt, s.affine, self.count]
        self._launch(particles.move_kernel, self.x.shape, inputs, [self.x, self.v, self.c])
        self._spread()
        self._end()

    # what a subclass adds to a step for solids that move

    def _enter(self) -> None:
        """At the start: solids take their places."""

    def _push(self) -> None:
        """With the pressure known: solids take its impulses, ``solid`` the velocities that they get."""

    def _leave(self) -> None:
        """With the new velocities on the faces, before particles take them."""

    def _end(self) -> None:
        """When particles have moved."""

    def _spread(self) -> None:
        """Move particles out of crowded cells and into empty ones beneath the surface."""
        s = self.settings
        self._surface()
        self._build(0.5)
        inputs = [self.phi, self.alpha, self.open, self._room, *self.area, s.crowding]
        self._launch(free_surface.crowding_kernel, s.shape, inputs, [self.pressure.rhs])
        self.pressure.solve(s.density_iterations)
        self._gradient(0.5, 0.0)
        inputs = [*self.u, self.alpha, self._room, self.distance, 0.25, self._clock, self.count]
        self._launch(particles.tick_kernel, (1,), [], [self._clock])
        self._launch(particles.shift_kernel, self.x.shape, inputs, [self.x])

    def _to_faces(self) -> None:
        for axis in range(3):
            self.u[axis].zero_()
            self._weight[axis].zero_()
        if self.device.is_cpu:
            for axis in range(3):
                inputs = [self.x, self.v, self.c, self.count, axis]
                outputs = [self.u[axis], self._weight[axis]]
                self._launch(particles.to_faces_serial_kernel, (1,), inputs, outputs)
        else:
            outputs = [array for pair in zip(self.u, self._weight, strict=True) for array in pair]
            inputs = [self.x, self.v, self.c, self.count]
            self._launch(particles.to_faces_kernel, self.x.shape, inputs, outputs)
        for axis in range(3):
            u, (valid, spare) = self.u[axis], (self._valid[n][axis] for n in range(2))
            self._launch(free_surface.average_kernel, u.shape, [u, self._weight[axis]], [valid])
            # a cell may be liquid with a face that no particle reaches: at rest there, it would brake the others
            self._rows(free_surface.extrapolate_kernel, u.shape, [valid], [u, spare])

    def _surface(self) -> None:
        self.alpha.zero_()
        kernel = particles.volume_serial_kernel if self.device.is_cpu else particles.volume_kernel
        dim = (1,) if self.device.is_cpu else self.x.shape
        self._launch(kernel, dim, [self.x, self.count, self.settings.particle_volume], [self.alpha])
        inputs = [self.alpha, self.open, self._room]
        self._launch(free_surface.distance_kernel, self.settings.shape, inputs, [self.phi])

    def _build(self, least: float) -> None:
        fine = self.pressure.levels[0]
        outputs = [fine.wx, fine.wy, fine.wz, fine.diagonal, fine.inverse]
        self._launch(free_surface.system_kernel, self.settings.shape, [self.phi, *self.area, least], outputs)
        self.pressure.coarsen()

    def _gradient(self, least: float, keep: float) -> None:
        """``keep`` times the face velocities less the pressure gradient, then outwards beyond the surface."""
        for axis in range(3):
            u = self.u[axis]
            inputs = [self.pressure.p, self.phi, self.open, self.area[axis], self.solid[axis], axis, least, keep]
            self._rows(free_surface.project_kernel, u.shape, inputs, [u, self._valid[0][axis]])
            for layer in range(LAYERS):
                old, new = self._valid[layer % 2][axis], self._valid[(layer + 1) % 2][axis]
                self._rows(free_surface.extrapolate_kernel, u.shape, [old], [u, new])

    def _rows(self, kernel, shape: tuple[int, int, int], inputs: list, outputs: list) -> None:
        """Launch over rows on a CPU, over cells on a GPU."""
        nx, ny, nz = shape
        chunk = nz if self.device.is_cpu else 1
        self._launch(kernel, (nx, ny, nz // chunk), [*inputs, chunk], outputs)

    def _launch(self, kernel, dim, inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
