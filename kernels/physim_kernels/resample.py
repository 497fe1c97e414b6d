"""Pictures between their pixels: Catmull-Rom (Keys 1981, a = -1/2) for colour, bilinear for what is smooth.

Texels are flat arrays, part of an atlas or a whole picture; places are in texels with centres at +0.5. A whole plate is
held to the range of the four nearest texels, so that it never rings.
"""

from typing import Any

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def cubic(t: float):
    """Weights of the four neighbours at -1, 0, 1, 2."""
    t2 = t * t
    t3 = t2 * t
    return wp.vec4(
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    )


@wp.func
def texel_at(atlas: wp.array(dtype=wp.vec4), start: int, size: wp.vec2i, i: int, j: int):
    x = wp.clamp(i, 0, size[0] - 1)
    y = wp.clamp(j, 0, size[1] - 1)
    return atlas[start + y * size[0] + x]


@wp.func
def sample4(atlas: wp.array(dtype=wp.vec4), start: int, size: wp.vec2i, x: float, y: float, held: bool):
    """Catmull-Rom at (x, y) [texels, centres at +0.5]; ``held`` to the range of the four nearest, else to >= 0."""
    gx = wp.clamp(x - 0.5, -1.0, float(size[0]))
    gy = wp.clamp(y - 0.5, -1.0, float(size[1]))
    i = int(wp.floor(gx))
    j = int(wp.floor(gy))
    wx = cubic(gx - float(i))
    wy = cubic(gy - float(j))
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for b in range(4):
        row = wp.vec4(0.0, 0.0, 0.0, 0.0)
        for a in range(4):
            row += wx[a] * texel_at(atlas, start, size, i + a - 1, j + b - 1)
        total += wy[b] * row
    if not held:
        return wp.max(total, wp.vec4(0.0, 0.0, 0.0, 0.0))
    p = texel_at(atlas, start, size, i, j)
    q = texel_at(atlas, start, size, i + 1, j)
    r = texel_at(atlas, start, size, i, j + 1)
    s = texel_at(atlas, start, size, i + 1, j + 1)
    return wp.max(wp.min(wp.min(p, q), wp.min(r, s)), wp.min(wp.max(wp.max(p, q), wp.max(r, s)), total))


@wp.func
def sample_low(low: wp.array(dtype=wp.vec3), start: int, size: wp.vec2i, x: float, y: float):
    gx = wp.clamp(x - 0.5, 0.0, float(size[0] - 1))
    gy = wp.clamp(y - 0.5, 0.0, float(size[1] - 1))
    i = wp.min(int(gx), wp.max(size[0] - 2, 0))
    j = wp.min(int(gy), wp.max(size[1] - 2, 0))
    di = wp.min(1, size[0] - 1)
    dj = wp.min(1, size[1] - 1) * size[0]
    s = gx - float(i)
    t = gy - float(j)
    k = start + j * size[0] + i
    return (1.0 - t) * ((1.0 - s) * low[k] + s * low[k + di]) + t * ((1.0 - s) * low[k + dj] + s * low[k + dj + di])


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
