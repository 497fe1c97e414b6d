"""Joints in the substep: RATTLE, a second-order symmetric scheme for constrained motion.

One substep gives every joint two impulses. The first acts before the drift, along the gradients at its start, and is
such that the constraint holds *at its end*: C(x1) = 0 with the bodies moved as the drift will move them. The second
acts after the drift, along the gradients at the end, and makes dC/dt = 0 there (Andersen, J. Comp. Phys. 52 (1983) 24;
Hairer, Lubich, Wanner, Geometric Numerical Integration, VII.1). Nothing is corrected in position, so nothing drifts and
no energy is put in. Springs are rows of the same system with a compliance (the implicit midpoint rule): stable at any
stiffness. Strings, limits and dry friction are rows with bounds; which of them hold is found by pivoting.

Each island of joints is solved directly by one thread. Its contacts are solved before it in both halves and see the
impulses that the joints gave in the substep before. An island that turns fast goes in shorter steps (``joint_cut``).
"""

import warp as wp

from physim_kernels.joint_cut import LIMIT, MET, fastest, go_back, go_through, keep
from physim_kernels.joint_data import AGAIN, EARLY, FRICTION, LAST, SPRING, Ahead, Joints, Kept, Rows
from physim_kernels.joint_step import allowed, apply, first_half, gather, hold, place_island, scatter, second_half
from physim_kernels.rigid import ARRIVED
from physim_kernels.rigid_data import Bodies

ZERO = wp.constant(wp.float64(0.0))
ONE = wp.constant(wp.float64(1.0))


@wp.func
def sleeps(bodies: Bodies, joints: Joints, island: int):
    """Whether an island is at rest: its bodies fall asleep and wake together."""
    return bodies.asleep[joints.island_body[joints.island_body_start[island]]] == 1


@wp.func
def spread_contact(bodies: Bodies, joints: Joints, island: int):
    """What presses on one body of an island presses on all: they drift alike."""
    pressed = int(0)
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        pressed = wp.max(pressed, wp.min(bodies.active[joints.island_body[n]], 1))
    set_active(bodies, joints, island, pressed)
    return pressed


@wp.func
def set_active(bodies: Bodies, joints: Joints, island: int, active: int):
    for n in range(joints.island_body_start[island], joints.island_body_start[island + 1]):
        bodies.active[joints.island_body[n]] = active


@wp.func
def is_cut(joints: Joints, island: int, h: wp.float64):
    """Whether an island went through the last substep in shorter steps."""
    return joints.step[island] < wp.float64(0.999) * h


@wp.kernel
def warm_kernel(bodies: Bodies, joints: Joints, rows: Rows, h: wp.float64):
    """Start from the first impulses of the last substep; from none where contacts had to do with them."""
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    begin = joints.row_start[joints.island_start[island]]
    end = joints.row_start[joints.island_start[island + 1]]
    if joints.pressed[island] == 1 or is_cut(joints, island, h):
        for i in range(begin, end):
            rows.drift_impulse[i] = ZERO
        return
    gather(bodies, joints, island)
    for i in range(begin, end):
        rows.drift_impulse[i] = allowed(rows, i, rows.drift_impulse[i])
        apply(bodies, joints, rows, i, rows.drift_impulse[i])
    scatter(bodies, joints, island)


@wp.kernel
def solve_kernel(
    bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, kept: Kept, h: wp.float64, turn: int
):  # fmt: skip
    """The first impulses: C is met at the end of the drift."""
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    if turn == EARLY:
        if joints.pressed[island] == 0:
            return
        set_active(bodies, joints, island, 1)
    else:
        pressed = spread_contact(bodies, joints, island)
        joints.pressed[island] = wp.max(pressed, wp.min(joints.struck[island], 1))
        if turn == LAST:
            joints.struck[island] = 0
        if turn == AGAIN and pressed == 0:
            return
    gather(bodies, joints, island)
    met = int(0)
    if h * fastest(bodies, joints, rows, island) < LIMIT:
        keep(bodies, joints, rows, kept, island)
        if first_half(bodies, joints, rows, ahead, island, h, ONE, h) < MET:
            met = 1
            joints.step[island] = h
        else:
            go_back(bodies, joints, rows, kept, island)
    if met == 0:
        if turn == LAST:
            go_through(bodies, joints, rows, ahead, kept, island, h)
            set_active(bodies, joints, island, int(ARRIVED))
        else:  # contacts see what the joints do not allow
            hold(bodies, joints, rows, island, h)
    if turn == EARLY:  # whether contacts still press is theirs to say
        set_active(bodies, joints, island, 0)
    scatter(bodies, joints, island)


