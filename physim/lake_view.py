"""A lake of the photo that moves: its pixels follow the mirrored rays and the stream, lit by what is reflected.

Waves at time 0 are those of the photo, so that the first frame is the photo, and a lake without waves stays it to the
bit. At its shore line the motion ends softly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import lake_light as kernels
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from physim import blend
from physim.backdrop_view import BackdropFrame, lens_of, photo_camera
from physim.foam_view import drop_colour, foam_cover
from physim.plate import PlateSampler, resize_map
from physim.scene import Backdrop, Entity
from physim.trajectory import LakeTrack, Trajectory

SHUTTER = 0.5
"""Part of a frame over which drops are seen."""
PERIOD = 1.6
"""After this time a streaming picture fades into one that starts anew [s]."""
ONSET = 0.8
"""Time over which the wind's waves part from those of the photo [s]."""
FADE = 60.0
"""Farthest water that moves, in heights of the camera above it."""
NOISE = 0.02
"""Detail that says nothing [-], relative to the light."""
MORE = 2.0
"""A region with more than this of the detail (mean square) of what it mirrors shows something else as well."""
SHORE = 24.0
"""Way from the shore line over which waves may move the picture as they like [pixels, 800 wide]."""


@dataclass(frozen=True)
class LakePicture:
    """What the waves do to the unmoved photo, on the pixel grid of the view."""

    shift_a: np.ndarray
    """(H, W, 2) float32 [pixels of the photo]: add to a pixel's place for where its light comes from."""
    shift_b: np.ndarray
    """The same of the second phase of the stream."""
    share_b: float
    """Of the second phase in the picture [-]."""
    light: np.ndarray
    """(H, W) float32: change of the reflected share of light."""
    normal: np.ndarray
    """(H, W, 3) float32, world."""

    @property
    def shift(self) -> np.ndarray:
        """Of the stronger phase."""
        return self.shift_a if self.share_b < 0.5 else self.shift_b


