"""Few-step sampler of the bridge: an exponential integrator for x-prediction, first or second order."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from i2v.diffusion.bridge import timesteps

Denoiser = Callable[[Any, float], Any]
"""(x_t, t) → prediction of the residual, same shape."""
StepEnd = Callable[[int, float, Any], Any]
"""(step, time reached, current x) → ``None``, or what to go on with instead of x."""


def sample(
    denoise: Denoiser,
    start: Any,
    *,
    num_inference_steps: int = 4,
    order: int = 1,
    callback_on_step_end: StepEnd | None = None,
) -> Any:
    """Follow dx/dt = (D(x, t) - x) / (1 - t) from t = 0 to 1. Deterministic; one network call per step.

    Order 1 holds D constant over a step, which is exact for the linear part (DDIM in this schedule). Order 2 lets D
    change linearly in t, with the slope of the last two calls, except in the last step (Lu et al., "DPM-Solver++",
    2022, section 4.2 "2M", re-derived for this schedule).

    Args:
        denoise: The network.
        start: x_0 = scale x noise, NumPy or JAX array.
        num_inference_steps: Steps; 1 returns ``denoise(start, 0)``, the regression answer.
        order: 1 or 2.
        callback_on_step_end: Called after every step.

    Returns:
        x_1, an array like ``start``.

    Raises:
        ValueError: A bad number of steps or order.
    """
    if order not in (1, 2):
        raise ValueError(f"order is {order}, expected 1 or 2.")
    times = timesteps(num_inference_steps)
    x, last = start, None
    for step, (now, then) in enumerate(pairwise(times)):
        prediction = denoise(x, float(now))
        left = (1 - then) / (1 - now)
        x_next = left * x + (1 - left) * prediction
        if order == 2 and last is not None and then < 1:
            slope = (prediction - last[0]) / (now - last[1])
            # Integral of (tau - now) / (1 - tau)^2, times (1 - then).
            x_next = x_next + slope * ((then - now) + (1 - then) * math.log(left))
        last = (prediction, now)
        x = x_next
        if callback_on_step_end is not None:
            replaced = callback_on_step_end(step, float(then), x)
            x = x if replaced is None else replaced
    return x
