"""Fill a hole with pieces of the photo, each shifted as a whole, cut where they agree: what has lines or many things.

One patch cannot match a wall, a kerb and a road at once. Here every pixel of the hole takes its own shift from a few
dozen, so that a line is continued by a shift along it and what is beside it by other shifts; the borders between the
pieces lie where they agree, as the minimum of an energy found by graph cuts.

Pritch, Kav-Venaki, Peleg: Shift-map image editing (2009); He, Sun: Statistics of patch offsets for image completion
(2012); Boykov, Veksler, Zabih: Fast approximate energy minimization via graph cuts (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.grow import dilated, extent
from physim.shift_cut import Costs, labelled

NODES = 2600
"""Shifts are chosen on a picture shrunk until the hole has at most about this many pixels."""
LABELS = 40
"""Of the shifts that continue some part of the rim, at most this many."""
REACHES = (5, 10)
"""Half sides of the windows of the rim that shifts are looked for with [shrunk pixels]."""
BEST = 3
"""Shifts from each window."""
KEPT = 0.45
"""Part of the local mean that counts when pieces are compared: light differs, colour must not."""
SHARP = 0.3
"""How much a factor e in the strength of detail counts: stones in focus beside stones out of focus are a seam."""
LINES, LINED = 1.2, 1.0
"""Width of what is compared without its texture [shrunk pixels], and its weight."""
HUE, LEAST = 0.6, 0.01
"""Difference of hue by which two pieces show two things, and not one in two lights [log light], and how much these are
still brought to one light."""
FINE = 0.004
"""Detail that is nothing but grain [log light]."""
SAMPLES = 1500
"""Pixels that a shift is brought to the pixel with, about."""
FEATHER = 1.6
"""Width over which a piece takes on the very pixels of the rim [shrunk pixels]."""


@dataclass(frozen=True)
class Pieces:
    """Which piece of the photo each pixel of a hole shows."""

    shift: np.ndarray
    """(K, 2) int: (dv, du) [pixels]."""
    label: np.ndarray
    """(h, w) int: index into ``shift``; -1 outside the hole."""


def shift_fill(
    logs: np.ndarray, hole: np.ndarray, usable: np.ndarray, *, far: np.ndarray | None = None
) -> tuple[np.ndarray, Pieces] | None:
    """The picture with its hole filled from shifted pieces of itself.

    Args:
        logs: (h, w, 3) log of linear light.
        hole: (h, w) bool.
        usable: (h, w) bool: may lend its pixels; none of the hole's.
        far: (h, w) log of the depth; pieces from much nearer or farther cost more.

    Returns:
        The filled picture and its pieces, or ``None`` if some pixel of the hole has no usable one at any shift found.
    """
    scale = max(1, int(np.ceil(np.sqrt(hole.sum() / NODES))))
    small_hole, small_usable = blocks(hole, scale).max((1, 3)), blocks(usable, scale).min((1, 3))
    small = features(logs, usable, small_usable, scale)
    depth = None if far is None else blocks(far, scale).mean((1, 3))
    shifts = found_shifts(small, small_hole, small_usable, depth)
    if len(shifts) == 0:
        return None
    costs = Costs.of(small, small_hole, small_usable, shifts, depth)
    chosen = labelled(costs)
    if chosen is None:
        return None
    coarse = np.full(small_hole.shape, -1)
    coarse[small_hole] = chosen
    pieces = at_full_size(Pieces(shifts, coarse), logs, hole, usable, scale)
    return _joined(logs, hole, usable, pieces, FEATHER * scale), pieces


def blocks(values: np.ndarray, scale: int) -> np.ndarray:
    """(h, w, ...) in blocks (h / scale, scale, w / scale, scale, ...), its border repeated to fill the last."""
    rows, cols = values.shape[:2]
    padding = [(0, -rows % scale), (0, -cols % scale), *[(0, 0)] * (values.ndim - 2)]
    padded = np.pad(values, padding, mode="edge")
    return padded.reshape(padded.shape[0] // scale, scale, padded.shape[1] // scale, scale, *values.shape[2:])


def features(logs: np.ndarray, usable: np.ndarray, small_usable: np.ndarray, scale: int) -> np.ndarray:
    """What is compared (h, w, 7), on the shrunk picture.

    Colour without most of its local mean, the same without its texture, whose chance differences would drown a line,
    and the strength of detail.
    """
    colour = blocks(logs, scale).mean((1, 3))
    colour = np.where(small_usable[..., None], colour - (1 - KEPT) * _mean(colour, small_usable, 12.0), 0.0)
    plain = np.where(small_usable[..., None], _mean(colour, small_usable, LINES), 0.0)
    detail = logs - _mean(logs, usable, 1.5)
    power = _mean((detail**2).mean(-1, keepdims=True), usable, 3.0)
    strength = 0.5 * SHARP * np.log(blocks(power, scale).mean((1, 3)) + FINE**2)
    strength = np.where(small_usable[..., None], strength - strength[small_usable].mean(), 0.0)
    return np.concatenate([0.5 * colour, LINED * plain, strength], axis=-1)


def _mean(values: np.ndarray, usable: np.ndarray, sigma: float) -> np.ndarray:
    """Local mean (h, w, C) of what is usable."""
    from scipy.ndimage import gaussian_filter

    weight = np.maximum(gaussian_filter(usable * 1.0, sigma), 1e-4)[..., None]
    return gaussian_filter(np.where(usable[..., None], values, 0.0), (sigma, sigma, 0)) / weight


def _one_thing(jump: np.ndarray) -> np.ndarray:
    """How far (...) differences of log light (..., 3) are the light's, and not those of two things with a hue each.

    What two things differ by is not to be smoothed away: it would lie about their border as a haze.
    """
    hue = np.abs(jump - jump.mean(-1, keepdims=True)).max(-1)
    return LEAST + (1 - LEAST) * np.exp(-((hue / HUE) ** 2))


# ---- which shifts ----------------------------------------------------------------------------------------------------


def found_shifts(feature: np.ndarray, hole: np.ndarray, usable: np.ndarray, far: np.ndarray | None) -> np.ndarray:
    """Shifts (K, 2) of (dv, du) under which windows of the rim are seen elsewhere, whole and continued."""
    from scipy import fft

    rows, cols = hole.shape
    shape = [fft.next_fast_len(n + 2 * max(REACHES) + 1, real=True) for n in hole.shape]
    power = fft.rfft2((feature**2).sum(-1), shape)
    picture = [fft.rfft2(feature[..., k], shape) for k in range(feature.shape[-1])]
    blocked = fft.rfft2(~usable * 1.0, shape)
    found: dict[tuple[int, int], float] = {}
    for v, u in _along_rim(hole, usable):
        for reach in REACHES:
            box = np.s_[max(v - reach, 0) : v + reach + 1, max(u - reach, 0) : u + reach + 1]
            mask = usable[box] * 1.0
            if mask.sum() < 12:
                continue
            # correlation at (v', u') compares the window moved so that its corner lies there
            spectrum = np.conj(fft.rfft2(mask, shape)) * power
            for k in range(feature.shape[-1]):
                spectrum -= 2 * np.conj(fft.rfft2(feature[box][..., k] * mask, shape)) * picture[k]
            height, width = mask.shape
            valid = np.s_[: rows - height + 1, : cols - width + 1]
            error = fft.irfft2(spectrum, shape)[valid] + (feature[box] ** 2 * mask[..., None]).sum()
            inside = np.conj(fft.rfft2(np.ones(mask.shape), shape)) * blocked
            error = np.maximum(error, 0) / mask.sum()
            error[fft.irfft2(inside, shape)[valid] > 0.5] = np.inf
            top, left = box[0].start, box[1].start
            dv = np.arange(error.shape[0])[:, None] - top
            du = np.arange(error.shape[1])[None, :] - left
            error = error * (1 + np.hypot(dv, du) / max(rows, cols)) + 1e-4 * np.hypot(dv, du) / max(rows, cols)
            if far is not None:
                middle = far[np.clip(np.arange(error.shape[0]) + v - top, 0, rows - 1)][
                    :, np.clip(np.arange(error.shape[1]) + u - left, 0, cols - 1)
                ]
                error = error * (1 + ((middle - far[v, u]) / 0.3) ** 2)
            for _ in range(BEST):
                i, j = np.unravel_index(int(np.argmin(error)), error.shape)
                least = float(error[i, j])
                if not np.isfinite(least):
                    break
                key = (int(i - top), int(j - left))
                found[key] = found.get(key, 0.0) + 1 / (least + 1e-3)
                error[max(i - 3, 0) : i + 4, max(j - 3, 0) : j + 4] = np.inf
    best = sorted(found, key=lambda key: -found[key])
    kept: list[tuple[int, int]] = []
    for key in best:
        if len(kept) < LABELS and all(abs(key[0] - k[0]) + abs(key[1] - k[1]) > 1 for k in kept):
            kept.append(key)
    return np.array(kept, dtype=int).reshape(-1, 2)


def _along_rim(hole: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of the hole next to usable ones, a few apart."""
    from scipy.ndimage import binary_dilation

    points = np.argwhere(hole & binary_dilation(usable))
    kept: list[np.ndarray] = []
    for point in points:
        if all(np.abs(point - other).max() > 3 for other in kept):
            kept.append(point)
    return np.array(kept, dtype=int).reshape(-1, 2)


