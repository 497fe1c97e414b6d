"""OpenEXR files: scan lines, any channels of half, float or whole numbers, ZIP compression, attributes of text.

Written after "The OpenEXR File Layout" and "Technical Introduction to OpenEXR" (Kainz, Bogart, Stanczyk, Hillman).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

LINES = 16
"""Scan lines that are compressed together."""
_TYPES = {np.dtype("<u4"): 0, np.dtype("<f2"): 1, np.dtype("<f4"): 2}
BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities (x, y) of red, green, blue, white."""


def write_exr(
    path: str | os.PathLike,
    channels: Mapping[str, np.ndarray],
    *,
    fps: float | None = None,
    notes: Mapping[str, str] | None = None,
) -> Path:
    """Write one picture; the file has its name once it is complete.

    Args:
        path: Of the file.
        channels: Name → (H, W) float16, float32 or uint32; 'R', 'G', 'B' are linear light of BT.709 primaries.
        fps: Frames per second of the sequence it belongs to.
        notes: Name → text.

    Raises:
        ValueError: No channels, other sizes or other kinds of numbers.
    """
    path = Path(path)
    planes = {name: np.ascontiguousarray(channels[name]) for name in sorted(channels)}
    shapes = {plane.shape for plane in planes.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"channels have shapes {sorted(shapes)}, expected one (height, width) for all.")
    for name, plane in planes.items():
        if plane.dtype not in _TYPES:
            raise ValueError(f"channel {name!r} is {plane.dtype}, expected float16, float32 or uint32.")
    rows, cols = shapes.pop()
    head = _header(planes, rows, cols, fps, notes or {})
    blocks = [_block(planes, first, min(first + LINES, rows)) for first in range(0, rows, LINES)]
    at, offsets = len(head) + 8 * len(blocks), []
    for block in blocks:
        offsets.append(at)
        at += len(block)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(head + struct.pack(f"<{len(offsets)}Q", *offsets))
            file.writelines(blocks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _header(planes, rows: int, cols: int, fps: float | None, notes: Mapping[str, str]) -> bytes:  # type: ignore[no-untyped-def]
    def attribute(name: str, kind: str, data: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(data)) + data

    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _TYPES[plane.dtype], 0, 1, 1) for name, plane in planes.items()
    )
    window = struct.pack("<4i", 0, 0, cols - 1, rows - 1)
    parts = [
        attribute("channels", "chlist", listed + b"\0"),
        attribute("compression", "compression", b"\3"),
        attribute("dataWindow", "box2i", window),
        attribute("displayWindow", "box2i", window),
        attribute("lineOrder", "lineOrder", b"\0"),
        attribute("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        attribute("screenWindowWidth", "float", struct.pack("<f", 1.0)),
        attribute("chromaticities", "chromaticities", struct.pack("<8f", *BT709)),
    ]
    if fps is not None:
        from fractions import Fraction

        rate = Fraction(fps).limit_denominator(1001)
        parts.append(attribute("framesPerSecond", "rational", struct.pack("<iI", rate.numerator, rate.denominator)))
    parts += [attribute(name, "string", text.encode()) for name, text in notes.items()]
    return struct.pack("<II", 20000630, 2) + b"".join(parts) + b"\0"


def _block(planes, first: int, last: int) -> bytes:  # type: ignore[no-untyped-def]
    """Lines ``first`` to ``last``, each as its channels one after another; split into bytes, differenced, deflated."""
    raw = b"".join(plane[row].tobytes() for row in range(first, last) for plane in planes.values())
    values = np.frombuffer(raw, np.uint8)
    halves = np.concatenate([values[0::2], values[1::2]]).astype(np.int16)
    halves[1:] = (halves[1:] - halves[:-1] + 128) & 255
    packed = zlib.compress(halves.astype(np.uint8).tobytes(), 4)
    data = packed if len(packed) < len(raw) else raw
    return struct.pack("<ii", first, len(data)) + data
