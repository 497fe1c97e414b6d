"""Contact geometry against the Minkowski difference and against shortest distances found by least squares."""

import numpy as np
import pytest
import warp as wp
from physim_kernels import broad, collide, contact, impact, order, rigid
from physim_kernels.rigid_data import POINT
from scipy.optimize import nnls
from scipy.spatial import ConvexHull

from physim.materials import Rigid
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Hull, Sphere
from physim.solver_rigid import RigidSolver
from physim.terrain import rotation_matrix

MARGIN = 0.05


def search(solver, *, interval, gravity, on_surface=False):
    """Both passes of the search, the near colliders and then the points where they touch."""
    when = dict(interval=interval, gravity=gravity, device=solver.device)
    broad.search(solver._geometry, solver._bodies, solver._pairs, solver._broad, may_drop=True, **when)
    collide.collide(
        solver._geometry, solver._bodies, solver._pairs, solver._contacts, solver._candidates,
        on_surface=on_surface, threads=1, **when,
    )  # fmt: skip


def pair(shape_a, shape_b, position, q_a, q_b):
    """Solver of two bodies whose contacts are found within MARGIN, and its contact points as a list of dictionaries."""
    scene = Scene(gravity=(0, 0, 0))
    scene.add(shape_a, Rigid(), name="a", orientation=tuple(q_a))
    scene.add(shape_b, Rigid(), name="b", position=tuple(position), orientation=tuple(q_b))
    solver = RigidSolver(scene, fps=60, device="cpu")
    # gravity over one second widens the margin to what the test wants
    search(solver, interval=1.0, gravity=2 * MARGIN)
    if solver._pairs.live_count.numpy()[0] == 0:
        return solver, [], (1, 0) if shape_a is HULL else (0, 1)
    a, b = int(solver._pairs.a.numpy()[0]), int(solver._pairs.b.numpy()[0])
    count = int(solver._pairs.count.numpy()[0])
    x, q = solver._bodies.x.numpy(), solver._bodies.q.numpy()
    c = solver._contacts
    names = ("kind", "point_a", "point_b", "normal_a", "radius_a", "radius_b")
    spots = c.spot.numpy()
    points = [{name: spots[name][k * c.slots] for name in names} for k in range(count)]
    for p in points:
        p["at_a"] = rotation_matrix(q[a]) @ p["point_a"] + x[a]
        p["at_b"] = rotation_matrix(q[b]) @ p["point_b"] + x[b]
        p["normal"] = rotation_matrix(q[a]) @ p["normal_a"]
        along = (p["at_b"] - p["at_a"]) @ p["normal"]
        reach = np.linalg.norm(p["at_b"] - p["at_a"]) if p["kind"] == POINT else along
        p["separation"] = reach - p["radius_a"] - p["radius_b"]
    return solver, points, (a, b)


def core(solver, i):
    """World corners of a body's core and the radius around it."""
    piece = (solver._moving + solver._static)[i].colliders[0]
    x, q = solver._bodies.x.numpy()[i], solver._bodies.q.numpy()[i]
    if piece.hull is not None:
        local, radius = piece.hull.vertices, 0.0
    else:
        local, radius = np.array([[0, -piece.half, 0], [0, piece.half, 0]]), piece.radius
    return local @ rotation_matrix(q).T + x, radius


def distance(a, b):
    """Shortest distance of two convex hulls: min |A s - B t| over convex weights, as non-negative least squares."""
    heavy = 1e3
    rows = np.vstack(
        [
            np.hstack([a.T, -b.T]),
            heavy * np.hstack([np.ones(len(a)), np.zeros(len(b))]),
            heavy * np.hstack([np.zeros(len(a)), np.ones(len(b))]),
        ]
    )
    weights, _ = nnls(rows, np.array([0, 0, 0, heavy, heavy]))
    return float(np.linalg.norm(a.T @ weights[: len(a)] - b.T @ weights[len(a) :]))


def quaternions(seed, count):
    q = np.random.default_rng(seed).normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


