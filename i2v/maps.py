"""Conditions → what the network sees, where it may paint, and where it must guess. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS = (
    *("coarse red", "coarse green", "coarse blue"),
    *("gate", "hole", "unknown"),
    *("smoke opacity", "smoke light"),
    *("smoke flow right", "smoke flow down"),
    *("shadow", "depth", "body"),
    *("flow right", "flow down", "backward flow right", "backward flow down"),
)
"""What the network is told about each pixel, in this order."""
LIQUID_CHANNELS = ("liquid", "liquid normal right", "liquid normal down")
"""Kept apart: their weights start at zero and stay there until a model is trained with liquids."""
EDGE_CHANNELS = ("edge",)
"""Of networks that know them, after those of liquids."""
PIXELS_PER_UNIT = 8.0
"""Flow of this many pixels per frame is 1 for the network."""


@dataclass(frozen=True)
class Signals:
    """The part of :class:`physim.Conditions` that the model reads; same names, shapes and units."""

    coarse: NDArray
    hole: NDArray
    smoke: NDArray
    smoke_flow: NDArray
    shadow: NDArray
    depth: NDArray
    ids: NDArray
    flow: NDArray
    flow_backward: NDArray
    occlusion: NDArray
    liquid: NDArray
    image: NDArray

    @classmethod
    def of(cls, conditions: Any) -> Signals:
        """From conditions, or anything with these attributes."""
        return cls(**{f.name: getattr(conditions, f.name) for f in fields(cls)})

    def __getitem__(self, frames: slice) -> Signals:
        return self._map(lambda value: value[frames], lambda image: image)

    def crop(self, rows: slice, cols: slice) -> Signals:
        """A window of the picture, all frames."""
        return self._map(lambda value: value[:, rows, cols], lambda image: image[rows, cols])

    def _map(self, per_frame, still) -> Signals:
        return Signals(
            **{f.name: (still if f.name == "image" else per_frame)(getattr(self, f.name)) for f in fields(self)}
        )


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between, and exactly 0 and 1 there."""
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


def soften(mask: np.ndarray, radius: int = 1) -> np.ndarray:
    """Binomial blur (1, 2, 1) / 4 of (T, H, W), ``radius`` times: exactly 0 further than ``radius`` from the mask."""
    for _ in range(radius):
        for axis in (1, 2):
            pad = [(1, 1) if a == axis else (0, 0) for a in range(3)]
            p, n = np.pad(mask, pad, mode="edge"), mask.shape[axis]
            low, mid, high = (np.take(p, np.arange(k, k + n), axis=axis) for k in (0, 1, 2))
            mask = 0.25 * low + 0.5 * mid + 0.25 * high
    return mask


def unknown(signals: Signals) -> np.ndarray:
    """How much of the coarse picture is a guess: all of filled holes and liquid, smoke by its opacity.

    (T, H, W) float32 in [0, 1]; the bridge puts its noise there.
    """
    smoke = np.clip(1.25 * signals.smoke[..., 0], 0, 1)
    return np.maximum(_filled(signals), smoke).astype(np.float32)


def _filled(signals: Signals) -> np.ndarray:
    return np.maximum(smoothstep(0, 0.6, soften(signals.hole)), signals.liquid[..., 3] > 0)


def shade(signals: Signals) -> np.ndarray:
    """Where simulated things change the light that falls on the photo. (T, H, W) float32 in [0, 1].

    Not on the bodies themselves: their light is the renderer's.
    """
    dark = smoothstep(0.01, 0.08, soften(np.abs(1 - signals.shadow)))
    return (dark * (signals.ids == 0)).astype(np.float32)


def trust(signals: Signals) -> np.ndarray:
    """Weight of the squared error, about the inverse of the variance to expect: 0.3 in holes, 1 in smoke, 2 in shade.

    A function of the conditions only, so the best prediction stays the posterior mean. (T, H, W) float32.
    """
    filled, guess = _filled(signals), unknown(signals)
    return ((1 - 0.7 * filled) * (1 + shade(signals) * (1 - guess))).astype(np.float32)


@dataclass(frozen=True)
class Strength:
    """How much of what a network paints is let through, per kind of region [-]."""

    hole: float = 1.0
    smoke: float = 1.0
    shade: float = 1.0
    liquid: float = 0.0
    """0 unless the network was trained on liquids: they are left as the renderer made them."""
    edge: float = 0.0
    """Outlines of what moves; 0 unless the network was trained on them."""


EVERYWHERE = Strength(liquid=1.0)
"""The gate as a network sees it."""
EDGES_TOO = Strength(liquid=1.0, edge=1.0)
"""The same for networks that were trained on edges."""


