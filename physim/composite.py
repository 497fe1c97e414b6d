"""One picture of moving things over the photo: plate, shadows, bodies and cloth. No memory of other frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import warp as wp
from scipy.ndimage import gaussian_filter, map_coordinates

from physim import blend
from physim.backdrop_view import BackdropFrame, photo_camera
from physim.background import Background, StillMap
from physim.body_view import pose_matrix
from physim.camera import Camera
from physim.cloth_paint import ClothPainter
from physim.depth_edge import DepthEdges
from physim.exposure import Exposure, expose
from physim.ground_shadow import FAINT, GroundShadow
from physim.lake_mirror import LakeMirror
from physim.lake_view import LakeView
from physim.matte import SHADOW_RING
from physim.ordered import Once
from physim.plate import PlateSampler
from physim.scene import Light
from physim.shading import BodyLayer, BodyPainter, Surroundings, merge_layers
from physim.shadow import ShadowCaster, ground_below, light_already_there, tint_of
from physim.shown import furniture
from physim.stretch import warped
from physim.surface_texture import TILE, PhotoTexture, grain_tile
from physim.trajectory import Trajectory

CLEAR = 0.75
"""Part of a shadow that water swallows: most of its light is mirrored, or comes from its depth."""


def state_of(trajectory: Trajectory, time: float) -> tuple:
    """Where everything is at ``time`` [s], but for the last digits, which turn with the instants of what is at rest."""
    poses = (track.at(time) for track in trajectory.bodies.values())
    rounded = tuple((*np.round(p, 12), *np.round(q, 12)) for p, q in poses)
    return rounded, tuple(hash(np.round(track.at(time), 12).tobytes()) for track in trajectory.cloths.values())


@dataclass(frozen=True)
class Solid:
    """A picture without smoke, and what smoke has to know about it."""

    picture: np.ndarray
    """(H, W, 3) sRGB"""
    shadow: np.ndarray
    """(H, W): what is left of the light."""
    depth: np.ndarray
    """(H, W) [m]: nearest surface."""
    backdrop: BackdropFrame
    ground: np.ndarray | None = None
    """(H, W, 3) sRGB: the picture without what moves, if there is liquid that may show it."""
    ground_depth: np.ndarray | None = None
    """(H, W) [m]: its nearest surface."""


class SolidComposer:
    """Draws plate, shadows and bodies at any time.

    Args:
        trajectory: What moves, with camera and backdrop.
        plate: The background at picture size (H, W, 3) sRGB.
        size: (height, width).
        view: The backdrop seen by the camera, at this size.
        texture: Sharpness and grain of the photo.
        stills: Still layers at this size, or None.
        shutter: Exposure as a part of the frame.
        device: Warp device.
    """

    def __init__(
        self, trajectory: Trajectory, plate: np.ndarray, size: tuple[int, int], view: Background,
        texture: PhotoTexture, *, stills: StillMap | None = None, shutter: float = 0.5, device=None,
    ) -> None:  # fmt: skip
        self.trajectory = trajectory
        self.scene = trajectory.scene
        self.size = size
        self.plate = plate
        self._view = view
        self._texture = texture
        self._stills = stills
        self._shutter = shutter
        self._device = device
        assert self.scene.camera is not None and self.scene.backdrop is not None
        self._static = self.scene.camera.is_static
        self._photo_size = self.scene.backdrop.photo.shape[:2]
        self._tint = tint_of(self.scene.light)
        self._caster = ShadowCaster(trajectory, device=device)
        self._furniture = {entity.name for entity in furniture(self.scene)}
        self._painter: BodyPainter | None = None
        self._weaver: ClothPainter | None = None
        self._lit: np.ndarray | None = None
        self._ground: GroundShadow | None = None
        if trajectory.bodies or trajectory.cloths:
            self._prepare()
        self._sampler: PlateSampler | None = None
        self.lakes: LakeView | None = None
        """Lakes of the photo that move."""
        if trajectory.lakes:
            lakes = LakeView(trajectory, size, device)
            self.lakes = lakes if lakes.any else None
        self._mirror = LakeMirror(trajectory, self.lakes, device) if self.lakes is not None else None
        self._grain: np.ndarray | None = None
        self._resting: dict[str, tuple[tuple | None, BodyLayer | None]] = {}
        self._uploaded: tuple[np.ndarray, wp.array] | None = None
        self.edges = Once(self._find_edges)
        """Where the photographed surface breaks off; composers of the same pictures may share it."""
        self._turns: dict[str, np.ndarray] = {}
        self._start_eye = self.scene.camera.start.position

    def _prepare(self) -> None:
        """Painters of bodies and cloth, and their shadows."""
        trajectory, device = self.trajectory, self._device
        self._lit = light_already_there(blend.to_linear(self.plate), self.scene.light)
        cloth = None
        if trajectory.cloths:
            self._weaver = ClothPainter(trajectory, self.size, self._caster, self._lit, device=device)
            cloth = self._weaver.light
        if trajectory.bodies:
            self._painter = BodyPainter(trajectory, self.size, self._caster, cloth=cloth, device=device)
        self._ground = GroundShadow(
            trajectory, self._caster, self._lit, self._photo_size, cloth=cloth, device=device
        )  # fmt: skip

    def aim(self, light: Light) -> None:
        """Let the light be another from now on."""
        self._tint = tint_of(light)
        self._caster.aim(light)
        for painter in (self._painter, self._weaver, self._mirror):
            if painter is not None:
                painter.aim(light)

    def background(self, frame: BackdropFrame, time: float = 0.0) -> np.ndarray:
        """The plate through the camera, a fresh (H, W, 3) sRGB array; its lakes as they are at ``time``."""
        still = self.unmoved(frame)
        if self._sampler is None and (not still or self.lakes is not None):
            self._sampler = PlateSampler(self.plate, self._photo_size, self._device)
        picture = self.plate.copy() if still else self._sampler(frame.source_uv)  # type: ignore[misc]
        if self.lakes is not None:
            assert self._sampler is not None
            picture = self.lakes.paint(picture, self._sampler, frame, time)
        return picture

    def unmoved(self, frame: BackdropFrame) -> bool:
        """Whether the camera stands where the photo was taken."""
        assert self.scene.camera is not None
        return self._static or frame.camera.view == self.scene.camera.at(0.0, self.size).view

    def _through(self, values: np.ndarray, frame: BackdropFrame, where=None) -> np.ndarray:
        """A map on the plate's grid seen through the camera; ``where``: flat indices or a (v, u) pair of slices."""
        pick = (lambda a: a.reshape(-1, *a.shape[2:])[where]) if isinstance(where, np.ndarray) else (lambda a: a[where])
        if self.unmoved(frame):
            return pick(values)
        scale = (self.size[1] / self._photo_size[1], self.size[0] / self._photo_size[0])
        return warped(values, pick(frame.source_uv), scale, self._device)

    def exposure(self, time: float, camera: Camera) -> Exposure:
        return expose(self.trajectory, camera, time, self._shutter, self.size[1] / self._photo_size[1])

    def at(self, time: float) -> Solid:
        """The picture at ``time`` [s]."""
        frame = self._view.at(time)
        picture = self.background(frame, time)
        if self._ground is None:
            return Solid(picture, np.ones(self.size, np.float32), frame.depth, frame)
        shutter = self.exposure(time, frame.camera)
        shadow = self._on_water(self._shadow(shutter, frame), frame)
        blend.darken(picture, shadow, self._tint, device=self._device)
        if self._mirror is not None:
            self._mirror.paint(picture, frame, shutter)
        depth = frame.depth
        layers = merge_layers(self._layers(shutter, frame))
        ground, ground_depth = None, frame.depth
        if self.trajectory.liquids and layers:
            ground = picture.copy()
            standing = [name for name in shutter.resting if name in self._furniture]
            for layer in merge_layers(self._layers(shutter, frame, standing)):
                ground_depth = self._lay(ground, layer, frame, ground_depth)
        for layer in layers:
            depth = self._lay(picture, layer, frame, depth)
        return Solid(picture, shadow, depth, frame, ground, ground_depth)

    def _on_water(self, shadow: np.ndarray, frame: BackdropFrame) -> np.ndarray:
        """Shadows as water shows them: on what it scatters alone, for what it mirrors comes from elsewhere."""
        if self.lakes is None:
            return shadow
        for _, _, there in self.lakes.surfaces(frame):
            shadow = 1 - (1 - shadow) * (1 - CLEAR * there)
        return shadow

    def _layers(self, shutter: Exposure, frame: BackdropFrame, names: list[str] | None = None) -> list[BodyLayer]:
        """One layer per visible body or cloth, or of some; that of a thing that rests is remembered."""
        layers = []
        for name in [*shutter.resting, *shutter.moving] if names is None else names:
            rests = name in shutter.resting
            times = shutter.times_of(name)
            key = self._rest_key(name, shutter.time, frame) if rests else None
            if key is None or self._resting.get(name, (None, None))[0] != key:
                painter = self._weaver if name in self.trajectory.cloths else self._painter
                layer = painter.paint(  # type: ignore[union-attr]
                    name, times, frame.camera, self._surface(frame, self._hiding(name, times, frame)),
                    self._surroundings(name, shutter.time, frame), supersample=self._supersample(len(times)),
                )  # fmt: skip
                self._resting[name] = (key, layer)
            layer = self._resting[name][1]
            if layer is not None:
                layers.append(layer)
        return layers

    def _hiding(self, name: str, times: np.ndarray, frame: BackdropFrame) -> tuple[slice, slice] | None:
        """Where a thing may be seen if part of it may lie behind something; else edges need not be looked for."""
        balls = [self._ball(name, float(time)) for time in times]
        centres, radius = np.stack([centre for centre, _ in balls]), max(radius for _, radius in balls)
        pixels, z = frame.camera.project(centres)
        if z.min() <= 2 * radius:
            return slice(0, self.size[0]), slice(0, self.size[1])
        reach = 1.5 * radius * frame.camera.focal / (z.min() - radius) + 4
        low = np.clip(np.floor(pixels.min(axis=0) - reach), 0, self.size[::-1]).astype(int)
        high = np.clip(np.ceil(pixels.max(axis=0) + reach), 0, self.size[::-1]).astype(int)
        window = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        crop = frame.depth[window]
        # A point is cut where it lies half a radius behind the surface.
        return window if crop.size and crop.min() < z.max() + 0.5 * radius else None

    def _ball(self, name: str, time: float) -> tuple[np.ndarray, float]:
        """Centre (3,) and radius [m] of a ball that holds a body or a cloth at ``time`` [s]."""
        if name in self.trajectory.bodies:
            return self.trajectory.bodies[name].at(time)[0], self.scene[name].shape.bounding_radius  # type: ignore[union-attr]
        vertices = self.trajectory.cloths[name].at(time).astype(np.float64)
        centre = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
        return centre, float(np.linalg.norm(vertices - centre, axis=1).max())

    def _find_edges(self) -> DepthEdges | None:
        assert self.scene.backdrop is not None
        sample = self.size[1] / self.scene.backdrop.depth.shape[1]
        return DepthEdges.find(self.plate, self._view.unmoved_depth(), sample)

    def _surface(self, frame: BackdropFrame, window: tuple[slice, slice] | None) -> tuple[wp.array, wp.array]:
        """Nearer and farther depth of the photographed surface, which differ along its edges inside ``window``."""
        edges = self.edges.get() if window is not None else None
        if edges is not None and window is not None:
            assert self.scene.camera is not None
            start = photo_camera(self.scene.camera, self._photo_size)
            near, far = edges.split(frame, start, self._photo_size, window)
            return tuple(wp.array(side, dtype=wp.float32, device=self._device) for side in (near, far))
        if self._uploaded is None or self._uploaded[0] is not frame.depth:
            depth = wp.array(np.ascontiguousarray(frame.depth, np.float32), dtype=wp.float32, device=self._device)
            self._uploaded = (frame.depth, depth)
        return self._uploaded[1], self._uploaded[1]

    def _rest_key(self, name: str, time: float, frame: BackdropFrame) -> tuple:
        """What the look of a resting thing depends on: its pose, the camera, and whatever stands about it."""
        if self.trajectory.cloths:  # which darken it as they move
            return (frame.camera.view, self._caster.key, *state_of(self.trajectory, time))
        near = self._caster.neighbours(name, time) if self.scene[name].cutout is None else []
        poses = [self.trajectory.bodies[other].at(time) for other in [name, *near]]
        rounded = tuple((*np.round(p, 12), *np.round(q, 12)) for p, q in poses)
        return (frame.camera.view, self._caster.key, tuple(near), rounded)

    def _supersample(self, count: int) -> int:
        """Samples per pixel along a side: instants are spread over the pixel as well, and each adds its own."""
        fine = self.size[1] >= 1.5 * self._photo_size[1]  # the picture's pixels are samples of the photo's
        if count >= (4 if fine else 7):
            return 1
        if count > 1 or fine or self.size[1] > 1600 or not self._static:
            return 2
        return 3

    # shadows

    def _shadow(self, shutter: Exposure, frame: BackdropFrame) -> np.ndarray:
        """What is left of the light (H, W) float32."""
        carried, window, weights = self._carried_shadows(shutter, frame)
        assert self._ground is not None
        shadow = self._ground(shutter, frame, weights, self.unmoved(frame))
        if carried is None:
            return shadow
        thrown = shadow[window]
        both = carried * thrown
        # A thing half of whose shadow is carried throws the other half: two parts of one darkness, which add up.
        if any(FAINT < left < 1 - FAINT for left in weights.values()):
            both = np.maximum(carried + thrown - 1, self._caster.floor * both)
        shadow[window] = both
        return shadow

    def _carried_shadows(
        self, shutter: Exposure, frame: BackdropFrame
    ) -> tuple[np.ndarray | None, tuple[slice, slice], dict[str, float]]:
        """The shadows that sliding things took along, their window, and how much shadow is left for each to throw."""
        left, found = {}, []
        for name in self._caster.names:
            cutout = self.scene[name].cutout
            if cutout is None or cutout.shadow is None:
                continue
            times = shutter.times_of(name)
            some = times[:: max(1, len(times) // 4)]
            rings = [self._ring(name, float(time), frame) for time in some]
            left[name] = 1 - float(np.mean([weight for weight, *_ in rings]))
            found.append([(weight / len(some), window, ratio) for weight, window, ratio in rings if window is not None])
        windows = np.array([window for rings in found for _, window, _ in rings])
        if not len(windows):
            return None, (slice(0), slice(0)), left
        (low_v, _, low_u, _), (_, high_v, _, high_u) = windows.min(axis=0), windows.max(axis=0)
        carried = np.ones((high_v - low_v, high_u - low_u), np.float32)
        for rings in found:
            before = carried.copy() if len(rings) > 1 else carried
            for weight, (v0, v1, u0, u1), ratio in rings:
                at = (slice(v0 - low_v, v1 - low_v), slice(u0 - low_u, u1 - low_u))
                carried[at] += before[at] * np.float32(weight) * (ratio - 1)
        return carried, (slice(low_v, high_v), slice(low_u, high_u)), left

    def _ring(self, name: str, time: float, frame: BackdropFrame):
        """Weight, window and light ratio of a thing's own shadow at one instant."""
        cutout, track = self.scene[name].cutout, self.trajectory.bodies[name]
        assert cutout is not None and cutout.shadow is not None and self._painter is not None
        rest, now = track.at(0.0)[0], track.at(time)[0]
        camera = frame.camera
        radius = self.scene[name].shape.bounding_radius  # type: ignore[union-attr]
        lift = (now[1] - rest[1]) / (0.15 * radius)
        turn = self._turned_by(name, time, camera.position)
        weight = float(np.exp(-(lift**2)) * (1 - turn)) * self._short(name, rest)
        assert self.scene.camera is not None
        start = self.scene.camera.at(0.0, self.size)
        (c0, z0), (ct, zt) = start.project(rest), camera.project(now)
        grow = float(z0 / max(zt, 1e-6))
        scale = self.size[1] / self._photo_size[1]
        low = (np.array(cutout.corner) * scale - c0) * grow + ct
        rows, cols = cutout.shadow.shape
        high = low + np.array([cols, rows]) * scale * grow
        u0, v0 = np.clip(np.floor(low), 0, self.size[::-1]).astype(int)
        u1, v1 = np.clip(np.ceil(high), 0, self.size[::-1]).astype(int)
        if weight < 1e-3 or u1 <= u0 or v1 <= v0:
            return 0.0, None, None
        u, v = np.meshgrid(np.arange(u0, u1) + 0.5, np.arange(v0, v1) + 0.5)
        at = [(v - low[1]) / (scale * grow) - 0.5, (u - low[0]) / (scale * grow) - 0.5]
        ratio = map_coordinates(cutout.shadow.astype(np.float32), at, order=1, mode="constant", cval=1.0)
        return weight, (int(v0), int(v1), int(u0), int(u1)), np.clip(ratio, 0.02, 4.0)

    def _turned_by(self, name: str, time: float, eye: np.ndarray) -> float:
        """The most that a thing has turned until ``time`` [s]: a ball that went round does not get its shadow back."""
        assert self._painter is not None
        track, painter = self.trajectory.bodies[name], self._painter
        if name not in self._turns:
            rate = track.fps * track.samples_per_frame
            poses = [pose_matrix(*track.at(k / rate)) for k in range(len(track.dense_position))]
            turns = [painter.turned(name, pose, self._start_eye) for pose in poses]
            self._turns[name] = np.maximum.accumulate(turns)
        before = self._turns[name][: max(int(time * track.fps * track.samples_per_frame), 0) + 1]
        return max(float(before[-1]), painter.turned(name, pose_matrix(*track.at(time)), eye))

    def _short(self, name: str, rest: np.ndarray) -> float:
        """1 if a thing's cast shadow ends within the ring that it carries along, 0 if that is only a part of it."""
        entity, light, camera = self.scene[name], np.asarray(self.scene.light.direction), self.scene.camera
        assert camera is not None
        corners = entity.shape.triangles.vertices  # type: ignore[union-attr]
        turned = corners @ pose_matrix(np.zeros(3), np.asarray(entity.orientation))[:3, :3].T
        reach = float(np.ptp(turned[:, 1])) * np.hypot(light[0], light[2]) / max(float(light[1]), 0.1)
        start = camera.at(0.0, self.size)
        pixels = reach * start.focal / max(float(start.project(rest)[1]), 1e-6) / (self.size[1] / self._photo_size[1])
        assert entity.cutout is not None
        ring = entity.cutout.reach or SHADOW_RING * max(1.0, self._photo_size[1] / 800)
        return float(np.clip(2 - pixels / ring, 0, 1))

    # bodies

    def _surroundings(self, name: str, time: float, frame: BackdropFrame) -> Surroundings:
        """Colour and height of the ground below an added body, and the light that reaches it there."""
        if self.scene[name].cutout is not None:
            return Surroundings(np.zeros(3), 0.0, 1.0)
        centre, radius = self._ball(name, time)
        below, pixel = ground_below(centre, frame.camera, frame.depth)
        z = max(float(frame.camera.project(below)[1]), 1e-3)
        reach = int(np.clip(radius * frame.camera.focal / z, 2, 200))
        # what lies beyond the border is taken from the border, as the ground's depth is
        u, v = (int(np.clip(pixel[k], 0, self.size[1 - k] - 1)) for k in (0, 1))
        step = max(1, reach // 8)
        window = (slice(max(v - reach, 0), v + reach + 1, step), slice(max(u - reach, 0), u + reach + 1, step))
        colour = blend.to_linear(self._through(self.plate, frame, window).reshape(-1, 3)).mean(axis=0)
        assert self._lit is not None
        shade = 1 - float(np.clip(np.median(self._through(self._lit, frame, window)), 0.1, 1))
        near = float(np.exp(-max(centre[1] - below[1] - radius, 0) / radius))
        return Surroundings(colour, float(below[1]), 1 - near * shade)

    def _lay(self, picture: np.ndarray, layer: BodyLayer, frame: BackdropFrame, depth: np.ndarray) -> np.ndarray:
        """Put the bodies on the picture, in place; returns the depth of what is seen."""
        v0, v1, u0, u1 = layer.window
        window = (slice(v0, v1), slice(u0, u1))
        layer = self._behind_edges(self._softened(self._behind_stills(layer, frame, window)), frame, window)
        cover = layer.colour[..., 3] > 1e-4
        crop = picture[window]
        mixed = blend.to_srgb(blend.over(blend.to_linear(crop), layer.colour))
        if layer.made.max() > 0:
            mixed = np.clip(mixed + self._grain_at(layer.seed, layer.window) * layer.made[..., None], 0, 1)
        crop[cover] = mixed[cover]
        depth = depth.copy() if depth is frame.depth else depth
        solid = layer.colour[..., 3] > 0.5
        depth[window][solid] = np.minimum(depth[window], layer.depth)[solid]
        return depth

    def _behind_stills(self, layer: BodyLayer, frame: BackdropFrame, window) -> BodyLayer:
        """Where a still layer is nearer, the body takes its colour by its alpha: the plate shows the layer already."""
        if self._stills is None:
            return layer
        depth = self._through(self._stills.depth, frame, window)
        alpha = self._through(self._stills.alpha, frame, window) * (layer.depth > depth)
        if not alpha.any():
            return layer
        colour, cover = layer.colour.copy(), layer.colour[..., 3:]
        still = self._through(self._stills.colour, frame, window)
        colour[..., :3] = colour[..., :3] * (1 - alpha[..., None]) + still * cover * alpha[..., None]
        return replace(layer, colour=colour, made=layer.made * (1 - alpha))

    def _behind_edges(self, layer: BodyLayer, frame: BackdropFrame, window) -> BodyLayer:
        """Where an edge of the photo stands before the body, the nearer side's own colour covers it."""
        if not layer.behind.any():
            return layer
        edges = self.edges.get()
        assert edges is not None
        part = np.clip(layer.behind / np.maximum(layer.colour[..., 3], 1e-6), 0, 1)
        cover = part * self._through(edges.cover, frame, window)
        colour, front = layer.colour.copy(), self._through(edges.colour, frame, window)
        colour[..., :3] += cover[..., None] * (front * colour[..., 3:] - colour[..., :3])
        return replace(layer, colour=colour, made=layer.made * (1 - cover))

    def _softened(self, layer: BodyLayer) -> BodyLayer:
        """Added things as soft as the photo; a thing of the photo has its softness already."""
        scale = self.size[1] / self._photo_size[1]
        sigma = np.sqrt(max((self._texture.blur * scale) ** 2 - 1 / 24, 0.0))
        if sigma < 0.2 or not layer.made.any():
            return layer
        soft = gaussian_filter(layer.colour, (sigma, sigma, 0), mode="constant")
        made = gaussian_filter(layer.made, sigma, mode="constant")
        share = np.clip(made / np.maximum(soft[..., 3], 1e-6), 0, 1)[..., None]
        behind = layer.behind
        if behind.any():
            behind = gaussian_filter(behind, sigma, mode="constant") * share[..., 0] + behind * (1 - share[..., 0])
        return replace(layer, colour=layer.colour * (1 - share) + soft * share, made=made, behind=behind)

    def _grain_at(self, seed: int, window: tuple[int, int, int, int]) -> np.ndarray:
        if self._grain is None:
            self._grain = grain_tile(self._texture, self.size[1] / self._photo_size[1], self.scene.seed)
        v0, v1, u0, u1 = window
        v, u = (np.arange(v0, v1) + seed // TILE) % TILE, (np.arange(u0, u1) + seed) % TILE
        return self._grain[np.ix_(v, u)]
