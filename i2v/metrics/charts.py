"""Small line charts and heat maps, drawn with Pillow: no plotting library is needed for a report."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Drawn at this many times the size and reduced, for smooth lines."""
SEEN, TRUE, FIT = "#c0392b", "#2c6fbb", "#2e8b57"
"""Colours of what the video shows, of what was simulated, and of fits."""
GRID, INK = "#e4e4e4", "#333333"


@dataclass(frozen=True)
class Line:
    """One curve."""

    x: np.ndarray
    y: np.ndarray
    """NaN breaks it."""
    colour: str
    label: str = ""
    dots: bool = False
    """Marks instead of a line."""


def chart(
    title: str, x_label: str, lines: Sequence[Line], size: tuple[int, int], *, low: float | None = None
) -> Image.Image:
    """Curves on linear axes, ``size`` (width, height) [pixels].

    Args:
        title: What is drawn, with its unit.
        x_label: Of the axis below.
        lines: At least one point that is finite.
        size: Of the picture.
        low: Where the upright axis begins; default: at the lowest point.
    """
    width, height = (SCALE * n for n in size)
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    frame = (46 * SCALE, 26 * SCALE, width - 12 * SCALE, height - 34 * SCALE)
    xs = np.concatenate([line.x[np.isfinite(line.y)] for line in lines])
    ys = np.concatenate([line.y[np.isfinite(line.y)] for line in lines])
    across = _range(xs.min(), xs.max(), 0.0)
    up = _range(ys.min() if low is None else min(low, ys.min()), ys.max(), 0.06)
    _axes(pen, frame, across, up)
    pen.text((frame[0], 7 * SCALE), title, fill="black", font=font(12))
    pen.text((frame[2], height - 4 * SCALE), x_label, fill=INK, font=font(10), anchor="rb")
    left = frame[0]
    for line in lines:
        _draw(pen, line, frame, across, up)
        if line.label:
            mark = (left + 2 * SCALE, height - 11 * SCALE, left + 14 * SCALE, height - 8 * SCALE)
            pen.rectangle(mark, fill=line.colour)
            pen.text((left + 18 * SCALE, height - 4 * SCALE), line.label, fill=INK, font=font(10), anchor="lb")
            left += 26 * SCALE + int(pen.textlength(line.label, font=font(10)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def heat(title: str, field: np.ndarray, background: np.ndarray, top: float, size: tuple[int, int]) -> Image.Image:
    """A field (H, W) over a grey picture (H, W, 3); NaN is left grey, ``top`` and above is the hottest colour."""
    grey = np.repeat(background.mean(axis=-1, keepdims=True), 3, axis=-1) * 0.5 + 90
    share = np.clip(np.nan_to_num(field) / max(top, 1e-9), 0, 1)
    hot = np.array([[30, 60, 160], [40, 170, 140], [240, 210, 60], [200, 30, 30]], float)
    place = share * (len(hot) - 1)
    first = np.minimum(place.astype(int), len(hot) - 2)
    part = (place - first)[..., None]
    colours = (1 - part) * hot[first] + part * hot[first + 1]
    shown = np.where(np.isfinite(field)[..., None], colours, grey)
    return captioned(title, np.clip(shown, 0, 255).astype(np.uint8), size)


def captioned(title: str, frame: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A picture (H, W, 3) uint8 as large as fits ``size`` (width, height), under its title."""
    page = Image.new("RGB", size, "white")
    room = (size[0] - 8, size[1] - 24)
    factor = min(room[0] / frame.shape[1], room[1] / frame.shape[0])
    shape = (max(1, round(frame.shape[1] * factor)), max(1, round(frame.shape[0] * factor)))
    page.paste(Image.fromarray(frame).resize(shape, Image.Resampling.LANCZOS), (4, 20))
    ImageDraw.Draw(page).text((4, 3), title, fill="black", font=ImageFont.load_default(12))
    return page


def with_tracks(frame: np.ndarray, tracks: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    """A picture (H, W, 3) with tracks (T, 2) [pixels] drawn into it, each with its colour; NaN breaks them."""
    picture = Image.fromarray(frame)
    pen = ImageDraw.Draw(picture)
    size = max(1, round(max(frame.shape[:2]) / 200))
    for points, colour in tracks:
        for a, b in itertools.pairwise(points):
            if np.isfinite(a).all() and np.isfinite(b).all():
                pen.line((*a, *b), fill=colour, width=size)
        for u, v in points[np.isfinite(points).all(axis=1)]:
            pen.ellipse((u - size, v - size, u + size, v + size), fill=colour)
    return np.asarray(picture)


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own, for drawing at ``SCALE``."""
    return ImageFont.load_default(size * SCALE)


def _range(low: float, high: float, room: float) -> tuple[float, float]:
    span = high - low
    if span <= 1e-12 * max(abs(low), abs(high), 1e-300):
        span = max(abs(low), 1.0)
        return low - 0.5 * span, high + 0.5 * span
    return low - room * span, high + room * span


def _axes(
    pen: ImageDraw.ImageDraw, frame: tuple[int, ...], across: tuple[float, float], up: tuple[float, float]
) -> None:
    left, top, right, bottom = frame
    for (low, high), upright in ((across, True), (up, False)):
        for value in _ticks(low, high):
            share = (value - low) / (high - low)
            if upright:
                at = left + share * (right - left)
                pen.line((at, top, at, bottom), fill=GRID, width=SCALE)
                pen.text((at, bottom + 3 * SCALE), f"{value:g}", fill=INK, font=font(9), anchor="ma")
            else:
                at = bottom - share * (bottom - top)
                pen.line((left, at, right, at), fill=GRID, width=SCALE)
                pen.text((left - 4 * SCALE, at), f"{value:g}", fill=INK, font=font(9), anchor="rm")
    pen.rectangle(frame, outline=INK, width=SCALE)


def _ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers."""
    step = 10.0 ** np.floor(np.log10((high - low) / 4))
    while (high - low) / step > 8:
        step *= 2.5 if f"{step:e}"[0] == "2" else 2
    return [float(round(k * step, 12)) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _draw(
    pen: ImageDraw.ImageDraw, line: Line, frame: tuple[int, ...], across: tuple[float, float], up: tuple[float, float]
) -> None:
    left, top, right, bottom = frame
    u = left + (line.x - across[0]) / (across[1] - across[0]) * (right - left)
    v = bottom - (line.y - up[0]) / (up[1] - up[0]) * (bottom - top)
    good = np.isfinite(u) & np.isfinite(v)
    alone = not line.dots and good.sum() < 2
    if not line.dots:
        k = np.flatnonzero(good)
        for i, j in itertools.pairwise(k):
            pen.line((u[i], v[i], u[j], v[j]), fill=line.colour, width=2 * SCALE)
    if line.dots or alone:
        r = 2.5 * SCALE
        for i in np.flatnonzero(good):
            pen.ellipse((u[i] - r, v[i] - r, u[i] + r, v[i] + r), fill=line.colour)
