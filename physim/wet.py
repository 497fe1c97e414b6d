"""What a liquid has touched stays wet, and looks darker: light that it scatters back is thrown onto it once more.

Of light scattered evenly beneath a surface of refractive index n the part

    p = 1 - (1 - R(n)) / n^2

is reflected inwards, R(n) what the surface reflects of even light from outside (Walsh 1926, in closed form in Duntley,
"The optical properties of diffusing materials", J. Opt. Soc. Am. 32 (1942) 61). Of an albedo A remains

    A_wet = (1 - R_0) (1 - p) A / (1 - p A),

R_0 reflected on the way in (Lekner, Dorf, "Why some things are darker when wet", Applied Optics 27 (1988) 1278). White
stays nearly white, grey becomes half as bright. Nothing dries within a shot.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from physim.camera import Camera
from physim.depth import FAR
from physim.scene import Scene
from physim.terrain import grid_distance
from physim.trajectory import LiquidTrack

CLOSE = 1.0
"""Liquid nearer to a solid than this wets it [cells]."""
SOFT = 0.8
"""Standard deviation of the edge of what is wet [cells]."""
NODES = 4_000_000
"""Of the grid that knows what is wet, at most."""
NEVER = np.iinfo(np.int16).max


def outer_reflectance(index: float) -> float:
    """Part of even light from outside that a smooth surface of refractive index ``index`` reflects, R(n)."""
    n = float(index)
    if n <= 1.0 + 1e-9:
        return 0.0
    square, log = n * n, np.log((n - 1) / (n + 1))
    total = 0.5 + (n - 1) * (3 * n + 1) / (6 * (n + 1) ** 2)
    total += square * (square - 1) ** 2 / (square + 1) ** 3 * log
    total -= 2 * n**3 * (square + 2 * n - 1) / ((square + 1) * (n**4 - 1))
    total += 8 * n**4 * (n**4 + 1) / ((square + 1) * (n**4 - 1) ** 2) * np.log(n)
    return float(total)


def wet_albedo(albedo: np.ndarray, index: float) -> np.ndarray:
    """Albedo [-] of a matt surface under a clear liquid of that refractive index."""
    back = 1 - (1 - outer_reflectance(index)) / index**2
    head_on = ((index - 1) / (index + 1)) ** 2
    return (1 - head_on) * (1 - back) * albedo / (1 - back * albedo)


class WetMap:
    """Which of the still surfaces of a scene one liquid has touched so far.

    Args:
        scene: With what does not move.
        track: Of the liquid.
        fps: Of the track.
        index: Refractive index of the liquid [-].
    """

    def __init__(self, scene: Scene, track: LiquidTrack, fps: float, index: float) -> None:
        self._fps, self._index = float(fps), float(index)
        self._first: np.ndarray | None = None
        known = [(f.min(axis=0), f.max(axis=0)) for f in map(_there, track.position) if len(f)]
        if not known or index <= 1.0 or not any(scene.statics):
            return
        h = float(track.cell)
        low = np.min([k[0] for k in known], axis=0) - 2 * h
        counts = np.ceil((np.max([k[1] for k in known], axis=0) + 2 * h - low) / h).astype(int) + 1
        while counts.prod() > NODES:
            h, counts = 2 * h, counts // 2 + 1
        self._low, self._h = low, h
        axes = [low[a] + h * np.arange(counts[a]) for a in range(3)]
        distance = grid_distance(scene, axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :])
        self._first = _first_touch(track.position, distance < CLOSE * h, low, h)

    def at(self, time: float, camera: Camera, depth: np.ndarray) -> np.ndarray | None:
        """How wet the surface is that a camera sees at ``time`` [s], (H, W) float32 from 0 to 1; None if all is dry.

        Args:
            time: [s]
            camera: At the size of ``depth``.
            depth: z of what is solid (H, W) [m].
        """
        if self._first is None:
            return None
        wet = self._first <= np.floor(time * self._fps + 1e-6)
        if not wet.any():
            return None
        window = self._window(np.argwhere(wet), camera, depth.shape)
        if window is None:
            return None
        out = np.zeros(depth.shape, np.float32)
        z = depth[window]
        v, u = np.mgrid[window[0], window[1]]
        points = camera.unproject(np.stack([u + 0.5, v + 0.5], axis=-1).reshape(-1, 2), z.ravel())
        soft = gaussian_filter(wet.astype(np.float32), SOFT)
        part = map_coordinates(soft, ((points - self._low) / self._h).T, order=1, mode="constant").reshape(z.shape)
        s = np.clip((part - 0.08) / 0.25, 0, 1)
        out[window] = np.where(z < FAR / 2, s * s * (3 - 2 * s), 0)
        return out

    def darken(self, linear: np.ndarray, wet: np.ndarray, white: np.ndarray) -> np.ndarray:
        """Colours (..., 3) of surfaces as wet as ``wet`` (...) says, where a white one would show ``white``."""
        albedo = np.clip(linear / np.maximum(white, 1e-3), 1e-4, 0.98)
        return linear * (1 + wet[..., None] * (wet_albedo(albedo, self._index) / albedo - 1)).astype(np.float32)

    def _window(self, cells: np.ndarray, camera: Camera, size) -> tuple[slice, slice] | None:
        low, high = cells.min(axis=0) - 2, cells.max(axis=0) + 2
        corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
        points = self._low + self._h * np.where(corners, high, low)
        pixels, z = camera.project(points)
        if z.max() <= 1e-3:
            return None
        if z.min() <= 1e-3:
            return slice(0, size[0]), slice(0, size[1])
        u0, v0 = np.clip(np.floor(pixels.min(axis=0)), 0, size[::-1]).astype(int)
        u1, v1 = np.clip(np.ceil(pixels.max(axis=0)), 0, size[::-1]).astype(int)
        return (slice(v0, v1), slice(u0, u1)) if u1 > u0 and v1 > v0 else None


def _there(places: np.ndarray) -> np.ndarray:
    """Those particles (N, 3) that are there."""
    return places[np.isfinite(places[:, 0])]


def _first_touch(frames: np.ndarray, near: np.ndarray, low: np.ndarray, h: float) -> np.ndarray:
    """Number of the frame (nodes) int16 at which particles first came next to each node that is ``near`` a solid."""
    first = np.full(near.shape, NEVER, np.int16)
    flat, stride = first.reshape(-1), np.array([near.shape[1] * near.shape[2], near.shape[2], 1])
    close = near.reshape(-1)
    for number, places in enumerate(frames):
        nodes = np.unique(np.rint((_there(places) - low) / h).astype(np.int64) @ stride)
        nodes = nodes[close[nodes]]
        flat[nodes] = np.minimum(flat[nodes], np.int16(min(number, NEVER - 1)))
    return first
