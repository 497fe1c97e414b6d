"""Cloth as the camera sees it: depth, identity, side, material point, smooth normal and place in the photo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import warp as wp
from physim_kernels import cloth_raster as kernels
from physim_kernels.scan import Window

from physim.backdrop_view import lens_of, photo_camera
from physim.body_view import BodyMotion
from physim.camera import Camera
from physim.trajectory import ClothTrack, Trajectory

NEAR = 1e-3
"""Nothing nearer is drawn [m]."""
CLEAR = 0.004
"""Alpha of a cloth's picture below which nothing of it is seen."""
SLACK = 0.03
"""Cloth may lie this part of its diagonal behind the background's depth, which is a guess, and still be seen."""


def slack_of(track: ClothTrack) -> float:
    """How far behind the photographed surface a cloth is still drawn [m]."""
    return SLACK * float(np.linalg.norm(np.ptp(track.rest, axis=0)))


@dataclass(frozen=True)
class ClothFrame:
    """The crop of one instant that holds all cloth, at ``supersample`` times the view's resolution."""

    window: tuple[int, int, int, int]
    """(v0, v1, u0, u1) of the crop in pixels of the view."""
    supersample: int
    depth: np.ndarray
    """(h, w) float32: z of the camera [m], infinite where there is no cloth."""
    ids: np.ndarray
    """(h, w) uint16: entity number, 0 for none."""
    face: np.ndarray
    """(h, w) int32: visible triangle, -1 for none."""
    weight: np.ndarray
    """(h, w, 2) float32: barycentric weights of its second and third vertex."""
    normal: np.ndarray
    """(h, w, 3) float32: unit normal of the side that is seen, world."""
    rest: np.ndarray
    """(h, w, 3) float32: place in the flat fabric (x, y) [m], and +1 where its front is seen, -1 where its back."""
    source_uv: np.ndarray
    """(h, w, 2) float32: where the photo shows this point [pixels of the photo], NaN where it does not."""
    camera: Camera
    """At the view's size."""
    time: float


@dataclass(frozen=True)
class Drawn:
    """Cloth before it goes to a z-buffer."""

    camera: Camera
    vertices: np.ndarray
    """(N, 3) world [m]"""
    point: wp.array
    """(N,) vec3d, in the frame of the camera [m]"""
    samples: Window
    """The crop that holds all cloth [samples]."""
    lens: wp.vec4d
    """(f_u, f_v, c_u, c_v) [samples]"""


class ClothMesh:
    """All cloth of a trajectory as one mesh.

    Args:
        trajectory: A simulated scene.
        device: Warp device; the default one if None.
    """

    def __init__(self, trajectory: Trajectory, device=None) -> None:
        scene = trajectory.scene
        self.device = wp.get_device(device)
        self.names = list(trajectory.cloths)
        self._tracks = list(trajectory.cloths.values())
        counts = [len(track.rest) for track in self._tracks]
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        """(cloths + 1,): where the vertices of each cloth begin."""
        self.faces = np.concatenate(
            [np.asarray(track.faces) + start for track, start in zip(self._tracks, self.first[:-1], strict=True)]
        ).astype(np.int32)
        """(M, 3)"""
        self.rest = np.concatenate([track.rest for track in self._tracks]).astype(np.float32)
        """(N, 2) [m]"""
        lengths = [len(track.faces) for track in self._tracks]
        self.number = np.repeat([scene.number_of(name) for name in self.names], lengths).astype(np.uint16)
        self.sheet = np.repeat(np.arange(len(self.names)), lengths).astype(np.int32)
        """(M,): index of each triangle's cloth."""
        self.textured = np.repeat([int(scene[name].cutout is not None) for name in self.names], lengths)
        order = np.argsort(self.faces.reshape(-1), kind="stable")
        self._around = wp.array((order // 3).astype(np.int32), dtype=wp.int32, device=self.device)
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.faces.reshape(-1), minlength=len(self.rest)))])
        self._first = wp.array(starts.astype(np.int32), dtype=wp.int32, device=self.device)
        self.face = wp.array(self.faces.reshape(-1), dtype=wp.int32, device=self.device)

    def vertices(self, time: float) -> np.ndarray:
        """(N, 3) float32 [m], world, at ``time`` [s]."""
        return np.concatenate([track.at(time) for track in self._tracks])

    def normals(self, vertices: np.ndarray) -> wp.array:
        """Smooth unit normals (N,) vec3 of the front, world."""
        point = wp.array(np.ascontiguousarray(vertices, np.float32), dtype=wp.vec3, device=self.device)
        normal = wp.empty(len(vertices), dtype=wp.vec3, device=self.device)
        kernels.vertex_normals(point, self.face, self._first, self._around, normal_out=normal)
        return normal

    @cached_property
    def edge(self) -> float:
        """Mean length of an edge in the flat fabric [m]."""
        corner = self.rest[self.faces]
        return float(np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=-1).mean())


