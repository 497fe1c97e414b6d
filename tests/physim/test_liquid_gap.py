"""What touches the floor of its tank feels the liquid beneath it, however thin that is."""

import numpy as np
import pytest

import physim
from physim.solver_liquid import LiquidSolver
from physim.solver_rigid import RigidSolver

WIDE, LEVEL = 0.48, 0.18
QUARTER = (0.0, 0.0, np.sin(np.pi / 4), np.cos(np.pi / 4))
OBLIQUE = (0.0, np.sin(0.3), 0.0, np.cos(0.3))


def sunk(shape, height, density, resolution, turn=(0.0, 0.0, 0.0, 1.0)):
    """A tank with a thing on its floor, out of the middle of it."""
    scene = physim.Scene()
    water = physim.Liquid(
        "water", density=1000.0, resolution=resolution, domain=((0, 0, 0), (WIDE, 0.3, WIDE))
    )  # fmt: skip
    scene.add(physim.Box((WIDE, LEVEL, WIDE)), water, name="water", position=(WIDE / 2, LEVEL / 2, WIDE / 2))
    scene.add(physim.Plane(), physim.Static("wood"), name="floor")
    place = (WIDE / 2 + 0.02, height, WIDE / 2 + 0.013)
    scene.add(shape, physim.Rigid("wood", density=density), name="thing", position=place, orientation=turn)
    return scene


@pytest.mark.parametrize(
    ("shape", "height", "resolution", "turn"),
    [
        (physim.Sphere(0.06), 0.06, 24, (0, 0, 0, 1)),
        (physim.Sphere(0.06), 0.06, 40, (0, 0, 0, 1)),
        (physim.Box((0.12, 0.08, 0.12)), 0.04, 30, (0, 0, 0, 1)),
        (physim.Box((0.12, 0.08, 0.12)), 0.04, 24, OBLIQUE),
        (physim.Cylinder(0.05, 0.12), 0.05, 30, QUARTER),
    ],
)
def test_a_stone_on_the_floor_is_as_much_lighter_as_the_water_that_it_displaces(shape, height, resolution, turn):
    scene = sunk(shape, height, 3000.0, resolution, turn)
    rigid = RigidSolver(scene, fps=30, device="cpu", sleeping=False)
    liquid = LiquidSolver(scene, rigid, seconds=1)
    rigid.couple(liquid, works=True)
    water = liquid.liquids["water"]
    push = []
    for _ in range(5):
        rigid.frame()
        push.append(water.bodies.wet.push_v.numpy()[0] / (9.81 * water.dt) * 3.0)
    # shapes of a few cells are told by their eighths; sideways the tank is at rest
    assert np.mean(push[2:], axis=0) == pytest.approx([0.0, 1.0, 0.0], abs=0.015)


@pytest.mark.parametrize("shape", [physim.Sphere(0.06), physim.Box((0.12, 0.12, 0.12))])
def test_what_is_lighter_than_water_rises_from_the_floor(shape):
    run = physim.simulate(sunk(shape, 0.06, 650.0, 24), seconds=0.3, fps=30, device="cpu")
    rise = run["thing"].position[:, 1] - 0.06
    # added mass near a floor is at least that of a ball in the open, 1/2, and for these no more than three times it
    assert np.all(np.diff(rise) > 0)
    acceleration = 2 * rise[5] / (5 / 30) ** 2
    free = 9.81 * 0.35
    assert free / (0.65 + 1.5) < acceleration < free / (0.65 + 0.5)
    # and what pushes it pushes the floor
    assert run.report.values["liquid_momentum_error [-]"] < 0.01


def test_a_light_ball_rises_from_the_bottom_of_a_glass_that_holds_the_water():
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood"), name="table")
    parts = [physim.Part(physim.Box((0.2, 0.02, 0.2)), (0, -0.11, 0))]
    for x, z in ((0.11, 0), (-0.11, 0), (0, 0.11), (0, -0.11)):
        size = (0.02 if x else 0.24, 0.24, 0.02 if z else 0.2)
        parts.append(physim.Part(physim.Box(size), (x, 0, z)))
    glass = physim.Compound(tuple(parts))
    stands = 0.12 + float(glass.offset[1])
    scene.add(glass, physim.Rigid("glass"), name="glass", position=(0, stands, 0))
    water = physim.Liquid("water", resolution=30)
    scene.add(physim.Box((0.2, 0.12, 0.2)), water, name="water", position=(0, 0.08, 0), inside="glass")
    scene.add(physim.Sphere(0.04), physim.Rigid("wood", density=500.0), name="ball", position=(0.0, 0.06, 0.0))
    run = physim.simulate(scene, seconds=0.4, fps=30, device="cpu")
    assert run["ball"].position[-1, 1] > 0.1
    # the glass bears what is in it, no more: it stays where it stands
    assert np.abs(run["glass"].position[:, 1] - stands).max() < 1e-3
