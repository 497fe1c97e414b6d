"""Terrain: what does not move, as a height field that things are put on and as a signed distance smoke flows around.

A static triangle mesh of any form is baked into its top surface, height over (x, z). That loses overhangs (below the
handle of a cup counts as solid), and in return it is a plain function for smoke to flow around and for placing things.
World frame: right-handed, Y up; metres.
"""

from __future__ import annotations

import numpy as np

from physim.compound import Shape
from physim.materials import Kinematic
from physim.scene import Entity, Scene
from physim.shapes import Box, Capsule, Cylinder, HeightField, Hull, Mesh, Plane, Sphere

MARGIN = 3
"""Width of the ring at base height around the meshes [samples]; outside the field its border height continues."""
CHUNK = 2_000_000
"""Triangle-sample pairs looked at in one go, which bounds the memory."""


def rotation_matrix(orientation: np.ndarray) -> np.ndarray:
    """Rotation (..., 3, 3), world from body, of unit quaternions (x, y, z, w) of shape (..., 4)."""
    x, y, z, w = np.moveaxis(np.asarray(orientation, dtype=np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def ground_height(scene: Scene) -> float | None:
    """Height of the scene's horizontal ground plane [m], the highest if there are several; ``None`` without one."""
    planes = [(e.shape, np.asarray(e.shape.normal)) for e in scene.statics if isinstance(e.shape, Plane)]
    level = [float(p.offset / np.linalg.norm(n)) for p, n in planes if n[1] > 0.9999 * np.linalg.norm(n)]
    return max(level, default=None)


def bake_terrain(scene: Scene, *, max_cells: int = 256) -> HeightField | None:
    """The top surface of all static meshes as one height field on the ground plane.

    Args:
        scene: Its static ``Mesh`` entities are baked. Planes, height fields and static convex solids are not: solvers
            take those as they are.
        max_cells: Cells along the longer side, the ring at base height included.

    Returns:
        Heights sampled at the grid's nodes, exact there; never below the base, which is the horizontal ground plane
        or, without one, the lowest point of the meshes. ``None`` if the scene has no static mesh.

    Raises:
        ValueError: ``max_cells`` leaves no room beside the ring.
    """
    if max_cells < 4 * MARGIN:
        raise ValueError(
            f"max_cells is {max_cells}, expected at least {4 * MARGIN}: the ring alone takes {2 * MARGIN}."
        )
    meshes = [e for e in scene.statics if isinstance(e.shape, Mesh) and not isinstance(e.material, Kinematic)]
    if not meshes:
        return None
    corners = np.concatenate([_world_triangles(e) for e in meshes])  # (M, 3 corners, xyz)
    low, high = corners.min((0, 1)), corners.max((0, 1))
    base = ground_height(scene)
    base = float(low[1]) if base is None else base
    extent = max(float(max(high[0] - low[0], high[2] - low[2])), 1e-9)
    cell = extent / (max_cells - 2 * MARGIN)
    columns, rows = (int(np.ceil((high[a] - low[a]) / cell - 1e-9)) + 1 + 2 * MARGIN for a in (0, 2))
    origin = (float(low[0]) - MARGIN * cell, float(low[2]) - MARGIN * cell)
    heights = np.full(rows * columns, base)
    _rasterise((corners - [origin[0], 0.0, origin[1]]) / [cell, 1.0, cell], heights, rows, columns)
    return HeightField(heights.reshape(rows, columns).astype(np.float32), origin, cell)


def _world_triangles(entity: Entity) -> np.ndarray:
    mesh = entity.shape.triangles  # type: ignore[union-attr]
    vertices = mesh.vertices @ rotation_matrix(np.array(entity.orientation)).T + np.array(entity.position)
    return vertices[mesh.faces]


def _rasterise(corners: np.ndarray, heights: np.ndarray, rows: int, columns: int) -> None:
    """Raise ``heights`` (flat) to the highest triangle over each node; corners (M, 3, 3) in grid units, y in metres."""
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = edge1[:, 0] * edge2[:, 2] - edge2[:, 0] * edge1[:, 2]
    corners, edge1, edge2, area = (a[np.abs(area) > 1e-12] for a in (corners, edge1, edge2, area))  # not the vertical
    first = np.ceil(corners[:, :, [0, 2]].min(1) - 1e-6).astype(int).clip(0)
    last = np.floor(corners[:, :, [0, 2]].max(1) + 1e-6).astype(int).clip(max=[columns - 1, rows - 1])
    width = np.maximum(last - first + 1, 0)
    count = width[:, 0] * width[:, 1]
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + CHUNK, side="right")), start + 1)
        triangle = np.repeat(np.arange(start, stop), count[start:stop])
        inside = np.arange(len(triangle)) + done - (ends - count)[triangle]
        i = first[triangle, 0] + inside % np.maximum(width[triangle, 0], 1)
        k = first[triangle, 1] + inside // np.maximum(width[triangle, 0], 1)
        a, e1, e2 = corners[triangle, 0], edge1[triangle], edge2[triangle]
        x, z = i - a[:, 0], k - a[:, 2]
        s = (x * e2[:, 2] - z * e2[:, 0]) / area[triangle]
        t = (z * e1[:, 0] - x * e1[:, 2]) / area[triangle]
        hit = (s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6)
        height = a[:, 1] + s * e1[:, 1] + t * e2[:, 1]
        np.maximum.at(heights, (k * columns + i)[hit], height[hit])
        start = stop


