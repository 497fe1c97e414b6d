"""A video as a folder of pictures: EXR with everything in one file per frame, or PNG of 16 bits with files beside.

What an EXR file of a frame holds: R, G, B, linear light, photo white at 1 (half); ``depth.Z`` [m], ``flow.u`` and
``flow.v`` [pixels to the next frame] (float), ``id.X`` the number of what is seen, 0 for the photo (whole numbers),
``density.A`` the opacity of smoke in front of it (half). PNG has sRGB, and one more file for each signal: flow and
depth as KITTI codes them (2^15 + 64 flow; 256 depth, 0 where it is beyond 255 m), ids, and 65535 times the density.

The folder has its name once it is complete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from i2v.media.exr import write_exr
from i2v.media.hdr import extended_to_linear
from i2v.media.png import write_png
from i2v.media.video import VideoError, check_folder

KINDS = ("exr", "png")
SIGNALS = ("depth", "flow", "ids", "density")


class SequenceWriter:
    """Write frames into the folder ``path``; a context manager.

    Args:
        path: Of the folder; an earlier sequence there is replaced when the new one is complete.
        size: (height, width) of every frame, any [pixels].
        fps: Frames per second.
        kind: 'exr' or 'png'.
        metadata: Texts that travel in every file.
        audio: WAV file that is laid beside the pictures.

    Raises:
        ValueError: Unknown kind, a size or rate that is none.
        VideoError: The folder cannot be made, or something else is there.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        size: tuple[int, int],
        fps: float,
        *,
        kind: str = "exr",
        metadata: Mapping[str, str] | None = None,
        audio: str | os.PathLike | None = None,
    ) -> None:
        self.path = check_sequence(path, kind)
        self.size = (int(size[0]), int(size[1]))
        if min(self.size) < 1 or not 0 < fps <= 1000:
            raise ValueError(f"size {self.size}, fps {fps}: expected pixels, and more than 0 and at most 1000.")
        self.fps, self.kind, self.frame_count = fps, kind, 0
        self._notes = {("comments" if kind == "exr" and n == "comment" else n): t for n, t in (metadata or {}).items()}
        self._part = self.path.with_name(f"{self.path.name}.part")
        shutil.rmtree(self._part, ignore_errors=True)
        try:
            self._part.mkdir(parents=True)
            if audio is not None:
                shutil.copyfile(audio, self._part / "sound.wav")
        except OSError as error:
            raise VideoError(f"{self.path} cannot be written: {error.strerror}.") from None

    def write(self, frame: np.ndarray, signals: Mapping[str, np.ndarray] | None = None) -> None:
        """Append a frame (H, W, 3), float sRGB that may go on above 1, or uint8, and what is known about it.

        ``signals``: any of depth (H, W), flow (H, W, 2), ids (H, W), density (H, W).

        Raises:
            ValueError: Wrong shapes, unknown signals, values that are not finite.
            VideoError: It cannot be written.
        """
        frame = np.asarray(frame)
        if frame.shape != (*self.size, 3):
            raise ValueError(f"frame {self.frame_count} has shape {frame.shape}, expected {(*self.size, 3)}.")
        picture = frame.astype(np.float32) / np.float32(255) if frame.dtype == np.uint8 else frame
        if not np.isfinite(picture.sum()):
            raise ValueError(f"frame {self.frame_count} has values that are not finite.")
        known = dict(signals or {})
        for name, values in known.items():
            if name not in SIGNALS or np.shape(values)[:2] != self.size:
                raise ValueError(f"signal {name!r} has shape {np.shape(values)}, expected {SIGNALS} of {self.size}.")
        try:
            (self._exr if self.kind == "exr" else self._png)(picture, known)
        except OSError as error:
            raise VideoError(f"{self.path} could not be written: {error.strerror}.") from None
        self.frame_count += 1

    def _name(self, signal: str = "") -> Path:
        stem = f"{self.path.name}.{signal}." if signal else f"{self.path.name}."
        return self._part / f"{stem}{self.frame_count:04d}.{self.kind}"

    def _exr(self, picture: np.ndarray, known: dict[str, np.ndarray]) -> None:
        linear = extended_to_linear(picture).astype(np.float16)
        channels = {name: linear[..., k] for k, name in enumerate("RGB")}
        if "depth" in known:
            channels["depth.Z"] = known["depth"].astype(np.float32)
        if "flow" in known:
            channels |= {f"flow.{n}": known["flow"][..., k].astype(np.float32) for k, n in enumerate("uv")}
        if "ids" in known:
            channels["id.X"] = known["ids"].astype(np.uint32)
        if "density" in known:
            channels["density.A"] = known["density"].astype(np.float16)
        write_exr(self._name(), channels, fps=self.fps, notes=self._notes)

    def _png(self, picture: np.ndarray, known: dict[str, np.ndarray]) -> None:
        write_png(self._name(), _levels(picture, 65535), self._notes)
        if "depth" in known:
            depth = np.where(known["depth"] < 255, known["depth"], 0)
            write_png(self._name("depth"), _levels(depth, 256))
        if "flow" in known:
            u, v = np.moveaxis(known["flow"], -1, 0)
            valid = np.ones(u.shape, np.uint16)
            write_png(self._name("flow"), np.stack([_levels(u + 512, 64), _levels(v + 512, 64), valid], -1))
        if "ids" in known:
            write_png(self._name("id"), known["ids"].astype(np.uint16))
        if "density" in known:
            write_png(self._name("density"), _levels(known["density"], 65535))

    def close(self) -> Path:
        """Give the folder its name.

        Raises:
            VideoError: No frames, or the folder cannot be named so.
        """
        if self.frame_count == 0:
            self.abort()
            raise VideoError(f"{self.path}: no frames were written, expected at least one.")
        before = self.path.with_name(f"{self.path.name}.before")
        try:
            if self.path.exists():
                os.replace(self.path, before)
            os.replace(self._part, self.path)
            shutil.rmtree(before, ignore_errors=True)
        except OSError as error:
            raise VideoError(f"{self.path} cannot be replaced: {error.strerror}.") from None
        return self.path

    def abort(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._part, ignore_errors=True)

    def __enter__(self) -> SequenceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def check_sequence(path: str | os.PathLike, kind: str) -> Path:
    """``path`` if a sequence can be written there; asked before the long work.

    Raises:
        ValueError: An unknown kind, or a name that looks like a file's.
        VideoError: Something that is no sequence is there, or the folder may not be written.
    """
    path = Path(path).expanduser()
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(KINDS)}.")
    if path.suffix:
        raise ValueError(f"a sequence is a folder and is to be {path.name!r}, expected a name without a suffix.")
    if path.exists():
        strange = not path.is_dir() or any(f.suffix not in (".exr", ".png", ".wav") for f in path.iterdir())
        if strange:
            raise VideoError(f"{path} is there already and is no sequence of pictures; choose another name.")
    check_folder(path)
    return path


def _levels(values: np.ndarray, scale: float) -> np.ndarray:
    return np.rint(np.clip(values * np.float32(scale), 0, 65535)).astype(np.uint16)
