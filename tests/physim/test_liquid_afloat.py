"""Many bodies of all kinds in one tank: none leaves, the water bears their weight, momentum is accounted for."""

import numpy as np
import pytest

import physim
from physim.compound import Compound, Part
from physim.liquid_drag import solid_volume

CELL = 1.2 / 48
LEVEL = 12 * CELL


def crowd() -> physim.Scene:
    """A tank with nine bodies laid just over the water, far enough from each other."""
    scene = physim.Scene()
    water = physim.Liquid("water", density=1000.0, resolution=48, domain=((0, 0, 0), (1.2, 0.6, 1.2)))
    scene.add(physim.Box((1.2, LEVEL, 1.2)), water, name="water", position=(0.6, LEVEL / 2, 0.6))
    raft = Compound((Part(physim.Box((0.26, 0.08, 0.1))), Part(physim.Box((0.26, 0.08, 0.1)), (0, 0, 0.1))))
    corners = [(x, y, z) for x in (-0.12, 0.12) for y in (-0.05, 0.05) for z in (-0.1, 0.1)]
    wedge = physim.Hull(np.array([*corners, (0.16, 0.05, 0.0)]))
    shapes = [
        physim.Sphere(0.09), physim.Box((0.24, 0.12, 0.24)), wedge, raft, physim.Sphere(0.08),
        physim.Cylinder(0.12, 0.12), physim.Box((0.2, 0.12, 0.24)), physim.Sphere(0.1), physim.Box((0.24, 0.1, 0.2)),
    ]  # fmt: skip
    for n, shape in enumerate(shapes):
        density = 350.0 + 50.0 * n
        place = (0.2 + 0.4 * (n % 3), LEVEL + 0.03, 0.2 + 0.4 * (n // 3))
        wood = physim.Rigid("wood", density=density, drag_coefficient=0.5)
        scene.add(shape, wood, name=f"body{n}", position=place)
    return scene


@pytest.fixture(scope="module")
def run():
    return physim.simulate(crowd(), seconds=2.0, fps=24, device="cpu")


@pytest.mark.slow
def test_none_leaves_the_tank_and_upright_boxes_float_as_deep_as_archimedes_says(run):
    assert run["water"].volume(-1) == run["water"].volume(0)
    displaced = sum(e.material.density / 1000 * solid_volume(e.shape) for e in run.scene.bodies)
    level = (run["water"].volume(-1) + displaced) / 1.2**2
    for entity in run.scene.bodies:
        x = run[entity.name].position
        assert (x > 0).all() and (x[:, [0, 2]] < 1.2).all() and (x[:, 1] < 0.6).all()
        assert x[-1, 1] > LEVEL - 0.1, "afloat"
        if isinstance(entity.shape, physim.Box):
            height = entity.shape.size[1]
            draught = level - (x[24:, 1].mean() - height / 2)
            # 3 % of its height: it still heaves by some millimetres
            assert draught == pytest.approx(height * entity.material.density / 1000, abs=0.03 * height)


@pytest.mark.slow
def test_momentum_of_many_bodies_and_liquid_is_accounted_for_within_a_hundredth(run):
    assert run.report.values["liquid_momentum_error [-]"] < 0.01
