"""Foam, spray and bubbles: born where liquid closes in on liquid or a body drags air under, once per frame.

Liquid that meets liquid at U drags air under from about 1 m/s on (plunging jets: Chanson, "Air bubble entrainment in
free-surface turbulent shear flows", 1996, onset 0.8 to 1.1 m/s), some ``ENTRAINED`` (U - 1 m/s) per area. U is the
closing speed of the cells to both sides of one at the surface, |dv| (1 + dv.e / |dv|) / 2 (Ihmsen, Akinci, Akinci,
Teschner 2012).
The air becomes balls: bubbles while they are under, which rise at 0.25 m/s (1 to 10 mm in water: Clift, Grace, Weber
1978) past the liquid, foam on the surface, which bursts, spray in the air, which falls ballistically.

They are a look and a sound and weigh nothing: the liquid does not feel them.
"""

from __future__ import annotations

import numpy as np

from physim.materials import Liquid
from physim.trajectory import FOAM_DTYPE, SPLASH_DTYPE

ONSET = 1.0
"""Closing speed from which air is dragged under [m/s]."""
ENTRAINED = 0.1
"""Air per area over the closing speed beyond the onset [-]: plunging jets take 0.1 to 0.3 of their flow along."""
FINE = 0.02
"""Of the cavity behind a body, left as fine bubbles: the rest comes up in a few large ones, which burst at once."""
SPRAY = 0.02
"""Of the dragged air's volume, thrown up as drops: typical, no measurement behind it."""
RISE = 0.25
"""Of bubbles [m/s]."""
LIFE = 0.8
"""In which foam bursts to 1/e [s]: bubbles of a millimetre on clean water last about a second, typical."""
SIZE = 0.09
"""Of a ball over a cell: a ball stands for many smaller ones."""
RADII = 2e-4, 3e-3
"""Least and largest radius of a ball [m]."""
MOST = 20_000
"""Balls at a time."""
TILE = 6
"""Cells across within which liquid on liquid is one event."""


