"""Drops that a body throws up where it falls into a lake: water that leaves the surface, flies and comes back to it.

A tenth of the energy that the surface takes up (``Trajectory.splashes``) goes into a crown of drops around the body,
from a third to nine tenths as fast as it, at 45 to 80 degrees; slow and small bodies, below a Weber number of 100 or a
squared Froude number of a half, make rings only. Share, speeds and angles are typical of what is seen, not a law. Each
drop takes its volume from the cell under it and brings it back where it lands, with its momentum along the ground; so
volume is kept to rounding, and the surface is one and the same before and after: nothing is to be joined. In the air it
flies as a stone.
"""

from __future__ import annotations

import numpy as np
from physim_kernels.shallow import RIM

from physim.lake_grid import cell_centres
from physim.lake_water import LakeWater
from physim.trajectory import FOAM_DTYPE

SHARE = 0.1
"""Of the energy of a blow."""
WEBER, FROUDE = 100.0, 0.5
"""Least rho v^2 d / sigma and v^2 / (g d) of a crown."""
SPEEDS = 0.35, 0.9
"""Of drops over that of the body."""
ANGLES = np.pi / 4, np.pi / 2.25
"""Of their way over the ground [rad]."""
DROPS = 30, 400
"""Least and most per blow."""
SIZE = 0.03
"""Radius of a drop over the size of the body."""
RADII = 5e-4, 1e-2
"""Least and largest of those [m]."""
MOST_DEPTH = 0.2
"""Of the water in a cell that may be thrown up at once."""


