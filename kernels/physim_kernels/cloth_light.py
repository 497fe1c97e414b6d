"""Light and sky that cloth takes from what is near it, itself included. From depth charts, no rays.

A light is a distant disc. The cloth is drawn once from its direction on a grid of texels: per texel the height of the
layer nearest to the light. A receiver sees the disc as a cone over its own place in that chart, of radius ``spread``
times the height of what is above it; the hidden part is the mean cover over the cone (percentage-closer soft shadows;
Fernando 2005), read from a pyramid of the chart at the level whose texel is a quarter of the cone, so there is no noise
and no banding. The sky is the sum of a few wide discs.

A pyramid holds (cover, cover x height) per texel; heights are along the light, in the light frame [m].
"""

import warp as wp

from physim_kernels.occlusion import Receiver, normal_at, seen_at

wp.set_module_options({"enable_backward": False})

EMPTY = wp.constant(-1.0e30)
GOLDEN = wp.constant(2.399963229728653)


@wp.struct
class LightChart:
    """One light's view of the cloth at one or more instants; all instants share the frame."""

    light_from_world: wp.mat33
    corner: wp.vec2
    """Lower corner of the chart in the light's (x, y) [m]."""
    texel: float
    """[m]"""
    side: int
    """Texels per side of the finest level, a power of two."""
    levels: int
    top: float
    """Greatest height of any cloth [m]."""
    spread: float
    """Tangent of the light's angular radius."""
    taps: int
    """Places of a cone that are looked at."""
    stride: int
    """Texels of all levels of one instant."""
    texels: wp.array(dtype=wp.vec2)


@wp.kernel
def height_kernel(
    # inputs
    point: wp.array(dtype=wp.vec3),
    face: wp.array(dtype=wp.int32),
    chart: LightChart,
    # outputs
    height: wp.array(dtype=wp.float32),
):
    """Greatest height of the triangles over the middle of each texel."""
    t = wp.tid()
    a = chart.light_from_world * point[face[3 * t]]
    b = chart.light_from_world * point[face[3 * t + 1]]
    c = chart.light_from_world * point[face[3 * t + 2]]
    ax = (a[0] - chart.corner[0]) / chart.texel
    ay = (a[1] - chart.corner[1]) / chart.texel
    bx = (b[0] - chart.corner[0]) / chart.texel
    by = (b[1] - chart.corner[1]) / chart.texel
    cx = (c[0] - chart.corner[0]) / chart.texel
    cy = (c[1] - chart.corner[1]) / chart.texel
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if wp.abs(area) < 1.0e-9:
        return
    i0 = wp.clamp(int(wp.floor(wp.min(ax, wp.min(bx, cx)) - 0.5)), 0, chart.side - 1)
    i1 = wp.clamp(int(wp.ceil(wp.max(ax, wp.max(bx, cx)) - 0.5)), 0, chart.side - 1)
    j0 = wp.clamp(int(wp.floor(wp.min(ay, wp.min(by, cy)) - 0.5)), 0, chart.side - 1)
    j1 = wp.clamp(int(wp.ceil(wp.max(ay, wp.max(by, cy)) - 0.5)), 0, chart.side - 1)
    for j in range(j0, j1 + 1):
        for i in range(i0, i1 + 1):
            x = float(i) + 0.5
            y = float(j) + 0.5
            s = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
            r = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
            if s >= -1.0e-4 and r >= -1.0e-4 and s + r <= 1.0001:
                wp.atomic_max(height, j * chart.side + i, a[2] + s * (b[2] - a[2]) + r * (c[2] - a[2]))


@wp.kernel
def finest_kernel(
    height: wp.array(dtype=wp.float32),
    first: int,
    # outputs
    texels: wp.array(dtype=wp.vec2),
):
    k = wp.tid()
    texels[first + k] = wp.vec2(0.0, 0.0)
    if height[k] > 0.5 * EMPTY:
        texels[first + k] = wp.vec2(1.0, height[k])


@wp.kernel
def coarser_kernel(
    source: int,
    target: int,
    side: int,
    # outputs
    texels: wp.array(dtype=wp.vec2),
):
    j, i = wp.tid()
    k = source + 2 * j * 2 * side + 2 * i
    mean = texels[k] + texels[k + 1] + texels[k + 2 * side] + texels[k + 2 * side + 1]
    texels[target + j * side + i] = 0.25 * mean


