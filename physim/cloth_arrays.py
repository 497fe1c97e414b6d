"""From a scene to the arrays of the cloth solver: rest shapes, masses, membrane, plate energy, pins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import warp as wp
from physim_kernels import cloth_bend, cloth_bend_grid, cloth_data, cloth_grid, cloth_membrane, cloth_wind

from physim import cloth_plate
from physim.forces import Wind
from physim.materials import Cloth
from physim.pins import Pin
from physim.rigid_arrays import AIR_DENSITY
from physim.scene import Entity, Scene
from physim.sheet import Pattern, Sheet
from physim.terrain import rotation_matrix

MEMORY_SHARE = 0.5
"""High-frequency over low-frequency stiffness of the fabric, less 1; see ``physim_kernels/cloth_membrane.py``."""


WORK = 1.5e8
"""Vertex steps per simulated second that the membrane may take before it is softened: about a second of one core."""
WEIGHT_STRAIN = 2.5e-3
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


def _array(values, dtype, device: wp.Device) -> wp.array:
    values = np.asarray(values)
    return wp.zeros(1, dtype=dtype, device=device) if values.size == 0 else wp.array(values, dtype=dtype, device=device)


def _fans(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per vertex its triangles and its corner in them: first (N + 1,), triangle, corner."""
    order = np.argsort(faces.ravel(), kind="stable")
    first = np.searchsorted(faces.ravel()[order], np.arange(count + 1))
    return first, order // 3, order % 3


def afford(pieces: list[Piece], gravity: np.ndarray, refinement: float) -> list[Piece]:
    """The same, with a softer membrane where large fine sheets would take more than ``WORK`` vertex steps a second.

    Steps follow the fastest wave; the stiffest modulus is lowered until they are few enough, but never so far that the
    sheet's own weight would stretch it by more than ``WEIGHT_STRAIN``.
    """
    total = sum(len(p.rest) for p in pieces)
    out = []
    for p in pieces:
        allowed = 1.4 * WORK * max(refinement, 1.0) / total  # angular frequency over steps per time
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


def cloths(whole: Whole, device: wp.Device) -> cloth_data.Cloths:
    """State at time 0."""
    pieces, c = whole.pieces, cloth_data.Cloths()
    x = np.concatenate([p.start for p in pieces] + [p.directions for p in pieces])
    v = np.concatenate([p.velocity for p in pieces] + [np.zeros_like(p.directions) for p in pieces])
    mass = np.concatenate([p.mass for p in pieces])
    free = np.ones(whole.count, bool)
    for p, s in zip(pieces, whole.vertex_start, strict=False):
        for held in p.held:
            free[s + held] = False
    c.x = wp.array(x.astype(np.float32), dtype=wp.vec3, device=device)
    c.x_lo = wp.array((x - x.astype(np.float32)).astype(np.float32), dtype=wp.vec3, device=device)
    c.v = wp.array(v, dtype=wp.vec3, device=device)
    c.mass = wp.array(mass, dtype=float, device=device)
    c.inv_mass = wp.array(np.where(free, 1 / mass, 0.0), dtype=float, device=device)
    for name in ("acc", "force", "pull"):
        setattr(c, name, wp.zeros(whole.count, dtype=wp.vec3, device=device))
    sizes = [len(p.rest) for p in pieces]
    c.cloth = wp.array(np.repeat(np.arange(len(pieces)), sizes), dtype=int, device=device)
    c.rest = wp.array(np.concatenate([p.rest for p in pieces]), dtype=wp.vec2, device=device)
    c.faces = wp.array(whole.faces, dtype=wp.vec3i, device=device)
    edges = [_edges(p.faces) for p in pieces]
    c.edges = wp.array(
        np.concatenate([e + s for e, s in zip(edges, whole.vertex_start, strict=False)]), dtype=wp.vec2i, device=device
    )
    c.vertex_start = wp.array(whole.vertex_start, dtype=int, device=device)
    c.face_start = wp.array(np.cumsum([0, *(len(p.faces) for p in pieces)]), dtype=int, device=device)
    c.edge_start = wp.array(np.cumsum([0, *(len(e) for e in edges)]), dtype=int, device=device)
    c.thickness = wp.array([p.material.thickness for p in pieces], dtype=float, device=device)
    c.friction = wp.array([p.material.friction for p in pieces], dtype=float, device=device)
    c.vertex_total, c.face_total, c.edge_total = whole.count, len(whole.faces), sum(len(e) for e in edges)
    return c


def _edges(faces: np.ndarray) -> np.ndarray:
    pairs = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return np.unique(pairs, axis=0)


