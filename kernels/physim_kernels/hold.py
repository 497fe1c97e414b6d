"""Bodies that are held where they are and let go at a given instant, with a velocity of their own.

While one is held it is like a wall to all others: it has neither mass that a push could move nor velocity. It never
sleeps, so what leans on it is looked at when it goes.
"""

import warp as wp

from physim_kernels.rigid import publish
from physim_kernels.rigid_data import Bodies, bring_to_rest

wp.set_module_options({"enable_backward": False})


@wp.struct
class Held:
    body: wp.array(dtype=int)
    substep: wp.array(dtype=int)  # in which it is let go, counted from the start
    velocity: wp.array(dtype=wp.vec3d)  # with which it goes [m/s]
    momentum: wp.array(dtype=wp.vec3d)  # angular, world [kg m^2/s]
    inv_mass: wp.array(dtype=float)  # its own [1/kg]
    limit: wp.array(dtype=float)  # its own, of ``rest.Rest``


@wp.kernel
def let_go_kernel(bodies: Bodies, held: Held, limit: wp.array(dtype=float), first: wp.array(dtype=int), k: int):
    j = wp.tid()
    if held.substep[j] != first[0] + k:
        return
    i = held.body[j]
    bodies.inv_mass[i] = held.inv_mass[j]
    bodies.momentum_velocity[i] = held.velocity[j]
    bodies.angular_momentum[i] = held.momentum[j]
    publish(bodies, i)
    limit[i] = held.limit[j]


@wp.kernel
def keep_kernel(bodies: Bodies, held: Held, first: wp.array(dtype=int), k: int):
    j = wp.tid()
    if held.substep[j] <= first[0] + k:
        return
    i = held.body[j]
    bodies.inv_mass[i] = 0.0
    bodies.inv_inertia[i] = wp.mat33(0.0)
    bring_to_rest(bodies, i)


def let_go(bodies: Bodies, held: Held, limit, first, *, k, device):
    """Set free what substep ``k`` of the frame is the instant of; before outer forces act."""
    wp.launch(let_go_kernel, dim=held.body.shape[0], inputs=[bodies, held, limit, first, k], device=device)


def keep(bodies: Bodies, held: Held, first, *, k, device):
    """Undo what was done to bodies that are held; after outer forces, and after all have moved."""
    wp.launch(keep_kernel, dim=held.body.shape[0], inputs=[bodies, held, first, k], device=device)
