"""Surface tension of a liquid: curvature from the smoothed volume fraction, its pressure at the free surface.

The volume fraction a, smoothed four times by [1 2 1] along each axis, gives kappa = -div(grad a / |grad a|), averaged
over the 27 cells around with weights |grad a|^2 and bound by one per cell. Differences are of fourth order: those of
second order, once for the gradient and once for its divergence, tell less of a bend the shorter it is, 4 % less for the
lowest mode of a drop ten cells in radius. The pressure within the liquid is larger by
sigma kappa than in the air. A face between liquid and air, crossed by the surface at theta, is pushed by sigma kappa /
(rho theta h) before the pressure is solved, which is the same as solving with that pressure at the surface (ghost
fluid: Kang, Fedkiw, Liu, "A Boundary Condition Capturing Method for Multiphase Incompressible Flow", J. Sci. Comput. 15
(2000)). Cells without room do not count in the smoothing: the surface meets solids at a right angle.
"""

import warp as wp

from physim_kernels.free_surface import surface_distance

wp.set_module_options({"enable_backward": False})


@wp.func
def outside(reach: wp.array2d(dtype=wp.vec2i), i: int, j: int, k: int):
    s = reach[wp.min(i, reach.shape[0] - 1), wp.min(j, reach.shape[1] - 1)]
    return k < s[0] or k >= s[1]


@wp.kernel
def fraction_kernel(
    # inputs
    alpha: wp.array3d(dtype=float), open: wp.array3d(dtype=float), room: wp.array3d(dtype=float),
    # outputs
    a: wp.array3d(dtype=float),
):  # fmt: skip
    """Part of a cell's room that liquid fills, at most 1; -1 in solids."""
    i, j, k = wp.tid()
    a[i, j, k] = -1.0
    if open[i, j, k] > 0.0:
        a[i, j, k] = wp.min(alpha[i, j, k] / room[i, j, k], 1.0)


@wp.func
def step(a: wp.array3d(dtype=float), axis: int, n: int, i: int, j: int, k: int):
    """``a`` of the ``n``-th neighbour along an axis; its own where that is a solid or beyond the box."""
    x = i + wp.where(axis == 0, n, 0)
    y = j + wp.where(axis == 1, n, 0)
    z = k + wp.where(axis == 2, n, 0)
    own = a[i, j, k]
    if x < 0 or y < 0 or z < 0 or x >= a.shape[0] or y >= a.shape[1] or z >= a.shape[2]:
        return own
    other = a[x, y, z]
    if other < 0.0:
        return own
    return other


@wp.func
def steps(a: wp.array3d(dtype=float), axis: int, n: int, i: int, j: int, k: int):
    """``a`` of the second neighbour along an axis towards ``n``, 1 or -1; mirrored in a solid or an edge before it."""
    x = i + wp.where(axis == 0, n, 0)
    y = j + wp.where(axis == 1, n, 0)
    z = k + wp.where(axis == 2, n, 0)
    if x < 0 or y < 0 or z < 0 or x >= a.shape[0] or y >= a.shape[1] or z >= a.shape[2]:
        return step(a, axis, -n, i, j, k)
    if a[x, y, z] < 0.0:
        return step(a, axis, -n, i, j, k)
    return step(a, axis, n, x, y, z)


@wp.func
def slope(a: wp.array3d(dtype=float), axis: int, i: int, j: int, k: int):
    """Twice the derivative along an axis, of fourth order."""
    near = step(a, axis, 1, i, j, k) - step(a, axis, -1, i, j, k)
    far = steps(a, axis, 1, i, j, k) - steps(a, axis, -1, i, j, k)
    return (8.0 * near - far) / 6.0


@wp.kernel
def smooth_kernel(
    a: wp.array3d(dtype=float), axis: int, reach: wp.array2d(dtype=wp.vec2i), smooth: wp.array3d(dtype=float)
):
    i, j, k = wp.tid()
    own = a[i, j, k]
    if own < 0.0 or outside(reach, i, j, k):
        smooth[i, j, k] = own
        return
    smooth[i, j, k] = 0.25 * step(a, axis, -1, i, j, k) + 0.5 * own + 0.25 * step(a, axis, 1, i, j, k)


@wp.kernel
def normal_kernel(a: wp.array3d(dtype=float), reach: wp.array2d(dtype=wp.vec2i), normal: wp.array3d(dtype=wp.vec4)):
    """Unit gradient, and the square of its length."""
    i, j, k = wp.tid()
    normal[i, j, k] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if a[i, j, k] < 0.0 or outside(reach, i, j, k):
        return
    g = wp.vec3(slope(a, 0, i, j, k), slope(a, 1, i, j, k), slope(a, 2, i, j, k))
    size = wp.length(g)
    if size > 1.0e-4:
        normal[i, j, k] = wp.vec4(g[0] / size, g[1] / size, g[2] / size, size * size)


