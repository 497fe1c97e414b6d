"""Words of the shot file for values that change with time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from physim.over_time import OverTime
from physim.shot_model import Model, Positive, Vector

Ease = Literal["linear", "in", "out", "in_out", "at_once", "smooth"]
_EASE = "how it gets from key to key; `at_once`: it stays and then jumps, `smooth`: a monotone cubic through all"
MOST_KEYS = 1000


class NumberKeySpec(Model):
    """A number at one instant."""

    at: float = Field(ge=0, description="[s]")
    value: float = Field(description="what it is then")


class VectorKeySpec(Model):
    """A vector at one instant."""

    at: float = Field(ge=0, description="[s]")
    value: Vector = Field(description="what it is then")


class _Keys(Model):
    ease: Ease = Field(default="linear", description=_EASE)

    @model_validator(mode="after")
    def _rising(self) -> _Keys:
        times = [key.at for key in self.keys]  # type: ignore[attr-defined]
        if any(a >= b for a, b in pairwise(times)):
            raise ValueError(f"`at` of the keys must grow; given: {', '.join(f'{t:g}' for t in times)}")
        return self


class NumberKeys(_Keys):
    """A number over time; constant before the first key and after the last."""

    keys: list[NumberKeySpec] = Field(min_length=1, max_length=MOST_KEYS, description="what it is, and when")


class VectorKeys(_Keys):
    """A vector over time; constant before the first key and after the last."""

    keys: list[VectorKeySpec] = Field(min_length=1, max_length=MOST_KEYS, description="what it is, and when")


BRANCH = "~"
"""What the names of the two ways to write a value begin with; they are no fields."""


def _branch(given: Any) -> str:
    return f"{BRANCH}keys" if isinstance(given, dict | _Keys) else f"{BRANCH}value"


def plain_route(route: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place in the data of a shot, without the names of ways to write a value."""
    return tuple(part for part in route if not (isinstance(part, str) and part.startswith(BRANCH)))


NumberOverTime = Annotated[
    Annotated[float, Tag(f"{BRANCH}value")] | Annotated[NumberKeys, Tag(f"{BRANCH}keys")], Discriminator(_branch)
]
PositiveOverTime = Annotated[
    Annotated[Positive, Tag(f"{BRANCH}value")] | Annotated[NumberKeys, Tag(f"{BRANCH}keys")], Discriminator(_branch)
]
VectorOverTime = Annotated[
    Annotated[Vector, Tag(f"{BRANCH}value")] | Annotated[VectorKeys, Tag(f"{BRANCH}keys")], Discriminator(_branch)
]


def over_time(given: Any) -> Any:
    """The value of the physics: plain ones as they are, keys as :class:`physim.over_time.OverTime`."""
    if not isinstance(given, NumberKeys | VectorKeys):
        return given
    return OverTime(tuple(key.at for key in given.keys), tuple(key.value for key in given.keys), given.ease)


def each_value(given: Any) -> list[Any]:
    """All that a value ever is at a key, or the one that it is."""
    return [key.value for key in given.keys] if isinstance(given, NumberKeys | VectorKeys) else [given]


def later_keys(given: Any, by: float) -> Any:
    """Plain data of a value whose times count from ``by`` [s] on."""
    if not (isinstance(given, dict) and isinstance(given.get("keys"), list)):
        return given
    return {**given, "keys": [{**key, "at": float(key.get("at", 0.0)) + by} for key in given["keys"]]}


def every(check: Callable[[Any], bool], given: Any) -> bool:
    """Whether a check holds for all that a value ever is at a key."""
    return all(check(value) for value in each_value(given))
