"""Ghost samples: what lies beyond the sides of a grid, as a rule of the samples inside.

A padded field has ``ghosts`` more samples on each side along every axis, save along x where the grid is one cell thick.
Axes are filled one after the other, z first, each over the whole extent of those before it, so that edges and corners
follow. With f_0 the outermost sample, g the number of the ghost and w a given value, ghost g is::

    COPY    f_0                         what flows out goes on as it was
    EVEN    mirror                      free slip along a wall, no flux through it
    ODD     2 w - mirror                w at the wall: no slip, no flow through it
    CONSTANT w                          what flows in
    WRAP    the sample one period away
    LINEAR  2 f_0 - f_g                 no statement: continued straight

The mirror of ghost g is f_(g - 1) where the side lies half a sample outside f_0 (cells), f_g where it lies on f_0
(faces across the axis).
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

COPY, EVEN, ODD, CONSTANT, WRAP, LINEAR = 0, 1, 2, 3, 4, 5

RULE = """
    // ghost number g of a row of n samples: a * sample[one] + b * sample[two] + c
    const auto rule = [](int mode, float w, int g, int n, int on_face, int high, int& one, float& a, float& b,
                         float& c) {
        const int shift = on_face ? 0 : 1;
        one = mode == 0 ? 0 : (mode == 4 ? n - 1 + shift - g : (mode == 5 ? g : g - shift));
        if (high) one = n - 1 - one;
        a = mode == 3 ? 0.0f : (mode == 2 || mode == 5 ? -1.0f : 1.0f);
        b = mode == 5 ? 2.0f : 0.0f;
        c = mode == 2 ? 2.0f * w : (mode == 3 ? w : 0.0f);
    };
"""


@wp.func_native(
    RULE
    + """
    const int px = f.shape[0], py = f.shape[1], pz = f.shape[2];
    const int n = f.shape[axis] - 2 * ghosts;
    const int number = line < ghosts ? line + 1 : line - ghosts + 1, high = line >= ghosts;
    int one; float a, b, c;
    rule(high ? mode_high : mode_low, high ? high_value : low_value, number, n, on_face, high, one, a, b, c);
    const int target = ghosts + (high ? n - 1 + number : -number), edge = ghosts + (high ? n - 1 : 0);
    one += ghosts;
    const int stride = axis == 0 ? py * pz : pz, start = axis == 0 ? at * pz : at * py * pz;
    float* T = f.data + start + target * stride;
    const float *S = f.data + start + one * stride, *E = f.data + start + edge * stride;
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) T[k] = a * S[k] + b * E[k] + c;"""
)
def ghost_row(
    f: wp.array3d(dtype=float), axis: int, ghosts: int, on_face: int, mode_low: int, mode_high: int,
    low_value: float, high_value: float, line: int, at: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.func_native(
    RULE
    + """
    const int n = f.shape[2] - 2 * ghosts;
    float* R = f.data + (i * f.shape[1] + j) * f.shape[2] + ghosts;
    for (int high = 0; high < 2; ++high)
        for (int g = 1; g <= ghosts; ++g) {
            int one; float a, b, c;
            rule(high ? mode_high : mode_low, high ? high_value : low_value, g, n, on_face, high, one, a, b, c);
            R[high ? n - 1 + g : -g] = a * R[one] + b * R[high ? n - 1 : 0] + c;
        }"""
)
def ghost_ends(
    f: wp.array3d(dtype=float), ghosts: int, on_face: int, mode_low: int, mode_high: int,
    low_value: float, high_value: float, i: int, j: int,
): ...  # fmt: skip


@wp.kernel
def ghost_ends_kernel(
    ghosts: int, on_face: int, mode_low: int, mode_high: int, low_value: float, high_value: float,
    # in and out
    f: wp.array3d(dtype=float),
):  # fmt: skip
    """Ghosts along z, of every row."""
    i, j = wp.tid()
    ghost_ends(f, ghosts, on_face, mode_low, mode_high, low_value, high_value, i, j)


@wp.kernel
def ghost_rows_kernel(
    axis: int, ghosts: int, on_face: int, mode_low: int, mode_high: int, low_value: float, high_value: float,
    chunk: int,
    # in and out
    f: wp.array3d(dtype=float),
):  # fmt: skip
    """Ghosts along y or x: whole rows. Threads: line of ghosts, index along the remaining axis, piece of the row."""
    line, at, c = wp.tid()
    k1 = wp.min((c + 1) * chunk, f.shape[2])
    ghost_row(f, axis, ghosts, on_face, mode_low, mode_high, low_value, high_value, line, at, c * chunk, k1)


@wp.func_native("""
    const int gx = (out.shape[0] - a.shape[0]) / 2, gy = (out.shape[1] - a.shape[1]) / 2;
    const int gz = (out.shape[2] - a.shape[2]) / 2, o = (i * a.shape[1] + j) * a.shape[2];
    const float *P = a.data + o, *Q = b.data + o, *A = area.data + o, *S = solid.data + o;
    float* O = out.data + ((i + gx) * out.shape[1] + j + gy) * out.shape[2] + gz;
    if (wb == 0.0f && wa == 1.0f) {
        for (int k = k0; k < k1; ++k) O[k] = P[k];
        return;
    }
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) O[k] = A[k] > 0.0f ? wa * P[k] + wb * Q[k] : closed * S[k];""")
def embed_row(
    a: wp.array3d(dtype=float), b: wp.array3d(dtype=float), wa: float, wb: float, area: wp.array3d(dtype=float),
    solid: wp.array3d(dtype=float), closed: float, out: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def embed_kernel(
    # inputs
    a: wp.array3d(dtype=float), b: wp.array3d(dtype=float), wa: float, wb: float,
    area: wp.array3d(dtype=float), solid: wp.array3d(dtype=float), closed: float, chunk: int,
    # outputs
    out: wp.array3d(dtype=float),
):  # fmt: skip
    """``wa a + wb b`` into the middle of a padded field; closed faces take ``closed`` times the solid's velocity.

    With weights 1 and 0 a plain copy.
    """
    i, j, c = wp.tid()
    embed_row(a, b, wa, wb, area, solid, closed, out, i, j, c * chunk, wp.min((c + 1) * chunk, a.shape[2]))


@wp.func_native("""
    float* A = a.data + (i * a.shape[1] + j) * a.shape[2];
    const float* B = b.data + (i * a.shape[1] + j) * a.shape[2];
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) A[k] += B[k];""")
def add_row(a: wp.array3d(dtype=float), b: wp.array3d(dtype=float), i: int, j: int, k0: int, k1: int): ...


@wp.kernel
def add_kernel(b: wp.array3d(dtype=float), chunk: int, a: wp.array3d(dtype=float)):
    i, j, c = wp.tid()
    add_row(a, b, i, j, c * chunk, wp.min((c + 1) * chunk, a.shape[2]))
