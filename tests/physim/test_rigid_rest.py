"""Sleep: what lies still costs nothing, what moves however slowly is not stopped, and waking changes no law."""

import numpy as np
import pytest
from rigid_cases import G, rigid, run, smooth

from physim.forces import Impulse, Wind
from physim.joints import BallJoint
from physim.materials import Rigid
from physim.scene import Scene
from physim.shapes import Box, Plane, Sphere
from physim.solver_rigid import RigidSolver


class Rising(Wind):
    """Wind that begins after 1.5 seconds."""

    def velocity_at(self, time: float) -> np.ndarray:
        return super().velocity_at(time) * (time > 1.5)


def floor(friction: float = 0.5) -> Scene:
    scene = Scene()
    scene.add(Plane(), smooth(friction=friction))
    return scene


def asleep(solver: RigidSolver) -> np.ndarray:
    return solver._bodies.asleep.numpy()[: len(solver.body_names)] == 1


def tower(count: int = 3) -> Scene:
    scene = floor()
    for k in range(count):
        scene.add(Box((0.1, 0.1, 0.1)), rigid(friction=0.5), name=f"box{k}", position=(0, 0.05 + 0.1 * k, 0))
    return scene


def test_a_dropped_stack_comes_to_rest_and_then_keeps_its_place_to_the_bit():
    solver = run(tower(), 2.0)
    assert asleep(solver).all()
    before = solver.poses()
    for _ in range(30):
        solver.frame()
    for one, other in zip(before, solver.poses(), strict=True):
        assert np.array_equal(one, other)
    assert np.abs(before[2]).max() == 0 and np.abs(before[3]).max() == 0
    # each contact gives by what the soft contact of one substep gives under the load above it
    assert before[0][:, 1] == pytest.approx([0.05, 0.15, 0.25], abs=5e-5)


def test_a_ball_that_rolls_ever_so_slowly_down_a_slope_is_not_stopped():
    scene = Scene()
    slope = 2e-4
    scene.add(Plane((np.sin(slope), np.cos(slope), 0.0)), smooth(friction=0.5))
    scene.add(Sphere(0.1), rigid(friction=0.5), name="ball", position=(0.1 * slope, 0.1, 0))
    solver = run(scene, 3.0)
    position, _, velocity, _ = solver.poses()
    rate = 5 / 7 * G * np.sin(slope)
    assert velocity[0, 0] == pytest.approx(rate * 3.0, rel=5e-3)
    assert position[0, 0] == pytest.approx(0.5 * rate * 9.0, rel=5e-3)


def test_a_top_that_turns_slowly_in_place_is_not_stopped():
    scene = floor(friction=0.0)
    scene.add(Sphere(0.1), rigid(), name="ball", position=(0, 0.1, 0), angular_velocity=(0, 0.02, 0))
    solver = run(scene, 3.0)
    assert not asleep(solver).any()
    assert solver.poses()[3][0, 1] == pytest.approx(0.02, rel=1e-5)


def test_what_floats_freely_never_sleeps():
    scene = Scene(gravity=(0, 0, 0))
    scene.add(Box((0.1, 0.1, 0.1)), rigid(), name="box", velocity=(1e-6, 0, 0))
    scene.add(Box((0.1, 0.1, 0.1)), rigid(), name="other", position=(0.1, 0, 0), velocity=(1e-6, 0, 0))
    solver = run(scene, 2.0)
    assert not asleep(solver).any()
    assert solver.poses()[2][:, 0] == pytest.approx([1e-6, 1e-6], rel=1e-6)


@pytest.mark.parametrize("speed", [0.5, 8.0])
def test_a_ball_finds_sleeping_boxes_as_it_finds_those_that_are_awake(speed):
    """A smooth floor: the blow and what follows are the same to the error of a contact that had another past."""

    def shot(sleeping):
        scene = floor(friction=0.0)
        for k in range(3):
            scene.add(Box((0.1, 0.1, 0.1)), rigid(friction=0.0), position=(0.1 * k + 1e-4 * k, 0.05, 0))
        scene.add(Sphere(0.05), rigid(restitution=0.5), name="ball", position=(-0.06 - 1.2 * speed, 0.05, 0))
        scene.forces.append(Impulse("ball", (speed * scene["ball"].mass, 0, 0), at=0.001))
        solver = run(scene, 1.1, sleeping=sleeping)
        was = asleep(solver)
        for _ in range(24):
            solver.frame()
        return solver, was

    one, slept = shot(True)
    other, woken = shot(False)
    assert slept[:3].all() and not woken.any()
    assert not asleep(one).any()
    mass = np.array([p.mass for p in one._moving])
    assert (mass @ one.poses()[2])[0] == pytest.approx(mass[3] * speed, rel=1e-5)
    assert one.poses()[2][:, 0] == pytest.approx(other.poses()[2][:, 0], abs=2e-3 * speed)
    assert one.contacts()["time"][0] == pytest.approx(other.contacts()["time"][0], abs=1e-6)


