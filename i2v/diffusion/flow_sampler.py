"""The loop of a rectified flow: from noise, or from a noised render, to latents, with any of the solvers.

``velocity`` is asked once per step. What is held in place (:mod:`i2v.diffusion.hold`) is put back before every call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from i2v.diffusion.flow_matching import Schedule, unipc_numbers
from i2v.diffusion.sampler import StepEnd

Velocity = Callable[[Any, float, int], Any]
"""(x, time the network is told, step) → velocity prediction, like ``x``."""
Hold = Callable[[Any, float, int], Any]
"""(x, sigma, step) → x with some of it put back."""
Renoise = Callable[[int], Any]
"""Step → unit noise for the level that step begins with, like ``x``."""


def sample_flow(
    velocity: Velocity,
    start: Any,
    schedule: Schedule,
    *,
    renoise: Renoise | None = None,
    hold: Hold | None = None,
    begin: int = 0,
    callback_on_step_end: StepEnd | None = None,
) -> Any:
    """Follow the flow down to sigma 0.

    Args:
        velocity: The network, with guidance.
        start: x at the level ``schedule.sigmas[begin]``: noise, or see :func:`i2v.diffusion.hold.noised`.
        schedule: Levels and solver.
        renoise: For solver "consistency": the noise of each step after the first, fresh or carried by the motion.
        hold: Called before every step and at the end with sigma 0.
        begin: First step that is taken.
        callback_on_step_end: ``callback(step, sigma reached, x)``; what it returns replaces x, if anything.

    Returns:
        Latents, an array like ``start``.

    Raises:
        ValueError: "consistency" without ``renoise``, or ``begin`` that is no step.
    """
    if not 0 <= begin < schedule.steps:
        raise ValueError(f"begin is {begin}, expected a step of {schedule.steps}.")
    if schedule.solver == "consistency" and renoise is None and schedule.steps - begin > 1:
        raise ValueError("solver 'consistency' puts noise back after each step: give renoise, step → unit noise.")
    advance = _solver(schedule, renoise, begin)
    x = start
    for step in range(begin, schedule.steps):
        sigma, then = float(schedule.sigmas[step]), float(schedule.sigmas[step + 1])
        if hold is not None:
            x = hold(x, sigma, step)
        x = advance(x, velocity(x, float(schedule.timesteps[step]), step), step)
        if callback_on_step_end is not None:
            replaced = callback_on_step_end(step, then, x)
            x = x if replaced is None else replaced
    return x if hold is None else hold(x, 0.0, schedule.steps)


def _solver(schedule: Schedule, renoise: Renoise | None, begin: int) -> Callable[[Any, Any, int], Any]:
    """(x, velocity, step) → x of the next level."""
    sigmas = [float(sigma) for sigma in schedule.sigmas]
    if schedule.solver == "euler":
        return lambda x, v, step: x + (sigmas[step + 1] - sigmas[step]) * v
    if schedule.solver == "unipc":
        return _UniPCSteps(schedule, begin)

    def renoised(x: Any, v: Any, step: int) -> Any:
        clean, then = x - sigmas[step] * v, sigmas[step + 1]
        if then == 0:
            return clean
        assert renoise is not None
        return (1 - then) * clean + then * renoise(step + 1)

    return renoised


class _UniPCSteps:
    """Correct the last step with what is known now, then take the next."""

    def __init__(self, schedule: Schedule, begin: int) -> None:
        self.sigmas = [float(sigma) for sigma in schedule.sigmas]
        # a run that begins later has its own warm-up
        self.numbers = unipc_numbers(schedule.sigmas[begin:])
        self.begin = begin
        self.last: Any = None
        self.before: Any = None
        self.older: Any = None

    def __call__(self, x: Any, v: Any, step: int) -> Any:
        row = step - self.begin
        now = x - self.sigmas[step] * v
        if row:
            k = self.numbers.corrector[row]
            x = float(k[0]) * self.last + float(k[2]) * self.before + float(k[3]) * now
            x = x if self.older is None or k[1] == 0 else x + float(k[1]) * self.older
        p = self.numbers.predictor[row]
        following = float(p[0]) * x + float(p[1]) * now
        following = following if p[2] == 0 else following + float(p[2]) * self.before
        self.last, self.older, self.before = x, self.before, now
        return following
