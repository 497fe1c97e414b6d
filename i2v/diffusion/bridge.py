"""The bridge from shaped noise to the residual: a rectified flow whose noise lives where the picture is unknown.

Time runs from 0 (noise) to 1 (data). With residual r, unit noise e and a standard deviation s that varies over the
picture,

    x_t = (1 - t) s e + t r,    dx/dt = r - s e = (r - x_t) / (1 - t).

The network predicts r itself (x-prediction), so it is a regressor at t = 0 and a denoiser beyond, with one set of
weights. s is small where the coarse picture is already right and of the residual's own size where it is a guess.

Source: Liu et al., "Flow Straight and Fast" (ICLR 2023), eq. 1, with x-prediction and a spatial noise scale.
"""

from __future__ import annotations

import numpy as np

RESIDUAL_GAIN = 4.0
"""r = gain x (truth - coarse): brings the residual to about unit size."""
SCALE_FLOOR = 0.02
"""Noise scale where the coarse picture is trusted, in units of r."""
SCALE_UNKNOWN = 0.38
"""Added where it is not; floor + unknown is about the rms of r in holes and smoke."""


def noise_scale(unknown: np.ndarray) -> np.ndarray:
    """Standard deviation s of the bridge from a soft mask of what is unknown, (...) in [0, 1] → (...), float32."""
    return (SCALE_FLOOR + SCALE_UNKNOWN * np.clip(unknown, 0, 1)).astype(np.float32)


def timesteps(steps: int) -> np.ndarray:
    """Times at which the network is asked, and the end: (steps + 1,) from 0 to 1, evenly spaced.

    Raises:
        ValueError: Less than one step.
    """
    if steps < 1:
        raise ValueError(f"num_inference_steps is {steps}, expected at least 1.")
    return np.linspace(0.0, 1.0, steps + 1)


def bridge_state(residual, noise, scale, time):
    """x_t of the bridge; arrays that broadcast against each other, NumPy or JAX."""
    return (1 - time) * scale * noise + time * residual
