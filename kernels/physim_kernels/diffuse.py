"""Weighted diffusion on a picture: multigrid for a screened membrane with edge weights.

Minimises, on a grid of pixels,

    E(x) = 1/2 sum_edges w_ij (x_i - x_j)^2 + 1/2 sum_i s_i (x_i - t_i)^2

so that ``A x = b`` with ``A x = s x + sum_j w_ij (x_i - x_j)`` and ``b = s t``. ``weight_u[v, u]`` joins (v, u) with
(v, u + 1), ``weight_v[v, u]`` joins it with (v + 1, u). Every array is padded by one pixel on each side, where weights
and values are zero: no kernel asks whether it stands at the border, which makes the sweeps twice as fast on a CPU.

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


# A row in one go: side by side on a CPU, where a thread takes a row; one pixel on a GPU, where it takes that.


@wp.func_native("""
    const long long n = x.shape[1], at = i * n;
    const double *u = weight_u.data + at, *v = weight_v.data + at, *above = v - n, *s = screen.data + at;
    const double *r = b.data + at;
    double *o = x.data + at;
#pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < count; ++k) {
        const int j = first + 2 * k;
        const double right = u[j], left = u[j - 1], below = v[j], over = above[j];
        const double moment = right * o[j + 1] + left * o[j - 1] + below * o[j + n] + over * o[j - n];
        const double diagonal = s[j] + (right + left + below + over);
        o[j] = diagonal > 0.0 ? (r[j] + moment) / (diagonal > 0.0 ? diagonal : 1.0) : o[j];
    }
""")
def relax_row(
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    x: wp.array2d(dtype=wp.float64),
    i: int,
    first: int,
    count: int,
):
    """Gauss-Seidel at every second of ``2 count`` pixels of row i from column ``first`` on."""
    ...


@wp.func_native("""
    const long long n = x.shape[1], at = i * n;
    const double *u = weight_u.data + at, *v = weight_v.data + at, *above = v - n, *s = screen.data + at;
    const double *y = x.data + at, *r = b.data + at;
    double *o = out.data + at;
#pragma clang loop vectorize(assume_safety)
    for (int j = first; j < first + count; ++j) {
        const double right = u[j], left = u[j - 1], below = v[j], over = above[j];
        const double moment = right * y[j + 1] + left * y[j - 1] + below * y[j + n] + over * y[j - n];
        o[j] = sign * ((s[j] + (right + left + below + over)) * y[j] - moment) + part * r[j];
    }
""")
def stencil_row(
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    x: wp.array2d(dtype=wp.float64),
    sign: wp.float64,
    part: wp.float64,
    i: int,
    first: int,
    count: int,
    out: wp.array2d(dtype=wp.float64),
):
    """``sign A x + part b`` at ``count`` pixels of row i from column ``first`` on."""
    ...


@wp.kernel
def relax_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    colour: int,
    strip: int,
    # outputs
    x: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    odd = (row + colour) % 2
    last = wp.min(block * strip + strip, (x.shape[1] - 1 - odd) // 2)
    relax_row(weight_u, weight_v, screen, b, x, row + 1, 2 * block * strip + 1 + odd, last - block * strip)


@wp.kernel
def residual_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    x: wp.array2d(dtype=wp.float64),
    strip: int,
    # outputs
    r: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    one = wp.float64(1.0)
    count = wp.min(strip, x.shape[1] - 2 - block * strip)
    stencil_row(weight_u, weight_v, screen, b, x, -one, one, row + 1, block * strip + 1, count, r)


@wp.kernel
def apply_kernel(
    # inputs
    weight_u: wp.array2d(dtype=wp.float64),
    weight_v: wp.array2d(dtype=wp.float64),
    screen: wp.array2d(dtype=wp.float64),
    p: wp.array2d(dtype=wp.float64),
    strip: int,
    # outputs
    q: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    count = wp.min(strip, p.shape[1] - 2 - block * strip)
    one = wp.float64(1.0)
    stencil_row(weight_u, weight_v, screen, p, p, one, wp.float64(0.0), row + 1, block * strip + 1, count, q)


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
    row, column = wp.tid()
    i = 2 * row + 1
    j = 2 * column + 1
    # an odd last row or column has no partner: its weights beyond the border are zero, and nothing lies out of bounds
    has_row = i + 1 < screen.shape[0] - 1
    has_column = j + 1 < screen.shape[1] - 1
    across_u = wp.float64(0.0)
    across_v = wp.float64(0.0)
    held = screen[i, j]
    if has_column:
        across_u += weight_u[i, j + 1]
        held += screen[i, j + 1]
    if has_row:
        across_v += weight_v[i + 1, j]
        held += screen[i + 1, j]
    if has_row and has_column:
        across_u += weight_u[i + 1, j + 1]
        across_v += weight_v[i + 1, j + 1]
        held += screen[i + 1, j + 1]
    coarse_u[row + 1, column + 1] = across_u
    coarse_v[row + 1, column + 1] = across_v
    coarse_screen[row + 1, column + 1] = held


@wp.kernel
def restrict_kernel(
    # inputs
    r: wp.array2d(dtype=wp.float64),
    strip: int,
    # outputs
    coarse_b: wp.array2d(dtype=wp.float64),
    coarse_x: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    for column in range(block * strip, wp.min(block * strip + strip, coarse_b.shape[1] - 2)):
        i = 2 * row + 1
        j = 2 * column + 1
        # the padding of r is zero, so that an odd last row or column needs no care
        coarse_b[row + 1, column + 1] = r[i, j] + r[i, j + 1] + r[i + 1, j] + r[i + 1, j + 1]
        coarse_x[row + 1, column + 1] = wp.float64(0.0)


@wp.func_native("""
    const double* c = coarse.data + (long long)(i / 2 + (i & 1)) * coarse.shape[1];
    double* o = x.data + (long long)i * x.shape[1];
    const int last = first + count;
    if (count > 1) {
#pragma clang loop vectorize(assume_safety)
        for (int k = 1; 2 * k < last; ++k) {
            const double step = scale * c[k];
            o[2 * k - 1] += step;
            o[2 * k] += step;
        }
        if (last & 1) return;
    }
    o[last - 1] += scale * c[last / 2];
