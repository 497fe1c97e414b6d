"""Simulate: a scene becomes a trajectory, frame by frame."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from physim.progress import Progress
from physim.scene import Scene
from physim.trajectory import (
    CONTACT_DTYPE,
    CONTACT_STATE_DTYPE,
    SPLASH_DTYPE,
    BodyTrack,
    ClothTrack,
    ConservationReport,
    GrainsTrack,
    LakeTrack,
    LiquidTrack,
    SmokeTrack,
    SoftTrack,
    Trajectory,
)

if TYPE_CHECKING:
    from physim.coupling import GasCoupling
    from physim.rerun import Bench
    from physim.solver_cloth import ClothSolver
    from physim.solver_grains import GrainsSolver
    from physim.solver_lake import LakeSolver
    from physim.solver_liquid import LiquidSolver
    from physim.solver_rigid import RigidSolver
    from physim.solver_smoke import SmokeSolver
    from physim.solver_soft import SoftSolver


def simulate(
    scene: Scene,
    *,
    seconds: float = 3.0,
    fps: float = 24.0,
    samples_per_frame: int = 8,
    device: str | None = None,
    refinement: float = 1.0,
    progress: Progress | None = None,
    bench: Bench | None = None,
) -> Trajectory:
    """Let time run.

    Rigid bodies collide with each other, with planes, height fields and static meshes of any form; smoke rises, drifts
    with the wind, flows around all of them (meshes as seen from above), pushes bodies and blows on cloth; liquids flow,
    pour and fill what holds them; grains run out, heap up and carry what lies on them. The first run of a machine
    compiles the kernels, which takes a while; they are kept for the next ones.

    Args:
        scene: What there is; it is not changed.
        seconds: Length of the run [s]; ``round(seconds * fps)`` frames, at least one.
        fps: Frames per second.
        samples_per_frame: How often per frame the bodies' poses are kept, for motion blur and sub-frame times.
        device: Warp device such as ``"cpu"`` or ``"cuda:0"``; ``None`` is Warp's default.
        refinement: Factor on the number of substeps that the solvers of solids choose, to see that a result does not
            depend on it; 0.1 to 64.
        progress: Called with ('simulate', fraction of the frames done), first with 0; see :mod:`physim.progress`.
        bench: Keeps the solver of rigid bodies for the next scene of the same structure, which then costs a fraction
            and comes out the same; see :mod:`physim.rerun`.

    Returns:
        Bodies, cloth, liquids and smoke over time, impacts, a report of what the conservation laws say, and wall times
        per stage.

    Raises:
        ValueError: ``seconds``, ``fps`` or ``samples_per_frame`` out of range.
        FloatingPointError: The motion is no longer finite; the message says which thing and when.
    """
    _check(scene, seconds, fps, samples_per_frame)
    clock = _Clock()
    solvers = _build(
        scene, clock, seconds=seconds, fps=fps, samples_per_frame=samples_per_frame, device=device,
        refinement=refinement, bench=bench,
    )  # fmt: skip
    frame_count = max(1, round(seconds * fps))
    if progress:
        progress("simulate", 0.0)
    for frame in range(frame_count):
        solvers.frame(clock)
        if progress:
            progress("simulate", (frame + 1) / frame_count)
    return _collect(scene, solvers, clock, seconds=seconds, fps=fps)


@dataclass
class _Solvers:
    """One solver for each kind of thing; cloth, liquids, lakes and grains go along within the rigid one's substeps."""

    rigid: RigidSolver | None = None
    cloth: ClothSolver | None = None
    liquid: LiquidSolver | None = None
    lake: LakeSolver | None = None
    smoke: SmokeSolver | None = None
    coupling: GasCoupling | None = None
    grains: GrainsSolver | None = None
    soft: SoftSolver | None = None

    def frame(self, clock: _Clock) -> None:
        """Advance everything by one frame."""
        if self.rigid:
            self.rigid.frame()
            clock.lap("rigid")
        elif self.lake:
            self.lake.frame()
            clock.lap("lake")
        if self.smoke:
            self.smoke.frame(self.rigid.mover_poses() if self.rigid else None)
            if self.coupling:
                self.coupling.end_frame()
            clock.lap("smoke")

    def report(self) -> dict[str, float]:
        """What the laws say, of all."""
        values: dict[str, float] = {}
        for solver in (self.rigid, self.cloth, self.soft, self.liquid, self.lake, self.smoke, self.grains):
            values |= solver.report() if solver else {}
        return values


