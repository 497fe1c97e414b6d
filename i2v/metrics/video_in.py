"""Any video file to frames for measuring: whatever it is, frames with their times, or one clear refusal.

ffmpeg (the program that imageio-ffmpeg carries) decodes, turns by the rotation flag, and scales while it decodes, so
that 4K costs time and not memory. Every frame keeps its own time stamp: a variable rate is seen and not guessed away.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import imageio_ffmpeg
import numpy as np

MAX_BYTES = 320 * 2**20
"""Most memory that the frames of one video may take; what comes later in the video is left out, and said."""
LONGEST = 640
"""Default of the longer side that a video is scaled down to [pixels]."""
PATIENCE = 300.0
"""A file that has not been decoded within this time is given up [s]."""
UNEVEN = 0.25
"""A frame whose time is off an even rate by more than this share of a frame makes the rate variable."""
_FRAME = re.compile(rb"n:\s*(\d+) pts:\s*\S+ pts_time:(\S+).*? fmt:(\S+) .*?sar:(\d+)/(\d+) s:(\d+)x(\d+)")
_RATE = re.compile(rb"Video:.*?([\d.]+k?) fps")


class VideoReadError(ValueError):
    """A video that cannot be judged: what it is, and what was expected."""


@dataclass(frozen=True)
class Footage:
    """A video in memory, for measuring."""

    frames: np.ndarray
    """(T, H, W, 3) uint8 sRGB."""
    times: np.ndarray
    """(T,) when each frame is shown, from 0 [s]."""
    fps: float
    """Frames per second, the mean where the rate varies."""
    source_size: tuple[int, int]
    """(height, width) before scaling [pixels]."""
    notes: tuple[str, ...] = ()
    """What was found odd about the file, one sentence each."""

    @property
    def frame_count(self) -> int:
        """T"""
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) [pixels]."""
        return self.frames.shape[1], self.frames.shape[2]


def as_footage(video: Any, *, fps: float | None = None, size: tuple[int, int] | None = None) -> Footage:
    """A file, a :class:`i2v.Clip`, or an array of frames as footage.

    Args:
        video: Path; or anything with ``frames`` and ``fps``; or frames (T, H, W), (T, H, W, 1), (T, H, W, 3) or
            (T, H, W, 4), uint8 or float sRGB in [0, 1]; a list of frames will do.
        fps: Of an array; 24 where nothing is said. A file and a clip know theirs.
        size: (height, width) the frames are scaled to; default: a file is made at most 640 pixels long.

    Raises:
        VideoReadError: No such file, no video, fewer than two frames, frames that are not numbers in range.
    """
    if isinstance(video, str | os.PathLike):
        return read_video(video, size=size)
    if hasattr(video, "frames") and hasattr(video, "fps"):
        video, fps = video.frames, video.fps if fps is None else fps
    frames = _checked_frames(video)
    fps = 24.0 if fps is None else float(fps)
    if not 0 < fps <= 1000:
        raise VideoReadError(f"fps is {fps}, expected more than 0 and at most 1000.")
    source = (frames.shape[1], frames.shape[2])
    if size is not None and tuple(size) != source:
        frames = _resized(frames, size)
    return Footage(frames, np.arange(len(frames)) / fps, fps, source)


