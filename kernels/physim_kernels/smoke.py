"""What moves smoke besides itself: sources, buoyancy, vorticity confinement, the wind around the box.

Buoyancy is that of an ideal gas in the Boussinesq form, ``a = -g dT / (T_ambient + dT)``: g dT / T for small excess,
never more than g. Confinement gives back the small eddies that the grid smears (Fedkiw, Stam, Jensen, "Visual
Simulation of Smoke", SIGGRAPH 2001, eq. 10-11) in a form with the right units at any scale:
``a = strength * s * (N x curl u)``, with N = grad |curl u| / |...| and the speed ``s = min(h |curl u|, limit)``.
Velocities in m/s, lengths in cells unless said otherwise.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const int nx = cx.shape[0], ny = cx.shape[1], nz = cx.shape[2], sx = ny * nz, sy = nz, o = i * sx + j * sy;
    const float *U = cx.data + o, *V = cy.data + o, *W = cz.data + o;
    float *X = x.data + o, *Y = y.data + o, *Z = z.data + o, *L = length.data + o;
    // one-sided at the rim: the missing neighbour is the cell itself, the distance one cell less
    const int xl = i > 0 ? -sx : 0, xh = i < nx - 1 ? sx : 0, yl = j > 0 ? -sy : 0, yh = j < ny - 1 ? sy : 0;
    const float rx = (xl && xh) ? 0.5f : 1.0f, ry = (yl && yh) ? 0.5f : 1.0f;
    const auto cell = [=](int k, int zl, int zh, float rz) {
        const float a = ry * (W[k + yh] - W[k + yl]) - rz * (V[k + zh] - V[k + zl]);
        const float b = rz * (U[k + zh] - U[k + zl]) - rx * (W[k + xh] - W[k + xl]);
        const float c = rx * (V[k + xh] - V[k + xl]) - ry * (U[k + yh] - U[k + yl]);
        X[k] = a; Y[k] = b; Z[k] = c;
        L[k] = sqrtf(a * a + b * b + c * c);
    };
    int first = k0, last = k1;
    if (k0 == 0) { cell(0, 0, 1, 1.0f); first = 1; }
    if (k1 == nz && k1 > first) { cell(nz - 1, -1, 0, 1.0f); last = nz - 1; }
    #pragma clang loop vectorize(assume_safety)
    for (int k = first; k < last; ++k) cell(k, -1, 1, 0.5f);
    """)
def curl_row(
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float),
    x: wp.array3d(dtype=float), y: wp.array3d(dtype=float), z: wp.array3d(dtype=float),
    length: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def curl_kernel(
    # inputs
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float), chunk: int,
    # outputs
    x: wp.array3d(dtype=float), y: wp.array3d(dtype=float), z: wp.array3d(dtype=float), length: wp.array3d(dtype=float),
):  # fmt: skip
    """Curl of the cell-centred velocity times h [m/s], and its length."""
    i, j, t = wp.tid()
    curl_row(cx, cy, cz, x, y, z, length, i, j, t * chunk, wp.min((t + 1) * chunk, cx.shape[2]))


