"""Joints, springs and strings against closed forms. What bounds a tolerance is said beside it."""

import itertools

import numpy as np
import pytest
from rigid_cases import G, rigid, run, smooth
from scipy.integrate import solve_ivp
from scipy.special import ellipk

from physim.joints import BallJoint, DistanceJoint, FixedJoint, HingeJoint, Spring, String
from physim.materials import Static
from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Plane, Sphere
from physim.solver_rigid import RigidSolver

BALL = 0.05


def energy(solver: RigidSolver) -> np.ndarray:
    return solver._energies()


def clock(solver: RigidSolver, samples: int) -> np.ndarray:
    return np.arange(samples) / (solver.fps * solver.samples_per_frame)


def crossings(time: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Times at which ``value`` falls through zero, linear between samples."""
    k = np.nonzero((value[:-1] > 0) & (value[1:] <= 0))[0]
    return time[k] + value[k] / (value[k] - value[k + 1]) * (time[1] - time[0])


def bob(scene: Scene, at, **values) -> None:
    scene.add(Sphere(BALL), rigid(mass=1.0), name="bob", position=at, **values)


# ---- pendulums and tops ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "refinement", "fps"), [(10, 1, 60), (45, 0.5, 24), (90, 2, 30), (90, 1, 60)])
def test_pendulum_has_the_period_of_the_elliptic_integral(degrees, refinement, fps):
    scene, angle = Scene(), np.radians(degrees)
    bob(scene, (np.sin(angle), -np.cos(angle), 0))
    scene.add(BallJoint("bob", (0, 0, 0)))
    solver = run(scene, 10, fps, refinement=refinement)
    x = solver.tracks()["bob"].dense_position
    beats = crossings(clock(solver, len(x)), x[:, 0])
    period = (beats[-1] - beats[0]) / (len(beats) - 1)
    truth = 4 * np.sqrt((1 + 0.4 * BALL**2) / G) * ellipk(np.sin(angle / 2) ** 2)
    assert period == pytest.approx(truth, rel=5e-5)  # second order: (h w)^2 / 24 is 2e-6 at 480 Hz, the rest sampling
    swing = G * (1 - np.cos(angle))
    assert np.abs(energy(solver) - energy(solver)[0]).max() < 2e-4 * swing
    assert solver.report()["joint_error [m]"] < 1e-8


def double_pendulum(refinement: float, fps: float):
    """Two point masses, from the horizontal and the vertical; the truth from Lagrange's equations."""
    scene = Scene()
    scene.add(Sphere(1e-3), rigid(mass=1.0), name="a", position=(1, 0, 0))
    scene.add(Sphere(1e-3), rigid(mass=1.0), name="b", position=(1, -1, 0))
    scene.add(DistanceJoint("a", (1, 0, 0), (0, 0, 0)))
    scene.add(DistanceJoint("b", (1, -1, 0), (1, 0, 0), other="a"))
    solver = run(scene, 2.0, fps, refinement=refinement)
    a, b = (solver.tracks()[n].dense_position for n in "ab")
    got = np.stack([np.arctan2(p[:, 0], -p[:, 1]) for p in (a, b - a)])

    def rate(_, y):
        (p, q, u, w), d = y, y[0] - y[1]
        m = np.array([[2, np.cos(d)], [np.cos(d), 1]])
        f = [-(w**2) * np.sin(d) - 2 * G * np.sin(p), u**2 * np.sin(d) - G * np.sin(q)]
        return [u, w, *np.linalg.solve(m, f)]

    time = clock(solver, len(a))
    truth = solve_ivp(rate, (0, 2), [np.pi / 2, 0, 0, 0], t_eval=time, rtol=1e-11, atol=1e-12, method="DOP853").y[:2]
    wrapped = (got - truth + np.pi) % (2 * np.pi) - np.pi
    return np.abs(wrapped).max(), np.abs(energy(solver) - energy(solver)[0]).max() / G


def test_double_pendulum_is_second_order_in_the_substep():
    coarse, fine = double_pendulum(0.5, 60), double_pendulum(1, 60)
    assert fine[0] < 1e-4 and fine[1] < 1e-4  # rad; of m g l
    assert 3 < coarse[0] / fine[0] < 5 and 3 < coarse[1] / fine[1] < 5


@pytest.mark.parametrize("fps", [24, 30])
def test_double_pendulum_does_not_depend_on_the_frame_rate(fps):
    angle, drift = double_pendulum(1, fps)
    assert angle < 1e-4 and drift < 1e-4


def test_heavy_top_precesses_steadily():
    m, l, i1, i3, spin, tilt = 0.5, 0.1, 0.006, 0.001, 300.0, np.radians(30)  # i1 about the pivot
    roots = np.roots([i1 * np.cos(tilt), -i3 * spin, m * G * l])
    precession = roots.min()  # Goldstein, ch. 5: the slow root
    radius = np.sqrt(2 * i3 / m)
    height = np.sqrt(12 * (i1 - m * l * l) / m - 3 * radius**2)
    axis, up = np.array([np.sin(tilt), np.cos(tilt), 0]), np.array([0, precession, 0])
    scene = Scene()
    scene.add(
        Cylinder(radius, height), rigid(mass=m), name="top", position=tuple(l * axis),
        orientation=(0, 0, -np.sin(tilt / 2), np.cos(tilt / 2)), velocity=tuple(np.cross(up, l * axis)),
        angular_velocity=tuple((spin - precession * np.cos(tilt)) * axis + up),
    )  # fmt: skip
    scene.add(BallJoint("top", (0, 0, 0)))
    solver = run(scene, 4)
    x = solver.tracks()["top"].dense_position / l
    turned = np.unwrap(np.arctan2(-x[:, 2], x[:, 0]))
    rate = np.polyfit(clock(solver, len(x)), turned, 1)[0]
    assert rate == pytest.approx(precession, rel=1e-5)
    assert np.ptp(np.degrees(np.arccos(x[:, 1]))) < 1e-3
    assert np.ptp(energy(solver)) < 1e-6 * energy(solver)[0]


# ---- chains, hinges, fixed joints ------------------------------------------------------------------------------------


def chain(links: int, last_mass: float = 1.0) -> Scene:
    scene = Scene()
    for i in range(links):
        mass = last_mass if i == links - 1 else 1.0
        scene.add(Capsule(0.01, 0.06), rigid(mass=mass), name=f"l{i}", position=(0, -0.05 - 0.1 * i, 0))
        scene.add(BallJoint(f"l{i}", (0, -0.1 * i, 0), other=f"l{i - 1}" if i else None))
    return scene


@pytest.mark.parametrize("last_mass", [1.0, 1e4])
def test_hanging_chain_of_twenty_links_carries_what_is_below(last_mass):
    solver = run(chain(20, last_mass), 0.5)
    below = np.array([19 - i + last_mass for i in range(20)]) * G
    # a direct solution: no mass ratio hurts; 1/m is kept in single precision
    np.testing.assert_allclose(solver.joint_loads()[:, 1], below, rtol=1e-7)
    assert np.abs(solver.joint_loads()[:, [0, 2]]).max() < 1e-8 * below[0]
    assert np.abs(solver.poses()[2]).max() < 1e-6  # m/s, at rest
    assert solver.report()["joint_error [m]"] < 1e-10


def whip(refinement: float) -> float:
    """Four links let go from the level; how far the energy strays, of what the fall gives."""
    scene = Scene()
    for i in range(4):
        scene.add(Capsule(0.01, 0.08), rigid(mass=0.2), name=f"l{i}", position=(0.05 + 0.1 * i, 0, 0),
                  orientation=(0, 0, np.sqrt(0.5), np.sqrt(0.5)))  # fmt: skip
        scene.add(BallJoint(f"l{i}", (0.1 * i, 0, 0), other=f"l{i - 1}" if i else None))
        for other in range(i - 1):  # only what touches would change the energy
            scene.add(String(f"l{i}", (0.1 * i, 0, 0), (0.1 * other, 0, 0), other=f"l{other}", length=2, collide=False))
    solver = run(scene, 1, refinement=refinement)
    assert solver.report()["joint_error [m]"] < 1e-7
    return np.abs(energy(solver) - energy(solver)[0]).max() / (4 * 0.2 * G * 0.2)


def test_energy_of_a_swinging_chain_is_second_order():
    coarse, fine = whip(2), whip(4)
    assert coarse < 1e-3  # the last link turns at 50 rad/s
    assert 3 < coarse / fine < 5


def test_chain_that_turns_far_within_a_substep_is_cut_finer_by_itself():
    assert whip(1) < 1e-3  # without, it would be four times that of twice the substeps
    assert whip(0.25) < 2e-3  # 0.2 rad per substep: sixty times as much


def test_what_a_joint_forbids_of_the_motion_at_the_start_is_lost():
    lever, spin = 0.85, 42.0
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Sphere(0.009), rigid(mass=0.01), name="ball", angular_velocity=(0, spin, 0))
    scene.add(BallJoint("ball", (lever, 0, 0)))
    solver = run(scene, 0.2)
    inertia = 0.4 * 0.01 * 0.009**2
    # the angular momentum about the joint stays
    left = inertia * spin / (inertia + 0.01 * lever**2)
    assert solver.tracks()["ball"].dense_angular_velocity[1:, 1] == pytest.approx(left, rel=1e-5)
    assert np.linalg.norm(solver.tracks()["ball"].dense_velocity[-1]) == pytest.approx(left * lever, rel=1e-5)


