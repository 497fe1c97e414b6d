"""Liquid as the camera sees it: where it begins, how thick it is, which way its surface faces and how it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import liquid_raster as kernels
from physim_kernels.scan import Window

from physim.backdrop_view import FAR, lens_of
from physim.body_view import BodyMotion
from physim.camera import Camera
from physim.liquid_surface import LiquidMesh, LiquidSurface
from physim.trajectory import LiquidTrack, Trajectory

NEAR = 1e-3
"""Nothing nearer is drawn [m]."""
HUG = 1.5
"""Drops nearer than this to what is behind them are no balls any more [cells of h]."""


@dataclass(frozen=True)
class LiquidFrame:
    """The crop of one instant that holds one liquid, at ``supersample`` times the view's resolution."""

    window: tuple[int, int, int, int]
    """(v0, v1, u0, u1) of the crop in pixels of the view."""
    supersample: int
    depth: np.ndarray
    """(h, w) float32: z of the surface [m], infinite where there is none or something solid hides it."""
    normal: np.ndarray
    """(h, w, 3) float32: outward unit normal, camera frame."""
    thickness: np.ndarray
    """(h, w) float32: of liquid along the straight ray, up to what is solid [m]."""
    back: np.ndarray
    """(h, w) float32: z where the ray leaves the liquid for the last time [m], which may lie behind what is solid."""
    back_normal: np.ndarray
    """(h, w, 3) float32: outward unit normal there, camera frame."""
    camera: Camera
    """At the view's size."""
    time: float
    mesh: LiquidMesh
    number: int
    """Of its entity."""


