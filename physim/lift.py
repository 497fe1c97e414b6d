"""From a mask in the photo to a closed solid in the world that casts the same outline.

A solid stands on something: its lowest point touches the support, which turns the outline's size into metres.
``auto`` fits a sphere, an upright cylinder and an upright box and takes the one whose outline agrees best; where none
does, the outline itself is extruded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.compound import Solid
from physim.outline import outline, triangulate
from physim.shapes import Box, Cylinder, Hull, Mesh, Sphere, Triangles
from physim.shot import Lift
from physim.view import on_plane

GOOD = 0.9
"""Intersection over union with the mask from which a primitive counts as the thing's own shape."""
TIE = 0.015
"""Overlaps that differ by less are equal: the outline of a few dozen pixels tells no more."""
CARD_THICKNESS = 0.01
"""[m]"""
Point = tuple[float, float, float]
Turn = tuple[float, float, float, float]


@dataclass(frozen=True)
class Lifted:
    """A solid at its place."""

    shape: Solid
    position: Point
    """Of the centre of mass [m], world."""
    orientation: Turn = (0.0, 0.0, 0.0, 1.0)
    overlap: float = 1.0
    """Intersection over union of its outline with the mask [-]."""


def lift(mask: np.ndarray, camera: Camera, spec: Lift, *, support: float, moves: bool, name: str = "thing") -> Lifted:
    """Make the solid of a thing of the photo.

    Args:
        mask: (H, W) bool on the camera's grid.
        camera: Of the photo.
        spec: What the user said.
        support: Height of what it stands on [m].
        moves: A body that moves must be convex where no primitive fits (``Hull``); a static one keeps its form.
        name: For messages.

    Raises:
        ValueError: The support cannot be seen where the thing stands; a ``revolve`` without a profile.
    """
    mask = np.asarray(mask, dtype=bool)
    if spec.kind == "revolve":
        return _revolve(mask, camera, spec, support, name)
    if spec.kind in ("extrude", "card"):
        return _extrude(mask, camera, spec, support, moves, name)
    if spec.depth is not None:
        support = _support_at_depth(mask, camera, spec.depth)
    fits: dict[str, Callable[..., Lifted]] = {"sphere": _sphere, "cylinder": _cylinder, "box": _box}
    if spec.kind in fits:
        return fits[spec.kind](mask, camera, spec, support, name)
    if spec.height is not None:
        del fits["sphere"]  # its height would be its width
    found = [fit(mask, camera, spec, support, name) for fit in fits.values()]
    top = max(one.overlap for one in found)
    if top < GOOD:
        return _extrude(mask, camera, spec, support, moves, name)
    return next(one for one in found if one.overlap > top - TIE)  # the simplest of those that agree


# ---- outlines --------------------------------------------------------------------------------------------------------


