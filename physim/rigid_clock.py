"""How finely time must be cut for a scene: decided once, from its start, so that a frame is a fixed sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from physim_kernels import rigid_data as data

from physim.forces import Impulse
from physim.rigid_arrays import Piece
from physim.rigid_joints import Tie
from physim.scene import Scene

BASE_RATE = 960.0
"""Least substeps per second."""
FINEST = 4
"""Most times that a scene is cut finer by itself."""
REACH = 1.0
"""Way that a body with corners may fly in a substep, over its bounding radius [-]."""
TURN = 0.25
"""Angle that it may turn in a substep [rad]."""


def fineness(scene: Scene, moving: list[Piece], ties: Sequence[Tie], blows: Sequence[Impulse]) -> int:
    """1, 2 or 4 times the base rate, whichever loads and speeds at the start ask for."""
    return max(_by_load(moving, ties) if any(scene.heaviest) else 1, _by_speed(scene, moving, blows))


def _by_speed(scene: Scene, moving: list[Piece], blows: Sequence[Impulse]) -> int:
    """So that no body with corners flies farther than its own size, or turns far, within a substep.

    What hits with a corner in the midst of a substep turns on at about its speed over its size for the rest of it, and
    other corners are looked at only after that. Balls have none. What joints make turn is cut finer by itself.
    """
    needed = 0.0
    for piece, entity in zip(moving, scene.bodies, strict=True):
        spin = float(np.linalg.norm(entity.angular_velocity))
        if any(c.kind != data.SPHERE for c in piece.colliders):
            kicks = [p.newton_seconds for p in blows if p.on == piece.name]
            speed = float(np.linalg.norm(entity.velocity)) + sum(float(np.linalg.norm(k)) for k in kicks) / piece.mass
            needed = max(needed, speed / (REACH * piece.bound * BASE_RATE), spin / (TURN * BASE_RATE))
    return _step(needed)


def _step(needed: float) -> int:
    times = 1
    while times < needed and times < FINEST:
        times *= 2
    return times


def _by_load(moving: list[Piece], ties: Sequence[Tie]) -> int:
    """By the heaviest load on a body relative to its own mass.

    The load is the mass of everything that stands above it within its outline: warm-started Gauss-Seidel sinks when a
    light body carries more than 30 (60) times its mass at 1/960 s (1/1920 s). What joints tie does not stand: they are
    solved at once, whatever the masses.
    """
    if len(moving) < 2:
        return 1
    x = np.array([p.position for p in moving], dtype=np.float32)
    mass = np.array([p.mass for p in moving], dtype=np.float32)
    bound = np.array([p.bound for p in moving], dtype=np.float32)
    tied = np.zeros(len(moving), dtype=bool)
    tied[[i for t in ties for i in (t.a, t.b) if 0 <= i < len(moving)]] = True
    by_x = np.argsort(x[:, 0], kind="stable")
    x, mass, bound, tied = x[by_x], mass[by_x], bound[by_x], tied[by_x]
    ratio = 0.0
    for rows in np.array_split(np.arange(len(moving)), 1 + len(moving) // 256):
        low, high = x[rows[0], 0] - bound.max(), x[rows[-1], 0] + bound.max()
        beside = slice(*np.searchsorted(x[:, 0], [low, high]))
        at, other = x[rows], x[beside]
        apart = (at[:, None, 0] - other[:, 0]) ** 2 + (at[:, None, 2] - other[:, 2]) ** 2
        over = (other[:, 1] > at[:, None, 1]) & (apart < (0.5 * (bound[rows, None] + bound[beside])) ** 2)
        over &= ~(tied[rows, None] & tied[beside])
        ratio = max(ratio, float((over @ mass[beside] / mass[rows]).max()))
    return _step(ratio / 30.0)
