"""A box whose outline is not a box's (a car, a chair, a house): the lines of sight through the outline, cut by a box.

What is seen of an upright box are its two sides that face the camera, and its top. The sides stand where the outline's
foot touches the ground first, so that for a given turn and height the outline alone says how long both are; the turn
and height whose box casts the outline best are taken, of boxes that do so about equally well the least drawn out. The
solid is what of that box lies on lines of sight through the outline (the visual hull of one view, Laurentini 1994,
within a box): it casts the outline, has the box's depth, and stands on as many feet as are seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.lift_extrude import dense
from physim.lift_fit import Silhouette
from physim.lifted import Lifted, centred, foot_of, is_closed
from physim.outline import outline
from physim.shapes import Triangles
from physim.view import on_plane

TURNS = 17
"""Of the box, tried over a quarter turn."""
HEIGHTS = (1.0, 0.85, 0.7, 0.55, 0.4)
"""Of the box, tried, over that at which its top is not seen."""
LONG = 0.05
"""What an e-fold of a box's longest over its shortest side must gain in overlap [-]."""
DEEP = 0.5
"""A side that is seen edge-on is taken to be at least this long, over the smaller of width and height [-]."""
GRID = 28
"""Points of the surface across the outline's longer side."""
THIN = 0.02
"""Least depth of the solid along a line of sight, over its height [-]: its rim must not be sharp as a blade."""


