"""Liquid in a scene: what rests stays at rest, what pours has its volume, walls hold, wrong settings are told."""

import numpy as np
import pytest

import physim
from physim.materials import WALLS


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


def floating(density: float, *, resolution: int = 24) -> tuple[float, float]:
    """Mean draught of a flat box within the last half second, and that of Archimedes [m]."""
    size, depth = (0.3, 0.16, 0.3), 0.16 * density / 1000
    scene = physim.Scene()
    water = physim.Liquid("water", density=1000.0, resolution=resolution, domain=((0, 0, 0), (0.75, 0.75, 0.6)))
    scene.add(physim.Box((0.75, 0.375, 0.6)), water, name="water", position=(0.375, 0.1875, 0.3))
    wood = physim.Rigid("wood", density=density, drag_coefficient=0.0)
    scene.add(physim.Box(size), wood, name="box", position=(0.375, 0.375 + 0.08 - depth, 0.3))
    run = physim.simulate(scene, seconds=1.5, fps=24, device="cpu")
    level = (run["water"].volume(-1) + 0.3 * 0.3 * depth) / (0.75 * 0.6)
    bottom = run["box"].position[-12:, 1] - 0.08
    return float((level - bottom).mean()), depth


@pytest.mark.parametrize("density", [300.0, 600.0, 900.0])
def test_a_box_floats_as_deep_as_archimedes_says(density):
    draught, expected = floating(density)
    # a sixteenth of a cell of 31 mm: the box still heaves
    assert abs(draught - expected) < 0.002 + 0.02 * expected


def test_a_glass_that_is_tilted_and_shaken_loses_nothing_through_its_walls():
    outline = np.array([(0, 0), (0.035, 0), (0.04, 0.12), (0.037, 0.12), (0.032, 0.006), (0, 0.006)])
    times = np.arange(9) / 4
    motion = physim.Motion(
        times, offsets=[(0.06 * np.sin(6 * t), 0, 0.04 * np.sin(9 * t)) for t in times],
        turns=[(0, 0, 0.4 * np.sin(4 * t)) for t in times],
    )  # fmt: skip
    scene = physim.Scene()
    scene.add(physim.Mesh.revolved(outline), physim.Kinematic("glass", motion=motion), name="glass")
    water = physim.Liquid("water", resolution=24)
    scene.add(physim.Cylinder(0.0335, 0.06), water, name="water", position=(0, 0.037, 0), inside="glass")
    run = physim.simulate(scene, seconds=1.0, fps=24, device="cpu")
    from scipy.spatial.transform import Rotation

    track, glass = run["water"], run["glass"]
    assert np.nanmax(np.abs(track.velocity[-1].astype(float))) > 0.05, "it sloshes"
    spilled = np.zeros(track.position.shape[1], bool)
    for frame in range(24):
        own = Rotation.from_quat(glass.orientation[frame]).inv().apply(track.position[frame] - glass.position[frame])
        spilled |= ~(own[:, 1] < 0.12)  # over the rim, or out of the box by then
        below = own[~spilled]
        outer = 0.035 + 0.005 / 0.12 * below[:, 1]
        assert (np.hypot(below[:, 0], below[:, 2]) < outer).all() and (below[:, 1] > 0.0).all()
    assert spilled.mean() < 0.01


def test_a_long_tank_does_not_care_which_way_it_lies():
    """A box floats in water that falls apart; the grid lays its long side along memory, whichever that is."""
    found = []
    for turn in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):

        def turned(v, turn=turn):
            return tuple(float(v[a]) for a in turn)

        scene = physim.Scene(gravity=turned((0.0, -9.81, 0.0)))
        tank, half = np.array((1.2, 0.4, 0.08)), np.array((0.6, 0.2, 0.08))
        water = physim.Liquid("water", domain=((0, 0, 0), turned(tank)), resolution=48, viscosity=0.0, walls=WALLS)
        scene.add(physim.Box(turned(half)), water, name="water", position=turned(half / 2))
        box = physim.Box(turned((0.06, 0.04, 0.05)))
        scene.add(box, physim.Rigid("wood", density=500.0), name="box", position=turned((0.3, 0.22, 0.04)))
        track = physim.simulate(scene, seconds=0.25, fps=40)
        x = track.liquids["water"].position[-1]
        back = np.argsort(turn)
        found.append((x[:, back].mean(0), x[:, back].std(0), track["box"].position[-1][back]))
        assert track.report.values["liquid_momentum_error [-]"] < 0.02
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-3)
