"""The causal video autoencoders of Wan 2.1 (8 x 8 x 4, 16 channels) and Wan 2.2 (16 x 16 x 4, 48 channels).

1 + 4 n frames are 1 + n latent ones. ``chunk`` goes through the clip a few latent frames at a time with what layers
must remember carried along, in one `lax.scan`: the same numbers, a fraction of the memory. Tiles do the same in the
plane, but each tile is its own picture to the attention inside, so tiled results differ a little and are blended.

Source: Wan Team, Wan: Open and Advanced Large-Scale Video Generative Models (2025), section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.wan.vae_layers import (
    Conv,
    Grow,
    Memory,
    Middle,
    Norm,
    Residual,
    Shrink,
    averaged,
    folded,
    repeated,
    unfolded,
)

MEAN_21 = (
    -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
    0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921,
)  # fmt: skip
STD_21 = (
    2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
    3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160,
)  # fmt: skip
MEAN_22 = (
    -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542, 0.2813, 0.0891,
    0.1570, -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502,
    -0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.1230, -0.0313, -0.1649, 0.0117, 0.0723,
    -0.2839, -0.2083, -0.0520, 0.3748, 0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667,
)  # fmt: skip
STD_22 = (
    0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901,
    0.6885, 0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659,
    0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944,
    0.5726, 1.2042, 0.5458, 1.6887, 0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744,
)  # fmt: skip


@dataclass(frozen=True)
class VaeConfig:
    base: int = 96
    """Channels of the encoder at full size."""
    decoder_base: int = 96
    latent: int = 16
    multiples: tuple[int, ...] = (1, 2, 4, 4)
    """Of the base, per level."""
    residuals: int = 2
    """Residual layers per level; the decoder has one more."""
    halves_time: tuple[bool, ...] = (False, True, True)
    """For each step between levels of the encoder; the decoder's are the same backwards."""
    shortcuts: bool = False
    """Means and repetitions past whole levels, as in 2.2."""
    fold: int = 1
    """Side of the squares of pixels that are folded into channels first."""
    mean: tuple[float, ...] = MEAN_21
    """Of the latents, per channel."""
    std: tuple[float, ...] = STD_21

    @property
    def space(self) -> int:
        """Pixels per latent cell and side."""
        return self.fold * 2 ** (len(self.multiples) - 1)

    @property
    def time(self) -> int:
        """Frames per latent frame."""
        return 2 ** sum(self.halves_time)

    @classmethod
    def wan21(cls, **changes) -> VaeConfig:
        return replace(cls(), **changes)

    @classmethod
    def wan22(cls, **changes) -> VaeConfig:
        found = cls(160, 256, 48, halves_time=(False, True, True), shortcuts=True, fold=2, mean=MEAN_22, std=STD_22)
        return replace(found, **changes)


