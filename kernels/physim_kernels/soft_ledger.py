"""What an elastic solid has of energy, momentum and volume, and how far its cells are squeezed; by fixed sums."""

import warp as wp

from physim_kernels.soft import DENSE, FLOOR, THIN, corners, one, saddle
from physim_kernels.soft_data import Cells, Laws, Nodes

wp.set_module_options({"enable_backward": False})

PARTS = 16
"""Partial sums per solid: each of a fixed share of its nodes and cells, so that no order of threads is seen."""
KINDS = 12
"""Kinetic energy, elastic energy, momentum (3), angular momentum about the origin (3), first moment of mass (3), volume
[J, J, kg m/s, kg m^2/s, kg m, m^3]."""


@wp.func
def stored(cells: Cells, nodes: Nodes, laws: Laws, c: int):
    """Energy of a cell over its volume at rest [J/m^3], and its J."""
    k = cells.solid[c]
    side = laws.side[k]
    s = corners(cells, nodes, c)
    fx = s.x / (4.0 * side[0])
    fy = s.y / (4.0 * side[1])
    fz = s.z / (4.0 * side[2])
    qyz = s.yz / (2.0 * side[1] * side[2])
    qxz = s.xz / (2.0 * side[0] * side[2])
    qxy = s.xy / (2.0 * side[0] * side[1])
    f = wp.matrix_from_cols(fx, fy, fz)
    # in double precision: of small strains both terms are of first order and their difference of second
    d = wp.matrix_from_cols(wp.vec3d(fx), wp.vec3d(fy), wp.vec3d(fz))
    j = wp.determinant(d)
    squeeze = float(j - wp.float64(1.0))
    mu = laws.shear[k]
    sheared = float(wp.float64(0.5) * wp.trace(wp.transpose(d) * d) - wp.float64(0.5) - j)
    shut = wp.max(DENSE - float(j), 0.0)
    w = mu * sheared + 0.5 * (laws.bulk[k] * squeeze * squeeze + laws.dense[k] * shut * shut)
    mu_2 = laws.shear_2[k]
    plate_2 = laws.plate_2[k]
    if mu_2 > 0.0:
        iso = wp.pow(wp.max(float(j), THIN), -2.0 / 3.0)
        w += 0.5 * mu_2 * (iso * wp.trace(f * (one() + cells.memory[c]) * wp.transpose(f)) - 3.0)
    bent = wp.mat33(
        wp.dot(fy, qxy), wp.dot(fz, qxz), wp.dot(fy, qxz) + wp.dot(fz, qxy),
        wp.dot(fx, qxy), wp.dot(fz, qyz), wp.dot(fx, qyz) + wp.dot(fz, qxy),
        wp.dot(fx, qxz), wp.dot(fy, qyz), wp.dot(fx, qyz) + wp.dot(fy, qxz),
    )  # fmt: skip
    nu = laws.poisson[k]
    off = bent
    if mu_2 > 0.0:
        off = bent - cells.bent[c]
    m = wp.vec3(side[0] * side[0], side[1] * side[1], side[2] * side[2]) / 12.0
    for r in range(3):
        a = bent[r, 0]
        b = bent[r, 1]
        w += 0.5 * m[r] * (laws.plate[k] * (a * a + b * b + 2.0 * nu * a * b) + mu * bent[r, 2] * bent[r, 2])
        a = off[r, 0]
        b = off[r, 1]
        w += 0.5 * m[r] * (plate_2 * (a * a + b * b + 2.0 * nu * a * b) + mu_2 * off[r, 2] * off[r, 2])
    total = mu + mu_2
    little = 0.5 * FLOOR * total
    w += little * ((m[1] + m[2]) * wp.length_sq(qyz) + (m[0] + m[2]) * wp.length_sq(qxz))
    w += little * (m[0] + m[1]) * wp.length_sq(qxy)
    w += 0.5 * total * (m[0] * m[1] + m[1] * m[2] + m[2] * m[0]) * saddle(side) * wp.length_sq(s.xyz)
    return w, float(j)


@wp.kernel
def sum_kernel(
    nodes: Nodes, cells: Cells, laws: Laws, node_start: wp.array(dtype=int), cell_start: wp.array(dtype=int),
    row: int, solids: int, out: wp.array(dtype=wp.float64), least: wp.array(dtype=float),
):  # fmt: skip
    """Sums of one solid's share into row ``row`` of ``out``, and its least J."""
    t = wp.tid()
    solid = t / PARTS
    part = t % PARTS
    moving = wp.float64(0.0)
    p = wp.vec3d()
    turning = wp.vec3d()
    moment = wp.vec3d()
    for i in range(node_start[solid] + part, node_start[solid + 1], PARTS):
        m = wp.float64(nodes.mass[i])
        x = nodes.x[i]
        v = nodes.v[i]
        moving += wp.float64(0.5) * m * wp.dot(v, v)
        p += m * v
        turning += m * wp.cross(x, v)
        moment += m * x
    elastic = wp.float64(0.0)
    volume = wp.float64(0.0)
    smallest = float(1.0e9)
    for c in range(cell_start[solid] + part, cell_start[solid + 1], PARTS):
        w, j = stored(cells, nodes, laws, c)
        elastic += wp.float64(w * cells.volume[c])
        volume += wp.float64(j * cells.volume[c])
        smallest = wp.min(smallest, j)
    at = (row * solids * PARTS + t) * KINDS
    out[at] = moving
    out[at + 1] = elastic
    for a in range(3):
        out[at + 2 + a] = p[a]
        out[at + 5 + a] = turning[a]
        out[at + 8 + a] = moment[a]
    out[at + 11] = volume
    least[row * solids * PARTS + t] = smallest


@wp.kernel
def copy_kernel(a: wp.array(dtype=wp.vec3), row: int, out: wp.array2d(dtype=wp.vec3)):
    """Row ``row`` of the outputs of a frame."""
    i = wp.tid()
    out[row, i] = a[i]


@wp.kernel
def hand_kernel(a: wp.array(dtype=wp.vec3), row: int, out: wp.array2d(dtype=wp.vec3)):
    """The same; counting begins anew."""
    i = wp.tid()
    out[row, i] = a[i]
    a[i] = wp.vec3(0.0, 0.0, 0.0)
