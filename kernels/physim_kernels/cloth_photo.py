"""Cloth of the photo from its z-buffer straight to the mean of its samples, a row of pixels in one go, for a CPU.

What ``cloth_raster.cloth_resolve``, ``cloth_shade`` and ``shade.gather`` do one after the other, without what they hand
over: a dozen numbers for every sample, most of them of pixels whose samples all show the same smooth piece of one
cloth. Such a pixel is looked at once, in its middle, where ``thin`` allows it (the photo has no finer detail).
"""

import warp as wp

from physim_kernels.texel_row import TEXEL

wp.set_module_options({"enable_backward": False})


@wp.struct
class Print:
    """One cloth of the photo at one instant, and who looks at it."""

    through: float
    """Part of the light on one side that leaves on the other."""
    back: float
    """Brightness of the back over that of the front."""
    low: float
    high: float
    """Range of the factor on photographed colours."""
    slack: float
    """How far behind the photographed surface it is still seen [m]."""
    radius: float
    """Half its diagonal [m]."""
    ground: float
    """Height of the surface below [m]."""
    key: float
    ambient: float
    bounce: float
    """Luminances of the key light, of the sky, of the ground."""
    sun: wp.vec3
    """Towards the key light, world."""
    size: wp.vec2i
    corner: wp.vec2
    texel: float
    atlas: wp.array(dtype=wp.vec4)
    supersample: int
    thin: int
    """1: pixels that show one smooth piece are looked at once."""
    u: int
    v: int
    rows: int
    cols: int
    """The window [pixels of the picture]."""
    metres: float
    """Edge of a pixel of the picture at 1 m [m]."""
    lens: wp.vec4d
    """(f_u, f_v, c_u, c_v) of the camera [samples]."""
    photo_lens: wp.vec4d
    """Of the photo [pixels of the photo]."""
    away: wp.mat33
    """world_from_camera, its rotation."""


@wp.struct
class Vertices:
    """What is known at each vertex, (N,); see ``cloth_shade``."""

    seen: wp.array(dtype=wp.vec3d)
    """In the frame of the camera [m]."""
    start: wp.array(dtype=wp.vec3d)
    """At time 0, in the frame of the photo's camera [m]."""
    normal: wp.array(dtype=wp.vec3)
    """Of the front, world."""
    place: wp.array(dtype=wp.vec3)
    """World [m]."""
    light: wp.array(dtype=wp.vec3)
    lit: wp.array(dtype=wp.float32)
    before: wp.array(dtype=wp.float32)


