"""The scenes of the comparison as plain data, so that every engine is given the same one. SI units, Y up.

Nothing here knows an engine: masses are given, not densities; friction is Coulomb's; restitution is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from physim.shapes import HeightField, Hull
from physim.sheet import Sheet

FPS = 60
"""Frames per second of every run."""
STILL = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Thing:
    """One convex solid; ``size`` is the edge lengths of a box, (radius,) of a sphere, the points of a hull [m]."""

    kind: str
    size: np.ndarray
    mass: float
    position: np.ndarray
    orientation: tuple[float, float, float, float] = STILL
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def volume(self) -> float:
        if self.kind == "box":
            return float(np.prod(self.size))
        if self.kind == "sphere":
            return float(4 / 3 * np.pi * self.size[0] ** 3)
        return Hull(self.size).volume


@dataclass(frozen=True)
class SolidScene:
    """Moving solids on the ground plane y = 0, or on a height field, within fixed boxes."""

    name: str
    seconds: float
    things: tuple[Thing, ...]
    friction: float = 0.5
    walls: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    """Centre and edge lengths of each fixed box [m]."""
    terrain: HeightField | None = None


@dataclass(frozen=True)
class ClothScene:
    """A level sheet above a fixed ball, in a steady wind, over the ground plane y = 0."""

    name: str
    seconds: float
    sheet: Sheet
    height: float
    """Of the sheet at the start [m]."""
    radius: float = 0.4
    centre: tuple[float, float, float] = (0.0, 0.6, 0.0)
    wind: tuple[float, float, float] = (1.5, 0.0, 0.0)
    areal_density: float = 0.15
    """[kg/m^2]"""
    stretch: float = 2000.0
    """Membrane stiffness in both directions [N/m]."""
    shear: float = 60.0
    """[N/m]"""
    bending: float = 8.0e-6
    """[N m]"""
    friction: float = 0.4
    thickness: float = 4.0e-4
    """[m]"""


@dataclass
class Result:
    """What a run gives back; arrays are None where they do not apply."""

    engine: str
    settings: str
    scene: str
    frame_cpu: np.ndarray
    """CPU time of each frame, the least of all repeats (T,) [s]."""
    setup_cpu: float = 0.0
    """CPU time until the first frame, without compiling [s]."""
    position: np.ndarray | None = None
    """(T + 1, n, 3) centres of mass, or vertices of a cloth [m]."""
    orientation: np.ndarray | None = None
    """(T + 1, n, 4), (x, y, z, w)."""
    velocity: np.ndarray | None = None
    """(T + 1, n, 3) [m/s]."""
    angular_velocity: np.ndarray | None = None
    """(T + 1, n, 3) [rad/s], world."""
    notes: list[str] = field(default_factory=list)


def stack() -> SolidScene:
    """Twenty boxes of 0.5 m and 62.5 kg, face on face."""
    size = np.full(3, 0.5)
    boxes = tuple(Thing("box", size, 62.5, np.array([0.0, 0.25 + 0.5 * k, 0.0])) for k in range(20))
    return SolidScene("stack", 10.0, boxes)


def terrain() -> SolidScene:
    """Ten hulls of 24 points fall on a field of 200 x 200 heights."""
    rng = np.random.default_rng(5)
    x = np.linspace(-10.0, 10.0, 200)
    u, w = np.meshgrid(x, x)
    heights = 0.35 * np.sin(0.9 * u) * np.cos(0.7 * w) + 0.08 * np.sin(3.1 * u + 1.0) * np.sin(2.7 * w)
    field_ = HeightField(heights.astype(np.float32), (-10.0, -10.0), float(x[1] - x[0]))
    things = []
    for k in range(10):
        points = rng.normal(size=(24, 3))
        points *= (0.25 + 0.15 * rng.random(3)) / np.linalg.norm(points, axis=1, keepdims=True)
        hull = Hull(points)
        q = rng.normal(size=4)
        place = np.array([1.6 * (k % 5) - 3.2, 1.6 + 0.3 * (k // 5), 1.6 * (k // 5) - 0.8])
        centred = hull.triangles.vertices
        things.append(Thing("hull", centred, 500.0 * hull.volume, place, tuple(q / np.linalg.norm(q))))
    return SolidScene("terrain", 4.0, tuple(things), terrain=field_)


def pour(count: int = 200, seconds: float = 4.0) -> SolidScene:
    """Spheres of 0.1 m and 0.5 kg fall into an open box that they fill about half way up."""
    rng = np.random.default_rng(7)
    radius, pitch = 0.05, 0.115
    across = max(5, round((count / 8) ** 0.5))
    inner = across * pitch + 0.02
    things = []
    for k in range(count):
        layer, place = divmod(k, across * across)
        i, j = divmod(place, across)
        at = np.array([i - (across - 1) / 2, 0.0, j - (across - 1) / 2]) * pitch
        at[1] = 0.3 + layer * pitch
        jitter = rng.uniform(-0.005, 0.005, 3)
        things.append(Thing("sphere", np.array([radius]), 0.5, at + jitter))
    high, thick = 0.4 + 0.05 * (count / across**2), 0.2
    walls = []
    for axis in (0, 2):
        for side in (-1, 1):
            size = np.full(3, inner + 2 * thick)
            size[axis], size[1] = thick, high
            centre = np.array([0.0, high / 2, 0.0])
            centre[axis] = side * (inner + thick) / 2
            walls.append((centre, size))
    return SolidScene("pour", seconds, tuple(things), friction=0.4, walls=tuple(walls))


def cloth(cells: int) -> ClothScene:
    """A cotton sheet of 1.6 m falls on a ball of 0.8 m in a wind of 1.5 m/s."""
    return ClothScene(f"cloth{cells}", 2.0, Sheet((1.6, 1.6), (cells, cells)), height=1.05)


SCENES: dict[str, Callable[[], SolidScene | ClothScene]] = {
    "stack": stack,
    "terrain": terrain,
    "pour": pour,
    "cloth64": lambda: cloth(64),
    "cloth128": lambda: cloth(128),
}


def z_up(vectors: np.ndarray) -> np.ndarray:
    """From Y up to Z up: (x, y, z) becomes (x, -z, y), for engines whose height fields need it."""
    v = np.asarray(vectors, dtype=np.float64)
    return np.stack([v[..., 0], -v[..., 2], v[..., 1]], axis=-1)


def y_up(vectors: np.ndarray) -> np.ndarray:
    """Inverse of :func:`z_up`."""
    v = np.asarray(vectors, dtype=np.float64)
    return np.stack([v[..., 0], v[..., 2], -v[..., 1]], axis=-1)


def turn_z_up(q: np.ndarray) -> np.ndarray:
    """Orientation (..., 4) xyzw of a body whose own points were changed by :func:`z_up` too."""
    q = np.asarray(q, dtype=np.float64)
    return np.concatenate([z_up(q[..., :3]), q[..., 3:]], axis=-1)


def turn_y_up(q: np.ndarray) -> np.ndarray:
    """Inverse of :func:`turn_z_up`."""
    q = np.asarray(q, dtype=np.float64)
    return np.concatenate([y_up(q[..., :3]), q[..., 3:]], axis=-1)
