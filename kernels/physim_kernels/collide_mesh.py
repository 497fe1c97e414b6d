"""Contact with a static triangle mesh of any form: hollow, thin, overhanging. Only ``wp.func``.

Two polyhedra that touch do so with a corner of one on a face of the other, or with two edges crossed. Each is looked
for among the triangles near the body; a corner or an edge of the mesh counts only along a direction in which it
*supports* the mesh, that is, its neighbours lie behind it. So seams between triangles of one plane, dents, and the far
side of a thin wall make no contact. A corner in the mesh is led out by the closest point of its surface.

The mesh is a and never moves; a's frame is the mesh's own. What is compared with a hull is brought to b's frame, where
the hull's tables are: x_b = R^T (x_a - t).
"""

import warp as wp

from physim_kernels.collide_hull import add_candidate, segment_parameters
from physim_kernels.collide_terrain import INSIDE, closest_on_triangle
from physim_kernels.rigid_data import CAPSULE, FACE, POINT, Candidates, Geometry

FLAT = wp.constant(1.0e-3)
"""Sine of the angle by which a neighbour may stand out in front of a supporting corner or edge."""


@wp.func
def offer(
    cand: Candidates, slot: int, count: int, kind: int,
    point_a: wp.vec3, point_b: wp.vec3, normal: wp.vec3, radius_b: float, separation: float,
):  # fmt: skip
    """Append a contact point; in a full list it takes the place of the one farthest off, if it is nearer."""
    if count < cand.stride:
        return add_candidate(cand, slot, count, kind, point_a, point_b, normal, 0.0, radius_b, separation)
    first = slot * cand.stride
    row = int(0)
    for k in range(count):
        if cand.separation[first + k] > cand.separation[first + row]:
            row = k
    if separation < cand.separation[first + row]:
        add_candidate(cand, slot, row, kind, point_a, point_b, normal, 0.0, radius_b, separation)
    return count


@wp.func
def corner_supports(g: Geometry, a: int, vertex: int, n: wp.vec3):
    """Whether all edges of the mesh at ``vertex`` lead away behind the plane through it with normal ``n``."""
    points = wp.mesh_get(g.mesh[a]).points
    at = points[vertex]
    row = g.mesh_vertex_start[a] + vertex
    supports = int(1)
    for k in range(g.mesh_fan_start[row], g.mesh_fan_start[row + 1]):
        off = points[g.mesh_fan[k]] - at
        if wp.dot(n, off) > FLAT * wp.length(off):
            supports = int(0)
            break
    return supports


@wp.func
def edge_supports(g: Geometry, a: int, face: int, k: int, n: wp.vec3):
    """Whether both triangles at edge ``k`` of ``face`` lie behind the plane through the edge with normal ``n``."""
    mesh = wp.mesh_get(g.mesh[a])
    at = mesh.points[mesh.indices[3 * face + k]]
    own = mesh.points[mesh.indices[3 * face + (k + 2) % 3]] - at
    supports = int(1)
    if wp.dot(n, own) > FLAT * wp.length(own):
        supports = int(0)
    other = g.mesh_across[3 * (g.mesh_face_start[a] + face) + k]
    if other >= 0:
        off = mesh.points[other] - at
        if wp.dot(n, off) > FLAT * wp.length(off):
            supports = int(0)
    return supports


@wp.func
def feature_supports(g: Geometry, a: int, face: int, feature: int, n: wp.vec3):
    """The same of the corner (0 to 2) or edge (3 to 5) of a triangle that ``closest_on_triangle`` names, if it owns it.

    Every corner and every edge that is no valley is owned by one triangle, so that it is met once.
    """
    if ((g.mesh_owns[g.mesh_face_start[a] + face] >> feature) & 1) == 0:
        return 0
    if feature < 3:
        return corner_supports(g, a, wp.mesh_get(g.mesh[a]).indices[3 * face + feature], n)
    return edge_supports(g, a, face, feature - 3, n)


@wp.func
def hull_lies_beyond(g: Geometry, b: int, vertex: wp.vec3, n: wp.vec3, slack: float):
    """Whether no corner of hull ``b`` lies more than ``slack`` behind the plane through ``vertex`` (b's frame)."""
    low = float(1.0e30)
    for k in range(g.vertex_count[b]):
        low = wp.min(low, wp.dot(n, g.vertices[g.vertex_start[b] + k] - vertex))
    return low > -slack


