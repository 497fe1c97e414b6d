"""The rigid solver against closed forms: impacts, friction, rolling, free rotation, stacks, dominoes."""

import numpy as np
import pytest
from rigid_cases import G, rigid, run, smooth

from physim.rigid_arrays import quaternion_product
from physim.scene import Scene
from physim.shapes import Box, Cylinder, Plane, Sphere


def tilted(degrees: float, friction: float) -> tuple[Scene, np.ndarray, np.ndarray, tuple[float, ...]]:
    """A plane falling towards +x, its downhill direction, normal, and the quaternion of a box lying on it."""
    angle = np.radians(degrees)
    normal = np.array([np.sin(angle), np.cos(angle), 0.0])
    scene = Scene()
    scene.add(Plane(tuple(normal)), smooth(friction=friction))
    downhill = np.array([np.cos(angle), -np.sin(angle), 0.0])
    return scene, downhill, normal, (0.0, 0.0, np.sin(-angle / 2), np.cos(angle / 2))


@pytest.mark.parametrize("restitution", [0.3, 0.5, 0.8, 1.0])
def test_ball_bounces_to_the_height_its_speed_and_restitution_give(restitution):
    scene = Scene()
    scene.add(Plane(), smooth())
    scene.add(Sphere(0.05), rigid(restitution=restitution), name="ball", position=(0, 1.05, 0))
    solver = run(scene, 1.6)
    impacts = solver.contacts()
    fall = np.sqrt(2 / G)
    assert impacts["time"][0] == pytest.approx(
        fall, abs=2e-6
    )  # the height is 1 m in double, the gap in single precision
    assert impacts["approach_speed"][0] == pytest.approx(np.sqrt(2 * G), rel=1e-5)
    mass = scene["ball"].mass
    assert impacts["impulse"][0] == pytest.approx(mass * (1 + restitution) * np.sqrt(2 * G), rel=1e-3)
    track = solver.tracks()["ball"]
    time = np.arange(len(track.dense_position)) / 480
    after = (time > fall) & (time < fall * (1 + 2 * restitution))
    # samples stand on the exact parabola of the rebound
    s = time[after] - fall
    exact = 0.05 + restitution * np.sqrt(2 * G) * s - G * s**2 / 2
    assert np.abs(track.dense_position[after, 1] - exact).max() < 5e-3 * restitution**2
    assert len(impacts) > 1 or restitution > 0.9
    if len(impacts) > 1:
        assert impacts["time"][1] == pytest.approx(fall * (1 + 2 * restitution), rel=5e-4)


@pytest.mark.parametrize("heading", [0.0, 45.0])
def test_box_slides_down_an_incline_as_coulomb_says_in_every_direction(heading):
    degrees, mu = 30.0, 0.5
    scene, downhill, normal, q = tilted(degrees, mu)
    across = np.cross(downhill, normal)
    # the same incline, seen by a box that is turned about the normal
    half = np.radians(heading) / 2
    turn = np.array([*(normal * np.sin(half)), np.cos(half)])
    q = tuple(quaternion_product(turn, np.array(q)))
    scene.add(Box((0.4, 0.1, 0.4)), rigid(friction=mu), name="box", position=tuple(0.05 * normal), orientation=q)
    speed = run(scene, 1.0).tracks()["box"].dense_velocity
    expected = G * (np.sin(np.radians(degrees)) - mu * np.cos(np.radians(degrees)))
    # the very first substep has no normal impulse yet to rub with, so count from the second half
    gained = 2 * (speed[480] - speed[240])
    assert gained @ downhill == pytest.approx(expected, rel=1e-4)
    assert abs(speed[480] @ across) < 1e-4 * expected


def test_box_below_the_friction_angle_does_not_creep():
    scene, downhill, normal, q = tilted(20.0, 0.5)
    scene.add(Box((0.4, 0.1, 0.4)), rigid(friction=0.5), name="box", position=tuple(0.05 * normal), orientation=q)
    solver = run(scene, 2.0)
    track = solver.tracks()["box"]
    creep = (track.dense_position[-1] - track.dense_position[480]) @ downhill / 1.0
    assert abs(creep) < 1e-4


