"""What lifting a thing of the photo makes, and what every way of lifting asks of an outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physim.camera import Camera
from physim.compound import Solid
from physim.outline import outline
from physim.shapes import Mesh, Triangles
from physim.view import on_plane

Point = tuple[float, float, float]
Turn = tuple[float, float, float, float]


@dataclass(frozen=True)
class Lifted:
    """A solid at its place."""

    shape: Solid
    position: Point
    """Of the centre of mass [m], world."""
    orientation: Turn = (0.0, 0.0, 0.0, 1.0)
    overlap: float = 1.0
    """Intersection over union of its outline with the mask [-]."""
    how: str = "solid"
    """What was made of the outline, for the report."""


def centred(mesh: Triangles, overlap: float, how: str = "solid", pieces: Sequence[np.ndarray] = ()) -> Lifted:
    """A mesh in the world as a solid about its centre of mass; ``pieces``: points of convex ones that fill it."""
    _, centroid, _ = mesh.mass_properties()
    solid = [piece - centroid for piece in pieces if _is_solid(piece)]
    own = tuple(solid) if len(solid) > 1 else ()
    return Lifted(Mesh(Triangles(mesh.vertices - centroid, mesh.faces), own), point(centroid), overlap=overlap, how=how)


def _is_solid(piece: np.ndarray) -> bool:
    """Whether points reach in all three directions."""
    reach = np.linalg.svd(piece - piece.mean(0), compute_uv=False)
    return bool(len(piece) >= 4 and reach[2] > 1e-5 * reach[0])


def is_closed(mesh: Triangles) -> bool:
    """Whether every edge is walked once each way: a surface without border, of which the inside is well defined."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]).astype(np.int64)
    count = len(mesh.vertices)
    forward, backward = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    return len(np.unique(forward)) == len(forward) and bool(np.isin(forward, backward).all())


def seen_on(mask: np.ndarray, camera: Camera, height: float, name: str) -> np.ndarray:
    """The outline laid on y = ``height``: world points (N, 3)."""
    points = on_plane(camera, outline(mask, tolerance=0.5), height)
    seen = points[np.isfinite(points).all(1)]
    if len(seen) == 0 or np.linalg.norm(seen - camera.position, axis=1).min() > 1e4:
        raise unseen(name, height)
    return seen


def unseen(name: str, height: float) -> ValueError:
    return ValueError(
        f"{name} stands where the surface at y = {height:.3g} m cannot be seen: that place of the photo is above the "
        f"horizon. Look at hints.camera (pitch, horizon, height), or give {name}.lift.depth."
    )


def foot_of(mask: np.ndarray, camera: Camera) -> np.ndarray:
    """The pixel at which an upright thing touches what it stands on: its lowest, in the middle."""
    down = -camera.camera_from_world[:3, 1][:2]
    direction = down / max(np.linalg.norm(down), 1e-9) if np.linalg.norm(down) > 1e-6 else np.array([0.0, 1.0])
    points = outline(mask, tolerance=0.3)
    along = points @ direction
    lowest = along >= along.max() - max(1.0, 0.02 * np.ptp(along))
    return np.array([(points[lowest, 0].min() + points[lowest, 0].max()) / 2, points[along.argmax(), 1]])


def point(values: np.ndarray) -> Point:
    """Three plain numbers."""
    x, y, z = (float(v) for v in values)
    return x, y, z
