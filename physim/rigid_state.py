"""What a run of rigid bodies keeps on the device, made once from its scene, and what partners see of it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import warp as wp
from physim_kernels import rigid
from physim_kernels import rigid_data as data

from physim import rigid_arrays, rigid_clock, rigid_joints, rigid_pairs, rigid_rest
from physim.forces import Impulse, Push
from physim.hold_stage import HoldStage, holds
from physim.joint_stage import JointStage
from physim.kinematic_stage import KinematicStage
from physim.partner import Partner
from physim.rigid_log import ContactLog, host
from physim.rigid_tidy import Slots
from physim.rigid_work import WorkLedger
from physim.scene import Scene
from physim.shapes import HeightField
from physim.weight import Weight

COLLIDE_RATE = 240.0
"""Least collision passes per second. With a field or mesh there is one in every substep: its edges pass by quickly."""


class RigidState:
    """Bodies, contacts, joints and what acts on them, as :class:`physim.solver_rigid.RigidSolver` moves them on."""

    def __init__(
        self,
        scene: Scene,
        *,
        fps: float,
        samples_per_frame: int,
        terrain: HeightField | None,
        device: str | None,
        refinement: float,
    ):
        _check(scene, fps, samples_per_frame, refinement)
        self.device = wp.get_device(device)
        self.scene = scene
        self.fps = float(fps)
        self.samples_per_frame = samples_per_frame
        self.refinement = refinement
        self._partners: list[Partner] = []
        self._excluded: list[tuple[int, int]] = []
        self.body_names = [e.name for e in scene.bodies]
        self._count = len(self.body_names)
        self._moving, self._static = rigid_arrays.pieces(scene, terrain)
        self._ties = rigid_joints.ties(scene.joints, self._moving + self._static)
        self._excluded += sorted(rigid_joints.apart(self._ties))
        self._set_clock()
        self._make_arrays()

    def _set_clock(self) -> None:
        rate = self.fps * self.samples_per_frame
        finer = rigid_clock.fineness(self.scene, self._moving, self._ties, self._impulses())
        base = rigid_clock.BASE_RATE * finer * self.refinement
        self.substeps_per_sample = max(1, math.ceil(base / rate - 1e-9))
        """Substeps between two recorded poses."""
        self.substep = 1.0 / (rate * self.substeps_per_sample)
        """Length of a substep [s]."""
        self._substeps = self.substeps_per_sample * self.samples_per_frame
        self._stride = max(1, math.floor(1.0 / (COLLIDE_RATE * self.substep) + 1e-9))

    def _make_arrays(self) -> None:
        device, everything = self.device, self._moving + self._static
        self._gravity = float(np.linalg.norm(self.scene.heaviest))
        self._geometry = rigid_arrays.geometry(everything, device)
        self._meshes = rigid_arrays.meshes(everything, self._geometry, device)
        self._bodies = rigid_arrays.bodies(everything, self.scene.bodies, device)
        self._pairs = rigid_pairs.pairs(everything, self._count, device)
        self._pair_total = self._pairs.a.shape[0] if len(everything) > 1 and self._count else 0
        self._broad = rigid_pairs.search(everything, self._count, self._pairs.a.shape[0], self._excluded, device)
        self._contacts = rigid_pairs.contacts(self._pair_total, device)
        self._threads = 1 if device.is_cpu else min(self._pair_total, 8192)
        self._candidates = rigid_pairs.candidates(max(self._threads, 1), 64, device)
        self._rest = rigid_rest.watch(self.scene, everything, self._bodies, self._count, device)
        self._make_guides()
        self._make_outer()
        self._holds: HoldStage | None = None
        if holds(self.scene):
            first = self._outer.substep
            self._holds = HoldStage(self.scene, self._bodies, self._rest, first, h=self.substep, device=device)
        self._make_outputs()
        many = self._pair_total > 2000  # what is less lies in the cache, in whatever order
        loads = self._log.loads
        self._slots = Slots(self._pairs, self._contacts, loads, self._broad, device) if many else None

    def _make_guides(self) -> None:
        """What ties bodies and what tells them where to go."""
        everything, shared = self._moving + self._static, dict(h=self.substep, bodies=self._bodies, device=self.device)
        self._joints: JointStage | None = None
        self._kinematics: KinematicStage | None = None
        if not self._ties and not self.scene.kinematics:
            return
        shared["ahead"] = rigid_joints.ahead(everything, self.device)
        if self._ties:
            self._joints = JointStage(self._ties, everything, self._count, **shared)
        if self.scene.kinematics:
            self._kinematics = KinematicStage(self.scene, everything, substeps=self._substeps, **shared)

    def _make_outer(self) -> None:
        """Gravity, wind table of one frame, and impulses at their substeps."""
        outer, device = rigid.Outer(), self.device
        self.weight = Weight(
            self.scene, self._count, substeps=self._substeps, samples=self.samples_per_frame, h=self.substep,
            device=device,
        )  # fmt: skip
        outer.gravity = self.weight.table
        outer.wind = wp.zeros(self._substeps, dtype=wp.vec3, device=device)
        outer.substep = wp.zeros(1, dtype=int, device=device)
        # a push is an impulse in each substep of the frame, written anew for every frame
        pushed = [p for p in self._pushes() for _ in range(self._substeps)]
        impulses = [*self._impulses(), *(Impulse(p.on, (0.0, 0.0, 0.0), 0.0, p.point) for p in pushed)]
        outer.impulse_count = len(impulses)
        rows = max(len(impulses), 1)
        bodies = [self.body_names.index(p.on) for p in impulses] or [-1]
        steps = [math.floor(p.at / self.substep + 1e-6) for p in impulses] or [-1]
        self._blows = (np.array(steps, dtype=np.int32), np.array([p.newton_seconds for p in impulses], np.float64))
        outer.impulse_body = wp.array(bodies, dtype=int, device=device)
        outer.impulse_substep = wp.array(steps, dtype=int, device=device)
        vectors = np.array([p.newton_seconds for p in impulses] or [(0.0, 0.0, 0.0)], dtype=np.float64)
        arms = np.array([p.point or (0.0, 0.0, 0.0) for p in impulses] or [(0.0, 0.0, 0.0)], dtype=np.float64)
        outer.impulse = wp.array(vectors.reshape(rows, 3), dtype=wp.vec3d, device=device)
        outer.impulse_arm = wp.array(arms.reshape(rows, 3), dtype=wp.vec3d, device=device)
        outer.has_air = int(any(e.material.drag_coefficient > 0 for e in self.scene.bodies))  # type: ignore[union-attr]
        outer.has_gas, count = 0, max(self._count, 1)
        outer.air = wp.zeros(count, dtype=wp.vec3, device=device)
        outer.air_share = wp.zeros(count, dtype=float, device=device)
        for name in ("push", "twist", "blown"):
            setattr(outer, name, wp.zeros(count, dtype=wp.vec3d, device=device))
        self._outer = outer

    def _make_outputs(self) -> None:
        device, rows = self.device, max(self.samples_per_frame * self._count, 1)
        self._out = {
            "x_out": wp.zeros(rows, dtype=wp.vec3d, device=device),
            "q_out": wp.zeros(rows, dtype=wp.quatd, device=device),
            "v_out": wp.zeros(rows, dtype=wp.vec3d, device=device),
            "momentum_out": wp.zeros(rows, dtype=wp.vec3d, device=device),
        }
        self._read_out = [host(array) for array in self._out.values()]
        self._read_lost = host(self._broad.lost)
        self._work = WorkLedger(self._count, self.samples_per_frame, device)
        self._log = ContactLog(
            self._moving + self._static, self._count, self._pair_total, substep=self.substep,
            substeps=self.substeps_per_sample, samples=self.samples_per_frame, device=device,
        )  # fmt: skip

    def _impulses(self) -> list[Impulse]:
        """Those on bodies."""
        return [p for p in self.scene.impulses() if p.on in self.body_names]

    def _pushes(self) -> list[Push]:
        """Those on bodies."""
        return [p for p in self.scene.pushes() if p.on in self.body_names]

    def _write_pushes(self, first: int) -> None:
        """What pushes give in each substep of the frame that begins with substep ``first``."""
        pushes = self._pushes()
        if not pushes:
            return
        steps, given = self._blows
        edges = (first + np.arange(self._substeps + 1)) * self.substep
        at = len(steps) - len(pushes) * self._substeps
        for push in pushes:
            part = np.array([push.impulse(a, b) for a, b in pairwise(edges)])
            given[at : at + self._substeps] = part
            # nothing wakes a body that is not pushed
            steps[at : at + self._substeps] = np.where(part.any(axis=1), first + np.arange(self._substeps), -1)
            at += self._substeps
        self._outer.impulse_substep.assign(steps)
        self._outer.impulse.assign(given)

    def couple(self, partner: Partner, *, works: bool = False) -> None:
        """Let ``partner`` move and push within every substep; before the first frame.

        ``works``: it does work on bodies, as water does that lifts them, which is no gain of energy.
        """
        self._partners.append(partner)
        if works and self._count:
            self._work.add(partner)

    # -- what partners see ------------------------------------------------------------------------------------------

    @property
    def substeps(self) -> int:
        """Substeps per frame."""
        return self._substeps

    @property
    def bodies(self) -> data.Bodies:
        """State of all bodies, the moving ones first."""
        return self._bodies

    @property
    def geometry(self) -> data.Geometry:
        """Shapes of all bodies."""
        return self._geometry

    @property
    def outer(self) -> rigid.Outer:
        """What acts from outside; a gas writes its part between frames, and sets ``has_gas`` before the first."""
        return self._outer

    @property
    def pieces(self) -> list[rigid_arrays.Piece]:
        """All bodies, in the order of :attr:`bodies`."""
        return self._moving + self._static

    def number_of(self, name: str) -> int:
        """Row of a body in :attr:`bodies`.

        Raises:
            ValueError: There is no such body.
        """
        names = [p.name for p in self.pieces]
        if name not in names:
            raise ValueError(f"{name!r} is no body that can hold something, expected one of {', '.join(names)}.")
        return names.index(name)


def _check(scene: Scene, fps: float, samples_per_frame: int, refinement: float) -> None:
    if not np.isfinite(fps) or fps <= 0:
        raise ValueError(f"fps is {fps}, expected a number greater than 0 [1/s].")
    if samples_per_frame < 1:
        raise ValueError(f"samples_per_frame is {samples_per_frame}, expected at least 1.")
    if not 0.1 <= refinement <= 64:
        raise ValueError(f"refinement is {refinement}, expected a number from 0.1 to 64.")
    names = [e.name for e in [*scene.bodies, *scene.cloths, *scene.softs]]
    bodies = [e.name for e in scene.bodies]
    for force in scene.pushes():
        if force.on not in bodies:
            raise ValueError(
                f"a push acts on {force.on!r}, expected a rigid body: {', '.join(bodies) or 'there are none'}."
            )
    for push in scene.impulses():
        if push.on not in names:
            raise ValueError(
                f"an impulse acts on {push.on!r}, expected a rigid body, a cloth or a soft solid: "
                f"{', '.join(names) or 'there are none'}."
            )