class LakeView:
    """All lakes of a trajectory that are regions of its photo.

    Args:
        trajectory: With camera and backdrop.
        size: (height, width) of the view [pixels].
        device: Warp device.
    """

    def __init__(self, trajectory: Trajectory, size: tuple[int, int], device=None) -> None:
        scene = trajectory.scene
        assert scene.camera is not None and scene.backdrop is not None
        self.size, self.device = (int(size[0]), int(size[1])), wp.get_device(device)
        self.photo_size = scene.backdrop.photo.shape[:2]
        camera = photo_camera(scene.camera, self.photo_size)
        self._camera, self._light = camera, scene.light
        self._ones = []
        for name, track in trajectory.lakes.items():
            mask = _seen(scene.backdrop, scene.number_of(name))
            if mask.any():
                self._ones.append(_One(self, scene[name], track, mask, scene.backdrop.photo))
        self.any = bool(self._ones)
        self._memo: dict[float, LakePicture] = {}
        rows, cols = self.size
        u, v = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
        scale = np.array([self.photo_size[1] / cols, self.photo_size[0] / rows])
        self._grid = (np.stack([u, v], axis=-1) * scale).astype(np.float32)

    def at(self, time: float) -> LakePicture:
        """All lakes at ``time`` [s]."""
        if time not in self._memo:
            pictures = [one.at(time) for one in self._ones]
            whole = pictures[0]
            for other in pictures[1:]:  # they do not overlap
                there = np.abs(other.shift_a).max(axis=-1) + np.abs(other.light) > 0
                for name in ("shift_a", "shift_b", "light", "normal"):
                    getattr(whole, name)[there] = getattr(other, name)[there]
            while len(self._memo) > 2:  # a frame, the one before and the one after it
                del self._memo[next(iter(self._memo))]
            self._memo[time] = whole
        return self._memo[time]

    def source(self, frame: BackdropFrame, time: float) -> np.ndarray:
        """Where in the photo (H, W, 2) [pixels] the light of each pixel of a view comes from, waves included."""
        return frame.source_uv + self._through(self.at(time).shift, frame)

    def _through(self, values: np.ndarray, frame: BackdropFrame) -> np.ndarray:
        """A map of the unmoved view through the moved camera."""
        if np.array_equal(frame.source_uv, self._grid):
            return values
        scale = np.array(self.size[::-1]) / np.array(self.photo_size[::-1])
        at = np.moveaxis(frame.source_uv * scale - 0.5, -1, 0)[::-1]
        if values.ndim == 2:
            return map_coordinates(values, at, order=1, mode="nearest")
        planes = [map_coordinates(values[..., c], at, order=1, mode="nearest") for c in range(values.shape[-1])]
        return np.stack(planes, axis=-1)

    def flow(self, frame: BackdropFrame, time: float, other_time: float) -> np.ndarray:
        """Motion (H, W, 2) [pixels of the view] of the light that each pixel shows from one time to another.

        What is seen at p comes from p + s(p, t). At the other time it is seen where p' + s(p', t') is the same, which
        is to first order at p - (s(p, t') - s(p, t)).
        """
        now, then = self.at(time), self.at(other_time)
        second = now.share_b >= 0.5  # one phase of the stream, so that its restart is no motion
        change = (now.shift_b - then.shift_b) if second else (now.shift_a - then.shift_a)
        scale = np.array(self.size[::-1], np.float32) / np.array(self.photo_size[::-1], np.float32)
        return self._through(change * scale, frame)

    def liquid(self, frame: BackdropFrame, time: float) -> np.ndarray:
        """Normal (camera frame) and depth of the water [m] (H, W, 4); zeros where there is no lake."""
        there = np.zeros((*self.size, 4), np.float32)
        there[..., :3] = self.at(time).normal @ frame.camera.world_from_camera[:3, :3].astype(np.float32)
        total = np.zeros(self.size, np.float32)
        for one in self._ones:
            total += one.there
            there[..., 3] += one.there * one.entity.shape.depth  # type: ignore[union-attr]
        there[total < 0.5] = 0
        return self._through(there, frame).copy()

    def surfaces(self, frame: BackdropFrame) -> Iterator[tuple[float, float, np.ndarray]]:
        """Of each lake: level [m], refractive index, and where its water is seen (H, W), 0 to 1."""
        for one in self._ones:
            index = float(one.entity.material.refractive_index)  # type: ignore[union-attr, arg-type]
            yield one.track.level, index, self._through(one.there, frame)

    def normal(self, frame: BackdropFrame, time: float) -> np.ndarray:
        """Of the water (H, W, 3), world."""
        return self._through(self.at(time).normal, frame)

    def paint(self, picture: np.ndarray, sampler: PlateSampler, frame: BackdropFrame, time: float) -> np.ndarray:
        """The plate seen by the camera (H, W, 3) sRGB, with its lakes at ``time``; changed where they move."""
        picture = self._shifted(picture, sampler, frame, time)
        for one in self._ones:
            track = one.track
            cover = foam_cover(
                track, track.fps, time, frame.camera, self.photo_size, SHUTTER / track.fps, frame.depth, frame.depth,
                self.device,
            )  # fmt: skip
            if cover is not None:
                part = cover[..., None]
                linear = blend.to_linear(picture)
                drops = drop_colour(self._light, linear)
                picture = np.where(part > 1e-3, blend.to_srgb(linear * (1 - part) + part * drops), picture)
        return picture

    def _shifted(self, picture: np.ndarray, sampler: PlateSampler, frame: BackdropFrame, time: float) -> np.ndarray:
        """With the waves' shifts and light."""
        state = self.at(time)
        shift_a, light = self._through(state.shift_a, frame), self._through(state.light, frame)
        moves = (np.abs(shift_a).max(axis=-1) > 1e-4) | (np.abs(light) > 1e-5)
        if state.share_b > 0:
            shift_b = self._through(state.shift_b, frame)
            moves |= np.abs(shift_b).max(axis=-1) > 1e-4
        if not moves.any():
            return picture
        rows = np.flatnonzero(moves.any(axis=1))
        part = slice(rows[0], rows[-1] + 1)
        base = frame.source_uv[part]
        colour = blend.to_linear(sampler(base + shift_a[part]))
        if state.share_b > 0:
            other = blend.to_linear(sampler(base + shift_b[part]))
            colour = colour + np.float32(state.share_b) * (other - colour)
        sky = sum(one.contrast * self._through(one.there, frame)[part][..., None] for one in self._ones)
        lit = np.clip(colour + light[part][..., None] * sky, 0.25 * colour, None)
        out = picture.copy()
        where = moves[part]
        out[part][where] = blend.to_srgb(lit.astype(np.float32))[where]
        return out


