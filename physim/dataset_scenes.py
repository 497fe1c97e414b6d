"""Random scenes of named families: what moves, how the camera moves, what light there is.

A family is a triple of those. Some families are kept out of training altogether, so that what is learned can be
measured on kinds of scenes that were never seen, not on other throws of the same dice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath, Handheld
from physim.forces import Wind
from physim.materials import Cloth, Liquid, Rigid, Smoke
from physim.scene import Backdrop, Light, Scene
from physim.shapes import Box, Capsule, Cylinder, Emitter, Plane, Sphere
from physim.sheet import Sheet

FPS = 24.0


@dataclass(frozen=True)
class ClipSettings:
    size: tuple[int, int] = (112, 112)
    """(height, width) [pixels]."""
    frames: int = 16
    """Per clip."""
    windows: int = 2
    """Clips per simulated scene, one after another."""
    smoke_cells: int = 64
    """Along the longest side of the true grid; the input has half as many."""
    liquid_cells: int = 32
    """The same for liquids."""
    cloth_cells: int = 24
    """Along each side of a cloth."""

    @property
    def seconds(self) -> float:
        """Of the whole scene."""
        return self.frames * self.windows / FPS


class Family(NamedTuple):
    """A kind of scene."""

    subject: str
    camera: str
    light: str

    def __str__(self) -> str:
        return " ".join(self)


CAMERAS = ("still", "dolly", "truck", "handheld")
LIGHTS = ("sun", "lamp", "overcast")


# ---- pictures --------------------------------------------------------------------------------------------------------


def random_texture(rng: np.random.Generator, photos: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """A piece of a photo, or procedural noise, (H, W, 3) float32 sRGB."""
    if not photos or rng.random() < 0.15:
        return _noise_texture(rng, size)
    photo = photos[int(rng.integers(len(photos)))]
    reach = min(photo.shape[0] / size[0], photo.shape[1] / size[1])
    scale = rng.uniform(min(1.0, reach), min(3.5, reach))
    rows, cols = int(size[0] * scale), int(size[1] * scale)
    v, u = rng.integers(photo.shape[0] - rows + 1), rng.integers(photo.shape[1] - cols + 1)
    piece = photo[v : v + rows, u : u + cols]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    from physim.plate import resize

    piece = resize(np.ascontiguousarray(piece, dtype=np.float32), size)
    gain = rng.uniform(0.7, 1.15)
    return np.clip(piece * gain, 0, 1).astype(np.float32)


def _noise_texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    result = np.zeros((*size, 3))
    for sigma in (1.0, 3.0, 9.0, 27.0):
        layer = gaussian_filter(rng.standard_normal((*size, 3)), (sigma, sigma * rng.uniform(0.3, 3), 0), mode="wrap")
        result += rng.uniform(0, 1) * layer / layer.std()
    grey = result.mean(-1, keepdims=True)
    result = grey + rng.uniform(0, 0.5) * (result - grey)
    return np.clip(rng.uniform(0.25, 0.7, 3) + rng.uniform(0.03, 0.12) * result, 0, 1).astype(np.float32)


def random_background(rng: np.random.Generator, photos: Sequence[np.ndarray], camera: Camera, wall: float):
    """Picture and depth of a ground and a wall ``wall`` [m] away: (H, W, 3) sRGB and (H, W) [m]."""
    rays = camera.unproject(camera.pixel_grid(), 1.0) - camera.position
    down = np.where(rays[..., 1] < -1e-6, camera.position[1] / np.maximum(-rays[..., 1], 1e-6), np.inf)
    away = np.where(rays[..., 2] < -1e-6, wall / np.maximum(-rays[..., 2], 1e-6), np.inf)
    depth = np.minimum(np.minimum(down, away), 1e3).astype(np.float32)
    picture = random_texture(rng, photos, camera.size)
    if rng.random() < 0.5:
        other = random_texture(rng, photos, camera.size)
        picture = np.where((away < down)[..., None], other, picture)
    return picture.astype(np.float32), depth


# ---- light and camera ------------------------------------------------------------------------------------------------


def random_light(rng: np.random.Generator, kind: str) -> Light:
    """Of the sun (hard, dark shadows), of a lamp, or of a covered sky (soft, faint shadows)."""
    height, turn = np.radians(rng.uniform(30, 75)), rng.uniform(0, 2 * np.pi)
    direction = (np.cos(height) * np.cos(turn), np.sin(height), np.cos(height) * np.sin(turn))
    strong, soft, floor = {
        "sun": ((0.6, 0.9), (0.01, 0.04), (0.1, 0.3)),
        "lamp": ((0.5, 0.9), (0.05, 0.15), (0.15, 0.5)),
        "overcast": ((0.2, 0.45), (0.3, 0.6), (0.5, 0.8)),
    }[kind]
    key = rng.uniform(*strong) * np.array([1.0, rng.uniform(0.9, 1.0), rng.uniform(0.75, 1.0)])
    ambient = rng.uniform(0.15, 0.4) * np.array([rng.uniform(0.85, 1.0), rng.uniform(0.9, 1.0), 1.0])
    if kind == "overcast":
        ambient = ambient + 0.25
    return Light(direction, tuple(key), tuple(ambient), rng.uniform(*soft), rng.uniform(*floor))


def random_path(rng: np.random.Generator, camera: Camera, kind: str, distance: float, seconds: float) -> CameraPath:
    """The camera's way; ``distance`` [m] is that of what is looked at."""
    moves: dict[str, tuple] = {
        "still": (),
        "dolly": (CameraMove("dolly", rng.uniform(0.03, 0.12) * distance, 0.0, seconds, "linear"),),
        "truck": (
            CameraMove("truck", rng.choice((-1, 1)) * rng.uniform(0.02, 0.05) * distance, 0.0, seconds, "linear"),
            CameraMove("dolly", rng.uniform(0.02, 0.08) * distance, 0.0, seconds, "linear"),
        ),
        "handheld": (Handheld(rng.uniform(0.2, 0.5), 0.002 * distance, seed=int(rng.integers(2**31))),),
    }
    return CameraPath(camera, moves[kind])


