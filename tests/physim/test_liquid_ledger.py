"""Momentum of bodies and liquid in a closed tank: what gravity and walls gave, and no more."""

import physim


def test_momentum_of_bodies_and_liquid_is_accounted_for_within_a_hundredth():
    scene = physim.Scene()
    water = physim.Liquid("water", density=1000.0, resolution=24, domain=((0, 0, 0), (0.6, 0.6, 0.6)))
    scene.add(physim.Box((0.6, 0.3, 0.6)), water, name="water", position=(0.3, 0.15, 0.3))
    wood = physim.Rigid("wood", density=500.0)
    scene.add(physim.Sphere(0.07), wood, name="ball", position=(0.2, 0.45, 0.3), velocity=(0.3, 0, 0))
    scene.add(physim.Box((0.14, 0.1, 0.14)), wood, name="box", position=(0.42, 0.32, 0.3))
    run = physim.simulate(scene, seconds=0.6, fps=24, device="cpu")
    assert run["water"].volume(-1) == run["water"].volume(0), "closed"
    assert 0 < run.report.values["liquid_momentum_error [-]"] < 0.01
