"""Convex hull against convex hull: separating axes, then one face clipped against the other. Only ``wp.func``.

The axis of least overlap is among the face normals of either hull and the cross products of edges; edge pairs that do
not build a face on the Minkowski difference are skipped by the Gauss-map test (Gregorius, "The Separating Axis Test
between Convex Polyhedra", GDC 2013). Everything is done in a's frame; b's frame enters as x_a = R x_b + t.
"""

import warp as wp

from physim_kernels.rigid_data import BACK, FACE, POINT, Candidates, Geometry


@wp.func
def add_candidate(
    cand: Candidates, slot: int, count: int, kind: int,
    point_a: wp.vec3, point_b: wp.vec3, normal: wp.vec3, radius_a: float, radius_b: float, separation: float,
):  # fmt: skip
    """Append a contact point to a thread's list; returns the new count. A full list drops the newcomer."""
    if count >= cand.stride:
        return count
    i = slot * cand.stride + count
    cand.kind[i] = kind
    cand.point_a[i] = point_a
    cand.point_b[i] = point_b
    cand.normal_a[i] = normal
    cand.radius_a[i] = radius_a
    cand.radius_b[i] = radius_b
    cand.separation[i] = separation
    return count + 1


@wp.func
def best_face(g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3):
    """Face of hull ``a`` that is farthest from ``b``: (separation, face); ``rot``, ``t`` bring b to a's frame."""
    best = float(-1.0e30)
    index = int(0)
    for f in range(g.face_count[a]):
        n = g.face_normal[g.face_start[a] + f]
        nb = n * rot  # n in b's frame, as a row vector: R^T n
        low = float(1.0e30)
        for k in range(g.vertex_count[b]):
            low = wp.min(low, wp.dot(nb, g.vertices[g.vertex_start[b] + k]))
        s = low + wp.dot(n, t) - g.face_offset[g.face_start[a] + f]
        if s > best:
            best = s
            index = f
    return best, index


@wp.func
def best_edges(g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3):
    """Pair of edges that separates most: (separation, edge of a, edge of b, axis from a to b in a's frame)."""
    best = float(-1.0e30)
    edge_a = int(0)
    edge_b = int(0)
    axis = wp.vec3(0.0, 1.0, 0.0)
    for j in range(g.edge_count[b]):
        eb = g.edges[g.edge_start[b] + j]
        p_b = rot * g.vertices[g.vertex_start[b] + eb[0]] + t
        d_b = rot * g.vertices[g.vertex_start[b] + eb[1]] + t - p_b
        c = -(rot * g.face_normal[g.face_start[b] + eb[2]])
        d = -(rot * g.face_normal[g.face_start[b] + eb[3]])
        dc = wp.cross(d, c)
        for i in range(g.edge_count[a]):
            ea = g.edges[g.edge_start[a] + i]
            na = g.face_normal[g.face_start[a] + ea[2]]
            nb = g.face_normal[g.face_start[a] + ea[3]]
            ba = wp.cross(nb, na)
            cba = wp.dot(c, ba)
            dba = wp.dot(d, ba)
            adc = wp.dot(na, dc)
            bdc = wp.dot(nb, dc)
            if cba * dba < 0.0 and adc * bdc < 0.0 and cba * bdc > 0.0:
                p_a = g.vertices[g.vertex_start[a] + ea[0]]
                d_a = g.vertices[g.vertex_start[a] + ea[1]] - p_a
                n = wp.cross(d_a, d_b)
                length = wp.length(n)
                if length > 1.0e-4 * wp.length(d_a) * wp.length(d_b):
                    n = n / length
                    if wp.dot(n, p_a) < 0.0:
                        n = -n
                    s = wp.dot(n, p_b - p_a)
                    if s > best:
                        best = s
                        edge_a = i
                        edge_b = j
                        axis = n
    return best, edge_a, edge_b, axis


