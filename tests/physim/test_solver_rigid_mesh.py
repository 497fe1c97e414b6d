"""Rigid bodies on static triangle meshes: hollow, thin, overhanging, finely divided."""

import numpy as np
import pytest
from cup_scenes import AIMS, SIDE, cup_scene, true_depth
from rigid_cases import G, rigid, run, smooth

from physim.scene import Scene
from physim.shapes import Box, Capsule, Cylinder, Mesh, Plane, Sphere, Triangles


def sheet(slope: float = 0.0, count: int = 40, width: float = 4.0) -> Mesh:
    """A board of many triangles of all forms, a wave of shifted nodes within its plane, closed below."""
    line = np.linspace(-width / 2, width / 2, count + 1)
    x, z = np.meshgrid(line, line)
    sway = 0.3 * width / count * np.cos(np.pi * x / width) * np.cos(np.pi * z / width)
    x, z = x + sway * np.sin(40 * z), z + sway * np.sin(50 * x + 1)
    top = np.stack([x, -slope * x, z], -1).reshape(-1, 3)
    k = (np.arange(count)[:, None] * (count + 1) + np.arange(count)).ravel()
    up = np.concatenate([np.stack([k, k + count + 1, k + 1], 1), np.stack([k + 1, k + count + 1, k + count + 2], 1)])
    rim = np.concatenate([np.arange(count), np.arange(count, len(top) - 1, count + 1),
                          np.arange(len(top) - 1, len(top) - 1 - count, -1),
                          np.arange(len(top) - 1 - count, 0, -count - 1)])  # fmt: skip
    after, below = np.roll(rim, -1), len(top)
    sides = np.concatenate([np.stack([rim, after, rim + below], 1), np.stack([after, after + below, rim + below], 1)])
    return Mesh(Triangles(np.concatenate([top, top - [0, 0.2, 0]]), np.concatenate([up, up[:, ::-1] + below, sides])))


