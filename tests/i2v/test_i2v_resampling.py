"""Resizing as PyTorch and Pillow do it: partitions of unity, fixed points, Pillow itself."""

import numpy as np
import pytest
from PIL import Image

from i2v.models.resampling import cubic, cubic_matrix, linear, smooth_cubic, smooth_matrix, smoothed, triangle

SIZES = [(37, 21), (37, 74), (5, 7), (7, 4), (12, 12)]


@pytest.mark.parametrize(("size", "new"), SIZES)
def test_every_new_sample_is_a_mean_and_mirrors_its_mirror_image(size, new):
    for matrix in (cubic_matrix(size, new), smooth_matrix(size, new, triangle, 1.0)):
        assert np.allclose(matrix.sum(1), 1, atol=1e-6)
        assert np.allclose(matrix, matrix[::-1, ::-1], atol=1e-5)


def test_nothing_changes_at_the_same_size():
    assert np.allclose(cubic_matrix(9, 9), np.eye(9), atol=1e-7)
    assert np.allclose(smooth_matrix(9, 9, smooth_cubic, 2.0), np.eye(9), atol=1e-7)


def test_the_two_cubics_differ_where_they_are_known_to():
    # Keys' kernel at 1/2 is (4 - a) / 8
    assert cubic(np.array(0.5), -0.5) == pytest.approx(0.5625)
    assert cubic(np.array(0.5), -0.75) == pytest.approx(0.59375)
    assert cubic(np.array([1.0, 2.0, 2.5]), -0.75) == pytest.approx([0, 0, 0])


def test_a_given_scale_moves_the_samples_as_pytorch_does():
    """With scale 37 / 21.1 the last of 21 samples lies at 20.5 scale - 0.5, not at 20.5 37 / 21 - 0.5."""
    ramp = np.arange(37.0)
    moved = cubic_matrix(37, 21, scale=37 / 21.1) @ ramp
    # a = -3/4 leaves up to 0.1 on a ramp between samples
    assert np.abs(moved[2:-2] - ((np.arange(21) + 0.5) * 37 / 21.1 - 0.5)[2:-2]).max() < 0.1


@pytest.mark.parametrize(("kernel", "support", "way"), [
    (triangle, 1.0, Image.Resampling.BILINEAR),
    (smooth_cubic, 2.0, Image.Resampling.BICUBIC),
])  # fmt: skip
@pytest.mark.parametrize("size", [(14, 30), (60, 96), (100, 20)])
def test_a_smoothed_picture_is_pillows(kernel, support, way, size):
    picture = np.random.default_rng(1).random((47, 80, 2)).astype(np.float32)
    theirs = [np.asarray(Image.fromarray(picture[..., k]).resize(size[::-1], way)) for k in range(2)]
    assert np.abs(smoothed(picture, size, kernel, support) - np.stack(theirs, -1)).max() < 2e-6


def test_linear_is_exact_on_a_plane():
    v, u = np.mgrid[:6, :9].astype(np.float32)
    plane = (2 * u - 3 * v + 1)[..., None]
    corners = np.asarray(linear(plane, (11, 25), align_corners=True))[..., 0]
    y, x = np.mgrid[:11, :25]
    assert np.allclose(corners, 2 * x * 8 / 24 - 3 * y * 5 / 10 + 1, atol=1e-4)
    centres = np.asarray(linear(plane, (12, 18)))[1:-1, 1:-1, 0]  # at the border the outermost sample goes on
    y, x = (np.mgrid[:12, :18] + 0.5) / 2 - 0.5
    assert np.allclose(centres, (2 * x - 3 * y + 1)[1:-1, 1:-1], atol=1e-4)
