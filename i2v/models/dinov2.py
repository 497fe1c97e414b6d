"""DINOv2: the vision transformer under Depth Anything V2 and MoGe-2, exactly.

Patches of 14 pixels, a class token, learned positions resized bicubically, pre-norm blocks with layer scale
(Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024; Touvron et al., Going deeper with
image transformers, ICCV 2021). GELU is the exact one: its tanh form is off by 4e-4 of the maximum at the output.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.resampling import cubic_matrix, with_matrices

PATCH = 14
"""Side of a patch [pixels]."""
MEAN = (0.485, 0.456, 0.406)
"""Of the pictures it was trained on (ImageNet), sRGB."""
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DinoConfig:
    width: int = 384
    """Of a token."""
    depth: int = 12
    """Blocks."""
    heads: int = 6
    grid: int = 37
    """Patches per side of the picture that the learned positions belong to."""
    position_offset: float = 0.0
    """Added to the number of patches when positions are resized: 0.1 in the original code, 0 in `transformers`."""

    @classmethod
    def small(cls, **changes: float) -> DinoConfig:
        return cls(384, 12, 6, **changes)  # type: ignore[arg-type]

    @classmethod
    def base(cls, **changes: float) -> DinoConfig:
        return cls(768, 12, 12, **changes)  # type: ignore[arg-type]

    @classmethod
    def large(cls, **changes: float) -> DinoConfig:
        return cls(1024, 24, 16, **changes)  # type: ignore[arg-type]


def normalised(image: jax.Array) -> jax.Array:
    """Picture (..., 3) sRGB in [0, 1] to what the network was trained on."""
    return (image - jnp.asarray(MEAN, jnp.float32)) / jnp.asarray(STD, jnp.float32)


class Block(nnx.Module):
    """x + scale1 * attention(norm1(x)), then x + scale2 * mlp(norm2(x))."""

    def __init__(self, config: DinoConfig, *, rngs: nnx.Rngs) -> None:
        width = config.width
        self.heads = config.heads
        self.norm1 = nnx.LayerNorm(width, epsilon=1e-6, use_fast_variance=False, rngs=rngs)
        self.qkv = nnx.Linear(width, 3 * width, rngs=rngs)
        self.proj = nnx.Linear(width, width, rngs=rngs)
        self.scale1 = nnx.Param(jnp.ones(width))
        self.norm2 = nnx.LayerNorm(width, epsilon=1e-6, use_fast_variance=False, rngs=rngs)
        self.fc1 = nnx.Linear(width, 4 * width, rngs=rngs)
        self.fc2 = nnx.Linear(4 * width, width, rngs=rngs)
        self.scale2 = nnx.Param(jnp.ones(width))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.scale1[...] * self._attention(self.norm1(x))
        hidden = jax.nn.gelu(self.fc1(self.norm2(x)), approximate=False)
        return x + self.scale2[...] * self.fc2(hidden)

    def _attention(self, x: jax.Array) -> jax.Array:
        q, k, v = jnp.moveaxis(self.qkv(x).reshape(*x.shape[:2], 3, self.heads, -1), 2, 0)  # b n h d each
        weights = jax.nn.softmax(jnp.einsum("bnhd,bmhd->bhnm", q * q.shape[-1] ** -0.5, k), axis=-1)
        return self.proj(jnp.einsum("bhnm,bmhd->bnhd", weights, v).reshape(x.shape))


class DinoV2(nnx.Module):
    """Picture (b, 14 ph, 14 pw, 3), normalised, to tokens."""

    def __init__(self, config: DinoConfig, *, rngs: nnx.Rngs) -> None:
        self.config = config
        width = config.width
        self.cls_token = nnx.Param(jnp.zeros((1, 1, width)))
        self.pos_embed = nnx.Param(jnp.zeros((1, config.grid**2 + 1, width)))
        self.patch_embed = nnx.Conv(3, width, (PATCH, PATCH), PATCH, padding="VALID", rngs=rngs)
        self.blocks = nnx.List([Block(config, rngs=rngs) for _ in range(config.depth)])
        self.norm = nnx.LayerNorm(width, epsilon=1e-6, use_fast_variance=False, rngs=rngs)

    def __call__(self, image: jax.Array, taken: tuple[int, ...]) -> list[tuple[jax.Array, jax.Array]]:
        """Tokens after the blocks ``taken`` (from 1), each through the one final norm.

        Args:
            image: (b, H, W, 3), sides multiples of 14; see :func:`normalised`.
            taken: Numbers of blocks, ascending.

        Returns:
            Per block the map (b, H / 14, W / 14, width) and the class token (b, width).
        """
        x = self.patch_embed(image)
        rows, cols = x.shape[1:3]
        x = x.reshape(x.shape[0], rows * cols, -1)
        x = jnp.concatenate([jnp.broadcast_to(self.cls_token[...], (x.shape[0], 1, x.shape[2])), x], axis=1)
        x = x + self.positions(rows, cols)
        found = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in taken:
                normed = self.norm(x)
                found.append((normed[:, 1:].reshape(x.shape[0], rows, cols, -1), normed[:, 0]))
        return found

    def positions(self, rows: int, cols: int) -> jax.Array:
        """Learned positions for a grid of patches, (1, 1 + rows cols, width)."""
        grid, offset = self.config.grid, self.config.position_offset
        learned = self.pos_embed[...]
        if (rows, cols) == (grid, grid):
            return learned
        down, across = (
            cubic_matrix(grid, new, scale=grid / (new + offset) if offset else None) for new in (rows, cols)
        )
        plane = with_matrices(learned[:, 1:].reshape(1, grid, grid, -1), down, across)
        return jnp.concatenate([learned[:, :1], plane.reshape(1, rows * cols, -1)], axis=1)


def to_multiple(side: float, *, least: int = PATCH) -> int:
    """The multiple of 14 nearest to ``side`` pixels, not below ``least``."""
    return max(int(np.round(side / PATCH)) * PATCH, least)
