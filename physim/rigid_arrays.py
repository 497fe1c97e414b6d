"""From a scene to the arrays of the rigid solver: bodies, and their colliders in principal frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import warp as wp
from physim_kernels import rigid_data as data

from physim.compound import Compound, Shape
from physim.materials import Kinematic, Rigid, Static
from physim.rigid_hull import CollisionHull, collision_hull, prism, simplify
from physim.rigid_mesh import CollisionMesh, collision_mesh
from physim.scene import Entity, Scene
from physim.shapes import Box, Capsule, Cylinder, HeightField, Hull, Mesh, Plane, Sphere
from physim.terrain import rotation_matrix

AIR_DENSITY = 1.204
"""[kg/m^3], dry air at 20 degrees Celsius and 101325 Pa (CRC Handbook)."""


@dataclass(frozen=True)
class Collider:
    """One convex or static shape of a body, in its own frame, and the place of that frame in the body's."""

    kind: int
    bound: float
    """Radius about the origin [m]; 0 for planes and fields."""
    radius: float = 0.0
    half: float = 0.0
    hull: CollisionHull | None = None
    field: HeightField | None = None
    mesh: CollisionMesh | None = None
    position: np.ndarray | None = None
    """Of its origin in the body's frame (3,) [m]; ``None``: the frames are one."""
    rotation: np.ndarray | None = None
    """Body from collider (3, 3)."""

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and half edges of the box around it along its axes (3,) [m]."""
        if self.kind in (data.HULL, data.MESH):
            points = (self.hull or self.mesh).vertices  # type: ignore[union-attr]
            low, high = points.min(axis=0), points.max(axis=0)
            return (low + high) / 2, (high - low) / 2
        if self.kind == data.CYLINDER:  # a round one on flat shapes, a prism of the same area on others
            side = max(self.radius, float(np.abs(self.hull.vertices[:, [0, 2]]).max()))  # type: ignore[union-attr]
            return np.zeros(3), np.array([side, self.half, side])
        return np.zeros(3), np.array([self.radius, self.radius + self.half, self.radius])


@dataclass(frozen=True)
class Piece:
    """One body, moving or static, as the solver sees it: colliders in the principal frame at the centre of mass."""

    name: str
    material: Rigid | Static
    colliders: tuple[Collider, ...]
    position: np.ndarray
    """Of the centre of mass, world (3,) [m]."""
    orientation: np.ndarray
    """World from principal frame (x, y, z, w)."""
    mass: float = np.inf
    inertia: np.ndarray | None = None
    """Principal moments (3,) [kg m^2]."""
    frame: np.ndarray | None = None
    """Rotation (3, 3) of the principal axes in the shape's own frame."""
    centre: np.ndarray | None = None
    """Centre of mass in the shape's own frame (3,) [m]."""

    @property
    def bound(self) -> float:
        """Radius about the centre of mass [m]."""
        return max(c.bound + (0.0 if c.position is None else float(np.linalg.norm(c.position))) for c in self.colliders)


def quaternion_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product of quaternions (..., 4) in the order (x, y, z, w)."""
    va, wa, vb, wb = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = wa * vb + wb * va + np.cross(va, vb)
    return np.concatenate([vector, wa * wb - np.sum(va * vb, axis=-1, keepdims=True)], axis=-1)


def quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) in the order (x, y, z, w) of rotations (..., 3, 3), w >= 0."""
    from scipy.spatial.transform import Rotation

    q = Rotation.from_matrix(np.reshape(rotation, (-1, 3, 3))).as_quat()
    return np.where(q[:, 3:] >= 0, q, -q).reshape(*np.shape(rotation)[:-2], 4)


