"""Shapes: pure geometry in a body's own frame, SI units. No material, no pose.

Convex shapes are centred so that the local origin is the centre of mass (``Hull`` recentres its points and keeps the
offset). Every solid shape can give a closed triangle mesh, its volume and its inertia per unit density.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from physim.over_time import OverTime, value_at


def _positive(name: str, value: float) -> None:
    if not np.isfinite(value) or value <= 0:
        raise ValueError(f"{name} is {value}, expected a length greater than 0 [m].")


@dataclass(frozen=True)
class Triangles:
    """A triangle mesh, counter-clockwise seen from outside."""

    vertices: np.ndarray
    """(N, 3) float64 [m]"""
    faces: np.ndarray
    """(M, 3) int32"""

    def mass_properties(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Volume [m^3], centroid (3,) [m], and inertia about the centroid per unit density (3, 3) [m^5].

        Exact for a closed mesh, by summing signed tetrahedra against the origin (Eberly, Polyhedral Mass Properties).
        """
        a, b, c = (self.vertices[self.faces[:, k]].astype(np.float64) for k in range(3))
        six_volume = np.einsum("ij,ij->i", a, np.cross(b, c))
        volume = six_volume.sum() / 6
        if volume <= 0:
            raise ValueError(f"mesh encloses {volume:.3g} m^3, expected more than 0; is it closed, its faces outward?")
        centroid = np.einsum("i,ij->j", six_volume, a + b + c) / (24 * volume)
        a, b, c = a - centroid, b - centroid, c - centroid
        total = a + b + c
        second = sum(np.einsum("i,ij,ik->jk", six_volume, p, p) for p in (a, b, c, total)) / 120
        return float(volume), centroid, np.trace(second) * np.eye(3) - second


def _revolved(profile: np.ndarray, segments: int) -> Triangles:
    """Turn a closed profile (K, 2) of (radius, y), listed upwards along the outside, about the Y axis."""
    rings = np.asarray(profile, dtype=np.float64)
    angles = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    count = len(rings)
    vertices = np.stack(
        [rings[:, 0, None] * cos, np.repeat(rings[:, 1, None], segments, 1), rings[:, 0, None] * sin], axis=-1
    ).reshape(-1, 3)
    faces = []
    for k in range(count - 1):
        low, high = k * segments, (k + 1) * segments
        i = np.arange(segments)
        j = (i + 1) % segments
        if rings[k, 0] > 0:
            faces.append(np.stack([low + i, high + i, low + j], axis=1))
        if rings[k + 1, 0] > 0:
            faces.append(np.stack([low + j, high + i, high + j], axis=1))
    mesh = Triangles(vertices, np.concatenate(faces).astype(np.int32))
    return _weld(mesh)


def _weld(mesh: Triangles) -> Triangles:
    """Merge vertices at the same place and drop faces that lose their area."""
    keys = np.round(mesh.vertices / np.abs(mesh.vertices).max(), 9)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    faces = inverse.reshape(-1)[mesh.faces]
    keep = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return Triangles(mesh.vertices[first], faces[keep].astype(np.int32))


@dataclass(frozen=True)
class Plane:
    """The static half space below ``normal . x = offset``. Infinite; no mesh, no mass."""

    normal: tuple[float, float, float] = (0.0, 1.0, 0.0)
    """Out of the half space; of unit length."""
    offset: float = 0.0
    """[m]"""


@dataclass(frozen=True)
class Sphere:
    """A ball, centred."""

    radius: float
    """[m]"""

    def __post_init__(self) -> None:
        _positive("Sphere.radius", self.radius)

    @property
    def bounding_radius(self) -> float:
        """Of the ball about the origin that holds it [m]."""
        return self.radius

    @property
    def volume(self) -> float:
        """[m^3]"""
        return 4 / 3 * np.pi * self.radius**3

    @property
    def inertia_per_density(self) -> np.ndarray:
        """About the centre of mass, (3, 3) [m^5]; times the density it is the inertia [kg m^2]."""
        return 0.4 * self.volume * self.radius**2 * np.eye(3)

    @cached_property
    def triangles(self) -> Triangles:
        """Its closed mesh."""
        t = np.linspace(-np.pi / 2, np.pi / 2, 33)
        profile = np.stack([np.cos(t), np.sin(t)], axis=1) * self.radius
        profile[[0, -1], 0] = 0
        return _revolved(profile, 64)


