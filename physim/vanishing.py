"""Pitch and roll of a camera from straight edges: what people build is upright, level and square.

Edges are grouped into straight segments. A hypothesis (pitch, roll) says where up is; a segment agrees if it runs
upright, or along one of two level directions at right angles, which are voted for (Coughlan and Yuille, Manhattan
world, ICCV 1999; here with segments and the level direction eliminated by its vote). Nature has no such edges, and the
answer then is ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from physim.camera import Camera

_SIDE = 640
"""Edges are looked for on a grid of at most this many pixels a side: finer ones are texture."""
_SHORTEST = 0.035
"""Of a segment, as a part of the diagonal."""
_BINS = 16
_TOLERANCE = 1.2
"""Of a segment's direction [degrees]."""
_PITCHES = np.arange(-24.0, 66.1, 1.5)
_ROLLS = np.arange(-6.0, 6.1, 1.5)
_LEAST_SHARE = 0.45
_LEAST_LENGTH = 2.5
"""Of what agrees [picture widths]."""
_LEAST_LEAD = 1.1
"""Of the best pitch over the best that is another one: objects on a cloth have straight edges in all directions."""
_OTHER = 7.0
"""Pitches that differ by more than this are other ones [degrees]."""
_MOST_SEGMENTS = 500


@dataclass(frozen=True)
class SeenFrame:
    """How a camera is held, from what its picture shows."""

    pitch: float
    """Below the horizontal [degrees]."""
    roll: float
    """[degrees], positive for a camera turned clockwise."""
    share: float
    """Part of the length of all straight edges that agrees [-]."""


def seen_frame(image: np.ndarray, focal: float) -> SeenFrame | None:
    """Pitch and roll from the straight edges of a picture, ``None`` where they do not tell.

    Args:
        image: (H, W, 3) float32 sRGB in [0, 1].
        focal: [pixels of ``image``]
    """
    normals, lengths = interpretation_planes(image, focal)
    total = float(lengths.sum())
    if total < _LEAST_LENGTH:
        return None
    grid = _scores(normals, lengths, _PITCHES, _ROLLS)
    i, k = np.unravel_index(int(grid.argmax()), grid.shape)
    pitch, roll, other = _PITCHES[i], _ROLLS[k], grid[np.abs(_PITCHES - _PITCHES[i]) > _OTHER].max()
    if grid[i, k] < max(_LEAST_LENGTH, _LEAST_LEAD * other, _LEAST_SHARE * total):
        return None
    for step in (0.5, 0.2):
        around = np.arange(-3, 3.1) * step
        pitches, rolls = pitch + around, roll + around
        fine = _scores(normals, lengths, pitches, rolls)
        i, k = np.unravel_index(int(fine.argmax()), fine.shape)
        pitch, roll = pitches[i], rolls[k]
    share = _agreement(normals, lengths, down_of(pitch, roll)) / total
    return SeenFrame(float(pitch), float(roll), float(share))


def frame_share(image: np.ndarray, camera: Camera) -> float:
    """Part [0, 1] of the straight edges of a picture (H, W, 3) that run upright, or along two level directions at right
    angles, if this camera took it; 0 where there are none.
    """
    normals, lengths = interpretation_planes(image, camera.focal)
    return _agreement(normals, lengths, -camera.camera_from_world[:3, 1]) / max(float(lengths.sum()), 1e-9)


def interpretation_planes(image: np.ndarray, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals (n, 3), camera frame, of the planes through the eye and each segment; lengths in picture widths."""
    step = max(1, -(-max(image.shape[:2]) // _SIDE))
    grey = image.mean(-1)[: image.shape[0] // step * step, : image.shape[1] // step * step]
    rows, cols = grey.shape[0] // step, grey.shape[1] // step
    grey = ndimage.gaussian_filter(grey.reshape(rows, step, cols, step).mean((1, 3)).astype(np.float64), 1.0)
    middle, direction, length = _segments(grey)
    centre = (middle - (image.shape[1] / step / 2, image.shape[0] / step / 2)) / (focal / step)
    ray = np.concatenate([centre, np.ones((len(centre), 1))], axis=1)
    normal = np.cross(ray, np.concatenate([direction, np.zeros((len(direction), 1))], axis=1))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True), length / cols


def _segments(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles (n, 2) and directions (n, 2) as (u, v), and lengths (n,) [pixels] of straight edges, longest first.

    Pixels of strong gradient whose directions fall into the same bin and which touch form one segment; bins overlap by
    half, so that none is cut in two, and a segment belongs to the bin whose middle it is nearer to.
    """
    du, dv = ndimage.sobel(grey, 1) / 8, ndimage.sobel(grey, 0) / 8
    strength = np.hypot(du, dv)
    strong = strength > max(0.008, 0.35 * float(np.percentile(strength, 90)))
    angle = np.arctan2(dv, du)  # of the gradient, with its sign: the two sides of a thin line stay apart
    found = []
    for k in range(_BINS):
        middle = 2 * np.pi * k / _BINS
        near = strong & (np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi) < 2 * np.pi / _BINS)
        labels, count = ndimage.label(near, np.ones((3, 3)))
        if count:
            found.append(_fitted(labels, count, strength, middle))
    parts = (
        [np.concatenate(each) for each in zip(*found, strict=True)] if found else [np.zeros((0, 2))] * 2 + [np.zeros(0)]
    )
    order = np.argsort(-parts[2])[:_MOST_SEGMENTS]
    return parts[0][order], parts[1][order], parts[2][order]


