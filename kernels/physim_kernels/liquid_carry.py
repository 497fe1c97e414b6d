"""What particles carry, at any place: the mean of those about it, on a grid of the cells h of the liquid.

Positions are in fine cells h / 2 from the first node, as in ``liquid_surface``.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func_native("""
    const int ny = total.shape[1], nz = total.shape[2];
    float* T = (float*)total.data;
    const float* X = (const float*)x.data;
    const float* D = (const float*)value.data;
    for (int p = 0; p < count; ++p) {
        const float px = X[3 * p] * 0.5f, py = X[3 * p + 1] * 0.5f, pz = X[3 * p + 2] * 0.5f;
        const int i = (int)px, j = (int)py, k = (int)pz;
        const float r = px - i, s = py - j, t = pz - k;
        for (int n = 0; n < 8; ++n) {
            const int a = n & 1, b = (n >> 1) & 1, c = n >> 2;
            const float w = (a ? r : 1 - r) * (b ? s : 1 - s) * (c ? t : 1 - t);
            float* at = T + 4 * (((long)(i + a) * ny + j + b) * nz + k + c);
            at[0] += w * D[3 * p];
            at[1] += w * D[3 * p + 1];
            at[2] += w * D[3 * p + 2];
            at[3] += w;
        }
    }
""")
def carry_all(
    x: wp.array(dtype=wp.vec3), value: wp.array(dtype=wp.vec3), total: wp.array3d(dtype=wp.vec4), count: int
): ...


@wp.kernel
def carry_serial_kernel(
    x: wp.array(dtype=wp.vec3), value: wp.array(dtype=wp.vec3),
    # outputs
    total: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    carry_all(x, value, total, x.shape[0])


@wp.kernel
def carry_kernel(
    x: wp.array(dtype=wp.vec3), value: wp.array(dtype=wp.vec3),
    # outputs
    total: wp.array3d(dtype=wp.vec4),
):  # fmt: skip
    """Add a vector of every particle, and 1, to the 8 nodes of h around it."""
    p = wp.tid()
    at = 0.5 * x[p]
    i = int(at[0])
    j = int(at[1])
    k = int(at[2])
    d = value[p]
    for n in range(8):
        a = i + (n & 1)
        b = j + ((n >> 1) & 1)
        c = k + (n >> 2)
        w = (1.0 - wp.abs(at[0] - float(a))) * (1.0 - wp.abs(at[1] - float(b))) * (1.0 - wp.abs(at[2] - float(c)))
        wp.atomic_add(total, a, b, c, w * wp.vec4(d[0], d[1], d[2], 1.0))


@wp.func
def carried(total: wp.array3d(dtype=wp.vec4), x: wp.vec3):
    """Mean vector of the particles about ``x`` [fine cells]; looks one cell further where there are none."""
    at = 0.5 * x
    i = wp.clamp(int(at[0]), 0, total.shape[0] - 2)
    j = wp.clamp(int(at[1]), 0, total.shape[1] - 2)
    k = wp.clamp(int(at[2]), 0, total.shape[2] - 2)
    mean = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for n in range(8):
        a = i + (n & 1)
        b = j + ((n >> 1) & 1)
        c = k + (n >> 2)
        w = (1.0 - wp.abs(at[0] - float(a))) * (1.0 - wp.abs(at[1] - float(b))) * (1.0 - wp.abs(at[2] - float(c)))
        mean += wp.max(w, 1.0e-3) * total[a, b, c]
    if mean[3] > 1.0e-6:
        return wp.vec3(mean[0], mean[1], mean[2]) / mean[3]
    for n in range(64):
        a = wp.clamp(i - 1 + (n & 3), 0, total.shape[0] - 1)
        b = wp.clamp(j - 1 + ((n >> 2) & 3), 0, total.shape[1] - 1)
        c = wp.clamp(k - 1 + (n >> 4), 0, total.shape[2] - 1)
        mean += total[a, b, c]
    if mean[3] > 1.0e-6:
        return wp.vec3(mean[0], mean[1], mean[2]) / mean[3]
    return wp.vec3(0.0, 0.0, 0.0)


def carry(x, value, *, total):
    """Add ``value`` (N,) vec3 of every particle and 1 to a grid of h, vec4, zero before."""
    if total.device.is_cpu:
        wp.launch(carry_serial_kernel, dim=1, inputs=[x, value], outputs=[total], device=total.device)
    else:
        wp.launch(carry_kernel, dim=x.shape[0], inputs=[x, value], outputs=[total], device=total.device)