HULL = Hull(np.random.default_rng(5).normal(size=(30, 3)) * 0.08)


@pytest.mark.parametrize("shapes", [(Box((0.2, 0.1, 0.3)), Box((0.15, 0.15, 0.15))), (HULL, Box((0.2, 0.2, 0.1)))])
def test_hull_separation_is_that_of_the_minkowski_difference(shapes):
    q = quaternions(1, 80)
    checked = 0
    for k in range(40):
        direction = quaternions(100 + k, 1)[0, :3]
        direction /= np.linalg.norm(direction)
        position = direction * np.random.default_rng(k).uniform(0.1, 0.3)
        solver, points, (a, b) = pair(*shapes, position, q[2 * k], q[2 * k + 1])
        (va, _), (vb, _) = core(solver, a), core(solver, b)
        exact = ConvexHull((vb[None] - va[:, None]).reshape(-1, 3)).equations[:, 3].max()
        if exact > MARGIN + 5e-3:
            assert not points
        farthest = max(exact, distance(va, vb)) if exact > 0 else exact
        if farthest < MARGIN - 5e-3:
            deepest = min(p["separation"] for p in points)
            # faces win over edges by up to 1 % of the smaller radius, so the depth may be that much more
            assert exact - 2.5e-3 < deepest < farthest + 5e-4
            assert all(abs(np.linalg.norm(p["normal"]) - 1) < 1e-5 for p in points)
            assert all(p["normal"] @ (solver._bodies.x.numpy()[b] - solver._bodies.x.numpy()[a]) > 0 for p in points)
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("shape", [Sphere(0.04), Capsule(0.03, 0.2)])
@pytest.mark.parametrize("other", [Box((0.2, 0.1, 0.3)), HULL, Capsule(0.05, 0.1)])
def test_round_shapes_find_the_shortest_distance(shape, other):
    q = quaternions(2, 60)
    checked = 0
    for k in range(30):
        direction = quaternions(200 + k, 1)[0, :3]
        direction /= np.linalg.norm(direction)
        position = direction * np.random.default_rng(k).uniform(0.1, 0.3)
        solver, points, (a, b) = pair(other, shape, position, q[2 * k], q[2 * k + 1])
        (va, ra), (vb, rb) = core(solver, a), core(solver, b)
        cores = distance(va, vb)
        if cores < 1e-3:  # the cores cross: there is no shortest distance to compare with
            continue
        exact = cores - ra - rb
        found = min((p["separation"] for p in points), default=np.inf)
        if exact < MARGIN - 1e-4:
            assert found == pytest.approx(exact, abs=2e-5 + 2e-3 * abs(exact) + 1e-3 * rb)
            checked += 1
        elif exact > MARGIN + 5e-3:
            assert not points
    assert checked > 4


def test_four_points_of_a_face_contact_span_the_whole_face():
    _, points, _ = pair(
        Box((0.2, 0.2, 0.2)), Box((0.4, 0.1, 0.4)), (0, 0.15, 0), (0, 0, 0, 1), (0, 0.3826834, 0, 0.9238795)
    )
    places = np.array([p["at_a"] for p in points])
    assert len(points) == 4 and places[:, 1] == pytest.approx(0.1, abs=1e-6)
    assert np.ptp(places[:, 0]) == pytest.approx(0.2, abs=1e-5)
    assert np.ptp(places[:, 2]) == pytest.approx(0.2, abs=1e-5)


def test_parallel_cylinders_touch_along_a_line_and_as_circles():
    upright = (0, 0, 0, 1)
    _, points, _ = pair(Cylinder(0.1, 0.2), Cylinder(0.05, 0.1), (0.12, 0.03, 0.1), upright, upright)
    assert len(points) == 2 and all(p["kind"] == POINT for p in points)
    assert [p["separation"] for p in points] == pytest.approx([np.hypot(0.12, 0.1) - 0.15] * 2, abs=1e-6)
    assert np.ptp([p["at_a"][1] for p in points]) == pytest.approx(0.1, abs=1e-6)


