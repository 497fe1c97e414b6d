"""Surfaces of things that were added: rounded corners, crystals of sugar, wood, checks, speckles. In body coordinates.

A texture is a factor on the albedo and a tilt of the normal, a pure function of the material point, so it sticks to the
body; what is finer than a pixel fades away instead of flickering.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def rounded(form: int, half: wp.vec3, p: wp.vec3, flat: wp.vec3):
    """Normal of the body with its corners rounded by 9 % of its smallest side, and how much of a corner this is."""
    small = wp.min(half[0], wp.min(half[1], half[2]))
    r = 0.18 * small
    n = flat
    if form == 1:
        q = wp.vec3(0.0, 0.0, 0.0)
        for i in range(3):
            q[i] = wp.sign(p[i]) * wp.max(wp.abs(p[i]) - (half[i] - r), 0.0)
        if wp.length(q) > 0.0:
            n = wp.normalize(q)
    if form == 2:
        ring = wp.sqrt(p[0] * p[0] + p[2] * p[2])
        out = wp.max(ring - (half[0] - r), 0.0)
        up = wp.sign(p[1]) * wp.max(wp.abs(p[1]) - (half[1] - r), 0.0)
        if out + wp.abs(up) > 0.0 and ring > 0.0:
            n = wp.normalize(wp.vec3(out * p[0] / ring, up, out * p[2] / ring))
    return wp.vec4(n[0], n[1], n[2], 1.0 - wp.max(wp.dot(n, flat), 0.0))


# The eight corners of the cells about several places: all gradients side by side, each as ``wp.noise`` makes it.

_NOISES = """
    float part[3 * COUNT];
    int low[3 * COUNT];
    for (int k = 0; k < 3 * COUNT; ++k) {
        const float whole = floorf(at[k]);
        part[k] = at[k] - whole;
        low[k] = (int)whole;
    }
    wp::uint32 hash[8 * COUNT];
    float dx[8 * COUNT], dy[8 * COUNT], dz[8 * COUNT], value[8 * COUNT];
    for (int n = 0; n < 8 * COUNT; ++n) {
        const int k = 3 * (n >> 3), i = n & 1, j = (n >> 1) & 1, l = (n >> 2) & 1;
        const wp::uint32 a = low[k] + i, b = low[k + 1] + j, c = low[k + 2] + l;
        hash[n] = (a * 73856093u) ^ (b * 19349663u) ^ (c * 53471161u + state[n >> 4]);
        dx[n] = part[k] - (float)i;
        dy[n] = part[k + 1] - (float)j;
        dz[n] = part[k + 2] - (float)l;
    }
#pragma clang loop vectorize(enable)
    for (int n = 0; n < 8 * COUNT; ++n) {
        wp::uint32 h = hash[n];
        float g[3];
        for (int c = 0; c < 3; ++c) {
            h = h * 747796405u + 2891336453u;
            h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
            h = (h >> 22u) ^ h;
            g[c] = (float)(int)(h >> 8) * (1.0f / 16777216.0f) - 0.5f;
        }
        const float length = sqrtf(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]);
        const float sum = dx[n] * (g[0] / length) + dy[n] * (g[1] / length) + dz[n] * (g[2] / length);
        value[n] = length > 0.0f ? sum : 0.0f;
    }
    float out[COUNT];
    for (int k = 0; k < COUNT; ++k) {
        float* v = value + 8 * k;
        for (int c = 0; c < 3; ++c) {
            const float t = part[3 * k + c];
            const float s = t * t * t * (t * (t * 6.0f - 15.0f) + 10.0f);
            for (int n = 0; n < 4 >> c; ++n) v[n] = (v[2 * n + 1] - v[2 * n]) * s + v[2 * n];
        }
        out[k] = v[0];
    }
"""


@wp.func_native(
    """
    const float at[6] = {p[0], p[1], p[2], p[0] + 17.0f, p[1] + 3.0f, p[2] + 5.0f};
    const wp::uint32 state[1] = {first};
"""
    + _NOISES.replace("COUNT", "2")
    + "    return wp::vec_t<2, wp::float32>(out[0], out[1]);"
)
def noise_pair(first: wp.uint32, p: wp.vec3) -> wp.vec2:
    """``wp.noise`` at p and at p + (17, 3, 5)."""
    ...


@wp.func_native(
    """
    const float at[12] = {p[0], p[1], p[2], p[0] + 17.0f, p[1] + 3.0f, p[2] + 5.0f,
                          q[0], q[1], q[2], q[0] + 17.0f, q[1] + 3.0f, q[2] + 5.0f};
    const wp::uint32 state[2] = {first, second};