# ---- at full size ----------------------------------------------------------------------------------------------------


def at_full_size(pieces: Pieces, logs: np.ndarray, hole: np.ndarray, usable: np.ndarray, scale: int) -> Pieces:
    """Pieces chosen on a picture ``scale`` times smaller, their borders smooth and their shifts right to the pixel."""
    return _refined(Pieces(pieces.shift * scale, _enlarged(pieces.label, hole, scale)), logs, hole, usable, scale)


def _enlarged(label: np.ndarray, hole: np.ndarray, scale: int) -> np.ndarray:
    """Labels (h, w) of the hole at full size, their borders smooth."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    if scale == 1:
        return np.where(hole, label, -1)
    _, (v, u) = distance_transform_edt(label < 0, return_indices=True)
    spread = label[v, u]
    box = extent(label >= 0, 2)
    full = np.s_[box[0].start * scale : box[0].stop * scale, box[1].start * scale : box[1].stop * scale]
    size = hole[full].shape
    best, most = np.full(size, -1), np.zeros(size)
    for k in np.unique(label[label >= 0]):
        share = gaussian_filter(np.kron(spread[box] == k, np.ones((scale, scale)))[: size[0], : size[1]], 0.6 * scale)
        best, most = np.where(share > most, k, best), np.maximum(share, most)
    out = np.full(hole.shape, -1)
    out[full] = np.where(hole[full], best, -1)
    return out


def _refined(pieces: Pieces, logs, hole, usable, scale: int) -> Pieces:
    """Each shift to the pixel: the one near it that agrees best with what borders its piece, light apart."""
    if scale == 1:
        return pieces
    shift, label = pieces.shift.copy(), pieces.label
    picture, placed = np.where(usable[..., None], logs, 0.0), usable.copy()
    waiting = [k for k in range(len(shift)) if (label == k).any()]
    near = {k: dilated(label == k, 3 + scale) for k in waiting}
    while waiting:
        k = max(waiting, key=lambda k: (near[k] & placed).sum() / near[k].sum())
        waiting.remove(k)
        v, u = np.nonzero(near[k] & placed & (label != k))
        v, u = (x[:: max(1, len(v) // SAMPLES)] for x in (v, u))
        best, least = shift[k], np.inf
        for i in range(-scale, scale + 1):
            for j in range(-scale, scale + 1):
                sv, su = v + shift[k, 0] + i, u + shift[k, 1] + j
                inside = (sv >= 0) & (su >= 0) & (sv < hole.shape[0]) & (su < hole.shape[1])
                good = inside & usable[np.clip(sv, 0, hole.shape[0] - 1), np.clip(su, 0, hole.shape[1] - 1)]
                if good.sum() < 8:
                    continue
                difference = picture[v[good], u[good]] - logs[sv[good], su[good]]
                error = float(difference.var(0).sum()) + 1e-4 * (i * i + j * j) / scale**2 + (~good).mean()
                if error < least:
                    best, least = shift[k] + (i, j), error
        shift[k] = best
        v, u = np.nonzero(label == k)
        picture[v, u] = logs[_held(v + best[0], hole.shape[0]), _held(u + best[1], hole.shape[1])]
        placed |= label == k
    return Pieces(shift, label)


def _held(index: np.ndarray, count: int) -> np.ndarray:
    return np.clip(index, 0, count - 1)


def _joined(logs: np.ndarray, hole: np.ndarray, usable: np.ndarray, pieces: Pieces, feather: float) -> np.ndarray:
    """The pieces laid out, brought to one light: their gradients kept, their borders and the rim without a step.

    A correction with the gradients of a membrane is added, which jumps between two pieces by as much as these differ.
    """
    from scipy.ndimage import distance_transform_edt
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import splu

    rows, cols = hole.shape
    v, u = np.nonzero(hole)
    number = np.full(hole.shape, -1)
    number[v, u] = np.arange(len(v))
    shift = pieces.shift[pieces.label[v, u]]
    legal = _legal(usable)
    copied = logs.copy()
    copied[v, u] = logs[tuple(legal[:, _held(v + shift[:, 0], rows), _held(u + shift[:, 1], cols)])]
    # along the rim each piece goes on under the photo; the difference is its light, and is smoothed
    box = extent(hole, 24)
    top, left = box[0].start, box[1].start
    away, (nv, nu) = distance_transform_edt(~hole[box], return_indices=True)
    bv, bu = np.nonzero(usable[box] & (away <= 10))
    owner = pieces.label[nv[bv, bu] + top, nu[bv, bu] + left]
    bv, bu = bv + top, bu + left
    move = pieces.shift[owner]
    sv, su = bv + move[:, 0], bu + move[:, 1]
    inside = (sv >= 0) & (su >= 0) & (sv < rows) & (su < cols)
    inside &= usable[_held(sv, rows), _held(su, cols)]
    bv, bu, sv, su = bv[inside], bu[inside], sv[inside], su[inside]
    raw, known, alike = np.zeros_like(logs), np.zeros(hole.shape), np.zeros(hole.shape)
    raw[bv, bu], known[bv, bu] = logs[bv, bu] - logs[sv, su], 1.0
    smooth, near = np.zeros_like(raw), np.zeros_like(raw)
    smooth[box] = np.clip(_mean(raw[box], known[box] > 0, 4.0), -1.6, 1.6)
    near[box] = _mean(raw[box], known[box] > 0, 0.5 * feather)
    alike[box] = _one_thing(near[box])
    n = len(v)
    diagonal, right = np.zeros(n), np.zeros((n, 3))
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for dv, du in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        qv, qu = v + dv, u + du
        within = (qv >= 0) & (qu >= 0) & (qv < rows) & (qu < cols)
        qv, qu = _held(qv, rows), _held(qu, cols)
        inner = within & hole[qv, qu]
        p = np.flatnonzero(inner)
        q = number[qv[p], qu[p]]
        weight = np.ones(len(p))
        seam = (shift[p] != shift[q]).any(1)
        a, b = p[seam], q[seam]
        # the jump of the correction undoes that of the copies, measured at both pixels
        here = _at(logs, legal, v[a], u[a], shift[a]) - _at(logs, legal, v[a], u[a], shift[b])
        there = _at(logs, legal, v[b], u[b], shift[a]) - _at(logs, legal, v[b], u[b], shift[b])
        jump = -(here + there) / 2
        weight[seam] = _one_thing(jump)
        diagonal[p] += weight
        entries.append((p, q, weight))
        np.add.at(right, a, np.clip(jump, -1.6, 1.6) * weight[seam][:, None])
        edge = within & ~hole[qv, qu] & (known[qv, qu] > 0)
        p = np.flatnonzero(edge)
        weight = alike[qv[p], qu[p]]
        diagonal[p] += weight
        right[p] += weight[:, None] * smooth[qv[p], qu[p]]
    if not (diagonal > 0).all() or not known.any():
        return copied
    i = np.concatenate([p for p, _, _ in entries] + [np.arange(n)])
    j = np.concatenate([q for _, q, _ in entries] + [np.arange(n)])
    values = np.concatenate([-weight for *_, weight in entries] + [diagonal + 1e-9])
    change = splu(csr_matrix((values, (i, j)), shape=(n, n)).tocsc()).solve(right)
    out = copied.copy()
    out[v, u] += change
    distance, (nv, nu) = distance_transform_edt(known[box] == 0, return_indices=True)
    here = (v - top, u - left)
    rest = (near - smooth)[nv[here] + top, nu[here] + left]
    out[v, u] += rest * np.exp(-(((distance[here] - 1) / feather) ** 2))[:, None]
    return out


def _legal(usable: np.ndarray) -> np.ndarray:
    """Rows and columns (2, h, w) of each pixel, or of the nearest usable one."""
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(~usable, return_distances=False, return_indices=True)


def _at(logs, legal, v, u, shift) -> np.ndarray:
    return logs[tuple(legal[:, _held(v + shift[:, 0], logs.shape[0]), _held(u + shift[:, 1], logs.shape[1])])]
