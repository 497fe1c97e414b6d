"""Scenes that go through the launches of an earlier one come out as if they had their own."""

import numpy as np
import pytest

import physim
from physim.rerun import Bench


def scene(restitution=0.4, speed=0.0, *, wood=True, joint=False, push=0.0, balls=3, drag=0.5):
    made = physim.Scene()
    made.add(physim.Plane(), physim.Static("wood", friction=0.1 + restitution), name="floor")
    for i in range(balls):
        shape = physim.Sphere(radius=0.05) if i % 2 else physim.Box(size=(0.1, 0.08, 0.12))
        made.add(
            shape,
            physim.Rigid("wood" if wood else "steel", restitution=restitution, drag_coefficient=drag),
            name=f"b{i}",
            position=(0.03 * i, 0.2 + 0.15 * i, 0.0),
            velocity=(speed, 0.0, 0.1 * i),
        )
    if joint:
        made.add(physim.BallJoint("b1", (0.03, 0.6, 0.0)))
    if push:
        made.add(physim.Impulse("b0", (push, 0.0, 0.0), 0.05))
    made.add(physim.Wind((speed + 1.0, 0.0, 0.0)))
    return made


def run(made, bench=None):
    return physim.simulate(made, seconds=0.4, fps=30, samples_per_frame=4, bench=bench)


def same(a, b):
    tracks = all(
        np.array_equal(getattr(a.bodies[n], field), getattr(b.bodies[n], field))
        for n in b.bodies
        for field in ("dense_position", "dense_orientation", "dense_velocity", "dense_angular_velocity")
    )
    logs = np.array_equal(a.contacts, b.contacts) and np.array_equal(a.contact_states, b.contact_states)
    return tracks and logs and a.report == b.report


@pytest.mark.parametrize("tied", [False, True])
def test_what_a_used_solver_gives_is_what_a_new_one_gives(tied):
    bench = Bench()
    for restitution, speed, wood, push in [(0.4, 0.0, True, 0.01), (0.9, 1.0, True, 0.03), (0.1, -0.5, False, 0.02)]:
        make = dict(restitution=restitution, speed=speed, wood=wood, push=push, joint=tied)
        assert same(run(scene(**make), bench), run(scene(**make)))
    assert bench.reused == 2


def test_a_scene_of_another_structure_gets_launches_of_its_own():
    bench = Bench()
    for make in ({}, {"balls": 4}, {"push": 0.01}, {"joint": True}):
        assert same(run(scene(**make), bench), run(scene(**make)))
    assert bench.reused == 0
    assert same(run(scene(restitution=0.8), bench), run(scene(restitution=0.8)))
    assert bench.reused == 1  # the first of them is still there


def test_a_result_stays_as_it_is_when_its_solver_serves_again():
    bench = Bench()
    run(scene(), bench)
    second = run(scene(restitution=0.7), bench)
    kept = second.bodies["b0"].dense_position.copy()
    run(scene(restitution=0.1), bench)
    assert np.array_equal(second.bodies["b0"].dense_position, kept)


def test_a_run_that_ends_in_an_error_does_not_spoil_the_next_one():
    bench = Bench()
    run(scene(push=0.01, drag=0.0), bench)
    for wild in (1e9, 1.0001e9):
        with pytest.raises(FloatingPointError, match="b0"):
            run(scene(push=wild, drag=0.0), bench)
    assert same(run(scene(push=0.02, drag=0.0), bench), run(scene(push=0.02, drag=0.0)))
    assert bench.reused == 2  # one of the wild ones, and the last
