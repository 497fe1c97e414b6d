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
    typedef float Eight __attribute__((vector_size(32)));
    const int ny = q.shape[1], nz = q.shape[2], o = ((i + 3) * ny + j + 3) * nz + 3;
    const int s = axis == 0 ? ny * nz : axis == 1 ? nz : 1;
    const int su = axis == 0 ? u.shape[1] * u.shape[2] : axis == 1 ? u.shape[2] : 1;
    const int n = u.shape[axis] - 1, at = axis == 0 ? i : j, count = k1 - k0;
    const float* R = u.data + (i * u.shape[1] + j) * u.shape[2] + k0;
    const float* A = area.data + (i * u.shape[1] + j) * u.shape[2] + k0;
    // what would flow through these faces, those before and those behind (themselves where there are none)
    float own[1040], before[1040], behind[1040];
    const int lower = axis != 2 && at > 0 ? -su : 0, upper = axis != 2 && at < n ? su : 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < count; ++k) own[k] = courant * A[k] * R[k];
    // sides with a given flow are closed to the pressure, not to what is carried
    if (axis == 2) {
        if ((through & 1) && k0 == 0) own[0] = courant * R[0];
        if ((through & 2) && k1 == n + 1) own[count - 1] = courant * R[count - 1];
    } else if (((through & 1) && at == 0) || ((through & 2) && at == n)) {
        for (int k = 0; k < count; ++k) own[k] = courant * R[k];
    }
    if (axis == 2) {
        for (int k = 1; k < count; ++k) before[k] = own[k - 1];
        for (int k = 0; k + 1 < count; ++k) behind[k] = own[k + 1];
        before[0] = k0 > 0 ? courant * A[-1] * R[-1] : own[0];
        behind[count - 1] = k1 <= n ? courant * A[count] * R[count] : own[count - 1];
    } else {
        #pragma clang loop vectorize(assume_safety)
        for (int k = 0; k < count; ++k) {
            before[k] = courant * A[k + lower] * R[k + lower];
            behind[k] = courant * A[k + upper] * R[k + upper];
        }
    }
    for (int k = count; k < 8; ++k) own[k] = before[k] = behind[k] = 0.0f;
    const auto load = [](const float* p) { Eight v; __builtin_memcpy(&v, p, sizeof v); return v; };
    const Eight nought = {0, 0, 0, 0, 0, 0, 0, 0};
    for (int start = 0; start < count; start += 8) {
        const int k = start + 8 <= count || count < 8 ? start : count - 8;
        const float *Q = q.data + o + k0 + k, *V = volume.data + o + k0 + k;
        Eight x = load(own + k);
        const auto forward = x > 0.0f;
        const Eight held = forward ? load(V - s) : load(V), room = held > 1e-6f ? held : nought + 1e-6f;
        const Eight other = forward ? -load(before + k) : load(behind + k);
        Eight size = x < 0.0f ? -x : x;
        const Eight out = size + (other > 0.0f ? other : nought), most = 0.9f * room;
        const Eight cut = out > most ? most / out : nought + 1.0f;
        x *= cut;
        size *= cut;
        const Eight a = load(Q - 3 * s), b = load(Q - 2 * s), c = load(Q - s), d = load(Q), e = load(Q + s);
        const Eight g = load(Q + 2 * s);
        const auto some = (a != 0.0f) | (b != 0.0f) | (c != 0.0f) | (d != 0.0f) | (e != 0.0f) | (g != 0.0f);
        long long part[4];
        __builtin_memcpy(part, &some, sizeof part);
        Eight f = nought;
        if (part[0] | part[1] | part[2] | part[3]) {
            const Eight C = forward ? c : d, D = forward ? d : c, U = forward ? b : e;
            const Eight D2 = forward ? e : b, U2 = forward ? a : g;
            const Eight z = size / room, z2 = z * z;
            f = 0.5f * (D + C) - 0.5f * z * (D - C) - (1.0f - z2) * (1.0f / 6.0f) * (D - 2.0f * C + U)
                + (1.0f - z2) * (z - 2.0f) * (1.0f / 24.0f) * (D2 - 3.0f * D + 3.0f * C - U)
                + (1.0f - z2) * (4.0f - z2) * (1.0f / 120.0f) * (D2 - 4.0f * D + 6.0f * C - 4.0f * U + U2);
            // monotone: between C and the nearer one of D and U + (C - U) / z
            const Eight reach = U + (C - U) / (z > 1e-6f ? z : nought + 1e-6f);
            const Eight up = D < reach ? D : reach, down = D > reach ? D : reach;
            const Eight rising = f < C ? C : (f > up ? up : f), falling = f > C ? C : (f < down ? down : f);
            const Eight limited = D > C ? rising : falling;
            f = (D - C) * (C - U) <= 0.0f ? C : limited;
            f *= x;
        }
        float *F = flux.data + o + k0 + k, *W = volume_flux.data + o + k0 + k;
        if (count >= 8) {
            __builtin_memcpy(F, &f, sizeof f);
            __builtin_memcpy(W, &x, sizeof x);
        } else {
            for (int l = 0; l < count; ++l) { F[l] = f[l]; W[l] = x[l]; }
        }
    }""")
def flux_row(
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), u: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), axis: int, courant: float, through: int,
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def flux_kernel(
    # inputs
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), u: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), axis: int, courant: float, through: int, chunk: int,
    # outputs
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float),
):  # fmt: skip
    """Mass and volume through the faces across ``axis``; ``courant`` turns ``u`` [m/s] into cells per sub-step.

    ``through`` has bit 1 (2) where gas flows in or out over the first (last) side at a given velocity.
    """
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, u.shape[2])
    flux_row(q, volume, u, area, axis, courant, through, flux, volume_flux, i, j, c * chunk, k1)


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


@wp.func_native("""
    const float* Q = q.data + ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    float lane[16] = {0};
    int k = 0;
    const int n = q.shape[2] - 6;
    for (; k + 16 <= n; k += 16)
        for (int l = 0; l < 16; ++l) lane[l] += Q[k + l];
    for (; k < n; ++k) lane[0] += Q[k];
    double sum = 0.0;
    for (int l = 0; l < 16; ++l) sum += lane[l];
    return sum;""")
def row_mass(q: wp.array3d(dtype=float), i: int, j: int) -> wp.float64: ...


@wp.kernel
def mass_kernel(q: wp.array3d(dtype=float), total: wp.array(dtype=wp.float64)):
    """Sum of the density over each plane of the first index."""
    i = wp.tid()
    mass = wp.float64(0.0)
    for j in range(q.shape[1] - 6):
        mass += row_mass(q, i, j)
    total[i] = mass


@wp.func_native("""
    const int nz = ax.shape[2], fx = ax.shape[1] * nz, o = i * fx + j * nz;
    const float *AX = ax.data + o, *AY = ay.data + (i * ay.shape[1] + j) * nz;
    const float* AZ = az.data + (i * az.shape[1] + j) * (nz + 1);
    const float* Q = q.data + ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    int found = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < nz; ++k) {
        const float open = AX[k] + AX[k + fx] + AY[k] + AY[k + nz] + AZ[k] + AZ[k + 1];
        found |= (open > 0.0f ? 0 : 1) & (Q[k] != 0.0f ? 1 : 0);
    }
    return found;""")
def trapped(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    i: int, j: int,
) -> int: ...  # fmt: skip


@wp.kernel
def trapped_kernel(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    rows: wp.array2d(dtype=int),
):  # fmt: skip
    """Whether a row has closed cells that hold some density."""
    i, j = wp.tid()
    rows[i, j] = trapped(q, ax, ay, az, i, j)


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
def neighbours(ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), i: int, j: int, k: int) -> float:
    """How many of the six there are."""
    count = float(6.0)
    count -= wp.where(i == 0, 1.0, 0.0) + wp.where(i == ay.shape[0] - 1, 1.0, 0.0)
    count -= wp.where(j == 0, 1.0, 0.0) + wp.where(j == ax.shape[1] - 1, 1.0, 0.0)
    count -= wp.where(k == 0, 1.0, 0.0) + wp.where(k == ax.shape[2] - 1, 1.0, 0.0)
    return count


@wp.func
def ways_out(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> float:
    """How many of a cell's neighbours are open."""
    count = openness(ax, ay, az, i - 1, j, k) + openness(ax, ay, az, i + 1, j, k)
    count += openness(ax, ay, az, i, j - 1, k) + openness(ax, ay, az, i, j + 1, k)
    return count + openness(ax, ay, az, i, j, k - 1) + openness(ax, ay, az, i, j, k + 1)


