"""Smooth maps between their samples, bilinear and held at the border: on a regular grid, or at any places."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import resample as kernels


def stretch(values: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """A map (h, w) or (h, w, C) at every pair of ``rows`` (H,) and ``cols`` (W,), (H, W) or (H, W, C) float32.

    Rows and columns count samples, the first at 0.
    """
    values = np.asarray(values, np.float32)
    for axis, places in enumerate((rows, cols)):
        last = values.shape[axis] - 1
        at = np.clip(places, 0, last)
        low = np.minimum(at.astype(int), max(last - 1, 0))
        part = (at - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        here = np.take(values, low, axis=axis)
        step = np.take(values, np.minimum(low + 1, last), axis=axis)
        step -= here
        step *= part
        here += step
        values = here
    return values


def warped(values: np.ndarray, places: np.ndarray, scale: tuple[float, float] = (1.0, 1.0), device=None) -> np.ndarray:
    """A map (h, w) or (h, w, 3) at places (..., 2), (...) or (..., 3) float32.

    Args:
        values: The map.
        places: (u, v), with centres of samples at +0.5.
        scale: Samples per unit of ``places`` (u, v).
        device: Warp device.
    """
    colours = values.ndim == 3
    shape = places.shape[:-1]
    at = np.ascontiguousarray(places, np.float32).reshape(-1, 2)
    source = wp.array(
        np.ascontiguousarray(values, np.float32), dtype=wp.vec3 if colours else wp.float32, device=device, copy=False
    )
    out = wp.empty(len(at), dtype=source.dtype, device=device)
    kernels.bilinear(source, wp.array(at, dtype=wp.vec2, device=device, copy=False), wp.vec2(*scale), out=out)
    return out.numpy().reshape(*shape, *values.shape[2:])