def test_toggle_that_snaps_straight_throws_the_weight_back_with_all_its_energy():
    """Ten grams between a string to the ceiling and a rod to ten kilograms, which fall past the reach of both."""
    scene = Scene()
    scene.add(Sphere(0.01), rigid(mass=0.01), name="light", position=(0.1, -0.1, 0.02))
    scene.add(Sphere(0.05), rigid(mass=10.0), name="heavy", position=(0, -0.2, 0))
    scene.add(String("light", (0.1, -0.1, 0.02), (0, 0, 0), length=0.3))
    scene.add(DistanceJoint("heavy", (0, -0.2, 0), (0.1, -0.1, 0.02), "light"))
    solver = run(scene, 1.0)
    y = solver.tracks()["heavy"].dense_position[:, 1]
    fall = 10.0 * G * (y[0] - y.min())
    # at its lowest the light one whips across at 70 m/s: within a few steps of the substep it has all the energy
    assert solver.report()["energy_gain [J]"] < 5e-4 * fall
    assert y[np.argmin(y) :].max() - y.min() > 0.9 * (y[0] - y.min())


@pytest.mark.parametrize("friction", [0.0, 0.8])
def test_linkage_thrown_at_the_ground_gains_no_energy(friction):
    scene = Scene()
    scene.add(Plane(), Static(friction=friction, restitution=0.8), name="ground")
    for i in range(3):
        scene.add(
            Box((0.2, 0.03, 0.05)), rigid(mass=0.2 + i, friction=friction, restitution=0.8), name=f"l{i}",
            position=(0.25 * i, 1.0, 0), velocity=(2, -8, 1),
        )  # fmt: skip
    scene.add(HingeJoint("l1", (0.125, 1, 0), (0, 0.6, 0.8), other="l0"))
    scene.add(BallJoint("l2", (0.375, 1, 0), other="l1"))
    solver = run(scene, 2.5)
    assert len(solver.contacts()) > 5
    # a link that spins at 400 rad/s turns by 0.4 rad while a contact pushes it out
    assert solver.report()["energy_gain [J]"] < 1e-3 * solver.report()["energy_start [J]"]


