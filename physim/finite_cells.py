"""Free vibration of a solid of any form: quadratic elements on a grid that the solid is laid into.

The displacement is quadratic in each cell of a grid (27 nodes) and its energy is integrated over the part of the cell
that lies inside the solid, so that a thin curved wall needs neither a mesh of its own nor cells as small as itself:

    K u = w^2 M u,   K = integral of B^T D B,   M = integral of N^T N

in units of the solid: its largest side is 1, Young's modulus 1, density 1. A frequency in hertz is
``w sqrt(E / rho) / (2 pi L)``, so one solution serves every size and every stiffness of the same form.

Source: Parvizian, Duester, Rank, "Finite cell method", Computational Mechanics 41 (2007), 121.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physim.shapes import Triangles

SAMPLES = (5, 10)
"""Points along each side of a cell at which it is asked whether it is inside the solid: of a massive one, of one with
thin walls."""
THIN = 0.35
"""A solid that fills less than this of its box has thin walls; it gets twice the cells as well."""
FINEST = 40
"""Cells along the largest side at most."""
OUTSIDE = 1e-5
"""Stiffness and density of what is not there, in cut cells: keeps nodes that hardly touch the solid tied to it."""
SHIFT = -1e-3
"""Of the shift-and-invert iteration; below zero, where the free solid has no eigenvalue."""
RIGID = 1e-7
"""Eigenvalues below this are motions without deformation."""


@dataclass(frozen=True)
class Grid:
    """Cells over a solid whose largest side is 1, in axes of its own."""

    axes: np.ndarray
    """(3, 3): rows are the grid's axes in the frame of the mesh."""
    length: float
    """Largest side [m]: points of the mesh are divided by it."""
    origin: np.ndarray
    """(3,) lower corner, in lengths."""
    cell: np.ndarray
    """(3,) sides of a cell, in lengths."""
    counts: tuple[int, int, int]
    inside: np.ndarray
    """(nx, ny, nz, samples ** 3) bool: which points of a cell are in the solid."""
    samples: int

    @property
    def active(self) -> np.ndarray:
        """(cells, 3) whole numbers of the cells that hold some of the solid."""
        return np.argwhere(self.inside.any(axis=-1))


@dataclass(frozen=True)
class Vibration:
    """Eigenvalues and modes on a grid, in units of the solid."""

    grid: Grid
    cells: np.ndarray
    """(nx, ny, nz) int32: number of the active cell, or -1."""
    nodes: np.ndarray
    """(active cells, 27) int32: nodes of each."""
    eigenvalues: np.ndarray
    """(M,) w^2, ascending, without the motions of the rigid body."""
    modes: np.ndarray
    """(nodes, 3, M) float32, in the frame of the mesh, of unit modal mass for a solid of mass 1."""
    volume: float
    """In lengths cubed."""

    def at(self, points: np.ndarray) -> np.ndarray:
        """Displacement of the modes at points (P, 3) [m] of the mesh's frame, (P, 3, M)."""
        local = (np.asarray(points) @ self.grid.axes.T / self.grid.length - self.grid.origin) / self.grid.cell
        centres = self.grid.active + 0.5
        index = np.clip(np.floor(local).astype(int), 0, np.array(self.grid.counts) - 1)
        number = self.cells[tuple(index.T)]
        for i in np.flatnonzero(number < 0):  # just beside the solid: the nearest cell that holds some of it
            number[i] = int(np.argmin(np.sum((centres - local[i]) ** 2, axis=1)))
        xi = np.clip(2 * (local - self.grid.active[number]) - 1, -1, 1)
        shape = np.einsum("pi,pj,pk->pijk", *(_lagrange(xi[:, a])[0] for a in range(3))).reshape(len(xi), 27)
        return np.einsum("pn,pncm->pcm", shape, self.modes[self.nodes[number]])


def lay(mesh: Triangles, cells: int) -> Grid:
    """A grid of at most about ``cells`` cells that hold some of the solid; a thin one is one cell thick."""
    axes = _axes(mesh.vertices)
    points = mesh.vertices @ axes.T
    low, high = points.min(axis=0), points.max(axis=0)
    sides = high - low
    length = float(sides.max())
    turned = Triangles(points / length, mesh.faces)
    thin = mesh.mass_properties()[0] < THIN * np.prod(sides)
    samples, cells = (SAMPLES[1], 2 * cells) if thin else (SAMPLES[0], cells)
    area = 0.5 * np.linalg.norm(_normals(mesh), axis=1).sum() / length**2
    volume = mesh.mass_properties()[0] / length**3

    def along(number: int) -> Grid:
        counts = tuple(int(n) for n in np.maximum(np.round(sides / length * number), 1))
        return _grid(turned, axes, length, low / length, sides / length, counts, samples)

    number = next(n for n in range(FINEST, 1, -1) if n == 2 or area * n**2 / 2 + volume * n**3 <= cells)
    grid = along(number)
    while len(grid.active) > cells and number > 2:
        number -= 1
        grid = along(number)
    while len(grid.active) <= cells and number < FINEST:
        finer = along(number + 1)
        if len(finer.active) > cells:
            break
        number, grid = number + 1, finer
    return grid


