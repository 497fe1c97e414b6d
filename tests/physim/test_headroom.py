"""Frames that may be brighter than white: what a flame sends, not where a picture cuts it off."""

from dataclasses import replace

import numpy as np
import pytest
from test_smoke_view import SIZE, hot_scene

from physim.blend import to_linear
from physim.compositor import Compositor
from physim.scene import Backdrop


def fiery(kelvin, size=SIZE):
    """A slab of hot soot before a grey photo."""
    shot = hot_scene(kelvin, extinction=8.0, albedo=0.0, glow=4.0)
    photo = np.full((*size, 3), 0.5, np.float32)
    depth = np.full(size, 20.0, np.float32)
    shot.scene.backdrop = Backdrop(photo, photo.copy(), np.zeros(size, np.float32), depth, np.zeros(size, np.uint16))
    return shot


def linear_of(picture):
    return np.where(picture <= 0.04045, picture / 12.92, ((np.maximum(picture, 0) + 0.055) / 1.055) ** 2.4)


def test_a_flame_is_as_bright_as_its_light_and_no_more_than_the_headroom():
    shot = fiery(1700.0)
    cut, whole, some = (Compositor(shot, motion_blur=0.0, headroom=h).frame(0) for h in (1.0, 100.0, 1.5))
    assert cut.max() <= 1.0
    bright = linear_of(whole)
    assert bright.max() > 2.0
    assert linear_of(some).max() == pytest.approx(1.5, rel=1e-3)
    dull = whole <= 1.0
    assert np.abs(whole - cut)[dull & (cut < 1.0)].max() < 1e-4  # the same picture, by another table
    assert np.all(whole >= cut - 1e-4)


def test_without_light_beyond_white_headroom_changes_nothing():
    shot = fiery(700.0)
    shot = replace(shot)
    assert np.array_equal(Compositor(shot, headroom=4.9).frame(0), Compositor(shot).frame(0))


def test_light_beyond_white_is_enlarged_with_the_frame():
    shot = fiery(1700.0)
    small = Compositor(shot, motion_blur=0.0, headroom=9.0).frame(0)
    large = Compositor(shot, size=(4 * SIZE[0], 4 * SIZE[1]), motion_blur=0.0, headroom=9.0).frame(0)
    assert linear_of(large).max() == pytest.approx(linear_of(small).max(), rel=0.1)
    assert to_linear(np.minimum(large, 1)).mean() == pytest.approx(to_linear(np.minimum(small, 1)).mean(), rel=0.03)
