"""Masks grow and shrink by a disc exactly as a distance over the whole photo would have it."""

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes, distance_transform_edt, label

from physim.grow import dilated, eroded, extent
from physim.outline import largest_part
from physim.segment import ellipse_coverage


def _masks():
    rng = np.random.default_rng(0)
    for share in (0.02, 0.3, 0.7, 0.98):
        yield rng.random((37, 53)) < share
    disc = np.hypot(*np.ogrid[-12:25, -9:44]) < 8.3
    yield disc
    yield np.roll(disc, 18, axis=0)  # cut by the border of the photo
    yield np.ones((37, 53), bool)
    one = np.zeros((37, 53), bool)
    one[36, 0] = True
    yield one


@pytest.mark.parametrize("radius", [0.0, 1.0, 1.5, 3.2, 60.0])
def test_growing_and_shrinking_are_the_distance_over_all_pixels(radius):
    for mask in _masks():
        np.testing.assert_array_equal(
            dilated(mask, radius), distance_transform_edt(~mask) <= radius if mask.any() else mask
        )
        beyond = np.pad(mask, 40, mode="edge")  # far enough that its own border is not what is nearest
        if not beyond.all():
            expected = (distance_transform_edt(beyond) > radius)[40:-40, 40:-40]
            if radius < 40:
                np.testing.assert_array_equal(eroded(mask, radius), expected)


def test_nothing_grows_to_nothing():
    nothing = np.zeros((5, 7), bool)
    assert not dilated(nothing, 3).any() and not eroded(nothing, 3).any()
    assert nothing[extent(nothing, 4)].size == 0


def test_the_largest_part_of_a_mask_with_its_holes_filled():
    rng = np.random.default_rng(1)
    for share in (0.3, 0.55, 0.62, 0.9):
        mask = rng.random((40, 60)) < share
        labels, _ = label(mask)
        expected = binary_fill_holes(labels == 1 + np.bincount(labels.ravel())[1:].argmax())
        np.testing.assert_array_equal(largest_part(mask), expected)


def test_an_ellipse_covers_its_area_wherever_it_lies():
    for ellipse in ((30.2, 20.7, 12.0, 5.0, 33.0), (30.0, 20.0, 4.0, 18.0, -70.0)):
        assert ellipse_coverage(ellipse, (41, 61)).sum() == pytest.approx(
            np.pi * ellipse[2] * ellipse[3], rel=4e-3
        )  # the distance is one of first order
    half = ellipse_coverage((0.0, 20.0, 9.0, 9.0, 0.0), (41, 61)).sum()
    assert half == pytest.approx(np.pi * 81 / 2, rel=5e-3)
    assert ellipse_coverage((-40.0, 20.0, 9.0, 9.0, 0.0), (41, 61)).max() == 0
