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
from physim_kernels import advect, compartment, gas_body, ghost, grid, obstacle, smoke, spectral, transport, viscous
from physim_kernels import pressure as pressure_kernels

from physim.gas_diffusion import Diffusion
from physim.gas_ghost import Ghosts, ambient_rule, remainder_rule, velocity_rule
from physim.gas_state import Field, GasSettings, GasState, Obstacles, Puffs, Sides
from physim.kernel_cache import load_kernels
from physim.pressure import PressureSolver
from physim.pressure_spectral import SpectralPressure

Areas = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Open area [-] of the faces across x, y, z; shapes as in ``Field``."""
WHOLE = 0.98
"""Where gas sticks to solids, a face is open or closed, and closed if the solid is nearer than half a cell to its
middle: then the places that are held are off the surface by nothing on average."""
SLIVER = 0.05
"""Open area below which a face counts as closed otherwise."""
SPECTRAL_LIMIT = 160
"""Most cells along a side for which the direct solve is the faster one."""


def open_areas(shape: tuple[int, int, int]) -> Areas:
    """Of a box without anything in it."""
    return tuple(np.ones([n + (a == axis) for a, n in enumerate(shape)], np.float32) for axis in range(3))  # type: ignore[return-value]


def close_sides(areas: Areas, sides: Sides) -> Areas:
    """The same with the faces closed through which the flow is given; a single layer of cells is closed across it."""
    closed = tuple(np.array(a, dtype=np.float32) for a in areas)
    for axis, area in enumerate(closed):
        for side, index in ((2 * axis, 0), (2 * axis + 1, -1)):
            if sides[side].is_closed or area.shape[axis] == 2:
                area[(slice(None),) * axis + (index,)] = 0.0
    return closed  # type: ignore[return-value]


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
        self._outlet = _Outlet(settings, self._given_flow(), self.device)
        self.pressure = self._make_pressure(areas)
        count = obstacles.count if obstacles else 1
        self._push, self._twist = (wp.zeros(count, dtype=wp.vec3d, device=self.device) for _ in range(2))
        self._graphs: dict[tuple[int, int], object] = {}
        self._substeps = settings.density_substeps
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
        self._substeps = density_substeps or self.settings.density_substeps
        key = self._substeps, self.iterations
        if key not in self._graphs:
            self._warm_up()
            with wp.ScopedCapture(device=self.device) as capture:
                self._sequence()
            self._graphs[key] = capture.graph
        self._push.zero_()
        self._twist.zero_()
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
        self._substeps = self.settings.density_substeps
        self._warm_up()
        with wp.ScopedCapture(device=self.device) as capture:
            for step in (0, 1):
                self._transport(self.state.m, step)
        for _ in range(steps // 2):
            wp.capture_launch(capture.graph)
        if steps % 2:
            self._transport(self.state.m, 0)

    def _warm_up(self) -> None:
        """Load the modules outside the capture (a capture cannot compile)."""
        modules = (
            advect,
            compartment,
            gas_body,
            ghost,
            grid,
            obstacle,
            pressure_kernels,
            smoke,
            spectral,
            transport,
            viscous,
        )
        load_kernels((*modules, viscous), self.device)

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
        unit = density * self.settings.cell**3
        return unit * self._push.numpy(), unit * self.settings.cell * self._twist.numpy()

    def divergence(self) -> float:
        """Largest |net flux out of a cell| [m/s x face area] after the last step, over cells that are not all solid.

        What swells or is squeezed where there is no way out is not counted: no flow could take it away.
        """
        self._convergence(self.state.u, self.settings.steps - 1)
        self.pressure.balance()
        inner = (slice(1, -1),) * 3
        open_cells = sum(a.numpy()[_ahead(axis, n)] for axis, a in enumerate(self.state.area) for n in (0, 1)) > 0
        return float(np.abs(self.pressure.rhs.numpy()[inner][open_cells]).max(initial=0.0))

    # -- the launches ------------------------------------------------------------------------------------------------

    def _sequence(self) -> None:
        for step in range(self.settings.steps):
            self._step(step)

    def _step(self, step: int) -> None:
        s, g, half = self.state, self.settings, self.settings.dt / 2
        if self.obstacles:
            self._areas(step)
            self._hand_over()
        if g.heaviness != 1:
            # its weight stands where it is in the middle of each half step, not where it was before
            self._transport(s.u, step, 0.25)
        self._weigh()
        self._emit(step)
        self._outlet.advance(s.u, half, (self._static_solid, s.solid))
        self._along(s.u, 1.25, s.u_old, -0.25)
        self._carry(s.u, None, s.a, s.temperature, s.temperature2)
        self._force(s.a, s.temperature2, step, half)
        self._project(s.a, step, out=s.m, fewer=2)  # what is left is seen once more by the second one
        self._feel(step, 2.0)  # in the mirrored velocity it acts once more
        if g.heaviness != 1:
            self._transport(s.m, step, 0.5)
            self._weigh()
        self._outlet.advance(s.m, half, (self._static_solid, s.solid))
        self._along(s.m, 1.5, s.u, -0.5)
        self._carry(s.m, s.a, s.r, s.temperature2, s.temperature)
        self._force(s.r, s.temperature, step, half)
        self._copy(s.u_old, s.u)
        self._project(s.r, step, out=s.u)
        self._feel(step, 1.0)
        if g.heaviness != 1:
            self._transport(s.u, step, 0.25)
        elif g.carries_density:
            self._transport(s.m, step)
        self._emit(step)

    def _areas(self, step: int) -> None:
        if not self.obstacles:
            return
        for axis in range(3):
            inputs = [self._static_area[axis], self._static_solid[axis], axis]
            inputs += [wp.vec3(*self.settings.origin), self.settings.cell]
            inputs += [*self.obstacles.tables, *self.obstacles.poses, step]
            inputs += [WHOLE if self.settings.viscosity else SLIVER, int(self.settings.viscosity > 0)]
            outputs = [self.state.area[axis], self.state.solid[axis]]
            self._rows(obstacle.face_area_kernel, self.state.area[axis].shape, inputs, outputs)
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

    def _hand_over(self) -> None:
        """Empty the cells that bodies have closed; of more than two layers closed at once some may be left over."""
        s = self.state
        s.outflow.zero_()
        self._launch(transport.mass_kernel, (self.settings.shape[0],), [s.q], [s.mass[0]])
        for number, (q, q_out) in enumerate(((s.q, s.q2), (s.q2, s.q)) * 2):
            self._launch(transport.trapped_kernel, s.trapped.shape, [q, *s.area], [s.trapped])
            inputs = [q, *s.area, s.trapped, int(number == 3)]
            self._rows(transport.hand_over_kernel, self.settings.shape, inputs, [q_out])
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

    def _along(self, u: Field, a: float, v: Field, b: float) -> None:
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
            self._rows(ghost.embed_kernel, g.shape, [t, t, 1.0, 0.0, t, t, 0.0], [s.padded_cells])
            self._ghosts.fill(s.padded_cells, ambient_rule, -1, staggered=False)
            limits = self._ghosts.limits(-1, scalar=True)
            advect.cubic(s.padded_cells, s.displacement, axis=-1, out=t_out, **limits)

    def _force(self, u: Field, temperature: wp.array, step: int, dt: float) -> None:
        s, g = self.state, self.settings
        self._diffusion.begin(u)
        if g.carries_temperature:
            self._diffusion.cells(temperature, dt)
        if g.confinement:
            self._rows(grid.centre_velocity_kernel, g.shape, [*u, *u, 1.0, 0.0], [*s.centre])
            self._rows(smoke.curl_kernel, g.shape, [*s.centre], [*s.curl, s.curl_length])
        inputs = [*s.curl, s.curl_length, temperature, g.confinement, 0.25 * g.speed, g.cell, g.ambient_temperature]
        self._rows(smoke.acceleration_kernel, g.shape, [*inputs, wp.vec3(*g.gravity)], [*s.centre])
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
            if self.puffs and self.puffs.has_jet:
                p = self.puffs
                inputs = [p.ball, p.state, p.jet, step, axis, self._hold(dt)]
                self._rows(smoke.jet_kernel, u[axis].shape, inputs, [u[axis]])
        self._diffusion.velocity(u, dt)

    def _convergence(self, u: Field, step: int) -> None:
        """What flows into each cell and what enters there, which the pressure has to balance."""
        s, p, shape = self.state, self.puffs, self.settings.shape
        self._rows(grid.convergence_kernel, shape, [*u, *s.area, *s.solid], [self.pressure.rhs])
        if p and p.has_jet:
            inputs = [p.ball, p.state, p.jet, step, *s.area]
            self._rows(smoke.swell_kernel, shape, inputs, [self.pressure.rhs])

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

    def _feel(self, step: int, weight: float) -> None:
        """Add what the last projection gave to the obstacles."""
        if not self.obstacles:
            return
        s, g, o = self.state, self.settings, self.obstacles
        kind, size, reach, starts, planes = o.tables
        for axis in g.axes:
            rim = 1.0 if g.sides[2 * axis].kind == "periodic" else 2.0
            inputs = [self.pressure.p, s.area[axis], self._static_area[axis], axis, rim, wp.vec3(*g.origin), g.cell]
            inputs += [kind, size, reach, starts, planes, o.poses[0], o.poses[1], step]
            inputs += [WHOLE if g.viscosity else SLIVER, int(g.viscosity > 0), weight]
            dim = (o.count, s.area[axis].shape[0])
            self._launch(gas_body.push_kernel, dim, inputs, [self._push, self._twist])

    def _transport(self, u: Field, step: int, share: float = 1.0) -> None:
        """Carry the density along ``u`` for a share of the step."""
        s, g = self.state, self.settings
        dt, count = g.dt * share, int(np.ceil(self._substeps * share))
        s.outflow.zero_()
        self._launch(transport.mass_kernel, (g.shape[0],), [s.q], [s.mass[0]])
        self._diffusion.density(s.q, s.curl_length, dt / 2)
        for substep in range(count):
            order = g.axes if (step * count + substep) % 2 == 0 else g.axes[::-1]
            for axis in order:
                self._wrap_density(axis)
                pair = g.sides[2 * axis : 2 * axis + 2]
                through = sum(1 << n for n, side in enumerate(pair) if side.kind in ("inflow", "outflow"))
                inputs = [s.q, s.volume, u[axis], s.area[axis], axis, dt / count / g.cell, through]
                self._rows(transport.flux_kernel, u[axis].shape, inputs, [s.flux, s.volume_flux])
                self._launch(transport.outflow_kernel, (g.shape[0],), [s.flux, axis], [s.outflow])
                self._rows(transport.update_kernel, g.shape, [s.flux, s.volume_flux, axis], [s.q, s.volume])
        keep = float(np.exp(-g.dissipation * dt))
        self._rows(transport.settle_kernel, g.shape, [keep], [s.q, s.volume])
        self._diffusion.density(s.q, s.curl_length, dt / 2)
        self._launch(transport.mass_kernel, (g.shape[0],), [s.q], [s.mass[1]])
        self._launch(transport.ledger_kernel, (1,), [*s.mass, s.outflow, keep], [s.ledger])

    def _wrap_density(self, axis: int) -> None:
        """What flows in over the sides across ``axis``, where that is not clear air."""
        s, pair = self.state, self.settings.sides[2 * axis : 2 * axis + 2]
        if pair[0].kind == "periodic":
            mode = ghost.WRAP
        elif pair[0].density or pair[1].density:
            mode = ghost.CONSTANT
        else:
            return
        for f, low, high in ((s.q, pair[0].density, pair[1].density), (s.volume, 1.0, 1.0)):
            numbers = [3, 0, mode, mode, low, high]
            if axis == 2:
                self._launch(ghost.ghost_ends_kernel, f.shape[:2], numbers, [f])
            else:
                chunk = f.shape[2] if self.device.is_cpu else 1
                dim = (6, f.shape[1 - axis], f.shape[2] // chunk)
                self._launch(ghost.ghost_rows_kernel, dim, [axis, *numbers, chunk], [f])

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


def _ahead(axis: int, offset: int) -> tuple[slice, ...]:
    """The faces before (0) or behind (1) the cells along ``axis``."""
    cut = [slice(None)] * 3
    cut[axis] = slice(offset, None) if offset else slice(None, -1)
    return tuple(cut)


class _Outlet:
    """Outflow sides: what arrives leaves, and as much as flows in elsewhere.

    Args:
        settings: Of the gas.
        flow: Velocity through the closed sides at the start.
        device: Warp device.
    """

    def __init__(self, settings: GasSettings, flow: Areas, device):
        self.settings, self.device = settings, device
        self.sides = [n for n, s in enumerate(settings.sides) if s.kind == "outflow" and n // 2 in settings.axes]
        self._total = wp.zeros(1, dtype=float, device=device)
        entering = 0.0
        for number, side in enumerate(settings.sides):
            if side.kind == "inflow" and number // 2 in settings.axes:
                values = np.take(flow[number // 2], -(number % 2), axis=number // 2)
                entering += float(values.sum(dtype=np.float64)) * (1 if number % 2 == 0 else -1)
        if self.sides and settings.open_bits:
            raise ValueError("gas has an outflow and an open side, expected one kind of exit. Make the outflow open.")
        self._entering = entering

    def advance(self, u: Field, dt: float, solids: tuple[Field, ...]) -> None:
        """Carry the velocity across the outlets on for ``dt``; ``u`` is that of the beginning."""
        g = self.settings
        for number in self.sides:
            axis, high = divmod(number, 2)
            face = [n for a, n in enumerate(g.shape) if a != axis]
            last, inwards = (g.shape[axis], -1) if high else (0, 1)
            speed = abs(g.sides[number].velocity[axis])
            wanted = self._entering / len(self.sides) * (1 if high else -1)
            for solid in {id(s[axis]): s[axis] for s in solids}.values():
                self._total.zero_()
                inputs = [u[axis], axis, last, inwards, min(1.0, speed * dt / g.cell)]
                wp.launch(
                    viscous.outlet_kernel, dim=face, inputs=inputs, outputs=[solid, self._total], device=self.device
                )
                inputs = [axis, last, wanted, int(np.prod(face)), self._total]
                wp.launch(viscous.balance_kernel, dim=face, inputs=inputs, outputs=[solid], device=self.device)
