"""Settings: how a validation run is computed. What comes out must not depend on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from physim.scene import Scene
from physim.trajectory import BodyTrack, ClothTrack, Trajectory


@dataclass(frozen=True)
class Settings:
    """Frame rate, factor on the solvers' substeps, device."""

    fps: float = 60.0
    refinement: float = 1.0
    device: str | None = None

    def simulate(self, scene: Scene, seconds: float) -> Trajectory:
        """At least ``seconds``, in whole frames."""
        import physim

        frames = max(2, math.ceil(seconds * self.fps - 1e-9))
        return physim.simulate(
            scene, seconds=frames / self.fps, fps=self.fps, refinement=self.refinement, device=self.device
        )


def body(trajectory: Trajectory, name: str) -> BodyTrack:
    """The track of a rigid body."""
    return trajectory.bodies[name]


def cloth(trajectory: Trajectory, name: str) -> ClothTrack:
    """The track of a cloth."""
    return trajectory.cloths[name]
