"""The photo behind what is taken out of it: smooth surfaces by a membrane and borrowed grain, textures by a clone.

The surface decides, not taste: on glaze, sky and backdrop a membrane is right to 34 to 49 dB and a clone is plainly
wrong; on wood, clay and trays it is the other way round. Behind a hole before several things, or crossed by a line,
one patch cannot be right everywhere: there pieces of the photo are put together (:mod:`physim.shift_fill`). Which one
it is, is tried on a ring whose truth is visible.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physim.grow import dilated, extent
from physim.membrane import fill
from physim.shift_fill import Pieces, at_full_size, blocks, shift_fill
from physim.srgb import to_linear, to_srgb
from physim.stretch import stretch

_BLACK = 0.004  # keeps the logarithm of black pixels finite, linear
_MARGIN = 0.85
SAME_DEPTH = 0.12
"""Logarithm of the depths of a patch and of the hole over each other, root mean square, that makes a patch's difference
count twice: texture from nearer or farther is larger or smaller, and sharper or softer."""
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
COARSE = 4
"""Side of the blocks on which the strength of grain, which changes slowly, is averaged [pixels]."""


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
        logs = np.log(to_linear(photo[crop]).astype(np.float64) + _BLACK)
        far = None if depth is None else np.log(np.maximum(depth[crop].astype(np.float64), 1e-3))
        filled, line = _fill_scaled(logs, mine, usable[crop], place.choice, place.scale, far)
        target = plate[crop]
        target[mine] = to_srgb(np.exp(filled[mine]) - _BLACK)
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
        base = _enlarged(filled, scale, hole.shape)
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
    out[v, u] = logs[sv, su] + _enlarged(_extended(change, small_hole), scale, hole.shape)[v, u]
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
        light = _enlarged(_extended(change, mine), scale, hole.shape)[box]
        share = _blur((pieces.label[box] == k) * 1.0, 0.8 * scale) * (usable[sv, su] | (pieces.label[box] == k))
        total += share[..., None] * (logs[sv, su] + light)
        weights += share[..., None]
    out = logs.copy()
    out[box] = np.where(hole[box][..., None], total / np.maximum(weights, 1e-9), logs[box])
    return out, replace(line, pieces=pieces)


def _enlarged(small: np.ndarray, scale: int, size: tuple[int, ...]) -> np.ndarray:
    return stretch(small, *((np.arange(n) + 0.5) / scale - 0.5 for n in size[:2]))


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
            offset = search.offset(bigger, _edge(bigger, rest, rim), near=depths is not None)
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
    filled, truth = (to_srgb(np.exp(x) - _BLACK).astype(np.float64) for x in (filled, truth))

    def mean(x: np.ndarray, sigma: float) -> np.ndarray:
        return _blur(x * inside, sigma) / np.maximum(_blur(inside, sigma), 0.02)

    # root mean square (of Gaussian errors as much as their mean): a line that breaks off is few pixels, and all is seen
    error = 0.8 * np.sqrt((mean(filled - truth, 1.5)[ring] ** 2).mean())
    ours, true = ((x - mean(x, 2.0))[ring].std() for x in (filled, truth))
    return float(error + abs(ours - true))


# ---- smooth ----------------------------------------------------------------------------------------------------------


def smooth_fill(logs: np.ndarray, hole: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Membrane over the hole from a smoothed rim, with grain borrowed from a clean strip of the same surface.

    Args:
        logs: (h, w, 3) log of linear light.
        hole: (h, w) bool.
        usable: (h, w) bool: may lend colour; the rest is kept out of the rim by zero flux.
    """
    from scipy.ndimage import distance_transform_edt

    weight = _blur(usable[..., None] * 1.0, 3.0)
    rim = np.where(usable[..., None], _blur(np.where(usable[..., None], logs, 0), 3.0) / np.maximum(weight, 1e-3), logs)
    # where other things wall the hole in, the nearest usable colour stays
    _, (v, u) = distance_transform_edt(~usable, return_indices=True)
    base = fill(rim[v, u], usable, domain=usable | hole, tolerance=1e-4)
    return np.where(hole[..., None], base + borrowed_grain(logs, usable), logs)


