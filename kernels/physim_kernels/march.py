"""Light through smoke: a view ray collects what the grid lets through, scatters towards the camera, and how it moves.

Along a ray, in steps ds with density d, extinction sigma = E d and a = 1 - exp(-sigma ds):

    weight = T a,   T <- T (1 - a)
    scattered = albedo [ light o (P q + M q^0.3) + ambient (0.6 + 0.4 q^0.3) ]   summed over weight

T is what still comes through, q the transmittance of the smoke from the sample to the light, o the part of the light
that solid things leave there, P the phase function relative to an even one times 0.45. The second term stands for light
scattered more than once: it reaches deeper (q^0.3) and comes from everywhere. Source: Wrenninge, Kulla, Lundqvist, Oz:
the great and volumetric, SIGGRAPH 2013 talks (octaves of scattering); Henyey, Greenstein, 1941 (phase function). A thin
cloud of albedo 1 so sends back 0.7 of a facing white surface plus all ambient light, as steam in photographs does.

A grid is too coarse for what the eye expects of smoke. Below its cells the density is eroded by noise n of four octaves
(variance 1: a ray averages it over many cells, so that less would not be seen),

    d <- d + 1.3 n (0.25 * 4 d (1 - d) + 0.12 d),

read at the place where the gas was at one of two moments, in turn, so that the detail drifts with the smoke and never
stretches for long. How far it has come since is carried along, D(x, t + dt) = D(x - v dt, t) + v dt: moved back by the
present velocity alone, the detail would boil wherever that changes. Source: Max, Crawfis, Williams, Visualizing wind
velocities by advecting cloud textures, 1992; Neyret, Advected textures, SCA 2003.

Grids (nx, ny, nz) of cell centres at origin + (i + 0.5, j + 0.5, k + 0.5) cell, world frame [m]; rays by depth z of the
camera. Densities 0 to about 1.
"""

from typing import Any

import warp as wp

wp.set_module_options({"enable_backward": False})

DIRECT = 0.45
MULTIPLE = 0.25
"""Shares of light scattered once and more often."""
FORWARD = 0.2
"""Mean cosine of scattering (Henyey-Greenstein g)."""
EMPTY = 1e-4
"""Density below which there is nothing to see."""


@wp.struct
class Volume:
    """One smoke grid at one instant."""

    density: wp.array3d(dtype=wp.float32)
    velocity: wp.array3d(dtype=wp.vec3)
    """[m/s]"""
    light: wp.array3d(dtype=wp.vec3)
    """(o q, o q^0.3, q^0.3) on a grid of half the resolution"""
    noise: wp.array3d(dtype=wp.float32)
    """periodic, a power of two along each side, two samples per cell"""
    origin: wp.vec3
    cell: wp.float32
    low: wp.vec3
    high: wp.vec3
    """box that holds all smoke [m]"""
    extinction: wp.float32
    """[1/m] at density 1"""
    detail: wp.float32
    """strength of the noise, 0 for none"""
    drift_a: wp.array3d(dtype=wp.vec3)
    drift_b: wp.array3d(dtype=wp.vec3)
    """how far the gas has come since the two moments [m]"""
    share: wp.vec2
    """weights of the two moments"""
    offset_a: wp.vec3
    offset_b: wp.vec3
    """places in the noise, new at each moment [samples]"""


@wp.struct
class View:
    """A pinhole camera."""

    position: wp.vec3
    rotation: wp.mat33
    """world from camera"""
    lens: wp.vec4
    other_from_world: wp.mat44
    """the camera one frame later"""
    other_lens: wp.vec4
    """its lens"""
    dt: wp.float32
    """[s] to that frame"""


@wp.func
def trilinear(field: wp.array3d(dtype=Any), g: wp.vec3):
    """Value at ``g`` in units of cells from the first centre, clamped at the border."""
    x = wp.clamp(g[0], 0.0, wp.float32(field.shape[0]) - 1.00001)
    y = wp.clamp(g[1], 0.0, wp.float32(field.shape[1]) - 1.00001)
    z = wp.clamp(g[2], 0.0, wp.float32(field.shape[2]) - 1.00001)
    i = wp.int32(x)
    j = wp.int32(y)
    k = wp.int32(z)
    r = x - wp.float32(i)
    s = y - wp.float32(j)
    t = z - wp.float32(k)
    a = wp.lerp(field[i, j, k], field[i, j, k + 1], t)
    b = wp.lerp(field[i, j + 1, k], field[i, j + 1, k + 1], t)
    c = wp.lerp(field[i + 1, j, k], field[i + 1, j, k + 1], t)
    d = wp.lerp(field[i + 1, j + 1, k], field[i + 1, j + 1, k + 1], t)
    return wp.lerp(wp.lerp(a, b, s), wp.lerp(c, d, s), r)


