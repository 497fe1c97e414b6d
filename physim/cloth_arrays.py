"""From the cloths of a scene to the arrays of the cloth solver: state, membrane, bending."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import warp as wp
from physim_kernels import cloth_bend, cloth_bend_grid, cloth_data, cloth_grid, cloth_membrane

from physim import cloth_plate
from physim.cloth_piece import Piece, Whole
from physim.materials import Cloth

MEMORY_SHARE = 0.5
"""High-frequency over low-frequency stiffness of the fabric, less 1; see ``physim_kernels/cloth_membrane.py``."""


def _array(values, dtype, device: wp.Device) -> wp.array:
    values = np.asarray(values)
    return wp.zeros(1, dtype=dtype, device=device) if values.size == 0 else wp.array(values, dtype=dtype, device=device)


def _fans(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per vertex its triangles and its corner in them: first (N + 1,), triangle, corner."""
    order = np.argsort(faces.ravel(), kind="stable")
    first = np.searchsorted(faces.ravel()[order], np.arange(count + 1))
    return first, order // 3, order % 3


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
    g.smooth = _array([p.smooth for p in pieces], float, device)
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
