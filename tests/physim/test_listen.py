"""What can be heard of a simulated scene, and that its sound begins when the solver says, at the level it says."""

import importlib

import numpy as np
import pytest

import physim
from physim.listen import listen
from physim.trajectory import CONTACT_DTYPE

listening = importlib.import_module("physim.listen")
HEIGHT, RADIUS = 0.3, 0.02


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def dropped():
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood"))
    scene.add(physim.Sphere(RADIUS), physim.Rigid("steel"), name="ball", position=(0, HEIGHT + RADIUS, 0))
    scene.add(
        physim.Box((0.12, 0.01, 0.03)), physim.Rigid("glass"), name="bar", position=(0.3, 0.2, 0),
        orientation=(0.05, 0, 0.2, 1),
    )  # fmt: skip
    return physim.simulate(scene, seconds=0.5, fps=24)


def test_the_first_blow_is_felt_when_free_fall_says(dropped):
    audible = listen(dropped)
    names = [r.name for r in audible.resonators]
    first = next(s for s in audible.strikes if names[s.resonator] == "ball")
    assert first.time == pytest.approx(np.sqrt(2 * HEIGHT / 9.81), abs=2e-4)  # a substep is a millisecond
    mass = 7850 * 4 / 3 * np.pi * RADIUS**3
    speed = np.sqrt(2 * 9.81 * HEIGHT)
    assert mass * speed < first.impulse < 2 * mass * speed
    assert 1e-5 < first.duration < 2e-3
    assert first.other == "wood"


def test_every_part_has_the_shapes_that_go_together(dropped):
    audible = listen(dropped)
    assert audible.seconds == pytest.approx(0.5)
    assert {r.name for r in audible.resonators} == {"ball", "bar", "plane1 under ball", "plane1 under bar"}
    for resonator in audible.resonators:
        assert np.all(resonator.pole.real < 0) and np.all(resonator.pole.imag > 0)
        assert resonator.position.shape[1] == 3 and len(resonator.held) in (1, len(resonator.position))
    assert audible.sample_rate == 24 * 8


def test_impacts_within_a_millisecond_are_one_blow_and_keep_their_impulse(dropped):
    rows = np.zeros(5, CONTACT_DTYPE)
    rows["time"] = [0.1, 0.1005, 0.101, 0.2, 0.2004]
    rows["body_a"], rows["body_b"] = "plane1", ["bar", "bar", "bar", "bar", "ball"]
    rows["impulse"] = [1, 2, 3, 4, 5]
    groups = listening._blows(rows)
    assert [g["impulse"].tolist() for g in groups] == [[1, 2, 3], [4], [5]]


def test_a_train_of_impacts_is_no_endless_blow():
    rows = np.zeros(100, CONTACT_DTYPE)
    rows["time"] = np.arange(100) * 1e-3
    rows["impulse"] = 1
    groups = listening._blows(rows)
    assert sum(len(g) for g in groups) == 100
    assert max(np.ptp(g["time"]) for g in groups) <= listening.LONGEST


def test_a_sliding_thing_rubs_and_one_at_rest_does_not():
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood"))
    box = physim.Box((0.08, 0.02, 0.05))
    scene.add(box, physim.Rigid("wood", restitution=0), name="slides", position=(0, 0.01, 0), velocity=(1.0, 0, 0))
    scene.add(box, physim.Rigid("wood", restitution=0), name="rests", position=(0, 0.01, 0.5))
    audible = listen(physim.simulate(scene, seconds=0.5, fps=24))
    names = [r.name for r in audible.resonators]
    assert {names[rub.resonator] for rub in audible.rubs} == {"slides", "plane1 under slides"}
    rub = next(r for r in audible.rubs if names[r.resonator] == "slides")
    weight = 650 * 0.08 * 0.02 * 0.05 * 9.81
    moving = rub.slip > 0.05
    assert rub.force[moving][2:].mean() == pytest.approx(weight, rel=0.2)
    times = np.arange(len(rub.slip)) / audible.sample_rate
    expected = np.maximum(1.0 - 0.45 * 9.81 * times, 0)
    assert np.abs(rub.slip - expected)[moving].max() < 0.06
    held = audible.resonators[names.index("slides")].held
    assert held[3:].min() >= listening.HELD  # it lies on the floor all the time


def test_nothing_that_moves_is_nothing_to_hear():
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("wood"))
    scene.add(physim.Sphere(0.05), physim.Rigid("steel"), name="ball", position=(0, 1.0, 0))
    audible = listen(physim.simulate(scene, seconds=0.1, fps=24))
    assert audible.resonators == () and audible.strikes == () and audible.rubs == ()


def test_a_floor_sends_the_pulse_of_the_blow_over_its_mass():
    """p = rho cos(theta) f / (2 pi m) at one metre, for a force that changes slowly."""
    from physim.floor import plate

    oak = plate("floor", "oak", np.zeros((1, 3)))
    time = np.arange(4800) / 480_000
    answer = (oak.weight * np.exp(np.outer(time, oak.pole))).sum(axis=1).real
    assert np.trapezoid(answer, time) == pytest.approx(0.6 * 1.204 / (2 * np.pi * 0.03 * 750), rel=1e-3)


def test_a_body_whose_mesh_is_torn_is_still_heard(monkeypatch, caplog):
    def torn(*_, **__):
        raise ValueError("no point lies inside the mesh")

    monkeypatch.setattr(listening, "modes", torn)
    scene = physim.Scene()
    scene.add(physim.Plane(), physim.Static("stone"))
    scene.add(physim.Sphere(0.02), physim.Rigid("steel"), name="ball", position=(0, 0.05, 0))
    audible = listen(physim.simulate(scene, seconds=0.2, fps=24))
    ball = next(r for r in audible.resonators if r.name == "ball")
    assert len(ball.pole) == 1 and any(audible.resonators[s.resonator] is ball for s in audible.strikes)
    assert "ball has no modes" in caplog.text
