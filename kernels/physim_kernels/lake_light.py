"""A lake of a photo as its waves move: where each pixel's light comes from, and how much of it is reflected.

A pixel shows a place on the still plane. Waves tilt the surface there by a slope; the mirrored ray turns, and what it
meets is what a flat mirror shows at another pixel, so that the photo's own reflections are the light (``mirror`` of
them). Where the photo shows waves already, they are carried along with the water: by the motion of the surface in its
waves, forth and back. Foam is no mirror: it is carried, and shines as it does. All are differences to time 0, whose
waves are those of the photo. Each wave counts as far as the pixel can show it: places along the pixel's footprint are
averaged, bands finer than that fade. What carries a picture along must be smoother still, or it would tear it.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

TAPS = wp.constant(3)
"""Places along the footprint of a pixel."""
TILE = wp.constant(128)
CARRIES = wp.constant(2.5)
"""A quarter of the shortest wave that moves the picture on the water, in footprints of a pixel."""


@wp.struct
class Bands:
    """Waves of the wind, an octave each, at two times."""

    count: int
    now: wp.array2d(dtype=wp.vec3)  # (band, tile flat): height [m], slopes along world x and z
    first: wp.array2d(dtype=wp.vec3)  # at time 0
    frame: wp.array(dtype=wp.vec4)  # cos, sin of the tile's turn, samples per metre, shortest wave that counts [m]
    shift: wp.vec2  # way of the current since time 0 [m]


@wp.struct
class Eye:
    position: wp.vec3
    rotation: wp.mat33  # world from camera
    lens: wp.vec4  # f_u, f_v, c_u, c_v [pixels of the photo]
    scale: wp.vec2  # pixels of the photo per pixel of the view
    level: float  # of the plane [m]
    fade: float  # farthest place that moves [m]


@wp.struct
class Patch:
    """The computed surface, cells; its origin is the centre of cell (0, 0)."""

    eta: wp.array2d(dtype=float)
    origin: wp.vec2
    cell: float


@wp.func
def tile_at(tiles: wp.array2d(dtype=wp.vec3), band: int, a: float, b: float):
    """Bilinear, periodic; a along the tile's first axis, in samples."""
    i = int(wp.floor(a))
    k = int(wp.floor(b))
    s = a - float(i)
    t = b - float(k)
    i = i & (TILE - 1)
    k = k & (TILE - 1)
    j = (i + 1) & (TILE - 1)
    m = (k + 1) & (TILE - 1)
    low = (1.0 - s) * tiles[band, k * TILE + i] + s * tiles[band, k * TILE + j]
    high = (1.0 - s) * tiles[band, m * TILE + i] + s * tiles[band, m * TILE + j]
    return (1.0 - t) * low + t * high


@wp.func
def wind_at(bands: Bands, tiles: wp.array2d(dtype=wp.vec3), x: float, z: float, fine: float):
    total = wp.vec3()
    for n in range(bands.count):
        f = bands.frame[n]
        share = wp.clamp(f[3] / fine - 1.0, 0.0, 1.0)
        if share > 0.0:
            total += share * tile_at(tiles, n, (f[0] * x + f[1] * z) * f[2], (-f[1] * x + f[0] * z) * f[2])
    return total


@wp.func
def way_at(bands: Bands, tiles: wp.array2d(dtype=wp.vec3), x: float, z: float, fine: float):
    """Way of a drop of the surface from its place at rest, x, y, z [m].

    A wave a cos(k.x - w t) on deep water carries drops round circles: up by its height, and along by its slope over k,
    which is a quarter of a period behind.
    """
    total = wp.vec3()
    for n in range(bands.count):
        f = bands.frame[n]
        share = wp.clamp(f[3] / fine - 1.0, 0.0, 1.0)
        if share > 0.0:
            w = share * tile_at(tiles, n, (f[0] * x + f[1] * z) * f[2], (-f[1] * x + f[0] * z) * f[2])
            per = 0.75 * 4.0 * f[3] / 6.2831853  # 1 / k in the middle of the octave
            total += wp.vec3(per * w[1], w[0], per * w[2])
    return total


