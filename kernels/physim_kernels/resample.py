"""Pictures between their pixels: Catmull-Rom (Keys 1981, a = -1/2) for colour, bilinear for what is smooth.

Texels are flat arrays, part of an atlas or a whole picture; places are in texels with centres at +0.5. A whole plate is
held to the range of the four nearest texels, so that it never rings.
"""

from typing import Any

import warp as wp

wp.set_module_options({"enable_backward": False})


# One sample is 16 texels: four channels side by side, a row at a time.


@wp.func_native("""
    const int cols = size[0], rows = size[1];
    const float gx = x - 0.5f < -1.0f ? -1.0f : (x - 0.5f > (float)cols ? (float)cols : x - 0.5f);
    const float gy = y - 0.5f < -1.0f ? -1.0f : (y - 0.5f > (float)rows ? (float)rows : y - 0.5f);
    const float fx = floorf(gx), fy = floorf(gy), s = gx - fx, t = gy - fy;
    const int i = (int)fx, j = (int)fy;
    const float s2 = s * s, s3 = s2 * s, t2 = t * t, t3 = t2 * t;
    const float wx[4] = {-0.5f * s3 + s2 - 0.5f * s, 1.5f * s3 - 2.5f * s2 + 1.0f,
                         -1.5f * s3 + 2.0f * s2 + 0.5f * s, 0.5f * s3 - 0.5f * s2};
    const float wy[4] = {-0.5f * t3 + t2 - 0.5f * t, 1.5f * t3 - 2.5f * t2 + 1.0f,
                         -1.5f * t3 + 2.0f * t2 + 0.5f * t, 0.5f * t3 - 0.5f * t2};
    const float* texels = reinterpret_cast<const float*>(atlas.data) + 4ll * start;
    int at[4];
    for (int a = 0; a < 4; ++a) {
        const int k = i + a - 1;
        at[a] = 4 * (k < 0 ? 0 : (k > cols - 1 ? cols - 1 : k));
    }
    float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    float low[4], high[4];
    for (int b = 0; b < 4; ++b) {
        const int k = j + b - 1;
        const float* row = texels + 4ll * cols * (k < 0 ? 0 : (k > rows - 1 ? rows - 1 : k));
        float part[4];
        for (int c = 0; c < 4; ++c)
            part[c] = wx[0] * row[at[0] + c] + wx[1] * row[at[1] + c] + wx[2] * row[at[2] + c] + wx[3] * row[at[3] + c];
        for (int c = 0; c < 4; ++c) sum[c] += wy[b] * part[c];
        if (held && (b == 1 || b == 2)) {
            for (int c = 0; c < 4; ++c) {
                const float p = row[at[1] + c], q = row[at[2] + c];
                const float least = p < q ? p : q, most = p > q ? p : q;
                low[c] = b == 1 || least < low[c] ? least : low[c];
                high[c] = b == 1 || most > high[c] ? most : high[c];
            }
        }
    }
    for (int c = 0; c < 4; ++c) {
        if (!held) {
            sum[c] = sum[c] > 0.0f ? sum[c] : 0.0f;
        } else {
            sum[c] = sum[c] < high[c] ? sum[c] : high[c];
            sum[c] = sum[c] > low[c] ? sum[c] : low[c];
        }
    }
    return wp::vec_t<4, wp::float32>(sum[0], sum[1], sum[2], sum[3]);
""")
def sample4(atlas: wp.array(dtype=wp.vec4), start: int, size: wp.vec2i, x: float, y: float, held: bool) -> wp.vec4:
    """Catmull-Rom at (x, y) [texels, centres at +0.5]; ``held`` to the range of the four nearest, else to >= 0."""
    ...


@wp.func_native("""
    const int cols = size[0], rows = size[1];
    const float gx = x - 0.5f < 0.0f ? 0.0f : (x - 0.5f > (float)(cols - 1) ? (float)(cols - 1) : x - 0.5f);
    const float gy = y - 0.5f < 0.0f ? 0.0f : (y - 0.5f > (float)(rows - 1) ? (float)(rows - 1) : y - 0.5f);
    const int wide = cols > 1 ? cols - 2 : 0, tall = rows > 1 ? rows - 2 : 0;
    const int i = (int)gx < wide ? (int)gx : wide, j = (int)gy < tall ? (int)gy : tall;
    const float s = gx - (float)i, t = gy - (float)j;
    const float* p = reinterpret_cast<const float*>(low.data) + 3ll * (start + j * cols + i);
    const float* q = p + (rows > 1 ? 3ll * cols : 0ll);
    const int di = cols > 1 ? 3 : 0;
    float out[3];
    for (int c = 0; c < 3; ++c)
        out[c] = (1.0f - t) * ((1.0f - s) * p[c] + s * p[di + c]) + t * ((1.0f - s) * q[c] + s * q[di + c]);
    return wp::vec_t<3, wp::float32>(out[0], out[1], out[2]);
""")
def sample_low(low: wp.array(dtype=wp.vec3), start: int, size: wp.vec2i, x: float, y: float) -> wp.vec3:
    """Bilinear at (x, y) [texels, centres at +0.5], held at the border."""
    ...