def edges(signals: Signals) -> np.ndarray:
    """Outlines of what moves, two pixels to both sides. (T, H, W) float32 in [0, 1]."""
    ids = signals.ids
    rim = np.zeros(ids.shape, np.float32)
    for axis in (1, 2):
        near, far = [slice(None)] * 3, [slice(None)] * 3
        near[axis], far[axis] = slice(None, -1), slice(1, None)
        differ = ids[tuple(near)] != ids[tuple(far)]
        rim[tuple(near)] = np.maximum(rim[tuple(near)], differ)
        rim[tuple(far)] = np.maximum(rim[tuple(far)], differ)
    return smoothstep(0, 0.25, soften(rim, 2)).astype(np.float32) if rim.any() else rim


def ways(signals: Signals) -> np.ndarray:
    """The way of what each pixel shows: to the frame before, whether it is seen there, to the frame after, likewise.

    Smoke moves as smoke does where it covers more than what is behind it. (T, H, W, 6) float32, pixels.
    """
    count, rows, cols = signals.ids.shape
    smoky = (signals.smoke[..., 0] > 0.4)[..., None]
    back = np.where(smoky, -signals.smoke_flow, signals.flow_backward)
    forth = np.where(smoky, signals.smoke_flow, signals.flow)
    out = np.zeros((count, rows, cols, 6), np.float32)
    v, u = np.mgrid[:rows, :cols]
    for step, flow, first in ((-1, back, 0), (1, forth, 3)):
        out[..., first : first + 2] = flow
        for t in range(count):
            other = t + step
            if not 0 <= other < count:
                continue
            at_u, at_v = np.rint(u + flow[t, ..., 0]).astype(int), np.rint(v + flow[t, ..., 1]).astype(int)
            inside = (at_u >= 0) & (at_u < cols) & (at_v >= 0) & (at_v < rows)
            there = signals.ids[other][np.clip(at_v, 0, rows - 1), np.clip(at_u, 0, cols - 1)]
            out[t, ..., first + 2] = inside & ((there == signals.ids[t]) | smoky[t, ..., 0])
    hidden = (signals.occlusion > 0.5) & ~smoky[..., 0]
    out[..., 5] *= ~hidden
    return out


def gate(signals: Signals, strength: Strength) -> np.ndarray:
    """How much of the model's residual is let through, (T, H, W) float32 in [0, 1].

    Exactly 0 where nothing simulated touches the picture, so those pixels stay what they were to the last bit. In
    frame 0 it is also 0 where the coarse picture is the photo.

    Args:
        signals: All frames from the first on.
        strength: Per region.
    """
    smoke, dark, hole = smoothstep(0.01, 0.15, signals.smoke[..., 0]), shade(signals), _filled(signals)
    touched = np.maximum(smoke, dark)
    share = np.maximum(strength.smoke * smoke, strength.shade * dark) / np.maximum(touched, 1e-6)
    # What is filled is a guess, whatever lies over it.
    result = np.maximum(touched, hole) * (hole * strength.hole + (1 - hole) * share)
    result = np.where(signals.liquid[..., 3] > 0, strength.liquid, result)
    if strength.edge:
        result = np.maximum(result, strength.edge * edges(signals))
    same = np.abs(signals.coarse[0] - signals.image).max(-1) < 1e-4
    result[0] = np.where(same, 0, result[0])
    return result.astype(np.float32)


def gate_seen(signals: Signals, *, with_edges: bool) -> np.ndarray:
    """The gate as a network is told of it: all it may ever be asked to paint."""
    return gate(signals, EDGES_TOO if with_edges else EVERYWHERE)


def depth_scale(signals: Signals) -> float:
    """Median depth of the first frame [m]: the unit of the depth channel."""
    return max(float(np.median(signals.depth[0])), 1e-6)


def encode(signals: Signals, gate_map: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Network input.

    Args:
        signals: Any run of frames.
        gate_map: Their gate (T, H, W).
        scale: See :func:`depth_scale`.

    Returns:
        (T, H, W, len(CHANNELS)) and (T, H, W, len(LIQUID_CHANNELS)), float32, most values in [-1, 1].
    """
    tone = np.clip(signals.smoke[..., 1], 0, 1) ** (1 / 2.2)  # near sRGB, the space of the residual
    parts = [
        2 * signals.coarse - 1,
        gate_map[..., None],
        signals.hole[..., None],
        unknown(signals)[..., None],
        signals.smoke[..., :1],
        tone[..., None],
        _motion(signals.smoke_flow),
        (1 - signals.shadow)[..., None],
        np.clip(0.5 * np.log(signals.depth / scale), -1, 1)[..., None],
        (signals.ids != 0)[..., None],
        _motion(signals.flow),
        _motion(signals.flow_backward),
    ]
    liquid = [(signals.liquid[..., 3:] > 0), signals.liquid[..., :2]]
    return np.concatenate(parts, -1, dtype=np.float32), np.concatenate(liquid, -1, dtype=np.float32)


def _motion(flow: np.ndarray) -> np.ndarray:
    return np.clip(flow / PIXELS_PER_UNIT, -2, 2)
