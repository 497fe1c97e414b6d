"""The direction of the light from a photo: the one that explains the shading of known solids, and their shadows.

Every pixel p of a thing k with normal n is taken to be

    I(p) = albedo_k (ambient + max(n . l, 0) V(p, l)),    V: part of the light that the solids let through to p,

with one direction l and one ambient for the whole photo (PhysGen, Liu et al. 2024, fits the same four numbers; the
shadows V are added here, for they tell more than shading does on things of few colours). Directions are tried one after
another over the upper half of the sphere, which has no local minima to be caught in; albedos follow by robust least
squares (Huber 1964). The answer is given only where the photo knows it: see :data:`LEAST_EXPLAINED` and what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.depth import FAR, resampled
from physim.layers import Layers
from physim.scene import Scene
from physim.shapes import Triangles
from physim.srgb import to_linear
from physim.view import plane_depth
from physim.zbuffer import depth_of, placed

LEAST_EXPLAINED = 0.28
"""Part of the robust variation of brightness that the best direction explains, from which it is believed [-]. Solids of
one paint reach 0.9, under strong blotches 0.3 and more; blotches alone, with no shading below them, reach 0.24. A cup
of two glazes on a busy table reaches 0.1, and what it finds hangs on which glaze is taken for shade: too little."""
LEAST_GAP = 0.08
"""How much of that a direction more than :data:`APART` away must lose [-]: else two answers are as good."""
APART = np.radians(25.0)
MOST_SPREAD = np.radians(15.0)
"""Four of five repetitions on other parts of the photo must agree to this [rad]."""

_SIDE = 256
"""Longer side of the grid [pixels]: its box filter is the low pass that takes grain and fine texture away."""
_BLOCK = 16
"""Side of the parts of the photo that are drawn anew in each repetition [pixels of the grid]."""
_FEWEST = 40
"""Of a thing, else it is too small to tell [pixels of the grid]."""
_PIXELS = 800
"""Of each thing, at most."""
_IN_ALL = 8000
"""Of all things together, at most about."""
_NEAR = 2.0
"""Ground counts up to this far from the middle of all things [radii of all things]."""
_HUBER = 0.15
"""Of a thing's median brightness: where errors stop counting by their square."""
_AMBIENTS = np.array([0.05, 0.12, 0.25, 0.4, 0.6, 0.9, 1.4])[:, None]
"""Over what the light adds to a surface that faces it [-]."""
_MAP = 64
"""Side of the shadow map, which holds all solids [texels]."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


@dataclass(frozen=True)
class Seen:
    """A thing of known form and where the photo shows it."""

    name: str
    mesh: Triangles
    """In the world."""
    mask: np.ndarray
    """(H, W) bool on the photo."""


@dataclass(frozen=True)
class LightFit:
    """What the photo says about its light."""

    direction: tuple[float, float, float]
    """Unit vector towards the light, world."""
    ambient_share: float
    """Ambient over ambient + light, on a surface that faces the light [-]."""
    explained: float
    """Part of the robust variation of brightness [-]."""
    spread: float
    """Angle within which four of five repetitions agree [rad]."""


@dataclass(frozen=True)
class _Pixels:
    """Samples of all things, thing after thing: P of them."""

    point: np.ndarray
    """(P, 3) [m]"""
    normal: np.ndarray
    """(P, 3)"""
    value: np.ndarray
    """(P,) luminance over the thing's median."""
    start: np.ndarray
    """(K,): first sample of each thing."""
    thing: np.ndarray
    """(P,): which thing."""
    block: np.ndarray
    """(P,): which part of the photo, numbered from 0 without gaps."""


