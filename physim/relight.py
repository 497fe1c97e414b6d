"""A composite in another light than its photo's: where light falls is drawn anew, how much of it is a factor.

Of what the photo shows only the amount and colour of the light change: shadows that are in it stay where they are.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np

from physim.daylight import Lit
from physim.depth_result import FAR
from physim.scene import Light, Scene
from physim.stretch import stretch
from physim.trajectory import Trajectory


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

    def __call__(self, picture: np.ndarray, depth: np.ndarray, headroom: float = 1.0) -> np.ndarray:
        """The picture with the factor on it.

        Args:
            picture: (H, W, 3) sRGB.
            depth: z of what is seen (h, w) [m], any size: what is sky has a factor of its own.
            headroom: Largest linear value.
        """
        if self._now is None:
            return picture
        lit = self._now[1]
        if np.array_equal(lit.gain, np.ones(3)) and np.array_equal(lit.sky_gain, np.ones(3)):
            return picture
        sky = (depth >= FAR / 2).astype(np.float32)
        gain = lit.gain.astype(np.float32)
        if sky.any():
            if sky.shape != picture.shape[:2]:
                sizes = zip(picture.shape[:2], sky.shape, strict=True)
                rows, cols = ((np.arange(n) + 0.5) * m / n - 0.5 for n, m in sizes)
                sky = stretch(sky, rows, cols)
            gain = gain + sky[..., None] * (lit.sky_gain - lit.gain).astype(np.float32)
        linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** np.float32(2.4)) * gain
        np.clip(linear, 0.0, headroom, out=linear)
        curve = 1.055 * np.maximum(linear, 0.0031308) ** np.float32(1 / 2.4) - 0.055
        return np.where(linear <= 0.0031308, 12.92 * linear, curve).astype(np.float32)