@wp.func
def corner_closest(
    g: Geometry, a: int, b: int, v: wp.vec3, rot: wp.mat33, t: wp.vec3, margin: float, size: float,
    cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """Corner ``v`` of hull ``b`` and the mesh's closest point: the way out from inside; outside, a corner or ridge."""
    count = int(found)
    p = rot * v + t
    q = wp.mesh_query_point_sign_normal(g.mesh[a], p, margin + size)
    if q.result:
        closest = wp.mesh_eval_position(g.mesh[a], q.face, q.u, q.v)
        d = wp.length(p - closest)
        n = wp.mesh_eval_face_normal(g.mesh[a], q.face)
        # a direction from a point so near is rounding error
        on_face = wp.abs(wp.dot(n, p - closest)) > (1.0 - 1.0e-5) * d or d < 1.0e-3 * size
        if q.sign < 0.0:
            if not on_face:
                n = (closest - p) / d
            count = offer(cand, slot, count, FACE, closest, v, n, 0.0, -d)
        elif d < margin and not on_face:
            n = (p - closest) / d
            if hull_lies_beyond(g, b, v, n * rot, 1.0e-3 * size):
                count = offer(cand, slot, count, POINT, closest, v, n, 0.0, d)
    return count


@wp.func
def corners_on_triangle(
    g: Geometry, b: int, rot: wp.mat33, t: wp.vec3, p0: wp.vec3, p1: wp.vec3, p2: wp.vec3, n: wp.vec3, margin: float,
    cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """Corners of hull ``b`` in front of a triangle, within its prism (a's frame)."""
    count = int(found)
    side0 = wp.cross(n, p1 - p0)
    side1 = wp.cross(n, p2 - p1)
    side2 = wp.cross(n, p0 - p2)
    # a corner over the seam of two triangles must not slip through between them
    slack = -1.0e-5 * wp.max(wp.length_sq(side0), wp.max(wp.length_sq(side1), wp.length_sq(side2)))
    for k in range(g.vertex_count[b]):
        v = g.vertices[g.vertex_start[b] + k]
        p = rot * v + t
        s = wp.dot(n, p - p0)
        if s >= 0.0 and s < margin:
            inward = wp.min(wp.dot(side0, p - p0), wp.min(wp.dot(side1, p - p1), wp.dot(side2, p - p2)))
            if inward > slack:
                count = offer(cand, slot, count, FACE, p - s * n, v, n, 0.0, s)
    return count


@wp.func
def nearest_face(g: Geometry, b: int, q: wp.vec3):
    """Plane of hull ``b`` farthest in front of, or least behind, the point (b's frame): (distance, face)."""
    best = float(-1.0e30)
    at = int(0)
    for f in range(g.face_count[b]):
        s = wp.dot(g.face_normal[g.face_start[b] + f], q) - g.face_offset[g.face_start[b] + f]
        if s > best:
            best = s
            at = f
    return best, at


@wp.func
def closest_on_edges(g: Geometry, b: int, q: wp.vec3):
    """Point on the edges of hull ``b`` closest to ``q`` (b's frame)."""
    nearest = float(1.0e30)
    closest = wp.vec3(0.0, 0.0, 0.0)
    for j in range(g.edge_count[b]):
        e = g.edges[g.edge_start[b] + j]
        start = g.vertices[g.vertex_start[b] + e[0]]
        along = g.vertices[g.vertex_start[b] + e[1]] - start
        u = wp.clamp(wp.dot(q - start, along) / wp.dot(along, along), 0.0, 1.0)
        d = wp.length(q - start - u * along)
        if d < nearest:
            nearest = d
            closest = start + u * along
    return closest


@wp.func
def peak_on_hull(
    g: Geometry, a: int, b: int, vertex: int, rot: wp.mat33, t: wp.vec3, margin: float, size: float,
    cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """A corner of the mesh and the closest point of hull ``b``: on a face, or outside on an edge."""
    count = int(found)
    p = wp.mesh_get(g.mesh[a]).points[vertex]
    q = (p - t) * rot
    best, at = nearest_face(g, b, q)
    if best >= margin:
        return count
    normal = g.face_normal[g.face_start[b] + at]
    beside, _other = nearest_face(g, b, q - best * normal)
    if best < 0.0 or beside < 1.0e-3 * size:
        if corner_supports(g, a, vertex, -(rot * normal)) == 1:
            count = offer(cand, slot, count, FACE, p, q - best * normal, -(rot * normal), 0.0, best)
        return count
    closest = closest_on_edges(g, b, q)
    d = wp.length(closest - q)
    n = rot * ((closest - q) / d)
    if d < margin and corner_supports(g, a, vertex, n) == 1:
        count = offer(cand, slot, count, POINT, p, closest, n, 0.0, d)
    return count


@wp.func
def ridge_on_hull(
    g: Geometry, a: int, b: int, face: int, side: int, rot: wp.mat33, t: wp.vec3, margin: float, size: float,
    cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """A convex edge of the mesh against the edges of hull ``b``, where the two cross."""
    count = int(found)
    mesh = wp.mesh_get(g.mesh[a])
    p0 = (mesh.points[mesh.indices[3 * face + side]] - t) * rot
    p1 = (mesh.points[mesh.indices[3 * face + (side + 1) % 3]] - t) * rot
    for f in range(g.face_count[b]):
        n = g.face_normal[g.face_start[b] + f]
        if wp.min(wp.dot(n, p0), wp.dot(n, p1)) - g.face_offset[g.face_start[b] + f] > margin:
            return count
    d = p1 - p0
    inner = (mesh.points[mesh.indices[3 * face + (side + 2) % 3]] - t) * rot - p0
    for j in range(g.edge_count[b]):
        e = g.edges[g.edge_start[b] + j]
        v0 = g.vertices[g.vertex_start[b] + e[0]]
        along = g.vertices[g.vertex_start[b] + e[1]] - v0
        n = wp.cross(d, along)
        length = wp.length(n)
        if length > 1.0e-3 * wp.length(d) * wp.length(along):
            n = n / length
            f0 = g.face_normal[g.face_start[b] + e[2]]
            f1 = g.face_normal[g.face_start[b] + e[3]]
            if wp.dot(n, f0 + f1) > 0.0:
                n = -n
            s = wp.dot(n, v0 - p0)
            # -n lies between the hull's two face normals if it has no negative part of either
            c = wp.dot(f0, f1)
            part0 = -wp.dot(n, f0) + c * wp.dot(n, f1)
            part1 = -wp.dot(n, f1) + c * wp.dot(n, f0)
            if s < margin and s > -0.1 * size and wp.min(part0, part1) > -FLAT and wp.dot(n, inner) < 0.0:
                u, w = segment_parameters(p0, d, v0, along)
                on_a = p0 + u * d
                on_b = v0 + w * along
                if wp.length(on_b - on_a - s * n) < 0.01 * size:
                    counts = int(1)
                    if s < 0.0:  # sunk in: the hull's way out at this place must lead over this edge
                        _depth, out = nearest_face(g, b, on_a)
                        if out != e[2] and out != e[3]:
                            counts = int(0)
                    if counts == 1 and edge_supports(g, a, face, side, rot * n) == 1:
                        count = offer(cand, slot, count, FACE, rot * on_a + t, on_b, rot * n, 0.0, s)
    return count


@wp.func
def apart_along_faces(g: Geometry, b: int, q0: wp.vec3, q1: wp.vec3, q2: wp.vec3, margin: float):
    """Whether a face of hull ``b`` has the whole triangle more than ``margin`` in front of it (b's frame)."""
    apart = int(0)
    for f in range(g.face_count[b]):
        n = g.face_normal[g.face_start[b] + f]
        low = wp.min(wp.dot(n, q0), wp.min(wp.dot(n, q1), wp.dot(n, q2)))
        if low - g.face_offset[g.face_start[b] + f] > margin:
            apart = int(1)
            break
    return apart


@wp.func
def hull_mesh(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, size: float, cand: Candidates, slot: int,
):  # fmt: skip
    """Contact points of hull ``b`` with mesh ``a``; returns how many."""
    count = int(0)
    lower = wp.vec3(1.0e30, 1.0e30, 1.0e30)
    upper = -lower
    for k in range(g.vertex_count[b]):
        v = g.vertices[g.vertex_start[b] + k]
        p = rot * v + t
        lower = wp.min(lower, p)
        upper = wp.max(upper, p)
        count = corner_closest(g, a, b, v, rot, t, margin, size, cand, slot, count)
    reach = wp.vec3(margin, margin, margin)
    mesh = wp.mesh_get(g.mesh[a])
    query = wp.mesh_query_aabb(g.mesh[a], lower - reach, upper + reach)
    face = int(0)
    while wp.mesh_query_aabb_next(query, face):
        p0 = mesh.points[mesh.indices[3 * face]]
        p1 = mesh.points[mesh.indices[3 * face + 1]]
        p2 = mesh.points[mesh.indices[3 * face + 2]]
        n = wp.normalize(wp.cross(p1 - p0, p2 - p0))
        if apart_along_faces(g, b, (p0 - t) * rot, (p1 - t) * rot, (p2 - t) * rot, margin) == 0:
            count = corners_on_triangle(g, b, rot, t, p0, p1, p2, n, margin, cand, slot, count)
            owns = g.mesh_owns[g.mesh_face_start[a] + face]
            for k in range(3):
                if (owns >> k) & 1 == 1:
                    count = peak_on_hull(g, a, b, mesh.indices[3 * face + k], rot, t, margin, size, cand, slot, count)
                if (owns >> (6 + k)) & 1 == 1:
                    count = ridge_on_hull(g, a, b, face, k, rot, t, margin, size, cand, slot, count)
    return count


@wp.func
def core_mesh(
    g: Geometry, a: int, p: wp.vec3, point_b: wp.vec3, radius: float, margin: float,
    cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """Core point ``p`` with a radius against mesh ``a``: every place where the distance to the mesh is least."""
    count = int(found)
    reach = radius + margin
    q = wp.mesh_query_point_sign_normal(g.mesh[a], p, reach)
    if not q.result:
        return count
    if q.sign < 0.0:
        closest = wp.mesh_eval_position(g.mesh[a], q.face, q.u, q.v)
        d = wp.length(p - closest)
        out = wp.mesh_eval_face_normal(g.mesh[a], q.face)
        if wp.dot(out, closest - p) < (1.0 - 1.0e-5) * d:
            out = (closest - p) / d
        return offer(cand, slot, count, FACE, closest, point_b, out, radius, -d - radius)
    mesh = wp.mesh_get(g.mesh[a])
    box = wp.vec3(reach, reach, reach)
    query = wp.mesh_query_aabb(g.mesh[a], p - box, p + box)
    face = int(0)
    while wp.mesh_query_aabb_next(query, face):
        p0 = mesh.points[mesh.indices[3 * face]]
        p1 = mesh.points[mesh.indices[3 * face + 1]]
        p2 = mesh.points[mesh.indices[3 * face + 2]]
        closest, feature = closest_on_triangle(p, p0, p1, p2)
        d = wp.length(p - closest)
        if d < reach and d > 1.0e-9:
            n = (p - closest) / d
            if feature == INSIDE and wp.dot(n, wp.cross(p1 - p0, p2 - p0)) > 0.0:
                count = offer(cand, slot, count, FACE, closest, point_b, n, radius, d - radius)
            if feature != INSIDE and feature_supports(g, a, face, feature, n) == 1:
                count = offer(cand, slot, count, POINT, closest, point_b, n, radius, d - radius)
    return count


@wp.func
def bar_mesh(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """The straight part of capsule ``b`` across corners and ridges of the mesh; its ends are cores of their own."""
    count = int(found)
    mesh = wp.mesh_get(g.mesh[a])
    half = rot * wp.vec3(0.0, g.half[b], 0.0)
    p = t - half
    reach = g.radius[b] + margin
    box = wp.vec3(reach, reach, reach)
    query = wp.mesh_query_aabb(g.mesh[a], wp.min(p, t + half) - box, wp.max(p, t + half) + box)
    face = int(0)
    while wp.mesh_query_aabb_next(query, face):
        for feature in range(6):
            if (g.mesh_owns[g.mesh_face_start[a] + face] >> feature) & 1 == 1:
                start = mesh.points[mesh.indices[3 * face + feature % 3]]
                along = wp.vec3(0.0, 0.0, 0.0)
                if feature >= 3:
                    along = mesh.points[mesh.indices[3 * face + (feature + 1) % 3]] - start
                u, w = segment_parameters(start, along, p, 2.0 * half)
                on_a = start + u * along
                off = p + 2.0 * w * half - on_a
                d = wp.length(off)
                crosses = w > 0.0 and w < 1.0 and (feature < 3 or (u > 0.0 and u < 1.0))
                if crosses and d < reach and d > 1.0e-9 and feature_supports(g, a, face, feature, off / d) == 1:
                    core = wp.vec3(0.0, g.half[b] * (2.0 * w - 1.0), 0.0)
                    count = offer(cand, slot, count, POINT, on_a, core, off / d, g.radius[b], d - g.radius[b])
    return count


@wp.func
def round_mesh(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int,
):  # fmt: skip
    """Sphere or capsule ``b`` with mesh ``a``; returns how many points."""
    if g.kind[b] != CAPSULE:
        return core_mesh(g, a, t, wp.vec3(0.0, 0.0, 0.0), g.radius[b], margin, cand, slot, 0)
    count = int(0)
    for end in range(2):
        core = wp.vec3(0.0, g.half[b] * (2.0 * float(end) - 1.0), 0.0)
        count = core_mesh(g, a, rot * core + t, core, g.radius[b], margin, cand, slot, count)
    return bar_mesh(g, a, b, rot, t, margin, cand, slot, count)
