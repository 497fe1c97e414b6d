"""Liquids in a scene: one grid per liquid material and container, with the scene's solids, sources and bodies.

The rigid solver keeps the clock; a liquid is its partner and moves every few substeps, inside the same captured frame.
See ``docs/physics.md`` for the equations and the measured errors.
"""

from __future__ import annotations

import numpy as np

from physim.liquid_scene import SceneLiquid
from physim.materials import Liquid
from physim.scene import Entity, Scene
from physim.solver_cloth import ClothSolver
from physim.solver_rigid import RigidSolver
from physim.trajectory import SPLASH_DTYPE, LiquidTrack
from physim.vapour import LiquidSurface


class LiquidSolver:
    """Simulates all liquids of a scene as a partner of a rigid solver.

    Args:
        scene: Volumes and emitters of equal ``Liquid`` in the same container share one grid, named after the first.
        rigid: Keeps the clock and the bodies; may have none.
        seconds: How long the run is; decides the size of a box that is not given, and room for what is emitted.

    Raises:
        ValueError: The scene has no liquid, a grid is larger than memory, a liquid lies in a solid or outside of its
            box, or an emitter is thinner than its grid can tell.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver, *, seconds: float):
        groups: dict[tuple[Liquid, str | None], list[Entity]] = {}
        for entity in scene.liquids:
            groups.setdefault((entity.material, entity.inside), []).append(entity)  # type: ignore[arg-type]
        if not groups:
            raise ValueError("the scene has no liquid; add a solid shape or an Emitter with a Liquid material.")
        self.rigid = rigid
        self.liquids = {
            entities[0].name: SceneLiquid(scene, rigid, entities, seconds=seconds) for entities in groups.values()
        }

    # -- partner of the rigid solver --------------------------------------------------------------------------------

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""
        for liquid in self.liquids.values():
            liquid.load_kernels()

    def begin_frame(self, first_substep: int) -> None:
        """Before the frame that begins with this substep."""
        for liquid in self.liquids.values():
            liquid.begin_frame(first_substep)

    def launch_search(self, k: int) -> None:
        """The steps that begin with substep ``k``."""
        for liquid in self.liquids.values():
            liquid.launch_search(k)

    def launch_substep(self, k: int) -> None:
        """What liquids give to bodies in substep ``k``."""
        for liquid in self.liquids.values():
            liquid.launch_substep(k)

    def launch_record(self, row: int) -> None:
        """Liquids are read once per frame."""

    def end_frame(self) -> None:
        """Read the frame back.

        Raises:
            FloatingPointError: A liquid is no longer finite, or far faster than its steps allow.
        """
        for liquid in self.liquids.values():
            liquid.end_frame()

    def surface(self, name: str) -> LiquidSurface:
        """Free surface now of the liquid that this entity belongs to."""
        return next(q for q in self.liquids.values() if name in [e.name for e in q.entities]).surface()

    def soak(self, cloth: ClothSolver) -> None:
        """Let cloths hang in the liquids; before the first frame."""
        for liquid in self.liquids.values():
            liquid.soak(cloth)

    # -- results ----------------------------------------------------------------------------------------------------

    def tracks(self) -> dict[str, LiquidTrack]:
        """What happened so far, by the name of the first entity; frame 0 is the state before the first frame."""
        return {name: liquid.track(name) for name, liquid in self.liquids.items()}

    def splashes(self) -> np.ndarray:
        """Blows on the surfaces so far, in order of time, ``SPLASH_DTYPE``."""
        found = [liquid.splashes() for liquid in self.liquids.values()]
        together = np.concatenate([np.zeros(0, SPLASH_DTYPE), *found])
        return together[np.argsort(together["time"], kind="stable")]

    def report(self) -> dict[str, float]:
        """Of one liquid its own figures; of several the largest errors and the sums of volumes."""
        reports = [liquid.report() for liquid in self.liquids.values()]
        names = list(dict.fromkeys(name for r in reports for name in r))
        return {
            name: (sum if "volume" in name and "error" not in name else max)(r[name] for r in reports if name in r)
            for name in names
        }
