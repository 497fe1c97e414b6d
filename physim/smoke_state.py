"""One smoke grid of a trajectory at any instant, on the device: what rays march through, and what glows in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import warp as wp
from physim_kernels import march as kernels
from scipy.ndimage import zoom

from physim import blackbody
from physim.materials import Smoke
from physim.scene import Light
from physim.smoke_shade import SmokeShade
from physim.trajectory import SmokeTrack

NOISE_SIZE = 64
"""Side of the periodic noise [samples], two per cell; its coarsest octave is four cells long."""
FADE = 8
"""Cells within which smoke fades towards an open side of its box, a fifth of the box at most."""


@lru_cache(maxsize=4)
def detail_noise(seed: int) -> np.ndarray:
    """Periodic noise (64, 64, 64) float32 of four octaves, mean 0, variance 1, clipped at 2."""
    rng = np.random.default_rng([seed, 0x5110])
    total = np.zeros((NOISE_SIZE,) * 3)
    for octave in range(4):
        side = NOISE_SIZE // 8 * 2**octave
        values = rng.standard_normal((side,) * 3)
        factor = NOISE_SIZE // side
        fine = zoom(values, factor, order=3, mode="grid-wrap", grid_mode=True) if factor > 1 else values
        total += 0.7**octave * fine
    return ((total - total.mean()) / total.std()).clip(-2, 2).astype(np.float32)


def fade(track: SmokeTrack) -> np.ndarray:
    """Share of the density that is shown, (nx, ny, nz) float32: 0 at open sides, where the box ends and smoke does not.

    Smooth, so that neither the smoke nor its light shows an edge; walls do not fade.
    """
    share = np.ones((1, 1, 1), np.float32)
    for axis, count in enumerate(track.density.shape[1:]):
        width = max(1.0, min(FADE, count / 5))
        line = np.ones(count)
        for side, way in ((2 * axis, slice(None)), (2 * axis + 1, slice(None, None, -1))):
            if track.open_sides[side]:
                s = np.clip(np.arange(count) / width, 0, 1)[way]
                line *= s * s * (3 - 2 * s)
        share = share * line.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return share


@dataclass
class Fire:
    """What a hot track needs to glow: temperatures over ambient of two frames and between them, radiance by them."""

    pair: list[wp.array]
    heat: wp.array
    table: wp.array
    start: float
    step: float

    @classmethod
    def of(cls, track: SmokeTrack, material: Smoke, device) -> Fire | None:
        """``None`` if nothing in the track ever glows."""
        highest = material.ambient_temperature + float(track.temperature.max())
        if highest <= blackbody.DRAPER or material.glow == 0:
            return None
        shape = track.density.shape[1:]
        arrays = [wp.zeros(shape, dtype=wp.float32, device=device) for _ in range(3)]
        colours, start, step = blackbody.table(highest)
        return cls(arrays[:2], arrays[2], wp.array(colours, dtype=wp.vec3, device=device), start, step)


def _noise_life(track: SmokeTrack) -> float:
    """How long noise may drift [s] before shear and turning, |grad v| x time, would draw it into threads."""
    rates = [1e-9]
    for n in {len(track.velocity) // 2, len(track.velocity) - 1}:
        velocity = track.velocity[n].astype(np.float32)
        seen = track.density[n] > kernels.EMPTY
        if seen.any():
            slopes = np.stack([np.gradient(velocity, track.cell, axis=k)[seen] for k in range(3)])
            rates.append(float(np.sqrt(np.mean(np.sum(slopes**2, axis=(0, 2))))))
    return float(np.clip(6.0 / max(rates), 0.5, 3.0))


class _Drift:
    """How far the gas of a track has come since some frame, for two frames in turn; the same from whatever side asked.

    Args:
        track: Its velocities.
        fps: Frames per second.
        device: Warp device.
    """

    def __init__(self, track: SmokeTrack, fps: float, device) -> None:
        self._track, self._fps = track, fps
        shape = track.density.shape[1:]
        self._pair = [wp.zeros(shape, dtype=wp.vec3, device=device) for _ in range(2)]
        self._spare = wp.zeros(shape, dtype=wp.vec3, device=device)
        self._known = [(-1, -1, wp.zeros(shape, dtype=wp.vec3, device=device)) for _ in range(2)]

    def at(self, slot: int, start: int, frame: int, s: float, out: wp.array) -> None:
        """Write the way [m] since frame ``start`` to the part ``s`` after ``frame``; ``slot`` 0 or 1 remembers."""
        last, start = len(self._track.velocity) - 1, max(start, 0)
        began, reached, way = self._known[slot]
        if began != start or reached > frame:
            way.zero_()
            reached = start
        for n in range(reached, frame):
            self._step(way, n, min(n + 1, last), 1.0, self._spare)
            way, self._spare = self._spare, way
        self._known[slot] = (start, max(frame, start), way)
        if s > 0 and frame >= start:
            self._step(way, frame, min(frame + 1, last), s, out)
        else:
            wp.copy(out, way)

    def _step(self, way: wp.array, a: int, b: int, s: float, out: wp.array) -> None:
        for array, n in zip(self._pair, (a, b), strict=True):
            array.assign(self._track.velocity[n].astype(np.float32))
        kernels.drift(way, *self._pair, s=s, dt=1 / self._fps, cell=float(self._track.cell), drift_out=out)


class SmokeState:
    """Device arrays of one track, reused from instant to instant.

    Args:
        track: What was simulated.
        material: Of the smoke.
        fps: Frames per second of the track.
        seed: Of the detail.
        detail: Strength of the drifting detail below the grid, 0 for the bare grid.
        noise: :func:`detail_noise` on the device; one for all tracks.
        shade: Of solid things; all light reaches the smoke if None.
    """

    def __init__(
        self,
        track: SmokeTrack,
        material: Smoke,
        *,
        fps: float,
        seed: int,
        detail: float,
        noise: wp.array,
        shade: SmokeShade | None = None,
    ) -> None:
        self.track, self.material, self.fps = track, material, float(fps)
        self._seed, self._detail = seed, detail
        shape, device = track.density.shape[1:], noise.device
        half = tuple((n + 1) // 2 for n in shape)
        self.volume = volume = kernels.Volume()
        volume.density = wp.zeros(shape, dtype=wp.float32, device=device)
        volume.velocity = wp.zeros(shape, dtype=wp.vec3, device=device)
        volume.light = wp.zeros(half, dtype=wp.vec3, device=device)
        volume.noise = noise
        volume.drift_a = wp.zeros(shape, dtype=wp.vec3, device=device)
        volume.drift_b = wp.zeros(shape, dtype=wp.vec3, device=device)
        volume.origin = wp.vec3(*np.asarray(track.origin, dtype=np.float64))
        volume.cell = float(track.cell)
        volume.extinction = float(material.extinction or 0.0)
        volume.detail = detail
        self._density = [wp.zeros(shape, dtype=wp.float32, device=device) for _ in range(2)]
        self._velocity = [wp.zeros(shape, dtype=wp.vec3, device=device) for _ in range(2)]
        self.pooled = wp.zeros(half, dtype=wp.float32, device=device)
        self.period = 2 * max(1, round(_noise_life(track) * fps / 2))  # life of a moment of the noise [frames], even
        self._drift = _Drift(track, fps, device)
        self._shown = fade(track)
        self.fire = Fire.of(track, material, device)
        self.absorbing = material.glow * (1 - np.asarray(material.albedo, dtype=np.float64))
        """Share of the extinction that is absorption (3,), times the brightness of a flame in the picture."""
        self._shade = shade
        self._frame = -1
        self._lit: tuple | None = None
        self._now: tuple[float, bool] | None = None

    def advance(self, time: float) -> bool:
        """Bring the arrays to ``time`` [s], if they are not there; False if there is nothing to see."""
        if self._now is None or self._now[0] != time:
            self._now = (time, self._bring(time))
        return self._now[1]

    def _bring(self, time: float) -> bool:
        track, volume = self.track, self.volume
        last = len(track.density) - 1
        x = float(np.clip(time * self.fps, 0.0, last))
        if abs(x - round(x)) < 1e-6:
            x = float(round(x))
        i = min(int(x), max(last - 1, 0))
        s = x - i
        if self._frame != i:
            for k, n in enumerate((i, min(i + 1, last))):
                self._density[k].assign(track.density[n] * self._shown)
                self._velocity[k].assign(track.velocity[n].astype(np.float32))
                if self.fire is not None:
                    self.fire.pair[k].assign(track.temperature[n].astype(np.float32))
            self._frame = i
        if self.fire is not None:
            self._warm(s)
        if s in (0.0, 1.0):
            wp.copy(volume.density, self._density[int(s)])
            wp.copy(volume.velocity, self._velocity[int(s)])
        else:
            kernels.blend(
                *self._density,
                *self._velocity,
                s=s,
                dt=1 / self.fps,
                cell=track.cell,
                density_out=volume.density,
                velocity_out=volume.velocity,
            )
        return self._fit_box() and self._set_moments(i, s)

    def _warm(self, s: float) -> None:
        """Temperatures at the part ``s`` of the way between the two frames, carried like the density."""
        assert self.fire is not None
        kernels.blend(
            *self.fire.pair, *self._velocity, s=s, dt=1 / self.fps, cell=self.track.cell,
            density_out=self.fire.heat, velocity_out=self.volume.velocity,
        )  # fmt: skip

    def _fit_box(self) -> bool:
        full = self.volume.density.numpy() > kernels.EMPTY
        low, high = np.zeros(3), np.zeros(3)
        for axis in range(3):
            some = full.any(axis=tuple(k for k in range(3) if k != axis))
            index = np.flatnonzero(some)
            if len(index) == 0:
                return False
            # Half a cell more: between centres the density falls to zero linearly. The grid itself ends at its box.
            low[axis] = max(index[0] - 0.5, 0)
            high[axis] = min(index[-1] + 1.5, len(some))
        origin = np.asarray(self.track.origin, dtype=np.float64)
        self.volume.low = wp.vec3(*(origin + low * self.track.cell))
        self.volume.high = wp.vec3(*(origin + high * self.track.cell))
        return True

    def _set_moments(self, frame: int, s: float) -> bool:
        volume, shares, offsets = self.volume, [], []
        half = self.period // 2
        for slot, into in enumerate((volume.drift_a, volume.drift_b)):
            moment = (frame + slot * half) // self.period
            start = moment * self.period - slot * half
            if self._detail > 0:
                self._drift.at(slot, start, frame, s, into)
            shares.append(1 - abs(2 * (frame + s - start) / self.period - 1) + 1e-3)
            rng = np.random.default_rng([self._seed, abs(moment), slot])
            offsets.append(rng.integers(0, NOISE_SIZE, 3).astype(np.float64))
        volume.share = wp.vec2(*shares)
        volume.offset_a, volume.offset_b = wp.vec3(*offsets[0]), wp.vec3(*offsets[1])
        return True

    def light(self, time: float, light: Light) -> None:
        """How much of the light reaches the cells; remembered."""
        if self._lit != (time, light.direction):
            towards, blocks = wp.vec3(*light.direction), self.pooled.shape
            if self._shade is None:
                share = wp.ones(blocks, dtype=wp.float32, device=self.pooled.device)
            else:
                origin = np.asarray(self.track.origin, dtype=np.float64)
                share = self._shade.at(time, light, origin, 2 * float(self.track.cell), blocks)
            kernels.light_grid(self.volume, towards, share, pooled=self.pooled, light_out=self.volume.light)
            self._lit = (time, light.direction)
