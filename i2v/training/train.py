"""Training loop of the bundled model: ``i2v train --data DIR --out DIR --minutes M``, on CPU and GPU alike.

The loss is quadratic (error of the residual and of its change along time), so its minimum is the posterior mean that
the sampler needs. Every batch follows from (seed, step), so a resumed run is the run itself, bit by bit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v import weights as weight_file
from i2v.diffusion.bridge import bridge_state
from i2v.maps import Strength
from i2v.models.aligned import AlignedConfig, fetched, route
from i2v.models.bundled import build, kind_of, save_model
from i2v.models.unet import ResidualUNet, UNetConfig
from i2v.training.data import Batch, TrainingClip, sample_batch
from i2v.training.loop import Checkpoints, adamw, begun, updated, warm_cosine
from i2v.training.resident import ResidentClips

Objective = Literal["bridge", "regression", "flow"]
FLOW_SCALE = 0.4
"""Noise of the plain rectified flow, everywhere: about the rms of what is to be painted."""


@dataclass(frozen=True)
class TrainConfig:
    network: UNetConfig = field(default_factory=UNetConfig)
    objective: Objective = "bridge"
    """Noise where the picture is a guess, a quarter of the samples at time 0; no noise; or even noise everywhere."""
    steps: int | None = None
    """Length of the run; or give ``minutes``."""
    minutes: float | None = None
    """Length of the run by the clock; the learning rate then follows the clock too."""
    batch: int = 4
    side: int = 64
    """Of the square crops [pixels]."""
    frames: int = 8
    learning_rate: float = 1.5e-3
    warmup: int = 100
    """Steps."""
    weight_decay: float = 1e-3
    ema: float = 0.997
    motion_weight: float = 0.25
    """Weight of the error of the change from frame to frame, at one place."""
    along_weight: float = 0.0
    """Weight of the error of the change along the true motion."""
    background_weight: float = 0.02
    """Weight of pixels the gate shuts."""
    save_every: int = 500
    """Steps between checkpoints."""
    half: bool = False
    """Compute in bfloat16; parameters, their average and the optimizer stay float32."""
    resident: bool = False
    """Keep all clips in the memory of the device and cut batches there."""
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError(f"give exactly one of steps ({self.steps}) and minutes ({self.minutes}).")
        if self.objective not in ("bridge", "regression", "flow"):
            raise ValueError(f"objective is {self.objective!r}, expected bridge, regression or flow.")

    @property
    def with_edges(self) -> bool:
        """Whether the network paints outlines."""
        return isinstance(self.network, AlignedConfig)

    def said(self) -> dict[str, Any]:
        """As plain data; what a run can be resumed with is the same."""
        return {**asdict(self), "network": {"kind": kind_of(self.network), **asdict(self.network)}}


def loss(network: ResidualUNet, batch: dict[str, jax.Array], config: TrainConfig) -> jax.Array:
    """Weighted mean square error of the predicted residual, in its own units."""
    x, time_ = _state(batch, config)
    kind = jnp.bfloat16 if config.half else jnp.float32
    maps, liquid, edge = (batch[name].astype(kind) for name in ("maps", "liquid", "edge"))
    context = network.context(maps, liquid, edge, batch["motion"])
    valid = jnp.ones(x.shape[:2], kind)
    predicted = network(x.astype(kind), time_.astype(kind), context, valid).astype(jnp.float32)
    error = predicted - batch["residual"]
    weight = (config.background_weight + batch["weight"])[..., None]
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


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2,))
def train_step(graph: nnx.GraphDef, config: TrainConfig, state: dict[str, Any], batch: Batch, rate: jax.Array):
    """One update of parameters, their moving average and the optimizer; returns the state and the loss."""

    def value_of(parameters):
        kind = jnp.bfloat16 if config.half else jnp.float32
        return loss(nnx.merge(graph, jax.tree.map(lambda p: p.astype(kind), parameters)), batch, config)

    value, gradient = jax.value_and_grad(value_of)(state["parameters"])
    return updated(state, gradient, adamw(config.weight_decay), rate, config.ema), value


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Linear warm-up by steps, cosine to zero by progress in [0, 1]."""
    return warm_cosine(config.learning_rate, config.warmup, step, progress)


