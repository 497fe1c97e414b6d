"""Arrays of the solver of elastic solids, grouped in Warp structs.

A solid is laid into a lattice of cells, boxes with eight nodes each; a cell at the border is filled in part, and its
stiffness and mass are those of that part. Corner ``a`` of a cell has the bits (x, y, z) = (a & 1, a >> 1 & 1, a >> 2).
Places and velocities are in double precision: a step of some microseconds moves things by a few last digits of single
precision. SI units, world frame; cells are along the axes of the solid at rest.
"""

import warp as wp


@wp.struct
class Nodes:
    x: wp.array(dtype=wp.vec3d)  # [m]
    v: wp.array(dtype=wp.vec3d)  # [m/s]
    mass: wp.array(dtype=float)  # [kg]
    inv_mass: wp.array(dtype=float)  # [1/kg]; 0 where it is held
    solid: wp.array(dtype=int)  # that it belongs to
    around: wp.array(dtype=int)  # eight per node: corner of a cell (8 cell + a), or 8 cells where there is none
    acc: wp.array(dtype=wp.vec3)  # of what acts from outside, in this substep [m/s^2]


@wp.struct
class Cells:
    node: wp.array(dtype=int)  # eight per cell
    solid: wp.array(dtype=int)
    volume: wp.array(dtype=float)  # of what fills it, at rest [m^3]
    force: wp.array(dtype=wp.vec3)  # on its corners, eight per cell, and eight that stay 0 [N]
    memory: wp.array(dtype=wp.mat33)  # inverse metric in which the second branch is at rest, less 1 [-]
    bent: wp.array(dtype=wp.mat33)  # the same of what bends a cell: see ``soft.py`` [1/m]


@wp.struct
class Laws:
    """Per solid. The stress is that of two springs side by side; the rest of the second one gives way."""

    side: wp.array(dtype=wp.vec3)  # of a cell, at rest [m]
    shear: wp.array(dtype=float)  # modulus of the first [Pa]
    bulk: wp.array(dtype=float)  # on (J - 1)^2 / 2 [Pa]
    dense: wp.array(dtype=float)  # the same of what is squeezed below DENSE of its volume [Pa]
    plate: wp.array(dtype=float)  # E / (1 - poisson^2) of the first [Pa]
    poisson: wp.array(dtype=float)
    shear_2: wp.array(dtype=float)  # modulus of the second [Pa]; 0: there is none
    plate_2: wp.array(dtype=float)
    fade: wp.array(dtype=float)  # part of the second's stress that a step forgets [-]
    yield_stress: wp.array(dtype=float)  # of the second, von Mises [Pa]; 0: it does not yield


@wp.struct
class Skin:
    """Points of the surface, each in a cell."""

    cell: wp.array(dtype=int)
    weight: wp.array(dtype=float)  # eight per point
    response: wp.array(dtype=float)  # velocity per impulse [1/kg]
    friction: wp.array(dtype=float)
    x: wp.array(dtype=wp.vec3)  # at the start of the substep [m]
    v: wp.array(dtype=wp.vec3)  # [m/s]


@wp.struct
class Touches:
    """Contacts of point i are rows SLOTS i to SLOTS i + count[i] - 1, placed anew in every substep."""

    count: wp.array(dtype=int)
    list: wp.array(dtype=int)  # points near something
    total: wp.array(dtype=int)  # [0]: how many
    collider: wp.array(dtype=int)
    normal: wp.array(dtype=wp.vec3)
    offset: wp.array(dtype=wp.float64)  # normal . x where the gap is 0, at the beginning of the substep [m]
    arm: wp.array(dtype=wp.vec3)  # from the body's centre of mass [m]
    friction: wp.array(dtype=float)
    pressed: wp.array(dtype=wp.vec3)  # per solid and body: impulse on the solid since the last sample [N s]
    bodies: int
    deepest: wp.array(dtype=float)  # [0] [m]