def test_sphere_rolls_down_at_five_sevenths():
    scene, downhill, normal, _ = tilted(20.0, 0.5)
    scene.add(Sphere(0.1), rigid(friction=0.5), name="ball", position=tuple(0.1 * normal))
    _, _, velocity, spin = run(scene, 1.0).poses()
    assert velocity[0] @ downhill == pytest.approx(5 / 7 * G * np.sin(np.radians(20)), rel=3e-3)
    slip = velocity[0] + np.cross(spin[0], -0.1 * normal)
    assert np.linalg.norm(slip) < 1e-3


def test_cylinder_on_its_side_rolls_down_at_two_thirds():
    scene, downhill, normal, q = tilted(20.0, 0.5)
    lying = quaternion_product(np.array(q), np.array([np.sin(np.pi / 4), 0.0, 0.0, np.cos(np.pi / 4)]))  # axis along z
    scene.add(
        Cylinder(0.1, 0.2), rigid(friction=0.5), name="log", position=tuple(0.1 * normal), orientation=tuple(lying)
    )
    velocity = run(scene, 1.0).poses()[2][0]
    assert velocity @ downhill == pytest.approx(2 / 3 * G * np.sin(np.radians(20)), rel=3e-3)


def test_can_rolls_down_a_static_board_as_a_circle():
    angle = np.radians(15)
    tilt = (0.0, 0.0, np.sin(-angle / 2), np.cos(angle / 2))
    normal, downhill = np.array([np.sin(angle), np.cos(angle), 0]), np.array([np.cos(angle), -np.sin(angle), 0])
    scene = Scene()
    scene.add(Box((3.0, 0.1, 1.0)), smooth(friction=0.5), orientation=tilt)
    lying = (np.sin(np.pi / 4), 0.0, 0.0, np.cos(np.pi / 4))
    start = tuple(0.15 * normal - 1.2 * downhill)
    scene.add(Cylinder(0.1, 0.2), rigid(friction=0.5), name="can", position=start, orientation=lying)
    velocity = run(scene, 1.0).poses()[2][0]
    assert velocity @ downhill == pytest.approx(2 / 3 * G * np.sin(angle), rel=3e-3)


def test_sliding_ball_goes_over_to_rolling():
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.2))
    scene.add(Sphere(0.1), rigid(friction=0.2), name="ball", position=(0, 0.1, 0), velocity=(2, 0, 0))
    position, _, velocity, _ = run(scene, 1.0).poses()
    assert velocity[0, 0] == pytest.approx(10 / 7, rel=1e-3)
    rolling = 2 * 2 / (7 * 0.2 * G)
    assert position[0, 0] == pytest.approx(12 * 4 / (49 * 0.2 * G) + 10 / 7 * (1 - rolling), rel=5e-3)


def test_sliding_box_stops_where_it_should():
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.3))
    scene.add(Box((0.4, 0.1, 0.4)), rigid(friction=0.3), name="box", position=(0, 0.05, 0), velocity=(2, 0, 0))
    assert run(scene, 1.0).poses()[0][0, 0] == pytest.approx(4 / (2 * 0.3 * G), rel=5e-3)


