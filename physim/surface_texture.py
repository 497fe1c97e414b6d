"""How sharp and how grainy a photo is, so that what is added to it is neither sharper nor cleaner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude, laplace

_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
TILE = 256
"""Side of the repeated grain tile [pixels]."""


@dataclass(frozen=True)
class PhotoTexture:
    """Measured once per photo."""

    blur: float
    """Standard deviation of the point spread [pixels of the photo]."""
    grain: float
    """Standard deviation of the grain [sRGB, 0 to 1]."""

    @classmethod
    def measure(cls, photo: np.ndarray) -> PhotoTexture:
        """Sharpness at the strongest edges and grain of the flattest parts.

        Blur: re-blurring an edge of width s by r lowers its gradient by R = sqrt(s^2 + r^2) / s, so s = r / sqrt(R^2 -
        1) (Zhuo and Sim, Defocus map estimation from a single image, 2011); the constant it reads on a perfectly
        sharp picture is taken off. Grain: median absolute Laplacian (its gain on white noise is sqrt(20)) of the
        flattest 20 % of the picture (Immerkaer, Fast noise variance estimation, 1996), at least 0.001, for JPEG
        wipes dark skies clean.

        Args:
            photo: (H, W, 3) sRGB in [0, 1].
        """
        luma = photo @ _LUMA
        scale = max(1, max(luma.shape) // 1600)  # a crop-like sample is enough, and 4K takes no longer than HD
        rows, cols = luma.shape[0] // scale, luma.shape[1] // scale
        middle = luma[(luma.shape[0] - rows) // 2 :, (luma.shape[1] - cols) // 2 :][:rows, :cols]
        return cls(_blur_of(middle), _grain_of(middle))


def _blur_of(luma: np.ndarray) -> float:
    inner, outer = 0.6, 1.0
    first = gaussian_gradient_magnitude(luma, inner)
    second = gaussian_gradient_magnitude(luma, np.hypot(inner, outer))
    strong = first >= np.percentile(first, 99.5)
    strong &= first > 0.02
    if strong.sum() < 10:
        return 0.6
    ratio = np.median(first[strong] / np.maximum(second[strong], 1e-6))
    wide = outer**2 / max(ratio**2 - 1, 1e-3)
    return float(np.clip(np.sqrt(max(wide - inner**2 - 1 / 12, 0.16)), 0.4, 3.0))


def _grain_of(luma: np.ndarray) -> float:
    detail = gaussian_filter(np.abs(luma - gaussian_filter(luma, 2.0)), 8.0)
    usable = (luma > 0.02) & (luma < 0.97)
    if usable.sum() < 100:
        return 0.001
    flat = usable & (detail <= np.percentile(detail[usable], 20))
    value = np.median(np.abs(laplace(luma)[flat])) / 0.6745 / np.sqrt(20)
    return float(np.clip(value, 0.001, 0.02))


def grain_tile(texture: PhotoTexture, scale: float, seed: int) -> np.ndarray:
    """Seeded grain (TILE, TILE, 3) [sRGB], correlated over 0.6 pixels of the photo, half of it common to all colours.

    Args:
        texture: Of the photo.
        scale: Output pixels per pixel of the photo; grain of a reduced picture averages out.
        seed: Of the scene.
    """
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((TILE, TILE, 1)), rng.standard_normal((TILE, TILE, 3))
    noise = np.sqrt(0.5) * (common + own)
    size = 0.6 * max(scale, 0.5)
    noise = gaussian_filter(noise, (size, size, 0), mode="wrap")
    noise /= noise.std(axis=(0, 1), keepdims=True)
    return (texture.grain * min(scale, 1.0) * noise).astype(np.float32)
