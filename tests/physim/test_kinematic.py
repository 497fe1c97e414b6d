"""Bodies that move as they are told, against closed forms of what they carry, throw and hit."""

import numpy as np
import pytest
from rigid_cases import G, rigid, run, smooth

import physim
from physim.joints import BallJoint, HingeJoint
from physim.materials import Kinematic, Static
from physim.motion import Motion
from physim.scene import Scene
from physim.shapes import Box, Cylinder, HeightField, Mesh, Plane, Sphere
from physim.solver_rigid import RigidSolver


def told(motion: Motion | None = None, **values) -> Kinematic:
    return Kinematic(**{"restitution": 0.0, "friction": 0.5, "motion": motion, **values})


def clock(solver: RigidSolver, track) -> np.ndarray:
    return np.arange(len(track.dense_position)) / (solver.fps * solver.samples_per_frame)


@pytest.mark.parametrize(
    ("shape", "fps", "refinement"), [("box", 60, 1), ("plane", 24, 1), ("box", 30, 2), ("box", 30, 0.5)]
)
def test_conveyor_brings_a_box_to_its_speed_with_mu_g(shape, fps, refinement):
    scene, speed, mu = Scene(), 1.5, 0.5
    belt, position = (Plane(), (0, 0, 0)) if shape == "plane" else (Box((20, 0.2, 1)), (0, -0.1, 0))
    scene.add(belt, told(), name="belt", position=position, velocity=(speed, 0, 0))
    scene.add(Box((0.2, 0.1, 0.2)), rigid(friction=mu), name="box", position=(0, 0.05, 0))
    solver = run(scene, 0.6, fps, refinement=refinement)
    track = solver.tracks()["box"]
    time = clock(solver, track)
    np.testing.assert_allclose(track.dense_velocity[:, 0], np.minimum(mu * G * time, speed), atol=0.012)  # mu g h
    sliding = (time > 0.02) & (time < 0.28)
    slope = np.polyfit(time[sliding], track.dense_velocity[sliding, 0], 1)[0]
    assert slope == pytest.approx(mu * G, rel=5e-4)
    assert track.dense_velocity[-1, 0] == pytest.approx(speed, rel=1e-5)
    assert np.abs(track.dense_position[:, 1] - 0.05).max() < 1e-4
    assert "energy_gain [J]" not in solver.report()


@pytest.mark.parametrize(("share", "stays"), [(0.98, True), (1.02, False)])
def test_coin_flies_off_a_turntable_beyond_mu_g(share, stays):
    scene, r, mu = Scene(), 0.4, 0.5
    rate = np.sqrt(share * mu * G / r)
    scene.add(Cylinder(1.0, 0.1), told(), name="table", position=(0, -0.05, 0), angular_velocity=(0, rate, 0))
    scene.add(Cylinder(0.02, 0.004), rigid(friction=mu), name="coin", position=(r, 0.002, 0),
              velocity=(0, 0, -rate * r), angular_velocity=(0, rate, 0))  # fmt: skip
    solver = run(scene, 2.0)
    x = solver.tracks()["coin"].dense_position
    radius = np.hypot(x[:, 0], x[:, 2])
    if stays:
        assert np.abs(radius - r).max() < 1e-3
        angle = np.unwrap(np.arctan2(-x[:, 2], x[:, 0]))[-1]
        assert angle == pytest.approx(2.0 * rate, rel=1e-3)
    else:
        assert radius.max() > r + 0.02


def test_lift_makes_weight_m_times_g_plus_a():
    # a parabola up: pchip of dense keyframes of one; the scale is a spring that carries a pan
    scene, a = Scene(), 2.0
    times = np.linspace(0, 2, 81)
    motion = Motion(tuple(times), tuple((0, 0.5 * a * t * t, 0) for t in times))
    scene.add(Box((1, 0.1, 1)), told(motion), name="floor", position=(0, -0.05, 0))
    scene.add(Box((0.2, 0.2, 0.2)), rigid(mass=3.0), name="load", position=(0, 0.1, 0))
    solver = run(scene, 1.5)
    track = solver.tracks()["load"]
    time = clock(solver, track)
    np.testing.assert_allclose(track.dense_position[:, 1], 0.1 + 0.5 * a * time**2, atol=2e-4)
    late = time > 0.3
    np.testing.assert_allclose(track.dense_velocity[late, 1], a * time[late], atol=5e-3)
    hung = Scene()
    hung.add(Box((1, 0.1, 1)), told(motion), name="roof", position=(0, 1, 0))
    hung.add(Sphere(0.1), rigid(mass=3.0), name="load", position=(0, 0.5, 0))
    hung.add(BallJoint("load", (0, 0.95, 0), other="roof"))
    assert run(hung, 1.5).joint_loads()[0, 1] == pytest.approx(3.0 * (G + a), rel=2e-3)  # the pchip's own curvature


@pytest.mark.parametrize("e", [0.2, 0.5, 1.0])
def test_bat_hits_a_ball_with_the_closed_form_speed(e):
    # a bat of infinite mass: the ball leaves with u + e (u + v)
    scene, rate, v = Scene(gravity=(0, 0, 0)), 20.0, 10.0
    quarter = np.pi / 2 / rate
    scene.add(Box((1.0, 0.1, 0.1)), told(restitution=e), name="bat", position=(0, 0, 0),
              angular_velocity=(0, rate, 0), orientation=(0, np.sin(-np.pi / 4), 0, np.cos(np.pi / 4)))  # fmt: skip
    # the bat's face comes to the plane z = -0.05 after a quarter turn; the ball is met there, 0.4 from the axis
    scene.add(Sphere(0.05), rigid(mass=0.15, restitution=e), name="ball", position=(0.4, 0, -0.1 - v * quarter),
              velocity=(0, 0, v))  # fmt: skip
    solver = run(scene, 0.2, 240)
    got = solver.tracks()["ball"].dense_velocity[-1]
    events = solver.contacts()
    assert len(events) == 1 and {events[0]["body_a"], events[0]["body_b"]} == {"bat", "ball"}
    normal = events[0]["normal"] * (1 if events[0]["body_b"] == "ball" else -1)
    point = events[0]["point"]
    surface = np.cross([0, rate, 0], point)
    before = np.array([0, 0, v])
    expected = before - (1 + e) * ((before - surface) @ normal) * normal
    np.testing.assert_allclose(got, expected, atol=0.02)  # m/s of 20: the bat turns by 1.2 degrees per substep


