"""Lakes in a scene: surfaces over a bed, with waves of their own speeds, rivers, and bodies that float and fall in.

See ``docs/physics.md`` for the equations and ``docs/design`` for why short waves are filtered into shallow water.
"""

from __future__ import annotations

import math

import numpy as np
import warp as wp

from physim.lake_bodies import LakeBodies
from physim.lake_grid import cell_centres
from physim.lake_spray import LakeSpray
from physim.lake_water import LakeWater
from physim.scene import Scene
from physim.solver_rigid import RigidSolver
from physim.trajectory import SPLASH_DTYPE, LakeTrack
from physim.wind_waves import WindWaves, waves_of


class LakeSolver:
    """Advances all lakes of a scene, alone or as a partner of a rigid solver, which then keeps the clock.

    Args:
        scene: What there is. Not changed.
        fps: Frames per second.
        rigid: Bodies that may float and fall in; ``None``: there are none. Couple it before the first frame.
        device: Warp device; ``None`` is Warp's default. With ``rigid`` it is that of the bodies.

    Raises:
        ValueError: There is no lake, or one without water.
    """

    def __init__(self, scene: Scene, *, fps: float, rigid: RigidSolver | None = None, device=None) -> None:
        if not (np.isfinite(fps) and fps > 0):
            raise ValueError(f"fps is {fps}, expected a finite number greater than 0 [1/s].")
        if not scene.lakes:
            raise ValueError("the scene has no lake; add a Lake with a Liquid material.")
        self.scene, self.fps, self.rigid = scene, float(fps), rigid
        self.device = rigid.device if rigid is not None else wp.get_device(device)
        self.waters = [LakeWater(scene, entity, self.device) for entity in scene.lakes]
        longest = min(water.longest_step for water in self.waters)
        if rigid is None:
            self.steps = max(1, math.ceil(1 / self.fps / longest - 1e-9))
            self._stride, self._inner = 1, 1
        else:
            self._stride, self._inner = _beat(rigid.substeps, rigid.substep, longest)
            self.steps = rigid.substeps // self._stride * self._inner
        self.step = 1 / self.fps / self.steps
        """[s]"""
        for water in self.waters:
            water.set_step(self.step)
        wind = scene.wind_at(0.0)
        self.wind_waves: list[WindWaves | None] = [
            waves_of(water.entity, wind, gravity=water.gravity, seed=scene.seed + 31 * n)
            for n, water in enumerate(self.waters)
        ]
        self._bodies = None
        if rigid is not None and scene.bodies:
            self._bodies = [
                LakeBodies(scene, rigid, water, swell)
                for water, swell in zip(self.waters, self.wind_waves, strict=True)
            ]
        self.sprays = [LakeSpray(water, scene.gravity, scene.seed + 17 * n) for n, water in enumerate(self.waters)]
        """Drops in the air over each."""
        self._foams: list[list[np.ndarray]] = [[] for _ in self.waters]
        self._graph: wp.Graph | None = None
        self._frame_count = 0
        self._start_volume = [water.volume() for water in self.waters]
        self._eta: list[list[np.ndarray]] = [[] for _ in self.waters]
        self._velocity: list[list[np.ndarray]] = [[] for _ in self.waters]
        self._keep()

    def _keep(self) -> None:
        for water, eta, velocity in zip(self.waters, self._eta, self._velocity, strict=True):
            eta.append(water.eta().astype(np.float32))
            velocity.append(water.velocity().astype(np.float16))
        for spray, foams in zip(self.sprays, self._foams, strict=True):
            foams.append(spray.foam())

    # -- alone --------------------------------------------------------------------------------------------------------

    def frame(self) -> None:
        """Advance by one frame, without bodies.

        Raises:
            FloatingPointError: The state is no longer finite.
        """
        self.begin_frame(0)
        if self._graph is None:
            self.load_kernels()
            with wp.ScopedCapture(device=self.device) as capture:
                for _ in range(self.steps):
                    for water in self.waters:
                        water.launch_step()
            self._graph = capture.graph
        wp.capture_launch(self._graph)
        self.end_frame()

    # -- partner of the rigid solver ----------------------------------------------------------------------------------

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""
        for water in self.waters:
            water.load_kernels()
        for bodies in self._bodies or ():
            bodies.load_kernels()

    def begin_frame(self, first_substep: int) -> None:
        """Tables of the coming frame: what pours in, how the wind's waves stand."""
        times = self._frame_count / self.fps + np.arange(self.steps) * self.step
        for water in self.waters:
            water.begin_frame(times)
        for bodies in self._bodies or ():
            bodies.begin_frame(self._frame_count / self.fps, (self._frame_count + 1) / self.fps)

    def launch_search(self, k: int) -> None:
        """Nothing: water is everywhere at once."""

    def launch_substep(self, k: int) -> None:
        """Forces on the bodies; and the water, when its step has come."""
        for bodies in self._bodies or ():
            bodies.launch_forces(k)
        if (k + 1) % self._stride:
            return
        for bodies in self._bodies or ():
            bodies.launch_displace()
        for _ in range(self._inner):
            for water in self.waters:
                water.launch_step()

    def launch_record(self, row: int) -> None:
        """Nothing: the water is kept at frames."""

    def end_frame(self) -> None:
        """Read back.

        Raises:
            FloatingPointError: The state is no longer finite.
        """
        self._frame_count += 1
        for water in self.waters:
            water.check(self._frame_count / self.fps)
        for bodies in self._bodies or ():
            bodies.end_frame()
        for bodies, spray in zip(self._bodies or (), self.sprays, strict=False):
            spray.frame(self._frame_count / self.fps, 1 / self.fps, bodies.blows)
        self._keep()

    # -- results ------------------------------------------------------------------------------------------------------

    def tracks(self) -> dict[str, LakeTrack]:
        """Every lake so far, the initial state first."""
        found = {}
        for n, water in enumerate(self.waters):
            x, z = cell_centres(water.lake, water.entity.position)
            half = water.lake.cell / 2
            found[water.entity.name] = LakeTrack(
                water.entity.name, self.fps, (float(x[0] - half), float(z[0] - half)), water.lake.cell, water.level,
                water.field.read("bed"), np.stack(self._eta[n]), np.stack(self._velocity[n]), self.wind_waves[n],
                tuple(self._foams[n]) if any(map(len, self._foams[n])) else (),
            )  # fmt: skip
        return found

    def splashes(self) -> np.ndarray:
        """Blows on the surfaces, ``SPLASH_DTYPE``, in order of time."""
        rows = [bodies.splashes() for bodies in self._bodies or ()]
        return np.sort(np.concatenate(rows), order="time") if rows else np.zeros(0, SPLASH_DTYPE)

    def report(self) -> dict[str, float]:
        """``lake_volume_error [-]``: what the water lost or gained beyond what was poured, flowed in and out, is under
        the bodies or in the air as spray, over its volume; only of lakes without open sides and inflow.
        ``lake_step [s]``.
        """
        worst = 0.0
        for n, water in enumerate(self.waters):
            if water.lake.open or water.lake.inflow or water.lake.inlets:
                continue
            under = self._bodies[n].displaced() if self._bodies else 0.0
            away = float(self.sprays[n].volume.sum()) + self.sprays[n].ashore
            worst = max(worst, abs(water.volume() + away - under - self._start_volume[n]) / self._start_volume[n])
        return {"lake_volume_error [-]": worst, "lake_step [s]": self.step}


def _beat(substeps: int, substep: float, longest: float) -> tuple[int, int]:
    """Substeps between two looks of the water at the bodies, and its steps then, so that a frame holds whole ones."""
    if substep > longest:
        return 1, math.ceil(substep / longest - 1e-9)
    fits = [n for n in range(1, substeps + 1) if substeps % n == 0 and n * substep <= longest * (1 + 1e-9)]
    return max(fits), 1