@wp.func
def read_level(chart: LightChart, first: int, level: int, x: float, y: float):
    """Bilinear (cover, cover x height) at (x, y) [finest texels]; nothing outside."""
    start = first
    side = chart.side
    scale = float(1.0)
    for _k in range(level):
        start += side * side
        side = side / 2
        scale = 0.5 * scale
    gx = x * scale - 0.5
    gy = y * scale - 0.5
    i = int(wp.floor(gx))
    j = int(wp.floor(gy))
    s = gx - float(i)
    t = gy - float(j)
    total = wp.vec2(0.0, 0.0)
    for b in range(2):
        for a in range(2):
            u = i + a
            v = j + b
            if u >= 0 and v >= 0 and u < side and v < side:
                wu = float(a) * s + float(1 - a) * (1.0 - s)
                wv = float(b) * t + float(1 - b) * (1.0 - t)
                total += wu * wv * chart.texels[start + v * side + u]
    return total


@wp.func
def above(cell: wp.vec2, z: float, soft: float):
    """Part of a texel that is covered by what lies higher than z."""
    if cell[0] < 1.0e-4:
        return 0.0
    return cell[0] * wp.clamp((cell[1] / cell[0] - z) / soft + 0.5, 0.0, 1.0)


@wp.func
def cone_hidden(chart: LightChart, instant: int, p: wp.vec3, soft: float):
    """Part of the light that cloth hides from a world point, 0 to 1."""
    q = chart.light_from_world * p
    if q[2] >= chart.top + soft:
        return 0.0
    first = instant * chart.stride
    x = (q[0] - chart.corner[0]) / chart.texel
    y = (q[1] - chart.corner[1]) / chart.texel
    edge = float(chart.side)
    reach = wp.max(chart.spread * (chart.top - q[2]) / chart.texel, 0.5)
    if x < -reach or y < -reach or x > edge + reach or y > edge + reach:
        return 0.0
    # How high is what is above? Then the cone is that wide.
    level = wp.clamp(int(wp.log2(wp.max(0.5 * reach, 1.0))), 0, chart.levels - 1)
    weight = float(0.0)
    rise = float(0.0)
    for k in range(chart.taps):
        r = reach * wp.sqrt((float(k) + 0.5) / float(chart.taps))
        cell = read_level(chart, first, level, x + r * wp.cos(GOLDEN * float(k)), y + r * wp.sin(GOLDEN * float(k)))
        part = above(cell, q[2], soft)
        if part > 0.0:
            weight += part
            rise += part * wp.max(cell[1] / cell[0] - q[2], 0.0)
    if weight <= 0.0:
        return 0.0
    radius = wp.max(chart.spread * rise / weight / chart.texel, 0.5)
    level = wp.clamp(int(wp.log2(wp.max(0.5 * radius, 1.0))), 0, chart.levels - 1)
    total = float(0.0)
    for k in range(chart.taps):
        r = radius * wp.sqrt((float(k) + 0.5) / float(chart.taps))
        cell = read_level(chart, first, level, x + r * wp.cos(GOLDEN * float(k)), y + r * wp.sin(GOLDEN * float(k)))
        total += above(cell, q[2], soft)
    return total / float(chart.taps)


@wp.func
def sky_covered(charts: wp.array(dtype=LightChart), first: int, instant: int, p: wp.vec3, n: wp.vec3, soft: float):
    """Part of the sky above the horizon of ``n`` that cloth hides, cosine weighted."""
    hidden = float(0.0)
    whole = float(0.0)
    for k in range(first, charts.shape[0]):
        chart = charts[k]
        towards = wp.vec3(chart.light_from_world[2, 0], chart.light_from_world[2, 1], chart.light_from_world[2, 2])
        share = wp.max(wp.dot(towards, n), 0.0)
        if share > 0.02:
            whole += share
            hidden += share * cone_hidden(chart, instant, p, soft)
    return hidden / wp.max(whole, 1.0e-6)


@wp.kernel
def vertex_light_kernel(
    # inputs
    point: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    charts: wp.array(dtype=LightChart),
    lift: float,
    # outputs
    light_out: wp.array(dtype=wp.vec3),
):
    """Sun left, sky left over the front, sky left over the back of every vertex of the cloth itself.

    The sky over a side is asked for a little off the surface, so that a layer does not hide itself.
    """
    i = wp.tid()
    n = normal[i]
    p = point[i]
    sun = charts[0]
    towards = wp.vec3(sun.light_from_world[2, 0], sun.light_from_world[2, 1], sun.light_from_world[2, 2])
    # Of the light that arrives from either side the layer itself takes nothing: only what is clearly above it does.
    clear = 1.0 - cone_hidden(sun, 0, p + 2.0 * lift * towards, lift)
    front = 1.0 - sky_covered(charts, 1, 0, p + 1.5 * lift * n, n, lift)
    back = 1.0 - sky_covered(charts, 1, 0, p - 1.5 * lift * n, -n, lift)
    light_out[i] = wp.vec3(clear, front, back)


