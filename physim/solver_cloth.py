"""Cloth in time: explicit small steps inside the substeps of the rigid solver, which keeps the clock.

A step is as short as the fastest wave in the fabric asks for (its length follows from the moduli and the mesh, once per
scene), so that nothing is iterated: at rest the forces balance exactly, moving energy stays, and the answer does not
know how it was computed. See ``docs/physics.md`` for the equations and the measured errors, and
``docs/design/0002-cloth.md`` for what was tried instead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import warp as wp
from physim_kernels import (
    cloth,
    cloth_bend,
    cloth_bend_grid,
    cloth_grid,
    cloth_grid_plain,
    cloth_membrane,
    cloth_wind,
)

from physim import cloth_air, cloth_arrays, cloth_piece
from physim.cloth_contact import ClothContact
from physim.scene import Scene
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix
from physim.trajectory import ClothTrack

if TYPE_CHECKING:
    from physim.liquid_cloth import WetCloth

SAFETY = 0.93
"""Step over the largest stable one, at rest; what is left is for fabric that is stretched."""
BENDING_SAFETY = 0.4
"""The same for kicks by bending, which come less often than steps."""
SEARCH_RATE = 120.0
"""Least searches for contacts per second."""
SEARCH_WORK = 1.9e6
"""Searches per second times vertices that are spent if they are more: up to 44 x 44 vertices, in every substep."""
SPEED_LIMIT = 1.0e4
"""Speed at which a state counts as blown up [m/s]."""


class ClothSolver:
    """Simulates all cloths of a scene as a partner of a rigid solver.

    Args:
        scene: What is there. Not changed.
        rigid: Keeps the clock and the bodies; may have none.

    Raises:
        ValueError: The scene has no cloth, a loose vertex, or a pin that holds what is not there.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver):
        self.scene, self.rigid, self.device = scene, rigid, rigid.device
        self.names = [e.name for e in scene.cloths]
        pieces = [cloth_piece.piece(e) for e in scene.cloths]
        self.whole = cloth_piece.Whole(
            cloth_piece.afford(pieces, scene.heaviest, rigid.refinement, dry=not scene.liquids)
        )
        if not self.names:
            raise ValueError("the scene has no cloth; add a Sheet or a Pattern with a Cloth material.")
        self.steps: int
        """Steps per substep."""
        self.stride: int
        """Steps between two kicks by bending."""
        self.step: float
        """Length of a step [s]."""
        self._set_steps()
        device, pieces = self.device, self.whole.pieces
        self.cloths = cloth_arrays.cloths(self.whole, device)
        self.contact = self._make_contact()
        rate = max(SEARCH_RATE, SEARCH_WORK / self.whole.count)
        self._search_stride = max(1, math.floor(1.0 / (rate * rigid.substep) + 1e-9))
        self._membrane = cloth_arrays.membrane(self.whole, self.step, device)
        self._grids = cloth_arrays.grids(self.whole, self.step, device)
        self.plain = not device.is_cpu
        """One thread per vertex; else vector code row by row, which does the same arithmetic."""
        self._bending = cloth_arrays.bending(self.whole, self.step * self.stride, device)
        self._plates = cloth_arrays.plates(self.whole, self._grids, self.step * self.stride, device)
        self._air = cloth_air.air(self.whole, self.rigid.substeps, scene, device)
        self._drift = cloth_air.eddies(scene)[2]
        self._pushed = any(p.on in self.names for p in scene.impulses())
        self.waters: list[WetCloth] = []
        """What it hangs in."""
        self._smooth = any(p.smooth for p in pieces)
        self._lossy = any(p.material.damping for p in pieces)
        self._make_pins()
        samples = rigid.samples_per_frame
        self._x_out = wp.zeros((samples, self.whole.count), dtype=wp.vec3, device=device)
        self._v_out = wp.zeros((samples, self.whole.count), dtype=wp.vec3, device=device)
        self._pull_out = wp.zeros((samples, max(self._pins.count, 1)), dtype=wp.vec3, device=device)
        n = self.whole.count
        self.history = [(self.cloths.x.numpy()[None, :n].copy(), self.cloths.v.numpy()[None, :n].copy())]
        self._pulls = [np.zeros((1, max(self._pins.count, 1), 3), np.float32)]
        self._masses = [self.cloths.mass.numpy()[:n].copy()]
        self._frame_count = 0

    # -- set-up ---------------------------------------------------------------------------------------------------

    def _set_steps(self) -> None:
        """Steps per substep and steps per kick by bending, from the fastest waves.

        Kicks that come less often than steps resonate with membrane waves of a multiple of half their rate, which then
        grow at up to bending^2 / (2 membrane) [1/s]: allowed only where the fabric's loss is faster.
        """
        h, pieces = self.rigid.substep, self.whole.pieces
        step = kick = math.inf
        for p in pieces:
            share, tau = cloth_arrays.MEMORY_SHARE, p.material.damping or 0.0
            stiffer = math.sqrt(1 + share) if tau else 1.0
            decay = share**2 / (2 * (1 + share) * tau) if tau else 0.0
            if p.bending_rate**2 < 1.6 * p.membrane_rate * decay:
                kick = min(kick, 2 * BENDING_SAFETY / max(stiffer * p.bending_rate, 1e-9))
                fastest = p.membrane_rate
            else:
                kick = 0.0
                fastest = math.hypot(p.membrane_rate, p.bending_rate)
            step = min(step, 2 * SAFETY / max(stiffer * fastest, 1e-9))
        step /= max(self.rigid.refinement, 1.0)
        if kick <= step:
            self.steps, self.stride = max(1, math.ceil(h / step - 1e-9)), 1
        else:
            kicks = max(1, math.ceil(h / kick - 1e-9))
            self.stride = max(1, math.ceil(h / kicks / step - 1e-9))
            self.steps = kicks * self.stride
        self.step = h / self.steps

    def _make_contact(self) -> ClothContact:
        """With all bodies and static things, and of cloth with cloth."""
        mine, c = self.whole.pieces, self.cloths
        sizes = [len(p.rest) for p in mine]
        held: dict[int, list[int]] = {}
        for shift, p in zip(self.whole.vertex_start[:-1], mine, strict=True):
            for vertices, pin in zip(p.held, p.entity.pins, strict=True):
                if pin.to is not None:
                    held.setdefault(self.rigid.number_of(pin.to), []).extend((shift + vertices).tolist())
        n = self.whole.count  # after the vertices come the directions that clamps hold, which meet nothing
        return ClothContact(
            x=c.x[:n], v=c.v[:n], inv_mass=c.inv_mass[:n], faces=self.whole.faces,
            rest=np.concatenate([p.rest for p in mine]),
            half=np.repeat([0.5 * p.material.thickness for p in mine], sizes),  # type: ignore[operator]
            friction=np.repeat([p.material.friction for p in mine], sizes), geometry=self.rigid.geometry,  # type: ignore[arg-type]
            bodies=self.rigid.bodies, device=self.device, watch=self.rigid.substep,
            held={k: np.array(v, dtype=int) for k, v in held.items()},
        )  # fmt: skip

    def _make_pins(self) -> None:
        """What is held, in the pin's own frame: about its centroid, or in the body's frame."""
        pins, rigid, device = cloth.Pins(), self.rigid, self.device
        body_q, body_x = rigid.bodies.q.numpy(), rigid.bodies.x.numpy()
        vertex, pin, start, direction, direction_pin, direction_start = ([] for _ in range(6))
        body: list[int] = []
        first = [0]
        self._motions, self._centres = [], []
        for c, p in enumerate(self.whole.pieces):
            shift, row = self.whole.vertex_start[c], self.whole.direction_start[c]
            for held, given in zip(p.held, p.entity.pins, strict=True):
                number = -1 if given.to is None else rigid.number_of(given.to)
                centre = p.start[held].mean(axis=0) if len(held) else np.zeros(3)
                turn = np.eye(3)
                if number >= 0:
                    centre, turn = body_x[number], rotation_matrix(body_q[number])
                vertex += (shift + held).tolist()
                pin += [len(body)] * len(held)
                start += ((p.start[held] - centre) @ turn).tolist()
                if given.clamp:
                    rows = np.flatnonzero(np.isin(p.clamped, held))
                    rows = np.stack([2 * rows, 2 * rows + 1], axis=1).ravel()
                    direction += (row + rows).tolist()
                    direction_pin += [len(body)] * len(rows)
                    direction_start += (p.directions[rows] @ turn).tolist()
                body.append(number)
                first.append(len(vertex))
                self._motions.append(given.motion)
                self._centres.append(centre)
        self._held, self._directions = len(vertex), len(direction)
        size = (rigid.substeps + 1) * max(len(body), 1)
        tables: tuple[tuple[str, object, object], ...] = (
            ("vertex", vertex, int), ("pin", pin, int), ("start", start, wp.vec3d), ("direction", direction, int),
            ("direction_pin", direction_pin, int), ("direction_start", direction_start, wp.vec3d),
            ("body", body, int), ("first", first, int), ("centre", np.zeros((size, 3)), wp.vec3d),
            ("turn", np.tile([0.0, 0.0, 0.0, 1.0], (size, 1)), wp.quatd),
        )  # fmt: skip
        for name, values, dtype in tables:
            setattr(pins, name, cloth_arrays._array(values, dtype, device))
        pins.count = len(body)
        self._pins = pins
        self._bodies_pinned = any(b >= 0 for b in body)
        for name in ("drift", "taken"):
            setattr(pins, name, wp.zeros(max(len(vertex), 1), dtype=wp.vec3, device=device))

    # -- partner of the rigid solver --------------------------------------------------------------------------------

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""
        for module in (cloth, cloth_grid, cloth_grid_plain, cloth_bend_grid, cloth_wind, cloth_membrane, cloth_bend):
            wp.load_module(module, device=self.device)
        self.contact.load_kernels()
        for water in self.waters:
            water.load_kernels()

    def begin_frame(self, first_substep: int) -> None:
        """Tables of wind, impulses and moving pins for the frame that begins with this substep."""
        h, n = self.rigid.substep, self.rigid.substeps
        times = (first_substep + np.arange(n + 1)) * h
        if first_substep == 0 or self.rigid.weight.changes:
            self._air.gravity.assign(self.rigid.weight.substeps.astype(np.float32))
        if self._air.blows:
            self._air.wind.assign(np.array([self.scene.wind_at(t) for t in times[:-1]], dtype=np.float32))
            if len(self._drift):
                phase = self._drift[:, 0] + times[:-1, None] * self._drift[:, 1]
                self._air.eddy_phase.assign((phase % 1.0).astype(np.float32).ravel())
        self._tabulate_impulses(first_substep)
        if self._pins.count and (first_substep == 0 or any(m is not None for m in self._motions)):
            self._tabulate_motions(times)

    def enter_gas(self, shape: tuple[int, int, int], origin: tuple[float, float, float], cell: float) -> None:
        """Before the first frame: inside of a box (lower corner and edge of its cells [m]) the wind is that of a gas.

        :meth:`feel_gas` tells it.
        """
        self._air.has_gas = 1
        self._air.gas = wp.zeros(shape, dtype=wp.vec3, device=self.device)
        self._air.gas_origin, self._air.gas_cell = wp.vec3(*origin), float(cell)

    def feel_gas(self, velocity: np.ndarray) -> None:
        """Velocity of the gas in its cells (nx, ny, nz, 3) [m/s] during the coming frame."""
        self._air.gas.assign(np.ascontiguousarray(velocity, dtype=np.float32))

    def _tabulate_impulses(self, first: int) -> None:
        mine = [p for p in self.scene.impulses() if p.on in self.names]
        if not mine:
            return
        table = np.zeros((self.rigid.substeps, len(self.names), 3), dtype=np.float32)
        inverse = self.cloths.inv_mass.numpy()
        for push in mine:
            k, number = math.floor(push.at / self.rigid.substep + 1e-6) - first, self.names.index(push.on)
            if 0 <= k < len(table):
                own = inverse[self.whole.vertex_start[number] : self.whole.vertex_start[number + 1]]
                mass = (1 / own[own > 0]).sum(dtype=np.float64)
                table[k, number] += np.array(push.newton_seconds) / max(mass, 1e-30)
        self._air.push.assign(table.reshape(-1, 3))

    def _tabulate_motions(self, times: np.ndarray) -> None:
        from scipy.spatial.transform import Rotation

        count = len(self._motions)
        centre = np.zeros((len(times), count, 3))
        turn = np.zeros((len(times), count, 4))
        turn[..., 3] = 1
        for p, (motion, middle) in enumerate(zip(self._motions, self._centres, strict=True)):
            centre[:, p] = middle
            if motion is not None:
                offset, spin = motion.at(times)
                centre[:, p] += offset
                turn[:, p] = Rotation.from_rotvec(spin).as_quat()
        self._pins.centre.assign(centre.reshape(-1, 3))
        self._pins.turn.assign(turn.reshape(-1, 4))

    def launch_search(self, k: int) -> None:
        """Contacts of substep ``k`` and of those until the next search."""
        if k % self._search_stride == 0:
            interval = self.rigid.substep * min(self._search_stride, self.rigid.substeps - k)
            self.contact.launch_search(interval, float(np.linalg.norm(self.scene.heaviest)))

    def launch_substep(self, k: int) -> None:
        """All steps of substep ``k``."""
        cloths, device, dt, h = self.cloths, self.device, self.step, self.rigid.substep
        if (k + 1) % self._search_stride == 0 or k + 1 == self.rigid.substeps:
            self.contact.launch_watch()
        cloth_wind.outer(cloths, self._grids, self._air, k=k, h=h, pushed=self._pushed, plain=self.plain, device=device)
        for water in self.waters:
            water.exchange()
        if self._held:
            cloth.hold(
                cloths, self._pins, self.rigid.bodies, k=k, h=h, held=self._held, directions=self._directions,
                device=device,
            )  # fmt: skip
        self.contact.launch_begin(h)
        for j in range(self.steps):
            if j % self.stride == 0:
                self._launch_bend(dt * self.stride)
            self._launch_kick(dt)
            if self._bodies_pinned:
                cloth.carry(cloths, self._pins, self.rigid.bodies, time=j * dt, device=device)
            self.contact.launch_step(j, dt, h)
            cloth.drift(cloths, rows=self.whole.rows, dt=dt, plain=self.plain, device=device)
        self.contact.launch_end(h)

    def _launch_bend(self, dt: float) -> None:
        """A kick by bending that stands for ``dt`` [s]."""
        if self._bending.count:
            cloth_bend.bend(self.cloths, self._bending, dt=dt, lossy=self._lossy, device=self.device)
        if self._plates.rows:
            cloth_bend_grid.bend(
                self.cloths, self._plates, dt=dt, lossy=self._lossy, plain=self.plain, device=self.device
            )

    def _launch_kick(self, dt: float) -> None:
        """Membrane and outer forces for ``dt`` [s]; vector code where all cloths are grids."""
        cloths, device = self.cloths, self.device
        if self._membrane.count:
            cloth_membrane.stretch(cloths, self._membrane, device=device)
        if self.plain or self._membrane.count:
            if self._grids.count:
                cloth_grid_plain.stretch(cloths, self._grids, device=device)
            if self._smooth:
                cloth_grid_plain.kick(cloths, self._grids, dt=dt, device=device)
            else:
                cloth.kick(cloths, device=device, dt=dt)
        else:
            cloth_grid.kick(cloths, self._grids, dt=dt, device=device)
        if self._held:
            cloth.pull(cloths, self._pins, held=self._held, dt=dt, device=device)

    def launch_record(self, row: int) -> None:
        """Copy the state to row ``row`` of the frame's outputs."""
        cloth.record(
            self.cloths, self._pins, row=row, x_out=self._x_out, v_out=self._v_out,
            pull_out=self._pull_out, device=self.device,
        )  # fmt: skip

    def end_frame(self) -> None:
        """Read the frame back.

        Raises:
            FloatingPointError: A vertex is no longer at a finite place, or faster than ``SPEED_LIMIT``.
        """
        x, v = self._x_out.numpy().copy(), self._v_out.numpy().copy()
        self._frame_count += 1
        self._check_state(x, v)
        self.history.append((x, v))
        if self.waters:
            self._masses.append(self.cloths.mass.numpy()[: self.whole.count].copy())
        rate = self.rigid.fps * self.rigid.samples_per_frame
        self._pulls.append(self._pull_out.numpy() * rate)

    def _check_state(self, x: np.ndarray, v: np.ndarray) -> None:
        if -SPEED_LIMIT < v.min() and v.max() < SPEED_LIMIT and np.isfinite(x.sum()):
            return
        bad = ~(np.abs(v).max(axis=-1) < SPEED_LIMIT) | ~np.isfinite(x).all(axis=-1)
        sample, vertex = np.argwhere(bad)[0]
        number = int(np.searchsorted(self.whole.vertex_start, vertex, side="right")) - 1
        own, samples = vertex - self.whole.vertex_start[number], self.rigid.samples_per_frame
        time = (self._frame_count - 1 + (sample + 1) / samples) / self.rigid.fps
        raise FloatingPointError(
            f"cloth {self.names[number]!r}: vertex {own} is at "
            f"{x[sample, vertex]} m with {v[sample, vertex]} m/s at {time:.4f} s, "
            f"expected a finite state below {SPEED_LIMIT:g} m/s. "
            "Check its start velocity, the speed of its pins and impulses, or raise refinement."
        )

    # -- results --------------------------------------------------------------------------------------------------

    def tracks(self) -> dict[str, ClothTrack]:
        """Every cloth at all samples so far, the initial one first."""
        x, v = (np.concatenate(c) for c in zip(*self.history, strict=True))
        pulls = np.concatenate(self._pulls)
        water = np.stack(self._masses) - self._masses[0] if self.waters else None
        out, pin = {}, 0
        for i, p in enumerate(self.whole.pieces):
            part = slice(self.whole.vertex_start[i], self.whole.vertex_start[i + 1])
            own = pulls[:, pin : pin + len(p.held)]
            pin += len(p.held)
            out[p.entity.name] = ClothTrack(
                self.rigid.samples_per_frame, self.rigid.fps, np.ascontiguousarray(x[:, part]),
                p.faces.astype(np.int32), p.rest, np.ascontiguousarray(v[:, part]), np.ascontiguousarray(own),
                None if water is None else water[:, part] / p.area.astype(np.float32),
            )  # fmt: skip
        return out

    @property
    def time(self) -> float:
        """Simulated so far [s]."""
        return self._frame_count / self.rigid.fps

    @property
    def is_closed(self) -> bool:
        """Nothing outside but gravity and impulses acts on the cloth."""
        return self._held == 0 and self._air.blows == 0 and not self.rigid.pieces and not self.waters

    def report(self) -> dict[str, float]:
        """What the laws say about the run so far; see :mod:`physim.cloth_report`."""
        from physim.cloth_report import report

        return report(self)
