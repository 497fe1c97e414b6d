"""What stands still in a liquid's grid, baked once: solids of the scene, or the thing that holds the liquid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import liquid_wall
from physim_kernels import rigid_data as data

from physim import rigid_arrays
from physim.liquid_domain import LiquidDomain
from physim.materials import Kinematic, Static
from physim.rigid_arrays import Collider, Piece
from physim.rigid_mesh import CollisionMesh, collision_mesh
from physim.scene import Entity
from physim.shapes import Mesh
from physim.terrain import rotation_matrix

THINNEST = 1.1
"""Solids thinner than this count as so thick [cells]."""

THIN = 2.5
"""Solids thinner than this need closed faces rather than exact ones [cells]."""


@dataclass(frozen=True)
class Walls:
    """Of one grid, on the device."""

    phi: wp.array
    """Signed distance at nodes half a cell apart (2 nx + 1, 2 ny + 1, 2 nz + 1) [cells]."""
    area: tuple[wp.array, wp.array, wp.array]
    """Open part of the faces [-]; sides of the box that are walls are closed."""
    open: wp.array
    """Open part of the cells (nx, ny, nz) [-]."""
    distance: wp.array
    """Of cell centres (nx, ny, nz) [cells]."""
    room: wp.array
    """Particle volume that fits into each cell, as the particles' kernel sees it (nx, ny, nz) [cells]."""


def standing(pieces: list[Piece]) -> list[Piece]:
    """Those that never move."""
    return [p for p in pieces if not np.isfinite(p.mass) and not isinstance(p.material, Kinematic)]


def bake(pieces: list[Piece], domain: LiquidDomain, device: wp.Device) -> Walls:
    """Distances, faces and cells on the grid's axes as ``pieces``, at their poses in the domain's frame, leave them."""
    nx, ny, nz = domain.shape
    phi = wp.full((2 * nx + 1, 2 * ny + 1, 2 * nz + 1), float(liquid_wall.BAND), dtype=float, device=device)
    thicknesses = [thickness(c) for p in pieces for c in p.colliders]
    if pieces:
        geometry = rigid_arrays.geometry(pieces, device)
        kept, closed = _meshes(pieces, geometry, device)
        to_grid = domain.axes.T
        poses = [to_grid @ p.position for p in pieces], [to_grid @ rotation_matrix(p.orientation) for p in pieces]
        margins = [max(0.0, 0.5 * (THINNEST * domain.cell - t)) for t in thicknesses]
        position, rotation, margin = (
            wp.array(np.array(v, dtype=np.float32), dtype=t, device=device)
            for v, t in zip((*poses, margins), (wp.vec3, wp.mat33, float), strict=True)
        )
        liquid_wall.bake(
            geometry, closed, position, rotation, margin, phi, origin=tuple(to_grid @ domain.low), cell=domain.cell,
            device=device,
        )  # fmt: skip
        wp.synchronize_device(device)
        del kept
    _close(phi, domain)
    area = tuple(
        wp.zeros(tuple(n + (a == axis) for a, n in enumerate(domain.shape)), dtype=float, device=device)
        for axis in range(3)
    )
    open_, distance, room = (wp.zeros(domain.shape, dtype=float, device=device) for _ in range(3))
    thin = min(thicknesses, default=np.inf) < THIN * domain.cell
    liquid_wall.openings(phi, area, open_, distance, room, thin=thin, device=device)
    for axis in range(3):
        values = area[axis].numpy()
        for side, index in ((2 * domain.order[axis], 0), (2 * domain.order[axis] + 1, -1)):
            if domain.walls[side]:
                values[(slice(None),) * axis + (index,)] = 0.0
        area[axis].assign(values)
    return Walls(phi, area, open_, distance, room)  # type: ignore[arg-type]


