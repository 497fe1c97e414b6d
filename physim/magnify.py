"""Pictures composed on a coarse grid, as large as they are asked for.

A photo enlarged holds no more than the photo. What moves in it is composed on a grid that loses nothing of it and then
enlarged as the photo is; what has not changed is the photo at full size, to the bit.
"""

from __future__ import annotations

import sys
from threading import Lock

import numpy as np
import warp as wp
from physim_kernels import magnify as kernels
from scipy.ndimage import gaussian_filter, maximum_filter

from physim import blend
from physim.plate import cubic_taps, resize

PLENTY = 1200
"""A smaller photo is composed at up to twice its size: edges that move between its pixels stay smooth. [columns]"""
GAIN = 1.25
"""A frame that is not this much larger than the grid is composed as it is."""
HELD_BY_NOBODY = 3
"""References to a frame by the list, the loop over it and the count itself."""
SAME = 0.02
"""A change of this much gives up 63 % of what the grid lacks of the photo [sRGB]."""


def grid_size(photo_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) at which frames of ``size`` are composed: theirs, or less if the photo holds less."""
    cols = max(photo_size[1], min(2 * photo_size[1], PLENTY))
    if size[1] < GAIN * cols:
        return size
    return max(2, round(size[0] * cols / size[1])), cols


class _Axis:
    """Which coarse samples make the output along one side."""

    def __init__(self, source: int, target: int, device) -> None:
        index, weight = cubic_taps(source, target)
        at = (np.arange(target) + 0.5) * (source / target) - 0.5
        near = np.clip(np.round(at), 0, source - 1)
        self.index = wp.array(index, dtype=wp.int32, device=device)
        self.weight = wp.array(weight, dtype=wp.vec4, device=device)
        self.near = wp.array(near.astype(np.int32), dtype=wp.int32, device=device)
        self.part = wp.array((at - np.floor(at)).astype(np.float32), dtype=wp.float32, device=device)


class Magnifier:
    """Makes frames from pictures on a coarse grid.

    Args:
        photo: At its own size (h, w, 3) sRGB.
        grid: The photo on the coarse grid.
        size: (height, width) of the frames, larger than the grid.
        device: Warp device.
    """

    def __init__(self, photo: np.ndarray, grid: np.ndarray, size: tuple[int, int], device=None) -> None:
        self.size = size
        self._grid = grid
        self._device = wp.get_device(device)
        self._whole = resize(photo, size)
        self._base = self._array(self._whole, wp.vec3)
        self._srgb_of = self._array(blend.SRGB_OF, wp.float32)
        self._rows, self._cols = (_Axis(n, m, device) for n, m in zip(grid.shape[:2], size, strict=True))
        v, u = (np.arange(0, n, edge) for n, edge in zip(size, kernels.TILE, strict=True))
        corners = np.stack(np.meshgrid(v, u, indexing="ij"), -1).reshape(-1, 2)
        self._every = np.column_stack([corners, np.full(len(corners), kernels.WHOLE)]).astype(np.int32)
        self._unread = np.zeros((1, 1), np.float32)
        self._was = self._wide(grid, (0, grid.shape[0]), (0, size[1]))
        self._memory = _Memory((*size, 3))

    def __call__(self, picture: np.ndarray, *, moved: bool = False) -> np.ndarray:
        """A frame (H, W, 3) sRGB; nobody else writes to it while it or a part of it is held.

        Args:
            picture: On the grid (h, w, 3) sRGB.
            moved: Whether the camera sees the photo from elsewhere, so that nothing is where it was.
        """
        frame = self._memory.take()
        if moved:
            touched = keep = self._unread
            tile, rows, cols = self._every, (0, picture.shape[0]), (0, self.size[1])
        else:
            touched = maximum_filter(
                blend.change(picture, self._grid), size=5
            )  # what any of the 4 x 4 samples about a place differs by
            keep = np.exp(-((gaussian_filter(touched, 1.0) / SAME) ** 2))
            keep[keep < 1e-3] = 0.0
            tile, rows, cols = self._tiles(touched > 0, keep > 0)
        if not (tile[:, 2] == kernels.WHOLE).all() or len(tile) < len(self._every):
            np.copyto(frame, self._whole)
        if len(tile):
            kernels.down(
                self._array(tile, wp.vec3i), self._wide(picture, rows, cols), self._was, self._base,
                self._array(touched, wp.float32), self._array(keep, wp.float32), self._rows, self._cols, self._srgb_of,
                out=(out := self._array(frame, wp.vec3)),
            )  # fmt: skip
            return out.numpy()
        return frame

    def _array(self, values: np.ndarray, dtype) -> wp.array:
        return wp.array(np.ascontiguousarray(values), dtype=dtype, device=self._device, copy=False)

    def _wide(self, picture: np.ndarray, rows: tuple[int, int], cols: tuple[int, int]) -> wp.array:
        """The picture in linear light, enlarged along some of its rows, for some columns of the frame."""
        linear = wp.empty(picture.shape[:2], dtype=wp.vec3, device=self._device)
        some = slice(*rows)
        if linear.device.is_cpu:
            linear.numpy()[some] = blend.to_linear(picture[some])
        else:
            linear = self._array(blend.to_linear(picture), wp.vec3)
        out = wp.empty((picture.shape[0], self.size[1]), dtype=wp.vec3, device=self._device)
        kernels.across(linear, self._cols, rows[0], rows[1] - rows[0], cols, out=out)
        return out

    def _tiles(self, touched: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
        """Tiles (v, u, kind) that have something to do, which rows of the grid they read, which columns they make.

        Rows of the grid and columns of the frame as first and end.
        """
        edges = [np.arange(0, n, edge) for n, edge in zip(self.size, kernels.TILE, strict=True)]
        starts = [(e * (n / m)).astype(int) for e, n, m in zip(edges, touched.shape, self.size, strict=True)]

        def any_of(what: np.ndarray) -> np.ndarray:
            near = maximum_filter(what, size=5)
            return np.logical_or.reduceat(np.logical_or.reduceat(near, starts[0], axis=0), starts[1], axis=1)

        busy = any_of(touched)
        mixed = any_of(~touched | kept)
        v, u = np.nonzero(busy)
        kind = np.where(mixed[v, u], kernels.MIXED, kernels.WHOLE)
        tile = np.stack([edges[0][v], edges[1][u], kind], axis=1).astype(np.int32)
        if not len(tile):
            return tile, (0, 0), (0, 0)
        low, high = starts[0][v.min()], (edges[0][v.max()] + kernels.TILE[0]) * (touched.shape[0] / self.size[0])
        rows = max(int(low) - 2, 0), min(int(high) + 3, touched.shape[0])
        return tile, rows, (int(tile[:, 1].min()), min(int(tile[:, 1].max()) + kernels.TILE[1], self.size[1]))


class _Memory:
    """Frames used again as soon as nobody holds them: fresh memory of this size costs more than what is put in it."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._frames: list[np.ndarray] = []
        self._lock = Lock()

    def take(self) -> np.ndarray:
        """A frame with anything in it, which is held as long as it or a view of it is."""
        with self._lock:
            for frame in self._frames:
                if sys.getrefcount(frame) <= HELD_BY_NOBODY:
                    return frame.view()
            self._frames = [frame for frame in self._frames if sys.getrefcount(frame) > HELD_BY_NOBODY]
            self._frames.append(np.empty(self._shape, np.float32))
            return self._frames[-1].view()
