"""What ties and drives the bodies of random scenes: joints of every kind, and a paddle that moves as it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physim.joints import BallJoint, DistanceJoint, FixedJoint, HingeJoint, Spring, String
from physim.materials import Kinematic
from physim.scene import Entity, Scene
from physim.shapes import Box
from physim.trajectory import Trajectory

KINDS = ("ball", "hinge", "fixed", "rod", "string", "spring")


@dataclass(frozen=True)
class Tie:
    """A joint between two bodies of a scene, or of one to the world."""

    kind: str
    body: int
    other: int | None
    axis: tuple[float, float, float]
    rate: float
    """Of a spring with the lighter body alone [rad/s]."""


@dataclass(frozen=True)
class Paddle:
    """A board that goes on at a steady speed and turns steadily."""

    position: tuple[float, float, float]
    velocity: tuple[float, float, float]
    angular_velocity: tuple[float, float, float]


def draw(seed: int, bodies: tuple, ground: str) -> tuple[tuple, tuple[Tie, ...], Paddle | None]:
    """Joints from each body to the one before it, which it is brought next to if there is room, or to the world, and
    sometimes a paddle; not where walls would let it crush things. Returns the bodies as they now lie.
    """
    rng = np.random.default_rng([2028, seed])
    placed, ties = list(bodies), []
    for k in range(len(bodies)):
        axis, kind, heading = rng.normal(size=3), KINDS[rng.integers(len(KINDS))], rng.normal(size=3)
        rate, chance = 2 * np.pi * 10.0 ** rng.uniform(0.0, 1.3), rng.random()
        other = k - 1 if k and chance > 0.1 else None
        if chance > 0.6 or (other is None and chance > 0.2):
            continue
        if other is not None:
            there = _beside(placed, k, heading)
            if there is None:
                continue
            placed[k] = replace(placed[k], position=there)
        ties.append(Tie(kind, k, other, tuple(float(v) for v in axis / np.linalg.norm(axis)), float(rate)))
    paddle = None
    if ground != "pen" and rng.random() < 0.4:
        turn, speed = rng.uniform(0, 2 * np.pi), 5.0 * rng.random()
        heading = np.array([np.cos(turn), 0.0, np.sin(turn)])
        place = -1.5 * heading + (0.0, 1.2, 0.0)
        spin = float(rng.normal() * 3)
        paddle = Paddle(tuple(map(float, place)), tuple(map(float, speed * heading)), (0.0, spin, 0.0))
    return tuple(placed), tuple(ties), paddle


def _beside(bodies: list, k: int, heading: np.ndarray) -> tuple[float, float, float] | None:
    """A place for body ``k`` next to the one before it, on its upper side, clear of all others."""
    reach = [b.shape.bounding_radius for b in bodies]
    up = heading * np.where(np.arange(3) == 1, np.sign(heading), 1.0)
    place = np.array(bodies[k - 1].position) + 1.1 * (reach[k] + reach[k - 1]) * up / np.linalg.norm(up)
    near = (np.linalg.norm(place - b.position) < 1.05 * (reach[k] + r) for b, r in zip(bodies, reach, strict=True))
    if any(n for i, n in enumerate(near) if i != k):
        return None
    return tuple(float(v) for v in place)


def add(scene: Scene, ties: tuple[Tie, ...], paddle: Paddle | None, friction: float, restitution: float) -> None:
    """Tie the bodies of a scene that are there, named "body 0" and so on."""
    there = {e.name: e for e in scene.bodies}
    for tie in ties:
        name, other = f"body {tie.body}", None if tie.other is None else f"body {tie.other}"
        if name not in there or (other is not None and other not in there):
            continue
        here = np.array(there[name].position)
        to = here + (0.3, 0.3, 0.0) if other is None else np.array(there[other].position)
        if np.linalg.norm(to - here) < 1e-3:
            continue
        mass = min(there[n].mass for n in (name, other) if n)
        scene.add(_joint(tie, name, other, (tuple(here), tuple(0.5 * (here + to)), tuple(to)), mass))
    if paddle is not None:
        scene.add(
            Box((0.1, 0.8, 1.5)), Kinematic(friction=friction, restitution=restitution), name="paddle",
            position=paddle.position, velocity=paddle.velocity, angular_velocity=paddle.angular_velocity,
        )  # fmt: skip


def _joint(tie: Tie, name: str, other: str | None, points: tuple, mass: float):
    at, middle, end = points
    if tie.kind == "ball":
        return BallJoint(name, middle, other)
    if tie.kind == "hinge":
        return HingeJoint(name, middle, tie.axis, other)
    if tie.kind == "fixed":
        return FixedJoint(name, other)
    if tie.kind == "spring":
        return Spring(name, at, end, mass * tie.rate**2, 0.0, other=other)
    return (DistanceJoint if tie.kind == "rod" else String)(name, at, end, other)


def lever(scene: Scene, entity: Entity) -> float:
    """Longest arm that another body has on this one through a joint [m]."""
    arms = [0.0]
    for joint in scene.joints:
        if entity.name in (joint.body, joint.other) and joint.other is not None:
            arms.append(float(np.linalg.norm(np.subtract(scene[joint.body].position, scene[joint.other].position))))
    return max(arms)


def spring_energy(trajectory: Trajectory) -> np.ndarray | float:
    """Of all springs at all samples [J]; they pull at the origins of their bodies."""
    total: np.ndarray | float = 0.0
    for joint in trajectory.scene.joints:
        if isinstance(joint, Spring):
            ends = []
            for name, point in ((joint.body, joint.at), (joint.other, joint.to)):
                ends.append(np.array(point) if name is None else trajectory.bodies[name].dense_position)
            rest = np.linalg.norm(np.subtract(joint.to, joint.at))
            total = total + 0.5 * joint.stiffness * (np.linalg.norm(ends[0] - ends[1], axis=-1) - rest) ** 2
    return total
