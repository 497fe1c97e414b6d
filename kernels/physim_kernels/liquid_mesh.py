"""The closed mesh between inside and outside of a distance on a grid.

Surface nets (Gibson 1998): one vertex in every cell whose corners differ in sign, the mean of the
crossings of its edges, then moved along grad phi onto the surface; one quad across every edge that crosses. It is
closed, its faces are counter-clockwise seen from outside. Rows of nodes are counted, the counts are summed, then each
row is emitted at its place, so that the order is always the same.

Positions are in cells of the grid from its first node.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def mixed(phi: wp.array3d(dtype=float), i: int, j: int, k: int):
    """Whether the corners of cell (i, j, k) differ in sign."""
    first = phi[i, j, k] < 0.0
    if (phi[i, j, k + 1] < 0.0) != first:
        return True
    if (phi[i, j + 1, k] < 0.0) != first or (phi[i, j + 1, k + 1] < 0.0) != first:
        return True
    if (phi[i + 1, j, k] < 0.0) != first or (phi[i + 1, j, k + 1] < 0.0) != first:
        return True
    return (phi[i + 1, j + 1, k] < 0.0) != first or (phi[i + 1, j + 1, k + 1] < 0.0) != first


@wp.kernel
def count_kernel(
    phi: wp.array3d(dtype=float),
    # outputs
    vertices: wp.array(dtype=int), quads: wp.array(dtype=int),
):  # fmt: skip
    """Vertices and quads of each row of cells; flat, row (i, j) at i (ny - 1) + j + 1 (the first stays 0)."""
    i, j = wp.tid()
    row = i * (phi.shape[1] - 1) + j + 1
    found = int(0)
    crossed = int(0)
    for k in range(phi.shape[2] - 1):
        if mixed(phi, i, j, k):
            found += 1
            inside = phi[i, j, k] < 0.0
            if i > 0 and j > 0 and (phi[i, j, k + 1] < 0.0) != inside:
                crossed += 1
            if i > 0 and k > 0 and (phi[i, j + 1, k] < 0.0) != inside:
                crossed += 1
            if j > 0 and k > 0 and (phi[i + 1, j, k] < 0.0) != inside:
                crossed += 1
    vertices[row] = found
    quads[row] = crossed


@wp.func
def value_at(phi: wp.array3d(dtype=float), x: wp.vec3):
    """Value (last) and gradient of the trilinear interpolant, clamped at the border."""
    i = wp.clamp(int(x[0]), 0, phi.shape[0] - 2)
    j = wp.clamp(int(x[1]), 0, phi.shape[1] - 2)
    k = wp.clamp(int(x[2]), 0, phi.shape[2] - 2)
    r = x[0] - float(i)
    s = x[1] - float(j)
    t = x[2] - float(k)
    a0 = phi[i, j, k]
    a1 = phi[i, j, k + 1]
    b0 = phi[i, j + 1, k]
    b1 = phi[i, j + 1, k + 1]
    c0 = phi[i + 1, j, k]
    c1 = phi[i + 1, j, k + 1]
    d0 = phi[i + 1, j + 1, k]
    d1 = phi[i + 1, j + 1, k + 1]
    a = wp.lerp(a0, a1, t)
    b = wp.lerp(b0, b1, t)
    c = wp.lerp(c0, c1, t)
    d = wp.lerp(d0, d1, t)
    low = wp.lerp(a, b, s)
    high = wp.lerp(c, d, s)
    dz = wp.lerp(wp.lerp(a1 - a0, b1 - b0, s), wp.lerp(c1 - c0, d1 - d0, s), r)
    return wp.vec4(high - low, wp.lerp(b - a, d - c, r), dz, wp.lerp(low, high, r))


@wp.func
def slope_at(phi: wp.array3d(dtype=float), x: wp.vec3):
    """Gradient by central differences half a cell away, continuous between cells."""
    e = 0.75
    gx = value_at(phi, x + wp.vec3(e, 0.0, 0.0))[3] - value_at(phi, x - wp.vec3(e, 0.0, 0.0))[3]
    gy = value_at(phi, x + wp.vec3(0.0, e, 0.0))[3] - value_at(phi, x - wp.vec3(0.0, e, 0.0))[3]
    gz = value_at(phi, x + wp.vec3(0.0, 0.0, e))[3] - value_at(phi, x - wp.vec3(0.0, 0.0, e))[3]
    return wp.vec3(gx, gy, gz)


@wp.func
def crossing(a: float, b: float):
    """Where the line from ``a`` to ``b`` is zero, 0 to 1."""
    return a / (a - b)


@wp.func
def vertex_in(phi: wp.array3d(dtype=float), i: int, j: int, k: int):
    """Mean of the crossings of a cell's edges, then onto the surface along the gradient, inside of the cell."""
    total = wp.vec3(0.0, 0.0, 0.0)
    count = float(0.0)
    for n in range(4):
        p = n & 1
        q = n >> 1
        a = phi[i, j + p, k + q]
        b = phi[i + 1, j + p, k + q]
        if (a < 0.0) != (b < 0.0):
            total += wp.vec3(crossing(a, b), float(p), float(q))
            count += 1.0
        a = phi[i + p, j, k + q]
        b = phi[i + p, j + 1, k + q]
        if (a < 0.0) != (b < 0.0):
            total += wp.vec3(float(p), crossing(a, b), float(q))
            count += 1.0
        a = phi[i + p, j + q, k]
        b = phi[i + p, j + q, k + 1]
        if (a < 0.0) != (b < 0.0):
            total += wp.vec3(float(p), float(q), crossing(a, b))
            count += 1.0
    corner = wp.vec3(float(i), float(j), float(k))
    x = total / count
    for _step in range(2):
        g = value_at(phi, corner + x)
        slope = wp.vec3(g[0], g[1], g[2])
        x -= slope * (g[3] / wp.max(wp.length_sq(slope), 0.04))
        x = wp.vec3(wp.clamp(x[0], 0.02, 0.98), wp.clamp(x[1], 0.02, 0.98), wp.clamp(x[2], 0.02, 0.98))
    return corner + x


