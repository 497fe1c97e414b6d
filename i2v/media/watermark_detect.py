"""Finding the watermark again: in a picture or a clip that was re-encoded, scaled, cropped, mirrored, made brighter.

The frame's brightness is brought to 360 lines, smooth parts are taken away and what is left is divided by its local
strength. For each of many scales the frame is folded to one tile, which two small matrices do at once, and correlated
with the pattern that says where the tile lies. At the best place the signs of the other patterns are the bits. Frames
vote each with its own place, since an encoder's motion compensation drags the mark along with what moves, and once more
with the place that they share, where it was put.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from i2v.media.watermark_pattern import BITS, ID_BITS, TILE, UNITS, from_bits, patterns

FOUND = 7.0
"""Least height of the best place over the others, in their standard deviations, of a mark that counts. The highest of
the 2 x 16,384 x 300 places that are looked at in a frame without a mark is 5.6 on average, were they independent."""
VOTES = 4.5
"""Height at which a frame begins to count in the vote."""
SCALES = tuple(float(s) for s in np.exp(np.arange(np.log(0.52), np.log(1.04), 0.004)))
"""Shorter side of what is looked at, against that of what was marked: below 1 it was cropped."""
FINER = 2
"""Places per unit at which a frame is read."""
DRAGGED = (-0.01, -0.005, -0.0025, 0.0, 0.0025, 0.005, 0.01)
"""How far the scale of one frame may be from that of the clip (logarithm): a zooming picture drags the mark along."""
DOUBTED = 8
"""Least certain bits that may be turned for the checksum: 37 tries, of which one in 1,800 fits by chance."""
PROBES = 5
"""Frames of a clip in which the scale is searched for."""

Place = tuple[int, int, int, int]
"""Number of the scale, mirrored or not, row and column [half units]."""


@dataclass(frozen=True)
class Mark:
    """What was found."""

    found: bool
    """Whether there is a mark of this key whose checksum fits."""
    id: str | None
    """Its number, 12 hexadecimal digits."""
    height: float
    """Of the best frame's correlation, standard deviations; see ``FOUND``."""
    confidence: float
    """Probability, 0 to 1, that every bit is right, judged by how far the bits' votes lie from zero."""
    bits: np.ndarray
    """(64,) of -1 and +1, right or not."""
    frames: int
    """How many frames had a say."""
    scale: float = 1.0
    mirrored: bool = False


