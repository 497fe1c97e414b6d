"""The decoder of MoGe-2: residual convolutions level by level, from coarse to fine, borders continued.

Wang et al., MoGe-2: Accurate Monocular Geometry with Metric Scale and Sharp Details, 2025. One class makes the neck and
every head; what it consists of, the checkpoint's configuration says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from i2v.models.enlarge import Enlarge
from i2v.models.resampling import linear

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
}
NORMS = ("none", "layer_norm", "group_norm")
RESAMPLERS = ("conv_transpose", "bilinear", "nearest", "pixel_shuffle")


@dataclass(frozen=True)
class StackConfig:
    dim_in: tuple[int | None, ...]
    """Channels that enter at each level, coarsest first; ``None``: as they are."""
    dim_res: tuple[int, ...]
    """Channels of each level."""
    dim_out: tuple[int | None, ...]
    """Channels that leave; ``None``: as they are."""
    blocks: tuple[int, ...]
    """Residual blocks of each level."""
    resamplers: tuple[str, ...]
    """Between levels; see :data:`RESAMPLERS`."""
    in_norm: str = "layer_norm"
    hidden_norm: str = "group_norm"
    hidden_factor: int = 1
    activation: str = "relu"

    @classmethod
    def from_checkpoint(cls, given: dict[str, Any]) -> StackConfig:
        """From the part of a checkpoint's ``model_config`` for one stack.

        Raises:
            NotImplementedError: A norm, activation or resampler that no published MoGe-2 has.
        """
        levels = len(given["dim_res_blocks"])

        def per_level(value: Any, count: int = levels) -> tuple:
            return tuple(value) if isinstance(value, list | tuple) else (value,) * count

        config = cls(
            per_level(given["dim_in"]),
            tuple(given["dim_res_blocks"]),
            per_level(given["dim_out"]),
            per_level(given.get("num_res_blocks", 1)),
            per_level(given["resamplers"], levels - 1),
            given.get("res_block_in_norm", "layer_norm"),
            given.get("res_block_hidden_norm", "group_norm"),
            given.get("dim_times_res_block_hidden", 1),
            given.get("activation", "relu"),
        )
        for what, value, known in [
            ("norm", config.in_norm, NORMS),
            ("norm", config.hidden_norm, NORMS),
            ("activation", config.activation, tuple(ACTIVATIONS)),
            *(("resampler", name, RESAMPLERS) for name in config.resamplers),
        ]:
            if value not in known:
                raise NotImplementedError(f"MoGe with {what} {value!r}; known: {', '.join(known)}.")
        return config


class Conv(nnx.Module):
    """3 x 3 convolution whose border continues the picture."""

    def __init__(self, channels: int, made: int, *, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(channels, made, (3, 3), padding="VALID", rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.conv(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge"))


def _norm(name: str, channels: int, rngs: nnx.Rngs) -> nnx.GroupNorm | None:
    """As PyTorch's: 'layer_norm' is one group over all channels and pixels."""
    if name == "none":
        return None
    groups = 1 if name == "layer_norm" else channels // 32
    return nnx.GroupNorm(channels, groups, epsilon=1e-5, use_fast_variance=False, rngs=rngs)


class ResidualBlock(nnx.Module):
    """x + conv(act(norm(conv(act(norm(x))))))."""

    def __init__(self, config: StackConfig, channels: int, *, rngs: nnx.Rngs) -> None:
        hidden = channels * config.hidden_factor
        self.activation = config.activation
        self.norm1 = _norm(config.in_norm, channels, rngs)
        self.conv1 = Conv(channels, hidden, rngs=rngs)
        self.norm2 = _norm(config.hidden_norm, hidden, rngs)
        self.conv2 = Conv(hidden, channels, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        act = ACTIVATIONS[self.activation]
        hidden = self.conv1(act(x if self.norm1 is None else self.norm1(x)))
        return x + self.conv2(act(hidden if self.norm2 is None else self.norm2(hidden)))


class Resampler(nnx.Module):
    """Twice the side, and from one level's channels to the next one's."""

    def __init__(self, kind: str, channels: int, made: int, *, rngs: nnx.Rngs) -> None:
        self.kind = kind
        if kind == "conv_transpose":
            self.enlarge = Enlarge(channels, made, 2, rngs=rngs)
        elif kind == "pixel_shuffle":
            self.first = Conv(channels, 4 * made, rngs=rngs)
        self.conv = Conv(channels if kind in ("bilinear", "nearest") else made, made, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        b, h, w, _ = x.shape
        if self.kind == "conv_transpose":
            x = self.enlarge(x)
        elif self.kind == "bilinear":
            x = linear(x, (2 * h, 2 * w))
        elif self.kind == "nearest":
            x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
        else:  # PyTorch's pixel shuffle: channel, then row, then column within the block
            x = self.first(x).reshape(b, h, w, -1, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(b, 2 * h, 2 * w, -1)
        return self.conv(x)


class ConvStack(nnx.Module):
    """Levels (b, h 2^i, w 2^i, c_i), coarsest first, to what leaves at each of them."""

    def __init__(self, config: StackConfig, *, rngs: nnx.Rngs) -> None:
        self.config = config
        dims = config.dim_res
        self.enter = nnx.List(
            [None if c is None else nnx.Conv(c, d, (1, 1), rngs=rngs) for c, d in zip(config.dim_in, dims, strict=True)]
        )
        self.resample = nnx.List(
            [Resampler(kind, dims[i], dims[i + 1], rngs=rngs) for i, kind in enumerate(config.resamplers)]
        )
        self.blocks = nnx.List(
            [
                nnx.List([ResidualBlock(config, d, rngs=rngs) for _ in range(count)])
                for d, count in zip(dims, config.blocks, strict=True)
            ]
        )
        self.leave = nnx.List(
            [
                None if c is None else nnx.Conv(d, c, (1, 1), rngs=rngs)
                for c, d in zip(config.dim_out, dims, strict=True)
            ]
        )

    def __call__(self, levels: list[jax.Array]) -> list[jax.Array]:
        x: jax.Array | None = None
        found = []
        for i, level in enumerate(levels):
            enter, leave = self.enter[i], self.leave[i]
            entered = level if enter is None else enter(level)
            x = entered if x is None else x + entered
            for block in self.blocks[i]:
                x = block(x)
            found.append(x if leave is None else leave(x))
            if i < len(self.resample):
                x = self.resample[i](x)
        return found