def pieces(scene: Scene, terrain: HeightField | None) -> tuple[list[Piece], list[Piece]]:
    """The moving and the static bodies of a scene, in its order; ``terrain`` stands in for all static meshes."""
    moving = [_piece(entity) for entity in scene.bodies]
    meshes = [e for e in scene.statics if isinstance(e.shape, Mesh) and not isinstance(e.material, Kinematic)]
    static = [_static_piece(e) for e in scene.statics if terrain is None or e not in meshes]
    if terrain is not None:
        material = meshes[0].material if meshes else Static()
        name = meshes[0].name if meshes else "terrain"
        static.append(_field_piece(name, material, terrain, np.zeros(3)))  # type: ignore[arg-type]
    return moving, static


def _field_piece(name: str, material: Static, field: HeightField, position: np.ndarray) -> Piece:
    return Piece(name, material, (Collider(data.FIELD, 0.0, field=field),), position, np.array([0.0, 0.0, 0.0, 1.0]))


def _static_piece(entity: Entity) -> Piece:
    assert isinstance(entity.material, Static)
    position = np.array(entity.position, dtype=np.float64)
    if isinstance(entity.shape, HeightField):
        if abs(entity.orientation[3]) < 1 - 1e-9:
            raise ValueError(
                f"{entity.name}.orientation is {entity.orientation}, expected none: a height field is level by nature. "
                "Resample its heights instead."
            )
        return _field_piece(entity.name, entity.material, entity.shape, position)
    if isinstance(entity.shape, Plane):
        given = np.asarray(entity.shape.normal, dtype=np.float64)
        length = np.linalg.norm(given)
        if not np.isfinite(length) or length < 1e-9:
            raise ValueError(f"{entity.name}: Plane.normal is {entity.shape.normal}, expected a direction.")
        turn = rotation_matrix(np.array(entity.orientation))
        normal = turn @ (given / length)
        along = normal @ position + entity.shape.offset / length
        origin = normal * along
        if isinstance(entity.material, Kinematic):  # of its points the one that it turns about
            origin = position + normal * (along - normal @ position)
        return Piece(entity.name, entity.material, (Collider(data.PLANE, 0.0),), origin, _up_to(normal))
    if isinstance(entity.shape, Mesh):
        mesh, q = collision_mesh(entity.shape.triangles), np.array(entity.orientation, dtype=np.float64)
        bound = float(np.linalg.norm(mesh.vertices, axis=1).max())
        return Piece(entity.name, entity.material, (Collider(data.MESH, bound, mesh=mesh),), position, q)
    return _piece(entity)


def _up_to(normal: np.ndarray) -> np.ndarray:
    """Quaternion that turns Y to ``normal``."""
    axis = np.cross([0.0, 1.0, 0.0], normal)
    q = np.array([*axis, 1.0 + normal[1]])
    if np.linalg.norm(q) < 1e-9:
        return np.array([1.0, 0.0, 0.0, 0.0])
    return q / np.linalg.norm(q)


def _piece(entity: Entity) -> Piece:
    """A solid. Hulls, meshes and compounds are turned to their principal axes about their centre of mass."""
    shape = entity.shape
    position, q = np.array(entity.position, dtype=np.float64), np.array(entity.orientation, dtype=np.float64)
    mass, inertia = np.inf, np.ones(3)
    frame, centre = np.eye(3), np.zeros(3)
    if isinstance(shape, Mesh):
        centre = shape.triangles.mass_properties()[1]
    if isinstance(entity.material, Rigid):
        mass, tensor = entity.mass, entity.inertia
        inertia = np.diag(tensor).copy()
        if isinstance(shape, Hull | Mesh) or np.abs(tensor - np.diag(inertia)).max() > 1e-9 * inertia.max():
            inertia, frame = np.linalg.eigh(tensor)
            if np.linalg.det(frame) < 0:
                frame[:, 0] *= -1
    if isinstance(shape, Compound):
        colliders = tuple(
            replace(
                _collider(entity.name, part.shape, np.zeros(3), np.eye(3)),
                position=frame.T @ np.asarray(part.position),
                rotation=frame.T @ rotation_matrix(_unit(part.orientation)),
            )
            for part in shape.parts
        )
    elif isinstance(shape, Mesh) and shape.pieces:
        hulls = [Hull(piece) for piece in shape.pieces]
        colliders = tuple(
            replace(
                _collider(entity.name, hull, np.zeros(3), np.eye(3)),
                position=frame.T @ (hull.offset - centre),
                rotation=frame.T,
            )
            for hull in hulls
        )
    else:
        colliders = (_collider(entity.name, shape, centre, frame),)
    turned = quaternion_product(q, quaternion_of(frame)) if (frame != np.eye(3)).any() else q
    if centre.any():
        position = position + rotation_matrix(q) @ centre
    return Piece(
        entity.name, entity.material, colliders, position, turned,  # type: ignore[arg-type]
        mass=mass, inertia=inertia, frame=frame, centre=centre,
    )  # fmt: skip