@dataclass(frozen=True)
class _Wedge:
    """An upright box by its faces."""

    across: np.ndarray
    """(2, 3) level unit normals of the two sides that face the camera."""
    near: np.ndarray
    """(2,) offsets of those sides: ``across @ x <= near`` inside [m]."""
    far: np.ndarray
    """(2,) offsets of the opposite sides [m]."""
    top: float

    def entry(self, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
        """Distance (N,) along rays (N, 3) at which they have passed the nearer sides, and the top if it is seen."""
        sides = ((self.near - self.across @ eye) / np.minimum(rays @ self.across.T, -1e-9)).max(1)
        fall = (eye[1] - self.top) / np.maximum(-rays[:, 1], 1e-9)
        return np.maximum(sides, np.where((rays[:, 1] < -1e-6) & (eye[1] > self.top), fall, 0.0))

    def exit(self, eye: np.ndarray, rays: np.ndarray, support: float) -> np.ndarray:
        """Distance (N,) along rays (N, 3) at which they leave by a side, the ground or the top."""
        sides = ((self.far - self.across @ eye) / np.minimum(rays @ self.across.T, -1e-9)).min(1)
        level = np.where(rays[:, 1] < 0, support - eye[1], self.top - eye[1])
        slope = np.where(np.abs(rays[:, 1]) < 1e-9, 1e-9, rays[:, 1])
        ends = level / slope
        return np.where(ends > 0, np.minimum(sides, ends), sides)

    def corners(self, support: float) -> np.ndarray:
        """(8, 3) world."""
        frame = np.array([self.across[0][[0, 2]], self.across[1][[0, 2]]])
        plan = [
            np.linalg.solve(frame, [a, b]) for a in (self.far[0], self.near[0]) for b in (self.far[1], self.near[1])
        ]
        return np.array([[x, y, z] for x, z in plan for y in (support, self.top)])


def cut_box(mask: np.ndarray, camera: Camera, support: float) -> Lifted | None:
    """The part of an upright box that casts an outline.

    Args:
        mask: (H, W) bool, one part without holes.
        camera: Of the photo.
        support: Height of what it stands on [m].

    Returns:
        The solid, or ``None`` where its foot cannot be seen or the outline is too thin for a mesh.
    """
    corners = outline(mask, tolerance=max(0.75, 0.004 * np.sqrt(mask.sum())))
    target, rays = Silhouette(mask, camera), camera.rays(corners)
    foot = on_plane(camera, foot_of(mask, camera), support)
    if not np.isfinite(foot).all():
        return None
    away = foot - camera.position
    facing = float(np.arctan2(-away[2], -away[0]))
    boxes = []
    for turn in np.linspace(0, np.pi / 2, TURNS, endpoint=False) - np.pi / 4 + np.pi / 4 / TURNS:
        for height in HEIGHTS:
            wedge = _wedge(facing + turn, height, camera, rays, support)
            if wedge is not None:
                lengths = np.log([*(wedge.near - wedge.far), wedge.top - support])
                overlap = target.overlap(_hexahedron(wedge.corners(support)))
                boxes.append((overlap - LONG * float(np.ptp(lengths)), wedge))
    if not boxes:
        return None
    _, best = max(boxes, key=lambda one: one[0])
    mesh = _between(corners, mask, best, camera, support)
    return None if mesh is None else centred(mesh, target.overlap(mesh), "box cut to the outline")


def _wedge(turn: float, height: float, camera: Camera, rays: np.ndarray, support: float) -> _Wedge | None:
    """The box that holds an outline's rays (N, 3).

    Args:
        turn: Where its near edge points to, from +X to +Z [radians].
        height: Over that at which the outline shows nothing of its top [-].
        camera: Of the photo.
        rays: Through the outline.
        support: Height of what it stands on [m].
    """
    sides = turn + np.array([-np.pi / 4, np.pi / 4])
    across = np.stack([np.cos(sides), np.zeros(2), np.sin(sides)], axis=1)
    eye = camera.position
    if (rays @ across.T > -1e-3).any():  # a side that is not seen
        return None
    down = rays[:, 1] < -1e-6
    ground = eye + ((support - eye[1]) / rays[down, 1])[:, None] * rays[down]
    near = (ground @ across.T).max(0)
    if (near >= across @ eye).any():
        return None
    seen = eye + _Wedge(across, near, near, np.inf).entry(eye, rays)[:, None] * rays
    tall = height * (float(seen[:, 1].max()) - support)
    if tall <= 0 or (height < 1 and support + tall >= eye[1] - 1e-6):
        return None
    top = support + tall
    seen = eye + _Wedge(across, near, near, top).entry(eye, rays)[:, None] * rays
    if seen[:, 1].max() > top + 1e-6:  # the outline reaches above a top that lies so low
        return None
    least = near - (seen @ across.T).min(0)
    deep = np.maximum(least, DEEP * min(max(float(least.max()), 1e-9), tall))
    return _Wedge(across, near, near - deep, top)


def _hexahedron(corners: np.ndarray) -> Triangles:
    """A closed mesh of the corners of a box."""
    from scipy.spatial import ConvexHull

    return Triangles(corners, ConvexHull(corners).simplices.astype(np.int32))


def _between(corners: np.ndarray, mask: np.ndarray, box: _Wedge, camera: Camera, support: float) -> Triangles | None:
    """Closed mesh of what lies on lines of sight through the outline, between the box's near and far sides."""
    size = float(np.ptp(corners, axis=0).max())
    corners_of = box.corners(support)
    edges = [(6, 7), (7, 3), (7, 5)]  # of the corner that is nearest: between both sides, and between each and the top
    crease, _ = camera.project(np.concatenate([np.linspace(corners_of[a], corners_of[b], GRID) for a, b in edges]))
    for step in (size / GRID, size / GRID / 2, size / GRID / 4):
        rim = dense(corners, step)
        points, faces = _triangulated(rim, crease, mask, step)
        rays = camera.rays(points)
        start = box.entry(camera.position, rays)
        end = np.maximum(box.exit(camera.position, rays, support), start + THIN * (box.top - support))
        near, far = (camera.position + t[:, None] * rays for t in (start, end))
        mesh = _closed(near, far, faces, len(rim))
        if is_closed(mesh):
            return mesh
    return None


def _triangulated(rim: np.ndarray, crease: np.ndarray, mask: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) in an outline, its own first, and triangles (M, 3) of them [pixels]."""
    from scipy.ndimage import distance_transform_edt
    from scipy.spatial import Delaunay, cKDTree

    low, high = rim.min(0), rim.max(0)
    grid = np.stack(np.meshgrid(*(np.arange(a, b, step) for a, b in zip(low, high, strict=True))), axis=-1)
    grid = grid.reshape(-1, 2)
    grid = grid[cKDTree(crease).query(grid)[0] > 0.6 * step]
    inner = np.concatenate([crease, grid])
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    v, u = (np.clip(inner[:, k].astype(int), 0, mask.shape[1 - k] - 1) for k in (1, 0))
    inner = inner[(depth[v, u] > 0.6 * step) & (inner >= 0).all(1) & (inner < mask.shape[::-1]).all(1)]
    inner = inner[cKDTree(rim).query(inner)[0] > 0.6 * step] if len(inner) else inner
    points = np.concatenate([rim, inner])
    faces = Delaunay(points).simplices
    return points, faces[_inside(points[faces].mean(1), rim)].astype(np.int32)


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether points (N, 2) lie in a polygon (M, 2): an odd number of its sides to the right of them."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    u, v = points[:, :1], points[:, 1:]
    crosses = (a[:, 1] > v) != (b[:, 1] > v)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    return (crosses & (u < a[:, 0] + (v - a[:, 1]) / rise * (b[:, 0] - a[:, 0]))).sum(1) % 2 == 1


def _closed(near: np.ndarray, far: np.ndarray, faces: np.ndarray, rim: int) -> Triangles:
    """Front, back, and the sides along the first ``rim`` points, faces outward."""
    n = len(near)
    a, b, c = (near[faces[:, k]] for k in range(3))
    # towards the camera, which is on the far points' other side
    flip = np.einsum("ij,ij->i", np.cross(b - a, c - a), far[faces[:, 0]] - near[faces[:, 0]]) > 0
    front = np.where(flip[:, None], faces[:, ::-1], faces)
    edges = np.concatenate([front[:, [0, 1]], front[:, [1, 2]], front[:, [2, 0]]])
    keys, back = edges[:, 0] * np.int64(n) + edges[:, 1], edges[:, 1] * np.int64(n) + edges[:, 0]
    i, j = edges[~np.isin(keys, back)].T
    if len(i) != rim:  # an edge of the outline is none of the triangles'
        return Triangles(near, faces[:1])
    sides = np.concatenate([np.stack([j, i, i + n], axis=1), np.stack([j, i + n, j + n], axis=1)])
    return Triangles(np.concatenate([near, far]), np.concatenate([front, front[:, ::-1] + n, sides]).astype(np.int32))
