"""Membrane of a rectangular grid of cells, whose threads run along its edges.

The strains of ``cloth_membrane.py`` sit where they are best known: stretch of the warp on the edges along u, of the
weft on the edges along v, shear and the coupling of both in the cells. With w = edge / length at rest,

    e_u = |w_u| - 1,  e_v = |w_v| - 1,  e_s = w_u . w_v at each corner of a cell,
    energy = sum_edges A_e/2 Q e^2 + sum_cells A_c (Q12 mean(e_u) mean(e_v) + G/2 mean(e_s^2)),

A_e the area of the two half cells beside the edge. Second order, no preferred diagonal, half the work of triangles.
(Shear is that of the corners, not of the middle: a cell of four fixed edges folds along a diagonal at no mean shear.)
With W the mean of two opposite edges and D half their difference,
mean(e_s^2) = (W_u.W_v)^2 + (W_u.D_v)^2 + (D_u.W_v)^2 + (D_u.D_v)^2. Memory z of the loss: m = (z + share e) decay,
z = m - share e; the stress is that of e + m; of shear only the mean has one.

Smoothing. Steps follow the fastest wave, which is as short as a cell and nothing to look at. Where ``smooth`` = b > 0,
accelerations a = force / mass + acc pass through S = S_u S_v, S_u a_j = a_j + b (a_j-1 - 2 a_j + a_j+1), with mirrored
neighbours beyond a border, where masses are halves; a is 0 where a vertex is held. A wave of the angle k per cell then
has the inertia 1 / (1 - 4 b sin^2(k / 2)): that of one cell twice its own for b = 1/8, one of ten cells 5 % more.
M S is symmetric, S keeps constants: there is an energy, momentum is kept, rest is where a = 0 as before, and moduli are
those of the fabric. (Selective mass scaling, Olovsson, Simonsson, Unosson 2005, with the inverse of their matrix.)

On a CPU one thread walks a sheet row by row through vector code (``cloth_grid_row.py``, buffers in ``scratch``); on a
GPU the plain kernels of ``cloth_grid_plain.py`` do the same per vertex. They agree to rounding.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths
from physim_kernels.cloth_grid_row import (
    cell_row,
    clear_at,
    clear_row,
    difference_row,
    kick_row,
    smooth_kick_row,
    smooth_row,
    strain_row,
    tension_u_row,
    tension_v_row,
)

wp.set_module_options({"enable_backward": False})


@wp.struct
class Grids:
    # per grid
    start: wp.array(dtype=int)  # its first vertex
    cells: wp.array(dtype=wp.vec2i)
    spacing: wp.array(dtype=wp.vec2)  # [m]
    moduli: wp.array(dtype=wp.vec4)  # Q11, Q22, Q12, G [N/m]
    loss: wp.array(dtype=wp.vec2)  # share of the memory, its decay in one step
    smooth: wp.array(dtype=float)  # b of the smoothing; 0: none
    scratch_start: wp.array(dtype=int)
    # per vertex: the edge to its right, the edge above it, the cell above and to the right
    grid: wp.array(dtype=int)  # -1: of no grid
    memory_u: wp.array(dtype=float)
    memory_v: wp.array(dtype=float)
    memory_s: wp.array(dtype=float)
    strain_u: wp.array(dtype=float)  # with memory; plain kernels only
    strain_v: wp.array(dtype=float)
    shear: wp.array(dtype=wp.vec4)  # G A_c / 2 times the four products, the first with memory; plain kernels only
    scratch: wp.array(dtype=float)
    held: wp.array(dtype=int)  # vertices of all grids that are held, in order
    held_start: wp.array(dtype=int)  # per grid, and the end
    count: int


PADDING = 8
PAD = wp.constant(PADDING)
"""Zeros before and after each buffer row."""
ROWS = 62
"""Buffer rows of a grid: see ``walk_kernel`` for what is where."""


@wp.func
def row_area(row: int, rows: int):
    """Share of a full row's area."""
    if row == 0 or row == rows:
        return 0.5
    return 1.0


