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
def surface_or(
    s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64), o: int, share: float, dry: float
):  # fmt: skip
    """Height of the surface in cell ``o`` over the level [m], ``dry`` where there is no water."""
    return wp.where(h[o] > wp.float64(1.0e-6), float(eta[o]) + swell_at(s, o, share), dry)


@wp.struct
class Sea:
    """The water's surface at a point's place."""

    near: int  # cell that the point is in; -1: outside of the lake or dry
    x: int  # lower cell of the four about it
    z: int
    here: float  # height over the level in its cell [m]
    top: float  # at its place, world [m]


@wp.func
def sea_over(
    s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64), at: wp.vec3, share: float
):  # fmt: skip
    """The surface above or below a point, linear between cells."""
    out = Sea()
    out.near = -1
    gx = (at[0] - s.x) / s.cell - 0.5
    gz = (at[2] - s.z) / s.cell - 0.5
    out.x = int(wp.floor(gx))
    out.z = int(wp.floor(gz))
    if out.x < 1 or out.z < 1 or out.x + 2 >= s.width or out.z + 2 >= s.height:
        return out
    fx = gx - float(out.x)
    fz = gz - float(out.z)
    o = out.z * s.width + out.x
    b = o + s.width
    near = o + wp.where(fx > 0.5, 1, 0) + wp.where(fz > 0.5, s.width, 0)
    if h[near] < wp.float64(1.0e-6):
        return out
    out.near = near
    out.here = float(eta[near]) + swell_at(s, near, share)
    e00 = surface_or(s, eta, h, o, share, out.here)
    e10 = surface_or(s, eta, h, o + 1, share, out.here)
    e01 = surface_or(s, eta, h, b, share, out.here)
    e11 = surface_or(s, eta, h, b + 1, share, out.here)
    lower = e00 + fx * (e10 - e00)
    upper = e01 + fx * (e11 - e01)
    out.top = s.level + lower + fz * (upper - lower)
    return out


@wp.func
def upward(
    s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64), sea: Sea, depth: float, share: float
):  # fmt: skip
    """Where the water's pressure pushes a point that is ``depth`` [m] under the surface: (-slope, 1, -slope)."""
    wide = wp.clamp(int(depth / s.cell + 0.5), 1, WIDE)  # waves shorter than it is deep do not reach it
    wide_x = wp.min(wide, wp.min(sea.x, s.width - sea.x - 2))
    wide_z = wp.min(wide, wp.min(sea.z, s.height - sea.z - 2))
    slope_x = slope_over(s, eta, h, sea.near, 1, wide_x, sea.here, share)
    slope_z = slope_over(s, eta, h, sea.near, s.width, wide_z, sea.here, share)
    return wp.vec3(-slope_x, 1.0, -slope_z)


@wp.func
def drag_per_disc(floats: Floats, s: Surface, i: int, speed: float):
    """Drag of body ``i`` over its disc, its speed and what of it is under water [kg/m^3]."""
    reynolds = wp.max(speed * floats.size[i] / s.viscosity, 1.0e-6)
    slow = 24.0 / reynolds * (1.0 + 0.15 * wp.pow(reynolds, 0.687))
    return 0.5 * s.density * wp.max(floats.drag[i], wp.where(reynolds < 1000.0, slow, 0.0))


@wp.struct
class Pushed:
    """What the water does to a body."""

    force: wp.vec3
    torque: wp.vec3  # about the centre of mass
    stream: wp.vec3  # sum of the water's velocity over its points under the surface
    under: float  # how many points are under the surface
    rate: float  # drag over speed [kg/s]


