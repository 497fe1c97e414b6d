"""Grains in the picture: the surface of what was one volume at the start, carried by the grains beneath it.

Each point of the surface goes as the affine map of the particles that were nearest to it at the start, smoothed along
the surface: so the photo's pixels stay on the matter, and single grains that fly off do not tear it. What is poured in
later has no surface and is not drawn.
"""

from __future__ import annotations

import numpy as np

from physim.backdrop_view import photo_camera
from physim.body_view import EDGE_PIXELS, _miter
from physim.scene import Entity, Scene
from physim.shapes import Emitter
from physim.terrain import rotation_matrix
from physim.trajectory import ClothTrack, GrainsTrack, Trajectory

NEAREST = 16
"""Particles that carry a point of the surface."""
FINE = 1.0
"""Longest edge of the surface [cells]."""
MOST = 20000
"""Points of a surface, about."""
STRETCH = 1.5
"""Most that the arm from the middle of the particles to the point is stretched by."""
SWEEPS = 6
"""Of smoothing, a third of the way to the neighbours each."""


def grain_skins(trajectory: Trajectory) -> dict[str, ClothTrack]:
    """The surfaces of grains that are drawn, by the name of their entity."""
    scene, found = trajectory.scene, {}
    for track in trajectory.grains.values():
        material = scene[track.name].material
        kind = [e for e in scene.grains if e.material == material and not isinstance(e.shape, Emitter)]
        for entity in kind:
            if entity.visible:
                found[entity.name] = _skin(scene, entity, track, trajectory.fps)
    return found


def _skin(scene: Scene, entity: Entity, track: GrainsTrack, fps: float) -> ClothTrack:
    vertices, faces = _surface(entity, track.cell)
    move = _carried(vertices, faces, track, scene, entity)
    flat, wide = vertices[:, :2], np.zeros_like(vertices)
    if scene.camera is not None:
        size = scene.camera.start.size if scene.backdrop is None else scene.backdrop.photo.shape[:2]
        camera = photo_camera(scene.camera, size)
        matrix = camera.camera_from_world
        seen = vertices @ matrix[:3, :3].T + matrix[:3, 3]
        flat = seen[:, :2]
        if entity.cutout is not None:  # the cutout decides the edge, and the surface is a little larger
            margin = EDGE_PIXELS * max(1.0, size[1] / 800) * abs(float(seen[:, 2].mean())) / camera.focal
            side = _miter(vertices, faces) @ matrix[:3, :3].T
            side -= seen * (side[:, 2:] / np.maximum(seen[:, 2:], 1e-6))
            wide = margin * (side @ matrix[:3, :3])
    position = (vertices + wide + move).astype(np.float32)
    velocity = np.gradient(position, 1 / fps, axis=0).astype(np.float32)
    return ClothTrack(1, fps, position, faces.astype(np.int32), np.ascontiguousarray(flat), velocity)


def _surface(entity: Entity, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """World vertices (V, 3) and faces (F, 3) of an entity, edges no longer than a cell unless too many."""
    import trimesh

    mesh = entity.shape.triangles  # type: ignore[union-attr]
    turn = rotation_matrix(np.array(entity.orientation))
    corners = np.asarray(mesh.vertices, np.float64) @ turn.T + np.array(entity.position)
    whole = trimesh.Trimesh(corners, mesh.faces, process=True)
    edge = max(FINE * cell, float(np.sqrt(2.3 * whole.area / MOST)))
    vertices, faces = trimesh.remesh.subdivide_to_size(whole.vertices, whole.faces, edge, max_iter=12)
    fine = trimesh.Trimesh(vertices, faces, process=True)
    return np.asarray(fine.vertices, np.float64), np.asarray(fine.faces, np.int64)


def _carried(vertices: np.ndarray, faces: np.ndarray, track: GrainsTrack, scene: Scene, entity: Entity) -> np.ndarray:
    """Displacements (T + 1, V, 3) [m] of a surface."""
    from scipy.sparse import coo_matrix, diags
    from scipy.spatial import cKDTree

    start = track.position[0].astype(np.float64)
    own = np.flatnonzero(np.isfinite(start[:, 0]))
    away, near = cKDTree(start[own]).query(vertices, k=min(NEAREST, len(own)))
    near = own[near.reshape(len(vertices), -1)]
    weight = np.exp(-((away.reshape(near.shape) / (1.5 * track.cell)) ** 2)) + 1e-9
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.unique(np.sort(ends, axis=1), axis=0)
    both = np.concatenate([ends, ends[:, ::-1]])
    joined = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), (len(vertices),) * 2).tocsr()
    mean = diags(1 / np.maximum(np.asarray(joined.sum(axis=1)).ravel(), 1)) @ joined
    moves = np.zeros((len(track.position), len(vertices), 3))
    for frame in range(1, len(moves)):
        value = _moved(vertices, start[near], track.position[frame][near].astype(np.float64), weight)
        value = np.where(np.isfinite(value), value, moves[frame - 1])
        for _ in range(SWEEPS):
            value = value + (mean @ value - value) / 3
        moves[frame] = value
    return moves


def _moved(vertices: np.ndarray, start: np.ndarray, now: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far points (V, 3) went with their particles (V, K, 3): the affine map that fits best (least squares).

    The arm from their middle gets at most ``STRETCH`` times as long, as grains mix. NaN: all are gone.
    """
    there = np.isfinite(now[..., :1]) * weight[..., None]
    total = there.sum(axis=1, keepdims=True)
    there = there / np.maximum(total, 1e-30)
    now = np.nan_to_num(now)
    first, last = (there * start).sum(axis=1), (there * now).sum(axis=1)
    before, after = start - first[:, None], now - last[:, None]
    spread = np.einsum("vki,vkj->vij", there * before, before)
    some = np.trace(spread, axis1=1, axis2=2)
    spread = spread + (0.02 * some + 1e-18)[:, None, None] * np.eye(3)
    moved = np.einsum("vki,vkj->vij", there * after, before) + (0.02 * some)[:, None, None] * np.eye(3)
    arm = vertices - first
    turned = np.einsum("vij,vj->vi", moved, np.linalg.solve(spread, arm[..., None])[..., 0])
    length, most = np.linalg.norm(turned, axis=1), STRETCH * np.linalg.norm(arm, axis=1)
    turned *= np.minimum(1.0, most / np.maximum(length, 1e-12))[:, None]
    return np.where(total[:, 0] > 0, last + turned - vertices, np.nan)
