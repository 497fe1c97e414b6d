"""Joints of a shot become joints of a scene, and keyframes become motions."""

from __future__ import annotations

import numpy as np

from physim.joints import BallJoint, DistanceJoint, FixedJoint, HingeJoint, Joint, Point, Spring, String
from physim.motion import Motion
from physim.scene import Scene
from physim.shot import Shot
from physim.shot_joints import (
    BallSpec,
    DistanceSpec,
    FixedSpec,
    HingeSpec,
    JointSpec,
    KinematicSpec,
    SpringSpec,
    StringSpec,
)


def motion_of(spec: KinematicSpec) -> Motion | None:
    """The path of a thing that moves as it is told; ``None`` without keyframes."""
    if spec.motion is None:
        return None
    turns = np.radians([key.turn for key in spec.motion])
    return Motion(
        tuple(key.time for key in spec.motion),
        tuple(key.offset for key in spec.motion),
        tuple((float(x), float(y), float(z)) for x, y, z in turns),
    )


def add_joints(scene: Scene, shot: Shot) -> None:
    """Add the shot's joints to a scene that has its things.

    Raises:
        KeyError, TypeError, ValueError: A joint names nothing, or ties what cannot be tied.
    """
    for spec in shot.joints:
        scene.add(joint_of(scene, spec))


def joint_of(scene: Scene, joint: JointSpec) -> Joint:
    spec = joint.spec
    if isinstance(spec, HingeSpec):
        limits = None if spec.limits is None else (float(np.radians(spec.limits[0])), float(np.radians(spec.limits[1])))
        return HingeJoint(spec.body, spec.at, spec.axis, spec.other, limits, spec.friction, spec.collide)
    if isinstance(spec, BallSpec):
        return BallJoint(spec.body, spec.at, spec.other, spec.collide)
    if isinstance(spec, FixedSpec):
        return FixedJoint(spec.body, spec.other, spec.collide)
    at, to = _end(scene, spec.at, spec.body), _end(scene, spec.to, spec.other)
    if isinstance(spec, SpringSpec):
        return Spring(
            spec.body, at, to, spec.stiffness, spec.damping, spec.length, other=spec.other, collide=spec.collide
        )
    assert isinstance(spec, DistanceSpec)
    kind = String if isinstance(spec, StringSpec) else DistanceJoint
    return kind(spec.body, at, to, other=spec.other, length=spec.length, collide=spec.collide)


def _end(scene: Scene, given: Point | None, name: str | None) -> Point:
    """The point that was given, or the centre of the thing."""
    if given is not None:
        return given
    assert name is not None
    return scene[name].position
