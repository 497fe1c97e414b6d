"""Waves that wind has made on a lake or a sea: a random surface of the measured spectrum, at any place and time.

The spectrum is that of a young sea, JONSWAP (Hasselmann et al., "Measurements of wind-wave growth and swell decay
during the Joint North Sea Wave Project", Dt. Hydrogr. Z. A8(12), 1973), which ends where Pierson and
Moskowitz (J. Geophys. Res. 69, 1964) found the sea full grown:

    S(w) = a g^2 / w^5 exp(-5/4 (w_p / w)^4) 3.3^r     a = 0.076 (U^2 / (F g))^0.22   w_p = 22 (g^2 / (U F))^(1/3)

with fetch F and wind U at 10 m. Its tail of short waves is lowered where it would be steeper than what the glitter of
the sun shows: mean square slope 0.003 + 0.00512 U (Cox and Munk, J. Opt. Soc. Am. 44, 1954). Directions spread as
cos^2 about the wind. Every wave moves with its own speed, gravity and surface tension included.

Waves are kept in bands, an octave each, on square tiles that are turned against each other: each tile repeats itself
after some eight of its waves, all together do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from physim.scene import Entity

TILE = 128
"""Samples along a side of a tile."""
FIRST_MODE = 8
"""Waves of the longest kind of a band along the side of its tile."""
SHORTEST = 0.017
"""Shorter waves are not made by wind but by other waves, and die at once [m]."""
LONGEST = 2.5
"""Longest wave, in lengths of the one at the peak."""
LEAST_WIND = 0.7
"""Wind that does not raise ripples yet [m/s] (Jeffreys, Proc. R. Soc. A 107, 1925: about 1 m/s)."""


def peak(wind: float, fetch: float, gravity: float) -> tuple[float, float]:
    """Angular frequency [rad/s] of the highest waves and level a [-] of the spectrum."""
    grown = 0.855 * gravity / wind
    w_p = max(22 * (gravity**2 / (wind * fetch)) ** (1 / 3), grown)
    return w_p, max(0.076 * (wind**2 / (fetch * gravity)) ** 0.22, 0.0081)


def spectrum(w: np.ndarray, wind: float, fetch: float, gravity: float = 9.81) -> np.ndarray:
    """Variance of the height per angular frequency [m^2 s]."""
    w_p, level = peak(wind, fetch, gravity)
    grown = w_p <= 0.855 * gravity / wind * (1 + 1e-9)
    r = np.exp(-((w - w_p) ** 2) / (2 * (np.where(w > w_p, 0.09, 0.07) * w_p) ** 2))
    rise = 1.0 if grown else 3.3**r
    return level * gravity**2 / w**5 * np.exp(-1.25 * (w_p / w) ** 4) * rise


@dataclass(frozen=True)
class Band:
    """Waves of one octave on a tile."""

    length: float
    """Side of the tile [m]."""
    turn: float
    """Angle of the tile's first axis from x towards z [rad]."""
    longest: float
    """Of its waves [m]; the shortest is half as long."""
    wave_x: np.ndarray
    """Wave vectors (N, N) along the tile's axes [rad/m], in the order of ``numpy.fft``."""
    wave_z: np.ndarray
    omega: np.ndarray
    """(N, N) [rad/s]"""
    amplitude: np.ndarray
    """(N, N) complex [m], of waves cos(k . x - omega t + phase)."""


@dataclass(frozen=True)
class WindWaves:
    """All bands, and the stream that carries them."""

    bands: tuple[Band, ...]
    current: tuple[float, float] = (0.0, 0.0)
    """[m/s]"""

    def tiles(self, time: float) -> list[np.ndarray]:
        """(N, N, 3) float32 per band at ``time`` [s]: height [m], slopes along world x and z [-]; rows along the
        tile's second axis. The tiles stand in water at rest: shift by ``current * time``.
        """
        from scipy.fft import ifft2

        found = []
        for band in self.bands:
            here = band.amplitude * np.exp(-1j * band.omega * time)
            count = here.size
            fields = [ifft2(here).real, ifft2(1j * band.wave_x * here).real, ifft2(1j * band.wave_z * here).real]
            eta, a, b = (f * count for f in fields)
            cos, sin = np.cos(band.turn), np.sin(band.turn)
            found.append(np.stack([eta, cos * a - sin * b, sin * a + cos * b], axis=-1).astype(np.float32))
        return found

    def height(self, x: np.ndarray, z: np.ndarray, time: float) -> np.ndarray:
        """Of the waves at world places [m], by bilinear interpolation of the tiles."""
        total = np.zeros(np.shape(x))
        x, z = x - self.current[0] * time, z - self.current[1] * time
        for band, tile in zip(self.bands, self.tiles(time), strict=True):
            cos, sin = np.cos(band.turn), np.sin(band.turn)
            a, b = (p * TILE / band.length for p in (cos * x + sin * z, -sin * x + cos * z))
            i, k = np.floor(a).astype(int), np.floor(b).astype(int)
            s, t, e = a - i, b - k, tile[..., 0]
            i, k, j, m = i % TILE, k % TILE, (i + 1) % TILE, (k + 1) % TILE
            total += (1 - t) * ((1 - s) * e[k, i] + s * e[k, j]) + t * ((1 - s) * e[m, i] + s * e[m, j])
        return total

    @property
    def variance(self) -> float:
        """Of the height [m^2]; four of its roots are the significant wave height."""
        return float(sum(0.5 * (np.abs(band.amplitude) ** 2).sum() for band in self.bands))

    @property
    def square_slope(self) -> float:
        """Mean square of the slope, both directions together [-]."""
        return float(
            sum(0.5 * ((b.wave_x**2 + b.wave_z**2) * np.abs(b.amplitude) ** 2).sum() for b in self.bands)
        )  # fmt: skip


