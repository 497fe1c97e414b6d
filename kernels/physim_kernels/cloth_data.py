"""Arrays of the cloth solver: all cloths of a scene, one after the other, in one Warp struct. SI units, world frame.

Time. The rigid solver's substep ``h`` holds ``steps`` steps of cloth of length ``dt = h / steps``: short enough to
follow the fastest wave in the fabric, so that nothing is iterated and the result is that of the equations. One step is

    kick      v += dt (elastic forces / mass + acc)      acc: gravity, wind; constant during the substep
    contact   v -> v'                                    whatever touches, on velocities: see below
    drift     x += dt v'                                 compensated: x + x_lo is what is advanced

Contact therefore acts between kick and drift, once per step, on ``v`` (velocity level): a row with unit normal n and
gap g at the beginning of the step asks for ``g + dt n . (v - v_other) >= 0`` and its friction for no slip within
``friction x normal impulse``. Since the forces of the step are in ``v`` already, a vertex that sticks does not creep.
Vertices with ``inv_mass == 0`` are held and must not be written to. Poses of bodies stand still during the substep:
before step j a material point of a body is at its place at the beginning of the substep plus ``j dt (v + w x r)``.
A body that is pushed gets its impulses in ``bodies.v`` and ``bodies.w``, as from any contact.
"""

import warp as wp


@wp.struct
class Cloths:
    # per vertex; x, x_lo and v have more rows than vertices: after them come the directions that clamps hold
    x: wp.array(dtype=wp.vec3)  # position [m]
    x_lo: wp.array(dtype=wp.vec3)  # what x lacks of the position for want of digits [m]
    v: wp.array(dtype=wp.vec3)  # [m/s]
    inv_mass: wp.array(dtype=float)  # [1/kg]; 0 where held
    mass: wp.array(dtype=float)  # [kg], of held vertices too
    acc: wp.array(dtype=wp.vec3)  # of gravity and wind, one substep long [m/s^2]
    force: wp.array(dtype=wp.vec3)  # of the membrane, in this step [N]
    pull: wp.array(dtype=wp.vec3)  # impulse of the cloth on what holds the vertex, since last cleared [N s]
    cloth: wp.array(dtype=int)  # number of the cloth
    rest: wp.array(dtype=wp.vec2)  # place in the flat fabric [m]
    # per triangle of the surface
    faces: wp.array(dtype=wp.vec3i)  # vertex numbers over all cloths
    # per edge of the surface
    edges: wp.array(dtype=wp.vec2i)
    # per cloth
    vertex_start: wp.array(dtype=int)  # and the end
    face_start: wp.array(dtype=int)  # and the end
    edge_start: wp.array(dtype=int)  # and the end
    thickness: wp.array(dtype=float)  # [m]
    friction: wp.array(dtype=float)
    vertex_total: int
    face_total: int
    edge_total: int


@wp.func
def between(cloths: Cloths, a: int, b: int):
    """From vertex ``a`` to ``b``, to the last digit kept [m]."""
    return (cloths.x[b] - cloths.x[a]) + (cloths.x_lo[b] - cloths.x_lo[a])
