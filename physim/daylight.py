"""The sun over a photo: from the light it was taken in to evening, as far as one picture tells.

Direct light of the sun at elevation e, per channel (0.61, 0.55, 0.465 micrometres):

    T = exp(-m (t_R + t_A)),  m = 1 / (sin e + 0.50572 (e + 6.07995)^-1.6364)          (Kasten, Young 1989)
    t_R = 0.008569 l^-4 (1 + 0.0113 l^-2 + 0.00013 l^-4)                               (Hansen, Travis 1974)
    t_A = 0.08 l^-1.3                                        (Angstrom 1929, air of a clear day in the country)

and of the sky on level ground, over the solar constant (Bird, Hulstrom, SERI/TR-642-761, 1981):

    D = 0.79 sin e (0.5 (1 - T_R) + 0.84 (1 - T_A)) / (1 - m + m^1.02)

Below 2 degrees its level goes to 400 lx at 0 and 3.4 lx at -6 degrees (RCA Electro-Optics Handbook, 1974), evenly in
the logarithm; its colour stays. Of a photo the ratio of its own sun to its own sky is known: only the changes of both
are taken from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from physim.over_time import OverTime
from physim.scene import Light
from physim.srgb import LUMA

WAVELENGTH = np.array([0.61, 0.55, 0.465])
RAYLEIGH = 0.008569 * WAVELENGTH**-4 * (1 + 0.0113 * WAVELENGTH**-2 + 0.00013 * WAVELENGTH**-4)
AEROSOL = 0.08 * WAVELENGTH**-1.3
DISC = 0.27
"""Radius of the sun [degrees]."""
LOW = 2.0
"""Elevation below which the level of the sky follows measured illuminance [degrees]."""
DUSK = ((-6.0, 3.4 / 128e3), (0.0, 400 / 128e3))
"""(elevation [degrees], illuminance over that of the solar constant)."""
LOWEST, HIGHEST = -6.0, 90.0
"""Elevations that are known about [degrees]."""
FLATTEST = 3.0
"""Lowest elevation at which shadows are drawn [degrees]: beyond, they leave every picture, and there is no sun."""


def air_mass(elevation: float) -> float:
    """Air between the sun and the ground over that below the zenith [-], at 0 to 90 degrees."""
    e = max(elevation, 0.0)
    return 1.0 / (np.sin(np.radians(e)) + 0.50572 * (e + 6.07995) ** -1.6364)


def sunlight(elevation: float) -> np.ndarray:
    """What is left of the sun's direct light on a surface that faces it, per channel (3,) [-]."""
    risen = float(np.clip((elevation + DISC) / (2 * DISC), 0.0, 1.0))
    return risen * np.exp(-air_mass(elevation) * (RAYLEIGH + AEROSOL))


def skylight(elevation: float) -> np.ndarray:
    """Light of the clear sky on level ground over that of the solar constant, per channel (3,) [-]."""
    e = max(elevation, LOW)
    m = air_mass(e)
    through = [1 - np.exp(-m * depth) for depth in (RAYLEIGH, AEROSOL)]
    light = 0.79 * np.sin(np.radians(e)) * (0.5 * through[0] + 0.84 * through[1]) / (1 - m + m**1.02)
    if elevation >= LOW:
        return light
    places = [*(at for at, _ in DUSK), LOW]
    levels = np.log([*(level for _, level in DUSK), float(light @ LUMA)])
    return light / float(light @ LUMA) * np.exp(np.interp(elevation, places, levels))


@dataclass(frozen=True)
class Lit:
    """The light at one instant, and what it makes of the photo."""

    light: Light
    """For shading and shadows; its colours are those that :attr:`gain` then makes right."""
    gain: np.ndarray
    """Factor (3,) on linear light of all but the sky."""
    sky_gain: np.ndarray
    """Factor (3,) on the sky."""
    exposure: float
    """Part of both that is the camera's doing [-]: what glows by itself changes by no more."""


