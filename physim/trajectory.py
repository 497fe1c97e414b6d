"""Trajectory: what happened. Bodies and cloth at sub-frame instants, smoke at frames, impacts at their own instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from physim.conditions import EVENT_DTYPE
from physim.scene import Scene
from physim.wind_waves import WindWaves

CONTACT_DTYPE = EVENT_DTYPE
"""One impact: time (finer than a substep) [s], bodies, point [m], unit normal from a to b, normal and tangential
impulse [N s], approach speed [m/s], materials. Resting contact makes no events."""


@dataclass(frozen=True)
class BodyTrack:
    """One body over time. The public arrays are at frame times; ``at`` reads between them."""

    samples_per_frame: int
    fps: float
    dense_position: np.ndarray
    """(T * samples_per_frame + 1, 3) float64 [m]: centre of mass, world."""
    dense_orientation: np.ndarray
    """(T * samples_per_frame + 1, 4) float64, quaternion (x, y, z, w)."""
    dense_velocity: np.ndarray
    """(..., 3) float64 [m/s], world."""
    dense_angular_velocity: np.ndarray
    """(..., 3) float64 [rad/s], world."""

    def _frames(self, dense: np.ndarray) -> np.ndarray:
        return dense[: -1 : self.samples_per_frame]

    @property
    def position(self) -> np.ndarray:
        """(T, 3) [m] at frame times."""
        return self._frames(self.dense_position)

    @property
    def orientation(self) -> np.ndarray:
        """(T, 4) quaternion (x, y, z, w) at frame times."""
        return self._frames(self.dense_orientation)

    @property
    def velocity(self) -> np.ndarray:
        """(T, 3) [m/s] at frame times."""
        return self._frames(self.dense_velocity)

    @property
    def angular_velocity(self) -> np.ndarray:
        """(T, 3) [rad/s] at frame times."""
        return self._frames(self.dense_angular_velocity)

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Position (3,) [m] and orientation (4,) at ``time`` [s], linear between the dense samples, clamped."""
        last = len(self.dense_position) - 1
        x = min(max(time * self.fps * self.samples_per_frame, 0.0), float(last))
        i = min(int(x), last - 1) if last else 0
        s = x - i
        j = min(i + 1, last)
        position = (1 - s) * self.dense_position[i] + s * self.dense_position[j]
        a, b = self.dense_orientation[i], self.dense_orientation[j]
        q = (1 - s) * a + s * (b if np.dot(a, b) >= 0 else -b)
        return position, q / np.linalg.norm(q)


CONTACT_STATE_DTYPE = np.dtype(
    [
        ("time", "f8"),  # of the sample [s]
        ("body_a", "U32"),
        ("body_b", "U32"),
        ("material_a", "U24"),
        ("material_b", "U24"),
        ("point", "f8", (3,)),  # mean of the contact's points, by load [m]
        ("normal", "f8", (3,)),  # unit, from a to b
        ("force", "f8"),  # normal, mean since the last sample [N]
        ("slip", "f8"),  # speed of one surface over the other, mean by load [m/s]
        ("roll", "f8"),  # speed of the contact point over the surface that it moves less over [m/s]
        ("spin", "f8"),  # relative angular speed about the normal [rad/s]
    ]
)
"""One pair of bodies that pressed on each other during one sample: at rest, sliding, rolling or spinning."""


@dataclass(frozen=True)
class ClothTrack:
    """One cloth over time. The public arrays are at frame times; ``at`` reads between them."""

    samples_per_frame: int
    fps: float
    dense_position: np.ndarray
    """(T * samples_per_frame + 1, N, 3) float32 [m], world."""
    faces: np.ndarray
    """(M, 3) int32"""
    rest: np.ndarray
    """(N, 2) float64 [m]: where each vertex lies in the flat fabric."""
    dense_velocity: np.ndarray
    """(T * samples_per_frame + 1, N, 3) float32 [m/s]."""
    dense_pull: np.ndarray = field(default_factory=lambda: np.zeros((1, 0, 3), np.float32))
    """(T * samples_per_frame + 1, pins, 3) float32 [N]: force of the cloth on each of its pins, in their order, mean
    since the sample before; the weight of what is held included."""
    water: np.ndarray | None = None
    """(T + 1, N) float32 [kg/m^2]: liquid in the pores at frame times and at the end, where there is any liquid."""

    @property
    def position(self) -> np.ndarray:
        """(T, N, 3) [m] at frame times."""
        return self.dense_position[: -1 : self.samples_per_frame]

    @property
    def velocity(self) -> np.ndarray:
        """(T, N, 3) [m/s] at frame times."""
        return self.dense_velocity[: -1 : self.samples_per_frame]

    def at(self, time: float) -> np.ndarray:
        """Vertices (N, 3) [m] at ``time`` [s], linear between the dense samples, clamped."""
        last = len(self.dense_position) - 1
        x = min(max(time * self.fps * self.samples_per_frame, 0.0), float(last))
        i = min(int(x), last - 1) if last else 0
        s = np.float32(x - i)
        return (1 - s) * self.dense_position[i] + s * self.dense_position[min(i + 1, last)]


