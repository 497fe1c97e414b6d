"""Scores of videos beside a film: a disc that falls, a copy of it, and what others might make of it."""

import numpy as np
import pytest

from benchmarks.compare import METRICS, lab, nearest, scores, shift_of, table
from benchmarks.filmed import activity, overlap, spatial_overlap, spectrum

RNG = np.random.default_rng(0)
WALL = np.clip(0.5 + 0.2 * RNG.random((60, 80, 1)) * np.ones(3), 0, 1)


def falling(pull, count=12):
    """(T, 60, 80, 3) uint8 and the mask of frame 0."""
    v, u = np.mgrid[:60, :80] + 0.5
    frames, masks = [], []
    for t in range(count):
        inside = (u - 30) ** 2 + (v - 10 - 0.5 * pull * t**2) ** 2 < 36
        masks.append(inside)
        frames.append(np.where(inside[..., None], np.array([0.9, 0.3, 0.1]), WALL))
    noise = RNG.normal(0, 0.005, np.shape(frames))
    return np.round(np.clip(frames + noise, 0, 1) * 255).astype(np.uint8), masks[0]


def test_the_same_motion_is_nearer_than_another_and_than_none():
    film, mask = falling(0.5)
    rows, truth = {}, []
    for name, pull in {"film": 0.5, "same": 0.5, "slow": 0.25, "none": 0.0}.items():
        rows[name], tracks = scores(falling(pull)[0], [mask], 24, film, truth, 1.0)
        truth = truth or tracks
    assert rows["same"]["path"] < 0.2 and rows["slow"]["path"] > 3
    assert rows["same"]["st_iou"] > 0.9 > 0.6 > rows["slow"]["st_iou"]
    assert rows["slow"]["gravity"] == pytest.approx(0.5, abs=0.05)
    for key in ("path", "st_iou", "s_iou", "ws_iou", "gravity", "iq_st", "iq_ws", "mse"):
        assert nearest(rows, key, "film") == "same", key
    text = table(rows, "film")
    assert text.count("\n") == 1 + sum(any(key in row for row in rows.values()) for key in METRICS)


def test_a_shift_of_the_picture_is_found_to_a_tenth_of_a_pixel():
    grey = RNG.random((64, 96))
    from scipy.ndimage import gaussian_filter, shift

    smooth = gaussian_filter(grey, 2.0, mode="wrap")
    assert shift_of(smooth, smooth) < 1e-6
    moved = shift(smooth, (1.5, -2.25), order=5, mode="grid-wrap")
    assert shift_of(smooth, moved) == pytest.approx(np.hypot(1.5, 2.25), abs=0.3)


def test_overlaps_and_activity_of_simple_masks():
    one = np.zeros((2, 4, 4), bool)
    other = one.copy()
    one[:, :2], other[:, 1:3] = True, True
    assert overlap(one, other) == pytest.approx(1 / 3)
    assert overlap(one & False, one & False) == 1
    assert spatial_overlap(one, other) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    video = np.zeros((3, 4, 4, 3), np.uint8)
    video[1] = 10
    np.testing.assert_allclose(activity(video), [10, 10], rtol=1e-5)


def test_spectrum_of_a_sine():
    times = np.arange(100) / 25
    spread, frequency = spectrum(3 * np.sin(2 * np.pi * 1.5 * times), 25)
    assert spread == pytest.approx(3 / np.sqrt(2), rel=0.01)
    assert frequency == pytest.approx(1.5, abs=0.05)


def test_lab_of_white_black_and_red():
    np.testing.assert_allclose(lab(np.array([[1.0, 1, 1], [0, 0, 0]])), [[100, 0, 0], [0, 0, 0]], atol=0.05)
    np.testing.assert_allclose(lab(np.array([1.0, 0, 0])), [53.2, 80.1, 67.2], atol=0.2)  # published value