@wp.func
def segment_parameters(p: wp.vec3, d: wp.vec3, q: wp.vec3, e: wp.vec3):
    """Parameters (s, u) in [0, 1] of the closest points p + s d, q + u e (Ericson, section 5.1.9)."""
    r = p - q
    dd = wp.dot(d, d)
    ee = wp.dot(e, e)
    de = wp.dot(d, e)
    dr = wp.dot(d, r)
    er = wp.dot(e, r)
    det = dd * ee - de * de
    s = float(0.5)
    if det > 1.0e-8 * dd * ee:
        s = wp.clamp((de * er - dr * ee) / det, 0.0, 1.0)
    u = wp.clamp((de * s + er) / wp.max(ee, 1.0e-30), 0.0, 1.0)
    s = wp.clamp((de * u - dr) / wp.max(dd, 1.0e-30), 0.0, 1.0)
    return s, u


@wp.func
def incident_face(g: Geometry, b: int, n: wp.vec3):
    """Face of ``b`` that looks most against the direction ``n`` (b's frame)."""
    best = float(1.0e30)
    index = int(0)
    for f in range(g.face_count[b]):
        s = wp.dot(n, g.face_normal[g.face_start[b] + f])
        if s < best:
            best = s
            index = f
    return index


@wp.func
def clip_face(g: Geometry, ref: int, face: int, inc: int, rot: wp.mat33, t: wp.vec3, cand: Candidates, slot: int):
    """Clip the face of ``inc`` against the sides of ``face`` of ``ref``, in ref's frame (Sutherland-Hodgman).

    ``rot``, ``t`` bring points of ``inc`` to ref's frame. Returns (corner count, first row in ``cand.polygon``).
    """
    n = g.face_normal[g.face_start[ref] + face]
    other = incident_face(g, inc, n * rot)
    read = slot * 2 * cand.stride
    write = read + cand.stride
    start = g.loop_start[g.face_start[inc] + other]
    count = int(g.loop_count[g.face_start[inc] + other])
    for k in range(count):
        cand.polygon[read + k] = rot * g.vertices[g.vertex_start[inc] + g.loop[start + k]] + t
    side_start = g.loop_start[g.face_start[ref] + face]
    side_count = g.loop_count[g.face_start[ref] + face]
    for k in range(side_count):
        corner = g.vertices[g.vertex_start[ref] + g.loop[side_start + k]]
        following = g.vertices[g.vertex_start[ref] + g.loop[side_start + (k + 1) % side_count]]
        side = wp.cross(following - corner, n)  # outward
        kept = int(0)
        for i in range(count):
            p = cand.polygon[read + i]
            q = cand.polygon[read + (i + 1) % count]
            dp = wp.dot(side, p - corner)
            dq = wp.dot(side, q - corner)
            if dp <= 0.0 and kept < cand.stride:
                cand.polygon[write + kept] = p
                kept += 1
            if dp * dq < 0.0 and kept < cand.stride:
                cand.polygon[write + kept] = p + (q - p) * (dp / (dp - dq))
                kept += 1
        count = kept
        swap = read
        read = write
        write = swap
    return count, read


@wp.func
def nearest_edges(g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, cand: Candidates, slot: int):
    """The shortest way between any two edges: for hulls apart whose nearest features are corners or edges."""
    nearest = float(1.0e30)
    on_a = wp.vec3(0.0, 0.0, 0.0)
    on_b = wp.vec3(0.0, 0.0, 0.0)
    for j in range(g.edge_count[b]):
        eb = g.edges[g.edge_start[b] + j]
        q = rot * g.vertices[g.vertex_start[b] + eb[0]] + t
        e = rot * g.vertices[g.vertex_start[b] + eb[1]] + t - q
        for i in range(g.edge_count[a]):
            ea = g.edges[g.edge_start[a] + i]
            p = g.vertices[g.vertex_start[a] + ea[0]]
            d = g.vertices[g.vertex_start[a] + ea[1]] - p
            s, u = segment_parameters(p, d, q, e)
            distance = wp.length(q + u * e - p - s * d)
            if distance < nearest:
                nearest = distance
                on_a = p + s * d
                on_b = q + u * e
    if nearest < margin and nearest > 1.0e-9:
        point_b = wp.transpose(rot) * (on_b - t)
        return add_candidate(cand, slot, 0, POINT, on_a, point_b, (on_b - on_a) / nearest, 0.0, 0.0, nearest)
    return 0


