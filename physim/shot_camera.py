"""Words of the shot file for the camera's moves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from physim.shot_model import Model

TAKES = {
    "dolly": ("metres",),
    "truck": ("metres",),
    "pedestal": ("metres",),
    "pan": ("degrees",),
    "tilt": ("degrees",),
    "roll": ("degrees",),
    "orbit": ("degrees",),
    "zoom": ("factor",),
    "handheld": ("degrees", "metres"),
    "keys": ("keys",),
}
"""Kind of move → what may say how far it goes; a move takes at least one of them."""


class CameraKeySpec(Model):
    """The camera at one instant, against where the photo was taken; what is not given is as in the photo."""

    at: float = Field(gt=0, description="[s]")
    dolly: float = Field(default=0.0, description="forward [m]")
    truck: float = Field(default=0.0, description="to the right [m]")
    pedestal: float = Field(default=0.0, description="up [m]")
    pan: float = Field(default=0.0, description="to the right [degrees]")
    tilt: float = Field(default=0.0, description="up [degrees]")
    roll: float = Field(default=0.0, description="clockwise [degrees]")
    zoom: float = Field(default=1.0, ge=0.25, le=8, description="focal length over that of the photo [-]")


def part_of(time: float, cuts: Sequence[float], seconds: float) -> tuple[float, float]:
    """Start and end [s] of what lies between two cuts, or a cut and an end, around ``time``."""
    borders = [0.0, *cuts, seconds]
    number = max(bisect_right(borders, time + 1e-9) - 1, 0)
    return borders[min(number, len(cuts))], borders[min(number, len(cuts)) + 1]


class MoveSpec(Model):
    """One camera move."""

    move: Literal["dolly", "truck", "pedestal", "pan", "tilt", "roll", "orbit", "zoom", "handheld", "keys"] = Field(
        description="kind of move"
    )
    metres: float | None = Field(
        default=None,
        description="of dolly (forward), truck (right), pedestal (up), or of a hand's sway (rms) [m]",
    )
    degrees: float | None = Field(
        default=None,
        description="of pan (right), tilt (up), roll, orbit (right), or of a hand's sway (rms)",
    )
    factor: float | None = Field(default=None, ge=0.25, le=8, description="of zoom: focal length over the photo's [-]")
    keys: list[CameraKeySpec] | None = Field(default=None, min_length=1, description="of keys: where it is, and when")
    start: float = Field(default=0.0, alias="from", ge=0, description="[s]")
    end: float | None = Field(default=None, alias="to", gt=0, description="[s]; default: the end of the shot")
    ease: Literal["linear", "in", "out", "in_out", "at_once"] = Field(
        default="in_out", description="how it gains and loses speed; `at_once`: a frame that is there after a cut"
    )
    limit: bool = Field(
        default=True,
        description="shorten the moves to what the photo can show; false on one of them leaves all as they are",
    )

    @property
    def begins(self) -> float:
        """When it begins, which tells between which cuts it is [s]."""
        return self.keys[0].at if self.keys else self.start

    @model_validator(mode="after")
    def _amount(self) -> MoveSpec:
        takes = TAKES[self.move]
        given = [name for name in ("metres", "degrees", "factor", "keys") if getattr(self, name) is not None]
        if not given or not set(given) <= set(takes):
            wanted, got = (" and ".join(f"`{name}`" for name in names) for names in (takes, given))
            raise ValueError(f"a {self.move} takes {wanted}, not {got or 'nothing'}")
        if self.move == "keys" and {"start", "end", "ease"} & self.model_fields_set:
            raise ValueError("keys bring their own times, so `from`, `to` and `ease` mean nothing to them")
        if self.ease == "at_once" and self.move == "handheld":
            raise ValueError("a hand does not sway `at_once`")
        times = [key.at for key in self.keys or []]
        if any(a >= b for a, b in pairwise(times)):
            raise ValueError(f"`at` of the keys must grow; given: {', '.join(f'{t:g}' for t in times)}")
        return self
