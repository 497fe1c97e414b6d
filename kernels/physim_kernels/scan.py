"""Which pixels a triangle covers and how deep it lies there; for the kernels that draw bodies, cloth and liquids.

A pixel's ray ``r = (x, y, 1)`` (camera frame, z = 1) meets the triangle (a, b, c) where, with

    w_a = r . (b x c),   w_b = r . (c x a),   w_c = r . (a x b),   V = a . (b x c)

all w have the sign of V; then the depth is ``z = V / (w_a + w_b + w_c)`` and ``w / (w_a + w_b + w_c)`` are the
perspective-correct barycentrics. Nothing is divided by the depth of a vertex, so a triangle may pass behind the camera
without being clipped. Front faces (counter-clockwise seen from outside) have V < 0, back faces V > 0.
Source: Olano, Greer, Triangle scan conversion using 2D homogeneous coordinates, 1997.

Visibility is one 64-bit minimum per pixel: the bits of the depth above the number of the triangle. Positive floats sort
like their bits, so the result does not depend on the order of threads.

Camera frame OpenCV (x right, y down, z forward) [m]. A lens is (f_u, f_v, c_u, c_v) [pixels]; pixel centres at +0.5.
Edge functions are float64: in float32 their cancellation costs a tenth of a pixel on small triangles of a 4K picture.
Only structs and ``wp.func``.
"""

import warp as wp

NOTHING = 0xFFFFFFFFFFFFFFFF
"""Key of a pixel without a surface."""


@wp.struct
class Window:
    """A crop of the picture."""

    u: wp.int32
    v: wp.int32
    rows: wp.int32
    cols: wp.int32


@wp.func
def project(point: wp.vec3d, lens: wp.vec4d) -> wp.vec2d:
    """Camera-frame point to pixels; the depth is held off zero so that the result stays finite."""
    z = wp.max(point[2], wp.float64(1.0e-6))
    return wp.vec2d(lens[0] * point[0] / z + lens[2], lens[1] * point[1] / z + lens[3])


@wp.func
def ray_at(u: wp.int32, v: wp.int32, lens: wp.vec4d) -> wp.vec3d:
    """Ray through a pixel centre, z = 1."""
    half = wp.float64(0.5)
    return wp.vec3d(
        (wp.float64(u) + half - lens[2]) / lens[0], (wp.float64(v) + half - lens[3]) / lens[1], wp.float64(1.0)
    )


@wp.func
def low_pixel(a: wp.float64, b: wp.float64, c: wp.float64, size: wp.int32) -> wp.int32:
    """First pixel whose centre may lie inside, clamped to the window."""
    return wp.int32(wp.clamp(wp.floor(wp.min(wp.min(a, b), c) - wp.float64(0.5)), wp.float64(0.0), wp.float64(size)))


@wp.func
def high_pixel(a: wp.float64, b: wp.float64, c: wp.float64, size: wp.int32) -> wp.int32:
    """One past the last pixel whose centre may lie inside, clamped to the window."""
    return wp.int32(wp.clamp(wp.ceil(wp.max(wp.max(a, b), c) + wp.float64(0.5)), wp.float64(0.0), wp.float64(size)))


@wp.struct
class Scan:
    """A triangle as a window sees it."""

    ea: wp.vec3d  # b x c, turned such that w_a is positive where the triangle is met
    eb: wp.vec3d
    ec: wp.vec3d
    volume: wp.float64  # |V|
    front: bool
    u_low: wp.int32  # pixels that it may cover, in the window; none: it is not to be seen
    u_high: wp.int32
    v_low: wp.int32
    v_high: wp.int32


@wp.func
def scan_of(
    a: wp.vec3d, b: wp.vec3d, c: wp.vec3d, lens: wp.vec4d, window: Window, near: wp.float64, both: bool
) -> Scan:  # fmt: skip
    """Edge functions, and the part of the window that holds the triangle; back faces have none unless ``both``."""
    s = Scan()
    if wp.max(wp.max(a[2], b[2]), c[2]) <= near:
        return s
    ea = wp.cross(b, c)
    volume = wp.dot(a, ea)
    s.front = volume < wp.float64(0.0)
    if volume == wp.float64(0.0) or not (s.front or both):
        return s
    side = wp.sign(volume)
    s.ea = side * ea
    s.eb = side * wp.cross(c, a)
    s.ec = side * wp.cross(a, b)
    s.volume = side * volume
    s.u_high = window.cols
    s.v_high = window.rows
    if wp.min(wp.min(a[2], b[2]), c[2]) > near:  # otherwise its outline is unbounded: look everywhere
        corner = wp.vec2d(wp.float64(window.u), wp.float64(window.v))
        pa = project(a, lens) - corner
        pb = project(b, lens) - corner
        pc = project(c, lens) - corner
        s.u_low = low_pixel(pa[0], pb[0], pc[0], window.cols)
        s.v_low = low_pixel(pa[1], pb[1], pc[1], window.rows)
        s.u_high = high_pixel(pa[0], pb[0], pc[0], window.cols)
        s.v_high = high_pixel(pa[1], pb[1], pc[1], window.rows)
    return s


@wp.func
def covers(s: Scan, ray: wp.vec3d) -> bool:
    """Whether a ray meets the triangle. Apart from :func:`depth_at`, so that most pixels cost no division."""
    wa = wp.dot(ray, s.ea)
    wb = wp.dot(ray, s.eb)
    wc = wp.dot(ray, s.ec)
    zero = wp.float64(0.0)
    return wa >= zero and wb >= zero and wc >= zero and wa + wb + wc > zero


@wp.func
def depth_at(s: Scan, ray: wp.vec3d) -> wp.float64:
    """Depth where a ray that meets the triangle does so [m]."""
    return s.volume / (wp.dot(ray, s.ea) + wp.dot(ray, s.eb) + wp.dot(ray, s.ec))


@wp.func
def key_of(z: wp.float64, number: wp.int32) -> wp.uint64:
    """What sorts by depth and remembers who it is."""
    return (wp.uint64(wp.cast(wp.float32(z), wp.uint32)) << wp.uint64(32)) | wp.uint64(number)


@wp.func
def number_of(key: wp.uint64) -> wp.int32:
    return wp.int32(key & wp.uint64(0xFFFFFFFF))


@wp.func
def depth_of(key: wp.uint64) -> wp.float32:
    return wp.cast(wp.uint32(key >> wp.uint64(32)), wp.float32)


@wp.func
def weights_at(ray: wp.vec3d, a: wp.vec3d, b: wp.vec3d, c: wp.vec3d) -> wp.vec3d:
    """Barycentrics of the point that a ray meets."""
    wa = wp.dot(ray, wp.cross(b, c))
    wb = wp.dot(ray, wp.cross(c, a))
    wc = wp.dot(ray, wp.cross(a, b))
    total = wa + wb + wc
    return wp.vec3d(wa / total, wb / total, wc / total)
