"""Light put together: tables, layers, smoke, residual, sizes, sharpness and grain."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from physim import blend, srgb
from physim.plate import PlateSampler, resize, resize_map
from physim.shading import BodyLayer, merge_layers
from physim.surface_texture import TILE, PhotoTexture, grain_tile


@pytest.fixture
def picture():
    return np.random.default_rng(1).random((24, 36, 3)).astype(np.float32)


def test_tables_agree_with_the_curve(picture):
    np.testing.assert_allclose(blend.to_linear(picture), srgb.to_linear(picture), atol=3e-5)
    np.testing.assert_allclose(blend.to_srgb(picture), srgb.to_srgb(picture), atol=1.1e-4)


def test_eight_bit_pictures_survive_the_tables_unchanged():
    values = (np.arange(256) / 255).astype(np.float32)
    assert np.array_equal(np.round(blend.to_srgb(blend.to_linear(values)) * 255), np.arange(256))


def test_over_is_associative(picture):
    rng = np.random.default_rng(2)
    alpha = rng.random((2, 24, 36, 1))
    a, b = (np.concatenate([rng.random((24, 36, 3)) * each, each], axis=-1) for each in alpha)
    both = a + b * (1 - a[..., 3:])  # a over b, premultiplied
    np.testing.assert_allclose(blend.over(blend.over(picture, b), a), blend.over(picture, both), atol=1e-6)


def test_full_cover_replaces_and_no_cover_keeps(picture):
    layer = np.zeros((24, 36, 4))
    np.testing.assert_array_equal(blend.over(picture, layer), picture)
    layer[..., 3], layer[..., :3] = 1, 0.25
    np.testing.assert_array_equal(blend.over(picture, layer), 0.25)


@pytest.mark.parametrize("whiteness", [0.0, 0.4, 1.0])
def test_clear_smoke_leaves_the_picture_as_it_is(picture, whiteness):
    out = blend.smoke_over(picture, np.ones((24, 36)), np.zeros((24, 36, 3)), whiteness, device="cpu")
    np.testing.assert_array_equal(out, picture)


def test_steam_never_darkens_and_soot_does(picture):
    clear, white = np.full((24, 36), 0.6), np.full((24, 36, 3), 0.1)
    assert np.all(blend.smoke_over(picture, clear, white, 1.0, device="cpu") >= picture - 2e-4)
    dark = blend.smoke_over(np.ones((24, 36, 3)), clear, white, 0.0, device="cpu")
    np.testing.assert_allclose(dark, srgb.to_srgb(np.array(0.7)), atol=2e-4)
    assert blend.whiteness_of(np.array([0.99] * 3)) == 1 and blend.whiteness_of(np.array([0.55] * 3)) == 0


def test_residual_gives_back_the_photo_where_nothing_changed_and_nothing_where_it_did():
    rng = np.random.default_rng(3)
    photo, first = rng.random((60, 60, 3)), rng.random((60, 60, 3))
    now = first.copy()
    now[25:35, 25:35] += 0.5
    out = blend.carry_residual(now, first, photo - first)
    np.testing.assert_allclose(out[:10], photo[:10], atol=1e-12)
    np.testing.assert_array_equal(out[26:34, 26:34], now[26:34, 26:34])


def test_same_size_is_the_same_picture(picture):
    assert resize(picture, (24, 36)) is picture


def test_half_size_is_the_mean_of_four_in_linear_light(picture):
    linear = srgb.to_linear(picture)
    mean = linear.reshape(12, 2, 18, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(picture, (12, 18)), srgb.to_srgb(mean), atol=3e-4)


@pytest.mark.parametrize("size", [(10, 15), (24, 36), (60, 90)])
def test_resizing_keeps_a_flat_picture_flat(size):
    flat = np.full((24, 36, 3), 0.5, np.float32)
    np.testing.assert_allclose(resize(flat, size), 0.5, atol=2e-4)
    np.testing.assert_allclose(resize_map(flat[..., 0], size), 0.5, atol=1e-6)


def test_an_unmoved_sampler_copies_to_the_bit(picture):
    u, v = np.meshgrid(np.arange(36) + 0.5, np.arange(24) + 0.5)
    np.testing.assert_array_equal(PlateSampler(picture, (24, 36), "cpu")(np.stack([u, v], axis=-1)), picture)


def layer(window, depth, colour, alpha=1.0):
    shape = (window[1] - window[0], window[3] - window[2])
    rgba = np.concatenate([np.full((*shape, 3), colour * alpha), np.full((*shape, 1), alpha)], -1).astype(np.float32)
    return BodyLayer(
        window, rgba, np.zeros(shape, np.float32), np.full(shape, depth, np.float32), np.zeros(shape, np.float32)
    )


def test_nearer_layers_go_over_farther_ones_whatever_their_order():
    near, far = layer((0, 6, 0, 6), 1.0, 0.2, 0.5), layer((3, 9, 3, 9), 2.0, 0.8)
    for pair in ([near, far], [far, near]):
        (merged,) = merge_layers(pair)
        assert merged.window == (0, 9, 0, 9)
        np.testing.assert_allclose(merged.colour[4, 4], [0.5, 0.5, 0.5, 1.0], atol=1e-6)  # .2 * .5 + .5 * .8
        np.testing.assert_allclose(merged.colour[1, 1], [0.1, 0.1, 0.1, 0.5], atol=1e-6)
        np.testing.assert_allclose(merged.colour[8, 8], [0.8, 0.8, 0.8, 1.0], atol=1e-6)


def test_layers_apart_stay_apart():
    assert len(merge_layers([layer((0, 4, 0, 4), 1, 0.5), layer((4, 8, 0, 4), 1, 0.5)])) == 2


@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_sharpness_of_a_blurred_edge_is_read_back(sigma):
    fine = np.zeros((1200, 1200))
    y, x = np.mgrid[:1200, :1200]
    fine[(x + 0.3 * y) % 400 < 200] = 0.8
    photo = gaussian_filter(fine, 8 * sigma).reshape(150, 8, 150, 8).mean(axis=(1, 3))
    measured = PhotoTexture.measure(np.repeat(photo[..., None], 3, 2).astype(np.float32)).blur
    assert measured == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("sigma", [0.004, 0.01])
def test_grain_of_a_flat_wall_is_read_back(sigma):
    noise = np.random.default_rng(4).standard_normal((200, 300)) * sigma
    photo = np.repeat((0.5 + noise)[..., None], 3, 2).astype(np.float32)
    assert PhotoTexture.measure(photo).grain == pytest.approx(sigma, rel=0.15)


def test_grain_has_the_strength_asked_for_and_repeats_with_its_seed():
    tile = grain_tile(PhotoTexture(0.5, 0.006), 1.0, seed=3)
    assert tile.shape == (TILE, TILE, 3) and tile.std() == pytest.approx(0.006, rel=0.02)
    np.testing.assert_array_equal(tile, grain_tile(PhotoTexture(0.5, 0.006), 1.0, seed=3))
