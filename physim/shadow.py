"""Shadows that moving bodies throw on the photo, and the light that was already missing there.

A body counts as what it collides as, its convex pieces or its convex hull. Their outlines towards the light are found
once per instant, here; how much of the light a pixel loses is a closed form, in ``physim_kernels.occlusion``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from physim_kernels import occlusion
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.spatial import ConvexHull

from physim.camera import Camera
from physim.scene import Light
from physim.shapes import Box, Mesh, Sphere
from physim.terrain import rotation_matrix
from physim.trajectory import Trajectory

CONTACT = 0.35
"""Part of the sky lost under a body that dims everything there, lit or not (picture recipe 3.6)."""
TINT = np.array([1.0, 1.04, 1.08], dtype=np.float32)
"""Shadows are a touch more red than grey: factor k becomes k ** TINT (recipe 3.6)."""
_COARSE = 96
"""Points per side at which the picture is searched for what a shadow may touch."""


@dataclass(frozen=True)
class _Solid:
    """A body, or a convex piece of one."""

    number: int
    name: str
    centre: np.ndarray
    """Of its bounding ball (3,) [m], body frame."""
    radius: float
    mean: float
    """Radius of the ball of equal volume [m]."""
    round: bool
    vertices: np.ndarray
    """(V, 3) [m], body frame: for the outline."""
    faces: list[np.ndarray]
    """Corners (K, 3) of each face of a plain stand-in [m], counter-clockwise from outside: for the sky."""


def tint_of(light: Light) -> np.ndarray:
    """Exponents (3,) of the shadow factor per colour.

    In full shadow a surface shows the colour of the ambient light alone: where that is redder than key and ambient
    together, so is the shadow. Taken to 70 %, for the ambient is the least certain of what is known about a light.
    """
    key, ambient = np.maximum(light.colour, 1e-3), np.maximum(light.ambient, 1e-3)
    share = ambient / (ambient + key)
    floor = np.clip(light.shadow_floor, 1e-3, 0.5)
    shift = np.log(share / np.exp(np.mean(np.log(share)))) / np.log(floor)
    return (TINT * np.clip(1 + 0.7 * shift, 0.8, 1.3)).astype(np.float32)


def light_frame(direction: np.ndarray) -> np.ndarray:
    """``light_from_world`` (3, 3): rows x, y and z, with z towards the light."""
    z = np.asarray(direction, dtype=np.float64) / np.linalg.norm(direction)
    x = np.cross((0.0, 1.0, 0.0) if abs(z[1]) < 0.9 else (0.0, 0.0, 1.0), z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _directions(count: int = 42) -> np.ndarray:
    k = np.arange(count) + 0.5
    y, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(turn), y, ring * np.sin(turn)], axis=1)


def _faces_of(points: np.ndarray) -> list[np.ndarray]:
    hull = ConvexHull(points)
    faces = points[hull.simplices]
    outward = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    turned = np.einsum("ij,ij->i", outward, hull.equations[:, :3]) < 0
    faces[turned] = faces[turned][:, ::-1]
    return list(faces)


def _solids_of(number: int, name: str, shape) -> list[_Solid]:
    middle = np.zeros(3)
    if isinstance(shape, Sphere):
        return [_Solid(number, name, middle, shape.radius, shape.radius, True, np.zeros((0, 3)), [])]
    if isinstance(shape, Mesh) and shape.pieces:
        return [_piece(number, name, piece) for piece in shape.pieces]
    mesh, radius = shape.triangles, shape.bounding_radius
    mean = float((0.75 / np.pi * shape.volume) ** (1 / 3))
    if isinstance(shape, Box):
        corners = mesh.vertices
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        return [_Solid(number, name, middle, radius, mean, False, corners, [corners[list(q)] for q in quads])]
    vertices = mesh.vertices[ConvexHull(mesh.vertices).vertices]
    return [_Solid(number, name, middle, radius, mean, False, vertices, _plain(vertices))]


def _piece(number: int, name: str, points: np.ndarray) -> _Solid:
    hull = ConvexHull(points)
    vertices = points[hull.vertices]
    centre = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    radius = float(np.linalg.norm(vertices - centre, axis=1).max())
    mean = float((0.75 / np.pi * hull.volume) ** (1 / 3))
    return _Solid(number, name, centre, radius, mean, False, vertices, _plain(vertices))


def _plain(vertices: np.ndarray) -> list[np.ndarray]:
    """Faces of a hull of a few dozen of the ``vertices``, which have as good as the same form."""
    return _faces_of(vertices[np.unique(np.argmax(vertices @ _directions().T, axis=0))])


class ShadowCaster:
    """The moving bodies of a trajectory as things that stand in the light."""

    def __init__(self, trajectory: Trajectory, *, device=None) -> None:
        scene = trajectory.scene
        self.device = wp.get_device(device)
        self._trajectory = trajectory
        self._solids = {
            name: _solids_of(scene.number_of(name), name, scene[name].shape) for name in trajectory.bodies
        }  # fmt: skip
        self.sun = occlusion.Sun()
        self.aim(scene.light)

    def aim(self, light: Light) -> None:
        """Let the light come from elsewhere from now on, or be softer."""
        self.light_from_world = light_frame(np.array(light.direction))
        self.spread = float(np.tan(max(light.half_angle, 1e-3)))
        self.floor = float(np.clip(light.shadow_floor, 1e-3, 1.0))
        self.sun.x, self.sun.y, self.sun.z = (wp.vec3(*row) for row in self.light_from_world)
        self.sun.spread = self.spread

    @property
    def key(self) -> tuple[float, ...]:
        """What shadows depend on besides bodies, rounded to what cannot be seen."""
        return (*np.round(self.light_from_world[2], 5), round(self.floor, 5))

    @property
    def names(self) -> list[str]:
        return list(self._solids)

    def casters(
        self, fixed: list[str], time: float, moving: list[str] | None = None, times: np.ndarray | None = None,
        weights: dict[str, float] | None = None,
    ) -> occlusion.Casters:  # fmt: skip
        """Bodies that stand in the light during an exposure.

        Args:
            fixed: Bodies that rest, as they are at ``time`` [s].
            time: Middle of the exposure [s].
            moving: Bodies that move.
            times: Instants at which those count [s].
            weights: How much each body hides, 0 to 1; default 1.
        """
        moving, times = moving or [], np.zeros(0) if times is None else times
        resting, others = ([solid for name in names for solid in self._solids[name]] for names in (fixed, moving))
        rows = [self._row(solid, time) for solid in resting]
        rows += [self._row(solid, float(instant)) for instant in times for solid in others]
        solids = resting + others * len(times)
        faces = [face for _, _, placed in rows for face in placed]
        empty = np.zeros((0, 3))
        result = occlusion.Casters()
        result.fixed, result.count = len(resting), len(others)
        result.ball = self._array(np.reshape([ball for ball, _, _ in rows], (-1, 4)), wp.vec4)
        result.round = self._array([solid.round for solid in solids], wp.int32)
        result.mean = self._array([solid.mean for solid in solids], wp.float32)
        result.body = self._array([solid.number for solid in solids], wp.int32)
        result.weight = self._array([(weights or {}).get(solid.name, 1.0) for solid in solids], wp.float32)
        result.outline = self._array(np.concatenate([empty, *(outline for _, outline, _ in rows)]), wp.vec3)
        result.outline_start = self._array(_starts([len(outline) for _, outline, _ in rows]), wp.int32)
        result.corner = self._array(np.concatenate([empty, *faces]), wp.vec3)
        result.face_start = self._array(_starts([len(face) for face in faces]), wp.int32)
        result.body_face_start = self._array(_starts([len(placed) for _, _, placed in rows]), wp.int32)
        return result

    def _row(self, solid: _Solid, time: float) -> tuple[list[float], np.ndarray, list[np.ndarray]]:
        """Bounding ball, outline in the light frame, and faces of one solid at one instant."""
        position, orientation = self._trajectory.bodies[solid.name].at(time)
        turn = rotation_matrix(orientation)
        placed = [face @ turn.T + position for face in solid.faces]
        return [*(turn @ solid.centre + position), solid.radius], self._outline(solid, turn, position), placed

    def neighbours(self, name: str, time: float) -> list[str]:
        """Bodies that may take light or sky from a body at ``time`` [s]."""
        centre, radius = self._trajectory.bodies[name].at(time)[0], self._reaches(name)
        return [other for other in self.near(centre, radius, time) if other != name]

    def _reaches(self, name: str) -> float:
        """Radius of a ball about a body's place that holds all of it [m]."""
        return max(float(np.linalg.norm(solid.centre)) + solid.radius for solid in self._solids[name])

    def near(self, centre: np.ndarray, radius: float, time: float) -> list[str]:
        """Bodies that may take light or sky from something inside a ball (3,), radius [m] at ``time`` [s]."""
        found = []
        for name in self._solids:
            ball = np.array([[*self._trajectory.bodies[name].at(time)[0], self._reaches(name)]])
            if self.reach(np.asarray(centre)[None], ball, slack=radius)[0]:
                found.append(name)
        return found

    def _outline(self, solid: _Solid, turn: np.ndarray, position: np.ndarray) -> np.ndarray:
        if solid.round:
            return np.zeros((0, 3))
        local = (solid.vertices @ turn.T + position) @ self.light_from_world.T
        return local[ConvexHull(local[:, :2]).vertices]

    def _array(self, values, dtype):
        kind = np.int32 if dtype is wp.int32 else np.float32
        return wp.array(np.ascontiguousarray(values, dtype=kind), dtype=dtype, device=self.device)

    def reach(self, points: np.ndarray, balls: np.ndarray, slack: np.ndarray | float = 0.0) -> np.ndarray:
        """Whether a shadow or a contact may touch each of ``points`` (..., 3) [m]; conservative, (...) bool.

        Args:
            points: World points [m].
            balls: Bounding balls (rows, 4): centre, radius [m].
            slack: Added to every distance [m], (...).
        """
        local = points @ self.light_from_world.T
        near = np.zeros(points.shape[:-1], dtype=bool)
        for ball in np.unique(np.asarray(balls, dtype=np.float64), axis=0):
            centre, radius = self.light_from_world @ ball[:3], ball[3] + slack
            along = centre[2] - local[..., 2] + radius
            aside = np.hypot(local[..., 0] - centre[0], local[..., 1] - centre[1])
            near |= (along > 0) & (aside < radius + self.spread * along)
            near |= np.linalg.norm(points - ball[:3], axis=-1) < occlusion.REACH * ball[3] + slack
        return near

    def factor(self, surface: occlusion.Receiver, where, lit, casters, instants: int) -> np.ndarray:
        """What is left of the light at pixels of a photographed surface, mean over instants, (N,) float32.

        Args:
            surface: Of :func:`receiver`.
            where: Flat indices of the pixels (N,).
            lit: Part of the direct light already there in the photo (N,).
            casters: Of :meth:`casters`.
            instants: Number of times given there.
        """
        if len(where) == 0 or casters.ball.shape[0] == 0:
            return np.ones(len(where), np.float32)
        out = wp.empty(len(where), dtype=wp.float32, device=self.device)
        occlusion.shadow_factor(
            surface, self._array(where, wp.int32), self._array(lit, wp.float32), casters, max(instants, 1), self.sun,
            floor=self.floor, contact=CONTACT, factor_out=out,
        )  # fmt: skip
        return out.numpy()