@wp.func
def push_of(
    bodies: Bodies, floats: Floats, s: Surface, eta: wp.array(dtype=wp.float64), h: wp.array(dtype=wp.float64),
    u: wp.array(dtype=wp.float64), w: wp.array(dtype=wp.float64), i: int, share: float, frame: float,
):  # fmt: skip
    """Lift and drag of all points of a body."""
    out = Pushed()
    turn = bodies.rotation[i]
    weight = s.density * s.gravity * floats.volume[i]
    disc = 0.25 * wp.pi * floats.size[i] * floats.size[i]
    count = floats.first[i + 1] - floats.first[i]
    for p in range(floats.first[i], floats.first[i + 1]):
        arm = turn * floats.point[p]
        at = wp.vec3(bodies.x[i]) + arm
        sea = sea_over(s, eta, h, at, share)
        if sea.near < 0:
            continue
        f = wp.clamp((sea.top - at[1]) / floats.side[i] + 0.5, 0.0, 1.0)
        if f == 0.0:
            continue
        lift = f * weight * upward(s, eta, h, sea, sea.top - at[1], share)
        near = sea.near
        rise = (s.swell[1, near] - s.swell[0, near]) / frame
        water = wp.vec3(0.5 * float(u[near] + u[near + 1]), rise, 0.5 * float(w[near] + w[near + s.width]))
        past = bodies.v[i] + wp.cross(bodies.w[i], arm) - water
        speed = wp.length(past)
        factor = drag_per_disc(floats, s, i, speed) * disc / float(count) * f * speed
        brake = -factor * past
        out.rate += factor
        out.force += lift + brake
        out.torque += wp.cross(arm, lift + brake)
        out.stream += f * water
        out.under += f
    return out


@wp.func
def push_water(
    bodies: Bodies, floats: Floats, s: Surface, i: int, impulse: wp.vec3, push_x: wp.array(dtype=float),
    push_z: wp.array(dtype=float),
):  # fmt: skip
    """Give ``impulse`` to the water at each point of a body."""
    for p in range(floats.first[i], floats.first[i + 1]):
        at = wp.vec3(bodies.x[i]) + bodies.rotation[i] * floats.point[p]
        ix = wp.clamp(int((at[0] - s.x) / s.cell), RIM, s.width - RIM - 1)
        iz = wp.clamp(int((at[2] - s.z) / s.cell), RIM, s.height - RIM - 1)
        wp.atomic_add(push_x, iz * s.width + ix, impulse[0])
        wp.atomic_add(push_z, iz * s.width + ix, impulse[2])


@wp.func
def move_body(bodies: Bodies, floats: Floats, s: Surface, i: int, k: int, step: float, pushed: Pushed):
    """The body's velocities at the end of the substep; water that begins to move along takes its share."""
    before = floats.added[i]
    added = s.added_mass * s.density * pushed.under * floats.volume[i]
    floats.added[i] = added
    if pushed.under == 0.0:
        return
    if before < 0.0:  # at the very start it moves along already
        before = added
    v = bodies.v[i]
    mass = 1.0 / bodies.inv_mass[i]
    stream = pushed.stream / pushed.under
    change = step / (mass + added + step * pushed.rate) * (pushed.force + wp.vec3(0.0, added * s.gravity, 0.0))
    if added > before:  # the water that begins to move along is brought to speed at once
        change -= (added - before) / (mass + added) * (v - stream)
        if before == 0.0 and floats.entry[i] < 0.0:
            x = wp.vec3(bodies.x[i])
            floats.entry[i] = wp.length(v - stream)
            floats.entry_time[i] = float(k) * step
            floats.entry_point[i] = wp.vec3(x[0], s.level, x[2])
    bodies.v[i] = v + change
    bodies.w[i] = bodies.w[i] + step * (bodies.inv_inertia[i] * pushed.torque)


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
        pushed = push_of(bodies, floats, s, eta, h, u, w, i, share, frame)
        # The body takes the place of water that would feel the same slope. What it takes in all is spread evenly:
        # point by point it would hold up the very wave that it makes.
        count = floats.first[i + 1] - floats.first[i]
        if pushed.under > 0.0:
            impulse = -step / (s.density * s.cell * s.cell * float(count)) * pushed.force
            push_water(bodies, floats, s, i, impulse, push_x, push_z)
        move_body(bodies, floats, s, i, k, step, pushed)


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
