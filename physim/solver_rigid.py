"""Rigid bodies in time: a fixed sequence of launches per frame, captured once and replayed.

A substep of about 1/960 s is: outer forces; impacts at their own instants; soft contact with warm start; drift; relax.
Contacts are found anew at least 240 times a second. See ``docs/physics.md`` for the equations and the measured errors.
"""

from __future__ import annotations

import math

import numpy as np
import warp as wp
from physim_kernels import (
    broad,
    collide,
    contact,
    contact_state,
    impact,
    joint,
    joint_blow,
    kinematic,
    order,
    rest,
    rigid,
    tidy,
)
from physim_kernels import rigid_data as data
from physim_kernels.joint_data import AGAIN, EARLY, LAST

from physim import rigid_arrays, rigid_clock, rigid_joints, rigid_pairs, rigid_rest
from physim.forces import Impulse
from physim.joint_stage import JointStage
from physim.kernel_cache import load_kernels
from physim.kinematic_stage import KinematicStage, state_at
from physim.kinematic_stage import tracks as kinematic_tracks
from physim.partner import Partner
from physim.rigid_log import ContactLog, host
from physim.rigid_tidy import Slots
from physim.rigid_work import WorkLedger
from physim.scene import Scene
from physim.shapes import HeightField
from physim.terrain import rotation_matrix
from physim.trajectory import BodyTrack

COLLIDE_RATE = 240.0
"""Least collision passes per second. With a field or mesh there is one in every substep: its edges pass by quickly."""
TURN_LIMIT = 0.04
"""Turn between two collision passes from which a body is looked at in every substep, so that no corner that comes round
is missed [rad]."""
START_SWEEPS = 100
"""Contact sweeps of the very first substep: things that lie on each other at the start carry their loads at once."""
SETTLING = 0.2
"""Time over which loads are averaged that the sag of soft contacts is made up for [s]."""
SPEED_LIMIT = 1.0e5
"""Speed at which a state counts as blown up [m/s]."""


