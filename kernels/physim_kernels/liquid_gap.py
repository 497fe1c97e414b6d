"""Cells between a body and a wall that the body all but closes: the liquid around presses in them all the same.

A ball on the floor of its tank touches it at one point; the gap around that point is thinner than a face can tell, and
without pressure in it the ball would stay where it is, whatever its weight. Such a cell c has the pressure of the
liquid cells at the ends of the rows of such cells through it, along the wall, each by the inverse of its distance d
(which is exact for pressure at rest). The push on the body is that of any cell whose faces the body closes in part,

    p_c sum_f (A_f - a_f) n_f,    p_c = sum_e p_e / d_e / sum_e 1 / d_e,

with what walls leave open of the faces, A_f, and what is left beside the body, a_f. Cells within the body would give
nothing, so only those at walls are asked. The same entries of K draw from these liquid cells what the gap takes when
the body leaves the wall. What lies flat on a wall is lifted too: no two bodies are so smooth that nothing creeps
between them. Where a row ends in air its end has no pressure. What lies of a body between a wall and the centres of its
cells is added to the volume that faces miss (``liquid_push.cut_kernel``): no face tells of it.
"""

import warp as wp

from physim_kernels.liquid_push import body_part
from physim_kernels.liquid_wet import Cuts, Frame, Wet, liquid_at, offset, row_is_touched
from physim_kernels.rigid_data import Geometry

wp.set_module_options({"enable_backward": False})


@wp.kernel
def mark_kernel(cuts: Cuts):
    """Where the entries of faces end."""
    cuts.faces[0] = wp.min(cuts.count[0], cuts.body.shape[0])


@wp.func
def owner_of(phi: wp.array3d(dtype=float), owner: wp.array3d(dtype=int), cell: wp.vec3i):
    """Row of the body that a corner of a cell lies deepest in; -1 if none comes near."""
    found = int(-1)
    deepest = float(1.0e6)
    for s in range(8):
        a, b = cell[0] + wp.where((s & 4) != 0, 1, 0), cell[1] + wp.where((s & 2) != 0, 1, 0)
        c = cell[2] + wp.where((s & 1) != 0, 1, 0)
        if owner[a, b, c] >= 0 and phi[a, b, c] < deepest:
            deepest = phi[a, b, c]
            found = owner[a, b, c]
    return found


@wp.func
def is_gap(
    open: wp.array3d(dtype=float), surface: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float), c: wp.vec3i
):
    """Whether a cell has too little room to tell whether liquid is in it."""
    return open[c[0], c[1], c[2]] < 0.5 and not liquid_at(surface, inverse, c + wp.vec3i(1, 1, 1))


@wp.func
def row_end(
    open: wp.array3d(dtype=float), surface: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
    static_area: wp.array3d(dtype=float), start: wp.vec3i, axis: int, way: int,
):  # fmt: skip
    """First cell along an axis that is no gap, by faces that walls leave open; its own place if there is none."""
    e = offset(axis)
    at = start
    while True:
        face = at
        if way > 0:
            face = at + e
        if static_area[face[0], face[1], face[2]] <= 0.0:
            return start
        at = at + way * e
        if at[axis] < 0 or at[axis] >= open.shape[axis]:
            return start
        if not is_gap(open, surface, inverse, at):
            return at
    return start


@wp.func
def widening(ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float), c: wp.vec3i):
    """By how much more the faces after a cell are open than those before it."""
    i, j, k = c[0], c[1], c[2]
    return wp.vec3(ax[i + 1, j, k] - ax[i, j, k], ay[i, j + 1, k] - ay[i, j, k], az[i, j, k + 1] - az[i, j, k])


@wp.func
def add_cut(cuts: Cuts, body: int, cell: wp.vec3i, push: wp.vec3, arm: wp.vec3):
    slot = wp.atomic_add(cuts.count, 0, 1)
    if slot < cuts.body.shape[0]:
        cuts.body[slot] = body
        cuts.low[slot] = cell
        cuts.high[slot] = wp.vec3i(0, 0, 0)
        cuts.push[slot] = push
        cuts.twist[slot] = wp.cross(arm, push)


