"""Bodies painted over an exposure: shaded at shared instants, averaged as light, with soft edges.

Each body is its own layer, with the nearest depth beside it; layers are put together pixel by pixel in order of depth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import warp as wp
from physim_kernels import shade, shade_ball
from scipy.ndimage import distance_transform_edt

from physim.backdrop_view import lens_of, photo_camera
from physim.body_view import EDGE_PIXELS, BodyFrame, BodyView, pose_matrix
from physim.camera import Camera
from physim.cloth_light import ClothLight
from physim.looks import build_looks
from physim.scene import Light
from physim.shadow import ShadowCaster
from physim.shapes import Sphere
from physim.trajectory import Trajectory


@dataclass(frozen=True)
class BodyLayer:
    """What bodies add to a crop of the picture, averaged over the exposure."""

    window: tuple[int, int, int, int]
    """(v0, v1, u0, u1) [pixels]"""
    colour: np.ndarray
    """(h, w, 4) float32: premultiplied linear colour and cover."""
    made: np.ndarray
    """(h, w) float32: cover by things that were added."""
    depth: np.ndarray
    """(h, w) float32: nearest z of a body [m], infinite where there is none."""
    behind: np.ndarray
    """(h, w) float32: cover that lies behind the nearer side of an edge of the photographed surface."""
    seed: int = 0
    """Changes when the body does: grain of what moves is fresh, of what rests is still."""


@dataclass(frozen=True)
class Surroundings:
    """What the place of a body does to its look."""

    colour: np.ndarray
    """(3,) linear: of the surface below."""
    height: float
    """Of the surface below [m]."""
    lit: float
    """Part of the direct light that reaches the place."""


class BodyPainter:
    """Paints the bodies of a trajectory at one picture size.

    Args:
        trajectory: What moved; a scene with a camera.
        size: (height, width) of the pictures.
        caster: The same bodies as shadow casters.
        cloth: Cloth that stands in the light of bodies that were added, if there is any.
        device: Warp device.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        size: tuple[int, int],
        caster: ShadowCaster,
        *,
        cloth: ClothLight | None = None,
        device=None,
    ) -> None:
        self.size = size
        self.device = wp.get_device(device)
        self._rows = self.device.is_cpu  # balls of the photo in one go
        self._trajectory = trajectory
        self._scene = trajectory.scene
        self._caster = caster
        self._cloth = cloth
        self._looks = build_looks(trajectory, size, supersample=2, device=self.device)
        self._views: dict[tuple[str, int], BodyView] = {}
        self._scratch: dict[int, BodyView] = {}
        self._nobody = caster.casters([], 0.0)
        self.aim(self._scene.light)
        assert self._scene.camera is not None
        backdrop = self._scene.backdrop
        self._photo_size = self._scene.camera.start.size if backdrop is None else backdrop.photo.shape[:2]
        self._rest_camera = photo_camera(self._scene.camera, self._photo_size)
        self._rest = {name: pose_matrix(*track.at(0.0)) for name, track in trajectory.bodies.items()}
        self._balls = self._photographed_balls()

    def aim(self, light: Light) -> None:
        """Let the light be another from now on."""
        self._key, self._ambient = wp.vec3(*light.colour), wp.vec3(*light.ambient)

    def view(self, name: str, supersample: int) -> BodyView:
        """One body alone: it gets a small window and as many instants as it needs; the z-buffer is shared."""
        key = (name, supersample)
        if key not in self._views:
            alone = replace(self._trajectory, bodies={name: self._trajectory.bodies[name]})
            self._views[key] = BodyView(
                alone, self.size, self.device, supersample=supersample, scratch=self._scratch.get(supersample)
            )
            self._scratch.setdefault(supersample, self._views[key])
        return self._views[key]

    def turned(self, name: str, pose: np.ndarray, eye: np.ndarray) -> float:
        """0 while a body shows the camera the side it showed in the photo, 1 from about 30 degrees away from it."""
        rest = self._rest[name]
        then = rest[:3, :3].T @ (self._rest_camera.position - rest[:3, 3])
        now = pose[:3, :3].T @ (eye - pose[:3, 3])
        cosine = then @ now / (np.linalg.norm(then) * np.linalg.norm(now) + 1e-12)
        s = float(np.clip((np.arccos(np.clip(cosine, -1, 1)) - 0.15) / 0.35, 0, 1))
        return s * s * (3 - 2 * s)

    def paint(
        self, name: str, times: np.ndarray, camera: Camera, surface: tuple[wp.array, wp.array], around: Surroundings,
        *, supersample: int,
    ) -> BodyLayer | None:  # fmt: skip
        """One body, mean over ``times`` [s], seen by one camera.

        Args:
            name: Of the body.
            times: Instants of the exposure.
            camera: At the picture's size.
            surface: z of the photographed surface, each (H, W) float32 [m]: its nearer and its farther side, which
                differ along its edges. Where the farther is clearly nearer than the body, it hides the body.
            around: What is about the body.
            supersample: Samples per pixel along each side.

        Returns:
            The layer, or None if the body is not in the picture.
        """
        view = self.view(name, supersample)
        bare = self._rows and name in self._balls
        frames = [view.at(float(time), shaken(camera, k), bare=bare) for k, time in enumerate(times)]
        seen = [frame.window for frame in frames if frame is not None]
        if not seen:
            return None
        margin = 4  # room for the point spread
        v0, u0 = max(min(w[0] for w in seen) - margin, 0), max(min(w[2] for w in seen) - margin, 0)
        v1 = min(max(w[1] for w in seen) + margin, self.size[0])
        u1 = min(max(w[3] for w in seen) + margin, self.size[1])
        shape = (v1 - v0, u1 - u0)
        layer = wp.zeros(shape, dtype=wp.vec4, device=self.device)
        made = wp.zeros(shape, dtype=wp.float32, device=self.device)
        behind = wp.zeros(shape, dtype=wp.float32, device=self.device)
        near = wp.full(shape, np.inf, dtype=wp.float32, device=self.device)
        for time, frame in zip(times, frames, strict=True):
            if frame is not None:
                outputs = (layer, made, behind, near)
                self._add(name, frame, float(time), (v0, u0), len(times), surface, around, outputs)
        seed = self._seed(name, float(times[len(times) // 2]))
        return BodyLayer((v0, v1, u0, u1), layer.numpy(), made.numpy(), near.numpy(), behind.numpy(), seed)

    def _seed(self, name: str, time: float) -> int:
        position, orientation = self._trajectory.bodies[name].at(time)
        total = self._scene.number_of(name)
        for value in (*np.round(position * 1e4), *np.round(orientation * 1e3)):
            total = (total * 1000003 + int(value)) % 2147483647
        return total

    def _add(self, name, frame: BodyFrame, time: float, corner, count: int, surface, around, outputs) -> None:
        layer, made_out, behind_out, near_out = outputs
        place = (frame.window[0] - corner[0], frame.window[2] - corner[1])
        depth = self._array(frame.depth, wp.float32)
        if self._rows and name in self._balls:
            ids, point = self._array(frame.ids, wp.uint16), self._array(frame.point, wp.vec3)
            shade_ball.shade_ball(
                depth, ids, point, surface[0], surface[1], self._ball(name, frame, time), weight=1 / count,
                corner=place, layer=layer, behind_out=behind_out, near_out=near_out,
            )  # fmt: skip
            return
        colour = wp.empty(frame.depth.shape, dtype=wp.vec4, device=self.device)
        made = wp.empty(frame.depth.shape, dtype=wp.float32, device=self.device)
        behind = wp.empty(frame.depth.shape, dtype=wp.float32, device=self.device)
        self._shade(name, frame, time, count, depth, surface, around, (colour, made, behind))
        shade.gather(
            colour, made, behind, depth, supersample=frame.supersample, weight=1 / count, corner=place,
            layer=layer, made_out=made_out, behind_out=behind_out, near_out=near_out,
        )  # fmt: skip

    def _shade(self, name, frame: BodyFrame, time: float, count: int, depth, surface, around, outputs) -> None:
        """Colour, cover by what was added and cover behind an edge of every sample."""
        moment, turn = self._moment(name, time, frame.camera, around)
        # A thing of the photo has its light baked in: nothing is cast on it.
        near = self._caster.neighbours(name, time) if self._scene[name].cutout is None else []
        casters = self._caster.casters(near, time) if near else self._nobody
        seen = (
            depth, self._array(frame.ids, wp.uint16), self._array(frame.point, wp.vec3),
            self._array(frame.normal, wp.vec3), self._array(frame.source_uv, wp.vec2),
        )  # fmt: skip
        veiled = wp.empty((0, 0), dtype=wp.vec2, device=self.device)
        if self._cloth is not None and self._scene[name].cutout is None:
            veiled = self._cloth.on_bodies(seen[2], seen[3], seen[1], moment.pose, time)
        inner = self._array(self._inner(name, frame, turn), wp.float32)
        colour, made, behind = outputs
        shade.shade(
            seen, inner, surface[0], surface[1], self._looks, moment, self._view(frame, count), self._caster.sun,
            casters, veiled, colour_out=colour, made_out=made, behind_out=behind,
        )  # fmt: skip

    def _ball(self, name: str, frame: BodyFrame, time: float) -> shade_ball.Ball:
        """A ball of the photo as it is at ``time`` [s], for the kernel of its own."""
        ball, pose = self._balls[name], pose_matrix(*self._trajectory.bodies[name].at(time))
        ball.pose = wp.mat44(*pose.ravel())
        ball.eye = wp.vec3(*frame.camera.position)
        ball.turn = self.turned(name, pose, frame.camera.position)
        ball.supersample, ball.u, ball.v = frame.supersample, frame.window[2], frame.window[0]
        return ball

    def _photographed_balls(self) -> dict[str, shade_ball.Ball]:
        looks, balls = self._looks, {}
        tables = {key: getattr(looks, key).numpy() for key in ("start", "size", "corner", "texel", "radius", "edge")}
        for name in self._trajectory.bodies:
            entity, number = self._scene[name], self._scene.number_of(name)
            if entity.cutout is None or not isinstance(entity.shape, Sphere):
                continue
            ball = shade_ball.Ball()
            ball.number, ball.start = number, int(tables["start"][number])
            ball.size, ball.corner = wp.vec2i(*tables["size"][number]), wp.vec2(*tables["corner"][number])
            ball.texel, ball.radius = float(tables["texel"][number]), float(tables["radius"][number])
            lens = lens_of(self._rest_camera, self._photo_size)
            ball.soft = 1.8 * float(tables["edge"][number]) / float(lens[0])
            away = self._rest_camera.position - self._rest[name][:3, 3]
            ball.axis = wp.vec3(*(away / np.linalg.norm(away)))
            ball.rest = wp.mat44(*self._rest[name].ravel())
            ball.camera, ball.lens = wp.mat44(*self._rest_camera.camera_from_world.ravel()), wp.vec4(*lens)
            ball.atlas, ball.low = looks.atlas, looks.low
            balls[name] = ball
        return balls

    def _array(self, values: np.ndarray, dtype):
        return wp.array(np.ascontiguousarray(values), dtype=dtype, device=self.device, copy=False)

    def _moment(self, name: str, time: float, camera: Camera, around: Surroundings) -> tuple[shade.Moment, float]:
        count, number = len(self._scene.entities) + 1, self._scene.number_of(name)
        pose = pose_matrix(*self._trajectory.bodies[name].at(time))
        poses, turns = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1)), np.zeros(count, np.float32)
        poses[number] = pose
        if self._scene[name].cutout is not None:
            turns[number] = self.turned(name, pose, camera.position)
        ground, lit = np.zeros((count, 4), np.float32), np.ones(count, np.float32)
        ground[number, :3], ground[number, 3], lit[number] = around.colour, around.height, around.lit
        moment = shade.Moment()
        moment.pose = wp.array(poses, dtype=wp.mat44, device=self.device)
        moment.turn = wp.array(turns, dtype=wp.float32, device=self.device)
        moment.ground = wp.array(ground, dtype=wp.vec4, device=self.device)
        moment.lit = wp.array(lit, dtype=wp.float32, device=self.device)
        return moment, float(turns[number])

    def _inner(self, name: str, frame: BodyFrame, turn: float) -> np.ndarray:
        """Cover of what the photo does not show of its thing: the drawn form less the margin it was grown by."""
        entity = self._scene[name]
        whole = turn <= 0.0 and np.isfinite(frame.source_uv[..., 0][frame.ids > 0]).all()
        if entity.cutout is None or isinstance(entity.shape, Sphere) or whole:
            return np.ones(frame.ids.shape, np.float32)
        scale = self.size[1] / self._photo_size[1] * max(1.0, self._photo_size[1] / 800)
        distance = distance_transform_edt(np.pad(frame.ids > 0, 1))[1:-1, 1:-1]
        return np.clip(distance - EDGE_PIXELS * scale * frame.supersample + 0.5, 0, 1).astype(np.float32)

    def _view(self, frame: BodyFrame, count: int) -> shade.View:
        view = shade.View()
        view.eye = wp.vec3(*frame.camera.position)
        view.metres = 1.0 / frame.camera.focal
        view.supersample = frame.supersample
        view.smear = 1.0 if count < 4 else 1.5 * count  # of a way of two pixels per instant most detail is lost
        view.u, view.v = frame.window[2], frame.window[0]
        view.rest_eye = wp.vec3(*self._rest_camera.position)
        view.camera_from_world = wp.mat44(*self._rest_camera.camera_from_world.ravel())
        view.lens = wp.vec4(*lens_of(self._rest_camera, self._photo_size))
        view.key, view.ambient = self._key, self._ambient
        return view


def shaken(camera: Camera, k: int) -> Camera:
    """The camera of instant k, shifted within a pixel (Halton points): many instants smooth edges by themselves."""
    if k == 0:
        return camera
    shift = [_radical_inverse(k, base) for base in (2, 3)]
    u, v = camera.principal_point
    return replace(camera, principal_point=(u + (shift[0] + 0.5) % 1 - 0.5, v + (shift[1] + 0.5) % 1 - 0.5))


def _radical_inverse(k: int, base: int) -> float:
    result, scale = 0.0, 1.0
    while k:
        scale /= base
        result += scale * (k % base)
        k //= base
    return result


def merge_layers(layers: list[BodyLayer]) -> list[BodyLayer]:
    """Layers whose windows overlap become one; at each pixel the nearer goes over the farther."""
    groups: list[list[BodyLayer]] = []
    for layer in layers:
        touching = [group for group in groups if any(_overlap(layer.window, other.window) for other in group)]
        groups = [group for group in groups if not any(group is other for other in touching)]
        groups.append([layer, *(member for group in touching for member in group)])
    return [group[0] if len(group) == 1 else _merged(group) for group in groups]


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _merged(group: list[BodyLayer]) -> BodyLayer:
    windows = np.array([layer.window for layer in group])
    v0, v1, u0, u1 = windows[:, 0].min(), windows[:, 1].max(), windows[:, 2].min(), windows[:, 3].max()
    shape = (v1 - v0, u1 - u0)
    colour, made, behind = np.zeros((*shape, 4), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    depth = np.full(shape, np.inf, np.float32)
    for layer in sorted(group, key=_distance, reverse=True):
        a, b, c, d = layer.window
        at = (slice(a - v0, b - v0), slice(c - u0, d - u0))
        nearer = layer.depth <= depth[at]
        top = np.where(nearer[..., None], layer.colour, colour[at])
        low = np.where(nearer[..., None], colour[at], layer.colour)
        colour[at] = top + low * (1 - top[..., 3:])
        for whole, part in ((made, layer.made), (behind, layer.behind)):
            over, under = np.where(nearer, part, whole[at]), np.where(nearer, whole[at], part)
            whole[at] = over + under * (1 - top[..., 3])
        depth[at] = np.minimum(depth[at], layer.depth)
    window = (int(v0), int(v1), int(u0), int(u1))
    return BodyLayer(window, colour, made, depth, behind, min(each.seed for each in group))


def _distance(layer: BodyLayer) -> float:
    seen = layer.depth[np.isfinite(layer.depth)]
    return float(np.median(seen)) if seen.size else 0.0