@wp.func
def face_points(
    g: Geometry, ref: int, face: int, inc: int, rot: wp.mat33, t: wp.vec3, margin: float, flip: int,
    cand: Candidates, slot: int,
):  # fmt: skip
    """Contact points of a face of ``ref`` with ``inc``; ``flip``: ref is b. Returns (count, bound).

    No axis separates the two by more than ``bound`` [m]: the least height over the face of a point of ``inc``, or
    something negative if that point lies in ``ref``; 1e30 when neither is known.
    """
    corners, first = clip_face(g, ref, face, inc, rot, t, cand, slot)
    n = g.face_normal[g.face_start[ref] + face]
    offset = g.face_offset[g.face_start[ref] + face]
    back = wp.transpose(rot)
    count = int(0)
    least = float(1.0e30)
    at = wp.vec3(0.0, 0.0, 0.0)
    for k in range(corners):
        p = cand.polygon[first + k]  # on inc, in ref's frame
        s = wp.dot(n, p) - offset
        if s < least:
            least = s
            at = p
        if s < margin:
            if flip == 1:
                count = add_candidate(cand, slot, count, BACK, back * (p - t), p - s * n, -(n * rot), 0.0, 0.0, s)
            else:
                count = add_candidate(cand, slot, count, FACE, p - s * n, back * (p - t), n, 0.0, 0.0, s)
    if least < 0.0:
        for f in range(g.face_count[ref]):
            if wp.dot(g.face_normal[g.face_start[ref] + f], at) > g.face_offset[g.face_start[ref] + f]:
                least = float(1.0e30)
                break
    return count, least


@wp.func
def hull_hull(
    g: Geometry, a: int, b: int, rot: wp.mat33, t: wp.vec3, margin: float, size: float, cand: Candidates, slot: int
):  # fmt: skip
    """Contact points of two hulls closer than ``margin`` into ``cand``; returns how many.

    ``size`` [m] scales the bias that keeps the winning axis from flickering: faces before edges, a before b. Edges are
    the dear part: they are left out when the points over the face prove that no axis separates by so much more.
    """
    back = wp.transpose(rot)
    sep_a, face_a = best_face(g, a, b, rot, t)
    if sep_a > margin:
        return 0
    sep_b, face_b = best_face(g, b, a, back, -(back * t))
    if sep_b > margin:
        return 0
    ref = int(a)
    inc = int(b)
    face = int(face_a)
    flip = int(0)
    turn = rot
    way = t
    if sep_b > sep_a + 5.0e-4 * size:
        ref = b
        inc = a
        face = face_b
        flip = int(1)
        turn = back
        way = -(back * t)
    count, least = face_points(g, ref, face, inc, turn, way, margin, flip, cand, slot)
    bar = wp.max(sep_a, sep_b) + 0.01 * size
    if wp.max(least, 0.0) <= bar:
        return count
    sep_e, edge_a, edge_b, axis = best_edges(g, a, b, rot, t)
    if sep_e > margin:
        return 0
    if sep_e > bar:
        ea = g.edges[g.edge_start[a] + edge_a]
        eb = g.edges[g.edge_start[b] + edge_b]
        p = g.vertices[g.vertex_start[a] + ea[0]]
        d = g.vertices[g.vertex_start[a] + ea[1]] - p
        q = rot * g.vertices[g.vertex_start[b] + eb[0]] + t
        e = rot * g.vertices[g.vertex_start[b] + eb[1]] + t - q
        s, u = segment_parameters(p, d, q, e)
        point_b = back * (q + u * e - t)
        return add_candidate(
            cand, slot, 0, FACE, p + s * d, point_b, axis, 0.0, 0.0, wp.dot(axis, q + u * e - p - s * d)
        )
    if count == 0 and (sep_a > 0.0 or flip == 1) and (sep_b > 0.0 or flip == 0):
        return nearest_edges(g, a, b, rot, t, margin, cand, slot)
    return count
