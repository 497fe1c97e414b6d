"""A concave mesh as a compound of convex pieces, so that it can move as what it is. Needs the ``coacd`` package."""

from __future__ import annotations

import numpy as np

from physim.compound import Compound, Part
from physim.shapes import Hull, Mesh


def decompose(mesh: Mesh, *, concavity: float = 0.05, count: int | None = None, seed: int = 0) -> Compound:
    """Split a closed mesh into convex pieces.

    The pieces have the mass of the mesh: where they fill more or less than it does, their density makes up for it.
    The compound's origin is its centre of mass; ``offset`` says where that was in the frame of the mesh.

    Args:
        mesh: Any form, such as a cup, a chair or a ring.
        concavity: How far a piece may bulge beyond the mesh, relative to the size of the mesh, 0.01 to 1 [-]. Smaller
            values make more pieces, and each costs as much as a body of its own.
        count: Most pieces; ``None``: as many as ``concavity`` asks for.
        seed: The search for good cuts is random; the same seed gives the same pieces.

    Returns:
        The compound, with at least one piece.

    Raises:
        ImportError: ``coacd`` is not installed.
        ValueError: An argument out of range.

    Source: Wei et al., "Approximate Convex Decomposition for 3D Meshes with Collision-Aware Concavity and Tree Search",
    ACM Transactions on Graphics 41 (2022), through the authors' library.
    """
    if not 0.01 <= concavity <= 1:
        raise ValueError(f"concavity is {concavity}, expected a number from 0.01 to 1, relative to the mesh's size.")
    if count is not None and count < 1:
        raise ValueError(f"count is {count}, expected at least 1 piece, or None.")
    try:
        import coacd  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(
            "decompose() needs the package coacd, which is not installed: pip install coacd, or pip install "
            "'physim[decompose]'. Without it a moving mesh collides as its convex hull, or build a Compound by hand."
        ) from error
    triangles = mesh.triangles
    found = coacd.run_coacd(
        coacd.Mesh(triangles.vertices, triangles.faces),
        threshold=concavity,
        max_convex_hull=-1 if count is None else count,
        seed=seed,
    )
    hulls = [hull for vertices, _ in found if (hull := _solid(np.asarray(vertices, dtype=np.float64))) is not None]
    filled = sum(hull.volume for hull in hulls)
    return Compound(tuple(Part(hull, tuple(hull.offset), density=mesh.volume / filled) for hull in hulls))


def _solid(points: np.ndarray) -> Hull | None:
    """The hull of a piece; ``None`` if it is as good as flat."""
    try:
        return Hull(points)
    except ValueError:
        return None
