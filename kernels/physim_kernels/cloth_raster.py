"""Cloth to pixels: a thin sheet seen from either side, and where its points are at another time.

Triangles are scanned as in ``scan.py``, and both sides are kept. A visible point is remembered as a triangle and
barycentric weights (b, c), which are those of the same material point at every other time.

Corners are vertices in the camera frame [m], OpenCV (x right, y down, z forward); a lens is (f_u, f_v, c_u, c_v)
[pixels]; pixel centres at +0.5.
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
class Fabric:
    """All drawn cloth of a scene, concatenated. Constant over the clip."""

    face: wp.array(dtype=wp.int32)
    """(M * 3,) vertices of each triangle"""
    number: wp.array(dtype=wp.uint16)
    """(M,) entity number of each triangle"""
    textured: wp.array(dtype=wp.int32)
    """(M,) 1 if the photo shows it"""
    start: wp.array(dtype=wp.vec3d)
    """(N,) at time 0, in the frame of the photo's camera [m]"""
    rest: wp.array(dtype=wp.vec2)
    """(N,) place in the flat fabric [m]"""
    sheet: wp.array(dtype=wp.int32)
    """(M,) which cloth a triangle is of"""
    cover_first: wp.array(dtype=wp.int32)
    """Where the cover of each cloth begins"""
    cover_size: wp.array(dtype=wp.vec2i)
    """Its columns and rows"""
    cover_corner: wp.array(dtype=wp.vec2i)
    """(u, v) of its first pixel [pixels of the photo]"""
    cover: wp.array(dtype=wp.uint8)
    """1 where the photo shows any of a cloth; the meshes reach farther"""


@wp.func
def is_there(fabric: Fabric, t: int, weight: wp.vec3d, photo_lens: wp.vec4d) -> bool:
    """Whether there is cloth at a point of a triangle: what lies beside its outline must not hide what is behind."""
    if fabric.textured[t] == 0:
        return True
    seen = weight[0] * fabric.start[fabric.face[3 * t]] + weight[1] * fabric.start[fabric.face[3 * t + 1]]
    seen += weight[2] * fabric.start[fabric.face[3 * t + 2]]
    pixel = project(seen, photo_lens)
    n = fabric.sheet[t]
    size = fabric.cover_size[n]
    u = int(wp.floor(pixel[0])) - fabric.cover_corner[n][0]
    v = int(wp.floor(pixel[1])) - fabric.cover_corner[n][1]
    if u < 0 or v < 0 or u >= size[0] or v >= size[1]:
        return False
    return fabric.cover[fabric.cover_first[n] + v * size[0] + u] > wp.uint8(0)


@wp.kernel
def cloth_raster_kernel(
    fabric: Fabric,
    point: wp.array(dtype=wp.vec3d),
    lens: wp.vec4d,
    photo_lens: wp.vec4d,
    window: Window,
    near: wp.float64,
    bands: wp.int32,
    # outputs
    key: wp.array(dtype=wp.uint64),
):
    t, band = wp.tid()
    a = point[fabric.face[3 * t]]
    b = point[fabric.face[3 * t + 1]]
    c = point[fabric.face[3 * t + 2]]
    scan = scan_of(a, b, c, lens, window, near, True)
    for v in range(scan.v_low + band, scan.v_high, bands):
        for u in range(scan.u_low, scan.u_high):
            ray = ray_at(window.u + u, window.v + v, lens)
            if covers(scan, ray):
                z = depth_at(scan, ray)
                if z > near and is_there(fabric, t, weights_at(ray, a, b, c), photo_lens):
                    wp.atomic_min(key, v * window.cols + u, key_of(z, t))


