"""Resistance against rolling and against spinning in place, as bounded impulses like friction. Only ``wp.func``.

Rolling: a torque of at most c R N about any axis of the tangent plane, R the radius of the round side: a solid ball
that rolls on the level loses c g / (1 + 2/5). Spinning: a torque of at most mu arm N about the normal. Both are
implicit, towards no relative rotation, so that they stop a motion and never reverse it.
"""

import warp as wp

from physim_kernels.rigid_data import Row


@wp.func
def round_radius(p: Row):
    """Radius that a contact rolls on [m]: the round side's, the reduced one of two, 0 for corners and faces."""
    if p.radius_a <= 0.0:
        return p.radius_b
    if p.radius_b <= 0.0:
        return p.radius_a
    return p.radius_a * p.radius_b / (p.radius_a + p.radius_b)


@wp.func
def turning_step(k: wp.mat33, w: wp.vec3, p: Row, old: wp.vec3, load: float):
    """New angular impulse of a contact against the relative angular velocity ``w``.

    ``k`` is the sum of the inverse inertias, ``load`` the normal impulse.
    """
    n = p.normal
    # the largest row sum bounds the eigenvalues of k: a step that cannot overshoot
    bound = float(1.0e-30)
    for i in range(3):
        bound = wp.max(bound, wp.abs(k[i, 0]) + wp.abs(k[i, 1]) + wp.abs(k[i, 2]))
    new = old - w / bound
    about = wp.dot(n, new)
    roll = new - about * n
    size = wp.length(roll)
    limit = p.rolling * round_radius(p) * load
    if size > limit:
        roll = roll * (limit / size)
    return roll + wp.clamp(about, -p.twist * load, p.twist * load) * n