@wp.func
def near_open(
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), i: int, j: int, k: int
) -> float:
    """1 if the cell exists and has an open neighbour."""
    inside = i >= 0 and j >= 0 and k >= 0 and i < ay.shape[0] and j < ax.shape[1] and k < ax.shape[2]
    if not inside:
        return 0.0
    return wp.where(ways_out(ax, ay, az, i, j, k) > 0.0, 1.0, 0.0)


@wp.func
def share(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    i: int, j: int, k: int, to: wp.vec3i, to_open: float,
) -> float:  # fmt: skip
    """What a closed cell gives to its neighbour ``to``: all to open ones if there are any, else all to those that have
    one beside them, else as much to each.
    """
    held = q[i + 3, j + 3, k + 3]
    if held == 0.0 or openness(ax, ay, az, i, j, k) > 0.0:
        return 0.0
    count = ways_out(ax, ay, az, i, j, k)
    if count > 0.0:
        return to_open * held / count
    count = near_open(ax, ay, az, i - 1, j, k) + near_open(ax, ay, az, i + 1, j, k)
    count += near_open(ax, ay, az, i, j - 1, k) + near_open(ax, ay, az, i, j + 1, k)
    count += near_open(ax, ay, az, i, j, k - 1) + near_open(ax, ay, az, i, j, k + 1)
    if count > 0.0:
        return near_open(ax, ay, az, to[0], to[1], to[2]) * held / count
    return held / neighbours(ax, ay, i, j, k)


