"""Splashes: the slap of a blow on water, and the bubbles that the entrained air becomes.

A bubble of radius r rings at Minnaert's frequency ``f = sqrt(3 gamma p0 / rho) / (2 pi r) = 3.26 / r`` with the decay
``d = 0.13 / r + 0.0072 r^-1.5``, and rises in pitch as it nears the surface: ``f(t) = f (1 + xi d t)``. Radii follow
the spectrum of breaking water: r^-3/2 below the Hinze scale of a millimetre, r^-10/3 above it.

Sources: van den Doel, "Physically Based Models for Liquid Sounds", ACM Trans. Applied Perception 2 (2005), eq. 5-9;
Deane, Stokes, "Scale dependence of bubble creation mechanisms in breaking waves", Nature 418 (2002), 839.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.audible import Splash

MINNAERT = 3.26
"""Frequency times radius [m/s], air in water at one atmosphere."""
RADII = (3e-4, 8e-3)
"""Smallest and largest bubble that is heard [m]."""
HINZE = 1e-3
"""[m]"""
STRETCH = 0.01
"""Change of radius over radius when a bubble is born [-]."""
AIR_OVER_WATER = 2 * 1.2 / 1000
"""Pressure in the air over that in the water at the same distance: the surface moves as the bubble does."""
MOST = 4000
"""Bubbles of one shot; beyond that, louder ones stand for several [-]."""
SLAP = 1e-6
"""Part of the energy of a blow on water that becomes sound of the slap [-]."""
WATER = 1000.0
SOUND_SPEED, AIR_DENSITY = 343.2, 1.204


@dataclass(frozen=True)
class Bubbles:
    """Bubbles by their birth; arrays (N,)."""

    time: np.ndarray
    radius: np.ndarray
    rise: np.ndarray
    """xi of the rising pitch [-]."""
    strength: np.ndarray
    """Factor on the pressure [-]."""
    splash: np.ndarray
    """Number of the splash each came from."""


def bubbles_of(splashes: tuple[Splash, ...], rng: np.random.Generator) -> Bubbles:
    """As many bubbles as the entrained air makes; of too many, some stand for others with the same power."""
    air = np.array([s.air for s in splashes])
    grid = np.geomspace(*RADII, 200)
    density = np.where(grid < HINZE, (grid / HINZE) ** -1.5, (grid / HINZE) ** (-10 / 3)) * grid  # per log radius
    chance = np.cumsum(density) / density.sum()
    mean_volume = float(np.sum(density * 4 / 3 * np.pi * grid**3) / density.sum())
    wanted = air / mean_volume
    share = min(1.0, MOST / max(float(wanted.sum()), 1e-9))
    number = rng.poisson(wanted * share)
    splash = np.repeat(np.arange(len(air)), number)
    radius = np.interp(rng.random(len(splash)), chance, grid)
    born = np.array([s.time for s in splashes])[splash] if len(splash) else np.zeros(0)
    delay = 0.03 + 0.1 * (air[splash] / 1e-5) ** (1 / 3) if len(splash) else np.zeros(0)
    rises = np.where(rng.random(len(splash)) < 0.4, 0.1 * rng.random(len(splash)), 0.0)  # most stay deep
    return Bubbles(
        born + delay * rng.random(len(splash)) ** 1.5, radius, rises,
        rng.uniform(0.2, 1.0, len(splash)) / np.sqrt(share), splash,
    )  # fmt: skip


def bubble(radius: float, rise: float, *, offset: float, rate: int) -> np.ndarray:
    """Pressure of one bubble in the air at one metre [Pa], until it has fallen by 60 dB.

    Args:
        radius: [m]
        rise: xi of the rising pitch.
        offset: How long after the birth the first sample lies [s].
        rate: Samples per second.
    """
    frequency = MINNAERT / radius
    decay = 0.13 / radius + 0.0072 * radius**-1.5
    t = offset + np.arange(int(6.9 / decay * rate)) / rate
    phase = 2 * np.pi * frequency * (t + 0.5 * rise * decay * t**2)
    volume = WATER * radius**2 * (STRETCH * radius) * (2 * np.pi * frequency) ** 2  # rho V'' / 4 pi, at 1 m
    return AIR_OVER_WATER * volume * np.exp(-decay * t) * np.sin(phase) * (1 - np.exp(-t * frequency * 4))


def slap(energy: float, *, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of the surface that is struck [Pa at 1 m]: a part of the blow's energy, and longer for larger ones."""
    length = 0.01 + 0.05 * min(energy, 8.0) ** (1 / 3)
    t = np.arange(int(4 * length * rate)) / rate
    noise = rng.standard_normal(len(t))
    cut = np.exp(-2 * np.pi * np.clip(60 / length, 200, 6000) / rate)
    from scipy.signal import lfilter

    noise = lfilter([1 - cut], [1, -cut], lfilter([1 - cut], [1, -cut], noise))
    envelope = (1 - np.exp(-t / 1e-3)) * np.exp(-t / length)
    shaped = noise * envelope
    power = np.sum(shaped**2) / rate
    wanted = SLAP * energy * AIR_DENSITY * SOUND_SPEED / (4 * np.pi)
    return shaped * np.sqrt(wanted / max(power, 1e-30))