def test_hinge_is_a_physical_pendulum_about_its_axis():
    scene, w, tilt = Scene(), 0.4, np.radians(5)
    axis = np.array([np.sin(0.3), 0.0, np.cos(0.3)])  # level
    across = np.cross([0, 1, 0], axis)
    position = 0.5 * w * (np.sin(tilt) * across - np.cos(tilt) * np.array([0, 1, 0]))
    scene.add(Box((w, w, w)), rigid(mass=2.0), name="door", position=tuple(position))
    scene.add(HingeJoint("door", (0, 0, 0), tuple(axis)))
    solver = run(scene, 6)
    x = solver.tracks()["door"].dense_position
    beats = crossings(clock(solver, len(x)), x @ across)
    period = (beats[-1] - beats[0]) / (len(beats) - 1)
    inertia = w * w / 6 + w * w / 4  # per mass, about the axis
    truth = 4 * np.sqrt(inertia / (G * 0.5 * w)) * ellipk(np.sin(tilt / 2) ** 2)
    assert period == pytest.approx(truth, rel=1e-4)
    assert np.abs(x @ axis).max() < 1e-9  # stays in its plane
    spin = solver.tracks()["door"].dense_angular_velocity
    assert np.abs(np.cross(spin, axis)).max() < 1e-8


