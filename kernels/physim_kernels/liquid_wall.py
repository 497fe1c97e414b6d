"""What stands still in a liquid's grid: signed distance at nodes half a cell apart, open faces and cells, a guard.

Everything is in the grid's frame. Distances are in cells and cut off at ``BAND``; colliders thinner than a cell are
made ``margin`` thicker, since a wall thinner than that lies between two nodes and holds nothing. Faces are the open
part of their four quarters, each the open part of a square by the distances at its corners (exact for planes that cut
two opposite edges; Batty, Bertails, Bridson, "A Fast Variational Framework for Accurate Solid-Fluid Coupling", 2007).
"""

import warp as wp

from physim_kernels.collider_near import near_collider
from physim_kernels.rigid_data import MESH, Geometry

wp.set_module_options({"enable_backward": False})

BAND = wp.constant(4.0)
"""Largest distance that is told [cells]."""
BLOCK = wp.constant(8)
"""Nodes along a side of what one thread bakes."""


@wp.func
def closed_distance(mesh: wp.uint64, p: wp.vec3) -> float:
    """Signed distance to a closed mesh; its inside is where it winds around (Jacobson, Kavan, Sorkine-Hornung 2013).

    Normals at the closest point mislead where three thin walls meet in one corner.
    """
    q = wp.mesh_query_point_sign_winding_number(mesh, p, 1.0e6)
    return q.sign * wp.length(p - wp.mesh_eval_position(mesh, q.face, q.u, q.v))


@wp.func
def distance_to_all(
    g: Geometry, closed: wp.array(dtype=int), position: wp.array(dtype=wp.vec3), rotation: wp.array(dtype=wp.mat33),
    margin: wp.array(dtype=float), p: wp.vec3, reach: float,
) -> float:  # fmt: skip
    """Signed distance [m] of ``p`` to the nearest collider; what is farther than ``reach`` may count as farther."""
    nearest = float(1.0e30)
    for c in range(g.kind.shape[0]):
        b = g.body[c]
        local = (p - position[b]) * rotation[b]  # from the left: by the transpose
        if g.is_part[c] == 1:
            local = (local - g.position[c]) * g.rotation[c]
        if closed[c] == 1:
            nearest = wp.min(nearest, closed_distance(g.mesh[c], local) - margin[c])
        else:
            far = reach
            if g.kind[c] == MESH:
                far = 1.0e6  # beyond its reach a mesh does not say on which side one is
            d, _n = near_collider(g, c, local, far)
            nearest = wp.min(nearest, d - margin[c])
    return nearest


