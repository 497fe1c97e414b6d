"""From a scene to the arrays of the rigid solver: shapes in principal frames, pairs, materials, forces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import rigid_data as data

from physim.materials import Rigid, Static
from physim.rigid_hull import CollisionHull, collision_hull, prism, simplify
from physim.rigid_mesh import CollisionMesh, collision_mesh
from physim.scene import Entity, Scene
from physim.shapes import Box, Capsule, Cylinder, HeightField, Hull, Mesh, Plane, Sphere
from physim.terrain import rotation_matrix

AIR_DENSITY = 1.204
"""[kg/m^3], dry air at 20 degrees Celsius and 101325 Pa (CRC Handbook)."""


@dataclass(frozen=True)
class Piece:
    """One body, moving or static, as the solver sees it: geometry in the principal frame at the centre of mass."""

    name: str
    material: Rigid | Static
    kind: int
    bound: float
    position: np.ndarray
    """Of the centre of mass, world (3,) [m]."""
    orientation: np.ndarray
    """World from principal frame (x, y, z, w)."""
    radius: float = 0.0
    half: float = 0.0
    hull: CollisionHull | None = None
    field: HeightField | None = None
    mesh: CollisionMesh | None = None
    """About ``position``, on the axes of ``orientation``."""
    mass: float = np.inf
    inertia: np.ndarray | None = None
    """Principal moments (3,) [kg m^2]."""
    frame: np.ndarray | None = None
    """Rotation (3, 3) of the principal axes in the shape's own frame."""
    centre: np.ndarray | None = None
    """Centre of mass in the shape's own frame (3,) [m]."""


def quaternion_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product of quaternions (..., 4) in the order (x, y, z, w)."""
    va, wa, vb, wb = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = wa * vb + wb * va + np.cross(va, vb)
    return np.concatenate([vector, wa * wb - np.sum(va * vb, axis=-1, keepdims=True)], axis=-1)


def quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternion (x, y, z, w) of a rotation (3, 3), w >= 0."""
    from scipy.spatial.transform import Rotation

    q = Rotation.from_matrix(rotation).as_quat()
    return q if q[3] >= 0 else -q


def pieces(scene: Scene, terrain: HeightField | None) -> tuple[list[Piece], list[Piece]]:
    """The moving and the static bodies of a scene, in its order; ``terrain`` stands in for all static meshes."""
    moving = [_piece(entity) for entity in scene.bodies]
    meshes = [e for e in scene.statics if isinstance(e.shape, Mesh)]
    static = [_static_piece(e) for e in scene.statics if terrain is None or not isinstance(e.shape, Mesh)]
    if terrain is not None:
        material = meshes[0].material if meshes else Static()
        name = meshes[0].name if meshes else "terrain"
        static.append(_field_piece(name, material, terrain, np.zeros(3)))  # type: ignore[arg-type]
    return moving, static


def _field_piece(name: str, material: Static, field: HeightField, position: np.ndarray) -> Piece:
    return Piece(name, material, data.FIELD, 0.0, position, np.array([0.0, 0.0, 0.0, 1.0]), field=field)


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
        return Piece(entity.name, entity.material, data.PLANE, 0.0, normal * along, _up_to(normal))
    if isinstance(entity.shape, Mesh):
        mesh, q = collision_mesh(entity.shape.triangles), np.array(entity.orientation, dtype=np.float64)
        bound = float(np.linalg.norm(mesh.vertices, axis=1).max())
        return Piece(entity.name, entity.material, data.MESH, bound, position, q, mesh=mesh)
    return _piece(entity)


def _up_to(normal: np.ndarray) -> np.ndarray:
    """Quaternion that turns Y to ``normal``."""
    axis = np.cross([0.0, 1.0, 0.0], normal)
    q = np.array([*axis, 1.0 + normal[1]])
    if np.linalg.norm(q) < 1e-9:
        return np.array([1.0, 0.0, 0.0, 0.0])
    return q / np.linalg.norm(q)


