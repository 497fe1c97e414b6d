"""Bodies in a lake: buoyancy, drag, added mass, and the water they push aside.

A body is a cloud of points of equal volume dV in its own frame. The part f of a point that is under the surface (linear
over its height) is lifted by rho g dV f along the normal of the surface, so that at rest Archimedes holds, torque
included. Drag is that of the body's coefficient, at low Reynolds numbers that of Schiller and Naumann ("A drag
coefficient correlation", Z. Ver. Deutsch. Ing. 77, 1935), shared by its points with their own speeds, which also brakes
turning. Water that has to move along is an added mass C rho V f; while it grows, momentum is shared with it, which is
the blow of the surface (von Karman, NACA TN 321, 1929). What drag and blow take along the ground is given to the water.

The volume under the still level is pushed up around the body: the height field then holds water and body alike, the
surface far away rises by V / area, and waves start with the volume that they have. See physim/lake_bodies.py.
"""

import warp as wp

from physim_kernels.rigid_data import Bodies

wp.set_module_options({"enable_backward": False})

RIM = 2
WIDE = 12
"""Cells over which the surface is seen from deep water, at most."""


@wp.struct
class Floats:
    first: wp.array(dtype=int)  # per body: number of its first point; one more row at the end
    point: wp.array(dtype=wp.vec3)  # principal frame, about the centre of mass [m]
    volume: wp.array(dtype=float)  # of one point [m^3]
    side: wp.array(dtype=float)  # of a cube of that volume [m]
    size: wp.array(dtype=float)  # diameter of a ball of the body's volume [m]
    drag: wp.array(dtype=float)  # coefficient on that ball's disc [-]
    added: wp.array(dtype=float)  # moving mass of water at the last substep [kg]
    reach: wp.array(dtype=float)  # radius over which a point pushes the surface up [m]
    entry: wp.array(dtype=float)  # speed at which it came under since the last frame [m/s]; -1: it did not
    entry_time: wp.array(dtype=float)  # of the frame [s]
    entry_point: wp.array(dtype=wp.vec3)


@wp.struct
class Surface:
    x: float  # world place of the outer corner of the rim [m]
    z: float
    cell: float
    level: float
    width: int
    height: int
    density: float
    gravity: float
    viscosity: float  # kinematic [m^2/s]
    added_mass: float  # coefficient [-]
    rise: wp.array(dtype=float)  # [0]: still surface over the level [m]
    swell: wp.array2d(dtype=float)  # waves of the wind at the begin and the end of the frame [m], two rows


@wp.func
def swell_at(s: Surface, o: int, share: float):
    return s.swell[0, o] + share * (s.swell[1, o] - s.swell[0, o])


@wp.func
def slope_over(
    s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64), o: int, step: int, wide: int,
    here: float, share: float,
):  # fmt: skip
    """Mean slope of the surface about cell ``o`` over ``wide`` cells to both sides; what is dry counts as level."""
    a = o - wide * step
    b = o + wide * step
    before = here
    after = here
    if h[a] > wp.float64(1.0e-6):
        before = float(eta[a]) + swell_at(s, a, share)
    if h[b] > wp.float64(1.0e-6):
        after = float(eta[b]) + swell_at(s, b, share)
    return (after - before) / (2.0 * float(wide) * s.cell)


