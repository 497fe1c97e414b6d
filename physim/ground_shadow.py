"""The shadow map of a picture: what bodies and cloth leave of the light on the photographed surface during an exposure.

Large pictures get a map of the photo's columns, at most about 1200, enlarged: shadows of real lights have no finer
edges, and the depth they fall on is not known any finer. What rests is remembered.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import warp as wp
from scipy.ndimage import map_coordinates

from physim.backdrop_view import BackdropFrame, lens_of
from physim.camera import Camera
from physim.cloth_light import ClothLight
from physim.exposure import Exposure
from physim.shadow import CONTACT, ShadowCaster, receiver, shadow_region
from physim.trajectory import Trajectory

COLUMNS = 1200
"""Of the shadow map, about, at most; no fewer than half as many."""
SKY_STEP = 4
"""How much of the sky cloth hides is looked for at every so many pixels of the map."""
FAINT = 0.01
"""A body that throws less than this part of its shadow (it carries its own) throws none."""


class GroundShadow:
    """Shadows on the backdrop at one picture size.

    Args:
        trajectory: What moves.
        caster: Its bodies as things that stand in the light.
        lit: Part of the direct light already there, on the plate (H, W).
        photo_size: (height, width) of the photo.
        cloth: Cloth as a thing that stands in the light, if there is any.
        device: Warp device.
    """

    def __init__(
        self, trajectory: Trajectory, caster: ShadowCaster, lit: np.ndarray, photo_size,
        *, cloth: ClothLight | None = None, device,
    ) -> None:  # fmt: skip
        self._trajectory = trajectory
        self._caster = caster
        self._cloth = cloth
        # A cloth of the photo has thrown its shadow when the photo was taken: what counts is how that changes.
        scene = trajectory.scene
        self._changes = bool(trajectory.cloths) and all(scene[n].cutout is not None for n in trajectory.cloths)
        self._lit = lit
        self._size = lit.shape
        self._photo_size = photo_size
        self._device = device
        self._step = max(1, round(lit.shape[1] / min(COLUMNS, max(photo_size[1], COLUMNS // 2))))
        rows, cols = lit.shape
        half = self._step // 2
        self._rows = np.minimum(np.arange(half, rows + half, self._step), rows - 1)
        self._cols = np.minimum(np.arange(half, cols + half, self._step), cols - 1)
        self._memo: tuple[tuple, np.ndarray, np.ndarray] | None = None
        self._start: tuple[tuple[bytes, float], np.ndarray] | None = None
        self._surface: tuple[np.ndarray, np.ndarray, wp.array] | None = None

    def __call__(self, shutter: Exposure, frame: BackdropFrame, weights: dict[str, float], unmoved: bool) -> np.ndarray:
        """Factor on the light (H, W) float32, 1 where nothing changes.

        Args:
            shutter: When bodies are seen, and which of them move.
            frame: The backdrop.
            weights: How much of its shadow each body throws, default 1.
            unmoved: Whether the backdrop is seen as in the photo.
        """
        shape = (len(self._rows), len(self._cols))
        factor = np.ones(shape[0] * shape[1], np.float32)
        resting, moving = (
            [name for name in names if weights.get(name, 1.0) > FAINT and name in self._trajectory.bodies]
            for names in (shutter.resting, shutter.moving)
        )
        if self._cloth is not None:
            dark = self._under_cloth(shutter, frame, unmoved)
            self._memo = None
        where, value = self._resting(resting, shutter.time, frame, weights, unmoved)
        factor[where] = value
        if moving:
            # Done anew where moving bodies reach, together with all that rests there.
            casters = self._caster.casters(resting, shutter.time, moving, shutter.times, weights)
            balls = casters.ball.numpy()[casters.fixed :]
            where = shadow_region(self._caster, self._camera(frame), self._depth(frame)[0], balls)
            factor[where] = self._factor(where, frame, casters, len(shutter.times), unmoved)
        if self._cloth is not None:
            factor *= dark
        return self._enlarged(factor.reshape(shape))

    def _under_cloth(self, shutter: Exposure, frame: BackdropFrame, unmoved: bool) -> np.ndarray:
        """Factor of the cloth alone, flat; keeps what it leaves of the direct light for the bodies in it."""
        assert self._cloth is not None
        count = len(self._rows) * len(self._cols)
        self._clear = np.ones(count, np.float32)
        times = shutter.times if any(name in self._trajectory.cloths for name in shutter.moving) else [shutter.time]
        times = np.asarray(times)[:: max(1, len(times) // 4)]
        dark = self._cloth_factor(times, frame, unmoved, self._clear)
        if self._changes:
            camera = frame.camera.view
            if self._start is None or self._start[0] != camera:
                self._start = (camera, self._cloth_factor(np.zeros(1), frame, unmoved, None))
            start = self._start[1]
            dark = np.clip(dark / np.maximum(start, 0.05), 0.5, 1.0)
        return dark

    def _cloth_factor(self, times: np.ndarray, frame: BackdropFrame, unmoved: bool, clear) -> np.ndarray:
        """Factor (flat) of the light that cloth leaves, mean over ``times``; ``clear`` gets the part of the sun."""
        assert self._cloth is not None
        factor = np.ones(len(self._rows) * len(self._cols), np.float32)
        where = shadow_region(self._caster, self._camera(frame), self._depth(frame)[0], self._cloth.balls(times))
        if where.size == 0:
            return factor
        lens = lens_of(frame.camera, self._photo_size) / self._step
        surface = receiver(frame.camera, self._depth(frame)[1], lens)
        if self._changes:  # the photo has the shadow's edges; its change is as soft as the sky
            sun = self._coarse(surface, where, times, sky=False)
        else:
            sun = self._cloth.on_surface(surface, where, times, sky=False)
        sky = self._coarse(surface, where, times, sky=True)
        floor, direct = self._caster.floor, self._lit_at(where, frame, unmoved) * (1 - self._caster.floor)
        left = ((1 - sun) * direct + floor * (1 - sky)) / (direct + floor)
        factor[where] = left * (1 - CONTACT * sky)
        if clear is not None:
            clear[where] = 1 - sun
        return factor

    def _coarse(self, surface, where: np.ndarray, times: np.ndarray, *, sky: bool) -> np.ndarray:
        """What cloth hides at pixels of the map, looked for at every ``SKY_STEP``-th of them."""
        assert self._cloth is not None
        shape, q = (len(self._rows), len(self._cols)), SKY_STEP
        rows, cols = (np.arange(0, n + q - 1, q).clip(max=n - 1) for n in shape)
        grid = (rows[:, None] * shape[1] + cols).ravel()
        hidden = self._cloth.on_surface(surface, grid, times, sky=sky).reshape(len(rows), len(cols))
        v, u = np.divmod(where, shape[1])
        return map_coordinates(hidden, [v / q, u / q], order=1, mode="nearest")

    def _lit_at(self, where: np.ndarray, frame: BackdropFrame, unmoved: bool) -> np.ndarray:
        """Part of the direct light that the photo has at pixels of the map."""
        v, u = np.divmod(where, len(self._cols))
        at = (self._rows[v], self._cols[u])
        if unmoved:
            return self._lit[at]
        scale = np.array(self._size[::-1]) / np.array(self._photo_size[::-1])
        place = frame.source_uv[at] * scale - 0.5
        return map_coordinates(self._lit, [place[:, 1], place[:, 0]], order=1, mode="nearest")

    def _camera(self, frame: BackdropFrame) -> Camera:
        u, v = frame.camera.principal_point
        q = self._step
        size = (len(self._rows), len(self._cols))
        return replace(frame.camera, focal=frame.camera.focal / q, principal_point=(u / q, v / q), size=size)

    def _depth(self, frame: BackdropFrame) -> tuple[np.ndarray, wp.array]:
        if self._surface is None or self._surface[0] is not frame.depth:
            depth = np.ascontiguousarray(frame.depth[np.ix_(self._rows, self._cols)], dtype=np.float32)
            self._surface = (frame.depth, depth, wp.array(depth, dtype=wp.float32, device=self._device))
        return self._surface[1:]

    def _resting(self, names: list[str], time: float, frame: BackdropFrame, weights: dict[str, float], unmoved: bool):
        """Pixels and factors of the shadows of resting bodies alone."""
        poses = [self._trajectory.bodies[name].at(time) for name in names]
        rounded = tuple((*np.round(p, 12), *np.round(q, 12)) for p, q in poses)
        hides = tuple(round(weights.get(name, 1.0), 4) for name in names)
        key = (frame.camera.view, tuple(names), rounded, hides, self._caster.key)
        if self._memo is None or self._memo[0] != key:
            casters = self._caster.casters(names, time, weights=weights)
            balls = casters.ball.numpy()
            where = shadow_region(self._caster, self._camera(frame), self._depth(frame)[0], balls)
            self._memo = (key, where, self._factor(where, frame, casters, 1, unmoved))
        return self._memo[1:]

    def _factor(self, where: np.ndarray, frame: BackdropFrame, casters, instants: int, unmoved: bool) -> np.ndarray:
        if where.size == 0:
            return np.ones(0, np.float32)
        lit = self._lit_at(where, frame, unmoved)
        if self._cloth is not None:
            lit = lit * self._clear[where]
        lens = lens_of(frame.camera, self._photo_size) / self._step
        surface = receiver(frame.camera, self._depth(frame)[1], lens)
        return self._caster.factor(surface, where, lit, casters, instants)

    def _enlarged(self, factor: np.ndarray) -> np.ndarray:
        """The map at picture size, bilinear; only where something is darkened."""
        if self._step == 1:
            return factor
        full = np.ones(self._size, np.float32)
        dark = factor < 1.0
        if not dark.any():
            return full
        v, u = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        rows = slice(max((v[0] - 1) * self._step, 0), min((v[-1] + 2) * self._step, self._size[0]))
        cols = slice(max((u[0] - 1) * self._step, 0), min((u[-1] + 2) * self._step, self._size[1]))
        i, s = self._between(np.arange(rows.start, rows.stop), factor.shape[0])
        j, t = self._between(np.arange(cols.start, cols.stop), factor.shape[1])
        tall = factor[i] * (1 - s[:, None]) + factor[i + 1] * s[:, None]
        full[rows, cols] = tall[:, j] * (1 - t) + tall[:, j + 1] * t
        return full

    def _between(self, pixels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Lower neighbour in the map and weight of the upper one."""
        at = np.clip((pixels + 0.5) / self._step - 0.5, 0, count - 1)
        low = np.minimum(at.astype(int), max(count - 2, 0))
        return low, (at - low).astype(np.float32)
