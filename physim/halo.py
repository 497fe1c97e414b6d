"""The rim of light that sharpening and local contrast leave around a thing: it goes when the thing does.

Most photographs were made crisper by adding to every pixel what it differs by from its surroundings. Beside a dark
thing the ground is paler for it, as far as those surroundings reach. A fill would go on from that rim, and the outline
of what is gone would be left standing in the air.
"""

from __future__ import annotations

import numpy as np

from physim.grow import dilated, extent
from physim.srgb import to_linear, to_srgb

WIDEST = 20
"""Halos are looked for as far as this from the thing [pixels at 800 wide]."""
FIRST = 2
"""What is nearer belongs to the thing's soft edge [pixels at 800 wide]."""
BEGINS = 7
"""A halo has begun by here [pixels at 800 wide]."""
SHORTEST = 4
"""Steps of a pixel at 800 wide, one after the other, all of which must go the same way."""
SURE = 0.08
"""How much oftener than by half the light must fall from one pixel to the next."""
FEWEST = 200
"""Places along the outline from which it is judged."""
BLACK = 0.004


def without_halo(photo: np.ndarray, mask: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The photo with the pale halo around one thing taken back.

    Along the normals of its outline the light changes by whatever stands there, as often up as down; a halo makes it
    fall everywhere at once. The median of the steps is that of the halo alone.

    Args:
        photo: (H, W, 3) sRGB.
        mask: (H, W) bool: the thing.
        others: (H, W) bool: other things, whose edges say nothing, and whose pixels stay.

    Returns:
        (H, W, 3) sRGB; the photo itself where there is no halo.
    """
    from scipy.ndimage import distance_transform_edt

    scale = max(1.0, photo.shape[1] / 800)
    box = extent(mask, int((WIDEST + 3) * scale))
    here, other = mask[box], others[box]
    if not here.any():
        return photo
    logs = np.log(to_linear(photo[box]).astype(np.float64) + BLACK)
    away, nearest = distance_transform_edt(~here, return_indices=True)
    steps = _steps(logs, away, nearest, dilated(other, 2 * scale), scale)
    if steps is None:
        return photo
    change = _excess(steps)
    if not len(change):
        return photo
    ring = (away > 0) & (away < (FIRST + len(change)) * scale) & ~other
    radii = FIRST + np.arange(len(change) + 1)
    more = [np.interp(away[ring] / scale, radii, np.append(change[:, k], 0.0)) for k in range(3)]
    changed = logs.copy()
    changed[ring] -= np.stack(more, axis=-1)
    out = photo.copy()
    out[box][ring] = np.clip(to_srgb(np.exp(changed[ring]) - BLACK), 0, 1)
    return out


def _steps(logs, away, nearest, blocked, scale: float) -> np.ndarray | None:
    """Fall of the log light from each radius to the next (R, N, 3) along N normals; ``None`` if these are too few."""
    from scipy.ndimage import gaussian_filter

    soft = gaussian_filter(logs, (0.5 * scale, 0.5 * scale, 0))
    radii = np.arange(FIRST, WIDEST) * scale
    v, u = np.nonzero(np.abs(away - radii[-1]) <= 1)
    if len(v) == 0:
        return None
    start = nearest[:, v, u].astype(np.float64)
    normal = (np.stack([v, u]) - start) / away[v, u]
    at = np.round(start[:, None] + normal[:, None] * radii[:, None]).astype(int)
    at = np.clip(at, 0, np.array(away.shape)[:, None, None] - 1)
    clear = ~blocked[at[0], at[1]].any(0)
    if clear.sum() < FEWEST:
        return None
    seen = soft[at[0][:, clear], at[1][:, clear]]
    return seen[:-1] - seen[1:]


def _excess(steps: np.ndarray) -> np.ndarray:
    """Log light (R, 3) that a halo adds at each radius, from the steps (R, N, 3); zeros if there is none."""
    grey = steps.mean(-1)
    # how much oftener than not the light falls outwards: what is flat says nothing, and a dark rim is a shadow
    steady = ((grey > 0).mean(1) - (grey < 0).mean(1)) / 2 > SURE
    for first in range(BEGINS - FIRST + 1):
        end = first + int(np.argmin(np.append(steady[first:], False)))
        # one that has no end is no halo but what surrounds the thing: shade, a path, a horizon
        if SHORTEST <= end - first and end < len(steps) - 1:
            fall = np.median(steps[:end], axis=1)
            fall[:first] = 0
            return np.cumsum(fall[::-1], axis=0)[::-1]
    return np.zeros((0, 3))
