"""Cells that a moving body has closed hand the density in them on to those that are still open.

The density is padded by three cells on each side as in ``transport``; a closed cell has no open face.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const int nz = ax.shape[2], fx = ax.shape[1] * nz, o = i * fx + j * nz;
    const float *AX = ax.data + o, *AY = ay.data + (i * ay.shape[1] + j) * nz;
    const float* AZ = az.data + (i * az.shape[1] + j) * (nz + 1);
    const float* Q = q.data + ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    int found = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < nz; ++k) {
        const float open = AX[k] + AX[k + fx] + AY[k] + AY[k + nz] + AZ[k] + AZ[k + 1];
        found |= (open > 0.0f ? 0 : 1) & (Q[k] != 0.0f ? 1 : 0);
    }
    return found;""")
def trapped(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    i: int, j: int,
) -> int: ...  # fmt: skip


@wp.kernel
def trapped_kernel(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    rows: wp.array2d(dtype=int),
):  # fmt: skip
    """Whether a row has closed cells that hold some density."""
    i, j = wp.tid()
    rows[i, j] = trapped(q, ax, ay, az, i, j)


@wp.func
def is_open(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> bool:
    a = ax[i, j, k] + ax[i + 1, j, k] + ay[i, j, k] + ay[i, j + 1, k] + az[i, j, k] + az[i, j, k + 1]
    return a > 0.0


@wp.func
def openness(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> float:
    """1 if the cell exists and a face of it is open."""
    inside = i >= 0 and j >= 0 and k >= 0 and i < ay.shape[0] and j < ax.shape[1] and k < ax.shape[2]
    if not inside:
        return 0.0
    return wp.where(is_open(ax, ay, az, i, j, k), 1.0, 0.0)


@wp.func
def neighbours(ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), i: int, j: int, k: int) -> float:
    """How many of the six there are."""
    count = float(6.0)
    count -= wp.where(i == 0, 1.0, 0.0) + wp.where(i == ay.shape[0] - 1, 1.0, 0.0)
    count -= wp.where(j == 0, 1.0, 0.0) + wp.where(j == ax.shape[1] - 1, 1.0, 0.0)
    count -= wp.where(k == 0, 1.0, 0.0) + wp.where(k == ax.shape[2] - 1, 1.0, 0.0)
    return count


@wp.func
def ways_out(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> float:
    """How many of a cell's neighbours are open."""
    count = openness(ax, ay, az, i - 1, j, k) + openness(ax, ay, az, i + 1, j, k)
    count += openness(ax, ay, az, i, j - 1, k) + openness(ax, ay, az, i, j + 1, k)
    return count + openness(ax, ay, az, i, j, k - 1) + openness(ax, ay, az, i, j, k + 1)


@wp.func
def near_open(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> float:
    """1 if the cell exists and has an open neighbour."""
    inside = i >= 0 and j >= 0 and k >= 0 and i < ay.shape[0] and j < ax.shape[1] and k < ax.shape[2]
    if not inside:
        return 0.0
    return wp.where(ways_out(ax, ay, az, i, j, k) > 0.0, 1.0, 0.0)


@wp.func
def share(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    i: int, j: int, k: int, to: wp.vec3i, to_open: float,
) -> float:  # fmt: skip
    """What a closed cell gives to its neighbour ``to``: all to open ones if there are any, else all to those that have
    one beside them, else as much to each.
    """
    held = q[i + 3, j + 3, k + 3]
    if held == 0.0 or openness(ax, ay, az, i, j, k) > 0.0:
        return 0.0
    count = ways_out(ax, ay, az, i, j, k)
    if count > 0.0:
        return to_open * held / count
    count = near_open(ax, ay, az, i - 1, j, k) + near_open(ax, ay, az, i + 1, j, k)
    count += near_open(ax, ay, az, i, j - 1, k) + near_open(ax, ay, az, i, j + 1, k)
    count += near_open(ax, ay, az, i, j, k - 1) + near_open(ax, ay, az, i, j, k + 1)
    if count > 0.0:
        return near_open(ax, ay, az, to[0], to[1], to[2]) * held / count
    return held / neighbours(ax, ay, i, j, k)


@wp.func_native("""
    const int o = ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    for (int k = k0; k < k1; ++k) q_out.data[o + k] = q.data[o + k];""")
def copy_row(q: wp.array3d(dtype=float), q_out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int): ...


@wp.func
def hand_over(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    last: int, q_out: wp.array3d(dtype=float), i: int, j: int, k: int,
):  # fmt: skip
    here = openness(ax, ay, az, i, j, k)
    total = q[i + 3, j + 3, k + 3] * here
    if last == 0 or here > 0.0:
        to = wp.vec3i(i, j, k)
        total += share(q, ax, ay, az, i - 1, j, k, to, here) + share(q, ax, ay, az, i + 1, j, k, to, here)
        total += share(q, ax, ay, az, i, j - 1, k, to, here) + share(q, ax, ay, az, i, j + 1, k, to, here)
        total += share(q, ax, ay, az, i, j, k - 1, to, here) + share(q, ax, ay, az, i, j, k + 1, to, here)
    q_out[i + 3, j + 3, k + 3] = total


@wp.kernel
def hand_over_kernel(
    # inputs
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    rows: wp.array2d(dtype=int), last: int, chunk: int,
    # outputs
    q_out: wp.array3d(dtype=float),
):  # fmt: skip
    """Cells that a body has closed hand their density on, one cell outwards per call; the last call empties them.

    ``rows`` says which rows have such cells (``trapped_kernel``): others far from them are copied.
    """
    i, j, c = wp.tid()
    k0 = c * chunk
    k1 = wp.min(k0 + chunk, az.shape[2] - 1)
    near = rows[i, j] + rows[wp.max(i - 1, 0), j] + rows[wp.min(i + 1, rows.shape[0] - 1), j]
    near += rows[i, wp.max(j - 1, 0)] + rows[i, wp.min(j + 1, rows.shape[1] - 1)]
    if near == 0:
        copy_row(q, q_out, i, j, k0, k1)
        return
    for k in range(k0, k1):
        hand_over(q, ax, ay, az, last, q_out, i, j, k)