def test_stacked_cylinders_touch_on_the_lens_they_share():
    upright = (0, 0, 0, 1)
    _, points, _ = pair(Cylinder(0.1, 0.2), Cylinder(0.1, 0.2), (0.08, 0.201, 0.0), upright, upright)
    assert len(points) == 4
    places = np.array([p["at_a"] for p in points])
    assert np.ptp(places[:, 0]) == pytest.approx(0.12, abs=1e-5)
    assert np.ptp(places[:, 2]) == pytest.approx(2 * np.sqrt(0.1**2 - 0.04**2), abs=1e-5)
    assert [p["separation"] for p in points] == pytest.approx([0.001] * 4, abs=1e-6)


def test_pairs_of_one_colour_share_no_moving_body():
    rng = np.random.default_rng(0)
    scene = Scene()
    for place in rng.uniform(0, 0.5, (40, 3)):
        scene.add(Sphere(0.06), Rigid(), position=tuple(place))
    solver = RigidSolver(scene, fps=60, device="cpu")
    p, device = solver._pairs, solver.device
    search(solver, interval=0.0, gravity=0.0)
    order.order(p, solver._bodies, device=device)
    start, listed = p.colour_start.numpy(), p.order.numpy()
    touching = np.flatnonzero(p.count.numpy())
    assert sorted(listed[: start[-1]]) == list(touching) and len(touching) > 20
    for colour in range(order.COLOURS - 1):  # the last colour is the overflow, solved one by one
        members = listed[start[colour] : start[colour + 1]]
        bodies = np.concatenate([p.a.numpy()[members], p.b.numpy()[members]])
        assert len(np.unique(bodies)) == len(bodies)


def sphere_wall():
    """Eight spheres that touch in a grid."""
    scene = Scene()
    for i in range(8):
        scene.add(Sphere(0.055), Rigid(), position=(0.105 * (i % 3), 0.06 + 0.105 * (i // 3), 0.0))
    return RigidSolver(scene, fps=60, device="cpu")


def substep(solver, *, whole):
    """The passes of one substep, in one walk over all pairs or in one launch per colour."""
    b, p, c, e, device = solver._bodies, solver._pairs, solver._contacts, solver._log.events, solver.device
    g, h = solver._geometry, solver.substep
    search(solver, interval=h, gravity=9.81)
    order.order(p, b, device=device)
    rigid.kick(g, b, solver._outer, p.hits, count=8, k=0, h=h, device=device)
    for kernel, inputs in [
        (impact.impact_kernel, [b, p, c, e, h, 0.04, 0, 0, 0.005]),
        (impact.defer_kernel, [b, p, c, h, 0.04]),
        (contact.warm_kernel, [b, p, c]),
        (contact.solve_kernel, [b, p, c, h, 1]),
        (contact.relax_kernel, [b, p, c, h]),
    ]:
        ranged = kernel in (contact.solve_kernel, contact.relax_kernel)  # these take the first and the last colour
        if whole:
            colours = (0, order.COLOURS) if ranged else (-1,)
            wp.launch(kernel, dim=1, inputs=[*inputs, *colours, 1], device=device)
            continue
        for colour in range(order.COLOURS):
            threads = 1 if colour == order.COLOURS - 1 else 64
            colours = (colour, colour + 1) if ranged else (colour,)
            wp.launch(kernel, dim=threads, inputs=[*inputs, *colours, threads], device=device)
    return b.v.numpy().copy(), b.w.numpy().copy()


def test_colour_by_colour_launches_do_the_same_arithmetic_as_one_walk():
    """The path of a GPU, a launch per colour, gives the same bits as the single launch of a CPU."""
    one, many = substep(sphere_wall(), whole=True), substep(sphere_wall(), whole=False)
    assert np.array_equal(one[0], many[0]) and np.array_equal(one[1], many[1])
    assert np.abs(one[0]).max() > 0