@wp.func
def read(p: Patch, k: int, i: int):
    return p.eta[wp.clamp(k, 0, p.eta.shape[0] - 1), wp.clamp(i, 0, p.eta.shape[1] - 1)]


@wp.func
def spline(t: float):
    """Weights of the quadratic B-spline at -1, 0, 1: its slopes have no kinks at cells."""
    return wp.vec3(0.5 * (0.5 - t) * (0.5 - t), 0.75 - t * t, 0.5 * (0.5 + t) * (0.5 + t))


@wp.func
def slope_weights(t: float):
    return wp.vec3(t - 0.5, -2.0 * t, t + 0.5)


@wp.func
def patch_at(p: Patch, x: float, z: float):
    """Height and slopes of the computed surface."""
    a = (x - p.origin[0]) / p.cell
    b = (z - p.origin[1]) / p.cell
    if a < 0.0 or b < 0.0 or a > float(p.eta.shape[1] - 1) or b > float(p.eta.shape[0] - 1):
        return wp.vec3()
    i = int(wp.floor(a + 0.5))
    k = int(wp.floor(b + 0.5))
    wx = spline(a - float(i))
    wz = spline(b - float(k))
    dx = slope_weights(a - float(i))
    dz = slope_weights(b - float(k))
    total = wp.vec3()
    for n in range(3):
        for m in range(3):
            e = read(p, k + n - 1, i + m - 1)
            total += e * wp.vec3(wx[m] * wz[n], dx[m] * wz[n] / p.cell, wx[m] * dz[n] / p.cell)
    return total


@wp.func
def mirrored(eye: Eye, d: wp.vec3, slope_x: float, slope_z: float):
    """Pixel of the photo at which a flat mirror shows what the tilted one shows along the ray ``d``."""
    n = wp.normalize(wp.vec3(-slope_x, 1.0, -slope_z))
    r = d - 2.0 * wp.dot(d, n) * n
    down = wp.vec3(r[0], -wp.max(wp.abs(r[1]), 0.02), r[2])
    c = wp.transpose(eye.rotation) * down
    z = wp.max(c[2], 0.05)
    return wp.vec2(eye.lens[0] * c[0] / z + eye.lens[2], eye.lens[1] * c[1] / z + eye.lens[3])


@wp.func
def reflected(d: wp.vec3, slope_x: float, slope_z: float, index: float):
    """Share of light that the tilted surface reflects towards the eye (Fresnel, unpolarised)."""
    n = wp.normalize(wp.vec3(-slope_x, 1.0, -slope_z))
    c = wp.clamp(-wp.dot(d, n), 0.02, 1.0)
    g = wp.sqrt(index * index - 1.0 + c * c)
    across = (g - c) / (g + c)
    along = (index * index * c - g) / (index * index * c + g)
    return 0.5 * (across * across + along * along)


@wp.func
def pixel_of(eye: Eye, x: wp.vec3):
    c = wp.transpose(eye.rotation) * (x - eye.position)
    z = wp.max(c[2], 1.0e-3)
    return wp.vec2(eye.lens[0] * c[0] / z + eye.lens[2], eye.lens[1] * c[1] / z + eye.lens[3])


@wp.func
def held(shift: wp.vec2, room: float):
    """A shift that stays within ``room`` pixels, smoothly."""
    return shift * (room / (wp.length(shift) + room + 1.0e-6))


