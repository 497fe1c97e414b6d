"""The column of air in a vessel that fills, and what it makes of the splashes in it.

A pipe of length l and radius r, closed below by the liquid, resonates where (l + 0.61 r) is 1/4, 3/4, 5/4 ... of a wave
length (end correction: Levine, Schwinger, Phys. Rev. 73, 1948). A source at the closed end is heard outside with the
gain 1 / cos(k l) = sum of (-1)^n (2 / x_n) w_n^2 / (w_n^2 - w^2 + i w w_n / Q_n), x_n = (n + 1/2) pi. Its quality:

    1/Q = (k r)^2 / (2 x_n) + 2 a / k,   a = 3e-5 sqrt(f) / r

by what the opening radiates (reflection exp(-(k r)^2 / 2)) and by the walls (Fletcher, Rossing, The Physics of Musical
Instruments, 1998, 8.2).
"""

from __future__ import annotations

import numpy as np

from physim.audible import Vessel

SOUND_SPEED = 343.2
END = 0.61
"""Correction of the open end, in radii [-]."""
MODES = 5
WIDEST = 1.5
"""k r from which an opening does not reflect any more [-]."""
SHORTEST = 0.002
"""Column below which a vessel is full [m]."""
BLOCK = 64
"""Samples over which a pitch stands still."""


def pitch(vessel: Vessel, time: np.ndarray) -> np.ndarray:
    """Lowest resonance at times [s], [Hz]; 0 where the vessel is full."""
    column = np.interp(time * vessel.sample_rate, np.arange(len(vessel.column)), vessel.column)
    length = column + END * vessel.radius
    return np.where(column > SHORTEST, SOUND_SPEED / (4 * length), 0.0)


def quality(frequency: np.ndarray, radius: float, mode: int) -> np.ndarray:
    """Q of a mode [-]."""
    k = 2 * np.pi * frequency / SOUND_SPEED
    x = (mode + 0.5) * np.pi
    walls = 2 * 3e-5 * np.sqrt(frequency) / radius / np.maximum(k, 1e-9)
    return 1.0 / ((k * radius) ** 2 / (2 * x) + walls)


def through(vessel: Vessel, dry: np.ndarray, *, rate: int) -> np.ndarray:
    """Pressure of what sounds at the liquid in a vessel, heard at its mouth: ``dry`` (N,) with the column's resonances.

    Args:
        vessel: Its column over time.
        dry: Without it [Pa at 1 m].
        rate: Samples per second.
    """
    out = dry.copy()
    if not dry.any():
        return out
    starts = np.arange(0, len(dry), BLOCK)
    lowest = pitch(vessel, (starts + 0.5 * BLOCK) / rate)
    for mode in range(MODES):
        frequency = (2 * mode + 1) * lowest
        heard = (lowest > 0) & (2 * np.pi * frequency / SOUND_SPEED * vessel.radius < WIDEST) & (frequency < 0.4 * rate)
        if not heard.any():
            break
        q = quality(np.where(heard, frequency, 1000.0), vessel.radius, mode)
        gain = np.where(heard, (-1) ** mode * 2 / ((mode + 0.5) * np.pi) * q, 0.0)
        out += _resonance(dry, np.where(heard, frequency, 1000.0), q, gain, rate)
    return out


def _resonance(dry: np.ndarray, frequency: np.ndarray, q: np.ndarray, gain: np.ndarray, rate: int) -> np.ndarray:
    """One mode whose pitch changes from block to block; ``gain`` at its peak."""
    from scipy.signal import lfilter

    turn = 2 * np.pi * frequency / rate
    poles = np.exp(-turn / (2 * q) + 1j * turn)
    out, state = np.zeros(len(dry)), np.zeros(1, complex)
    for k, pole in enumerate(poles):
        part = slice(k * BLOCK, (k + 1) * BLOCK)
        values, state = lfilter([1.0], [1.0, -pole], dry[part].astype(complex), zi=state)
        # a phase behind by a quarter at the peak, as of the series above
        out[part] = 2 * gain[k] * (1 - abs(pole)) * values.imag
    return out
