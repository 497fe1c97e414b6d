"""Physics read from tracks: gravity, restitution, period and damping, momentum, and how constant a constant is.

Every figure is a least-squares fit over whole stretches of a track and comes with its standard error, which the
residuals of that fit give. Positions may be pixels or metres; missing ones are NaN and are left out, never filled in.

Swings are fitted in ``i2v.metrics.pixel_pendulum``. Sources: the parabola, any textbook of mechanics; invariance score,
NewtonGen (PIS = 1 / (1 + std / |mean|)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from i2v.metrics.pixel_pendulum import PendulumFit, pendulum

__all__ = [
    "Bounce",
    "GravityFit",
    "MomentumReport",
    "PendulumFit",
    "flights",
    "gravity",
    "invariance",
    "momentum",
    "pendulum",
    "restitution",
]

LEAST = 4
"""Frames of one flight that tell of gravity."""
APART = 4
"""Frames between two flights that belong to the same bounce."""
JUMP = 0.12
"""A change of speed between frames that differs by more than this from the usual one, relative to the largest speed, is
an impact."""


@dataclass(frozen=True)
class GravityFit:
    """A parabola through the first free flight of a track."""

    value: float
    """Acceleration along `down` [unit/s^2]."""
    sigma: float
    """Its standard error [unit/s^2]."""
    velocity: np.ndarray
    """(D,) at the first frame of the fit [unit/s]."""
    sideways: float
    """Acceleration across `down` [unit/s^2]; 0 without drag or wind."""
    rms: float
    """Of the residuals, per coordinate [unit]."""
    frames: tuple[int, int]
    """First and last frame of the flight."""


@dataclass(frozen=True)
class Bounce:
    """One impact between two flights."""

    time: float
    """[s]"""
    height: float
    """Of the track there [unit]."""
    before: float
    """Speed towards the surface [unit/s]."""
    after: float
    """Speed away from it [unit/s]."""
    sigma: float
    """Standard error of `value` [-]."""

    @property
    def value(self) -> float:
        """Restitution, speed after over speed before [-]."""
        return self.after / self.before


@dataclass(frozen=True)
class MomentumReport:
    """A collision of several tracks."""

    time: float
    """[s]"""
    before: np.ndarray
    """(D,) total momentum before [kg unit/s]."""
    after: np.ndarray
    """(D,) and after."""
    relative_change: float
    """|after - before| over the sum of the magnitudes before [-]."""
    energy_ratio: float
    """Kinetic energy after over before [-]."""
    restitution: float
    """Of the first two along the line between them: speed of parting over speed of closing [-]."""


def flights(times: np.ndarray, heights: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each stretch without an impact.

    Between impacts the speed changes by the same amount in every frame. Heights (T,) [unit], NaN where missing; times
    (T,) [s]. A gap of missing frames does not end a flight.
    """
    seen = np.flatnonzero(np.isfinite(heights))
    if len(seen) < 3:
        return [(int(seen[0]), int(seen[-1]))] if len(seen) else []
    t, y = times[seen], heights[seen]
    speed = np.diff(y) / np.diff(t)
    middle = (t[1:] + t[:-1]) / 2
    change = np.diff(speed) / np.diff(middle)  # at t[1:-1]
    typical = _typical(change)
    step = np.diff(middle)
    kick = (change - typical) * step
    spread = 1.4826 * np.median(np.abs(kick - np.median(kick)))
    limit = max(JUMP * float(np.abs(speed).max()), 6 * spread, 1e-12)
    ends = [0]
    for k in np.flatnonzero(np.abs(kick) > limit):
        ends.append(int(k) + 1)  # the sample at which the speed changed
    stretches = []
    for first, last in zip(ends, [*ends[1:], len(seen) - 1], strict=True):
        if last - first >= 2:
            stretches.append((int(seen[first]), int(seen[last])))
    return stretches


def _typical(change: np.ndarray) -> float:
    """The acceleration that many frames share: the largest one, for a thing may lie still most of the time."""
    ordered = np.sort(change)
    best = float(np.median(ordered))
    for value in ordered:
        alike = np.abs(ordered - value) <= 0.2 * abs(value)
        if alike.sum() >= max(4, 0.15 * len(ordered)) and abs(value) > abs(best) * 1.2:
            best = float(np.median(ordered[alike]))
    return best


