"""Does the video move as the simulation says? Four numbers inside the simulated things, none of which knows a network.

    flow error       |F_seen - F_simulated| of the estimated flow [px], (Baker et al. 2011: end-point error)
    warping error    mean of (I_{t+1}(x + F_simulated(x)) - I_t(x))^2, visible pixels, values in [0, 1]
    correspondence   mean of (I_t(x) - I_0(source(x)))^2: the same material point, now and in the photo
    mask IoU         of the video's foreground with that of the simulation, in space and time

Warping with the video's *own* flow, the usual "temporal coherence", does not see wrong gravity and rewards a clip that
stands still; it is not used. Flow error needs OpenCV and is never below the estimator's floor.
"""

from __future__ import annotations

import numpy as np

from i2v.metrics.flow import estimate, estimator, grey
from i2v.metrics.sampling import at, centres, inside
from i2v.metrics.signals import Signals

MARGIN = 48
"""Flow is estimated around the things only, with this room for the estimator's pyramid [pixels]."""


def surfaces(signals: Signals, t: int) -> np.ndarray:
    """Pixels of frame t (H, W) whose surface moves by ``flow`` and is seen at t+1 too."""
    return (signals.ids[t] > 0) & ~signals.gas[t] & ~signals.wet[t] & ~signals.lost[t]


def flow_errors(frames: np.ndarray, signals: Signals, *, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """End-point error of the estimated flow in every ``step``-th frame.

    Args:
        frames: (T, H, W, 3) uint8.
        signals: The simulation, of at least T frames.
        step: 1 uses all pairs of frames.

    Returns:
        Mean error per frame (T - 1,) [px], NaN where nothing is seen or it was left out; and a map (H, W), the mean
        over time where anything was seen, else NaN.
    """
    dis = estimator()
    count = len(frames) - 1
    per_frame = np.full(count, np.nan)
    total, seen = np.zeros(frames.shape[1:3]), np.zeros(frames.shape[1:3], int)
    for t in range(0, count, step):
        here = surfaces(signals, t)
        if not here.any():
            continue
        window = _window(here, signals.flow[t])
        found = estimate(dis, grey(frames[t][window]), grey(frames[t + 1][window]))
        error = np.linalg.norm(found - signals.flow[t][window], axis=-1)
        mask = here[window]
        per_frame[t] = error[mask].mean()
        total[window] += np.where(mask, error, 0)
        seen[window] += mask
    return per_frame, np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def warping_errors(frames: np.ndarray, signals: Signals) -> np.ndarray:
    """Per frame (T - 1,), along the simulated flow, inside the things; NaN where none is seen."""
    per_frame = np.full(len(frames) - 1, np.nan)
    for t in range(len(frames) - 1):
        here = surfaces(signals, t)
        goal = centres(here) + signals.flow[t][here]
        fits = inside(goal, signals.size)
        if fits.any():
            change = at(frames[t + 1], goal[fits]) - frames[t][here][fits]
            per_frame[t] = np.mean((change / 255.0) ** 2)
    return per_frame


def correspondence_errors(frames: np.ndarray, signals: Signals) -> np.ndarray:
    """Per frame (T,), each material point against where it was in frame 0; NaN where none came from there."""
    per_frame = np.full(len(frames), np.nan)
    for t, frame in enumerate(frames):
        here = (signals.ids[t] > 0) & ~signals.gas[t] & ~signals.wet[t]
        here &= np.isfinite(signals.source_uv[t, ..., 0])
        source = signals.source_uv[t][here]
        fits = inside(source, signals.size)
        if fits.any():
            change = at(frames[0], source[fits]) - frame[here][fits]
            per_frame[t] = np.mean((change / 255.0) ** 2)
    return per_frame


def mask_iou(truth: np.ndarray, video: np.ndarray) -> np.ndarray:
    """Intersection over union per frame of two mask sequences (T, H, W); NaN where both are empty."""
    count = min(len(truth), len(video))
    both = (truth[:count] & video[:count]).sum(axis=(1, 2))
    either = (truth[:count] | video[:count]).sum(axis=(1, 2))
    return np.where(either > 0, both / np.maximum(either, 1), np.nan)


def _window(mask: np.ndarray, flow: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns around a mask and where its pixels go."""
    rows, cols = mask.shape
    v, u = np.nonzero(mask)
    move = flow[v, u]
    bounds = []
    for place, step, size in ((v, move[:, 1], rows), (u, move[:, 0], cols)):
        low = min(place.min(), (place + step).min()) - MARGIN
        high = max(place.max(), (place + step).max()) + MARGIN
        bounds.append(slice(max(0, int(low)), min(size, int(high) + 1)))
    return bounds[0], bounds[1]