@wp.func_native(
    """
#ifndef __CUDA_ARCH__
"""
    + TEXEL
    + """
    const int ss = sheet.supersample, across = sheet.cols * ss, columns = sheet.size[0], lines = sheet.size[1];
    const float* texels = reinterpret_cast<const float*>(sheet.atlas.data);
    const double inverse_u = 1.0 / sheet.lens[0], inverse_v = 1.0 / sheet.lens[1];
    const float ramp = 1.0f / (0.4f * sheet.slack), t = sheet.through;
    const int row = sheet.v + v;
    const float* near = surface.data + (long long)row * surface.shape[1] + sheet.u;
    const float* far = beyond.data + (long long)row * beyond.shape[1] + sheet.u;
    // colour and cover, premultiplied, of the point of a triangle that a ray (x, y, 1) meets
    auto look = [&](int f, double x, double y, int col, float& z, float& hidden) {
        const int i = face.data[3 * f], j = face.data[3 * f + 1], k = face.data[3 * f + 2];
        const double *a = vertex.seen.data[i].c, *b = vertex.seen.data[j].c, *c = vertex.seen.data[k].c;
        const double bc[3] = {b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]};
        const double ca[3] = {c[1] * a[2] - c[2] * a[1], c[2] * a[0] - c[0] * a[2], c[0] * a[1] - c[1] * a[0]};
        const double ab[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
        const double da = x * bc[0] + y * bc[1] + bc[2], db = x * ca[0] + y * ca[1] + ca[2];
        const double dc = x * ab[0] + y * ab[1] + ab[2], total = 1.0 / (da + db + dc);
        const double va = da * total, vb = db * total, vc = dc * total;
        const float wa = (float)va, wb = (float)vb, wc = (float)vc;
        z = (float)(va * a[2] + vb * b[2] + vc * c[2]);
        const four nothing = {0.0f, 0.0f, 0.0f, 0.0f};
        hidden = 0.0f;
        const float shown = held((far[col] + sheet.slack - z) * ramp + 1.0f, 0.0f, 1.0f);
        const double *sa = vertex.start.data[i].c, *sb = vertex.start.data[j].c, *sc = vertex.start.data[k].c;
        const double depth = va * sa[2] + vb * sb[2] + vc * sc[2];
        if (shown <= 0.0f || depth <= 0.0) return nothing;
        const float front = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2] > 0.0 ? -1.0f : 1.0f;
        const float *na = vertex.normal.data[i].c, *nb = vertex.normal.data[j].c, *nc = vertex.normal.data[k].c;
        float n[3], d[3], length = 0.0f, size = 0.0f, dot = 0.0f;
        const float fx = (float)x, fy = (float)y;
        for (int q = 0; q < 3; ++q) {
            n[q] = front * (wa * na[q] + wb * nb[q] + wc * nc[q]);
            d[q] = sheet.away.data[q][0] * fx + sheet.away.data[q][1] * fy + sheet.away.data[q][2];
            length += n[q] * n[q];
            size += d[q] * d[q];
        }
        length = 1.0f / sqrtf(length > 1.0e-30f ? length : 1.0e-30f);
        size = 1.0f / sqrtf(size);
        for (int q = 0; q < 3; ++q) {
            n[q] *= length;
            d[q] *= size;
            dot += n[q] * d[q];
        }
        // Along a silhouette the smooth normal may look away from a side that is seen: it is held at the limb.
        const float turned = (dot > -0.02f ? dot : -0.02f) + 0.02f;
        length = 0.0f;
        for (int q = 0; q < 3; ++q) {
            n[q] -= turned * d[q];
            length += n[q] * n[q];
        }
        length = 1.0f / sqrtf(length);
        for (int q = 0; q < 3; ++q) n[q] *= length;
        const float *la = vertex.light.data[i].c, *lb = vertex.light.data[j].c, *lc = vertex.light.data[k].c;
        float part[3];
        for (int q = 0; q < 3; ++q) part[q] = wa * la[q] + wb * lb[q] + wc * lc[q];
        const float there = wa * vertex.lit.data[i] + wb * vertex.lit.data[j] + wc * vertex.lit.data[k];
        const float was = wa * vertex.before.data[i] + wb * vertex.before.data[j] + wc * vertex.before.data[k];
        const float height = wa * vertex.place.data[i].c[1] + wb * vertex.place.data[j].c[1]
            + wc * vertex.place.data[k].c[1] - sheet.ground;
        const float sky = front < 0.0f ? part[2] : part[1], behind = front < 0.0f ? part[1] : part[2];
        const float cosine = n[0] * sheet.sun[0] + n[1] * sheet.sun[1] + n[2] * sheet.sun[2];
        const float lit = cosine + 0.15f > 0.0f ? (cosine + 0.15f) / 1.15f : 0.0f;
        const float unlit = 0.15f - cosine > 0.0f ? (0.15f - cosine) / 1.15f : 0.0f;
        const float up = 0.5f + 0.5f * n[1];
        const float open = sky * (0.55f + 0.45f * up) + t * behind * (0.55f + 0.45f * (1.0f - up));
        const float bounce = 0.4f * (1.0f - up) * sky * expf(-(height > 0.0f ? height : 0.0f) / sheet.radius);
        const float now = sheet.key * (part[0] * there * (lit + t * unlit)) + sheet.ambient * (open / (1.0f + t))
            + sheet.bounce * bounce;
        float ratio = held(now / (was > 1.0e-5f ? was : 1.0e-5f), sheet.low, sheet.high);
        if (front < 0.0f) ratio *= sheet.back;
        const double inverse = 1.0 / (depth > 1.0e-6 ? depth : 1.0e-6);
        const double su = (va * sa[0] + vb * sb[0] + vc * sc[0]) * inverse;
        const double sv = (va * sa[1] + vb * sb[1] + vc * sc[1]) * inverse;
        const float pu = (float)(sheet.photo_lens[0] * su + sheet.photo_lens[2]) - sheet.corner[0];
        const float pv = (float)(sheet.photo_lens[1] * sv + sheet.photo_lens[3]) - sheet.corner[1];
        four colour = sharp(texels, columns, lines, pu / sheet.texel, pv / sheet.texel);
        const float whole = held(colour[3], 0.0f, 1.0f), cover = whole * shown;
        const float clear = shown - held((near[col] + sheet.slack - z) * ramp + 1.0f, 0.0f, 1.0f);
        hidden = whole * (clear > 0.0f ? clear : 0.0f);
        colour *= ratio * cover;
        colour[3] = cover;
        return colour;
    };
    const unsigned long long none = 0xFFFFFFFFFFFFFFFFull;
    for (int u = 0; u < sheet.cols; ++u) {
        const long long first = (long long)v * ss * across + (long long)u * ss;
        float low = INFINITY, high = 0.0f;
        int count = 0;
        for (int b = 0; b < ss; ++b)
            for (int a = 0; a < ss; ++a) {
                const unsigned long long k = key.data[first + (long long)b * across + a];
                if (k == none) continue;
                const unsigned int bits = (unsigned int)(k >> 32);
                float z;
                __builtin_memcpy(&z, &bits, 4);
                low = z < low ? z : low;
                high = z > high ? z : high;
                ++count;
            }
        if (count == 0) continue;
        four sum = {0.0f, 0.0f, 0.0f, 0.0f};
        float past = 0.0f, z, hidden;
        const long long at = (long long)(out_v + v) * layer.shape[1] + out_u + u;
        float nearest = near_out.data[at];
        if (sheet.thin && count == ss * ss && high - low <= 2.0f * sheet.metres * low) {
            const double x = ((double)(sheet.u + u) * ss + 0.5 * ss - sheet.lens[2]) * inverse_u;
            const double y = ((double)row * ss + 0.5 * ss - sheet.lens[3]) * inverse_v;
            sum = look((int)(key.data[first] & 0xFFFFFFFFull), x, y, u, z, past);
            if (sum[3] > 0.25f && z < nearest) nearest = z;
        } else {
            for (int b = 0; b < ss; ++b)
                for (int a = 0; a < ss; ++a) {
                    const unsigned long long k = key.data[first + (long long)b * across + a];
                    if (k == none) continue;
                    const double x = ((double)(sheet.u + u) * ss + a + 0.5 - sheet.lens[2]) * inverse_u;
                    const double y = ((double)row * ss + b + 0.5 - sheet.lens[3]) * inverse_v;
                    const four one = look((int)(k & 0xFFFFFFFFull), x, y, u, z, hidden);
                    sum += one;
                    past += hidden;
                    if (one[3] > 0.25f && z < nearest) nearest = z;
                }
            sum *= 1.0f / (ss * ss);
            past *= 1.0f / (ss * ss);
        }
        float* o = reinterpret_cast<float*>(layer.data) + 4 * at;
        for (int c = 0; c < 4; ++c) o[c] += weight * sum[c];
        behind_out.data[at] += weight * past;
        near_out.data[at] = nearest;
    }
#endif
"""
)
def cloth_row(
    v: int,
    key: wp.array(dtype=wp.uint64),
    face: wp.array(dtype=wp.int32),
    vertex: Vertices,
    surface: wp.array2d(dtype=wp.float32),
    beyond: wp.array2d(dtype=wp.float32),
    sheet: Print,
    weight: float,
    out_u: int,
    out_v: int,
    layer: wp.array2d(dtype=wp.vec4),
    behind_out: wp.array2d(dtype=wp.float32),
    near_out: wp.array2d(dtype=wp.float32),
):
    """Row v of the window."""
    ...


