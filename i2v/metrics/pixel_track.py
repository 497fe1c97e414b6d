"""Where a thing is in each frame of a finished video, from nothing but its mask in the first one.

A pixel is a mixture of the thing and of what is behind it, ``I = a F + (1 - a) B``. With the background ``B``, the
median of the frames in which the thing is elsewhere, and the colours ``F`` of the first frame, its share is

    a = (I - B) . (F - B) / |F - B|^2

for the ``F`` that leaves the least unexplained; where much is left, it is another thing. The centroid of ``a`` is good
to a few hundredths of a pixel, and that of a motion-blurred thing is its place in the middle of the exposure. Every
frame's brightness is first brought to that of the first one: a flicker of 8 % would else be taken for motion
everywhere. A thing that is not found is missing, and its place is NaN: no guess is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from i2v.metrics.pixel_brightness import brightness, levelled_frame, normalised, unit_frame

__all__ = ["Track", "brightness", "normalised", "track_object"]

SHARES = (0.5, 0.3)
"""Share of the thing from which a pixel belongs to it; the second one for what is blurred all over."""
OTHER = 0.15
"""A colour this far off all mixtures is another thing's [part of its contrast to what is behind]."""
BRIGHTER = 1.4
"""The thing may stand out against the background by this much more than in the first frame [-]."""
DARKEST = 0.6
"""A shadow leaves at least this much of the background's brightness [part, sRGB units]."""
OWN = 0.7
"""Part of the first mask that must not look like a shadow for shadows to be told apart from the thing."""
NOISE = 4.0
"""Differences below this many standard deviations of the still pixels are none."""
LEAST = 0.03
"""Smallest difference that counts, whatever the noise [sRGB units]."""
SHRUNK = 0.15
"""A thing this much smaller than in the first frame is not found [part of its area]."""
REACH = 2.0
"""How far from where it is expected a thing may be [its own diameters, times the frames since it was seen]."""
LOST = 4
"""After this many frames without it, it is looked for everywhere."""
THROWN = 0.1
"""How far it may be while its speed is not known [part of the picture's diagonal]."""
COLOURS = 6
"""Of the thing's palette."""
BAND = 64
"""Rows of it that are made at once."""
SAMPLES = 25
"""Frames of which the background is the median."""


@dataclass(frozen=True)
class Track:
    """A thing in T frames of H x W pixels. Pixels are (u, v) with centres at +0.5."""

    fps: float
    position: np.ndarray
    """(T, 2) centroid u, v [pixels]; NaN where it is missing."""
    present: np.ndarray
    """(T,) bool: it was found."""
    cut: np.ndarray
    """(T,) bool: the picture's border cuts it, the centroid is that of the rest."""
    area: np.ndarray
    """(T,) sum of its shares [pixels]; 0 where it is missing."""
    axes: np.ndarray
    """(T, 2) semi-axes of the ellipse of the same second moments, the longer first [pixels]; NaN where missing."""
    angle: np.ndarray
    """(T,) of the longer axis, from +u towards +v [rad]; NaN where missing."""
    masks: np.ndarray | None = None
    """(T, H, W) bool, if asked for."""

    @property
    def times(self) -> np.ndarray:
        """(T,) [s]."""
        return np.arange(len(self.position)) / self.fps

    @property
    def whole(self) -> np.ndarray:
        """(T, 2) positions, NaN also where the border cuts the thing."""
        return np.where((self.present & ~self.cut)[:, None], self.position, np.nan)

    @property
    def missing(self) -> int:
        """Frames in which it was not found."""
        return int((~self.present).sum())


