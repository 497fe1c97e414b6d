"""Period and damping of a swing, read from a track.

Source: the damped oscillation, any textbook of mechanics; period of a large swing by the arithmetic-geometric mean
(Carvalhaes and Suppes, Am. J. Phys. 76, 2008, eq. 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PendulumFit:
    """A damped oscillation ``centre + amplitude exp(-damping t) cos(2 pi t / period + phase)``."""

    period: float
    """[s]"""
    period_sigma: float
    """Its standard error [s]."""
    damping: float
    """Rate at which the amplitude falls [1/s]."""
    amplitude: float
    """At time 0 [unit]."""
    phase: float
    """[rad]"""
    centre: np.ndarray
    """(D,) where it would hang [unit]."""
    rms: float
    """Of the residuals along the swing [unit]."""
    small_period: float
    """What the period would be for a tiny swing, if the length is known; else `period` [s]."""


def pendulum(times: np.ndarray, positions: np.ndarray, *, length: float | None = None) -> PendulumFit:
    """Period and damping of a swing, by a damped cosine along its widest direction.

    Args:
        times: (T,) [s]; at least 0.6 of a period, better several.
        positions: (T, D), NaN where missing.
        length: From the pivot to the track [unit], which turns the period into that of a tiny swing.

    Raises:
        ValueError: Fewer than eight frames.
    """
    from scipy.optimize import least_squares

    times, positions = np.asarray(times, dtype=np.float64), np.asarray(positions, dtype=np.float64)
    seen = np.isfinite(positions).all(axis=1)
    if seen.sum() < 8:
        raise ValueError(f"the track shows {seen.sum()} frames, expected at least 8 of a swing.")
    t, points = times[seen], positions[seen]
    mean = points.mean(axis=0)
    axis = np.linalg.svd(points - mean, full_matrices=False)[2][0]
    axis = axis * (1.0 if axis[np.abs(axis).argmax()] > 0 else -1.0)
    x = (points - mean) @ axis
    start = _best_start(t, x)

    def linear(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        omega, damping = p
        fade = np.exp(-damping * t)
        basis = np.stack([np.ones_like(t), fade * np.cos(omega * t), fade * np.sin(omega * t)], axis=1)
        return basis, np.linalg.lstsq(basis, x, rcond=None)[0]

    def miss(p: np.ndarray) -> np.ndarray:
        basis, fit = linear(p)
        return basis @ fit - x

    found = least_squares(miss, start, x_scale=(start[0] * 0.05, 0.1), xtol=1e-12, ftol=1e-12)
    omega, damping = found.x
    (middle, c, s), residuals = linear(found.x)[1], found.fun
    rms = float(np.sqrt((residuals**2).mean()))
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * (residuals**2).sum() / max(len(t) - 5, 1)
    period, amplitude = 2 * np.pi / omega, float(np.hypot(c, s))
    sigma = float(period * np.sqrt(covariance[0, 0]) / omega)
    small = period
    if length is not None:
        fade = np.exp(-damping * t)
        swing = np.arcsin(np.clip(amplitude * np.sqrt((fade**2).mean()) / length, 0.0, 1.0))
        small = period / _stretch(float(swing))
    return PendulumFit(
        float(period),
        sigma,
        float(damping),
        amplitude,
        float(np.arctan2(-s, c)),
        mean + middle * axis,
        rms,
        float(small),
    )


def _best_start(t: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Angular frequency [rad/s] whose undamped fit leaves least, and no damping."""
    span = t[-1] - t[0]
    finest = np.median(np.diff(t))
    tries = np.pi * np.geomspace(0.8 / span, 0.5 / finest, 400) * 2
    left = []
    for omega in tries:
        basis = np.stack([np.ones_like(t), np.cos(omega * t), np.sin(omega * t)], axis=1)
        fit = np.linalg.lstsq(basis, x, rcond=None)[0]
        left.append(((x - basis @ fit) ** 2).sum())
    return float(tries[int(np.argmin(left))]), 0.0


def _stretch(swing: float) -> float:
    """Period of a swing of this half angle [rad] over that of a tiny one: 1 / agm(1, cos(swing / 2))."""
    a, b = 1.0, float(np.cos(swing / 2))
    for _ in range(6):
        a, b = (a + b) / 2, float(np.sqrt(a * b))
    return 1 / a
