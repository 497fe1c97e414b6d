"""How much of a light, and of the sky, a solid hides from a point. Closed forms, no rays, so no noise and no bands.

Distant round light of angular radius ``a`` in the direction ``l``: in the frame (x, y, z = along l) about the receiver,
the light is a disc of radius ``tan a`` in the plane (x / z, y / z). A convex solid covers there the polygon of its
outline, and the hidden part is the area of polygon ∩ disc: a sum over edges of triangle-and-sector pieces. A ball
covers a disc, and the hidden part is the lens of two circles.

Sky (cosine-weighted hemisphere): a convex polyhedron hides the sum over the faces turned to the receiver of Lambert's
form factor (Lambert 1760; Baum, Rushmeier, Winget 1989, eq. 4), each face clipped to the horizon::

    F = 1 / (2 pi) sum_edges angle(a, b) n . (a x b) / |a x b|

A ball hides R^2 cos / d^2, or its clipped form where it cuts the horizon (Quilez, "sphere ambient occlusion", 2006).
"""

import warp as wp

wp.set_module_options({"enable_backward": False})

PI = wp.constant(3.14159265358979)
REACH = wp.constant(3.5)  # sky hidden by a solid farther than this many of its radii is not felt (about 2 %)


@wp.struct
class Casters:
    """Convex solids that hide light during an exposure: first those that rest, one row each, then those that move.

    Moving caster c of instant s is row ``fixed + s * count + c``. The solids that make up one body are neighbours.
    """

    fixed: int
    count: int
    ball: wp.array(dtype=wp.vec4)
    """World centre and radius [m] of the bounding ball."""
    round: wp.array(dtype=wp.int32)
    """1 where the solid is the ball itself."""
    mean: wp.array(dtype=wp.float32)
    """Radius of the ball of equal volume [m]: what the solid is to the sky from afar."""
    body: wp.array(dtype=wp.int32)
    """Entity number, so that a body does not shade itself."""
    weight: wp.array(dtype=wp.float32)
    """How much of the hiding counts, 0 to 1."""
    outline: wp.array(dtype=wp.vec3)
    """Corners of the outline seen from the light, counter-clockwise, in the light frame [m]."""
    outline_start: wp.array(dtype=wp.int32)
    corner: wp.array(dtype=wp.vec3)
    """World corners of all faces [m], counter-clockwise from outside."""
    face_start: wp.array(dtype=wp.int32)
    body_face_start: wp.array(dtype=wp.int32)


@wp.struct
class Sun:
    """A distant round light: the rows of ``light_from_world`` and the tangent of its angular radius."""

    x: wp.vec3
    y: wp.vec3
    z: wp.vec3
    spread: float


@wp.func
def cross2(a: wp.vec2, b: wp.vec2):
    return a[0] * b[1] - a[1] * b[0]


@wp.func
def sector(a: wp.vec2, b: wp.vec2):
    """Signed area of the unit disc between the directions a and b."""
    return 0.5 * wp.atan2(cross2(a, b), wp.dot(a, b))


@wp.func
def disc_edge_area(a: wp.vec2, b: wp.vec2):
    """Signed area of the triangle (0, a, b) inside the unit disc."""
    d = b - a
    length = wp.length(d)
    if length < 1.0e-9:
        return 0.0
    u = d / length
    n = wp.vec2(-u[1], u[0])
    height = wp.dot(a, n)
    if wp.abs(height) >= 1.0:
        return sector(a, b)
    half = wp.sqrt(1.0 - height * height)
    start = wp.dot(a, u)
    enter = wp.clamp(-half, start, start + length)
    leave = wp.clamp(half, start, start + length)
    if enter >= leave:
        return sector(a, b)
    p = n * height + u * enter
    q = n * height + u * leave
    area = 0.5 * cross2(p, q)
    if enter > start:
        area += sector(a, p)
    if leave < start + length:
        area += sector(q, b)
    return area


