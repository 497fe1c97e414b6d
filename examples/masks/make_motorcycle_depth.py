"""Depth of the motorcycle's photo from its measured disparity, as 16-bit millimetres.

The photo is the left one of a pair of the Middlebury 2014 stereo data set (Scharstein et al., GCPR 2014), which
scikit-image carries at a quarter of its size with the disparity found by structured light. Depth is ``f B / (d + o)``
with the calibration of that pair. Where nothing was measured, the farther of the two neighbours in the row is taken.

    python -m examples.masks.make_motorcycle_depth
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import stereo_motorcycle

FOCAL, BASELINE, OFFSET = 994.978, 0.193001, 31.086
"""Of the quarter size: focal length [pixels], baseline [m], disparity of what is endlessly far [pixels]."""


def depth() -> np.ndarray:
    """(500, 741) [m]."""
    disparity = stereo_motorcycle()[2].astype(np.float64)
    known = np.isfinite(disparity) & (disparity > 0)
    z = np.where(known, FOCAL * BASELINE / (np.where(known, disparity, 1.0) + OFFSET), np.nan)
    for row in z:
        there = np.flatnonzero(np.isfinite(row))
        place = np.arange(len(row))
        after = np.searchsorted(there, place).clip(0, len(there) - 1)
        before = (np.searchsorted(there, place, side="right") - 1).clip(0)
        row[:] = np.where(np.isfinite(row), row, np.fmax(row[there[before]], row[there[after]]))
    return z


def main() -> None:
    millimetres = np.round(1000 * depth()).astype(np.uint16)
    Image.fromarray(millimetres).save(Path(__file__).with_name("motorcycle_depth.png"), optimize=True)


if __name__ == "__main__":
    main()
