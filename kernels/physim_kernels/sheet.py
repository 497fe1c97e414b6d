"""The still background as one sheet of smooth inverse depth, seen by a moved camera.

The sheet gives every pixel p of the photo the point ``X(p) = ray(p) / rho(p)``. The moved camera sees in its pixel q
the point with ``project(X(p)) = q``, found by iterating in the depth z along the ray of q:

    p_k = project_photo(ray(q) z_k),    z_{k+1} = depth_moved(X(p_k))   (with a secant step)

A pure rotation and a dolly before a wall converge in one step; in general the error shrinks by the parallax per pixel,
which a smooth rho keeps below one. (The plain form ``p += q - project(X(p))`` needs the whole motion to be small.)
Source: relief mapping's fixed point; Oliveira, Bishop, McAllister, Relief texture mapping, SIGGRAPH 2000.

Camera frames OpenCV [m], lenses (f_u, f_v, c_u, c_v) [pixels], pixel centres at +0.5.
"""

import warp as wp

from physim_kernels.scan import project, ray_at

wp.set_module_options({"enable_backward": False})

ITERATIONS = 12
STRIDE = 8
"""Every STRIDE-th pixel is solved first; between them the answer is nearly known."""


@wp.struct
class Sheet:
    """Inverse depth on its own grid, which reaches ``margin`` samples beyond the photo on every side."""

    rho: wp.array2d(dtype=wp.float32)
    """[1/m]"""
    scale: wp.vec2d
    """samples per photo pixel (u, v)"""
    margin: wp.float64
    sharp: wp.array2d(dtype=wp.float32)
    """[1/m] without the blur, over the photo alone: what is told of depth, though not of place"""
    sharp_scale: wp.vec2d
    lens: wp.vec4d
    """of the photo [pixels]"""
    inverse_lens: wp.vec2d
    """(1 / f_u, 1 / f_v): divisions are what the loop below spends its time on"""
    size: wp.vec2d
    """of the photo (cols, rows) [pixels]"""


@wp.func
def read(field: wp.array2d(dtype=wp.float32), x: wp.float64, y: wp.float64) -> wp.float64:
    """Bilinear at (x, y) in samples from the first one, clamped."""
    rows = field.shape[0]
    cols = field.shape[1]
    x = wp.clamp(x, wp.float64(0.0), wp.float64(cols) - wp.float64(1.000001))
    y = wp.clamp(y, wp.float64(0.0), wp.float64(rows) - wp.float64(1.000001))
    i = wp.int32(x)
    j = wp.int32(y)
    s = x - wp.float64(i)
    t = y - wp.float64(j)
    low = wp.lerp(wp.float64(field[j, i]), wp.float64(field[j, i + 1]), s)
    high = wp.lerp(wp.float64(field[j + 1, i]), wp.float64(field[j + 1, i + 1]), s)
    return wp.lerp(low, high, t)


@wp.func
def inverse_depth(sheet: Sheet, p: wp.vec2d) -> wp.float64:
    """Of the smooth sheet."""
    half = wp.float64(0.5)
    x = p[0] * sheet.scale[0] + sheet.margin - half
    y = p[1] * sheet.scale[1] + sheet.margin - half
    return read(sheet.rho, x, y)


@wp.func
def photo_ray(sheet: Sheet, p: wp.vec2d) -> wp.vec3d:
    """Through photo pixel p, z = 1, in the frame of the photo's camera."""
    u = (p[0] - sheet.lens[2]) * sheet.inverse_lens[0]
    v = (p[1] - sheet.lens[3]) * sheet.inverse_lens[1]
    return wp.vec3d(u, v, wp.float64(1.0))


@wp.func
def sharp_depth(sheet: Sheet, p: wp.vec2d, forward: wp.vec3d, shift: wp.float64) -> wp.float64:
    """Depth of photo pixel p without the blur, in another camera; beyond the photo that of the sheet."""
    zero = wp.float64(0.0)
    half = wp.float64(0.5)
    rho = zero
    if p[0] < zero or p[1] < zero or p[0] > sheet.size[0] or p[1] > sheet.size[1]:
        rho = inverse_depth(sheet, p)
    else:
        rho = read(sheet.sharp, p[0] * sheet.sharp_scale[0] - half, p[1] * sheet.sharp_scale[1] - half)
    return wp.max(wp.dot(forward, photo_ray(sheet, p)) / rho + shift, wp.float64(1.0e-6))


@wp.func
def sheet_point(sheet: Sheet, p: wp.vec2d) -> wp.vec3d:
    """The surface point of photo pixel p in the frame of the photo's camera."""
    return photo_ray(sheet, p) / inverse_depth(sheet, p)


@wp.struct
class Move:
    """The moved camera against the photo's."""

    photo_from_camera: wp.mat44d
    camera_from_photo: wp.mat44d
    lens: wp.vec4d
    """of the moved camera [pixels]"""
    baseline: wp.float64
    """distance between the two cameras [m]"""


@wp.func
def third_row(matrix: wp.mat44d) -> wp.vec3d:
    return wp.vec3d(matrix[2, 0], matrix[2, 1], matrix[2, 2])


