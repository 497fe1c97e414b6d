"""The judge's metrics one by one, against scikit-image, closed forms, and motion that is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import affine_transform
from skimage import data
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity
from thrown_ball import COLS, DISTANCE, FOCAL, FPS, ROWS, conditions

from i2v.metrics import flow
from i2v.metrics.adherence import correspondence_errors, mask_iou, warping_errors
from i2v.metrics.colour import lab
from i2v.metrics.foreground import foreground, noise_of
from i2v.metrics.judge import judge
from i2v.metrics.likeness import _ssim, gmsd, luma, ms_ssim
from i2v.metrics.sampling import at, centres, evenly
from i2v.metrics.signals import Signals
from i2v.metrics.steadiness import backdrop, colour_kept
from i2v.metrics.trajectory_error import WORST, trajectory_error

TRUTH = conditions()
SIGNALS = Signals.of(TRUTH)


def moved(picture, matrix, seed=0):
    """Both frames of a motion about the centre, x' = M x, with noise of 2 levels; and the true flow."""
    rows, cols = picture.shape[:2]
    centre = np.array([rows, cols]) / 2 - 0.5
    inverse = np.linalg.inv(matrix)[::-1, ::-1]  # (v, u) order, from the second frame back to the first
    second = affine_transform(picture.astype(float), inverse, offset=centre - inverse @ centre, order=3, mode="reflect")
    noise = np.random.default_rng(seed).normal(0, 2, (2, rows, cols))
    frames = [np.clip(np.rint(f + n), 0, 255).astype(np.uint8) for f, n in zip((picture, second), noise, strict=True)]
    grid = np.stack(np.meshgrid(np.arange(cols), np.arange(rows)), -1) - centre[::-1]
    return frames, grid @ (matrix - np.eye(2)).T


@pytest.mark.parametrize(
    ("name", "scale", "degrees"), [("zoom 1.02", 1.02, 0), ("zoom 1.10", 1.10, 0), ("turn 4 deg", 1.0, 4)]
)
def test_the_floor_of_the_flow_estimate_is_what_its_table_says(name, scale, degrees):
    picture = flow.grey(data.coffee())[20:380, 20:580]
    turn = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    frames, true = moved(picture, matrix)
    found = flow.estimate(flow.estimator(), *frames)
    inner = np.s_[50:-50, 50:-50]  # where both frames show the same
    error = np.linalg.norm(found - true, axis=-1)[inner].mean()
    assert error < 2.5 * flow.FLOOR[name]  # one texture; the table is the mean over four


def test_a_picture_smaller_than_the_pyramid_still_has_a_flow():
    frame = np.random.default_rng(0).integers(0, 255, (9, 20), dtype=np.uint8)
    assert flow.estimate(flow.estimator(), frame, frame).shape == (9, 20, 2)


def test_without_opencv_the_row_says_which_extra_it_needs(monkeypatch):
    def missing():
        raise ImportError("no")

    monkeypatch.setattr(flow, "estimator", missing)
    row = judge(TRUTH.coarse, conditions=TRUTH, fps=FPS)["flow-error"]
    assert np.isnan(row.value) and "physim[vision]" in row.note and row.verdict == "told"


def test_lab_and_ssim_are_those_of_scikit_image():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_allclose(lab(pixels), rgb2lab(pixels), atol=0.02)  # theirs has a white point of four digits
    first, second = luma(data.coffee()[100:200, 100:220]), luma(data.coffee()[101:201, 100:220])
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0, "full": True}
    theirs = structural_similarity(first, second, **options)[1]
    assert _ssim(first, second)[1] == pytest.approx(theirs.mean(), abs=2e-3)  # the borders differ


def test_likeness_is_perfect_of_the_same_falls_with_shift_and_hardly_with_brightness():
    picture = luma(data.coffee()[::2, ::2])
    shifted, brighter = np.roll(picture, 2, axis=1), np.clip(picture * 1.05, 0, 1)
    assert gmsd(picture, picture) == 0 and ms_ssim(picture, picture) == pytest.approx(1, abs=1e-6)
    assert gmsd(picture, shifted) > 0.05 > 5 * gmsd(picture, brighter)
    assert ms_ssim(picture, shifted) < ms_ssim(picture, brighter) < 1


def test_samples_between_pixels_are_exact_for_a_plane_and_at_the_centres():
    v, u = np.mgrid[:6, :9] + 0.5
    plane = np.stack([2 * u + 3 * v, u - v], -1)
    places = np.array([[1.25, 2.75], [4.5, 0.5], [8.5, 5.5]])
    np.testing.assert_allclose(at(plane, places), [[2 * x + 3 * y, x - y] for x, y in places], rtol=1e-6)
    assert np.array_equal(at(plane, centres(np.ones((6, 9), bool))), plane.reshape(-1, 2))
    assert evenly(10, 4).tolist() == [0, 3, 6, 9] and evenly(3, 9).tolist() == [0, 1, 2]


def test_the_composite_warped_by_its_own_flow_is_itself_and_a_still_picture_is_not():
    truth = SIGNALS.coarse
    inner = np.nanmean(warping_errors(truth, SIGNALS)), np.nanmean(correspondence_errors(truth, SIGNALS))
    still = np.broadcast_to(truth[:1], truth.shape)
    assert inner[0] < 2e-3 and np.nanmean(warping_errors(still, SIGNALS)) > 5 * inner[0]
    assert inner[1] < 3e-3 and np.nanmean(correspondence_errors(still, SIGNALS)) > 5 * inner[1]


