"""Shallow water over a bed: staggered, momentum conserving, with shores that fall dry.

Depth h and surface eta = bed + h in cells, velocity u on the faces before them along x or z. One step of dt:

    u'   = (u - dt (g p + A)) / (1 + dt (c_f |u| / h + r))
    A    = (q_e (u_e - u) - q_w (u_w - u) + q_n (u_n - u) - q_s (u_s - u)) / (h dx)
    q    = u' (eta_up - max(bed, bed_before))          eta_up: limited upwind value
    h'   = h - dt / dx (q_e - q_w + q_n - q_s)

p is the slope of the surface, as it is or with the dispersion of short waves put in by :mod:`physim_kernels.waves`.
The form of A makes h u conserved in bores (Stelling, Duinmeijer, "A staggered conservative scheme for every Froude
number in rapidly varied shallow water flows", Int. J. Numer. Meth. Fluids 43, 2003); u_e.. are upwind values with a
harmonic limiter (van Leer). Fluxes that would take more out of a cell than it holds are cut, so that h stays positive
and the volume is kept to rounding. A level surface gives p = 0 on every wet face: a lake at rest stays at rest.

Arrays are flat, of (rows + 4) x (columns + 4) cells with a rim of two on each side; the face before a cell along x or
z has its number. ``open`` is 1 for faces that water may pass. float64: what rests, rests. Kernels work on pieces of a
row of ``chunk`` cells: whole rows on a CPU, where clang vectorises them, single cells on a GPU.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

RIM = 2
"""Cells beyond the border on each side."""
DRY = 1.0e-9
"""Depth below which a face is dry [m]."""


@wp.func_native("""
    const double *E = eta.data, *B = bed.data, *O = open.data;
    double* P = slope.data;
    #pragma clang loop vectorize(assume_safety)
    for (int o = first; o < last; ++o) {
        const double top = E[o] > E[o - s] ? E[o] : E[o - s], sill = B[o] > B[o - s] ? B[o] : B[o - s];
        P[o] = top - sill > 1.0e-9 ? O[o] * (E[o] - E[o - s]) * inv_dx : 0.0;
    }""")
def slope_row(
    eta: wp.array(dtype=wp.float64), bed: wp.array(dtype=wp.float64), open: wp.array(dtype=wp.float64),
    slope: wp.array(dtype=wp.float64), inv_dx: wp.float64, s: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def slope_kernel(
    # inputs
    eta: wp.array(dtype=wp.float64), bed: wp.array(dtype=wp.float64), open: wp.array(dtype=wp.float64),
    inv_dx: wp.float64, s: int, width: int, chunk: int,
    # outputs
    slope: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Slope of the surface across wet faces [-]."""
    k, c = wp.tid()
    row = (k + RIM) * width
    last = row + wp.min(RIM + (c + 1) * chunk, width - 1)
    slope_row(eta, bed, open, slope, inv_dx, s, row + RIM + c * chunk, last)


@wp.func_native("""
    // s: to the next cell along the velocity's axis, t: across it
    const double *E = eta.data, *B = bed.data, *H = h.data, *U = u.data, *Q = q.data, *R = q_across.data;
    const double *P = slope.data, *O = open.data, *C = calm.data;
    double* N = u_out.data;
    // harmonic mean of two differences of one sign, else 0, halved
    const auto half = [](double a, double b) { return a * b > 1.0e-30 ? a * b / (a + b) : 0.0; };
    const auto carried = [=](double flux, const double* p, int d) {  // upwind between p[0] and p[d]
        const double ahead = p[0] + half(p[0] - p[-d], p[d] - p[0]);
        const double behind = p[d] - half(p[d] - p[0], p[2 * d] - p[d]);
        return flux > 0.0 ? ahead : behind;
    };
    #pragma clang loop vectorize(assume_safety)
    for (int o = first; o < last; ++o) {
        const double top = E[o] > E[o - s] ? E[o] : E[o - s], sill = B[o] > B[o - s] ? B[o] : B[o - s];
        const bool wet = top - sill > 1.0e-9;
        const double mean = 0.5 * (H[o] + H[o - s]), depth = mean > 1.0e-9 ? mean : 1.0e-9, v = U[o];
        const double qe = 0.5 * (Q[o] + Q[o + s]), qw = 0.5 * (Q[o] + Q[o - s]);
        const double qn = 0.5 * (R[o + t] + R[o + t - s]), qs = 0.5 * (R[o] + R[o - s]);
        const double advection = qe * (carried(qe, U + o, s) - v) - qw * (carried(qw, U + o - s, s) - v)
            + qn * (carried(qn, U + o, t) - v) - qs * (carried(qs, U + o - t, t) - v);
        const double rest = 0.5 * (C[o] + C[o - s]), size = v < 0.0 ? -v : v;
        const double next = v - dt * (gravity * P[o] + advection * inv_dx / depth) + dt * rest * current;
        N[o] = wet ? O[o] * next / (1.0 + dt * (drag * size / depth + rest)) : 0.0;
    }""")
