"""An outline as a solid: extruded along the lines of sight, standing upright, or lying on what it stands on."""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.lift_fit import Silhouette
from physim.lifted import Lifted, centred, foot_of, is_closed, point, seen_on
from physim.outline import outline, triangulate
from physim.shapes import Hull, Triangles
from physim.shot import Lift
from physim.view import on_plane

CARD_THICKNESS = 0.01
"""[m]"""


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
    else:
        corners = dense(corners, 0.08 * float(np.ptp(corners, axis=0).max()))  # its back follows the ground
        near, away = _standing(mask, corners, camera, spec, support, name)
        across = near @ np.array([-away[2], 0.0, away[0]])
        thickness = 0.5 * min(np.ptp(across), np.ptp(near[:, 1]))
        thickness = spec.thickness or (CARD_THICKNESS if spec.kind == "card" else max(thickness, 1e-4))
        far = _behind(near, camera, away, max(thickness, 1e-4), None if spec.depth is not None else support)
    mesh = prism(near, far, triangulate(corners))
    overlap = Silhouette(mask, camera).overlap(mesh)
    how = "card" if spec.kind == "card" else "extruded outline"
    try:
        if is_closed(mesh):
            return centred(mesh, overlap, how)
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


def prism(near: np.ndarray, far: np.ndarray, cap: np.ndarray) -> Triangles:
    """Closed mesh between two polygons, faces outward."""
    n = len(near)
    i = np.arange(n)
    j = (i + 1) % n
    sides = np.concatenate([np.stack([i, i + n, j], axis=1), np.stack([j, i + n, j + n], axis=1)])
    faces = np.concatenate([cap, cap[:, ::-1] + n, sides])
    mesh = Triangles(np.concatenate([near, far]), faces.astype(np.int32))
    a, b, c = (mesh.vertices[mesh.faces[:, k]] - mesh.vertices.mean(0) for k in range(3))
    if np.einsum("ij,ij->", a, np.cross(b, c)) < 0:
        mesh = Triangles(mesh.vertices, mesh.faces[:, ::-1])
    return mesh
