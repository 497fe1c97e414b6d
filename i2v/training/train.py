"""Training loop of the bundled model: ``i2v train --data DIR --out DIR --minutes M``, on CPU and GPU alike.

The loss is quadratic (error of the residual and of its change along time), so its minimum is the posterior mean that
the sampler needs. Every batch follows from (seed, step), so a resumed run is the run itself, bit by bit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v import weights as weight_file
from i2v.diffusion.bridge import bridge_state
from i2v.maps import Strength
from i2v.models.aligned import fetched, route
from i2v.models.bundled import build, save_model
from i2v.models.lora import Adapter, LoraParam, attach, attached, merge, new_adapter
from i2v.models.unet import ResidualUNet
from i2v.training.config import TrainConfig
from i2v.training.data import Batch, TrainingClip, sample_batch
from i2v.training.loop import Run, State, adamw, updated
from i2v.training.resident import ResidentClips

FLOW_SCALE = 0.4
"""Noise of the plain rectified flow, everywhere: about the rms of what is to be painted."""


def loss(network: ResidualUNet, batch: dict[str, jax.Array], config: TrainConfig) -> jax.Array:
    """Weighted mean square error of the predicted residual, in its own units."""
    x, time_ = _state(batch, config)
    kind = jnp.bfloat16 if config.half else jnp.float32
    maps, liquid, edge = (batch[name].astype(kind) for name in ("maps", "liquid", "edge"))
    context = network.context(maps, liquid, edge, batch["motion"])
    valid = jnp.ones(x.shape[:2], kind)
    predicted = network(x.astype(kind), time_.astype(kind), context, valid).astype(jnp.float32)
    error = predicted - batch["residual"]
    weight = (config.background + batch["weight"])[..., None]
    total = (weight * error**2).mean() / weight.mean()
    if config.motion_weight:
        shared = jnp.minimum(weight[:, 1:], weight[:, :-1])
        total += config.motion_weight * (shared * (error[:, 1:] - error[:, :-1]) ** 2).mean() / weight.mean()
    if config.along_weight:
        before = route(batch["motion"][:, 1:, ..., :3], 1)
        seen = before["weight"].sum(2).reshape(error[:, 1:].shape[:-1])[..., None]
        change = seen * error[:, 1:] - fetched(error[:, :-1], before)
        total += config.along_weight * (weight[:, 1:] * change**2).mean() / weight.mean()
    return total


def _state(batch: dict[str, jax.Array], config: TrainConfig) -> tuple[jax.Array, jax.Array]:
    """What the network is given, and its time (B,)."""
    if config.objective == "regression":
        return jnp.zeros_like(batch["residual"]), jnp.zeros_like(batch["time"])
    scale = batch["scale"] if config.objective == "bridge" else FLOW_SCALE
    t = batch["time"][:, None, None, None, None]
    return bridge_state(batch["residual"], batch["noise"], scale, t), batch["time"]


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(3,))
def train_step(
    graph: nnx.GraphDef, config: TrainConfig, rest: Any, state: State, batch: Batch, rate: jax.Array
) -> tuple[State, jax.Array]:
    """One update of what is trained, its moving average and the optimizer; returns the state and the loss."""

    def value_of(parameters):
        kind = jnp.bfloat16 if config.half else jnp.float32
        whole = jax.tree.map(lambda p: p.astype(kind), (parameters, rest))
        return loss(nnx.merge(graph, *whole), batch, config)

    value, gradient = jax.value_and_grad(value_of)(state["parameters"])
    return updated(state, gradient, adamw(config.weight_decay), rate, config.ema), value


class Trainer(Run):
    """A run that can stop and go on: everything it needs is in its checkpoints.

    Args:
        config: Of the run; with ``rank``, adapters are trained and the network stays as it is.
        clips: To train on.
        folder: For checkpoints, ``config.json`` and ``loss.csv``.
        start: Weights to begin from; what they lack begins as in an untrained network.
        prior: Clips of other things, of which ``config.prior_share`` of the examples are taken.

    Raises:
        ValueError: The folder holds a run of another configuration.
    """

    def __init__(
        self,
        config: TrainConfig,
        clips: Sequence[TrainingClip],
        folder: Path,
        *,
        start: Path | None = None,
        prior: Sequence[TrainingClip] = (),
    ) -> None:
        self.config, self.clips, self.prior = config, clips, prior
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._same_run()
        network = build(config.network, seed=config.seed)
        if start is not None:
            _begin_from(network, start)
        if config.rank is not None:
            attach(network, [(new_adapter(network, config.rank, seed=config.seed), 1.0)])
        learnt = nnx.Param if config.rank is None else LoraParam
        self.graph, parameters, self.rest = nnx.split(network, learnt, ...)
        super().__init__(config, parameters, self.folder / "checkpoints")
        self._resident = ResidentClips(clips) if config.resident else None
        self._resident_prior = ResidentClips(prior) if config.resident and prior else None

    def _same_run(self) -> None:
        """Write the configuration beside the checkpoints, or compare: only the length of a run may change."""
        path, mine = self.folder / "config.json", self.config.said()
        if path.exists():
            other = json.loads(path.read_text(encoding="utf-8"))
            free = {"steps", "minutes", "save_every", "resident"}
            plain = json.loads(json.dumps(mine))
            wrong = [
                f"{n} was {other.get(n)}, is {plain[n]}" for n in plain if n not in free and other.get(n) != plain[n]
            ]
            if wrong:
                raise ValueError(f"{self.folder} holds another run: {'; '.join(wrong)}. Choose another folder.")
        path.write_text(json.dumps(mine, indent=1), encoding="utf-8")

    def progress(self, step: int) -> float:
        """Done share of the run, 0 to 1."""
        if self.config.minutes is None:
            return super().progress(step)
        return self.seconds / (60 * self.config.minutes)

    def network(self) -> ResidualUNet:
        """The network with averaged weights, adapters attached."""
        return nnx.merge(self.graph, self.state["average"], self.rest)

    def adapter(self) -> Adapter:
        """The averaged adapters, to be saved by :func:`i2v.models.lora_files.save_adapter`."""
        return attached(self.network())

    def export(self, path: Path, *, strength: Strength | None = None, **about: str) -> Path:
        """Write the averaged weights for :class:`i2v.models.bundled.BundledModel`, adapters made part of them."""
        config = json.dumps(self.config.said())
        about = {"steps": str(self.step), "clips": str(len(self.clips)), "seed": str(self.config.seed), **about}
        about |= {"training": config, "objective": self.config.objective, "seconds": f"{self.seconds:.0f}"}
        network = nnx.clone(self.network())
        merge(network)
        return save_model(path, network, strength=strength, about=about)

    def _update(self, batch: Batch, rate: jax.Array) -> jax.Array:
        self.state, value = train_step(self.graph, self.config, self.rest, self.state, batch, rate)
        return value

    def _batch(self, step: int) -> Batch | dict[str, jax.Array]:
        c = self.config
        rng = np.random.default_rng([c.seed, step])
        counts = [c.batch, 0]
        if self.prior:
            counts[1] = int((rng.random(c.batch) < c.prior_share).sum())
            counts[0] -= counts[1]
        sources = ((self.clips, self._resident, counts[0]), (self.prior, self._resident_prior, counts[1]))
        parts = []
        for clips, resident, count in sources:
            if not count:
                continue
            size: dict[str, Any] = {"batch": count, "side": c.side, "frames": c.frames, "at_zero": c.at_zero}
            parts.append(sample_batch(clips, rng, **size) if resident is None else resident.batch(rng, **size))
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _begin_from(network: ResidualUNet, path: Path) -> None:
    """Put the weights of a file into a network; parameters that the file lacks stay as they are."""
    flat, _ = weight_file.load(path)
    weight_file.assign(network, {**weight_file.flatten(network), **flat}, origin=str(path))


def main(argv: list[str] | None = None) -> None:
    """The command ``i2v train``."""
    from i2v.training.command import main as command

    command(argv)


if __name__ == "__main__":
    main()