def detect(frames: Iterable[np.ndarray], key: bytes, *, scales: tuple[float, ...] = SCALES) -> Mark:
    """Look for the mark of ``key``.

    Args:
        frames: (H, W, 3) sRGB float or uint8, all of one size; gone through once.
        key: That of :class:`i2v.media.watermark.Marker`.
        scales: Where to look, see ``SCALES``.

    Raises:
        ValueError: No frames, or too small ones.
    """
    flat = [flatten(frame) for frame in frames]
    if not flat:
        raise ValueError("there are no frames to look for a watermark in.")
    every = max(1, len(flat) // PROBES)
    scale = _best_scale(flat[every // 2 :: every][:PROBES], key, scales)
    read = _reader(flat[0].shape, tuple(scale * float(np.exp(x)) for x in DRAGGED))
    seen = [read(picture, key) for picture in flat]
    places = [view.highest() for view in seen]
    heights = [view.surface[place] for view, place in zip(seen, places, strict=True)]
    shared = _shared_place(seen)
    votes = _unit(
        sum(max(h - VOTES, 0.0) * view.bits(p, key) for h, p, view in zip(heights, places, seen, strict=True))
    ) + _unit(sum(max(view.surface[shared], 0.0) * view.bits(shared, key) for view in seen))
    top = float(max(heights))
    bits = np.where(votes >= 0, 1, -1).astype(np.int8)
    number, bits = _repaired(bits, np.abs(votes)) if top >= FOUND else (None, bits)
    return Mark(
        found=number is not None,
        id=None if number is None else f"{number:0{ID_BITS // 4}x}",
        height=top,
        confidence=_confidence(votes) if number is not None else 0.0,
        bits=bits,
        frames=int(sum(h > VOTES for h in heights)),
        scale=float(scale),
        mirrored=bool(shared[1]),
    )


def flatten(frame: np.ndarray) -> np.ndarray:
    """Brightness at 360 lines without its smooth part, by local strength: (h, w) float32, in units.

    Raises:
        ValueError: Too small, or no picture.
    """
    frame = np.asarray(frame)
    if frame.ndim != 3 or frame.shape[2] != 3 or min(frame.shape[:2]) < 64:
        raise ValueError(
            f"a frame has shape {frame.shape}, expected (height, width, 3) with at least 64 pixels a side."
        )
    pitch = min(frame.shape[:2]) / UNITS
    size = tuple(round(n / pitch) for n in frame.shape[:2])
    return np.asarray(_flattener(frame.shape[:2], size)(frame))


@functools.lru_cache(maxsize=8)
def _flattener(shape: tuple[int, int], size: tuple[int, int]) -> Callable[[Any], Any]:
    import jax
    import jax.numpy as jnp

    rows, cols = (jnp.asarray(_resampling(n, m)) for n, m in zip(shape, size, strict=True))
    smooth = [jnp.asarray(_box(n, 9)) for n in size]
    local = [jnp.asarray(_box(n, 17)) for n in size]

    @jax.jit
    def run(frame: Any) -> Any:
        scale = 1 / 255 if frame.dtype == jnp.uint8 else 1.0
        weights = jnp.array([0.2126, 0.7152, 0.0722], dtype=jnp.float32) * scale
        luma = rows @ (frame.astype(jnp.float32) @ weights) @ cols.T
        detail = luma - smooth[0] @ luma @ smooth[1].T
        strength = jnp.sqrt(local[0] @ detail**2 @ local[1].T)
        flat = detail / (strength + 0.004)
        return flat / (jnp.std(flat) + 1e-9)

    return run


def _best_scale(flat: list[np.ndarray], key: bytes, scales: tuple[float, ...]) -> float:
    """As marked, if that is found; else the highest of all, then its neighbours more finely."""
    if max(_reader(p.shape, (1.0,))(p, key).surface.max() for p in flat) >= FOUND + 1:
        return 1.0
    search = _searcher(flat[0].shape, scales)
    heights = np.max([search(picture, key) for picture in flat], axis=0)
    best = scales[int(np.argmax(heights))]
    near = tuple(best * float(np.exp(x)) for x in np.arange(-5, 6) * 0.0006)
    fine = _searcher(flat[0].shape, near)
    return near[int(np.argmax(np.sum([fine(picture, key) for picture in flat], axis=0)))]


@functools.lru_cache(maxsize=16)
def _searcher(shape: tuple[int, int], scales: tuple[float, ...]) -> Callable[[np.ndarray, bytes], np.ndarray]:
    """Height of the best place for each scale, at whole units."""
    correlate = _correlator(shape, scales, 1)

    def search(picture: np.ndarray, key: bytes) -> np.ndarray:
        surface, _ = correlate(picture, patterns(key)[0])
        return np.asarray(surface).max(axis=(1, 2, 3))

    return search


@dataclass(frozen=True)
class _View:
    """What one frame shows at some scales."""

    surface: np.ndarray
    """(S, 2, 128, 128): correlation at each scale, mirrored or not, and place [standard deviations]."""
    folded: np.ndarray
    """(S, 64, 64)"""

    def highest(self) -> Place:
        """Where the mark most likely lies."""
        return _place(self.surface)

    def bits(self, place: Place, key: bytes) -> np.ndarray:
        """(64,): correlation with each pattern, if the tile lies there."""
        which, flip, row, col = place
        tile = self.folded[which]
        numbers = np.fft.fftfreq(TILE)
        turn = np.exp(2j * np.pi * (numbers[:, None] * row + numbers[None, :] * col) / FINER)
        moved = np.fft.ifft2(np.fft.fft2(tile) * turn).real
        basis = patterns(key)[1:]
        return ((basis[:, :, ::-1] if flip else basis) * moved).sum(axis=(1, 2)) / (np.std(tile) + 1e-12)


@functools.lru_cache(maxsize=32)
def _reader(shape: tuple[int, int], scales: tuple[float, ...]) -> Callable[[np.ndarray, bytes], _View]:
    correlate = _correlator(shape, scales, FINER)

    def read(picture: np.ndarray, key: bytes) -> _View:
        surface, folded = correlate(picture, patterns(key)[0])
        return _View(np.asarray(surface), np.asarray(folded))

    return read


def _shared_place(seen: list[_View]) -> Place:
    """Where the frames together show it: the mark itself does not move, only its dragged copies do."""
    together = np.zeros_like(seen[0].surface)
    for view in seen:
        together += np.maximum(view.surface, 0.0) ** 2
    return _place(together)


def _place(surface: np.ndarray) -> Place:
    which, flip, row, col = np.unravel_index(int(np.argmax(surface)), surface.shape)
    return int(which), int(flip), int(row), int(col)


def _unit(votes: Any) -> np.ndarray:
    votes = np.asarray(votes, dtype=np.float64) + np.zeros(BITS)
    return votes / (np.linalg.norm(votes) + 1e-12)


def _repaired(bits: np.ndarray, certainty: np.ndarray) -> tuple[int | None, np.ndarray]:
    """The id, with up to two of the ``DOUBTED`` least certain bits turned if that makes the checksum fit."""
    doubted = np.argsort(certainty)[:DOUBTED].tolist()
    for turned in ((), *((i,) for i in doubted), *itertools.combinations(doubted, 2)):
        tried = bits.copy()
        tried[list(turned)] *= -1
        number = from_bits(tried)
        if number is not None:
            return number, tried
    return None, bits


@functools.lru_cache(maxsize=16)
def _correlator(shape: tuple[int, int], scales: tuple[float, ...], finer: int) -> Callable[[Any, Any], Any]:
    """For each scale: correlation with the pattern (S, mirrored or not, 64 finer, 64 finer), in its standard
    deviations, and the folded tile (S, 64, 64).
    """
    import jax
    import jax.numpy as jnp

    rows, cols = (jnp.asarray(np.stack([_folding(n, s) for s in scales])) for n in shape)

    @jax.jit
    def run(picture: Any, pattern: Any) -> Any:
        folded = jnp.einsum("sic,sjc->sij", jnp.einsum("sir,rc->sic", rows, picture), cols)
        spectrum = jnp.fft.rfft2(folded)
        spectrum = spectrum / jnp.sqrt(
            jnp.abs(spectrum) + 1e-6
        )  # flattened half way: what is loud is most likely noise
        sought = jnp.fft.rfft2(jnp.stack([pattern, pattern[:, ::-1]]))
        product = spectrum[:, None] * jnp.conj(
            sought
        )  # S, 2, 64, 33: a mirrored picture, or the mirrored pattern in it
        surface = _finer(product, finer)
        folded = jnp.fft.irfft2(spectrum, s=(TILE, TILE))
        return surface / (jnp.std(surface, axis=(2, 3), keepdims=True) + 1e-12), folded

    return run


def _finer(product: Any, finer: int) -> Any:
    """Real field of a half spectrum (..., 64, 33), at ``finer`` places per unit."""
    import jax.numpy as jnp

    half = TILE // 2
    size = finer * TILE
    if finer > 1:
        blank = jnp.zeros((*product.shape[:-2], size - TILE, half + 1), dtype=product.dtype)
        product = jnp.concatenate([product[..., :half, :], blank, product[..., half:, :]], axis=-2)
        product = jnp.pad(product, [(0, 0)] * (product.ndim - 1) + [(0, size // 2 - half)])
    return jnp.fft.irfft2(product, s=(size, size))


def _folding(count: int, scale: float) -> np.ndarray:
    """(64, count): adds up what lies on the same place of the tile, a pixel shared by the two places beside it.

    ``scale`` shorter side of what is seen over that of what was marked: a unit seen is ``scale`` units marked.
    """
    place = (np.arange(count) + 0.5) * scale - 0.5
    low = np.floor(place).astype(int)
    share = place - low
    matrix = np.zeros((TILE, count), dtype=np.float32)
    matrix[low % TILE, np.arange(count)] += 1 - share
    matrix[(low + 1) % TILE, np.arange(count)] += share
    return matrix


def _resampling(count: int, wanted: int) -> np.ndarray:
    """(wanted, count): a cubic (Mitchell, Netravali 1988, B = 0, C = 1/2) widened where pixels are left out."""
    ratio = count / wanted
    centre = (np.arange(wanted) + 0.5) * ratio - 0.5
    x = np.abs(np.arange(count)[None, :] - centre[:, None]) / max(ratio, 1.0)
    weight = np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def _box(count: int, width: int) -> np.ndarray:
    """(count, count): mean over ``width`` neighbours, fewer at the border."""
    matrix = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :]) <= width // 2
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)


def _confidence(votes: np.ndarray) -> float:
    """Probability that every bit is right, if the votes are two normal distributions at plus and minus one strength."""
    from math import erfc, sqrt

    strength = np.abs(votes)
    mean, spread = float(strength.mean()), float(strength.std()) + 1e-12
    return float((1 - 0.5 * erfc(mean / spread / sqrt(2))) ** BITS)
