"""Weights as one safetensors file: bfloat16 on disk, float32 in memory, written atomically."""

from __future__ import annotations

import os
from pathlib import Path

import jax.numpy as jnp
from flax import nnx
from safetensors import SafetensorError, safe_open
from safetensors.flax import load_file
from safetensors.flax import save as to_bytes

Flat = dict[str, jnp.ndarray]


def flatten(module: nnx.Module) -> Flat:
    """Parameters of a module by dotted path, for example ``"down_0.first.kernel"``."""
    state = nnx.to_flat_state(nnx.state(module, nnx.Param))
    return {".".join(map(str, path)): variable[...] for path, variable in state}


def assign(module: nnx.Module, weights: Flat, *, origin: str = "weights") -> None:
    """Put ``weights`` into ``module``, in the module's own precision.

    Raises:
        ValueError: Names or shapes do not fit, with every difference named.
    """
    mine = flatten(module)
    wrong = [f"{name} is missing" for name in sorted(mine.keys() - weights.keys())]
    wrong += [f"{name} is unknown" for name in sorted(weights.keys() - mine.keys())]
    wrong += [
        f"{name} has shape {weights[name].shape}, expected {mine[name].shape}"
        for name in sorted(mine.keys() & weights.keys())
        if weights[name].shape != mine[name].shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(
            f"{origin} does not fit the network: {'; '.join(wrong[:5])}{more}. Use the weights written for this "
            f"configuration, or train again."
        )
    fitted = [
        (path, variable.replace(weights[".".join(map(str, path))].astype(variable.dtype)))
        for path, variable in nnx.to_flat_state(nnx.state(module, nnx.Param))
    ]
    nnx.update(module, nnx.from_flat_state(fitted))


def save(path: str | os.PathLike, weights: Flat, *, metadata: dict[str, str]) -> Path:
    """Write ``weights`` as bfloat16. Atomic: written beside, then renamed.

    Args:
        path: Where to.
        weights: Name → array.
        metadata: Plain strings, kept in the file's header.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(to_bytes({name: value.astype(jnp.bfloat16) for name, value in weights.items()}, metadata))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def load(path: str | os.PathLike) -> tuple[Flat, dict[str, str]]:
    """Weights as stored and the metadata.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not a whole safetensors file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}; train some with `python -m i2v.training.train`.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
        return load_file(path), metadata
    except SafetensorError as error:
        raise ValueError(f"{path} is no whole safetensors file ({error}); fetch or write it again.") from error
