"""Light through a liquid onto what is solid: shadows, coloured by what is swallowed, and caustics.

The liquid is seen from the light. Each sample of that view sends two equal parcels of light on: one straight, as if
there were no liquid, and one that is bent on its way in (less what Fresnel reflects), fades over its way inside (Beer,
Lambert) and is bent again on its way out. Both are followed to the surface that the camera sees and counted where they
land. Where straight parcels land the liquid is in the way, and the ratio of both counts is what is left of the light;
where bent ones gather there is more of it. Source: Shah, Konttinen, Pattanaik, "Caustics mapping", IEEE TVCG 13 (2007).

Counts are whole numbers, so that they do not depend on the order of threads. Positions in the camera's frame [m]; the
light's frame is that of a distant camera which looks along the light.
"""

import warp as wp

from physim_kernels.liquid_shade import Medium, bent, fresnel, pixel_of, within

wp.set_module_options({"enable_backward": False})

UNIT = 1024.0
"""Of a parcel, in the counts."""


@wp.struct
class Beam:
    """The liquid seen from the light."""

    depth: wp.array2d(dtype=float)
    normal: wp.array2d(dtype=wp.vec3)
    thickness: wp.array2d(dtype=float)
    back: wp.array2d(dtype=float)
    back_normal: wp.array2d(dtype=wp.vec3)
    lens: wp.vec4
    """(f_u, f_v, c_u, c_v) [samples of the whole view]"""
    u: int
    v: int
    """Corner of the arrays in that view [samples]."""
    camera_from_light: wp.mat44
    light_from_camera: wp.mat44


@wp.func
def landed(depth: wp.array2d(dtype=float), lens: wp.vec4, start: wp.vec3, d: wp.vec3, scale: float):
    """Place in the picture where a ray meets the surface, and 1; 0 if it does not."""
    s = float(0.0)
    pixel = wp.vec2(0.0, 0.0)
    for _n in range(32):
        p = start + s * d
        if p[2] <= 1.0e-4:
            return wp.vec3(0.0, 0.0, 0.0)
        pixel = pixel_of(p, lens)
        if not within(pixel, depth):
            return wp.vec3(0.0, 0.0, 0.0)
        z = depth[int(pixel[1]), int(pixel[0])]
        gap = z - p[2]
        if gap <= 0.0:
            if gap < -0.05 * p[2]:  # behind something
                return wp.vec3(0.0, 0.0, 0.0)
            s += gap / wp.max(wp.abs(d[2]), 0.2) * wp.sign(d[2])
            pixel = pixel_of(start + s * d, lens)
            return wp.vec3(pixel[0], pixel[1], 1.0)
        if gap < 1.0e-3 * scale:
            return wp.vec3(pixel[0], pixel[1], 1.0)
        s += wp.max(0.7 * gap / wp.max(wp.abs(d[2]), 0.5), 0.02 * scale)
        if s > 40.0 * scale:
            break
    return wp.vec3(0.0, 0.0, 0.0)


@wp.func
def count_at(counts: wp.array3d(dtype=int), channel: int, pixel: wp.vec2, amount: float):
    """Share a parcel among the four pixels around its place."""
    x = pixel[0] - 0.5
    y = pixel[1] - 0.5
    i = int(wp.floor(x))
    j = int(wp.floor(y))
    s = x - float(i)
    t = y - float(j)
    for n in range(4):
        a = i + (n & 1)
        b = j + (n >> 1)
        w = wp.where((n & 1) == 1, s, 1.0 - s) * wp.where((n >> 1) == 1, t, 1.0 - t)
        if a >= 0 and b >= 0 and a < counts.shape[1] and b < counts.shape[0]:
            wp.atomic_add(counts, b, a, channel, int(w * amount * UNIT + 0.5))


@wp.func
def sample_of(beam: Beam, p: wp.vec3):
    """Row and column in the arrays of the light's view, (-1, -1) outside; z as third."""
    q = wp.transform_point(beam.light_from_camera, p)
    pixel = pixel_of(q, beam.lens)
    u = int(wp.floor(pixel[0])) - beam.u
    v = int(wp.floor(pixel[1])) - beam.v
    if u < 0 or v < 0 or u >= beam.depth.shape[1] or v >= beam.depth.shape[0]:
        return wp.vec3(-1.0, -1.0, q[2])
    return wp.vec3(float(v), float(u), q[2])


@wp.kernel
def send_kernel(
    beam: Beam, medium: Medium, depth: wp.array2d(dtype=float), lens: wp.vec4, scale: float,
    # outputs
    counts: wp.array3d(dtype=int),
):  # fmt: skip
    """Follow one sample's parcels; ``counts`` (rows, cols, 4): bent ones per colour, then straight ones."""
    v, u = wp.tid()
    if beam.thickness[v, u] <= 0.0:
        return
    ray = wp.vec3(
        (float(beam.u + u) + 0.5 - beam.lens[2]) / beam.lens[0],
        (float(beam.v + v) + 0.5 - beam.lens[3]) / beam.lens[1],
        1.0,
    )
    start = wp.transform_point(beam.camera_from_light, beam.depth[v, u] * ray)
    d = wp.normalize(wp.transform_vector(beam.camera_from_light, ray))
    place = landed(depth, lens, start, d, scale)
    if place[2] > 0.0:
        count_at(counts, 3, wp.vec2(place[0], place[1]), 1.0)
    n = wp.transform_vector(beam.camera_from_light, beam.normal[v, u])
    cosine = -wp.dot(d, n)
    if cosine < 0.02:
        return
    left = 1.0 - fresnel(cosine, medium.index)
    inward = bent(d, n, 1.0 / medium.index)
    step = wp.max(beam.thickness[v, u], 0.01 * scale) / 8.0
    s = float(0.0)
    outside = bool(False)
    m = wp.vec3(0.0, 0.0, 0.0)
    p = start
    for _k in range(24):
        s += step
        p = start + s * inward
        pixel = pixel_of(p, lens)
        if not within(pixel, depth):
            return
        if depth[int(pixel[1]), int(pixel[0])] <= p[2]:
            break
        at = sample_of(beam, p)
        if at[0] < 0.0:
            outside = True
            break
        i = int(at[0])
        j = int(at[1])
        if beam.back[i, j] <= at[2]:
            outside = True
            m = wp.transform_vector(beam.camera_from_light, beam.back_normal[i, j])
            break
    out = inward
    if outside and wp.dot(m, inward) > 0.02:
        left *= 1.0 - fresnel(wp.dot(m, inward), 1.0 / medium.index)
        out = bent(inward, -m, medium.index)
        if wp.length_sq(out) == 0.0:
            return
    place = landed(depth, lens, p - 0.5 * step * inward, out, scale)
    if place[2] > 0.0:
        for c in range(3):
            fade = wp.exp(-(medium.absorption[c] + 0.5 * medium.scattering[c]) * s)
            count_at(counts, c, wp.vec2(place[0], place[1]), left * fade)


def send(beam, medium, depth, lens, scale, *, counts):
    """Send light through a liquid onto a surface seen by the camera.

    Args:
        beam: The liquid from the light.
        medium: What it is made of.
        depth: z of the surface (rows, cols) [m].
        lens: (f_u, f_v, c_u, c_v) [pixels] of the camera.
        scale: Size of the liquid [m].
        counts: Output (rows, cols, 4) int, added to: bent parcels per colour and straight ones, in 1 / ``UNIT``.
    """
    inputs = [beam, medium, depth, lens, scale]
    wp.launch(send_kernel, dim=beam.depth.shape, inputs=inputs, outputs=[counts], device=counts.device)
