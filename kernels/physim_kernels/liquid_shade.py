"""The look of a liquid in front of a picture: what it bends, swallows, scatters and mirrors.

A view ray d meets the surface with normal n. Of its light the part

    F = (r_s^2 + r_p^2) / 2,   r_s = (c - n_l c_t) / (c + n_l c_t),   r_p = (n_l c - c_t) / (n_l c + c_t)

(Fresnel, unpolarised; c, c_t cosines outside and inside, n_l the refractive index) comes from the mirrored direction,
the rest along the refracted one (Snell). That ray is followed through the liquid on the screen, to the solid surface
behind or to the last way out, where it is bent again (Wyman, "An approximate image-space approach for interactive
refraction", 2005), and then to what it meets; rays that leave the picture meet the surroundings. Over a way L light
fades as exp(-(a + s) L) (Beer, Lambert), a absorption, s reduced scattering [1/m]. A liquid that scatters sends back,
as a layer lit from outside (Kubelka, Munk 1931, with K = 2 a, S = 3 s / 4, A = 1 + K / S, B = sqrt(A^2 - 1)),

    R = sinh(B S L) / D,   T = B / D,   D = A sinh(B S L) + B cosh(B S L)

of the light that falls on it. The light itself is a disc of angular radius w and radiance colour / sin^2 w, widened by
what the normal turns within a sample. Camera frame OpenCV; colours linear, photo white at 1.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.struct
class Medium:
    index: float
    """Refractive index [-]."""
    absorption: wp.vec3
    """[1/m]"""
    scattering: wp.vec3
    """Reduced [1/m]."""
    rough: float
    """Root of the mean square of the surface's slope below a sample [-]: foam, crema."""


@wp.struct
class Around:
    """What light comes from: a picture with its depth, and beyond it the surroundings."""

    picture: wp.array2d(dtype=wp.vec3)
    """Linear."""
    depth: wp.array2d(dtype=float)
    """z of its surface [m]."""
    ground: wp.array2d(dtype=wp.vec3)
    """The same without the bodies in it: what bent rays see behind them."""
    ground_depth: wp.array2d(dtype=float)
    sky: wp.array2d(dtype=wp.vec3)
    """Radiance by direction: rows from straight up to straight down, columns by the angle from +z to +x, world."""
    lens: wp.vec4
    """(f_u, f_v, c_u, c_v) [pixels] of the picture."""
    world_from_camera: wp.mat33
    light: wp.vec3
    """Unit vector to the light, camera frame."""
    spread: float
    """Angular radius of the light [rad]."""
    key: wp.vec3
    """What a white surface that faces the light sends back."""
    ambient: wp.vec3


@wp.struct
class Layer:
    """The liquid's own surface in a window, at ``supersample`` samples per pixel."""

    depth: wp.array2d(dtype=float)
    normal: wp.array2d(dtype=wp.vec3)
    thickness: wp.array2d(dtype=float)
    back: wp.array2d(dtype=float)
    back_normal: wp.array2d(dtype=wp.vec3)
    u: int
    v: int
    """Corner of the window [samples]."""
    supersample: int
    cell: float
    """Of the grid in which it was computed [m]."""
    shift: wp.vec2
    """Of the samples against those of the picture's camera [pixels]."""


@wp.func
def fresnel(cosine: float, index: float):
    """Part of unpolarised light that a surface reflects; ``index`` of the far side over that of the near one."""
    c = wp.clamp(cosine, 0.0, 1.0)
    s2 = (1.0 - c * c) / (index * index)
    if s2 >= 1.0:
        return 1.0
    t = wp.sqrt(1.0 - s2)
    rs = (c - index * t) / (c + index * t)
    rp = (index * c - t) / (index * c + t)
    return 0.5 * (rs * rs + rp * rp)


@wp.func
def bent(d: wp.vec3, n: wp.vec3, ratio: float):
    """Direction of a ray ``d`` after a surface whose normal ``n`` faces it; zero if it is reflected altogether.

    ``ratio``: index before over index after (Snell: sin t = ratio sin i).
    """
    c = -wp.dot(d, n)
    k = 1.0 - ratio * ratio * (1.0 - c * c)
    if k < 0.0:
        return wp.vec3(0.0, 0.0, 0.0)
    return ratio * d + (ratio * c - wp.sqrt(k)) * n


