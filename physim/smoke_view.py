"""Smoke as the camera sees it: what it lets through, the light it scatters, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import fire_light, smoke_light
from physim_kernels import march as kernels

from physim.backdrop_view import lens_of
from physim.camera import Camera
from physim.depth import FAR
from physim.fire_light import BLOCK, Lamps
from physim.materials import Smoke
from physim.scene import Light
from physim.smoke_shade import SmokeShade
from physim.smoke_state import SmokeState, detail_noise
from physim.stretch import stretch
from physim.trajectory import Trajectory

MARCH_PIXELS = 300_000
"""Larger pictures are marched on a coarser grid of at most this many pixels and enlarged along their depth."""
CELL_PIXELS = 8.0
"""Such a grid has no more pixels along a cell of the smoke than this: its finest detail is half a cell long."""
STRIDE = 1.0
"""Longest step of a ray [cells]."""
BOX = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
"""Corners of a unit cube."""
FORWARD = {True: 0.85, False: 0.5}
"""Mean cosine of scattering of droplets and of soot: light that goes on nearly straight casts no shadow. Bohren,
Huffman, Absorption and scattering of light by small particles, 1983."""
SHADOW_PIXELS = 75_000
"""Larger pictures have their shadow of smoke, which is soft, found on a coarser grid."""


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
        self._coarse = self._march_size(trajectory, march_pixels)
        self._grids: list[SmokeState] = []
        self._known_lamps: tuple[float, Lamps | None] | None = None
        self.glowing: np.ndarray | float = 1.0
        """Factor on what glows by itself, and on its light."""
        if trajectory.smokes:
            noise = wp.array(detail_noise(scene.seed), dtype=wp.float32, device=self.device)
            shade = SmokeShade(trajectory, self.device)
            for name, track in trajectory.smokes.items():
                material = scene[name].material
                assert isinstance(material, Smoke)
                state = SmokeState(
                    track, material, fps=self.fps, seed=scene.seed, detail=float(detail), noise=noise, shade=shade
                )
                self._grids.append(state)

    def _march_size(self, trajectory: Trajectory, most: int) -> tuple[int, int]:
        """(height, width) of what is marched: the view's own size unless that has more than ``most`` pixels."""
        shrink = (most / (self.size[0] * self.size[1])) ** 0.5
        if shrink >= 1:
            return self.size
        camera = self.scene.camera.at(0.0, self.size)  # type: ignore[union-attr]
        finest = 0.0
        for track in trajectory.smokes.values():
            box = np.asarray(track.origin) + track.cell * BOX * np.array(track.density.shape[1:])
            finest = max(finest, camera.focal * track.cell / max(float(camera.project(box)[1].max()), 1e-6))
        if finest > 0:
            shrink = min(shrink, CELL_PIXELS / finest)
        return max(2, round(self.size[0] * shrink)), max(2, round(self.size[1] * shrink))

    def _view(self, camera: Camera, time: float) -> kernels.View:
        other = self.scene.camera.at(time + 1 / self.fps, camera.size)  # type: ignore[union-attr]
        view = kernels.View()
        view.position = wp.vec3(*camera.position)
        view.rotation = wp.mat33(camera.world_from_camera[:3, :3])
        view.lens = wp.vec4(*lens_of(camera, self.photo_size))
        view.other_from_world = wp.mat44(other.camera_from_world)
        view.other_lens = wp.vec4(*lens_of(other, self.photo_size))
        view.dt = 1 / self.fps
        return view

    def _window(self, grid: SmokeState, camera: Camera) -> tuple[int, int, int, int] | None:
        """Crop (v0, v1, u0, u1) of the picture that the smoke's box covers."""
        rows, cols = camera.size
        box = np.array([grid.volume.low, grid.volume.high])
        pose = camera.camera_from_world
        points = box[BOX, [0, 1, 2]] @ pose[:3, :3].T + pose[:3, 3]
        if points[:, 2].max() <= 1e-3:
            return None
        if points[:, 2].min() <= 1e-3:
            return 0, rows, 0, cols
        lens = lens_of(camera, self.photo_size)
        pixels = points[:, :2] / points[:, 2:] * lens[:2] + lens[2:]
        u0, v0 = np.clip(np.floor(pixels.min(axis=0)) - 1, 0, (cols, rows)).astype(int)
        u1, v1 = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, (cols, rows)).astype(int)
        return (int(v0), int(v1), int(u0), int(u1)) if u1 > u0 and v1 > v0 else None

    def at(
        self, time: float, camera: Camera | None, surface_depth: np.ndarray, light: Light, *, flow: bool = True
    ) -> SmokeFrame:
        """Smoke at ``time`` [s] in front of a surface.

        Args:
            time: Any instant; between frames the grids are carried along their velocity.
            camera: Of the view's size; default: the scene's camera at ``time``.
            surface_depth: z of what is behind [m], (H, W); smoke behind it is not seen.
            light: Colour and direction; with the smoke's albedo it decides ``scattered``.
            flow: Whether anybody asks for it; else it is 0, and so may the depth of a single smoke be.

        Raises:
            ValueError: ``surface_depth`` is not of the view's size.
        """
        surface_depth = np.ascontiguousarray(surface_depth, dtype=np.float32)
        if surface_depth.shape != self.size:
            raise ValueError(f"surface_depth has shape {surface_depth.shape}, expected the view's size {self.size}.")
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        layers = []
        there = [grid for grid in self._grids if grid.advance(time)]
        lamps = self._lamps(time, there)
        for grid in there:
            layer = self._draw(grid, time, camera, surface_depth, light, lamps, flow)
            if layer is not None:
                layers.append(layer)
        return _stack(layers, self.size)

    def _lamps(self, time: float, there: list[SmokeState]) -> Lamps | None:
        """What glows at ``time`` [s] in smokes that were brought there; remembered."""
        if self._known_lamps is None or self._known_lamps[0] != time:
            self._known_lamps = (time, Lamps.of(there))
        return self._known_lamps[1]

    def firelight(self, time: float, camera: Camera | None, surface_depth: np.ndarray) -> np.ndarray | None:
        """Light of flames on what is seen, as the radiance of a white surface (H, W, 3) float32; None if nothing glows.

        Arguments as of :meth:`at`; the sky is not lit.
        """
        if all(grid.fire is None for grid in self._grids):
            return None
        lamps = self._lamps(time, [grid for grid in self._grids if grid.advance(time)])
        if lamps is None:
            return None
        view, surface, step = self._coarsely(time, camera, surface_depth)
        out = wp.empty(surface.shape, dtype=wp.vec3, device=self.device)
        place, intensity = lamps.arrays(self.device)
        fire_light.on_surface(
            place, intensity, view, wp.array(surface, dtype=wp.float32, device=self.device, copy=False),
            limit=FAR / 2, light_out=out,
        )  # fmt: skip
        sky = surface_depth >= FAR / 2
        light = self._finely(out.numpy(), step)
        light[sky] = 0
        return light * self.glowing

    def _coarsely(self, time: float, camera: Camera | None, surface_depth: np.ndarray):
        """View and depth of every few pixels, and of how many: for what is soft."""
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        step = max(1, round((self.size[0] * self.size[1] / SHADOW_PIXELS) ** 0.5))
        rows, cols = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in self.size)
        surface = np.ascontiguousarray(surface_depth[np.ix_(rows, cols)], dtype=np.float32)
        view, lens, half = self._view(camera, time), lens_of(camera, self.photo_size), step // 2
        view.lens = wp.vec4(*(lens[:2] / step), *((lens[2:] - half - 0.5) / step + 0.5))
        return view, surface, step

    def _finely(self, values: np.ndarray, step: int) -> np.ndarray:
        """What was found for every few pixels, for all of them."""
        if step == 1:
            return values
        return stretch(values, *((np.arange(n) - step // 2) / step for n in self.size))

    def shadow(self, time: float, camera: Camera | None, surface_depth: np.ndarray, light: Light) -> np.ndarray:
        """Share of the distant light that smoke lets through to what is seen, (H, W) float32 in [0, 1].

        Light that is scattered by a small angle still arrives: the optical depth counts 1 - albedo g of itself
        (similarity, van de Hulst 1980). Arguments as of :meth:`at`; the sky has no shadow.
        """
        view, surface, step = self._coarsely(time, camera, surface_depth)
        total = np.zeros(surface.shape, np.float32)
        for grid in self._grids:
            if grid.advance(time):
                towards = wp.vec3(*light.direction)
                grid.light(time, light)
                out = wp.empty(surface.shape, dtype=wp.float32, device=self.device)
                smoke_light.shadow(
                    grid.volume, view, grid.pooled, towards,
                    wp.array(surface, dtype=wp.float32, device=self.device, copy=False),
                    limit=FAR / 2, depth_out=out,
                )  # fmt: skip
                albedo = float(np.mean(grid.material.albedo))  # type: ignore[arg-type]
                total += (1 - albedo * FORWARD[albedo > 0.9]) * out.numpy()
        return self._finely(np.exp(-total), step)

    def _draw(
        self,
        grid: SmokeState,
        time: float,
        camera: Camera,
        surface: np.ndarray,
        light: Light,
        lamps: Lamps | None,
        flow: bool,
    ) -> SmokeFrame | None:
        device, towards = self.device, wp.vec3(*light.direction)
        grid.light(time, light)
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
            flow=flow,
            march_out=marched,
            motion_out=motion,
        )
        glow = self._glow(grid, lamps, self._view(coarse, time), near_device, crop, shape)
        if coarse is not camera:
            full_crop = self._window(grid, camera)
            assert full_crop is not None
            small, small_motion, small_glow = marched, motion, glow
            shape = (full_crop[1] - full_crop[0], full_crop[3] - full_crop[2])
            marched = wp.empty(shape, dtype=wp.vec4, device=device)
            wanted = flow or len(self._grids) > 1  # several smokes are sorted by depth
            motion = wp.empty(shape if wanted else (0, 0), dtype=wp.vec3, device=device)
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

    def _glow(
        self, grid: SmokeState, lamps: Lamps | None, view: kernels.View, surface: wp.array, crop, shape
    ) -> wp.array | None:
        """Light that hot smoke sends out, and that of flames on it, vec4 of the crop's ``shape``; or None."""
        fire, material = grid.fire, grid.material
        if fire is None and lamps is None:
            return None
        device = self.device
        lit = wp.empty((0, 0, 0), dtype=wp.vec3, device=device)
        if lamps is not None:
            place, intensity = lamps.arrays(device)
            blocks = tuple(max(2, -(-n // BLOCK)) for n in grid.track.density.shape[1:])
            lit = wp.empty(blocks, dtype=wp.vec3, device=device)
            fire_light.in_smoke(place, intensity, grid.volume, grid.pooled, block=BLOCK, light_out=lit)
        table = wp.empty(0, dtype=wp.vec3, device=device) if fire is None else fire.table
        out = wp.empty(shape, dtype=wp.vec4, device=device)
        smoke_light.glow(
            grid.volume, view, grid.volume.density if fire is None else fire.heat, table, lit, surface,
            ambient=material.ambient_temperature, table_start=0.0 if fire is None else fire.start,
            table_step=1.0 if fire is None else fire.step, absorbing=wp.vec3(*grid.absorbing), lamp_block=float(BLOCK),
            albedo=wp.vec3(*(material.albedo or (0.0, 0.0, 0.0))), stride=STRIDE, corner=(crop[2], crop[0]),
            glow_out=out,
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
        frame.scattered[place] = scattered.numpy()
        if glow is not None:
            frame.scattered[place] += self.glowing * glow.numpy()[..., :3]
        if moved.size:
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
