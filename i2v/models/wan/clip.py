"""The picture encoder of image-to-video Wan 2.1: CLIP's ViT-H/14, up to its last layer but one.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision (2021). Pictures are resized
bicubically to 224 pixels. GELU is the exact one.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.resampling import smooth_cubic, smoothed
from i2v.models.wan.stack import stacked, through

MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Of the pictures it was trained on, sRGB."""
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ClipConfig:
    """Sizes; those of ViT-H/14."""

    layers: int = 32
    """Of the published network; all but the last are run."""
    width: int = 1280
    heads: int = 16
    ffn: int = 5120
    side: int = 224
    """Of the picture [pixels]."""
    patch: int = 14
    eps: float = 1e-5

    @property
    def tokens(self) -> int:
        """Patches and the class token."""
        return (self.side // self.patch) ** 2 + 1


def _norm(config: ClipConfig, dtype, rngs: nnx.Rngs) -> nnx.LayerNorm:
    return nnx.LayerNorm(
        config.width, epsilon=config.eps, dtype=jnp.float32, param_dtype=dtype, use_fast_variance=False, rngs=rngs
    )


class Layer(nnx.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: ClipConfig, *, dtype, rngs: nnx.Rngs) -> None:
        def linear(given: int, made: int) -> nnx.Linear:
            return nnx.Linear(given, made, dtype=dtype, param_dtype=dtype, rngs=rngs)

        width = config.width
        self.heads, self.dtype = config.heads, dtype
        self.norm1 = _norm(config, dtype, rngs)
        self.q, self.k, self.v, self.out = (linear(width, width) for _ in range(4))
        self.norm2 = _norm(config, dtype, rngs)
        self.fc1, self.fc2 = linear(width, config.ffn), linear(config.ffn, width)

    def __call__(self, x: jax.Array) -> jax.Array:
        moved = self.norm1(x).astype(self.dtype)
        q, k, v = (part(moved).reshape(*x.shape[:2], self.heads, -1) for part in (self.q, self.k, self.v))
        found = jax.nn.dot_product_attention(q, k, v, implementation="xla")
        x = x + self.out(found.reshape(x.shape))
        hidden = jax.nn.gelu(self.fc1(self.norm2(x).astype(self.dtype)), approximate=False)
        return x + self.fc2(hidden)


class ClipImageEncoder(nnx.Module):
    """Picture → 257 tokens, those that enter the last layer."""

    def __init__(self, config: ClipConfig, *, dtype=jnp.float32, rngs: nnx.Rngs) -> None:
        self.config, self.dtype = config, dtype
        width, patch = config.width, config.patch
        self.class_embedding = nnx.Param(jnp.zeros(width, dtype))
        self.patch_embedding = nnx.Conv(
            3, width, (patch, patch), patch, padding="VALID", use_bias=False, dtype=dtype, param_dtype=dtype, rngs=rngs
        )
        self.position_embedding = nnx.Embed(config.tokens, width, dtype=dtype, param_dtype=dtype, rngs=rngs)
        self.pre_norm = _norm(config, dtype, rngs)
        self.layers = stacked(lambda rngs: Layer(config, dtype=dtype, rngs=rngs), config.layers - 1, rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """(b, side, side, 3), see :func:`prepare` → (b, tokens, width) float32."""
        x = self.patch_embedding(images.astype(self.dtype))
        x = x.reshape(x.shape[0], -1, x.shape[-1])
        first = jnp.broadcast_to(self.class_embedding[...], (x.shape[0], 1, x.shape[-1]))
        x = jnp.concatenate([first, x], axis=1) + self.position_embedding.embedding[...]
        x = self.pre_norm(x).astype(self.dtype)
        return through(self.layers, x, lambda layer, x: layer(x)).astype(jnp.float32)


def prepare(image: np.ndarray, side: int = 224) -> np.ndarray:
    """Photo (H, W, 3) sRGB in [0, 1] → (side, side, 3) normalised; the whole picture, squeezed as Wan was trained."""
    seen = smoothed(np.asarray(image, np.float32), (side, side), smooth_cubic, 2.0)
    return (np.clip(seen, 0, 1) - np.asarray(MEAN, np.float32)) / np.asarray(STD, np.float32)
