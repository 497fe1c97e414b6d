"""Files of low-rank adapters: the layouts of `peft` (`diffusers`) and ComfyUI, for any network.

Both keep A and B apart as PyTorch's layers do, (out, in) or (out, in, rows, columns). `peft` tells the scale in the
file's metadata, ComfyUI as ``alpha`` of each layer, to be divided by the rank.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flax import nnx
from safetensors.numpy import save_file

from i2v.models.lora import Adapter, adaptable
from i2v.models.wan.files import open_tensors

LAYOUTS = ("peft", "comfyui")
_ENDINGS = {
    ".lora_A.weight": "down", ".lora_down.weight": "down", ".lora_A.default.weight": "down",
    ".lora_B.weight": "up", ".lora_up.weight": "up", ".lora_B.default.weight": "up", ".alpha": "alpha",
}  # fmt: skip


@dataclass(frozen=True)
class AdapterNames:
    """What the layers of a network are called in files; as it is: as they are called here."""

    modules: Callable[[str, int], list[str]] = lambda path, count: [path]
    """(our path, layers in its stack) → module of each layer."""
    stack: str | None = None
    """First part of our paths under which layers are stacked."""
    canonical: Callable[[str], str] = lambda module: module
    """A module's name in a file without its prefix → as ``modules`` gives it."""
    comfyui: Callable[[str], str] = lambda module: module
    """As ``modules`` gives it → as ComfyUI calls it."""
    prefix: str = "base_model.model."
    """Before all names in the layout of peft."""

    def count(self, path: str, shape: tuple[int, ...]) -> int:
        """Layers that one of our parameters holds."""
        return shape[0] if self.stack is not None and path.startswith(self.stack + ".") else 1


PLAIN = AdapterNames()


def save_adapter(
    path: str | os.PathLike, adapter: Adapter, *, layout: str = "peft", names: AdapterNames = PLAIN
) -> Path:
    """Write an adapter.

    Args:
        path: A `.safetensors` file.
        adapter: Layers that are zero are written too.
        layout: "peft" (`diffusers`) or "comfyui".
        names: Of the network's layers.

    Raises:
        ValueError: Another layout.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}, expected 'peft' or 'comfyui'.")
    arrays = {}
    for ours in adapter.down:
        down, up = adapter.down[ours], adapter.up[ours]
        count = names.count(ours, down.shape)
        pairs = list(zip(down, up, strict=True)) if up.ndim == 3 else [(down, up)]
        for module, (a, b) in zip(names.modules(ours, count), pairs, strict=True):
            first, second = _published(a, b)
            if layout == "peft":
                arrays[f"{names.prefix}{module}.lora_A.weight"] = first
                arrays[f"{names.prefix}{module}.lora_B.weight"] = second
                continue
            theirs = f"diffusion_model.{names.comfyui(module)}"
            arrays[f"{theirs}.lora_down.weight"], arrays[f"{theirs}.lora_up.weight"] = first, second
            arrays[f"{theirs}.alpha"] = np.asarray(b.shape[0], np.float32)
    save_file(arrays, path, metadata={"format": "pt"})
    return Path(path)


def _published(down: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both factors as PyTorch keeps them."""
    if down.ndim == 4:
        return np.ascontiguousarray(down.transpose(3, 2, 0, 1)), np.ascontiguousarray(up.T[..., None, None])
    return np.ascontiguousarray(down.T), np.ascontiguousarray(up.T)


def _ours(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way back of :func:`_published`."""
    if first.ndim == 4:
        return first.transpose(2, 3, 1, 0), second.reshape(second.shape[:2]).T
    return first.T, second.T


def load_adapter(path: str | os.PathLike, network: nnx.Module, *, names: AdapterNames = PLAIN) -> Adapter:
    """Read an adapter of either layout for a network.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No adapter, or one with parts that the network does not have, all of them named.
    """
    arrays, scale = _read(Path(path))
    layers = adaptable(network)
    known = {}
    for ours, layer in layers.items():
        for number, module in enumerate(names.modules(ours, names.count(ours, layer.kernel.shape))):
            known[module] = (ours, number)
    pairs: dict[str, dict[str, np.ndarray]] = {}
    unknown = []
    for name, array in arrays.items():
        module, part = _parted(name, names)
        if part is None or module not in known:
            unknown.append(name)
        else:
            pairs.setdefault(module, {})[part] = array
    halves = [module for module, pair in pairs.items() if not {"down", "up"} <= pair.keys()]
    if unknown or halves or not pairs:
        told = [f"{len(unknown)} unknown: {', '.join(unknown[:8])}"] if unknown else []
        told += [f"{len(halves)} without their other half: {', '.join(halves[:8])}"] if halves else []
        raise ValueError(f"{path} is no adapter for this network. {'. '.join(told) or 'It is empty'}.")
    return _gathered({ours: layer.kernel.shape for ours, layer in layers.items()}, pairs, known, scale)


def _read(path: Path) -> tuple[dict[str, np.ndarray], float | None]:
    """All arrays in float32, and alpha / r of the metadata that `diffusers` writes; ``None``: not told, which is 1."""
    if not path.is_file():
        raise FileNotFoundError(f"no adapter at {path}; expected a .safetensors file in the layout of peft or ComfyUI.")
    files = open_tensors(path)
    arrays = {name: np.asarray(files.read(name), np.float32) for name in files.entries}
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    told = json.loads(header.get("__metadata__", {}).get("lora_adapter_metadata", "{}"))
    alpha, rank = (told.get(name, told.get(f"transformer.{name}")) for name in ("lora_alpha", "r"))
    return arrays, float(alpha) / float(rank) if alpha and rank else None


def _gathered(shapes: dict[str, tuple[int, ...]], pairs, known, scale: float | None) -> Adapter:
    rank: dict[str, int] = {}
    for module, pair in pairs.items():
        ours = known[module][0]
        rank[ours] = max(rank.get(ours, 0), pair["down"].shape[0])
    down, up = {}, {}
    for ours, r in rank.items():
        *lead, given, made = shapes[ours]
        stack = lead if len(lead) < 2 else []  # two axes are those of a convolution
        down[ours], up[ours] = np.zeros((*lead, given, r), np.float32), np.zeros((*stack, r, made), np.float32)
    for module, pair in pairs.items():
        ours, layer = known[module]
        a, b = _ours(pair["down"], pair["up"])
        if (a.shape[-2], b.shape[1]) != (down[ours].shape[-2], up[ours].shape[-1]):
            raise ValueError(f"the adapter's {module} is {a.shape[-2]} to {b.shape[1]} channels: another model's.")
        own = float(pair["alpha"].ravel()[0]) / a.shape[-1] if "alpha" in pair else (scale or 1.0)
        stacked = up[ours].ndim == 3
        (down[ours][layer] if stacked else down[ours])[..., : a.shape[-1]] = a
        (up[ours][layer] if stacked else up[ours])[: b.shape[0]] = own * b
    return Adapter(down, up)


def _parted(name: str, names: AdapterNames) -> tuple[str, str | None]:
    """Canonical module and which part of the adapter: 'down', 'up' or 'alpha'."""
    for ending, part in _ENDINGS.items():
        if name.endswith(ending):
            module = re.sub(r"^(transformer|diffusion_model|base_model\.model)\.", "", name.removesuffix(ending))
            return names.canonical(module), part
    return name, None
