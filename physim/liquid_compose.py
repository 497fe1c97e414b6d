"""Liquids put on a picture of everything solid: what they take of the light first, then they themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim import blend
from physim.background import StillMap
from physim.camera import Camera
from physim.foam_view import foam_colour, foam_cover
from physim.liquid_light import enlarged
from physim.liquid_paint import LiquidLayer, LiquidPainter
from physim.plate import resize, resize_map
from physim.scene import Light
from physim.shadow import light_already_there
from physim.trajectory import LiquidTrack, Trajectory
from physim.wet import WetMap

STEP = 3.0
"""Instants of an exposure lie at most this far apart on the picture [pixels], for all but the fastest particles; what
lies between them is smeared along the flow."""
MOST = 12
"""Instants at most."""
SAMPLES = 12e6
"""Of one exposure, about, at most: on large pictures there are fewer instants, and longer smears."""


@dataclass(frozen=True)
class Wet:
    """A picture with liquid."""

    picture: np.ndarray
    """(H, W, 3) sRGB"""
    depth: np.ndarray
    """(H, W) [m]: nearest surface, liquid or solid."""
    shadow: np.ndarray | None
    """(H, W): what liquids leave of the light on what is solid; None where they take nothing."""


class LiquidComposer:
    """Draws the liquids of a trajectory over pictures of the rest.

    Args:
        trajectory: What moved; a scene with a camera and a photo.
        size: (height, width) of the pictures.
        stills: Still layers at this size, which may stand in front, or None.
        shutter: Exposure as a part of the frame.
        device: Warp device.
    """

    def __init__(
        self, trajectory: Trajectory, size: tuple[int, int], stills: StillMap | None, shutter: float, *, device=None
    ) -> None:
        assert trajectory.scene.backdrop is not None
        self._trajectory = trajectory
        self._size = size
        self._stills = stills
        self._shutter = shutter
        self._device = device
        self._painter = LiquidPainter(trajectory, size, blend.to_linear(trajectory.scene.backdrop.photo), device=device)
        plate = blend.to_linear(resize(trajectory.scene.backdrop.plate, size))
        self._lit = light_already_there(plate, trajectory.scene.light)
        self._wet: list[WetMap] | None = None
        self.aim(trajectory.scene.light)

    def aim(self, light: Light) -> None:
        """Let the light be another from now on."""
        self._white = np.asarray(light.ambient) + 0.7 * np.asarray(light.colour)  # of what is turned any way
        self._painter.aim(light)

    def over(self, picture: np.ndarray, depth: np.ndarray, camera: Camera, time: float, *,
             ground: tuple[np.ndarray, np.ndarray] | None = None, unmoved: bool,
             names: list[str] | None = None) -> Wet:  # fmt: skip
        """The picture at ``time`` [s] with all liquid on it; pixels that no liquid touches keep their bits.

        Args:
            picture: Of everything solid (H, W, 3) sRGB.
            depth: z of its surface (H, W) [m].
            camera: At the picture's size.
            time: Middle of the exposure [s].
            ground: Picture and depth without bodies, if they differ.
            unmoved: Whether the camera stands where the photo was taken: then still layers are in their places.
            names: Liquids to draw; default: all.
        """
        linear = blend.to_linear(picture)
        behind = None if ground is None else (blend.to_linear(ground[0]), ground[1])
        left = self._left(time, camera, depth, unmoved)
        if left is not None:
            touched = np.abs(left - 1).max(axis=-1) > 2e-3
            linear[touched] *= left[touched]
            if behind is not None:
                behind[0][touched] *= left[touched]
            picture = picture.copy()
            picture[touched] = blend.to_srgb(linear[touched])
            left = np.where(touched, left.mean(axis=-1), 1.0).astype(np.float32)
        picture = self._wetted(picture, linear, behind, time, camera, depth)
        out, nearest = picture, depth
        layers = []
        for name in self._trajectory.liquids if names is None else names:
            times = self._instants(name, camera, time)
            layer = self._painter.paint(
                name, time, times, camera, linear, depth, behind, supersample=self._supersample(len(times))
            )
            if layer is not None:
                layers.append(layer)
        for layer in sorted(layers, key=_distance, reverse=True):
            out = picture.copy() if out is picture else out
            nearest = depth.copy() if nearest is depth else nearest
            self._lay(out, picture, nearest, layer, unmoved)
        for track in self._trajectory.liquids.values():
            out = self._foamed(out, picture, track, nearest, depth, camera, time)
        return Wet(out, nearest, left)

    def _wetted(self, picture: np.ndarray, linear: np.ndarray, behind, time: float, camera: Camera, depth: np.ndarray):
        """Darken what liquids have touched: ``linear`` and ``behind`` in place, the picture as a copy."""
        for wet_map in self._wet_maps():
            wet = wet_map.at(time, camera, depth)
            if wet is None:
                continue
            there = wet > 1e-3
            linear[there] = wet_map.darken(linear[there], wet[there], self._white)
            picture = picture.copy()
            picture[there] = blend.to_srgb(linear[there])
            if behind is not None:
                below = wet if behind[1] is depth else wet_map.at(time, camera, behind[1])
                if below is not None:
                    there = below > 1e-3
                    behind[0][there] = wet_map.darken(behind[0][there], below[there], self._white)
        return picture

    def _wet_maps(self) -> list[WetMap]:
        if self._wet is None:
            self._wet = []
            for name, track in self._trajectory.liquids.items():
                scene = self._trajectory.scene
                if scene[name].cutout is None:  # what that has touched, the photo shows
                    index = float(scene[name].material.refractive_index or 1.0)  # type: ignore[union-attr]
                    self._wet.append(WetMap(scene, track, self._trajectory.fps, index))
        return self._wet

    def _foamed(self, out, picture, track: LiquidTrack, nearest, depth, camera: Camera, time: float) -> np.ndarray:
        fps, photo = self._trajectory.fps, self._trajectory.scene.backdrop.photo.shape[:2]  # type: ignore[union-attr]
        cover = foam_cover(track, fps, time, camera, photo, self._shutter / fps, nearest, depth, self._device)
        if cover is None:
            return out
        out = out.copy() if out is picture else out
        there = cover > 1e-3
        part = cover[there][:, None]
        white = foam_colour(self._trajectory.scene.light)
        out[there] = blend.to_srgb(blend.to_linear(out[there]) * (1 - part) + part * white)
        return out

    @property
    def of_photo(self) -> list[str]:
        """The liquids that the photo shows."""
        return [name for name in self._trajectory.liquids if self._trajectory.scene[name].cutout is not None]

    def beneath(self, photo: np.ndarray, plate: np.ndarray) -> np.ndarray:
        """The photo (H, W, 3) at this size where it shows no liquid, the plate where it does."""
        out = photo
        for name in self.of_photo:
            scene = self._trajectory.scene
            cutout, backdrop = scene[name].cutout, scene.backdrop
            assert cutout is not None and backdrop is not None
            mask = np.zeros(backdrop.photo.shape[:2], np.float32)
            (u, v), (h, w), (rows, cols) = cutout.corner, cutout.alpha.shape, backdrop.photo.shape[:2]
            v0, u0, v1, u1 = max(v, 0), max(u, 0), min(v + h, rows), min(u + w, cols)
            mask[v0:v1, u0:u1] = cutout.alpha[v0 - v : v1 - v, u0 - u : u1 - u]
            there = resize_map(mask, self._size) > 0.02
            out = out.copy() if out is photo else out
            out[there] = plate[there]
        return out

    def _left(self, time: float, camera: Camera, depth: np.ndarray, unmoved: bool) -> np.ndarray | None:
        """What liquids leave of all light on the surface (H, W, 3); None if they change nothing."""
        total = None
        for light in self._painter.lights():
            factor = light(time, camera, depth)
            if factor is not None:
                total = factor if total is None else total * factor
        if total is None:
            return None
        direct = enlarged(total, self._size)
        floor = float(np.clip(self._trajectory.scene.light.shadow_floor, 1e-3, 1.0))
        lit = (self._lit if unmoved else 1.0) * (1 - floor)
        lit = lit[..., None] if isinstance(lit, np.ndarray) else lit
        return (direct * lit + floor) / (lit + floor)

    def _lay(self, out: np.ndarray, picture: np.ndarray, depth: np.ndarray, layer: LiquidLayer, unmoved: bool) -> None:
        v0, v1, u0, u1 = layer.window
        window = (slice(v0, v1), slice(u0, u1))
        colour = layer.colour
        if self._stills is not None and unmoved:
            alpha = self._stills.alpha[window] * (self._stills.depth[window] < layer.depth)
            colour = colour * (1 - alpha[..., None])
        cover = colour[..., 3] > 1e-4
        crop = out[window]
        mixed = blend.to_srgb(blend.over(blend.to_linear(crop), colour))
        crop[cover] = mixed[cover]
        near = (colour[..., 3] > 0.5) & np.isfinite(layer.depth)
        depth[window][near] = np.minimum(depth[window], layer.depth)[near]

    def _instants(self, name: str, camera: Camera, time: float) -> np.ndarray:
        """Instants of the exposure: so many that most of the liquid moves ``STEP`` pixels from one to the next."""
        half = 0.5 * self._shutter / self._trajectory.fps
        surface = self._painter.surfaces[name]
        mesh = surface.at(time)
        if mesh is None or half <= 0:
            return np.array([time])
        some = mesh.numbers[:: max(1, len(mesh.numbers) // 4000)]
        ends = [camera.project(surface.places(some, t).astype(np.float64)) for t in (time - half, time + half)]
        seen = (ends[0][1] > 1e-3) & (ends[1][1] > 1e-3)
        way = np.linalg.norm(ends[1][0] - ends[0][0], axis=-1)[seen]
        way = way[np.isfinite(way)]
        longest = float(np.quantile(way, 0.98)) if len(way) else 0.0
        most = int(np.clip(SAMPLES / max(self._extent(ends[0][0][seen]), 1.0), 3, MOST))
        count = int(np.clip(np.ceil(longest / STEP), 1, most))
        return time + half * (2 * (np.arange(count) + 0.5) / count - 1) if count > 1 else np.array([time])

    def _extent(self, pixels: np.ndarray) -> float:
        """Area of the box that some pixels (N, 2) span within the picture."""
        if len(pixels) == 0:
            return 0.0
        side = np.clip(pixels.max(axis=0), 0, self._size[::-1]) - np.clip(pixels.min(axis=0), 0, self._size[::-1])
        return float(side[0] * side[1])

    def _supersample(self, count: int) -> int:
        if count >= 4 or self._size[1] > 2400:
            return 1
        return 2


def _distance(layer: LiquidLayer) -> float:
    seen = layer.depth[np.isfinite(layer.depth)]
    return float(np.median(seen)) if seen.size else 0.0
