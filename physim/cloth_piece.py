"""One cloth as the solver sees it: rest shape, masses, moduli, plate energy and pins; and all cloths of a scene."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from physim import cloth_plate
from physim.materials import Cloth
from physim.pins import Pin
from physim.scene import Entity
from physim.sheet import Pattern, Sheet
from physim.terrain import rotation_matrix

WORK = 1.0e8
"""Vertex steps per simulated second that the membrane may take before smoothing and softening: 0.7 s of one core."""
SMOOTH = 0.125
"""Share of the neighbours in smoothing; with more, a vertex that is stopped would leave more energy than it had."""
WEIGHT_STRAIN = 2.65e-3
"""Strain under its own weight up to which a sheet may be softened for that."""


@dataclass(frozen=True)
class Piece:
    """One cloth as the solver sees it. Vertex numbers are its own."""

    entity: Entity
    rest: np.ndarray
    """(N, 2) [m]"""
    faces: np.ndarray
    """(M, 3)"""
    start: np.ndarray
    """(N, 3) [m], world."""
    velocity: np.ndarray
    """(N, 3) [m/s]"""
    held: list[np.ndarray] = field(default_factory=list)
    """Vertices of each pin; none twice."""
    stiffest: float = np.inf
    """The membrane is computed as no stiffer than this [N/m]."""
    smooth: float = 0.0
    """Share b of the neighbours in the smoothing of accelerations; see ``physim_kernels/cloth_grid.py``."""

    @cached_property
    def grid(self) -> tuple[np.ndarray, tuple[int, int]] | None:
        """Spacing (2,) [m] and cells of a rectangle whose vertices are numbered row by row, as those of a ``Sheet``."""
        n, low = len(self.rest), self.rest.min(axis=0)
        columns = int(np.argmax(np.abs(self.rest[:, 1] - self.rest[0, 1]) > 1e-9 * np.ptp(self.rest[:, 1])))
        if columns < 2 or n % columns or n // columns < 2 or len(self.faces) != 2 * (columns - 1) * (n // columns - 1):
            return None
        cells = columns - 1, n // columns - 1
        spacing = np.ptp(self.rest, axis=0) / cells
        i, k = np.arange(n) % columns, np.arange(n) // columns
        off = self.rest - low - np.stack([i, k], axis=1) * spacing
        corners = np.stack([i[self.faces], k[self.faces]], axis=-1)
        if np.abs(off).max() > 1e-6 * spacing.min() or np.ptp(corners, axis=1).max() > 1:
            return None
        return spacing, cells

    @property
    def material(self) -> Cloth:
        assert isinstance(self.entity.material, Cloth)
        return self.entity.material

    @cached_property
    def area(self) -> np.ndarray:
        """Of each vertex (N,) [m^2]: so that a uniform load on it is that on the fabric."""
        if self.grid:
            spacing, (nx, ny) = self.grid
            share = [np.r_[0.5, np.ones(n - 1), 0.5] for n in (ny, nx)]
            return np.outer(*share).ravel() * spacing.prod()
        return cloth_plate.vertex_areas(self.rest, self.faces)

    @property
    def mass(self) -> np.ndarray:
        return self.material.areal_density * self.area  # type: ignore[operator]

    @cached_property
    def clamped(self) -> np.ndarray:
        """Vertices whose directions are held too."""
        held = [h for h, pin in zip(self.held, self.entity.pins, strict=True) if pin.clamp]
        return np.concatenate([np.zeros(0, int), *held])

    @cached_property
    def directions(self) -> np.ndarray:
        """(2 C, 3): dx/du, dx/dv at each clamped vertex at time 0."""
        if len(self.clamped) == 0:
            return np.zeros((0, 3))
        u, v = (f @ self.start for f in cloth_plate.quadratic_fits(self.rest, self.faces, np.zeros(0, int))[:2])
        return np.stack([u[self.clamped], v[self.clamped]], axis=1).reshape(-1, 3)

    @cached_property
    def plate(self) -> sp.csr_matrix:
        """(N, N + 2 C) rows of the plate energy's matrix [N/m]."""
        material = self.material
        assert material.bending is not None and material.poisson is not None
        if self.grid:
            size = tuple(self.grid[0] * self.grid[1])
            k = cloth_plate.plate_grid(size, self.grid[1], self.clamped, material.bending, material.poisson)
        else:
            d = cloth_plate.rigidities(material.bending, material.poisson)
            k = cloth_plate.plate(self.rest, self.faces, self.clamped, d)
        k = k[: len(self.rest)]
        k.eliminate_zeros()
        k.sort_indices()
        return k

    @property
    def moduli(self) -> np.ndarray:
        """Q11, Q22, Q12, G of the membrane [N/m]; ``stretch`` is measured on a strip that may narrow."""
        material = self.material
        assert material.stretch is not None and material.poisson is not None and material.shear is not None
        q1, q2 = (y / (1 - material.poisson**2) for y in material.stretch)
        q1, q2 = min(q1, self.stiffest), min(q2, self.stiffest)
        return np.array([q1, q2, material.poisson * np.sqrt(q1 * q2), min(material.shear, self.stiffest)])

    @property
    def is_grid(self) -> bool:
        """Membrane and wind take cells instead of triangles."""
        return self.grid is not None

    @property
    def is_plate_grid(self) -> bool:
        """A grid whose bending takes finite differences: no clamp holds directions of it."""
        return self.is_grid and len(self.clamped) == 0

    @cached_property
    def membrane_rate(self) -> float:
        """Highest angular frequency of the membrane, a bound [rad/s]: of a grid, or of the stiffest triangle alone."""
        q = self.moduli
        if self.grid:
            dx, dy = self.grid[0]
            stiffest = max(q[0] / dx**2 + q[3] / dy**2, q[1] / dy**2 + q[3] / dx**2)  # the checkerboard
            if self.smooth:
                stiffest = self._smoothed_stiffness
            return float(2 * np.sqrt(stiffest / self.material.areal_density))
        law = np.array([[q[0], q[2], 0], [q[2], q[1], 0], [0, 0, q[3]]])
        p = self.rest[self.faces]
        side = np.roll(p, -2, axis=1) - np.roll(p, -1, axis=1)
        hat = np.stack([-side[..., 1], side[..., 0]], -1) / (
            2 * cloth_plate.areas(self.rest, self.faces)[:, None, None]
        )
        b = np.zeros((len(p), 3, 6))
        b[:, 0, 0::2], b[:, 1, 1::2] = hat[..., 0], hat[..., 1]
        b[:, 2, 0::2], b[:, 2, 1::2] = hat[..., 1], hat[..., 0]
        stiffness = np.einsum("mia,ij,mjb->mab", b, law, b)
        largest = np.linalg.eigvalsh(stiffness)[:, -1]
        return float(np.sqrt(3 * largest.max() / self.material.areal_density))  # type: ignore[operator]

    @property
    def _smoothed_stiffness(self) -> float:
        """A quarter of the largest stiffness over inertia of all smoothed plane waves of a flat grid [N/m^3]."""
        assert self.grid
        (dx, dy), q = self.grid[0], self.moduli
        k = np.linspace(0.0, np.pi, 65)
        s, t = np.meshgrid(np.sin(k / 2) ** 2, np.sin(k / 2) ** 2, indexing="ij")
        across = 0.25 * (q[2] + q[3]) * np.outer(np.sin(k), np.sin(k)) / (dx * dy)
        one, two = q[0] * s / dx**2 + q[3] * t / dy**2, q[1] * t / dy**2 + q[3] * s / dx**2
        largest = 0.5 * (one + two) + np.hypot(0.5 * (one - two), across)
        return float((largest * (1 - 4 * self.smooth * s) * (1 - 4 * self.smooth * t)).max())

    @cached_property
    def bending_rate(self) -> float:
        """Highest angular frequency of the plate [rad/s]."""
        n = len(self.rest)
        if self.plate.nnz == 0:
            return 0.0
        root = sp.diags(self.mass**-0.5)
        k = root @ self.plate[:, :n] @ root
        x = np.random.default_rng(0).standard_normal(n)
        for _ in range(60):  # power iteration: a few per cent are enough
            x = k @ x
            x /= np.linalg.norm(x)
        return float(np.sqrt(np.linalg.norm(k @ x)) * 1.03)