@wp.func_native("""
    const int o = ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    for (int k = k0; k < k1; ++k) q_out.data[o + k] = q.data[o + k];""")
def copy_row(q: wp.array3d(dtype=float), q_out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int): ...


@wp.func
def hand_over(
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    last: int, q_out: wp.array3d(dtype=float), i: int, j: int, k: int,
):  # fmt: skip
    here = openness(ax, ay, az, i, j, k)
    total = q[i + 3, j + 3, k + 3] * here
    if last == 0 or here > 0.0:
        to = wp.vec3i(i, j, k)
        total += share(q, ax, ay, az, i - 1, j, k, to, here) + share(q, ax, ay, az, i + 1, j, k, to, here)
        total += share(q, ax, ay, az, i, j - 1, k, to, here) + share(q, ax, ay, az, i, j + 1, k, to, here)
        total += share(q, ax, ay, az, i, j, k - 1, to, here) + share(q, ax, ay, az, i, j, k + 1, to, here)
    q_out[i + 3, j + 3, k + 3] = total


@wp.kernel
def hand_over_kernel(
    # inputs
    q: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    rows: wp.array2d(dtype=int), last: int, chunk: int,
    # outputs
    q_out: wp.array3d(dtype=float),
):  # fmt: skip
    """Cells that a body has closed hand their density on, one cell outwards per call; the last call empties them.

    ``rows`` says which rows have such cells (``trapped_kernel``): others far from them are copied.
    """
    i, j, c = wp.tid()
    k0 = c * chunk
    k1 = wp.min(k0 + chunk, az.shape[2] - 1)
    near = rows[i, j] + rows[wp.max(i - 1, 0), j] + rows[wp.min(i + 1, rows.shape[0] - 1), j]
    near += rows[i, wp.max(j - 1, 0)] + rows[i, wp.min(j + 1, rows.shape[1] - 1)]
    if near == 0:
        copy_row(q, q_out, i, j, k0, k1)
        return
    for k in range(k0, k1):
        hand_over(q, ax, ay, az, last, q_out, i, j, k)


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
