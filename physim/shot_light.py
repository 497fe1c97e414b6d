"""Words of the shot file for light that changes."""

from __future__ import annotations

from pydantic import Field, model_validator

from physim.shot_model import Fraction, Model
from physim.shot_over_time import NumberKeys, VectorKeys, each_value


class SunSpec(Model):
    """The light over time; at 0 s it is that of the photo, so keys come after that."""

    elevation: NumberKeys | None = Field(
        default=None, description="of the sun, -6 to 90 [degrees]; colours follow: day, sunset, dusk"
    )
    turn: NumberKeys | None = Field(
        default=None, description="about the vertical, against the photo's, clockwise as seen from above [degrees]"
    )
    tint: VectorKeys | None = Field(
        default=None, description="factor on red, green and blue of all light: a cloud, a lamp that fades"
    )
    start: float = Field(default=0.0, alias="from", ge=0, description="until then it is that of the photo [s]")
    adapts: Fraction = Field(
        default=0.75, description="part of the change of brightness that the camera makes up for, in stops [-]"
    )

    @model_validator(mode="after")
    def _sensible(self) -> SunSpec:
        given: tuple[NumberKeys | VectorKeys | None, ...] = (self.elevation, self.turn, self.tint)
        keys = [each for each in given if each is not None]
        if not keys:
            raise ValueError("give one or more of elevation, turn, tint")
        if any(key.at <= 0 for each in keys for key in each.keys):
            raise ValueError("the light of the first frame is the photo's, so `at` of the keys must be more than 0 s")
        if any(key.at <= self.start for each in keys for key in each.keys):
            raise ValueError(
                f"until `from`, {self.start:g} s, the light is the photo's, so `at` of the keys must be later"
            )
        if self.elevation is not None and not all(-6 <= value <= 90 for value in each_value(self.elevation)):
            raise ValueError(f"`elevation` is {each_value(self.elevation)}, expected -6 to 90 degrees each")
        if self.tint is not None and not all(0 <= v <= 100 for tint in each_value(self.tint) for v in tint):
            raise ValueError("`tint` has factors below 0 or above 100, expected 0 to 100 [-]")
        return self
