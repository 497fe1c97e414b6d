"""Waves of every length on water of finite depth: the slope of the surface seen through a filter.

In shallow water the surface accelerates the whole column, u_t = -g grad(eta). Waves shorter than the depth move only
its upper part; with the filter T the linear waves are those of Airy at every length, surface tension included:

    u_t = -g T grad(eta),   T(k) = w(k)^2 / (g h k^2),   w^2 = (g k + sigma k^3 / rho) tanh(k h)

(the full-dispersion shallow water equations, Hur and Tao, "Wave breaking in a shallow water model", SIAM J. Math. Anal.
50, 2018). k^2 in the denominator is that of the differences on the grid, and w^2 is that of the time step, so that the
phase speed is exact at every wave the grid can hold (:func:`physim.lake_grid.response`). T is even and real: both
components of the slope travel as one complex field through one fast Fourier transform. Over a bed with relief the sum
over a few depths, T = sum_i s_i T_i s_i with s_i^2 adding up to 1, keeps T symmetric, so that no wave can grow.

The transform is of radix 2 along the first axis, all columns at once: a butterfly joins two rows, and the loop over
columns is vector code. Forward in decreasing, backward in increasing distance: the spectrum stays in bit-reversed order
and nothing is ever permuted; the table of T is made in that order. Arrays of the transform are flat, rows x columns,
powers of two; float32.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

RIM = 2
STRIP = 32
"""Columns a thread carries through the transform on a CPU."""
TILE = 16


@wp.func
def seen(i: int, count: int, mirrored: int, on_face: int):
    """Which face or cell stands at ``i`` of the transform: itself, its image behind the wall, or none (-1)."""
    last = count - 1 + on_face
    if i <= last:
        return i
    if mirrored == 1:
        return 2 * count - 1 + on_face - i
    return -1


@wp.kernel
def load_kernel(
    # inputs
    px: wp.array(dtype=wp.float64), pz: wp.array(dtype=wp.float64),
    share_x: wp.array(dtype=float), share_z: wp.array(dtype=float), width: int, rows: int, columns: int,
    mirror_x: int, mirror_z: int, strip: int,
    # outputs
    re: wp.array2d(dtype=float), im: wp.array2d(dtype=float),
):  # fmt: skip
    """Both slopes, weighted, as one complex field. Behind walls stand images of the water, on which the slope across
    the wall changes its sign; elsewhere zeros, where the transform is longer than the water.
    """
    k, c = wp.tid()
    k_x = seen(k, rows, mirror_z, 0)
    k_z = seen(k, rows, mirror_z, 1)
    for i in range(c * strip, wp.min((c + 1) * strip, re.shape[1])):
        a = float(0.0)
        b = float(0.0)
        i_x = seen(i, columns, mirror_x, 1)
        i_z = seen(i, columns, mirror_x, 0)
        if k_x >= 0 and i_x >= 0:
            o = (k_x + RIM) * width + i_x + RIM
            a = wp.where(i > columns, -1.0, 1.0) * float(px[o]) * share_x[o]
        if k_z >= 0 and i_z >= 0:
            o = (k_z + RIM) * width + i_z + RIM
            b = wp.where(k > rows, -1.0, 1.0) * float(pz[o]) * share_z[o]
        re[k, i] = a
        im[k, i] = b


@wp.kernel
def unload_kernel(
    # inputs
    re: wp.array2d(dtype=float), im: wp.array2d(dtype=float),
    share_x: wp.array(dtype=float), share_z: wp.array(dtype=float), width: int, rows: int, columns: int,
    adds: int, strip: int,
    # outputs
    px: wp.array(dtype=wp.float64), pz: wp.array(dtype=wp.float64),
):  # fmt: skip
    """The filtered slopes, weighted again; added to what other depths gave if ``adds``."""
    k, c = wp.tid()
    scale = 1.0 / float(re.shape[0] * re.shape[1])
    for i in range(c * strip, wp.min((c + 1) * strip, columns)):
        o = (k + RIM) * width + i + RIM
        a = wp.float64(scale * re[k, i] * share_x[o])
        b = wp.float64(scale * im[k, i] * share_z[o])
        if adds == 1:
            a += px[o]
            b += pz[o]
        px[o] = a
        pz[o] = b


@wp.func_native("""
    const int n = re.shape[0], m = re.shape[1];
    float *R = re.data, *I = im.data;
    for (int step = 1; 2 * step <= n; step *= 2) {
        const int half = forward ? n / 2 / step : step, turn = forward ? step : n / 2 / step;
        for (int base = 0; base < n; base += 2 * half)
            for (int j = 0; j < half; ++j) {
                const float c = cosine.data[j * turn], s = sine.data[j * turn];
                float *ar = R + (base + j) * m, *ai = I + (base + j) * m, *br = ar + half * m, *bi = ai + half * m;
                if (forward) {
                    #pragma clang loop vectorize(assume_safety)
                    for (int i = first; i < last; ++i) {
                        const float dr = ar[i] - br[i], di = ai[i] - bi[i];
                        ar[i] += br[i];
                        ai[i] += bi[i];
                        br[i] = dr * c + di * s;
                        bi[i] = di * c - dr * s;
                    }
                } else {
                    #pragma clang loop vectorize(assume_safety)
                    for (int i = first; i < last; ++i) {
                        const float tr = br[i] * c - bi[i] * s, ti = bi[i] * c + br[i] * s;
                        br[i] = ar[i] - tr;
                        bi[i] = ai[i] - ti;
                        ar[i] += tr;
                        ai[i] += ti;
                    }
                }
            }
    }""")
def transform_columns(
    re: wp.array2d(dtype=float), im: wp.array2d(dtype=float), cosine: wp.array(dtype=float),
    sine: wp.array(dtype=float), forward: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def transform_kernel(
    # inputs
    cosine: wp.array(dtype=float), sine: wp.array(dtype=float), forward: int, strip: int,
    # in and out
    re: wp.array2d(dtype=float), im: wp.array2d(dtype=float),
):  # fmt: skip
    """Fourier transform of every column, in place; ``cosine`` and ``sine`` of 2 pi j / n for j < n / 2."""
    c = wp.tid()
    transform_columns(re, im, cosine, sine, forward, c * strip, wp.min((c + 1) * strip, re.shape[1]))


@wp.kernel
def transpose_kernel(
    # inputs
    re: wp.array2d(dtype=float), im: wp.array2d(dtype=float), tile: int,
    # outputs
    re_out: wp.array2d(dtype=float), im_out: wp.array2d(dtype=float),
):  # fmt: skip
    a, b = wp.tid()
    for k in range(a * tile, wp.min((a + 1) * tile, re.shape[0])):
        for i in range(b * tile, wp.min((b + 1) * tile, re.shape[1])):
            re_out[i, k] = re[k, i]
            im_out[i, k] = im[k, i]


@wp.kernel
def respond_kernel(
    # inputs
    table: wp.array2d(dtype=float), strip: int,
    # in and out
    re: wp.array2d(dtype=float), im: wp.array2d(dtype=float),
):  # fmt: skip
    k, c = wp.tid()
    for i in range(c * strip, wp.min((c + 1) * strip, re.shape[1])):
        re[k, i] = re[k, i] * table[k, i]
        im[k, i] = im[k, i] * table[k, i]


def transform(pair, turns, *, forward):
    """Along the first axis of both arrays of ``pair``; ``turns`` is (cosine, sine) of that length."""
    re, im = pair
    strip = STRIP if re.device.is_cpu else 1
    wp.launch(
        transform_kernel, dim=-(-re.shape[1] // strip), inputs=[*turns, int(forward), strip], outputs=[re, im],
        device=re.device,
    )  # fmt: skip


def transpose(source, target):
    """Of both arrays of a pair."""
    re, im = source
    tile = TILE if re.device.is_cpu else 1
    dim = (-(-re.shape[0] // tile), -(-re.shape[1] // tile))
    wp.launch(transpose_kernel, dim=dim, inputs=[re, im, tile], outputs=list(target), device=re.device)


def disperse(field, basin):
    """Filter ``field.px`` and ``field.pz`` in place.

    Args:
        field: Slopes of the surface on all faces.
        basin: Of the transform: ``upright`` (pair of arrays), ``lying`` (pair, transposed), ``turns`` (along the first
            axis of each), ``tables`` (T_i, transposed and in bit-reversed order), ``shares`` (pairs s_i on x and z
            faces), ``out`` (pair, like the slopes).
    """
    rows, columns = field.rows + 1, field.columns + 1
    device = field.px.device
    upright, lying = basin.upright, basin.lying
    size = upright[0].shape
    strip = size[1] if device.is_cpu else 1
    for number, (table, share) in enumerate(zip(basin.tables, basin.shares, strict=True)):
        wp.launch(
            load_kernel, dim=(size[0], -(-size[1] // strip)),
            inputs=[field.px, field.pz, *share, field.width, field.rows, field.columns, *basin.mirrored, strip],
            outputs=list(upright), device=device,
        )  # fmt: skip
        transform(upright, basin.turns[0], forward=True)
        transpose(upright, lying)
        transform(lying, basin.turns[1], forward=True)
        across = lying[0].shape[1] if device.is_cpu else 1
        dim = (lying[0].shape[0], -(-lying[0].shape[1] // across))
        wp.launch(respond_kernel, dim=dim, inputs=[table, across], outputs=list(lying), device=device)
        transform(lying, basin.turns[1], forward=False)
        transpose(lying, upright)
        transform(upright, basin.turns[0], forward=False)
        seen = (min(rows, size[0]), min(columns, size[1]))
        wp.launch(
            unload_kernel, dim=(seen[0], -(-seen[1] // strip)),
            inputs=[*upright, *share, field.width, *seen, int(number > 0), strip], outputs=list(basin.out),
            device=device,
        )  # fmt: skip
    wp.copy(field.px, basin.out[0])
    wp.copy(field.pz, basin.out[1])
