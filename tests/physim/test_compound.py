"""Compound bodies against the single shapes they are made up as, and against closed forms of mass and inertia."""

import numpy as np
import pytest
from rigid_cases import G, rigid, run, smooth

from physim.compound import Compound, Part
from physim.scene import Scene
from physim.shapes import Box, Cylinder, Plane, Sphere
from physim.terrain import rotation_matrix

TURN = (0.0, 0.0, np.sin(np.pi / 4), np.cos(np.pi / 4))
"""A quarter turn about Z."""


def halves(size=(0.4, 0.1, 0.2)) -> Compound:
    """A box as two halves, one of them given turned by a quarter about Z."""
    x, y, z = size
    whole = Part(Box((x / 2, y, z)), (-x / 4, 0, 0))
    turned = Part(Box((y, x / 2, z)), (x / 4, 0, 0), TURN)
    return Compound((whole, turned))


def test_two_halves_have_the_mass_and_inertia_of_the_box():
    box, pair = Box((0.4, 0.1, 0.2)), halves()
    assert pair.volume == pytest.approx(box.volume, rel=1e-12)
    assert pair.inertia_per_density == pytest.approx(box.inertia_per_density, rel=1e-9, abs=1e-15)


def test_two_halves_fly_as_the_box_does():
    def throw(shape):
        scene = Scene()
        spin = dict(velocity=(1.0, 3.0, 0.2), angular_velocity=(3.0, 7.0, 2.0))
        scene.add(shape, rigid(), name="thing", orientation=(0.1, 0.2, 0.3, 0.9), **spin)
        return run(scene, 0.5).poses()

    for one, other in zip(throw(Box((0.4, 0.1, 0.2))), throw(halves()), strict=True):
        assert one == pytest.approx(other, abs=1e-5)  # inertia agrees to double precision, spin is single


@pytest.mark.parametrize("shape", [Box((0.4, 0.1, 0.2)), halves()])
def test_a_box_in_one_or_two_pieces_falls_flat_and_slides_to_the_same_stop(shape):
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.4))
    scene.add(shape, rigid(friction=0.4), name="box", position=(0, 0.05, 0), velocity=(2.0, 0, 0))
    position, _, velocity, _ = run(scene, 1.0).poses()
    assert position[0, 0] == pytest.approx(2.0**2 / (2 * 0.4 * G), rel=5e-3)
    assert position[0, 1] == pytest.approx(0.05, abs=2e-5)
    assert np.abs(velocity).max() < 1e-3


def test_dumbbell_dropped_at_one_end_tumbles_to_rest_on_both_spheres():
    bar = Compound((Part(Sphere(0.05), (-0.1, 0, 0)), Part(Sphere(0.05), (0.1, 0, 0))))
    scene = Scene()
    scene.add(Plane(), smooth(friction=0.5))
    scene.add(bar, rigid(friction=0.5), name="bar", position=(0, 0.2, 0), orientation=(0, 0, 0.3, 0.95))
    solver = run(scene, 2.0)
    position, q, _, _ = solver.poses()
    ends = position[0] + np.array([[-0.1, 0, 0], [0.1, 0, 0]]) @ rotation_matrix(q[0]).T
    assert ends[:, 1] == pytest.approx([0.05, 0.05], abs=1e-4)
    assert solver.report()["energy_gain [J]"] < 1e-3 * solver.report()["energy_start [J]"]


def test_wheel_that_is_part_of_a_body_rolls_as_a_circle():
    """A can and the same can as a turned part of a compound: the rim's axis is the part's own."""

    def roll(shape, q):
        scene = Scene()
        scene.add(Plane((np.sin(0.1), np.cos(0.1), 0.0)), smooth(friction=0.5))
        place = 0.05 * np.array([np.sin(0.1), np.cos(0.1), 0.0])
        scene.add(shape, rigid(friction=0.5), name="can", position=tuple(place), orientation=q)
        return run(scene, 0.5).poses()[2][0]

    lying = (np.sin(np.pi / 4), 0.0, 0.0, np.cos(np.pi / 4))
    alone = roll(Cylinder(0.05, 0.1), lying)
    within = roll(Compound((Part(Cylinder(0.05, 0.1), orientation=lying),)), (0.0, 0.0, 0.0, 1.0))
    assert np.linalg.norm(alone) == pytest.approx(2 / 3 * G * np.sin(0.1) * 0.5, rel=3e-3)
    assert within == pytest.approx(alone, rel=1e-3, abs=1e-3)


def test_ball_rests_in_a_static_trough_of_two_turned_boards():
    board = Box((0.6, 0.02, 0.4))
    tilt = np.pi / 8  # each leans in by 45 degrees
    parts = (
        Part(board, (-0.2, 0.2, 0), (0, 0, -np.sin(tilt), np.cos(tilt))),
        Part(board, (0.2, 0.2, 0), (0, 0, np.sin(tilt), np.cos(tilt))),
    )
    trough = Compound(parts)
    scene = Scene()
    scene.add(trough, smooth(friction=0.5), name="trough", position=tuple(trough.offset))
    scene.add(Sphere(0.1), rigid(friction=0.5), name="ball", position=(0.02, 0.25, 0.0))
    position, _, velocity, _ = run(scene, 2.0).poses()
    # the upper faces meet on the axis at 0.01 sqrt(2); the ball's centre is r sqrt(2) above it
    assert position[0] == pytest.approx([0.0, (0.1 + 0.01) * np.sqrt(2), 0.0], abs=5e-4)
    assert np.abs(velocity).max() < 5e-3
