"""Wan on several devices: weights spread (fsdp), tokens of a clip spread (context), clips side by side (data).

Attention needs every token to see every other. Ulysses gives each device all tokens of some heads and back (Jacobs et
al., DeepSpeed Ulysses, 2023); the number of heads must divide. Ring passes keys and values round, each device keeping a
running softmax (Liu, Zaharia and Abbeel, Ring Attention, 2023); any number of heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from i2v.models.wan.attention import attend
from i2v.models.wan.fill import Placement

AXES = ("data", "fsdp", "context")
SMALLEST = 1 << 14
"""Parameters with fewer values are kept whole on every device."""


def device_mesh(data: int = 1, fsdp: int = 1, context: int = 1, *, devices: Sequence | None = None) -> Mesh:
    """A mesh over the first devices, of this host or, after `jax.distributed.initialize`, of all.

    Raises:
        ValueError: Fewer devices than asked for.
    """
    found = list(jax.devices() if devices is None else devices)
    wanted = data * fsdp * context
    if wanted > len(found) or min(data, fsdp, context) < 1:
        raise ValueError(
            f"data {data} x fsdp {fsdp} x context {context} needs {wanted} devices, {len(found)} are there."
        )
    return Mesh(np.array(found[:wanted]).reshape(data, fsdp, context), AXES, axis_types=(AxisType.Auto,) * 3)


def spread_weights(mesh: Mesh, *, smallest: int = SMALLEST) -> Placement:
    """Where parameters go: the longest axis that divides is split over 'fsdp', small ones are everywhere.

    For ``placement`` of :func:`i2v.models.wan.weights.load_transformer`.
    """
    count = mesh.shape["fsdp"]

    def place(path: str, shape: tuple[int, ...]) -> NamedSharding:
        # the first axis of a stack counts layers: each of them is needed whole at once
        axes = range(1 if path.startswith(("blocks.", "layers.")) else 0, len(shape))
        fitting = [axis for axis in axes if shape[axis] % count == 0]
        if not fitting or int(np.prod(shape)) < smallest:
            return NamedSharding(mesh, PartitionSpec())
        longest = max(fitting, key=lambda axis: shape[axis])
        return NamedSharding(mesh, PartitionSpec(*[None] * longest, "fsdp"))

    return place


def spread(module: nnx.Module, place: Placement) -> None:
    """Move the parameters of a module to where they go, in place."""
    flat = nnx.to_flat_state(nnx.state(module, nnx.Param))
    moved = [
        (path, v.replace(jax.device_put(v.get_value(), place(".".join(map(str, path)), v.get_value().shape))))
        for path, v in flat
    ]
    nnx.update(module, nnx.from_flat_state(moved))


@dataclass(frozen=True)
class ContextAttention:
    """Attention among tokens that are spread over 'context': for ``attention`` of a transformer."""

    mesh: Mesh
    kind: Literal["ulysses", "ring"] = "ulysses"

    def __call__(self, q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        """(b, n, heads, channels) each, n the same.

        Raises:
            ValueError: Tokens, or for Ulysses heads, that do not divide by the devices.
        """
        count = self.mesh.shape["context"]
        if q.shape[1] % count:
            raise ValueError(
                f"{q.shape[1]} tokens cannot be spread over {count} devices evenly; change size or frames."
            )
        if self.kind == "ulysses" and q.shape[2] % count:
            raise ValueError(f"{q.shape[2]} heads cannot be spread over {count} devices; use kind='ring'.")
        spec = PartitionSpec("data", "context", None, None)
        inside = _ulysses if self.kind == "ulysses" else partial(_ring, count=count)
        return jax.shard_map(inside, mesh=self.mesh, in_specs=(spec,) * 3, out_specs=spec, check_vma=False)(q, k, v)

    def spread(self, x: jax.Array) -> jax.Array:
        """Tokens (b, n, width), spread."""
        where = NamedSharding(self.mesh, PartitionSpec("data", "context", None))
        return jax.lax.with_sharding_constraint(x, where)


def _ulysses(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    def to_heads(x: jax.Array) -> jax.Array:
        return jax.lax.all_to_all(x, "context", split_axis=2, concat_axis=1, tiled=True)

    found = attend(to_heads(q), to_heads(k), to_heads(v))
    return jax.lax.all_to_all(found, "context", split_axis=1, concat_axis=2, tiled=True)


def _ring(q: jax.Array, k: jax.Array, v: jax.Array, *, count: int) -> jax.Array:
    onward = [(i, (i + 1) % count) for i in range(count)]
    top = jnp.full(q.shape[:3], -jnp.inf, jnp.float32)  # b n h
    total, mean = jnp.zeros(q.shape[:3], jnp.float32), jnp.zeros(q.shape, jnp.float32)
    for turn in range(count):
        found, weight = jax.nn.dot_product_attention(q, k, v, return_residual=True)
        weight = weight.astype(jnp.float32).reshape(q.shape[:3])  # logarithm of the sum of exponentials
        new_top = jnp.maximum(top, weight)
        left, now = jnp.exp(top - new_top), jnp.exp(weight - new_top)
        total = total * left + now
        mean = mean * left[..., None] + found.astype(jnp.float32) * now[..., None]
        top = new_top
        if turn + 1 < count:
            k, v = (jax.lax.ppermute(x, "context", onward) for x in (k, v))
    return (mean / total[..., None]).astype(q.dtype)
