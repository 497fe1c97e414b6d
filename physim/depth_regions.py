"""What is sky and what is ground in a photo, for depth without a network."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from physim.membrane import edge_weights, fill, lab

_SMOOTH = 0.012
"""Largest gradient of sky [per pixel]."""
_BLUE = -4.0
"""Sky is at least so blue (CIE b*), or nearly white."""
_PURPLE = 9.0
"""Sky's CIE a* is within this of grey."""
_DUSK = 5.0
"""Its CIE L* is at least this."""
_RIM = 4.0
"""Smoothness is judged this far from an outline [pixels]."""
_ALIKE = 6.0
"""Colours of one sky, from pixel to pixel (CIE Lab)."""
_DARKER = 14.0
"""Sky is hardly darker than its brightest part (CIE L*)."""
_WHITE = 90.0
"""CIE L* of an overcast sky; painted walls are darker."""
_CLUSTERS = 8
_SEED_ROWS = 0.12
"""The lowest part of the picture is taken to show ground, mostly."""
_SPREAD = 6.0
"""Of one colour of a surface (CIE Lab, lightness counting a little less: shadows)."""
_NEITHER = 0.02
"""Density of colours that are neither those of the foot nor those above the horizon."""
_TOLD_APART = 0.3
"""Part of the foot whose colours are not those of what stands above the horizon."""
_TRUST = 0.02
"""How strongly a pixel's own colour holds it against its neighbours."""


def sky_of(
    image: np.ndarray, above: np.ndarray, see_through: np.ndarray | None = None, *, any_colour: bool = False
) -> np.ndarray:
    """Smooth, joined to the top of the picture, above the horizon, and blue or white.

    Args:
        image: (h, w, 3) float32 sRGB.
        above: (h, w) bool: above the horizon.
        see_through: (h, w) bool: thin things in front; sky goes on behind them.
        any_colour: Take any smooth part: the user says that there is sky.
    """
    if not above.any():
        return above
    grey = ndimage.gaussian_filter(image.mean(-1), 1.0)
    smooth = np.hypot(*np.gradient(grey)) < _SMOOTH
    if see_through is not None:
        smooth |= ndimage.binary_dilation(see_through, iterations=2)
    core = ndimage.binary_dilation(ndimage.binary_erosion(smooth | ~above, border_value=1))  # drops single pixels
    labels, _ = ndimage.label(core & smooth & above)
    at_top = np.unique(labels[: max(2, len(labels) // 50)])
    at_top = at_top[at_top > 0]
    if not any_colour and len(at_top):
        light, red, blue = (ndimage.median(channel, labels, at_top) for channel in np.moveaxis(lab(image), -1, 0))
        fits = (blue < _BLUE) & (np.abs(red) < _PURPLE) & (light > _DUSK) | (light > _WHITE)
        fits &= light > np.max(light[fits], initial=0.0) - _DARKER
        at_top = at_top[fits]
    sky = np.isin(labels, at_top)
    sky = ndimage.binary_closing(sky, iterations=3, border_value=0) & above | sky
    if not sky.any():
        return sky
    # smoothness stops short of an outline: what has the sky's own colour beside it belongs to it
    gap, (v, u) = ndimage.distance_transform_edt(~sky, return_indices=True)
    beside = above & (gap <= _RIM)
    colours = lab(image)
    return sky | beside & (np.linalg.norm(colours - colours[v, u], axis=-1) < _ALIKE)


def edges_without(image: np.ndarray, lifted: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weights of :func:`physim.membrane.edge_weights` as if no edges were in and about ``lifted`` (h, w) bool."""
    weight_u, weight_v = edge_weights(image)
    if lifted is not None and lifted.any():
        about = ndimage.binary_dilation(lifted, iterations=2)
        weight_u[about], weight_v[about] = 1.0, 1.0
    return weight_u, weight_v


def ground_of(
    image: np.ndarray,
    below: np.ndarray,
    *,
    things: np.ndarray | None = None,
    lifted: np.ndarray | None = None,
    level: np.ndarray | None = None,
) -> np.ndarray:
    """The part below the horizon that looks like the foot of the picture.

    Colours of the lowest rows are clustered; how well a pixel matches one of them is spread by diffusion that stops at
    edges (a random walk: Grady, Random walks for image segmentation, TPAMI 2006). Only what reaches the horizon in one
    piece can be something else: a patch in the middle of the ground may as well be a shadow, a rug or a leaf.

    Args:
        image: (h, w, 3) float32 sRGB.
        below: (h, w) bool: below the horizon.
        things: (h, w) bool: pixels that are known not to be ground; what they lie in stands on it.
        lifted: (h, w) bool: things that are taken out; whether there is ground behind them is asked of what is about.
        level: (h, w) bool: known to be ground.
    """
    things = np.zeros_like(below) if things is None else things & below
    seen = np.ones_like(below) if lifted is None else ~ndimage.binary_dilation(lifted, iterations=2)
    level = np.zeros_like(below) if level is None else level & below
    if (below.all() and not things.any()) or below.mean() < 0.02:
        return below
    rows = len(image)
    line = np.arange(rows)[:, None]
    foot = below & (line >= (1 - _SEED_ROWS) * rows) & seen
    if foot.sum() < 8:
        return below
    other = ~below if (~below).mean() > _SEED_ROWS else line < _SEED_ROWS * rows
    colours = ndimage.gaussian_filter(lab(image), (1.5, 1.5, 0)) * (0.6, 1.0, 1.0)
    other = other & seen
    if other.sum() < 8:
        return below & ~things
    ours, theirs = _density(colours, colours[foot | level & seen]), _density(colours, colours[other])
    likely = np.where(below, ours / (ours + theirs + _NEITHER), 0.0)
    if (likely[foot] > 0.5).mean() < _TOLD_APART:
        return below & ~things  # the same colours below and above the horizon
    known = ~below | things
    sure = np.zeros_like(below)
    sure[-1] = foot[-1] & (likely[-1] > 0.5) & ~things[-1]
    sure |= level & ~things
    known |= sure
    values = np.where(sure, 1.0, np.where(known, 0.0, likely))
    screen = np.where(seen, _TRUST, 0.0)
    probability = fill(values, known, weights=edges_without(image, lifted), screen=screen, tolerance=1e-4)
    unlike = below & (probability < 0.5)
    labels, _ = ndimage.label(unlike | ~below)
    reaching = np.unique(labels[~below | things])
    ground = below & ~(unlike & np.isin(labels, reaching[reaching > 0]))
    labels, count = ndimage.label(ground)
    if count > 1:  # crumbs far from the foot
        at_foot = np.unique(labels[foot & ground])
        ground = np.isin(labels, at_foot[at_foot > 0])
    return ground


def _density(colours: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """How common the colours (h, w, 3) are in ``sample`` (n, 3): a sum of Gaussians about its clusters, at most 1."""
    rng = np.random.default_rng(0)
    sample = sample[rng.permutation(len(sample))[:4000]]
    centres = sample[:: max(1, len(sample) // _CLUSTERS)][:_CLUSTERS].copy()
    for _ in range(12):  # Lloyd's iterations
        nearest = np.linalg.norm(sample[:, None] - centres, axis=-1).argmin(1)
        for k in range(len(centres)):
            if (nearest == k).any():
                centres[k] = sample[nearest == k].mean(0)
    share = np.bincount(nearest, minlength=len(centres)) / len(sample)
    total = np.zeros(colours.shape[:2])
    for centre, part in zip(centres, share, strict=True):
        total += part * np.exp(-0.5 * (((colours - centre) / _SPREAD) ** 2).sum(-1))
    return total
