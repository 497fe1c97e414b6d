"""Grains in a scene: mass and momentum are kept, runs repeat, slopes hold, bodies get what grains lose, errors tell."""

import numpy as np
import pytest

import physim

ROUGH = physim.Static("wood", friction=1.0)


def heap() -> physim.Scene:
    scene = physim.Scene()
    scene.add(physim.Plane(), ROUGH)
    sand = physim.Grains(resolution=32, domain=((-0.16, 0, -0.16), (0.16, 0.11, 0.16)))
    scene.add(physim.Box((0.1, 0.1, 0.1)), sand, name="sand", position=(0, 0.05, 0))
    return scene


def test_a_heap_keeps_its_mass_its_volume_and_its_axis_and_repeats_to_the_byte():
    one, two = (physim.simulate(heap(), seconds=0.5, fps=12, device="cpu") for _ in range(2))
    assert one["sand"].position.tobytes() == two["sand"].position.tobytes()
    values = one.report.values
    assert values["grains_mass_end [kg]"] == pytest.approx(1600 * 1e-3, rel=1e-6)
    assert values["grains_density_error [-]"] < 0.06
    x = one["sand"].position[-1].astype(float)
    assert np.abs(x.mean(axis=0)[[0, 2]]).max() < 1e-4, "what is symmetric stays so: no momentum comes from nowhere"
    assert x[:, 1].max() < 0.075 and np.hypot(x[:, 0], x[:, 2]).max() > 0.085, "it has slumped"
    assert np.abs(one["sand"].velocity[-1].astype(float)).mean() < 5e-3, "and rests"
    assert x[:, 1].min() > -1e-3, "above the ground"


def test_in_free_fall_momentum_and_energy_are_those_of_a_stone():
    scene = physim.Scene(gravity=(0.5, -9.81, 0.25))
    box = ((-0.4, -0.6, -0.4), (0.6, 0.6, 0.6))
    sand = physim.Grains("dry sand", resolution=24, domain=box)
    scene.add(physim.Box((0.2, 0.2, 0.2)), sand, name="sand", position=(0, 0.4, 0), velocity=(0.3, 0, -0.2))
    run = physim.simulate(scene, seconds=0.25, fps=24, device="cpu")
    track, t = run["sand"], 0.25
    x, v = track.position.astype(float), track.velocity.astype(float)
    exact = np.array([0.3, 0, -0.2]) + t * np.array([0.5, -9.81, 0.25])
    np.testing.assert_allclose(v[-1].mean(axis=0), exact, atol=2e-3)
    fall = t * np.array([0.3, 0, -0.2]) + 0.5 * t**2 * np.array([0.5, -9.81, 0.25])
    np.testing.assert_allclose((x[-1] - x[0]).mean(axis=0), fall, atol=2e-3)
    assert np.ptp(x[-1] - x[0], axis=0).max() < 1e-3, "all of it alike"


def test_a_ball_gets_the_momentum_that_the_grains_lose():
    scene = physim.Scene(gravity=(0, 0, 0))
    box = ((-0.3, -0.15, -0.15), (0.3, 0.15, 0.15))
    scene.add(
        physim.Box((0.1, 0.2, 0.2)), physim.Grains(resolution=36, domain=box), name="sand", position=(-0.1, 0, 0),
        velocity=(2.0, 0, 0),
    )  # fmt: skip
    ball = physim.Rigid("steel", density=2000.0, drag_coefficient=0.0)
    scene.add(physim.Sphere(0.05), ball, name="ball", position=(0.06, 0, 0))
    run = physim.simulate(scene, seconds=0.125, fps=24, device="cpu")
    mass = 2000.0 * physim.Sphere(0.05).volume
    x, v = run["sand"].position, run["sand"].velocity.astype(float)
    assert np.isfinite(x).all(), "all of it is still in the box"
    each = 1600.0 * run["sand"].particle_volume
    before = each * v[0].sum(axis=0)
    last = len(run["ball"].velocity) - 1  # of bodies the end is not kept
    got = mass * run["ball"].velocity[last]
    assert got[0] > 0.05 * before[0], "it was struck"
    assert np.abs(each * v[last].sum(axis=0) + got - before).max() < 1e-4 * before[0]
    arm = np.linalg.norm(x[last] - run["ball"].position[last], axis=1)
    assert arm.min() > 0.05 - run["sand"].cell, "no grains in the ball"


