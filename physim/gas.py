"""A gas on a staggered grid, advanced by a fixed sequence of launches that is captured once and replayed.

One step is advection-reflection with extrapolated advecting velocity, second order in time (A carries along a
velocity, P projects; Zehnder, Narain, Thomaszewski, "An Advection-Reflection Solver for Detail-Preserving Fluid
Simulation", ACM TOG 37 (2018), with the velocities along which is carried extrapolated as in Narain, Zehnder,
Thomaszewski, "A Second-Order Advection-Reflection Solver", 2019)::

    a = A(u;      1.25 u - 0.25 u_old, dt / 2) + forces dt / 2 ;   m     = P(a)
    b = A(2 m - a; 1.5 m - 0.5 u,      dt / 2) + forces dt / 2 ;   u_new = P(b)

Density goes with the midpoint velocity m in conservative form; temperature goes with the velocity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import warp as wp
from physim_kernels import advect, grid, obstacle, smoke, transport

from physim.gas_state import Field, GasSettings, GasState, Obstacles, Puffs
from physim.kernel_cache import load_kernels
from physim.pressure import PressureSolver


class GasGrid:
    """The gas in one box.

    Args:
        settings: Sizes, rates, sides.
        static_area: Open area of every face as the static world leaves it [-], closed sides of the box included.
        obstacles: Moving bodies, if any.
        puffs: Sources, if any.
        device: Warp device.
    """

    def __init__(
        self,
        settings: GasSettings,
        static_area: tuple[np.ndarray, np.ndarray, np.ndarray],
        *,
        obstacles: Obstacles | None = None,
        puffs: Puffs | None = None,
        device=None,
    ):
        if min(settings.shape) < 4:
            raise ValueError(f"gas grid has {settings.shape} cells, expected at least 4 along each axis.")
        self.settings = settings
        self.device = wp.get_device(device)
        self.obstacles, self.puffs = obstacles, puffs
        self._static_area = tuple(self._array(a) for a in static_area)
        self.state = GasState.zeros(settings, self.device)
        closed = not any(settings.open_sides)
        self.pressure = PressureSolver(
            settings.shape, iterations=settings.iterations, closed=closed, device=self.device
        )
        self._graph = None
        for mine, theirs in zip(self.state.area, self._static_area, strict=True):
            wp.copy(mine, theirs)
        self.pressure.build(*self.state.area)

    def _array(self, values: np.ndarray) -> wp.array:
        return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device=self.device)

    # -- host side ---------------------------------------------------------------------------------------------------

    def set_velocity(self, faces: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Start from the divergence-free part of the given face velocities [m/s]."""
        for target, values in zip(self.state.a, faces, strict=True):
            target.assign(np.ascontiguousarray(values, dtype=np.float32))
        self._areas(0)
        self._project(self.state.a, 0)
        self._project(self.state.a, 0)  # once more: what four iterations leave, at no price as it is done once
        for target in (self.state.u, self.state.u_old):
            self._copy(target, self.state.a)

    def frame(self) -> None:
        """Advance by ``settings.steps`` steps; the first call captures the launches."""
        if self._graph is None:
            self._warm_up()
            with wp.ScopedCapture(device=self.device) as capture:
                self._sequence()
            self._graph = capture.graph
        wp.capture_launch(self._graph)

    def _warm_up(self) -> None:
        """Load the modules outside the capture (a capture cannot compile)."""
        load_kernels((advect, grid, obstacle, smoke, transport), self.device)

    @property
    def density(self) -> np.ndarray:
        """(nx, ny, nz) float32 [-]"""
        return self.state.q.numpy()[3:-3, 3:-3, 3:-3]

    @property
    def temperature(self) -> np.ndarray:
        """Excess over ambient (nx, ny, nz) float32 [K]"""
        return self.state.temperature.numpy()

    @property
    def velocity(self) -> np.ndarray:
        """At cell centres (nx, ny, nz, 3) float32 [m/s]"""
        u, v, w = (x.numpy() for x in self.state.u)
        return np.stack([(u[1:] + u[:-1]) / 2, (v[:, 1:] + v[:, :-1]) / 2, (w[..., 1:] + w[..., :-1]) / 2], -1)

    def divergence(self) -> float:
        """Largest |net flux out of a cell| [m/s x face area] after the last step, over cells that are not all solid."""
        self._convergence(self.state.u, self.settings.steps - 1)
        inner = (slice(1, -1),) * 3
        open_cells = self.pressure.levels[0].diagonal.numpy()[inner] > 0
        return float(np.abs(self.pressure.rhs.numpy()[inner][open_cells]).max(initial=0.0))

    # -- the launches ------------------------------------------------------------------------------------------------

    def _sequence(self) -> None:
        for step in range(self.settings.steps):
            self._step(step)

    def _step(self, step: int) -> None:
        s, half = self.state, self.settings.dt / 2
        if self.obstacles:
            self._areas(step)
            self._hand_over()
        self._emit(step)
        self._carry(s.u, (s.u, 1.25, s.u_old, -0.25), s.a, s.temperature, s.temperature2)
        self._force(s.a, s.temperature2, step, half)
        self._copy(s.m, s.a)
        self._project(s.m, step)
        for axis in range(3):
            inputs = [s.m[axis], s.a[axis], s.area[axis], s.solid[axis]]
            self._rows(grid.reflect_kernel, s.r[axis].shape, inputs, [s.r[axis]])
        self._carry(s.r, (s.m, 1.5, s.u, -0.5), s.a, s.temperature2, s.temperature)
        self._force(s.a, s.temperature, step, half)
        self._project(s.a, step)
        self._copy(s.u_old, s.u)
        self._copy(s.u, s.a)
        self._transport(s.m, step)
        self._emit(step)

    def _areas(self, step: int) -> None:
        if not self.obstacles:
            return
        for axis in range(3):
            inputs = [self._static_area[axis], axis, wp.vec3(*self.settings.origin), self.settings.cell]
            inputs += [*self.obstacles.tables, *self.obstacles.poses, step]
            outputs = [self.state.area[axis], self.state.solid[axis]]
            self._rows(obstacle.face_area_kernel, self.state.area[axis].shape, inputs, outputs)
        self.pressure.build(*self.state.area)

    def _hand_over(self) -> None:
        """Empty the cells that bodies have closed, up to about four layers of them."""
        s = self.state
        s.outflow.zero_()
        self._launch(transport.mass_kernel, (self.settings.shape[0],), [s.q], [s.mass[0]])
        for number, (q, q_out) in enumerate(((s.q, s.q2), (s.q2, s.q)) * 2):
            self._launch(transport.hand_over_kernel, self.settings.shape, [q, *s.area, int(number == 3)], [q_out])
        self._launch(transport.mass_kernel, (self.settings.shape[0],), [s.q], [s.mass[1]])
        self._launch(transport.ledger_kernel, (1,), [*s.mass, s.outflow, 1.0], [s.ledger])

    def _emit(self, step: int) -> None:
        """Half of what the sources give in one step: before and after it, so that smoke is as old as it should be."""
        if not self.puffs:
            return
        s, p, dt = self.state, self.puffs, self.settings.dt / 2
        inputs = [p.ball, p.state, step, dt, self._hold(dt), 1.0 - float(np.exp(-self.settings.cooling * dt))]
        self._rows(smoke.source_kernel, self.settings.shape, [*inputs, *s.area], [s.q, s.temperature])

    def _hold(self, dt: float) -> float:
        """Part by which the middle of a source comes nearer to its given state during ``dt``."""
        return 1.0 - float(np.exp(-self.settings.speed * dt / self.settings.cell))

    def _carry(self, value: Field, along: tuple[Field, float, Field, float], out: Field, t: wp.array, t_out: wp.array):
        s, scale = self.state, self.settings.dt / 2 / self.settings.cell
        first, a, second, b = along
        self._rows(grid.centre_velocity_kernel, self.settings.shape, [*first, *second, a, b], [*s.centre])
        advect.path(s.centre, dt=scale, out=s.displacement)
        for axis in range(3):
            advect.cubic(value[axis], s.displacement, axis=axis, open=0, out=out[axis])
        advect.cubic(t, s.displacement, axis=-1, open=self._open_bits(), out=t_out)

    def _open_bits(self) -> int:
        return sum(1 << side for side, is_open in enumerate(self.settings.open_sides) if is_open)

    def _force(self, u: Field, temperature: wp.array, step: int, dt: float) -> None:
        s, g = self.state, self.settings
        self._rows(grid.centre_velocity_kernel, g.shape, [*u, *u, 1.0, 0.0], [*s.centre])
        self._rows(smoke.curl_kernel, g.shape, [*s.centre], [*s.curl, s.curl_length])
        inputs = [*s.curl, s.curl_length, temperature, g.confinement, 0.25 * g.speed, g.cell, g.ambient_temperature]
        self._rows(smoke.acceleration_kernel, g.shape, [*inputs, wp.vec3(*g.gravity)], [*s.centre])
        relax = 1.0 - float(np.exp(-g.speed * dt / (g.sponge * g.cell)))
        for axis in range(3):
            inputs = [s.centre[axis], axis, dt, s.wind, s.gust, step, relax, g.sponge, self._open_bits()]
            self._rows(smoke.force_kernel, u[axis].shape, inputs, [u[axis]])
            if self.puffs and self.puffs.has_jet:
                p = self.puffs
                inputs = [p.ball, p.state, p.jet, step, axis, self._hold(dt)]
                self._rows(smoke.jet_kernel, u[axis].shape, inputs, [u[axis]])

    def _convergence(self, u: Field, step: int) -> None:
        """What flows into each cell and what enters there, which the pressure has to balance."""
        s, p, shape = self.state, self.puffs, self.settings.shape
        self._rows(grid.convergence_kernel, shape, [*u, *s.area, *s.solid], [self.pressure.rhs])
        if p and p.has_jet:
            inputs = [p.ball, p.state, p.jet, step, self.pressure.levels[0].diagonal]
            self._rows(smoke.swell_kernel, shape, inputs, [self.pressure.rhs])

    def _project(self, u: Field, step: int) -> None:
        s = self.state
        self._convergence(u, step)
        self.pressure.solve()
        for axis in range(3):
            inputs = [self.pressure.p, s.area[axis], s.solid[axis], axis]
            self._rows(grid.project_kernel, u[axis].shape, inputs, [u[axis]])

    def _transport(self, u: Field, step: int) -> None:
        s, g = self.state, self.settings
        count = g.density_substeps
        s.outflow.zero_()
        self._launch(transport.mass_kernel, (g.shape[0],), [s.q], [s.mass[0]])
        for substep in range(count):
            order = (0, 1, 2) if (step * count + substep) % 2 == 0 else (2, 1, 0)
            for axis in order:
                inputs = [s.q, s.volume, u[axis], s.area[axis], axis, g.dt / count / g.cell]
                self._rows(transport.flux_kernel, u[axis].shape, inputs, [s.flux, s.volume_flux])
                self._launch(transport.outflow_kernel, (g.shape[0],), [s.flux, axis], [s.outflow])
                self._rows(transport.update_kernel, g.shape, [s.flux, s.volume_flux, axis], [s.q, s.volume])
        keep = float(np.exp(-g.dissipation * g.dt))
        self._rows(transport.settle_kernel, g.shape, [keep], [s.q, s.volume])
        self._launch(transport.mass_kernel, (g.shape[0],), [s.q], [s.mass[1]])
        self._launch(transport.ledger_kernel, (1,), [*s.mass, s.outflow, keep], [s.ledger])

    def _copy(self, target: Field, source: Field) -> None:
        for a, b in zip(target, source, strict=True):
            wp.copy(a, b)

    def _rows(self, kernel: Callable, shape: tuple[int, ...], inputs: list, outputs: list) -> None:
        """Launch over rows on a CPU, over cells on a GPU."""
        nx, ny, nz = shape
        chunk = nz if self.device.is_cpu else 1
        self._launch(kernel, (nx, ny, nz // chunk), [*inputs, chunk], outputs)

    def _launch(self, kernel: Callable, dim: tuple[int, ...], inputs: list, outputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=outputs, device=self.device)
