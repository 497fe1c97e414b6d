"""Things of the photo become solids, sheets and liquids of the scene, each standing on what carries it."""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.joints import BallJoint
from physim.lake_photo import add_lake
from physim.layers import Layers
from physim.liquid_photo import add_photo_liquid
from physim.pins import Pin
from physim.place import add_photo_cloth, add_photo_thing, lift_cloth, lift_thing
from physim.scene import Scene
from physim.shapes import Triangles
from physim.sheet import Pattern
from physim.shot import Shot, Thing
from physim.zbuffer import placed

PLUMB = 0.15
"""A pivot seen this near to the line above the centre of mass is on it [sizes of the thing]."""


def lift_things(
    scene: Scene, shot: Shot, layers: Layers, covered: dict[str, np.ndarray], report: dict[str, str]
) -> dict[str, np.ndarray]:
    """Lift the things of the photo, in the order of the shot: what stands on another thing comes after it.

    A still thing is a solid only if its shot says which.
    """
    masks: dict[str, np.ndarray] = {}
    before: dict[str, Triangles] = {}
    outlines = {t.name: covered[t.name] >= 0.5 for t in shot.things if _is_solid(t)}
    for thing in shot.things:
        if thing.select is None or (thing.still and thing.lift.kind == "auto"):
            continue
        if thing.inside is not None:
            report[f"{thing.name}.liquid"] = add_photo_liquid(
                scene, thing, layers, masks[thing.inside], covered[thing.name]
            )
            continue
        mask = covered[thing.name] >= 0.5
        if thing.liquid is not None and not thing.flies:
            report[f"{thing.name}.lake"] = add_lake(scene, thing, mask, layers)
            continue
        if thing.cloth is not None:
            masks[thing.name] = mask
            cloth = lift_cloth(thing, mask, layers)
            number = add_photo_cloth(scene, thing, cloth)
            pattern = cloth.pattern
            flat = Triangles(np.pad(pattern.rest, ((0, 0), (0, 1))), pattern.faces)
            layers.add(placed(flat, cloth.position, cloth.orientation), mask, number, moves=True)
            report[f"{thing.name}.sheet"] = _sheet_line(pattern, scene[thing.name].pins)
            continue
        others = {name: other for name, other in outlines.items() if name != thing.name}
        solid, stand = lift_thing(thing, mask, layers, before, others)
        number = add_photo_thing(scene, thing, solid)
        report[f"{thing.name}.solid"] = _solid_line(thing, solid, scene)
        report[f"{thing.name}.stands"] = stand.line
        if not thing.still:
            masks[thing.name] = mask
            mesh = placed(solid.shape.triangles, solid.position, solid.orientation)
            before[thing.name] = mesh
            layers.add(mesh, mask, number, moves=thing.moves or thing.flies or thing.gives)
    return masks


def hang_things(scene: Scene, shot: Shot, camera: Camera, report: dict[str, str]) -> None:
    """Tie what hangs to its pivot.

    A pixel says nothing of the distance: unless `depth` does, the pivot is as far away as the centre of mass, and where
    it is seen nearly above that, it is put above it exactly, for a thing at rest hangs plumb.

    Raises:
        ValueError: The pivot is not above the thing, or it hangs from what is no solid.
    """
    for thing in shot.things:
        if thing.hang is None or thing.name not in scene.entities:
            continue
        body = scene[thing.name]
        centre = np.asarray(body.position)
        ray = camera.rays(np.asarray(thing.hang.pixel, dtype=np.float64))
        ahead = camera.world_from_camera[:3, 2] * (1.0, 0.0, 1.0)
        ahead = ahead if np.linalg.norm(ahead) > 0.2 else ray * (1.0, 0.0, 1.0)
        distance = ((centre - camera.position) @ ahead) / max(float(ray @ ahead), 1e-9)
        if thing.hang.depth is not None:
            distance = thing.hang.depth / float(ray @ camera.world_from_camera[:3, 2])
        pivot = camera.position + distance * ray
        aside = float(np.hypot(*(pivot - centre)[[0, 2]]))
        size = 2 * body.shape.bounding_radius  # type: ignore[union-attr]
        length = float(pivot[1] - centre[1])
        if length <= 0.01 * size:
            raise ValueError(
                f"{thing.name}.hang.pixel is {list(thing.hang.pixel)}, which is {-length:.3g} m below the centre of "
                f"{thing.name}, expected a pixel above it."
            )
        plumb = thing.hang.depth is None and aside < PLUMB * size
        if plumb:
            pivot[[0, 2]] = centre[[0, 2]]
        x, y, z = (float(v) for v in pivot)
        scene.add(BallJoint(thing.name, (x, y, z), thing.hang.to))
        text = f"{length:.3g} m below its pivot at ({x:.3g}, {y:.3g}, {z:.3g}) m"
        report[f"{thing.name}.hangs"] = text + ("" if plumb else f", {aside:.2g} m aside of it: it will swing")


def _is_solid(thing: Thing) -> bool:
    """Whether a thing of the photo is lifted to a solid that is drawn where it is seen."""
    solid = any(matter is not None for matter in (thing.rigid, thing.static, thing.kinematic, thing.grains, thing.soft))
    return solid and thing.select is not None and not thing.still


def _solid_line(thing: Thing, solid, scene: Scene) -> str:
    line = f"{solid.how}, {solid.shape.volume * 1e6:.3g} cm^3, outline agrees to {solid.overlap:.2f}"
    return line + (f", {scene[thing.name].mass:.3g} kg" if thing.rigid is not None else "")


def _sheet_line(pattern: Pattern, pins: tuple[Pin, ...]) -> str:
    width, height = np.ptp(pattern.rest, axis=0)
    held = sum(len(np.atleast_1d(pin.where)) for pin in pins)
    return f"{width:.3g} x {height:.3g} m, {len(pattern.rest)} vertices, {held} of them pinned"
