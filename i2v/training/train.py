"""Training loop of the bundled model: ``python -m i2v.training.train --data DIR --out DIR --minutes M``.

The loss is quadratic (error of the residual and of its change from frame to frame), so its minimum is the posterior
mean that the sampler needs. Every batch follows from (seed, step), so a resumed run is the run itself, bit by bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from i2v.diffusion.bridge import bridge_state
from i2v.maps import Strength
from i2v.models.bundled import save_model
from i2v.models.unet import ResidualUNet, UNetConfig
from i2v.training.calibrate import best_strength
from i2v.training.data import Batch, TrainingClip, load_clips, sample_batch
from i2v.training.loop import Checkpoints, adamw, begun, updated, warm_cosine


@dataclass(frozen=True)
class TrainConfig:
    network: UNetConfig = field(default_factory=UNetConfig)
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
    """Weight of the error of the change from frame to frame."""
    background_weight: float = 0.02
    """Weight of pixels the gate shuts."""
    save_every: int = 500
    """Steps between checkpoints."""
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError(f"give exactly one of steps ({self.steps}) and minutes ({self.minutes}).")


def loss(network: ResidualUNet, batch: dict[str, jax.Array], config: TrainConfig) -> jax.Array:
    """Weighted mean square error of the predicted residual, in its own units."""
    t = batch["time"][:, None, None, None, None]
    x = bridge_state(batch["residual"], batch["noise"], batch["scale"], t)
    valid = jnp.ones(x.shape[:2])
    predicted = network(x, batch["time"], network.context(batch["maps"], batch["liquid"]), valid)
    error = predicted - batch["residual"]
    weight = (config.background_weight + batch["weight"])[..., None]
    still = (weight * error**2).mean() / weight.mean()
    shared = jnp.minimum(weight[:, 1:], weight[:, :-1])
    moving = (shared * (error[:, 1:] - error[:, :-1]) ** 2).mean() / weight.mean()
    return still + config.motion_weight * moving


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2,))
def train_step(graph: nnx.GraphDef, config: TrainConfig, state: dict[str, Any], batch: Batch, rate: jax.Array):
    """One update of parameters, their moving average and the optimizer; returns the state and the loss."""
    value, gradient = jax.value_and_grad(lambda p: loss(nnx.merge(graph, p), batch, config))(state["parameters"])
    return updated(state, gradient, adamw(config.weight_decay), rate, config.ema), value


def learning_rate(config: TrainConfig, step: int, progress: float) -> float:
    """Linear warm-up by steps, cosine to zero by progress in [0, 1]."""
    return warm_cosine(config.learning_rate, config.warmup, step, progress)


class Trainer:
    """A run that can stop and go on: everything it needs is in its checkpoints."""

    def __init__(self, config: TrainConfig, clips: Sequence[TrainingClip], folder: Path) -> None:
        self.config, self.clips = config, clips
        self.folder = Path(folder).resolve()
        network = ResidualUNet(config.network, rngs=nnx.Rngs(config.seed))
        self.graph, parameters = nnx.split(network, nnx.Param)
        self.state = begun(parameters, adamw(config.weight_decay))
        self.seconds = 0.0
        """Time spent in all runs together."""
        self.checkpoints = Checkpoints(self.folder / "checkpoints")
        saved = self.checkpoints.restored(self.state)
        if saved is not None:
            self.state, self.seconds = saved

    @property
    def step(self) -> int:
        return int(self.state["step"])

    def progress(self, step: int) -> float:
        """Done share of the run, 0 to 1."""
        if self.config.steps is not None:
            return step / self.config.steps
        assert self.config.minutes is not None
        return self.seconds / (60 * self.config.minutes)

    def run(self, *, stop_at: int | None = None, on_step: Callable[[int, float, float], None] | None = None) -> None:
        """Train to the end of the run, or to step ``stop_at``, and save.

        Args:
            stop_at: Step to stop at.
            on_step: ``on_step(step, loss, progress)`` after every step.
        """
        step, begun = self.step, time.monotonic() - self.seconds
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self._batch, step)
            while self.progress(step) < 1 and step != stop_at:
                batch, pending = pending.result(), pool.submit(self._batch, step + 1)
                rate = jnp.float32(learning_rate(self.config, step, self.progress(step)))
                self.state, value = train_step(self.graph, self.config, self.state, batch, rate)
                step += 1
                now = float(value)
                if not np.isfinite(now):
                    raise FloatingPointError(f"loss is {now} at step {step}; lower learning_rate or check the clips.")
                self.seconds = time.monotonic() - begun
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
        about = {"steps": str(self.step), "clips": str(len(self.clips)), "seed": str(self.config.seed), **about}
        return save_model(path, self.network(), strength=strength, about=about)

    def _batch(self, step: int) -> Batch:
        c = self.config
        rng = np.random.default_rng([c.seed, step])
        return sample_batch(self.clips, rng, batch=c.batch, side=c.side, frames=c.frames)


@dataclass
class Arguments:
    """Train the bundled model on shards written by ``python -m physim.dataset``."""

    data: Path
    """Folder of .npz shards."""
    out: Path
    """Folder for checkpoints and model.safetensors; an unfinished run there is continued."""
    calibration: Path | None = None
    """Folder of shards with textures that training does not see, for the strength of each region; without, it is 1."""
    minutes: float = 30.0
    """Length of the run."""
    batch: int = 4
    """Crops per step."""
    seed: int = 0


def main() -> None:
    import tyro
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    arguments = tyro.cli(Arguments)
    clips = load_clips(arguments.data, seed=arguments.seed)
    config = TrainConfig(minutes=arguments.minutes, batch=arguments.batch, seed=arguments.seed)
    trainer = Trainer(config, clips, arguments.out)
    columns = [TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()]
    with Progress(*columns) as bar:
        task, recent = bar.add_task("training", total=1.0), []

        def show(step: int, value: float, progress: float) -> None:
            recent.append(value)
            mean = np.mean(recent[-200:])
            bar.update(task, completed=progress, description=f"step {step}  loss {mean:.4f}")

        trainer.run(on_step=show)
    strength = None
    if arguments.calibration is not None:
        strength = best_strength(trainer.network(), load_clips(arguments.calibration))
    trainer.export(arguments.out / "model.safetensors", strength=strength, data=arguments.data.name)


if __name__ == "__main__":
    main()