def read_video(
    path: str | os.PathLike, *, size: tuple[int, int] | None = None, longest: int = LONGEST, max_bytes: int = MAX_BYTES
) -> Footage:
    """Decode a file.

    Args:
        path: Any container and codec that ffmpeg knows; animated GIF too.
        size: (height, width) to scale to [pixels]; default: the video's own, reduced to at most ``longest``.
        longest: See ``size``; nothing is enlarged for it.
        max_bytes: Most memory for the frames; the rest of a longer video is not read.

    Raises:
        VideoReadError: No such file, not a video, damaged from the start, or fewer than two frames.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise VideoReadError(f"{path}: no such file, expected a video.")
    if not path.is_file():
        raise VideoReadError(f"{path} is no regular file, expected a video.")
    if path.stat().st_size == 0:
        raise VideoReadError(f"{path} is empty, expected a video.")
    head = _run(path, ["-frames:v", "1", "-vf", "showinfo=checksum=0", "-f", "null", "-"], None, 0)
    found = _FRAME.search(head.messages)
    if found is None:
        raise VideoReadError(f"{path} holds no picture that can be read ({_reason(head.messages)}), expected a video.")
    source, shape = _display_size(found)
    if size is None:
        scale = min(1.0, longest / max(shape))
        size = (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale)))
    limit = max(2, max_bytes // (size[0] * size[1] * 3))
    flags = "area" if size[0] <= shape[0] else "bicubic"
    filters = f"showinfo=checksum=0,scale={size[1]}:{size[0]}:flags={flags}+accurate_rnd+full_chroma_int"
    options = ["-an", "-sn", "-dn", "-fps_mode", "passthrough", "-vf", filters, "-pix_fmt", "rgb24", "-f", "rawvideo"]
    body = _run(path, [*options, "pipe:1"], size, limit)
    if len(body.frames) < 2:
        kind = "one frame" if len(body.frames) else "no frame that can be read"
        raise VideoReadError(f"{path} has {kind}, expected at least two to see motion.")
    return _footage(body, source, shape)


@dataclass
class _Decoded:
    frames: np.ndarray
    messages: bytes
    cut: bool
    """There was more than was asked for."""
    late: bool
    """Given up after ``PATIENCE``."""


def _run(path: Path, options: list[str], size: tuple[int, int] | None, limit: int) -> _Decoded:
    """Decode up to ``limit`` frames; ffmpeg's messages go to a file, so that neither pipe can block the other."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-nostdin", "-loglevel", "info"]
    command += ["-protocol_whitelist", "file,pipe", "-i", f"file:{path}", "-map", "0:v:0", *options]
    late = threading.Event()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )

        def give_up() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(PATIENCE, give_up)
        clock.start()
        try:
            assert process.stdout is not None
            frames, cut = _frames_of(process.stdout, size, limit)
        finally:
            clock.cancel()
            process.kill()  # all that is wanted has been read
            process.stdout.close()  # type: ignore[union-attr]
            process.wait()
        log.seek(0)
        return _Decoded(frames, log.read(), cut, late.is_set())


def _frames_of(pipe: IO[bytes], size: tuple[int, int] | None, limit: int) -> tuple[np.ndarray, bool]:
    """Frames of the raw stream; with no ``size`` there are none, and the stream is only waited for."""
    if size is None:
        while pipe.read(1 << 16):
            pass
        return np.zeros((0, 1, 1, 3), np.uint8), False
    found: list[np.ndarray] = []
    length = size[0] * size[1] * 3
    while len(data := pipe.read(length)) == length:
        if len(found) == limit:
            return np.stack(found), True
        found.append(np.frombuffer(data, np.uint8).reshape(*size, 3))
    return (np.stack(found) if found else np.zeros((0, *size, 3), np.uint8)), False