@wp.kernel
def vertex_kernel(
    phi: wp.array3d(dtype=float), smooth: wp.array3d(dtype=float), first: wp.array(dtype=int),
    # outputs
    index: wp.array3d(dtype=int), point: wp.array(dtype=wp.vec3), normal: wp.array(dtype=wp.vec3),
):  # fmt: skip
    """Vertices of one row of cells, normals from the slope of ``smooth``."""
    i, j = wp.tid()
    at = first[i * (phi.shape[1] - 1) + j]
    for k in range(phi.shape[2] - 1):
        if mixed(phi, i, j, k):
            x = vertex_in(phi, i, j, k)
            index[i, j, k] = at
            point[at] = x
            normal[at] = wp.normalize(slope_at(smooth, x))
            at += 1


@wp.func
def quad(
    face: wp.array(dtype=int), point: wp.array(dtype=wp.vec3), at: int, a: int, b: int, c: int, d: int, outward: bool
):
    """Two triangles, cut along the shorter diagonal; (a, b, c, d) counter-clockwise seen from the far end."""
    p = b
    q = d
    if not outward:
        p = d
        q = b
    if wp.length_sq(point[a] - point[c]) <= wp.length_sq(point[p] - point[q]):
        face[6 * at] = a
        face[6 * at + 1] = p
        face[6 * at + 2] = c
        face[6 * at + 3] = a
        face[6 * at + 4] = c
        face[6 * at + 5] = q
    else:
        face[6 * at] = p
        face[6 * at + 1] = c
        face[6 * at + 2] = q
        face[6 * at + 3] = p
        face[6 * at + 4] = q
        face[6 * at + 5] = a


@wp.kernel
def quad_kernel(
    phi: wp.array3d(dtype=float), index: wp.array3d(dtype=int), point: wp.array(dtype=wp.vec3),
    first: wp.array(dtype=int),
    # outputs
    face: wp.array(dtype=int),
):  # fmt: skip
    """Quads of one row of cells: one around each edge that starts at the cell's lower corner and crosses."""
    i, j = wp.tid()
    at = first[i * (phi.shape[1] - 1) + j]
    for k in range(phi.shape[2] - 1):
        inside = phi[i, j, k] < 0.0
        if not mixed(phi, i, j, k):
            continue
        if i > 0 and j > 0 and (phi[i, j, k + 1] < 0.0) != inside:
            quad(
                face, point, at, index[i - 1, j - 1, k], index[i, j - 1, k], index[i, j, k], index[i - 1, j, k], inside
            )
            at += 1
        if i > 0 and k > 0 and (phi[i, j + 1, k] < 0.0) != inside:
            quad(
                face, point, at, index[i - 1, j, k - 1], index[i - 1, j, k], index[i, j, k], index[i, j, k - 1], inside
            )
            at += 1
        if j > 0 and k > 0 and (phi[i + 1, j, k] < 0.0) != inside:
            quad(
                face, point, at, index[i, j - 1, k - 1], index[i, j, k - 1], index[i, j, k], index[i, j - 1, k], inside
            )
            at += 1


@wp.kernel
def place_kernel(point: wp.array(dtype=wp.vec3), origin: wp.vec3, fine: float):
    i = wp.tid()
    point[i] = origin + fine * point[i]


def count(phi, *, vertices, quads):
    """Vertices and quads of every row of cells, summed up: entry r is where row r begins, the last the total."""
    dim = (phi.shape[0] - 1, phi.shape[1] - 1)
    wp.launch(count_kernel, dim=dim, inputs=[phi], outputs=[vertices, quads], device=phi.device)
    wp.utils.array_scan(vertices, vertices, inclusive=True)
    wp.utils.array_scan(quads, quads, inclusive=True)


def emit(phi, smooth_phi, vertices, quads, *, index, point, normal, face):
    """The mesh: points [fine cells], outward unit normals, faces (6 per quad), by the counts of :func:`count`."""
    dim = (phi.shape[0] - 1, phi.shape[1] - 1)
    outputs = [index, point, normal]
    wp.launch(vertex_kernel, dim=dim, inputs=[phi, smooth_phi, vertices], outputs=outputs, device=phi.device)
    wp.launch(quad_kernel, dim=dim, inputs=[phi, index, point, quads], outputs=[face], device=phi.device)


def place(point, origin, fine):
    """Points from fine cells to the world [m], in place."""
    wp.launch(place_kernel, dim=point.shape[0], inputs=[point, origin, fine], device=point.device)
