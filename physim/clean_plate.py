"""The photo behind what is taken out of it: smooth surfaces by a membrane and borrowed grain, textures by a clone.

The surface decides, not taste: on glaze, sky and backdrop a membrane is right to 34 to 49 dB and a clone is plainly
wrong; on wood, clay and trays it is the other way round. Behind a hole before several things, or crossed by a line,
one patch cannot be right everywhere: there pieces of the photo are put together (:mod:`physim.shift_fill`). Which one
it is, is tried on a ring whose truth is visible.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physim.clone_fill import Search, clone_fill, rim_of
from physim.grow import dilated, extent
from physim.shift_fill import Pieces, at_full_size, blocks, shift_fill
from physim.smooth_fill import BLACK, blurred, borrowed_grain, enlarged, smooth_fill
from physim.srgb import to_linear, to_srgb

_MARGIN = 0.85
PLAIN, ROUGH = 0.03, 0.05
"""Error on the held-out ring up to which a fill is good enough not to try pieces, and from which a membrane is no
choice: a ring is narrow, and along it any blur is nearly right; things put beside their true place err more there than
no things at all, and are seen less [sRGB]."""
PIECED = 1.25
"""Between the two, pieces may err by this much more on the ring than the membrane."""
_HELD_OUT = 8  # width of the ring on which the candidates are judged [pixels]
_PLENTY = 960
"""Photos of at least twice this width are filled on a shrunk copy, which their own detail is added to. [columns]"""
_LARGE = 32000
"""And holes of more than about twice this size. [pixels]"""


@dataclass(frozen=True)
class Filled:
    """How one hole was filled."""

    surface: str
    """'smooth' or 'texture'."""
    score: float
    """Error on the held-out ring [sRGB]; above 0.06 the fill will be seen. NaN if the user chose."""
    source: tuple[int, int] | None = None
    """Offset (du, dv) of the cloned patch [pixels]."""
    pieces: Pieces | None = None
    """Of the crop about the hole, where more than one patch was needed."""


@dataclass(frozen=True)
class Choice:
    """What the user said about the surface behind a hole."""

    region: np.ndarray
    """(H, W) bool"""
    surface: str
    source: tuple[float, float] | None = None


def clean_plate(
    photo: np.ndarray,
    hole: np.ndarray,
    *,
    forbidden: np.ndarray | None = None,
    choices: tuple[Choice, ...] = (),
    depth: np.ndarray | None = None,
) -> tuple[np.ndarray, list[Filled]]:
    """Fill the hole of a photo.

    Args:
        photo: (H, W, 3) float32 sRGB in [0, 1].
        hole: (H, W) bool: what to invent.
        forbidden: (H, W) bool: pixels that belong to something else and may lend neither colour nor texture; nothing
            flows out of them into the hole.
        choices: Surfaces that the user named.
        depth: (H, W) [m] of what is seen without what moves: texture is taken from about as far away, where it is as
            large and as sharp.

    Returns:
        (H, W, 3) float32 sRGB, equal to the photo outside the hole to the bit, and one line per connected hole.

    Raises:
        ValueError: The hole leaves nothing to fill it from.
    """
    from scipy import ndimage

    hole = np.asarray(hole, dtype=bool)
    plate = np.array(photo, dtype=np.float32)
    if not hole.any():
        return plate, []
    usable = ~hole if forbidden is None else ~hole & ~forbidden
    if not usable.any():
        raise ValueError("the hole leaves no pixel of the photo to fill it from; select less, or fewer things.")
    labels, _ = ndimage.label(hole, np.ones((3, 3)))
    lines: dict[int, Filled] = {}
    for place in _together(_places(labels, choices)):
        crop, mine = place.crop, np.isin(labels[place.crop], place.numbers)
        if not usable[crop].any():  # walled in by other things: what is beyond them is all there is
            crop, mine = (slice(None), slice(None)), np.isin(labels, place.numbers)
        logs = np.log(to_linear(photo[crop]).astype(np.float64) + BLACK)
        far = None if depth is None else np.log(np.maximum(depth[crop].astype(np.float64), 1e-3))
        filled, line = _fill_scaled(logs, mine, usable[crop], place.choice, place.scale, far)
        target = plate[crop]
        target[mine] = to_srgb(np.exp(filled[mine]) - BLACK)
        lines |= dict.fromkeys(place.numbers, line)
    return plate, [lines[number] for number in sorted(lines)]


@dataclass(frozen=True)
class _Place:
    """Holes that are filled at once."""

    numbers: tuple[int, ...]
    """Their labels."""
    crop: tuple[slice, slice]
    scale: int
    """How much smaller the picture is that they are filled on."""
    choice: Choice | None

    @property
    def area(self) -> int:
        return int(np.prod([s.stop - s.start for s in self.crop]))


def _places(labels: np.ndarray, choices: tuple[Choice, ...]) -> list[_Place]:
    """One for each connected hole: it with its surroundings."""
    from scipy import ndimage

    areas = ndimage.sum_labels(labels > 0, labels, np.arange(1, labels.max() + 1))
    places = []
    for k, box in enumerate(ndimage.find_objects(labels), start=1):
        scale = max(1, labels.shape[1] // _PLENTY, round(np.sqrt(areas[k - 1] / _LARGE)))
        margin = int(48 * scale + 1.2 * max(s.stop - s.start for s in box))
        rows, cols = (
            slice(max(s.start - margin, 0), min(s.stop + margin, n)) for s, n in zip(box, labels.shape, strict=True)
        )
        mine = labels[box] == k
        choice = next((c for c in choices if (c.region[box] & mine).sum() > 0.5 * mine.sum()), None)
        places.append(_Place((k,), (rows, cols), scale, choice))
    return places


def _together(places: list[_Place]) -> list[_Place]:
    """Holes in one smooth surface share its grain, and what surrounds them if that is no more to look at."""
    merged: list[_Place] = []
    for place in places:
        smooth = place.choice is not None and place.choice.surface == "smooth"
        for i, other in enumerate(merged):
            if not smooth or other.choice is not place.choice or other.scale != place.scale:
                continue
            rows, cols = (
                slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(place.crop, other.crop, strict=True)
            )
            both = replace(other, numbers=(*other.numbers, *place.numbers), crop=(rows, cols))
            if both.area <= other.area + place.area:
                merged[i] = both
                break
        else:
            merged.append(place)
    return merged


def _fill_scaled(logs, hole, usable, choice: Choice | None, scale: int, far=None) -> tuple[np.ndarray, Filled]:
    """Judged, searched and lit on a picture ``scale`` times smaller; the photo's own detail comes at full size."""
    if scale == 1:
        return _fill_one(logs, hole, usable, choice, far)
    small = blocks(logs, scale).mean((1, 3))
    small_hole, small_usable = blocks(hole, scale).max((1, 3)), blocks(usable, scale).min((1, 3))
    if not small_usable.any():
        return _fill_one(logs, hole, usable, choice, far)
    if choice is not None and choice.source is not None:
        choice = replace(choice, source=(choice.source[0] / scale, choice.source[1] / scale))
    small_far = None if far is None else blocks(far, scale).mean((1, 3))
    filled, line = _fill_one(small, small_hole, small_usable, choice, small_far)
    if line.pieces is not None:
        return _pieces_scaled(filled - small, line, logs, hole, usable, scale)
    if line.source is None:
        base = enlarged(filled, scale, hole.shape)
        here = extent(hole, 64 * scale)
        base[here] += borrowed_grain(logs[here], usable[here], scale=scale)
        return np.where(hole[..., None], base, logs), line
    du, dv = line.source
    v, u = np.nonzero(small_hole)
    change = np.zeros_like(small)
    change[v, u] = filled[v, u] - small[v + dv, u + du]
    dv, du = _refined((dv * scale, du * scale), logs, hole, usable, scale)
    v, u = np.nonzero(hole)
    out = logs.copy()
    sv, su = np.clip(v + dv, 0, hole.shape[0] - 1), np.clip(u + du, 0, hole.shape[1] - 1)
    out[v, u] = logs[sv, su] + enlarged(_extended(change, small_hole), scale, hole.shape)[v, u]
    return out, replace(line, source=(du, dv))


