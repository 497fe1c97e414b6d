"""UMT5: the text encoder of Wan. Its tokens' own width is 4096, and each layer has its own relative positions.

Pre-norm layers without biases: attention without the usual scale, with a learned number added per head and distance,
then a gated feed-forward. Distances fall into 32 classes, exact up to 7 tokens either way and logarithmic to 128.

Source: Raffel et al., Exploring the Limits of Transfer Learning (T5, JMLR 2020), section 2.1; Chung et al., UniMax
(2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.wan.stack import stacked, through


@dataclass(frozen=True)
class Umt5Config:
    """Sizes; those of UMT5-XXL."""

    vocabulary: int = 256384
    layers: int = 24
    width: int = 4096
    heads: int = 64
    head_dim: int = 64
    ffn: int = 10240
    classes: int = 32
    """Of distances."""
    furthest: int = 128
    """Distance from which on all are one class [tokens]."""
    eps: float = 1e-6


def distance_classes(tokens: int, classes: int, furthest: int) -> np.ndarray:
    """Class of the way from each token to each other, (tokens, tokens) int32: row looks at column."""
    way = np.arange(tokens)[None, :] - np.arange(tokens)[:, None]
    half = classes // 2
    exact = half // 2
    far = np.abs(way)
    with np.errstate(divide="ignore"):
        # float32, as the reference: a distance on a border of classes falls where it falls there
        part = np.log(far.astype(np.float32) / np.float32(exact)) / np.float32(math.log(furthest / exact))
    steps = np.where(far < exact, 0, np.nan_to_num(part * np.float32(half - exact), neginf=0)).astype(np.int32)
    near = np.where(far < exact, far, np.minimum(exact + steps, half - 1))
    return (near + half * (way > 0)).astype(np.int32)


def _linear(given: int, made: int, dtype, rngs: nnx.Rngs) -> nnx.Linear:
    return nnx.Linear(given, made, use_bias=False, dtype=dtype, param_dtype=dtype, rngs=rngs)


def _norm(config: Umt5Config, dtype, rngs: nnx.Rngs) -> nnx.RMSNorm:
    return nnx.RMSNorm(
        config.width, epsilon=config.eps, dtype=jnp.float32, param_dtype=dtype, use_fast_variance=False, rngs=rngs
    )


class Layer(nnx.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: Umt5Config, *, dtype, rngs: nnx.Rngs) -> None:
        inner = config.heads * config.head_dim
        self.heads, self.dtype = config.heads, dtype
        self.norm1 = _norm(config, dtype, rngs)
        self.q = _linear(config.width, inner, dtype, rngs)
        self.k = _linear(config.width, inner, dtype, rngs)
        self.v = _linear(config.width, inner, dtype, rngs)
        self.o = _linear(inner, config.width, dtype, rngs)
        self.bias = nnx.Param(jnp.zeros((config.classes, config.heads), dtype))
        self.norm2 = _norm(config, dtype, rngs)
        self.gate = _linear(config.width, config.ffn, dtype, rngs)
        self.up = _linear(config.width, config.ffn, dtype, rngs)
        self.down = _linear(config.ffn, config.width, dtype, rngs)

    def __call__(self, x: jax.Array, classes: np.ndarray, seen: jax.Array) -> jax.Array:
        x = x + self._attention(self.norm1(x).astype(self.dtype), classes, seen)
        moved = self.norm2(x).astype(self.dtype)
        return x + self.down(jax.nn.gelu(self.gate(moved)) * self.up(moved))

    def _attention(self, x: jax.Array, classes: np.ndarray, seen: jax.Array) -> jax.Array:
        q, k, v = (part(x).reshape(*x.shape[:2], self.heads, -1) for part in (self.q, self.k, self.v))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k, preferred_element_type=jnp.float32)
        scores = scores + self.bias[...].astype(jnp.float32)[classes].transpose(2, 0, 1)
        scores = jnp.where(seen[:, None, None], scores, -jnp.inf)
        found = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1).astype(self.dtype), v)
        return self.o(found.reshape(*x.shape[:2], -1))


class Umt5Encoder(nnx.Module):
    """Numbers of tokens → their meanings."""

    def __init__(self, config: Umt5Config, *, dtype=jnp.float32, rngs: nnx.Rngs) -> None:
        self.config, self.dtype = config, dtype
        self.shared = nnx.Embed(config.vocabulary, config.width, dtype=dtype, param_dtype=dtype, rngs=rngs)
        self.layers = stacked(lambda rngs: Layer(config, dtype=dtype, rngs=rngs), config.layers, rngs)
        self.norm = _norm(config, dtype, rngs)

    def __call__(self, tokens: jax.Array, seen: jax.Array) -> jax.Array:
        """Meanings of tokens; zeros after the text's end, which is how the transformer wants them.

        Args:
            tokens: (b, n) int.
            seen: (b, n) bool, false after the text's end.

        Returns:
            (b, n, width) float32.
        """
        classes = distance_classes(tokens.shape[1], self.config.classes, self.config.furthest)
        x = through(self.layers, self.shared(tokens), lambda layer, x: layer(x, classes, seen))
        return self.norm(x) * seen[..., None]
