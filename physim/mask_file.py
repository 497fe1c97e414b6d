"""Masks from files, as drawing programs and segmenters write them: pictures, NumPy arrays, COCO's run lengths.

=============================  ==================================  ==================================================
file                           ``mask``                            ``ids`` with ``id`` N
=============================  ==================================  ==================================================
picture                        grey levels, or opacity, or 0 and   pixels whose value, or number in the palette (DAVIS,
                               1, or the one number of a palette   SAM 2), is N
``.npy``                       (H, W): more than 0                 (H, W): equal to N; (count, H, W): the N-th
``.json`` (SAM, COCO)          the only one in it                  that whose ``id`` (or key) is N, else the N-th
=============================  ==================================  ==================================================

Run lengths count down the columns, zeros first; as a list of numbers, or packed into letters: six bits each, five of
the number and one that says that it goes on, from the third on as differences to the last but one (``maskApi.c`` of
COCO's tools, Lin et al., Microsoft COCO, ECCV 2014). Polygons of COCO are filled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from physim.photo import PhotoError, decoded, locate, opened, picture_size
from physim.polygon import polygon_coverage

_MOST_NAMED = 12
_RUNS = "run lengths {size: [height, width], counts} as SAM and COCO write them, bare, or as `segmentation`"


def mask_size(path: str | Path) -> tuple[int, int]:
    """(height, width) of what a file masks.

    Raises:
        PhotoError: No such file, or none that holds a mask.
    """
    where = locate(path)
    if where.suffix.lower() == ".npy":
        shape = _array(where).shape
        return shape[-2], shape[-1]
    if where.suffix.lower() == ".json":
        return _size_of(where, next(iter(_annotations(where).values())))
    return picture_size(path)


def read_mask(path: str | Path, size: tuple[int, int], name: str) -> np.ndarray:
    """How much of each pixel a file's only mask covers, (height, width) float32 in [0, 1].

    Raises:
        ValueError: Several masks, another size than ``size``, a damaged file; with ``name``, that of the thing.
    """
    where = _found(path, name)
    if where.suffix.lower() == ".json":
        return _runs(where, _only(where, _annotations(where), name), size, name)
    if where.suffix.lower() == ".npy":
        array = _array(where)
        if array.ndim == 3 and len(array) > 1:
            raise ValueError(f"{name}: {where.name} holds {len(array)} masks; say which: `ids` with `id` 1 and so on.")
        return _fitting(array.reshape(array.shape[-2:]) > 0, size, where, name).astype(np.float32)
    levels = _fitting(_levels(where, name), size, where, name)
    return np.clip(levels, 0, 1).astype(np.float32)


def read_ids(path: str | Path, number: int, size: tuple[int, int], name: str) -> np.ndarray:
    """Where a file says that thing ``number`` is, (height, width) float32 in [0, 1]. Errors: as :func:`read_mask`."""
    where = _found(path, name)
    if where.suffix.lower() == ".json":
        masks = _annotations(where)
        if number not in masks:
            raise ValueError(_missing(name, number, where, list(masks)))
        return _runs(where, masks[number], size, name)
    if where.suffix.lower() == ".npy":
        array = _array(where)
        if array.ndim == 3:
            if not 1 <= number <= len(array):
                raise ValueError(_missing(name, number, where, list(range(1, len(array) + 1))))
            return _fitting(array[number - 1] > 0, size, where, name).astype(np.float32)
    else:
        array = _numbers(where, name)
    found = _fitting(array, size, where, name) == number
    if not found.any():
        raise ValueError(_missing(name, number, where, np.unique(array).tolist()))
    return found.astype(np.float32)


def _found(path: str | Path, name: str) -> Path:
    where = locate(path)
    if not where.is_file():
        raise ValueError(f"{name}: there is no mask file {str(path)!r}. Paths are relative to the shot file's folder.")
    return where


def _missing(name: str, number: int, where: Path, known: list) -> str:
    some = ", ".join(f"{n:g}" for n in known[:_MOST_NAMED]) + (", ..." if len(known) > _MOST_NAMED else "")
    return f"{name}: id {number} is not in {where.name!r}; it holds {some}."


def _fitting(pixels: np.ndarray, size: tuple[int, int], where: Path, name: str) -> np.ndarray:
    if pixels.shape != tuple(size):
        raise ValueError(
            f"{name}: mask {where.name!r} is {pixels.shape[1]} x {pixels.shape[0]} pixels, expected the photo's "
            f"{size[1]} x {size[0]}. Export it at the photo's own size."
        )
    return pixels


# ---- pictures --------------------------------------------------------------------------------------------------------


def _levels(where: Path, name: str) -> np.ndarray:
    """Grey levels (h, w) in [0, 1] of a picture: of its opacity if that says anything, else of its brightness."""
    with opened(where) as file:
        picture = decoded(where, file)
        if "A" in picture.getbands():
            opacity = np.asarray(picture.getchannel("A"), dtype=np.float64) / 255
            if np.ptp(opacity) > 0:
                return opacity
            picture = picture.convert("RGB")  # opaque all over, or clear: what it says is in its colours
        if picture.mode == "P":
            numbers = np.asarray(picture)
            colours = np.asarray(picture.convert("RGB"))
            if np.ptp(colours, axis=-1).max() > 0:  # colours that tell numbers apart
                return _only_number(numbers, where, name)
            picture = picture.convert("L")
        pixels = np.asarray(picture if picture.mode in ("L", "I", "I;16", "1", "F") else picture.convert("L"))
    if pixels.dtype.kind == "f" and not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        raise ValueError(f"{name}: mask {where.name!r} holds numbers that are not from 0 to 1. Save it with 8 bits.")
    if pixels.dtype == bool or pixels.dtype.kind == "f" or pixels.max() == 1:  # 0 and 1: what programs write
        return pixels.astype(np.float64)
    return pixels / (65535.0 if pixels.dtype.itemsize > 1 else 255.0)


def _only_number(numbers: np.ndarray, where: Path, name: str) -> np.ndarray:
    things = [int(n) for n in np.unique(numbers) if n > 0]
    if len(things) > 1:
        some = ", ".join(map(str, things[:_MOST_NAMED]))
        raise ValueError(f"{name}: {where.name!r} numbers several things, {some}; say which: `ids` and `id`.")
    return (numbers > 0).astype(np.float64)


def _numbers(where: Path, name: str) -> np.ndarray:
    """Pixel values (h, w) of a picture that numbers things."""
    with opened(where) as file:
        picture = decoded(where, file)
        if picture.mode in ("L", "P", "I", "I;16", "I;16B", "1"):
            return np.asarray(picture)
        bands = np.asarray(picture.convert("RGB"))
    if np.ptp(bands, axis=-1).max() > 0:
        raise ValueError(
            f"{name}: {where.name!r} is a picture in colour, expected one number a pixel: grey of 8 or 16 bits, or a "
            f"palette. Save it as such, or give a `mask` for each thing."
        )
    return bands[..., 0]


def _array(where: Path) -> np.ndarray:
    try:
        array = np.load(where, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise PhotoError(f"{where} is no array that can be read: {str(error).rstrip('.')}.") from None
    if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or not array.size:
        raise PhotoError(
            f"{where} holds {array.dtype} of shape {array.shape}, expected true and false, or numbers, of shape "
            f"(height, width) or (count, height, width)."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise PhotoError(f"{where} holds numbers that are not finite, expected a mask of true and false.")
    return array


# ---- run lengths -----------------------------------------------------------------------------------------------------


def _annotations(where: Path) -> dict[int, Any]:
    """Masks by number: a bare one, a list, COCO's `annotations`, or by key."""
    if not where.is_file():
        raise PhotoError(f"{where}: no such file. Relative paths in a shot file start at the folder of the shot file.")
    try:
        data = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PhotoError(f"{where} is no JSON that can be read: {str(error)[:120].rstrip('.')}.") from None
    if isinstance(data, dict) and isinstance(data.get("annotations"), list):
        data = data["annotations"]
    if isinstance(data, dict) and _is_mask(data):
        data = [data]
    if isinstance(data, dict):
        masks = {int(key): value for key, value in data.items() if key.isdecimal() and _is_mask(value)}
    elif isinstance(data, list):
        some = [one for one in data if _is_mask(one)]
        own = [one.get("id") for one in some]
        named = len(set(map(str, own))) == len(own) and all(type(n) is int and n >= 1 for n in own)
        masks = dict(zip(own if named else range(1, len(some) + 1), some, strict=True))
    else:
        masks = {}
    if not masks:
        raise PhotoError(f"{where} holds no mask, expected {_RUNS}.")
    return masks