class RigidSolver:
    """Simulates the rigid bodies of a scene, frame by frame.

    Moving: sphere, box, capsule, cylinder, hull, mesh (as its convex hull of at most 24 vertices), and compounds of
    convex ones. Static: plane of any normal, height field, triangle mesh of any form, and all that may move. A cylinder
    is round against planes, faces, spheres and cylinders with a parallel axis, and a 16-sided prism against everything
    else.

    Args:
        scene: What is there. Not changed.
        fps: Frames per second.
        samples_per_frame: Poses recorded per frame.
        terrain: Height field to stand in for all static meshes, see :func:`physim.terrain.bake_terrain`: coarser at
            walls and without overhangs. ``None``: static meshes are met as they are.
        device: Warp device; ``None`` is Warp's default.
        refinement: Substeps are this many times as many as the solver would choose.
        sleeping: Whether bodies that keep their place for half a second cost nothing until something stirs them.

    Raises:
        ValueError: An impulse on no body.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        fps: float,
        samples_per_frame: int = 8,
        terrain: HeightField | None = None,
        device: str | None = None,
        refinement: float = 1.0,
        sleeping: bool = True,
    ):
        _check(scene, fps, samples_per_frame, refinement)
        self.device = wp.get_device(device)
        self.scene = scene
        self.fps = float(fps)
        self.samples_per_frame = samples_per_frame
        self.refinement = refinement
        self._sleeping = sleeping
        self._partners: list[Partner] = []
        self._excluded: list[tuple[int, int]] = []
        self.body_names = [e.name for e in scene.bodies]
        self._count = len(self.body_names)
        self._frame_count = 0
        self._moving, self._static = rigid_arrays.pieces(scene, terrain)
        self._ties = rigid_joints.ties(scene.joints, self._moving + self._static)
        self._excluded += sorted(rigid_joints.apart(self._ties))
        self._set_clock()
        self._make_arrays()
        self._graph: wp.Graph | None = None
        self._history = [tuple(column[None] for column in self._initial_state())]

    # -- set-up ---------------------------------------------------------------------------------------------------

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
        gravity = float(np.linalg.norm(self.scene.gravity))
        self._gravity = gravity
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
        outer.gravity = wp.vec3d(*self.scene.gravity)
        outer.wind = wp.zeros(self._substeps, dtype=wp.vec3, device=device)
        outer.substep = wp.zeros(1, dtype=int, device=device)
        impulses = self._impulses()
        outer.impulse_count = len(impulses)
        rows = max(len(impulses), 1)
        bodies = [self.body_names.index(p.on) for p in impulses] or [-1]
        steps = [math.floor(p.at / self.substep + 1e-6) for p in impulses] or [-1]
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

    # -- one frame ------------------------------------------------------------------------------------------------

    def _launch_frame(self, *, starts: bool) -> None:
        """The whole frame as launches; nothing is read back and nothing depends on the state.

        The first frame of all ``starts`` with more sweeps, since no contact knows its load yet.
        """
        per_colour = dict(colours=order.COLOURS, capacity=max(self._pair_total, 1), device=self.device)
        bodies, pairs, contacts, events = self._bodies, self._pairs, self._contacts, self._log.events
        h, total = self.substep, self._pair_total
        gate = dict(h=h, threshold=4.0 * self._gravity * h + 1e-3)
        for k in range(self._substeps):
            if self._kinematics:
                self._kinematics.depart(k)
            self._launch_search(k)
            for partner in self._partners:
                partner.launch_search(k)
            rigid.kick(self._geometry, bodies, self._outer, pairs.hits, count=self._count, k=k, h=h, device=self.device)
            if total:
                settled = 1.0 if starts and k == 1 else h / SETTLING
                for sweep in range(2):
                    impact.impact(
                        bodies, pairs, contacts, events, substep=k, sweep=sweep, settled=settled, **gate, **per_colour
                    )  # fmt: skip
                if self._joints:
                    self._joints.blow(pairs, contacts, events, k)
                impact.defer(bodies, pairs, contacts, **gate, **per_colour)
            if self._joints:
                self._joints.warm()
            if total:
                contact.warm(bodies, pairs, contacts, **per_colour)
                if self._joints:
                    self._joints.solve(EARLY)
                if starts and k == 0:  # loads first, then the sag they make, shared evenly, before anything has sunk
                    for _ in range(START_SWEEPS):
                        contact.solve(bodies, pairs, contacts, h=h, soft=False, **per_colour)
                    impact.impact(
                        bodies, pairs, contacts, events, substep=k, sweep=0, settled=1.0, **gate, **per_colour
                    )  # fmt: skip
                for _ in range(START_SWEEPS if starts and k == 0 else 1):
                    contact.solve(bodies, pairs, contacts, h=h, **per_colour)
            if total and self._joints:
                for _ in range(self._joints.repeats):
                    self._joints.solve(AGAIN)
                    contact.solve(bodies, pairs, contacts, h=h, **per_colour)
            for partner in self._partners:
                self._work.weigh(partner, bodies, after=False)
                partner.launch_substep(k)
                self._work.weigh(partner, bodies, after=True)
            if self._joints:
                self._joints.solve(LAST)
            rigid.drift(self._geometry, bodies, count=self._count, h=h, device=self.device)
            if self._kinematics:
                self._kinematics.arrive(k)
            if self._joints:
                self._joints.place()
            if total:
                if self._joints:
                    self._joints.relax(EARLY)
                    contact.relax(bodies, pairs, contacts, h=h, **per_colour)
                    self._joints.relax(AGAIN)
                for _ in range(START_SWEEPS if starts and k == 0 else 1):
                    contact.relax(bodies, pairs, contacts, h=h, **per_colour)
                contact_state.gather(bodies, pairs, contacts, self._log.loads, capacity=total, device=self.device)
            if self._joints:
                self._joints.relax(LAST)
            if (k + 1) % self.substeps_per_sample == 0:
                row = (k + 1) // self.substeps_per_sample - 1
                rigid.record(bodies, count=self._count, row=row, device=self.device, **self._out)
                if total:
                    contact_state.report(
                        bodies, pairs, contacts, self._log.loads, self._log.states, sample=row,
                        steps=self.substeps_per_sample, h=h, device=self.device,
                    )  # fmt: skip
                self._work.record(row)
                for partner in self._partners:
                    partner.launch_record(row)

    def _launch_search(self, k: int) -> None:
        """Find contacts before substep ``k``, if it is time."""
        if not self._pair_total:
            return
        searches: dict[bool, float] = {}
        slowest = 0.0
        if k % self._stride == 0:
            interval = self.substep * min(self._stride, self._substeps - k)
            broad.search(
                self._geometry, self._bodies, self._pairs, self._broad, interval=interval, gravity=self._gravity,
                may_drop=k == 0, device=self.device,
            )  # fmt: skip
            if k == 0 and self._slots:
                self._slots.launch()
            searches[False] = interval
        else:
            searches[False] = self.substep
            slowest = TURN_LIMIT / (self._stride * self.substep)
        if any(c.kind >= data.FIELD for p in self._static for c in p.colliders):
            searches[True] = self.substep
        for on_surface, interval in searches.items():
            collide.collide(
                self._geometry, self._bodies, self._pairs, self._contacts, self._candidates, on_surface=on_surface,
                interval=interval, gravity=self._gravity, threads=self._threads, device=self.device,
                slowest=0.0 if on_surface else slowest,
            )  # fmt: skip
        if self._sleeping and k % self._stride == 0:
            rest.settle(
                self._bodies, self._pairs, self._contacts, self._outer, self._rest, k=k, steps=self._stride,
                interval=searches[False], count=self._count, device=self.device,
            )  # fmt: skip
        if searches:
            order.order(self._pairs, self._bodies, device=self.device, always=slowest == 0.0)

    def frame(self) -> None:
        """Advance by 1 / fps seconds.

        Raises:
            FloatingPointError: The state of a body is no longer finite, or faster than ``SPEED_LIMIT``.
        """
        first = self._frame_count * self._substeps
        if self._count == 0 and not self._partners:
            self._frame_count += 1
            return
        for partner in self._partners:
            partner.begin_frame(first)
        self._outer.substep.fill_(first)
        self._outer.blown.zero_()
        if self._kinematics:
            self._kinematics.begin_frame(first)
        if self._outer.has_air:
            times = (first + np.arange(self._substeps)) * self.substep
            self._outer.wind.assign(np.array([self.scene.wind_at(t) for t in times], dtype=np.float32))
        if self._frame_count == 0:
            self._load_kernels()
            if self._joints:
                self._joints.begin()
            self._launch_frame(starts=True)
        else:
            if self._graph is None:
                with wp.ScopedCapture(device=self.device) as capture:
                    self._launch_frame(starts=False)
                self._graph = capture.graph
            wp.capture_launch(self._graph)
        self._frame_count += 1
        if self._count:
            self._read_back()
        for partner in self._partners:
            partner.end_frame()

    def _load_kernels(self) -> None:
        extra = ((joint, joint_blow) if self._joints else ()) + ((kinematic,) if self._kinematics else ())
        load_kernels((broad, collide, order, rest, tidy, rigid, contact, contact_state, impact, *extra), self.device)
        for partner in self._partners:
            partner.load_kernels()

    def _read_back(self) -> None:
        shape = (self.samples_per_frame, self._count)
        x, q, v, momentum = (read().reshape(*shape, -1).copy() for read in self._read_out)
        self._check_state(x, q, v)
        self._history.append((x, q, v, momentum))
        self._work.read()
        lost, collider = self._read_lost()
        if lost:
            raise RuntimeError(self._overflow(int(lost), int(collider)))
        self._log.read(self._frame_count - 1)

    def _overflow(self, lost: int, collider: int) -> str:
        name = self.body_names[int(self._geometry.body.numpy()[collider])]
        owned = int(self._broad.kept.numpy()[collider] + self._broad.slots.numpy()[collider])
        return (
            f"{lost} pairs of near bodies found no room in frame {self._frame_count - 1}, the last of {name!r}, which "
            f"has {owned}; expected at most {self._pair_total} in all and {int(broad.INCOMING)} of one collider. "
            "Move bodies that overlap apart, build long thin things from shorter parts, or raise fps."
        )

    def _check_state(self, x: np.ndarray, q: np.ndarray, v: np.ndarray) -> None:
        if np.abs(v).max(initial=0.0) < SPEED_LIMIT and math.isfinite(x.sum() + q.sum()):
            return
        state = np.concatenate([x, q, v], axis=-1)
        speed = np.abs(v).max(axis=-1, initial=0.0)
        bad = ~np.isfinite(state).all(axis=-1) | ~(speed < SPEED_LIMIT)
        if bad.any():
            sample, body = np.argwhere(bad)[0]
            time = (self._frame_count - 1 + (sample + 1) / self.samples_per_frame) / self.fps
            raise FloatingPointError(
                f"body {self.body_names[body]!r} is at {x[sample, body]} m with {v[sample, body]} m/s at {time:.4f} s, "
                f"expected a finite state below {SPEED_LIMIT:g} m/s. Check its mass, size, start velocity and "
                "impulses, or raise samples_per_frame, which shortens the substep."
            )

    # -- results --------------------------------------------------------------------------------------------------

    def _initial_state(self) -> tuple[np.ndarray, ...]:
        b, n = self._bodies, self._count
        return tuple(a.numpy()[:n].copy() for a in (b.x, b.q, b.momentum_velocity, b.angular_momentum))

    def _public(self, x: np.ndarray, q: np.ndarray, v: np.ndarray, momentum: np.ndarray) -> tuple[np.ndarray, ...]:
        """From the principal frame to the shape's own: (..., n, 3), (..., n, 4), velocity, angular velocity."""
        inertia = np.array([p.inertia for p in self._moving]).reshape(-1, 3)
        turn = rotation_matrix(q)
        spin = np.einsum("...ij,...j->...i", turn, np.einsum("...ji,...j->...i", turn, momentum) / inertia)
        back = rigid_arrays.quaternion_of(np.array([p.frame.T for p in self._moving]).reshape(-1, 3, 3))  # type: ignore[union-attr]
        own = rigid_arrays.quaternion_product(q, np.broadcast_to(back, q.shape))
        centre = np.array([p.centre for p in self._moving]).reshape(-1, 3)
        origin = x - np.einsum("...ij,...j->...i", rotation_matrix(own), np.broadcast_to(centre, x.shape))
        return origin, own, v, spin

    def poses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """State now: position (n, 3) [m] of the shape's origin, which is the centre of mass of every solid but an
        off-centre ``Mesh``; orientation (n, 4) xyzw; velocity (n, 3) [m/s] of the centre of mass; angular velocity
        (n, 3) [rad/s]; all in the world frame.
        """
        return self._public(*(column[-1] for column in self._history[-1]))  # type: ignore[return-value]

    def mover_poses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As :meth:`poses`, of ``scene.movers``: kinematic solids too."""
        here = dict(zip(self.body_names, zip(*self.poses(), strict=True), strict=True))
        now = np.array([self._frame_count / self.fps])
        rows = [here[e.name] if e.name in here else tuple(s[0] for s in state_at(e, now)) for e in self.scene.movers]
        return tuple(np.array(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]

    def tracks(self) -> dict[str, BodyTrack]:
        """States of all that moves at all samples so far, the initial one first."""
        columns = [np.concatenate(c) for c in zip(*self._history, strict=True)]
        state = self._public(*columns)
        found = {
            name: BodyTrack(self.samples_per_frame, self.fps, *(np.ascontiguousarray(s[:, i]) for s in state))
            for i, name in enumerate(self.body_names)
        }
        told = kinematic_tracks(
            self.scene, fps=self.fps, samples_per_frame=self.samples_per_frame, frames=self._frame_count
        )
        return {e.name: (found | told)[e.name] for e in self.scene.movers}

    def joint_loads(self) -> np.ndarray:
        """Force that each joint puts on its ``body``, mean over the last substep, in the order of ``scene.joints``
        (J, 3) [N], world.
        """
        return self._joints.loads() if self._joints else np.zeros((0, 3))

    def contacts(self) -> np.ndarray:
        """Impacts so far, ``CONTACT_DTYPE``, in order of time."""
        return self._log.contacts()

    def contact_states(self) -> np.ndarray:
        """What pressed on what at every sample so far, ``CONTACT_STATE_DTYPE``, in order of time."""
        return self._log.contact_states()

    def report(self) -> dict[str, float]:
        """What the laws say about the run so far.

        ``energy_gain`` is the largest rise of the bodies' energy over any earlier sample, less the work that liquids
        and lakes did meanwhile: wind and impulses do such work, contacts must not; where kinematic bodies do work it is
        left out. ``work_of_liquids`` is that work over the whole run. ``deepest_penetration`` is that at the
        end of any substep, ``joint_error`` the distance by which a joint's points missed. ``momentum_error`` is there
        only where momentum is conserved: nothing static, no air, no liquid.
        """
        if self._count == 0:
            return {}
        energy = np.concatenate([self._energy(state) for state in self._history])
        values = {
            "energy_start [J]": float(energy[0]),
            "energy_end [J]": float(energy[-1]),
            "deepest_penetration [m]": max(0.0, float(self._pairs.deepest.numpy().max(initial=0.0))),
            "contact_events [-]": float(self._log.event_count),
            "lost_contact_events [-]": float(self._log.lost_events),
            "lost_contact_states [-]": float(self._log.lost_states),
            "substep [s]": self.substep,
        }
        if self._work:
            done = self._work.done()
            values["work_of_liquids [J]"] = float(done[-1])
            energy = energy - done
        if not self._kinematics:
            values["energy_gain [J]"] = float((energy - np.minimum.accumulate(energy)).max())
        if self._joints:
            values["joint_error [m]"] = self._joints.error()
        if (
            not self._static
            and not self._outer.has_air
            and not self._outer.has_gas
            and not self.scene.liquids
            and all(j.other for j in self.scene.joints)
        ):
            values["momentum_error [-]"] = self._momentum_error()
        return values

    def _energy(self, state: tuple[np.ndarray, ...]) -> np.ndarray:
        """Kinetic and potential energy of all bodies at each sample of one frame [J]."""
        x, q, v, momentum = state
        mass = np.array([p.mass for p in self._moving])
        inertia = np.array([p.inertia for p in self._moving])
        body = np.einsum("...ji,...j->...i", rotation_matrix(q), momentum)
        kinetic = 0.5 * mass * (v**2).sum(-1) + 0.5 * (body**2 / inertia).sum(-1)
        energy = (kinetic - mass * (x @ self.scene.gravity)).sum(-1)
        return energy + self._joints.energy(x, q) if self._joints else energy

    def _momentum_error(self) -> float:
        """Momentum that nothing accounts for, over the largest sum of the bodies' momenta [-]."""
        mass = np.array([p.mass for p in self._moving])[:, None]
        velocity = np.concatenate([state[2] for state in self._history])
        time = self._frame_count / self.fps
        given = time * mass.sum() * self.scene.gravity
        for blow in self._impulses():
            if math.floor(blow.at / self.substep + 1e-6) < self._frame_count * self._substeps:
                given = given + np.array(blow.newton_seconds)
        error = (mass * (velocity[-1] - velocity[0])).sum(0) - given
        scale = (mass[:, 0] * np.linalg.norm(velocity, axis=-1)).sum(-1).max()
        return float(np.linalg.norm(error) / max(scale, 1e-30))


def _check(scene: Scene, fps: float, samples_per_frame: int, refinement: float) -> None:
    if not np.isfinite(fps) or fps <= 0:
        raise ValueError(f"fps is {fps}, expected a number greater than 0 [1/s].")
    if samples_per_frame < 1:
        raise ValueError(f"samples_per_frame is {samples_per_frame}, expected at least 1.")
    if not 0.1 <= refinement <= 64:
        raise ValueError(f"refinement is {refinement}, expected a number from 0.1 to 64.")
    names = [e.name for e in [*scene.bodies, *scene.cloths]]
    for push in scene.impulses():
        if push.on not in names:
            raise ValueError(
                f"an impulse acts on {push.on!r}, expected a rigid body or a cloth: "
                f"{', '.join(names) or 'there are none'}."
            )