class Level(nnx.Module):
    """Residual layers and a change of size, of 2.2's encoder: with the mean of blocks as a way past them."""

    def __init__(self, given: int, made: int, config: VaeConfig, *, time: bool, shrinks: bool, dtype, rngs) -> None:
        self.made, self.time, self.space = made, 2 if time else 1, 2 if shrinks else 1
        widths = [given] + [made] * config.residuals
        self.resnets = nnx.List([Residual(a, made, dtype=dtype, rngs=rngs) for a in widths[:-1]])
        if shrinks:
            self.downsampler = Shrink(made, time=time, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        past = averaged(x, self.made, self.time, self.space)
        for layer in self.resnets:
            x = layer(x, memory)
        if hasattr(self, "downsampler"):
            x = self.downsampler(x, memory)
        return x + past


class Encoder(nnx.Module):
    """Video → means and logarithms of variances of the latents."""

    def __init__(self, config: VaeConfig, *, dtype, rngs: nnx.Rngs) -> None:
        widths = [config.base * factor for factor in (1, *config.multiples)]
        steps = (*config.halves_time, None)  # the last level keeps its size
        self.conv_in = Conv(3 * config.fold**2, widths[0], (3, 3, 3), dtype=dtype, rngs=rngs)
        blocks: list[nnx.Module] = []
        for given, made, time in zip(widths[:-1], widths[1:], steps, strict=True):
            if config.shortcuts:
                shrinks = time is not None
                blocks.append(Level(given, made, config, time=bool(time), shrinks=shrinks, dtype=dtype, rngs=rngs))
                continue
            blocks += [Residual(a, made, dtype=dtype, rngs=rngs) for a in (given, *[made] * (config.residuals - 1))]
            if time is not None:
                blocks.append(Shrink(made, time=time, dtype=dtype, rngs=rngs))
        self.down_blocks = nnx.List(blocks)
        self.mid_block = Middle(widths[-1], dtype=dtype, rngs=rngs)
        self.norm_out = Norm(widths[-1], dtype=dtype)
        self.conv_out = Conv(widths[-1], 2 * config.latent, (3, 3, 3), dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        x = self.conv_in(x, memory)
        for block in self.down_blocks:
            x = block(x, memory)
        return self.conv_out(jax.nn.silu(self.norm_out(self.mid_block(x, memory))), memory)


class UpLevel(nnx.Module):
    """Residual layers and a change of size; in 2.2 with repetitions of blocks as a way past them."""

    def __init__(self, given: int, made: int, config: VaeConfig, *, time: bool | None, dtype, rngs) -> None:
        self.made, self.time, self.shortcut = made, 2 if time else 1, config.shortcuts and time is not None
        widths = [given] + [made] * config.residuals
        self.resnets = nnx.List([Residual(a, made, dtype=dtype, rngs=rngs) for a in widths])
        if time is not None:
            out = made if config.shortcuts else made // 2
            self.upsampler = Grow(made, out, time=time, dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        past = repeated(x, self.made, self.time, 2, first=memory.first) if self.shortcut else None
        for layer in self.resnets:
            x = layer(x, memory)
        if hasattr(self, "upsampler"):
            x = self.upsampler(x, memory)
        return x if past is None else x + past


class Decoder(nnx.Module):
    """Latents → video."""

    def __init__(self, config: VaeConfig, *, dtype, rngs: nnx.Rngs) -> None:
        factors = (config.multiples[-1], *config.multiples[::-1])
        widths = [config.decoder_base * factor for factor in factors]
        steps = (*config.halves_time[::-1], None)
        self.conv_in = Conv(config.latent, widths[0], (3, 3, 3), dtype=dtype, rngs=rngs)
        self.mid_block = Middle(widths[0], dtype=dtype, rngs=rngs)
        blocks = []
        for i, (given, made, time) in enumerate(zip(widths[:-1], widths[1:], steps, strict=True)):
            given = given // 2 if i and not config.shortcuts else given
            blocks.append(UpLevel(given, made, config, time=time, dtype=dtype, rngs=rngs))
        self.up_blocks = nnx.List(blocks)
        self.norm_out = Norm(widths[-1], dtype=dtype)
        self.conv_out = Conv(widths[-1], 3 * config.fold**2, (3, 3, 3), dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        x = self.mid_block(self.conv_in(x, memory), memory)
        for block in self.up_blocks:
            x = block(x, memory)
        return self.conv_out(jax.nn.silu(self.norm_out(x)), memory)


class WanVae(nnx.Module):
    """Video (b, t, h, w, 3) in [-1, 1] to latents (b, 1 + (t - 1) / 4, h / space, w / space, channels) and back.

    Latents are the distribution's means, brought to zero mean and unit variance per channel: what the transformer sees.
    """

    def __init__(self, config: VaeConfig, *, dtype=jnp.float32, rngs: nnx.Rngs) -> None:
        self.config, self.dtype = config, dtype
        z = config.latent
        self.encoder = Encoder(config, dtype=dtype, rngs=rngs)
        self.quant_conv = Conv(2 * z, 2 * z, (1, 1, 1), dtype=dtype, rngs=rngs)
        self.post_quant_conv = Conv(z, z, (1, 1, 1), dtype=dtype, rngs=rngs)
        self.decoder = Decoder(config, dtype=dtype, rngs=rngs)

    def moments(self, video: jax.Array, *, chunk: int | None = None) -> tuple[jax.Array, jax.Array]:
        """Means and logarithms of variances of the latents as the encoder gives them.

        Args:
            video: (b, 1 + 4 n, h, w, 3) in [-1, 1], sides multiples of :attr:`VaeConfig.space`.
            chunk: Latent frames at a time, a divisor of n; ``None``: all at once.

        Raises:
            ValueError: A number of frames or sides that do not fit.
        """
        time, space = self.config.time, self.config.space
        if (video.shape[1] - 1) % time or video.shape[2] % space or video.shape[3] % space:
            raise ValueError(
                f"video is {video.shape[1:4]}, expected 1 + {time} n frames with sides that are multiples of {space}."
            )
        x = video.astype(self.dtype)
        x = folded(x, self.config.fold) if self.config.fold > 1 else x
        found = self.quant_conv(_stretches(self.encoder, x, time, chunk)).astype(jnp.float32)
        mean, log_variance = jnp.split(found, 2, axis=-1)
        return mean, log_variance

    def encode(self, video: jax.Array, *, chunk: int | None = None) -> jax.Array:
        """Normalised latents of a video; arguments and errors as :meth:`moments`."""
        return self.normalised(self.moments(video, chunk=chunk)[0])

    def decode(self, latents: jax.Array, *, chunk: int | None = None) -> jax.Array:
        """Video (b, t, h, w, 3) float32 in [-1, 1] of normalised latents; ``chunk`` as in :meth:`moments`."""
        return self._video(_stretches(self.decoder, self._told(latents), 1, chunk))

    def decode_on(self, latents: jax.Array, kept: list[jax.Array] | None) -> tuple[jax.Array, list[jax.Array]]:
        """The next frames of a video, and what to keep for those after them.

        Args:
            latents: (b, t, h, w, channels), the next latent frames.
            kept: What the call before gave; ``None``: the video begins here.
        """
        memory = Memory(kept)
        return self._video(self.decoder(self._told(latents), memory)), memory.leaves

    def _told(self, latents: jax.Array) -> jax.Array:
        return self.post_quant_conv(self.denormalised(latents).astype(self.dtype))

    def _video(self, x: jax.Array) -> jax.Array:
        video = x.astype(jnp.float32)
        return jnp.clip(unfolded(video, self.config.fold) if self.config.fold > 1 else video, -1, 1)

    def normalised(self, mean: jax.Array) -> jax.Array:
        """Zero mean, unit variance."""
        return (mean - jnp.asarray(self.config.mean)) / jnp.asarray(self.config.std)

    def denormalised(self, latents: jax.Array) -> jax.Array:
        """The way back of :meth:`normalised`."""
        return latents * jnp.asarray(self.config.std) + jnp.asarray(self.config.mean)


def _stretches(network: Callable[[jax.Array, Memory], jax.Array], x: jax.Array, time: int, chunk: int | None):
    """``x`` through a causal network: all at once, or the first frame and then ``chunk`` x ``time`` frames a step."""
    if chunk is None or x.shape[1] == 1:
        return network(x, Memory())
    count, size = x.shape[1] - 1, chunk * time
    if count % size:
        raise ValueError(f"chunk is {chunk}, expected a divisor of {count // time}, the latent frames after the first.")
    memory = Memory()
    head = network(x[:, :1], memory)
    rest = jnp.moveaxis(x[:, 1:].reshape(x.shape[0], count // size, size, *x.shape[2:]), 1, 0)

    def step(kept: list[jax.Array], frames: jax.Array) -> tuple[list[jax.Array], jax.Array]:
        memory = Memory(kept)
        made = network(frames, memory)
        return memory.leaves, made

    _, made = jax.lax.scan(step, memory.leaves, rest)
    made = jnp.moveaxis(made, 0, 1)
    return jnp.concatenate([head, made.reshape(x.shape[0], -1, *made.shape[3:])], axis=1)


def decode_tiled(
    decode: Callable[[jax.Array], jax.Array],
    latents: jax.Array,
    *,
    space: int,
    tile: int = 256,
    stride: int = 192,
) -> np.ndarray:
    """A large video, tile after tile, blended linearly where tiles overlap.

    Args:
        decode: Normalised latents → video, usually jitted; called with at most four different sizes.
        latents: (b, t, h, w, channels).
        space: Pixels per latent cell, :attr:`VaeConfig.space`.
        tile: Side of a tile [pixels], a multiple of ``space``.
        stride: Between tiles [pixels], a multiple of ``space``, less than ``tile``.

    Returns:
        (b, T, H, W, 3) float32 in NumPy: the whole video need not fit on the device.

    Raises:
        ValueError: Tiles that are no multiples, or do not overlap.
    """
    if tile % space or stride % space or not 0 < stride < tile:
        raise ValueError(f"tile {tile} and stride {stride} must be multiples of {space}, and stride less than tile.")
    (tops, rows), (lefts, cols) = (_ramps(size * space, tile, stride) for size in latents.shape[2:4])
    total: np.ndarray | None = None
    for top, down in zip(tops, rows, strict=True):
        for left, across in zip(lefts, cols, strict=True):
            v, u = slice(top, top + len(down)), slice(left, left + len(across))
            part = latents[:, :, v.start // space : v.stop // space, u.start // space : u.stop // space]
            video = np.asarray(decode(part))
            if total is None:
                size = (latents.shape[2] * space, latents.shape[3] * space)
                total = np.zeros((*video.shape[:2], *size, video.shape[-1]), np.float32)
            total[:, :, v, u] += video * down[:, None, None] * across[:, None]
    assert total is not None
    return total


def _ramps(size: int, tile: int, stride: int) -> tuple[list[int], list[np.ndarray]]:
    """Starts of tiles along one side and their weights, which sum to 1 everywhere."""
    starts = [0]
    while starts[-1] + tile < size:
        starts.append(starts[-1] + stride)
    weights = [np.ones(min(tile, size - start), np.float32) for start in starts]
    for before, after, first, second in zip(weights[:-1], weights[1:], starts[:-1], starts[1:], strict=True):
        overlap = first + len(before) - second
        ramp = np.arange(overlap, dtype=np.float32) / overlap
        before[-overlap:] *= 1 - ramp
        after[:overlap] *= ramp
    return starts, weights
