"""The free surface of a liquid on a staggered grid: where it is, the pressure beneath it, velocities beyond it.

The particles' volume fraction ``alpha`` of a cell, a flat surface seen through the tent kernel, is inverted exactly to
the signed distance of its centre [cells],

    phi = sqrt(2 (1 - alpha)) - 1  for alpha > 1/2,    1 - sqrt(2 alpha)  otherwise,

and pressure vanishes where phi does, between the centres (ghost fluid: Enright, Nguyen, Gibou, Fedkiw 2003): a face
between liquid i and air j counts 1 / theta, theta = phi_i / (phi_i - phi_j). Without it waves below a cell freeze.

Liquid cells have phi < 0 and some open volume. Arrays of cells have no padding here; those of the pressure have one
ring, see ``physim_kernels.pressure``.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def room_kernel(open: wp.array3d(dtype=float), room: wp.array3d(dtype=float)):
    """Open volume of the cells seen through the particles' tent kernel: what ``alpha`` is where liquid fills all."""
    i, j, k = wp.tid()
    total = float(0.0)
    for a in range(-1, 2):
        for b in range(-1, 2):
            for c in range(-1, 2):
                weight = wp.where(a == 0, 0.75, 0.125) * wp.where(b == 0, 0.75, 0.125) * wp.where(c == 0, 0.75, 0.125)
                x = wp.clamp(i + a, 0, open.shape[0] - 1)
                y = wp.clamp(j + b, 0, open.shape[1] - 1)
                z = wp.clamp(k + c, 0, open.shape[2] - 1)
                total += weight * open[x, y, z]
    room[i, j, k] = total


@wp.kernel
def distance_kernel(
    alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float), room: wp.array3d(dtype=float),
    phi: wp.array3d(dtype=float),
):  # fmt: skip
    """Signed distance of cell centres to the surface; 1 in solids."""
    i, j, k = wp.tid()
    phi[i, j, k] = 1.0
    if open[i, j, k] > 0.0:
        a = wp.clamp(alpha[i, j, k] / room[i, j, k], 0.0, 1.0)
        phi[i, j, k] = wp.where(a > 0.5, wp.sqrt(2.0 * (1.0 - a)) - 1.0, 1.0 - wp.sqrt(2.0 * a))


@wp.func
def surface_distance(phi: wp.array3d(dtype=float), i: int, j: int, k: int):
    """``phi`` of a cell; beyond the box there is air."""
    if i < 0 or j < 0 or k < 0 or i >= phi.shape[0] or j >= phi.shape[1] or k >= phi.shape[2]:
        return 1.0
    return phi[i, j, k]


@wp.func
def face_term(own: float, other: float, area: float, least: float):
    """What a face adds to (weight, diagonal) of a liquid cell."""
    if other < 0.0:
        return wp.vec2(area, area)
    return wp.vec2(0.0, area / wp.max(own / (own - other), least))


@wp.kernel
def system_kernel(
    # inputs
    phi: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), least: float,
    # outputs, padded
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, k = wp.tid()
    own = phi[i, j, k]
    weight = wp.vec3(0.0, 0.0, 0.0)
    d = float(0.0)
    if own < 0.0:
        left = face_term(own, surface_distance(phi, i - 1, j, k), ax[i, j, k], least)
        below = face_term(own, surface_distance(phi, i, j - 1, k), ay[i, j, k], least)
        back = face_term(own, surface_distance(phi, i, j, k - 1), az[i, j, k], least)
        weight = wp.vec3(left[0], below[0], back[0])
        d = left[1] + below[1] + back[1]
        d += face_term(own, surface_distance(phi, i + 1, j, k), ax[i + 1, j, k], least)[1]
        d += face_term(own, surface_distance(phi, i, j + 1, k), ay[i, j + 1, k], least)[1]
        d += face_term(own, surface_distance(phi, i, j, k + 1), az[i, j, k + 1], least)[1]
    wx[i + 1, j + 1, k + 1] = weight[0]
    wy[i + 1, j + 1, k + 1] = weight[1]
    wz[i + 1, j + 1, k + 1] = weight[2]
    diagonal[i + 1, j + 1, k + 1] = d
    inverse[i + 1, j + 1, k + 1] = wp.where(d > 1.0e-6, 1.0 / wp.max(d, 1.0e-6), 0.0)


