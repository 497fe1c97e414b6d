"""Equal layers as one, with a leading axis: compiled once however deep the network is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
from flax import nnx

Layer = TypeVar("Layer", bound=nnx.Module)


def stacked(make: Callable[[nnx.Rngs], Layer], count: int, rngs: nnx.Rngs) -> Layer:
    """``count`` layers as one module whose parameters have a first axis over layers."""

    @nnx.split_rngs(splits=count)
    @nnx.vmap(in_axes=0, out_axes=0)
    def build(rngs: nnx.Rngs) -> Layer:
        return make(rngs)

    return build(rngs)


def through(stack: Layer, x: jax.Array, call: Callable[[Layer, jax.Array], jax.Array], *, remat: bool = False):
    """``x`` through all layers one after another; ``remat`` keeps only layers' inputs for the backward pass."""
    graph, state = nnx.split(stack)

    def step(x: jax.Array, layer) -> tuple[jax.Array, None]:
        return call(nnx.merge(graph, layer), x), None

    return jax.lax.scan(jax.checkpoint(step) if remat else step, x, state)[0]
