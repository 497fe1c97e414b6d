"""What a thing looks like, as a list of numbers: HOG (Dalal and Triggs 2005) and a histogram of LAB's (a, b).

VBench and others use a network's features there; these need no weights.
"""

from __future__ import annotations

import numpy as np

from i2v.metrics.colour import lab

LEAST_PIXELS = 64
"""A thing smaller than this has no identity."""
BINS = 16
"""Of each axis of the (a, b) histogram."""
CELL = 8
"""Cells of HOG [pixels]."""


def interior(mask: np.ndarray) -> np.ndarray:
    """Without the rim, where colours mix; all of it where nothing would be left."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner if inner.sum() >= LEAST_PIXELS else mask


def colours(pixels: np.ndarray) -> np.ndarray:
    """Histogram of (a, b) with soft bins 8 units wide, so that noise moves little between them; sums to 1."""
    ab = lab(pixels[:: max(1, len(pixels) // 4000)])[:, 1:]
    place = np.clip(ab / 8.0 + BINS / 2, 0, BINS - 1.001)
    low = place.astype(int)
    share = place - low
    histogram = np.zeros((BINS, BINS))
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = np.abs(1 - i - share[:, 0]) * np.abs(1 - j - share[:, 1])
        np.add.at(histogram, (low[:, 0] + i, low[:, 1] + j), weight)
    return histogram / histogram.sum()


def descriptor(crop: np.ndarray, known: np.ndarray) -> np.ndarray:
    """HOG of 9 directions per cell, each of unit length times its weight, and the LAB histogram."""
    grey = np.where(known, crop @ np.array([0.299, 0.587, 0.114]), np.nan)
    dv, du = np.gradient(grey)
    good = np.isfinite(dv) & np.isfinite(du)
    length, angle = np.hypot(du, dv), np.arctan2(dv, du) % np.pi
    length = np.where(good, length, 0)
    bins = np.where(good, angle / np.pi * 9, 0).astype(int) % 9
    rows, cols = (np.arange(n) // CELL for n in grey.shape)
    cells = rows[:, None] * (cols[-1] + 1) + cols[None]
    hog = np.bincount((cells * 9 + bins).ravel(), length.ravel(), minlength=(cells.max() + 1) * 9)
    scale = np.linalg.norm(hog) + 4.0 * np.sqrt(known.sum())  # flat areas: noise alone makes no shape
    found = colours(np.clip(np.rint(crop[known]), 0, 255).astype(np.uint8)).ravel()
    return np.concatenate([hog / scale, np.sqrt(found)])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))