@wp.kernel
def average_kernel(total: wp.array3d(dtype=float), weight: wp.array3d(dtype=float), valid: wp.array3d(dtype=float)):
    """Sums to means; faces that no particle reaches keep 0 and are not valid."""
    i, j, k = wp.tid()
    w = weight[i, j, k]
    total[i, j, k] = wp.where(w > 1.0e-6, total[i, j, k] / wp.max(w, 1.0e-6), 0.0)
    valid[i, j, k] = wp.where(w > 1.0e-6, 1.0, 0.0)


@wp.kernel
def accelerate_kernel(
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), change: float, u: wp.array3d(dtype=float)
):
    """Add ``change`` [cells/s] to open faces; closed ones take the solid's velocity."""
    i, j, k = wp.tid()
    u[i, j, k] = wp.where(area[i, j, k] > 0.0, u[i, j, k] + change, solid[i, j, k])


@wp.kernel
def convergence_kernel(
    # inputs
    phi: wp.array3d(dtype=float),
    u: wp.array3d(dtype=float), v: wp.array3d(dtype=float), w: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    sx: wp.array3d(dtype=float), sy: wp.array3d(dtype=float), sz: wp.array3d(dtype=float),
    # outputs, padded
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """Minus the divergence of the flux in liquid cells, 0 elsewhere."""
    i, j, k = wp.tid()
    value = float(0.0)
    if phi[i, j, k] < 0.0:
        value += ax[i, j, k] * u[i, j, k] + (1.0 - ax[i, j, k]) * sx[i, j, k]
        value -= ax[i + 1, j, k] * u[i + 1, j, k] + (1.0 - ax[i + 1, j, k]) * sx[i + 1, j, k]
        value += ay[i, j, k] * v[i, j, k] + (1.0 - ay[i, j, k]) * sy[i, j, k]
        value -= ay[i, j + 1, k] * v[i, j + 1, k] + (1.0 - ay[i, j + 1, k]) * sy[i, j + 1, k]
        value += az[i, j, k] * w[i, j, k] + (1.0 - az[i, j, k]) * sz[i, j, k]
        value -= az[i, j, k + 1] * w[i, j, k + 1] + (1.0 - az[i, j, k + 1]) * sz[i, j, k + 1]
    rhs[i + 1, j + 1, k + 1] = value


@wp.func_native("""
    const int ny = u.shape[1], nz = u.shape[2], o = (i * ny + j) * nz;
    const int cx = phi.shape[0], cy = phi.shape[1], cz = phi.shape[2];
    const int sy = p.shape[2], sx = sy * p.shape[1];
    const int back = axis == 0 ? sx : axis == 1 ? sy : 1;
    const int before = axis == 0 ? cy * cz : axis == 1 ? cz : 1;
    const int in_upper = i < cx && j < cy, in_lower = (axis != 0 || i > 0) && (axis != 1 || j > 0);
    const float *A = area.data + o, *S = solid.data + o;
    const float* P = p.data + (i + 1) * sx + (j + 1) * sy + 1;
    const float *F = phi.data + (i * cy + j) * cz, *O = open.data + (i * cy + j) * cz;
    float *U = u.data + o, *N = valid.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const int has_upper = in_upper && k < cz, has_lower = in_lower && (axis != 2 || k > 0);
        const float upper = has_upper ? F[k] : 1.0f, lower = has_lower ? F[k - before] : 1.0f;
        const float wet_side = upper < lower ? upper : lower, dry_side = upper < lower ? lower : upper;
        float theta = dry_side < 0.0f ? 1.0f : wet_side / (wet_side - dry_side);
        theta = theta < least ? least : theta;
        const float fresh = keep * U[k] - (P[k] - P[k - back]) / theta;
        const int wet = wet_side < 0.0f, opened = A[k] > 0.0f;
        const int wall = (has_upper && O[k] > 0.0f) || (has_lower && O[k - before] > 0.0f);
        U[k] = opened ? (wet ? fresh : U[k]) : keep * S[k];
        N[k] = (opened ? wet : wall) ? 1.0f : 0.0f;
    }""")
def project_row(
    p: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), axis: int, least: float, keep: float,
    u: wp.array3d(dtype=float), valid: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def project_kernel(
    # inputs
    p: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), axis: int, least: float, keep: float, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
    # outputs
    valid: wp.array3d(dtype=float),
):  # fmt: skip
    """``u = keep u - grad p`` on faces that touch liquid; these and walls (the solid's velocity) are valid."""
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, u.shape[2])
    project_row(p, phi, open, area, solid, axis, least, keep, u, valid, i, j, c * chunk, k1)


