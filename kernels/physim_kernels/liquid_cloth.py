"""Cloth in a liquid: it drags the liquid and is dragged by it, floats as long as its pores hold air, and soaks.

Cloth is seen by the liquid at samples, points of its triangles that lie closer together than cells. A sample of area a
and normal n that moves with v through liquid of velocity u feels, with w = u - v,

    F = a f (R (w.n) n + rho/2 Ct |w| w_t - rho t g)

f the part of it that is under, R the resistance to flow through the fabric (Darcy), t its thickness: under water it
displaces fibres and pores alike, and the water in its pores counts as its weight. The lift has no reaction on the
liquid around: its grid is full where the cloth is, and that excess hangs on the cloth (fictitious domains: Glowinski,
Pan, Hesla, Joseph 1999), as in nature the level rises and the floor takes it. R is so large that liquid goes around the
cloth, which gives its drag: a matter of the pressure, not of a coefficient.

The exchange is implicit in both velocities, 1 / (1 + k h r), r the sum of the inverse masses of what moves together:
the vertices of the sample and the liquid on the faces around it. Several samples share vertices and faces; with the row
sums of their weights in r the sweep over all of them cannot overshoot, and is exact where they all do the same. What
the cloth got in the substeps the liquid gives at its next step, to the last digit.

Grid positions in cells, everything else SI.
"""

import warp as wp

from physim_kernels.cloth_data import Cloths
from physim_kernels.particle_set import GONE

wp.set_module_options({"enable_backward": False})

LEAST = wp.constant(1.0e-3)
"""Liquid around a sample below which it counts as dry [cells]."""


@wp.struct
class Water:
    """A liquid as cloth knows it; ``origin`` and ``axes`` are those of its grid."""

    origin: wp.array(dtype=wp.vec3)
    axes: wp.array(dtype=wp.mat33)
    cell: float  # [m]
    density: float  # [kg/m^3]
    particle: float  # volume [cells]
    gravity: wp.array(dtype=wp.vec3)  # of this frame [m/s^2]


@wp.struct
class Samples:
    corner: wp.array(dtype=wp.vec3i)  # vertices
    weight: wp.array(dtype=wp.vec3)  # of these
    area: wp.array(dtype=float)  # at rest [m^2]
    thick: wp.array(dtype=float)  # [m]
    resistance: wp.array(dtype=float)  # R [Pa s/m]
    skin: wp.array(dtype=float)  # rho Ct / 2 [kg/m^3]
    capacity: wp.array(dtype=float)  # water that the pores hold [kg]
    # state
    water: wp.array(dtype=float)  # in the pores [kg]
    u: wp.array(dtype=wp.vec3)  # of the liquid there [m/s]
    under: wp.array(dtype=float)  # f [-]
    along: wp.array(dtype=wp.vec3)  # inverse mass of the liquid that moves along, per axis of the grid, mean [1/kg]
    now: wp.array(dtype=wp.vec3)  # impulse of the substep [N s]
    impulse: wp.array(dtype=wp.vec3)  # what the cloth got and the liquid has not yet given [N s]
    wish: wp.array(dtype=float)  # to drink in this step [particles]
    home: wp.array(dtype=wp.vec3i)  # cell that it drinks from; -1: none
    # per vertex: samples on it, their weights, the sum of these
    first: wp.array(dtype=int)
    sample: wp.array(dtype=int)
    part: wp.array(dtype=float)
    share: wp.array(dtype=float)
    # ledger
    given: wp.array(dtype=wp.vec3d)  # [0] impulse the cloth got of the liquid, [1] momentum of the liquid drunk [N s]
    count: int


@wp.func
def place_of(cloths: Cloths, s: Samples, water: Water, n: int):
    """Of a sample, on the grid [cells]."""
    c = s.corner[n]
    w = s.weight[n]
    x = w[0] * cloths.x[c[0]] + w[1] * cloths.x[c[1]] + w[2] * cloths.x[c[2]]
    return wp.transpose(water.axes[0]) * (x - water.origin[0]) / water.cell


