"""Weights that others published, put into our modules: names by table, layouts by shape, every difference named.

A published file is known by its names alone. A table maps the name of each of our parameters to one or more names of
the file (several are joined along the output: query, key and value of attention). PyTorch keeps (out, in, h, w), we
keep (h, w, in, out).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx

from i2v.weights import Flat, load

_LEAVES = {"kernel": "weight", "scale": "weight", "bias": "bias"}
_SHOWN = 6


@dataclass(frozen=True)
class Naming:
    """How one kind of file names things."""

    title: str
    mark: str
    """A name that only such files have."""
    table: tuple[tuple[str, str], ...]
    """Pattern of our module or parameter → template of the file's; ``|`` joins several along the output."""
    unused: tuple[str, ...] = ()
    """Patterns of names that are in the file and play no part."""

    def names(self, path: str) -> list[str]:
        """Names in the file of our parameter ``path``, such as 'backbone.blocks.3.qkv.kernel'.

        Raises:
            KeyError: The table has no line for it.
        """
        whole = self._match(path)
        if whole is not None:
            return whole.split("|")
        module, leaf = path.rsplit(".", 1)
        part = self._match(module)
        if part is None or leaf not in _LEAVES:
            raise KeyError(f"{self.title}: no line of the table covers {path}")
        return [f"{name}.{_LEAVES[leaf]}" for name in part.split("|")]

    def _match(self, path: str) -> str | None:
        for pattern, template in self.table:
            match = re.fullmatch(pattern, path)
            if match:
                return match.expand(template)
        return None


def dino_names(prefix: str) -> tuple[tuple[str, str], ...]:
    """Lines of a table for our ``backbone``, a DINOv2 whose file keeps its authors' names, under ``prefix``."""
    return (
        (r"backbone\.(cls_token|pos_embed)", rf"{prefix}.\1"),
        (r"backbone\.patch_embed", f"{prefix}.patch_embed.proj"),
        (r"backbone\.norm", f"{prefix}.norm"),
        (r"backbone\.blocks\.(\d+)\.(norm1|norm2)", rf"{prefix}.blocks.\1.\2"),
        (r"backbone\.blocks\.(\d+)\.(qkv|proj)", rf"{prefix}.blocks.\1.attn.\2"),
        (r"backbone\.blocks\.(\d+)\.scale(\d)", rf"{prefix}.blocks.\1.ls\2.gamma"),
        (r"backbone\.blocks\.(\d+)\.(fc1|fc2)", rf"{prefix}.blocks.\1.mlp.\2"),
    )


def read(path: str | os.PathLike) -> tuple[Flat, dict[str, str]]:
    """Arrays and metadata of a published ``.safetensors`` file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another format, or not whole.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}; download them yourself, nothing is fetched from here.")
    if path.suffix != ".safetensors":
        raise ValueError(
            f"{path} is no .safetensors file. A PyTorch file (.pth, .pt) can run code when it is read; convert it "
            f"once: python -m i2v.models.convert {path.name} {path.stem}.safetensors"
        )
    return load(path)


def settings_beside(path: str | os.PathLike) -> dict:
    """What a ``config.json`` in the same folder says; empty without one."""
    beside = Path(path).with_name("config.json")
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def naming_of(weights: Flat, namings: Sequence[Naming], origin: str) -> Naming:
    """Which of the namings a file follows.

    Raises:
        ValueError: None of them.
    """
    for naming in namings:
        if naming.mark in weights:
            return naming
    some = ", ".join(sorted(weights)[:3])
    known = "; ".join(f"{naming.title} has {naming.mark}" for naming in namings)
    raise ValueError(f"{origin} names its arrays {some}, ... and is none of the known files: {known}.")


def expected(shapes: dict[str, tuple[int, ...]], naming: Naming) -> dict[str, tuple[int, ...]]:
    """Name → shape of everything a file must hold for parameters of these shapes."""
    wanted = {}
    for path, shape in shapes.items():
        names = naming.names(path)
        for name in names:
            wanted[name] = _their_shape(path, shape, len(names))
    return wanted


def fill(build, weights: Flat, naming: Naming, *, origin: str) -> nnx.Module:
    """A module with published weights, without drawing random ones first.

    Args:
        build: Makes the module, without arguments.
        weights: Name → array, in the file's layout.
        naming: Of the file.
        origin: What to call the file in messages.

    Raises:
        ValueError: Names or shapes do not fit: how many are missing, unknown, of another shape, and which.
    """
    graph, state = nnx.split(nnx.eval_shape(build))
    variables = dict(nnx.to_flat_state(state))
    shapes = {".".join(map(str, path)): variable.get_value().shape for path, variable in variables.items()}
    _check(weights, expected(shapes, naming), naming, origin)
    filled = []
    for path, variable in variables.items():
        ours = ".".join(map(str, path))
        parts = [_our_layout(ours, jnp.asarray(weights[name], jnp.float32)) for name in naming.names(ours)]
        whole = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)
        filled.append((path, variable.replace(whole.reshape(variable.get_value().shape))))
    return nnx.merge(graph, nnx.from_flat_state(filled))


def _check(weights: Flat, wanted: dict[str, tuple[int, ...]], naming: Naming, origin: str) -> None:
    idle = [name for name in weights if any(re.fullmatch(pattern, name) for pattern in naming.unused)]
    groups = {
        "missing": sorted(wanted.keys() - weights.keys()),
        "unexpected": sorted(weights.keys() - wanted.keys() - set(idle)),
        "of another shape": [
            f"{name} {tuple(weights[name].shape)} instead of {wanted[name]}"
            for name in sorted(wanted.keys() & weights.keys())
            if tuple(weights[name].shape) != wanted[name]
        ],
    }
    told = []
    for what, names in groups.items():
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            told.append(f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{more}")
    if told:
        raise ValueError(f"{origin} does not fit {naming.title}. {'. '.join(told)}. Is it the file of another model?")


def _enlarges(path: str) -> bool:
    return "enlarge" in path


def _their_shape(path: str, shape: tuple[int, ...], parts: int) -> tuple[int, ...]:
    if not path.endswith(".kernel"):
        return shape if parts == 1 else (*shape[:-1], shape[-1] // parts)
    shape = (*shape[:-1], shape[-1] // parts)
    if len(shape) == 2:
        return shape[::-1]
    rows, cols, given, made = shape
    return (given, made, rows, cols) if _enlarges(path) else (made, given, rows, cols)


def _our_layout(path: str, array: jax.Array) -> jax.Array:
    if not path.endswith(".kernel"):
        return array
    if array.ndim == 2:
        return array.T
    return array.transpose(2, 3, 0, 1) if _enlarges(path) else array.transpose(2, 3, 1, 0)
