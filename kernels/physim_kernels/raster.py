"""Triangles to pixels: depth, material point, normal and place in the photo of every visible surface point.

How a triangle is scanned and what a key is: ``scan.py``. Front faces (counter-clockwise seen from outside) have V < 0;
back faces are dropped. Camera frame OpenCV (x right, y down, z forward) [m].
"""

import warp as wp

from physim_kernels.scan import (
    NOTHING,
    Window,
    covers,
    depth_at,
    key_of,
    number_of,
    project,
    ray_at,
    scan_of,
    weights_at,
)

wp.set_module_options({"enable_backward": False})


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
    scan = scan_of(point[3 * t], point[3 * t + 1], point[3 * t + 2], lens, window, near, False)
    for v in range(scan.v_low + band, scan.v_high, bands):
        for u in range(scan.u_low, scan.u_high):
            ray = ray_at(window.u + u, window.v + v, lens)
            if covers(scan, ray):
                z = depth_at(scan, ray)
                if z > near:
                    wp.atomic_min(key, v * window.cols + u, key_of(z, t))


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
    t = number_of(k)
    slot = mesh.slot[t]
    ray = ray_at(window.u + u, window.v + v, lens)
    a = point[3 * t]
    b = point[3 * t + 1]
    c = point[3 * t + 2]
    weight = weights_at(ray, a, b, c)
    wa = weight[0]
    wb = weight[1]
    wc = weight[2]
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
    if mesh.textured[slot] == 0 or seen[2] <= wp.float64(0.0):
        return
    faced = facing > wp.float64(0.0)
    if not faced:
        # At the limb the smooth normal of a visible facet may already look away: the facet decides there.
        sa = wp.transform_point(rest, ra)
        sb = wp.transform_point(rest, rb)
        sc = wp.transform_point(rest, rc)
        faced = wp.dot(sa, wp.cross(sb, sc)) < wp.float64(0.0)
    if faced:
        pixel = project(seen, photo_lens)
        source_out[v, u] = wp.vec2(wp.float32(pixel[0]), wp.float32(pixel[1]))


@wp.kernel
def resolve_point_kernel(
    mesh: Mesh,
    point: wp.array(dtype=wp.vec3d),
    key: wp.array(dtype=wp.uint64),
    lens: wp.vec4d,
    window: Window,
    strip: int,
    # outputs
    depth_out: wp.array2d(dtype=wp.float32),
    ids_out: wp.array2d(dtype=wp.uint16),
    point_out: wp.array2d(dtype=wp.vec3),
):
    v, block = wp.tid()
    for u in range(block * strip, wp.min(block * strip + strip, window.cols)):
        k = key[v * window.cols + u]
        if k == wp.uint64(NOTHING):
            depth_out[v, u] = wp.inf
            ids_out[v, u] = wp.uint16(0)
        else:
            t = number_of(k)
            a = point[3 * t]
            b = point[3 * t + 1]
            c = point[3 * t + 2]
            weight = weights_at(ray_at(window.u + u, window.v + v, lens), a, b, c)
            wa = weight[0]
            wb = weight[1]
            wc = weight[2]
            here = wa * mesh.corner[3 * t] + wb * mesh.corner[3 * t + 1] + wc * mesh.corner[3 * t + 2]
            depth_out[v, u] = wp.float32(wa * a[2] + wb * b[2] + wc * c[2])
            ids_out[v, u] = mesh.number[mesh.slot[t]]
            point_out[v, u] = wp.vec3(wp.float32(here[0]), wp.float32(here[1]), wp.float32(here[2]))


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


def resolve_point(mesh, point, key, *, lens, window, outputs):
    """The (depth, ids, point) of :func:`resolve` alone; ``point`` is left as it is where nothing is seen."""
    device = key.device
    strip = window.cols if device.is_cpu else 1
    inputs = [mesh, point, key, lens, window, strip]
    wp.launch(
        resolve_point_kernel, dim=(window.rows, -(-window.cols // strip)), inputs=inputs, outputs=outputs, device=device
    )  # fmt: skip


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