@wp.func
def lens_fraction(distance: float, radius: float):
    """Part of the unit disc that a disc of ``radius`` at ``distance`` covers."""
    if distance >= 1.0 + radius:
        return 0.0
    if distance <= wp.abs(radius - 1.0):
        return wp.min(radius * radius, 1.0)
    x = (distance * distance + 1.0 - radius * radius) / (2.0 * distance)
    y = (distance - x) / radius
    own = wp.acos(wp.clamp(x, -1.0, 1.0))
    other = wp.acos(wp.clamp(y, -1.0, 1.0))
    kite = distance * wp.sqrt(wp.max(1.0 - x * x, 0.0))
    return (own + radius * radius * other - kite) / PI


@wp.func
def outline_margin(p: wp.vec3, outline: wp.array(dtype=wp.vec3), start: int, end: int, spread: float, near: float):
    """How far the light's centre lies inside the outline, in radii of the light; 0 if the outline has to be clipped."""
    margin = float(1.0e9)
    last = outline[end - 1] - p
    if last[2] <= near:
        return 0.0
    a = wp.vec2(last[0], last[1]) / last[2]
    for i in range(start, end):
        q = outline[i] - p
        if q[2] <= near:
            return 0.0
        b = wp.vec2(q[0], q[1]) / q[2]
        d = b - a
        length = wp.length(d)
        if length > 1.0e-9:
            margin = wp.min(margin, cross2(a, d) / length)
        a = b
    return margin / spread


@wp.func
def outline_hidden(p: wp.vec3, outline: wp.array(dtype=wp.vec3), start: int, end: int, spread: float, near: float):
    """Part of the light hidden by a convex outline from ``p`` (light frame). What lies behind ``p`` is clipped."""
    margin = outline_margin(p, outline, start, end, spread, near)
    if margin >= 1.0:
        return 1.0
    if margin <= -1.0:
        return 0.0
    # The outline is no plane curve: it may dip behind p more than once, and is closed where it does.
    area = float(0.0)
    open = int(0)
    begun = int(0)
    exit = wp.vec2(0.0, 0.0)
    entry = wp.vec2(0.0, 0.0)
    first = wp.vec2(0.0, 0.0)
    previous = outline[end - 1] - p
    for i in range(start, end):
        current = outline[i] - p
        a3 = previous
        b3 = current
        previous = current
        if a3[2] <= near and b3[2] <= near:
            continue
        if a3[2] <= near:
            a3 = a3 + (b3 - a3) * ((near - a3[2]) / (b3[2] - a3[2]))
            entry = wp.vec2(a3[0], a3[1]) / (near * spread)
            if open == 1:
                area += disc_edge_area(exit, entry)
                open = 0
            else:
                first = entry
                begun = 1
        if b3[2] <= near:
            b3 = a3 + (b3 - a3) * ((near - a3[2]) / (b3[2] - a3[2]))
            exit = wp.vec2(b3[0], b3[1]) / (near * spread)
            open = 1
        a = wp.vec2(a3[0], a3[1]) / (a3[2] * spread)
        b = wp.vec2(b3[0], b3[1]) / (b3[2] * spread)
        area += disc_edge_area(a, b)
    if open == 1 and begun == 1:
        area += disc_edge_area(exit, first)
    return wp.clamp(area / PI, 0.0, 1.0)


@wp.func
def sun_hidden(point: wp.vec3, casters: Casters, row: int, sun: Sun):
    """Part of the light that one caster hides from a world point, 0 to 1."""
    ball = casters.ball[row]
    to = wp.vec3(ball[0], ball[1], ball[2]) - point
    radius = ball[3]
    along = wp.dot(to, sun.z)
    if along < -radius:
        return 0.0
    x = wp.dot(to, sun.x)
    y = wp.dot(to, sun.y)
    aside = wp.sqrt(x * x + y * y)
    if aside > radius + sun.spread * (along + radius):
        return 0.0
    if casters.round[row] == 1:
        # Angles, not the plane (x / z, y / z): there a near ball far off the axis would be an ellipse.
        seen = wp.asin(wp.min(radius / wp.length(to), 1.0))
        return lens_fraction(wp.atan2(aside, along) / sun.spread, seen / sun.spread)
    local = wp.vec3(wp.dot(point, sun.x), wp.dot(point, sun.y), wp.dot(point, sun.z))
    start = casters.outline_start[row]
    end = casters.outline_start[row + 1]
    return outline_hidden(local, casters.outline, start, end, sun.spread, 1.0e-3 * radius)