@wp.kernel
def bake_kernel(
    # inputs: colliders, poses of their bodies [m]
    g: Geometry, closed: wp.array(dtype=int), position: wp.array(dtype=wp.vec3), rotation: wp.array(dtype=wp.mat33),
    margin: wp.array(dtype=float), origin: wp.vec3, cell: float,
    # outputs: at nodes half a cell apart [cells]
    phi: wp.array3d(dtype=float),
):  # fmt: skip
    a, b, c = wp.tid()
    half = 0.5 * cell
    i0, j0, k0 = BLOCK * a, BLOCK * b, BLOCK * c
    middle = origin + half * wp.vec3(float(i0) + 3.5, float(j0) + 3.5, float(k0) + 3.5)
    radius = half * 6.07  # of the ball around the block's nodes
    reach = radius + BAND * cell
    d = distance_to_all(g, closed, position, rotation, margin, middle, reach)
    far = wp.abs(d) > reach
    i1, j1 = wp.min(i0 + BLOCK, phi.shape[0]), wp.min(j0 + BLOCK, phi.shape[1])
    k1 = wp.min(k0 + BLOCK, phi.shape[2])
    for i in range(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                value = d
                if not far:
                    p = origin + half * wp.vec3(float(i), float(j), float(k))
                    value = distance_to_all(g, closed, position, rotation, margin, p, reach)
                phi[i, j, k] = wp.clamp(value / cell, -BAND, BAND)


@wp.func
def open_edge(a: float, b: float) -> float:
    """Open part of an edge by the distances at its ends; one that lies in a side of the solid is closed."""
    if a > 0.0 and b > 0.0:
        return 1.0
    if a <= 0.0 and b <= 0.0:
        return 0.0
    return wp.max(a, b) / (wp.max(a, b) - wp.min(a, b))


@wp.func
def open_square(a: float, b: float, c: float, d: float) -> float:
    """Open part of a square with corners a b / c d, by Simpson's rule over the edges that cross the surface best."""
    if wp.abs(b - a) + wp.abs(d - c) >= wp.abs(c - a) + wp.abs(d - b):
        return (open_edge(a, b) + 4.0 * open_edge(0.5 * (a + c), 0.5 * (b + d)) + open_edge(c, d)) / 6.0
    return (open_edge(a, c) + 4.0 * open_edge(0.5 * (a + b), 0.5 * (c + d)) + open_edge(b, d)) / 6.0


@wp.kernel
def face_kernel(phi: wp.array3d(dtype=float), axis: int, thin: int, area: wp.array3d(dtype=float)):
    """Open part of the faces across ``axis``; less than a twentieth is none.

    Where walls are ``thin``, a face whose middle is covered is closed: faces that are open beside a slanting wall on
    either side would else lead through it. Middles are at most a cell apart, so a wall that thick is tight.
    """
    i, j, k = wp.tid()
    total = float(0.0)
    for s in range(2):
        for t in range(2):
            u = wp.vec3i(0, 1, 0)
            v = wp.vec3i(0, 0, 1)
            if axis == 1:
                u = wp.vec3i(0, 0, 1)
                v = wp.vec3i(1, 0, 0)
            if axis == 2:
                u = wp.vec3i(1, 0, 0)
                v = wp.vec3i(0, 1, 0)
            x = 2 * i + s * u[0] + t * v[0]
            y = 2 * j + s * u[1] + t * v[1]
            z = 2 * k + s * u[2] + t * v[2]
            total += open_square(
                phi[x, y, z], phi[x + u[0], y + u[1], z + u[2]],
                phi[x + v[0], y + v[1], z + v[2]], phi[x + u[0] + v[0], y + u[1] + v[1], z + u[2] + v[2]],
            )  # fmt: skip
    middle = phi[
        2 * i + wp.where(axis == 0, 0, 1), 2 * j + wp.where(axis == 1, 0, 1), 2 * k + wp.where(axis == 2, 0, 1)
    ]
    covered = total < 0.2 or (thin == 1 and middle < 0.0)
    area[i, j, k] = wp.where(covered, 0.0, 0.25 * total)


LEAST_OPEN = wp.constant(0.01)


@wp.func
def openness(
    value: float, ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    i: int, j: int, k: int,
) -> float:  # fmt: skip
    """Open part of a cell that has its faces' say: none without an open face, some with one.

    A cell without any counts as no liquid, and beside an open face that means air: its pressure would pull.
    """
    faces = ax[i, j, k] + ax[i + 1, j, k] + ay[i, j, k] + ay[i, j + 1, k] + az[i, j, k] + az[i, j, k + 1]
    return wp.where(faces > 0.0, wp.max(value, LEAST_OPEN), 0.0)


@wp.kernel
def cell_kernel(
    phi: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float), az: wp.array3d(dtype=float),
    open: wp.array3d(dtype=float), distance: wp.array3d(dtype=float),
):  # fmt: skip
    """Open part of the cells, over their 27 nodes as centres of the space around them; distance of their centres."""
    i, j, k = wp.tid()
    total = float(0.0)
    for a in range(3):
        for b in range(3):
            for c in range(3):
                w = wp.where(a == 1, 0.5, 0.25) * wp.where(b == 1, 0.5, 0.25) * wp.where(c == 1, 0.5, 0.25)
                total += w * wp.clamp(0.5 + 2.0 * phi[2 * i + a, 2 * j + b, 2 * k + c], 0.0, 1.0)
    open[i, j, k] = openness(total, ax, ay, az, i, j, k)
    distance[i, j, k] = phi[2 * i + 1, 2 * j + 1, 2 * k + 1]