@wp.func_native("""
    const int nx = length.shape[0], ny = length.shape[1], nz = length.shape[2], sx = ny * nz, sy = nz;
    const int o = i * sx + j * sy;
    const float *X = x.data + o, *Y = y.data + o, *Z = z.data + o, *L = length.data + o, *T = temperature.data + o;
    float *OX = ox.data + o, *OY = oy.data + o, *OZ = oz.data + o;
    const int xl = i > 0 ? -sx : 0, xh = i < nx - 1 ? sx : 0, yl = j > 0 ? -sy : 0, yh = j < ny - 1 ? sy : 0;
    const auto cell = [=](int k, int zl, int zh) {
        const float a = L[k + xh] - L[k + xl], b = L[k + yh] - L[k + yl], c = L[k + zh] - L[k + zl];
        // where the slope of |curl| is lost in |curl| itself it has no direction to speak of
        const float norm = sqrtf(a * a + b * b + c * c) + 0.02f * L[k] + 1e-20f;
        const float s = strength * (L[k] < limit ? L[k] : limit) / (norm * h);
        const float lift = -T[k] / (ambient + (T[k] > -0.5f * ambient ? T[k] : -0.5f * ambient));
        OX[k] = s * (b * Z[k] - c * Y[k]) + lift * gx;
        OY[k] = s * (c * X[k] - a * Z[k]) + lift * gy;
        OZ[k] = s * (a * Y[k] - b * X[k]) + lift * gz;
    };
    int first = k0, last = k1;
    if (k0 == 0) { cell(0, 0, 1); first = 1; }
    if (k1 == nz && k1 > first) { cell(nz - 1, -1, 0); last = nz - 1; }
    #pragma clang loop vectorize(assume_safety)
    for (int k = first; k < last; ++k) cell(k, -1, 1);
    """)
