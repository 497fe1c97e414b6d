"""Odd photos and shots: each gives a scene or one clear refusal, never a crash and never silence."""

import json
import logging

import numpy as np
import pytest
from odd_inputs import draw

import physim
from physim.photo import PhotoError
from physim.shot_file import ShotError, load

COUNT = 200
SAID_TWICE = ("two pitches", "a circle and a height")


def outcome(number: int, folder) -> tuple[str, physim.Scene | ValueError]:
    what, fields = draw(number, folder)
    path = folder / "shot.json"
    path.write_text(json.dumps(fields))
    try:
        return what, physim.reconstruct(load(path))
    except ValueError as refusal:  # anything else is a crash
        return what, refusal


def check_scene(what: str, scene: physim.Scene) -> None:
    backdrop = scene.backdrop
    assert np.isfinite(backdrop.depth).all() and backdrop.depth.min() > 0, what
    assert backdrop.plate.shape == backdrop.photo.shape and np.isfinite(backdrop.plate).all(), what
    outside = backdrop.hole == 0
    np.testing.assert_array_equal(backdrop.plate[outside], backdrop.photo[outside], err_msg=what)
    assert {"camera.fov", "camera.pitch", "camera.height", "depth"} <= set(backdrop.report), what
    assert not what.endswith(SAID_TWICE), f"{what}: two answers to one question were both taken"
    if what.endswith("clicks that disagree"):
        assert any(key.startswith("doubt.clicks") for key in backdrop.report), f"{what}: taken in silence"
    for body in scene.bodies:
        assert np.isfinite(body.position).all() and 0 < body.mass < np.inf, what
        assert f"{body.name}.solid" in backdrop.report, what


def check_refusal(what: str, refusal: ValueError) -> None:
    text = str(refusal)
    assert type(refusal) in (ShotError, PhotoError, ValueError), f"{what}: {type(refusal).__name__}"
    assert "pydantic" not in text and len(text) > 40, f"{what}: {text}"
    named = ("thing", "hints", "photo", ".png", ".jpg", ".tif", ".heic")
    assert any(name in text for name in named), f"{what}: {text} names nothing"


@pytest.mark.parametrize("first", range(4))
def test_every_odd_input_gives_a_scene_or_a_clear_refusal(first, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    scenes = 0
    for number in range(4 * first, COUNT, 16):  # `python -m benchmarks.odd_inputs` takes all of them
        folder = tmp_path / str(number)
        folder.mkdir()
        what, result = outcome(number, folder)
        if isinstance(result, ValueError):
            check_refusal(what, result)
        else:
            scenes += 1
            check_scene(what, result)
    assert scenes >= 3, "most of this can be used"
