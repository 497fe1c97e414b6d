"""Parameters are found again from where things were seen, with noise, and their errors are honest."""

import numpy as np
import pytest

import physim
from physim.fit import Sighting, fit

NOISE = 0.7
"""Of a point [pixels]."""


def shot_of(thing, seconds):
    return physim.Shot(
        photo="skimage:coffee.png",
        hints={"camera": {"pitch": 20, "height": 0.4, "fov": 40}},
        things=[{"name": "it", **thing}],
        settle=False,
        seconds=seconds,
        fps=30,
    )


def seen(shot, seed=0, metres=False):
    scene = physim.reconstruct(shot, picture=False)
    body = physim.simulate(scene, seconds=shot.seconds, fps=shot.fps).bodies["it"]
    times = np.arange(round(shot.seconds * shot.fps)) / shot.fps
    places = np.array([body.at(time)[0] for time in times])
    if metres:
        return Sighting("it", times, places + np.random.default_rng(seed).normal(0, 1e-3, places.shape), 1e-3)
    pixels = scene.camera.at(0.0).project(places)[0]
    return Sighting("it", times, pixels + np.random.default_rng(seed).normal(0, NOISE, pixels.shape), NOISE)


BALL = {
    "shape": {"sphere": 0.02}, "at": [0, 0.25, -0.8], "velocity": [0.3, 0.1, 0],
    "rigid": {"restitution": 0.73, "drag_coefficient": 0},
}  # fmt: skip
BOX = {
    "shape": {"box": [0.06, 0.03, 0.04]}, "at": [-0.1, 0.015, -0.7], "velocity": [0.9, 0, 0],
    "rigid": {"friction": 0.32, "drag_coefficient": 0},
}  # fmt: skip


def test_restitution_and_velocity_of_a_bouncing_ball():
    shot = shot_of(BALL, 1.0)
    found = fit(
        shot, [seen(shot)], "things.it.rigid.restitution=0.3:0.95", "things.it.velocity.0=-1:1", starts=12, seed=1
    )
    restitution, velocity = found.values.values()
    assert restitution == pytest.approx(0.73, abs=0.02)
    assert velocity == pytest.approx(0.3, rel=0.02)
    assert 0.7 < found.rms < 1.2  # what is left is the noise
    for (path, value), true in zip(found.values.items(), (0.73, 0.3), strict=True):
        assert abs(value - true) < 4 * found.errors[path] + 1e-3
    assert found.shot.things[0].rigid.restitution == restitution


def test_friction_of_a_sliding_box_from_metres():
    shot = shot_of(BOX, 0.5)
    found = fit(shot, [seen(shot, metres=True)], "things.it.rigid.friction=0.05:0.9", starts=8)
    assert found.values["things.it.rigid.friction"] == pytest.approx(0.32, abs=0.03)


def test_what_the_sightings_do_not_tell_has_a_huge_error():
    shot = shot_of({**BALL, "velocity": [0, 0, 0]}, 0.2)  # it has not yet touched anything
    found = fit(shot, [seen(shot)], "things.it.rigid.restitution=0.3:0.95", "things.it.velocity.0=-1:1", starts=4)
    assert found.errors["things.it.rigid.restitution"] > 10
    assert found.errors["things.it.velocity.0"] < 0.05


def test_a_wrong_request_is_said():
    shot = shot_of(BALL, 0.2)
    sight = Sighting("it", np.array([0.0, 0.1]), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="needs sightings, and ranges"):
        fit(shot, [sight])
    with pytest.raises(ValueError, match="needs sightings, and ranges"):
        fit(shot, [sight], "seed=1,2")
    with pytest.raises(ValueError, match=r"seen at 5 s, but the shot ends at 0\.2 s"):
        fit(shot, [Sighting("it", np.array([0.0, 5.0]), np.zeros((2, 2)))], "seconds=1:2")
    with pytest.raises(ValueError, match="was seen but does not move"):
        fit(shot, [Sighting("moon", np.array([0.0, 0.1]), np.zeros((2, 2)))], "things.it.velocity.0=-1:1")
    for times, points, sigma in [
        ([0.0], np.zeros((2, 2)), 1),
        ([0, 1], np.full((2, 2), np.nan), 1),
        ([0, 1], np.zeros((2, 3)), 0),
    ]:
        with pytest.raises(ValueError, match="sighting of 'it'"):
            Sighting("it", np.array(times, float), points, sigma)
