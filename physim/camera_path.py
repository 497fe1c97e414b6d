"""How a camera moves from where the photo was taken: single moves, keyframes and the sway of a hand, one upon another.

Every motion starts as the identity, so that frame 0 is the photo, and says where the moved camera stands in the frame
of the unmoved one (OpenCV: +x right, +y down, +z forward) and by how much its lens is longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from physim.camera import Camera
from physim.over_time import EASES, OverTime

LINEAR = {"dolly": (0.0, 0.0, 1.0), "truck": (1.0, 0.0, 0.0), "pedestal": (0.0, -1.0, 0.0)}
"""Metres along these axes of the camera: forward, right, up."""
ANGULAR = {"pan": (0.0, 1.0, 0.0), "tilt": (1.0, 0.0, 0.0), "roll": (0.0, 0.0, 1.0)}
"""Radians about these axes of the camera: right, up, clockwise."""
SWAY = (0.15, 4.0)
"""Band of a hand-held camera's sway [Hz]: from the body's balance to where the hand's tremor blurs single frames."""
WAVES = 24
"""Sinusoids of a hand-held camera's sway, per degree of freedom."""
INSTANT = 1e-6
"""What times of frames may be off by [s]."""
GRASP = 0.7
"""Time in which a hand-held camera begins to sway [s]."""


class Motion(Protocol):
    """Anything that moves a camera."""

    @property
    def is_static(self) -> bool:
        """Whether it never moves anything."""

    def transform(self, time: float) -> np.ndarray:
        """``start_from_moved`` at ``time`` [s], shape (4, 4)."""

    def zoom(self, time: float) -> float:
        """Focal length over that of the photo [-]."""

    def scaled(self, factor: float) -> Motion:
        """The same motion, ``factor`` times as far."""


def rotation(axis: tuple[float, float, float], angle: float) -> np.ndarray:
    """Rodrigues' formula: the turn by ``angle`` [rad] about a unit vector, (3, 3)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=np.float64)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def posed(metres: Mapping[str, float], radians: Mapping[str, float]) -> np.ndarray:
    """``start_from_moved`` of a camera that is carried first, then panned, tilted and rolled, (4, 4)."""
    pose = np.eye(4)
    for name, amount in metres.items():
        pose[:3, 3] += amount * np.array(LINEAR[name])
    for name in ("pan", "tilt", "roll"):
        pose[:3, :3] = pose[:3, :3] @ rotation(ANGULAR[name], radians.get(name, 0.0))
    return pose


@dataclass(frozen=True)
class CameraMove:
    """One move of the camera over an interval of time, in the camera's own starting frame."""

    move: str
    """'dolly' (forward), 'truck', 'pan', 'orbit' (right), 'pedestal', 'tilt' (up), 'roll' (clockwise), 'zoom' (in)."""
    amount: float
    """[m] for dolly, truck, pedestal; [rad] for pan, tilt, roll, orbit; natural logarithm of the factor for zoom."""
    start: float = 0.0
    """[s]"""
    end: float = 1.0
    """[s]"""
    ease: str = "in_out"
    """'linear', 'in', 'out', 'in_out', or 'at_once': there from ``start`` on, as after a cut."""
    distance: float = 1.0
    """Distance of the orbit's centre along the optical axis [m]."""

    @property
    def is_static(self) -> bool:
        return self.amount == 0

    def scaled(self, factor: float) -> CameraMove:
        return replace(self, amount=factor * self.amount)

    def _moved(self, time: float) -> float:
        if time < self.start - INSTANT:
            return 0.0
        span = max(self.end - self.start, 1e-9)
        return self.amount * EASES[self.ease](min(max((time - self.start) / span, 0.0), 1.0))

    def zoom(self, time: float) -> float:
        return float(np.exp(self._moved(time))) if self.move == "zoom" else 1.0

    def transform(self, time: float) -> np.ndarray:
        amount = self._moved(time)
        if self.move == "zoom":
            return np.eye(4)
        if self.move in LINEAR:
            return posed({self.move: amount}, {})
        if self.move in ANGULAR:
            return posed({}, {self.move: amount})
        pose = np.eye(4)
        pose[:3, :3] = rotation((0.0, -1.0, 0.0), amount)
        centre = np.array([0, 0, self.distance])
        pose[:3, 3] = centre - pose[:3, :3] @ centre
        return pose


@dataclass(frozen=True)
class Keyframes:
    """The camera at given times, and smoothly in between without passing beyond what its neighbours say.

    Between the keys each number is a monotone cubic (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 1980): its speed is
    continuous and it never overshoots. The first key is the photo, at time 0; after the last one the camera rests.
    """

    times: tuple[float, ...]
    """[s], rising, all above 0."""
    values: Mapping[str, tuple[float, ...]]
    """Motion → its value at each of the times: [m], [rad], or the natural logarithm of the zoom."""

    def __post_init__(self) -> None:
        if not self.times or min(np.diff([0.0, *self.times])) <= 0:
            raise ValueError(f"keyframes are at {list(self.times)} s, expected rising times after 0.")
        for name, values in self.values.items():
            if name not in (*LINEAR, *ANGULAR, "zoom") or len(values) != len(self.times):
                raise ValueError(f"keyframes of {name!r} have {len(values)} values for {len(self.times)} times.")

    @property
    def is_static(self) -> bool:
        return not any(any(values) for values in self.values.values())

    def scaled(self, factor: float) -> Keyframes:
        return replace(self, values={name: tuple(factor * v for v in vs) for name, vs in self.values.items()})

    @cached_property
    def _curves(self) -> dict[str, OverTime]:
        times = (0.0, *self.times)
        return {name: OverTime(times, (0.0, *values), "smooth") for name, values in self.values.items()}

    def _at(self, name: str, time: float) -> float:
        curve = self._curves.get(name)
        return 0.0 if curve is None else float(curve.at(time))

    def zoom(self, time: float) -> float:
        return float(np.exp(self._at("zoom", time)))

    def transform(self, time: float) -> np.ndarray:
        return posed({n: self._at(n, time) for n in LINEAR}, {n: self._at(n, time) for n in ANGULAR})


