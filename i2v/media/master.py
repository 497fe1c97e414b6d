"""The finished frames of a shot: composed at full size, the model's residual on top, the part that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from i2v.media.reframe import framed
from i2v.media.residual import add_residual


@dataclass(frozen=True)
class Frame:
    """The part of the whole picture that is the video."""

    size: tuple[int, int]
    """(height, width) [pixels]."""
    corner: np.ndarray
    """(T, 2) (left, top) in the whole picture [pixels]."""

    def signals(self, known: Mapping[str, np.ndarray], index: int) -> dict[str, np.ndarray]:
        """The part of the signals of frame ``index``; corners lie on pixels. Flow is that within the moving frame."""
        left, top = (int(n) for n in self.corner[index])
        window = (slice(top, top + self.size[0]), slice(left, left + self.size[1]))
        part = {name: values[window] for name, values in known.items()}
        if "flow" in part and index + 1 < len(self.corner):
            part["flow"] = part["flow"] - (self.corner[index + 1] - self.corner[index]).astype(np.float32)
        return part


class Master:
    """The finished frames of a trajectory at full size, each made when it is asked for. Sized and repeatable.

    Args:
        compositor: A :class:`physim.Compositor`.
        residual: What the model adds to each simulated frame (T, h, w, 3), sRGB units; between two of them it fades
            from one to the other, which its softness hides.
        residual_fps: How many of them there are per second.
        part: Of the picture that is shown; ``None``: all of it.
        cuts: Numbers of the residuals that come after a cut, across which nothing fades.
    """

    def __init__(
        self,
        compositor: Any,
        residual: np.ndarray | None,
        residual_fps: float,
        part: Frame | None = None,
        cuts: Sequence[int] = (),
    ) -> None:
        self.cuts = set(cuts)
        self.compositor = compositor
        self.part = part
        self.residual = residual
        self.residual_fps = residual_fps

    def __len__(self) -> int:
        return self.compositor.frame_count

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a frame [pixels]."""
        return self.compositor.size if self.part is None else self.part.size

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._finished(self.compositor, 0)

    def frames(self, first: int, end: int, *, threads: int = 2) -> Iterator[np.ndarray]:
        """Frames ``first`` to ``end`` - 1, made by so many threads at a time: the same as among all of them."""
        return self._finished(self.compositor.frames(first, end, threads=threads), first)

    def _finished(self, composed: Iterable[np.ndarray], first: int) -> Iterator[np.ndarray]:
        for i, frame in enumerate(composed, first):
            if self.residual is not None:
                frame = add_residual(frame, self._residual(i / self.compositor.fps))
            yield frame if self.part is None else framed(frame, self.part.corner[i], self.part.size)

    def _residual(self, time: float) -> np.ndarray:
        assert self.residual is not None
        at = min(time * self.residual_fps, len(self.residual) - 1.0)
        first = int(at + 1e-6)
        share = at - first
        if share < 1e-6 or first + 1 in self.cuts:
            return self.residual[first]
        return (1 - np.float32(share)) * self.residual[first] + np.float32(share) * self.residual[first + 1]
