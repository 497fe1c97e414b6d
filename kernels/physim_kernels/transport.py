"""Conservative transport of a density: ULTIMATE-5 fluxes, one axis at a time, carrying the volume of each cell.

Leonard, "The ULTIMATE conservative difference scheme applied to unsteady one-dimensional advection", Comput. Methods
Appl. Mech. Eng. 88 (1991): fifth-order flux, limited so that a monotone profile stays monotone. A sweep along one axis
squeezes cells; their volume V is carried with the mass through the three sweeps (V is 1 again after the last one in a
divergence-free flow), which keeps a constant density constant.

    M = q V + F_k - F_k+1 ;  V' = V + U_k - U_k+1 ;  q = M / V'

Fields are padded by three cells of zeros on each side: cell (i, j, k) at [i + 3, j + 3, k + 3], its lower face there
too. ``flux`` F is mass [cells of density 1], ``volume_flux`` U is volume [cells]. Kernels work on pieces of a row of
``chunk`` cells along z: whole rows on a CPU, single cells on a GPU.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

COURANT = 0.9
"""Largest part of a cell that may leave through its two faces in one sweep; what would be more is cut."""


@wp.func_native("""
    const int ny = q.shape[1], nz = q.shape[2], o = ((i + 3) * ny + j + 3) * nz + 3;
    const int s = axis == 0 ? ny * nz : axis == 1 ? nz : 1;
    const int su = axis == 0 ? u.shape[1] * u.shape[2] : axis == 1 ? u.shape[2] : 1;
    const int n = u.shape[axis] - 1, at = axis == 0 ? i : j;
    const float *Q = q.data + o, *V = volume.data + o;
    const float* R = u.data + (i * u.shape[1] + j) * u.shape[2];
    const float* A = area.data + (i * u.shape[1] + j) * u.shape[2];
    float *F = flux.data + o, *W = volume_flux.data + o;
    // lower, upper: the way to the next faces, 0 where there is none
    const auto face = [=](int k, int lower, int upper) {
        const float* p = Q + k;
        float x = courant * A[k] * R[k];
        const float xl = courant * A[k + lower] * R[k + lower], xu = courant * A[k + upper] * R[k + upper];
        const bool forward = x > 0.0f;
        const float C = forward ? p[-s] : p[0], D = forward ? p[0] : p[-s];
        const float U = forward ? p[-2 * s] : p[s], D2 = forward ? p[s] : p[-2 * s];
        const float U2 = forward ? p[-3 * s] : p[2 * s];
        const float held = forward ? V[k - s] : V[k], room = held > 1e-6f ? held : 1e-6f;
        const float other = forward ? -xl : xu, size = x < 0.0f ? -x : x;
        const float out = size + (other > 0.0f ? other : 0.0f), most = 0.9f * room;
        x *= out > most ? most / out : 1.0f;
        const float z = (x < 0.0f ? -x : x) / room;
        const float z2 = z * z;
        float f = 0.5f * (D + C) - 0.5f * z * (D - C) - (1.0f - z2) * (1.0f / 6.0f) * (D - 2.0f * C + U)
            + (1.0f - z2) * (z - 2.0f) * (1.0f / 24.0f) * (D2 - 3.0f * D + 3.0f * C - U)
            + (1.0f - z2) * (4.0f - z2) * (1.0f / 120.0f) * (D2 - 4.0f * D + 6.0f * C - 4.0f * U + U2);
        // monotone: between C and the nearer one of D and U + (C - U) / z
        const float reach = U + (C - U) / (z > 1e-6f ? z : 1e-6f);
        const float up = D < reach ? D : reach, down = D > reach ? D : reach;
        const float rising = f < C ? C : (f > up ? up : f), falling = f > C ? C : (f < down ? down : f);
        f = (D - C) * (C - U) <= 0.0f ? C : (D > C ? rising : falling);
        F[k] = x * f;
        W[k] = x;
    };
    int first = k0, last = k1;
    if (axis == 2) {  // the two ends of a row apart, so that the loop has no branch
        if (k0 == 0) { face(0, 0, 1); first = 1; }
        if (k1 == n + 1 && k1 > first) { face(n, -1, 0); last = n; }
    }
    const int lower = axis == 2 || at > 0 ? -su : 0, upper = axis == 2 || at < n ? su : 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = first; k < last; ++k) face(k, lower, upper);
    """)
def flux_row(
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), u: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), axis: int, courant: float,
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def flux_kernel(
    # inputs
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), u: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), axis: int, courant: float, chunk: int,
    # outputs
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float),
):  # fmt: skip
    """Mass and volume through the faces across ``axis``; ``courant`` turns ``u`` [m/s] into cells per sub-step."""
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, u.shape[2])
    flux_row(q, volume, u, area, axis, courant, flux, volume_flux, i, j, c * chunk, k1)


@wp.func_native("""
    const int ny = q.shape[1], nz = q.shape[2], o = ((i + 3) * ny + j + 3) * nz + 3;
    const int s = axis == 0 ? ny * nz : axis == 1 ? nz : 1;
    float *Q = q.data + o, *V = volume.data + o;
    const float *F = flux.data + o, *W = volume_flux.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float mass = Q[k] * V[k] + F[k] - F[k + s];
        const float v = V[k] + W[k] - W[k + s];
        V[k] = v;
        Q[k] = mass / v;  // positive: at least a tenth stays in every cell in every sweep
    }""")
def update_row(
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float), axis: int,
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def update_kernel(
    # inputs
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float), axis: int, chunk: int,
    # in and out
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    update_row(flux, volume_flux, axis, q, volume, i, j, c * chunk, wp.min((c + 1) * chunk, q.shape[2] - 6))


@wp.func_native("""
    const int o = ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    float *Q = q.data + o, *V = volume.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        Q[k] *= V[k] * keep;  // all the mass, whatever divergence the projection left
        V[k] = 1.0f;
    }""")
def settle_row(
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), keep: float, i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def settle_kernel(keep: float, chunk: int, q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float)):
    """After the last sweep: back to unit volumes, and the part ``keep`` of the density that did not fade."""
    i, j, c = wp.tid()
    settle_row(q, volume, keep, i, j, c * chunk, wp.min((c + 1) * chunk, q.shape[2] - 6))


@wp.kernel
def outflow_kernel(flux: wp.array3d(dtype=float), axis: int, total: wp.array2d(dtype=wp.float64)):
    """Add what left through the two sides across ``axis`` to ``total``: a row per first index, a column per axis."""
    i = wp.tid()
    lost = wp.float64(0.0)
    nx, ny, nz = flux.shape[0] - 6, flux.shape[1] - 6, flux.shape[2] - 6
    if axis == 0:
        if i == 0:
            for j in range(ny):
                for k in range(nz):
                    lost += wp.float64(flux[nx + 3, j + 3, k + 3] - flux[3, j + 3, k + 3])
    elif axis == 1:
        for k in range(nz):
            lost += wp.float64(flux[i + 3, ny + 3, k + 3] - flux[i + 3, 3, k + 3])
    else:
        for j in range(ny):
            lost += wp.float64(flux[i + 3, j + 3, nz + 3] - flux[i + 3, j + 3, 3])
    total[i, axis] = total[i, axis] + lost


@wp.kernel
def mass_kernel(q: wp.array3d(dtype=float), total: wp.array(dtype=wp.float64)):
    """Sum of the density over each plane of the first index."""
    i = wp.tid()
    mass = wp.float64(0.0)
    for j in range(q.shape[1] - 6):
        for k in range(q.shape[2] - 6):
            mass += wp.float64(q[i + 3, j + 3, k + 3])
    total[i] = mass


@wp.func
def is_open(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> bool:
    a = ax[i, j, k] + ax[i + 1, j, k] + ay[i, j, k] + ay[i, j + 1, k] + az[i, j, k] + az[i, j, k + 1]
    return a > 0.0


@wp.func
def openness(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> float:
    """1 if the cell exists and a face of it is open."""
    inside = i >= 0 and j >= 0 and k >= 0 and i < ay.shape[0] and j < ax.shape[1] and k < ax.shape[2]
    if not inside:
        return 0.0
    return wp.where(is_open(ax, ay, az, i, j, k), 1.0, 0.0)


@wp.func
def share(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    i: int, j: int, k: int, to_open: float,
) -> float:  # fmt: skip
    """What a closed cell gives to one of its neighbours: all to open ones if it has any, else a sixth to each."""
    held = q[i + 3, j + 3, k + 3]
    if held == 0.0 or openness(ax, ay, az, i, j, k) > 0.0:
        return 0.0
    count = openness(ax, ay, az, i - 1, j, k) + openness(ax, ay, az, i + 1, j, k)
    count += openness(ax, ay, az, i, j - 1, k) + openness(ax, ay, az, i, j + 1, k)
    count += openness(ax, ay, az, i, j, k - 1) + openness(ax, ay, az, i, j, k + 1)
    if count > 0.0:
        return to_open * held / count
    return held / 6.0


@wp.kernel
def hand_over_kernel(
    # inputs
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    last: int,
    # outputs
    q_out: wp.array3d(dtype=float),
):  # fmt: skip
    """Cells that a body has closed hand their density on, one cell outwards per call; the last call empties them."""
    i, j, k = wp.tid()
    here = openness(ax, ay, az, i, j, k)
    total = q[i + 3, j + 3, k + 3] * here
    if last == 0 or here > 0.0:
        total += share(q, ax, ay, az, i - 1, j, k, here) + share(q, ax, ay, az, i + 1, j, k, here)
        total += share(q, ax, ay, az, i, j - 1, k, here) + share(q, ax, ay, az, i, j + 1, k, here)
        total += share(q, ax, ay, az, i, j, k - 1, here) + share(q, ax, ay, az, i, j, k + 1, here)
    q_out[i + 3, j + 3, k + 3] = total


@wp.kernel
def ledger_kernel(
    # inputs
    before: wp.array(dtype=wp.float64), after: wp.array(dtype=wp.float64), outflow: wp.array2d(dtype=wp.float64),
    keep: float,
    # in and out: sum of |mass created or lost|, and the most mass there ever was
    ledger: wp.array(dtype=wp.float64),
):  # fmt: skip
    had, has, left = wp.float64(0.0), wp.float64(0.0), wp.float64(0.0)
    for i in range(before.shape[0]):
        had += before[i]
        has += after[i] / wp.float64(keep)
        for axis in range(3):
            left += outflow[i, axis]
    ledger[0] = ledger[0] + wp.abs(has + left - had)
    ledger[1] = wp.max(ledger[1], had)
