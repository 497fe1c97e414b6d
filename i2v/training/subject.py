"""Photos and clips of one subject as training clips: they move exactly as told, and parts of the subject are filled in.

A window of the picture wanders slowly, so the motion of every pixel is known. Spots on the subject are taken for what
stood before it and has gone: the input has a smooth fill there, as reconstruction makes it, the truth is the picture.
That is what a model has to paint in a video of the subject; Wan, which paints everything, learns all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from i2v.metrics.sampling import at
from i2v.subject import View
from i2v.training.data import TrainingClip, prepared
from physim.conditions import Conditions

FPS = 16.0
SUBJECT = 1
"""Number of the subject in ``ids``."""
SPEED = 1.0
"""Of the window [pixels/frame], at most."""
SPOTS = (1, 3)
"""Filled spots on the subject, at least and at most."""
RADIUS = (0.15, 0.35)
"""Of a spot over the root of the subject's area."""
LIKE = 0.95
"""Of the window's side that the subject fills, at most."""


@dataclass(frozen=True)
class Shot:
    """A clip to learn from or to be judged by."""

    conditions: Conditions
    truth: np.ndarray
    """(T, H, W, 3) float32 sRGB in [0, 1]."""


def subject_shots(
    views: Sequence[View], *, count: int, size: tuple[int, int], frames: int, seed: int = 0
) -> list[Shot]:
    """Clips of a subject.

    Args:
        views: Its pictures and clips, taken in turn.
        count: Of clips that are made.
        size: (height, width) of the window [pixels].
        frames: T
        seed: Of ways, spots and mirrors.
    """
    return [_shot(views[k % len(views)], np.random.default_rng([seed, k]), size, frames) for k in range(count)]


def _shot(view: View, rng: np.random.Generator, size: tuple[int, int], frames: int) -> Shot:
    flip = rng.random() < 0.5
    turned = (lambda a: a[..., ::-1]) if flip else (lambda a: a)
    picture = turned(view.frames.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    mask = turned(view.mask)
    v, u = np.nonzero(mask)
    middle = np.array([u.min() + u.max() + 1, v.min() + v.max() + 1]) / 2
    extent = np.array([np.ptp(u) + 1, np.ptp(v) + 1])
    # source pixels per pixel of the window; the subject may fill it, or look as small as half of it
    least = float((extent / (LIKE * np.array(size[::-1]))).max())
    angle = rng.uniform(0, 2 * np.pi)
    step = rng.uniform(0, SPEED) * np.array([np.cos(angle), np.sin(angle)])
    whole, seen = np.array(mask.shape[::-1]), np.array(size[::-1]) + frames * np.abs(step)
    scale = min(least * rng.uniform(1.0, 1.6), float((whole / seen).min()))  # and never more than there is
    middle = np.clip(middle, scale * seen / 2, whole - scale * seen / 2)
    grid = np.stack(np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5), -1)
    offset = grid - np.array(size[::-1]) / 2
    source = np.stack([middle + scale * (offset + (t - (frames - 1) / 2) * step) for t in range(frames)])
    shown = np.linspace(0, len(picture) - 1, frames).round().astype(int)
    flat = source.reshape(frames, -1, 2)
    truth = np.stack([_sampled(picture[k], flat[t], scale) for t, k in enumerate(shown)])
    there = np.stack([at(mask[..., None].astype(np.float32), flat[t])[:, 0] > 0.5 for t in range(frames)])
    truth, there = truth.reshape(frames, *size, 3).astype(np.float32), there.reshape(frames, *size)
    hole = _spots(source, mask, rng) & there
    return Shot(_conditions(truth, there, hole, step), truth)


def _sampled(picture: np.ndarray, places: np.ndarray, scale: float) -> np.ndarray:
    """The picture at places, blurred first where it is made smaller."""
    from scipy.ndimage import gaussian_filter

    if scale > 1.2:
        picture = gaussian_filter(picture, (0.4 * scale, 0.4 * scale, 0))
    return np.clip(at(picture, places), 0, 1)