@wp.func
def edge_factor(a: wp.vec3, b: wp.vec3, n: wp.vec3):
    c = wp.cross(a, b)
    sine = wp.length(c)
    if sine < 1.0e-12:
        return 0.0
    return wp.atan2(sine, wp.dot(a, b)) * wp.dot(n, c) / sine


@wp.func
def face_factor(point: wp.vec3, n: wp.vec3, corner: wp.array(dtype=wp.vec3), start: int, end: int):
    """Form factor of one face turned to the receiver, clipped to the horizon."""
    total = float(0.0)
    crossed = int(0)
    exit = wp.vec3(0.0, 0.0, 0.0)
    entry = wp.vec3(0.0, 0.0, 0.0)
    previous = corner[end - 1] - point
    for i in range(start, end):
        current = corner[i] - point
        a = previous
        b = current
        previous = current
        ha = wp.dot(a, n)
        hb = wp.dot(b, n)
        if ha <= 0.0 and hb <= 0.0:
            continue
        # A corner on the horizon itself counts as below it, or the outline would stay open.
        if ha <= 0.0:
            a = a + (b - a) * (ha / (ha - hb))
            entry = a
            crossed = 1
        elif hb <= 0.0:
            b = a + (b - a) * (ha / (ha - hb))
            exit = b
            crossed = 1
        total += edge_factor(a, b, n)
    if crossed == 1:
        total += edge_factor(exit, entry, n)
    return wp.abs(total) / (2.0 * PI)


@wp.func
def ball_factor(to: wp.vec3, radius: float, n: wp.vec3):
    """Part of the cosine-weighted sky that a ball hides."""
    d = wp.length(to)
    if d <= radius:
        return 1.0
    cosine = wp.dot(n, to) / d
    h = d / radius
    h2 = h * h
    cut = 1.0 - h2 * cosine * cosine
    if cut <= 1.0e-3:
        return wp.max(cosine, 0.0) / h2
    edge = wp.clamp(-cosine * wp.sqrt((h2 - 1.0) / wp.max(1.0 - cosine * cosine, 1.0e-9)), -1.0, 1.0)
    part = cosine * wp.acos(edge) - wp.sqrt(cut * (h2 - 1.0))
    return wp.max(part / h2 + wp.atan(wp.sqrt(cut / (h2 - 1.0))), 0.0) / PI


@wp.func
def solid_factor(point: wp.vec3, n: wp.vec3, casters: Casters, row: int):
    """Part of the cosine-weighted sky that the faces turned to the receiver hide; all of it from inside the solid.

    Where a solid has sunk into the ground a little, no face is turned to the ground inside of it.
    """
    hidden = float(0.0)
    turned = int(0)
    for f in range(casters.body_face_start[row], casters.body_face_start[row + 1]):
        start = casters.face_start[f]
        end = casters.face_start[f + 1]
        a = casters.corner[start]
        outward = wp.cross(casters.corner[start + 1] - a, casters.corner[start + 2] - a)
        if wp.dot(outward, point - a) > 0.0:
            turned = turned + 1
            hidden += face_factor(point, n, casters.corner, start, end)
    if turned == 0 and casters.body_face_start[row + 1] > casters.body_face_start[row]:
        hidden = 1.0
    return hidden