def door(**hinge):
    """A door 0.8 m wide about the vertical; its centre turns in the x-z plane."""
    scene = Scene()
    scene.add(Box((0.8, 2.0, 0.04)), rigid(mass=20.0), name="door", position=(0.4, 1, 0), angular_velocity=(0, 2.0, 0),
              velocity=(0, 0, -0.8))  # fmt: skip
    scene.add(HingeJoint("door", (0, 0, 0), (0, 1, 0), **hinge))
    return scene


def angle_of(solver: RigidSolver, name: str = "door") -> np.ndarray:
    x = solver.tracks()[name].dense_position
    return np.unwrap(np.arctan2(-x[:, 2], x[:, 0]))


def test_hinge_stops_at_its_limit_and_stays_on_the_way_back():
    solver = run(door(limits=(-0.2, 0.5)), 1.0)
    angle = angle_of(solver)
    assert angle.max() == pytest.approx(0.5, abs=1e-9)
    assert angle[-1] == pytest.approx(0.5, abs=1e-9)  # the stop is inelastic
    assert np.abs(solver.poses()[3]).max() < 1e-9


def test_hinge_turns_past_full_turns_until_its_limit():
    solver = run(door(limits=(0.0, 8.0)), 5.0)
    assert angle_of(solver)[-1] == pytest.approx(8.0, abs=1e-9)


def test_dry_friction_stops_a_hinge_where_its_work_is_the_energy():
    torque, spin = 5.0, 2.0
    inertia = 20.0 * ((0.8**2 + 0.04**2) / 12 + 0.4**2)
    solver = run(door(friction=torque), 3.0)
    angle = angle_of(solver)
    stop = 0.5 * inertia * spin**2 / torque
    assert angle[-1] == pytest.approx(stop, rel=2e-4)  # the last substep is not split: w h / 2
    assert np.ptp(angle[-60:]) < 1e-9  # and holds
    when = np.argmax(angle > angle[-1] - 1e-7) / (solver.fps * solver.samples_per_frame)
    assert when == pytest.approx(inertia * spin / torque, abs=0.01)


def test_dry_friction_holds_a_bar_up_to_its_torque():
    for share, holds in ((0.99, False), (1.01, True)):
        scene = Scene()
        scene.add(Box((0.5, 0.05, 0.05)), rigid(mass=1.0), name="bar", position=(0.25, 0, 0))
        scene.add(HingeJoint("bar", (0, 0, 0), (0, 0, 1), friction=share * G * 0.25))
        fallen = -run(scene, 0.5).poses()[0][0, 1]
        assert (fallen < 1e-9) if holds else (fallen > 1e-4)


def test_four_bar_linkage_of_hinges_keeps_its_lengths():
    # planar, so three of its 20 hinge rows say what others say already
    scene = Scene()
    posts = [(0, 0, 0), (0, 0.5, 0), (1, 0.5, 0), (1, 0, 0)]
    for i, (p, q) in enumerate(itertools.pairwise(posts)):
        p, q = np.array(p, dtype=float), np.array(q, dtype=float)
        size = np.abs(q - p) + 0.02
        spin = (0, 0, -3.0) if i != 1 else (0, 0, 0)
        velocity = (1.5, 0, 0) if i == 1 else (0.75, 0, 0)
        scene.add(Box(tuple(size)), rigid(mass=1.0), name=f"bar{i}", position=tuple((p + q) / 2), velocity=velocity,
                  angular_velocity=spin)  # fmt: skip
    scene.add(HingeJoint("bar0", posts[0], (0, 0, 1)))
    scene.add(HingeJoint("bar1", posts[1], (0, 0, 1), other="bar0"))
    scene.add(HingeJoint("bar2", posts[2], (0, 0, 1), other="bar1"))
    scene.add(HingeJoint("bar2", posts[3], (0, 0, 1)))
    solver = run(scene, 3)
    assert solver.report()["joint_error [m]"] < 1e-8
    assert np.ptp(energy(solver)) < 1e-4 * (energy(solver)[0] + 10)
    assert np.abs(solver.tracks()["bar1"].dense_position[:, 2]).max() < 1e-9
    middle = solver.tracks()["bar1"].dense_orientation
    assert np.abs(middle[:, :3]).max() < 1e-7  # a parallelogram: the coupler does not turn