def _spots(source: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ellipses that lie on the subject and move with it, (T, H, W) bool."""
    v, u = np.nonzero(mask)
    side = np.sqrt(len(v))
    found = np.zeros(source.shape[:3], bool)
    for _ in range(rng.integers(SPOTS[0], SPOTS[1] + 1)):
        k = rng.integers(len(v))
        radii = rng.uniform(*RADIUS, 2) * side
        found |= (((source - np.array([u[k], v[k]])) / radii) ** 2).sum(-1) < 1
    return found


def _filled(frame: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Holes as smooth continuations of what is around them, coarse scales first."""
    from scipy.ndimage import gaussian_filter

    if not hole.any():
        return frame
    known = (~hole).astype(np.float32)
    out, left = frame.copy(), hole.copy()
    for sigma in (2.0, 4.0, 8.0, 16.0, 32.0):
        weight = gaussian_filter(known, sigma)
        mean = gaussian_filter(frame * known[..., None], (sigma, sigma, 0)) / np.maximum(weight, 1e-6)[..., None]
        now = left & (weight > 0.2)
        out[now], left = mean[now], left & ~now
    out[left] = frame[~hole].mean(0) if (~hole).any() else 0.5
    smooth = gaussian_filter(out, (2.0, 2.0, 0))
    return np.where(hole[..., None], smooth, frame).astype(np.float32)


def _conditions(truth: np.ndarray, there: np.ndarray, hole: np.ndarray, step: np.ndarray) -> Conditions:
    frames, rows, cols = there.shape
    flow = np.broadcast_to(-step, (frames, rows, cols, 2))
    back = np.array(-flow)
    back[0] = 0
    plane, pairs = np.zeros((frames, rows, cols), np.float32), np.zeros((frames, rows, cols, 2), np.float32)
    coarse = np.stack([_filled(frame, gone) for frame, gone in zip(truth, hole, strict=True)])
    return Conditions(
        image=truth[0],
        flow=flow,
        flow_backward=back,
        occlusion=plane,
        disocclusion=plane,
        source_uv=np.full((frames, rows, cols, 2), np.nan),
        hole=hole,
        depth=plane + 1,
        ids=np.where(there, SUBJECT, 0),
        coarse=coarse,
        shadow=plane + 1,
        smoke=pairs,
        smoke_flow=pairs,
        liquid=np.zeros((frames, rows, cols, 4), np.float32),
        intrinsics=np.broadcast_to(np.eye(3), (frames, 3, 3)),
        world_from_camera=np.broadcast_to(np.eye(4), (frames, 4, 4)),
        fps=FPS,
        meta={"names": {str(SUBJECT): "subject"}},
    )


def bundled_clips(
    shots: Sequence[Shot], *, with_edges: bool = False, noisy: bool = True, seed: int = 0
) -> list[TrainingClip]:
    """Shots as the bundled model learns from them: the loss counts on the subject."""
    made = []
    for k, shot in enumerate(shots):
        arrays = {f.name: getattr(shot.conditions, f.name) for f in fields(Conditions) if f.name in KEPT}
        clip = prepared({**arrays, "truth": shot.truth}, np.random.default_rng([seed, k]), with_edges, noisy)
        made.append(clip.about(SUBJECT))
    return made


KEPT = ("image", "coarse", "hole", "smoke", "smoke_flow", "shadow", "depth", "ids", "flow", "flow_backward",
        "occlusion", "liquid")  # fmt: skip
"""Arrays of conditions that a training clip has."""


def conditions_of(clip: TrainingClip) -> Shot:
    """A clip of a shard as a shot; what shards leave out is as for a still camera."""
    signals, truth = clip.window(*(slice(0, n) for n in clip.gate.shape))
    frames, rows, cols = clip.gate.shape
    scale = np.float32(255 if clip.arrays["image"].dtype == np.uint8 else 1)
    image = np.asarray(clip.arrays["image"], np.float32) / scale
    known = {name: getattr(signals, name) for name in KEPT if name != "image"}
    return Shot(
        Conditions(
            **known,
            image=image,
            disocclusion=np.zeros((frames, rows, cols), np.float32),
            source_uv=np.full((frames, rows, cols, 2), np.nan),
            intrinsics=np.broadcast_to(np.eye(3), (frames, 3, 3)),
            world_from_camera=np.broadcast_to(np.eye(4), (frames, 4, 4)),
            fps=FPS,
        ),
        truth,
    )
