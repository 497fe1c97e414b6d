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
    shear: wp.array(dtype=wp.vec4)  # G A_c / 2 times the four products, the first with memory; plain kernels only
    scratch: wp.array(dtype=float)
    held: wp.array(dtype=int)  # vertices of all grids that are held, in order
    held_start: wp.array(dtype=int)  # per grid, and the end
    count: int


PADDING = 8
PAD = wp.constant(PADDING)
"""Zeros before and after each buffer row."""
ROWS = 50
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
            const float q = a * a + b * b + c * c + 1e-12f;
            unsigned int bits; __builtin_memcpy(&bits, &q, 4);
            bits = 0x5f3759dfu - (bits >> 1);
            float y; __builtin_memcpy(&y, &bits, 4);
            y *= 1.5f - 0.5f * q * y * y; y *= 1.5f - 0.5f * q * y * y; y *= 1.5f - 0.5f * q * y * y;
            const float strain = q * y - 1.0f;
            const float memo = (M[j] + share * strain) * decay;
            M[j] = memo - share * strain;
            X[j] = a; Y[j] = b; Z[j] = c; I[j] = y; E[j] = strain + memo; F[j] = stiffness * (strain + memo);
        }
    } else {
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) {
            const float a = D[3 * j] * per, b = D[3 * j + 1] * per, c = D[3 * j + 2] * per;
            const float q = a * a + b * b + c * c + 1e-12f;
            unsigned int bits; __builtin_memcpy(&bits, &q, 4);
            bits = 0x5f3759dfu - (bits >> 1);
            float y; __builtin_memcpy(&y, &bits, 4);
            y *= 1.5f - 0.5f * q * y * y; y *= 1.5f - 0.5f * q * y * y; y *= 1.5f - 0.5f * q * y * y;
            const float strain = q * y - 1.0f;
            X[j] = a; Y[j] = b; Z[j] = c; I[j] = y; E[j] = strain; F[j] = stiffness * strain;
        }
    }""")
def strain_row(
    scratch: wp.array(dtype=float), o: int, n: int, p: int, per: float, stiffness: float, share: float, decay: float,
    memory: wp.array(dtype=float), m: int, e: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *A = scratch.data + u0, *B = scratch.data + u1, *V = scratch.data + v;
    float *T = scratch.data + top, *C = scratch.data + c, *M = memory.data + m;
    const float *a0 = A + 3 * p, *a1 = A + 4 * p, *a2 = A + 5 * p, *b0 = B + 3 * p, *b1 = B + 4 * p, *b2 = B + 5 * p;
    const float *v0 = V + 3 * p, *v1 = V + 4 * p, *v2 = V + 5 * p;
    float *t0 = T + p, *t1 = T + 2 * p, *t2 = T + 3 * p, *x0 = C + p, *x1 = C + 2 * p, *x2 = C + 3 * p;
    float *l0 = C + 4 * p, *l1 = C + 5 * p, *l2 = C + 6 * p, *r0 = C + 7 * p, *r1 = C + 8 * p, *r2 = C + 9 * p;
    const float keep = share > 0.0f ? decay : 0.0f;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float ux = b0[j] + a0[j], uy = b1[j] + a1[j], uz = b2[j] + a2[j];
        const float dx = b0[j] - a0[j], dy = b1[j] - a1[j], dz = b2[j] - a2[j];
        const float vx = v0[j + 1] + v0[j], vy = v1[j + 1] + v1[j], vz = v2[j + 1] + v2[j];
        const float ex = v0[j + 1] - v0[j], ey = v1[j + 1] - v1[j], ez = v2[j + 1] - v2[j];
        const float strain = 0.25f * (ux * vx + uy * vy + uz * vz);
        const float memo = (M[j] + share * strain) * keep;
        M[j] = memo - share * strain;
        const float q = 0.25f * half_g;
        const float w = half_g * (strain + memo), s = q * (ux * ex + uy * ey + uz * ez);
        const float t = q * (dx * vx + dy * vy + dz * vz), z = q * (dx * ex + dy * ey + dz * ez);
        const float f0 = w * vx + s * ex, f1 = w * vy + s * ey, f2 = w * vz + s * ez;
        const float g0 = t * vx + z * ex, g1 = t * vy + z * ey, g2 = t * vz + z * ez;
        const float h0 = w * ux + t * dx, h1 = w * uy + t * dy, h2 = w * uz + t * dz;
        const float k0 = s * ux + z * dx, k1 = s * uy + z * dy, k2 = s * uz + z * dz;
        T[j] = half_q * 0.5f * (V[j] + V[j + 1]);
        C[j] = half_q * 0.5f * (A[j] + B[j]);
        t0[j] = 0.5f * (f0 + g0); t1[j] = 0.5f * (f1 + g1); t2[j] = 0.5f * (f2 + g2);
        x0[j] = 0.5f * (f0 - g0); x1[j] = 0.5f * (f1 - g1); x2[j] = 0.5f * (f2 - g2);
        l0[j] = 0.5f * (h0 - k0); l1[j] = 0.5f * (h1 - k1); l2[j] = 0.5f * (h2 - k2);
        r0[j] = 0.5f * (h0 + k0); r1[j] = 0.5f * (h1 + k1); r2[j] = 0.5f * (h2 + k2);
    }""")
