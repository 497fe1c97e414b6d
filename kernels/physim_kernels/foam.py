"""Foam, spray and bubbles: balls too small for a surface of their own, seen as white cover.

A ball of radius r whose image has R pixels covers the disc of that radius; smaller than a pixel, it covers a pixel in
part, pi r^2 in all. Covers add up as optical depth, 1 - exp(-sum), so that their order does not matter; the sums are of
whole numbers, so that neither does that of threads. Over an exposure a ball is spread along its way.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

UNIT = 4096.0
"""Of a fully covered pixel, in the sums."""
LEAST = 0.7
"""Radius below which a ball is drawn larger and fainter [pixels]."""


@wp.kernel
def foam_kernel(
    position: wp.array(dtype=wp.vec3), velocity: wp.array(dtype=wp.vec3), radius: wp.array(dtype=float),
    strength: wp.array(dtype=float), camera_from_world: wp.mat44, lens: wp.vec4, exposure: float,
    limit: wp.array2d(dtype=float),
    # outputs
    cover: wp.array2d(dtype=int),
):  # fmt: skip
    i = wp.tid()
    half = 0.5 * exposure
    a = wp.transform_point(camera_from_world, position[i] - half * velocity[i])
    b = wp.transform_point(camera_from_world, position[i] + half * velocity[i])
    if wp.min(a[2], b[2]) <= 1.0e-3:
        return
    pa = wp.vec2(lens[0] * a[0] / a[2] + lens[2], lens[1] * a[1] / a[2] + lens[3])
    pb = wp.vec2(lens[0] * b[0] / b[2] + lens[2], lens[1] * b[1] / b[2] + lens[3])
    true = radius[i] * lens[0] / (0.5 * (a[2] + b[2]))
    r = wp.max(true, LEAST)
    taps = wp.clamp(int(wp.ceil(wp.length(pb - pa) / r)), 1, 48)
    amount = strength[i] * (true / r) * (true / r) / float(taps)
    for k in range(taps):
        t = (float(k) + 0.5) / float(taps)
        p = pa + t * (pb - pa)
        z = a[2] + t * (b[2] - a[2])
        u0 = int(wp.floor(p[0] - r - 1.0))
        v0 = int(wp.floor(p[1] - r - 1.0))
        n = int(2.0 * r + 3.0)
        for dv in range(n):
            for du in range(n):
                u = u0 + du
                v = v0 + dv
                if u >= 0 and v >= 0 and u < cover.shape[1] and v < cover.shape[0]:
                    if z < limit[v, u]:
                        away = wp.length(wp.vec2(float(u) + 0.5, float(v) + 0.5) - p)
                        part = wp.clamp(r + 0.5 - away, 0.0, 1.0)
                        if part > 0.0:
                            wp.atomic_add(cover, v, u, int(amount * part * UNIT + 0.5))


def foam(position, velocity, radius, strength, *, camera_from_world, lens, exposure, limit, cover):
    """Add the cover of balls to a picture's sums.

    Args:
        position: (N,) vec3 [m], world.
        velocity: (N,) vec3 [m/s].
        radius: (N,) [m].
        strength: (N,) optical depth of one ball [-].
        camera_from_world: mat44.
        lens: (f_u, f_v, c_u, c_v) [pixels].
        exposure: Open time [s].
        limit: z (rows, cols) [m] behind which nothing is seen.
        cover: In and out, (rows, cols) int, in 1 / ``UNIT``.
    """
    inputs = [position, velocity, radius, strength, camera_from_world, lens, exposure, limit]
    wp.launch(foam_kernel, dim=position.shape[0], inputs=inputs, outputs=[cover], device=cover.device)