class ClothView:
    """Draws the cloth of a trajectory at any time, on the pixel grid of a view.

    Args:
        trajectory: A simulated scene with a camera.
        size: (height, width) of the view [pixels], of the photo's aspect.
        device: Warp device; the default one if None.
        supersample: Samples per pixel along each side; the arrays of a ``ClothFrame`` grow by it.
        mesh: The cloth, if it exists already.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        size: tuple[int, int],
        device=None,
        *,
        supersample: int = 1,
        mesh: ClothMesh | None = None,
    ) -> None:
        scene = trajectory.scene
        if scene.camera is None:
            raise ValueError("the scene has no camera; set scene.camera to a physim.CameraPath before it is drawn.")
        self.scene = scene
        self.size = (int(size[0]), int(size[1]))
        self.supersample = int(supersample)
        self.device = wp.get_device(device)
        self.photo_size = scene.camera.start.size if scene.backdrop is None else scene.backdrop.photo.shape[:2]
        self.photo_camera = photo_camera(scene.camera, self.photo_size)
        self._photo_lens = wp.vec4d(*lens_of(self.photo_camera, self.photo_size))
        self._key = wp.empty(0, dtype=wp.uint64, device=self.device)
        self._fabric: kernels.Fabric | None = None
        if trajectory.cloths:
            self.mesh = mesh or ClothMesh(trajectory, self.device)
            self._fabric = self._uploaded()

    def _uploaded(self) -> kernels.Fabric:
        fabric, mesh, device = kernels.Fabric(), self.mesh, self.device
        fabric.face = mesh.face
        fabric.number = wp.array(mesh.number, dtype=wp.uint16, device=device)
        fabric.textured = wp.array(mesh.textured, dtype=wp.int32, device=device)
        fabric.rest = wp.array(mesh.rest, dtype=wp.vec2, device=device)
        fabric.start = self._seen(mesh.vertices(0.0), self.photo_camera)
        self._upload_cover(fabric)
        return fabric

    def _upload_cover(self, fabric: kernels.Fabric) -> None:
        """Where the photo shows each cloth: a pixel more than any of it, so that soft edges are whole."""
        from scipy.ndimage import maximum_filter

        empty = np.zeros((1, 1), bool)
        cutouts = [self.scene[name].cutout for name in self.mesh.names]
        covers = [empty if c is None else maximum_filter(c.alpha > CLEAR, 3, mode="nearest") for c in cutouts]
        first = np.cumsum([0] + [cover.size for cover in covers[:-1]])
        corners = [(0, 0) if c is None else c.corner for c in cutouts]
        fabric.sheet = wp.array(self.mesh.sheet, dtype=wp.int32, device=self.device)
        fabric.cover_first = wp.array(first.astype(np.int32), dtype=wp.int32, device=self.device)
        fabric.cover_size = wp.array([c.shape[::-1] for c in covers], dtype=wp.vec2i, device=self.device)
        fabric.cover_corner = wp.array(corners, dtype=wp.vec2i, device=self.device)
        flat = np.concatenate([cover.ravel() for cover in covers]).astype(np.uint8)
        fabric.cover = wp.array(flat, dtype=wp.uint8, device=self.device)

    def _seen(self, vertices: np.ndarray, camera: Camera) -> wp.array:
        """Vertices in the frame of a camera, vec3d."""
        matrix = camera.camera_from_world
        points = vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        return wp.array(points, dtype=wp.vec3d, device=self.device)

    def _window(self, points: np.ndarray, lens: np.ndarray) -> tuple[int, int, int, int] | None:
        """Smallest crop that holds all vertices; the whole view if one is behind the camera."""
        rows, cols = self.size
        if points[:, 2].max() <= NEAR:
            return None
        if points[:, 2].min() <= NEAR:
            return 0, rows, 0, cols
        pixels = points[:, :2] / points[:, 2:] * lens[:2] + lens[2:]
        u0, v0 = np.clip(np.floor(pixels.min(axis=0)), 0, (cols, rows)).astype(int)
        u1, v1 = np.clip(np.ceil(pixels.max(axis=0)), 0, (cols, rows)).astype(int)
        return (int(v0), int(v1), int(u0), int(u1)) if u1 > u0 and v1 > v0 else None

    def at(self, time: float, camera: Camera | None = None) -> ClothFrame | None:
        """All cloth at ``time`` [s], or None if none is in the picture.

        Args:
            time: Any instant; between the samples of the trajectory vertices move in straight lines.
            camera: Where it is seen from, of the view's size; default: the scene's camera at ``time``.
        """
        drawn = self.drawn(time, camera)
        if drawn is None:
            return None
        n, camera, window, point = self.supersample, drawn.camera, drawn.samples, drawn.point
        v0, u0 = window.v // n, window.u // n
        crop = (v0, v0 + window.rows // n, u0, u0 + window.cols // n)
        types = (wp.float32, wp.uint16, wp.int32, wp.vec2, wp.vec3, wp.vec3, wp.vec2)
        outputs = [wp.empty((window.rows, window.cols), dtype=t, device=self.device) for t in types]
        kernels.cloth_resolve(
            self._fabric,
            point,
            self.mesh.normals(drawn.vertices),
            self.key(drawn),
            lens=drawn.lens,
            window=window,
            world_from_camera=wp.mat44d(*camera.world_from_camera.ravel()),
            photo_lens=self._photo_lens,
            outputs=outputs,
        )
        depth, ids, face, weight, normal, rest, source = (o.numpy() for o in outputs)
        return ClothFrame(crop, n, depth, ids, face, weight, normal, rest, source, camera, time)

    def drawn(self, time: float, camera: Camera | None = None) -> Drawn | None:
        """Where cloth is seen at ``time`` [s], or None if none is in the picture; see :meth:`at`."""
        if self._fabric is None:
            return None
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        vertices = self.mesh.vertices(time)
        point = self._seen(vertices, camera)
        lens = lens_of(camera, self.photo_size)
        crop = self._window(point.numpy(), lens)
        if crop is None:
            return None
        n, (v0, v1, u0, u1) = self.supersample, crop
        window = Window()
        window.u, window.v, window.rows, window.cols = u0 * n, v0 * n, (v1 - v0) * n, (u1 - u0) * n
        return Drawn(camera, vertices, point, window, wp.vec4d(*(lens * n)))

    def key(self, drawn: Drawn) -> wp.array:
        """Nearest triangle of every sample (see ``physim_kernels.scan``), held until the next call."""
        window = drawn.samples
        if self._key.shape[0] < window.rows * window.cols:
            self._key = wp.empty(window.rows * window.cols * 5 // 4, dtype=wp.uint64, device=self.device)
        kernels.cloth_raster(
            self._fabric, drawn.point, lens=drawn.lens, photo_lens=self._photo_lens, window=window, near=NEAR,
            key=self._key,
        )  # fmt: skip
        return self._key

    @property
    def start(self) -> wp.array:
        """Vertices at time 0 in the frame of the photo's camera [m], vec3d."""
        assert self._fabric is not None
        return self._fabric.start

    @property
    def photo_lens(self) -> wp.vec4d:
        """(f_u, f_v, c_u, c_v) [pixels of the photo]"""
        return self._photo_lens

    def motion(self, frame: ClothFrame, other_time: float, other_camera: Camera | None = None) -> BodyMotion:
        """Where the points of ``frame`` are at ``other_time`` [s], seen by the camera of that time."""
        other = other_camera or self.scene.camera.at(other_time, self.size)  # type: ignore[union-attr]
        outputs = [wp.empty(frame.depth.shape, dtype=t, device=self.device) for t in (wp.vec2, wp.float32, wp.float32)]
        kernels.cloth_motion(
            self._fabric,
            wp.array(frame.face, dtype=wp.int32, device=self.device, copy=False),
            wp.array(frame.weight, dtype=wp.vec2, device=self.device, copy=False),
            self._seen(self.mesh.vertices(frame.time), frame.camera),
            self._seen(self.mesh.vertices(other_time), other),
            lens=wp.vec4d(*lens_of(frame.camera, self.photo_size)),
            other_lens=wp.vec4d(*lens_of(other, self.photo_size)),
            outputs=outputs,
        )
        return BodyMotion(*(o.numpy() for o in outputs))
