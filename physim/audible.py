"""Audible: the border between physics and sound. NumPy only, frozen, SI units.

What can be heard of a simulated shot: which bodies ring and how, when and how hard they were struck, what slid and
rolled, what splashed, where air moved, and where the camera was. How it sounds is made of it in ``i2v.media.sound``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Resonator:
    """One body that sounds: damped oscillators that forces drive and that give off pressure.

    A force f along a direction drives oscillator m by ``c_m f``; the pressure at one metre is the sum of
    ``Re(weight_m z_m)`` with ``z' = pole z + c f``.
    """

    name: str
    material: str
    pole: np.ndarray
    """(M,) complex128 [1/s]: minus the decay, plus i times the angular frequency."""
    weight: np.ndarray
    """(M,) complex128 [Pa m / (N s)] per unit of coupling."""
    position: np.ndarray
    """(S, 3) [m], world, at the samples of ``Audible.sample_rate``; one row: it never moves."""
    held: np.ndarray
    """(S,) [1/s]: decay on top, because it lies on something or is held."""
    size: float
    """Radius of the sphere of the same surface [m]."""


@dataclass(frozen=True)
class Strike:
    """A blow on one resonator."""

    resonator: int
    time: float
    """When the force begins [s]."""
    duration: float
    """Of the half-sine force [s]."""
    impulse: float
    """[N s]"""
    coupling: np.ndarray
    """(M,)"""
    other: str = ""
    """Material of what struck it."""


@dataclass(frozen=True)
class Rub:
    """Something slides or rolls on one resonator."""

    resonator: int
    force: np.ndarray
    """(S,) [N], normal; 0 where nothing touches."""
    slip: np.ndarray
    """(S,) [m/s]"""
    roll: np.ndarray
    """(S,) [m/s]"""
    coupling: np.ndarray
    """(M,)"""
    grain: float
    """Distance between the bumps that pass [m]."""
    other: str = ""


@dataclass(frozen=True)
class Splash:
    """A blow on the surface of a liquid."""

    time: float
    position: np.ndarray
    """(3,) [m]"""
    energy: float
    """[J]"""
    air: float
    """Entrained [m^3]."""
    vessel: int = -1
    """Number of the vessel it is in; -1: none."""


@dataclass(frozen=True)
class Vessel:
    """Something hollow that liquid splashes in, heard through its column of air."""

    radius: float
    """Of its opening [m]."""
    column: np.ndarray
    """(S,): height of the air over the liquid [m]; 0: full, or lying."""
    sample_rate: float
    """Rows of ``column`` per second."""
    position: np.ndarray
    """(S, 3) or (1, 3) [m]: the middle of the opening."""


@dataclass(frozen=True)
class Current:
    """Air that moves past or out of something, or cloth that moves through it."""

    kind: str
    """'wind' past an edge, 'cloth' that flutters, 'jet' out of an opening, 'fire'."""
    speed: np.ndarray
    """(S,) [m/s]"""
    size: float
    """Of the edge, the opening or the fold [m]."""
    area: float
    """Over which it acts [m^2]."""
    position: np.ndarray
    """(S, 3) or (1, 3) [m]; NaN: all around."""


@dataclass(frozen=True)
class Audible:
    """Everything that can be heard of a shot."""

    seconds: float
    """Length [s]."""
    sample_rate: float
    """Of the slow signals: rows per second, the first at time 0."""
    resonators: tuple[Resonator, ...] = ()
    """What rings: the modes of each body."""
    strikes: tuple[Strike, ...] = ()
    """Blows, in order of time."""
    rubs: tuple[Rub, ...] = ()
    """What slides or rolls over what."""
    splashes: tuple[Splash, ...] = ()
    """Blows on liquids, in order of time."""
    vessels: tuple[Vessel, ...] = ()
    """What fills, and sounds by the air above the liquid."""
    currents: tuple[Current, ...] = ()
    """What flows."""
    camera: np.ndarray = field(default_factory=lambda: np.eye(4)[None])
    """(S, 4, 4) or (1, 4, 4): ``world_from_camera``."""
    room: float = 0.0
    """How far the surroundings are [m]; 0: open air."""

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.sample_rate > 0):
            raise ValueError(
                f"audible lasts {self.seconds} s at {self.sample_rate} rows a second, expected more than 0."
            )
        count = len(self.resonators)
        events: list[Strike | Rub] = [*self.strikes, *self.rubs]
        for event in events:
            if not 0 <= event.resonator < count:
                raise ValueError(f"an event names resonator {event.resonator} of {count}.")
            if event.coupling.shape != self.resonators[event.resonator].pole.shape:
                raise ValueError(f"a coupling has shape {event.coupling.shape}, expected that of the poles.")
