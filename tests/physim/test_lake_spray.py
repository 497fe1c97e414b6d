"""Drops thrown up by what falls into a lake: volume and momentum are those of the lake, before and after."""

import numpy as np
import pytest

import physim
from physim.lake_spray import SHARE, LakeSpray
from physim.lake_water import LakeWater

G = np.array([0.0, -9.81, 0.0])


def lake(cells=40):
    scene = physim.Scene()
    name = scene.add(physim.Lake(size=(4, 4), depth=1.0, cells=cells, wind_waves=False), physim.Liquid("water"))
    water = LakeWater(scene, scene[name], "cpu")
    return water, LakeSpray(water, G, seed=2)


def momentum(water, spray):
    """Along the ground, of lake and drops (2,) [m^4/s]."""
    h, u, w = (getattr(water.field, n).numpy() for n in ("h", "u", "w"))
    own = [0.5 * (h + np.roll(h, step)) * v for step, v in ((1, u), (water.field.width, w))]
    return np.array([a.sum() for a in own]) * water.lake.cell**2 + spray.volume @ spray.velocity[:, [0, 2]]


def test_a_crown_takes_its_volume_from_the_lake_and_brings_it_back_with_its_momentum():
    water, spray = lake()
    start = water.volume()
    water.field.u.assign(0.05 * water.field.open_x.numpy())
    before = momentum(water, spray)
    spray.frame(1 / 24, 1 / 24, [(0.02, np.array([0.3, 0.0, -0.2]), 4.0, 0.2, 10.0)])
    air = spray.volume.sum()
    assert air > 1e-5 and start - water.volume() == pytest.approx(air, rel=1e-9)
    kinetic = 0.5 * 998.2 * (spray.volume * ((spray.velocity - (1 / 24 - 0.02) * G) ** 2).sum(axis=1)).sum()
    assert kinetic == pytest.approx(SHARE * 10.0, rel=0.2), "of 10 J; single drops are fast or slow"
    np.testing.assert_allclose(momentum(water, spray), before, atol=1e-9)
    most = float(np.abs(water.eta()[np.isfinite(water.eta())]).max())
    assert most < 0.02, "the surface is lowered by some millimetres where it was thrown from"
    for frame in range(1, 40):
        spray.frame((frame + 1) / 24, 1 / 24, [])
    assert len(spray.volume) == 0 and spray.ashore == 0
    assert water.volume() == pytest.approx(start, rel=1e-12)
    np.testing.assert_allclose(momentum(water, spray), before, atol=1e-6 + 0.01 * np.abs(before).max())


def test_drops_fly_as_stones_and_those_that_miss_the_water_are_told():
    _, spray = lake()
    spray.frame(1 / 24, 1 / 24, [(1 / 24, np.array([1.85, 0.0, 0.0]), 6.0, 0.2, 20.0)])
    place, velocity = spray.position.copy(), spray.velocity.copy()
    number = int(velocity[:, 1].argmax())
    spray.frame(2 / 24, 1 / 24, [])
    t = 1 / 24
    expected = place[number] + t * velocity[number] + 0.5 * t**2 * G
    assert np.abs(spray.position - expected).sum(axis=1).min() < 1e-9
    air = spray.volume.sum()
    for frame in range(2, 40):
        spray.frame((frame + 1) / 24, 1 / 24, [])
    assert 0 < spray.ashore < air


@pytest.mark.parametrize("speed, size", [(0.3, 0.2), (2.0, 0.0005)])
def test_slow_and_tiny_bodies_make_no_crown(speed, size):
    _, spray = lake()
    spray.frame(1 / 24, 1 / 24, [(0.02, np.zeros(3), speed, size, 1.0)])
    assert len(spray.volume) == 0


def test_a_stone_thrown_into_a_pond_throws_up_drops_that_come_back():
    scene = physim.Scene()
    scene.add(physim.Lake(size=(4, 4), depth=1.0, cells=40, wind_waves=False), physim.Liquid("water"), name="pond")
    scene.add(physim.Sphere(0.1), physim.Rigid("stone"), name="stone", position=(0, 0.6, 0), velocity=(0, -4.0, 0))
    run = physim.simulate(scene, seconds=1.0, fps=24, device="cpu")
    foam = run["pond"].foam
    counts = [len(f) for f in foam]
    assert counts[0] == 0 and max(counts) >= 30 and counts[-1] < max(counts)
    assert max(f["position"][:, 1].max(initial=0) for f in foam) > 0.2
    assert run.report.values["lake_volume_error [-]"] < 1e-9
