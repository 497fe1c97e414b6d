"""Rows of a grid of cloth in vector code: what ``cloth_grid.py`` walks a sheet with, buffer row by buffer row.

Buffers are rows of floats in ``Grids.scratch``; a name of a row stands for where it begins there. Vectors lie component
by component, ``p`` floats apart, with zeros before and after each row.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const float *X = (const float*)x.data + 3 * b, *A = (const float*)x.data + 3 * a;
    const float *L = (const float*)lo.data + 3 * b, *M = (const float*)lo.data + 3 * a;
    float* O = scratch.data + o;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < 3 * n; ++j) O[j] = (X[j] - A[j]) + (L[j] - M[j]);""")
def difference_row(
    x: wp.array(dtype=wp.vec3), lo: wp.array(dtype=wp.vec3), a: int, b: int, n: int, scratch: wp.array(dtype=float),
    o: int,
): ...  # fmt: skip


_STRETCH = """
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) {
            const float a = D[3 * j] * per, b = D[3 * j + 1] * per, c = D[3 * j + 2] * per;
            const float q = a * a + b * b + c * c + 1e-12f;
            unsigned int bits; __builtin_memcpy(&bits, &q, 4);
            bits = 0x5f3759dfu - (bits >> 1);
            float y; __builtin_memcpy(&y, &bits, 4);
            y *= 1.5f - 0.5f * q * y * y; y *= 1.5f - 0.5f * q * y * y; y *= 1.5f - 0.5f * q * y * y;
            const float strain = q * y - 1.0f;
"""
"""Walk over edges: w, 1 / |w| and the strain."""
_HELD = """
    for (int h = h0; h < h1; ++h) {
        const int j = held.data[h] - i;
        float* F = (float*)force.data + 3 * held.data[h];
        for (int k = 0; k < 3; ++k) F[k] = X[j + k * p] - X[j + k * p - 1] + B[j + k * p] - A[j + k * p];
    }"""
"""Pulls on held vertices."""