def membrane(whole: Whole, dt: float, device: wp.Device) -> cloth_membrane.Membrane:
    """Triangles of all cloths that are no grids."""
    m = cloth_membrane.Membrane()
    per = np.repeat(np.arange(len(whole.pieces)), [len(q.faces) for q in whole.pieces])
    mine = np.array([not q.is_grid for q in whole.pieces])[per]
    faces, per = whole.faces[mine], per[mine]
    p = np.concatenate([q.rest for q in whole.pieces])[faces]
    inverse = np.linalg.inv(np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]], axis=-1))
    m.corners = _array(faces, wp.vec3i, device)
    m.inverse = _array(inverse, wp.mat22, device)
    m.area = _array(0.5 / np.linalg.det(inverse), float, device)
    m.moduli = _array(np.array([q.moduli for q in whole.pieces])[per], wp.vec4, device)
    m.loss = _array(np.array([loss(q.material, dt) for q in whole.pieces])[per], wp.vec2, device)
    start = np.concatenate([q.start for q in whole.pieces])[faces]
    edges = np.stack([start[:, 1] - start[:, 0], start[:, 2] - start[:, 0]], axis=1)
    w = np.einsum("mek,meb->mbk", edges, inverse)
    strain = np.stack(
        [np.linalg.norm(w[:, 0], axis=1) - 1, np.linalg.norm(w[:, 1], axis=1) - 1, (w[:, 0] * w[:, 1]).sum(1)], axis=1
    )
    m.strain = _array(strain, wp.vec3, device)
    for name in ("memory", "stress_u", "stress_v"):
        setattr(m, name, wp.zeros(max(len(per), 1), dtype=wp.vec3, device=device))
    first, triangle, corner = _fans(faces, whole.count)
    hat = np.concatenate([-inverse.sum(axis=1)[:, None], inverse], axis=1)  # (M, corner, u v)
    m.first, m.triangle = _array(first, int, device), _array(triangle, int, device)
    m.slope = _array(hat[triangle, corner], wp.vec2, device)
    m.count = len(faces)
    return m


def grids(whole: Whole, dt: float, device: wp.Device) -> cloth_grid.Grids:
    """Cloths that are grids."""
    g = cloth_grid.Grids()
    chosen = [i for i, p in enumerate(whole.pieces) if p.is_grid]
    pieces = [whole.pieces[i] for i in chosen]
    cells = np.array([p.grid[1] for p in pieces if p.grid], dtype=np.int64).reshape(-1, 2)
    g.start = _array([whole.vertex_start[i] for i in chosen], int, device)
    g.cells = _array(cells, wp.vec2i, device)
    g.spacing = _array([p.grid[0] for p in pieces if p.grid], wp.vec2, device)
    g.moduli = _array([p.moduli for p in pieces], wp.vec4, device)
    g.loss = _array([loss(p.material, dt) for p in pieces], wp.vec2, device)
    rows = cloth_grid.ROWS * (cells[:, 0] + 1 + 2 * cloth_grid.PADDING) + 2 * cloth_grid.PADDING
    g.scratch_start = _array(np.cumsum([0, *rows])[:-1], int, device)
    g.scratch = wp.zeros(max(int(rows.sum()), 1), dtype=float, device=device)
    number = np.full(len(whole.pieces), -1)
    number[chosen] = np.arange(len(chosen))
    g.grid = _array(np.repeat(number, [len(p.rest) for p in whole.pieces]), int, device)
    start = [_grid_strains(p) if p.is_grid else np.zeros((3, len(p.rest))) for p in whole.pieces]
    share = [loss(p.material, dt)[0] for p in whole.pieces]
    memory = -np.concatenate([a * b for a, b in zip(start, share, strict=True)], axis=1)  # at rest in its start
    g.memory_u, g.memory_v, g.memory_s = (wp.array(m, dtype=float, device=device) for m in memory)
    for name in ("strain_u", "strain_v"):
        setattr(g, name, wp.zeros(whole.count, dtype=float, device=device))
    g.shear = wp.zeros(whole.count, dtype=wp.vec4, device=device)
    held = [np.sort(np.concatenate([np.zeros(0, int), *p.held])) for p in pieces]
    g.held = _array(
        np.concatenate([[], *(h + whole.vertex_start[i] for h, i in zip(held, chosen, strict=True))]), int, device
    )
    g.held_start = _array(np.cumsum([0, *(len(h) for h in held)]), int, device)
    g.count = len(chosen)
    return g


def _grid_strains(p: Piece) -> np.ndarray:
    """Stretch of the edges to the right of and above each vertex, shear of the cell there, at time 0: (3, N)."""
    assert p.grid
    (dx, dy), (nx, ny) = p.grid
    x = p.start.reshape(ny + 1, nx + 1, 3)
    wu, wv = np.diff(x, axis=1) / dx, np.diff(x, axis=0) / dy
    out = np.zeros((3, ny + 1, nx + 1))
    out[0, :, :-1], out[1, :-1] = np.linalg.norm(wu, axis=-1) - 1, np.linalg.norm(wv, axis=-1) - 1
    out[2, :-1, :-1] = 0.25 * ((wu[1:] + wu[:-1]) * (wv[:, 1:] + wv[:, :-1])).sum(axis=-1)
    return out.reshape(3, -1)


