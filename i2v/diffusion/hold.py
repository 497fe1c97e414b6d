"""Starting from the coarse render, and keeping parts of it: what the simulation knows is not invented again.

A render z noised to level sigma is (1 - sigma) z + sigma n: a sample that has the render's layout and the freedom of
that level (Meng et al., SDEdit, 2022, with the rectified flow's noise). Regions may have less freedom than others: they
are put back to the noised render at every level above their own strength, so the flow takes them up only from there on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from i2v.diffusion.flow_matching import Schedule
from i2v.diffusion.flow_sampler import Hold


def noised(render: Any, noise: Any, sigma: float) -> Any:
    """The render at a level."""
    return (1 - sigma) * render + sigma * noise


def first_step(schedule: Schedule, strength: float) -> int:
    """The first step whose level is not above ``strength``; all steps at strength 1.

    Raises:
        ValueError: A strength outside (0, 1], or below the schedule's last level.
    """
    if not 0 < strength <= 1:
        raise ValueError(f"strength is {strength}, expected more than 0 (the render itself) up to 1 (noise alone).")
    found = np.flatnonzero(schedule.sigmas[:-1] <= max(strength, float(schedule.sigmas[0]) if strength == 1 else 0))
    if not len(found):
        raise ValueError(
            f"strength {strength} lies below the last level {schedule.sigmas[-2]:.3f} of {schedule.steps} steps; take "
            f"more steps, or keep the render."
        )
    return int(found[0])


def held_by_strength(render: Any, noise: Any, strength: Any) -> Hold:
    """Put regions back to the noised render as long as the level is above their strength.

    Args:
        render: Latents of the coarse render.
        noise: Unit noise like it.
        strength: (t, h, w, 1) or alike in [0, 1]: 0 keeps the render, 1 is free.
    """
    return lambda x, sigma, step: _chosen(strength < sigma, noised(render, noise, sigma), x, keep=strength <= 0)


def dropped_in(render: Any, noise: Any, mask: Any, steps: frozenset[int] | set[int]) -> Hold:
    """Put the noised render in where ``mask`` is true, before the given steps only.

    Args:
        render: Latents.
        noise: Unit noise like it.
        mask: (t, h, w, 1) bool.
        steps: Numbers of steps; the schedule's number of steps is the end.
    """
    return lambda x, sigma, step: _where(mask, noised(render, noise, sigma), x) if step in steps else x


def _chosen(above: Any, render: Any, x: Any, *, keep: Any) -> Any:
    return _where(above | keep, render, x)


def _where(mask: Any, first: Any, second: Any) -> Any:
    if isinstance(second, np.ndarray):
        return np.where(mask, first, second)
    import jax.numpy as jnp

    return jnp.where(mask, first, second)
