"""Bilinear maps against scipy's, and a wide blur on few pixels against the blur itself."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from physim.blend import bloom
from physim.stretch import stretch, warped


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (1, 30), (20, 1, 3)])
def test_stretching_is_bilinear_interpolation_held_at_the_border(shape):
    values = np.random.default_rng(0).random(shape, np.float32)
    rows, cols = np.linspace(-2, 22, 57), np.linspace(-1, 31, 83)
    at = np.meshgrid(rows, cols, indexing="ij")
    planes = values.reshape(*shape[:2], -1)
    true = np.stack([map_coordinates(planes[..., c], at, order=1, mode="nearest") for c in range(planes.shape[2])], -1)
    np.testing.assert_allclose(stretch(values, rows, cols).reshape(true.shape), true, atol=2e-6)  # float32
    places = np.stack([at[1] + 0.5, at[0] + 0.5], axis=-1) / (2.0, 4.0)
    np.testing.assert_allclose(warped(values, places, (2.0, 4.0)).reshape(true.shape), true, atol=2e-5)  # places too


def test_a_sample_without_weight_may_be_infinite():
    values = np.array([[1.0, np.inf], [2.0, np.inf]], np.float32)
    np.testing.assert_array_equal(warped(values, np.array([[0.5, 0.5], [0.5, 1.0], [1.0, 1.0]])), [1.0, 1.5, np.inf])


@pytest.mark.parametrize("scale", [0.8, 1.6])
def test_light_spreads_as_by_the_full_blur(scale):
    light = np.zeros((211, 317, 3), np.float32)
    light[100:108, 150:155] = (9.0, 6.0, 3.0)
    light[40, 60] = 4.0
    light[-6:, 200:230] = 5.0  # mirrored at the border
    true = sum(
        share * gaussian_filter(np.clip(light - 1, 0, 8), (s * scale, s * scale, 0), truncate=3.0)
        for share, s in ((0.25, 4.0), (0.12, 14.0), (0.06, 45.0))
    )
    # A line between samples a fifth of the deviation apart misses the curve by less than 1 % of its height.
    assert np.abs(bloom(light, scale) - true).max() < 0.01 * true.max()