def _unit(q: tuple[float, float, float, float]) -> np.ndarray:
    return np.asarray(q, dtype=np.float64) / np.linalg.norm(q)


@lru_cache(maxsize=4096)
def _cylinder_hull(shape: Cylinder) -> CollisionHull:
    return collision_hull(prism(shape.radius, shape.height))


@lru_cache(maxsize=4096)
def _box_hull(shape: Box) -> CollisionHull:
    return collision_hull(shape.triangles.vertices)


def _collider(name: str, shape: Shape, centre: np.ndarray, frame: np.ndarray) -> Collider:
    """A convex shape about ``centre``, hulls and meshes on the axes ``frame``."""
    if isinstance(shape, Sphere):
        return Collider(data.SPHERE, shape.radius, radius=shape.radius)
    if isinstance(shape, Capsule):
        return Collider(data.CAPSULE, shape.bounding_radius, radius=shape.radius, half=shape.length / 2)
    radius = half = 0.0
    if isinstance(shape, Cylinder):
        kind, radius, half = data.CYLINDER, shape.radius, shape.height / 2
        hull = _cylinder_hull(shape)
    elif isinstance(shape, Box):
        kind, hull = data.HULL, _box_hull(shape)
    elif isinstance(shape, Hull | Mesh):
        kind = data.HULL
        hull = collision_hull(simplify((shape.triangles.vertices - centre) @ frame))
    else:
        raise TypeError(
            f"{name!r}: a {type(shape).__name__} is no rigid body. Use a sphere, box, capsule, cylinder, hull, mesh or "
            "a compound of convex ones."
        )
    return Collider(kind, float(np.linalg.norm(hull.vertices, axis=1).max()), radius=radius, half=half, hull=hull)


def to_array(values, dtype, device: wp.Device) -> wp.array:
    """To the device; an empty list becomes one row of zeros, since kernels only look inside the counts."""
    values = np.asarray(values)
    if values.size == 0:
        return wp.zeros(1, dtype=dtype, device=device)
    return wp.array(values, dtype=dtype, device=device)