@wp.func_native(
    """
    const float* D = scratch.data + o;
    float *E = scratch.data + e, *F = E + p, *I = E + 2 * p, *X = E + 3 * p, *Y = E + 4 * p, *Z = E + 5 * p;
    float* M = memory.data + m;
    if (share > 0.0f) {"""
    + _STRETCH
    + """            const float memo = (M[j] + share * strain) * decay;
            M[j] = memo - share * strain;
            X[j] = a; Y[j] = b; Z[j] = c; I[j] = y; E[j] = strain + memo; F[j] = stiffness * (strain + memo);
        }
    } else {"""
    + _STRETCH
    + """            X[j] = a; Y[j] = b; Z[j] = c; I[j] = y; E[j] = strain; F[j] = stiffness * strain;
        }
    }"""
)
def strain_row(
    scratch: wp.array(dtype=float), o: int, n: int, p: int, per: float, stiffness: float, share: float, decay: float,
    memory: wp.array(dtype=float), m: int, e: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *A = scratch.data + u0, *B = scratch.data + u1, *V = scratch.data + v;
    float *T = scratch.data + top, *C = scratch.data + c, *M = memory.data + m;
    const float *a0 = A + 3 * p, *a1 = A + 4 * p, *a2 = A + 5 * p, *b0 = B + 3 * p, *b1 = B + 4 * p, *b2 = B + 5 * p;
    const float *v0 = V + 3 * p, *v1 = V + 4 * p, *v2 = V + 5 * p;
    float *t0 = T + p, *t1 = T + 2 * p, *t2 = T + 3 * p, *x0 = C + p, *x1 = C + 2 * p, *x2 = C + 3 * p;
    float *l0 = C + 4 * p, *l1 = C + 5 * p, *l2 = C + 6 * p, *r0 = C + 7 * p, *r1 = C + 8 * p, *r2 = C + 9 * p;
    const float keep = share > 0.0f ? decay : 0.0f;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float ux = b0[j] + a0[j], uy = b1[j] + a1[j], uz = b2[j] + a2[j];
        const float dx = b0[j] - a0[j], dy = b1[j] - a1[j], dz = b2[j] - a2[j];
        const float vx = v0[j + 1] + v0[j], vy = v1[j + 1] + v1[j], vz = v2[j + 1] + v2[j];
        const float ex = v0[j + 1] - v0[j], ey = v1[j + 1] - v1[j], ez = v2[j + 1] - v2[j];
        const float strain = 0.25f * (ux * vx + uy * vy + uz * vz);
        const float memo = (M[j] + share * strain) * keep;
        M[j] = memo - share * strain;
        const float q = 0.25f * half_g;
        const float w = half_g * (strain + memo), s = q * (ux * ex + uy * ey + uz * ez);
        const float t = q * (dx * vx + dy * vy + dz * vz), z = q * (dx * ex + dy * ey + dz * ez);
        const float f0 = w * vx + s * ex, f1 = w * vy + s * ey, f2 = w * vz + s * ez;
        const float g0 = t * vx + z * ex, g1 = t * vy + z * ey, g2 = t * vz + z * ez;
        const float h0 = w * ux + t * dx, h1 = w * uy + t * dy, h2 = w * uz + t * dz;
        const float k0 = s * ux + z * dx, k1 = s * uy + z * dy, k2 = s * uz + z * dz;
        T[j] = half_q * 0.5f * (V[j] + V[j + 1]);
        C[j] = half_q * 0.5f * (A[j] + B[j]);
        t0[j] = 0.5f * (f0 + g0); t1[j] = 0.5f * (f1 + g1); t2[j] = 0.5f * (f2 + g2);
        x0[j] = 0.5f * (f0 - g0); x1[j] = 0.5f * (f1 - g1); x2[j] = 0.5f * (f2 - g2);
        l0[j] = 0.5f * (h0 - k0); l1[j] = 0.5f * (h1 - k1); l2[j] = 0.5f * (h2 - k2);
        r0[j] = 0.5f * (h0 + k0); r1[j] = 0.5f * (h1 + k1); r2[j] = 0.5f * (h2 + k2);
    }""")
def cell_row(
    scratch: wp.array(dtype=float), u0: int, u1: int, v: int, n: int, p: int, half_g: float, half_q: float,
    share: float, decay: float, memory: wp.array(dtype=float), m: int, top: int, c: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *U = scratch.data + u, *A = scratch.data + below, *B = scratch.data + above, *X = scratch.data + bottom;
    const float *F = U + p, *I = U + 2 * p;
    float* T = scratch.data + t;
    for (int k = 0; k < 3; ++k) {
        const float *W = U + (3 + k) * p, *a = A + (1 + k) * p, *b = X + k * p;
        float* O = T + k * p;
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) O[j] = per * ((F[j] + (A[j] + B[j])) * I[j] * W[j] + (a[j] + b[j]));
    }""")
