"""What training runs share: the loop, the update with its moving average, the rate, checkpoints that hold all of it.

Every batch follows from (seed, step), and checkpoints hold the whole state: a resumed run is the run itself.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp

from i2v.training.config import RunConfig

State = dict[str, Any]
"""``parameters``, ``average``, ``optimizer`` and ``step``."""


def adamw(weight_decay: float) -> optax.GradientTransformation:
    """AdamW for a rate of 1; the update multiplies by the rate of the moment."""
    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.scale_by_adam(b2=0.99), optax.add_decayed_weights(weight_decay)
    )


def begun(parameters: Any, transform: optax.GradientTransformation) -> State:
    """The state before the first step."""
    return {
        "parameters": parameters,
        "average": jax.tree.map(jnp.copy, parameters),
        "optimizer": transform.init(parameters),
        "step": jnp.zeros((), jnp.int32),
    }


def updated(
    state: State, gradient: Any, transform: optax.GradientTransformation, rate: jax.Array, keep_average: float
) -> State:
    """One update of parameters, of their moving average and of the optimizer."""
    updates, moments = transform.update(gradient, state["optimizer"], state["parameters"])
    parameters = jax.tree.map(lambda p, u: p - rate * u, state["parameters"], updates)
    step = state["step"] + 1
    keep = jnp.minimum(keep_average, step / (step + 10.0))  # short memory while everything changes fast
    average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, state["average"], parameters)
    return {"parameters": parameters, "average": average, "optimizer": moments, "step": step}


def warm_cosine(rate: float, warmup: int, step: int, progress: float) -> float:
    """Linear warm-up by steps, cosine to zero by progress in [0, 1]."""
    return rate * min(1.0, (step + 1) / warmup) * 0.5 * (1 + np.cos(np.pi * min(progress, 1.0)))


class Checkpoints:
    """The last two states of a run in a folder, with the time spent."""

    def __init__(self, folder: str | Path) -> None:
        self.manager = ocp.CheckpointManager(
            Path(folder).resolve(), options=ocp.CheckpointManagerOptions(max_to_keep=2, create=True)
        )

    def save(self, state: State, seconds: float) -> None:
        """Unless this step is saved already."""
        step = int(state["step"])
        if self.manager.latest_step() != step:
            self.manager.save(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(jax.tree.leaves(state)), clock=ocp.args.JsonSave({"seconds": seconds})
                ),
            )

    def restored(self, state: State) -> tuple[State, float] | None:
        """The last saved state, laid out as ``state``, and the seconds; ``None``: nothing is saved."""
        if self.manager.latest_step() is None:
            return None
        leaves, layout = jax.tree.flatten(state)
        saved = self.manager.restore(
            self.manager.latest_step(),
            args=ocp.args.Composite(state=ocp.args.StandardRestore(leaves), clock=ocp.args.JsonRestore()),
        )
        return jax.tree.unflatten(layout, saved["state"]), saved["clock"]["seconds"]

    def wait(self) -> None:
        """Until everything is on the disk."""
        self.manager.wait_until_finished()


class Run(ABC):
    """A run that can stop and go on; what is trained and on what, its children say.

    Args:
        config: Of the run.
        parameters: What is trained, kept in float32 with a moving average.
        folder: For checkpoints; a run that is there is continued.
    """

    def __init__(self, config: RunConfig, parameters: Any, folder: str | Path) -> None:
        self.state = self._placed(begun(parameters, adamw(config.weight_decay)))
        self.seconds = 0.0
        """Time spent in all runs together."""
        self._loop = config
        self.checkpoints = Checkpoints(folder)
        saved = self.checkpoints.restored(self.state)
        if saved is not None:
            self.state, self.seconds = saved

    def _placed(self, state: State) -> State:
        """The state where it belongs, before anything is restored into it."""
        return state

    @abstractmethod
    def _batch(self, step: int) -> Any:
        """What the step learns from; made beside the step before it."""

    @abstractmethod
    def _update(self, batch: Any, rate: jax.Array) -> jax.Array:
        """One step of :attr:`state`; returns the loss."""

    @property
    def step(self) -> int:
        return int(self.state["step"])

    def progress(self, step: int) -> float:
        """Done share of the run, 0 to 1."""
        assert self._loop.steps is not None
        return step / self._loop.steps

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

        Raises:
            FloatingPointError: The loss is not finite any more.
        """
        told, step = self._loop, self.step
        begun, limit = time.monotonic() - self.seconds, self.seconds + (seconds or np.inf)
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self._batch, step)
            while self.progress(step) < 1 and step != stop_at and self.seconds < limit:
                batch, pending = pending.result(), pool.submit(self._batch, step + 1)
                value = self._update(
                    batch, jnp.float32(warm_cosine(told.learning_rate, told.warmup, step, self.progress(step)))
                )
                step += 1
                self.seconds = time.monotonic() - begun
                if step % look_every == 0 or step == stop_at:
                    now = finite(float(value), step)
                    if on_step is not None:
                        on_step(step, now, self.progress(step))
                if step % told.save_every == 0:
                    self.checkpoints.save(self.state, self.seconds)
        self.checkpoints.save(self.state, self.seconds)
        self.checkpoints.wait()


def finite(value: float, step: int) -> float:
    """The loss, if it is a number."""
    if not np.isfinite(value):
        raise FloatingPointError(f"loss is {value} at step {step}; lower learning_rate or check the clips.")
    return value
