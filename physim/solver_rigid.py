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
    broad_data,
    collide,
    contact,
    contact_state,
    hold,
    impact,
    joint,
    joint_blow,
    kinematic,
    order,
    pair_slots,
    rest,
    rigid,
    tidy,
)
from physim_kernels import rigid_data as data
from physim_kernels.joint_data import AGAIN, EARLY, LAST

from physim import rigid_report
from physim.kernel_cache import load_kernels
from physim.kinematic_stage import state_at
from physim.kinematic_stage import tracks as kinematic_tracks
from physim.rigid_state import RigidState
from physim.scene import Scene
from physim.shapes import HeightField
from physim.trajectory import BodyTrack

TURN_LIMIT = 0.04
"""Turn between two collision passes from which a body is looked at in every substep, so that no corner that comes round
is missed [rad]."""
START_SWEEPS = 100
"""Contact sweeps of the very first substep: things that lie on each other at the start carry their loads at once."""
SETTLING = 0.2
"""Time over which loads are averaged that the sag of soft contacts is made up for [s]."""
SPEED_LIMIT = 1.0e5
"""Speed at which a state counts as blown up [m/s]."""


class RigidSolver(RigidState):
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
        super().__init__(
            scene, fps=fps, samples_per_frame=samples_per_frame, terrain=terrain, device=device, refinement=refinement
        )
        self._sleeping = sleeping and scene.gravity_keys is None  # whom gravity changes for, nothing holds asleep
        self._frame_count = 0
        self._graphs: dict[bool, wp.Graph] = {}
        self.serves_again = False
        """Whether the launches of a run's first frame are worth recording, too: see :mod:`physim.rerun`."""
        self._history = [tuple(column[None] for column in self._initial_state())]
        h = self.substep
        self._per_colour = dict(colours=order.COLOURS, capacity=max(self._pair_total, 1), device=self.device)
        self._impact = dict(h=h, threshold=4.0 * self._gravity * h + 1e-3, **self._per_colour)

    # -- one frame ------------------------------------------------------------------------------------------------

    def _launch_frame(self, *, starts: bool) -> None:
        """The whole frame as launches; nothing is read back and nothing depends on the state.

        The first frame of all ``starts`` with more sweeps, since no contact knows its load yet.
        """
        for k in range(self._substeps):
            self._launch_substep(k, starts=starts)
            if (k + 1) % self.substeps_per_sample == 0:
                self._launch_record((k + 1) // self.substeps_per_sample - 1)

    def _launch_substep(self, k: int, *, starts: bool) -> None:
        bodies, moving = self._bodies, dict(count=self._count, h=self.substep, device=self.device)
        sweeps = START_SWEEPS if starts and k == 0 else 1
        if self._kinematics:
            self._kinematics.depart(k)
        self._launch_search(k)
        for partner in self._partners:
            partner.launch_search(k)
        if self._holds:
            self._holds.let_go(k)
        self.weight.launch(bodies, k)
        rigid.kick(self._geometry, bodies, self._outer, self._pairs.hits, k=k, **moving)
        if self._holds:
            self._holds.keep(k)
        self._launch_blows(k, settled=1.0 if starts and k == 1 else self.substep / SETTLING)
        self._launch_first_half(k, sweeps)
        for partner in self._partners:
            self._work.weigh(partner, bodies, after=False)
            partner.launch_substep(k)
            self._work.weigh(partner, bodies, after=True)
        if self._joints:
            self._joints.solve(LAST)
        rigid.drift(self._geometry, bodies, **moving)
        if self._holds:
            self._holds.keep(k)
        if self._kinematics:
            self._kinematics.arrive(k)
        self._launch_second_half(sweeps)

    def _launch_blows(self, k: int, *, settled: float) -> None:
        """Impacts within substep ``k``, and what they do to joints."""
        if not self._pair_total:
            return
        touching, events = (self._bodies, self._pairs, self._contacts), self._log.events
        for sweep in range(2):
            impact.impact(*touching, events, substep=k, sweep=sweep, settled=settled, **self._impact)
        if self._joints:
            self._joints.blow(self._pairs, self._contacts, events, k)
        impact.defer(*touching, **self._impact)

    def _launch_first_half(self, k: int, sweeps: int) -> None:
        """Impulses of contacts and joints before anything moves."""
        touching, soft = (self._bodies, self._pairs, self._contacts), dict(h=self.substep, **self._per_colour)
        if self._joints:
            self._joints.warm()
        if not self._pair_total:
            return
        contact.warm(*touching, **self._per_colour)
        if self._joints:
            self._joints.solve(EARLY)
        if sweeps > 1:  # loads first, then the sag they make, shared evenly, before anything has sunk
            for _ in range(sweeps):
                contact.solve(*touching, soft=False, **soft)
            impact.impact(*touching, self._log.events, substep=k, sweep=0, settled=1.0, **self._impact)
        for _ in range(sweeps):
            contact.solve(*touching, **soft)
        if self._joints:
            for _ in range(self._joints.repeats):
                self._joints.solve(AGAIN)
                contact.solve(*touching, **soft)

    def _launch_second_half(self, sweeps: int) -> None:
        """Impulses of joints and contacts at the new places."""
        touching, soft = (self._bodies, self._pairs, self._contacts), dict(h=self.substep, **self._per_colour)
        if self._joints:
            self._joints.place()
        if self._pair_total:
            if self._joints:
                self._joints.relax(EARLY)
                contact.relax(*touching, **soft)
                self._joints.relax(AGAIN)
            for _ in range(sweeps):
                contact.relax(*touching, **soft)
            contact_state.gather(*touching, self._log.loads, capacity=self._pair_total, device=self.device)
        if self._joints:
            self._joints.relax(LAST)

    def _launch_record(self, row: int) -> None:
        """Copy what is to be read back of sample ``row``."""
        rigid.record(self._bodies, count=self._count, row=row, device=self.device, **self._out)
        if self._pair_total:
            contact_state.report(
                self._bodies, self._pairs, self._contacts, self._log.loads, self._log.states, sample=row,
                steps=self.substeps_per_sample, h=self.substep, device=self.device,
            )  # fmt: skip
        self._work.record(row)
        self.weight.record(row)
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
        self.weight.begin_frame(first)
        if self._count == 0 and not self._partners:
            self._frame_count += 1
            return
        for partner in self._partners:
            partner.begin_frame(first)
        self._outer.substep.fill_(first)
        self._write_pushes(first)
        self._outer.blown.zero_()
        if self._kinematics:
            self._kinematics.begin_frame(first)
        if self._outer.has_air:
            times = (first + np.arange(self._substeps)) * self.substep
            self._outer.wind.assign(np.array([self.scene.wind_at(t) for t in times], dtype=np.float32))
        starts = self._frame_count == 0
        if starts:
            self._load_kernels()
            if self._joints:
                self._joints.begin()
        if starts and not self.serves_again:
            self._launch_frame(starts=True)
        else:
            wp.capture_launch(self._graph(starts))
        self._frame_count += 1
        if self._count:
            self._read_back()
        for partner in self._partners:
            partner.end_frame()

    def _graph(self, starts: bool) -> wp.Graph:
        """The launches of the first frame or of any other, recorded when they are first asked for."""
        if starts not in self._graphs:
            with wp.ScopedCapture(device=self.device) as capture:
                self._launch_frame(starts=starts)
            self._graphs[starts] = capture.graph
        return self._graphs[starts]

    def _load_kernels(self) -> None:
        extra = ((joint, joint_blow) if self._joints else ()) + ((kinematic,) if self._kinematics else ())
        extra += (hold,) if self._holds else ()
        load_kernels(
            (broad, pair_slots, collide, order, rest, tidy, rigid, contact, contact_state, impact, *extra), self.device
        )
        for partner in self._partners:
            partner.load_kernels()

    def _read_back(self) -> None:
        shape = (self.samples_per_frame, self._count)
        x, q, v, momentum = (read().reshape(*shape, -1).copy() for read in self._read_out)
        self._check_state(x, q, v)
        self._history.append((x, q, v, momentum))
        self._work.read()
        self.weight.read()
        lost, collider = self._read_lost()
        if lost:
            raise RuntimeError(self._overflow(int(lost), int(collider)))
        self._log.read(self._frame_count - 1)

    def _overflow(self, lost: int, collider: int) -> str:
        name = self.body_names[int(self._geometry.body.numpy()[collider])]
        owned = int(self._broad.kept.numpy()[collider] + self._broad.slots.numpy()[collider])
        return (
            f"{lost} pairs of near bodies found no room in frame {self._frame_count - 1}, the last of {name!r}, which "
            f"has {owned}; expected at most {self._pair_total} in all and {int(broad_data.INCOMING)} of one collider. "
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

    def poses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """State now: position (n, 3) [m] of the shape's origin, which is the centre of mass of every solid but an
        off-centre ``Mesh``; orientation (n, 4) xyzw; velocity (n, 3) [m/s] of the centre of mass; angular velocity
        (n, 3) [rad/s]; all in the world frame.
        """
        now = tuple(column[-1] for column in self._history[-1])
        return rigid_report.own_frames(self._moving, now)  # type: ignore[return-value]

    def mover_poses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """As :meth:`poses`, of ``scene.movers``: kinematic solids too."""
        here = dict(zip(self.body_names, zip(*self.poses(), strict=True), strict=True))
        now = np.array([self._frame_count / self.fps])
        rows = [here[e.name] if e.name in here else tuple(s[0] for s in state_at(e, now)) for e in self.scene.movers]
        return tuple(np.array(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]

    def tracks(self) -> dict[str, BodyTrack]:
        """States of all that moves at all samples so far, the initial one first."""
        columns = tuple(np.concatenate(c) for c in zip(*self._history, strict=True))
        state = rigid_report.own_frames(self._moving, columns)
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
        left out. ``work_of_liquids`` is that work over the whole run, and ``work_of_gravity_change`` what a change of
        gravity did to potential energy, which is left out likewise. ``deepest_penetration`` is that at the
        end of any substep, ``joint_error`` the distance by which a joint's points missed. ``momentum_error`` is there
        only where momentum is conserved: nothing static, no air, no liquid.
        """
        if self._count == 0:
            return {}
        energy = self._energies()
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
        if self.weight.changes:
            changed = self.weight.done()
            values["work_of_gravity_change [J]"] = float(changed[-1])
            energy = energy - changed
        if not self._kinematics:
            values["energy_gain [J]"] = float((energy - np.minimum.accumulate(energy)).max())
        if self._joints:
            values["joint_error [m]"] = self._joints.error()
        if (
            not self._static
            and not self._outer.has_air
            and not self._outer.has_gas
            and not self.scene.liquids
            and not self.scene.softs
            and all(j.other for j in self.scene.joints)
        ):
            values["momentum_error [-]"] = self._momentum_error()
        return values

    def _energies(self) -> np.ndarray:
        """Of all bodies and springs at each sample, in the gravity that is there then [J]."""
        felt, out, row = self.weight.felt(), [], 0
        for state in self._history:
            gravity = felt[row : row + len(state[0])]
            row += len(gravity)
            energy = rigid_report.energy(self._moving, gravity, state)
            out.append(energy + self._joints.energy(*state[:2]) if self._joints else energy)
        return np.concatenate(out)

    def _momentum_error(self) -> float:
        """Momentum that nothing accounts for, over the largest sum of the bodies' momenta [-]."""
        last = self._frame_count * self._substeps
        blows = [p.newton_seconds for p in self._impulses() if math.floor(p.at / self.substep + 1e-6) < last]
        time = self._frame_count / self.fps
        blows += [tuple(push.impulse(0.0, time)) for push in self._pushes()]
        return rigid_report.momentum_error(self._moving, self._history, self.scene.mean_gravity(0.0, time), time, blows)
