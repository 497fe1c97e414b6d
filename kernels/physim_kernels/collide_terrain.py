"""Contact with a height field: two triangles per cell, split along the +x +z diagonal. Only ``wp.func``.

Both queries of a hull: its vertices against the field, and the field's vertices against its planes. A round shape asks
for the closest point of each triangle near it. The field is its own frame: a's frame is the world's.
"""

import warp as wp

from physim_kernels.collide_hull import add_candidate
from physim_kernels.rigid_data import CAPSULE, FACE, POINT, Candidates, Geometry

INSIDE = wp.constant(6)
"""Of a triangle: neither at a corner nor on an edge."""


@wp.func
def field_height(g: Geometry, a: int, row: int, column: int):
    size = g.field_size[a]
    r = wp.clamp(row, 0, size[0] - 1)
    c = wp.clamp(column, 0, size[1] - 1)
    return g.heights[g.field_start[a] + r * size[1] + c]


@wp.func
def field_point(g: Geometry, a: int, row: int, column: int):
    frame = g.field_frame[a]
    return wp.vec3(
        frame[0] + float(column) * frame[2], field_height(g, a, row, column), frame[1] + float(row) * frame[2]
    )


@wp.func
def field_plane(g: Geometry, a: int, p: wp.vec3):
    """Height [m] of the field at ``p`` and the unit normal of the triangle there; level outside the border."""
    frame = g.field_frame[a]
    size = g.field_size[a]
    gx = (p[0] - frame[0]) / frame[2]
    gz = (p[2] - frame[1]) / frame[2]
    i = wp.clamp(int(wp.floor(gx)), 0, size[1] - 2)
    k = wp.clamp(int(wp.floor(gz)), 0, size[0] - 2)
    s = wp.clamp(gx - float(i), 0.0, 1.0)
    u = wp.clamp(gz - float(k), 0.0, 1.0)
    h00 = field_height(g, a, k, i)
    h11 = field_height(g, a, k + 1, i + 1)
    slope_x = field_height(g, a, k, i + 1) - h00
    slope_z = h11 - field_height(g, a, k, i + 1)
    if s < u:
        slope_x = h11 - field_height(g, a, k + 1, i)
        slope_z = field_height(g, a, k + 1, i) - h00
    n = wp.normalize(wp.vec3(-slope_x, frame[2], -slope_z))
    if gx < 0.0 or gz < 0.0 or gx > float(size[1] - 1) or gz > float(size[0] - 1):
        n = wp.vec3(0.0, 1.0, 0.0)
    return h00 + s * slope_x + u * slope_z, n


@wp.func
def closest_on_triangle(p: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3):
    """Closest point of a triangle and where it lies: corner 0 to 2, edge 3 to 5 (ab, bc, ca) or ``INSIDE``.

    Ericson, Real-Time Collision Detection, section 5.1.5.
    """
    ab = b - a
    ac = c - a
    d1 = wp.dot(ab, p - a)
    d2 = wp.dot(ac, p - a)
    d3 = wp.dot(ab, p - b)
    d4 = wp.dot(ac, p - b)
    d5 = wp.dot(ab, p - c)
    d6 = wp.dot(ac, p - c)
    va = d3 * d6 - d5 * d4
    vb = d5 * d2 - d1 * d6
    vc = d1 * d4 - d3 * d2
    feature = int(0)
    q = a
    if d1 <= 0.0 and d2 <= 0.0:
        q = a
    elif d3 >= 0.0 and d4 <= d3:
        q = b
        feature = int(1)
    elif d6 >= 0.0 and d5 <= d6:
        q = c
        feature = int(2)
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        q = a + ab * (d1 / (d1 - d3))
        feature = int(3)
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        q = a + ac * (d2 / (d2 - d6))
        feature = int(5)
    elif va <= 0.0 and (d4 - d3) >= 0.0 and (d5 - d6) >= 0.0:
        q = b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))
        feature = int(4)
    else:
        feature = int(INSIDE)
        q = a + (ab * vb + ac * vc) / (va + vb + vc)
    return q, feature


