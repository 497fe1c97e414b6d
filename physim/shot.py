"""Shot: one plain-data description of a video. YAML, TOML or JSON in and out; SI units unless a field says otherwise.

Pixels are (u, v) of the photo after EXIF orientation, from its upper left corner. World: Y up, metres, ground y = 0.
Reading, writing and the error report live in :mod:`physim.shot_file`.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from physim.shot_camera import MoveSpec
from physim.shot_depth import DepthHint
from physim.shot_hints import (
    BallHint,
    CameraHint,
    CircleHint,
    DepthClick,
    Hints,
    KnownLength,
    LightHint,
    PlateHint,
    RoomHint,
    ShadowHint,
    SurfaceHint,
    WhiteHint,
)
from physim.shot_joints import JointSpec, KinematicSpec
from physim.shot_light import SunSpec
from physim.shot_model import Fraction, Model, Vector
from physim.shot_output import AudioSpec, OutputSpec, RecordingSpec
from physim.shot_over_time import NumberKeys, VectorKeys, VectorOverTime, every, later_keys
from physim.shot_provenance import CertificateSpec, WatermarkSpec
from physim.shot_select import Ellipse, Pixel, Select, Strokes
from physim.shot_things import (
    MATTER,
    ClothSpec,
    EmitSpec,
    GrainsSpec,
    HangSpec,
    Lift,
    LiquidSpec,
    PartSpec,
    PinSpec,
    Place,
    RigidSpec,
    ShapeSpec,
    Side,
    SmokeSpec,
    SoftSpec,
    StaticSpec,
    Thing,
)

__all__ = [
    "MATTER",
    "AudioSpec",
    "BallHint",
    "CameraHint",
    "CertificateSpec",
    "CircleHint",
    "ClothSpec",
    "DepthClick",
    "DepthHint",
    "Ellipse",
    "EmitSpec",
    "ForceSpec",
    "GenerateSpec",
    "GrainsSpec",
    "HangSpec",
    "Hints",
    "ImpulseSpec",
    "JointSpec",
    "KinematicSpec",
    "KnownLength",
    "Lift",
    "LightHint",
    "LiquidSpec",
    "Model",
    "MoveSpec",
    "NumberKeys",
    "OutputSpec",
    "PartSpec",
    "PinSpec",
    "Pixel",
    "Place",
    "PlateHint",
    "PushSpec",
    "RecordingSpec",
    "RigidSpec",
    "RoomHint",
    "Select",
    "ShadowHint",
    "ShapeSpec",
    "Shot",
    "Side",
    "SmokeSpec",
    "SoftSpec",
    "StaticSpec",
    "Strokes",
    "SunSpec",
    "SurfaceHint",
    "Thing",
    "VectorKeys",
    "WatermarkSpec",
    "WhiteHint",
    "WindSpec",
    "later_keys",
]


MOST_GRAVITY = 1000.0
"""[m/s^2]"""


class WindSpec(Model):
    velocity: VectorOverTime = Field(description="[m/s]; a vector, or {keys: [{at, value}, ...], ease}")
    gust: Fraction = Field(default=0.0, description="relative variation [-]")
    start: float = Field(
        default=0.0, alias="from", ge=0, description="[s]; a lake's waves are there from the first frame"
    )
    end: float | None = Field(default=None, alias="to", gt=0, description="[s]; default: never")
    rise: float = Field(default=0.25, ge=0, le=60, description="how long it takes to come up and to die down [s]")

    @model_validator(mode="after")
    def _in_order(self) -> WindSpec:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"blows from {self.start:g} s to {self.end:g} s, expected `to` later than `from`")
        return self


class ImpulseSpec(Model):
    on: str = Field(description="name of a rigid thing")
    newton_seconds: Vector = Field(description="[N s]")
    at: float = Field(default=0.0, ge=0, description="[s]")
    point: Vector | None = Field(
        default=None,
        description="where it strikes, from the centre of mass, along the world's axes; default: there [m]",
    )


class PushSpec(Model):
    """A force while it lasts."""

    on: str = Field(description="name of a rigid thing")
    newtons: VectorOverTime = Field(description="[N]; a vector, or {keys: [{at, value}, ...], ease}")
    start: float = Field(default=0.0, alias="from", ge=0, description="[s]")
    end: float | None = Field(default=None, alias="to", gt=0, description="[s]; default: never")
    point: Vector | None = Field(
        default=None,
        description="where it acts, from the centre of mass, along the world's axes; default: there [m]",
    )

    @model_validator(mode="after")
    def _in_order(self) -> PushSpec:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"acts from {self.start:g} s to {self.end:g} s, expected `to` later than `from`")
        return self


class ForceSpec(Model):
    """Exactly one of the fields."""

    wind: WindSpec | None = Field(default=None, description="moving air")
    impulse: ImpulseSpec | None = Field(default=None, description="a push at one instant")
    push: PushSpec | None = Field(default=None, description="a force while it lasts")

    @model_validator(mode="after")
    def _one(self) -> ForceSpec:
        if sum(force is not None for force in (self.wind, self.impulse, self.push)) != 1:
            raise ValueError("give exactly one of wind, impulse, push")
        return self


class RegionStrengths(Model):
    """How much of the model's residual is added, by kind of region; what is not given is the model's own choice."""

    hole: Fraction | None = Field(default=None, description="filled background [-]")
    smoke: Fraction | None = Field(default=None, description="[-]")
    shade: Fraction | None = Field(default=None, description="where shadows fall [-]")
    liquid: Fraction | None = Field(default=None, description="[-]")
    edge: Fraction | None = Field(default=None, description="outlines of what moves [-]")


class AdapterSpec(Model):
    """A low-rank adapter of the model."""

    file: Path = Field(description=".safetensors in the layout of peft or ComfyUI; `i2v train --rank` makes them")
    weight: float = Field(default=1.0, ge=-4, le=4, description="how much of it [-]; 0 is nothing")


class SubjectSpec(Model):
    """What a thing should look like."""

    thing: str = Field(description="its name")
    photos: Path = Field(description="folder of photos and clips of it")


class GenerateSpec(Model):
    model: str = Field(default="bundled", description="'bundled', 'none' (the plain composite), or a registered model")
    num_inference_steps: int = Field(
        default=1,
        ge=1,
        le=100,
        description="calls of the network per frame; 1 is the likeliest picture, more add detail",
    )
    guidance_scale: float = Field(default=1.0, ge=0, description="classifier-free guidance [-]; 1 is none")
    strength: Fraction = Field(default=1.0, description="how much of the model's residual is added [-]")
    regions: RegionStrengths = Field(default=RegionStrengths(), description="the same by kind of region")
    adapters: list[AdapterSpec] = Field(default=[], description="what the model has learnt since; several add up")
    subjects: list[SubjectSpec] = Field(
        default=[], description="whose looks are compared with photos of them; the scores stand in the run's report"
    )
    size: int = Field(default=320, ge=32, le=2048, description="longer side of the picture the model works on [pixels]")


class Shot(Model):
    """Everything that decides a video."""

    schema_version: Literal[1] = Field(default=1, description="of this format")
    photo: Path = Field(description="picture file; `skimage:NAME` takes a photo that scikit-image ships")
    hints: Hints = Field(default=Hints(), description="what is known about the photo")
    things: list[Thing] = Field(default=[], description="what moves, stands in the way, or smokes")
    joints: list[JointSpec] = Field(default=[], description="what ties things to each other or to the world")
    forces: list[ForceSpec] = Field(default=[], description="wind and pushes; gravity is always there")
    gravity: VectorOverTime = Field(
        default=(0.0, -9.81, 0.0), description="[m/s^2]; a vector, or {keys: [{at, value}, ...], ease}"
    )
    light: SunSpec | None = Field(default=None, description="how the light changes; default: it stays as in the photo")
    camera: list[MoveSpec] = Field(default=[], description="camera moves, from the photo on")
    cuts: list[float] = Field(
        default=[],
        description="times [s] at which the picture cuts: the world goes on, the camera is where the photo was taken "
        "and makes the moves that begin after the cut",
    )
    seconds: float = Field(default=3.0, gt=0, le=600, description="length of the video [s]")
    fps: float = Field(
        default=24.0,
        gt=0,
        le=20_000,
        description="frames per second of life",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="of everything random")
    settle: bool = Field(
        default=True, description="check that what the photo shows at rest stays at rest when nothing happens"
    )
    generate: GenerateSpec = Field(default=GenerateSpec(), description="the model that paints")
    output: OutputSpec = Field(default=OutputSpec(), description="the video file")

    @model_validator(mode="after")
    def _names(self) -> Shot:
        twice = sorted(n for n, count in Counter(thing.name for thing in self.things).items() if count > 1)
        if twice:
            raise ValueError(f"things need different names; given twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _weight(self) -> Shot:
        if not every(lambda g: sum(x * x for x in g) <= MOST_GRAVITY**2, self.gravity):
            raise ValueError(
                f"`gravity` is more than {MOST_GRAVITY:g} m/s^2, more than solvers of this scale keep up with"
            )
        return self

    @classmethod
    def load(cls, path: str | os.PathLike) -> Shot:
        """Read a shot file.

        Args:
            path: ``.yaml``, ``.toml`` or ``.json``; relative paths in it are taken from its folder.

        Raises:
            physim.shot_file.ShotError: Every mistake at once, with file, line, field, what was given and expected.
        """
        from physim.shot_file import load

        return load(path)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the shot, defaults included, to ``path``, in the format of its suffix."""
        from physim.shot_file import save

        return save(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, defaults included; ``Shot(**shot.to_dict())`` is the same shot."""
        return self.model_dump(mode="json", by_alias=True)
