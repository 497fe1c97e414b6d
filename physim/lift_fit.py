"""Primitives that cast a given outline, each on its support: spheres, cylinders upright and lying, tapered, boxes.

A convex outline is told by its support function: how far it reaches in each direction of the picture. That of a
primitive differs from the mask's by some pixels in each of these directions, smoothly in place and size, so that least
squares find both to a fraction of a pixel. Where others stand in front, or the photo ends, a thing may reach further
than it is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.shapes import Box, Cylinder, Hull, Sphere, Triangles
from physim.zbuffer import convex_drawn, depth_of, placed

DIRECTIONS = 96
EDGE = 0.25
"""The outline is this far outside of the outermost pixels' centres, on average over directions [pixels]."""
REACH = 0.1
"""Weight of reaching further than is seen where something may hide it; keeps what nothing else decides tight."""
PRIOR = 0.08
"""[pixels] per unit of the logarithm of a box' proportions: decides only what the outline does not."""
REFITS, EXACT = 7, 0.997
"""Most rounds against the fit's own pixels, and the overlap from which none is needed."""
BORDER = 4
"""A thing seen this near to a border of the photo may go on outside of it [pixels]."""
LARGE = 800
"""Size of an outline's surroundings from which some tenths of a pixel do not matter [pixels]."""
_RING = np.linspace(0, 2 * np.pi, 64, endpoint=False)
_CIRCLE = np.stack([np.cos(_RING), np.sin(_RING)], axis=1)
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (0, 1) for z in (-0.5, 0.5)])
Model = Callable[[np.ndarray], np.ndarray]
Point = tuple[float, float, float]
Turn = tuple[float, float, float, float]


@dataclass(frozen=True)
class Fit:
    """A primitive at its place."""

    shape: Sphere | Cylinder | Box | Hull
    position: Point
    """Of its centre [m], world."""
    orientation: Turn
    residual: float
    """Root mean square of the support function's error [pixels]."""
    how: str
    refit: Callable[[], Fit]
    """Solves again from here, for instance against a corrected outline."""


def _mesh(fit: Fit) -> Triangles:
    return placed(fit.shape.triangles, fit.position, fit.orientation)