@wp.kernel
def cloth_kernel(
    # inputs
    key: wp.array(dtype=wp.uint64),
    face: wp.array(dtype=wp.int32),
    vertex: Vertices,
    surface: wp.array2d(dtype=wp.float32),
    beyond: wp.array2d(dtype=wp.float32),
    sheet: Print,
    weight: float,
    out_u: int,
    out_v: int,
    # outputs
    layer: wp.array2d(dtype=wp.vec4),
    behind_out: wp.array2d(dtype=wp.float32),
    near_out: wp.array2d(dtype=wp.float32),
):
    v = wp.tid()
    cloth_row(v, key, face, vertex, surface, beyond, sheet, weight, out_u, out_v, layer, behind_out, near_out)


def paint(key, face, vertex, surface, beyond, sheet, *, weight, corner, layer, behind_out, near_out):
    """Add a cloth of the photo, times ``weight``, to a layer; CPU only.

    Args:
        key: Of ``cloth_raster.cloth_raster``, (rows * supersample * cols * supersample,).
        face: Vertices of each triangle (M * 3,).
        vertex: ``Vertices``.
        surface: z of the photographed surface in the whole picture [m].
        beyond: The same, but the farther side along its edges: what lies clearly behind it is hidden.
        sheet: ``Print``.
        weight: Of this instant.
        corner: (v, u) of the window in the layer [pixels].
        layer: vec4, premultiplied linear colour and cover.
        behind_out: Cover that lies clearly behind ``surface``, though not behind ``beyond``.
        near_out: Nearest z where it covers more than a quarter of a sample [m].
    """
    inputs = [key, face, vertex, surface, beyond, sheet, float(weight), int(corner[1]), int(corner[0])]
    wp.launch(
        cloth_kernel, dim=sheet.rows, inputs=inputs, outputs=[layer, behind_out, near_out], device=layer.device
    )  # fmt: skip
