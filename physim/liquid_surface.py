"""The surface of a liquid at any time: a closed, smooth mesh around its particles, and lone particles as drops."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import warp as wp
from physim_kernels import liquid_carry, liquid_mesh
from physim_kernels import liquid_surface as kernels
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter, uniform_filter

from physim.scene import Scene
from physim.terrain import grid_distance
from physim.trajectory import LiquidTrack

PAD = 2
"""Cells of h around the particles."""
TRUST = (0.2, 0.4)
"""Part of the 27 cells around that is liquid, below which nothing is smoothed and from which everything is."""
PASSES = 6
"""Of smoothing."""
NEAR = 2.0
"""Particles nearer to a solid than this have an image behind its surface [cells of h]."""
DROP = (0.09, 0.2)
"""W / FULL at a particle up to which it is a whole drop, and from which it is none."""


def _spray() -> np.ndarray:
    """Patterns (64, 5, 4) of drops that a lone particle is drawn as: places about it [cells of h], and radii over its.

    Sizes are log-normal, as those of spray are (Villermaux, "Fragmentation", Annu. Rev. Fluid Mech. 39 (2007)); the
    volumes of a pattern add up to 1.
    """
    rng = np.random.default_rng(20071)
    places = 0.35 * rng.standard_normal((64, 5, 3)).clip(-2, 2)
    volume = np.exp(0.9 * rng.standard_normal((64, 5)))
    volume /= volume.sum(axis=1, keepdims=True)
    places -= (volume[..., None] * places).sum(axis=1, keepdims=True)
    return np.concatenate([places, np.cbrt(volume)[..., None]], axis=-1)


SPRAY = _spray()


@dataclass(frozen=True)
class LiquidMesh:
    """The surface of one liquid at one time."""

    time: float
    vertices: wp.array
    """(V,) vec3 [m], world."""
    normals: wp.array
    """(V,) vec3, outward unit normals."""
    faces: wp.array
    """(3 M,) int, counter-clockwise seen from outside."""
    drops: np.ndarray
    """(D, 4) float32: centre [m], world, and radius [m] of what is too small for the mesh."""
    particles: np.ndarray
    """(P, 3) float32 [m], world, and their images behind solids, if any, after them."""
    numbers: np.ndarray
    """(P,) int: which of the track's particles they are."""
    origin: np.ndarray
    """World place of the first node [m]."""
    fine: float
    """Distance of nodes [m]."""
    cells: tuple[int, int, int]
    """Of h."""

    @cached_property
    def volume(self) -> float:
        """Inside of the mesh [m^3], by the divergence theorem."""
        a, b, c = self._corners()
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)

    @cached_property
    def area(self) -> float:
        """Of the mesh [m^2]."""
        a, b, c = self._corners()
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    def _corners(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points = self.vertices.numpy().astype(np.float64)
        points = points - points.mean(axis=0) if len(points) else points
        corners = points[self.faces.numpy().reshape(-1, 3)]
        return corners[:, 0], corners[:, 1], corners[:, 2]


class LiquidSurface:
    """Finds the surface of one liquid.

    Args:
        track: Its particles.
        scene: Whose static things it lies against: there the surface goes on into them, so that no gap shows.
        fps: Frames per second of the track.
        device: Warp device; the default one if None.
    """

    def __init__(self, track: LiquidTrack, scene: Scene | None = None, fps: float = 24.0, device=None) -> None:
        self.track = track
        self.fps = float(fps)
        self.device = wp.get_device(device)
        self._wall = None if scene is None else _Wall.of(scene, track)
        self._radius = (0.75 / np.pi * track.particle_volume) ** (1 / 3)
        self._memo: LiquidMesh | None = None

    def particles(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Places (P, 3) float32 [m] of those that are there at the frame nearest to ``time`` [s], and their numbers.

        Between frames they move in straight lines; one that enters or leaves keeps its velocity.
        """
        numbers = self._there(time)
        return self.places(numbers, time), numbers

    def _there(self, time: float) -> np.ndarray:
        last = len(self.track.position) - 1
        frame = int(np.clip(np.round(time * self.fps), 0, last))
        return np.flatnonzero(np.isfinite(self.track.position[frame, :, 0]))

    def places(self, numbers: np.ndarray, time: float) -> np.ndarray:
        """Where some particles are at ``time`` [s], (P, 3) float32 [m]."""
        track, last = self.track, len(self.track.position) - 1
        x = float(np.clip(time * self.fps, 0, last))
        if abs(x - round(x)) < 1e-6:
            x = float(round(x))
        i = min(int(x), max(last - 1, 0))
        j, s = min(i + 1, last), np.float32(x - i)
        a, b = track.position[i, numbers], track.position[j, numbers]
        if s == 0 and np.isfinite(a).all():
            return a
        va, vb = track.velocity[i, numbers].astype(np.float32), track.velocity[j, numbers].astype(np.float32)
        dt = np.float32(1 / self.fps)
        a = np.where(np.isfinite(a), a, b - dt * np.nan_to_num(vb))
        b = np.where(np.isfinite(b), b, a + dt * np.nan_to_num(va))
        return (1 - s) * a + s * b

    def at(self, time: float) -> LiquidMesh | None:
        """The surface at ``time`` [s]; None if there is no liquid."""
        if self._memo is not None and self._memo.time == time:
            return self._memo
        numbers = self._there(time)
        places = self.places(numbers, time)
        known = np.isfinite(places).all(axis=1)
        numbers, places = numbers[known], places[known]
        if len(numbers) == 0:
            return None
        self._memo = self._build(time, numbers, places)
        return self._memo

    def _build(self, time: float, numbers: np.ndarray, places: np.ndarray) -> LiquidMesh:
        h = float(self.track.cell)
        images = places[:0] if self._wall is None else self._wall.images(places, NEAR * h)
        low = np.floor(places.min(axis=0) / h - 1.5) - PAD  # on a lattice fixed in the world, so that nothing crawls
        high = np.ceil(places.max(axis=0) / h + 1.5) + PAD
        cells = (int(high[0] - low[0]), int(high[1] - low[1]), int(high[2] - low[2]))
        origin = low.astype(np.float64) * h
        images = images[((images > origin + h) & (images < origin + h * (np.array(cells) - 1))).all(axis=1)]
        everything = np.concatenate([places, images]).astype(np.float32)
        local = ((everything - origin) * (2 / h)).astype(np.float32)
        deep, idle, trust = _inside(local, cells)
        of_cell = tuple((local[:, a] * 0.5).astype(int) for a in range(3))
        near = np.ascontiguousarray(local[~idle[of_cell]])
        phi, smooth, weight, deep_device = self._field(near, cells, deep, trust)
        point, normal, face = self._mesh(phi, smooth, h, origin)
        drops = self._drops(local[: len(places)], places, numbers, weight, deep_device)
        return LiquidMesh(time, point, normal, face, drops, everything, numbers, origin, h / 2, cells)

    def _field(self, near: np.ndarray, cells, deep: np.ndarray, trust: np.ndarray):
        shape = tuple(2 * n for n in cells)
        weight, mx, my, mz = (wp.zeros(shape, dtype=float, device=self.device) for _ in range(4))
        x = wp.array(near, dtype=wp.vec3, device=self.device)
        kernels.spread(x, weight=weight, mx=mx, my=my, mz=mz)
        deep_device = wp.array(deep, dtype=wp.uint8, device=self.device)
        trust_device = wp.array(trust, dtype=float, device=self.device)
        phi, out = (wp.empty(shape, dtype=float, device=self.device) for _ in range(2))
        kernels.distance(weight, mx, my, mz, deep_device, kernels.RADIUS, phi=phi)
        for _ in range(PASSES):
            kernels.smooth(phi, trust_device, out=out)
            phi, out = out, phi
        kernels.unshrink(phi, trust_device, kernels.SHARPEN, out=out)
        phi, out = out, phi
        wp.copy(mx, phi)  # normals from a copy that is smoothed further: they are what the eye sees
        for scratch, target in ((mx, my), (my, mx), (mx, my)):
            kernels.smooth(scratch, trust_device, out=target)
        return phi, my, weight, deep_device

    def _mesh(self, phi: wp.array, smooth: wp.array, h: float, origin: np.ndarray):
        rows = (phi.shape[0] - 1) * (phi.shape[1] - 1)
        vertices, quads = (wp.zeros(rows + 1, dtype=int, device=self.device) for _ in range(2))
        liquid_mesh.count(phi, vertices=vertices, quads=quads)
        vertex_count, quad_count = int(vertices[-1:].numpy()[0]), int(quads[-1:].numpy()[0])
        index = wp.empty(phi.shape, dtype=int, device=self.device)
        point, normal = (wp.empty(vertex_count, dtype=wp.vec3, device=self.device) for _ in range(2))
        face = wp.empty(6 * quad_count, dtype=int, device=self.device)
        liquid_mesh.emit(phi, smooth, vertices, quads, index=index, point=point, normal=normal, face=face)
        liquid_mesh.place(point, wp.vec3(*origin), h / 2)
        return point, normal, face

    def _drops(
        self, local: np.ndarray, places: np.ndarray, numbers: np.ndarray, weight: wp.array, deep: wp.array
    ) -> np.ndarray:
        """Particles with few others about them, the smaller the more there are: there the mesh takes over.

        Each is a few drops of its volume: one as large as a particle would be a bead.
        """
        crowd = wp.empty(len(local), dtype=float, device=self.device)
        kernels.crowd(wp.array(local, dtype=wp.vec3, device=self.device), weight, deep, out=crowd)
        part = crowd.numpy()
        s = np.clip((part - DROP[0]) / (DROP[1] - DROP[0]), 0, 1)
        size = 1 - s * s * (3 - 2 * s)
        lone = size > 0.05
        kind = numbers[lone] % len(SPRAY)  # a particle keeps its drops from frame to frame
        centres = places[lone][:, None] + float(self.track.cell) * size[lone, None, None] * SPRAY[kind, :, :3]
        radii = self._radius * size[lone, None] * SPRAY[kind, :, 3]
        return np.concatenate([centres, radii[..., None]], axis=-1).reshape(-1, 4).astype(np.float32)

    def in_wall(self, points: np.ndarray) -> np.ndarray:
        """Whether points (N, 3) lie inside of something static, where the surface goes on but is not to be seen."""
        if self._wall is None:
            return np.zeros(len(points), bool)
        return self._wall.at(points) < -0.5 * float(self.track.cell)

    def carry(self, mesh: LiquidMesh, values: np.ndarray, time: float | None = None) -> wp.array:
        """A grid that :func:`physim_kernels.liquid_carry.carried` reads: vectors (P, 3) of a mesh's particles.

        The particles are where they are at ``time`` [s], by default that of the mesh.
        """
        total = wp.zeros(tuple(n + 1 for n in mesh.cells), dtype=wp.vec4, device=self.device)
        places = mesh.particles[: len(values)] if time is None else self.places(mesh.numbers, time)
        local = ((places - mesh.origin) / mesh.fine).astype(np.float32)
        if time is not None:
            inside = ((local >= 0) & (local < 2 * np.array(mesh.cells) - 0.01)).all(axis=1)
            local, values = local[inside], values[inside]
        liquid_carry.carry(
            wp.array(np.ascontiguousarray(local), dtype=wp.vec3, device=self.device),
            wp.array(np.ascontiguousarray(values, np.float32), dtype=wp.vec3, device=self.device),
            total=total,
        )
        return total

    def displacement(self, mesh: LiquidMesh, time: float) -> np.ndarray:
        """How far each particle of ``mesh`` is from there at another ``time`` [s], (P, 3) [m]."""
        other = self.places(mesh.numbers, time)
        moved = other - mesh.particles[: len(mesh.numbers)]
        return np.where(np.isfinite(moved), moved, 0.0).astype(np.float32)


def _inside(local: np.ndarray, cells) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per cell of h: far inside (uint8), so far that its particles need not count (bool), and how much is liquid."""
    at = (local * 0.5).astype(np.int64)
    flat = (at[:, 0] * cells[1] + at[:, 1]) * cells[2] + at[:, 2]
    count = np.bincount(flat, minlength=int(np.prod(cells))).reshape(cells)
    deep = minimum_filter(np.minimum(count, 2).astype(np.uint8), 3, mode="constant") >= 2
    idle = minimum_filter(deep.astype(np.uint8), 5, mode="constant") > 0
    part = uniform_filter(np.minimum(count, 9).astype(np.float32) / 8, 3, mode="constant")
    s = np.clip((maximum_filter(part, 3) - TRUST[0]) / (TRUST[1] - TRUST[0]), 0, 1)
    return deep.astype(np.uint8), idle, (s * s * (3 - 2 * s)).astype(np.float32)


class _Wall:
    """Static solids as a signed distance on the nodes of h, for images of particles behind their surface."""

    def __init__(self, origin: np.ndarray, h: float, distance: np.ndarray) -> None:
        self._origin, self._h = origin, h
        self._distance = np.clip(distance, -3 * h, 3 * h).astype(np.float32)
        self._slope = [np.gradient(self._distance, h, axis=a) for a in range(3)]

    @classmethod
    def of(cls, scene: Scene, track: LiquidTrack) -> _Wall | None:
        if not any(scene.statics):
            return None
        h = float(track.cell)
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for frame in track.position:
            known = frame[np.isfinite(frame[:, 0])]
            if len(known):
                low, high = np.minimum(low, known.min(axis=0)), np.maximum(high, known.max(axis=0))
        if not np.isfinite(low).all():
            return None
        low = low - 3 * h
        counts = np.ceil((high + 3 * h - low) / h).astype(int) + 1
        while counts.prod() > 4_000_000:
            h, counts = 2 * h, counts // 2 + 1
        x, y, z = (low[a] + h * np.arange(counts[a]) for a in range(3))
        distance = grid_distance(scene, x[:, None, None], y[None, :, None], z[None, None, :])
        return cls(low, h, distance) if np.isfinite(distance).any() else None

    def at(self, places: np.ndarray) -> np.ndarray:
        """Distance (N,) of places (N, 3) to the nearest solid [m], within three cells."""
        return map_coordinates(self._distance, ((places - self._origin) / self._h).T, order=1, mode="nearest")

    def images(self, places: np.ndarray, reach: float) -> np.ndarray:
        """Mirror images behind the solid of the particles nearer than ``reach`` [m], (Q, 3)."""
        at = ((places - self._origin) / self._h).T
        d = self.at(places)
        near = d < reach
        if not near.any():
            return places[:0]
        n = np.stack([map_coordinates(g, at[:, near], order=1, mode="nearest") for g in self._slope], axis=-1)
        length = np.linalg.norm(n, axis=1)
        good = length > 0.5
        n = n[good] / length[good, None]
        d = np.maximum(d[near][good], 0.02 * reach)
        return (places[near][good] - 2 * d[:, None] * n).astype(np.float32)
