"""Vessels that are heard filling: where they are found, and how much air is left in them."""

import numpy as np
import pytest

import physim
from physim.listen_vessel import hollow_of, vessels
from physim.trajectory import CONTACT_DTYPE, SPLASH_DTYPE, ConservationReport, LiquidTrack, Trajectory

R, WALL, DEPTH, FLOOR = 0.03, 0.003, 0.09, 0.006


def glass(radius=R):
    """A straight glass: (radius, height) from the middle of its foot, outside up and inside down."""
    outside = radius + WALL
    profile = [
        [0.0, 0.0],
        [outside, 0.0],
        [outside, FLOOR + DEPTH],
        [radius, FLOOR + DEPTH],
        [radius, FLOOR],
        [0.0, FLOOR],
    ]
    return physim.Mesh.revolved(np.array(profile))


def mesh(shape):
    return np.asarray(shape.triangles.vertices, float), np.asarray(shape.triangles.faces)


def test_the_inside_of_a_glass_is_found():
    hollow = hollow_of(*mesh(glass()))
    assert hollow.heights[-1] - hollow.heights[0] == pytest.approx(DEPTH, rel=1e-6)
    np.testing.assert_allclose(hollow.radii, R, rtol=0.01)  # a circle of 96 sides
    filled = 0.4 * DEPTH
    assert hollow.level(np.pi * R**2 * filled) - hollow.heights[0] == pytest.approx(filled, rel=0.02)
    assert hollow.level(1.0) == hollow.heights[-1]


@pytest.mark.parametrize(
    "shape",
    [physim.Box(size=(0.1, 0.1, 0.1)), physim.Sphere(radius=0.1), physim.Cylinder(radius=0.05, height=0.2)],
    ids=lambda shape: type(shape).__name__,
)
def test_what_is_solid_is_no_vessel(shape):
    assert hollow_of(*mesh(shape)) is None


def test_a_plate_is_no_vessel():
    profile = [[0.0, 0.0], [0.1, 0.01], [0.1, 0.012], [0.0, 0.004]]
    assert hollow_of(*mesh(physim.Mesh.revolved(np.array(profile)))) is None


def filling(frames=10, place=(0.2, 0.0, -0.1), volume=2e-9):
    """A glass into which water enters, layer by layer, with a splash in every frame and one outside of it."""
    scene = physim.Scene()
    scene.add(glass(), physim.Static("glass"), name="glass", position=place)
    origin = np.asarray(scene["glass"].position)
    low = mesh(glass())[0][:, 1].min() + FLOOR
    scene.add(physim.Box(size=(0.01, 0.01, 0.01)), physim.Liquid("water"), name="water", position=(0, 5, 0))
    rng = np.random.default_rng(0)
    count = round(np.pi * R**2 * 0.8 * DEPTH / volume)
    angle, away = 2 * np.pi * rng.random(count), R * np.sqrt(rng.random(count))
    height = low + 0.8 * DEPTH * (np.arange(count) + 0.5) / count
    points = np.stack([away * np.cos(angle), height, away * np.sin(angle)], axis=1) + origin
    position = np.full((frames + 1, count, 3), np.nan, np.float32)
    for frame in range(frames + 1):
        position[frame, : count * frame // frames] = points[: count * frame // frames]
    track = LiquidTrack("water", 0.005, volume, position, np.zeros_like(position, np.float16))
    splashes = np.zeros(frames, SPLASH_DTYPE)
    splashes["time"] = np.arange(frames) / 10
    splashes["point"] = origin + [0.0, low + 0.5 * DEPTH, 0.0]
    splashes["point"][-1] = (3.0, 0.0, 0.0)
    splashes["air"] = 1e-7
    return Trajectory(
        scene,
        10.0,
        frames / 10,
        {},
        {},
        np.zeros(0, CONTACT_DTYPE),
        ConservationReport(),
        liquids={"water": track},
        splashes=splashes,
    )


def test_the_air_in_a_glass_becomes_less_as_it_fills():
    trajectory = filling()
    from physim.listen import _splashes

    found, inside = vessels(trajectory, _splashes(trajectory))
    assert len(found) == 1
    assert sorted(inside) == list(range(9))  # the last splash is elsewhere
    expected = DEPTH * (1 - 0.8 * np.arange(11) / 10)
    np.testing.assert_allclose(found[0].column, expected, atol=0.003)
    mouth = np.asarray(trajectory.scene["glass"].position) + [0, mesh(glass())[0][:, 1].max(), 0]
    np.testing.assert_allclose(found[0].position, mouth[None], atol=1e-4)


def test_what_is_heard_of_a_shot_says_which_splash_is_in_which_vessel():
    audible = physim.listen(filling())
    assert [splash.vessel for splash in audible.splashes] == [0] * 9 + [-1]
    assert len(audible.vessels) == 1