def test_fixed_joint_makes_two_half_boxes_one():
    states = []
    for halves in (False, True):
        scene = Scene()
        spin, velocity = np.array([1.0, 7.0, 3.0]), np.array([1.0, 4.0, 0.5])
        if halves:
            for sign, name in ((-1, "left"), (1, "right")):
                arm = np.array([sign * 0.1, 0, 0])
                scene.add(Box((0.2, 0.1, 0.3)), rigid(density=500), name=name, position=tuple(arm),
                          velocity=tuple(velocity + np.cross(spin, arm)), angular_velocity=tuple(spin))  # fmt: skip
            scene.add(FixedJoint("left", other="right"))
        else:
            scene.add(Box((0.4, 0.1, 0.3)), rigid(density=500), name="one", velocity=tuple(velocity),
                      angular_velocity=tuple(spin))  # fmt: skip
        solver = run(scene, 1.0)
        x, q, _, w = solver.poses()
        states.append((x.mean(0), q[0] * np.sign(q[0] @ solver.poses()[1][0]), w[0]))
    (x1, q1, w1), (x2, q2, w2) = states
    np.testing.assert_allclose(x2, x1, atol=1e-6)
    assert 1 - abs(q1 @ q2) < 1e-7  # two integrators of second order, 7 rad of turning
    np.testing.assert_allclose(w2, w1, atol=2e-3)


def test_free_linkage_conserves_momentum_and_angular_momentum():
    scene = Scene(gravity=(0, 0, 0))
    rng = np.random.default_rng(3)
    for i in range(4):
        scene.add(Box((0.2, 0.1, 0.15)), rigid(density=300 * (i + 1)), name=f"b{i}", position=(0.25 * i, 0, 0),
                  velocity=tuple(rng.normal(0, 2, 3)), angular_velocity=tuple(rng.normal(0, 4, 3)))  # fmt: skip
    scene.add(BallJoint("b0", (0.125, 0, 0), other="b1"))
    scene.add(HingeJoint("b1", (0.375, 0, 0), (0.3, 1, 0), other="b2", friction=0.1, limits=(-1, 1)))
    scene.add(Spring("b2", (0.55, 0.05, 0), (0.7, 0.05, 0), 800.0, damping=2.0, other="b3", collide=False))
    scene.add(String("b0", (0, 0.05, 0), (0.75, 0.05, 0), other="b3", length=0.9, collide=False))
    for pair in (("b0", "b2"), ("b1", "b3")):  # impacts would turn about where bodies are at the substep's start
        scene.add(String(pair[0], (0, 0, 0), (0.5, 0, 0), other=pair[1], length=5, collide=False))
    solver = run(scene, 5)
    assert solver.report()["momentum_error [-]"] < 1e-6  # 1/m is kept in single precision
    mass = np.array([e.mass for e in scene.bodies])
    spin = []
    for x, _, v, momentum in solver._history:
        spin.append((np.cross(x, mass[:, None] * v) + momentum).sum(1))
    spin = np.concatenate(spin)
    assert np.abs(spin[1:] - spin[1]).max() < 1e-5 * np.linalg.norm(spin[1])
    assert solver.report()["energy_gain [J]"] < 1e-3 * energy(solver)[0]


# ---- springs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stiffness", "refinement", "fps"), [(40, 1, 60), (40, 0.5, 24), (4000, 1, 60), (4000, 2, 30)])
def test_mass_on_a_spring_has_its_period(stiffness, refinement, fps):
    scene = Scene()
    bob(scene, (0, -1, 0))
    scene.add(Spring("bob", (0, -1, 0), (0, 0, 0), stiffness, length=0.95))
    solver = run(scene, 4, fps, refinement=refinement, samples_per_frame=32)
    y = solver.tracks()["bob"].dense_position[:, 1] + 0.95 + G / stiffness
    beats = crossings(clock(solver, len(y)), y)
    period = (beats[-1] - beats[0]) / (len(beats) - 1)
    assert period == pytest.approx(2 * np.pi * np.sqrt(1 / stiffness), rel=1e-4)
    assert np.ptp(energy(solver)) < 1e-3 * (0.5 * stiffness * 0.05**2 + 0.5 * G**2 / stiffness)


