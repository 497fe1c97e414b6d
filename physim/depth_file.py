"""Depth from a file: NumPy arrays, 16-bit pictures, EXR; in metres, up to a factor, or relative.

A ``.npz`` says by itself what it holds (arrays named like the fields of :class:`DepthResult`); of the others the kind
is told, or taken as metric. What is unknown is NaN, infinite, 0 (metric, scale, disparity) or masked in the file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from physim.depth_result import DepthResult

FILE_KINDS = {
    "metric": "metric",
    "scale": "scale",
    "affine": "affine",
    "disparity": "scale",
    "relative": "affine_inverse",
}
"""What a file may hold → the kind of the result. 'disparity' is 1 / z up to a factor, as of a stereo pair; 'relative'
is 1 / z up to factor and shift, larger is nearer, as of most networks; 'affine' is z up to factor and shift."""
PICTURES = (".png", ".tif", ".tiff")
SUFFIXES = (".npy", ".npz", *PICTURES, ".exr")
MILLIMETRE = 0.001
_UNITS = 1e-9, 1e6
"""Least and most metres per unit."""
_CHANNELS = ("Z", "depth.Z", "depth.V", "depth", "Depth", "V", "Y", "R")
_FIELDS = ("valid", "confidence", "normals", "intrinsics")


def load_depth(path: str | os.PathLike, *, kind: str | None = None, unit: float | None = None) -> DepthResult:
    """Depth from a ``.npy``, ``.npz``, ``.png``, ``.tif`` or ``.exr`` file.

    Args:
        path: The file. A ``.npz`` holds ``depth`` (or one array of any name) and may hold ``valid``, ``confidence``,
            ``normals``, ``intrinsics`` and ``kind``, as in :class:`DepthResult`.
        kind: One of :data:`FILE_KINDS`; default: what the file says, else 'metric'.
        unit: Metres per unit of metric values; default: 1, and 0.001 for whole numbers (millimetres).

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another format, a damaged file, a wrong shape, nothing valid, 8 bits where metres are meant.
        NotImplementedError: EXR without the ``formats`` extra.
    """
    where = Path(path)
    if where.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{where}: depth is read from {', '.join(SUFFIXES)}; convert it to one of these.")
    if not where.is_file():
        raise FileNotFoundError(f"{where}: no such depth file.")
    arrays = _read(where)
    said = kind or arrays.pop("kind", None) or "metric"
    if said not in (*FILE_KINDS, "affine_inverse"):
        raise ValueError(f"{where}: depth of kind {said!r}, expected one of {', '.join(FILE_KINDS)}.")
    values = arrays.pop("depth")
    if values.dtype == np.uint8 and said in ("metric", "scale"):
        raise ValueError(
            f"{where} has 8 bits a pixel, too few for {said} depth; save it with 16 bits, or say what it is, for "
            f"example kind 'relative'."
        )
    try:
        return _result(values, said, unit, arrays)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{where}: {error}") from None


def _result(values: np.ndarray, said: str, unit: float | None, extra: dict[str, Any]) -> DepthResult:
    whole = values.dtype.kind in "iu"
    depth = np.asarray(values, dtype=np.float64)
    coarse = values.dtype == np.uint8
    if said == "disparity":
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.where(depth > 0, 1 / depth, np.nan)
    elif said == "metric":
        factor = unit if unit is not None else MILLIMETRE if whole else 1.0
        if not _UNITS[0] <= factor <= _UNITS[1]:
            raise ValueError(f"unit is {factor!r}, expected metres per unit, from {_UNITS[0]:g} to {_UNITS[1]:g}.")
        depth = depth * factor
    if coarse and "confidence" not in extra:
        extra["confidence"] = np.full(depth.shape, 0.5)
    return DepthResult(depth, kind=FILE_KINDS.get(said, said), **extra)


def _read(where: Path) -> dict[str, Any]:
    suffix = where.suffix.lower()
    try:
        if suffix == ".npy":
            return {"depth": _flat(where, np.load(where, allow_pickle=False))}
        if suffix == ".npz":
            return _archive(where)
        return {"depth": _flat(where, _exr(where) if suffix == ".exr" else _picture(where))}
    except (OSError, EOFError, zipfile.BadZipFile, SyntaxError) as error:
        raise ValueError(f"{where} is damaged or no {suffix} file ({error}); write it again.") from None
    except ValueError as error:
        if str(where) in str(error):
            raise
        raise ValueError(f"{where} cannot be read as {suffix}: {error}") from None


def _flat(where: Path, array: np.ndarray) -> np.ndarray:
    """(h, w) of a map that may carry axes of length one."""
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{where} holds {array.dtype}, expected real numbers.")
    squeezed = array.reshape([n for n in array.shape if n != 1]) if array.ndim > 2 else array
    if squeezed.ndim != 2:
        raise ValueError(f"{where} holds an array of shape {array.shape}, expected (height, width).")
    return squeezed


def _archive(where: Path) -> dict[str, Any]:
    with np.load(where, allow_pickle=False) as file:
        names = list(file.files)
        main = "depth" if "depth" in names else names[0] if len(names) == 1 else None
        if main is None:
            raise ValueError(f"{where} holds {', '.join(names) or 'nothing'}, expected an array named depth.")
        arrays: dict[str, Any] = {name: file[name] for name in _FIELDS if name in names}
        arrays["depth"] = _flat(where, file[main])
        if "kind" in names:
            arrays["kind"] = str(file["kind"])
    return arrays


def _picture(where: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(where) as picture:
        if picture.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I"):
            return np.asarray(picture).astype(np.int64)
        if picture.mode in ("F", "L"):
            return np.array(picture)
        raise ValueError(
            f"{where} has {picture.mode} pixels, expected one channel of 16 bits: millimetres, or what `kind` says."
        )


def _exr(where: Path) -> np.ndarray:
    if importlib.util.find_spec("OpenEXR") is None:
        raise NotImplementedError(
            f'{where} is EXR; reading it needs pip install "physim[formats]", or convert it to .npy (metres).'
        )
    openexr = importlib.import_module("OpenEXR")
    try:
        with openexr.File(str(where), separate_channels=True) as file:
            channels = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
    except RuntimeError as error:  # its own error for whatever is wrong
        raise OSError(str(error)) from None
    for name in _CHANNELS:
        if name in channels:
            return channels[name]
    if len(channels) == 1:
        return next(iter(channels.values()))
    raise ValueError(f"{where} has the channels {', '.join(sorted(channels))}, expected one of {', '.join(_CHANNELS)}.")
