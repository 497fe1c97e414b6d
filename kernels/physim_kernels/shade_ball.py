"""A ball of the photo, a row of samples in one go: what ``shade.photo_ball`` and ``shade.gather`` do, for a CPU.

There a structure of arrays handed from function to function is copied for every sample, which costs more than all that
is done with it; here a row is one function. ``shade.py`` says what is done and why.
"""

import warp as wp

from physim_kernels.texel_row import TEXEL

wp.set_module_options({"enable_backward": False})


@wp.struct
class Ball:
    """One ball at one instant, seen by one camera."""

    number: int
    pose: wp.mat44
    """world_from_body now."""
    rest: wp.mat44
    """world_from_body in the photo."""
    camera: wp.mat44
    """camera_from_world of the photo."""
    lens: wp.vec4
    """(f_u, f_v, c_u, c_v) of the photo [pixels]."""
    eye: wp.vec3
    """Camera now, world [m]."""
    axis: wp.vec3
    """From the centre at rest to the photo's camera, unit."""
    radius: float
    turn: float
    """0 while the side seen is the one of the photo, 1 when it has clearly turned away."""
    soft: float
    """Half the width of its outline's ramp at 1 m [m]."""
    supersample: int
    u: int
    v: int
    """Corner of the window [pixels of the picture]."""
    start: int
    size: wp.vec2i
    corner: wp.vec2
    texel: float
    atlas: wp.array(dtype=wp.vec4)
    low: wp.array(dtype=wp.vec3)


