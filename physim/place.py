"""Things of a shot become entities of a scene: lifted from the photo, added to it, or emitting into it."""

from __future__ import annotations

import numpy as np

from physim.compound import Compound, Part, Solid
from physim.join import motion_of
from physim.layers import Layers
from physim.lift import lift
from physim.lift_sheet import LiftedSheet, lift_sheet
from physim.lifted import Lifted
from physim.materials import Cloth, Grains, Kinematic, Liquid, Rigid, Smoke, Soft, Static
from physim.mesh import read_mesh
from physim.outline import largest_part
from physim.pins import Pin
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Emitter, Mesh, Sphere, Triangles
from physim.sheet import Sheet
from physim.shot import PartSpec, ShapeSpec, Thing
from physim.shot_joints import KinematicSpec
from physim.shot_over_time import over_time
from physim.support import Stand, stand_of
from physim.terrain import bake_terrain
from physim.zbuffer import placed

_RISE = 0.5
"""An emitter sits this many radii above the surface it was pointed at, so that most of it is outside."""


def material_of(thing: Thing) -> Rigid | Static | Kinematic | Smoke | Cloth | Grains | Soft | Liquid:
    """What a thing is made of."""
    if thing.rigid is not None:
        r = thing.rigid
        return Rigid(
            r.material, r.density, r.friction, r.restitution, r.mass, r.drag_coefficient,
            r.static_friction, r.rolling_resistance, r.spinning_resistance,
        )  # fmt: skip
    solid = thing.static or thing.kinematic
    if solid is not None:
        surface = (
            solid.material, solid.friction, solid.restitution,
            solid.static_friction, solid.rolling_resistance, solid.spinning_resistance,
        )  # fmt: skip
        return Kinematic(*surface, motion_of(solid)) if isinstance(solid, KinematicSpec) else Static(*surface)
    if thing.smoke is not None:
        s = thing.smoke
        return Smoke(
            s.material,
            temperature=s.temperature,
            extinction=s.extinction,
            dissipation=s.dissipation,
            cooling=s.cooling,
            glow=s.glow,
            resolution=s.resolution,
            domain=s.domain,
        )
    if thing.cloth is not None:
        c = thing.cloth
        return Cloth(
            c.material,
            areal_density=c.areal_density,
            stretch=c.stretch,
            shear=c.shear,
            bending=c.bending,
            thickness=c.thickness,
            friction=c.friction,
            damping=c.damping,
        )
    if thing.grains is not None:
        return Grains(thing.grains.material, **thing.grains.model_dump(exclude={"material"}))
    if thing.soft is not None:
        return Soft(thing.soft.material, **thing.soft.model_dump(exclude={"material", "pin"}))
    assert thing.liquid is not None
    q = thing.liquid
    return Liquid(
        q.material,
        density=q.density,
        viscosity=q.viscosity,
        surface_tension=q.surface_tension,
        temperature=q.temperature,
        resolution=q.resolution,
        domain=q.domain,
        walls=tuple(q.walls),
    )


def lift_thing(
    thing: Thing, mask: np.ndarray, layers: Layers, before: dict[str, Triangles], others: dict[str, np.ndarray]
) -> tuple[Lifted, Stand]:
    """The solid of a thing of the photo, and how it stands: on what is seen below it, or where the shot puts it.

    ``before`` are world meshes of the solids placed so far, ``others`` the masks (H, W) bool of all other solids.
    """
    whole = largest_part(mask)
    if thing.lift.depth is not None or (thing.lift.kind == "revolve" and thing.lift.circle is not None):
        stand = Stand(0.0, on="where the shot puts it")
    else:
        stand = stand_of(thing.name, whole, layers, before, others)
    solid = lift(whole, layers.photo_camera, thing.lift, support=stand.height, name=thing.name, free=stand.free)
    return solid, stand


