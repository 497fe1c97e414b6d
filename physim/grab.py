"""Cutting a thing out by a few words of the user: a click, strokes, a box or a rough outline.

Two colour models, of the thing and of what is around it, and a walker that may not cross edges: every pixel takes the
probability that a random walk from it ends in the thing (Grady, Random walks for image segmentation, 2006), where each
pixel also pulls towards what its colour says (Grady, Multilabel random walker with prior models, 2005). Colour models
and borders are improved in turn, as in GrabCut (Rother, Kolmogorov and Blake 2004), whose minimum cut this replaces by
one solve of the multigrid membrane that depth and plates use as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.membrane import edge_weights, fill, lab

COARSE = 320
"""Longer side of the window in which the colour models are found [pixels]."""
FINE = 1200
"""Longer side of the window in which the border is found [pixels]."""
_ROUNDS = 6
_CLUSTERS = 5
_PULL = 0.01  # how strongly a pixel's colour counts against its neighbours
_BETA = 60.0  # how sharply an edge stops the walker
_SPREAD = 2.5  # least standard deviation of a colour cluster [Lab]: grain and compression, not more


@dataclass(frozen=True)
class Seeds:
    """What is known of a thing before its border is found. All (H, W) bool."""

    inside: np.ndarray
    """Surely the thing."""
    outside: np.ndarray
    """Surely not the thing."""
    guess: np.ndarray
    """Where it probably is: the colour models start from here."""

    def __post_init__(self) -> None:
        shapes = {self.inside.shape, self.outside.shape, self.guess.shape}
        if len(shapes) != 1:
            raise ValueError(f"seeds have shapes {sorted(shapes)}, expected three masks of one size.")
        if (self.inside & self.outside).any():
            raise ValueError("a pixel is marked both as the thing and as not the thing; take one of the marks away.")
        if not self.outside.any():
            raise ValueError("nothing is known to lie outside the thing; mark a pixel that does not belong to it.")


def grab(image: np.ndarray, seeds: Seeds) -> np.ndarray:
    """Find the border of a thing.

    Args:
        image: (H, W, 3) float32 sRGB in [0, 1].
        seeds: Of the same size.

    Returns:
        (H, W) float32 in [0, 1]: probability to belong to the thing; its border runs at 0.5.
    """
    rows, cols = _window(~seeds.outside | seeds.inside, image.shape[:2])
    part = np.ascontiguousarray(image[rows, cols])
    known = Seeds(seeds.inside[rows, cols], seeds.outside[rows, cols], seeds.guess[rows, cols])
    if not known.outside.any():  # the thing may reach the border of the photo everywhere
        known = Seeds(known.inside, _frame(known.outside.shape) & ~known.inside, known.guess)
    small, shrunk = _shrunk(part, known, COARSE)
    chance = _iterate(small, shrunk)
    picture, marks = _shrunk(part, known, FINE)
    chance = _grown(chance, picture.shape[:2])
    models = _models(lab(picture), chance > 0.5, marks)
    chance = _walk(picture, marks, _colour_chance(lab(picture), models), near=_band(chance > 0.5))
    result = np.zeros(image.shape[:2], dtype=np.float32)
    result[rows, cols] = _one_piece(np.clip(_grown(chance, part.shape[:2]), 0, 1), known.inside)
    return result


def _iterate(picture: np.ndarray, seeds: Seeds) -> np.ndarray:
    colours = lab(picture)
    label = (seeds.guess | seeds.inside) & ~seeds.outside
    chance = label.astype(np.float64)
    for _ in range(_ROUNDS):
        chance = _walk(picture, seeds, _colour_chance(colours, _models(colours, label, seeds)))
        new = (chance > 0.5) | seeds.inside
        if not new.any() or (new == label).all():
            break
        label = new
    return chance


def _walk(
    picture: np.ndarray, seeds: Seeds, colour: np.ndarray, near: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Probability to end in the thing, (h, w); ``near``: the pixels that are open, and what the others keep."""
    known = seeds.inside | seeds.outside
    values = np.where(seeds.inside, 1.0, np.where(seeds.outside, 0.0, colour))
    if near is not None:
        open_, settled = near
        known, values = known | ~open_, np.where(open_ | known, values, settled)
    # a colour that fits both models alike says nothing
    pull = _PULL * np.abs(2 * colour - 1)
    return fill(values, known, weights=edge_weights(picture, beta=_BETA), screen=pull, tolerance=1e-4)