@wp.func
def float_body(
    bodies: Bodies, floats: Floats, s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    u: wp.array(dtype=wp.float64), w: wp.array(dtype=wp.float64), i: int, k: int, step: float, share: float,
    frame: float, push_x: wp.array(dtype=float), push_z: wp.array(dtype=float),
):  # fmt: skip
    turn = bodies.rotation[i]
    x = wp.vec3(bodies.x[i])
    v = bodies.v[i]
    spin = bodies.w[i]
    force = wp.vec3()
    torque = wp.vec3()
    stream = wp.vec3()  # mean of the water's velocity
    under = float(0.0)
    weight = s.density * s.gravity * floats.volume[i]
    count = floats.first[i + 1] - floats.first[i]
    disc = 0.25 * wp.pi * floats.size[i] * floats.size[i]
    rate = float(0.0)
    for p in range(floats.first[i], floats.first[i + 1]):
        arm = turn * floats.point[p]
        at = x + arm
        gx = (at[0] - s.x) / s.cell - 0.5
        gz = (at[2] - s.z) / s.cell - 0.5
        ix = int(wp.floor(gx))
        iz = int(wp.floor(gz))
        if ix < 1 or iz < 1 or ix + 2 >= s.width or iz + 2 >= s.height:
            continue
        fx = gx - float(ix)
        fz = gz - float(iz)
        o = iz * s.width + ix
        near = o + wp.where(fx > 0.5, 1, 0) + wp.where(fz > 0.5, s.width, 0)
        if h[near] < wp.float64(1.0e-6):
            continue
        here = float(eta[near]) + swell_at(s, near, share)
        e00 = wp.where(h[o] > wp.float64(1.0e-6), float(eta[o]) + swell_at(s, o, share), here)
        e10 = wp.where(h[o + 1] > wp.float64(1.0e-6), float(eta[o + 1]) + swell_at(s, o + 1, share), here)
        b = o + s.width
        e01 = wp.where(h[b] > wp.float64(1.0e-6), float(eta[b]) + swell_at(s, b, share), here)
        e11 = wp.where(h[b + 1] > wp.float64(1.0e-6), float(eta[b + 1]) + swell_at(s, b + 1, share), here)
        lower = e00 + fx * (e10 - e00)
        upper = e01 + fx * (e11 - e01)
        top = s.level + lower + fz * (upper - lower)
        f = wp.clamp((top - at[1]) / floats.side[i] + 0.5, 0.0, 1.0)
        if f == 0.0:
            continue
        # waves shorter than it is deep do not reach a point
        wide = wp.clamp(int((top - at[1]) / s.cell + 0.5), 1, WIDE)
        slope_x = slope_over(s, eta, h, near, 1, wp.min(wide, wp.min(ix, s.width - ix - 2)), here, share)
        slope_z = slope_over(s, eta, h, near, s.width, wp.min(wide, wp.min(iz, s.height - iz - 2)), here, share)
        rise = (s.swell[1, near] - s.swell[0, near]) / frame
        water = wp.vec3(0.5 * float(u[near] + u[near + 1]), rise, 0.5 * float(w[near] + w[near + s.width]))
        lift = f * weight * wp.vec3(-slope_x, 1.0, -slope_z)
        past = v + wp.cross(spin, arm) - water
        speed = wp.length(past)
        reynolds = wp.max(speed * floats.size[i] / s.viscosity, 1.0e-6)
        slow = 24.0 / reynolds * (1.0 + 0.15 * wp.pow(reynolds, 0.687))
        factor = 0.5 * s.density * wp.max(floats.drag[i], wp.where(reynolds < 1000.0, slow, 0.0))
        factor = factor * disc / float(count) * f * speed
        brake = -factor * past
        rate += factor
        force += lift + brake
        torque += wp.cross(arm, lift + brake)
        stream += f * water
        under += f
    # The body takes the place of water that would feel the same slope. What it takes in all is spread evenly: point by
    # point it would hold up the very wave that it makes.
    impulse = -step / (s.density * s.cell * s.cell * float(count)) * force
    if under > 0.0:
        for p in range(floats.first[i], floats.first[i + 1]):
            at = x + turn * floats.point[p]
            ix = wp.clamp(int((at[0] - s.x) / s.cell), RIM, s.width - RIM - 1)
            iz = wp.clamp(int((at[2] - s.z) / s.cell), RIM, s.height - RIM - 1)
            wp.atomic_add(push_x, iz * s.width + ix, impulse[0])
            wp.atomic_add(push_z, iz * s.width + ix, impulse[2])
    mass = 1.0 / bodies.inv_mass[i]
    before = floats.added[i]
    added = s.added_mass * s.density * under * floats.volume[i]
    floats.added[i] = added
    if under == 0.0:
        return
    if before < 0.0:  # at the very start it moves along already
        before = added
    stream = stream / under
    change = step / (mass + added + step * rate) * (force + wp.vec3(0.0, added * s.gravity, 0.0))
    if added > before:  # the water that begins to move along is brought to speed at once
        change -= (added - before) / (mass + added) * (v - stream)
        if before == 0.0 and floats.entry[i] < 0.0:
            floats.entry[i] = wp.length(v - stream)
            floats.entry_time[i] = float(k) * step
            floats.entry_point[i] = wp.vec3(x[0], s.level, x[2])
    bodies.v[i] = v + change
    bodies.w[i] = spin + step * (bodies.inv_inertia[i] * torque)


@wp.kernel
def float_kernel(
    # inputs
    floats: Floats, s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    u: wp.array(dtype=wp.float64), w: wp.array(dtype=wp.float64), k: int, step: float, share: float, frame: float,
    # in and out
    bodies: Bodies, push_x: wp.array(dtype=float), push_z: wp.array(dtype=float),
):  # fmt: skip
    """Impulses of one substep on all bodies, and what they give to the water."""
    i = wp.tid()
    if bodies.asleep[i] == 0:
        float_body(bodies, floats, s, eta, h, u, w, i, k, step, share, frame, push_x, push_z)


@wp.func
def bump(distance: float, reach: float):
    a = wp.max(1.0 - distance * distance / (reach * reach), 0.0)
    return a * a


