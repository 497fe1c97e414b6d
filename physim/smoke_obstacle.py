"""What smoke flows around: static things as closed faces of its grid, bodies as tables on the device."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import obstacle

from physim.gas_state import Obstacles
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Emitter, HeightField, Hull, Sphere
from physim.smoke_domain import SmokeDomain
from physim.smoke_still import still_cover
from physim.terrain import face_planes, grid_distance, rotation_matrix

Poses = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""position (n, 3), orientation (n, 4), velocity (n, 3), angular velocity (n, 3) of the scene's movers in order."""


def check_room(name: str, emitter: Emitter, domain: SmokeDomain, areas: tuple[np.ndarray, ...]) -> None:
    """Raise if no open cell lies in any of the emitter's balls."""
    x, y, z = areas
    open_cells = (x[1:] + x[:-1] + y[:, 1:] + y[:, :-1] + z[..., 1:] + z[..., :-1]) > 0
    reach = max(emitter.radius, domain.cell) ** 2
    for place in np.asarray(emitter.centre) + np.array(emitter.points or ((0.0, 0.0, 0.0),)):
        dx, dy, dz = (
            domain.origin[a] + (np.arange(n) + 0.5) * domain.cell - place[a] for a, n in enumerate(domain.shape)
        )
        squared = dx[:, None, None] ** 2 + dy[:, None] ** 2 + dz**2
        if np.any(open_cells & (squared < reach)):
            break
    else:
        centre = tuple(round(float(c), 4) for c in emitter.centre)
        raise ValueError(
            f"emitter {name!r} at {centre} m with radius {emitter.radius:.3g} m is inside something static or outside "
            f"the smoke's domain, expected air around it. Move it (usually up), or give Smoke a domain around it."
        )


def check_bodies(name: str, emitter: Emitter, scene: Scene) -> None:
    """Raise if the emitter's ball lies wholly in a body at the start; a mesh or compound may be hollow."""
    if emitter.start > 0:
        return
    for body in scene.movers:
        shape = body.shape
        away = rotation_matrix(np.array(body.orientation)).T @ (np.array(emitter.centre) - body.position)
        if isinstance(shape, Sphere):
            depth = shape.radius - float(np.linalg.norm(away))
        elif isinstance(shape, Box | Capsule | Cylinder | Hull):
            normals, offsets = face_planes(shape)  # type: ignore[arg-type]
            depth = float((offsets - normals @ away).min())
        else:
            continue
        if depth >= emitter.radius:
            raise ValueError(
                f"emitter {name!r} with radius {emitter.radius:.3g} m is inside {body.name!r} at the start, expected "
                f"air around it. Move it out of the body, or let it start later."
            )


def lift_out(points: np.ndarray, scene: Scene, poses: Poses) -> np.ndarray:
    """How far (N, 3) [m] points must rise against gravity to leave the hulls of what moves, whose hollows are shut."""
    up = -np.array(scene.gravity, dtype=np.float64)
    lift = np.zeros((len(points), 3))
    if not up.any():
        return lift
    up /= np.linalg.norm(up)
    for index, body in enumerate(scene.movers):
        if isinstance(body.shape, Sphere | Box | Capsule | Cylinder):
            continue
        turn = rotation_matrix(np.asarray(poses[1][index], dtype=np.float64))
        normals, offsets = face_planes(body.shape)  # type: ignore[arg-type]
        room = offsets - (points + lift - poses[0][index]) @ turn @ normals.T
        steep = normals @ (turn.T @ up)
        out = np.where(steep > 1e-9, room / np.maximum(steep, 1e-9), np.inf).min(axis=1)
        inside = (room > 0).all(axis=1)
        lift[inside] += out[inside, None] * up
    return lift


