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
from physim_kernels import advect, ghost, grid, smoke

from physim.gas_areas import WHOLE, close_sides, faces_ahead, open_areas
from physim.gas_bodies import GasBodies
from physim.gas_diffusion import Diffusion
from physim.gas_ghost import Ghosts, remainder_rule, velocity_rule
from physim.gas_heat import Heat
from physim.gas_kernels import MODULES
from physim.gas_outlet import Outlet
from physim.gas_sources import Sources
from physim.gas_state import Areas, Field, GasSettings, GasState, Obstacles, Puffs
from physim.gas_transport import DensityTransport
from physim.kernel_cache import load_kernels
from physim.pressure import PressureSolver
from physim.pressure_spectral import SpectralPressure

SPECTRAL_LIMIT = 160
"""Most cells along a side for which the direct solve is the faster one."""


class GasGrid:
    """The gas in one box.

    Args:
        settings: Sizes, rates, sides.
        static_area: Open area of every face as the static world leaves it [-]; ``None``: nothing is in the box.
        obstacles: Moving bodies, if any.
        puffs: Sources, if any.
        device: Warp device.
    """

    def __init__(
        self,
        settings: GasSettings,
        static_area: Areas | None = None,
        *,
        obstacles: Obstacles | None = None,
        puffs: Puffs | None = None,
        device=None,
    ):
        self.settings = settings
        self.device = wp.get_device(device)
        self.obstacles, self.puffs = obstacles, puffs
        areas = close_sides(open_areas(settings.shape) if static_area is None else static_area, settings.sides)
        if settings.viscosity:
            areas = tuple(np.where(a < WHOLE, 0.0, 1.0).astype(np.float32) for a in areas)  # type: ignore[assignment]
        self.state = s = GasState.zeros(settings, self.device)
        self._static_area = tuple(self._array(a) for a in areas)
        self._static_solid = tuple(self._array(a) for a in self._given_flow()) if obstacles else s.solid
        self._ghosts = Ghosts(settings, self.device)
        self._diffusion = Diffusion(settings, s, self._ghosts, self.device)
        self._heat = Heat(settings, s, self._ghosts, self.device)
        self._density = DensityTransport(settings, s, self._diffusion, self.device)
        self._sources = Sources(settings, s, puffs, self.device)
        self._outlet = Outlet(settings, self._given_flow(), self.device)
        self.pressure = self._make_pressure(areas)
        self._bodies = None
        if obstacles:
            self._bodies = GasBodies(settings, s, obstacles, self._static_area, self._static_solid, self.device)
        self._graphs: dict[tuple[int, int], object] = {}
        self.iterations = settings.iterations
        """Of the pressure solve in the coming frames; each number is captured once."""
        for area, still, solid, values in zip(s.area, self._static_area, s.solid, self._given_flow(), strict=True):
            wp.copy(area, still)
            solid.assign(values)
        self._weigh()

    def _array(self, values: np.ndarray) -> wp.array:
        return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=float, device=self.device)

    def _given_flow(self) -> Areas:
        """Velocity through the closed faces of sides where gas flows in or out [m/s]."""
        flow = tuple(np.zeros_like(a) for a in open_areas(self.settings.shape))
        for number, side in enumerate(self.settings.sides):
            axis = number // 2
            if side.kind in ("inflow", "outflow") and axis in self.settings.axes:
                face = (slice(None),) * axis + (-(number % 2),)
                flow[axis][face] = side.velocity[axis] * (1.0 if side.profile is None else side.profile)
        return flow  # type: ignore[return-value]

    def _make_pressure(self, areas: Areas) -> PressureSolver | SpectralPressure:
        """The direct solver where nothing is in the way and the gas is even, multigrid elsewhere."""
        g = self.settings
        empty = close_sides(open_areas(g.shape), g.sides)
        even = g.heaviness == 1 and all(np.array_equal(a, b) for a, b in zip(areas, empty, strict=True))
        if even and not self.obstacles and max(g.shape) <= SPECTRAL_LIMIT:
            ends = [tuple(side.kind for side in g.sides[2 * a : 2 * a + 2]) for a in range(3)]
            return SpectralPressure(g.shape, ends, device=self.device)  # type: ignore[arg-type]
        return PressureSolver(
            g.shape, iterations=g.iterations, closed=True, periodic=g.periodic_bits, device=self.device
        )

    # -- host side ---------------------------------------------------------------------------------------------------

    def set_velocity(self, faces: Areas) -> None:
        """Start from the divergence-free part of the given face velocities [m/s]."""
        for target, values in zip(self.state.a, faces, strict=True):
            target.assign(np.ascontiguousarray(values, dtype=np.float32))
        self._areas(0)
        self._weigh()
        self._project(self.state.a, 0)
        self._project(self.state.a, 0)  # once more: what the iterations leave, at no price as it is done once
        for target in (self.state.u, self.state.u_old):
            self._copy(target, self.state.a)

    def set_density(self, density: np.ndarray) -> None:
        """Start from a density [-] in the cells; a gas of other weight needs ``set_velocity`` after it."""
        q = np.pad(np.broadcast_to(density, self.settings.shape).astype(np.float32), 3)
        self.state.q.assign(q)

    def set_temperature(self, excess: np.ndarray) -> None:
        """Start from an excess over ambient [K] in the cells."""
        values = np.broadcast_to(excess, self.settings.shape).astype(np.float32)
        self.state.temperature.assign(np.ascontiguousarray(values))

    def frame(self, density_substeps: int | None = None) -> None:
        """Advance by ``settings.steps`` steps; the first call captures the launches.

        Args:
            density_substeps: For this frame instead of those of the settings; each number is captured once.
        """
        self._density.substeps = density_substeps or self.settings.density_substeps
        key = self._density.substeps, self.iterations
        if key not in self._graphs:
            self._warm_up()
            with wp.ScopedCapture(device=self.device) as capture:
                self._sequence()
            self._graphs[key] = capture.graph
        if self._bodies:
            self._bodies.begin_frame()
        wp.capture_launch(self._graphs[key])

    def project(self) -> None:
        """Make the velocity free of divergence, once, as every half step does."""
        self._areas(0)
        self._weigh()
        self._project(self.state.u, 0)

    def set_iterations(self, most: int, enough: float) -> None:
        """Take as many iterations of the pressure as noise needs to be down to the part ``enough`` of it, where the
        solids are now; at least those of the settings, at most ``most``.
        """
        if not isinstance(self.pressure, PressureSolver):
            return
        self._areas(0)
        self._weigh()
        noise = np.random.default_rng(0).standard_normal(self.pressure.rhs.shape)
        for count in range(self.settings.iterations, most + 1):
            self.iterations = count
            self.pressure.rhs.assign(noise.astype(np.float32))
            self.pressure.solve(count)
            if self.pressure.residual() < enough:
                break

    def carry_density(self, faces: Areas, steps: int) -> None:
        """Carry the density alone along given face velocities [m/s] for ``steps`` steps."""
        for target, values in zip(self.state.m, faces, strict=True):
            target.assign(np.ascontiguousarray(values, dtype=np.float32))
        self._density.substeps = self.settings.density_substeps
        self._warm_up()
        with wp.ScopedCapture(device=self.device) as capture:
            for step in (0, 1):
                self._density.carry(self.state.m, step)
        for _ in range(steps // 2):
            wp.capture_launch(capture.graph)
        if steps % 2:
            self._density.carry(self.state.m, 0)

    def _warm_up(self) -> None:
        """Load the modules outside the capture (a capture cannot compile)."""
        load_kernels(MODULES, self.device)

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

    def body_impulses(self, density: float) -> tuple[np.ndarray, np.ndarray]:
        """What the pressure of a gas of this density [kg/m^3] gave to each obstacle in the last frame: impulse (n, 3)
        [N s], and angular impulse about its position (n, 3) [N m s]. The hydrostatic part is not in it.
        """
        if self._bodies is None:
            return np.zeros((0, 3)), np.zeros((0, 3))
        return self._bodies.impulses(density)

    def divergence(self) -> float:
        """Largest |net flux out of a cell| [m/s x face area] after the last step, over cells that are not all solid.

        What swells or is squeezed where there is no way out is not counted: no flow could take it away.
        """
        self._convergence(self.state.u, self.settings.steps - 1)
        self.pressure.balance()
        inner = (slice(1, -1),) * 3
        open_cells = sum(a.numpy()[faces_ahead(axis, n)] for axis, a in enumerate(self.state.area) for n in (0, 1)) > 0
        return float(np.abs(self.pressure.rhs.numpy()[inner][open_cells]).max(initial=0.0))

    # -- the launches ------------------------------------------------------------------------------------------------

    def _sequence(self) -> None:
        for step in range(self.settings.steps):
            self._step(step)

    def _step(self, step: int) -> None:
        s, g, half = self.state, self.settings, self.settings.dt / 2
        carried, along = (s.u, s.u, 1.0, 0.0), (s.u, s.u_old, 1.25, -0.25)
        if self._bodies:
            self._bodies.hold(carried, step)
            self._areas(step)
            self._density.hand_over()
        if g.heaviness != 1:
            # its weight stands where it is in the middle of each half step, not where it was before
            self._density.carry(s.u, step, 0.25)
        self._weigh()
        self._sources.emit(step)
        self._outlet.advance(s.u, half, (self._static_solid, s.solid))
        self._along(*along)
        self._carry(s.u, None, s.a, s.temperature, s.temperature2)
        if self._bodies:
            self._bodies.settle(carried, along, s.a, step)
        self._force(s.a, s.temperature2, step, half)
        self._project(s.a, step, out=s.m, fewer=1)  # what is left is seen once more by the second one
        if self._bodies:
            self._bodies.feel(self.pressure.p, step, 2.0)  # in the mirrored velocity it acts once more
        if g.heaviness != 1:
            self._density.carry(s.m, step, 0.5)
            self._weigh()
        self._outlet.advance(s.m, half, (self._static_solid, s.solid))
        carried, along = (s.m, s.a, 2.0, -1.0), (s.m, s.u, 1.5, -0.5)
        if self._bodies:
            self._bodies.hold(carried, step)
        self._along(*along)
        self._carry(s.m, s.a, s.r, s.temperature2, s.temperature)
        if self._bodies:
            self._bodies.settle(carried, along, s.r, step)
        self._force(s.r, s.temperature, step, half)
        self._copy(s.u_old, s.u)
        self._project(s.r, step, out=s.u)
        if self._bodies:
            self._bodies.feel(self.pressure.p, step, 1.0)
        if g.heaviness != 1:
            self._density.carry(s.u, step, 0.25)
        elif g.carries_density:
            self._density.carry(s.m, step)
        self._sources.emit(step)

    def _areas(self, step: int) -> None:
        if self._bodies:
            self._bodies.close(step)
            if self.settings.heaviness == 1:
                self.pressure.build(*self.state.area)

    def _weigh(self) -> None:
        """The operator for a gas of uneven density; for an even one once, before the first step."""
        s, g = self.state, self.settings
        if g.heaviness == 1:
            if not self._graphs and not self.obstacles:
                self.pressure.build(*s.area)
            return
        for axis in range(3):
            inputs = [s.q, s.area[axis], g.heaviness, axis]
            self._rows(grid.weight_kernel, s.area[axis].shape, inputs, [s.weight[axis]])
        self.pressure.build(*s.weight)

    def _along(self, u: Field, v: Field, a: float, b: float) -> None:
        """How far the cells travel in half a step with ``a u + b v``."""
        s, g = self.state, self.settings
        self._rows(grid.centre_velocity_kernel, g.shape, [*u, *v, a, b], [*s.along])
        for axis in g.axes:
            self._ghosts.fill(s.along[axis], velocity_rule, axis, staggered=False)
        advect.path(s.along, dt=g.dt / 2 / g.cell, out=s.displacement, **self._ghosts.limits(-1))

    def _carry(self, u: Field, projected_from: Field | None, out: Field, t: wp.array, t_out: wp.array) -> None:
        """Carry ``u``, or its mirror image ``2 u - projected_from``, and the temperature along the displacement."""
        s, g = self.state, self.settings
        for axis in g.axes:
            padded, shape, solids = s.padded[axis], u[axis].shape, [s.area[axis], s.solid[axis]]
            if projected_from is None or self._ghosts.sticky:
                self._rows(ghost.embed_kernel, shape, [u[axis], u[axis], 1.0, 0.0, *solids, 0.0], [padded])
            else:
                inputs = [u[axis], projected_from[axis], 2.0, -1.0, *solids, 1.0]
                self._rows(ghost.embed_kernel, shape, inputs, [padded])
            self._ghosts.fill(padded, velocity_rule, axis, staggered=True)
            if projected_from is not None and self._ghosts.sticky:
                # at a wall the gas has the wall's velocity; what the pressure does along the wall is not known there
                rest = s.remainder[axis]
                inputs = [u[axis], projected_from[axis], 1.0, -1.0, *solids, 0.0]
                self._rows(ghost.embed_kernel, shape, inputs, [rest])
                self._ghosts.fill(rest, remainder_rule, axis, staggered=True)
                self._rows(ghost.add_kernel, rest.shape, [rest], [padded])
            advect.cubic(padded, s.displacement, axis=axis, out=out[axis], **self._ghosts.limits(axis))
        if g.carries_temperature:
            self._heat.carry(t, t_out)

    def _force(self, u: Field, temperature: wp.array, step: int, dt: float) -> None:
        s, g = self.state, self.settings
        self._diffusion.begin(u)
        if g.carries_temperature:
            self._diffusion.cells(temperature, dt)
        if g.confinement:
            self._rows(grid.centre_velocity_kernel, g.shape, [*u, *u, 1.0, 0.0], [*s.centre])
            self._rows(smoke.curl_kernel, g.shape, [*s.centre], [*s.curl, s.curl_length])
        inputs = [*s.curl, s.curl_length, temperature, g.confinement, 0.25 * g.speed, g.cell, g.ambient_temperature]
        self._rows(smoke.acceleration_kernel, g.shape, [*inputs, s.gravity, step], [*s.centre])
        relax = 1.0 - float(np.exp(-g.speed * dt / (g.sponge * g.cell))) if g.sponge else 0.0
        for axis in g.axes:
            inputs = [
                s.centre[axis],
                axis,
                dt,
                g.force[axis],
                s.wind,
                s.gust,
                step,
                relax,
                max(g.sponge, 1e-3),
                g.open_bits,
            ]
            self._rows(smoke.force_kernel, u[axis].shape, inputs, [u[axis]])
            if g.heaviness != 1 and g.gravity[axis]:
                inputs = [s.area[axis], s.weight[axis], g.gravity[axis] * dt]
                self._rows(grid.sink_kernel, u[axis].shape, inputs, [u[axis]])
            self._sources.blow(u[axis], axis, step, dt)
        self._diffusion.velocity(u, dt)

    def _convergence(self, u: Field, step: int) -> None:
        """What flows into each cell and what enters there, which the pressure has to balance."""
        s = self.state
        self._rows(grid.convergence_kernel, self.settings.shape, [*u, *s.area, *s.solid], [self.pressure.rhs])
        self._sources.swell(self.pressure.rhs, step)

    def _project(self, u: Field, step: int, *, out: Field | None = None, fewer: int = 0) -> None:
        """Write the part of ``u`` that is free of divergence into ``out``, else into ``u``."""
        s, g = self.state, self.settings
        out = out or u
        self._convergence(u, step)
        self.pressure.solve(max(1, self.iterations - fewer))
        for axis in g.axes:
            rim = 1.0 if g.sides[2 * axis].kind == "periodic" else 2.0
            inputs = [self.pressure.p, s.area[axis], s.weight[axis], s.solid[axis], u[axis], axis, rim]
            self._rows(grid.project_kernel, u[axis].shape, inputs, [out[axis]])

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
