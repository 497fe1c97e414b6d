"""WAV files: written in 24 bits, read in 8 to 32 bits."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np

LONGEST = 60.0
"""Of a recording of one blow [s]."""


def write_wav(path: str | os.PathLike, samples: np.ndarray, rate: int) -> Path:
    """Samples (N, channels) at full scale 1 as 24-bit PCM; the file has its name once it is complete."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    levels = np.rint(np.clip(samples, -1, 1) * 8388607).astype("<i4")
    data = levels.reshape(len(levels), -1, 1).view("u1")[..., :3].tobytes()
    try:
        with open(part, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(levels.shape[1] if levels.ndim > 1 else 1)
            file.setsampwidth(3)
            file.setframerate(rate)
            file.writeframes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_wav(path: str | os.PathLike) -> tuple[np.ndarray, int]:
    """(N, channels) float64 at full scale 1, and the rate.

    Raises:
        ValueError: No PCM WAV file, or one longer than a minute.
        FileNotFoundError: No such file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            if file.getnframes() > LONGEST * rate:
                raise ValueError(f"{path} lasts more than {LONGEST:g} s, expected the recording of one blow.")
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file that can be read ({error}), expected PCM of 8 to 32 bits.") from None
    if width == 1:
        values = (np.frombuffer(data, "u1").astype(np.float64) - 128) / 128
    elif width == 3:
        raw = np.frombuffer(data[: len(data) // 3 * 3], "u1").reshape(-1, 3)
        values = (np.pad(raw, ((0, 0), (1, 0))).copy().view("<i4")[:, 0] >> 8) / 8388608
    else:
        values = np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)
    return values[: len(values) // channels * channels].reshape(-1, channels), rate