def _piece(entity: Entity) -> Piece:
    """A solid. Hulls and meshes are turned to their principal axes about their centre of mass."""
    shape = entity.shape
    position, q = np.array(entity.position, dtype=np.float64), np.array(entity.orientation, dtype=np.float64)
    mass, inertia = np.inf, np.ones(3)
    frame, centre = np.eye(3), np.zeros(3)
    if isinstance(shape, Mesh):
        centre = shape.triangles.mass_properties()[1]
    if isinstance(entity.material, Rigid):
        mass, tensor = entity.mass, entity.inertia
        inertia = np.diag(tensor).copy()
        if isinstance(shape, Hull | Mesh):
            inertia, frame = np.linalg.eigh(tensor)
            if np.linalg.det(frame) < 0:
                frame[:, 0] *= -1
    radius = half = 0.0
    hull = None
    if isinstance(shape, Sphere):
        kind, radius, bound = data.SPHERE, shape.radius, shape.radius
    elif isinstance(shape, Capsule):
        kind, radius, half, bound = data.CAPSULE, shape.radius, shape.length / 2, shape.bounding_radius
    else:
        if isinstance(shape, Cylinder):
            kind, radius, half = data.CYLINDER, shape.radius, shape.height / 2
            hull = collision_hull(prism(shape.radius, shape.height))
        elif isinstance(shape, Box | Hull | Mesh):
            kind = data.HULL
            hull = collision_hull(simplify((shape.triangles.vertices - centre) @ frame))
        else:
            kind_name = type(shape).__name__
            raise TypeError(
                f"{entity.name!r}: a {kind_name} is no rigid body. Use a sphere, box, capsule, cylinder, hull or mesh."
            )
        bound = float(np.linalg.norm(hull.vertices, axis=1).max())
    turned = quaternion_product(q, quaternion_of(frame))
    return Piece(
        entity.name, entity.material, kind, bound, position + rotation_matrix(q) @ centre, turned,  # type: ignore[arg-type]
        radius=radius, half=half, hull=hull, mass=mass, inertia=inertia, frame=frame, centre=centre,
    )  # fmt: skip


def _array(values, dtype, device: wp.Device) -> wp.array:
    """To the device; an empty list becomes one row of zeros, since kernels only look inside the counts."""
    values = np.asarray(values)
    if values.size == 0:
        return wp.zeros(1, dtype=dtype, device=device)
    return wp.array(values, dtype=dtype, device=device)


def geometry(everything: list[Piece], device: wp.Device) -> data.Geometry:
    """Shapes of all bodies in one table each for vertices, faces and edges."""
    g = data.Geometry()
    hulls = [p.hull for p in everything]
    empty = np.zeros((0, 3))
    parts = [h for h in hulls if h is not None]
    counts = {
        "vertex": [0 if h is None else len(h.vertices) for h in hulls],
        "face": [0 if h is None else len(h.normals) for h in hulls],
        "edge": [0 if h is None else len(h.edges) for h in hulls],
    }
    for name, column in counts.items():
        setattr(g, f"{name}_count", _array(column, int, device))
        setattr(g, f"{name}_start", _array(np.cumsum([0, *column])[:-1], int, device))
    g.kind = _array([p.kind for p in everything], int, device)
    for name in ("radius", "half", "bound"):
        setattr(g, name, _array([getattr(p, name) for p in everything], float, device))
    g.vertices = _array(np.concatenate([empty, *(h.vertices for h in parts)]), wp.vec3, device)
    g.face_normal = _array(np.concatenate([empty, *(h.normals for h in parts)]), wp.vec3, device)
    g.face_offset = _array(np.concatenate([np.zeros(0), *(h.offsets for h in parts)]), float, device)
    g.face_area = _array(np.concatenate([np.zeros(0), *(h.areas for h in parts)]), float, device)
    loops = [loop for h in parts for loop in h.loops]
    lengths = [len(loop) for loop in loops]
    g.loop_count = _array(lengths, int, device)
    g.loop_start = _array(np.cumsum([0, *lengths])[:-1], int, device)
    g.loop = _array(np.concatenate([np.zeros(0, int), *loops]), int, device)
    g.edges = _array(np.concatenate([np.zeros((0, 4), int), *(h.edges for h in parts)]), wp.vec4i, device)
    _fields(g, [p.field for p in everything], device)
    _mesh_tables(g, [p.mesh for p in everything], device)
    return g


