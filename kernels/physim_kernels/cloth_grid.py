"""Membrane of a rectangular grid of cells, whose threads run along its edges.

The strains of ``cloth_membrane.py`` sit where they are best known: stretch of the warp on the edges along u, of the
weft on the edges along v, shear and the coupling of both in the cells. With w = edge / length at rest,

    e_u = |w_u| - 1,  e_v = |w_v| - 1,  e_s = W_u . W_v,    W: mean of the two opposite edges of a cell
    energy = sum_edges A_e/2 Q e^2 + sum_cells A_c (Q12 mean(e_u) mean(e_v) + G/2 e_s^2),

A_e the area of the two half cells beside the edge. Second order, no locking, no preferred diagonal; half the work of
triangles. Memory z of the loss: m = (z + share e) decay, z = m - share e; the stress is that of e + m.

On a CPU one thread walks a sheet row by row through vector code (the ``_row`` functions, buffers in ``scratch``); on a
GPU three plain kernels do the same per vertex. They agree to rounding.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths, between

wp.set_module_options({"enable_backward": False})


@wp.struct
class Grids:
    # per grid
    start: wp.array(dtype=int)  # its first vertex
    cells: wp.array(dtype=wp.vec2i)
    spacing: wp.array(dtype=wp.vec2)  # [m]
    moduli: wp.array(dtype=wp.vec4)  # Q11, Q22, Q12, G [N/m]
    loss: wp.array(dtype=wp.vec2)  # share of the memory, its decay in one step
    scratch_start: wp.array(dtype=int)
    # per vertex: the edge to its right, the edge above it, the cell above and to the right
    grid: wp.array(dtype=int)  # -1: of no grid
    memory_u: wp.array(dtype=float)
    memory_v: wp.array(dtype=float)
    memory_s: wp.array(dtype=float)
    strain_u: wp.array(dtype=float)  # with memory; plain kernels only
    strain_v: wp.array(dtype=float)
    shear: wp.array(dtype=float)  # G A_c (e_s + m) / 2 [N m]; plain kernels only
    scratch: wp.array(dtype=float)
    count: int


PADDING = 8
PAD = wp.constant(PADDING)
"""Zeros before and after each buffer row."""
ROWS = 48
"""Buffer rows of a grid: see ``walk_kernel`` for what is where."""


@wp.func_native("""
    const float *X = (const float*)x.data + 3 * b, *A = (const float*)x.data + 3 * a;
    const float *L = (const float*)lo.data + 3 * b, *M = (const float*)lo.data + 3 * a;
    float* O = scratch.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < 3 * n; ++j) O[j] = (X[j] - A[j]) + (L[j] - M[j]);""")
def difference_row(
    x: wp.array(dtype=wp.vec3), lo: wp.array(dtype=wp.vec3), a: int, b: int, n: int, scratch: wp.array(dtype=float),
    o: int,
): ...  # fmt: skip


@wp.func_native("""
    const float* D = scratch.data + o;
    float *E = scratch.data + e, *F = E + p, *I = E + 2 * p, *X = E + 3 * p, *Y = E + 4 * p, *Z = E + 5 * p;
    float* M = memory.data + m;
    if (share > 0.0f) {
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) {
            const float a = D[3 * j] * per, b = D[3 * j + 1] * per, c = D[3 * j + 2] * per;
            const float q = a * a + b * b + c * c, inverse = 1.0f / sqrtf(q + 1e-18f);
            const float strain = (q - 1.0f) / (q * inverse + 1.0f);
            const float memo = (M[j] + share * strain) * decay;
            M[j] = memo - share * strain;
            X[j] = a; Y[j] = b; Z[j] = c; I[j] = inverse; E[j] = strain + memo; F[j] = stiffness * (strain + memo);
        }
    } else {
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) {
            const float a = D[3 * j] * per, b = D[3 * j + 1] * per, c = D[3 * j + 2] * per;
            const float q = a * a + b * b + c * c, inverse = 1.0f / sqrtf(q + 1e-18f);
            const float strain = (q - 1.0f) / (q * inverse + 1.0f);
            X[j] = a; Y[j] = b; Z[j] = c; I[j] = inverse; E[j] = strain; F[j] = stiffness * strain;
        }
    }""")
def strain_row(
    scratch: wp.array(dtype=float), o: int, n: int, p: int, per: float, stiffness: float, share: float, decay: float,
    memory: wp.array(dtype=float), m: int, e: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *A = scratch.data + u0, *B = scratch.data + u1, *V = scratch.data + v;
    float *C = scratch.data + c, *M = memory.data + m;
    const float *a0 = A + 3 * p, *a1 = A + 4 * p, *a2 = A + 5 * p, *b0 = B + 3 * p, *b1 = B + 4 * p, *b2 = B + 5 * p;
    const float *v0 = V + 3 * p, *v1 = V + 4 * p, *v2 = V + 5 * p;
    float *C1 = C + p, *x0 = C + 2 * p, *x1 = C + 3 * p, *x2 = C + 4 * p;
    float *y0 = C + 5 * p, *y1 = C + 6 * p, *y2 = C + 7 * p;
    const float keep = share > 0.0f ? decay : 0.0f;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float ux = 0.5f * (a0[j] + b0[j]), uy = 0.5f * (a1[j] + b1[j]), uz = 0.5f * (a2[j] + b2[j]);
        const float vx = 0.5f * (v0[j] + v0[j + 1]), vy = 0.5f * (v1[j] + v1[j + 1]), vz = 0.5f * (v2[j] + v2[j + 1]);
        const float strain = ux * vx + uy * vy + uz * vz;
        const float memo = (M[j] + share * strain) * keep;
        M[j] = memo - share * strain;
        const float s = half_g * (strain + memo);
        C[j] = half_q * 0.5f * (V[j] + V[j + 1]);
        C1[j] = half_q * 0.5f * (A[j] + B[j]);
        x0[j] = s * vx; x1[j] = s * vy; x2[j] = s * vz;
        y0[j] = s * ux; y1[j] = s * uy; y2[j] = s * uz;
    }""")