def seen_things(scene: Scene, layers: Layers) -> tuple[list[Seen], np.ndarray]:
    """Solids lifted from the photo where it shows them, and where it shows the ground y = 0, (H, W) bool."""
    things = []
    for number, entity in enumerate(scene, start=1):
        if hasattr(entity.shape, "triangles") and (layers.ids == number).any():
            mesh = placed(entity.shape.triangles, entity.position, entity.orientation)
            things.append(Seen(entity.name, mesh, layers.ids == number))
    height = layers.camera.unproject(layers.camera.pixel_grid(), layers.plate)[..., 1]
    level = np.abs(height) < 2e-3 * layers.plate
    ground = resampled(level, layers.ids.shape) > 0.99
    return things, ground & (layers.ids == 0)


def estimate_light(
    image: np.ndarray, camera: Camera, things: Sequence[Seen], ground: np.ndarray | None = None
) -> tuple[LightFit | None, str]:
    """Direction of the one distant light, from shading and cast shadows.

    Args:
        image: (H, W, 3) float32 sRGB in [0, 1].
        camera: Of the photo, same size.
        things: All solids whose place and form are known.
        ground: (H, W) bool: where the photo shows the plane y = 0; shadows on it count.

    Returns:
        The fit, or None where the photo does not tell, and one line that says how good it is or why there is none.
    """
    pixels = _observed(image, camera, things, ground)
    if pixels is None:
        return None, "no thing of known form is seen large enough"
    cloud = _surface_samples([thing.mesh for thing in things])
    with ThreadPoolExecutor(2) as pool:  # NumPy lets go of the interpreter on arrays of this size
        found = list(pool.map(lambda towards: (towards, *_misfit(towards, pixels, cloud)), _half_sphere(130)))
    for angle in np.radians([9.0, 5.0, 3.0, 1.5]):
        best = min(found, key=lambda one: one[1].sum())[0]
        found += [(towards, *_misfit(towards, pixels, cloud)) for towards in _ring(best, angle)]
    directions = np.stack([one[0] for one in found])
    costs = np.stack([one[1] for one in found])  # (D, B): per part of the photo
    nothing = _plain_misfit(pixels)
    total = costs.sum(1)
    k = int(total.argmin())
    explained = 1 - total[k] / max(nothing, 1e-12)
    off = np.arccos(np.clip(directions @ directions[k], -1, 1))
    gap = (total[off > APART].min() - total[k]) / max(nothing - total[k], 1e-12)
    spread = _spread(costs, off)
    if nothing < 1e-4 * len(pixels.value) or explained < LEAST_EXPLAINED:
        return None, f"no direction explains the shading of {_names(things)} ({100 * max(explained, 0):.0f} % of it)"
    if gap < LEAST_GAP:
        return None, f"directions far apart explain the shading of {_names(things)} equally well"
    if spread > MOST_SPREAD:
        return None, f"parts of the photo disagree by {np.degrees(spread):.0f} degrees"
    x, y, z = (float(c) for c in directions[k])
    fit = LightFit((x, y, z), found[k][2] / (1 + found[k][2]), float(explained), float(spread))
    return (
        fit,
        f"shading and shadows of {_names(things)}, {100 * explained:.0f} % of it, +- {np.degrees(spread):.0f} deg",
    )


def _names(things: Sequence[Seen]) -> str:
    names = [thing.name for thing in things]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# ---- what the photo shows --------------------------------------------------------------------------------------------