def _pieces_scaled(added, line: Filled, logs, hole, usable, scale: int) -> tuple[np.ndarray, Filled]:
    """Pieces laid out at full size; their light, with what ``added`` says of it, from the shrunk picture."""
    assert line.pieces is not None
    small = line.pieces
    v, u = np.nonzero(small.label >= 0)
    change = np.zeros_like(added)
    sv, su = (np.stack([v, u], axis=1) + small.shift[small.label[v, u]]).T
    shrunk = blocks(logs, scale).mean((1, 3))
    sv, su = np.clip(sv, 0, shrunk.shape[0] - 1), np.clip(su, 0, shrunk.shape[1] - 1)
    change[v, u] = added[v, u] + shrunk[v, u] - shrunk[sv, su]
    pieces = at_full_size(small, logs, hole, usable, scale)
    box = extent(hole, 4 * scale)
    total, weights = np.zeros((*hole[box].shape, 3)), np.zeros((*hole[box].shape, 1))
    v, u = np.mgrid[box]
    for k in np.unique(pieces.label[hole]):
        mine = small.label == k
        if not mine.any():  # too small a piece for a pixel of its own
            mine = small.label >= 0
        sv, su = (
            np.clip(v + pieces.shift[k, 0], 0, hole.shape[0] - 1),
            np.clip(u + pieces.shift[k, 1], 0, hole.shape[1] - 1),
        )
        light = enlarged(_extended(change, mine), scale, hole.shape)[box]
        share = blurred((pieces.label[box] == k) * 1.0, 0.8 * scale) * (usable[sv, su] | (pieces.label[box] == k))
        total += share[..., None] * (logs[sv, su] + light)
        weights += share[..., None]
    out = logs.copy()
    out[box] = np.where(hole[box][..., None], total / np.maximum(weights, 1e-9), logs[box])
    return out, replace(line, pieces=pieces)


