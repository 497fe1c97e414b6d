"""What training loops share: the update with its moving average, the rate, checkpoints that hold all of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp

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