@wp.func
def wall_near(g: Geometry, a: int, p: wp.vec3, reach: float, path: wp.vec3):
    """The steep triangle nearest to ``p`` that ``p`` stands beside: (signed distance, normal); 1e30 if none is near.

    Looked for around ``p`` and along ``path``, not farther than ``reach``.

    A wall of a baked scene is one cell wide: looking straight down, a vertex does not see it before it is inside.
    """
    frame = g.field_frame[a]
    size = g.field_size[a]
    gx = (p[0] - frame[0]) / frame[2]
    gz = (p[2] - frame[1]) / frame[2]
    dx = wp.clamp(path[0] / frame[2], -60.0, 60.0)
    dz = wp.clamp(path[2] / frame[2], -60.0, 60.0)
    around = wp.clamp(reach / frame[2] - wp.length(path) / frame[2], 3.0, 6.0)
    i0 = wp.max(int(wp.floor(gx + wp.min(dx, 0.0) - around)), 0)
    i1 = wp.min(int(wp.floor(gx + wp.max(dx, 0.0) + around)), size[1] - 2)
    k0 = wp.max(int(wp.floor(gz + wp.min(dz, 0.0) - around)), 0)
    k1 = wp.min(int(wp.floor(gz + wp.max(dz, 0.0) + around)), size[0] - 2)
    best = float(1.0e30)
    normal = wp.vec3(0.0, 1.0, 0.0)
    for k in range(k0, k1 + 1):
        for i in range(i0, i1 + 1):
            p00 = field_point(g, a, k, i)
            p10 = field_point(g, a, k, i + 1)
            p01 = field_point(g, a, k + 1, i)
            p11 = field_point(g, a, k + 1, i + 1)
            high = wp.max(wp.max(p00[1], p10[1]), wp.max(p01[1], p11[1]))
            low = wp.min(wp.min(p00[1], p10[1]), wp.min(p01[1], p11[1]))
            if high - low > 2.0 * frame[2] and p[1] > low - reach and p[1] < high:
                # a vertex that rests at the foot of the wall, a hair below it, stands beside it all the same
                foot = wp.vec3(p[0], wp.max(p[1], low + 0.02 * (high - low)), p[2])
                for half in range(2):
                    third = wp.where(half == 0, p10, p01)
                    n = wp.normalize(wp.cross(p11 - p00, third - p00))
                    if n[1] < 0.0:
                        n = -n
                    s = wp.dot(n, foot - p00)
                    _closest, feature = closest_on_triangle(foot, p00, p11, third)
                    if n[1] < 0.45 and feature == INSIDE and wp.abs(s) < wp.min(reach, wp.abs(best)):
                        best = s
                        normal = n
    return best, normal


@wp.func
def hull_field(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, path: wp.vec3,
    cand: Candidates, slot: int,
):  # fmt: skip
    """Hull ``b`` on field ``a``: its vertices against ground and walls, then the field's vertices."""
    count = int(0)
    cell = g.field_frame[a][2]
    for k in range(g.vertex_count[b]):
        p = g.vertices[g.vertex_start[b] + k]
        place = rot * p + t
        h, n = field_plane(g, a, place)
        s = (place[1] - h) * n[1]
        wall, side = wall_near(g, a, place, wp.max(margin, 2.0 * cell), path)
        if wall < margin:
            count = add_candidate(cand, slot, count, FACE, place - wall * side, p, side, 0.0, 0.0, wall)
        # inside a wall the way out is sideways, not up
        if s < margin and (wall > 0.0 or wall < s):
            count = add_candidate(cand, slot, count, FACE, place - s * n, p, n, 0.0, 0.0, s)
    return field_vertices(g, a, b, rot, t, margin, cand, slot, count)


@wp.func
def highest_floor(cand: Candidates, slot: int):
    """Row of a full list whose point hovers highest, walls left out; -1 if all are walls."""
    first = slot * cand.stride
    row = int(-1)
    highest = float(-1.0e30)
    for k in range(first, first + cand.stride):
        if cand.normal_a[k][1] > 0.7 and cand.separation[k] > highest:
            highest = cand.separation[k]
            row = k
    return row


