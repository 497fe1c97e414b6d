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
OUTSIDE = 1.0e9
"""Distance to the surface where it is not known [m]."""


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
def between(depth: wp.array2d(dtype=float), pixel: wp.vec2):
    """Depth between the pixels' centres: linear in its inverse where it is smooth, the nearest elsewhere."""
    x = wp.clamp(pixel[0] - 0.5, 0.0, float(depth.shape[1]) - 1.001)
    y = wp.clamp(pixel[1] - 0.5, 0.0, float(depth.shape[0]) - 1.001)
    i = int(x)
    j = int(y)
    a = 1.0 / depth[j, i]
    b = 1.0 / depth[j, i + 1]
    c = 1.0 / depth[j + 1, i]
    d = 1.0 / depth[j + 1, i + 1]
    high = wp.max(wp.max(a, b), wp.max(c, d))
    low = wp.min(wp.min(a, b), wp.min(c, d))
    if high > 1.1 * low:
        return depth[int(y + 0.5), int(x + 0.5)]
    s = x - float(i)
    t = y - float(j)
    return 1.0 / ((1.0 - t) * ((1.0 - s) * a + s * b) + t * ((1.0 - s) * c + s * d))


@wp.func
def gap_at(depth: wp.array2d(dtype=float), lens: wp.vec4, p: wp.vec3):
    """How far the surface lies behind a point [m], ``OUTSIDE`` if the point is not in the picture."""
    if p[2] <= 1.0e-4:
        return OUTSIDE
    pixel = pixel_of(p, lens)
    if not within(pixel, depth):
        return OUTSIDE
    return between(depth, pixel) - p[2]


@wp.func
def landed(depth: wp.array2d(dtype=float), lens: wp.vec4, start: wp.vec3, d: wp.vec3, scale: float):
    """Place in the picture where a ray meets the surface, and 1; 0 if it does not."""
    s = float(0.0)
    low = float(0.0)
    pixel = wp.vec2(0.0, 0.0)
    for _n in range(40):
        gap = gap_at(depth, lens, start + s * d)
        if gap <= 0.0:
            high = s
            for _k in range(10):
                middle = 0.5 * (low + high)
                if gap_at(depth, lens, start + middle * d) <= 0.0:
                    high = middle
                else:
                    low = middle
            p = start + high * d
            if gap_at(depth, lens, p) < -0.02 * p[2]:  # it went behind something
                return wp.vec3(0.0, 0.0, 0.0)
            pixel = pixel_of(p, lens)
            return wp.vec3(pixel[0], pixel[1], 1.0)
        if gap >= OUTSIDE or s > 40.0 * scale:
            break
        low = s
        s += wp.max(0.5 * gap, 0.01 * scale)
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
    before = float(1.0e-9)
    for _k in range(24):
        s += step
        p = start + s * inward
        pixel = pixel_of(p, lens)
        if not within(pixel, depth):
            return
        gap = between(depth, pixel) - p[2]
        if gap <= 0.0:
            s -= step * gap / wp.min(gap - before, -1.0e-9)
            break
        before = gap
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
    place = landed(depth, lens, p - wp.where(outside, 0.5, 1.0) * step * inward, out, scale)
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