@wp.func
def periodic(noise: wp.array3d(dtype=wp.float32), g: wp.vec3) -> wp.float32:
    """Trilinear value of a periodic grid whose sides are one power of two."""
    mask = noise.shape[0] - 1
    fx = wp.floor(g[0])
    fy = wp.floor(g[1])
    fz = wp.floor(g[2])
    i = wp.int32(fx) & mask
    j = wp.int32(fy) & mask
    k = wp.int32(fz) & mask
    i1 = (i + 1) & mask
    j1 = (j + 1) & mask
    k1 = (k + 1) & mask
    t = g[2] - fz
    a = wp.lerp(noise[i, j, k], noise[i, j, k1], t)
    b = wp.lerp(noise[i, j1, k], noise[i, j1, k1], t)
    c = wp.lerp(noise[i1, j, k], noise[i1, j, k1], t)
    d = wp.lerp(noise[i1, j1, k], noise[i1, j1, k1], t)
    s = g[1] - fy
    return wp.lerp(wp.lerp(a, b, s), wp.lerp(c, d, s), g[0] - fx)


@wp.func
def eroded(volume: Volume, d: wp.float32, x: wp.vec3, g: wp.vec3) -> wp.float32:
    """Density with detail below the cell; ``g`` is ``x`` in units of cells from the first centre."""
    scale = 2.0 / volume.cell
    n = volume.share[0] * periodic(volume.noise, (x - trilinear(volume.drift_a, g)) * scale + volume.offset_a)
    n += volume.share[1] * periodic(volume.noise, (x - trilinear(volume.drift_b, g)) * scale + volume.offset_b)
    n *= 1.0 / wp.sqrt(volume.share[0] * volume.share[0] + volume.share[1] * volume.share[1])
    c = wp.min(d, 1.0)
    return wp.max(d + volume.detail * 1.3 * n * (c * (1.0 - c) + 0.12 * c), 0.0)


@wp.func
def slab(low: wp.vec3, high: wp.vec3, start: wp.vec3, along: wp.vec3) -> wp.vec2:
    """Ray parameters of entry and exit of a box; entry > exit if it is missed."""
    near = wp.float32(0.0)
    far = wp.float32(1.0e30)
    for k in range(3):
        if wp.abs(along[k]) < 1.0e-12:
            if start[k] < low[k] or start[k] > high[k]:
                far = -1.0
        else:
            a = (low[k] - start[k]) / along[k]
            b = (high[k] - start[k]) / along[k]
            near = wp.max(near, wp.min(a, b))
            far = wp.min(far, wp.max(a, b))
    return wp.vec2(near, far)


@wp.func
def view_ray(view: View, u: wp.int32, v: wp.int32) -> wp.vec3:
    """Ray through a pixel centre, camera frame, z = 1."""
    return wp.vec3(
        (wp.float32(u) + 0.5 - view.lens[2]) / view.lens[0], (wp.float32(v) + 0.5 - view.lens[3]) / view.lens[1], 1.0
    )


@wp.func
def seen_point(view: View, u: wp.int32, v: wp.int32, z: wp.float32) -> wp.vec3:
    """World place of what a pixel shows at depth ``z`` [m]."""
    return view.position + (view.rotation * view_ray(view, u, v)) * z


@wp.struct
class Ray:
    """The part of a pixel's ray that is in the smoke, in layers.

    Layers are shells of one thickness about the camera, the first and last cut short. Steps that fit what a ray crosses
    jump wherever their number changes: edges along the cells, and popping as the smoke's box grows.
    """

    along: wp.vec3
    """world, of the length that is 1 deep"""
    length: wp.float32
    """of ``along``"""
    near: wp.float32
    """depth where it enters [m]"""
    far: wp.float32
    step: wp.float32
    """depth of a layer [m]"""
    first: wp.int32
    """number of its first layer, and one past the last"""
    end: wp.int32


@wp.func
def ray_through(volume: Volume, view: View, u: wp.int32, v: wp.int32, limit: wp.float32, stride: wp.float32) -> Ray:
    """Of a pixel, as far as the depth ``limit`` [m], in layers of ``stride`` cells."""
    ray = Ray()
    straight = view_ray(view, u, v)
    ray.along = view.rotation * straight
    ray.length = wp.length(straight)
    span = slab(volume.low, volume.high, view.position, ray.along)
    ray.near = span[0]
    ray.far = wp.min(span[1], limit)
    ray.step = stride * volume.cell / ray.length
    if ray.far > ray.near:
        ray.first = wp.int32(wp.floor(ray.near / ray.step))
        ray.end = wp.int32(wp.ceil(ray.far / ray.step))
    return ray