@wp.func_native("""
    const int nx = u.shape[0], ny = u.shape[1], nz = u.shape[2], sy = nz, sx = ny * nz, o = i * sx + j * sy;
    float *U = u.data + o, *N = valid_out.data + o;
    const float* V = valid.data + o;
    // beyond an edge: the face itself, which does not count where it is read, as it is not valid there
    const int xm = i > 0 ? -sx : 0, xp = i < nx - 1 ? sx : 0, ym = j > 0 ? -sy : 0, yp = j < ny - 1 ? sy : 0;
    #define CELL(K, ZM, ZP) { \
        const int k = K; \
        const float c = V[k + xm] + V[k + xp] + V[k + ym] + V[k + yp] + V[k + ZM] + V[k + ZP]; \
        const float t = V[k + xm] * U[k + xm] + V[k + xp] * U[k + xp] + V[k + ym] * U[k + ym] \
            + V[k + yp] * U[k + yp] + V[k + ZM] * U[k + ZM] + V[k + ZP] * U[k + ZP]; \
        const float mean = t / (c > 0.0f ? c : 1.0f); \
        N[k] = V[k] > 0.0f || c > 0.0f ? 1.0f : 0.0f; \
        U[k] = V[k] > 0.0f || c <= 0.0f ? U[k] : mean; }
    const int first = k0 > 0 ? k0 : 1, last = k1 < nz ? k1 : nz - 1;
    if (k0 == 0) CELL(0, 0, nz > 1 ? 1 : 0)
    #pragma clang loop vectorize(assume_safety)
    for (int n = first; n < last; ++n) CELL(n, -1, 1)
    if (k1 == nz && nz > 1) CELL(nz - 1, -1, 0)
    #undef CELL
""")
def extrapolate_row(
    valid: wp.array3d(dtype=float), u: wp.array3d(dtype=float), valid_out: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def extrapolate_kernel(
    # inputs
    valid: wp.array3d(dtype=float), chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
    # outputs
    valid_out: wp.array3d(dtype=float),
):  # fmt: skip
    """One layer outwards: a face that is not valid takes the mean of its valid neighbours, which do not change."""
    i, j, c = wp.tid()
    extrapolate_row(valid, u, valid_out, i, j, c * chunk, wp.min((c + 1) * chunk, u.shape[2]))


@wp.func
def is_surface(phi: wp.array3d(dtype=float), area: float, i: int, j: int, k: int):
    """Whether there is air behind a face with this open area."""
    return area > 0.0 and surface_distance(phi, i, j, k) >= 0.0


@wp.kernel
def crowding_kernel(
    # inputs
    phi: wp.array3d(dtype=float), alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    room: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), relax: float,
    # outputs, padded
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """How much too full each liquid cell is; cells at the surface may be too empty, others may not."""
    i, j, k = wp.tid()
    value = float(0.0)
    if phi[i, j, k] < 0.0:
        excess = wp.clamp(alpha[i, j, k] / room[i, j, k] - 1.0, -0.3, 0.3)
        surface = is_surface(phi, ax[i, j, k], i - 1, j, k) or is_surface(phi, ax[i + 1, j, k], i + 1, j, k)
        surface = surface or is_surface(phi, ay[i, j, k], i, j - 1, k)
        surface = surface or is_surface(phi, ay[i, j + 1, k], i, j + 1, k)
        surface = surface or is_surface(phi, az[i, j, k], i, j, k - 1)
        surface = surface or is_surface(phi, az[i, j, k + 1], i, j, k + 1)
        if surface:
            excess = wp.max(excess, 0.0)
        value = relax * open[i, j, k] * excess
    rhs[i + 1, j + 1, k + 1] = value