def shape_distance(shape: Shape, points: np.ndarray) -> np.ndarray:
    """Signed distance [m] of points (..., 3) in the body frame to a convex solid, negative inside.

    Exact for sphere, box, capsule and cylinder; for a hull exact inside and a lower bound outside, which is enough to
    tell which part of a cell is solid.
    """
    p = np.asarray(points, dtype=np.float64)
    if isinstance(shape, Sphere):
        return np.linalg.norm(p, axis=-1) - shape.radius
    if isinstance(shape, Box):
        q = np.abs(p) - shape.half
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(-1), 0)
    if isinstance(shape, Capsule):
        y = p[..., 1] - np.clip(p[..., 1], -shape.length / 2, shape.length / 2)
        return np.sqrt(p[..., 0] ** 2 + y**2 + p[..., 2] ** 2) - shape.radius
    if isinstance(shape, Cylinder):
        q = np.stack([np.hypot(p[..., 0], p[..., 2]) - shape.radius, np.abs(p[..., 1]) - shape.height / 2], -1)
        return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(-1), 0)
    if not isinstance(shape, Hull | Mesh):
        raise TypeError(
            f"a {type(shape).__name__} is no solid, expected one of Sphere, Box, Capsule, Cylinder, Hull, Mesh."
        )
    normals, offsets = face_planes(shape)
    return (p @ normals.T - offsets).max(-1)


def face_planes(shape: Hull | Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Planes of the convex hull of a ``Hull`` or ``Mesh``: unit outward normals (M, 3) and offsets (M,) [m]."""
    from scipy.spatial import ConvexHull

    equations = np.unique(np.round(ConvexHull(shape.triangles.vertices).equations, 9), axis=0)
    return equations[:, :3], -equations[:, 3]


def static_distance(scene: Scene, points: np.ndarray, *, terrain: HeightField | None = None) -> np.ndarray:
    """Signed distance [m] of world points (..., 3) to everything static, negative inside solid.

    Planes and convex solids by their own distance; height fields, and ``terrain`` in place of static meshes, by the
    vertical distance times the cosine of the local slope. ``+inf`` where nothing is static, or a convex solid is
    farther than its own size.
    """
    x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
    return grid_distance(scene, x, y, z, terrain=terrain)


def grid_distance(
    scene: Scene, x: np.ndarray, y: np.ndarray, z: np.ndarray, *, terrain: HeightField | None = None
) -> np.ndarray:
    """``static_distance`` of the points that the coordinates span by broadcasting, which saves most of the work."""
    distance = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), np.inf)
    for entity in scene.statics:
        shape = entity.shape
        if isinstance(shape, Mesh) or (isinstance(entity.material, Kinematic) and not isinstance(shape, Plane)):
            continue  # meshes are terrain, and what moves is no wall
        if isinstance(shape, Plane):
            normal = np.asarray(shape.normal, dtype=np.float64)
            other = (x * normal[0] + y * normal[1] + z * normal[2] - shape.offset) / np.linalg.norm(normal)
        elif isinstance(shape, HeightField):
            other = _field_distance(shape, x, y, z)
        else:
            other = _solid_distance(entity, x, y, z)
        distance = np.minimum(distance, other)
    return distance if terrain is None else np.minimum(distance, _field_distance(terrain, x, y, z))


def _solid_distance(entity: Entity, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Of a convex solid, within twice its bounding radius; infinite beyond."""
    px, py, pz = entity.position
    squared = (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2
    near = squared < (2 * entity.shape.bounding_radius) ** 2  # type: ignore[union-attr]
    distance = np.full(squared.shape, np.inf)
    arm = np.stack([np.broadcast_to(c, squared.shape)[near] for c in (x - px, y - py, z - pz)], -1)
    distance[near] = shape_distance(entity.shape, arm @ rotation_matrix(np.array(entity.orientation)))
    return distance


def _field_distance(field: HeightField, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    x, z = np.broadcast_arrays(x, z)
    d = field.cell / 2
    slope_x = (field.height_at(x + d, z) - field.height_at(x - d, z)) / field.cell
    slope_z = (field.height_at(x, z + d) - field.height_at(x, z - d)) / field.cell
    return (y - field.height_at(x, z)) / np.sqrt(1 + slope_x**2 + slope_z**2)


def inside_static(scene: Scene, points: np.ndarray, *, terrain: HeightField | None = None) -> np.ndarray:
    """Whether world points (..., 3) [m] lie in something static, boolean (...)."""
    return static_distance(scene, points, terrain=terrain) < 0
