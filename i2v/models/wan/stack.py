"""Equal layers as one, with a leading axis: compiled once however deep the network is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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


def through_with(stack: Layer, x: jax.Array, kept: Any, call: Callable[[Layer, jax.Array, Any], tuple[jax.Array, Any]]):
    """The same where each layer has something of its own besides: ``kept`` has a first axis over layers.

    Returns:
        What comes out at the end, and what each layer gave besides, with a first axis over layers.
    """
    graph, state = nnx.split(stack)

    def step(x: jax.Array, layer) -> tuple[jax.Array, Any]:
        own, beside = layer
        return call(nnx.merge(graph, own), x, beside)

    return jax.lax.scan(step, x, (state, kept))
