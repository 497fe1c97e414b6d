"""Words of the shot file for joints, and for things that move as they are told."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, model_validator

from physim.shot_model import Fraction, Model, Positive, Vector

NEEDS_TO = "give `to`, or `other`, whose centre it then is"


class KeySpec(Model):
    """One keyframe of a path."""

    time: float = Field(ge=0, description="[s]")
    offset: Vector = Field(default=(0.0, 0.0, 0.0), description="displacement from where it was put [m]")
    turn: Vector = Field(
        default=(0.0, 0.0, 0.0),
        description="rotation vector since the start, world axes, about its own origin [degrees]",
    )


class KinematicSpec(Model):
    material: str = Field(default="wood", description="preset name")
    friction: float | None = Field(default=None, ge=0, description="Coulomb coefficient [-]")
    restitution: Fraction | None = Field(default=None, description="[-]")
    static_friction: float | None = Field(default=None, ge=0, description="of a contact that does not slip [-]")
    rolling_resistance: float = Field(default=0.0, ge=0, description="torque over radius and load [-]")
    spinning_resistance: float = Field(default=0.0, ge=0, description="lever arm of friction about the normal [m]")
    motion: list[KeySpec] | None = Field(
        default=None, min_length=1, description="its path; default: it keeps the thing's velocity"
    )

    @model_validator(mode="after")
    def _ordered(self) -> KinematicSpec:
        times = [key.time for key in self.motion or []]
        if any(a >= b for a, b in pairwise(times)):
            raise ValueError(f"times of `motion` must grow; given: {', '.join(f'{t:g}' for t in times)}")
        return self


class BallSpec(Model):
    """A point that both share."""

    body: str = Field(description="name of a thing")
    other: str | None = Field(default=None, description="name of the other thing; default: the world")
    at: Vector = Field(description="the point, world, at time 0 [m]")
    collide: bool = Field(default=False, description="whether the two collide with each other")


class HingeSpec(BallSpec):
    """An axis that both share."""

    axis: Vector = Field(description="direction, world, at time 0; any length")
    limits: tuple[float, float] | None = Field(
        default=None, description="lowest and highest angle about `axis` from the start [degrees]"
    )
    friction: float = Field(default=0.0, ge=0, description="dry torque that resists turning [N m]")

    @model_validator(mode="after")
    def _possible(self) -> HingeSpec:
        if not any(self.axis):
            raise ValueError("`axis` is [0, 0, 0], expected a direction")
        if self.limits is not None and not self.limits[0] <= 0 <= self.limits[1]:
            raise ValueError(f"`limits` is {list(self.limits)}, expected [low, high] with low <= 0 <= high")
        return self


class FixedSpec(Model):
    """Both move as one."""

    body: str = Field(description="name of a thing")
    other: str | None = Field(default=None, description="name of the other thing; default: the world")
    collide: bool = Field(default=False, description="whether the two collide with each other")


class DistanceSpec(Model):
    """A massless rod between two points."""

    body: str = Field(description="name of a thing")
    other: str | None = Field(default=None, description="name of the other thing; default: the world")
    at: Vector | None = Field(default=None, description="end on `body`, world, at time 0 [m]; default: its centre")
    to: Vector | None = Field(default=None, description="end on `other`, world, at time 0 [m]; default: its centre")
    length: Positive | None = Field(default=None, description="[m]; default: as it stands at time 0")
    collide: bool = Field(default=True, description="whether the two collide with each other")

    @model_validator(mode="after")
    def _ends(self) -> DistanceSpec:
        if self.to is None and self.other is None:
            raise ValueError(NEEDS_TO)
        return self


class StringSpec(DistanceSpec):
    """An inextensible string: holds when taut, hangs slack otherwise."""


class SpringSpec(Model):
    """Hooke's law along the line between two points."""

    body: str = Field(description="name of a thing")
    other: str | None = Field(default=None, description="name of the other thing; default: the world")
    at: Vector | None = Field(default=None, description="end on `body`, world, at time 0 [m]; default: its centre")
    to: Vector | None = Field(default=None, description="end on `other`, world, at time 0 [m]; default: its centre")
    stiffness: Positive = Field(description="[N/m]")
    damping: float = Field(default=0.0, ge=0, description="[N s/m]")
    length: float | None = Field(default=None, ge=0, description="at rest [m]; default: as it stands at time 0")
    collide: bool = Field(default=True, description="whether the two collide with each other")

    @model_validator(mode="after")
    def _ends(self) -> SpringSpec:
        if self.to is None and self.other is None:
            raise ValueError(NEEDS_TO)
        return self


AnyJoint = BallSpec | HingeSpec | FixedSpec | DistanceSpec | StringSpec | SpringSpec


class JointSpec(Model):
    """What ties a thing to another or to the world. Exactly one of the fields."""

    ball: BallSpec | None = Field(default=None, description="a shared point")
    hinge: HingeSpec | None = Field(default=None, description="a shared axis")
    fixed: FixedSpec | None = Field(default=None, description="move as one")
    distance: DistanceSpec | None = Field(default=None, description="a rod")
    string: StringSpec | None = Field(default=None, description="a string")
    spring: SpringSpec | None = Field(default=None, description="a spring")

    @model_validator(mode="after")
    def _one(self) -> JointSpec:
        given = [n for n in type(self).model_fields if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of {', '.join(type(self).model_fields)}; given: {', '.join(given) or 'none'}"
            )
        return self

    @property
    def kind(self) -> str:
        return next(n for n in type(self).model_fields if getattr(self, n) is not None)

    @property
    def spec(self) -> AnyJoint:
        return getattr(self, self.kind)