@wp.func
def layer_of(k: float, s: float, length: float):
    """Kubelka-Munk reflectance and transmittance of a layer of thickness ``length`` [m]."""
    if s <= 0.0:
        return wp.vec2(0.0, wp.exp(-wp.min(k * length, 60.0)))
    a = 1.0 + k / s
    b = wp.sqrt(wp.max(a * a - 1.0, 1.0e-8))
    x = wp.min(b * s * length, 30.0)
    e = wp.exp(x)
    sh = 0.5 * (e - 1.0 / e)
    ch = 0.5 * (e + 1.0 / e)
    d = a * sh + b * ch
    return wp.vec2(sh / d, b / d)


@wp.func
def colour_at(picture: wp.array2d(dtype=wp.vec3), p: wp.vec2):
    """Bilinear, ``p`` in pixels, centres at +0.5; mirrored beyond the border, so that nothing streaks."""
    width = float(picture.shape[1]) - 1.001
    height = float(picture.shape[0]) - 1.001
    x = wp.clamp(width - wp.abs(width - wp.abs(p[0] - 0.5)), 0.0, width)
    y = wp.clamp(height - wp.abs(height - wp.abs(p[1] - 0.5)), 0.0, height)
    i = int(x)
    j = int(y)
    s = x - float(i)
    t = y - float(j)
    top = (1.0 - s) * picture[j, i] + s * picture[j, i + 1]
    return (1.0 - t) * top + t * ((1.0 - s) * picture[j + 1, i] + s * picture[j + 1, i + 1])


@wp.func
def pixel_of(p: wp.vec3, lens: wp.vec4):
    z = wp.max(p[2], 1.0e-6)
    return wp.vec2(lens[0] * p[0] / z + lens[2], lens[1] * p[1] / z + lens[3])


@wp.func
def within(p: wp.vec2, picture: wp.array2d(dtype=float)):
    return p[0] >= 0.0 and p[1] >= 0.0 and p[0] < float(picture.shape[1]) and p[1] < float(picture.shape[0])


@wp.func
def depth_at(depth: wp.array2d(dtype=float), p: wp.vec2):
    """Depth z at the pixel of ``p``; beyond the border planes go on, 1 / z mirrored in its value there."""
    rows = depth.shape[0]
    cols = depth.shape[1]
    j = int(wp.floor(p[1]))
    i = int(wp.floor(p[0]))
    if i >= 0 and j >= 0 and i < cols and j < rows:
        return depth[j, i]
    jb = wp.clamp(j, 0, rows - 1)
    ib = wp.clamp(i, 0, cols - 1)
    jm = wp.clamp(2 * jb - j, 0, rows - 1)
    im = wp.clamp(2 * ib - i, 0, cols - 1)
    border = 1.0 / depth[jb, ib]
    return 1.0 / wp.clamp(2.0 * border - 1.0 / depth[jm, im], 0.5 * border, 3.0 * border)


@wp.func
def sky_at(around: Around, d: wp.vec3):
    """Radiance from the direction ``d`` (camera frame, unit)."""
    w = around.world_from_camera * d
    rows = around.sky.shape[0]
    cols = around.sky.shape[1]
    y = wp.acos(wp.clamp(w[1], -1.0, 1.0)) / 3.14159265 * float(rows) - 0.5
    x = (wp.atan2(w[0], w[2]) / 6.2831853 + 0.5) * float(cols) - 0.5
    y = wp.clamp(y, 0.0, float(rows) - 1.001)
    j = int(y)
    t = y - float(j)
    fx = wp.floor(x)
    i = (int(fx) + cols) % cols
    k = (i + 1) % cols
    s = x - fx
    top = (1.0 - s) * around.sky[j, i] + s * around.sky[j, k]
    return (1.0 - t) * top + t * ((1.0 - s) * around.sky[j + 1, i] + s * around.sky[j + 1, k])


