"""Colour and cover of every visible sample of a body: from the photo, or from a material under the photo's light.

A thing of the photo keeps its light while its detail moves: a ball's colour is its low-pass at the point of the rest
picture with the same world normal (light) times colour / low-pass at the material point (detail); any other form takes
its own pixel times the ratio of its luminance as a function of the normal, now over then. What the photo never showed
is a mirror image of what it showed: near the rim of a ball across the rim, farther round across three planes, which
keeps all lengths (mirrored across the rim all the way round, its back would shrink to rings about one point).

A thing that was added is lit by ``albedo (key max(0, (n.l + w) / (1 + w)) visible + ambient sky + bounce)`` with
w the wrap of light that travels under the surface, corners rounded, and grain at the size of its crystals. A round
light sets over an edge of shade as wide as it is itself: ``max`` is then that of :func:`lit_by_disc`.

World frame: right-handed, Y up, metres. Colours are linear.
"""

import math

import warp as wp

from physim_kernels.occlusion import Casters, Sun, sky_left, sun_left
from physim_kernels.resample import sample4, sample_low
from physim_kernels.texture import rounded, surface_of

wp.set_module_options({"enable_backward": False})

ADDED = wp.constant(1)
PHOTO = wp.constant(2)
PHOTO_BALL = wp.constant(3)
MATCAP = wp.constant(48)
SOLID, INWARDS = wp.constant(0.95), wp.constant(24)  # cover of what the photo shows of the thing alone; looks for it
EDGE_ON = wp.constant(0.1)  # cosine to the line of sight below which the photo shows a side's edge, not the side
MIRROR_FROM = wp.constant(1.3)  # rad from the view axis: across the rim the mirror image is stretched by 1.1 here,
MIRROR_TO = wp.constant(1.65)  # and by 1.5 here, where three planes have taken over
FOLD = wp.constant(1.18)  # rad from the view axis: beyond acos(.38) texels of a ball are too stretched to be used


@wp.struct
class Looks:
    """What bodies are made of, indexed by entity number. Constant over the clip."""

    kind: wp.array(dtype=wp.int32)
    form: wp.array(dtype=wp.int32)
    """1 box, 2 cylinder, 0 other: whose corners are rounded."""
    half: wp.array(dtype=wp.vec3)
    """Half extents, or (radius, half height, radius) [m]."""
    radius: wp.array(dtype=wp.float32)
    texture: wp.array(dtype=wp.int32)
    """0 plain, 1 sugar, 2 wood, 3 checker, 4 speckle."""
    grain: wp.array(dtype=wp.float32)
    """Size of a crystal, ring or square [m]."""
    colour: wp.array(dtype=wp.vec3)
    wrap: wp.array(dtype=wp.float32)
    gloss: wp.array(dtype=wp.float32)
    start: wp.array(dtype=wp.int32)
    """First texel in the atlas."""
    size: wp.array(dtype=wp.vec2i)
    """(columns, rows) of its part of the atlas."""
    edge: wp.array(dtype=wp.float32)
    """Deviation of its edge in the photo, without the pixel's own [pixels of the photo]."""
    corner: wp.array(dtype=wp.vec2)
    """(u, v) of its first texel's corner [pixels of the photo]."""
    texel: wp.array(dtype=wp.float32)
    """Edge of a texel [pixels of the photo]."""
    atlas: wp.array(dtype=wp.vec4)
    """Colour and cover."""
    low: wp.array(dtype=wp.vec3)
    """Low-pass of the colour."""
    matcap: wp.array(dtype=wp.float32)
    """Luminance over the normal in the rest camera, MATCAP x MATCAP per entity."""
    rest: wp.array(dtype=wp.mat44)
    """world_from_body at rest."""


@wp.struct
class Moment:
    """Poses and surroundings at one instant, indexed by entity number."""

    pose: wp.array(dtype=wp.mat44)
    """world_from_body"""
    turn: wp.array(dtype=wp.float32)
    """0 while the side seen is the one of the photo, 1 when it has clearly turned away."""
    ground: wp.array(dtype=wp.vec4)
    """Linear colour of the surface below, and its height [m]."""
    lit: wp.array(dtype=wp.float32)
    """Part of the direct light that reaches the place."""


@wp.struct
class View:
    eye: wp.vec3
    """Camera now, world [m]."""
    metres: float
    """Edge of an output pixel at depth 1 m [m]."""
    supersample: int
    u: int
    v: int
    """Corner of the window [pixels of the picture]."""
    rest_eye: wp.vec3
    camera_from_world: wp.mat44
    """At rest."""
    lens: wp.vec4
    """(f_u, f_v, c_u, c_v) of the photo [pixels]."""
    smear: float
    """Detail finer than this many output pixels is lost in the exposure."""
    key: wp.vec3
    ambient: wp.vec3