def gravity(
    times: np.ndarray, positions: np.ndarray, *, down: Sequence[float] = (0.0, 1.0), scale: float = 1.0
) -> GravityFit:
    """Acceleration of free fall, from the first flight of a track.

    Args:
        times: (T,) [s].
        positions: (T, D), for example pixels (u, v), or metres; NaN where missing.
        down: (D,) direction of gravity; for pixels of an upright camera (0, 1), for a world with Y up (0, -1, 0).
        scale: Units of the positions per unit of the answer, for example pixels per metre.

    Raises:
        ValueError: Fewer than four frames of free flight.
    """
    times, positions = np.asarray(times, dtype=np.float64), np.asarray(positions, dtype=np.float64) / scale
    axis = np.asarray(down, dtype=np.float64) / np.linalg.norm(down)
    along = positions @ axis
    stretches = [s for s in flights(times, along) if np.isfinite(along[s[0] : s[1] + 1]).sum() >= LEAST]
    if not stretches:
        raise ValueError(f"the track shows {np.isfinite(along).sum()} frames, expected a flight of at least {LEAST}.")
    first, last = stretches[0]
    inside = _without_ends(times, along, first, last)
    start, fits = times[inside[0]], []
    basis = np.stack([np.ones(len(inside)), times[inside] - start, 0.5 * (times[inside] - start) ** 2], axis=1)
    for k in range(positions.shape[1]):
        fits.append(np.linalg.lstsq(basis, positions[inside, k], rcond=None)[0])
    fit = np.stack(fits, axis=1)  # place, velocity, acceleration
    residuals = positions[inside] - basis @ fit
    free = max(len(inside) - 3, 1)
    spread = float(np.sqrt(((residuals @ axis) ** 2).sum() / free))
    covariance = np.linalg.pinv(basis.T @ basis)
    value = float(fit[2] @ axis)
    return GravityFit(
        value,
        spread * float(np.sqrt(covariance[2, 2])),
        fit[1],
        float(np.linalg.norm(fit[2] - value * axis)),
        float(np.sqrt((residuals**2).mean())),
        (int(inside[0]), int(inside[-1])),
    )


def _without_ends(times: np.ndarray, along: np.ndarray, first: int, last: int) -> np.ndarray:
    """Frames of a flight, without an end at which the exposure caught the impact: it would not lie on the parabola."""
    inside = np.arange(first, last + 1)
    inside = inside[np.isfinite(along[inside])]
    for end in (-1, 0):
        rest = np.delete(inside, end)
        if len(rest) < LEAST or (end == 0 and first == 0):
            continue
        start = times[rest[0]]
        curve = np.polynomial.Polynomial.fit(times[rest] - start, along[rest], 2)
        residuals = along[rest] - curve(times[rest] - start)
        spread = np.sqrt((residuals**2).sum() / max(len(rest) - 3, 1))
        outside = abs(along[inside[end]] - curve(times[inside[end]] - start))
        if outside > 4 * spread + 1e-9 * np.abs(along[rest]).max():
            inside = rest
    return inside


def restitution(times: np.ndarray, heights: np.ndarray) -> list[Bounce]:
    """Every bounce between two flights that both have at least four frames.

    All flights share one gravity, which makes the speeds at the impact, where the two parabolas meet, sharp.

    Args:
        times: (T,) [s].
        heights: (T,) away from the surface [unit]; NaN where missing.
    """
    times, heights = np.asarray(times, dtype=np.float64), np.asarray(heights, dtype=np.float64)
    parts = [_without_ends(times, heights, *s) for s in flights(times, heights)]
    parts = _alike(times, heights, [part for part in parts if len(part) >= LEAST])
    if len(parts) < 2:
        return []
    rows = sum(len(part) for part in parts)
    matrix, right = np.zeros((rows, 2 * len(parts) + 1)), np.zeros(rows)
    row = 0
    for k, part in enumerate(parts):
        t = times[part] - times[part[0]]
        block = slice(row, row + len(part))
        matrix[block, 2 * k], matrix[block, 2 * k + 1], matrix[block, -1] = 1.0, t, -0.5 * t**2
        right[block] = heights[part]
        row += len(part)
    fit = np.linalg.lstsq(matrix, right, rcond=None)[0]
    noise = float(np.sqrt(((right - matrix @ fit) ** 2).sum() / max(rows - len(fit), 1)))
    covariance = noise**2 * np.linalg.pinv(matrix.T @ matrix)
    found = []
    for k in range(len(parts) - 1):
        if parts[k + 1][0] - parts[k][-1] > APART:
            continue
        one = _bounce(fit, covariance, k, times[parts[k][0]], times[parts[k + 1][0]])
        if one is not None:
            found.append(one)
    return found