def wind_waves(
    wind: np.ndarray,
    *,
    fetch: float,
    depth: float,
    gravity: float,
    tension: float,
    seed: int,
    current: tuple[float, float] = (0.0, 0.0),
    least_length: float = SHORTEST,
) -> WindWaves | None:
    """Waves under a steady wind.

    Args:
        wind: Its velocity at 10 m along x and z [m/s].
        fetch: Way that it blows over water [m].
        depth: Of the water [m]; waves longer than twice that are left out.
        gravity: [m/s^2]
        tension: Surface tension over density [m^3/s^2].
        seed: Of the random phases.
        current: Velocity of the water [m/s].
        least_length: Of the shortest waves [m].

    Returns:
        ``None`` if the wind is too weak to raise any.
    """
    from physim.lake_grid import frequency

    speed = float(np.hypot(*wind))
    if speed < LEAST_WIND:
        return None
    w_p, _ = peak(speed, fetch, gravity)
    longest = min(LONGEST * 2 * np.pi * gravity / w_p**2, 2 * depth)
    rng = np.random.default_rng([seed, 0x3A7E])
    towards = np.arctan2(wind[1], wind[0])
    bands: list[Band] = []
    while longest > 1.2 * least_length and len(bands) < 14:
        side = FIRST_MODE * longest * rng.uniform(0.93, 1.07)
        turn = float(rng.uniform(0, 2 * np.pi))
        modes = 2 * np.pi * np.fft.fftfreq(TILE, side / TILE)
        kx, kz = np.meshgrid(modes, modes)
        k = np.hypot(kx, kz)
        own = (k >= 2 * np.pi / longest) & (k < 4 * np.pi / longest)
        safe = np.where(own, k, 1.0)
        omega = np.where(own, frequency(safe, depth, gravity, tension), 0.0)
        step = 1e-4 * safe
        group = (frequency(safe + step, depth, gravity, tension) - frequency(safe - step, depth, gravity, tension)) / (
            2 * step
        )
        angle = np.arctan2(kz, kx) + turn - towards
        spread = np.where(np.cos(angle) > 0, 2 / np.pi * np.cos(angle) ** 2, 0.0)
        # the spectrum is one of gravity waves: its frequency is that of the wave number on deep water
        free = np.sqrt(gravity * safe)
        density = spectrum(free, speed, fetch, gravity) * 0.5 * np.sqrt(gravity / safe) / safe * spread
        power = np.where(own & (group > 0), density * (2 * np.pi / side) ** 2, 0.0)
        phase = rng.uniform(0, 2 * np.pi, k.shape)
        bands.append(Band(side, turn, longest, kx, kz, omega, np.sqrt(2 * power) * np.exp(1j * phase)))
        longest /= 2
    return _as_smooth_as_seen(WindWaves(tuple(bands), current), speed, w_p, gravity) if bands else None


def _as_smooth_as_seen(waves: WindWaves, speed: float, w_p: float, gravity: float) -> WindWaves:
    """Lower the waves shorter than a third of the highest ones to the slope that is measured."""
    tail = [band for band in waves.bands if band.longest < 2 * np.pi * gravity / w_p**2 / 3]
    rest = list(waves.bands[: len(waves.bands) - len(tail)])
    measured = 0.003 + 0.00512 * speed
    steep, steep_tail = WindWaves(tuple(rest)).square_slope, WindWaves(tuple(tail)).square_slope
    if steep + steep_tail <= measured or steep_tail == 0:
        return waves
    share = np.sqrt(max(measured - steep, 0.1 * measured) / steep_tail)
    lower = [Band(b.length, b.turn, b.longest, b.wave_x, b.wave_z, b.omega, b.amplitude * share) for b in tail]
    return WindWaves(tuple(rest + lower), waves.current)


def waves_of(entity: Entity, wind: np.ndarray, *, gravity: float, seed: int) -> WindWaves | None:
    """The wind's waves on a lake of a scene; ``wind`` (3,) [m/s]."""
    lake, material = entity.shape, entity.material
    if not lake.wind_waves:  # type: ignore[union-attr]
        return None
    fetch = lake.fetch if lake.fetch is not None else max(lake.size)  # type: ignore[union-attr]
    return wind_waves(
        np.array([wind[0], wind[2]]), fetch=float(fetch), depth=lake.depth, gravity=gravity,  # type: ignore[union-attr]
        tension=material.surface_tension / material.density, seed=seed, current=lake.current,  # type: ignore[union-attr, operator]
    )  # fmt: skip