@wp.func
def matcap_at(matcap: wp.array(dtype=wp.float32), number: int, n: wp.vec3):
    x = wp.clamp((0.5 + 0.5 * n[0]) * float(MATCAP) - 0.5, 0.0, float(MATCAP) - 1.001)
    y = wp.clamp((0.5 + 0.5 * n[1]) * float(MATCAP) - 0.5, 0.0, float(MATCAP) - 1.001)
    i = int(x)
    j = int(y)
    s = x - float(i)
    t = y - float(j)
    k = (number * MATCAP + j) * MATCAP + i
    top = (1.0 - s) * matcap[k] + s * matcap[k + 1]
    return (1.0 - t) * top + t * ((1.0 - s) * matcap[k + MATCAP] + s * matcap[k + MATCAP + 1])


@wp.func
def in_photo(view: View, world: wp.vec3):
    """Pixel of the photo that shows a world point as it was at rest."""
    c = wp.transform_point(view.camera_from_world, world)
    z = wp.max(c[2], 1.0e-6)
    return wp.vec2(view.lens[0] * c[0] / z + view.lens[2], view.lens[1] * c[1] / z + view.lens[3])


@wp.func
def folded(n: wp.vec3, axis: wp.vec3, limit: float):
    """A direction pulled into the cap about ``axis`` by mirroring its angle at 0 and at ``limit``.

    The angle a becomes ``|2 limit - a|``, whose cosine and sine follow from those of both without an inverse.
    """
    cosine = wp.clamp(wp.dot(n, axis), -1.0, 1.0)
    if cosine >= wp.cos(limit):
        return n
    side = n - cosine * axis
    length = wp.length(side)
    if length < 1.0e-6:
        side = wp.cross(axis, wp.vec3(0.3, 0.5, 0.8))
        length = wp.length(side)
    sine = wp.sqrt(wp.max(1.0 - cosine * cosine, 0.0))
    across = wp.cos(2.0 * limit)
    up = wp.sin(2.0 * limit)
    return (across * cosine + up * sine) * axis + (wp.abs(up * cosine - across * sine) / length) * side


@wp.func
def in_octant(n: wp.vec3, axis: wp.vec3):
    """A direction mirrored at three planes at right angles into the octant about ``axis``, at most 55 degrees from it.

    Continuous, and no length changes: a ball covered by eight mirror images of one eighth of it.
    """
    side = wp.cross(axis, wp.vec3(0.3, 0.5, 0.8))
    if wp.length(side) < 0.1:
        side = wp.cross(axis, wp.vec3(0.8, -0.3, 0.5))
    x = wp.normalize(side)
    y = wp.cross(axis, x)
    result = wp.vec3(0.0, 0.0, 0.0)
    for k in range(3):
        turn = 2.0943951 * float(k)
        edge = 0.57735027 * axis + 0.81649658 * (wp.cos(turn) * x + wp.sin(turn) * y)
        result = result + wp.abs(wp.dot(n, edge)) * edge
    return result


@wp.func
def ball_detail(looks: Looks, view: View, number: int, world: wp.vec3):
    """Colour over its low-pass, and cover, where the photo shows a point."""
    size = looks.size[number]
    start = looks.start[number]
    at = (in_photo(view, world) - looks.corner[number]) / looks.texel[number]
    fine = sample4(looks.atlas, start, size, at[0], at[1], False)
    base = sample_low(looks.low, start, size, at[0], at[1])
    result = wp.vec4(0.0, 0.0, 0.0, fine[3])
    for c in range(3):
        result[c] = wp.clamp(fine[c] / wp.max(base[c], 1.0e-4), 0.3, 2.5)
    return result