@wp.func
def met(around: Around, start: wp.vec3, d: wp.vec3, fallback: bool):
    """Colour of what a ray from ``start`` along ``d`` meets, and 1 where that is in the picture.

    Steps as long as the gap to the surface straight ahead; ``fallback``: a ray that leaves the picture takes its border
    rather than the surroundings.
    """
    s = float(0.0)
    pixel = pixel_of(start, around.lens)
    if start[2] <= 0.0:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    least = 0.004 * start[2]
    for _n in range(24):
        p = start + s * d
        if p[2] <= 1.0e-4:
            break
        pixel = pixel_of(p, around.lens)
        if not within(pixel, around.depth):
            if fallback and d[2] > 0.0:
                c = colour_at(around.picture, pixel)
                return wp.vec4(c[0], c[1], c[2], 1.0)
            break
        gap = around.depth[int(pixel[1]), int(pixel[0])] - p[2]
        if gap < -0.03 * p[2]:  # behind a body: what stands there without it
            gap = around.ground_depth[int(pixel[1]), int(pixel[0])] - p[2]
            if gap <= 0.002 * p[2] and (gap > -0.1 * p[2] or s == 0.0):
                c = colour_at(around.ground, pixel)
                return wp.vec4(c[0], c[1], c[2], 1.0)
        elif gap <= 0.002 * p[2]:
            c = colour_at(around.picture, pixel)
            return wp.vec4(c[0], c[1], c[2], 1.0)
        s += wp.clamp(0.8 * wp.abs(gap) / wp.max(d[2], 0.3), least, 0.5 * start[2] + 2.0 * s)
    c = sky_at(around, d)
    return wp.vec4(c[0], c[1], c[2], 0.0)


@wp.struct
class Path:
    """A refracted ray's way through the liquid."""

    length: float
    """[m]"""
    colour: wp.vec3
    """Of what it meets beyond."""


@wp.func
def uncovered(around: Around, start: wp.vec3, d: wp.vec3, low: float, high: float, slack: float):
    """How far a ray that is seen at ``low`` and hidden at ``high`` comes before it is hidden."""
    a = float(low)
    b = float(high)
    for _n in range(7):
        s = 0.5 * (a + b)
        p = start + s * d
        pixel = pixel_of(p, around.lens)
        if within(pixel, around.depth) and around.depth[int(pixel[1]), int(pixel[0])] >= p[2] - slack:
            a = s
        else:
            b = s
    return a


@wp.func
def turned_within(layer: Layer, v: int, u: int):
    """How much the normal turns from sample to sample [rad]."""
    n = layer.normal[v, u]
    total = float(0.0)
    if u + 1 < layer.depth.shape[1] and layer.thickness[v, u + 1] > 0.0:
        total += wp.length_sq(layer.normal[v, u + 1] - n)
    if v + 1 < layer.depth.shape[0] and layer.thickness[v + 1, u] > 0.0:
        total += wp.length_sq(layer.normal[v + 1, u] - n)
    return wp.sqrt(wp.min(total, 0.25))


@wp.func
def back_turned(layer: Layer, v: int, u: int):
    """The same of the last way out."""
    n = layer.back_normal[v, u]
    total = float(0.0)
    if u + 1 < layer.back.shape[1] and layer.back[v, u + 1] > 0.0:
        total += wp.length_sq(layer.back_normal[v, u + 1] - n)
    if v + 1 < layer.back.shape[0] and layer.back[v + 1, u] > 0.0:
        total += wp.length_sq(layer.back_normal[v + 1, u] - n)
    return wp.sqrt(wp.min(total, 0.25))


