"""Layers of the causal video autoencoder: what is seen of a frame depends on it and on earlier ones only.

Every layer works on a stretch of frames and a :class:`Memory` of what came before, so the whole clip at once and one
latent frame after another are the same code and give the same answer. The very first frame is special: time is halved
and doubled for all frames but it, so 1 + 4 n frames are 1 + n latent ones.

Source: Wan Team, Wan: Open and Advanced Large-Scale Video Generative Models (2025), section 4.1. Maps are
(b, t, h, w, channels).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx

from i2v.models.wan.attention import attend


class Memory:
    """Frames that causal layers keep for the next stretch, in the order in which the layers ask.

    Args:
        kept: What a former stretch left in :attr:`leaves`; ``None``: the clip begins here.
    """

    def __init__(self, kept: list[jax.Array] | None = None) -> None:
        self.first = kept is None
        """Whether the clip begins with this stretch."""
        self.leaves: list[jax.Array] = []
        """For the next stretch."""
        self._kept = iter(kept or [])

    def before(self, x: jax.Array, frames: int) -> jax.Array:
        """``x`` with the last ``frames`` frames before it in front, zeros at the beginning of the clip."""
        past = jnp.zeros((x.shape[0], frames, *x.shape[2:]), x.dtype) if self.first else next(self._kept)
        whole = jnp.concatenate([past, x], axis=1)
        self.leaves.append(whole[:, whole.shape[1] - frames :])
        return whole

    def last(self, x: jax.Array) -> jax.Array:
        """As :meth:`before` with one frame, but nothing in front of the beginning."""
        whole = x if self.first else jnp.concatenate([next(self._kept), x], axis=1)
        self.leaves.append(whole[:, -1:])
        return whole


def conv(x: jax.Array, kernel: jax.Array, stride: tuple[int, int, int], padding) -> jax.Array:
    """3-D convolution. On a CPU as a sum of 2-D ones, which is 2.4 times faster there and equal to rounding."""
    if jax.default_backend() != "cpu":
        return jax.lax.conv_general_dilated(
            x, kernel, stride, ((0, 0), *padding), dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
        )
    taps = kernel.shape[0]
    made = (x.shape[1] - taps) // stride[0] + 1
    total = None
    for tap in range(taps):
        frames = x[:, tap : tap + (made - 1) * stride[0] + 1 : stride[0]]
        part = jax.lax.conv_general_dilated(
            frames.reshape(-1, *frames.shape[2:]),
            kernel[tap],
            stride[1:],
            padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(x.shape[0], made, *total.shape[1:])


class Conv(nnx.Module):
    """Convolution over (time, rows, columns), causal in time; ``size`` of time 1 is a picture's."""

    def __init__(
        self,
        given: int,
        made: int,
        size: tuple[int, int, int],
        *,
        stride: tuple[int, int, int] = (1, 1, 1),
        padding: tuple[tuple[int, int], tuple[int, int]] | None = None,
        dtype,
        rngs: nnx.Rngs,
    ) -> None:
        self.stride = stride
        self.padding = padding or tuple((side // 2, side // 2) for side in size[1:])
        drawn = jax.nn.initializers.lecun_normal()(rngs.params(), (math.prod(size), given, made), dtype)
        self.kernel = nnx.Param(drawn.reshape(*size, given, made))
        self.bias = nnx.Param(jnp.zeros(made, dtype))

    def __call__(self, x: jax.Array, memory: Memory | None = None) -> jax.Array:
        """With ``memory``: what came before is put in front, so as many frames come out as go in."""
        kernel = self.kernel[...]
        if memory is not None and kernel.shape[0] > 1:
            x = memory.before(x, kernel.shape[0] - 1)
        return conv(x, kernel, self.stride, self.padding) + self.bias[...]


class Norm(nnx.Module):
    """gamma sqrt(C) x / |x| over the channels."""

    def __init__(self, channels: int, *, dtype) -> None:
        self.gamma = nnx.Param(jnp.ones(channels, dtype))

    def __call__(self, x: jax.Array) -> jax.Array:
        exact = x.astype(jnp.float32)
        length = jnp.sqrt((exact * exact).sum(-1, keepdims=True))
        unit = exact / jnp.maximum(length, 1e-12)
        return (unit * math.sqrt(x.shape[-1]) * self.gamma[...].astype(jnp.float32)).astype(x.dtype)


class Residual(nnx.Module):
    """x + conv(silu(norm(conv(silu(norm(x))))))."""

    def __init__(self, given: int, made: int, *, dtype, rngs: nnx.Rngs) -> None:
        self.norm1 = Norm(given, dtype=dtype)
        self.conv1 = Conv(given, made, (3, 3, 3), dtype=dtype, rngs=rngs)
        self.norm2 = Norm(made, dtype=dtype)
        self.conv2 = Conv(made, made, (3, 3, 3), dtype=dtype, rngs=rngs)
        if given != made:
            self.conv_shortcut = Conv(given, made, (1, 1, 1), dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        kept = self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x
        x = self.conv1(jax.nn.silu(self.norm1(x)), memory)
        return kept + self.conv2(jax.nn.silu(self.norm2(x)), memory)


class FrameAttention(nnx.Module):
    """x + attention among the pixels of each frame, one head."""

    def __init__(self, channels: int, *, dtype, rngs: nnx.Rngs) -> None:
        self.norm = Norm(channels, dtype=dtype)
        self.to_qkv = Conv(channels, 3 * channels, (1, 1, 1), dtype=dtype, rngs=rngs)
        self.proj = Conv(channels, channels, (1, 1, 1), dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        b, t, h, w, c = x.shape
        q, k, v = jnp.split(self.to_qkv(self.norm(x)).reshape(b * t, h * w, 1, 3 * c), 3, axis=-1)
        return x + self.proj(attend(q, k, v).reshape(x.shape))


class Middle(nnx.Module):
    """Residual, attention, residual."""

    def __init__(self, channels: int, *, dtype, rngs: nnx.Rngs) -> None:
        self.resnets = nnx.List([Residual(channels, channels, dtype=dtype, rngs=rngs) for _ in range(2)])
        self.attentions = nnx.List([FrameAttention(channels, dtype=dtype, rngs=rngs)])

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        x = self.attentions[0](self.resnets[0](x, memory))
        return self.resnets[1](x, memory)


class Shrink(nnx.Module):
    """Half the rows and columns, and of time all but the first frame where ``time``."""

    def __init__(self, channels: int, *, time: bool, dtype, rngs: nnx.Rngs) -> None:
        self.resample = Conv(
            channels, channels, (1, 3, 3), stride=(1, 2, 2), padding=((0, 1), (0, 1)), dtype=dtype, rngs=rngs
        )
        if time:
            self.time_conv = Conv(channels, channels, (3, 1, 1), stride=(2, 1, 1), dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        x = self.resample(x)
        if not hasattr(self, "time_conv"):
            return x
        whole = memory.last(x)
        if not memory.first:
            return self.time_conv(whole)
        return x if x.shape[1] == 1 else jnp.concatenate([x[:, :1], self.time_conv(whole)], axis=1)


class Grow(nnx.Module):
    """Twice the rows and columns, and of time all but the first frame where ``time``."""

    def __init__(self, given: int, made: int, *, time: bool, dtype, rngs: nnx.Rngs) -> None:
        self.resample = Conv(given, made, (1, 3, 3), dtype=dtype, rngs=rngs)
        if time:
            self.time_conv = Conv(given, 2 * given, (3, 1, 1), dtype=dtype, rngs=rngs)

    def __call__(self, x: jax.Array, memory: Memory) -> jax.Array:
        if hasattr(self, "time_conv"):
            x = self._doubled(x, memory)
        return self.resample(x.repeat(2, axis=2).repeat(2, axis=3))

    def _doubled(self, x: jax.Array, memory: Memory) -> jax.Array:
        """Two frames for each but the clip's first, which plays no part in the others."""
        head, rest = (x[:, :1], x[:, 1:]) if memory.first else (None, x)
        b, t, h, w, c = rest.shape
        if t:
            rest = self.time_conv(rest, memory).reshape(b, t, h, w, 2, c)
            rest = jnp.moveaxis(rest, 4, 2).reshape(b, 2 * t, h, w, c)
        else:
            memory.before(rest, 2)
        return rest if head is None else jnp.concatenate([head, rest], axis=1)


def averaged(x: jax.Array, made: int, time: int, space: int) -> jax.Array:
    """Blocks of ``time`` x ``space`` x ``space`` folded into channels, then means of groups down to ``made`` channels.

    Time is filled up with zeros in front, so the clip's first frame has a block to itself.
    """
    x = jnp.pad(x, ((0, 0), (-x.shape[1] % time, 0), (0, 0), (0, 0), (0, 0)))
    b, t, h, w, c = x.shape
    x = x.reshape(b, t // time, time, h // space, space, w // space, space, c)
    x = x.transpose(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, t // time, h // space, w // space, made, -1)
    return x.mean(-1)


def repeated(x: jax.Array, made: int, time: int, space: int, *, first: bool) -> jax.Array:
    """The way back: channels repeated and spread over blocks; the clip's first frame keeps one frame only."""
    b, t, h, w, c = x.shape
    x = x.repeat(made * time * space**2 // c, axis=-1).reshape(b, t, h, w, made, time, space, space)
    x = x.transpose(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, t * time, h * space, w * space, made)
    return x[:, time - 1 :] if first else x


def folded(video: jax.Array, side: int) -> jax.Array:
    """Squares of pixels into channels: (..., h, w, c) → (..., h / side, w / side, c side side), columns before rows."""
    *lead, h, w, c = video.shape
    x = video.reshape(-1, h // side, side, w // side, side, c).transpose(0, 1, 3, 5, 4, 2)
    return x.reshape(*lead, h // side, w // side, c * side * side)


def unfolded(video: jax.Array, side: int) -> jax.Array:
    """The way back of :func:`folded`."""
    *lead, h, w, c = video.shape
    x = video.reshape(-1, h, w, c // side**2, side, side).transpose(0, 1, 5, 2, 4, 3)
    return x.reshape(*lead, h * side, w * side, c // side**2)