# ---- subjects --------------------------------------------------------------------------------------------------------


@dataclass
class _Stage:
    """Where a subject is put."""

    scene: Scene
    rng: np.random.Generator
    camera: Camera
    settings: ClipSettings

    def spot(self, rows: tuple[float, float]) -> tuple[np.ndarray, float]:
        """A place on the ground in the picture, and how many metres a pixel is there."""
        height, width = self.camera.size
        pixel = np.array([self.rng.uniform(0.25, 0.75) * width, self.rng.uniform(*rows) * height])
        ray = self.camera.unproject(pixel, 1.0) - self.camera.position
        z = self.camera.position[1] / max(-ray[1], 1e-3)
        return self.camera.position + z * ray, z / self.camera.focal

    def solid(self, r: float) -> tuple[Sphere | Box | Cylinder | Capsule, float]:
        """A solid of about radius ``r`` and half its height [m]."""
        kind = self.rng.integers(4)
        if kind == 0:
            return Sphere(r), r
        if kind == 1:
            x, y, z = 2 * r * self.rng.uniform(0.6, 1.1, 3)
            return Box((x, y, z)), y / 2
        return (Cylinder(0.8 * r, 1.8 * r), 0.9 * r) if kind == 2 else (Capsule(0.6 * r, 1.0 * r), 1.1 * r)

    def add(self, shape, half: float, place: np.ndarray, material: Rigid, **motion) -> None:
        """A body of random looks, turned about the vertical, unless another one is in its way."""
        reach = shape.bounding_radius
        for other in self.scene.bodies:
            away = np.array(other.position) - place
            if np.hypot(away[0], away[2]) < 1.1 * (reach + other.shape.bounding_radius):  # type: ignore[union-attr]
                return
        yaw = self.rng.uniform(0, np.pi)
        self.scene.add(
            shape,
            material,
            position=(float(place[0]), float(half + 1e-4), float(place[2])),
            orientation=(0.0, float(np.sin(yaw / 2)), 0.0, float(np.cos(yaw / 2))),
            colour=tuple(self.rng.uniform(0.1, 0.9, 3)),
            texture=["plain", "wood", "checker", "speckle"][self.rng.integers(4)],
            **motion,
        )

    def kind(self) -> str:
        return ["wood", "rubber", "ceramic"][self.rng.integers(3)]

    def width(self, metres: float) -> float:
        """Of the picture at a distance where a pixel is ``metres`` [m]."""
        return self.camera.size[1] * metres


def _slide(stage: _Stage, most: int = 3) -> None:
    """Bodies that slide over a good part of the picture, slowly enough to be followed."""
    rng = stage.rng
    for _ in range(int(rng.integers(1, most + 1))):
        place, metres = stage.spot((0.5, 0.9))
        shape, half = stage.solid(rng.uniform(0.05, 0.11) * stage.width(metres))
        friction, turn = rng.uniform(0.02, 0.2), rng.uniform(0, 2 * np.pi)
        travel = rng.uniform(0.15, 0.6) * stage.width(metres)
        speed = min(np.sqrt(2 * friction * 9.81 * travel), rng.uniform(2, 6) * metres * FPS)
        material = Rigid(stage.kind(), friction=friction**2 / 0.45)  # with wooden ground
        stage.add(
            shape, half, place, material, velocity=(float(speed * np.cos(turn)), 0.0, float(speed * np.sin(turn)))
        )