def geometry(everything: list[Piece], device: wp.Device) -> data.Geometry:
    """Shapes of all colliders in one table each for vertices, faces and edges; equal ones share their rows."""
    g = data.Geometry()
    shapes = [c for p in everything for c in p.colliders]
    empty = np.zeros((0, 3))
    parts = list({id(c.hull): c.hull for c in shapes if c.hull is not None}.values())
    row = {id(hull): k for k, hull in enumerate(parts)}
    which = [-1 if c.hull is None else row[id(c.hull)] for c in shapes]
    counts = {
        "vertex": [len(h.vertices) for h in parts],
        "face": [len(h.normals) for h in parts],
        "edge": [len(h.edges) for h in parts],
    }
    for name, column in counts.items():
        setattr(g, f"{name}_count", to_array(np.array([*column, 0])[which], int, device))
        setattr(g, f"{name}_start", to_array(np.cumsum([0, *column, 0])[which], int, device))
    g.kind = to_array([c.kind for c in shapes], int, device)
    for name in ("radius", "half", "bound"):
        setattr(g, name, to_array([getattr(c, name) for c in shapes], float, device))
    _places(g, everything, device)
    g.vertices = to_array(np.concatenate([empty, *(h.vertices for h in parts)]), wp.vec3, device)
    g.face_normal = to_array(np.concatenate([empty, *(h.normals for h in parts)]), wp.vec3, device)
    g.face_offset = to_array(np.concatenate([np.zeros(0), *(h.offsets for h in parts)]), float, device)
    g.face_area = to_array(np.concatenate([np.zeros(0), *(h.areas for h in parts)]), float, device)
    loops = [loop for h in parts for loop in h.loops]
    lengths = [len(loop) for loop in loops]
    g.loop_count = to_array(lengths, int, device)
    g.loop_start = to_array(np.cumsum([0, *lengths])[:-1], int, device)
    g.loop = to_array(np.concatenate([np.zeros(0, int), *loops]), int, device)
    g.edges = to_array(np.concatenate([np.zeros((0, 4), int), *(h.edges for h in parts)]), wp.vec4i, device)
    _fields(g, [c.field for c in shapes], device)
    _mesh_tables(g, [c.mesh for c in shapes], device)
    return g


def _places(g: data.Geometry, everything: list[Piece], device: wp.Device) -> None:
    """Whose each collider is, where it sits there, the box around it and what it is made of."""
    owners = [p for p in everything for _ in p.colliders]
    shapes = [c for p in everything for c in p.colliders]
    counts = [len(p.colliders) for p in everything]
    g.body = to_array(np.repeat(np.arange(len(everything)), counts), int, device)
    g.first = to_array(np.cumsum([0, *counts]), int, device)
    g.is_part = to_array([int(c.position is not None) for c in shapes], int, device)
    g.position = to_array([np.zeros(3) if c.position is None else c.position for c in shapes], wp.vec3, device)
    g.rotation = to_array([np.eye(3) if c.rotation is None else c.rotation for c in shapes], wp.mat33, device)
    boxes = [c.box for c in shapes]
    g.box_centre = to_array([centre for centre, _ in boxes], wp.vec3, device)
    g.box_half = to_array([half for _, half in boxes], wp.vec3, device)
    for name in ("friction", "static_friction", "restitution"):
        setattr(g, name, to_array([getattr(p.material, name) for p in owners], float, device))
    for name in ("rolling", "spinning"):
        setattr(g, name, to_array([getattr(p.material, f"{name}_resistance") for p in owners], float, device))


def _fields(g: data.Geometry, fields: list[HeightField | None], device: wp.Device) -> None:
    sizes = [(0, 0) if f is None else f.heights.shape for f in fields]
    g.field_size = to_array(sizes, wp.vec2i, device)
    g.field_start = to_array(np.cumsum([0, *(r * c for r, c in sizes)])[:-1], int, device)
    g.field_frame = to_array([(0, 0, 1) if f is None else (*f.origin, f.cell) for f in fields], wp.vec3, device)
    g.heights = to_array(
        np.concatenate([np.zeros(0), *(f.heights.ravel() for f in fields if f is not None)]), float, device
    )


def _mesh_tables(g: data.Geometry, meshes: list[CollisionMesh | None], device: wp.Device) -> None:
    """All but the triangles themselves, which :func:`meshes` makes and someone has to hold on to."""
    parts = [m for m in meshes if m is not None]
    faces = np.cumsum([0, *(0 if m is None else len(m.faces) for m in meshes)])
    vertices = np.cumsum([0, *(0 if m is None else len(m.vertices) for m in meshes)])
    fans = np.cumsum([0, *(len(m.fan) for m in parts)])
    empty = np.zeros(0, dtype=int)
    g.mesh_face_start, g.mesh_vertex_start = to_array(faces[:-1], int, device), to_array(vertices[:-1], int, device)
    g.mesh_owns = to_array(np.concatenate([empty, *(m.owns for m in parts)]), int, device)
    g.mesh_across = to_array(np.concatenate([empty, *(m.across.ravel() for m in parts)]), int, device)
    starts = [m.fan_start + start for m, start in zip(parts, fans, strict=False)]
    g.mesh_fan_start = to_array(np.concatenate([empty, *starts, fans[-1:]]), int, device)
    g.mesh_fan = to_array(np.concatenate([empty, *(m.fan for m in parts)]), int, device)


