"""Strips: what the scenes of cloth cases are made of: strips of cloth on any mesh, and their way to equilibrium."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from physim.materials import Cloth
from physim.pins import Pin
from physim.scene import Scene
from physim.sheet import Pattern, Sheet
from physim.trajectory import ClothTrack, Trajectory
from physim.validation.settings import Settings

AIR_DENSITY = 1.204
"""Of the library's air [kg/m^3]."""


@dataclass(frozen=True)
class Strip:
    """A rectangle of cloth: s from 0 to ``length`` along it, t from -width/2 to width/2 across."""

    length: float
    width: float
    cells: tuple[int, int]
    irregular: bool = False
    """Points moved at random by up to 0.3 of a cell and joined by Delaunay's triangles."""

    @cached_property
    def _mesh(self) -> tuple[np.ndarray, np.ndarray]:
        sheet = Sheet((self.length, self.width), self.cells)
        rest, faces = sheet.rest + [self.length / 2, 0.0], sheet.faces
        return _shaken(rest, self) if self.irregular else (rest, faces)

    @property
    def rest(self) -> np.ndarray:
        """(N, 2): s and t [m]."""
        return self._mesh[0]

    @property
    def faces(self) -> np.ndarray:
        """(M, 3)"""
        return self._mesh[1]

    def end(self, s: float) -> np.ndarray:
        """Numbers of the vertices of the edge at ``s``."""
        return np.flatnonzero(np.abs(self.rest[:, 0] - s) < 1e-9 * self.length)

    @property
    def shape(self) -> Sheet | Pattern:
        """Flat and centred: a ``Sheet`` if it is regular."""
        sheet = Sheet((self.length, self.width), self.cells)
        return Pattern(self.rest - [self.length / 2, 0.0], self.faces) if self.irregular else sheet

    def pattern(self, start: np.ndarray) -> Pattern:
        """With its vertices at ``start`` (N, 3) [m]."""
        return Pattern(self.rest, self.faces, start)

    def along(self, values: np.ndarray, s: float) -> np.ndarray:
        """Values (..., N, k) of the vertices, at the middle of the strip's cross-section at ``s``.

        By least squares: quadratic along the strip over three cells, linear across.
        """
        reach = 1.6 * self.length / self.cells[0]
        ds = self.rest[:, 0] - np.clip(s, reach / 2, self.length - reach / 2)
        near = np.flatnonzero(np.abs(ds) <= reach)
        x = self.rest[near, 0] - s
        t = self.rest[near, 1]
        fit = np.linalg.pinv(np.stack([np.ones_like(x), x, x * x, t], axis=1))
        return np.einsum("n,...nk->...k", fit[0], values[..., near, :])

    def profile(self, values: np.ndarray, count: int) -> np.ndarray:
        """``along`` at ``count`` places from 0 to the length, (count, k)."""
        return np.array([self.along(values, s) for s in np.linspace(0, self.length, count)])


def _shaken(rest: np.ndarray, strip: Strip) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import Delaunay

    rng = np.random.default_rng(5)
    cell = np.array([strip.length / strip.cells[0], strip.width / strip.cells[1]])
    inside = np.stack(
        [
            (rest[:, 0] > 1e-9) & (rest[:, 0] < strip.length - 1e-9),  # may move along
            np.abs(rest[:, 1]) < strip.width / 2 - 1e-9,  # may move across
        ],
        axis=1,
    )
    moved = rest + rng.uniform(-0.3, 0.3, rest.shape) * cell * inside
    faces = Delaunay(moved).simplices
    a, b, c = (moved[faces[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    faces[area < 0] = faces[area < 0][:, ::-1]
    return moved, faces[np.abs(area) > 1e-6 * cell.prod()].astype(np.int32)


def fabric(areal_density: float, stretch: float, bending: float = 0.0, poisson: float = 0.0, **values: float) -> Cloth:
    """An isotropic sheet without loss and without air, unless ``damping`` or ``drag_coefficient`` are given."""
    shear = stretch / (2 * (1 + poisson))
    rest = {"damping": 0.0, "drag_coefficient": 0.0, "skin_friction": 0.0, "friction": 0.0, "thickness": 1e-4}
    return Cloth(
        "cotton", areal_density=areal_density, stretch=(stretch, stretch), shear=shear, poisson=poisson,
        bending=(bending, bending), **{**rest, **values},
    )  # type: ignore[arg-type]  # fmt: skip


def brake(areal_density: float, length: float, strength: float = 150.0) -> float:
    """A drag coefficient that brings a strip to rest: its mass is that of the air over ``length / strength``."""
    return strength * areal_density / (0.5 * AIR_DENSITY * length)


def settle(scene: Scene, name: str, settings: Settings, seconds: float, size: float) -> tuple[np.ndarray, Trajectory]:
    """Vertices (N, 3) [m] once they move by less than 4e-3 of ``size``: the mean over the last quarter of the run.

    The run is ``seconds`` long and is repeated, twice as long, up to three times, until that is so.

    Raises:
        RuntimeError: It is not so in the end.
    """
    for _ in range(3):
        trajectory = settings.simulate(scene, seconds)
        track: ClothTrack = trajectory.cloths[name]
        x = track.dense_position[-max(len(track.dense_position) // 4, 2) :].astype(np.float64)
        if np.ptp(x, axis=0).max() < 4e-3 * size:
            return x.mean(axis=0), trajectory
        seconds *= 2
    raise RuntimeError(f"the cloth still moves by {np.ptp(x, axis=0).max():.2g} m after {seconds / 2:.3g} s.")


def clamp(strip: Strip, s: float = 0.0) -> Pin:
    """Hold an edge and the direction in which the cloth leaves it."""
    return Pin(strip.end(s), clamp=True)
