"""Pictures of simple worlds whose depth is known exactly, by casting rays.

Boxes, spheres, cylinders and an endless ground carry photographed or procedural textures, sunlight and shadows. World:
Y up, ground y = 0 beneath the camera, which looks along -Z. The scenes themselves: :mod:`benchmarks.depth_scenes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from physim.camera import Camera

SIZE = (256, 384)
"""(height, width) [pixels]."""
_LEVELS = 7
_FAR = 1e9


@dataclass(frozen=True)
class DepthScene:
    """A picture and the truth about it."""

    name: str
    image: np.ndarray
    """(h, w, 3) float32 sRGB."""
    depth: np.ndarray
    """(h, w) float64 z [m]; ``inf`` in the sky, NaN where it was not measured."""
    ground: np.ndarray
    """(h, w) bool: where the ground y = 0 is seen."""
    camera: Camera
    """The true one."""


@dataclass(frozen=True)
class Look:
    """Colour and texture of a surface."""

    colour: tuple[float, float, float]
    """Linear albedo."""
    texture: str = "plaster"
    tile: float = 1.0
    """Length of a texture's side [m]."""
    contrast: float = 1.0


@dataclass(frozen=True)
class Block:
    """A box that stands on its base; ``inside`` is a room seen from within."""

    base: tuple[float, float, float]
    size: tuple[float, float, float]
    look: Look
    yaw: float = 0.0
    inside: bool = False
    looks: tuple[Look, Look] = field(default=None)  # type: ignore[assignment]
    """Of a room: floor and ceiling."""


@dataclass(frozen=True)
class Ball:
    centre: tuple[float, float, float]
    radius: float
    look: Look


@dataclass(frozen=True)
class Post:
    """An upright cylinder on its base."""

    base: tuple[float, float, float]
    radius: float
    height: float
    look: Look


@dataclass(frozen=True)
class Rod:
    """A cylinder that lies: its axis is level, turned by ``yaw`` from x."""

    centre: tuple[float, float, float]
    radius: float
    length: float
    look: Look
    yaw: float = 0.0


@dataclass
class World:
    """Things, light and camera of a scene before it is rendered."""

    things: list[Block | Ball | Post | Rod]
    camera: Camera
    ground: Look | None
    sun: tuple[float, float, float] = (0.4, 0.8, 0.3)
    ambient: float = 0.45
    sky: tuple[float, float, float] | None = (0.45, 0.62, 0.9)


# ---- textures --------------------------------------------------------------------------------------------------------


@cache
def _texture(name: str) -> tuple[np.ndarray, ...]:
    """Mean 1, tileable, each level half as fine as the one before."""
    rng = np.random.default_rng(sum(name.encode()))
    size = 256
    v, u = np.mgrid[:size, :size] / size
    noise = sum(gaussian_filter(rng.standard_normal((size, size)), s, mode="wrap") * s for s in (0.7, 2.0, 6.0, 20.0))
    noise /= noise.std()
    if name in ("brick", "grass", "gravel"):
        from skimage import data

        picture = getattr(data, name)()[:512, :512].astype(np.float64)
        picture = picture.reshape(size, 2, size, 2).mean((1, 3))
    elif name == "tiles":
        seam = np.minimum(np.abs((u * 4) % 1 - 0.5), np.abs((v * 4) % 1 - 0.5)) > 0.47
        picture = 1 + 0.04 * noise + 0.15 * (((u * 4).astype(int) + (v * 4).astype(int)) % 2) - 0.4 * seam
        picture = np.where(np.maximum(np.abs((u * 4) % 1 - 0.5), np.abs((v * 4) % 1 - 0.5)) > 0.48, 0.6, picture)
    elif name == "planks":
        row = (v * 6).astype(int)
        grain = gaussian_filter(rng.standard_normal((size, size)), (0.7, 16), mode="wrap")
        picture = 1 + 0.12 * grain / grain.std() + rng.uniform(-0.15, 0.15, 6)[row]
        picture = np.where(np.abs((v * 6) % 1 - 0.5) > 0.47, 0.45, picture)
    elif name == "facade":
        window = (np.abs((u * 3) % 1 - 0.5) < 0.25) & (np.abs((v * 2) % 1 - 0.5) < 0.3)
        picture = np.where(window, 0.35, 1.0) + 0.06 * noise
    elif name == "stripes":
        picture = 1 + 0.12 * np.sign(np.sin(2 * np.pi * 8 * u)) + 0.03 * noise
    elif name == "foliage":
        picture = 1 + 0.35 * noise
    elif name == "asphalt":
        picture = 1 + 0.10 * noise + 0.12 * rng.standard_normal((size, size))
    else:
        picture = 1 + 0.03 * noise
    picture = np.clip(picture / picture.mean(), 0.05, 3)
    levels = [picture]
    for _ in range(_LEVELS - 1):
        n = len(levels[-1]) // 2
        levels.append(levels[-1].reshape(n, 2, n, 2).mean((1, 3)))
    return tuple(levels)


