"""From a point to a collider: signed distance, outward normal, and with them the closest point. Only ``wp.func``.

Everything is in the collider's own frame. The distance is negative inside; the closest point of the surface is
p - distance x normal. Exact outside for every kind (faces, edges and corners of a hull); inside, the way out through
the nearest face. A static mesh need not be closed: its sides are told by the normals about the closest point.
"""

import warp as wp

from physim_kernels.collide_terrain import closest_on_triangle, field_plane, field_point
from physim_kernels.rigid_data import CAPSULE, CYLINDER, FIELD, HULL, MESH, PLANE, SPHERE, Geometry

wp.set_module_options({"enable_backward": False})

FAR = wp.constant(1.0e30)
"""Distance of what is beyond reach."""


@wp.func
def away(d: wp.vec3, otherwise: wp.vec3):
    """Length of ``d`` and its direction, or ``otherwise`` if it has none."""
    length = wp.length(d)
    if length > 1.0e-12:
        return length, d / length
    return 0.0, otherwise


@wp.func
def near_capsule(p: wp.vec3, radius: float, half: float):
    """About Y; a sphere has ``half`` 0."""
    core = wp.vec3(0.0, wp.clamp(p[1], -half, half), 0.0)
    length, n = away(p - core, wp.vec3(1.0, 0.0, 0.0))
    return length - radius, n


@wp.func
def near_cylinder(p: wp.vec3, radius: float, half: float):
    """Solid cylinder about Y: side, caps and rims."""
    rho, out = away(wp.vec3(p[0], 0.0, p[2]), wp.vec3(1.0, 0.0, 0.0))
    cap = wp.vec3(0.0, wp.where(p[1] < 0.0, -1.0, 1.0), 0.0)
    side = rho - radius
    rise = wp.abs(p[1]) - half
    if side > 0.0 and rise > 0.0:
        distance = wp.sqrt(side * side + rise * rise)
        return distance, (side * out + rise * cap) / distance
    if side > rise:
        return side, out
    return rise, cap


@wp.func
def near_hull(g: Geometry, c: int, p: wp.vec3):
    """Above a face its plane; else outside the nearest edge or corner; inside the least deep face.

    The face below a point is the one whose plane it is farthest from: no plane of a convex body is farther than it is.
    """
    best = float(-1.0e30)
    normal = wp.vec3(0.0, 1.0, 0.0)
    start = g.face_start[c]
    for f in range(g.face_count[c]):
        s = wp.dot(g.face_normal[start + f], p) - g.face_offset[start + f]
        if s > best:
            best = s
            normal = g.face_normal[start + f]
    if best <= 0.0:
        return best, normal
    foot = p - best * normal
    beyond = float(0.0)
    for f in range(g.face_count[c]):
        beyond = wp.max(beyond, wp.dot(g.face_normal[start + f], foot) - g.face_offset[start + f])
    if beyond <= 1.0e-6 * g.bound[c]:
        return best, normal
    nearest = float(1.0e30)
    off = wp.vec3(0.0, 1.0, 0.0)
    for j in range(g.edge_count[c]):
        e = g.edges[g.edge_start[c] + j]
        corner = g.vertices[g.vertex_start[c] + e[0]]
        along = g.vertices[g.vertex_start[c] + e[1]] - corner
        u = wp.clamp(wp.dot(p - corner, along) / wp.dot(along, along), 0.0, 1.0)
        d = p - corner - u * along
        if wp.dot(d, d) < nearest:
            nearest = wp.dot(d, d)
            off = d
    return away(off, normal)


@wp.func
def near_field(g: Geometry, c: int, p: wp.vec3, reach: float):
    """The nearest of the triangles around ``p``; below the ground the way out is up along the slope's normal."""
    height, normal = field_plane(g, c, p)
    if p[1] <= height:
        return (p[1] - height) * normal[1], normal
    if (p[1] - height) * normal[1] > 4.0 * reach:
        return FAR, normal
    frame = g.field_frame[c]
    size = g.field_size[c]
    i0 = wp.clamp(int(wp.floor((p[0] - reach - frame[0]) / frame[2])), 0, size[1] - 2)
    i1 = wp.clamp(int(wp.floor((p[0] + reach - frame[0]) / frame[2])), 0, size[1] - 2)
    k0 = wp.clamp(int(wp.floor((p[2] - reach - frame[1]) / frame[2])), 0, size[0] - 2)
    k1 = wp.clamp(int(wp.floor((p[2] + reach - frame[1]) / frame[2])), 0, size[0] - 2)
    nearest = float((p[1] - height) * (p[1] - height))
    off = wp.vec3(0.0, p[1] - height, 0.0)
    for k in range(k0, k1 + 1):
        for i in range(i0, i1 + 1):
            p00 = field_point(g, c, k, i)
            p11 = field_point(g, c, k + 1, i + 1)
            for half in range(2):
                third = wp.where(half == 0, field_point(g, c, k, i + 1), field_point(g, c, k + 1, i))
                q, _feature = closest_on_triangle(p, p00, p11, third)
                if wp.length_sq(p - q) < nearest:
                    nearest = wp.length_sq(p - q)
                    off = p - q
    return away(off, normal)


@wp.func
def near_mesh(g: Geometry, c: int, p: wp.vec3, reach: float):
    q = wp.mesh_query_point_sign_normal(g.mesh[c], p, reach)
    if not q.result:
        return FAR, wp.vec3(0.0, 1.0, 0.0)
    closest = wp.mesh_eval_position(g.mesh[c], q.face, q.u, q.v)
    face = wp.mesh_eval_face_normal(g.mesh[c], q.face)
    length, n = away(p - closest, face)
    if length < 1.0e-6 * g.bound[c]:
        return wp.dot(p - closest, face), face
    return q.sign * length, q.sign * n


@wp.func
def near_collider(g: Geometry, c: int, p: wp.vec3, reach: float):
    """(distance, normal) of collider ``c`` at ``p``; a surface farther than ``reach`` may answer ``FAR``."""
    kind = g.kind[c]
    if kind == SPHERE or kind == CAPSULE:
        return near_capsule(p, g.radius[c], g.half[c])
    if kind == CYLINDER:
        return near_cylinder(p, g.radius[c], g.half[c])
    if kind == HULL:
        return near_hull(g, c, p)
    if kind == PLANE:
        return p[1], wp.vec3(0.0, 1.0, 0.0)
    if kind == FIELD:
        return near_field(g, c, p, reach)
    if kind == MESH:
        return near_mesh(g, c, p, reach)
    return FAR, wp.vec3(0.0, 1.0, 0.0)