def borrowed_grain(
    logs: np.ndarray, usable: np.ndarray, *, sigma: float = 2.5, seed: int = 0, scale: int = 1
) -> np.ndarray:
    """High-pass of clean patches of the same surface, laid out in random order, (h, w, 3).

    The photo's own grain has its size and colour and, scaled to what is near, its strength. Overlapping patches are
    weighted so that the squares of the weights sum to one, which keeps the variance where they blend. ``scale``: how
    many pixels wide the samples of its strength are.
    """
    from scipy.ndimage import binary_erosion, minimum_filter

    clean = binary_erosion(usable, iterations=3)
    side = next((n for n in (32, 24, 16, 12, 8) if _fits(clean, n)), 0)
    if side == 0:
        return np.zeros_like(logs)
    weight = np.maximum(_blur(usable[..., None] * 1.0, sigma), 1e-3)
    detail = np.where(clean[..., None], logs - _blur(np.where(usable[..., None], logs, 0), sigma) / weight, 0)
    free = minimum_filter(clean, side, origin=-(side // 2), mode="constant")  # at the patch's upper left corner
    free &= _plain(detail, clean, side, free, scale)
    free &= _one_colour(np.where(clean[..., None], logs - detail, 0), clean, side, free)
    limit = 4 * np.median(np.abs(detail[clean])) + 1e-6  # a scratch or a letter would be seen again and again
    detail = np.clip(detail, -limit, limit)
    strength = _local_strength(detail, clean, scale)
    detail /= strength
    corners = np.argwhere(free)
    rng = np.random.default_rng(seed)
    window = np.sin((np.arange(side) + 0.5) / side * np.pi)
    window = (window[:, None] * window)[..., None]
    half = side // 2
    height, width = logs.shape[:2]
    total = np.zeros((height + 2 * side, width + 2 * side, 3))
    squares = np.zeros((height + 2 * side, width + 2 * side, 1))
    for v in range(0, height + side, half):
        for u in range(0, width + side, half):
            a, b = corners[rng.integers(len(corners))]
            total[v : v + side, u : u + side] += window * detail[a : a + side, b : b + side]
            squares[v : v + side, u : u + side] += window**2
    laid = total / np.sqrt(np.maximum(squares, 1e-12))
    return strength * laid[half : half + height, half : half + width]


def _plain(detail: np.ndarray, clean: np.ndarray, side: int, free: np.ndarray, scale: int) -> np.ndarray:
    """Patches (by their upper left corner) of nothing but grain: a line or a letter would be seen again and again.

    The strongest detail of plain grain is a few deviations of it. The third of the patches in which it stands out least
    is plain, if anything is; the others may go half as far again.
    """
    from scipy.ndimage import maximum_filter

    size = np.abs(detail).max(-1) * clean
    spread = _local_strength(detail, clean, scale)[..., 0]
    loudest = maximum_filter(size / spread, side, origin=-(side // 2), mode="constant")
    return loudest <= 1.5 * np.quantile(loudest[free], 1 / 3) if free.any() else free


def _one_colour(low: np.ndarray, clean: np.ndarray, side: int, free: np.ndarray) -> np.ndarray:
    """Patches (by their upper left corner) of one paint: a marking on the ground is no grain of it, shade may be.

    Args:
        low: (h, w, 3) low-pass of the log of linear light, read where ``clean``.
        clean: (h, w) bool.
        side: Of a patch [pixels].
        free: (h, w) bool: corners to choose from.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    linear = np.exp(low) + _BLACK  # the hue of black is noise
    hue = linear / linear.sum(-1, keepdims=True)
    origin = -(side // 2)
    spread = np.zeros(free.shape)
    for k in range(3):
        high = maximum_filter(np.where(clean, hue[..., k], -1.0), side, origin=origin, mode="constant", cval=-1.0)
        least = minimum_filter(np.where(clean, hue[..., k], 2.0), side, origin=origin, mode="constant", cval=2.0)
        spread = np.maximum(spread, high - least)
    return spread <= 1.5 * np.quantile(spread[free], 1 / 3) if free.any() else free


def _fits(clean: np.ndarray, side: int) -> bool:
    """Whether enough different clean squares of this side exist."""
    from scipy.ndimage import minimum_filter

    return bool(minimum_filter(clean, side, mode="constant").sum() >= 40)


def _local_strength(detail: np.ndarray, clean: np.ndarray, scale: int) -> np.ndarray:
    """Standard deviation of the grain around each pixel (h, w, 1): in dark places it is stronger, in the logarithm."""
    side = COARSE * scale
    square, share = (blocks(x, side).mean((1, 3)) for x in ((detail**2).mean(-1) * clean, clean * 1.0))
    near, wide = 12.0 / COARSE, 48.0 / COARSE  # the wide one reaches into large holes
    power = _blur(square, near) + 0.05 * _blur(square, wide)
    share = _blur(share, near) + 0.05 * _blur(share, wide)
    return _enlarged(np.sqrt(power / np.maximum(share, 1e-9) + 1e-12), side, clean.shape)[..., None]


# ---- texture ---------------------------------------------------------------------------------------------------------


def clone_fill(
    logs: np.ndarray,
    hole: np.ndarray,
    usable: np.ndarray,
    *,
    rim: int,
    source: tuple[float, float] | None = None,
    far: np.ndarray | None = None,
) -> tuple[np.ndarray, tuple[int, int]] | None:
    """One translated copy of a whole patch, with the light corrected at the rim.

    The patch whose rim agrees best in detail (the local mean counts for three tenths) is copied, then multiplied by the
    membrane of the smoothed log ratio on the rim.

    Args:
        logs: (h, w, 3) log of linear light.
        hole: (h, w) bool.
        usable: (h, w) bool.
        rim: Width of the compared rim [pixels].
        source: Offset (du, dv) of the patch, where the user chose it [pixels].
        far: (h, w) log of the depth; patches from much nearer or farther must agree so much better.

    Returns:
        The filled picture and the offset (du, dv), or ``None`` if no patch lies wholly on usable pixels.
    """
    edge = _edge(hole, usable, rim)
    if not edge.any():
        return None
    if source is None:
        offset = Search.of(logs, usable, far).offset(hole, edge, near=far is not None)
        if offset is None:
            return None
    else:
        offset = (round(source[1]), round(source[0]))
    v, u = np.nonzero(hole | edge)
    sv, su = v + offset[0], u + offset[1]
    if sv.min() < 0 or su.min() < 0 or sv.max() >= hole.shape[0] or su.max() >= hole.shape[1]:
        return None
    copied = np.zeros_like(logs)
    copied[v, u] = logs[sv, su]
    box = extent(edge, 34)  # farther than anything is blurred
    inside = edge[box][..., None]
    weight = np.maximum(_blur(inside * 1.0, 8.0), 1e-4)
    ratio = np.zeros_like(logs)
    ratio[box] = np.clip(_blur((logs[box] - copied[box]) * inside, 8.0) / weight, -1.6, 1.6) * inside
    change = fill(ratio, edge, domain=edge | hole, tolerance=1e-4)
    return np.where(hole[..., None], copied + change, logs), (int(offset[1]), int(offset[0]))


def _edge(hole: np.ndarray, usable: np.ndarray, rim: int) -> np.ndarray:
    """What is usable within ``rim`` pixels of a hole (h, w) bool."""
    from scipy.ndimage import binary_dilation

    box, edge = extent(hole, rim), np.zeros_like(hole)
    edge[box] = binary_dilation(hole[box], iterations=rim) & usable[box]
    return edge


@dataclass(frozen=True)
class Search:
    """Looks for patches of a picture that continue the rim of a hole in it, by FFT."""

    usable: np.ndarray
    """(h, w) bool"""
    feature: np.ndarray
    """(h, w) what is compared: grey without most of its local mean."""
    far: np.ndarray | None
    """(h, w) log of the depth."""
    size: tuple[int, int]
    """Of the spectra."""
    spectra: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Of what is not usable, of the feature and of its square."""

    @classmethod
    def of(cls, logs: np.ndarray, usable: np.ndarray, far: np.ndarray | None = None) -> Search:
        from scipy import fft

        grey = logs.mean(-1)
        known = np.maximum(_blur(usable * 1.0, 18.0), 1e-3)
        feature = np.where(usable, grey - 0.7 * _blur(np.where(usable, grey, 0), 18.0) / known, 0.0)
        # correlations wrap around, but never where the template lies wholly inside
        size = tuple(fft.next_fast_len(n, real=True) for n in usable.shape)
        blocked, plain, square = (fft.rfft2(x, size) for x in (~usable * 1.0, feature, feature**2))
        return cls(usable, feature, far, (size[0], size[1]), (blocked, plain, square))

    def offset(self, hole: np.ndarray, edge: np.ndarray, *, near: bool) -> tuple[int, int] | None:
        """(dv, du) of the usable patch with the least squared difference on the rim, ``near`` at a like depth."""
        from scipy import fft

        needed = hole | edge
        if not edge.any():
            return None
        rows, cols = np.flatnonzero(needed.any(1)), np.flatnonzero(needed.any(0))
        box = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        places = np.s_[: hole.shape[0] - len(needed[box]) + 1, : hole.shape[1] - needed[box].shape[1] + 1]

        def spectrum(template: np.ndarray) -> np.ndarray:
            return np.conj(fft.rfft2(template, self.size))

        mask = edge[box] * 1.0
        template, whole = self.feature[box] * mask, spectrum(needed[box] * 1.0)
        blocked, plain, square = self.spectra
        squared = fft.irfft2(square * spectrum(mask) - 2 * plain * spectrum(template), self.size)[places]
        squared = squared + (template**2).sum()
        squared[fft.irfft2(blocked * whole, self.size)[places] > 0.5] = np.inf
        if near and self.far is not None:
            inside = needed[box] * 1.0
            base = float(self.far[needed].mean())
            away, here = self.far - base, (self.far[box] - base) * inside
            depths = fft.rfft2(away**2, self.size) * whole - 2 * fft.rfft2(away, self.size) * spectrum(here)
            ratio = fft.irfft2(depths, self.size)[places] + (here**2).sum()
            squared = np.maximum(squared, 0) * (1 + ratio / (inside.sum() * SAME_DEPTH**2))
        if not np.isfinite(squared).any():
            return None
        v, u = np.unravel_index(int(np.argmin(squared)), squared.shape)
        return int(v - rows[0]), int(u - cols[0])


def _blur(values: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, (sigma, sigma, 0) if values.ndim == 3 else sigma)
