"""Cloth in a liquid: drag, momentum, weight of what it soaks up, floating and sinking."""

import numpy as np
import pytest

import physim
from physim.liquid_cloth import subdivision
from physim.motion import Motion
from physim.pins import Pin

LYING, ACROSS = (2**-0.5, 0, 0, 2**-0.5), (0, 2**-0.5, 0, 2**-0.5)


def tank(side=0.3, deep=0.15, high=0.25, resolution=20, panes=True):
    """Water in a box with a floor for the cloth, and panes that hold it too."""
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=resolution, domain=((0, 0, 0), (side, high, side)))
    scene.add(physim.Plane())
    for across in ((1, 0), (0, 1)) if panes else ():
        for end in (-0.05, side + 0.05):
            x, z = (end if a else side / 2 for a in across)
            size = (0.1 if across[0] else side + 0.2, 2 * high, 0.1 if across[1] else side + 0.2)
            scene.add(physim.Box(size), physim.Static("glass"), position=(x, high, z))
    scene.add(physim.Box((side, deep, side)), water, name="water", position=(side / 2, deep / 2, side / 2))
    return scene


def test_a_soaked_sheet_that_is_lifted_out_weighs_its_dry_weight_and_what_the_tank_lost():
    scene = tank()
    path = Motion([0.0, 0.5, 1.7, 2.3], [(0, 0, 0), (0, -0.14, 0), (0, -0.14, 0), (0, 0.02, 0)])
    cotton = physim.Cloth("cotton")
    scene.add(physim.Sheet((0.12, 0.12), (10, 10)), cotton, name="cloth", position=(0.15, 0.22, 0.15),
              pin=Pin("top", motion=path))  # fmt: skip
    run = physim.simulate(scene, seconds=3.2, fps=24, device="cpu")
    cloth, dry = run["cloth"], cotton.areal_density * 0.12**2
    held = run.report.values["cloth_water [kg]"]
    capacity = cotton.water_capacity() * 0.12**2
    assert capacity / dry == pytest.approx((0.4 - 0.15 / 1.55) / 0.15 * 0.9982, rel=1e-6), "pores of 0.4 mm of cotton"
    particle = run["water"].particle_volume * 998.2
    assert capacity - particle < held < capacity + particle
    lost = 998.2 * (run["water"].volume(0) - run["water"].volume(-1))
    assert held == pytest.approx(lost, rel=1e-5), "every gram of it is the tank's"
    assert cloth.water[0].max() == 0 and cloth.water[-1].max() > 0
    pull = -cloth.dense_pull[-4 * 8 :, 0, 1].mean()
    assert pull == pytest.approx(9.81 * (dry + held), rel=0.01), "it still swings a little"


def test_momentum_of_cloth_and_liquid_in_a_closed_tank_is_accounted_for_within_a_hundredth():
    scene = tank(panes=False)
    scene.add(physim.Sheet((0.15, 0.15), (12, 12)), physim.Cloth("denim"), name="cloth", position=(0.15, 0.19, 0.15),
              orientation=LYING, velocity=(0.6, -1.0, 0))  # fmt: skip
    run = physim.simulate(scene, seconds=0.6, fps=24, device="cpu")
    assert run["cloth"].water[-1].max() > 0, "it drinks meanwhile"
    assert 0 < run.report.values["liquid_momentum_error [-]"] < 0.01