def cell_row(
    scratch: wp.array(dtype=float), u0: int, u1: int, v: int, n: int, p: int, half_g: float, half_q: float,
    share: float, decay: float, memory: wp.array(dtype=float), m: int, c: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *U = scratch.data + u, *A = scratch.data + c0, *B = scratch.data + c1;
    const float *F = U + p, *I = U + 2 * p, *a0 = A + 2 * p, *b0 = B + 2 * p;
    float* T = scratch.data + t;
    for (int k = 0; k < 3; ++k) {
        const float *W = U + (3 + k) * p, *a = a0 + k * p, *b = b0 + k * p;
        float* O = T + k * p;
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) O[j] = per * ((F[j] + (A[j] + B[j])) * I[j] * W[j] + (a[j] + b[j]));
    }""")
def tension_u_row(
    scratch: wp.array(dtype=float), u: int, c0: int, c1: int, n: int, p: int, per: float, t: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *V = scratch.data + v, *C = scratch.data + c + p;
    const float *F = V + p, *I = V + 2 * p, *y0 = C + 4 * p;
    float* T = scratch.data + t;
    for (int k = 0; k < 3; ++k) {
        const float *W = V + (3 + k) * p, *y = y0 + k * p;
        float* O = T + k * p;
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) O[j] = per * ((F[j] + (C[j - 1] + C[j])) * I[j] * W[j] + (y[j - 1] + y[j]));
    }""")
def tension_v_row(scratch: wp.array(dtype=float), v: int, c: int, n: int, p: int, per: float, t: int): ...


@wp.func_native("""
    const float *X = scratch.data + t, *Y = X + p, *Z = X + 2 * p;
    const float *A = scratch.data + t0, *B = scratch.data + t1;
    float* O = (float*)force.data + 3 * i;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        O[3 * j] = X[j] - X[j - 1] + B[j] - A[j];
        O[3 * j + 1] = Y[j] - Y[j - 1] + B[j + p] - A[j + p];
        O[3 * j + 2] = Z[j] - Z[j - 1] + B[j + 2 * p] - A[j + 2 * p];
    }""")
def force_row(
    scratch: wp.array(dtype=float), t: int, t0: int, t1: int, n: int, p: int, force: wp.array(dtype=wp.vec3), i: int,
): ...  # fmt: skip


@wp.func_native("""
    for (int k = 0; k < rows; ++k) scratch.data[o + k * p] = 0.0f;""")
def clear_at(scratch: wp.array(dtype=float), o: int, rows: int, p: int): ...


@wp.func_native("""
    float* O = scratch.data + o;
    for (int j = 0; j < n; ++j) O[j] = 0.0f;""")
def clear_row(scratch: wp.array(dtype=float), o: int, n: int): ...


@wp.func
def row_area(row: int, rows: int):
    """Share of a full row's area."""
    if row == 0 or row == rows:
        return 0.5
    return 1.0


