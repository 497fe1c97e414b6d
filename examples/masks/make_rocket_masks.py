"""Soft masks of what stands before the sky in scikit-image's rocket photo, by difference against the clean sky.

Outlines below only say where to look; inside them every strut is found by how much it differs from the sky behind it,
which is a membrane through the sky pixels of the same outline, found in three rounds.

    python -m examples.masks.make_rocket_masks
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from physim.matte import difference_alpha
from physim.membrane import fill
from physim.photo import Photo
from physim.segment import ellipse_coverage, polygon_coverage

FOLDER = Path(__file__).resolve().parent
# outlines [pixels of the 640 x 427 photo]
REGIONS = {
    "towers_near": [
        [[40, 0], [92, 0], [92, 40], [86, 200], [82, 330], [80, 427], [0, 427], [0, 300]],
        [[557, 0], [602, 0], [640, 150], [640, 427], [575, 427], [568, 250]],
    ],
    "towers_far": [
        [[196, 121], [205, 121], [206, 427], [164, 427], [170, 360], [186, 190]],
        [[441, 121], [451, 121], [461, 190], [478, 370], [478, 427], [438, 427]],
    ],
    "rocket": [
        [[320, 124], [330, 128], [340, 180], [341, 335], [360, 362], [360, 408], [284, 408], [284, 362], [305, 335],
         [305, 150]],
    ],
}  # fmt: skip
BODY = [[323, 127], [328, 131], [331, 137], [333, 146], [334, 175], [331, 180], [331, 406], [313, 406], [313.5, 300],
        [314.5, 240], [314, 180], [311, 175], [312, 146], [314, 137], [318, 130]]  # fmt: skip
PAD = [[267, 407], [373, 407], [373, 427], [267, 427]]
LAMPS = [(82, 350, 14), (151, 377, 26), (193, 396, 26), (111, 415, 26), (363, 397, 34), (433, 394, 26), (450, 418, 28)]


def inside(polygons: list, size: tuple[int, int]) -> np.ndarray:
    """Any of the polygons, (H, W) bool."""
    return np.any([polygon_coverage(np.array(p, dtype=float), size) > 0.5 for p in polygons], axis=0)


def clean_sky(image: np.ndarray, structures: np.ndarray) -> np.ndarray:
    """The sky behind: first across the whole outlines, then also through the gaps between struts."""
    known = ~structures
    for _ in range(3):
        sky = fill(np.where(known[..., None], image, 0), known, tolerance=1e-4, screen=1e-12)
        gaps = structures & (np.abs(image - sky).max(-1) < 0.025)
        known = ~structures | binary_erosion(gaps, iterations=1)
    return sky


def main() -> None:
    """Write the masks beside this file."""
    image = Photo.load("skimage:rocket.jpg").image
    size = image.shape[:2]
    lamps = np.any([ellipse_coverage((u, v, r, r, 0), size) > 0.5 for u, v, r in LAMPS], axis=0)
    regions = {name: inside(polygons, size) for name, polygons in REGIONS.items()}
    everything = binary_dilation(np.any([*regions.values(), lamps, inside([PAD], size)], axis=0), iterations=2)
    sky = clean_sky(image, everything)
    alpha = {name: difference_alpha(image, sky, region.astype(np.float32)) for name, region in regions.items()}
    # the rocket leaves; the pad stays, and what holds the rocket up to then
    body, whole = polygon_coverage(np.array(BODY, dtype=float), size), alpha.pop("rocket")
    alpha["rocket"] = body
    alpha["pad"] = np.maximum(whole * ~binary_dilation(body > 0), inside([PAD], size))
    others = np.maximum.reduce([body, alpha["pad"], alpha["towers_near"] * (alpha["towers_near"] > 0.5)])
    alpha["lamps"] = difference_alpha(image, sky, lamps * (1 - others), low=0.05, span=0.4)
    for name, values in alpha.items():
        Image.fromarray(np.round(values * 255).astype(np.uint8)).save(FOLDER / f"rocket_{name}.png", optimize=True)


if __name__ == "__main__":
    main()