@wp.func
def followed(
    around: Around, layer: Layer, start: wp.vec3, straight: wp.vec3, d: wp.vec3, index: float, thick: float,
    turned: float,
):  # fmt: skip
    """A ray inside the liquid from ``start`` along ``d`` to its end.

    ``straight``: it came along this; ``turned``: how much the surface turns there within a sample. Where a sample's
    rays go apart, they see the soft surroundings.
    """
    path = Path()
    n = float(layer.supersample)
    longest = 2.0 * thick + 1.0e-4
    before = float(0.0)
    gap_before = float(1.0e-6)
    s = float(0.0)
    solid = bool(True)
    behind = bool(False)
    hidden = bool(False)
    seen = float(-1.0)
    v = int(0)
    u = int(0)
    found = bool(False)
    step = longest / 16.0
    for k in range(1, 17):
        if found:
            break
        s = step * float(k)
        p = start + s * d
        pixel = pixel_of(p, around.lens)
        if p[2] <= 1.0e-4:
            found = True
            break
        u = int(wp.floor((pixel[0] + layer.shift[0]) * n)) - layer.u
        v = int(wp.floor((pixel[1] + layer.shift[1]) * n)) - layer.v
        outside = not within(pixel, around.depth)
        ground = depth_at(around.depth, pixel)
        if ground < p[2] - 2.0 * step and not outside:  # it passes behind a body
            ground = around.ground_depth[int(pixel[1]), int(pixel[0])]
            behind = True
            if ground < p[2] - 2.0 * step:  # and behind what never moves: nobody can see what it meets there
                hidden = True
                found = True
                break
        else:
            behind = False
            seen = s
        back = float(0.0)
        if outside:  # out of the picture the liquid is taken to reach down to what is solid
            back = wp.inf
        elif u >= 0 and v >= 0 and u < layer.back.shape[1] and v < layer.back.shape[0]:
            back = layer.back[v, u]
        if back <= 0.0:  # past the outline: it has left sideways
            found = True
            s = before
            solid = False
        elif wp.min(ground, back) <= p[2]:
            gap = wp.min(ground, back) - p[2]
            found = True
            solid = ground <= back
            s = before + (s - before) * gap_before / wp.max(gap_before - gap, 1.0e-9)
        else:
            gap_before = wp.min(ground, back) - p[2]
            before = s
    if hidden:
        s = uncovered(around, start, d, wp.max(seen, 0.0), s, 2.0 * step)
    path.length = wp.max(s, 0.25 * thick)
    soft = float(0.0)
    end = start + s * d
    out = d
    if not solid:
        m = wp.vec3(0.0, 0.0, 0.0)
        if u >= 0 and v >= 0 and u < layer.back.shape[1] and v < layer.back.shape[0]:
            m = layer.back_normal[v, u]
            soft = wp.smoothstep(0.15, 0.5, turned + back_turned(layer, v, u))
        if wp.dot(m, d) > 0.02:
            out = bent(d, -m, index)
            if wp.length_sq(out) == 0.0:  # it stays inside, and comes out elsewhere after some more turns
                out = d - 2.0 * wp.dot(d, m) * m
                soft = float(1.0)
        # The sides of a sheet thinner than the cells it was computed in are known by chance only; in truth they run
        # side by side, and what is behind is seen where it is.
        out = wp.normalize(wp.lerp(straight, out, wp.smoothstep(0.5, 2.5, thick / layer.cell)))
    if hidden and seen < 0.0:
        path.colour = colour_at(around.ground, pixel_of(end, around.lens))
    elif solid and behind and not hidden:
        path.colour = colour_at(around.ground, pixel_of(end, around.lens))
    elif solid:
        path.colour = colour_at(around.picture, pixel_of(end, around.lens))
    else:
        c = met(around, end, out, True)
        path.colour = wp.lerp(wp.vec3(c[0], c[1], c[2]), sky_at(around, out), soft)
    return path


@wp.func
def glint(around: Around, mirrored: wp.vec3, rough: float):
    """Radiance of the light seen in the direction ``mirrored``."""
    cosine = wp.clamp(wp.dot(mirrored, around.light), -1.0, 1.0)
    width = around.spread * around.spread + 2.0 * rough * rough
    x = 2.0 * (1.0 - cosine) / width
    return 1.128 * wp.exp(-x * x) / width  # a disc with a soft edge; over all directions pi