class Silhouette:
    """The outline of a mask as seen by a camera.

    Args:
        mask: (H, W) bool, one part.
        camera: Of the photo.
        free: (H, W) bool: where something may hide the thing. What reaches the photo's border may go on outside of it.
    """

    def __init__(self, mask: np.ndarray, camera: Camera, free: np.ndarray | None = None) -> None:
        from scipy.ndimage import binary_dilation
        from scipy.spatial import ConvexHull, QhullError

        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        pad = 3 + int(0.6 * max(np.ptp(rows), np.ptp(cols)))
        v0, u0 = max(int(rows[0]) - pad, 0), max(int(cols[0]) - pad, 0)
        crop = (slice(v0, int(rows[-1]) + 1 + pad), slice(u0, int(cols[-1]) + 1 + pad))
        self.mask, self.corner = mask[crop], (u0, v0)
        own = np.zeros_like(self.mask) if free is None else binary_dilation(free[crop], iterations=2) & ~self.mask
        self.free = own
        self.camera = camera
        self._size = mask.shape
        self._ends = mask[:, :BORDER].any(), mask[:BORDER].any(), mask[:, -BORDER:].any(), mask[-BORDER:].any()
        angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
        self.directions = np.stack([np.cos(angles), np.sin(angles)])
        points = self._rim(self.mask)
        self._pixels = (points @ self.directions).max(0)
        self.reach = self._pixels + EDGE
        pose = camera.camera_from_world
        self._matrix, self._shift = pose[:3, :3].T.copy(), pose[:3, 3].copy()
        try:
            area = ConvexHull(points).volume
        except QhullError:
            area = float(len(points))
        self.fullness = float(min(1.0, self.mask.sum() / max(area + 0.5 * len(points), 1.0)))
        """Area over that of the convex hull [-]."""

    @property
    def covered(self) -> bool:
        """Whether something may hide part of it."""
        return bool(self.free.any())

    def _rim(self, mask: np.ndarray) -> np.ndarray:
        """Centres (N, 2) of the outermost pixels of a mask of this crop, in the photo [pixels]."""
        from scipy.ndimage import binary_erosion

        return np.argwhere(mask & ~binary_erosion(mask))[:, ::-1] + np.array(self.corner) + 0.5

    def refined(self, fit: Fit) -> tuple[Fit, float]:
        """The fit once more, against what pixels make of its own outline; and its overlap with the mask.

        Drawn into pixels a solid reaches less far than it does, at corners most: how much, tells the fit itself.
        """
        best, most = fit, self.overlap(_mesh(fit), convex=True)
        lost: list[np.ndarray] = []
        for _ in range(REFITS if max(self.mask.shape) <= LARGE and most > 0.5 else 0):
            if most >= EXACT:
                break
            less = self._lost(_mesh(fit))
            if less is None:
                break
            lost.append(less)
            self.reach = self._pixels + np.mean(lost[-3:], axis=0)
            fit = fit.refit()
            overlap = self.overlap(_mesh(fit), convex=True)
            if overlap > most:
                best, most = fit, overlap
        return best, most

    def _is_near(self, mesh: Triangles) -> bool:
        """Whether a solid (world) is before the camera and not much larger than the crop: else drawing it is slow."""
        pixels, depth = self.camera.project(mesh.vertices)
        return bool(depth.min() > 1e-6) and float(np.ptp(pixels, axis=0).max()) < 4 * max(self.mask.shape)

    def _lost(self, mesh: Triangles) -> np.ndarray | None:
        """How much further a solid (world) reaches than the centres of the pixels it is drawn into [pixels]."""
        if not self._is_near(mesh):
            return None
        u, v = np.asarray(self.camera.principal_point) - self.corner
        camera = Camera(self.camera.focal, (u, v), self.mask.shape, self.camera.world_from_camera)
        drawn = convex_drawn(mesh, camera)
        pixels, _ = self.camera.project(mesh.vertices)
        if not drawn.any():
            return None
        lost = (pixels @ self.directions).max(0) - (self._rim(drawn) @ self.directions).max(0)
        # a solid that leaves the crop or the photo is cut there, which is no error of its pixels
        return np.where((lost >= 0) & (lost < 2), lost, EDGE)

    def error(self, points: np.ndarray) -> np.ndarray:
        """How much further the outline of world points (N, 3) reaches than the mask's (DIRECTIONS,) [pixels]."""
        local = points @ self._matrix + self._shift
        if local[:, 2].min() < 1e-6:
            return np.full(DIRECTIONS, 1e3)
        pixels = local[:, :2] / local[:, 2:] * self.camera.focal + np.asarray(self.camera.principal_point)
        along = pixels @ self.directions
        extreme = along.argmax(0)
        error = along[extreme, np.arange(DIRECTIONS)] - self.reach
        out = error > 0
        if out.any():
            u, v = pixels[extreme].T
            rows, cols = self._size
            left, top, right, bottom = self._ends
            beyond = (u < 1) & left | (v < 1) & top | (u > cols - 1) & right | (v > rows - 1) & bottom
            if self.free.any():
                h, w = self.free.shape
                i, j = (v - self.corner[1]).astype(int), (u - self.corner[0]).astype(int)
                beyond |= self.free[np.clip(i, 0, h - 1), np.clip(j, 0, w - 1)]
            loose = out & beyond
            error[loose] = REACH * np.log1p(error[loose])
        return error

    def placed_at(self, cloud: np.ndarray, start: np.ndarray, unit: float) -> tuple[float, float]:
        """The displacement (x, z) [m] of points (N, 3) whose outline agrees best with the mask's."""
        begin = np.asarray(start) / unit
        x, _ = _solved(self, lambda x: cloud + unit * np.array([x[0], 0.0, x[1]]), [begin], None)
        return float(unit * x[0]), float(unit * x[1])

    def overlap(self, mesh: Triangles, *, convex: bool = False) -> float:
        """Intersection over union of the mask with a solid (world), where nothing can hide it [-]."""
        if not self._is_near(mesh):
            return 0.0
        h, w = self.mask.shape
        stride = max(1, int(np.ceil(max(h, w) / 320)))
        size = (h // stride, w // stride)
        u, v = np.asarray(self.camera.principal_point) - self.corner
        camera = Camera(self.camera.focal / stride, (u / stride, v / stride), size, self.camera.world_from_camera)
        offset = stride // 2
        seen = self.mask[offset::stride, offset::stride][: size[0], : size[1]]
        free = self.free[offset::stride, offset::stride][: size[0], : size[1]]
        drawn = convex_drawn(mesh, camera) if convex else np.isfinite(depth_of(mesh, camera))
        drawn &= seen | ~free
        return float((drawn & seen).sum() / max((drawn | seen).sum(), 1))


def _solved(
    outline: Silhouette, model: Model, starts: Sequence[np.ndarray], prior: Callable[[np.ndarray], np.ndarray] | None
) -> tuple[np.ndarray, float]:
    """The parameters whose points (N, 3) cast the outline best, and the residual [pixels]."""
    from scipy.optimize import leastsq  # least_squares spends more on itself than such small problems cost

    def error(x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            miss = outline.error(model(x))
        if not np.isfinite(miss).all():
            miss = np.nan_to_num(miss, nan=1e3, posinf=1e3, neginf=-1e3)
        return miss if prior is None else np.concatenate([miss, prior(x)])

    best, least = starts[0], np.inf
    for start in starts:
        scale = 1 / np.maximum(np.abs(start), 0.1)
        x, _, found, *_ = leastsq(
            error, start, full_output=True, ftol=1e-8, xtol=1e-8, gtol=1e-8, diag=scale, maxfev=400 * (len(start) + 1)
        )
        cost = float(found["fvec"] @ found["fvec"])
        if cost < least:
            best, least = x, cost
    return best, float(np.sqrt(np.mean(error(best)[:DIRECTIONS] ** 2)))


def sphere(outline: Silhouette, support: float | None, start: tuple[np.ndarray, float]) -> Fit:
    """``start``: centre (3,) and radius [m]. Without a support it is in the air, as far away as its first guess."""
    eye = outline.camera.position
    centre, radius = start
    unit = max(radius, 1e-6)
    across_view, down_view = outline.camera.world_from_camera[:3, :2].T

    def place(x: np.ndarray) -> tuple[np.ndarray, float]:
        r = float(unit * np.exp(np.clip(x[2], -5, 5)))
        if support is None:
            return centre + unit * (x[0] * across_view + x[1] * down_view), r
        return np.array([centre[0] + unit * x[0], support + r, centre[2] + unit * x[1]]), r

    def points(x: np.ndarray) -> np.ndarray:
        middle, r = place(x)
        ray = middle - eye
        away = max(float(np.linalg.norm(ray)), 1.001 * r)
        ray = ray / away
        across = np.cross(ray, (0.0, 1.0, 0.0) if abs(ray[1]) < 0.9 else (1.0, 0.0, 0.0))
        across /= np.linalg.norm(across)
        up = np.cross(across, ray)
        rim = r * np.sqrt(1 - (r / away) ** 2)  # where lines of sight touch it
        return middle - ray * r**2 / away + rim * (_CIRCLE[:, :1] * across + _CIRCLE[:, 1:] * up)

    def solve(begin: Sequence[np.ndarray]) -> Fit:
        x, residual = _solved(outline, points, begin, None)
        middle, r = place(x)
        return Fit(Sphere(r), _point(middle), (0.0, 0.0, 0.0, 1.0), residual, "sphere", lambda: solve([x]))

    return solve([np.zeros(3)])


def cylinder(outline: Silhouette, support: float, starts: Sequence[np.ndarray], height: float | None = None) -> Fit:
    """Upright. ``starts``: of x, z, radius, height [m]."""
    unit = max(float(starts[0][2]), 1e-6)

    def place(x: np.ndarray) -> tuple[float, float, float, float]:
        r, tall = np.exp(np.clip(x[2:4], -6, 6)) * unit if height is None else (unit * np.exp(x[2]), height)
        return unit * x[0], unit * x[1], r, tall

    def points(x: np.ndarray) -> np.ndarray:
        px, pz, r, tall = place(x)
        ring = np.stack([px + r * _CIRCLE[:, 0], np.full(64, support), pz + r * _CIRCLE[:, 1]], axis=1)
        return np.concatenate([ring, ring + np.array([0, tall, 0])])

    def solve(begin: Sequence[np.ndarray]) -> Fit:
        x, residual = _solved(outline, points, begin, None)
        px, pz, r, tall = place(x)
        position = (float(px), float(support + tall / 2), float(pz))
        shape = Cylinder(float(r), float(tall))
        return Fit(shape, position, (0.0, 0.0, 0.0, 1.0), residual, "cylinder", lambda: solve([x]))

    begin = [np.array([s[0] / unit, s[1] / unit, *np.log(np.maximum(s[2:], 1e-6) / unit)]) for s in starts]
    return solve([b if height is None else b[:3] for b in begin])


def tapered(outline: Silhouette, support: float, starts: Sequence[np.ndarray], height: float | None = None) -> Fit:
    """An upright cone cut level, such as a cup. ``starts``: as of a cylinder."""
    unit = max(float(starts[0][2]), 1e-6)

    def size(x: np.ndarray) -> tuple[float, float, float]:
        foot, top, tall = unit * np.exp(np.clip(x[2:5] if height is None else [*x[2:4], 0.0], -6, 6))
        return float(foot), float(top), float(tall if height is None else height)

    def points(x: np.ndarray) -> np.ndarray:
        foot, top, tall = size(x)
        low, high = (np.stack([r * _CIRCLE[:, 0], np.full(64, y), r * _CIRCLE[:, 1]], 1)
                     for r, y in ((foot, support), (top, support + tall)))  # fmt: skip
        return np.concatenate([low, high]) + unit * np.array([x[0], 0.0, x[1]])

    def prior(x: np.ndarray) -> np.ndarray:
        return PRIOR * (x[2:3] - x[3:4])

    def solve(begin: Sequence[np.ndarray]) -> Fit:
        x, residual = _solved(outline, points, begin, prior)
        shape = Hull(points(x))
        return Fit(shape, _point(shape.offset), (0.0, 0.0, 0.0, 1.0), residual, "tapered cylinder", lambda: solve([x]))

    begin = []
    for x, z, half, high in starts:
        tall = [] if height is not None else [np.log(max(high, 1e-6) / unit)]
        wide = np.log(max(half, 1e-6) / unit)
        begin += [np.array([x / unit, z / unit, wide - lean, wide + lean, *tall]) for lean in (0.2, -0.2)]
    return solve(begin)


def lying_cylinder(outline: Silhouette, support: float, starts: Sequence[np.ndarray]) -> Fit:
    """Its axis level. ``starts``: of x, z, half of its width [m]."""
    unit = max(float(starts[0][2]), 1e-6)

    def points(x: np.ndarray) -> np.ndarray:
        r, half = unit * np.exp(np.clip(x[2:4], -6, 6))
        c, s = np.cos(x[4]), np.sin(x[4])
        up, side = support + r + r * _CIRCLE[:, 1], r * _CIRCLE[:, 0]
        middle = np.stack([unit * x[0] + s * side, up, unit * x[1] + c * side], axis=1)
        along = half * np.array([c, 0, -s])
        return np.concatenate([middle - along, middle + along])

    def solve(begin: Sequence[np.ndarray]) -> Fit:
        x, residual = _solved(outline, points, begin, None)
        r, half = unit * np.exp(np.clip(x[2:4], -6, 6))
        # a quarter turn about Z lays the axis along -X, then the turn about the vertical
        a, b = np.array([0, np.sin(x[4] / 2), 0, np.cos(x[4] / 2)]), np.sqrt(0.5)
        turn = _turn((a[1] * b, a[1] * b, a[3] * b, a[3] * b))
        position = (float(unit * x[0]), float(support + r), float(unit * x[1]))
        return Fit(Cylinder(float(r), float(2 * half)), position, turn, residual, "lying cylinder", lambda: solve([x]))

    begin = [
        np.array([s[0] / unit, s[1] / unit, np.log(0.5 * s[2] / unit), np.log(s[2] / unit), yaw])
        for s in starts
        for yaw in np.arange(4) * np.pi / 4 + 0.2
    ]
    return solve(begin)


def box(outline: Silhouette, support: float, starts: Sequence[np.ndarray], height: float | None = None) -> Fit:
    """Upright, turned about the vertical. ``starts``: of x, z, half of its width, height [m]."""
    unit = max(float(starts[0][2]), 1e-6)

    def size(x: np.ndarray) -> np.ndarray:
        wide, deep = unit * np.exp(np.clip(x[3:5], -6, 6))
        tall = height if height is not None else unit * np.exp(np.clip(x[5], -6, 6))
        return np.array([wide, tall, deep])

    def points(x: np.ndarray) -> np.ndarray:
        corner = _CORNERS * size(x)
        c, s = np.cos(x[2]), np.sin(x[2])
        return np.stack(
            [
                unit * x[0] + c * corner[:, 0] + s * corner[:, 2],
                support + corner[:, 1],
                unit * x[1] + c * corner[:, 2] - s * corner[:, 0],
            ],
            axis=1,
        )

    def prior(x: np.ndarray) -> np.ndarray:
        lengths = np.log(size(x)) if height is None else np.log(size(x)[[0, 2]])
        return PRIOR * (lengths - lengths.mean())

    def solve(begin: Sequence[np.ndarray]) -> Fit:
        x, residual = _solved(outline, points, begin, prior)
        wide, tall, deep = (float(v) for v in size(x))
        position = (float(unit * x[0]), float(support + tall / 2), float(unit * x[1]))
        turn = (0.0, float(np.sin(x[2] / 2)), 0.0, float(np.cos(x[2] / 2)))
        return Fit(Box((wide, tall, deep)), position, turn, residual, "box", lambda: solve([x]))

    begin = [
        np.array(
            [s[0] / unit, s[1] / unit, yaw, w, w, *([] if height is not None else [np.log(max(s[3], 1e-6) / unit)])]
        )
        for s in starts
        for yaw in np.arange(4) * np.pi / 8 + 0.1
        for w in [np.log(1.6 * s[2] / unit)]
    ]
    return solve(begin)


def _point(values: np.ndarray) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _turn(values) -> Turn:
    x, y, z, w = (float(v) for v in values)
    return x, y, z, w
