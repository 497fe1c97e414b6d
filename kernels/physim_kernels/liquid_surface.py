"""Particles to a surface: weighted mean positions on a grid, smoothed, and the closed mesh between inside and outside.

On nodes a fine cell f = h / 2 apart (h: the cell that the liquid was computed with), with particles p within R = 3 f::

    W = sum w_p,   w = (1 - |x - p|^2 / R^2)^3,   m = |sum w_p (p - x)| / W,   phi = s(m / r)      [fine cells]

(Zhu, Bridson, "Animating sand as a fluid", 2005). ``RADIUS`` r is m where a flat surface ends an even liquid, and s
inverts m over the height there, so that phi is a distance, negative inside. A thin sheet stays a sheet. Where W is that
of a particle or two there is no surface: those are drawn as drops. In the bulk phi is smoothed by [1 2 1] along each
axis, and what that takes from round things is given back along the Laplacian; sheets are left alone.

The mesh is that of surface nets (Gibson 1998): one vertex in every cell whose corners differ in sign, the mean of the
crossings of its edges, then moved along grad phi onto the surface; one quad across every edge that crosses. It is
closed, its faces are counter-clockwise seen from outside. Rows of nodes are counted, the counts are summed, then each
row is emitted at its place, so that the order is always the same.

Positions are in fine cells from the first node.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

REACH = 3
"""Radius of the kernel [fine cells]."""
RADIUS = 0.735
"""Distance from the mean of the particles to the surface [fine cells]."""
SHARPEN = 2.2
"""Laplacian given back [fine cells^2]."""
FULL = 17.24
"""W inside, with one particle per fine cell: the integral of w."""
THIN = wp.constant(wp.vec2(0.08, 0.16))
"""W / FULL below which there is no surface, and from which there is."""
FAR = 1.3
"""phi is held within this of the surface [fine cells]."""


@wp.func
def step_between(low: float, high: float, x: float):
    """Smoothstep from 0 at ``low`` to 1 at ``high``."""
    s = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return s * s * (3.0 - 2.0 * s)


@wp.func_native("""
    const int ny = weight.shape[1], nz = weight.shape[2];
    float* W = weight.data;
    float* MX = mx.data;
    float* MY = my.data;
    float* MZ = mz.data;
    const float* X = (const float*)x.data;
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p], py = X[3 * p + 1], pz = X[3 * p + 2];
        const int i0 = (int)floorf(px) - 2, j0 = (int)floorf(py) - 2, k0 = (int)floorf(pz) - 3;
        for (int i = i0; i < i0 + 6; ++i) for (int j = j0; j < j0 + 6; ++j) {
            const float dx = px - i, dy = py - j, aside = dx * dx + dy * dy;
            if (aside >= 9.0f) continue;
            const long at = ((long)i * ny + j) * nz + k0;
            #pragma clang loop vectorize(enable)
            for (int n = 0; n < 8; ++n) {
                const float dz = pz - (k0 + n);
                float q = 1.0f - (aside + dz * dz) * (1.0f / 9.0f);
                q = q > 0.0f ? q : 0.0f;
                const float w = q * q * q;
                W[at + n] += w;
                MX[at + n] += w * dx;
                MY[at + n] += w * dy;
                MZ[at + n] += w * dz;
            }
        }
    }