@dataclass(frozen=True)
class Box:
    """A box, centred, its edges along x, y and z."""

    size: tuple[float, float, float]
    """Full edge lengths along x, y, z [m]."""

    def __post_init__(self) -> None:
        for axis, value in zip("xyz", self.size, strict=True):
            _positive(f"Box.size.{axis}", value)

    @property
    def half(self) -> np.ndarray:
        """Half the edge lengths (3,) [m]."""
        return np.asarray(self.size, dtype=np.float64) / 2

    @property
    def bounding_radius(self) -> float:
        """Of the ball about the origin that holds it [m]."""
        return float(np.linalg.norm(self.half))

    @property
    def volume(self) -> float:
        """[m^3]"""
        return float(np.prod(self.size))

    @property
    def inertia_per_density(self) -> np.ndarray:
        """About the centre of mass, (3, 3) [m^5]; times the density it is the inertia [kg m^2]."""
        x, y, z = np.square(self.size)
        return self.volume / 12 * np.diag([y + z, x + z, x + y])

    @cached_property
    def triangles(self) -> Triangles:
        """Its closed mesh."""
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * self.half
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        faces = [tri for a, b, c, d in quads for tri in ((a, b, c), (a, c, d))]
        return Triangles(corners, np.array(faces, dtype=np.int32))


@dataclass(frozen=True)
class Capsule:
    """A cylinder along Y with half-spherical ends."""

    radius: float
    """[m]"""
    length: float
    """Distance between the centres of the two half spheres [m]."""

    def __post_init__(self) -> None:
        _positive("Capsule.radius", self.radius)
        _positive("Capsule.length", self.length)

    @property
    def bounding_radius(self) -> float:
        """Of the ball about the origin that holds it [m]."""
        return self.radius + self.length / 2

    @property
    def volume(self) -> float:
        """[m^3]"""
        return np.pi * self.radius**2 * (self.length + 4 / 3 * self.radius)

    @property
    def inertia_per_density(self) -> np.ndarray:
        """About the centre of mass, (3, 3) [m^5]; times the density it is the inertia [kg m^2]."""
        r, length = self.radius, self.length
        tube, ball = np.pi * r**2 * length, 4 / 3 * np.pi * r**3
        axial = tube * r**2 / 2 + ball * 0.4 * r**2
        across = tube * (length**2 / 12 + r**2 / 4) + ball * (0.4 * r**2 + length**2 / 4 + 3 / 8 * length * r)
        return np.diag([across, axial, across])

    @cached_property
    def triangles(self) -> Triangles:
        """Its closed mesh."""
        t = np.linspace(0, np.pi / 2, 17)
        low = np.stack([np.sin(t) * self.radius, -self.length / 2 - np.cos(t) * self.radius], axis=1)
        high = np.stack([np.cos(t) * self.radius, self.length / 2 + np.sin(t) * self.radius], axis=1)
        profile = np.concatenate([low, high])
        profile[[0, -1], 0] = 0
        return _revolved(profile, 64)


