"""Air: wind past an edge, cloth that flutters, gas out of an opening, a fire, and the tone of the place itself.

Turbulence sounds as dipoles on edges, with power ``~ rho v^6 A / c^3`` and a peak at the Strouhal frequency
``0.2 v / d``, and as quadrupoles in jets, with Lighthill's ``~ rho v^8 A / c^5``. All of it is noise in a band about
the peak that follows the speed.

Sources: Lighthill, Proc. R. Soc. A 211 (1952) and 222 (1954); Curle, Proc. R. Soc. A 231 (1955); Dobashi, Yamamoto,
Nishita, "Real-time rendering of aerodynamic sound", SIGGRAPH 2003.
"""

from __future__ import annotations

import numpy as np

from physim.audible import Current

STROUHAL = 0.2
DIPOLE = 1e-3
"""Part of rho v^6 A / c^3 that is radiated: of edges in a gusty wind [-]."""
JET = 1e-4
"""Part of rho v^8 A / c^5: of a turbulent jet [-] (Ribner 1964)."""
RUSTLE = 2e-6
"""Part of the power of the air's drag on a fluttering cloth that is heard as rustle [-]."""
ROAR = 1e-7
"""Part of the power of a flame's buoyant stream that is heard [-]."""
TONE = 4e-4
"""Tone of a quiet room, root mean square [Pa]: 26 dB."""
RHO, C = 1.204, 343.2


def current_pressure(current: Current, *, count: int, rate: int, sample_rate: float, seed: int) -> np.ndarray:
    """Pressure at one metre [Pa], (count,)."""
    rows = np.arange(len(current.speed)) / sample_rate
    speed = np.interp(np.arange(count) / rate, rows, current.speed)
    power = _power(current, speed)
    if not power.any():
        return np.zeros(count)
    level = np.sqrt(power * RHO * C / (4 * np.pi))
    peak = np.clip(STROUHAL * speed / current.size, 60.0, 8000.0)
    if current.kind == "cloth":
        peak = np.clip(peak * 40, 400.0, 4000.0)  # creases are much smaller than folds
    if current.kind == "fire":
        peak = np.full(count, 120.0)
    return level * _band(peak, count, rate, seed)


def _power(current: Current, v: np.ndarray) -> np.ndarray:
    if current.kind == "jet":
        return JET * RHO * np.minimum(v, C) ** 8 * current.area / C**5
    if current.kind == "fire":
        return ROAR * RHO * (1.0 + v) ** 3 * current.area * (v >= 0)
    if current.kind == "cloth":
        return RUSTLE * RHO * v**3 * current.area
    return DIPOLE * RHO * v**6 * current.area / C**3


def _band(peak: np.ndarray, count: int, rate: int, seed: int) -> np.ndarray:
    """Noise of unit power whose band follows ``peak`` [Hz]: bands of a third of a decade, faded into one another."""
    from scipy.signal import butter, sosfilt

    rng = np.random.default_rng([seed, 0xA1])
    white = rng.standard_normal(count)
    centres = np.geomspace(60, 9000, 9)
    place = np.interp(np.log(peak), np.log(centres), np.arange(len(centres)))
    out = np.zeros(count)
    for k, centre in enumerate(centres):
        near = np.clip(1 - np.abs(place - k), 0, 1)
        if not near.any():
            continue
        band = sosfilt(butter(1, [centre / 1.6, min(centre * 1.6, 0.45 * rate)], "band", fs=rate, output="sos"), white)
        out += np.sqrt(near) * band / max(np.sqrt(np.mean(band**2)), 1e-12)
    return out


def room_tone(count: int, rate: int, *, seed: int, level: float = TONE) -> np.ndarray:
    """What a place sounds like when nothing happens, (count, 2) [Pa]: noise that falls by 6 dB per octave, two ears."""
    rng = np.random.default_rng([seed, 0x70])
    wave = np.fft.rfftfreq(count, 1 / rate)
    shape = 1 / np.maximum(wave, 30.0) * (wave > 15)
    both = []
    for _ in range(2):
        spectrum = shape * np.exp(2j * np.pi * rng.random(len(wave)))
        values = np.fft.irfft(spectrum, count)
        both.append(values * (level / max(np.sqrt(np.mean(values**2)), 1e-30)))
    return np.stack(both, axis=1)
