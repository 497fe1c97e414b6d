"""Hints that contradict each other are refused where one of them must go, else named aloud with what counts."""

import logging

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

import physim
from physim.camera import Camera
from physim.camera_guess import guessed_camera
from physim.hint_check import doubts
from physim.shot import CameraHint, CircleHint, DepthClick, Hints, KnownLength, LightHint, ShadowHint

SIZE = (60, 90)
LOOKS = {"fov": 90.0, "pitch": 30.0}
MIDDLE = (45.0, 30.0)


def _camera() -> Camera:
    return Camera.looking(SIZE, fov_deg=90, pitch_deg=30, height=1.5)


def _click(depth: float, at=MIDDLE) -> DepthClick:
    return DepthClick(pixel=at, depth=depth)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CameraHint(pitch=10, horizon=0.9),
        lambda: CameraHint(circle=CircleHint(ellipse=(40, 40, 9, 4, 0), diameter=0.3), height=9),
        lambda: CameraHint(circle=CircleHint(ellipse=(40, 40, 9, 4, 0), diameter=0.3), pitch=10),
        lambda: LightHint(direction=(0, 1, 0), shadow=ShadowHint(shadow_of=(40, 20), tip=(50, 40))),
    ],
)
def test_what_is_said_twice_is_refused_with_what_to_leave_out(make):
    with pytest.raises(ValidationError, match=r"give one of them|leave out"):
        make()


def test_hints_that_agree_raise_no_doubt():
    ground = [(5.0, 25.0), (85.0, 25.0), (85.0, 55.0), (5.0, 55.0)]
    clicks = [_click(3.05), _click(3.0, (45.2, 30.0)), _click(9.0, (80.0, 5.0))]
    assert doubts(Hints(ground=ground, clicks=clicks), _camera()) == {}


def test_clicks_on_one_place_may_not_say_two_depths():
    found = doubts(Hints(clicks=[_click(2.0), _click(3.0, (45.5, 30.5)), _click(9.0, (80.0, 30.0))]), _camera())
    assert list(found) == ["doubt.clicks.0.1"]
    assert "2 m and 3 m" in found["doubt.clicks.0.1"]


def test_a_click_on_the_outlined_ground_must_be_about_as_far_as_it():
    ground = [(5.0, 25.0), (85.0, 25.0), (85.0, 55.0), (5.0, 55.0)]
    found = doubts(Hints(ground=ground, clicks=[_click(2.0)]), _camera())
    assert list(found) == ["doubt.clicks.0"]
    # the middle of the pixel, 0.5 / 45 below the axis, sees the ground at 1.5 / (sin 30 + cos 30 / 90) = 2.94 m
    assert "is 2.94 m away" in found["doubt.clicks.0"]


def test_ground_outlined_above_the_horizon_is_named():
    # the horizon is 45 tan 30 = 26 pixels above the middle: at row 4; half of this outline is above it
    found = doubts(Hints(ground=[(5.0, 0.0), (85.0, 0.0), (85.0, 8.0), (5.0, 8.0)]), _camera())
    assert found["doubt.ground"].startswith("50% of hints.ground")


@pytest.mark.parametrize(("metres", "doubted"), [(1.0, False), (1.5, True)])
def test_a_known_length_must_agree_with_the_height_that_is_given(metres, doubted):
    camera = _camera()
    ends = [camera.project(np.array([x, 0.0, -2.6]))[0] for x in (-0.5, 0.5)]
    lengths = [KnownLength(line=(tuple(ends[0]), tuple(ends[1])), metres=metres)]
    hints = Hints(camera=CameraHint(**LOOKS, height=1.5), lengths=lengths)
    _, report = guessed_camera(hints, np.full((*SIZE, 3), 0.5, np.float32))
    assert ("doubt.lengths" in report) == doubted


def test_lengths_that_differ_from_each_other_are_named():
    camera = _camera()
    ends = [tuple(camera.project(np.array([x, 0.0, -2.6]))[0]) for x in (-0.5, 0.5)]
    lengths = [KnownLength(line=(ends[0], ends[1]), metres=m) for m in (1.0, 1.3)]
    _, report = guessed_camera(Hints(camera=CameraHint(**LOOKS), lengths=lengths), np.full((*SIZE, 3), 0.5, np.float32))
    assert "from 1.5 to 1.95 m high" in report["doubt.lengths"]


def test_reconstruct_says_a_doubt_aloud_and_keeps_it_in_the_report(tmp_path, caplog):
    Image.new("RGB", (90, 60), (120, 130, 140)).save(tmp_path / "photo.png")
    shot = physim.Shot.model_validate(
        {
            "photo": str(tmp_path / "photo.png"),
            "seconds": 0.1,
            "hints": {
                "camera": {**LOOKS, "height": 1.5},
                "clicks": [{"pixel": [45, 30], "depth": 2.0}, {"pixel": [46, 30], "depth": 5.0}],
            },
        }
    )
    with caplog.at_level(logging.WARNING):
        scene = physim.reconstruct(shot)
    assert "say 2 m and 5 m" in scene.backdrop.report["doubt.clicks.0.1"]
    assert "say 2 m and 5 m" in caplog.text