@wp.kernel
def cloth_resolve_kernel(
    fabric: Fabric,
    point: wp.array(dtype=wp.vec3d),
    normal: wp.array(dtype=wp.vec3),
    key: wp.array(dtype=wp.uint64),
    lens: wp.vec4d,
    window: Window,
    world_from_camera: wp.mat44d,
    photo_lens: wp.vec4d,
    # outputs
    depth_out: wp.array2d(dtype=wp.float32),
    ids_out: wp.array2d(dtype=wp.uint16),
    face_out: wp.array2d(dtype=wp.int32),
    weight_out: wp.array2d(dtype=wp.vec2),
    normal_out: wp.array2d(dtype=wp.vec3),
    rest_out: wp.array2d(dtype=wp.vec3),
    source_out: wp.array2d(dtype=wp.vec2),
):
    v, u = wp.tid()
    k = key[v * window.cols + u]
    source_out[v, u] = wp.vec2(wp.nan, wp.nan)
    rest_out[v, u] = wp.vec3(0.0, 0.0, 0.0)
    weight_out[v, u] = wp.vec2(0.0, 0.0)
    normal_out[v, u] = wp.vec3(0.0, 0.0, 0.0)
    if k == wp.uint64(NOTHING):
        depth_out[v, u] = wp.inf
        ids_out[v, u] = wp.uint16(0)
        face_out[v, u] = -1
        return
    t = number_of(k)
    i = fabric.face[3 * t]
    j = fabric.face[3 * t + 1]
    m = fabric.face[3 * t + 2]
    ray = ray_at(window.u + u, window.v + v, lens)
    a = point[i]
    b = point[j]
    c = point[m]
    weight = weights_at(ray, a, b, c)
    wa = weight[0]
    wb = weight[1]
    wc = weight[2]
    front = float(1.0)
    if wp.dot(a, wp.cross(b, c)) > wp.float64(0.0):
        front = -1.0
    n = wp.float32(wa) * normal[i] + wp.float32(wb) * normal[j] + wp.float32(wc) * normal[m]
    n = front * wp.normalize(n)
    # Along a silhouette the smooth normal may look away from a side that is seen: it is held at the limb.
    sight = world_from_camera * wp.vec4d(ray[0], ray[1], ray[2], wp.float64(0.0))
    away = wp.normalize(wp.vec3(wp.float32(sight[0]), wp.float32(sight[1]), wp.float32(sight[2])))
    n = wp.normalize(n - (wp.max(wp.dot(n, away), -0.02) + 0.02) * away)
    rest = wp.float32(wa) * fabric.rest[i] + wp.float32(wb) * fabric.rest[j] + wp.float32(wc) * fabric.rest[m]
    depth_out[v, u] = wp.float32(wa * a[2] + wb * b[2] + wc * c[2])
    ids_out[v, u] = fabric.number[t]
    face_out[v, u] = t
    weight_out[v, u] = wp.vec2(wp.float32(wb), wp.float32(wc))
    normal_out[v, u] = n
    rest_out[v, u] = wp.vec3(rest[0], rest[1], front)
    if fabric.textured[t] == 1:
        seen = wa * fabric.start[i] + wb * fabric.start[j] + wc * fabric.start[m]
        if seen[2] > wp.float64(0.0):
            pixel = project(seen, photo_lens)
            source_out[v, u] = wp.vec2(wp.float32(pixel[0]), wp.float32(pixel[1]))