@pytest.mark.parametrize("damping", [1.0, 8.0, 2 * np.sqrt(200.0), 100.0])
def test_damped_spring_follows_its_closed_form(damping):
    scene = Scene(gravity=(0, 0, 0))
    bob(scene, (1.2, 0, 0))
    scene.add(Spring("bob", (1.2, 0, 0), (0, 0, 0), 200.0, damping=damping, length=1.0))
    solver = run(scene, 1.0)
    x = solver.tracks()["bob"].dense_position[:, 0] - 1
    time = clock(solver, len(x))
    root = np.sqrt(complex(damping**2 / 4 - 200.0)) + 1e-9
    a, b = -damping / 2 + root, -damping / 2 - root
    truth = 0.2 * (a * np.exp(b * time) - b * np.exp(a * time)).real / (a - b).real if root.real > 1e-6 else (
        0.2 * ((a * np.exp(b * time) - b * np.exp(a * time)) / (a - b)).real
    )  # fmt: skip
    np.testing.assert_allclose(x, truth, atol=1e-4 * 0.2)


@pytest.mark.parametrize(("stiffness", "damping"), [(1e9, 0.0), (1e9, 1e6), (10.0, 1e9)])
def test_springs_of_any_stiffness_are_stable(stiffness, damping):
    scene = Scene()
    bob(scene, (1, 0, 0))
    scene.add(Spring("bob", (1, 0, 0), (0, 0, 0), stiffness, damping=damping))
    solver = run(scene, 2)
    x = solver.tracks()["bob"].dense_position
    if stiffness > 1e6:  # a rod; its own energy is not judged: g h^2 of stretch are joules
        assert np.abs(np.linalg.norm(x, axis=1) - 1).max() < 1e-4
    speed = np.linalg.norm(solver.tracks()["bob"].dense_velocity, axis=1)
    assert (0.5 * speed**2 + G * x[:, 1]).max() < 1e-2 * G


def test_spring_without_length_swings_on_an_ellipse():
    scene = Scene(gravity=(0, 0, 0))
    bob(scene, (0.3, 0, 0), velocity=(0, 1.0, 0.2))
    scene.add(Spring("bob", (0.3, 0, 0), (0, 0, 0), 25.0, length=0.0))
    solver = run(scene, 2)
    x = solver.tracks()["bob"].dense_position
    phase = 5.0 * clock(solver, len(x))[:, None]
    truth = np.array([0.3, 0, 0]) * np.cos(phase) + np.array([0, 0.2, 0.04]) * np.sin(phase)
    np.testing.assert_allclose(x, truth, atol=1e-4)


def test_two_masses_on_a_spring_swing_about_their_centre():
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Sphere(0.05), rigid(mass=1.0), name="a", position=(0, 0, 0), velocity=(1, 0, 0))
    scene.add(Sphere(0.05), rigid(mass=3.0), name="b", position=(1.1, 0, 0))
    scene.add(Spring("a", (0, 0, 0), (1.1, 0, 0), 300.0, other="b", length=1.0))
    solver = run(scene, 3, samples_per_frame=16)
    a, b = (solver.tracks()[n].dense_position[:, 0] for n in "ab")
    time = clock(solver, len(a))
    np.testing.assert_allclose(a + 3 * b - 3.3, time, atol=1e-6)  # momentum 1 kg m/s
    stretch = b - a - 1
    w = np.sqrt(300.0 / 0.75)
    truth = 0.1 * np.cos(w * time) - np.sin(w * time) / w
    np.testing.assert_allclose(stretch, truth, atol=2e-4 * 0.11 * w)
    assert solver.report()["momentum_error [-]"] < 1e-6


# ---- strings ---------------------------------------------------------------------------------------------------------


