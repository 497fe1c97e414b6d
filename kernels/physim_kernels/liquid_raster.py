"""Liquid to pixels: the nearest way in, the farthest way out and how much lies between, of a closed mesh and of drops.

Triangles are scanned as in ``scan.py``, both sides. What a ray crosses inside a
closed surface is the sum of the depths of its back faces less those of its front faces, each held before what is solid:
no order is needed, and parts behind the ground cancel. The sum is of whole numbers of 10 nm, so that it does not depend
on the order of threads. Samples lie a hair off the centres, so that no ray meets an edge exactly and counts it twice.

Drops are balls, met by the ray in closed form; in a key their numbers follow those of the triangles. Camera frame
OpenCV (x right, y down, z forward) [m]; a lens is (f_u, f_v, c_u, c_v) [pixels].
"""

import warp as wp

from physim_kernels.liquid_carry import carried
from physim_kernels.scan import (
    NOTHING,
    Window,
    covers,
    depth_at,
    depth_of,
    key_of,
    number_of,
    project,
    scan_of,
    weights_at,
)

wp.set_module_options({"enable_backward": False})

GRAIN = wp.constant(wp.float64(1.0e8))
"""Units of depth per metre in the sums."""


@wp.func
def ray_near(u: wp.int32, v: wp.int32, lens: wp.vec4d) -> wp.vec3d:
    """Ray through a sample, z = 1, a hair off the pixel's centre."""
    return wp.vec3d(
        (wp.float64(u) + wp.float64(0.5000137) - lens[2]) / lens[0],
        (wp.float64(v) + wp.float64(0.5000191) - lens[3]) / lens[1],
        wp.float64(1.0),
    )


@wp.kernel
def moved_kernel(
    point: wp.array(dtype=wp.vec3), total: wp.array3d(dtype=wp.vec4), origin: wp.vec3, fine: float,
    # outputs
    out: wp.array(dtype=wp.vec3),
):  # fmt: skip
    """Points moved by what the particles about them carry."""
    i = wp.tid()
    out[i] = point[i] + carried(total, (point[i] - origin) / fine)


@wp.kernel
def seen_kernel(
    point: wp.array(dtype=wp.vec3), camera_from_world: wp.mat44d,
    # outputs
    out: wp.array(dtype=wp.vec3d),
):  # fmt: skip
    i = wp.tid()
    p = point[i]
    out[i] = wp.transform_point(camera_from_world, wp.vec3d(wp.float64(p[0]), wp.float64(p[1]), wp.float64(p[2])))


@wp.func
def record(
    z: wp.float64, front: bool, number: int, limit: wp.float32, at: int,
    nearest: wp.array(dtype=wp.uint64), farthest: wp.array(dtype=wp.uint64), between: wp.array(dtype=wp.int64),
):  # fmt: skip
    """One crossing of a ray, of a pixel whose solid surface is ``limit`` deep."""
    key = key_of(z, number)
    held = wp.int64(wp.min(z, wp.float64(limit)) * GRAIN)
    if front:
        wp.atomic_min(nearest, at, key)
        wp.atomic_add(between, at, -held)
    else:
        wp.atomic_max(farthest, at, key)
        wp.atomic_add(between, at, held)


@wp.kernel
def raster_kernel(
    face: wp.array(dtype=int), point: wp.array(dtype=wp.vec3d), solid: wp.array2d(dtype=float), supersample: int,
    lens: wp.vec4d, window: Window, near: wp.float64, bands: int,
    # outputs
    nearest: wp.array(dtype=wp.uint64), farthest: wp.array(dtype=wp.uint64), between: wp.array(dtype=wp.int64),
):  # fmt: skip
    t, band = wp.tid()
    scan = scan_of(point[face[3 * t]], point[face[3 * t + 1]], point[face[3 * t + 2]], lens, window, near, True)
    for v in range(scan.v_low + band, scan.v_high, bands):
        for u in range(scan.u_low, scan.u_high):
            ray = ray_near(window.u + u, window.v + v, lens)
            if covers(scan, ray):
                z = depth_at(scan, ray)
                if z > near:
                    limit = solid[(window.v + v) / supersample, (window.u + u) / supersample]
                    record(z, scan.front, t, limit, v * window.cols + u, nearest, farthest, between)


