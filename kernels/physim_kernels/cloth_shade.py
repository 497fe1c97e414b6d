"""Colour and cover of every visible sample of cloth: from the photo, or of a fabric under the photo's light.

Light on the side that is seen, with n its normal, l towards the key light, T the part that comes through::

    E = key clear lit (wrapped max(0, n.l) + T max(0, -n.l)) + ambient (sky + T sky behind) / (1 + T) + bounce

An added fabric shows ``albedo E``. Cloth of the photo carries its own light already: it shows its own pixel times the
luminance of E now over that at time 0, held to a range, so at time 0 it is the photo.

World frame: right-handed, Y up, metres. Colours are linear.
"""

import warp as wp

from physim_kernels.occlusion import Casters, Sun, sky_left, sun_left
from physim_kernels.resample import sample4
from physim_kernels.texture import surface_of, woven

wp.set_module_options({"enable_backward": False})


UNDYED = wp.constant(0.82)  # reflectance of bleached yarn


@wp.struct
class Weave:
    """What one cloth is made of, and the light at its place."""

    number: int
    photographed: int
    texture: int
    """0 plain, 1 sugar, 2 wood, 3 checker, 4 speckle, 5 woven, 6 gingham."""
    grain: float
    """Size of a thread or a square [m]."""
    colour: wp.vec3
    through: float
    """Part of the light on one side that leaves on the other, T."""
    back: float
    """Brightness of the back of a printed cloth over that of its front."""
    low: float
    high: float
    """Range of the factor on photographed colours."""
    slack: float
    """How far behind the photographed surface it is still seen [m]."""
    start: int
    size: wp.vec2i
    corner: wp.vec2
    texel: float
    atlas: wp.array(dtype=wp.vec4)
    ground: wp.vec4
    """Linear colour of the surface below, and its height [m]."""
    radius: float
    """Half the diagonal of the cloth [m]."""


@wp.struct
class ClothView:
    """Who looks, and at what light."""

    eye: wp.vec3
    metres: float
    """Edge of an output pixel at depth 1 m [m]."""
    supersample: int
    u: int
    v: int
    """Corner of the window [pixels of the picture]."""
    key: wp.vec3
    ambient: wp.vec3


@wp.func
def luminance(c: wp.vec3):
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]


@wp.func
def arriving(weave: Weave, view: ClothView, sun: Sun, n: wp.vec3, direct: float, sky: float, behind: float, y: float):
    """Irradiance over pi of a side with normal ``n``.

    Args:
        weave: The fabric.
        view: The light.
        sun: Its direction.
        n: Normal of the side that is seen.
        direct: Part of the key light that arrives.
        sky: Part of the sky that the side sees.
        behind: And the other side.
        y: Height of the point [m].
    """
    cosine = wp.dot(n, sun.z)
    wrap = 0.15
    front = wp.max((cosine + wrap) / (1.0 + wrap), 0.0)
    back = wp.max((wrap - cosine) / (1.0 + wrap), 0.0)
    t = weave.through
    up = 0.5 + 0.5 * n[1]
    # What a side does not see of the sky it sees of its own folds and of the ground, which are lit as well.
    open = sky * (0.55 + 0.45 * up) + t * behind * (0.55 + 0.45 * (1.0 - up))
    light = view.key * (direct * (front + t * back)) + view.ambient * (open / (1.0 + t))
    height = wp.max(y - weave.ground[3], 0.0) / weave.radius
    bounce = 0.4 * (1.0 - up) * sky * wp.exp(-height)
    return light + bounce * wp.vec3(weave.ground[0], weave.ground[1], weave.ground[2])


@wp.kernel
def irradiance_kernel(
    # inputs
    point: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    light: wp.array(dtype=wp.vec3),
    lit: wp.array(dtype=wp.float32),
    weave: Weave,
    view: ClothView,
    sun: Sun,
    # outputs
    front_out: wp.array(dtype=wp.float32),
):
    """Luminance of the light on the front of every vertex."""
    i = wp.tid()
    part = light[i]
    n = normal[i]
    front_out[i] = luminance(arriving(weave, view, sun, n, part[0] * lit[i], part[1], part[2], point[i][1]))


@wp.func
def shown_before(surface: float, z: float, slack: float):
    """How much of a point at depth z is seen although the photo shows ``surface`` there."""
    return wp.clamp((surface + slack - z) / (0.4 * slack) + 1.0, 0.0, 1.0)


