"""Arrays of the rigid solver, grouped in Warp structs. Every kernel of the solver takes these.

Bodies are numbered with the moving ones first, then the static ones (inverse mass 0). A body has one or more colliders,
numbered in the order of their bodies; the tables of ``Geometry`` go by collider. A pair is a slot for two colliders
that are near each other; it names their bodies a and b, ordered by the kind of collider, ``kind of a >= kind of b``,
and owns four contact slots, see ``row_of``. With a height field a collider has two pairs, one for what carries it and
one for walls; a hull with a plane has two, the second for further corners; with a mesh it has four, one for each
direction it is touched from. Normals point from a to b. Contact points are kept in the frames of the bodies. SI units,
world frame right-handed with Y up; body frames sit at the centre of mass along the principal axes.
"""

import warp as wp

SPHERE = 0
CAPSULE = 1
CYLINDER = 2
HULL = 3
PLANE = 4
FIELD = 5
MESH = 6

MESH_PAIRS = 4
"""Pairs of a collider with a mesh."""
FIELD_PAIRS = 2
"""Pairs of a collider with a height field."""
PLANE_PAIRS = 2
"""Pairs of a hull with a plane: the second has four more corners while the hull turns fast."""

FACE = 0
"""Contact of a point of b, with a radius around it, against a plane fixed in a."""
POINT = 1
"""Contact between a point of a and a point of b, each with a radius: the normal follows the line between them."""
RIM = 2
"""Contact of the lowest point of a circle about ``axis_b`` against a plane fixed in a."""
BACK = 3
"""Contact of a point of a against a plane fixed in b, whose normal is ``axis_b``."""


@wp.struct
class Geometry:
    kind: wp.array(dtype=int)  # of the collider, one of the numbers above; so all that follows
    body: wp.array(dtype=int)  # that it belongs to
    first: wp.array(dtype=int)  # per body: number of its first collider; one more row at the end
    is_part: wp.array(dtype=int)  # 1: not at home in its body's frame; its place there:
    position: wp.array(dtype=wp.vec3)  # of the collider's origin [m]
    rotation: wp.array(dtype=wp.mat33)  # body from collider
    box_centre: wp.array(dtype=wp.vec3)  # of the box around it along its own axes [m]
    box_half: wp.array(dtype=wp.vec3)  # [m]; 0 for planes and fields
    friction: wp.array(dtype=float)  # of the material, as the four that follow
    static_friction: wp.array(dtype=float)
    restitution: wp.array(dtype=float)
    rolling: wp.array(dtype=float)
    spinning: wp.array(dtype=float)
    radius: wp.array(dtype=float)  # sphere, capsule, cylinder [m]
    half: wp.array(dtype=float)  # half length of the core of a capsule, of a cylinder [m]
    bound: wp.array(dtype=float)  # bounding radius about the collider's origin [m]; 0 for planes and fields
    vertex_start: wp.array(dtype=int)
    vertex_count: wp.array(dtype=int)
    face_start: wp.array(dtype=int)
    face_count: wp.array(dtype=int)
    edge_start: wp.array(dtype=int)
    edge_count: wp.array(dtype=int)
    vertices: wp.array(dtype=wp.vec3)  # of all hulls, collider's frame [m]
    face_normal: wp.array(dtype=wp.vec3)
    face_offset: wp.array(dtype=float)  # normal . x on the face [m]
    face_area: wp.array(dtype=float)  # [m^2]
    loop_start: wp.array(dtype=int)  # of a face in loop
    loop_count: wp.array(dtype=int)
    loop: wp.array(dtype=int)  # vertex numbers within the hull, counter-clockwise from outside
    edges: wp.array(dtype=wp.vec4i)  # two vertices, two faces, numbers within the hull
    heights: wp.array(dtype=float)  # of all height fields [m]
    field_start: wp.array(dtype=int)
    field_size: wp.array(dtype=wp.vec2i)  # rows, columns
    field_frame: wp.array(dtype=wp.vec3)  # origin x, origin z, cell [m]
    mesh: wp.array(dtype=wp.uint64)  # handle of the triangles, body frame [m]; 0 if the body is no mesh
    mesh_face_start: wp.array(dtype=int)
    mesh_vertex_start: wp.array(dtype=int)
    mesh_owns: wp.array(dtype=int)  # per triangle, bits: its corners 0-2, edges 3-5 but valleys, ridges 6-8
    mesh_across: wp.array(dtype=int)  # per triangle and edge: corner of the other triangle there; -1 at a border
    mesh_fan_start: wp.array(dtype=int)  # per vertex, and the end
    mesh_fan: wp.array(dtype=int)  # vertices at the other ends of a vertex' edges


