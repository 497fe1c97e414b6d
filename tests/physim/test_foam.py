"""Foam, spray and bubbles: born where liquid strikes liquid fast enough, and they move as they should."""

import numpy as np
import pytest

import physim
from physim.foam import ENTRAINED, FINE, LIFE, RISE, Foam
from physim.foam_view import drop_colour, foam_colour
from physim.trajectory import FOAM_DTYPE, SPLASH_DTYPE

CELL = 0.01
NO_BLOWS = np.zeros(0, SPLASH_DTYPE)


def lattice(low, high):
    """Eight particles per cell in a box [m]."""
    axes = [np.arange(a + CELL / 4, b, CELL / 2) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(np.float32)


def made(dt=1 / 24) -> Foam:
    water, down = physim.Liquid("water"), np.array([0, -9.81, 0])
    return Foam(water, "water", cell=CELL, particle_volume=CELL**3 / 8, gravity=down, dt=dt, seed=3)


def falling_block(speed: float):
    """A pool, and a block of liquid of 6 by 6 cells that comes down on it."""
    pool, block = lattice((0, 0, 0), (0.2, 0.1, 0.2)), lattice((0.07, 0.1, 0.07), (0.13, 0.16, 0.13))
    v = np.zeros((len(pool) + len(block), 3), np.float32)
    v[len(pool) :, 1] = -speed
    return np.concatenate([pool, block]), v


def test_liquid_that_comes_down_slowly_makes_no_foam_and_no_event():
    foam = made()
    foam.frame(*falling_block(0.9), NO_BLOWS)
    assert len(foam.balls) == 0 and len(foam.splashes()) == 0


def test_liquid_that_strikes_liquid_drags_air_under_by_area_and_speed_and_is_told():
    foam = made()
    foam.frame(*falling_block(3.0), NO_BLOWS)
    told = foam.splashes()
    assert len(told) >= 1 and (told["body"] == "").all() and (told["liquid"] == "water").all()
    below = told[told["point"][:, 1] < 0.12]
    np.testing.assert_allclose(below["point"].mean(axis=0)[[0, 2]], 0.1, atol=0.02)
    air = ENTRAINED * 2.0 * 0.06**2 / 24
    assert 0.3 * air < told["air"].sum() < 2 * air, "the rim of the sheet below the block, two cells wide"
    energy = 0.5 * 998.2 * 27 * 0.06**2 / 24
    assert 0.3 * energy < told["energy"].sum() < 2 * energy
    bubbles = foam.balls[foam.balls["kind"] == 2]
    volume = (4 / 3 * np.pi * bubbles["radius"].astype(float) ** 3).sum()
    assert volume == np.clip(volume, 0.7 * told["air"].sum(), 1.3 * told["air"].sum())
    assert (foam.balls["kind"] == 0).sum() > 0, "spray"
    again = made()
    again.frame(*falling_block(3.0), NO_BLOWS)
    assert (again.balls == foam.balls).all()


def test_bubbles_rise_to_the_surface_become_foam_and_that_bursts():
    foam, pool = made(), lattice((0, 0, 0), (0.2, 0.1, 0.2))
    foam.balls = np.zeros(400, FOAM_DTYPE)
    foam.balls["position"] = (0.1, 0.03, 0.1)
    foam.balls["kind"], foam.balls["radius"] = 2, 1e-3
    still = np.zeros_like(pool)
    foam.frame(pool, still, NO_BLOWS)
    np.testing.assert_allclose(foam.balls["position"][:, 1], 0.03 + RISE / 24, atol=1e-6)
    for _ in range(11):
        foam.frame(pool, still, NO_BLOWS)
    assert (foam.balls["kind"] == 1).all()
    np.testing.assert_allclose(foam.balls["position"][:, 1], 0.1, atol=CELL)
    there = len(foam.balls)
    for _ in range(36):
        foam.frame(pool, still, NO_BLOWS)
    assert 0.5 * np.exp(-1.5 / LIFE) < len(foam.balls) / there < 2 * np.exp(-1.5 / LIFE)
    np.testing.assert_allclose(foam.balls["position"][:, 1], 0.1, atol=CELL)


def test_spray_flies_as_a_stone_and_ends_in_the_liquid():
    foam, pool = made(), lattice((0, 0, 0), (0.2, 0.1, 0.2))
    foam.balls = np.zeros(1, FOAM_DTYPE)
    foam.balls["position"], foam.balls["velocity"] = (0.1, 0.2, 0.1), (0.1, 1.0, 0)
    for _ in range(5):
        foam.frame(pool, np.zeros_like(pool), NO_BLOWS)
    t = 5 / 24
    np.testing.assert_allclose(foam.balls["position"][0], (0.1 + 0.1 * t, 0.2 + t - 9.81 * t**2 / 2, 0.1), atol=1e-5)
    for _ in range(5):
        foam.frame(pool, np.zeros_like(pool), NO_BLOWS)
    assert len(foam.balls) == 0


def test_a_ball_that_drags_air_under_leaves_a_round_cloud_of_fine_bubbles_and_a_still_tank_has_none():
    foam, pool = made(), lattice((0, 0, 0), (0.2, 0.1, 0.2))
    blow = np.zeros(1, SPLASH_DTYPE)
    blow["body"], blow["point"], blow["air"] = "ball", (0.1, 0.05, 0.1), 3e-4
    foam.frame(pool, np.zeros_like(pool), NO_BLOWS)
    assert len(foam.balls) == 0
    foam.frame(pool, np.zeros_like(pool), blow)
    volume = (4 / 3 * np.pi * foam.balls["radius"].astype(float) ** 3).sum()
    assert 0.7 < volume / (FINE * 3e-4) < 1.3 and (foam.balls["kind"] == 2).all()
    away = foam.balls["position"] - blow["point"]
    reach = (9e-4 / (4 * np.pi)) ** (1 / 3)
    assert len(away) > 200 and foam.balls["position"][:, 1].max() < 0.1, "all of them in the liquid"
    assert away[:, [0, 2]].std(axis=0) == pytest.approx([0.5 * reach] * 2, rel=0.15)
    # a block would have as many in its corners, per area, as in its middle
    assert (np.abs(away[:, [0, 2]]).min(axis=1) > 0.8 * reach).mean() < 0.02


def test_water_poured_into_water_from_high_foams_in_a_scene():
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=24, domain=((0, 0, 0), (0.2, 0.5, 0.2)))
    scene.add(physim.Box((0.2, 0.08, 0.2)), water, name="water", position=(0.1, 0.04, 0.1))
    scene.add(physim.Emitter(centre=(0.1, 0.45, 0.1), radius=0.03, velocity=(0, -1.5, 0)), water, name="jet")
    run = physim.simulate(scene, seconds=0.4, fps=24, device="cpu")
    foam = run["water"].foam
    assert len(foam) == len(run["water"].position) and len(foam[0]) == 0 and len(foam[-1]) > 10
    own = run.splashes[run.splashes["body"] == ""]
    assert len(own) > 0 and (np.diff(run.splashes["time"]) >= 0).all()
    assert own["time"][0] > 0.1, "the jet is 0.37 m above the pool"


def test_a_clear_drop_is_unseen_in_even_light_and_mirrors_a_fifteenth_of_it_before_darkness():
    light = physim.scene.Light()
    white = foam_colour(light)
    even = np.broadcast_to(white, (4, 5, 3))
    np.testing.assert_allclose(drop_colour(light, even), white, rtol=1e-6)
    np.testing.assert_allclose(drop_colour(light, np.zeros((4, 5, 3))), 0.066 * white, rtol=1e-6)