def test_free_top_flips_and_keeps_energy_and_angular_momentum():
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Box((0.3, 0.2, 0.05)), rigid(), name="racket", angular_velocity=(0.01, 0.0, 0.0))
    inertia = np.diag(scene["racket"].inertia)
    middle = int(np.argsort(inertia)[1])
    assert middle == 1
    scene = Scene(gravity=(0, 0, 0))
    start = np.array([0.01, 5.0, 0.0])
    scene.add(Box((0.3, 0.2, 0.05)), rigid(), name="racket", angular_velocity=tuple(start))
    solver = run(scene, 10.0)
    track = solver.tracks()["racket"]
    from scipy.integrate import solve_ivp
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_quat(track.dense_orientation)
    body = turn.inv().apply(track.dense_angular_velocity)
    momentum = turn.apply(body * inertia)
    assert np.abs(momentum / np.linalg.norm(momentum[0]) - momentum[0] / np.linalg.norm(momentum[0])).max() < 1e-9
    energy = (body**2 * inertia).sum(-1)
    assert np.abs(energy / energy[0] - 1).max() < 1e-6
    euler = lambda t, w: -np.cross(w, inertia * w) / inertia  # noqa: E731
    exact = solve_ivp(euler, (0, 10), start, rtol=1e-11, atol=1e-13, t_eval=np.arange(4801) / 480).y.T
    assert np.abs(body - exact).max() < 5e-3 * 5  # 0.5 % of the spin after several flips


@pytest.mark.parametrize("restitution", [0.3, 0.9])
def test_flat_box_drop_keeps_its_attitude_and_rebounds(restitution):
    scene = Scene()
    scene.add(Plane(), smooth())
    scene.add(Box((0.2, 0.1, 0.2)), rigid(restitution=restitution, friction=0.5), name="box", position=(0, 0.55, 0))
    solver = run(scene, 0.5)
    impacts = solver.contacts()
    assert impacts["approach_speed"][0] == pytest.approx(np.sqrt(2 * G * 0.5), rel=1e-4)
    _, _, velocity, spin = solver.poses()
    since = 0.5 - impacts["time"][0]
    up = restitution * np.sqrt(2 * G * 0.5)
    assert velocity[0, 1] == pytest.approx(up - G * since, abs=5e-3 * up)
    assert np.abs(spin).max() < 1e-3
    assert np.abs(velocity[0, [0, 2]]).max() < 1e-4


def test_stack_of_ten_boxes_stands():
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    for k in range(10):
        scene.add(Box((0.1, 0.1, 0.1)), rigid(friction=0.5, mass=1.0), position=(0, 0.05 + 0.1 * k, 0))
    solver = run(scene, 5.0)
    position = solver.poses()[0]
    sunk = 0.05 + 0.1 * np.arange(10) - position[:, 1]
    assert sunk[-1] < 1e-3 and sunk.min() > -1e-4
    assert np.hypot(position[:, 0], position[:, 2]).max() < 2e-4
    assert solver.report()["deepest_penetration [m]"] < 2e-4


def test_stack_of_light_boxes_carries_a_hundred_times_its_weight():
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    for k in range(10):
        mass = 100.0 if k == 9 else 1.0
        scene.add(Box((0.1, 0.1, 0.1)), rigid(friction=0.5, mass=mass), position=(0, 0.05 + 0.1 * k, 0))
    solver = run(scene, 2.0)
    assert solver.substep == pytest.approx(1 / 3840)
    assert solver.report()["deepest_penetration [m]"] < 2e-4
    assert solver.poses()[0][-1, 1] > 0.95 - 1e-3


@pytest.mark.parametrize(("reach", "stands"), [(0.95, True), (1.05, False)])
def test_leaning_stack_falls_beyond_the_harmonic_overhang(reach, stands):
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    shift = reach * 0.1 * np.cumsum([0, 1 / 3, 1 / 2, 1])
    for k in range(4):
        scene.add(Box((0.2, 0.05, 0.1)), rigid(friction=0.5, mass=1.0), position=(shift[k], 0.025 + 0.05 * k, 0))
    height = run(scene, 2.0).poses()[0][-1, 1]
    assert (height > 0.174) == stands