@wp.func_native(
    """
#ifndef __CUDA_ARCH__
"""
    + TEXEL
    + """
    const int cols = ball.size[0], rows = ball.size[1];
    const float* texels = reinterpret_cast<const float*>(ball.atlas.data) + 4ll * ball.start;
    const float* base = reinterpret_cast<const float*>(ball.low.data) + 3ll * ball.start;
    float P[3][4], R[3][4], C[3][4];
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 4; ++j) {
            P[i][j] = ball.pose.data[i][j];
            R[i][j] = ball.rest.data[i][j];
            C[i][j] = ball.camera.data[i][j];
        }
    const float radius = ball.radius, turn = ball.turn, slack = 0.5f * radius, ramp = 1.0f / (0.4f * slack);
    const float ax = ball.axis[0], ay = ball.axis[1], az = ball.axis[2];
    const float ex = ball.eye[0], ey = ball.eye[1], ez = ball.eye[2];
    const float hx = P[0][3] - ex, hy = P[1][3] - ey, hz = P[2][3] - ez;
    const float soft = ball.soft * sqrtf(hx * hx + hy * hy + hz * hz);
    const float from = 1.3f, to = 1.65f;

    // where the photo shows a world point, in texels
    auto texel_at = [&](const float* w, float& x, float& y) {
        const float cx = C[0][0] * w[0] + C[0][1] * w[1] + C[0][2] * w[2] + C[0][3];
        const float cy = C[1][0] * w[0] + C[1][1] * w[1] + C[1][2] * w[2] + C[1][3];
        float cz = C[2][0] * w[0] + C[2][1] * w[1] + C[2][2] * w[2] + C[2][3];
        const float inverse = 1.0f / (cz > 1.0e-6f ? cz : 1.0e-6f);
        x = (ball.lens[0] * cx * inverse + ball.lens[2] - ball.corner[0]) / ball.texel;
        y = (ball.lens[1] * cy * inverse + ball.lens[3] - ball.corner[1]) / ball.texel;
    };
    auto smooth = [&](float x, float y, float* out) {
        const float gx = held(x - 0.5f, 0.0f, (float)(cols - 1)), gy = held(y - 0.5f, 0.0f, (float)(rows - 1));
        const int wide = cols > 1 ? cols - 2 : 0, tall = rows > 1 ? rows - 2 : 0;
        const int i = (int)gx < wide ? (int)gx : wide, j = (int)gy < tall ? (int)gy : tall;
        const float s = gx - (float)i, t = gy - (float)j;
        const float* p = base + 3 * (j * cols + i);
        const float* q = p + (rows > 1 ? 3 * cols : 0);
        const int d = cols > 1 ? 3 : 0;
        for (int c = 0; c < 3; ++c)
            out[c] = (1.0f - t) * ((1.0f - s) * p[c] + s * p[d + c]) + t * ((1.0f - s) * q[c] + s * q[d + c]);
    };
    // colour over its low-pass, and cover, where the photo shows a point
    auto detail_at = [&](const float* w, float* out) {
        float x, y, under[3];
        texel_at(w, x, y);
        const four fine = sharp(texels, cols, rows, x, y);
        smooth(x, y, under);
        for (int c = 0; c < 3; ++c) out[c] = held(fine[c] / (under[c] > 1.0e-4f ? under[c] : 1.0e-4f), 0.3f, 2.5f);
        out[3] = fine[3];
    };
    // a direction into the cap about the axis of this cosine, mirrored at its rim
    auto folded = [&](const float* n, float cosine, float rim, float across, float up, float* out) {
        if (cosine >= rim) {
            out[0] = n[0], out[1] = n[1], out[2] = n[2];
            return;
        }
        float sx = n[0] - cosine * ax, sy = n[1] - cosine * ay, sz = n[2] - cosine * az;
        float length = sqrtf(sx * sx + sy * sy + sz * sz);
        if (length < 1.0e-6f) {
            sx = ay * 0.8f - az * 0.5f, sy = az * 0.3f - ax * 0.8f, sz = ax * 0.5f - ay * 0.3f;
            length = sqrtf(sx * sx + sy * sy + sz * sz);
        }
        const float sine = sqrtf(1.0f - cosine * cosine > 0.0f ? 1.0f - cosine * cosine : 0.0f);
        const float along = across * cosine + up * sine, aside = fabsf(up * cosine - across * sine) / length;
        out[0] = along * ax + aside * sx, out[1] = along * ay + aside * sy, out[2] = along * az + aside * sz;
    };
    auto in_octant = [&](const float* n, float* out) {
        float sx = ay * 0.8f - az * 0.5f, sy = az * 0.3f - ax * 0.8f, sz = ax * 0.5f - ay * 0.3f;
        if (sqrtf(sx * sx + sy * sy + sz * sz) < 0.1f)
            sx = ay * 0.5f + az * 0.3f, sy = az * 0.8f - ax * 0.5f, sz = -ax * 0.3f - ay * 0.8f;
        const float length = sqrtf(sx * sx + sy * sy + sz * sz);
        const float x[3] = {sx / length, sy / length, sz / length}, a[3] = {ax, ay, az};
        const float y[3] = {ay * x[2] - az * x[1], az * x[0] - ax * x[2], ax * x[1] - ay * x[0]};
        const float cosines[3] = {1.0f, -0.5f, -0.5f}, sines[3] = {0.0f, 0.8660254f, -0.8660254f};
        out[0] = out[1] = out[2] = 0.0f;
        for (int k = 0; k < 3; ++k) {
            float edge[3], dot = 0.0f;
            for (int c = 0; c < 3; ++c) {
                edge[c] = 0.57735027f * a[c] + 0.81649658f * (cosines[k] * x[c] + sines[k] * y[c]);
                dot += n[c] * edge[c];
            }
            for (int c = 0; c < 3; ++c) out[c] += fabsf(dot) * edge[c];
        }
    };

    const long long at = (long long)v * ids.shape[1];
    const int line = ball.v + v / ball.supersample;
    const float* near = surface.data + (long long)line * surface.shape[1];
    const float* far = beyond.data + (long long)line * beyond.shape[1];
    const long long to_row = (long long)(out_v + v / ball.supersample) * layer.shape[1] + out_u;
    const float part = weight / (float)(ball.supersample * ball.supersample);
    for (int u = 0; u < ids.shape[1]; ++u) {
        if (ids.data[at + u] != ball.number) continue;
        const float z = depth.data[at + u];
        const int col = ball.u + u / ball.supersample;
        const float shown = held((far[col] + slack - z) * ramp + 1.0f, 0.0f, 1.0f);
        if (shown <= 0.0f) continue;
        const float* p = reinterpret_cast<const float*>(point.data) + 3 * (at + u);
        float now[3], then[3], world[3], rested[3];
        for (int c = 0; c < 3; ++c) {
            now[c] = P[c][0] * p[0] + P[c][1] * p[1] + P[c][2] * p[2];
            then[c] = R[c][0] * p[0] + R[c][1] * p[1] + R[c][2] * p[2];
            world[c] = now[c] + P[c][3];
            rested[c] = then[c] + R[c][3];
        }
        const float long_now = sqrtf(now[0] * now[0] + now[1] * now[1] + now[2] * now[2]);
        const float long_then = sqrtf(then[0] * then[0] + then[1] * then[1] + then[2] * then[2]);
        for (int c = 0; c < 3; ++c) {
            now[c] /= long_now;
            then[c] /= long_then;
        }
        const float cosine = held(then[0] * ax + then[1] * ay + then[2] * az, -1.0f, 1.0f);
        float back = 0.0f, detail[4] = {0.0f, 0.0f, 0.0f, 0.0f}, place[3];
        if (turn > 0.0f && cosine < 0.2674988f) {
            const float s = held((acosf(cosine) - from) / (to - from), 0.0f, 1.0f);
            back = turn * s * s * (3.0f - 2.0f * s);
        }
        if (back < 1.0f) {
            // cosine and sine of 2.36: twice the angle of the rim
            folded(then, cosine, 0.3809248f, -0.7097926f, 0.7044108f, place);
            for (int c = 0; c < 3; ++c)
                place[c] = turn * (R[c][3] + radius * place[c]) + (1.0f - turn) * rested[c];
            detail_at(place, detail);
        }
        const float cover_then = detail[3];
        if (back > 0.0f) {
            float other[4];
            in_octant(then, place);
            for (int c = 0; c < 3; ++c) place[c] = R[c][3] + radius * place[c];
            detail_at(place, other);
            for (int c = 0; c < 3; ++c) detail[c] = (1.0f - back) * detail[c] + back * other[c];
        }
        float light[3], x, y;
        // cosine and sine of 3.0
        folded(now, held(now[0] * ax + now[1] * ay + now[2] * az, -1.0f, 1.0f), 0.0707372f, -0.9899925f, 0.1411200f,
               place);
        for (int c = 0; c < 3; ++c) place[c] = R[c][3] + radius * place[c];
        texel_at(place, x, y);
        smooth(x, y, light);
        float rx = world[0] - ex, ry = world[1] - ey, rz = world[2] - ez;
        const float away = sqrtf(rx * rx + ry * ry + rz * rz);
        rx /= away, ry /= away, rz /= away;
        const float along = hx * rx + hy * ry + hz * rz;
        const float gx = hx - along * rx, gy = hy - along * ry, gz = hz - along * rz;
        const float gap = sqrtf(gx * gx + gy * gy + gz * gz);
        const float s = held((radius - gap + soft) / (2.0f * soft + 1.0e-20f), 0.0f, 1.0f);
        const float whole = held((1.0f - turn) * cover_then + turn * s * s * (3.0f - 2.0f * s), 0.0f, 1.0f);
        const float cover = whole * shown, front = held((near[col] + slack - z) * ramp + 1.0f, 0.0f, 1.0f);
        const long long pixel = to_row + u / ball.supersample;
        float* o = reinterpret_cast<float*>(layer.data) + 4 * pixel;
        for (int c = 0; c < 3; ++c) o[c] += part * light[c] * detail[c] * cover;
        o[3] += part * cover;
        behind_out.data[pixel] += part * whole * (shown - front > 0.0f ? shown - front : 0.0f);
        if (cover > 0.25f && z < near_out.data[pixel]) near_out.data[pixel] = z;
    }
#endif
"""
)
def ball_row(
    v: int,
    depth: wp.array2d(dtype=wp.float32),
    ids: wp.array2d(dtype=wp.uint16),
    point: wp.array2d(dtype=wp.vec3),
    surface: wp.array2d(dtype=wp.float32),
    beyond: wp.array2d(dtype=wp.float32),
    ball: Ball,
    weight: float,
    out_u: int,
    out_v: int,
    layer: wp.array2d(dtype=wp.vec4),
    behind_out: wp.array2d(dtype=wp.float32),
    near_out: wp.array2d(dtype=wp.float32),
):
    """Row v of a window; rows come one after the other, for those of one pixel add to the same place."""
    ...