def _fall(stage: _Stage) -> None:
    """Bodies that spin, drop and bounce."""
    rng = stage.rng
    for _ in range(int(rng.integers(1, 4))):
        place, metres = stage.spot((0.5, 0.85))
        r = rng.uniform(0.05, 0.1) * stage.width(metres)
        shape, half = stage.solid(r)
        spin = tuple(float(x) for x in rng.uniform(-4, 4, 3))
        material = Rigid(stage.kind(), restitution=rng.uniform(0.2, 0.8))
        drift = rng.uniform(-0.2, 0.2, 2) * stage.width(metres)
        stage.add(
            shape, half + r * rng.uniform(0.3, 3), place, material,
            velocity=(float(drift[0]), 0.0, float(drift[1])), angular_velocity=spin,
        )  # fmt: skip


def _collide(stage: _Stage) -> None:
    """A ball that runs into a row of boxes."""
    rng = stage.rng
    place, metres = stage.spot((0.55, 0.85))
    r = rng.uniform(0.05, 0.08) * stage.width(metres)
    along = np.array([np.cos(turn := rng.uniform(0, 2 * np.pi)), 0.0, np.sin(turn)])
    for k in range(int(rng.integers(2, 5))):
        stage.add(Box((0.7 * r, 2.4 * r, 1.4 * r)), 1.2 * r, place + along * 3.1 * r * k, Rigid("wood"))
    speed = min(rng.uniform(0.4, 0.9) * stage.width(metres), 8 * metres * FPS)
    velocity = tuple(float(x) for x in speed * along)
    stage.add(Sphere(r), r, place - along * rng.uniform(3.5, 5) * r, Rigid("rubber"), velocity=velocity)


def _flag(stage: _Stage) -> None:
    """A cloth that hangs by an edge in the wind."""
    rng = stage.rng
    place, metres = stage.spot((0.75, 1.0))
    w, h = rng.uniform(0.3, 0.55, 2) * stage.width(metres)
    n = stage.settings.cloth_cells
    stage.scene.add(
        Sheet((w, h), (n, n)),
        Cloth(["cotton", "silk", "wool"][rng.integers(3)]),
        position=(float(place[0]), float(h * rng.uniform(0.6, 1.0)), float(place[2])),
        colour=tuple(rng.uniform(0.1, 0.9, 3)),
        texture=["gingham", "checker", "woven"][rng.integers(3)],
        pin=["top", "left", "top corners"][rng.integers(3)],
    )
    turn, speed = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 5)
    velocity = (float(speed * np.cos(turn)), 0.0, float(speed * np.sin(turn)))
    stage.scene.add(Wind(velocity, gust=0.5, seed=stage.scene.seed))


def _drape(stage: _Stage) -> None:
    """A cloth that falls over a body."""
    rng = stage.rng
    place, metres = stage.spot((0.55, 0.85))
    r = rng.uniform(0.06, 0.1) * stage.width(metres)
    shape, half = stage.solid(r)
    stage.add(shape, half, place, Rigid("ceramic"))
    side, n = float(rng.uniform(3.5, 5.5) * r), stage.settings.cloth_cells
    s = np.sqrt(0.5)
    stage.scene.add(
        Sheet((side, side), (n, n)),
        Cloth(["cotton", "silk"][rng.integers(2)]),
        position=(float(place[0] + r * rng.uniform(-1, 1)), float(2 * half + r * rng.uniform(0.2, 1)), float(place[2])),
        orientation=(-s, 0.0, 0.0, s),
        colour=tuple(rng.uniform(0.1, 0.9, 3)),
        texture=["gingham", "checker", "woven"][rng.integers(3)],
    )


def _plume(stage: _Stage, presets: tuple[str, ...], thick: tuple[float, float], gust: float = 0.5) -> None:
    rng = stage.rng
    seconds = stage.settings.seconds
    place, metres = stage.spot((0.6, 0.95))
    width = stage.width(metres)
    radius = rng.uniform(0.04, 0.08) * width
    # Buoyant speed sqrt(g' R) chosen on the screen, so that smoke crosses the picture at any scale.
    rise = rng.uniform(0.5, 1.3) * 0.5 * width / seconds
    excess = min(rise**2 / (9.81 * radius), 0.6)
    x, z = float(place[0]), float(place[2])
    low, high = (x - 0.4 * width, 0.0, z - 0.25 * width), (x + 0.4 * width, 0.85 * width, z + 0.25 * width)
    material = Smoke(
        presets[rng.integers(len(presets))],
        temperature=293.15 / (1 - excess),
        extinction=float(np.exp(rng.uniform(*np.log(thick)))) / radius,
        dissipation=rng.uniform(0, 0.6) / seconds,
        cooling=0.3 / seconds,
        resolution=stage.settings.smoke_cells,
        domain=(low, high),
    )
    jet = (0.0, float(rng.uniform(0, 1) * rise), 0.0)
    emitter = Emitter((0.0, 0.0, 0.0), radius, rate=rng.uniform(2, 6) / seconds * 2, velocity=jet)
    stage.scene.add(emitter, material, name="smoke", position=(x, float(radius * rng.uniform(0.8, 2.0)), z))
    turn, wind = rng.uniform(0, 2 * np.pi), rng.uniform(0, gust) * rise
    velocity = (float(wind * np.cos(turn)), 0.0, float(wind * np.sin(turn)))
    stage.scene.add(Wind(velocity, gust=0.4, seed=stage.scene.seed))