def lift_cloth(thing: Thing, mask: np.ndarray, layers: Layers) -> LiftedSheet:
    """The sheet of a cloth of the photo."""
    support = 0.0
    if thing.lift.depth is None:
        support = stand_of(thing.name, largest_part(mask), layers, {}, {}).height
    return lift_sheet(mask, layers.photo_camera, thing, support=support)


def add_photo_thing(scene: Scene, thing: Thing, solid: Lifted) -> int:
    """Add a lifted thing; returns its number in id maps."""
    moves = thing.moves or thing.flies or thing.gives
    scene.add(
        solid.shape,
        material_of(thing),
        name=thing.name,
        position=solid.position,
        orientation=solid.orientation,
        velocity=thing.velocity if moves else (0.0, 0.0, 0.0),
        angular_velocity=_radians(thing.angular_velocity) if moves else (0.0, 0.0, 0.0),
        colour=thing.colour,
        visible=moves and thing.visible,
        release=thing.release,
        pin=() if thing.soft is None else thing.soft.pin,
    )
    return scene.number_of(thing.name)


def add_photo_cloth(scene: Scene, thing: Thing, cloth: LiftedSheet) -> int:
    """Add a cloth of the photo; returns its number in id maps."""
    scene.add(
        cloth.pattern,
        material_of(thing),
        name=thing.name,
        position=cloth.position,
        orientation=cloth.orientation,
        pin=cloth.pins,
    )
    return scene.number_of(thing.name)


def add_cloth(scene: Scene, thing: Thing, layers: Layers) -> None:
    """Add a sheet of cloth that is not in the photo, at a world position or above a pixel."""
    from scipy.spatial.transform import Rotation

    assert thing.shape is not None and thing.shape.sheet is not None and thing.cloth is not None
    size = thing.shape.sheet
    edge = max(size) / thing.cloth.cells
    sheet = Sheet(size, (max(1, round(size[0] / edge)), max(1, round(size[1] / edge))))
    turn = tuple(float(q) for q in Rotation.from_rotvec(np.radians(thing.rotation)).as_quat())
    if thing.at is not None:
        position = np.asarray(thing.at, dtype=np.float64)
    else:
        assert thing.at_pixel is not None
        spot = layers.point_at(thing.at_pixel, f"{thing.name}.at_pixel")
        flat = Triangles(np.pad(sheet.rest, ((0, 0), (0, 1))), sheet.faces)
        position = _resting(scene, flat, turn, spot) + np.array([0, thing.above, 0])
    scene.add(
        sheet,
        material_of(thing),
        name=thing.name,
        position=tuple(float(x) for x in position),  # type: ignore[arg-type]
        orientation=turn,  # type: ignore[arg-type]
        velocity=thing.velocity,
        angular_velocity=_radians(thing.angular_velocity),
        colour=thing.colour,
        texture=thing.texture,
        pin=[Pin(pin.where or (), to=pin.to, clamp=pin.clamp) for pin in thing.cloth.pin],
    )


def solid_of(spec: ShapeSpec, name: str) -> Solid:
    """An added shape, its origin at the centre of mass."""
    if spec.box is not None:
        return Box(spec.box)
    if spec.sphere is not None:
        return Sphere(spec.sphere)
    if spec.cylinder is not None:
        return Cylinder(*spec.cylinder)
    if spec.capsule is not None:
        return Capsule(*spec.capsule)
    if spec.compound is not None:
        return Compound(tuple(_part(part) for part in spec.compound))
    assert spec.mesh is not None
    mesh = read_mesh(spec.mesh, name=name)
    _, centroid, _ = mesh.mass_properties()
    return Mesh(Triangles(mesh.vertices - centroid, mesh.faces))