def _fitted(labels: np.ndarray, count: int, strength: np.ndarray, middle: float):
    """Lines through the pixels of each label, those long and thin enough and with a gradient near ``middle``."""
    v, u = np.nonzero(labels)
    label, w = labels[v, u] - 1, strength[v, u]
    total = np.bincount(label, w, count)
    mean_u, mean_v = np.bincount(label, w * u, count) / total, np.bincount(label, w * v, count) / total
    a, b = u - mean_u[label], v - mean_v[label]
    uu, vv, uv = (np.bincount(label, w * x, count) / total for x in (a * a, b * b, a * b))
    half, gap = (uu + vv) / 2, np.hypot((uu - vv) / 2, uv)
    length, width = np.sqrt(12 * (half + gap)), np.sqrt(12 * np.maximum(half - gap, 0))
    turn = 0.5 * np.arctan2(2 * uv, uu - vv)  # of the line
    off = np.abs((turn + np.pi / 2 - middle + np.pi / 2) % np.pi - np.pi / 2)
    keep = (length > _SHORTEST * np.hypot(*labels.shape)) & (width < 0.12 * length + 1.5) & (off <= np.pi / _BINS)
    place = np.stack([mean_u, mean_v], axis=1)[keep] + 0.5
    return place, np.stack([np.cos(turn), np.sin(turn)], axis=1)[keep], length[keep]


def _scores(normals: np.ndarray, lengths: np.ndarray, pitches: np.ndarray, rolls: np.ndarray) -> np.ndarray:
    """Length of the segments that agree with each (pitch, roll), a little less the less usual the camera is held."""
    scores = np.empty((len(pitches), len(rolls)))
    for i, pitch in enumerate(pitches):
        for k, roll in enumerate(rolls):
            unusual = 0.04 * (roll / 4) ** 2 + 0.02 * ((pitch - 8) / 25) ** 2
            scores[i, k] = _agreement(normals, lengths, down_of(pitch, roll)) - unusual * lengths.sum()
    return scores


def down_of(pitch: float, roll: float) -> np.ndarray:
    """Gravity's direction (3,) in the frame of a camera so held [degrees]."""
    p, r = np.radians(pitch), np.radians(roll)
    return np.array([np.sin(r) * np.cos(p), np.cos(r) * np.cos(p), np.sin(p)])


def _agreement(normals: np.ndarray, lengths: np.ndarray, down: np.ndarray) -> float:
    """Length of the segments that run upright or along the two level directions with the most votes."""
    tolerance = np.sin(np.radians(_TOLERANCE))
    upright = np.exp(-0.5 * (normals @ down / tolerance) ** 2)
    ahead = np.array([0.0, 0.0, 1.0]) - down[2] * down
    ahead /= max(np.linalg.norm(ahead), 1e-9)
    level = np.cross(normals, down)
    size = np.linalg.norm(level, axis=1)
    yaw = np.degrees(np.arctan2(level @ np.cross(down, ahead), level @ ahead)) % 90
    # An error of the segment's direction turns its level direction the more, the flatter its plane lies.
    votes = lengths * (1 - upright) * (size > 0.15)
    place = (yaw * 2).astype(int) % 180
    histogram = np.bincount(place, votes, 180)
    smooth = ndimage.gaussian_filter1d(histogram, 2 * _TOLERANCE, mode="wrap")
    peak = int(np.argmax(smooth)) / 2 + 0.25
    off = np.abs((yaw - peak + 45) % 90 - 45) * np.maximum(size, 0.15)
    along = np.exp(-0.5 * (off / _TOLERANCE) ** 2) * (size > 0.15)
    return float((lengths * np.maximum(upright, along)).sum())
