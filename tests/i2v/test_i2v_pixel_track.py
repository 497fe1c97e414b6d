"""Tracks against discs whose places are known to a thousandth of a pixel."""

import numpy as np
import pytest

from i2v.metrics.pixel_track import brightness, normalised, track_object

SIZE = (96, 128)
RADIUS = 7.3
ORANGE = np.array([0.85, 0.45, 0.15])


def backdrop(seed=0):
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    plain = 0.35 + 0.15 * np.sin(u / 9) * np.cos(v / 13)
    grain = np.random.default_rng(seed).normal(0, 0.02, (*SIZE, 1))
    return np.clip(plain[..., None] * np.array([0.9, 1.0, 1.05]) + grain, 0, 1)


def disc(centre, radius=RADIUS, fine=6):
    """Share of each pixel (H, W) that a disc covers."""
    v, u = np.mgrid[: SIZE[0] * fine, : SIZE[1] * fine] / fine + 0.5 / fine
    inside = (u - centre[0]) ** 2 + (v - centre[1]) ** 2 < radius**2
    return inside.reshape(SIZE[0], fine, SIZE[1], fine).mean(axis=(1, 3))


def film(places, *, noise=0.01, gain=None, colour=ORANGE, hidden=(), seed=1):
    empty, rng = backdrop(), np.random.default_rng(seed)
    frames = []
    for t, place in enumerate(places):
        share = disc(place)[..., None] * (t not in hidden)
        frame = share * colour + (1 - share) * empty + rng.normal(0, noise, empty.shape)
        frames.append(frame if gain is None else frame * gain[t])
    return np.clip(frames, 0, 1).astype(np.float32), disc(places[0]) > 0.5


def falling(count=14):
    t = np.arange(count)
    return np.stack([30.3 + 1.7 * t, 14.2 + 0.9 * t + 0.33 * t**2], axis=1)


def test_a_falling_disc_is_followed_to_a_tenth_of_a_pixel():
    places = falling()
    track = track_object(*film(places), fps=24)
    assert track.present.all() and not track.cut.any()
    error = np.linalg.norm(track.position - places, axis=1)
    assert error.max() < 0.1  # noise of 0.01 over 44 rim pixels of contrast 0.5
    np.testing.assert_allclose(track.area, np.pi * RADIUS**2, rtol=0.04)
    np.testing.assert_allclose(track.axes, RADIUS, rtol=0.04)


def test_flicker_of_the_whole_picture_changes_nothing():
    places = falling()
    gain = 1 + 0.08 * np.sin(np.arange(len(places)) * 2.1)
    video, mask = film(places, gain=gain)
    track = track_object(video, mask, fps=24)
    assert np.linalg.norm(track.position - places, axis=1).max() < 0.15
    gains = brightness(video, mask)[:, 0].mean(axis=1)
    np.testing.assert_allclose(gains, gain[0] / gain, atol=0.02)
    still = normalised(video, mask)[:, -8:].mean(axis=(1, 2, 3))
    assert np.ptp(still) < 0.004


def test_what_vanishes_is_missing_and_what_comes_back_is_found():
    places = falling()
    track = track_object(*film(places, hidden=(6, 7)), fps=24)
    assert list(np.flatnonzero(~track.present)) == [6, 7]
    assert np.isnan(track.position[6]).all() and track.area[6] == 0 and track.missing == 2
    assert np.linalg.norm(track.position - places, axis=1)[8:].max() < 0.1


def test_a_thing_that_never_comes_back_stays_missing():
    track = track_object(*film(falling(), hidden=range(5, 14)), fps=24)
    assert track.present[:5].all() and not track.present[5:].any()


def test_another_thing_of_another_colour_is_not_taken_for_it():
    places = falling()
    video, mask = film(places)
    other = disc((60, 30))[..., None]
    for t in range(3, len(video)):
        video[t] = other * np.array([0.2, 0.3, 0.9]) + (1 - other) * video[t]
    track = track_object(video, mask, fps=24)
    assert np.linalg.norm(track.position - places, axis=1).max() < 0.5  # they touch in one frame


def test_a_bounce_as_fast_as_the_thing_is_wide_is_followed():
    t = np.arange(16)
    height = np.abs((13.0 * t + 60) % 120 - 60)  # 13 pixels per frame up and down again
    places = np.stack([40.0 + t, 80 - height], axis=1)
    track = track_object(*film(places), fps=24)
    assert track.present.all()
    assert np.linalg.norm(track.position - places, axis=1).max() < 0.15


def test_a_thing_cut_by_the_border_is_said_to_be():
    places = np.stack([100 + 3.0 * np.arange(10), np.full(10, 40.0)], axis=1)
    track = track_object(*film(places), fps=24)
    assert not track.cut[:6].any() and track.cut[8]
    assert np.isnan(track.whole[8]).all() and np.isfinite(track.whole[:6]).all()


def test_masks_codes_and_shapes():
    video, mask = film(falling(5))
    codes = np.round(video * 255).astype(np.uint8)
    track = track_object(codes, mask, fps=24, keep_masks=True)
    assert track.masks.shape == (5, *SIZE) and track.masks.dtype == bool
    assert (track.masks[0] & mask).sum() / (track.masks[0] | mask).sum() > 0.85
    np.testing.assert_allclose(track.times, np.arange(5) / 24)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mask": np.zeros(SIZE, bool)}, "mask is empty"),
        ({"mask": np.ones((4, 4), bool)}, "mask has shape"),
        ({"video": np.zeros((0, *SIZE, 3))}, "at least one frame"),
        ({"fps": 0}, "fps is 0"),
        ({"path": np.zeros((3, 2))}, "one place per frame"),
    ],
)
def test_wrong_input_is_told(change, words):
    video, mask = film(falling(2))
    with pytest.raises(ValueError, match=words):
        track_object(**({"video": video, "mask": mask, "fps": 24} | change))


def test_one_frame_is_a_track():
    video, mask = film(falling(1))
    track = track_object(video, mask, fps=24)
    assert len(track.position) == 1
