"""What the judge needs of :class:`physim.Conditions`, at a fraction of its memory: read array by array, frame by frame.

A 3 s clip of 600 x 400 has 1.6 GiB of conditions; what is kept here is a quarter of that.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from i2v.metrics import flow as optical
from i2v.metrics.sampling import box, evenly
from physim.conditions import SCHEMA, Conditions

SMOKE_SEEN = 0.1
"""From this opacity on smoke counts as a thing in the picture."""
MOVES = 0.1
"""An entity that never moves by more than this is part of the backdrop [pixels/frame]."""
SHADED = 0.02
"""A change of light by more than this makes the ground no still background."""


@dataclass(frozen=True)
class Signals:
    """The simulated clip, T frames of H x W pixels."""

    coarse: np.ndarray
    """The composite, what a faithful video shows (T, H, W, 3) uint8 sRGB."""
    flow: np.ndarray
    """(T, H, W, 2) float32 [pixels/frame], t to t+1."""
    source_uv: np.ndarray
    """Where in frame 0's picture each pixel comes from (T, H, W, 2) float32 [pixels]; NaN: nowhere in it."""
    ids: np.ndarray
    """Number of the visible entity (T, H, W) uint16; 0 is background, and so is what never moves in the picture."""
    lost: np.ndarray
    """The surface here is hidden at t+1 (T, H, W) bool."""
    gas: np.ndarray
    """Smoke or flame is in front (T, H, W) bool."""
    wet: np.ndarray
    """Liquid is seen (T, H, W) bool."""
    shaded: np.ndarray
    """Simulated things change the light here (T, H, W) bool."""
    guessed: np.ndarray
    """Background that the photo does not show, with a pixel around it: whoever paints guesses (T, H, W) bool."""
    distance: dict[int, np.ndarray]
    """Median depth of each entity's visible part [m], (T,), NaN where it is not seen."""
    intrinsics: np.ndarray
    """(T, 3, 3) [pixels]."""
    world_from_camera: np.ndarray
    """(T, 4, 4)."""
    fps: float
    impacts: np.ndarray
    """Times of the simulated impacts [s]."""
    impact_bodies: tuple[tuple[str, str], ...]
    """The two partners of each."""
    names: dict[int, str]
    """Entities by number."""

    @property
    def frame_count(self) -> int:
        """T"""
        return len(self.coarse)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) [pixels]."""
        return self.coarse.shape[1], self.coarse.shape[2]

    @cached_property
    def still_camera(self) -> bool:
        """The camera neither moves nor zooms."""
        return bool(
            np.abs(self.world_from_camera - self.world_from_camera[:1]).max() < 1e-9
            and np.abs(self.intrinsics - self.intrinsics[:1]).max() < 1e-6
        )

    def things(self, t: int) -> np.ndarray:
        """Pixels that show something simulated in frame ``t`` (H, W) bool."""
        return (self.ids[t] > 0) | self.gas[t] | self.wet[t]

    @cached_property
    def clear(self) -> np.ndarray:
        """Pixels in which nothing simulated is, nor changes the light (T, H, W) bool."""
        return np.stack([~grown(self.things(t)) & ~self.shaded[t] for t in range(len(self.coarse))])

    def backdrop(self, t: int) -> np.ndarray:
        """Pixels whose picture should still be that of frame 0 there (H, W) bool: nothing simulated is or was there."""
        source = self.source_uv[t]
        free, first = self.clear[t] & np.isfinite(source[..., 0]), self.clear[0]
        if self.still_camera:
            return free & first
        rows, cols = self.size
        v, u = np.nonzero(free)
        at = np.floor(source[v, u]).astype(int)
        inside = (at[:, 0] >= 1) & (at[:, 1] >= 1) & (at[:, 0] < cols - 1) & (at[:, 1] < rows - 1)
        free[v, u] = inside
        free[v[inside], u[inside]] = first[at[inside, 1], at[inside, 0]]
        return free

    @classmethod
    def of(cls, source: Conditions | str | os.PathLike) -> Signals:
        """Take what is needed of conditions, or of a file of them.

        Raises:
            ValueError: No file of conditions, another schema, damaged, values that are not finite.
        """
        if isinstance(source, Conditions):
            meta = source.meta
            return _collect(lambda name: iter(getattr(source, name)), source.events, source.fps, meta)
        return _from_file(Path(source))

    @classmethod
    def from_film(cls, frames: np.ndarray, fps: float, *, motion: bool = True) -> Signals:
        """What stands for a simulation where there is only a film with a still camera.

        Things are what differs from the median of the frames; their motion is estimated, if OpenCV is there.

        Args:
            frames: (T, H, W, 3) uint8.
            fps: Frames per second.
            motion: Estimate it; otherwise nothing moves.
        """
        count, rows, cols = frames.shape[:3]
        things = _film_things(frames)
        grid = np.stack(np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5), -1).astype(np.float32)
        moved = np.zeros((count, rows, cols, 2), np.float32) if motion else np.zeros((count, rows, cols, 1), bool)
        if motion and optical.available():
            dis, grey = optical.estimator(), [optical.grey(f) for f in frames]
            for t in range(count - 1):
                moved[t] = optical.estimate(dis, grey[t], grey[t + 1])
        nothing = np.zeros((count, rows, cols), bool)
        return cls(
            coarse=frames,
            flow=moved,
            source_uv=np.where(things[..., None], np.float32(np.nan), grid),
            ids=things.astype(np.uint16),
            lost=nothing,
            gas=nothing,
            wet=nothing,
            shaded=nothing,
            guessed=nothing,
            distance={1: np.ones(count)} if things.any() else {},
            intrinsics=np.broadcast_to(np.eye(3), (count, 3, 3)),
            world_from_camera=np.broadcast_to(np.eye(4), (count, 4, 4)),
            fps=fps,
            impacts=np.zeros(0),
            impact_bodies=(),
            names={1: "what moves"},
        )


def grown(mask: np.ndarray, by: int = 3) -> np.ndarray:
    """A mask (H, W) with ``by`` more pixels all around, as a square grows."""
    if not mask.any():
        return mask
    tall = mask.copy()
    for k in range(1, by + 1):
        tall[k:] |= mask[:-k]
        tall[:-k] |= mask[k:]
    wide = tall.copy()
    for k in range(1, by + 1):  # the same along the rows: three times as fast as a filter of maxima
        wide[:, k:] |= tall[:, :-k]
        wide[:, :-k] |= tall[:, k:]
    return wide


def _film_things(frames: np.ndarray) -> np.ndarray:
    """(T, H, W) bool: off the median of fifteen frames by more than the film's noise, and a little around it."""
    from scipy.ndimage import binary_dilation

    picks = evenly(len(frames), 15)
    plate = np.median(frames[picks], axis=0).astype(np.float32)
    pairs = [frames[t + 1].astype(np.float32) - frames[t] for t in evenly(len(frames) - 1, 8)]
    noise = float(np.median([1.4826 * np.median(np.abs(p - np.median(p, axis=(0, 1)))) for p in pairs])) / np.sqrt(2)
    limit = max(10.0, 4.0 * noise / 3)
    found = np.zeros(frames.shape[:3], bool)
    for t, frame in enumerate(frames):
        change = frame - plate
        change -= np.median(change, axis=(0, 1))
        largest = np.max([np.abs(box(change[..., c], 1)) for c in range(3)], axis=0)
        found[t] = binary_dilation(largest > limit, iterations=2)
    return found


