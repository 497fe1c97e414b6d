"""Light through smoke: a view ray collects what the grid lets through, scatters towards the camera, and how it moves.

Along a ray, in steps ds with density d, extinction sigma = E d and a = 1 - exp(-sigma ds):

    weight = T a,   T <- T (1 - a)
    scattered = albedo [ light o (P q + M q^0.3) + ambient (0.6 + 0.4 q^0.3) ]   summed over weight

T is what still comes through, q the transmittance of the smoke from the sample to the light, o the part of the light
that solid things leave there, P the phase function relative to an even one times 0.45. The second term stands for light
scattered more than once: it reaches deeper (q^0.3) and comes from everywhere. Source: Wrenninge, Kulla, Lundqvist, Oz:
the great and volumetric, SIGGRAPH 2013 talks (octaves of scattering); Henyey, Greenstein, 1941 (phase function). A thin
cloud of albedo 1 so sends back 0.7 of a facing white surface plus all ambient light, as steam in photographs does.

What a ray finds, and the detail below the cells of a grid: ``smoke_ray.py``, with its frames and units.
"""

import warp as wp

from physim_kernels.smoke_ray import (
    View,
    Volume,
    cell_about,
    eroded,
    in_cell,
    layer_of,
    ray_through,
    thickness_towards,
    trilinear,
    vector_in_cell,
)

wp.set_module_options({"enable_backward": False})

DIRECT = 0.45
MULTIPLE = 0.25
"""Shares of light scattered once and more often."""
FORWARD = 0.2
"""Mean cosine of scattering (Henyey-Greenstein g)."""
EMPTY = 1e-4
"""Density below which there is nothing to see."""


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
    flow: wp.bool,
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
    shape = wp.vec3i(volume.density.shape[0], volume.density.shape[1], volume.density.shape[2])
    blocks = wp.vec3i(volume.light.shape[0], volume.light.shape[1], volume.light.shape[2])
    for n in range(ray.first, ray.end):
        layer = layer_of(ray, n)
        z = layer[0]
        dz = layer[1]
        x = view.position + ray.along * z
        g = (x - volume.origin) / volume.cell
        cell = cell_about(shape, g - half)
        d = in_cell(volume.density, cell)
        if d > EMPTY:
            if volume.detail > 0.0:
                d = eroded(volume, d, x, cell)
            weight = through * (1.0 - wp.exp(-volume.extinction * d * dz * ray.length))
            through -= weight
            lit = vector_in_cell(volume.light, cell_about(blocks, 0.5 * g - half))
            direct += weight * lit[0]
            multiple += weight * lit[1]
            sky += weight * lit[2]
            depth += weight * z
            if flow:
                drift += weight * vector_in_cell(volume.velocity, cell)
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
        motion[2] = depth / weight
    if flow and weight > 1.0e-6:
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
    moves: wp.bool,
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
        found = march[b, a]
        result += weight * found
        if moves:
            cover = weight * (found[3] + 1.0e-9)
            flow += cover * motion[b, a]
            thick += cover
    march_out[j, i] = result / total
    if moves:
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


def march(volume, view, towards, surface, *, stride, corner, flow=True, march_out, motion_out):
    """March the rays of a crop up to ``surface`` [m].

    Args:
        volume: ``Volume``.
        view: ``View``.
        towards: Unit vector to the light, world, vec3.
        surface: Depth of what hides the smoke behind it [m], the whole picture (rows, cols).
        stride: Longest step [cells].
        corner: (u, v) of the crop in the picture.
        flow: Whether anybody asks for it; else it is 0.
        march_out: Output vec4 (transmittance, key light, deep light, weight), of the crop.
        motion_out: Output vec3 (flow u, flow v [pixels], depth [m]), of the crop; zero where there is no smoke.
    """
    wp.launch(
        march_kernel,
        dim=march_out.shape,
        inputs=[volume, view, towards, surface, stride, corner[0], corner[1], flow],
        outputs=[march_out, motion_out],
        device=march_out.device,
    )


def enlarge(march_in, motion_in, surface, surface_full, *, corner, corner_full, scale, march_out, motion_out):
    """What was marched on a coarser picture, on the full one; ``scale`` = coarse / full pixels (u, v).

    A ``motion_out`` of size 0 is left alone.
    """
    wp.launch(
        enlarge_kernel,
        dim=march_out.shape,
        inputs=[march_in, motion_in, surface, surface_full, *corner, *corner_full, *scale, motion_out.size > 0],
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
