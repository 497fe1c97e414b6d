"""The linear system of one island of joints, J M^-1 J^T, in double precision: assembly, factorisation, solution.

The matrix is symmetric and kept by its envelope (skyline): of row i the columns from ``first[i]``. Its factorisation
L D L^T stays inside the envelope (George & Liu, Computer Solution of Large Sparse Positive Definite Systems, ch. 4).
For a chain or a tree of joints, in an order that keeps neighbours together, the work grows linearly with the joints,
and the answer depends neither on mass ratios nor on a count of iterations.
"""

import warp as wp

from physim_kernels.joint_data import FREE, FRICTION, SPRING, Joints, Rows
from physim_kernels.rigid_data import Bodies

ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))


BLOW = wp.constant(0)
"""Stage in which springs and dry friction have no impulse."""
SPEED = wp.constant(1)
"""Stage in which springs have none that is unknown."""
DRIFT = wp.constant(2)


@wp.func
def in_system(joints: Joints, rows: Rows, i: int, stage: int):
    """Whether the impulse of row ``i`` is an unknown."""
    if rows.state[i] != FREE or (stage == BLOW and rows.role[i] == FRICTION):
        return False
    return stage == DRIFT or joints.kind[rows.joint[i]] < SPRING


@wp.func
def mixed(bodies: Bodies, rows: Rows, i: int, m: int, body: int, sides: int):
    """What row ``i`` feels of a unit impulse of row ``m`` through a body that both act on."""
    linear = wp.dot(rows.linear[i], rows.linear[m]) * wp.float64(bodies.inv_mass[body])
    if sides == 1 or sides == 2:
        linear = -linear
    angular = rows.angular_b[i]
    if (sides & 1) == 1:
        angular = rows.angular_a[i]
    turn = rows.turn_b[m]
    if (sides & 2) == 2:
        turn = rows.turn_a[m]
    return linear + wp.dot(angular, turn)


@wp.func
def assemble_row(
    bodies: Bodies, joints: Joints, rows: Rows, i: int, j: int, h: wp.float64, soft: wp.float64, stage: int
):  # fmt: skip
    """Row ``i`` of joint ``j`` up to the diagonal: with the rows of its own joint and of joints before it.

    ``h`` scales impulses to what C gains: the substep where C is a displacement, 1 where it is a speed; ``soft``
    scales the compliance alike.
    """
    start = rows.start[i] - rows.first[i]
    for m in range(rows.first[i], i):
        rows.factor[start + m] = ZERO
    if not in_system(joints, rows, i, stage):
        rows.diagonal[i] = ONE
        return
    a = joints.a[j]
    b = joints.b[j]
    for m in range(joints.row_start[j], i):
        if in_system(joints, rows, m, stage):
            value = ZERO
            if a >= 0:
                if bodies.inv_mass[a] > 0.0:
                    value += mixed(bodies, rows, i, m, a, 3)
            if bodies.inv_mass[b] > 0.0:
                value += mixed(bodies, rows, i, m, b, 0)
            rows.factor[start + m] = h * value
    for n in range(joints.near_start[j], joints.near_start[j + 1]):
        other = joints.near[n]
        sides = joints.near_sides[n]
        body = b
        if (sides & 1) == 1:
            body = a
        for m in range(joints.row_start[other], joints.row_start[other + 1]):
            if in_system(joints, rows, m, stage):
                rows.factor[start + m] = rows.factor[start + m] + h * mixed(bodies, rows, i, m, body, sides)
    rows.diagonal[i] = h * rows.stiff[i] + soft * rows.alpha[i]


@wp.func
def eliminate_row(rows: Rows, i: int):
    """Row ``i`` of L and of D, from those before it."""
    mine = rows.start[i] - rows.first[i]
    for m in range(rows.first[i], i):
        theirs = rows.start[m] - rows.first[m]
        s = rows.factor[mine + m]
        for k in range(wp.max(rows.first[i], rows.first[m]), m):
            s -= rows.factor[mine + k] * rows.factor[theirs + k]
        rows.factor[mine + m] = s
    d = rows.diagonal[i]
    floor = wp.float64(1.0e-14) * d
    for m in range(rows.first[i], i):
        u = rows.factor[mine + m]
        l = u / rows.diagonal[m]
        d -= u * l
        rows.factor[mine + m] = l
    rows.diagonal[i] = wp.max(d, floor)


@wp.func
def factorise(
    bodies: Bodies, joints: Joints, rows: Rows, island: int, h: wp.float64, soft: wp.float64, stage: int
):  # fmt: skip
    """Matrix of an island for the rows that are unknowns in this stage."""
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            assemble_row(bodies, joints, rows, i, j, h, soft, stage)
            eliminate_row(rows, i)


@wp.func
def substitute(joints: Joints, rows: Rows, island: int):
    """Solve for ``rows.residual`` in place."""
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    for i in range(begin, end):
        start = rows.start[i] - rows.first[i]
        s = rows.residual[i]
        for m in range(rows.first[i], i):
            s -= rows.factor[start + m] * rows.residual[m]
        rows.residual[i] = s
    for i in range(begin, end):
        rows.residual[i] = rows.residual[i] / rows.diagonal[i]
    k = int(end - 1)
    while k >= begin:
        start = rows.start[k] - rows.first[k]
        for m in range(rows.first[k], k):
            rows.residual[m] = rows.residual[m] - rows.factor[start + m] * rows.residual[k]
        k -= 1
