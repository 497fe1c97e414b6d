"""Models by name. A model turns conditions into a residual; how it does so is its own affair."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from typing import Protocol

import numpy as np

from i2v.diffusion.sampler import StepEnd
from i2v.models.wan.config import VARIANTS
from physim.conditions import Conditions


class ResidualModel(Protocol):
    """What ``generate`` calls."""

    def __call__(
        self,
        conditions: Conditions,
        *,
        seed: int,
        num_inference_steps: int,
        guidance_scale: float,
        callback_on_step_end: StepEnd | None,
    ) -> np.ndarray:
        """Residual (T, H, W, 3) float32 in sRGB units, to be added to ``conditions.coarse``."""
        ...


NONE = "none"
"""The plain composite, untouched."""

_loaders: dict[str, Callable[[], ResidualModel]] = {}


def register(name: str, loader: Callable[[], ResidualModel]) -> None:
    """Make a model known by ``name``; ``loader`` is called at first use.

    Raises:
        ValueError: The name is taken.
    """
    if name in known_models():
        raise ValueError(f"a model named {name!r} is registered already; choose another name.")
    _loaders[name] = loader


def known_models() -> list[str]:
    """Registered names, 'none', and the variants of Wan, which need weights."""
    return [NONE, *sorted(_loaders), *VARIANTS]


def resolve(model: str | ResidualModel, weights: str | os.PathLike | None = None) -> ResidualModel | None:
    """A model from its name or itself; ``None`` for 'none'.

    Args:
        model: The name, or a model.
        weights: Folder, for models whose weights do not come along.

    Raises:
        ValueError: Unknown name, the nearest known one is given; or weights for a model that has its own.
        FileNotFoundError: Weights that are not there; what to download is told.
        TypeError: Neither a name nor callable.
    """
    if isinstance(model, str) and model in VARIANTS:
        from i2v.models.wan.painter import load_painter

        return load_painter(model, weights)
    if weights is not None:
        raise ValueError(f"weights are given, but model {model!r} has its own. They are for {', '.join(VARIANTS)}.")
    if callable(model):
        return model
    if not isinstance(model, str):
        raise TypeError(f"model is {type(model).__name__}, expected a name or a callable.")
    if model == NONE:
        return None
    if model not in _loaders:
        near = difflib.get_close_matches(model, known_models(), n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"model is {model!r}, which is not known. {hint}Known: {', '.join(known_models())}.")
    return _loaders[model]()


def check(model: str | ResidualModel) -> None:
    """Say a wrong name, or weights that are not there, before any work; errors as :func:`resolve`. Loads no weights."""
    if isinstance(model, str) and model in VARIANTS:
        from i2v.models.wan.weights import find_parts, find_weights

        find_parts(find_weights(model))
        return
    resolve(model)


def _bundled() -> ResidualModel:
    from i2v.models.bundled import bundled_model

    return bundled_model()


register("bundled", _bundled)