@wp.kernel
def walk_kernel(cloths: Cloths, g: Grids):
    """Forces of a whole grid. Buffers: differences (4 rows), u edges of two rows (6 each: strain, force, 1 / length,
    w), v edges (6), cells of two rows (8 each), tensions u (3) and v of two rows (3 each).
    """
    q = wp.tid()
    nx = g.cells[q][0]
    ny = g.cells[q][1]
    n = nx + 1
    p = n + 2 * PAD
    base = g.scratch_start[q] + PAD
    d = base
    v = base + 16 * p
    t = base + 38 * p
    dx = g.spacing[q][0]
    dy = g.spacing[q][1]
    moduli = g.moduli[q]
    area = dx * dy
    share = g.loss[q][0]
    decay = g.loss[q][1]
    first = g.start[q]
    clear_row(g.scratch, base + 22 * p - PAD, 16 * p)  # cells of no row
    clear_row(g.scratch, base + 41 * p - PAD, 6 * p)  # tensions of no row
    for r in range(ny + 1):
        i = first + r * n
        u = base + (4 + 6 * (r % 2)) * p
        old = base + (4 + 6 * ((r + 1) % 2)) * p
        difference_row(cloths.x, cloths.x_lo, i, i + 1, nx, g.scratch, d)
        stiff = moduli[0] * area * row_area(r, ny)
        strain_row(g.scratch, d, nx, p, 1.0 / dx, stiff, share, decay, g.memory_u, i, u)
        if r > 0:
            cell = base + (22 + 8 * (r % 2)) * p
            below = base + (22 + 8 * ((r + 1) % 2)) * p
            tv = base + (41 + 3 * (r % 2)) * p
            tv_below = base + (41 + 3 * ((r + 1) % 2)) * p
            difference_row(cloths.x, cloths.x_lo, i - n, i, n, g.scratch, d)
            strain_row(g.scratch, d, n, p, 1.0 / dy, moduli[1] * area, share, decay, g.memory_v, i - n, v)
            g.scratch[v + p] = 0.5 * g.scratch[v + p]
            g.scratch[v + p + nx] = 0.5 * g.scratch[v + p + nx]
            half_g = 0.5 * moduli[3] * area
            half_q = 0.5 * moduli[2] * area
            cell_row(g.scratch, old, u, v, nx, p, half_g, half_q, share, decay, g.memory_s, i - n, cell)
            clear_at(g.scratch, cell + nx, 8, p)
            tension_u_row(g.scratch, old, below, cell, nx, p, 1.0 / dx, t)
            tension_v_row(g.scratch, v, cell, n, p, 1.0 / dy, tv)
            clear_at(g.scratch, t - 1, 3, p)
            clear_at(g.scratch, t + nx, 3, p)
            force_row(g.scratch, t, tv_below, tv, n, p, cloths.force, i - n)
    u = base + (4 + 6 * (ny % 2)) * p
    cell = base + (22 + 8 * (ny % 2)) * p
    none = base + (22 + 8 * ((ny + 1) % 2)) * p
    tv = base + (41 + 3 * (ny % 2)) * p
    empty = base + (41 + 3 * ((ny + 1) % 2)) * p
    clear_row(g.scratch, none - PAD, 8 * p)
    clear_row(g.scratch, empty - PAD, 3 * p)
    tension_u_row(g.scratch, u, cell, none, nx, p, 1.0 / dx, t)
    clear_at(g.scratch, t - 1, 3, p)
    clear_at(g.scratch, t + nx, 3, p)
    force_row(g.scratch, t, tv, empty, n, p, cloths.force, first + ny * n)


@wp.func
def remember(memory: wp.array(dtype=float), i: int, strain: float, loss: wp.vec2):
    """Strain with memory, which is brought up to date."""
    m = (memory[i] + loss[0] * strain) * loss[1]
    memory[i] = m - loss[0] * strain
    return strain + m


@wp.func
def stretch_of(w: wp.vec3):
    """|w| - 1 without loss of digits."""
    q = wp.dot(w, w)
    return (q - 1.0) / (wp.sqrt(q) + 1.0)


@wp.kernel
def edge_kernel(cloths: Cloths, g: Grids):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        nx = g.cells[q][0]
        n = nx + 1
        k = i - g.start[q]
        if k % n < nx:
            g.strain_u[i] = remember(g.memory_u, i, stretch_of(between(cloths, i, i + 1) / g.spacing[q][0]), g.loss[q])
        if k // n < g.cells[q][1]:
            g.strain_v[i] = remember(g.memory_v, i, stretch_of(between(cloths, i, i + n) / g.spacing[q][1]), g.loss[q])