@wp.func
def face(x: wp.vec3, axis: int, n: int):
    """Number ``n`` of the eight faces around ``x`` that carry this component, and its trilinear weight."""
    p = x - wp.vec3(0.5, 0.5, 0.5)
    p[axis] = x[axis]
    i = int(wp.floor(p[0])) + (n & 1)
    j = int(wp.floor(p[1])) + ((n >> 1) & 1)
    k = int(wp.floor(p[2])) + ((n >> 2) & 1)
    w = (1.0 - wp.abs(p[0] - float(i))) * (1.0 - wp.abs(p[1] - float(j))) * (1.0 - wp.abs(p[2] - float(k)))
    return i, j, k, w


@wp.func
def load(total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), i: int, j: int, k: int):
    """Weight of the particles at an open face; 0 at closed ones, whose momentum belongs to walls."""
    if i < 0 or j < 0 or k < 0 or i >= area.shape[0] or j >= area.shape[1] or k >= area.shape[2]:
        return 0.0
    return wp.where(area[i, j, k] > 0.0, total[i, j, k, 1], 0.0)


@wp.func
def loads(total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), x: wp.vec3, axis: int):
    """Sum of weight times load around ``x``."""
    found = float(0.0)
    for n in range(8):
        i, j, k, w = face(x, axis, n)
        found += w * load(total, area, i, j, k)
    return found


