"""Run by test_i2v_wan_sharding.py in a process with eight devices; writes what it found as JSON."""

import json
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.numpy import save_file
from wan_golden import TINY, golden, unpacked

from i2v.models.wan import weights
from i2v.models.wan.sharding import ContextAttention, device_mesh, spread, spread_weights
from i2v.models.wan.transformer import WanTransformer

EIGHT = replace(TINY, heads=8)


def inputs(mesh=None):
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(size).astype(np.float32) for size in ((2, 4, 4, 8, 4), (2,), (2, 12, 24))]
    given[1] = np.float32([900, 100])
    if mesh is None:
        return given
    where = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    return [jax.device_put(x, where) for x in given]


def answer(mesh=None, attention="auto"):
    network = WanTransformer(EIGHT, attention=attention, rngs=nnx.Rngs(1))
    placed = 1
    if mesh is not None:
        spread(network, spread_weights(mesh, smallest=1))
        kernel = network.blocks.ffn.up.kernel.get_value()
        placed = kernel.size // kernel.addressable_shards[0].data.size
    graph, state = nnx.split(network)
    made = jax.jit(lambda s, *a: nnx.merge(graph, s)(*a))(state, *inputs(mesh))
    return np.asarray(made), placed


def agreement(truth, mesh, attention="auto"):
    made, placed = answer(mesh, attention)
    return {"off": float(np.abs(made - truth).max()), "parts": placed}


def checkpoint(folder):
    """Written on eight devices, read on two and on one."""
    arrays = unpacked(golden("transformer"), "plain")
    save_file(arrays, f"{folder}/model.safetensors")
    with open(f"{folder}/config.json", "w") as file:
        json.dump({"num_attention_heads": 2}, file)
    found = []
    for count in (8, 2, 1):
        mesh = device_mesh(fsdp=count)
        place = spread_weights(mesh, smallest=1)
        network = weights.load_transformer(folder, dtype=jnp.float32, placement=place, cache=f"{folder}/cache")
        kernel = network.blocks.ffn.up.kernel.get_value()
        truth = np.stack([arrays[f"blocks.{i}.ffn.net.0.proj.weight"].T for i in range(2)])
        found.append([len(kernel.sharding.device_set), bool(np.array_equal(kernel, truth))])
        weights.fill = None  # from now on from the cache only
    return found


def main(folder):
    truth, _ = answer()
    one_clip, whole = device_mesh(data=2, context=4), device_mesh(fsdp=2, context=4)
    told = {
        "devices": len(jax.devices()),
        "size": float(np.abs(truth).max()),
        "fsdp": agreement(truth, device_mesh(data=2, fsdp=4)),
        "ulysses": agreement(truth, one_clip, ContextAttention(one_clip, "ulysses")),
        "ring": agreement(truth, whole, ContextAttention(whole, "ring")),
        "checkpoint": checkpoint(folder),
    }
    with open(f"{folder}/told.json", "w") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(sys.argv[1])
