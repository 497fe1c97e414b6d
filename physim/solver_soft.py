"""Elastic solids in time: explicit small steps inside the substeps of the rigid solver, which keeps the clock.

A step is as short as the fastest wave in the stiffest cell asks for, so that nothing is iterated: results follow from
Young's modulus, Poisson's ratio, density and damping alone. See ``docs/physics.md`` for the measured errors, and
``docs/design/0010-soft.md`` for what was tried instead.
"""

from __future__ import annotations

import math

import numpy as np
import warp as wp
from physim_kernels import soft, soft_ledger, soft_pins, soft_touch

from physim import soft_arrays, soft_law
from physim.scene import Scene
from physim.soft_cells import piece
from physim.solver_rigid import RigidSolver
from physim.trajectory import SoftTrack

SPEED_LIMIT = 1.0e4
"""Speed at which a state counts as blown up [m/s]."""
WORK = 4.0e9
"""Cell steps per simulated second at most: some minutes of one core."""


class SoftSolver:
    """Simulates all elastic solids of a scene as a partner of a rigid solver.

    Args:
        scene: What is there. Not changed.
        rigid: Keeps the clock and the bodies; may have none.

    Raises:
        ValueError: The scene has no soft solid, cells that do not fit one, a pin that holds what is not there, or
            matter so stiff that its waves would take hours.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver):
        self.scene, self.rigid, self.device = scene, rigid, rigid.device
        if not scene.softs:
            raise ValueError("the scene has no soft solid; add a solid shape with a Soft material.")
        self.names = [e.name for e in scene.softs]
        self.pieces = [piece(e) for e in scene.softs]
        self.steps: int
        """Per substep."""
        self.step: float
        """Length of a step [s]."""
        self._set_steps()
        device, pieces = self.device, self.pieces
        self.node_start = np.cumsum([0, *(len(p.lattice.rest) for p in pieces)])
        self.cell_start = np.cumsum([0, *(len(p.lattice.cells) for p in pieces)])
        self.skin_start = np.cumsum([0, *(len(p.skin.vertices) for p in pieces)])
        held = [self.node_start[k] + h for k, p in enumerate(pieces) for h in p.held]
        self.nodes = soft_arrays.nodes(pieces, np.concatenate([np.zeros(0, int), *held]), device)
        self.cells = soft_arrays.cells(pieces, device)
        self.laws = soft_arrays.laws(pieces, self.step, device)
        self.skin = soft_arrays.skin(pieces, self.nodes.inv_mass.numpy(), device)
        self.touches = soft_arrays.touches(int(self.skin_start[-1]), len(pieces), len(rigid.pieces), device)
        self.pins, self._motions, self._centres = soft_arrays.pins(pieces, rigid, self.node_start, device)
        self._spared = soft_arrays.spared(pieces, rigid, device)
        self._colliders = int(rigid.geometry.first.numpy()[-1])
        self._slack = 0.05 * min(float(p.lattice.side.min()) for p in pieces)
        self._pull = wp.zeros(int(self.node_start[-1]), dtype=wp.vec3, device=device)
        self._push = wp.zeros(rigid.substeps * len(pieces), dtype=wp.vec3, device=device)
        self._pushed = any(p.on in self.names for p in scene.impulses())
        self._make_outputs()
        self._frame_count = 0

    def _set_steps(self) -> None:
        h = self.rigid.substep
        longest = min(soft_law.longest_step(p.material, p.lattice.side) for p in self.pieces)
        step = soft_law.SAFETY * longest / max(self.rigid.refinement, 1.0)
        self.steps = max(1, math.ceil(h / step - 1e-9))
        self.step = h / self.steps
        work = sum(len(p.lattice.cells) for p in self.pieces) / self.step
        if work > WORK:
            slowest = min(self.pieces, key=lambda p: soft_law.longest_step(p.material, p.lattice.side))
            raise ValueError(
                f"{slowest.entity.name!r} with a modulus of {slowest.material.youngs_modulus:g} Pa and cells of "
                f"{slowest.lattice.side.min():.3g} m takes steps of {self.step:.2g} s, {work:.2g} cell steps per "
                f"second together, expected at most {WORK:.2g}. Make it Rigid if it hardly gives, or its cells larger."
            )

    def _make_outputs(self) -> None:
        samples, device, count = self.rigid.samples_per_frame, self.device, len(self.pieces)
        points, colliders = int(self.skin_start[-1]), self.touches.pressed.shape[0]
        self._x_out = wp.zeros((samples, points), dtype=wp.vec3, device=device)
        self._v_out = wp.zeros((samples, points), dtype=wp.vec3, device=device)
        self._press_out = wp.zeros((samples, colliders), dtype=wp.vec3, device=device)
        self._pull_out = wp.zeros((samples, max(self.pins.count, 1)), dtype=wp.vec3, device=device)
        parts = samples * count * soft_ledger.PARTS
        self._sums_out = wp.zeros(parts * soft_ledger.KINDS, dtype=wp.float64, device=device)
        self._least_out = wp.zeros(parts, dtype=float, device=device)
        self._starts = [wp.array(s, dtype=int, device=device) for s in (self.node_start, self.cell_start)]
        self._shape = (samples, count, soft_ledger.PARTS)
        self._launch_place()
        self._launch_sums(0)
        x, v = self.skin.x.numpy()[None], self.skin.v.numpy()[None]
        sums, least = self._read_sums()
        self.history = [(x.copy(), v.copy(), sums[:1], least[:1])]
        """Per frame: points of the skin and their velocities, sums of ``soft_ledger``, least J; the start first."""
        self._forces = [np.zeros((1, colliders, 3), np.float32)]
        self._pulls = [np.zeros((1, max(self.pins.count, 1), 3), np.float32)]

    # -- partner of the rigid solver --------------------------------------------------------------------------------

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""
        for module in (soft, soft_touch, soft_pins, soft_ledger):
            wp.load_module(module, device=self.device)

    def begin_frame(self, first_substep: int) -> None:
        """Tables of impulses and moving pins for the frame that begins with this substep."""
        if self._pushed:
            self._tabulate_impulses(first_substep)
        if self.pins.count and (first_substep == 0 or any(m is not None for m in self._motions)):
            times = (first_substep + np.arange(self.rigid.substeps + 1)) * self.rigid.substep
            soft_arrays.tabulate(self.pins, self._motions, self._centres, times)

    def _tabulate_impulses(self, first: int) -> None:
        table = np.zeros((self.rigid.substeps, len(self.names), 3), dtype=np.float32)
        for push in self.scene.impulses():
            k = math.floor(push.at / self.rigid.substep + 1e-6) - first
            if push.on in self.names and 0 <= k < len(table):
                number = self.names.index(push.on)
                table[k, number] += np.array(push.newton_seconds) / self.free_mass(number)
        self._push.assign(table.reshape(-1, 3))

    def free_mass(self, number: int) -> float:
        """Of what is not held of a solid [kg]."""
        mine = slice(self.node_start[number], self.node_start[number + 1])
        free = self.nodes.inv_mass.numpy()[mine] > 0
        return float(self.nodes.mass.numpy()[mine][free].sum(dtype=np.float64))

    def launch_search(self, k: int) -> None:
        """Contacts of substep ``k`` are looked for in :meth:`launch_substep`, when all velocities are known."""

    def launch_substep(self, k: int) -> None:
        """All steps of substep ``k``."""
        rigid, device, h = self.rigid, self.device, self.rigid.substep
        nodes, count = self.nodes, int(self.node_start[-1])
        wp.launch(
            soft.outer_kernel, dim=count, device=device,
            inputs=[nodes, rigid.weight.table, self._push, len(self.pieces), k],
        )  # fmt: skip
        if self.pins.count:
            held = self.pins.node.shape[0]
            wp.launch(
                soft_pins.hold_kernel, dim=held, device=device, inputs=[nodes, self.pins, rigid.bodies, k, h]
            )  # fmt: skip
        if self._colliders:
            self._launch_find(h)
        for j in range(self.steps):
            self._launch_step(j, h)

    def _launch_step(self, j: int, h: float) -> None:
        nodes, cells, device, dt = self.nodes, self.cells, self.device, self.step
        bodies = self.rigid.bodies
        wp.launch(soft.stress_kernel, dim=int(self.cell_start[-1]), device=device, inputs=[cells, nodes, self.laws])
        wp.launch(
            soft.kick_kernel, dim=int(self.node_start[-1]), device=device, inputs=[nodes, cells, self._pull, dt]
        )  # fmt: skip
        if self.pins.count:
            inputs = [nodes, self.pins, bodies, self._pull, j * dt]
            wp.launch(soft_pins.carry_kernel, dim=self.pins.count, device=device, inputs=inputs)
        if self._colliders:
            wp.launch(
                soft_touch.press_kernel, dim=1, device=device,
                inputs=[self.rigid.geometry, bodies, nodes, cells, self.skin, self.touches, j * dt, dt, h],
            )  # fmt: skip
        wp.launch(soft.drift_kernel, dim=int(self.node_start[-1]), device=device, inputs=[nodes, dt])

    def _launch_place(self) -> None:
        inputs = [self.nodes, self.cells, self.skin]
        wp.launch(soft_touch.place_kernel, dim=int(self.skin_start[-1]), device=self.device, inputs=inputs)

    def _launch_find(self, h: float) -> None:
        """What points of the skin may touch in a substep of ``h`` [s]."""
        self._launch_place()
        points = int(self.skin_start[-1])
        reach = self._slack + 4 * float(np.linalg.norm(self.scene.heaviest)) * h * h
        wp.launch(
            soft_touch.find_kernel, dim=points, device=self.device,
            inputs=[
                self.rigid.geometry, self.rigid.bodies, self.skin, self.touches, self._spared, self._colliders, h, reach
            ],
        )  # fmt: skip
        wp.launch(soft_touch.list_kernel, dim=1, device=self.device, inputs=[self.touches, points])

    def _launch_sums(self, row: int) -> None:
        wp.launch(
            soft_ledger.sum_kernel, dim=len(self.pieces) * soft_ledger.PARTS, device=self.device,
            inputs=[
                self.nodes, self.cells, self.laws, *self._starts, row, len(self.pieces), self._sums_out, self._least_out
            ],
        )  # fmt: skip

    def launch_record(self, row: int) -> None:
        """Copy the state to row ``row`` of the frame's outputs."""
        self._launch_place()
        self._launch_sums(row)
        for values, out in ((self.skin.x, self._x_out), (self.skin.v, self._v_out)):
            wp.launch(soft_ledger.copy_kernel, dim=len(values), device=self.device, inputs=[values, row, out])
        counted = [(self.touches.pressed, self._press_out)]
        if self.pins.count:
            counted.append((self.pins.pulled, self._pull_out))
        for values, out in counted:
            wp.launch(soft_ledger.hand_kernel, dim=len(values), device=self.device, inputs=[values, row, out])

    def _read_sums(self) -> tuple[np.ndarray, np.ndarray]:
        """(samples, solids, kinds) and (samples, solids)."""
        sums = self._sums_out.numpy().reshape(*self._shape, soft_ledger.KINDS).sum(axis=2)
        return sums, self._least_out.numpy().reshape(self._shape).min(axis=2)

    def end_frame(self) -> None:
        """Read the frame back.

        Raises:
            FloatingPointError: A point is no longer at a finite place, or faster than ``SPEED_LIMIT``.
        """
        x, v = self._x_out.numpy().copy(), self._v_out.numpy().copy()
        self._frame_count += 1
        self._check_state(x, v)
        self.history.append((x, v, *self._read_sums()))
        rate = self.rigid.fps * self.rigid.samples_per_frame
        self._forces.append(self._press_out.numpy() * rate)
        self._pulls.append(self._pull_out.numpy() * rate)

    def _check_state(self, x: np.ndarray, v: np.ndarray) -> None:
        if -SPEED_LIMIT < v.min() and v.max() < SPEED_LIMIT and np.isfinite(x.sum()):
            return
        bad = ~(np.abs(v).max(axis=-1) < SPEED_LIMIT) | ~np.isfinite(x).all(axis=-1)
        sample, point = np.argwhere(bad)[0]
        number = int(np.searchsorted(self.skin_start, point, side="right")) - 1
        samples = self.rigid.samples_per_frame
        time = (self._frame_count - 1 + (sample + 1) / samples) / self.rigid.fps
        raise FloatingPointError(
            f"soft solid {self.names[number]!r}: point {point - self.skin_start[number]} of its surface is at "
            f"{x[sample, point]} m with {v[sample, point]} m/s at {time:.4f} s, expected a finite state below "
            f"{SPEED_LIMIT:g} m/s: it is squeezed or torn far beyond its size. Check loads, start velocity, the speed "
            "of pins and impulses, make it stiffer, or raise refinement."
        )

    # -- results --------------------------------------------------------------------------------------------------

    def tracks(self) -> dict[str, SoftTrack]:
        """Every solid at all samples so far, the initial one first."""
        x, v, sums = (np.concatenate([h[i] for h in self.history]) for i in range(3))
        count, names = len(self.rigid.pieces), [p.name for p in self.rigid.pieces]
        forces = np.concatenate(self._forces).reshape(len(x), len(self.pieces), max(count, 1), 3)
        pulls, pin, out = np.concatenate(self._pulls), 0, {}
        for i, p in enumerate(self.pieces):
            part = slice(self.skin_start[i], self.skin_start[i + 1])
            touched = {n: forces[:, i, b].copy() for b, n in enumerate(names) if forces[:, i, b].any()}
            own = pulls[:, pin : pin + len(p.held)]
            pin += len(p.held)
            out[p.entity.name] = SoftTrack(
                self.rigid.samples_per_frame, self.rigid.fps, np.ascontiguousarray(x[:, part]), p.skin.faces,
                p.skin.vertices, np.ascontiguousarray(v[:, part]), touched, np.ascontiguousarray(own), sums[:, i, 11],
            )  # fmt: skip
        return out

    @property
    def time(self) -> float:
        """Simulated so far [s]."""
        return self._frame_count / self.rigid.fps

    def report(self) -> dict[str, float]:
        """What the laws say about the run so far; see :mod:`physim.soft_report`."""
        from physim.soft_report import report

        return report(self)