@wp.kernel
def room_kernel(phi: wp.array3d(dtype=float), room: wp.array3d(dtype=float)):
    """What the particles' volume in a cell is where liquid fills all that is open: its tent over the 125 nodes around.

    Of a cell with little room this tells a thin layer above a floor from air.
    """
    i, j, k = wp.tid()
    total = float(0.0)
    for a in range(-1, 4):
        for b in range(-1, 4):
            for c in range(-1, 4):
                w = wp.where(a == 1, 0.4375, wp.where(a == 0 or a == 2, 0.25, 0.03125))
                w *= wp.where(b == 1, 0.4375, wp.where(b == 0 or b == 2, 0.25, 0.03125))
                w *= wp.where(c == 1, 0.4375, wp.where(c == 0 or c == 2, 0.25, 0.03125))
                x = wp.clamp(2 * i + a, 0, phi.shape[0] - 1)
                y = wp.clamp(2 * j + b, 0, phi.shape[1] - 1)
                z = wp.clamp(2 * k + c, 0, phi.shape[2] - 1)
                total += w * wp.clamp(0.5 + 2.0 * phi[x, y, z], 0.0, 1.0)
    room[i, j, k] = wp.max(total, 0.02)


@wp.func
def neighbour(phi: wp.array3d(dtype=float), open: wp.array3d(dtype=float), area: float, i: int, j: int, k: int):
    """Distance to the surface of a cell that says it better, across an open face; else 1."""
    if area <= 0.0 or i < 0 or j < 0 or k < 0 or i >= phi.shape[0] or j >= phi.shape[1] or k >= phi.shape[2]:
        return 1.0
    if open[i, j, k] < 0.5:
        return 1.0
    return phi[i, j, k]


@wp.kernel
def seal_kernel(
    open: wp.array3d(dtype=float), ax: wp.array3d(dtype=float), ay: wp.array3d(dtype=float),
    az: wp.array3d(dtype=float), phi: wp.array3d(dtype=float),
):  # fmt: skip
    """A cell that is mostly solid is liquid where a neighbour is: few particles fit into it, and none need be there."""
    i, j, k = wp.tid()
    if open[i, j, k] >= 0.5 or open[i, j, k] <= 0.0:
        return
    best = wp.min(neighbour(phi, open, ax[i, j, k], i - 1, j, k), neighbour(phi, open, ax[i + 1, j, k], i + 1, j, k))
    best = wp.min(best, neighbour(phi, open, ay[i, j, k], i, j - 1, k))
    best = wp.min(best, neighbour(phi, open, ay[i, j + 1, k], i, j + 1, k))
    best = wp.min(best, neighbour(phi, open, az[i, j, k], i, j, k - 1))
    best = wp.min(best, neighbour(phi, open, az[i, j, k + 1], i, j, k + 1))
    phi[i, j, k] = wp.min(phi[i, j, k], best)