def acceleration_row(
    x: wp.array3d(dtype=float), y: wp.array3d(dtype=float), z: wp.array3d(dtype=float), length: wp.array3d(dtype=float),
    temperature: wp.array3d(dtype=float), strength: float, limit: float, h: float, ambient: float,
    gx: float, gy: float, gz: float,
    ox: wp.array3d(dtype=float), oy: wp.array3d(dtype=float), oz: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def acceleration_kernel(
    # inputs: curl and its length, excess temperature over `ambient` [K]
    x: wp.array3d(dtype=float), y: wp.array3d(dtype=float), z: wp.array3d(dtype=float), length: wp.array3d(dtype=float),
    temperature: wp.array3d(dtype=float), strength: float, limit: float, h: float, ambient: float,
    gravity: wp.array(dtype=wp.vec3), step: int, chunk: int,
    # outputs
    ox: wp.array3d(dtype=float), oy: wp.array3d(dtype=float), oz: wp.array3d(dtype=float),
):  # fmt: skip
    """Confinement and buoyancy at cell centres [m/s^2]."""
    i, j, t = wp.tid()
    g = gravity[step]
    acceleration_row(
        x, y, z, length, temperature, strength, limit, h, ambient, g[0], g[1], g[2],
        ox, oy, oz, i, j, t * chunk, wp.min((t + 1) * chunk, ox.shape[2]),
    )  # fmt: skip


@wp.func_native("""
    const int cx = a.shape[0], cy = a.shape[1], cz = a.shape[2];
    const int ih = i < cx ? i : cx - 1, jh = j < cy ? j : cy - 1;
    const int il = (axis == 0 && i > 0) ? i - 1 : ih, jl = (axis == 1 && j > 0) ? j - 1 : jh;
    const float *low = a.data + (il * cy + jl) * cz, *high = a.data + (ih * cy + jh) * cz;
    const int back = axis == 2 ? 1 : 0;
    float* U = u.data + (i * u.shape[1] + j) * u.shape[2];
    // distance to the nearest open upright side [cells], of the middle of this face
    const float x = i + (axis == 0 ? 0.0f : 0.5f);
    float side = 1e6f;
    if ((open & 1) && x < side) side = x;
    if ((open & 2) && cx - x < side) side = cx - x;
    // below an open top (above an open bottom) only what streams in is held back, and what goes sideways
    const float y = j + (axis == 1 ? 0.0f : 0.5f);
    const float roof = (open & 8) && cy - y < width ? 1.0f - (cy - y) / width : 0.0f;
    const float floor = (open & 4) && y < width ? 1.0f - y / width : 0.0f;
    const float inflow = axis == 1 ? 0.0f : (roof > floor ? roof : floor);
    const float near_z = (open & 16) ? 0.0f : -1e6f, far_z = (open & 32) ? 0.0f : 1e6f;
    const auto face = [=](int k, int kl, int kh) {
        const float z = k + (axis == 2 ? 0.0f : 0.5f);
        const float d1 = z - near_z, d2 = cz - z + far_z, dz = d1 < d2 ? d1 : d2, d = side < dz ? side : dz;
        const float fresh = U[k] + dt * (0.5f * (low[kl] + high[kh]) + gust + push);
        float depth = d < width ? 1.0f - d / width : 0.0f;
        depth = inflow > depth ? inflow : depth;
        const float held = axis != 1 ? 0.0f : (fresh < wind ? roof : floor);
        depth = held > depth ? held : depth;
        U[k] = fresh + relax * depth * (wind - fresh);
    };
    int first = k0, last = k1;
    if (back && k0 == 0) { face(0, 0, 0); first = 1; }
    if (back && k1 == cz + 1 && k1 > first) { face(cz, cz - 1, cz - 1); last = cz; }
    #pragma clang loop vectorize(assume_safety)
    for (int k = first; k < last; ++k) face(k, k - back, k);
    """)
def force_row(
    a: wp.array3d(dtype=float), axis: int, dt: float, push: float, wind: float, gust: float, relax: float, width: float,
    open: int, u: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def force_kernel(
    # inputs
    a: wp.array3d(dtype=float), axis: int, dt: float, push: float, wind: wp.array(dtype=wp.vec3),
    gust: wp.array(dtype=wp.vec3), step: int, relax: float, width: float, open: int, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Accelerate the faces across ``axis``, and pull them to the wind within ``width`` cells of the open sides.

    ``push`` is for all alike. At an open top or bottom what leaves is let go. Without this layer eddies that leave the
    box suck air back in, and jets grow from the open sides. A gust (``gust``, the wind's own acceleration) moves all
    the air at once, as the pressure of the weather does.
    """
    i, j, t = wp.tid()
    k1 = wp.min((t + 1) * chunk, u.shape[2])
    force_row(a, axis, dt, push, wind[step][axis], gust[step][axis], relax, width, open, u, i, j, t * chunk, k1)


@wp.func
def bump(r2: float) -> float:
    """Smooth profile of a source: 1 in its middle, 0 from its radius on; ``r2`` = squared distance / radius^2."""
    rest = wp.max(1.0 - r2, 0.0)
    return rest * rest


@wp.func_native("""
    float* T = temperature.data + (i * temperature.shape[1] + j) * temperature.shape[2];
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float left = T[k] * keep;
        T[k] = left * left > 1e-8f ? left : 0.0f;  // a trace of 0.1 mK would be carried all over the box
    }""")
def cool_row(temperature: wp.array3d(dtype=float), keep: float, i: int, j: int, k0: int, k1: int): ...


@wp.kernel
def source_kernel(
    # inputs: puffs (steps, count): centre [cells] and radius [cells]; density rate [1/s], excess temperature [K]
    ball: wp.array2d(dtype=wp.vec4), state: wp.array2d(dtype=wp.vec4), step: int, dt: float, hold: float,
    cooling: float, ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), chunk: int,
    # in and out
    q: wp.array3d(dtype=float), temperature: wp.array3d(dtype=float),
):  # fmt: skip
    """Add density, cool towards ambient, and bring the gas in the puffs towards their temperature.

    ``hold`` and ``cooling`` are the parts of the difference that go during ``dt``.
    """
    i, j, c = wp.tid()
    k0 = c * chunk
    k1 = wp.min(k0 + chunk, temperature.shape[2])
    if cooling != 0.0:
        cool_row(temperature, 1.0 - cooling, i, j, k0, k1)
    for n in range(ball.shape[1]):
        b = ball[step, n]
        s = state[step, n]
        x, y = float(i) + 0.5 - b[0], float(j) + 0.5 - b[1]
        across = b[3] * b[3] - x * x - y * y
        if across > 0.0 and s[2] > 0.0:
            half = wp.sqrt(across)
            for k in range(wp.max(k0, int(wp.floor(b[2] - half - 0.5))), wp.min(k1, int(wp.ceil(b[2] + half + 0.5)))):
                z = float(k) + 0.5 - b[2]
                w = bump((x * x + y * y + z * z) / (b[3] * b[3]))
                a = ax[i, j, k] + ax[i + 1, j, k] + ay[i, j, k] + ay[i, j + 1, k] + az[i, j, k] + az[i, j, k + 1]
                if a > 0.0 and w > 0.0:
                    q[i + 3, j + 3, k + 3] = q[i + 3, j + 3, k + 3] + w * s[0] * dt
                    t = temperature[i, j, k]
                    temperature[i, j, k] = t + wp.min(w * hold, 1.0) * (s[1] - t)


@wp.kernel
def jet_kernel(
    # inputs: puffs as above, and the velocity of their gas [m/s]
    ball: wp.array2d(dtype=wp.vec4), state: wp.array2d(dtype=wp.vec4), jet: wp.array2d(dtype=wp.vec4), step: int,
    axis: int, hold: float, chunk: int,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Bring the faces across ``axis`` inside the puffs towards the velocity of the gas that enters."""
    i, j, c = wp.tid()
    k0 = c * chunk
    k1 = wp.min(k0 + chunk, u.shape[2])
    offset = wp.vec3(0.5, 0.5, 0.5)
    offset[axis] = 0.0
    for n in range(ball.shape[1]):
        b = ball[step, n]
        x, y = float(i) + offset[0] - b[0], float(j) + offset[1] - b[1]
        across = b[3] * b[3] - x * x - y * y
        # state z: is it on, w: has it a velocity of its own
        if across > 0.0 and state[step, n][2] > 0.0 and state[step, n][3] > 0.0:
            half = wp.sqrt(across)
            first = wp.max(k0, int(wp.floor(b[2] - half - offset[2])))
            for k in range(first, wp.min(k1, int(wp.ceil(b[2] + half + offset[2])))):
                z = float(k) + offset[2] - b[2]
                w = bump((x * x + y * y + z * z) / (b[3] * b[3]))
                u[i, j, k] = u[i, j, k] + wp.min(w * hold, 1.0) * (jet[step, n][axis] - u[i, j, k])


@wp.kernel
def swell_kernel(
    # inputs: puffs as above; the fourth component of a jet is the volume that enters in the middle of a puff,
    # in cell faces times m/s
    ball: wp.array2d(dtype=wp.vec4), state: wp.array2d(dtype=wp.vec4), jet: wp.array2d(dtype=wp.vec4), step: int,
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), chunk: int,
    # in and out
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """Add the volume of the entering gas to the right-hand side of the pressure (padded by one cell)."""
    i, j, c = wp.tid()
    k0 = c * chunk
    k1 = wp.min(k0 + chunk, rhs.shape[2] - 2)
    for n in range(ball.shape[1]):
        b = ball[step, n]
        x, y = float(i) + 0.5 - b[0], float(j) + 0.5 - b[1]
        across = b[3] * b[3] - x * x - y * y
        if across > 0.0 and state[step, n][2] > 0.0 and jet[step, n][3] > 0.0:
            half = wp.sqrt(across)
            for k in range(wp.max(k0, int(wp.floor(b[2] - half - 0.5))), wp.min(k1, int(wp.ceil(b[2] + half + 0.5)))):
                z = float(k) + 0.5 - b[2]
                w = bump((x * x + y * y + z * z) / (b[3] * b[3]))
                a = ax[i, j, k] + ax[i + 1, j, k] + ay[i, j, k] + ay[i, j + 1, k] + az[i, j, k] + az[i, j, k + 1]
                # no more than can leave: less from two faces' worth of openings down
                volume = w * jet[step, n][3] * wp.min(0.5 * a, 1.0)
                rhs[i + 1, j + 1, k + 1] = rhs[i + 1, j + 1, k + 1] + volume