def test_string_is_slack_until_it_is_taut_and_then_stops_the_fall():
    scene = Scene()
    bob(scene, (0.3, 0, 0))
    scene.add(String("bob", (0.3, 0, 0), (0, 0, 0), length=0.5))
    solver = run(scene, 1.0, samples_per_frame=16)
    x, v = solver.tracks()["bob"].dense_position, solver.tracks()["bob"].dense_velocity
    time = clock(solver, len(x))
    taut = np.sqrt(2 * 0.4 / G)  # falls from 0 to -0.4
    free = time < taut - 1e-3
    np.testing.assert_allclose(x[free, 1], -0.5 * G * time[free] ** 2, atol=1e-6)
    after = np.argmax(time > taut + 2.1e-3)
    left = 0.5 * (2 * G * 0.4) * 0.6**2 - G * 0.4  # the part across the string, and the height
    assert 0.5 * (v[after] @ v[after]) + G * x[after, 1] == pytest.approx(left, abs=0.01)  # first order in the substep
    assert np.linalg.norm(x, axis=1).max() < 0.5 + 1e-9
    assert solver.report()["energy_gain [J]"] < 1e-4 * G


def test_loop_on_a_string_goes_slack_where_the_tension_is_gone():
    # thrown at the lowest point with v0^2 = 3 g l, the string goes slack at cos(angle from the top) = 1/3
    scene = Scene()
    bob(scene, (0, -1, 0), velocity=(np.sqrt(3 * G), 0, 0))
    scene.add(String("bob", (0, -1, 0), (0, 0, 0)))
    solver = run(scene, 1.2, samples_per_frame=16)
    x, v = solver.tracks()["bob"].dense_position, solver.tracks()["bob"].dense_velocity
    away = np.argmax(np.linalg.norm(x, axis=1) < 1 - 1e-5)
    assert x[away, 1] == pytest.approx(1 / 3, abs=0.03)  # it leaves the circle with the third power of time
    still_slack = slice(away, away + 100)
    fall = np.diff(v[still_slack, 1]) * solver.fps * solver.samples_per_frame
    np.testing.assert_allclose(fall, -G, rtol=1e-5)


def test_two_weights_over_strings_hang_alike():
    # an Atwood machine of a beam: equal weights on strings at its ends balance, whatever joint came first
    scene = Scene()
    scene.add(Box((1, 0.05, 0.05)), rigid(mass=1.0), name="beam")
    scene.add(HingeJoint("beam", (0, 0, 0), (0, 0, 1)))
    for sign, name in ((-1, "left"), (1, "right")):
        end = (0.5 * sign, 0, 0)
        scene.add(Sphere(0.05), rigid(mass=2.0), name=name, position=(0.5 * sign, -0.7, 0))
        scene.add(String(name, (0.5 * sign, -0.65, 0), end, other="beam"))
    solver = run(scene, 1)
    assert np.abs(solver.poses()[2]).max() < 1e-9
    np.testing.assert_allclose(solver.joint_loads()[1:, 1], 2 * G, rtol=1e-9)


def test_mismatched_rod_is_refused_with_both_numbers():
    scene = Scene()
    bob(scene, (0, -1, 0))
    scene.add(DistanceJoint("bob", (0, -1, 0), (0, 0, 0), length=0.7))
    with pytest.raises(ValueError, match=r"'bob': its ends are 1 m apart and its length is 0.7 m"):
        RigidSolver(scene, fps=24, device="cpu")


# ---- with contacts ---------------------------------------------------------------------------------------------------


def test_tied_bodies_pass_through_each_other_unless_asked_to_collide():
    for collide in (False, True):
        scene = Scene(gravity=(0, 0, 0))
        scene.add(Sphere(0.1), rigid(mass=1.0), name="a")
        scene.add(Sphere(0.1), rigid(mass=1.0), name="b", position=(0.5, 0, 0), velocity=(-1, 0, 0))
        scene.add(String("b", (0.5, 0, 0), (0, 0, 0), other="a", length=2.0, collide=collide))
        speed = run(scene, 0.6).poses()[2][:, 0]
        np.testing.assert_allclose(speed, [-0.5, -0.5] if collide else [0, -1], atol=1e-5)


def test_chain_lying_on_the_ground_comes_to_rest():
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    for i in range(6):
        scene.add(Capsule(0.02, 0.06), rigid(mass=0.1, friction=0.5), name=f"l{i}", position=(0.05 + 0.1 * i, 0.15, 0),
                  orientation=(0, 0, np.sqrt(0.5), np.sqrt(0.5)))  # fmt: skip
        if i:
            scene.add(BallJoint(f"l{i}", (0.1 * i, 0.15, 0), other=f"l{i - 1}"))
    solver = run(scene, 1.5)
    x, _, v, _ = solver.poses()
    np.testing.assert_allclose(x[:, 1], 0.02, atol=2e-5)
    assert np.abs(v).max() < 1e-3
    assert solver.report()["joint_error [m]"] < 1e-6


