"""The area of a polygon in pixels."""

from __future__ import annotations

import numpy as np

_SUPERSAMPLES = 8
"""Per side of a pixel, for the coverage at the edge of an outline."""


def polygon_coverage(polygon: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Antialiased area of a polygon (N, 2) of (u, v) [pixels], even-odd; (height, width) float32 in [0, 1]."""
    from PIL import Image, ImageDraw

    polygon = np.asarray(polygon, dtype=np.float64)
    covered = np.zeros(size, dtype=np.float32)
    low = np.clip(np.floor(polygon.min(0)), 0, (size[1], size[0])).astype(int)
    high = np.clip(np.ceil(polygon.max(0)), 0, (size[1], size[0])).astype(int)
    width, height = high - low
    if width <= 0 or height <= 0:
        return covered
    fine = _SUPERSAMPLES if width * height < 4_000_000 else 2
    canvas = Image.new("L", (int(width) * fine, int(height) * fine))
    # Pillow puts pixel centres at whole numbers, we put them at one half
    points = [tuple(p) for p in (polygon - low) * fine - 0.5]
    ImageDraw.Draw(canvas).polygon(points, fill=1)
    samples = np.asarray(canvas, dtype=np.float32).reshape(height, fine, width, fine)
    covered[low[1] : high[1], low[0] : high[0]] = samples.mean((1, 3))
    return covered
