"""The pressure's push on bodies in a liquid.

Two-way coupling is one system (Batty, Bertails, Bridson, "A Fast Variational Framework for Accurate Solid-Fluid
Coupling", ACM TOG 26 (2007)): with face areas A, divergence D, the rigid motion R of a body at its faces and its mass M
in units of liquid,

    (A_p + K M^-1 K^T) p = -D (A u + (1 - A) R V*),   K = D (1 - A) R,   V = V* + M^-1 K^T p,

so that added mass needs no relaxation. A body's faces are listed anew in each step. Cell units, see
``physim_kernels.liquid_wet``.
"""

import warp as wp

from physim_kernels.liquid_wet import (
    Cuts,
    Frame,
    Wet,
    corner_distance,
    distance_to,
    liquid_at,
    offset,
    row_is_touched,
    sign_of,
)
from physim_kernels.rigid_data import Bodies, Geometry

wp.set_module_options({"enable_backward": False})

MOST_AHEAD = wp.constant(0.25)
"""Farthest that a body's volume is told ahead of where it is [cells]."""


@wp.func
def body_part(g: Geometry, wet: Wet, n: int, middle: wp.vec3, cell: float, back: wp.mat33, lead: float):
    """Part of the unit cube around ``middle`` that is body ``n`` in ``lead`` [s], by its eighths and its own distance.

    The interpolant between corners rounds a body's edges off, which at two cells of draught is some percent of it.
    """
    ahead = back * wet.old_v[n] / cell + wp.cross(back * wet.old_w[n], middle - wet.x[n])
    ahead = lead * ahead  # as it moves now: what it would get without the liquid it never has
    ahead = ahead * wp.min(1.0, MOST_AHEAD / wp.max(wp.length(ahead), 1.0e-6))
    total = float(0.0)
    for s in range(8):
        at = middle - ahead + 0.25 * wp.vec3(sign_of(s & 4), sign_of(s & 2), sign_of(s & 1))
        d = distance_to(g, wet.body[n], wet.rotation[n], wet.x[n], at, cell)
        total += wp.clamp(0.5 - 2.0 * d, 0.0, 1.0)
    return 0.125 * total


@wp.kernel
def cut_kernel(
    # inputs
    g: Geometry, cell: float, phi: wp.array3d(dtype=float), touched: wp.array2d(dtype=int),
    static_area: wp.array3d(dtype=float), area: wp.array3d(dtype=float), whose: wp.array3d(dtype=int),
    surface: wp.array3d(dtype=float), open: wp.array3d(dtype=float), inverse: wp.array3d(dtype=float),
    axis: int, holder: int, frame: Frame, lead: float, wet: Wet,
    # outputs
    cuts: Cuts,
):  # fmt: skip
    """List the faces that bodies close, and add up the volume that these miss of the bodies.

    Areas of faces jump when a flat side passes a layer of faces, the volume of the layer does not: the difference of
    the two, under the weight of the liquid, is given to the body so that it floats as deep as Archimedes says.
    """
    i, j = wp.tid()
    if holder < 0 and not row_is_touched(touched, i, j):
        return
    e = offset(axis)
    way = wp.vec3(float(e[0]), float(e[1]), float(e[2]))
    middle = wp.vec3(0.5, 0.5, 0.5) - 0.5 * way
    back = wp.transpose(frame.axes[0])
    nx, ny, nz = surface.shape[0], surface.shape[1], surface.shape[2]
    for k in range(area.shape[2]):
        who = whose[i, j, k]
        high = wp.vec3i(i + 1, j + 1, k + 1)
        low = high - e
        lowest = wp.vec3i(i, j, k) - e
        in_low = lowest[0] >= 0 and lowest[1] >= 0 and lowest[2] >= 0
        in_high = i < nx and j < ny and k < nz
        wet_low = in_low and liquid_at(surface, inverse, low)
        wet_high = in_high and liquid_at(surface, inverse, high)
        at = wp.vec3(float(i), float(j), float(k)) + middle
        if who >= 0 and area[i, j, k] < 1.0 and (wet_low or wet_high):
            slot = wp.atomic_add(cuts.count, 0, 1)
            if slot < cuts.body.shape[0]:
                cuts.body[slot] = who
                cuts.low[slot] = wp.where(wet_low, low, wp.vec3i(0, 0, 0))
                cuts.high[slot] = wp.where(wet_high, high, wp.vec3i(0, 0, 0))
                cuts.push[slot] = (1.0 - area[i, j, k]) * way
                cuts.twist[slot] = (1.0 - area[i, j, k]) * wp.cross(at - wet.x[who], way)
        if in_low and in_high and (wet_low or wet_high):
            near = corner_distance(phi, at)[3]
            if near < 1.0 and near > -1.5 and touched[i, j] > 0:
                body = who
                if body < 0 or body == holder:
                    body = nearest_body(wet, at, holder)
                if body >= 0 and body != holder:
                    closed = static_area[i, j, k] - area[i, j, k]
                    missed = body_part(g, wet, body, at, cell, back, lead) * static_area[i, j, k] - closed
                    own = surface[lowest[0], lowest[1], lowest[2]]
                    other = surface[i, j, k]
                    share = float(1.0)
                    if wet_low and not wet_high and open[i, j, k] > 0.0 and own < 0.0 and other >= 0.0:
                        share = own / (own - other)
                    dry_low = wet_high and not wet_low and open[lowest[0], lowest[1], lowest[2]] > 0.0
                    if dry_low and other < 0.0 and own >= 0.0:
                        share = other / (other - own)
                    amount = share * missed
                    wp.atomic_add(wet.lift, body, amount * way)
                    arm = amount * (at - wet.x[body])
                    wp.atomic_add(wet.lift_arm, body, wp.outer(way, arm))


