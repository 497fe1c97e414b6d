"""Contact points of round shapes (sphere, capsule, cylinder) and of anything against a plane. Only ``wp.func``.

A sphere is a point with a radius, a capsule a segment along Y with a radius: contact points are given as such cores, so
that the solver can place the surface anew in every substep and rolling is exact. A cylinder's rim is a circle about Y.
"""

import warp as wp

from physim_kernels.collide_hull import add_candidate, best_face, segment_parameters
from physim_kernels.rigid_data import CAPSULE, FACE, POINT, RIM, SPHERE, Candidates, Geometry


@wp.func
def sphere_hull(
    g: Geometry, a: int, p: wp.vec3, point_b: wp.vec3, radius: float, margin: float,
    cand: Candidates, slot: int, count: int,
):  # fmt: skip
    """Core point ``p`` (a's frame; ``point_b`` in b's) with a radius against hull ``a``: the one closest point."""
    deepest = float(-1.0e30)
    normal = wp.vec3(0.0, 1.0, 0.0)
    nearest = float(1.0e30)
    closest = wp.vec3(0.0, 0.0, 0.0)
    inside = int(1)
    for f in range(g.face_count[a]):
        n = g.face_normal[g.face_start[a] + f]
        s = wp.dot(n, p) - g.face_offset[g.face_start[a] + f]
        if s > deepest:
            deepest = s
            normal = n
        if s > 0.0:
            inside = int(0)
            start = g.loop_start[g.face_start[a] + f]
            corners = g.loop_count[g.face_start[a] + f]
            over = int(1)
            for k in range(corners):
                q = g.vertices[g.vertex_start[a] + g.loop[start + k]]
                e = g.vertices[g.vertex_start[a] + g.loop[start + (k + 1) % corners]] - q
                if wp.dot(wp.cross(e, n), p - q) > 0.0:
                    over = int(0)
                    c = q + e * wp.clamp(wp.dot(p - q, e) / wp.dot(e, e), 0.0, 1.0)
                    d = wp.length(p - c)
                    if d < nearest:
                        nearest = d
                        closest = c
            if over == 1:  # above the inside of a face: no point of a convex hull is closer
                if s - radius < margin:
                    return add_candidate(cand, slot, count, FACE, p - s * n, point_b, n, 0.0, radius, s - radius)
                return count
    if inside == 1:
        if deepest - radius < margin:
            return add_candidate(
                cand, slot, count, FACE, p - deepest * normal, point_b, normal, 0.0, radius, deepest - radius
            )
        return count
    if nearest - radius < margin:
        n = (p - closest) / wp.max(nearest, 1.0e-12)
        return add_candidate(cand, slot, count, POINT, closest, point_b, n, 0.0, radius, nearest - radius)
    return count


@wp.func
def lowest_face(g: Geometry, a: int, low: wp.vec3, high: wp.vec3):
    """Face of hull ``a`` that separates the segment most, and the part [s, u] of the segment above that face."""
    best = float(-1.0e30)
    face = int(0)
    for f in range(g.face_count[a]):
        n = g.face_normal[g.face_start[a] + f]
        s = wp.min(wp.dot(n, low), wp.dot(n, high)) - g.face_offset[g.face_start[a] + f]
        if s > best:
            best = s
            face = f
    first = float(0.0)
    last = float(1.0)
    start = g.loop_start[g.face_start[a] + face]
    corners = g.loop_count[g.face_start[a] + face]
    for k in range(corners):
        q = g.vertices[g.vertex_start[a] + g.loop[start + k]]
        side = wp.cross(
            g.vertices[g.vertex_start[a] + g.loop[start + (k + 1) % corners]] - q, g.face_normal[g.face_start[a] + face]
        )
        d0 = wp.dot(side, low - q)
        d1 = wp.dot(side, high - q)
        if d0 > 0.0 and d1 > 0.0:
            last = float(-1.0)
        elif d0 > 0.0:
            first = wp.max(first, d0 / (d0 - d1))
        elif d1 > 0.0:
            last = wp.min(last, d0 / (d0 - d1))
    return face, first, last