@wp.func
def layer_of(ray: Ray, n: wp.int32) -> wp.vec2:
    """Depth of the middle of layer ``n`` and from its front to its back [m]."""
    near = wp.max(wp.float32(n) * ray.step, ray.near)
    dz = wp.min(wp.float32(n + 1) * ray.step, ray.far) - near
    return wp.vec2(near + 0.5 * dz, dz)


@wp.func
def thickness_towards(
    volume: Volume, pooled: wp.array3d(dtype=wp.float32), x: wp.vec3, towards: wp.vec3, most: wp.float32
) -> wp.float32:
    """Optical depth of the way from ``x`` to a distant light; nobody asks how much more than ``most`` it is.

    ``pooled``: density of (2 x 2 x 2) blocks of cells.
    """
    cell = 2.0 * volume.cell
    span = slab(volume.low, volume.high, x, towards)
    thick = wp.float32(0.0)
    if span[1] > span[0]:
        steps = wp.int32(wp.ceil((span[1] - span[0]) / cell))
        ds = (span[1] - span[0]) / wp.float32(steps)
        for n in range(steps):
            p = (x + towards * (span[0] + (wp.float32(n) + 0.5) * ds) - volume.origin) / cell
            thick += trilinear(pooled, p - wp.vec3(0.5, 0.5, 0.5)) * ds * volume.extinction
            if thick > most:
                break
    return thick


@wp.kernel
def blend_kernel(
    density_a: wp.array3d(dtype=wp.float32),
    density_b: wp.array3d(dtype=wp.float32),
    velocity_a: wp.array3d(dtype=wp.vec3),
    velocity_b: wp.array3d(dtype=wp.vec3),
    s: wp.float32,
    cells_per_velocity: wp.float32,
    # outputs
    density_out: wp.array3d(dtype=wp.float32),
    velocity_out: wp.array3d(dtype=wp.vec3),
):
    i, j, k = wp.tid()
    v = wp.lerp(velocity_a[i, j, k], velocity_b[i, j, k], s)
    g = wp.vec3(wp.float32(i), wp.float32(j), wp.float32(k))
    before = trilinear(density_a, g - v * (s * cells_per_velocity))
    after = trilinear(density_b, g + v * ((1.0 - s) * cells_per_velocity))
    density_out[i, j, k] = wp.lerp(before, after, s)
    velocity_out[i, j, k] = v


@wp.kernel
def drift_kernel(
    drift: wp.array3d(dtype=wp.vec3),
    velocity_a: wp.array3d(dtype=wp.vec3),
    velocity_b: wp.array3d(dtype=wp.vec3),
    s: wp.float32,
    dt: wp.float32,
    cell: wp.float32,
    # outputs
    drift_out: wp.array3d(dtype=wp.vec3),
):
    i, j, k = wp.tid()
    way = wp.lerp(velocity_a[i, j, k], velocity_b[i, j, k], 0.5 * s) * (s * dt)
    g = wp.vec3(wp.float32(i), wp.float32(j), wp.float32(k))
    drift_out[i, j, k] = trilinear(drift, g - way / cell) + way


@wp.kernel
def pool_kernel(
    density: wp.array3d(dtype=wp.float32),
    # outputs
    pooled_out: wp.array3d(dtype=wp.float32),
):
    i, j, k = wp.tid()
    total = wp.float32(0.0)
    for n in range(8):
        x = wp.min(2 * i + n % 2, density.shape[0] - 1)
        y = wp.min(2 * j + (n / 2) % 2, density.shape[1] - 1)
        z = wp.min(2 * k + n / 4, density.shape[2] - 1)
        total += density[x, y, z]
    pooled_out[i, j, k] = total / 8.0


@wp.kernel
def light_kernel(
    volume: Volume,
    pooled: wp.array3d(dtype=wp.float32),
    towards: wp.vec3,
    open_share: wp.array3d(dtype=wp.float32),
    # outputs
    light_out: wp.array3d(dtype=wp.vec3),
):
    i, j, k = wp.tid()
    cell = 2.0 * volume.cell
    x = volume.origin + cell * wp.vec3(wp.float32(i) + 0.5, wp.float32(j) + 0.5, wp.float32(k) + 0.5)
    thick = thickness_towards(volume, pooled, x, towards, 12.0)
    deep = wp.exp(-0.3 * thick)
    light_out[i, j, k] = wp.vec3(open_share[i, j, k] * wp.exp(-thick), open_share[i, j, k] * deep, deep)


