"""sRGB and linear light (IEC 61966-2-1). Arrays of any shape, float32."""

import numpy as np

LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Luminance of linear light (BT.709)."""


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Encoded sRGB in [0, 1] to linear light in [0, 1]."""
    srgb = np.asarray(srgb, dtype=np.float32)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light to encoded sRGB, clipped to [0, 1]."""
    linear = np.clip(np.asarray(linear, dtype=np.float32), 0.0, 1.0)
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve).astype(np.float32)
