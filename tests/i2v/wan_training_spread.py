"""Run by test_i2v_wan_training_spread.py in processes of their own; trains a tiny network spread over devices.

wan_training_spread.py FOLDER eight             # eight devices: whole, interrupted, then on two and on one
wan_training_spread.py FOLDER HOST PORT         # HOST 0 or 1 of two processes with two devices each
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np
from flax import nnx

from i2v.models.wan.config import WanConfig
from i2v.models.wan.pipeline import Told
from i2v.models.wan.sharding import device_mesh, spread_weights
from i2v.models.wan.transformer import WanTransformer
from i2v.training.config import WanTrainConfig
from i2v.training.wan import WanExample, WanTrainer

NETWORK = WanConfig(1, 2, 16, 32, 4, 4, text_dim=8, text_tokens=2, freq_dim=16)
RUN = WanTrainConfig(steps=4, batch=4, learning_rate=3e-3, warmup=2, drop=0.5)


def example(seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)  # noqa: E731
    return WanExample(draw(2, 4, 4, 4), Told(draw(1, 2, 8)))


def trained(folder, mesh, stops=(4,)):
    """Losses of the steps, and the trainer at the end."""
    losses = []
    for stop in stops:
        network = WanTransformer(NETWORK, rngs=nnx.Rngs(0))
        place = None if mesh is None else spread_weights(mesh, smallest=1)
        trainer = WanTrainer(network, RUN, [example(k) for k in range(6)], folder, placement=place)
        trainer.run(stop_at=stop, on_step=lambda step, loss, progress: losses.append(loss))
    return losses, trainer


def arrays(trainer):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(trainer.state)]


def eight(folder):
    mesh = device_mesh(data=2, fsdp=4)
    whole, first = trained(folder / "whole", mesh)
    parts, second = trained(folder / "parts", mesh, (2, 4))
    moments = second.state["optimizer"][1].mu["blocks"]["ffn"]["up"]["kernel"].get_value()
    told = {
        "devices": len(jax.devices()),
        "whole": whole,
        "parts": parts,
        "equal": all(np.array_equal(a, b) for a, b in zip(arrays(first), arrays(second), strict=True)),
        "share": moments.addressable_shards[0].data.size / moments.size,
    }
    trained(folder / "two", mesh, (2,))
    trained(folder / "one", mesh, (2,))
    for name, other in (("two", device_mesh(fsdp=2)), ("one", None)):
        told[name], trainer = trained(folder / name, other)
        told[f"{name} devices"] = len(jax.tree.leaves(trainer.state["parameters"])[0].sharding.device_set)
    (folder / "told.json").write_text(json.dumps(told))


def host(folder, number, port):
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"localhost:{port}", 2, number)
    losses, _ = trained(folder / "hosts", device_mesh(data=2, fsdp=2), (2, 4))
    told = {"devices": len(jax.devices()), "processes": jax.process_count(), "losses": losses}
    (folder / f"host{number}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    where, what, *rest = sys.argv[1:]
    eight(Path(where)) if what == "eight" else host(Path(where), int(what), int(rest[0]))