def receiver(camera: Camera, depth: wp.array, lens: np.ndarray) -> occlusion.Receiver:
    """A depth map (H, W) [m] seen by ``camera`` through ``lens`` (4,), as a surface that shadows fall on."""
    surface = occlusion.Receiver()
    surface.depth = depth
    surface.world_from_camera = wp.mat44(*camera.world_from_camera.ravel())
    surface.lens = wp.vec4(*lens)
    return surface


def _starts(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def shadow_region(caster: ShadowCaster, camera: Camera, depth: np.ndarray, balls: np.ndarray) -> np.ndarray:
    """Pixels that a shadow may touch, flat indices in order; looked for on a coarse grid and grown by one step.

    Args:
        caster: The bodies.
        camera: Of the picture, at its size.
        depth: z of the receiving surface (H, W) [m].
        balls: Bounding balls (rows, 4) of all instants.
    """
    rows, cols = depth.shape
    step = max(1, cols // _COARSE)
    v, u = np.arange(step // 2, rows, step), np.arange(step // 2, cols, step)
    z = depth[np.ix_(v, u)]
    grid = np.stack(np.meshgrid(u + 0.5, v + 0.5), axis=-1)
    points = camera.unproject(grid, z)
    hit = caster.reach(points, balls, slack=1.5 * step * z / camera.focal)
    grown = binary_dilation(hit, np.ones((3, 3), bool))
    full = np.repeat(np.repeat(grown, step, axis=0), step, axis=1)[:rows, :cols]
    full = np.pad(full, ((0, rows - full.shape[0]), (0, cols - full.shape[1])), mode="edge")
    return np.flatnonzero(full)


def light_already_there(linear: np.ndarray, light: Light) -> np.ndarray:
    """Part of the direct light that reaches each pixel of the photo (H, W) float32 in [0, 1].

    A shadow must not darken again what lies in shade already. Brightness, blurred, is compared with the bright part
    of the pixels of like colour: a surface is lit where it looks as its lit parts do. Dark paint of a colour of its
    own counts as lit.

    Args:
        linear: The plate (H, W, 3), linear light.
        light: Its ``shadow_floor`` is the brightness that counts as fully shaded.
    """
    rows, cols = linear.shape[:2]
    step = max(1, cols // 300)
    small = linear[::step, ::step]
    sigma = 8 * small.shape[1] / 800
    soft = gaussian_filter(small, (sigma, sigma, 0))
    luminance = np.maximum(soft @ np.array([0.2126, 0.7152, 0.0722], np.float32), 1e-5)
    chroma = soft / np.maximum(soft.sum(-1, keepdims=True), 1e-5)
    bins = np.clip((chroma[..., :2] * 16).astype(int), 0, 15)
    kind = bins[..., 0] * 16 + bins[..., 1]
    levels = np.zeros(256)
    counts = np.bincount(kind.ravel(), minlength=256)
    for k in np.flatnonzero(counts):
        levels[k] = np.percentile(luminance[kind == k], 80)
    grid, weight = (levels * counts).reshape(16, 16), counts.reshape(16, 16).astype(float)
    lit = gaussian_filter(grid, 0.7) / np.maximum(gaussian_filter(weight, 0.7), 1e-9)
    floor = float(np.clip(light.shadow_floor, 1e-3, 0.9))
    part = np.clip((luminance / np.maximum(lit.reshape(-1)[kind], 1e-5) / 0.8 - floor) / (1 - floor), 0, 1)
    # Shade is seldom as dark as the darkest: bounced light must not count as direct, or shade is darkened again.
    part = np.clip((part - 0.12) / 0.6, 0, 1)
    full = np.repeat(np.repeat(part, step, axis=0), step, axis=1)[:rows, :cols].astype(np.float32)
    return gaussian_filter(full, step) if step > 1 else full


def ground_below(point: np.ndarray, camera: Camera, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photographed surface straight below a world point: place (3,) [m] and pixel (2,), by fixed-point steps.

    From where the photo shows what is higher (the sky behind a falling ball) the steps find no way down; then the plumb
    line is followed to the first place that lies on or behind what is seen.
    """
    below, pixel = _down(np.array(point, dtype=np.float64), point, camera, depth)
    if below[1] < point[1] - 1e-6:
        return below, pixel
    rows, cols = depth.shape
    low = min(0.0, float(point[1])) - 0.5 * abs(float(camera.position[1]))
    line = np.tile(np.asarray(point, dtype=np.float64), (128, 1))
    line[:, 1] = np.linspace(point[1], low, len(line))
    pixels, z = camera.project(line)
    at = np.clip(pixels, 0.5, (cols - 0.5, rows - 0.5)).astype(int)
    met = (z > 0) & (depth[at[:, 1], at[:, 0]] <= 1.001 * z)
    if not met.any():
        return below, pixel
    return _down(line[int(np.argmax(met))], point, camera, depth)


def _down(
    below: np.ndarray, point: np.ndarray, camera: Camera, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Fixed-point steps from a place on the plumb line of ``point``."""
    rows, cols = depth.shape
    pixel = np.zeros(2)
    for _ in range(6):
        pixel, z = camera.project(below)
        if z <= 0:
            break
        pixel = np.clip(pixel, 0.5, (cols - 0.5, rows - 0.5))
        column, row = int(pixel[0]), int(pixel[1])
        seen = camera.unproject(np.array([column + 0.5, row + 0.5]), float(depth[row, column]))
        below = np.array([point[0], min(seen[1], point[1]), point[2]])
    return below, pixel