class _One:
    """One lake on the pixel grid of the unmoved view."""

    def __init__(self, view: LakeView, entity: Entity, track: LakeTrack, mask: np.ndarray, photo: np.ndarray) -> None:
        self.view, self.entity, self.track = view, entity, track
        device, size = view.device, view.size
        way = distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]  # the picture's edge is no shore
        soft = gaussian_filter(way, 1.5) * mask
        self.there = resize_map(mask.astype(np.float32), size)
        # the mask's own pixels count from their outer edge; the way grows without end far from the shore
        limit = SHORE * mask.shape[1] / 800
        room = np.where(way < limit, soft, limit * (1 + np.log(np.maximum(way, limit) / limit)))
        self._room = wp.array(np.maximum(resize_map(np.clip(room - 1, 0, None), size), 0), dtype=float, device=device)
        self._eye = self._make_eye()
        self._bands = self._make_bands()
        self.mirror, self.contrast, floats = _look(view._camera, track.level, mask, photo)
        self._foam = wp.array(np.clip(resize_map(floats, size), 0, 1).astype(np.float32), dtype=float, device=device)
        self._out = (
            wp.zeros(size, dtype=wp.vec2, device=device), wp.zeros(size, dtype=wp.vec2, device=device),
            wp.zeros(size, dtype=float, device=device), wp.zeros(size, dtype=wp.vec3, device=device),
        )  # fmt: skip

    def _make_eye(self) -> kernels.Eye:
        eye, camera, view = kernels.Eye(), self.view._camera, self.view
        eye.position = wp.vec3(*camera.position)
        eye.rotation = wp.mat33(camera.world_from_camera[:3, :3])
        eye.lens = wp.vec4(*lens_of(camera, view.photo_size))
        eye.scale = wp.vec2(view.photo_size[1] / view.size[1], view.photo_size[0] / view.size[0])
        eye.level = self.track.level
        eye.fade = FADE * max(float(camera.position[1]) - self.track.level, 0.1)
        return eye

    def _make_bands(self) -> kernels.Bands:
        bands, waves, device = kernels.Bands(), self.track.wind_waves, self.view.device
        parts = waves.bands if waves is not None else ()
        bands.count = len(parts)
        size = (max(len(parts), 1), 128 * 128)
        bands.now, bands.first = (wp.zeros(size, dtype=wp.vec3, device=device) for _ in range(2))
        frame = [(np.cos(b.turn), np.sin(b.turn), 128 / b.length, b.longest / 4) for b in parts] or [(1, 0, 1, 1)]
        bands.frame = wp.array(np.array(frame, np.float32), dtype=wp.vec4, device=device)
        if waves is not None:
            bands.first.assign(np.stack(waves.tiles(0.0)).reshape(*size, 3))
        return bands

    def at(self, time: float) -> LakePicture:
        bands, track, device = self._bands, self.track, self.view.device
        current = (0.0, 0.0)
        if track.wind_waves is not None:
            current = track.wind_waves.current
            now, first = np.stack(track.wind_waves.tiles(time)).reshape(bands.count, -1, 3), bands.first.numpy()
            begun = min(time / ONSET, 1.0)
            bands.now.assign(first + np.float32(begun * begun * (3 - 2 * begun)) * (now - first))
        current = getattr(self.entity.shape, "current", current)
        bands.shift = wp.vec2(current[0] * time, current[1] * time)
        patch = kernels.Patch()
        eta = np.nan_to_num(track.eta_at(time) - track.eta[0], nan=0.0)
        patch.eta = wp.array(np.ascontiguousarray(eta, np.float32), dtype=float, device=device)
        patch.origin = wp.vec2(track.origin[0] + 0.5 * track.cell, track.origin[1] + 0.5 * track.cell)
        patch.cell = track.cell
        kernels.lake(
            self._room, self._foam, bands, patch, self._eye, current=wp.vec2(*current), period=PERIOD, time=float(time),
            mirror=self.mirror, index=float(self.entity.material.refractive_index), out=self._out,  # type: ignore[union-attr, arg-type]
        )  # fmt: skip
        turn = time / PERIOD
        away = abs(turn - np.floor(turn + 0.5)) * 2 if any(current) else 0.0
        a, b, light, normal = (o.numpy().copy() for o in self._out)
        return LakePicture(a, b, float(away), light, normal)