@pytest.mark.parametrize(("gap", "speed"), [(0.012, 1.29934574), (0.018, 1.21780259)])
def test_domino_wave_runs_at_van_leeuwens_speed(gap, speed):
    """J. M. J. van Leeuwen, Am. J. Phys. 78 (2010) 721: no slip on the table, smooth faces, no restitution."""
    height, thickness = 0.048, 0.0075
    scene = Scene()
    scene.add(Plane(), smooth(friction=1e4))  # geometric means: 1 on the table, 1e-4 between dominoes
    material = rigid(friction=1e-4, density=800)
    for k in range(40):
        start = {} if k else dict(velocity=(14 * height / 2, 14 * thickness / 2, 0), angular_velocity=(0, 0, -14.0))
        place = (k * (gap + thickness), height / 2, 0)
        scene.add(Box((thickness, height, 0.024)), material, name=f"domino{k}", position=place, **start)
    events = run(scene, 0.9).contacts()
    first = [
        events["time"][[{a, b} == {f"domino{k}", f"domino{k + 1}"} for a, b in events[["body_a", "body_b"]]]].min()
        for k in (20, 34)
    ]
    assert 14 * (gap + thickness) / (first[1] - first[0]) == pytest.approx(speed, rel=0.03)


@pytest.mark.parametrize("incoming", [1, 2])
def test_newtons_cradle_with_touching_balls_passes_the_motion_on(incoming):
    scene = Scene(gravity=(0, 0, 0))
    for k in range(5):
        moving = k < incoming
        scene.add(
            Sphere(0.05), rigid(restitution=1.0), position=(0.1 * k - (0.1003 if moving else 0), 0, 0),
            velocity=(1.0 if moving else 0.0, 0, 0),
        )  # fmt: skip
    velocity = run(scene, 0.5).poses()[2][:, 0]
    expected = np.where(np.arange(5) >= 5 - incoming, 1.0, 0.0)
    assert np.abs(velocity - expected).max() < 5e-3


@pytest.mark.parametrize(
    ("m1", "m2", "v1", "v2", "e", "u1", "u2"),
    [(1, 1, 1, 0, 0.5, 0.25, 0.75), (2, 1, 1.5, -0.5, 1, 1 / 6, 13 / 6), (1, 10, 2, 0, 0.8, -14 / 11, 3.6 / 11)],
)
def test_central_collision_follows_newtons_law(m1, m2, v1, v2, e, u1, u2):
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Sphere(0.05), rigid(restitution=e, mass=m1), position=(-0.2, 0, 0), velocity=(v1, 0, 0))
    scene.add(Sphere(0.05), rigid(restitution=e, mass=m2), position=(0.0, 0, 0), velocity=(v2, 0, 0))
    solver = run(scene, 0.4)
    assert solver.poses()[2][:, 0] == pytest.approx([u1, u2], abs=1e-5)
    assert solver.report()["momentum_error [-]"] < 1e-6  # single precision impulses


def test_oblique_billiard_balls_part_at_a_right_angle():
    scene = Scene(gravity=(0, 0, 0))
    offset = 0.1 * np.sqrt(0.5)
    scene.add(Sphere(0.05), rigid(restitution=1.0), position=(-0.3, 0, offset), velocity=(1, 0, 0))
    scene.add(Sphere(0.05), rigid(restitution=1.0), position=(0, 0, 0))
    velocity = run(scene, 0.5).poses()[2]
    # direction of the blow is taken at the start of the substep: off by at most v h / (2 R) = 1e-2
    assert velocity[0] == pytest.approx([0.5, 0, 0.5], abs=5e-3)
    assert velocity[0] @ velocity[1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("speed", [20.0, 100.0, 400.0])
def test_fast_small_ball_does_not_pass_a_thin_plate(speed):
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Box((1.0, 1.0, 0.005)), smooth(), name="plate")
    scene.add(Sphere(0.01), rigid(restitution=0.5), name="ball", position=(0.013, 0.021, 3.0), velocity=(0, 0, -speed))
    solver = run(scene, 0.3)
    velocity = solver.poses()[2][0, 2]
    assert velocity == pytest.approx(0.5 * speed, rel=1e-4)