def _normals(mesh: Triangles) -> np.ndarray:
    """Of the faces, as long as twice their area."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def vibration(mesh: Triangles, *, poisson: float, cells: int = 160, count: int = 40) -> Vibration:
    """The lowest ``count`` modes of a free solid.

    Args:
        mesh: Closed, faces outward [m].
        poisson: Ratio of the material [-].
        cells: About how many cells; more are more exact.
        count: Modes wanted; a coarse grid may have fewer.

    Raises:
        ValueError: Nothing of the grid lies inside the mesh.
    """
    grid = lay(mesh, cells)
    active = grid.active
    if not len(active):
        raise ValueError("no point lies inside the mesh; is it closed, and thicker than a hundredth of its size?")
    nodes, node_count = _numbered(active, grid.counts)
    stiffness, mass, volume = _assembled(grid, active, nodes, node_count, poisson)
    wanted = min(count + 6, 3 * node_count - 2)
    values, vectors = _lowest(stiffness, mass, wanted)
    keep = values > RIGID
    modes = vectors[:, keep].reshape(node_count, 3, -1) * np.sqrt(volume)  # unit modal mass for a solid of mass 1
    modes = np.einsum("nam,ab->nbm", modes, grid.axes)
    peak = np.abs(modes).reshape(-1, modes.shape[-1]).argmax(axis=0)
    modes *= np.sign(modes.reshape(-1, modes.shape[-1])[peak, np.arange(modes.shape[-1])])  # one of two equal answers
    cells_at = np.full(grid.counts, -1, np.int32)
    cells_at[tuple(active.T)] = np.arange(len(active))
    return Vibration(grid, cells_at, nodes, values[keep], modes.astype(np.float32), volume)


def _axes(points: np.ndarray) -> np.ndarray:
    """The mesh's own axes, or its principal ones where a box about it is clearly smaller in them."""
    _, vectors = np.linalg.eigh(np.cov(points.T))
    vectors[:, 0] *= np.sign(np.linalg.det(vectors))  # no mirror: the faces must keep looking outward
    own, turned = np.ptp(points, axis=0), np.ptp(points @ vectors, axis=0)
    return vectors.T if np.prod(turned) < 0.9 * np.prod(own) else np.eye(3)


def _grid(mesh: Triangles, axes, length, low, sides, counts, samples) -> Grid:  # type: ignore[no-untyped-def]
    cell = sides / np.array(counts)
    ticks = [(np.arange(n * samples) + 0.5) / samples * cell[a] + low[a] for a, n in enumerate(counts)]
    inside = inside_of(mesh, *ticks)
    blocks = inside.reshape(counts[0], samples, counts[1], samples, counts[2], samples).transpose(0, 2, 4, 1, 3, 5)
    return Grid(axes, length, low, cell, counts, blocks.reshape(*counts, samples**3), samples)