@wp.func
def sky_hidden(point: wp.vec3, n: wp.vec3, casters: Casters, row: int):
    """Part of the cosine-weighted sky that one caster hides from a surface point, faded out at ``REACH`` radii."""
    ball = casters.ball[row]
    to = wp.vec3(ball[0], ball[1], ball[2]) - point
    near = wp.length(to) / (REACH * ball[3])
    if near >= 1.0:
        return 0.0
    fade = (1.0 - near * near) * (1.0 - near * near)
    fade = wp.min(1.0, 1.6 * fade)
    if casters.round[row] == 1:
        return fade * ball_factor(to, ball[3], n)
    # Beyond two radii form hardly matters, and a ball costs a tenth of a polyhedron.
    far = wp.clamp(wp.length(to) / (0.5 * ball[3]) - 3.0, 0.0, 1.0)
    hidden = float(0.0)
    if far > 0.0:
        hidden = far * ball_factor(to, casters.mean[row], n)
    if far < 1.0:
        hidden += (1.0 - far) * solid_factor(point, n, casters, row)
    return fade * wp.min(hidden, 1.0)


@wp.func
def sun_left(point: wp.vec3, casters: Casters, first: int, end: int, own: int, sun: Sun):
    """Part of the light that the casters ``first`` to ``end`` - 1 leave, but for those of the body ``own``.

    The solids of one body lie side by side: what they hide adds up, and no light comes through their joints. Bodies
    stand before one another: what they leave is a product.
    """
    clear = float(1.0)
    hidden = float(0.0)
    for c in range(first, end):
        if casters.weight[c] > 0.0 and casters.body[c] != own:
            hidden += sun_hidden(point, casters, c, sun)
            if c + 1 == end or casters.body[c + 1] != casters.body[c]:
                clear = clear * (1.0 - casters.weight[c] * wp.min(hidden, 1.0))
                hidden = 0.0
    return clear


@wp.func
def sky_left(point: wp.vec3, n: wp.vec3, casters: Casters, first: int, end: int, own: int):
    """Part of the sky that the casters ``first`` to ``end`` - 1 leave, but for those of the body ``own``: a product.

    Of the solids of one body, too: they hide one another from most places, and a sum would be black all around.
    """
    clear = float(1.0)
    for c in range(first, end):
        if casters.weight[c] > 0.0 and casters.body[c] != own:
            clear = clear * (1.0 - casters.weight[c] * wp.min(sky_hidden(point, n, casters, c), 1.0))
    return clear


@wp.kernel
def hidden_kernel(
    # inputs
    point: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    casters: Casters,
    sun: Sun,
    # outputs
    sun_out: wp.array(dtype=wp.float32),
    sky_out: wp.array(dtype=wp.float32),
):
    i = wp.tid()
    sun_out[i] = 1.0 - sun_left(point[i], casters, 0, casters.fixed, 0, sun)
    sky_out[i] = 1.0 - sky_left(point[i], normal[i], casters, 0, casters.fixed, 0)


@wp.struct
class Receiver:
    """The photographed surface as a depth map."""

    depth: wp.array2d(dtype=wp.float32)
    """z of the camera [m]"""
    world_from_camera: wp.mat44
    lens: wp.vec4
    """(f_u, f_v, c_u, c_v) [pixels]"""


@wp.func
def seen_at(surface: Receiver, v: int, u: int):
    """Point of the surface in the camera frame."""
    z = surface.depth[v, u]
    x = (float(u) + 0.5 - surface.lens[2]) / surface.lens[0]
    y = (float(v) + 0.5 - surface.lens[3]) / surface.lens[1]
    return wp.vec3(x * z, y * z, z)


@wp.func
def shorter(a: wp.vec3, b: wp.vec3):
    if wp.length_sq(a) <= wp.length_sq(b):
        return a
    return b