@wp.func
def spread(
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), x: wp.vec3, axis: int, amount: float,
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Add ``amount`` times the weights to the loaded faces around ``x``."""
    for n in range(8):
        i, j, k, w = face(x, axis, n)
        if load(total, area, i, j, k) > 0.0:
            wp.atomic_add(u, i, j, k, amount * w)


@wp.kernel
def give_kernel(
    # inputs: sums of the particles at faces, open parts of faces; part of a step's change that the grid computes
    cloths: Cloths, water: Water, tx: wp.array4d(dtype=float), ty: wp.array4d(dtype=float),
    tz: wp.array4d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float),
    az: wp.array3d(dtype=float), part: float,
    # in and out
    s: Samples, ux: wp.array3d(dtype=float), uy: wp.array3d(dtype=float), uz: wp.array3d(dtype=float),
):  # fmt: skip
    """The liquid gives what the cloth got since the last step."""
    n = wp.tid()
    impulse = s.impulse[n]
    if wp.length_sq(impulse) == 0.0:
        return
    x = place_of(cloths, s, water, n)
    there = wp.vec3(loads(tx, ax, x, 0), loads(ty, ay, x, 1), loads(tz, az, x, 2))
    if wp.min(there) * water.particle < LEAST:
        return
    unit = water.density * water.cell**4.0 * water.particle
    change = -part / unit * (wp.transpose(water.axes[0]) * impulse)
    spread(tx, ax, x, 0, change[0] / there[0], ux)
    spread(ty, ay, x, 1, change[1] / there[1], uy)
    spread(tz, az, x, 2, change[2] / there[2], uz)
    s.impulse[n] = wp.vec3(0.0, 0.0, 0.0)
    wp.atomic_add(s.given, 0, wp.vec3d(impulse))


@wp.kernel
def cover_kernel(
    # inputs
    cloths: Cloths, water: Water, s: Samples, tx: wp.array4d(dtype=float), ty: wp.array4d(dtype=float),
    tz: wp.array4d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float),
    az: wp.array3d(dtype=float),
    # in and out: sums over samples of weight over loads
    cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float), cz: wp.array3d(dtype=float),
):  # fmt: skip
    n = wp.tid()
    x = place_of(cloths, s, water, n)
    there = wp.vec3(loads(tx, ax, x, 0), loads(ty, ay, x, 1), loads(tz, az, x, 2))
    if wp.min(there) * water.particle >= LEAST:
        spread(tx, ax, x, 0, 1.0 / there[0], cx)
        spread(ty, ay, x, 1, 1.0 / there[1], cy)
        spread(tz, az, x, 2, 1.0 / there[2], cz)


@wp.func
def mean(
    total: wp.array4d(dtype=float), area: wp.array3d(dtype=float), x: wp.vec3, axis: int, there: float,
    u: wp.array3d(dtype=float),
):  # fmt: skip
    """Mean of ``u`` over the liquid around ``x``."""
    found = float(0.0)
    for n in range(8):
        i, j, k, w = face(x, axis, n)
        m = load(total, area, i, j, k)
        if m > 0.0:
            found += w * m * u[i, j, k]
    return found / there


@wp.kernel
def take_kernel(
    # inputs
    cloths: Cloths, water: Water, tx: wp.array4d(dtype=float), ty: wp.array4d(dtype=float),
    tz: wp.array4d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float),
    az: wp.array3d(dtype=float), ux: wp.array3d(dtype=float), uy: wp.array3d(dtype=float),
    uz: wp.array3d(dtype=float), cx: wp.array3d(dtype=float), cy: wp.array3d(dtype=float),
    cz: wp.array3d(dtype=float), phi: wp.array3d(dtype=float),
    # in and out
    s: Samples,
):  # fmt: skip
    """What the cloth is to know of the liquid until the next step."""
    n = wp.tid()
    x = place_of(cloths, s, water, n)
    there = wp.vec3(loads(tx, ax, x, 0), loads(ty, ay, x, 1), loads(tz, az, x, 2))
    s.under[n] = 0.0
    if wp.min(there) * water.particle < LEAST:
        return
    u = wp.vec3(mean(tx, ax, x, 0, there[0], ux), mean(ty, ay, x, 1, there[1], uy), mean(tz, az, x, 2, there[2], uz))
    moved = wp.vec3(
        mean(tx, ax, x, 0, there[0], cx), mean(ty, ay, x, 1, there[1], cy), mean(tz, az, x, 2, there[2], cz)
    )
    s.u[n] = water.cell * (water.axes[0] * u)
    s.along[n] = moved / (water.density * water.cell**3.0 * water.particle)
    s.under[n] = part_under(phi, x)


@wp.func
def part_under(phi: wp.array3d(dtype=float), x: wp.vec3):
    """1 half a cell below the surface, 0 half a cell above it."""
    p = x - wp.vec3(0.5, 0.5, 0.5)
    i, j, k = int(wp.floor(p[0])), int(wp.floor(p[1])), int(wp.floor(p[2]))
    found = float(0.0)
    total = float(0.0)
    for n in range(8):
        a, b, c = i + (n & 1), j + ((n >> 1) & 1), k + ((n >> 2) & 1)
        if a >= 0 and b >= 0 and c >= 0 and a < phi.shape[0] and b < phi.shape[1] and c < phi.shape[2]:
            w = (1.0 - wp.abs(p[0] - float(a))) * (1.0 - wp.abs(p[1] - float(b))) * (1.0 - wp.abs(p[2] - float(c)))
            found += w * phi[a, b, c]
            total += w
    if total < 1.0e-6:
        return 0.0
    return wp.clamp(0.5 - found / total, 0.0, 1.0)


@wp.kernel
def shelter_kernel(cloths: Cloths, s: Samples, gravity: wp.array(dtype=wp.vec3)):
    """Wind reaches only what is out of the liquid."""
    i = wp.tid()
    under = float(0.0)
    for j in range(s.first[i], s.first[i + 1]):
        under += s.part[j] * s.under[s.sample[j]]
    if under > 0.0:
        cloths.acc[i] = gravity[0] + (1.0 - under / s.share[i]) * (cloths.acc[i] - gravity[0])


@wp.kernel
def exchange_kernel(cloths: Cloths, water: Water, h: float, s: Samples):
    """Impulse of the liquid on each sample in a substep of length ``h``, all other forces of it foreseen."""
    n = wp.tid()
    s.now[n] = wp.vec3(0.0, 0.0, 0.0)
    f = s.under[n]
    if f == 0.0:
        return
    c = s.corner[n]
    w = s.weight[n]
    v = wp.vec3(0.0, 0.0, 0.0)
    yields = float(0.0)
    for j in range(3):
        v += w[j] * (cloths.v[c[j]] + wp.where(cloths.inv_mass[c[j]] > 0.0, h, 0.0) * cloths.acc[c[j]])
        yields += w[j] * s.share[c[j]] * cloths.inv_mass[c[j]]
    lift = -(h * f * s.area[n] * s.thick[n] * water.density) * water.gravity[0]
    v += yields * lift
    cross = wp.cross(cloths.x[c[1]] - cloths.x[c[0]], cloths.x[c[2]] - cloths.x[c[0]])
    normal = cross / wp.max(wp.length(cross), 1.0e-20)
    way = s.u[n] - v
    through = wp.dot(way, normal) * normal
    beside = way - through
    a = s.along[n]
    rest = yields + (a[0] + a[1] + a[2]) / 3.0
    hard = h * f * s.area[n] * s.resistance[n]
    soft = h * f * s.area[n] * s.skin[n] * wp.length(way)
    push = (hard / (1.0 + hard * rest)) * through + (soft / (1.0 + soft * rest)) * beside
    s.u[n] = s.u[n] - water.axes[0] * wp.cw_mul(a, wp.transpose(water.axes[0]) * push)
    s.now[n] = push + lift
    s.impulse[n] = s.impulse[n] + push  # not the lift: the liquid that fills the cloth's place on the grid bears it


@wp.kernel
def pull_kernel(cloths: Cloths, s: Samples, h: float):
    """The samples' impulses as accelerations of the vertices."""
    i = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(s.first[i], s.first[i + 1]):
        total += s.part[j] * s.now[s.sample[j]]
    cloths.acc[i] = cloths.acc[i] + total / (h * cloths.mass[i])


