"""Odd files and odd numbers: a scene, or one clear refusal, without a storm of warnings."""

import importlib.util
import json
import logging
import warnings

import numpy as np
import pytest
from odd_files import FILES, cases
from odd_inputs import scene_picture
from test_odd_inputs import check_scene

import physim
import physim.photo
from physim.photo import PhotoError
from physim.shot_file import ShotError, load

MOST_WARNINGS = 6
"""Lines that one shot may write before nobody reads them."""


def outcome(make, folder) -> tuple[physim.Scene | ValueError, list[str]]:
    """The scene or the refusal, and all that was said meanwhile."""
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    fields = {"seconds": 0.1} | make(folder)
    (folder / "shot.json").write_text(json.dumps(fields))
    logging.getLogger("physim").addHandler(listener)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                return physim.reconstruct(load(folder / "shot.json")), said
            except ValueError as refusal:  # anything else is a crash
                return refusal, said
            finally:
                said += [f"{w.category.__name__}: {w.message} ({w.filename}:{w.lineno})" for w in caught]
    finally:
        logging.getLogger("physim").removeHandler(listener)


def check(what: str, result: physim.Scene | ValueError, said: list[str]) -> None:
    assert len(said) <= MOST_WARNINGS, f"{what}: {len(said)} warnings, such as {said[0]}"
    assert not any("RuntimeWarning" in line for line in said), f"{what}: {said}"
    if isinstance(result, ValueError):
        text = str(result)
        assert type(result) in (ShotError, PhotoError, ValueError), f"{what}: {type(result).__name__}"
        assert "pydantic" not in text and len(text) > 40 and ("expected" in text or "." in text), f"{what}: {text}"
        return
    for entity in result.bodies:
        if f"{entity.name}.solid" not in result.backdrop.report:  # of the shot, not of the photo
            assert np.isfinite(entity.position).all() and 0 < entity.mass < np.inf, what
            result.backdrop.report[f"{entity.name}.solid"] = "given"
    check_scene(what, result)


@pytest.mark.skipif(importlib.util.find_spec("pillow_heif") is None, reason="the extra `formats`")
@pytest.mark.parametrize("what", ["HEIC", "HEIC of a phone held upright", "HEIC named JPEG"])
def test_heic_comes_out_upright_and_as_it_was(what, tmp_path):
    photo = physim.photo.Photo.load(FILES[what](tmp_path)["photo"])
    off = photo.image - scene_picture() / 255
    assert -10 * np.log10((off**2).mean()) > 30, "quality 95 keeps 33 dB of a noisy picture"


def test_colours_of_display_p3_are_seen_as_they_were_meant(tmp_path):
    """Greys stay, what was saturated becomes more so: the same numbers mean stronger colours there."""
    plain, wide = (
        physim.photo.Photo.load(FILES[what](tmp_path)["photo"]).image for what in ("sRGB profile", "Display P3")
    )
    stronger = np.ptp(wide, axis=-1) - np.ptp(plain, axis=-1)
    assert stronger[38, 25] > 0.03, "the red box: (190, 60, 50)"
    assert stronger.min() > -0.02


@pytest.mark.parametrize("first", range(3))
def test_every_odd_file_gives_a_scene_or_a_clear_refusal(first, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL, logger="nothing")
    for number, (what, make) in enumerate(cases()[first::24]):  # `python -m benchmarks.odd_inputs` takes all of them
        (folder := tmp_path / str(number)).mkdir()
        check(what, *outcome(make, folder))