"""
    + _NOISES.replace("COUNT", "4")
    + "    return wp::vec_t<4, wp::float32>(out[0], out[1], out[2], out[3]);"
)
def noise_pairs(first: wp.uint32, p: wp.vec3, second: wp.uint32, q: wp.vec3) -> wp.vec4:
    """``noise_pair`` of both, in less time than two of them."""
    ...


@wp.func
def crystal_at(q: wp.vec3, bend: wp.vec2, seed: int):
    """Random tilt (-1 to 1 each) and lightness (0 to 1) of the crystal at q [crystals], moved by its noise."""
    i = int(wp.floor(q[0] + 0.9 * bend[0]))
    j = int(wp.floor(q[1] + 0.9 * bend[1]))
    k = int(wp.floor(q[2]))
    cell = wp.rand_init(seed + i * 73856093 + j * 19349663, k * 83492791)
    return wp.vec4(2.0 * wp.randf(cell) - 1.0, 2.0 * wp.randf(cell) - 1.0, 2.0 * wp.randf(cell) - 1.0, wp.randf(cell))


@wp.func
def crystals(p: wp.vec3, size: float, seed: int):
    """The crystal at p: jagged blocks of about ``size``."""
    q = p / size
    return crystal_at(q, noise_pair(wp.rand_init(seed), 0.9 * q), seed)


@wp.func
def surface_of(texture: int, p: wp.vec3, size: float, pixel: float, seed: int):
    """Factor on the albedo (w) and tilt of the normal (x, y, z) of a texture; finer than a pixel it fades away."""
    result = wp.vec4(0.0, 0.0, 0.0, 1.0)
    keep = wp.clamp(1.6 * size / pixel - 0.35, 0.0, 1.0)
    state = wp.rand_init(seed)
    if texture == 1:
        fine = wp.vec4(0.0, 0.0, 0.0, 0.33)
        coarse = wp.vec4(0.0, 0.0, 0.0, 0.5)
        keep2 = wp.clamp(3.7 * size / pixel - 0.35, 0.0, 1.0)
        shifted = p + wp.vec3(0.013, 0.007, 0.011)
        if keep > 0.0:
            q = p / size
            r = shifted / (2.3 * size)
            bend = noise_pairs(state, 0.9 * q, wp.rand_init(seed + 7), 0.9 * r)
            fine = crystal_at(q, wp.vec2(bend[0], bend[1]), seed)
            coarse = crystal_at(r, wp.vec2(bend[2], bend[3]), seed + 7)
        elif keep2 > 0.0:
            coarse = crystals(shifted, 2.3 * size, seed + 7)
        tilt = 0.34 * keep * wp.vec3(fine[0], fine[1], fine[2])
        tilt += 0.16 * keep2 * wp.vec3(coarse[0], coarse[1], coarse[2])
        pit = 0.16 * keep * (fine[3] * fine[3] - 0.33) + 0.07 * keep2 * (coarse[3] - 0.5)
        result = wp.vec4(tilt[0], tilt[1], tilt[2], 1.0 - pit)
    if texture == 2:
        along = wp.vec3(p[0] * 0.12, p[1], p[2]) / size
        ring = wp.sqrt(along[1] * along[1] + along[2] * along[2]) + 0.9 * wp.noise(state, 0.35 * along)
        line = 0.5 + 0.5 * wp.sin(6.2831853 * ring)
        pore = wp.noise(state, wp.vec3(p[0] * 0.8, p[1] * 9.0, p[2] * 9.0) / size)
        result[3] = 1.0 - keep * (0.32 * line * line + 0.12 * pore)
    if texture == 3:
        i = int(wp.floor(p[0] / size + 0.01)) + int(wp.floor(p[1] / size + 0.01)) + int(wp.floor(p[2] / size + 0.01))
        if wp.abs(i) % 2 == 1:
            result[3] = 1.0 - 0.8 * wp.clamp(2.0 * size / pixel - 0.5, 0.0, 1.0)
    if texture == 4:
        cell = crystals(p, size, seed)
        if cell[3] > 0.72:
            result[3] = 1.0 - 0.6 * keep * (0.4 + 0.6 * wp.abs(cell[0]))
    return result


@wp.func
def stripe(x: float, period: float, pixel: float):
    """Part of a pixel about x that lies on the first half of each period: 0 to 1, smoothed over the pixel."""
    phase = x / period - wp.floor(x / period)
    width = wp.max(0.5 * pixel / period, 1.0e-4)
    edge = 0.25 - wp.abs(wp.abs(phase - 0.5) - 0.25)  # distance to the next edge, 0 to 0.25
    inside = 0.5 + 0.5 * wp.min(edge / width, 1.0)
    keep = wp.clamp(1.5 - 3.0 * width, 0.0, 1.0)
    if phase < 0.5:
        return 0.5 + keep * (inside - 0.5)
    return 0.5 - keep * (inside - 0.5)


@wp.func
def woven(texture: int, x: float, y: float, size: float, pixel: float):
    """Factor on the albedo of a woven fabric at the place (x, y) of its flat form, and part of its threads dyed.

    5: plain weave, threads of ``size``, over and under in turn, all dyed. 6: gingham, checks of ``size``: dyed warp
    bands cross dyed weft bands; where one crosses a white one half of the threads are dyed.
    """
    thread = size
    if texture == 6:
        thread = size / 16.0
    keep = wp.clamp(1.2 * thread / pixel - 0.35, 0.0, 1.0)
    under = wp.sin(3.14159265 * x / thread) * wp.sin(3.14159265 * y / thread)
    factor = 1.0 - 0.12 * keep * (0.5 - 0.5 * under)
    # Yarn is uneven: slow changes along each thread.
    state = wp.rand_init(11)
    slub = wp.noise(state, wp.vec2(0.15 * x / thread, 2.3 * y / thread))
    slub += wp.noise(state, wp.vec2(2.3 * x / thread + 31.0, 0.15 * y / thread))
    factor = factor * (1.0 + 0.05 * wp.clamp(2.5 * thread / pixel - 0.5, 0.0, 1.0) * slub)
    dyed = float(1.0)
    if texture == 6:
        dyed = 0.5 * (stripe(x, 2.0 * size, pixel) + stripe(y, 2.0 * size, pixel))
    return wp.vec2(factor, dyed)