@wp.kernel
def cloth_shade_kernel(
    # inputs
    depth: wp.array2d(dtype=wp.float32),
    face: wp.array2d(dtype=wp.int32),
    weight: wp.array2d(dtype=wp.vec2),
    normal: wp.array2d(dtype=wp.vec3),
    rest: wp.array2d(dtype=wp.vec3),
    source: wp.array2d(dtype=wp.vec2),
    surface: wp.array2d(dtype=wp.float32),
    beyond: wp.array2d(dtype=wp.float32),
    corners: wp.array(dtype=wp.int32),
    point: wp.array(dtype=wp.vec3),
    light: wp.array(dtype=wp.vec3),
    lit: wp.array(dtype=wp.float32),
    before: wp.array(dtype=wp.float32),
    weave: Weave,
    view: ClothView,
    sun: Sun,
    casters: Casters,
    # outputs
    colour_out: wp.array2d(dtype=wp.vec4),
    made_out: wp.array2d(dtype=wp.float32),
    behind_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    colour_out[v, u] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    made_out[v, u] = 0.0
    behind_out[v, u] = 0.0
    t = face[v, u]
    if t < 0:
        return
    z = depth[v, u]
    row = view.v + v / view.supersample
    col = view.u + u / view.supersample
    shown = shown_before(beyond[row, col], z, weave.slack)
    if shown <= 0.0:
        return
    i = corners[3 * t]
    j = corners[3 * t + 1]
    k = corners[3 * t + 2]
    wb = weight[v, u][0]
    wc = weight[v, u][1]
    wa = 1.0 - wb - wc
    world = wa * point[i] + wb * point[j] + wc * point[k]
    part = wa * light[i] + wb * light[j] + wc * light[k]
    there = wa * lit[i] + wb * lit[j] + wc * lit[k]
    place = rest[v, u]
    side = place[2]
    n = normal[v, u]
    sky = part[1]
    behind = part[2]
    if side < 0.0:
        sky = part[2]
        behind = part[1]
    clear = part[0] * sun_left(world, casters, 0, casters.fixed, 0, sun)
    sky = sky * sky_left(world, n, casters, 0, casters.fixed, 0)
    colour = wp.vec3(0.0, 0.0, 0.0)
    cover = float(1.0)
    if weave.photographed == 1:
        now = luminance(arriving(weave, view, sun, n, clear * there, sky, behind, world[1]))
        was = wa * before[i] + wb * before[j] + wc * before[k]
        ratio = wp.clamp(now / wp.max(was, 1.0e-5), weave.low, weave.high)
        if side < 0.0:
            ratio = ratio * weave.back
        at = (source[v, u] - weave.corner) / weave.texel
        texel = sample4(weave.atlas, weave.start, weave.size, at[0], at[1], False)
        colour = ratio * wp.vec3(texel[0], texel[1], texel[2])
        cover = wp.clamp(texel[3], 0.0, 1.0)
    else:
        eye = wp.normalize(view.eye - world)
        pixel = z * view.metres / wp.sqrt(wp.max(wp.dot(n, eye), 0.05))
        flat = wp.vec3(place[0], place[1], 0.0)
        factor = float(1.0)
        dyed = float(1.0)
        if weave.texture >= 5:
            fabric = woven(weave.texture, place[0], place[1], weave.grain, pixel)
            factor = fabric[0]
            dyed = fabric[1]
        else:
            factor = surface_of(weave.texture, flat, weave.grain, pixel, weave.number * 7919)[3]
        e = arriving(weave, view, sun, n, clear * there, sky, behind, world[1])
        if side < 0.0:
            factor = factor * weave.back
        for c in range(3):
            colour[c] = (UNDYED + dyed * (weave.colour[c] - UNDYED)) * factor * e[c]
        made_out[v, u] = shown
    whole = cover
    cover = whole * shown
    behind_out[v, u] = whole * wp.max(shown - shown_before(surface[row, col], z, weave.slack), 0.0)
    colour_out[v, u] = wp.vec4(colour[0] * cover, colour[1] * cover, colour[2] * cover, cover)


def irradiance(point, normal, light, lit, weave, view, sun, *, front_out):
    """Luminance of the light on the front of every vertex, without bodies in the way, (N,).

    Args:
        point: Vertices, world [m].
        normal: Of the front.
        light: (sun left, sky left over the front, over the back), of ``cloth_light.vertex_light``.
        lit: Part of the direct light that the photo has there.
        weave: The fabric.
        view: The light.
        sun: Its direction.
        front_out: float32.
    """
    inputs = [point, normal, light, lit, weave, view, sun]
    wp.launch(irradiance_kernel, dim=point.shape[0], inputs=inputs, outputs=[front_out], device=point.device)


def cloth_shade(seen, surfaces, vertices, weave, view, sun, casters, *, colour_out, made_out, behind_out):
    """Premultiplied linear colour and cover of every sample of a window.

    Args:
        seen: (depth, face, weight, normal, rest, source_uv), each (rows, cols); see ``physim.cloth_view.ClothFrame``.
        surfaces: z of the photographed surface in the whole picture [m]: its nearer and its farther side.
        vertices: (corners (M * 3,), point, light, lit, irradiance at time 0), the last four per vertex.
        weave: What the cloth is made of.
        view: Who looks.
        sun: The light.
        casters: Bodies that stand in it (fixed rows).
        colour_out: vec4.
        made_out: Cover by added cloth, for grain and sharpness.
        behind_out: Cover that lies clearly behind the nearer surface, though not behind the farther.
    """
    inputs = [*seen, *surfaces, *vertices, weave, view, sun, casters]
    outputs = [colour_out, made_out, behind_out]
    wp.launch(cloth_shade_kernel, dim=colour_out.shape, inputs=inputs, outputs=outputs, device=colour_out.device)
