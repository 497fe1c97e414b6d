"""Outer forces on cloth: gravity, and wind on each panel, which is a triangle, or a cell of a grid.

    F = A rho/2 (Cn |u.n| (u.n) n + Ct |u| u_t),   u = wind - velocity of the panel, u_t = u - (u.n) n,

each coefficient bounded so that h dF/du / mass is at most 1/2: air brings light fabric to its own speed and never
beyond, and the substeps of stiff sheets stay stable (explicit damping g leaves a mode w the bound h^2 w^2 < 4 - 2 h g).
Below that bound the balance does not know the substep h. The wind is that of the substep, or of the gas in whose box
the panel is, plus frozen eddies that it carries past, waves of fluid velocity across their direction:

    u' = sum_m a_m wave(k_m . x + phase_m(t)),    wave: a sine made of parabolas, 16 s (1/2 - |s|), s in -1/2 to 1/2.

Grids go row by row through vector code on a CPU, and cell by cell elsewhere; they agree to rounding.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths
from physim_kernels.cloth_grid import Grids

wp.set_module_options({"enable_backward": False})


@wp.struct
class Air:
    """Gravity, wind and impulses of one frame."""

    gravity: wp.array(dtype=wp.vec3)  # of each substep of the frame [m/s^2]
    wind: wp.array(dtype=wp.vec3)  # of each substep of the frame [m/s]
    eddy: wp.array(dtype=wp.vec3)  # a_m [m/s]
    eddy_wave: wp.array(dtype=wp.vec3)  # k_m [1/m], cycles per length
    eddy_phase: wp.array(dtype=float)  # per substep and eddy [cycles]
    eddies: int
    normal: wp.array(dtype=float)  # per cloth: rho Cn / 2 [kg/m^3]
    tangent: wp.array(dtype=float)  # per cloth: rho Ct / 2
    density: wp.array(dtype=float)  # per cloth [kg/m^2]
    panel: wp.array(dtype=wp.vec3i)  # triangles of cloths that are no grids
    share: wp.array(dtype=float)  # their area at rest [m^2]
    press: wp.array(dtype=wp.vec3)  # a third of the wind's force on each [N]
    first: wp.array(dtype=int)  # per vertex: its triangles, and the end
    triangle: wp.array(dtype=int)
    cell_press: wp.array(dtype=wp.vec3)  # per vertex: a quarter of the force on the cell above and to the right [N]
    push: wp.array(dtype=wp.vec3)  # per substep and cloth: change of velocity by impulses [m/s]
    row_grid: wp.array(dtype=int)  # rows of all grids
    row: wp.array(dtype=int)
    rows: int
    panels: int
    cloths: int
    blows: int  # 1 if there is any wind or air resistance
    has_gas: int  # 1 where a gas knows the wind inside of its box better
    gas: wp.array3d(dtype=wp.vec3)  # its velocity in cells [m/s]
    gas_origin: wp.vec3  # lower corner of the box [m]
    gas_cell: float  # [m]


@wp.func
def wave(cycles: float):
    s = cycles - wp.floor(cycles + 0.5)
    return 16.0 * s * (0.5 - wp.abs(s))


GAS_RIM = wp.constant(2.0)
"""Width of the layer in which the wind of a gas passes into that of the surroundings [cells]."""


@wp.func
def gas_wind(air: Air, k: int, x: wp.vec3):
    """What the gas adds to the wind of substep ``k`` at x: between the cells linear, nothing outside of its box."""
    p = (x - air.gas_origin) / air.gas_cell
    share = float(1.0)
    for axis in range(3):
        n = float(air.gas.shape[axis])
        share *= wp.clamp(wp.min(p[axis], n - p[axis]) / GAS_RIM, 0.0, 1.0)
    if share == 0.0:
        return wp.vec3(0.0, 0.0, 0.0)
    i = wp.clamp(int(wp.floor(p[0] - 0.5)), 0, air.gas.shape[0] - 2)
    j = wp.clamp(int(wp.floor(p[1] - 0.5)), 0, air.gas.shape[1] - 2)
    c = wp.clamp(int(wp.floor(p[2] - 0.5)), 0, air.gas.shape[2] - 2)
    a = wp.clamp(p[0] - 0.5 - float(i), 0.0, 1.0)
    b = wp.clamp(p[1] - 0.5 - float(j), 0.0, 1.0)
    d = wp.clamp(p[2] - 0.5 - float(c), 0.0, 1.0)
    u = air.gas
    m = i + 1
    near = wp.lerp(wp.lerp(u[i, j, c], u[i, j, c + 1], d), wp.lerp(u[i, j + 1, c], u[i, j + 1, c + 1], d), b)
    far = wp.lerp(wp.lerp(u[m, j, c], u[m, j, c + 1], d), wp.lerp(u[m, j + 1, c], u[m, j + 1, c + 1], d), b)
    return share * (wp.lerp(near, far, a) - air.wind[k])


@wp.func
def wind_at(air: Air, k: int, x: wp.vec3):
    """Velocity of the air in substep ``k`` at x."""
    u = air.wind[k]
    if air.has_gas == 1:
        u += gas_wind(air, k, x)
    for m in range(air.eddies):
        u += air.eddy[m] * wave(wp.dot(air.eddy_wave[m], x) + air.eddy_phase[k * air.eddies + m])
    return u


@wp.func
def panel_force(cross: wp.vec3, u: wp.vec3, normal: float, tangent: float, rate: float):
    """Force per area at rest, times the area; ``cross`` is the normal times the area, ``rate`` h area / mass."""
    area = wp.length(cross)
    n = cross / wp.max(area, 1.0e-20)
    un = wp.dot(u, n)
    a = normal * wp.abs(un)
    b = tangent * wp.length(u)
    along = a / wp.max(1.0, 4.0 * rate * a)
    across = b / wp.max(1.0, 4.0 * rate * b)
    return area * (along * un * n + across * (u - un * n))


@wp.kernel
def triangle_kernel(cloths: Cloths, air: Air, k: int, h: float):
    t = wp.tid()
    c = air.panel[t]
    number = cloths.cloth[c[0]]
    a = cloths.x[c[0]]
    cross = 0.5 * wp.cross(cloths.x[c[1]] - a, cloths.x[c[2]] - a)
    middle = (a + cloths.x[c[1]] + cloths.x[c[2]]) / 3.0
    u = wind_at(air, k, middle) - (cloths.v[c[0]] + cloths.v[c[1]] + cloths.v[c[2]]) / 3.0
    rate = h * wp.length(cross) / (air.share[t] * air.density[number])
    air.press[t] = panel_force(cross, u, air.normal[number], air.tangent[number], rate) / 3.0


@wp.kernel
def cell_kernel(cloths: Cloths, g: Grids, air: Air, k: int, h: float):
    i = wp.tid()
    q = g.grid[i]
    if q >= 0:
        n = g.cells[q][0] + 1
        slot = i - g.start[q]
        if slot % n < n - 1 and slot // n < g.cells[q][1]:
            number = cloths.cloth[i]
            a = cloths.x[i]
            b = cloths.x[i + 1]
            c = cloths.x[i + n]
            d = cloths.x[i + n + 1]
            cross = 0.5 * wp.cross(d - a, c - b)
            v = 0.25 * (cloths.v[i] + cloths.v[i + 1] + cloths.v[i + n] + cloths.v[i + n + 1])
            u = wind_at(air, k, 0.25 * (a + b + c + d)) - v
            rate = h * wp.length(cross) / (g.spacing[q][0] * g.spacing[q][1] * air.density[number])
            air.cell_press[i] = 0.25 * panel_force(cross, u, air.normal[number], air.tangent[number], rate)


@wp.kernel
def outer_kernel(cloths: Cloths, g: Grids, air: Air, k: int):
    i = wp.tid()
    acc = air.gravity[k]
    if air.blows == 1:
        f = wp.vec3(0.0, 0.0, 0.0)
        for j in range(air.first[i], air.first[i + 1]):
            f += air.press[air.triangle[j]]
        q = g.grid[i]
        if q >= 0:
            n = g.cells[q][0] + 1
            column = (i - g.start[q]) % n
            row = (i - g.start[q]) // n
            for r in range(2):
                for s in range(2):
                    if row - r >= 0 and row - r < g.cells[q][1] and column - s >= 0 and column - s < n - 1:
                        f += air.cell_press[i - r * n - s]
        acc += f / cloths.mass[i]
    cloths.acc[i] = acc
    if cloths.inv_mass[i] > 0.0:
        cloths.v[i] = cloths.v[i] + air.push[k * air.cloths + cloths.cloth[i]]


@wp.func_native("""
    const float *X = (const float*)cloths.x.data + 3 * i, *W = (const float*)air.wind.data + 3 * k;
    const float *E = (const float*)air.eddy.data, *K = (const float*)air.eddy_wave.data;
    const float* F = air.eddy_phase.data + k * air.eddies;
    float* O = (float*)air.cell_press.data + 3 * i;
    const int up = 3 * n;
    const float wx = W[0], wy = W[1], wz = W[2];
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) { O[3 * j] = wx; O[3 * j + 1] = wy; O[3 * j + 2] = wz; }
    for (int m = 0; m < air.eddies; ++m) {
        const float kx = 0.25f * K[3 * m], ky = 0.25f * K[3 * m + 1], kz = 0.25f * K[3 * m + 2], phase = F[m];
        const float ex = E[3 * m], ey = E[3 * m + 1], ez = E[3 * m + 2];
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n - 1; ++j) {
            const float *a = X + 3 * j, *b = a + 3, *c = a + up, *d = c + 3;
            const float cycles = kx * (a[0] + b[0] + c[0] + d[0]) + ky * (a[1] + b[1] + c[1] + d[1])
                               + kz * (a[2] + b[2] + c[2] + d[2]) + phase;
            const float s = cycles + 0.5f, whole = (float)(int)s, t = s - (whole > s ? whole - 1.0f : whole) - 0.5f;
            const float y = 16.0f * t * (0.5f - (t < 0.0f ? -t : t));
            O[3 * j] += ex * y; O[3 * j + 1] += ey * y; O[3 * j + 2] += ez * y;
        }
    }""")
def air_row(cloths: Cloths, air: Air, i: int, n: int, k: int): ...


@wp.func_native("""
    const float *X = (const float*)cloths.x.data + 3 * i, *V = (const float*)cloths.v.data + 3 * i;
    float* O = (float*)air.cell_press.data + 3 * i;
    const int up = 3 * n;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n - 1; ++j) {
        const float *a = X + 3 * j, *b = a + 3, *c = a + up, *d = c + 3;
        const float *p = V + 3 * j, *q = p + 3, *r = p + up, *s = r + 3;
        const float ex = d[0] - a[0], ey = d[1] - a[1], ez = d[2] - a[2];
        const float fx = c[0] - b[0], fy = c[1] - b[1], fz = c[2] - b[2];
        const float cx = 0.5f * (ey * fz - ez * fy), cy = 0.5f * (ez * fx - ex * fz), cz = 0.5f * (ex * fy - ey * fx);
        const float ux = O[3 * j] - 0.25f * (p[0] + q[0] + r[0] + s[0]);
        const float uy = O[3 * j + 1] - 0.25f * (p[1] + q[1] + r[1] + s[1]);
        const float uz = O[3 * j + 2] - 0.25f * (p[2] + q[2] + r[2] + s[2]);
        const float area = sqrtf(cx * cx + cy * cy + cz * cz), per = 1.0f / (area + 1e-20f);
        const float nx = cx * per, ny = cy * per, nz = cz * per;
        const float un = ux * nx + uy * ny + uz * nz, speed = sqrtf(ux * ux + uy * uy + uz * uz);
        const float ka = normal * fabsf(un), kb = tangent * speed, rate = over * area;
        const float la = 4.0f * rate * ka, lb = 4.0f * rate * kb;
        const float fa = ka / (la > 1.0f ? la : 1.0f), fb = kb / (lb > 1.0f ? lb : 1.0f);
        const float along = (fa - fb) * un, quarter = 0.25f * area;
        O[3 * j] = quarter * (along * nx + fb * ux);
        O[3 * j + 1] = quarter * (along * ny + fb * uy);
        O[3 * j + 2] = quarter * (along * nz + fb * uz);
    }
    for (int c = 1; c < 4; ++c) O[up - c] = 0.0f;""")
def cell_row(
    cloths: Cloths, air: Air, i: int, n: int, normal: float, tangent: float, over: float
): ...  # fmt: skip


@wp.func_native("""
    const float *P = (const float*)air.cell_press.data + 3 * i, *M = cloths.mass.data + i;
    float* A = (float*)cloths.acc.data + 3 * i;
    const int up = below ? 3 * n : 0;
    const float low = below ? 1.0f : 0.0f, high = above ? 1.0f : 0.0f;
    const float* G = (const float*)air.gravity.data + 3 * k;
    for (int c = 0; c < 3; ++c) A[c] = G[c] + (high * P[c] + low * P[c - up]) / M[0];
    const float gx = G[0], gy = G[1], gz = G[2];
    #pragma clang loop vectorize(assume_safety)
    for (int j = 1; j < n; ++j) {
        const float m = 1.0f / M[j];
        const float* p = P + 3 * j;
        A[3 * j] = gx + m * (high * (p[0] + p[-3]) + low * (p[-up] + p[-up - 3]));
        A[3 * j + 1] = gy + m * (high * (p[1] + p[-2]) + low * (p[1 - up] + p[-up - 2]));
        A[3 * j + 2] = gz + m * (high * (p[2] + p[-1]) + low * (p[2 - up] + p[-up - 1]));
    }""")
def collect_row(cloths: Cloths, air: Air, i: int, n: int, below: int, above: int, k: int): ...


@wp.kernel
def cell_row_kernel(cloths: Cloths, g: Grids, air: Air, k: int, h: float):
    t = wp.tid()
    q = air.row_grid[t]
    row = air.row[t]
    n = g.cells[q][0] + 1
    i = g.start[q] + row * n
    if row < g.cells[q][1]:
        number = cloths.cloth[i]
        over = h / (g.spacing[q][0] * g.spacing[q][1] * air.density[number])
        air_row(cloths, air, i, n, k)
        if air.has_gas == 1:
            for c in range(i, i + n - 1):
                middle = 0.25 * (cloths.x[c] + cloths.x[c + 1] + cloths.x[c + n] + cloths.x[c + n + 1])
                air.cell_press[c] = air.cell_press[c] + gas_wind(air, k, middle)
        cell_row(cloths, air, i, n, air.normal[number], air.tangent[number], over)


@wp.kernel
def collect_row_kernel(cloths: Cloths, g: Grids, air: Air, k: int):
    t = wp.tid()
    q = air.row_grid[t]
    row = air.row[t]
    n = g.cells[q][0] + 1
    i = g.start[q] + row * n
    collect_row(cloths, air, i, n, wp.where(row > 0, 1, 0), wp.where(row < g.cells[q][1], 1, 0), k)


@wp.kernel
def push_kernel(cloths: Cloths, air: Air, k: int):
    i = wp.tid()
    if cloths.inv_mass[i] > 0.0:
        cloths.v[i] = cloths.v[i] + air.push[k * air.cloths + cloths.cloth[i]]


def outer(cloths: Cloths, grids: Grids, air: Air, *, k, h, pushed, plain, device):
    """Gravity and wind of substep ``k`` of the frame, of length ``h`` [s], into ``cloths.acc``; impulses into ``v``.

    ``plain``: one thread per vertex; ``pushed``: there are impulses.
    """
    if air.blows and air.panels:
        wp.launch(triangle_kernel, dim=air.panels, inputs=[cloths, air, k, h], device=device)
    if plain or air.panels or not air.blows:
        if air.blows and grids.count:
            wp.launch(cell_kernel, dim=cloths.vertex_total, inputs=[cloths, grids, air, k, h], device=device)
        wp.launch(outer_kernel, dim=cloths.vertex_total, inputs=[cloths, grids, air, k], device=device)
        return
    wp.launch(cell_row_kernel, dim=air.rows, inputs=[cloths, grids, air, k, h], device=device)
    wp.launch(collect_row_kernel, dim=air.rows, inputs=[cloths, grids, air, k], device=device)
    if pushed:
        wp.launch(push_kernel, dim=cloths.vertex_total, inputs=[cloths, air, k], device=device)