@wp.kernel
def displace_kernel(
    # inputs
    bodies: Bodies, floats: Floats, s: Surface, h: wp.array(dtype=wp.float64), share: float,
    # outputs
    wanted: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Height by which the points under the still level push up the water around them [m]."""
    i = wp.tid()
    for p in range(floats.first[i], floats.first[i + 1]):
        at = wp.vec3(bodies.x[i]) + bodies.rotation[i] * floats.point[p]
        gx = (at[0] - s.x) / s.cell
        gz = (at[2] - s.z) / s.cell
        # the surface bulges as widely as the point is deep
        deep = wp.max(s.level + s.rise[0] - at[1], 0.0)
        reach = wp.min((floats.reach[i] + 1.5 * deep) / s.cell, wp.max(float(WIDE), floats.reach[i] / s.cell))
        x0 = wp.max(int(gx - reach), RIM)
        x1 = wp.min(int(gx + reach), s.width - RIM - 1)
        z0 = wp.max(int(gz - reach), RIM)
        z1 = wp.min(int(gz + reach), s.height - RIM - 1)
        middle_x = wp.clamp(int(gx), 0, s.width - 1)
        middle_z = wp.clamp(int(gz), 0, s.height - 1)
        top = s.level + s.rise[0] + swell_at(s, middle_z * s.width + middle_x, share)
        f = wp.clamp((top - at[1]) / floats.side[i] + 0.5, 0.0, 1.0)
        if f > 0.0:
            total = float(0.0)
            for z in range(z0, z1 + 1):
                for x in range(x0, x1 + 1):
                    if h[z * s.width + x] > wp.float64(1.0e-6):
                        total += bump(wp.length(wp.vec2(float(x) + 0.5 - gx, float(z) + 0.5 - gz)), reach)
            if total > 0.0:
                amount = f * floats.volume[i] / (s.cell * s.cell) / total
                for z in range(z0, z1 + 1):
                    for x in range(x0, x1 + 1):
                        if h[z * s.width + x] > wp.float64(1.0e-6):
                            b = bump(wp.length(wp.vec2(float(x) + 0.5 - gx, float(z) + 0.5 - gz)), reach)
                            wp.atomic_add(wanted, z * s.width + x, wp.float64(amount * b))


@wp.kernel
def lift_kernel(
    # inputs
    bed: wp.array(dtype=wp.float64), strip: int, width: int,
    # in and out
    wanted: wp.array(dtype=wp.float64), under: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    eta: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Raise the water by what more is under it than before; where it cannot sink that far, the rest waits."""
    row, c = wp.tid()
    for column in range(c * strip, wp.min((c + 1) * strip, width)):
        o = row * width + column
        change = wp.max(wanted[o] - under[o], -h[o])
        under[o] = under[o] + change
        h[o] = h[o] + change
        eta[o] = bed[o] + h[o]
        wanted[o] = change


@wp.kernel
def drive_kernel(
    # inputs
    push: wp.array(dtype=float), rise: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    open: wp.array(dtype=wp.float64), s: int, width: int, strip: int,
    # in and out
    u: wp.array(dtype=wp.float64),
):  # fmt: skip
    """Give the impulses per density and area [m^2/s] of cells to the faces between them.

    Water that was raised by ``rise`` [m] keeps its momentum, not its speed.
    """
    k, c = wp.tid()
    for i in range(c * strip + RIM, wp.min((c + 1) * strip + RIM, width - RIM)):
        o = (k + RIM) * width + i
        given = wp.float64(0.5 * (push[o] + push[o - s]))
        depth = wp.float64(0.5) * (h[o] + h[o - s])
        if depth > wp.float64(1.0e-3):
            before = wp.max(depth - wp.float64(0.5) * (rise[o] + rise[o - s]), wp.float64(0.0))
            u[o] = u[o] * wp.min(before / depth, wp.float64(2.0)) + open[o] * given / depth


def exchange(bodies, floats, surface, field, push, *, count, k, step, share, frame, device):
    """Forces of the water on ``count`` bodies over one substep."""
    wp.launch(
        float_kernel, dim=count, device=device,
        inputs=[floats, surface, field.eta, field.h, field.u, field.w, k, step, share, frame],
        outputs=[bodies, *push],
    )  # fmt: skip


def displace(bodies, floats, surface, field, wanted, under, *, count, share, device):
    """Water around the bodies follows their volume under it."""
    wp.launch(
        displace_kernel, dim=count, inputs=[bodies, floats, surface, field.h, share], outputs=[wanted], device=device
    )
    strip = field.width if device.is_cpu else 1
    dim = (field.rows + 2 * RIM, -(-field.width // strip))
    wp.launch(
        lift_kernel, dim=dim, inputs=[field.bed, strip, field.width], outputs=[wanted, under, field.h, field.eta],
        device=device,
    )  # fmt: skip


def drive(field, push, wanted, *, device):
    """Give the gathered impulses to the water, and forget them; ``wanted`` is what :func:`displace` raised."""
    strip = field.columns if device.is_cpu else 1
    dim = (field.rows, -(-field.columns // strip))
    for s, amount, open, u in ((1, push[0], field.open_x, field.u), (field.width, push[1], field.open_z, field.w)):
        wp.launch(
            drive_kernel, dim=dim, inputs=[amount, wanted, field.h, open, s, field.width, strip], outputs=[u],
            device=device,
        )  # fmt: skip
        amount.zero_()
    wanted.zero_()
