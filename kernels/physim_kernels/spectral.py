"""Direct solve of the pressure in an empty box: the operator's own waves, one axis at a time.

In a box without solids the operator is a sum of three one-dimensional ones, T = Q L Q^t with the waves Q (cosines
between walls, sines between open sides, both around a periodic axis). Then

    p = Q_x Q_y Q_z ((Q_x^t Q_y^t Q_z^t b) / (L_x + L_y + L_z))

Six products with small dense matrices, whole rows at a time: faster than a fast transform up to some hundred cells,
and the same code for every kind of side. Lynch, Rice, Thomas, "Direct solution of partial difference equations by
tensor product methods", Numer. Math. 6 (1964). Fields are padded by one ring, as in ``physim_kernels.pressure``.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
#if !defined(__CUDACC__)
    typedef float Wide __attribute__((vector_size(64)));
    const int nx = f.shape[0] - 2, ny = f.shape[1] - 2, nz = f.shape[2] - 2;
    const int sy = f.shape[2], sx = sy * f.shape[1], n = axis == 0 ? nx : axis == 1 ? ny : nz;
    // out(r, :) = sum over k of left(r, k) right(k, :), both by their strides
    const int o = axis == 0 ? sx + (at + 1) * sy + 1 : (at + 1) * sx + sy + 1;
    const float *L = axis == 2 ? f.data + o : matrix.data, *R = axis == 2 ? matrix.data : f.data + o;
    const int row_l = axis == 2 ? sy : n, row_r = axis == 0 ? sx : axis == 1 ? sy : n;
    const int row_o = axis == 0 ? sx : sy, rows = axis == 2 ? ny : n;
    float* O = out.data + o;
    const auto load = [](const float* p) { Wide v; __builtin_memcpy(&v, p, sizeof v); return v; };
    int c = 0;
    for (; c + 16 <= nz; c = c + 16 < nz && c + 32 > nz ? nz - 16 : c + 16) {
        int r = 0;
        for (; r + 6 <= rows; r += 6) {
            Wide s[6] = {};
            const float* A = L + r * row_l;
            for (int k = 0; k < n; ++k) {
                const Wide b = load(R + k * row_r + c);
                for (int m = 0; m < 6; ++m) s[m] += A[m * row_l + k] * b;
            }
            for (int m = 0; m < 6; ++m) __builtin_memcpy(O + (r + m) * row_o + c, &s[m], sizeof(Wide));
        }
        for (; r < rows; ++r) {
            Wide s = {};
            for (int k = 0; k < n; ++k) s += L[r * row_l + k] * load(R + k * row_r + c);
            __builtin_memcpy(O + r * row_o + c, &s, sizeof s);
        }
    }
    for (; c < nz; ++c)
        for (int r = 0; r < rows; ++r) {
            float s = 0.0f;
            for (int k = 0; k < n; ++k) s += L[r * row_l + k] * R[k * row_r + c];
            O[r * row_o + c] = s;
        }
#endif
    """)
def product_slab(
    f: wp.array3d(dtype=float), matrix: wp.array2d(dtype=float), axis: int, out: wp.array3d(dtype=float), at: int
): ...


@wp.kernel
def product_slab_kernel(
    f: wp.array3d(dtype=float), matrix: wp.array2d(dtype=float), axis: int, out: wp.array3d(dtype=float)
):
    """``product_kernel`` for CPUs: one slab of rows per thread; for axis 2 the matrix is given transposed."""
    product_slab(f, matrix, axis, out, wp.tid())


@wp.kernel
def product_kernel(
    f: wp.array3d(dtype=float), matrix: wp.array2d(dtype=float), axis: int, out: wp.array3d(dtype=float)
):
    """Multiply ``f`` by a matrix along one axis; for axis 2 the matrix is given transposed."""
    i, j, k = wp.tid()
    total = float(0.0)
    for n in range(matrix.shape[0]):
        if axis == 0:
            total += matrix[i, n] * f[n + 1, j + 1, k + 1]
        elif axis == 1:
            total += matrix[j, n] * f[i + 1, n + 1, k + 1]
        else:
            total += matrix[n, k] * f[i + 1, j + 1, n + 1]
    out[i + 1, j + 1, k + 1] = total


@wp.func_native("""
    float* F = f.data + ((i + 1) * f.shape[1] + j + 1) * f.shape[2] + 1;
    const float* Z = z.data;
    const float s = x.data[i] + y.data[j];
    #pragma clang loop vectorize(assume_safety)
    for (int k = k0; k < k1; ++k) {
        const float d = s + Z[k];
        F[k] = d > 1e-7f ? F[k] / d : 0.0f;
    }""")
def divide_row(
    x: wp.array(dtype=float), y: wp.array(dtype=float), z: wp.array(dtype=float), f: wp.array3d(dtype=float),
    i: int, j: int, k0: int, k1: int,
): ...  # fmt: skip


@wp.kernel
def divide_kernel(
    x: wp.array(dtype=float), y: wp.array(dtype=float), z: wp.array(dtype=float), chunk: int,
    # in and out
    f: wp.array3d(dtype=float),
):  # fmt: skip
    """By the sum of the three eigenvalues; a wave without any (the mean of a closed box) is taken off."""
    i, j, c = wp.tid()
    divide_row(x, y, z, f, i, j, c * chunk, wp.min((c + 1) * chunk, f.shape[2] - 2))


def product(f, matrix, *, axis, out):
    """Launch ``product_kernel`` in the form that suits the device; ``out`` must not alias ``f``."""
    nx, ny, nz = (n - 2 for n in f.shape)
    if f.device.is_cpu:
        dim = ny if axis == 0 else nx
        wp.launch(product_slab_kernel, dim=dim, inputs=[f, matrix, axis], outputs=[out], device=f.device)
    else:
        wp.launch(product_kernel, dim=(nx, ny, nz), inputs=[f, matrix, axis], outputs=[out], device=f.device)