def piece(entity: Entity) -> Piece:
    """A cloth of the scene at time 0."""
    shape = entity.shape
    assert isinstance(shape, Sheet | Pattern)
    rest, faces = np.asarray(shape.rest, dtype=np.float64), np.asarray(shape.faces, dtype=np.int64)
    own = getattr(shape, "start", None)
    own = np.concatenate([rest, np.zeros((len(rest), 1))], axis=1) if own is None else own
    arm = own @ rotation_matrix(np.array(entity.orientation)).T
    velocity = np.array(entity.velocity) + np.cross(np.array(entity.angular_velocity), arm)
    made = Piece(entity, rest, faces, arm + np.array(entity.position), velocity)
    loose = np.setdiff1d(np.arange(len(rest)), faces)
    if len(loose):
        raise ValueError(f"{entity.name!r}: vertices {loose[:5].tolist()} belong to no face; remove them.")
    taken = np.zeros(len(rest), bool)
    for pin in entity.pins:
        where = _held(made, pin)
        made.held.append(where[~taken[where]])
        taken[where] = True
    return made


def _held(cloth: Piece, pin: Pin) -> np.ndarray:
    """Vertex numbers of a pin."""
    rest, n = cloth.rest, len(cloth.rest)
    if not isinstance(pin.where, str):
        where = np.asarray(pin.where)
        if where.dtype == bool:
            if where.shape != (n,):
                raise ValueError(f"{cloth.entity.name!r}: a pin's mask has shape {where.shape}, expected {(n,)}.")
            return np.flatnonzero(where)
        where = np.unique(where.astype(int))
        if len(where) and (where[0] < 0 or where[-1] >= n):
            raise ValueError(
                f"{cloth.entity.name!r}: a pin holds vertex {where[-1] if where[-1] >= n else where[0]}, "
                f"expected numbers from 0 to {n - 1}."
            )
        return where
    low, high = rest.min(axis=0), rest.max(axis=0)
    if pin.where in ("top", "bottom", "left", "right"):
        axis = 1 if pin.where in ("top", "bottom") else 0
        edge = high[axis] if pin.where in ("top", "right") else low[axis]
        return np.flatnonzero(np.abs(rest[:, axis] - edge) <= 1e-6 * (high - low)[axis])
    corners = {
        "top left": (low[0], high[1]), "top right": high, "bottom left": low, "bottom right": (high[0], low[1])
    }  # fmt: skip
    names = {"corners": list(corners), "top corners": ["top left", "top right"]}.get(pin.where, [pin.where])
    return np.unique([np.linalg.norm(rest - corners[name], axis=1).argmin() for name in names])


