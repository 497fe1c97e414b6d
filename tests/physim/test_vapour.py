"""Steam over hot liquids: how much, from where, and that it follows what moves."""

import numpy as np
import pytest

import physim
from physim.shapes import Emitter
from physim.smoke_source import BUMP_VOLUME
from physim.solver_liquid import LiquidSolver
from physim.solver_rigid import RigidSolver
from physim.vapour import PUFFS, STEAM, LiquidSurface, VapourPuffs, evaporation, saturation_density


@pytest.mark.parametrize("celsius, density", [(20, 0.01730), (60, 0.1304), (80, 0.2938), (100, 0.5982)])
def test_the_density_of_saturated_vapour_is_that_of_the_steam_tables(celsius, density):
    assert saturation_density(celsius + 273.15) == pytest.approx(density, rel=0.02), "an ideal gas"


def test_a_cup_of_coffee_loses_some_milligrams_a_second_and_cold_water_nothing_that_is_seen():
    area = np.pi * 0.035**2
    assert 3e-6 < area * evaporation(353.15, 293.15, area, 9.81) < 2e-5, "200 g lose about a gram in two minutes"
    assert evaporation(293.15, 293.15, area, 9.81) == 0
    rates = [evaporation(t, 293.15, area, 9.81) for t in (313.15, 333.15, 353.15)]
    assert rates[0] < 0.5 * rates[1] < 0.25 * rates[2] * 1.3


def test_puffs_bring_what_evaporates_and_stay_even_on_a_surface_that_moves():
    x = (np.arange(20) + 0.5) / 20
    points = np.stack([*np.meshgrid(x, x, indexing="ij"), np.zeros((20, 20))], -1).reshape(-1, 3)[:, [0, 2, 1]]
    emitter = Emitter(on="coffee", rate=2.0, flicker=0.0)
    puffs = VapourPuffs(emitter, temperature=350.0, ambient=293.15, gravity=9.81, least_radius=0.01, seed=0)
    puffs.follow(LiquidSurface(points, 1.0))
    away = puffs.centres
    for step in range(10):
        puffs.follow(LiquidSurface(points + [0.03 * step, 0.1, 0], 1.0))
    ball, state, jet = puffs.at(0.0, 1.0, np.zeros((PUFFS, 3)))
    np.testing.assert_allclose(ball[:, :3].mean(0) - away.mean(0), (0.27, 0.1, 0), atol=0.02)
    nearest = np.sort(np.linalg.norm(ball[:, None, :3] - ball[:, :3], axis=-1), axis=1)[:, 1]
    assert nearest.min() > 0.1, "24 on a square of 1 m: a lattice has 0.2 m"
    brought = (state[:, 0] * BUMP_VOLUME * ball[:, 3] ** 3).sum() * STEAM
    assert brought == pytest.approx(2 * evaporation(350.0, 293.15, 1.0, 9.81), rel=1e-9)
    assert (jet == 0).all() and state[:, 1] == pytest.approx((350 - 293.15) / 2)


def test_the_surface_of_a_liquid_lies_where_it_was_filled_to_in_a_tank_that_lies_any_way():
    for size in ((0.3, 0.1, 0.1), (0.1, 0.1, 0.3)):
        scene = physim.Scene()
        coffee = physim.Liquid("coffee", resolution=24, domain=((0, 0, 0), size))
        scene.add(
            physim.Box((size[0], 0.06, size[2])), coffee, name="coffee", position=(size[0] / 2, 0.03, size[2] / 2)
        )
        rigid = RigidSolver(scene, fps=24, device="cpu")
        surface = LiquidSolver(scene, rigid, seconds=1.0).surface("coffee")
        assert surface.area == pytest.approx(size[0] * size[2], rel=0.05)
        np.testing.assert_allclose(surface.points[:, 1], 0.06, atol=0.004)
        np.testing.assert_allclose(surface.points.mean(0)[[0, 2]], (size[0] / 2, size[2] / 2), atol=0.002)


def steaming(temperature: float, seconds: float) -> physim.Trajectory:
    scene = physim.Scene()
    coffee = physim.Liquid("coffee", temperature=temperature, resolution=16, domain=((0, 0, 0), (0.08, 0.05, 0.08)))
    scene.add(physim.Box((0.08, 0.03, 0.08)), coffee, name="coffee", position=(0.04, 0.015, 0.04))
    steam = physim.Smoke("steam", dissipation=0.0, resolution=32, domain=((-0.04, 0, -0.04), (0.12, 0.16, 0.12)))
    scene.add(physim.Emitter(on="coffee", flicker=0.0), steam, name="steam")
    return physim.simulate(scene, seconds=seconds, fps=24, device="cpu")


def test_the_gas_gets_the_steam_that_the_law_says_and_hot_coffee_steams_more():
    run = steaming(350.0, 0.3)
    steam = run["steam"]
    mass = steam.density[-1].sum(dtype=np.float64) * steam.cell**3 * STEAM
    area = 0.08**2
    assert mass == pytest.approx(run.seconds * area * evaporation(350.0, 293.15, area, 9.81), rel=0.15)
    above = steam.density[-1].astype(float).sum(axis=(0, 2))
    height = (np.arange(len(above)) + 0.5) * steam.cell
    assert (above * height).sum() / above.sum() > 0.03, "it rises"
    cool = steaming(320.0, 0.1)["steam"].density[-1].sum(dtype=np.float64)
    assert cool < 0.3 * run["steam"].density[2].sum(dtype=np.float64) * 1.3


def test_an_emitter_on_nothing_is_refused_by_name():
    scene = physim.Scene()
    scene.add(physim.Emitter(on="cofee"), physim.Smoke("steam"), name="steam")
    with pytest.raises(ValueError, match="expected the name of a body or a liquid"):
        physim.simulate(scene, seconds=0.1, fps=24, device="cpu")


def test_a_shot_says_on_which_liquid_the_steam_is():
    from physim.shot import EmitSpec

    assert EmitSpec(on="coffee").rate == 1.0
    for wrong in ({}, {"on": "coffee", "pixel": (1, 2)}, {"at": (0, 0, 0), "pixel": (1, 2)}):
        with pytest.raises(ValueError, match="exactly one"):
            EmitSpec(**wrong)
