"""Published weights on disk: `.safetensors`, in one file or many, mapped into memory and read one array at a time.

Nothing is unpickled. What is half downloaded, missing or of another format is said before anything is loaded.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

PICKLES = (".pth", ".pt", ".ckpt", ".bin", ".pkl")
"""Endings of files that can run code when they are read."""
_LONGEST_HEADER = 100_000_000
_TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": jnp.bfloat16, "F8_E4M3": jnp.float8_e4m3fn,
    "F8_E5M2": jnp.float8_e5m2, "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8,
    "BOOL": np.bool_,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """Where an array lies."""

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


class TensorFiles:
    """Arrays of one or several files by name.

    Args:
        entries: Name → where it lies.
        origin: What to call them in messages.
    """

    def __init__(self, entries: dict[str, Entry], origin: str) -> None:
        self.entries, self.origin = entries, origin
        self._maps: dict[Path, np.memmap] = {}

    def shape(self, name: str) -> tuple[int, ...]:
        return self.entries[name].shape

    def read(self, name: str) -> np.ndarray:
        """An array as it lies in the file: mapped, nothing is read before it is used."""
        entry = self.entries[name]
        if entry.path not in self._maps:
            self._maps[entry.path] = np.memmap(entry.path, np.uint8, "r")
        return self._maps[entry.path][entry.start : entry.stop].view(entry.dtype).reshape(entry.shape)

    @property
    def size(self) -> int:
        """Of all arrays on disk [bytes]."""
        return sum(entry.stop - entry.start for entry in self.entries.values())


def open_tensors(path: str | os.PathLike) -> TensorFiles:
    """Arrays of a file, or of a folder: the files its index names, or all `.safetensors` in it.

    Raises:
        FileNotFoundError: No such file or folder, or a file that the index names is missing.
        ValueError: Pickles only, or a file that is not whole.
    """
    path = Path(path)
    if path.is_file():
        return TensorFiles(_entries(path), str(path))
    if not path.is_dir():
        raise FileNotFoundError(f"no weights at {path}; download them yourself, nothing is fetched from here.")
    entries: dict[str, Entry] = {}
    for file in _shards(path):
        entries.update(_entries(file))
    return TensorFiles(entries, str(path))


def _shards(folder: Path) -> list[Path]:
    indices = sorted(folder.glob("*.safetensors.index.json"))
    if not indices:
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            _no_tensors(folder)
        return files
    try:
        named = set(json.loads(indices[0].read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{indices[0]} is no index of weights ({error}); fetch it again.") from error
    files = [folder / name for name in sorted(named)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks {len(missing)} of {len(files)} files that {indices[0].name} names: {', '.join(missing)}. "
            f"Download them into the same folder."
        )
    return files


def _no_tensors(folder: Path) -> None:
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES)
    if pickles:
        raise ValueError(_refused(folder / pickles[0]))
    raise FileNotFoundError(f"{folder} holds no .safetensors file; download the weights into it.")


def _refused(path: Path) -> str:
    return (
        f"{path} is no .safetensors file. A PyTorch file ({', '.join(PICKLES)}) can run code when it is read and is "
        f"not opened; convert it once: python -m i2v.models.convert {path.name} {path.stem}.safetensors"
    )


def _entries(path: Path) -> dict[str, Entry]:
    """Header of one file: 8 bytes of length, then JSON; offsets count from its end."""
    if path.suffix in PICKLES:
        raise ValueError(_refused(path))
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 0 < length <= _LONGEST_HEADER:
            raise ValueError(f"{path} is no safetensors file; fetch it again.")
        text = file.read(length)
    whole = 8 + length
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        entries = {
            name: Entry(
                path,
                np.dtype(_TYPES[told["dtype"]]),
                tuple(told["shape"]),
                whole + told["data_offsets"][0],
                whole + told["data_offsets"][1],
            )
            for name, told in header.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if size < whole:
            raise ValueError(f"{path} ends within its header: it is half downloaded. Fetch it again.") from error
        raise ValueError(f"{path} is no safetensors file this program can read ({error}); fetch it again.") from error
    needed = max((entry.stop for entry in entries.values()), default=whole)
    if size < needed:
        raise ValueError(
            f"{path} has {size:,} of {needed:,} bytes: it is half downloaded. Resume the download, or fetch it again."
        )
    for name, entry in entries.items():
        if entry.stop - entry.start != int(np.prod(entry.shape)) * entry.dtype.itemsize:
            raise ValueError(f"{path} is damaged: {name} {entry.shape} takes {entry.stop - entry.start} bytes.")
    return entries
