"""How near pictures are to the truth, region by region, in sums that can be added up and drawn anew.

Every number of a clip is kept as sums (of squares, of moments of patches), so that scores of any set of clips are sums
over it, and intervals come from drawing clips with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.model_value import LUMA, change_along_motion, patches
from i2v.maps import Signals, edges
from i2v.metrics.adherence import flow_errors

REGIONS = ("hole", "smoke", "water", "shade", "edge", "rest")
TEXTURED = ("hole", "smoke", "water")
"""Regions whose texture is compared."""
VIEWS = ("frames", "differences", "along motion")
"""What patches are taken from."""
SIZE = 64
"""Numbers of a patch."""


def regions(signals: Signals) -> dict[str, np.ndarray]:
    """Disjoint masks (T, H, W) bool."""
    left = np.ones(signals.hole.shape, bool)
    found = {}
    for name, mask in (
        ("water", signals.liquid[..., 3] > 0),
        ("hole", (signals.hole > 0.5) & (signals.ids == 0)),
        ("smoke", signals.smoke[..., 0] > 0.1),
        ("edge", edges(signals) > 0.5),
        ("shade", signals.shadow < 0.95),
    ):
        found[name] = mask & left
        left &= ~mask
    return {**found, "rest": left}


def ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Structural similarity of two luminance videos (T, H, W), per pixel (Wang et al. 2004, sigma 1.5)."""

    def smooth(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, (0, 1.5, 1.5), truncate=3.5)

    ma, mb = smooth(a), smooth(b)
    va, vb, cov = smooth(a * a) - ma**2, smooth(b * b) - mb**2, smooth(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))


def moments(vectors: np.ndarray) -> np.ndarray:
    """Count, sum and sum of outer products of (n, SIZE), as one vector."""
    x = vectors.astype(np.float64)
    return np.concatenate([[len(x)], x.sum(0), (x.T @ x).ravel()])


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance x 1000 of two sets of patches by their moments, taken as Gaussians."""
    if min(a[0], b[0]) < 200:
        return float("nan")
    (ma, ca), (mb, cb) = _gaussian(a), _gaussian(b)
    values, vectors = np.linalg.eigh(ca)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cb @ root), 0, None)).sum()
    return float(1000 * (((ma - mb) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * cross))


def _gaussian(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, mean = m[0], m[1 : 1 + SIZE] / m[0]
    return mean, (m[1 + SIZE :].reshape(SIZE, SIZE) - n * np.outer(mean, mean)) / (n - 1)


@dataclass
class ClipScore:
    """Sums of one method on one clip."""

    plain: dict[str, np.ndarray]
    """Region → (pixels, squared error, SSIM, pixels with a frame before, error of the change along the motion)."""
    texture: dict[tuple[str, str], np.ndarray]
    """(region, view) → moments of the patches."""
    flow: np.ndarray
    """(frames, end-point error inside the things [px])."""


def score(video: np.ndarray, truth: np.ndarray, signals: Signals, masks: dict[str, np.ndarray]) -> ClipScore:
    """Measure one video (T, H, W, 3)."""
    square, similar = ((video - truth) ** 2).mean(-1), ssim_map(video @ LUMA, truth @ LUMA)
    along = change_along_motion(video, signals)
    moving = np.abs(along - change_along_motion(truth, signals)).mean(-1)
    plain = {
        name: np.array([m.sum(), square[m].sum(), similar[m].sum(), m[1:].sum(), moving[m[1:]].sum()])
        for name, m in masks.items()
    }
    return ClipScore(plain, textures(video, along, masks), _flow(video, signals))


def textures(video: np.ndarray, along: np.ndarray, masks: dict[str, np.ndarray]) -> dict[tuple[str, str], np.ndarray]:
    """Moments of 8 x 8 luminance patches of the frames and of both kinds of change."""
    found = {}
    for region in TEXTURED:
        mask = masks[region]
        both = mask[1:] & mask[:-1]
        for view, pictures, where in zip(
            VIEWS, (video, video[1:] - video[:-1], along), (mask, both, both), strict=True
        ):
            taken = patches(pictures, where) if where.any() else np.zeros((0, SIZE))
            found[region, view] = moments(taken)
    return found


def _flow(video: np.ndarray, signals: Signals) -> np.ndarray:
    """The judge's adherence: is the motion that is seen in the picture that of the simulation?"""
    told = SimpleNamespace(
        ids=signals.ids,
        gas=signals.smoke[..., 0] > 0.05,
        wet=signals.liquid[..., 3] > 0,
        lost=signals.occlusion > 0.5,
        flow=signals.flow,
        size=signals.ids.shape[1:],
    )
    per_frame, _ = flow_errors(np.round(255 * video).astype(np.uint8), told)  # type: ignore[arg-type]
    known = np.isfinite(per_frame)
    return np.array([known.sum(), per_frame[known].sum()])


@dataclass
class Table:
    """One method on all clips and seeds: ``scores[seed][clip]``, and the truth's patches per clip."""

    scores: list[list[ClipScore]]
    truth: list[dict[tuple[str, str], np.ndarray]]

    def _sum(self, region: str, draw: np.ndarray) -> np.ndarray:
        """Sums over the regions (all of them for 'all'), over seeds and over the drawn clips."""
        names = REGIONS if region == "all" else (region,)
        return sum(seed[k].plain[name] for seed in self.scores for k in draw for name in names)  # type: ignore[return-value]

    def value(self, metric: str, region: str, draw: np.ndarray | None = None) -> float:
        """One number.

        Args:
            metric: 'psnr' [dB], 'ssim', 'motion' [1/255], 'flow' [px], or one of ``VIEWS``: Fréchet distance x 1000.
            region: One of ``REGIONS``, or 'all'.
            draw: Numbers of clips, with repetitions; all by default.
        """
        draw = np.arange(len(self.truth)) if draw is None else draw
        if metric in VIEWS:
            mine = sum(seed[k].texture[region, metric] for seed in self.scores for k in draw)
            return frechet(mine, sum(self.truth[k][region, metric] for k in draw))  # type: ignore[arg-type]
        if metric == "flow":
            count, total = sum(seed[k].flow for seed in self.scores for k in draw)  # type: ignore[misc]
            return float(total / count) if count else float("nan")
        n, square, similar, later, moving = self._sum(region, draw)
        if metric == "psnr":
            return float(-10 * np.log10(square / n)) if n and square else float("nan")
        if metric == "ssim":
            return float(similar / n) if n else float("nan")
        return float(255 * moving / later) if later else float("nan")

    def gain(self, other: Table, metric: str, region: str, draws: int = 200) -> tuple[float, float, float]:
        """How much more than ``other``, and the 95 % interval over clips."""
        rng, count = np.random.default_rng(0), len(self.truth)
        drawn = [rng.integers(count, size=count) for _ in range(draws)]
        found = [self.value(metric, region, d) - other.value(metric, region, d) for d in drawn]
        finite = [x for x in found if np.isfinite(x)]
        low, high = np.percentile(finite, [2.5, 97.5]) if finite else (np.nan, np.nan)
        return self.value(metric, region) - other.value(metric, region), float(low), float(high)