@wp.func
def part(normal: wp.array3d(dtype=wp.vec4), axis: int, n: int, i: int, j: int, k: int):
    """Component ``axis`` of the normal of the ``n``-th neighbour along that axis; of itself, mirrored, at an edge."""
    x = i + wp.where(axis == 0, n, 0)
    y = j + wp.where(axis == 1, n, 0)
    z = k + wp.where(axis == 2, n, 0)
    if x < 0 or y < 0 or z < 0 or x >= normal.shape[0] or y >= normal.shape[1] or z >= normal.shape[2]:
        return -normal[i, j, k][axis]
    other = normal[x, y, z]
    if other[3] <= 0.0:
        return normal[i, j, k][axis]
    return other[axis]


@wp.func
def has_normal(normal: wp.array3d(dtype=wp.vec4), axis: int, n: int, i: int, j: int, k: int):
    x = i + wp.where(axis == 0, n, 0)
    y = j + wp.where(axis == 1, n, 0)
    z = k + wp.where(axis == 2, n, 0)
    if x < 0 or y < 0 or z < 0 or x >= normal.shape[0] or y >= normal.shape[1] or z >= normal.shape[2]:
        return False
    return normal[x, y, z][3] > 0.0


@wp.func
def across(normal: wp.array3d(dtype=wp.vec4), axis: int, i: int, j: int, k: int):
    """Derivative along an axis of the normal's component: of fourth order with two cells on both sides, else second."""
    near = part(normal, axis, 1, i, j, k) - part(normal, axis, -1, i, j, k)
    if has_normal(normal, axis, 1, i, j, k) and has_normal(normal, axis, -1, i, j, k):
        if has_normal(normal, axis, 2, i, j, k) and has_normal(normal, axis, -2, i, j, k):
            far = part(normal, axis, 2, i, j, k) - part(normal, axis, -2, i, j, k)
            return (8.0 * near - far) / 12.0
    return 0.5 * near


@wp.kernel
def curvature_kernel(normal: wp.array3d(dtype=wp.vec4), curvature: wp.array3d(dtype=float)):
    i, j, k = wp.tid()
    value = float(0.0)
    if normal[i, j, k][3] > 0.0:
        for axis in range(3):
            value -= across(normal, axis, i, j, k)
    curvature[i, j, k] = value


@wp.kernel
def mean_kernel(
    # inputs
    curvature: wp.array3d(dtype=float), normal: wp.array3d(dtype=wp.vec4),
    # outputs
    mean: wp.array3d(dtype=float),
):  # fmt: skip
    """Mean curvature around each cell with weights |grad a|^2, at most 1 per cell."""
    i, j, k = wp.tid()
    total = float(0.0)
    weights = float(0.0)
    if normal[i, j, k][3] > 0.0:
        for x in range(wp.max(i - 1, 0), wp.min(i + 2, mean.shape[0])):
            for y in range(wp.max(j - 1, 0), wp.min(j + 2, mean.shape[1])):
                for z in range(wp.max(k - 1, 0), wp.min(k + 2, mean.shape[2])):
                    w = normal[x, y, z][3]
                    total += w * curvature[x, y, z]
                    weights += w
    mean[i, j, k] = 0.0
    if weights > 0.0:
        mean[i, j, k] = wp.clamp(total / weights, -1.0, 1.0)


@wp.kernel
def pull_kernel(
    # inputs; strength: sigma dt / (rho h^3)
    mean: wp.array3d(dtype=float), phi: wp.array3d(dtype=float), area: wp.array3d(dtype=float), axis: int,
    strength: float, least: float,
    # in and out
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Change of the velocity of faces between liquid and air [cells/s]."""
    i, j, k = wp.tid()
    if area[i, j, k] <= 0.0:
        return
    x = i - wp.where(axis == 0, 1, 0)
    y = j - wp.where(axis == 1, 1, 0)
    z = k - wp.where(axis == 2, 1, 0)
    upper, lower = surface_distance(phi, i, j, k), surface_distance(phi, x, y, z)
    if (upper < 0.0) == (lower < 0.0):
        return
    if x < 0 or y < 0 or z < 0 or i >= phi.shape[0] or j >= phi.shape[1] or k >= phi.shape[2]:
        return
    wet = wp.min(upper, lower)
    theta = wet / (wet - wp.max(upper, lower))
    toward_upper = wp.where(lower < 0.0, theta, 1.0 - theta)
    pressure = strength * wp.lerp(mean[x, y, z], mean[i, j, k], toward_upper)
    u[i, j, k] = u[i, j, k] - wp.where(lower < 0.0, pressure, -pressure) / wp.max(theta, least)