class Trainer:
    """A run that can stop and go on: everything it needs is in its checkpoints.

    Args:
        config: Of the run.
        clips: To train on.
        folder: For checkpoints, ``config.json`` and ``loss.csv``.
        start: Weights to begin from; what they lack begins as in an untrained network.

    Raises:
        ValueError: The folder holds a run of another configuration.
    """

    def __init__(
        self, config: TrainConfig, clips: Sequence[TrainingClip], folder: Path, *, start: Path | None = None
    ) -> None:
        self.config, self.clips = config, clips
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._same_run()
        network = build(config.network, seed=config.seed)
        if start is not None:
            _begin_from(network, start)
        self.graph, parameters = nnx.split(network, nnx.Param)
        self.state = begun(parameters, adamw(config.weight_decay))
        self.seconds = 0.0
        """Time spent in all runs together."""
        self.checkpoints = Checkpoints(self.folder / "checkpoints")
        saved = self.checkpoints.restored(self.state)
        if saved is not None:
            self.state, self.seconds = saved
        self._resident = ResidentClips(clips) if config.resident else None

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

    @property
    def step(self) -> int:
        return int(self.state["step"])

    def progress(self, step: int) -> float:
        """Done share of the run, 0 to 1."""
        if self.config.steps is not None:
            return step / self.config.steps
        assert self.config.minutes is not None
        return self.seconds / (60 * self.config.minutes)

    def run(
        self,
        *,
        stop_at: int | None = None,
        seconds: float | None = None,
        on_step: Callable[[int, float, float], None] | None = None,
        look_every: int = 1,
    ) -> None:
        """Train to the end of the run, or to step ``stop_at``, and save.

        Args:
            stop_at: Step to stop at.
            seconds: Time after which to stop and save, to be gone on with later; at least one step is made.
            on_step: ``on_step(step, loss, progress)``.
            look_every: Steps between looks at the loss; a device that is not waited for works ahead meanwhile.
        """
        step, begun, limit = self.step, time.monotonic() - self.seconds, self.seconds + (seconds or np.inf)
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self._batch, step)
            while self.progress(step) < 1 and step != stop_at and self.seconds < limit:
                batch, pending = pending.result(), pool.submit(self._batch, step + 1)
                rate = jnp.float32(learning_rate(self.config, step, self.progress(step)))
                self.state, value = train_step(self.graph, self.config, self.state, batch, rate)
                step += 1
                self.seconds = time.monotonic() - begun
                if step % look_every == 0 or step == stop_at:
                    now = float(value)
                    if not np.isfinite(now):
                        raise FloatingPointError(
                            f"loss is {now} at step {step}; lower learning_rate or check the clips."
                        )
                    if on_step is not None:
                        on_step(step, now, self.progress(step))
                if step % self.config.save_every == 0:
                    self.checkpoints.save(self.state, self.seconds)
        self.checkpoints.save(self.state, self.seconds)
        self.checkpoints.wait()

    def network(self) -> ResidualUNet:
        """The network with averaged weights."""
        return nnx.merge(self.graph, self.state["average"])

    def export(self, path: Path, *, strength: Strength | None = None, **about: str) -> Path:
        """Write the averaged weights for :class:`i2v.models.bundled.BundledModel`."""
        config = json.dumps(self.config.said())
        about = {"steps": str(self.step), "clips": str(len(self.clips)), "seed": str(self.config.seed), **about}
        about |= {"training": config, "objective": self.config.objective, "seconds": f"{self.seconds:.0f}"}
        return save_model(path, self.network(), strength=strength, about=about)

    def _batch(self, step: int) -> Batch | dict[str, jax.Array]:
        c = self.config
        rng = np.random.default_rng([c.seed, step])
        if self._resident is not None:
            return self._resident.batch(rng, batch=c.batch, side=c.side, frames=c.frames)
        return sample_batch(self.clips, rng, batch=c.batch, side=c.side, frames=c.frames)


def _finite(value: float, step: int) -> float:
    if not np.isfinite(value):
        raise FloatingPointError(f"loss is {value} at step {step}; lower learning_rate or check the clips.")
    return value


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