@wp.func
def photo_ball(number: int, looks: Looks, moment: Moment, view: View, p: wp.vec3, world: wp.vec3):
    """Light by the normal, detail by the material point. The outline of a ball does not turn: it is the ball's own."""
    pose = moment.pose[number]
    rest = looks.rest[number]
    radius = looks.radius[number]
    now = wp.normalize(wp.transform_vector(pose, p))
    then = wp.normalize(wp.transform_vector(rest, p))
    centre = wp.transform_point(rest, wp.vec3(0.0, 0.0, 0.0))
    axis = wp.normalize(view.rest_eye - centre)
    turn = moment.turn[number]
    # It is drawn a little too large: while it has not turned each point is its own pixel, edge and all.
    place = turn * (centre + radius * folded(then, axis, FOLD)) + (1.0 - turn) * wp.transform_point(rest, p)
    detail = ball_detail(looks, view, number, place)
    cover = detail[3]
    back = float(0.0)
    cosine = wp.dot(then, axis)
    if cosine < wp.static(math.cos(1.3)):
        back = turn * wp.smoothstep(MIRROR_FROM, MIRROR_TO, wp.acos(wp.max(cosine, -1.0)))
    if back > 0.0:
        detail = (1.0 - back) * detail + back * ball_detail(
            looks, view, number, centre + radius * in_octant(then, axis)
        )
    texel = looks.texel[number]
    b = (in_photo(view, centre + radius * folded(now, axis, 1.5)) - looks.corner[number]) / texel
    light = sample_low(looks.low, looks.start[number], looks.size[number], b[0], b[1])
    here = wp.transform_point(pose, wp.vec3(0.0, 0.0, 0.0)) - view.eye
    ray = wp.normalize(world - view.eye)
    gap = wp.length(here - wp.dot(here, ray) * ray)
    # as soft as its edge is in the photo: a ramp of the deviation of that edge
    soft = 1.8 * looks.edge[number] * wp.length(here) / view.lens[0]
    outline = wp.smoothstep(-soft, soft, radius - gap)
    cover = (1.0 - turn) * cover + turn * outline
    return wp.vec4(light[0] * detail[0], light[1] * detail[1], light[2] * detail[2], cover)


@wp.func
def photo_form(
    number: int, looks: Looks, moment: Moment, view: View, p: wp.vec3, n: wp.vec3, uv: wp.vec2, inner: float
):  # fmt: skip
    """Its own pixel, or the one in the mirror, times its own light as a function of the normal."""
    pose = moment.pose[number]
    rest = looks.rest[number]
    turn = moment.turn[number]
    centre = wp.transform_point(rest, wp.vec3(0.0, 0.0, 0.0))
    then = wp.transform_point(rest, p)
    body = wp.transform_vector(wp.transpose(pose), n)
    place = uv
    hidden = float(0.0)
    if wp.isnan(uv[0]):
        axis = wp.normalize(view.rest_eye - centre)
        behind = wp.dot(then - centre, axis)
        place = in_photo(view, then - wp.min(2.0 * behind, 0.0) * axis)
        hidden = 1.0
    elif wp.dot(wp.transform_vector(rest, body), wp.normalize(view.rest_eye - then)) < EDGE_ON:
        hidden = 1.0
    at = (place - looks.corner[number]) / looks.texel[number]
    colour = sample4(looks.atlas, looks.start[number], looks.size[number], at[0], at[1], False)
    if hidden > 0.0 and colour[3] < SOLID:
        # sides along the lines of sight lie on the outline, and their mirror image outside of it: what is inwards of it
        middle = in_photo(view, centre)
        for k in range(1, INWARDS):
            if colour[3] < SOLID:
                part = float(k) / float(INWARDS)
                near = (place + part * part * (middle - place) - looks.corner[number]) / looks.texel[number]
                colour = sample4(looks.atlas, looks.start[number], looks.size[number], near[0], near[1], False)
    before = wp.transform_vector(view.camera_from_world, wp.transform_vector(rest, body))
    now = wp.transform_vector(view.camera_from_world, n)
    was = wp.max(matcap_at(looks.matcap, number, before), 1.0e-4)
    ratio = wp.clamp(matcap_at(looks.matcap, number, now) / was, 0.45, 2.2)
    # Drawn a little too large at rest, so that the photo's own edge decides; once turned, the trimmed form does.
    cover = (1.0 - turn) * wp.max(colour[3], hidden * inner) + turn * inner
    return wp.vec4(colour[0] * ratio, colour[1] * ratio, colour[2] * ratio, cover)


@wp.func
def lit_by_disc(cosine: float, sine: float):
    """Light of a disc on a surface over that of the whole disc from straight above, max(0, cosine) if it is small.

    The part above the horizon, t = cosine / sine of the disc's angular radius: the integral over it of y + t,
    ((2/3) (1 - t^2)^(3/2) + t (pi/2 + asin t + t sqrt(1 - t^2))) / pi.
    """
    if sine < 1.0e-4 or cosine >= sine:
        return wp.max(cosine, 0.0)
    t = wp.max(cosine / sine, -1.0)
    root = wp.sqrt(wp.max(1.0 - t * t, 0.0))
    return sine * (0.6666667 * root * root * root + t * (1.5707963 + wp.asin(t) + t * root)) / 3.1415927


