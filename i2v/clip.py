"""Clip: finished frames, in memory or made one by one while they are written."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from i2v.media.sound import RATE
from i2v.media.sound_file import write_wav
from i2v.media.video import VideoWriter


class Origin(Protocol):
    """What a file is given so that it can be told where it comes from; see :class:`i2v.provenance.Provenance`."""

    @property
    def unsigned(self) -> Path:
        """Where the video is to be written."""

    def marked(self, frames: Iterable[np.ndarray], size: tuple[int, int]) -> Iterator[np.ndarray]:
        """The frames with their mark."""

    def finish(self) -> None:
        """Sign the written video and give it its name."""


@dataclass(frozen=True)
class _Vouched:
    """An origin, and what it vouches for."""

    make: Callable[[Path], Origin]
    frames: Any
    fps: float
    audio: np.ndarray | None

    def __call__(self, path: Path) -> Origin:
        return self.make(path)


@dataclass(frozen=True)
class Clip:
    """A video: frames and what is known about how they came about."""

    frames: np.ndarray | Iterable[np.ndarray]
    """(T, H, W, 3) float32 sRGB in [0, 1] or uint8, or a sized, repeatable iterable of such frames (H, W, 3)."""
    fps: float
    """Frames per second."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Plain data about the making: shot, model, seeds, versions. Written into the file."""
    audio: np.ndarray | None = None
    """Sound (samples, channels) at full scale 1, 48,000 samples per second, from the first frame on."""

    origin: Callable[[Path], Origin] | None = field(default=None, repr=False, compare=False)
    """Gives what marks and signs the file of that name, if its shot asks for it. It vouches for these frames, this rate
    and this sound: ``dataclasses.replace`` with others makes a clip without it.
    """

    def __post_init__(self) -> None:
        if not self.fps > 0:
            raise ValueError(f"clip.fps is {self.fps}, expected more than 0.")
        if isinstance(self.frames, np.ndarray):
            if self.frames.ndim != 4 or self.frames.shape[3] != 3:
                raise ValueError(f"clip.frames has shape {self.frames.shape}, expected (T, H, W, 3).")
        elif isinstance(self.frames, Iterator) or not isinstance(self.frames, Sized):
            raise TypeError(
                f"clip.frames is a {type(self.frames).__name__}, expected an array, a list, or an object with __iter__ "
                "and __len__ that can be gone through more than once. Put the frames of a generator in a list."
            )
        if self.audio is not None and (np.ndim(self.audio) != 2 or not np.isfinite(self.audio).all()):
            raise ValueError(f"clip.audio has shape {np.shape(self.audio)}, expected finite (samples, channels).")
        if self.frame_count == 0:
            raise ValueError("clip.frames is empty, expected at least one frame.")
        self._bind()

    def _bind(self) -> None:
        """Keep the origin for what it was given with; drop one that was given with something else."""
        if self.origin is None:
            return
        if not isinstance(self.origin, _Vouched):
            object.__setattr__(self, "origin", _Vouched(self.origin, self.frames, self.fps, self.audio))
            return
        told = self.origin
        if self.frames is not told.frames or self.audio is not told.audio or self.fps != told.fps:
            warnings.warn(
                "frames, rate or sound of a clip that is to be marked and signed were replaced: what is saved will be "
                "neither marked nor signed, since the signature would speak of another video.",
                stacklevel=4,
            )
            object.__setattr__(self, "origin", None)

    @property
    def frame_count(self) -> int:
        """T"""
        return len(self.frames)  # type: ignore[arg-type]

    @property
    def seconds(self) -> float:
        """Duration [s]."""
        return self.frame_count / self.fps

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) [pixels]."""
        first = next(iter(self))
        return first.shape[0], first.shape[1]

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.frames)

    def save(self, path: str | os.PathLike, *, crf: int = 18) -> Path:
        """Write an MP4, frame by frame; an existing file is replaced once the new one is complete.

        A clip of a shot that asks for a watermark or a signature gets both. It is not recorded in a ledger.

        Args:
            path: The video, ``.mp4``.
            crf: Constant rate factor of H.264; lower is better and larger.

        Raises:
            ValueError: Odd sizes, frames of different sizes, another suffix than ``.mp4``; a key or certificate that
                cannot be used. If only signing fails, the video is complete without.
            i2v.media.video.VideoError: The disk is full or may not be written. Nothing is left behind.
        """
        comment = json.dumps(self.provenance, ensure_ascii=False, sort_keys=True) if self.provenance else None
        origin = None if self.origin is None else self.origin(Path(path))
        target = Path(path) if origin is None else origin.unsigned
        frames = iter(self) if origin is None else iter(origin.marked(self, self.size))
        first = next(frames)
        with tempfile.TemporaryDirectory(prefix="i2v-clip-") as folder:
            sound = None if self.audio is None else write_wav(Path(folder) / "sound.wav", self.audio, RATE)
            notes = {"comment": comment} if comment else None
            with VideoWriter(target, first.shape[:2], self.fps, crf=crf, metadata=notes, audio=sound) as writer:
                writer.write(first)
                for frame in frames:
                    writer.write(frame)
        if origin is not None:
            origin.finish()
        return writer.path if origin is None else Path(path)
