"""Pictures for HDR10: sRGB to light in candelas, BT.709 to BT.2020, light to the PQ signal of SMPTE ST 2084.

Photo white is 203 cd/m^2, the level of diffuse white that BT.2408 gives; what is brighter, a flame or a glint, goes on
above it up to 1000. Sources: ITU-R BT.2100-3 table 4, BT.2087-0 (matrix), BT.2408-8.
"""

from __future__ import annotations

import numpy as np

WHITE = 203.0
"""Diffuse white [cd/m^2]."""
PEAK = 1000.0
"""Brightest light that is coded [cd/m^2]; the mastering display's."""
BT2020_OF_BT709 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], dtype=np.float32
)
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_STEPS = 1 << 15
WHITE_LEVEL = 255 * 256
"""Of 16-bit RGB, as ffmpeg's scaler takes it when it makes video of limited range: eight bits, shifted."""


def extended_to_linear(picture: np.ndarray) -> np.ndarray:
    """SRGB, whose curve goes on above 1, to linear light with photo white at 1."""
    x = np.maximum(np.asarray(picture, dtype=np.float32), 0)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** np.float32(2.4))


def linear_to_extended(linear: np.ndarray) -> np.ndarray:
    """The inverse of :func:`extended_to_linear`."""
    x = np.maximum(np.asarray(linear, dtype=np.float32), 0)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** np.float32(1 / 2.4) - 0.055)


def pq(candelas: np.ndarray) -> np.ndarray:
    """Signal in [0, 1] of a light in cd/m^2, the inverse EOTF of PQ."""
    y = np.clip(np.asarray(candelas) / 10_000.0, 0, 1) ** _M1
    return ((_C1 + _C2 * y) / (1 + _C3 * y)) ** _M2


_TABLE = (pq((np.arange(_STEPS + 1) / _STEPS) ** 2 * PEAK) * WHITE_LEVEL).astype(np.float32)
"""By the square root of the light, in which PQ is nearly even."""


def pq_levels(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) extended sRGB in BT.709 primaries to PQ in BT.2020, 16 bits, rows at a time."""
    out = np.empty(picture.shape, np.uint16)
    for start in range(0, len(picture), 64):
        rows = slice(start, start + 64)
        light = extended_to_linear(picture[rows]) @ BT2020_OF_BT709.T * np.float32(WHITE / PEAK)
        place = np.sqrt(np.clip(light, 0, 1)) * np.float32(_STEPS)
        out[rows] = np.rint(_TABLE[np.rint(place).astype(np.int32)]).astype(np.uint16)
    return out
