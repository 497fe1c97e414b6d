"""Cloth painted over an exposure: each cloth is a layer like those of bodies, put together with them by depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import warp as wp
from physim_kernels import cloth_photo, shade
from physim_kernels import cloth_shade as kernels
from physim_kernels.occlusion import Casters
from scipy.ndimage import map_coordinates

from physim.backdrop_view import photo_camera
from physim.camera import Camera
from physim.cloth_light import ClothLight
from physim.cloth_view import ClothFrame, ClothMesh, ClothView, Drawn, slack_of
from physim.looks import TEXTURES, Atlas
from physim.materials import Grains, Soft
from physim.scene import Entity, Light
from physim.shading import BodyLayer, Surroundings, shaken
from physim.shadow import ShadowCaster
from physim.srgb import LUMA
from physim.trajectory import Trajectory

THROUGH = {"silk": 0.3, "nylon": 0.35, "flag nylon": 0.35, "paper": 0.25, "cotton": 0.15, "canvas": 0.04, "denim": 0.02}
"""Part of the light on one side of a fabric that leaves on the other; others 0.1."""
SHADED = 0.2
"""Least factor on the light of grains and soft solids of the photo: what was added casts its shadow on them."""
RANGE = (0.6, 1.4)
"""Of the factor on the light of photographed cloth (picture recipe 3.8: beyond it folds look like stains)."""
FINE = 1.4
"""Pixels per pixel of the photo from which one look at a smooth piece of its cloth is enough."""
BACK = 0.85
"""A print shows through to the back, a little darker."""


class ClothPainter:
    """Paints the cloth of a trajectory at one picture size.

    Args:
        trajectory: What moved; a scene with a camera.
        size: (height, width) of the pictures.
        caster: Bodies as things that stand in the light.
        lit: Part of the direct light already there, on the photo's plate (H, W) at picture size.
        device: Warp device.
    """

    def __init__(
        self, trajectory: Trajectory, size: tuple[int, int], caster: ShadowCaster, lit: np.ndarray, *, device=None
    ) -> None:
        self.size = size
        self.device = wp.get_device(device)
        self._rows = self.device.is_cpu  # cloth of the photo in one go
        self._trajectory = trajectory
        self._scene = trajectory.scene
        self._caster = caster
        self._nobody = caster.casters([], 0.0)
        assert self._scene.camera is not None and self._scene.backdrop is not None
        self._photo_size = self._scene.backdrop.photo.shape[:2]
        self._rest_camera = photo_camera(self._scene.camera, self._photo_size)
        self._lit = lit
        self._alone = {name: replace(trajectory, cloths={name: track}) for name, track in trajectory.cloths.items()}
        self._meshes = {name: ClothMesh(alone, self.device) for name, alone in self._alone.items()}
        self.light = ClothLight(ClothMesh(trajectory, self.device), self._scene.light, device=self.device)
        self._atlas: dict[str, tuple] = {}
        self._views: dict[tuple[str, int], ClothView] = {}
        self._before: dict[str, wp.array] = {}
        self._lighted: dict[str, tuple[float, tuple[wp.array, wp.array]]] = {}

    def aim(self, light: Light) -> None:
        """Let the light come from elsewhere from now on."""
        self.light.aim(light)
        self._lighted.clear()

    def _view(self, name: str, supersample: int) -> ClothView:
        key = (name, supersample)
        if key not in self._views:
            self._views[key] = ClothView(
                self._alone[name], self.size, self.device, supersample=supersample, mesh=self._meshes[name]
            )
        return self._views[key]

    def paint(
        self, name: str, times: np.ndarray, camera: Camera, surface: tuple[wp.array, wp.array], around: Surroundings,
        *, supersample: int,
    ) -> BodyLayer | None:  # fmt: skip
        """One cloth, mean over ``times`` [s], seen by one camera; None if it is not in the picture.

        Args:
            name: Of the cloth.
            times: Instants of the exposure.
            camera: At the picture's size.
            surface: z of the photographed surface, each (H, W) [m]: its nearer and its farther side.
            around: What is about the cloth.
            supersample: Samples per pixel along each side.
        """
        if self._rows and self._scene[name].cutout is not None and not self._is_volume(name):
            return self._paint_photographed(name, times, camera, surface, around, supersample)
        view = self._view(name, supersample)
        frames = [view.at(float(time), shaken(camera, k)) for k, time in enumerate(times)]
        seen = [frame.window for frame in frames if frame is not None]
        if not seen:
            return None
        margin = 4  # room for the point spread
        v0, u0 = max(min(w[0] for w in seen) - margin, 0), max(min(w[2] for w in seen) - margin, 0)
        v1 = min(max(w[1] for w in seen) + margin, self.size[0])
        u1 = min(max(w[3] for w in seen) + margin, self.size[1])
        shape = (v1 - v0, u1 - u0)
        layer = wp.zeros(shape, dtype=wp.vec4, device=self.device)
        made, behind = (wp.zeros(shape, dtype=wp.float32, device=self.device) for _ in range(2))
        near = wp.full(shape, np.inf, dtype=wp.float32, device=self.device)
        middle = float(times[len(times) // 2])
        for frame in frames:
            if frame is not None:
                self._add(name, frame, middle, (v0, u0), len(times), surface, around, (layer, made, behind, near))
        return self._layer(name, middle, (v0, v1, u0, u1), layer, made.numpy(), near, behind)

    def _layer(self, name, middle: float, window, layer, made: np.ndarray, near, behind) -> BodyLayer:
        # It lies a thread before what it lies on, though its facets may cut the corners of round bodies.
        depth = near.numpy() - 0.15 * self._meshes[name].edge
        seed = int(abs(middle) * 1e4) + self._scene.number_of(name)
        return BodyLayer(window, layer.numpy(), made, depth, behind.numpy(), seed)

    def _paint_photographed(self, name, times, camera: Camera, surface, around, supersample: int) -> BodyLayer | None:
        """:meth:`paint` of a cloth of the photo, in one go from its triangles to the layer; nothing is cast on it."""
        view, mesh = self._view(name, supersample), self._meshes[name]
        middle, count, margin = float(times[len(times) // 2]), len(times), 4
        drawn_at = (view.drawn(float(time), shaken(camera, k)) for k, time in enumerate(times))
        frames = [drawn for drawn in drawn_at if drawn is not None]
        if not frames:
            return None
        shown = [self._print(name, view, drawn, around) for drawn in frames]
        v0, u0 = (max(min(getattr(p, key) for p in shown) - margin, 0) for key in ("v", "u"))
        v1 = min(max(p.v + p.rows for p in shown) + margin, self.size[0])
        u1 = min(max(p.u + p.cols for p in shown) + margin, self.size[1])
        shape = (v1 - v0, u1 - u0)
        layer = wp.zeros(shape, dtype=wp.vec4, device=self.device)
        behind = wp.zeros(shape, dtype=wp.float32, device=self.device)
        near = wp.full(shape, np.inf, dtype=wp.float32, device=self.device)
        light, lit = self._light_at(name, middle, around)
        before = self._at_start(name, self._weave(name, around), self._seen_by(camera), around)
        for drawn, sheet in zip(frames, shown, strict=True):
            vertex = cloth_photo.Vertices()
            vertex.seen, vertex.start, vertex.normal = drawn.point, view.start, mesh.normals(drawn.vertices)
            vertex.place = self._array(np.ascontiguousarray(drawn.vertices, np.float32), wp.vec3)
            vertex.light, vertex.lit, vertex.before = light, lit, before
            cloth_photo.paint(
                view.key(drawn), mesh.face, vertex, surface[0], surface[1], sheet, weight=1 / count,
                corner=(sheet.v - v0, sheet.u - u0), layer=layer, behind_out=behind, near_out=near,
            )  # fmt: skip
        return self._layer(name, middle, (v0, v1, u0, u1), layer, np.zeros(shape, np.float32), near, behind)

    def _print(self, name: str, view: ClothView, drawn: Drawn, around: Surroundings) -> cloth_photo.Print:
        weave, light, result = self._weave(name, around), self._scene.light, cloth_photo.Print()
        for key in ("through", "back", "low", "high", "slack", "radius", "size", "corner", "texel", "atlas"):
            setattr(result, key, getattr(weave, key))
        result.ground = float(around.height)
        result.key, result.ambient, result.bounce = (
            float(np.asarray(colour, np.float64) @ LUMA) for colour in (light.colour, light.ambient, around.colour)
        )
        result.sun = self._caster.sun.z
        n, window = view.supersample, drawn.samples
        result.supersample, result.thin = n, int(self.size[1] >= FINE * self._photo_size[1])
        result.u, result.v = window.u // n, window.v // n
        result.rows, result.cols = window.rows // n, window.cols // n
        result.metres = 1.0 / drawn.camera.focal
        result.lens, result.photo_lens = drawn.lens, view.photo_lens
        result.away = wp.mat33(*drawn.camera.world_from_camera[:3, :3].ravel())
        return result

    def _add(
        self, name, frame: ClothFrame, middle: float, corner, count: int, surface, around: Surroundings, outputs
    ) -> None:  # fmt: skip
        shape = frame.depth.shape
        colour = wp.empty(shape, dtype=wp.vec4, device=self.device)
        made, behind = (wp.empty(shape, dtype=wp.float32, device=self.device) for _ in range(2))
        depth = self._array(frame.depth, wp.float32)
        seen = (
            depth, self._array(frame.face, wp.int32), self._array(frame.weight, wp.vec2),
            self._array(frame.normal, wp.vec3), self._array(frame.rest, wp.vec3),
            self._array(frame.source_uv, wp.vec2),
        )  # fmt: skip
        weave, shown = self._weave(name, around), self._shown(frame)
        # Over an exposure places change much, the light on them little: that of its middle will do.
        light, lit = self._light_at(name, middle, around)
        point = self._array(np.ascontiguousarray(self._meshes[name].vertices(frame.time), np.float32), wp.vec3)
        vertices = (self._meshes[name].face, point, light, lit, self._at_start(name, weave, shown, around))
        kernels.cloth_shade(
            seen, surface, vertices, weave, shown, self._caster.sun, self._casters(name, frame.time),
            colour_out=colour, made_out=made, behind_out=behind,
        )  # fmt: skip
        layer, made_out, behind_out, near_out = outputs
        shade.gather(
            colour, made, behind, depth, supersample=frame.supersample, weight=1 / count,
            corner=(frame.window[0] - corner[0], frame.window[2] - corner[1]),
            layer=layer, made_out=made_out, behind_out=behind_out, near_out=near_out,
        )  # fmt: skip

    def _array(self, values: np.ndarray, dtype):
        return wp.array(np.ascontiguousarray(values), dtype=dtype, device=self.device, copy=False)

    def _casters(self, name: str, time: float) -> Casters:
        """Bodies that may take light or sky from a cloth; a cloth of the photo has its light baked in.

        Heaps and soft solids have it as well, but lie below what was added and pressed on.
        """
        if (self._scene[name].cutout is not None and not self._is_volume(name)) or not self._caster.names:
            return self._nobody
        vertices = self._meshes[name].vertices(time)
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        near = self._caster.near(0.5 * (low + high), 0.5 * float(np.linalg.norm(high - low)), time)
        if self._scene[name].cutout is not None:
            near = [other for other in near if self._scene[other].cutout is None]
        return self._caster.casters(near, time) if near else self._nobody

    def _is_volume(self, name: str) -> bool:
        """Whether it is the surface of a heap or of a soft solid, and not a fabric."""
        return isinstance(self._scene[name].material, Grains | Soft)

    def _light_at(self, name: str, time: float, around: Surroundings) -> tuple[wp.array, wp.array]:
        """What is left of sun and sky at each vertex at ``time``, and the photo's light there."""
        if self._lighted.get(name, (None,))[0] != time:
            lit = self._array(self._light_there(name, self._meshes[name].vertices(time), around), wp.float32)
            slot = self.light.mesh.names.index(name)
            first, last = (int(k) for k in self.light.mesh.first[slot : slot + 2])
            self._lighted[name] = (time, (self.light.on_itself(time)[first:last], lit))
        return self._lighted[name][1]

    def _light_there(self, name: str, vertices: np.ndarray, around: Surroundings) -> np.ndarray:
        """Part of the direct light (N,) that the photo has where each vertex is; above the ground the more of it."""
        if self._scene[name].cutout is not None:
            return np.ones(len(vertices), np.float32)
        pixels, z = self._rest_camera.project(vertices.astype(np.float64))
        scale = np.array(self._lit.shape[::-1]) / np.array(self._photo_size[::-1])
        at = np.where(z[:, None] > 0, pixels * scale - 0.5, 0.0)
        there = map_coordinates(self._lit, [at[:, 1], at[:, 0]], order=1, mode="nearest")
        near = np.exp(-np.maximum(vertices[:, 1] - around.height, 0) / (0.5 * self._radius(name)))
        return (1 - near * (1 - np.clip(there, 0.1, 1))).astype(np.float32)

    def _at_start(self, name: str, weave, shown, around: Surroundings) -> wp.array:
        """Luminance of the light on each vertex at time 0, which the photo shows."""
        if name not in self._before:
            vertices = self._meshes[name].vertices(0.0)
            light, lit = self._light_at(name, 0.0, around)
            point = self._array(np.ascontiguousarray(vertices, np.float32), wp.vec3)
            normal = self._meshes[name].normals(vertices)
            before = wp.empty(point.shape, dtype=wp.float32, device=self.device)
            kernels.irradiance(point, normal, light, lit, weave, shown, self._caster.sun, front_out=before)
            self._before[name] = before
        return self._before[name]

    def _radius(self, name: str) -> float:
        return 0.5 * float(np.linalg.norm(np.ptp(self._trajectory.cloths[name].rest, axis=0)))

    def _shown(self, frame: ClothFrame) -> kernels.ClothView:
        view = self._seen_by(frame.camera)
        view.supersample = frame.supersample
        view.u, view.v = frame.window[2], frame.window[0]
        return view

    def _seen_by(self, camera: Camera) -> kernels.ClothView:
        view, light = kernels.ClothView(), self._scene.light
        view.eye = wp.vec3(*camera.position)
        view.metres = 1.0 / camera.focal
        view.key, view.ambient = wp.vec3(*light.colour), wp.vec3(*light.ambient)
        return view

    def _weave(self, name: str, around: Surroundings) -> kernels.Weave:
        entity, track = self._scene[name], self._trajectory.cloths[name]
        weave = kernels.Weave()
        weave.number = self._scene.number_of(name)
        weave.texture = TEXTURES.get(entity.texture, 0)
        weave.grain = grain_of(entity, float(np.ptp(track.rest, axis=0).max()))
        weave.colour = wp.vec3(*entity.colour)
        weave.through = THROUGH.get(getattr(entity.material, "preset", ""), 0.1)
        weave.back, (weave.low, weave.high) = BACK, RANGE
        if self._is_volume(name):
            weave.through, weave.back, weave.low = 0.0, 1.0, SHADED
        weave.slack, weave.radius = slack_of(track), self._radius(name)
        weave.ground = wp.vec4(*(float(c) for c in around.colour), float(around.height))
        weave.photographed = int(entity.cutout is not None)
        weave.texel = 1.0
        weave.size = wp.vec2i(1, 1)
        if entity.cutout is not None:
            weave.corner, weave.texel, weave.size, weave.atlas = self._texels(name, entity)
            weave.back = BACK
        return weave

    def _texels(self, name: str, entity: Entity) -> tuple:
        if name not in self._atlas:
            scale = self.size[1] / self._photo_size[1]
            factor, atlas = max(1, int(1 / (scale * 2))), Atlas()
            assert entity.cutout is not None
            _, extent = atlas.add(entity.cutout, factor=factor, scale=scale, sigma=1.0)
            corner = wp.vec2(*(np.array(entity.cutout.corner, float) - factor))
            texels = wp.array(np.concatenate(atlas.texels).astype(np.float32), dtype=wp.vec4, device=self.device)
            self._atlas[name] = (corner, float(factor), wp.vec2i(*extent), texels)
        return self._atlas[name]


def grain_of(entity: Entity, length: float) -> float:
    """Size of a thread, or of a check [m], of a cloth of this length [m]."""
    if entity.texture == "woven":
        return max(0.0004, length / 400)
    if entity.texture in ("gingham", "checker"):
        return length / 24
    return length / 60
