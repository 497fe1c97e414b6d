"""The cells that an elastic solid is laid into, and its skin: points of its surface, each in a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.finite_cells import inside_of
from physim.materials import Soft
from physim.scene import Entity
from physim.shapes import Box, Triangles
from physim.terrain import rotation_matrix

ALONG = 20
"""Cells along the longest side."""
ACROSS = 3
"""Cells along the shortest, at least."""
MOST = 12_000
"""Cells that are chosen by themselves at most; a ``cell`` that is asked for may give more."""
LIMIT = 2_000_000
"""Cells at most."""
SAMPLES = 5
"""Points along each edge of a cell at which it is asked whether it is in the solid."""
LEAST = 0.01
"""A cell that holds less than this of the solid is left out."""
OUTSIDE = 0.02
"""Way from the surface, over the smallest edge of a cell, that does not count as outside."""


@dataclass(frozen=True)
class Lattice:
    """A solid in cells, in its own frame."""

    low: np.ndarray
    """(3,) lower corner [m]."""
    side: np.ndarray
    """(3,) edges of a cell [m]."""
    counts: tuple[int, int, int]
    cells: np.ndarray
    """(C, 3) whole numbers of the cells that hold some of the solid."""
    filled: np.ndarray
    """(C,) part of each that does [-], so that all is the volume of the solid."""
    nodes: np.ndarray
    """(C, 8) node of each corner; corner a has the bits x, y, z = a & 1, a >> 1 & 1, a >> 2."""
    rest: np.ndarray
    """(N, 3) where the nodes are at rest [m]."""

    @property
    def volume(self) -> np.ndarray:
        """Of the solid in each cell (C,) [m^3]."""
        return self.filled * np.prod(self.side)

    def around(self) -> np.ndarray:
        """Corners (N, 8) at each node, 8 cell + corner; 8 C where there is none."""
        out = np.full((len(self.rest), 8), 8 * len(self.cells), np.int64)
        for a in range(8):  # the cell at a node is the one whose corner a it is: one for each a
            out[self.nodes[:, a], a] = 8 * np.arange(len(self.cells)) + a
        return out

    def place(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cell (P,) and weights of its corners (P, 8) of points (P, 3); beside all cells the nearest one, extended."""
        from scipy.spatial import cKDTree

        local = (points - self.low) / self.side
        number = np.full(self.counts, -1, np.int64)
        number[tuple(self.cells.T)] = np.arange(len(self.cells))
        at = np.clip(np.floor(local).astype(int), 0, np.array(self.counts) - 1)
        found = number[tuple(at.T)]
        lost = found < 0
        if lost.any():
            found[lost] = cKDTree(self.cells + 0.5).query(local[lost])[1]
        s = local - self.cells[found]
        weights = np.ones((len(points), 8))
        for a in range(8):
            for axis in range(3):
                t = s[:, axis]
                weights[:, a] *= t if a >> axis & 1 else 1 - t
        return found, weights


@dataclass(frozen=True)
class SoftPiece:
    """One elastic solid as the solver sees it."""

    entity: Entity
    lattice: Lattice
    skin: Triangles
    """Its surface, in its own frame."""
    start: np.ndarray
    """(N, 3) nodes at time 0 [m], world."""
    velocity: np.ndarray
    """(N, 3) [m/s]"""
    held: list[np.ndarray]
    """Nodes of each pin; none twice."""

    @property
    def material(self) -> Soft:
        assert isinstance(self.entity.material, Soft)
        return self.entity.material

    @property
    def mass(self) -> np.ndarray:
        """Of each node (N,) [kg]."""
        out = np.zeros(len(self.lattice.rest))
        np.add.at(out, self.lattice.nodes, (self.material.density * self.lattice.volume / 8)[:, None])
        return out


def piece(entity: Entity) -> SoftPiece:
    """An elastic solid of the scene at time 0.

    Raises:
        ValueError: Cells larger than the solid, too many of them, or a pin that holds nothing.
    """
    mesh = entity.shape.triangles  # type: ignore[union-attr]
    lattice = lay(entity, mesh)
    skin = _box_skin(lattice) if isinstance(entity.shape, Box) else _fine_skin(mesh, 1.2 * float(lattice.side.min()))
    arm = lattice.rest @ rotation_matrix(np.array(entity.orientation)).T
    velocity = np.array(entity.velocity) + np.cross(np.array(entity.angular_velocity), arm)
    made = SoftPiece(entity, lattice, skin, arm + np.array(entity.position), velocity, [])
    taken = np.zeros(len(lattice.rest), bool)
    for pin in entity.pins:
        where = _held(made, pin.where)
        made.held.append(where[~taken[where]])
        taken[where] = True
    return made