def _from_file(path: Path) -> Signals:
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected conditions (.npz).")
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())

            def whole(name: str) -> Any:
                with archive.open(f"{name}.npy") as file:
                    return np.lib.format.read_array(cast(Any, file), allow_pickle=False)

            if "schema.npy" not in members or int(whole("schema")) != SCHEMA:
                raise ValueError(f"{path} holds no conditions of schema {SCHEMA}; render the shot again.")

            def frames(name: str) -> Iterator[np.ndarray]:
                return _frames_of(archive, name, path)

            meta = json.loads(str(whole("meta")))
            return _collect(frames, whole("events"), float(whole("fps")), meta)
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise ValueError(f"{path} is damaged or no file of conditions ({error}); render the shot again.") from None


def _frames_of(archive: zipfile.ZipFile, name: str, path: Path) -> Iterator[np.ndarray]:
    """The entries along the first axis, one after the other, never the whole array."""
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(cast(Any, file))
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(cast(Any, file))
        if fortran or dtype.hasobject or not shape:
            raise ValueError(f"{path}: {name} is stored in an unknown way; render the shot again.")
        length = int(np.prod(shape[1:])) * dtype.itemsize
        for _ in range(shape[0]):
            data = file.read(length)
            if len(data) != length:
                raise EOFError(f"{name} ends early")
            yield np.frombuffer(data, dtype).reshape(shape[1:])


