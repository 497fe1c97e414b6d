"""Elastic solids on a lattice of cells: stress of a cell, motion of a node.

The place of a point X of a cell, from its centre, is that of the eight corners, trilinear:

    x(X) = c + F X + q_yz YZ + q_xz XZ + q_xy XY + q_xyz XYZ.

The energy of F is taken once per cell (one point; what is linear in X has no part in it, so that nearly incompressible
matter does not lock): with J = det F, mu, b = lambda + mu,

    W(F) = mu/2 (F:F - 3) - mu (J - 1) + b/2 (J - 1)^2                     (Smith et al. 2018, eq. 13, without its log)

which is linear elasticity for small strains and stays finite when a cell is turned inside out. The second branch has
the shear energy mu_2/2 (tr(J^-2/3 F G F^T) - 3) with an inverse metric G of its own, det G = 1, which follows F^-1
F^-T: by a part of the way in every step (Maxwell; Reese & Govindjee 1998), or as far as the yield stress asks (radial
return of Simo 1988). What bends and twists a cell is in the part of Green's strain that is linear in X,

    xx: Y Fx.q_xy + Z Fx.q_xz,  xy: Z (Fx.q_yz + Fy.q_xz),  and so on in turn,

without the shear that a box with straight edges has when it is bent and the solid has not (Belytschko & Bindeman 1993,
"assumed strain", where it is exact in bending). The faces across which a strain varies are free: plane stress,

    W_q = sum over Z of <Z^2>/2 (D (xx^2 + yy^2 + 2 nu xx yy) + mu xy^2),   D = E / (1 - nu^2),

plus a little of |q|^2. All of it is an energy that does not know how the solid is turned, and forces are its
derivatives: momentum, angular momentum and, in time steps below the bound, energy are kept.

Sources: Smith, de Goes, Kim, "Stable Neo-Hookean flesh simulation", ACM TOG 37 (2018); Belytschko, Bindeman, "Assumed
strain stabilization of the eight node hexahedral element", CMAME 105 (1993), 225; Reese, Govindjee, "A theory of finite
viscoelasticity", IJSS 35 (1998), 3455; Simo, "A framework for finite strain elastoplasticity", CMAME 66 (1988), 199.
"""

import warp as wp

from physim_kernels.soft_data import Cells, Laws, Nodes

wp.set_module_options({"enable_backward": False})

DENSE = wp.constant(0.4)
"""Part of its volume below which matter stiffens: the pores of foam are closed (Gibson & Ashby 1997, ch. 5)."""
FLOOR = wp.constant(0.01)
"""Energy of |q|^2 over that of shear: what is left where a cell is squeezed flat."""
THIN = wp.constant(0.05)
"""Least J by which stresses are divided."""


@wp.struct
class Corners:
    """Sums of the corners' places with the signs of 1, X, Y, Z, XY, XZ, YZ, XYZ (Hadamard's transform)."""

    x: wp.vec3
    y: wp.vec3
    z: wp.vec3
    xy: wp.vec3
    xz: wp.vec3
    yz: wp.vec3
    xyz: wp.vec3


@wp.func
def corner(cells: Cells, nodes: Nodes, first: wp.vec3d, c: int, a: int):
    return wp.vec3(nodes.x[cells.node[8 * c + a]] - first)


@wp.func
def corners(cells: Cells, nodes: Nodes, c: int):
    first = nodes.x[cells.node[8 * c]]
    e1 = corner(cells, nodes, first, c, 1)
    e2 = corner(cells, nodes, first, c, 2)
    e3 = corner(cells, nodes, first, c, 3)
    e4 = corner(cells, nodes, first, c, 4)
    e5 = corner(cells, nodes, first, c, 5)
    e6 = corner(cells, nodes, first, c, 6)
    e7 = corner(cells, nodes, first, c, 7)
    s2 = e2 + e3
    s4 = e4 + e5
    s6 = e6 + e7
    d2 = e3 - e2
    d4 = e5 - e4
    d6 = e7 - e6
    s = Corners()
    s.x = (e1 + d2) + (d4 + d6)
    s.y = (s2 - e1) + (s6 - s4)
    s.z = (s4 + s6) - (e1 + s2)
    s.xy = (d2 - e1) + (d6 - d4)
    s.xz = (d4 + d6) - (e1 + d2)
    s.yz = (s6 - s4) - (s2 - e1)
    s.xyz = (d6 - d4) - (d2 - e1)
    return s


@wp.func
def squeezed(j: float, bulk: float, dense: float):
    """Pressure with its sign turned, dW/dJ, of the volume alone."""
    return bulk * (j - 1.0) - dense * wp.max(DENSE - j, 0.0)