@wp.kernel
def cloth_motion_kernel(
    fabric: Fabric,
    face: wp.array2d(dtype=wp.int32),
    weight: wp.array2d(dtype=wp.vec2),
    here: wp.array(dtype=wp.vec3d),
    other: wp.array(dtype=wp.vec3d),
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
    t = face[v, u]
    if t < 0:
        return
    i = fabric.face[3 * t]
    j = fabric.face[3 * t + 1]
    m = fabric.face[3 * t + 2]
    w = weight[v, u]
    wb = wp.float64(w[0])
    wc = wp.float64(w[1])
    wa = wp.float64(1.0) - wb - wc
    then = wa * other[i] + wb * other[j] + wc * other[m]
    # Both ends go through the same arithmetic, so what rests has a flow of exactly zero.
    flow = project(then, other_lens) - project(wa * here[i] + wb * here[j] + wc * here[m], lens)
    flow_out[v, u] = wp.vec2(wp.float32(flow[0]), wp.float32(flow[1]))
    depth_out[v, u] = wp.float32(then[2])
    side = wp.sign(wp.dot(here[i], wp.cross(here[j], here[m])))
    facet = wp.normalize(wp.cross(other[j] - other[i], other[m] - other[i]))
    facing_out[v, u] = wp.float32(side * wp.dot(facet, wp.normalize(then)))


@wp.kernel
def vertex_normal_kernel(
    point: wp.array(dtype=wp.vec3),
    face: wp.array(dtype=wp.int32),
    first: wp.array(dtype=wp.int32),
    around: wp.array(dtype=wp.int32),
    # outputs
    normal_out: wp.array(dtype=wp.vec3),
):
    """Mean of the faces around a vertex, weighted by area."""
    i = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for k in range(first[i], first[i + 1]):
        t = around[k]
        a = point[face[3 * t]]
        total += wp.cross(point[face[3 * t + 1]] - a, point[face[3 * t + 2]] - a)
    normal_out[i] = wp.normalize(total)


def vertex_normals(point, face, first, around, *, normal_out):
    """Smooth unit normals of the front side.

    Args:
        point: Vertices [m], (N,) vec3.
        face: (M * 3,) int32.
        first: (N + 1,) int32: where the faces of each vertex begin in ``around``.
        around: Faces of each vertex in turn, int32.
        normal_out: (N,) vec3.
    """
    wp.launch(
        vertex_normal_kernel,
        dim=point.shape[0],
        inputs=[point, face, first, around],
        outputs=[normal_out],
        device=point.device,
    )


def cloth_raster(fabric, point, *, lens, photo_lens, window, near, key):
    """Find the nearest triangle of every pixel of ``window``, whichever side it shows.

    Args:
        fabric: ``Fabric`` of M triangles.
        point: Vertices in the camera frame [m], vec3d, (N,).
        lens: (f_u, f_v, c_u, c_v) [pixels], vec4d.
        window: ``Window`` to draw, in pixels of the picture.
        photo_lens: Of the photo's camera [pixels of the photo]: where it shows no cloth there is none.
        near: Nothing at or before this depth is drawn [m].
        key: Output, uint64, at least rows * cols long.
    """
    device = key.device
    key[: window.rows * window.cols].fill_(NOTHING)
    bands = 1 if device.is_cpu else 32  # on a GPU a large triangle is shared by several threads
    wp.launch(
        cloth_raster_kernel,
        dim=(fabric.number.shape[0], bands),
        inputs=[fabric, point, lens, photo_lens, window, near, bands],
        outputs=[key],
        device=device,
    )


def cloth_resolve(fabric, point, normal, key, *, lens, window, world_from_camera, photo_lens, outputs):
    """What is seen in every pixel: (depth, ids, face, weight, normal, rest, source), each (rows, cols).

    Depth [m] is infinite and ``face`` -1 where nothing is; ``weight`` are the barycentrics of the second and third
    vertex; ``normal`` [world] looks towards the camera; ``rest`` is (x, y) in the flat fabric [m] and +1 where the
    front, -1 where the back is seen; ``source`` [pixels of the photo] is NaN if the photo does not show the cloth.
    """
    wp.launch(
        cloth_resolve_kernel,
        dim=(window.rows, window.cols),
        inputs=[fabric, point, normal, key, lens, window, world_from_camera, photo_lens],
        outputs=outputs,
        device=key.device,
    )


def cloth_motion(fabric, face, weight, here, other, *, lens, other_lens, outputs):
    """Where the visible points are at another time: (flow [pixels], depth [m], facing [-]).

    Args:
        fabric: ``Fabric``.
        face: Visible triangle of every pixel, -1 for none.
        weight: Its barycentrics.
        here: Vertices now in the camera frame of now [m].
        other: Vertices then in the camera frame of then [m].
        lens: (f_u, f_v, c_u, c_v) of now [pixels].
        other_lens: Of then.
        outputs: ``facing`` is the cosine between the side that is seen now and the direction to the camera then.
    """
    wp.launch(
        cloth_motion_kernel,
        dim=face.shape,
        inputs=[fabric, face, weight, here, other, lens, other_lens],
        outputs=outputs,
        device=face.device,
    )