@wp.kernel
def drop_kernel(
    drop: wp.array(dtype=wp.vec4d), first: int, solid: wp.array2d(dtype=float), supersample: int,
    lens: wp.vec4d, window: Window, near: wp.float64, hug: wp.float64, front: wp.array(dtype=wp.uint64),
    # outputs
    nearest: wp.array(dtype=wp.uint64), farthest: wp.array(dtype=wp.uint64), between: wp.array(dtype=wp.int64),
):  # fmt: skip
    """Balls (centre in the camera frame, radius); ``first`` is the number of the first."""
    d = wp.tid()
    centre = wp.vec3d(drop[d][0], drop[d][1], drop[d][2])
    radius = drop[d][3]
    if centre[2] - radius <= near:
        return
    middle = project(centre, lens) - wp.vec2d(wp.float64(window.u), wp.float64(window.v))
    reach = wp.float64(1.5) * radius / (centre[2] - radius) * wp.max(lens[0], lens[1]) + wp.float64(1.0)
    size = wp.vec2d(wp.float64(window.cols), wp.float64(window.rows))
    zero = wp.float64(0.0)
    u_low = wp.int32(wp.clamp(middle[0] - reach, zero, size[0]))
    u_high = wp.int32(wp.clamp(middle[0] + reach + wp.float64(1.0), zero, size[0]))
    v_low = wp.int32(wp.clamp(middle[1] - reach, zero, size[1]))
    v_high = wp.int32(wp.clamp(middle[1] + reach + wp.float64(1.0), zero, size[1]))
    for v in range(v_low, v_high):
        for u in range(u_low, u_high):
            ray = ray_near(window.u + u, window.v + v, lens)
            rr = wp.dot(ray, ray)
            rc = wp.dot(ray, centre)
            inner = rc * rc - rr * (wp.dot(centre, centre) - radius * radius)
            if inner > zero:
                root = wp.sqrt(inner)
                limit = solid[(window.v + v) / supersample, (window.u + u) / supersample]
                at = v * window.cols + u
                behind = depth_of(front[at])
                if wp.abs(wp.float64(wp.min(limit, behind)) - centre[2]) < hug:
                    continue  # it clings to what is behind it, or is about to merge with it: no ball
                record((rc - root) / rr, True, first + d, limit, at, nearest, farthest, between)
                record((rc + root) / rr, False, first + d, limit, at, nearest, farthest, between)


@wp.func
def normal_of(
    key: wp.uint64, ray: wp.vec3d, face: wp.array(dtype=int), point: wp.array(dtype=wp.vec3d),
    normal: wp.array(dtype=wp.vec3), drop: wp.array(dtype=wp.vec4d), camera_from_world: wp.mat44d,
):  # fmt: skip
    """Outward unit normal, camera frame, of what a key names."""
    t = number_of(key)
    count = face.shape[0] / 3
    if t >= count:
        z = wp.float64(depth_of(key))
        ball = drop[t - count]
        d = z * ray - wp.vec3d(ball[0], ball[1], ball[2])
        return wp.normalize(wp.vec3(wp.float32(d[0]), wp.float32(d[1]), wp.float32(d[2])))
    a = point[face[3 * t]]
    b = point[face[3 * t + 1]]
    c = point[face[3 * t + 2]]
    w = weights_at(ray, a, b, c)
    n = wp.float32(w[0]) * normal[face[3 * t]] + wp.float32(w[1]) * normal[face[3 * t + 1]]
    n += wp.float32(w[2]) * normal[face[3 * t + 2]]
    turned = wp.transform_vector(camera_from_world, wp.vec3d(wp.float64(n[0]), wp.float64(n[1]), wp.float64(n[2])))
    return wp.normalize(wp.vec3(wp.float32(turned[0]), wp.float32(turned[1]), wp.float32(turned[2])))


