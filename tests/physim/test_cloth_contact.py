"""Contact of cloth with bodies and the static scene, seen on vertices without fabric: what each row owes to physics."""

import numpy as np
import pytest
from loose_cloth import LooseCloth

import physim
from physim.solver_rigid import RigidSolver

G = 9.81


def sheet(size=0.4, cells=20, height=2e-4):
    flat = physim.Sheet(size=(size, size), cells=(cells, cells))
    x = np.stack([flat.rest[:, 0], np.full(len(flat.rest), height), flat.rest[:, 1]], axis=1)
    return flat, x


def run(solver, seconds):
    for _ in range(round(seconds * solver.fps)):
        solver.frame()


def carried(cloth):
    """Sum of the normal impulses of the last substep, as a force [N]."""
    c = cloth.contact.touches
    used = np.arange(4) < c.count.numpy()[:, None]
    shared = (c.row.numpy()["carried"].reshape(-1, 4) * used).sum()
    alone = (c.alone.numpy().reshape(10, -1)[8, : cloth.count] / cloth.inv_mass.numpy()).sum()
    return float((shared + alone) / cloth.solver.substep)


def test_a_sheet_on_the_ground_presses_with_its_weight():
    scene = physim.Scene()
    scene.add(physim.Plane())
    flat, x = sheet(height=0.01)
    solver = RigidSolver(scene, fps=24)
    cloth = LooseCloth(solver, x, 0.024 / len(x), flat.faces, flat.rest)
    run(solver, 0.5)
    assert carried(cloth) == pytest.approx(0.024 * G, rel=1e-4)  # float32 sums of 441 vertices
    assert cloth.x.numpy()[:, 1] == pytest.approx(2e-4, abs=2e-6)


def test_a_box_on_a_sheet_on_the_ground_is_carried_by_the_fabric_under_it():
    """The box is 18,000 times as heavy as one vertex; the fabric yields by weight / (stiffness x area)."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.4))
    body = physim.Rigid(mass=1.0, restitution=0)
    scene.add(physim.Box(size=(0.2, 0.05, 0.2)), body, name="box", position=(0, 0.0255, 0))
    flat, x = sheet()
    solver = RigidSolver(scene, fps=24)
    cloth = LooseCloth(solver, x, 0.024 / len(x), flat.faces, flat.rest)
    run(solver, 0.5)
    crush = G / (3.0e7 * 0.2**2)
    sunk = 0.0254 - solver.bodies.x.numpy()[0, 1]
    assert 0.4 * crush < sunk < 1.1 * crush  # vertices beyond its edges carry some, and so do the edges
    # box on sheet and sheet on ground; the edges of the box carry up to a hundredth and are not counted here
    assert carried(cloth) == pytest.approx((2 * 1.0 + 0.024) * G, rel=0.02)


@pytest.mark.parametrize("friction", [0.2, 0.5])
@pytest.mark.parametrize("degrees", [20.0, 35.0])
def test_a_sheet_slides_down_a_slope_as_coulomb_says(friction, degrees):
    slope = np.deg2rad(degrees)
    scene = physim.Scene()
    scene.add(physim.Plane(normal=(np.sin(slope), np.cos(slope), 0)), physim.Static(friction=friction))
    flat = physim.Sheet(size=(0.1, 0.1), cells=(4, 4))
    along = np.array([np.cos(slope), -np.sin(slope), 0])
    up = np.array([np.sin(slope), np.cos(slope), 0])
    x = flat.rest[:, :1] * along + flat.rest[:, 1:] * np.array([0, 0, 1.0]) + 2e-4 * up
    solver = RigidSolver(scene, fps=24)
    cloth = LooseCloth(solver, x, 1e-4, flat.faces, flat.rest, friction=friction)
    run(solver, 0.5)
    expected = max(0.0, G * (np.sin(slope) - friction * np.cos(slope))) * 0.5
    speed = cloth.v.numpy() @ along
    assert speed == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    "shape",
    [
        physim.Sphere(radius=0.1),
        physim.Box(size=(0.2, 0.14, 0.16)),
        physim.Capsule(radius=0.05, length=0.1),
        physim.Cylinder(radius=0.08, height=0.1),
    ],
    ids=["sphere", "box", "capsule", "cylinder"],
)
@pytest.mark.parametrize("mass", [None, 0.3], ids=["static", "moving"])
def test_no_vertex_of_a_falling_sheet_enters_a_body(shape, mass):
    scene = physim.Scene()
    scene.add(physim.Plane())
    turn = (0.2, 0.1, 0.3, 0.9) if mass is None else (0.0, 0.0, 0.0, 1.0)
    low = {physim.Sphere: 0.1, physim.Box: 0.07, physim.Capsule: 0.1, physim.Cylinder: 0.05}[type(shape)]
    material = physim.Static(friction=0.3) if mass is None else physim.Rigid(mass=mass, restitution=0)
    scene.add(shape, material, name="thing", position=(0, low if mass else 0.12, 0), orientation=turn)
    flat, x = sheet(size=0.3, cells=30, height=0.4)
    solver = RigidSolver(scene, fps=24)
    cloth = LooseCloth(solver, x, 1e-5, flat.faces, flat.rest, v=np.tile([0.5, -8.0, 0.0], (len(x), 1)))
    for _ in range(12):
        solver.frame()
        assert np.isfinite(cloth.x.numpy()).all()
        assert depth(scene["thing"], solver, cloth.x.numpy()).max() < 2e-4  # half the thickness


def depth(entity, solver, points):
    """How far points are inside a convex shape, by an independent way: planes of its own mesh, at its present pose."""
    from physim.terrain import rotation_matrix

    at, q = np.array(entity.position), np.array(entity.orientation)
    if entity.is_body:
        at, q = solver.bodies.x.numpy()[0], solver.bodies.q.numpy()[0]
    local = (points.astype(np.float64) - at) @ rotation_matrix(q)
    mesh = entity.shape.triangles
    a, u, w = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normal = np.cross(u - a, w - a)
    area = np.linalg.norm(normal, axis=1)
    normal, a = normal[area > 1e-12] / area[area > 1e-12, None], a[area > 1e-12]
    inside = -(np.einsum("fj,nj->nf", normal, local) - np.einsum("fj,fj->f", normal, a))
    return inside.min(axis=1)


def test_a_ball_and_loose_vertices_that_it_meets_keep_their_momentum():
    scene = physim.Scene(gravity=(0.0, 0.0, 0.0))
    scene.add(
        physim.Sphere(radius=0.05), physim.Rigid(mass=0.05, restitution=0, drag_coefficient=0), name="ball",
        position=(0.003, 0.2, 0.001), velocity=(0.3, -5.0, 0.1), angular_velocity=(0, 30.0, 5.0),
    )  # fmt: skip
    flat, x = sheet(size=0.2, cells=20, height=0.1)
    solver = RigidSolver(scene, fps=24)
    cloth = LooseCloth(solver, x, 1e-4, flat.faces, flat.rest, friction=0.5)
    run(solver, 0.125)
    ball = 0.05 * solver.bodies.momentum_velocity.numpy()[0]
    total = ball + 1e-4 * cloth.v.numpy().astype(np.float64).sum(axis=0)
    start = 0.05 * np.array([0.3, -5.0, 0.1])
    assert np.linalg.norm(start - ball) > 0.05 * np.linalg.norm(start)  # it did meet them
    assert total == pytest.approx(start, abs=1e-5 * np.linalg.norm(start))
