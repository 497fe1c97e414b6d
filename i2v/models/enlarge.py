"""Transposed convolution whose stride is its kernel: one product, no overlap."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx


class Enlarge(nnx.Module):
    """Each position becomes a block of ``factor`` squared."""

    def __init__(self, channels: int, made: int, factor: int, *, rngs: nnx.Rngs) -> None:
        init = nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(init(rngs.params(), (factor, factor, channels, made)))
        self.bias = nnx.Param(jnp.zeros(made))

    def __call__(self, x: jax.Array) -> jax.Array:
        """(b, h, w, c) → (b, factor h, factor w, made)."""
        b, h, w, _ = x.shape
        factor, _, _, made = self.kernel[...].shape
        x = jnp.einsum("bhwc,yxcd->bhywxd", x, self.kernel[...])
        return x.reshape(b, factor * h, factor * w, made) + self.bias[...]