@wp.kernel
def enlarge_kernel(
    # inputs
    source: wp.array2d(dtype=wp.vec2),
    depth: wp.array2d(dtype=wp.float32),
    # outputs
    source_out: wp.array2d(dtype=wp.vec2),
    depth_out: wp.array2d(dtype=wp.float32),
):
    """Bilinear between pixel centres, continued linearly over the border; inverse depth, which is flat on planes."""
    j, i = wp.tid()
    x = (float(i) + 0.5) * float(source.shape[1]) / float(source_out.shape[1]) - 0.5
    y = (float(j) + 0.5) * float(source.shape[0]) / float(source_out.shape[0]) - 0.5
    a = wp.clamp(int(wp.floor(x)), 0, source.shape[1] - 2)
    b = wp.clamp(int(wp.floor(y)), 0, source.shape[0] - 2)
    s = x - float(a)
    t = y - float(b)
    w00 = (1.0 - s) * (1.0 - t)
    w10 = s * (1.0 - t)
    w01 = (1.0 - s) * t
    w11 = s * t
    source_out[j, i] = w00 * source[b, a] + w10 * source[b, a + 1] + w01 * source[b + 1, a] + w11 * source[b + 1, a + 1]
    near = w00 / depth[b, a] + w10 / depth[b, a + 1] + w01 / depth[b + 1, a] + w11 / depth[b + 1, a + 1]
    depth_out[j, i] = 1.0 / wp.max(near, 1.0e-6)


@wp.kernel
def resample_kernel(
    # inputs
    image: wp.array(dtype=wp.vec4),
    size: wp.vec2i,
    uv: wp.array2d(dtype=wp.vec2),
    scale: wp.vec2,
    # outputs
    out: wp.array2d(dtype=wp.vec4),
):
    j, i = wp.tid()
    at = uv[j, i]
    out[j, i] = sample4(image, 0, size, at[0] * scale[0], at[1] * scale[1], True)


@wp.func
def bilinear_at(values: wp.array2d(dtype=Any), place: wp.vec2, scale: wp.vec2):
    rows = values.shape[0]
    cols = values.shape[1]
    x = wp.clamp(place[0] * scale[0] - 0.5, 0.0, float(cols - 1))
    y = wp.clamp(place[1] * scale[1] - 0.5, 0.0, float(rows - 1))
    i = int(x)
    j = int(y)
    s = x - float(i)
    t = y - float(j)
    # What has no weight is not looked at: it may be infinite.
    value = values[j, i]
    if s > 0.0:
        value = wp.lerp(value, values[j, i + 1], s)
    if t > 0.0:
        low = values[j + 1, i]
        if s > 0.0:
            low = wp.lerp(low, values[j + 1, i + 1], s)
        value = wp.lerp(value, low, t)
    return value


@wp.kernel
def bilinear_kernel(
    values: wp.array2d(dtype=wp.float32),
    place: wp.array(dtype=wp.vec2),
    scale: wp.vec2,
    # outputs
    out: wp.array(dtype=wp.float32),
):
    k = wp.tid()
    out[k] = bilinear_at(values, place[k], scale)


@wp.kernel
def bilinear_colour_kernel(
    values: wp.array2d(dtype=wp.vec3),
    place: wp.array(dtype=wp.vec2),
    scale: wp.vec2,
    # outputs
    out: wp.array(dtype=wp.vec3),
):
    k = wp.tid()
    out[k] = bilinear_at(values, place[k], scale)


def bilinear(values, place, scale, *, out):
    """Values (h, w), float32 or vec3, at ``place * scale`` (N,) [samples, centres at +0.5], held at the border."""
    kernel = bilinear_colour_kernel if out.dtype == wp.vec3 else bilinear_kernel
    wp.launch(kernel, dim=out.shape, inputs=[values, place, scale], outputs=[out], device=out.device)


def resample(image, size, uv, scale, *, out):
    """Sample a flat vec4 image of ``size`` (columns, rows) at ``uv * scale`` [texels], clamped Catmull-Rom."""
    wp.launch(resample_kernel, dim=uv.shape, inputs=[image, size, uv, scale], outputs=[out], device=uv.device)


def enlarge(source, depth, *, source_out, depth_out):
    """A smooth view on a coarse grid (at least 2 x 2) at picture size: places in the photo, and depth [m]."""
    inputs = [source, depth]
    wp.launch(enlarge_kernel, source_out.shape, inputs, [source_out, depth_out], device=depth.device)