def test_an_impulse_wakes_what_it_hits_and_all_that_leans_on_it():
    def kick(sleeping):
        scene = tower()
        blow = (0.0, 0.0, 2.0 * scene["box0"].mass)
        scene.forces.append(Impulse("box0", blow, at=1.5))
        solver = run(scene, 1.5, sleeping=sleeping)
        was = asleep(solver)
        for _ in range(12):
            solver.frame()
        return was, solver.poses()

    (was, one), (_, other) = kick(True), kick(False)
    assert was.all()
    assert one[0] == pytest.approx(other[0], abs=2e-3)
    assert one[0][0, 2] > 0.05 and np.abs(one[2][1:]).max() > 0.1


def chain(count: int = 3) -> Scene:
    """Boxes in a row above the floor, tied by balls, the last one to nothing."""
    scene = floor()
    for k in range(count):
        scene.add(Box((0.18, 0.1, 0.1)), rigid(friction=0.5), name=f"link{k}", position=(0.2 * k, 0.08, 0))
    for k in range(1, count):
        scene.add(BallJoint(f"link{k}", other=f"link{k - 1}", at=(0.2 * k - 0.1, 0.08, 0)))
    return scene


def test_a_chain_on_the_floor_sleeps_and_wakes_as_a_whole():
    scene = chain()
    scene.add(Impulse("link0", (0, 4.0, 0), at=2.0))
    solver = run(scene, 1.9)
    assert asleep(solver).all()
    before = solver.poses()
    solver.frame()
    assert all(np.array_equal(one, other) for one, other in zip(before, solver.poses(), strict=True))
    loads = solver.joint_loads()
    while solver._frame_count < round(2.1 * solver.fps):
        solver.frame()
    assert not asleep(solver).any()
    assert solver.poses()[0][0, 1] > before[0][0, 1] + 0.01, "the struck link leaves the floor"
    assert solver.report()["joint_error [m]"] < 1e-6
    assert np.isfinite(loads).all()


def test_a_sleeping_chain_takes_a_blow_as_one_that_is_awake():
    def struck(sleeping: bool) -> np.ndarray:
        scene = chain()
        scene.add(Impulse("link2", (0, 0, 1.0), at=1.5))
        solver = RigidSolver(scene, fps=60, device="cpu", sleeping=sleeping)
        for _ in range(96):
            solver.frame()
        return solver.poses()[0]

    moved = struck(True)
    assert np.abs(moved - chain_start()).max() > 5e-3
    assert moved == pytest.approx(struck(False), abs=2e-4)  # what awake ones have crept by the time of the blow


def chain_start() -> np.ndarray:
    return np.array([e.position for e in chain().bodies]) - (0, 0.03, 0)


def test_what_hangs_by_joints_does_not_fall_asleep_where_it_cannot_stay():
    scene = floor()
    scene.add(Box((0.1, 0.1, 0.1)), rigid(), name="bob", position=(1e-7, 2.0, 0))
    scene.add(BallJoint("bob", at=(0, 1.0, 0)))  # stands above its pivot, all but upright
    solver = run(scene, 3.0)
    assert not asleep(solver).any()
    length = np.sqrt(1 + 1 / 600)  # of the simple pendulum of the same period: 1 + I / (m r^2), a cube of 0.1 m
    grown = 1e-7 * np.cosh(3.0 * np.sqrt(G) / length)
    assert solver.poses()[0][0, 0] == pytest.approx(grown, rel=2e-2)


def test_wind_that_rises_wakes_what_it_can_move():
    scene = floor()
    scene.add(Box((0.2, 0.2, 0.2)), Rigid(mass=0.05, friction=0.1, restitution=0.0), name="box", position=(0, 0.1, 0))
    scene.forces.append(Rising((6.0, 0.0, 0.0)))
    solver = run(scene, 1.4)
    assert asleep(solver).all()
    for _ in range(60):
        solver.frame()
    assert solver.poses()[2][0, 0] > 0.2


def test_replay_is_bit_identical_and_the_captured_frame_is_the_plain_one():
    def run_plain():
        solver = RigidSolver(tower(), fps=60, device="cpu")
        solver._load_kernels()
        for frame in range(90):
            solver._outer.substep.assign([frame * solver._substeps])
            solver._launch_frame(starts=frame == 0)
        return [a.numpy() for a in (solver._bodies.x, solver._bodies.q, solver._bodies.asleep)]

    first, second = run(tower(), 1.5), run(tower(), 1.5)
    plain = run_plain()
    for k, name in enumerate(("x", "q", "asleep")):
        a, b = getattr(first._bodies, name).numpy(), getattr(second._bodies, name).numpy()
        assert np.array_equal(a, b) and np.array_equal(a, plain[k])