# -- soaking -----------------------------------------------------------------------------------------------------------


@wp.kernel
def wish_kernel(
    # inputs: part of what is missing that is drunk in this step
    cloths: Cloths, water: Water, rate: float,
    # in and out
    s: Samples, wish: wp.array3d(dtype=float), whose: wp.array3d(dtype=int), thirst: wp.array(dtype=float),
):  # fmt: skip
    """Ask the cells for liquid, in the name of a cloth."""
    n = wp.tid()
    missing = s.capacity[n] - s.water[n]
    s.home[n] = wp.vec3i(-1, -1, -1)
    if s.under[n] < 0.1 or missing < 1.0e-3 * s.capacity[n]:
        return
    x = place_of(cloths, s, water, n)
    if wp.length_sq(water.gravity[0]) > 0.0:  # what floats has air around it, and drinks from below
        x += 0.5 * wp.normalize(wp.transpose(water.axes[0]) * water.gravity[0])
    i, j, k = int(wp.floor(x[0])), int(wp.floor(x[1])), int(wp.floor(x[2]))
    if i < 0 or j < 0 or k < 0 or i >= wish.shape[0] or j >= wish.shape[1] or k >= wish.shape[2]:
        return
    s.wish[n] = rate * missing / (water.density * water.cell**3.0 * water.particle)
    s.home[n] = wp.vec3i(i, j, k)
    c = cloths.cloth[s.corner[n][0]]
    wp.atomic_add(wish, i, j, k, s.wish[n])
    whose[i, j, k] = c
    wp.atomic_add(thirst, c, s.wish[n])
    wp.atomic_add(thirst, thirst.shape[0] - 1, s.wish[n])


@wp.func
def budget(wish: wp.array3d(dtype=float), step: int, i: int, j: int, k: int):
    """Whole particles that a cell may give: as many as it is asked for on the average."""
    random = wp.randf(wp.rand_init(step, (i * wish.shape[1] + j) * wish.shape[2] + k))
    return int(wp.floor(wish[i, j, k] + random))


