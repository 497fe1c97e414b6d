"""The residual network: a small U-Net over pixel-unshuffled frames that sees its neighbours in time by shifting.

Frames go through 2-D convolutions; a quarter of the channels of each block come from the frame before and the frame
after (Lin et al., "TSM: Temporal Shift Module", ICCV 2019), which costs no arithmetic. Channels moved along the flow
instead were tried at equal compute and were no better: the coarse picture and the noise already move with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from i2v.maps import CHANNELS, LIQUID_CHANNELS


@dataclass(frozen=True)
class UNetConfig:
    widths: tuple[int, ...] = (64, 128, 192)
    """Channels per level; each level has half the side of the one before."""
    unshuffle: int = 4
    """Side of the square of pixels that becomes one position of the first level."""
    time_width: int = 128
    """Width of the embedding of the bridge time."""

    @property
    def multiple(self) -> int:
        """Frame sides must be multiples of this."""
        return self.unshuffle * 2 ** (len(self.widths) - 1)

    @property
    def reach(self) -> int:
        """How many frames away an input can matter: one per block."""
        return 2 * len(self.widths)


def unshuffle(x: jax.Array, k: int) -> jax.Array:
    """(..., H, W, C) → (..., H/k, W/k, k k C)."""
    *lead, h, w, c = x.shape
    x = x.reshape(*lead, h // k, k, w // k, k, c)
    return jnp.moveaxis(x, -4, -3).reshape(*lead, h // k, w // k, k * k * c)


def shuffle(x: jax.Array, k: int) -> jax.Array:
    """(..., h, w, k k C) → (..., k h, k w, C); undoes :func:`unshuffle`."""
    *lead, h, w, c = x.shape
    x = jnp.moveaxis(x.reshape(*lead, h, w, k, k, c // (k * k)), -4, -3)
    return x.reshape(*lead, h * k, w * k, c // (k * k))


def shift_in_time(x: jax.Array, valid: jax.Array) -> jax.Array:
    """Take an eighth of the channels from the frame before, an eighth from the frame after; zero beyond the clip.

    Args:
        x: (B, T, h, w, C).
        valid: (B, T) 1 for frames of the clip, 0 for padding, which must not be seen.
    """
    part = x.shape[-1] // 8
    seen = x * valid[:, :, None, None, None]
    before = jnp.pad(seen[:, :-1, ..., :part], ((0, 0), (1, 0), (0, 0), (0, 0), (0, 0)))
    after = jnp.pad(seen[:, 1:, ..., part : 2 * part], ((0, 0), (0, 1), (0, 0), (0, 0), (0, 0)))
    return jnp.concatenate([before, after, x[..., 2 * part :]], -1)


def time_features(time: jax.Array, width: int) -> jax.Array:
    """Sines and cosines of the bridge time in [0, 1], (B,) → (B, width)."""
    frequency = jnp.pi * 2.0 ** jnp.linspace(-1, 5, width // 2)
    angle = time[:, None] * frequency
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], -1)


class Block(nnx.Module):
    """Two 3x3 convolutions with RMS norm, a temporal shift before the first, scale and shift by the bridge time."""

    def __init__(self, width: int, time_width: int, *, rngs: nnx.Rngs) -> None:
        self.norm_first = nnx.RMSNorm(width, rngs=rngs)
        self.first = nnx.Conv(width, width, (3, 3), rngs=rngs)
        self.norm_second = nnx.RMSNorm(width, rngs=rngs)
        self.film = nnx.Linear(time_width, 2 * width, kernel_init=nnx.initializers.zeros_init(), rngs=rngs)
        # Zero start: the untrained block is the identity.
        self.second = nnx.Conv(width, width, (3, 3), kernel_init=nnx.initializers.zeros_init(), rngs=rngs)

    def __call__(self, x: jax.Array, embedding: jax.Array, valid: jax.Array, *, shifted: bool = True) -> jax.Array:
        h = jax.nn.silu(self.norm_first(shift_in_time(x, valid) if shifted else x))
        h = self.norm_second(_per_frame(self.first, h))
        scale, shift = jnp.split(self.film(embedding)[:, None, None, None, :], 2, -1)
        return x + _per_frame(self.second, jax.nn.silu(h * (1 + scale) + shift))


def _per_frame(layer: nnx.Module, x: jax.Array) -> jax.Array:
    """Apply a 2-D layer to every frame of (B, T, h, w, C)."""
    flat = layer(x.reshape(-1, *x.shape[2:]))
    return flat.reshape(*x.shape[:2], *flat.shape[1:])


class ResidualUNet(nnx.Module):
    """(x_t, time, condition maps) → the residual r; starts as zero."""

    def __init__(self, config: UNetConfig, *, rngs: nnx.Rngs) -> None:
        self.config = config
        widths, cells = config.widths, config.unshuffle**2
        zeros = nnx.initializers.zeros_init()
        self.stem = nnx.Conv(3 * cells, widths[0], (1, 1), rngs=rngs)
        self.stem_maps = nnx.Conv(len(CHANNELS) * cells, widths[0], (1, 1), use_bias=False, rngs=rngs)
        self.stem_liquid = nnx.Conv(
            len(LIQUID_CHANNELS) * cells, widths[0], (1, 1), use_bias=False, kernel_init=zeros, rngs=rngs
        )
        self.embed = nnx.Linear(config.time_width, config.time_width, rngs=rngs)
        self.down = nnx.List([Block(w, config.time_width, rngs=rngs) for w in widths])
        self.up = nnx.List([Block(w, config.time_width, rngs=rngs) for w in widths])
        self.shrink = nnx.List([nnx.Conv(4 * a, b, (1, 1), rngs=rngs) for a, b in pairwise(widths)])
        self.grow = nnx.List([nnx.Conv(b, 4 * a, (1, 1), rngs=rngs) for a, b in pairwise(widths)])
        self.norm = nnx.RMSNorm(widths[0], rngs=rngs)
        self.out = nnx.Conv(widths[0], 3 * cells, (3, 3), kernel_init=zeros, rngs=rngs)

    def context(
        self, maps: jax.Array, liquid: jax.Array, edge: jax.Array | None = None, motion: jax.Array | None = None
    ) -> Any:
        """What the network knows before it starts: computed once, used by every step.

        Args:
            maps: (B, T, H, W, len(CHANNELS)); H and W multiples of ``config.multiple``.
            liquid: (B, T, H, W, len(LIQUID_CHANNELS)).
            edge: Not used by this network.
            motion: Not used by this network.

        Returns:
            (B, T, H / unshuffle, W / unshuffle, widths[0]).
        """
        k = self.config.unshuffle
        return self.stem_maps(unshuffle(maps, k)) + self.stem_liquid(unshuffle(liquid, k))

    def __call__(self, x: jax.Array, time: jax.Array, context: Any, valid: jax.Array) -> jax.Array:
        """Predict the residual.

        Args:
            x: State of the bridge (B, T, H, W, 3).
            time: Of the bridge (B,) in [0, 1].
            context: See :meth:`context`.
            valid: (B, T), 0 for frames that only fill up the array.
        """
        k = self.config.unshuffle
        h = self.stem(unshuffle(x, k)) + context
        embedding = jax.nn.silu(self.embed(time_features(time, self.config.time_width)))
        kept = []
        for level, block in enumerate(self.down):
            h = block(h, embedding, valid)
            if level < len(self.shrink):
                kept.append(h)
                h = self.shrink[level](unshuffle(h, 2))
        for level in reversed(range(len(self.up))):
            h = self.up[level](h, embedding, valid)
            if level:
                h = shuffle(self.grow[level - 1](h), 2) + kept[level - 1]
        return self.read(h)

    def read(self, h: jax.Array) -> jax.Array:
        """The residual (B, T, H, W, 3) from features of the first level."""
        return shuffle(_per_frame(self.out, jax.nn.silu(self.norm(h))), self.config.unshuffle)
