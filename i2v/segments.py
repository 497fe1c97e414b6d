"""A long clip made in segments: workers render parts of it side by side, and it is encoded as if it were made whole.

What decides the frames, the :class:`Recipe`, is made once and laid into a folder or storage that all workers see. Each
worker renders its part frame by frame, and lays down exactly what the encoder is to be given. Frames do not depend on
each other, so there is no seam: the file is, byte for byte, that of a clip made in one piece. A render that was
interrupted goes on with the frames that are missing.
"""

from __future__ import annotations

import functools
import pickle
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import physim
from i2v.media.master import Frame, Master
from i2v.media.presets import PRESETS
from i2v.media.video import levels_of

RECIPE = "recipe.pickle"
SUFFIX = ".segments"
"""Of the folder beside the output in which workers lay down what they make."""
_HEAD = struct.Struct("<cBII")
"""Of a frame's file: whether it stands alone (K) or is the difference to the one before (D), bytes of a value, size."""


@dataclass(frozen=True)
class Recipe:
    """All that decides the finished frames of a shot, as plain data."""

    trajectory: Any
    """:class:`physim.Trajectory`."""
    whole: tuple[int, int]
    """(height, width) of the picture of which the video is all or a part [pixels]."""
    taken: float
    """Frames per second of life."""
    motion_blur: float
    headroom: float | None
    """Brightest light, photo white at 1; ``None``: photo white."""
    residual: np.ndarray | None
    residual_fps: float
    part: Frame | None
    cuts: tuple[int, ...]

    @property
    def frame_count(self) -> int:
        """As :class:`physim.Compositor` counts."""
        return max(1, round(self.trajectory.seconds * self.taken))

    def master(self, compositor: Callable[..., Any]) -> Master:
        """The frames, each made when it is asked for, by :class:`physim.Compositor`."""
        more = {} if self.headroom is None else {"headroom": self.headroom}
        frames = compositor(self.trajectory, size=self.whole, motion_blur=self.motion_blur, fps=self.taken, **more)
        return Master(frames, self.residual, self.residual_fps, self.part, self.cuts)


@dataclass(frozen=True)
class Segment:
    """A part of a clip that one worker renders."""

    store: str
    first: int
    end: int
    threads: int
    preset: str
    mark: tuple[bytes, int] | None
    """Key and number of the watermark."""


class Segmented:
    """The frames of a clip that workers make in segments: levels as :func:`i2v.media.video.levels_of` gives. Sized.

    Args:
        recipe: What decides the frames.
        store: A folder that all workers see; it is emptied by :meth:`clear`.
        segments: In how many parts.
        executor: Who renders them.
        threads: Frames that one worker makes at a time.
        preset: Of the video.
        mark: Key and number of the watermark, if there is one.

    Raises:
        ValueError: No or more segments than frames.
    """

    def __init__(
        self, recipe: Recipe, store: physim.Folder, segments: int, executor: Any, *, threads: int, preset: str,
        mark: tuple[bytes, int] | None,
    ) -> None:  # fmt: skip
        count = recipe.frame_count
        if not 1 <= segments <= count:
            raise ValueError(f"segments is {segments}, expected 1 to {count}, the number of frames.")
        borders = [count * i // segments for i in range(segments + 1)]
        self._parts = [Segment(str(store), first, end, threads, preset, mark) for first, end in pairwise(borders)]
        self._store, self._executor, self._recipe = store, executor, recipe
        self.part = recipe.part

    def __len__(self) -> int:
        return self._parts[-1].end

    def __iter__(self) -> Iterator[np.ndarray]:
        """In order; the frames of a segment when it and all before it are there.

        Raises:
            RuntimeError: A segment could not be rendered.
        """
        if not self._store.exists(RECIPE):
            self._store.write(RECIPE, pickle.dumps(self._recipe, protocol=5))
        ready: set[int] = set()
        following = 0
        for number, answer in self._executor.run(render_segment, self._parts):
            part = self._parts[number]
            if answer is not None:
                raise RuntimeError(f"frames {part.first} to {part.end - 1} could not be rendered: {answer.text}")
            ready.add(number)
            while following in ready:
                yield from _read(self._parts[following])
                following += 1

    def clear(self) -> None:
        """Remove what the workers made."""
        _master.cache_clear()
        self._store.clear()
        folder = self._store.local
        if folder is not None and folder.parent.suffix == SUFFIX and not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def stored(store: physim.Folder) -> Recipe | None:
    """The recipe of a render that was begun there before."""
    data = store.read(RECIPE)
    return None if data is None else pickle.loads(data)


def render_segment(segment: Segment) -> None:
    """Lay down the frames of a segment, as far as they are not there."""
    store = physim.Folder(segment.store)
    there = store.names()
    first = segment.first
    while first < segment.end and _name(first) in there:
        first += 1
    if first == segment.end:
        return
    master = _master(segment.store)
    marked = _marker(segment.mark, master.size)
    before: np.ndarray | None = None
    for index, frame in enumerate(master.frames(first, segment.end, threads=segment.threads), first):
        levels = levels_of(marked(frame), master.size, index, PRESETS[segment.preset])
        store.write(_name(index), _packed(levels, before))
        before = levels


@functools.lru_cache(maxsize=1)
def _master(store: str) -> Master:
    """That of the segments which a worker renders, one after the other."""
    recipe = stored(physim.Folder(store))
    if recipe is None:
        raise FileNotFoundError(f"{store}/{RECIPE} is not there; has the clip been finished or removed?")
    return recipe.master(physim.Compositor)


def _marker(mark: tuple[bytes, int] | None, size: tuple[int, int]) -> Any:
    if mark is None:
        return lambda frame: frame
    from i2v.media.watermark import Marker

    return Marker(*mark, size)


def _read(segment: Segment) -> Iterator[np.ndarray]:
    store = physim.Folder(segment.store)
    before: np.ndarray | None = None
    for index in range(segment.first, segment.end):
        data = store.read(_name(index))
        if data is None:
            raise FileNotFoundError(f"{store}/{_name(index)} is not there any more.")
        before = _unpacked(data, before)
        yield before


def _name(index: int) -> str:
    return f"frames/{index:07d}"


def _packed(levels: np.ndarray, before: np.ndarray | None) -> bytes:
    """Without loss. Most of a frame is what it was in the one before, so that differences are mostly zeros."""
    alone = before is None
    values = levels if before is None else levels ^ before
    head = _HEAD.pack(b"K" if alone else b"D", levels.dtype.itemsize, *levels.shape[:2])
    return head + zlib.compress(values.tobytes(), 1)


def _unpacked(data: bytes, before: np.ndarray | None) -> np.ndarray:
    kind, width, rows, cols = _HEAD.unpack_from(data)
    values = np.frombuffer(zlib.decompress(memoryview(data)[_HEAD.size :]), np.dtype(f"<u{width}"))
    levels = values.reshape(rows, cols, 3)
    if kind == b"K":
        return levels
    assert before is not None  # the first frame of a segment, and of what goes on after an interruption, stands alone
    return levels ^ before


def threads_of(executor: Any) -> int:
    """Frames that each worker of an executor makes at a time, by its part of this machine or the cores it asked for."""
    if isinstance(executor, physim.Local):
        return max(1, physim.cores() // executor.workers)
    return max(1, int(executor.needs.cpus)) if hasattr(executor, "needs") else 2
