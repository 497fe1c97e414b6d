"""Light from shadows and white spots of scenes lit on purpose."""

import numpy as np
import pytest

from physim.camera import Camera
from physim.light import AMBIENT_OF_SHADE, light_of
from physim.shot import Hints
from physim.srgb import to_srgb
from physim.view import on_plane

SIZE = (120, 160)
CAMERA = Camera.looking(SIZE, fov_deg=50, pitch_deg=30, height=1.4)
TOWARDS = np.array([0.48, 0.64, 0.6])


def ground_at(pixel, what):
    return on_plane(CAMERA, np.array(pixel, dtype=float), 0.0)


def grey():
    return np.full((*SIZE, 3), 0.4, dtype=np.float32)


def pixel_of(point):
    return tuple(float(x) for x in CAMERA.project(np.array(point))[0])


def test_the_tip_of_a_shadow_gives_the_direction_of_the_light():
    base = np.array([0.1, 0.0, -2.0])
    top = base + (0, 0.5, 0)
    tip = top - TOWARDS * top[1] / TOWARDS[1]
    hint = {"shadow_of": pixel_of(top), "tip": pixel_of(tip), "base": pixel_of(base)}
    light, report = light_of(grey(), CAMERA, Hints(light={"shadow": hint}), ground_at)
    assert np.allclose(light.direction, TOWARDS, atol=1e-6)
    assert light.source == "user"
    assert "shadow" in report["light.direction"]


def test_a_tip_that_is_no_tip_is_refused():
    hint = {"shadow_of": (80, 100), "tip": (80, 60), "base": (80, 100)}
    with pytest.raises(ValueError, match="shadow"):
        light_of(grey(), CAMERA, Hints(light={"shadow": hint}), ground_at)


def test_two_white_spots_give_colour_and_ambient():
    lit, shade = np.array([0.9, 0.8, 0.7]), np.array([0.5, 0.3, 0.1])
    picture = grey()
    picture[10:30, 10:30], picture[50:70, 50:70] = to_srgb(lit), to_srgb(shade)
    hints = Hints(white={"light": (20, 20), "shade": (60, 60)})
    light, _ = light_of(picture, CAMERA, hints, ground_at)
    assert np.allclose(light.ambient, AMBIENT_OF_SHADE * shade, atol=1e-4)
    # a white surface that faces the light and sees all else sends back what was clicked
    assert np.allclose(np.add(light.colour, light.ambient), lit, atol=1e-4)
    swapped = Hints(white={"light": (60, 60), "shade": (20, 20)})
    with pytest.raises(ValueError, match="swapped"):
        light_of(picture, CAMERA, swapped, ground_at)


def test_a_white_spot_outside_the_photo_is_named():
    hints = Hints(white={"light": (900, 20), "shade": (60, 60)})
    with pytest.raises(ValueError, match=r"hints\.white\.light"):
        light_of(grey(), CAMERA, hints, ground_at)


def test_without_hints_the_tint_of_bright_neutral_pixels_is_taken_and_the_direction_said_to_be_a_default():
    rng = np.random.default_rng(0)
    reflectance = rng.random((*SIZE, 1)) * np.ones(3)
    picture = to_srgb(reflectance * np.array([1.0, 0.85, 0.7]) * 0.9)
    light, report = light_of(picture, CAMERA, Hints(), ground_at)
    white = np.add(light.colour, light.ambient)
    assert np.allclose(white / white[0], [1.0, 0.85, 0.7], atol=0.02)
    assert light.source == "default"
    assert "bright neutral" in report["light.colour"]
    assert "default" in report["light.direction"]


def test_softness_and_floor_are_taken_over_in_radians():
    hints = Hints(light={"direction": [0, 2, 0], "softness": 3.0, "floor": 0.2})
    light, _ = light_of(grey(), CAMERA, hints, ground_at)
    assert light.half_angle == pytest.approx(np.radians(3.0))
    assert light.shadow_floor == 0.2
    assert light.direction == (0.0, 1.0, 0.0)
