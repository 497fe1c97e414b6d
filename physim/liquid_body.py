"""Bodies that move in a liquid: their tables, and the launches that let them push it and be pushed.

Kernels and equations: ``physim_kernels.liquid_wet``, ``liquid_body``, ``liquid_carve``, ``liquid_push``,
``liquid_gap``.
"""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import liquid_body as kernels
from physim_kernels import liquid_carve, liquid_gap, liquid_push, liquid_wet

from physim.liquid_domain import LiquidDomain
from physim.liquid_wall import Walls
from physim.materials import Kinematic
from physim.rigid_arrays import Piece
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix

Faces = tuple[wp.array, wp.array, wp.array]

AHEAD = 1.5
"""Steps ahead at which the volume is told that bodies displace: one to the end of the step, and a half as the push is
spread over the substeps. Heave then loses what backward Euler takes, w^2 dt / 2 of its amplitude per second; it
grows where this is less than about a half."""


def moving(pieces: list[Piece]) -> list[int]:
    """Numbers of the bodies that may move."""
    return [i for i, p in enumerate(pieces) if np.isfinite(p.mass) or isinstance(p.material, Kinematic)]


class WetBodies:
    """All bodies that may come into one liquid, and the frame of its grid.

    Args:
        rigid: Has the bodies.
        domain: Of the grid; with a holder in the world's axes about where that is at the start.
        walls: What stands still in the grid.
        holder: Number of the body that carries the grid, -1 for none.
        density: Of the liquid [kg/m^3].
        dt: Step [s].
    """

    def __init__(
        self, rigid: RigidSolver, domain: LiquidDomain, walls: Walls, *, holder: int, density: float, dt: float
    ):
        self._rigid, self._domain, self._walls = rigid, domain, walls
        self._density, self._dt, self.device = density, dt, rigid.device
        self._gravity = rigid.weight.frame
        numbers = [i for i in moving(rigid.pieces) if i != holder]
        self.numbers = numbers + ([holder] if holder >= 0 else [])
        self.count = len(numbers)
        """Bodies but the holder."""
        self.holder = len(numbers) if holder >= 0 else -1
        """Its row, the last."""
        self.names = [rigid.pieces[i].name for i in self.numbers]
        nx, ny, nz = domain.shape
        self.phi = wp.zeros((nx + 1, ny + 1, nz + 1), dtype=float, device=self.device)
        """Distance of the corners to the nearest solid [cells]."""
        self._owner = wp.full(self.phi.shape, -1, dtype=int, device=self.device)
        self._touched = wp.zeros((nx + 1, ny + 1), dtype=int, device=self.device)
        self._later = [wp.zeros_like(self.phi), wp.zeros_like(self._owner), wp.zeros_like(self._touched)]
        for phi in (self.phi, self._later[0]):
            phi.assign(np.ascontiguousarray(walls.phi.numpy()[::2, ::2, ::2]))
        self.whose = [wp.full(a.shape, -1, dtype=int, device=self.device) for a in walls.area]
        """Rows of the bodies that close faces, in all or in part; -1: none."""
        self._make_tables(holder)
        self._threads = 1 if self.device.is_cpu else 8192

    def _make_tables(self, holder: int) -> None:
        device, pieces, domain = self.device, self._rigid.pieces, self._domain
        rows = max(len(self.numbers), 1)
        wet, frame, cuts = liquid_wet.Wet(), liquid_wet.Frame(), liquid_wet.Cuts()
        wet.body = wp.array(np.array(self.numbers or [0], dtype=np.int32), dtype=int, device=device)
        bounds = [pieces[i].bound / domain.cell or 1e5 for i in self.numbers] or [0.0]
        wet.bound = wp.array(np.array(bounds, dtype=np.float32), dtype=float, device=device)
        for name in (
            "x",
            "v",
            "w",
            "free_v",
            "free_w",
            "old_v",
            "old_w",
            "push_v",
            "push_w",
            "lift",
            "lift_v",
            "lift_w",
            "force",
            "torque",
        ):
            setattr(wet, name, wp.zeros(rows, dtype=wp.vec3, device=device))
        for name in ("rotation", "inv_inertia", "lift_arm"):
            setattr(wet, name, wp.zeros(rows, dtype=wp.mat33, device=device))
        wet.inv_mass = wp.zeros(rows, dtype=float, device=device)
        wet.impulse = wp.zeros(rows, dtype=wp.vec3d, device=device)
        wet.started = wp.zeros(1, dtype=int, device=device)
        faces = sum(int(np.prod(a.shape)) for a in self._walls.area)
        sizes = [3 * (2 * min(b, 1e3) + 5) ** 3 for b in bounds[: self.count]]
        room = int(min(faces, 64 + sum(sizes) + (faces if holder >= 0 else 0)))
        for name, dtype in (
            ("body", int),
            ("low", wp.vec3i),
            ("high", wp.vec3i),
            ("push", wp.vec3),
            ("twist", wp.vec3),
        ):
            setattr(cuts, name, wp.zeros(room, dtype=dtype, device=device))
        cuts.count, cuts.faces = (wp.zeros(1, dtype=int, device=device) for _ in range(2))
        frame.holder, frame.cell = holder, domain.cell
        frame.origin = wp.array(np.array([domain.low], dtype=np.float32), dtype=wp.vec3, device=device)
        for name in ("axes", "before"):
            setattr(frame, name, wp.array(domain.axes.astype(np.float32)[None], dtype=wp.mat33, device=device))
        if holder >= 0:
            turn = rotation_matrix(pieces[holder].orientation)
            frame.corner = wp.vec3(*(turn.T @ (np.array(domain.low) - pieces[holder].position)))
            frame.turn = wp.mat33(*(turn.T @ domain.axes).ravel())
        self.wet, self.frame, self.cuts = wet, frame, cuts

    @staticmethod
    def modules() -> list:
        """Of the kernels, to be loaded."""
        return [kernels, liquid_carve, liquid_push, liquid_gap]

    # -- launches -----------------------------------------------------------------------------------------------------

    def place(self) -> None:
        """Where the grid and the bodies are, and how fast they would be at the step's end without the liquid."""
        self._launch(kernels.frame_kernel, 1, [self._rigid.bodies, self.frame])
        inputs = [self._rigid.bodies, self.frame, self._gravity, self._density, self._dt, self.wet]
        self._launch(kernels.place_kernel, len(self.numbers), inputs)
        self._launch(kernels.started_kernel, 1, [self.wet])

    def start(self) -> np.ndarray:
        """Distances of the corners to the nearest solid before time starts [cells]."""
        self.place()
        self.wet.started.zero_()
        self._carve(0.0, self._touched, self.phi, self._owner)
        return self.phi.numpy()

    def carve(self, area: Faces, solid: Faces, open: wp.array, room: wp.array) -> None:
        """What the bodies leave of faces and cells."""
        touched = self._touched
        self._carve(0.0, touched, self.phi, self._owner)
        for axis in range(3):
            inputs = [self.phi, self._owner, touched, self._walls.area[axis], self.wet, axis, self.holder]
            outputs = [area[axis], solid[axis], self.whose[axis]]
            self._launch(liquid_carve.face_kernel, area[axis].shape[:2], [*inputs, *outputs])
        if self.count:
            inputs = [self.phi, self._owner, touched, self._walls.open, *area, open]
            self._launch(liquid_carve.cell_kernel, open.shape[:2], inputs)
            self._launch(
                liquid_carve.room_kernel, open.shape[:2], [open, touched, self._walls.room, self._walls.open, room]
            )

    def _carve(self, ahead: float, touched: wp.array, phi: wp.array, owner: wp.array) -> None:
        inputs = [
            self._rigid.geometry, self.wet, self.count, self._domain.cell, ahead, self._walls.phi, touched, phi, owner
        ]  # fmt: skip
        if self.count:
            self._launch(liquid_carve.carve_kernel, touched.shape, inputs)

    def list_cuts(self, area: Faces, surface: wp.array, open: wp.array, inverse: wp.array) -> None:
        """The faces through which the pressure pushes bodies."""
        self._launch(liquid_push.begin_cuts_kernel, len(self.numbers), [self.wet, self.cuts])
        for axis in range(3):
            inputs = [
                self._rigid.geometry, self._domain.cell, self.phi, self._touched, self._walls.area[axis], area[axis],
                self.whose[axis], surface, open, inverse, axis, self.holder, self.frame, AHEAD * self._dt,
                self.wet, self.cuts,
            ]  # fmt: skip
            self._launch(liquid_push.cut_kernel, area[axis].shape[:2], inputs)
        self._launch(liquid_gap.mark_kernel, 1, [self.cuts])
        inputs = [
            self._rigid.geometry, self._domain.cell, self.phi, self._owner, self._touched, *self._walls.area, *area,
            self._walls.open, open, surface, inverse, self.holder, self.frame, AHEAD * self._dt, self.wet, self.cuts,
        ]  # fmt: skip
        self._launch(liquid_gap.gap_kernel, open.shape[:2], inputs)

    def lift(self, solid: Faces) -> None:
        """Give bodies and their faces the weight of what the faces miss, before the pressure is solved."""
        self._launch(liquid_push.lift_kernel, len(self.numbers), [self.frame, self._gravity, self._dt, self.wet])
        self.move_faces(solid)

    def respond(self, p: wp.array) -> None:
        """M^-1 K^T p."""
        self._launch(liquid_push.clear_kernel, len(self.numbers), [self.wet])
        self._launch(liquid_push.gather_kernel, self._threads, [p, self.cuts, self._threads, self.wet])
        self._launch(liquid_push.respond_kernel, len(self.numbers), [self.wet])

    def add_response(self, s: wp.array, q: wp.array) -> None:
        """Add K M^-1 K^T s to q."""
        self.respond(s)
        self._launch(liquid_push.scatter_kernel, self._threads, [self.wet, self.cuts, self._threads, q])

    def draw(self, out: wp.array) -> None:
        """Take from ``out``, what flows into liquid cells (padded), what gaps between bodies and walls draw."""
        self._launch(liquid_gap.flow_kernel, self._threads, [self.wet, self.cuts, self._threads, out])

    def push(self, p: wp.array, solid: Faces) -> None:
        """New velocities of bodies and of their faces under the pressure ``p``."""
        self.respond(p)
        self._launch(liquid_push.push_kernel, len(self.numbers), [self._rigid.bodies, self.frame, self.wet])
        self.move_faces(solid)
        self._carve(self._dt, self._later[2], self._later[0], self._later[1])

    def move_faces(self, solid: Faces) -> None:
        """Velocities of the bodies' faces, from those of the bodies."""
        for axis in range(3):
            inputs = [self._touched, self.whose[axis], self.wet, axis, self.holder, solid[axis]]
            self._launch(liquid_carve.solid_kernel, solid[axis].shape[:2], inputs)

    def give(self, share: float) -> None:
        """Hand the bodies a part of the step's push."""
        self._launch(liquid_push.give_kernel, len(self.numbers), [self.wet, share, self._rigid.bodies])

    def evade(self, keep: float, count: wp.array, x: wp.array) -> None:
        """Push particles out of where bodies will be at the end of the step."""
        if self.count:
            self._launch(kernels.evade_kernel, x.shape, [self._later[0], self._later[2], keep, count, x])

    def turn(self, weight: wp.array, count: wp.array, v: wp.array, c: wp.array) -> None:
        """Velocities on the grid's new axes, and on these ``weight``, that of a step [cells/s]."""
        self._launch(kernels.turn_weight_kernel, 1, [self.frame, self._gravity, self._dt, weight])
        self._launch(kernels.turn_kernel, v.shape, [self.frame, count, v, c])

    def make_relative(self, u: Faces) -> None:
        """Face velocities as seen from the holder."""
        for axis in range(3):
            self._launch(kernels.relative_kernel, u[axis].shape, [self.wet, self.holder, axis, u[axis]])

    def make_absolute(self, affine: float, before: wp.array, count: wp.array, v: wp.array, c: wp.array) -> None:
        """Particle velocities as seen from the world."""
        self._launch(kernels.absolute_kernel, v.shape, [self.wet, self.holder, affine, before, count, v, c])

    def pose(self) -> tuple[np.ndarray, np.ndarray]:
        """Origin (3,) [m] and axes (3, 3) of the grid now."""
        if self.holder < 0:
            return np.array(self._domain.low), self._domain.axes
        i = self.numbers[self.holder]
        turn = rotation_matrix(self._rigid.bodies.q.numpy()[i])
        start = rotation_matrix(self._rigid.pieces[i].orientation)
        arm = start.T @ (np.array(self._domain.low) - self._rigid.pieces[i].position)
        return self._rigid.bodies.x.numpy()[i] + turn @ arm, turn @ start.T @ self._domain.axes

    def axes(self) -> np.ndarray:
        """Axes (3, 3) that the particles' velocities are on."""
        return self.frame.axes.numpy()[0].astype(np.float64)

    def _launch(self, kernel, dim, inputs: list) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, device=self.device)
