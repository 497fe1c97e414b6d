"""Where in the photo a thing is: outlines, boxes, ellipses and mask files become coverage masks."""

from __future__ import annotations

import numpy as np

from physim.mask_file import read_ids, read_mask
from physim.polygon import polygon_coverage
from physim.shot import Select

__all__ = ["coverage", "ellipse_coverage", "ellipse_points", "mask_of", "polygon_coverage"]


def coverage(select: Select, size: tuple[int, int], *, name: str = "selection") -> np.ndarray:
    """How much of each pixel a selection covers.

    Args:
        select: Box, polygon, ellipse, mask file or ids file, as it stands; :mod:`physim.selection` searches.
        size: (height, width) of the photo [pixels].
        name: Of the thing, for messages.

    Returns:
        (height, width) float32 in [0, 1]; a mask file keeps its own grey levels.

    Raises:
        ValueError: Nothing selected, a selection outside the photo, a mask of another size.
    """
    if select.box is not None:
        u0, v0, u1, v1 = select.box
        if not (u1 > u0 and v1 > v0):
            raise ValueError(
                f"{name}.select.box is {list(select.box)}, expected [u0, v0, u1, v1] with u1 > u0 and v1 > v0."
            )
        covered = polygon_coverage(np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]]), size)
    elif select.polygon is not None:
        covered = polygon_coverage(np.array(select.polygon), size)
    elif select.ellipse is not None:
        covered = ellipse_coverage(select.ellipse, size)
    elif select.mask is not None:
        covered = read_mask(select.mask, size, name)
    elif select.ids is not None:
        covered = read_ids(select.ids, int(select.id or 0), size, name)
    else:
        raise ValueError(f"{name} is given by a click or strokes, expected a box, polygon, ellipse, mask or ids.")
    if covered.max() < 0.5:
        raise ValueError(
            f"{name} selects no pixel of the photo ({size[1]} x {size[0]}). Selections are in pixels (u, v) from the "
            f"upper left corner; look whether the outline lies outside, or the mask is black."
        )
    return covered


def mask_of(select: Select, size: tuple[int, int], *, name: str = "selection") -> np.ndarray:
    """The pixels that belong to a selection by more than half, (height, width) bool. Errors: :func:`coverage`."""
    return coverage(select, size, name=name) >= 0.5


def ellipse_points(ellipse: tuple[float, ...], count: int = 256) -> np.ndarray:
    """Points on [centre u, centre v, semi-axis u, semi-axis v, angle in degrees], (count, 2) [pixels].

    The angle turns the first semi-axis from +u towards +v (clockwise on the screen).
    """
    u, v, a, b, degrees = ellipse
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = a * np.cos(t), b * np.sin(t)
    return np.stack([u + cos * x - sin * y, v + sin * x + cos * y], axis=1)


def ellipse_coverage(ellipse: tuple[float, ...], size: tuple[int, int], *, blur: float = 0.0) -> np.ndarray:
    """Antialiased area of an ellipse, optionally seen through a lens of Gaussian ``blur`` [pixels].

    From the signed distance to first order (f / |grad f|), exact where the curvature is small against a pixel.
    """
    from scipy.special import erf

    if min(ellipse[2:4]) <= 0:
        raise ValueError(f"ellipse {list(ellipse)} has a semi-axis that is not positive.")
    sigma = np.hypot(blur, 0.29)  # 1 / sqrt(12): the pixel itself is a box of this deviation
    u, v, a, b, degrees = ellipse
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    reach = np.array([np.hypot(a * cos, b * sin), np.hypot(a * sin, b * cos)]) + 8 * sigma + 1
    low = np.clip(np.floor((u, v) - reach), 0, size[::-1]).astype(int)
    high = np.clip(np.ceil((u, v) + reach), 0, size[::-1]).astype(int)
    grid = np.stack(np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5), axis=-1)
    covered = np.zeros(size, dtype=np.float32)
    inside = _inside_distance(ellipse, grid)
    covered[low[1] : high[1], low[0] : high[0]] = 0.5 * (1 + erf(inside / (sigma * np.sqrt(2))))
    return covered


def _inside_distance(ellipse: tuple[float, ...], points: np.ndarray) -> np.ndarray:
    """Distance to the rim, positive inside [pixels], first order."""
    u, v, a, b, degrees = ellipse
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    du, dv = points[..., 0] - u, points[..., 1] - v
    x, y = (cos * du + sin * dv) / a, (-sin * du + cos * dv) / b
    level = np.hypot(x, y)
    slope = np.hypot(x / a, y / b) / np.maximum(level, 1e-9)
    return (1 - level) / np.maximum(slope, 1e-9)
