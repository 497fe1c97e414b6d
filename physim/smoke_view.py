"""Smoke as the camera sees it: what it lets through, the light it scatters, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import warp as wp
from physim_kernels import march as kernels
from physim_kernels import smoke_light
from scipy.ndimage import map_coordinates, zoom

from physim import blackbody
from physim.backdrop_view import lens_of
from physim.camera import Camera
from physim.depth import FAR
from physim.materials import Smoke
from physim.scene import Light
from physim.trajectory import SmokeTrack, Trajectory

MARCH_PIXELS = 300_000
"""Larger pictures are marched on a coarser grid of at most this many pixels and enlarged along their depth."""
STRIDE = 1.0
"""Longest step of a ray [cells]."""
NOISE_SIZE = 64
"""Side of the periodic noise [samples], two per cell; its coarsest octave is four cells long."""
FORWARD = {True: 0.85, False: 0.5}
"""Mean cosine of scattering of droplets and of soot: light that goes on nearly straight casts no shadow. Bohren,
Huffman, Absorption and scattering of light by small particles, 1983."""
SHADOW_PIXELS = 75_000
"""Larger pictures have their shadow of smoke, which is soft, found on a coarser grid."""
FADE = 8
"""Cells within which smoke fades towards an open side of its box, a fifth of the box at most."""


@lru_cache(maxsize=4)
def detail_noise(seed: int) -> np.ndarray:
    """Periodic noise (64, 64, 64) float32 of four octaves, mean 0, variance 1, clipped at 2."""
    rng = np.random.default_rng([seed, 0x5110])
    total = np.zeros((NOISE_SIZE,) * 3)
    for octave in range(4):
        side = NOISE_SIZE // 8 * 2**octave
        values = rng.standard_normal((side,) * 3)
        factor = NOISE_SIZE // side
        fine = zoom(values, factor, order=3, mode="grid-wrap", grid_mode=True) if factor > 1 else values
        total += 0.7**octave * fine
    return ((total - total.mean()) / total.std()).clip(-2, 2).astype(np.float32)


def fade(track: SmokeTrack) -> np.ndarray:
    """Share of the density that is shown, (nx, ny, nz) float32: 0 at open sides, where the box ends and smoke does not.

    Smooth, so that neither the smoke nor its light shows an edge; walls do not fade.
    """
    share = np.ones((1, 1, 1), np.float32)
    for axis, count in enumerate(track.density.shape[1:]):
        width = max(1.0, min(FADE, count / 5))
        line = np.ones(count)
        for side, way in ((2 * axis, slice(None)), (2 * axis + 1, slice(None, None, -1))):
            if track.open_sides[side]:
                s = np.clip(np.arange(count) / width, 0, 1)[way]
                line *= s * s * (3 - 2 * s)
        share = share * line.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return share


@dataclass(frozen=True)
class SmokeFrame:
    """Smoke in one instant, on the pixel grid of the view."""

    transmittance: np.ndarray
    """(H, W) float32 in [0, 1]: share of the surface's light that comes through."""
    scattered: np.ndarray
    """(H, W, 3) float32: light the smoke sends to the camera, linear, photo white at 1; add it. Its glow included."""
    flow: np.ndarray
    """(H, W, 2) float32: projected velocity, weighted by opacity [pixels/frame], camera motion included."""
    depth: np.ndarray
    """(H, W) float32: mean z of what is seen of the smoke [m], 0 where there is none."""


@dataclass
class _Fire:
    """What a hot track needs to glow: temperatures over ambient of two frames and between them, radiance by them."""

    pair: list[wp.array]
    heat: wp.array
    table: wp.array
    start: float
    step: float

    @classmethod
    def of(cls, track: SmokeTrack, material: Smoke, device) -> _Fire | None:
        """``None`` if nothing in the track ever glows."""
        highest = material.ambient_temperature + float(track.temperature.max())
        if highest <= blackbody.DRAPER or material.glow == 0:
            return None
        shape = track.density.shape[1:]
        arrays = [wp.zeros(shape, dtype=wp.float32, device=device) for _ in range(3)]
        colours, start, step = blackbody.table(highest)
        return cls(arrays[:2], arrays[2], wp.array(colours, dtype=wp.vec3, device=device), start, step)


