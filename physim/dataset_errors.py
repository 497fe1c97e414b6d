"""What reconstruction makes of a true scene, with its errors: outlines, fills, light and depth that are a little wrong.

The motion stays the true one: the question a model answers is how the picture of this motion really looks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physim.scene import Backdrop, Light, Scene
from physim.trajectory import LiquidTrack, SmokeTrack, Trajectory

DEPTH_ERROR = 0.06
"""Standard deviation of the logarithm of the background's depth."""
MASK_ERROR = 2
"""Pixels by which an outline is too wide or too narrow, at most."""


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


def coarser_liquid(track: LiquidTrack, rng: np.random.Generator, factor: float = 1.5) -> LiquidTrack:
    """The same liquid by fewer and larger particles, its surface as a grid of ``factor`` times the cell knows it."""
    count = track.position.shape[1]
    kept = np.sort(rng.permutation(count)[: max(1, round(count / factor**3))])
    return replace(
        track,
        cell=factor * track.cell,
        particle_volume=track.particle_volume * count / len(kept),
        position=track.position[:, kept],
        velocity=track.velocity[:, kept],
        foam=(),
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


def missed_depth(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Depth with a smooth relative error, as an estimate from one photo has it."""
    from scipy.ndimage import gaussian_filter

    error = gaussian_filter(rng.standard_normal(depth.shape), 0.12 * max(depth.shape), mode="nearest")
    error = (error - error.mean()) * (DEPTH_ERROR / max(float(error.std()), 1e-9))
    return (depth * np.exp(error)).astype(np.float32)


def missed_outline(seen: np.ndarray, rng: np.random.Generator, most: int = MASK_ERROR) -> np.ndarray:
    """A mask whose outline is off by up to ``most`` pixels, here outwards, there inwards."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    if not seen.any():
        return seen
    away = distance_transform_edt(~seen) - distance_transform_edt(seen)
    wave = gaussian_filter(rng.standard_normal(seen.shape), 6.0, mode="nearest")
    shift = rng.uniform(-0.5, 0.5) * most + 0.5 * most * wave / max(float(np.abs(wave).max()), 1e-9)
    return away < np.clip(shift, -most, most) + 0.5


def reconstructed(
    truth: Trajectory, photo: np.ndarray, ids: np.ndarray, shadow: np.ndarray, rng: np.random.Generator
) -> Trajectory:
    """The same motion over what can be had from one photo: cutouts, a filled plate, an estimated light, coarse fluids.

    Args:
        truth: Simulated true scene.
        photo: Its first frame (H, W, 3) sRGB.
        ids: Entity numbers in that frame (H, W); smoke and liquids, which are added to a photo, are none of its things.
        shadow: What the bodies leave of the light there (H, W).
        rng: Of the errors.
    """
    from scipy.ndimage import binary_dilation

    from physim.clean_plate import clean_plate
    from physim.matte import cut_out

    solid = [truth.scene.number_of(e.name) for e in (*truth.scene.bodies, *truth.scene.cloths)]
    masks = {n: missed_outline(ids == n, rng) for n in solid}
    things = np.any(list(masks.values()), axis=0) if masks else np.zeros(ids.shape, bool)
    hole = binary_dilation(things, iterations=int(rng.integers(3, 6)))
    if rng.random() < 0.75:  # who says where the light comes from gets cast shadows removed
        hole |= binary_dilation(shadow < 0.9, iterations=2)
    if hole.all():
        hole = things
    plate, _ = clean_plate(photo, hole)
    scene = Scene(seed=truth.scene.seed + 1)
    scene.gravity, scene.camera, scene.forces = truth.scene.gravity, truth.scene.camera, list(truth.scene.forces)
    scene.light = misjudged(truth.scene.light, rng)
    for entity in truth.scene:
        seen = masks.get(truth.scene.number_of(entity.name))
        cutout = cut_out(photo, seen, plate) if seen is not None and seen.sum() > 20 else None
        scene.entities[entity.name] = replace(entity, cutout=cutout)
    assert truth.scene.backdrop is not None
    known = np.zeros_like(ids)
    for number, mask in masks.items():
        known[mask] = number
    depth = missed_depth(truth.scene.backdrop.depth, rng)
    scene.backdrop = Backdrop(photo, plate, hole.astype(np.float32), depth, known)
    smokes = {name: coarser(track) for name, track in truth.smokes.items()}
    liquids = {name: coarser_liquid(track, rng) for name, track in truth.liquids.items()}
    return replace(truth, scene=scene, smokes=smokes, liquids=liquids)
