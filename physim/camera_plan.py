"""The camera's path of a shot, and how far along it the photo reaches.

One photo shows a moved camera three kinds of things that it does not know: what lies beyond its borders, what near
things hid, and, where near and far shift against each other, surfaces seen too steeply. A path that asks for more than
a composite stands is shortened as a whole, so that its motions keep their proportions and their timing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from physim.camera import Camera
from physim.camera_path import ANGULAR, LINEAR, CameraMove, CameraPath, Handheld, Keyframes, Motion, Within
from physim.shot_camera import MoveSpec, part_of

PARALLAX = 15.0
"""Largest shift of near against far content that a smooth sheet bends to without tearing [pixels at 800 wide]."""
OUTSIDE = 0.03
"""Largest share of the picture that may lie beyond the photo's borders, where its rim is mirrored."""
LONGEST = 3.0
"""Longest focal length over the photo's: further in there is nothing but enlarged pixels."""
INSTANTS = 13
"""Instants at which a path is looked at."""
CANVAS = 1000
"""Pixels along a side of the picture on which the photo's borders are drawn."""
COLUMNS = 240
"""Width of the depth map that is looked at [pixels]."""


@dataclass(frozen=True)
class Demand:
    """What a path asks of the photo at its most demanding instant."""

    parallax: float
    """Shift between neighbours, see :func:`relative_motion` [pixels at 800 wide]."""
    outside: float
    """Share of the picture beyond the photo's borders [-]."""
    zoom: float
    """Longest focal length over the photo's [-]."""

    @property
    def excess(self) -> str | None:
        """What is too much, in words; ``None`` if the photo can show it."""
        if self.outside > OUTSIDE:
            return f"{self.outside:.0%} of the picture would lie beyond the photo's borders (at most {OUTSIDE:.0%})"
        if self.parallax > PARALLAX:
            return (
                f"near and far would shift by {self.parallax:.0f} pixels against each other at 800 wide (at most "
                f"{PARALLAX:.0f}), and the picture bends"
            )
        if self.zoom > LONGEST:
            return f"it would be enlarged {self.zoom:.1f} times (at most {LONGEST:g})"
        return None


def path_from(
    moves: list[MoveSpec],
    camera: Camera,
    *,
    seconds: float,
    orbit_distance: float,
    seed: int = 0,
    cuts: Sequence[float] = (),
) -> CameraPath:
    """The camera moves of a shot; degrees become radians, an orbit turns about ``orbit_distance`` [m].

    Each cut [s] brings the camera back to where the photo was taken, and a move lasts at most to the next one.

    Raises:
        ValueError: A move that ends before it starts.
    """
    motions = []
    for i, move in enumerate(moves):
        start, end = part_of(move.begins, cuts, seconds)
        motion = _motion(_earlier(move, start), i, end - start, orbit_distance, seed)
        motions.append(Within(motion, start, end if end in cuts else float("inf")) if cuts else motion)
    return CameraPath(camera, tuple(motions))


def _earlier(move: MoveSpec, by: float) -> MoveSpec:
    """The move with times that count from ``by`` [s]."""
    if not by:
        return move
    if move.keys is not None:
        return move.model_copy(update={"keys": [key.model_copy(update={"at": key.at - by}) for key in move.keys]})
    end = None if move.end is None else move.end - by
    return move.model_copy(update={"start": max(move.start - by, 0.0), "end": end})


def _motion(move: MoveSpec, number: int, seconds: float, orbit_distance: float, seed: int) -> Motion:
    if move.keys is not None:
        named = {name: tuple(float(getattr(key, name)) for key in move.keys) for name in (*LINEAR, *ANGULAR, "zoom")}
        values = {n: tuple(np.radians(vs)) if n in ANGULAR else vs for n, vs in named.items()}
        values["zoom"] = tuple(np.log(named["zoom"]))
        return Keyframes(tuple(key.at for key in move.keys), values)
    end = seconds if move.end is None else move.end
    if end <= move.start:
        raise ValueError(f"camera {move.move} is from {move.start:g} s to {end:g} s, expected from < to.")
    if move.move == "handheld":
        return Handheld(move.degrees or 0.0, move.metres or 0.0, move.start, move.end, seed + number)
    if move.factor is not None:
        amount = float(np.log(move.factor))
    else:
        amount = float(np.radians(move.degrees)) if move.degrees is not None else move.metres or 0.0
    return CameraMove(move.move, amount, move.start, end, move.ease, orbit_distance)