def afford(pieces: list[Piece], gravity: np.ndarray, refinement: float, dry: bool = True) -> list[Piece]:
    """The same; large fine sheets, which would take more than ``WORK`` vertex steps a second, with longer steps.

    Steps follow the fastest wave. First that is made slower by smoothing what moves from cell to cell, of grids that
    stay ``dry``: what soaks has no even mass, with which smoothing keeps momentum. If that does not do, the stiffest
    modulus is lowered until steps are few enough, but never so far that the sheet's own weight would stretch it by more
    than ``WEIGHT_STRAIN``.
    """
    total = sum(len(p.rest) for p in pieces)
    allowed = 1.4 * WORK * max(refinement, 1.0) / total  # angular frequency over steps per time
    out = []
    for p in pieces:
        if dry and p.is_grid and p.membrane_rate > allowed:
            p = replace(p, smooth=SMOOTH)
        stiffest = float(p.moduli.max()) * min(1.0, allowed / p.membrane_rate) ** 2
        extent = float(np.ptp(p.rest, axis=0).max())
        floor = p.material.areal_density * float(np.linalg.norm(gravity)) * extent / WEIGHT_STRAIN  # type: ignore[operator]
        softer = max(stiffest, floor)
        out.append(replace(p, stiffest=softer) if softer < 0.999 * p.moduli.max() else p)
    return out


@dataclass(frozen=True)
class Whole:
    """All cloths, one after the other."""

    pieces: list[Piece]

    @cached_property
    def vertex_start(self) -> np.ndarray:
        return np.cumsum([0, *(len(p.rest) for p in self.pieces)])

    @cached_property
    def faces(self) -> np.ndarray:
        return np.concatenate([p.faces + s for p, s in zip(self.pieces, self.vertex_start, strict=False)])

    @property
    def count(self) -> int:
        return int(self.vertex_start[-1])

    @cached_property
    def direction_start(self) -> np.ndarray:
        """First row of each cloth's directions in ``x``, and the end."""
        return self.count + np.cumsum([0, *(len(p.directions) for p in self.pieces)])

    @property
    def rows(self) -> int:
        return int(self.direction_start[-1])

    def columns(self, number: int, own: np.ndarray) -> np.ndarray:
        """Rows of ``x`` for columns of a cloth's matrices: its vertices, then its directions."""
        n = len(self.pieces[number].rest)
        return np.where(own < n, own + self.vertex_start[number], own - n + self.direction_start[number])

    def join(self, matrices: list[sp.csr_matrix]) -> sp.csr_matrix:
        """Matrices of each cloth in one (N, rows)."""
        parts = [m.tocoo() for m in matrices]
        row = np.concatenate([p.row + s for p, s in zip(parts, self.vertex_start, strict=False)])
        column = np.concatenate([self.columns(i, p.col) for i, p in enumerate(parts)])
        return sp.csr_matrix((np.concatenate([p.data for p in parts]), (row, column)), (self.count, self.rows))