@dataclass(frozen=True)
class Handheld:
    """The sway of a camera held in the hand: smooth noise in all six degrees of freedom, stronger the slower it is.

    A sum of sinusoids between 0.15 and 4 Hz whose power falls with the square of the frequency, as that of a standing
    person's balance does (Collins and De Luca, Exp. Brain Res. 95, 1993: a random walk in the short run). The same seed
    sways the same way at every frame rate.
    """

    degrees: float
    """Root mean square of pan and tilt; the roll has half of it [degrees]."""
    metres: float = 0.0
    """Root mean square of truck and pedestal; the dolly has half of it [m]."""
    start: float = 0.0
    """[s]; the sway grows from nothing within 0.7 s."""
    end: float | None = None
    """When it has died down again [s]; ``None``: never."""
    seed: int = 0

    @property
    def is_static(self) -> bool:
        return self.degrees == 0 and self.metres == 0

    def scaled(self, factor: float) -> Handheld:
        return replace(self, degrees=factor * self.degrees, metres=factor * self.metres)

    @cached_property
    def _waves(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequencies [rad/s] (WAVES,), amplitudes and phases (6, WAVES); each row has a root mean square of 1."""
        rng = np.random.default_rng([self.seed, 0x5A4])
        frequency = np.geomspace(*SWAY, WAVES)
        # Equal steps of log f: power density f^-2 gives each of them f^-1.
        amplitude = rng.uniform(0.6, 1.4, (6, WAVES)) * frequency**-0.5
        amplitude *= np.sqrt(2 / (amplitude**2).sum(axis=1, keepdims=True))
        return 2 * np.pi * frequency, amplitude, rng.uniform(0, 2 * np.pi, (6, WAVES))

    def _envelope(self, time: float) -> float:
        grown = EASES["in_out"](min(max((time - self.start) / GRASP, 0.0), 1.0))
        if self.end is None:
            return grown
        return grown * EASES["in_out"](min(max((self.end - time) / GRASP, 0.0), 1.0))

    def zoom(self, time: float) -> float:
        return 1.0

    def transform(self, time: float) -> np.ndarray:
        frequency, amplitude, phase = self._waves
        sway = self._envelope(time) * (amplitude * np.sin(frequency * time + phase)).sum(axis=1)
        turn = np.radians(self.degrees) * sway[:3]
        carry = self.metres * sway[3:]
        return posed(
            {"truck": carry[0], "pedestal": carry[1], "dolly": 0.5 * carry[2]},
            {"pan": turn[0], "tilt": turn[1], "roll": 0.5 * turn[2]},
        )


@dataclass(frozen=True)
class Within:
    """A motion between two cuts: its times count from the first of them, and outside of the two it is not there."""

    motion: Motion
    start: float
    """[s]"""
    end: float
    """[s]"""

    @property
    def is_static(self) -> bool:
        return self.motion.is_static

    def scaled(self, factor: float) -> Within:
        return replace(self, motion=self.motion.scaled(factor))

    def _there(self, time: float) -> bool:
        # a frame's time is a sum or a quotient: the one at the cut belongs to what follows, whatever was rounded
        return self.start - INSTANT <= time < self.end - INSTANT

    def zoom(self, time: float) -> float:
        return self.motion.zoom(time - self.start) if self._there(time) else 1.0

    def transform(self, time: float) -> np.ndarray:
        return self.motion.transform(time - self.start) if self._there(time) else np.eye(4)


@dataclass(frozen=True)
class CameraPath:
    """A still camera and its motions; at time 0 every motion is at its beginning, so frame 0 is the photo."""

    start: Camera
    """Where the photo was taken from."""
    moves: tuple[Motion, ...] = field(default=())
    """One upon another."""

    @property
    def is_static(self) -> bool:
        """Whether it never moves."""
        return all(move.is_static for move in self.moves)

    def at(self, time: float, size: tuple[int, int] | None = None) -> Camera:
        """The camera at ``time`` [s], optionally resampled to ``size`` (height, width)."""
        pose, focal = self.start.world_from_camera, self.start.focal
        for move in self.moves:
            pose = pose @ move.transform(time)
            focal = focal * move.zoom(time)
        moved = replace(self.start, world_from_camera=pose, focal=focal)
        return moved if size is None or tuple(size) == self.start.size else moved.resized(size)

    def scaled(self, factor: float) -> CameraPath:
        """The same path, ``factor`` times as far; the photo at 0."""
        return replace(self, moves=tuple(move.scaled(factor) for move in self.moves))