def test_what_cloth_loses_in_free_fall_the_liquid_gains():
    scene = physim.Scene(gravity=(0, 0, 0))
    water = physim.Liquid("water", resolution=24, domain=((0, 0, 0), (0.6, 0.6, 0.6)), walls=())
    scene.add(physim.Box((0.3, 0.2, 0.3)), water, name="water", position=(0.3, 0.3, 0.3))
    canvas = physim.Cloth("canvas", drag_coefficient=0.0, skin_friction=0.0, absorbency=0.0)
    scene.add(physim.Sheet((0.2, 0.2), (8, 8)), canvas, name="cloth", position=(0.3, 0.3, 0.3), orientation=ACROSS,
              velocity=(1.0, 0, 0))  # fmt: skip
    run = physim.simulate(scene, seconds=0.1, fps=60, device="cpu")
    mass = np.full((9, 9), canvas.areal_density * 0.025**2)
    mass[[0, -1]] *= 0.5
    mass[:, [0, -1]] *= 0.5
    cloth = (mass.reshape(-1, 1) * run["cloth"].dense_velocity[-1]).sum(0)
    liquid = 998.2 * run["water"].particle_volume * run["water"].velocity[-1].astype(float).sum(0)
    start = np.array([canvas.areal_density * 0.04, 0, 0])
    assert cloth[0] < 0.3 * start[0], "most of it went over"
    np.testing.assert_allclose(cloth + liquid, start, atol=0.05 * start[0])  # the free surface is not exact


def test_cotton_rises_with_the_air_in_its_pores_and_sinks_soaked_and_fibres_lighter_than_water_stay_afloat():
    scene = tank(side=0.36, resolution=24)
    light = physim.Cloth("cotton", areal_density=0.1, thickness=3e-4, fibre_density=910.0, absorbency=1.0)
    steep = (0.5, 0.0, 0.0, 0.75**0.5)
    for name, x, fabric in (("cotton", 0.1, physim.Cloth("cotton")), ("polypropylene", 0.26, light)):
        sheet = physim.Sheet((0.1, 0.1), (6, 6))
        scene.add(sheet, fabric, name=name, position=(x, 0.1, 0.18), orientation=steep)
    run = physim.simulate(scene, seconds=3.0, fps=24, device="cpu")
    height = {name: run[name].position[..., 1].mean(axis=1) for name in ("cotton", "polypropylene")}
    assert height["cotton"].max() > 0.12 and height["cotton"][-1] < height["cotton"].max() - 0.03
    assert height["polypropylene"][-1] > 0.13
    for name, fabric in (("cotton", physim.Cloth("cotton")), ("polypropylene", light)):
        held = run[name].water[-1].mean() / fabric.water_capacity()
        assert 0.6 < held < 1.4, "to a particle, which is a third of it"


@pytest.mark.slow
def test_a_sheet_pulled_broadside_through_water_has_the_drag_of_a_square_plate():
    """C_D 1.17 to 1.2 in unbounded water (Hoerner, Fluid-dynamic drag, 1965); 6 % of the tank's cross section raise it
    by a fifth (Maskell, ARC R&M 3400, 1963). The plate acts on the faces around it and so is up to a cell wider than it
    is: 28 % too much at its 4.8 cells a side, 7 % at 6.4 (resolution 128, four times the time)."""
    side, size, speed, cells = 0.5, 0.12, 0.5, 12
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=96, domain=((0, 0, 0), (2.4, side + 0.1, side)))
    scene.add(physim.Box((2.4, side, side)), water, name="water", position=(1.2, side / 2, side / 2))
    times = np.arange(0, 5, 0.05)
    way = Motion(list(times), [(speed * t, 0.0, 0.0) for t in times])
    everywhere = Pin(np.ones((cells + 1) ** 2, bool), motion=way)
    scene.add(physim.Sheet((size, size), (cells, cells)), physim.Cloth("canvas"), name="cloth",
              position=(0.2, side / 2, side / 2), orientation=ACROSS, pin=everywhere)  # fmt: skip
    run = physim.simulate(scene, seconds=4.0, fps=24, device="cpu")
    pull = -run["cloth"].dense_pull[1:, 0, 0]
    late = pull[len(pull) // 2 :].mean() / (0.5 * 998.2 * size**2 * speed**2)
    law = 1.17 * (1 + 2.77 * 1.17 * size**2 / side**2)
    wider = (1 + 2.4 / 96 / size) ** 2  # by a cell
    assert 0.95 * law < late < wider * law


def test_the_parts_of_a_triangle_are_even():
    for parts in (1, 2, 5):
        b = subdivision(parts)
        assert b.shape == (parts**2, 3) and b.min() > 0
        np.testing.assert_allclose(b.sum(axis=1), 1)
        np.testing.assert_allclose(b.mean(axis=0), 1 / 3)
