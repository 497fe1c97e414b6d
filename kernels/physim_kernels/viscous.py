"""Diffusion on the staggered grid in stabilised explicit stages, and the outlet of a channel.

Second-order Runge-Kutta-Legendre (RKL2) of s stages takes steps up to (s^2 + s - 2) / 4 times the explicit limit
h^2 / (2 d nu); Meyer, Balsara, Aslam, "A second-order accurate Super TimeStepping formulation for anisotropic thermal
conduction", MNRAS 422 (2012), eq. 11-18::

    Y_j = mu Y_j-1 + nu Y_j-2 + (1 - mu - nu) Y_0 + mt L(Y_j-1) + gt L(Y_0)

Every stage is one pass, nothing is iterated, and what is carried is conserved to rounding. Cell units: L is the sum of
differences to the neighbours times nu dt / h^2, and dt times the acceleration where forces act. What is read is padded
by two ghosts (``physim_kernels.ghost``).
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

STAGE = """
    const int nx = y.shape[0], ny = y.shape[1], nz = y.shape[2], py = p.shape[1], pz = p.shape[2];
    const int gx = (p.shape[0] - nx) / 2, sx = gx ? py * pz : 0, o = (i * ny + j) * nz;
    const float* P = p.data + ((i + gx) * py + j + 2) * pz + 2;
    const float *B = base.data + o;
    float *Y = y.data + o, *F = first.data + o;
"""


@wp.func_native(
    STAGE
    + """
    const float *A = area.data + o, *G = pushed.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float c = P[k];
        const float change = r * ((P[k - sx] - c) + (P[k + sx] - c) + (P[k - pz] - c) + (P[k + pz] - c)
            + (P[k - 1] - c) + (P[k + 1] - c)) + (G[k] - B[k]);
        F[k] = start ? change : F[k];
        const float next = mu * c + nu * Y[k] + (1.0f - mu - nu) * B[k] + mt * change + gt * F[k];
        Y[k] = A[k] > 0.0f ? next : B[k];
    }"""
)
def face_stage_row(
    p: wp.array3d(dtype=float), base: wp.array3d(dtype=float), pushed: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), r: float, mu: float, nu: float, mt: float, gt: float, start: int,
    first: wp.array3d(dtype=float), y: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def face_stage_kernel(
    # inputs: the last stage (padded), the beginning, what forces alone make of it, r = nu dt / h^2, the stage's numbers
    p: wp.array3d(dtype=float), base: wp.array3d(dtype=float), pushed: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), r: float, mu: float, nu: float, mt: float, gt: float, start: int, chunk: int,
    # in and out: L(Y_0), written when `start`; the stage before last, which becomes the next
    first: wp.array3d(dtype=float), y: wp.array3d(dtype=float),
):  # fmt: skip
    """One stage for a velocity component; closed faces keep their value and hold the gas beside them back.

    Forces act together with viscosity: one after the other they would never balance next to a wall.
    """
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, y.shape[2])
    face_stage_row(p, base, pushed, area, r, mu, nu, mt, gt, start, first, y, i, j, c * chunk, k1)


@wp.func_native(
    STAGE
    + """
    const float *AX = ax.data + o, *AY = ay.data + (i * (ny + 1) + j) * nz, *AZ = az.data + (i * ny + j) * (nz + 1);
    const int fx = ny * nz;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float c = P[k];
        const float change = r * (AX[k] * (P[k - sx] - c) + AX[k + fx] * (P[k + sx] - c) + AY[k] * (P[k - pz] - c)
            + AY[k + nz] * (P[k + pz] - c) + AZ[k] * (P[k - 1] - c) + AZ[k + 1] * (P[k + 1] - c));
        F[k] = start ? change : F[k];
        Y[k] = mu * c + nu * Y[k] + (1.0f - mu - nu) * B[k] + mt * change + gt * F[k];
    }"""
)
def cell_stage_row(
    p: wp.array3d(dtype=float), base: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), r: float,
    mu: float, nu: float, mt: float, gt: float, start: int,
    first: wp.array3d(dtype=float), y: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def cell_stage_kernel(
    # inputs
    p: wp.array3d(dtype=float), base: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), r: float,
    mu: float, nu: float, mt: float, gt: float, start: int, chunk: int,
    # in and out
    first: wp.array3d(dtype=float), y: wp.array3d(dtype=float),
):  # fmt: skip
    """One stage for a quantity in cells: through open faces only, so that its sum stays what it is."""
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, y.shape[2])
    cell_stage_row(p, base, ax, ay, az, r, mu, nu, mt, gt, start, first, y, i, j, c * chunk, k1)


@wp.kernel
def extract_kernel(q: wp.array3d(dtype=float), pad: int, out: wp.array3d(dtype=float)):
    """The middle of a field padded by ``pad`` samples."""
    i, j, k = wp.tid()
    out[i, j, k] = q[i + pad, j + pad, k + pad]


@wp.kernel
def outlet_kernel(
    # inputs: velocity across the side before the step; index of the side's faces, the way inwards
    u: wp.array3d(dtype=float), axis: int, last: int, inwards: int, courant: float,
    # in and out: velocity of the closed faces; their sum
    solid: wp.array3d(dtype=float), total: wp.array(dtype=float),
):  # fmt: skip
    """What reaches an outlet is carried on through it: du/dt + c du/dn = 0."""
    a, b = wp.tid()
    i, j, k = a, b, last
    di, dj, dk = int(0), int(0), inwards
    if axis == 0:
        i, j, k = last, a, b
        di, dk = inwards, 0
    elif axis == 1:
        j, k = last, b
        dj, dk = inwards, 0
    own, inner = u[i, j, k], u[i + di, j + dj, k + dk]
    value = own + courant * (inner - own)
    solid[i, j, k] = value
    wp.atomic_add(total, 0, value)


@wp.kernel
def balance_kernel(
    axis: int, last: int, wanted: float, count: int, total: wp.array(dtype=float), solid: wp.array3d(dtype=float)
):
    """Shift the outlet evenly so that as much leaves as enters."""
    a, b = wp.tid()
    i, j, k = a, b, last
    if axis == 0:
        i, j, k = last, a, b
    elif axis == 1:
        j, k = last, b
    solid[i, j, k] = solid[i, j, k] + (wanted - total[0]) / float(count)