""")
def spread_all(
    x: wp.array(dtype=wp.vec3), weight: wp.array3d(dtype=float), mx: wp.array3d(dtype=float),
    my: wp.array3d(dtype=float), mz: wp.array3d(dtype=float), count: int,
): ...  # fmt: skip


@wp.kernel
def spread_serial_kernel(
    x: wp.array(dtype=wp.vec3),
    # outputs
    weight: wp.array3d(dtype=float), mx: wp.array3d(dtype=float), my: wp.array3d(dtype=float),
    mz: wp.array3d(dtype=float),
):  # fmt: skip
    spread_all(x, weight, mx, my, mz, x.shape[0])


@wp.kernel
def spread_kernel(
    x: wp.array(dtype=wp.vec3),
    # outputs
    weight: wp.array3d(dtype=float), mx: wp.array3d(dtype=float), my: wp.array3d(dtype=float),
    mz: wp.array3d(dtype=float),
):  # fmt: skip
    at = x[wp.tid()]
    i0 = int(wp.floor(at[0])) - 2
    j0 = int(wp.floor(at[1])) - 2
    k0 = int(wp.floor(at[2])) - 2
    for n in range(216):
        i = i0 + n / 36
        j = j0 + (n / 6) % 6
        k = k0 + n % 6
        d = at - wp.vec3(float(i), float(j), float(k))
        q = wp.max(1.0 - wp.length_sq(d) / 9.0, 0.0)
        w = q * q * q
        if w > 0.0:
            wp.atomic_add(weight, i, j, k, w)
            wp.atomic_add(mx, i, j, k, w * d[0])
            wp.atomic_add(my, i, j, k, w * d[1])
            wp.atomic_add(mz, i, j, k, w * d[2])


@wp.func
def signed(off: float):
    """Height over a flat surface [fine cells] from where the mean of the particles below lies, in units of r."""
    x = wp.log(off)
    return wp.clamp(x * (1.2484 + x * (0.4135 + x * 0.0782)), -FAR, FAR)


@wp.kernel
def distance_kernel(
    weight: wp.array3d(dtype=float), mx: wp.array3d(dtype=float), my: wp.array3d(dtype=float),
    mz: wp.array3d(dtype=float), deep: wp.array3d(dtype=wp.uint8), radius: float,
    # outputs
    phi: wp.array3d(dtype=float),
):  # fmt: skip
    """One row of phi. ``deep`` marks cells of h (2 x 2 x 2 nodes) far inside, whose particles were left out."""
    i, j = wp.tid()
    for k in range(phi.shape[2]):
        value = float(FAR)
        w = weight[i, j, k]
        if deep[i / 2, j / 2, k / 2] > wp.uint8(0):
            value = -FAR
        elif w > 0.0:
            part = w / FULL
            there = step_between(THIN[0], THIN[1], part)
            off = wp.sqrt(mx[i, j, k] * mx[i, j, k] + my[i, j, k] * my[i, j, k] + mz[i, j, k] * mz[i, j, k]) / w
            value = signed(wp.max(off, 0.05) / radius) * there + FAR * (1.0 - there)
        phi[i, j, k] = value


@wp.func_native("""
    const int nx = phi.shape[0], ny = phi.shape[1], nz = phi.shape[2];
    const int cy = trust.shape[1], cz = trust.shape[2];
    const long step = axis == 0 ? (long)ny * nz : axis == 1 ? nz : 1;
    const float* P = phi.data;
    float* Q = out.data;
    const float* T = trust.data + ((long)(i / 2) * cy + j / 2) * cz;
    const long row = ((long)i * ny + j) * nz;
    const bool border = i == 0 || j == 0 || i == nx - 1 || j == ny - 1;
    if (border) {
        for (int k = 0; k < nz; ++k) Q[row + k] = P[row + k];
    } else {
        Q[row] = P[row];
        Q[row + nz - 1] = P[row + nz - 1];
        for (int k = 1; k < nz - 1; ++k) {
            const float c = P[row + k];
            Q[row + k] = c + T[k >> 1] * 0.25f * (P[row + k - step] + P[row + k + step] - 2.0f * c);
        }
    }
