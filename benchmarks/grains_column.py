"""The column of sand that solvers of grains are compared on: what it is, and what is measured of its deposit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

FPS = 20.0
GRAVITY = 9.81


@dataclass(frozen=True)
class Column:
    """A round column, let go on rough ground; the box is as large as its run-out needs."""

    per_radius: int
    """Cells."""
    radius: float = 0.05
    """[m]"""
    ratio: float = 1.0
    """Height over the radius."""
    friction_angle: float = 34.0
    """[degrees]"""
    ground: float = 1.0
    """Its friction coefficient."""
    seconds: float = 0.4
    reach: float = 2.6
    """Half a side of the box over the radius."""
    pad: int = 4
    """Nodes beyond the box."""

    @property
    def cell(self) -> float:
        """[m]"""
        return self.radius / self.per_radius

    @property
    def low(self) -> tuple[float, float, float]:
        """Lower corner of the box [m]."""
        half = int(np.ceil(self.reach * self.per_radius)) * self.cell
        return (-half, 0.0, -half)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Nodes."""
        wide = 2 * int(np.ceil(self.reach * self.per_radius))
        high = int(np.ceil(1.1 * self.ratio * self.per_radius))
        return (wide + 2 * self.pad + 1, high + 2 * self.pad + 1, wide + 2 * self.pad + 1)

    @property
    def frames(self) -> int:
        return round(self.seconds * FPS)


@dataclass(frozen=True)
class Result:
    name: str
    position: np.ndarray
    """(N, 3) at the end [m]."""
    cost: float
    """CPU time per simulated second [s/s]."""
    rate: float
    """Steps per simulated second [1/s]."""
    notes: list[str] = field(default_factory=list)

    def per_particle(self) -> float:
        """CPU time per particle and step [s]."""
        return self.cost / self.rate / len(self.position)


def deposit(position: np.ndarray, radius: float) -> tuple[float, float, float]:
    """Height of the top, radius that holds 99 % of the grains, height of the centre of mass; over ``radius``."""
    r = np.hypot(position[:, 0], position[:, 2])
    top = np.quantile(position[r < 0.3 * radius, 1], 0.98)
    return float(top) / radius, float(np.quantile(r, 0.99)) / radius, float(position[:, 1].mean()) / radius