@wp.func
def added(
    number: int, looks: Looks, moment: Moment, view: View, sun: Sun, casters: Casters,
    p: wp.vec3, n: wp.vec3, world: wp.vec3, depth: float, veiled: wp.vec2,
):  # fmt: skip
    """A material under the light of the photo."""
    pose = moment.pose[number]
    eye = wp.normalize(view.eye - world)
    body = wp.transform_vector(wp.transpose(pose), n)
    corner = rounded(looks.form[number], looks.half[number], p, body)
    smooth = wp.normalize(wp.transform_vector(pose, wp.vec3(corner[0], corner[1], corner[2])))
    # A round corner ends where it turns from the eye; beyond, the light of the hidden side would be on the outline.
    smooth = wp.normalize(smooth - wp.min(wp.dot(smooth, eye), 0.0) * eye)
    # Seen at a slant a pixel holds more of the surface: crystals caught by chance would nibble at the outline.
    pixel = depth * view.metres * view.smear / wp.sqrt(wp.max(wp.dot(smooth, eye), 0.05))
    surface = surface_of(looks.texture[number], p, looks.grain[number], pixel, number * 7919)
    tilt = wp.transform_vector(pose, wp.vec3(surface[0], surface[1], surface[2]))
    rough = wp.normalize(smooth + tilt)
    clear = (1.0 - veiled[0]) * sun_left(world, casters, 0, casters.fixed, number, sun)
    sky = veiled[1] + 1.0 - sky_left(world, smooth, casters, 0, casters.fixed, number)
    wrap = looks.wrap[number]
    sine = sun.spread / wp.sqrt(1.0 + sun.spread * sun.spread)
    facing = lit_by_disc(wp.dot(rough, sun.z) + wrap, sine) / (1.0 + wrap)
    # Where the smooth body already turns from the light, a tilted crystal may not catch it.
    facing = facing * wp.clamp(4.0 * (wp.dot(smooth, sun.z) + wrap + sine + 0.05), 0.0, 1.0)
    direct = view.key * (facing * clear * moment.lit[number])
    ground = moment.ground[number]
    height = wp.max(world[1] - ground[3], 0.0) / looks.radius[number]
    below = 0.5 - 0.5 * smooth[1]
    # Near the ground the lower part sees ground that lies in the body's own shadow.
    bounce = 0.55 * below * wp.exp(-0.35 * height) * (1.0 - 0.55 * wp.exp(-3.0 * height))
    contact = 1.0 - 0.6 * below * wp.exp(-5.0 * height)
    open = (1.0 - below * 0.75 * wp.exp(-0.5 * height)) * (1.0 - wp.min(sky, 1.0)) * contact
    # In the shade a crystal that tilts up sees more of the sky.
    diffuse = direct + view.ambient * (open * (1.0 + 0.8 * (rough[1] - smooth[1])))
    albedo = looks.colour[number] * surface[3]
    middle = wp.normalize(eye + sun.z)
    shine = wp.pow(wp.max(wp.dot(rough, middle), 0.0), 24.0) * (0.4 + 2.0 * corner[3]) * looks.gloss[number]
    colour = wp.vec3(0.0, 0.0, 0.0)
    for c in range(3):
        lit = albedo[c] * (diffuse[c] + bounce * ground[c])
        colour[c] = lit + view.key[c] * shine * clear * moment.lit[number]
    return wp.vec4(colour[0], colour[1], colour[2], 1.0)


@wp.func
def shown_before(surface: float, z: float, slack: float):
    """How much of a point at depth z is seen although the photo shows ``surface`` there.

    Soft and forgiving: photographed depth is too coarse to cut a thing off where it stands.
    """
    return wp.clamp((surface + slack - z) / (0.4 * slack) + 1.0, 0.0, 1.0)