@wp.struct
class Bodies:
    x: wp.array(dtype=wp.vec3d)  # centre of mass [m]
    q: wp.array(dtype=wp.quatd)  # world from body
    momentum_velocity: wp.array(dtype=wp.vec3d)  # velocity in double precision [m/s]
    angular_momentum: wp.array(dtype=wp.vec3d)  # world [kg m^2/s]
    inertia: wp.array(dtype=wp.vec3d)  # principal [kg m^2]
    inv_mass: wp.array(dtype=float)  # [1/kg]
    v: wp.array(dtype=wp.vec3)  # what the contact solver works on [m/s]
    w: wp.array(dtype=wp.vec3)  # [rad/s], world
    v_ref: wp.array(dtype=wp.vec3)  # v as last written from double precision
    w_ref: wp.array(dtype=wp.vec3)
    rotation: wp.array(dtype=wp.mat33)  # of q
    inv_inertia: wp.array(dtype=wp.mat33)  # world [1/(kg m^2)]
    acc: wp.array(dtype=wp.vec3)  # of this substep's outer forces [m/s^2]
    dx: wp.array(dtype=wp.vec3)  # displacement correction of impacts in this substep [m]
    dtheta: wp.array(dtype=wp.vec3)  # [rad]
    active: wp.array(dtype=int)  # bits: 1 if a contact pressed on it in this substep and held, 2 if one slid
    press: wp.array(dtype=wp.vec3)  # normal of a contact that pressed
    struck: wp.array(dtype=int)  # 1 if an impact of this substep changed its motion
    asleep: wp.array(dtype=int)  # 1: at rest and not moved until something wakes it
    awake: wp.array(dtype=int)  # [0]: how many bodies are awake; [1]: how many are moved from outside, all the time
    stirred: wp.array(dtype=int)  # [0]: 1 if a sleeping body was pushed; [1]: 1 while islands are looked at
    drag: wp.array(dtype=float)  # air density x drag coefficient / (2 mass) [1/m^3 * m = 1/m per m^2]


@wp.func
def is_awake(bodies: Bodies, i: int):
    """Whether body ``i`` is moved now, by contacts or from outside."""
    if bodies.inv_mass[i] > 0.0:
        return bodies.asleep[i] == 0
    return wp.length_sq(bodies.v[i]) + wp.length_sq(bodies.w[i]) > 0.0


@wp.func
def is_struck(bodies: Bodies, a: int, b: int):
    """Whether an impact of this substep changed the motion of one of two bodies."""
    return bodies.struck[a] + bodies.struck[b] > 0


@wp.func
def nobody_stirs(bodies: Bodies):
    """Whether nothing in the scene moves, or may begin to by itself."""
    return bodies.awake[0] + bodies.awake[1] == 0


@wp.func
def bring_to_rest(bodies: Bodies, i: int):
    """Body ``i`` stands still: nothing is left of its motion, or of what this substep would have added to it."""
    zero = wp.vec3(0.0, 0.0, 0.0)
    bodies.momentum_velocity[i] = wp.vec3d(zero)
    bodies.angular_momentum[i] = wp.vec3d(zero)
    bodies.v[i] = zero
    bodies.w[i] = zero
    bodies.v_ref[i] = zero
    bodies.w_ref[i] = zero
    bodies.acc[i] = zero
    bodies.dx[i] = zero
    bodies.dtheta[i] = zero


