"""The photo at any size and through any camera: exact copies where nothing is resampled."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import resample as kernels

from physim import blend


def cubic_taps(source: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """The four samples (target, 4), held to the border, that make each sample of an enlarged axis, and their weights.

    Catmull-Rom (Keys 1981, a = -1/2).
    """
    at = (np.arange(target) + 0.5) * (source / target) - 0.5
    first = np.floor(at).astype(int) - 1
    index, weight = [], []
    for tap in range(4):
        d = np.abs(at - (first + tap))
        weight.append(
            np.where(d < 1, 1.5 * d**3 - 2.5 * d**2 + 1, np.where(d < 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0))
        )
        index.append(np.clip(first + tap, 0, source - 1))
    return np.stack(index, axis=1), np.stack(weight, axis=1).astype(np.float32)


def _weights(source: int, target: int) -> np.ndarray:
    """Matrix (target, source) of one axis: area average when shrinking, Catmull-Rom when enlarging."""
    scale = source / target
    if scale >= 1.0:
        edge = np.arange(target + 1) * scale
        low, high = edge[:-1, None], edge[1:, None]
        k = np.arange(source)[None, :]
        return (np.clip(np.minimum(high, k + 1) - np.maximum(low, k), 0, None) / scale).astype(np.float32)
    index, weight = cubic_taps(source, target)
    result = np.zeros((target, source), np.float32)
    for tap in range(4):
        np.add.at(result, (np.arange(target), index[:, tap]), weight[:, tap])
    return result


def _enlarged(linear: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) at a larger size, tap by tap: the matrices of a 4K picture would be nearly empty."""
    for axis in (0, 1):
        index, weight = cubic_taps(linear.shape[axis], size[axis])
        shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
        total = np.take(linear, index[:, 0], axis=axis) * weight[:, 0].reshape(shape)
        for tap in range(1, 4):
            part = np.take(linear, index[:, tap], axis=axis)
            part *= weight[:, tap].reshape(shape)
            total += part
        linear = total
    return linear


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture (h, w, 3) sRGB at another size (H, W): area average in linear light down, Catmull-Rom up.

    The same size gives the same array.
    """
    rows, cols = picture.shape[:2]
    if (rows, cols) == tuple(size):
        return picture
    linear = blend.to_linear(picture)
    if rows < size[0] and cols < size[1]:
        return blend.to_srgb(_enlarged(linear, size))
    tall = np.tensordot(_weights(rows, size[0]), linear, axes=(1, 0))
    full = np.tensordot(tall, _weights(cols, size[1]), axes=(1, 1)).transpose(0, 2, 1)
    return blend.to_srgb(np.ascontiguousarray(full, dtype=np.float32))


def resize_map(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) at another size (H, W), by the same weights, held to its own range."""
    if values.shape == tuple(size):
        return values.astype(np.float32)
    rows, cols = values.shape
    full = _weights(rows, size[0]) @ values.astype(np.float32) @ _weights(cols, size[1]).T
    return np.clip(full, values.min(), values.max())


class PlateSampler:
    """A picture of the photo's pixel grid, already at output size, seen through ``source_uv``.

    Args:
        picture: (H, W, 3) sRGB at output size.
        photo_size: (height, width) of the photo that ``source_uv`` counts in.
        device: Warp device.
    """

    def __init__(self, picture: np.ndarray, photo_size: tuple[int, int], device=None) -> None:
        rows, cols = picture.shape[:2]
        self.picture = picture
        self._scale = wp.vec2(cols / photo_size[1], rows / photo_size[0])
        self._size = wp.vec2i(cols, rows)
        self._device = wp.get_device(device)
        texels = np.concatenate([picture, np.ones((rows, cols, 1))], axis=-1).astype(np.float32)
        self._texels = wp.array(texels.reshape(-1, 4), dtype=wp.vec4, device=self._device)

    def __call__(self, source_uv: np.ndarray) -> np.ndarray:
        """The picture at ``source_uv`` (H, W, 2) [pixels of the photo], (H, W, 3); clamped Catmull-Rom."""
        uv = wp.array(np.ascontiguousarray(source_uv, np.float32), dtype=wp.vec2, device=self._device)
        out = wp.empty(uv.shape, dtype=wp.vec4, device=self._device)
        kernels.resample(self._texels, self._size, uv, self._scale, out=out)
        return np.clip(out.numpy()[..., :3], 0.0, 1.0)
