"""Output of a shot: size, rate, file format, framing and sound of the video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from physim.shot_model import Fraction, Model
from physim.shot_provenance import CertificateSpec, WatermarkSpec


def _as_text(value: Any) -> Any:
    """A number as it is written: YAML reads ``chroma: 444`` as one."""
    return str(value) if type(value) is int else value


class RecordingSpec(Model):
    material: str = Field(description="name of a solid material, such as ceramic")
    file: Path = Field(description="WAV file with one blow on it")


class AudioSpec(Model):
    codec: Literal["aac", "flac", "pcm"] | None = Field(
        default=None, description="in the video; default: aac, in a .mov file pcm"
    )
    loudness: float = Field(default=-18.0, ge=-40, le=-5, description="of the whole [LUFS]; quiet shots stay quieter")
    tone: float = Field(default=1.0, ge=0, le=100, description="factor on the tone of the place; 0: silence")
    stems: bool = Field(default=False, description="write the sound and its parts as WAV files beside the video")
    recordings: list[RecordingSpec] = Field(default=[], description="own recordings, which take the place of modes")


def _audio(given: Any) -> Any:
    """``true`` is sound as it is by default, ``false`` is none."""
    return {} if given is True else None if given is False else given


Audio = Annotated[AudioSpec | None, BeforeValidator(_audio, json_schema_input_type=bool | AudioSpec | None)]


class OutputSpec(Model):
    width: int | None = Field(
        default=None, ge=16, le=8192, description="[pixels]; default: the photo's, at most 3840 on the longer side"
    )
    height: int | None = Field(
        default=None, ge=16, le=8192, description="[pixels]; default: the photo's, at most 3840 on the longer side"
    )
    fps: float | None = Field(
        default=None,
        gt=0,
        le=240,
        description="frames per second of the video, at least `fps` of the shot (over `slow_motion`), its default",
    )
    slow_motion: float = Field(
        default=1.0,
        ge=1,
        le=10_000,
        description="how many times slower than life the video plays; `seconds`, `fps` and all times of the shot are "
        "of life [-]",
    )
    preset: Literal["web", "hevc10", "av1", "prores", "hdr10", "png", "exr"] = Field(
        default="web",
        description="H.264, H.265 or AV1 in 10 bits, ProRes, HDR10; or a folder of PNG or EXR with flow, depth, ids",
    )
    chroma: Annotated[Literal["420", "422", "444"] | None, BeforeValidator(_as_text)] = Field(
        default=None, description="sampling of colour; default 420 (prores 422), and 444 for a size that is odd"
    )
    quality: int = Field(default=18, ge=0, le=51, description="constant rate factor; lower is better")
    aspect: str | None = Field(
        default=None,
        pattern=r"^[1-9][0-9]{0,2}:[1-9][0-9]{0,2}$",
        description="width to height of the frame, such as 9:16 or 1:1: cut out of the picture, following the subject",
    )
    follow: str | None = Field(default=None, description="thing that the frame follows; default: all that moves")
    motion_blur: Fraction = Field(default=0.5, description="shutter opening as a fraction of the frame time [-]")
    audio: Audio = Field(default=None, description="`true`: sound from contacts, liquids and air")
    credentials: Literal["test"] | CertificateSpec | None = Field(
        default=None, description="sign the video (C2PA): 'test' with a throw-away certificate, or {cert, key}"
    )
    watermark: bool | WatermarkSpec = Field(
        default=False, description="an invisible mark in every frame: true with an open key, or {key, id}"
    )
    ledger: bool = Field(default=True, description="record beside the video what changed from run to run of the shot")
