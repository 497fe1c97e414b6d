"""An invisible watermark: put into every frame at its full size, one frame at a time.

The tile of :mod:`i2v.media.watermark_pattern` is laid over the frame again and again, 5.6 times along its shorter
side, stronger where the picture is busy and weaker where it is smooth (Voloshynovskiy et al., Information Hiding,
LNCS 1768, 1999), and never below ``PSNR``. It is looked for in :mod:`i2v.media.watermark_detect`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from i2v.media.watermark_pattern import TILE, UNITS, tile

PSNR = 42.3
"""Of a marked frame against the unmarked one, at least [dB]."""
BLOCK = 8
"""Side of the blocks in which the picture's activity is measured [units]."""
GAIN = (0.6, 1.5)
"""Least and greatest strength against the mean, by activity."""
QUIET = 0.02
"""Standard deviation of a block whose activity is usual [sRGB]."""


class Marker:
    """Marks frames of one size with one number. Frames stay what they are: float or uint8, (H, W, 3) sRGB.

    Args:
        key: Secret bytes.
        number: What the mark carries, below 2^48.
        size: (height, width) of the frames [pixels].

    Raises:
        ValueError: Frames too small to carry a mark.
    """

    def __init__(self, key: bytes, number: int, size: tuple[int, int]) -> None:
        if min(size) < 128:
            raise ValueError(f"frames are {size[1]} x {size[0]}, expected at least 128 pixels a side for a watermark.")
        self.size = size
        self._pattern = _spread(tile(key, number), size)
        self._add = _adder(size)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """One frame, marked.

        Raises:
            ValueError: A frame of another size.
        """
        frame = np.asarray(frame)
        if frame.shape != (*self.size, 3):
            raise ValueError(f"the frame has shape {frame.shape}, expected {(*self.size, 3)}, that of this marker.")
        if frame.dtype == np.uint8:
            marked = np.asarray(self._add(frame.astype(np.float32) / 255, self._pattern))
            return np.rint(marked * 255).astype(np.uint8)
        return np.asarray(self._add(frame.astype(np.float32), self._pattern))

    def all(self, frames: Any) -> Iterator[np.ndarray]:
        """Each of some frames, marked as it is asked for."""
        for frame in frames:
            yield self(frame)


def _spread(small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The tile over a frame (H, W) float32, unit variance. Exact: the periodic pattern is summed from its spectrum."""
    pitch = min(size) / UNITS
    spectrum = np.fft.fft2(small) / small.size
    numbers = np.fft.fftfreq(TILE, 1 / TILE)
    rows, cols = (
        np.exp(2j * np.pi * np.outer((np.arange(n) + 0.5) / pitch, numbers) / TILE).astype(np.complex64) for n in size
    )
    full = ((rows @ spectrum.astype(np.complex64)) @ cols.T).real
    return np.ascontiguousarray(full / full.std(), dtype=np.float32)


@functools.lru_cache(maxsize=4)
def _adder(size: tuple[int, int]) -> Callable[[Any, Any], Any]:
    """Compiled for one size."""
    import jax
    import jax.numpy as jnp

    side = max(2, round(BLOCK * min(size) / UNITS))
    rows, cols = (-(-n // side) for n in size)

    def activity(luma: Any) -> Any:
        """Standard deviation of each block (rows, cols), and smoothly between them (H, W)."""
        padded = jnp.pad(luma, ((0, rows * side - size[0]), (0, cols * side - size[1])), mode="edge")
        blocks = padded.reshape(rows, side, cols, side)
        mean = blocks.mean(axis=(1, 3), keepdims=True)
        deviation = jnp.sqrt(((blocks - mean) ** 2).mean(axis=(1, 3)))
        gain = jnp.clip(jnp.sqrt(deviation / QUIET), *GAIN)
        return jax.image.resize(gain, (rows * side, cols * side), "linear")[: size[0], : size[1]]

    @jax.jit
    def add(frame: Any, pattern: Any) -> Any:
        gain = activity(frame @ jnp.array([0.2126, 0.7152, 0.0722], dtype=jnp.float32))
        mark = gain * pattern
        strength = 10 ** (-PSNR / 20) / jnp.sqrt(jnp.mean(mark**2))
        return jnp.clip(frame + (strength * mark)[..., None], 0.0, 1.0)

    return add
