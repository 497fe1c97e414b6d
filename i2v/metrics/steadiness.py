"""Does the picture hold still where nothing moves, and do things stay what they are?

    change         d_t = (I_t - C_t) - (I_0 - C_0) o source, C the composite: what the backdrop does by itself
    flicker        mean change of the mean of d from frame to frame [levels of 255]
    background     mean |blur(d)| over the backdrop [levels]
    intruder       the largest mean of d in a 16 x 16 block: what a small thing makes that should not be there
    drift          a similarity fitted to the backdrop against frame 0 by Lucas and Kanade (1981): its largest
                   displacement in the picture, at any frame [px]; far below what optical flow resolves
    colour         Bhattacharyya coefficient of a thing's (a, b) histogram of CIE LAB with that of the composite
    identity       cosine of HOG (Dalal and Triggs 2005) and LAB histogram of a thing's crop with that of frame 0, the
                   crop rectified by the simulation (a thing that is not of the photo: with the composite's crop).
                   VBench uses a network's features there

The camera's own motion is taken out by the simulation's ``source_uv``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2v.metrics.descriptor import LEAST_PIXELS, colours, cosine, descriptor, interior
from i2v.metrics.likeness import LUMA, luma
from i2v.metrics.sampling import at, box, centres, evenly, inside
from i2v.metrics.signals import Signals

BLOCK = 16
"""Side of the blocks in which the background is searched for intruders [pixels]."""
CROP = 48
"""Rectified crops are brought to at most this many pixels a side."""


@dataclass(frozen=True)
class Backdrop:
    """What the still part of the picture does, per frame against frame 0."""

    flicker: np.ndarray
    """(T - 1,) change of its mean luma [levels of 255]."""
    difference: np.ndarray
    """(T,) mean of the blurred difference [levels]."""
    block: np.ndarray
    """(T,) largest mean difference of a block [levels]."""
    drift: np.ndarray
    """(T,) largest displacement of the fitted similarity [px]; NaN in frames left out."""


def backdrop(frames: np.ndarray, signals: Signals, *, drift_frames: int = 9) -> Backdrop:
    """Measure the part of the picture that the simulation does not touch."""
    count = len(frames)
    start = frames[0].astype(np.float32) - signals.coarse[0]
    first = start @ LUMA
    means = np.full(count, np.nan)
    difference, block, drift = (np.full(count, np.nan) for _ in range(3))
    picks = set(evenly(count, drift_frames)[1:].tolist())
    for t in range(count):
        mask = signals.backdrop(t)
        if mask.sum() < LEAST_PIXELS:
            continue
        composite = luma(signals.coarse[t]) * 255
        offsets = start if signals.still_camera else _moved(start, signals.source_uv[t], mask)
        offset = first if signals.still_camera else offsets @ LUMA
        change = np.where(mask, luma(frames[t]) * 255 - composite - offset, 0)
        means[t] = change[mask].mean()
        share = np.maximum(box(mask.astype(np.float32), 2), 1e-3)
        smooth = np.abs(box(change, 2)) / share
        difference[t] = smooth[mask].mean()
        block[t] = _largest_block(frames[t], signals.coarse[t], offsets, mask)
        if t in picks:
            drift[t] = _similarity_drift(composite, change, mask)
    return Backdrop(np.abs(np.diff(means)), difference, block, drift)


def colour_kept(frames: np.ndarray, signals: Signals) -> dict[int, np.ndarray]:
    """Bhattacharyya coefficient of each thing's colours with those the composite gives it, per frame; 1 is the same."""
    found: dict[int, np.ndarray] = {}
    for number in signals.distance:
        values = np.full(len(frames), np.nan)
        for t, frame in enumerate(frames):
            mask = interior(signals.ids[t] == number)
            if mask.sum() >= LEAST_PIXELS:
                seen, true = colours(frame[mask]), colours(signals.coarse[t][mask])
                values[t] = float(np.sqrt(seen * true).sum())
        found[number] = values
    return found


def identity_kept(frames: np.ndarray, signals: Signals, *, most: int = 12) -> dict[int, np.ndarray]:
    """Cosine of each thing's descriptor with that of frame 0, in at most ``most`` frames, NaN in the others.

    The crop is what the video shows where the simulation puts each point of the thing's first picture; points that
    are hidden are left out on both sides. A thing that was put in is compared with the composite in the same frame.
    """
    found: dict[int, np.ndarray] = {}
    for number in signals.distance:
        values = np.full(len(frames), np.nan)
        start = signals.ids[0] == number
        of_photo = start.sum() >= LEAST_PIXELS and bool(np.isfinite(signals.source_uv[0][start]).any())
        for t in evenly(len(frames), most):
            if of_photo:
                crops = _rectified(frames, signals, number, int(t), start)
            else:
                crops = _side_by_side(frames, signals, number, int(t))
            if crops is not None:
                values[t] = cosine(*(descriptor(c, crops[2]) for c in crops[:2]))
        found[number] = values
    return found