@wp.kernel
def ball_kernel(
    # inputs
    depth: wp.array2d(dtype=wp.float32),
    ids: wp.array2d(dtype=wp.uint16),
    point: wp.array2d(dtype=wp.vec3),
    surface: wp.array2d(dtype=wp.float32),
    beyond: wp.array2d(dtype=wp.float32),
    ball: Ball,
    weight: float,
    out_u: int,
    out_v: int,
    # outputs
    layer: wp.array2d(dtype=wp.vec4),
    behind_out: wp.array2d(dtype=wp.float32),
    near_out: wp.array2d(dtype=wp.float32),
):
    v = wp.tid()
    ball_row(v, depth, ids, point, surface, beyond, ball, weight, out_u, out_v, layer, behind_out, near_out)


def shade_ball(depth, ids, point, surface, beyond, ball, *, weight, corner, layer, behind_out, near_out):
    """Add a ball of the photo, times ``weight``, to a layer; CPU only.

    Args:
        depth: z of the camera [m], of each sample (rows, cols).
        ids: Entity number, 0 for none.
        point: Material point in the frame of its body [m].
        surface: z of the photographed surface in the whole picture [m].
        beyond: The same, but the farther side along its edges: what lies clearly behind it is hidden.
        ball: ``Ball``.
        weight: Of this instant.
        corner: (v, u) of the window in the layer [pixels].
        layer: vec4, premultiplied linear colour and cover.
        behind_out: Cover that lies clearly behind ``surface``, though not behind ``beyond``.
        near_out: Nearest z where it covers more than a quarter of a sample [m].
    """
    inputs = [depth, ids, point, surface, beyond, ball, float(weight), int(corner[1]), int(corner[0])]
    outputs = [layer, behind_out, near_out]
    wp.launch(ball_kernel, dim=ids.shape[0], inputs=inputs, outputs=outputs, device=ids.device)
