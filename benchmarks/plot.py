"""Small plots with logarithmic axes, drawn with Pillow: no plotting library is needed for a benchmark."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Drawn at this many times the size and reduced, for smooth lines."""
COLOURS = ("#c0392b", "#2c6fbb", "#2e8b57", "#8e44ad", "#d68910", "#34495e")


@dataclass
class Series:
    """Points of one colour, joined by a line where ``line`` is set."""

    x: Sequence[float]
    y: Sequence[float]
    label: str = ""
    labels: Sequence[str] = ()
    """Of each point."""
    colour: str = COLOURS[0]
    line: bool = False
    dashed: bool = False
    marks: bool = True


@dataclass
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    series: list[Series] = field(default_factory=list)

    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Logarithms (base 10) of the axes' ends, with room around the points."""
        logs = [np.log10([v for s in self.series for v in getattr(s, axis)]) for axis in "xy"]
        (left, right), (low, high) = ((v.min(), v.max()) for v in logs)
        return (left - 0.15, right + 0.3), (low - 0.25, high + 0.25)


def draw(panels: Sequence[Panel], size: tuple[int, int] = (400, 360)) -> Image.Image:
    """The panels side by side, each of ``size`` (width, height) [pixels]."""
    width, height = size
    picture = Image.new("RGB", (SCALE * width * len(panels), SCALE * height), "white")
    for k, panel in enumerate(panels):
        _draw_panel(ImageDraw.Draw(picture), panel, (SCALE * width * k, 0), (SCALE * width, SCALE * height))
    return picture.resize((width * len(panels), height), Image.Resampling.LANCZOS)


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * SCALE)


def _draw_panel(pen: ImageDraw.ImageDraw, panel: Panel, corner: tuple[int, int], size: tuple[int, int]) -> None:
    left, top = corner[0] + 58 * SCALE, corner[1] + 28 * SCALE
    right, bottom = corner[0] + size[0] - 12 * SCALE, corner[1] + size[1] - 44 * SCALE
    (x0, x1), (y0, y1) = panel.ranges()

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (np.log10(x) - x0) / (x1 - x0), (np.log10(y) - y0) / (y1 - y0)
        return left + across * (right - left), bottom - up * (bottom - top)

    for low, high, upright in ((x0, x1, True), (y0, y1, False)):
        for decade in range(int(np.floor(low)), int(np.ceil(high)) + 1):
            for digit in range(1, 10):
                value = digit * 10.0**decade
                if not low <= np.log10(value) <= high:
                    continue
                shade = "#bbbbbb" if digit == 1 else "#eeeeee"
                if upright:
                    at = place(value, 10.0**y0)[0]
                    pen.line((at, top, at, bottom), fill=shade, width=SCALE)
                else:
                    at = place(10.0**x0, value)[1]
                    pen.line((left, at, right, at), fill=shade, width=SCALE)
                if digit == 1 or (high - low < 1.6 and digit in (2, 5)):
                    spot = (at, bottom + 4 * SCALE) if upright else (left - 4 * SCALE, at)
                    pen.text(spot, f"{value:g}", fill="#333333", font=_font(10), anchor="ma" if upright else "rm")
    pen.rectangle((left, top, right, bottom), outline="#333333", width=SCALE)
    pen.text((0.5 * (left + right), corner[1] + 8 * SCALE), panel.title, fill="black", font=_font(13), anchor="ma")
    below = corner[1] + size[1] - 8 * SCALE
    pen.text((0.5 * (left + right), below), panel.x_label, fill="black", font=_font(11), anchor="mb")
    _upright_text(pen, panel.y_label, (corner[0] + 6 * SCALE, (top + bottom) // 2))
    for row, series in enumerate(panel.series):
        _draw_series(pen, series, place)
        if series.label:
            spot = (left + 8 * SCALE, top + (8 + 15 * row) * SCALE)
            pen.text(spot, series.label, fill=series.colour, font=_font(11))


def _draw_series(pen: ImageDraw.ImageDraw, series: Series, place) -> None:  # type: ignore[no-untyped-def]
    spots = [place(x, y) for x, y in zip(series.x, series.y, strict=True)]
    if series.line:
        for k, (a, b) in enumerate(itertools.pairwise(spots)):
            if not series.dashed or k % 2 == 0:
                pen.line((*a, *b), fill=series.colour, width=2 * SCALE)
    for k, (x, y) in enumerate(spots):
        radius = 4 * SCALE
        if series.marks:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=series.colour)
        if k < len(series.labels):
            pen.text((x + 6 * SCALE, y - 2 * SCALE), series.labels[k], fill=series.colour, font=_font(9), anchor="lb")


def _upright_text(pen: ImageDraw.ImageDraw, text: str, centre: tuple[int, int]) -> None:
    font = _font(11)
    box = font.getbbox(text)
    strip = Image.new("RGB", (int(box[2]) + 4, int(box[3]) + 4), "white")
    ImageDraw.Draw(strip).text((0, 0), text, fill="black", font=font)
    turned = strip.rotate(90, expand=True)
    pen._image.paste(turned, (centre[0], centre[1] - turned.height // 2))