@wp.func
def end_of(
    open: wp.array3d(dtype=float), surface: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    wall: wp.vec3, here: wp.vec3i, side: int,
):  # fmt: skip
    """End of the row of gaps to one of six sides, if that lies along the wall; else its own place."""
    axis, way = side // 2, 2 * (side % 2) - 1
    end = here
    if wall[axis] * wall[axis] < 0.4 * wp.dot(wall, wall):
        if axis == 0:
            end = row_end(open, surface, inverse, ax, here, 0, way)
        if axis == 1:
            end = row_end(open, surface, inverse, ay, here, 1, way)
        if axis == 2:
            end = row_end(open, surface, inverse, az, here, 2, way)
    return end


@wp.func
def add_rest(
    g: Geometry, wet: Wet, n: int, middle: wp.vec3, cell: float, back: wp.mat33, lead: float, wall: wp.vec3,
    share: float,
):  # fmt: skip
    """Add what lies of the body between a wall and the centres of its cells to the volume that faces miss."""
    for axis in range(3):
        if wp.abs(wall[axis]) > 0.01:
            e = offset(axis)
            way = wp.vec3(float(e[0]), float(e[1]), float(e[2]))
            at = middle - 0.5 * wp.sign(wall[axis]) * way
            amount = share * wp.abs(wall[axis]) * body_part(g, wet, n, at, cell, back, lead)
            wp.atomic_add(wet.lift, n, amount * way)
            wp.atomic_add(wet.lift_arm, n, wp.outer(way, amount * (at - wet.x[n])))


@wp.kernel
def gap_kernel(
    # inputs: distances and owners at corners; what walls leave of faces and cells, and what is left beside bodies
    g: Geometry, cell: float,
    phi: wp.array3d(dtype=float), owner: wp.array3d(dtype=int), touched: wp.array2d(dtype=int),
    ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    bx: wp.array3d(dtype=float), by: wp.array3d(dtype=float), bz: wp.array3d(dtype=float),
    static_open: wp.array3d(dtype=float), open: wp.array3d(dtype=float),
    surface: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
    holder: int, frame: Frame, lead: float, wet: Wet,
    # outputs
    cuts: Cuts,
):  # fmt: skip
    """List the pushes of gaps on bodies, on what holds the liquid the opposite ones; add to what faces miss."""
    i, j = wp.tid()
    if not row_is_touched(touched, i, j):
        return
    back = wp.transpose(frame.axes[0])
    for k in range(open.shape[2]):
        here = wp.vec3i(i, j, k)
        wall = widening(ax, ay, az, here)
        body = int(-1)
        if wp.dot(wall, wall) > 1.0e-4 and static_open[i, j, k] > 0.0:
            body = owner_of(phi, owner, here)
        if body >= 0:
            middle = wp.vec3(float(i) + 0.5, float(j) + 0.5, float(k) + 0.5)
            liquid = float(0.0)  # part of the cell's pressure that liquid gives
            if liquid_at(surface, inverse, here + wp.vec3i(1, 1, 1)):
                liquid = 1.0
            elif is_gap(open, surface, inverse, here):
                push = wall - widening(bx, by, bz, here)
                total = float(0.0)
                for side in range(6):
                    end = end_of(open, surface, inverse, ax, ay, az, wall, here, side)
                    far = wp.abs(end[side // 2] - here[side // 2])
                    if far > 0:
                        total += 1.0 / float(far)
                for side in range(6):
                    end = end_of(open, surface, inverse, ax, ay, az, wall, here, side)
                    far = wp.abs(end[side // 2] - here[side // 2])
                    end = end + wp.vec3i(1, 1, 1)
                    if far > 0 and liquid_at(surface, inverse, end):
                        part = 1.0 / (float(far) * total)
                        liquid += part
                        add_cut(cuts, body, end, part * push, middle - wet.x[body])
                        if holder >= 0:
                            add_cut(cuts, holder, end, -part * push, middle - wet.x[holder])
            if liquid > 0.0:
                add_rest(g, wet, body, middle, cell, back, lead, wall, liquid)


@wp.kernel
def flow_kernel(wet: Wet, cuts: Cuts, threads: int, rhs: wp.array3d(dtype=float)):
    """Take from ``rhs`` (padded) what the gaps draw, as bodies move now."""
    for slot in range(cuts.faces[0] + wp.tid(), wp.min(cuts.count[0], cuts.body.shape[0]), threads):
        n = cuts.body[slot]
        flux = wp.dot(cuts.push[slot], wet.v[n]) + wp.dot(cuts.twist[slot], wet.w[n])
        a = cuts.low[slot]
        wp.atomic_sub(rhs, a[0], a[1], a[2], flux)