def _seen(backdrop: Backdrop, number: int) -> np.ndarray:
    """Where the photo (H, W) shows the water of a lake, and nothing thin in front of it."""
    mask = backdrop.ids == number
    for still in backdrop.stills:
        (u, v), (h, w) = still.cutout.corner, still.cutout.alpha.shape
        v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, mask.shape[0]), min(u + w, mask.shape[1])
        mask[v0:v1, u0:u1] &= still.cutout.alpha[v0 - v : v1 - v, u0 - u : u1 - u] < 0.02
    return mask


def _look(camera, level: float, mask: np.ndarray, photo: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """How much of a mirror a region of the photo is, 0 to 1, the light of the sky over that of the water (3,), and how
    much of each pixel floats on it instead (H, W).

    A mirror shows what stands behind it upside down: the correlation of the region with what its mirrored rays meet.
    """
    linear = blend.to_linear(photo)
    v, u = np.nonzero(mask)
    some = np.random.default_rng(0).permutation(len(v))[:20000]
    pixels = np.stack([u[some] + 0.5, v[some] + 0.5], axis=-1)
    rays = camera.unproject(pixels, 1.0) - camera.position
    rays[:, 1] *= -1
    seen, z = camera.project(camera.position + 100 * rays)
    rows, cols = mask.shape
    inside = (z > 0) & (seen > 0).all(axis=-1) & (seen < (cols, rows)).all(axis=-1)
    own = linear[v[some], u[some]].mean(axis=-1)
    mirror, floats = 0.0, np.zeros(mask.shape, np.float32)
    at = np.clip(seen[inside].astype(int), 0, (cols - 1, rows - 1))
    free = ~mask[at[:, 1], at[:, 0]] if inside.any() else np.zeros(0, bool)
    if free.sum() > 500:
        # what changes with height alone tells nothing: a mirror reflects more at a glance, the sky is brighter below
        height = seen[inside][free, 1] / rows
        smooth = np.stack([height**power for power in range(5)], axis=-1)
        a, b = np.log(own[inside][free] + 0.01), np.log(linear[at[free, 1], at[free, 0]].mean(axis=-1) + 0.01)
        a, b = (c - smooth @ np.linalg.lstsq(smooth, c, rcond=None)[0] for c in (a, b))
        mirror = float(np.clip((np.corrcoef(a, b)[0, 1] - 0.2) / 0.5, 0, 1)) if a.std() * b.std() > 1e-6 else 0.0
        floats = _floating(linear.mean(axis=-1), mask, at[free])
    colours = linear[v[some], u[some]]
    part = 1 - floats[v[some], u[some]]
    order = np.argsort(own)
    rank = np.cumsum(part[order]) / max(float(part.sum()), 1e-6)  # among what is not foam
    tenth = max(1, len(order) // 10)
    dark, bright = order[rank <= 0.1], order[rank >= 0.9]
    dark, bright = (dark if len(dark) else order[:tenth]), (bright if len(bright) else order[-tenth:])
    low, high = (np.average(colours[k], axis=0, weights=part[k] + 1e-6) for k in (dark, bright))
    return mirror, (0.6 * (high - low)).astype(np.float32), floats


def _floating(light: np.ndarray, mask: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Part of each pixel (H, W) float32 in [0, 1] whose detail is no mirror image.

    A mirror has no more detail than what it shows. Where a region has more, what is seen floats on the water.

    Args:
        light: (H, W) linear.
        mask: (H, W) bool: the water.
        mirrored: (N, 2) pixels u, v that flat water would show.
    """
    scale = max(1.0, mask.shape[1] / 800)
    logs = np.log(light + 0.02)

    def detail(inside: np.ndarray, sigma: float) -> np.ndarray:
        """Mean square over 2.5 sigma of what is finer than sigma, borders kept out."""
        share = np.maximum(gaussian_filter(inside.astype(np.float32), sigma), 1e-3)
        fine = np.where(inside, logs - gaussian_filter(np.where(inside, logs, 0), sigma) / share, 0)
        share = np.maximum(gaussian_filter(inside.astype(np.float32), 2.5 * sigma), 1e-3)
        return gaussian_filter(fine**2, 2.5 * sigma) / share

    sigma = 3 * scale
    shown = float(np.percentile(detail(~mask, sigma)[mirrored[:, 1], mirrored[:, 0]], 90)) + NOISE**2
    own = detail(mask, sigma)
    return (np.clip(0.5 * (own / shown - MORE), 0, 1) * mask).astype(np.float32)