class LiquidView:
    """Draws one liquid at any time, on the pixel grid of a view.

    Args:
        trajectory: A simulated scene with a camera.
        name: Of the liquid.
        size: (height, width) of the view [pixels], of the photo's aspect.
        device: Warp device; the default one if None.
        supersample: Samples per pixel along each side; the arrays of a ``LiquidFrame`` grow by it.
        surface: Of the liquid, if it exists already.
    """

    def __init__(
        self, trajectory: Trajectory, name: str, size: tuple[int, int], device=None, *, supersample: int = 1,
        surface: LiquidSurface | None = None,
    ) -> None:  # fmt: skip
        scene = trajectory.scene
        if scene.camera is None:
            raise ValueError("the scene has no camera; set scene.camera to a physim.CameraPath before it is drawn.")
        self.scene = scene
        self.size = (int(size[0]), int(size[1]))
        self.supersample = int(supersample)
        self.device = wp.get_device(device)
        self.photo_size = scene.camera.start.size if scene.backdrop is None else scene.backdrop.photo.shape[:2]
        self.track: LiquidTrack = trajectory.liquids[name]
        self.number = scene.number_of(name)
        self.surface = surface or LiquidSurface(self.track, scene, trajectory.fps, device)
        self._keys = [wp.empty(0, dtype=t, device=self.device) for t in (wp.uint64, wp.uint64, wp.int64, wp.uint64)]
        self._open: wp.array | None = None

    def at(
        self, time: float, camera: Camera | None = None, solid: np.ndarray | wp.array | None = None, *,
        shape_at: float | None = None,
    ) -> LiquidFrame | None:  # fmt: skip
        """The liquid at ``time`` [s], or None if it is not in the picture.

        Args:
            time: Any instant.
            camera: Where it is seen from, of the view's size; default: the scene's camera at ``time``.
            solid: z of what is solid (H, W) [m], which hides what lies behind; default: nothing.
            shape_at: Take the surface of this time [s] and move it to ``time``, which is faster than a new one.
        """
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        mesh = self.surface.at(time if shape_at is None else shape_at)
        if mesh is None:
            return None
        vertices, drops = self._moved(mesh, time)
        world = camera.camera_from_world
        point = wp.empty(vertices.shape, dtype=wp.vec3d, device=self.device)
        kernels.seen(vertices, wp.mat44d(*world.ravel()), out=point)
        balls = np.column_stack([drops[:, :3] @ world[:3, :3].T + world[:3, 3], drops[:, 3]]) if len(drops) else drops
        crop = self._window(point.numpy(), balls, lens_of(camera, self.photo_size))
        if crop is None:
            return None
        return self._drawn(mesh, point, balls, crop, camera, time, self._solid(solid))

    def _moved(self, mesh: LiquidMesh, time: float) -> tuple[wp.array, np.ndarray]:
        if time == mesh.time:
            return mesh.vertices, mesh.drops
        total = self.surface.carry(mesh, self.surface.displacement(mesh, time))
        vertices = wp.empty(mesh.vertices.shape, dtype=wp.vec3, device=self.device)
        origin = wp.vec3(*mesh.origin)
        kernels.moved(mesh.vertices, total, origin, mesh.fine, out=vertices)
        drops = mesh.drops.copy()
        if len(drops):
            centres = wp.array(np.ascontiguousarray(drops[:, :3]), dtype=wp.vec3, device=self.device)
            kernels.moved(centres, total, origin, mesh.fine, out=centres)
            drops[:, :3] = centres.numpy()
        return vertices, drops

    def _solid(self, solid) -> wp.array:
        if isinstance(solid, wp.array):
            return solid
        if solid is None:
            if self._open is None:
                self._open = wp.full(self.size, FAR, dtype=float, device=self.device)
            return self._open
        return wp.array(np.ascontiguousarray(solid, np.float32), dtype=float, device=self.device)

    def _window(self, points: np.ndarray, balls: np.ndarray, lens: np.ndarray) -> tuple[int, int, int, int] | None:
        """Smallest crop that holds everything; the whole view if something is behind the camera."""
        rows, cols = self.size
        if len(balls):
            r = balls[:, 3:]
            points = np.concatenate([points, balls[:, :3] - r, balls[:, :3] + r])
        if len(points) == 0 or points[:, 2].max() <= NEAR:
            return None
        if points[:, 2].min() <= NEAR:
            return 0, rows, 0, cols
        pixels = points[:, :2] / points[:, 2:] * lens[:2] + lens[2:]
        u0, v0 = np.clip(np.floor(pixels.min(axis=0)), 0, (cols, rows)).astype(int)
        u1, v1 = np.clip(np.ceil(pixels.max(axis=0)), 0, (cols, rows)).astype(int)
        return (int(v0), int(v1), int(u0), int(u1)) if u1 > u0 and v1 > v0 else None

    def _drawn(self, mesh, point, balls, crop, camera: Camera, time: float, solid: wp.array) -> LiquidFrame:
        window = self._samples(crop)
        size = window.rows * window.cols
        if self._keys[0].shape[0] < size:
            self._keys = [wp.empty(size * 5 // 4, dtype=key.dtype, device=self.device) for key in self._keys]
        lens = wp.vec4d(*(lens_of(camera, self.photo_size) * self.supersample))
        drop = wp.array(np.ascontiguousarray(balls, np.float64).reshape(-1, 4), dtype=wp.vec4d, device=self.device)
        nearest, farthest, between, front = self._keys
        kernels.raster(
            mesh.faces, point, drop, solid, supersample=self.supersample, lens=lens, window=window, near=NEAR,
            hug=HUG * float(self.track.cell), front=front, nearest=nearest, farthest=farthest, between=between,
        )  # fmt: skip
        types = (wp.float32, wp.vec3, wp.float32, wp.float32, wp.vec3)
        outputs = [wp.empty((window.rows, window.cols), dtype=t, device=self.device) for t in types]
        kernels.resolve(
            mesh.faces, point, mesh.normals, drop, solid, self._keys[:3], supersample=self.supersample,
            camera_from_world=wp.mat44d(*camera.camera_from_world.ravel()), lens=lens, window=window, outputs=outputs,
        )  # fmt: skip
        depth, normal, thickness, back, back_normal = (o.numpy() for o in outputs)
        self._clip(depth, thickness, window, lens, camera)
        return LiquidFrame(
            crop, self.supersample, depth, normal, thickness, back, back_normal, camera, time, mesh, self.number
        )

    def _clip(self, depth: np.ndarray, thickness: np.ndarray, window: Window, lens, camera: Camera) -> None:
        """Take away, in place, what lies inside of walls: at their edges a pixel's depth is that of what is behind."""
        v, u = np.nonzero(thickness > 0)
        z = depth[v, u].astype(np.float64)
        f = np.array([lens[0], lens[1], lens[2], lens[3]], dtype=np.float64)
        x = np.stack([(u + window.u + 0.5 - f[2]) / f[0] * z, (v + window.v + 0.5 - f[3]) / f[1] * z, z], axis=-1)
        pose = camera.world_from_camera
        inside = self.surface.in_wall((x @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32))
        depth[v[inside], u[inside]] = np.inf
        thickness[v[inside], u[inside]] = 0

    def _samples(self, crop: tuple[int, int, int, int]) -> Window:
        n, (v0, v1, u0, u1) = self.supersample, crop
        window = Window()
        window.u, window.v, window.rows, window.cols = u0 * n, v0 * n, (v1 - v0) * n, (u1 - u0) * n
        return window

    def motion(self, frame: LiquidFrame, other_time: float, other_camera: Camera | None = None) -> BodyMotion:
        """Where the matter at the surface of ``frame`` is at ``other_time`` [s], seen by the camera of that time."""
        other = other_camera or self.scene.camera.at(other_time, self.size)  # type: ignore[union-attr]
        mesh, lens = frame.mesh, lens_of(frame.camera, self.photo_size)
        moved = self.surface.displacement(mesh, other_time) - self.surface.displacement(mesh, frame.time)
        total = self.surface.carry(mesh, moved, frame.time)
        outputs = [wp.empty(frame.depth.shape, dtype=t, device=self.device) for t in (wp.vec2, wp.float32)]
        kernels.motion(
            wp.array(frame.depth, dtype=float, device=self.device, copy=False), total, wp.vec3(*mesh.origin), mesh.fine,
            world_from_camera=wp.mat44d(*frame.camera.world_from_camera.ravel()),
            camera_from_world=wp.mat44d(*frame.camera.camera_from_world.ravel()),
            other_from_world=wp.mat44d(*other.camera_from_world.ravel()),
            lens=wp.vec4d(*(lens * frame.supersample)), lens_view=wp.vec4d(*lens),
            other_lens=wp.vec4d(*lens_of(other, self.photo_size)), window=self._samples(frame.window),
            outputs=outputs,
        )  # fmt: skip
        flow, depth = (o.numpy() for o in outputs)
        return BodyMotion(flow, depth, np.where(np.isfinite(frame.depth), np.float32(1), np.float32(-1)))