""")
def smooth_row(
    phi: wp.array3d(dtype=float), trust: wp.array3d(dtype=float), out: wp.array3d(dtype=float), axis: int,
    i: int, j: int,
): ...  # fmt: skip


@wp.kernel
def smooth_kernel(
    phi: wp.array3d(dtype=float), trust: wp.array3d(dtype=float), axis: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """[1 2 1] / 4 along one axis, as far as the bulk is trusted (0 to 1, per cell of h)."""
    i, j = wp.tid()
    smooth_row(phi, trust, out, axis, i, j)


@wp.kernel
def unshrink_kernel(
    phi: wp.array3d(dtype=float), trust: wp.array3d(dtype=float), amount: float,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """Take its Laplacian from phi: smoothing moves a curved surface by its curvature times half the variance."""
    i, j = wp.tid()
    last = phi.shape[2] - 1
    for k in range(phi.shape[2]):
        c = phi[i, j, k]
        out[i, j, k] = c
        if i > 0 and j > 0 and k > 0 and i < phi.shape[0] - 1 and j < phi.shape[1] - 1 and k < last and c < FAR:
            total = phi[i - 1, j, k] + phi[i + 1, j, k] + phi[i, j - 1, k] + phi[i, j + 1, k]
            total += phi[i, j, k - 1] + phi[i, j, k + 1] - 6.0 * c
            out[i, j, k] = c - amount * trust[i / 2, j / 2, k / 2] * total


@wp.kernel
def crowd_kernel(
    x: wp.array(dtype=wp.vec3), weight: wp.array3d(dtype=float), deep: wp.array3d(dtype=wp.uint8),
    # outputs
    crowd: wp.array(dtype=float),
):  # fmt: skip
    """W / FULL at each particle, its own share included; 1 far inside."""
    p = wp.tid()
    at = x[p]
    i = int(at[0])
    j = int(at[1])
    k = int(at[2])
    if deep[i / 2, j / 2, k / 2] > wp.uint8(0):
        crowd[p] = 1.0
        return
    total = float(0.0)
    for n in range(8):
        a = i + (n & 1)
        b = j + ((n >> 1) & 1)
        c = k + (n >> 2)
        d = wp.vec3(1.0, 1.0, 1.0) - wp.vec3(
            wp.abs(at[0] - float(a)), wp.abs(at[1] - float(b)), wp.abs(at[2] - float(c))
        )
        total += d[0] * d[1] * d[2] * weight[a, b, c]
    crowd[p] = total / FULL


# -- the mesh --------------------------------------------------------------------------------------------------------


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


# -- motion ----------------------------------------------------------------------------------------------------------


@wp.func_native("""
    const int ny = total.shape[1], nz = total.shape[2];
    float* T = (float*)total.data;
    const float* X = (const float*)x.data;
    const float* D = (const float*)value.data;
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p] * 0.5f, py = X[3 * p + 1] * 0.5f, pz = X[3 * p + 2] * 0.5f;
        const int i = (int)px, j = (int)py, k = (int)pz;
        const float r = px - i, s = py - j, t = pz - k;
        for (int n = 0; n < 8; ++n) {
            const int a = n & 1, b = (n >> 1) & 1, c = n >> 2;
            const float w = (a ? r : 1 - r) * (b ? s : 1 - s) * (c ? t : 1 - t);
            float* at = T + 4 * (((long)(i + a) * ny + j + b) * nz + k + c);
            at[0] += w * D[3 * p];
            at[1] += w * D[3 * p + 1];
            at[2] += w * D[3 * p + 2];
            at[3] += w;
        }
    }
