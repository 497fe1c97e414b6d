"""Where in the photo a thing is: outlines, boxes, ellipses and mask files become coverage masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from physim.shot import Select

_SUPERSAMPLES = 8
"""Per side of a pixel, for the coverage at the edge of an outline."""


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
        covered = _read_mask(select.mask, size, name)
    elif select.ids is not None:
        covered = _read_ids(select.ids, int(select.id or 0), size, name)
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


def _open(path: Path, size: tuple[int, int], name: str) -> np.ndarray:
    from PIL import Image

    if not Path(path).is_file():
        raise ValueError(f"{name}: there is no mask file {str(path)!r}. Paths are relative to the shot file's folder.")
    with Image.open(path) as file:
        picture: Image.Image = file
        if "A" in picture.getbands():
            picture = picture.getchannel("A")
        elif picture.mode not in ("L", "P", "I", "I;16", "1"):
            picture = picture.convert("L")
        pixels = np.asarray(picture)
    if pixels.shape != tuple(size):
        raise ValueError(
            f"{name}: mask {Path(path).name!r} is {pixels.shape[1]} x {pixels.shape[0]} pixels, expected the photo's "
            f"{size[1]} x {size[0]}. Export it at the photo's own size."
        )
    return pixels


def _read_mask(path: Path, size: tuple[int, int], name: str) -> np.ndarray:
    pixels = _open(path, size, name)
    full = 1.0 if pixels.dtype == bool else 65535.0 if pixels.dtype.itemsize > 1 else 255.0
    return pixels.astype(np.float32) / np.float32(full)


def _read_ids(path: Path, number: int, size: tuple[int, int], name: str) -> np.ndarray:
    pixels = _open(path, size, name)
    if not (pixels == number).any():
        found = ", ".join(str(n) for n in np.unique(pixels)[:12])
        raise ValueError(f"{name}: id {number} is not in {Path(path).name!r}; it holds {found}.")
    return (pixels == number).astype(np.float32)
