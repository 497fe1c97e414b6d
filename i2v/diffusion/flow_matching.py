"""Rectified flow as Wan uses it: noise levels, what the network is told, and the solvers' numbers.

A sample at level sigma is x = (1 - sigma) z + sigma n, from noise (1) to data (0); the network predicts the velocity
v = n - z, so z = x - sigma v. A shift s moves levels towards noise, sigma' = s sigma / (1 + (s - 1) sigma), which
larger videos need.

Source: Lipman et al., Flow Matching for Generative Modeling (2023); Esser et al., Scaling Rectified Flow Transformers
(2024), section 5.3 (shift); Zhao et al., UniPC (2023), section 3, with B(h) = e^h - 1 and data prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

TRAINED = 1000
"""Times the network was trained with; sigma 1 is time 1000."""
Solver = Literal["unipc", "euler", "consistency"]


def shifted(sigma, shift: float):
    """Levels moved towards noise."""
    return shift * sigma / (1 + (shift - 1) * sigma)


@dataclass(frozen=True)
class Schedule:
    """Levels of a run."""

    sigmas: np.ndarray
    """(steps + 1,) float32, falling, the last one 0."""
    timesteps: np.ndarray
    """(steps,) float32, what the network is told."""
    solver: Solver

    @property
    def steps(self) -> int:
        return len(self.timesteps)


def unipc_schedule(steps: int, shift: float = 5.0) -> Schedule:
    """Levels of UniPC: evenly spaced, shifted; times are whole numbers.

    Raises:
        ValueError: Less than one step, or a shift that is not positive.
    """
    _check(steps, shift)
    sigmas = shifted(np.linspace(1, 1 / TRAINED, steps + 1)[:-1], shift)
    sigmas[0] = min(sigmas[0], 1 - 1e-6)  # the solver takes the logarithm of 1 - sigma
    times = (sigmas * TRAINED).astype(np.int64).astype(np.float32)
    return Schedule(np.append(sigmas, 0).astype(np.float32), times, "unipc")


def euler_schedule(steps: int, shift: float = 5.0) -> Schedule:
    """Levels of the Euler solver: from 1 to the least level trained with, and shifted again, as published.

    Raises:
        ValueError: Less than one step, or a shift that is not positive.
    """
    _check(steps, shift)
    least = shifted(1 / TRAINED, shift)
    sigmas = shifted(np.linspace(TRAINED, least * TRAINED, steps) / TRAINED, shift).astype(np.float32)
    return Schedule(np.append(sigmas, np.float32(0)), sigmas * np.float32(TRAINED), "euler")


def consistency_schedule(times: tuple[float, ...] = (1000, 750, 500, 250), shift: float = 5.0) -> Schedule:
    """Levels of a distilled few-step model: its own times, shifted.

    Raises:
        ValueError: Times that do not fall, or leave (0, 1000].
    """
    given = np.asarray(times, np.float64)
    _check(len(given), shift)
    if (np.diff(given) >= 0).any() or given[0] > TRAINED or given[-1] <= 0:
        raise ValueError(f"times are {tuple(times)}, expected to fall from at most {TRAINED} and to stay above 0.")
    sigmas = shifted(given / TRAINED, shift).astype(np.float32)
    return Schedule(np.append(sigmas, np.float32(0)), sigmas * np.float32(TRAINED), "consistency")


def _check(steps: int, shift: float) -> None:
    if steps < 1:
        raise ValueError(f"num_inference_steps is {steps}, expected at least 1.")
    if not shift > 0:
        raise ValueError(f"shift is {shift}, expected a positive number: 5 for 720p, 3 for 480p.")


@dataclass(frozen=True)
class UniPC:
    """All numbers of a run of UniPC, second order, float64. Rows are steps."""

    corrector: np.ndarray
    """(steps, 4): of the sample before, of the data predictions older, before, and now. Row 0 is not used."""
    predictor: np.ndarray
    """(steps, 3): of the (corrected) sample, of the data predictions now and before."""


def unipc_numbers(sigmas: np.ndarray) -> UniPC:
    """Weights of samples and data predictions in every step; the first and the last step are of first order."""
    sigmas = np.asarray(sigmas, np.float64)
    steps = len(sigmas) - 1
    with np.errstate(divide="ignore"):
        levels = np.log(1 - sigmas) - np.log(sigmas)  # lambda; infinite at the end
    order = np.minimum(np.minimum(2, np.arange(steps) + 1), steps - np.arange(steps))
    corrector, predictor = np.zeros((steps, 4)), np.zeros((steps, 3))
    for i in range(steps):
        if i:
            corrector[i] = _corrected(levels, sigmas, i, int(order[i - 1]))
        gain, data, _, step, b = _shared(levels, sigmas, i)
        older = -(1 - sigmas[i + 1]) * b * 0.5 / ((levels[i - 1] - levels[i]) / step) if order[i] == 2 else 0.0
        predictor[i] = gain, data - older, older
    return UniPC(corrector, predictor)


def _shared(levels: np.ndarray, sigmas: np.ndarray, i: int) -> tuple[float, float, float, float, float]:
    """Of the step from i to i + 1: weight of the sample, of the data, phi_1, the step in lambda, B."""
    step = levels[i + 1] - levels[i]
    phi = np.expm1(-step)
    return sigmas[i + 1] / sigmas[i], -(1 - sigmas[i + 1]) * phi, phi, step, phi


def _corrected(levels: np.ndarray, sigmas: np.ndarray, i: int, order: int) -> tuple[float, float, float, float]:
    """Weights of the corrector of the step from i - 1 to i."""
    gain, data, phi, step, b = _shared(levels, sigmas, i - 1)
    scale = -(1 - sigmas[i]) * b
    if order == 1:
        return gain, 0.0, data - 0.5 * scale, 0.5 * scale
    ratio = (levels[i - 2] - levels[i - 1]) / step
    first = phi / -step - 1
    second = 2 * (first / -step - 0.5)
    rho = np.linalg.solve(np.array([[1.0, 1.0], [ratio, 1.0]]), np.array([first, second]) / b)
    older = scale * rho[0] / ratio
    now = scale * rho[1]
    return gain, older, data - older - now, now