def meshes(everything: list[Piece], g: data.Geometry, device: wp.Device) -> list[wp.Mesh]:
    """Triangles of the static meshes, entered into ``g``: valid as long as the returned list lives."""
    shapes = [c for p in everything for c in p.colliders]
    made = {
        i: wp.Mesh(to_array(c.mesh.vertices, wp.vec3, device), to_array(c.mesh.faces.ravel(), int, device))
        for i, c in enumerate(shapes)
        if c.mesh is not None
    }
    g.mesh = to_array([made[i].id if i in made else 0 for i in range(len(shapes))], wp.uint64, device)
    return list(made.values())


def _inverse_inertia(piece: Piece) -> np.ndarray:
    """On world axes (3, 3) [1/(kg m^2)]; zero for what nothing can turn."""
    if piece.inertia is None or not np.isfinite(piece.mass):
        return np.zeros((3, 3))
    turn = rotation_matrix(piece.orientation)
    return turn @ np.diag(1.0 / piece.inertia) @ turn.T


def bodies(everything: list[Piece], moving: list[Entity], device: wp.Device) -> data.Bodies:
    """State of all bodies at time 0; ``moving`` are the entities of the first pieces."""
    count = len(everything)
    velocity, momentum, drag = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros(count)
    for i, entity in enumerate(moving):
        piece = everything[i]
        velocity[i] = entity.velocity
        turn = rotation_matrix(piece.orientation)
        momentum[i] = turn @ (piece.inertia * (turn.T @ np.array(entity.angular_velocity)))
        drag[i] = 0.5 * AIR_DENSITY * entity.material.drag_coefficient / piece.mass  # type: ignore[union-attr]
    b = data.Bodies()
    b.x = to_array([p.position for p in everything], wp.vec3d, device)
    b.q = to_array([p.orientation for p in everything], wp.quatd, device)
    b.momentum_velocity = to_array(velocity, wp.vec3d, device)
    b.angular_momentum = to_array(momentum, wp.vec3d, device)
    b.inertia = to_array([p.inertia if p.inertia is not None else np.ones(3) for p in everything], wp.vec3d, device)
    b.inv_mass = to_array([1.0 / p.mass for p in everything], float, device)
    b.rotation = to_array([rotation_matrix(p.orientation) for p in everything], wp.mat33, device)
    b.inv_inertia = to_array([_inverse_inertia(p) for p in everything], wp.mat33, device)
    b.v = to_array(velocity, wp.vec3, device)
    b.v_ref = to_array(velocity, wp.vec3, device)
    spin = [e.angular_velocity for e in moving] + [(0.0, 0.0, 0.0)] * (count - len(moving))
    b.w = to_array(spin, wp.vec3, device)
    b.w_ref = to_array(spin, wp.vec3, device)
    for name in ("acc", "dx", "dtheta"):
        setattr(b, name, wp.zeros(count, dtype=wp.vec3, device=device))
    b.active = wp.zeros(count, dtype=int, device=device)
    b.press = wp.zeros(count, dtype=wp.vec3, device=device)
    b.struck = wp.zeros(count, dtype=int, device=device)
    b.asleep = wp.zeros(count, dtype=int, device=device)
    driven = sum(isinstance(p.material, Kinematic) for p in everything)
    b.awake = to_array([len(moving), driven], int, device)
    b.stirred = wp.zeros(2, dtype=int, device=device)
    b.drag = to_array(drag, float, device)
    return b