def _meshes(pieces: list[Piece], geometry: data.Geometry, device: wp.Device) -> tuple[list[wp.Mesh], wp.array]:
    """Triangles of static meshes, entered into ``geometry``, and which colliders are closed meshes."""
    kept, handles, closed = [], [], []
    for mesh in (c.mesh for p in pieces for c in p.colliders):
        is_closed = mesh is not None and bool((mesh.across >= 0).all())
        closed.append(int(is_closed))
        if mesh is not None:
            points = wp.array(mesh.vertices.astype(np.float32), dtype=wp.vec3, device=device)
            corners = wp.array(mesh.faces.ravel().astype(np.int32), dtype=int, device=device)
            kept.append(wp.Mesh(points, corners, support_winding_number=is_closed))
        handles.append(0 if mesh is None else kept[-1].id)
    geometry.mesh = wp.array(np.array(handles, dtype=np.uint64), dtype=wp.uint64, device=device)
    return kept, wp.array(np.array(closed, dtype=np.int32), dtype=int, device=device)


def _close(phi: wp.array, domain: LiquidDomain) -> None:
    """Walls of the box that do not lie on the grid's sides: the upper ones, where cells reach beyond it."""
    for axis, own in enumerate(domain.order):
        length = (domain.high[own] - domain.low[own]) / domain.cell
        if domain.walls[2 * own + 1] and domain.shape[axis] - length > 1e-4:
            values = phi.numpy()
            shape = [1, 1, 1]
            shape[axis] = -1
            side = (length - 0.5 * np.arange(values.shape[axis])).reshape(shape)
            phi.assign(np.minimum(values, side).astype(np.float32))


def thickness(collider: Collider) -> float:
    """Of a collider where it is thin [m]; infinite for planes and fields."""
    if collider.kind == data.MESH:
        assert collider.mesh is not None
        return _mesh_thickness(collider.mesh)
    if collider.kind == data.HULL:
        assert collider.hull is not None
        reach = collider.hull.vertices @ collider.hull.normals.T
        return float((reach.max(0) - reach.min(0)).min())
    if collider.kind in (data.SPHERE, data.CAPSULE):
        return 2 * collider.radius
    if collider.kind == data.CYLINDER:
        return 2 * min(collider.radius, collider.half)
    return np.inf


def _mesh_thickness(mesh: CollisionMesh) -> float:
    """How far it is from the faces' centres straight in to the other side: a tenth of the area has less."""
    corners = mesh.vertices[mesh.faces]
    a, e1, e2 = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(e1, e2)
    area = np.linalg.norm(normal, axis=1)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    rows = np.unique(np.linspace(0, len(a) - 1, 200).astype(int))
    depth = np.full(len(rows), np.inf)
    for n, row in enumerate(rows):
        way = -normal[row] / area[row]
        start = corners[row].mean(0) + 1e-6 * size * way
        across = np.cross(way, e2)  # Moeller, Trumbore 1997
        scale = np.einsum("ij,ij->i", e1, across)
        safe = np.where(np.abs(scale) < 1e-20, np.inf, scale)
        arm = start - a
        u = np.einsum("ij,ij->i", arm, across) / safe
        turned = np.cross(arm, e1)
        v, t = turned @ way / safe, np.einsum("ij,ij->i", e2, turned) / safe
        hit = np.isfinite(safe) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-6 * size)
        depth[n] = t[hit].min(initial=np.inf)
    order = np.argsort(depth)
    share = np.cumsum(area[rows][order]) / area[rows].sum()
    return float(depth[order][np.searchsorted(share, 0.1)])


def shell(entity: Entity, piece: Piece) -> Piece:
    """What holds a liquid, seen from within: of a mesh its triangles, not the hull that others collide with."""
    if not isinstance(entity.shape, Mesh):
        return piece
    mesh = collision_mesh(entity.shape.triangles)
    bound = float(np.linalg.norm(mesh.vertices, axis=1).max())
    pose = np.array(entity.position), np.array(entity.orientation)
    return Piece(entity.name, Static(), (Collider(data.MESH, bound, mesh=mesh),), *pose)