def rotation_between(q0: np.ndarray, q1: np.ndarray) -> np.ndarray:
    """Rotation vectors (n, 3) [rad] that turn orientations ``q0`` into ``q1`` (n, 4), in the world frame."""
    v0, w0, v1, w1 = q0[:, :3], q0[:, 3:], q1[:, :3], q1[:, 3:]
    v = w0 * v1 - w1 * v0 - np.cross(v1, v0)  # vector part of q1 * conjugate(q0)
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, w0 * w1 + (v0 * v1).sum(-1, keepdims=True))
    return np.where(length > 1e-12, v / np.maximum(length, 1e-12), 0.0) * angle


def initial_poses(scene: Scene) -> Poses:
    """Where the scene says its bodies are."""
    bodies = scene.movers
    columns = ((b.position, b.orientation, b.velocity, b.angular_velocity) for b in bodies)
    arrays = [np.array(a, dtype=np.float64) for a in zip(*columns, strict=True)] if bodies else []
    return tuple(arrays) if bodies else (np.zeros((0, 3)), np.zeros((0, 4)), np.zeros((0, 3)), np.zeros((0, 3)))  # type: ignore[return-value]


def body_obstacles(scene: Scene, steps: int, device) -> Obstacles:
    """The scene's bodies as tables for ``physim_kernels.obstacle``; a mesh counts as its convex hull."""
    kinds, sizes, planes, starts = [], [], [np.zeros((0, 4))], [0]
    for body in scene.movers:
        shape, own = body.shape, np.zeros((0, 4))
        if isinstance(shape, Sphere):
            kind, size = obstacle.SPHERE, (shape.radius, 0.0, 0.0)
        elif isinstance(shape, Box):
            kind, size = obstacle.BOX, tuple(shape.half)
        elif isinstance(shape, Capsule):
            kind, size = obstacle.CAPSULE, (shape.radius, shape.length / 2, 0.0)
        elif isinstance(shape, Cylinder):
            kind, size = obstacle.CYLINDER, (shape.radius, shape.height / 2, 0.0)
        else:
            kind, size = obstacle.HULL, (0.0, 0.0, 0.0)
            own = np.column_stack(face_planes(shape))  # type: ignore[arg-type]
        kinds.append(int(kind))
        sizes.append(size)
        planes.append(own)
        starts.append(starts[-1] + len(own))
    faces = np.concatenate([*planes, np.zeros((1, 4))])  # never empty
    reach = [b.shape.bounding_radius for b in scene.movers]  # type: ignore[union-attr]
    tables = [
        wp.array(np.array(values, dtype=numpy_type), dtype=warp_type, device=device)
        for values, numpy_type, warp_type in (
            (kinds, np.int32, int), (sizes, np.float32, wp.vec3), (reach, np.float32, float),
            (starts, np.int32, int), (faces, np.float32, wp.vec4),
        )
    ]  # fmt: skip
    poses = [wp.zeros((steps, len(kinds)), dtype=kind, device=device) for kind in (wp.vec3, wp.quat, wp.vec3, wp.vec3)]
    return Obstacles(len(kinds), tables, poses)


def static_areas(
    scene: Scene, domain: SmokeDomain, terrain: HeightField | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open area [-] of every face of the domain's grid, as the static world leaves it: ``clamp(2 distance / cell)``,
    less what still layers of the photo cover.

    Sides of the domain are open there or not: what is forced through a sliver of a face by the pressure outside gets
    faster from step to step.
    """
    areas = []
    for axis in range(3):
        x, y, z = (
            domain.origin[a] + (np.arange(n + (a == axis)) + (0.0 if a == axis else 0.5)) * domain.cell
            for a, n in enumerate(domain.shape)
        )
        points = (x[:, None, None], y[None, :, None], z[None, None, :])
        distance = grid_distance(scene, *points, terrain=terrain)
        area = np.clip(2 * distance / domain.cell, 0.0, 1.0) * (1 - still_cover(scene, domain, points))
        area[area < 0.05] = 0.0
        for side, index in ((2 * axis, 0), (2 * axis + 1, -1)):
            rim = area[(slice(None),) * axis + (index,)]
            rim[rim < (0.5 if domain.open_sides[side] else np.inf)] = 0.0
        areas.append(area.astype(np.float32))
    return tuple(areas)  # type: ignore[return-value]