@dataclass
class _Grid:
    """Device arrays of one track, reused from frame to frame."""

    track: SmokeTrack
    material: Smoke
    volume: kernels.Volume
    density: list[wp.array]
    velocity: list[wp.array]
    pooled: wp.array
    period: int
    """Life of a moment of the drifting noise [frames], even."""
    drift: _Drift
    shown: np.ndarray
    """Share of the density that is shown."""
    fire: _Fire | None
    frame: int = -1
    lit: tuple | None = None


def _noise_life(track: SmokeTrack) -> float:
    """How long noise may drift [s] before shear and turning, |grad v| x time, would draw it into threads."""
    rates = [1e-9]
    for n in {len(track.velocity) // 2, len(track.velocity) - 1}:
        velocity = track.velocity[n].astype(np.float32)
        seen = track.density[n] > kernels.EMPTY
        if seen.any():
            slopes = np.stack([np.gradient(velocity, track.cell, axis=k)[seen] for k in range(3)])
            rates.append(float(np.sqrt(np.mean(np.sum(slopes**2, axis=(0, 2))))))
    return float(np.clip(6.0 / max(rates), 0.5, 3.0))


class _Drift:
    """How far the gas of a track has come since some frame, for two frames in turn; the same from whatever side asked.

    Args:
        track: Its velocities.
        fps: Frames per second.
        device: Warp device.
    """

    def __init__(self, track: SmokeTrack, fps: float, device) -> None:
        self._track, self._fps = track, fps
        shape = track.density.shape[1:]
        self._pair = [wp.zeros(shape, dtype=wp.vec3, device=device) for _ in range(2)]
        self._spare = wp.zeros(shape, dtype=wp.vec3, device=device)
        self._known = [(-1, -1, wp.zeros(shape, dtype=wp.vec3, device=device)) for _ in range(2)]

    def at(self, slot: int, start: int, frame: int, s: float, out: wp.array) -> None:
        """Write the way [m] since frame ``start`` to the part ``s`` after ``frame``; ``slot`` 0 or 1 remembers."""
        last, start = len(self._track.velocity) - 1, max(start, 0)
        began, reached, way = self._known[slot]
        if began != start or reached > frame:
            way.zero_()
            reached = start
        for n in range(reached, frame):
            self._step(way, n, min(n + 1, last), 1.0, self._spare)
            way, self._spare = self._spare, way
        self._known[slot] = (start, max(frame, start), way)
        if s > 0 and frame >= start:
            self._step(way, frame, min(frame + 1, last), s, out)
        else:
            wp.copy(out, way)

    def _step(self, way: wp.array, a: int, b: int, s: float, out: wp.array) -> None:
        for array, n in zip(self._pair, (a, b), strict=True):
            array.assign(self._track.velocity[n].astype(np.float32))
        kernels.drift(way, *self._pair, s=s, dt=1 / self._fps, cell=float(self._track.cell), drift_out=out)


class SmokeView:
    """Draws the smoke of a trajectory at any time.

    Args:
        trajectory: A simulated scene with a camera.
        size: (height, width) of the view [pixels].
        device: Warp device; the default one if None.
        detail: Strength of the drifting detail below the grid, 0 for the bare grid.
        march_pixels: Largest picture that is marched pixel by pixel.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        size: tuple[int, int],
        device=None,
        *,
        detail: float = 1.0,
        march_pixels: int = MARCH_PIXELS,
    ) -> None:
        scene = trajectory.scene
        if scene.camera is None:
            raise ValueError("the scene has no camera; set scene.camera to a physim.CameraPath before it is drawn.")
        self.scene, self.fps = scene, trajectory.fps
        self.size = (int(size[0]), int(size[1]))
        self.device = wp.get_device(device)
        self.photo_size = scene.camera.start.size if scene.backdrop is None else scene.backdrop.photo.shape[:2]
        shrink = min(1.0, (march_pixels / (self.size[0] * self.size[1])) ** 0.5)
        self._coarse = (max(2, round(self.size[0] * shrink)), max(2, round(self.size[1] * shrink)))
        self._detail = float(detail)
        self._grids: list[_Grid] = []
        if trajectory.smokes:
            noise = wp.array(detail_noise(scene.seed), dtype=wp.float32, device=self.device)
            self._grids = [self._make_grid(track, noise) for track in trajectory.smokes.values()]

    def _make_grid(self, track: SmokeTrack, noise: wp.array) -> _Grid:
        material = self.scene[track.name].material
        assert isinstance(material, Smoke)
        shape, device = track.density.shape[1:], self.device
        half = tuple((n + 1) // 2 for n in shape)
        volume = kernels.Volume()
        volume.density = wp.zeros(shape, dtype=wp.float32, device=device)
        volume.velocity = wp.zeros(shape, dtype=wp.vec3, device=device)
        volume.light = wp.zeros(half, dtype=wp.vec2, device=device)
        volume.noise = noise
        volume.drift_a = wp.zeros(shape, dtype=wp.vec3, device=device)
        volume.drift_b = wp.zeros(shape, dtype=wp.vec3, device=device)
        volume.origin = wp.vec3(*np.asarray(track.origin, dtype=np.float64))
        volume.cell = float(track.cell)
        volume.extinction = float(material.extinction or 0.0)
        volume.detail = self._detail
        return _Grid(
            track,
            material,
            volume,
            [wp.zeros(shape, dtype=wp.float32, device=device) for _ in range(2)],
            [wp.zeros(shape, dtype=wp.vec3, device=device) for _ in range(2)],
            wp.zeros(half, dtype=wp.float32, device=device),
            2 * max(1, round(_noise_life(track) * self.fps / 2)),
            _Drift(track, self.fps, device),
            fade(track),
            _Fire.of(track, material, device),
        )

    def _advance(self, grid: _Grid, time: float) -> bool:
        """Bring the grid to ``time``; False if there is nothing to see."""
        track, volume = grid.track, grid.volume
        last = len(track.density) - 1
        x = float(np.clip(time * self.fps, 0.0, last))
        if abs(x - round(x)) < 1e-6:
            x = float(round(x))
        i = min(int(x), max(last - 1, 0))
        s = x - i
        if grid.frame != i:
            for k, n in enumerate((i, min(i + 1, last))):
                grid.density[k].assign(track.density[n] * grid.shown)
                grid.velocity[k].assign(track.velocity[n].astype(np.float32))
                if grid.fire is not None:
                    grid.fire.pair[k].assign(track.temperature[n].astype(np.float32))
            grid.frame = i
        if grid.fire is not None:
            self._warm(grid, s)
        if s in (0.0, 1.0):
            wp.copy(volume.density, grid.density[int(s)])
            wp.copy(volume.velocity, grid.velocity[int(s)])
        else:
            kernels.blend(
                *grid.density,
                *grid.velocity,
                s=s,
                dt=1 / self.fps,
                cell=track.cell,
                density_out=volume.density,
                velocity_out=volume.velocity,
            )
        return self._fit_box(grid) and self._set_moments(grid, i, s)

    def _warm(self, grid: _Grid, s: float) -> None:
        """Temperatures at the part ``s`` of the way between the two frames, carried like the density."""
        assert grid.fire is not None
        kernels.blend(
            *grid.fire.pair, *grid.velocity, s=s, dt=1 / self.fps, cell=grid.track.cell,
            density_out=grid.fire.heat, velocity_out=grid.volume.velocity,
        )  # fmt: skip

    @staticmethod
    def _fit_box(grid: _Grid) -> bool:
        full = grid.volume.density.numpy() > kernels.EMPTY
        low, high = np.zeros(3), np.zeros(3)
        for axis in range(3):
            some = full.any(axis=tuple(k for k in range(3) if k != axis))
            index = np.flatnonzero(some)
            if len(index) == 0:
                return False
            # Half a cell more: between centres the density falls to zero linearly. The grid itself ends at its box.
            low[axis] = max(index[0] - 0.5, 0)
            high[axis] = min(index[-1] + 1.5, len(some))
        origin = np.asarray(grid.track.origin, dtype=np.float64)
        grid.volume.low = wp.vec3(*(origin + low * grid.track.cell))
        grid.volume.high = wp.vec3(*(origin + high * grid.track.cell))
        return True

    def _set_moments(self, grid: _Grid, frame: int, s: float) -> bool:
        volume, shares, offsets = grid.volume, [], []
        half = grid.period // 2
        for slot, into in enumerate((volume.drift_a, volume.drift_b)):
            moment = (frame + slot * half) // grid.period
            start = moment * grid.period - slot * half
            if self._detail > 0:
                grid.drift.at(slot, start, frame, s, into)
            shares.append(1 - abs(2 * (frame + s - start) / grid.period - 1) + 1e-3)
            rng = np.random.default_rng([self.scene.seed, abs(moment), slot])
            offsets.append(rng.integers(0, NOISE_SIZE, 3).astype(np.float64))
        volume.share = wp.vec2(*shares)
        volume.offset_a, volume.offset_b = wp.vec3(*offsets[0]), wp.vec3(*offsets[1])
        return True

    def _view(self, camera: Camera, time: float) -> kernels.View:
        other = self.scene.camera.at(time + 1 / self.fps)  # type: ignore[union-attr]
        view = kernels.View()
        view.position = wp.vec3(*camera.position)
        view.rotation = wp.mat33(camera.world_from_camera[:3, :3])
        view.lens = wp.vec4(*lens_of(camera, self.photo_size))
        view.other_from_world = wp.mat44(other.camera_from_world)
        view.dt = 1 / self.fps
        return view

    def _window(self, grid: _Grid, camera: Camera) -> tuple[int, int, int, int] | None:
        """Crop (v0, v1, u0, u1) of the picture that the smoke's box covers."""
        rows, cols = camera.size
        box = np.array([grid.volume.low, grid.volume.high])
        choice = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
        pose = camera.camera_from_world
        points = box[choice, [0, 1, 2]] @ pose[:3, :3].T + pose[:3, 3]
        if points[:, 2].max() <= 1e-3:
            return None
        if points[:, 2].min() <= 1e-3:
            return 0, rows, 0, cols
        lens = lens_of(camera, self.photo_size)
        pixels = points[:, :2] / points[:, 2:] * lens[:2] + lens[2:]
        u0, v0 = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, (cols, rows)).astype(int)
        u1, v1 = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, (cols, rows)).astype(int)
        return (int(v0), int(v1), int(u0), int(u1)) if u1 > u0 and v1 > v0 else None

    def at(self, time: float, camera: Camera | None, surface_depth: np.ndarray, light: Light) -> SmokeFrame:
        """Smoke at ``time`` [s] in front of a surface.

        Args:
            time: Any instant; between frames the grids are carried along their velocity.
            camera: Of the view's size; default: the scene's camera at ``time``.
            surface_depth: z of what is behind [m], (H, W); smoke behind it is not seen.
            light: Colour and direction; with the smoke's albedo it decides ``scattered``.

        Raises:
            ValueError: ``surface_depth`` is not of the view's size.
        """
        surface_depth = np.ascontiguousarray(surface_depth, dtype=np.float32)
        if surface_depth.shape != self.size:
            raise ValueError(f"surface_depth has shape {surface_depth.shape}, expected the view's size {self.size}.")
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        layers = []
        for grid in self._grids:
            if self._advance(grid, time):
                layer = self._draw(grid, time, camera, surface_depth, light)
                if layer is not None:
                    layers.append(layer)
        return _stack(layers, self.size)

    def shadow(self, time: float, camera: Camera | None, surface_depth: np.ndarray, light: Light) -> np.ndarray:
        """Share of the distant light that smoke lets through to what is seen, (H, W) float32 in [0, 1].

        Light that is scattered by a small angle still arrives: the optical depth counts 1 - albedo g of itself
        (similarity, van de Hulst 1980). Arguments as of :meth:`at`; the sky has no shadow.
        """
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        step = max(1, round((self.size[0] * self.size[1] / SHADOW_PIXELS) ** 0.5))
        rows, cols = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in self.size)
        surface = np.ascontiguousarray(surface_depth[np.ix_(rows, cols)], dtype=np.float32)
        view, lens, half = self._view(camera, time), lens_of(camera, self.photo_size), step // 2
        view.lens = wp.vec4(*(lens[:2] / step), *((lens[2:] - half - 0.5) / step + 0.5))
        total = np.zeros(surface.shape, np.float32)
        for grid in self._grids:
            if self._advance(grid, time):
                towards = wp.vec3(*light.direction)
                self._light(grid, time, light)
                out = wp.empty(surface.shape, dtype=wp.float32, device=self.device)
                smoke_light.shadow(
                    grid.volume, view, grid.pooled, towards,
                    wp.array(surface, dtype=wp.float32, device=self.device, copy=False),
                    limit=FAR / 2, depth_out=out,
                )  # fmt: skip
                albedo = float(np.mean(grid.material.albedo))  # type: ignore[arg-type]
                total += (1 - albedo * FORWARD[albedo > 0.9]) * out.numpy()
        through = np.exp(-total)
        if step == 1:
            return through
        at = np.meshgrid(*((np.arange(n) - half) / step for n in self.size), indexing="ij")
        return map_coordinates(through, at, order=1, mode="nearest")

    @staticmethod
    def _light(grid: _Grid, time: float, light: Light) -> None:
        """How much of the light reaches the cells; remembered."""
        if grid.lit != (time, light.direction):
            towards = wp.vec3(*light.direction)
            kernels.light_grid(grid.volume, towards, pooled=grid.pooled, light_out=grid.volume.light)
            grid.lit = (time, light.direction)

    def _draw(self, grid: _Grid, time: float, camera: Camera, surface: np.ndarray, light: Light) -> SmokeFrame | None:
        device, towards = self.device, wp.vec3(*light.direction)
        self._light(grid, time, light)
        coarse = camera if self._coarse == self.size else camera.resized(self._coarse)
        crop = self._window(grid, coarse)
        if crop is None:
            return None
        near = surface
        if coarse is not camera:
            v = ((np.arange(coarse.size[0]) + 0.5) * self.size[0] / coarse.size[0]).astype(int)
            u = ((np.arange(coarse.size[1]) + 0.5) * self.size[1] / coarse.size[1]).astype(int)
            near = np.ascontiguousarray(surface[v[:, None], u])
        near_device = wp.array(near, dtype=wp.float32, device=device, copy=False)
        shape = (crop[1] - crop[0], crop[3] - crop[2])
        marched = wp.empty(shape, dtype=wp.vec4, device=device)
        motion = wp.empty(shape, dtype=wp.vec3, device=device)
        kernels.march(
            grid.volume,
            self._view(coarse, time),
            towards,
            near_device,
            stride=STRIDE,
            corner=(crop[2], crop[0]),
            march_out=marched,
            motion_out=motion,
        )
        glow = self._glow(grid, self._view(coarse, time), near_device, crop, shape)
        if coarse is not camera:
            full_crop = self._window(grid, camera)
            assert full_crop is not None
            small, small_motion, small_glow = marched, motion, glow
            shape = (full_crop[1] - full_crop[0], full_crop[3] - full_crop[2])
            marched = wp.empty(shape, dtype=wp.vec4, device=device)
            motion = wp.empty(shape, dtype=wp.vec3, device=device)
            places = dict(
                corner=(crop[2], crop[0]),
                corner_full=(full_crop[2], full_crop[0]),
                scale=(coarse.size[1] / self.size[1], coarse.size[0] / self.size[0]),
            )
            surfaces = (near_device, wp.array(surface, dtype=wp.float32, device=device, copy=False))
            if small_glow is not None:
                glow = wp.empty(shape, dtype=wp.vec4, device=device)
                kernels.enlarge(small_glow, small_motion, *surfaces, **places, march_out=glow, motion_out=motion)
            kernels.enlarge(small, small_motion, *surfaces, **places, march_out=marched, motion_out=motion)
            crop = full_crop
        return self._shade(grid.material, light, crop, marched, motion, glow)

    def _glow(self, grid: _Grid, view: kernels.View, surface: wp.array, crop, shape) -> wp.array | None:
        """Light that hot smoke sends out, vec4 of the crop's ``shape``; None if it is not hot."""
        fire, material = grid.fire, grid.material
        if fire is None:
            return None
        out = wp.empty(shape, dtype=wp.vec4, device=self.device)
        absorbing = material.glow * (1 - np.asarray(material.albedo, dtype=np.float64))
        smoke_light.glow(
            grid.volume, view, fire.heat, fire.table, surface,
            ambient=material.ambient_temperature, table_start=fire.start, table_step=fire.step,
            absorbing=wp.vec3(*absorbing), stride=STRIDE, corner=(crop[2], crop[0]), glow_out=out,
        )  # fmt: skip
        return out

    def _shade(
        self, material: Smoke, light: Light, crop, marched: wp.array, motion: wp.array, glow: wp.array | None
    ) -> SmokeFrame:
        """Colour the sums of the march and lay the crop into the picture."""
        albedo = np.asarray(material.albedo, dtype=np.float64)
        transmittance = wp.empty(marched.shape, dtype=wp.float32, device=self.device)
        scattered = wp.empty(marched.shape, dtype=wp.vec3, device=self.device)
        kernels.shade(
            marched,
            key=wp.vec3(*(albedo * light.colour)),
            ambient=wp.vec3(*(albedo * light.ambient)),
            transmittance_out=transmittance,
            scattered_out=scattered,
        )
        frame, moved = _stack([], self.size), motion.numpy()
        place = (slice(crop[0], crop[1]), slice(crop[2], crop[3]))
        frame.transmittance[place] = transmittance.numpy()
        frame.scattered[place] = scattered.numpy() if glow is None else scattered.numpy() + glow.numpy()[..., :3]
        frame.flow[place] = moved[..., :2]
        frame.depth[place] = moved[..., 2]
        return frame


