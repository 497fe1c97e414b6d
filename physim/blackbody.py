"""Colour and brightness of things that glow because they are hot.

Hue is that of a black body: Planck's law through the CIE 1931 colour matching functions, in the multi-lobe form of
Wyman, Sloan, Shirley, Simple analytic approximations to the CIE XYZ color matching functions, JCGT 2 (2013), to linear
sRGB (IEC 61966-2-1). Brightness grows as T^4, as all the radiation of the body does (Stefan, Boltzmann), and not as
steeply as its visible part: a photo that shows flames is exposed for them, and its curve is flatter at the top.
Below the Draper point, 798 K, nothing is seen to glow (Draper 1847).
"""

from __future__ import annotations

import numpy as np

DRAPER = 798.0
"""Temperature at which glow begins to be seen [K]."""
FULL = 1000.0
"""Temperature from which brightness follows T^4 [K]."""
REFERENCE = 1800.0
"""Temperature of a luminous flame at which the brightness of the table is 1 [K]. Gaydon, Wolfhard, Flames, 1979."""
RGB_FROM_XYZ = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
"""Linear sRGB, IEC 61966-2-1."""
_LOBES = {  # (height, centre [nm], width below, width above) of each lobe
    "x": ((1.056, 599.8, 37.9, 31.0), (0.362, 442.0, 16.0, 26.7), (-0.065, 501.1, 20.4, 26.2)),
    "y": ((0.821, 568.8, 46.9, 40.5), (0.286, 530.9, 16.3, 31.1)),
    "z": ((1.217, 437.0, 11.8, 36.0), (0.681, 459.0, 26.0, 13.8)),
}
_SECOND = 1.438776877e-2
"""Second radiation constant h c / k [m K], CODATA 2018."""


def matching(wavelength: np.ndarray) -> np.ndarray:
    """CIE 1931 colour matching functions (..., 3) at wavelengths [nm]."""
    values = []
    for lobes in _LOBES.values():
        total = np.zeros(np.shape(wavelength))
        for height, centre, below, above in lobes:
            t = (wavelength - centre) / np.where(wavelength < centre, below, above)
            total = total + height * np.exp(-(t**2) / 2)
        values.append(total)
    return np.stack(values, axis=-1)


def xyz(temperature: np.ndarray) -> np.ndarray:
    """Colour (..., 3) of a black body at temperatures [K], with Y = 1."""
    nanometres = np.arange(360.0, 831.0, 2.0)
    metres = nanometres * 1e-9
    exponent = _SECOND / (metres * np.asarray(temperature, dtype=np.float64)[..., None])
    # Planck's law up to a factor; the largest exponent is taken out, for at 800 K it would underflow
    radiance = metres**-5 * np.exp(exponent.min(axis=-1, keepdims=True) - exponent) / -np.expm1(-exponent)
    colour = radiance @ matching(nanometres)
    return colour / colour[..., 1:2]


def glow(temperature: np.ndarray) -> np.ndarray:
    """Linear sRGB (..., 3) of a black body at temperatures [K]; luminance 1 at ``REFERENCE`` but for the gamut's edge.

    What a screen cannot show, blue below zero, is set to zero.
    """
    hot = np.asarray(temperature, dtype=np.float64)
    colour = np.maximum(xyz(np.maximum(hot, DRAPER)) @ RGB_FROM_XYZ.T, 0.0)
    rise = np.clip((hot - DRAPER) / (FULL - DRAPER), 0.0, 1.0)
    strength = (hot / REFERENCE) ** 4 * rise * rise * (3 - 2 * rise)
    return (strength[..., None] * colour).astype(np.float32)


def table(highest: float, step: float = 25.0) -> tuple[np.ndarray, float, float]:
    """``glow`` (N, 3) in equal steps from the Draper point to above ``highest`` [K], its start and its step [K]."""
    count = max(2, int(np.ceil((highest - DRAPER) / step)) + 2)
    return glow(DRAPER + step * np.arange(count)), DRAPER, step
