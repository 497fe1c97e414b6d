"""Arrays of the joint solver. SI units, double precision; rows of one island lie together, in elimination order.

A joint ties body ``b`` to body ``a``; ``a = -1`` is the world, whose frame is the identity. It owns consecutive rows,
each one scalar constraint C with the gradient (linear on b, minus that on a; angular on b; angular on a) and a bound on
its impulse. Rows of an island are solved together: their matrix is stored by its envelope, row i from column
``first[i]`` to the diagonal.
"""

import warp as wp

BALL = 0
HINGE = 1
FIXED = 2
DISTANCE = 3
STRING = 4
SPRING = 5
"""Hooke's law along the line between two points."""
SPRING_POINT = 6
"""A spring without rest length: Hooke's law for each component of the vector between two points."""

PLAIN = 0
"""Row that always holds."""
LIMIT = 1
"""Row that holds on one side: what is bounded by the angles of a hinge."""
FRICTION = 2
"""Row that holds its value until its impulse reaches a bound."""

EARLY = 0
"""Turn of the joints before the contacts of a substep, in islands that something pressed on in the last one."""
AGAIN = 1
"""Turn between two of the contacts, in islands that something presses on."""
LAST = 2

CALM = 1
"""An island that an impact of this substep struck."""
FAST = 2
"""One that turns far within a substep, before the impact or by it."""

FREE = 0
"""State of a row whose impulse is an unknown."""
LOW = 1
"""State of a row whose impulse sits at its lower bound."""
HIGH = 2


@wp.struct
class Joints:
    kind: wp.array(dtype=int)
    a: wp.array(dtype=int)  # body, or -1 for the world
    b: wp.array(dtype=int)
    anchor_a: wp.array(dtype=wp.vec3d)  # body frame of a [m]
    anchor_b: wp.array(dtype=wp.vec3d)
    frame_a: wp.array(dtype=wp.quatd)  # body from joint; x is the axis of a hinge
    frame_b: wp.array(dtype=wp.quatd)
    length: wp.array(dtype=wp.float64)  # of a rod, a string, a spring at rest [m]
    stiffness: wp.array(dtype=wp.float64)  # [N/m]
    damping: wp.array(dtype=wp.float64)  # [N s/m]
    low: wp.array(dtype=wp.float64)  # angles [rad]
    high: wp.array(dtype=wp.float64)
    friction: wp.array(dtype=wp.float64)  # [N m]
    angle: wp.array(dtype=wp.float64)  # of b about the axis, counted through full turns [rad]
    error: wp.array(dtype=wp.float64)  # largest so far [m]
    load: wp.array(dtype=wp.vec3d)  # force on b, mean over the last substep [N]
    row_start: wp.array(dtype=int)  # and the end
    near_start: wp.array(dtype=int)  # of the joints before it in its island that share a moving body with it
    near: wp.array(dtype=int)
    near_sides: wp.array(dtype=int)  # bits: 1 this joint's end on the shared body is a, 2 the other joint's is a
    island_start: wp.array(dtype=int)  # joints of an island, and the end
    island_body_start: wp.array(dtype=int)
    island_body: wp.array(dtype=int)  # moving bodies of an island
    struck: wp.array(dtype=int)  # per island: if there was an impact on it in this substep, CALM or FAST
    island_of: wp.array(dtype=int)  # per body, -1: none
    pressed: wp.array(dtype=int)  # per island: 1 if a contact pressed on it or hit it in the last substep
    step: wp.array(dtype=wp.float64)  # per island: length of its last step [s]; below the substep where it was cut
    compliance: wp.array(dtype=wp.float64)  # per island, relative [-]: what decides where joints say the same twice


@wp.struct
class Rows:
    role: wp.array(dtype=int)
    joint: wp.array(dtype=int)
    component: wp.array(dtype=int)  # number of the row within its joint
    first: wp.array(dtype=int)  # first column of the envelope
    start: wp.array(dtype=int)  # place of that column in ``factor``
    factor: wp.array(dtype=wp.float64)  # L of L D L^T
    diagonal: wp.array(dtype=wp.float64)  # D
    stiff: wp.array(dtype=wp.float64)  # J M^-1 J^T of the row alone
    linear: wp.array(dtype=wp.vec3d)  # gradient by the place of b
    angular_a: wp.array(dtype=wp.vec3d)
    angular_b: wp.array(dtype=wp.vec3d)
    turn_a: wp.array(dtype=wp.vec3d)  # I^-1 angular_a
    turn_b: wp.array(dtype=wp.vec3d)
    value: wp.array(dtype=wp.float64)  # C at the start of the substep
    alpha: wp.array(dtype=wp.float64)  # equation of a row: C1 + alpha impulse + beta C0 = 0
    beta: wp.array(dtype=wp.float64)
    low: wp.array(dtype=wp.float64)  # bounds of the impulse
    high: wp.array(dtype=wp.float64)
    state: wp.array(dtype=int)
    drift_impulse: wp.array(dtype=wp.float64)  # first half of the substep: what brings C to its target
    speed_impulse: wp.array(dtype=wp.float64)  # second half: what brings dC/dt to zero
    residual: wp.array(dtype=wp.float64)  # right hand side, then solution


@wp.struct
class Ahead:
    """Poses at the end of the substep: of moving bodies as predicted, of kinematic ones as prescribed."""

    x: wp.array(dtype=wp.vec3d)
    q: wp.array(dtype=wp.quatd)
    v: wp.array(dtype=wp.vec3d)  # before a blow [m/s]
    momentum: wp.array(dtype=wp.vec3d)  # angular, world, before a blow [kg m^2/s]


@wp.struct
class Kept:
    """What a step that fails goes back to, per body and per row."""

    x: wp.array(dtype=wp.vec3d)
    q: wp.array(dtype=wp.quatd)
    v: wp.array(dtype=wp.vec3d)
    momentum: wp.array(dtype=wp.vec3d)
    impulse: wp.array(dtype=wp.float64)
    state: wp.array(dtype=int)
