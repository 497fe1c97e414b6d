"""Soft mask of the astronaut in scikit-image's portrait: what stands before the flag.

The outline below only says where to look; the edge comes from the photo, by GrabCut and a closed-form matte.

    python -m examples.masks.make_astronaut_masks        # needs the extra `vision`
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from physim.matte import soft_alpha
from physim.outline import largest_part
from physim.photo import Photo
from physim.segment import polygon_coverage

FOLDER = Path(__file__).resolve().parent
# outline [pixels of the 512 x 512 photo]
PERSON = [
    [152, 75], [157, 55], [165, 42], [190, 25], [220, 16], [250, 17], [280, 28], [298, 55], [302, 85], [295, 110],
    [280, 130], [265, 140], [258, 180], [285, 195], [300, 215], [306, 245], [322, 250], [345, 272], [357, 300],
    [361, 352], [385, 345], [420, 344], [450, 354], [475, 385], [493, 430], [500, 460], [506, 512], [38, 512],
    [28, 490], [22, 465], [20, 440], [25, 380], [35, 320], [45, 280], [70, 248], [100, 225], [113, 205], [113, 190],
    [120, 170], [135, 155], [165, 149], [186, 148], [183, 130], [170, 120], [155, 100],
]  # fmt: skip
FLAG = [[0, 400], [14, 450], [18, 478], [25, 494], [34, 512], [0, 512]]
"""Surely not she: its red is near that of her sleeve."""
BAND = 7
"""How far the outline may be off [pixels]."""


def main() -> None:
    """Write the mask beside this file."""
    import cv2

    photo = Photo.load("skimage:astronaut.png").image
    drawn = polygon_coverage(np.array(PERSON, dtype=float), photo.shape[:2]) > 0.5
    sure, maybe = binary_erosion(drawn, iterations=BAND, border_value=1), binary_dilation(drawn, iterations=BAND)
    labels = np.where(sure, cv2.GC_FGD, np.where(maybe, cv2.GC_PR_FGD, cv2.GC_BGD)).astype(np.uint8)
    labels[maybe & ~drawn] = cv2.GC_PR_BGD
    labels[polygon_coverage(np.array(FLAG, dtype=float), photo.shape[:2]) > 0.5] = cv2.GC_BGD
    picture = (photo[..., ::-1] * 255 + 0.5).astype(np.uint8)
    cv2.setRNGSeed(1)
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    mask = largest_part((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))
    mask = binary_erosion(mask, iterations=1, border_value=1)  # its rim is mixed with the dark red behind
    alpha = soft_alpha(photo, mask, inside=3, outside=2)
    Image.fromarray((alpha * 255 + 0.5).astype(np.uint8)).save(FOLDER / "astronaut_person.png", optimize=True)


if __name__ == "__main__":
    main()