""")
def carry_all(
    x: wp.array(dtype=wp.vec3), value: wp.array(dtype=wp.vec3), total: wp.array3d(dtype=wp.vec4), count: int
): ...


@wp.kernel
def carry_serial_kernel(
    x: wp.array(dtype=wp.vec3), value: wp.array(dtype=wp.vec3),
    # outputs
    total: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    carry_all(x, value, total, x.shape[0])


@wp.kernel
def carry_kernel(
    x: wp.array(dtype=wp.vec3), value: wp.array(dtype=wp.vec3),
    # outputs
    total: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    """Add a vector of every particle, and 1, to the 8 nodes of h around it."""
    p = wp.tid()
    at = 0.5 * x[p]
    i = int(at[0])
    j = int(at[1])
    k = int(at[2])
    d = value[p]
    for n in range(8):
        a = i + (n & 1)
        b = j + ((n >> 1) & 1)
        c = k + (n >> 2)
        w = (1.0 - wp.abs(at[0] - float(a))) * (1.0 - wp.abs(at[1] - float(b))) * (1.0 - wp.abs(at[2] - float(c)))
        wp.atomic_add(total, a, b, c, w * wp.vec4(d[0], d[1], d[2], 1.0))


@wp.func
def carried(total: wp.array3d(dtype=wp.vec4), x: wp.vec3):
    """Mean vector of the particles about ``x`` [fine cells]; looks one cell further where there are none."""
    at = 0.5 * x
    i = wp.clamp(int(at[0]), 0, total.shape[0] - 2)
    j = wp.clamp(int(at[1]), 0, total.shape[1] - 2)
    k = wp.clamp(int(at[2]), 0, total.shape[2] - 2)
    mean = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for n in range(8):
        a = i + (n & 1)
        b = j + ((n >> 1) & 1)
        c = k + (n >> 2)
        w = (1.0 - wp.abs(at[0] - float(a))) * (1.0 - wp.abs(at[1] - float(b))) * (1.0 - wp.abs(at[2] - float(c)))
        mean += wp.max(w, 1.0e-3) * total[a, b, c]
    if mean[3] > 1.0e-6:
        return wp.vec3(mean[0], mean[1], mean[2]) / mean[3]
    for n in range(64):
        a = wp.clamp(i - 1 + (n & 3), 0, total.shape[0] - 1)
        b = wp.clamp(j - 1 + ((n >> 2) & 3), 0, total.shape[1] - 1)
        c = wp.clamp(k - 1 + (n >> 4), 0, total.shape[2] - 1)
        mean += total[a, b, c]
    if mean[3] > 1.0e-6:
        return wp.vec3(mean[0], mean[1], mean[2]) / mean[3]
    return wp.vec3(0.0, 0.0, 0.0)


@wp.kernel
def carried_kernel(
    total: wp.array3d(dtype=wp.vec4), x: wp.array(dtype=wp.vec3),
    # outputs
    out: wp.array(dtype=wp.vec3),
):  # fmt: skip
    p = wp.tid()
    out[p] = carried(total, x[p])


# -- launches --------------------------------------------------------------------------------------------------------


def spread(x, *, weight, mx, my, mz):
    """Add W and sum w (p - x) of particles (N,) vec3 [fine cells] to grids of zeros, 4 nodes away from every border."""
    outputs = [weight, mx, my, mz]
    if weight.device.is_cpu:
        wp.launch(spread_serial_kernel, dim=1, inputs=[x], outputs=outputs, device=weight.device)
    else:
        wp.launch(spread_kernel, dim=x.shape[0], inputs=[x], outputs=outputs, device=weight.device)


def distance(weight, mx, my, mz, deep, radius, *, phi):
    """Make phi [fine cells] of the sums; ``deep`` is given per cell of h."""
    inputs = [weight, mx, my, mz, deep, radius]
    wp.launch(distance_kernel, dim=phi.shape[:2], inputs=inputs, outputs=[phi], device=phi.device)


def smooth(phi, trust, *, out):
    """One pass along every axis; ``out`` may not alias ``phi``, which is used as scratch. The result is in ``out``."""
    a, b = phi, out
    for axis in range(3):
        wp.launch(smooth_kernel, dim=phi.shape[:2], inputs=[a, trust, axis], outputs=[b], device=phi.device)
        a, b = b, a


def unshrink(phi, trust, amount, *, out):
    """Take ``amount`` [fine cells^2] times its Laplacian from phi."""
    wp.launch(unshrink_kernel, dim=phi.shape[:2], inputs=[phi, trust, amount], outputs=[out], device=phi.device)


def crowd(x, weight, deep, *, out):
    """W / FULL at each particle (N,)."""
    wp.launch(crowd_kernel, dim=x.shape[0], inputs=[x, weight, deep], outputs=[out], device=weight.device)


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


def carry(x, value, *, total):
    """Add ``value`` (N,) vec3 of every particle and 1 to a grid of h, vec4, zero before."""
    if total.device.is_cpu:
        wp.launch(carry_serial_kernel, dim=1, inputs=[x, value], outputs=[total], device=total.device)
    else:
        wp.launch(carry_kernel, dim=x.shape[0], inputs=[x, value], outputs=[total], device=total.device)


def carried_at(total, x, *, out):
    """Mean of what the particles about ``x`` (M,) vec3 [fine cells] carry."""
    wp.launch(carried_kernel, dim=x.shape[0], inputs=[total, x], outputs=[out], device=total.device)
