"""Enlarging the residual: identity, constants, straight lines, and an independent reference."""

import jax
import numpy as np
import pytest

from i2v.media.residual import add_residual, upsample_residual

ROUNDING = 1e-6  # float32, values of order one


def noise(*shape):
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)


def test_the_same_size_gives_the_same_numbers():
    residual = noise(7, 9, 3)
    np.testing.assert_array_equal(upsample_residual(residual, (7, 9)), residual)


@pytest.mark.parametrize("size", [(8, 8), (9, 17), (40, 13), (5, 300)])
def test_a_constant_stays_constant(size):
    residual = np.broadcast_to(np.float32([0.1, -0.2, 0.3]), (5, 7, 3))
    np.testing.assert_allclose(
        upsample_residual(residual, size), np.broadcast_to(residual[0, 0], (*size, 3)), atol=ROUNDING
    )


def test_a_ramp_stays_the_same_ramp_in_the_photo():
    """Pixel centres at +0.5: a value that is linear in (u, v) of the picture is reproduced away from the border."""
    small, large = (6, 8), (30, 48)

    def ramp(size):
        v, u = np.mgrid[: size[0], : size[1]]
        return np.repeat(((u + 0.5) / size[1] + 2 * (v + 0.5) / size[0])[..., None], 3, axis=2).astype(np.float32)

    got = upsample_residual(ramp(small), large)
    inner = (slice(3, -3), slice(3, -3))  # half a small pixel in from the border
    np.testing.assert_allclose(got[inner], ramp(large)[inner], atol=2 * ROUNDING)


@pytest.mark.parametrize("size", [(13, 21), (64, 96), (7, 11)])
def test_it_agrees_with_jax_image(size):
    residual = noise(7, 9, 3)
    expected = jax.image.resize(residual, (*size, 3), "linear")
    np.testing.assert_allclose(upsample_residual(residual, size), expected, atol=ROUNDING)


def test_mirroring_commutes_with_enlarging():
    residual = noise(6, 5, 3)
    once = upsample_residual(residual[::-1, ::-1], (20, 31))
    np.testing.assert_allclose(once, upsample_residual(residual, (20, 31))[::-1, ::-1], atol=ROUNDING)


def test_a_single_value_fills_the_picture():
    assert (upsample_residual(np.ones((1, 1, 3), np.float32), (4, 6)) == 1).all()


def test_the_sum_stays_within_the_picture_and_the_detail_of_the_frame_stays():
    frame = np.random.default_rng(1).random((12, 16, 3)).astype(np.float32) * 0.5
    residual = np.full((3, 4, 3), 0.25, np.float32)
    np.testing.assert_allclose(add_residual(frame, residual), frame + 0.25, atol=ROUNDING)
    np.testing.assert_allclose(add_residual(frame, residual, strength=0.5), frame + 0.125, atol=ROUNDING)
    assert add_residual(frame, residual * 40).max() == 1.0
    assert add_residual(frame, residual, strength=0.0) == pytest.approx(frame)
    assert frame.max() <= 0.5  # the arguments are not written to


def test_a_residual_larger_than_the_video_is_refused():
    with pytest.raises(ValueError, match="residual is 9 x 7, expected at most 8 x 8"):
        upsample_residual(noise(7, 9, 3), (8, 8))
    with pytest.raises(ValueError, match=r"expected \(height, width, channels\)"):
        upsample_residual(noise(7, 9), (8, 8))