@wp.kernel
def shade_kernel(
    # inputs
    depth: wp.array2d(dtype=wp.float32),
    ids: wp.array2d(dtype=wp.uint16),
    point: wp.array2d(dtype=wp.vec3),
    normal: wp.array2d(dtype=wp.vec3),
    source: wp.array2d(dtype=wp.vec2),
    inner: wp.array2d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.float32),
    beyond: wp.array2d(dtype=wp.float32),
    looks: Looks,
    moment: Moment,
    view: View,
    sun: Sun,
    casters: Casters,
    veiled: wp.array2d(dtype=wp.vec2),
    # outputs
    colour_out: wp.array2d(dtype=wp.vec4),
    made_out: wp.array2d(dtype=wp.float32),
    behind_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    colour_out[v, u] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    made_out[v, u] = 0.0
    behind_out[v, u] = 0.0
    number = int(ids[v, u])
    if number == 0:
        return
    z = depth[v, u]
    slack = 0.5 * looks.radius[number]
    row = view.v + v / view.supersample
    col = view.u + u / view.supersample
    shown = shown_before(beyond[row, col], z, slack)
    if shown <= 0.0:
        return
    p = point[v, u]
    world = wp.transform_point(moment.pose[number], p)
    result = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if looks.kind[number] == ADDED:
        hidden = wp.vec2(0.0, 0.0)
        if veiled.shape[0] > 0:
            hidden = veiled[v, u]
        result = added(number, looks, moment, view, sun, casters, p, normal[v, u], world, z, hidden)
        made_out[v, u] = shown
    elif looks.kind[number] == PHOTO_BALL:
        result = photo_ball(number, looks, moment, view, p, world)
    else:
        result = photo_form(number, looks, moment, view, p, normal[v, u], source[v, u], inner[v, u])
    whole = wp.clamp(result[3], 0.0, 1.0)
    cover = whole * shown
    behind_out[v, u] = whole * wp.max(shown - shown_before(surface[row, col], z, slack), 0.0)
    colour_out[v, u] = wp.vec4(result[0] * cover, result[1] * cover, result[2] * cover, cover)


@wp.kernel
def gather_kernel(
    # inputs
    colour: wp.array2d(dtype=wp.vec4),
    made: wp.array2d(dtype=wp.float32),
    behind: wp.array2d(dtype=wp.float32),
    depth: wp.array2d(dtype=wp.float32),
    supersample: int,
    u: int,
    v: int,
    weight: float,
    # outputs
    layer: wp.array2d(dtype=wp.vec4),
    made_out: wp.array2d(dtype=wp.float32),
    behind_out: wp.array2d(dtype=wp.float32),
    near_out: wp.array2d(dtype=wp.float32),
):
    """Add the mean of supersample x supersample samples, times ``weight``, to the layer at (v, u)."""
    j, i = wp.tid()
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    share = float(0.0)
    past = float(0.0)
    near = float(near_out[v + j, u + i])
    for b in range(supersample):
        for a in range(supersample):
            c = colour[j * supersample + b, i * supersample + a]
            total += c
            share += made[j * supersample + b, i * supersample + a]
            past += behind[j * supersample + b, i * supersample + a]
            if c[3] > 0.25:
                near = wp.min(near, depth[j * supersample + b, i * supersample + a])
    scale = weight / float(supersample * supersample)
    layer[v + j, u + i] = layer[v + j, u + i] + scale * total
    made_out[v + j, u + i] = made_out[v + j, u + i] + scale * share
    behind_out[v + j, u + i] = behind_out[v + j, u + i] + scale * past
    near_out[v + j, u + i] = near


def shade(
    seen, inner, surface, beyond, looks, moment, view, sun, casters, veiled, *, colour_out, made_out, behind_out
):  # fmt: skip
    """Premultiplied linear colour and cover of every sample of a window.

    Args:
        seen: (depth, ids, point, normal, source_uv), each (rows, cols); see ``physim.body_view.BodyFrame``.
        inner: Cover of things of the photo once they have turned, in [0, 1].
        surface: z of the photographed surface in the whole picture [m].
        beyond: The same, but the farther side along its edges: what lies clearly behind it is hidden.
        looks: What bodies are made of.
        moment: Where they are.
        view: Who looks.
        sun: The light.
        casters: What stands in it (fixed rows).
        veiled: Parts of sun and sky hidden by cloth, (rows, cols) vec2; empty if there is none.
        colour_out: vec4.
        made_out: Cover by things that were added, for grain and sharpness.
        behind_out: Cover that lies clearly behind ``surface``, though not behind ``beyond``.
    """
    inputs = [*seen, inner, surface, beyond, looks, moment, view, sun, casters, veiled]
    outputs = [colour_out, made_out, behind_out]
    wp.launch(shade_kernel, dim=inner.shape, inputs=inputs, outputs=outputs, device=inner.device)


def gather(colour, made, behind, depth, *, supersample, corner, weight, layer, made_out, behind_out, near_out):
    """Average samples to pixels and add them, times ``weight``, to a layer at ``corner`` (v, u)."""
    dim = (colour.shape[0] // supersample, colour.shape[1] // supersample)
    inputs = [colour, made, behind, depth, supersample, corner[1], corner[0], weight]
    outputs = [layer, made_out, behind_out, near_out]
    wp.launch(gather_kernel, dim=dim, inputs=inputs, outputs=outputs, device=colour.device)