def torus(radius: float, thickness: float, sides: int = 64) -> Mesh:
    """A ring about the Z axis, standing."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    u, v = np.meshgrid(angle, angle, indexing="ij")
    r = radius + thickness * np.cos(v)
    points = np.stack([r * np.cos(u), r * np.sin(u), thickness * np.sin(v)], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(sides), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), ((i + 1) % sides * sides + j).ravel()
    c, d = ((i + 1) % sides * sides + (j + 1) % sides).ravel(), (i * sides + (j + 1) % sides).ravel()
    return Mesh(Triangles(points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])))


def test_the_test_meshes_are_closed_and_face_outward():
    assert sheet().volume == pytest.approx(4 * 4 * 0.2, rel=1e-9)
    assert torus(0.1, 0.02).volume == pytest.approx(2 * np.pi**2 * 0.1 * 0.02**2, rel=5e-3)


@pytest.mark.parametrize("shape", [Sphere(0.1), Box((0.2, 0.1, 0.2)), Capsule(0.05, 0.1), Cylinder(0.1, 0.1)])
def test_flat_mesh_of_many_triangles_acts_like_a_plane(shape):
    def drop(ground):
        scene = Scene()
        scene.add(ground, smooth(friction=0.4))
        material = rigid(friction=0.4, restitution=0.4)
        scene.add(shape, material, name="thing", position=(0.013, 0.3, 0.02), velocity=(0.5, 0, 0.2))
        return run(scene, 1.0).poses()

    plane, mesh = drop(Plane()), drop(sheet())
    tolerance = 2e-2 if isinstance(shape, Cylinder) else 1e-3  # round on a plane, a prism on a mesh
    assert np.abs(plane[0] - mesh[0]).max() < tolerance
    if not isinstance(shape, Cylinder):
        assert np.abs(plane[2] - mesh[2]).max() < 5e-3


@pytest.mark.parametrize("shape", [Sphere(0.1), Box((0.3, 0.1, 0.3))])
def test_seams_do_not_hold_what_slides_or_rolls_over_them(shape):
    slope, mu = 0.4, 0.2
    angle = np.arctan(slope)
    normal = np.array([np.sin(angle), np.cos(angle), 0.0])
    radius = 0.1 if isinstance(shape, Sphere) else 0.05
    scene = Scene()
    scene.add(sheet(slope), smooth(friction=mu))
    start = np.array([-1.5, 1.5 * slope, 0.013]) + radius * normal
    q = (0.0, 0.0, np.sin(-angle / 2), np.cos(angle / 2))
    scene.add(shape, rigid(friction=mu), name="thing", position=tuple(start), orientation=q)
    velocity = run(scene, 0.75).poses()[2][0]
    rate = 5 / 7 * np.sin(angle) if isinstance(shape, Sphere) else np.sin(angle) - mu * np.cos(angle)
    assert np.linalg.norm(velocity) == pytest.approx(0.75 * G * rate, rel=5e-3)
    assert abs(velocity @ normal) < 1e-2 * np.linalg.norm(velocity)


@pytest.mark.parametrize("speed", [1.0, 8.0])
@pytest.mark.parametrize(
    "shape", [Box((0.016, 0.016, 0.016)), Cylinder(0.0125, 0.004), Sphere(0.01), Capsule(0.005, 0.01)]
)
def test_thin_wall_stops_what_flies_against_it(shape, speed):
    scene = Scene()
    wall = Box((0.002, 0.1, 0.4)).triangles
    scene.add(Mesh(wall), smooth(friction=0.3), name="wall", position=(0.001, 0.05, 0))
    scene.add(Plane(), smooth(friction=0.3))
    turned = (0.0, np.sin(0.1), 0.0, np.cos(0.1))
    scene.add(
        shape, rigid(friction=0.3, restitution=0.3), name="thing", position=(-0.05, 0.02, 0.003),
        velocity=(speed, 0, 0), orientation=turned, angular_velocity=(0, 0, -20.0),
    )  # fmt: skip
    solver = run(scene, 0.5, fps=24)
    assert solver.tracks()["thing"].dense_position[:, 0].max() < -0.002
    assert solver.report()["deepest_penetration [m]"] < 3e-4  # on landing: 1.5 % of the smallest body


def test_ball_thrown_up_under_an_arch_hits_its_ceiling_and_lands_inside():
    scene = Scene()
    scene.add(torus(0.1, 0.02), smooth(friction=0.5, restitution=0.5), name="ring", position=(0, 0.12, 0))
    scene.add(Sphere(0.02), rigid(friction=0.5), name="ball", position=(0, 0.1, 0), velocity=(0, 2.0, 0))
    solver = run(scene, 1.0)
    height = solver.tracks()["ball"].dense_position[:, 1]
    assert height.max() == pytest.approx(0.12 + 0.08 - 0.02, abs=1e-3)  # 64 flat sides lie up to 0.1 mm inside
    assert height[-1] == pytest.approx(0.12 - 0.08 + 0.02, abs=1e-3)
    assert solver.report()["deepest_penetration [m]"] < 1e-4


@pytest.mark.parametrize("shape", [Box((0.02, 0.01, 0.2)), Capsule(0.01, 0.2)])
def test_rod_through_a_ring_lies_on_its_inside(shape):
    lying = (np.sin(np.pi / 4), 0.0, 0.0, np.cos(np.pi / 4)) if isinstance(shape, Capsule) else (0, 0, 0, 1.0)
    scene = Scene()
    scene.add(torus(0.1, 0.02), smooth(friction=0.5), name="ring", position=(0, 0.12, 0))
    scene.add(shape, rigid(friction=0.5), name="rod", position=(0.001, 0.06, 0), orientation=lying)
    solver = run(scene, 1.0)
    position = solver.poses()[0]
    half = 0.005 if isinstance(shape, Box) else 0.01
    sag = 0.08 - np.sqrt(0.08**2 - 0.01**2) if isinstance(shape, Box) else 0.0  # the box stands on its two edges
    assert position[0, 1] == pytest.approx(0.04 + half + sag, abs=2e-4)
    assert np.abs(position[0, [0, 2]]).max() < 2e-3  # a round rod swings on a little
    assert solver.report()["deepest_penetration [m]"] < 1e-4


def settle(seed: int, aim: str) -> None:
    scene = cup_scene(aim, np.random.default_rng(seed))
    solver = run(scene, 3.0, fps=24)
    track, report = solver.tracks()["cube"], solver.report()
    assert true_depth(track.dense_position, track.dense_orientation).max() < 0.03 * SIDE
    assert report["deepest_penetration [m]"] < 0.03 * SIDE
    assert report["energy_gain [J]"] < 1e-4 * report["energy_start [J]"]
    assert np.linalg.norm(track.dense_velocity[-48:], axis=1).max() < 2e-3
    assert np.linalg.norm(track.dense_angular_velocity[-48:], axis=1).max() < 0.2


@pytest.mark.parametrize("aim", AIMS)
def test_cube_that_falls_on_cup_and_saucer_comes_to_rest_without_entering_them(aim):
    settle(0, aim)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 16))
@pytest.mark.parametrize("aim", AIMS)
def test_cube_comes_to_rest_from_wherever_it_falls(aim, seed):
    settle(seed, aim)
