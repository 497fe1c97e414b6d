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


@wp.func_native("""
    const float* Q = q.data + ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    int found = 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < q.shape[2] - 6; ++k) found |= Q[k] != 0.0f ? 1 : 0;
    return found;""")
def occupied(q: wp.array3d(dtype=float), i: int, j: int) -> int: ...


@wp.kernel
def occupied_kernel(q: wp.array3d(dtype=float), rows: wp.array2d(dtype=int)):
    """Whether there is any density in a row."""
    i, j = wp.tid()
    rows[i, j] = occupied(q, i, j)


@wp.kernel
def near_kernel(rows: wp.array2d(dtype=int), axis: int, distance: int, out: wp.array2d(dtype=int)):
    """Whether a row of which that is so is no farther along ``axis``."""
    i, j = wp.tid()
    found = int(0)
    for n in range(-distance, distance + 1):
        x = wp.where(axis == 0, i + n, i)
        y = wp.where(axis == 1, j + n, j)
        if x >= 0 and y >= 0 and x < rows.shape[0] and y < rows.shape[1]:
            found = found | rows[x, y]
    out[i, j] = found


@wp.func
def is_reached(rows: wp.array2d(dtype=int), axis: int, i: int, j: int) -> bool:
    """Whether one of the two cells beside a face is in a row that takes part."""
    a, b = wp.min(i, rows.shape[0] - 1), wp.min(j, rows.shape[1] - 1)
    if rows[a, b] != 0:
        return True
    if axis == 0:
        return rows[wp.max(i - 1, 0), b] != 0
    if axis == 1:
        return rows[a, wp.max(j - 1, 0)] != 0
    return False


@wp.func_native("""
    const int n = u.shape[axis] - 1, at = axis == 0 ? i : j;
    float* F = flux.data + ((i + 3) * flux.shape[1] + j + 3) * flux.shape[2] + 3;
    if (axis == 2) {
        if (k0 == 0) F[0] = 0.0f;
        if (k1 == n + 1) F[n] = 0.0f;
    } else if (at == 0 || at == n) {
        for (int k = k0; k < k1; ++k) F[k] = 0.0f;
    }""")
def no_outflow(
    u: wp.array3d(dtype=float), axis: int, flux: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def flux_kernel(
    # inputs: ``rows`` (nx, ny) that take part
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), u: wp.array3d(dtype=float),
    area: wp.array3d(dtype=float), rows: wp.array2d(dtype=int), axis: int, courant: float, through: int, chunk: int,
    # outputs
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float),
):  # fmt: skip
    """Mass and volume through the faces across ``axis``; ``courant`` turns ``u`` [m/s] into cells per sub-step.

    ``through`` has bit 1 (2) where gas flows in or out over the first (last) side at a given velocity.
    """
    i, j, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, u.shape[2])
    if not is_reached(rows, axis, i, j):
        no_outflow(u, axis, flux, i, j, c * chunk, k1)
        return
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
    flux: wp.array3d(dtype=float), volume_flux: wp.array3d(dtype=float), rows: wp.array2d(dtype=int), axis: int,
    chunk: int,
    # in and out
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, c = wp.tid()
    if rows[i, j] == 0:
        return
    update_row(flux, volume_flux, axis, q, volume, i, j, c * chunk, wp.min((c + 1) * chunk, q.shape[2] - 6))


@wp.func_native("""
    const int o = ((i + 3) * q.shape[1] + j + 3) * q.shape[2] + 3;
    float *Q = q.data + o, *V = volume.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float left = Q[k] * V[k] * keep;  // all the mass, whatever divergence the projection left
        // a trace would reach one more row per sub-step; the ledger has what this takes
        Q[k] = left > 1e-9f ? left : 0.0f;
        V[k] = 1.0f;
    }""")
def settle_row(
    q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float), keep: float, i: int, j: int, k0: int, k1: int
): ...


@wp.kernel
def settle_kernel(
    keep: float, rows: wp.array2d(dtype=int), chunk: int, q: wp.array3d(dtype=float), volume: wp.array3d(dtype=float)
):
    """After the last sweep: back to unit volumes, and the part ``keep`` of the density that did not fade."""
    i, j, c = wp.tid()
    if rows[i, j] == 0:
        return
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
