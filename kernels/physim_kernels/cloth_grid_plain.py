"""Membrane of a grid of cloth, one thread per vertex: what ``cloth_grid.py`` does row by row, equal to rounding."""

import warp as wp

from physim_kernels.cloth_data import Cloths, between
from physim_kernels.cloth_grid import Grids, row_area

wp.set_module_options({"enable_backward": False})


@wp.func
def remember(memory: wp.array(dtype=float), i: int, strain: float, loss: wp.vec2):
    """Strain with memory, which is brought up to date."""
    m = (memory[i] + loss[0] * strain) * loss[1]
    memory[i] = m - loss[0] * strain
    return strain + m


@wp.func
def stretch_of(w: wp.vec3):
    """|w| - 1."""
    return wp.length(w) - 1.0


@wp.func
def seat_of(g: Grids, q: int, i: int):
    """Column and row of vertex i in its grid."""
    n = g.cells[q][0] + 1
    k = i - g.start[q]
    return wp.vec2i(k % n, k // n)


@wp.kernel
def edge_kernel(cloths: Cloths, g: Grids):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        n = g.cells[q][0] + 1
        seat = seat_of(g, q, i)
        if seat[0] < g.cells[q][0]:
            g.strain_u[i] = remember(g.memory_u, i, stretch_of(between(cloths, i, i + 1) / g.spacing[q][0]), g.loss[q])
        if seat[1] < g.cells[q][1]:
            g.strain_v[i] = remember(g.memory_v, i, stretch_of(between(cloths, i, i + n) / g.spacing[q][1]), g.loss[q])


@wp.struct
class Cell:
    """Twice the means and half differences of opposite edges of a cell, over the length at rest."""

    wu: wp.vec3
    wv: wp.vec3
    du: wp.vec3
    dv: wp.vec3


@wp.func
def cell_at(cloths: Cloths, g: Grids, q: int, i: int):
    """The cell above and right of vertex i."""
    n = g.cells[q][0] + 1
    bottom = between(cloths, i, i + 1) / g.spacing[q][0]
    top = between(cloths, i + n, i + n + 1) / g.spacing[q][0]
    left = between(cloths, i, i + n) / g.spacing[q][1]
    right = between(cloths, i + 1, i + n + 1) / g.spacing[q][1]
    out = Cell()
    out.wu = top + bottom
    out.du = top - bottom
    out.wv = right + left
    out.dv = right - left
    return out


@wp.kernel
def shear_kernel(cloths: Cloths, g: Grids):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        seat = seat_of(g, q, i)
        if seat[0] < g.cells[q][0] and seat[1] < g.cells[q][1]:
            c = cell_at(cloths, g, q, i)
            half = 0.5 * g.moduli[q][3] * g.spacing[q][0] * g.spacing[q][1]
            mean = remember(g.memory_s, i, 0.25 * wp.dot(c.wu, c.wv), g.loss[q])
            g.shear[i] = half * wp.vec4(
                mean, 0.25 * wp.dot(c.wu, c.dv), 0.25 * wp.dot(c.du, c.wv), 0.25 * wp.dot(c.du, c.dv)
            )


@wp.func
def shear_edge(w: wp.vec3, d: wp.vec3, mean: wp.vec2, turn: wp.vec2, side: float):
    """What a cell gives to an edge on one ``side`` of it, from ``w`` and ``d`` of the edges across."""
    return 0.5 * (mean[0] * w + mean[1] * d + side * (turn[0] * w + turn[1] * d))


@wp.func
def shear_u(cloths: Cloths, g: Grids, q: int, i: int, side: float):
    """What the cell at i gives to its upper (side 1) or lower (-1) edge."""
    c = cell_at(cloths, g, q, i)
    s = g.shear[i]
    return shear_edge(c.wv, c.dv, wp.vec2(s[0], s[1]), wp.vec2(s[2], s[3]), side)


@wp.func
def shear_v(cloths: Cloths, g: Grids, q: int, i: int, side: float):
    """What the cell at i gives to its right (side 1) or left (-1) edge."""
    c = cell_at(cloths, g, q, i)
    s = g.shear[i]
    return shear_edge(c.wu, c.du, wp.vec2(s[0], s[2]), wp.vec2(s[1], s[3]), side)


@wp.func
def along(w: wp.vec3, pull: float):
    """A force of size ``pull`` along an edge."""
    return (pull / wp.max(wp.length(w), 1.0e-9)) * w


@wp.func
def tension_u(cloths: Cloths, g: Grids, q: int, i: int):
    """Of the edge to the right of vertex i [N]."""
    n = g.cells[q][0] + 1
    row = seat_of(g, q, i)[1]
    dx = g.spacing[q][0]
    area = dx * g.spacing[q][1]
    couple = 0.25 * g.moduli[q][2] * area
    pull = g.moduli[q][0] * area * row_area(row, g.cells[q][1]) * g.strain_u[i]
    out = wp.vec3(0.0, 0.0, 0.0)
    if row < g.cells[q][1]:
        pull += couple * (g.strain_v[i] + g.strain_v[i + 1])
        out += shear_u(cloths, g, q, i, -1.0)
    if row > 0:
        pull += couple * (g.strain_v[i - n] + g.strain_v[i - n + 1])
        out += shear_u(cloths, g, q, i - n, 1.0)
    return (out + along(between(cloths, i, i + 1) / dx, pull)) / dx


@wp.func
def tension_v(cloths: Cloths, g: Grids, q: int, i: int):
    """Of the edge above vertex i [N]."""
    nx = g.cells[q][0]
    n = nx + 1
    column = seat_of(g, q, i)[0]
    dy = g.spacing[q][1]
    area = dy * g.spacing[q][0]
    couple = 0.25 * g.moduli[q][2] * area
    pull = g.moduli[q][1] * area * row_area(column, nx) * g.strain_v[i]
    out = wp.vec3(0.0, 0.0, 0.0)
    if column < nx:
        pull += couple * (g.strain_u[i] + g.strain_u[i + n])
        out += shear_v(cloths, g, q, i, -1.0)
    if column > 0:
        pull += couple * (g.strain_u[i - 1] + g.strain_u[i - 1 + n])
        out += shear_v(cloths, g, q, i - 1, 1.0)
    return (out + along(between(cloths, i, i + n) / dy, pull)) / dy


@wp.kernel
def tension_kernel(cloths: Cloths, g: Grids):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        n = g.cells[q][0] + 1
        seat = seat_of(g, q, i)
        f = wp.vec3(0.0, 0.0, 0.0)
        if seat[0] < g.cells[q][0]:
            f += tension_u(cloths, g, q, i)
        if seat[0] > 0:
            f -= tension_u(cloths, g, q, i - 1)
        if seat[1] < g.cells[q][1]:
            f += tension_v(cloths, g, q, i)
        if seat[1] > 0:
            f -= tension_v(cloths, g, q, i - n)
        cloths.force[i] = f


@wp.func
def acceleration(cloths: Cloths, i: int):
    """Of forces and ``acc``; none of what is held."""
    if cloths.inv_mass[i] > 0.0:
        return cloths.inv_mass[i] * cloths.force[i] + cloths.acc[i]
    return wp.vec3(0.0, 0.0, 0.0)


@wp.func
def smoothed_along(cloths: Cloths, i: int, column: int, nx: int, b: float):
    """Acceleration of vertex ``i`` smoothed along its row."""
    left = wp.where(column > 0, i - 1, i + 1)
    right = wp.where(column < nx, i + 1, i - 1)
    here = acceleration(cloths, i)
    return here + b * (acceleration(cloths, left) - 2.0 * here + acceleration(cloths, right))


@wp.kernel
def smooth_kick_kernel(cloths: Cloths, g: Grids, dt: float):
    """Velocities of all vertices after ``dt`` [s]; of held ones what smoothing adds to their pull."""
    i = wp.tid()
    q = g.grid[i]
    a = acceleration(cloths, i)
    if q >= 0 and g.smooth[q] > 0.0:
        nx = g.cells[q][0]
        n = nx + 1
        seat = seat_of(g, q, i)
        b = g.smooth[q]
        below = wp.where(seat[1] > 0, i - n, i + n)
        above = wp.where(seat[1] < g.cells[q][1], i + n, i - n)
        here = smoothed_along(cloths, i, seat[0], nx, b)
        others = smoothed_along(cloths, below, seat[0], nx, b) + smoothed_along(cloths, above, seat[0], nx, b)
        a = here + b * (others - 2.0 * here)
    if cloths.inv_mass[i] > 0.0:
        cloths.v[i] = cloths.v[i] + dt * a
    else:
        cloths.pull[i] = cloths.pull[i] + dt * cloths.mass[i] * a


def stretch(cloths: Cloths, grids: Grids, *, device):
    """Write ``cloths.force`` of all vertices of grids, one thread per vertex."""
    for kernel in (edge_kernel, shear_kernel, tension_kernel):
        wp.launch(kernel, dim=cloths.vertex_total, inputs=[cloths, grids], device=device)


def kick(cloths: Cloths, grids: Grids, *, dt, device):
    """Velocities of all vertices after ``dt`` [s] of the forces, smoothed in grids that ask for it."""
    wp.launch(smooth_kick_kernel, dim=cloths.vertex_total, inputs=[cloths, grids, dt], device=device)