def _build(
    scene: Scene, clock: _Clock, *, seconds: float, fps: float, samples_per_frame: int, device: str | None,
    refinement: float, bench: Bench | None,
) -> _Solvers:  # fmt: skip
    """The solvers that the scene needs, coupled."""
    from physim.terrain import bake_terrain

    terrain = bake_terrain(scene)
    clock.lap("terrain")
    rigid = smoke = cloth = liquid = lake = coupling = grains = soft = None
    if scene.movers or scene.cloths or scene.liquids or scene.grains or scene.softs:
        from physim.solver_rigid import RigidSolver

        others = (scene.cloths, scene.softs, scene.liquids, scene.lakes, scene.smokes, scene.grains)
        make = bench.rigid if bench is not None and not any(others) else RigidSolver
        rigid = make(
            scene, fps=fps, samples_per_frame=samples_per_frame, device=device, refinement=refinement,
            # a body at rest there is held by what never rests
            sleeping=not (scene.liquids or scene.grains or scene.softs),
        )  # fmt: skip
        clock.lap("build rigid")
    if scene.cloths:
        from physim.solver_cloth import ClothSolver

        assert rigid is not None
        cloth = ClothSolver(scene, rigid)
        rigid.couple(cloth)
        clock.lap("build cloth")
    if scene.softs:
        from physim.solver_soft import SoftSolver

        assert rigid is not None
        soft = SoftSolver(scene, rigid)
        rigid.couple(soft, works=True)
        clock.lap("build soft")
    if scene.liquids:
        from physim.solver_liquid import LiquidSolver

        assert rigid is not None
        liquid = LiquidSolver(scene, rigid, seconds=seconds)
        rigid.couple(liquid, works=True)
        if cloth:
            liquid.soak(cloth)
        clock.lap("build liquid")
    if scene.grains:
        from physim.solver_grains import GrainsSolver

        assert rigid is not None
        grains = GrainsSolver(scene, rigid, seconds=seconds)
        rigid.couple(grains, works=True)
        clock.lap("build grains")
    if scene.lakes:
        from physim.solver_lake import LakeSolver

        lake = LakeSolver(scene, fps=fps, rigid=rigid, device=device)
        if rigid is not None:
            rigid.couple(lake, works=True)
        clock.lap("build lake")
    if scene.smokes:
        from physim.solver_smoke import SmokeSolver

        smoke = SmokeSolver(
            scene,
            fps=fps,
            seconds=seconds,
            terrain=terrain,
            device=device,
            surface_of=liquid.surface if liquid else None,
        )
        if rigid:
            from physim.coupling import GasCoupling

            coupling = GasCoupling(rigid, smoke, cloth)
        clock.lap("build smoke")
    return _Solvers(rigid, cloth, liquid, lake, smoke, coupling, grains, soft)


def _collect(scene: Scene, solvers: _Solvers, clock: _Clock, *, seconds: float, fps: float) -> Trajectory:
    """What the solvers have written down."""
    rigid, cloth, liquid, lake, smoke = solvers.rigid, solvers.cloth, solvers.liquid, solvers.lake, solvers.smoke
    bodies: dict[str, BodyTrack] = rigid.tracks() if rigid else {}
    smokes: dict[str, SmokeTrack] = smoke.tracks() if smoke else {}
    contacts = rigid.contacts() if rigid else np.zeros(0, CONTACT_DTYPE)
    states = rigid.contact_states() if rigid else np.zeros(0, CONTACT_STATE_DTYPE)
    cloths: dict[str, ClothTrack] = cloth.tracks() if cloth else {}
    liquids: dict[str, LiquidTrack] = liquid.tracks() if liquid else {}
    blows = [solver.splashes() for solver in (liquid, lake) if solver]
    splashes = np.sort(np.concatenate([np.zeros(0, SPLASH_DTYPE), *blows]), order="time")
    lakes: dict[str, LakeTrack] = lake.tracks() if lake else {}
    grains: dict[str, GrainsTrack] = solvers.grains.tracks() if solvers.grains else {}
    softs: dict[str, SoftTrack] = solvers.soft.tracks() if solvers.soft else {}
    report = ConservationReport(solvers.report())
    clock.lap("collect")
    return Trajectory(
        scene, fps, seconds, bodies, smokes, contacts, report, clock.laps, cloths, states, liquids, splashes, lakes,
        grains, softs,
    )  # fmt: skip


def _check(scene: Scene, seconds: float, fps: float, samples_per_frame: int) -> None:
    for name, value, unit in (("seconds", seconds, "s"), ("fps", fps, "1/s")):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}, expected a finite number greater than 0 [{unit}].")
    if scene.lakes and scene.gravity_keys is not None:
        raise ValueError(
            f"gravity changes with time, but {scene.lakes[0].name!r} is a lake, whose waves are laid out for one; "
            "expected a constant one."
        )
    if samples_per_frame < 1:
        raise ValueError(f"samples_per_frame is {samples_per_frame}, expected at least 1.")


class _Clock:
    """Wall time per stage [s]."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to ``name``."""
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._last
        self._last = now
