"""Depth without a network on some of the scenes of the table in docs/depth.md: it holds what the page says."""

import numpy as np
import pytest

from benchmarks.depth_scenes import KINDS, MOTORCYCLE, PER_KIND, names, scene
from benchmarks.depth_table import METHODS, error, ground_error, row


def mean(cases, methods):
    rows = [row(case, methods) for case in cases]
    return {m: np.mean([r[m][0] for r in rows]) for m in methods}


@pytest.fixture(scope="module")
def cases():
    return [scene(name) for name in ("park_0", "corridor_0", "workshop_0")]


def test_there_are_two_dozen_scenes_and_each_is_the_same_every_time():
    assert len(set(names())) == len(KINDS) * PER_KIND >= 20
    first, again = scene("table_1"), scene("table_1")
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.depth, again.depth)


def test_the_truth_of_a_scene_is_consistent(cases):
    """The ground's depth is that of its plane, which the renderer does not use."""
    for case in cases:
        points = case.camera.unproject(case.camera.pixel_grid(), np.where(case.ground, case.depth, 1.0))
        assert np.abs(points[case.ground][:, 1]).max() < 1e-6
        assert case.ground.mean() > 0.1


def test_hints_and_no_hints_beat_the_ramp_by_what_the_page_says(cases):
    absrel = mean(cases, ("ramp", "automatic", "ground + 12 clicks"))
    assert absrel["automatic"] <= 0.84 * absrel["ramp"]
    assert absrel["ground + 12 clicks"] <= 0.56 * absrel["ramp"]


def test_the_ground_is_metric_to_the_accuracy_of_the_hints(cases):
    absrel, tilt = np.mean([ground_error(case, pitch_sd=0.5) for case in cases], axis=0)
    assert absrel <= 0.06
    assert tilt <= 2.0


def test_the_measure_forgives_factor_and_shift_and_nothing_else(cases):
    truth = cases[1].depth
    assert error(1 / (3 / truth + 0.2), truth)[0] < 1e-9
    assert error(truth[:, ::-1], truth)[0] > 0.05


@pytest.mark.slow
def test_a_box_and_clicks_beat_the_ground_and_clicks_on_rooms_and_the_photo_is_read():
    rooms = [scene(name) for name in ("room_0", "corridor_0", "corridor_1")]
    absrel = mean(rooms, METHODS)
    assert absrel["box + 32 clicks"] <= 0.8 * absrel["ground + 12 clicks"]
    photo = scene(MOTORCYCLE)
    assert row(photo, ("ground + 12 clicks",))["ground + 12 clicks"][0] < 0.2