def _moved(first: np.ndarray, source: np.ndarray, mask: np.ndarray) -> np.ndarray:
    out = np.zeros(first.shape, np.float32)
    out[mask] = at(first, source[mask])
    return out


def _largest_block(frame: np.ndarray, composite: np.ndarray, offset: np.ndarray, mask: np.ndarray) -> float:
    """Of any channel, over whole blocks that are backdrop to a half or more; luma alone would miss green on brown."""
    change = (frame.astype(np.float32) - composite - offset) * mask[..., None]
    rows, cols = (n // BLOCK for n in mask.shape)
    if not rows or not cols:
        return float(np.abs(change[mask].mean(axis=0)).max())

    def tiles(field: np.ndarray) -> np.ndarray:
        return field[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK, -1).sum(axis=(1, 3))

    weight = tiles(mask.astype(np.float32))
    solid = weight[..., 0] >= BLOCK * BLOCK / 2
    return float((np.abs(tiles(change)) / np.maximum(weight, 1))[solid].max()) if solid.any() else 0.0


def _similarity_drift(expected: np.ndarray, change: np.ndarray, mask: np.ndarray) -> float:
    """Least squares of change = -gradient . (shift + s x + r x^perp): displacement at the picture's corners [px].

    One step, for drifts below a few pixels; a larger one is seen as large, not measured.
    """
    smooth = box(expected, 1)
    dv, du = np.gradient(smooth)
    inner = box(mask.astype(np.float32), 2) > 0.999
    if inner.sum() < 256:
        return np.nan
    v, u = np.nonzero(inner)
    gu, gv, d = du[v, u], dv[v, u], box(change, 1)[v, u]
    d = d - np.median(d)  # a change of brightness is no motion
    half = 0.5 * max(mask.shape)
    x, y = (u - mask.shape[1] / 2) / half, (v - mask.shape[0] / 2) / half
    a = np.stack([gu, gv, gu * x + gv * y, gv * x - gu * y], axis=1).astype(np.float64)
    weight = 1 / np.maximum(np.abs(d), 4.0)  # what does not fit, such as an intruder, counts less
    try:
        p = np.linalg.solve(a.T @ (a * weight[:, None]) + 1e-3 * np.eye(4), -a.T @ (d * weight))
    except np.linalg.LinAlgError:
        return np.nan
    corners = np.array([[sx * mask.shape[1] / 2, sy * mask.shape[0] / 2] for sx in (-1, 1) for sy in (-1, 1)]) / half
    moves = [np.hypot(p[0] + p[2] * x - p[3] * y, p[1] + p[2] * y + p[3] * x) for x, y in corners]
    return float(max(moves))


def _rectified(
    frames: np.ndarray, signals: Signals, number: int, t: int, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The thing in frame 0 and in frame t on the grid of frame 0, and where both are known; ``None``: too little."""
    here = (signals.ids[t] == number) & np.isfinite(signals.source_uv[t, ..., 0])
    source = signals.source_uv[t][here]
    fits = inside(source, signals.size)
    if fits.sum() < LEAST_PIXELS:
        return None
    v, u = np.nonzero(start)
    corner = np.array([u.min(), v.min()])
    extent = np.array([u.max(), v.max()]) + 1 - corner
    scale = min(1.0, CROP / extent.max())
    cells = np.maximum(np.ceil(extent * scale).astype(int), 1)

    def splat(colours: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        i = np.floor((places - corner) * scale).astype(int)
        ok = ((i >= 0) & (i < cells)).all(axis=1)
        flat = i[ok, 1] * cells[0] + i[ok, 0]
        weight = np.bincount(flat, minlength=cells.prod()).astype(np.float32)
        sums = [np.bincount(flat, colours[ok, c].astype(np.float64), minlength=cells.prod()) for c in range(3)]
        crop = np.stack(sums, -1) / np.maximum(weight, 1)[:, None]
        return crop.reshape(cells[1], cells[0], 3), (weight > 0).reshape(cells[1], cells[0])

    now, seen = splat(frames[t][here][fits], source[fits])
    first, there = splat(frames[0][start], centres(start))
    known = seen & there
    return (first, now, known) if known.sum() >= LEAST_PIXELS else None


def _side_by_side(
    frames: np.ndarray, signals: Signals, number: int, t: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The thing in the composite and in the video, in the window that holds it."""
    mask = signals.ids[t] == number
    if mask.sum() < LEAST_PIXELS:
        return None
    v, u = np.nonzero(mask)
    window = slice(v.min(), v.max() + 1), slice(u.min(), u.max() + 1)
    return signals.coarse[t][window].astype(np.float64), frames[t][window].astype(np.float64), mask[window]