@wp.func
def look(sheet: Sheet, move: Move, ray: wp.vec3d, guess: wp.float64, tolerance: wp.float64) -> wp.vec3d:
    """Where the ray of a moved pixel meets the sheet: photo pixel (u, v) and depth z in the moved camera."""
    one = wp.float64(1.0)
    inverse = move.photo_from_camera
    along = wp.transform_vector(inverse, ray)
    start = wp.vec3d(inverse[0, 3], inverse[1, 3], inverse[2, 3])
    forward = third_row(move.camera_from_photo)
    shift = move.camera_from_photo[2, 3]
    z = guess
    z_old = z
    f_old = z
    p = wp.vec2d()
    for _k in range(ITERATIONS):
        at = start + along * wp.max(z, wp.float64(1.0e-6))
        at = at * (one / wp.max(at[2], wp.float64(1.0e-6)))
        p = wp.vec2d(sheet.lens[0] * at[0] + sheet.lens[2], sheet.lens[1] * at[1] + sheet.lens[3])
        f = wp.dot(forward, at) / inverse_depth(sheet, p) + shift
        # A change of z moves p by at most this many pixels.
        if wp.abs(f - z) * move.baseline * sheet.lens[0] < tolerance * z * z:
            z = f
            break
        # Secant step: the slope of the map says how far to go; a steep place, where it swings, gets a shorter step.
        slope = wp.float64(0.0)
        if wp.abs(z - z_old) > wp.float64(1.0e-9) * z:
            slope = wp.clamp((f - f_old) / (z - z_old), wp.float64(-4.0), wp.float64(0.7))
        z_old = z
        f_old = f
        z = z + (f - z) / (one - slope)
    return wp.vec3d(p[0], p[1], wp.max(z, wp.float64(1.0e-6)))


@wp.kernel
def sheet_guess_kernel(
    sheet: Sheet,
    move: Move,
    tolerance: wp.float64,
    # outputs
    guess_out: wp.array2d(dtype=wp.float32),
):
    j, i = wp.tid()
    ray = ray_at((i - 1) * STRIDE, (j - 1) * STRIDE, move.lens)
    # The direction alone is exact for what is far away.
    p = project(wp.transform_vector(move.photo_from_camera, ray), sheet.lens)
    z = wp.transform_point(move.camera_from_photo, sheet_point(sheet, p))[2]
    found = look(sheet, move, ray, wp.max(z, wp.float64(1.0e-6)), tolerance)
    guess_out[j, i] = wp.float32(wp.float64(1.0) / found[2])


@wp.kernel
def sheet_view_kernel(
    sheet: Sheet,
    move: Move,
    tolerance: wp.float64,
    guess: wp.array2d(dtype=wp.float32),
    # outputs
    source_out: wp.array2d(dtype=wp.vec2),
    depth_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    i = u / STRIDE + 1
    j = v / STRIDE + 1
    s = wp.float32(u % STRIDE) / wp.float32(STRIDE)
    t = wp.float32(v % STRIDE) / wp.float32(STRIDE)
    low = wp.lerp(guess[j, i], guess[j, i + 1], s)
    high = wp.lerp(guess[j + 1, i], guess[j + 1, i + 1], s)
    z = wp.float64(1.0) / wp.float64(wp.lerp(low, high, t))
    found = look(sheet, move, ray_at(u, v, move.lens), z, tolerance)
    source_out[v, u] = wp.vec2(wp.float32(found[0]), wp.float32(found[1]))
    matrix = move.camera_from_photo
    depth_out[v, u] = wp.float32(sharp_depth(sheet, wp.vec2d(found[0], found[1]), third_row(matrix), matrix[2, 3]))


@wp.kernel
def sheet_motion_kernel(
    sheet: Sheet,
    source: wp.array2d(dtype=wp.vec2),
    camera_from_photo: wp.mat44d,
    other_from_photo: wp.mat44d,
    lens: wp.vec4d,
    other_lens: wp.vec4d,
    # outputs
    flow_out: wp.array2d(dtype=wp.vec2),
    depth_out: wp.array2d(dtype=wp.float32),
):
    v, u = wp.tid()
    s = source[v, u]
    p = wp.vec2d(wp.float64(s[0]), wp.float64(s[1]))
    here = sheet_point(sheet, p)
    other = wp.transform_point(other_from_photo, here)
    flow = project(other, other_lens) - project(wp.transform_point(camera_from_photo, here), lens)
    flow_out[v, u] = wp.vec2(wp.float32(flow[0]), wp.float32(flow[1]))
    depth_out[v, u] = wp.float32(sharp_depth(sheet, p, third_row(other_from_photo), other_from_photo[2, 3]))


def guess_shape(size):
    """Shape of the ``guess`` array that a view of ``size`` (rows, cols) needs."""
    return size[0] // STRIDE + 3, size[1] // STRIDE + 3


def sheet_view(sheet, move, *, tolerance, guess, source_out, depth_out):
    """What a moved camera sees: photo pixel (rows, cols) vec2 and depth (rows, cols) [m].

    Args:
        sheet: ``Sheet``.
        move: ``Move``, the camera.
        tolerance: Largest error of the place in the photo [photo pixels].
        guess: Scratch, float32, of ``guess_shape(size)``.
        source_out: Output, place in the photo [pixels].
        depth_out: Output, z in the moved camera [m], with the sharp edges of the photo's depth.
    """
    device = source_out.device
    wp.launch(sheet_guess_kernel, dim=guess.shape, inputs=[sheet, move, tolerance], outputs=[guess], device=device)
    wp.launch(
        sheet_view_kernel,
        dim=source_out.shape,
        inputs=[sheet, move, tolerance, guess],
        outputs=[source_out, depth_out],
        device=device,
    )


def sheet_motion(sheet, source, *, camera_from_photo, other_from_photo, lens, other_lens, flow_out, depth_out):
    """Motion [pixels] of the sheet points at ``source`` into another camera, and their depth [m] there."""
    wp.launch(
        sheet_motion_kernel,
        dim=source.shape,
        inputs=[sheet, source, camera_from_photo, other_from_photo, lens, other_lens],
        outputs=[flow_out, depth_out],
        device=source.device,
    )