@wp.func
def one():
    return wp.mat33(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@wp.func
def normed(d: wp.mat33):
    """1 + d of determinant 1, less 1: no digit of a small d is lost beside the 1."""
    tr = d[0, 0] + d[1, 1] + d[2, 2]
    minors = (
        d[0, 0] * d[1, 1] - d[0, 1] * d[1, 0] + d[0, 0] * d[2, 2] - d[0, 2] * d[2, 0]
        + d[1, 1] * d[2, 2] - d[1, 2] * d[2, 1]
    )  # fmt: skip
    e = tr + minors + wp.determinant(d)
    series = e * (2.0 / 3.0 * e - 1.0) / 3.0
    less = wp.where(wp.abs(e) < 1.0e-3, series, wp.pow(wp.max(1.0 + e, 1.0e-9), -1.0 / 3.0) - 1.0)
    return (1.0 + less) * d + less * one()


@wp.kernel
def stress_kernel(cells: Cells, nodes: Nodes, laws: Laws):
    c = wp.tid()
    k = cells.solid[c]
    side = laws.side[k]
    s = corners(cells, nodes, c)
    fx = s.x / (4.0 * side[0])
    fy = s.y / (4.0 * side[1])
    fz = s.z / (4.0 * side[2])
    qyz = s.yz / (2.0 * side[1] * side[2])
    qxz = s.xz / (2.0 * side[0] * side[2])
    qxy = s.xy / (2.0 * side[0] * side[1])
    cx = wp.cross(fy, fz)
    cy = wp.cross(fz, fx)
    cz = wp.cross(fx, fy)
    j = wp.dot(fx, cx)
    mu = laws.shear[k]
    pressure = squeezed(j, laws.bulk[k], laws.dense[k]) - mu
    px = mu * fx + pressure * cx
    py = mu * fy + pressure * cy
    pz = mu * fz + pressure * cz
    # strains that vary across the cell: rows along X, Y, Z
    bent = wp.mat33(
        wp.dot(fy, qxy), wp.dot(fz, qxz), wp.dot(fy, qxz) + wp.dot(fz, qxy),
        wp.dot(fx, qxy), wp.dot(fz, qyz), wp.dot(fx, qyz) + wp.dot(fz, qxy),
        wp.dot(fx, qxz), wp.dot(fy, qyz), wp.dot(fx, qyz) + wp.dot(fy, qxz),
    )  # fmt: skip
    plate = laws.plate[k]
    rest = wp.mat33()
    mu_2 = laws.shear_2[k]
    if mu_2 > 0.0:
        g = one() + cells.memory[c]
        thin = wp.max(j, THIN)
        iso = wp.pow(thin, -2.0 / 3.0)
        # F G, by columns of F
        gx = iso * (g[0, 0] * fx + g[1, 0] * fy + g[2, 0] * fz)
        gy = iso * (g[0, 1] * fx + g[1, 1] * fy + g[2, 1] * fz)
        gz = iso * (g[0, 2] * fx + g[1, 2] * fy + g[2, 2] * fz)
        third = (wp.dot(gx, fx) + wp.dot(gy, fy) + wp.dot(gz, fz)) / 3.0
        mean = third / thin
        px += mu_2 * (gx - mean * cx)
        py += mu_2 * (gy - mean * cy)
        pz += mu_2 * (gz - mean * cz)
        rest = cells.bent[c]
        forget = laws.fade[k]
        sigma = laws.yield_stress[k]
        if sigma > 0.0:
            # |dev(b)|^2 = b:b - (tr b)^2 / 3, b = F G F^T: from its products with F
            b = wp.outer(gx, fx) + wp.outer(gy, fy) + wp.outer(gz, fz)
            deviation = wp.max(wp.ddot(b, b) - 3.0 * third * third, 0.0)
            mises = mu_2 * wp.sqrt(1.5 * deviation) / thin
            forget = wp.where(mises > sigma, 1.0 - sigma / wp.max(mises, 1.0e-9), 0.0)
        if forget > 0.0:
            # inverse metric of F itself, F^-1 F^-T, from the columns of its cofactors
            scale = forget * third / (iso * thin * thin)
            own = wp.mat33(
                wp.dot(cx, cx), wp.dot(cx, cy), wp.dot(cx, cz),
                wp.dot(cy, cx), wp.dot(cy, cy), wp.dot(cy, cz),
                wp.dot(cz, cx), wp.dot(cz, cy), wp.dot(cz, cz),
            )  # fmt: skip
            cells.memory[c] = normed((1.0 - forget) * cells.memory[c] + (scale * own - forget * one()))
        if sigma > 0.0:
            # the outermost layers of a bent cell yield first
            reach = laws.plate_2[k] * 0.5 * wp.max(side[0], wp.max(side[1], side[2]))
            off = bent - rest
            most = reach * wp.sqrt(wp.ddot(off, off))
            forget = wp.max(forget, wp.where(most > sigma, 1.0 - sigma / wp.max(most, 1.0e-9), 0.0))
        cells.bent[c] = rest + forget * (bent - rest)
    off = bent - rest
    nu = laws.poisson[k]
    plate_2 = laws.plate_2[k]
    mx = side[0] * side[0] / 12.0
    my = side[1] * side[1] / 12.0
    mz = side[2] * side[2] / 12.0
    # stress over the strains: rows along X, Y, Z
    xyy = mx * (plate * (bent[0, 0] + nu * bent[0, 1]) + plate_2 * (off[0, 0] + nu * off[0, 1]))
    xzz = mx * (plate * (bent[0, 1] + nu * bent[0, 0]) + plate_2 * (off[0, 1] + nu * off[0, 0]))
    xyz = mx * (mu * bent[0, 2] + mu_2 * off[0, 2])
    yxx = my * (plate * (bent[1, 0] + nu * bent[1, 1]) + plate_2 * (off[1, 0] + nu * off[1, 1]))
    yzz = my * (plate * (bent[1, 1] + nu * bent[1, 0]) + plate_2 * (off[1, 1] + nu * off[1, 0]))
    yxz = my * (mu * bent[1, 2] + mu_2 * off[1, 2])
    zxx = mz * (plate * (bent[2, 0] + nu * bent[2, 1]) + plate_2 * (off[2, 0] + nu * off[2, 1]))
    zyy = mz * (plate * (bent[2, 1] + nu * bent[2, 0]) + plate_2 * (off[2, 1] + nu * off[2, 0]))
    zxy = mz * (mu * bent[2, 2] + mu_2 * off[2, 2])
    px += yxx * qxy + zxx * qxz + (yxz + zxy) * qyz
    py += xyy * qxy + zyy * qyz + (xyz + zxy) * qxz
    pz += xzz * qxz + yzz * qyz + (xyz + yxz) * qxy
    little = FLOOR * (mu + mu_2)
    hyz = (yxz + zxy) * fx + zyy * fy + yzz * fz + little * (my + mz) * qyz
    hxz = zxx * fx + (xyz + zxy) * fy + xzz * fz + little * (mx + mz) * qxz
    hxy = yxx * fx + xyy * fy + (xyz + yxz) * fz + little * (mx + my) * qxy
    volume = cells.volume[c]
    px = px * (volume / (4.0 * side[0]))
    py = py * (volume / (4.0 * side[1]))
    pz = pz * (volume / (4.0 * side[2]))
    hyz = hyz * (volume / (2.0 * side[1] * side[2]))
    hxz = hxz * (volume / (2.0 * side[0] * side[2]))
    hxy = hxy * (volume / (2.0 * side[0] * side[1]))
    hxyz = s.xyz * ((mu + mu_2) * volume * (mx * my + my * mz + mz * mx) * saddle(side))
    spread(cells, c, px, py, pz, hxy, hxz, hyz, hxyz)


@wp.func
def saddle(side: wp.vec3):
    """Of the amplitude q_xyz = sum / (X Y Z sides), squared."""
    across = side[0] * side[1] * side[2]
    return 1.0 / (across * across)


@wp.func
def spread(
    cells: Cells, c: int, x: wp.vec3, y: wp.vec3, z: wp.vec3, xy: wp.vec3, xz: wp.vec3, yz: wp.vec3, xyz: wp.vec3
):  # fmt: skip
    """Minus the derivatives by the sums, back on the corners: the same transform again."""
    for a in range(8):
        i = float(2 * (a & 1) - 1)
        j = float((a & 2) - 1)
        k = float((a >> 1 & 2) - 1)
        cells.force[8 * c + a] = -(
            i * x + j * y + k * z + (i * j) * xy + (i * k) * xz + (j * k) * yz + (i * j * k) * xyz
        )


@wp.kernel
def kick_kernel(nodes: Nodes, cells: Cells, pull: wp.array(dtype=wp.vec3), dt: float):
    """Velocity after the forces of the cells around; what pulls on a held node is kept."""
    i = wp.tid()
    force = wp.vec3(0.0, 0.0, 0.0)
    for a in range(8):
        force += cells.force[nodes.around[8 * i + a]]
    inverse = nodes.inv_mass[i]
    if inverse > 0.0:
        nodes.v[i] = nodes.v[i] + wp.vec3d(dt * (inverse * force + nodes.acc[i]))
    else:
        pull[i] = pull[i] + dt * (force + nodes.mass[i] * nodes.acc[i])


@wp.kernel
def drift_kernel(nodes: Nodes, dt: wp.float64):
    i = wp.tid()
    nodes.x[i] = nodes.x[i] + dt * nodes.v[i]


@wp.kernel
def outer_kernel(nodes: Nodes, gravity: wp.array(dtype=wp.vec3d), push: wp.array(dtype=wp.vec3), solids: int, k: int):
    """What acts from outside in substep ``k``: gravity, and impulses as the velocity they give at once."""
    i = wp.tid()
    nodes.acc[i] = wp.vec3(gravity[k])
    if nodes.inv_mass[i] > 0.0:
        nodes.v[i] = nodes.v[i] + wp.vec3d(push[k * solids + nodes.solid[i]])