def _fields(g: data.Geometry, fields: list[HeightField | None], device: wp.Device) -> None:
    sizes = [(0, 0) if f is None else f.heights.shape for f in fields]
    g.field_size = _array(sizes, wp.vec2i, device)
    g.field_start = _array(np.cumsum([0, *(r * c for r, c in sizes)])[:-1], int, device)
    g.field_frame = _array([(0, 0, 1) if f is None else (*f.origin, f.cell) for f in fields], wp.vec3, device)
    g.heights = _array(
        np.concatenate([np.zeros(0), *(f.heights.ravel() for f in fields if f is not None)]), float, device
    )


def _mesh_tables(g: data.Geometry, meshes: list[CollisionMesh | None], device: wp.Device) -> None:
    """All but the triangles themselves, which :func:`meshes` makes and someone has to hold on to."""
    parts = [m for m in meshes if m is not None]
    faces = np.cumsum([0, *(0 if m is None else len(m.faces) for m in meshes)])
    vertices = np.cumsum([0, *(0 if m is None else len(m.vertices) for m in meshes)])
    fans = np.cumsum([0, *(len(m.fan) for m in parts)])
    empty = np.zeros(0, dtype=int)
    g.mesh_face_start, g.mesh_vertex_start = _array(faces[:-1], int, device), _array(vertices[:-1], int, device)
    g.mesh_owns = _array(np.concatenate([empty, *(m.owns for m in parts)]), int, device)
    g.mesh_across = _array(np.concatenate([empty, *(m.across.ravel() for m in parts)]), int, device)
    starts = [m.fan_start + start for m, start in zip(parts, fans, strict=False)]
    g.mesh_fan_start = _array(np.concatenate([empty, *starts, fans[-1:]]), int, device)
    g.mesh_fan = _array(np.concatenate([empty, *(m.fan for m in parts)]), int, device)


def meshes(everything: list[Piece], g: data.Geometry, device: wp.Device) -> list[wp.Mesh]:
    """Triangles of the static meshes, entered into ``g``: valid as long as the returned list lives."""
    made = {
        i: wp.Mesh(_array(p.mesh.vertices, wp.vec3, device), _array(p.mesh.faces.ravel(), int, device))
        for i, p in enumerate(everything)
        if p.mesh is not None
    }
    g.mesh = _array([made[i].id if i in made else 0 for i in range(len(everything))], wp.uint64, device)
    return list(made.values())


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
    b.x = _array([p.position for p in everything], wp.vec3d, device)
    b.q = _array([p.orientation for p in everything], wp.quatd, device)
    b.momentum_velocity = _array(velocity, wp.vec3d, device)
    b.angular_momentum = _array(momentum, wp.vec3d, device)
    b.inertia = _array([p.inertia if p.inertia is not None else np.ones(3) for p in everything], wp.vec3d, device)
    b.inv_mass = _array([1.0 / p.mass for p in everything], float, device)
    b.rotation = _array([rotation_matrix(p.orientation) for p in everything], wp.mat33, device)
    b.inv_inertia = wp.zeros(count, dtype=wp.mat33, device=device)
    b.v = _array(velocity, wp.vec3, device)
    b.v_ref = _array(velocity, wp.vec3, device)
    spin = [e.angular_velocity for e in moving] + [(0.0, 0.0, 0.0)] * (count - len(moving))
    b.w = _array(spin, wp.vec3, device)
    b.w_ref = _array(spin, wp.vec3, device)
    for name in ("acc", "dx", "dtheta"):
        setattr(b, name, wp.zeros(count, dtype=wp.vec3, device=device))
    b.active = wp.zeros(count, dtype=int, device=device)
    b.drag = _array(drag, float, device)
    return b


