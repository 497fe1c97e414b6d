"""Steam over a hot liquid: how much evaporates, and the puffs of gas that bring it, on the surface where that is.

What leaves is carried off by the warm moist air that rises from the surface (Incropera, DeWitt, "Fundamentals of heat
and mass transfer", 6.7 and 9.5: heat and mass transfer are alike)::

    j = h_m (rho_sat(T) - rho_sat(T_air)),   Sh = h_m L / D = 0.54 (Gr Sc)^(1/4) to 1e7, 0.15 (Gr Sc)^(1/3) above

(a horizontal plate that is hotter than the air, L its area over its rim; Lloyd, Moran 1974). Saturation pressure by
Buck (1981). The air is taken to be saturated, so that all of it condenses to droplets, of which steam consists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.over_time import value_at
from physim.shapes import Emitter
from physim.smoke_source import BUMP_VOLUME

PUFFS = 24
STEAM = 0.2
"""Mass of droplets where the density of the gas grid is 1 [kg/m^3]: droplets of 5 um (typical of mist) have an
extinction of 3 / (2 rho r) = 300 m^2/kg, and steam 60 / m at density 1."""
GAS_CONSTANT = 461.5
"""Of water vapour [J/(kg K)]."""
AIR_VISCOSITY = 1.6e-5
"""Kinematic [m^2/s]."""
SCHMIDT = 0.6
"""Of water vapour in air [-]."""


@dataclass(frozen=True)
class LiquidSurface:
    """The free surface of a liquid, as seen from above."""

    points: np.ndarray
    """(N, 3) [m], one per cell; none where there is no liquid."""
    area: float
    """[m^2]"""


def saturation_density(temperature: float) -> float:
    """Of water vapour over water at this temperature [K], at most its boiling point [kg/m^3]."""
    celsius = min(temperature, 373.15) - 273.15
    pressure = 611.21 * np.exp((18.678 - celsius / 234.5) * celsius / (257.14 + celsius))
    return float(pressure / (GAS_CONSTANT * (celsius + 273.15)))


def evaporation(temperature: float, ambient: float, area: float, gravity: float) -> float:
    """Mass that leaves a round surface per area and time [kg/(m^2 s)]; 0 if it is no hotter than the air.

    Args:
        temperature: Of the liquid [K].
        ambient: Of the air [K].
        area: Of the surface [m^2].
        gravity: [m/s^2]
    """
    difference = saturation_density(temperature) - saturation_density(ambient)
    if difference <= 0 or area <= 0:
        return 0.0
    length = np.sqrt(area / np.pi) / 2  # area over rim
    film = 0.5 * (temperature + ambient)
    # light both by its heat and by its vapour, 0.61 of whose mass is missing
    light = (temperature - ambient) / film + 0.61 * difference / 1.2
    rayleigh = gravity * light * length**3 / AIR_VISCOSITY**2 * SCHMIDT
    sherwood = 0.54 * rayleigh**0.25 if rayleigh < 1e7 else 0.15 * rayleigh ** (1 / 3)
    return float(max(sherwood, 1.0) * AIR_VISCOSITY / SCHMIDT / length * difference)


class VapourPuffs:
    """Puffs of steam that stay on the free surface of a liquid, spread evenly.

    Args:
        emitter: ``on`` the liquid; its ``rate`` is a factor on the law, ``radius`` is not used.
        temperature: Of the liquid [K].
        ambient: Of the air [K].
        gravity: [m/s^2]
        least_radius: Smallest radius the grid can show [m].
        seed: The same seed gives the same source.
    """

    def __init__(
        self, emitter: Emitter, *, temperature: float, ambient: float, gravity: float, least_radius: float, seed: int
    ):  # fmt: skip
        self.emitter, self.count = emitter, PUFFS
        self._temperature, self._ambient, self._gravity, self._least = temperature, ambient, gravity, least_radius
        rng = np.random.default_rng(seed)
        self._frequency, self._phase = rng.uniform(0.3, 2.0, (4, PUFFS)), rng.uniform(0, 2 * np.pi, (4, PUFFS))
        self._centres: np.ndarray | None = None
        self._middle = np.zeros(3)
        self._before = np.zeros((PUFFS, 3))
        self._area, self._time = 0.0, 0.0

    def follow(self, surface: LiquidSurface) -> None:
        """Go where the surface is at the end of the coming frame."""
        self._area = surface.area
        if len(surface.points) == 0:
            return
        first = self._centres is None
        middle = surface.points.mean(axis=0)
        if self._centres is None:
            self._centres, self._middle = spread_over(surface.points, PUFFS), middle
        self._before = self._centres
        self._centres, self._middle = self._centres + (middle - self._middle), middle
        for _ in range(2):
            self._centres = even(self._centres, surface.points)
        if first:
            self._before = self._centres

    def weigh(self, gravity: float) -> None:
        """Another strength of gravity from now on [m/s^2]: it drives the air over the liquid."""
        self._gravity = gravity

    @property
    def centres(self) -> np.ndarray:
        """(PUFFS, 3) [m] at the end of the frame."""
        return np.zeros((PUFFS, 3)) if self._centres is None else self._centres

    def flux(self) -> float:
        """Mass of steam per time [kg/s]."""
        j = evaporation(self._temperature, self._ambient, self._area, self._gravity)
        return float(value_at(self.emitter.rate, self._time)) * self._area * j

    def at(self, time: float, share: float, lift: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As of :class:`physim.smoke_source.EmitterPuffs`, ``share`` of the way through the frame; ``lift`` (PUFFS, 3)
        [m] takes puffs out of what the gas cannot be in.
        """
        e, self._time = self.emitter, time
        signal = np.sin(2 * np.pi * self._frequency * time + self._phase).sum(0) / np.sqrt(2)
        strength = np.maximum(1 + e.flicker * signal, 0.0)
        radius = max(np.sqrt(self._area / PUFFS), self._least)
        ball = np.empty((PUFFS, 4))
        ball[:, :3] = (1 - share) * self._before + share * self.centres + lift
        ball[:, 3] = radius
        state, jet = np.zeros((PUFFS, 4)), np.zeros((PUFFS, 4))
        state[:, 0] = self.flux() / STEAM / (PUFFS * BUMP_VOLUME * radius**3) * strength
        state[:, 1] = 0.5 * max(self._temperature - self._ambient, 0.0)  # of the film between both
        state[:, 2] = (e.start <= time < e.end) and self._centres is not None and self._area > 0
        return ball, state, jet


def spread_over(points: np.ndarray, count: int) -> np.ndarray:
    """``count`` of the points (N, 3), each the farthest from those before; some twice if there are fewer."""
    chosen = [int(((points - points.mean(0)) ** 2).sum(1).argmin())]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(nearest.argmax()))
    return points[chosen]


def even(centres: np.ndarray, points: np.ndarray) -> np.ndarray:
    """One step of Lloyd: each centre to the mean of the points that are nearest to it, or to its nearest one."""
    squared = ((points[:, None] - centres) ** 2).sum(-1)
    nearest = squared.argmin(1)
    size = np.bincount(nearest, minlength=len(centres))
    out = points[squared.argmin(0)].astype(np.float64)
    for axis in range(3):
        total = np.bincount(nearest, points[:, axis], minlength=len(centres))
        out[size > 0, axis] = total[size > 0] / size[size > 0]
    return out
