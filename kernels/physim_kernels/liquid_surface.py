"""Particles to a surface: weighted mean positions on a grid, made a distance and smoothed.

On nodes a fine cell f = h / 2 apart (h: the cell that the liquid was computed with), with particles p within R = 3 f::

    W = sum w_p,   w = (1 - |x - p|^2 / R^2)^3,   m = |sum w_p (p - x)| / W,   phi = s(m / r)      [fine cells]

(Zhu, Bridson, "Animating sand as a fluid", 2005). ``RADIUS`` r is m where a flat surface ends an even liquid, and s
inverts m over the height there, so that phi is a distance, negative inside. A thin sheet stays a sheet. Where W is that
of a particle or two there is no surface: those are drawn as drops. In the bulk phi is smoothed by [1 2 1] along each
axis, and what that takes from round things is given back along the Laplacian; sheets are left alone.

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
