"""A composite in another light than its photo's: where light falls is drawn anew, how much of it is a factor.

Of what the photo shows only the amount and colour of the light change: shadows that are in it stay where they are.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
from scipy.ndimage import uniform_filter

from physim.daylight import Lit
from physim.depth_result import FAR
from physim.scene import Light, Scene
from physim.srgb import LUMA
from physim.stretch import stretch
from physim.trajectory import Trajectory

COLUMNS = 480
"""Of the picture on which sky is told from what stands before it."""
SLACK = 1e-3
"""Variance of brightness below which a place has no edges of its own [-]."""


def own_light(trajectory: Trajectory) -> Trajectory:
    """The same trajectory in a scene whose light may be changed without anybody else seeing it."""
    return trajectory if trajectory.scene.daylight is None else replace(trajectory, scene=copy(trajectory.scene))


class Relit:
    """Brings the light of a scene and its pictures to an instant.

    Args:
        scene: Its ``light`` is changed as time goes on, if it has a ``daylight``.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene, self._daylight = scene, scene.daylight
        self._now: tuple[float, Lit] | None = None
        if self._daylight is not None:
            self.at(0.0)

    def at(self, time: float) -> Light | None:
        """The light at ``time`` [s], if it is another than before."""
        if self._daylight is None or (self._now is not None and self._now[0] == time):
            return None
        self._now = (time, self._daylight.at(time))
        self._scene.light = self._now[1].light
        return self._scene.light

    @property
    def key(self) -> tuple[float, ...]:
        """What a picture before the factor depends on, rounded to what cannot be seen."""
        if self._now is None:
            return ()
        light = self._now[1].light
        values = [*light.direction, *light.colour, *light.ambient, light.shadow_floor]
        return tuple(float(v) for v in np.round(values, 5))

    @property
    def glowing(self) -> np.ndarray:
        """Factor (3,) on what glows by itself, which the factor on the picture then brings to its own brightness."""
        if self._now is None:
            return np.ones(3, np.float32)
        lit = self._now[1]
        return (lit.exposure / np.maximum(lit.gain, 1e-6)).astype(np.float32)

    def __call__(
        self, picture: np.ndarray, depth: np.ndarray, nearest: np.ndarray, headroom: float = 1.0
    ) -> np.ndarray:
        """The picture with the factor on it.

        Args:
            picture: (H, W, 3) sRGB.
            depth: z of the background (h, w) [m], any size: what is sky has a factor of its own.
            nearest: z with what stands before it, of the same size.
            headroom: Largest linear value.
        """
        if self._now is None:
            return picture
        lit = self._now[1]
        if np.array_equal(lit.gain, np.ones(3)) and np.array_equal(lit.sky_gain, np.ones(3)):
            return picture
        sky = sky_matte(picture, depth, nearest)
        gain = lit.gain.astype(np.float32)
        if sky is not None:
            gain = gain + sky[..., None] * (lit.sky_gain - lit.gain).astype(np.float32)
        linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** np.float32(2.4)) * gain
        np.clip(linear, 0.0, headroom, out=linear)
        curve = 1.055 * np.maximum(linear, 0.0031308) ** np.float32(1 / 2.4) - 0.055
        return np.where(linear <= 0.0031308, 12.92 * linear, curve).astype(np.float32)


def sky_matte(picture: np.ndarray, depth: np.ndarray, nearest: np.ndarray) -> np.ndarray | None:
    """How much of each pixel is sky (H, W) float32, with the edges of the picture; ``None``: there is none.

    The fast guided filter (He, Sun, arXiv 1505.00996, 2015) of what is endlessly far, less what stands before it.
    """
    far = (depth >= FAR / 2).astype(np.float32)
    if not far.any():
        return None
    size = picture.shape[:2]
    coarse = tuple(max(2, round(n * min(1.0, COLUMNS / size[1]))) for n in size)
    guide, share = (_resized(values, coarse) for values in (picture @ LUMA.astype(np.float32), far))
    width = 2 * max(2, coarse[1] // 24) + 1

    def mean(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, width, mode="nearest")

    level, part = mean(guide), mean(share)
    slope = (mean(guide * share) - level * part) / (mean(guide * guide) - level**2 + SLACK)
    slope, offset = mean(slope), mean(part - slope * level)
    matte = _resized(slope, size) * (picture @ LUMA.astype(np.float32)) + _resized(offset, size)
    hidden = (nearest < 0.98 * depth).astype(np.float32)
    return np.clip(matte, 0, 1) * (1 - np.clip(_resized(hidden, size), 0, 1))


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if values.shape == size:
        return values
    return stretch(values, *((np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip(size, values.shape, strict=True)))
