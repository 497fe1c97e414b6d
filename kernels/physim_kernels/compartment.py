"""Parts of a gas from which no open side can be reached: there the pressure is known up to a constant only, and an
answer exists only if as much flows in as out. What is too much or too little is shared by the cells of each part.

Cells are joined where the face between them is open; number 0 is the outside, cell (i, j, k) has number
1 + (i ny + j) nz + k. Disjoint sets with the smallest number as root, joined without locks: Playne, Hawick, "A New
Algorithm for Parallel Connected-Component Labelling on GPUs", IEEE TPDS 29 (2018). One thread does the same with the
unbroken runs of cells along z in place of cells, which are few.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

FIND = """
    int* parent = parents.data;
    const auto find = [=](int n) {
        while (parent[n] != n) { parent[n] = parent[parent[n]]; n = parent[n]; }
        return n;
    };
"""


@wp.func_native(
    FIND
    + """
    const int nx = ax.shape[0] - 1, ny = ax.shape[1], nz = ax.shape[2];
    int n = 1;
    parent[0] = 0;
    const auto join = [=](int a, int b) {
        a = find(a); b = find(b);
        if (a < b) parent[b] = a; else parent[a] = b;
    };
    const auto any = [](const float* f, int count) {
        for (int k = 0; k < count; ++k) if (f[k] > 0.0f) return true;
        return false;
    };
    const auto low = [=](int run) { return spans.data[run] & 0xffff; };
    const auto high = [=](int run) { return spans.data[run] >> 16; };
    // runs from p (up to p_end) against those from q (up to q_end), by the faces between the two rows
    const auto meet = [=](int p, int p_end, int q, int q_end, const float* f) {
        while (p < p_end && q < q_end) {
            const int a = low(p) > low(q) ? low(p) : low(q), b = high(p) < high(q) ? high(p) : high(q);
            if (a < b && find(p) != find(q) && any(f + a, b - a)) join(p, q);
            if (high(p) < high(q)) ++p; else ++q;
        }
    };
    const auto leave = [=](int p, int p_end, const float* f) {
        for (; p < p_end; ++p) if (any(f + low(p), high(p) - low(p))) join(p, 0);
    };
    for (int i = 0; i < nx; ++i)
        for (int j = 0; j < ny; ++j) {
            const int row = i * ny + j, start = n;
            const float *X = ax.data + row * nz, *Y = ay.data + (i * (ny + 1) + j) * nz, *Z = az.data + row * (nz + 1);
            const float* I = inverse.data + ((i + 1) * (ny + 2) + j + 1) * (nz + 2) + 1;
            first.data[row] = start;
            int shut = 0;
            for (int k = 1; k < nz; ++k) shut |= !(Z[k] > 0.0f);
            for (int k = 0; k < nz; ++k) {
                if (!(I[k] > 0.0f)) continue;
                const int begin = k;
                if (!shut) k = nz - 1;
                else while (k + 1 < nz && Z[k + 1] > 0.0f) ++k;
                parent[n] = n;
                rows.data[n] = row;
                spans.data[n] = begin | (k + 1) << 16;
                ++n;
            }
            if (n == start) continue;
            if (low(start) == 0 && Z[0] > 0.0f) join(start, 0);
            if (high(n - 1) == nz && Z[nz] > 0.0f) join(n - 1, 0);
            if (i > 0) meet(start, n, first.data[row - ny], first.data[row - ny + 1], X); else leave(start, n, X);
            if (j > 0) meet(start, n, first.data[row - 1], start, Y); else leave(start, n, Y);
            if (i == nx - 1) leave(start, n, X + ny * nz);
            if (j == ny - 1) leave(start, n, Y + nz);
        }
    int closed = 0;
    for (int r = 1; r < n; ++r) if (find(r) != 0) pockets.data[closed++] = r;
    counts.data[0] = closed;
    """
)
def label(
    inverse: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    first: wp.array(dtype=int), parents: wp.array(dtype=int), rows: wp.array(dtype=int), spans: wp.array(dtype=int),
    pockets: wp.array(dtype=int), counts: wp.array(dtype=int),
): ...  # fmt: skip


@wp.kernel
def label_kernel(
    # inputs
    inverse: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    # outputs: per row its first run; per run the set it is in, its row, first cell and one past the last
    first: wp.array(dtype=int), parents: wp.array(dtype=int), rows: wp.array(dtype=int), spans: wp.array(dtype=int),
    # outputs: runs that cannot reach the outside, and how many there are
    pockets: wp.array(dtype=int), counts: wp.array(dtype=int),
):  # fmt: skip
    """All sets by one thread, for boxes that are not periodic."""
    label(inverse, ax, ay, az, first, parents, rows, spans, pockets, counts)


@wp.func_native(
    FIND
    + """
    const int ny = rhs.shape[1] - 2, nz = rhs.shape[2] - 2, closed = counts.data[0];
    const auto cells = [=](int run) {
        const int row = rows.data[run];
        return rhs.data + ((row / ny + 1) * (ny + 2) + row % ny + 1) * (nz + 2) + 1;
    };
    for (int c = 0; c < closed; ++c) total.data[find(pockets.data[c])] = room.data[find(pockets.data[c])] = 0.0;
    for (int c = 0; c < closed; ++c) {
        const int run = pockets.data[c], root = find(run), a = spans.data[run] & 0xffff, b = spans.data[run] >> 16;
        const float* R = cells(run);
        for (int k = a; k < b; ++k) total.data[root] += R[k];
        room.data[root] += b - a;
    }
    for (int c = 0; c < closed; ++c) {
        const int run = pockets.data[c], root = find(run), a = spans.data[run] & 0xffff, b = spans.data[run] >> 16;
        const float mean = total.data[root] / room.data[root];
        float* R = cells(run);
        for (int k = a; k < b; ++k) R[k] -= mean;
    }"""
)
def balance(
    parents: wp.array(dtype=int), rows: wp.array(dtype=int), spans: wp.array(dtype=int), pockets: wp.array(dtype=int),
    counts: wp.array(dtype=int), total: wp.array(dtype=wp.float64), room: wp.array(dtype=wp.float64),
    rhs: wp.array3d(dtype=float),
): ...  # fmt: skip


@wp.kernel
def balance_kernel(
    # inputs
    parents: wp.array(dtype=int), rows: wp.array(dtype=int), spans: wp.array(dtype=int), pockets: wp.array(dtype=int),
    counts: wp.array(dtype=int),
    # scratch
    total: wp.array(dtype=wp.float64), room: wp.array(dtype=wp.float64),
    # in and out
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """Take the mean over each closed part from ``rhs``, which is padded by one cell; by one thread."""
    balance(parents, rows, spans, pockets, counts, total, room, rhs)


# -- many threads ------------------------------------------------------------------------------------------------------


@wp.func
def root_of(parents: wp.array(dtype=int), number: int):
    n = int(number)
    while parents[n] != n:
        n = parents[n]
    return n


@wp.func
def unite(parents: wp.array(dtype=int), one: int, other: int):
    a = root_of(parents, one)
    b = root_of(parents, other)
    while a != b:
        high = wp.max(a, b)
        low = wp.min(a, b)
        before = wp.atomic_min(parents, high, low)
        if before == high:
            a = low
            b = low
        else:  # someone else has put it below ``before``, which now has to join too
            a = root_of(parents, before)
            b = root_of(parents, low)


@wp.kernel
def clear_kernel(parents: wp.array(dtype=int), total: wp.array(dtype=wp.float64), room: wp.array(dtype=wp.float64)):
    n = wp.tid()
    parents[n] = n
    total[n] = wp.float64(0.0)
    room[n] = wp.float64(0.0)


@wp.kernel
def unite_kernel(
    # inputs
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), periodic: int,
    # outputs
    parents: wp.array(dtype=int),
):  # fmt: skip
    i, j, k = wp.tid()
    nx, ny, nz = ax.shape[0] - 1, ax.shape[1], ax.shape[2]
    n = 1 + (i * ny + j) * nz + k
    if ax[i, j, k] > 0.0:
        around = wp.where((periodic & 1) != 0, n + (nx - 1) * ny * nz, 0)
        unite(parents, n, wp.where(i > 0, n - ny * nz, around))
    if ay[i, j, k] > 0.0:
        around = wp.where((periodic & 2) != 0, n + (ny - 1) * nz, 0)
        unite(parents, n, wp.where(j > 0, n - nz, around))
    if az[i, j, k] > 0.0:
        around = wp.where((periodic & 4) != 0, n + nz - 1, 0)
        unite(parents, n, wp.where(k > 0, n - 1, around))
    if i == nx - 1 and (periodic & 1) == 0 and ax[nx, j, k] > 0.0:
        unite(parents, n, 0)
    if j == ny - 1 and (periodic & 2) == 0 and ay[i, ny, k] > 0.0:
        unite(parents, n, 0)
    if k == nz - 1 and (periodic & 4) == 0 and az[i, j, nz] > 0.0:
        unite(parents, n, 0)


@wp.kernel
def settle_kernel(inverse: wp.array3d(dtype=float), parents: wp.array(dtype=int), room: wp.array(dtype=wp.float64)):
    """Every cell below its root, and the cells of each closed part."""
    i, j, k = wp.tid()
    n = 1 + (i * (inverse.shape[1] - 2) + j) * (inverse.shape[2] - 2) + k
    if inverse[i + 1, j + 1, k + 1] > 0.0:
        root = root_of(parents, n)
        parents[n] = root
        if root > 0:
            wp.atomic_add(room, root, wp.float64(1.0))


@wp.kernel
def sum_kernel(
    inverse: wp.array3d(dtype=float), parents: wp.array(dtype=int), rhs: wp.array3d(dtype=float),
    total: wp.array(dtype=wp.float64),
):  # fmt: skip
    i, j, k = wp.tid()
    root = parents[1 + (i * (inverse.shape[1] - 2) + j) * (inverse.shape[2] - 2) + k]
    if root > 0 and inverse[i + 1, j + 1, k + 1] > 0.0:
        wp.atomic_add(total, root, wp.float64(rhs[i + 1, j + 1, k + 1]))


@wp.kernel
def share_kernel(
    # inputs
    inverse: wp.array3d(dtype=float), parents: wp.array(dtype=int), total: wp.array(dtype=wp.float64),
    room: wp.array(dtype=wp.float64),
    # in and out
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, k = wp.tid()
    root = parents[1 + (i * (inverse.shape[1] - 2) + j) * (inverse.shape[2] - 2) + k]
    if root > 0 and inverse[i + 1, j + 1, k + 1] > 0.0:
        rhs[i + 1, j + 1, k + 1] = rhs[i + 1, j + 1, k + 1] - float(total[root] / room[root])