def _collect(
    frames: Callable[[str], Iterator[np.ndarray]], events: np.ndarray, fps: float, meta: dict[str, Any]
) -> Signals:
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"conditions.fps is {fps}, expected more than 0.")

    def stack(name: str, reduce: Callable[[np.ndarray], np.ndarray], *, holes: bool = False) -> np.ndarray:
        found = []
        for i, frame in enumerate(frames(name)):
            if not holes and np.issubdtype(frame.dtype, np.floating) and not np.isfinite(frame).all():
                raise ValueError(f"conditions.{name} is not finite, first at frame {i}. The simulation has blown up.")
            found.append(reduce(frame))
        if not found:
            raise ValueError(f"conditions.{name} has no frame.")
        return np.stack(found)

    flow = stack("flow", lambda f: f.astype(np.float32, copy=False))
    ids = stack("ids", np.asarray)
    if ids.shape != flow.shape[:3]:
        raise ValueError(f"conditions.ids has shape {ids.shape}, expected {flow.shape[:3]} to match conditions.flow.")
    ids = _only_moving(ids, flow)
    signals = Signals(
        coarse=stack("coarse", lambda f: np.rint(np.clip(f, 0, 1) * 255).astype(np.uint8)),
        flow=flow,
        source_uv=stack("source_uv", lambda f: f.astype(np.float32, copy=False), holes=True),
        ids=ids,
        lost=stack("occlusion", lambda f: f > 0.5),
        gas=stack("smoke", lambda f: f[..., 0] > SMOKE_SEEN),
        wet=stack("liquid", lambda f: f[..., 3] > 0),
        shaded=stack("shadow", lambda f: np.abs(f - 1) > SHADED),
        guessed=stack("hole", lambda f: grown(f > 0, 1)) & (ids == 0),
        distance=_distances(frames("depth"), ids),
        intrinsics=stack("intrinsics", np.asarray),
        world_from_camera=stack("world_from_camera", np.asarray),
        fps=fps,
        impacts=np.array(events["time"], float),
        impact_bodies=tuple((str(a), str(b)) for a, b in zip(events["body_a"], events["body_b"], strict=True)),
        names={int(number): str(name) for number, name in meta.get("names", {}).items()},
    )
    _check_shapes(signals)
    return signals


def _only_moving(ids: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Without the entities that never move in the picture: they are part of what stands still."""
    kept = ids.copy()
    for number in np.unique(ids):
        if number and not any((np.abs(f[i == number]) > MOVES).any() for i, f in zip(ids, flow, strict=True)):
            kept[ids == number] = 0
    return kept


def _distances(depth: Iterator[np.ndarray], ids: np.ndarray) -> dict[int, np.ndarray]:
    numbers = [int(n) for n in np.unique(ids) if n]
    found = {n: np.full(len(ids), np.nan) for n in numbers}
    for t, frame in enumerate(depth):
        for n in numbers:
            here = frame[ids[t] == n]
            if here.size:
                found[n][t] = np.median(here)
    return found


def _check_shapes(signals: Signals) -> None:
    if signals.coarse.ndim != 4 or signals.coarse.shape[3] != 3:
        raise ValueError(f"conditions.coarse has shape {signals.coarse.shape}, expected (T, H, W, 3).")
    grid = signals.coarse.shape[:3]
    for name in ("flow", "source_uv", "ids", "lost", "gas", "wet", "shaded", "guessed"):
        shape = getattr(signals, name).shape
        if shape[:3] != grid:
            raise ValueError(f"conditions.{name} has shape {shape}, expected {grid} to match conditions.coarse.")
    if len(signals.coarse) < 2:
        raise ValueError("the conditions have one frame, expected at least two.")