def cell_row(
    scratch: wp.array(dtype=float), u0: int, u1: int, v: int, n: int, p: int, half_g: float, half_q: float,
    share: float, decay: float, memory: wp.array(dtype=float), m: int, top: int, c: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *U = scratch.data + u, *A = scratch.data + below, *B = scratch.data + above, *X = scratch.data + bottom;
    const float *F = U + p, *I = U + 2 * p;
    float* T = scratch.data + t;
    for (int k = 0; k < 3; ++k) {
        const float *W = U + (3 + k) * p, *a = A + (1 + k) * p, *b = X + k * p;
        float* O = T + k * p;
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) O[j] = per * ((F[j] + (A[j] + B[j])) * I[j] * W[j] + (a[j] + b[j]));
    }""")
def tension_u_row(
    scratch: wp.array(dtype=float), u: int, below: int, above: int, bottom: int, n: int, p: int, per: float, t: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *V = scratch.data + v, *C = scratch.data + c, *F = V + p, *I = V + 2 * p;
    float* T = scratch.data + t;
    for (int k = 0; k < 3; ++k) {
        const float *W = V + (3 + k) * p, *l = C + (4 + k) * p, *r = C + (7 + k) * p;
        float* O = T + k * p;
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) O[j] = per * ((F[j] + (C[j - 1] + C[j])) * I[j] * W[j] + (r[j - 1] + l[j]));
    }""")
def tension_v_row(scratch: wp.array(dtype=float), v: int, c: int, n: int, p: int, per: float, t: int): ...


@wp.func_native("""
    const float *X = scratch.data + t, *Y = X + p, *Z = X + 2 * p;
    const float *A = scratch.data + t0, *B = scratch.data + t1;
    const float* R = (const float*)acc.data + 3 * i;
    const float* M = inverse.data + i;
    float* V = (float*)v.data + 3 * i;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float m = M[j], on = m > 0.0f ? dt : 0.0f;
        V[3 * j] += on * (m * (X[j] - X[j - 1] + B[j] - A[j]) + R[3 * j]);
        V[3 * j + 1] += on * (m * (Y[j] - Y[j - 1] + B[j + p] - A[j + p]) + R[3 * j + 1]);
        V[3 * j + 2] += on * (m * (Z[j] - Z[j - 1] + B[j + 2 * p] - A[j + 2 * p]) + R[3 * j + 2]);
    }
    for (int h = h0; h < h1; ++h) {
        const int j = held.data[h] - i;
        float* F = (float*)force.data + 3 * held.data[h];
        for (int k = 0; k < 3; ++k) F[k] = X[j + k * p] - X[j + k * p - 1] + B[j + k * p] - A[j + k * p];
    }""")