@dataclass(frozen=True)
class Cylinder:
    """A solid cylinder along Y."""

    radius: float
    """[m]"""
    height: float
    """Along Y [m]."""

    def __post_init__(self) -> None:
        _positive("Cylinder.radius", self.radius)
        _positive("Cylinder.height", self.height)

    @property
    def bounding_radius(self) -> float:
        """Of the ball about the origin that holds it [m]."""
        return float(np.hypot(self.radius, self.height / 2))

    @property
    def volume(self) -> float:
        """[m^3]"""
        return np.pi * self.radius**2 * self.height

    @property
    def inertia_per_density(self) -> np.ndarray:
        """About the centre of mass, (3, 3) [m^5]; times the density it is the inertia [kg m^2]."""
        across = self.volume * (3 * self.radius**2 + self.height**2) / 12
        return np.diag([across, self.volume * self.radius**2 / 2, across])

    @cached_property
    def triangles(self) -> Triangles:
        """Its closed mesh."""
        r, h = self.radius, self.height / 2
        return _revolved(np.array([[0, -h], [r, -h], [r, h], [0, h]]), 64)


class _Triangulated:
    """Measures of a solid that is given by its closed mesh."""

    triangles: Triangles

    @property
    def bounding_radius(self) -> float:
        """Of the ball about the origin that holds it [m]."""
        return float(np.linalg.norm(self.triangles.vertices, axis=1).max())

    @property
    def volume(self) -> float:
        """[m^3]"""
        return self.triangles.mass_properties()[0]

    @property
    def inertia_per_density(self) -> np.ndarray:
        """About the centre of mass, (3, 3) [m^5]; times the density it is the inertia [kg m^2]."""
        return self.triangles.mass_properties()[2]


@dataclass(frozen=True)
class Hull(_Triangulated):
    """The convex hull of a cloud of points; the local frame is moved to the centre of mass."""

    points: np.ndarray
    """(N, 3) [m], at least four, not in one plane."""
    offset: np.ndarray = field(init=False)
    """Centre of mass in the frame of the given points (3,) [m]."""
    triangles: Triangles = field(init=False)
    """Its faces, about the centre of mass."""

    def __post_init__(self) -> None:
        from scipy.spatial import ConvexHull, QhullError

        points = np.asarray(self.points, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) < 4:
            raise ValueError(f"Hull.points has shape {points.shape}, expected (N, 3) with N >= 4.")
        try:
            hull = ConvexHull(points)
        except QhullError as error:
            raise ValueError("Hull.points lie in one plane; a solid needs thickness in every direction.") from error
        index = np.full(len(points), -1)
        index[hull.vertices] = np.arange(len(hull.vertices))
        vertices, faces = points[hull.vertices], index[hull.simplices]
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
        faces[inward] = faces[inward][:, ::-1]
        mesh = Triangles(vertices, faces.astype(np.int32))
        _, centroid, _ = mesh.mass_properties()
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "offset", centroid)
        object.__setattr__(self, "triangles", Triangles(vertices - centroid, mesh.faces))


@dataclass(frozen=True)
class Mesh(_Triangulated):
    """A closed triangle mesh, convex or not.

    As a moving body it collides as its ``pieces``, or as its convex hull if there are none; as static, exactly. Mass
    and inertia are those of the mesh.
    """

    triangles: Triangles
    """Closed, counter-clockwise seen from outside."""
    pieces: tuple[np.ndarray, ...] = ()
    """Points (N, 3) of convex pieces that fill the mesh [m], in its frame; each costs as much as a body of its own."""

    def __post_init__(self) -> None:
        for k, piece in enumerate(self.pieces):
            if np.ndim(piece) != 2 or np.shape(piece)[1] != 3 or len(piece) < 4 or not np.isfinite(piece).all():
                raise ValueError(f"Mesh.pieces[{k}] has shape {np.shape(piece)}, expected (N, 3), N >= 4, finite [m].")

    @classmethod
    def revolved(cls, profile: np.ndarray, segments: int = 96) -> Mesh:
        """A turned thing, such as a cup.

        Args:
            profile: Closed outline (K, 2) of (radius, y) [m], from the foot up the outside and down the inside.
            segments: Around the axis.
        """
        return cls(_revolved(np.asarray(profile, dtype=np.float64), segments))


