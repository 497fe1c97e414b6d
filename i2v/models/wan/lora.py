"""Low-rank adapters: what a subject or a motion changes in a Wan transformer, small enough to keep many of.

A linear layer W gets W + s A B with A B of rank r (Hu et al., LoRA, 2022). Live, s (x A) B is added to the layer's
output and can be trained; merged, it is part of W and costs nothing. Files of `peft` and of ComfyUI are read and
written.
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
import numpy as np
from flax import nnx
from safetensors.numpy import save_file

from i2v.models.wan.files import open_tensors
from i2v.models.wan.names import TRANSFORMER, translated
from i2v.models.wan.transformer import WanTransformer

TARGETS = tuple(f"blocks.{part}.{layer}" for part in ("attn1", "attn2") for layer in ("to_q", "to_k", "to_v", "to_out"))
"""Layers that adapters usually change, as published ones do."""
_ORIGINAL = next(rules for _, rules in TRANSFORMER.other)


class LoraParam(nnx.Param):
    """What is trained: ``nnx.Optimizer(network, transform, wrt=LoraParam)``."""


@dataclass(frozen=True)
class Adapter:
    """Per layer of ours, such as 'blocks.attn1.to_q', the two factors, scale included in the second.

    Stacked layers have a leading axis; layers that an adapter leaves alone are zero.
    """

    down: dict[str, np.ndarray]
    """(..., in, r)."""
    up: dict[str, np.ndarray]
    """(..., r, out)."""


class Adapted(nnx.Module):
    """A linear layer and what adapters add to it."""

    def __init__(self, base: nnx.Linear, down: jax.Array, up: jax.Array) -> None:
        self.base, self.down, self.up = base, LoraParam(down), LoraParam(up)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.base(x) + ((x @ self.down[...]) @ self.up[...]).astype(x.dtype)


def new_adapter(network: WanTransformer, rank: int, *, seed: int = 0, targets: Sequence[str] = TARGETS) -> Adapter:
    """An adapter that changes nothing yet: the first factor is drawn, the second is zero.

    Raises:
        ValueError: A rank less than 1, or a target that is no linear layer.
    """
    if rank < 1:
        raise ValueError(f"rank is {rank}, expected at least 1; 16 to 64 are usual.")
    rng = np.random.default_rng(seed)
    down, up = {}, {}
    for path in targets:
        *lead, given, made = _linear(network, path).kernel.shape
        down[path] = (rng.standard_normal((*lead, given, rank)) / np.sqrt(given)).astype(np.float32)
        up[path] = np.zeros((*lead, rank, made), np.float32)
    return Adapter(down, up)


def attach(network: WanTransformer, adapters: Sequence[tuple[Adapter, float]]) -> None:
    """Put adapters, each with its weight, into a network, in place. What was attached before is taken off.

    Raises:
        ValueError: An adapter of another network.
    """
    detach(network)
    paths = dict.fromkeys(path for adapter, _ in adapters for path in adapter.down)
    for path in paths:
        base = _linear(network, path)
        parts = [(a.down[path], weight * a.up[path]) for a, weight in adapters if path in a.down]
        for down, up in parts:
            if (*down.shape[:-1], up.shape[-1]) != base.kernel.shape:
                raise ValueError(
                    f"the adapter changes {path} from {down.shape[-2]} to {up.shape[-1]} channels, the network's is "
                    f"{base.kernel.shape}. It was trained for another model."
                )
        down, up = (np.concatenate(part, axis) for part, axis in zip(zip(*parts, strict=True), (-1, -2), strict=True))
        parent, name = _parent(network, path)
        setattr(parent, name, Adapted(base, jnp.asarray(down), jnp.asarray(up)))


def detach(network: WanTransformer) -> None:
    """Take all adapters off, in place."""
    for path in _all_linear(network):
        parent, name = _parent(network, path)
        if isinstance(getattr(parent, name), Adapted):
            setattr(parent, name, getattr(parent, name).base)


def attached(network: WanTransformer) -> Adapter:
    """What is attached, as one adapter: after training, what to save."""
    down, up = {}, {}
    for path in _all_linear(network):
        parent, name = _parent(network, path)
        layer = getattr(parent, name)
        if isinstance(layer, Adapted):
            down[path], up[path] = (np.asarray(part[...], np.float32) for part in (layer.down, layer.up))
    return Adapter(down, up)


def merge(network: WanTransformer) -> None:
    """Make what is attached a part of the weights, in place: no cost any more, and not to be taken off again."""
    for path in _all_linear(network):
        parent, name = _parent(network, path)
        layer = getattr(parent, name)
        if isinstance(layer, Adapted):
            base = layer.base
            change = jnp.matmul(layer.down[...], layer.up[...], precision="highest")
            base.kernel[...] = (base.kernel[...].astype(jnp.float32) + change).astype(base.kernel.dtype)
            setattr(parent, name, base)


def save_adapter(path: str | os.PathLike, adapter: Adapter, *, layout: str = "peft") -> Path:
    """Write an adapter.

    Args:
        path: A `.safetensors` file.
        adapter: Layers that are zero are written too.
        layout: "peft" (`diffusers`) or "comfyui", with the authors' names.

    Raises:
        ValueError: Another layout.
    """
    if layout not in ("peft", "comfyui"):
        raise ValueError(f"layout is {layout!r}, expected 'peft' or 'comfyui'.")
    arrays = {}
    for ours in adapter.down:
        down, up = adapter.down[ours], adapter.up[ours]
        stacked = down.ndim == 3
        pairs = list(zip(down, up, strict=True)) if stacked else [(down, up)]
        for name, (a, b) in zip(TRANSFORMER.of(f"{ours}.kernel", len(pairs)), pairs, strict=True):
            module = name.removesuffix(".weight")
            if layout == "peft":
                arrays[f"transformer.{module}.lora_A.weight"] = np.ascontiguousarray(a.T)
                arrays[f"transformer.{module}.lora_B.weight"] = np.ascontiguousarray(b.T)
                continue
            theirs = _authors_name(module)
            arrays[f"diffusion_model.{theirs}.lora_down.weight"] = np.ascontiguousarray(a.T)
            arrays[f"diffusion_model.{theirs}.lora_up.weight"] = np.ascontiguousarray(b.T)
            arrays[f"diffusion_model.{theirs}.alpha"] = np.asarray(a.shape[1], np.float32)
    save_file(arrays, path, metadata={"format": "pt"})
    return Path(path)


def load_adapter(path: str | os.PathLike, network: WanTransformer) -> Adapter:
    """Read an adapter of either layout for a network.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No adapter, or one with parts that the network does not have, all of them named.
    """
    files = open_tensors(path)
    scale = _peft_scale(path)
    known = {}
    for ours in _all_linear(network):
        count = _linear(network, ours).kernel.shape[0] if ours.startswith("blocks.") else 1
        for layer, name in enumerate(TRANSFORMER.of(f"{ours}.kernel", count)):
            known[name.removesuffix(".weight")] = (ours, layer)
    pairs: dict[str, dict[str, np.ndarray]] = {}
    unknown = []
    for name in files.entries:
        module, part = _parted(name)
        if part is None or module not in known:
            unknown.append(name)
        else:
            pairs.setdefault(module, {})[part] = np.asarray(files.read(name), np.float32)
    halves = [module for module, pair in pairs.items() if not {"down", "up"} <= pair.keys()]
    if unknown or halves or not pairs:
        told = [f"{len(unknown)} unknown: {', '.join(unknown[:8])}"] if unknown else []
        told += [f"{len(halves)} without their other half: {', '.join(halves[:8])}"] if halves else []
        raise ValueError(f"{path} is no adapter for this network. {'. '.join(told) or 'It is empty'}.")
    return _gathered(network, pairs, known, scale)


def _gathered(network: WanTransformer, pairs, known, scale: float | None) -> Adapter:
    rank: dict[str, int] = {}
    for module, pair in pairs.items():
        ours = known[module][0]
        rank[ours] = max(rank.get(ours, 0), pair["down"].shape[0])
    down, up = {}, {}
    for ours, r in rank.items():
        *lead, given, made = _linear(network, ours).kernel.shape
        down[ours], up[ours] = np.zeros((*lead, given, r), np.float32), np.zeros((*lead, r, made), np.float32)
    for module, pair in pairs.items():
        ours, layer = known[module]
        a, b = pair["down"].T, pair["up"].T
        if (a.shape[0], b.shape[1]) != (down[ours].shape[-2], up[ours].shape[-1]):
            raise ValueError(f"the adapter's {module} is {a.shape[0]} to {b.shape[1]} channels: another model's.")
        own = float(pair["alpha"].ravel()[0]) / a.shape[1] if "alpha" in pair else (scale or 1.0)
        stacked = down[ours].ndim == 3
        (down[ours][layer] if stacked else down[ours])[:, : a.shape[1]] = a
        (up[ours][layer] if stacked else up[ours])[: b.shape[0]] = own * b
    return Adapter(down, up)


def _parted(name: str) -> tuple[str, str | None]:
    """Canonical module and which part of the adapter: 'down', 'up' or 'alpha'."""
    endings = {
        ".lora_A.weight": "down", ".lora_down.weight": "down", ".lora_A.default.weight": "down",
        ".lora_B.weight": "up", ".lora_up.weight": "up", ".lora_B.default.weight": "up", ".alpha": "alpha",
    }  # fmt: skip
    for ending, part in endings.items():
        if name.endswith(ending):
            module = re.sub(r"^(transformer|diffusion_model|base_model\.model)\.", "", name.removesuffix(ending))
            return translated(f"{module}.", _ORIGINAL).removesuffix("."), part
    return name, None


def _authors_name(module: str) -> str:
    for ours, theirs in (
        (r"\.attn1\.", ".self_attn."),
        (r"\.attn2\.add_([kv])_proj", r".cross_attn.\1_img"),
        (r"\.attn2\.", ".cross_attn."),
        (r"\.to_out\.0$", ".o"),
        (r"\.to_([qkv])$", r".\1"),
        (r"\.ffn\.net\.0\.proj$", ".ffn.0"),
        (r"\.ffn\.net\.2$", ".ffn.2"),
    ):
        module = re.sub(ours, theirs, module)
    return module


def _peft_scale(path: str | os.PathLike) -> float | None:
    """Alpha / r from the metadata that `diffusers` writes; ``None``: not told, which is 1."""
    with Path(path).open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    told = json.loads(header.get("__metadata__", {}).get("lora_adapter_metadata", "{}"))
    alpha, rank = (told.get(name, told.get(f"transformer.{name}")) for name in ("lora_alpha", "r"))
    return float(alpha) / float(rank) if alpha and rank else None


def _all_linear(network: WanTransformer) -> list[str]:
    """Linear layers inside the blocks, adapted or not."""
    found = []
    for part, layers in (
        ("attn1", ("to_q", "to_k", "to_v", "to_out")),
        ("attn2", ("to_q", "to_k", "to_v", "to_out", "add_k_proj", "add_v_proj")),
        ("ffn", ("up", "down")),
    ):
        module = getattr(network.blocks, part)
        found += [f"blocks.{part}.{layer}" for layer in layers if hasattr(module, layer)]
    return found


def _parent(network: WanTransformer, path: str) -> tuple[nnx.Module, str]:
    *lead, name = path.split(".")
    module: nnx.Module = network
    for part in lead:
        module = getattr(module, part)
    return module, name


def _linear(network: WanTransformer, path: str) -> nnx.Linear:
    if path not in _all_linear(network):
        raise ValueError(f"{path} is no layer that can be adapted; known: {', '.join(_all_linear(network))}.")
    parent, name = _parent(network, path)
    layer = getattr(parent, name)
    return layer.base if isinstance(layer, Adapted) else layer