def _stack(layers: list[SmokeFrame], size: tuple[int, int]) -> SmokeFrame:
    """Smokes one behind the other, pixel by pixel in order of their mean depth."""
    if len(layers) == 1:
        return layers[0]
    if not layers:
        return SmokeFrame(
            np.ones(size, np.float32),
            np.zeros((*size, 3), np.float32),
            np.zeros((*size, 2), np.float32),
            np.zeros(size, np.float32),
        )
    far, near = layers[0], _stack(layers[1:], size)
    swap = (far.depth < near.depth) & (far.depth > 0)
    front_t = np.where(swap, far.transmittance, near.transmittance)
    back = 1 - np.where(swap, near.transmittance, far.transmittance)
    front = 1 - front_t
    total = front + front_t * back
    wide, share = swap[..., None], front / np.maximum(total, 1e-9)
    scattered = np.where(wide, far.scattered, near.scattered)
    scattered = scattered + front_t[..., None] * np.where(wide, near.scattered, far.scattered)
    flow = share[..., None] * np.where(wide, far.flow, near.flow)
    flow = flow + (1 - share[..., None]) * np.where(wide, near.flow, far.flow) * (total > 0)[..., None]
    depth = share * np.where(swap, far.depth, near.depth) + (1 - share) * np.where(swap, near.depth, far.depth)
    return SmokeFrame(1 - total, scattered, flow.astype(np.float32), depth.astype(np.float32))
