"""Light that flames throw on everything around them: on what the camera sees, and into smoke.

A flame is a number of small lamps of radiant intensity I_k at places x_k, each as wide as w_k. What faces all ways gets

    E / pi = 1 / (2 pi) sum_k I_k / (|x - x_k|^2 + w_k^2)                    (cosine 1/2: the mean over half a sphere)

and thin smoke of albedo 1 sends to every side

    S = 1 / (4 pi) sum_k I_k exp(-0.4 tau_k) / (|x - x_k|^2 + w_k^2)

tau_k the optical depth of the smoke on the way; the rest of it goes on after being scattered. Radiance in units of the
photo's white, lengths in metres; grids and rays as in ``smoke_ray``.
"""

import warp as wp

from physim_kernels.smoke_ray import View, Volume, seen_point, trilinear

wp.set_module_options({"enable_backward": False})

PASSED_ON = 0.4
"""Share of the optical depth that takes light away."""
STEPS = wp.constant(10)
"""Samples of the way from a lamp."""


@wp.kernel
def surface_kernel(
    place: wp.array(dtype=wp.vec4), intensity: wp.array(dtype=wp.vec3), view: View,
    surface: wp.array2d(dtype=wp.float32), limit: wp.float32,
    # outputs
    light_out: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    v, u = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    z = surface[v, u]
    if z < limit:
        x = seen_point(view, u, v, z)
        for k in range(place.shape[0]):
            p = place[k]
            d = wp.vec3(p[0], p[1], p[2]) - x
            total += intensity[k] / (6.2831853 * (wp.length_sq(d) + p[3] * p[3]))
    light_out[v, u] = total


@wp.kernel
def smoke_kernel(
    place: wp.array(dtype=wp.vec4), intensity: wp.array(dtype=wp.vec3), volume: Volume,
    pooled: wp.array3d(dtype=wp.float32), block: wp.int32,
    # outputs
    light_out: wp.array3d(dtype=wp.vec3),
):  # fmt: skip
    i, j, k = wp.tid()
    side = wp.float32(block) * volume.cell
    x = volume.origin + side * wp.vec3(wp.float32(i) + 0.5, wp.float32(j) + 0.5, wp.float32(k) + 0.5)
    total = wp.vec3(0.0, 0.0, 0.0)
    for n in range(place.shape[0]):
        p = place[n]
        way = wp.vec3(p[0], p[1], p[2]) - x
        length = wp.length(way)
        thick = float(0.0)
        for m in range(STEPS):
            s = (float(m) + 0.5) / float(STEPS)
            g = (x + s * way - volume.origin) / (2.0 * volume.cell) - wp.vec3(0.5, 0.5, 0.5)
            thick += trilinear(pooled, g)
        thick *= length / float(STEPS) * volume.extinction
        share = wp.exp(-PASSED_ON * thick) / (12.566371 * (length * length + p[3] * p[3]))
        total += share * intensity[n]
    light_out[i, j, k] = total


def on_surface(place, intensity, view, surface, *, limit, light_out):
    """Light of lamps on what a picture shows, as the radiance of a white surface.

    Args:
        place: Of the lamps, and how wide they are [m], (K,) vec4.
        intensity: Radiant intensity per colour, radiance times area [m^2], (K,) vec3.
        view: ``smoke_ray.View`` of the picture.
        surface: z of what is seen [m], (rows, cols).
        limit: Surfaces farther than this are the sky [m].
        light_out: Output (rows, cols) vec3.
    """
    inputs = [place, intensity, view, surface, limit]
    wp.launch(surface_kernel, dim=light_out.shape, inputs=inputs, outputs=[light_out], device=light_out.device)


def in_smoke(place, intensity, volume, pooled, *, block, light_out):
    """Light of lamps that smoke of albedo 1 sends to every side, on a grid of ``block`` cells a side, vec3."""
    inputs = [place, intensity, volume, pooled, block]
    wp.launch(smoke_kernel, dim=light_out.shape, inputs=inputs, outputs=[light_out], device=light_out.device)
