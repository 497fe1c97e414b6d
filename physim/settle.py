"""What a photo shows at rest must stay at rest: half a second in which nothing happens tells whether it does.

Solids alone, everything that acts on them left out: no wind, no pushes, no velocities, no liquids, cloth or gas. What
moves then was lifted to a form or a place at which it cannot stand.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from physim.compound import Solid
from physim.lake import Lake
from physim.materials import Grains, Kinematic, Liquid, Rigid, Soft, Static
from physim.scene import Entity, Scene
from physim.shapes import Emitter

SECONDS = 0.5
FPS = 120
"""Launches of one frame are recorded, which costs more than running them: the shorter a frame, the fewer [1/s]."""
DRIFTS = 0.02
"""Movement of some point of a body from which it counts as not at rest [sizes of the body]."""
NUDGE = 0.002
"""Movement from which a body that comes to rest is put there [sizes of the body]."""


@dataclass(frozen=True)
class Drift:
    """How a body moves when nothing happens."""

    metres: float
    """Of its centre [m]."""
    degrees: float
    size: float
    """Diameter of the sphere around it [m]."""
    position: np.ndarray
    """Of its centre of mass after ``SECONDS`` (3,) [m]."""
    orientation: np.ndarray
    """(x, y, z, w)"""

    @property
    def part(self) -> float:
        """Movement of its farthest point over its size, at most [-]."""
        return self.metres / self.size + 0.5 * float(np.radians(self.degrees))

    @property
    def rests(self) -> bool:
        return self.part <= DRIFTS

    @property
    def line(self) -> str:
        moved = f"moves {1000 * self.metres:.3g} mm and turns {self.degrees:.2g} degrees"
        return f"{moved} in {SECONDS:g} s when nothing happens, {self.part:.1%} of its size"


def settled(scene: Scene, names: list[str] | None = None, *, device: str | None = None) -> dict[str, Drift]:
    """How bodies move in half a second in which nothing happens.

    Args:
        scene: Not changed.
        names: Of the bodies that should rest; other bodies take part only if a joint ties them to these. ``None``: all.
        device: Warp device.

    Returns:
        One entry for each body of ``names`` that no liquid carries.
    """
    from physim.simulate import simulate

    asked = [e.name for e in scene.bodies] if names is None else list(names)
    asked = [name for name in asked if not _afloat(scene, scene[name])]
    if not asked:
        return {}
    still = _still(scene, asked)
    trajectory = simulate(still, seconds=SECONDS, fps=FPS, samples_per_frame=1, device=device)
    found = {}
    for name in asked:
        track, start = trajectory.bodies[name], scene[name]
        position, orientation = track.dense_position[-1], track.dense_orientation[-1]
        cosine = min(1.0, abs(float(orientation @ np.asarray(start.orientation))))
        found[name] = Drift(
            float(np.linalg.norm(position - np.asarray(start.position))),
            float(np.degrees(2 * np.arccos(cosine))),
            2 * start.shape.bounding_radius,  # type: ignore[union-attr]
            position,
            orientation,
        )
    return found


def bring_to_rest(scene: Scene, names: list[str]) -> tuple[dict[str, str], dict[str, Drift]]:
    """Check that bodies of a photo rest; those that find their rest close by are put there.

    Returns:
        One line of report for each body that moved, and how those move that do not rest.
    """
    lines, bad = {}, {}
    tied = {end for joint in scene.joints for end in (joint.body, joint.other)}
    for name, drift in settled(scene, names).items():
        if not drift.rests:
            bad[name] = drift
            lines[f"{name}.settle"] = drift.line
        elif drift.part > NUDGE and name not in tied:
            x, y, z = (float(v) for v in drift.position)
            qx, qy, qz, qw = (float(v) for v in drift.orientation)
            scene.entities[name] = replace(scene[name], position=(x, y, z), orientation=(qx, qy, qz, qw))
            lines[f"{name}.settle"] = (
                f"nudged to rest, by {1000 * drift.metres:.2g} mm and {drift.degrees:.2g} degrees, "
                f"{drift.part:.1%} of its size"
            )
    return lines, bad


def _still(scene: Scene, names: list[str]) -> Scene:
    """The solids alone, without anything that moves them but gravity."""
    keep = set(names)
    ties = [{end for end in (joint.body, joint.other) if end is not None} for joint in scene.joints]
    while True:  # what joints tie to them
        reached = set().union(*(tie for tie in ties if tie & keep)) - keep
        if not reached:
            break
        keep |= reached
    quiet = Scene(gravity=tuple(scene.gravity), seed=scene.seed)
    for entity in scene:
        material = entity.material
        if isinstance(material, Kinematic):
            material = Static(**{f.name: getattr(material, f.name) for f in fields(Static)})
        if isinstance(material, Grains | Soft) and not isinstance(entity.shape, Emitter):
            material = Static("wood")  # it gives way later; what the photo shows on it rests on it
        if isinstance(material, Static) or (isinstance(material, Rigid) and entity.name in keep):
            quiet.add(
                entity.shape, material, name=entity.name, position=entity.position, orientation=entity.orientation
            )
    for joint in scene.joints:
        if all(end is None or end in quiet.entities for end in (joint.body, joint.other)):
            quiet.joints.append(joint)
    return quiet


def _afloat(scene: Scene, body: Entity) -> bool:
    """Whether a liquid may carry it: its lowest point is within one."""
    from physim.zbuffer import placed

    if any(isinstance(e.shape, Lake) for e in scene):
        return True
    shape: Solid = body.shape  # type: ignore[assignment]
    mesh = placed(shape.triangles, body.position, body.orientation)
    foot = mesh.vertices[mesh.vertices[:, 1].argmin()]
    for entity in scene:
        if not isinstance(entity.material, Liquid) or entity.inside == body.name or not hasattr(entity.shape, "volume"):
            continue
        liquid = placed(entity.shape.triangles, entity.position, entity.orientation).vertices  # type: ignore[union-attr]
        if (liquid.min(0) < foot).all() and (foot < liquid.max(0)).all():
            return True
    return False