def _steam(stage: _Stage) -> None:
    """A breath of it."""
    _plume(stage, ("steam", "fog"), (0.25, 1.5))


def _smoke(stage: _Stage) -> None:
    """Thick smoke and dust, in more wind."""
    _plume(stage, ("smoke", "dust"), (1.5, 6.0), gust=1.2)


def _smoke_and_bodies(stage: _Stage) -> None:
    _slide(stage, most=2)
    _plume(stage, ("steam", "steam", "smoke", "dust", "fog"), (0.25, 6.0))


def _tank(stage: _Stage, share: float = 1.0) -> tuple[np.ndarray, float, float]:
    """Water between panes of glass that are not drawn; ``share`` of the floor is covered. Place, half width, level."""
    rng = stage.rng
    place, metres = stage.spot((0.6, 0.85))
    w, d, h = rng.uniform((0.35, 0.2, 0.1), (0.55, 0.35, 0.18)) * stage.width(metres)
    h = h if share == 1 else 1.8 * h
    x, z = float(place[0]), float(place[2])
    material = Liquid(
        ["water", "water", "milk", "coffee"][rng.integers(4)],
        resolution=stage.settings.liquid_cells,
        domain=((x - w / 2, 0.0, z - d / 2), (x + w / 2, float(max(2.2 * h, 0.6 * w)), z + d / 2)),
    )
    box = Box((share * w, h, d))
    stage.scene.add(box, material, name="water", position=(x - (1 - share) * w / 2, h / 2, z))
    return place, w / 2, h


def _dam(stage: _Stage) -> None:
    """A column of liquid that is let go."""
    _tank(stage, share=float(stage.rng.uniform(0.3, 0.5)))


def _splash(stage: _Stage) -> None:
    """A body that falls into water."""
    place, half, level = _tank(stage)
    r = stage.rng.uniform(0.18, 0.3) * half
    shape, high = stage.solid(r)
    offset = np.array([stage.rng.uniform(-0.4, 0.4) * half, 0, 0])
    material = Rigid("wood", density=stage.rng.uniform(300, 2000))
    lift = level + high + r * stage.rng.uniform(0.2, 2)
    stage.add(shape, lift, place + offset, material, velocity=(0.0, float(-2 * r * stage.rng.uniform(2, 6)), 0.0))


SUBJECTS: dict[str, Callable[[_Stage], None]] = {
    "smoke": _smoke,
    "fall": _fall,
    "collide": _collide,
    "flag": _flag,
    "drape": _drape,
    "steam": _steam,
    "slide": _slide,
    "dam": _dam,
    "smoke and bodies": _smoke_and_bodies,
    "splash": _splash,
}
FAMILIES = tuple(Family(s, c, li) for li in LIGHTS for c in CAMERAS for s in SUBJECTS)
"""In the order of seeds: neighbours differ in what moves."""
HELD_OUT = tuple(
    f for k, f in enumerate(FAMILIES) if (CAMERAS.index(f.camera) + LIGHTS.index(f.light) + k) % 4 == 2 and k % 3 < 2
)


def family_of(seed: int) -> Family:
    """Which kind of scene a seed makes."""
    return FAMILIES[seed % len(FAMILIES)]


def random_scene(
    rng: np.random.Generator, photos: Sequence[np.ndarray], settings: ClipSettings, family: Family
) -> Scene:
    """Ground, wall, light, and what is about to move; the backdrop is the true background."""
    fov, pitch = rng.uniform(35, 60), rng.uniform(12, 38)
    unit = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))  # height of the camera [m]: table to room
    camera = Camera.looking(settings.size, fov_deg=fov, pitch_deg=pitch, height=unit)
    scene = Scene(seed=int(rng.integers(2**31)))
    scene.add(Plane(), name="ground")
    distance = unit / np.tan(np.radians(pitch))
    scene.camera = random_path(rng, camera, family.camera, distance, settings.seconds)
    picture, depth = random_background(rng, photos, camera, distance * rng.uniform(1.3, 3.0))
    nothing = np.zeros(settings.size, np.float32)
    scene.backdrop = Backdrop(picture, picture, nothing, depth, nothing.astype(np.uint16))
    scene.light = random_light(rng, family.light)
    SUBJECTS[family.subject](_Stage(scene, rng, camera, settings))
    return scene
