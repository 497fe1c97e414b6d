"""Grains in a scene: one grid per kind, with the scene's solids, sources and bodies.

The rigid solver keeps the clock; grains are its partner and take many small steps in each of its substeps, inside the
same captured frame. See ``docs/design/0008-grains.md`` for the equations and the measured errors.
"""

from __future__ import annotations

from physim.grains_scene import SceneGrains
from physim.kernel_cache import load_kernels
from physim.materials import Grains
from physim.scene import Entity, Scene
from physim.solver_rigid import RigidSolver
from physim.trajectory import GrainsTrack


class GrainsSolver:
    """Simulates all grains of a scene as a partner of a rigid solver.

    Args:
        scene: Volumes and emitters of equal ``Grains`` share one grid, named after the first; different ones do not
            meet.
        rigid: Keeps the clock and the bodies; may have none.
        seconds: How long the run is; decides the size of a box that is not given, and room for what is emitted.

    Raises:
        ValueError: The scene has no grains, a grid is larger than memory, grains lie in a solid or outside of their
            box, are thinner than a cell, or an emitter is thinner than its grid can tell.
    """

    def __init__(self, scene: Scene, rigid: RigidSolver, *, seconds: float):
        groups: dict[Grains, list[Entity]] = {}
        for entity in scene.grains:
            groups.setdefault(entity.material, []).append(entity)  # type: ignore[arg-type]
        if not groups:
            raise ValueError("the scene has no grains; add a solid shape or an Emitter with a Grains material.")
        self.grains = {
            entities[0].name: SceneGrains(scene, rigid, entities, seconds=seconds) for entities in groups.values()
        }
        self._device = rigid.device

    # -- partner of the rigid solver ----------------------------------------------------------------------------------

    def load_kernels(self) -> None:
        """Compile and load all modules, outside of the capture."""
        load_kernels((m for kind in self.grains.values() for m in kind.load_kernels()), self._device)

    def begin_frame(self, first_substep: int) -> None:
        """Before the frame that begins with this substep."""
        for kind in self.grains.values():
            kind.begin_frame()

    def launch_search(self, k: int) -> None:
        """Grains find what they touch as they move."""

    def launch_substep(self, k: int) -> None:
        """What grains do, and give to bodies, in substep ``k``."""
        for kind in self.grains.values():
            kind.launch_substep()

    def launch_record(self, row: int) -> None:
        """Grains are read once per frame."""

    def end_frame(self) -> None:
        """Read the frame back.

        Raises:
            FloatingPointError: Grains are no longer finite, or far faster than their steps allow.
        """
        for kind in self.grains.values():
            kind.end_frame()

    # -- results ------------------------------------------------------------------------------------------------------

    def tracks(self) -> dict[str, GrainsTrack]:
        """What happened so far, by the name of the first entity; frame 0 is the state before the first frame."""
        return {name: kind.track() for name, kind in self.grains.items()}

    def report(self) -> dict[str, float]:
        """Of one kind its own figures; of several the largest errors and the sums of masses."""
        reports = [kind.report() for kind in self.grains.values()]
        names = list(dict.fromkeys(name for r in reports for name in r))
        return {
            name: (sum if "mass" in name else max)(r[name] for r in reports if name in r) for name in names
        }  # fmt: skip
