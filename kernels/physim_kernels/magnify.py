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


@wp.func_native("""
    const float* in = reinterpret_cast<const float*>(picture.data) + 3ll * picture.shape[1] * v;
    float* o = reinterpret_cast<float*>(out.data) + 3ll * out.shape[1] * v;
    for (int u = start; u < start + count; ++u) {
        const int* at = index.data + 4 * u;
        const float *a = in + 3 * at[0], *b = in + 3 * at[1], *c = in + 3 * at[2], *d = in + 3 * at[3];
        const float* w = weight.data[u].c;
        for (int k = 0; k < 3; ++k) o[3 * u + k] = w[0] * a[k] + w[1] * b[k] + w[2] * c[k] + w[3] * d[k];
    }
""")
def across_row(
    picture: wp.array2d(dtype=wp.vec3),
    index: wp.array2d(dtype=wp.int32),
    weight: wp.array(dtype=wp.vec4),
    v: int,
    start: int,
    count: int,
    out: wp.array2d(dtype=wp.vec3),
):
    """Columns ``start`` to ``start + count`` of row v, enlarged."""
    ...


@wp.kernel
def across_kernel(
    # inputs
    picture: wp.array2d(dtype=wp.vec3),
    index: wp.array2d(dtype=wp.int32),
    weight: wp.array(dtype=wp.vec4),
    first: int,
    left: int,
    right: int,
    # outputs
    out: wp.array2d(dtype=wp.vec3),
):
    j, block = wp.tid()
    start = left + block * wp.static(TILE[1])
    across_row(picture, index, weight, first + j, start, wp.min(right - start, wp.static(TILE[1])), out)


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


@wp.func_native("""
    const int cols = out.shape[1], end = start + count < cols ? start + count : cols;
    const float *at_near = touched.data + (long long)touched.shape[1] * near;
    const float *upper = keep.data + (long long)keep.shape[1] * index.data[4 * v + 1];
    const float *lower = keep.data + (long long)keep.shape[1] * index.data[4 * v + 2];
    const float *in = reinterpret_cast<const float*>(was.data), last = (float)(table.shape[0] - 1);
    const float* a = in + 3 * (long long)cols * index.data[4 * v];
    const float* b = in + 3 * (long long)cols * index.data[4 * v + 1];
    const float* c = in + 3 * (long long)cols * index.data[4 * v + 2];
    const float* d = in + 3 * (long long)cols * index.data[4 * v + 3];
    const float* photo = reinterpret_cast<const float*>(base.data) + 3 * (long long)cols * v;
    float* o = reinterpret_cast<float*>(out.data) + 3 * (long long)cols * v;
    for (int u = start; u < end; ++u) {
        float *here = o + 3 * u;
        const float *given = photo + 3 * u;
        if (at_near[col_near.data[u]] == 0.0f) {
            here[0] = given[0], here[1] = given[1], here[2] = given[2];
            continue;
        }
        const int left = col_index.data[4 * u + 1], right = col_index.data[4 * u + 2];
        const float s = col_part.data[u];
        const float top = upper[left] + s * (upper[right] - upper[left]);
        const float low = lower[left] + s * (lower[right] - lower[left]);
        const float kept = top + part * (low - top);
        if (!(kept > 0.0f)) continue;
        for (int k = 3 * u; k < 3 * u + 3; ++k) {
            float x = w[0] * a[k] + w[1] * b[k] + (w[2] * c[k] + w[3] * d[k]);
            x = x < 0.0f ? 0.0f : (x > 1.0f ? 1.0f : x);
            x = o[k] + kept * (photo[k] - table.data[(int)(x * last + 0.5f)]);
            o[k] = x < 0.0f ? 0.0f : (x > 1.0f ? 1.0f : x);
        }
    }
""")
def mixed_row(
    was: wp.array2d(dtype=wp.vec3), base: wp.array2d(dtype=wp.vec3), touched: wp.array2d(dtype=wp.float32),
    keep: wp.array2d(dtype=wp.float32), index: wp.array2d(dtype=wp.int32), w: wp.vec4, near: int, part: float,
    col_index: wp.array2d(dtype=wp.int32), col_near: wp.array(dtype=wp.int32), col_part: wp.array(dtype=wp.float32),
    v: int, start: int, count: int, table: wp.array(dtype=wp.float32), out: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    """What is kept of the photo, put back into a row that :func:`whole_row` has made."""
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
    if tile[k][2] == wp.static(MIXED):
        mixed_row(
            was, base, touched, keep, row_index, row_weight[v], row_near[v], row_part[v], col_index, col_near,
            col_part, v, tile[k][1], wp.static(TILE[1]), srgb_of, out,
        )  # fmt: skip


def across(picture, axis, first, count, columns, *, out):
    """Enlarge along ``count`` rows from ``first`` on: linear (h, w) vec3 to (h, W), ``columns`` (first, end) of it.

    ``axis``: ``index`` (W, 4), the samples that make each column, and ``weight`` (W,) vec4.
    """
    left, right = columns
    inputs = [picture, axis.index, axis.weight, first, left, right]
    wp.launch(
        across_kernel, dim=(count, -(-(right - left) // TILE[1])), inputs=inputs, outputs=[out], device=out.device
    )  # fmt: skip


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
