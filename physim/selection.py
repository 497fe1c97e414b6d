"""The things of a photo as the shot selects them: regions as they stand, and borders that are found in the picture."""

from __future__ import annotations

import numpy as np

from physim.grab import Seeds, grab
from physim.grow import dilated, eroded
from physim.recall import remembered
from physim.segment import coverage
from physim.shot import Pixel, Select, Shot

_BRUSH = 0.006
"""Radius of a stroke over the longer side of the photo."""
_CLICK = 0.012
"""Radius of the dot of a click over the longer side of the photo."""
_SNAP = 0.01
"""How far a border may lie from the outline that was given, over the longer side of the photo; 4 pixels at least."""


def selected(shot: Shot, image: np.ndarray) -> dict[str, np.ndarray]:
    """How much of each pixel every thing of the photo covers, by name; see :func:`find`."""
    return {t.name: find(t.select, image, name=t.name) for t in shot.things if t.select is not None}


@remembered
def find(select: Select, image: np.ndarray, *, name: str = "selection") -> np.ndarray:
    """How much of each pixel of a photo a selection covers.

    Args:
        select: Of any kind.
        image: (H, W, 3) float32 sRGB in [0, 1].
        name: Of the thing, for messages.

    Returns:
        (H, W) float32 in [0, 1].

    Raises:
        ValueError: Nothing selected, a mark outside the photo, marks that contradict each other, nothing found.
    """
    size = image.shape[:2]
    if not select.searched:
        return coverage(select, (size[0], size[1]), name=name)
    inside, outside, guess = _marks(select, (size[0], size[1]), name)
    try:
        chance = grab(image, Seeds(inside, outside, guess))
    except ValueError as error:
        raise ValueError(f"{name}.select: {error}") from error
    if chance.max() <= 0.5:
        raise ValueError(
            f"{name}.select: no border was found; its colours are those of what is around it. Add strokes inside and "
            f"outside, or draw the outline and leave out `snap`."
        )
    return np.clip(0.5 + 4 * (chance - 0.5), 0, 1).astype(np.float32)


def _marks(select: Select, size: tuple[int, int], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is inside, what is outside and a guess; marks win over the region, what it leaves open is searched."""
    strokes = select.strokes
    inside = _drawn([*(strokes.inside if strokes else [])], _BRUSH, size, name)
    inside |= _drawn([[select.click]] if select.click is not None else [], _CLICK, size, name)
    marked_out = _drawn([*(strokes.outside if strokes else [])], _BRUSH, size, name)
    if select.region is None:
        around = np.ones(size, dtype=bool)
        around[1:-1, 1:-1] = False
        guess = dilated(inside, 3 * _CLICK * max(size))
    else:
        region = coverage(select, size, name=name) >= 0.5
        reach = max(4.0, _SNAP * max(size))
        loose = select.region == "box"  # drawn around the thing; the others follow its border
        around = ~region if loose else ~dilated(region, reach)
        if select.snap and not loose:
            inside |= eroded(region, reach) & ~marked_out
        guess = region
    return inside, (around & ~inside) | marked_out, guess & ~marked_out


def _drawn(strokes: list[list[Pixel]], radius: float, size: tuple[int, int], name: str) -> np.ndarray:
    """Pixels within ``radius`` (over the longer side) of the strokes, (H, W) bool."""
    from PIL import Image, ImageDraw

    canvas = Image.new("1", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        for u, v in stroke:
            if not (0 <= u < size[1] and 0 <= v < size[0]):
                raise ValueError(
                    f"{name}.select: the mark at [{u:g}, {v:g}] lies outside the photo, which is {size[1]} x {size[0]} "
                    f"pixels. Marks are pixels (u, v) from the upper left corner."
                )
        points = [(u - 0.5, v - 0.5) for u, v in stroke]
        draw.line(points * 2 if len(points) == 1 else points, fill=1)
    return dilated(np.array(canvas, dtype=bool), max(1.0, radius * max(size)))