@dataclass(frozen=True)
class HeightField:
    """Static ground with relief: heights on a regular grid, two triangles per cell (split along the +x+z diagonal)."""

    heights: np.ndarray
    """(rows, columns) [m]; row k is z = origin z + k cell, column i is x = origin x + i cell."""
    origin: tuple[float, float]
    """World (x, z) of heights[0, 0] [m]."""
    cell: float
    """Grid spacing [m]."""

    def __post_init__(self) -> None:
        heights = np.ascontiguousarray(self.heights, dtype=np.float32)
        if heights.ndim != 2 or min(heights.shape) < 2 or not np.isfinite(heights).all():
            raise ValueError(f"HeightField.heights must be finite with at least 2 x 2 samples, got {heights.shape}.")
        _positive("HeightField.cell", self.cell)
        object.__setattr__(self, "heights", heights)

    def height_at(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Height [m] at world (x, z), on the same triangles that bodies collide with; clamped at the border."""
        rows, cols = self.heights.shape
        gx = np.clip((np.asarray(x) - self.origin[0]) / self.cell, 0, cols - 1.000001)
        gz = np.clip((np.asarray(z) - self.origin[1]) / self.cell, 0, rows - 1.000001)
        i, k = gx.astype(int), gz.astype(int)
        s, t = gx - i, gz - k
        h00, h10 = self.heights[k, i], self.heights[k, i + 1]
        h01, h11 = self.heights[k + 1, i], self.heights[k + 1, i + 1]
        lower = h00 + s * (h10 - h00) + t * (h11 - h10)  # s >= t: triangle (0,0) (1,0) (1,1)
        upper = h00 + s * (h11 - h01) + t * (h01 - h00)  # s <  t: triangle (0,0) (1,1) (0,1)
        return np.where(s >= t, lower, upper)


@dataclass(frozen=True)
class Emitter:
    """A place where smoke or liquid enters: a ball of fluid that is held at the given state.

    Of a liquid enters what flows through the ball's disc, ``pi radius^2 |velocity|`` [m^3/s].
    """

    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """World position [m]."""
    radius: float = 0.05
    """[m]"""
    rate: float | OverTime = 1.0
    """Density added per second at the centre [1/s]; 1 is opaque over the material's extinction length. It may change
    with time, as may ``velocity``."""
    velocity: tuple[float, float, float] | OverTime = (0.0, 0.0, 0.0)
    """Velocity of the gas that enters [m/s]."""
    start: float = 0.0
    """When it begins [s]."""
    end: float = float("inf")
    """When it ends [s]."""
    flicker: float = 0.3
    """Relative seeded variation of the source in space and time [-]; real sources are never even."""
    points: tuple[tuple[float, float, float], ...] = ()
    """Of smoke: places relative to the centre that each give off a ball of ``radius`` [m], such as those that
    ``physim.emitters.spread`` lays over a surface or through a volume. Empty: the centre alone."""
    on: str = ""
    """Of smoke: name of the body that carries the source along; centre, points and velocity are then in its frame. Or
    of a liquid: its free surface then gives off steam by its temperature, wherever it flows; ``rate`` is a factor on
    the law of evaporation (see :mod:`physim.vapour`), and centre, radius, points and velocity are not used."""

    def __post_init__(self) -> None:
        _positive("Emitter.radius", self.radius)
        for name in ("centre", "velocity"):
            value = getattr(self, name)
            first = value_at(value, 0.0)
            if np.shape(first) != (3,) or not np.all(np.isfinite(first)):
                raise ValueError(f"Emitter.{name} is {value}, expected three finite numbers.")
        for name in ("rate", "flicker"):
            value = getattr(self, name)
            each = value.values if isinstance(value, OverTime) else (value,)
            if not all(np.ndim(v) == 0 and np.isfinite(v) and v >= 0 for v in each):
                raise ValueError(f"Emitter.{name} is {value}, expected a finite number of at least 0.")
        if not (np.isfinite(self.start) and self.end > self.start):
            raise ValueError(f"Emitter emits from {self.start} to {self.end} s, expected a start, and an end after it.")
