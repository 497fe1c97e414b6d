"""Viscosity of a liquid, implicit, with a free surface and walls that the liquid clings to or slides along.

Backward Euler for rho du/dt = div(2 mu e), e the strain rate, as the minimum of what is lost plus what is changed
(Batty, Bridson, "Accurate Viscous Free Surfaces for Buckling, Coiling, and Rotating Liquids", SCA 2008)::

    sum over faces m (u - u*)^2 + c [ sum over cells 2 (du/dx)^2 + sum over edges (du/dy + dv/dx)^2 ... ]

with c = nu dt / h^2. The mass m of a face is the one that the pressure moves there: theta where the surface crosses it
(ghost fluid), 1 elsewhere. It matters at any resolution: within a wave the stresses balance, all that is lost is the
work of those at its surface, and with m = 1 half of the normal stress's would be missing.

Cells count where there is liquid, edges where all four faces around them are wet, so that no stress crosses the free
surface. One component at a time is solved, with the others held (block Gauss-Seidel; of a mode along the diagonal a
tenth of the error is left by one round): its own terms are a matrix like that of the pressure, for the same solver.

At a wall that liquid clings to, half a cell away, the wall's velocity is a neighbour with twice the weight; one that it
slides along gives nothing. A face is wet where it is open and has liquid on either side. Bodies whose drag is known by
its law give no stress at all: what they do to the liquid is the opposite of that drag, and would be there twice.
"""

import warp as wp

from physim_kernels.free_surface import surface_distance

wp.set_module_options({"enable_backward": False})


@wp.func
def unit(axis: int):
    return wp.vec3i(wp.where(axis == 0, 1, 0), wp.where(axis == 1, 1, 0), wp.where(axis == 2, 1, 0))


@wp.func
def within(n: wp.vec3i, shape: wp.vec3i):
    return n[0] >= 0 and n[1] >= 0 and n[2] >= 0 and n[0] < shape[0] and n[1] < shape[1] and n[2] < shape[2]