def _extended(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The nearest known value everywhere."""
    from scipy.ndimage import distance_transform_edt

    _, (v, u) = distance_transform_edt(~known, return_indices=True)
    return values[v, u]


def _refined(offset: tuple[int, int], logs, hole, usable, reach: int) -> tuple[int, int]:
    """The offset (dv, du) near one, of a patch that lies on usable pixels, whose rim agrees best but for its light."""
    v, u = np.nonzero(dilated(hole, 4 * reach))
    rim = usable[v, u]
    grey = logs.mean(-1)
    best, least = offset, np.inf
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            sv, su = v + offset[0] + i, u + offset[1] + j
            if min(sv.min(), su.min()) < 0 or sv.max() >= hole.shape[0] or su.max() >= hole.shape[1]:
                continue
            if not usable[sv, su].all():
                continue
            error = float((grey[v[rim], u[rim]] - grey[sv[rim], su[rim]]).var())
            if error < least:
                best, least = (offset[0] + i, offset[1] + j), error
    return best


def _fill_one(logs, hole, usable, choice: Choice | None, far: np.ndarray | None = None) -> tuple[np.ndarray, Filled]:
    if choice is not None and choice.surface == "smooth":
        return smooth_fill(logs, hole, usable), Filled("smooth", float("nan"))
    if choice is not None:
        for rim in (10, 6, 14):
            cloned = clone_fill(logs, hole, usable, rim=rim, source=choice.source, far=far)
            if cloned is not None:
                return cloned[0], Filled("texture", float("nan"), cloned[1])
        return smooth_fill(logs, hole, usable), Filled("smooth", float("nan"))
    return _judged(logs, hole, usable, far)


def _judged(
    logs: np.ndarray, hole: np.ndarray, usable: np.ndarray, far: np.ndarray | None = None
) -> tuple[np.ndarray, Filled]:
    """Hide a ring around the hole as well, fill it every way, and keep the way that restores the ring best."""
    from scipy.ndimage import binary_dilation

    bigger = binary_dilation(hole, iterations=_HELD_OUT) & (usable | hole)
    ring = bigger & ~hole
    rest = usable & ~bigger
    if ring.sum() < 20 or not rest.any():
        return smooth_fill(logs, hole, usable), Filled("smooth", float("nan"))
    smooth = best = Filled("smooth", _score(smooth_fill(logs, bigger, rest), logs, ring))
    way: tuple[int, np.ndarray | None] = (6, None)
    search = Search.of(logs, rest, far)
    tried: set[tuple[int, tuple[int, int]]] = set()
    for depths in (None,) if far is None else (None, far):
        for rim in (6, 10, 14):
            offset = search.offset(bigger, rim_of(bigger, rest, rim), near=depths is not None)
            if offset is None or (rim, offset) in tried:
                continue
            tried.add((rim, offset))
            cloned = clone_fill(logs, bigger, rest, rim=rim, source=(offset[1], offset[0]))
            if cloned is None:
                continue
            score = _score(cloned[0], logs, ring)
            # a clone must be clearly better: where it is wrong it is wrong by more
            if score < (best.score if best.surface == "texture" else _MARGIN * best.score):
                best, way = Filled("texture", score, cloned[1]), (rim, depths)
    if best.score > PLAIN:
        allowed = _MARGIN * best.score if best.surface == "texture" else PIECED * smooth.score
        put = shift_fill(logs, bigger, rest, far=far)
        score = np.inf if put is None else _score(put[0], logs, ring)
        if score < allowed or (best.surface == "smooth" and smooth.score > ROUGH):
            put = shift_fill(logs, hole, usable, far=far)
            if put is not None:
                return put[0], Filled("texture", score, pieces=put[1])
    if best.surface == "texture":
        cloned = clone_fill(logs, hole, usable, rim=way[0], far=way[1])
        if cloned is not None:
            return cloned[0], Filled("texture", best.score, cloned[1])
    return smooth_fill(logs, hole, usable), best


def _score(filled: np.ndarray, truth: np.ndarray, ring: np.ndarray) -> float:
    """Low-pass error plus the difference of texture energy, on the ring [sRGB]."""
    box = extent(ring, 10)  # farther than anything is blurred
    filled, truth, ring = filled[box], truth[box], ring[box]
    inside = ring[..., None] * 1.0
    filled, truth = (to_srgb(np.exp(x) - BLACK).astype(np.float64) for x in (filled, truth))

    def mean(x: np.ndarray, sigma: float) -> np.ndarray:
        return blurred(x * inside, sigma) / np.maximum(blurred(inside, sigma), 0.02)

    # root mean square (of Gaussian errors as much as their mean): a line that breaks off is few pixels, and all is seen
    error = 0.8 * np.sqrt((mean(filled - truth, 1.5)[ring] ** 2).mean())
    ours, true = ((x - mean(x, 2.0))[ring].std() for x in (filled, truth))
    return float(error + abs(ours - true))