@wp.func
def wall_at(phi: wp.array3d(dtype=float), x: wp.vec3):
    """Distance (last) and its gradient per cell of the half-cell nodes at ``x`` [cells]."""
    p = 2.0 * x
    i = wp.clamp(int(wp.floor(p[0])), 0, phi.shape[0] - 2)
    j = wp.clamp(int(wp.floor(p[1])), 0, phi.shape[1] - 2)
    k = wp.clamp(int(wp.floor(p[2])), 0, phi.shape[2] - 2)
    tx, ty, tz = p[0] - float(i), p[1] - float(j), p[2] - float(k)
    a00 = phi[i, j, k] + tz * (phi[i, j, k + 1] - phi[i, j, k])
    a01 = phi[i, j + 1, k] + tz * (phi[i, j + 1, k + 1] - phi[i, j + 1, k])
    a10 = phi[i + 1, j, k] + tz * (phi[i + 1, j, k + 1] - phi[i + 1, j, k])
    a11 = phi[i + 1, j + 1, k] + tz * (phi[i + 1, j + 1, k + 1] - phi[i + 1, j + 1, k])
    b0, b1 = a00 + ty * (a01 - a00), a10 + ty * (a11 - a10)
    dy = (1.0 - tx) * (a01 - a00) + tx * (a11 - a10)
    low = (1.0 - ty) * (phi[i, j, k + 1] - phi[i, j, k]) + ty * (phi[i, j + 1, k + 1] - phi[i, j + 1, k])
    high = (1.0 - ty) * (phi[i + 1, j, k + 1] - phi[i + 1, j, k])
    high += ty * (phi[i + 1, j + 1, k + 1] - phi[i + 1, j + 1, k])
    return wp.vec4(2.0 * (b1 - b0), 2.0 * dy, 2.0 * ((1.0 - tx) * low + tx * high), b0 + tx * (b1 - b0))


KEEP = wp.constant(0.05)
"""Nearest that a particle comes to a wall [cells]."""


@wp.kernel
def guard_kernel(
    phi: wp.array3d(dtype=float), before: wp.array(dtype=wp.vec3), count: wp.array(dtype=int),
    x: wp.array(dtype=wp.vec3),
):  # fmt: skip
    """Stop particles at walls that their path since ``before`` [cells] would cross, then push them to their side."""
    p = wp.tid()
    if p >= count[0] or x[p][0] < 0.0:  # has left
        return
    start, end = before[p], x[p]
    way = end - start
    length = wp.length(way)
    here = wall_at(phi, end)
    if here[3] > length + KEEP:
        return
    stop = end
    steps = int(wp.ceil(3.0 * length)) + 1
    for n in range(1, steps + 1):
        at = start + (float(n) / float(steps)) * way
        d = wall_at(phi, at)
        if d[3] < -0.1:
            # slide: only what leads into the wall is taken from the way
            outside = start + (float(n - 1) / float(steps)) * way
            slope = wp.vec3(d[0], d[1], d[2])
            size = wp.length(slope)
            stop = outside
            if size > 0.2:
                normal = slope / size
                left = end - outside
                slid = outside + left - wp.min(wp.dot(left, normal), 0.0) * normal
                if wall_at(phi, slid)[3] > -0.1 and wall_at(phi, 0.5 * (slid + outside))[3] > -0.1:
                    stop = slid
            break
    for _n in range(2):
        d = wall_at(phi, stop)
        slope = wp.vec3(d[0], d[1], d[2])
        size = wp.length(slope)
        if d[3] < KEEP and size > 0.2:
            stop = stop + wp.min(KEEP - d[3], 1.0) / size * slope
    x[p] = stop


def bake(geometry, closed, position, rotation, margin, phi, *, origin, cell, device):
    """Distances at all nodes, then nothing else."""
    blocks = tuple((n + 7) // 8 for n in phi.shape)
    inputs = [geometry, closed, position, rotation, margin, wp.vec3(*origin), cell]
    wp.launch(bake_kernel, dim=blocks, inputs=inputs, outputs=[phi], device=device)


def openings(phi, area, open, distance, room, *, thin, device):
    """Open faces and cells, and the room in these, from the distances."""
    for axis in range(3):
        wp.launch(face_kernel, dim=area[axis].shape, inputs=[phi, axis, int(thin)], outputs=[area[axis]], device=device)
    wp.launch(cell_kernel, dim=open.shape, inputs=[phi, *area], outputs=[open, distance], device=device)
    wp.launch(room_kernel, dim=open.shape, inputs=[phi], outputs=[room], device=device)


def guard(phi, before, count, x, *, device):
    wp.launch(guard_kernel, dim=x.shape, inputs=[phi, before, count], outputs=[x], device=device)


def seal(open, area, phi, *, device):
    wp.launch(seal_kernel, dim=phi.shape, inputs=[open, *area], outputs=[phi], device=device)
