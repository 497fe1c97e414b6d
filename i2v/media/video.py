"""Frames to an MP4 file, one at a time, through the ffmpeg program that imageio-ffmpeg carries.

H.264, 4:2:0, BT.709 tags and the matrix that goes with them, index in front. The same frames give the same bytes. The
file appears under its name when it is complete; until then, and if anything fails, there is at most ``NAME.part.mp4``,
which is removed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO

import imageio_ffmpeg
import numpy as np

THREADS = 8
"""Fixed, not the number of cores: x264 cuts its work by threads, and the bytes must not depend on the machine."""
MAX_METADATA = 1_000_000
"""Longest text of one metadata field [characters]."""


class VideoError(OSError):
    """A video that could not be written: what ffmpeg said last, and how much room is left."""


class VideoWriter:
    """Write frames to ``path``; a context manager.

    Args:
        path: Ends in ``.mp4``; an existing file is replaced when the new one is complete.
        size: (height, width) of every frame, both even [pixels].
        fps: Frames per second.
        crf: Constant rate factor of x264, 0 (lossless) to 51; 18 looks like the source.
        metadata: Texts that travel in the file, for example ``{"comment": ...}``.

    Raises:
        ValueError: Odd or unusable size, frame rate, quality or suffix.
        VideoError: The file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        size: tuple[int, int],
        fps: float,
        *,
        crf: int = 18,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.path = check_output(path)
        self.size = _even_size(size)
        self.frame_count = 0
        if not 0 < fps <= 1000:
            raise ValueError(f"fps is {fps}, expected more than 0 and at most 1000.")
        if not 0 <= crf <= 51:
            raise ValueError(f"crf is {crf}, expected 0 (lossless) to 51 (worst).")
        self._part = self.path.with_name(f"{self.path.stem}.part{self.path.suffix}")
        self._messages: IO[bytes] = tempfile.TemporaryFile()
        self._notes = _metadata_file(metadata or {})
        command = _command(self._part, self.size, fps, crf, self._notes)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
                start_new_session=True,  # Ctrl-C is ours to handle: ffmpeg would finish the half-written file
            )
        except OSError as error:
            self._clean()
            raise VideoError(f"{self.path}: ffmpeg could not be started: {error}.") from None

    def write(self, frame: np.ndarray) -> None:
        """Append one frame (H, W, 3): float sRGB in [0, 1], or uint8.

        Raises:
            ValueError: Wrong shape, or values that are not finite.
            VideoError: ffmpeg stopped, most likely for lack of disk space.
        """
        data = _bytes_of(frame, self.size, self.frame_count)
        if self._process.stdin is None or self._process.stdin.closed:
            raise VideoError(f"{self.path}: the video is closed already.")
        try:
            self._process.stdin.write(data)
        except OSError:  # a broken pipe: what happened is in ffmpeg's messages
            raise self._failure() from None
        self.frame_count += 1

    def close(self) -> Path:
        """Finish the file and give it its name.

        Raises:
            VideoError: No frames, or ffmpeg failed.
        """
        assert self._process.stdin is not None
        if self._process.stdin.closed:
            return self.path
        try:
            self._process.stdin.close()
        except OSError:
            raise self._failure() from None
        if self._process.wait() != 0 or not self._part.is_file():
            raise self._failure()
        if self.frame_count == 0:
            self._clean()
            raise VideoError(f"{self.path}: no frames were written, expected at least one.")
        try:
            os.replace(self._part, self.path)
        except OSError as error:
            raise VideoError(f"{self.path} cannot be replaced: {error.strerror}.") from None
        finally:
            self._clean()
        return self.path

    def abort(self) -> None:
        """Stop and leave nothing behind."""
        self._process.kill()
        self._process.wait()
        self._clean()

    def _failure(self) -> VideoError:
        """Stop, clean up, and say why in ffmpeg's words."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except OSError:
            pass
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        reason = "; ".join(lines[-3:]) or (_signal_name(-code) if code < 0 else f"exit code {code}")
        free = shutil.disk_usage(self.path.parent).free
        self._clean()
        return VideoError(
            f"{self.path} could not be written: ffmpeg stopped after frame {self.frame_count} ({reason}). "
            f"There are {free / 1e9:.1f} GB free on that disk. Nothing was left behind; make room, or write elsewhere."
        )

    def _clean(self) -> None:
        process = getattr(self, "_process", None)
        if process is not None and process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                pass
        self._messages.close()
        self._notes.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self.close()
            except BaseException:
                self.abort()
                raise
        else:
            self.abort()


def check_output(path: str | os.PathLike) -> Path:
    """``path`` if a video can be written there; asked before the long work, not after it.

    Raises:
        ValueError: The suffix is not ``.mp4``.
        VideoError: A folder stands there, or the folder may not be written.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"the video is to be {path.name!r}, expected a name that ends in .mp4.")
    if path.is_dir():
        raise VideoError(f"{path} is a folder, expected the name of a video file.")
    folder = next(p for p in path.absolute().parents if p.exists())
    if not folder.is_dir():
        raise VideoError(f"{path} cannot be written: {folder} is no folder.")
    try:  # permissions alone do not tell: a file system may be read-only or no place for files
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise VideoError(f"{path} cannot be written: no file can be made in {folder} ({error.strerror}).") from error
    return path


