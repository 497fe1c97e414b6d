"""Clips that stay in the memory of the device: crops are cut and turned into batches there, by one compiled function.

What the host does per step is to draw a few dozen numbers. The batches are those of :func:`i2v.training.data.
sample_batch` up to the rounding of float16, with other random choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from i2v.diffusion.bridge import RESIDUAL_GAIN, noise_scale
from i2v.diffusion.noise_warp import LUMA_SHARE, SMOKE_FRESH
from i2v.maps import CHANNELS, LIQUID_CHANNELS, encode, unknown
from i2v.training.data import AT_ZERO, CANDIDATES, DIMMEST, NOISE_FIELDS, TONE, TrainingClip

SIDE = 0.25
"""Of the binomial blur of the noise, see :func:`i2v.diffusion.noise_warp.correlate`."""
SIGNS = {
    "maps": [-1 if name.endswith("right") else 1 for name in CHANNELS],
    "liquid": [-1 if name.endswith("right") else 1 for name in LIQUID_CHANNELS],
    "motion": [-1, 1, 1, -1, 1, 1],
}
"""What mirroring does to channels that point to the right."""


class ResidentClips:
    """All clips as arrays with a leading clip axis, in the memory of the device.

    Args:
        clips: Of one shape.
    """

    def __init__(self, clips: Sequence[TrainingClip]) -> None:
        parts: dict[str, list[np.ndarray]] = {}
        self.shape = clips[0].gate.shape
        for number, clip in enumerate(clips):
            if clip.gate.shape != self.shape:
                raise ValueError(f"clip {number} is {clip.gate.shape}, expected {self.shape} like the first.")
            for name, value in _maps(clip).items():
                parts.setdefault(name, []).append(value)
        # Where there is something to do: sums along both sides, so that a window's share is four look-ups.
        gates = np.stack(parts["gate"]).astype(np.float32)
        self._summed = np.pad(gates.cumsum(1).cumsum(2).cumsum(3), ((0, 0), (1, 0), (1, 0), (1, 0)))
        del parts["gate"]
        self.arrays = {name: jax.device_put(np.stack(values)) for name, values in parts.items()}

    def draw(
        self, rng: np.random.Generator, batch: int, side: int, frames: int, at_zero: float = AT_ZERO
    ) -> dict[str, np.ndarray]:
        """Random choices for one batch: which windows, which mixtures of noise, colours, mirror, and time."""
        count, (t, v, u) = len(self._summed), self.shape
        if t < frames or min(v, u) < side:
            raise ValueError(f"clips are {self.shape}, expected at least {(frames, side, side)}.")
        tries = (batch, CANDIDATES)
        limit = [count, t - frames + 1, v - side + 1, u - side + 1]
        where = np.stack([rng.integers(n, size=tries) for n in limit], -1)
        work = self._share(where, side, frames) + 0.005
        taken = (rng.random((batch, 1)) > np.cumsum(work / work.sum(1, keepdims=True), 1)).sum(1)
        where = where[np.arange(batch), np.minimum(taken, CANDIDATES - 1)]
        mixture = np.linalg.qr(rng.standard_normal((batch, NOISE_FIELDS, NOISE_FIELDS)))[0][..., :4]
        time = np.where(rng.random(batch) < at_zero, 0.0, rng.random(batch))
        return {
            "where": where.astype(np.int32),
            "mixture": mixture.astype(np.float32),
            "colours": np.stack([rng.permutation(3) for _ in range(batch)]).astype(np.int32),
            "gain": rng.uniform(DIMMEST, 1, (batch, 3)).astype(np.float32),
            "mirror": rng.random(batch) < 0.5,
            "time": time.astype(np.float32),
            "key": rng.integers(2**32, size=(batch, 2), dtype=np.uint32),
        }

    def _share(self, where: np.ndarray, side: int, frames: int) -> np.ndarray:
        """Mean gate of windows (..., 4)."""
        n, t, v, u = np.moveaxis(where, -1, 0)
        total = np.zeros(n.shape)
        for dt in (0, frames):
            for dv in (0, side):
                for du in (0, side):
                    sign = (-1) ** ((dt == 0) + (dv == 0) + (du == 0))
                    total += sign * self._summed[n, t + dt, v + dv, u + du]
        return np.clip(total, 0, None) / (frames * side * side)

    def batch(
        self, rng: np.random.Generator, *, batch: int, side: int, frames: int, at_zero: float = AT_ZERO
    ) -> dict[str, jax.Array]:
        """A batch on the device, see :func:`i2v.training.data.sample_batch`."""
        drawn = self.draw(rng, batch, side, frames, at_zero)
        return _cut(self.arrays, drawn, side, frames)


def _maps(clip: TrainingClip) -> dict[str, np.ndarray]:
    """Everything a sample is made of, in half precision."""
    signals, truth = clip.window(*(slice(0, n) for n in clip.gate.shape))
    gate = clip.gate.astype(np.float32)
    maps, liquid = encode(signals, gate, clip.depth_scale)
    halves = {
        "maps": maps,
        "liquid": liquid,
        "edge": clip.edge[..., None],
        "motion": clip.motion,
        "residual": RESIDUAL_GAIN * (truth - signals.coarse),
        "scale": noise_scale(unknown(signals))[..., None],
        "weight": clip.weight(signals, gate),
        "opacity": np.clip(signals.smoke[..., :1], 0, 1),
    }
    found = {name: value.astype(np.float16) for name, value in halves.items()}
    return {**found, "surface": clip.surface_noise, "smoky": clip.smoke_noise, "gate": clip.gate}


@partial(jax.jit, static_argnums=(2, 3))
def _cut(arrays: dict[str, jax.Array], drawn: dict[str, Any], side: int, frames: int) -> dict[str, jax.Array]:
    def one(where, mixture, colours, gain, mirror, key):
        sizes = {name: (1, frames, side, side, *value.shape[4:]) for name, value in arrays.items()}
        cut = {
            name: jax.lax.dynamic_slice(value, (*where, *([0] * (value.ndim - 4))), sizes[name])[0].astype(jnp.float32)
            for name, value in arrays.items()
        }
        noise = _noise(cut.pop("surface") @ mixture, cut.pop("smoky") @ mixture, cut.pop("opacity"), key)
        cut["noise"] = noise[..., colours]
        cut["residual"] = gain * cut["residual"][..., colours]
        seen = gain * (1 + cut["maps"][..., :3][..., colours]) - 1
        cut["maps"] = jnp.concatenate([seen, cut["maps"][..., 3:]], -1).at[..., TONE].multiply(gain.mean())
        turned = {name: value[:, :, ::-1] * jnp.asarray(SIGNS.get(name, 1), jnp.float32) for name, value in cut.items()}
        return {name: jnp.where(mirror, turned[name], value) for name, value in cut.items()}

    made = jax.vmap(one)(*(drawn[name] for name in ("where", "mixture", "colours", "gain", "mirror", "key")))
    return {**made, "time": jnp.asarray(drawn["time"])}


def _noise(surface: jax.Array, carried: jax.Array, opacity: jax.Array, key: jax.Array) -> jax.Array:
    """As :func:`i2v.diffusion.noise_warp.blend_noise`; opposite borders of a crop meet, which keeps the variance."""
    fresh = jax.random.normal(jax.random.wrap_key_data(key), surface.shape)
    moving = jnp.sqrt(1 - SMOKE_FRESH) * carried + jnp.sqrt(SMOKE_FRESH) * fresh
    fields = jnp.sqrt(1 - opacity) * surface + jnp.sqrt(opacity) * moving
    noise = jnp.sqrt(LUMA_SHARE) * fields[..., :1] + jnp.sqrt(1 - LUMA_SHARE) * fields[..., 1:]
    for axis in (1, 2):
        padded = jnp.pad(noise, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="wrap")
        n = noise.shape[axis]
        low, mid, high = (jax.lax.slice_in_dim(padded, k, k + n, axis=axis) for k in (0, 1, 2))
        noise = (SIDE * (low + high) + (1 - 2 * SIDE) * mid) / np.sqrt((1 - 2 * SIDE) ** 2 + 2 * SIDE**2)
    return noise
