"""Sliding and rolling: the force that bumps of a surface make when they pass beneath a contact.

The profile of a rough surface is a fixed noise over the way, fractal from its grain upwards; what passes at speed v is
that noise read at v, so pitch rises with speed by itself. The force is ``c N v`` times the profile: level rises with
load and speed (6 dB per doubling of either). A rolling contact feels a third of it, and the slow waves of its own turn.

Source: van den Doel, Kry, Pai, "FoleyAutomatic", SIGGRAPH 2001, section 4 (fractal profile read at the contact speed).
"""

from __future__ import annotations

import functools

import numpy as np

from physim.audible import Rub

SLIDING = 0.5
"""Force of the bumps over the normal force, root mean square, at 1 m/s [-]."""
ROLLING = 0.15
"""The same for rolling: the contact travels, nothing is torn over it."""
LENGTH = 1 << 17
"""Samples of the profile; it repeats after so many grains."""
OCTAVES = 7


@functools.lru_cache(16)
def profile(seed: int) -> np.ndarray:
    """A fractal profile (LENGTH,) over the way in grains, root mean square 1: power falls with the wavenumber."""
    rng = np.random.default_rng([seed, 0xF4])
    wave = np.fft.rfftfreq(LENGTH, 1.0)
    amplitude = np.zeros_like(wave)
    band = wave >= 0.5 / 2**OCTAVES
    amplitude[band] = wave[band] ** -0.5
    amplitude *= np.exp(-((wave / 0.35) ** 4))  # no bumps smaller than the grain
    spectrum = amplitude * np.exp(2j * np.pi * rng.random(len(wave)))
    values = np.fft.irfft(spectrum, LENGTH)
    return values / np.sqrt(np.mean(values**2))


def rub_force(rub: Rub, *, count: int, rate: int, sample_rate: float, seed: int) -> np.ndarray:
    """Force of the bumps at the samples (count,) [N]."""
    rows = np.arange(len(rub.force)) / sample_rate
    times = np.arange(count) / rate
    touching = np.interp(times, rows, rub.force)
    total = np.zeros(count)
    for k, (speed, strength) in enumerate(((rub.slip, SLIDING), (rub.roll, ROLLING))):
        if not speed.any():
            continue
        v = np.interp(times, rows, speed)
        way = np.cumsum(v) / rate / rub.grain
        low = way.astype(np.int64)
        part = way - low
        bumps = profile(2 * (seed % 8) + k)
        low %= LENGTH
        total += strength * touching * v * ((1 - part) * bumps[low] + part * bumps[(low + 1) % LENGTH])
    return total