def _even_size(size: tuple[int, int]) -> tuple[int, int]:
    rows, cols = int(size[0]), int(size[1])
    if rows < 2 or cols < 2:
        raise ValueError(f"video size is {cols} x {rows}, expected at least 2 x 2 pixels.")
    if rows % 2 or cols % 2:
        down, up = (cols - cols % 2, rows - rows % 2), (cols + cols % 2, rows + rows % 2)
        raise ValueError(
            f"video size is {cols} x {rows}, expected even numbers (H.264 stores colour for 2 x 2 pixels): "
            f"{down[0]} x {down[1]} or {up[0]} x {up[1]}. Nothing is resized silently."
        )
    return rows, cols


def _command(part: Path, size: tuple[int, int], fps: float, crf: int, notes: Path) -> list[str]:
    """ffmpeg, told everything: it guesses neither colours nor sizes, and stamps neither date nor version."""
    rate = str(Fraction(fps).limit_denominator(1001))
    exact = "flags=accurate_rnd+full_chroma_int+bitexact"
    picture = [
        f"scale=in_range=pc:out_range=tv:out_color_matrix=bt709:{exact}",
        "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv",  # tags; options alone are not kept
    ]
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-loglevel", "error", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{size[1]}x{size[0]}", "-framerate", rate,
        "-i", "pipe:0", "-f", "ffmetadata", "-i", str(notes), "-map", "0:v", "-map_metadata", "1",
        "-vf", ",".join(picture), "-c:v", "libx264", "-preset", "medium", "-crf", str(crf), "-pix_fmt", "yuv420p",
        "-threads", str(THREADS), "-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-f", "mp4", f"file:{part}",
    ]  # fmt: skip


def _metadata_file(metadata: Mapping[str, str]) -> Path:
    """The text form of ffmpeg; a command line could not carry a long shot."""
    lines = [";FFMETADATA1"]
    for name, text in metadata.items():
        if len(text) > MAX_METADATA:
            raise ValueError(f"metadata {name!r} has {len(text)} characters, expected at most {MAX_METADATA}.")
        lines.append(f"{_escaped(name)}={_escaped(text)}")
    handle, path = tempfile.mkstemp(suffix=".ffmetadata")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
    return Path(path)


def _escaped(text: str) -> str:
    return "".join("\\" + c if c in "=;#\\\n" else c for c in text.replace("\0", ""))


def _bytes_of(frame: np.ndarray, size: tuple[int, int], index: int) -> memoryview:
    frame = np.asarray(frame)
    if frame.shape != (*size, 3):
        raise ValueError(f"frame {index} has shape {frame.shape}, expected {(*size, 3)}, the size of the video.")
    if frame.dtype != np.uint8:
        if not np.issubdtype(frame.dtype, np.floating):
            raise ValueError(f"frame {index} is {frame.dtype}, expected float sRGB in [0, 1] or uint8.")
        levels = frame * np.float32(255)
        if not np.isfinite(levels.sum()):  # one pass; a sum of finite values of this size stays finite
            raise ValueError(f"frame {index} has values that are not finite.")
        frame = np.rint(np.clip(levels, 0, 255, out=levels), out=levels).astype(np.uint8)
    return np.ascontiguousarray(frame).data.cast("B")


def _signal_name(number: int) -> str:
    try:
        return f"stopped by {signal.Signals(number).name}"
    except ValueError:
        return f"stopped by signal {number}"
