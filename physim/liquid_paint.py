"""Liquid painted over an exposure: seen at shared instants, averaged as light, with the picture behind it bent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import liquid_shade as kernels
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter, grey_closing

from physim import blend
from physim.backdrop_view import lens_of, photo_camera
from physim.camera import Camera
from physim.liquid_light import SIDE, LiquidLight
from physim.liquid_surface import LiquidSurface
from physim.liquid_view import LiquidFrame, LiquidView
from physim.materials import Liquid
from physim.plate import resize
from physim.scene import Light, Scene
from physim.shading import shaken
from physim.surroundings import surroundings
from physim.trajectory import Trajectory

INNER = 3.0
"""How far within its outline a photographed liquid has its own colours alone [pixels, 800 wide]."""
EVEN = 0.12
"""Standard deviation of the mean over the motion of a photographed surface [square roots of its area]."""
SHARP = 0.45
"""Standard deviation of the blur of a lens [pixels]: what is computed is otherwise sharper than the photo around it."""


@dataclass(frozen=True)
class LiquidLayer:
    """What a liquid puts on a crop of the picture, averaged over the exposure."""

    window: tuple[int, int, int, int]
    """(v0, v1, u0, u1) [pixels]"""
    colour: np.ndarray
    """(h, w, 4) float32: premultiplied linear colour and cover."""
    depth: np.ndarray
    """(h, w) float32: z of the surface in the middle of the exposure [m], infinite where there is none."""


def medium_of(material: Liquid) -> kernels.Medium:
    """A liquid as what light meets."""
    medium = kernels.Medium()
    medium.index = float(material.refractive_index or 1.0)
    medium.absorption = wp.vec3(*(material.absorption or (0.0, 0.0, 0.0)))
    medium.scattering = wp.vec3(*(material.scattering or (0.0, 0.0, 0.0)))
    medium.rough = float(material.roughness or 0.0)
    return medium


class LiquidPainter:
    """Paints the liquids of a trajectory at one picture size.

    Args:
        trajectory: What moved; a scene with a camera and a photo.
        size: (height, width) of the pictures.
        linear: The photo at any size (H, W, 3), linear: what the surroundings are guessed from.
        device: Warp device.
    """

    def __init__(self, trajectory: Trajectory, size: tuple[int, int], linear: np.ndarray, *, device=None) -> None:
        self._trajectory = trajectory
        self._scene: Scene = trajectory.scene
        self.size = size
        self.device = wp.get_device(device)
        assert self._scene.camera is not None
        sky = surroundings(linear, self._scene.camera.start, self._scene.light)
        self._sky = wp.array(sky, dtype=wp.vec3, device=self.device)
        self.surfaces = {
            name: LiquidSurface(track, self._scene, trajectory.fps, self.device)
            for name, track in trajectory.liquids.items()
        }
        self._views: dict[tuple[str, int], LiquidView] = {}
        self._photos: dict[str, wp.array] = {}
        self._lights: list[LiquidLight] | None = None

    def view(self, name: str, supersample: int) -> LiquidView:
        """One liquid at so many samples per pixel."""
        key = (name, supersample)
        if key not in self._views:
            self._views[key] = LiquidView(
                self._trajectory, name, self.size, self.device, supersample=supersample, surface=self.surfaces[name]
            )
        return self._views[key]

    def lights(self) -> list[LiquidLight]:
        """What each liquid does to the light on everything solid."""
        if self._lights is None:
            photo_size = self._scene.backdrop.photo.shape[:2]  # type: ignore[union-attr]
            self._lights = []
            for name, surface in self.surfaces.items():
                if self._scene[name].cutout is not None:  # its shadow is in the photo
                    continue
                view = LiquidView(self._trajectory, name, (SIDE, SIDE), self.device, surface=surface)
                view.photo_size = (SIDE, SIDE)
                medium = medium_of(self._scene[name].material)  # type: ignore[arg-type]
                self._lights.append(LiquidLight(view, medium, photo_size))
        return self._lights

    def aim(self, light: Light) -> None:
        """Let the light come from elsewhere from now on."""
        for each in self._lights or ():
            each.aim(light)

    def paint(
        self, name: str, time: float, times: np.ndarray, camera: Camera, picture: np.ndarray, depth: np.ndarray,
        ground: tuple[np.ndarray, np.ndarray] | None = None, *, supersample: int,
    ) -> LiquidLayer | None:  # fmt: skip
        """One liquid, mean over ``times`` [s], seen by one camera; None if it is not in the picture.

        Args:
            name: Of the liquid.
            time: Middle of the exposure [s]; its surface is carried to the other instants.
            times: Instants of the exposure.
            camera: At the picture's size.
            picture: What is behind, linear (H, W, 3).
            depth: z of its surface (H, W) [m].
            ground: Both without bodies, which bent rays may see behind them; default: the same.
            supersample: Samples per pixel along each side.
        """
        view = self.view(name, supersample)
        solid = wp.array(np.ascontiguousarray(depth, np.float32), dtype=float, device=self.device)
        cameras = [shaken(camera, k) for k in range(len(times))]
        frames = [view.at(float(t), c, solid, shape_at=time) for t, c in zip(times, cameras, strict=True)]
        seen = [frame for frame in frames if frame is not None]
        if not seen:
            return None
        windows = np.array([frame.window for frame in seen])
        v0, v1, u0, u1 = windows[:, 0].min(), windows[:, 1].max(), windows[:, 2].min(), windows[:, 3].max()
        layer = wp.zeros((v1 - v0, u1 - u0), dtype=wp.vec4, device=self.device)
        around = self._around(picture, solid, camera, ground)
        medium = medium_of(self._scene[name].material)  # type: ignore[arg-type]
        apart = float(times[1] - times[0]) if len(times) > 1 else 0.0
        for frame in seen:
            colour = wp.empty(frame.depth.shape, dtype=wp.vec4, device=self.device)
            if self._scene[name].cutout is None:
                kernels.shade(self._layer(frame, camera), around, medium, colour_out=colour)
            else:
                self._photographed(name, view, frame, camera, around, medium, colour)
            kernels.gather(
                colour, self._way(view, frame, apart), supersample=supersample, weight=1 / len(times),
                offset=(frame.window[0] - v0, frame.window[2] - u0), layer=layer,
            )  # fmt: skip
        middle = seen[len(seen) // 2]
        near = np.full(layer.shape, np.inf, np.float32)
        a, b, c, d = middle.window
        near[a - v0 : b - v0, c - u0 : d - u0] = middle.depth[::supersample, ::supersample]
        return LiquidLayer((int(v0), int(v1), int(u0), int(u1)), _held(layer.numpy()), near)

    def _photographed(self, name: str, view: LiquidView, frame: LiquidFrame, camera: Camera, around, medium, colour):
        """Samples of a liquid that the photo shows: where its matter was then, its colour is now."""
        assert self._scene.camera is not None
        start = photo_camera(self._scene.camera, view.photo_size).resized(self.size)
        flow = _evened(view.motion(frame, 0.0, start).flow, frame.thickness > 0)
        up = camera.world_from_camera[:3, :3].T @ np.array([0.0, 1.0, 0.0])
        kernels.photographed(
            self._layer(frame, camera), around, medium,
            wp.array(flow, dtype=wp.vec2, device=self.device), self._own(name), wp.vec3(*up), colour_out=colour,
        )  # fmt: skip

    def _own(self, name: str) -> wp.array:
        """The photo, linear, at picture size, with the colours of one liquid continued beyond it."""
        if name not in self._photos:
            backdrop, cutout = self._scene.backdrop, self._scene[name].cutout
            assert backdrop is not None and cutout is not None
            rows, cols = backdrop.photo.shape[:2]
            mask = np.zeros((rows, cols), bool)
            (u, v), (h, w) = cutout.corner, cutout.alpha.shape
            v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, rows), min(u + w, cols)
            mask[v0:v1, u0:u1] = cutout.alpha[v0 - v : v1 - v, u0 - u : u1 - u] > 0.9
            # its outermost pixels hold some of what is in front: it goes on from a little further in
            inner = binary_erosion(mask, iterations=max(1, round(INNER * cols / 800)))
            known = inner if inner.any() else mask
            nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
            going_on = backdrop.photo[nearest[0], nearest[1]]
            soft = gaussian_filter(going_on, (2 * INNER, 2 * INNER, 0))
            outside = np.clip(distance_transform_edt(~known) / (2 * INNER), 0, 1)[..., None]
            own = (going_on + outside * (soft - going_on)).astype(np.float32)
            linear = blend.to_linear(resize(np.ascontiguousarray(own), self.size))
            self._photos[name] = wp.array(linear, dtype=wp.vec3, device=self.device)
        return self._photos[name]

    def _way(self, view: LiquidView, frame: LiquidFrame, apart: float) -> wp.array:
        """How far each sample moves until the next instant [s], so that what is fast leaves no separate prints."""
        if apart <= 0:
            return wp.empty((0, 0), dtype=wp.vec2, device=self.device)
        flow = view.motion(frame, frame.time + apart, frame.camera).flow
        return wp.array(flow, dtype=wp.vec2, device=self.device, copy=False)

    def _around(self, picture: np.ndarray, solid: wp.array, camera: Camera, ground) -> kernels.Around:
        light = self._scene.light
        around = kernels.Around()
        around.picture = wp.array(np.ascontiguousarray(picture, np.float32), dtype=wp.vec3, device=self.device)
        around.depth, around.sky = solid, self._sky
        around.ground, around.ground_depth = around.picture, solid
        if ground is not None:
            colour, depth = (np.ascontiguousarray(values, np.float32) for values in ground)
            around.ground = wp.array(colour, dtype=wp.vec3, device=self.device)
            around.ground_depth = wp.array(depth, dtype=float, device=self.device)
        photo_size = self._views[next(iter(self._views))].photo_size
        around.lens = wp.vec4(*lens_of(camera, photo_size))
        turn = camera.world_from_camera[:3, :3]
        around.world_from_camera = wp.mat33(*turn.ravel())
        around.light = wp.vec3(*(turn.T @ np.asarray(light.direction)))
        around.spread = max(light.half_angle, 0.01)
        around.key, around.ambient = wp.vec3(*light.colour), wp.vec3(*light.ambient)
        return around

    def _layer(self, frame: LiquidFrame, camera: Camera) -> kernels.Layer:
        layer, device = kernels.Layer(), self.device
        layer.depth = wp.array(frame.depth, dtype=float, device=device, copy=False)
        layer.normal = wp.array(frame.normal, dtype=wp.vec3, device=device, copy=False)
        layer.thickness = wp.array(frame.thickness, dtype=float, device=device, copy=False)
        layer.back = wp.array(frame.back, dtype=float, device=device, copy=False)
        layer.back_normal = wp.array(frame.back_normal, dtype=wp.vec3, device=device, copy=False)
        layer.u, layer.v = frame.window[2] * frame.supersample, frame.window[0] * frame.supersample
        layer.supersample = frame.supersample
        layer.cell = 2 * frame.mesh.fine
        moved = np.subtract(frame.camera.principal_point, camera.principal_point)
        layer.shift = wp.vec2(*moved)
        return layer


def _evened(flow: np.ndarray, there: np.ndarray) -> np.ndarray:
    """A way back to the photo (h, w, 2) without what is finer than a part of the surface.

    Sloshing and swirling are smooth on the scale of the basin; what differs from cell to cell is the particles' own
    mixing, which adds up over time and would fold the photo's highlights.
    """
    if not there.any():
        return flow
    sigma = EVEN * np.sqrt(there.sum())
    inside = there.astype(np.float32)
    weight = np.maximum(gaussian_filter(inside, sigma, mode="constant"), 1e-4)
    out = [gaussian_filter(flow[..., c] * inside, sigma, mode="constant") / weight for c in range(2)]
    return np.stack(out, axis=-1).astype(np.float32)


def _held(layer: np.ndarray) -> np.ndarray:
    """Cover of at most 1, where spread-out pixels meet others they share the place; and none of the fine gaps that they
    leave where they part.
    """
    cover = layer[..., 3]
    missing = grey_closing(np.pad(np.minimum(cover, 1.0), 2), (3, 3))[2:-2, 2:-2] - cover
    gaps = missing > 0.004
    if gaps.any():
        soft = gaussian_filter(layer, (1.0, 1.0, 0.0), mode="constant")
        layer = layer.copy()
        layer[gaps] += missing[gaps][:, None] * soft[gaps] / np.maximum(soft[gaps][:, 3:], 1e-3)
    layer = gaussian_filter(layer, (SHARP, SHARP, 0.0), mode="constant")
    return layer / np.maximum(layer[..., 3:], 1.0)