def relative_motion(path: CameraPath, depth: np.ndarray, *, seconds: float) -> float:
    """How far the camera's move shifts neighbours apart at an instant [pixels]: what one sheet must bend or tear.

    The range of the shift within 5 % of the width, at its 99th percentile. Receding ground shifts much as a whole but
    little from place to place, and a sheet follows it. Turning and zooming shift no point against its neighbour.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    rows, cols = depth.shape
    start, moved = path.start, path.at(seconds)
    u, v = np.meshgrid((np.arange(cols) + 0.5) / cols, (np.arange(rows) + 0.5) / rows)
    pixels = np.stack([u * start.size[1], v * start.size[0]], axis=-1)
    parallax = moved.project(start.unproject(pixels, depth))[0] - moved.project(start.unproject(pixels, 1e6))[0]
    side = max(3, round(0.05 * cols))
    ranges = [maximum_filter(parallax[..., k], side) - minimum_filter(parallax[..., k], side) for k in range(2)]
    return float(np.percentile(np.hypot(*ranges), 99))


def outside(path: CameraPath, depth: np.ndarray, *, seconds: float) -> float:
    """Share of the moved camera's picture that lies beyond the photo's borders [-].

    The photo's border points, seen by the moved camera, enclose what it knows.
    """
    from PIL import Image, ImageDraw

    side = np.linspace(0, 1, 33)[:-1]
    nought, one = np.zeros_like(side), np.ones_like(side)
    rim = np.concatenate([np.stack(p, -1) for p in ((side, nought), (one, side), (1 - side, one), (nought, 1 - side))])
    shape = np.array(depth.shape[::-1])
    place = np.minimum((rim * shape).astype(int), shape - 1)
    size = np.array(path.start.size[::-1])
    seen, z = path.at(seconds).project(path.start.unproject(rim * size, depth[place[:, 1], place[:, 0]]))
    if (z <= 0).any():
        return 1.0
    canvas = Image.new("1", (CANVAS, CANVAS))
    ImageDraw.Draw(canvas).polygon([tuple(p) for p in (seen / size * CANVAS - 0.5)], fill=1)
    return 1.0 - float(np.asarray(canvas).mean())


def demand(path: CameraPath, depth: np.ndarray, *, seconds: float) -> Demand:
    """The most that ``path`` asks of a photo of this depth (H, W) [m] at any instant."""
    step = max(1, round(depth.shape[1] / COLUMNS))
    coarse = depth[step // 2 :: step, step // 2 :: step]
    times = np.linspace(0, seconds, INSTANTS)[1:]
    return Demand(
        max(relative_motion(path, coarse, seconds=float(t)) for t in times) * 800 / path.start.size[1],
        max(outside(path, coarse, seconds=float(t)) for t in times),
        max(path.at(float(t)).focal for t in times) / path.start.focal,
    )


def limited(path: CameraPath, depth: np.ndarray, *, seconds: float) -> tuple[CameraPath, Demand, float]:
    """The path as far as the photo can show it; what lies between two cuts is shortened by itself.

    Args:
        path: As the shot says.
        depth: What the photo shows (H, W) [m].
        seconds: Length of the shot.

    Returns:
        The path, what the whole of it would ask for, and the part of it that is left (1 if nothing had to be cut).
        Of several between cuts, those of the one that asks for the most.
    """
    parts = sorted({(move.start, move.end) for move in path.moves if isinstance(move, Within)})
    if not parts:
        return _limited(path, depth, seconds=seconds)
    found, moves = [], []
    for start, end in parts:
        own = [move for move in path.moves if isinstance(move, Within) and (move.start, move.end) == (start, end)]
        alone = replace(path, moves=tuple(move.motion for move in own))
        found.append(_limited(alone, depth, seconds=min(end, seconds) - start))
        moves += [replace(move, motion=motion) for move, motion in zip(own, found[-1][0].moves, strict=True)]
    _, asked, part = min(found, key=lambda one: one[2])
    return replace(path, moves=tuple(moves)), asked, part


def _limited(path: CameraPath, depth: np.ndarray, *, seconds: float) -> tuple[CameraPath, Demand, float]:
    """Of a path without cuts."""
    asked = demand(path, depth, seconds=seconds)
    if asked.excess is None:
        return path, asked, 1.0
    low, high = 0.0, 1.0
    for _ in range(7):
        middle = 0.5 * (low + high)
        fits = demand(path.scaled(middle), depth, seconds=seconds).excess is None
        low, high = (middle, high) if fits else (low, middle)
    return path.scaled(low), asked, low