def lay(entity: Entity, mesh: Triangles) -> Lattice:
    """The cells of a solid; edges of at most ``cell``, so that a whole number of them fits."""
    material = entity.material
    assert isinstance(material, Soft)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    sides = high - low
    cell = material.cell if material.cell is not None else _cell(sides)
    if cell > sides.min() * (1 + 1e-9):
        raise ValueError(
            f"{entity.name!r}: Soft.cell is {cell:g} m, expected at most its shortest side, {sides.min():.3g} m; "
            "a smaller one, or None, which chooses it."
        )
    counts = np.maximum(np.ceil(sides / cell - 1e-6), 1).astype(int)
    if counts.prod() > LIMIT:
        raise ValueError(
            f"{entity.name!r}: Soft.cell is {cell:g} m, which makes {' x '.join(map(str, counts))} cells; expected at "
            f"most {LIMIT:,}. Take a larger one."
        )
    side = sides / counts
    if isinstance(entity.shape, Box):
        filled = np.ones(counts)
    else:
        ticks = [low[a] + (np.arange(n * SAMPLES) + 0.5) / SAMPLES * side[a] for a, n in enumerate(counts)]
        nx, ny, nz = counts
        inside = inside_of(mesh, *ticks).reshape(nx, SAMPLES, ny, SAMPLES, nz, SAMPLES)
        filled = inside.mean(axis=(1, 3, 5))
    cells = np.argwhere(filled > LEAST)
    if not len(cells):
        raise ValueError(f"{entity.name!r}: no point lies inside its mesh; is it closed, its faces outward?")
    filled = filled[tuple(cells.T)]
    filled = filled * (mesh.mass_properties()[0] / (filled.sum() * side.prod()))
    corner = np.array([[a & 1, a >> 1 & 1, a >> 2] for a in range(8)])
    at = cells[:, None] + corner
    flat = (at[..., 0] * (counts[1] + 1) + at[..., 1]) * (counts[2] + 1) + at[..., 2]
    used, nodes = np.unique(flat, return_inverse=True)
    whole = np.stack(np.unravel_index(used, counts + 1), axis=-1)
    return Lattice(low, side, tuple(counts), cells, filled, nodes.reshape(flat.shape), low + whole * side)  # type: ignore[arg-type]


def _cell(sides: np.ndarray) -> float:
    wanted = min(sides.max() / ALONG, sides.min() / ACROSS)
    return float(max(wanted, np.cbrt(sides.prod() / MOST), sides.max() / 4096))


def _box_skin(lattice: Lattice) -> Triangles:
    """The outer faces of the cells of a box."""
    points, faces, count = [], [], 0
    n = lattice.counts
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        i, j = np.meshgrid(np.arange(n[u] + 1), np.arange(n[v] + 1), indexing="ij")
        number = np.arange(i.size).reshape(i.shape)
        a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
        out = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
        for end in (0, n[axis]):
            p = np.zeros((i.size, 3))
            p[:, axis], p[:, u], p[:, v] = end, i.ravel(), j.ravel()
            points.append(p)
            faces.append((out if end else out[:, ::-1]) + count)
            count += len(p)
    whole, number = np.unique(np.concatenate(points).astype(int), axis=0, return_inverse=True)
    return Triangles(lattice.low + whole * lattice.side, number.reshape(-1)[np.concatenate(faces)].astype(np.int32))


def _fine_skin(mesh: Triangles, longest: float) -> Triangles:
    """The mesh with no edge longer than ``longest`` [m]."""
    from trimesh.remesh import subdivide_to_size

    vertices, faces = subdivide_to_size(mesh.vertices, mesh.faces, longest, max_iter=20)
    whole, number = np.unique(np.round(vertices / (1e-6 * longest)).astype(np.int64), axis=0, return_inverse=True)
    first = np.zeros(len(whole), int)
    first[number.reshape(-1)] = np.arange(len(vertices))
    return Triangles(vertices[first], number.reshape(-1)[faces].astype(np.int32))


SIDES = {"left": (0, 0), "right": (0, 1), "bottom": (1, 0), "top": (1, 1), "back": (2, 0), "front": (2, 1)}


def _held(made: SoftPiece, where: object) -> np.ndarray:
    """Nodes of a pin: on a side, or of the cells of given vertices of the skin."""
    lattice, name = made.lattice, made.entity.name
    if isinstance(where, str):
        if where not in SIDES:
            raise ValueError(
                f"{name!r}: a pin holds {where!r}, expected a side of a solid, one of {', '.join(SIDES)}, or vertices."
            )
        axis, end = SIDES[where]
        whole = np.round((lattice.rest[:, axis] - lattice.low[axis]) / lattice.side[axis])
        return np.flatnonzero(whole == (lattice.counts[axis] if end else 0))
    chosen, count = np.asarray(where), len(made.skin.vertices)
    chosen = np.flatnonzero(chosen) if chosen.dtype == bool and chosen.shape == (count,) else chosen.astype(int)
    if len(chosen) == 0 or chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(
            f"{name!r}: a pin holds vertices {chosen[:5]}, expected numbers from 0 to {count - 1}, or a mask."
        )
    cell, weight = lattice.place(made.skin.vertices[chosen])
    return np.unique(lattice.nodes[cell][weight > 0.05])
