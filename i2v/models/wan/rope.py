"""Rotary positions in three axes: each head's channels are split between time, rows and columns.

Channels are taken in neighbouring pairs (x0, x1), (x2, x3), ...; pair k of an axis with d channels turns by
p / 10000^(2k/d) at position p (Su et al., RoFormer, 2021). Of a head of 128, time has 44 channels, rows and columns 42.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

THETA = 10000.0


def axis_channels(head_dim: int) -> tuple[int, int, int]:
    """Channels of time, rows and columns in a head."""
    plane = 2 * (head_dim // 6)
    return head_dim - 2 * plane, plane, plane


def rotations(grid: tuple[int, int, int], head_dim: int, *, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of every token's turns.

    Args:
        grid: Tokens in (time, rows, columns).
        head_dim: Channels of a head.
        first: Number of the first of these frames in the clip.

    Returns:
        Two arrays (tokens, head_dim / 2) float32; computed in float64, tokens in row-major order.
    """
    turns = []
    for axis, channels in enumerate(axis_channels(head_dim)):
        rate = THETA ** -(np.arange(0, channels, 2, dtype=np.float64) / channels)
        shape = [1, 1, 1, channels // 2]
        shape[axis] = grid[axis]
        begin = 0 if axis else first
        angle = (np.arange(begin, begin + grid[axis])[:, None] * rate).reshape(shape)
        turns.append(np.broadcast_to(angle, (*grid, channels // 2)))
    angles = np.concatenate(turns, axis=-1).reshape(-1, head_dim // 2)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def rotate(x: jax.Array, cosine: jax.Array, sine: jax.Array) -> jax.Array:
    """Turn the pairs of (b, tokens, heads, head_dim); computed in float32, returned in the type of ``x``."""
    first, second = jnp.moveaxis(x.astype(jnp.float32).reshape(*x.shape[:-1], -1, 2), -1, 0)
    cosine, sine = cosine[:, None], sine[:, None]  # tokens 1 pairs
    turned = jnp.stack([first * cosine - second * sine, first * sine + second * cosine], axis=-1)
    return turned.reshape(x.shape).astype(x.dtype)
