"""Foam, spray and bubbles of a liquid on the picture."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import foam as kernels

from physim.backdrop_view import lens_of
from physim.camera import Camera
from physim.scene import Light
from physim.trajectory import LakeTrack, LiquidTrack

STRENGTH = np.array([0.9, 1.2, 0.35], dtype=np.float32)
"""Optical depth of one ball of spray, foam and bubble: beneath the surface little of it is seen."""
MIRRORS = 0.066
"""Part of the light from all sides that a ball of water mirrors outside: Fresnel's, over its disc."""
ALBEDO = 0.88
"""Of foam: light that is scattered often and hardly swallowed."""


def foam_cover(
    track: LiquidTrack | LakeTrack, fps: float, time: float, camera: Camera, photo_size: tuple[int, int],
    exposure: float, surface: np.ndarray, solid: np.ndarray, device=None,
) -> np.ndarray | None:  # fmt: skip
    """Part of each pixel (H, W) float32 that is covered at ``time`` [s], or None if there is no foam.

    Args:
        track: Of the liquid or lake.
        fps: Of the track.
        time: Middle of the exposure [s].
        camera: At the picture's size.
        photo_size: (height, width) of the photo.
        exposure: Open time [s].
        surface: z of the nearest surface, liquid or solid (H, W) [m]; foam on it is seen.
        solid: z of what is solid (H, W) [m]; bubbles are seen before it.
        device: Warp device.
    """
    if not track.foam:
        return None
    frame = int(np.clip(np.round(time * fps), 0, len(track.foam) - 1))
    foam = track.foam[frame]
    foam = foam[np.isfinite(foam["position"]).all(axis=1)]
    if len(foam) == 0:
        return None
    cover = wp.zeros(solid.shape, dtype=int, device=device)
    matrix, lens = wp.mat44(*camera.camera_from_world.ravel()), wp.vec4(*lens_of(camera, photo_size))
    near = np.minimum(surface + 1.5 * track.cell, solid)  # foam floats on a surface that is a little off
    for kinds, limit in (((0, 1), near), ((2,), solid)):
        some = foam[np.isin(foam["kind"], kinds)]
        if len(some) == 0:
            continue
        position = some["position"] + np.float32(time - frame / fps) * some["velocity"]
        kernels.foam(
            _array(position, wp.vec3, device), _array(some["velocity"], wp.vec3, device),
            _array(some["radius"], float, device), _array(STRENGTH[some["kind"]], float, device),
            camera_from_world=matrix, lens=lens, exposure=exposure, limit=_array(limit, float, device), cover=cover,
        )  # fmt: skip
    depth = cover.numpy() / np.float32(kernels.UNIT)
    return (1 - np.exp(-depth)).astype(np.float32) if depth.any() else None


def foam_colour(light: Light) -> np.ndarray:
    """Linear colour (3,) of lit foam: it faces all ways, so half of the direct light meets it."""
    up = 0.5 + 0.5 * max(light.direction[1], 0.0)
    return (ALBEDO * (up * np.asarray(light.colour) + np.asarray(light.ambient))).astype(np.float32)


def drop_colour(light: Light, picture: np.ndarray) -> np.ndarray:
    """Linear colour (3,) of clear drops: they let through what is all around behind them, and mirror some light.

    A ball of water bends rays by up to 83 degrees, so that it shows nearly half of all there is, small and upside down;
    of that a drop no larger than some pixels shows the mean.

    Args:
        light: Of the scene.
        picture: (H, W, 3) linear.
    """
    seen = picture.reshape(-1, 3).mean(axis=0)
    return ((1 - MIRRORS) * seen + MIRRORS * foam_colour(light)).astype(np.float32)


def _array(values: np.ndarray, dtype, device) -> wp.array:
    return wp.array(np.ascontiguousarray(values, np.float32), dtype=dtype, device=device)
