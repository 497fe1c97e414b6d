"""Compound: one body made of several convex pieces, and the shapes that may move or stand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from physim.lake import Lake
from physim.shapes import Box, Capsule, Cylinder, Emitter, HeightField, Hull, Mesh, Plane, Sphere, Triangles
from physim.sheet import Pattern, Sheet


def _rotation(q: tuple[float, float, float, float]) -> np.ndarray:
    """Matrix (3, 3) of a quaternion (x, y, z, w) of any length."""
    x, y, z, w = np.asarray(q, dtype=np.float64) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@dataclass(frozen=True)
class Part:
    """One convex piece of a compound body, placed in the compound's own frame."""

    shape: Sphere | Box | Capsule | Cylinder | Hull
    """Convex."""
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of the piece's origin [m]."""
    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    """Quaternion (x, y, z, w), compound from piece."""
    density: float = 1.0
    """Relative to the material's density [-]."""


@dataclass(frozen=True)
class Compound:
    """Several convex pieces that move as one body. Its frame is moved to the centre of mass."""

    parts: tuple[Part, ...]
    """The pieces, in a frame of your choice."""
    offset: np.ndarray = field(init=False)
    """Centre of mass in the frame the parts were given in (3,) [m]."""

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("Compound.parts is empty, expected at least one Part.")
        weight = np.array([p.density * p.shape.volume for p in self.parts])
        centre = weight @ np.array([p.position for p in self.parts]) / weight.sum()
        object.__setattr__(self, "parts", tuple(replace(p, position=tuple(p.position - centre)) for p in self.parts))
        object.__setattr__(self, "offset", centre)

    @property
    def bounding_radius(self) -> float:
        """Of the ball about the centre of mass that holds it [m]."""
        return max(float(np.linalg.norm(p.position)) + p.shape.bounding_radius for p in self.parts)

    @property
    def volume(self) -> float:
        """Of all pieces, each weighted with its relative density [m^3]; where pieces overlap, twice."""
        return float(sum(p.density * p.shape.volume for p in self.parts))

    @property
    def inertia_per_density(self) -> np.ndarray:
        """About the centre of mass, (3, 3) [m^5]; times the density it is the inertia [kg m^2]."""
        total = np.zeros((3, 3))
        for part in self.parts:
            turn, arm = _rotation(part.orientation), np.asarray(part.position)
            own = turn @ part.shape.inertia_per_density @ turn.T
            total += part.density * (own + part.shape.volume * (arm @ arm * np.eye(3) - np.outer(arm, arm)))
        return total

    @cached_property
    def triangles(self) -> Triangles:
        """All pieces' meshes together, not merged."""
        vertices, faces, count = [], [], 0
        for part in self.parts:
            mesh = part.shape.triangles
            vertices.append(mesh.vertices @ _rotation(part.orientation).T + np.asarray(part.position))
            faces.append(mesh.faces + count)
            count += len(mesh.vertices)
        return Triangles(np.concatenate(vertices), np.concatenate(faces).astype(np.int32))


Solid = Sphere | Box | Capsule | Cylinder | Hull | Mesh | Compound
Fabric = Sheet | Pattern
Shape = Solid | Plane | HeightField | Fabric | Emitter | Lake