@wp.kernel
def march_kernel(
    volume: Volume,
    view: View,
    towards: wp.vec3,
    surface: wp.array2d(dtype=wp.float32),
    stride: wp.float32,
    corner_u: wp.int32,
    corner_v: wp.int32,
    # outputs
    march_out: wp.array2d(dtype=wp.vec4),
    motion_out: wp.array2d(dtype=wp.vec3),
):
    """March one ray. ``march_out``: transmittance, sums of key, deep light, weight; ``motion_out``: flow, depth."""
    j, i = wp.tid()
    v = corner_v + j
    u = corner_u + i
    ray = ray_through(volume, view, u, v, surface[v, u], stride)
    through = wp.float32(1.0)
    direct = wp.float32(0.0)
    multiple = wp.float32(0.0)
    sky = wp.float32(0.0)
    depth = wp.float32(0.0)
    drift = wp.vec3(0.0, 0.0, 0.0)
    half = wp.vec3(0.5, 0.5, 0.5)
    for n in range(ray.first, ray.end):
        layer = layer_of(ray, n)
        z = layer[0]
        dz = layer[1]
        x = view.position + ray.along * z
        g = (x - volume.origin) / volume.cell
        d = trilinear(volume.density, g - half)
        if d > EMPTY:
            move = trilinear(volume.velocity, g - half)
            if volume.detail > 0.0:
                d = eroded(volume, d, x, g - half)
            weight = through * (1.0 - wp.exp(-volume.extinction * d * dz * ray.length))
            through -= weight
            lit = trilinear(volume.light, 0.5 * g - half)
            direct += weight * lit[0]
            multiple += weight * lit[1]
            sky += weight * lit[2]
            depth += weight * z
            drift += weight * move
            if through < 0.003:
                through = wp.float32(0.0)
                break
    weight = 1.0 - through
    cosine = -wp.dot(towards, ray.along) / ray.length  # between the light's way and the way to the camera
    g2 = FORWARD * FORWARD
    bend = 1.0 + g2 - 2.0 * FORWARD * cosine
    phase = (1.0 - g2) / (bend * wp.sqrt(bend))
    march_out[j, i] = wp.vec4(through, DIRECT * phase * direct + MULTIPLE * multiple, sky, weight)
    motion = wp.vec3(0.0, 0.0, 0.0)
    if weight > 1.0e-6:
        mean = view.position + ray.along * (depth / weight) + drift * (view.dt / weight)
        p = wp.transform_point(view.other_from_world, mean)
        if p[2] > 1.0e-6:
            motion = wp.vec3(
                view.other_lens[0] * p[0] / p[2] + view.other_lens[2] - wp.float32(u) - 0.5,
                view.other_lens[1] * p[1] / p[2] + view.other_lens[3] - wp.float32(v) - 0.5,
                depth / weight,
            )
    motion_out[j, i] = motion


@wp.kernel
def enlarge_kernel(
    march: wp.array2d(dtype=wp.vec4),
    motion: wp.array2d(dtype=wp.vec3),
    surface: wp.array2d(dtype=wp.float32),
    surface_full: wp.array2d(dtype=wp.float32),
    corner_u: wp.int32,
    corner_v: wp.int32,
    corner_full_u: wp.int32,
    corner_full_v: wp.int32,
    scale_u: wp.float32,
    scale_v: wp.float32,
    # outputs
    march_out: wp.array2d(dtype=wp.vec4),
    motion_out: wp.array2d(dtype=wp.vec3),
):
    """Bilinear, but a neighbour before or behind another surface counts little: smoke stays behind what hides it."""
    j, i = wp.tid()
    v = corner_full_v + j
    u = corner_full_u + i
    x = (wp.float32(u) + 0.5) * scale_u - 0.5 - wp.float32(corner_u)
    y = (wp.float32(v) + 0.5) * scale_v - 0.5 - wp.float32(corner_v)
    own = 1.0 / surface_full[v, u]
    total = wp.float32(0.0)
    result = wp.vec4(0.0, 0.0, 0.0, 0.0)
    flow = wp.vec3(0.0, 0.0, 0.0)
    thick = wp.float32(0.0)
    for n in range(4):
        a = wp.int32(wp.floor(x)) + n % 2
        b = wp.int32(wp.floor(y)) + n / 2
        weight = (1.0 - wp.abs(x - wp.float32(a))) * (1.0 - wp.abs(y - wp.float32(b))) + 1.0e-6
        a = wp.clamp(a, 0, march.shape[1] - 1)
        b = wp.clamp(b, 0, march.shape[0] - 1)
        other = 1.0 / surface[corner_v + b, corner_u + a]
        unlike = wp.abs(own - other) / (wp.max(own, other) * 0.02)
        weight = weight / (1.0 + unlike * unlike * unlike * unlike)
        total += weight
        result += weight * march[b, a]
        cover = weight * (march[b, a][3] + 1.0e-9)
        flow += cover * motion[b, a]
        thick += cover
    result = result / total
    march_out[j, i] = result
    motion_out[j, i] = wp.vec3(flow[0] / (thick * scale_u), flow[1] / (thick * scale_v), flow[2] / thick)


