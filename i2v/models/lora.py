"""Low-rank adapters: what a subject or a motion changes in a network, small enough to keep many of.

A linear layer W gets W + s A B with A B of rank r (Hu et al., LoRA, 2022); a convolution gets one of its own size to r
channels and one of a single pixel on, as `peft` does it. Live, s (x A) B is added to the layer's output and can be
trained; merged, it is part of W and costs nothing. For any network; :mod:`i2v.models.lora_files` reads and writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

Layer: TypeAlias = nnx.Linear | nnx.Conv


class LoraParam(nnx.Param):
    """What is trained: ``nnx.Optimizer(network, transform, wrt=LoraParam)``."""


@dataclass(frozen=True)
class Adapter:
    """Per layer of ours, such as 'blocks.attn1.to_q', the two factors, scale included in the second.

    Stacked layers have a leading axis; layers that an adapter leaves alone are zero.
    """

    down: dict[str, np.ndarray]
    """(..., in, r); of a convolution (rows, columns, in, r)."""
    up: dict[str, np.ndarray]
    """(..., r, out); of a convolution (r, out)."""


class Adapted(nnx.Module):
    """A layer and what adapters add to it."""

    def __init__(self, base: Layer, down: jax.Array, up: jax.Array) -> None:
        self.base, self.down, self.up = base, LoraParam(down), LoraParam(up)

    def __call__(self, x: jax.Array) -> jax.Array:
        down = self.down[...]
        inner = x @ down if isinstance(self.base, nnx.Linear) else _same_size(x, down)
        return self.base(x) + (inner @ self.up[...]).astype(x.dtype)


def _same_size(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolution of (..., h, w, c), borders zero."""
    flat = x.reshape(-1, *x.shape[-3:])
    kind = jnp.promote_types(x.dtype, kernel.dtype)
    made = jax.lax.conv_general_dilated(
        flat.astype(kind), kernel.astype(kind), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return made.reshape(*x.shape[:-1], -1)


def adaptable(network: nnx.Module) -> dict[str, Layer]:
    """Dotted path → layer, of all linear layers and plain convolutions, adapted or not."""
    found: dict[str, Layer] = {}

    def visit(module: nnx.Module, path: tuple[str, ...]) -> None:
        layer = module.base if isinstance(module, Adapted) else module
        if isinstance(layer, nnx.Linear) or (isinstance(layer, nnx.Conv) and _plain(layer)):
            found[".".join(path)] = layer
            return
        for name, child in vars(module).items():
            if isinstance(child, nnx.Module):
                visit(child, (*path, name))

    visit(network, ())
    return found


def _plain(layer: nnx.Conv) -> bool:
    ones = all(s == 1 for s in _pair(layer.strides)) and all(d == 1 for d in _pair(layer.kernel_dilation))
    return len(layer.kernel_size) == 2 and ones and layer.padding == "SAME" and layer.feature_group_count == 1


def _pair(value) -> tuple:
    return (1,) if value is None else tuple(value) if isinstance(value, Sequence) else (value,)


def new_adapter(network: nnx.Module, rank: int, *, seed: int = 0, targets: Sequence[str] | None = None) -> Adapter:
    """An adapter that changes nothing yet: the first factor is drawn, the second is zero.

    Args:
        network: The one it is for.
        rank: r.
        seed: Of the first factor.
        targets: Paths of layers; default: all of :func:`adaptable`.

    Raises:
        ValueError: A rank less than 1, or a target that is no layer that can be adapted.
    """
    if rank < 1:
        raise ValueError(f"rank is {rank}, expected at least 1; 16 to 64 are usual.")
    rng = np.random.default_rng(seed)
    layers = adaptable(network)
    down, up = {}, {}
    for path in layers if targets is None else targets:
        layer = _known(layers, path)
        *lead, given, made = layer.kernel.shape
        inputs = given * int(np.prod(lead)) if isinstance(layer, nnx.Conv) else given
        down[path] = (rng.standard_normal((*lead, given, rank)) / np.sqrt(inputs)).astype(np.float32)
        up[path] = np.zeros((*_stack(layer), rank, made), np.float32)
    return Adapter(down, up)


def _stack(layer: Layer) -> tuple[int, ...]:
    """Leading axes over equal layers."""
    return () if isinstance(layer, nnx.Conv) else tuple(layer.kernel.shape[:-2])


def _known(layers: dict[str, Layer], path: str) -> Layer:
    if path not in layers:
        raise ValueError(f"{path} is no layer that can be adapted; known: {', '.join(layers)}.")
    return layers[path]


def attach(network: nnx.Module, adapters: Sequence[tuple[Adapter, float]]) -> None:
    """Put adapters, each with its weight, into a network, in place. What was attached before is taken off.

    Raises:
        ValueError: An adapter of another network.
    """
    detach(network)
    layers = adaptable(network)
    paths = dict.fromkeys(path for adapter, _ in adapters for path in adapter.down)
    for path in paths:
        base = _known(layers, path)
        parts = [(a.down[path], weight * a.up[path]) for a, weight in adapters if path in a.down]
        for down, up in parts:
            if (*down.shape[:-1], up.shape[-1]) != base.kernel.shape:
                raise ValueError(
                    f"the adapter changes {path} from {down.shape[-2]} to {up.shape[-1]} channels, the network's is "
                    f"{base.kernel.shape}. It was trained for another model."
                )
        down, up = (np.concatenate(part, axis) for part, axis in zip(zip(*parts, strict=True), (-1, -2), strict=True))
        _put(network, path, Adapted(base, jnp.asarray(down), jnp.asarray(up)))


def detach(network: nnx.Module) -> None:
    """Take all adapters off, in place."""
    for path, layer in adaptable(network).items():
        if isinstance(_at(network, path), Adapted):
            _put(network, path, layer)


def attached(network: nnx.Module) -> Adapter:
    """What is attached, as one adapter: after training, what to save."""
    down, up = {}, {}
    for path in adaptable(network):
        layer = _at(network, path)
        if isinstance(layer, Adapted):
            down[path], up[path] = (np.asarray(part[...], np.float32) for part in (layer.down, layer.up))
    return Adapter(down, up)


def merge(network: nnx.Module) -> None:
    """Make what is attached a part of the weights, in place: no cost any more, and not to be taken off again."""
    for path, base in adaptable(network).items():
        layer = _at(network, path)
        if isinstance(layer, Adapted):
            change = jnp.matmul(layer.down[...], layer.up[...], precision="highest")
            base.kernel[...] = (base.kernel[...].astype(jnp.float32) + change).astype(base.kernel.dtype)
            _put(network, path, base)


def _at(module: nnx.Module, path: str):
    for part in path.split("."):
        module = module[int(part)] if isinstance(module, nnx.List) else getattr(module, part)
    return module


def _put(network: nnx.Module, path: str, layer: nnx.Module) -> None:
    *lead, name = path.split(".")
    parent = _at(network, ".".join(lead)) if lead else network
    if isinstance(parent, nnx.List):
        parent[int(name)] = layer
    else:
        setattr(parent, name, layer)