@wp.kernel
def place_kernel(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, h: wp.float64, first: int):
    """Rows at the poses after the drift; the second impulses of the last substep, and those of springs, are applied.

    ``first``: before the first substep, when there are none.
    """
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    gather(bodies, joints, island)
    place_island(bodies, joints, rows, ahead, island, h, ZERO)
    cut = is_cut(joints, island, h)
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            if cut and rows.role[i] == FRICTION:  # it has done its part
                rows.low[i] = ZERO
                rows.high[i] = ZERO
            if joints.kind[j] >= SPRING:
                rows.speed_impulse[i] = rows.drift_impulse[i]
            elif joints.pressed[island] == 1 or cut:
                rows.speed_impulse[i] = ZERO
            else:
                rows.speed_impulse[i] = allowed(rows, i, rows.speed_impulse[i])
            if first == 0:
                apply(bodies, joints, rows, i, rows.speed_impulse[i])
    scatter(bodies, joints, island)


@wp.kernel
def relax_kernel(bodies: Bodies, joints: Joints, rows: Rows, h: wp.float64, turn: int):
    """The second impulses: dC/dt is zero."""
    island = wp.tid()
    if sleeps(bodies, joints, island):
        return
    if turn != LAST and joints.pressed[island] == 0:
        return
    gather(bodies, joints, island)
    second_half(bodies, joints, rows, island, h)
    for j in range(joints.island_start[island], joints.island_start[island + 1]):
        load = wp.vec3d()
        for i in range(joints.row_start[j], joints.row_start[j + 1]):
            load += (rows.drift_impulse[i] + rows.speed_impulse[i]) * rows.linear[i]
            if turn == LAST and joints.pressed[island] == 1:
                rows.speed_impulse[i] = ZERO  # a blow that joints passed on is not given again
        if not is_cut(joints, island, h):
            joints.load[j] = load / h
    scatter(bodies, joints, island)


@wp.kernel
def begin_kernel(bodies: Bodies, joints: Joints, rows: Rows, h: wp.float64):
    """What the joints do not allow of the motion at the start is lost, as in a blow without restitution."""
    island = wp.tid()
    gather(bodies, joints, island)
    hold(bodies, joints, rows, island, h)
    scatter(bodies, joints, island)


def begin(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, *, h, islands, device):
    """Before the first substep: rows at the first poses, and motions that the joints allow."""
    wp.launch(place_kernel, dim=islands, inputs=[bodies, joints, rows, ahead, h, 1], device=device)
    wp.launch(begin_kernel, dim=islands, inputs=[bodies, joints, rows, h], device=device)


def warm(bodies: Bodies, joints: Joints, rows: Rows, *, h, islands, device):
    """After the kick: the first impulses of the last substep."""
    wp.launch(warm_kernel, dim=islands, inputs=[bodies, joints, rows, h], device=device)


def solve(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, kept: Kept, *, h, islands, device, turn=LAST):
    """Before the drift over ``h`` [s]. ``turn``: EARLY, after the contacts' warm start; AGAIN or LAST, after a pass."""
    wp.launch(solve_kernel, dim=islands, inputs=[bodies, joints, rows, ahead, kept, h, turn], device=device)


def place(bodies: Bodies, joints: Joints, rows: Rows, ahead: Ahead, *, h, islands, device):
    """After the drift, before the contacts relax."""
    wp.launch(place_kernel, dim=islands, inputs=[bodies, joints, rows, ahead, h, 0], device=device)


def relax(bodies: Bodies, joints: Joints, rows: Rows, *, h, islands, device, turn=LAST):
    """After the drift; ``turn`` as of :func:`solve`."""
    wp.launch(relax_kernel, dim=islands, inputs=[bodies, joints, rows, h, turn], device=device)