def inside_of(mesh: Triangles, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Which points of a grid lie inside a mesh, (len(x), len(y), len(z)) bool; pieces that overlap are one solid.

    Along each line in z the faces add up to the winding number: one that looks down opens, one that looks up closes.
    """
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    winding = np.zeros((len(x), len(y), len(z) + 1), np.int32)
    step = (x[1] - x[0]) if len(x) > 1 else 1.0
    px, py = x + 1.7e-7 * step, y + 2.3e-7 * step  # off the edges of regular meshes, so that no line meets two faces
    for t in np.flatnonzero(np.abs(area) > 1e-15):
        corners = np.stack([a[t], b[t], c[t]])
        (x0, y0), (x1, y1) = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
        i0, i1, j0, j1 = *np.searchsorted(px, (x0, x1)), *np.searchsorted(py, (y0, y1))
        if i0 == i1 or j0 == j1:
            continue
        u, v = px[i0:i1, None] - a[t, 0], py[None, j0:j1] - a[t, 1]
        e1, e2 = b[t] - a[t], c[t] - a[t]
        s, r = (u * e2[1] - v * e2[0]) / area[t], (v * e1[0] - u * e1[1]) / area[t]
        i, j = np.nonzero((s >= 0) & (r >= 0) & (s + r <= 1))
        height = a[t, 2] + s[i, j] * e1[2] + r[i, j] * e2[2]
        np.add.at(winding, (i0 + i, j0 + j, np.searchsorted(z, height)), -1 if area[t] > 0 else 1)
    return np.cumsum(winding, axis=2)[:, :, :-1] > 0


def _numbered(active: np.ndarray, counts: tuple[int, int, int]) -> tuple[np.ndarray, int]:
    """Nodes (cells, 27) of the active cells, numbered without gaps, and how many there are."""
    i, j, k = (g.ravel() for g in np.meshgrid(*(np.arange(3),) * 3, indexing="ij"))
    fine = [2 * active[:, a, None] + offset for a, offset in enumerate((i, j, k))]
    sizes = [2 * n + 1 for n in counts]
    flat = (fine[0] * sizes[1] + fine[1]) * sizes[2] + fine[2]
    used, number = np.unique(flat, return_inverse=True)
    return number.reshape(flat.shape).astype(np.int32), len(used)


def _lagrange(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quadratic polynomials of nodes -1, 0, 1 and their slopes at x (P,), each (P, 3)."""
    return (
        np.stack([x * (x - 1) / 2, 1 - x * x, x * (x + 1) / 2], axis=-1),
        np.stack([x - 0.5, -2 * x, x + 0.5], axis=-1),
    )


def _element(xi: np.ndarray, cell: np.ndarray, poisson: float) -> tuple[np.ndarray, np.ndarray]:
    """B^T D B (P, 81, 81) and N^T N (P, 27, 27) at points xi (P, 3) of a cell, per volume."""
    values, slopes = zip(*(_lagrange(xi[:, a]) for a in range(3)), strict=True)

    def product(which: int) -> np.ndarray:
        parts = [slopes[a] * (2 / cell[a]) if a == which else values[a] for a in range(3)]
        return np.einsum("pi,pj,pk->pijk", *parts).reshape(len(xi), 27)

    shape, gradient = product(3), [product(a) for a in range(3)]
    strain = np.zeros((len(xi), 6, 27, 3))
    for row, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        strain[:, row, :, a] += gradient[b]
        if a != b:
            strain[:, row, :, b] += gradient[a]
    rows = strain.reshape(len(xi), 6, 81)
    lame = poisson / ((1 + poisson) * (1 - 2 * poisson))
    shear = 1 / (2 * (1 + poisson))
    law = np.diag([2 * shear] * 3 + [shear] * 3)
    law[:3, :3] += lame
    return np.einsum("pia,ij,pjb->pab", rows, law, rows, optimize=True), np.einsum("pa,pb->pab", shape, shape)


def _assembled(grid: Grid, active, nodes, node_count, poisson):  # type: ignore[no-untyped-def]
    """Sparse K and M (3 nodes, 3 nodes), and the volume."""
    from scipy.sparse import coo_matrix, kron
    from scipy.sparse import eye as identity

    side = (np.arange(grid.samples) + 0.5) / grid.samples * 2 - 1
    cut_points = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    gauss, weights = np.polynomial.legendre.leggauss(3)
    full_points = np.stack(np.meshgrid(gauss, gauss, gauss, indexing="ij"), axis=-1).reshape(-1, 3)
    full_weight = np.einsum("i,j,k->ijk", weights, weights, weights).ravel() / 8
    size = float(np.prod(grid.cell))
    inside = grid.inside[tuple(active.T)]
    share = np.where(inside, 1.0, OUTSIDE) / grid.samples**3 * size
    full = inside.all(axis=1)
    element_k, element_m = np.empty((len(active), 81 * 81)), np.empty((len(active), 27 * 27))
    k_full, m_full = _element(full_points, grid.cell, poisson)
    element_k[full] = np.tensordot(full_weight * size, k_full, 1).ravel()
    element_m[full] = np.tensordot(full_weight * size, m_full, 1).ravel()
    if not full.all():
        k_cut, m_cut = _element(cut_points, grid.cell, poisson)
        element_k[~full] = share[~full] @ k_cut.reshape(len(k_cut), -1)
        element_m[~full] = share[~full] @ m_cut.reshape(len(m_cut), -1)
    dofs = (3 * nodes[:, :, None] + np.arange(3)).reshape(len(active), 81)
    stiffness = coo_matrix(
        (element_k.ravel(), (np.repeat(dofs, 81, axis=1).ravel(), np.tile(dofs, (1, 81)).ravel())),
        shape=(3 * node_count, 3 * node_count),
    ).tocsc()
    mass = coo_matrix(
        (element_m.ravel(), (np.repeat(nodes, 27, axis=1).ravel(), np.tile(nodes, (1, 27)).ravel())),
        shape=(node_count, node_count),
    )
    return stiffness, kron(mass, identity(3), format="csc"), float(inside.mean(axis=1).sum() * size)


def _lowest(stiffness, mass, count: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """The lowest eigenpairs, ascending; vectors of unit modal mass in columns."""
    from scipy.sparse.linalg import LinearOperator, eigsh, splu

    if stiffness.shape[0] <= 400:
        from scipy.linalg import eigh

        values, vectors = eigh(stiffness.toarray(), mass.toarray())
        return values[:count], vectors[:, :count]
    factor = splu(
        stiffness - SHIFT * mass, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    inverse = LinearOperator(stiffness.shape, matvec=factor.solve, dtype=float)
    start = np.random.default_rng(0).normal(size=stiffness.shape[0])  # else the answer depends on the run
    values, vectors = eigsh(stiffness, k=count, M=mass, sigma=SHIFT, OPinv=inverse, v0=start, tol=1e-9)
    order = np.argsort(values)
    return values[order], vectors[:, order]