@wp.func
def nearest_body(wet: Wet, at: wp.vec3, holder: int):
    """The body whose ball is nearest to a point."""
    best = float(1.0e6)
    found = int(-1)
    for n in range(wet.body.shape[0]):
        if n != holder:
            d = wp.length(at - wet.x[n]) - wet.bound[n]
            if d < best:
                best = d
                found = n
    return found


@wp.kernel
def gather_kernel(p: wp.array3d(dtype=float), cuts: Cuts, threads: int, wet: Wet):
    """K^T p: force and torque of the pressure ``p`` (padded) on all bodies."""
    for slot in range(wp.tid(), wp.min(cuts.count[0], cuts.body.shape[0]), threads):
        a, b = cuts.low[slot], cuts.high[slot]
        difference = p[a[0], a[1], a[2]] - p[b[0], b[1], b[2]]
        wp.atomic_add(wet.force, cuts.body[slot], difference * cuts.push[slot])
        wp.atomic_add(wet.torque, cuts.body[slot], difference * cuts.twist[slot])


@wp.kernel
def respond_kernel(wet: Wet):
    """M^-1 K^T p, in the place of the sums."""
    n = wp.tid()
    wet.force[n] = wet.inv_mass[n] * wet.force[n]
    wet.torque[n] = wet.inv_inertia[n] * wet.torque[n]


@wp.kernel
def scatter_kernel(wet: Wet, cuts: Cuts, threads: int, q: wp.array3d(dtype=float)):
    """Add K times the bodies' response to ``q`` (padded)."""
    for slot in range(wp.tid(), wp.min(cuts.count[0], cuts.body.shape[0]), threads):
        n = cuts.body[slot]
        flux = wp.dot(cuts.push[slot], wet.force[n]) + wp.dot(cuts.twist[slot], wet.torque[n])
        a, b = cuts.low[slot], cuts.high[slot]
        if a[0] > 0:
            wp.atomic_add(q, a[0], a[1], a[2], flux)
        if b[0] > 0:
            wp.atomic_sub(q, b[0], b[1], b[2], flux)


@wp.kernel
def clear_kernel(wet: Wet):
    n = wp.tid()
    wet.force[n] = wp.vec3(0.0, 0.0, 0.0)
    wet.torque[n] = wp.vec3(0.0, 0.0, 0.0)


@wp.kernel
def begin_cuts_kernel(wet: Wet, cuts: Cuts):
    n = wp.tid()
    if n == 0:
        cuts.count[0] = 0
    wet.lift[n] = wp.vec3(0.0, 0.0, 0.0)
    wet.lift_arm[n] = wp.mat33(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@wp.kernel
def lift_kernel(frame: Frame, gravity: wp.array(dtype=wp.vec3), dt: float, wet: Wet):
    """The weight of what faces miss, on the bodies before the pressure is solved.

    It is most of what brings a flat body back to its draught. If the pressure did not know of it, the liquid around
    would follow it one step late, and late by t, heave of frequency w grows as exp(w^2 t / 2).
    """
    n = wp.tid()
    g = wp.transpose(frame.axes[0]) * gravity[0] * (dt / frame.cell)
    arm = wet.lift_arm[n]
    twist = wp.vec3(0.0, 0.0, 0.0)
    for axis in range(3):
        force = wp.vec3(0.0, 0.0, 0.0)
        force[axis] = -g[axis]
        twist += wp.cross(wp.vec3(arm[axis, 0], arm[axis, 1], arm[axis, 2]), force)
    wet.lift_v[n] = -wet.inv_mass[n] * wp.cw_mul(wet.lift[n], g)
    wet.lift_w[n] = wet.inv_inertia[n] * twist
    wet.free_v[n] = wet.free_v[n] + wet.lift_v[n]
    wet.free_w[n] = wet.free_w[n] + wet.lift_w[n]
    wet.v[n] = wet.free_v[n]
    wet.w[n] = wet.free_w[n]


@wp.kernel
def push_kernel(bodies: Bodies, frame: Frame, wet: Wet):
    """What the step's pressure changes about a body: its new velocity in the grid, and the push in the world."""
    n = wp.tid()
    wet.v[n] = wet.free_v[n] + wet.force[n]
    wet.w[n] = wet.free_w[n] + wet.torque[n]
    dv = wet.force[n] + wet.lift_v[n]
    dw = wet.torque[n] + wet.lift_w[n]
    wet.push_v[n] = frame.axes[0] * dv * frame.cell
    wet.push_w[n] = frame.axes[0] * dw
    i = wet.body[n]
    if bodies.inv_mass[i] > 0.0:
        wet.impulse[n] = wet.impulse[n] + wp.vec3d(wet.push_v[n] / bodies.inv_mass[i])


@wp.kernel
def give_kernel(wet: Wet, share: float, bodies: Bodies):
    """Hand a body its part of the step's push."""
    n = wp.tid()
    i = wet.body[n]
    if bodies.inv_mass[i] > 0.0:
        bodies.v[i] = bodies.v[i] + share * wet.push_v[n]
        bodies.w[i] = bodies.w[i] + share * wet.push_w[n]