@wp.kernel
def lake_kernel(
    # inputs
    room: wp.array2d(dtype=float), foam: wp.array2d(dtype=float), bands: Bands, patch: Patch, eye: Eye,
    current: wp.vec2, period: float, time: float, mirror: float, index: float,
    # outputs
    shift_a: wp.array2d(dtype=wp.vec2), shift_b: wp.array2d(dtype=wp.vec2), light: wp.array2d(dtype=float),
    normal: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    """Shifts [pixels of the photo] of the places that two phases of the flow show, and the change of the reflected
    share. ``room`` [pixels] is the way to the shore line; 0 outside. ``foam`` is the part that floats on the water [-].
    """
    v, u = wp.tid()
    shift_a[v, u] = wp.vec2()
    shift_b[v, u] = wp.vec2()
    light[v, u] = 0.0
    normal[v, u] = wp.vec3(0.0, 1.0, 0.0)
    near = room[v, u]
    if near <= 0.0:
        return
    at = wp.vec2((float(u) + 0.5) * eye.scale[0], (float(v) + 0.5) * eye.scale[1])
    ray = eye.rotation * wp.vec3((at[0] - eye.lens[2]) / eye.lens[0], (at[1] - eye.lens[3]) / eye.lens[1], 1.0)
    if ray[1] > -1.0e-4:
        return
    depth = (eye.level - eye.position[1]) / ray[1]
    if depth <= 0.0 or depth > eye.fade:
        return
    x = eye.position + depth * ray
    d = wp.normalize(ray)
    pixel = depth / eye.lens[0] * eye.scale[0]  # of the view, on the water [m]
    long = pixel / wp.max(-d[1], 1.0e-3)
    way = wp.normalize(wp.vec2(d[0], d[2]))
    fine = wp.max(pixel, long / float(TAPS))
    now = wp.vec3()
    first = wp.vec3()
    for tap in range(TAPS):
        s = (float(tap) - 0.5 * float(TAPS - 1)) / float(TAPS) * long
        px = x[0] + s * way[0]
        pz = x[2] + s * way[1]
        now += wind_at(bands, bands.now, px - bands.shift[0], pz - bands.shift[1], fine)
        first += wind_at(bands, bands.first, px, pz, fine)
        now += patch_at(patch, px, pz)
    now = now / float(TAPS)
    first = first / float(TAPS)
    fade = wp.clamp(4.0 * (1.0 - depth / eye.fade), 0.0, 1.0)
    turned = mirrored(eye, d, now[1], now[2]) - mirrored(eye, d, first[1], first[2])
    # carried: what floats goes round with the drops beneath it
    smooth = CARRIES * wp.max(pixel, long)
    drop = way_at(bands, bands.now, x[0] - bands.shift[0], x[2] - bands.shift[1], smooth)
    drop -= way_at(bands, bands.first, x[0], x[2], smooth)
    drop += wp.vec3(0.0, patch_at(patch, x[0], x[2])[0], 0.0)
    carried = pixel_of(eye, x) - pixel_of(eye, x + drop)
    clear = 1.0 - foam[v, u]
    mirrors = mirror * clear
    rough = held(0.04 * turned, 0.02 * near + 1.5)  # what is mirrored in waves too fine to be seen one by one
    moved = mirrors * held(turned, 0.5 * near) + (1.0 - mirrors) * (carried + clear * rough)
    light[v, u] = (
        fade * clear * wp.min(near / 6.0, 1.0)
        * (reflected(d, now[1], now[2], index) - reflected(d, first[1], first[2], index))
    )  # fmt: skip
    normal[v, u] = wp.normalize(wp.vec3(-now[1], 1.0, -now[2]))
    stream_a = wp.vec2()
    stream_b = wp.vec2()
    if wp.length(current) > 0.0:
        turn = time / period
        age_a = (turn - wp.floor(turn + 0.5)) * period
        age_b = (turn - wp.floor(turn) - 0.5) * period
        back_a = x - age_a * wp.vec3(current[0], 0.0, current[1])
        back_b = x - age_b * wp.vec3(current[0], 0.0, current[1])
        stream_a = held(pixel_of(eye, back_a) - at, near)
        stream_b = held(pixel_of(eye, back_b) - at, near)
    shift_a[v, u] = fade * held(moved + stream_a, near)
    shift_b[v, u] = fade * held(moved + stream_b, near)


def lake(room, foam, bands, patch, eye, *, current, period, time, mirror, index, out):
    """Fill ``out``: (shift_a, shift_b, light, normal), all of the size of ``room``."""
    wp.launch(
        lake_kernel, dim=room.shape, inputs=[room, foam, bands, patch, eye, current, period, time, mirror, index],
        outputs=list(out), device=room.device,
    )  # fmt: skip
