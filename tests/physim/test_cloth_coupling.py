"""Cloth with bodies, the ground and itself, as users run it: laws that hold whatever the fabric does in between."""

import numpy as np
import pytest

import physim
from physim.solver_cloth import ClothSolver
from physim.solver_rigid import RigidSolver

G = 9.81
FLAT = (-np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
AIRLESS = dict(drag_coefficient=0.0, skin_friction=0.0)
EDGES = ["top", "bottom", "left", "right"]


def cotton(**given):
    return physim.Cloth("cotton", **{**AIRLESS, **given})


def ball(radius, mass):
    return physim.Sphere(radius=radius), physim.Rigid(mass=mass, restitution=0, drag_coefficient=0)


def solve(scene, fps=24.0):
    rigid = RigidSolver(scene, fps=fps, samples_per_frame=1)
    cloth = ClothSolver(scene, rigid)
    rigid.couple(cloth)
    return rigid, cloth


def state(cloth):
    """Position, velocity, mass of all vertices."""
    n, c = cloth.whole.count, cloth.cloths
    return (a.numpy()[:n].astype(np.float64) for a in (c.x, c.v, c.mass))


def test_a_thrown_ball_loses_the_momentum_that_a_free_sheet_gains():
    scene = physim.Scene(gravity=(0.0, 0.0, 0.0))
    scene.add(*ball(0.05, 0.2), name="ball", position=(0.02, 0.3, 0.03), velocity=(0.5, -6.0, 0.0))
    scene.add(physim.Sheet(size=(0.6, 0.6), cells=(20, 20)), cotton(), position=(0, 0.2, 0), orientation=FLAT)
    rigid, cloth = solve(scene)
    for _ in range(4):
        rigid.frame()
    _, v, mass = state(cloth)
    start = 0.2 * np.array([0.5, -6.0, 0.0])
    lost = start - 0.2 * rigid.bodies.momentum_velocity.numpy()[0]
    assert np.linalg.norm(lost) > 0.15 * np.linalg.norm(start)
    assert mass @ v == pytest.approx(lost, abs=3e-4 * np.linalg.norm(lost))  # float32 velocities, 2,000 steps


@pytest.mark.parametrize(
    ("shape", "mass"),
    [
        (physim.Sphere(radius=0.004), 0.003),
        (physim.Box(size=(0.01, 0.012, 0.014)), 0.004),
        (physim.Sphere(radius=0.05), 0.3),
    ],
    ids=["small ball", "small box", "ball"],
)
def test_what_is_thrown_at_20_m_per_s_into_a_held_sheet_does_not_pass(shape, mass):
    """The small ones fit through the cells of 31 mm; the sheet throws all of them back."""
    scene = physim.Scene(gravity=(0.0, 0.0, 0.0))
    body = physim.Rigid(mass=mass, restitution=0, drag_coefficient=0)
    scene.add(
        shape, body, name="thing", position=(0.013, 0.021, 0.3), velocity=(0, 0.5, -20.0), angular_velocity=(3, 2, 1)
    )
    scene.add(physim.Sheet(size=(1, 1), cells=(32, 32)), cotton(), pin=EDGES)
    rigid, _ = solve(scene, fps=48)
    for _ in range(10):
        rigid.frame()
    assert rigid.bodies.x.numpy()[0, 2] > 0.0
    assert rigid.bodies.momentum_velocity.numpy()[0, 2] > 1.0


def test_a_ball_dropped_into_a_held_sheet_is_carried_by_its_pins():
    """Impulse of all forces = change of momentum: what the pins gave is weight x time + m v, at every instant."""
    scene = physim.Scene()
    scene.add(*ball(0.06, 1.0), name="ball", position=(0, 0.1, 0))
    scene.add(physim.Sheet(size=(0.6, 0.6), cells=(16, 16)), cotton(damping=0.01), pin=EDGES, orientation=FLAT)
    rigid, cloth = solve(scene)
    _, v, mass = state(cloth)
    free = cloth.cloths.inv_mass.numpy()[: len(mass)] > 0
    for _ in range(24):
        rigid.frame()
    _, v, mass = state(cloth)
    pull = cloth.tracks()["sheet1"].dense_pull.astype(np.float64).sum(axis=1)[1:]  # on the pins, mean of each sample
    momentum = rigid.bodies.momentum_velocity.numpy()[0] + (mass * free) @ v
    weight = (1.0 + mass.sum()) * np.array([0.0, -G, 0.0])
    assert momentum == pytest.approx(weight * 1.0 - pull.sum(axis=0) / 24, abs=2e-3 * G)
    assert abs(pull[-12:, 1].mean()) > 0.2 * G  # it has been in the sheet
    assert rigid.bodies.x.numpy()[0, 1] > -0.15


def test_a_sheet_drapes_over_a_box_and_no_vertex_is_inside():
    scene = physim.Scene()
    scene.add(physim.Plane())
    scene.add(physim.Box(size=(0.2, 0.2, 0.2)), physim.Static(friction=0.4), position=(0, 0.1, 0))
    scene.add(physim.Sheet(size=(0.5, 0.5), cells=(30, 30)), cotton(), position=(0.01, 0.22, 0.02), orientation=FLAT)
    rigid, cloth = solve(scene)
    for _ in range(14):
        rigid.frame()
        x, _, _ = state(cloth)
        inside = np.minimum(0.1 - np.abs(x - [0, 0.1, 0])[:, [0, 2]].max(axis=1), 0.2 - x[:, 1])
        assert inside.max() < 1e-4  # a quarter of the thickness
        assert x[:, 1].min() > 1e-4
    assert x[:, 1].max() < 0.22
    assert x[:, 1].min() < 0.06  # the corners hang


@pytest.mark.parametrize(("degrees", "friction"), [(20.0, 0.3), (20.0, 0.45)])
def test_fabric_on_a_slope_slides_or_stays_as_coulomb_says(degrees, friction):
    slope = np.deg2rad(degrees)
    along, up = np.array([np.cos(slope), -np.sin(slope), 0]), np.array([np.sin(slope), np.cos(slope), 0])
    scene = physim.Scene()
    scene.add(physim.Plane(normal=tuple(up)), physim.Static(friction=friction))
    flat = physim.Sheet(size=(0.2, 0.2), cells=(8, 8))
    start = flat.rest[:, :1] * along + flat.rest[:, 1:] * np.array([0, 0, -1.0]) + 2e-4 * up
    scene.add(physim.Pattern(rest=flat.rest, faces=flat.faces, start=start), cotton(friction=friction))
    rigid, cloth = solve(scene)
    for _ in range(12):
        rigid.frame()
    _, v, _ = state(cloth)
    expected = max(0.0, G * (np.sin(slope) - friction * np.cos(slope))) * 0.5
    assert v @ along == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_a_pulled_table_cloth_carries_a_cup_along():
    """0.8 m/s^2 at most is less than friction can give: the cup goes where the cloth goes."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.2))
    scene.add(
        physim.Box(size=(0.1, 0.08, 0.1)), physim.Rigid(mass=0.5, restitution=0, friction=0.5), name="cup",
        position=(0, 0.0405, 0),
    )  # fmt: skip
    path = physim.Motion(times=(0.0, 0.1, 0.8), offsets=((0, 0, 0), (0, 0, 0), (0.1, 0, 0)))
    scene.add(
        physim.Sheet(size=(0.4, 0.3), cells=(24, 18)), cotton(friction=0.5), position=(0, 2.2e-4, 0),
        orientation=FLAT, pin=physim.Pin("right", motion=path),
    )  # fmt: skip
    rigid, _ = solve(scene)
    for _ in range(20):
        rigid.frame()
    assert rigid.bodies.x.numpy()[0, 0] == pytest.approx(0.1, abs=0.012)
    assert rigid.bodies.x.numpy()[0, 1] == pytest.approx(0.0404, abs=1e-4)


@pytest.mark.parametrize("velocity", [(0.0, -0.5, 0.0), (1.0, -5.0, 0.0)], ids=["laid", "thrown"])
def test_a_sheet_comes_to_rest_on_another_at_a_thickness(velocity):
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.3))
    scene.add(physim.Sheet(size=(0.3, 0.3), cells=(15, 15)), cotton(), position=(0, 3e-4, 0), orientation=FLAT)
    scene.add(
        physim.Sheet(size=(0.2, 0.2), cells=(11, 11)), cotton(), position=(0.013, 0.03, 0.007), orientation=FLAT,
        velocity=velocity,
    )  # fmt: skip
    rigid, cloth = solve(scene)
    for _ in range(6):
        rigid.frame()
    x, v, _ = state(cloth)
    assert x[:256, 1] == pytest.approx(2e-4, abs=2e-5)
    assert x[256:, 1] == pytest.approx(6e-4, abs=4e-5)
    assert np.abs(v[:, 1]).max() < 0.01
    assert np.abs(v).max() < 0.1  # waves in the plane of the fabric ring on for a while


def test_layers_slide_on_each_other_with_their_friction_and_do_not_snag():
    """The upper sheet, half as wide, passes over many triangles; deceleration mu g, whatever the meshes."""
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=1.0))
    scene.add(
        physim.Sheet(size=(0.5, 0.2), cells=(30, 12)), cotton(friction=1.0), position=(0, 2e-4, 0), orientation=FLAT
    )
    scene.add(
        physim.Sheet(size=(0.1, 0.1), cells=(7, 7)), cotton(friction=0.09), position=(-0.1, 6.2e-4, 0.003),
        orientation=FLAT, velocity=(1.0, 0.0, 0.0),
    )  # fmt: skip
    rigid, cloth = solve(scene)
    for _ in range(4):
        rigid.frame()
    x, v, _ = state(cloth)
    upper = np.arange(len(x)) >= 31 * 13
    assert v[upper, 0].mean() == pytest.approx(1.0 - 0.3 * G * 4 / 24, rel=0.03)  # mu = sqrt(1.0 x 0.09)
    assert np.abs(v[upper, 2]).max() < 0.05
    assert x[upper, 1].min() > 5e-4