class Foam:
    """Balls of one liquid from frame to frame.

    Args:
        liquid: What it is.
        name: Of the liquid, for splashes.
        cell: Of its grid [m].
        particle_volume: [m^3]
        gravity: (3,) [m/s^2].
        dt: Of a frame [s].
        seed: The same seed gives the same foam.
    """

    def __init__(
        self,
        liquid: Liquid,
        name: str,
        *,
        cell: float,
        particle_volume: float,
        gravity: np.ndarray,
        dt: float,
        seed: int,
    ):
        self._density, self._name, self._cell, self._volume = float(liquid.density), name, cell, particle_volume  # type: ignore[arg-type]
        self._dt, self._seed = dt, seed
        self.weigh(gravity)
        self.balls = np.zeros(0, FOAM_DTYPE)
        """Now, ``FOAM_DTYPE``."""
        self.events: list[tuple] = []
        """Liquid on liquid so far, rows of ``SPLASH_DTYPE``."""
        self._frame = 0

    def weigh(self, gravity: np.ndarray) -> None:
        """Another gravity (3,) [m/s^2] from now on."""
        self._gravity = np.asarray(gravity, dtype=np.float64)
        strength = float(np.linalg.norm(self._gravity))
        self._up = -self._gravity / strength if strength > 0 else np.zeros(3)

    def frame(self, x: np.ndarray, v: np.ndarray, blows: np.ndarray) -> None:
        """Advance by a frame.

        Args:
            x: Particles at its end (N, 3) [m], world; NaN for those that are not there.
            v: (N, 3) [m/s].
            blows: Of bodies on the surface within it, ``SPLASH_DTYPE``.
        """
        self._frame += 1
        there = np.isfinite(x[:, 0]) & np.isfinite(v[:, 0])
        x, v = x[there], v[there].astype(np.float32)
        fast = len(v) > 0 and float((v**2).sum(axis=1).max()) > (0.5 * ONSET) ** 2
        if len(x) == 0 or not (fast or len(self.balls) or len(blows)):
            return
        rng = np.random.default_rng([self._seed, self._frame])
        field = _Cells(x, v, self._cell, self._volume)
        self._move(field, rng)
        if fast:
            self._break(field, rng)
        for blow in blows:
            self._drag_under(blow, field, rng)
        self.balls = self.balls[:MOST]

    def splashes(self) -> np.ndarray:
        """Liquid on liquid so far, ``SPLASH_DTYPE``."""
        return np.array(self.events, dtype=SPLASH_DTYPE)

    def _move(self, field: _Cells, rng: np.random.Generator) -> None:
        balls, dt = self.balls, self._dt
        if len(balls) == 0:
            return
        flow, _ = field.at(balls["position"])
        spray = balls["kind"] == 0
        v = np.where(spray[:, None], balls["velocity"] + dt * self._gravity, flow)
        v[balls["kind"] == 2] += RISE * self._up
        place = balls["position"] + dt * np.where(spray[:, None], 0.5 * (v + balls["velocity"]), v)
        fill = field.at(place)[1]
        for _ in range(6):  # what has come out of the liquid goes with its surface
            out = ~spray & (fill < 0.1)
            place[out] -= 0.25 * self._cell * self._up
            fill = field.at(place)[1]
        above = field.at(place + self._cell * self._up)[1]
        bursts = (balls["kind"] == 1) & (rng.random(len(balls)) > np.exp(-dt / LIFE))
        gone = np.where(spray, fill > 0.3, bursts | (fill < 0.1))
        balls = balls.copy()
        balls["position"], balls["velocity"] = place, v
        balls["kind"] = np.where(spray, 0, np.where(above < 0.5, 1, 2))
        self.balls = balls[~gone]

    def _break(self, field: _Cells, rng: np.random.Generator) -> None:
        """Where the liquid closes in on itself at its surface."""
        at, speed = field.closing()
        strong = speed > ONSET
        if not strong.any():
            return
        at, speed = at[strong], speed[strong]
        area, dt = 0.5 * self._cell**2, self._dt  # cells on both sides see it
        air = ENTRAINED * (speed - ONSET) * area * dt
        energy = 0.5 * self._density * speed**3 * area * dt
        place = field.place(at)
        tile = np.unique(at // TILE, axis=0, return_inverse=True)[1].ravel()
        for n in range(tile.max() + 1):
            mine = tile == n
            point = (place[mine] * energy[mine, None]).sum(axis=0) / energy[mine].sum()
            time = (self._frame - 0.5) * dt
            self.events.append((time, self._name, "", point, float(energy[mine].sum()), float(air[mine].sum())))
        flow = field.velocity[tuple(at.T)]
        self._add(place, flow, air, 2, rng, self._cell)
        throw = speed[:, None] * (0.6 * self._up + 0.4 * rng.standard_normal((len(at), 3)))
        self._add(place + self._cell * self._up, flow + throw, SPRAY * air, 0, rng, self._cell)

    def _drag_under(self, blow: np.ndarray, field: _Cells, rng: np.random.Generator) -> None:
        """The air that a body takes along: a cloud of bubbles about as large as its cavity, where there is liquid."""
        if blow["air"] <= 0:
            return
        before = self.balls
        self.balls = before[:0]
        self._add(np.asarray(blow["point"])[None], np.zeros((1, 3)), np.array([FINE * blow["air"]]), 2, rng, 0.0)
        reach = max((3 * float(blow["air"]) / (4 * np.pi)) ** (1 / 3), self._cell)
        cloud = self.balls
        out = np.ones(len(cloud), bool)
        for _ in range(8):  # those that fell into the air are thrown again
            cloud["position"][out] = blow["point"] + 0.5 * reach * rng.standard_normal((int(out.sum()), 3))
            out = field.at(cloud["position"])[1] < 0.3
        self.balls = np.concatenate([before, cloud[~out]])

    def _add(
        self,
        place: np.ndarray,
        velocity: np.ndarray,
        volume: np.ndarray,
        kind: int,
        rng: np.random.Generator,
        reach: float,
    ) -> None:
        """Balls of a volume [m^3] about each place, as many as its volume has on the average."""
        size = float(np.clip(SIZE * self._cell * (0.4 if kind == 0 else 1.0), *RADII))
        # the mean volume of balls with radii of a log-normal spread of 0.3 about the size
        wanted = volume / (4 / 3 * np.pi * size**3 * np.exp(4.5 * 0.09))
        count = np.floor(wanted + rng.random(len(wanted))).astype(int)
        count = np.minimum(count, max(0, (MOST - len(self.balls)) // max(len(count), 1)))
        index = np.repeat(np.arange(len(count)), count)
        new = np.zeros(len(index), FOAM_DTYPE)
        new["position"] = place[index] + reach * (rng.random((len(index), 3)) - 0.5)
        new["velocity"], new["kind"] = velocity[index], kind
        new["radius"] = np.clip(size * np.exp(0.3 * rng.standard_normal(len(index))), *RADII)
        self.balls = np.concatenate([self.balls, new])


class _Cells:
    """Mean velocity and fullness of the cells of an upright grid around the particles."""

    def __init__(self, x: np.ndarray, v: np.ndarray, cell: float, volume: float):
        self._low, self._cell = cell * np.floor(x.min(axis=0).astype(np.float64) / cell - 2), cell
        at = ((x - self._low) / cell).astype(int)
        self.shape = tuple(at.max(axis=0) + 3)
        flat = np.ravel_multi_index(tuple(at.T), self.shape)
        count = np.bincount(flat, minlength=int(np.prod(self.shape)))
        total = np.stack([np.bincount(flat, v[:, a], minlength=len(count)) for a in range(3)], axis=-1)
        self.fill = (count * (volume / cell**3)).reshape(self.shape)
        """Part of each cell [-]."""
        self.velocity = (total / np.maximum(count, 1)[:, None]).reshape(*self.shape, 3)
        """[m/s]"""

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Velocity (N, 3) [m/s] and fullness (N,) [-] at points (N, 3) [m]."""
        at = np.floor((np.asarray(x, dtype=np.float64) - self._low) / self._cell).astype(int)
        inside = ((at >= 0) & (at < self.shape)).all(axis=1)
        at = tuple(np.clip(at, 0, np.array(self.shape) - 1).T)
        return np.where(inside[:, None], self.velocity[at], 0.0), np.where(inside, self.fill[at], 0.0)

    def place(self, at: np.ndarray) -> np.ndarray:
        """Centres of cells (N, 3) [m]."""
        return self._low + (at + 0.5) * self._cell

    def closing(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells (N, 3) near the surface, and how fast the liquid to both sides closes in on each (N,) [m/s]."""
        full = self.fill > 0.3
        near_air = np.zeros_like(full)
        for axis in range(3):
            for step in (-2, -1, 1, 2):
                near_air |= np.roll(self.fill, step, axis) < 0.3
        at = np.argwhere(full & near_air)
        best = np.zeros(len(at))
        for e in np.eye(3, dtype=int):
            before, after = tuple((at - e).T), tuple((at + e).T)
            change = self.velocity[before] - self.velocity[after]
            speed = 0.5 * (np.linalg.norm(change, axis=1) + change @ e)
            speed[(self.fill[before] < 0.05) | (self.fill[after] < 0.05)] = 0.0
            best = np.maximum(best, speed)
        return at, best
