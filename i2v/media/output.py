"""The file or folder that a shot asks for: the one place that knows which writer makes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from i2v.media.presets import SEQUENCES
from i2v.media.sequence import SequenceWriter, check_sequence
from i2v.media.video import VideoWriter, check_output
from physim.shot import OutputSpec


def check_target(path: str | os.PathLike, spec: OutputSpec) -> Path:
    """``path`` if the output of a shot can be written there; asked before the long work.

    Raises:
        ValueError: A name or a sound codec that does not go with the preset.
        i2v.media.video.VideoError: It cannot be written, or the encoder is missing.
    """
    if spec.preset in SEQUENCES:
        return check_sequence(path, spec.preset)
    return check_output(path, spec.preset, None if spec.audio is None else spec.audio.codec)


def open_writer(
    path: Path,
    size: tuple[int, int],
    fps: float,
    spec: OutputSpec,
    *,
    metadata: Mapping[str, str],
    audio: Path | None,
) -> VideoWriter | SequenceWriter:
    """The writer for a shot's output."""
    if spec.preset in SEQUENCES:
        return SequenceWriter(path, size, fps, kind=spec.preset, metadata=metadata, audio=audio)
    codec = None if spec.audio is None else spec.audio.codec
    return VideoWriter(
        path, size, fps, crf=spec.quality, metadata=metadata, preset=spec.preset, chroma=spec.chroma, audio=audio,
        audio_codec=codec,
    )  # fmt: skip
