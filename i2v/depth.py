"""Depth networks by name: weights from a file the user has, a photo in, what the network knows about it out.

Nothing is downloaded. ``i2v.depth_backend`` makes of this what :func:`physim.reconstruct` takes.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """What a network says of a photo; the fields are those of ``physim.depth.DepthResult``."""

    depth: np.ndarray
    """(h, w) float32; [m] for kind 'metric'."""
    kind: str
    """'metric'; 'scale': z up to a factor; 'affine_inverse': 1 / z up to factor and shift."""
    confidence: np.ndarray
    """(h, w) float32 in [0, 1]"""
    valid: np.ndarray | None = None
    """(h, w) bool"""
    normals: np.ndarray | None = None
    """(h, w, 3) float32, camera frame"""
    intrinsics: np.ndarray | None = None
    """K (3, 3) [pixels of this grid]"""


class DepthModel(Protocol):
    """What a loaded network is."""

    def __call__(self, image: np.ndarray, *, focal: float | None = None) -> Prediction:
        """Of a photo (H, W, 3) float32 sRGB in [0, 1], with its focal length [pixels] where that is known."""
        ...


BELIEVED = 0.75
"""How much a network's depth is to be believed, where it says nothing about it itself."""


def load_depth_model(name: str, weights: str | os.PathLike) -> DepthModel:
    """A depth network with its published weights.

    Args:
        name: One of :data:`DEPTH_MODELS`.
        weights: Its ``.safetensors`` file; ``docs/depth.md`` says where to get it.

    Raises:
        ValueError: Unknown name, or weights that do not fit.
        FileNotFoundError: No such file.
    """
    if name not in DEPTH_MODELS:
        near = difflib.get_close_matches(str(name), DEPTH_MODELS, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"depth model is {name!r}, which is not known. {hint}Known: {', '.join(DEPTH_MODELS)}.")
    return DEPTH_MODELS[name](weights)


def _depth_anything(weights: str | os.PathLike) -> DepthModel:
    from i2v.models.depth_anything import load_depth_anything, predict

    network = load_depth_anything(weights)
    kind = "affine_inverse" if network.config.max_depth is None else "metric"

    def model(image: np.ndarray, *, focal: float | None = None) -> Prediction:
        depth = predict(network, image)
        return Prediction(depth, kind, np.full(depth.shape, BELIEVED, np.float32))

    return model


def _moge(weights: str | os.PathLike) -> DepthModel:
    from i2v.models.moge import load_moge, predict

    network = load_moge(weights)

    def model(image: np.ndarray, *, focal: float | None = None) -> Prediction:
        found = predict(network, image, focal=focal)
        sure = (BELIEVED * found.mask).astype(np.float32)
        kind = "metric" if found.metric else "scale"
        return Prediction(found.depth, kind, sure, found.valid, found.normals, found.intrinsics)

    return model


DEPTH_MODELS: dict[str, Callable[[str | os.PathLike], DepthModel]] = {
    "depth-anything": _depth_anything,
    "moge": _moge,
}
"""Name → how its weights become a model."""
