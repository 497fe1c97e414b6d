"""Frames larger than the photo: composed on a grid of their own, enlarged, exact where nothing has changed."""

import numpy as np
import pytest
from compose_scenes import make_trajectory, speckled

from physim.compositor import Compositor
from physim.magnify import GAIN, PLENTY, Magnifier, grid_size
from physim.plate import resize
from physim.shapes import Box

SIZE = (225, 300)
LARGE = (480, 640)


def smooth(size, seed):
    """A picture without edges: what a coarse grid holds as well as a fine one."""
    rng, (v, u) = np.random.default_rng(seed), np.mgrid[: size[0], : size[1]]
    wave = [np.sin(a * v / size[0] + b * u / size[1] + c) for a, b, c in rng.uniform(2, 9, (3, 3))]
    return (0.5 + 0.35 * np.stack(wave, axis=-1)).astype(np.float32)


def slide(start, velocity):
    return lambda t: (tuple(np.array(start) + t * np.array(velocity)), (0.0, 0.0, 0.0, 1.0))


@pytest.fixture(scope="module")
def magnifier():
    photo = speckled((60, 80))
    grid = resize(photo, (120, 160))
    return Magnifier(photo, grid, LARGE), photo, grid


def test_an_unchanged_picture_is_the_photo_at_full_size_to_the_bit(magnifier):
    large, photo, grid = magnifier
    np.testing.assert_array_equal(large(grid), resize(photo, LARGE))


def test_what_changes_is_enlarged_as_a_photo_is_and_the_rest_stays_to_the_bit(magnifier):
    large, photo, grid = magnifier
    picture = grid.copy()
    picture[40:70, 60:100] = smooth((30, 40), 1)
    frame, whole = large(picture), resize(photo, LARGE)
    inner = (slice(180, 260), slice(260, 380))  # 5 samples of the grid away from the edge of the change
    np.testing.assert_allclose(frame[inner], resize(picture, LARGE)[inner], atol=2e-4)  # the table's step at dark
    outside = np.ones(LARGE, bool)
    outside[4 * 40 - 20 : 4 * 70 + 20, 4 * 60 - 20 : 4 * 100 + 20] = False  # 2 samples, and rounding, and a tap
    np.testing.assert_array_equal(frame[outside], whole[outside])


def test_under_a_moved_camera_a_frame_is_the_enlarged_picture_everywhere(magnifier):
    large, _, grid = magnifier
    for picture in (smooth((120, 160), 2), grid):
        np.testing.assert_allclose(large(picture, moved=True), resize(picture, LARGE), atol=2e-4)


def test_a_faint_change_keeps_the_detail_that_the_grid_lacks(magnifier):
    large, photo, grid = magnifier
    faint = 0.5 + (grid - 0.5) * 0.999  # the weight of the detail is then above 0.99
    lacking = np.abs(resize(grid, LARGE) - resize(photo, LARGE)).max()
    assert lacking > 0.02  # speckles of single pixels are what a grid loses first
    assert np.abs(large(faint) - resize(photo, LARGE)).max() < 0.02 * lacking + 0.001


def test_frames_that_are_held_are_not_written_again(magnifier):
    large, _, grid = magnifier
    pictures = [smooth((120, 160), k) for k in range(5)]
    kept = [large(picture) for picture in pictures]
    crop = large(grid)[3:5]
    for picture, frame in zip(pictures, kept, strict=True):
        np.testing.assert_array_equal(frame, large(picture))
    np.testing.assert_array_equal(crop, large(grid)[3:5])


def test_a_photo_that_holds_as_much_as_the_frame_is_composed_at_the_frame_size():
    assert grid_size((400, 600), (400, 600)) == (400, 600)
    assert grid_size((400, 600), (800, 1200)) == (800, 1200)
    assert grid_size((400, 600), (2560, 3840)) == (800, PLENTY)
    assert grid_size((303, 384), (3030, 3840)) == (606, 768)
    assert grid_size((2250, 3000), (2880, 3840)) == (2250, 3000)
    almost = int(GAIN * 3840) - 1
    assert grid_size((2880, 3840), (almost * 3 // 4, almost)) == (almost * 3 // 4, almost)


def test_a_large_frame_agrees_with_the_same_frame_composed_at_its_own_size(monkeypatch):
    path = slide((-0.1, 0.05, -0.6), (1.0, 0.0, 0.0))
    trajectory = make_trajectory({"box": (Box((0.05, 0.05, 0.05)), path)}, photo=smooth(SIZE, 3))
    size = (SIZE[0] * 4, SIZE[1] * 4)
    compositor = Compositor(trajectory, size)
    frames = [compositor.frame(i) for i in (0, 3)]
    monkeypatch.setattr("physim.compositor.grid_size", lambda photo, size: size)
    for index, frame in zip((0, 3), frames, strict=True):
        own = Compositor(trajectory, size).frame(index)
        # But for the edges of the box, a pixel of the grid wide, both are the same picture.
        assert -10 * np.log10(((frame - own) ** 2).mean()) > 38
        assert (np.abs(frame - own).max(axis=-1) > 0.1).mean() < 0.01
