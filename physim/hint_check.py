"""Hints that cannot all be true: each doubt names what was said twice, how far apart it is, and which counts."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from physim.camera import Camera
from physim.depth_result import FAR
from physim.segment import polygon_coverage
from physim.shot import DepthClick, Hints
from physim.view import plane_depth

CLICKS_APART = 0.1
"""Clicks on almost the same pixel may differ by this part of their depth."""
_SAME_PLACE = 0.004
"""Clicks nearer than this part of the photo's longer side are on the same thing."""
OFF_GROUND = 0.15
"""Clicks on the outlined ground may differ from its plane by this part of its depth."""
_MOST_LINES = 4
"""Of one kind."""
_ABOVE = 0.05
"""Part of the outlined ground that may lie above the horizon."""


def doubts(hints: Hints, camera: Camera) -> dict[str, str]:
    """What the user said that does not agree with the rest of it, as lines of the report.

    Args:
        hints: In pixels of the photo.
        camera: As it was understood, at the photo's size.
    """
    found = _few(_clicks_apart(hints.clicks, camera.size))
    if hints.ground is None:
        return found
    ground = plane_depth(camera, 0.0, far=FAR)
    inside = polygon_coverage(np.array(hints.ground), camera.size) >= 0.5
    above = float((inside & (ground >= FAR)).sum() / max(inside.sum(), 1))
    if above > _ABOVE:
        found["doubt.ground"] = (
            f"{above:.0%} of hints.ground lies above the horizon of the camera, where no ground can be; that part is "
            f"left out. Look at hints.camera.horizon or pitch."
        )
    return found | _few(_clicks_off_ground(hints.clicks, ground, inside))


def _few(lines: dict[str, str]) -> dict[str, str]:
    """Some of many lines of one kind, the last of which says how many there are."""
    if len(lines) <= _MOST_LINES:
        return lines
    kept = dict(list(lines.items())[:_MOST_LINES])
    return kept | {"doubt.clicks.more": f"and {len(lines) - _MOST_LINES} more of hints.clicks disagree like these."}


def _clicks_apart(clicks: list[DepthClick], size: tuple[int, int]) -> dict[str, str]:
    """Clicks on the same place that say different depths."""
    found = {}
    reach = max(2.0, _SAME_PLACE * max(size))
    for (i, one), (k, other) in combinations(enumerate(clicks), 2):
        near = float(np.hypot(*np.subtract(one.pixel, other.pixel))) <= reach
        apart = max(one.depth, other.depth) / min(one.depth, other.depth) - 1
        if near and apart > CLICKS_APART:
            found[f"doubt.clicks.{i}.{k}"] = (
                f"hints.clicks[{i}] and [{k}] are on the same place, {list(one.pixel)} and {list(other.pixel)}, and "
                f"say {one.depth:g} m and {other.depth:g} m; the depth there is a mean. Take one away."
            )
    return found


def _clicks_off_ground(clicks: list[DepthClick], ground: np.ndarray, inside: np.ndarray) -> dict[str, str]:
    """Clicks on the outlined ground that are nowhere near its plane."""
    found = {}
    for number, click in enumerate(clicks):
        u, v = (int(x) for x in click.pixel)
        if not (0 <= u < ground.shape[1] and 0 <= v < ground.shape[0] and inside[v, u]) or ground[v, u] >= FAR:
            continue
        apart = click.depth / float(ground[v, u]) - 1
        if abs(apart) > OFF_GROUND:
            found[f"doubt.clicks.{number}"] = (
                f"hints.clicks[{number}] at {list(click.pixel)} says {click.depth:g} m, and the ground outlined there "
                f"is {ground[v, u]:.3g} m away; the click counts where it is. Look at hints.camera.height and pitch."
            )
    return found
