"""Fill a hole of a textured surface: one translated copy of the photo that continues its rim, its light matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.grow import extent
from physim.membrane import fill
from physim.smooth_fill import blurred

SAME_DEPTH = 0.12
"""Logarithm of the depths of a patch and of the hole over each other, root mean square, that makes a patch's difference
count twice: texture from nearer or farther is larger or smaller, and sharper or softer."""


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
    edge = rim_of(hole, usable, rim)
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
    weight = np.maximum(blurred(inside * 1.0, 8.0), 1e-4)
    ratio = np.zeros_like(logs)
    ratio[box] = np.clip(blurred((logs[box] - copied[box]) * inside, 8.0) / weight, -1.6, 1.6) * inside
    change = fill(ratio, edge, domain=edge | hole, tolerance=1e-4)
    return np.where(hole[..., None], copied + change, logs), (int(offset[1]), int(offset[0]))


def rim_of(hole: np.ndarray, usable: np.ndarray, rim: int) -> np.ndarray:
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
        known = np.maximum(blurred(usable * 1.0, 18.0), 1e-3)
        feature = np.where(usable, grey - 0.7 * blurred(np.where(usable, grey, 0), 18.0) / known, 0.0)
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