@wp.func
def mean_u(cloths: Cloths, g: Grids, q: int, i: int):
    """W_u of the cell above and right of vertex i."""
    n = g.cells[q][0] + 1
    return (0.5 / g.spacing[q][0]) * (between(cloths, i, i + 1) + between(cloths, i + n, i + n + 1))


@wp.func
def mean_v(cloths: Cloths, g: Grids, q: int, i: int):
    n = g.cells[q][0] + 1
    return (0.5 / g.spacing[q][1]) * (between(cloths, i, i + n) + between(cloths, i + 1, i + n + 1))


@wp.kernel
def shear_kernel(cloths: Cloths, g: Grids):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        n = g.cells[q][0] + 1
        k = i - g.start[q]
        if k % n < g.cells[q][0] and k // n < g.cells[q][1]:
            strain = wp.dot(mean_u(cloths, g, q, i), mean_v(cloths, g, q, i))
            area = g.spacing[q][0] * g.spacing[q][1]
            g.shear[i] = 0.5 * g.moduli[q][3] * area * remember(g.memory_s, i, strain, g.loss[q])


@wp.func
def tension_u(cloths: Cloths, g: Grids, q: int, i: int):
    """Of the edge to the right of vertex i [N]."""
    n = g.cells[q][0] + 1
    row = (i - g.start[q]) // n
    dx = g.spacing[q][0]
    area = dx * g.spacing[q][1]
    w = between(cloths, i, i + 1) / dx
    pull = g.moduli[q][0] * area * row_area(row, g.cells[q][1]) * g.strain_u[i]
    out = wp.vec3(0.0, 0.0, 0.0)
    if row < g.cells[q][1]:
        pull += 0.25 * g.moduli[q][2] * area * (g.strain_v[i] + g.strain_v[i + 1])
        out += g.shear[i] * mean_v(cloths, g, q, i)
    if row > 0:
        pull += 0.25 * g.moduli[q][2] * area * (g.strain_v[i - n] + g.strain_v[i - n + 1])
        out += g.shear[i - n] * mean_v(cloths, g, q, i - n)
    return (out + (pull / wp.max(wp.length(w), 1.0e-9)) * w) / dx


@wp.func
def tension_v(cloths: Cloths, g: Grids, q: int, i: int):
    """Of the edge above vertex i [N]."""
    nx = g.cells[q][0]
    n = nx + 1
    column = (i - g.start[q]) % n
    dy = g.spacing[q][1]
    area = dy * g.spacing[q][0]
    w = between(cloths, i, i + n) / dy
    pull = g.moduli[q][1] * area * row_area(column, nx) * g.strain_v[i]
    out = wp.vec3(0.0, 0.0, 0.0)
    if column < nx:
        pull += 0.25 * g.moduli[q][2] * area * (g.strain_u[i] + g.strain_u[i + n])
        out += g.shear[i] * mean_u(cloths, g, q, i)
    if column > 0:
        pull += 0.25 * g.moduli[q][2] * area * (g.strain_u[i - 1] + g.strain_u[i - 1 + n])
        out += g.shear[i - 1] * mean_u(cloths, g, q, i - 1)
    return (out + (pull / wp.max(wp.length(w), 1.0e-9)) * w) / dy


@wp.kernel
def tension_kernel(cloths: Cloths, g: Grids):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        nx = g.cells[q][0]
        n = nx + 1
        k = i - g.start[q]
        f = wp.vec3(0.0, 0.0, 0.0)
        if k % n < nx:
            f += tension_u(cloths, g, q, i)
        if k % n > 0:
            f -= tension_u(cloths, g, q, i - 1)
        if k // n < g.cells[q][1]:
            f += tension_v(cloths, g, q, i)
        if k // n > 0:
            f -= tension_v(cloths, g, q, i - n)
        cloths.force[i] = f


def stretch(cloths: Cloths, grids: Grids, *, plain, device):
    """Write ``cloths.force`` of all vertices of grids; ``plain``: one thread per vertex."""
    if plain:
        for kernel in (edge_kernel, shear_kernel, tension_kernel):
            wp.launch(kernel, dim=cloths.vertex_total, inputs=[cloths, grids], device=device)
    else:
        wp.launch(walk_kernel, dim=grids.count, inputs=[cloths, grids], device=device)