def tension_u_row(
    scratch: wp.array(dtype=float), u: int, below: int, above: int, bottom: int, n: int, p: int, per: float, t: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *V = scratch.data + v, *C = scratch.data + c, *F = V + p, *I = V + 2 * p;
    float* T = scratch.data + t;
    for (int k = 0; k < 3; ++k) {
        const float *W = V + (3 + k) * p, *l = C + (4 + k) * p, *r = C + (7 + k) * p;
        float* O = T + k * p;
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) O[j] = per * ((F[j] + (C[j - 1] + C[j])) * I[j] * W[j] + (r[j - 1] + l[j]));
    }""")
def tension_v_row(scratch: wp.array(dtype=float), v: int, c: int, n: int, p: int, per: float, t: int): ...


@wp.func_native(
    """
    const float *X = scratch.data + t, *Y = X + p, *Z = X + 2 * p;
    const float *A = scratch.data + t0, *B = scratch.data + t1;
    const float* R = (const float*)acc.data + 3 * i;
    const float* M = inverse.data + i;
    float* V = (float*)v.data + 3 * i;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float m = M[j], on = m > 0.0f ? dt : 0.0f;
        V[3 * j] += on * (m * (X[j] - X[j - 1] + B[j] - A[j]) + R[3 * j]);
        V[3 * j + 1] += on * (m * (Y[j] - Y[j - 1] + B[j + p] - A[j + p]) + R[3 * j + 1]);
        V[3 * j + 2] += on * (m * (Z[j] - Z[j - 1] + B[j + 2 * p] - A[j + 2 * p]) + R[3 * j + 2]);
    }"""
    + _HELD
)
def kick_row(
    scratch: wp.array(dtype=float), t: int, t0: int, t1: int, n: int, p: int, acc: wp.array(dtype=wp.vec3),
    inverse: wp.array(dtype=float), dt: float, held: wp.array(dtype=int), h0: int, h1: int,
    force: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), i: int,
): ...  # fmt: skip


@wp.func_native("""
    for (int k = 0; k < rows; ++k) scratch.data[o + k * p] = 0.0f;""")
def clear_at(scratch: wp.array(dtype=float), o: int, rows: int, p: int): ...


@wp.func_native("""
    float* O = scratch.data + o;
    for (int j = 0; j < n; ++j) O[j] = 0.0f;""")
def clear_row(scratch: wp.array(dtype=float), o: int, n: int): ...


# -- smoothed kicks -------------------------------------------------------------------------------------------------


@wp.func_native(
    """
    const float *X = scratch.data + t, *Y = X + p, *Z = X + 2 * p;
    const float *A = scratch.data + t0, *B = scratch.data + t1;
    const float* R = (const float*)acc.data + 3 * i;
    const float* M = inverse.data + i;
    float *P = scratch.data + raw, *O = scratch.data + out;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float m = M[j], on = m > 0.0f ? 1.0f : 0.0f;
        P[j] = m * (X[j] - X[j - 1] + B[j] - A[j]) + on * R[3 * j];
        P[j + p] = m * (Y[j] - Y[j - 1] + B[j + p] - A[j + p]) + on * R[3 * j + 1];
        P[j + 2 * p] = m * (Z[j] - Z[j - 1] + B[j + 2 * p] - A[j + 2 * p]) + on * R[3 * j + 2];
    }"""
    + _HELD
    + """
    for (int k = 0; k < 3; ++k) {
        float *a = P + k * p, *o = O + k * p;
        a[-1] = a[1];
        a[n] = a[n - 2];
        #pragma clang loop vectorize(assume_safety)
        for (int j = 0; j < n; ++j) o[j] = a[j] + share * (a[j - 1] - 2.0f * a[j] + a[j + 1]);
    }"""
)
def smooth_row(
    scratch: wp.array(dtype=float), t: int, t0: int, t1: int, n: int, p: int, acc: wp.array(dtype=wp.vec3),
    inverse: wp.array(dtype=float), share: float, held: wp.array(dtype=int), h0: int, h1: int,
    force: wp.array(dtype=wp.vec3), i: int, raw: int, out: int,
): ...  # fmt: skip


@wp.func_native("""
    const float *A = scratch.data + below, *B = scratch.data + here, *C = scratch.data + above;
    const float* M = inverse.data + i;
    float* V = (float*)v.data + 3 * i;
    #pragma clang loop vectorize(assume_safety)
    for (int j = 0; j < n; ++j) {
        const float on = M[j] > 0.0f ? dt : 0.0f;
        const float x = B[j] + share * (A[j] - 2.0f * B[j] + C[j]);
        const float y = B[j + p] + share * (A[j + p] - 2.0f * B[j + p] + C[j + p]);
        const float z = B[j + 2 * p] + share * (A[j + 2 * p] - 2.0f * B[j + 2 * p] + C[j + 2 * p]);
        V[3 * j] += on * x;
        V[3 * j + 1] += on * y;
        V[3 * j + 2] += on * z;
    }
    for (int h = h0; h < h1; ++h) {
        const int j = held.data[h] - i;
        float* F = (float*)force.data + 3 * held.data[h];
        for (int k = 0; k < 3; ++k) {
            const int q = j + k * p;
            F[k] += mass.data[held.data[h]] * (B[q] + share * (A[q] - 2.0f * B[q] + C[q]));
        }
    }""")
def smooth_kick_row(
    scratch: wp.array(dtype=float), below: int, here: int, above: int, n: int, p: int, inverse: wp.array(dtype=float),
    mass: wp.array(dtype=float), share: float, dt: float, held: wp.array(dtype=int), h0: int, h1: int,
    force: wp.array(dtype=wp.vec3), v: wp.array(dtype=wp.vec3), i: int,
): ...  # fmt: skip