@wp.func
def claim(
    p: int, step: int, thirst: wp.array(dtype=float), least: float, x: wp.array(dtype=wp.vec3),
    v: wp.array(dtype=wp.vec3), wish: wp.array3d(dtype=float), whose: wp.array3d(dtype=int),
    taken: wp.array3d(dtype=int), got: wp.array(dtype=int), momentum: wp.array(dtype=wp.vec3),
    drunk: wp.array(dtype=int),
):  # fmt: skip
    """Particle ``p`` goes into the cloth if its cell still asks for one, and the cloth for half of one at least."""
    at = x[p]
    if at[0] < 0.0:
        return
    i = wp.min(int(at[0]), wish.shape[0] - 1)
    j = wp.min(int(at[1]), wish.shape[1] - 1)
    k = wp.min(int(at[2]), wish.shape[2] - 1)
    if j < 0 or k < 0 or wish[i, j, k] <= 0.0 or thirst[whose[i, j, k]] < least:
        return
    most = budget(wish, step, i, j, k)
    if taken[i, j, k] >= most or wp.atomic_add(taken, i, j, k, 1) >= most:
        return
    wp.atomic_add(got, whose[i, j, k], 1)
    wp.atomic_add(momentum, whose[i, j, k], v[p])
    wp.atomic_add(drunk, 0, 1)
    x[p] = wp.vec3(GONE, GONE, GONE)


@wp.kernel
def claim_kernel(
    # inputs
    clock: wp.array(dtype=int), count: wp.array(dtype=int), thirst: wp.array(dtype=float),
    least: float, v: wp.array(dtype=wp.vec3), wish: wp.array3d(dtype=float), whose: wp.array3d(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3), taken: wp.array3d(dtype=int), got: wp.array(dtype=int),
    momentum: wp.array(dtype=wp.vec3), drunk: wp.array(dtype=int),
):  # fmt: skip
    p = wp.tid()
    if thirst[thirst.shape[0] - 1] == 0.0 or p >= count[0]:
        return
    claim(p, clock[0], thirst, least, x, v, wish, whose, taken, got, momentum, drunk)


@wp.kernel
def claim_serial_kernel(
    # inputs
    clock: wp.array(dtype=int), count: wp.array(dtype=int), thirst: wp.array(dtype=float),
    least: float, v: wp.array(dtype=wp.vec3), wish: wp.array3d(dtype=float), whose: wp.array3d(dtype=int),
    # in and out
    x: wp.array(dtype=wp.vec3), taken: wp.array3d(dtype=int), got: wp.array(dtype=int),
    momentum: wp.array(dtype=wp.vec3), drunk: wp.array(dtype=int),
):  # fmt: skip
    if thirst[thirst.shape[0] - 1] == 0.0:
        return
    for p in range(count[0]):
        claim(p, clock[0], thirst, least, x, v, wish, whose, taken, got, momentum, drunk)


@wp.kernel
def drink_kernel(
    # inputs: asked for and got, per cloth; momentum of what it got [cells/s of a particle]
    cloths: Cloths, water: Water, thirst: wp.array(dtype=float), got: wp.array(dtype=int),
    momentum: wp.array(dtype=wp.vec3),
    # in and out
    s: Samples,
):  # fmt: skip
    """What each sample got in ``wish`` [kg], and its momentum in ``now``: wicks share it evenly over the cloth."""
    n = wp.tid()
    s.now[n] = wp.vec3(0.0, 0.0, 0.0)
    c = cloths.cloth[s.corner[n][0]]
    asked = wp.where(s.home[n][0] >= 0, s.wish[n], 0.0)
    s.wish[n] = 0.0
    if asked == 0.0 or got[c] == 0:
        return
    part = asked / thirst[c] * water.density * water.cell**3.0 * water.particle
    s.now[n] = water.cell * part * (water.axes[0] * momentum[c])
    s.wish[n] = part * float(got[c])
    s.water[n] = s.water[n] + s.wish[n]
    wp.atomic_add(s.given, 1, wp.vec3d(s.now[n]))


