"""Triangles to pixels: depth, material point, normal and place in the photo of every visible surface point.

A pixel's ray ``r = (x, y, 1)`` (camera frame, z = 1) meets the triangle (a, b, c) where, with

    w_a = r . (b x c),   w_b = r . (c x a),   w_c = r . (a x b),   V = a . (b x c)

all w have the sign of V; then the depth is ``z = V / (w_a + w_b + w_c)`` and ``w / (w_a + w_b + w_c)`` are the
perspective-correct barycentrics. Nothing is divided by the depth of a vertex, so a triangle may pass behind the camera
without being clipped. Front faces (counter-clockwise seen from outside) have V < 0; back faces are dropped.
Source: Olano, Greer, Triangle scan conversion using 2D homogeneous coordinates, 1997.

Visibility is one 64-bit minimum per pixel: the bits of the depth above the number of the triangle. Positive floats sort
like their bits, so the result does not depend on the order of threads.

Camera frame OpenCV (x right, y down, z forward) [m]. A lens is (f_u, f_v, c_u, c_v) [pixels]; pixel centres at +0.5.
Edge functions are float64: in float32 their cancellation costs a tenth of a pixel on small triangles of a 4K picture.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

NOTHING = 0xFFFFFFFFFFFFFFFF
"""Key of a pixel without a surface."""


@wp.struct
class Mesh:
    """All drawn triangles of a scene, concatenated; every corner belongs to one body, its slot."""

    corner: wp.array(dtype=wp.vec3d)
    """(M * 3,) body frame [m]"""
    normal: wp.array(dtype=wp.vec3)
    """(M * 3,) outward unit normal at each corner, body frame"""
    slot: wp.array(dtype=wp.int32)
    """(M,) body of each triangle"""
    number: wp.array(dtype=wp.uint16)
    """per slot: entity number written to id maps"""
    textured: wp.array(dtype=wp.int32)
    """per slot: 1 if the photo shows it"""


@wp.struct
class Window:
    """A crop of the picture."""

    u: wp.int32
    v: wp.int32
    rows: wp.int32
    cols: wp.int32


@wp.func
def project(point: wp.vec3d, lens: wp.vec4d) -> wp.vec2d:
    """Camera-frame point to pixels; the depth is held off zero so that the result stays finite."""
    z = wp.max(point[2], wp.float64(1.0e-6))
    return wp.vec2d(lens[0] * point[0] / z + lens[2], lens[1] * point[1] / z + lens[3])


@wp.func
def ray_at(u: wp.int32, v: wp.int32, lens: wp.vec4d) -> wp.vec3d:
    """Ray through a pixel centre, z = 1."""
    half = wp.float64(0.5)
    return wp.vec3d(
        (wp.float64(u) + half - lens[2]) / lens[0], (wp.float64(v) + half - lens[3]) / lens[1], wp.float64(1.0)
    )


@wp.func
def low_pixel(a: wp.float64, b: wp.float64, c: wp.float64, size: wp.int32) -> wp.int32:
    """First pixel whose centre may lie inside, clamped to the window."""
    return wp.int32(wp.clamp(wp.floor(wp.min(wp.min(a, b), c) - wp.float64(0.5)), wp.float64(0.0), wp.float64(size)))


@wp.func
def high_pixel(a: wp.float64, b: wp.float64, c: wp.float64, size: wp.int32) -> wp.int32:
    """One past the last pixel whose centre may lie inside, clamped to the window."""
    return wp.int32(wp.clamp(wp.ceil(wp.max(wp.max(a, b), c) + wp.float64(0.5)), wp.float64(0.0), wp.float64(size)))


@wp.kernel
def transform_kernel(
    mesh: Mesh,
    camera_from_body: wp.array(dtype=wp.mat44d),
    # outputs
    point_out: wp.array(dtype=wp.vec3d),
):
    i = wp.tid()
    point_out[i] = wp.transform_point(camera_from_body[mesh.slot[i // 3]], mesh.corner[i])


@wp.kernel
def raster_kernel(
    point: wp.array(dtype=wp.vec3d),
    lens: wp.vec4d,
    window: Window,
    near: wp.float64,
    bands: wp.int32,
    # outputs
    key: wp.array(dtype=wp.uint64),
):
    t, band = wp.tid()
    a = point[3 * t]
    b = point[3 * t + 1]
    c = point[3 * t + 2]
    if wp.max(wp.max(a[2], b[2]), c[2]) <= near:
        return
    ea = wp.cross(b, c)
    eb = wp.cross(c, a)
    ec = wp.cross(a, b)
    volume = wp.dot(a, ea)
    if volume >= wp.float64(0.0):
        return
    u_low = wp.int32(0)
    v_low = wp.int32(0)
    u_high = window.cols
    v_high = window.rows
    if wp.min(wp.min(a[2], b[2]), c[2]) > near:  # otherwise its outline is unbounded: look everywhere
        corner = wp.vec2d(wp.float64(window.u), wp.float64(window.v))
        pa = project(a, lens) - corner
        pb = project(b, lens) - corner
        pc = project(c, lens) - corner
        u_low = low_pixel(pa[0], pb[0], pc[0], window.cols)
        v_low = low_pixel(pa[1], pb[1], pc[1], window.rows)
        u_high = high_pixel(pa[0], pb[0], pc[0], window.cols)
        v_high = high_pixel(pa[1], pb[1], pc[1], window.rows)
    zero = wp.float64(0.0)
    for v in range(v_low + band, v_high, bands):
        for u in range(u_low, u_high):
            ray = ray_at(window.u + u, window.v + v, lens)
            wa = wp.dot(ray, ea)
            wb = wp.dot(ray, eb)
            wc = wp.dot(ray, ec)
            total = wa + wb + wc
            if wa <= zero and wb <= zero and wc <= zero and total < zero:
                z = volume / total
                if z > near:
                    bits = wp.cast(wp.float32(z), wp.uint32)
                    wp.atomic_min(key, v * window.cols + u, (wp.uint64(bits) << wp.uint64(32)) | wp.uint64(t))


@wp.kernel
def resolve_kernel(
    mesh: Mesh,
    point: wp.array(dtype=wp.vec3d),
    key: wp.array(dtype=wp.uint64),
    lens: wp.vec4d,
    window: Window,
    world_from_body: wp.array(dtype=wp.mat44d),
    photo_from_body: wp.array(dtype=wp.mat44d),
    photo_lens: wp.vec4d,
    # outputs
    depth_out: wp.array2d(dtype=wp.float32),
    ids_out: wp.array2d(dtype=wp.uint16),
    point_out: wp.array2d(dtype=wp.vec3),
    normal_out: wp.array2d(dtype=wp.vec3),
    source_out: wp.array2d(dtype=wp.vec2),
    facing_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    k = key[v * window.cols + u]
    source_out[v, u] = wp.vec2(wp.nan, wp.nan)
    facing_out[v, u] = wp.float32(-1.0)
    if k == wp.uint64(NOTHING):
        depth_out[v, u] = wp.inf
        ids_out[v, u] = wp.uint16(0)
        point_out[v, u] = wp.vec3(0.0, 0.0, 0.0)
        normal_out[v, u] = wp.vec3(0.0, 0.0, 0.0)
        return
    t = wp.int32(k & wp.uint64(0xFFFFFFFF))
    slot = mesh.slot[t]
    ray = ray_at(window.u + u, window.v + v, lens)
    a = point[3 * t]
    b = point[3 * t + 1]
    c = point[3 * t + 2]
    wa = wp.dot(ray, wp.cross(b, c))
    wb = wp.dot(ray, wp.cross(c, a))
    wc = wp.dot(ray, wp.cross(a, b))
    total = wa + wb + wc
    wa /= total
    wb /= total
    wc /= total
    ra = mesh.corner[3 * t]
    rb = mesh.corner[3 * t + 1]
    rc = mesh.corner[3 * t + 2]
    here = wa * ra + wb * rb + wc * rc
    n = wp.normalize(
        wp.float32(wa) * mesh.normal[3 * t]
        + wp.float32(wb) * mesh.normal[3 * t + 1]
        + wp.float32(wc) * mesh.normal[3 * t + 2]
    )
    normal = wp.vec3d(wp.float64(n[0]), wp.float64(n[1]), wp.float64(n[2]))
    world = wp.transform_vector(world_from_body[slot], normal)
    depth_out[v, u] = wp.float32(wa * a[2] + wb * b[2] + wc * c[2])
    ids_out[v, u] = mesh.number[slot]
    point_out[v, u] = wp.vec3(wp.float32(here[0]), wp.float32(here[1]), wp.float32(here[2]))
    normal_out[v, u] = wp.vec3(wp.float32(world[0]), wp.float32(world[1]), wp.float32(world[2]))
    rest = photo_from_body[slot]
    seen = wp.transform_point(rest, here)
    facing = -wp.dot(wp.transform_vector(rest, normal), wp.normalize(seen))
    facing_out[v, u] = wp.float32(facing)
    # At the limb the smooth normal of a visible facet may already look away: the facet decides there.
    sa = wp.transform_point(rest, ra)
    sb = wp.transform_point(rest, rb)
    sc = wp.transform_point(rest, rc)
    faced = facing > wp.float64(0.0) or wp.dot(sa, wp.cross(sb, sc)) < wp.float64(0.0)
    if mesh.textured[slot] == 1 and faced and seen[2] > wp.float64(0.0):
        pixel = project(seen, photo_lens)
        source_out[v, u] = wp.vec2(wp.float32(pixel[0]), wp.float32(pixel[1]))


@wp.kernel
def body_motion_kernel(
    point: wp.array2d(dtype=wp.vec3),
    normal: wp.array2d(dtype=wp.vec3),
    ids: wp.array2d(dtype=wp.uint16),
    slot_of: wp.array(dtype=wp.int32),
    camera_from_body: wp.array(dtype=wp.mat44d),
    world_from_body: wp.array(dtype=wp.mat44d),
    other_from_body: wp.array(dtype=wp.mat44d),
    lens: wp.vec4d,
    other_lens: wp.vec4d,
    # outputs
    flow_out: wp.array2d(dtype=wp.vec2),
    depth_out: wp.array2d(dtype=wp.float32),
    facing_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    flow_out[v, u] = wp.vec2(0.0, 0.0)
    depth_out[v, u] = wp.inf
    facing_out[v, u] = wp.float32(-1.0)
    number = wp.int32(ids[v, u])
    if number == 0:
        return
    slot = slot_of[number]
    p = point[v, u]
    here = wp.vec3d(wp.float64(p[0]), wp.float64(p[1]), wp.float64(p[2]))
    other = wp.transform_point(other_from_body[slot], here)
    # Both ends go through the same arithmetic, so what rests has a flow of exactly zero.
    flow = project(other, other_lens) - project(wp.transform_point(camera_from_body[slot], here), lens)
    flow_out[v, u] = wp.vec2(wp.float32(flow[0]), wp.float32(flow[1]))
    depth_out[v, u] = wp.float32(other[2])
    n = normal[v, u]
    world = wp.vec3d(wp.float64(n[0]), wp.float64(n[1]), wp.float64(n[2]))
    body = wp.transform_vector(wp.transpose(world_from_body[slot]), world)  # rotations: the transpose is the inverse
    turned = wp.transform_vector(other_from_body[slot], body)
    facing_out[v, u] = wp.float32(-wp.dot(turned, wp.normalize(other)))


def raster(mesh, camera_from_body, *, lens, window, near, point, key):
    """Find the nearest front-facing triangle of every pixel of ``window``.

    Args:
        mesh: ``Mesh`` of M triangles.
        camera_from_body: Rigid transform per slot, mat44d.
        lens: (f_u, f_v, c_u, c_v) [pixels], vec4d.
        window: ``Window`` to draw, in pixels of the picture.
        near: Nothing at or before this depth is drawn [m].
        point: Scratch, corners in the camera frame, vec3d, (M * 3,).
        key: Output, uint64, at least rows * cols long.
    """
    device = key.device
    count = mesh.slot.shape[0]
    key[: window.rows * window.cols].fill_(NOTHING)
    wp.launch(transform_kernel, dim=count * 3, inputs=[mesh, camera_from_body], outputs=[point], device=device)
    bands = 1 if device.is_cpu else 32  # on a GPU a large triangle is shared by several threads
    wp.launch(
        raster_kernel, dim=(count, bands), inputs=[point, lens, window, near, bands], outputs=[key], device=device
    )


def resolve(mesh, point, key, *, lens, window, world_from_body, photo_from_body, photo_lens, outputs):
    """What is seen in every pixel: (depth, ids, point, normal, source, facing), each (rows, cols).

    Depth [m] is infinite where nothing is; ``source`` [pixels of the photo] is NaN unless the point faced the camera
    in the photo; ``facing`` is the cosine between its normal and the direction to the camera then.
    """
    wp.launch(
        resolve_kernel,
        dim=(window.rows, window.cols),
        inputs=[mesh, point, key, lens, window, world_from_body, photo_from_body, photo_lens],
        outputs=outputs,
        device=key.device,
    )


def body_motion(
    point, normal, ids, slot_of, *, camera_from_body, world_from_body, other_from_body, lens, other_lens, outputs
):
    """Where the visible points are at another time, seen through its lens: (flow [pixels], depth [m], facing [-])."""
    wp.launch(
        body_motion_kernel,
        dim=point.shape,
        inputs=[point, normal, ids, slot_of, camera_from_body, world_from_body, other_from_body, lens, other_lens],
        outputs=outputs,
        device=point.device,
    )
