"""Joints: what ties bodies to each other or to the world. Plain data; points and axes as they stand at time 0, world.

``body`` and ``other`` are names of bodies of the scene, moving, kinematic or static; ``other=None`` is the world.
Bodies that share a joint do not collide with each other unless ``collide`` is set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Point = tuple[float, float, float]


def _finite(joint: object, name: str, count: int = 3) -> None:
    value = getattr(joint, name)
    if np.shape(value) != (count,) or not np.isfinite(value).all():
        raise ValueError(f"{type(joint).__name__}.{name} is {value}, expected {count} finite numbers.")


def _positive(joint: object, name: str, *, zero: bool = False) -> None:
    value = getattr(joint, name)
    if not np.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(
            f"{type(joint).__name__}.{name} is {value}, expected {'at least 0' if zero else 'more than 0'}."
        )


@dataclass(frozen=True)
class BallJoint:
    """A point that both share: three translations held, all rotations free."""

    body: str
    """Name of the body that is tied."""
    at: Point
    """The shared point [m], world, at time 0."""
    other: str | None = None
    """Name of what it is tied to; ``None``: the world."""
    collide: bool = False
    """Whether the two still collide with each other."""

    def __post_init__(self) -> None:
        _finite(self, "at")


@dataclass(frozen=True)
class HingeJoint:
    """A shared axis: only the rotation about it is free."""

    body: str
    """Name of the body that is tied."""
    at: Point
    """A point of the axis [m], world, at time 0."""
    axis: Point
    """Direction, world, at time 0; any length."""
    other: str | None = None
    """Name of what it is tied to; ``None``: the world."""
    limits: tuple[float, float] | None = None
    """Lowest and highest angle of ``body`` about ``axis``, from where it starts [rad]."""
    friction: float = 0.0
    """Dry torque that resists turning [N m]."""
    collide: bool = False
    """Whether the two still collide with each other."""

    def __post_init__(self) -> None:
        _finite(self, "at")
        _finite(self, "axis")
        _positive(self, "friction", zero=True)
        if np.linalg.norm(self.axis) < 1e-9:
            raise ValueError(f"HingeJoint.axis is {self.axis}, expected a direction.")
        if self.limits is not None and not (self.limits[0] <= 0 <= self.limits[1]):
            raise ValueError(f"HingeJoint.limits is {self.limits}, expected (low, high) with low <= 0 <= high [rad].")


@dataclass(frozen=True)
class FixedJoint:
    """Both move as one."""

    body: str
    """Name of the body that is tied."""
    other: str | None = None
    """Name of what it is tied to; ``None``: the world."""
    collide: bool = False
    """Whether the two still collide with each other."""


@dataclass(frozen=True)
class DistanceJoint:
    """A massless rod between two points, free to turn at both ends."""

    body: str
    """Name of the body that is tied."""
    at: Point
    """End on ``body`` [m], world, at time 0."""
    to: Point
    """End on ``other`` [m], world, at time 0."""
    other: str | None = None
    """Name of what it is tied to; ``None``: the world."""
    length: float | None = None
    """[m]; default: as it stands at time 0."""
    collide: bool = True
    """Whether the two still collide with each other."""

    def __post_init__(self) -> None:
        _finite(self, "at")
        _finite(self, "to")
        if self.length is not None:
            _positive(self, "length")


@dataclass(frozen=True)
class String(DistanceJoint):
    """An inextensible string: holds when taut, hangs slack otherwise."""


@dataclass(frozen=True)
class Spring:
    """Hooke's law with damping along the line between two points: F = -stiffness (l - length) - damping dl/dt."""

    body: str
    """Name of the body that is tied."""
    at: Point
    """End on ``body`` [m], world, at time 0."""
    to: Point
    """End on ``other`` [m], world, at time 0."""
    stiffness: float
    """[N/m]"""
    damping: float = 0.0
    """[N s/m]"""
    length: float | None = None
    """At rest [m]; default: as it stands at time 0."""
    other: str | None = None
    """Name of what it is tied to; ``None``: the world."""
    collide: bool = True
    """Whether the two still collide with each other."""

    def __post_init__(self) -> None:
        _finite(self, "at")
        _finite(self, "to")
        _positive(self, "stiffness")
        _positive(self, "damping", zero=True)
        if self.length is not None:
            _positive(self, "length", zero=True)


Joint = BallJoint | HingeJoint | FixedJoint | DistanceJoint | String | Spring
