"""Bending of a rectangular grid of cells: the plate energy of ``physim/cloth_plate.py``, by finite differences.

At the vertices x_uu and x_vv, in the cells x_uv, and from them the moments

    M_u = A (D11 (x_uu + m_u n) + D12 (x_vv + m_v n)),  M_v likewise,  M_t = A 4 D66 (x_uv + m_t n),

m the memory of the loss (see ``cloth_bend.py``), n the normal. The force is minus their transposed differences. At an
edge of the sheet the curvature across it is free and costs nothing: rows of the border have M_v = 0 and, of M_u, the
rigidity of a strip. Two second differences in a row keep the digits that one fourth difference would lose.

On a CPU whole rows go through vector code, on a GPU one thread takes one vertex. They agree to rounding.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths

wp.set_module_options({"enable_backward": False})


@wp.struct
class Plates:
    # per grid
    start: wp.array(dtype=int)  # its first vertex
    cells: wp.array(dtype=wp.vec2i)
    spacing: wp.array(dtype=wp.vec2)  # [m]
    rigidity: wp.array(dtype=wp.vec4)  # A (D11, D22, D12, 4 D66) [N m^3]
    strip: wp.array(dtype=wp.vec2)  # A B / 2 of the border, warp and weft
    loss: wp.array(dtype=wp.vec2)  # share; decay in one bending step
    # per row of all grids
    row_grid: wp.array(dtype=int)
    row: wp.array(dtype=int)
    # per vertex
    memory: wp.array(dtype=wp.vec3)  # of uu, vv, and of uv in the cell above and to the right [1/m]
    moment_u: wp.array(dtype=wp.vec3)  # [N m^2]
    moment_v: wp.array(dtype=wp.vec3)
    moment_t: wp.array(dtype=wp.vec3)
    grid: wp.array(dtype=int)  # -1: not of these
    rows: int


@wp.func_native("""
    const float *X = (const float*)x.data + 3 * i, *L = (const float*)lo.data + 3 * i;
    float *U = (float*)mu.data + 3 * i, *V = (float*)mv.data + 3 * i;
    const int up = 3 * n;
    const float au = 1.0f / (dx * dx), av = 1.0f / (dy * dy);
    if (!inner) {
        #pragma clang loop vectorize(assume_safety)
        for (int j = 3; j < up - 3; ++j) {
            const float u = (X[j + 3] - X[j]) + (X[j - 3] - X[j]) + ((L[j + 3] - L[j]) + (L[j - 3] - L[j]));
            U[j] = su * au * u; V[j] = 0.0f;
        }
        for (int k = 0; k < 3; ++k) V[k] = V[up - 3 + k] = 0.0f;
    } else {
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < up; ++j)
            V[j] = av * ((X[j + up] - X[j]) + (X[j - up] - X[j]) + ((L[j + up] - L[j]) + (L[j - up] - L[j])));
        #pragma clang loop vectorize(assume_safety)
        for (int j = 3; j < up - 3; ++j) {
            const float u = au * ((X[j + 3] - X[j]) + (X[j - 3] - X[j]) + ((L[j + 3] - L[j]) + (L[j - 3] - L[j])));
            const float v = V[j];
            U[j] = d11 * u + d12 * v; V[j] = d22 * v + d12 * u;
        }
        for (int k = 0; k < 3; ++k) { V[k] *= sv; V[up - 3 + k] *= sv; }
    }
    for (int k = 0; k < 3; ++k) U[k] = U[up - 3 + k] = 0.0f;""")
def moment_row(
    x: wp.array(dtype=wp.vec3), lo: wp.array(dtype=wp.vec3), i: int, n: int, inner: int, dx: float, dy: float,
    d11: float, d22: float, d12: float, su: float, sv: float, mu: wp.array(dtype=wp.vec3), mv: wp.array(dtype=wp.vec3),
): ...  # fmt: skip


@wp.func_native("""
    const float *X = (const float*)x.data + 3 * i, *L = (const float*)lo.data + 3 * i;
    float* T = (float*)mt.data + 3 * i;
    const int up = 3 * n;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < up - 3; ++j)
        T[j] = d66 * ((X[j + up + 3] - X[j + up]) - (X[j + 3] - X[j])
                    + ((L[j + up + 3] - L[j + up]) - (L[j + 3] - L[j])));
    for (int k = 1; k < 4; ++k) T[up - k] = 0.0f;""")
def twist_row(
    x: wp.array(dtype=wp.vec3), lo: wp.array(dtype=wp.vec3), i: int, n: int, d66: float, mt: wp.array(dtype=wp.vec3)
): ...  # fmt: skip


@wp.func_native("""
    const float *X = (const float*)x.data + 3 * i, *V = (const float*)v.data + 3 * i;
    float *M = (float*)memory.data + 3 * i, *U = (float*)mu.data + 3 * i, *W = (float*)mv.data + 3 * i;
    const int up = inner > 0 ? 3 * n : 0;
    const float au = rate / (dx * dx), av = rate / (dy * dy);
    const int above = row < ny ? 3 * n : 0, below = row > 0 ? 3 * n : 0;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 1; k < n - 1; ++k) {
        const int j = 3 * k;
        const float ax = X[j + 3] - X[j - 3], ay = X[j + 4] - X[j - 2], az = X[j + 5] - X[j - 1];
        const float bx = X[j + above] - X[j - below], by = X[j + above + 1] - X[j - below + 1];
        const float bz = X[j + above + 2] - X[j - below + 2];
        float nx = ay * bz - az * by, ny_ = az * bx - ax * bz, nz = ax * by - ay * bx;
        const float scale = 1.0f / sqrtf(nx * nx + ny_ * ny_ + nz * nz + 1e-30f);
        nx *= scale; ny_ *= scale; nz *= scale;
        const float u = (V[j + 3] + V[j - 3] - 2.0f * V[j]) * nx + (V[j + 4] + V[j - 2] - 2.0f * V[j + 1]) * ny_
                      + (V[j + 5] + V[j - 1] - 2.0f * V[j + 2]) * nz;
        const float w = (V[j + up] + V[j - up] - 2.0f * V[j]) * nx
                      + (V[j + up + 1] + V[j - up + 1] - 2.0f * V[j + 1]) * ny_
                      + (V[j + up + 2] + V[j - up + 2] - 2.0f * V[j + 2]) * nz;
        const float mu_ = (M[j] + au * u) * decay, mv_ = (M[j + 1] + av * w) * decay;
        M[j] = mu_; M[j + 1] = mv_;
        const float a = c11 * mu_ + c12 * mv_, b = c22 * mv_ + c12 * mu_;
        U[j] += a * nx; U[j + 1] += a * ny_; U[j + 2] += a * nz;
        W[j] += b * nx; W[j + 1] += b * ny_; W[j + 2] += b * nz;
    }""")
def loss_row(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), i: int, n: int, row: int, ny: int, inner: int, dx: float,
    dy: float, c11: float, c22: float, c12: float, rate: float, decay: float, memory: wp.array(dtype=wp.vec3),
    mu: wp.array(dtype=wp.vec3), mv: wp.array(dtype=wp.vec3),
): ...  # fmt: skip


@wp.func_native("""
    const int up = 3 * n;
    const float *X = (const float*)x.data + 3 * i, *V = (const float*)v.data + 3 * i;
    float *M = (float*)memory.data + 3 * i, *T = (float*)mt.data + 3 * i;
    #pragma clang loop vectorize(assume_safety)
    for (int k = 0; k < n - 1; ++k) {
        const int j = 3 * k;
        const float ax = X[j + up + 3] - X[j], ay = X[j + up + 4] - X[j + 1], az = X[j + up + 5] - X[j + 2];
        const float bx = X[j + up] - X[j + 3], by = X[j + up + 1] - X[j + 4], bz = X[j + up + 2] - X[j + 5];
        float nx = ay * bz - az * by, ny = az * bx - ax * bz, nz = ax * by - ay * bx;
        const float scale = 1.0f / sqrtf(nx * nx + ny * ny + nz * nz + 1e-30f);
        nx *= scale; ny *= scale; nz *= scale;
        const float t = (V[j + up + 3] - V[j + up] - V[j + 3] + V[j]) * nx
                      + (V[j + up + 4] - V[j + up + 1] - V[j + 4] + V[j + 1]) * ny
                      + (V[j + up + 5] - V[j + up + 2] - V[j + 5] + V[j + 2]) * nz;
        const float m = (M[j + 2] + rate * t) * decay, c = stiff * m;
        M[j + 2] = m;
        T[j] += c * nx; T[j + 1] += c * ny; T[j + 2] += c * nz;
    }""")
def twist_loss_row(
    x: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), i: int, n: int, stiff: float, rate: float, decay: float,
    memory: wp.array(dtype=wp.vec3), mt: wp.array(dtype=wp.vec3),
): ...  # fmt: skip


@wp.func_native("""
    const float *U = (const float*)mu.data + 3 * i, *W = (const float*)mv.data + 3 * i;
    const float* T = (const float*)mt.data + 3 * i;
    float *V = (float*)v.data + 3 * i, *P = (float*)pull.data + 3 * i;
    const float* I = inverse.data + i;
    const int up = 3 * n, above = row < ny ? up : 0, below = row > 0 ? up : 0;
    const float ka = row < ny ? 1.0f : 0.0f, kb = row > 0 ? 1.0f : 0.0f;
    const float au = 1.0f / (dx * dx), av = 1.0f / (dy * dy), at = 1.0f / (dx * dy);
    for (int k = 0; k < n; k += (k == 0 && n > 2) ? 1 : (k < n - 2 ? n - 2 : 1)) {
        const int k1 = (k == 0) ? 1 : (k < n - 1 ? n - 1 : n);
        const int l = k > 0 ? 3 : 0, r = k1 < n ? 3 : 0;
        const float kl = k > 0 ? 1.0f : 0.0f, kr = k1 < n ? 1.0f : 0.0f;
        #pragma clang loop vectorize(assume_safety)
        for (int q = k; q < k1; ++q) {
            const float m = I[q], step = m > 0.0f ? dt * m : 0.0f, held = m > 0.0f ? 0.0f : dt;
            for (int c = 0; c < 3; ++c) {
                const int j = 3 * q + c;
                const float f = au * (kl * U[j - l] + kr * U[j + r] - 2.0f * U[j])
                              + av * (ka * W[j + above] + kb * W[j - below] - 2.0f * W[j])
                              + at * (ka * (kr * T[j] - kl * T[j - l])
                                    - kb * (kr * T[j - below] - kl * T[j - below - l]));
                V[j] -= step * f;
                P[j] -= held * f;
            }
        }
    }""")
def bend_row(
    mu: wp.array(dtype=wp.vec3), mv: wp.array(dtype=wp.vec3), mt: wp.array(dtype=wp.vec3),
    inverse: wp.array(dtype=float), i: int, n: int, row: int, ny: int, dx: float, dy: float, dt: float,
    v: wp.array(dtype=wp.vec3), pull: wp.array(dtype=wp.vec3),
): ...  # fmt: skip


@wp.kernel
def moment_row_kernel(cloths: Cloths, g: Plates, dt: float, lossy: int):
    t = wp.tid()
    q = g.row_grid[t]
    row = g.row[t]
    n = g.cells[q][0] + 1
    ny = g.cells[q][1]
    i = g.start[q] + row * n
    inner = int(0)
    if row > 0 and row < ny:
        inner = 1
    dx = g.spacing[q][0]
    dy = g.spacing[q][1]
    d = g.rigidity[q]
    strip = g.strip[q]
    moment_row(cloths.x, cloths.x_lo, i, n, inner, dx, dy, d[0], d[1], d[2], strip[0], strip[1], g.moment_u, g.moment_v)
    if row < ny:
        twist_row(cloths.x, cloths.x_lo, i, n, d[3] / (dx * dy), g.moment_t)
    loss = g.loss[q]
    if lossy == 1 and loss[0] > 0.0:
        rate = loss[0] * dt
        if inner == 1:
            loss_row(
                cloths.x, cloths.v, i, n, row, ny, 1, dx, dy, d[0], d[1], d[2], rate, loss[1], g.memory, g.moment_u,
                g.moment_v,
            )  # fmt: skip
        else:
            loss_row(
                cloths.x, cloths.v, i, n, row, ny, 0, dx, dy, strip[0], 0.0, 0.0, rate, loss[1], g.memory, g.moment_u,
                g.moment_v,
            )  # fmt: skip
        if row < ny:
            twist_loss_row(cloths.x, cloths.v, i, n, d[3], rate / (dx * dy), loss[1], g.memory, g.moment_t)


@wp.kernel
def bend_row_kernel(cloths: Cloths, g: Plates, dt: float):
    t = wp.tid()
    q = g.row_grid[t]
    row = g.row[t]
    n = g.cells[q][0] + 1
    i = g.start[q] + row * n
    bend_row(
        g.moment_u, g.moment_v, g.moment_t, cloths.inv_mass, i, n, row, g.cells[q][1], g.spacing[q][0], g.spacing[q][1],
        dt, cloths.v, cloths.pull,
    )  # fmt: skip


@wp.func
def second(cloths: Cloths, i: int, stride: int):
    """x[i + stride] - 2 x[i] + x[i - stride], to the last digit kept."""
    x = cloths.x[i]
    lo = cloths.x_lo[i]
    return ((cloths.x[i + stride] - x) + (cloths.x[i - stride] - x)) + (
        (cloths.x_lo[i + stride] - lo) + (cloths.x_lo[i - stride] - lo)
    )


@wp.func
def normal_at(cloths: Cloths, i: int, left: int, right: int, below: int, above: int):
    return wp.normalize(wp.cross(cloths.x[i + right] - cloths.x[i - left], cloths.x[i + above] - cloths.x[i - below]))


@wp.kernel
def moment_kernel(cloths: Cloths, g: Plates, dt: float, lossy: int):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        nx = g.cells[q][0]
        ny = g.cells[q][1]
        n = nx + 1
        k = (i - g.start[q]) % n
        row = (i - g.start[q]) // n
        dx = g.spacing[q][0]
        dy = g.spacing[q][1]
        d = g.rigidity[q]
        loss = g.loss[q]
        memory = g.memory[i]
        has_u = k > 0 and k < nx
        has_v = row > 0 and row < ny
        u = wp.vec3(0.0, 0.0, 0.0)
        v = wp.vec3(0.0, 0.0, 0.0)
        twist = wp.vec3(0.0, 0.0, 0.0)
        if has_u:
            u = second(cloths, i, 1) / (dx * dx)
        if has_v:
            v = second(cloths, i, n) / (dy * dy)
        if lossy == 1 and loss[0] > 0.0 and has_u:
            below = wp.where(row > 0, n, 0)
            above = wp.where(row < ny, n, 0)
            normal = normal_at(cloths, i, 1, 1, below, above)
            here = cloths.v[i]
            rate = wp.dot(cloths.v[i + 1] + cloths.v[i - 1] - 2.0 * here, normal) / (dx * dx)
            memory[0] = (memory[0] + loss[0] * dt * rate) * loss[1]
            u += memory[0] * normal
            if has_v:
                rate = wp.dot(cloths.v[i + n] + cloths.v[i - n] - 2.0 * here, normal) / (dy * dy)
                memory[1] = (memory[1] + loss[0] * dt * rate) * loss[1]
                v += memory[1] * normal
        if k < nx and row < ny:
            twist = (
                (cloths.x[i + n + 1] - cloths.x[i + n]) - (cloths.x[i + 1] - cloths.x[i])
                + ((cloths.x_lo[i + n + 1] - cloths.x_lo[i + n]) - (cloths.x_lo[i + 1] - cloths.x_lo[i]))
            ) / (dx * dy)  # fmt: skip
            if lossy == 1 and loss[0] > 0.0:
                normal = wp.normalize(wp.cross(cloths.x[i + n + 1] - cloths.x[i], cloths.x[i + n] - cloths.x[i + 1]))
                change = (cloths.v[i + n + 1] - cloths.v[i + n]) - (cloths.v[i + 1] - cloths.v[i])
                memory[2] = (memory[2] + loss[0] * dt * wp.dot(change, normal) / (dx * dy)) * loss[1]
                twist += memory[2] * normal
        g.memory[i] = memory
        if has_u and has_v:
            g.moment_u[i] = d[0] * u + d[2] * v
            g.moment_v[i] = d[1] * v + d[2] * u
        else:
            g.moment_u[i] = g.strip[q][0] * u
            g.moment_v[i] = g.strip[q][1] * v
        g.moment_t[i] = d[3] * twist


@wp.kernel
def bend_kernel(cloths: Cloths, g: Plates, dt: float):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        n = g.cells[q][0] + 1
        k = (i - g.start[q]) % n
        row = (i - g.start[q]) // n
        dx = g.spacing[q][0]
        dy = g.spacing[q][1]
        u = -2.0 * g.moment_u[i]
        v = -2.0 * g.moment_v[i]
        t = g.moment_t[i]
        if k > 0:
            u += g.moment_u[i - 1]
            t -= g.moment_t[i - 1]
        if k < n - 1:
            u += g.moment_u[i + 1]
        if row > 0:
            v += g.moment_v[i - n]
            t -= g.moment_t[i - n]
            if k > 0:
                t += g.moment_t[i - n - 1]
        if row < g.cells[q][1]:
            v += g.moment_v[i + n]
        f = -(u / (dx * dx) + v / (dy * dy) + t / (dx * dy))
        inverse = cloths.inv_mass[i]
        if inverse > 0.0:
            cloths.v[i] = cloths.v[i] + dt * inverse * f
        else:
            cloths.pull[i] = cloths.pull[i] + dt * f


def bend(cloths: Cloths, plates: Plates, *, dt, lossy, plain, device):
    """Change the velocities of grids by ``dt`` [s] of bending; ``plain``: one thread per vertex."""
    if plain:
        inputs = [cloths, plates, dt]
        wp.launch(moment_kernel, dim=cloths.vertex_total, inputs=[*inputs, int(lossy)], device=device)
        wp.launch(bend_kernel, dim=cloths.vertex_total, inputs=inputs, device=device)
    else:
        wp.launch(moment_row_kernel, dim=plates.rows, inputs=[cloths, plates, dt, int(lossy)], device=device)
        wp.launch(bend_row_kernel, dim=plates.rows, inputs=[cloths, plates, dt], device=device)
