"""What all parts of a shot share: strict plain data, and the kinds of numbers in it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Vector = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
Length = Annotated[float, Field(gt=0, le=1e6)]
"""[m]; nothing that a photo shows of the earth is farther than its horizon."""
Fraction = Annotated[float, Field(ge=0, le=1)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