def momentum_row(
    eta: wp.array(dtype=wp.float64), bed: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    u: wp.array(dtype=wp.float64), q: wp.array(dtype=wp.float64), q_across: wp.array(dtype=wp.float64),
    slope: wp.array(dtype=wp.float64), open: wp.array(dtype=wp.float64), calm: wp.array(dtype=wp.float64),
    u_out: wp.array(dtype=wp.float64), dt: wp.float64, gravity: wp.float64, inv_dx: wp.float64, drag: wp.float64,
    current: wp.float64, s: int, t: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def momentum_kernel(
    # inputs
    eta: wp.array(dtype=wp.float64), bed: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    u: wp.array(dtype=wp.float64), q: wp.array(dtype=wp.float64), q_across: wp.array(dtype=wp.float64),
    slope: wp.array(dtype=wp.float64), open: wp.array(dtype=wp.float64), calm: wp.array(dtype=wp.float64),
    dt: wp.float64, gravity: wp.float64, inv_dx: wp.float64, drag: wp.float64, current: wp.float64,
    s: int, t: int, width: int, chunk: int,
    # outputs
    u_out: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Velocity after a step; ``calm`` [1/s] draws it towards ``current``."""
    k, c = wp.tid()
    row = (k + RIM) * width
    last = row + wp.min(RIM + (c + 1) * chunk, width - 1)
    momentum_row(
        eta, bed, h, u, q, q_across, slope, open, calm, u_out, dt, gravity, inv_dx, drag, current, s, t,
        row + RIM + c * chunk, last,
    )  # fmt: skip


@wp.func_native("""
    const double *E = eta.data, *B = bed.data, *U = u.data, *O = open.data;
    double* Q = q.data;
    const auto half = [](double a, double b) { return a * b > 1.0e-30 ? a * b / (a + b) : 0.0; };
    #pragma clang loop vectorize(assume_safety)
    for (int o = first; o < last; ++o) {
        const double sill = B[o] > B[o - s] ? B[o] : B[o - s];
        const double ahead = E[o - s] + half(E[o - s] - E[o - 2 * s], E[o] - E[o - s]);
        const double behind = E[o] - half(E[o] - E[o - s], E[o + s] - E[o]);
        const double depth = (U[o] > 0.0 ? ahead : behind) - sill;
        Q[o] = depth > 0.0 ? O[o] * U[o] * depth : 0.0;
    }""")
def flux_row(
    eta: wp.array(dtype=wp.float64), bed: wp.array(dtype=wp.float64), u: wp.array(dtype=wp.float64),
    open: wp.array(dtype=wp.float64), q: wp.array(dtype=wp.float64), s: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def flux_kernel(
    # inputs
    eta: wp.array(dtype=wp.float64), bed: wp.array(dtype=wp.float64), u: wp.array(dtype=wp.float64),
    open: wp.array(dtype=wp.float64), s: int, width: int, chunk: int,
    # outputs
    q: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Volume per width and time through every face [m^2/s]."""
    k, c = wp.tid()
    row = (k + RIM) * width
    last = row + wp.min(RIM + (c + 1) * chunk, width - 1)
    flux_row(eta, bed, u, open, q, s, row + RIM + c * chunk, last)


@wp.func_native("""
    const double *H = h.data, *X = qx.data, *Z = qz.data;
    double* S = share.data;
    const auto out = [](double a) { return a > 0.0 ? a : 0.0; };
    #pragma clang loop vectorize(assume_safety)
    for (int o = first; o < last; ++o) {
        const double lost = courant * (out(-X[o]) + out(X[o + 1]) + out(-Z[o]) + out(Z[o + t]));
        S[o] = lost > H[o] ? H[o] / lost : 1.0;
    }""")
def share_row(
    h: wp.array(dtype=wp.float64), qx: wp.array(dtype=wp.float64), qz: wp.array(dtype=wp.float64),
    share: wp.array(dtype=wp.float64), courant: wp.float64, t: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def share_kernel(
    # inputs
    h: wp.array(dtype=wp.float64), qx: wp.array(dtype=wp.float64), qz: wp.array(dtype=wp.float64),
    courant: wp.float64, width: int, chunk: int,
    # outputs
    share: wp.array(dtype=wp.float64),
):  # fmt: skip
    """How much of what would leave a cell in this step is there."""
    k, c = wp.tid()
    row = (k + RIM) * width
    last = row + wp.min(RIM + (c + 1) * chunk, width - RIM)
    share_row(h, qx, qz, share, courant, width, row + RIM + c * chunk, last)


@wp.func_native("""
    const double* S = share.data;
    double* Q = q.data;
    #pragma clang loop vectorize(assume_safety)
    for (int o = first; o < last; ++o) Q[o] *= Q[o] > 0.0 ? S[o - s] : S[o];
    """)
def cut_row(
    share: wp.array(dtype=wp.float64), q: wp.array(dtype=wp.float64), s: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def cut_kernel(
    # inputs
    share: wp.array(dtype=wp.float64), s: int, width: int, chunk: int,
    # in and out
    q: wp.array(dtype=wp.float64),
):  # fmt: skip
    k, c = wp.tid()
    row = (k + RIM) * width
    last = row + wp.min(RIM + (c + 1) * chunk, width - 1)
    cut_row(share, q, s, row + RIM + c * chunk, last)


@wp.func_native("""
    const double *X = qx.data, *Z = qz.data, *B = bed.data;
    double *H = h.data, *E = eta.data;
    #pragma clang loop vectorize(assume_safety)
    for (int o = first; o < last; ++o) {
        const double next = H[o] - courant * (X[o + 1] - X[o] + Z[o + t] - Z[o]);
        H[o] = next > 0.0 ? next : 0.0;  // below zero by rounding only
        E[o] = B[o] + H[o];
    }""")
def fill_row(
    bed: wp.array(dtype=wp.float64), qx: wp.array(dtype=wp.float64), qz: wp.array(dtype=wp.float64),
    h: wp.array(dtype=wp.float64), eta: wp.array(dtype=wp.float64), courant: wp.float64, t: int, first: int, last: int,
): ...  # fmt: skip


@wp.kernel
def fill_kernel(
    # inputs
    bed: wp.array(dtype=wp.float64), qx: wp.array(dtype=wp.float64), qz: wp.array(dtype=wp.float64),
    courant: wp.float64, width: int, chunk: int,
    # in and out
    h: wp.array(dtype=wp.float64), eta: wp.array(dtype=wp.float64),
):  # fmt: skip
    k, c = wp.tid()
    row = (k + RIM) * width
    last = row + wp.min(RIM + (c + 1) * chunk, width - RIM)
    fill_row(bed, qx, qz, h, eta, courant, width, row + RIM + c * chunk, last)


@wp.kernel
def rim_kernel(source: wp.array(dtype=int), target: wp.array(dtype=int), values: wp.array(dtype=wp.float64)):
    """Copy cells within an array: what lies beyond its border."""
    i = wp.tid()
    values[target[i]] = values[source[i]]


@wp.kernel
def discharge_kernel(
    # inputs
    faces: wp.array(dtype=int), amount: wp.array(dtype=wp.float64),
    # outputs
    q: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Given discharge through faces of the border [m^2/s]."""
    i = wp.tid()
    q[faces[i]] = amount[i]


@wp.kernel
def rain_kernel(
    # inputs
    cells: wp.array(dtype=int), weight: wp.array(dtype=wp.float64), rate: wp.array(dtype=wp.float64),
    spring: wp.array(dtype=int), bed: wp.array(dtype=wp.float64), dt: wp.float64,
    # in and out
    h: wp.array(dtype=wp.float64), eta: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Liquid that is poured on cells; ``rate`` [m/s] by source, ``weight`` how it is spread."""
    i = wp.tid()
    o = cells[i]
    h[o] = h[o] + dt * weight[i] * rate[spring[i]]
    eta[o] = bed[o] + h[o]


def _pieces(field, device, extra):
    """(rows, pieces per row) and cells per piece; ``extra`` 1 for faces, which are one more."""
    rows, width = field.rows, field.width
    cells = width - 2 * RIM + extra
    chunk = cells if device.is_cpu else 1
    return (rows + extra, -(-cells // chunk)), chunk


def slope(field, *, device):
    """Surface slopes of both axes into ``field.px``, ``field.pz``."""
    dim, chunk = _pieces(field, device, 1)
    for s, open, out in ((1, field.open_x, field.px), (field.width, field.open_z, field.pz)):
        wp.launch(
            slope_kernel, dim=dim, device=device,
            inputs=[field.eta, field.bed, open, 1.0 / field.cell, s, field.width, chunk], outputs=[out],
        )  # fmt: skip


def momentum(field, *, dt, gravity, drag, current, device):
    """New velocities into ``field.u_new``, ``field.w_new``; the old ones stay."""
    dim, chunk = _pieces(field, device, 1)
    f = field
    for axis, s, t in ((0, 1, f.width), (1, f.width, 1)):
        u, q, across = (f.u, f.qx, f.qz) if axis == 0 else (f.w, f.qz, f.qx)
        slope, open = (f.px, f.open_x) if axis == 0 else (f.pz, f.open_z)
        wp.launch(
            momentum_kernel, dim=dim, device=device,
            inputs=[
                f.eta, f.bed, f.h, u, q, across, slope, open, f.calm, dt, gravity, 1.0 / f.cell, drag, current[axis],
                s, t, f.width, chunk,
            ],
            outputs=[f.u_new if axis == 0 else f.w_new],
        )  # fmt: skip
    wp.copy(f.u, f.u_new)
    wp.copy(f.w, f.w_new)


def flux(field, *, device):
    """Volume fluxes through all faces by the upwind depth."""
    dim, chunk = _pieces(field, device, 1)
    f = field
    for s, u, open, q in ((1, f.u, f.open_x, f.qx), (f.width, f.w, f.open_z, f.qz)):
        wp.launch(flux_kernel, dim=dim, inputs=[f.eta, f.bed, u, open, s, f.width, chunk], outputs=[q], device=device)


def discharge(faces, amount, q):
    """Set given fluxes on faces of the border."""
    wp.launch(discharge_kernel, dim=faces.shape[0], inputs=[faces, amount], outputs=[q], device=q.device)


def fill(field, *, dt, device):
    """Cut fluxes to what there is, and move the water."""
    f, courant = field, dt / field.cell
    cells, chunk = _pieces(f, device, 0)
    faces, face_chunk = _pieces(f, device, 1)
    wp.launch(
        share_kernel, dim=cells, inputs=[f.h, f.qx, f.qz, courant, f.width, chunk], outputs=[f.share], device=device
    )
    rim(f.edge, f.share)
    for s, q in ((1, f.qx), (f.width, f.qz)):
        wp.launch(cut_kernel, dim=faces, inputs=[f.share, s, f.width, face_chunk], outputs=[q], device=device)
    wp.launch(
        fill_kernel, dim=cells, inputs=[f.bed, f.qx, f.qz, courant, f.width, chunk], outputs=[f.h, f.eta],
        device=device,
    )  # fmt: skip


def rim(edge, values):
    """Fill what lies beyond the border: ``edge`` is a pair of index arrays (from, to), maybe empty."""
    source, target = edge
    if source.shape[0]:
        wp.launch(rim_kernel, dim=source.shape[0], inputs=[source, target], outputs=[values], device=values.device)


def rain(field, springs, *, dt, device):
    """Pour liquid; ``springs`` is (cells, weight, rate, spring)."""
    cells, weight, rate, spring = springs
    wp.launch(
        rain_kernel, dim=cells.shape[0], inputs=[cells, weight, rate, spring, field.bed, dt],
        outputs=[field.h, field.eta], device=device,
    )  # fmt: skip