def _observed(image, camera: Camera, things: Sequence[Seen], ground: np.ndarray | None) -> _Pixels | None:
    """Samples on the coarse grid, away from outlines and creases, neither clipped nor black."""
    from scipy.ndimage import binary_erosion

    if not things:
        return None
    shrink = min(1.0, _SIDE / max(camera.size))
    rows, cols = (max(8, round(side * shrink)) for side in camera.size)
    small = camera.resized((rows, cols))
    brightness, share = _brightness(image, (rows, cols))
    surfaces = [(thing.mask, depth_of(thing.mesh, small)) for thing in things]
    if ground is not None:
        level = plane_depth(small, 0.0, far=FAR)
        surfaces.append((ground, np.where(level < FAR, level, np.inf)))
    corners = np.concatenate([thing.mesh.vertices for thing in things])
    middle = (corners.max(0) + corners.min(0)) / 2
    near = _NEAR * np.linalg.norm(corners - middle, axis=1).max()
    chosen: list[tuple[np.ndarray, ...]] = []
    rng = np.random.default_rng(0)
    for k, (mask, depth) in enumerate(surfaces):
        normal, point, smooth = _surface(depth, small)
        use = binary_erosion(resampled(mask, (rows, cols)) > 0.99, iterations=2) & smooth & (share > 0.9)
        use &= np.linalg.norm(point - middle, axis=-1) < near  # of the ground, what shadows may reach
        index = np.flatnonzero(use)
        if k == len(things) and not chosen:
            return None  # the ground alone has one normal and no shadow that we know
        if len(index) < _FEWEST:
            continue
        index = np.sort(rng.permutation(index)[: min(_PIXELS, max(_FEWEST, _IN_ALL // len(surfaces)))])
        value = brightness.ravel()[index]
        chosen.append((point.reshape(-1, 3)[index], normal.reshape(-1, 3)[index], value / np.median(value), index))
    return _joined(chosen, cols) if chosen else None


def _brightness(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean linear luminance on a grid of the pixels that are neither clipped nor black, and their share."""
    light = to_linear(image) @ _LUMINANCE
    sound = (image.max(-1) < 0.985) & (light > 0.004)
    share = resampled(sound, size)
    return resampled(light * sound, size) / np.maximum(share, 1e-6), share


def _joined(chosen: list[tuple[np.ndarray, ...]], cols: int) -> _Pixels:
    """Samples of all things (point, normal, value, flat index on the grid) behind one another."""
    point, normal, value, index = (np.concatenate([one[k] for one in chosen]) for k in range(4))
    counts = [len(one[3]) for one in chosen]
    part = index // cols // _BLOCK * (cols // _BLOCK + 1) + index % cols // _BLOCK
    return _Pixels(
        point,
        normal,
        value,
        start=np.cumsum([0, *counts[:-1]]),
        thing=np.repeat(np.arange(len(counts)), counts),
        block=np.unique(part, return_inverse=True)[1],
    )


def _surface(depth: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals (h, w, 3) and points (h, w, 3) of a depth map, and where the surface is smooth (h, w) bool."""
    from scipy.ndimage import binary_erosion

    there = np.isfinite(depth)
    point = camera.unproject(camera.pixel_grid(), np.where(there, depth, 1.0))
    normal = np.zeros_like(point)
    across, down = point[1:-1, 2:] - point[1:-1, :-2], point[2:, 1:-1] - point[:-2, 1:-1]
    normal[1:-1, 1:-1] = np.cross(down, across)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-30)
    smooth = binary_erosion(there, np.ones((3, 3), dtype=bool))
    for axis in (0, 1):  # a crease or a jump: neighbours that face elsewhere
        turn = (np.roll(normal, 1, axis) * np.roll(normal, -1, axis)).sum(-1)
        smooth &= turn > np.cos(np.radians(40))
    return normal, point, smooth


def _surface_samples(meshes: Sequence[Triangles], count: int = 24000) -> np.ndarray:
    """Points on the solids, evenly by area, (count, 3) [m]."""
    corners = np.concatenate([mesh.vertices[mesh.faces] for mesh in meshes])
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(0)
    face = rng.choice(len(area), count, p=area / area.sum())
    s, t = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return a[face] * (1 - s) + b[face] * s * (1 - t) + c[face] * s * t


# ---- one direction ---------------------------------------------------------------------------------------------------


def _let_through(towards: np.ndarray, cloud: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Part of a distant light that reaches each point (P,), by a shadow map of points with a soft edge."""
    centre = (cloud.max(0) + cloud.min(0)) / 2
    radius = 1.02 * np.linalg.norm(cloud - centre, axis=1).max()
    up = np.array([0.0, 1.0, 0.0]) if abs(towards[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    plane = np.stack([right, np.cross(towards, right)], axis=1)
    side = _MAP + 2  # a rim of nothing around it
    top = np.full(side * side, -np.inf)
    u, v = (((cloud - centre) @ plane / radius * 0.5 + 0.5) * _MAP).astype(int).T + 1
    np.maximum.at(top, v * side + u, (cloud - centre) @ towards)
    spot = ((point - centre) @ plane / radius * 0.5 + 0.5) * _MAP + 1
    height = (point - centre) @ towards + 0.05 * radius  # beyond a texel's slope, no surface shades itself
    cols, rows = (
        [np.clip(np.floor(spot[:, k] + d).astype(int), 0, _MAP + 1) for d in (-0.7, 0.0, 0.7)] for k in (0, 1)
    )
    lit = np.zeros(len(point))
    for i in rows:
        for j in cols:
            lit += top[i * side + j] <= height
    return lit / 9


def _misfit(towards: np.ndarray, pixels: _Pixels, cloud: np.ndarray) -> tuple[np.ndarray, float]:
    """Huber's loss per part of the photo (B,), and the ambient over the light that gives the least."""
    facing = np.maximum(pixels.normal @ towards, 0) * _let_through(towards, cloud, pixels.point)
    shading = _AMBIENTS + facing  # (R, P)
    error = _residual(shading, pixels)
    loss = _huber(error)
    k = int(loss.sum(1).argmin())
    return np.bincount(pixels.block, loss[k]), float(_AMBIENTS[k, 0])


def _plain_misfit(pixels: _Pixels) -> float:
    """The loss if every thing had one brightness."""
    return float(_huber(_residual(np.ones((1, len(pixels.value))), pixels)).sum())


def _residual(shading: np.ndarray, pixels: _Pixels) -> np.ndarray:
    """Brightness (R, P) minus albedo x shading, the albedo of each thing by reweighted least squares."""
    weighted = error = shading
    for _ in range(5):
        above = np.add.reduceat(weighted * pixels.value, pixels.start, axis=1)
        below = np.add.reduceat(weighted * shading, pixels.start, axis=1)
        error = pixels.value - (above / np.maximum(below, 1e-12)).take(pixels.thing, axis=1) * shading
        weighted = shading * (_HUBER / np.maximum(np.abs(error), _HUBER))
    return error


def _huber(error: np.ndarray) -> np.ndarray:
    size = np.abs(error)
    return np.where(size < _HUBER, 0.5 * size**2, _HUBER * (size - 0.5 * _HUBER))


# ---- all directions --------------------------------------------------------------------------------------------------


def _half_sphere(count: int) -> np.ndarray:
    """Evenly spread directions at least 6 degrees above the horizon, (count, 3): a Fibonacci lattice."""
    k = np.arange(count) + 0.5
    y = 1 - 0.9 * k / count
    turn = k * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - y**2)
    return np.stack([flat * np.cos(turn), y, flat * np.sin(turn)], axis=1)


def _ring(centre: np.ndarray, angle: float, count: int = 8) -> np.ndarray:
    """Directions at ``angle`` [rad] around one, those above the horizon."""
    side = np.cross(centre, np.eye(3)[np.abs(centre).argmin()])
    side /= np.linalg.norm(side)
    turn = 2 * np.pi * np.arange(count)[:, None] / count
    around = np.cos(angle) * centre + np.sin(angle) * (np.cos(turn) * side + np.sin(turn) * np.cross(centre, side))
    return around[around[:, 1] > 0.05]


def _spread(costs: np.ndarray, off: np.ndarray, repetitions: int = 200) -> float:
    """Bootstrap over parts of the photo: angle from the answer to four of five answers of the repetitions [rad]."""
    blocks = costs.shape[1]
    drawn = np.random.default_rng(0).multinomial(blocks, np.full(blocks, 1 / blocks), size=repetitions)
    return float(np.quantile(off[(drawn @ costs.T).argmin(1)], 0.8))