def test_a_thing_that_vanished_is_a_failure_and_not_left_out():
    masks = np.zeros((10, 40, 60), bool)
    for t in range(10):
        masks[t, 10:20, 5 + 3 * t : 15 + 3 * t] = True
    gone = masks.copy()
    gone[5:] = False
    found = trajectory_error(masks, gone)
    assert found.missing == 5 and found.expected == 10
    assert (found.l2[:5] == 0).all() and (found.l2[5:] == WORST).all() and found.chamfer == pytest.approx(0.5)
    beside = trajectory_error(masks, np.roll(masks, 6, axis=2))
    assert beside.l2 == pytest.approx(np.full(10, 6 / (np.sqrt(2) * 60)))  # by its definition
    assert mask_iou(masks, np.roll(masks, 5, axis=2)) == pytest.approx(np.full(10, 5 / 15))
    assert np.isnan(mask_iou(masks & False, masks & False)).all()


def test_noise_and_foreground_are_found_at_any_brightness():
    rng = np.random.default_rng(2)
    gain = 1 + 0.08 * np.sin(np.arange(len(SIGNALS.coarse)))
    video = SIGNALS.coarse * gain[:, None, None, None] + rng.normal(0, 3, SIGNALS.coarse.shape)
    video = np.clip(np.rint(video), 0, 255).astype(np.uint8)
    assert noise_of(video, SIGNALS) == pytest.approx(3, abs=0.5)
    found, ideal = foreground(video, SIGNALS), foreground(SIGNALS.coarse, SIGNALS)
    np.testing.assert_allclose(found.gains.mean(axis=1), gain / gain[0], atol=0.01)
    overlap = (found.masks & ideal.masks).sum() / (found.masks | ideal.masks).sum()
    assert overlap > 0.75


@pytest.mark.parametrize("shift", [0.05, 0.3, 0.8])
def test_a_drift_far_below_a_pixel_is_measured(shift):
    v, u = np.mgrid[:ROWS, :COLS] + 0.5

    def picture(by):
        waves = np.sin((u - by) / 4) + np.sin((u - by) / 9 + v / 5) + np.cos(v / 6)
        return np.repeat(np.clip(128 + 30 * waves, 0, 255)[..., None], 3, -1)

    frames = np.stack([np.rint(picture(k)) for k in np.linspace(0, shift, len(SIGNALS.coarse))]).astype(np.uint8)
    still = replace(SIGNALS, coarse=np.broadcast_to(frames[:1], frames.shape))
    found = backdrop(frames, still).drift
    assert np.nanmax(found) == pytest.approx(shift, rel=0.15, abs=0.01)


def test_colours_are_kept_by_the_composite_and_lost_by_another_hue():
    kept = colour_kept(SIGNALS.coarse, SIGNALS)[1]
    lost = colour_kept(np.ascontiguousarray(SIGNALS.coarse[..., ::-1]), SIGNALS)[1]
    assert np.nanmin(kept) == pytest.approx(1) and np.nanmax(lost) < 0.1


def test_with_a_moving_camera_masks_are_left_out_with_the_reason_and_the_rest_is_judged():
    poses = np.array(TRUTH.world_from_camera)
    poses[:, 0, 3] = np.linspace(0, 0.01, len(poses))
    report = judge(TRUTH.coarse, conditions=replace(TRUTH, world_from_camera=poses), fps=FPS)
    assert np.isnan(report["mask-iou"].value) and "camera moves" in report["mask-iou"].note
    assert report["gmsd"].verdict == "pass" and "gravity:ball" not in report


def test_a_film_stands_for_a_simulation():
    film = Signals.from_film(SIGNALS.coarse, FPS)
    overlap = ((film.ids > 0) & (SIGNALS.ids > 0)).sum() / (SIGNALS.ids > 0).sum()
    assert overlap > 0.9 and (film.ids > 0).mean() < 3 * (SIGNALS.ids > 0).mean()
    assert film.still_camera and film.flow.shape == SIGNALS.flow.shape


def test_heights_are_those_of_the_throw():
    from thrown_ball import path

    from i2v.metrics.laws import _Flight

    flight = _Flight(SIGNALS, 1, SIGNALS.frame_count)
    assert flight.free and flight.gravity.value == pytest.approx(9.81, rel=0.01)
    seen = np.isfinite(flight.true)
    pixel = DISTANCE / FOCAL
    assert np.abs(flight.true - path()[:, 1])[seen].max() < 0.3 * pixel


def test_a_mask_grows_as_a_square_window_s_maximum_does():
    from scipy.ndimage import maximum_filter

    from i2v.metrics.signals import grown

    rng = np.random.default_rng(0)
    for shape, by in (((40, 60), 1), ((40, 60), 3), ((2, 3), 3), ((1, 1), 1), ((3, 50), 4)):
        mask = rng.random(shape) > 0.8
        assert np.array_equal(grown(mask, by), maximum_filter(mask.view(np.uint8), 2 * by + 1).view(bool)), (shape, by)
