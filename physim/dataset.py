"""Training clips from our own simulator: truth rendered cleanly, input degraded as reconstruction degrades it.

A scene is a picture of real texture on a ground and a wall, bodies that stand on it and start to move, and smoke. It
is simulated once. Truth shows the true background wherever it comes into view, and the smoke of the full grid. Input
is what the library itself would make of the first true frame: the things cut out of it, the hole behind them filled,
the light a little wrong, the smoke of a grid twice as coarse.

``python -m physim.dataset --out DIR --minutes M`` writes shards of clips. Each is an ``.npz`` with the arrays of
:class:`physim.Conditions` (without those a network does not read) and ``truth``, all with a leading clip axis;
``uint8`` other than ``ids`` are fractions of 255, ``float16`` are values.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from physim.camera import Camera
from physim.camera_path import CameraMove, CameraPath
from physim.forces import Wind
from physim.materials import Rigid, Smoke
from physim.scene import Backdrop, Light, Scene
from physim.shapes import Box, Capsule, Cylinder, Emitter, Plane, Sphere
from physim.trajectory import SmokeTrack, Trajectory

FPS = 24.0
FRACTIONS = ("coarse", "truth", "image", "hole", "smoke", "shadow", "occlusion")
"""Arrays in [0, 1], stored as uint8."""
VALUES = ("flow", "flow_backward", "smoke_flow", "depth")
"""Arrays stored as float16."""


@dataclass(frozen=True)
class ClipSettings:
    size: tuple[int, int] = (112, 112)
    """(height, width) [pixels]."""
    frames: int = 10
    """Per clip."""
    windows: int = 3
    """Clips per simulated scene, one after another."""
    smoke_cells: int = 64
    """Along the longest side of the true grid; the input has half as many."""


Clip = dict[str, np.ndarray]


# ---- a random scene --------------------------------------------------------------------------------------------------


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


def random_scene(rng: np.random.Generator, photos: Sequence[np.ndarray], settings: ClipSettings) -> Scene:
    """Ground, wall, bodies that are about to move, smoke about to rise; the backdrop is the true background."""
    fov, pitch = rng.uniform(35, 60), rng.uniform(12, 38)
    unit = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))  # height of the camera [m]: table to room
    camera = Camera.looking(settings.size, fov_deg=fov, pitch_deg=pitch, height=unit)
    scene = Scene(seed=int(rng.integers(2**31)))
    scene.add(Plane(), name="ground")
    moves: tuple[CameraMove, ...] = ()
    seconds = settings.frames * settings.windows / FPS
    distance = unit / np.tan(np.radians(pitch))
    if rng.random() < 0.25:  # forwards only: nothing outside of the photo comes into view
        moves = (CameraMove("dolly", rng.uniform(0.03, 0.12) * distance, 0.0, seconds, "linear"),)
    scene.camera = CameraPath(camera, moves)
    picture, depth = random_background(rng, photos, camera, distance * rng.uniform(1.3, 3.0))
    nothing = np.zeros(settings.size, np.float32)
    scene.backdrop = Backdrop(picture, picture, nothing, depth, nothing.astype(np.uint16))
    scene.light = _random_light(rng)
    kind = rng.random()
    if kind < 0.7:
        for number in range(int(rng.integers(1, 4))):
            _add_body(scene, rng, camera, number)
    if kind > 0.35:
        _add_smoke(scene, rng, camera, settings, seconds)
    return scene


def _random_light(rng: np.random.Generator) -> Light:
    height, turn = np.radians(rng.uniform(30, 75)), rng.uniform(0, 2 * np.pi)
    direction = (np.cos(height) * np.cos(turn), np.sin(height), np.cos(height) * np.sin(turn))
    key = rng.uniform(0.5, 0.9) * np.array([1.0, rng.uniform(0.9, 1.0), rng.uniform(0.75, 1.0)])
    ambient = rng.uniform(0.15, 0.4) * np.array([rng.uniform(0.85, 1.0), rng.uniform(0.9, 1.0), 1.0])
    return Light(direction, tuple(key), tuple(ambient), rng.uniform(0.02, 0.15), rng.uniform(0.15, 0.5))


def _spot(rng: np.random.Generator, camera: Camera, rows: tuple[float, float]) -> tuple[np.ndarray, float]:
    """A place on the ground in the picture, and how many metres a pixel is there."""
    height, width = camera.size
    pixel = np.array([rng.uniform(0.2, 0.8) * width, rng.uniform(*rows) * height])
    ray = camera.unproject(pixel, 1.0) - camera.position
    z = camera.position[1] / max(-ray[1], 1e-3)
    return camera.position + z * ray, z / camera.focal


def _random_solid(rng: np.random.Generator, r: float) -> tuple[Sphere | Box | Cylinder | Capsule, float]:
    """A solid of about radius ``r`` and half its height [m]."""
    kind = rng.integers(4)
    if kind == 0:
        return Sphere(r), r
    if kind == 1:
        x, y, z = 2 * r * rng.uniform(0.6, 1.1, 3)
        return Box((x, y, z)), y / 2
    return (Cylinder(0.8 * r, 1.8 * r), 0.9 * r) if kind == 2 else (Capsule(0.6 * r, 1.0 * r), 1.1 * r)


def _add_body(scene: Scene, rng: np.random.Generator, camera: Camera, number: int) -> None:
    place, metres = _spot(rng, camera, (0.5, 0.9))
    r = rng.uniform(0.05, 0.11) * camera.size[1] * metres
    shape, half = _random_solid(rng, r)
    lift = rng.uniform(0.5, 3) * r if rng.random() < 0.3 else 0.0
    # Fast enough to slide a good part of the picture's width, slow enough to be followed.
    friction, turn = rng.uniform(0.02, 0.2), rng.uniform(0, 2 * np.pi)
    travel = rng.uniform(0.15, 0.6) * camera.size[1] * metres
    speed = min(np.sqrt(2 * friction * 9.81 * travel), rng.uniform(2, 6) * metres * FPS)
    yaw = rng.uniform(0, np.pi)
    for other in scene.bodies:
        away = np.array(other.position) - place
        if np.hypot(away[0], away[2]) < 1.5 * (r + other.shape.bounding_radius):  # type: ignore[union-attr]
            return
    scene.add(
        shape,
        Rigid(["wood", "rubber", "ceramic"][rng.integers(3)], friction=friction**2 / 0.45),  # with wooden ground
        name=f"body{number}",
        position=(float(place[0]), float(half + lift + 1e-4), float(place[2])),
        orientation=(0.0, float(np.sin(yaw / 2)), 0.0, float(np.cos(yaw / 2))),
        velocity=(float(speed * np.cos(turn)), 0.0, float(speed * np.sin(turn))),
        colour=tuple(rng.uniform(0.1, 0.9, 3)),
        texture=["plain", "wood", "checker", "speckle"][rng.integers(4)],
    )


def _add_smoke(scene: Scene, rng: np.random.Generator, camera: Camera, settings: ClipSettings, seconds: float) -> None:
    place, metres = _spot(rng, camera, (0.6, 0.95))
    width = camera.size[1] * metres  # of the picture, at that distance
    radius = rng.uniform(0.04, 0.08) * width
    # Buoyant speed sqrt(g' R) chosen on the screen, so that smoke crosses the picture at any scale.
    rise = rng.uniform(0.5, 1.3) * 0.5 * width / seconds
    excess = min(rise**2 / (9.81 * radius), 0.6)
    x, z = float(place[0]), float(place[2])
    low, high = (x - 0.4 * width, 0.0, z - 0.25 * width), (x + 0.4 * width, 0.85 * width, z + 0.25 * width)
    preset = ["steam", "steam", "smoke", "dust", "fog"][rng.integers(5)]
    material = Smoke(
        preset,
        temperature=293.15 / (1 - excess),
        extinction=float(np.exp(rng.uniform(np.log(0.25), np.log(6.0)))) / radius,  # a breath of steam to thick smoke
        dissipation=rng.uniform(0, 0.6) / seconds,
        cooling=0.3 / seconds,
        resolution=settings.smoke_cells,
        domain=(low, high),
    )
    jet = (0.0, float(rng.uniform(0, 1) * rise), 0.0)
    emitter = Emitter((0.0, 0.0, 0.0), radius, rate=rng.uniform(2, 6) / seconds * 2, velocity=jet)
    centre = (x, float(radius * rng.uniform(0.8, 2.0)), z)
    scene.add(emitter, material, name="smoke", position=centre)
    turn = rng.uniform(0, 2 * np.pi)
    wind = rng.uniform(0, 0.5) * rise
    scene.add(Wind((float(wind * np.cos(turn)), 0.0, float(wind * np.sin(turn))), gust=0.4, seed=scene.seed))


# ---- what reconstruction would make of it ----------------------------------------------------------------------------


def coarser(track: SmokeTrack) -> SmokeTrack:
    """The same smoke on a grid of twice the cell: means of 2 x 2 x 2 cells."""

    def pool(values: np.ndarray) -> np.ndarray:
        t, x, y, z, *rest = values.shape
        blocks = values.astype(np.float32).reshape(t, x // 2, 2, y // 2, 2, z // 2, 2, *rest)
        return blocks.mean((2, 4, 6)).astype(np.float16)

    return replace(
        track,
        cell=2 * track.cell,
        density=pool(track.density),
        temperature=pool(track.temperature),
        velocity=pool(track.velocity),
    )


def misjudged(light: Light, rng: np.random.Generator) -> Light:
    """The light as an estimate gives it: some degrees off, its size and depth of shadow some per cent."""
    direction = np.array(light.direction) + 0.07 * rng.standard_normal(3)
    return replace(
        light,
        direction=tuple(direction),
        half_angle=light.half_angle * rng.uniform(0.7, 1.4),
        shadow_floor=float(np.clip(light.shadow_floor * rng.uniform(0.8, 1.25), 0.05, 0.9)),
    )


def reconstructed(
    truth: Trajectory, photo: np.ndarray, ids: np.ndarray, shadow: np.ndarray, rng: np.random.Generator
) -> Trajectory:
    """The same motion over what can be had from one photo: cutouts, a filled plate, an estimated light, coarse smoke.

    Args:
        truth: Simulated true scene.
        photo: Its first frame (H, W, 3) sRGB.
        ids: Entity numbers in that frame (H, W).
        shadow: What the bodies leave of the light there (H, W).
        rng: Of the errors.
    """
    from scipy.ndimage import binary_dilation

    from physim.clean_plate import clean_plate
    from physim.matte import cut_out

    hole = binary_dilation(ids > 0, iterations=int(rng.integers(3, 6)))
    if rng.random() < 0.75:  # a user who says where the light comes from gets the cast shadow removed as well
        hole |= binary_dilation(shadow < 0.9, iterations=2)
    plate, _ = clean_plate(photo, hole)
    scene = Scene(seed=truth.scene.seed + 1)
    scene.gravity, scene.camera, scene.forces = truth.scene.gravity, truth.scene.camera, list(truth.scene.forces)
    scene.light = misjudged(truth.scene.light, rng)
    for entity in truth.scene:
        seen = ids == truth.scene.number_of(entity.name)
        cutout = cut_out(photo, seen, plate) if seen.sum() > 20 else None
        scene.entities[entity.name] = replace(entity, cutout=cutout)
    assert truth.scene.backdrop is not None
    scene.backdrop = Backdrop(photo, plate, hole.astype(np.float32), truth.scene.backdrop.depth, ids)
    smokes = {name: coarser(track) for name, track in truth.smokes.items()}
    return replace(truth, scene=scene, smokes=smokes)


# ---- clips -----------------------------------------------------------------------------------------------------------


def make_clips(
    seed: int, photos: Sequence[np.ndarray], settings: ClipSettings | None = None, *, device=None
) -> list[Clip]:
    """Simulate one random scene and render it twice.

    Args:
        seed: The same seed and photos give the same clips.
        photos: Pictures to cut textures from, (H, W, 3) float32 sRGB; may be empty.
        settings: Sizes.
        device: Warp device.

    Returns:
        ``settings.windows`` clips in the form of the module's description, without those in which nothing happens.
    """
    from physim.compositor import Compositor
    from physim.render import render
    from physim.simulate import simulate

    settings = settings or ClipSettings()
    rng = np.random.default_rng([seed, 0xDA7A])
    scene = random_scene(rng, photos, settings)
    count = settings.frames * settings.windows
    truth = simulate(scene, seconds=count / FPS, fps=FPS)
    compositor = Compositor(truth, settings.size)
    true_frames = np.stack([compositor.frame(k) for k in range(count)])
    first = replace(truth, seconds=1 / FPS)
    ids = render(first, settings.size).ids[0]
    conditions = render(reconstructed(truth, true_frames[0], ids, compositor.shadow(0), rng), settings.size)
    per_frame = [name for name in (*FRACTIONS, *VALUES, "ids") if name not in ("image", "truth")]
    clips = []
    for k in range(settings.windows):
        window = slice(k * settings.frames, (k + 1) * settings.frames)
        clip = {name: getattr(conditions, name)[window] for name in per_frame}
        clip["truth"], clip["image"] = true_frames[window], conditions.image
        if _eventful(clip):
            clips.append(_compact(clip))
    return clips


def _eventful(clip: Clip) -> bool:
    """Whether at least a hundredth of the pixels are filled, shaded or in smoke."""
    touched = (clip["hole"] > 0.5) | (clip["smoke"][..., 0] > 0.05) | (clip["shadow"] < 0.95)
    return bool(touched.mean() > 0.01)


def _compact(clip: Clip) -> Clip:
    out = {name: np.round(255 * np.clip(clip[name], 0, 1)).astype(np.uint8) for name in FRACTIONS}
    out |= {name: clip[name].astype(np.float16) for name in VALUES}
    out["ids"] = np.minimum(clip["ids"], 255).astype(np.uint8)
    return out


def write_shard(path: str | os.PathLike, clips: Sequence[Clip]) -> Path:
    """Write clips as one shard. Atomic: written beside, then renamed."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            np.savez(file, **{name: np.stack([clip[name] for clip in clips]) for name in clips[0]})  # type: ignore[arg-type]
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def write_dataset(
    folder: str | os.PathLike,
    photos: Sequence[np.ndarray],
    *,
    first_seed: int = 0,
    scenes: int | None = None,
    minutes: float | None = None,
    settings: ClipSettings | None = None,
    progress=None,
) -> int:
    """Write shards of eight scenes each until ``scenes`` are done or ``minutes`` are over; returns the clip count.

    Raises:
        ValueError: Neither ``scenes`` nor ``minutes`` is given.
    """
    if scenes is None and minutes is None:
        raise ValueError("give scenes or minutes: nothing else ends the dataset.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    begun, clips, total, done = time.monotonic(), [], 0, 0
    while (scenes is None or done < scenes) and (minutes is None or time.monotonic() - begun < 60 * minutes):
        clips += make_clips(first_seed + done, photos, settings)
        done += 1
        if progress is not None:
            progress(done, total + len(clips))
        if done % 8 == 0 and clips:
            write_shard(folder / f"clips_{first_seed + done:06d}.npz", clips)
            total, clips = total + len(clips), []
    if clips:
        write_shard(folder / f"clips_{first_seed + done:06d}.npz", clips)
    return total + len(clips)


TRAINING_PHOTOS = ("astronaut.png", "chelsea.png", "motorcycle_left.png", "coins.png", "brick.png", "grass.png",
                   "gravel.png", "rocket.jpg", "camera.png")  # fmt: skip
CALIBRATION_PHOTOS = ("clock_motion.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "retina.jpg")
HELD_OUT_PHOTOS = ("coffee.png",)
"""Photos that scikit-image ships. No photo serves two purposes: crops of one photo know each other."""
PURPOSES = {
    "training": (TRAINING_PHOTOS, 0),
    "calibration": (CALIBRATION_PHOTOS, 2_000_000),
    "held-out": (HELD_OUT_PHOTOS, 1_000_000),
}
"""Photos and first seed."""


def shipped_photos(names: Sequence[str]) -> list[np.ndarray]:
    """Photos of the installed scikit-image, (H, W, 3) float32 sRGB."""
    from physim.photo import Photo

    return [Photo.load(f"skimage:{name}").image for name in names]


def main(argv: list[str] | None = None) -> None:
    """Write training clips simulated and rendered by this library."""
    import argparse

    from rich.progress import Progress

    parser = argparse.ArgumentParser(prog="physim.dataset", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--minutes", type=float, default=12.0, help="when to stop (default: 12)")
    parser.add_argument("--purpose", choices=PURPOSES, default="training", help="decides photos and seeds")
    arguments = parser.parse_args(argv)
    names, first = PURPOSES[arguments.purpose]
    photos = shipped_photos(names)
    with Progress() as bar:
        task, begun = bar.add_task("scenes", total=arguments.minutes), time.monotonic()

        def show(scenes: int, clips: int) -> None:
            minutes = (time.monotonic() - begun) / 60
            bar.update(task, completed=minutes, description=f"{scenes} scenes, {clips} clips")

        write_dataset(arguments.out, photos, first_seed=first, minutes=arguments.minutes, progress=show)


if __name__ == "__main__":
    main()