@wp.func
def cells_below(cloths: Cloths, g: Grids, q: int, r: int):
    """Strains of the edges of row ``r`` and of those beneath it, and the tensions of the v edges there."""
    nx = g.cells[q][0]
    ny = g.cells[q][1]
    n = nx + 1
    p = n + 2 * PAD
    base = g.scratch_start[q] + PAD
    v = base + 16 * p
    cell = base + 30 * p
    dx = g.spacing[q][0]
    dy = g.spacing[q][1]
    moduli = g.moduli[q]
    area = dx * dy
    share = g.loss[q][0]
    decay = g.loss[q][1]
    i = g.start[q] + r * n
    u = base + (4 + 6 * (r % 2)) * p
    old = base + (4 + 6 * ((r + 1) % 2)) * p
    top = base + (22 + 4 * (r % 2)) * p
    tv = base + (43 + 3 * (r % 2)) * p
    if r <= ny:
        difference_row(cloths.x, cloths.x_lo, i, i + 1, nx, g.scratch, base)
        stiff = moduli[0] * area * row_area(r, ny)
        strain_row(g.scratch, base, nx, p, 1.0 / dx, stiff, share, decay, g.memory_u, i, u)
    if r > 0 and r <= ny:
        difference_row(cloths.x, cloths.x_lo, i - n, i, n, g.scratch, base)
        strain_row(g.scratch, base, n, p, 1.0 / dy, moduli[1] * area, share, decay, g.memory_v, i - n, v)
        g.scratch[v + p] = 0.5 * g.scratch[v + p]
        g.scratch[v + p + nx] = 0.5 * g.scratch[v + p + nx]
        half_g = 0.5 * moduli[3] * area
        half_q = 0.5 * moduli[2] * area
        cell_row(g.scratch, old, u, v, nx, p, half_g, half_q, share, decay, g.memory_s, i - n, top, cell)
        clear_at(g.scratch, cell + nx, 10, p)
        tension_v_row(g.scratch, v, cell, n, p, 1.0 / dy, tv)
    if r > ny:
        clear_row(g.scratch, top - PAD, 4 * p)
        clear_row(g.scratch, cell - PAD, 10 * p)
        clear_row(g.scratch, tv - PAD, 3 * p)


@wp.kernel
def walk_kernel(cloths: Cloths, g: Grids, dt: float):
    """Kick of a whole grid. Buffers: differences (4 rows), u edges of two rows (6 each: strain, force, 1 / length, w),
    v edges (6), what cells give to the u edges above them, of two rows (4 each: coupling, vector), what they give to
    the u edges below and the v edges beside them (10), tensions u (3) and v of two rows (3 each); accelerations (3),
    and of three rows, smoothed along them (3 each). Smoothed rows are kicked when the one above is known.
    """
    q = wp.tid()
    nx = g.cells[q][0]
    ny = g.cells[q][1]
    n = nx + 1
    p = n + 2 * PAD
    base = g.scratch_start[q] + PAD
    cell = base + 30 * p
    t = base + 40 * p
    ring = base + 52 * p
    smooth = g.smooth[q]
    first = g.start[q]
    held = g.held_start[q]
    held_end = g.held_start[q + 1]
    before = int(held)
    clear_row(g.scratch, base + 22 * p - PAD, 8 * p)  # cells of no row
    clear_row(g.scratch, base + 43 * p - PAD, 6 * p)  # tensions of no row
    for r in range(ny + 2):
        i = first + r * n
        cells_below(cloths, g, q, r)
        if r > 0:
            old = base + (4 + 6 * ((r + 1) % 2)) * p
            top = base + (22 + 4 * (r % 2)) * p
            below = base + (22 + 4 * ((r + 1) % 2)) * p
            tv = base + (43 + 3 * (r % 2)) * p
            tv_below = base + (43 + 3 * ((r + 1) % 2)) * p
            tension_u_row(g.scratch, old, below, top, cell + p, nx, p, 1.0 / g.spacing[q][0], t)
            clear_at(g.scratch, t - 1, 3, p)
            clear_at(g.scratch, t + nx, 3, p)
            from_held = held
            while held < held_end and g.held[held] < i:
                held += 1
            if smooth == 0.0:
                kick_row(
                    g.scratch, t, tv_below, tv, n, p, cloths.acc, cloths.inv_mass, dt, g.held, from_held, held,
                    cloths.force, cloths.v, i - n,
                )  # fmt: skip
            else:
                now = ring + 3 * ((r - 1) % 3) * p
                smooth_row(
                    g.scratch, t, tv_below, tv, n, p, cloths.acc, cloths.inv_mass, smooth, g.held, from_held, held,
                    cloths.force, i - n, base + 49 * p, now,
                )  # fmt: skip
                if r > 1:  # row r - 2
                    low = ring + 3 * (wp.abs(r - 3) % 3) * p  # of row 0 the row beneath is that above
                    smooth_kick_row(
                        g.scratch, low, ring + 3 * ((r - 2) % 3) * p, now, n, p, cloths.inv_mass, cloths.mass, smooth,
                        dt, g.held, before, from_held, cloths.force, cloths.v, i - 2 * n,
                    )  # fmt: skip
                before = from_held
    if smooth > 0.0:
        low = ring + 3 * ((ny - 1) % 3) * p
        smooth_kick_row(
            g.scratch, low, ring + 3 * (ny % 3) * p, low, n, p, cloths.inv_mass, cloths.mass, smooth, dt, g.held,
            before, held, cloths.force, cloths.v, first + ny * n,
        )  # fmt: skip


def kick(cloths: Cloths, grids: Grids, *, dt, device):
    """Velocities of all vertices of grids after ``dt`` [s] of membrane and ``acc``; of held ones ``force`` instead."""
    wp.launch(walk_kernel, dim=grids.count, inputs=[cloths, grids, dt], device=device)
