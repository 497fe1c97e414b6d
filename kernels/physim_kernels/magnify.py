"""A picture on a coarse grid made as large as its frame: Catmull-Rom in linear light, only where it differs.

Per output pixel, with ``up`` the enlargement, ``now`` the coarse picture, ``was`` the coarse photo and ``base`` the
photo at full size::

    out = srgb(up(now)) + w (base - srgb(up(was)))

so that what the coarse grid lacks of the photo is kept where the picture has not changed (w = 1) and given up where it
has (w = 0). A pixel whose 4 x 4 coarse neighbours have not changed at all is a copy of ``base``, to the bit.

Along the rows first, where there are few of them; what is left are sums of four rows, one after the other in memory.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

TILE = (16, 256)
"""Rows and columns of the pieces of the output that are done or left alone as a whole: long runs of memory."""
IDLE, MIXED, WHOLE = 0, 1, 2
"""Kinds of tiles: nothing has changed, some has, everything has and nothing is kept."""


@wp.kernel
def across_kernel(
    # inputs
    picture: wp.array2d(dtype=wp.vec3),
    index: wp.array2d(dtype=wp.int32),
    weight: wp.array(dtype=wp.vec4),
    first: int,
    # outputs
    out: wp.array2d(dtype=wp.vec3),
):
    j, u = wp.tid()
    v = first + j
    w = weight[u]
    left = w[0] * picture[v, index[u, 0]] + w[1] * picture[v, index[u, 1]]
    out[v, u] = left + w[2] * picture[v, index[u, 2]] + w[3] * picture[v, index[u, 3]]


@wp.func
def table_at(linear: wp.vec3, table: wp.array(dtype=wp.float32)):
    last = float(table.shape[0] - 1)
    r = int(wp.clamp(linear[0], 0.0, 1.0) * last + 0.5)
    g = int(wp.clamp(linear[1], 0.0, 1.0) * last + 0.5)
    b = int(wp.clamp(linear[2], 0.0, 1.0) * last + 0.5)
    return wp.vec3(table[r], table[g], table[b])


@wp.func
def column_sum(wide: wp.array2d(dtype=wp.vec3), v: int, u: int, index: wp.array2d(dtype=wp.int32), w: wp.vec4):
    top = w[0] * wide[index[v, 0], u] + w[1] * wide[index[v, 1], u]
    return top + w[2] * wide[index[v, 2], u] + w[3] * wide[index[v, 3], u]


@wp.func_native("""
    const int cols = wide.shape[1], n = 3 * ((start + count < cols ? start + count : cols) - start);
    const float* in = reinterpret_cast<const float*>(wide.data) + 3 * start;
    const float* a = in + 3 * (long long)cols * index.data[4 * v];
    const float* b = in + 3 * (long long)cols * index.data[4 * v + 1];
    const float* c = in + 3 * (long long)cols * index.data[4 * v + 2];
    const float* d = in + 3 * (long long)cols * index.data[4 * v + 3];
    float* o = reinterpret_cast<float*>(out.data) + 3 * ((long long)cols * v + start);
    const float wa = w[0], wb = w[1], wc = w[2], wd = w[3], last = (float)(table.shape[0] - 1);
    int at[768];
#pragma clang loop vectorize(enable)
    for (int k = 0; k < n; ++k) {
        float x = wa * a[k] + wb * b[k] + (wc * c[k] + wd * d[k]);
        x = x < 0.0f ? 0.0f : x;
        x = x > 1.0f ? 1.0f : x;
        at[k] = (int)(x * last + 0.5f);
    }
    for (int k = 0; k < n; ++k) o[k] = table.data[at[k]];
""")
def whole_row(
    wide: wp.array2d(dtype=wp.vec3), index: wp.array2d(dtype=wp.int32), w: wp.vec4, v: int, start: int, count: int,
    table: wp.array(dtype=wp.float32), out: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    """A row of at most 256 pixels in one go: the sums side by side, then the table."""
    ...


@wp.kernel
def down_kernel(
    # inputs
    tile: wp.array(dtype=wp.vec3i),
    now: wp.array2d(dtype=wp.vec3),
    was: wp.array2d(dtype=wp.vec3),
    base: wp.array2d(dtype=wp.vec3),
    touched: wp.array2d(dtype=wp.float32),
    keep: wp.array2d(dtype=wp.float32),
    row_index: wp.array2d(dtype=wp.int32),
    row_weight: wp.array(dtype=wp.vec4),
    row_near: wp.array(dtype=wp.int32),
    row_part: wp.array(dtype=wp.float32),
    col_index: wp.array2d(dtype=wp.int32),
    col_near: wp.array(dtype=wp.int32),
    col_part: wp.array(dtype=wp.float32),
    srgb_of: wp.array(dtype=wp.float32),
    # outputs
    out: wp.array2d(dtype=wp.vec3),
):
    k, j = wp.tid()
    v = tile[k][0] + j
    if v >= out.shape[0]:
        return
    whole_row(now, row_index, row_weight[v], v, tile[k][1], wp.static(TILE[1]), srgb_of, out)
    if tile[k][2] == wp.static(WHOLE):
        return
    near = row_near[v]
    top = row_index[v, 1]
    low = row_index[v, 2]
    for u in range(tile[k][1], wp.min(tile[k][1] + wp.static(TILE[1]), out.shape[1])):
        if touched[near, col_near[u]] == 0.0:
            out[v, u] = base[v, u]
        else:
            left = col_index[u, 1]
            right = col_index[u, 2]
            upper = wp.lerp(keep[top, left], keep[top, right], col_part[u])
            lower = wp.lerp(keep[low, left], keep[low, right], col_part[u])
            part = wp.lerp(upper, lower, row_part[v])
            if part > 0.0:
                past = table_at(column_sum(was, v, u, row_index, row_weight[v]), srgb_of)
                value = out[v, u] + part * (base[v, u] - past)
                out[v, u] = wp.max(wp.min(value, wp.vec3(1.0, 1.0, 1.0)), wp.vec3(0.0, 0.0, 0.0))


def across(picture, axis, first, count, *, out):
    """Enlarge along ``count`` rows from ``first`` on: linear (h, w) vec3 to (h, W).

    ``axis``: ``index`` (W, 4), the samples that make each column, and ``weight`` (W,) vec4.
    """
    inputs = [picture, axis.index, axis.weight, first]
    wp.launch(across_kernel, dim=(count, out.shape[1]), inputs=inputs, outputs=[out], device=out.device)


def down(tile, now, was, base, touched, keep, rows, cols, srgb_of, *, out):
    """Finish the tiles of a frame; the other pixels of ``out`` are left as they are.

    Args:
        tile: (v, u) of the first pixel of each tile, and its kind.
        now: The picture, (h, W) vec3 linear, enlarged along its rows.
        was: The photo on the same grid, likewise.
        base: The photo at full size (H, W) vec3 sRGB.
        touched: (h, w): 0 where no coarse sample within two has changed.
        keep: (h, w): w of the equation above.
        rows: ``index`` (H, 4) and ``weight`` (H,) as in :func:`across`, ``near`` (H,) the nearest coarse row, ``part``
            (H,) the linear weight of the third of the four.
        cols: The same of the columns.
        srgb_of: Table from linear light in [0, 1] to sRGB.
        out: (H, W) vec3 sRGB.
    """
    inputs = [tile, now, was, base, touched, keep, rows.index, rows.weight, rows.near, rows.part]
    inputs += [cols.index, cols.near, cols.part, srgb_of]
    wp.launch(down_kernel, dim=(tile.shape[0], TILE[0]), inputs=inputs, outputs=[out], device=out.device)
