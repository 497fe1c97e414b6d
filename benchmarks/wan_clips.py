"""Simulated clips for training tiny networks: a ball that is thrown about in a box before a wall, 64 x 64 pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from physim.camera import Camera
from physim.camera_path import CameraPath
from physim.conditions import Conditions
from physim.materials import Rigid
from physim.render import render
from physim.scene import Backdrop, Scene
from physim.shapes import Plane, Sphere
from physim.simulate import simulate

SIDE = 64
"""Of the picture [pixels]."""
FRAMES = 17
"""Of a clip: five latent frames."""
FPS = 48.0
SCENE_FRAMES = 57
DISTANCE, HEIGHT, FOV = 3.0, 1.5, 45.0
COLOURS = ((0.9, 0.15, 0.1), (0.1, 0.75, 0.2), (0.15, 0.3, 0.95), (0.95, 0.85, 0.1))


def wall(rng: np.random.Generator) -> np.ndarray:
    """Soft grey blotches (SIDE, SIDE, 3) sRGB."""
    from scipy.ndimage import gaussian_filter

    blotches = sum(gaussian_filter(rng.standard_normal((SIDE, SIDE)), s, mode="wrap") * s for s in (2.0, 5.0))
    grey = rng.uniform(0.4, 0.6) + 0.12 * blotches / np.std(blotches)
    return np.repeat(np.clip(grey, 0.1, 0.9)[..., None], 3, -1).astype(np.float32)


def thrown_ball(seed: int) -> Scene:
    """A ball between four walls, parallel to the picture, under gravity."""
    rng = np.random.default_rng([seed, 0xBA11])
    scene = Scene(seed=seed)
    scene.camera = CameraPath(Camera.looking((SIDE, SIDE), fov_deg=FOV, height=HEIGHT), ())
    reach = DISTANCE * np.tan(np.radians(FOV / 2))
    for name, normal, offset in (
        ("floor", (0.0, 1.0, 0.0), HEIGHT - reach),
        ("ceiling", (0.0, -1.0, 0.0), -HEIGHT - reach),
        ("left", (1.0, 0.0, 0.0), -reach),
        ("right", (-1.0, 0.0, 0.0), -reach),
    ):
        scene.add(Plane(normal, offset), name=name)
    picture, nothing = wall(rng), np.zeros((SIDE, SIDE), np.float32)
    depth = np.full((SIDE, SIDE), DISTANCE + 1, np.float32)
    scene.backdrop = Backdrop(picture, picture, nothing, depth, nothing.astype(np.uint16))
    radius = rng.uniform(0.26, 0.4)
    x, y = rng.uniform(-1, 1, 2) * (reach - 1.1 * radius)
    turn, speed = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 3.5)
    scene.add(
        Sphere(radius),
        Rigid("rubber", restitution=0.9),
        name="ball",
        position=(float(x), float(HEIGHT + y), -DISTANCE),
        velocity=(float(speed * np.cos(turn)), float(speed * np.sin(turn)), 0.0),
        colour=COLOURS[int(rng.integers(len(COLOURS)))],
        texture="checker",
    )
    return scene


def clips_of(seed: int, build: Callable[[int], Scene] = thrown_ball, *, every: int = 8) -> list[Conditions]:
    """Windows of one simulated scene."""
    whole = render(simulate(build(seed), seconds=SCENE_FRAMES / FPS, fps=FPS), (SIDE, SIDE))
    return [window(whole, start) for start in range(0, SCENE_FRAMES - FRAMES + 1, every)]


def window(whole: Conditions, start: int) -> Conditions:
    """FRAMES frames from ``start`` on; the photo is the first of them."""
    names = [name for name in whole._layout() if name != "image"]
    cut = {name: getattr(whole, name)[start : start + FRAMES] for name in names}
    return replace(whole, **cut, image=whole.coarse[start])


def turned(clip: Conditions, flip: bool, upside: bool) -> Conditions:
    """Mirrored left and right, or up and down, or both; for a still camera."""
    changed = {}
    for name in ("coarse", "flow", "flow_backward", "occlusion", "depth", "ids"):
        value = getattr(clip, name)
        value = value[:, :, ::-1] if flip else value
        value = value[:, ::-1] if upside else value
        if name.startswith("flow"):
            value = value * np.array([-1.0 if flip else 1.0, -1.0 if upside else 1.0], np.float32)
        changed[name] = np.ascontiguousarray(value)
    return replace(clip, **changed, image=changed["coarse"][0])


def load_or_make(folder: Path, seeds: range, build: Callable[[int], Scene] = thrown_ball) -> list[Conditions]:
    """Clips of scenes, kept in a folder as conditions."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in seeds:
        paths = sorted(folder.glob(f"{build.__name__}_{seed:06d}_*.npz"))
        if not paths:
            for number, clip in enumerate(clips_of(seed, build)):
                paths.append(clip.save(folder / f"{build.__name__}_{seed:06d}_{number}.npz"))
        found += [Conditions.load(path) for path in paths]
    return found
