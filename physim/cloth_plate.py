"""The plate energy of a fabric as a constant sparse matrix, on any triangulation and on a grid.

    E = 1/2 int D11 k_uu^2 + D22 k_vv^2 + 2 D12 k_uu k_vv + 4 D66 k_uv^2,   k = second derivatives of the map to space

Any triangulation: discrete Kirchhoff triangles (Batoz, Bathe, Ho, IJNME 15 (1980) 1771) on the gradient at the
vertices, which is not an unknown of its own but recovered from the neighbours by a quadratic least-squares fit. Grid:
finite differences of the energy (not of the equation), so that free edges come out right by themselves; it is cheaper.
Both converge with the square of the mesh width, twist included; ``docs/design/0002-cloth.md`` has what does not.

``bending`` is measured on a narrow strip that may curl: B = D (1 - nu^2) for the plate, twist 4 D66 = 2 D (1 - nu).
Columns of the matrices: the vertices, then for each clamped vertex the two held directions dx/du, dx/dv.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

LEAST_CONDITION = 5e-3
"""Smallest over largest singular value of a fit that is trusted; else the patch grows by a ring."""


def rigidities(bending: tuple[float, float], poisson: float) -> tuple[float, float, float, float]:
    """(D11, D22, D12, 4 D66) [N m] of strip rigidities along warp and weft."""
    d1, d2 = (b / (1 - poisson**2) for b in bending)
    both = np.sqrt(d1 * d2)
    return d1, d2, poisson * both, 2 * (1 - poisson) * both


def areas(rest: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Of each triangle (M,) [m^2], positive when counter-clockwise."""
    a, b, c = (rest[faces[:, k]] for k in range(3))
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def vertex_areas(rest: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """A third of the triangles around each vertex (N,) [m^2]."""
    return np.bincount(faces.ravel(), np.repeat(areas(rest, faces) / 3, 3), len(rest))


def _rings(faces: np.ndarray, count: int) -> sp.csr_matrix:
    a, b = faces[:, [0, 1, 2, 1, 2, 0]].ravel(), faces[:, [1, 2, 0, 0, 1, 2]].ravel()
    return sp.csr_matrix((np.ones(len(a)), (a, b)), (count, count)) + sp.eye(count, format="csr")


def quadratic_fits(rest: np.ndarray, faces: np.ndarray, clamped: np.ndarray) -> list[sp.csr_matrix]:
    """Derivatives u, v, uu, vv, uv at each vertex of the quadratic that fits its neighbourhood best.

    Exact for quadratics. Directions held at clamped vertices enter the fit as known gradients.

    Returns:
        Five matrices (N, N + 2 C).
    """
    count, held = len(rest), len(clamped)
    number = np.full(count, -1)
    number[clamped] = np.arange(held)
    scale = np.sqrt(vertex_areas(rest, faces))
    rings = _rings(faces, count)
    near, left = rings.copy(), np.arange(count)
    rows: list[list[np.ndarray]] = [[], [], []]
    values: list[np.ndarray] = []
    while len(left):
        part = near[left]
        width = int(np.diff(part.indptr).max())
        slots = np.full((len(left), width), -1)
        place = np.concatenate([np.arange(n) for n in np.diff(part.indptr)])
        slots[np.repeat(np.arange(len(left)), np.diff(part.indptr)), place] = part.indices
        inverse, good = _fit(rest, slots, number, left, scale)
        last = width >= count
        done = np.flatnonzero(good | last)
        columns = np.concatenate([slots, count + 2 * number[slots], count + 2 * number[slots] + 1], axis=1)
        use = np.concatenate([slots >= 0, *(2 * [(slots >= 0) & (number[slots] >= 0)])], axis=1)[done]
        rows[0].append(np.broadcast_to(left[done, None], use.shape)[use])
        rows[1].append(columns[done][use])
        values.append(inverse[done].transpose(0, 2, 1)[use])
        left = np.delete(left, done)
        near = near @ rings
    i, j, v = np.concatenate(rows[0]), np.concatenate(rows[1]), np.concatenate(values)
    return [sp.csr_matrix((v[:, k], (i, j)), (count, count + 2 * held)) for k in range(1, 6)]


def _fit(rest, slots, number, at, scale):
    """Pseudo-inverses (n, 6, 3 P) of the weighted fits around the vertices ``at``, and which of them are trusted."""
    s = scale[at]
    q = (rest[slots] - rest[at][:, None]) / s[:, None, None]
    x, y = q[..., 0], q[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    weight = (slots >= 0) / (0.3 + x**2 + y**2)
    known = weight * (number[slots] >= 0)
    value = np.stack([one, x, y, x * x / 2, y * y / 2, x * y], -1)
    slope_x = np.stack([zero, one, zero, x, zero, y], -1)
    slope_y = np.stack([zero, zero, one, zero, y, x], -1)
    matrix = np.concatenate([value, slope_x, slope_y], axis=1)
    weights = np.concatenate([weight, known, known], axis=1)
    u, size, vt = np.linalg.svd(matrix * weights[..., None], full_matrices=False)
    good = (size[:, -1] > LEAST_CONDITION * size[:, 0]) & ((weights > 0).sum(1) >= 6)
    small = size < 1e-9 * size[:, :1]
    inverse = np.einsum("nka,nk,nbk->nab", vt, np.where(small, 0.0, 1 / np.where(small, 1, size)), u)
    inverse = inverse * weights[:, None]
    # back to metres: columns are values and, for held directions, slopes
    inverse[:, :, x.shape[1] :] *= s[:, None, None]
    power = np.stack([np.ones_like(s), s, s, s**2, s**2, s**2], -1)
    return inverse / power[..., None], good


def _kirchhoff(rest: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures at the mid-points of the three sides: (M, 3 points, 3 of uu vv uv, 9 of w gu gv per corner)."""
    p = rest[faces]
    area = areas(rest, faces)
    side = np.roll(p, -2, axis=1) - np.roll(p, -1, axis=1)  # opposite corner k: from k + 1 to k + 2
    hat = np.stack([-side[..., 1], side[..., 0]], -1) / (2 * area[:, None, None])
    m = len(faces)
    node = np.zeros((m, 6, 2, 9))  # gradient at corners and mid-sides
    for k in range(3):
        node[:, k, 0, 3 * k + 1] = node[:, k, 1, 3 * k + 2] = 1
        i, j = (k + 1) % 3, (k + 2) % 3
        length = np.linalg.norm(side[:, k], axis=-1)
        s = side[:, k] / length[:, None]
        n = np.stack([s[:, 1], -s[:, 0]], -1)
        along, across = np.zeros((m, 9)), np.zeros((m, 9))
        along[:, 3 * i], along[:, 3 * j] = -1.5 / length, 1.5 / length
        for q in (i, j):
            along[:, 3 * q + 1 : 3 * q + 3] -= 0.25 * s
            across[:, 3 * q + 1 : 3 * q + 3] += 0.5 * n
        node[:, 3 + k] = s[:, :, None] * along[:, None] + n[:, :, None] * across[:, None]
    out = np.zeros((m, 3, 3, 9))
    for point in range(3):
        share = np.full(3, 0.5)
        share[point] = 0
        slope = np.zeros((m, 6, 2))
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            slope[:, k] = (4 * share[k] - 1) * hat[:, k]
            slope[:, 3 + k] = 4 * (share[i] * hat[:, j] + share[j] * hat[:, i])
        g = np.einsum("mnca,mnd->mcda", node, slope)
        out[:, point] = np.stack([g[:, 0, 0], g[:, 1, 1], 0.5 * (g[:, 0, 1] + g[:, 1, 0])], axis=1)
    return out, area


def plate(rest: np.ndarray, faces: np.ndarray, clamped: np.ndarray, d: tuple[float, float, float, float]):
    """Matrix (N + 2 C, N + 2 C) of the plate energy on a triangulation; ``d`` of :func:`rigidities`."""
    count, total = len(rest), len(rest) + 2 * len(clamped)
    curvature, area = _kirchhoff(rest, faces)
    m = len(faces)
    row = np.broadcast_to(np.arange(9 * m).reshape(m, 9, 1), (m, 9, 3)).ravel()
    flat = curvature.reshape(m, 9, 9)
    column = np.broadcast_to(faces[:, None, :], (m, 9, 3)).ravel()
    w, gu, gv = (sp.csr_matrix((flat[..., k::3].ravel(), (row, column)), (9 * m, count)) for k in range(3))
    u, v = (f.tolil() for f in quadratic_fits(rest, faces, clamped)[:2])
    for k, i in enumerate(clamped):
        u[i], v[i] = 0, 0
        u[i, count + 2 * k] = v[i, count + 2 * k + 1] = 1
    pad = sp.csr_matrix((9 * m, total - count))
    rows = sp.hstack([w, pad]) + gu @ u.tocsr() + gv @ v.tocsr()
    law = np.array([[d[0], d[2], 0], [d[2], d[1], 0], [0, 0, d[3]]])
    return (rows.T @ sp.kron(sp.diags(np.repeat(area / 3, 3)), law) @ rows).tocsr()


def _line(n: int, step: float) -> sp.csr_matrix:
    """Second difference on n + 1 points; zero at both ends."""
    inner = sp.diags([np.ones(n - 1), -2 * np.ones(n - 1), np.ones(n - 1)], [0, 1, 2], (n - 1, n + 1)) / step**2
    empty = sp.csr_matrix((1, n + 1))
    return sp.vstack([empty, inner, empty]).tocsr() if n > 1 else sp.csr_matrix((n + 1, n + 1))


def plate_grid(size, cells, clamped: np.ndarray, bending, poisson: float):
    """Matrix (N + 2 C, N + 2 C) of the plate energy of a ``Sheet``.

    Where the edge of the sheet leaves a curvature free, it takes the value that costs least.
    """
    (nx, ny), (dx, dy) = cells, (size[0] / cells[0], size[1] / cells[1])
    count, total = (nx + 1) * (ny + 1), (nx + 1) * (ny + 1) + 2 * len(clamped)
    pad = sp.csr_matrix((count, total - count))
    uu = sp.hstack([sp.kron(sp.eye(ny + 1), _line(nx, dx)), pad]).tolil()
    vv = sp.hstack([sp.kron(_line(ny, dy), sp.eye(nx + 1)), pad]).tolil()
    for k, i in enumerate(clamped):
        for matrix, place, end, stride, step, held in (
            (uu, i % (nx + 1), nx, 1, dx, count + 2 * k),
            (vv, i // (nx + 1), ny, nx + 1, dy, count + 2 * k + 1),
        ):
            if place in (0, end):  # mirror: curvature from the next vertex and the held direction
                sign = 1 if place == 0 else -1
                matrix[i, i + sign * stride], matrix[i, i], matrix[i, held] = (
                    2 / step**2,
                    -2 / step**2,
                    -2 * sign / step,
                )
    uu, vv = uu.tocsr(), vv.tocsr()
    d11, d22, d12, d66 = rigidities(bending, poisson)
    half = lambda n: np.r_[0.5, np.ones(n - 1), 0.5] if n > 1 else np.array([0.5, 0.5])  # noqa: E731
    area = dx * dy * np.outer(half(ny), half(nx)).ravel()
    has_u, has_v = np.diff(uu.indptr) > 0, np.diff(vv.indptr) > 0
    both = has_u & has_v
    weigh = lambda w: sp.diags(area * w)  # noqa: E731
    k = uu.T @ weigh(np.where(both, d11, bending[0])) @ uu + vv.T @ weigh(np.where(both, d22, bending[1])) @ vv
    cross = uu.T @ weigh(np.where(both, d12, 0.0)) @ vv
    first = lambda n: sp.diags([-np.ones(n), np.ones(n)], [0, 1], (n, n + 1))  # noqa: E731
    twist = sp.hstack([sp.kron(first(ny) / dy, first(nx) / dx), sp.csr_matrix((nx * ny, total - count))])
    return (k + cross + cross.T + twist.T @ (d66 * dx * dy * twist)).tocsr()