def track_object(
    video: np.ndarray,
    mask: np.ndarray,
    *,
    fps: float,
    path: np.ndarray | None = None,
    background: np.ndarray | None = None,
    keep_masks: bool = False,
    normalise: bool = True,
) -> Track:
    """Follow a thing through a video.

    Args:
        video: (T, H, W, C), float sRGB in [0, 1] or uint8; the camera stands still.
        mask: (H, W), where the thing is in the first frame.
        fps: Frames per second.
        path: (T, 2) where it is expected [pixels], for example where it was simulated; NaN: unknown. Without it, its
            own motion is continued.
        background: (H, W, C) the empty scene, if known.
        keep_masks: Keep its mask in each frame.
        normalise: Undo changes of the whole picture's brightness first.

    Raises:
        ValueError: No frames, sizes that do not match, an empty mask.
    """
    video, mask = _checked(video, mask, fps)
    path = np.full((len(video), 2), np.nan) if path is None else np.asarray(path, dtype=np.float64)
    if path.shape != (len(video), 2):
        raise ValueError(f"path has shape {path.shape}, expected ({len(video)}, 2), one place per frame.")
    levels = brightness(video, ignore=mask) if normalise else None
    palette = _palette(unit_frame(video[0]), mask)
    if background is None:
        background = _background(video, mask, levels, palette)
    empty = np.asarray(background, dtype=np.float32)
    follower = _Follower(palette, mask, empty, _noise(video, empty, mask, levels), keep_masks)
    follower.mind_shadows(unit_frame(video[0]))
    for t in range(len(video)):
        follower.step(levelled_frame(video, t, levels), path[t])
    return follower.track(fps)


