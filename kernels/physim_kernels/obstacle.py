"""Moving convex bodies as obstacles of a gas: how open each face is, and how fast the solid part of it moves.

A face is closed when its centre touches a solid and fully open half a cell away from it: ``area = clamp(2 phi / h)``
with phi the signed distance. The area is continuous in time, and a wall one cell thick is tight.
Bodies are tables: kind, size, and for hulls a run of face planes (unit normal, offset) in the body frame.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

SPHERE = wp.constant(0)
"""size = (radius, -, -)"""
BOX = wp.constant(1)
"""size = half extents"""
CAPSULE = wp.constant(2)
"""size = (radius, half the distance of the centres, -), along Y"""
CYLINDER = wp.constant(3)
"""size = (radius, half height, -), along Y"""
HULL = wp.constant(4)
"""planes"""


@wp.func
def box_distance(q: wp.vec3) -> float:
    """Distance from the excess q = |p| - half extents."""
    outside = wp.length(wp.vec3(wp.max(q[0], 0.0), wp.max(q[1], 0.0), wp.max(q[2], 0.0)))
    return outside + wp.min(wp.max(q[0], wp.max(q[1], q[2])), 0.0)


@wp.func
def body_distance(
    kind: int, size: wp.vec3, plane_start: int, plane_end: int, planes: wp.array(dtype=wp.vec4), p: wp.vec3
) -> float:
    """Signed distance of ``p`` in the body frame, negative inside; for hulls a lower bound outside."""
    if kind == SPHERE:
        return wp.length(p) - size[0]
    if kind == BOX:
        return box_distance(wp.vec3(wp.abs(p[0]) - size[0], wp.abs(p[1]) - size[1], wp.abs(p[2]) - size[2]))
    if kind == CAPSULE:
        y = p[1] - wp.clamp(p[1], -size[1], size[1])
        return wp.length(wp.vec3(p[0], y, p[2])) - size[0]
    if kind == CYLINDER:
        radial = wp.sqrt(p[0] * p[0] + p[2] * p[2]) - size[0]
        return box_distance(wp.vec3(radial, wp.abs(p[1]) - size[1], -1.0e6))
    distance = float(-1.0e6)
    for n in range(plane_start, plane_end):
        plane = planes[n]
        distance = wp.max(distance, plane[0] * p[0] + plane[1] * p[1] + plane[2] * p[2] - plane[3])
    return distance


@wp.func_native("""
    const int o = (i * area.shape[1] + j) * area.shape[2];
    for (int k = o + k0; k < o + k1; ++k) {
        area.data[k] = static_area.data[k];
        solid.data[k] = static_solid.data[k];
    }""")
def begin_row(
    static_area: wp.array3d(dtype=float), static_solid: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def face_area_kernel(
    # inputs: the faces across `axis` of the grid, as the static world leaves them
    static_area: wp.array3d(dtype=float), static_solid: wp.array3d(dtype=float), axis: int,
    origin: wp.vec3, cell: float,
    # inputs: bodies (count,), poses (steps, count)
    kind: wp.array(dtype=int), size: wp.array(dtype=wp.vec3), reach: wp.array(dtype=float),
    plane_start: wp.array(dtype=int), planes: wp.array(dtype=wp.vec4),
    position: wp.array2d(dtype=wp.vec3), orientation: wp.array2d(dtype=wp.quat),
    velocity: wp.array2d(dtype=wp.vec3), spin: wp.array2d(dtype=wp.vec3), step: int,
    least: float, whole: int, chunk: int,
    # outputs
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    k0 = c * chunk
    k1 = wp.min(k0 + chunk, area.shape[2])
    begin_row(static_area, static_solid, area, solid, i, j, k0, k1)
    corner = wp.vec3(float(i) + 0.5, float(j) + 0.5, 0.5)
    corner[axis] = corner[axis] - 0.5
    start = origin + cell * corner  # of face k = 0 of this row
    for b in range(kind.shape[0]):
        x = position[step, b]
        r = reach[b] + cell
        across = r * r - (start[0] - x[0]) * (start[0] - x[0]) - (start[1] - x[1]) * (start[1] - x[1])
        if across > 0.0:
            half = wp.sqrt(across)
            first = wp.max(k0, int(wp.ceil((x[2] - half - start[2]) / cell)))
            last = wp.min(k1, int(wp.floor((x[2] + half - start[2]) / cell)) + 1)
            for k in range(first, last):
                arm = start + wp.vec3(0.0, 0.0, float(k) * cell) - x
                local = wp.quat_rotate_inv(orientation[step, b], arm)
                phi = body_distance(kind[b], size[b], plane_start[b], plane_start[b + 1], planes, local)
                a = wp.clamp(2.0 * phi / cell, 0.0, 1.0)
                a = wp.where(a < least, 0.0, wp.where(whole != 0, 1.0, a))
                if a < area[i, j, k]:
                    area[i, j, k] = a
                    moving = velocity[step, b] + wp.cross(spin[step, b], arm)
                    solid[i, j, k] = moving[axis]