@wp.func
def field_vertices(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """The field's vertices under hull ``b`` against its planes: peaks that meet a face between its corners."""
    count = int(found)
    frame = g.field_frame[a]
    size = g.field_size[a]
    reach = g.bound[b] + margin
    i0 = wp.max(int(wp.ceil((t[0] - reach - frame[0]) / frame[2])), 0)
    i1 = wp.min(int(wp.floor((t[0] + reach - frame[0]) / frame[2])), size[1] - 1)
    k0 = wp.max(int(wp.ceil((t[2] - reach - frame[1]) / frame[2])), 0)
    k1 = wp.min(int(wp.floor((t[2] + reach - frame[1]) / frame[2])), size[0] - 1)
    step = 1 + wp.max(i1 - i0, k1 - k0) / 48  # a wide body reads every second, third ... vertex of a fine field
    bar = float(1.0e30)
    row = int(k0)
    while row <= k1:
        column = int(i0)
        while column <= i1:
            p = field_point(g, a, row, column)
            off = p - t
            if wp.dot(off, off) < reach * reach:
                q = off * rot
                best = float(-1.0e30)
                normal = wp.vec3(0.0, 1.0, 0.0)
                for f in range(g.face_count[b]):
                    n = g.face_normal[g.face_start[b] + f]
                    s = wp.dot(n, q) - g.face_offset[g.face_start[b] + f]
                    if s > best:
                        best = s
                        normal = n
                    if s >= margin:
                        break
                if best < margin:
                    out = -(rot * normal)  # from the field to the hull
                    above = field_slope(g, a, row, column)
                    if wp.dot(out, above) > 0.3 * wp.length(above):  # level ground ahead of a side face is no obstacle
                        if count >= cand.stride and best < bar:  # a clearly higher peak replaces the lowest one
                            row_out = highest_floor(cand, slot)
                            bar = float(-1.0e30)
                            if row_out >= 0:
                                bar = cand.separation[row_out] - 5.0e-3 * g.bound[b]
                            if best < bar:
                                cand.point_a[row_out] = p
                                cand.point_b[row_out] = q - best * normal
                                cand.normal_a[row_out] = out
                                cand.separation[row_out] = best
                        count = add_candidate(cand, slot, count, FACE, p, q - best * normal, out, 0.0, 0.0, best)
            column += step
        row += step
    return count


@wp.func
def field_slope(g: Geometry, a: int, row: int, column: int):
    """Direction out of the ground at a vertex, from central differences; not of unit length."""
    frame = g.field_frame[a]
    return wp.vec3(
        field_height(g, a, row, column - 1) - field_height(g, a, row, column + 1),
        2.0 * frame[2],
        field_height(g, a, row - 1, column) - field_height(g, a, row + 1, column),
    )


@wp.func
def core_field(
    g: Geometry, a: int, p: wp.vec3, point_b: wp.vec3, radius: float, margin: float,
    cand: Candidates, slot: int, found: int,
):  # fmt: skip
    """Core point ``p`` with a radius on field ``a``: triangles whose inside is nearest, or the one nearest edge.

    An edge counts only when nothing is nearer; else a ball on level ground would feel the edges of cells ahead of it.
    """
    count = int(found)
    h, normal = field_plane(g, a, p)
    frame = g.field_frame[a]
    size = g.field_size[a]
    reach = radius + margin
    off_x = wp.max(frame[0] - p[0], p[0] - frame[0] - float(size[1] - 1) * frame[2])
    off_z = wp.max(frame[1] - p[2], p[2] - frame[1] - float(size[0] - 1) * frame[2])
    if p[1] <= h or wp.max(off_x, off_z) > 0.0:  # the core itself is in the ground, or beyond the border
        s = (p[1] - h) * normal[1]
        if s < reach:
            count = add_candidate(cand, slot, count, FACE, p - s * normal, point_b, normal, 0.0, radius, s - radius)
        return count
    i0 = wp.clamp(int(wp.floor((p[0] - reach - frame[0]) / frame[2])), 0, size[1] - 2)
    i1 = wp.clamp(int(wp.floor((p[0] + reach - frame[0]) / frame[2])), 0, size[1] - 2)
    k0 = wp.clamp(int(wp.floor((p[2] - reach - frame[1]) / frame[2])), 0, size[0] - 2)
    k1 = wp.clamp(int(wp.floor((p[2] + reach - frame[1]) / frame[2])), 0, size[0] - 2)
    nearest = float(1.0e30)
    closest = wp.vec3(0.0, 0.0, 0.0)
    inner = float(1.0e30)
    for k in range(k0, k1 + 1):
        for i in range(i0, i1 + 1):
            p00 = field_point(g, a, k, i)
            p10 = field_point(g, a, k, i + 1)
            p01 = field_point(g, a, k + 1, i)
            p11 = field_point(g, a, k + 1, i + 1)
            top = wp.max(wp.max(p00[1], p10[1]), wp.max(p01[1], p11[1]))
            dx = wp.max(wp.max(p00[0] - p[0], p[0] - p10[0]), 0.0)
            dz = wp.max(wp.max(p00[2] - p[2], p[2] - p01[2]), 0.0)
            dy = wp.max(p[1] - top, 0.0)
            if dx * dx + dy * dy + dz * dz < reach * reach:
                for half in range(2):
                    q, feature = closest_on_triangle(
                        p, p00, wp.where(half == 0, p11, p01), wp.where(half == 0, p10, p11)
                    )
                    d = wp.length(p - q)
                    if feature == INSIDE and d < reach and d > 1.0e-9:
                        inner = wp.min(inner, d)
                        count = add_candidate(cand, slot, count, FACE, q, point_b, (p - q) / d, 0.0, radius, d - radius)
                    if d < nearest:
                        nearest = d
                        closest = q
    if nearest < reach and nearest < inner - 1.0e-4 * radius:
        n = (p - closest) / wp.max(nearest, 1.0e-12)
        count = add_candidate(cand, slot, count, POINT, closest, point_b, n, 0.0, radius, nearest - radius)
    return count


@wp.func
def round_field(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int,
):  # fmt: skip
    """Sphere or capsule ``b`` on field ``a``; a capsule by its two ends and its middle."""
    if g.kind[b] == CAPSULE:
        count = int(0)
        for k in range(3):
            core = wp.vec3(0.0, g.half[b] * (float(k) - 1.0), 0.0)
            count = core_field(g, a, rot * core + t, core, g.radius[b], margin, cand, slot, count)
        return count
    return core_field(g, a, t, wp.vec3(0.0, 0.0, 0.0), g.radius[b], margin, cand, slot, 0)
