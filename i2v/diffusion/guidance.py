"""Guidance: the difference that a condition makes to the prediction, made larger.

With text and motion together, v = v_none + s (v_both - v_none) (Ho and Salimans, Classifier-Free Diffusion Guidance,
2022). Apart, v = v_none + s_text (v_text - v_none) + s_motion (v_both - v_text), as Brooks et al., InstructPix2Pix
(2023), eq. 3 does it with text and picture. What the network says without conditions changes slowly, so it may be asked
for every few steps only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from i2v.diffusion.flow_sampler import Velocity

Model = Callable[[Any, float, Any], Any]
"""(x, time, conditions) → velocity prediction."""


def guided(
    model: Model,
    conditions: Any,
    without: Any | None = None,
    *,
    guidance_scale: float = 5.0,
    text_only: Any | None = None,
    motion_scale: float | None = None,
    every: int = 1,
) -> Velocity:
    """A velocity for the sampler from a model and what it is told.

    Args:
        model: Called once, twice or three times a step.
        conditions: Prompt and motion.
        without: Negative prompt, no motion; ``None``: no guidance.
        guidance_scale: Of prompt and motion together, or of the prompt where motion has its own; 1 is none.
        text_only: Prompt without motion; needed where ``motion_scale`` is given.
        motion_scale: Of the motion alone.
        every: Steps after which ``without`` is asked for again.

    Raises:
        ValueError: A motion scale without ``text_only`` or ``without``, or ``every`` less than 1.
    """
    if every < 1:
        raise ValueError(f"every is {every}, expected at least 1.")
    if motion_scale is not None and (text_only is None or without is None):
        raise ValueError(
            "motion_scale is given: text_only (prompt without motion) and without are needed to tell apart."
        )
    if without is None or (guidance_scale == 1 and motion_scale is None):
        return lambda x, time, step: model(x, time, conditions)
    kept: dict[str, Any] = {}

    def velocity(x: Any, time: float, step: int) -> Any:
        if not kept or (step - kept["step"]) >= every:
            kept.update(step=step, none=model(x, time, without))
        none, both = kept["none"], model(x, time, conditions)
        if motion_scale is None:
            return none + guidance_scale * (both - none)
        text = model(x, time, text_only)
        return none + guidance_scale * (text - none) + motion_scale * (both - text)

    return velocity


def experts(high: Model, low: Model, *, boundary: float = 0.9) -> Model:
    """Two networks as one: ``high`` for times from ``boundary`` x 1000 on, ``low`` below (Wan2.2 A14B)."""
    return lambda x, time, conditions: (high if time >= 1000 * boundary else low)(x, time, conditions)