def pairs(everything: list[Piece], moving_count: int, gravity: float, device: wp.Device) -> data.Pairs:
    """Every moving body against every other body; a has the higher kind, and of two of a kind the static one is a."""
    first, second = np.triu_indices(len(everything), 1)
    keep = first < moving_count
    first, second = first[keep], second[keep]
    kind = np.array([p.kind for p in everything])
    swap = (kind[second] > kind[first]) | ((kind[second] == kind[first]) & (second >= moving_count))
    a, b = np.where(swap, second, first), np.where(swap, first, second)
    copies = np.where(kind[a] == data.FIELD, 2, np.where(kind[a] == data.MESH, data.MESH_PAIRS, 1))
    a, b = np.repeat(a, copies), np.repeat(b, copies)
    behind = np.ones(len(a), dtype=int)
    behind[np.cumsum(copies) - copies] = 0
    bound = np.array([p.bound if p.bound > 0 else np.inf for p in everything])
    coefficients = {
        name: np.array([getattr(p.material, name) for p in everything], dtype=np.float64)
        for name in ("friction", "static_friction", "restitution", "rolling_resistance", "spinning_resistance")
    }
    size = np.minimum(bound[a], bound[b])
    total = len(a)
    out = data.Pairs()
    out.a, out.b = _array(a, int, device), _array(b, int, device)
    out.second = _array(behind, int, device)
    for name in ("friction", "static_friction"):
        setattr(out, name, _array(np.sqrt(coefficients[name][a] * coefficients[name][b]), float, device))
    for name in ("rolling", "spinning"):
        values = coefficients[f"{name}_resistance"]
        setattr(out, name, _array(values[a] + values[b], float, device))
    restitution = coefficients["restitution"]
    out.restitution = _array(np.maximum(restitution[a], restitution[b]), float, device)
    out.size = _array(size, float, device)
    out.push = _array(np.full(total, 1.0) if gravity == 0 else 0.5 * np.sqrt(gravity * size), float, device)
    for name in ("count", "order", "colour"):
        setattr(out, name, wp.zeros(max(total, 1), dtype=int, device=device))
    out.deepest = wp.zeros(max(total, 1), dtype=float, device=device)
    out.colour_mask = wp.zeros(len(everything), dtype=int, device=device)
    out.hits = wp.zeros(1, dtype=int, device=device)
    return out


def contacts(pair_total: int, device: wp.Device) -> data.Contacts:
    """Four empty contacts per pair."""
    c = data.Contacts()
    types = {
        "kind deferred slips heir_slips": int,
        "radius_a radius_b normal_impulse separation normal_mass friction_mass impact_normal heir_normal": float,
        "point_a point_b normal_a friction_impulse normal arm_a arm_b impact_friction turning_impulse heir_friction "
        "heir_turning": wp.vec3,
    }
    for names, dtype in types.items():
        for name in names.split():
            setattr(c, name, wp.zeros(max(4 * pair_total, 1), dtype=dtype, device=device))
    return c


def candidates(threads: int, stride: int, device: wp.Device) -> data.Candidates:
    """Scratch of the collision pass."""
    c = data.Candidates()
    c.stride = stride
    for name, dtype in (("kind", int), ("radius_a", float), ("radius_b", float), ("separation", float)):
        setattr(c, name, wp.zeros(threads * stride, dtype=dtype, device=device))
    for name in ("point_a", "point_b", "normal_a"):
        setattr(c, name, wp.zeros(threads * stride, dtype=wp.vec3, device=device))
    c.polygon = wp.zeros(2 * threads * stride, dtype=wp.vec3, device=device)
    return c