def kick_row(
    scratch: wp.array(dtype=float), t: int, t0: int, t1: int, n: int, p: int, acc: wp.array(dtype=wp.vec3),
    inverse: wp.array(dtype=float), dt: float, held: wp.array(dtype=int), h0: int, h1: int,
    force: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), i: int,
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
def walk_kernel(cloths: Cloths, g: Grids, dt: float):
    """Kick of a whole grid. Buffers: differences (4 rows), u edges of two rows (6 each: strain, force, 1 / length, w),
    v edges (6), what cells give to the u edges above them, of two rows (4 each: coupling, vector), what they give to
    the u edges below and the v edges beside them (10), tensions u (3) and v of two rows (3 each).
    """
    q = wp.tid()
    nx = g.cells[q][0]
    ny = g.cells[q][1]
    n = nx + 1
    p = n + 2 * PAD
    base = g.scratch_start[q] + PAD
    v = base + 16 * p
    cell = base + 30 * p
    t = base + 40 * p
    dx = g.spacing[q][0]
    dy = g.spacing[q][1]
    moduli = g.moduli[q]
    area = dx * dy
    share = g.loss[q][0]
    decay = g.loss[q][1]
    half_g = 0.5 * moduli[3] * area
    half_q = 0.5 * moduli[2] * area
    first = g.start[q]
    held = g.held_start[q]
    held_end = g.held_start[q + 1]
    clear_row(g.scratch, base + 22 * p - PAD, 8 * p)  # cells of no row
    clear_row(g.scratch, base + 43 * p - PAD, 6 * p)  # tensions of no row
    for r in range(ny + 2):
        i = first + r * n
        u = base + (4 + 6 * (r % 2)) * p
        old = base + (4 + 6 * ((r + 1) % 2)) * p
        top = base + (22 + 4 * (r % 2)) * p
        below = base + (22 + 4 * ((r + 1) % 2)) * p
        tv = base + (43 + 3 * (r % 2)) * p
        tv_below = base + (43 + 3 * ((r + 1) % 2)) * p
        if r <= ny:
            difference_row(cloths.x, cloths.x_lo, i, i + 1, nx, g.scratch, base)
            stiff = moduli[0] * area * row_area(r, ny)
            strain_row(g.scratch, base, nx, p, 1.0 / dx, stiff, share, decay, g.memory_u, i, u)
        if r > 0:
            if r <= ny:
                difference_row(cloths.x, cloths.x_lo, i - n, i, n, g.scratch, base)
                strain_row(g.scratch, base, n, p, 1.0 / dy, moduli[1] * area, share, decay, g.memory_v, i - n, v)
                g.scratch[v + p] = 0.5 * g.scratch[v + p]
                g.scratch[v + p + nx] = 0.5 * g.scratch[v + p + nx]
                cell_row(g.scratch, old, u, v, nx, p, half_g, half_q, share, decay, g.memory_s, i - n, top, cell)
                clear_at(g.scratch, cell + nx, 10, p)
                tension_v_row(g.scratch, v, cell, n, p, 1.0 / dy, tv)
            else:
                clear_row(g.scratch, top - PAD, 4 * p)
                clear_row(g.scratch, cell - PAD, 10 * p)
                clear_row(g.scratch, tv - PAD, 3 * p)
            tension_u_row(g.scratch, old, below, top, cell + p, nx, p, 1.0 / dx, t)
            clear_at(g.scratch, t - 1, 3, p)
            clear_at(g.scratch, t + nx, 3, p)
            from_held = held
            while held < held_end and g.held[held] < i:
                held += 1
            kick_row(
                g.scratch, t, tv_below, tv, n, p, cloths.acc, cloths.inv_mass, dt, g.held, from_held, held,
                cloths.force, cloths.v, i - n,
            )  # fmt: skip


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
        n = g.cells[q][0] + 1
        k = i - g.start[q]
        if k % n < g.cells[q][0] and k // n < g.cells[q][1]:
            c = cell_at(cloths, g, q, i)
            half = 0.5 * g.moduli[q][3] * g.spacing[q][0] * g.spacing[q][1]
            mean = remember(g.memory_s, i, 0.25 * wp.dot(c.wu, c.wv), g.loss[q])
            g.shear[i] = half * wp.vec4(
                mean, 0.25 * wp.dot(c.wu, c.dv), 0.25 * wp.dot(c.du, c.wv), 0.25 * wp.dot(c.du, c.dv)
            )


@wp.func
def shear_u(cloths: Cloths, g: Grids, q: int, i: int, side: float):
    """What the cell at i gives to its upper (side 1) or lower (-1) edge."""
    c = cell_at(cloths, g, q, i)
    s = g.shear[i]
    return 0.5 * (s[0] * c.wv + s[1] * c.dv + side * (s[2] * c.wv + s[3] * c.dv))


@wp.func
def shear_v(cloths: Cloths, g: Grids, q: int, i: int, side: float):
    """What the cell at i gives to its right (side 1) or left (-1) edge."""
    c = cell_at(cloths, g, q, i)
    s = g.shear[i]
    return 0.5 * (s[0] * c.wu + s[2] * c.du + side * (s[1] * c.wu + s[3] * c.du))


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
        out += shear_u(cloths, g, q, i, -1.0)
    if row > 0:
        pull += 0.25 * g.moduli[q][2] * area * (g.strain_v[i - n] + g.strain_v[i - n + 1])
        out += shear_u(cloths, g, q, i - n, 1.0)
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
        out += shear_v(cloths, g, q, i, -1.0)
    if column > 0:
        pull += 0.25 * g.moduli[q][2] * area * (g.strain_u[i - 1] + g.strain_u[i - 1 + n])
        out += shear_v(cloths, g, q, i - 1, 1.0)
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


def kick(cloths: Cloths, grids: Grids, *, dt, device):
    """Velocities of all vertices of grids after ``dt`` [s] of membrane and ``acc``; of held ones ``force`` instead."""
    wp.launch(walk_kernel, dim=grids.count, inputs=[cloths, grids, dt], device=device)


def stretch(cloths: Cloths, grids: Grids, *, device):
    """Write ``cloths.force`` of all vertices of grids, one thread per vertex."""
    for kernel in (edge_kernel, shear_kernel, tension_kernel):
        wp.launch(kernel, dim=cloths.vertex_total, inputs=[cloths, grids], device=device)