def loss(material: Cloth, dt: float) -> tuple[float, float]:
    """Share of the memory, and its decay within ``dt``: share x time is the material's damping time."""
    assert material.damping is not None
    if material.damping == 0:
        return 0.0, 0.0
    return MEMORY_SHARE, float(np.exp(-dt * MEMORY_SHARE / material.damping))


def bending(whole: Whole, dt: float, device: wp.Device) -> cloth_bend.Bending:
    """Plate matrices of all cloths, and the curvature patches of their loss; ``dt`` between two kicks [s]."""
    out, pieces = cloth_bend.Bending(), whole.pieces
    k = whole.join([sp.csr_matrix(p.plate.shape) if p.is_plate_grid else p.plate for p in pieces])
    vertices = [
        np.arange(len(p.rest)) + s
        for p, s in zip(pieces, whole.vertex_start, strict=False)
        if not p.is_plate_grid and p.plate.nnz
    ]
    out.vertex, out.count = _array(np.concatenate([[], *vertices]), int, device), sum(len(v) for v in vertices)
    out.first, out.column = _array(k.indptr, int, device), _array(k.indices, int, device)
    out.entry = _array(k.data, wp.float64, device)
    patches = [_patch(p) for p in pieces]
    patch = [whole.join([p[i] for p in patches]) for i in range(3)]
    back = [m[:, : whole.count].T.tocsr() for m in patch]
    for name, three in (("patch", patch), ("back", back)):
        shape = sum(abs(m) > 0 for m in three).tocsr()
        shape.sort_indices()
        row = np.repeat(np.arange(whole.count), np.diff(shape.indptr))
        weights = np.zeros((len(row), 3))
        for k, m in enumerate(three):
            if len(row):
                weights[:, k] = np.asarray(m[row, shape.indices]).ravel()
        setattr(out, f"{name}_first", _array(shape.indptr, int, device))
        setattr(out, f"{name}_column", _array(shape.indices, int, device))
        setattr(out, name, _array(weights, wp.vec3, device))
    first, triangle, _ = _fans(whole.faces, whole.count)
    out.normal_first, out.normal_triangle = _array(first, int, device), _array(triangle, int, device)
    sizes = [len(p.rest) for p in pieces]
    d = [cloth_plate.rigidities(p.material.bending, p.material.poisson) for p in pieces]  # type: ignore[arg-type]
    area = np.concatenate([p.area for p in pieces])
    out.rigidity = wp.array(area[:, None] * np.repeat(np.array(d), sizes, axis=0), dtype=wp.vec4, device=device)
    decay = np.repeat(np.array([loss(p.material, dt) for p in pieces]), sizes, axis=0)
    out.loss = wp.array(decay, dtype=wp.vec2, device=device)
    for name in ("memory", "moment", "normal"):
        setattr(out, name, wp.zeros(whole.count, dtype=wp.vec3, device=device))
    return out


def _patch(p: Piece) -> list[sp.csr_matrix]:
    """Curvatures uu, vv, uv at the vertices from the velocities around; without loss, nothing."""
    n = len(p.rest)
    if p.material.damping == 0 or p.is_plate_grid:
        return [sp.csr_matrix((n, n))] * 3
    return [m[:, :n] for m in cloth_plate.quadratic_fits(p.rest, p.faces, np.zeros(0, int))[2:]]


def plates(whole: Whole, grids: cloth_grid.Grids, dt: float, device: wp.Device) -> cloth_bend_grid.Plates:
    """Plate energies of grids; ``dt`` between two kicks [s]."""
    g = cloth_bend_grid.Plates()
    pieces = [p for p in whole.pieces if p.is_grid]
    g.start, g.cells, g.spacing = grids.start, grids.cells, grids.spacing
    area = [float(p.grid[0].prod()) for p in pieces if p.grid]
    d = [cloth_plate.rigidities(p.material.bending, p.material.poisson) for p in pieces]  # type: ignore[arg-type]
    g.rigidity = _array([a * np.array(k) for a, k in zip(area, d, strict=True)], wp.vec4, device)
    g.strip = _array(
        [0.5 * a * np.array(p.material.bending) for a, p in zip(area, pieces, strict=True)], wp.vec2, device
    )
    g.loss = _array([loss(p.material, dt) for p in pieces], wp.vec2, device)
    mine = [i for i, p in enumerate(pieces) if p.is_plate_grid and p.plate.nnz]
    g.row_grid, g.row, g.rows = _rows([p.grid[1][1] for p in pieces if p.grid], mine, device)  # type: ignore[union-attr]
    for name in ("memory", "moment_u", "moment_v", "moment_t"):
        setattr(g, name, wp.zeros(whole.count, dtype=wp.vec3, device=device))
    own = iter(range(len(pieces)))
    number = [next(own) if p.is_grid else -1 for p in whole.pieces]
    number = [n if n in mine else -1 for n in number]
    g.grid = _array(np.repeat(number, [len(p.rest) for p in whole.pieces]), int, device)
    return g