@wp.func
def normal_at(surface: Receiver, v: int, u: int):
    """Unit normal to the camera, camera frame. The shorter of both one-sided steps: it does not lean over edges."""
    here = seen_at(surface, v, u)
    rows = surface.depth.shape[0]
    cols = surface.depth.shape[1]
    right = seen_at(surface, v, wp.min(u + 1, cols - 1)) - here
    left = here - seen_at(surface, v, wp.max(u - 1, 0))
    down = seen_at(surface, wp.min(v + 1, rows - 1), u) - here
    up = here - seen_at(surface, wp.max(v - 1, 0), u)
    if u + 1 >= cols:
        right = left
    if u == 0:
        left = right
    if v + 1 >= rows:
        down = up
    if v == 0:
        up = down
    n = wp.normalize(wp.cross(shorter(right, left), shorter(down, up)))
    if wp.dot(n, here) > 0.0:
        n = -n
    return n


@wp.kernel
def shadow_factor_kernel(
    # inputs
    surface: Receiver,
    where: wp.array(dtype=wp.int32),
    lit: wp.array(dtype=wp.float32),
    casters: Casters,
    instants: int,
    sun: Sun,
    floor: float,
    contact: float,
    # outputs
    factor_out: wp.array(dtype=wp.float32),
):
    """Mean over the instants of ((1 - s) V (1 - f) + f a) / (V (1 - f) + f), times a part of the sky lost.

    Casters stand before one another: what several leave of sun or sky is the product of what each leaves.
    """
    i = wp.tid()
    cols = surface.depth.shape[1]
    v = where[i] // cols
    u = where[i] - v * cols
    p = wp.transform_point(surface.world_from_camera, seen_at(surface, v, u))
    n = wp.transform_vector(surface.world_from_camera, normal_at(surface, v, u))
    direct = lit[i] * (1.0 - floor)
    fixed_clear = sun_left(p, casters, 0, casters.fixed, 0, sun)
    fixed_open = sky_left(p, n, casters, 0, casters.fixed, 0)
    total = float(0.0)
    ambient = float(1.0)
    stride = (instants + 3) // 4  # the sky varies slowly: four instants are enough for it
    for s in range(instants):
        first = casters.fixed + s * casters.count
        clear = fixed_clear * sun_left(p, casters, first, first + casters.count, 0, sun)
        if s % stride == 0:
            ambient = fixed_open * sky_left(p, n, casters, first, first + casters.count, 0)
        left = (clear * direct + floor * ambient) / (direct + floor)
        total += left * (1.0 - contact * (1.0 - ambient))
    factor_out[i] = total / float(instants)


def hidden(point, normal, casters, sun, *, sun_out, sky_out):
    """Parts of the light and of the sky hidden by the fixed casters.

    Args:
        point: Receivers [m], (N,) vec3, world.
        normal: Their unit normals, (N,) vec3, world.
        casters: Solids in the way.
        sun: The light.
        sun_out: (N,) in [0, 1]; casters are taken as independent.
        sky_out: (N,) in [0, 1].
    """
    inputs = [point, normal, casters, sun]
    wp.launch(hidden_kernel, dim=point.shape[0], inputs=inputs, outputs=[sun_out, sky_out], device=point.device)


def shadow_factor(surface, where, lit, casters, instants, sun, *, floor, contact, factor_out):
    """What is left of the light on a surface that was photographed without the casters, mean over instants.

    Args:
        surface: The surface.
        where: Its pixels that are asked for, flat indices (N,).
        lit: Part of the direct light that already arrives there in the photo, (N,) in [0, 1].
        casters: Solids in the way, ``casters.fixed + instants * casters.count`` rows.
        instants: Number of moments averaged.
        sun: The light.
        floor: Brightness in full shadow over brightness in full light [-], above 0.
        contact: Part of the sky lost that dims everything [-].
        factor_out: (N,), 1 where nothing changes.
    """
    inputs = [surface, where, lit, casters, instants, sun, floor, contact]
    wp.launch(shadow_factor_kernel, dim=where.shape[0], inputs=inputs, outputs=[factor_out], device=where.device)
