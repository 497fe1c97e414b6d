"""Shards of training clips: ``.npz`` files of arrays with a leading clip axis.

``uint8`` arrays other than ``ids`` are fractions of 255, ``float16`` arrays are values. A packed shard holds the same
numbers in a tenth of the bytes: most of a picture does not move, and most of the input is right. In it

    ``name~t``       is ``name`` as differences from frame to frame (uint8, modulo 256; of float16 its 16 bits),
    ``truth~coarse`` is the truth minus the input, modulo 256, likewise from frame to frame.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

Clip = dict[str, np.ndarray]

FRACTIONS = ("coarse", "truth", "image", "hole", "smoke", "shadow", "occlusion")
"""Arrays in [0, 1], stored as uint8."""
VALUES = ("flow", "flow_backward", "smoke_flow", "depth")
"""Arrays stored as float16."""
LIQUID = "liquid"
"""Likewise, where there is any; a shard without the array has none."""
FLOW_STEP = 32.0
"""Motion is kept to 1 / FLOW_STEP pixels: what is finer cannot be seen and would not pack."""


def compact(clip: Clip) -> Clip:
    """Float arrays → the types of a shard."""
    out = {name: np.round(255 * np.clip(clip[name], 0, 1)).astype(np.uint8) for name in FRACTIONS}
    for name in VALUES:
        value = clip[name]
        if "flow" in name:
            value = np.round(FLOW_STEP * np.clip(value, -200, 200)) / FLOW_STEP
        out[name] = value.astype(np.float16)
    if clip[LIQUID].any():
        out[LIQUID] = clip[LIQUID].astype(np.float16)
    out["ids"] = np.minimum(clip["ids"], 255).astype(np.uint8)
    return out


def stacked(clips: Sequence[Clip]) -> Clip:
    """One array per name; clips without liquid have zeros of it beside those that have some."""
    names = {name: clip[name] for clip in clips for name in clip}
    return {name: np.stack([clip.get(name, np.zeros_like(one)) for clip in clips]) for name, one in names.items()}


def _change(value: np.ndarray) -> np.ndarray:
    """Differences along the time axis (1) of (N, T, ...), of the bits, modulo their range."""
    bits = value.view(np.uint16) if value.dtype == np.float16 else value
    return np.concatenate([bits[:, :1], bits[:, 1:] - bits[:, :-1]], axis=1)


def _summed(change: np.ndarray) -> np.ndarray:
    return np.cumsum(change, axis=1, dtype=change.dtype)


def packed(shard: Clip) -> Clip:
    """The arrays of a packed shard."""
    out = {"image": shard["image"], "truth~coarse": _change(shard["truth"] - shard["coarse"])}
    for name, value in shard.items():
        if name not in ("image", "truth"):
            out[name + "~t"] = _change(value)
    return out


def unpacked(shard: Clip) -> Clip:
    """Undoes :func:`packed`; of a plain shard it is the shard."""
    if "truth~coarse" not in shard:
        return shard
    out = {"image": shard["image"]}
    for name, value in shard.items():
        if name.endswith("~t"):
            bits = _summed(value)
            out[name[:-2]] = bits.view(np.float16) if bits.dtype == np.uint16 else bits
    out["truth"] = _summed(shard["truth~coarse"]) + out["coarse"]
    return out


def write_shard(path: str | os.PathLike, clips: Sequence[Clip]) -> Path:
    """Write clips as one plain shard. Atomic: written beside, then renamed."""
    return _write(path, lambda file: np.savez(file, **stacked(clips)))  # type: ignore[arg-type]


def write_packed(path: str | os.PathLike, clips: Sequence[Clip]) -> Path:
    """Write clips as one packed shard, the same bytes for the same clips. Atomic."""

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
            for name, value in packed(stacked(clips)).items():
                info = zipfile.ZipInfo(f"{name}.npy")  # of a fixed date
                info.compress_type = zipfile.ZIP_LZMA
                with archive.open(info, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(value), allow_pickle=False)

    return _write(path, write)


def _write(path: str | os.PathLike, fill) -> Path:
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            fill(file)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