def _one_piece(chance: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """Without the pieces that no mark touches (without marks: all but the largest), and without holes."""
    from scipy import ndimage

    labels, count = ndimage.label(chance > 0.5)
    if count == 0:
        return chance
    kept = np.unique(labels[marked & (labels > 0)])
    if len(kept) == 0:
        kept = np.array([1 + np.argmax(np.bincount(labels.ravel())[1:])])
    piece = np.isin(labels, kept)
    filled = ndimage.binary_fill_holes(piece)
    soft = ndimage.binary_dilation(filled, iterations=2)  # the border's own grey levels stay
    return np.where(filled & ~piece, np.maximum(chance, 1.0), np.where(soft, chance, 0.0))


def _band(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels within 3 % of the size of the border, and on which side of it all others are."""
    from scipy import ndimage

    width = max(4.0, 0.03 * max(inside.shape))
    if not inside.any() or inside.all():
        return np.ones_like(inside), inside.astype(np.float64)
    distance = np.where(inside, ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside))
    return distance <= width, inside.astype(np.float64)


# ---- colour ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mixture:
    """Gaussians in Lab: weights (K,), means (K, 3), inverse covariances (K, 3, 3), log normalisation (K,)."""

    mean: np.ndarray
    inverse: np.ndarray
    log_norm: np.ndarray

    def log_density(self, colours: np.ndarray) -> np.ndarray:
        d = colours[..., None, :] - self.mean
        power = -0.5 * np.einsum("...ki,kij,...kj->...k", d, self.inverse, d) + self.log_norm
        return np.logaddexp.reduce(power, axis=-1)


def _models(colours: np.ndarray, label: np.ndarray, seeds: Seeds) -> tuple[_Mixture, _Mixture]:
    thing = (label | seeds.inside) & ~seeds.outside
    return _mixture(colours[thing]), _mixture(colours[~thing])


def _mixture(colours: np.ndarray) -> _Mixture:
    """Clusters of colours by k-means, each a Gaussian no narrower than the photo's grain."""
    from scipy.cluster.vq import kmeans2

    if len(colours) == 0:
        colours = np.full((1, 3), 1e3)  # nothing has this colour
    step = max(1, len(colours) // 20000)
    sample = colours[::step]
    count = min(_CLUSTERS, max(1, len(sample) // 8))
    if count > 1:
        order = np.argsort(sample[:, 0], kind="stable")  # quantiles of lightness: a start without chance
        start = np.unique(sample[order[np.linspace(0, len(order) - 1, 2 * count + 1).astype(int)[1::2]]], axis=0)
        count = len(start)
        _, which = kmeans2(sample, start, minit="matrix", iter=12, missing="warn")
    else:
        which = np.zeros(len(sample), dtype=int)
    groups = [sample[which == k] for k in range(count) if (which == k).sum() >= min(8, len(sample))]
    mean = np.stack([g.mean(0) for g in groups])
    cov = np.stack([(g - m).T @ (g - m) / len(g) for g, m in zip(groups, mean, strict=True)]) + _SPREAD**2 * np.eye(3)
    share = np.array([len(g) for g in groups]) / sum(len(g) for g in groups)
    return _Mixture(mean, np.linalg.inv(cov), np.log(share) - 0.5 * np.log(np.linalg.det(cov)))


def _colour_chance(colours: np.ndarray, models: tuple[_Mixture, _Mixture]) -> np.ndarray:
    """What the colour alone says: probability of the thing at even odds, (h, w)."""
    difference = models[0].log_density(colours) - models[1].log_density(colours)
    return 1 / (1 + np.exp(-np.clip(difference, -30, 30)))


# ---- windows ---------------------------------------------------------------------------------------------------------


def _window(possible: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice]:
    """Around where the thing may be, half as much again on each side: the surroundings give the second colour model."""
    rows, cols = np.flatnonzero(possible.any(1)), np.flatnonzero(possible.any(0))
    window = []
    for span, limit in ((rows, size[0]), (cols, size[1])):
        margin = max(12, (span[-1] - span[0] + 1) // 3)
        window.append(slice(max(0, span[0] - margin), min(limit, span[-1] + 1 + margin)))
    return window[0], window[1]


def _frame(shape: tuple[int, ...]) -> np.ndarray:
    frame = np.ones(shape, dtype=bool)
    frame[1:-1, 1:-1] = False
    return frame


def _shrunk(picture: np.ndarray, seeds: Seeds, side: int) -> tuple[np.ndarray, Seeds]:
    from physim.depth import resampled

    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return picture, seeds
    size = (max(2, round(picture.shape[0] * factor)), max(2, round(picture.shape[1] * factor)))
    inside, outside, guess = (resampled(m.astype(np.float32), size) for m in (seeds.inside, seeds.outside, seeds.guess))
    sure = inside > 0.2  # a thin stroke must not be lost
    around = (outside > 0.8) & ~sure
    if not around.any():  # a frame one pixel wide was all
        around = (outside > 0.0) & ~sure
    return resampled(picture, size), Seeds(sure, around, guess > 0.5)


def _grown(chance: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from physim.depth import resampled

    return resampled(chance.astype(np.float32), size).astype(np.float64)
