"""Moving bodies as the camera sees them: depth, identity, material point, normal and place in the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import raster as kernels

from physim.backdrop_view import lens_of, photo_camera
from physim.camera import Camera
from physim.scene import Entity
from physim.shapes import Capsule, Cylinder, Sphere
from physim.trajectory import Trajectory

EDGE_PIXELS = 2.0
"""A body with a cutout is drawn this much larger [pixels of a photo 800 wide], so that the cutout decides its edge."""
CREASE = np.cos(np.radians(40.0))
"""Faces that meet at a smaller angle than 40 degrees are shaded as one smooth surface."""

MANY = 20000
"""Corners of a mesh of which each is looked at to find where it is seen; of more, those of the box around them."""


@dataclass(frozen=True)
class BodyFrame:
    """The crop of one instant that holds every visible body, at ``supersample`` times the view's resolution."""

    window: tuple[int, int, int, int]
    """(v0, v1, u0, u1) of the crop in pixels of the view."""
    supersample: int
    depth: np.ndarray
    """(h, w) float32: z of the camera [m], infinite where there is no body."""
    ids: np.ndarray
    """(h, w) uint16: entity number, 0 for none."""
    point: np.ndarray
    """(h, w, 3) float32: material point in the frame of its body [m]."""
    normal: np.ndarray
    """(h, w, 3) float32: outward unit normal, world."""
    source_uv: np.ndarray
    """(h, w, 2) float32: where the photo shows this point [pixels of the photo], NaN where it does not."""
    facing: np.ndarray
    """(h, w) float32: cosine between the normal and the direction to the camera at time 0; small: seen at a slant."""
    camera: Camera
    """The camera at the view's size."""
    time: float


@dataclass(frozen=True)
class BodyMotion:
    """Where the points of a ``BodyFrame`` are at another time."""

    flow: np.ndarray
    """(h, w, 2) float32 [pixels of the view]"""
    depth: np.ndarray
    """(h, w) float32: z in the other camera [m], infinite where there is no body."""
    facing: np.ndarray
    """(h, w) float32: cosine between the normal and the direction to the other camera; below 0: turned away."""


def corner_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals at the corners of the faces (M, 3, 3): smooth over small angles, sharp over creases.

    Each corner averages the faces around its vertex that turn less than ``CREASE`` from its own, weighted by their
    angle at the vertex (Thürmer, Wüthrich, Computing vertex normals from polygonal facets, 1998).
    """
    corner = vertices[faces]
    edge = np.roll(corner, -1, axis=1) - corner
    normal = np.cross(edge[:, 0], edge[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    edge /= np.maximum(np.linalg.norm(edge, axis=2, keepdims=True), 1e-300)
    angle = np.arccos(np.clip(-np.einsum("mki,mki->mk", edge, np.roll(edge, 1, axis=1)), -1, 1))
    around: list[list[int]] = [[] for _ in range(len(vertices))]
    for k, vertex in enumerate(faces.reshape(-1)):
        around[vertex].append(k)
    result = np.zeros((len(faces) * 3, 3))
    for corners in around:
        if not corners:
            continue
        own = np.array(corners)
        n, weight = normal[own // 3], angle.reshape(-1)[own]
        result[own] = ((n @ n.T > CREASE) * weight) @ n
    result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-300)
    return result.reshape(-1, 3, 3)


def surface(entity: Entity, margin: float, camera_from_body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners and their normals, each (M, 3, 3), body frame, of a shape grown outwards by ``margin`` [m].

    It grows sideways for the camera of the photo: its outline does, while every corner keeps its depth, so that what is
    seen in front also moves as it should.
    """
    shape = entity.shape
    mesh = shape.triangles  # type: ignore[union-attr]
    vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), mesh.faces
    normals = corner_normals(vertices, faces)
    corners = vertices[faces]
    if isinstance(shape, Sphere):
        normals = corners / np.linalg.norm(corners, axis=2, keepdims=True)
    elif isinstance(shape, Capsule):
        axis = corners.copy()
        axis[..., (0, 2)] = 0
        axis[..., 1] = np.clip(axis[..., 1], -shape.length / 2, shape.length / 2)
        normals = (corners - axis) / shape.radius
    elif isinstance(shape, Cylinder):
        cap = np.abs(normals[..., 1]) > 0.5
        radial = corners * (1, 0, 1) / shape.radius
        normals = np.where(cap[..., None], normals, radial)
    if margin > 0:
        corners = corners + (grown(vertices, faces, margin, camera_from_body) - vertices)[faces]
    return corners, normals


