"""Frames to a video file, one at a time, through the ffmpeg program that imageio-ffmpeg carries.

By default H.264, 4:2:0, BT.709 tags and the matrix that goes with them, index in front; other kinds are in
:mod:`i2v.media.presets`. The same frames give the same bytes. The file appears under its name when it is complete;
until then, and if anything fails, there is at most ``NAME.part.mp4``, which is removed.
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

from i2v.media.hdr import WHITE_LEVEL, pq_levels
from i2v.media.presets import AUDIO, PRESETS, SOUND_IN, Preset, available, encoders

MAX_METADATA = 1_000_000
"""Longest text of one metadata field [characters]."""


class VideoError(OSError):
    """A video that could not be written: what ffmpeg said last, and how much room is left."""


class VideoWriter:
    """Write frames to ``path``; a context manager.

    Args:
        path: Ends in ``.mp4`` (``.mov`` for ProRes); an existing file is replaced when the new one is complete.
        size: (height, width) of every frame [pixels]. Odd ones are written as they are: H.264 and H.265 then store
            colour for every pixel, unless a coarser ``chroma`` is asked for, which they cannot.
        fps: Frames per second.
        crf: Constant rate factor, 0 (lossless) to 51; 18 looks like the source. ProRes has a fixed one.
        metadata: Texts that travel in the file, for example ``{"comment": ...}``.
        preset: 'web' (H.264), 'hevc10', 'av1', 'prores' or 'hdr10'.
        chroma: Sampling of colour, '420', '422' or '444', as far as the preset has it.
        audio: WAV file that becomes the sound.
        audio_codec: 'aac', 'flac' or 'pcm'; default: that of the preset.

    Raises:
        ValueError: Unusable size, frame rate, quality or suffix.
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
        preset: str = "web",
        chroma: str | None = None,
        audio: str | os.PathLike | None = None,
        audio_codec: str | None = None,
    ) -> None:
        self.path = check_output(path, preset, audio_codec if audio is not None else None)
        self._preset = PRESETS[preset]
        self.size = _usable_size(size)
        self._format = pixel_format(self._preset, chroma, self.size)
        self.frame_count = 0
        if not 0 < fps <= 1000:
            raise ValueError(f"fps is {fps}, expected more than 0 and at most 1000.")
        if not 0 <= crf <= 51:
            raise ValueError(f"crf is {crf}, expected 0 (lossless) to 51 (worst).")
        self._part = self.path.with_name(f"{self.path.stem}.part{self.path.suffix}")
        self._messages: IO[bytes] = tempfile.TemporaryFile()
        self._notes = _metadata_file(metadata or {})
        sound = () if audio is None else (str(audio), audio_codec or sound_codec(self._preset, self.path.suffix))
        command = _command(self._part, self.size, fps, crf, self._notes, self._preset, self._format, *sound)
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
        """Append one frame (H, W, 3): float sRGB in [0, 1], or uint8. HDR10 takes more than 1: brighter than white.

        What :func:`levels_of` gives is written as it is.

        Raises:
            ValueError: Wrong shape, or values that are not finite.
            VideoError: ffmpeg stopped, most likely for lack of disk space.
        """
        data = levels_of(frame, self.size, self.frame_count, self._preset).data.cast("B")
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


def check_output(path: str | os.PathLike, preset: str = "web", audio_codec: str | None = None) -> Path:
    """``path`` if a video can be written there; asked before the long work, not after it.

    Raises:
        ValueError: An unknown preset, a suffix or a sound codec that does not go with it.
        VideoError: A folder stands there, the folder may not be written, or there is no such encoder.
    """
    path = Path(path).expanduser()
    if preset not in PRESETS:
        raise ValueError(f"preset is {preset!r}, expected one of {', '.join(PRESETS)}.")
    kind = PRESETS[preset]
    if path.suffix.lower() not in kind.suffixes:
        raise ValueError(
            f"the video is to be {path.name!r}, expected a name that ends in {' or '.join(kind.suffixes)}"
            f"{'' if preset == 'web' else f' (preset {preset})'}."
        )
    known = SOUND_IN[path.suffix.lower()]
    if audio_codec is not None and audio_codec not in known:
        raise ValueError(f"sound is to be {audio_codec}, expected {' or '.join(known)} in a {path.suffix} file.")
    _check_encoder(kind)
    if path.is_dir():
        raise VideoError(f"{path} is a folder, expected the name of a video file.")
    check_folder(path)
    return path


def check_folder(path: Path) -> None:
    """Whether a file can be made where ``path`` is to be.

    Raises:
        VideoError: Not there, or not allowed.
    """
    folder = next(p for p in path.absolute().parents if p.exists())
    if not folder.is_dir():
        raise VideoError(f"{path} cannot be written: {folder} is no folder.")
    try:  # permissions alone do not tell: a file system may be read-only or no place for files
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise VideoError(f"{path} cannot be written: no file can be made in {folder} ({error.strerror}).") from error


def _check_encoder(preset: Preset) -> None:
    try:
        there = encoders()
    except (RuntimeError, OSError) as error:
        raise VideoError(
            f"there is no ffmpeg program ({error}), expected that of imageio-ffmpeg. Reinstall it."
        ) from None
    if preset.encoder not in there:
        raise VideoError(
            f"this ffmpeg has no encoder {preset.encoder}, which the preset {preset.name!r} needs; there are the "
            f"presets {', '.join(available()) or 'none'}. Choose one of them, or set IMAGEIO_FFMPEG_EXE to another "
            f"ffmpeg."
        )