@wp.func
def is_hidden(solid: wp.array2d(dtype=float), z: float, u: int, v: int, supersample: int):
    """Whether what is solid lies before a sample at depth ``z``.

    At an edge the pixels within four of it are asked, the nearer the more they count: it runs smoothly between them,
    not in their steps.
    """
    x = (float(u) + 0.5) / float(supersample) - 0.5
    y = (float(v) + 0.5) / float(supersample) - 0.5
    i = int(wp.floor(x + 0.5))
    j = int(wp.floor(y + 0.5))
    rows = solid.shape[0] - 1
    cols = solid.shape[1] - 1
    own = solid[wp.clamp(j, 0, rows), wp.clamp(i, 0, cols)] <= z
    edge = bool(False)
    for n in range(9):
        a = wp.clamp(i + 3 * (n % 3 - 1), 0, cols)
        b = wp.clamp(j + 3 * (n / 3 - 1), 0, rows)
        edge = edge or (solid[b, a] <= z) != own
    if not edge:
        return own
    hidden = float(0.0)
    total = float(0.0)
    for n in range(81):
        a = i + n % 9 - 4
        b = j + n / 9 - 4
        if a >= 0 and b >= 0 and a <= cols and b <= rows:
            dx = x - float(a)
            dy = y - float(b)
            w = wp.exp(-(dx * dx + dy * dy) / 6.0)
            total += w
            if solid[b, a] <= z:
                hidden += w
    return hidden > 0.5 * total


@wp.kernel
def resolve_kernel(
    face: wp.array(dtype=int), point: wp.array(dtype=wp.vec3d), normal: wp.array(dtype=wp.vec3),
    drop: wp.array(dtype=wp.vec4d), solid: wp.array2d(dtype=float), supersample: int,
    nearest: wp.array(dtype=wp.uint64), farthest: wp.array(dtype=wp.uint64), between: wp.array(dtype=wp.int64),
    camera_from_world: wp.mat44d, lens: wp.vec4d, window: Window,
    # outputs
    depth_out: wp.array2d(dtype=float), normal_out: wp.array2d(dtype=wp.vec3), thick_out: wp.array2d(dtype=float),
    back_out: wp.array2d(dtype=float), back_normal_out: wp.array2d(dtype=wp.vec3),
):  # fmt: skip
    v, u = wp.tid()
    at = v * window.cols + u
    key = nearest[at]
    depth_out[v, u] = wp.inf
    thick_out[v, u] = 0.0
    back_out[v, u] = 0.0
    normal_out[v, u] = wp.vec3(0.0, 0.0, 0.0)
    back_normal_out[v, u] = wp.vec3(0.0, 0.0, 0.0)
    ray = ray_near(window.u + u, window.v + v, lens)
    last = farthest[at]
    if last > wp.uint64(0):  # known also where something solid stands before it: bent rays pass behind that
        back_out[v, u] = depth_of(last)
        back_normal_out[v, u] = normal_of(last, ray, face, point, normal, drop, camera_from_world)
    if key == wp.uint64(NOTHING):
        return
    z = depth_of(key)
    if is_hidden(solid, z, window.u + u, window.v + v, supersample):
        return
    thick = wp.float64(between[at]) / GRAIN * wp.length(ray)
    if thick <= wp.float64(0.0):
        if solid[(window.v + v) / supersample, (window.u + u) / supersample] > z:
            return
        thick = wp.float64(1.0e-4 * z)  # of a pixel that counts as hidden, whose edge runs behind this sample
    depth_out[v, u] = z
    thick_out[v, u] = wp.float32(thick)
    normal_out[v, u] = normal_of(key, ray, face, point, normal, drop, camera_from_world)


@wp.kernel
def motion_kernel(
    depth: wp.array2d(dtype=float), total: wp.array3d(dtype=wp.vec4), origin: wp.vec3, fine: float,
    world_from_camera: wp.mat44d, camera_from_world: wp.mat44d, other_from_world: wp.mat44d,
    lens: wp.vec4d, lens_view: wp.vec4d, other_lens: wp.vec4d, window: Window,
    # outputs
    flow_out: wp.array2d(dtype=wp.vec2), depth_out: wp.array2d(dtype=float),
):  # fmt: skip
    v, u = wp.tid()
    flow_out[v, u] = wp.vec2(0.0, 0.0)
    depth_out[v, u] = wp.inf
    z = depth[v, u]
    if z >= wp.inf:
        return
    here = wp.transform_point(world_from_camera, wp.float64(z) * ray_near(window.u + u, window.v + v, lens))
    p = wp.vec3(wp.float32(here[0]), wp.float32(here[1]), wp.float32(here[2]))
    d = carried(total, (p - origin) / fine)
    there = here + wp.vec3d(wp.float64(d[0]), wp.float64(d[1]), wp.float64(d[2]))
    other = wp.transform_point(other_from_world, there)
    # Both ends go through the same arithmetic, so what rests has a flow of exactly zero.
    flow = project(other, other_lens) - project(wp.transform_point(camera_from_world, here), lens_view)
    flow_out[v, u] = wp.vec2(wp.float32(flow[0]), wp.float32(flow[1]))
    depth_out[v, u] = wp.float32(other[2])


