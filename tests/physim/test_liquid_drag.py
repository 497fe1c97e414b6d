"""Drag in liquids: spheres sink at the speed of the law of drag, and what strikes the surface is told."""

import numpy as np
import pytest

import physim
from physim.compound import Compound, Part
from physim.liquid_drag import solid_volume, surface_points

RADIUS, DENSITY = 0.01, 1200.0


def terminal_speed() -> float:
    """Of a sphere of 20 mm and relative density 1.2 in water: Re 7000, where C_D is 0.44 [m/s]."""
    return float(np.sqrt(8 * RADIUS * 9.81 * (DENSITY / 1000 - 1) / (3 * 0.44)))


def sinking(cells: float) -> float:
    """Mean speed over the second half of a fall through 32 radii, by cells across the sphere [m/s]."""
    cell, deep = 2 * RADIUS / cells, 40 * RADIUS
    wide = max(16 * cell, 6 * RADIUS)
    scene = physim.Scene()
    box = ((0, 0, 0), (wide, deep + 2 * cell, wide))
    water = physim.Liquid("water", density=1000.0, resolution=round(box[1][1] / cell), domain=box)
    scene.add(physim.Box((wide, deep, wide)), water, name="water", position=(wide / 2, deep / 2, wide / 2))
    place = (wide / 2 + 0.2 * cell, deep - 3 * RADIUS - 2 * cell, wide / 2 + 0.1 * cell)
    ball = physim.Rigid("wood", density=DENSITY, drag_coefficient=0.44)
    scene.add(physim.Sphere(RADIUS), ball, name="ball", position=place, velocity=(0, -0.9 * terminal_speed(), 0))
    run = physim.simulate(scene, seconds=32 * RADIUS / terminal_speed(), fps=60, device="cpu")
    v = run.bodies["ball"].dense_velocity[:, 1]
    return float(-v[len(v) // 2 :].mean())


@pytest.mark.parametrize("cells", [2.0, pytest.param(4.0, marks=pytest.mark.slow)])
def test_a_sphere_of_1_2_sinks_at_the_speed_of_the_law_of_drag(cells):
    assert sinking(cells) == pytest.approx(terminal_speed(), rel=0.1)


def test_points_lie_all_over_a_surface_and_volumes_of_compounds_are_those_of_their_parts():
    points = surface_points(physim.Sphere(0.3))
    assert len(points) == 32 and np.abs(np.linalg.norm(points, axis=1) - 0.3).max() < 0.01
    assert (points.max(0) > 0.2).all() and (points.min(0) < -0.2).all()
    two = Compound((Part(physim.Box((1, 1, 1)), density=3.0), Part(physim.Sphere(1.0), (3, 0, 0))))
    assert solid_volume(two) == pytest.approx(1 + 4 / 3 * np.pi)


def test_a_ball_that_falls_into_water_is_told_once_with_its_speed_time_and_place():
    scene = physim.Scene()
    water = physim.Liquid("water", density=1000.0, resolution=24, domain=((0, 0, 0), (0.6, 0.6, 0.6)))
    scene.add(physim.Box((0.6, 0.3, 0.6)), water, name="water", position=(0.3, 0.15, 0.3))
    ball = physim.Rigid("wood", density=500.0, drag_coefficient=0.0)
    scene.add(physim.Sphere(0.06), ball, name="ball", position=(0.25, 0.3 + 0.06 + 0.2, 0.35))
    run = physim.simulate(scene, seconds=0.5, fps=24, device="cpu")
    struck = run.splashes[run.splashes["body"] == "ball"]
    assert len(struck) == 1 and struck["liquid"][0] == "water"
    v = np.sqrt(2 * 9.81 * 0.2)
    assert struck["time"][0] == pytest.approx(v / 9.81, abs=0.03), "a cell of 25 mm is crossed in 13 ms"
    np.testing.assert_allclose(struck["point"][0], (0.25, 0.3, 0.35), atol=0.05)
    mass = 4 / 3 * np.pi * 0.06**3 * 500.0
    added = mass  # half of the displaced water, which is twice as dense
    energy = 0.5 * mass * added / (mass + added) * v**2
    assert struck["energy"][0] == pytest.approx(energy, rel=0.2), "speed to a tenth"
    assert 0 < struck["air"][0] < 10 * 4 / 3 * np.pi * 0.06**3
