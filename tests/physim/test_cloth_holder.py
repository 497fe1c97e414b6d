"""Cloth and bodies that are fastened to it or asleep: nothing fights what holds it, and what is pushed wakes."""

import numpy as np
import pytest
from cloth_scenes import fabric, solver

import physim

G = 9.81


def box(mass):
    return physim.Rigid(mass=mass, restitution=0.0, drag_coefficient=0.0)


def test_a_sheet_that_hangs_through_a_falling_box_falls_with_it():
    """Its top lies in the middle of the box, so that three rows of it begin inside."""
    scene = physim.Scene()
    scene.add(physim.Box(size=(0.3, 0.1, 0.1)), box(0.2), name="box", position=(0, 2, 0))
    sheet = physim.Sheet((0.2, 0.2), (10, 10))
    scene.add(sheet, fabric(), pin=physim.Pin("top", to="box"), name="c", position=(0, 1.9, 0))
    rigid, cloth = solver(scene)
    for _ in range(8):
        rigid.frame()
    track = cloth.tracks()["c"]
    piece, time = cloth.whole.pieces[0], 8 / 24
    free = np.setdiff1d(np.arange(len(piece.mass)), np.concatenate(piece.held))
    v = track.dense_velocity[-1].astype(np.float64)
    momentum = (piece.mass[free, None] * v[free]).sum(axis=0) + 0.2 * rigid.poses()[2][0]
    weight = G * (0.2 + piece.mass.sum())
    np.testing.assert_allclose(momentum, [0, -weight * time, 0], atol=1e-4 * weight * time)
    # what is held weighs on the box but is no part of its inertia: the box would fall faster by held / own mass
    faster = G * time * (piece.mass.sum() - piece.mass[free].sum()) / 0.2
    np.testing.assert_allclose(v - [0, -G * time, 0], 0.0, atol=2.5 * faster)  # and the fabric swings about that


@pytest.mark.parametrize("clamp", [False, True])
def test_a_box_that_hangs_on_a_strip_pulls_its_pins_by_its_weight(clamp):
    scene = physim.Scene()
    scene.add(physim.Box(size=(0.06, 0.04, 0.03)), box(0.1), name="load", position=(0, 0.7, 0))
    strip = physim.Sheet((0.05, 0.3), (4, 24))
    density = 0.2
    pins = [physim.Pin("top"), physim.Pin("bottom", to="load", clamp=clamp)]
    cloth = fabric(2000.0, bending=1e-4, density=density, damping=0.01)
    scene.add(strip, cloth, pin=pins, name="c", position=(0, 0.85, 0))
    rigid, cloth = solver(scene)
    for _ in range(24):
        rigid.frame()
    pull = cloth.tracks()["c"].dense_pull[-48:].mean(axis=0)
    weight = 0.1 * G
    assert pull[1][1] == pytest.approx(weight, rel=0.02)
    assert -pull[0][1] == pytest.approx(weight + density * 0.05 * 0.3 * G, rel=0.02)


def test_the_free_part_of_a_flag_meets_the_box_that_holds_it():
    """It begins level from the upper edge of a box and falls against the side."""
    scene = physim.Scene()
    scene.add(physim.Box(size=(0.2, 0.4, 0.4)), physim.Static(friction=0.3), name="post", position=(0, 0.2, 0))
    turn = (-np.sqrt(0.5), 0, 0, np.sqrt(0.5))
    cloth = fabric(bending=1e-5, damping=0.02)
    scene.add(
        physim.Sheet((0.2, 0.2), (16, 16)), cloth, pin=physim.Pin("left", to="post"), name="c",
        position=(0.2, 0.4, 0), orientation=turn,
    )  # fmt: skip
    rigid, cloth = solver(scene)
    for _ in range(14):
        rigid.frame()
    x = cloth.tracks()["c"].dense_position
    assert x[-1][:, 1].min() < 0.25  # it hangs
    beyond = cloth.whole.pieces[0].rest[:, 0] > -0.1 + 0.2 / 16 + 1e-9  # pinned, and the row next to it
    assert x[:, beyond, 0].min() > 0.1 - 1e-4
    assert x[:, beyond, 0].max(axis=1)[1] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("falls", [True, False])
def test_a_ball_asleep_wakes_when_a_sheet_falls_on_it_or_is_drawn_against_it(falls):
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static(friction=0.5))
    ball = physim.Rigid(mass=0.02, restitution=0.0, friction=0.5, drag_coefficient=0.0)
    scene.add(physim.Sphere(radius=0.05), ball, name="ball", position=(0, 0.05, 0))
    half = np.sqrt(0.5)
    path = physim.Motion(times=(0.0, 0.75, 1.25), offsets=((0, 0, 0), (0, 0, 0), (0.5, 0, 0)))
    pins = () if falls else [physim.Pin(edge, motion=path) for edge in ("top", "bottom")]
    scene.add(
        physim.Sheet((0.3, 0.3), (12, 12)), fabric(stretch=300.0, damping=0.02, density=0.15), pin=pins, name="c",
        position=(0.1, 2.3, 0) if falls else (-0.1, 0.16, 0),
        orientation=(-half, 0, 0, half) if falls else (0, half, 0, half),
    )  # fmt: skip
    rigid, _ = solver(scene)
    for _ in range(15):
        rigid.frame()
    assert rigid._bodies.asleep.numpy()[0] == 1
    for _ in range(12 if falls else 15):
        rigid.frame()
    if falls:  # half a second and a bit after it has met the ball beside its middle
        assert rigid.poses()[0][0, 0] > 1e-3
    else:  # moved with the sheet
        assert rigid.poses()[0][0, 0] > 0.3