""")
def prolong_row(
    coarse: wp.array2d(dtype=wp.float64),
    scale: wp.float64,
    i: int,
    first: int,
    count: int,
    x: wp.array2d(dtype=wp.float64),
):
    """Add ``scale`` times the aggregates to ``count`` pixels of row i: one, or all from column 1 on."""
    ...


@wp.kernel
def prolong_kernel(
    # inputs
    coarse_x: wp.array2d(dtype=wp.float64),
    overcorrection: wp.float64,
    strip: int,
    # outputs
    x: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    count = wp.min(strip, x.shape[1] - 2 - block * strip)
    prolong_row(coarse_x, overcorrection, row + 1, block * strip + 1, count, x)


@wp.func_native("""
    const double *x = a.data + (long long)i * a.shape[1], *y = b.data + (long long)i * b.shape[1];
    const int n = a.shape[1];
    double part[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    int j = 0;
    for (; j + 8 <= n; j += 8)
        for (int k = 0; k < 8; ++k) part[k] += x[j + k] * y[j + k];
    for (; j < n; ++j) part[j & 7] += x[j] * y[j];
    return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
""")
def dot_row(a: wp.array2d(dtype=wp.float64), b: wp.array2d(dtype=wp.float64), i: int) -> wp.float64:
    """Of row i, in eight sums side by side: always in the same order."""
    ...


@wp.kernel
def row_dot_kernel(
    # inputs
    a: wp.array2d(dtype=wp.float64),
    b: wp.array2d(dtype=wp.float64),
    # outputs
    rows: wp.array(dtype=wp.float64),
):
    i = wp.tid()
    rows[i] = dot_row(a, b, i)


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


@wp.func_native("""
    const long long at = (long long)i * x.shape[1];
    const double *d = p.data + at, *c = q.data + at;
    double *ox = x.data + at, *orr = r.data + at, *oz = z.data + at;
#pragma clang loop vectorize(assume_safety)
    for (int j = first; j < first + count; ++j) {
        ox[j] += alpha * d[j];
        orr[j] -= alpha * c[j];
        oz[j] = 0.0;
    }
""")
def advance_row(
    alpha: wp.float64,
    p: wp.array2d(dtype=wp.float64),
    q: wp.array2d(dtype=wp.float64),
    i: int,
    first: int,
    count: int,
    x: wp.array2d(dtype=wp.float64),
    r: wp.array2d(dtype=wp.float64),
    z: wp.array2d(dtype=wp.float64),
):
    """``x += alpha p``, ``r -= alpha q``; z starts from zero in the cycle that follows."""
    ...


@wp.kernel
def advance_kernel(
    # inputs
    scalars: wp.array(dtype=wp.float64),
    p: wp.array2d(dtype=wp.float64),
    q: wp.array2d(dtype=wp.float64),
    strip: int,
    # outputs
    x: wp.array2d(dtype=wp.float64),
    r: wp.array2d(dtype=wp.float64),
    z: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    alpha = wp.float64(0.0)
    if scalars[PQ] > wp.float64(0.0):
        alpha = scalars[RZ] / scalars[PQ]
    count = wp.min(strip, x.shape[1] - 2 - block * strip)
    advance_row(alpha, p, q, row + 1, block * strip + 1, count, x, r, z)


@wp.func_native("""
    const double* c = z.data + (long long)i * z.shape[1];
    double* o = p.data + (long long)i * p.shape[1];
#pragma clang loop vectorize(assume_safety)
    for (int j = first; j < first + count; ++j) o[j] = c[j] + beta * o[j];
""")
def direct_row(
    beta: wp.float64,
    z: wp.array2d(dtype=wp.float64),
    i: int,
    first: int,
    count: int,
    p: wp.array2d(dtype=wp.float64),
):
    """``p = z + beta p``"""
    ...


@wp.kernel
def direct_kernel(
    # inputs
    scalars: wp.array(dtype=wp.float64),
    z: wp.array2d(dtype=wp.float64),
    strip: int,
    # outputs
    p: wp.array2d(dtype=wp.float64),
):
    row, block = wp.tid()
    beta = wp.float64(0.0)
    if scalars[RZ_OLD] > wp.float64(0.0):
        beta = scalars[RZ] / scalars[RZ_OLD]
    count = wp.min(strip, p.shape[1] - 2 - block * strip)
    direct_row(beta, z, row + 1, block * strip + 1, count, p)


# ---- launches --------------------------------------------------------------------------------------------------------


def sweep(kernel, shape, inputs, outputs, device):
    """Launch over (rows, columns): a thread takes one pixel on a GPU, and a whole row on a CPU, where calls cost."""
    rows, columns = shape
    strip = columns if device.is_cpu else 1
    wp.launch(kernel, dim=(rows, -(-columns // strip)), inputs=[*inputs, strip], outputs=outputs, device=device)


def inner(array):
    """(rows, columns) of a padded array."""
    return array.shape[0] - 2, array.shape[1] - 2


def coarsen(fine, coarse):
    """Fill ``coarse`` (weight_u, weight_v, screen) with the Galerkin sums of ``fine``, half its size rounded up."""
    wp.launch(coarsen_kernel, dim=inner(coarse[2]), inputs=list(fine), outputs=list(coarse), device=fine[2].device)


def dot(a, b, rows, scalars, slot):
    """``scalars[slot] = a . b``; writing r.z keeps the one before in its own slot. Summed in a fixed order."""
    wp.launch(row_dot_kernel, dim=a.shape[0], inputs=[a, b], outputs=[rows], device=a.device)
    wp.launch(sum_kernel, dim=1, inputs=[rows, int(slot)], outputs=[scalars], device=a.device)


def relax(level, order, sweeps):
    """Gauss-Seidel in the given order of the two colours."""
    u, v, s, b, x, _ = level
    half = (x.shape[0] - 2, (x.shape[1] - 1) // 2)
    for _ in range(sweeps):
        for colour in order:
            sweep(relax_kernel, half, [u, v, s, b, colour], [x], x.device)


def cycle(levels, sweeps=2, overcorrection=1.5):
    """One symmetric V-cycle on ``levels``: tuples (weight_u, weight_v, screen, b, x, r), finest first, x[0] zero."""
    device = levels[0][2].device
    for k in range(len(levels) - 1):
        u, v, s, b, x, r = levels[k]
        coarse_b, coarse_x = levels[k + 1][3:5]
        relax(levels[k], (0, 1), sweeps)
        sweep(residual_kernel, inner(x), [u, v, s, b, x], [r], device)
        sweep(restrict_kernel, inner(coarse_b), [r], [coarse_b, coarse_x], device)
    relax(levels[-1], (0, 1), 4)  # the coarsest level is a handful of pixels
    relax(levels[-1], (1, 0), 4)
    for k in reversed(range(len(levels) - 1)):
        x, coarse_x = levels[k][4], levels[k + 1][4]
        sweep(prolong_kernel, inner(x), [coarse_x, wp.float64(overcorrection)], [x], device)
        relax(levels[k], (1, 0), sweeps)


def iteration(levels, x, p, q, rows, scalars):
    """One step of preconditioned conjugate gradients; the finest level's b is the residual, its x is z."""
    u, v, s, r, z, _ = levels[0]
    device = s.device
    sweep(apply_kernel, inner(x), [u, v, s, p], [q], device)
    dot(p, q, rows, scalars, PQ)
    sweep(advance_kernel, inner(x), [scalars, p, q], [x, r, z], device)
    cycle(levels)
    dot(r, z, rows, scalars, RZ)
    dot(r, r, rows, scalars, RR)
    sweep(direct_kernel, inner(x), [scalars, z], [p], device)


def start(levels, p, rows, scalars):
    """First direction from the residual in the finest level's b; its x must be zero."""
    r, z = levels[0][3], levels[0][4]
    cycle(levels)
    scalars.zero_()
    dot(r, z, rows, scalars, RZ)
    dot(r, r, rows, scalars, RR)
    wp.copy(p, z)