@wp.func
def capsule_hull(g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int):
    """Capsule ``b`` on hull ``a``: two points over a face, or its ends and the place nearest to an edge."""
    end = wp.vec3(0.0, g.half[b], 0.0)
    low = t - rot * end
    high = t + rot * end
    r = g.radius[b]
    nearest = float(1.0e30)
    on_a = wp.vec3(0.0, 0.0, 0.0)
    parameter = float(0.0)
    for k in range(g.edge_count[a]):
        e = g.edges[g.edge_start[a] + k]
        p = g.vertices[g.vertex_start[a] + e[0]]
        d = g.vertices[g.vertex_start[a] + e[1]] - p
        s, u = segment_parameters(p, d, low, high - low)
        c = p + s * d
        away = low + u * (high - low) - c
        outside = wp.max(
            wp.dot(away, g.face_normal[g.face_start[a] + e[2]]), wp.dot(away, g.face_normal[g.face_start[a] + e[3]])
        )
        distance = wp.length(away)
        if distance < nearest and outside > 0.0:
            nearest = distance
            on_a = c
            parameter = u
    count = int(0)
    face, first, last = lowest_face(g, a, low, high)
    n = g.face_normal[g.face_start[a] + face]
    offset = g.face_offset[g.face_start[a] + face]
    s_first = wp.dot(n, low + first * (high - low)) - offset
    s_last = wp.dot(n, low + last * (high - low)) - offset
    if first < last and wp.min(s_first, s_last) <= 1.001 * nearest + 1.0e-3 * r:
        for k in range(2):
            u = wp.where(k == 0, first, last)
            s = wp.where(k == 0, s_first, s_last)
            if s - r < margin:
                p = low + u * (high - low)
                count = add_candidate(cand, slot, count, FACE, p - s * n, (2.0 * u - 1.0) * end, n, 0.0, r, s - r)
        return count
    count = sphere_hull(g, a, low, -end, r, margin, cand, slot, count)
    count = sphere_hull(g, a, high, end, r, margin, cand, slot, count)
    if nearest - r < margin and parameter > 1.0e-3 and parameter < 0.999:
        point_b = (2.0 * parameter - 1.0) * end
        away = (rot * point_b + t - on_a) / wp.max(nearest, 1.0e-12)
        count = add_candidate(cand, slot, count, POINT, on_a, point_b, away, 0.0, r, nearest - r)
    return count


@wp.func
def add_cores(
    p_a: wp.vec3, p_b: wp.vec3, rot: wp.mat33, t: wp.vec3, r_a: float, r_b: float, margin: float,
    cand: Candidates, slot: int, count: int,
):  # fmt: skip
    """Contact between core point ``p_a`` (a's frame) and ``p_b`` (b's frame)."""
    u = rot * p_b + t - p_a
    d = wp.length(u)
    if d - r_a - r_b >= margin:
        return count
    n = wp.vec3(0.0, 1.0, 0.0)
    if d > 1.0e-12:
        n = u / d
    return add_candidate(cand, slot, count, POINT, p_a, p_b, n, r_a, r_b, d - r_a - r_b)


@wp.func
def round_round(g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int):
    """Sphere or capsule against sphere or capsule: closest points of the cores, two if they are parallel."""
    up = wp.vec3(0.0, 1.0, 0.0)
    r_a = g.radius[a]
    r_b = g.radius[b]
    if g.kind[a] == SPHERE:
        return add_cores(wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0), rot, t, r_a, r_b, margin, cand, slot, 0)
    h_a = g.half[a]
    if g.kind[b] == SPHERE:
        y = wp.clamp(t[1], -h_a, h_a)
        return add_cores(y * up, wp.vec3(0.0, 0.0, 0.0), rot, t, r_a, r_b, margin, cand, slot, 0)
    h_b = g.half[b]
    axis = rot * up
    if wp.abs(axis[1]) > 0.9999:  # parallel: the two ends of the stretch they share
        low = wp.max(-h_a, t[1] - h_b)
        high = wp.min(h_a, t[1] + h_b)
        if low < high:
            sign = wp.sign(axis[1])
            count = add_cores(low * up, sign * (low - t[1]) * up, rot, t, r_a, r_b, margin, cand, slot, 0)
            return add_cores(high * up, sign * (high - t[1]) * up, rot, t, r_a, r_b, margin, cand, slot, count)
    s, u = segment_parameters(-h_a * up, 2.0 * h_a * up, t - h_b * axis, 2.0 * h_b * axis)
    return add_cores((2.0 * s - 1.0) * h_a * up, (2.0 * u - 1.0) * h_b * up, rot, t, r_a, r_b, margin, cand, slot, 0)


