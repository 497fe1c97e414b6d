"""Smoke in front of a picture: out = base T + scattered, by ``whiteness`` turned into base + scattered (1 - base).

sRGB in and out; light is added linearly. The curve is read from tables of equal steps.
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
