"""Weighted diffusion on a picture: multigrid for a screened membrane with edge weights.

Minimises, on a grid of pixels,

    E(x) = 1/2 sum_edges w_ij (x_i - x_j)^2 + 1/2 sum_i s_i (x_i - t_i)^2

so that ``A x = b`` with ``A x = s x + sum_j w_ij (x_i - x_j)`` and ``b = s t``. ``weight_u[v, u]`` joins (v, u) with
(v, u + 1), ``weight_v[v, u]`` joins it with (v + 1, u); the last column and row of them are not used.

Solved by conjugate gradients, preconditioned with one V(2,2) cycle over unsmoothed 2 x 2 aggregates (Notay 2010): the
Galerkin operator of aggregates is again a five-point stencil whose weights are plain sums, so that a strong edge stays
an edge on every level. Red-black Gauss-Seidel forward before and backward after keeps the cycle symmetric.

Scalars of the iteration stay on the device in ``scalars``: [0] p.Ap, [1] r.z, [2] r.z of the step before, [3] r.r.
float64 throughout: the fill works on logarithms over many decades of weight, and picture-sized problems are cheap.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

PQ = wp.constant(0)
RZ = wp.constant(1)
RZ_OLD = wp.constant(2)
RR = wp.constant(3)


@wp.func
def neighbour_sums(
    x: wp.array2d(dtype=wp.float64),
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    i: int,
    j: int,
):
    """Sum of w and of w x over the four neighbours of row i, column j, as (sum w, sum w x)."""
    rows = x.shape[0]
    cols = x.shape[1]
    total = wp.float64(0.0)
    moment = wp.float64(0.0)
    if j + 1 < cols:
        w = weight_u[i, j]
        total += w
        moment += w * x[i, j + 1]
    if j > 0:
        w = weight_u[i, j - 1]
        total += w
        moment += w * x[i, j - 1]
    if i + 1 < rows:
        w = weight_v[i, j]
        total += w
        moment += w * x[i + 1, j]
    if i > 0:
        w = weight_v[i - 1, j]
        total += w
        moment += w * x[i - 1, j]
    return wp.vec2d(total, moment)


@wp.kernel
def relax_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    colour: int,
    # outputs
    x: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    if (i + j) % 2 == colour:
        sums = neighbour_sums(x, weight_u, weight_v, i, j)
        diagonal = screen[i, j] + sums[0]
        if diagonal > wp.float64(0.0):
            x[i, j] = (b[i, j] + sums[1]) / diagonal


@wp.kernel
def residual_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    x: wp.array2d(dtype=wp.float64),
    # outputs
    r: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    sums = neighbour_sums(x, weight_u, weight_v, i, j)
    r[i, j] = b[i, j] - (screen[i, j] + sums[0]) * x[i, j] + sums[1]


@wp.kernel
def apply_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    p: wp.array2d(dtype=wp.float64),
    # outputs
    q: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    sums = neighbour_sums(p, weight_u, weight_v, i, j)
    q[i, j] = (screen[i, j] + sums[0]) * p[i, j] - sums[1]


@wp.kernel
def coarsen_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    # outputs
    coarse_u: wp.array2d(dtype=wp.float64),
    coarse_v: wp.array2d(dtype=wp.float64),
    coarse_screen: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    rows = screen.shape[0]
    cols = screen.shape[1]
    across_u = wp.float64(0.0)
    across_v = wp.float64(0.0)
    held = wp.float64(0.0)
    for a in range(2):
        for c in range(2):
            fi = 2 * i + a
            fj = 2 * j + c
            if fi < rows and fj < cols:
                held += screen[fi, fj]
                if c == 1 and fj + 1 < cols:
                    across_u += weight_u[fi, fj]
                if a == 1 and fi + 1 < rows:
                    across_v += weight_v[fi, fj]
    coarse_u[i, j] = across_u
    coarse_v[i, j] = across_v
    coarse_screen[i, j] = held


@wp.kernel
def restrict_kernel(
    # inputs
    r: wp.array2d(dtype=wp.float64),
    # outputs
    coarse_b: wp.array2d(dtype=wp.float64),
    coarse_x: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    total = wp.float64(0.0)
    for a in range(2):
        for c in range(2):
            if 2 * i + a < r.shape[0] and 2 * j + c < r.shape[1]:
                total += r[2 * i + a, 2 * j + c]
    coarse_b[i, j] = total
    coarse_x[i, j] = wp.float64(0.0)


@wp.kernel
def prolong_kernel(
    # inputs
    coarse_x: wp.array2d(dtype=wp.float64),
    overcorrection: wp.float64,
    # outputs
    x: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    x[i, j] = x[i, j] + overcorrection * coarse_x[i // 2, j // 2]


@wp.kernel
def row_dot_kernel(
    # inputs
    a: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    # outputs
    rows: wp.array(dtype=wp.float64),
):
    i = wp.tid()
    total = wp.float64(0.0)
    for j in range(a.shape[1]):
        total += a[i, j] * b[i, j]
    rows[i] = total


@wp.kernel
def sum_kernel(
    # inputs
    rows: wp.array(dtype=wp.float64),
    slot: int,
    # outputs
    scalars: wp.array(dtype=wp.float64),
):
    total = wp.float64(0.0)
    for i in range(rows.shape[0]):
        total += rows[i]
    if slot == RZ:
        scalars[RZ_OLD] = scalars[RZ]
    scalars[slot] = total


@wp.kernel
def advance_kernel(
    # inputs
    scalars: wp.array(dtype=wp.float64),
    p: wp.array2d(dtype=wp.float64),
    q: wp.array2d(dtype=wp.float64),
    # outputs
    x: wp.array2d(dtype=wp.float64),
    r: wp.array2d(dtype=wp.float64),
    z: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    alpha = wp.float64(0.0)
    if scalars[PQ] > wp.float64(0.0):
        alpha = scalars[RZ] / scalars[PQ]
    x[i, j] = x[i, j] + alpha * p[i, j]
    r[i, j] = r[i, j] - alpha * q[i, j]
    z[i, j] = wp.float64(0.0)  # the cycle that follows starts from zero


@wp.kernel
def direct_kernel(
    # inputs
    scalars: wp.array(dtype=wp.float64),
    z: wp.array2d(dtype=wp.float64),
    # outputs
    p: wp.array2d(dtype=wp.float64),
):
    i, j = wp.tid()
    beta = wp.float64(0.0)
    if scalars[RZ_OLD] > wp.float64(0.0):
        beta = scalars[RZ] / scalars[RZ_OLD]
    p[i, j] = z[i, j] + beta * p[i, j]


# ---- launches --------------------------------------------------------------------------------------------------------


def coarsen(fine, coarse):
    """Fill ``coarse`` (weight_u, weight_v, screen) with the Galerkin sums of ``fine``, half its size rounded up."""
    wp.launch(coarsen_kernel, dim=coarse[2].shape, inputs=list(fine), outputs=list(coarse), device=fine[2].device)


def dot(a, b, rows, scalars, slot):
    """``scalars[slot] = a . b``; writing r.z keeps the one before in its own slot. Summed in a fixed order."""
    wp.launch(row_dot_kernel, dim=a.shape[0], inputs=[a, b], outputs=[rows], device=a.device)
    wp.launch(sum_kernel, dim=1, inputs=[rows, int(slot)], outputs=[scalars], device=a.device)


def cycle(levels, sweeps=2, overcorrection=1.5):
    """One symmetric V-cycle on ``levels``: tuples (weight_u, weight_v, screen, b, x, r), finest first, x[0] zero."""
    device = levels[0][2].device

    def relax(level, order):
        u, v, s, b, x, _ = level
        for _ in range(sweeps):
            for colour in order:
                wp.launch(relax_kernel, dim=x.shape, inputs=[u, v, s, b, colour], outputs=[x], device=device)

    for k in range(len(levels) - 1):
        fine, coarse = levels[k], levels[k + 1]
        relax(fine, (0, 1))
        u, v, s, b, x, r = fine
        wp.launch(residual_kernel, dim=x.shape, inputs=[u, v, s, b, x], outputs=[r], device=device)
        wp.launch(restrict_kernel, dim=coarse[4].shape, inputs=[r], outputs=[coarse[3], coarse[4]], device=device)
    for _ in range(4):  # the coarsest level is a handful of pixels
        relax(levels[-1], (0, 1))
        relax(levels[-1], (1, 0))
    for k in reversed(range(len(levels) - 1)):
        fine, coarse = levels[k], levels[k + 1]
        scale = wp.float64(overcorrection)
        wp.launch(prolong_kernel, dim=fine[4].shape, inputs=[coarse[4], scale], outputs=[fine[4]], device=device)
        relax(fine, (1, 0))


def iteration(levels, x, p, q, rows, scalars):
    """One step of preconditioned conjugate gradients; the finest level's b is the residual, its x is z."""
    u, v, s, r, z, _ = levels[0]
    device = s.device
    wp.launch(apply_kernel, dim=x.shape, inputs=[u, v, s, p], outputs=[q], device=device)
    dot(p, q, rows, scalars, PQ)
    wp.launch(advance_kernel, dim=x.shape, inputs=[scalars, p, q], outputs=[x, r, z], device=device)
    cycle(levels)
    dot(r, z, rows, scalars, RZ)
    dot(r, r, rows, scalars, RR)
    wp.launch(direct_kernel, dim=x.shape, inputs=[scalars, z], outputs=[p], device=device)


def start(levels, p, rows, scalars):
    """First direction from the residual in the finest level's b; its x must be zero."""
    r, z = levels[0][3], levels[0][4]
    cycle(levels)
    scalars.zero_()
    dot(r, z, rows, scalars, RZ)
    dot(r, r, rows, scalars, RR)
    wp.copy(p, z)
