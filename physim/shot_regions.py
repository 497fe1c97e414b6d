"""Checks of what a shot says in pixels: regions, outlines and points lie in the photo, files are of its size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from physim.mask_file import mask_size
from physim.photo import PhotoError
from physim.shot import Select, Shot, Thing
from physim.shot_text import Finding, Route


def in_photo(shot: Shot, things: Iterable[tuple[Route, Thing]], size: tuple[int, int] | None) -> Iterator[Finding]:
    """All mistakes in pixels.

    Args:
        shot: For its hints.
        things: With the routes to them.
        size: (height, width) of the photo; ``None``: it could not be read, and only the rest is checked.
    """
    things = list(things)
    for route, region in _regions(shot, things):
        yield from _region(route, region, size)
    if size is not None:
        for route, pixel in _points(shot, things):
            yield from _point(route, pixel, size)


def _regions(shot: Shot, things: Iterable[tuple[Route, Thing]]) -> Iterator[tuple[Route, Select]]:
    for route, thing in things:
        if thing.select is not None:
            yield (*route, "select"), thing.select
    hints = shot.hints
    for i, plate in enumerate(hints.plate if hints else []):
        yield ("hints", "plate", i, "region"), plate.region
    for i, surface in enumerate(hints.surfaces if hints else []):
        yield ("hints", "surfaces", i, "region"), surface.region


def _marks(region: Select) -> Iterator[tuple[Route, tuple[float, float]]]:
    if region.click is not None:
        yield ("click",), region.click
    if region.strokes is not None:
        for side in ("inside", "outside"):
            for i, stroke in enumerate(getattr(region.strokes, side)):
                for j, pixel in enumerate(stroke):
                    yield ("strokes", side, i, j), pixel


def _region(route: Route, region: Select, size: tuple[int, int] | None) -> Iterator[Finding]:
    if region.searched and route[0] == "hints":
        yield Finding(route, "given marks to search from, expected a box, polygon, ellipse, mask or ids as it stands.")
    if size is not None:
        for where, pixel in _marks(region):
            yield from _point((*route, *where), pixel, size)
    for kind in ("mask", "ids"):
        file = getattr(region, kind)
        if file is not None:
            yield from _picture((*route, kind), file, size)
    if region.box is not None and not (region.box[0] < region.box[2] and region.box[1] < region.box[3]):
        yield Finding((*route, "box"), f"given {list(region.box)}, expected [u0, v0, u1, v1] with u0 < u1 and v0 < v1.")
        return
    if region.ellipse is not None and not (region.ellipse[2] > 0 and region.ellipse[3] > 0):
        yield Finding((*route, "ellipse"), f"given {list(region.ellipse)}, expected positive semi-axes.")
        return
    bounds = _bounds(region)
    if bounds is not None and size is not None:
        kind = next(n for n in ("box", "polygon", "ellipse") if getattr(region, n) is not None)
        yield from _inside((*route, kind), bounds, size)


def _picture(route: Route, file: Any, size: tuple[int, int] | None) -> Iterator[Finding]:
    try:
        rows, cols = mask_size(file)
    except PhotoError as error:
        yield Finding(route, str(error))
        return
    if size is not None and (rows, cols) not in (size, (0, 0)):
        text = f"{file} is {cols} x {rows} pixels, expected {size[1]} x {size[0]}, the size of the photo."
        yield Finding(route, f"{text} Draw it on the photo.")


def _bounds(region: Select) -> tuple[float, float, float, float] | None:
    """Least u, least v, largest u, largest v [pixels]."""
    if region.box is not None:
        return region.box
    if region.polygon is not None:
        us, vs = zip(*region.polygon, strict=True)
        return min(us), min(vs), max(us), max(vs)
    if region.ellipse is not None:
        u, v, a, b, degrees = region.ellipse
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        du, dv = math.hypot(a * c, b * s), math.hypot(a * s, b * c)
        return u - du, v - dv, u + du, v + dv
    return None


def _inside(route: Route, bounds: tuple[float, float, float, float], size: tuple[int, int]) -> Iterator[Finding]:
    u0, v0, u1, v1 = bounds
    rows, cols = size
    area = (u1 - u0) * (v1 - v0)
    seen = max(0.0, min(u1, cols) - max(u0, 0)) * max(0.0, min(v1, rows) - max(v0, 0))
    if area <= 0:
        yield Finding(route, "given an outline without area, expected one that encloses something.")
    elif seen < 0.5 * area:
        where = "outside" if seen == 0 else "more than half outside"
        text = f"given u {u0:g} to {u1:g}, v {v0:g} to {v1:g}, which is {where} the photo of {cols} x {rows} pixels"
        yield Finding(route, f"{text}, expected a thing in it. Was the outline drawn on a picture of another size?")


def _points(shot: Shot, things: Iterable[tuple[Route, Thing]]) -> Iterator[tuple[Route, tuple[float, float]]]:
    for route, thing in things:
        if thing.emit is not None and thing.emit.pixel is not None:
            yield (*route, "emit", "pixel"), thing.emit.pixel
        if thing.at_pixel is not None:
            yield (*route, "at_pixel"), thing.at_pixel
    if shot.hints is None:
        return
    for i, click in enumerate(shot.hints.clicks):
        yield ("hints", "clicks", i, "pixel"), click.pixel
    if shot.hints.white is not None:
        yield ("hints", "white", "light"), shot.hints.white.light
        yield ("hints", "white", "shade"), shot.hints.white.shade


def _point(route: Route, pixel: tuple[float, float], size: tuple[int, int]) -> Iterator[Finding]:
    u, v = pixel
    rows, cols = size
    if not (0 <= u <= cols and 0 <= v <= rows):
        yield Finding(
            route, f"given [{u:g}, {v:g}], outside the photo, expected u from 0 to {cols}, v from 0 to {rows}."
        )