def test_kinematic_body_is_exactly_where_it_was_told_to_be():
    motion = Motion((0.0, 0.5, 1.0), ((0, 0, 0), (1, 0.5, 0), (0, 0, 0)), ((0, 0, 0), (0, 2, 0), (0, 7, 0)))
    scene = Scene()
    scene.add(Box((0.2, 0.2, 0.2)), told(motion), name="guide", position=(1, 2, 3))
    scene.add(Sphere(0.1), rigid(mass=1.0), name="bob", position=(1, 1, 3))
    scene.add(BallJoint("bob", (1, 2, 3), other="guide"))
    solver = run(scene, 1.0, 24)
    track = solver.tracks()["guide"]
    offset, turn = motion.at(clock(solver, track))
    np.testing.assert_allclose(track.dense_position, np.array([1, 2, 3]) + offset, atol=1e-12)
    angle = 2 * np.arctan2(track.dense_orientation[:, 1], track.dense_orientation[:, 3])
    np.testing.assert_allclose(np.exp(1j * angle), np.exp(1j * turn[:, 1]), atol=1e-9)
    bob = solver.tracks()["bob"]
    hang = bob.dense_position - track.dense_position
    np.testing.assert_allclose(np.linalg.norm(hang, axis=1), 1.0, atol=1e-6)  # the joint follows it
    slow = track.dense_velocity[1:-1] - (track.dense_position[2:] - track.dense_position[:-2]) * 24 * 8 / 2
    assert np.abs(slow).max() < 0.02  # velocities are those of the path


def test_pendulum_on_a_shaken_pivot_meets_its_forced_amplitude():
    # far below resonance and small: x_bob - x_pivot = A w^2 / (w0^2 - w^2) sin(w t) + free swing of the start
    scene, length, amplitude, w = Scene(), 0.5, 0.004, 2.0
    times = np.linspace(0, 6, 601)
    motion = Motion(tuple(times), tuple((amplitude * np.sin(w * t), 0, 0) for t in times))
    scene.add(Box((0.1, 0.1, 0.1)), told(motion), name="pivot")
    scene.add(Sphere(0.01), rigid(mass=1.0), name="bob", position=(0, -length, 0))
    scene.add(HingeJoint("bob", (0, 0, 0), (0, 0, 1), other="pivot"))
    solver = run(scene, 5)
    track = solver.tracks()["bob"]
    time = clock(solver, track)
    effective = length * (1 + 0.4 * 0.01**2 / length**2)
    w0 = np.sqrt(G / effective)
    # starts at rest while the pivot moves with A w
    forced = amplitude * w0**2 / (w0**2 - w**2)
    truth = forced * np.sin(w * time) - forced * w / w0 * np.sin(w0 * time)
    np.testing.assert_allclose(track.dense_position[:, 0], truth, atol=2e-3 * forced)


def test_spinning_plane_carries_what_lies_on_it():
    scene = Scene()
    scene.add(Plane(), told(friction=1.0), name="disc", position=(0.5, 0, 0), angular_velocity=(0, 1.0, 0))
    scene.add(Box((0.1, 0.1, 0.1)), rigid(friction=1.0), name="box", position=(0.8, 0.05, 0), velocity=(0, 0, -0.3),
              angular_velocity=(0, 1, 0))  # fmt: skip
    x = run(scene, 1.0).poses()[0][0]
    np.testing.assert_allclose(x, [0.5 + 0.3 * np.cos(1), 0.05, -0.3 * np.sin(1)], atol=2e-3)


def test_paddle_of_a_mesh_pushes_a_ball_along():
    scene = Scene()
    scene.add(Plane(), smooth())
    paddle = Mesh(Box((0.1, 0.5, 1.0)).triangles)
    scene.add(paddle, told(friction=0.0), name="paddle", position=(-0.2, 0.25, 0), velocity=(1, 0, 0))
    scene.add(Sphere(0.1), rigid(), name="ball", position=(0, 0.1, 0))
    x = run(scene, 1.0).poses()[0][0]
    assert x[0] == pytest.approx(-0.2 + 1.0 + 0.05 + 0.1, abs=1e-3)


def test_height_field_that_moves_is_refused():
    scene = Scene()
    scene.add(HeightField(np.zeros((4, 4), np.float32), (0.0, 0.0), 1.0), told(), name="hills", velocity=(1, 0, 0))
    scene.add(Sphere(0.1), rigid(), name="ball", position=(1, 1, 1))
    with pytest.raises(ValueError, match="'hills': a height field cannot move"):
        RigidSolver(scene, fps=24, device="cpu")


def test_kinematic_bodies_are_in_the_trajectory_even_alone():
    scene = Scene()
    scene.add(Box((1, 1, 1)), told(), name="cart", velocity=(2, 0, 0))
    scene.add(Plane(), Static())
    trajectory = physim.simulate(scene, seconds=0.5, fps=24)
    assert trajectory["cart"].position[-1, 0] == pytest.approx(2 * 11 / 24)
    assert len(trajectory["cart"].dense_position) == 12 * 8 + 1