@wp.kernel
def point_light_kernel(
    # inputs
    point: wp.array2d(dtype=wp.vec3),
    normal: wp.array2d(dtype=wp.vec3),
    ids: wp.array2d(dtype=wp.uint16),
    pose: wp.array(dtype=wp.mat44),
    charts: wp.array(dtype=LightChart),
    instant: int,
    soft: float,
    # outputs
    hidden_out: wp.array2d(dtype=wp.vec2),
):
    """Parts of sun and sky that cloth takes from the visible points of bodies, given in body coordinates."""
    v, u = wp.tid()
    hidden_out[v, u] = wp.vec2(0.0, 0.0)
    number = int(ids[v, u])
    if number == 0:
        return
    p = wp.transform_point(pose[number], point[v, u])
    sun = cone_hidden(charts[0], instant, p, soft)
    sky = sky_covered(charts, 1, instant, p, normal[v, u], soft)
    hidden_out[v, u] = wp.vec2(sun, sky)


@wp.kernel
def ground_light_kernel(
    # inputs
    surface: Receiver,
    where: wp.array(dtype=wp.int32),
    charts: wp.array(dtype=LightChart),
    instants: int,
    soft: float,
    sky: int,
    # outputs
    hidden_out: wp.array(dtype=wp.float32),
):
    """Part of the sun, mean over the instants, or of the sky that cloth takes from a photographed surface."""
    i = wp.tid()
    cols = surface.depth.shape[1]
    v = where[i] // cols
    u = where[i] - v * cols
    p = wp.transform_point(surface.world_from_camera, seen_at(surface, v, u))
    n = wp.transform_vector(surface.world_from_camera, normal_at(surface, v, u))
    if sky == 1:
        hidden_out[i] = sky_covered(charts, 1, instants / 2, p, n, soft)  # it varies slowly
    else:
        sun = float(0.0)
        for k in range(instants):
            sun += cone_hidden(charts[0], k, p, soft)
        hidden_out[i] = sun / float(instants)


def build_chart(point, face, chart, instant, *, height):
    """Draw the cloth from a light into one instant of its pyramid.

    Args:
        point: Vertices [m], (N,) vec3, world.
        face: (M * 3,) int32.
        chart: ``LightChart``; its ``texels`` are written.
        instant: Which.
        height: Scratch, float32, (side * side,).
    """
    device = point.device
    height.fill_(-1.0e30)
    wp.launch(height_kernel, dim=face.shape[0] // 3, inputs=[point, face, chart], outputs=[height], device=device)
    start = instant * chart.stride
    inputs = [height, start]
    wp.launch(finest_kernel, dim=chart.side * chart.side, inputs=inputs, outputs=[chart.texels], device=device)
    side = chart.side
    for _level in range(1, chart.levels):
        target, side = start + side * side, side // 2
        inputs = [start, target, side]
        wp.launch(coarser_kernel, dim=(side, side), inputs=inputs, outputs=[chart.texels], device=device)
        start = target


def vertex_light(point, normal, charts, *, lift, light_out):
    """What is left of sun and sky at the cloth's own vertices: (sun, sky over the front, sky over the back).

    Args:
        point: (N,) vec3, world [m].
        normal: (N,) vec3, of the front.
        charts: ``LightChart`` of the sun, then those of the sky; of one instant.
        lift: How far off itself a layer looks, and how soft heights are told apart [m].
        light_out: (N,) vec3.
    """
    inputs = [point, normal, charts, float(lift)]
    wp.launch(vertex_light_kernel, dim=point.shape[0], inputs=inputs, outputs=[light_out], device=point.device)


def point_light(point, normal, ids, pose, charts, instant, *, soft, hidden_out):
    """Parts of sun and sky that cloth hides from points of bodies, (rows, cols) vec2.

    Args:
        point: Body coordinates [m].
        normal: World.
        ids: Entity numbers, 0 for none.
        pose: world_from_body by entity number.
        charts: ``LightChart`` of the sun, then those of the sky.
        instant: Of the charts.
        soft: How soft heights are told apart [m].
        hidden_out: In [0, 1].
    """
    inputs = [point, normal, ids, pose, charts, instant, float(soft)]
    wp.launch(point_light_kernel, dim=ids.shape, inputs=inputs, outputs=[hidden_out], device=ids.device)


def ground_light(surface, where, charts, instants, *, soft, sky, hidden_out):
    """Part of the sun, mean over instants, or of the sky that cloth hides from pixels of a photographed surface, (N,).

    Args:
        surface: ``Receiver``.
        where: Flat indices of its pixels (N,).
        charts: ``LightChart`` of the sun, then those of the sky.
        instants: How many the charts hold.
        soft: How soft heights are told apart [m].
        sky: Whether the sky is asked for.
        hidden_out: In [0, 1].
    """
    inputs = [surface, where, charts, instants, float(soft), int(sky)]
    wp.launch(ground_light_kernel, dim=where.shape[0], inputs=inputs, outputs=[hidden_out], device=where.device)
