"""Physics and stillness read back from the pixels of a finished video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

import i2v
import physim
from benchmarks.contact_sheet import read_video
from physim.shot import Shot


def psnr(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Of two uint8 pictures (H, W, 3) [dB], over the pixels of ``mask`` (H, W)."""
    error = (a.astype(np.float64) - b.astype(np.float64)) ** 2
    mse = error[mask].mean() if mask is not None else error.mean()
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))


def without(shot: Shot, name: str) -> Shot:
    """The same shot without one thing."""
    things = [thing for thing in shot.things if thing.name != name]
    return shot.model_copy(update={"things": things})


def thing_masks(frames: np.ndarray, reference: np.ndarray, threshold: int = 12) -> np.ndarray:
    """Where an added thing is that is brighter than what it hides: (T, H, W) bool.

    The connected region of change with the most brightened pixels. A shadow that does not touch it is not counted.

    Args:
        frames: (T, H, W, 3) uint8 with the thing.
        reference: The same frames without it.
        threshold: Least change of any channel [code values].
    """
    change = frames.astype(np.int16) - reference.astype(np.int16)
    masks = np.zeros(change.shape[:3], bool)
    for t, difference in enumerate(change):
        changed = ndimage.binary_opening(np.abs(difference).max(-1) > threshold, iterations=1)
        labels, count = ndimage.label(changed)
        if count:
            bright = ndimage.sum_labels(difference.max(-1) > 3 * threshold, labels, np.arange(1, count + 1))
            masks[t] = ndimage.binary_fill_holes(labels == 1 + int(np.argmax(bright)))
    return masks


def height_from_pixel(camera: physim.Camera, pixel: np.ndarray, foot: np.ndarray, span: tuple[float, float]) -> float:
    """Height [m] on the vertical line through ``foot`` whose image is closest to ``pixel``, by dense search."""
    heights = np.linspace(*span, 20001)
    points = np.stack([np.full_like(heights, foot[0]), heights, np.full_like(heights, foot[2])], axis=-1)
    seen, _ = camera.project(points)
    return float(heights[np.argmin(np.linalg.norm(seen - pixel, axis=-1))])


def measured_gravity(video: Path, shot: Shot, trajectory: physim.Trajectory, name: str) -> tuple[float, int]:
    """Gravity [m/s^2] from the track of a falling thing in the finished video, and the number of frames it was seen in.

    The thing's centroid in every frame before its first impact is turned into a height on the vertical line above its
    place (known: it starts there and drifts with its starting velocity), by the camera alone; a parabola is fitted to
    the heights. Frames where it touches the border are left out.
    """
    frames = read_video(video)
    reference = np.stack([to_code(f) for f in i2v.animate(without(shot, name), None, model="none").frames])
    impacts = trajectory.contacts
    mine = (impacts["body_a"] == name) | (impacts["body_b"] == name)
    first = float(impacts["time"][mine].min()) if mine.any() else trajectory.seconds
    count = int(np.floor((first - 0.5 * shot.output.motion_blur / shot.fps) * shot.fps)) + 1
    masks = thing_masks(frames[:count], reference[:count])
    start, drift = trajectory[name].position[0], trajectory[name].velocity[0] * (1, 0, 1)
    times, heights = [], []
    for t, mask in enumerate(masks):
        inside = ndimage.binary_dilation(mask, iterations=2)
        if not mask.any() or inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any():
            continue
        v, u = np.nonzero(mask)
        camera = trajectory.scene.camera.at(t / shot.fps, frames.shape[1:3])
        pixel = np.array([u.mean() + 0.5, v.mean() + 0.5])
        times.append(t / shot.fps)
        foot = start + drift * t / shot.fps
        heights.append(height_from_pixel(camera, pixel, foot, (start[1] - 1.0, start[1] + 0.2)))
    if len(times) < 3:
        raise ValueError(f"{name!r} is wholly visible in {len(times)} frames of its fall, expected at least 3.")
    return float(-2 * np.polyfit(times, heights, 2)[0]), len(times)


def to_code(frame: np.ndarray) -> np.ndarray:
    """float32 sRGB in [0, 1] to uint8."""
    return np.round(np.clip(frame, 0, 1) * 255).astype(np.uint8)


def stillness(frames: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute difference of neighbouring frames where ``mask`` (H, W) is set [code values]."""
    pixels = frames[:, mask].astype(np.float32)
    return float(np.abs(np.diff(pixels, axis=0)).mean())