@wp.func
def sphere_cylinder(g: Geometry, a: int, t: wp.vec3, radius: float, margin: float, cand: Candidates, slot: int):
    """Sphere ``b`` with its centre at ``t`` in the frame of cylinder ``a``."""
    r = g.radius[a]
    h = g.half[a]
    flat = wp.vec3(t[0], 0.0, t[2])
    rho = wp.length(flat)
    out = wp.vec3(1.0, 0.0, 0.0)
    if rho > 1.0e-9:
        out = flat / rho
    side = rho - r
    top = wp.abs(t[1]) - h
    up = wp.vec3(0.0, wp.where(t[1] >= 0.0, 1.0, -1.0), 0.0)
    zero = wp.vec3(0.0, 0.0, 0.0)
    if side > 0.0 and top > 0.0:  # nearest to the rim
        c = out * r + up * h
        d = wp.length(t - c)
        if d - radius < margin:
            return add_candidate(cand, slot, 0, POINT, c, zero, (t - c) / wp.max(d, 1.0e-12), 0.0, radius, d - radius)
        return 0
    if top > side:
        if top - radius < margin:
            return add_candidate(cand, slot, 0, FACE, flat + up * h, zero, up, 0.0, radius, top - radius)
        return 0
    if side - radius < margin:  # the side turns under the sphere: a core on the axis
        axis = wp.vec3(0.0, t[1], 0.0)
        return add_candidate(cand, slot, 0, POINT, axis, zero, out, r, radius, side - radius)
    return 0


@wp.func
def cylinder_plane(
    g: Geometry, b: int, n: wp.vec3, rot: wp.mat33, t: wp.vec3, offset: float, margin: float,
    cand: Candidates, slot: int,
):  # fmt: skip
    """Cylinder ``b`` above the plane ``n . x = offset`` of a's frame: four points of its lower rim, or two of each.

    The lowest point of a rim that leans is found anew in every substep (``RIM``), so that a cylinder rolls as a circle.
    """
    axis = rot * wp.vec3(0.0, 1.0, 0.0)
    along = wp.dot(n, axis)
    low = wp.where(along > 0.0, -1.0, 1.0)  # which cap looks down
    radial = n - along * axis
    lean = wp.length(radial)
    r = g.radius[b]
    h = g.half[b]
    back = wp.transpose(rot)
    down = wp.vec3(1.0, 0.0, 0.0)  # in b's frame
    if lean > 1.0e-3:
        down = back * (-radial / lean)
    across = wp.vec3(-down[2], 0.0, down[0])
    cap = wp.vec3(0.0, low * h, 0.0)
    height = wp.dot(n, t) - offset
    count = int(0)
    for k in range(5):
        kind = int(FACE)
        point = cap + r * down
        if k == 1:
            point = cap + r * across
        if k == 2:
            point = cap - r * across
        if k == 3:
            point = cap - r * down
        if k == 4:
            point = r * down - cap
        use = int(1)
        opposite = wp.dot(n, rot * (cap - r * down))
        upper = wp.dot(n, rot * (r * down - cap))
        if (k == 3 and upper < opposite) or (k == 4 and upper >= opposite):
            use = int(0)
        s = height + wp.dot(n, rot * point)
        if use == 1 and s < margin:
            place = t + rot * point - s * n
            if lean > 1.0e-3 and (k == 0 or k == 4):
                kind = int(RIM)
                point = wp.vec3(0.0, wp.where(k == 0, low * h, -low * h), 0.0)
            count = add_candidate(cand, slot, count, kind, place, point, n, 0.0, wp.where(kind == RIM, r, 0.0), s)
    return count


@wp.func
def over_face(g: Geometry, a: int, face: int, p: wp.vec3):
    """Whether ``p`` lies above the inside of a face of hull ``a``."""
    n = g.face_normal[face]
    start = g.loop_start[face]
    corners = g.loop_count[face]
    for k in range(corners):
        q = g.vertices[g.vertex_start[a] + g.loop[start + k]]
        e = g.vertices[g.vertex_start[a] + g.loop[start + (k + 1) % corners]] - q
        if wp.dot(wp.cross(e, n), p - q) > 0.0:
            return False
    return True


