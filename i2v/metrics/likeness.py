"""How like two pictures are, by measures of structure: GMSD and MS-SSIM, on luma in [0, 1].

    GMSD      standard deviation over the picture of (2 g g' + c) / (g^2 + g'^2 + c), g the Prewitt gradient's length
              after halving the size; 0 is the same. Xue et al., IEEE TIP 2014.
    MS-SSIM   product over five scales of the contrast-structure means, with luminance at the last. Wang et al., 2003.

Both compare pixels in place: of metrics of single pictures GMSD separates faults of motion best, PSNR and SSIM hardly.
"""

from __future__ import annotations

import numpy as np

GMSD_C = 0.0026
"""Of Xue et al., for values in [0, 1]."""
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of Wang et al."""
WINDOW = 1.5
"""Standard deviation of the window [pixels], eleven pixels wide."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def luma(frame: np.ndarray) -> np.ndarray:
    """(H, W) float32 in [0, 1] of uint8 sRGB (H, W, 3)."""
    return frame @ (LUMA / np.float32(255))


def gmsd(first: np.ndarray, second: np.ndarray) -> float:
    """Of two luma pictures (H, W) of the same size."""
    a, b = (_gradient(halved(p)) for p in (first, second))
    return float(np.std((2 * a * b + GMSD_C) / (a**2 + b**2 + GMSD_C)))


def ms_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Of two luma pictures (H, W); fewer scales where the picture is too small for five."""
    scales = max(1, min(len(SCALES), int(np.log2(max(min(first.shape), 1) / 11)) + 1))
    weights = np.array(SCALES[:scales]) / sum(SCALES[:scales])
    product = 1.0
    for k, weight in enumerate(weights):
        structure, whole = _ssim(first, second)
        value = whole if k == scales - 1 else structure
        product *= max(value, 0.0) ** weight
        first, second = halved(first), halved(second)
    return float(product)


def halved(picture: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    rows, cols = (max(2, n - n % 2) for n in picture.shape)
    p = picture[:rows, :cols]
    if p.shape[0] < 2 or p.shape[1] < 2:
        return picture
    return 0.25 * (p[0::2, 0::2] + p[1::2, 0::2] + p[0::2, 1::2] + p[1::2, 1::2])


def _gradient(picture: np.ndarray) -> np.ndarray:
    """Length of the Prewitt gradient."""
    p = np.pad(picture, 1, mode="edge")
    down = (p[2:, :-2] + p[2:, 1:-1] + p[2:, 2:] - p[:-2, :-2] - p[:-2, 1:-1] - p[:-2, 2:]) / 3
    across = (p[:-2, 2:] + p[1:-1, 2:] + p[2:, 2:] - p[:-2, :-2] - p[1:-1, :-2] - p[2:, :-2]) / 3
    return np.sqrt(down**2 + across**2)


def _ssim(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Means of contrast times structure, and with luminance."""
    from scipy.ndimage import gaussian_filter

    def smooth(p: np.ndarray) -> np.ndarray:
        return gaussian_filter(p, WINDOW, radius=5, mode="reflect")

    c1, c2 = 0.01**2, 0.03**2
    ma, mb = smooth(a), smooth(b)
    va, vb, cov = smooth(a * a) - ma * ma, smooth(b * b) - mb * mb, smooth(a * b) - ma * mb
    structure = (2 * cov + c2) / (va + vb + c2)
    return float(structure.mean()), float((structure * (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)).mean())
