"""The shadow that a thing of the photo throws in it, read from the photo: what is darker about it than the ground is.

Geometry says roughly where it is, if the light is known at all; the photo says exactly. A rim of old shadow left round
a hole would be drawn into the fill, and the thing would leave a stain where it stood.
"""

from __future__ import annotations

import numpy as np

from physim.grow import dilated, eroded, extent
from physim.srgb import to_linear

DARKER = 0.22
"""Logarithm of the light beyond over that in the shadow, from which it counts: four fifths."""
REDDER, GREENER = 0.3, 0.15
"""Logarithms by which blue may fall more than red, and green less than both: the dark square of a board, a plank and a
stain are redder than what is beside them, felt and grass greener; shade is at most a little, out of doors it is bluer.
"""
BEYOND = 0.22
"""How far about the thing and its predicted shadow it is looked for, over the square root of the thing's area."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def own_shadow(photo: np.ndarray, mask: np.ndarray, predicted: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pixels darkened by a thing (H, W) bool, outside its mask.

    A pixel counts if it is clearly darker than the nearest ground beyond the region that is searched, so that a border
    between two surfaces, or the shade of something else which goes on out there, does not; if it is not of another hue,
    as another surface would be; and if it hangs together with the thing.

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
    linear = to_linear(photo[box]).astype(np.float64)
    logs = np.log(np.concatenate([linear, (linear @ _LUMINANCE)[..., None]], axis=-1) + 0.004)
    # things lend no darkness to the ground beside them: blurred over the ground alone
    ground = ~dilated(here | other, 2)
    sigma = max(1.5, reach / 8)
    share = gaussian_filter(ground * 1.0, sigma)

    def mean(where: np.ndarray, width: float) -> np.ndarray:
        weight = np.maximum(gaussian_filter(where * 1.0, width), 1e-3)
        return np.stack([gaussian_filter(np.where(where, logs[..., k], 0.0), width) / weight for k in range(4)], -1)

    beyond = ~zone & ground & (share > 0.3)
    if not beyond.any():
        return out
    _, nearest = distance_transform_edt(~beyond, return_indices=True)
    fall = mean(beyond, 2 * sigma)[tuple(nearest)] - mean(ground, sigma)
    red, green, blue, light = np.moveaxis(fall, -1, 0)
    dark = zone & ground & (share > 0.05) & (light > DARKER)
    dark &= (blue - red < REDDER) & (np.minimum(red, blue) - green < GREENER)
    dark = dilated(eroded(dark, sigma), sigma)  # a sliver is the edge of something else
    # the ring that belongs to no ground hangs the shadow on its thing
    parts, _ = label(dark | dilated(here, 3), np.ones((3, 3)))
    mine = np.unique(parts[here])
    out[box] = dark & np.isin(parts, mine[mine > 0])
    return out