def _alike(times: np.ndarray, heights: np.ndarray, parts: list[np.ndarray]) -> list[np.ndarray]:
    """The flights that fall as the longest does: what lies, rolls or bounces too fast to be seen does not."""
    if len(parts) < 2:
        return parts
    falls = np.array([2 * np.polynomial.polynomial.polyfit(times[p] - times[p[0]], heights[p], 2)[2] for p in parts])
    reference = min(falls[np.argsort([-len(p) for p in parts])[:2]])  # one of the two longest may be rest
    return [part for part, fall in zip(parts, falls, strict=True) if abs(fall - reference) <= 0.15 * abs(reference)]


def _bounce(fit: np.ndarray, covariance: np.ndarray, k: int, t0: float, t1: float) -> Bounce | None:
    """Where flight k meets the next one: ``a0 + b0 s - g s^2 / 2 = a1 + b1 (s - d) - g (s - d)^2 / 2``, linear in s."""
    a0, b0, a1, b1 = fit[2 * k : 2 * k + 4]
    g, d = fit[-1], t1 - t0
    slope = b0 - b1 - g * d
    if slope >= 0 or g <= 0:
        return None
    s = (a1 - a0 - b1 * d - 0.5 * g * d**2) / slope

    def speeds(p: np.ndarray) -> tuple[float, float]:
        return -(p[2 * k + 1] - p[-1] * s), p[2 * k + 3] - p[-1] * (s - d)

    before, after = speeds(fit)
    if before <= 0 or after <= 0:
        return None
    gradient = np.zeros(len(fit))
    for j in (2 * k + 1, 2 * k + 3, len(fit) - 1):  # the ratio is linear enough for a small step
        step = 1e-6 * max(abs(fit[j]), 1e-6)
        moved = fit.copy()
        moved[j] += step
        down, up = speeds(moved)
        gradient[j] = (up / down - after / before) / step
    sigma = float(np.sqrt(max(gradient @ covariance @ gradient, 0.0)))
    return Bounce(t0 + s, a0 + b0 * s - 0.5 * g * s**2, float(before), float(after), sigma)


def momentum(
    times: np.ndarray,
    tracks: Sequence[np.ndarray],
    masses: Sequence[float],
    *,
    at: float | None = None,
    window: float | None = None,
) -> MomentumReport:
    """Momentum and energy of several things before and after they collide, by straight lines on both sides.

    Args:
        times: (T,) [s].
        tracks: Of each thing (T, D), NaN where missing.
        masses: Of each [kg], or in any unit.
        at: When they collide [s]; default: when the first two are nearest.
        window: How long before and after the lines are fitted [s]; default: all.

    Raises:
        ValueError: Fewer than two frames of a thing on one side.
    """
    times = np.asarray(times, dtype=np.float64)
    points = [np.asarray(track, dtype=np.float64) for track in tracks]
    if at is None:
        apart = np.linalg.norm(points[0] - points[1], axis=1)
        at = float(times[np.nanargmin(apart)])
    reach = np.inf if window is None else window
    step = 0.5 * float(np.median(np.diff(times)))
    sides = [(times < at - step) & (times >= at - reach), (times > at + step) & (times <= at + reach)]
    velocity = np.zeros((2, len(points), points[0].shape[1]))
    place = np.zeros_like(velocity)
    for i, side in enumerate(sides):
        for k, track in enumerate(points):
            good = side & np.isfinite(track).all(axis=1)
            if good.sum() < 2:
                raise ValueError(
                    f"thing {k} is seen in {good.sum()} frames {('before', 'after')[i]} {at:g} s, expected two or more."
                )
            basis = np.stack([np.ones(good.sum()), times[good] - at], axis=1)
            place[i, k], velocity[i, k] = np.linalg.lstsq(basis, track[good], rcond=None)[0]
    mass = np.asarray(masses, dtype=np.float64)
    total = (mass[:, None] * velocity).sum(axis=1)
    energy = 0.5 * (mass[:, None] * velocity**2).sum(axis=(1, 2))
    line = place[0, 1] - place[0, 0]
    line = line / max(float(np.linalg.norm(line)), 1e-12)
    closing = float((velocity[0, 0] - velocity[0, 1]) @ line)
    parting = float((velocity[1, 1] - velocity[1, 0]) @ line)
    moving = float((mass * np.linalg.norm(velocity[0], axis=1)).sum())
    return MomentumReport(
        at,
        total[0],
        total[1],
        float(np.linalg.norm(total[1] - total[0]) / max(moving, 1e-12)),
        float(energy[1] / max(energy[0], 1e-12)),
        parting / closing if closing else float("nan"),
    )


def invariance(values: np.ndarray) -> float:
    """How constant something is that should be: ``1 / (1 + std / |mean|)``, 1 if it is, towards 0 if it is not."""
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return float("nan")
    return float(1 / (1 + values.std() / (abs(values.mean()) + 1e-8)))
