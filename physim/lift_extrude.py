"""An outline as a solid: extruded along the lines of sight, standing upright, or lying on what it stands on."""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.convex_pieces import convex_pieces
from physim.lift_fit import Silhouette
from physim.lifted import Lifted, centred, foot_of, is_closed, point, seen_on
from physim.outline import outline, triangulate
from physim.shapes import Hull, Triangles
from physim.shot import Lift
from physim.view import on_plane

CARD_THICKNESS = 0.01
"""[m]"""
_NEAR = 1e-9
"""Of the height: what is this near to a level is on it."""


def extrude(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """The outline with a depth: lying on the support if ``height`` is given or seen steeply, else standing upright."""
    steep = np.degrees(np.arcsin(np.clip(-camera.world_from_camera[1, 2], -1, 1))) > 45
    lies = spec.kind != "card" and spec.thickness is None and (spec.height is not None or steep)
    corners = outline(mask, tolerance=max(0.75, 0.004 * np.sqrt(mask.sum())))
    if lies:
        near = on_plane(camera, corners, support + (spec.height or 0.0))
        if not np.isfinite(near).all():
            seen_on(mask, camera, support, name)
            raise ValueError(f"{name} reaches above the horizon, so it cannot lie on y = {support:g} m.")
        height = spec.height or 0.1 * float(np.ptp(near[:, [0, 2]], axis=0).max())
        if spec.height is None:
            near = on_plane(camera, corners, support + height)
        near = np.where([True, False, True], near, support + height)
        far = near - np.array([0, height, 0])
        faces = triangulate(corners)
        mesh = prism(near, far, faces)
    else:
        corners = dense(corners, 0.08 * float(np.ptp(corners, axis=0).max()))  # its back follows the ground
        near, away = _standing(mask, corners, camera, spec, support, name)
        across = near @ np.array([-away[2], 0.0, away[0]])
        thickness = 0.5 * min(np.ptp(across), np.ptp(near[:, 1]))
        thickness = spec.thickness or (CARD_THICKNESS if spec.kind == "card" else thickness)
        thickness, ground = max(thickness, 1e-4), None if spec.depth is not None else support
        level = _crease(near, camera, away, thickness, ground)
        rim = with_level(near, level)
        near, faces = cut_at(rim, triangulate(camera.project(rim)[0]), level)
        corners, far = camera.project(near)[0], _behind(near, camera, away, thickness, ground)
        mesh = prism(near, far, faces, len(rim))
    overlap = Silhouette(mask, camera).overlap(mesh)
    how = "card" if spec.kind == "card" else "extruded outline"
    try:
        if is_closed(mesh):
            pieces = [np.concatenate([near[some], far[some]]) for some in convex_pieces(corners, faces)]
            return centred(mesh, overlap, how, pieces)
    except ValueError:  # it encloses nothing: the outline crosses itself
        pass
    hull = Hull(mesh.vertices)
    return Lifted(hull, point(hull.offset), overlap=overlap, how=f"hull ({how} is not closed)")


def dense(corners: np.ndarray, step: float) -> np.ndarray:
    """More corners along the sides of an outline (N, 2) that are longer than a step [pixels]."""
    following = np.roll(corners, -1, axis=0)
    parts = np.maximum(1, np.ceil(np.linalg.norm(following - corners, axis=1) / step)).astype(int)
    return np.concatenate(
        [a + (b - a) * np.arange(n)[:, None] / n for a, b, n in zip(corners, following, parts, strict=True)]
    )


def _behind(near: np.ndarray, camera: Camera, away: np.ndarray, thickness: float, support: float | None) -> np.ndarray:
    """The points of the outline's lines of sight ``thickness`` behind the front, or where these meet the ground.

    So the solid is seen as its outline and nothing beside it.
    """
    ray = near - camera.position
    forward = ray @ away
    reach = thickness / forward
    if support is not None:
        down = np.minimum(ray[:, 1], -1e-12)
        ground = (support - near[:, 1]) / down
        reach = np.where((ray[:, 1] < 0) & (near[:, 1] >= support), np.minimum(reach, ground), reach)
    return near + np.maximum(reach, 1e-3 * thickness / forward)[:, None] * ray


def _crease(near: np.ndarray, camera: Camera, away: np.ndarray, thickness: float, support: float | None) -> float:
    """Height on the front from which on down lines of sight meet the ground before they are ``thickness`` behind it.

    The back is flat above and on the ground below: it has a crease there. Minus infinity if nothing meets the ground.
    """
    if support is None:
        return -np.inf
    part = thickness / float(np.mean((near - camera.position) @ away))
    return float((support + part * camera.position[1]) / (1 + part))


def with_level(points: np.ndarray, level: float) -> np.ndarray:
    """A closed polygon in space (N, 3) with a corner more wherever it crosses y = ``level``."""
    following = np.roll(points, -1, axis=0)
    above, after = points[:, 1] - level, following[:, 1] - level
    slack = _NEAR * float(np.ptp(points[:, 1]))
    crosses = (above * after < 0) & (np.minimum(np.abs(above), np.abs(after)) > slack)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(crosses, above / (above - after), 0.0)
    between = points + part[:, None] * (following - points)
    between[:, 1] = np.where(crosses, level, between[:, 1])
    return np.stack([points, between], axis=1).reshape(-1, 3)[np.stack([crosses | True, crosses], 1).ravel()]


def cut_at(points: np.ndarray, faces: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (M, 3) of points (N, 3) cut along y = ``level``: the points, new ones after them, and the faces."""
    slack = _NEAR * float(np.ptp(points[:, 1]))
    height = [0.0 if abs(h) <= slack else float(h) for h in points[:, 1] - level]
    new: dict[tuple[int, int], int] = {}
    more: list[np.ndarray] = []
    cut: list[tuple[int, int, int]] = []
    for face in faces.tolist():
        halves: tuple[list[int], list[int]] = ([], [])
        for i, j in zip(face, [*face[1:], face[0]], strict=True):
            for half, sign in zip(halves, (1, -1), strict=True):
                if sign * height[i] >= 0:
                    half.append(i)
            if height[i] * height[j] < 0:
                pair = (min(i, j), max(i, j))
                if pair not in new:
                    a, b = pair
                    new[pair] = len(points) + len(more)
                    part = height[a] / (height[a] - height[b])
                    more.append(points[a] + part * (points[b] - points[a]))
                for half in halves:
                    half.append(new[pair])
        if not any(height[i] > 0 for i in face) or not any(height[i] < 0 for i in face):
            cut.append(tuple(face))
            continue
        cut += [(half[0], half[k], half[k + 1]) for half in halves for k in range(1, len(half) - 1)]
    return np.concatenate([points, np.reshape(more, (-1, 3))]), np.array(cut, dtype=np.int32)


def _standing(mask, corners, camera: Camera, spec: Lift, support: float, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The outline on the vertical plane through its foot that faces the camera, and the direction away from it."""
    pixel = foot_of(mask, camera)
    foot = camera.unproject(pixel, spec.depth) if spec.depth is not None else on_plane(camera, pixel, support)
    if not np.isfinite(foot).all():
        seen_on(mask, camera, support, name)
        raise ValueError(f"{name} has its foot above the horizon; give {name}.lift.depth, or look at hints.camera.")
    away = foot - camera.position
    away[1] = 0
    away /= np.linalg.norm(away)
    rays = camera.rays(corners)
    distance = ((foot - camera.position) @ away) / (rays @ away)
    return camera.position + distance[:, None] * rays, away


def prism(near: np.ndarray, far: np.ndarray, cap: np.ndarray, rim: int | None = None) -> Triangles:
    """Closed mesh between two polygons, faces outward. Of the points the first ``rim`` are the border; default: all."""
    n, rim = len(near), rim or len(near)
    i = np.arange(rim)
    j = (i + 1) % rim
    sides = np.concatenate([np.stack([i, i + n, j], axis=1), np.stack([j, i + n, j + n], axis=1)])
    faces = np.concatenate([cap, cap[:, ::-1] + n, sides])
    mesh = Triangles(np.concatenate([near, far]), faces.astype(np.int32))
    a, b, c = (mesh.vertices[mesh.faces[:, k]] - mesh.vertices.mean(0) for k in range(3))
    if np.einsum("ij,ij->", a, np.cross(b, c)) < 0:
        mesh = Triangles(mesh.vertices, mesh.faces[:, ::-1])
    return mesh