class _Target:
    """The mask in a small window, against which convex outlines are compared quickly."""

    def __init__(self, mask: np.ndarray, *, side: int = 160) -> None:
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        pad = 2 + int(0.15 * max(rows[-1] - rows[0], cols[-1] - cols[0]))
        low = np.array([cols[0] - pad, rows[0] - pad])
        extent = np.array([cols[-1] + 1 + pad, rows[-1] + 1 + pad]) - low
        self.stride = max(1, int(np.ceil(extent.max() / side)))
        self.low = low + 0.5 * (1 - self.stride) if self.stride > 1 else low.astype(np.float64)
        self.size = tuple(int(x) for x in -(-extent // self.stride))
        u = low[0] + np.arange(self.size[0]) * self.stride
        v = low[1] + np.arange(self.size[1]) * self.stride
        # a thing may go on outside the photo: nothing is compared there
        self.inside = ((u >= 0) & (u < mask.shape[1]))[None] & ((v >= 0) & (v < mask.shape[0]))[:, None]
        self.mask = mask[np.clip(v, 0, mask.shape[0] - 1)][:, np.clip(u, 0, mask.shape[1] - 1)] & self.inside
        self.fine = max(2, min(6, 400 // max(self.size)))

    def overlap(self, points: np.ndarray, camera: Camera) -> float:
        """Intersection over union of the mask with the hull of projected world points (N, 3)."""
        from PIL import Image, ImageDraw
        from scipy.spatial import ConvexHull, QhullError

        pixels, depth = camera.project(points)
        if (depth <= 1e-9).any():
            return 0.0
        try:
            hull = pixels[ConvexHull(pixels).vertices]
        except QhullError:
            return 0.0
        cols, rows = self.size
        canvas = Image.new("L", (cols * self.fine, rows * self.fine))
        corners = (hull - self.low) * (self.fine / self.stride) - 0.5
        ImageDraw.Draw(canvas).polygon([tuple(p) for p in corners], fill=1)
        samples = np.asarray(canvas).reshape(rows, self.fine, cols, self.fine)
        # Pillow paints the pixels on the outline as well: of the samples of a pixel more than half must be hit
        drawn = (samples.sum((1, 3), dtype=np.int32) > 0.5 * self.fine * (self.fine + 1)) & self.inside
        return float((drawn & self.mask).sum() / max((drawn | self.mask).sum(), 1))


def _fit(objective: Callable[[np.ndarray], float], start: np.ndarray, step: np.ndarray, evaluations: int) -> np.ndarray:
    """Maximise an overlap by Nelder and Mead's simplex: it is piecewise constant, so there are no gradients."""
    from scipy.optimize import minimize

    simplex = np.concatenate([start[None], start + np.diag(step)])
    options = dict(initial_simplex=simplex, maxfev=evaluations, xatol=1e-6, fatol=2e-4)
    return minimize(lambda x: -objective(x), start, method="Nelder-Mead", options=options).x


def _rim_rays(mask: np.ndarray, camera: Camera) -> np.ndarray:
    return camera.rays(outline(mask, tolerance=0.3))


def _seen_on(mask: np.ndarray, camera: Camera, height: float, name: str) -> np.ndarray:
    """The outline laid on y = ``height``: world points (N, 3)."""
    points = on_plane(camera, outline(mask, tolerance=0.5), height)
    seen = points[np.isfinite(points).all(1)]
    if len(seen) == 0 or np.linalg.norm(seen - camera.position, axis=1).min() > 1e4:
        raise _unseen(name, height)
    return seen


def _unseen(name: str, height: float) -> ValueError:
    return ValueError(
        f"{name} stands where the surface at y = {height:.3g} m cannot be seen: that place of the photo is above the "
        f"horizon. Look at hints.camera (pitch, horizon, height), or give {name}.lift.depth."
    )


def _foot(mask: np.ndarray, camera: Camera) -> np.ndarray:
    """The pixel at which an upright thing touches what it stands on: its lowest, in the middle."""
    down = -camera.camera_from_world[:3, 1][:2]
    direction = down / max(np.linalg.norm(down), 1e-9) if np.linalg.norm(down) > 1e-6 else np.array([0.0, 1.0])
    points = outline(mask, tolerance=0.3)
    along = points @ direction
    lowest = along >= along.max() - max(1.0, 0.02 * np.ptp(along))
    return np.array([(points[lowest, 0].min() + points[lowest, 0].max()) / 2, points[along.argmax(), 1]])


def _support_at_depth(mask: np.ndarray, camera: Camera, depth: float) -> float:
    """Height of the foot of a thing that stands ``depth`` away along the view axis [m]."""
    return float(camera.unproject(_foot(mask, camera), depth)[1])


# ---- primitives ------------------------------------------------------------------------------------------------------


def _sphere(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """A sphere's outline lies on a cone: ray . axis = cos(angle). Standing on the support fixes its distance."""
    rays = _rim_rays(mask, camera)
    axis, *_ = np.linalg.lstsq(rays, np.ones(len(rays)), rcond=None)
    cosine = min(1 / float(np.linalg.norm(axis)), 1.0)
    axis, sine = axis * cosine, np.sqrt(1 - cosine**2)
    denominator, drop = axis[1] - sine, support - float(camera.position[1])
    if denominator >= 0 or drop >= 0:
        raise ValueError(
            f"{name} as a sphere on y = {support:g} m, seen from y = {camera.position[1]:.3g} m: the photo looks up at "
            f"it, so it cannot stand there. Look at hints.camera, or choose another {name}.lift.kind."
        )
    distance = drop / denominator
    shape = Sphere(float(distance * sine))
    centre = camera.position + distance * axis
    overlap = _Target(mask).overlap(shape.triangles.vertices + centre, camera)
    return Lifted(shape, _point(centre), overlap=overlap)


def _cylinder(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """Upright: foot, radius and (if not given) height that cast the outline."""
    target = _Target(mask)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.stack([np.cos(angles), np.zeros(48), np.sin(angles)], axis=1)

    def points(x: np.ndarray) -> np.ndarray:
        low = ring * abs(x[2]) + np.array([x[0], support, x[1]])
        return np.concatenate([low, low + np.array([0, spec.height or abs(x[3]), 0])])

    def overlap_at(x: np.ndarray) -> float:
        return target.overlap(points(x), camera)

    starts = [
        np.array([start.x, start.z, start.half] + ([] if spec.height else [start.height]))
        for start in _upright_starts(mask, camera, spec, support, name)
    ]
    if spec.height:  # nothing is open but the place and the radius: the nearer guess will do
        starts = [max(starts, key=overlap_at)]
    found = max((_fit(overlap_at, x, np.full(len(x), 0.15 * x[2]), 220) for x in starts), key=overlap_at)
    overlap = overlap_at(found)
    height = float(spec.height or abs(found[3]))
    shape = Cylinder(float(abs(found[2])), height)
    return Lifted(shape, (float(found[0]), support + height / 2, float(found[1])), overlap=overlap)


def _box(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """Upright, turned about the vertical."""
    target = _Target(mask)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (0, 1) for z in (-1, 1)], dtype=np.float64)

    def points(x: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(x[4]), np.sin(x[4])
        corner = signs * np.array([abs(x[2]), spec.height or abs(x[5]), abs(x[3])])
        along, across = cos * corner[:, 0] + sin * corner[:, 2], cos * corner[:, 2] - sin * corner[:, 0]
        return np.stack([along, corner[:, 1], across], axis=1) + np.array([x[0], support, x[1]])

    def overlap_at(x: np.ndarray) -> float:
        return target.overlap(points(x), camera)

    rough = []
    for start in _upright_starts(mask, camera, spec, support, name):
        step = np.array([0.2 * start.half] * 4 + [0.3] + ([] if spec.height else [0.2 * start.height]))
        for yaw in (0.15, 0.55, 0.95, 1.35):
            x0 = np.array([start.x, start.z, start.half, start.half, yaw] + ([] if spec.height else [start.height]))
            rough.append(_fit(overlap_at, x0, step, 110))
    refined = []
    for x in sorted(rough, key=overlap_at)[-2:]:
        for fraction in (0.5, 0.25, 0.5):  # a collapsed simplex is opened again
            x = _fit(overlap_at, x, fraction * step, 200)
        refined.append(x)
    x = max(refined, key=overlap_at)
    overlap = overlap_at(x)
    height = float(spec.height or abs(x[5]))
    size = (float(2 * abs(x[2])), height, float(2 * abs(x[3])))
    turn = (0.0, float(np.sin(x[4] / 2)), 0.0, float(np.cos(x[4] / 2)))
    return Lifted(Box(size), (float(x[0]), support + height / 2, float(x[1])), turn, overlap)


@dataclass(frozen=True)
class _Start:
    x: float
    z: float
    half: float
    height: float


def _upright_starts(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> list[_Start]:
    """Two first guesses: the outline is mostly the top (seen from above), or mostly the side (seen from in front)."""
    starts = []
    flat = on_plane(camera, outline(mask, tolerance=0.5), support + (spec.height or 0.0))
    low, high = flat.min(0), flat.max(0)  # not a number where part of the outline is above the horizon
    half = float(min(high[0] - low[0], high[2] - low[2]) / 2)
    if np.isfinite(half) and half > 0:
        starts.append(_Start((low[0] + high[0]) / 2, (low[2] + high[2]) / 2, half, spec.height or 0.5 * half))
    pixel = _foot(mask, camera)
    foot = on_plane(camera, pixel, support)
    if np.isfinite(foot).all():
        depth = camera.project(foot)[1]
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        half = 0.5 * (cols[-1] + 1 - cols[0]) * float(depth) / camera.focal
        tall = (rows[-1] + 1 - rows[0]) * float(depth) / camera.focal
        ahead = foot - camera.position
        ahead[1] = 0
        ahead /= max(np.linalg.norm(ahead), 1e-9)
        steep = abs(camera.rays(pixel)[1])
        height = spec.height or max((tall - 2 * half * steep) / max(np.sqrt(1 - steep**2), 0.2), 0.2 * half)
        starts.append(_Start(foot[0] + half * ahead[0], foot[2] + half * ahead[2], half, height))
    if not starts:
        raise _unseen(name, support)
    return starts


# ---- outlines as solids ----------------------------------------------------------------------------------------------


def _extrude(mask: np.ndarray, camera: Camera, spec: Lift, support: float, moves: bool, name: str) -> Lifted:
    """The outline with a depth: lying on the support if ``height`` is given or seen steeply, else standing upright."""
    steep = np.degrees(np.arcsin(np.clip(-camera.world_from_camera[1, 2], -1, 1))) > 45
    lies = spec.kind != "card" and spec.thickness is None and (spec.height is not None or steep)
    corners = outline(mask, tolerance=max(0.75, 0.004 * np.sqrt(mask.sum())))
    if lies:
        near = on_plane(camera, corners, support + (spec.height or 0.0))
        if not np.isfinite(near).all():
            _seen_on(mask, camera, support, name)
            raise ValueError(f"{name} reaches above the horizon, so it cannot lie on y = {support:g} m.")
        height = spec.height or 0.1 * float(np.ptp(near[:, [0, 2]], axis=0).max())
        if spec.height is None:
            near = on_plane(camera, corners, support + height)
        near = np.where([True, False, True], near, support + height)
        far = near - np.array([0, height, 0])
    else:
        near, away = _standing(mask, corners, camera, spec, support, name)
        thickness = spec.thickness or (CARD_THICKNESS if spec.kind == "card" else 0.5 * np.ptp(near, axis=0).min())
        thickness = max(thickness, 1e-4)
        far = near + away * thickness
    mesh = _prism(near, far, triangulate(corners))
    overlap = _Target(mask).overlap(near, camera)
    if moves:
        hull = Hull(mesh.vertices)
        return Lifted(hull, _point(hull.offset), overlap=overlap)
    return centred(mesh, overlap)


def _standing(mask, corners, camera: Camera, spec: Lift, support: float, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The outline on the vertical plane through its foot that faces the camera, and the direction away from it."""
    pixel = _foot(mask, camera)
    foot = camera.unproject(pixel, spec.depth) if spec.depth is not None else on_plane(camera, pixel, support)
    if not np.isfinite(foot).all():
        _seen_on(mask, camera, support, name)
        raise ValueError(f"{name} has its foot above the horizon; give {name}.lift.depth, or look at hints.camera.")
    away = foot - camera.position
    away[1] = 0
    away /= np.linalg.norm(away)
    rays = camera.rays(corners)
    distance = ((foot - camera.position) @ away) / (rays @ away)
    return camera.position + distance[:, None] * rays, away


def _prism(near: np.ndarray, far: np.ndarray, cap: np.ndarray) -> Triangles:
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


def _revolve(mask: np.ndarray, camera: Camera, spec: Lift, support: float, name: str) -> Lifted:
    """A turned thing: its top is the rim ``circle``, or, without one, its foot stands on the support."""
    if spec.profile is None:
        raise ValueError(f"{name}.lift: a revolve needs `profile`, the half outline [[radius, y], ...] in metres.")
    profile = np.array(spec.profile, dtype=np.float64)
    if (profile[:, 0] < 0).any():
        raise ValueError(f"{name}.lift.profile has a negative radius; radii are distances from the axis.")
    ends = [np.array([[0.0, profile[k, 1]]]) if profile[k, 0] > 0 else np.zeros((0, 2)) for k in (0, -1)]
    mesh = Mesh.revolved(np.concatenate([ends[0], profile, ends[1]])).triangles
    target = _Target(mask)
    if spec.circle is not None:
        x, z = rim_axis(camera, spec.circle.ellipse, spec.circle.height, name)
        lowered = spec.circle.height - profile[:, 1].max()
    else:
        lowered = support - profile[:, 1].min()
        base = _seen_on(mask, camera, support, name)
        start = np.array([base[:, 0].mean(), base[:, 2].mean()])
        cloud = mesh.vertices + np.array([0, lowered, 0])
        step = np.full(2, 0.3 * profile[:, 0].max())
        x, z = _fit(lambda p: target.overlap(cloud + np.array([p[0], 0, p[1]]), camera), start, step, 120)
    world = Triangles(mesh.vertices + np.array([x, lowered, z]), mesh.faces)
    return centred(world, target.overlap(world.vertices, camera))


def rim_axis(camera: Camera, ellipse: tuple[float, ...], height: float, name: str = "circle") -> tuple[float, float]:
    """World (x, z) of the centre of a horizontal circle at y = ``height`` seen as an ellipse [m].

    Least-squares circle through the rim laid on that plane; the ellipse's own centre would be off by perspective.
    """
    from physim.segment import ellipse_points

    rim = on_plane(camera, ellipse_points(ellipse), height)
    if not np.isfinite(rim).all():
        raise ValueError(
            f"{name}: part of the circle at y = {height:g} m lies above the horizon. Look at hints.camera."
        )
    x, z = rim[:, 0], rim[:, 2]
    system = np.stack([2 * x, 2 * z, np.ones_like(x)], axis=1)
    (cx, cz, _), *_ = np.linalg.lstsq(system, x**2 + z**2, rcond=None)
    return float(cx), float(cz)


def centred(mesh: Triangles, overlap: float) -> Lifted:
    """A mesh in the world as a solid about its centre of mass."""
    _, centroid, _ = mesh.mass_properties()
    return Lifted(Mesh(Triangles(mesh.vertices - centroid, mesh.faces)), _point(centroid), overlap=overlap)


def _point(values: np.ndarray) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z