def grown(vertices: np.ndarray, faces: np.ndarray, margin: float, camera_from_body: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) moved sideways for a camera so that the outline grows by ``margin`` [m]; see :func:`surface`."""
    turn, shift = camera_from_body[:3, :3], camera_from_body[:3, 3]
    ray = vertices @ turn.T + shift
    move = _miter(vertices, faces) @ turn.T
    move -= ray * (move[:, 2:] / np.maximum(ray[:, 2:], 1e-6))
    return vertices + margin * (move @ turn)


def _miter(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Per vertex, the move (V, 3) that shifts each adjoining face outwards by 1 (least squares, at most 2 long)."""
    corner = vertices[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    square = np.zeros((len(vertices), 3, 3))
    right = np.zeros((len(vertices), 3))
    for k in range(3):
        np.add.at(square, faces[:, k], normal[:, :, None] * normal[:, None, :])
        np.add.at(right, faces[:, k], normal)
    # The ridge keeps the move along the mean normal where all faces of a vertex lie in one plane.
    square += 1e-2 * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(3) + 1e-12 * np.eye(3)
    move = np.linalg.solve(square, right[..., None])[..., 0]
    length = np.linalg.norm(move, axis=1, keepdims=True)
    return move * np.minimum(1.0, 2.0 / np.maximum(length, 1e-12))


def pose_matrix(position: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """Rigid transform (4, 4) of a position [m] and a unit quaternion (x, y, z, w)."""
    x, y, z, w = orientation
    pose = np.eye(4)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    pose[:3, 3] = position
    return pose


def _outermost(corners: np.ndarray) -> np.ndarray:
    """Points (N, 3) whose picture bounds that of corners (M, 3): themselves, or of very many the corners of a box."""
    if len(corners) <= MANY:
        return np.unique(corners, axis=0)
    choice = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    return np.stack([corners.min(axis=0), corners.max(axis=0)])[choice, [0, 1, 2]]


class _Buffer:
    """A z-buffer that grows with the largest crop it had to hold; a full 4K one, supersampled, would be 600 MB."""

    def __init__(self, device) -> None:
        self.key = wp.empty(0, dtype=wp.uint64, device=device)

    def at_least(self, pixels: int) -> wp.array:
        if self.key.shape[0] < pixels:
            self.key = wp.empty(pixels * 5 // 4, dtype=wp.uint64, device=self.key.device)
        return self.key


class BodyView:
    """Draws the rigid bodies of a trajectory at any time, on the pixel grid of a view.

    Args:
        trajectory: A simulated scene with a camera.
        size: (height, width) of the view [pixels], of the photo's aspect.
        device: Warp device; the default one if None.
        supersample: Samples per pixel along each side; the arrays of a ``BodyFrame`` grow by it.
        scratch: A view that is not used at the same moment: its z-buffer is shared.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        size: tuple[int, int],
        device=None,
        *,
        supersample: int = 1,
        scratch: BodyView | None = None,
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
        self._entities = [e for e in scene if e.name in trajectory.bodies]
        self._tracks = [trajectory.bodies[e.name] for e in self._entities]
        rest = [pose_matrix(*track.at(0.0)) for track in self._tracks]
        self._photo_from_body = np.array([self.photo_camera.camera_from_world @ pose for pose in rest])
        self._photo_lens = wp.vec4d(*lens_of(self.photo_camera, self.photo_size))
        self._buffer: _Buffer = _Buffer(self.device) if scratch is None else scratch._buffer
        if self._entities:
            self._upload()

    def _upload(self) -> None:
        corners, normals, slots, boxes = [], [], [], []
        for slot, entity in enumerate(self._entities):
            margin = 0.0
            if entity.cutout is not None:
                pixels = EDGE_PIXELS * max(1.0, self.photo_size[1] / 800)
                margin = pixels * abs(self._photo_from_body[slot][2, 3]) / self.photo_camera.focal
            corner, normal = surface(entity, margin, self._photo_from_body[slot])
            corners.append(corner.reshape(-1, 3))
            normals.append(normal.reshape(-1, 3))
            slots.append(np.full(len(corner), slot, dtype=np.int32))
            boxes.append(_outermost(corners[-1]))
        self._boxes = boxes
        numbers = np.array([self.scene.number_of(e.name) for e in self._entities])
        slot_of = np.zeros(len(self.scene.entities) + 1, dtype=np.int32)
        slot_of[numbers] = np.arange(len(numbers))
        mesh = kernels.Mesh()
        device = self.device
        mesh.corner = wp.array(np.concatenate(corners), dtype=wp.vec3d, device=device)
        mesh.normal = wp.array(np.concatenate(normals), dtype=wp.vec3, device=device)
        mesh.slot = wp.array(np.concatenate(slots), dtype=wp.int32, device=device)
        mesh.number = wp.array(numbers.astype(np.uint16), dtype=wp.uint16, device=device)
        mesh.textured = wp.array([int(e.cutout is not None) for e in self._entities], dtype=wp.int32, device=device)
        self._mesh = mesh
        self._slot_of = wp.array(slot_of, dtype=wp.int32, device=device)
        self._point = wp.empty(mesh.corner.shape[0], dtype=wp.vec3d, device=device)
        self._rest = self._matrices(self._photo_from_body)

    def _matrices(self, matrices: np.ndarray) -> wp.array:
        return wp.array(np.ascontiguousarray(matrices), dtype=wp.mat44d, device=self.device)

    def _poses(self, time: float) -> np.ndarray:
        return np.array([pose_matrix(*track.at(time)) for track in self._tracks])

    def _window(self, camera_from_body: np.ndarray, lens: np.ndarray, near: float) -> tuple[int, int, int, int] | None:
        """Smallest crop that holds the corners of all bodies; the whole view if one reaches behind the camera."""
        rows, cols = self.size
        low, high = np.full(2, np.inf), np.full(2, -np.inf)
        for matrix, box in zip(camera_from_body, self._boxes, strict=True):
            points = box @ matrix[:3, :3].T + matrix[:3, 3]
            if points[:, 2].max() <= near:
                continue
            if points[:, 2].min() <= near:
                return 0, rows, 0, cols
            pixels = points[:, :2] / points[:, 2:] * lens[:2] + lens[2:]
            first, last = pixels.min(axis=0), pixels.max(axis=0)
            if (last <= 0).any() or (first >= (cols, rows)).any():
                continue
            low, high = np.minimum(low, first), np.maximum(high, last)
        if not np.isfinite(low).all():
            return None
        u0, v0 = np.clip(np.floor(low), 0, (cols, rows)).astype(int)
        u1, v1 = np.clip(np.ceil(high), 0, (cols, rows)).astype(int)
        return (int(v0), int(v1), int(u0), int(u1)) if u1 > u0 and v1 > v0 else None

    def at(self, time: float, camera: Camera | None = None, *, bare: bool = False) -> BodyFrame | None:
        """All bodies at ``time`` [s], or None if none is in the picture.

        Args:
            time: Any instant; between the samples of the trajectory poses are interpolated.
            camera: Where they are seen from, of the view's size; default: the scene's camera at ``time``.
            bare: Leave normals, places in the photo and ``facing`` out: their arrays are empty.
        """
        if not self._entities:
            return None
        camera = camera or self.scene.camera.at(time, self.size)  # type: ignore[union-attr]
        poses = self._poses(time)
        camera_from_body = camera.camera_from_world @ poses
        lens = lens_of(camera, self.photo_size)
        near = 1e-3
        crop = self._window(camera_from_body, lens, near)
        if crop is None:
            return None
        n = self.supersample
        v0, v1, u0, u1 = crop
        window = kernels.Window()
        window.u, window.v, window.rows, window.cols = u0 * n, v0 * n, (v1 - v0) * n, (u1 - u0) * n
        lens_n = wp.vec4d(*(lens * n))
        key = self._buffer.at_least(window.rows * window.cols)
        kernels.raster(
            self._mesh,
            self._matrices(camera_from_body),
            lens=lens_n,
            window=window,
            near=near,
            point=self._point,
            key=key,
        )
        shape = (window.rows, window.cols)
        if bare:
            outputs = [wp.empty(shape, dtype=t, device=self.device) for t in (wp.float32, wp.uint16, wp.vec3)]
            kernels.resolve_point(self._mesh, self._point, key, lens=lens_n, window=window, outputs=outputs)
            depth, ids, point = (o.numpy() for o in outputs)
            none = np.empty((0, 0), np.float32)
            return BodyFrame(crop, n, depth, ids, point, none, none, none, camera, time)
        types = (wp.float32, wp.uint16, wp.vec3, wp.vec3, wp.vec2, wp.float32)
        outputs = [wp.empty(shape, dtype=t, device=self.device) for t in types]
        kernels.resolve(
            self._mesh,
            self._point,
            key,
            lens=lens_n,
            window=window,
            world_from_body=self._matrices(poses),
            photo_from_body=self._rest,
            photo_lens=self._photo_lens,
            outputs=outputs,
        )
        depth, ids, point, normal, source, facing = (o.numpy() for o in outputs)
        return BodyFrame(crop, n, depth, ids, point, normal, source, facing, camera, time)

    def motion(self, frame: BodyFrame, other_time: float, other_camera: Camera | None = None) -> BodyMotion:
        """Where the points of ``frame`` are at ``other_time`` [s], seen by the camera of that time."""
        other = other_camera or self.scene.camera.at(other_time, self.size)  # type: ignore[union-attr]
        poses = self._poses(frame.time)
        shape = frame.depth.shape
        outputs = [wp.empty(shape, dtype=t, device=self.device) for t in (wp.vec2, wp.float32, wp.float32)]
        kernels.body_motion(
            wp.array(frame.point, dtype=wp.vec3, device=self.device, copy=False),
            wp.array(frame.normal, dtype=wp.vec3, device=self.device, copy=False),
            wp.array(frame.ids, dtype=wp.uint16, device=self.device, copy=False),
            self._slot_of,
            camera_from_body=self._matrices(frame.camera.camera_from_world @ poses),
            world_from_body=self._matrices(poses),
            other_from_body=self._matrices(other.camera_from_world @ self._poses(other_time)),
            lens=wp.vec4d(*lens_of(frame.camera, self.photo_size)),
            other_lens=wp.vec4d(*lens_of(other, self.photo_size)),
            outputs=outputs,
        )
        return BodyMotion(*(o.numpy() for o in outputs))
