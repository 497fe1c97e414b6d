"""Liquid in a scene: what rests stays at rest, what pours has its volume, walls hold, wrong settings are told."""

import numpy as np
import pytest

import physim


def tank(resolution: int = 16, **liquid) -> physim.Scene:
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=resolution, domain=((0, 0, 0), (1, 1, 1)), **liquid)
    scene.add(physim.Box((1, 0.5, 1)), water, name="water", position=(0.5, 0.25, 0.5))
    return scene


def test_water_at_rest_in_a_tank_stays_at_rest_and_keeps_its_volume():
    run = physim.simulate(tank(), seconds=0.5, fps=24, device="cpu")
    speed = np.abs(run["water"].velocity.astype(float)).max()
    assert speed < 1e-3 * np.sqrt(9.81 * 0.5), "the lattice fits the tank, so nothing has to settle"
    np.testing.assert_allclose(run["water"].volume(0), 0.5, rtol=1e-9)
    assert run["water"].volume(-1) == run["water"].volume(0)


def test_two_runs_give_the_same_bytes():
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=16, domain=((0, 0, 0), (1, 0.6, 0.4)))
    scene.add(physim.Box((0.4, 0.4, 0.4)), water, name="water", position=(0.2, 0.2, 0.2))
    one, two = (physim.simulate(scene, seconds=0.5, fps=24, device="cpu")["water"].position for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert np.nanmax(one[-1, :, 0]) > 0.9, "it has run along the tank meanwhile"


def test_an_emitter_pours_its_disc_times_its_speed():
    scene = physim.Scene()
    water = physim.Liquid("water", resolution=32, domain=((-0.2, 0, -0.2), (0.2, 0.6, 0.2)))
    scene.add(physim.Emitter((0, 0.5, 0), radius=0.03, velocity=(0, -0.8, 0), start=0.1, end=0.4), water, name="tap")
    run = physim.simulate(scene, seconds=0.5, fps=24, device="cpu")
    exact = np.pi * 0.03**2 * 0.8 * 0.3
    layer = 0.6 / 32 / 2 / (0.8 * 0.3)
    assert run.report.values["liquid_volume_emitted [m^3]"] == pytest.approx(exact, rel=layer), "to one layer"


def test_a_cup_of_a_concave_mesh_holds_its_coffee():
    outline = np.array([(0, 0), (0.04, 0), (0.045, 0.1), (0.041, 0.1), (0.036, 0.006), (0, 0.006)])
    scene = physim.Scene()
    scene.add(physim.Mesh.revolved(outline), physim.Static("ceramic"), name="cup")
    coffee = physim.Liquid("coffee", resolution=24)
    scene.add(physim.Cylinder(0.038, 0.05), coffee, name="coffee", position=(0, 0.031, 0))
    run = physim.simulate(scene, seconds=0.25, fps=24, device="cpu")
    x = run["coffee"].position[-1]
    assert run.report.values["liquid_volume_left [m^3]"] == 0.0
    assert np.hypot(x[:, 0], x[:, 2]).max() < 0.0425 and x[:, 1].min() > 0.004


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda s: s.add(physim.Box((1, 1, 1)), physim.Liquid(resolution=512), name="sea"), "Lower resolution"),
        (
            lambda s: (
                s.add(physim.Box((2, 2, 2)), physim.Static(), name="rock"),
                s.add(physim.Box((0.5, 0.5, 0.5)), physim.Liquid("water", resolution=16), name="sea"),
            ),
            "in something solid",
        ),
        (
            lambda s: s.add(
                physim.Emitter((0.5, 0.5, 0.5), radius=0.01, velocity=(0, -1, 0)),
                physim.Liquid("water", resolution=16, domain=((0, 0, 0), (1, 1, 1))), name="sea",
            ),
            "Raise Liquid.resolution to 75",
        ),
        (
            lambda s: s.add(
                physim.Emitter((0.5, 2.0, 0.5), radius=0.1, velocity=(0, -1, 0)),
                physim.Liquid("water", resolution=16, domain=((0, 0, 0), (1, 1, 1))), name="sea",
            ),
            "outside of the liquid's box",
        ),
    ],
)  # fmt: skip
def test_impossible_settings_are_told_with_what_to_change(build, message):
    scene = physim.Scene()
    build(scene)
    with pytest.raises(ValueError, match=message):
        physim.simulate(scene, seconds=0.1, fps=24, device="cpu")