def _display_size(found: re.Match[bytes]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(height, width) as stored after turning, and as shown with square pixels."""
    across, down, cols, rows = (int(found.group(k)) for k in (4, 5, 6, 7))
    stretch = across / down if across and down else 1.0
    if not 0.1 < stretch < 10:
        stretch = 1.0
    return (rows, cols), (rows, max(1, round(cols * stretch)))


def _footage(body: _Decoded, source: tuple[int, int], shape: tuple[int, int]) -> Footage:
    count = len(body.frames)
    found = list(_FRAME.finditer(body.messages))[:count]
    rate = _RATE.search(body.messages)
    nominal = float(rate.group(1).replace(b"k", b"")) * (1000 if rate.group(1).endswith(b"k") else 1) if rate else 24.0
    nominal = nominal if 0 < nominal <= 1000 else 24.0
    times, notes = _times([m.group(2) for m in found], count, nominal)
    span = float(times[-1])
    fps = (count - 1) / span if span > 0 else nominal
    if abs(fps / nominal - 1) < 0.005:
        fps = nominal  # time stamps of some containers are rounded to milliseconds
    elif count > 3 and span > 0:
        notes.append(f"the file says {nominal:g} frames per second, its time stamps say {fps:.3g}; the stamps count.")
    even = np.arange(count) / fps
    if np.abs(times - even).max() * fps > UNEVEN:
        notes.append(f"the frame rate varies (mean {fps:.3g} per second); every frame is judged at its own time.")
    else:
        times = even
    sizes = {m.group(6) + b" x " + m.group(7) for m in found}
    if len(sizes) > 1:
        notes.append(
            f"the picture changes its size in the video ({b', '.join(sorted(sizes)).decode()}); all are scaled."
        )
    if shape != source:
        notes.append(f"its pixels are not square; {source[1]} x {source[0]} is judged as {shape[1]} x {shape[0]}.")
    notes += _oddities(body, found[0].group(3) if found else b"")
    return Footage(body.frames, times, fps, shape, tuple(notes))


def _times(stamps: list[bytes], count: int, fps: float) -> tuple[np.ndarray, list[str]]:
    """Seconds from the first frame, rising; an even rate where the file's stamps are missing or not in order."""
    try:
        times = np.array([float(s) for s in stamps])
    except ValueError:  # NOPTS
        times = np.zeros(0)
    if len(times) == count and np.isfinite(times).all() and (np.diff(times) > 0).all():
        if count < 2 or (count - 1) / (times[-1] - times[0]) <= 1000:
            return times - times[0], []
    return np.arange(count) / fps, ["its time stamps are missing or not in order; an even rate is assumed."]


def _oddities(body: _Decoded, pixel_format: bytes) -> list[str]:
    notes = []
    if body.cut:
        notes.append(f"only the first {len(body.frames)} frames are judged; that is what memory is set aside for.")
    if body.late:
        notes.append(f"decoding took longer than {PATIENCE:g} s; only what was read until then is judged.")
    if b"displaymatrix: rotation" in body.messages.replace(b"Display Matrix", b"displaymatrix"):
        notes.append("it carries a rotation, which is applied.")
    if re.match(rb"(yuva|rgba|bgra|argb|abgr|ya\d|gbrap|pal8)", pixel_format) and pixel_format != b"pal8":
        notes.append("it has an alpha channel, which is ignored.")
    if re.match(rb"gray|mono", pixel_format):
        notes.append("it is grey; what is told by colour is not seen.")
    if re.search(rb"smpte2084|arib-std-b67", body.messages):
        notes.append("it is HDR, and judged as if its values were sRGB.")
    damage = re.search(
        rb"(?i)(error while decoding|invalid data|corrupt|truncat|moov atom|partial file)", body.messages
    )
    if damage and not body.cut:
        notes.append(f"the file is damaged ({damage.group(1).decode().lower()}); what could be decoded is judged.")
    return notes


def _reason(messages: bytes) -> str:
    """What ffmpeg said that is not about its own progress."""
    lines = [line.strip() for line in messages.decode(errors="replace").splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if re.search(r"(?i)invalid|error|not found|no such|moov|matches no|denied|unknown|could not|not contain", line)
    ]
    words = (telling or ["nothing in it is video"])[0]
    return re.sub(r"^\[[^]]*\]\s*", "", re.sub(r"file:\S*?([^/\s]*)(?=[:\s]|$)", r"\1", words))[:160]


def _checked_frames(video: Any) -> np.ndarray:
    """Frames given in memory as (T, H, W, 3) uint8."""
    if not isinstance(video, np.ndarray):
        if not isinstance(video, Iterable):
            raise VideoReadError(
                f"the video is a {type(video).__name__}, expected a file, a clip or frames (T, H, W, 3)."
            )
        frames = [_levels(np.asarray(f), f"frame {i}") for i, f in enumerate(video)]
        shapes = {f.shape for f in frames}
        if len(shapes) > 1:
            raise VideoReadError(f"frames have different shapes {sorted(shapes)}, expected one.")
        if not frames:
            raise VideoReadError("the video has no frame, expected at least two.")
        video = np.stack(frames)
    if video.ndim == 3 and video.shape[2] in (3, 4):
        raise VideoReadError(f"frames have shape {video.shape}, that of one picture; expected (T, H, W, 3).")
    if video.ndim == 3:
        video = video[..., None]
    if video.ndim != 4 or video.shape[3] not in (1, 3, 4) or min(video.shape[1:3]) < 1:
        raise VideoReadError(f"frames have shape {video.shape}, expected (T, H, W, 3).")
    if len(video) < 2:
        raise VideoReadError(f"the video has {len(video)} frame{'s' * (len(video) != 1)}, expected at least two.")
    if video.dtype != np.uint8:
        video = np.stack([_levels(f, f"frame {i}") for i, f in enumerate(video)])
    return np.ascontiguousarray(np.repeat(video, 3, axis=3) if video.shape[3] == 1 else video[..., :3])


def _levels(frame: np.ndarray, name: str) -> np.ndarray:
    """uint8 of one frame; float is sRGB in [0, 1]."""
    if frame.dtype == np.uint8:
        return frame
    if frame.dtype == bool or not np.issubdtype(frame.dtype, np.floating):
        raise VideoReadError(f"{name} is {frame.dtype}, expected uint8 or float sRGB in [0, 1].")
    if not np.isfinite(frame).all():
        raise VideoReadError(f"{name} has values that are not finite, expected sRGB in [0, 1].")
    return np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)


def _resized(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    smaller = size[0] <= frames.shape[1]
    how = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(f).resize((size[1], size[0]), how)) for f in frames])