@dataclass(frozen=True)
class SoftTrack:
    """The surface of one elastic solid over time. The public arrays are at frame times; ``at`` reads between them."""

    samples_per_frame: int
    fps: float
    dense_position: np.ndarray
    """(T * samples_per_frame + 1, N, 3) float32 [m], world."""
    faces: np.ndarray
    """(M, 3) int32, counter-clockwise seen from outside."""
    rest: np.ndarray
    """(N, 3) float64 [m]: where each vertex lies in the solid's own frame, undeformed."""
    dense_velocity: np.ndarray
    """(T * samples_per_frame + 1, N, 3) float32 [m/s]."""
    dense_force: dict[str, np.ndarray]
    """By the name of what it touched: (T * samples_per_frame + 1, 3) float32 [N], force on the solid, mean since the
    sample before."""
    dense_pull: np.ndarray
    """(T * samples_per_frame + 1, pins, 3) float32 [N]: force of the solid on each of its pins, in their order, mean
    since the sample before; the weight of what is held included."""
    dense_volume: np.ndarray
    """(T * samples_per_frame + 1,) [m^3]"""

    @property
    def position(self) -> np.ndarray:
        """(T, N, 3) [m] at frame times."""
        return self.dense_position[: -1 : self.samples_per_frame]

    @property
    def velocity(self) -> np.ndarray:
        """(T, N, 3) [m/s] at frame times."""
        return self.dense_velocity[: -1 : self.samples_per_frame]

    def at(self, time: float) -> np.ndarray:
        """Vertices (N, 3) [m] at ``time`` [s], linear between the dense samples, clamped."""
        last = len(self.dense_position) - 1
        x = min(max(time * self.fps * self.samples_per_frame, 0.0), float(last))
        i = min(int(x), last - 1) if last else 0
        s = np.float32(x - i)
        return (1 - s) * self.dense_position[i] + s * self.dense_position[min(i + 1, last)]


@dataclass(frozen=True)
class SmokeTrack:
    """One smoke grid over time: cell centres at origin + (i + 0.5, j + 0.5, k + 0.5) * cell."""

    name: str
    """Of the first emitter that feeds it."""
    origin: np.ndarray
    """Lower corner of the box (3,) [m], world."""
    cell: float
    """Edge of a cell [m]."""
    density: np.ndarray
    """(T + 1, nx, ny, nz) float16, at frame times and at the end; extinction = material.extinction * density."""
    temperature: np.ndarray
    """(T + 1, nx, ny, nz) float16, excess over ambient [K]."""
    velocity: np.ndarray
    """(T + 1, nx, ny, nz, 3) float16 [m/s], at cell centres, world."""
    open_sides: tuple[bool, bool, bool, bool, bool, bool] = (False,) * 6
    """-x, +x, -y, +y, -z, +z: where the smoke goes on beyond the box and is no longer known."""


FOAM_DTYPE = np.dtype(
    [
        ("position", "f4", (3,)),  # [m], world
        ("velocity", "f4", (3,)),  # [m/s]
        ("radius", "f4"),  # [m]
        ("kind", "u1"),  # 0 spray, in the air; 1 foam, on the surface; 2 bubble, beneath it
    ]
)
"""One drop or bubble too small for the grid."""

SPLASH_DTYPE = np.dtype(
    [
        ("time", "f8"),  # [s]
        ("liquid", "U32"),
        ("body", "U32"),  # what struck it; empty: liquid on liquid
        ("point", "f8", (3,)),  # [m]
        ("energy", "f8"),  # kinetic energy that the surface takes up [J]
        ("air", "f8"),  # volume of air that is entrained [m^3]
    ]
)
"""A blow on the surface of a liquid: what makes foam and sound."""


@dataclass(frozen=True)
class LiquidTrack:
    """One liquid over time, as the particles that carry it."""

    name: str
    """Of the first entity that belongs to it."""
    cell: float
    """Edge of a cell of the grid it was computed on [m]: the size of its smallest detail."""
    particle_volume: float
    """[m^3]"""
    position: np.ndarray
    """(T + 1, N, 3) float32 [m], world, at frame times and at the end; NaN before a particle enters and after it has
    left."""
    velocity: np.ndarray
    """(T + 1, N, 3) float16 [m/s], world."""
    foam: tuple[np.ndarray, ...] = ()
    """T + 1 structured arrays of ``FOAM_DTYPE``, or none; see :mod:`physim.foam`."""

    def volume(self, frame: int) -> float:
        """Of the liquid that is there at ``frame`` [m^3]."""
        return float(np.isfinite(self.position[frame, :, 0]).sum() * self.particle_volume)


@dataclass(frozen=True)
class GrainsTrack:
    """One kind of grains over time, as the particles that carry it; a particle is many grains."""

    name: str
    """Of the first entity that belongs to it."""
    cell: float
    """Edge of a cell of the grid it was computed on [m]: the size of its smallest detail."""
    particle_volume: float
    """[m^3]"""
    position: np.ndarray
    """(T + 1, N, 3) float32 [m], world, at frame times and at the end; NaN before a particle enters and after it has
    left."""
    velocity: np.ndarray
    """(T + 1, N, 3) float16 [m/s], world."""

    def volume(self, frame: int) -> float:
        """Of the grains that are there at ``frame``, pores included [m^3]."""
        return float(np.isfinite(self.position[frame, :, 0]).sum() * self.particle_volume)


