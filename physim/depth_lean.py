"""Where nothing says how surfaces stand, depth leans to what photos mostly show: near below, far above.

What is neither ground nor sky gets the distance of its foot, carried up its column. That is right of walls, houses and
boxes, whose straight edges then run upright or level as the camera is held. Where few edges do (a hedge, a motorcycle,
a camera held otherwise than was guessed) a column shows several things one above the other, and what is higher is
farther. How few of them do is how much depth leans: by a weak tie that what stands close to its foot hardly feels.
"""

from __future__ import annotations

import numpy as np

from physim.camera import Camera
from physim.vanishing import frame_share

_TIE = 5e-4
"""Of a pixel to the lean, at most; ties to the neighbours are 0.005 across edges and 1 along surfaces."""
_FEW, _MANY = 0.3, 0.5
"""Parts of the straight edges that agree with the camera: below the first depth leans, above the second it does not."""
_FARTHEST = 95.0
"""Percentile of the ground's distances that is taken for the top of the picture."""
_BEND = 1.5
"""Power of the height in the picture: less than a plane near the top, as rooms have a wall there."""


def lean_of(image: np.ndarray, camera: Camera) -> float:
    """How strongly each pixel is tied to :func:`leaning` [-], from the straight edges of a picture (h, w, 3) sRGB."""
    share = frame_share(image, camera)
    return _TIE * float(np.clip((_MANY - share) / (_MANY - _FEW), 0.0, 1.0))


def leaning(distance: np.ndarray, ground: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Distances (h, 1) [m] whose inverse falls from that of the lowest row to that of the farthest ground.

    Args:
        distance: (h, w) along the ground [m].
        ground: (h, w) bool: where it is that of the ground; somewhere it must be.
        known: (h, w) bool: where it is known at all.
    """
    rows = len(distance)
    far = float(np.percentile(distance[ground], _FARTHEST))
    lowest = distance[-1][known[-1]]
    near = min(float(np.median(lowest)) if len(lowest) else far, far)
    part = ((np.arange(rows) + 0.5) / rows)[:, None] ** _BEND
    return 1 / (part / near + (1 - part) / far)
