"""PNG files of 16 bits per channel, with text. Pillow writes neither colour of 16 bits nor text of any length there."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_png(path: str | os.PathLike, values: np.ndarray, notes: Mapping[str, str] | None = None) -> Path:
    """Write (H, W) or (H, W, 3) uint16; three channels are sRGB. The file has its name once it is complete.

    Raises:
        ValueError: Another shape or kind of numbers.
    """
    path = Path(path)
    values = np.asarray(values)
    if values.dtype != np.uint16 or values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] != 3):
        raise ValueError(f"{path.name}: given {values.dtype} {values.shape}, expected uint16 (H, W) or (H, W, 3).")
    rows, cols = values.shape[:2]
    samples = np.ascontiguousarray(values, dtype=">u2").reshape(rows, -1).view(np.uint8)
    pixel = 2 * (1 if values.ndim == 2 else 3)
    moved = samples.copy()
    moved[:, pixel:] -= samples[:, :-pixel]  # the filter 'Sub': what is left is small
    lines = np.concatenate([np.ones((rows, 1), np.uint8), moved], axis=1)
    chunks = [
        (b"IHDR", struct.pack(">2I5B", cols, rows, 16, 0 if values.ndim == 2 else 2, 0, 0, 0)),
        *([(b"sRGB", b"\0")] if values.ndim == 3 else []),
        *((b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + text.encode()) for name, text in (notes or {}).items()),
        (b"IDAT", zlib.compress(lines.tobytes(), 4)),
        (b"IEND", b""),
    ]
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n")
            for kind, data in chunks:
                file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