def pixel_format(preset: Preset, chroma: str | None, size: tuple[int, int]) -> str:
    """What ffmpeg calls the preset's pixels with this sampling of colour, for frames of ``size``.

    H.264 and H.265 crop what they code by whole samples of colour: with colour for 2 x 2 pixels they have no odd sizes.

    Raises:
        ValueError: The preset has no such sampling, or not for an odd size.
    """
    rows, cols = size
    odd = bool(rows % 2 or cols % 2) and not preset.takes_odd
    if chroma is None:
        return preset.formats["444"] if odd else next(iter(preset.formats.values()))
    if chroma not in preset.formats:
        raise ValueError(f"chroma is {chroma!r}, the preset {preset.name!r} has {' and '.join(preset.formats)}.")
    if odd and chroma != "444":
        down, up = (cols - cols % 2, rows - rows % 2), (cols + cols % 2, rows + rows % 2)
        raise ValueError(
            f"video size is {cols} x {rows}, expected even numbers with chroma {chroma} (colour is stored for several "
            f"pixels): {down[0]} x {down[1]} or {up[0]} x {up[1]}, or chroma 444. Nothing is resized silently."
        )
    return preset.formats[chroma]


def sound_codec(preset: Preset, suffix: str) -> str:
    """The sound codec of a preset in a container, when nobody asked for another."""
    return preset.audio if preset.audio in SOUND_IN[suffix.lower()] else "aac"


def _usable_size(size: tuple[int, int]) -> tuple[int, int]:
    rows, cols = int(size[0]), int(size[1])
    if rows < 2 or cols < 2:
        raise ValueError(f"video size is {cols} x {rows}, expected at least 2 x 2 pixels.")
    return rows, cols


def _command(
    part: Path, size: tuple[int, int], fps: float, crf: int, notes: Path, preset: Preset = PRESETS["web"],
    pixels: str = "yuv420p", audio: str | None = None, codec: str = "aac",
) -> list[str]:  # fmt: skip
    """ffmpeg, told everything: it guesses neither colours nor sizes, and stamps neither date nor version."""
    rate = str(Fraction(fps).limit_denominator(1001))
    exact = "flags=accurate_rnd+full_chroma_int+bitexact"
    primaries, transfer, matrix = preset.tags
    out_matrix = "bt2020" if preset.hdr else "bt709"
    picture = [
        f"scale=in_range=pc:out_range=tv:out_color_matrix={out_matrix}:{exact}",
        f"format={pixels}",
        # tags; options alone are not kept
        f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=tv",
    ]
    quality = ["-profile:v", "4" if "444" in pixels else "3"] if preset.encoder == "prores_ks" else []
    quality += [] if preset.crf is None else [preset.crf, str(crf)]
    sound = [] if audio is None else ["-i", f"file:{audio}"]
    mapped = [] if audio is None else ["-map", "2:a", *AUDIO[codec], "-flags:a", "+bitexact"]
    container = "mov" if part.suffix.lower() == ".mov" else "mp4"
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-loglevel", "error", "-y",
        "-f", "rawvideo", "-pix_fmt", "rgb24" if preset.bits == 8 else "rgb48le", "-video_size", f"{size[1]}x{size[0]}",
        "-framerate", rate, "-i", "pipe:0", "-f", "ffmetadata", "-i", str(notes), *sound, "-map", "0:v", *mapped,
        "-map_metadata", "1", "-vf", ",".join(picture), "-c:v", preset.encoder, *preset.options, *quality,
        "-pix_fmt", pixels, "-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        "-f", container, f"file:{part}",
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


def levels_of(frame: np.ndarray, size: tuple[int, int], index: int, preset: Preset) -> np.ndarray:
    """What the encoder is given of a frame: (H, W, 3) uint8, or uint16 for presets of more than 8 bits.

    Args:
        frame: As for :meth:`VideoWriter.write`; levels stay what they are.
        size: (height, width) of the video.
        index: Number of the frame, for messages.
        preset: Of the video.

    Raises:
        ValueError: Wrong shape, or values that are not finite.
    """
    frame = np.asarray(frame)
    if frame.shape != (*size, 3):
        raise ValueError(f"frame {index} has shape {frame.shape}, expected {(*size, 3)}, the size of the video.")
    top, kind = (255, "u1") if preset.bits == 8 else (WHITE_LEVEL, "<u2")
    if frame.dtype == np.dtype(kind):
        return np.ascontiguousarray(frame)
    if frame.dtype == np.uint8:
        frame = frame.astype(np.float32) / np.float32(255)
    if not np.issubdtype(frame.dtype, np.floating):
        raise ValueError(f"frame {index} is {frame.dtype}, expected float sRGB in [0, 1] or uint8.")
    if not np.isfinite(frame.sum()):  # one pass; a sum of finite values of this size stays finite
        raise ValueError(f"frame {index} has values that are not finite.")
    if preset.hdr:
        return np.ascontiguousarray(pq_levels(frame), dtype="<u2")
    levels = frame * np.float32(top)
    levels = np.rint(np.clip(levels, 0, top, out=levels), out=levels).astype(kind)
    return np.ascontiguousarray(levels)


def _signal_name(number: int) -> str:
    try:
        return f"stopped by {signal.Signals(number).name}"
    except ValueError:
        return f"stopped by signal {number}"
