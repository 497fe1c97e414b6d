"""Sources of smoke: an emitter as a few wandering, flickering puffs.

One even ball of source makes a pancake with a stalk; real sources are uneven in space and time. Five puffs of half the
radius, each with its own slow path inside the ball, give plumes that fold and break up. With ``flicker=0`` the emitter
is the plain ball, which keeps every symmetry of the scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.over_time import value_at
from physim.shapes import Emitter

PUFFS = 5
SINES = 4
GLOWING = 500.0
"""Gas so much hotter than the air [K] is a flame's: there is more or less of it, but all as hot as what burns makes it.
Its light grows with the twelfth power of the temperature, so that a tenth more of that would be three times the light.
"""
BUMP_VOLUME = 4 * np.pi * (1 / 3 - 2 / 5 + 1 / 7)
"""Integral of the profile ``(1 - r^2)^2`` of a puff over the ball of radius 1."""


@dataclass(frozen=True)
class Carrier:
    """Where a body is that carries a source."""

    position: np.ndarray
    rotation: np.ndarray
    """World from body (3, 3)."""
    velocity: np.ndarray
    spin: np.ndarray
    """[rad/s], world."""


class EmitterPuffs:
    """Puffs of one emitter over time.

    Args:
        emitter: Its ball, rate, velocity, interval and flicker.
        excess: Temperature of its gas over ambient [K].
        speed: Typical speed of the gas [m/s]; puffs wander on the time scale radius / speed.
        least_radius: Smallest radius the grid can show [m], about two cells.
        seed: The same seed gives the same source.
    """

    def __init__(self, emitter: Emitter, *, excess: float, speed: float, least_radius: float, seed: int):
        self.emitter, self.excess = emitter, excess
        self.places = np.array(emitter.points, dtype=np.float64).reshape(-1, 3)
        if len(self.places):
            self.count, balls = len(self.places), len(self.places)
            self.radius = max(emitter.radius, least_radius)
        else:
            self.count, balls = (PUFFS if emitter.flicker > 0 else 1), 1
            share = 0.55 if self.count > 1 else 1.0
            self.radius = max(share * emitter.radius, least_radius)
            self.places = np.zeros((self.count, 3))
        self._share = balls / self.count
        # as much in total as the plain balls
        self._gain = self._share * max(emitter.radius, least_radius) ** 3 / self.radius**3
        rng = np.random.default_rng(seed)
        self._frequency = rng.uniform(0.04, 0.25, (SINES, self.count, 4)) * speed / emitter.radius  # [1/s]
        self._phase = rng.uniform(0, 2 * np.pi, (SINES, self.count, 4))

    def at(self, time: float, carrier: Carrier | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Balls (n, 4): centre and radius [m]; state (n, 4): rate [1/s], excess [K], is on, has a jet; jets (n, 4):
        velocity [m/s] and how fast gas swells in the middle of the puff [1/s].

        A jet brings its own gas: the volume that passes a disc of the emitter's radius at the jet's speed.
        ``carrier`` is where the body that carries the source is.
        """
        e = self.emitter
        signal = np.sin(2 * np.pi * self._frequency * time + self._phase).sum(0) * np.sqrt(2 / SINES)  # variance 1
        wander = signal[:, :3] * [0.32, 0.2, 0.32] * e.radius * min(1.0, e.flicker / 0.3)
        place, velocity = np.asarray(e.centre) + self.places, np.tile(value_at(e.velocity, time), (self.count, 1))
        speed = float(np.linalg.norm(value_at(e.velocity, time)))
        if carrier is not None:
            arm = place @ carrier.rotation.T
            place, velocity = carrier.position + arm, velocity @ carrier.rotation.T
            velocity = velocity + (carrier.velocity + np.cross(carrier.spin, arm)) * (speed > 0)
        strength = np.maximum(1 + e.flicker * signal[:, 3], 0.0)
        ball = np.empty((self.count, 4))
        ball[:, :3] = place + wander
        ball[:, 3] = self.radius
        on = e.start <= time < e.end
        state = np.zeros((self.count, 4))
        state[:, 0] = self._gain * value_at(e.rate, time) * strength
        state[:, 1] = self.excess * (1.0 if self.excess > GLOWING else np.clip(strength, 0, 1.5))
        state[:, 2] = on
        state[:, 3] = speed > 0
        jet = np.empty((self.count, 4))
        jet[:, :3] = velocity
        jet[:, 3] = self._share * np.pi * e.radius**2 * speed / (BUMP_VOLUME * self.radius**3)
        return ball, state, jet
