"""Contact rows that vector code places: against the rows placed one by one, and against the geometry itself."""

import numpy as np
import pytest
import warp as wp
from loose_cloth import LooseCloth

import physim
from physim.cloth_contact import ClothContact
from physim.solver_cloth import ClothSolver
from physim.solver_rigid import RigidSolver


def vertices_about_things():
    """Loose vertices about a ball, a leaning capsule, a box and the ground, with velocities of up to 2 m/s."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.3))
    lean = np.array([0.2, 0.1, 0.3, 0.9])
    things = {
        "ball": (physim.Sphere(0.1), (0.0, 0.1, 0.0)), "capsule": (physim.Capsule(0.05, 0.1), (0.35, 0.12, 0.0)),
        "box": (physim.Box((0.1, 0.1, 0.1)), (-0.3, 0.1, 0.0)), "can": (physim.Cylinder(0.05, 0.1), (0.0, 0.1, 0.35)),
    }  # fmt: skip
    for name, (shape, at) in things.items():
        turn = tuple(lean / np.linalg.norm(lean)) if name != "ball" else (0.0, 0.0, 0.0, 1.0)
        scene.add(shape, physim.Static(friction=0.5), name=name, position=at, orientation=turn)
    flat = physim.Sheet((1.0, 1.0), (60, 60))
    rng = np.random.default_rng(3)
    x = np.c_[flat.rest[:, 0], rng.uniform(2e-4, 0.25, len(flat.rest)), flat.rest[:, 1]]
    v = rng.uniform(-2.0, 2.0, x.shape)
    solver = RigidSolver(scene, fps=24)
    return solver, flat, x, v


def test_lanes_agree_with_rows_placed_one_by_one():
    solver, flat, x, v = vertices_about_things()
    cloth = LooseCloth(solver, x, 1e-4, flat.faces, flat.rest, v=v)
    found = []
    for plain in (False, True):
        contact = ClothContact(
            x=cloth.x, v=cloth.v, inv_mass=cloth.inv_mass, faces=flat.faces, rest=flat.rest, itself=False,
            half=np.full(len(x), 2e-4), friction=np.full(len(x), 0.4), geometry=solver.geometry, bodies=solver.bodies,
            device=solver.device, plain=plain,
        )  # fmt: skip
        contact.launch_search(4e-3, 9.81)
        contact.launch_begin(1e-3)
        found.append((contact.touches.alone.numpy().reshape(10, -1), int(contact.touches.total.numpy()[0])))
    lanes, rows = found[0][0], found[1][0]
    assert (rows[3] > -1e19).sum() > 50
    assert found[0][1] < found[1][1]  # the most have lanes
    np.testing.assert_array_equal(lanes[3] > -1e19, rows[3] > -1e19)
    np.testing.assert_allclose(lanes, rows, atol=1e-6)  # rounding of metres


def collapsed_sheet():
    """A sheet on edge that has fallen in folds."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.5), name="ground")
    turn = np.array([0.02, 0.05, 0.01, 1.0])
    sheet = physim.Sheet((0.5, 0.5), (28, 28))
    turn = tuple(turn / np.linalg.norm(turn))
    scene.add(sheet, physim.Cloth("silk"), name="sheet", position=(0, 0.6, 0), orientation=turn)
    rigid = RigidSolver(scene, fps=24, samples_per_frame=1)
    cloth = ClothSolver(scene, rigid)
    rigid.couple(cloth)
    for _ in range(12):
        rigid.frame()
    return cloth


@pytest.fixture(scope="module")
def folds():
    return collapsed_sheet()


def test_live_rows_of_cloth_with_itself_lie_along_the_common_normal(folds):
    """n is across the triangle, or across both edges; weights are those of two points; the gap is along n."""
    contact, s = folds.contact, folds.contact.sheets
    contact.launch_search(1e-3, 9.81)
    contact.launch_begin(1e-3)
    live = contact.rows.hot.numpy()[: contact.rows.totals.numpy()[1]]
    kind = contact.rows.row.numpy()[live["row"]]["kind"]
    assert (kind == 0).sum() > 20 and (kind == 1).sum() > 5
    x, v = s.x.numpy().astype(np.float64), s.v.numpy()
    p, w, n = x[live["vertices"]], live["weights"], live["normal"]
    np.testing.assert_allclose(np.linalg.norm(n, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(w.sum(axis=1), 0.0, atol=1e-5)
    assert w.max() <= 1.00001 and w.min() >= -1.00001
    first, second = np.where(kind[:, None] == 0, p[:, 2] - p[:, 1], p[:, 1] - p[:, 0]), p[:, 3] - p[:, 2]
    for side in (first, second):
        slant = (n * side).sum(axis=1) / np.linalg.norm(side, axis=1)
        assert np.abs(slant).max() < 1e-3  # float32 of narrow triangles
    along = np.einsum("ki,kij,kj->k", w, p, n)
    np.testing.assert_allclose(along - live["offset"], live["gap"], atol=2e-6)
    closing = -np.einsum("ki,kij,kj->k", w, v[live["vertices"]], n)
    assert (live["gap"] <= 1e-3 * (1.0 + closing) + 1e-3 * np.abs(closing) + 1e-5).all()


def test_a_search_sees_mean_velocities_and_sudden_ones_as_they_are():
    solver, flat, x, _ = vertices_about_things()
    cloth = LooseCloth(solver, x, 1e-4, flat.faces, flat.rest)
    device, h = solver.device, 1e-3
    contact = ClothContact(
        x=cloth.x, v=cloth.v, inv_mass=cloth.inv_mass, faces=flat.faces, rest=flat.rest, itself=False,
        half=np.full(len(x), 2e-4), friction=np.full(len(x), 0.4), geometry=solver.geometry, bodies=solver.bodies,
        device=device, watch=h,
    )  # fmt: skip
    contact.launch_watch()
    moved, speed = np.zeros_like(x), np.zeros_like(x)
    moved[0], speed[0] = (1e-4, 0, 0), (0.7, 0, 0)  # vibrates: 0.1 m/s on the whole
    moved[1], speed[1] = (1e-4, 0, 0), (5.0, 0, 0)  # was hit
    cloth.x.assign(wp.array(x + moved, dtype=wp.vec3))
    cloth.v.assign(wp.array(speed, dtype=wp.vec3))
    contact.launch_search(h, 9.81)
    seen = contact.sheets.u.numpy()
    np.testing.assert_allclose(seen[0], (0.1, 0, 0), atol=2e-4)
    np.testing.assert_allclose(seen[1], (5.0, 0, 0), atol=1e-6)
    np.testing.assert_allclose(seen[2:], 0.0, atol=2e-4)