def moved(point, total, origin, fine, *, out):
    """Points (N,) vec3 [m] moved by the mean displacement [m] of the particles about them."""
    wp.launch(moved_kernel, dim=point.shape[0], inputs=[point, total, origin, fine], outputs=[out], device=out.device)


def seen(point, camera_from_world, *, out):
    """Points (N,) vec3 [m] in the frame of a camera, vec3d."""
    wp.launch(seen_kernel, dim=point.shape[0], inputs=[point, camera_from_world], outputs=[out], device=out.device)


def raster(face, point, drop, solid, *, supersample, lens, window, near, hug, front, nearest, farthest, between):
    """Every crossing of every ray of ``window``.

    Args:
        face: (3 M,) int.
        point: Vertices in the camera frame [m], vec3d.
        drop: Balls in the camera frame, centre and radius [m], (D,) vec4d.
        solid: z of what is solid [m], of the whole picture at 1 / ``supersample`` of the window's resolution.
        supersample: Samples per pixel along each side.
        lens: (f_u, f_v, c_u, c_v) [samples], vec4d.
        window: ``Window`` [samples].
        near: Nothing at or before this depth is drawn [m].
        hug: Drops nearer than this to what is behind them, solid or the mesh, are not drawn [m].
        front: Scratch, as ``nearest``.
        nearest: Output keys of the nearest front faces, at least rows * cols long.
        farthest: Output keys of the farthest back faces.
        between: Output sums of depths inside.
    """
    device, size = nearest.device, window.rows * window.cols
    nearest[:size].fill_(NOTHING)
    farthest[:size].zero_()
    between[:size].zero_()
    outputs = [nearest, farthest, between]
    bands = 1 if device.is_cpu else 8
    inputs = [face, point, solid, supersample, lens, window, near, bands]
    wp.launch(raster_kernel, dim=(face.shape[0] // 3, bands), inputs=inputs, outputs=outputs, device=device)
    if drop.shape[0] == 0:
        return
    wp.copy(front, nearest, count=size)
    inputs = [drop, face.shape[0] // 3, solid, supersample, lens, window, near, hug, front]
    wp.launch(drop_kernel, dim=drop.shape[0], inputs=inputs, outputs=outputs, device=device)


def resolve(face, point, normal, drop, solid, keys, *, supersample, camera_from_world, lens, window, outputs):
    """What each ray meets: (depth, normal, thickness, back, back normal), each (rows, cols).

    Depth [m] of the surface, infinite where there is none; unit normals outwards, camera frame; thickness along the ray
    [m]; depth of the farthest back face, 0 for none.
    """
    inputs = [face, point, normal, drop, solid, supersample, *keys, camera_from_world, lens, window]
    dim = (window.rows, window.cols)
    wp.launch(resolve_kernel, dim=dim, inputs=inputs, outputs=outputs, device=solid.device)


def motion(depth, total, origin, fine, *, world_from_camera, camera_from_world, other_from_world, lens, lens_view,
           other_lens, window, outputs):  # fmt: skip
    """Where the visible points are at another time: (flow [pixels], depth [m]).

    Args:
        depth: Of :func:`resolve`.
        total: Displacement of the particles to that time, :func:`physim_kernels.liquid_carry.carry`.
        origin: Of that grid [m].
        fine: Half its cell [m].
        world_from_camera: mat44d.
        camera_from_world: Its inverse.
        other_from_world: Of the camera of the other time.
        lens: [samples]
        lens_view: [pixels]
        other_lens: Of the other time [pixels].
        window: ``Window`` [samples].
        outputs: Two arrays of the size of ``depth``.
    """
    inputs = [depth, total, origin, fine, world_from_camera, camera_from_world, other_from_world, lens, lens_view]
    wp.launch(
        motion_kernel, dim=depth.shape, inputs=[*inputs, other_lens, window], outputs=outputs, device=depth.device
    )
