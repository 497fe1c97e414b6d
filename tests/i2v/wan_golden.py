"""Golden files of Wan and tiny networks with their weights; shared by the tests of Wan."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.models.wan import names
from i2v.models.wan.config import WanConfig
from i2v.models.wan.files import TensorFiles
from i2v.models.wan.fill import fill
from i2v.models.wan.vae import VaeConfig

FOLDER = Path(__file__).parents[1] / "data" / "parity"
TINY = WanConfig(2, 2, 16, 40, 4, 4, text_dim=24, text_tokens=12, freq_dim=32)
IMAGE = replace(TINY, in_channels=9, image_dim=20, text_tokens=512)
CONTROL = replace(TINY, camera_channels=1, reference_channels=4)
VAE21 = VaeConfig(3, 3, 4, residuals=1, mean=(0.0,) * 4, std=(1.0,) * 4)
VAE22 = replace(VAE21, decoder_base=4, shortcuts=True, fold=2)
RELATIVE, LARGEST = 1e-5, 5e-5
"""Root mean square relative to the reference's, and largest difference: float32 through two layers gives 1e-6."""


class InMemory(TensorFiles):
    """Arrays that need no file."""

    def __init__(self, arrays):
        super().__init__(dict.fromkeys(arrays), "memory")
        self.arrays = arrays

    def shape(self, name):
        return self.arrays[name].shape

    def read(self, name):
        return self.arrays[name]


def golden(part):
    with np.load(FOLDER / f"wan_{part}.npz") as file:
        return dict(file)


def unpacked(arrays, prefix="weights"):
    """Name → float32 array of packed weights."""
    codes, start, found = arrays[f"{prefix}/codes"], 0, {}
    for name, shape, step in json.loads(arrays[f"{prefix}/told"].tobytes()):
        size = int(np.prod(shape))
        found[name] = (codes[start : start + size] * np.float32(step)).reshape(shape).astype(np.float32)
        start += size
    return found


def load(build, arrays, kind=names.TRANSFORMER):
    return fill(build, InMemory(arrays), kind)


QUICK = {"xla_backend_optimization_level": 0}
"""Compiling is what such tests wait for: a third of the time, the same numbers to rounding."""


def run(module, *inputs, method=None, **named):
    """The module, compiled; NumPy in, NumPy out."""
    graph, state = nnx.split(module)

    @partial(jax.jit, compiler_options=QUICK)
    def call(state, inputs, named):
        module = nnx.merge(graph, state)
        return (module if method is None else getattr(module, method))(*inputs, **named)

    made = call(state, [jnp.asarray(x) for x in inputs], {k: jnp.asarray(v) for k, v in named.items()})
    return jax.tree.map(np.asarray, made)


def off(made, truth):
    """Root mean square of the difference relative to the truth's, and the largest difference."""
    difference = np.asarray(made, np.float64) - truth
    return np.sqrt((difference**2).mean() / (truth.astype(np.float64) ** 2).mean()), np.abs(difference).max()


def agrees(made, truth):
    relative, largest = off(made, truth)
    return made.shape == truth.shape and relative <= RELATIVE and largest <= LARGEST
