"""Things that are let go at a later time: they stay, then fall as Galilei says, and hold up what lies on them."""

import numpy as np
import pytest

import physim
from physim.materials import Rigid
from physim.scene import Scene
from physim.shapes import Box, Plane, Sphere
from physim.shot import Thing

WOOD = Rigid("wood", drag_coefficient=0.0)


def run(scene, seconds, fps=20.0):
    return physim.simulate(scene, seconds=seconds, fps=fps, device="cpu")


def test_what_is_held_stays_to_the_bit_and_then_is_thrown_as_if_it_began_there():
    """Closed form: x0 + v (t - T) + g (t - T)^2 / 2, and its spin, which nothing changes."""
    scene = Scene()
    scene.add(Sphere(0.05), WOOD, name="ball", position=(0, 5, 0), velocity=(1, 2, 0), angular_velocity=(0, 3, 0),
              release=0.3)  # fmt: skip
    track = run(scene, 0.8).bodies["ball"]
    t = np.arange(len(track.dense_position)) / (20 * track.samples_per_frame)
    late = np.clip(t - 0.3, 0, None)[:, None]
    path = np.array([0, 5, 0]) + late * np.array([1, 2, 0]) + 0.5 * late**2 * np.array([0, -9.81, 0])
    before = t < 0.3 - 1e-9
    assert np.array_equal(track.dense_position[before], np.broadcast_to([0.0, 5.0, 0.0], (before.sum(), 3)))
    assert not track.dense_velocity[before].any() and not track.dense_angular_velocity[before].any()
    assert np.abs(track.dense_position - path).max() < 2e-6  # rounding of single precision in acc
    assert track.dense_angular_velocity[-1] == pytest.approx([0, 3, 0], abs=1e-5)


def test_what_is_held_holds_up_what_lies_on_it_and_gives_way_to_nothing():
    scene = Scene()
    scene.add(Plane(), name="ground")
    scene.add(Box((0.4, 0.1, 0.4)), WOOD, name="board", position=(0, 1.0, 0), release=0.8)
    scene.add(Box((0.1, 0.1, 0.1)), WOOD, name="brick", position=(0, 1.1001, 0))
    scene.add(Sphere(0.05), Rigid("steel", drag_coefficient=0.0), name="shot", position=(-1.0, 1.02, 0),
              velocity=(6, 1.5, 0))  # fmt: skip
    bodies = run(scene, 1.2).bodies
    at = int(0.75 * 20 * bodies["board"].samples_per_frame)
    assert np.array_equal(bodies["board"].dense_position[at], [0, 1, 0])
    assert np.array_equal(bodies["board"].dense_orientation[at], [0, 0, 0, 1])
    assert bodies["board"].dense_position[-1][1] < 0.5  # 0.4 s of falling: 0.78 m


def test_a_brick_that_slept_on_it_falls_with_it():
    scene = Scene()
    scene.add(Plane(), name="ground")
    scene.add(Box((0.4, 0.1, 0.4)), WOOD, name="board", position=(0, 1.0, 0), release=1.0)
    scene.add(Box((0.1, 0.1, 0.1)), WOOD, name="brick", position=(0, 1.1, 0))
    track = run(scene, 1.4).bodies["brick"]
    at = int(1.0 * 20 * track.samples_per_frame)
    assert track.dense_position[at] == pytest.approx([0, 1.1, 0], abs=1e-3)
    assert track.dense_position[-1][1] == pytest.approx(1.1 - 0.5 * 9.81 * 0.4**2, abs=0.02)


def test_an_impulse_on_what_is_held_is_lost():
    scene = Scene()
    scene.add(Sphere(0.05), WOOD, name="ball", position=(0, 5, 0), release=0.2)
    scene.add(physim.Impulse("ball", (1.0, 0, 0), at=0.1, point=(0, 0.05, 0)))
    track = run(scene, 0.3).bodies["ball"]
    assert not track.dense_position[:, 0].any() and not track.dense_angular_velocity.any()


def test_a_release_of_what_is_no_rigid_body_is_refused():
    with pytest.raises(ValueError, match=r"ground\.release is 1"):
        Scene().add(Plane(), name="ground", release=1)
    with pytest.raises(ValueError, match=r"expected a time from 0 on"):
        Scene().add(Sphere(1.0), WOOD, release=-1)
    with pytest.raises(ValueError, match="only a `rigid` thing"):
        Thing(name="a", shape={"sphere": 1}, at=(0, 0, 0), static={}, release=1)
