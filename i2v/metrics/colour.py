"""sRGB to CIE LAB (D65), for comparing colours as eyes do. IEC 61966-2-1 and CIE 15."""

from __future__ import annotations

import numpy as np

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_LINEAR = np.where(
    np.arange(256) / 255 <= 0.04045, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
)


def lab(pixels: np.ndarray) -> np.ndarray:
    """(..., 3) float64: L in [0, 100], a (green to red), b (blue to yellow), of uint8 sRGB (..., 3)."""
    share = _LINEAR[pixels] @ _XYZ.T / _WHITE
    f = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