def _part(spec: PartSpec) -> Part:
    from scipy.spatial.transform import Rotation

    shape: Box | Sphere | Cylinder | Capsule
    if spec.box is not None:
        shape = Box(spec.box)
    elif spec.sphere is not None:
        shape = Sphere(spec.sphere)
    elif spec.cylinder is not None:
        shape = Cylinder(*spec.cylinder)
    else:
        assert spec.capsule is not None
        shape = Capsule(*spec.capsule)
    x, y, z, w = (float(q) for q in Rotation.from_rotvec(np.radians(spec.rotation)).as_quat())
    return Part(shape, spec.at, (x, y, z, w), spec.density)


def add_shape(scene: Scene, thing: Thing, layers: Layers) -> None:
    """Add a thing that is not in the photo, at a world position or above a pixel."""
    from scipy.spatial.transform import Rotation

    assert thing.shape is not None
    solid = solid_of(thing.shape, thing.name)
    turn = tuple(float(q) for q in Rotation.from_rotvec(np.radians(thing.rotation)).as_quat())
    if thing.at is not None:
        position = np.asarray(thing.at, dtype=np.float64)
    else:
        assert thing.at_pixel is not None
        spot = layers.point_at(thing.at_pixel, f"{thing.name}.at_pixel")
        position = _resting(scene, solid.triangles, turn, spot) + np.array([0, thing.above, 0])
    moves = thing.moves or thing.liquid is not None or thing.gives
    scene.add(
        solid,
        material_of(thing),
        name=thing.name,
        position=tuple(float(x) for x in position),  # type: ignore[arg-type]
        orientation=turn,  # type: ignore[arg-type]
        velocity=thing.velocity if moves else (0.0, 0.0, 0.0),
        angular_velocity=_radians(thing.angular_velocity) if moves else (0.0, 0.0, 0.0),
        colour=thing.colour,
        texture=thing.texture,
        visible=thing.visible,
        inside=thing.inside,
        release=thing.release,
        pin=() if thing.soft is None else thing.soft.pin,
    )


def _resting(scene: Scene, form: Triangles, turn, spot: np.ndarray) -> np.ndarray:
    """Origin of a form that touches the scene from above at (x, z) of ``spot``: nowhere inside the relief below it."""
    mesh = placed(form, (0.0, 0.0, 0.0), turn)
    corners = mesh.vertices[mesh.faces]
    samples = np.concatenate(
        [mesh.vertices, corners.mean(1), (corners + np.roll(corners, 1, axis=1)).reshape(-1, 3) / 2]
    )
    # the place may be on a body or on an upright surface: its own height counts below the lowest point
    lift_by = spot[1] - float(samples[:, 1].min())
    terrain = bake_terrain(scene)
    if terrain is not None:
        ground = terrain.height_at(samples[:, 0] + spot[0], samples[:, 2] + spot[2])
        lift_by = max(lift_by, float((ground - samples[:, 1]).max()))
    return np.array([spot[0], lift_by, spot[2]])


def add_emitter(scene: Scene, thing: Thing, layers: Layers) -> None:
    """Add a source of smoke or liquid at a world position, or on the surface seen at a pixel."""
    assert thing.emit is not None
    emit = thing.emit
    if emit.at is not None or emit.on is not None:
        centre = np.asarray(emit.at or (0.0, 0.0, 0.0), dtype=np.float64)
    else:
        assert emit.pixel is not None
        centre = layers.point_at(emit.pixel, f"{thing.name}.emit.pixel") + np.array([0, _RISE * emit.radius, 0])
    end = float("inf") if emit.end is None else emit.end
    if end <= emit.start:
        raise ValueError(f"{thing.name}.emit ends at {end:g} s and starts at {emit.start:g} s; give start < end.")
    x, y, z = (float(c) for c in centre)
    source = Emitter(
        (x, y, z), emit.radius, over_time(emit.rate), over_time(emit.velocity), emit.start, end, on=emit.on or ""
    )
    scene.add(source, material_of(thing), name=thing.name, inside=thing.inside)


def _radians(degrees: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (float(a) for a in np.radians(degrees))
    return x, y, z
