"""Motion brush: strokes over the photo become pushes, winds, sources and pins of a shot.

A stroke has a direction, from its first to its last pixel: right in the picture is right in the world, up is up; it
stays in the plane that faces the camera. Its strength has the unit of what it becomes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from physim.shot import Shot
from physim.shot_errors import explain
from physim.shot_file import Problem, ShotError, field_name, validate
from physim.shot_model import Model
from physim.shot_select import Pixel
from physim.shot_text import TextError, parse

MAX_BYTES = 16_000_000
WIDTH = 12.0
"""Of a stroke that marks a place, at least [pixels]."""
USUAL = {"push": 0.1, "wind": 3.0, "smoke": 0.5, "liquid": 0.5}
"""Strength where none is said [N s], [m/s]."""


class Stroke(Model):
    """One stroke."""

    points: list[Pixel] = Field(min_length=1, description="[[u, v], ...] [pixels]")
    makes: Literal["push", "wind", "smoke", "liquid", "pin"] = Field(description="what it becomes")
    strength: float | None = Field(default=None, gt=0, description="push: [N s]; wind, smoke, liquid: [m/s]")
    on: str | None = Field(default=None, description="push: a rigid thing; pin: a cloth of the photo")
    material: str | None = Field(default=None, description="of smoke or liquid: preset name")
    at: float = Field(default=0.0, ge=0, description="when it begins [s]")
    lasts: float | None = Field(
        default=None, gt=0, description="wind, smoke, liquid: how long [s]; default: to the end"
    )
    width: float = Field(default=WIDTH, gt=0, description="of the brush [pixels]")

    @model_validator(mode="after")
    def _consistent(self) -> Stroke:
        if self.makes in ("push", "pin") and self.on is None:
            raise ValueError(f"a {self.makes} needs `on`: the name of a thing")
        if self.makes in ("push", "wind", "liquid") and not np.any(self.vector):
            raise ValueError(f"a {self.makes} needs a direction: a stroke from one pixel to another")
        return self

    @property
    def vector(self) -> np.ndarray:
        """Unit vector in the world, from the first to the last pixel (3,); zero for a dot."""
        across = np.subtract(self.points[-1], self.points[0])
        length = float(np.hypot(*across))
        return np.array([across[0], -across[1], 0.0]) / length if length > 0 else np.zeros(3)


def read_strokes(path: str | os.PathLike) -> list[Stroke]:
    """Strokes of a ``.json`` or ``.yaml`` file: a list of them.

    Raises:
        ShotError: Every stroke that cannot be, with its number and field.
        ValueError: No such file, or no list.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected a list of strokes.")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, expected strokes of at most {MAX_BYTES}.")
    try:
        data, _, _ = parse(path.read_text(encoding="utf-8"), path.suffix.lower())
    except (TextError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(data, list):
        raise ValueError(f"{path} holds no list, expected strokes: [{{points: [[u, v], ...], makes: push, ...}}, ...].")
    strokes, problems = [], []
    for i, item in enumerate(data):
        try:
            strokes.append(Stroke.model_validate(item))
        except ValidationError as error:
            found = explain(error)
            problems += [Problem(str(path), 0, field_name((i, *finding.route)), finding.text) for finding in found]
    if problems:
        raise ShotError(problems)
    return strokes


def brushed(shot: Shot, strokes: Sequence[Stroke]) -> Shot:
    """The shot with what the strokes become added to it.

    Raises:
        ShotError: A stroke on a thing that is not there or cannot be pushed, a pixel outside the photo.
        ValueError: A pin on what is no cloth of the shot.
    """
    data = shot.to_dict()
    for number, stroke in enumerate(strokes, 1):
        _MAKERS[stroke.makes](data, stroke, number)
    try:
        return validate(Shot.model_validate(data), "strokes")
    except ValidationError as error:
        found = explain(error)
        raise ShotError([Problem("strokes", 0, field_name(one.route), one.text) for one in found]) from None


def _push(data: dict[str, Any], stroke: Stroke, number: int) -> None:
    impulse = {"on": stroke.on, "newton_seconds": _times(stroke), "at": stroke.at}
    data["forces"].append({"impulse": impulse})


def _wind(data: dict[str, Any], stroke: Stroke, number: int) -> None:
    end = {"to": stroke.at + stroke.lasts} if stroke.lasts is not None else {}
    data["forces"].append({"wind": {"velocity": _times(stroke), "gust": 0.2, "from": stroke.at, **end}})


def _source(data: dict[str, Any], stroke: Stroke, number: int) -> None:
    kind, usual = ("smoke", "smoke") if stroke.makes == "smoke" else ("liquid", "water")
    end = {"end": stroke.at + stroke.lasts} if stroke.lasts is not None else {}
    emit = {"pixel": list(stroke.points[0]), "velocity": _times(stroke), "start": stroke.at, **end}
    name = f"stroke_{number}"
    data["things"].append({"name": name, "emit": emit, kind: {"material": stroke.material or usual}})


def _pin(data: dict[str, Any], stroke: Stroke, number: int) -> None:
    cloth = next((thing for thing in data["things"] if thing["name"] == stroke.on and thing.get("cloth")), None)
    if cloth is None:
        raise ValueError(f"stroke {number} pins {stroke.on!r}, which is no cloth of the shot.")
    points = np.array(stroke.points, dtype=float)
    half = stroke.width / 2
    box = [*(points.min(axis=0) - half), *(points.max(axis=0) + half)]
    cloth["cloth"]["pin"].append({"region": {"box": [round(float(v), 3) for v in box]}})


def _times(stroke: Stroke) -> list[float]:
    strength = USUAL[stroke.makes] if stroke.strength is None else stroke.strength
    return [round(float(v), 6) + 0.0 for v in strength * stroke.vector]


_MAKERS = {"push": _push, "wind": _wind, "smoke": _source, "liquid": _source, "pin": _pin}