@wp.kernel
def settle_kernel(
    # in and out
    s: Samples, wish: wp.array3d(dtype=float), taken: wp.array3d(dtype=int), thirst: wp.array(dtype=float),
    got: wp.array(dtype=int), momentum: wp.array(dtype=wp.vec3), clock: wp.array(dtype=int),
):  # fmt: skip
    """Forget what was asked for."""
    n = wp.tid()
    c = wp.vec3i(-1, -1, -1)
    if n < s.count:
        c = s.home[n]
    if c[0] >= 0:
        wish[c[0], c[1], c[2]] = 0.0
        taken[c[0], c[1], c[2]] = 0
    if n < thirst.shape[0]:
        thirst[n] = 0.0
        got[n] = 0
        momentum[n] = wp.vec3(0.0, 0.0, 0.0)
    if n == 0:
        clock[0] = clock[0] + 1


@wp.kernel
def weigh_kernel(s: Samples, cloths: Cloths):
    """Masses with the water in them; what was drunk shares its momentum."""
    i = wp.tid()
    more = float(0.0)
    momentum = wp.vec3(0.0, 0.0, 0.0)
    for j in range(s.first[i], s.first[i + 1]):
        n = s.sample[j]
        more += s.part[j] * s.wish[n]
        momentum += s.part[j] * s.now[n]
    if more == 0.0:
        return
    change = momentum - more * cloths.v[i]
    mass = cloths.mass[i] + more
    cloths.mass[i] = mass
    if cloths.inv_mass[i] > 0.0:
        cloths.inv_mass[i] = 1.0 / mass
        cloths.v[i] = cloths.v[i] + change / mass
    else:
        cloths.pull[i] = cloths.pull[i] + change


def give(cloths, water, s, sums, area, u, *, part, device):
    """Face velocities ``u`` [cells/s] less what the cloth got; ``part`` of a step's change that the grid computes."""
    inputs = [cloths, water, *sums, *area, part, s, *u]
    wp.launch(give_kernel, dim=s.count, inputs=inputs, device=device)


def take(cloths, water, s, sums, area, u, cover, phi, *, device):
    """Velocity, inertia and cover of the liquid at the samples; ``cover`` is room on the faces."""
    for c in cover:
        c.zero_()
    wp.launch(cover_kernel, dim=s.count, inputs=[cloths, water, s, *sums, *area, *cover], device=device)
    wp.launch(take_kernel, dim=s.count, inputs=[cloths, water, *sums, *area, *u, *cover, phi, s], device=device)


def exchange(cloths, water, s, *, h, device):
    """Add the liquid's forces in a substep of ``h`` [s] to ``cloths.acc``."""
    wp.launch(shelter_kernel, dim=cloths.vertex_total, inputs=[cloths, s, water.gravity], device=device)
    wp.launch(exchange_kernel, dim=s.count, inputs=[cloths, water, h, s], device=device)
    wp.launch(pull_kernel, dim=cloths.vertex_total, inputs=[cloths, s, h], device=device)


def soak(cloths, water, s, particles, cells, *, rate, device):
    """Drink ``rate`` [-] of what is missing.

    ``particles`` are ``x, v, count`` of the liquid; ``cells`` are ``wish, whose, taken`` of cells, ``thirst, got,
    momentum`` of cloths, with one more row for all of them, and ``clock, drunk``.
    """
    x, v, count = particles
    wish, whose, taken, thirst, got, momentum, clock, drunk = cells
    wp.launch(wish_kernel, dim=s.count, inputs=[cloths, water, rate, s, wish, whose, thirst], device=device)
    kernel, dim = (claim_serial_kernel, 1) if device.is_cpu else (claim_kernel, x.shape[0])
    inputs = [clock, count, thirst, 0.5 * rate, v, wish, whose, x, taken, got, momentum, drunk]
    wp.launch(kernel, dim=dim, inputs=inputs, device=device)
    wp.launch(drink_kernel, dim=s.count, inputs=[cloths, water, thirst, got, momentum, s], device=device)
    wp.launch(weigh_kernel, dim=cloths.vertex_total, inputs=[s, cloths], device=device)
    dim = max(s.count, thirst.shape[0])
    wp.launch(settle_kernel, dim=dim, inputs=[s, wish, taken, thirst, got, momentum, clock], device=device)
