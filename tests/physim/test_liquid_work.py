"""Energy of bodies in a liquid: what the liquid lifts is its work, and no gain."""

import pytest

import physim


def test_a_body_that_water_lifts_gains_nothing_that_the_water_did_not_give():
    scene = physim.Scene()
    water = physim.Liquid("water", density=1000.0, resolution=16, domain=((0, 0, 0), (0.4, 0.4, 0.4)))
    scene.add(physim.Box((0.4, 0.3, 0.4)), water, name="water", position=(0.2, 0.15, 0.2))
    wood = physim.Rigid("wood", density=400.0)
    scene.add(physim.Sphere(0.05), wood, name="ball", position=(0.2, 0.1, 0.2))
    run = physim.simulate(scene, seconds=0.4, fps=24, device="cpu")
    values = run.report.values
    rise = values["energy_end [J]"] - values["energy_start [J]"]
    mass = 400.0 * physim.Sphere(0.05).volume
    assert rise > 0.05 * mass * 9.81, "it rises"
    assert values["work_of_liquids [J]"] == pytest.approx(rise, rel=0.02)
    assert values["energy_gain [J]"] < 0.02 * rise