def test_table_of_fixed_joints_carries_a_load_through_its_legs():
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    scene.add(Box((1, 0.05, 1)), rigid(mass=5.0, friction=0.5), name="top", position=(0, 0.525, 0))
    for i, (sx, sz) in enumerate(itertools.product((-0.4, 0.4), repeat=2)):
        scene.add(Box((0.05, 0.5, 0.05)), rigid(mass=0.5, friction=0.5), name=f"leg{i}", position=(sx, 0.25, sz))
        scene.add(FixedJoint(f"leg{i}", other="top"))
    scene.add(Box((0.3, 0.3, 0.3)), rigid(mass=50.0, friction=0.5), name="load", position=(0, 0.7, 0))
    solver = run(scene, 1.5)
    x, _, v, _ = solver.poses()
    assert x[-1, 1] == pytest.approx(0.7, abs=1e-4)
    assert np.abs(v).max() < 1e-4  # half a kilogram per leg carries 28 times as much
    assert solver.report()["joint_error [m]"] < 1e-6


@pytest.mark.parametrize("e", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("arm", [0.1, 0.4, 0.75])
def test_ball_that_hits_a_door_meets_its_inertia_about_the_hinge(arm, e):
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Box((0.8, 2.0, 0.04)), rigid(mass=20.0, restitution=e), name="door", position=(0.4, 1, 0))
    scene.add(HingeJoint("door", (0, 0, 0), (0, 1, 0)))
    scene.add(Sphere(0.05), rigid(mass=1.0, restitution=e), name="ball", position=(arm, 1, 0.5), velocity=(0, 0, -5))
    solver = run(scene, 0.3)
    inertia = 20 * ((0.8**2 + 0.04**2) / 12 + 0.4**2)
    blow = (1 + e) * 5 / (1 + arm**2 / inertia)
    assert solver.tracks()["ball"].dense_velocity[-1, 2] == pytest.approx(-5 + blow, abs=0.01)
    assert solver.tracks()["door"].dense_angular_velocity[-1, 1] == pytest.approx(blow * arm / inertia, rel=2e-3)
    assert solver.contacts()["impulse"].sum() == pytest.approx(blow, rel=5e-3)


def test_cradle_on_strings_passes_one_ball_on():
    scene, r, length = Scene(), 0.05, 1.0
    for i in range(5):
        tilt = np.radians(30) if i == 0 else 0
        place = (2 * r * i - length * np.sin(tilt), -length * np.cos(tilt), 0)
        scene.add(Sphere(r), rigid(mass=0.5, restitution=1.0), name=f"b{i}", position=place)
        scene.add(String(f"b{i}", place, (2 * r * i, 0, 0)))
    speeds = [t.dense_velocity for t in run(scene, 0.6).tracks().values()]
    fall = np.sqrt(2 * G * length * (1 - np.cos(np.radians(30))))
    assert speeds[4][:, 0].max() == pytest.approx(fall, rel=2e-3)
    assert max(np.abs(v[-1]).max() for v in speeds[:4]) < 1e-3


def test_bodies_that_fold_onto_each_other_gain_no_energy_to_speak_of():
    scene = Scene()
    for i in range(8):
        scene.add(Capsule(0.01, 0.08), rigid(mass=0.2), name=f"l{i}", position=(0.05 + 0.1 * i, 0, 0),
                  orientation=(0, 0, np.sqrt(0.5), np.sqrt(0.5)))  # fmt: skip
        scene.add(BallJoint(f"l{i}", (0.1 * i, 0, 0), other=f"l{i - 1}" if i else None))
    solver = run(scene, 2)
    fall = 8 * 0.2 * G * 0.4
    # a blow through a joint reaches the contact's next warm start: what it gives back too much
    assert solver.report()["energy_gain [J]"] < 1e-2 * fall
    assert energy(solver)[-1] < -0.05 * fall


def test_run_with_joints_repeats_bit_for_bit():
    first, second = (run(chain(5), 0.5).tracks() for _ in range(2))
    for name in first:
        assert np.array_equal(first[name].dense_position, second[name].dense_position)