class LakeSpray:
    """Drops over one lake from frame to frame.

    Args:
        water: Where they come from and fall to.
        gravity: (3,) [m/s^2], downwards.
        seed: The same seed gives the same drops.
    """

    def __init__(self, water: LakeWater, gravity: np.ndarray, seed: int) -> None:
        self._water, self._gravity, self._seed = water, np.asarray(gravity, dtype=np.float64), seed
        x, z = cell_centres(water.lake, water.entity.position)
        self._low = np.array([x[0], z[0]]) - 0.5 * water.lake.cell
        self._blows = 0
        self.position, self.velocity = np.zeros((0, 3)), np.zeros((0, 3))
        """[m], [m/s]"""
        self.volume = np.zeros(0)
        """[m^3]"""
        self.ashore = 0.0
        """Volume that fell beside the water so far [m^3]."""

    def frame(self, end: float, dt: float, blows: list[tuple[float, np.ndarray, float, float, float]]) -> None:
        """Fly to ``end`` [s] through a frame of ``dt`` [s].

        Args:
            end: [s]
            dt: [s]
            blows: Of bodies within it: time [s], place (3,) [m], speed [m/s], diameter [m], energy [J].
        """
        if len(self.volume) == 0 and not blows:
            return
        field = self._water.field
        arrays = {name: getattr(field, name).numpy().copy() for name in ("h", "eta", "u", "w")}
        left = np.full(len(self.volume), dt)
        for time, place, speed, size, energy in blows:
            count = self._throw(arrays, np.asarray(place, dtype=np.float64), speed, size, energy)
            left = np.concatenate([left, np.full(count, np.clip(end - time, 0.0, dt))])
        self._fly(arrays, left)
        for name, values in arrays.items():
            getattr(field, name).assign(values)

    def _throw(self, arrays: dict[str, np.ndarray], place: np.ndarray, speed: float, size: float, energy: float) -> int:
        """Add a crown; returns of how many drops."""
        water = self._water
        strength = float(np.linalg.norm(self._gravity))
        weber = speed**2 * size / max(water.tension, 1e-12)
        if weber < WEBER or speed**2 < FROUDE * strength * size or energy <= 0:
            return 0
        self._blows += 1
        rng = np.random.default_rng([self._seed, self._blows])
        mean = speed * speed * (SPEEDS[0] ** 2 + SPEEDS[0] * SPEEDS[1] + SPEEDS[1] ** 2) / 3
        total = 2 * SHARE * energy / (water.density * mean)
        radius = float(np.clip(SIZE * size, *RADII))
        count = int(np.clip(total / (4 / 3 * np.pi * radius**3), *DROPS))
        volume = np.exp(0.6 * rng.standard_normal(count))
        volume *= total / volume.sum()
        turn = 2 * np.pi * (np.arange(count) + rng.random(count)) / count
        steep = rng.uniform(*ANGLES, count)
        out = np.stack([np.cos(turn), np.zeros(count), np.sin(turn)], axis=-1)
        start = place + out * (0.5 * size * rng.uniform(1.0, 1.3, count))[:, None]
        fast = speed * rng.uniform(*SPEEDS, count)[:, None]
        velocity = fast * (np.cos(steep)[:, None] * out + np.sin(steep)[:, None] * [0.0, 1.0, 0.0])
        cell, wet = self._cells(start, arrays)
        room = MOST_DEPTH * arrays["h"][cell] * water.lake.cell**2 / np.maximum(np.bincount(cell)[cell], 1)
        volume = np.where(wet, np.minimum(volume, room), 0.0)
        some = volume > 0
        start, velocity, volume = start[some], velocity[some], volume[some]
        start[:, 1] = water.level + arrays["eta"][cell[some]]
        self._exchange(arrays, cell[some], -volume, velocity)
        self.position = np.concatenate([self.position, start])
        self.velocity = np.concatenate([self.velocity, velocity])
        self.volume = np.concatenate([self.volume, volume])
        return len(volume)

    def _fly(self, arrays: dict[str, np.ndarray], left: np.ndarray) -> None:
        t = left[:, None]
        before = self.position
        self.position = before + t * self.velocity + 0.5 * t**2 * self._gravity
        self.velocity = self.velocity + t * self._gravity
        cell, wet = self._cells(self.position, arrays)
        top = self._water.level + np.where(wet, arrays["eta"][cell], 0.0)
        lands = (self.position[:, 1] < top) & (self.velocity[:, 1] < 0)
        # where its way of this frame crosses the surface
        way = np.maximum(before[:, 1] - self.position[:, 1], 1e-9)
        share = np.clip((before[:, 1] - top) / way, 0.0, 1.0)[:, None]
        at = before + share * (self.position - before)
        cell, wet = self._cells(at, arrays)
        back = lands & wet
        self._exchange(arrays, cell[back], self.volume[back], self.velocity[back])
        self.ashore += float(self.volume[lands & ~wet].sum())
        self.position, self.velocity, self.volume = self.position[~lands], self.velocity[~lands], self.volume[~lands]

    def _cells(self, x: np.ndarray, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Number of the cell under each point (N, 3) [m], and whether it is one with water."""
        field = self._water.field
        at = np.floor((x[:, [0, 2]] - self._low) / self._water.lake.cell).astype(int)
        inside = ((at >= 0) & (at < (field.columns, field.rows))).all(axis=1)
        at = np.clip(at, 0, np.array((field.columns, field.rows)) - 1)
        cell = (at[:, 1] + RIM) * field.width + at[:, 0] + RIM
        return cell, inside & (arrays["h"][cell] > 1e-6)

    def _exchange(
        self, arrays: dict[str, np.ndarray], cell: np.ndarray, volume: np.ndarray, velocity: np.ndarray
    ) -> None:
        """Give ``volume`` [m^3] that moves with ``velocity`` to the cells; negative: take it from them."""
        field, area = self._water.field, self._water.lake.cell**2
        h, before = arrays["h"], arrays["h"].copy()
        np.add.at(h, cell, volume / area)
        arrays["eta"] += h - before
        for name, axis, step in (("u", 0, 1), ("w", 2, field.width)):
            speed, is_open = arrays[name], (field.open_x if axis == 0 else field.open_z).numpy()
            gain = np.zeros_like(speed)
            np.add.at(gain, cell, volume * velocity[:, axis] / area)
            # half to the face on each side; a closed one leaves all to the other
            touched = np.flatnonzero(gain)
            doors = is_open[touched], is_open[touched + step]
            both = np.maximum(doors[0] + doors[1], 1e-9)
            momentum = 0.5 * (before + np.roll(before, step)) * speed
            for face, door in zip((touched, touched + step), doors, strict=True):
                np.add.at(momentum, face, gain[touched] * door / both)
            changed = np.unique(np.concatenate([cell, cell + step]))
            deep = 0.5 * (h[changed] + h[changed - step])
            speed[changed] = is_open[changed] * momentum[changed] / np.maximum(deep, 1e-6)

    def foam(self) -> np.ndarray:
        """The drops now, ``FOAM_DTYPE``."""
        out = np.zeros(len(self.volume), FOAM_DTYPE)
        out["position"], out["velocity"] = self.position, self.velocity
        out["radius"] = (self.volume * 3 / (4 * np.pi)) ** (1 / 3)
        return out