@wp.struct
class Pairs:
    a: wp.array(dtype=int)  # body
    b: wp.array(dtype=int)  # body
    collider_a: wp.array(dtype=int)
    collider_b: wp.array(dtype=int)
    owner: wp.array(dtype=int)  # moving collider in whose list the pair is
    partner: wp.array(dtype=int)  # the other collider; lists go by rising partner
    side: wp.array(
        dtype=int
    )  # 0, or a number above 0 for the further pairs of two colliders: the first searches for all
    following: wp.array(dtype=int)  # next pair of the owner's list, -1 at its end
    head: wp.array(dtype=int)  # per moving collider: first pair of its list, -1 if it is empty
    live: wp.array(dtype=int)  # all pairs in use, by owner and partner
    live_count: wp.array(dtype=int)  # [0]
    friction: wp.array(dtype=float)  # Coulomb coefficient while slipping
    static_friction: wp.array(dtype=float)  # Coulomb coefficient while sticking, not below the other
    rolling: wp.array(dtype=float)  # rolling torque per radius of the round side and normal force
    spinning: wp.array(dtype=float)  # lever arm of friction against turning about the normal [m]
    restitution: wp.array(dtype=float)
    size: wp.array(dtype=float)  # length scale of tolerances: the smaller bounding radius [m]
    push: wp.array(dtype=float)  # fastest recovery from penetration [m/s]
    sag: wp.array(dtype=float)  # depth to which the mean load of late presses the soft contacts [m]
    count: wp.array(dtype=int)  # contacts in use
    order: wp.array(dtype=int)  # pairs in contact, by colour
    colour: wp.array(dtype=int)
    colour_start: wp.array(dtype=int)  # COLOURS + 1
    colour_mask: wp.array(dtype=int)  # per body
    hits: wp.array(dtype=int)  # [0]: impacts found in this substep
    looked: wp.array(dtype=int)  # [0]: 1 if a pair was searched since the last ordering
    deepest: wp.array(dtype=float)  # deepest penetration so far, of any two that used the slot [m]


@wp.struct
class Row:
    """A contact as the solver reads it in this substep, lying together in memory."""

    normal: wp.vec3  # world
    arm_a: wp.vec3  # from the centre of mass to the point where both meet, world axes [m]
    arm_b: wp.vec3
    separation: float  # [m]; negative is penetration
    response: wp.vec3  # K n: velocity of the contact per impulse along the normal [1/kg]
    normal_mass: float  # 1 / (n K n) [kg]
    friction_mass: float  # 1 / largest eigenvalue of K on the tangent plane [kg]
    radius_a: float  # of the round side [m], 0 for a corner or face
    radius_b: float
    deferred: int  # waits for its impact in the next substep
    a: int  # bodies, and what their pair says, at hand
    b: int
    push: float
    sag: float
    friction: float
    static_friction: float
    rolling: float
    twist: float  # friction x lever arm of spinning [m]


@wp.struct
class Spot:
    """Where a contact sits on its two bodies, in their frames, as the search found it."""

    kind: int
    fresh: int  # 1: found anew since its masses were computed
    radius_a: float
    radius_b: float
    point_a: wp.vec3  # body frame of a [m]
    point_b: wp.vec3  # body frame of b [m]
    normal_a: wp.vec3  # body frame of a
    axis_b: wp.vec3  # of the circle of a RIM, normal of a BACK, body frame of b


@wp.struct
class Grip:
    """What a contact keeps from substep to substep."""

    normal: float  # impulse along the normal [N s]
    friction: wp.vec3  # impulse, world [N s]
    turning: wp.vec3  # angular impulse of rolling and spinning resistance, world [N m s]
    slips: int  # 1 while kinetic friction acts


@wp.struct
class Contacts:
    """Rows of contact k of all pairs lie together, see ``row_of``: a pass reads memory from front to back."""

    slots: int  # pairs there is room for
    spot: wp.array(dtype=Spot)
    row: wp.array(dtype=Row)
    grip: wp.array(dtype=Grip)
    heir: wp.array(dtype=Grip)  # scratch of the search: what a new contact takes over from an old one


@wp.func
def row_of(c: Contacts, pair: int, k: int):
    """Row of contact ``k`` of a pair."""
    return k * c.slots + pair


@wp.struct
class Candidates:
    """Contact points found for one pair, before four are kept. ``stride`` rows per thread."""

    kind: wp.array(dtype=int)
    point_a: wp.array(dtype=wp.vec3)
    point_b: wp.array(dtype=wp.vec3)
    normal_a: wp.array(dtype=wp.vec3)
    radius_a: wp.array(dtype=float)
    radius_b: wp.array(dtype=float)
    separation: wp.array(dtype=float)
    polygon: wp.array(dtype=wp.vec3)  # two polygons of ``stride`` corners per thread, for clipping
    stride: int
