"""What the watermark is made of: a tile of keyed noise patterns, and the number that they carry.

65 patterns of 64 x 64 are made from the key, confined to a band of spatial frequencies that both the eye and a video
encoder care little about, and made orthonormal. The first says where the tile lies; each other carries one bit by its
sign: 48 of an id and 16 of a checksum. Spread spectrum: Cox, Kilian, Leighton, Shamoon, IEEE Trans. Image Processing
6(12), 1997; a tile that repeats, found again by correlation: Kutter, SPIE 3528, 1998.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

import numpy as np

TILE = 64
"""Side of the tile [units]; 360 units are the shorter side of the frame."""
UNITS = 360
ID_BITS = 48
CHECK_BITS = 16
BITS = ID_BITS + CHECK_BITS
BAND = (0.04, 0.26)
"""Spatial frequencies of the patterns [cycles per unit]."""
SYNC_SHARE = 0.18
"""Share of the energy that says where the tile lies."""
OPEN_KEY = b"physim: an open key, which anyone can read, remove and forge"
MAX_KEY = 65_536
"""Longest key file [bytes]."""


def load_key(path: str | os.PathLike | None) -> bytes:
    """The bytes of a key file; ``None``: the open key.

    Raises:
        ValueError: No such file, or one that is empty or no key.
    """
    if path is None:
        return OPEN_KEY
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected the key of a watermark: any file with at least 8 bytes.")
    size = path.stat().st_size
    if not 8 <= size <= MAX_KEY:
        raise ValueError(f"{path} has {size} bytes, expected a watermark's key of 8 to {MAX_KEY}.")
    return path.read_bytes()


def id_number(text: str) -> int:
    """``"1f3a"`` → the id.

    Raises:
        ValueError: Not 1 to 12 hexadecimal digits.
    """
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 2**ID_BITS:
        raise ValueError(f"the watermark's id is {text!r}, expected 1 to {ID_BITS // 4} hexadecimal digits.")
    return number


def to_bits(number: int) -> np.ndarray:
    """Id → (64,) of -1 and +1: the id, then its checksum."""
    word = (number << CHECK_BITS) | _checksum(number)
    return np.array([1 if word >> (BITS - 1 - i) & 1 else -1 for i in range(BITS)], dtype=np.int8)


def from_bits(bits: np.ndarray) -> int | None:
    """(64,) → id; ``None`` if the checksum does not fit."""
    word = 0
    for bit in np.asarray(bits) > 0:
        word = word << 1 | int(bit)
    number = word >> CHECK_BITS
    return number if _checksum(number) == word & (2**CHECK_BITS - 1) else None


@functools.lru_cache(maxsize=8)
def patterns(key: bytes) -> np.ndarray:
    """(65, 64, 64) float32, orthonormal; the same for a key on every machine: the noise is SHAKE-256 of it."""
    count = BITS + 1
    stream = hashlib.shake_256(b"physim watermark 1\0" + key).digest(count * TILE * TILE)
    noise = np.frombuffer(stream, dtype=np.uint8).reshape(count, TILE, TILE) - 127.5
    spectrum = np.fft.rfft2(noise)
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    spectrum[:, (frequency < BAND[0]) | (frequency > BAND[1])] = 0
    flat = np.fft.irfft2(spectrum, s=(TILE, TILE)).reshape(count, -1)
    basis, _ = np.linalg.qr(flat.T)
    signs = np.sign((basis * flat.T).sum(axis=0))  # QR leaves the sign open
    return np.ascontiguousarray((basis * signs).T.reshape(count, TILE, TILE), dtype=np.float32)


def tile(key: bytes, number: int) -> np.ndarray:
    """(64, 64) float32 of unit variance: the signs of ``number`` on the patterns of ``key``."""
    weights = np.empty(BITS + 1)
    weights[0] = np.sqrt(SYNC_SHARE)
    weights[1:] = to_bits(number) * np.sqrt((1 - SYNC_SHARE) / BITS)
    return np.tensordot(weights, patterns(key), 1).astype(np.float32) * TILE


def _checksum(number: int) -> int:
    """CRC-16/CCITT-FALSE of the id's six bytes (polynomial 0x1021, start 0xFFFF)."""
    value = 0xFFFF
    for byte in number.to_bytes(ID_BITS // 8, "big"):
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021) & 0xFFFF if value & 0x8000 else value << 1
    return value