def _sampled(look: Look, place: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Albedo (n, 3) at surface coordinates (n, 2) [m] where a pixel is ``footprint`` (n,) [m] wide."""
    levels = _texture(look.texture)
    level = np.log2(np.maximum(footprint / look.tile * len(levels[0]), 1.0)).round().astype(int)
    value = np.ones(len(place))
    for k, picture in enumerate(levels):
        here = level == k
        n = len(picture)
        spot = place[here] / look.tile * n - 0.5
        low = np.floor(spot).astype(int)
        (fu, fv), (iu, iv) = (spot - low).T, low.T
        for dv, du in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (fv if dv else 1 - fv) * (fu if du else 1 - fu)
            tap = weight * picture[(iv + dv) % n, (iu + du) % n]
            value[here] = tap if (dv, du) == (0, 0) else value[here] + tap
    return np.asarray(look.colour) * (1 + look.contrast * (value - 1))[:, None]


# ---- rays ------------------------------------------------------------------------------------------------------------


def _turn(yaw: float) -> np.ndarray:
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _hit_block(block: Block, origin: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn, half = _turn(block.yaw), np.array(block.size) / 2
    local_o = (origin - np.array(block.base) - (0, half[1], 0)) @ turn
    local_r = ray @ turn
    safe = np.where(np.abs(local_r) > 1e-12, local_r, 1e-12)
    low, high = (-np.sign(safe) * half - local_o) / safe, (np.sign(safe) * half - local_o) / safe
    near, far = low.max(-1), high.min(-1)
    hit = (near < far) & (far > 1e-6)
    distance = np.where(hit, far if block.inside else near, _FAR)
    axis = (high.argmin(-1) if block.inside else low.argmax(-1))[:, None]
    normal = np.zeros_like(ray)
    np.put_along_axis(normal, axis, -np.sign(np.take_along_axis(safe, axis, 1)), 1)
    return np.where(distance > 1e-6, distance, _FAR), normal @ turn.T


def _hit_ball(ball: Ball, origin: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    away = origin - np.array(ball.centre)
    along = np.einsum("ni,ni->n", away, ray)
    root = along**2 - np.einsum("ni,ni->n", away, away) + ball.radius**2
    distance = np.where(root > 0, -along - np.sqrt(np.maximum(root, 0)), _FAR)
    distance = np.where(distance > 1e-6, distance, _FAR)
    return distance, (away + np.minimum(distance, 1e6)[:, None] * ray) / ball.radius


def _hit_post(post: Post, origin: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    away = origin - np.array(post.base)
    flat = np.maximum(ray[:, 0] ** 2 + ray[:, 2] ** 2, 1e-12)
    along = (away[:, 0] * ray[:, 0] + away[:, 2] * ray[:, 2]) / flat
    root = along**2 - (away[:, 0] ** 2 + away[:, 2] ** 2 - post.radius**2) / flat
    side = np.where(root > 0, -along - np.sqrt(np.maximum(root, 0)), _FAR)
    level = away[:, 1] + side * ray[:, 1]
    side = np.where((side > 1e-6) & (level > 0) & (level < post.height), side, _FAR)
    lid = (post.height - away[:, 1]) / np.where(np.abs(ray[:, 1]) > 1e-12, ray[:, 1], 1e-12)
    on = away + np.clip(lid, -1e6, 1e6)[:, None] * ray
    lid = np.where((lid > 1e-6) & (on[:, 0] ** 2 + on[:, 2] ** 2 < post.radius**2), lid, _FAR)
    normal = (away + np.minimum(side, 1e6)[:, None] * ray) / post.radius
    normal[:, 1] = 0
    up = lid < side
    normal[up] = (0, 1, 0)
    return np.minimum(side, lid), normal


def _hit_rod(rod: Rod, origin: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn = _turn(rod.yaw)
    o, r = (origin - np.array(rod.centre)) @ turn, ray @ turn
    across = np.maximum(r[:, 1] ** 2 + r[:, 2] ** 2, 1e-12)
    along = (o[:, 1] * r[:, 1] + o[:, 2] * r[:, 2]) / across
    root = along**2 - (o[:, 1] ** 2 + o[:, 2] ** 2 - rod.radius**2) / across
    side = np.where(root > 0, -along - np.sqrt(np.maximum(root, 0)), _FAR)
    there = np.abs(o[:, 0] + side * r[:, 0]) < rod.length / 2
    side = np.where((side > 1e-6) & there, side, _FAR)
    facing = -np.sign(np.where(r[:, 0] == 0, 1.0, r[:, 0]))  # of the end that can be seen
    end = (facing * rod.length / 2 - o[:, 0]) / np.where(np.abs(r[:, 0]) > 1e-12, r[:, 0], 1e-12)
    on = o + np.clip(end, -1e6, 1e6)[:, None] * r
    end = np.where((end > 1e-6) & (on[:, 1] ** 2 + on[:, 2] ** 2 < rod.radius**2), end, _FAR)
    normal = (o + np.minimum(side, 1e6)[:, None] * r) / rod.radius
    normal[:, 0] = 0
    flat = end < side
    normal[flat] = 0
    normal[flat, 0] = facing[flat]
    return np.minimum(side, end), normal @ turn.T


_HIT = {Block: _hit_block, Ball: _hit_ball, Post: _hit_post, Rod: _hit_rod}


def _cast(world: World, origin: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance, normal and number of what rays meet first: -1 sky, 0 the endless ground, then the things."""
    distance, normal, which = np.full(len(ray), _FAR), np.zeros_like(ray), np.full(len(ray), -1)
    if world.ground is not None:
        down = -origin[:, 1] / np.where(ray[:, 1] < -1e-9, ray[:, 1], -1e-12)
        meets = (ray[:, 1] < -1e-9) & (down > 1e-6) & (down < 5e3)
        distance[meets], normal[meets], which[meets] = down[meets], (0, 1, 0), 0
    for number, thing in enumerate(world.things, start=1):
        far, turned = _HIT[type(thing)](thing, origin, ray)  # type: ignore[operator]
        nearer = far < distance - 1e-7
        distance[nearer], normal[nearer], which[nearer] = far[nearer], turned[nearer], number
    return distance, normal, which


def _colours(world: World, origin, ray, distance, normal, which, pixel: float) -> np.ndarray:
    """Linear colours (n, 3) of what rays met."""
    point = origin + np.minimum(distance, 1e6)[:, None] * ray
    sun = np.array(world.sun) / np.linalg.norm(world.sun)
    colour = np.zeros((len(ray), 3))
    if world.sky is not None:
        rise = np.clip(ray[:, 1], 0, 1)[:, None]
        colour[:] = np.array(world.sky) * (0.55 + 0.5 * (1 - rise) ** 3) + 0.25 * (1 - rise) ** 6
    for number in range(len(world.things) + 1):
        here = which == number
        if not here.any():
            continue
        thing = world.things[number - 1] if number else None
        look = world.ground if thing is None else thing.look
        n, p = normal[here], point[here]
        if thing is not None:
            centre = np.array(thing.centre if isinstance(thing, Ball | Rod) else thing.base)
            turn = _turn(thing.yaw) if isinstance(thing, Block | Rod) else np.eye(3)
            p, n = (p - centre) @ turn, n @ turn
        level = np.abs(n[:, 1]) > 0.7
        side = np.where(np.abs(n[:, :1]) > np.abs(n[:, 2:]), p[:, 2:], p[:, :1])
        place = np.where(level[:, None], p[:, [0, 2]], np.concatenate([side, -p[:, 1:2]], axis=1))
        footprint = distance[here] * pixel / np.maximum(np.abs(np.einsum("ni,ni->n", normal[here], ray[here])), 0.1)
        albedo = _sampled(look, place, footprint)  # type: ignore[arg-type]
        if isinstance(thing, Block) and thing.looks is not None:
            for floor, part in ((thing.looks[0], n[:, 1] > 0.7), (thing.looks[1], n[:, 1] < -0.7)):
                albedo[part] = _sampled(floor, place[part], footprint[part])
        colour[here] = albedo
    lit = which >= 0
    facing = np.clip(normal @ sun, 0, 1)
    start = point + 1e-4 * np.maximum(distance, 1)[:, None] * normal
    check = lit & (facing > 0)
    shadow = np.zeros(len(ray))
    if check.any():
        beams = np.broadcast_to(sun, (int(check.sum()), 3))
        solid = World([t for t in world.things if not getattr(t, "inside", False)], world.camera, None)
        shadow[check] = _cast(solid, start[check], beams)[0] < 1e5
    light = world.ambient * (0.7 + 0.3 * normal[:, 1]) + (1 - world.ambient) * facing * (1 - shadow)
    colour[lit] *= (1.3 * light)[lit, None]
    return colour


def seen(world: World) -> np.ndarray:
    """(h, w) number of what each pixel's centre shows: -1 sky, 0 the endless ground, then the things from 1."""
    rays = world.camera.rays(world.camera.pixel_grid().reshape(-1, 2))
    origin = np.broadcast_to(world.camera.position, rays.shape)
    return _cast(world, origin, rays)[2].reshape(world.camera.size)


def render(name: str, world: World, seed: int) -> DepthScene:
    """The picture with two samples per pixel, and the exact depth of the pixels' centres."""
    camera = world.camera
    grid = camera.pixel_grid()
    rows, cols = camera.size

    def cast(pixels: np.ndarray):
        rays = camera.rays(pixels.reshape(-1, 2))
        origin = np.broadcast_to(camera.position, rays.shape)
        return origin, rays, *_cast(world, origin, rays)

    colour = np.zeros((rows * cols, 3))
    for step in (-0.25, 0.25):
        colour += _colours(world, *cast(grid + (step, step)), 1 / camera.focal) / 2
    _, rays, distance, normal, which = cast(grid)
    z = distance * (rays @ camera.world_from_camera[:3, 2])
    height = camera.position[1] + distance * rays[:, 1]
    ground = (which >= 0) & (np.abs(height) < 1e-3 * np.maximum(distance, 1)) & (normal[:, 1] > 0.9)
    linear = gaussian_filter(colour.reshape(rows, cols, 3), (0.5, 0.5, 0))
    rng = np.random.default_rng(seed)
    srgb = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    srgb += rng.normal(0, 0.006, srgb.shape)
    return DepthScene(
        name,
        np.clip(srgb, 0, 1).astype(np.float32),
        np.where(which >= 0, z, np.inf).reshape(rows, cols),
        ground.reshape(rows, cols),
        camera,
    )