@dataclass(frozen=True)
class Daylight:
    """How the light of a photo changes. At time 0 it is that of the photo, whatever the keys say.

    Keys start with the photo's own value at ``since`` unless they have one until then.
    """

    photo: Light
    """The light that the photo was taken in."""
    elevation: OverTime | None = None
    """Of the sun [degrees], -6 to 90."""
    turn: OverTime | None = None
    """Of the sun about the vertical, clockwise as seen from above [degrees]."""
    tint: OverTime | None = None
    """Factor (3,) on all light besides: clouds, lamps that fade."""
    since: float = 0.0
    """Until then it is the photo's [s]."""
    adapts: float = 0.75
    """Part of the change of brightness, in stops, that the camera makes up for [-]."""
    holds_sky: bool = False
    """Whether the photo shows sky, which the camera does not let burn out."""

    def __post_init__(self) -> None:
        if not 0 <= self.adapts <= 1:
            raise ValueError(f"Daylight.adapts is {self.adapts}, expected 0 to 1.")
        known = () if self.elevation is None else self.elevation.values
        if not all(LOWEST <= value <= HIGHEST for value in known):
            raise ValueError(f"Daylight.elevation is {list(known)}, expected {LOWEST:g} to {HIGHEST:g} degrees.")
        if self.tint is not None and not all(np.shape(v) == (3,) and min(v) >= 0 for v in self.tint.values):
            raise ValueError(f"Daylight.tint is {list(self.tint.values)}, expected three factors of at least 0 each.")

    @cached_property
    def start(self) -> float:
        """Elevation of the photo's light [degrees]."""
        return float(np.degrees(np.arcsin(np.clip(self.photo.direction[1], -1, 1))))

    def _of(self, keys: OverTime | None, first, time: float) -> np.ndarray:  # type: ignore[no-untyped-def]
        if keys is None:
            return np.asarray(first, dtype=np.float64)
        return started(keys, first, self.since).at(time)

    def _direction(self, elevation: float, turn: float) -> tuple[float, float, float]:
        x, _, z = self.photo.direction
        heading = np.arctan2(x, -z) + np.radians(turn)  # from -z (away) to +x (right): clockwise as seen from above
        e = np.radians(max(elevation, min(FLATTEST, self.start)))
        return (
            float(np.cos(e) * np.sin(heading)), float(np.sin(e)), float(-np.cos(e) * np.cos(heading)),
        )  # fmt: skip

    def at(self, time: float) -> Lit:
        """The light at ``time`` [s]."""
        photo, first = self.photo, self.start
        elevation = float(self._of(self.elevation, first, time))
        turn = float(self._of(self.turn, 0.0, time))
        tint = self._of(self.tint, (1.0, 1.0, 1.0), time)
        key, ambient = np.asarray(photo.colour, dtype=np.float64), np.asarray(photo.ambient, dtype=np.float64)
        base = float(np.clip(first, LOW, HIGHEST))
        e = elevation + (base - first)  # a lamp may stand lower than any sun: it changes as a low sun would
        direct, sky = sunlight(e) / sunlight(base), skylight(e) / skylight(base)
        before = ambient + key * np.sin(np.radians(base))
        after = ambient * sky + key * direct * np.sin(np.radians(max(e, 0.0)))
        gain = after / np.maximum(before, 1e-9)
        brightness = float((tint * gain) @ LUMA)
        exposure = max(brightness, 1e-9) ** -self.adapts
        if self.holds_sky:
            exposure = min(exposure, 1.0 / max(float((tint * sky) @ LUMA), 1e-9))
        safe = np.maximum(gain, 1e-9)
        moved = elevation != first or turn != 0.0
        light = replace(
            photo,
            direction=self._direction(elevation, turn) if moved else photo.direction,
            colour=_triple(key * direct / safe),
            ambient=_triple(ambient * sky / safe),
            shadow_floor=self._floor(direct, sky, e, base),
        )  # fmt: skip
        return Lit(light, exposure * tint * gain, exposure * tint * sky, exposure)

    def _floor(self, direct: np.ndarray, sky: np.ndarray, elevation: float, base: float) -> float:
        """Brightness in a full shadow over that outside of it: what the sky is of all light."""
        floor = self.photo.shadow_floor
        height = np.sin(np.radians(max(elevation, 0.0))) / np.sin(np.radians(base))
        if elevation == base:
            return floor
        left, gone = floor * float(sky @ LUMA), (1 - floor) * float(direct @ LUMA) * height
        return left / max(left + gone, 1e-12)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = values
    return float(x), float(y), float(z)


def started(keys: OverTime, first, since: float = 0.0) -> OverTime:  # type: ignore[no-untyped-def]
    """The keys with ``first`` at ``since`` [s], if they have none until then."""
    if keys.times[0] <= since:
        return keys
    return replace(keys, times=(since, *keys.times), values=(first, *keys.values))