@dataclass(frozen=True)
class LakeTrack:
    """One lake over time: its surface and the mean motion below it."""

    name: str
    fps: float
    origin: tuple[float, float]
    """World (x, z) of the outer corner of cell (0, 0) [m]; cell (k, i) is at origin + (i + 0.5, k + 0.5) cell."""
    cell: float
    """[m]"""
    level: float
    """World y of the still surface [m]."""
    bed: np.ndarray
    """(rows, columns) [m], relative to the level; far above it outside of the shore line."""
    eta: np.ndarray
    """(T + 1, rows, columns) float32 [m]: surface over the level at frame times and at the end, without ``wind_waves``;
    NaN where it is dry."""
    velocity: np.ndarray
    """(T + 1, rows, columns, 2) float16 [m/s]: mean of the column along x and z."""
    wind_waves: WindWaves | None = None
    """Waves that the wind has made, which come on top."""
    foam: tuple[np.ndarray, ...] = ()
    """T + 1 structured arrays of ``FOAM_DTYPE``: drops in the air, or none; see :mod:`physim.lake_spray`."""

    def volume(self, frame: int) -> float:
        """Between bed and surface [m^3], the bodies in it included."""
        return float(np.nansum(self.eta[frame] - self.bed, dtype=np.float64)) * self.cell**2

    def eta_at(self, time: float) -> np.ndarray:
        """(rows, columns) [m] at ``time`` [s], linear between frames, clamped."""
        x = min(max(time * self.fps, 0.0), len(self.eta) - 1.0)
        i = min(int(x), max(len(self.eta) - 2, 0))
        return (1 - (x - i)) * self.eta[i] + (x - i) * self.eta[min(i + 1, len(self.eta) - 1)]


Track = BodyTrack | ClothTrack | SmokeTrack | LiquidTrack | LakeTrack | GrainsTrack | SoftTrack


@dataclass(frozen=True)
class ConservationReport:
    """What the laws say about the run, one number per law; see ``docs/physics.md``."""

    values: dict[str, float] = field(default_factory=dict)
    """Name with unit → value, for example ``{"energy_gain [J]": ..., "deepest_penetration [m]": ...}``."""

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value:.3g}" for name, value in self.values.items())


@dataclass(frozen=True)
class Trajectory(Mapping):
    """A simulated scene. ``trajectory["ball"].position`` is (T, 3) in metres."""

    scene: Scene
    """What was simulated."""
    fps: float
    """Frames per second."""
    seconds: float
    """How long [s]."""
    bodies: dict[str, BodyTrack]
    """By name: poses at frame times, and more often."""
    smokes: dict[str, SmokeTrack]
    """By name: density and temperature on grids."""
    contacts: np.ndarray
    """Impacts in order of time, structured array of ``CONTACT_DTYPE``."""
    report: ConservationReport
    """What the laws say about the run."""
    timings: dict[str, float] = field(default_factory=dict)
    """Stage → seconds of wall time."""
    cloths: dict[str, ClothTrack] = field(default_factory=dict)
    """By name: vertices at frame times."""
    contact_states: np.ndarray = field(default_factory=lambda: np.zeros(0, CONTACT_STATE_DTYPE))
    """Which bodies pressed on each other, how hard and how they moved over each other; ``CONTACT_STATE_DTYPE``."""
    liquids: dict[str, LiquidTrack] = field(default_factory=dict)
    """By name: particles at frame times."""
    splashes: np.ndarray = field(default_factory=lambda: np.zeros(0, SPLASH_DTYPE))
    """Blows on the surfaces of liquids in order of time; ``SPLASH_DTYPE``."""
    lakes: dict[str, LakeTrack] = field(default_factory=dict)
    """By name: surfaces at frame times."""
    grains: dict[str, GrainsTrack] = field(default_factory=dict)
    """By name: particles at frame times."""
    softs: dict[str, SoftTrack] = field(default_factory=dict)
    """By name: the surface of each elastic solid at frame times."""

    @property
    def frame_count(self) -> int:
        """T"""
        return max(1, round(self.seconds * self.fps))

    @property
    def times(self) -> np.ndarray:
        """Frame times (T,) [s], from 0."""
        return np.arange(self.frame_count) / self.fps

    @property
    def _tracks(self) -> dict[str, Track]:
        return {
            **self.bodies, **self.cloths, **self.smokes, **self.liquids, **self.lakes, **self.grains, **self.softs,
        }  # fmt: skip

    def __getitem__(self, name: str) -> Track:
        tracks = self._tracks
        if name not in tracks:
            raise KeyError(f"nothing named {name!r} moved; there are: {', '.join(tracks) or 'none'}.")
        return tracks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tracks)

    def __len__(self) -> int:
        return len(self._tracks)
