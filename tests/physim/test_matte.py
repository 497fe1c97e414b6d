"""Mattes of synthetic things with known alpha and colour."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from physim.matte import contact_shadow, cut_out, difference_alpha, foreground, soft_alpha
from physim.srgb import to_linear, to_srgb

SIZE = (110, 130)


def blob(sigma=0.6):
    """Alpha of a wavy disc seen with a blur of ``sigma`` [pixels]."""
    v, u = np.mgrid[: SIZE[0] * 4, : SIZE[1] * 4] / 4.0
    angle = np.arctan2(v - 55, u - 64)
    inside = (np.hypot(v - 55, u - 64) < 30 + 3 * np.sin(5 * angle)).astype(float)
    fine = gaussian_filter(inside, 4 * sigma)
    return fine.reshape(SIZE[0], 4, SIZE[1], 4).mean((1, 3))


def texture(seed, base, sigma=3.0, strength=0.5):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(*SIZE, 1)), (sigma, sigma, 0))
    return np.clip(np.array(base) * np.exp(strength * noise / noise.std() * 0.4), 0.0, 1.0)


def scene(sigma=0.6):
    alpha = blob(sigma)[..., None]
    thing, ground = texture(1, (0.7, 0.25, 0.15)), texture(2, (0.15, 0.3, 0.5), sigma=6.0)
    return alpha[..., 0], thing, ground, to_srgb(alpha * thing + (1 - alpha) * ground)


def band(alpha):
    return binary_dilation((alpha > 0.02) & (alpha < 0.98), iterations=2)


def test_a_blob_laid_on_another_ground_is_right_to_30_decibels_at_its_edge():
    alpha, thing, ground, photo = scene()
    cutout = cut_out(photo, alpha > 0.5, to_srgb(ground), shadow=False)
    other = texture(3, (0.5, 0.5, 0.1), sigma=6.0)
    a = np.zeros(SIZE)
    colour = np.zeros((*SIZE, 3))
    (u, v), (h, w) = cutout.corner, cutout.alpha.shape
    a[v : v + h, u : u + w] = cutout.alpha
    colour[v : v + h, u : u + w] = to_linear(cutout.colour)
    ours = to_srgb(a[..., None] * colour + (1 - a[..., None]) * other)
    truth = to_srgb(alpha[..., None] * thing + (1 - alpha[..., None]) * other)
    edge = band(alpha)
    error = ((ours - truth)[edge] ** 2).mean()
    hard = to_srgb(np.where((alpha > 0.5)[..., None], to_linear(photo), other))
    hard_error = ((hard - truth)[edge] ** 2).mean()
    assert -10 * np.log10(error) > 30
    assert error < hard_error / 2


def test_closed_form_alpha_is_near_the_truth_from_a_mask_drawn_a_pixel_wrong():
    alpha, _, _, photo = scene()
    drawn = np.roll(alpha > 0.5, 1, axis=1)
    found = soft_alpha(photo, drawn, inside=3, outside=3)
    assert np.abs(found - alpha).max() < 0.35
    assert np.abs(found - alpha)[band(alpha)].mean() < 0.04
    assert np.abs(found - alpha)[~band(alpha)].max() < 0.02


def test_colour_goes_on_beyond_the_edge():
    alpha, _, ground, photo = scene()
    cutout = cut_out(photo, alpha > 0.5, to_srgb(ground), shadow=False)
    (u, v), (h, w) = cutout.corner, cutout.alpha.shape
    linear = to_linear(cutout.colour)
    outside = binary_dilation(alpha > 0.5, iterations=12)[v : v + h, u : u + w] & (cutout.alpha < 0.01)
    # red thing on blue ground: nothing of the ground's blue may be left
    assert (linear[outside][:, 0] > linear[outside][:, 2]).mean() > 0.99


def test_a_contact_shadow_is_the_ratio_of_photo_and_plate_and_fades_away():
    v, u = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot(v - 55, u - 64) - 30
    alpha = np.clip(0.5 - away, 0, 1)
    dark = 1 - 0.5 * np.exp(-np.clip(away, 0, None) / 4)
    ground = np.full((*SIZE, 3), 0.4)
    photo = np.where(alpha[..., None] > 0, 0.8, ground * dark[..., None])
    ratio = contact_shadow(photo, ground, alpha, 12)
    near = (away > 3) & (away < 7)
    assert np.abs(ratio - dark)[near].max() < 0.03
    assert np.all(ratio[away > 13] == 1.0)
    assert ratio[55, 64] < 0.8  # continued underneath


def test_thin_struts_are_found_by_their_difference():
    sky = np.full((*SIZE, 3), 0.3, dtype=np.float32)
    photo = sky.copy()
    photo[::10] = 0.6
    alpha = difference_alpha(photo, sky, np.ones(SIZE, dtype=np.float32))
    assert (alpha[::10] == 1).all()
    assert alpha[5::10].max() == 0
    faint = difference_alpha(sky + 0.09, sky, np.ones(SIZE, dtype=np.float32))
    assert faint.mean() == pytest.approx(0.5, abs=1e-3)


def test_a_long_shadow_is_carried_as_far_as_it_reaches_and_other_things_do_not_darken_it():
    photo, ground = np.full((120, 200, 3), 0.5, np.float32), np.full((120, 200, 3), 0.5, np.float32)
    mask, other = np.zeros((120, 200), bool), np.zeros((120, 200), bool)
    mask[50:70, 120:140], other[10:40, 90:120] = True, True
    photo[50:70, 90:120] *= 0.2  # its shadow falls 30 pixels to the left
    photo[other] = 0.01
    photo[mask] = (0.8, 0.1, 0.1)
    near = cut_out(to_srgb(photo), mask, to_srgb(ground))
    far = cut_out(to_srgb(photo), mask, to_srgb(ground), reach=30.0, others=other)
    for cutout, known in ((near, 12), (far, 45)):
        assert cutout.reach == known
        u, v = cutout.corner
        row = cutout.shadow[60 - v]
        assert row[117 - u] == pytest.approx(0.2, abs=0.03)
        assert row[95 - u] == pytest.approx(0.2 if known == 45 else 1.0, abs=0.05)
        assert cutout.shadow[60 - v, 155 - u if 155 - u < len(row) else -1] == pytest.approx(1.0, abs=0.02)
    u, v = far.corner
    assert far.shadow[25 - v, 105 - u] > 0.15  # taken from what is beside it, not from the dark thing


def test_the_colour_of_an_edge_is_the_things_own_though_what_is_behind_was_guessed_wrong():
    v, u = np.mgrid[:80, :80] + 0.5
    alpha = np.clip((25 - np.hypot(u - 40, v - 40)) / 6 + 0.5, 0, 1)
    rng = np.random.default_rng(0)
    own = np.clip([0.2, 0.1, 0.05] + 0.02 * rng.normal(size=(80, 80, 1)), 0.01, 1)
    behind = np.full((80, 80, 3), 0.6)
    photo = alpha[..., None] * own + (1 - alpha[..., None]) * behind
    colour = foreground(photo, alpha, np.full((80, 80, 3), 0.3))  # the ground is twice as bright as it was guessed
    rim = (alpha > 0.05) & (alpha < 0.95)
    # within the spread of its own colours, 0.02; unbounded the guess adds up to 0.5 to it
    assert np.abs(colour - own)[rim].max() < 0.15 and np.abs(colour - own)[rim].mean() < 0.05