def _is_mask(value: Any) -> bool:
    return isinstance(value, dict) and ({"size", "counts"} <= set(value) or "segmentation" in value)


def _only(where: Path, masks: dict[int, Any], name: str) -> Any:
    if len(masks) > 1:
        some = ", ".join(map(str, list(masks)[:_MOST_NAMED]))
        raise ValueError(f"{name}: {where.name} holds {len(masks)} masks, {some}; say which: `ids` and `id`.")
    return next(iter(masks.values()))


def _size_of(where: Path, mask: dict) -> tuple[int, int]:
    inner = mask.get("segmentation", mask)
    said: Any = inner.get("size") if isinstance(inner, dict) else (mask.get("height"), mask.get("width"))
    if isinstance(inner, list) and None in said:
        return (0, 0)  # polygons of COCO do not say of what size; the photo's is taken
    whole = isinstance(said, list | tuple) and len(said) == 2 and all(type(n) is int and 0 < n < 100_000 for n in said)
    if not whole:
        raise PhotoError(f"{where}: a mask's size is {said!r}, expected [height, width] in whole pixels.")
    return said[0], said[1]


def _runs(where: Path, mask: dict, size: tuple[int, int], name: str) -> np.ndarray:
    inner = mask.get("segmentation", mask)
    rows, cols = _size_of(where, mask)
    if (rows, cols) not in ((0, 0), tuple(size)):
        _fitting(np.broadcast_to(False, (rows, cols)), size, where, name)
    if isinstance(inner, list):
        return _polygons(inner, size, where, name)
    counts = inner.get("counts")
    try:
        runs = unpacked(counts) if isinstance(counts, str) else np.asarray(counts)
    except ValueError as error:
        raise ValueError(f"{name}: {where.name}: {error}.") from None
    good = runs.ndim == 1 and runs.dtype.kind in "iu" and len(runs) and runs.min() >= 0 and runs.sum() == rows * cols
    if not good:
        raise ValueError(
            f"{name}: the run lengths in {where.name} do not add up to {cols} x {rows} pixels, expected whole numbers, "
            f"zeros first, down the columns. Was the file cut off, or edited?"
        )
    flat = np.repeat(np.arange(len(runs)) % 2, runs)
    return flat.reshape(cols, rows).T.astype(np.float32)


def unpacked(letters: str) -> np.ndarray:
    """Run lengths (n,) of COCO's packed form.

    Raises:
        ValueError: Other letters than it is made of, or an end in the midst of a number.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in letters:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError(f"run lengths are packed into {letter!r}, which no tool writes")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("packed run lengths end in the midst of a number")
    return np.array(runs, dtype=np.int64)


def _polygons(polygons: list, size: tuple[int, int], where: Path, name: str) -> np.ndarray:
    covered = np.zeros(size, dtype=np.float32)
    for polygon in polygons:
        try:
            points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
        except (TypeError, ValueError):
            points = np.zeros((0, 2))
        if len(points) < 3 or not np.isfinite(points).all():
            raise ValueError(f"{name}: a polygon in {where.name} is no list [u, v, u, v, ...] of three points or more.")
        covered = np.maximum(covered, polygon_coverage(points, size))
    return covered