@wp.kernel
def shade_kernel(
    layer: Layer, around: Around, medium: Medium,
    # outputs
    colour_out: wp.array2d(dtype=wp.vec4),
):  # fmt: skip
    v, u = wp.tid()
    colour_out[v, u] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    thick = layer.thickness[v, u]
    if thick <= 0.0:
        return
    n = float(layer.supersample)
    x = (float(layer.u + u) + 0.5) / n - layer.shift[0]
    y = (float(layer.v + v) + 0.5) / n - layer.shift[1]
    ray = wp.vec3((x - around.lens[2]) / around.lens[0], (y - around.lens[3]) / around.lens[1], 1.0)
    d = wp.normalize(ray)
    start = layer.depth[v, u] * ray
    normal = layer.normal[v, u]
    slant = wp.dot(normal, d)
    if slant > -0.03:  # at the limb the smooth normal may look away
        normal = wp.normalize(normal - (slant + 0.03) * d)
    cosine = -wp.dot(d, normal)
    part = fresnel(cosine, medium.index)
    inward = bent(d, normal, 1.0 / medium.index)
    turned = turned_within(layer, v, u)
    path = followed(around, layer, start, d, inward, medium.index, thick, turned)
    mirrored = d + 2.0 * cosine * normal
    lifted = start + 0.003 * start[2] * normal
    seen = met(around, lifted, mirrored, False)
    mirror = wp.vec3(seen[0], seen[1], seen[2])
    soft = wp.smoothstep(0.08, 0.3, turned)  # it turns so much within a sample that many directions mix
    if soft > 0.0:
        mirror = wp.lerp(mirror, sky_at(around, mirrored), soft)
    if seen[3] == 0.0:
        mirror += glint(around, mirrored, turned + medium.rough + 0.01) * around.key
    facing = wp.dot(normal, around.light)
    direct = wp.max(0.75 * facing + 0.25, 0.0)  # light that enters nearby comes out here
    total = wp.vec3(0.0, 0.0, 0.0)
    for c in range(3):
        a = medium.absorption[c]
        b = medium.scattering[c]
        through = wp.exp(-(a + b) * path.length)
        back = layer_of(2.0 * a, 0.75 * b, path.length)
        diffuse = back[0] * (around.key[c] * direct + around.ambient[c])
        beyond = path.colour[c] * (through + wp.max(back[1] - through, 0.0) * wp.where(b > 0.0, 1.0, 0.0))
        total[c] = (1.0 - part) * (beyond + diffuse) + part * mirror[c]
    colour_out[v, u] = wp.vec4(total[0], total[1], total[2], 1.0)


@wp.func
def mirrored_light(around: Around, start: wp.vec3, d: wp.vec3, normal: wp.vec3, medium: Medium, turned: float):
    """What a surface at ``start`` reflects to the camera, the light's glint included; a rough one: what is soft."""
    cosine = -wp.dot(d, normal)
    mirrored = d + 2.0 * cosine * normal
    seen = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if medium.rough > 0.08:
        c = sky_at(around, mirrored)
        seen = wp.vec4(c[0], c[1], c[2], 0.0)
    else:
        seen = met(around, start + 0.003 * start[2] * normal, mirrored, False)
    total = wp.vec3(seen[0], seen[1], seen[2])
    if seen[3] == 0.0:
        total += glint(around, mirrored, turned + medium.rough + 0.01) * around.key
    return fresnel(cosine, medium.index) * total