def _checked(video: np.ndarray, mask: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    video = np.asarray(video)
    if video.ndim == 3:
        video = video[..., None]
    if video.ndim != 4 or 0 in video.shape:
        raise ValueError(f"video has shape {video.shape}, expected (T, H, W, C) with at least one frame.")
    mask = np.asarray(mask)
    mask = mask >= (0.5 if mask.dtype.kind == "f" else 1)
    if mask.shape != video.shape[1:3]:
        raise ValueError(f"mask has shape {mask.shape}, expected that of the frames, {video.shape[1:3]}.")
    if not mask.any():
        raise ValueError("mask is empty, expected the pixels of the thing in the first frame.")
    if not fps > 0:
        raise ValueError(f"fps is {fps}, expected more than 0.")
    return video, mask


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    from scipy.ndimage import maximum_filter

    return maximum_filter(mask.astype(np.uint8), size=2 * reach + 1) > 0


def _background(video: np.ndarray, mask: np.ndarray, levels: np.ndarray | None, palette: np.ndarray) -> np.ndarray:
    """The empty scene (H, W, C): the median over time, where something changes that of the frames least like the thing.

    So a thing that rests for most of the video, or leaves its first place late, is not taken for background.
    """
    chosen = np.unique(np.linspace(0, len(video) - 1, SAMPLES).round().astype(int))
    empty = np.empty(video.shape[1:], np.float32)
    for top in range(0, video.shape[1], BAND):  # all frames of a large picture would not fit
        rows = slice(top, top + BAND)
        stack = np.stack([levelled_frame(video[:, rows], int(t), levels) for t in chosen])
        middle = np.median(stack, axis=0)
        changed = mask[rows] | (np.ptp(stack, axis=0).max(axis=2) > 2 * LEAST)
        there = stack[:, changed]  # frames, pixels, channels
        if there.shape[1]:
            unlike = np.min([np.linalg.norm(there - colour, axis=2) for colour in palette], axis=0)
            far = unlike >= 0.6 * unlike.max(axis=0)
            middle[changed] = np.nanmedian(np.where(far[..., None], there, np.nan), axis=0)
        empty[rows] = middle
    return empty


def _noise(video: np.ndarray, empty: np.ndarray, mask: np.ndarray, levels: np.ndarray | None) -> float:
    """Standard deviation of the still pixels' distance from the background [sRGB units]."""
    chosen = np.unique(np.linspace(0, len(video) - 1, 9).round().astype(int))
    away = ~mask
    off = [np.linalg.norm(levelled_frame(video, int(t), levels) - empty, axis=2)[away][::7] for t in chosen]
    return float(1.4826 * np.median(np.concatenate(off))) if away.any() else 0.0


def _palette(first: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A few colours (K, C) that stand for all of the thing in the first frame: k-means from spread starts."""
    from scipy.ndimage import binary_erosion

    inner = binary_erosion(mask, iterations=max(1, round(0.06 * np.sqrt(mask.sum()))))
    colours = first[inner if inner.sum() >= 4 else mask]
    order = colours[np.argsort(colours.sum(axis=1), kind="stable")][:: max(1, len(colours) // 5000)]
    centres = order[np.linspace(0, len(order) - 1, min(COLOURS, len(order))).round().astype(int)].astype(np.float64)
    for _ in range(8):
        nearest = np.linalg.norm(order[:, None] - centres, axis=2).argmin(axis=1)
        for k in range(len(centres)):
            if (nearest == k).any():
                centres[k] = order[nearest == k].mean(axis=0)
    return centres.astype(np.float32)


def _mixture(
    colours: np.ndarray, behind: np.ndarray, palette: np.ndarray, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share (N,) of the palette's colours in mixtures with what is behind, and what the mixture does not explain (N,).

    A mixture lies on the line from one to the other; what lies off all of these lines is something else.
    """
    part, rest = np.zeros(len(colours), np.float32), np.full(len(colours), np.inf, np.float32)
    off = colours - behind
    limit = np.maximum(OTHER * np.linalg.norm(off, axis=1), 2 * floor)
    for colour in palette:
        way = colour - behind
        length = np.maximum((way * way).sum(axis=1), floor**2)
        along = np.clip((off * way).sum(axis=1) / length, 0.0, BRIGHTER)
        left = np.linalg.norm(off - along[:, None] * way, axis=1)
        better = left < rest
        rest[better], part[better] = left[better], np.minimum(along[better], 1.0)
        part[better & (left > limit)] = 0.0
    return part, rest


class _Follower:
    """One thing, frame after frame."""

    def __init__(
        self, palette: np.ndarray, mask: np.ndarray, empty: np.ndarray, noise: float, keep_masks: bool
    ) -> None:
        self.palette, self.mask = palette, mask
        self.empty, self.floor = empty, max(NOISE * noise, LEAST)
        self.first_area = float(mask.sum())
        self.size = float(np.sqrt(4 / np.pi * self.first_area))
        rows, cols = np.nonzero(mask)
        self.start = np.array([cols.mean() + 0.5, rows.mean() + 0.5])
        self.shadows = True
        self.found: list[tuple[int, np.ndarray]] = []
        self.rows: list[tuple] = []
        self.masks: list[np.ndarray] | None = [] if keep_masks else None

    def mind_shadows(self, first: np.ndarray) -> None:
        """Tell shadows from the thing, unless that takes the thing itself for a shadow in the first frame."""
        self.shadows = True
        self.shadows = float((self._share(first, self.empty)[1][self.mask] > SHARES[0]).mean()) >= OWN

    def step(self, frame: np.ndarray, hint: np.ndarray) -> None:
        """Look for the thing in the next frame."""
        from scipy.ndimage import binary_fill_holes

        t = len(self.rows)
        expected = hint if np.isfinite(hint).all() else self._expected(t)
        reach = self._reach(t, frame.shape[:2])
        window = self._window(expected, reach, frame.shape[:2])
        share, sure = self._share(frame[window], self.empty[window])
        corner = np.array([window[1].start, window[0].start])
        part = None
        for least in SHARES:
            part = part if part is not None else self._piece(share, sure, least, expected - corner, reach, corner)
        mask = np.zeros(frame.shape[:2], bool)
        if part is None:
            self.rows.append((np.full(2, np.nan), False, False, 0.0, np.full(2, np.nan), np.nan))
        else:
            mask[window] = filled = binary_fill_holes(part)  # a highlight is no mixture, but it is surrounded
            weight = np.where(filled & ~part, 1.0, np.where(_grown(part, 2), share, 0.0))
            place, *shape = _moments(weight)
            self.rows.append((place + corner, True, _at_border(mask), *shape))
            self.found.append((t, place + corner))
        if self.masks is not None:
            self.masks.append(mask)

    def _window(self, expected: np.ndarray, reach: float, size: tuple[int, ...]) -> tuple[slice, slice]:
        """Rows and columns in which to look."""
        places = np.stack([expected, self.found[-1][1] if self.found else expected])
        low, high = places.min(axis=0) - reach - self.size, places.max(axis=0) + reach + self.size
        (u0, v0), (u1, v1) = (np.clip(np.nan_to_num(x), 0, (size[1], size[0])).astype(int) for x in (low, high))
        if u1 - u0 < 2 or v1 - v0 < 2:  # it has left the picture
            return slice(0, size[0]), slice(0, size[1])
        return slice(int(v0), int(v1)), slice(int(u0), int(u1))

    def _share(self, frame: np.ndarray, empty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the thing in each pixel (h, w) float32, and the same with shadows counted as background."""
        off = np.linalg.norm(frame - empty, axis=2)
        share, sure = np.zeros((2, *off.shape), np.float32)
        rows, cols = np.nonzero(off > self.floor)
        if len(rows):
            colours, behind = frame[rows, cols], empty[rows, cols]
            part, rest = _mixture(colours, behind, self.palette, self.floor)
            share[rows, cols] = part
            lit = np.clip((colours * behind).sum(1) / np.maximum((behind * behind).sum(1), 1e-6), DARKEST, 1.0)
            unlike = np.linalg.norm(colours - lit[:, None] * behind, axis=1)
            sure[rows, cols] = np.where((unlike > self.floor) & (unlike > rest), part, 0.0)
        return (share, sure) if self.shadows else (share, share)

    def _expected(self, t: int) -> np.ndarray:
        """Its motion continued: as it moved in the last frames, with half of its last change of speed."""
        if not self.found:
            return self.start
        last, place = self.found[-1]
        if len(self.found) == 1:
            return place
        before, other = self.found[-2]
        speed = (place - other) / (last - before)
        if len(self.found) > 2:
            earlier, third = self.found[-3]
            speed = speed + 0.5 * (speed - (other - third) / (before - earlier))
        return place + speed * (t - last)

    def _piece(
        self, share: np.ndarray, sure: np.ndarray, least: float, expected: np.ndarray, reach: float, corner: np.ndarray
    ) -> np.ndarray | None:
        """Its mask: the best piece near to where it is expected, with those that are as near as its own size."""
        from scipy.ndimage import find_objects, label

        labels, _ = label(sure > least, np.ones((3, 3)))
        pieces = []
        for k, window in enumerate(find_objects(labels), start=1):
            part = labels[window] == k
            area = float(share[window][part].sum())
            if area < 0.02 * self.first_area:
                continue
            v, u = np.nonzero(part)
            place = np.array([u.mean() + window[1].start + 0.5, v.mean() + window[0].start + 0.5])
            away = float(np.linalg.norm(place - expected))
            if self.found:  # what bounces is near to where it was, not to where it was going
                away = min(away, float(np.linalg.norm(place + corner - self.found[-1][1])) + 0.5 * self.size)
            if away <= reach:
                pieces.append((away / self.size + abs(np.log(area / self.first_area)), k, place))
        if not pieces:
            return None
        _, _, best = min(pieces, key=lambda piece: piece[0])
        part = np.isin(labels, [k for _, k, place in pieces if np.linalg.norm(place - best) < 0.6 * self.size])
        return part if share[part].sum() >= SHRUNK * self.first_area else None

    def _reach(self, t: int, size: tuple[int, ...]) -> float:
        """How far from its expected place it may be [pixels]: farther after each frame in which it was not seen."""
        last = self.found[-1][0] if self.found else -1
        gap = t - last
        reach = REACH * self.size
        if len(self.found) == 1:
            reach = max(reach, THROWN * math.hypot(*size))
        elif len(self.found) > 1:
            (before, other), (_, place) = self.found[-2:]
            reach = max(reach, 1.5 * float(np.linalg.norm(place - other)) / (last - before))
        return reach * gap if gap <= LOST else np.inf

    def track(self, fps: float) -> Track:
        position, present, cut, area, axes, angle = (np.array(x) for x in zip(*self.rows, strict=True))
        masks = None if self.masks is None else np.stack(self.masks)
        return Track(fps, position, present, cut, area, axes, angle, masks)


def _at_border(mask: np.ndarray) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _moments(weight: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, float]:
    """Centroid, area, semi-axes and angle of shares (h, w)."""
    v, u = np.nonzero(weight)
    w = weight[v, u].astype(np.float64)
    area = w.sum()
    points = np.stack([u, v], axis=1) + 0.5
    place = (w[:, None] * points).sum(axis=0) / area
    off = points - place
    values, vectors = np.linalg.eigh((w[:, None] * off).T @ off / area)
    axes = 2 * np.sqrt(np.maximum(values[::-1], 0.0))
    return place, float(area), axes, float(np.arctan2(vectors[1, 1], vectors[0, 1]))