@wp.kernel
def shade_kernel(
    march: wp.array2d(dtype=wp.vec4),
    key: wp.vec3,
    ambient: wp.vec3,
    # outputs
    transmittance_out: wp.array2d(dtype=wp.float32),
    scattered_out: wp.array2d(dtype=wp.vec3),
):
    v, u = wp.tid()
    m = march[v, u]
    transmittance_out[v, u] = m[0]
    scattered_out[v, u] = m[1] * key + (0.6 * m[3] + 0.4 * m[2]) * ambient


def blend(density_a, density_b, velocity_a, velocity_b, *, s, dt, cell, density_out, velocity_out):
    """The grid between two frames ``dt`` [s] apart, ``s`` in [0, 1]: each is carried to the instant, then mixed."""
    wp.launch(
        blend_kernel,
        dim=density_a.shape,
        inputs=[density_a, density_b, velocity_a, velocity_b, s, dt / cell],
        outputs=[density_out, velocity_out],
        device=density_a.device,
    )


def drift(drift_in, velocity_a, velocity_b, *, s, dt, cell, drift_out):
    """How far gas has come [m], a part ``s`` of a frame of ``dt`` [s] later; velocities at both of its ends."""
    wp.launch(
        drift_kernel,
        dim=drift_out.shape,
        inputs=[drift_in, velocity_a, velocity_b, s, dt, cell],
        outputs=[drift_out],
        device=drift_out.device,
    )


def light_grid(volume, towards, open_share, *, pooled, light_out):
    """How much of a distant light in the direction ``towards`` reaches each (2 x 2 x 2) block of cells.

    ``open_share``: part of it that solid things leave there.
    """
    device = light_out.device
    wp.launch(pool_kernel, dim=pooled.shape, inputs=[volume.density], outputs=[pooled], device=device)
    wp.launch(
        light_kernel, dim=pooled.shape, inputs=[volume, pooled, towards, open_share], outputs=[light_out], device=device
    )


def march(volume, view, towards, surface, *, stride, corner, march_out, motion_out):
    """March the rays of a crop up to ``surface`` [m].

    Args:
        volume: ``Volume``.
        view: ``View``.
        towards: Unit vector to the light, world, vec3.
        surface: Depth of what hides the smoke behind it [m], the whole picture (rows, cols).
        stride: Longest step [cells].
        corner: (u, v) of the crop in the picture.
        march_out: Output vec4 (transmittance, key light, deep light, weight), of the crop.
        motion_out: Output vec3 (flow u, flow v [pixels], depth [m]), of the crop; zero where there is no smoke.
    """
    wp.launch(
        march_kernel,
        dim=march_out.shape,
        inputs=[volume, view, towards, surface, stride, corner[0], corner[1]],
        outputs=[march_out, motion_out],
        device=march_out.device,
    )


def enlarge(march_in, motion_in, surface, surface_full, *, corner, corner_full, scale, march_out, motion_out):
    """What was marched on a coarser picture, on the full one; ``scale`` = coarse / full pixels (u, v)."""
    wp.launch(
        enlarge_kernel,
        dim=march_out.shape,
        inputs=[march_in, motion_in, surface, surface_full, *corner, *corner_full, *scale],
        outputs=[march_out, motion_out],
        device=march_out.device,
    )


def shade(march_in, *, key, ambient, transmittance_out, scattered_out):
    """Colour what was marched: ``key`` and ``ambient`` are albedo times light, linear."""
    wp.launch(
        shade_kernel,
        dim=march_in.shape,
        inputs=[march_in, key, ambient],
        outputs=[transmittance_out, scattered_out],
        device=march_in.device,
    )
