"""Conditions → picture: what a model adds to the plain composite."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from i2v.models.registry import ResidualModel, resolve
from physim.conditions import Conditions

if TYPE_CHECKING:
    from i2v.clip import Clip
    from i2v.diffusion.sampler import StepEnd


def generate_residual(
    conditions: Conditions,
    *,
    model: str | ResidualModel = "bundled",
    seed: int = 0,
    num_inference_steps: int = 1,
    guidance_scale: float = 1.0,
    strength: float = 1.0,
    regions: Mapping[str, float] | None = None,
    weights: str | os.PathLike | None = None,
    adapters: Sequence[tuple[str | os.PathLike, float]] = (),
    callback_on_step_end: StepEnd | None = None,
) -> np.ndarray | None:
    """What the model changes, at model resolution; add it to ``conditions.coarse``, or upsampled to a larger master.

    Args:
        conditions: The rendered shot.
        model: A registered name, or a callable (:class:`i2v.models.registry.ResidualModel`).
        seed: Of the noise; the same seed gives the same picture.
        num_inference_steps: Network calls of the sampler. 1 is the most likely picture, more add detail.
        guidance_scale: For models that are trained for guidance; 1 is none.
        strength: How much of the residual is kept [-], 0 to 1.
        regions: The same by kind of region (hole, smoke, shade, liquid, edge), instead of what the model's own
            benchmark chose; for models that paint by regions, such as the bundled one.
        weights: Folder of a model whose weights do not come along, such as "wan2.1-i2v-14b".
        adapters: (file, weight) of low-rank adapters for the model, several at once add up; ``i2v train`` makes them.
        callback_on_step_end: ``callback(step, time, x)`` after every step; what it returns replaces x, if anything.

    Returns:
        (T, H, W, 3) float32 in sRGB units, or ``None`` for model "none".

    Raises:
        ValueError: Unknown model, bad number of steps, strength outside [0, 1], or regions that the model has not.
        FileNotFoundError: No weights; what to download and where to put it. Or no such adapter.
    """
    if not 0 <= strength <= 1:
        raise ValueError(
            f"strength is {strength}, expected 0 (the plain composite) to 1 (all of the model's residual)."
        )
    if num_inference_steps < 1:
        raise ValueError(f"num_inference_steps is {num_inference_steps}, expected at least 1.")
    painter = resolve(model, weights)
    if painter is None:
        return None
    if adapters:
        painter = _adapted(painter, model, adapters)
    if regions:
        painter = _by_region(painter, model, regions)
    residual = painter(
        conditions,
        seed=seed,
        num_inference_steps=num_inference_steps,
        guidance_scale=guidance_scale,
        callback_on_step_end=callback_on_step_end,
    )
    if np.shape(residual) != conditions.coarse.shape:
        raise ValueError(
            f"the model returned a residual of shape {np.shape(residual)}, expected {conditions.coarse.shape}, "
            f"that of conditions.coarse."
        )
    return np.asarray(strength * residual, dtype=np.float32)


def _adapted(painter: ResidualModel, model: str | ResidualModel, adapters: Any) -> ResidualModel:
    if not hasattr(painter, "with_adapters"):
        name = model if isinstance(model, str) else type(painter).__name__
        raise ValueError(f"adapters are given, but model {name!r} takes none.")
    return painter.with_adapters(adapters)


def _by_region(painter: ResidualModel, model: str | ResidualModel, regions: Mapping[str, float]) -> ResidualModel:
    if not hasattr(painter, "with_strength"):
        name = model if isinstance(model, str) else type(painter).__name__
        raise ValueError(f"regions are given, but model {name!r} does not paint by regions; use strength alone.")
    return painter.with_strength(**regions)


def generate(
    conditions: Conditions,
    *,
    model: str | ResidualModel = "bundled",
    seed: int = 0,
    num_inference_steps: int = 1,
    guidance_scale: float = 1.0,
    strength: float = 1.0,
    regions: Mapping[str, float] | None = None,
    weights: str | os.PathLike | None = None,
    adapters: Sequence[tuple[str | os.PathLike, float]] = (),
    callback_on_step_end: StepEnd | None = None,
) -> Clip:
    """The video at model resolution.

    Args:
        conditions: The rendered shot.
        model: As of :func:`generate_residual`, like all that follow: a name or a callable.
        seed: Of the noise.
        num_inference_steps: Network calls of the sampler.
        guidance_scale: For models that are trained for guidance; 1 is none.
        strength: How much of the residual is kept [-], 0 to 1.
        regions: How much of it is kept by kind of region [-].
        weights: Folder of a model whose weights do not come along.
        adapters: (file, weight) of low-rank adapters for the model.
        callback_on_step_end: ``callback(step, time, x)`` after every step.

    Returns:
        A clip (T, H, W, 3) float32 sRGB in [0, 1], with what it was made of in its ``provenance``.

    Raises:
        ValueError: Unknown model, bad number of steps, or strength outside [0, 1].
        FileNotFoundError: No weights; what to download and where to put it. Or no such adapter.
    """
    from i2v.clip import Clip

    residual = generate_residual(
        conditions,
        model=model,
        seed=seed,
        num_inference_steps=num_inference_steps,
        guidance_scale=guidance_scale,
        strength=strength,
        regions=regions,
        weights=weights,
        adapters=adapters,
        callback_on_step_end=callback_on_step_end,
    )
    frames = conditions.coarse if residual is None else np.clip(conditions.coarse + residual, 0, 1)
    provenance = {
        "model": model if isinstance(model, str) else getattr(model, "__name__", type(model).__name__),
        "seed": seed,
        "num_inference_steps": num_inference_steps,
        "strength": strength,
        "regions": dict(regions or {}),
        "conditions": conditions.meta,
    }
    if adapters:
        provenance["adapters"] = [[os.fspath(path), weight] for path, weight in adapters]
    return Clip(frames, conditions.fps, provenance)
