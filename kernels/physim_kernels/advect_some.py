"""Advection of a scalar that is zero in most of the box: rows that none of it can reach are cleared.

The same arithmetic as ``advect.cubic_rows_kernel`` in all others. For boxes that are not periodic across x and y, and
whose ghosts are zero or come from the rows inside.
"""

import warp as wp

from physim_kernels.advect import cubic_row

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const float* F = f.data + (i * f.shape[1] + j) * f.shape[2];
    int found = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < f.shape[2]; ++k) found |= F[k] != 0.0f ? 1 : 0;
    return found;""")
def occupied(f: wp.array3d(dtype=float), i: int, j: int) -> int: ...


@wp.kernel
def occupied_kernel(f: wp.array3d(dtype=float), rows: wp.array2d(dtype=int)):
    """Whether a row holds anything; ``f`` has no ghosts."""
    i, j = wp.tid()
    rows[i, j] = occupied(f, i, j)


@wp.func_native("""
    const float* D = d.data + (i * d.shape[1] + j) * d.shape[2];
    float most[8] = {0};
    const int n = d.shape[2];
    int k = 0;
    const auto see = [&](int k, int lane) {
        const float size = D[k] < 0.0f ? -D[k] : D[k];
        most[lane] = size > most[lane] ? size : most[lane];
    };
    for (; k + 8 <= n; k += 8)
        for (int lane = 0; lane < 8; ++lane) see(k + lane, lane);
    for (int lane = 0; k + lane < n; ++lane) see(k + lane, lane);
    for (int lane = 1; lane < 8; ++lane) most[0] = most[lane] > most[0] ? most[lane] : most[0];
    return most[0] < 1e4f ? (int)most[0] + 1 : 10000;""")
def farthest(d: wp.array3d(dtype=float), i: int, j: int) -> int: ...


@wp.func_native("""
    float* F = f.data + (i * f.shape[1] + j) * f.shape[2];
    for (int k = 0; k < f.shape[2]; ++k) F[k] = 0.0f;""")
def clear_row(f: wp.array3d(dtype=float), i: int, j: int): ...


@wp.kernel
def cubic_some_rows_kernel(
    # inputs: a padded scalar, the rows (nx, ny) that hold some of it, displacement of the cells
    f: wp.array3d(dtype=float), rows: wp.array2d(dtype=int),
    dx: wp.array3d(dtype=float), dy: wp.array3d(dtype=float), dz: wp.array3d(dtype=float),
    low: wp.vec3, high: wp.vec3,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    i, j = wp.tid()
    # the way, and the two samples on each side of where it ends
    x, y = farthest(dx, i, j) + 2, farthest(dy, i, j) + 2
    found = int(0)
    for a in range(wp.max(i - x, 0), wp.min(i + x + 1, rows.shape[0])):
        for b in range(wp.max(j - y, 0), wp.min(j + y + 1, rows.shape[1])):
            found = found | rows[a, b]
    if found != 0:
        cubic_row(f, dx, dy, dz, -1, low, high, 0, out, i, j)
    else:
        clear_row(out, i, j)