def _rows(cells: list[int], chosen: list[int], device: wp.Device) -> tuple[wp.array, wp.array, int]:
    """Rows of vertices of the chosen grids: number of the grid, number in it, how many."""
    grid = np.repeat(chosen, [cells[i] + 1 for i in chosen]) if chosen else np.zeros(0, int)
    row = np.concatenate([np.zeros(0, int), *(np.arange(cells[i] + 1) for i in chosen)])
    return _array(grid, int, device), _array(row, int, device), len(row)


def air(whole: Whole, substeps: int, scene: Scene, device: wp.Device) -> cloth_wind.Air:
    """Tables of gravity, wind and impulses; those over time are filled every frame."""
    a, pieces = cloth_wind.Air(), whole.pieces
    a.gravity = wp.vec3(*scene.gravity)
    a.wind = wp.zeros(substeps, dtype=wp.vec3, device=device)
    eddy, waves, _ = eddies(scene)
    a.eddy, a.eddy_wave, a.eddies = _array(eddy, wp.vec3, device), _array(waves, wp.vec3, device), len(eddy)
    a.eddy_phase = wp.zeros(max(substeps * len(eddy), 1), dtype=float, device=device)
    half = 0.5 * AIR_DENSITY
    a.normal = wp.array([half * p.material.drag_coefficient for p in pieces], dtype=float, device=device)
    a.tangent = wp.array([half * p.material.skin_friction for p in pieces], dtype=float, device=device)
    a.density = wp.array([p.material.areal_density for p in pieces], dtype=float, device=device)
    per = np.repeat([p.is_grid for p in pieces], [len(p.faces) for p in pieces])
    faces = whole.faces[~per]
    a.panel, a.panels = _array(faces, wp.vec3i, device), len(faces)
    a.share = _array(cloth_plate.areas(np.concatenate([p.rest for p in pieces]), faces), float, device)
    a.press = wp.zeros(max(len(faces), 1), dtype=wp.vec3, device=device)
    first, triangle, _ = _fans(faces, whole.count)
    a.first, a.triangle = _array(first, int, device), _array(triangle, int, device)
    a.cell_press = wp.zeros(whole.count, dtype=wp.vec3, device=device)
    mine = [p for p in pieces if p.is_grid]
    a.row_grid, a.row, a.rows = _rows([p.grid[1][1] for p in mine if p.grid], list(range(len(mine))), device)  # type: ignore[union-attr]
    a.push = wp.zeros(substeps * len(pieces), dtype=wp.vec3, device=device)
    a.cloths = len(pieces)
    a.blows = int(any(p.material.drag_coefficient > 0 or p.material.skin_friction > 0 for p in pieces))
    return a


EDDIES = 6
"""Waves of each wind that has gusts."""
EDDY_SHARE = 0.52
"""Their standard deviation over that of the gusts: Kolmogorov's spectrum above 2 Hz over that from 0.2 to 2 Hz,
sqrt(2^(-2/3) / (0.2^(-2/3) - 2^(-2/3)))."""


def eddies(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eddies that the winds carry: velocity (m, 3) [m/s], wave vector (m, 3) [1/m] and drift of the phase (m, 2):
    at time 0 [cycles] and per time [1/s]. From 2 to 16 Hz as they pass; velocities are across the wave vectors.
    """
    out: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for wind in (f for f in scene.forces if isinstance(f, Wind) and f.gust > 0):
        mean = np.asarray(wind.velocity, dtype=np.float64)
        speed = float(np.linalg.norm(mean))
        if speed == 0:
            continue
        rng = np.random.default_rng([wind.seed, 1])
        rates = np.geomspace(2.0, 16.0, EDDIES)
        size = rates ** (-1 / 3)
        size *= wind.gust * speed * EDDY_SHARE * np.sqrt(2 / (size**2).sum())
        for rate, amplitude in zip(rates, size, strict=True):
            along = mean / speed + 0.5 * rng.standard_normal(3)
            k = along / (along @ mean) * rate
            across = np.cross(k, rng.standard_normal(3))
            phase = np.array([rng.uniform(), -(k @ mean)])
            out.append((amplitude * across / np.linalg.norm(across), k, phase))
    if not out:
        return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2))
    return tuple(np.array(column) for column in zip(*out, strict=True))  # type: ignore[return-value]
