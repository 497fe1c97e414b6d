"""The shadow that a thing of the photo throws in it, read from the photo: what is darker about it than the ground is.

Geometry says roughly where it is, if the light is known at all; the photo says exactly. A rim of old shadow left round
a hole would be drawn into the fill, and the thing would leave a stain where it stood.
"""

from __future__ import annotations

import numpy as np

from physim.grow import dilated, extent
from physim.srgb import to_linear

DARKER = 0.22
"""Logarithm of the light beyond over that in the shadow, from which it counts: four fifths."""
BEYOND = 0.22
"""How far about the thing and its predicted shadow it is looked for, over the square root of the thing's area."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def own_shadow(photo: np.ndarray, mask: np.ndarray, predicted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pixels darkened by a thing (H, W) bool, outside its mask.

    A pixel counts if it is clearly darker than the nearest ground beyond the region that is searched, so that a border
    between two surfaces, or the shade of something else which goes on out there, does not; and if it hangs together
    with the thing.

    Args:
        photo: (H, W, 3) sRGB.
        mask: (H, W) bool: the thing.
        predicted: (H, W) bool: where its shadow should be by the light that is known; empty if none is.
        others: (H, W) bool: other things, which say nothing.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, label

    out = np.zeros(mask.shape, dtype=bool)
    reach = max(8.0, BEYOND * float(np.sqrt(mask.sum())))
    box = extent(mask | predicted, int(3 * reach) + 2)
    here, other = mask[box], others[box] & ~mask[box]
    zone = dilated(here | predicted[box], reach)
    logs = np.log(to_linear(photo[box]).astype(np.float64) @ _LUMINANCE + 0.004)
    # things lend no darkness to the ground beside them: blurred over the ground alone
    ground = ~dilated(here | other, 2)
    sigma = max(1.5, reach / 8)
    share = gaussian_filter(ground * 1.0, sigma)
    level = gaussian_filter(np.where(ground, logs, 0.0), sigma) / np.maximum(share, 1e-3)
    beyond = ~zone & ground & (share > 0.3)
    if not beyond.any():
        return out
    wide = gaussian_filter(np.where(beyond, logs, 0.0), 2 * sigma)
    wide = wide / np.maximum(gaussian_filter(beyond * 1.0, 2 * sigma), 1e-3)
    _, nearest = distance_transform_edt(~beyond, return_indices=True)
    dark = zone & ground & (share > 0.05) & (wide[tuple(nearest)] - level > DARKER)
    # the ring that belongs to no ground hangs the shadow on its thing
    parts, _ = label(dark | dilated(here, 3), np.ones((3, 3)))
    mine = np.unique(parts[here])
    out[box] = dark & np.isin(parts, mine[mine > 0])
    return out