def test_a_stone_rests_on_sand_and_sinks_in_no_further_than_its_weight_asks():
    scene = physim.Scene()
    box = ((-0.15, 0, -0.15), (0.15, 0.15, 0.15))
    sand = physim.Grains(resolution=20, domain=box, walls=("-x", "+x", "-z", "+z"))
    scene.add(physim.Plane(), ROUGH)
    scene.add(physim.Box((0.3, 0.06, 0.3)), sand, name="sand", position=(0, 0.03, 0))
    stone = physim.Rigid("steel", density=2600.0, drag_coefficient=0.0)
    scene.add(physim.Box((0.09, 0.045, 0.09)), stone, name="stone", position=(0, 0.0855, 0))
    run = physim.simulate(scene, seconds=0.6, fps=12, device="cpu")
    height = run["stone"].position[:, 1]
    assert 0.075 < height[-1] < 0.09, "it lies on the sand, up to half a cell"
    assert np.linalg.norm(run["stone"].velocity[-1]) < 0.02


def test_wet_sand_holds_a_wall_that_dry_sand_does_not():
    def top(preset: str) -> float:
        scene = physim.Scene()
        scene.add(physim.Plane(), ROUGH)
        scene.add(
            physim.Box((0.08, 0.08, 0.08)), physim.Grains(preset, resolution=20), name="sand", position=(0, 0.04, 0)
        )
        return float(physim.simulate(scene, seconds=0.4, fps=10, device="cpu")["sand"].position[-1, :, 1].max())

    assert top("wet sand") > 0.072 and top("snow") > 0.07
    assert top("dry sand") < 0.06


def test_an_emitter_pours_its_disc_times_its_speed():
    scene = physim.Scene()
    scene.add(physim.Plane(), ROUGH)
    sugar = physim.Grains("sugar", resolution=24, domain=((-0.1, 0, -0.1), (0.1, 0.2, 0.1)))
    scene.add(physim.Emitter((0, 0.15, 0), radius=0.02, velocity=(0, -0.5, 0), end=0.2), sugar, name="tap")
    run = physim.simulate(scene, seconds=0.4, fps=10, device="cpu")
    exact = np.pi * 0.02**2 * 0.5 * 0.2 * 850
    assert run.report.values["grains_mass_emitted [kg]"] == pytest.approx(exact, rel=0.05)
    x = run["tap"].position[-1]
    assert np.isnan(run["tap"].position[0]).all() and x[:, 1].max() < 0.1, "it has come down in a heap"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: physim.Grains(poisson=0.5), "0.49"),
        (lambda: physim.Grains(modulus=-1.0), "modulus"),
        (lambda: physim.Grains(density=0.0), "density"),
        (lambda: physim.Grains(friction_angle=75.0), "friction_angle"),
        (lambda: physim.Grains(cohesion=-5.0), "cohesion"),
        (lambda: physim.Grains("custard"), "dry sand"),
        (lambda: physim.Grains(hardening=10.0), "crush"),
        (lambda: physim.Grains(walls=("left",)), "-x"),
        (lambda: physim.Grains(colour=(1, 2, 3)), "0 to 1"),
    ],
)
def test_no_such_matter(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def thin() -> physim.Scene:
    scene = physim.Scene()
    box = ((-1, 0, -1), (1, 1, 1))
    scene.add(physim.Box((0.5, 0.01, 0.5)), physim.Grains(resolution=16, domain=box), name="film", position=(0, 0.5, 0))
    return scene


def buried() -> physim.Scene:
    scene = heap()
    scene.add(physim.Box((0.5, 0.5, 0.5)), ROUGH, name="block", position=(0, 0.2, 0))
    return scene


def huge() -> physim.Scene:
    scene = physim.Scene()
    box = ((0, 0, 0), (1, 1, 1))
    scene.add(physim.Box((1, 1, 1)), physim.Grains(resolution=512, domain=box), name="dune", position=(0.5, 0.5, 0.5))
    return scene


@pytest.mark.parametrize(
    ("build", "message"),
    [(thin, "thin on cells"), (buried, "something solid"), (huge, "Lower resolution")],
)
def test_what_cannot_be_computed_says_why(build, message):
    with pytest.raises(ValueError, match=message):
        physim.simulate(build(), seconds=0.1, fps=24, device="cpu")
