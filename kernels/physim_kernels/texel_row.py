"""Native text that row kernels of photographed surfaces share: a texel between texels.

``TEXEL`` goes behind ``#ifndef __CUDA_ARCH__`` of a ``wp.func_native``, and gives it ``four``, four floats in one
register, and ``held`` and ``sharp``.
"""

TEXEL = """
    typedef float four __attribute__((vector_size(16)));
    auto held = [](float x, float least, float most) { return x < least ? least : (x > most ? most : x); };
    // Catmull-Rom between texels (rows, cols) of four floats, centres at + 0.5, the border goes on; never below 0
    auto sharp = [&](const float* texels, int cols, int rows, float x, float y) {
        const float gx = held(x - 0.5f, -1.0f, (float)cols), gy = held(y - 0.5f, -1.0f, (float)rows);
        const float fx = floorf(gx), fy = floorf(gy), s = gx - fx, t = gy - fy;
        const int i = (int)fx, j = (int)fy;
        const float s2 = s * s, s3 = s2 * s, t2 = t * t, t3 = t2 * t;
        const float wx[4] = {-0.5f * s3 + s2 - 0.5f * s, 1.5f * s3 - 2.5f * s2 + 1.0f,
                             -1.5f * s3 + 2.0f * s2 + 0.5f * s, 0.5f * s3 - 0.5f * s2};
        const float wy[4] = {-0.5f * t3 + t2 - 0.5f * t, 1.5f * t3 - 2.5f * t2 + 1.0f,
                             -1.5f * t3 + 2.0f * t2 + 0.5f * t, 0.5f * t3 - 0.5f * t2};
        four sum = {0.0f, 0.0f, 0.0f, 0.0f};
        for (int b = 0; b < 4; ++b) {
            const int k = j + b - 1;
            const float* row = texels + 4ll * cols * (k < 0 ? 0 : (k > rows - 1 ? rows - 1 : k));
            four part = {0.0f, 0.0f, 0.0f, 0.0f};
            for (int a = 0; a < 4; ++a) {
                const int m = i + a - 1;
                four texel;
                __builtin_memcpy(&texel, row + 4 * (m < 0 ? 0 : (m > cols - 1 ? cols - 1 : m)), 16);
                part += wx[a] * texel;
            }
            sum += wy[b] * part;
        }
        for (int c = 0; c < 4; ++c) sum[c] = sum[c] > 0.0f ? sum[c] : 0.0f;
        return sum;
    };
"""