@wp.kernel
def photographed_kernel(
    layer: Layer, around: Around, medium: Medium, flow: wp.array2d(dtype=wp.vec2), photo: wp.array2d(dtype=wp.vec3),
    up: wp.vec3,
    # outputs
    colour_out: wp.array2d(dtype=wp.vec4),
):  # fmt: skip
    """A liquid that the photo shows: its own pixels, carried along, and what its reflection has changed by."""
    v, u = wp.tid()
    colour_out[v, u] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if layer.thickness[v, u] <= 0.0:
        return
    n = float(layer.supersample)
    x = (float(layer.u + u) + 0.5) / n - layer.shift[0]
    y = (float(layer.v + v) + 0.5) / n - layer.shift[1]
    ray = wp.vec3((x - around.lens[2]) / around.lens[0], (y - around.lens[3]) / around.lens[1], 1.0)
    d = wp.normalize(ray)
    start = layer.depth[v, u] * ray
    normal = layer.normal[v, u]
    slant = wp.dot(normal, d)
    if slant > -0.03:
        normal = wp.normalize(normal - (slant + 0.03) * d)
    change = mirrored_light(around, start, d, normal, medium, turned_within(layer, v, u))
    change -= mirrored_light(around, start, d, up, medium, 0.0)
    change *= wp.smoothstep(0.85, 0.97, wp.dot(normal, up))  # a rim that climbs the wall has its look in the photo
    own = colour_at(photo, wp.vec2(x + flow[v, u][0], y + flow[v, u][1]))
    c = wp.max(own + change, 0.5 * own)
    colour_out[v, u] = wp.vec4(c[0], c[1], c[2], 1.0)


@wp.kernel
def gather_kernel(
    colour: wp.array2d(dtype=wp.vec4), way: wp.array2d(dtype=wp.vec2), supersample: int, weight: float,
    offset_v: int, offset_u: int,
    # in and out
    layer: wp.array2d(dtype=wp.vec4),
):  # fmt: skip
    """Add the mean of the samples of each pixel, spread over its way and a bit more; white counts 4 times at most."""
    j, i = wp.tid()
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for n in range(supersample * supersample):
        c = colour[j * supersample + n / supersample, i * supersample + n % supersample]
        total += wp.vec4(wp.min(c[0], 4.0), wp.min(c[1], 4.0), wp.min(c[2], 4.0), c[3])
    if total[3] == 0.0:
        return
    share = weight / float(supersample * supersample)
    w = wp.vec2(0.0, 0.0)
    if way.shape[0] > 0:
        w = way[j * supersample, i * supersample]
    taps = wp.clamp(int(wp.ceil(1.5 * wp.length(w) - 0.25)), 1, 64)
    for k in range(taps):
        t = 1.12 * ((float(k) + 0.5) / float(taps) - 0.5)
        v = j + offset_v + int(wp.floor(t * w[1] + 0.5))
        u = i + offset_u + int(wp.floor(t * w[0] + 0.5))
        if v >= 0 and u >= 0 and v < layer.shape[0] and u < layer.shape[1]:
            wp.atomic_add(layer, v, u, (share / float(taps)) * total)


def shade(layer, around, medium, *, colour_out):
    """Colour every sample of a window: premultiplied linear colour and cover, vec4."""
    device = colour_out.device
    wp.launch(shade_kernel, dim=colour_out.shape, inputs=[layer, around, medium], outputs=[colour_out], device=device)


def photographed(layer, around, medium, flow, photo, up, *, colour_out):
    """Colour every sample of a liquid that the photo shows.

    Args:
        layer: Its surface.
        around: What it mirrors.
        medium: What it is made of.
        flow: Way of each sample back to its place in the photo [pixels of the picture], vec2.
        photo: Linear, at picture size; beyond the liquid its colours go on.
        up: Normal of the surface at rest, camera frame.
        colour_out: Premultiplied linear colour and cover, vec4.
    """
    inputs = [layer, around, medium, flow, photo, up]
    wp.launch(photographed_kernel, dim=colour_out.shape, inputs=inputs, outputs=[colour_out], device=colour_out.device)


def gather(colour, way, *, supersample, weight, offset, layer):
    """Add ``weight`` times the samples of ``colour`` to the pixels of ``layer`` from ``offset`` (v, u) on.

    Args:
        colour: Of :func:`shade`.
        way: How far each sample moves until the next instant [pixels], vec2; each pixel is spread over it. Or empty.
        supersample: Samples per pixel along each side.
        weight: Of this instant.
        offset: Of the window in the layer (v, u) [pixels].
        layer: In and out, vec4.
    """
    dim = (colour.shape[0] // supersample, colour.shape[1] // supersample)
    inputs = [colour, way, supersample, weight, *offset]
    wp.launch(gather_kernel, dim=dim, inputs=inputs, outputs=[layer], device=colour.device)