@wp.kernel
def wet_kernel(
    # inputs
    phi: wp.array3d(dtype=float), area: wp.array3d(dtype=float), axis: int,
    # outputs: 1 wet, 2 closed, 0 in the air
    kind: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, k = wp.tid()
    e = unit(axis)
    wet = surface_distance(phi, i, j, k) < 0.0 or surface_distance(phi, i - e[0], j - e[1], k - e[2]) < 0.0
    kind[i, j, k] = wp.where(area[i, j, k] <= 0.0, 2.0, wp.where(wet, 1.0, 0.0))


@wp.kernel
def slick_kernel(
    # inputs: bodies by their faces, -1: none; 1 for those that give no stress
    whose: wp.array3d(dtype=int), slick: wp.array(dtype=int),
    # in and out: 4 closed by such
    kind: wp.array3d(dtype=float),
):  # fmt: skip
    i, j, k = wp.tid()
    n = whose[i, j, k]
    if n >= 0 and kind[i, j, k] == 2.0:
        if slick[n] == 1:
            kind[i, j, k] = 4.0


@wp.func
def mass_of(phi: wp.array3d(dtype=float), axis: int, n: wp.vec3i, least: float):
    """Part of the way between the two cells of face ``n`` that is liquid."""
    e = unit(axis)
    upper = surface_distance(phi, n[0], n[1], n[2])
    lower = surface_distance(phi, n[0] - e[0], n[1] - e[1], n[2] - e[2])
    wet, dry = wp.min(upper, lower), wp.max(upper, lower)
    if dry < 0.0 or wet >= 0.0:
        return 1.0
    return wp.max(wet / (wet - dry), least)


@wp.func
def kind_at(kind: wp.array3d(dtype=float), n: wp.vec3i):
    """Kind of a face; 3 beyond the box."""
    if within(n, wp.vec3i(kind.shape[0], kind.shape[1], kind.shape[2])):
        return int(kind[n[0], n[1], n[2]])
    return 3


@wp.func
def edge_term(
    kind: wp.array3d(dtype=float), across: wp.array3d(dtype=float), axis: int, other: int, n: wp.vec3i, side: int,
    cling: int,
):  # fmt: skip
    """Weights to the neighbour of face ``n`` along ``other`` and to a wall between, by the edge that the two share.

    ``across`` is the kind of the faces along ``other``; those of the edge lie at ``n`` (+ 1 if side is 1) and one back.
    """
    near = kind_at(kind, n + wp.where(side == 1, 1, -1) * unit(other))
    edge = n + wp.where(side == 1, 1, 0) * unit(other)
    front, back = kind_at(across, edge), kind_at(across, edge - unit(axis))
    if near == 1:
        if front == 1 and back == 1:
            return wp.vec2(1.0, 0.0)
        if front >= 2 or back >= 2:  # a corner of solids: no flow across, the shear of this component alone
            return wp.vec2(1.0, 0.0)
        return wp.vec2(0.0, 0.0)
    wall = near == 2 or (near == 3 and (front == 2 or back == 2))
    if wall and cling != 0:
        return wp.vec2(0.0, 2.0)
    return wp.vec2(0.0, 0.0)


@wp.kernel
def system_kernel(
    # inputs
    phi: wp.array3d(dtype=float), kind: wp.array3d(dtype=float),
    first: wp.array3d(dtype=float), second: wp.array3d(dtype=float),  # kinds along the two axes after this one
    axis: int, c: float, least: float, cling: int,
    # outputs, padded
    wx: wp.array3d(dtype=float), wy: wp.array3d(dtype=float), wz: wp.array3d(dtype=float),
    diagonal: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
):  # fmt: skip
    """``m / c`` and what a face shares with its six neighbours of the same component."""
    i, j, k = wp.tid()
    n = wp.vec3i(i, j, k)
    back = wp.vec3(0.0, 0.0, 0.0)
    d = float(0.0)
    if int(kind[i, j, k]) == 1:
        d = mass_of(phi, axis, n, least) / c
        for side in range(2):
            cell = n - (1 - side) * unit(axis)
            if surface_distance(phi, cell[0], cell[1], cell[2]) < 0.0:
                near = kind_at(kind, n + wp.where(side == 1, 1, -1) * unit(axis))
                if near == 1 or near == 2:
                    d += 2.0
                    if near == 1 and side == 0:
                        back += 2.0 * wp.vec3(unit(axis))
            for turn in range(1, 3):
                other = (axis + turn) % 3
                w = wp.vec2(0.0, 0.0)
                if turn == 1:
                    w = edge_term(kind, first, axis, other, n, side, cling)
                else:
                    w = edge_term(kind, second, axis, other, n, side, cling)
                d += w[0] + w[1]
                if side == 0:
                    back += w[0] * wp.vec3(unit(other))
    wx[i + 1, j + 1, k + 1] = back[0]
    wy[i + 1, j + 1, k + 1] = back[1]
    wz[i + 1, j + 1, k + 1] = back[2]
    diagonal[i + 1, j + 1, k + 1] = d
    inverse[i + 1, j + 1, k + 1] = wp.where(d > 0.0, 1.0 / wp.max(d, 1.0e-9), 0.0)


@wp.func
def value_at(u: wp.array3d(dtype=float), n: wp.vec3i):
    if within(n, wp.vec3i(u.shape[0], u.shape[1], u.shape[2])):
        return u[n[0], n[1], n[2]]
    return 0.0


@wp.func
def twist(kind: wp.array3d(dtype=float), u: wp.array3d(dtype=float), axis: int, edge: wp.vec3i):
    """Difference along ``axis`` of another component across an edge whose two faces are wet."""
    if kind_at(kind, edge) == 1 and kind_at(kind, edge - unit(axis)) == 1:
        return value_at(u, edge) - value_at(u, edge - unit(axis))
    return 0.0


@wp.kernel
def right_kernel(
    # inputs: velocity before, the same now, kinds; the two components after this one with theirs; the solid's velocity
    before: wp.array3d(dtype=float), kind: wp.array3d(dtype=float), solid: wp.array3d(dtype=float),
    phi: wp.array3d(dtype=float),
    first: wp.array3d(dtype=float), first_kind: wp.array3d(dtype=float),
    second: wp.array3d(dtype=float), second_kind: wp.array3d(dtype=float), axis: int, c: float,
    least: float, cling: int,
    # outputs, padded
    rhs: wp.array3d(dtype=float),
):  # fmt: skip
    """``m before / c``, the pull of walls, and that of the other components: sum over edges of +- d other / d axis."""
    i, j, k = wp.tid()
    n = wp.vec3i(i, j, k)
    value = float(0.0)
    if int(kind[i, j, k]) == 1:
        value = mass_of(phi, axis, n, least) * before[i, j, k] / c
        for side in range(2):
            sign = wp.where(side == 1, 1.0, -1.0)
            cell = n - (1 - side) * unit(axis)
            behind = n + wp.where(side == 1, 1, -1) * unit(axis)
            if surface_distance(phi, cell[0], cell[1], cell[2]) < 0.0 and kind_at(kind, behind) == 2:
                value += 2.0 * value_at(solid, behind)
            for turn in range(1, 3):
                other = (axis + turn) % 3
                near = n + wp.where(side == 1, 1, -1) * unit(other)
                edge = n + wp.where(side == 1, 1, 0) * unit(other)
                w = wp.vec2(0.0, 0.0)
                cross = float(0.0)
                if turn == 1:
                    w = edge_term(kind, first_kind, axis, other, n, side, cling)
                    cross = twist(first_kind, first, axis, edge)
                else:
                    w = edge_term(kind, second_kind, axis, other, n, side, cling)
                    cross = twist(second_kind, second, axis, edge)
                value += sign * w[0] * cross + w[1] * value_at(solid, near)
    rhs[i + 1, j + 1, k + 1] = value


@wp.kernel
def take_kernel(p: wp.array3d(dtype=float), kind: wp.array3d(dtype=float), u: wp.array3d(dtype=float)):
    i, j, k = wp.tid()
    if int(kind[i, j, k]) == 1:
        u[i, j, k] = p[i + 1, j + 1, k + 1]