@wp.func
def cylinder_face(g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int):
    """Cylinder ``b`` on a face of hull ``a``, as on a plane; 0 unless all its contact points are over that face."""
    sep, index = best_face(g, a, b, rot, t)
    if sep > margin:
        return 0
    face = g.face_start[a] + index
    count = cylinder_plane(g, b, g.face_normal[face], rot, t, g.face_offset[face], margin, cand, slot)
    for k in range(count):
        if not over_face(g, a, face, cand.point_a[slot * cand.stride + k]):
            return 0
    return count


@wp.func
def parallel_cylinders(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int
):  # fmt: skip
    """Two cylinders with parallel axes: side by side (a line) or end to end (the lens both caps share)."""
    axis = rot * wp.vec3(0.0, 1.0, 0.0)
    sign = wp.sign(axis[1])
    flat = wp.vec3(t[0], 0.0, t[2])
    rho = wp.length(flat)
    out = wp.vec3(1.0, 0.0, 0.0)
    if rho > 1.0e-9:
        out = flat / rho
    side = rho - g.radius[a] - g.radius[b]
    top = wp.abs(t[1]) - g.half[a] - g.half[b]
    count = int(0)
    if side >= margin or top >= margin:
        return count
    if side > top:
        low = wp.max(-g.half[a], t[1] - g.half[b])
        high = wp.min(g.half[a], t[1] + g.half[b])
        for k in range(2):
            y = wp.where(k == 0, low, high)
            if low > high:
                y = 0.5 * (low + high)
            on_a = wp.vec3(0.0, y, 0.0)
            on_b = wp.vec3(0.0, sign * (y - t[1]), 0.0)
            count = add_cores(on_a, on_b, rot, t, g.radius[a], g.radius[b], margin, cand, slot, count)
        return count
    up = wp.vec3(0.0, wp.where(t[1] >= 0.0, 1.0, -1.0), 0.0)
    across = wp.vec3(-out[2], 0.0, out[0])
    # the lens: extreme points along the line of centres, and across it
    near = wp.max(-g.radius[a], rho - g.radius[b])
    far = wp.min(g.radius[a], rho + g.radius[b])
    middle = 0.5 * (near + far)
    width = wp.sqrt(
        wp.max(
            wp.min(
                g.radius[a] * g.radius[a] - middle * middle, g.radius[b] * g.radius[b] - (middle - rho) * (middle - rho)
            ),
            0.0,
        )
    )
    back = wp.transpose(rot)
    for k in range(4):
        place = near * out
        if k == 1:
            place = far * out
        if k == 2:
            place = middle * out + width * across
        if k == 3:
            place = middle * out - width * across
        on_a = place + up * g.half[a]
        # straight up to the cap of b, which may lean a little
        cap = t - (sign * up[1] * g.half[b]) * axis
        gap = wp.dot(axis, cap - on_a) / axis[1]
        on_b = back * (on_a + wp.vec3(0.0, gap, 0.0) - t)
        separation = gap * up[1]
        if separation < margin:
            count = add_candidate(cand, slot, count, FACE, on_a, on_b, up, 0.0, 0.0, separation)
    return count


@wp.func
def shape_plane(
    g: Geometry, b: int, n: wp.vec3, offset: float, rot: wp.mat33, t: wp.vec3, margin: float,
    cand: Candidates, slot: int,
):  # fmt: skip
    """Sphere, capsule or hull ``b`` above the plane ``n . x = offset`` of a's frame."""
    count = int(0)
    points = int(1)
    r = g.radius[b]
    if g.kind[b] == CAPSULE:
        points = int(2)
    elif g.kind[b] != SPHERE:
        points = int(g.vertex_count[b])
        r = 0.0
    for k in range(points):
        p = wp.vec3(0.0, 0.0, 0.0)
        if g.kind[b] == CAPSULE:
            p = wp.vec3(0.0, g.half[b] * (2.0 * float(k) - 1.0), 0.0)
        elif g.kind[b] != SPHERE:
            p = g.vertices[g.vertex_start[b] + k]
        place = rot * p + t
        s = wp.dot(n, place) - offset
        if s - r < margin:
            count = add_candidate(cand, slot, count, FACE, place - s * n, p, n, 0.0, r, s - r)
    return count
