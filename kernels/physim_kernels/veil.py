"""Smoke in front of a picture: out = base T + scattered, by ``whiteness`` turned into base + scattered (1 - base).

And shadow on it: out = base s^tint. sRGB in and out; light is added linearly. The curve is read from tables of equal
steps.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def veil_kernel(
    # inputs
    picture: wp.array2d(dtype=wp.vec3),
    transmittance: wp.array2d(dtype=wp.float32),
    scattered: wp.array2d(dtype=wp.vec3),
    whiteness: float,
    linear_of: wp.array(dtype=wp.float32),
    srgb_of: wp.array(dtype=wp.float32),
    # outputs
    out: wp.array2d(dtype=wp.vec3),
):
    v, u = wp.tid()
    c = picture[v, u]
    t = transmittance[v, u]
    s = scattered[v, u]
    out[v, u] = c
    if t > 0.9999 and s[0] + s[1] + s[2] < 1.0e-4:  # untouched pixels stay the same to the bit
        return
    steps = float(linear_of.shape[0] - 1)
    result = wp.vec3(0.0, 0.0, 0.0)
    for k in range(3):
        base = linear_of[int(wp.clamp(c[k], 0.0, 1.0) * steps + 0.5)]
        plain = base * t + s[k]
        mixed = plain + whiteness * (base + s[k] * (1.0 - base) - plain)
        result[k] = srgb_of[int(wp.clamp(mixed, 0.0, 1.0) * steps + 0.5)]
    out[v, u] = result


@wp.func_native("""
    const long long at = (long long)v * shadow.shape[1];
    const float* light = shadow.data + at;
    float* o = reinterpret_cast<float*>(picture.data) + 3 * at;
    const float steps = (float)(linear_of.shape[0] - 1);
    for (int u = first; u < first + count; ++u) {
        if (!(light[u] < lit)) continue;
        const float power = logf(light[u] > 1.0e-6f ? light[u] : 1.0e-6f);
        for (int c = 0; c < 3; ++c) {
            float x = o[3 * u + c];
            x = x < 0.0f ? 0.0f : (x > 1.0f ? 1.0f : x);
            x = linear_of.data[(int)(x * steps + 0.5f)] * expf(tint[c] * power);
            o[3 * u + c] = srgb_of.data[(int)((x > 1.0f ? 1.0f : x) * steps + 0.5f)];
        }
    }
""")
def darken_row(
    v: int,
    first: int,
    count: int,
    shadow: wp.array2d(dtype=wp.float32),
    tint: wp.vec3,
    lit: float,
    linear_of: wp.array(dtype=wp.float32),
    srgb_of: wp.array(dtype=wp.float32),
    picture: wp.array2d(dtype=wp.vec3),
):
    """``count`` pixels of row v from ``first`` on."""
    ...


@wp.kernel
def darken_kernel(
    # inputs
    shadow: wp.array2d(dtype=wp.float32),
    tint: wp.vec3,
    lit: float,
    linear_of: wp.array(dtype=wp.float32),
    srgb_of: wp.array(dtype=wp.float32),
    strip: int,
    # outputs
    picture: wp.array2d(dtype=wp.vec3),
):
    v, block = wp.tid()
    count = wp.min(strip, picture.shape[1] - block * strip)
    darken_row(v, block * strip, count, shadow, tint, lit, linear_of, srgb_of, picture)


def darken(shadow, tint, lit, *, linear_of, srgb_of, picture):
    """Multiply the light of a picture (H, W) vec3, sRGB, by ``shadow ** tint`` where ``shadow`` (H, W) is under ``lit``

    A thread takes one pixel on a GPU and a row on a CPU.
    """
    rows, cols = picture.shape
    strip = cols if picture.device.is_cpu else 1
    inputs = [shadow, tint, lit, linear_of, srgb_of, strip]
    wp.launch(
        darken_kernel, dim=(rows, -(-cols // strip)), inputs=inputs, outputs=[picture], device=picture.device
    )  # fmt: skip


def veil(picture, transmittance, scattered, whiteness, *, linear_of, srgb_of, out):
    """Put smoke before a picture.

    Args:
        picture: (H, W) vec3, sRGB.
        transmittance: (H, W) in [0, 1].
        scattered: (H, W) vec3, linear.
        whiteness: 0 for soot, 1 for droplets that do not absorb.
        linear_of: Table of linear light over sRGB in equal steps from 0 to 1.
        srgb_of: Table of the inverse.
        out: (H, W) vec3, sRGB; may alias ``picture``.
    """
    inputs = [picture, transmittance, scattered, whiteness, linear_of, srgb_of]
    wp.launch(veil_kernel, dim=picture.shape, inputs=inputs, outputs=[out], device=picture.device)
