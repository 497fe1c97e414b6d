"""Depth brought to another grid without mixing what is near with what is far, and normals from depth."""

from __future__ import annotations

import numpy as np

from physim.depth_result import DepthResult

SAME_SURFACE = 0.06
"""Samples whose depths differ by more than this fraction lie on different surfaces [-]."""
_MOST_TAPS = 7


def regridded(result: DepthResult, size: tuple[int, int]) -> DepthResult:
    """Metric or scaled depth on a grid of ``size`` (height, width).

    The mean of a near and a far surface is a place where nothing is. So each new pixel chooses one surface (the median
    of the samples under it when shrinking, the nearest sample when growing) and averages only the samples of that one,
    in inverse depth, which is linear across a plane's picture. A pixel is valid where more than half of it is.
    """
    if result.kind not in ("metric", "scale"):
        raise ValueError(f"depth of kind {result.kind!r} is aligned first, then brought to another grid.")
    if result.size == tuple(size):
        return result
    rows, cols, weights = _taps(result.size, size)
    trusted = result.valid[rows, cols]
    inverse = np.where(trusted, 1.0 / np.where(trusted, result.depth[rows, cols], 1.0), np.nan)
    if size[0] < result.size[0]:
        counted = np.where(weights > 1e-9, inverse, np.nan)
        order = np.sort(counted, axis=0)  # NaN last
        middle = np.maximum(np.isfinite(counted).sum(0) - 1, 0) // 2
        chosen = np.take_along_axis(order, middle[None], axis=0)[0]
    else:
        best = np.argmax(np.where(trusted, weights, -1.0), axis=0)
        chosen = np.take_along_axis(inverse, best[None], axis=0)[0]
    share = (weights * trusted).sum(0) / weights.sum(0)
    valid = (share > 0.5) & np.isfinite(chosen)
    with np.errstate(invalid="ignore"):
        same = trusted & (np.abs(inverse - chosen) <= SAME_SURFACE * chosen)
    weights = np.where(same, np.maximum(weights, 1e-9), 0.0)
    weights /= np.maximum(weights.sum(0), 1e-12)
    depth = 1.0 / np.where(valid, (weights * np.where(same, inverse, 0.0)).sum(0), 1.0)
    normals = None
    if result.normals is not None:
        normals = np.einsum("nhw,nhwc->hwc", weights, result.normals[rows, cols])
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        normals = np.where(length > 1e-3, normals / np.maximum(length, 1e-9), 0.0)
    confidence = (weights * result.confidence[rows, cols]).sum(0)
    return DepthResult(
        depth, valid, np.clip(confidence, 0, 1), result.kind, normals, scaled(result.intrinsics, result.size, size)
    )


def scaled(intrinsics: np.ndarray | None, size: tuple[int, int], new: tuple[int, int]) -> np.ndarray | None:
    """K of a grid of ``size`` for the grid ``new`` over the same picture."""
    if intrinsics is None:
        return None
    return np.diag([new[1] / size[1], new[0] / size[0], 1.0]) @ intrinsics


def normals_of(depth: np.ndarray, intrinsics: np.ndarray, far: float = np.inf) -> np.ndarray:
    """Unit normals (h, w, 3) float32 in the camera frame, towards the camera, of a depth map (h, w) [m].

    Of the differences to either neighbour the one with less relief is taken, so that an edge keeps the normals of
    both its sides. 0 where depth reaches ``far`` or is not finite.
    """
    rows, cols = depth.shape
    v, u = np.mgrid[:rows, :cols] + 0.5
    plane = np.stack(
        [(u - intrinsics[0, 2]) / intrinsics[0, 0], (v - intrinsics[1, 2]) / intrinsics[1, 1], np.ones_like(u)], axis=-1
    )
    known = np.isfinite(depth) & (depth < far)
    points = plane * np.where(known, depth, np.nan)[..., None]
    normal = np.cross(_difference(points, 0), _difference(points, 1))  # down x right: towards the camera
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(length) & (length > 0)
        return np.where(seen, normal / np.where(seen, length, 1.0), 0.0).astype(np.float32)


def _difference(points: np.ndarray, axis: int) -> np.ndarray:
    """To the next or from the previous neighbour along ``axis``, whichever changes depth less; NaN where neither is."""
    step = np.diff(points, axis=axis)
    empty = np.full_like(np.take(points, [0], axis=axis), np.nan)
    ahead, behind = np.concatenate([step, empty], axis=axis), np.concatenate([empty, step], axis=axis)
    relief_ahead, relief_behind = np.abs(ahead[..., 2]), np.abs(behind[..., 2])
    with np.errstate(invalid="ignore"):
        use_ahead = np.isnan(relief_behind) | (relief_ahead <= relief_behind)
    return np.where(use_ahead[..., None], ahead, behind)


def _taps(size: tuple[int, int], new: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns (n, h, w) of the samples of the old grid under each new pixel, and their weights."""
    row, row_weight = _taps_1d(size[0], new[0])
    col, col_weight = _taps_1d(size[1], new[1])
    count = len(row) * len(col)
    shape = (len(row), len(col), *new)
    rows = np.broadcast_to(row[:, None, :, None], shape).reshape(count, *new)
    cols = np.broadcast_to(col[None, :, None, :], shape).reshape(count, *new)
    weights = (row_weight[:, None, :, None] * col_weight[None, :, None, :]).reshape(count, *new)
    return rows, cols, weights


def _taps_1d(size: int, new: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, new) indices and weights: two bilinear neighbours when growing, the pixels underneath when shrinking."""
    if new >= size:
        centre = (np.arange(new) + 0.5) * size / new - 0.5
        low = np.floor(centre).astype(int)
        part = centre - low
        return np.clip(np.stack([low, low + 1]), 0, size - 1), np.stack([1 - part, part])
    start = np.arange(new) * size / new
    count = int(np.ceil(size / new)) + 1
    if count > _MOST_TAPS:  # an even choice of them is enough
        place = start + (np.arange(_MOST_TAPS)[:, None] + 0.5) / _MOST_TAPS * size / new
        return np.clip(place.astype(int), 0, size - 1), np.ones((_MOST_TAPS, new))
    index = np.floor(start).astype(int) + np.arange(count)[:, None]
    overlap = np.minimum(index + 1, start + size / new) - np.maximum(index, start)
    return np.clip(index, 0, size - 1), np.maximum(overlap, 0.0)
