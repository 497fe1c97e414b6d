"""Which pixels beside a hole are of the smooth surface that goes on behind it, and which of something before it.

A membrane is pulled by all of its rim. A lamp, a scrap of cloth or another thing's edge that touches the hole would
stain it far inwards; what is beyond a sharp edge and far from the surface that the rest of the rim agrees on is left
out. A glow, which rises slowly, belongs to the surface.
"""

from __future__ import annotations

import numpy as np

from physim.grow import dilated, extent

WIDE = 12
"""Width of the rim that is looked at [pixels]."""
EDGE, STEEP = 5.0, 0.02
"""Light changes at an edge by so many times what is usual along the rim, and by at least this [log light per pixel]."""
OFF, LEAST = 5.0, 0.08
"""Another thing is off the surface by so many deviations of the rim, and by at least this [log light]."""
MOST = 0.5
"""If more of a hole's rim than this is something else, nothing is known of its surface."""
SAMPLES = 4000


def plain_rim(logs: np.ndarray, hole: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """What is usable (h, w) bool without the pixels near the hole that are not of its surface.

    Args:
        logs: (h, w, 3) log of linear light.
        hole: (h, w) bool.
        usable: (h, w) bool: not of the hole.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, label, sum_labels

    box = extent(hole, WIDE + 8)
    here = usable[box]
    near = dilated(hole[box], WIDE) & here
    if not near.any():
        return usable
    weight = np.maximum(gaussian_filter(here * 1.0, 1.5), 1e-3)[..., None]
    soft = gaussian_filter(np.where(here[..., None], logs[box], 0.0), (1.5, 1.5, 0)) / weight
    slope = np.sqrt(sum(np.square(d).max(-1) for d in np.gradient(soft, axis=(0, 1))))
    flat = near & (slope <= max(EDGE * float(np.median(slope[near])), STEEP))
    away = _off_the_surface(soft, near)
    parts, count = label(flat)
    if count == 0:
        return usable
    index = np.arange(1, count + 1)
    agrees = sum_labels(~away, parts, index) >= 0.5 * sum_labels(flat, parts, index)
    mine = np.append(False, agrees)[parts]
    # the soft edge of what is left out goes with it; of what stays, to both sides of every other line
    foreign = near & ~mine & (away | dilated(flat & ~mine, 4))
    if not foreign.any():
        return usable
    # each hole with its own rim: several are filled at once
    holes, count = label(hole[box], np.ones((3, 3)))
    _, (v, u) = distance_transform_edt(~hole[box], return_indices=True)
    owner, index = holes[v, u], np.arange(1, count + 1)
    known = sum_labels(foreign, owner, index) <= MOST * sum_labels(near, owner, index)
    out = usable.copy()
    out[box] &= ~(dilated(foreign, 3) & near & np.append(False, known)[owner])
    return out


def _off_the_surface(soft: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Where the rim (h, w) bool is far from the quadric that most of it lies on, found by Tukey's biweight."""
    v, u = np.nonzero(near)
    every = max(1, len(v) // SAMPLES)
    scale = max(near.shape)

    def terms(v: np.ndarray, u: np.ndarray) -> np.ndarray:
        y, x = v / scale - 0.5, u / scale - 0.5
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)

    basis, values = terms(v[::every], u[::every]), soft[v[::every], u[::every]]
    trust, spread = np.ones(len(values)), 1.0
    start = np.abs(values - np.median(values, axis=0)).max(1)
    trust[start > 3 * np.median(start) + 1e-6] = 0.1
    for _ in range(12):
        weighted = basis * trust[:, None]
        fit = np.linalg.solve(basis.T @ weighted + 1e-9 * np.eye(6), weighted.T @ values)
        rest = np.abs(values - basis @ fit).max(1)
        spread = max(1.48 * float(np.median(rest)), LEAST / OFF)
        trust = np.square(np.maximum(1 - (rest / (OFF * spread)) ** 2, 0)) + 1e-6
    out = np.zeros_like(near)
    out[v, u] = np.abs(soft[v, u] - terms(v, u) @ fit).max(1) > OFF * spread
    return out
