"""A grid of smoke, a camera, and the rays between them: where a ray is in the smoke and what it finds there.

A grid is too coarse for what the eye expects of smoke. Below its cells the density is eroded by noise n of four octaves
(variance 1: a ray averages it over many cells, so that less would not be seen),

    d <- d + 1.3 n (0.25 * 4 d (1 - d) + 0.12 d),

read at the place where the gas was at one of two moments, in turn, so that the detail drifts with the smoke and never
stretches for long. How far it has come since is carried along, D(x, t + dt) = D(x - v dt, t) + v dt: moved back by the
present velocity alone, the detail would boil wherever that changes. Source: Max, Crawfis, Williams, Visualizing wind
velocities by advecting cloud textures, 1992; Neyret, Advected textures, SCA 2003.

Grids (nx, ny, nz) of cell centres at origin + (i + 0.5, j + 0.5, k + 0.5) cell, world frame [m]; rays by depth z of the
camera. Densities 0 to about 1.
Only structs and ``wp.func``.
"""

from typing import Any

import warp as wp


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


@wp.struct
class Cell:
    """Eight neighbouring centres of a grid and a place between them."""

    i: wp.int32
    j: wp.int32
    k: wp.int32
    part: wp.vec3
    """of the way to the next centre along each side"""


@wp.func
def cell_about(shape: wp.vec3i, g: wp.vec3) -> Cell:
    """Of a grid of ``shape`` about ``g`` in units of cells from the first centre, clamped at the border."""
    x = wp.clamp(g[0], 0.0, wp.float32(shape[0]) - 1.00001)
    y = wp.clamp(g[1], 0.0, wp.float32(shape[1]) - 1.00001)
    z = wp.clamp(g[2], 0.0, wp.float32(shape[2]) - 1.00001)
    cell = Cell()
    cell.i = wp.int32(x)
    cell.j = wp.int32(y)
    cell.k = wp.int32(z)
    cell.part = wp.vec3(x - wp.float32(cell.i), y - wp.float32(cell.j), z - wp.float32(cell.k))
    return cell


# Grids are contiguous: the eight neighbours are at fixed distances from the first.


@wp.func_native("""
    const long long row = field.shape[2], slab = row * field.shape[1];
    const float* p = field.data + (cell.i * slab + cell.j * row + cell.k);
    const float r = cell.part[0], s = cell.part[1], t = cell.part[2];
    const float a = p[0] * (1.0f - t) + p[1] * t, b = p[row] * (1.0f - t) + p[row + 1] * t;
    p += slab;
    const float c = p[0] * (1.0f - t) + p[1] * t, d = p[row] * (1.0f - t) + p[row + 1] * t;
    return (a * (1.0f - s) + b * s) * (1.0f - r) + (c * (1.0f - s) + d * s) * r;
""")
def in_cell(field: wp.array3d(dtype=wp.float32), cell: Cell) -> wp.float32:
    """Trilinear value of a contiguous grid."""
    ...


@wp.func_native("""
    const long long row = 3ll * field.shape[2], slab = row * field.shape[1];
    const float* p = reinterpret_cast<const float*>(field.data) + (cell.i * slab + cell.j * row + 3ll * cell.k);
    const float* q = p + slab;
    const float r = cell.part[0], s = cell.part[1], t = cell.part[2];
    float out[3];
    for (int n = 0; n < 3; ++n) {
        const float a = p[n] * (1.0f - t) + p[n + 3] * t, b = p[row + n] * (1.0f - t) + p[row + n + 3] * t;
        const float c = q[n] * (1.0f - t) + q[n + 3] * t, d = q[row + n] * (1.0f - t) + q[row + n + 3] * t;
        out[n] = (a * (1.0f - s) + b * s) * (1.0f - r) + (c * (1.0f - s) + d * s) * r;
    }
    return wp::vec_t<3, wp::float32>(out[0], out[1], out[2]);
""")
def vector_in_cell(field: wp.array3d(dtype=wp.vec3), cell: Cell) -> wp.vec3:
    """Trilinear value of a contiguous grid of vectors."""
    ...


@wp.func
def trilinear(field: wp.array3d(dtype=Any), g: wp.vec3):
    """Value at ``g`` in units of cells from the first centre, clamped at the border."""
    cell = cell_about(wp.vec3i(field.shape[0], field.shape[1], field.shape[2]), g)
    i = cell.i
    j = cell.j
    k = cell.k
    s = cell.part[1]
    t = cell.part[2]
    a = wp.lerp(field[i, j, k], field[i, j, k + 1], t)
    b = wp.lerp(field[i, j + 1, k], field[i, j + 1, k + 1], t)
    c = wp.lerp(field[i + 1, j, k], field[i + 1, j, k + 1], t)
    d = wp.lerp(field[i + 1, j + 1, k], field[i + 1, j + 1, k + 1], t)
    return wp.lerp(wp.lerp(a, b, s), wp.lerp(c, d, s), cell.part[0])


@wp.func_native("""
    const int side = noise.shape[0], mask = side - 1;
    const float fx = floorf(g[0]), fy = floorf(g[1]), fz = floorf(g[2]);
    const int i = (int)fx & mask, j = (int)fy & mask, k = (int)fz & mask;
    const int i1 = (i + 1) & mask, j1 = (j + 1) & mask, k1 = (k + 1) & mask;
    const float r = g[0] - fx, s = g[1] - fy, t = g[2] - fz;
    const float* p = noise.data + (i * side + j) * side;
    const float a = p[k] * (1.0f - t) + p[k1] * t;
    p = noise.data + (i * side + j1) * side;
    const float b = p[k] * (1.0f - t) + p[k1] * t;
    p = noise.data + (i1 * side + j) * side;
    const float c = p[k] * (1.0f - t) + p[k1] * t;
    p = noise.data + (i1 * side + j1) * side;
    const float d = p[k] * (1.0f - t) + p[k1] * t;
    return (a * (1.0f - s) + b * s) * (1.0f - r) + (c * (1.0f - s) + d * s) * r;
""")
def periodic(noise: wp.array3d(dtype=wp.float32), g: wp.vec3) -> wp.float32:
    """Trilinear value of a periodic contiguous grid whose sides are one power of two."""
    ...


@wp.func
def eroded(volume: Volume, d: wp.float32, x: wp.vec3, cell: Cell) -> wp.float32:
    """Density at ``x``, which is in ``cell``, with detail below the cells."""
    scale = 2.0 / volume.cell
    n = volume.share[0] * periodic(volume.noise, (x - vector_in_cell(volume.drift_a, cell)) * scale + volume.offset_a)
    n += volume.share[1] * periodic(volume.noise, (x - vector_in_cell(volume.drift_b, cell)) * scale + volume.offset_b)
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
