"""Attention over long sequences, by whichever way the device has; never a matrix of tokens by tokens at video length.

"cudnn" is the fused kernel of NVIDIA's library (half precision), "xla" builds the matrix (short sequences), "chunked"
goes through queries and keys in blocks with a running maximum and sum (Milakov and Gimelshein, Online normalizer
calculation for softmax, 2018; Dao et al., FlashAttention, 2022): the matrix is never there, on any device.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

Implementation = Literal["auto", "xla", "cudnn", "chunked"] | Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
LARGEST_MATRIX = 2048 * 2048
"""Queries times keys up to which "auto" lets XLA build the matrix of a head."""
CHUNK = 1024
"""Queries, and keys, of a block."""


def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    *,
    implementation: Implementation = "auto",
    length: jax.Array | None = None,
) -> jax.Array:
    """Softmax attention, scaled by 1 / sqrt(channels).

    Args:
        q: (b, queries, heads, channels).
        k: (b, keys, heads, channels).
        v: As ``k``.
        implementation: How; "auto" takes cuDNN on a GPU in half precision, else XLA for short sequences, else blocks.
            Or a function of q, k and v.
        length: So many of the keys, the first ones, are seen, at least one; ``None``: all.

    Returns:
        (b, queries, heads, channels), type of ``q``.

    Raises:
        ValueError: Unknown implementation, or a function together with ``length``.
    """
    if callable(implementation):
        if length is not None:
            raise ValueError(f"attention is {implementation}, which cannot leave keys out; use 'auto' for streams.")
        return implementation(q, k, v)
    if implementation == "auto":
        implementation = _choice(q, k)
    if implementation == "chunked":
        return _chunked(q, k, v, length=length)
    if implementation in ("xla", "cudnn"):
        seen = None if length is None else jnp.broadcast_to(length, q.shape[:1]).astype(jnp.int32)
        return jax.nn.dot_product_attention(q, k, v, key_value_seq_lengths=seen, implementation=implementation)
    raise ValueError(f"attention is {implementation!r}, expected 'auto', 'xla', 'cudnn' or 'chunked'.")


def _choice(q: jax.Array, k: jax.Array) -> Literal["xla", "cudnn", "chunked"]:
    if jax.default_backend() == "gpu" and q.dtype in (jnp.bfloat16, jnp.float16):
        return "cudnn"
    return "xla" if q.shape[1] * k.shape[1] <= LARGEST_MATRIX else "chunked"


def _chunked(
    q: jax.Array, k: jax.Array, v: jax.Array, chunk: int = CHUNK, *, length: jax.Array | None = None
) -> jax.Array:
    """Blocks of queries one after another, blocks of keys within."""
    queries, keys = q.shape[1], k.shape[1]
    counted = keys if length is None else length
    scaled = q.astype(jnp.float32) / math.sqrt(q.shape[-1])
    blocks = _blocks(scaled, min(chunk, queries))
    k_blocks, v_blocks = _blocks(k, min(chunk, keys)), _blocks(v, min(chunk, keys))
    first = jnp.arange(k_blocks.shape[0]) * k_blocks.shape[2]

    def of_queries(block: jax.Array) -> jax.Array:
        def step(carry, keyed):
            top, total, mean = carry
            key, value, start = keyed
            scores = jnp.einsum("bqhd,bkhd->bhqk", block, key.astype(jnp.float32))
            there = start + jnp.arange(key.shape[1]) < counted  # the last block is padded
            scores = jnp.where(there, scores, -jnp.inf)
            new_top = jnp.maximum(top, scores.max(-1))
            weights = jnp.exp(scores - new_top[..., None])
            left = jnp.exp(top - new_top)
            seen = jnp.einsum("bhqk,bkhd->bhqd", weights, value.astype(jnp.float32))
            return (new_top, total * left + weights.sum(-1), mean * left[..., None] + seen), None

        b, n, h, d = block.shape
        start = (jnp.full((b, h, n), -jnp.inf), jnp.zeros((b, h, n)), jnp.zeros((b, h, n, d)))
        (_, total, mean), _ = jax.lax.scan(step, start, (k_blocks, v_blocks, first))
        return jnp.swapaxes(mean / total[..., None], 1, 2)

    done = jnp.moveaxis(jax.lax.map(of_queries, blocks), 0, 1)  # b blocks chunk h d
    return done.reshape(q.shape[0], -1, *q.shape[2:])[:, :queries].astype(q.dtype)


def _blocks(x: jax.Array, chunk: int) -> jax.Array:
    """(b, n, h, d) → (blocks, b, chunk, h, d), the last one padded with zeros."""
    b, n, h, d = x.shape
    x = jnp.pad(x, ((0, 0), (0, -n % chunk), (0, 0), (0, 0)))
    return jnp.moveaxis(x.reshape(b, -1, chunk, h, d), 1, 0)
