"""Training of Wan, all of it or adapters, on clips whose motion is known.

A sample at level sigma is x = (1 - sigma) z + sigma n; the loss is the square error of the velocity n - z, weighted
over the picture. Levels are even, shifted as in sampling (:mod:`i2v.diffusion.flow_matching`). Identity: the loss
counts on the subject, and a share of the examples is of other things, so that the class does not become the subject
(Ruiz et al., DreamBooth, 2023, section 3.2). A share is told nothing, which guidance needs.

Every batch follows from (seed, step), and checkpoints hold the whole state: a resumed run is the run itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding

from i2v.diffusion.flow_matching import TRAINED, shifted
from i2v.models.lora import Adapter, LoraParam, attach, attached, new_adapter
from i2v.models.wan.fill import Placement
from i2v.models.wan.lora import TARGETS
from i2v.models.wan.motion import latent_noise
from i2v.models.wan.painter import WanPainter, filled_up
from i2v.models.wan.pipeline import Told, asked, encoded, latent_size
from i2v.models.wan.sharding import spread
from i2v.models.wan.transformer import WanTransformer
from i2v.training.config import WanTrainConfig
from i2v.training.loop import Run, State, adamw, updated
from physim.conditions import Conditions


@dataclass(frozen=True)
class WanExample:
    """One clip as the network sees it. All examples of a run have the same sizes and are told the same kinds."""

    latents: np.ndarray
    """(t, h, w, c): the truth, encoded."""
    told: Told
    """With a batch axis of 1."""
    without: Told | None = None
    """What is told when nothing is told; ``None``: the same with zeros for text and for what is beside the sample."""
    mask: np.ndarray | None = None
    """(t, h, w) in [0, 1]: where the subject is; ``None``: everywhere."""
    flow: np.ndarray | None = None
    """(T, H, W, 2) [pixels/frame]: the noise is carried along it; ``None``: fresh noise."""
    occlusion: np.ndarray | None = None
    """(T, H, W), with ``flow``."""


Source = Sequence[WanExample] | Callable[[np.random.Generator], WanExample]
"""Examples to choose from, or a function that makes one."""


def velocity_loss(network: WanTransformer, batch: dict[str, Any]) -> jax.Array:
    """Mean over clips of the weighted mean square error of the velocity.

    Args:
        network: See :class:`WanTransformer`.
        batch: ``latents`` and ``noise`` (b, t, h, w, c), ``sigma`` (b,), ``weight`` (b, t, h, w), ``told``.
    """
    sigma = batch["sigma"][:, None, None, None, None]
    x = (1 - sigma) * batch["latents"] + sigma * batch["noise"]
    predicted = asked(network, x, TRAINED * batch["sigma"], batch["told"])
    error = ((predicted - (batch["noise"] - batch["latents"])) ** 2).mean(-1)
    weight = batch["weight"]
    if batch["told"].first is not None:
        weight = jnp.asarray(weight).at[:, 0].set(0)  # given, not predicted
    each = (weight * error).sum((1, 2, 3)) / jnp.maximum(weight.sum((1, 2, 3)), 1e-6)
    return each.mean()


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(3,))
def train_step(graph: nnx.GraphDef, config: WanTrainConfig, rest: Any, state: State, batches: Any, rate: jax.Array):
    """One update from ``batches``, which have a leading axis over what is accumulated; returns state and loss."""

    def one(parameters: Any, batch: Any) -> jax.Array:
        return velocity_loss(nnx.merge(graph, parameters, rest), batch)

    def added(total: Any, batch: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, jax.value_and_grad(one)(state["parameters"], batch)), None

    nothing = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, state["parameters"]))
    total, _ = jax.lax.scan(added, nothing, batches)
    value, gradient = jax.tree.map(lambda a: a / config.accumulate, total)
    return updated(state, gradient, adamw(config.weight_decay), rate, config.ema), value


class WanTrainer(Run):
    """A run that can stop and go on.

    Args:
        network: Trained in a copy, in its own type (bfloat16: weights and activations within a step); what is trained
            is kept in float32. Adapters that are attached stay as they are if ``config.rank`` is ``None`` (then
            nothing but they is trained), else they are taken off and new ones are trained.
        config: The run.
        examples: What to learn.
        folder: For checkpoints; a run that is there is continued.
        prior: What must not change: examples of the class that are not the subject.
        placement: Spreads weights, what is trained and its moments over devices, of several hosts after
            `jax.distributed.initialize`; see :func:`i2v.models.wan.sharding.spread_weights`. A mesh with 'data' spreads
            the clips of a batch. Any number of devices reads the checkpoints of any other.

    Raises:
        ValueError: A batch that does not divide over the devices of 'data'.
    """

    def __init__(
        self,
        network: WanTransformer,
        config: WanTrainConfig,
        examples: Source,
        folder: str | Path,
        *,
        prior: Source | None = None,
        placement: Placement | None = None,
    ) -> None:
        self.config, self.examples, self.prior = config, examples, prior
        self._everywhere = None if placement is None else placement("", ())
        network = nnx.clone(network)
        if config.rank is not None:
            attach(network, [(new_adapter(network, config.rank, seed=config.seed, targets=TARGETS), 1.0)])
        network.remat = config.remat
        if placement is not None:
            _check_batch(config, placement)
            spread(network, placement)
        adapted = bool(attached(network).down)
        self.graph, parameters, self.rest = nnx.split(network, LoraParam if adapted else nnx.Param, ...)
        self.own_types = jax.tree.map(lambda p: p.dtype, parameters)
        super().__init__(config, jax.tree.map(lambda p: p.astype(jnp.float32), parameters), folder)

    def _placed(self, state: State) -> State:
        """Scalars and whatever is not spread is on all devices of the mesh."""
        if self._everywhere is None:
            return state
        mesh = self._everywhere.device_set
        there = lambda a: a if a.sharding.device_set == mesh else jax.device_put(a, self._everywhere)  # noqa: E731
        state = jax.tree.map(there, state)
        self._where = jax.tree.map(lambda a: a.sharding, state)
        return state

    def network(self) -> WanTransformer:
        """The network with averaged weights, adapters attached."""
        average = jax.tree.map(lambda p, dtype: p.astype(dtype), self.state["average"], self.own_types)
        network = nnx.merge(self.graph, average, self.rest)
        network.remat = False
        return network

    def adapter(self) -> Adapter:
        """The averaged adapters, to be saved by :func:`i2v.models.wan.lora.save_adapter`."""
        return attached(self.network())

    def _update(self, batch: dict[str, Any], rate: jax.Array) -> jax.Array:
        if self._everywhere is not None:
            batch = jax.device_put(batch, NamedSharding(_mesh(self._everywhere), PartitionSpec(None, "data")))
        self.state, value = train_step(self.graph, self.config, self.rest, self.state, batch, rate)
        if self._everywhere is not None:  # the compiler may have moved parts: a resumed run begins where this goes on
            self.state = jax.device_put(self.state, self._where)
        return value

    def _batch(self, step: int) -> dict[str, Any]:
        """All clips of a step, (accumulate, batch, ...)."""
        c = self.config
        rng = np.random.default_rng([c.seed, step])
        drawn = [self._drawn(rng) for _ in range(c.accumulate * c.batch)]
        stacked = jax.tree.map(lambda *parts: np.stack(parts), *drawn)
        return jax.tree.map(lambda a: a.reshape(c.accumulate, c.batch, *a.shape[1:]), stacked)

    def _drawn(self, rng: np.random.Generator) -> dict[str, Any]:
        c, source = self.config, self.examples
        if self.prior is not None and rng.random() < c.prior_share:
            source = self.prior
        example = source(rng) if callable(source) else source[int(rng.integers(len(source)))]
        latents = np.asarray(example.latents, np.float32)
        told = told_nothing(example) if rng.random() < c.drop else example.told
        mask = np.ones(latents.shape[:3], np.float32) if example.mask is None else example.mask
        if example.flow is None or example.occlusion is None:
            noise = rng.standard_normal(latents.shape, dtype=np.float32)
        else:
            noise = latent_noise(
                example.flow,
                example.occlusion,
                latents.shape[:3],
                channels=latents.shape[3],
                rng=rng,
                degradation=rng.uniform(*c.degradation),
                time=c.noise_stride,
            )
        return {
            "latents": latents,
            "noise": noise,
            "sigma": np.float32(shifted(rng.uniform(1 / TRAINED, 1), c.shift)),
            "weight": (c.background + (1 - c.background) * mask).astype(np.float32),
            "told": jax.tree.map(lambda a: np.asarray(a)[0], told),
        }


def _mesh(sharding: Sharding) -> Mesh:
    assert isinstance(sharding, NamedSharding)
    assert isinstance(sharding.mesh, Mesh)
    return sharding.mesh


def _check_batch(config: WanTrainConfig, placement: Placement) -> None:
    count = _mesh(placement("", ())).shape["data"]
    if config.batch % count:
        raise ValueError(f"batch is {config.batch}, expected a multiple of {count}, the devices of 'data'.")


def told_nothing(example: WanExample) -> Told:
    """What the example is told when it is told nothing."""
    if example.without is not None:
        return example.without
    beside = example.told.beside
    return replace(
        example.told,
        text=jnp.zeros_like(example.told.text),
        beside=None if beside is None else jnp.zeros_like(beside),
    )


def example_of(
    painter: WanPainter, conditions: Conditions, truth: np.ndarray | None = None, *, subject: int | None = None
) -> WanExample:
    """A simulated clip as a painter would tell it, with the truth it should have painted.

    Args:
        painter: Its prompt, form of motion and autoencoder are used.
        conditions: Of the clip; edges and frames are filled up as the painter does.
        truth: (T, H, W, 3) sRGB in [0, 1]; default: the coarse render.
        subject: Number of the entity the loss counts on; default: everything.
    """
    config = painter.vae.config
    if truth is not None:
        conditions = replace(conditions, coarse=truth)
    whole = filled_up(conditions, config.time, 2 * config.space)
    size = latent_size(config, *whole.coarse.shape[:3])
    told, without = painter.tell(whole, size)
    mask = None
    if subject is not None:
        mask = latent_mask(whole.ids == subject, config.time, config.space)
    carried = painter.motion == "noise"
    return WanExample(
        np.asarray(encoded(painter.vae, 2 * whole.coarse[None] - 1))[0],
        told,
        without,
        mask,
        whole.flow if carried else None,
        whole.occlusion if carried else None,
    )


def latent_mask(mask: np.ndarray, time: int, space: int) -> np.ndarray:
    """Share of each latent cell that is in the mask (T, H, W), T = 1 + time n: (t, h, w) float32."""
    frames, rows, cols = mask.shape
    cells = np.asarray(mask, np.float32).reshape(frames, rows // space, space, cols // space, space).mean((2, 4))
    later = cells[1:].reshape(-1, time, *cells.shape[1:]).mean(1)
    return np.concatenate([cells[:1], later])
